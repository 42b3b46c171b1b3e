//! What a session asks of its customer, read from Stripe's own objects: nothing of what was entered, and no figures but
//! prices.

use rust_decimal::Decimal;
use serde_json::Value;

use super::words::Locale;
use crate::api::options::FIELD_VALUE_MAX;
use crate::api::sessions::{self, DEBITS};
use crate::api::shipping_rates;
use crate::pricing;
use crate::purchase::{Quote, validation};
use crate::state::{LineItem, text};

/// All that the page of a session asks.
#[derive(Default, Clone)]
pub(crate) struct CheckoutForm {
    pub(super) merchant: Option<String>,
    pub(super) mode: Mode,
    pub(super) currency: String,
    pub(super) lines: Vec<Line>,
    /// Their ids are their prices'.
    pub(super) optional: Vec<Line>,
    pub(super) promotion_codes: bool,
    pub(super) shipping_rates: Vec<Rate>,
    /// The tax depends on where the customer is.
    pub(super) automatic_tax: bool,
    pub(super) email: String,
    /// The e-mail address came with the link's URL, and the customer can't change it.
    pub(super) is_email_locked: bool,
    /// What is known of the customer's addresses, by the names of the form; empty where nothing is.
    pub(super) addresses: Vec<(String, String)>,
    pub(super) whole_billing_address: bool,
    /// The countries that are served, where an address is asked.
    pub(super) shipping_countries: Option<Vec<String>>,
    pub(super) phone: bool,
    pub(super) individual_name: Option<Requirement>,
    pub(super) business_name: Option<Requirement>,
    pub(super) tax_id: Option<Requirement>,
    pub(super) fields: Vec<CustomField>,
    pub(super) texts: Texts,
    pub(super) terms: bool,
    pub(super) promotions: bool,
    /// The payment method is kept for later payments, and the page says so.
    pub(super) reuse: bool,
    /// Money is only held on a card at first, and taken later.
    pub(super) holds: bool,
    /// What comes of a trial for which no payment method was given.
    pub(super) trial_end: TrialEnd,
    pub(super) payment_options: Vec<PaymentOption>,
    /// How the account of a bank debit is numbered: Stripe's payment method type.
    pub(super) debit: String,
    /// A payment method is asked even where nothing is due today.
    pub(super) always_needs_method: bool,
    pub(super) submit_type: String,
    pub(super) cancel_url: Option<String>,
}

/// What completing the session does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Payment,
    Subscription,
    Setup,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Requirement {
    Required,
    Optional,
}

/// What comes of a trial that ends without a payment method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum TrialEnd {
    #[default]
    Invoice,
    Pause,
    Cancel,
}

/// A payment option that the page plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PaymentOption {
    Card,
    BankTransfer,
    BankDebit,
}

impl PaymentOption {
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::BankTransfer => "bank_transfer",
            Self::BankDebit => "bank_debit",
        }
    }
}

/// A line item, or an optional item.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) detail: Option<String>,
    pub(super) unit_label: Option<String>,
    pub(super) quantity: i64,
    /// The least and the most, where the customer chooses.
    pub(super) adjustable: Option<(i64, i64)>,
    pub(super) pricing: Pricing,
    /// Interval and how many of it, where the price comes again.
    pub(super) every: Option<(String, i64)>,
}

/// How a price is told; amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pricing {
    Unit(Decimal),
    /// A package that is begun is paid whole, or not at all.
    Package {
        amount: Decimal,
        size: i64,
        is_begun_paid: bool,
    },
    /// All pieces are at the price of one tier, or each at that of its own.
    Tiers {
        tiers: Vec<Tier>,
        is_volume: bool,
    },
    Custom {
        minimum: i64,
        maximum: i64,
        preset: Option<i64>,
    },
}

/// A tier of a price; the last has no end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tier {
    pub(super) up_to: Option<i64>,
    pub(super) unit: Option<Decimal>,
    pub(super) flat: Option<Decimal>,
}

/// A choice of shipping.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) amount: i64,
    pub(super) soonest: Option<(i64, String)>,
    pub(super) latest: Option<(i64, String)>,
}

