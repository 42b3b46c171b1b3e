//! Everything that the sandbox remembers, by account: one for each key, as Stripe's accounts see nothing of each other.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::clock::{DAY, NOW_MAX, real_now};
use crate::control::{Fault, WebhookPolicy};
use crate::error::ApiError;
use crate::ids;

/// How long an idempotency key is remembered, in seconds: 24 hours.
const KEY_LIFETIME: i64 = DAY;
/// How long an event can be listed, in seconds: 30 days.
const EVENT_LIFETIME: i64 = 30 * DAY;

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
    collections: BTreeMap<String, Collection>,
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
    #[serde(skip)]
    touched: Touched,
    #[serde(skip)]
    before: Before,
}

/// What may have changed since it was last written.
#[derive(Default)]
struct Touched {
    /// By kind and id, in the order in which they were touched first, which is that of their making.
    objects: Vec<(String, String)>,
    known: HashSet<(String, String)>,
    replays: HashSet<String>,
}

/// What was there before the call that is executed now, so that one that is refused leaves all as it was.
#[derive(Default)]
struct Before {
    /// By kind and id, with the place in the order; none where there was none.
    objects: HashMap<(String, String), Option<(usize, Value)>>,
    line_items: HashMap<String, Option<Vec<LineItem>>>,
    form_tokens: HashMap<String, Option<String>>,
    secrets: HashMap<String, Option<Vec<String>>>,
    /// How many tasks were scheduled; a call only adds to them.
    scheduled: usize,
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
    objects: Vec<(String, String, Option<Value>)>,
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

/// Objects of one kind, in the order of their making.
#[derive(Default, Serialize, Deserialize)]
struct Collection {
    objects: HashMap<String, (usize, Value)>,
    order: Vec<String>,
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
    pub(crate) answer: Option<(u16, Value)>,
}

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
            account.touched = Touched::default();
        }
    }

    #[cfg(test)]
    pub(crate) fn has_changes(&self) -> bool {
        !self.published.is_empty() || self.accounts.values().any(|account| !account.touched.objects.is_empty())
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
    pub(crate) fn enter<'a>(&'a mut self, account: &'a str, public_url: &'a str) -> Ctx<'a> {
        self.dirty = true;
        let now = self.now();
        self.accounts.entry(account.to_owned()).or_default().begin();
        let deliveries_before = self.next_delivery;
        Ctx { state: self, account, public_url, now, published: Vec::new(), deliveries_before }
    }
}

impl Account {
    pub(crate) fn get(&self, kind: &str, id: &str) -> Option<&Value> {
        Some(&self.collections.get(kind)?.objects.get(id)?.1)
    }

    fn take_changes(&mut self) -> AccountChanges {
        let Touched { objects, replays, .. } = std::mem::take(&mut self.touched);
        let of = |id: &String| Some((id.clone(), self.line_items.get(id)?.clone()));
        let token = |id: &String| Some((id.clone(), self.form_tokens.get(id)?.clone()));
        AccountChanges {
            // The line items and the token of a link or session change with it alone.
            line_items: objects.iter().filter_map(|(_, id)| of(id)).collect(),
            form_tokens: objects.iter().filter_map(|(_, id)| token(id)).collect(),
            replays: replays.into_iter().map(|key| (key.clone(), self.replays.get(&key).cloned())).collect(),
            secrets: self.secrets.clone(),
            scheduled: self.scheduled.clone(),
            executed: self.executed.clone(),
            objects: objects
                .into_iter()
                .map(|(kind, id)| {
                    let object = self.get(&kind, &id).cloned();
                    (kind, id, object)
                })
                .collect(),
        }
    }

