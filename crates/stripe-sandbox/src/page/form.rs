//! The payment form: what was entered, read into a purchase. Texts are handed on as they are, and numbers read; whether they
//! fit, the engine says. How the customer pays is read elsewhere.

use std::collections::BTreeMap;

use super::amount;
use super::checkout_form::CheckoutForm;
use super::words::Locale;
use crate::purchase::{Address, AddressPart, FieldError, FieldErrorKind, FormField, Purchase, Recipient};

/// The most characters of a value; longer ones are cut, as the fields of the page cut them.
pub(super) const VALUE_CHARS_MAX: usize = 500;
/// Entries that are read once and never shown again or handed on.
const SECRET: [&str; 3] = ["card_number", "card_cvc", "account_number"];
/// Entries that belong to one press of a button.
const PASSING: [&str; 2] = ["action", "outcome"];

/// The form as it came in. It has no `Debug`: it can hold a card number.
#[derive(Default, Clone)]
pub(crate) struct RawForm {
    values: BTreeMap<String, String>,
    /// A card or an account was entered, and is not kept.
    has_forgotten: bool,
}

/// What the customer pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Pay,
    Update,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    Field(FieldErrorKind),
    /// A card number that is right but is no test card.
    NotATestCard,
    /// An expiry in the past.
    Past,
}

/// What is wrong with the form, by the names of its fields, in the order in which it was found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Problems(Vec<(String, Problem)>);

impl RawForm {
    pub(crate) fn of(pairs: Vec<(String, String)>) -> Self {
        let cut = |text: String| {
            if text.len() <= VALUE_CHARS_MAX { text } else { text.chars().take(VALUE_CHARS_MAX).collect() }
        };
        let values = pairs.into_iter().map(|(name, value)| (name, cut(value))).collect();
        Self { values, has_forgotten: false }
    }

    /// What stands in the form before anything is entered.
    pub(crate) fn initial(form: &CheckoutForm, code: Option<&str>, locale: Locale) -> Self {
        let mut raw = Self::default();
        raw.set("email", &form.email);
        for (name, value) in &form.addresses {
            raw.set(name, value);
        }
        raw.set("country", form.home_country(locale));
        raw.set("shipping.country", form.first_shipping_country(locale));
        raw.set("promotion_code", code.unwrap_or_default());
        for line in form.lines.iter().filter(|line| line.adjustable.is_some()) {
            raw.set(&format!("quantity.{}", line.id), &line.quantity.to_string());
        }
        for line in form.optional.iter().filter(|line| line.adjustable.is_some()) {
            raw.set(&format!("optional.{}", line.id), "0");
        }
        if let Some(preset) = form.preset() {
            raw.set("custom_amount", &amount::plain(preset, &form.currency, locale));
        }
        for field in &form.fields {
            raw.set(&format!("field.{}", field.key), &field.default);
        }
        if form.shares_address() && form.known("country").is_none() {
            raw.set("same_address", "yes");
        }
        raw
    }

    /// A value without the spaces around it; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |value| value.trim())
    }

    /// A value that the form had, be it empty: then the customer emptied it. None where the form did not have the field.
    fn sent(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim())
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.values.insert(name.to_owned(), value.to_owned());
        }
    }

    pub(super) fn is_checked(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// What was pressed; removing the promotion code takes it out of the form.
    pub(crate) fn action(&mut self) -> Action {
        match self.get("action") {
            "remove_code" => {
                self.values.remove("promotion_code");
                Action::Update
            }
            "update" => Action::Update,
            _ => Action::Pay,
        }
    }

    /// Forgets what must not outlive the reading.
    pub(crate) fn forget_secrets(&mut self) {
        self.has_forgotten |= SECRET.iter().any(|name| self.is_checked(name));
        self.values.retain(|name, _| !SECRET.contains(&name.as_str()));
    }

    pub(super) const fn has_forgotten(&self) -> bool {
        self.has_forgotten
    }

    /// The values that the page of the bank carries on: all but numbers of cards and accounts.
    pub(super) fn carried(&self) -> impl Iterator<Item = (&str, &str)> {
        let stays = |name: &str| !SECRET.contains(&name) && !PASSING.contains(&name);
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(move |(name, _)| stays(name))
    }

    fn address(&self, prefix: &str) -> Address {
        let part = |name: &str| self.get(&format!("{prefix}{name}")).to_owned();
        Address {
            country: part("country"),
            line1: part("line1"),
            line2: part("line2"),
            postal_code: part("postal_code"),
            city: part("city"),
            state: part("state"),
        }
    }
}

