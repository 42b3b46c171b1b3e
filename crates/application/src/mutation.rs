//! How every mutation is carried out: once for its `request_id`, in a task that outlives its caller, in one transaction
//! that is tried again when it loses a race, and with the provider called between two transactions, never inside one.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use domain::access::Caller;
use domain::idempotency::{RequestId, RequestKey, RequestProgress, StoredRequest};
use domain::page::PageRequest;
use domain::ports::storage::UnitOfWork;
use domain::provider::Intent;
use domain::seller::Seller;
use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use telemetry::trace;
use tracing::Instrument;

use crate::app::{App, Waiting};
use crate::error::{Error, RETRY_AFTER, Reason};
use crate::leases::LEASE;

/// A mutation that a caller asks for.
#[derive(Debug, Clone)]
pub struct Mutation<C> {
    /// Who asks.
    pub caller: Caller,
    /// On whose behalf.
    pub seller: Arc<Seller>,
    /// The caller's id of the request.
    pub request_id: RequestId,
    /// What is asked.
    pub command: C,
}

/// A change of one thing.
#[derive(Debug, Clone, Serialize)]
pub struct Update<Id, C> {
    /// Which.
    pub id: Id,
    /// The version that the caller has read; any if absent.
    pub etag: Option<String>,
    /// What changes.
    pub changes: C,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct ListQuery<F, Id> {
    /// Whose things.
    pub seller: Arc<Seller>,
    /// Which of them.
    pub filter: F,
    /// Which page.
    pub page: PageRequest<Id>,
}

/// What the transaction of a mutation came to.
pub(crate) enum Step<T> {
    /// All is done.
    Done(T),
    /// A provider has to be called: the intent, already inserted with the lease [`LEASE`].
    Call(Box<Intent>),
}

/// How often a transaction is tried that loses against others.
const ATTEMPTS_MAX: u32 = 8;

impl<Id, C> Update<Id, C> {
    /// Fails if the thing has changed since the caller read it.
    pub(crate) fn expect_etag(&self, current: &str) -> Result<(), Error> {
        match &self.etag {
            Some(etag) if etag != current => Err(Error::Aborted {
                reason: Reason::EtagMismatch,
                message: "the thing has changed since it was read; read it again".to_owned(),
                retry_after: None,
            }),
            _ => Ok(()),
        }
    }
}

impl<C> Mutation<C> {
    pub(crate) fn request_key(&self) -> RequestKey {
        RequestKey { seller_id: self.seller.id.clone(), request_id: self.request_id.clone() }
    }
}

/// What a mutation is about, which is all that its machinery does not know: so that is compiled once, and not for each of them.
trait Work: Send + Sync {
    fn seller(&self) -> &Seller;

    fn request_key(&self) -> RequestKey;

    /// The hash of what is asked, for a request id that comes again.
    fn payload_sha256(&self, operation: &str) -> Result<String, Error>;

    /// Prepares what a transaction rests on; answers what is done in it.
    fn prepare(self: Arc<Self>, app: App) -> BoxFuture<'static, Result<Transaction, Error>>;
}

type Transaction =
    Box<dyn for<'a> FnOnce(&'a App, &'a mut dyn UnitOfWork) -> BoxFuture<'a, Result<Step<Made>, Error>> + Send>;

/// What a mutation made.
struct Made {
    answer: Box<dyn Any + Send>,
    /// The same as it is kept, for whoever asks again.
    kept: Value,
}

/// The answer of a mutation.
enum Answer {
    /// That was made for this caller.
    Made(Box<dyn Any + Send>),
    /// That is kept.
    Kept(Value),
}

impl Answer {
    fn read<T: DeserializeOwned + 'static>(self) -> Result<T, Error> {
        match self {
            Self::Made(answer) => made(answer),
            Self::Kept(answer) => serde_json::from_value(answer).map_err(Error::internal),
        }
    }
}

