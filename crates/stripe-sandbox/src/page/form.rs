//! The payment form: what was entered, read into a purchase, and what is wrong with it. How the
//! customer pays is read elsewhere.

use std::collections::BTreeMap;

use super::amount;
use super::ask::{Ask, CustomField, FieldKind, Need, Pricing};
use super::words::Locale;
use crate::purchase::{Address, Entry, Misfit, Purchase, Recipient, Why};

/// The most characters of an entry; longer ones are cut, as the fields of the page cut them.
pub(super) const ENTRY_MAX: usize = 500;
/// Entries that are read once and never shown again or handed on.
const SECRET: [&str; 3] = ["card_number", "card_cvc", "account_number"];
/// Entries that belong to one press of a button.
const PASSING: [&str; 2] = ["action", "outcome"];
/// Countries without postal codes.
const NO_POSTAL_CODE: [&str; 12] = ["AE", "AG", "AO", "BS", "HK", "IE", "JM", "KE", "PA", "QA", "TT", "ZW"];
/// Countries whose addresses need a state or province.
const STATES: [&str; 7] = ["AU", "BR", "CA", "IN", "JP", "MX", "US"];
/// Where a tax id can be asked for; elsewhere none is needed, though the link requires one.
const TAX_ID_COUNTRIES: [&str; 32] = [
    "AT", "AU", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "NO", "NZ", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// The form as it came in. It has no `Debug`: it can hold a card number.
#[derive(Default, Clone)]
pub(crate) struct RawForm(BTreeMap<String, String>);

/// What the customer pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Pay,
    Update,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    Why(Why),
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
        let cut = |text: String| if text.len() <= ENTRY_MAX { text } else { text.chars().take(ENTRY_MAX).collect() };
        Self(pairs.into_iter().map(|(name, value)| (name, cut(value))).collect())
    }

    /// What stands in the form before anything is entered.
    pub(crate) fn initial(ask: &Ask, code: Option<&str>, locale: Locale) -> Self {
        let mut form = Self::default();
        form.set("email", &ask.email);
        form.set("country", ask.home_country(locale));
        form.set("shipping.country", ask.first_shipping_country(locale));
        form.set("promotion_code", code.unwrap_or_default());
        for line in ask.lines.iter().filter(|line| line.adjustable.is_some()) {
            form.set(&format!("quantity.{}", line.id), &line.quantity.to_string());
        }
        for line in ask.optional.iter().filter(|line| line.adjustable.is_some()) {
            form.set(&format!("optional.{}", line.id), "0");
        }
        if let Some(Pricing::Custom { preset: Some(preset), .. }) = ask.custom_line().map(|line| &line.pricing) {
            form.set("custom_amount", &amount::plain(*preset, &ask.currency, locale));
        }
        for field in &ask.fields {
            form.set(&format!("field.{}", field.key), &field.default);
        }
        if ask.shares_address() {
            form.set("same_address", "yes");
        }
        form
    }

    /// An entry without the spaces around it; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    pub(super) fn is_checked(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// What was pressed; removing the promotion code takes it out of the form.
    pub(crate) fn act(&mut self) -> Action {
        match self.get("action") {
            "remove_code" => {
                self.0.remove("promotion_code");
                Action::Update
            }
            "update" => Action::Update,
            _ => Action::Pay,
        }
    }

    /// Forgets what must not outlive the reading.
    pub(crate) fn forget_secrets(&mut self) {
        self.0.retain(|name, _| !SECRET.contains(&name.as_str()));
    }

    /// The entries that the page of the bank carries on: all but numbers of cards and accounts.
    pub(super) fn carried(&self) -> impl Iterator<Item = (&str, &str)> {
        let stays = |name: &str| !SECRET.contains(&name) && !PASSING.contains(&name);
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(move |(name, _)| stays(name))
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

    /// Notes what the engine found.
    pub(crate) fn add_misfits(&mut self, misfits: Vec<Misfit>) {
        for misfit in misfits {
            self.add(&field_name(&misfit), misfit.why);
        }
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

impl From<Why> for Problem {
    fn from(why: Why) -> Self {
        Self::Why(why)
    }
}

impl Ask {
    /// Whether the billing address can be the one to ship to.
    pub(super) fn shares_address(&self) -> bool {
        self.whole_billing_address && self.shipping_countries.is_some()
    }
}

/// The name of the field of the page beside which a misfit is told.
fn field_name(misfit: &Misfit) -> String {
    let name = match &misfit.field {
        Entry::Quantity(id) => return format!("quantity.{id}"),
        Entry::OptionalItem(id) => return format!("optional.{id}"),
        Entry::CustomField(key) => return format!("field.{key}"),
        Entry::ShippingAddress if misfit.why == Why::CountryNotServed => "shipping.country",
        Entry::ShippingAddress => "shipping.line1",
        Entry::BillingAddress if misfit.why == Why::CountryNotServed => "country",
        Entry::BillingAddress => "billing.line1",
        Entry::CustomAmount => "custom_amount",
        Entry::PromotionCode => "promotion_code",
        Entry::ShippingRate => "shipping_rate",
        Entry::Phone => "phone",
        Entry::IndividualName => "individual_name",
        Entry::BusinessName => "business_name",
        Entry::TaxId => "tax_id",
        Entry::Terms => "terms",
        Entry::Email => "email",
        Entry::Name => "name",
        Entry::Method => "method",
    };
    name.to_owned()
}

/// Reads all but how the customer pays, which depends on what is due.
pub(crate) fn read(ask: &Ask, raw: &RawForm, locale: Locale) -> (Purchase, Problems) {
    let mut problems = Problems::default();
    let mut purchase = Purchase::default();
    read_choices(ask, raw, locale, &mut purchase, &mut problems);
    read_person(ask, raw, &mut purchase, &mut problems);
    for field in &ask.fields {
        if let Some(value) = custom_field(field, raw, &mut problems) {
            purchase.custom_fields.insert(field.key.clone(), value);
        }
    }
    purchase.terms_accepted = raw.is_checked("terms");
    purchase.promotions_accepted = raw.is_checked("promotions");
    if ask.terms && !purchase.terms_accepted {
        problems.add("terms", Why::Missing);
    }
    (purchase, problems)
}

fn read_choices(ask: &Ask, raw: &RawForm, locale: Locale, purchase: &mut Purchase, problems: &mut Problems) {
    for (line, (least, most)) in ask.lines.iter().filter_map(|line| Some((line, line.adjustable?))) {
        let name = format!("quantity.{}", line.id);
        // A form that does not have the field leaves the quantity as it is.
        if let Some(quantity) = count(raw, &name, problems) {
            purchase.quantities.insert(line.id.clone(), quantity);
            bound(&name, quantity, (Some(least), Some(most)), problems);
        }
    }
    for line in &ask.optional {
        let name = format!("optional.{}", line.id);
        if let Some(quantity) = count(raw, &name, problems).filter(|quantity| *quantity != 0) {
            purchase.optional_items.insert(line.id.clone(), quantity);
            bound(&name, quantity, line.adjustable.map_or((None, None), |(a, b)| (Some(a), Some(b))), problems);
        }
    }
    if let Some(Pricing::Custom { minimum, maximum, .. }) = ask.custom_line().map(|line| &line.pricing) {
        match (raw.get("custom_amount"), amount::parse(raw.get("custom_amount"), &ask.currency, locale)) {
            ("", _) => problems.add("custom_amount", Why::Missing),
            (_, None) => problems.add("custom_amount", Why::Malformed),
            (_, Some(amount)) => {
                purchase.custom_amount = Some(amount);
                bound("custom_amount", amount, (Some(*minimum), Some(*maximum)), problems);
            }
        }
    }
    let given = |name: &str| Some(raw.get(name).to_owned()).filter(|value| !value.is_empty());
    purchase.promotion_code = given("promotion_code").filter(|_| ask.promotion_codes);
    purchase.shipping_rate = given("shipping_rate").filter(|_| !ask.shipping_rates.is_empty());
}

fn count(raw: &RawForm, name: &str, problems: &mut Problems) -> Option<i64> {
    let text = raw.get(name);
    let count = text.parse().ok().filter(|count| (0..=999_999).contains(count));
    if count.is_none() && !text.is_empty() {
        problems.add(name, Why::Malformed);
    }
    count
}

fn bound(name: &str, value: i64, (least, most): (Option<i64>, Option<i64>), problems: &mut Problems) {
    match (least, most) {
        (Some(least), _) if value < least => problems.add(name, Why::TooSmall(least)),
        (_, Some(most)) if value > most => problems.add(name, Why::TooLarge(most)),
        _ => {}
    }
}

fn read_person(ask: &Ask, raw: &RawForm, purchase: &mut Purchase, problems: &mut Problems) {
    // A browser can be made to send what its page does not let one enter.
    let email = if ask.is_email_locked { &ask.email } else { raw.get("email") };
    email.clone_into(&mut purchase.email);
    if purchase.email.is_empty() {
        problems.add("email", Why::Missing);
    } else if !is_email(&purchase.email) {
        problems.add("email", Why::Malformed);
    }
    let mut required = |name: &str, need: Option<Need>| {
        let value = Some(raw.get(name).to_owned()).filter(|value| !value.is_empty() && need.is_some());
        if need == Some(Need::Required) && value.is_none() {
            problems.add(name, Why::Missing);
        }
        value
    };
    purchase.phone = required("phone", ask.phone.then_some(Need::Required));
    purchase.individual_name = required("individual_name", ask.individual_name);
    purchase.business_name = required("business_name", ask.business_name);
    purchase.name = required("name", Some(Need::Required)).unwrap_or_default();
    if purchase.phone.as_deref().is_some_and(|phone| !is_phone(phone)) {
        problems.add("phone", Why::Malformed);
    }
    read_addresses(ask, raw, purchase, problems);
    let (kind, value) = (raw.get("tax_id_type"), raw.get("tax_id"));
    let is_supported = TAX_ID_COUNTRIES.contains(&purchase.billing.country.as_str());
    if ask.tax_id == Some(Need::Required) && is_supported && value.is_empty() {
        problems.add("tax_id", Why::Missing);
    }
    if ask.tax_id.is_some() && !value.is_empty() {
        if kind.is_empty() {
            problems.add("tax_id_type", Why::Missing);
        }
        purchase.tax_id = Some((kind.to_owned(), value.to_owned()));
    }
}

fn read_addresses(ask: &Ask, raw: &RawForm, purchase: &mut Purchase, problems: &mut Problems) {
    if let Some(countries) = &ask.shipping_countries {
        let recipient = Recipient { name: raw.get("shipping.name").to_owned(), address: raw.address("shipping.") };
        if recipient.name.is_empty() {
            problems.add("shipping.name", Why::Missing);
        }
        if !recipient.address.country.is_empty() && !countries.contains(&recipient.address.country) {
            problems.add("shipping.country", Why::CountryNotServed);
        }
        whole_address("shipping.", "shipping.country", &recipient.address, problems);
        purchase.shipping = Some(recipient);
    }
    if ask.shares_address() && raw.is_checked("same_address") {
        purchase.billing = purchase.shipping.as_ref().map(|to| to.address.clone()).unwrap_or_default();
        return;
    }
    purchase.billing = Address { country: raw.get("country").to_owned(), ..raw.address("billing.") };
    if ask.whole_billing_address {
        whole_address("billing.", "country", &purchase.billing, problems);
    } else {
        purchase.billing = Address { country: purchase.billing.country.clone(), ..Address::default() };
        is_country(&purchase.billing.country, "country", problems);
    }
}

fn is_country(code: &str, name: &str, problems: &mut Problems) {
    if code.is_empty() {
        problems.add(name, Why::Missing);
    } else if code.len() != 2 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
        problems.add(name, Why::Malformed);
    }
}

fn whole_address(prefix: &str, country: &str, address: &Address, problems: &mut Problems) {
    is_country(&address.country, country, problems);
    let at = address.country.as_str();
    for (part, value, needed) in [
        ("line1", &address.line1, true),
        ("postal_code", &address.postal_code, !NO_POSTAL_CODE.contains(&at)),
        ("city", &address.city, at != "SG"),
        ("state", &address.state, STATES.contains(&at)),
    ] {
        if needed && value.is_empty() {
            problems.add(&format!("{prefix}{part}"), Why::Missing);
        }
    }
}

fn custom_field(field: &CustomField, raw: &RawForm, problems: &mut Problems) -> Option<String> {
    let name = format!("field.{}", field.key);
    let value = raw.get(&name);
    if value.is_empty() {
        if !field.optional {
            problems.add(&name, Why::Missing);
        }
        return None;
    }
    let length = i64::try_from(value.chars().count()).unwrap_or(i64::MAX);
    match &field.kind {
        FieldKind::Numeric if !value.bytes().all(|b| b.is_ascii_digit()) => problems.add(&name, Why::Malformed),
        FieldKind::Dropdown(options) if !options.iter().any(|(known, _)| known == value) => {
            problems.add(&name, Why::NotAnOption);
        }
        FieldKind::Dropdown(_) => {}
        _ => match (field.shortest, field.longest) {
            (Some(shortest), _) if length < shortest => problems.add(&name, Why::TooShort(shortest)),
            (_, Some(longest)) if length > longest => problems.add(&name, Why::TooLong(longest)),
            _ => {}
        },
    }
    Some(value.to_owned())
}

fn is_email(text: &str) -> bool {
    !text.contains(char::is_whitespace)
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.contains('@'))
}

