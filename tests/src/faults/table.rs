//! The table of faults names tests that are there.

use std::path::{Path, PathBuf};

/// The table.
const TABLE: &str = include_str!("../../FAULTS.md");

/// The rows of the table: number, what breaks, what happens, and the names of tests.
fn rows() -> Vec<[&'static str; 4]> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let rows = TABLE.lines().filter(|line| line.starts_with("| ")).map(cells);
    rows.filter_map(|cells| <[&str; 4]>::try_from(cells).ok()).filter(|cells| cells[0].parse::<u32>().is_ok()).collect()
}

/// The names between backticks.
fn names(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split('`').skip(1).step_by(2)
}

/// The file of a test's module: of `package module::of::it::test`, the deepest file on the way there. The tests of storage on
/// SQL are beside its sources.
fn file_of(package: &str, modules: &[&str]) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    if package == "storage-sql" && modules.is_empty() {
        return Some(root.join("crates/storage-sql/tests/contract.rs"));
    }
    let source =
        if package == "tests" { root.join("tests/src") } else { root.join("crates").join(package).join("src") };
    (0..=modules.len()).rev().find_map(|depth| {
        let path = modules[..depth].iter().fold(source.clone(), |path, module| path.join(module));
        let files = if depth == 0 {
            [source.join("lib.rs"), source.join("main.rs")]
        } else {
            [path.with_extension("rs"), path.join("mod.rs")]
        };
        files.into_iter().find(|file| file.is_file())
    })
}

/// Whether a source has a test of that name: one with the attribute, or one that a macro makes for each database or store.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let function = format!("fn {name}(");
    let is_it = |line: &&str| line.contains(&function) && !line.starts_with("//");
    let Some(at) = lines.iter().position(is_it) else { return false };
    let attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.ends_with(']'));
    let is_marked = attributes.into_iter().any(|line| line.contains("test]") || line.contains("tokio::test("));
    let is_made = |line: &str| [",", ")"].iter().any(|after| line.contains(&format!("{name}{after}")));
    is_marked || lines.iter().any(|line| is_made(line))
}

#[test]
fn every_row_names_tests_and_every_test_is_there() {
    let rows = rows();
    let numbers: Vec<u32> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert!(numbers.iter().copied().eq(1..=35), "{numbers:?}");
    let mut missing = Vec::new();
    for row in rows {
        let mut tests = names(row[3]).peekable();
        if tests.peek().is_none() {
            missing.push(format!("row {} names no test", row[0]));
        }
        for test in tests {
            let (package, path) = test.split_once(' ').unwrap_or_else(|| panic!("`{test}` is no package and test"));
            let modules: Vec<&str> = path.split("::").collect();
            let (name, modules) = modules.split_last().unwrap();
            // The rules of a contract are in the crate that has it, and each adapter makes tests of them.
            let found = file_of(package, modules).map(|file| std::fs::read_to_string(file).unwrap());
            let is_there = found.is_some_and(|source| {
                has_test(&source, name) || (package == "port-contracts" && source.contains(&format!("fn {name}(")))
            });
            if !is_there {
                missing.push(format!("row {} names {test}, which is not there", row[0]));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
