//! A purchase: what a customer chose and entered on the page of a session, what it comes to, and what paying it does.
//!
//! This is the seam between the hosted page and the engine. The page asks for figures and pays; it must not compute either.

pub(crate) mod figures;
mod pay;
mod postal_codes;
pub(crate) mod tax;
pub(crate) mod validation;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use rust_decimal::Decimal;
use serde_json::Value;

pub(crate) use self::validation::is_email;
use crate::api::payments::Card;
use crate::api::sessions;
use crate::purchase::figures::Figures;
use crate::state::{Ctx, text};

/// What a customer chose and entered on the page of a session; what the page does not ask is absent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Purchase {
    /// Empty where the customer emptied it; where it is absent, what is known of the customer stands.
    pub(crate) email: Option<String>,
    /// On the card, or of the account's holder.
    pub(crate) name: String,
    /// The country always; the rest where `billing_address_collection` is `required`.
    pub(crate) billing: Address,
    pub(crate) shipping: Option<Recipient>,
    pub(crate) phone: Option<String>,
    pub(crate) individual_name: Option<String>,
    pub(crate) business_name: Option<String>,
    /// Stripe's type, such as `eu_vat`, and the value.
    pub(crate) tax_id: Option<(String, String)>,
    /// By line item's id, where adjustable; others keep theirs.
    pub(crate) quantities: BTreeMap<String, i64>,
    /// By price's id; 0 or absent where not taken.
    pub(crate) optional_items: BTreeMap<String, i64>,
    /// In minor units, for a price that the customer chooses.
    pub(crate) custom_amount: Option<i64>,
    /// As the customer typed it.
    pub(crate) promotion_code: Option<String>,
    /// An id; the first option where absent.
    pub(crate) shipping_rate: Option<String>,
    /// By key.
    pub(crate) custom_fields: BTreeMap<String, String>,
    pub(crate) terms_accepted: bool,
    pub(crate) promotions_accepted: bool,
    pub(crate) method: Method,
    /// The customer's bank was asked about the card, and said yes.
    pub(crate) authenticated: bool,
}

/// A postal address; a part is empty where absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) country: String,
    pub(crate) line1: String,
    pub(crate) line2: String,
    pub(crate) postal_code: String,
    pub(crate) city: String,
    pub(crate) state: String,
}

/// To whom something is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recipient {
    pub(crate) name: String,
    pub(crate) address: Address,
}

/// How the customer pays.
#[derive(Debug, Clone, Default)]
pub(crate) enum Method {
    /// Nothing is due, or the customer only looks.
    #[default]
    None,
    Card(Card),
    /// The money comes later, when the customer has told their bank.
    BankTransfer,
    /// The money comes some days later, or does not.
    BankDebit {
        account_ends: String,
    },
}

/// Something entered that does not fit; the page shows it beside its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(crate) field: FormField,
    pub(crate) kind: FieldErrorKind,
}

/// A field of the page; lines by line item's id, optional items by price's id, custom fields by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FormField {
    Quantity(String),
    OptionalItem(String),
    CustomAmount,
    PromotionCode,
    ShippingRate,
    ShippingName,
    ShippingAddress(AddressPart),
    BillingAddress(AddressPart),
    Phone,
    IndividualName,
    BusinessName,
    TaxIdType,
    TaxId,
    CustomField(String),
    Terms,
    Email,
    Name,
    Method,
}

/// A part of an address that can be needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressPart {
    Country,
    Line1,
    PostalCode,
    City,
    State,
}

impl AddressPart {
    /// Stripe's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::Line1 => "line1",
            Self::PostalCode => "postal_code",
            Self::City => "city",
            Self::State => "state",
        }
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldErrorKind {
    Missing,
    Malformed,
    /// Less than this: a quantity, or minor units.
    TooSmall(i64),
    /// More than this.
    TooLarge(i64),
    /// Fewer characters than this.
    TooShort(i64),
    /// More characters than this.
    TooLong(i64),
    UnknownCode,
    ExpiredCode,
    CodeNotForYou,
    /// The code needs a subtotal of this many minor units.
    BelowMinimum(i64),
    /// What is left to pay is less than this many minor units, the least that can be charged.
    BelowCharge(i64),
    CountryNotServed,
    /// The merchant takes no cards of this brand.
    CardBrandNotAccepted,
    NotAnOption,
}

/// What a purchase comes to, in minor units of the session's currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Quote {
    /// The line items, then the optional items taken.
    pub(crate) lines: Vec<QuotedLine>,
    pub(crate) subtotal: i64,
    /// What of the lines a trial leaves for later.
    pub(crate) waived: i64,
    pub(crate) discount: i64,
    pub(crate) shipping: i64,
    /// The rate of the shipping, by its id.
    pub(crate) shipping_rate: Option<String>,
    /// Added to what is due today.
    pub(crate) tax: i64,
    /// Within what is due today, shipping counted.
    pub(crate) tax_included: i64,
    /// The rate of either, in percent; none where nothing is taxed.
    pub(crate) tax_percent: Option<u32>,
    /// Due today: what the lines come to without what is waived and without the discount, with shipping and added tax.
    pub(crate) total: i64,
    /// The code that the customer entered and that applies, as the merchant wrote it.
    pub(crate) promotion_code: Option<String>,
    /// What the coupon behind the discount is called, and what it takes off where that is a part: percent.
    pub(crate) coupon_name: Option<String>,
    pub(crate) percent_off: Option<Decimal>,
    /// What comes each period.
    pub(crate) recurring: Option<Recurring>,
}

