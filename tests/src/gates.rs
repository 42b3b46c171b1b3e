//! The gates: every method of the contract, as its descriptors list them, called with every kind of key. A method that no
//! case speaks of fails the tests, so that none is forgotten.

mod cards;
mod cases;
mod contract;
mod parsers;
mod secrets;
mod stock;

use std::collections::{BTreeMap, BTreeSet};

use tonic::{Code, Status};

use self::contract::{Method, Text, methods, with_text};
use self::stock::{OPEN, Own, SHARED, Stock};
use crate::access::create_key;
use crate::harness::raw::{Answer, call};
use crate::harness::{Db, Server, error_parts, eventually, on_both_databases};

on_both_databases!(
    every_method_is_closed_to_who_may_not_call_it,
    every_method_hides_what_another_seller_has,
    a_key_that_expires_opens_nothing_more_and_two_are_good_at_once,
);

/// What a method's name begins with if it changes nothing.
const READING: [&str; 6] = ["Calculate", "Get", "List", "Render", "Share", "Stream"];

/// What decides how a seller is taxed from then on.
const ADMINISTERING: [&str; 2] = ["CreateTaxRegistration", "EndTaxRegistration"];

/// The scopes that open a method.
fn scopes(method: &Method) -> &'static [&'static str] {
    let own = method.name.rsplit('/').next().unwrap();
    if ADMINISTERING.contains(&own) {
        &["admin"]
    } else if READING.iter().any(|verb| own.starts_with(verb)) {
        &["read", "write", "admin"]
    } else {
        &["write", "admin"]
    }
}

/// The fields of a method's request that hold ids. Of a stored thing an update names the id, and reads what its mask allows.
fn ids(method: &Method) -> impl Iterator<Item = &str> {
    let last = |text: &Text| text.path.rsplit('.').next().unwrap_or_default().to_owned();
    let is_one = move |text: &&Text| {
        is_id(&last(text)) && (!text.is_of_stored || (text.numbers.len() == 2 && last(text) == "id"))
    };
    method.texts.iter().filter(is_one).map(|text| text.path.as_str())
}

fn is_id(name: &str) -> bool {
    (name == "id" || name.ends_with("_id") || name.ends_with("_ids")) && !["request_id", "seller_id"].contains(&name)
}

fn code(answer: &Answer) -> Code {
    answer.as_ref().map_or_else(Status::code, |_| Code::Ok)
}

/// Code and reason.
fn reason(answer: &Answer) -> (Code, String) {
    answer.as_ref().map_or_else(|status| (status.code(), error_parts(status).1), |_| (Code::Ok, String::new()))
}