    fn apply(&mut self, changes: AccountChanges) {
        for (kind, id, object) in changes.objects {
            match (object, self.collections.get_mut(&kind).and_then(|known| known.objects.get_mut(&id))) {
                (Some(object), Some(known)) => known.1 = object,
                (Some(object), None) => self.put(&kind, &id, object),
                (None, _) => {
                    self.remove(&kind, &id);
                }
            }
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
        self.before = Before { scheduled: self.scheduled.len(), ..Before::default() };
    }

    /// Takes back all that was changed since the call began.
    fn undo(&mut self) {
        let Before { objects, line_items, form_tokens, secrets, scheduled } = std::mem::take(&mut self.before);
        for ((kind, id), before) in objects {
            match before {
                None => {
                    self.remove(&kind, &id);
                }
                Some((index, object)) => {
                    let collection = self.collections.entry(kind).or_default();
                    if let Some(place) = collection.order.get_mut(index) {
                        place.clone_from(&id);
                    }
                    collection.objects.insert(id, (index, object));
                }
            }
        }
        restore(&mut self.line_items, line_items);
        restore(&mut self.form_tokens, form_tokens);
        restore(&mut self.secrets, secrets);
        self.scheduled.truncate(scheduled);
        self.begin();
    }

    /// The line items of a link or session.
    pub(crate) fn line_items(&self, id: &str) -> &[LineItem] {
        self.line_items.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn set_line_items(&mut self, id: &str, items: Vec<LineItem>) {
        let before = self.line_items.insert(id.to_owned(), items);
        self.before.line_items.entry(id.to_owned()).or_insert(before);
    }

    pub(crate) fn form_token(&self, id: &str) -> Option<&str> {
        self.form_tokens.get(id).map(String::as_str)
    }

    pub(crate) fn set_form_token(&mut self, id: &str, token: String) {
        let before = self.form_tokens.insert(id.to_owned(), token);
        self.before.form_tokens.entry(id.to_owned()).or_insert(before);
    }

    pub(crate) fn set_secrets(&mut self, id: &str, secrets: Vec<String>) {
        let before = self.secrets.insert(id.to_owned(), secrets);
        self.before.secrets.entry(id.to_owned()).or_insert(before);
    }

    fn touch(&mut self, kind: &str, id: &str) {
        let name = (kind.to_owned(), id.to_owned());
        if !self.before.objects.contains_key(&name) {
            let before = self.collections.get(kind).and_then(|known| known.objects.get(id)).cloned();
            self.before.objects.insert(name.clone(), before);
        }
        if self.touched.known.insert(name.clone()) {
            self.touched.objects.push(name);
        }
    }

    pub(crate) fn get_mut(&mut self, kind: &str, id: &str) -> Option<&mut Value> {
        self.touch(kind, id);
        Some(&mut self.collections.get_mut(kind)?.objects.get_mut(id)?.1)
    }

    fn put(&mut self, kind: &str, id: &str, object: Value) {
        self.touch(kind, id);
        let collection = self.collections.entry(kind.to_owned()).or_default();
        let index = collection.order.len();
        collection.order.push(id.to_owned());
        collection.objects.insert(id.to_owned(), (index, object));
    }

    pub(crate) fn remove(&mut self, kind: &str, id: &str) -> bool {
        self.touch(kind, id);
        // The place in the order stays, empty, so that the others keep theirs.
        let Some(collection) = self.collections.get_mut(kind) else { return false };
        let Some((index, _)) = collection.objects.remove(id) else { return false };
        if let Some(place) = collection.order.get_mut(index) {
            place.clear();
        }
        true
    }

    pub(crate) fn all<'a>(&'a self, kind: &str) -> impl DoubleEndedIterator<Item = &'a Value> + use<'a> {
        let collection = self.collections.get(kind);
        collection.into_iter().flat_map(|c| c.order.iter().filter_map(|id| c.objects.get(id).map(|(_, object)| object)))
    }
}

/// An account in which an operation is executed.
pub(crate) struct Ctx<'a> {
    state: &'a mut State,
    account: &'a str,
    pub(crate) public_url: &'a str,
    pub(crate) now: i64,
    /// The public tokens that this call gave out.
    published: Vec<String>,
    deliveries_before: u64,
}

