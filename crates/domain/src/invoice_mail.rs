//! A mail about an invoice: queued → sent or failed. It must not know how mail is sent, nor its words.
//!
//! It is sent at least once, since no mail server can be asked what it took: a crash between its taking the message and our
//! noting that sends the same message again, with the same id. Never are two tries under way at once.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::aggregate::aggregate;
use crate::document::{InvoiceDocumentKind, Language};
use crate::id::{InvoiceId, InvoiceMailId};
use crate::invoice::{Invoice, InvoiceState};
use crate::party::Email;
use crate::ports::mail::{MailError, MessageId};
use crate::seller::SellerId;
use crate::timestamp::Timestamp;

aggregate!(
    /// A mail about an invoice.
    InvoiceMail, InvoiceMailData
);

/// What a mail is made of.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct InvoiceMailData {
    /// Its id.
    pub id: InvoiceMailId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, which also tells whose lease it is.
    #[serde(default)]
    pub version: i64,
    /// What it is about, and to whom.
    #[serde(flatten)]
    pub order: MailOrder,
    /// The id of the message, the same for each try.
    pub message_id: MessageId,
    /// How often it was tried, as far as the tries came to an end.
    pub attempts: u32,
    /// Where it stands.
    pub state: MailState,
    /// When it was asked for: the date of the message.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl fmt::Debug for InvoiceMailData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvoiceMail({}, {}, ..)", self.id, self.state.name())
    }
}

/// What a mail is about, and to whom.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct MailOrder {
    /// The invoice.
    pub invoice_id: InvoiceId,
    /// Which document of it is sent.
    pub kind: InvoiceDocumentKind,
    /// The language of the message and of the document.
    pub language: Language,
    /// Who gets it.
    pub to: Email,
}

/// Where a mail stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MailState {
    /// To be sent.
    Queued {
        /// When it is tried next, at the earliest.
        next_attempt_at: Timestamp,
        /// Why the last try failed; absent before the first.
        last_failure: Option<String>,
    },
    /// A mail server took it.
    Sent {
        /// When.
        sent_at: Timestamp,
    },
    /// It is not tried any more.
    Failed {
        /// Why.
        failure: MailFailure,
        /// When.
        failed_at: Timestamp,
    },
}

impl MailState {
    /// The state's name, in snake case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Sent { .. } => "sent",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Why a mail is not tried any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "failure", rename_all = "snake_case")]
pub enum MailFailure {
    /// The mail server refused it for good.
    Rejected {
        /// With which code, such as `550 5.1.1`.
        reason: String,
    },
    /// The mail server could not take it for [`InvoiceMail::PATIENCE`].
    GaveUp {
        /// Why the last try failed.
        reason: String,
    },
    /// What it was to tell does not hold any more: the invoice was withdrawn.
    Overtaken,
}

/// A mail that can't be about this invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailOrderError {
    /// It has no number yet.
    #[error("the invoice is a draft; finalize it first")]
    Draft,
    /// Nothing is to be paid on it.
    #[error("the invoice is void")]
    Void,
    /// Nothing came in that a receipt could tell of.
    #[error("nothing has been paid on the invoice, so there is no receipt")]
    NothingPaid,
}

impl MailOrder {
    /// Whether a mail with a document of this kind can be about the invoice as it stands.
    ///
    /// # Errors
    /// See [`MailOrderError`].
    pub fn check(kind: InvoiceDocumentKind, invoice: &Invoice) -> Result<(), MailOrderError> {
        match (&invoice.state, kind) {
            (InvoiceState::Draft, _) | (InvoiceState::Void { finalization: None, .. }, _) => Err(MailOrderError::Draft),
            (InvoiceState::Void { .. }, _) => Err(MailOrderError::Void),
            (_, InvoiceDocumentKind::Receipt) if invoice.amount_paid.is_zero() => Err(MailOrderError::NothingPaid),
            _ => Ok(()),
        }
    }
}

impl InvoiceMail {
    /// How long a mail is tried: what asks for money by a date is worth little much later, and whoever waits for it is told
    /// while another way is still open.
    pub const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
    /// The wait after the first try that failed; it doubles with each. A server that puts off strangers (greylisting) takes
    /// the message a few minutes later.
    pub const RETRY_IN_MIN: Duration = Duration::from_secs(15);
    /// The longest wait between two tries.
    pub const RETRY_IN_MAX: Duration = Duration::from_secs(15 * 60);

    /// A mail to be sent.
    pub fn queued(
        (id, message_id): (InvoiceMailId, MessageId),
        seller_id: SellerId,
        order: MailOrder,
        now: Timestamp,
    ) -> Self {
        Self(InvoiceMailData {
            id,
            seller_id,
            version: 0,
            order,
            message_id,
            attempts: 0,
            state: MailState::Queued { next_attempt_at: now, last_failure: None },
            created_at: now,
            updated_at: now,
        })
    }

