//! What the service asks its database for one call, as the server's log tells it, written as a script for pgbench: the
//! yardstick then has the same statements and commits, also once they change.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::databases;

/// How long the log may lag behind.
const PATIENCE: Duration = Duration::from_secs(10);

/// One statement of a session, with the values of its parameters.
#[derive(Debug, Clone, PartialEq)]
struct Logged {
    session: String,
    sql: String,
    values: Vec<Option<String>>,
}

/// A script, and the values of the variables that it has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Script {
    pub(crate) text: String,
    pub(crate) variables: Vec<(String, String)>,
    /// How many statements it has, and how many of them commit.
    pub(crate) statements: usize,
    pub(crate) commits: usize,
}

/// Whether sessions that begin from now on log what they are asked.
pub(crate) async fn log(database: &str, all: bool) -> Result<()> {
    let (_, name) = database.rsplit_once('/').context("the URL of a database")?;
    let change = if all { "SET log_statement = 'all'" } else { "RESET log_statement" };
    databases::execute(database, &format!("ALTER DATABASE {name} {change}")).await
}

/// What was asked for a call, of what the log has behind `from`. It is known by `ids`, which no other has, and by what is `shared`
/// with others, such as the key it was called with. The call has been answered, and its last transaction has a statement with
/// `last` in it.
pub(crate) async fn of_call(log: &Path, from: usize, (ids, shared): (&[&str], &[&str]), last: &str) -> Result<Script> {
    let began = Instant::now();
    loop {
        let text = std::fs::read(log)?;
        let text = String::from_utf8_lossy(text.get(from..).unwrap_or_default());
        let logged = parse(&text);
        let of_call = concerning(&logged, &[ids, shared].concat());
        // A transaction is told once it has ended.
        if of_call.iter().any(|one| one.sql.contains(last)) {
            return script(&of_call, ids);
        }
        if began.elapsed() > PATIENCE {
            bail!("the log does not tell of the call: {} statements, of which it has {}", logged.len(), of_call.len());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The statements in the log, in their order.
fn parse(text: &str) -> Vec<Logged> {
    let mut all: Vec<Logged> = Vec::new();
    for line in text.replace("\n\t", " ").lines() {
        let Some((session, rest)) = line.split_once('[').and_then(|(_, rest)| rest.split_once("] ")) else { continue };
        let statement = rest.strip_prefix("LOG:  ").and_then(|rest| {
            let executed = rest.strip_prefix("execute ").and_then(|rest| rest.split_once(": ")).map(|(_, sql)| sql);
            executed.or(rest.strip_prefix("statement: "))
        });
        if let Some(sql) = statement {
            let sql = sql.trim().trim_end_matches(';').to_owned();
            all.push(Logged { session: session.to_owned(), sql, values: Vec::new() });
        } else if let Some(values) = rest.strip_prefix("DETAIL:  ").and_then(|rest| rest.split_once(": "))
            && let Some(of) = all.iter_mut().rev().find(|one| one.session == session)
        {
            of.values = parameters(values.1);
        }
    }
    all
}

/// `$1 = 'a', $2 = NULL`, where a quote within is doubled.
fn parameters(text: &str) -> Vec<Option<String>> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some((_, value)) = rest.split_once(" = ") {
        let Some(quoted) = value.strip_prefix('\'') else {
            all.push(None);
            rest = value;
            continue;
        };
        let mut content = String::new();
        let mut parts = quoted;
        while let Some((before, behind)) = parts.split_once('\'') {
            content.push_str(before);
            parts = behind;
            match behind.strip_prefix('\'') {
                Some(behind) => {
                    content.push('\'');
                    parts = behind;
                }
                None => break,
            }
        }
        all.push(Some(content));
        rest = parts;
    }
    all
}

/// The transactions and single statements that name one of `ids`.
fn concerning(logged: &[Logged], ids: &[&str]) -> Vec<Logged> {
    let names = |one: &Logged| one.values.iter().flatten().any(|value| ids.iter().any(|id| value.contains(id)));
    let mut open: BTreeMap<&str, Vec<Logged>> = BTreeMap::new();
    let mut found = Vec::new();
    for one in logged {
        let is_begin = one.sql.starts_with("BEGIN");
        if is_begin {
            open.insert(&one.session, vec![Logged { sql: "BEGIN".to_owned(), ..one.clone() }]);
        } else if let Some(transaction) = open.get_mut(one.session.as_str()) {
            transaction.push(one.clone());
            if matches!(one.sql.as_str(), "COMMIT" | "ROLLBACK") {
                let whole = open.remove(one.session.as_str()).unwrap_or_default();
                if whole.iter().any(names) {
                    found.extend(whole);
                }
            }
        } else if names(one) {
            found.push(one.clone());
        }
    }
    found
}

/// Each id becomes another one in each run, wherever it is a whole value, so that what must be unique is. Within documents,
/// where it need not be, it stays.
fn script(logged: &[Logged], ids: &[&str]) -> Result<Script> {
    let mut script = Script { text: String::new(), variables: Vec::new(), statements: 0, commits: 0 };
    let mut unique: BTreeMap<String, String> = BTreeMap::new();
    let mut body = String::new();
    for (number, one) in logged.iter().enumerate() {
        let mut sql = one.sql.clone();
        // From the last, or $1 would be found in $10.
        for (index, value) in one.values.iter().enumerate().rev() {
            let place = format!("${}", index + 1);
            let with = match value {
                None => "NULL".to_owned(),
                Some(value) if is_id(value, ids) => {
                    let next = unique.len();
                    let variable = unique.entry(value.clone()).or_insert_with(|| format!("u{next}"));
                    let prefix: String = value.chars().take_while(|c| !c.is_ascii_digit()).collect();
                    format!("('{prefix}' || :{variable}::text)")
                }
                Some(value) => {
                    let variable = format!("s{number}p{index}");
                    script.variables.push((variable.clone(), value.clone()));
                    format!(":{variable}")
                }
            };
            sql = sql.replace(&place, &with);
        }
        writeln!(body, "{sql};")?;
        script.commits += usize::from(one.sql == "COMMIT");
    }
    if logged.iter().all(|one| !one.sql.starts_with("BEGIN")) {
        // Each commits by itself, those that only read included, which a disk does not hear of.
        script.commits = logged.len();
    }
    for variable in unique.values() {
        writeln!(script.text, "\\set {variable} random(1, 9000000000000000000)")?;
    }
    script.text.push_str(&body);
    script.statements = logged.len();
    ensure!(script.commits > 0, "the call committed nothing");
    Ok(script)
}

/// Whether a value is one of the ids, or one as the service makes them: a prefix, and 32 digits in base 16.
fn is_id(value: &str, ids: &[&str]) -> bool {
    let made = value.rsplit_once('_').is_some_and(|(prefix, digits)| {
        let is_prefix = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_lowercase());
        is_prefix && digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit())
    });
    made || ids.contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-11-28 10:00:00.000 UTC [7] LOG:  execute sqlx_s_1: BEGIN
2026-11-28 10:00:00.000 UTC [8] LOG:  execute sqlx_s_1: SELECT 1 FROM events
2026-11-28 10:00:00.000 UTC [7] LOG:  execute sqlx_s_2: INSERT INTO requests (id, payload, note)
\tVALUES ($1, $2, $3)
2026-11-28 10:00:00.000 UTC [7] DETAIL:  Parameters: $1 = 'call-1', $2 = 'it''s, $9 = x', $3 = NULL
2026-11-28 10:00:00.000 UTC [7] LOG:  statement: COMMIT
2026-11-28 10:00:00.000 UTC [8] LOG:  execute sqlx_s_3: SELECT progress FROM requests WHERE id = $1
2026-11-28 10:00:00.000 UTC [8] DETAIL:  Parameters: $1 = 'call-1'
2026-11-28 10:00:00.000 UTC [8] LOG:  execute sqlx_s_4: BEGIN ISOLATION LEVEL READ COMMITTED
2026-11-28 10:00:00.000 UTC [8] LOG:  execute sqlx_s_3: SELECT progress FROM requests WHERE id = $1
2026-11-28 10:00:00.000 UTC [8] DETAIL:  Parameters: $1 = 'another'
2026-11-28 10:00:00.000 UTC [8] LOG:  execute sqlx_s_5: COMMIT
";

    #[test]
    fn a_script_has_what_was_asked_for_the_call_and_nothing_else() {
        let script = script(&concerning(&parse(LOG), &["call-1"]), &["call-1"]).unwrap();
        let text = "\\set u0 random(1, 9000000000000000000)\n\
                    BEGIN;\n\
                    INSERT INTO requests (id, payload, note) VALUES (('call-' || :u0::text), :s1p1, NULL);\n\
                    COMMIT;\n\
                    SELECT progress FROM requests WHERE id = ('call-' || :u0::text);\n";
        assert_eq!(script.text, text);
        assert_eq!(script.variables, [("s1p1".to_owned(), "it's, $9 = x".to_owned())]);
        assert_eq!((script.statements, script.commits), (4, 1));
    }

    #[test]
    fn ids_are_told_from_other_words() {
        assert!(is_id("plink_0193a5c2e8b27c3a9f0e1d2c3b4a5968", &[]));
        assert!(is_id("call-1", &["call-1"]));
        for other in ["acme", "plink_", "PLINK_0193a5c2e8b27c3a9f0e1d2c3b4a5968", "0193a5c2e8b27c3a9f0e1d2c3b4a5968"] {
            assert!(!is_id(other, &["call-1"]), "{other}");
        }
    }
}
