//! What makes things happen once: requests and intended calls; and API keys.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::access::{ApiKey, USE_NOTED_EVERY};
use domain::id::{ApiKeyId, IntentId, PaymentLinkId, PaymentMethodId};
use domain::idempotency::{RequestKey, RequestProgress, StoredRefusal};
use domain::payment_link::CloseReason;
use domain::ports::storage::StorageError;
use domain::provider::{Intent, IntentState, ProviderAction};
use domain::timestamp::Timestamp;
use tokio::task::JoinSet;

use super::{LOOK_EVERY, Store, check_deadline};
use crate::fixtures::{api_key, intent, later, next_uuid, request, seller};

/// Longer than any rule takes.
pub(super) const LONG: Duration = Duration::from_secs(3_600);
/// Short enough to wait for.
pub(super) const SHORT: Duration = Duration::from_millis(400);
/// How much earlier than by the rule's own clock a lease may run out: the database may tell whole milliseconds alone.
pub(super) const CLOCK_STEP: Duration = Duration::from_millis(5);

fn done() -> RequestProgress {
    RequestProgress::Done { answer: serde_json::json!({"id": "plink_1", "amount": 1_608.75, "notes": [null, "☕"]}) }
}

/// Of 64 that claim a request at once, one may do it; the others wait for it, and read what became of it.
pub async fn one_of_many_claims_of_a_request_wins(storage: Store) {
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let storage = Store::clone(&storage);
        tasks.spawn(async move {
            let asked = request(&seller("north"), "request-1");
            let mut work = storage.begin().await.unwrap();
            let earlier = work.claim_request(&asked).await.unwrap();
            if earlier.is_none() {
                tokio::time::sleep(Duration::from_millis(50)).await;
                work.update_request(&asked.key, &done()).await.unwrap();
            }
            work.commit().await.unwrap();
            earlier
        });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|earlier| earlier.is_none()).count(), 1);
    let mut expected = request(&seller("north"), "request-1");
    expected.progress = done();
    assert!(outcomes.iter().flatten().all(|earlier| *earlier == expected));
}

/// A claim counts only once it is committed.
pub async fn a_claim_that_is_rolled_back_leaves_the_request_free(storage: Store) {
    let asked = request(&seller("north"), "request-1");
    let mut work = storage.begin().await.unwrap();
    assert_eq!(work.claim_request(&asked).await.unwrap(), None);
    work.rollback().await;
    assert_eq!(storage.load_request(&asked.key).await.unwrap(), None);
    let mut work = storage.begin().await.unwrap();
    assert_eq!(work.claim_request(&asked).await.unwrap(), None);
    work.commit().await.unwrap();
    assert_eq!(storage.load_request(&asked.key).await.unwrap(), Some(asked));
}

/// A request reads back with its progress; the same id of another seller is another request.
pub async fn a_request_keeps_its_progress(storage: Store) {
    let refusal =
        StoredRefusal { reason: "INVOICE_NOT_OPEN".to_owned(), message: "…".to_owned(), violations: vec![] };
    let mut asked = request(&seller("north"), "request-1");
    let other = request(&seller("south"), "request-1");
    let mut work = storage.begin().await.unwrap();
    assert_eq!(work.claim_request(&asked).await.unwrap(), None);
    assert_eq!(work.claim_request(&other).await.unwrap(), None);
    work.commit().await.unwrap();
    for progress in [done(), RequestProgress::Refused { refusal }, RequestProgress::Running] {
        let mut work = storage.begin().await.unwrap();
        work.update_request(&asked.key, &progress).await.unwrap();
        work.commit().await.unwrap();
        asked.progress = progress;
        assert_eq!(storage.load_request(&asked.key).await.unwrap().as_ref(), Some(&asked));
        assert_eq!(storage.load_request(&other.key).await.unwrap().as_ref(), Some(&other));
        let mut work = storage.begin().await.unwrap();
        assert_eq!(work.claim_request(&asked).await.unwrap().as_ref(), Some(&asked));
        work.rollback().await;
    }
}

fn activation(link: PaymentLinkId) -> Intent {
    intent(&seller("north"), ProviderAction::ActivatePaymentLink { payment_link_id: link }, None)
}

async fn add(storage: &Store, intent: &Intent, lease: Duration) {
    let mut work = storage.begin().await.unwrap();
    work.insert_intent(intent, lease).await.unwrap();
    work.commit().await.unwrap();
}

async fn lease_due(storage: &Store, limit: u32, lease: Duration) -> Vec<Intent> {
    let mut work = storage.begin().await.unwrap();
    let leased = work.lease_due_intents(limit, lease).await.unwrap();
    work.commit().await.unwrap();
    assert!(leased.len() <= usize::try_from(limit).unwrap());
    leased
}

