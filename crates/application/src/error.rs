//! What can become of a use case, by what its caller can do about it. Faces turn it into their own codes, in one place
//! each.

use std::sync::Arc;
use std::time::Duration;

use domain::idempotency::StoredRefusal;
use domain::ports::provider::ProviderError;
use domain::ports::storage::StorageError;
use domain::validation::{Invalid, Violations, join};

/// Why a use case came to nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Fields of the request are wrong, whatever the state of things is.
    #[error("invalid request: {0}")]
    Invalid(#[from] Violations),
    /// There is no such thing, or it is another seller's.
    #[error("no {kind} {id}")]
    NotFound {
        /// The kind of thing, in snake case.
        kind: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// The state of things, or an ability of the provider's, does not allow it.
    #[error("{message}")]
    FailedPrecondition {
        /// Why, for programs.
        reason: Reason,
        /// Why, for people.
        message: String,
        /// The field of the request at fault, if one is.
        field: Option<String>,
    },
    /// The provider has not the abilities that fields of the request want.
    #[error("the provider has not the ability {}", abilities(lacking))]
    Unsupported {
        /// Each missing ability; never empty.
        lacking: Vec<Lacking>,
    },
    /// Something that may be there once is there.
    #[error("{message}")]
    AlreadyExists {
        /// Why, for programs.
        reason: Reason,
        /// Why, for people.
        message: String,
        /// The id of what is there.
        existing: Option<String>,
    },
    /// A race was lost; look again and retry.
    #[error("{message}")]
    Aborted {
        /// Why, for programs.
        reason: Reason,
        /// Why, for people.
        message: String,
        /// When a retry may help.
        retry_after: Option<Duration>,
    },
    /// It can't be done for now; a retry with the same request id will find out.
    #[error("{message}")]
    Unavailable {
        /// Why, for programs.
        reason: Reason,
        /// Why, for people.
        message: String,
        /// When a retry may help.
        retry_after: Option<Duration>,
    },
    /// Who calls is not known.
    #[error("{message}")]
    Unauthenticated {
        /// Why, for programs.
        reason: Reason,
        /// Why, for people.
        message: String,
    },
    /// Who calls may not do that.
    #[error("{message}")]
    PermissionDenied {
        /// Why, for programs.
        reason: Reason,
        /// Why, for people.
        message: String,
    },
    /// A defect of ours. Its source is for the log, not for the caller.
    #[error("an internal error")]
    Internal(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

/// An ability that the provider has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// The field of the request that wants it; empty where it is not known.
    pub field: String,
    /// The ability, in snake case.
    pub ability: String,
}

fn abilities(lacking: &[Lacking]) -> String {
    let names: Vec<_> = lacking.iter().map(|lacking| lacking.ability.as_str()).collect();
    names.join(", ")
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)*) => {
        /// Why, as a stable code for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// The reason of a code.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.code() == code)
            }
        }
    };
}

