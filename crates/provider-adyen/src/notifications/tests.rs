//! Events, as the facts that they state.

use domain::ports::provider::NotificationError;
use domain::timestamp::Timestamp;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::events::Door;
use crate::signature::BasicAuthentication;

const KEY: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
const LINK: &str = "plink_0193a5c2e8b27c3a9f0e1d2c3b4a5968";
const SESSION: &str = "cs_0193a5c2e8b27c3a9f0e1d2c3b4a5968";

fn door() -> Door {
    Door { hmac_keys: vec![KEY.into()], basic: None, live: false, merchant_account: "TestMerchant".to_owned() }
}

/// When what has no time of its own comes in.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_950_000);

fn item(code: &str, change: Value) -> Value {
    let mut item = json!({
        "additionalData": {"shopperEmail": "canary@example.com"},
        "amount": {"currency": "EUR", "value": 1130},
        "eventCode": code,
        "eventDate": "2026-11-29T11:00:00+01:00",
        "merchantAccountCode": "TestMerchant",
        "merchantReference": LINK,
        "pspReference": "PSP0000000000001",
        "reason": "",
        "success": "true",
    });
    for (name, value) in change.as_object().unwrap() {
        item[name] = value.clone();
    }
    item
}

fn open(items: &[Value]) -> Result<Vec<Notification>, NotificationError> {
    let body = adyen_fake::request(items, KEY);
    let items = door().open(&[], &body)?;
    Ok(items.iter().map(|item| read(item, NOW)).collect())
}

fn topic_of(code: &str, change: Value) -> NotificationTopic {
    open(&[item(code, change)]).unwrap().remove(0).topic
}

fn progress(topic: &NotificationTopic) -> Option<&RefundProgress> {
    match topic {
        NotificationTopic::RefundTold { snapshot, .. } => Some(&snapshot.progress),
        _ => None,
    }
}

#[test]
fn a_payment_of_a_link_or_of_a_session_is_a_visit_of_its_own() {
    let told = |reference: &str| match topic_of("AUTHORISATION", json!({"merchantReference": reference})) {
        NotificationTopic::CheckoutTold { snapshot } => *snapshot,
        other => panic!("{other:?}"),
    };
    let euros = Money::new(1_130, domain::money::Currency::parse("EUR").unwrap());
    let payment_ref = ProviderRef("PSP0000000000001".to_owned());
    let paid = CheckoutProgress::Paid { payment_ref: payment_ref.clone(), received: euros };
    let visit = told(LINK);
    assert_eq!((&visit.provider_ref, &visit.progress), (&payment_ref, &paid));
    assert_eq!(visit.payment_link_id.unwrap().to_string(), LINK);
    assert_eq!(visit.checkout_session_id, None);
    let page = told(SESSION);
    assert_eq!((&page.provider_ref, &page.progress), (&payment_ref, &paid));
    assert_eq!(page.checkout_session_id.unwrap().to_string(), SESSION);
    assert_eq!(page.payment_link_id, None);
}

#[test]
fn an_event_has_its_time_and_an_id_by_code_reference_and_success() {
    let told = open(&[item("AUTHORISATION", json!({})), item("AUTHORISATION", json!({"success": "false"}))]).unwrap();
    assert_eq!(told[0].occurred_at, Timestamp::from_unix_seconds(1_795_946_400));
    let ids: Vec<_> = told.iter().map(|told| told.provider_event_id.as_str()).collect();
    assert_eq!(ids, ["AUTHORISATION:PSP0000000000001:true", "AUTHORISATION:PSP0000000000001:false"]);
}

#[test]
fn a_failed_try_another_programs_payment_and_what_is_new_mean_nothing() {
    for (code, change) in [
        ("AUTHORISATION", json!({"success": "false"})),
        ("AUTHORISATION", json!({"merchantReference": "order-7"})),
        ("PENDING", json!({})),
        ("CAPTURE", json!({"success": "false", "merchantReference": "order-7"})),
        ("INFORMATION_SUPPLIED", json!({"originalReference": "PSP0000000000001"})),
        ("VOID_PENDING_REFUND", json!({"originalReference": "PSP0000000000001"})),
        ("CANCELLATION", json!({"success": "false"})),
        ("NOTIFICATION_OF_FRAUD", json!({})),
        ("REPORT_AVAILABLE", json!({"amount": null, "pspReference": "report.csv", "merchantReference": ""})),
        ("SOMETHING_NEW", json!({"amount": {"currency": "XXX", "value": 1}})),
    ] {
        assert_eq!(topic_of(code, change), NotificationTopic::Other { name: code.to_owned() });
    }
}

