//! The rules of the repository, as code: layers, names, and what no file may hold. What dependencies from outside must be
//! like is for `deny`.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::repo;

/// What each crate may depend on among our own. `*` is everything. Arrows point inward only.
const LAYERS: [(&str, &[&str]); 22] = [
    ("domain", &[]),
    // The words of mails are those of documents, in a crate that knows the domain alone.
    ("application", &["document-language", "domain", "telemetry"]),
    ("api-proto", &[]),
    ("api-grpc", &["api-proto", "application", "call-headers", "domain", "telemetry"]),
    ("api-http", &["application", "call-headers", "document-language", "domain", "telemetry"]),
    ("call-headers", &[]),
    ("migrations", &[]),
    ("storage-sql", &["domain", "migrations", "telemetry"]),
    ("provider-http", &["domain", "telemetry"]),
    // Names of metrics and spans; who hears of them is the server's to say.
    ("telemetry", &["domain"]),
    ("tax-tables", &["domain"]),
    ("tax-id-vies", &["domain"]),
    ("document-language", &["domain"]),
    ("invoice-pdf", &["document-language", "domain"]),
    ("mail-smtp", &["domain"]),
    ("port-contracts", &["domain"]),
    ("port-simulator", &["domain"]),
    ("cli", &["api-proto"]),
    ("server", &["*"]),
    ("tests", &["*"]),
    ("xtask", &[]),
    // What has a face is measured by its face; the calculation of tax has none of its own.
    ("bench", &["api-proto", "domain", "tax-tables"]),
];

/// What an adapter for a provider may depend on among our own, so that another needs no line here: its crate is named
/// `provider-NAME`.
const ADAPTER: (&str, &[&str]) = ("provider-", &["domain", "provider-http"]);

/// What plays a provider in tests and on a laptop knows nothing of ours: its crate is named `NAME-sandbox` or `NAME-fake`.
const DOUBLES: [&str; 2] = ["-sandbox", "-fake"];

/// What the domain may depend on from outside: nothing that does I/O, keeps time or makes randomness.
const DOMAIN_DEPENDENCIES: [&str; 11] = [
    "async-trait",
    "isocountry",
    "mockall",
    "rust_decimal",
    "secrecy",
    "serde",
    "serde_json",
    "thiserror",
    "time",
    "url",
    "uuid",
];

/// What may stand at the top level, beside dotfiles.
const TOP_LEVEL: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "crates",
    "proto",
    "migrations",
    "tests",
    "xtask",
    "README.md",
    "LICENSE",
    "rust-toolchain.toml",
];

/// Where a provider may be named, beside its own crates: where adapters are registered and configured.
const PROVIDERS_NAMED: [&str; 7] = [
    "crates/server/CONFIGURATION.md",
    "crates/server/Cargo.toml",
    "crates/server/paylinks.example.toml",
    "crates/server/paylinks.service",
    "crates/server/src/config",
    "crates/server/src/config.rs",
    "crates/server/src/registry.rs",
];

/// What the rule of names is about; tests drive each provider, and the README tells of all of them.
const PROVIDER_FREE: [&str; 3] = ["crates", "migrations", "proto"];

/// A path of HTTP that a reference document fixed, whose callers know it; the face may name it.
const DOCUMENTED_PATH: (&str, &str) = ("crates/api-http", "/api/billing/stripe-checkout");

/// Where no floating point may be.
const FLOAT_FREE: [&str; 4] = ["crates/domain", "crates/application", "crates/tax-tables", "crates/api-http"];

/// The most lines of a source file: one that grows beyond is two rooms.
const LINES_MAX: usize = 900;

