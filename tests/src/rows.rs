//! The rows of FEATURES.md on links and checkouts, end to end: each is created over gRPC, paid by a person in a browser, and
//! read back over gRPC; and each refuses what its limits forbid. A row more is an entry more in a table.
//!
//! A table shares a server and a browser; no case reads or changes what another made.

mod asking;
mod case;
mod mishaps;
mod paying;
mod person;
mod refused;
mod selling;
mod stock;

use std::sync::Arc;

use crate::browser;
use crate::harness::{Db, Server, needs};
use case::{Case, Offer};
use person::Person;
use stock::Stock;

/// What the cases of a table share.
struct Scene {
    server: Server,
    driver: browser::Driver,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_paying_is_played_by_a_person_and_read_back() {
    play(paying::cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_asking_is_played_by_a_person_and_read_back() {
    play(asking::cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_selling_is_played_by_a_person_and_read_back() {
    play(selling::cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_customers_do_by_mistake_charges_nobody_twice() {
    play(mishaps::cases).await;
}

/// Apart from the others, for time passes in it.
#[tokio::test(flavor = "multi_thread")]
async fn every_row_that_takes_time_is_played_by_a_person_and_read_back() {
    play(|stock| [paying::later_cases(stock), selling::later_cases()].concat()).await;
}

async fn play(cases: impl Fn(&Stock) -> Vec<Case>) {
    let (Some(chromium), Some(driver)) = (needs("PAYLINKS_TEST_CHROMIUM"), needs("PAYLINKS_TEST_CHROMEDRIVER")) else {
        return;
    };
    let (server, driver) = tokio::join!(Server::start(Db::Sqlite), browser::start(&chromium, &driver, (1_280, 1_000)));
    let stock = Stock::fill(&server).await;
    let scene = Arc::new(Scene { server, driver });
    let mut failed = Vec::new();
    let mut created = Vec::new();
    // All is put on sale before anything is bought, so that what expires has expired when its turn comes.
    for case in cases(&stock) {
        let (row, name, at) = (case.row, case.name, scene.clone());
        match caught(async move { Offer::create(&at.server, &case.creates).await.map(|offer| (case, offer)) }).await {
            Ok(offer) => created.push(offer),
            Err(why) => failed.push(format!("row {row}, {name}: {why}")),
        }
    }
    for (case, offer) in created {
        let (row, name, at) = (case.row, case.name, scene.clone());
        let played = caught(async move {
            let mut person = Person::new(&at.driver, case.screen, format!("row-{row:02}-{}", name.replace(' ', "-")));
            case.play(&at.server, &offer, &mut person).await
        });
        if let Err(why) = played.await {
            Person::new(&scene.driver, case::Screen::Desktop, format!("row-{row:02}-failed")).shoot("").await;
            failed.push(format!("row {row}, {name}: {why}"));
        }
    }
    scene.driver.client.clone().close().await.unwrap();
    assert!(failed.is_empty(), "{} of the cases failed:\n{}", failed.len(), failed.join("\n"));
}

/// What a case comes to; a panic in it is its failure and ends no other case.
async fn caught<T: 'static>(case: impl Future<Output = Result<T, String>> + 'static) -> Result<T, String> {
    // On this thread, for no case runs beside another.
    let thread = tokio::task::LocalSet::new();
    let task = thread.spawn_local(case);
    match thread.run_until(task).await {
        Ok(outcome) => outcome,
        Err(error) => {
            let panic = error.into_panic();
            let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(said.unwrap_or("it panicked").to_owned())
        }
    }
}