/// A field of the merchant's own.
#[derive(Debug, Clone)]
pub(super) struct CustomField {
    pub(super) key: String,
    pub(super) label: String,
    pub(super) optional: bool,
    pub(super) kind: FieldKind,
    pub(super) default: String,
    /// In characters; a choice has no length.
    pub(super) longest: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FieldKind {
    Text,
    Numeric,
    /// Values and labels.
    Dropdown(Vec<(String, String)>),
}

/// What the merchant says at places of the page.
#[derive(Default, Clone)]
pub(super) struct Texts {
    pub(super) submit: Option<String>,
    pub(super) after_submit: Option<String>,
    pub(super) shipping_address: Option<String>,
    pub(super) terms: Option<String>,
}

impl CheckoutForm {
    /// What a session with these line items asks; `find` answers an object by kind and id.
    pub(crate) fn of(session: &Value, items: &[LineItem], find: &dyn Fn(&str, &str) -> Option<Value>) -> Self {
        let customer = session["customer"].as_str().and_then(|id| find("customer", id)).unwrap_or(Value::Null);
        let currency = text(session, "currency");
        let mode = match text(session, "mode") {
            "subscription" => Mode::Subscription,
            "setup" => Mode::Setup,
            _ => Mode::Payment,
        };
        let message = |name: &str| session["custom_text"][name]["message"].as_str().map(str::to_owned);
        let consent = &session["consent_collection"];
        let internal = find("session_internal", text(session, "id")).unwrap_or(Value::Null);
        let payment_options = payment_options(&session["payment_method_types"]);
        Self {
            merchant: Some(text(&session["branding_settings"], "display_name").to_owned())
                .filter(|name| !name.is_empty()),
            mode,
            currency: currency.to_owned(),
            lines: lines(items, currency, find),
            optional: optional(&session["optional_items"], currency, find),
            promotion_codes: session["allow_promotion_codes"] == true,
            shipping_rates: list(&session["shipping_options"])
                .filter_map(|option| rate(option, currency, find))
                .collect(),
            automatic_tax: session["automatic_tax"]["enabled"] == true,
            email: session["customer_email"].as_str().unwrap_or(text(&customer, "email")).to_owned(),
            is_email_locked: internal["is_email_locked"] == true,
            addresses: addresses(&customer),
            whole_billing_address: session["billing_address_collection"] == "required",
            shipping_countries: session["shipping_address_collection"]["allowed_countries"]
                .as_array()
                .map(|countries| countries.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            phone: session["phone_number_collection"]["enabled"] == true,
            individual_name: requirement(&session["name_collection"]["individual"]),
            business_name: requirement(&session["name_collection"]["business"]),
            tax_id: match &session["tax_id_collection"] {
                asked if asked["enabled"] != true => None,
                asked if asked["required"] == "if_supported" => Some(Requirement::Required),
                _ => Some(Requirement::Optional),
            },
            fields: list(&session["custom_fields"]).map(custom_field).collect(),
            texts: Texts {
                submit: message("submit"),
                after_submit: message("after_submit"),
                shipping_address: message("shipping_address"),
                terms: message("terms_of_service_acceptance"),
            },
            terms: consent["terms_of_service"] == "required",
            promotions: consent["promotions"] == "auto",
            reuse: sessions::keeps_method(session, &internal)
                && consent["payment_method_reuse_agreement"]["position"] != "hidden",
            holds: sessions::holds_money(session, &internal),
            trial_end: match text(
                &internal["subscription_data"]["trial_settings"]["end_behavior"],
                "missing_payment_method",
            ) {
                "pause" => TrialEnd::Pause,
                "cancel" => TrialEnd::Cancel,
                _ => TrialEnd::Invoice,
            },
            payment_options,
            debit: validation::debit_type(session).unwrap_or_default().to_owned(),
            always_needs_method: validation::needs_method(session, 0),
            submit_type: text(session, "submit_type").to_owned(),
            cancel_url: session["cancel_url"].as_str().map(str::to_owned),
        }
    }

    /// The merchant whose page it is, if they have a name.
    pub(crate) fn merchant(&self) -> Option<&str> {
        self.merchant.as_deref()
    }

    /// Whether the customer must say how to pay.
    pub(crate) fn needs_method(&self, quote: &Quote) -> bool {
        self.always_needs_method || quote.total > 0
    }

    /// The tag of the payment option taken where none is chosen.
    pub(crate) fn first_payment_option(&self) -> &'static str {
        self.payment_options.first().map_or("card", |option| option.tag())
    }

