//! Captures that a provider tells of after it has told of the money itself: one that failed keeps the money from the seller, as
//! a refund does, until one is made again.

use domain::id::PaymentId;
use domain::payment::{CaptureOutcome, CaptureSnapshot, MadeCapture, Payment, failed_again};
use domain::ports::storage::UnitOfWork;
use domain::refund::Refund;
use domain::timestamp::Timestamp;

use crate::app::App;
use crate::error::Error;
use crate::inbox::unaccountable;
use crate::refunds::expect_of_its_money;

impl App {
    /// Brings what was told of a capture into the books, as it was at `told_at` by the provider's clock. In whichever order,
    /// and however often, captures of a payment are told of, they come to the same.
    ///
    /// # Errors
    /// It is for a person: the capture is not of what the payment brought in.
    pub(crate) async fn settle_capture(
        &self,
        uow: &mut dyn UnitOfWork,
        payment_id: PaymentId,
        snapshot: &CaptureSnapshot,
        told_at: Timestamp,
    ) -> Result<(), Error> {
        let Some(mut payment) = uow.lock_payment(payment_id).await? else { return Ok(()) };
        expect_of_its_money(&payment, snapshot.amount, &snapshot.provider_ref)?;
        let is_of_its_money = payment.received.is_some_and(|received| match snapshot.outcome {
            CaptureOutcome::Made => received == snapshot.amount,
            // More than came in is kept all the same, and flagged.
            CaptureOutcome::Failed => received.currency() == snapshot.amount.currency(),
        });
        if !is_of_its_money {
            let (capture, amount) = (&snapshot.provider_ref, snapshot.amount);
            return Err(unaccountable(format!(
                "the capture {capture} of {amount} is not of what the payment brought in"
            )));
        }
        match snapshot.outcome {
            CaptureOutcome::Made => self.capture_made(uow, &mut payment, snapshot, told_at).await,
            CaptureOutcome::Failed => self.capture_failed(uow, &mut payment, snapshot, told_at).await,
        }
    }

    async fn capture_made(
        &self,
        uow: &mut dyn UnitOfWork,
        payment: &mut Payment,
        snapshot: &CaptureSnapshot,
        made_at: Timestamp,
    ) -> Result<(), Error> {
        let now = self.now();
        let made = MadeCapture { provider_ref: snapshot.provider_ref.clone(), amount: snapshot.amount, made_at };
        if !payment.note_made_capture(made, now) {
            return Ok(());
        }
        uow.update_payment(payment).await?;
        let failed = payment.captures.clone().unwrap_or_default().failed;
        for id in failed {
            let known = uow.load_refund(id).await?;
            let before = known.ok_or_else(|| Error::internal("the refund of a failed capture is gone"))?;
            let failed_at = before.capture_failed_at.unwrap_or(made_at);
            self.captures_moved(uow, payment, (before, failed_at)).await?;
        }
        Ok(())
    }

    async fn capture_failed(
        &self,
        uow: &mut dyn UnitOfWork,
        payment: &mut Payment,
        snapshot: &CaptureSnapshot,
        failed_at: Timestamp,
    ) -> Result<(), Error> {
        let mut snapshot = snapshot.clone();
        let mut known = uow.load_refund_by_ref(&payment.provider, &snapshot.provider_ref).await?;
        let was_made_again = known.as_ref().is_some_and(|known| known.counted().is_none());
        if was_made_again && known.as_ref().is_some_and(|known| known.capture_failed_at < Some(failed_at)) {
            // It fails once more, or failed twice before it was made again: what is done with stays as it is.
            let reference = failed_again(&snapshot.provider_ref, failed_at);
            known = uow.load_refund_by_ref(&payment.provider, &reference).await?;
            snapshot.provider_ref = reference;
        }
        if let Some(before) = known {
            if before.payment_id != payment.id || before.capture_failed_at.is_none() || before.amount != snapshot.amount
            {
                return Err(unaccountable(format!("{} is something else here than a capture", snapshot.provider_ref)));
            }
            return self.captures_moved(uow, payment, (before, failed_at)).await;
        }
        let now = self.now();
        let mut refund = Refund::of_failed_capture(self.new_refund_id(), payment, &snapshot, failed_at, now);
        if !uow.insert_refund(&mut refund).await? {
            return Err(Error::internal("a capture that failed is here and is not"));
        }
        payment.note_failed_capture(refund.id, now);
        self.refund_moved(uow, payment, None, &refund).await?;
        // One that was made after it may have been told before it.
        self.captures_moved(uow, payment, (refund, failed_at)).await
    }

    /// Brings what stands for a failed capture up to what is known of the captures of its payment.
    async fn captures_moved(
        &self,
        uow: &mut dyn UnitOfWork,
        payment: &mut Payment,
        (before, failed_at): (Refund, Timestamp),
    ) -> Result<(), Error> {
        let made = payment.captures.as_ref().and_then(|captures| captures.made.clone());
        let mut refund = before.clone();
        if !refund.observe_captures(failed_at, made.as_ref(), self.now()) {
            return Ok(());
        }
        let has_moved = refund.state.name() != before.state.name();
        if has_moved && made.is_some_and(|made| made.amount != refund.amount) {
            let capture = refund.provider_ref.as_ref().map_or("", |capture| &capture.0);
            return Err(unaccountable(format!("not as much was captured as failed to be by {capture}")));
        }
        uow.update_refund(&mut refund).await?;
        if has_moved { self.refund_moved(uow, payment, Some(&before), &refund).await } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
