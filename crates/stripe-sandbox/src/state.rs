//! Everything that the sandbox remembers, by account: one for each key, as Stripe's accounts see nothing of each other.

mod ctx;
mod object;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::clock::{DAY, NOW_MAX, real_now};
use crate::collection::Collection;
use crate::control::{Fault, WebhookPolicy};
use crate::event::Event;

pub(crate) use self::ctx::{Ctx, limit};
pub(crate) use self::object::{copy, merge_metadata, merge_metadata_at, text};

/// How long an idempotency key is remembered, in seconds: 24 hours.
const KEY_LIFETIME: i64 = DAY;

/// The whole.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// Seconds that the clock was moved ahead by hand.
    pub(crate) clock_offset: i64,
    pub(crate) accounts: BTreeMap<String, Account>,
    /// Account and id behind a public token: a link's or a session's.
    pub(crate) public: HashMap<String, (String, String)>,
    /// Webhook deliveries that are not acknowledged.
    pub(crate) deliveries: BTreeMap<u64, Delivery>,
    pub(crate) next_delivery: u64,
    /// Which snapshot this is: changes are kept for one of them. Drawn at random, for files may be removed.
    #[serde(default)]
    pub(crate) generation: String,
    #[serde(skip)]
    pub(crate) faults: Vec<Fault>,
    #[serde(skip)]
    pub(crate) webhook_policy: WebhookPolicy,
    /// Whether something was changed since the last snapshot.
    #[serde(skip)]
    pub(crate) dirty: bool,
    /// Public tokens since the last write.
    #[serde(skip)]
    published: Vec<String>,
    /// How many events there were since the start.
    #[serde(skip)]
    pub(crate) events: u64,
}

/// What belongs to one key.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Account {
    collections: BTreeMap<Cow<'static, str>, Collection<Arc<Value>>>,
    #[serde(default)]
    pub(crate) events: Collection<Event>,
    /// Line items of links and sessions, by the id of those.
    line_items: HashMap<String, Vec<LineItem>>,
    replays: HashMap<String, Replay>,
    /// Signing secrets of webhook endpoints, the newest first.
    pub(crate) secrets: HashMap<String, Vec<String>>,
    /// The token that a session's form must carry.
    form_tokens: HashMap<String, String>,
    /// What is to be done when its time has come, by time in seconds since the Unix epoch.
    #[serde(default)]
    pub(crate) scheduled: Vec<(i64, ScheduledTask)>,
    /// How often each operation was executed.
    pub(crate) executed: BTreeMap<String, u64>,
    /// The idempotency keys that may have changed since they were last written.
    #[serde(skip)]
    touched_replays: HashSet<String>,
    #[serde(skip)]
    before: Before,
}

/// What was there before the call that is executed now, so that one that is refused leaves all as it was.
#[derive(Default)]
struct Before {
    /// The last change last.
    log: Vec<Undo>,
    /// How many events there were; a call only adds to them.
    events: usize,
    /// The same of tasks.
    scheduled: usize,
}

/// How one change is taken back.
enum Undo {
    /// Of an object that was added to its kind: it was not there.
    Added(&'static str),
    /// An object of a kind was this.
    Changed(&'static str, Arc<str>, Arc<Value>),
    /// An object of a kind was there, at this place.
    Removed(&'static str, Arc<str>, usize, Arc<Value>),
    LineItems(String, Option<Vec<LineItem>>),
    FormToken(String, Option<String>),
    Secrets(String, Option<Vec<String>>),
}

/// What changed: enough to bring an earlier state up to date.
#[derive(Serialize, Deserialize)]
pub(crate) struct Changes {
    clock_offset: i64,
    next_delivery: u64,
    deliveries: BTreeMap<u64, Delivery>,
    public: HashMap<String, (String, String)>,
    accounts: BTreeMap<String, AccountChanges>,
}

/// What changed of an account. The parts that stay small are told in whole.
#[derive(Serialize, Deserialize)]
struct AccountChanges {
    /// Kind, id, and the object; none where it was removed.
    objects: Vec<(String, Arc<str>, Option<Arc<Value>>)>,
    #[serde(default)]
    events: Vec<(Arc<str>, Option<Event>)>,
    line_items: HashMap<String, Vec<LineItem>>,
    form_tokens: HashMap<String, String>,
    replays: HashMap<String, Option<Replay>>,
    secrets: HashMap<String, Vec<String>>,
    scheduled: Vec<(i64, ScheduledTask)>,
    executed: BTreeMap<String, u64>,
}

/// What time brings to an object, named by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ScheduledTask {
    /// A bank answers for a debit, of an intent.
    Debit(String),
    /// Money of an intent is held no longer.
    Hold(String),
    /// A refund arrives, or comes back.
    Refund(String),
    /// A subscription's period ends.
    Period(String),
    /// A subscription's trial ends in three days.
    TrialNotice(String),
}

/// A line of a link or session.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct LineItem {
    pub(crate) id: String,
    pub(crate) price: String,
    pub(crate) quantity: i64,
    /// Before discount and tax, in minor units.
    pub(crate) amount: i64,
    #[serde(default)]
    pub(crate) discount: i64,
    #[serde(default)]
    pub(crate) tax: i64,
    #[serde(default)]
    pub(crate) total: i64,
    pub(crate) currency: String,
    pub(crate) description: String,
    pub(crate) detail: Option<String>,
    pub(crate) adjustable_quantity: Value,
    #[serde(default)]
    pub(crate) metadata: Value,
    #[serde(default)]
    pub(crate) discounts: Value,
    #[serde(default)]
    pub(crate) taxes: Value,
}

/// The first execution under an idempotency key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Replay {
    fingerprint: String,
    at: i64,
    /// Absent while the first is running.
    pub(crate) answer: Option<Answer>,
}