/// What was made, by the type that it was made as.
fn made<T: 'static>(answer: Box<dyn Any + Send>) -> Result<T, Error> {
    answer.downcast().map(|answer| *answer).map_err(|_| Error::internal("an answer is not what was asked for"))
}

struct TypedWork<C, B, T, P, W> {
    mutation: Mutation<C>,
    prepare: P,
    work: W,
    makes: PhantomData<fn(B) -> T>,
}

impl<C, B, T, P, W> Work for TypedWork<C, B, T, P, W>
where
    C: Serialize + Send + Sync + 'static,
    B: Send + 'static,
    T: Serialize + Send + 'static,
    P: for<'a> Fn(&'a App, &'a Mutation<C>) -> BoxFuture<'a, Result<B, Error>> + Send + Sync + 'static,
    W: for<'a> Fn(&'a App, &'a mut dyn UnitOfWork, &'a Mutation<C>, B) -> BoxFuture<'a, Result<Step<T>, Error>>
        + Send
        + Sync
        + 'static,
{
    fn seller(&self) -> &Seller {
        &self.mutation.seller
    }

    fn request_key(&self) -> RequestKey {
        self.mutation.request_key()
    }

    fn payload_sha256(&self, operation: &str) -> Result<String, Error> {
        payload_sha256(operation, &self.mutation.command)
    }

    fn prepare(self: Arc<Self>, app: App) -> BoxFuture<'static, Result<Transaction, Error>> {
        Box::pin(async move {
            let prepared = (self.prepare)(&app, &self.mutation).await?;
            let transaction: Transaction = Box::new(move |app, uow| {
                Box::pin(async move {
                    Ok(match (self.work)(app, uow, &self.mutation, prepared).await? {
                        Step::Done(answer) => {
                            let kept = serde_json::to_value(&answer).map_err(Error::internal)?;
                            Step::Done(Made { answer: Box::new(answer), kept })
                        }
                        Step::Call(intent) => Step::Call(intent),
                    })
                })
            });
            Ok(transaction)
        })
    }
}

