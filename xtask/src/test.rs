//! `cargo xtask test`: what the tests need, then all of them. What must be skipped is named; in CI nothing may be.

use anyhow::{Result, bail};

use crate::postgres::Cluster;
use crate::{browser, pdf_tools, postgres, python, repo};

/// The variable by which a test finds the binary.
pub(crate) const BINARY: &str = "PAYLINKS_TEST_BINARY";
/// The mail server that tests send to.
const MAIL_SERVER: &str = "aiosmtpd==1.4.6";

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut skipped = Vec::new();
    let mut environment: Vec<(&str, String)> = Vec::new();
    let mut cluster = None;
    match postgres() {
        Ok((url, started)) => {
            environment.push((postgres::URL, url));
            cluster = started;
        }
        Err(error) => skipped.push(format!("tests on PostgreSQL: {error:#}")),
    }
    let outage_cluster = Cluster::start();
    match &outage_cluster {
        Ok(cluster) => {
            environment.push((postgres::OUTAGE_URL, cluster.url.clone()));
            environment.push((postgres::OUTAGE_PG_CTL, cluster.pg_ctl().join(" ")));
            environment.push((postgres::PROGRAMS, cluster.programs().display().to_string()));
        }
        Err(error) => skipped.push(format!("the test of a killed PostgreSQL: {error:#}")),
    }
    match browser::find() {
        Ok((chromium, driver)) => {
            environment.push((browser::CHROMIUM, chromium.display().to_string()));
            environment.push((browser::CHROMEDRIVER, driver.display().to_string()));
        }
        Err(error) => skipped.push(format!("tests in a browser: {error:#}")),
    }
    match pdf_tools::find() {
        Ok((pdftotext, qpdf)) => {
            environment.push((pdf_tools::PDFTOTEXT, pdftotext.display().to_string()));
            environment.push((pdf_tools::QPDF, qpdf.display().to_string()));
        }
        Err(error) => skipped.push(format!("tests of what PDFs say: {error:#}")),
    }
    match python::environment("tests/python", &[MAIL_SERVER]) {
        Ok(programs) => {
            environment.push(("PAYLINKS_TEST_MAIL_PYTHON", programs.join("python3").display().to_string()));
        }
        Err(error) => skipped.push(format!("tests of mail: {error:#}")),
    }
    if repo::is_ci() && !skipped.is_empty() {
        bail!("in CI nothing may be skipped, but: {}", skipped.join("; "));
    }
    environment.push((BINARY, build_server()?));
    let tested = run_tests(arguments, &environment);
    drop((cluster, outage_cluster));
    for what in &skipped {
        repo::say(&format!("skipped: {what}"));
    }
    tested
}

/// The server that is named, or one of our own, which ends with its handle.
pub(crate) fn postgres() -> Result<(String, Option<Cluster>)> {
    if let Ok(url) = std::env::var(postgres::URL) {
        return Ok((url, None));
    }
    let cluster = Cluster::start()?;
    Ok((cluster.url.clone(), Some(cluster)))
}

/// Builds the binary that the tests of the whole run; where it is. It is built with all else: by itself it would have other
/// features of what it depends on, and everything would be compiled twice.
pub(crate) fn build_server() -> Result<String> {
    repo::run(repo::cargo().args(["build", "--locked", "--workspace", "--bins", "--tests"]))?;
    Ok(repo::target().join("debug/paylinks").display().to_string())
}

fn run_tests(arguments: &[String], environment: &[(&str, String)]) -> Result<()> {
    let with_environment = |mut command: std::process::Command| {
        command.envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
        command
    };
    let has_nextest = repo::output(repo::cargo().args(["nextest", "--version"])).is_ok();
    let mut unit = with_environment(repo::cargo());
    if has_nextest {
        unit.args(["nextest", "run", "--locked", "--workspace"]).args(arguments);
    } else {
        unit.args(["test", "--locked", "--workspace", "--lib", "--bins", "--tests", "--"]).args(arguments);
    }
    repo::run(&mut unit)?;
    // Doc examples, with the mock ports that they show.
    let mut docs = with_environment(repo::cargo());
    repo::run(docs.args(["test", "--locked", "--doc", "-p", "domain", "--features", "domain/mocks"]))
}
