//! `EventService`.

pub(super) mod reads;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use api_proto::v1::event_service_server::EventService;
use api_proto::v1::*;
use application::EventQuery;
use domain::event::{EventKind, EventPosition, SequencedEvent};
use domain::page::PageSize;
use domain::ports::storage::EventFilter;
use domain::timestamp::Timestamp;
use domain::trace_context::TraceContext;
use domain::validation::{Invalid, Validator};
use futures::{Stream, stream};
use telemetry::table::{EVENT_DELIVERY_SECONDS, EVENT_STREAMS_OPEN};
use telemetry::{OneMore, trace};
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use self::reads::{Question, in_a_task};
use super::{Services, caller, parse};
use crate::convert::output;
use crate::layer::{BegunCall, Credentials};
use crate::status::{status, stopping};

/// The most characters of the id of a thing.
const SUBJECT_CHARS_MAX: usize = 100;
/// How many events are read for a stream at once.
const BATCH: u32 = 100;
/// How often a quiet stream gives a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

#[tonic::async_trait]
impl EventService for Services {
    type StreamEventsStream = Pin<Box<dyn Stream<Item = Result<StreamEventsResponse, Status>> + Send>>;

    async fn list_events(&self, request: Request<ListEventsRequest>) -> Result<Response<ListEventsResponse>, Status> {
        let (caller, m) = caller(request)?;
        let sellers = self.app.event_sellers(&caller, Some(&m.seller_id)).map_err(status)?;
        let (filter, size, after) = parse(|v| {
            let filter = filter(v, &m.types, &m.subject_id);
            let size = v.check("page_size", PageSize::parse(m.page_size));
            let after = v.check("after_cursor", cursor(&m.after_cursor));
            Some((filter?, size?, after?.unwrap_or(EventPosition::START)))
        })?;
        let after = self.known_cursor(after).await?;
        let query = EventQuery { sellers, filter, after, limit: size.get() };
        let events = self.app.list_events(&query).await.map_err(status)?;
        let next = events.last().map_or(after, |last| last.position);
        let events = events.iter().map(output::event).collect();
        Ok(Response::new(ListEventsResponse { events, next_cursor: next.0.to_string() }))
    }

    async fn stream_events(
        &self,
        mut request: Request<StreamEventsRequest>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        let credentials = request.extensions_mut().remove::<Credentials>().unwrap_or(Credentials(None));
        let (caller, m) = caller(request)?;
        let sellers = self.app.event_sellers(&caller, Some(&m.seller_id)).map_err(status)?;
        let (filter, after) = parse(|v| {
            let filter = filter(v, &m.types, &m.subject_id);
            filter.zip(v.check("after_cursor", cursor(&m.after_cursor)))
        })?;
        let after = match after {
            Some(after) => self.known_cursor(after).await?,
            None => self.app.present_event_position().await.map_err(status)?,
        };
        let query = EventQuery { sellers, filter, after, limit: BATCH };
        Ok(Response::new(Box::pin(Follower::new(self.clone(), query, credentials).told())))
    }
}

/// A reader of events. It is driven on as its caller takes what it is told, so that nothing of it may keep a connection to the
/// database: whatever asks that is a task of its own.
struct Follower {
    services: Services,
    query: EventQuery,
    token: Option<String>,
    /// What was read last, which is the same for all who follow the same.
    events: Arc<[SequencedEvent]>,
    /// How many of them were sent.
    sent: usize,
    /// Since when the key was known to be good as that was read.
    allowed_at: Instant,
    /// When something was told last.
    told_at: Instant,
    next: Next,
    /// Up to which position events are known to have been there before the last were read.
    known: EventPosition,
    /// Whether it waits for new events: what was there before is no delay of ours.
    waits: bool,
    /// By which call the stream was asked for, and where in a trace that is.
    call: BegunCall,
    trace: Option<TraceContext>,
    _open: OneMore,
}

/// What a follower does once all that was read is told.
enum Next {
    /// Say where it begins.
    Begin,
    /// Read.
    Read,
    /// Wait: all that there is was read.
    Wait,
}

impl Follower {
    fn new(services: Services, query: EventQuery, credentials: Credentials) -> Self {
        Self {
            services,
            known: query.after,
            query,
            token: credentials.0,
            events: [].into(),
            sent: 0,
            allowed_at: Instant::now(),
            told_at: Instant::now(),
            next: Next::Begin,
            waits: false,
            call: BegunCall::present(),
            trace: trace::current(),
            _open: EVENT_STREAMS_OPEN.one_more([]),
        }
    }

    /// What it is told, until the server stops or something fails.
    fn told(self) -> impl Stream<Item = Result<StreamEventsResponse, Status>> + Send {
        let stop = self.services.stop.clone();
        stream::unfold(Some((self, stop)), async |goes_on| {
            let (mut follower, mut stop) = goes_on?;
            let call = follower.call.clone();
            let message = call.answer(async {
                tokio::select! {
                    // First, since a server that ends begins nothing any more.
                    biased;
                    // An error means that whoever stops us is gone, which comes to the same.
                    _ = stop.wait_for(|stop| *stop) => Err(stopping()),
                    message = follower.next() => message,
                }
            });
            let message = message.await;
            let goes_on = message.is_ok().then_some((follower, stop));
            Some((message, goes_on))
        })
    }