impl Problems {
    /// Notes what is wrong with a field, if nothing is noted yet.
    pub(super) fn add(&mut self, name: &str, problem: impl Into<Problem>) {
        if self.of(name).is_none() {
            self.0.push((name.to_owned(), problem.into()));
        }
    }

    /// Notes what the engine found, each beside its field.
    pub(crate) fn add_field_errors(&mut self, form: &CheckoutForm, raw: &RawForm, field_errors: Vec<FieldError>) {
        for field_error in field_errors {
            // A card that could not be read is no missing one.
            let is_told = field_error.field == FormField::Method
                && field_error.kind == FieldErrorKind::Missing
                && self.is_method_wrong();
            if !is_told {
                self.add(&field_name(&field_error, form.is_address_shared(raw)), field_error.kind);
            }
        }
    }

    fn is_method_wrong(&self) -> bool {
        self.iter().any(|(name, _)| matches!(name, "method" | "account_number") || name.starts_with("card_"))
    }

    pub(super) fn of(&self, name: &str) -> Option<Problem> {
        self.0.iter().find(|(at, _)| at == name).map(|(_, problem)| *problem)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Problem)> {
        self.0.iter().map(|(name, problem)| (name.as_str(), *problem))
    }

    /// What is wrong with the promotion code alone, which can come with the address of the page.
    pub(crate) fn of_promotion_code(mut self) -> Self {
        self.0.retain(|(name, _)| name == "promotion_code");
        self
    }

    /// What is wrong with the choices that make the figures; the rest is told when the customer pays.
    pub(crate) fn of_choices(mut self) -> Self {
        let is_choice = |name: &str| {
            matches!(name, "custom_amount" | "promotion_code" | "shipping_rate")
                || name.starts_with("quantity.")
                || name.starts_with("optional.")
        };
        self.0.retain(|(name, _)| is_choice(name));
        self
    }
}

impl From<FieldErrorKind> for Problem {
    fn from(kind: FieldErrorKind) -> Self {
        Self::Field(kind)
    }
}

impl CheckoutForm {
    /// Whether the billing address can be the one to ship to.
    pub(super) fn shares_address(&self) -> bool {
        self.whole_billing_address && self.shipping_countries.is_some()
    }

    /// Whether the customer says that it is.
    fn is_address_shared(&self, raw: &RawForm) -> bool {
        self.shares_address() && raw.is_checked("same_address")
    }
}

/// The name of the field of the page beside which a value is told wrong; the parts of an address that stands for both are
/// the shipping address's.
fn field_name(field_error: &FieldError, is_address_shared: bool) -> String {
    let name = match &field_error.field {
        FormField::Quantity(id) => return format!("quantity.{id}"),
        FormField::OptionalItem(id) => return format!("optional.{id}"),
        FormField::CustomField(key) => return format!("field.{key}"),
        FormField::BillingAddress(AddressPart::Country) if !is_address_shared => "country",
        FormField::BillingAddress(part) if !is_address_shared => return format!("billing.{}", part.name()),
        FormField::BillingAddress(part) | FormField::ShippingAddress(part) => {
            return format!("shipping.{}", part.name());
        }
        FormField::ShippingName => "shipping.name",
        FormField::CustomAmount => "custom_amount",
        FormField::PromotionCode => "promotion_code",
        FormField::ShippingRate => "shipping_rate",
        FormField::Phone => "phone",
        FormField::IndividualName => "individual_name",
        FormField::BusinessName => "business_name",
        FormField::TaxIdType => "tax_id_type",
        FormField::TaxId => "tax_id",
        FormField::Terms => "terms",
        FormField::Email => "email",
        FormField::Name => "name",
        // The number says of which brand the card is.
        FormField::Method if field_error.kind == FieldErrorKind::CardBrandNotAccepted => "card_number",
        FormField::Method => "method",
    };
    name.to_owned()
}