/// A status, and the body that was sent with it.
pub(crate) type Answer = (u16, Arc<Value>);

/// A webhook on its way.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) account: String,
    pub(crate) endpoint: String,
    pub(crate) event: String,
    pub(crate) created: i64,
}

impl State {
    /// Now, by the sandbox's clock.
    pub(crate) fn now(&self) -> i64 {
        real_now().saturating_add(self.clock_offset).min(NOW_MAX)
    }

    /// The account of a key.
    pub(crate) fn account_of_key(key: &str) -> String {
        hex::encode(&Sha256::digest(key.as_bytes())[..8])
    }

    /// Takes what changed since the last call.
    pub(crate) fn take_changes(&mut self) -> Changes {
        let accounts = self.accounts.iter_mut().map(|(name, account)| (name.clone(), account.take_changes()));
        let mut changes = Changes {
            clock_offset: self.clock_offset,
            next_delivery: self.next_delivery,
            deliveries: self.deliveries.clone(),
            public: HashMap::new(),
            accounts: accounts.collect(),
        };
        for token in self.published.drain(..) {
            if let Some(behind) = self.public.get(&token) {
                changes.public.insert(token, behind.clone());
            }
        }
        changes
    }

    /// Forgets what changed: there is no file that it would be written to.
    pub(crate) fn forget_changes(&mut self) {
        self.published.clear();
        for account in self.accounts.values_mut() {
            account.forget_changes();
        }
    }

    #[cfg(test)]
    pub(crate) fn has_changes(&self) -> bool {
        !self.published.is_empty() || self.accounts.values().any(Account::has_changes)
    }

    /// Events were objects as all others once, and are so in files of that time.
    ///
    /// # Errors
    /// One can't be read.
    pub(crate) fn adopt_events(&mut self) -> serde_json::Result<()> {
        for account in self.accounts.values_mut() {
            for event in account.collections.remove("event").unwrap_or_default().all() {
                let event = Event::deserialize(&**event)?;
                account.events.add(Arc::clone(&event.id), event);
            }
        }
        Ok(())
    }

    /// Frees the keys of calls that were under way when the state was written: nobody ends them any more.
    pub(crate) fn forget_unfinished(&mut self) {
        for account in self.accounts.values_mut() {
            account.replays.retain(|_, replay| replay.answer.is_some());
        }
    }

    /// Brings a state up to date.
    pub(crate) fn apply(&mut self, changes: Changes) {
        self.clock_offset = changes.clock_offset;
        self.next_delivery = changes.next_delivery;
        self.deliveries = changes.deliveries;
        self.public.extend(changes.public);
        for (name, changes) in changes.accounts {
            self.accounts.entry(name).or_default().apply(changes);
        }
    }
}

impl Account {
    pub(crate) fn get(&self, kind: &str, id: &str) -> Option<&Value> {
        self.shared(kind, id).map(|object| &**object)
    }

    fn shared(&self, kind: &str, id: &str) -> Option<&Arc<Value>> {
        self.collections.get(kind)?.get(id)
    }

    #[cfg(test)]
    fn has_changes(&self) -> bool {
        self.events.has_changes() || self.collections.values().any(Collection::has_changes)
    }

    fn forget_changes(&mut self) {
        self.touched_replays = HashSet::new();
        self.events.forget_changes();
        self.collections.values_mut().for_each(Collection::forget_changes);
    }

