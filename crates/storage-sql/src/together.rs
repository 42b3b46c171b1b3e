//! Questions that come together are answered together: those that arrive while an answer is on its way wait for the next one,
//! and the same question is asked once for all who ask it.
//!
//! No answer is older than its question: a question is only ever answered by what is asked of the database after it came. So a
//! caller reads what it has written, and a key that is revoked opens nothing from then on, as if each asked by itself.
//!
//! Who comes alone asks by itself, with no other task to wake. Where it goes away, or has its answer while others wait, a task
//! goes on with what it began. One that takes long does not keep the next waiting: after [`HAND_OVER`] they are asked beside it,
//! by so many at the most as [`Ask::AT_ONCE`] says. Each question is told as it is answered, and fails by itself.

use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::ports::storage::StorageError;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

/// For how long an answer may keep the next questions waiting. Most take far less; one that takes more waits for a disk, a
/// connection or a network.
const HAND_OVER: Duration = Duration::from_millis(5);
/// How many questions are asked at once at the most.
const BATCH_MAX: usize = 256;

/// Asks the database.
pub(crate) trait Ask: Send + Sync + 'static {
    type Question: Clone + Eq + Hash + Send + Sync;
    type Answer: Clone + Send;

    /// How many may ask at once, where one of them takes long.
    const AT_ONCE: usize;

    /// Answers each question by its index, in any order. What is not told has failed.
    fn ask(
        &self,
        questions: &[Self::Question],
        tell: impl FnMut(usize, Result<Self::Answer, StorageError>) + Send,
    ) -> impl Future<Output = ()> + Send;
}

type Told<A> = Result<<A as Ask>::Answer, Arc<StorageError>>;
type Senders<A> = Vec<oneshot::Sender<Told<A>>>;

/// Where questions meet.
pub(crate) struct Together<A: Ask> {
    state: Mutex<State<A>>,
    /// Tells the one who leads that someone waits for the next answer.
    someone_waits: Notify,
    asker: A,
    runtime: Handle,
}

struct State<A: Ask> {
    waiting: HashMap<A::Question, Waiting<A>>,
    /// How many questions have come.
    come: u64,
    /// Whether someone asks what waits here next.
    is_led: bool,
    /// How many ask, the one who leads and those who were overtaken.
    asking: usize,
}

/// Who waits for the answer to a question.
struct Waiting<A: Ask> {
    /// How many questions had come before.
    since: u64,
    senders: Senders<A>,
}

impl<A: Ask> Together<A> {
    pub(crate) fn new(runtime: Handle, asker: A) -> Arc<Self> {
        let state = State { waiting: HashMap::new(), come: 0, is_led: false, asking: 0 };
        Arc::new(Self { state: Mutex::new(state), someone_waits: Notify::new(), asker, runtime })
    }

    /// The answer to a question, asked after now. Others may wait for what this asks: it must be driven on, or dropped.
    ///
    /// # Errors
    /// That of asking it, the same for all who asked it together.
    pub(crate) async fn answer(self: &Arc<Self>, question: A::Question) -> Result<A::Answer, StorageError> {
        let (sender, told) = oneshot::channel();
        let lead = {
            let mut state = self.lock();
            state.add(question, sender);
            if state.is_led {
                self.someone_waits.notify_one();
                None
            } else {
                self.lead_on(&mut state)
            }
        };
        let told = match lead {
            Some(lead) => Driven { future: Some(lead), runtime: &self.runtime }.until(told).await,
            None => told.await,
        };
        match told {
            Ok(told) => told.map_err(|error| of_all(&error)),
            Err(gone) => Err(crate::errors::defect(gone)),
        }
    }