impl App {
    /// Carries a mutation out, see the [module](self).
    pub(crate) fn mutate<C, T, W>(
        &self,
        operation: &'static str,
        mutation: Mutation<C>,
        work: W,
    ) -> impl Future<Output = Result<T, Error>>
    where
        C: Serialize + Send + Sync + 'static,
        T: Serialize + DeserializeOwned + Send + 'static,
        W: for<'a> Fn(&'a App, &'a mut dyn UnitOfWork, &'a Mutation<C>) -> BoxFuture<'a, Result<Step<T>, Error>>
            + Send
            + Sync
            + 'static,
    {
        self.mutate_prepared(
            operation,
            mutation,
            |_, _| Box::pin(async { Ok(()) }),
            move |app, uow, m, ()| work(app, uow, m),
        )
    }

    /// Carries a mutation out whose transaction rests on what is prepared before it, as a tax for which someone else may be
    /// asked: each try prepares anew, so that a transaction that finds it outdated is contended, and tried again.
    pub(crate) async fn mutate_prepared<C, B, T, P, W>(
        &self,
        operation: &'static str,
        mutation: Mutation<C>,
        prepare: P,
        work: W,
    ) -> Result<T, Error>
    where
        C: Serialize + Send + Sync + 'static,
        B: Send + 'static,
        T: Serialize + DeserializeOwned + Send + 'static,
        P: for<'a> Fn(&'a App, &'a Mutation<C>) -> BoxFuture<'a, Result<B, Error>> + Send + Sync + 'static,
        W: for<'a> Fn(&'a App, &'a mut dyn UnitOfWork, &'a Mutation<C>, B) -> BoxFuture<'a, Result<Step<T>, Error>>
            + Send
            + Sync
            + 'static,
    {
        self.carry_out(operation, Arc::new(TypedWork { mutation, prepare, work, makes: PhantomData })).await?.read()
    }

    fn carry_out<'a>(&'a self, operation: &'static str, work: Arc<dyn Work>) -> BoxFuture<'a, Result<Answer, Error>> {
        Box::pin(async move {
            let place = match self.0.places.try_take(work.seller()) {
                Some(place) => place,
                None => {
                    // A retry of what is done keeps nobody waiting, and must not wait.
                    let earlier = self.0.storage.load_request(&work.request_key()).await?;
                    let is_running = match earlier {
                        Some(ended) if ended.progress != RequestProgress::Running => {
                            let payload_sha256 = work.payload_sha256(operation)?;
                            return self.answer_again(operation, &payload_sha256, ended).await.map(Answer::Kept);
                        }
                        earlier => earlier.is_some(),
                    };
                    let place = self.0.places.take(work.seller()).await;
                    place.map_err(|error| if is_running { in_progress() } else { error })?
                }
            };
            let app = self.clone();
            let span = telemetry::span!("use case", otel.name = operation);
            let carried_out = outlive_caller(Box::pin(async move {
                // Kept to the end of the work, also where its caller has gone away.
                let _place = place;
                let request = StoredRequest {
                    key: work.request_key(),
                    operation: operation.to_owned(),
                    payload_sha256: work.payload_sha256(operation)?,
                    progress: RequestProgress::Running,
                    created_at: app.now(),
                };
                until_uncontended(|| async {
                    let transaction = Arc::clone(&work).prepare(app.clone()).await?;
                    app.attempt(&request, transaction).await
                })
                .await
            }));
            carried_out.instrument(span).await
        })
    }

    /// Carries a mutation out that looks at things before its transaction. A request that was asked before gets its answer; one
    /// that is not answered yet is gone on with where nobody works on it, in a place as any other.
    pub(crate) async fn once<C, T, F>(
        &self,
        operation: &'static str,
        mutation: Mutation<C>,
        carry_out: impl FnOnce(Mutation<C>) -> F,
    ) -> Result<T, Error>
    where
        C: Serialize,
        T: DeserializeOwned + 'static,
        F: Future<Output = Result<T, Error>>,
    {
        let (key, seller) = (mutation.request_key(), Arc::clone(&mutation.seller));
        let payload_sha256 = payload_sha256(operation, &mutation.command)?;
        let earlier = match self.0.storage.load_request(&key).await? {
            Some(earlier) => earlier,
            None => match carry_out(mutation).await {
                // It may be refused for what the same request, asked twice at once, has done meanwhile.
                Err(refused) if refused.may_be_of_a_double() => match self.0.storage.load_request(&key).await {
                    Ok(Some(meanwhile)) => meanwhile,
                    Ok(None) | Err(_) => return Err(refused),
                },
                carried_out => return carried_out,
            },
        };
        Answer::Kept(self.kept_answer(operation, payload_sha256, earlier, seller).await?).read()
    }

    fn kept_answer<'a>(
        &'a self,
        operation: &'static str,
        payload_sha256: String,
        earlier: StoredRequest,
        seller: Arc<Seller>,
    ) -> BoxFuture<'a, Result<Value, Error>> {
        Box::pin(async move {
            if earlier.progress != RequestProgress::Running {
                return self.answer_again(operation, &payload_sha256, earlier).await;
            }
            let place = self.0.places.take(&seller).await.map_err(|_| in_progress())?;
            let app = self.clone();
            outlive_caller(Box::pin(async move {
                let _place = place;
                app.answer_again(operation, &payload_sha256, earlier).await
            }))
            .await
        })
    }

    async fn attempt(&self, request: &StoredRequest, transaction: Transaction) -> Result<Answer, Error> {
        let turn = self.0.places.take_turn().await?;
        let mut uow = self.0.storage.begin().await?;
        let claimed = match uow.claim_request(request).await {
            Ok(claimed) => claimed,
            Err(error) => {
                uow.rollback().await;
                return Err(error.into());
            }
        };
        if let Some(earlier) = claimed {
            uow.rollback().await;
            drop(turn);
            return self.answer_again(&request.operation, &request.payload_sha256, earlier).await.map(Answer::Kept);
        }
        let step = match self.work_and_note(uow.as_mut(), request, transaction).await {
            Ok(step) => step,
            Err(error) => {
                uow.rollback().await;
                return Err(error);
            }
        };
        uow.commit().await?;
        // A call that waits for the provider holds none.
        drop(turn);
        self.0.call_work.notify_one();
        match step {
            Step::Done(answer) => Ok(Answer::Made(answer)),
            Step::Call(intent) => kept(self.concluded(*intent).await?).map(Answer::Kept),
        }
    }

    /// Makes the call of a request that is stored, and concludes it. Where that loses against others, something was done.
    async fn concluded(&self, intent: Intent) -> Result<Option<RequestProgress>, Error> {
        let concluded = self.call_and_conclude(intent, Waiting::Caller).await;
        concluded.map_err(|error| if error.is_contended() { in_progress() } else { error })
    }

    async fn work_and_note(
        &self,
        uow: &mut dyn UnitOfWork,
        request: &StoredRequest,
        transaction: Transaction,
    ) -> Result<Step<Box<dyn Any + Send>>, Error> {
        Ok(match transaction(self, uow).await? {
            Step::Done(Made { answer, kept }) => {
                uow.update_request(&request.key, &RequestProgress::Done { answer: kept }).await?;
                Step::Done(answer)
            }
            Step::Call(intent) => Step::Call(intent),
        })
    }

    /// Answers a request that was asked before.
    async fn answer_again(
        &self,
        operation: &str,
        payload_sha256: &str,
        earlier: StoredRequest,
    ) -> Result<Value, Error> {
        if earlier.operation != operation || earlier.payload_sha256 != payload_sha256 {
            return Err(Error::AlreadyExists {
                reason: Reason::RequestIdReused,
                message: format!("request_id {} was used for another request", earlier.key.request_id.as_str()),
                existing: None,
            });
        }
        if earlier.progress != RequestProgress::Running {
            return kept(Some(earlier.progress));
        }
        let mut put_off_for = None;
        // Whoever was working on it may have died: then its lease has run out, and this caller goes on with it.
        if let Some(intent) = self.0.storage.load_intent_of_request(&earlier.key).await? {
            let turn = self.0.places.take_turn().await.map_err(|_| in_progress())?;
            let mut uow = self.0.storage.begin().await?;
            let leased = uow.lease_intent(intent.id, LEASE).await?;
            uow.commit().await?;
            drop(turn);
            match leased {
                Some(intent) => return kept(self.concluded(intent).await?),
                None => put_off_for = self.0.storage.intent_put_off_for(intent.id).await?,
            }
        }
        let answer = kept(self.0.storage.load_request(&earlier.key).await?.map(|request| request.progress));
        // Nothing is sent before, however often it is asked again.
        answer.map_err(|error| match put_off_for {
            Some(wait) => error.retry_in(wait),
            None => error,
        })
    }

    /// Runs a transaction that commits what came of a call, with retries: in its turn where the call is a caller's, or those
    /// whose calls end at once would keep out what must not wait.
    pub(crate) async fn transact_for<T, W>(&self, waiting: Waiting, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a App, &'a mut dyn UnitOfWork) -> BoxFuture<'a, Result<T, Error>> + Send + Sync + 'static,
    {
        let _turn = match waiting {
            Waiting::Caller => Some(self.0.places.wait_for_turn().await?),
            Waiting::Worker => None,
        };
        self.transact(work).await
    }

    /// Runs a transaction of the system's own, outside of any request, with retries.
    pub(crate) async fn transact<T, W>(&self, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a App, &'a mut dyn UnitOfWork) -> BoxFuture<'a, Result<T, Error>> + Send + Sync + 'static,
    {
        let work = Arc::new(work);
        let answer = self.transact_boxed(Box::new(move |app, uow| {
            let work = Arc::clone(&work);
            Box::pin(async move { work(app, uow).await.map(|answer| Box::new(answer) as Box<dyn Any + Send>) })
        }));
        made(answer.await?)
    }

    fn transact_boxed(&self, work: OwnTransaction) -> BoxFuture<'static, Result<Box<dyn Any + Send>, Error>> {
        let app = self.clone();
        Box::pin(outlive_caller(Box::pin(async move {
            until_uncontended(|| async {
                let mut uow = app.0.storage.begin().await?;
                match work(&app, uow.as_mut()).await {
                    Ok(value) => uow.commit().await.map(|()| value).map_err(Error::from),
                    Err(error) => {
                        uow.rollback().await;
                        Err(error)
                    }
                }
            })
            .await
        })))
    }
}