/// Reads all but how the customer pays, which depends on what is due. What the page does not ask is absent; what it asks is
/// there, be it empty.
pub(crate) fn read(form: &CheckoutForm, raw: &RawForm, locale: Locale) -> (Purchase, Problems) {
    let mut problems = Problems::default();
    let mut purchase = Purchase {
        email: raw.sent("email").map(str::to_owned),
        name: raw.get("name").to_owned(),
        phone: form.phone.then(|| raw.get("phone").to_owned()),
        individual_name: form.individual_name.map(|_| raw.get("individual_name").to_owned()),
        business_name: form.business_name.map(|_| raw.get("business_name").to_owned()),
        tax_id: form.tax_id.map(|_| (raw.get("tax_id_type").to_owned(), raw.get("tax_id").to_owned())),
        terms_accepted: raw.is_checked("terms"),
        promotions_accepted: raw.is_checked("promotions"),
        ..Purchase::default()
    };
    read_choices(form, raw, locale, &mut purchase, &mut problems);
    for field in &form.fields {
        if let Some(entered) = raw.sent(&format!("field.{}", field.key)) {
            purchase.custom_fields.insert(field.key.clone(), entered.to_owned());
        }
    }
    read_addresses(form, raw, &mut purchase);
    (purchase, problems)
}

fn read_choices(form: &CheckoutForm, raw: &RawForm, locale: Locale, purchase: &mut Purchase, problems: &mut Problems) {
    for line in form.lines.iter().filter(|line| line.adjustable.is_some()) {
        let name = format!("quantity.{}", line.id);
        // A form that does not have the field leaves the quantity as it is.
        match raw.sent(&name).map(str::parse) {
            None => {}
            Some(Ok(quantity)) => {
                purchase.quantities.insert(line.id.clone(), quantity);
            }
            Some(Err(_)) => problems.add(&name, unreadable(raw, &name)),
        }
    }
    for line in &form.optional {
        let name = format!("optional.{}", line.id);
        match raw.sent(&name).filter(|entered| !entered.is_empty()).map(str::parse) {
            None => {}
            Some(Ok(quantity)) => {
                purchase.optional_items.insert(line.id.clone(), quantity);
            }
            Some(Err(_)) => problems.add(&name, FieldErrorKind::Malformed),
        }
    }
    if let Some(entered) = raw.sent("custom_amount").filter(|_| form.custom_line().is_some()) {
        purchase.custom_amount = amount::parse(entered, &form.currency, locale);
        if purchase.custom_amount.is_none() {
            problems.add("custom_amount", unreadable(raw, "custom_amount"));
        }
    }
    let given = |name: &str| Some(raw.get(name).to_owned()).filter(|value| !value.is_empty());
    purchase.promotion_code = given("promotion_code").filter(|_| form.promotion_codes);
    purchase.shipping_rate = given("shipping_rate").filter(|_| !form.shipping_rates.is_empty());
}

fn unreadable(raw: &RawForm, name: &str) -> FieldErrorKind {
    if raw.get(name).is_empty() { FieldErrorKind::Missing } else { FieldErrorKind::Malformed }
}

