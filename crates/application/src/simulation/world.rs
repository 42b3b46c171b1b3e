//! The world of a history: a store, a provider, two replicas, and those who ask and pay.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::idempotency::RequestId;
use domain::ports::documents::MockInvoiceRenderer;
use domain::ports::tax::{MockTaxRegistrationRules, TaxCalculator, TaxError};
use domain::provider::{CheckoutProgress, Notification, ProviderRef};
use domain::refund::RefundProgress;
use domain::seller::Seller;
use domain::tax::{AppliedRate, Percentage, RatedLine, TaxCalculation, TaxRequest, compute};
use domain::text::DisplayName;
use domain::timestamp::Timestamp;
use port_simulator::{
    Acquirer, Chaos, Contents, Faults, LedgerSession, Process, SeededIds, SimulatedClock, SimulatedStorage,
};
use tokio::task::JoinSet;

use super::books;
use super::callers::{Command, part, pick};
use super::history::{Action, History, Step};
use crate::app::{App, AppParts};
use crate::mocked;
use crate::{AccessPolicy, Error, Reason, Worker};

/// When every history begins.
pub(super) const BEGINNING: Timestamp = Timestamp::from_unix_seconds(1_795_521_600);
/// How long a caller waits for an answer: a replica may have died on it.
const CALLER_PATIENCE: Duration = Duration::from_secs(30);
/// How often a caller asks before it goes away.
const ASKED_MAX: u32 = 4;
/// Longer than any lease, rest or late call.
const REST: Duration = Duration::from_secs(400);
/// How many rests it may take until nothing is left to do.
const RESTS_MAX: u32 = 40;

/// A replica, until it is killed.
#[derive(Clone)]
pub(super) struct Replica {
    pub(super) process: Process,
    pub(super) app: App,
    /// A worker does one round at a time.
    is_working: Arc<AtomicBool>,
    is_reading_back: Arc<AtomicBool>,
}

/// A request, and what was answered to it.
pub(super) struct Asked {
    pub(super) request_id: RequestId,
    pub(super) command: Command,
    pub(super) answers: Vec<String>,
}

struct World {
    chaos: Chaos,
    storage: SimulatedStorage,
    acquirer: Acquirer,
    clock: SimulatedClock,
    ids: SeededIds,
    seller: Arc<Seller>,
    replicas: Mutex<[Replica; 2]>,
    asked: Mutex<Vec<Asked>>,
    defects: Mutex<Vec<String>>,
    /// Which notifications have come in, at least once.
    delivered: Mutex<BTreeSet<String>>,
    lost_deliveries: u64,
}

/// A quarter of everything, at once.
struct FlatTax;

#[async_trait]
impl TaxCalculator for FlatTax {
    async fn calculate(&self, request: &TaxRequest) -> Result<TaxCalculation, TaxError> {
        let rate = AppliedRate {
            tax_rate_id: None,
            display_name: DisplayName::parse("Moms").unwrap(),
            percentage: Percentage::parse(25.into()).unwrap(),
            jurisdiction: None,
            source: None,
            since: None,
        };
        let lines: Vec<_> = request
            .lines
            .iter()
            .map(|line| RatedLine::manual(line.amount, line.behavior, vec![rate.clone()]))
            .collect();
        compute(request.currency, request.rounding, &lines).map_err(|error| TaxError::Failed(error.to_string()))
    }
}

/// Plays a history to its end; what is wrong with its books then.
pub(super) async fn live_through(history: &History) -> Result<(), String> {
    play(history, false).await.map(|_| ())
}

/// The same; all that is in the store at the end, in words.
pub(super) async fn end_of(history: &History) -> Result<String, String> {
    play(history, true).await
}

async fn play(history: &History, is_told: bool) -> Result<String, String> {
    let world = Arc::new(World::new(history));
    // What a server does when it starts.
    world.read_back(0).await;
    world.chaos.set(history.faults);
    let mut callers = JoinSet::new();
    for step in &history.steps {
        tokio::time::sleep(Duration::from_millis(step.pause_ms)).await;
        world.begin(*step, &mut callers).await;
    }
    callers.join_all().await;
    world.chaos.set(Faults::default());
    world.calm_down().await?;
    world.ask_all_again().await?;
    world.calm_down().await?;
    let defects = std::mem::take(&mut *world.defects.lock().unwrap());
    if let Some(defect) = defects.first() {
        return Err(defect.clone());
    }
    let asked = world.asked.lock().unwrap();
    world.storage.look(|contents| {
        books::check(contents, &world.acquirer, &asked)?;
        Ok(if is_told { format!("{contents:?}") } else { String::new() })
    })
}

