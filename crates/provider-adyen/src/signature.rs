//! Signatures of webhooks: docs.adyen.com/development-resources/webhooks/verify-hmac-signatures. Each item has its own, over
//! some of its fields, so the bytes of the body do not count; and none has a time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How long a key is: 32 bytes, written in hexadecimal.
pub(crate) const KEY_HEX_CHARS: usize = 64;

/// Whether `signature` is that of the `signed` text by one of the keys. Comparison takes the same time whatever the
/// difference.
pub(crate) fn verifies(signature: &str, signed: &str, keys: &[SecretString]) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    keys.iter().any(|key| {
        let Ok(key) = hex::decode(key.expose_secret()) else { return false };
        Hmac::<Sha256>::new_from_slice(&key).is_ok_and(|mut mac| {
            mac.update(signed.as_bytes());
            mac.verify_slice(&signature).is_ok()
        })
    })
}

/// The user name and password by which Adyen names itself at the webhook.
#[derive(Clone)]
pub(crate) struct BasicAuthentication {
    /// The digest of both as they are sent, so that comparing tells nothing of their length.
    expected: [u8; 32],
}

impl BasicAuthentication {
    pub(crate) fn new(username: &str, password: &SecretString) -> Self {
        let sent = format!("{username}:{}", password.expose_secret());
        Self { expected: Sha256::digest(sent.as_bytes()).into() }
    }

    /// Whether the value of a header `Authorization` is that of RFC 7617 for the two.
    pub(crate) fn accepts(&self, header: &str) -> bool {
        let Some((scheme, credentials)) = header.split_once(' ') else { return false };
        let sent = STANDARD.decode(credentials.trim()).unwrap_or_default();
        let sent: [u8; 32] = Sha256::digest(&sent).into();
        scheme.eq_ignore_ascii_case("basic") && bool::from(sent.ct_eq(&self.expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vector that Adyen's own libraries test with.
    const KEY: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
    const SIGNED: &str = "7914073381342284::TestMerchant:TestPayment-1407325143704:1130:EUR:AUTHORISATION:true";
    const SIGNATURE: &str = "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=";

    #[test]
    fn the_signature_of_a_known_item_verifies_by_any_of_the_keys() {
        let other = "00".repeat(32);
        assert!(verifies(SIGNATURE, SIGNED, &[KEY.into()]));
        assert!(verifies(SIGNATURE, SIGNED, &[other.as_str().into(), KEY.to_lowercase().as_str().into()]));
        assert!(!verifies(SIGNATURE, SIGNED, &[other.as_str().into()]));
        assert!(!verifies(SIGNATURE, SIGNED, &[]));
    }

    #[test]
    fn another_signature_and_other_fields_do_not_verify() {
        for (signature, signed) in [
            ("", SIGNED),
            ("coqCmt", SIGNED),
            ("doqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=", SIGNED),
            (SIGNATURE, &SIGNED.replace("1130", "1131")),
            (SIGNATURE, &SIGNED.replace("true", "false")),
        ] {
            assert!(!verifies(signature, signed, &[KEY.into()]), "{signature} {signed}");
        }
    }

    #[test]
    fn basic_authentication_wants_both_and_the_scheme() {
        let expected = BasicAuthentication::new("adyen", &"s3cret".into());
        let header = |sent: &str| format!("Basic {}", STANDARD.encode(sent));
        assert!(expected.accepts(&header("adyen:s3cret")));
        assert!(expected.accepts(&header("adyen:s3cret").replace("Basic", "basic")));
        for wrong in ["adyen:s3cre", "adyen:", "Adyen:s3cret", ""] {
            assert!(!expected.accepts(&header(wrong)), "{wrong}");
        }
        assert!(!expected.accepts(&header("adyen:s3cret").replace("Basic", "Bearer")));
        assert!(!expected.accepts("") && !expected.accepts("Basic") && !expected.accepts("Basic %%%"));
    }
}
