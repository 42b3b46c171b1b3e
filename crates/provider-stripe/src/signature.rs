//! The signature of a webhook (docs.stripe.com/webhooks, "Verify webhook signatures manually").

use std::time::Duration;

use domain::ports::provider::NotificationError;
use domain::timestamp::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The header, in lower case.
pub const SIGNATURE_HEADER: &str = "stripe-signature";
/// How far the time of signing may be from now, in both directions.
pub const SIGNATURE_TOLERANCE: Duration = Duration::from_secs(300);
/// The longest header that is looked at, in bytes.
const HEADER_BYTES_MAX: usize = 4_096;
/// The most signatures of a header that are looked at: Stripe sends one for each secret that is valid at the time.
const SIGNATURES_MAX: usize = 16;
/// Bytes of an HMAC-SHA256.
const SIGNATURE_BYTES: usize = 32;

/// Verifies that one of `secrets` signed `body`, recently.
///
/// # Errors
/// No signature of the scheme `v1` verifies, or it does but its time is out of tolerance.
pub(crate) fn verify(
    header: &str,
    body: &[u8],
    secrets: &[SecretString],
    now: Timestamp,
) -> Result<(), NotificationError> {
    let header = Header::parse(header).ok_or(NotificationError::BadSignature)?;
    let is_signed = secrets.iter().any(|secret| header.is_signed_by(secret, body));
    if !is_signed {
        return Err(NotificationError::BadSignature);
    }
    // Only after the signature, so that nobody learns anything from forged times.
    let distance = now.since(header.signed_at()).max(header.signed_at().since(now));
    if distance > SIGNATURE_TOLERANCE { Err(NotificationError::StaleSignature) } else { Ok(()) }
}

/// The header's parts, such as `t=1764000000,v1=5257a869…,v0=6ffbb59b…`.
struct Header<'h> {
    /// The time as it was signed.
    time: &'h str,
    seconds: i64,
    signatures: Vec<[u8; SIGNATURE_BYTES]>,
}

impl<'h> Header<'h> {
    fn parse(header: &'h str) -> Option<Self> {
        if header.len() > HEADER_BYTES_MAX {
            return None;
        }
        let mut time = None;
        let mut signatures = Vec::new();
        for part in header.split(',') {
            match part.trim().split_once('=')? {
                // Two times are an attempt to have one verified and the other believed.
                ("t", text) if time.is_none() => time = Some(text),
                ("t", _) => return None,
                ("v1", hex) if signatures.len() < SIGNATURES_MAX => {
                    let mut signature = [0; SIGNATURE_BYTES];
                    // One that is malformed can't verify; another may.
                    if hex::decode_to_slice(hex, &mut signature).is_ok() {
                        signatures.push(signature);
                    }
                }
                // Other schemes prove nothing: Stripe sends a fake one with test events.
                _ => {}
            }
        }
        let time = time.filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))?;
        Some(Self { time, seconds: time.parse().ok()?, signatures })
    }

    fn signed_at(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.seconds)
    }

    fn is_signed_by(&self, secret: &SecretString, body: &[u8]) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return false };
        mac.update(self.time.as_bytes());
        mac.update(b".");
        mac.update(body);
        // Constant-time, by `verify_slice`.
        self.signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
    }
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