async fn lease_one(storage: &Store, id: IntentId, lease: Duration) -> Option<Intent> {
    let mut work = storage.begin().await.unwrap();
    let leased = work.lease_intent(id, lease).await.unwrap();
    work.commit().await.unwrap();
    leased
}

/// Many workers at once get every call, and each call once.
pub async fn an_intent_is_leased_to_one_alone(storage: Store) {
    let mut expected = BTreeMap::new();
    let mut work = storage.begin().await.unwrap();
    for _ in 0..30 {
        let intended = activation(PaymentLinkId::from_uuid(next_uuid()));
        work.insert_intent(&intended, Duration::ZERO).await.unwrap();
        expected.insert(intended.id, Intent { lease_epoch: 1, ..intended });
    }
    work.commit().await.unwrap();
    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let (storage, ids) = (Store::clone(&storage), expected.keys().copied().collect::<Vec<_>>());
        workers.spawn(async move {
            let mut mine = Vec::new();
            for id in ids {
                mine.extend(lease_due(&storage, 3, LONG).await);
                mine.extend(lease_one(&storage, id, LONG).await);
            }
            mine
        });
    }
    let leased: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(leased.len(), 30);
    assert_eq!(leased.into_iter().map(|intent| (intent.id, intent)).collect::<BTreeMap<_, _>>(), expected);
}

/// A lease holds for its time and no longer, whether of the creator, of a worker, or until the next try.
pub async fn a_lease_of_an_intent_runs_out(storage: Store) {
    let mut intended = activation(PaymentLinkId::from_uuid(next_uuid()));
    let began = Instant::now();
    add(&storage, &intended, SHORT).await;
    intended.lease_epoch = 1;
    assert_eq!(leased_after(&storage, began).await, intended);

    let began = Instant::now();
    intended.state = IntentState::OutcomeUnknown;
    intended.attempts = 3;
    let mut work = storage.begin().await.unwrap();
    work.update_intent(&intended, SHORT).await.unwrap();
    work.commit().await.unwrap();
    intended.lease_epoch = 2;
    assert_eq!(leased_after(&storage, began).await, intended);
    assert_eq!(storage.load_intent(intended.id).await.unwrap().as_ref(), Some(&intended));

    let mut work = storage.begin().await.unwrap();
    work.update_intent(&intended, Duration::ZERO).await.unwrap();
    work.commit().await.unwrap();
    intended.lease_epoch = 3;
    assert_eq!(lease_one(&storage, intended.id, LONG).await, Some(intended.clone()));
    assert_eq!(lease_one(&storage, intended.id, LONG).await, None);
    assert_eq!(lease_due(&storage, 10, LONG).await, []);

    // Who held it before may not write any more, and nobody may once it is finished.
    let finished = Intent { state: IntentState::Done, ..intended.clone() };
    let mut work = storage.begin().await.unwrap();
    let late = Intent { lease_epoch: 2, ..finished.clone() };
    assert!(matches!(work.update_intent(&late, Duration::ZERO).await, Err(StorageError::Stale)));
    work.update_intent(&finished, Duration::ZERO).await.unwrap();
    assert!(matches!(work.update_intent(&intended, Duration::ZERO).await, Err(StorageError::Stale)));
    work.commit().await.unwrap();
}

/// Who holds a lease may go on holding it; who has lost it to another, or has finished, is told so, and may write nothing.
pub async fn a_lease_of_an_intent_is_renewed_by_its_holder_alone(storage: Store) {
    let first = activation(PaymentLinkId::from_uuid(next_uuid()));
    add(&storage, &first, Duration::ZERO).await;
    let began = Instant::now();
    assert!(renew(&storage, &first, SHORT).await);
    let second = leased_after(&storage, began).await;
    assert_eq!(second.lease_epoch, 1);
    assert!(!renew(&storage, &first, Duration::ZERO).await);
    assert_eq!(lease_due(&storage, 10, LONG).await, [], "who lost it can't end the new holder's lease");
    let mut work = storage.begin().await.unwrap();
    let late = Intent { state: IntentState::Failed, ..first };
    assert!(matches!(work.update_intent(&late, Duration::ZERO).await, Err(StorageError::Stale)));
    work.rollback().await;
    assert_eq!(storage.load_intent(second.id).await.unwrap().as_ref(), Some(&second));
    assert!(renew(&storage, &second, LONG).await);
    // One that comes late does not shorten what came before it.
    assert!(renew(&storage, &second, Duration::ZERO).await);
    assert_eq!(lease_due(&storage, 10, LONG).await, []);
    let done = Intent { state: IntentState::Done, ..second };
    let mut work = storage.begin().await.unwrap();
    work.update_intent(&done, Duration::ZERO).await.unwrap();
    work.commit().await.unwrap();
    assert!(!renew(&storage, &done, LONG).await);
}

