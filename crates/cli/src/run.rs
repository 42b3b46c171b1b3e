//! What a command does: it makes its request, calls, and writes what comes.

use std::io::Write;
use std::path::Path;

use clap::ArgMatches;
use prost_reflect::{DynamicMessage, FieldDescriptor, MethodDescriptor, ReflectMessage, Value};

use crate::connection::{Connection, Settings};
use crate::contract::{is_list, is_mutation, method};
use crate::fault::{Fault, RequestId};
use crate::nouns::{Manner, Noun, Verb};
use crate::output::{Output, thing};
use crate::{bounded, call, json, numbers, request, table, tail};

/// The largest request that is read, in bytes: JSON is longer than the message of at most 4 MiB that comes of it.
const REQUEST_BYTES_MAX: u64 = 16 << 20;
/// The most things of a page.
const PAGE_MAX: usize = 100;

/// Runs a command.
///
/// # Errors
/// It could not do what it was to do.
pub(crate) async fn run<O: Write, N: Write>(
    noun: &Noun,
    verb: &Verb,
    arguments: &ArgMatches,
    mut output: Output<'_, O, N>,
) -> Result<(), Fault> {
    let method = method(verb.method);
    let settings = Settings::read(arguments);
    let request = request::build(verb, arguments, read);
    let limit = limit(&method, arguments);
    let (settings, mut request, limit) = match (settings, request, limit) {
        (Ok(settings), Ok(request), Ok(limit)) => (settings, request, limit),
        (settings, request, limit) => {
            let faults = [limit.err(), request.err(), settings.err()];
            return Err(Fault::Input(faults.into_iter().flatten().flatten().collect()));
        }
    };
    if arguments.try_get_one::<String>("request-id").ok().flatten().is_some_and(String::is_empty) {
        // A script whose variable is empty would do it once more with each retry.
        return Err(Fault::Input(vec!["--request-id must not be empty; leave it out to have one made".to_owned()]));
    }
    let request_id = if is_mutation(&method) { Some(request_id(&mut request, arguments, &mut output)) } else { None };
    if settings.exposes_key() {
        output.note("warning", "warning: ", "the API key goes to the server in the clear; https:// would keep it");
    }
    let connection = settings.connect().await.map_err(|fault| fault.for_request(request_id.as_ref()))?;
    let seller = arguments.try_get_one::<String>("seller").ok().flatten().map(String::as_str);
    numbers::resolve(&connection, verb, seller, &mut request).await?;
    if verb.manner == Manner::Tail {
        return tail::run(&connection, &method, request, &mut output).await;
    }
    if is_list(&method) {
        let columns = verb.columns.unwrap_or(noun.columns);
        return list(&Listing { connection: &connection, method: &method, columns, limit }, request, &mut output).await;
    }
    let answered = call::unary(&connection, &method, request).await;
    let answer = answered.map_err(|status| Fault::refused(status, request_id.clone()))?;
    let written = match verb.manner {
        Manner::Document if !output.is_json => {
            document(&thing(&answer), arguments.get_one("output").map(String::as_str), &mut output)
        }
        Manner::QrCode if !output.is_json => {
            let thing = thing(&answer);
            output.qr_code(&thing).and_then(|()| output.say(&format!("{}\n", table::cell(&thing, "url"))))
        }
        _ => match names(&answer) {
            Some(names) => output.names(&names),
            None => output.answer(&answer, matches!(arguments.try_get_one("qr"), Ok(Some(true)))),
        },
    };
    written.map_err(|fault| fault.once_done(request_id))
}

fn read(file: &str) -> std::io::Result<String> {
    match file {
        "-" => bounded::read(std::io::stdin(), REQUEST_BYTES_MAX),
        file => bounded::read_file(file, REQUEST_BYTES_MAX),
    }
}