async fn every_method_is_closed_to_who_may_not_call_it(db: Db) {
    let server = Server::start_with(db, SHARED).await;
    let mut keys = BTreeMap::new();
    for scope in ["read", "write", "admin"] {
        keys.insert(scope, create_key(&server, scope, "one", &[]).await.1);
    }
    let admin = keys["admin"].clone();
    let (revoked_id, revoked) = create_key(&server, "admin", "one", &[]).await;
    server.command(&["keys", "revoke", &revoked_id]).await;
    let (_, expired) = create_key(&server, "admin", "one", &["--expires-in", "1s"]).await;
    let list = "/paylinks.v1.InvoiceService/ListInvoices";
    eventually(async || (code(&call(&server, list, Some(&expired), vec![]).await) != Code::Ok).then_some(())).await;
    let (public, secret) = admin.rsplit_once('_').unwrap();
    let other_secret = format!("{public}_{}", secret.chars().rev().collect::<String>());
    let wrong =
        [&revoked, &expired, &other_secret, &admin[..admin.len() - 1], public, &format!("{admin}_"), "nonsense", ""]
            .map(str::to_owned);

    let mut failed = Vec::new();
    let mut expect = |what: String, seen: (Code, String), want: (Code, &str)| {
        if (seen.0, seen.1.as_str()) != want {
            failed.push(format!("{what}: {seen:?}, not {want:?}"));
        }
    };
    for method in methods() {
        let seen = reason(&call(&server, &method.path(), None, vec![]).await);
        expect(format!("{} without a key", method.name), seen, (Code::Unauthenticated, "CREDENTIALS_MISSING"));
        for token in &wrong {
            let seen = reason(&call(&server, &method.path(), Some(token), vec![]).await);
            expect(format!("{} by {token}", method.name), seen, (Code::Unauthenticated, "CREDENTIALS_INVALID"));
        }
        for (scope, token) in &keys {
            let seen = reason(&call(&server, &method.path(), Some(token), vec![]).await);
            let closed = (Code::PermissionDenied, "SCOPE_INSUFFICIENT".to_owned());
            let is_open = scopes(&method).contains(scope);
            let passes = seen != closed && !matches!(seen.0, Code::Unauthenticated | Code::Unimplemented);
            if is_open != passes || (!is_open && seen != closed) {
                expect(format!("{} by {scope}", method.name), seen, (Code::Ok, "open or closed"));
            }
        }
    }
    // What nobody has thought of is for the widest scope, and is not there.
    for path in ["/paylinks.v1.InvoiceService/GetEverything", "/paylinks.v2.InvoiceService/ListInvoices", "/", "/x"] {
        for (scope, want) in [
            ("read", (Code::PermissionDenied, "SCOPE_INSUFFICIENT")),
            ("write", (Code::PermissionDenied, "SCOPE_INSUFFICIENT")),
            ("admin", (Code::Unimplemented, "")),
        ] {
            let seen = reason(&call(&server, path, Some(&keys[scope]), vec![]).await);
            expect(format!("{path} by {scope}"), seen, want);
        }
        let seen = reason(&call(&server, path, None, vec![]).await);
        expect(format!("{path} without a key"), seen, (Code::Unauthenticated, "CREDENTIALS_MISSING"));
    }
    // Reflection needs a key as well here; health needs none.
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let seen = reason(&call(&server, reflection, None, vec![]).await);
    expect(reflection.to_owned(), seen, (Code::Unauthenticated, "CREDENTIALS_MISSING"));
    for (method, want) in [("Check", Code::Ok), ("Reset", Code::Unauthenticated)] {
        let path = format!("/grpc.health.v1.Health/{method}");
        let reason = if want == Code::Ok { "" } else { "CREDENTIALS_MISSING" };
        let seen = self::reason(&call(&server, &path, None, vec![]).await);
        expect(path, seen, (want, reason));
    }
    assert!(failed.is_empty(), "{} calls were not answered as they should:\n{}", failed.len(), failed.join("\n"));
}

async fn every_method_hides_what_another_seller_has(db: Db) {
    let server = Server::start_with(db, OPEN).await;
    let stock = Box::pin(Stock::fill(&server)).await;
    let server = server.restart_with(SHARED).await;
    let mut callers = Vec::new();
    for seller in ["two", "one"] {
        let token = create_key(&server, "admin", seller, &[]).await.1;
        let own = Own::fill(&server, &token).await;
        callers.push((seller, token, own));
    }
    let mut failed = Vec::new();
    let cases = cases::all(&stock);
    check_that_nothing_is_forgotten(&cases);
    // First by the seller whose things they are not, to whom they are what was never there. Then by their own, to see
    // that each question has its answer.
    for (seller, token, own) in &callers {
        for case in &cases {
            let never = format!("{}_0193a5c2e8b27c3a9f0e1d2c3b4a5968", case.known.split('_').next().unwrap());
            let path = format!("/paylinks.v1.{}", case.method);
            let known = call(&server, &path, Some(token), (case.ask)(&case.known, own)).await;
            let unknown = call(&server, &path, Some(token), (case.ask)(&never, own)).await;
            let (seen, never_seen) = (told(&known, &case.known), told(&unknown, &never));
            let what = format!("{}, {}, by seller {seller}", case.method, case.field);
            if *seller == "one" {
                if seen == never_seen || code(&known) == Code::NotFound {
                    failed.push(format!("{what}: nothing that is there is told: {seen:?}"));
                }
            } else if seen != never_seen {
                failed.push(format!("{what}: {seen:?}, but of what never was {never_seen:?}"));
            } else if code(&known) != case.foreign {
                failed.push(format!("{what}: {seen:?}, not {}", case.foreign));
            }
        }
    }
    // A seller that is named is not found either, whatever else is asked.
    let token = &callers[0].1;
    for method in methods() {
        let Some(number) = method.seller_id else { continue };
        let named = |seller: &str| with_text(&[number], seller);
        let known = call(&server, &method.path(), Some(token), named("one")).await;
        let unknown = call(&server, &method.path(), Some(token), named("nobody")).await;
        if code(&known) != Code::NotFound || told(&known, "one") != told(&unknown, "nobody") {
            failed.push(format!("{} for seller one: {:?}, but {:?} for nobody", method.name, known, unknown));
        }
    }
    assert!(failed.is_empty(), "{} answers tell of another seller:\n{}", failed.len(), failed.join("\n"));
}