    /// Who asks what waits, unless so many do that one of them takes it up once it is done.
    fn lead_on(self: &Arc<Self>, state: &mut State<A>) -> Option<BoxFuture<'static, ()>> {
        state.is_led = !state.waiting.is_empty() && state.asking < A::AT_ONCE;
        if !state.is_led {
            return None;
        }
        state.asking += 1;
        let together = Arc::clone(self);
        Some(Box::pin(async move {
            // Made here, so that one that never began, as on a runtime that ends, leaves the state to its holder.
            let lead = Lead { together, leads: true };
            // Whoever waits for what panicked is told that nobody answers, also where its own task drives this.
            let _ = AssertUnwindSafe(lead.lead()).catch_unwind().await;
        }))
    }

    /// Has a task ask what waits.
    fn begin(self: &Arc<Self>, state: &mut State<A>) {
        if let Some(lead) = self.lead_on(state) {
            self.runtime.spawn(lead);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A future that its holder drives, and a task once its holder does no more.
struct Driven<'a> {
    future: Option<BoxFuture<'static, ()>>,
    runtime: &'a Handle,
}

impl Driven<'_> {
    /// Drives it until something else is there.
    async fn until<T>(mut self, other: impl Future<Output = T>) -> T {
        let mut other = pin!(other);
        poll_fn(|context| {
            if self.future.as_mut().is_some_and(|future| future.as_mut().poll(context).is_ready()) {
                self.future = None;
            }
            other.as_mut().poll(context)
        })
        .await
    }
}

impl Drop for Driven<'_> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            self.runtime.spawn(future);
        }
    }
}

impl<A: Ask> State<A> {
    fn add(&mut self, question: A::Question, sender: oneshot::Sender<Told<A>>) {
        let since = self.come;
        self.come += 1;
        self.waiting.entry(question).or_insert_with(|| Waiting { since, senders: Vec::new() }).senders.push(sender);
    }

    /// What is to be asked next, without what nobody waits for any more: what has waited longest, or some would wait for as long as
    /// others come.
    fn take(&mut self) -> (Vec<A::Question>, Vec<Senders<A>>) {
        self.drop_deserted();
        let with_senders = |(question, waiting): (_, Waiting<A>)| (question, waiting.senders);
        if self.waiting.len() <= BATCH_MAX {
            return std::mem::take(&mut self.waiting).into_iter().map(with_senders).unzip();
        }
        let mut since: Vec<u64> = self.waiting.values().map(|waiting| waiting.since).collect();
        let (_, first_left, _) = since.select_nth_unstable(BATCH_MAX);
        self.waiting.extract_if(|_, waiting| waiting.since < *first_left).map(with_senders).unzip()
    }

    fn drop_deserted(&mut self) {
        self.waiting.retain(|_, waiting| {
            waiting.senders.retain(|sender| !sender.is_closed());
            !waiting.senders.is_empty()
        });
    }
}

/// One who asks, and perhaps leads; it ends in order however its holder ends.
struct Lead<A: Ask> {
    together: Arc<Together<A>>,
    leads: bool,
}

impl<A: Ask> Lead<A> {
    /// Asks what waits, for as long as there is any.
    async fn lead(mut self) {
        let together = Arc::clone(&self.together);
        loop {
            let (questions, mut askers, is_alone) = {
                let mut state = together.lock();
                let (questions, askers) = state.take();
                if questions.is_empty() {
                    state.is_led = false;
                    self.leads = false;
                    return;
                }
                (questions, askers, state.waiting.is_empty())
            };
            let began = Instant::now();
            let tell = |index: usize, answer: Result<A::Answer, StorageError>| {
                let answer = answer.map_err(Arc::new);
                for sender in askers.get_mut(index).map(std::mem::take).unwrap_or_default() {
                    // Whoever went away needs no answer.
                    let _ = sender.send(answer.clone());
                }
            };
            {
                let mut asking = pin!(together.asker.ask(&questions, tell));
                let someone_waits = async {
                    if is_alone {
                        together.someone_waits.notified().await;
                    }
                };
                // Who is alone sets no timer: one that ends before all others wakes the thread that waits for timers.
                let is_answered = tokio::select! {
                    biased;
                    () = &mut asking => true,
                    () = someone_waits => timeout_at(began + HAND_OVER, &mut asking).await.is_ok(),
                };
                if !is_answered {
                    self.hand_over();
                    asking.await;
                }
            }
            if !self.take_again() {
                return;
            }
        }
    }

    /// Leaves what waits and what is still to come to someone else.
    fn hand_over(&mut self) {
        self.leads = false;
        let mut state = self.together.lock();
        self.together.begin(&mut state);
    }

    /// Whether it leads still, or leads again since nobody else does and some wait.
    fn take_again(&mut self) -> bool {
        let mut state = self.together.lock();
        if !self.leads && !state.is_led && !state.waiting.is_empty() {
            state.is_led = true;
            self.leads = true;
        }
        self.leads
    }
}