fn read_addresses(form: &CheckoutForm, raw: &RawForm, purchase: &mut Purchase) {
    if form.shipping_countries.is_some() {
        let name = raw.get("shipping.name").to_owned();
        purchase.shipping = Some(Recipient { name, address: raw.address("shipping.") });
    }
    let shared = purchase.shipping.as_ref().filter(|_| form.is_address_shared(raw));
    purchase.billing = match shared {
        Some(recipient) => recipient.address.clone(),
        None => {
            let whole = if form.whole_billing_address { raw.address("billing.") } else { Address::default() };
            Address { country: raw.get("country").to_owned(), ..whole }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::super::checkout_form::{CustomField, FieldKind, Line, Pricing, Requirement};
    use super::*;

    fn raw(pairs: &[(&str, &str)]) -> RawForm {
        let person = [("email", "ada@example.com"), ("name", "Ada"), ("country", "SE")];
        RawForm::of(person.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn problems_of(form: &CheckoutForm, pairs: &[(&str, &str)]) -> Vec<(String, Problem)> {
        read(form, &raw(pairs), Locale::En).1.0
    }

    fn kind(name: &str, kind: FieldErrorKind) -> (String, Problem) {
        (name.to_owned(), Problem::Field(kind))
    }

    fn line(id: &str, adjustable: Option<(i64, i64)>, pricing: Pricing) -> Line {
        Line {
            id: id.to_owned(),
            name: "Cup".to_owned(),
            detail: None,
            unit_label: None,
            quantity: 1,
            adjustable,
            pricing,
            every: None,
        }
    }

    #[test]
    fn numbers_of_cards_and_accounts_are_forgotten_and_never_carried() {
        let mut form = raw(&[("card_number", "4"), ("card_cvc", "123"), ("account_number", "5"), ("field.size", "L")]);
        let names: Vec<&str> = form.carried().map(|(name, _)| name).collect();
        assert_eq!(names, ["country", "email", "field.size", "name"]);
        form.forget_secrets();
        assert!(form.has_forgotten());
        let mut without = raw(&[("card_number", " ")]);
        without.forget_secrets();
        assert!(!without.has_forgotten());
        assert!(SECRET.iter().all(|name| form.get(name).is_empty()) && form.get("field.size") == "L");
    }

    #[test]
    fn a_quantity_is_read_if_it_was_sent_and_one_that_was_emptied_is_missing() {
        let unit = || Pricing::Unit(rust_decimal::Decimal::TEN);
        let form = CheckoutForm {
            lines: vec![line("li_1", Some((2, 5)), unit()), line("li_2", None, unit())],
            optional: vec![line("price_1", Some((2, 3)), unit()), line("price_2", None, unit())],
            ..CheckoutForm::default()
        };
        let (purchase, problems) =
            read(&form, &raw(&[("quantity.li_1", "3"), ("quantity.li_2", "9"), ("optional.price_2", "1")]), Locale::En);
        assert!(problems.is_empty());
        assert_eq!((purchase.quantities.get("li_1"), purchase.quantities.get("li_2")), (Some(&3), None));
        assert_eq!(purchase.optional_items.get("price_2"), Some(&1));
        assert!(read(&form, &raw(&[]), Locale::En).0.quantities.is_empty() && problems_of(&form, &[]).is_empty());
        assert_eq!(problems_of(&form, &[("quantity.li_1", " ")]), [kind("quantity.li_1", FieldErrorKind::Missing)]);
        assert_eq!(problems_of(&form, &[("quantity.li_1", "a")]), [kind("quantity.li_1", FieldErrorKind::Malformed)]);
        // An optional item is not taken where nothing is said.
        assert_eq!(problems_of(&form, &[("optional.price_1", "")]), []);
        assert_eq!(
            problems_of(&form, &[("optional.price_1", "1.5")]),
            [kind("optional.price_1", FieldErrorKind::Malformed)]
        );
    }

    #[test]
    fn a_chosen_amount_is_read_in_the_language() {
        let pricing = Pricing::Custom { minimum: 1_000, maximum: 5_000, preset: Some(2_050) };
        let form = CheckoutForm {
            currency: "sek".to_owned(),
            lines: vec![line("li_1", None, pricing)],
            ..CheckoutForm::default()
        };
        assert_eq!(RawForm::initial(&form, None, Locale::Sv).get("custom_amount"), "20,50");
        assert_eq!(read(&form, &raw(&[("custom_amount", "20,50")]), Locale::Sv).0.custom_amount, Some(2_050));
        assert_eq!(
            problems_of(&form, &[("custom_amount", "lots")]),
            [kind("custom_amount", FieldErrorKind::Malformed)]
        );
        // Who empties the field does not choose what stood in it.
        assert_eq!(problems_of(&form, &[("custom_amount", "")]), [kind("custom_amount", FieldErrorKind::Missing)]);
    }

    #[test]
    fn what_is_asked_is_handed_on_be_it_empty_and_what_is_not_is_absent() {
        let field = |key: &str| CustomField {
            key: key.to_owned(),
            label: key.to_owned(),
            optional: true,
            kind: FieldKind::Text,
            default: "as before".to_owned(),
            longest: None,
        };
        let form = CheckoutForm {
            fields: vec![field("emptied"), field("unsent")],
            phone: true,
            business_name: Some(Requirement::Optional),
            ..CheckoutForm::default()
        };
        let sent =
            raw(&[("field.emptied", ""), ("field.other", "x"), ("individual_name", "x"), ("shipping.name", "x")]);
        let (purchase, _) = read(&form, &sent, Locale::En);
        assert_eq!(purchase.custom_fields.into_iter().collect::<Vec<_>>(), [("emptied".to_owned(), String::new())]);
        assert_eq!((purchase.phone.as_deref(), purchase.business_name.as_deref()), (Some(""), Some("")));
        assert!(purchase.individual_name.is_none() && purchase.shipping.is_none() && purchase.tax_id.is_none());
        let email = |raw: &RawForm| read(&form, raw, Locale::En).0.email;
        assert_eq!((email(&raw(&[("email", " ")])), email(&RawForm::default())), (Some(String::new()), None));
    }

    #[test]
    fn an_address_can_be_shared_and_is_then_told_wrong_where_it_was_entered() {
        let countries = Some(vec!["SE".to_owned(), "US".to_owned()]);
        let form =
            CheckoutForm { whole_billing_address: true, shipping_countries: countries, ..CheckoutForm::default() };
        let to = [("shipping.line1", "Storgatan 1"), ("shipping.country", "SE"), ("same_address", "yes")];
        let (purchase, _) = read(&form, &raw(&to), Locale::En);
        assert_eq!(purchase.billing, purchase.shipping.unwrap().address);
        let (alone, _) = read(&form, &raw(&to[..2]), Locale::En);
        assert_eq!((alone.billing.country.as_str(), alone.billing.line1.as_str()), ("SE", ""));
        let wrong = |pairs: &[(&str, &str)], part| {
            let mut problems = Problems::default();
            let field_error = FieldError { field: FormField::BillingAddress(part), kind: FieldErrorKind::Missing };
            problems.add_field_errors(&form, &raw(pairs), vec![field_error]);
            problems.0[0].0.clone()
        };
        assert_eq!(wrong(&to, AddressPart::City), "shipping.city");
        assert_eq!(wrong(&to[..2], AddressPart::City), "billing.city");
        assert_eq!(wrong(&to[..2], AddressPart::Country), "country");
    }

    #[test]
    fn a_card_that_could_not_be_read_is_not_called_missing_as_well() {
        let missing = || vec![FieldError { field: FormField::Method, kind: FieldErrorKind::Missing }];
        let mut problems = Problems::default();
        problems.add("card_number", FieldErrorKind::Malformed);
        problems.add_field_errors(&CheckoutForm::default(), &raw(&[]), missing());
        assert_eq!(problems.0, [kind("card_number", FieldErrorKind::Malformed)]);
        let mut none = Problems::default();
        none.add_field_errors(&CheckoutForm::default(), &raw(&[]), missing());
        assert_eq!(none.0, [kind("method", FieldErrorKind::Missing)]);
    }

    #[test]
    fn a_card_of_a_brand_that_is_not_accepted_is_wrong_at_its_number() {
        let mut problems = Problems::default();
        let blocked = FieldError { field: FormField::Method, kind: FieldErrorKind::CardBrandNotAccepted };
        problems.add_field_errors(&CheckoutForm::default(), &raw(&[]), vec![blocked]);
        assert_eq!(problems.0, [kind("card_number", FieldErrorKind::CardBrandNotAccepted)]);
    }
}