/// A line of a quote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct QuotedLine {
    /// Empty for an optional item, which is not a line item before it is bought.
    pub(crate) line_item_id: String,
    pub(crate) price_id: String,
    pub(crate) name: String,
    /// The product's description.
    pub(crate) detail: Option<String>,
    /// What one of it is called, such as `seat`.
    pub(crate) unit_label: Option<String>,
    pub(crate) quantity: i64,
    pub(crate) subtotal: i64,
    pub(crate) discount: i64,
    pub(crate) tax: i64,
    pub(crate) total: i64,
    pub(crate) optional: bool,
    /// Which of the price's tiers the quantity is priced at, by their places; empty where it has none.
    pub(crate) tiers: Range<usize>,
    /// How many packages are paid, where the price is for packages.
    pub(crate) packages: Option<i64>,
}

/// What comes each period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recurring {
    /// `day`, `week`, `month` or `year`.
    pub(crate) interval: String,
    pub(crate) interval_count: i64,
    pub(crate) total: i64,
    /// When the first payment comes, in seconds since the Unix epoch, if not today.
    pub(crate) trial_ends: Option<i64>,
    /// When the next payment after today's comes, likewise; none where the calendar ends before.
    pub(crate) next_payment: Option<i64>,
}

/// Why a purchase was not completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotPaid {
    InvalidFields(Vec<FieldError>),
    /// Stripe's decline code; the session stays open.
    Declined(&'static str),
    /// The customer's bank must be asked about the card first; the session stays open.
    NeedsAuthentication,
    /// The session can't be paid any more.
    Closed,
}

/// The figures for what is chosen so far, leniently: what does not fit is told beside figures for the rest. What is not
/// entered yet is not told.
pub(crate) fn quote(ctx: &mut Ctx<'_>, session: &Value, purchase: &Purchase) -> (Quote, Vec<FieldError>) {
    let mut field_errors = Vec::new();
    let purchase = &with_locked_email(ctx, session, purchase);
    let figures = figures::of(ctx, session, purchase, &mut field_errors);
    (figures.quote(ctx.now), field_errors)
}

/// The purchase, with the e-mail address that the customer can't change where there is one, whatever was sent.
fn with_locked_email<'a>(ctx: &mut Ctx<'_>, session: &Value, purchase: &'a Purchase) -> Cow<'a, Purchase> {
    match sessions::locked_email(ctx, session) {
        Some(email) => Cow::Owned(Purchase { email: Some(email), ..purchase.clone() }),
        None => Cow::Borrowed(purchase),
    }
}

/// Pays: everything must fit. The session is looked at and completed under one lock; a decline leaves it open.
///
/// # Errors
/// See [`NotPaid`].
pub(crate) fn complete(ctx: &mut Ctx<'_>, session: &Value, purchase: &Purchase) -> Result<Value, NotPaid> {
    let session = sessions::get(ctx, text(session, "id")).map_err(|_| NotPaid::Closed)?;
    if session["status"] == "complete" {
        return Ok(session);
    }
    if session["status"] != "open" {
        return Err(NotPaid::Closed);
    }
    if let Some(link_id) = session["payment_link"].as_str() {
        let link = ctx.object("payment_link", link_id).map_err(|_| NotPaid::Closed)?;
        let completed = &link["restrictions"]["completed_sessions"];
        let used_up =
            completed["limit"].as_i64().is_some_and(|limit| completed["count"].as_i64().unwrap_or_default() >= limit);
        if used_up {
            return Err(NotPaid::Closed);
        }
    }
    let purchase = &with_locked_email(ctx, &session, purchase);
    let (figures, field_errors) = evaluate(ctx, &session, purchase);
    if !field_errors.is_empty() {
        return Err(NotPaid::InvalidFields(field_errors));
    }
    pay::pay(ctx, &session, purchase, &figures)
}

/// All that keeps a purchase from being paid, told at once.
pub(crate) fn check(ctx: &mut Ctx<'_>, session: &Value, purchase: &Purchase) -> Vec<FieldError> {
    let purchase = &with_locked_email(ctx, session, purchase);
    evaluate(ctx, session, purchase).1
}

fn evaluate(ctx: &mut Ctx<'_>, session: &Value, purchase: &Purchase) -> (Figures, Vec<FieldError>) {
    let mut field_errors = Vec::new();
    let figures = figures::of(ctx, session, purchase, &mut field_errors);
    let is_chosen = figures.lines.iter().any(|line| !line.price["custom_unit_amount"].is_null());
    if is_chosen && figures.subtotal() == 0 && field_errors.is_empty() && purchase.custom_amount.is_none() {
        field_errors.push(FieldError { field: FormField::CustomAmount, kind: FieldErrorKind::Missing });
    }
    validation::check(ctx, session, purchase, figures.due(), &mut field_errors);
    let (due, least) = (figures.due(), crate::money::minimum(&figures.currency));
    let field = if is_chosen { FormField::CustomAmount } else { FormField::Method };
    if session["mode"] == "payment" && due != 0 && due < least {
        // What a subscription owes below it, Stripe keeps for the next invoice.
        let by_code = figures.applied.as_ref().is_some_and(|applied| applied.promotion.is_some());
        let field = if by_code { FormField::PromotionCode } else { field };
        field_errors.push(FieldError { field, kind: FieldErrorKind::BelowCharge(least) });
    } else if figures.largest_charge() > crate::money::AMOUNT_MAX {
        field_errors.push(FieldError { field, kind: FieldErrorKind::TooLarge(crate::money::AMOUNT_MAX) });
    }
    (figures, field_errors)
}

#[cfg(test)]
mod tests;
