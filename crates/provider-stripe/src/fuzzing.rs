//! Rules that hold for whatever bytes come in, for fuzzing and for the tests that do the same in small: nothing panics, and
//! nothing verifies but what was signed.

use domain::timestamp::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use crate::notifications;
use crate::signature::verify;

/// A header and a body, parted by a line feed; none of them was signed.
pub fn webhooks(data: &[u8]) {
    let (header, body) = data.iter().position(|byte| *byte == b'\n').map_or((data, data), |at| data.split_at(at));
    let secrets = [SecretString::from("whsec_that_nobody_knows"), SecretString::from("whsec_nor_this_one")];
    let header = String::from_utf8_lossy(header);
    let verified = verify(&header, body, &secrets, Timestamp::from_unix_seconds(1_795_478_400));
    assert!(verified.is_err(), "{header}");
    let Ok(event) = serde_json::from_slice::<Value>(body.strip_prefix(b"\n").unwrap_or(body)) else { return };
    for livemode in [true, false] {
        let told = notifications::read(&event, livemode);
        assert!(told.is_none_or(|told| event["id"] == told.provider_event_id.as_str()));
        let _ = notifications::page(&event, livemode);
    }
}
