//! Secrets that every server on one store shares: a part of the [storage](super::storage) port. It must not know what they
//! are for.

/// 32 bytes of randomness that nobody outside of the servers knows. Its `Debug` shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SharedSecret([u8; SharedSecret::BYTES]);

impl SharedSecret {
    /// How many bytes it has: as many as the output of SHA-256, beyond which a key of HMAC gains nothing (RFC 2104,
    /// section 3).
    pub const BYTES: usize = 32;

    /// A secret of these bytes.
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let shown = format!("{:?}", SharedSecret::new([171; SharedSecret::BYTES]));
        assert!(!shown.contains("171") && !shown.to_lowercase().contains("ab"), "{shown}");
    }
}
