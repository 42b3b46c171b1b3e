//! `EventService`.

use std::pin::Pin;
use std::time::Duration;

use api_proto::v1::event_service_server::EventService;
use api_proto::v1::*;
use application::EventQuery;
use domain::event::{EventKind, EventPosition, SequencedEvent};
use domain::page::PageSize;
use domain::ports::storage::EventFilter;
use domain::timestamp::Timestamp;
use domain::validation::{Invalid, Validator};
use futures::Stream;
use telemetry::table::{EVENT_DELIVERY_SECONDS, EVENT_STREAMS_OPEN};
use telemetry::trace;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{Services, caller, parse};
use crate::convert::output;
use crate::layer::Credentials;
use crate::status::{status, stopping};

/// The most characters of the id of a thing.
const SUBJECT_CHARS_MAX: usize = 100;
/// How many events are read for a stream at once.
const BATCH: u32 = 100;
/// How many messages wait for a slow reader before reading stops for it.
const BUFFER: usize = 16;
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
            None => self.app.last_event_position().await.map_err(status)?,
        };
        let (sender, receiver) = mpsc::channel(BUFFER);
        let query = EventQuery { sellers, filter, after, limit: BATCH };
        let open = EVENT_STREAMS_OPEN.one_more([]);
        let following = self.clone().follow((query, credentials), sender);
        tokio::spawn(trace::carried(async move {
            let _open = open;
            following.await;
        }));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

type Sender = mpsc::Sender<Result<StreamEventsResponse, Status>>;

impl Services {
    /// A cursor that some event has had: one beyond the last is another database's, and would make its reader deaf.
    async fn known_cursor(&self, after: EventPosition) -> Result<EventPosition, Status> {
        let last = self.app.last_event_position().await.map_err(status)?;
        parse(|v| v.check("after_cursor", if after <= last { Ok(after) } else { Err(unknown_cursor()) }))
    }

    /// Sends events until the reader goes away or the server stops.
    async fn follow(mut self, (query, credentials): (EventQuery, Credentials), sender: Sender) {
        let mut stop = self.stop.clone();
        let stopped = async move {
            // An error means that whoever stops us is gone, which comes to the same.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        let ended = tokio::select! {
            ended = self.send_all((query, credentials), &sender) => ended,
            () = stopped => Some(stopping()),
            () = sender.closed() => None,
        };
        if let Some(ended) = ended {
            // A reader that is gone needs no farewell.
            let _ = sender.send(Err(ended)).await;
        }
    }

    /// Ends with nothing if the reader is gone, else with why it can't go on.
    async fn send_all(
        &mut self,
        (mut query, credentials): (EventQuery, Credentials),
        sender: &Sender,
    ) -> Option<Status> {
        if !send(sender, None, query.after).await {
            return None;
        }
        // What was there before is no delay of ours.
        let mut waits = false;
        loop {
            // A key that is revoked or has expired ends its streams too.
            if let Err(error) = self.app.authenticate(credentials.0.as_deref()).await {
                return Some(status(error));
            }
            // Read before the events: what gets its position later is found in the next round.
            let last = match self.app.last_event_position().await {
                Ok(last) => last,
                Err(error) => return Some(status(error)),
            };
            let events = match self.app.list_events(&query).await {
                Ok(events) => events,
                Err(error) => return Some(status(error)),
            };
            let is_all = events.len() < BATCH as usize;
            for event in &events {
                query.after = event.position;
                note_delivery(event, waits.then(|| self.app.now()));
                if !send(sender, Some(output::event(event)), event.position).await {
                    return None;
                }
            }
            if !is_all {
                continue;
            }
            waits = true;
            // Everything up to here was looked at, whether it passed the filter or not.
            query.after = query.after.max(last);
            if let Err(error) = self.app.wait_for_event(query.after, SIGN_OF_LIFE).await {
                return Some(status(error));
            }
            let is_quiet = self.app.last_event_position().await.is_ok_and(|now| now <= query.after);
            if is_quiet && !send(sender, None, query.after).await {
                return None;
            }
        }
    }
}

/// Measures how long an event took that was waited for, and tells its delivery in its trace.
fn note_delivery(delivered: &SequencedEvent, now: Option<Timestamp>) {
    if let Some(now) = now {
        EVENT_DELIVERY_SECONDS.record([], now.since(delivered.event.occurred_at));
    }
    if delivered.event.trace.is_some() {
        let follower = trace::current();
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
        trace::link(&span, follower.as_ref());
    }
}

async fn send(sender: &Sender, event: Option<Event>, position: EventPosition) -> bool {
    sender.send(Ok(StreamEventsResponse { event, cursor: position.0.to_string() })).await.is_ok()
}

fn filter(v: &mut Validator, types: &[String], subject_id: &str) -> Option<EventFilter> {
    let kinds = types.iter().enumerate().map(|(index, name)| {
        let unknown = || Invalid::new("UNKNOWN_EVENT_TYPE", "must be a type of event such as invoice.paid");
        v.check(&format!("types[{index}]"), EventKind::from_name(name).ok_or_else(unknown))
    });
    let kinds: Option<Vec<_>> = kinds.collect::<Vec<_>>().into_iter().collect();
    v.check("subject_id", check_subject(subject_id))?;
    Some(EventFilter { kinds: kinds?, subject_id: (!subject_id.is_empty()).then(|| subject_id.to_owned()) })
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