/// Who depends on whom, from `cargo metadata`.
pub(crate) fn check_layers() -> Result<()> {
    let text = repo::output(repo::cargo().args(["metadata", "--locked", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&text)?;
    let packages = metadata["packages"].as_array().context("metadata has packages")?;
    let mut found = Vec::new();
    for package in packages {
        if package["source"].is_null() {
            check_layer(package, &mut found);
        }
    }
    report(found)
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    let listed = LAYERS.iter().find(|(layer, _)| *layer == name).map(|(_, allowed)| *allowed);
    let adapter = name.starts_with(ADAPTER.0).then_some(ADAPTER.1);
    let double = DOUBLES.iter().any(|suffix| name.ends_with(suffix)).then_some([].as_slice());
    listed.or(adapter).or(double)
}

/// The providers that there are adapters for.
fn providers() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(repo::root().join("crates"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_listed = LAYERS.iter().any(|(layer, _)| *layer == name);
        names.extend(name.strip_prefix(ADAPTER.0).filter(|_| !is_listed).map(str::to_owned));
    }
    Ok(names)
}

fn check_layer(package: &Value, found: &mut Vec<String>) {
    let name = text(package, "name");
    let Some(allowed) = allowed(name) else {
        found.push(format!("{name} is not in the table of layers"));
        return;
    };
    // Tests may reach further than what they test.
    let dependencies = package["dependencies"].as_array().into_iter().flatten().filter(|d| d["kind"] != "dev");
    for dependency in dependencies {
        let other = text(dependency, "name");
        let is_ours = dependency["path"].is_string();
        if is_ours && !allowed.contains(&"*") && !allowed.contains(&other) {
            found.push(format!("{name} must not depend on {other}"));
        }
        if name == "domain" && !is_ours && !DOMAIN_DEPENDENCIES.contains(&other) {
            found.push(format!("domain must not depend on {other}"));
        }
    }
}

/// What no file of the repository may hold, and where files may be.
pub(crate) fn check_files() -> Result<()> {
    let listed = repo::output(repo::command("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let providers = providers()?;
    let mut found = Vec::new();
    for name in listed.lines() {
        let first = name.split('/').next().unwrap_or(name);
        if !first.starts_with('.') && !TOP_LEVEL.contains(&first) {
            found.push(format!("{first} has no place at the top level"));
        }
        let path = repo::root().join(name);
        // What is deleted and not committed yet is still listed.
        if let Ok(content) = std::fs::read_to_string(&path) {
            check_content(Path::new(name), &content, &providers, &mut found);
        }
    }
    report(found)
}

fn check_content(path: &Path, content: &str, providers: &[String], found: &mut Vec<String>) {
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    let is_generated = path.components().any(|part| part.as_os_str() == "generated");
    let below = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
    if is_rust && !is_generated {
        if content.lines().count() > LINES_MAX {
            found.push(format!("{} has more than {LINES_MAX} lines", path.display()));
        }
        if !content.starts_with("//!") {
            found.push(format!("{} does not begin with `//!`", path.display()));
        }
    }
    let mut patterns: Vec<(String, &str)> = Vec::new();
    if is_rust && !path.starts_with("xtask") {
        patterns.push((format!("#[{}", "ignore"), "an ignored test"));
    }
    if below(&FLOAT_FREE) && is_rust {
        patterns.extend([("f32", "floating point"), ("f64", "floating point")].map(|(p, w)| (p.to_owned(), w)));
    }
    let may_name = |provider: &str| {
        let own = path.components().nth(1).and_then(|part| part.as_os_str().to_str()).unwrap_or_default();
        let is_double = DOUBLES.iter().any(|suffix| own.strip_suffix(suffix) == Some(provider));
        own.strip_prefix(ADAPTER.0) == Some(provider) || is_double
    };
    let is_free = below(&PROVIDER_FREE) && !below(&PROVIDERS_NAMED);
    let foreign: Vec<_> = providers.iter().filter(|provider| is_free && !may_name(provider)).collect();
    for (number, line) in content.lines().enumerate() {
        for (pattern, what) in &patterns {
            if has_word(line, pattern) {
                found.push(format!("{}:{}: {what}", path.display(), number + 1));
            }
        }
        let (place, documented) = DOCUMENTED_PATH;
        let line = if path.starts_with(place) { line.replace(documented, "") } else { line.to_owned() };
        if foreign.iter().any(|name| names(&line, name)) {
            found.push(format!("{}:{}: names a provider", path.display(), number + 1));
        }
    }
}

/// Whether a line names a provider: as a word, or as one of those that an identifier is made of.
fn names(line: &str, provider: &str) -> bool {
    line.to_ascii_lowercase().match_indices(provider).any(|(at, _)| {
        let begins = line[at..].starts_with(|first: char| first.is_ascii_uppercase());
        let before = line[..at].chars().next_back();
        let after = line[at + provider.len()..].chars().next();
        let is_end = after.is_none_or(|after| !after.is_alphanumeric() || after.is_uppercase());
        is_end && (begins || !before.is_some_and(char::is_alphanumeric))
    })
}

/// Whether `line` has `pattern` with no letter or digit right around it.
fn has_word(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + pattern.len()..].chars().next();
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !is_part(before) && !is_part(after)
    })
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn report(found: Vec<String>) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    bail!("{} findings:\n  {}", found.len(), found.join("\n  "));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn an_arrow_that_points_outward_is_found() {
        let package = serde_json::json!({"name": "domain", "dependencies": [
            {"name": "storage-sql", "path": "/x", "kind": null}, {"name": "tokio", "kind": null}, {"name": "proptest", "kind": "dev"},
        ]});
        let mut found = Vec::new();
        check_layer(&package, &mut found);
        assert_eq!(found, ["domain must not depend on storage-sql", "domain must not depend on tokio"]);
    }

    #[test]
    fn forbidden_content_is_found_with_its_line() {
        let mut found = Vec::new();
        let content = "//! x\nlet half: f64 = 1;\nfn f64_like() {}\n";
        check_content(&PathBuf::from("crates/domain/src/x.rs"), content, &[], &mut found);
        assert_eq!(found, ["crates/domain/src/x.rs:2: floating point"]);
    }

    #[test]
    fn a_provider_is_named_by_its_own_crates_the_registry_and_the_configuration_alone() {
        let content = "//! `POST /api/billing/stripe-checkout`\n//! Stripe\n//! Adyen\n";
        let providers = ["adyen".to_owned(), "stripe".to_owned()];
        for (path, want) in [
            ("crates/api-http/src/x.rs", vec![2, 3]),
            ("crates/api-grpc/src/x.rs", vec![1, 2, 3]),
            ("crates/server/src/main.rs", vec![1, 2, 3]),
            ("crates/provider-stripe/src/x.rs", vec![3]),
            ("crates/stripe-sandbox/src/x.rs", vec![3]),
            ("crates/provider-adyen/src/x.rs", vec![1, 2]),
            ("crates/adyen-fake/src/x.rs", vec![1, 2]),
            ("crates/server/src/registry.rs", vec![]),
            ("crates/server/src/config/providers.rs", vec![]),
            ("tests/src/x.rs", vec![]),
        ] {
            let mut found = Vec::new();
            check_content(&PathBuf::from(path), content, &providers, &mut found);
            let want: Vec<_> = want.into_iter().map(|line: usize| format!("{path}:{line}: names a provider")).collect();
            assert_eq!(found, want);
        }
    }

    #[test]
    fn a_provider_is_named_by_words_and_parts_of_identifiers() {
        for (line, is_named) in [
            ("Wise charges", true),
            ("let config = WiseConfig::new();", true),
            ("use provider_wise::x;", true),
            ("MadeByWise", true),
            ("otherwise it is likewise", false),
            ("wisely", false),
        ] {
            assert_eq!(names(line, "wise"), is_named, "{line}");
        }
    }

    #[test]
    fn an_adapter_and_what_plays_its_provider_need_no_line_in_the_table() {
        for (name, want) in
            [("provider-x", Some(["domain", "provider-http"].as_slice())), ("x-fake", Some(&[])), ("x", None)]
        {
            assert_eq!(allowed(name), want, "{name}");
        }
        assert_eq!(allowed("provider-http"), Some(["domain", "telemetry"].as_slice()));
    }

    #[test]
    fn the_table_of_layers_names_each_crate_once() {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, _) in LAYERS {
            *names.entry(name).or_default() += 1;
        }
        assert!(names.values().all(|count| *count == 1));
    }
}