impl World {
    fn new(history: &History) -> Self {
        let chaos = Chaos::new(history.seed);
        let clock = SimulatedClock::starting_at(BEGINNING);
        let ids = SeededIds::new(chaos.clone(), clock);
        let acquirer = if history.is_mute { Acquirer::mute(clock, &chaos) } else { Acquirer::new(clock, &chaos) };
        // The world's own handle, which no fault reaches.
        let storage = SimulatedStorage::new(&Process::default(), &chaos);
        let seller = mocked::seller("acquirer".parse().unwrap());
        let start = || start_replica((&storage, &acquirer), (clock, &ids), &seller);
        Self {
            replicas: Mutex::new([start(), start()]),
            seller: Arc::new(seller),
            chaos,
            storage,
            acquirer,
            clock,
            ids,
            asked: Mutex::default(),
            defects: Mutex::default(),
            delivered: Mutex::default(),
            lost_deliveries: history.lost_deliveries,
        }
    }

    fn replica(&self, index: usize) -> Replica {
        self.replicas.lock().unwrap()[index].clone()
    }

    /// Begins a step.
    async fn begin(self: &Arc<Self>, step: Step, callers: &mut JoinSet<()>) {
        let (nth, acquirer) = (step.pick >> 32, &self.acquirer);
        match step.action {
            Action::PayLink => {
                let links: Vec<_> =
                    acquirer.links().into_iter().filter(|it| self.is_handed_out(&it.provider_ref)).collect();
                let page = pick(&links, nth).and_then(|link| acquirer.visit(&link.provider_ref));
                // Some visitors only look, and others come back to pay.
                if let Some(session) = page.filter(|_| !step.pick.is_multiple_of(4)) {
                    let _ = acquirer.pay(&session);
                }
            }
            Action::PaySession => {
                if let Some(session) = self.session(nth, |it| it.progress == CheckoutProgress::Open) {
                    let _ = acquirer.pay(&session.provider_ref);
                }
            }
            Action::OrderTransfer => {
                if let Some(session) = self.session(nth, |it| it.progress == CheckoutProgress::Open) {
                    let _ = acquirer.order_transfer(&session.provider_ref);
                }
            }
            Action::EndTransfer => self.end_transfer(nth, step.pick),
            Action::EndRefund => {
                if let Some(refund) = pick(&acquirer.refunds(), nth) {
                    let progress = match step.pick % 2 {
                        0 => RefundProgress::Failed { code: "lost_card".to_owned() },
                        _ => RefundProgress::Succeeded,
                    };
                    let _ = acquirer.end_refund(&refund.snapshot.provider_ref, progress);
                }
            }
            // Nobody would ever be told of it.
            Action::CloseLinkThere | Action::OpenLinkThere if acquirer.is_mute() => {}
            Action::CloseLinkThere | Action::OpenLinkThere => {
                if let Some(link) = pick(&acquirer.links(), nth) {
                    let _ = acquirer.set_link_active(&link.provider_ref, step.action == Action::OpenLinkThere);
                }
            }
            Action::RefundThere => {
                if let Some(session) = self.session(nth, |it| it.received().is_some())
                    && let (Some(payment), Some(received)) = (session.payment_ref(), session.received())
                {
                    let _ = acquirer.refund(payment, part(received, step.pick));
                }
            }
            Action::MoveHeldMoneyThere => {
                let held = self.session(nth, |it| matches!(it.progress, CheckoutProgress::Authorized { .. }));
                if let Some(LedgerSession {
                    progress: CheckoutProgress::Authorized { payment_ref, authorization },
                    ..
                }) = held
                {
                    let amount = step.pick.is_multiple_of(2).then(|| part(authorization.amount, step.pick));
                    let _ = acquirer.move_held_money(&payment_ref, amount);
                }
            }
            Action::DeliverNotifications => self.deliver_some(step, callers),
            Action::Work => {
                let world = Arc::clone(self);
                tokio::spawn(async move { world.work(step.replica).await });
            }
            Action::ReadBack => {
                let world = Arc::clone(self);
                tokio::spawn(async move { world.read_back(step.replica).await });
            }
            Action::Crash => self.crash(step.replica),
            Action::PassMinutes => tokio::time::sleep(Duration::from_secs(60 + step.pick % 1_800)).await,
            Action::PassDays => tokio::time::sleep(Duration::from_secs(3_600 * (1 + step.pick % 200))).await,
            _ => self.begin_asking(step, callers),
        }
    }

