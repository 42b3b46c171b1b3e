//! Everything that the sandbox remembers, by account: one for each key, as Stripe's accounts see nothing of each other.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::clock::{DAY, NOW_MAX, real_now};
use crate::collection::Collection;
use crate::control::{Fault, WebhookPolicy};
use crate::error::ApiError;
use crate::event::Event;
use crate::expand::shown;

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

    /// Works on an account.
    pub(crate) fn enter<'a>(&'a mut self, name: &'a str, public_url: &'a str) -> Ctx<'a> {
        self.dirty = true;
        let now = self.now();
        let Self { accounts, public, published, deliveries, next_delivery, events, .. } = self;
        let account = accounts.entry(name.to_owned()).or_default();
        account.begin();
        let (published_before, deliveries_before) = (published.len(), *next_delivery);
        let told = Told { public, published, deliveries, next_delivery, events, published_before, deliveries_before };
        Ctx { account, name, public_url, now, entered: now, told }
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

/// An account in which an operation is executed.
pub(crate) struct Ctx<'a> {
    account: &'a mut Account,
    name: &'a str,
    pub(crate) public_url: &'a str,
    pub(crate) now: i64,
    /// What `now` was at first.
    entered: i64,
    told: Told<'a>,
}

/// What a call tells to others than its caller.
struct Told<'a> {
    public: &'a mut HashMap<String, (String, String)>,
    published: &'a mut Vec<String>,
    deliveries: &'a mut BTreeMap<u64, Delivery>,
    next_delivery: &'a mut u64,
    events: &'a mut u64,
    /// How many public tokens there were to write before this call.
    published_before: usize,
    deliveries_before: u64,
}