/// Does something again that lost against others, but not for ever.
pub(crate) async fn until_uncontended<T, F>(attempt: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut attempts = 0;
    loop {
        attempts += 1;
        match attempt().await {
            Err(error) if error.is_contended() && attempts < ATTEMPTS_MAX => back_off(attempts).await,
            other => return other,
        }
    }
}

/// A transaction of the system's own, which may be tried several times.
type OwnTransaction = Box<
    dyn for<'a> Fn(&'a App, &'a mut dyn UnitOfWork) -> BoxFuture<'a, Result<Box<dyn Any + Send>, Error>> + Send + Sync,
>;

/// The answer that is kept of a request.
fn kept(progress: Option<RequestProgress>) -> Result<Value, Error> {
    match progress {
        Some(RequestProgress::Done { answer }) => Ok(answer),
        Some(RequestProgress::Refused { refusal }) => Err(Error::from_refusal(refusal)),
        Some(RequestProgress::Running) | None => Err(in_progress()),
    }
}

/// What a caller is told of a request that is stored and has no answer yet.
fn in_progress() -> Error {
    Error::Aborted {
        reason: Reason::RequestInProgress,
        message: "the same request is being worked on; retry to get its answer".to_owned(),
        retry_after: Some(RETRY_AFTER),
    }
}

