//! One type per kind of id, so that an invoice's id cannot be given where a link's is wanted.
//!
//! The text form is a prefix and a UUID version 7 (RFC 9562) in 32 lower-case hexadecimal digits, such as
//! `inv_0193a5c2e8b27c3a9f0e1d2c3b4a5968`: it says what it is of, and sorts by the time of its making.

use uuid::Uuid;

use crate::validation::Invalid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// What the text form begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// The id with this UUID inside.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// Parses the text form.
            ///
            /// # Errors
            /// Anything but the prefix, an underscore and 32 lower-case hexadecimal digits.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                parse_uuid($prefix, text).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl std::str::FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

fn parse_uuid(prefix: &str, text: &str) -> Result<Uuid, Invalid> {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .filter(|hex| hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        .and_then(|hex| Uuid::try_parse(hex).ok())
        .ok_or_else(|| {
            Invalid::new("MALFORMED_ID", format!("must be an id such as {prefix}_0193a5c2e8b27c3a9f0e1d2c3b4a5968"))
        })
}

id!(/// An invoice.
    InvoiceId, "inv");
id!(/// A line of an invoice.
    InvoiceLineId, "il");
id!(/// A credit note.
    CreditNoteId, "cn");
id!(/// A payment link.
    PaymentLinkId, "plink");
id!(/// A line item of a payment link.
    LineItemId, "li");
id!(/// A checkout session.
    CheckoutSessionId, "cs");
id!(/// A payment.
    PaymentId, "pay");
id!(/// A refund.
    RefundId, "re");
id!(/// A dispute.
    DisputeId, "dp");
id!(/// A stored payment method.
    PaymentMethodId, "pm");
id!(/// A customer.
    CustomerId, "cus");
id!(/// A product.
    ProductId, "prod");
id!(/// A price.
    PriceId, "price");
id!(/// A shipping rate.
    ShippingRateId, "shr");
id!(/// A coupon.
    CouponId, "coup");
id!(/// A promotion code.
    PromotionCodeId, "promo");
id!(/// A subscription.
    SubscriptionId, "sub");
id!(/// A manual tax rate.
    TaxRateId, "txr");
id!(/// A registration of a seller for tax.
    TaxRegistrationId, "treg");
id!(/// A check of a tax id.
    TaxIdCheckId, "tic");
id!(/// A mail about an invoice.
    InvoiceMailId, "mail");
id!(/// An event.
    EventId, "evt");
id!(/// An API key.
    ApiKeyId, "key");
id!(/// A provider call that was intended, see [`crate::provider::Intent`].
    IntentId, "int");
id!(/// A notification of a provider in the inbox.
    NotificationId, "ntf");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_reads_back_and_other_forms_are_refused() {
        let id = InvoiceId::from_uuid(Uuid::from_u128(0x0193_a5c2_e8b2_7c3a_9f0e_1d2c_3b4a_5968));
        assert_eq!(id.to_string(), "inv_0193a5c2e8b27c3a9f0e1d2c3b4a5968");
        assert_eq!(InvoiceId::parse(&id.to_string()), Ok(id));
        for bad in [
            "",
            "inv_",
            "plink_0193a5c2e8b27c3a9f0e1d2c3b4a5968",
            "inv_0193A5C2E8B27C3A9F0E1D2C3B4A5968",
            "inv_0193a5c2-e8b2-7c3a-9f0e-1d2c3b4a5968",
        ] {
            assert_eq!(InvoiceId::parse(bad).unwrap_err().rule, "MALFORMED_ID", "{bad}");
        }
    }
}