impl Ctx<'_> {
    pub(crate) fn account(&mut self) -> &mut Account {
        self.account
    }

    /// An object, or Stripe's 404.
    pub(crate) fn object(&self, kind: &'static str, id: &str) -> Result<&Value, ApiError> {
        self.account.get(kind, id).ok_or_else(|| ApiError::missing(kind, id))
    }

    /// An object as it is now, to keep: it has no copy of its own as long as nobody changes it. Or Stripe's 404.
    pub(crate) fn shared(&self, kind: &'static str, id: &str) -> Result<Arc<Value>, ApiError> {
        self.account.shared(kind, id).cloned().ok_or_else(|| ApiError::missing(kind, id))
    }

    /// An object to change in its place, or Stripe's 404.
    pub(crate) fn object_mut(&mut self, kind: &'static str, id: &str) -> Result<&mut Value, ApiError> {
        self.account.get_mut(kind, id).ok_or_else(|| ApiError::missing(kind, id))
    }

    /// Remembers what is to be done later.
    pub(crate) fn schedule(&mut self, at: i64, task: ScheduledTask) {
        self.account.scheduled.push((at, task));
    }

    /// Puts an object in the place of the one with its id.
    pub(crate) fn replace(&mut self, kind: &'static str, object: &Value) {
        self.account.replace(kind, text(object, "id"), Arc::new(object.clone()));
    }

    /// Adds an object that has an id; answers a copy, to go on with.
    pub(crate) fn add(&mut self, kind: &'static str, object: Value) -> Value {
        Value::clone(&self.add_shared(kind, object))
    }

    /// Adds an object that has an id; answers it without a copy.
    pub(crate) fn add_shared(&mut self, kind: &'static str, object: Value) -> Arc<Value> {
        let object = Arc::new(object);
        self.account.add(kind, text(&object, "id"), Arc::clone(&object));
        object
    }

    /// What was changed so far stays, even if the call is refused.
    pub(crate) fn keep(&mut self) {
        self.account.begin();
        self.told.published_before = self.told.published.len();
        self.told.deliveries_before = *self.told.next_delivery;
    }

    /// Takes back what was changed, and what was told of it: the call was refused.
    pub(crate) fn undo(&mut self) {
        self.account.undo();
        for token in self.told.published.drain(self.told.published_before..) {
            self.told.public.remove(&token);
        }
        self.told.deliveries.split_off(&(self.told.deliveries_before + 1));
    }

    /// Makes an object reachable by a public token.
    pub(crate) fn publish(&mut self, token: &str, id: &str) {
        self.told.public.insert(token.to_owned(), (self.name.to_owned(), id.to_owned()));
        self.told.published.push(token.to_owned());
    }

    /// Notes that something happened, for the list of events and for webhooks.
    pub(crate) fn emit(&mut self, kind: &str, object: &Value) {
        self.emit_shared(kind, &Arc::new(object.clone()));
    }

    /// The same, of an object that has not to be copied for it.
    pub(crate) fn emit_shared(&mut self, kind: &str, object: &Arc<Value>) {
        let listens = |endpoint: &&Value| {
            endpoint["status"] == "enabled"
                && endpoint["enabled_events"]
                    .as_array()
                    .is_some_and(|names| names.iter().any(|n| n == "*" || n == kind))
        };
        let endpoints: Vec<String> =
            self.account.all("webhook_endpoint").filter(listens).map(|e| text(e, "id").to_owned()).collect();
        let event = Event::new(kind, shown(object), self.now, endpoints.len());
        *self.told.events += 1;
        for endpoint in endpoints {
            *self.told.next_delivery += 1;
            // What a leap of the clock brought about happened earlier, and is sent from now on.
            let (account, event, created) = (self.name.to_owned(), event.id.to_string(), self.entered);
            self.told.deliveries.insert(*self.told.next_delivery, Delivery { account, endpoint, event, created });
        }
        self.account.events.add(Arc::clone(&event.id), event);
    }

    /// A page of objects that `keep` lets through, newest first, in Stripe's envelope.
    pub(crate) fn list(
        &self,
        kind: &'static str,
        url: &str,
        params: &Map<String, Value>,
        keep: impl Fn(&Value) -> bool,
    ) -> Result<Value, ApiError> {
        let fits = |object: &Arc<Value>| keep(object) && created_fits(params, object["created"].as_i64());
        let empty = Collection::default();
        let (found, has_more) = page(self.account.collections.get(kind).unwrap_or(&empty), kind, params, fits)?;
        Ok(envelope(url, found, has_more))
    }

    /// An event as Stripe tells it, or its 404.
    pub(crate) fn event(&self, id: &str) -> Result<Value, ApiError> {
        self.account.events.get(id).map(Event::to_json).ok_or_else(|| ApiError::missing("event", id))
    }

    /// A page of events.
    pub(crate) fn list_events(&self, params: &Map<String, Value>) -> Result<Value, ApiError> {
        let fits = |event: &Event| event.is_listed(params, self.now) && created_fits(params, Some(event.created));
        let (found, has_more) = page(&self.account.events, "event", params, fits)?;
        Ok(envelope("/v1/events", found.into_iter().map(Event::to_json).collect(), has_more))
    }

    /// Begins an execution under an idempotency key; answers what was answered before, if it was.
    pub(crate) fn begin_once(&mut self, key: &str, fingerprint: &str) -> Result<Option<Answer>, ApiError> {
        let now = self.now;
        self.account.touched_replays.insert(key.to_owned());
        let replays = &mut self.account.replays;
        match replays.get(key).filter(|replay| now - replay.at < KEY_LIFETIME) {
            Some(replay) if replay.fingerprint != fingerprint => Err(ApiError::idempotency(format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '{key}' if you meant to execute a different request."
            ))),
            Some(Replay { answer: None, .. }) => Err(ApiError::key_in_use()),
            Some(Replay { answer, .. }) => Ok(answer.clone()),
            None => {
                replays.insert(key.to_owned(), Replay { fingerprint: fingerprint.to_owned(), at: now, answer: None });
                Ok(None)
            }
        }
    }

    /// Remembers the answer under an idempotency key; none where nothing was executed.
    pub(crate) fn end_once(&mut self, key: &str, answer: Option<Answer>) {
        self.account.touched_replays.insert(key.to_owned());
        let replays = &mut self.account.replays;
        match answer {
            Some(answer) => {
                if let Some(replay) = replays.get_mut(key) {
                    replay.answer = Some(answer);
                }
            }
            None => {
                replays.remove(key);
            }
        }
    }
}