/// Texts, where they are the whole answer.
fn names(answer: &DynamicMessage) -> Option<Vec<String>> {
    let field = crate::contract::sole_field(&answer.descriptor()).filter(FieldDescriptor::is_list)?;
    Some(answer.get_field(&field).as_list()?.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// The id of the request: as given, or made here, and then told before anything is sent, so that whatever happens the same
/// request can be tried again.
fn request_id<O: Write, N: Write>(
    request: &mut DynamicMessage,
    arguments: &ArgMatches,
    output: &mut Output<'_, O, N>,
) -> RequestId {
    let in_request = request.get_field_by_name("request_id").and_then(|id| id.as_str().map(str::to_owned));
    let given = arguments.get_one::<String>("request-id").cloned().or(in_request).filter(|id| !id.is_empty());
    let is_new = given.is_none();
    let id = given.unwrap_or_else(|| {
        let id = new_id();
        output.note("requestId", "request id: ", &id);
        id
    });
    request.set_field_by_name("request_id", Value::String(id.clone()));
    RequestId { id, is_new }
}

#[expect(clippy::disallowed_methods, reason = "a caller's ids are the caller's, and nothing here depends on them")]
fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// How many are listed; none for all.
fn limit(method: &MethodDescriptor, arguments: &ArgMatches) -> Result<Option<usize>, Vec<String>> {
    if !is_list(method) || arguments.get_flag("all") {
        return Ok(None);
    }
    let limit = arguments.get_one::<String>("limit").map_or("20", String::as_str);
    let expected = || vec!["--limit must be a whole number of 1 or more".to_owned()];
    limit.parse().ok().filter(|limit| *limit > 0).map(Some).ok_or_else(expected)
}

/// What is listed, and how.
struct Listing<'a> {
    connection: &'a Connection,
    method: &'a MethodDescriptor,
    columns: &'a [crate::nouns::Column],
    /// How many at the most; none for all.
    limit: Option<usize>,
}

async fn list<O: Write, N: Write>(
    listing: &Listing<'_>,
    mut request: DynamicMessage,
    output: &mut Output<'_, O, N>,
) -> Result<(), Fault> {
    let mut listed: Vec<DynamicMessage> = Vec::new();
    let mut count = 0;
    let mut is_first = true;
    let has_more = loop {
        let left = listing.limit.map_or(PAGE_MAX, |limit| PAGE_MAX.min(limit - count));
        request.set_field_by_name("page_size", Value::I32(i32::try_from(left).unwrap_or(i32::MAX)));
        let answered = call::unary(listing.connection, listing.method, request.clone()).await;
        let answer = answered.map_err(|status| Fault::refused(status, None))?;
        let (page, beside) = call::things(&answer);
        let is_full = page.len() >= left;
        count += page.len();
        // What comes with each page is told once.
        for thing in page.into_iter().chain(beside.into_iter().filter(|_| is_first)) {
            if output.is_json {
                output.say(&format!("{}\n", json::line(&thing)))?;
            } else {
                listed.push(thing);
            }
        }
        is_first = false;
        let Some(next) = next_page(&answer, is_full) else { break false };
        if listing.limit.is_some_and(|limit| count >= limit) {
            break true;
        }
        let place =
            if request.descriptor().get_field_by_name("page_token").is_some() { "page_token" } else { "after_cursor" };
        request.set_field_by_name(place, Value::String(next));
    };
    if output.is_json {
        return Ok(());
    }
    output.say(&table::table(listing.columns, &listed))?;
    if has_more {
        output.note("more", "There are more: --limit and --all list them.", "");
    }
    Ok(())
}

/// Where the next page begins, if there is one. Events always tell where to go on: there is more behind a page that is full.
fn next_page(answer: &DynamicMessage, is_full: bool) -> Option<String> {
    let text = |name: &str| answer.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned));
    let cursor = text("next_cursor").filter(|_| is_full);
    text("next_page_token").or(cursor).filter(|next| !next.is_empty())
}

/// Writes a document to a file, and tells its name.
fn document<O: Write, N: Write>(
    document: &DynamicMessage,
    to: Option<&str>,
    output: &mut Output<'_, O, N>,
) -> Result<(), Fault> {
    let content = document.get_field_by_name("content");
    let content = content.as_ref().and_then(|content| content.as_bytes()).cloned().unwrap_or_default();
    let path = match to {
        Some("-") => return output.put(&content),
        Some(path) => {
            std::fs::write(path, &content).map_err(|error| unwritable(path, &error))?;
            path.to_owned()
        }
        None => {
            // The name is the server's, so it is held to be one: a file of this directory, and a new one.
            let name = table::cell(document, "file_name");
            if Path::new(&name).file_name().is_none_or(|file| file != name.as_str()) {
                return Err(Fault::Input(vec!["the document has no name: --output says where it goes".to_owned()]));
            }
            let mut options = std::fs::OpenOptions::new();
            let created = options.write(true).create_new(true).open(&name);
            created.and_then(|mut file| file.write_all(&content)).map_err(|error| unwritable(&name, &error))?;
            name
        }
    };
    output.say(&format!("{path}\n"))
}

fn unwritable(path: &str, error: &std::io::Error) -> Fault {
    Fault::Input(vec![format!("{path} can't be written: {error}; --output says where the document goes")])
}
