//! Webhook signatures: the header `Stripe-Signature`, as Stripe's documentation on verifying signatures by hand has it.

use domain::ports::provider::NotificationError;
use domain::timestamp::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How far the time of signing may be from now, in seconds.
const TOLERANCE_SECONDS: u64 = 300;
/// The longest header that is read, in bytes.
const HEADER_BYTES_MAX: usize = 4_096;

/// Verifies a body against the header: one `v1` signature by one of the secrets is enough. Schemes other than `v1` are
/// ignored. Comparison takes the same time whatever the difference.
///
/// # Errors
/// No signature that verifies, or one out of its time.
pub(crate) fn verify(
    header: &str,
    body: &[u8],
    secrets: &[SecretString],
    now: Timestamp,
) -> Result<(), NotificationError> {
    if header.len() > HEADER_BYTES_MAX {
        return Err(NotificationError::BadSignature);
    }
    let mut signed_at = None;
    let mut signatures = Vec::new();
    for (name, value) in header.split(',').filter_map(|part| part.trim().split_once('=')) {
        match name {
            "t" => signed_at = value.parse::<i64>().ok(),
            "v1" => signatures.extend(hex::decode(value).ok()),
            _ => {}
        }
    }
    let signed_at = signed_at.ok_or(NotificationError::BadSignature)?;
    let verifies = |secret: &SecretString, signature: &[u8]| {
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).is_ok_and(|mut mac| {
            mac.update(signed_at.to_string().as_bytes());
            mac.update(b".");
            mac.update(body);
            mac.verify_slice(signature).is_ok()
        })
    };
    if !secrets.iter().any(|secret| signatures.iter().any(|signature| verifies(secret, signature))) {
        return Err(NotificationError::BadSignature);
    }
    if now.unix_seconds().abs_diff(signed_at) > TOLERANCE_SECONDS {
        return Err(NotificationError::StaleSignature);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_478_400);

    fn sign(secret: &str, at: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{at}.").as_bytes());
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }

    fn check(header: &str, body: &[u8]) -> Result<(), NotificationError> {
        verify(header, body, &["whsec_new".into(), "whsec_old".into()], NOW)
    }

    #[test]
    fn old_and_new_secrets_verify_while_both_are_configured() {
        let at = NOW.unix_seconds();
        for secret in ["whsec_new", "whsec_old"] {
            assert_eq!(check(&format!("t={at},v1={}", sign(secret, at, b"{}")), b"{}"), Ok(()));
        }
        let both = format!("t={at},v1={},v1={}", sign("whsec_gone", at, b"{}"), sign("whsec_new", at, b"{}"));
        assert_eq!(check(&both, b"{}"), Ok(()));
    }

    #[test]
    fn forged_unsigned_and_foreign_signatures_are_refused() {
        let at = NOW.unix_seconds();
        let right = sign("whsec_new", at, b"{}");
        for header in [
            String::new(),
            "t=1".to_owned(),
            format!("v1={right}"),
            format!("t={at},v0={right}"),
            format!("t={at},v1={}", sign("whsec_other", at, b"{}")),
            format!("t={},v1={right}", at + 1),
            format!("t={at},v1=zz"),
            format!("t={at},v1={right},{}", "x".repeat(HEADER_BYTES_MAX)),
        ] {
            assert_eq!(check(&header, b"{}"), Err(NotificationError::BadSignature), "{header}");
        }
        assert_eq!(check(&format!("t={at},v1={right}"), b"{ }"), Err(NotificationError::BadSignature));
    }

    #[test]
    fn a_signature_holds_for_five_minutes_either_way() {
        let stale = Err(NotificationError::StaleSignature);
        for (age, want) in [(300, Ok(())), (301, stale), (-300, Ok(())), (-301, stale)] {
            let at = NOW.unix_seconds() - age;
            assert_eq!(check(&format!("t={at},v1={}", sign("whsec_new", at, b"{}")), b"{}"), want, "{age}");
        }
    }
}