fn restore<T>(kept: &mut HashMap<String, T>, id: String, before: Option<T>) {
    match before {
        Some(before) => kept.insert(id, before),
        None => kept.remove(&id),
    };
}

/// The text of a field; empty if it has none.
pub(crate) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_default()
}

/// How many objects a page has.
pub(crate) fn limit(params: &Map<String, Value>) -> Result<usize, ApiError> {
    match params.get("limit").and_then(Value::as_i64).unwrap_or(10) {
        limit @ 1..=100 => Ok(usize::try_from(limit).unwrap_or(10)),
        _ => {
            Err(ApiError::invalid("Limit must be between 1 and 100.").code("parameter_invalid_integer").param("limit"))
        }
    }
}

/// The page that a request asks for of what there is of a kind, and whether there is more.
fn page<'a, T: Clone>(
    all: &'a Collection<T>,
    kind: &'static str,
    params: &Map<String, Value>,
    fits: impl Fn(&T) -> bool,
) -> Result<(Vec<&'a T>, bool), ApiError> {
    let given = |name: &str| params.get(name).and_then(Value::as_str);
    let (after, before) = (given("starting_after"), given("ending_before"));
    all.page((after, before), limit(params)?, fits).map_err(|id| {
        let name = if after == Some(id) { "starting_after" } else { "ending_before" };
        ApiError::missing_param(kind, id, name)
    })
}

fn envelope<T: Serialize>(url: &str, data: Vec<T>, has_more: bool) -> Value {
    json!({"object": "list", "url": url, "has_more": has_more, "data": data})
}

fn created_fits(params: &Map<String, Value>, created: Option<i64>) -> bool {
    let (Some(range), Some(created)) = (params.get("created"), created) else { return true };
    if let Some(exact) = range.as_i64() {
        return created == exact;
    }
    let bound = |name: &str| range[name].as_i64();
    bound("gt").is_none_or(|b| created > b)
        && bound("gte").is_none_or(|b| created >= b)
        && bound("lt").is_none_or(|b| created < b)
        && bound("lte").is_none_or(|b| created <= b)
}

/// Applies a change of metadata: an empty value unsets its key, null unsets all.
pub(crate) fn merge_metadata(object: &mut Value, change: Option<&Value>) -> Result<(), ApiError> {
    merge_metadata_at(object, change, "metadata")
}

/// The same, for metadata that a request has at another place.
pub(crate) fn merge_metadata_at(object: &mut Value, change: Option<&Value>, path: &str) -> Result<(), ApiError> {
    match change {
        None => return Ok(()),
        Some(Value::Object(pairs)) => {
            let mut metadata = object["metadata"].as_object().cloned().unwrap_or_default();
            for (key, value) in pairs {
                let value = value.as_str().unwrap_or_default();
                let refused =
                    |message: &str| Err(ApiError::invalid(message.to_owned()).param(format!("{path}[{key}]")));
                if key.chars().count() > 40 {
                    return refused("Metadata keys must be at most 40 characters.");
                }
                if value.chars().count() > 500 {
                    return refused("Metadata values must be at most 500 characters.");
                }
                if value.is_empty() {
                    metadata.remove(key);
                } else {
                    metadata.insert(key.clone(), value.into());
                }
            }
            if metadata.len() > 50 {
                return Err(ApiError::invalid("You can have at most 50 metadata keys.").param(path));
            }
            object["metadata"] = metadata.into();
        }
        Some(_) => object["metadata"] = json!({}),
    }
    Ok(())
}

/// Copies the parameters named, where given, onto an object.
pub(crate) fn copy(object: &mut Value, params: &Map<String, Value>, names: &[&str]) {
    for name in names {
        if let Some(value) = params.get(*name) {
            object[*name] = value.clone();
        }
    }
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
