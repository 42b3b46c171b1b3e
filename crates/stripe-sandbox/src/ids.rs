//! Ids of the shape that Stripe's have.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Random letters and digits.
pub(crate) fn random(length: usize) -> String {
    let mut bytes = vec![0u8; length];
    if getrandom::fill(&mut bytes).is_err() {
        // Without randomness there are no ids, and no sandbox.
        std::process::abort();
    }
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}

/// A new id, such as `plink_1…`.
pub(crate) fn new(prefix: &str) -> String {
    match prefix {
        "cs_test" => format!("cs_test_a1{}", random(56)),
        "pi" | "ch" | "re" | "py" => format!("{prefix}_3{}", random(23)),
        "prod" | "cus" | "li" => format!("{prefix}_{}", random(14)),
        _ => format!("{prefix}_1{}", random(23)),
    }
}
