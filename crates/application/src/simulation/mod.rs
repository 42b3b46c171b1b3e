//! Simulated histories: callers, customers, two replicas, and all that may go wrong, in an order that follows from a seed.
//!
//! A history is a list of steps. Each begins after a pause, and goes on beside those before it; every call of a port takes
//! its time, so that tasks overtake one another, and time itself stands still while there is something to do. At the end
//! nothing goes wrong any more, the workers finish what they find, and then [the books](books) must be in order.
//!
//! Some histories are played with every run of the tests, and as many as `PAYLINKS_SIMULATION_HISTORIES` says. One that
//! fails tells its seed, and which of its steps it needs to fail; `PAYLINKS_SIMULATION_SEED` plays it alone.

mod books;
mod callers;
mod history;
mod stories;
mod takeover;
mod world;

use std::num::NonZero;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use history::History;

/// Histories are made of many small things.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many histories are played where nothing is said.
const HISTORIES: u64 = 100;

/// Plays a history; why its books are not in order.
fn play(history: &History) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(world::live_through(history))))
        .unwrap_or_else(|_| Err("a panic, see above".to_owned()))
}

/// Plays the histories of these seeds, as many at once as there are processors; which of them fail, and why, in the order of
/// their seeds.
fn play_all(seeds: Range<u64>) -> Vec<(u64, String)> {
    let next = AtomicU64::new(seeds.start);
    let play_some = || {
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return failed;
            }
            failed.extend(play(&History::from_seed(seed)).err().map(|why| (seed, why)));
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut failed = thread::scope(|scope| {
        let players: Vec<_> = (0..threads).map(|_| scope.spawn(play_some)).collect();
        players.into_iter().flat_map(|player| player.join().unwrap()).collect::<Vec<_>>()
    });
    failed.sort_unstable();
    failed
}

/// The history without what it does not need to fail.
fn shrink(history: &History) -> History {
    let mut least = history.clone();
    let mut piece = least.steps.len().div_ceil(2);
    loop {
        let mut from = 0;
        while from < least.steps.len() {
            let mut fewer = least.clone();
            fewer.steps.drain(from..(from + piece).min(least.steps.len()));
            if play(&fewer).is_err() {
                least = fewer;
            } else {
                from += piece;
            }
        }
        if piece == 1 {
            return least;
        }
        piece = piece.div_ceil(2);
    }
}

fn number_from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

#[test]
fn histories_end_with_the_books_in_order() {
    let seeds = match number_from_environment("PAYLINKS_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number_from_environment("PAYLINKS_SIMULATION_HISTORIES").unwrap_or(HISTORIES),
    };
    let began = std::time::Instant::now();
    let count = seeds.end - seeds.start;
    let failed = play_all(seeds);
    println!("{count} histories in {:?}", began.elapsed());
    if let Some((seed, _)) = failed.first() {
        let least = shrink(&History::from_seed(*seed));
        let all: Vec<_> = failed.iter().map(|(seed, why)| format!("seed {seed}: {why}")).collect();
        panic!("{}\nthe first with less: {}\n{least}", all.join("\n"), play(&least).unwrap_err());
    }
}

#[test]
fn a_history_follows_from_its_seed() {
    for seed in 0..5 {
        let history = History::from_seed(seed);
        assert_eq!(history, History::from_seed(seed));
        let ends = [(); 2].map(|()| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(world::end_of(&history)).unwrap()
        });
        assert_eq!(ends[0], ends[1], "seed {seed}");
    }
}