/// Runs work in a task of its own: a caller who goes away does not stop it half-way.
pub(crate) async fn outlive_caller<T: Send + 'static>(work: BoxFuture<'static, Result<T, Error>>) -> Result<T, Error> {
    match tokio::spawn(trace::carried(work)).await {
        Ok(result) => result,
        Err(panicked) => Err(Error::internal(panicked)),
    }
}

/// Waits a little longer each time; the spread of the schedulers is jitter enough for rows in one database.
async fn back_off(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(5 << attempt.min(6))).await;
}

fn payload_sha256(operation: &str, command: &impl Serialize) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    hasher.update(operation.as_bytes());
    hasher.update([0]);
    hasher.update(serde_json::to_vec(command).map_err(Error::internal)?);
    Ok(hex::encode(hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use domain::access::Scope;
    use domain::catalog::{NewProduct, Product};
    use domain::ports::provider::{HostedPage, MockPaymentProvider};
    use domain::ports::storage::{MockStorage, MockUnitOfWork, StorageError};
    use domain::provider::{ProviderAction, ProviderRef};
    use domain::text::DisplayName;

    use super::*;
    use crate::mocked::{self, north};

    /// Asks for a product over a store in which so many transactions lose against others before one goes through; answers
    /// how many were begun as well.
    async fn ask(lost_races: u32) -> (Result<Product, Error>, u32) {
        let begun = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counted = Arc::clone(&begun);
        let mut storage = MockStorage::new();
        storage.expect_begin().returning(move || {
            let nth = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut uow = MockUnitOfWork::new();
            if nth < lost_races {
                uow.expect_claim_request().returning(|_| Err(StorageError::Contended("a deadlock".into())));
                uow.expect_rollback().once().returning(|| ());
            } else {
                uow.expect_claim_request().returning(|_| Ok(None));
                uow.expect_insert_product().once().returning(|_| Ok(()));
                uow.expect_append_event().once().returning(|_| Ok(()));
                uow.expect_update_request().once().returning(|_, _| Ok(()));
                uow.expect_commit().once().returning(|| Ok(()));
            }
            Ok(Box::new(uow))
        });
        let app = mocked::app(storage, MockPaymentProvider::new());
        let mutation = Mutation {
            caller: Caller { key: None, scope: Scope::Write, sellers: [north()].into() },
            seller: Arc::new(mocked::seller("acquirer".parse().unwrap())),
            request_id: RequestId::parse("r-1").unwrap(),
            command: NewProduct {
                name: DisplayName::parse("Cup").unwrap(),
                description: None,
                tax_code: None,
                metadata: domain::metadata::Metadata::default(),
            },
        };
        (app.create_product(mutation).await, begun.load(std::sync::atomic::Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn a_transaction_that_loses_a_race_is_tried_again_a_bounded_number_of_times() {
        for lost_races in [0, 1, ATTEMPTS_MAX - 1] {
            let (made, begun) = ask(lost_races).await;
            assert_eq!((made.unwrap().name.as_str(), begun), ("Cup", lost_races + 1));
        }
        let (refused, begun) = ask(ATTEMPTS_MAX).await;
        assert!(matches!(refused, Err(Error::Aborted { retry_after: Some(_), .. })), "{refused:?}");
        assert_eq!(begun, ATTEMPTS_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_was_made_is_never_told_as_a_lost_race() {
        let mut storage = MockStorage::new();
        storage.expect_load_payment_link().returning(|_| Ok(Some(mocked::link(0))));
        storage.expect_begin().returning(|| {
            let mut uow = MockUnitOfWork::new();
            uow.expect_load_payment_link().returning(|_| Err(StorageError::Contended("a deadlock".into())));
            uow.expect_rollback().once().returning(|| ());
            Ok(Box::new(uow))
        });
        let mut provider = MockPaymentProvider::new();
        let page = HostedPage { provider_ref: ProviderRef("link_1".into()), url: "https://pay.example".into() };
        provider.expect_create_payment_link().once().return_once(|_, _| Ok(page));
        let app = mocked::app(storage, provider);
        let action = ProviderAction::CreatePaymentLink { payment_link_id: mocked::link(0).id };
        let told = app.concluded(mocked::intent(action)).await;
        assert!(matches!(told, Err(Error::Aborted { reason: Reason::RequestInProgress, .. })), "{told:?}");
    }

    /// What is told to who asks at once with another, whose answer comes while this one is refused as told.
    async fn told_beside_another(refused: Error, is_asked_twice: bool) -> Result<String, Error> {
        let mutation = Mutation {
            caller: Caller { key: None, scope: Scope::Write, sellers: [north()].into() },
            seller: Arc::new(mocked::seller("acquirer".parse().unwrap())),
            request_id: RequestId::parse("r-1").unwrap(),
            command: "finalize",
        };
        let answered = StoredRequest {
            key: mutation.request_key(),
            operation: "FinalizeInvoice".to_owned(),
            payload_sha256: payload_sha256("FinalizeInvoice", &mutation.command).unwrap(),
            progress: RequestProgress::Done { answer: "INV-1".into() },
            created_at: mocked::NOW,
        };
        let mut found = vec![is_asked_twice.then_some(answered), None];
        let mut storage = MockStorage::new();
        storage.expect_load_request().returning(move |_| Ok(found.pop().unwrap()));
        let app = mocked::app(storage, MockPaymentProvider::new());
        app.once("FinalizeInvoice", mutation, |_| async { Err::<String, _>(refused) }).await
    }

    #[tokio::test]
    async fn what_is_refused_for_what_the_same_request_has_done_gets_its_answer() {
        let not_a_draft = || Error::precondition(Reason::InvoiceState, "the invoice is open, not a draft");
        assert_eq!(told_beside_another(not_a_draft(), true).await.unwrap(), "INV-1");
        let refused = told_beside_another(not_a_draft(), false).await;
        assert!(matches!(refused, Err(Error::FailedPrecondition { .. })), "{refused:?}");
    }
}
