//! What a look at a session says of a call about held money, over mocks of the ports.

use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::MockStorage;
use domain::provider::{ProviderAction, ProviderRef};
use uuid::Uuid;

use super::*;
use crate::mocked::{self, UUID, intent, money};

fn payment_ref() -> ProviderRef {
    ProviderRef("p_1".into())
}

fn session(progress: CheckoutProgress) -> CheckoutSnapshot {
    mocked::told("s_1", progress, money(100))
}

/// What comes of a capture that the provider answers so, and whose session then stands so.
async fn captured(
    answer: Result<(), ProviderError>,
    progress: CheckoutProgress,
) -> Result<CheckoutSnapshot, ProviderError> {
    let held = HeldPayment {
        payment_id: PaymentId::from_uuid(Uuid::from_u128(UUID)),
        payment_ref: payment_ref(),
        session_ref: ProviderRef("s_1".into()),
    };
    let mut provider = MockPaymentProvider::new();
    provider.expect_capture_payment().once().return_once(|_, _, _| answer);
    provider.expect_fetch_checkout().once().return_once(|_| Ok(session(progress)));
    let app = mocked::app(MockStorage::new(), MockPaymentProvider::new());
    let intent = intent(ProviderAction::CapturePayment { payment: held.clone(), amount: money(100) });
    app.move_held_money(&provider, &intent, (&held, Some(money(100))), false).await
}

#[tokio::test]
async fn a_capture_is_done_when_the_session_says_what_became_of_the_money() {
    let rejected = || ProviderError::Rejected { field: None, code: "captured".to_owned() };
    let payment_ref = payment_ref;
    let paid = || CheckoutProgress::Paid { payment_ref: payment_ref(), received: money(100) };
    let released = || CheckoutProgress::Released { payment_ref: payment_ref() };
    let failed = || CheckoutProgress::PaymentFailed { payment_ref: payment_ref() };
    let processing = || CheckoutProgress::Processing { payment_ref: payment_ref() };
    for decided in [paid(), released(), failed()] {
        assert_eq!(captured(Ok(()), decided.clone()).await.unwrap().progress, decided);
        assert_eq!(captured(Err(rejected()), decided.clone()).await.unwrap().progress, decided);
    }
    // The provider is still at it: neither done nor refused.
    for answer in [Ok(()), Err(rejected())] {
        assert!(matches!(captured(answer, processing()).await, Err(ProviderError::OutcomeUnknown)));
    }
    let authorization = domain::payment::Authorization { amount: money(100), capture_before: None };
    let held = CheckoutProgress::Authorized { payment_ref: payment_ref(), authorization };
    assert!(matches!(captured(Ok(()), held.clone()).await, Err(ProviderError::OutcomeUnknown)));
    assert!(matches!(captured(Err(rejected()), held).await, Err(ProviderError::Rejected { .. })));
}
