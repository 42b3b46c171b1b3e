//! An account in which an operation is executed: what the operation sees of it, and what it tells.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Account, Answer, Delivery, KEY_LIFETIME, Replay, ScheduledTask, State, text};
use crate::collection::Collection;
use crate::error::ApiError;
use crate::event::Event;
use crate::expand::shown;

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

impl State {
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