/// All that an answer tells whoever asked for a thing, but its id.
fn told(answer: &Answer, id: &str) -> (Code, String, Vec<String>, String, Vec<u8>) {
    match answer {
        Ok(body) => (Code::Ok, String::new(), Vec::new(), String::new(), body.clone()),
        Err(status) => {
            let (code, reason, fields) = error_parts(status);
            (code, reason, fields, status.message().replace(id, "…"), Vec::new())
        }
    }
}

/// Each id in each request has its case, or a reason for none.
fn check_that_nothing_is_forgotten(cases: &[cases::Case]) {
    let methods = methods();
    let described: BTreeSet<_> =
        methods.iter().flat_map(|method| ids(method).map(|id| (method.name.as_str(), id))).collect();
    let spoken_of: BTreeSet<_> = cases.iter().map(|case| (case.method, case.field)).collect();
    let is_nobodys = |field: &str| cases::NOBODYS.iter().any(|(name, _)| field == *name);
    let forgotten: Vec<_> = described
        .iter()
        .filter(|(method, field)| !spoken_of.contains(&(*method, *field)) && !is_nobodys(field))
        .collect();
    assert!(forgotten.is_empty(), "ids that no case asks for: {forgotten:#?}");
    let gone: Vec<_> = spoken_of.difference(&described).collect();
    assert!(gone.is_empty(), "cases of ids that are not there: {gone:#?}");
    for method in &methods {
        let is_covered = method.seller_id.is_some() || cases.iter().any(|case| case.method == method.name);
        assert!(is_covered || cases::OF_NO_SELLER.contains(&method.name.as_str()), "{} has no case", method.name);
    }
}

async fn a_key_that_expires_opens_nothing_more_and_two_are_good_at_once(db: Db) {
    let server = Server::start_with(db, SHARED).await;
    let list = "/paylinks.v1.InvoiceService/ListInvoices";
    let ask = async |token: &str| code(&call(&server, list, Some(token), vec![]).await);
    let (old_id, old) = create_key(&server, "write", "one", &["--expires-in", "90d"]).await;
    let (new_id, new) = create_key(&server, "write", "one", &[]).await;
    let row = async |id: &str| {
        let listed = server.command(&["keys", "list"]).await;
        listed.lines().find(|line| line.starts_with(id)).unwrap().to_owned()
    };
    // While one is rolled, both are good; the list says whether the old one is still in use.
    assert_eq!((ask(&old).await, ask(&new).await), (Code::Ok, Code::Ok));
    let (first, unused) = (row(&old_id).await, create_key(&server, "read", "one", &[]).await.0);
    assert!(!first.contains("never") && first.contains("active"), "{first}");
    assert!(row(&unused).await.matches("never").count() == 2, "it has no end and was not used");
    assert_eq!(ask(&old).await, Code::Ok);
    assert_eq!(row(&old_id).await, first, "a use is noted once a minute at most");
    server.command(&["keys", "revoke", &old_id]).await;
    assert_eq!((ask(&old).await, ask(&new).await), (Code::Unauthenticated, Code::Ok));
    assert!(row(&new_id).await.contains("active"));

    let (short_id, short) = create_key(&server, "read", "one", &["--expires-in", "1s"]).await;
    eventually(async || (ask(&short).await == Code::Unauthenticated).then_some(())).await;
    assert!(row(&short_id).await.contains("expired"));
    let ended = call(&server, "/paylinks.v1.EventService/StreamEvents", Some(&short), vec![]).await;
    assert_eq!(code(&ended), Code::Unauthenticated);
}