#[test]
fn refunds_are_told_with_their_payment_whoever_asked_for_them() {
    let original = json!({"originalReference": "PSP0000000000001", "pspReference": "REF1"});
    let failed = |code: &str| Some(RefundProgress::Failed { code: code.to_owned() });
    let with = |change: Value| {
        let mut all = original.clone();
        all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        all
    };
    let refused = json!({"success": "false", "reason": "Insufficient balance on payment 4111"});
    for (code, change, want) in [
        ("REFUND", json!({}), Some(RefundProgress::Succeeded)),
        ("REFUND", refused, failed("insufficient_balance_on_payment")),
        ("REFUND", json!({"success": "false"}), failed("refused")),
        ("CANCEL_OR_REFUND", json!({}), Some(RefundProgress::Succeeded)),
        ("REFUND_FAILED", json!({}), failed("refund_failed")),
        ("REFUNDED_REVERSED", json!({}), failed("refunded_reversed")),
        ("CANCELLATION", json!({}), Some(RefundProgress::Succeeded)),
    ] {
        let topic = topic_of(code, with(change));
        assert_eq!(progress(&topic), want.as_ref(), "{code}");
        let NotificationTopic::RefundTold { payment_ref, snapshot } = topic else { panic!("{code}") };
        assert_eq!((payment_ref.0.as_str(), snapshot.provider_ref.0.as_str()), ("PSP0000000000001", "REF1"));
        assert_eq!(snapshot.refund_id, None);
    }
    let ours = "re_0193a5c2e8b27c3a9f0e1d2c3b4a5968";
    let NotificationTopic::RefundTold { snapshot, .. } = topic_of("REFUND", with(json!({"merchantReference": ours})))
    else {
        panic!("no refund")
    };
    assert_eq!(snapshot.refund_id.unwrap().to_string(), ours);
}

#[test]
fn a_capture_is_told_as_it_ended_and_is_another_one_when_it_is_made_again() {
    let capture = |code: &str, at: &str, success: &str| {
        let change = json!({"originalReference": "PSP0000000000001", "pspReference": "CAP1", "eventDate": at,
            "success": success, "reason": "Transaction Recaptured"});
        open(&[item(code, change)]).unwrap().remove(0)
    };
    let (first, later) = ("2026-11-29T11:00:00+01:00", "2026-11-30T11:00:00+01:00");
    let euros = Money::new(1_130, domain::money::Currency::parse("EUR").unwrap());
    for (code, success, outcome) in [
        ("CAPTURE", "true", CaptureOutcome::Made),
        ("CAPTURE_FAILED", "true", CaptureOutcome::Failed),
        ("CAPTURE_FAILED", "false", CaptureOutcome::Failed),
    ] {
        let told = capture(code, first, success);
        let NotificationTopic::CaptureTold { payment_ref, snapshot } = told.topic else { panic!("{code}") };
        assert_eq!(payment_ref.0, "PSP0000000000001");
        assert_eq!(*snapshot, CaptureSnapshot { provider_ref: ProviderRef("CAP1".into()), amount: euros, outcome });
    }
    let ids = [first, first, later].map(|at| capture("CAPTURE", at, "true").provider_event_id);
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
}

#[test]
fn what_names_nothing_of_ours_is_told_as_foreign() {
    let refund = "re_0193a5c2e8b27c3a9f0e1d2c3b4a5968";
    for (reference, is_foreign) in [(LINK, false), (SESSION, false), (refund, false), ("order-7", true), ("", true)] {
        let change = json!({"originalReference": "PSP0000000000001", "merchantReference": reference});
        assert_eq!(open(&[item("REFUND", change)]).unwrap()[0].is_foreign, is_foreign, "{reference}");
    }
}

#[test]
fn a_dispute_is_told_by_each_of_its_events() {
    for (code, status, want) in [
        ("REQUEST_FOR_INFORMATION", "Undefended", "warning_needs_response"),
        ("NOTIFICATION_OF_CHARGEBACK", "Undefended", "needs_response"),
        ("CHARGEBACK", "Undefended", "needs_response"),
        ("DISPUTE_OPENED_WITH_CHARGEBACK", "Undefended", "needs_response"),
        ("CHARGEBACK_REVERSED", "Pending", "won"),
        ("SECOND_CHARGEBACK", "Lost", "lost"),
        ("PREARBITRATION_WON", "Won", "won"),
        ("PREARBITRATION_LOST", "Lost", "lost"),
        ("DISPUTE_DEFENSE_PERIOD_ENDED", "Expired", "lost"),
    ] {
        let more = json!({"disputeStatus": status, "chargebackReasonCode": "4837",
            "defensePeriodEndsAt": "2026-12-13T11:00:00+01:00"});
        let topic = topic_of(
            code,
            json!({"originalReference": "PSP0000000000001", "pspReference": "DIS1", "additionalData": more}),
        );
        let NotificationTopic::DisputeTold { payment_ref, snapshot } = topic else { panic!("{code}: {topic:?}") };
        assert_eq!((snapshot.state.name(), payment_ref.0.as_str()), (want, "PSP0000000000001"), "{code}");
        assert_eq!((snapshot.provider_ref.0.as_str(), snapshot.reason.as_str()), ("DIS1", "4837"));
        assert_eq!(snapshot.evidence_due_at, Some(Timestamp::from_unix_seconds(1_797_156_000)));
    }
}