    /// Whether anyone can know the URL of a page: it is in an answer of ours.
    fn is_handed_out(&self, page: &ProviderRef) -> bool {
        self.storage.look(|contents| {
            let links = contents.links.iter().filter_map(|link| link.provider_ref.as_ref());
            let mut known = links.chain(contents.sessions.iter().filter_map(|session| session.provider_ref.as_ref()));
            known.any(|known| known == page)
        })
    }

    fn session(&self, nth: u64, fits: impl Fn(&LedgerSession) -> bool) -> Option<LedgerSession> {
        let is_known = |it: &LedgerSession| it.link.is_some() || self.is_handed_out(&it.provider_ref);
        let fitting: Vec<_> = self.acquirer.sessions().into_iter().filter(|it| fits(it) && is_known(it)).collect();
        pick(&fitting, nth).cloned()
    }

    fn end_transfer(&self, nth: u64, how: u64) {
        let is_under_way = |it: &LedgerSession| matches!(it.progress, CheckoutProgress::Processing { .. });
        let Some(session) = self.session(nth, is_under_way) else { return };
        // Customers transfer too little and too much as well.
        let received = match how % 5 {
            0 => None,
            1 => Some(mocked::money(1 + i64::try_from(how >> 40).unwrap_or(0) % 100_000)),
            _ => Some(session.amount),
        };
        let _ = self.acquirer.end_transfer(&session.provider_ref, received);
    }

    fn crash(&self, index: usize) {
        let mut replicas = self.replicas.lock().unwrap();
        replicas[index].process.kill();
        let made_of = (self.clock, &self.ids);
        replicas[index] = start_replica((&self.storage, &self.acquirer), made_of, &self.seller);
    }

    /// A caller asks, and goes on asking other replicas until it is told or loses patience.
    fn begin_asking(self: &Arc<Self>, step: Step, callers: &mut JoinSet<()>) {
        let Some(command) = self.storage.look(|read| Command::of(step, read)) else { return };
        let world = Arc::clone(self);
        let index = {
            let mut asked = self.asked.lock().unwrap();
            let request_id = RequestId::parse(&format!("request-{}", asked.len())).unwrap();
            asked.push(Asked { request_id, command, answers: Vec::new() });
            asked.len() - 1
        };
        callers.spawn(async move {
            for attempt in 0..ASKED_MAX {
                let replica = world.replica((step.replica + usize::try_from(attempt).unwrap_or(0)) % 2);
                if world.ask(index, &replica.app).await {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(world.chaos.below(5_000))).await;
            }
        });
        // Some ask twice at once.
        if step.pick.is_multiple_of(7) {
            let world = Arc::clone(self);
            callers.spawn(async move {
                let replica = world.replica(1 - step.replica);
                world.ask(index, &replica.app).await;
            });
        }
    }

    /// Asks once; whether the answer is final.
    async fn ask(&self, index: usize, app: &App) -> bool {
        let (command, request_id) = {
            let asked = self.asked.lock().unwrap();
            (asked[index].command.clone(), asked[index].request_id.clone())
        };
        let answered =
            tokio::time::timeout(CALLER_PATIENCE, Box::pin(command.ask(app, &self.seller, &request_id))).await;
        let mut asked = self.asked.lock().unwrap();
        let asked = &mut asked[index];
        match answered {
            Err(_) | Ok(Err(Error::Unavailable { .. } | Error::Aborted { .. })) => return false,
            Ok(Ok(answer)) => asked.answers.push(answer),
            Ok(Err(defect @ (Error::Internal(_) | Error::AlreadyExists { reason: Reason::RequestIdReused, .. }))) => {
                let defect = format!("{} {:?} was answered {defect:?}", request_id.as_str(), asked.command);
                self.defects.lock().unwrap().push(defect);
            }
            Ok(Err(refused)) => {
                if !asked.answers.is_empty() {
                    let defect =
                        format!("{} {:?} was refused once done: {refused}", request_id.as_str(), asked.command);
                    self.defects.lock().unwrap().push(defect);
                }
            }
        }
        true
    }

    /// Notifications come in late, doubled, in another order, or not at all.
    fn deliver_some(self: &Arc<Self>, step: Step, callers: &mut JoinSet<()>) {
        let told = self.acquirer.told();
        let delivered = self.delivered.lock().unwrap().clone();
        let new = told.iter().filter(|it| !delivered.contains(&it.provider_event_id));
        let again = pick(&told, step.pick >> 8);
        for notification in new.chain(again).cloned().collect::<Vec<_>>() {
            self.delivered.lock().unwrap().insert(notification.provider_event_id.clone());
            if self.chaos.below(1_000) < self.lost_deliveries {
                continue;
            }
            let world = Arc::clone(self);
            let late = Duration::from_millis(self.chaos.below(10_000));
            callers.spawn(async move {
                tokio::time::sleep(late).await;
                world.deliver(step.replica, &notification).await;
            });
        }
    }