impl Ctx<'_> {
    pub(crate) fn account(&mut self) -> &mut Account {
        self.state.accounts.entry(self.account.to_owned()).or_default()
    }

    /// An object, or Stripe's 404.
    pub(crate) fn object(&mut self, kind: &'static str, id: &str) -> Result<&Value, ApiError> {
        self.account().get(kind, id).ok_or_else(|| ApiError::missing(kind, id))
    }

    /// An object to change in its place, or Stripe's 404.
    pub(crate) fn object_mut(&mut self, kind: &'static str, id: &str) -> Result<&mut Value, ApiError> {
        self.account().get_mut(kind, id).ok_or_else(|| ApiError::missing(kind, id))
    }

    /// Remembers what is to be done later.
    pub(crate) fn schedule(&mut self, at: i64, task: ScheduledTask) {
        self.account().scheduled.push((at, task));
    }

    /// Puts an object in the place of the one with its id.
    pub(crate) fn replace(&mut self, kind: &str, object: &Value) {
        if let Some(kept) = self.account().get_mut(kind, text(object, "id")) {
            *kept = object.clone();
        }
    }

    /// Adds an object that has an id.
    pub(crate) fn add(&mut self, kind: &str, object: Value) -> Value {
        let id = text(&object, "id").to_owned();
        self.account().put(kind, &id, object.clone());
        object
    }

    /// What was changed so far stays, even if the call is refused.
    pub(crate) fn keep(&mut self) {
        self.account().begin();
        self.published.clear();
        self.deliveries_before = self.state.next_delivery;
    }

    /// Takes back what was changed, and what was told of it: the call was refused.
    pub(crate) fn undo(&mut self) {
        self.account().undo();
        for token in std::mem::take(&mut self.published) {
            self.state.public.remove(&token);
        }
        let before = self.deliveries_before;
        self.state.deliveries.retain(|id, _| *id <= before);
    }

    /// Makes an object reachable by a public token.
    pub(crate) fn publish(&mut self, token: &str, id: &str) {
        self.state.public.insert(token.to_owned(), (self.account.to_owned(), id.to_owned()));
        self.state.published.push(token.to_owned());
        self.published.push(token.to_owned());
    }

    /// Notes that something happened, for the list of events and for webhooks.
    pub(crate) fn emit(&mut self, kind: &str, object: &Value) {
        let id = ids::new("evt");
        let event = json!({
            "id": id, "object": "event", "api_version": crate::server::API_VERSION, "created": self.now,
            "data": {"object": crate::expand::without_expandable(object)}, "livemode": false, "pending_webhooks": 0,
            "request": {"id": null, "idempotency_key": null}, "type": kind,
        });
        self.add("event", event);
        self.state.events += 1;
        let listens = |endpoint: &&Value| {
            endpoint["status"] == "enabled"
                && endpoint["enabled_events"]
                    .as_array()
                    .is_some_and(|names| names.iter().any(|n| n == "*" || n == kind))
        };
        let endpoints: Vec<String> =
            self.account().all("webhook_endpoint").filter(listens).map(|e| text(e, "id").to_owned()).collect();
        if let Some(event) = self.account().get_mut("event", &id) {
            event["pending_webhooks"] = endpoints.len().into();
        }
        // What a leap of the clock brought about happened earlier, and is sent from now on.
        let created = self.state.now();
        for endpoint in endpoints {
            self.state.next_delivery += 1;
            let delivery = Delivery { account: self.account.to_owned(), endpoint, event: id.clone(), created };
            self.state.deliveries.insert(self.state.next_delivery, delivery);
        }
    }

    /// A page of objects that `keep` lets through, newest first, in Stripe's envelope.
    pub(crate) fn list(
        &mut self,
        kind: &'static str,
        url: &str,
        params: &Map<String, Value>,
        keep: impl Fn(&Value) -> bool,
    ) -> Result<Value, ApiError> {
        let limit = limit(params)?;
        let (now, account) = (self.now, self.account());
        let empty = Collection::default();
        let collection = account.collections.get(kind).unwrap_or(&empty);
        let place = |name: &str| match params.get(name).and_then(Value::as_str) {
            None => Ok(None),
            Some(id) => match collection.objects.get(id) {
                Some((index, _)) => Ok(Some(*index)),
                None => Err(ApiError::missing_param(kind, id, name)),
            },
        };
        let (after, before) = (place("starting_after")?, place("ending_before")?);
        let fits = |object: &&Value| {
            keep(object)
                && created_fits(params.get("created"), object["created"].as_i64())
                && (kind != "event" || object["created"].as_i64().is_some_and(|at| now - at <= EVENT_LIFETIME))
        };
        let object_of = |id: &String| collection.objects.get(id).map(|(_, object)| object);
        let mut found: Vec<&Value> = match before {
            // The objects just newer than the one named.
            Some(before) => {
                let newer = collection.order.iter().skip(before + 1).filter_map(object_of).filter(fits);
                newer.take(limit + 1).collect()
            }
            None => {
                let older = collection.order.iter().take(after.unwrap_or(collection.order.len())).rev();
                older.filter_map(object_of).filter(fits).take(limit + 1).collect()
            }
        };
        let has_more = found.len() > limit;
        found.truncate(limit);
        if before.is_some() {
            found.reverse();
        }
        Ok(json!({"object": "list", "url": url, "has_more": has_more, "data": found}))
    }

    /// Begins an execution under an idempotency key; answers what was answered before, if it was.
    pub(crate) fn begin_once(&mut self, key: &str, fingerprint: &str) -> Result<Option<(u16, Value)>, ApiError> {
        let now = self.now;
        let account = self.account();
        account.touched.replays.insert(key.to_owned());
        let replays = &mut account.replays;
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
    pub(crate) fn end_once(&mut self, key: &str, answer: Option<(u16, Value)>) {
        let account = self.account();
        account.touched.replays.insert(key.to_owned());
        let replays = &mut account.replays;
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

fn restore<T>(kept: &mut HashMap<String, T>, before: HashMap<String, Option<T>>) {
    for (id, value) in before {
        match value {
            Some(value) => kept.insert(id, value),
            None => kept.remove(&id),
        };
    }
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

fn created_fits(range: Option<&Value>, created: Option<i64>) -> bool {
    let (Some(range), Some(created)) = (range, created) else { return true };
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
            // The places of what was taken back stay, empty.
            for collection in state["accounts"]["account"]["collections"].as_object_mut().unwrap().values_mut() {
                collection["order"].as_array_mut().unwrap().retain(|id| id != "");
            }
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