/// At most 15 digits, as ITU-T E.164 has them, with the signs that people write between.
fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('+').unwrap_or(text);
    let signs = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.');
    (7..=15).contains(&digits) && rest.chars().all(signs)
}

#[cfg(test)]
mod tests {
    use super::super::ask::Line;
    use super::*;

    fn raw(pairs: &[(&str, &str)]) -> RawForm {
        let person = [("email", "ada@example.com"), ("name", "Ada"), ("country", "SE")];
        RawForm::of(person.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn told(ask: &Ask, pairs: &[(&str, &str)]) -> Vec<(String, Problem)> {
        read(ask, &raw(pairs), Locale::En).1.0
    }

    fn why(name: &str, why: Why) -> (String, Problem) {
        (name.to_owned(), Problem::Why(why))
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
        assert!(SECRET.iter().all(|name| form.get(name).is_empty()) && form.get("field.size") == "L");
    }

    #[test]
    fn every_wrong_field_is_told_at_once() {
        let ask = Ask {
            phone: true,
            terms: true,
            individual_name: Some(Need::Required),
            business_name: Some(Need::Optional),
            ..Ask::default()
        };
        let (_, problems) = read(&ask, &RawForm::default(), Locale::En);
        let names: Vec<&str> = problems.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["email", "phone", "individual_name", "name", "country", "terms"]);
    }

    #[test]
    fn quantities_hold_to_their_bounds_and_stay_where_nothing_is_said() {
        let unit = || Pricing::Unit(rust_decimal::Decimal::TEN);
        let ask = Ask {
            lines: vec![line("li_1", Some((2, 5)), unit()), line("li_2", None, unit())],
            optional: vec![line("price_1", Some((2, 3)), unit()), line("price_2", None, unit())],
            ..Ask::default()
        };
        let (purchase, problems) =
            read(&ask, &raw(&[("quantity.li_1", "3"), ("quantity.li_2", "9"), ("optional.price_2", "1")]), Locale::En);
        assert!(problems.is_empty());
        assert_eq!((purchase.quantities.get("li_1"), purchase.quantities.get("li_2")), (Some(&3), None));
        assert_eq!(purchase.optional_items.get("price_2"), Some(&1));
        assert_eq!(told(&ask, &[("quantity.li_1", "6")]), [why("quantity.li_1", Why::TooLarge(5))]);
        assert_eq!(told(&ask, &[("quantity.li_1", "1")]), [why("quantity.li_1", Why::TooSmall(2))]);
        assert_eq!(told(&ask, &[("quantity.li_1", "a")]), [why("quantity.li_1", Why::Malformed)]);
        // An optional item that is not taken has no least.
        assert_eq!(told(&ask, &[("optional.price_1", "0")]), []);
        assert_eq!(told(&ask, &[("optional.price_1", "1")]), [why("optional.price_1", Why::TooSmall(2))]);
    }

    #[test]
    fn a_chosen_amount_is_read_in_the_language_and_held_to_its_bounds() {
        let pricing = Pricing::Custom { minimum: 1_000, maximum: 5_000, preset: Some(2_050) };
        let ask = Ask { currency: "sek".to_owned(), lines: vec![line("li_1", None, pricing)], ..Ask::default() };
        assert_eq!(RawForm::initial(&ask, None, Locale::Sv).get("custom_amount"), "20,50");
        assert_eq!(read(&ask, &raw(&[("custom_amount", "20,50")]), Locale::Sv).0.custom_amount, Some(2_050));
        assert_eq!(told(&ask, &[("custom_amount", "9.99")]), [why("custom_amount", Why::TooSmall(1_000))]);
        assert_eq!(told(&ask, &[("custom_amount", "50.01")]), [why("custom_amount", Why::TooLarge(5_000))]);
        assert_eq!(told(&ask, &[("custom_amount", "lots")]), [why("custom_amount", Why::Malformed)]);
        assert_eq!(told(&ask, &[]), [why("custom_amount", Why::Missing)]);
    }

    #[test]
    fn custom_fields_hold_to_their_kind_and_length() {
        let field = |key: &str, kind, optional| CustomField {
            key: key.to_owned(),
            label: key.to_owned(),
            optional,
            kind,
            default: String::new(),
            shortest: Some(2),
            longest: Some(4),
        };
        let sizes = FieldKind::Dropdown(vec![("large".to_owned(), "Large".to_owned())]);
        let ask = Ask {
            fields: vec![
                field("note", FieldKind::Text, false),
                field("number", FieldKind::Numeric, true),
                field("size", sizes, true),
            ],
            ..Ask::default()
        };
        assert_eq!(told(&ask, &[]), [why("field.note", Why::Missing)]);
        assert_eq!(told(&ask, &[("field.note", "å")]), [why("field.note", Why::TooShort(2))]);
        assert_eq!(told(&ask, &[("field.note", "abcde")]), [why("field.note", Why::TooLong(4))]);
        assert_eq!(told(&ask, &[("field.note", "åäöå"), ("field.size", "large"), ("field.number", "12")]), []);
        let wrong = told(&ask, &[("field.note", "abc"), ("field.size", "tiny"), ("field.number", "1x")]);
        assert_eq!(wrong, [why("field.number", Why::Malformed), why("field.size", Why::NotAnOption)]);
    }

    #[test]
    fn an_address_is_whole_served_and_can_be_shared() {
        let ask = Ask {
            whole_billing_address: true,
            shipping_countries: Some(vec!["SE".to_owned(), "US".to_owned()]),
            ..Ask::default()
        };
        let to = |country: &'static str| {
            [
                ("shipping.name", "Ada"),
                ("shipping.line1", "Storgatan 1"),
                ("shipping.postal_code", "111 22"),
                ("shipping.city", "Stockholm"),
                ("shipping.country", country),
                ("same_address", "yes"),
            ]
        };
        let (purchase, problems) = read(&ask, &raw(&to("SE")), Locale::En);
        assert!(problems.is_empty());
        assert_eq!(purchase.billing, purchase.shipping.unwrap().address);
        assert_eq!(told(&ask, &to("DE")), [why("shipping.country", Why::CountryNotServed)]);
        assert_eq!(told(&ask, &to("US")), [why("shipping.state", Why::Missing)]);
        let alone = told(&ask, &to("SE")[..5]);
        let parts = ["billing.line1", "billing.postal_code", "billing.city"].map(|name| why(name, Why::Missing));
        assert_eq!(alone, parts);
    }

    #[test]
    fn a_phone_number_has_digits_and_a_tax_number_a_type() {
        let ask = Ask { phone: true, tax_id: Some(Need::Optional), ..Ask::default() };
        assert_eq!(told(&ask, &[("phone", "+46 (0)8-123 45 67")]), []);
        assert_eq!(told(&ask, &[("phone", "call me")]), [why("phone", Why::Malformed)]);
        let untyped = told(&ask, &[("phone", "08123456"), ("tax_id", "SE556703748501")]);
        assert_eq!(untyped, [why("tax_id_type", Why::Missing)]);
        let business = Ask { tax_id: Some(Need::Required), ..Ask::default() };
        assert_eq!(told(&business, &[]), [why("tax_id", Why::Missing)]);
        assert_eq!(told(&business, &[("country", "US")]), []);
    }
}