    async fn next(&mut self) -> Result<StreamEventsResponse, Status> {
        loop {
            if self.allowed_at.elapsed() > SIGN_OF_LIFE && 0 < self.sent && self.sent < self.events.len() {
                // Its reader was away for long: the key may be good no more. What is there still is read anew. The first is told
                // as it was read, however long that took, or a slow database would be asked for the same for ever.
                self.sent = self.events.len();
                self.next = Next::Read;
            }
            if let Some(event) = self.events.get(self.sent) {
                self.sent += 1;
                self.query.after = event.position;
                note_delivery(event, self.waits.then(|| self.services.app.now()), self.trace.as_ref());
                let event = output::event(event);
                return Ok(self.message(Some(event)));
            }
            match self.next {
                Next::Begin => {
                    self.next = Next::Read;
                    return Ok(self.message(None));
                }
                Next::Read => {
                    self.events = self.read().await?;
                    self.sent = 0;
                    if self.events.len() < BATCH as usize {
                        self.next = Next::Wait;
                    }
                }
                Next::Wait => {
                    self.waits = true;
                    // What was sent needs no room while others may wait for days.
                    self.events = [].into();
                    self.sent = 0;
                    // Everything up to here was looked at, whether it passed the filter or not: it was known before the
                    // events were read, and what got its position later is found in the next round.
                    self.query.after = self.query.after.max(self.known);
                    let patience = SIGN_OF_LIFE.saturating_sub(self.told_at.elapsed());
                    self.known = self.services.app.wait_for_event(self.query.after, patience).await.map_err(status)?;
                    self.next = Next::Read;
                    // Also where others' events come all the time, so that the cursor goes on with them.
                    if self.told_at.elapsed() >= SIGN_OF_LIFE {
                        if self.known < self.query.after {
                            // Where an older copy has taken the database's place, it would be deaf to what is new there.
                            let (services, after) = (self.services.clone(), self.query.after);
                            in_a_task(&self.call, async move { services.known_cursor(after).await }).await?;
                        }
                        return Ok(self.message(None));
                    }
                }
            }
        }
    }

    /// What is there behind the last event. A key that is revoked or has expired ends its streams too.
    async fn read(&mut self) -> Result<Arc<[SequencedEvent]>, Status> {
        let question = Question { token: self.token.clone(), query: self.query.clone(), known: self.known };
        // Each who waits for it has a status of its own, which tells its own call.
        let read = self.services.reads.read(&self.services.app, question, &self.call).await.map_err(status)?;
        self.allowed_at = read.allowed_at;
        Ok(read.events)
    }

    fn message(&mut self, event: Option<Event>) -> StreamEventsResponse {
        self.told_at = Instant::now();
        StreamEventsResponse { event, cursor: self.query.after.0.to_string() }
    }
}

impl Services {
    /// A cursor that some event has had: one beyond the last is another database's, and would make its reader deaf.
    async fn known_cursor(&self, after: EventPosition) -> Result<EventPosition, Status> {
        let last = self.app.last_event_position().await.map_err(status)?;
        parse(|v| v.check("after_cursor", if after <= last { Ok(after) } else { Err(unknown_cursor()) }))
    }
}

/// Measures how long an event took that was waited for, and tells its delivery in its trace.
fn note_delivery(delivered: &SequencedEvent, now: Option<Timestamp>, follower: Option<&TraceContext>) {
    if let Some(now) = now {
        EVENT_DELIVERY_SECONDS.record([], now.since(delivered.event.occurred_at));
    }
    if delivered.event.trace.is_some() {
        let span = telemetry::span!(
            parent: None,
            "event delivery",
            otel.name = "deliver event",
            otel.kind = "producer",
            messaging.operation.type = "send",
            messaging.message.id = %delivered.event.id,
            paylinks.event.kind = delivered.event.kind.name()
        );
        trace::begin(&span, delivered.event.trace.as_ref());
        trace::link(&span, follower);
    }
}

fn filter(v: &mut Validator, types: &[String], subject_id: &str) -> Option<EventFilter> {
    let kinds = types.iter().enumerate().map(|(index, name)| {
        let unknown = || Invalid::new("UNKNOWN_EVENT_TYPE", "must be a type of event such as invoice.paid");
        v.check(&format!("types[{index}]"), EventKind::from_name(name).ok_or_else(unknown))
    });
    let kinds: Option<Vec<_>> = kinds.collect::<Vec<_>>().into_iter().collect();
    v.check("subject_id", check_subject(subject_id))?;
    // Each once and in one order: who asks for the same is answered by the same, and no more is asked than there are.
    let kinds: BTreeMap<&str, EventKind> = kinds?.into_iter().map(|kind| (kind.name(), kind)).collect();
    Some(EventFilter {
        kinds: kinds.into_values().collect(),
        subject_id: (!subject_id.is_empty()).then(|| subject_id.to_owned()),
    })
}

/// Refuses what can't be an id. It is no free text: the digits of an id may look like a card number's by chance.
fn check_subject(id: &str) -> Result<(), Invalid> {
    if id.len() <= SUBJECT_CHARS_MAX && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(());
    }
    Err(Invalid::new("MALFORMED_ID", "must be the id of a thing, such as inv_0193a5c2e8b27c3a9f0e1d2c3b4a5968"))
}

fn cursor(text: &str) -> Result<Option<EventPosition>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    let position: i64 = text.parse().map_err(|_| unknown_cursor())?;
    if position < 0 { Err(unknown_cursor()) } else { Ok(Some(EventPosition(position))) }
}

fn unknown_cursor() -> Invalid {
    Invalid::new("UNKNOWN_CURSOR", "must be the cursor of an event, 0, or empty")
}

#[cfg(test)]
mod tests;