reasons! {
    /// The request id was used for another request.
    RequestIdReused = "REQUEST_ID_REUSED",
    /// The same request is being worked on.
    RequestInProgress = "REQUEST_IN_PROGRESS",
    /// The invoice has an open link or session.
    CollectableOpen = "COLLECTABLE_OPEN",
    /// The invoice is not in a state for that.
    InvoiceState = "INVOICE_STATE",
    /// Money has come in on the invoice.
    InvoicePartlyPaid = "INVOICE_PARTLY_PAID",
    /// Mail is not turned on.
    MailDisabled = "MAIL_DISABLED",
    /// What credit notes took of the invoice does not allow it.
    InvoiceCredited = "INVOICE_CREDITED",
    /// The payment link is not in a state for that.
    PaymentLinkState = "PAYMENT_LINK_STATE",
    /// The checkout session is not in a state for that.
    CheckoutSessionState = "CHECKOUT_SESSION_STATE",
    /// Money that is on its way or held does not allow it yet.
    PaymentUnderWay = "PAYMENT_UNDER_WAY",
    /// The payment is not in a state for that.
    PaymentState = "PAYMENT_STATE",
    /// Other sellers use the same account at the provider, where promotion codes are everyone's.
    ProviderAccountShared = "PROVIDER_ACCOUNT_SHARED",
    /// An active promotion code has the same code.
    PromotionCodeTaken = "PROMOTION_CODE_TAKEN",
    /// The promotion code is not in a state for that.
    PromotionCodeState = "PROMOTION_CODE_STATE",
    /// The subscription has ended.
    SubscriptionState = "SUBSCRIPTION_STATE",
    /// The provider can't do that.
    UnsupportedCapability = "UNSUPPORTED_CAPABILITY",
    /// The provider refused it.
    ProviderRejected = "PROVIDER_REJECTED",
    /// The provider can't be reached.
    ProviderUnavailable = "PROVIDER_UNAVAILABLE",
    /// The provider limits our calls.
    ProviderRateLimited = "PROVIDER_RATE_LIMITED",
    /// It is not known yet whether the provider did it.
    OutcomeUnknown = "OUTCOME_UNKNOWN",
    /// The thing has changed since the caller read it.
    EtagMismatch = "ETAG_MISMATCH",
    /// Another mutation of the same thing won.
    ConcurrentChange = "CONCURRENT_CHANGE",
    /// The database can't be reached.
    StorageUnavailable = "STORAGE_UNAVAILABLE",
    /// The seller is registered there already.
    TaxRegistrationOverlaps = "TAX_REGISTRATION_OVERLAPS",
    /// The seller has as many registrations for tax as it can have.
    TooManyTaxRegistrations = "TOO_MANY_TAX_REGISTRATIONS",
    /// The tax calculator can't be reached.
    TaxUnavailable = "TAX_UNAVAILABLE",
    /// Too many requests are being worked on.
    Overloaded = "OVERLOADED",
    /// Too many documents are being made.
    RendererBusy = "RENDERER_BUSY",
    /// No API key was given.
    CredentialsMissing = "CREDENTIALS_MISSING",
    /// The API key is unknown, expired or revoked.
    CredentialsInvalid = "CREDENTIALS_INVALID",
    /// The API key's scope does not reach that far.
    ScopeInsufficient = "SCOPE_INSUFFICIENT",
}

impl Error {
    /// The same error; where it is for now alone, it may help to retry after so long.
    #[must_use]
    pub(crate) fn retry_in(mut self, wait: Duration) -> Self {
        if let Self::Aborted { retry_after, .. } | Self::Unavailable { retry_after, .. } = &mut self {
            *retry_after = Some(wait);
        }
        self
    }

    /// What a caller is told of a call that did not succeed, and is made again after `retry_in`: also where the provider has
    /// refused it, as it may refuse to close a page, that is not the last word.
    pub(crate) fn put_off(error: ProviderError, retry_in: Duration) -> Self {
        let refused = match &error {
            ProviderError::Rejected { code, .. } => Some(code.as_str()),
            ProviderError::Unsupported { capability } => Some(*capability),
            _ => None,
        };
        match refused {
            Some(code) => Self::Unavailable {
                reason: Reason::ProviderUnavailable,
                message: format!(
                    "the provider refuses it for now ({code}); it is tried again, and a retry with the same request id tells the result"
                ),
                retry_after: Some(retry_in),
            },
            None => Self::from(error).retry_in(retry_in),
        }
    }

    /// Why [`Error::Invalid`], for programs: as callers are told, and as a refusal is stored.
    pub const INVALID_FIELDS: &str = "INVALID_FIELDS";

    /// The same error; where the field `from` is bad, it is `to` of the request.
    #[must_use]
    pub(crate) fn renamed(self, from: &str, to: &str) -> Self {
        match self {
            Self::Invalid(violations) => Self::Invalid(violations.renamed(from, to)),
            other => other,
        }
    }

    /// The same error; where fields are bad, they are fields below `field` of the request.
    #[must_use]
    pub fn within(self, field: &str) -> Self {
        match self {
            Self::Invalid(violations) => Self::Invalid(violations.within(field)),
            Self::FailedPrecondition { reason, message, field: Some(inner) } if !inner.is_empty() => {
                Self::FailedPrecondition { reason, message, field: Some(join(field, &inner)) }
            }
            Self::Unsupported { lacking } => Self::Unsupported {
                lacking: lacking
                    .into_iter()
                    .map(|lacking| Lacking { field: join(field, &lacking.field), ..lacking })
                    .collect(),
            },
            other => other,
        }
    }

    pub(crate) fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    pub(crate) fn precondition(reason: Reason, message: impl ToString) -> Self {
        Self::FailedPrecondition { reason, message: message.to_string(), field: None }
    }

    pub(crate) fn field(field: &str, rule: &'static str, expected: impl Into<String>) -> Self {
        Self::Invalid(Violations::one(field, Invalid::new(rule, expected)))
    }

    pub(crate) fn unsupported(field: &str, capability: &str) -> Self {
        Self::Unsupported { lacking: vec![Lacking { field: field.to_owned(), ability: capability.to_owned() }] }
    }

