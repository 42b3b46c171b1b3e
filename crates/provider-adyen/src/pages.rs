//! Payment links of Adyen's: what is sent to make one, and what is read of one.

use domain::catalog::PriceModel;
use domain::checkout::{CheckoutMode, CheckoutSession};
use domain::customer::Customer;
use domain::id::{CheckoutSessionId, PaymentLinkId};
use domain::locale::Locale;
use domain::money::Money;
use domain::network::is_loopback;
use domain::payment_link::{AfterCompletion, LineItem, LineItems, LinkTarget, PaymentLink, StatementDescriptor};
use domain::ports::provider::{HostedPage, ProviderError, unsupported};
use domain::provider::{Feature, ProviderRef};
use domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::amounts::Amount;
use crate::capabilities::LOCALES;

/// The most characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 280;

/// What makes a payment link: `PaymentLinkRequest` of the Checkout API, as far as it is used.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageRequest {
    merchant_account: String,
    /// Our own id of the link or session, which each event of its payments brings back.
    reference: String,
    amount: Amount,
    reusable: bool,
    /// Money is taken at once, whatever the account's settings say: an authorisation is then a payment.
    capture_delay_hours: u32,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shopper_locale: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shopper_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shopper_statement: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_payment_methods: Vec<String>,
}

impl PageRequest {
    fn new(merchant_account: &str, reference: String, amount: Amount, expires_at: Timestamp) -> Self {
        Self {
            merchant_account: merchant_account.to_owned(),
            reference,
            amount,
            reusable: false,
            capture_delay_hours: 0,
            // Whole seconds are what Adyen documents.
            expires_at: Timestamp::from_unix_seconds(expires_at.unix_seconds()).to_string(),
            description: None,
            return_url: None,
            shopper_locale: None,
            shopper_email: None,
            country_code: None,
            shopper_statement: None,
            allowed_payment_methods: Vec::new(),
        }
    }

    /// The page of a link: for an invoice it is paid once, for items again and again.
    ///
    /// # Errors
    /// Its amount or its words can't be told, it sells what has no single amount, or it never ends.
    pub(crate) fn of_link(merchant_account: &str, link: &PaymentLink) -> Result<Self, ProviderError> {
        let (amount, description, reusable) = match &link.target {
            LinkTarget::Invoice { amount, title, description, .. } => {
                let words = [Some(title.as_str()), description.as_ref().map(|text| text.as_str())];
                (Amount::of(*amount, "amount")?, described(words.into_iter().flatten(), " · "), false)
            }
            LinkTarget::Items { items } => {
                let words: Vec<String> = items.iter().map(item_words).collect();
                let description = described(words.iter().map(String::as_str), ", ");
                (Amount::of(total(items)?, "line_items")?, description, true)
            }
        };
        // Without an end, Adyen would close it after a day.
        let endless = || ProviderError::Rejected { field: Some("expire_time".to_owned()), code: "endless".to_owned() };
        let expires_at = link.options.expires_at.ok_or_else(endless)?;
        let mut request = Self::new(merchant_account, link.id.to_string(), amount, expires_at);
        request.reusable = reusable;
        request.description = Some(description);
        if let AfterCompletion::Redirect { url } = &link.options.after_completion {
            request.return_url = Some(url.as_str().to_owned());
        }
        let payment = &link.options.payment;
        request.shopper_statement = payment.statement_descriptor.as_ref().map(statement).transpose()?;
        request.allowed_payment_methods =
            payment.method_types.iter().map(|method| method.as_str().to_owned()).collect();
        Ok(request)
    }

    /// The page of a session, which is paid once.
    ///
    /// # Errors
    /// Its amount can't be told, or it does something else than taking a payment.
    pub(crate) fn of_session(
        merchant_account: &str,
        session: &CheckoutSession,
        customer: Option<&Customer>,
    ) -> Result<Self, ProviderError> {
        match session.mode {
            CheckoutMode::Payment => {}
            CheckoutMode::Setup => return Err(unsupported(Feature::StoredPaymentMethods)),
            CheckoutMode::BankTransferPayment => {
                return Err(ProviderError::Unsupported { capability: "bank_transfer" });
            }
        }
        let amount = Amount::of(session.amount, "amount")?;
        let mut request = Self::new(merchant_account, session.id.to_string(), amount, session.expires_at);
        let words = [session.title.as_ref().map(|t| t.as_str()), session.description.as_ref().map(|d| d.as_str())];
        let description = described(words.into_iter().flatten(), " · ");
        request.description = (!description.is_empty()).then_some(description);
        request.return_url = session.return_url.as_ref().map(|url| url.as_str().to_owned());
        request.shopper_locale = session.locale.as_ref().map(shopper_locale);
        if let Some(customer) = customer {
            request.shopper_email = customer.profile.email.as_ref().map(|email| email.as_str().to_owned());
            let address = customer.profile.address.as_ref();
            request.country_code = address.map(|address| address.country.alpha2().to_owned());
        }
        Ok(request)
    }