async fn renew(storage: &Store, held: &Intent, lease: Duration) -> bool {
    let mut work = storage.begin().await.unwrap();
    let is_held = work.renew_intent_lease(held, lease).await.unwrap();
    work.commit().await.unwrap();
    is_held
}

/// Looks until the one call is due, which must not be before its lease of [`SHORT`] ran out.
async fn leased_after(storage: &Store, began: Instant) -> Intent {
    loop {
        if let Some(leased) = lease_due(storage, 10, LONG).await.pop() {
            assert!(began.elapsed() + CLOCK_STEP >= SHORT, "leased after {:?}", began.elapsed());
            return leased;
        }
        check_deadline(began, "the lease runs out");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A call waits until those before it about the same thing are finished.
pub async fn intents_of_one_thing_are_leased_in_their_order(storage: Store) {
    let link = PaymentLinkId::from_uuid(next_uuid());
    let close = ProviderAction::DeactivatePaymentLink { payment_link_id: link, reason: CloseReason::Requested };
    let [mut first, second, third] = [activation(link), intent(&seller("north"), close, None), activation(link)];
    let other = activation(PaymentLinkId::from_uuid(next_uuid()));
    // The first is leased to its creator: the others wait for it although they are due.
    add(&storage, &first, LONG).await;
    for later in [&second, &third, &other] {
        add(&storage, later, Duration::ZERO).await;
    }
    assert_eq!(lease_due(&storage, 10, LONG).await, [Intent { lease_epoch: 1, ..other }]);
    assert_eq!(lease_one(&storage, second.id, LONG).await, None);
    first.state = IntentState::Done;
    let mut work = storage.begin().await.unwrap();
    work.update_intent(&first, Duration::ZERO).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(lease_one(&storage, first.id, LONG).await, None);
    assert_eq!(lease_one(&storage, third.id, LONG).await, None);
    let second = Intent { lease_epoch: 1, ..second };
    assert_eq!(lease_due(&storage, 10, LONG).await, std::slice::from_ref(&second));
    assert_eq!(lease_due(&storage, 10, LONG).await, []);
    let refused = Intent { state: IntentState::Failed, ..second };
    let mut work = storage.begin().await.unwrap();
    work.update_intent(&refused, Duration::ZERO).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(lease_one(&storage, third.id, LONG).await, Some(Intent { lease_epoch: 1, ..third }));
    assert_eq!(lease_one(&storage, IntentId::from_uuid(next_uuid()), LONG).await, None);
}

/// An unfinished call is found by its id, its thing and its request; a finished one by its id alone.
pub async fn an_intent_is_found_by_what_waits_for_it(storage: Store) {
    let key = request(&seller("north"), "request-1").key;
    let elsewhere = RequestKey { seller_id: seller("south"), ..key.clone() };
    let card = PaymentMethodId::from_uuid(next_uuid());
    let action = ProviderAction::DetachPaymentMethod { payment_method_id: card };
    let mut intended = intent(&seller("north"), action, Some(key.clone()));
    let subject = card.to_string();
    assert!(!storage.has_unfinished_intent(&subject).await.unwrap());
    add(&storage, &intended, LONG).await;
    for state in [IntentState::Pending, IntentState::OutcomeUnknown, IntentState::Done] {
        intended.state = state;
        let mut work = storage.begin().await.unwrap();
        work.update_intent(&intended, LONG).await.unwrap();
        work.commit().await.unwrap();
        let waiting = state.is_unfinished().then_some(&intended);
        assert_eq!(storage.load_intent(intended.id).await.unwrap().as_ref(), Some(&intended));
        assert_eq!(storage.load_intent_of_request(&key).await.unwrap().as_ref(), waiting);
        assert_eq!(storage.load_intent_of_request(&elsewhere).await.unwrap(), None);
        assert_eq!(storage.has_unfinished_intent(&subject).await.unwrap(), waiting.is_some());
        let unknown: Vec<_> =
            waiting.filter(|it| it.state == IntentState::OutcomeUnknown).into_iter().cloned().collect();
        assert_eq!(storage.list_intents_of_unknown_outcome(10).await.unwrap(), unknown);
        assert!(!storage.has_unfinished_intent("pm_other").await.unwrap());
    }
}

/// What another open transaction is taking is left to it, without waiting.
pub async fn what_another_transaction_leases_is_skipped(storage: Store) {
    let (first, second) =
        (activation(PaymentLinkId::from_uuid(next_uuid())), activation(PaymentLinkId::from_uuid(next_uuid())));
    add(&storage, &first, Duration::ZERO).await;
    add(&storage, &second, Duration::ZERO).await;
    let mut one = storage.begin().await.unwrap();
    let mut other = storage.begin().await.unwrap();
    let taken = one.lease_due_intents(1, LONG).await.unwrap();
    let rest = other.lease_due_intents(10, LONG).await.unwrap();
    assert_eq!((taken.len(), rest.len()), (1, 1));
    assert_ne!(taken[0].id, rest[0].id);
    one.rollback().await;
    other.commit().await.unwrap();
    assert_eq!(lease_due(&storage, 10, LONG).await, taken);
}

/// Keys by prefix, newest first; a revocation counts once; a prefix is of one key.
pub async fn api_keys_are_found_listed_and_revoked(storage: Store) {
    let (older, newer) = (api_key("pk_1"), api_key("pk_2"));
    let mut work = storage.begin().await.unwrap();
    work.insert_api_key(&older).await.unwrap();
    work.insert_api_key(&newer).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(storage.load_api_key_by_prefix("pk_1").await.unwrap().as_ref(), Some(&older));
    assert_eq!(storage.load_api_key_by_prefix("pk_").await.unwrap(), None);
    assert_eq!(storage.list_api_keys().await.unwrap(), [newer.clone(), older.clone()]);

    let mut work = storage.begin().await.unwrap();
    assert!(work.revoke_api_key(older.id, later()).await.unwrap());
    assert!(!work.revoke_api_key(older.id, later().plus(LONG)).await.unwrap());
    assert!(!work.revoke_api_key(ApiKeyId::from_uuid(next_uuid()), later()).await.unwrap());
    work.commit().await.unwrap();
    let revoked = ApiKey { revoked_at: Some(later()), ..older };
    assert_eq!(storage.load_api_key_by_prefix("pk_1").await.unwrap().as_ref(), Some(&revoked));
    assert_eq!(storage.list_api_keys().await.unwrap(), [newer, revoked]);

    let mut work = storage.begin().await.unwrap();
    let refused = work.insert_api_key(&api_key("pk_2")).await;
    assert!(matches!(refused, Err(StorageError::Conflict { .. })), "{refused:?}");
    work.rollback().await;
}

/// The use of a key is noted at most once in a while, and never of a revoked one.
pub async fn the_use_of_an_api_key_is_noted_once_in_a_while(storage: Store) {
    let key = api_key("pk_1");
    let note = async |at: Timestamp| {
        let mut work = storage.begin().await.unwrap();
        work.note_use_of_api_key(key.id, at).await.unwrap();
        work.note_use_of_api_key(ApiKeyId::from_uuid(next_uuid()), at).await.unwrap();
        work.commit().await.unwrap();
        storage.load_api_key_by_prefix("pk_1").await.unwrap().unwrap()
    };
    let mut work = storage.begin().await.unwrap();
    work.insert_api_key(&key).await.unwrap();
    work.commit().await.unwrap();
    let (first, second) = (later(), later().plus(USE_NOTED_EVERY));
    assert_eq!(note(first).await, ApiKey { last_used_at: Some(first), ..key.clone() });
    assert_eq!(note(second.minus(Duration::from_micros(1))).await.last_used_at, Some(first));
    assert_eq!(note(second).await.last_used_at, Some(second));
    let mut work = storage.begin().await.unwrap();
    assert!(work.revoke_api_key(key.id, second).await.unwrap());
    work.commit().await.unwrap();
    let revoked = ApiKey { last_used_at: Some(second), revoked_at: Some(second), ..key.clone() };
    assert_eq!(note(second.plus(LONG)).await, revoked);
}

/// A call that was tried and put off says for how long; one that somebody works on says nothing.
pub async fn it_is_known_for_how_long_a_call_is_put_off(storage: Store) {
    let intended = activation(PaymentLinkId::from_uuid(next_uuid()));
    let put_off = async || storage.intent_put_off_for(intended.id).await.unwrap();
    assert_eq!(put_off().await, None);
    add(&storage, &intended, Duration::ZERO).await;
    assert_eq!(put_off().await, None);
    let held = lease_one(&storage, intended.id, LONG).await.unwrap();
    assert_eq!(put_off().await, None);
    let tried = Intent { attempts: held.attempts + 1, ..held };
    let write = async |tried: &Intent, retry_in| {
        let mut work = storage.begin().await.unwrap();
        work.update_intent(tried, retry_in).await.unwrap();
        work.commit().await.unwrap();
    };
    write(&tried, LONG).await;
    let left = put_off().await.unwrap();
    assert!(left <= LONG + CLOCK_STEP && left > LONG / 2, "{left:?}");
    write(&tried, Duration::ZERO).await;
    assert_eq!(put_off().await, None);
    assert!(lease_one(&storage, intended.id, LONG).await.is_some());
    assert_eq!(put_off().await, None);
}
