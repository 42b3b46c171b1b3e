//! Rules that hold for whatever bytes come in, for fuzzing and for the tests that do the same in small: nothing panics, and
//! no digit of a number is lost.

use serde_json::value::RawValue;

use crate::json::number::ExactNumber;
use crate::json::reader::{Reader, number, text, timestamp};

/// The numbers of JSON.
pub fn numbers(data: &[u8]) {
    let written = String::from_utf8_lossy(data);
    let parsed = ExactNumber::parse(&written);
    let is_number = written.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    // Whatever JSON has as a number is one here.
    let is_json =
        is_number && !written.ends_with(char::is_whitespace) && serde_json::from_str::<&RawValue>(&written).is_ok();
    assert!(parsed.is_some() || !is_json, "{written:?} is a number");
    let Some(parsed) = parsed else { return };
    for decimals in [0, 2, 3] {
        let Ok(minor) = parsed.minor_units(decimals) else { continue };
        if minor.unsigned_abs() >= 1_000_000_000_000_000_000 {
            continue;
        }
        // The same number, written in units of its smallest part.
        let again =
            ExactNumber::parse(&format!("{minor}e-{decimals}")).and_then(|again| again.minor_units(decimals).ok());
        assert_eq!(again, Some(minor), "{written:?}");
    }
}

/// Bodies of requests.
pub fn bodies(data: &[u8]) {
    let Ok(mut reader) = Reader::open(data) else { return };
    let amount = reader.required("amount", number);
    let currency = reader.optional("currency", text);
    let expires = reader.optional("expiresAt", timestamp);
    let metadata = reader.metadata();
    let read = amount.zip(currency).zip(expires).zip(metadata);
    let is_whole = read.is_some();
    match reader.close(read) {
        Ok(_) => assert!(is_whole),
        Err(violations) => assert!(violations.iter().next().is_some(), "nothing is said of what is wrong"),
    }
}
