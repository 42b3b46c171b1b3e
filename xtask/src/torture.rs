//! `cargo xtask torture`: two servers on one PostgreSQL that are killed under load, loop after loop. The scenario is a test of
//! the whole, which plays a short one with all others.

use anyhow::{Context, Result};

use crate::{postgres, repo, test};

/// The scenario, among the tests of the whole.
const SCENARIO: &str = "torture::books_are_in_order_after_kills_and_faults";

pub(crate) fn run(loops: u32, seed: Option<u64>) -> Result<()> {
    // Of a length that can be typed.
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let (url, cluster) = test::postgres()?;
    let binary = test::build_server()?;
    repo::say(&format!("torture: {loops} loops from seed {seed}"));
    let mut scenario = repo::cargo();
    // Of the whole workspace, as `cargo xtask test` builds it: by itself, the package has dependencies with other features.
    scenario.args(["test", "--quiet", "--locked", "--workspace", "--lib", "--", "--exact", SCENARIO, "--nocapture"]);
    scenario.env(postgres::URL, url).env(test::BINARY, binary);
    scenario.env("PAYLINKS_TORTURE_LOOPS", loops.to_string()).env("PAYLINKS_TORTURE_SEED", seed.to_string());
    let played = repo::run(&mut scenario);
    drop(cluster);
    played.with_context(|| format!("torture: the books are not in order: {loops} loops from seed {seed}"))?;
    repo::say(&format!("torture: the books are in order after {loops} loops from seed {seed}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenario_is_there() {
        // A name that is nobody's runs no test, and fails nothing.
        let (module, name) = SCENARIO.split_once("::").unwrap();
        let source = std::fs::read_to_string(repo::root().join(format!("tests/src/{module}/mod.rs"))).unwrap();
        assert!(source.contains(&format!("async fn {name}()")));
    }
}
