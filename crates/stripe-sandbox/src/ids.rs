//! Ids of the shape that Stripe's have.

use rand::distr::{Alphanumeric, SampleString};

/// Random letters and digits.
pub(crate) fn random(length: usize) -> String {
    Alphanumeric.sample_string(&mut rand::rng(), length)
}

/// A new id, such as `plink_1…`.
pub(crate) fn new(prefix: &str) -> String {
    let (mark, length) = match prefix {
        "cs_test" => ("_a1", 56),
        "pi" | "ch" | "re" | "py" => ("_3", 23),
        "prod" | "cus" | "li" => ("_", 14),
        _ => ("_1", 23),
    };
    let mut id = [prefix, mark].concat();
    Alphanumeric.append_string(&mut rand::rng(), &mut id, length);
    id
}
