//! Money that came in beside every provider: cash, or a transfer that someone found on a bank statement.
//!
//! A person says that it is there, and a person errs: so, unlike a provider's word, an amount above what is due is refused.

use serde::{Deserialize, Serialize};
use time::Date;

use super::{NewPayment, Payment, PaymentFlag, PaymentKind, PaymentState};
use crate::id::PaymentId;
use crate::invoice::{Invoice, InvoiceError, InvoiceState};
use crate::metadata::Metadata;
use crate::money::Money;
use crate::provider::ProviderName;
use crate::text::{Description, DisplayName};
use crate::timestamp::Timestamp;
use crate::validation::{Invalid, Validator, Violations};

/// How money came in beside every provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutOfBand {
    /// By which way.
    pub method: OutOfBandMethod,
    /// What identifies it there, such as the reference on a bank statement or the number of a receipt.
    pub reference: Option<DisplayName>,
    /// The day on which it came in.
    pub received_on: Date,
}

/// By which way money came in beside every provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfBandMethod {
    /// Notes and coins.
    Cash,
    /// A transfer to the seller's bank account.
    BankTransfer,
    /// Another way.
    Other,
}

/// What a caller says of money that came in beside every provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutOfBandReceipt {
    /// How much: all that is due on the invoice, or a part of it.
    pub amount: Money,
    /// How it came in.
    pub how: OutOfBand,
    /// A note on it.
    pub description: Option<Description>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

/// Why money can't be recorded on an invoice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptRefused {
    /// Nothing is to be paid on it.
    #[error(transparent)]
    State(#[from] InvoiceError),
    /// Fields are wrong, as by more than what is due.
    #[error(transparent)]
    Fields(#[from] Violations),
}

impl OutOfBandReceipt {
    /// Fails if the money can't be recorded on an invoice, as it stands now.
    ///
    /// # Errors
    /// It is neither open nor uncollectible; the amount is in another currency, or more than what is due.
    pub fn check(&self, invoice: &Invoice) -> Result<(), ReceiptRefused> {
        if !matches!(invoice.state, InvoiceState::Uncollectible { .. }) {
            invoice.expect_open()?;
        }
        let mut validator = Validator::new();
        let due = invoice.amount_due();
        if self.amount.currency() != due.currency() {
            let expected = format!("must be {}, the currency of the invoice", due.currency());
            validator.refuse("amount.currency_code", Invalid::new("CURRENCY_MISMATCH", expected));
        } else if self.amount.minor() > due.minor() {
            let expected = format!("must be at most {due}, which is what is due");
            validator.refuse("amount.minor_units", Invalid::new("ABOVE_AMOUNT_DUE", expected));
        }
        Ok(validator.finish(Some(()))?)
    }
}

impl Payment {
    /// A payment of money that came in beside every provider. `split` is what of it is net and what is tax.
    pub fn out_of_band(
        id: PaymentId,
        invoice: &Invoice,
        (receipt, (subtotal, tax)): (OutOfBandReceipt, (Money, Money)),
        (flags, livemode): (Vec<PaymentFlag>, bool),
        now: Timestamp,
    ) -> Self {
        let new = NewPayment {
            id,
            seller_id: invoice.seller_id.clone(),
            kind: PaymentKind::OutOfBand,
            provider: ProviderName::out_of_band(),
            invoice_id: Some(invoice.id),
            payment_link_id: None,
            checkout_session_id: None,
            customer_id: invoice.customer_id,
            subtotal,
            tax,
            total: receipt.amount,
            description: receipt.description,
            metadata: receipt.metadata,
            expires_at: None,
            livemode,
        };
        let mut payment = Self::pending(new, now);
        payment.0.state = PaymentState::Succeeded { succeeded_at: now };
        payment.0.received = Some(receipt.amount);
        payment.0.out_of_band = Some(receipt.how);
        payment.0.flags = flags;
        payment
    }
}
