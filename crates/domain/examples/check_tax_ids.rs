//! Judges tax ids for `cargo xtask conformance`: one id a line on standard input, one verdict a line on standard output.
//! It must not know who asks, nor what anyone else would say.

use std::io::{self, BufRead, Write};

use domain::tax_id::{TaxId, TaxIdKind};

/// A verdict is the kind of id with its country, the rule that it breaks, or `unknown`.
fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        match TaxId::parse(&line?).map(|id| id.kind()) {
            Ok(Some(TaxIdKind::EuVat(country))) => writeln!(out, "eu {country}")?,
            Ok(Some(TaxIdKind::NorthernIrelandVat)) => writeln!(out, "xi GB")?,
            Ok(Some(TaxIdKind::Other(country))) => writeln!(out, "other {country}")?,
            Ok(None) => writeln!(out, "unknown")?,
            Err(invalid) => writeln!(out, "{}", invalid.rule)?,
        }
    }
    out.flush()
}