impl<A: Ask> Drop for Lead<A> {
    fn drop(&mut self) {
        let mut state = self.together.lock();
        state.asking -= 1;
        if self.leads || !state.is_led {
            // Who came meanwhile, or was left over where asking panicked, is asked for by the next.
            self.together.begin(&mut state);
        }
    }
}

/// An error that several get: what it came from, in words.
pub(crate) fn of_all(error: &Arc<StorageError>) -> StorageError {
    let source = match std::error::Error::source(&**error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    };
    match **error {
        StorageError::Unavailable(_) => StorageError::Unavailable(source.into()),
        StorageError::Contended(_) => StorageError::Contended(source.into()),
        _ => StorageError::Defect(source.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Semaphore;
    use tokio::task::JoinHandle;

    use super::*;

    /// Answers with how often it was asked before, once it is let.
    #[derive(Clone)]
    struct Counting {
        asked: Arc<AtomicU32>,
        questions: Arc<Mutex<Vec<Vec<u32>>>>,
        let_go: Arc<Semaphore>,
    }

    impl Ask for Counting {
        type Question = u32;
        type Answer = (u32, u32);
        const AT_ONCE: usize = 2;

        async fn ask(&self, questions: &[u32], mut tell: impl FnMut(usize, Result<(u32, u32), StorageError>) + Send) {
            let mut sorted = questions.to_vec();
            sorted.sort_unstable();
            self.questions.lock().unwrap().push(sorted);
            let before = self.asked.fetch_add(1, Ordering::SeqCst);
            self.let_go.acquire().await.unwrap().forget();
            assert!(!questions.contains(&777), "it panics");
            for (index, question) in questions.iter().enumerate() {
                let is_away = *question == 666;
                tell(
                    index,
                    if is_away { Err(StorageError::Unavailable("away".into())) } else { Ok((*question, before)) },
                );
            }
        }
    }

    fn counting() -> (Counting, Arc<Together<Counting>>) {
        let counting =
            Counting { asked: Arc::default(), questions: Arc::default(), let_go: Arc::new(Semaphore::new(0)) };
        let asker = counting.clone();
        (counting, Together::new(Handle::current(), asker))
    }

    /// Asks in a task of its own.
    fn ask(together: &Arc<Together<Counting>>, question: u32) -> JoinHandle<Result<(u32, u32), StorageError>> {
        let together = Arc::clone(together);
        tokio::spawn(async move { together.answer(question).await })
    }

    async fn asked(counting: &Counting, times: u32) {
        while counting.asked.load(Ordering::SeqCst) < times {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_while_an_answer_is_on_its_way_is_asked_after_it_and_once() {
        let (counting, together) = counting();
        let first = ask(&together, 1);
        asked(&counting, 1).await;
        // The same question as the one that is being answered: that answer may be older than what was written since.
        let later = [1, 1, 2].map(|question| ask(&together, question));
        tokio::task::yield_now().await;
        counting.let_go.add_permits(2);
        assert_eq!(first.await.unwrap().unwrap(), (1, 0));
        for (later, question) in later.into_iter().zip([1, 1, 2]) {
            assert_eq!(later.await.unwrap().unwrap(), (question, 1));
        }
        assert_eq!(*counting.questions.lock().unwrap(), [vec![1], vec![1, 2]]);
    }

    #[tokio::test(start_paused = true)]
    async fn where_more_wait_than_are_asked_at_once_those_come_first_who_came_first() {
        const LAST: u32 = 600;
        let (counting, together) = counting();
        let mut all = vec![ask(&together, 0)];
        asked(&counting, 1).await;
        for question in 1..=LAST {
            all.push(ask(&together, question));
            tokio::task::yield_now().await;
        }
        // Who asks the same comes no later for it.
        all.push(ask(&together, 1));
        tokio::task::yield_now().await;
        counting.let_go.add_permits(4);
        for asked in all {
            asked.await.unwrap().unwrap();
        }
        let batches = counting.questions.lock().unwrap();
        let expected: [Vec<u32>; 4] = [vec![0], (1..=256).collect(), (257..=512).collect(), (513..=LAST).collect()];
        assert_eq!(*batches, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_left_over_overtakes_though_nobody_comes_any_more() {
        let (counting, together) = counting();
        let mut all = vec![ask(&together, 0)];
        asked(&counting, 1).await;
        all.extend((1..=600).map(|question| ask(&together, question)));
        while together.lock().waiting.len() < 600 {
            tokio::task::yield_now().await;
        }
        for batch in 1..=2 {
            counting.let_go.add_permits(1);
            asked(&counting, batch + 1).await;
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(HAND_OVER * 2).await;
        assert_eq!(counting.asked.load(Ordering::SeqCst), 4, "the rest is asked beside what takes long");
        counting.let_go.add_permits(2);
        for asked in all {
            asked.await.unwrap().unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_for_the_others_may_go_away() {
        let (counting, together) = counting();
        let first = ask(&together, 1);
        asked(&counting, 1).await;
        let later = [2, 3].map(|question| ask(&together, question));
        tokio::task::yield_now().await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        counting.let_go.add_permits(2);
        for (later, question) in later.into_iter().zip([2, 3]) {
            assert_eq!(later.await.unwrap().unwrap(), (question, 1));
        }
        assert_eq!(*counting.questions.lock().unwrap(), [vec![1], vec![2, 3]]);
    }

    #[test]
    fn a_runtime_ends_whoever_asks_and_waits() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        let (_counting, together) = runtime.block_on(async {
            let (counting, together) = counting();
            ask(&together, 1);
            asked(&counting, 1).await;
            ask(&together, 2);
            asked(&counting, 2).await;
            // As many ask as may.
            ask(&together, 3);
            while together.lock().waiting.is_empty() {
                tokio::task::yield_now().await;
            }
            (counting, together)
        });
        let (sender, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            drop(runtime);
            sender.send(()).unwrap();
        });
        ended.recv_timeout(Duration::from_secs(20)).unwrap();
        drop(together);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_takes_long_keeps_nobody_waiting() {
        let (counting, together) = counting();
        let slow = ask(&together, 1);
        asked(&counting, 1).await;
        let next = ask(&together, 2);
        // Time passes by itself until the second is asked beside the first.
        tokio::time::sleep(HAND_OVER * 2).await;
        assert_eq!(*counting.questions.lock().unwrap(), [vec![1], vec![2]]);
        counting.let_go.add_permits(2);
        assert_eq!(next.await.unwrap().unwrap().0, 2);
        assert_eq!(slow.await.unwrap().unwrap().0, 1);
        // And it goes on as before.
        counting.let_go.add_permits(1);
        assert_eq!(together.answer(3).await.unwrap().0, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_as_may_ask_at_once_and_whoever_is_done_first_goes_on() {
        let (counting, together) = counting();
        let mut all = Vec::new();
        for question in 1..=4 {
            all.push(ask(&together, question));
            tokio::time::sleep(HAND_OVER * 2).await;
        }
        // Two take long, and the others wait for one of them, together; who went away is not asked for.
        all.push(ask(&together, 5));
        tokio::task::yield_now().await;
        all.pop().unwrap().abort();
        assert_eq!(*counting.questions.lock().unwrap(), [vec![1], vec![2]]);
        counting.let_go.add_permits(3);
        for (answer, question) in all.into_iter().zip(1..) {
            assert_eq!(answer.await.unwrap().unwrap().0, question);
        }
        assert_eq!(*counting.questions.lock().unwrap(), [vec![1], vec![2], vec![3, 4]]);
        tokio::task::yield_now().await;
        let state = together.lock();
        assert_eq!((state.asking, state.is_led), (0, false));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_told_to_who_asked_and_the_next_are_asked_again() {
        let (counting, together) = counting();
        let before = ask(&together, 1);
        asked(&counting, 1).await;
        let (failed, beside) = (ask(&together, 666), ask(&together, 3));
        tokio::task::yield_now().await;
        counting.let_go.add_permits(9);
        assert!(before.await.unwrap().is_ok() && beside.await.unwrap().is_ok());
        assert!(matches!(failed.await.unwrap(), Err(StorageError::Unavailable(_))));
        assert_eq!(*counting.questions.lock().unwrap(), [vec![1], vec![3, 666]]);
        // A panic is a defect, and ends nothing.
        assert!(matches!(together.answer(777).await, Err(StorageError::Defect(_))));
        assert_eq!(together.answer(4).await.unwrap().0, 4);
        // Nobody asks: then the one who asks ends, and another begins.
        tokio::task::yield_now().await;
        assert!(!together.lock().is_led);
        assert_eq!(together.answer(5).await.unwrap().0, 5);
    }
}
