//! Two replicas on one PostgreSQL, with the provider as a process of its own, in loops: callers and customers are at work,
//! calls of the provider fail, webhooks are lost, and one of the processes is killed and comes back. Then nothing goes wrong
//! any more, all of it settles, and the books are audited.
//!
//! What is asked for, what fails, who is killed and when follows from a seed; in which order it comes about is the machine's.
//! A round is twenty loops with one database. `cargo xtask torture --loops N --seed S` runs as many rounds as are asked for,
//! each with the seed behind that of the round before; with the other tests there is one.

mod books;
mod callers;
mod plan;
mod reader;
mod world;

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use self::callers::{Answers, Caller};
use self::plan::{Loop, MishapKind};
use self::reader::Reader;
use self::world::World;
use crate::harness::{has_postgres, let_leases_end};

/// The seed where none is named.
const SEED: u64 = 1;
/// The loops of a round: after so many the books are audited, for what was broken off is waited for once then.
const ROUND: usize = 20;
/// The longest that it takes until nothing is left to do.
const SETTLED_WITHIN: Duration = Duration::from_secs(90);
/// For so long what was broken off is left alone: most of it ends by itself.
const LEFT_ALONE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn books_are_in_order_after_kills_and_faults() {
    if !has_postgres() {
        return;
    }
    let first_seed = number("PAYLINKS_TORTURE_SEED").unwrap_or(SEED);
    let mut loops = number("PAYLINKS_TORTURE_LOOPS").map_or(ROUND, |loops| usize::try_from(loops).unwrap());
    let mut seed = first_seed;
    while loops > 0 {
        let of_round = loops.min(ROUND);
        let began = Instant::now();
        let (answered, settling) = play(seed, &Loop::all_of(seed, of_round)).await;
        let took = began.elapsed();
        println!(
            "seed {seed}: {of_round} loops, {answered} requests answered, in {took:?}, of which it settled in {settling:?}"
        );
        loops -= of_round;
        seed = seed.wrapping_add(1);
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}

/// Plays a round; how many requests were answered in it, and how long it took to settle.
async fn play(seed: u64, loops: &[Loop]) -> (usize, Duration) {
    let mut world = World::start().await;
    let answers = Answers::default();
    let mut callers = JoinSet::new();
    let reader = Reader::start(world.channels());
    for now in loops {
        for errand in &now.errands {
            let caller = Caller {
                channels: world.channels(),
                provider_url: world.provider_url(),
                answers: answers.clone(),
                errand: errand.clone(),
            };
            callers.spawn(caller.run());
        }
        happen(&mut world, now).await;
    }
    let began = Instant::now();
    if let Err(why) = settle(&world, &mut callers, (&answers, &reader)).await {
        let files = world.keep_files();
        panic!("seed {seed}, after {} loops: {why}\nlogs are in {}", loops.len(), files.display());
    }
    assert!(answers.count() > loops.len(), "hardly anything was done");
    (answers.count(), began.elapsed())
}

/// Lets go wrong what does in a loop.
async fn happen(world: &mut World, now: &Loop) {
    let began = Instant::now();
    for mishap in &now.mishaps {
        tokio::time::sleep(Duration::from_millis(mishap.at_ms).saturating_sub(began.elapsed())).await;
        match &mishap.kind {
            MishapKind::Fault(fault) => world.control("faults", serde_json::json!([fault])).await,
            MishapKind::Webhooks(policy) => world.control("webhooks/policy", serde_json::json!(policy)).await,
            MishapKind::Kill(victim, down_ms) => world.kill(*victim, Duration::from_millis(*down_ms)).await,
        }
    }
    tokio::time::sleep(Duration::from_secs(1).saturating_sub(began.elapsed())).await;
}

/// Waits until every caller has its answer and the books are in order.
///
/// # Errors
/// They are not in time: why not.
async fn settle(
    world: &World,
    callers: &mut JoinSet<()>,
    (answers, reader): (&Answers, &Reader),
) -> Result<(), String> {
    world.end_mishaps().await;
    let began = Instant::now();
    loop {
        while let Some(ended) = callers.try_join_next() {
            ended.map_err(|died| format!("a caller gave up, see above: {died}"))?;
        }
        let found = match callers.len() {
            0 => books::audit(world).await,
            waiting => Err(format!("{waiting} callers wait for an answer")),
        };
        match found {
            Ok(()) => break,
            Err(why) if began.elapsed() > SETTLED_WITHIN => return Err(why),
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        if began.elapsed() > LEFT_ALONE {
            let_leases_end(&world.connection).await;
        }
    }
    for channel in world.channels() {
        answers.ask_again(&channel).await?;
    }
    reader.expect_all_events(world).await?;
    // Asking again has changed nothing.
    books::audit(world).await?;
    let complaints = world.complaints();
    if complaints.is_empty() { Ok(()) } else { Err(format!("servers logged:\n{}", complaints.join("\n"))) }
}