    fn take_changes(&mut self) -> AccountChanges {
        let changed = |(kind, kept): (&Cow<'_, str>, &mut Collection<_>)| {
            let kind = kind.to_string();
            kept.take_changes().into_iter().map(move |(id, object)| (kind.clone(), id, object))
        };
        let objects: Vec<_> = self.collections.iter_mut().flat_map(changed).collect();
        let items = |id: &str| Some((id.to_owned(), self.line_items.get(id)?.clone()));
        let token = |id: &str| Some((id.to_owned(), self.form_tokens.get(id)?.clone()));
        let replay = |key: String| (key.clone(), self.replays.get(&key).cloned());
        AccountChanges {
            // The line items and the token of a link or session change with it alone.
            line_items: objects.iter().filter_map(|(_, id, _)| items(id)).collect(),
            form_tokens: objects.iter().filter_map(|(_, id, _)| token(id)).collect(),
            replays: std::mem::take(&mut self.touched_replays).into_iter().map(replay).collect(),
            secrets: self.secrets.clone(),
            scheduled: self.scheduled.clone(),
            executed: self.executed.clone(),
            events: self.events.take_changes(),
            objects,
        }
    }

    fn apply(&mut self, changes: AccountChanges) {
        for (kind, id, object) in changes.objects {
            self.collections.entry(kind.into()).or_default().apply(id, object);
        }
        for (id, event) in changes.events {
            self.events.apply(id, event);
        }
        self.line_items.extend(changes.line_items);
        self.form_tokens.extend(changes.form_tokens);
        for (key, replay) in changes.replays {
            match replay {
                Some(replay) => self.replays.insert(key, replay),
                None => self.replays.remove(&key),
            };
        }
        self.secrets = changes.secrets;
        self.scheduled = changes.scheduled;
        self.executed = changes.executed;
    }

    /// What is there now is what a refused call is taken back to.
    fn begin(&mut self) {
        self.before.log.clear();
        self.before.events = self.events.places();
        self.before.scheduled = self.scheduled.len();
    }

    /// Takes back all that was changed since the call began.
    fn undo(&mut self) {
        while let Some(undo) = self.before.log.pop() {
            match undo {
                Undo::Added(kind) => {
                    let kept = self.collection(kind);
                    kept.truncate(kept.places() - 1);
                }
                Undo::Changed(kind, id, object) => {
                    if let Some((_, kept)) = self.collection(kind).get_mut(&id) {
                        *kept = object;
                    }
                }
                Undo::Removed(kind, id, place, object) => self.collection(kind).restore(id, place, object),
                Undo::LineItems(id, before) => restore(&mut self.line_items, id, before),
                Undo::FormToken(id, before) => restore(&mut self.form_tokens, id, before),
                Undo::Secrets(id, before) => restore(&mut self.secrets, id, before),
            }
        }
        self.events.truncate(self.before.events);
        self.scheduled.truncate(self.before.scheduled);
    }

    /// The line items of a link or session.
    pub(crate) fn line_items(&self, id: &str) -> &[LineItem] {
        self.line_items.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn set_line_items(&mut self, id: &str, items: Vec<LineItem>) {
        let before = self.line_items.insert(id.to_owned(), items);
        self.before.log.push(Undo::LineItems(id.to_owned(), before));
    }

    pub(crate) fn form_token(&self, id: &str) -> Option<&str> {
        self.form_tokens.get(id).map(String::as_str)
    }

    pub(crate) fn set_form_token(&mut self, id: &str, token: String) {
        let before = self.form_tokens.insert(id.to_owned(), token);
        self.before.log.push(Undo::FormToken(id.to_owned(), before));
    }

    pub(crate) fn set_secrets(&mut self, id: &str, secrets: Vec<String>) {
        let before = self.secrets.insert(id.to_owned(), secrets);
        self.before.log.push(Undo::Secrets(id.to_owned(), before));
    }

    fn collection(&mut self, kind: &'static str) -> &mut Collection<Arc<Value>> {
        self.collections.entry(Cow::Borrowed(kind)).or_default()
    }

    pub(crate) fn get_mut(&mut self, kind: &'static str, id: &str) -> Option<&mut Value> {
        let (id, object) = self.collections.get_mut(kind)?.get_mut(id)?;
        self.before.log.push(Undo::Changed(kind, id, Arc::clone(object)));
        Some(Arc::make_mut(object))
    }

    fn replace(&mut self, kind: &'static str, id: &str, object: Arc<Value>) {
        if let Some((id, kept)) = self.collections.get_mut(kind).and_then(|kept| kept.get_mut(id)) {
            self.before.log.push(Undo::Changed(kind, id, std::mem::replace(kept, object)));
        }
    }

    fn add(&mut self, kind: &'static str, id: &str, object: Arc<Value>) {
        self.collection(kind).add(id.into(), object);
        self.before.log.push(Undo::Added(kind));
    }

    pub(crate) fn remove(&mut self, kind: &'static str, id: &str) -> bool {
        let removed = self.collections.get_mut(kind).and_then(|kept| kept.remove(id));
        let Some((id, place, object)) = removed else { return false };
        self.before.log.push(Undo::Removed(kind, id, place, object));
        true
    }

    pub(crate) fn all<'a>(&'a self, kind: &str) -> impl DoubleEndedIterator<Item = &'a Value> + use<'a> {
        self.collections.get(kind).into_iter().flat_map(Collection::all).map(|object| &**object)
    }
}