    /// A defect of ours, by its source.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(Arc::from(source.into()))
    }

    /// Whether the whole transaction may be tried again at once.
    pub(crate) fn is_contended(&self) -> bool {
        matches!(self, Self::Aborted { reason: Reason::ConcurrentChange, .. })
    }

    /// Whether it may be told of what the same request has done, where that is asked twice at once: of a state that it left.
    pub(crate) fn may_be_of_a_double(&self) -> bool {
        match self {
            Self::FailedPrecondition { .. } => true,
            Self::AlreadyExists { reason, .. } => *reason != Reason::RequestIdReused,
            Self::Aborted { reason, .. } => *reason != Reason::RequestInProgress,
            _ => false,
        }
    }

    /// The form in which a refusal for good is given again to the same request.
    pub(crate) fn to_refusal(&self) -> Option<StoredRefusal> {
        match self {
            Self::FailedPrecondition { reason, message, field } => Some(StoredRefusal {
                reason: reason.code().to_owned(),
                message: message.clone(),
                violations: field
                    .iter()
                    .flat_map(|field| {
                        let violations = Violations::one(field, Invalid::new("PROVIDER_REJECTED", message.clone()));
                        violations.iter().cloned().collect::<Vec<_>>()
                    })
                    .collect(),
            }),
            Self::Invalid(violations) => Some(StoredRefusal {
                reason: Self::INVALID_FIELDS.to_owned(),
                message: self.to_string(),
                violations: violations.iter().cloned().collect(),
            }),
            _ => None,
        }
    }

    pub(crate) fn from_refusal(refusal: StoredRefusal) -> Self {
        if refusal.reason == Self::INVALID_FIELDS
            && let Some(violations) = Violations::stored(refusal.violations.clone())
        {
            return Self::Invalid(violations);
        }
        Self::FailedPrecondition {
            reason: Reason::from_code(&refusal.reason).unwrap_or(Reason::ProviderRejected),
            message: refusal.message,
            field: refusal.violations.into_iter().next().map(|violation| violation.field),
        }
    }
}

/// How long a caller does well to wait where nothing better is known.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(500);

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(_) | StorageError::CommitUnknown(_) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "storage unavailable");
                Self::Unavailable {
                    reason: Reason::StorageUnavailable,
                    message: "the database is unavailable; retry with the same request id".to_owned(),
                    retry_after: Some(RETRY_AFTER),
                }
            }
            StorageError::Contended(_) | StorageError::Stale => Self::Aborted {
                reason: Reason::ConcurrentChange,
                message: "another request changed the same thing; retry".to_owned(),
                retry_after: Some(RETRY_AFTER),
            },
            StorageError::ProviderRefTaken => {
                let message = "the provider gave it the id of another thing; see to it at the provider";
                Self::precondition(Reason::ProviderRejected, message)
            }
            StorageError::Conflict { .. } | StorageError::Defect(_) => Self::internal(error),
        }
    }
}

impl From<ProviderError> for Error {
    fn from(error: ProviderError) -> Self {
        let unavailable = |reason, message: &str, retry_after: Option<Duration>| Self::Unavailable {
            reason,
            message: message.to_owned(),
            retry_after: retry_after.or(Some(RETRY_AFTER)),
        };
        match error {
            ProviderError::Rejected { field, code } => Self::FailedPrecondition {
                reason: Reason::ProviderRejected,
                message: format!("the provider refused it: {code}"),
                field,
            },
            ProviderError::NotFound => Self::precondition(Reason::ProviderRejected, "the provider has no such thing"),
            // Told by the provider itself, which knows no fields.
            ProviderError::Unsupported { capability } => Self::precondition(
                Reason::UnsupportedCapability,
                format!("the provider has not the ability {capability}"),
            ),
            ProviderError::RateLimited { retry_after } => unavailable(
                Reason::ProviderRateLimited,
                "the provider limits our calls; it is tried again, and a retry with the same request id tells the result",
                retry_after,
            ),
            ProviderError::Conflict { .. } | ProviderError::OutcomeUnknown => unavailable(
                Reason::OutcomeUnknown,
                "it is not known yet whether the provider did it; retry with the same request id to learn it",
                None,
            ),
            ProviderError::Unavailable | ProviderError::Unauthorized | ProviderError::CircuitOpen { .. } => {
                unavailable(
                    Reason::ProviderUnavailable,
                    "the provider can't be reached; it is tried again, and a retry with the same request id tells the result",
                    match error {
                        ProviderError::CircuitOpen { retry_after } => Some(retry_after),
                        _ => None,
                    },
                )
            }
        }
    }
}