#[test]
fn money_that_can_not_be_read_or_is_not_taken_is_for_a_person_and_holds_up_nothing() {
    for (code, change) in [
        ("REFUND", json!({"originalReference": ""})),
        ("CHARGEBACK", json!({})),
        ("AUTHORISATION", json!({"amount": null})),
        ("AUTHORISATION", json!({"amount": {"currency": "EUR", "value": 0}})),
        ("AUTHORISATION", json!({"amount": {"currency": "ISK", "value": 701}})),
        ("CAPTURE", json!({"success": "false"})),
        ("EXPIRE", json!({})),
    ] {
        let topic = topic_of(code, change.clone());
        let payment_ref = Some(ProviderRef("PSP0000000000001".to_owned()));
        assert_eq!(topic, NotificationTopic::NeedsAttention { name: code.to_owned(), payment_ref }, "{code} {change}");
    }
    // What has no time of its own has that at which it came in.
    let told = open(&[item("AUTHORISATION", json!({"eventDate": "yesterday"}))]).unwrap();
    assert_eq!(told[0].occurred_at, NOW);
}

#[test]
fn one_bad_item_refuses_the_whole_request() {
    let right = item("AUTHORISATION", json!({}));
    assert_eq!(open(&[right.clone(), right.clone()]).unwrap().len(), 2);
    let body = String::from_utf8(adyen_fake::request(&[right.clone(), right.clone()], KEY)).unwrap();
    let refused = |body: String| door().open(&[], body.as_bytes()).unwrap_err();
    assert_eq!(refused(body.replacen("1130", "1131", 1)), NotificationError::BadSignature);
    assert_eq!(refused(body.replacen("hmacSignature", "signature", 1)), NotificationError::BadSignature);
    assert_eq!(refused(body.replace("\"live\":\"false\"", "\"live\":\"true\"")), NotificationError::Malformed);
    assert_eq!(refused(body[..body.len() - 1].to_owned()), NotificationError::Malformed);
    assert_eq!(refused(json!({"live": "false", "notificationItems": []}).to_string()), NotificationError::Malformed);
    let elsewhere = item("AUTHORISATION", json!({"merchantAccountCode": "Another"}));
    assert_eq!(open(&[right, elsewhere]).unwrap().len(), 1, "another account's is accepted, and none of ours");
}

#[test]
fn while_a_key_is_rolled_both_verify_and_credentials_count_where_they_are_agreed_on() {
    let new = "11".repeat(32);
    let rolled = Door {
        hmac_keys: vec![SecretString::from(new.as_str()), KEY.into()],
        basic: Some(BasicAuthentication::new("adyen", &"s3cret".into())),
        ..door()
    };
    let header = |value: &str| [("authorization".to_owned(), value.to_owned())];
    for key in [KEY, &new] {
        let body = adyen_fake::request(&[item("AUTHORISATION", json!({}))], key);
        assert!(rolled.open(&header("Basic YWR5ZW46czNjcmV0"), &body).is_ok());
        for wrong in ["", "Basic YWR5ZW46", "Bearer YWR5ZW46czNjcmV0"] {
            let told = rolled.open(&header(wrong), &body).unwrap_err();
            assert_eq!(told, NotificationError::BadCredentials, "{wrong}");
        }
        assert_eq!(rolled.open(&[], &body).unwrap_err(), NotificationError::BadCredentials);
    }
}

#[test]
fn an_event_is_never_shown_with_what_is_a_customers() {
    let items = door().open(&[], &adyen_fake::request(&[item("AUTHORISATION", json!({}))], KEY)).unwrap();
    assert!(!format!("{items:?}").contains("canary"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(Value::from("true")),
        Just(Value::from("EUR")),
        Just(Value::from(LINK)),
        Just(Value::from("2026-11-29T11:00:00+01:00")),
    ];
    leaf.prop_recursive(2, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z]{1,10}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics_whatever_bytes_come_in_and_none_verify(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(door().open(&[], &body).is_err());
    }

    #[test]
    fn nothing_panics_whatever_a_signed_event_holds(
        code in prop::sample::select(vec!["AUTHORISATION", "REFUND", "CAPTURE_FAILED", "CHARGEBACK", "EXPIRE", "X"]),
        fields in prop::collection::btree_map(
            prop::sample::select(vec!["amount", "success", "eventDate", "merchantReference", "originalReference",
                "pspReference", "reason", "additionalData"]),
            any_json(),
            0..4,
        ),
    ) {
        let change = Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        // The fake signs what has a place for a signature.
        prop_assume!(change.get("additionalData").is_none_or(|data| data.is_object() || data.is_null()));
        let _ = open(&[item(code, change)]);
    }
}
