//! Two servers on one PostgreSQL, asked for the same thing at once. SQLite belongs to one server.

use std::collections::BTreeSet;
use std::time::Duration;

use api_proto::v1;
use futures::future::join_all;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{CREATE_LINK, link_request};
use crate::harness::{Db, Provider, Server, error_parts, has_postgres};

/// How many ask at once.
const CALLERS: usize = 64;

/// Asks until there is an answer, as a caller should: after what says that it will help.
async fn ask(server: &Server, request: v1::CreatePaymentLinkRequest) -> Result<v1::PaymentLink, Status> {
    let mut links = server.links();
    loop {
        match links.create_payment_link(request.clone()).await {
            Ok(answer) => return Ok(answer.into_inner().payment_link.unwrap()),
            Err(status) if matches!(status.code(), Code::Aborted | Code::Unavailable) => {
                let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
                tokio::time::sleep(retry.expect("it says when").min(Duration::from_millis(50))).await;
            }
            Err(status) => return Err(status),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_64_times_at_once_over_two_servers_is_one_link() {
    if !has_postgres() {
        return;
    }
    let provider = Provider::start().await;
    let one = provider.server(Db::Postgres).await;
    let other = one.beside().await;
    let invoice = one.open_invoice(10_000).await;
    let request = link_request(&invoice.id);
    let calls = (0..CALLERS).map(|index| ask(if index % 2 == 0 { &one } else { &other }, request.clone()));
    let links: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert!(links.iter().all(|link| *link == links[0]), "everyone gets the same answer");
    let at_provider = provider.get("payment_links?limit=100").await;
    assert_eq!((one.executed(CREATE_LINK).await, at_provider["data"].as_array().unwrap().len()), (1, 1));
    drop(other);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_one_invoice_over_two_servers_make_one_link_and_the_others_are_told_which() {
    if !has_postgres() {
        return;
    }
    let provider = Provider::start().await;
    let one = provider.server(Db::Postgres).await;
    let other = one.beside().await;
    for round in 1..=5 {
        let invoice = one.open_invoice(10_000).await;
        let calls = (0..8).map(|index| ask(if index % 2 == 0 { &one } else { &other }, link_request(&invoice.id)));
        let (mut made, mut told) = (BTreeSet::new(), BTreeSet::new());
        for answer in join_all(calls).await {
            match answer {
                Ok(link) => assert!(made.insert(link.id), "a link answers one request"),
                Err(status) => {
                    let (code, reason, _) = error_parts(&status);
                    assert_eq!((code, reason.as_str()), (Code::AlreadyExists, "COLLECTABLE_OPEN"));
                    told.insert(status.get_details_error_info().unwrap().metadata["existing"].clone());
                }
            }
        }
        assert_eq!((made.len(), &told, one.executed(CREATE_LINK).await), (1, &made, round));
    }
    drop(other);
}