fn restore<T>(kept: &mut HashMap<String, T>, id: String, before: Option<T>) {
    match before {
        Some(before) => kept.insert(id, before),
        None => kept.remove(&id),
    };
}

#[cfg(test)]
mod tests {
    use crate::testing::{Sandbox, purchase};

    const SESSION: &str = "mode=payment&line_items[0][quantity]=1&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=10000&line_items[0][price_data][product_data][name]=Book";

    /// A call that is refused leaves the state as it was, but for what was due.
    fn check(sandbox: &mut Sandbox, call: &str, body: &str) {
        let mut before = serde_json::to_value(&sandbox.state).unwrap();
        assert!(sandbox.try_call(call, body).is_err(), "{call} {body}");
        let mut after = serde_json::to_value(&sandbox.state).unwrap();
        for state in [&mut before, &mut after] {
            state["next_delivery"].take();
            let known = state["accounts"]["account"]["collections"].as_object_mut().unwrap();
            known.retain(|_, collection| !collection["objects"].as_object().unwrap().is_empty());
        }
        assert_eq!(before, after, "{call} {body}");
    }

    #[test]
    fn a_refused_call_leaves_all_as_it_was() {
        let mut sandbox = Sandbox::new();
        let endpoint = sandbox.call("POST /v1/webhook_endpoints", "url=http://localhost/a&enabled_events[0]=*");
        let customer = sandbox.call("POST /v1/customers", "name=Ada");
        let price =
            sandbox.call("POST /v1/prices", "currency=sek&unit_amount=500&product_data[name]=Mug&lookup_key=mug");
        let coupon = sandbox.call("POST /v1/coupons", "percent_off=5&id=C");
        let paid = sandbox.call("POST /v1/checkout/sessions", SESSION);
        let paid = sandbox.within(|ctx| crate::purchase::complete(ctx, &paid, &purchase("5126"))).unwrap();
        let held = format!("{SESSION}&payment_intent_data[capture_method]=manual");
        let held = sandbox.call("POST /v1/checkout/sessions", &held);
        let held = sandbox.within(|ctx| crate::purchase::complete(ctx, &held, &purchase("4242"))).unwrap();
        let of = |object: &serde_json::Value, name: &str| object[name].as_str().unwrap().to_owned();
        let (intent, held) = (of(&paid, "payment_intent"), of(&held, "payment_intent"));
        let wrong = "expand[]=nonsense";
        let long = "k".repeat(41);
        check(&mut sandbox, "POST /v1/refunds", &format!("payment_intent={intent}&{wrong}"));
        check(&mut sandbox, &format!("POST /v1/payment_intents/{held}/capture"), wrong);
        check(&mut sandbox, &format!("DELETE /v1/coupons/{}", of(&coupon, "id")), wrong);
        check(&mut sandbox, "POST /v1/checkout/sessions", &format!("{SESSION}&{wrong}"));
        let open = sandbox.call("POST /v1/checkout/sessions", SESSION);
        check(&mut sandbox, &format!("POST /v1/checkout/sessions/{}/expire", of(&open, "id")), wrong);
        check(
            &mut sandbox,
            "POST /v1/prices",
            &format!(
                "currency=sek&unit_amount=500&product={}&lookup_key=mug&transfer_lookup_key=true&metadata[{long}]=x",
                of(&price, "product")
            ),
        );
        check(
            &mut sandbox,
            &format!("POST /v1/customers/{}", of(&customer, "id")),
            &format!("name=Eve&metadata[{long}]=x"),
        );
        check(
            &mut sandbox,
            &format!("POST /v1/webhook_endpoints/{}", of(&endpoint, "id")),
            &format!("disabled=true&metadata[{long}]=x"),
        );
        check(
            &mut sandbox,
            "POST /v1/webhook_endpoints",
            &format!("url=http://localhost/b&enabled_events[0]=*&{wrong}"),
        );
    }
}
