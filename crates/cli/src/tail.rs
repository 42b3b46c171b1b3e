//! `event tail`: events as they come, without a gap, over restarts of the server and breaks of the network.

use std::io::Write;
use std::time::Duration;

use prost_reflect::{DynamicMessage, MethodDescriptor, Value};
use tokio::signal::unix::{SignalKind, signal};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::connection::Connection;
use crate::fault::{Fault, seconds};
use crate::output::Output;
use crate::{call, json, table};

/// How long is waited before the first new try; each one after waits twice as long.
const WAIT_MIN: Duration = Duration::from_millis(250);
/// The longest wait between tries.
const WAIT_MAX: Duration = Duration::from_secs(15);
/// How long the stream may be silent: the server gives a sign of life every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// Follows events until ctrl-c or SIGTERM, which are good ends: the cursor to go on from is told.
///
/// # Errors
/// The server refuses what a new try would not mend, or what comes can't be written.
pub(crate) async fn run<O: Write, N: Write>(
    connection: &Connection,
    method: &MethodDescriptor,
    request: DynamicMessage,
    output: &mut Output<'_, O, N>,
) -> Result<(), Fault> {
    let mut cursor = text(&request, "after_cursor");
    let ended = tokio::select! {
        followed = follow(connection, method, request, &mut cursor, output) => Some(followed),
        stopped = stopped() => stopped.err().map(|error| Err(error.into())),
    };
    // What never began has nothing to go on from, who reads no more asks for nothing, and what is refused is no advice.
    let leads_nowhere = match &ended {
        Some(Err(Fault::Output(_))) => true,
        Some(Err(Fault::Refused { status, .. })) => status.code() == Code::InvalidArgument,
        _ => false,
    };
    if !cursor.is_empty() && !leads_nowhere {
        output.note("cursor", "Go on with --from ", &cursor);
    }
    ended.unwrap_or(Ok(()))
}

/// Waits until someone wants it to end.
async fn stopped() -> std::io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

async fn follow<O: Write, N: Write>(
    connection: &Connection,
    method: &MethodDescriptor,
    mut request: DynamicMessage,
    cursor: &mut String,
    output: &mut Output<'_, O, N>,
) -> Result<(), Fault> {
    let mut wait = WAIT_MIN;
    loop {
        request.set_field_by_name("after_cursor", Value::String(cursor.clone()));
        let status = match call::stream(connection, method, request.clone()).await {
            Ok(mut stream) => loop {
                match tokio::time::timeout(SILENCE_MAX, stream.message()).await {
                    Ok(Ok(Some(message))) => {
                        wait = WAIT_MIN;
                        write(&message, output)?;
                        *cursor = text(&message, "cursor");
                    }
                    Ok(Ok(None)) => break Status::unavailable("the server ended the stream"),
                    Ok(Err(status)) => break status,
                    Err(_) => break Status::unavailable("the server gave no sign of life"),
                }
            },
            Err(status) => status,
        };
        // What never began is told at once: there is no cursor to go on from.
        if cursor.is_empty() || !is_mended_by_time(status.code()) {
            return Err(Fault::refused(status, None));
        }
        let told = status.get_error_details().retry_info().and_then(|info| info.retry_delay);
        let pause = told.unwrap_or(wait).clamp(WAIT_MIN, WAIT_MAX);
        let words = format!("{}; trying again in {} s", status.message(), seconds(pause));
        output.note("broken", "", &crate::values::printable(&words));
        tokio::time::sleep(pause).await;
        wait = (wait * 2).min(WAIT_MAX);
    }
}

/// Whether a new try may do better. A connection that breaks in the middle is told as unknown, internal or canceled.
const fn is_mended_by_time(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::Aborted
            | Code::ResourceExhausted
            | Code::DeadlineExceeded
            | Code::Unknown
            | Code::Internal
            | Code::Cancelled
    )
}

fn text(message: &DynamicMessage, name: &str) -> String {
    message.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Writes the event of a message; a sign of life has none.
fn write<O: Write, N: Write>(message: &DynamicMessage, output: &mut Output<'_, O, N>) -> Result<(), Fault> {
    let has_event = message.has_field_by_name("event");
    let Some(value) = message.get_field_by_name("event").filter(|_| has_event) else { return Ok(()) };
    let Some(event) = value.as_message() else { return Ok(()) };
    let line = if output.is_json { json::line(event) } else { line(event) };
    output.say(&format!("{line}\n"))
}

/// An event on a line: its cursor, its time, what happened, and to what, as it was then.
fn line(event: &DynamicMessage) -> String {
    let subject = event.fields().find(|(field, _)| field.containing_oneof().is_some());
    let subject = subject.and_then(|(_, value)| value.as_message());
    let amount = ["total", "amount"].into_iter();
    let shown = |path: &str| subject.map(|subject| table::cell(subject, path)).unwrap_or_default();
    let amount = amount.map(shown).find(|amount| !amount.is_empty()).unwrap_or_default();
    let [cursor, at, kind] = ["cursor", "create_time", "type"].map(|path| table::cell(event, path));
    let parts = [cursor, at, format!("{kind:<27}"), shown("id"), shown("number"), shown("state"), amount];
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::pool;

    #[test]
    fn an_event_is_a_line_that_says_what_happened_to_what() {
        let event = pool().get_message_by_name("paylinks.v1.Event").unwrap();
        let told = |json: &str| line(&json::parse(&event, json).unwrap());
        insta::assert_snapshot!(told(
            r#"{"id": "evt_1", "cursor": "7", "type": "invoice.paid", "createTime": "2026-11-29T06:30:12Z", "invoice": {"id": "inv_1",
            "number": "INV-1", "state": "INVOICE_STATE_PAID", "total": {"minorUnits": 160875, "currencyCode": "SEK"}}}"#
        ), @"7  2026-11-29 06:30:12Z  invoice.paid                 inv_1  INV-1  paid  1 608.75 SEK");
        insta::assert_snapshot!(told(
            r#"{"cursor": "8", "type": "product.created", "createTime": "2026-11-29T06:30:12Z", "product": {"id": "prod_1"}}"#
        ), @"8  2026-11-29 06:30:12Z  product.created              prod_1");
    }
}
