//! Holds the table of the README that says what each provider can do to what their adapters say.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::repo;

const BEGIN: &str = "<!-- What `cargo xtask codegen` writes of each provider's abilities: -->\n\n";
const END: &str = "\n<!-- The end of it. -->\n";

/// Writes the table into the README; with `check`, only says whether what is there is fresh.
pub(crate) fn run(check: bool) -> Result<()> {
    let table = repo::output(repo::cargo().args([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "server",
        "--",
        "config",
        "providers",
    ]))?;
    let path = repo::root().join("README.md");
    let text = fs::read_to_string(&path)?;
    let fresh = with_table(&text, &table)?;
    if text == fresh {
        return Ok(());
    }
    if check {
        bail!("the README's table of abilities is stale: run `cargo xtask codegen`");
    }
    Ok(fs::write(path, fresh)?)
}

fn with_table(text: &str, table: &str) -> Result<String> {
    let (before, rest) = text.split_once(BEGIN).context("the README has no place for the table of abilities")?;
    let (_, after) = rest.split_once(END).context("the table of abilities has no end in the README")?;
    Ok(format!("{before}{BEGIN}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_takes_the_place_of_the_old_one_and_of_nothing_else() {
        let text = format!("# Title\n{BEGIN}| old |\n{END}more\n");
        assert_eq!(with_table(&text, "| new |\n").unwrap(), format!("# Title\n{BEGIN}| new |\n{END}more\n"));
        assert!(with_table("# Title\n", "| new |\n").is_err());
    }
}