    /// Whether a page is what is asked for here.
    pub(crate) fn is_of(&self, page: &Page) -> bool {
        page.reference == self.reference && page.amount() == self.amount.money()
    }

    /// The body of the call.
    ///
    /// # Errors
    /// None that can happen: every part has a form in JSON.
    pub(crate) fn body(&self) -> Result<Value, ProviderError> {
        serde_json::to_value(self)
            .map_err(|_| ProviderError::Rejected { field: None, code: "unwritable_request".to_owned() })
    }
}

/// What all items of a link come to.
///
/// # Errors
/// One of them has a price that is no single amount, or together they come to more than an amount holds.
fn total(items: &LineItems) -> Result<Money, ProviderError> {
    let mut total = Money::zero(items.currency());
    for item in items.iter() {
        if item.recurrence.is_some() {
            return Err(unsupported(Feature::Subscriptions));
        }
        match item.model {
            PriceModel::PerUnit { .. } => {}
            PriceModel::CustomerChosen(_) => return Err(unsupported(Feature::CustomerChosenPrices)),
            _ => return Err(unsupported(Feature::TieredPrices)),
        }
        let too_large =
            |_| ProviderError::Rejected { field: Some("line_items".to_owned()), code: "amount_too_large".to_owned() };
        total = total.checked_add(item.amount()).map_err(too_large)?;
    }
    Ok(total)
}

fn item_words(item: &LineItem) -> String {
    match item.quantity.get() {
        1 => item.name.as_str().to_owned(),
        pieces => format!("{pieces} × {}", item.name.as_str()),
    }
}

/// Words for the page, cut where it shows no more: they say what is paid, never how much.
fn described<'a>(words: impl Iterator<Item = &'a str>, between: &str) -> String {
    let whole = words.collect::<Vec<_>>().join(between);
    if whole.chars().count() <= DESCRIPTION_CHARS_MAX {
        return whole;
    }
    let kept: String = whole.chars().take(DESCRIPTION_CHARS_MAX - 1).collect();
    format!("{}…", kept.trim_end())
}

/// Words for the bank statement, in the characters that Adyen takes.
///
/// # Errors
/// Another character.
fn statement(words: &StatementDescriptor) -> Result<String, ProviderError> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || " .,'_-?+*/".contains(c);
    if words.as_str().chars().all(is_fit) {
        return Ok(words.as_str().to_owned());
    }
    let field = Some("payment.statement_descriptor".to_owned());
    Err(ProviderError::Rejected { field, code: "statement_characters".to_owned() })
}

/// A language with the country that Adyen knows it by.
fn shopper_locale(locale: &Locale) -> String {
    let known = LOCALES.iter().find(|(ours, _)| *ours == locale.as_str());
    known.map_or(locale.as_str(), |(_, theirs)| *theirs).to_owned()
}

/// A payment link as Adyen tells it: `PaymentLinkResponse`, as far as it is used.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    id: String,
    url: String,
    reference: String,
    amount: Amount,
    status: PageState,
    #[serde(rename = "expiresAt")]
    expires_at: Option<String>,
}

/// Where a payment link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum PageState {
    /// It can be paid.
    Active,
    /// It was paid; its payment is told by a notification.
    #[serde(alias = "paid")]
    Completed,
    /// A customer went through it, and the payment's end is still to come.
    PaymentPending,
    /// It can't be paid any more.
    Expired,
}

impl Page {
    /// Reads an answer. What a later call can't name or a customer can't safely open is no page.
    pub(crate) fn read(value: Value) -> Option<Self> {
        let page: Self = serde_json::from_value(value).ok()?;
        let is_named = !page.id.is_empty() && page.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let url = Url::parse(&page.url).ok()?;
        let is_near = url.host().is_some_and(|host| is_loopback(&host));
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_near);
        (is_named && is_safe).then_some(page)
    }

    pub(crate) fn provider_ref(&self) -> ProviderRef {
        ProviderRef(self.id.clone())
    }

    pub(crate) fn hosted(self) -> HostedPage {
        HostedPage { provider_ref: ProviderRef(self.id), url: self.url }
    }

    pub(crate) const fn state(&self) -> PageState {
        self.status
    }

    /// What it asks for.
    pub(crate) fn amount(&self) -> Option<Money> {
        self.amount.money()
    }

    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        crate::events::time(self.expires_at.as_deref()?)
    }

    /// The link of ours that it is the page of.
    pub(crate) fn link_id(&self) -> Option<PaymentLinkId> {
        PaymentLinkId::parse(&self.reference).ok()
    }

    /// The session of ours that it is the page of.
    pub(crate) fn session_id(&self) -> Option<CheckoutSessionId> {
        CheckoutSessionId::parse(&self.reference).ok()
    }
}

#[cfg(test)]
mod tests;