    /// Whether a card or an account of the customer's can be drawn on.
    pub(super) fn draws(&self, needs_method: bool) -> bool {
        needs_method && self.payment_options.iter().any(|option| *option != PaymentOption::BankTransfer)
    }

    /// Whether anything that is entered changes the figures.
    pub(super) fn changes_figures(&self) -> bool {
        // A code has a button of its own.
        self.promotion_codes || self.has_choices()
    }

    /// Whether the total follows from choices that the customer can change.
    pub(super) fn has_choices(&self) -> bool {
        self.shipping_rates.len() > 1
            || !self.optional.is_empty()
            || (self.automatic_tax && self.mode != Mode::Setup)
            || self.lines.iter().any(|line| line.adjustable.is_some() || line.is_custom())
    }

    pub(super) fn custom_line(&self) -> Option<&Line> {
        self.lines.iter().find(|line| line.is_custom())
    }

    /// The amount that stands in the field of one that the customer chooses.
    pub(super) fn preset(&self) -> Option<i64> {
        match self.custom_line()?.pricing {
            Pricing::Custom { preset, .. } => preset,
            _ => None,
        }
    }

    pub(super) fn known(&self, name: &str) -> Option<&str> {
        self.addresses.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The country that is chosen before the customer chooses: their own, or else the likeliest; empty where none is.
    pub(super) fn home_country(&self, locale: Locale) -> &str {
        self.known("country").unwrap_or_else(|| self.likely_country(locale))
    }

    fn likely_country(&self, locale: Locale) -> &'static str {
        match (locale, self.currency.as_str()) {
            (Locale::Sv, _) | (_, "sek") => "SE",
            (_, "usd") => "US",
            (_, "gbp") => "GB",
            (_, "nok") => "NO",
            (_, "dkk") => "DK",
            (_, "chf") => "CH",
            (_, "pln") => "PL",
            (_, "cad") => "CA",
            (_, "aud") => "AU",
            (_, "jpy") => "JP",
            // Many countries pay in euros, and none of them is likely enough to be chosen for someone.
            _ => "",
        }
    }