    /// Notes what came of a try, and answers after how long the next one is due, where there is one. Nothing moves once it
    /// is sent or failed.
    pub fn tried(&mut self, outcome: Result<(), MailError>, now: Timestamp) -> Option<Duration> {
        let MailState::Queued { .. } = self.0.state else { return None };
        self.0.attempts = self.0.attempts.saturating_add(1);
        self.0.updated_at = now;
        let failed = |failure| MailState::Failed { failure, failed_at: now };
        let reason = match outcome {
            Ok(()) => {
                self.0.state = MailState::Sent { sent_at: now };
                return None;
            }
            Err(MailError::Rejected { reason }) => {
                self.0.state = failed(MailFailure::Rejected { reason });
                return None;
            }
            Err(MailError::Unavailable { reason } | MailError::Unauthorized { reason }) => reason,
        };
        let retry_in = self.retry_in();
        if now.plus(retry_in).since(self.created_at) > Self::PATIENCE {
            self.0.state = failed(MailFailure::GaveUp { reason });
            return None;
        }
        self.0.state = MailState::Queued { next_attempt_at: now.plus(retry_in), last_failure: Some(reason) };
        Some(retry_in)
    }

    /// Notes that what it was to tell does not hold any more.
    pub fn overtaken(&mut self, now: Timestamp) {
        if let MailState::Queued { .. } = self.0.state {
            self.0.state = MailState::Failed { failure: MailFailure::Overtaken, failed_at: now };
            self.0.updated_at = now;
        }
    }

    fn retry_in(&self) -> Duration {
        let doublings = self.attempts.saturating_sub(1).min(16);
        Self::RETRY_IN_MIN.saturating_mul(1 << doublings).min(Self::RETRY_IN_MAX)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn mail() -> InvoiceMail {
        let id = InvoiceMailId::from_uuid(Uuid::from_u128(1));
        let order = MailOrder {
            invoice_id: InvoiceId::from_uuid(Uuid::from_u128(2)),
            kind: InvoiceDocumentKind::Invoice,
            language: Language::Swedish,
            to: Email::parse("canary@example.com").unwrap(),
        };
        let message_id = MessageId::parse("1@example.com").unwrap();
        InvoiceMail::queued((id, message_id), SellerId::parse("north").unwrap(), order, at(0))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn unavailable() -> Result<(), MailError> {
        Err(MailError::Unavailable { reason: "451".to_owned() })
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut mail = mail();
        let waits: Vec<u64> = (0..9).map(|_| mail.tried(unavailable(), at(0)).unwrap().as_secs()).collect();
        assert_eq!(waits, [15, 30, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(mail.attempts, 9);
        let MailState::Queued { next_attempt_at, last_failure } = &mail.state else { panic!("{mail:?}") };
        assert_eq!((*next_attempt_at, last_failure.as_deref()), (at(900), Some("451")));
    }

    #[test]
    fn it_is_given_up_when_the_next_try_would_come_too_late() {
        let day = 24 * 60 * 60;
        let mut last = mail();
        assert!(last.tried(unavailable(), at(day - 15)).is_some());
        let mut late = mail();
        assert_eq!(late.tried(unavailable(), at(day - 14)), None);
        let failure = MailFailure::GaveUp { reason: "451".to_owned() };
        assert_eq!(late.state, MailState::Failed { failure, failed_at: at(day - 14) });
    }

    #[test]
    fn wrong_credentials_are_waited_out_and_a_refusal_is_final() {
        let mut mail = mail();
        assert!(mail.tried(Err(MailError::Unauthorized { reason: "535".to_owned() }), at(1)).is_some());
        assert_eq!(mail.tried(Err(MailError::Rejected { reason: "550".to_owned() }), at(2)), None);
        let failure = MailFailure::Rejected { reason: "550".to_owned() };
        assert_eq!(mail.state, MailState::Failed { failure, failed_at: at(2) });
    }

    #[test]
    fn nothing_moves_once_it_is_sent() {
        let mut mail = mail();
        assert_eq!(mail.tried(Ok(()), at(1)), None);
        let sent = mail.clone();
        assert_eq!(mail.tried(unavailable(), at(2)), None);
        mail.overtaken(at(3));
        assert_eq!(mail, sent);
    }

    #[test]
    fn it_reads_back_as_it_was_stored_and_debug_shows_no_address() {
        let mut mail = mail();
        mail.tried(unavailable(), at(1));
        let stored = serde_json::to_value(&mail).unwrap();
        assert_eq!((stored["language"].as_str(), stored["kind"].as_str()), (Some("sv"), Some("invoice")));
        assert_eq!(serde_json::from_value::<InvoiceMail>(stored).unwrap(), mail);
        assert!(!format!("{mail:?}").contains("canary"));
    }
}
