//! `cargo xtask new-provider NAME`: the crate of another payment provider, made of the template beside this tool. The
//! template is a member of the workspace, so what is made of it compiles against the port as it is.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::repo;

/// The template's files.
const FILES: [(&str, &str); 5] = [
    ("Cargo.toml", include_str!("../template/Cargo.toml")),
    ("src/lib.rs", include_str!("../template/src/lib.rs")),
    ("src/config.rs", include_str!("../template/src/config.rs")),
    ("src/provider.rs", include_str!("../template/src/provider.rs")),
    ("src/contract.rs", include_str!("../template/src/contract.rs")),
];
/// What stands in the template alone: a line that ends so, or lines from one of these to the other.
const ALONE: &str = " # of the template alone";
const ALONE_FROM: &str = "// The template alone:";
const ALONE_UNTIL: &str = "// Until here.";
/// The most characters of a name: the domain's names of providers are no longer.
const NAME_CHARS_MAX: usize = 40;

pub(crate) fn run(name: &str) -> Result<()> {
    let taken = repo::root().join("crates").read_dir()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    check_name(name, &taken.collect::<Vec<_>>())?;
    let made = format!("crates/provider-{name}");
    write(&repo::root().join(&made), name)?;
    repo::say(&format!("made {made}: every call answers that it can't, and every rule of the contract fails"));
    repo::run(repo::cargo().args(["fmt", "--package", &format!("provider-{name}")]))?;
    for (number, step) in (1..).zip(steps(name)) {
        repo::say(&format!("{number}. {step}"));
    }
    Ok(())
}

/// What remains to be done by hand.
fn steps(name: &str) -> [String; 5] {
    let krate = format!("provider-{name}");
    let kind = format!("{}::{}", krate.replace('-', "_"), camel_case(name));
    [
        format!("write crates/{krate}/src/contract.rs and provider.rs until this passes: cargo test -p {krate}"),
        format!("crates/server/Cargo.toml: {krate} = {{ path = \"../{krate}\" }}"),
        format!("crates/server/src/registry.rs, among the adapters: Adapter::of::<{kind}>()"),
        "cargo xtask codegen, for its abilities in the README and its settings in CONFIGURATION.md".to_owned(),
        "its settings in crates/server/paylinks.example.toml, and its webhook in the README".to_owned(),
    ]
}

/// Refuses a name that is no crate's, or that is taken.
fn check_name(name: &str, taken: &[String]) -> Result<()> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let is_well_formed = name.starts_with(|first: char| first.is_ascii_lowercase()) && name.split('-').all(is_word);
    if !is_well_formed || name.len() > NAME_CHARS_MAX {
        bail!(
            "{name:?} is no name: 1 to {NAME_CHARS_MAX} of a-z, 0-9 and single hyphens between them, and a letter first"
        );
    }
    // One stands for money beside every provider, and the other for what providers are made of.
    if ["out-of-band", "template"].contains(&name) {
        bail!("{name:?} means something else already");
    }
    if taken.contains(&format!("provider-{name}")) {
        bail!("crates/provider-{name} is there already");
    }
    Ok(())
}

fn write(directory: &Path, name: &str) -> Result<()> {
    for (file, template) in FILES {
        let path = directory.join(file);
        let parent = path.parent().context("a file is in a directory")?;
        std::fs::create_dir_all(parent).with_context(|| format!("can't make {}", parent.display()))?;
        std::fs::write(&path, filled_in(template, name)).with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(())
}

/// A file of the template as the provider's own.
fn filled_in(template: &str, name: &str) -> String {
    let mut text = String::new();
    let mut lines = template.lines();
    while let Some(line) = lines.next() {
        if line == ALONE_FROM {
            // And the empty line behind the last.
            let _ = lines.by_ref().skip_while(|line| *line != ALONE_UNTIL).nth(1);
        } else if !line.ends_with(ALONE) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text.replace("payment_provider_contract!(fails)", "payment_provider_contract!(run)")
        .replace("Template", &camel_case(name))
        .replace("TEMPLATE", &name.replace('-', "_").to_ascii_uppercase())
        .replace("template", name)
}

/// The name as a type's: `pay-pal` is `PayPal`.
fn camel_case(name: &str) -> String {
    let capitalized = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(capitalized).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_crates_and_not_taken() {
        let taken = ["provider-acquirer".to_owned(), "domain".to_owned()];
        let check = |name: &str| check_name(name, &taken).map_err(|error| error.to_string());
        for good in ["pay-pal", "p2", "domain", &"x".repeat(NAME_CHARS_MAX)] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let long = "x".repeat(NAME_CHARS_MAX + 1);
        for bad in ["", "-a", "a-", "a--b", "2pay", "Pay", "pay_pal", "päy", "../x", "a b", &long] {
            assert!(check(bad).is_err_and(|told| told.contains("is no name")), "{bad}");
        }
        assert!(check("acquirer").is_err_and(|told| told.contains("there already")));
        for reserved in ["out-of-band", "template"] {
            assert!(check(reserved).is_err_and(|told| told.contains("something else")), "{reserved}");
        }
    }

    #[test]
    fn what_is_made_is_the_providers_own_and_its_contract_is_to_be_kept() {
        for (file, template) in FILES {
            let made = filled_in(template, "pay-pal");
            assert!(!made.to_lowercase().contains("template"), "{file}: {made}");
            assert!(!made.contains("catch_unwind") && !made.contains("futures"), "{file}: {made}");
            assert!(!made.contains("\n\n\n"), "{file}: {made}");
        }
        let of = |file: &str| filled_in(FILES.iter().find(|(name, _)| *name == file).unwrap().1, "pay-pal");
        assert!(of("Cargo.toml").contains("name = \"provider-pay-pal\"\n"));
        assert!(of("src/lib.rs").contains("pub use provider::PayPalProvider;"));
        assert!(of("src/config.rs").contains("\"PAY_PAL_API_KEY\""));
        assert!(of("src/contract.rs").contains("payment_provider_contract!(run);\n\nasync fn run<"));
        assert!(of("src/contract.rs").contains("\"pay-pal\".parse()"));
    }

    #[test]
    fn all_files_of_the_template_are_in_what_is_made() {
        let template = repo::root().join("xtask/template");
        let sources = std::fs::read_dir(template.join("src")).unwrap();
        let mut found: Vec<String> =
            sources.map(|entry| format!("src/{}", entry.unwrap().file_name().to_str().unwrap())).collect();
        found.push("Cargo.toml".to_owned());
        found.sort();
        let mut known = FILES.map(|(file, _)| file.to_owned());
        known.sort();
        assert_eq!(found, known);
    }
}
