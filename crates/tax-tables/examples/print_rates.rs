//! Prints the standard rates of the embedded table for `cargo xtask conformance`. It must not know who asks, nor what
//! anyone else would say.

use std::env;
use std::io::{self, Write};

use domain::validation::Invalid;
use tax_tables::{PartRelation, RateTable};
use time::Date;
use time::format_description::well_known::Iso8601;

/// For each date among the arguments (`2026-01-31`) and each jurisdiction that has a rate then, a line: code, date, per
/// cent, and how the tax of a part stands to its country's.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = RateTable::embedded()?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    for argument in env::args().skip(1) {
        let date = Date::parse(&argument, &Iso8601::DATE)
            .map_err(|_| Invalid::new("MALFORMED_DATE", "must be dates such as 2026-01-31"))?;
        for jurisdiction in table.jurisdictions() {
            let Some(rate) = table.rate(&jurisdiction, None, date) else { continue };
            let relation = match table.relation(&jurisdiction) {
                Some(PartRelation::Replaces) => "replaces",
                Some(PartRelation::Adds) => "adds",
                Some(PartRelation::Untaxed) => "untaxed",
                None => "country",
            };
            writeln!(out, "{jurisdiction} {date} {} {relation}", rate.percentage.percent())?;
        }
    }
    Ok(out.flush()?)
}