    /// The country to ship to that is chosen before the customer chooses.
    pub(super) fn first_shipping_country(&self, locale: Locale) -> &str {
        let served = self.shipping_countries.as_deref().unwrap_or_default();
        let home = self.known("shipping.country").unwrap_or(self.home_country(locale));
        if served.iter().any(|code| code == home) { home } else { served.first().map_or("", String::as_str) }
    }
}

impl Line {
    pub(super) fn is_custom(&self) -> bool {
        matches!(self.pricing, Pricing::Custom { .. })
    }
}

fn addresses(customer: &Value) -> Vec<(String, String)> {
    let parts = |address: &Value, prefix: &str| {
        let parts = address.as_object().cloned().unwrap_or_default();
        let named = |(part, value): (String, Value)| Some((format!("{prefix}{part}"), value.as_str()?.to_owned()));
        parts.into_iter().filter_map(named).collect::<Vec<_>>()
    };
    let mut known = parts(&customer["address"], "billing.");
    for (name, _) in known.iter_mut().filter(|(name, _)| name == "billing.country") {
        "country".clone_into(name);
    }
    known.extend(parts(&customer["shipping"]["address"], "shipping."));
    if let Some(name) = customer["shipping"]["name"].as_str() {
        known.push(("shipping.name".to_owned(), name.to_owned()));
    }
    known
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The payment options that the page plays, in Stripe's order.
fn payment_options(types: &Value) -> Vec<PaymentOption> {
    let mut payment_options = Vec::new();
    for name in list(types).filter_map(Value::as_str) {
        let option = match name {
            "card" => PaymentOption::Card,
            "customer_balance" => PaymentOption::BankTransfer,
            _ if DEBITS.iter().any(|(debit, _)| *debit == name) => PaymentOption::BankDebit,
            _ => continue,
        };
        if !payment_options.contains(&option) {
            payment_options.push(option);
        }
    }
    payment_options
}

fn requirement(asked: &Value) -> Option<Requirement> {
    match asked["enabled"] == true {
        false => None,
        true if asked["optional"] == true => Some(Requirement::Optional),
        true => Some(Requirement::Required),
    }
}

fn lines(items: &[LineItem], currency: &str, find: &dyn Fn(&str, &str) -> Option<Value>) -> Vec<Line> {
    let lone = items.len() == 1;
    items
        .iter()
        .map(|item| {
            let price = find("price", &item.price).unwrap_or(Value::Null);
            Line {
                id: item.id.clone(),
                name: item.description.clone(),
                detail: item.detail.clone(),
                unit_label: unit_label(&price, find),
                quantity: item.quantity,
                adjustable: validation::quantity_bounds(&item.adjustable_quantity, lone),
                pricing: pricing_of(&price, currency),
                every: every(&price),
            }
        })
        .collect()
}

fn optional(items: &Value, currency: &str, find: &dyn Fn(&str, &str) -> Option<Value>) -> Vec<Line> {
    list(items)
        .filter_map(|item| {
            let price = find("price", text(item, "price"))?;
            let product = find("product", text(&price, "product")).unwrap_or(Value::Null);
            Some(Line {
                id: text(&price, "id").to_owned(),
                name: text(&product, "name").to_owned(),
                detail: product["description"].as_str().map(str::to_owned),
                unit_label: product["unit_label"].as_str().map(str::to_owned),
                quantity: item["quantity"].as_i64().unwrap_or(1),
                adjustable: validation::offer_bounds(&item["adjustable_quantity"]),
                pricing: pricing_of(&price, currency),
                every: every(&price),
            })
        })
        .collect()
}

fn unit_label(price: &Value, find: &dyn Fn(&str, &str) -> Option<Value>) -> Option<String> {
    find("product", text(price, "product"))?["unit_label"].as_str().map(str::to_owned)
}

fn every(price: &Value) -> Option<(String, i64)> {
    let interval = price["recurring"]["interval"].as_str()?;
    Some((interval.to_owned(), price["recurring"]["interval_count"].as_i64().unwrap_or(1)))
}

fn pricing_of(price: &Value, currency: &str) -> Pricing {
    let terms = pricing::terms(price, currency).unwrap_or(price);
    if price["custom_unit_amount"].is_object() {
        let (minimum, maximum) = pricing::chosen_bounds(terms, currency);
        return Pricing::Custom { minimum, maximum, preset: pricing::preset(terms) };
    }
    if let Some(tiers) = terms["tiers"].as_array().filter(|tiers| !tiers.is_empty()) {
        let tier = |tier: &Value| Tier {
            up_to: tier["up_to"].as_i64(),
            unit: decimal(tier, "unit_amount"),
            flat: decimal(tier, "flat_amount"),
        };
        return Pricing::Tiers { tiers: tiers.iter().map(tier).collect(), is_volume: price["tiers_mode"] == "volume" };
    }
    let amount = decimal(terms, "unit_amount").unwrap_or_default();
    match price["transform_quantity"]["divide_by"].as_i64() {
        Some(size) if size > 1 => {
            Pricing::Package { amount, size, is_begun_paid: price["transform_quantity"]["round"] == "up" }
        }
        _ => Pricing::Unit(amount),
    }
}

/// An amount of an object, which Stripe tells as a decimal and, where it is whole, as an integer.
fn decimal(object: &Value, name: &str) -> Option<Decimal> {
    let exact = object[format!("{name}_decimal")].as_str().and_then(|text| text.parse().ok());
    exact.or_else(|| object[name].as_i64().map(Decimal::from))
}

fn rate(option: &Value, currency: &str, find: &dyn Fn(&str, &str) -> Option<Value>) -> Option<Rate> {
    let rate = match &option["shipping_rate"] {
        Value::String(id) => find("shipping_rate", id)?,
        inline => inline.clone(),
    };
    let bound = |name: &str| {
        let bound = &rate["delivery_estimate"][name];
        Some((bound["value"].as_i64()?, text(bound, "unit").to_owned()))
    };
    Some(Rate {
        id: text(&rate, "id").to_owned(),
        name: text(&rate, "display_name").to_owned(),
        amount: shipping_rates::amount(&rate, currency)?,
        soonest: bound("minimum"),
        latest: bound("maximum"),
    })
}

fn custom_field(field: &Value) -> CustomField {
    let kind = text(field, "type");
    let rules = &field[kind];
    CustomField {
        key: text(field, "key").to_owned(),
        label: text(&field["label"], "custom").to_owned(),
        optional: field["optional"] == true,
        kind: match kind {
            "numeric" => FieldKind::Numeric,
            "dropdown" => FieldKind::Dropdown(
                list(&rules["options"])
                    .map(|option| (text(option, "value").to_owned(), text(option, "label").to_owned()))
                    .collect(),
            ),
            _ => FieldKind::Text,
        },
        default: text(rules, "default_value").to_owned(),
        longest: (kind != "dropdown").then(|| rules["maximum_length"].as_i64().unwrap_or(FIELD_VALUE_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(session: &Value) -> CheckoutForm {
        let find = |kind: &str, id: &str| match (kind, id) {
            ("payment_link", "plink_1") => Some(json!({"optional_items": [{"price": "price_2", "quantity": 3}],
                "allow_promotion_codes": true})),
            ("price", "price_1") => Some(json!({"id": "price_1", "currency": "sek", "unit_amount_decimal": "1000",
                "currency_options": {"eur": {"unit_amount_decimal": "99.5"}}, "product": "prod_1"})),
            ("price", "price_2") => Some(json!({"id": "price_2", "currency": "sek", "product": "prod_1",
                "transform_quantity": {"divide_by": 12, "round": "up"}, "unit_amount": 500})),
            ("product", "prod_1") => Some(json!({"name": "Cup", "unit_label": "cup"})),
            ("shipping_rate", "shr_1") => Some(json!({"id": "shr_1", "display_name": "Post",
                "fixed_amount": {"currency_options": {"sek": {"amount": 4900}}},
                "delivery_estimate": {"minimum": {"unit": "day", "value": 2}, "maximum": null}})),
            _ => None,
        };
        let item = LineItem {
            id: "li_1".to_owned(),
            price: "price_1".to_owned(),
            quantity: 2,
            description: "Cup".to_owned(),
            adjustable_quantity: json!({"enabled": true, "maximum": 10}),
            ..line_item()
        };
        CheckoutForm::of(session, &[item], &find)
    }

    /// A line item as a session keeps it.
    fn line_item() -> LineItem {
        serde_json::from_value(json!({"id": "", "price": "", "quantity": 1, "amount": 0, "currency": "sek",
            "description": "", "detail": null, "adjustable_quantity": null}))
        .unwrap()
    }

    #[test]
    fn a_lone_item_cannot_go_to_nothing_and_the_most_is_kept() {
        assert_eq!(asked(&json!({"currency": "sek"})).lines[0].adjustable, Some((1, 10)));
    }

    #[test]
    fn a_price_is_told_in_the_currency_of_the_session() {
        assert_eq!(asked(&json!({"currency": "sek"})).lines[0].pricing, Pricing::Unit(Decimal::from(1000)));
        let euro = Pricing::Unit("99.5".parse().unwrap());
        assert_eq!(asked(&json!({"currency": "eur"})).lines[0].pricing, euro);
    }

    /// The engine reads the session alone: what its link came to say after the visit would be offered, and refused.
    #[test]
    fn what_the_link_says_after_the_visit_is_not_of_the_session() {
        let form = asked(&json!({"currency": "sek", "payment_link": "plink_1", "optional_items": null}));
        assert!(form.optional.is_empty());
        let offering = json!({"currency": "sek", "optional_items": [{"price": "price_2", "quantity": 3}]});
        let form = asked(&offering);
        let [cup] = form.optional.as_slice() else { panic!("one optional item") };
        assert_eq!((cup.id.as_str(), cup.name.as_str(), cup.quantity), ("price_2", "Cup", 3));
        let dozen = Pricing::Package { amount: Decimal::from(500), size: 12, is_begun_paid: true };
        assert_eq!(cup.pricing, dozen);
    }

    #[test]
    fn a_field_takes_no_more_than_the_engine_does() {
        let field = |kind: &str, rules: Value| json!({"key": "k", "type": kind, kind: rules});
        let fields = [
            field("text", json!({"maximum_length": 20})),
            field("text", json!({})),
            field("dropdown", json!({"options": []})),
        ];
        let form = asked(&json!({"currency": "sek", "custom_fields": fields}));
        let longest: Vec<_> = form.fields.iter().map(|field| field.longest).collect();
        assert_eq!(longest, [Some(20), Some(FIELD_VALUE_MAX), None]);
    }

    #[test]
    fn shipping_names_merchants_and_bounds_are_read() {
        let form = asked(&json!({"currency": "sek", "shipping_options": [{"shipping_rate": "shr_1"}],
            "branding_settings": {"display_name": "Ada's cups"},
            "name_collection": {"business": {"enabled": true, "optional": true}, "individual": {"enabled": true}},
            "tax_id_collection": {"enabled": true, "required": "if_supported"}}));
        let rate = &form.shipping_rates[0];
        assert_eq!((rate.amount, &rate.soonest, &rate.latest), (4900, &Some((2, "day".to_owned())), &None));
        assert_eq!(form.merchant(), Some("Ada's cups"));
        assert_eq!(
            (form.business_name, form.individual_name),
            (Some(Requirement::Optional), Some(Requirement::Required))
        );
        assert_eq!(form.tax_id, Some(Requirement::Required));
    }

    #[test]
    fn a_method_is_asked_when_something_is_due_or_will_be() {
        let nothing = Quote::default();
        let due = Quote { total: 1, ..Quote::default() };
        let needs = |session: Value, quote| asked(&session).needs_method(quote);
        assert!(!needs(json!({"mode": "payment"}), &nothing) && needs(json!({"mode": "payment"}), &due));
        assert!(needs(json!({"mode": "setup"}), &nothing));
        assert!(needs(json!({"mode": "subscription", "payment_method_collection": "always"}), &nothing));
        assert!(!needs(json!({"mode": "subscription", "payment_method_collection": "if_required"}), &nothing));
    }

    #[test]
    fn keeping_a_payment_method_is_told_unless_the_merchant_hides_it() {
        let hidden = json!({"payment_method_reuse_agreement": {"position": "hidden"}});
        assert!(asked(&json!({"mode": "subscription"})).reuse && !asked(&json!({"mode": "payment"})).reuse);
        assert!(!asked(&json!({"mode": "subscription", "consent_collection": hidden})).reuse);
        let kept = json!({"card": {"setup_future_usage": "off_session"}});
        assert!(asked(&json!({"mode": "payment", "payment_method_options": kept})).reuse);
    }

    #[test]
    fn a_hold_and_what_ends_a_trial_are_read_from_what_the_session_plans() {
        let held = json!({"mode": "payment", "payment_method_options": {"card": {"capture_method": "manual"}}});
        assert!(asked(&held).holds && !asked(&json!({"mode": "payment"})).holds);
        let with = |behavior: &str| {
            let internal = json!({"subscription_data": {"trial_settings": {"end_behavior": {"missing_payment_method": behavior}}}});
            let find = |kind: &str, _: &str| (kind == "session_internal").then(|| internal.clone());
            CheckoutForm::of(&json!({"id": "cs_test_x"}), &[], &find).trial_end
        };
        assert_eq!((with("pause"), with("cancel")), (TrialEnd::Pause, TrialEnd::Cancel));
        assert_eq!((with("create_invoice"), asked(&json!({})).trial_end), (TrialEnd::Invoice, TrialEnd::Invoice));
    }

    #[test]
    fn no_country_is_chosen_for_who_pays_in_euros() {
        let home = |currency: &str, locale| asked(&json!({"currency": currency})).home_country(locale).to_owned();
        assert_eq!((home("sek", Locale::En), home("eur", Locale::En)), ("SE".to_owned(), String::new()));
        assert_eq!(home("eur", Locale::Sv), "SE");
    }

    #[test]
    fn payment_options_keep_the_order_of_the_session() {
        let form = asked(&json!({"payment_method_types": ["sepa_debit", "card", "customer_balance"]}));
        assert_eq!(
            (form.payment_options, form.debit.as_str()),
            (vec![PaymentOption::BankDebit, PaymentOption::Card, PaymentOption::BankTransfer], "sepa_debit")
        );
    }
}