    async fn deliver(&self, index: usize, notification: &Notification) {
        let (headers, body) = Acquirer::delivery(notification);
        let app = self.replica(index).app;
        // What is not acknowledged is lost here: reading back must find it, or the provider tell it again.
        let received = app.receive_notification("acquirer", &headers, &body);
        let _ = tokio::time::timeout(CALLER_PATIENCE, received).await;
    }

    /// One round of a replica's worker; how much it did.
    async fn work(&self, index: usize) -> usize {
        let replica = self.replica(index);
        if replica.is_working.swap(true, Ordering::SeqCst) {
            return 0;
        }
        let did = match Worker::new(replica.app).round().await {
            Ok(did) => did,
            Err(error) => {
                self.note_defect(error);
                0
            }
        };
        replica.is_working.store(false, Ordering::SeqCst);
        did
    }

    async fn read_back(&self, index: usize) {
        let replica = self.replica(index);
        if !replica.is_reading_back.swap(true, Ordering::SeqCst) {
            if let Err(error) = replica.app.reconcile().await {
                self.note_defect(error);
            }
            replica.is_reading_back.store(false, Ordering::SeqCst);
        }
    }

    fn note_defect(&self, error: Error) {
        if let Error::Internal(defect) = error {
            self.defects.lock().unwrap().push(format!("a worker failed: {defect:?}"));
        }
    }

    /// Nothing goes wrong any more: the workers go on until nothing is left to do.
    async fn calm_down(&self) -> Result<(), String> {
        const RESTS_MIN: u32 = 5;
        for rest in 0..RESTS_MAX {
            if self.acquirer.is_mute() {
                // What was not acknowledged is told again until it is.
                for notification in self.acquirer.told() {
                    self.deliver(0, &notification).await;
                }
            }
            for index in 0..2 {
                self.read_back(index).await;
                while self.work(index).await > 0 {}
            }
            if rest >= RESTS_MIN && self.storage.look(unfinished).is_none() {
                return Ok(());
            }
            tokio::time::sleep(REST).await;
        }
        let left = self.storage.look(unfinished);
        Err(format!("not finished within {RESTS_MAX} rests: {}", left.unwrap_or_default()))
    }

    /// Every request is asked again: those that were done get the same answer, and all get one now. What one leaves to the
    /// worker may keep another waiting.
    async fn ask_all_again(&self) -> Result<(), String> {
        /// How often a caller is told to ask again, at the most, while nothing goes wrong.
        const WAITS_MAX: u32 = 3;
        let count = self.asked.lock().unwrap().len();
        for index in 0..count {
            let mut waits = 0;
            while !self.ask(index, &self.replica(index % 2).app).await {
                if waits == WAITS_MAX {
                    let asked = self.asked.lock().unwrap();
                    return Err(format!(
                        "{} {:?} gets no answer",
                        asked[index].request_id.as_str(),
                        asked[index].command
                    ));
                }
                waits += 1;
                self.calm_down().await?;
            }
        }
        Ok(())
    }
}

fn unfinished(contents: &Contents<'_>) -> Option<String> {
    let intents = contents.intents.iter().filter(|intent| intent.state.is_unfinished()).map(|it| format!("{it:?}"));
    let mut left = intents.chain(contents.unprocessed.iter().map(|it| format!("{it:?}")));
    left.next()
}

pub(super) fn start_replica(
    (storage, acquirer): (&SimulatedStorage, &Acquirer),
    (clock, ids): (SimulatedClock, &SeededIds),
    seller: &Seller,
) -> Replica {
    let process = Process::default();
    let provider = acquirer.for_process(seller.provider.clone(), &process);
    let app = App::new(AppParts {
        storage: Arc::new(storage.for_process(&process)),
        callers_transactions_max: 8,
        providers: vec![Arc::new(provider)],
        background_providers: vec![],
        tax_calculator: Arc::new(FlatTax),
        tax_registration_rules: Arc::new(MockTaxRegistrationRules::new()),
        provider_tax: std::collections::BTreeMap::new(),
        tax_id_registry: None,
        renderer: Arc::new(MockInvoiceRenderer::new()),
        sharing: mocked::sharing(),
        mail: None,
        reconcile_every: Duration::from_secs(300),
        clock: Arc::new(clock),
        ids: Arc::new(ids.clone()),
        sellers: vec![seller.clone()],
        access: AccessPolicy::Open,
    })
    .unwrap();
    Replica { process, app, is_working: Arc::default(), is_reading_back: Arc::default() }
}
