//! What a link's page asks of the customer, and in which words.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::party::Country;
use crate::provider::Feature;
use crate::text::{CustomText, FieldLabel, refuse_card_number, refuse_unfit};
use crate::validation::{Invalid, Validator, Violations};

/// What the page asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Collection {
    /// The billing address.
    pub billing_address: AddressCollection,
    /// The shipping address, and to where.
    pub shipping_countries: Option<ShippingCountries>,
    /// The phone number.
    pub phone: bool,
    /// Names beside the one on the card.
    pub names: NameCollection,
    /// Tax ids.
    pub tax_id: TaxIdCollection,
    /// Fields of the seller's own.
    pub custom_fields: CustomFields,
    /// Consent.
    pub consent: Consent,
    /// Words of the seller's own.
    pub custom_text: CustomTexts,
    /// What the button says.
    pub submit_type: SubmitType,
    /// Whether a customer is made at the provider.
    pub customer_creation: CustomerCreation,
}

impl Collection {
    /// What a provider must be able to do for it, with the field that wants it, and whether it does.
    pub(super) fn wants(&self) -> impl Iterator<Item = (Feature, &'static str, bool)> {
        let (names, texts) = (&self.names, &self.custom_text);
        let has_text = [&texts.submit, &texts.after_submit, &texts.shipping_address, &texts.terms_of_service]
            .iter()
            .any(|text| text.is_some());
        [
            (
                Feature::BillingAddressCollection,
                "collection.billing_address",
                self.billing_address != AddressCollection::Auto,
            ),
            (Feature::ShippingAddressCollection, "collection.shipping_address", self.shipping_countries.is_some()),
            (Feature::PhoneCollection, "collection.phone_number", self.phone),
            (Feature::NameCollection, "collection.names", names.individual.is_some() || names.business.is_some()),
            (Feature::TaxIdCollection, "collection.tax_id", self.tax_id != TaxIdCollection::Off),
            (Feature::CustomFields, "collection.custom_fields", self.custom_fields.iter().len() > 0),
            (Feature::ConsentCollection, "collection.consent", self.consent != Consent::default()),
            (Feature::CustomText, "collection.custom_text", has_text),
            (Feature::SubmitButtonText, "collection.submit_type", self.submit_type != SubmitType::Auto),
            (
                Feature::CustomerCreation,
                "collection.customer_creation",
                self.customer_creation == CustomerCreation::Always,
            ),
        ]
        .into_iter()
    }
}

/// Whether the billing address is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressCollection {
    /// As far as the payment needs it.
    #[default]
    Auto,
    /// All of it.
    Required,
}

/// The countries to which goods are shipped; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShippingCountries(Vec<Country>);

impl ShippingCountries {
    /// Parses a set of countries; their order is kept, and one named twice counts once.
    ///
    /// # Errors
    /// Empty.
    pub fn parse(countries: Vec<Country>) -> Result<Self, Invalid> {
        if countries.is_empty() {
            return Err(Invalid::new("REQUIRED", "must name one country at least"));
        }
        let mut kept: Vec<Country> = Vec::with_capacity(countries.len());
        for country in countries {
            if !kept.contains(&country) {
                kept.push(country);
            }
        }
        Ok(Self(kept))
    }

    /// The countries.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Country> {
        self.0.iter().copied()
    }
}

/// Names that are asked beside the one on the card.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameCollection {
    /// The customer's.
    pub individual: Option<NameField>,
    /// The customer's company's.
    pub business: Option<NameField>,
}

/// Whether a name must be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameField {
    /// It must.
    Required,
    /// It may.
    Optional,
}

/// Whether tax ids are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxIdCollection {
    /// They are not.
    #[default]
    Off,
    /// A business may give one.
    Optional,
    /// One must be given where the billing country has a kind that the provider knows.
    RequiredIfSupported,
}

/// What the customer agrees to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Whether the terms of service must be accepted.
    pub terms_of_service: bool,
    /// Whether the page asks for consent to promotions where the law of the customer's country wants it asked.
    pub promotions: bool,
    /// Where the agreement to the reuse of the payment method is shown; as the provider does by default where absent.
    pub reuse_agreement: Option<ReuseAgreement>,
}

/// Where the agreement to the reuse of a payment method is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReuseAgreement {
    /// Where the provider shows it.
    Auto,
    /// Nowhere: the seller shows it.
    Hidden,
}

/// Words of the seller's own, each at its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomTexts {
    /// Beside the button.
    pub submit: Option<CustomText>,
    /// Below the button.
    pub after_submit: Option<CustomText>,
    /// Beside the shipping address.
    pub shipping_address: Option<CustomText>,
    /// In the place of the standard words of the terms of service.
    pub terms_of_service: Option<CustomText>,
}

/// What the button says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubmitType {
    /// What fits.
    #[default]
    Auto,
    /// Book.
    Book,
    /// Donate.
    Donate,
    /// Pay.
    Pay,
    /// Subscribe.
    Subscribe,
}

/// Whether a customer is made at the provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerCreation {
    /// Where something needs one.
    #[default]
    IfRequired,
    /// Always.
    Always,
}

/// Fields of the seller's own: at most 3, each with a key of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CustomFields(Vec<CustomField>);

/// A field of the seller's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomField {
    /// Its key, for the seller.
    pub key: CustomFieldKey,
    /// Its label, for the customer.
    pub label: FieldLabel,
    /// Whether it may stay empty.
    pub optional: bool,
    /// What may be entered.
    pub kind: CustomFieldKind,
}

/// The key of a custom field: 1 to 200 ASCII letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CustomFieldKey(String);

/// What may be entered in a custom field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CustomFieldKind {
    /// Text.
    Text {
        /// How long it may be.
        length: CustomFieldLength,
        /// What is entered already.
        default_value: Option<String>,
    },
    /// Digits.
    Numeric {
        /// How many there may be.
        length: CustomFieldLength,
        /// What is entered already.
        default_value: Option<String>,
    },
    /// One of some options.
    Dropdown {
        /// The options.
        options: Vec<DropdownOption>,
        /// The value that is chosen already.
        default_value: Option<String>,
    },
}

/// How many characters may be entered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomFieldLength {
    /// The fewest.
    pub minimum: Option<u16>,
    /// The most.
    pub maximum: Option<u16>,
}

/// An option of a drop-down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropdownOption {
    /// What the customer sees.
    pub label: FieldLabel,
    /// What the seller gets: 1 to 100 ASCII letters and digits.
    pub value: String,
}

impl CustomFieldKey {
    /// The most characters.
    pub const CHARS_MAX: usize = 200;

    /// Parses a key.
    ///
    /// # Errors
    /// Empty, too long, or with something else than ASCII letters and digits.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        alphanumeric(text, Self::CHARS_MAX).map(|()| Self(text.to_owned()))
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CustomFieldLength {
    /// The most characters that a field can take.
    pub const MAX: u16 = 255;

    /// Parses bounds.
    ///
    /// # Errors
    /// A bound that is not from 1 to [`CustomFieldLength::MAX`], or crossed ones.
    pub fn parse(minimum: Option<i64>, maximum: Option<i64>) -> Result<Self, Invalid> {
        let bound = |value: Option<i64>| {
            let fits = |value: &i64| (1..=i64::from(Self::MAX)).contains(value);
            value
                .map(|value| Some(value).filter(fits).and_then(|value| u16::try_from(value).ok()).ok_or(()))
                .transpose()
        };
        match (bound(minimum), bound(maximum)) {
            (Ok(minimum), Ok(maximum)) if minimum.zip(maximum).is_none_or(|(min, max)| min <= max) => {
                Ok(Self { minimum, maximum })
            }
            _ => {
                let expected = format!("must have lengths from 1 to {}, the minimum not above the maximum", Self::MAX);
                Err(Invalid::new("LENGTH_OUT_OF_RANGE", expected))
            }
        }
    }

    fn admits(self, chars: usize) -> bool {
        self.minimum.is_none_or(|min| chars >= usize::from(min))
            && self.maximum.is_none_or(|max| chars <= usize::from(max))
    }
}

impl DropdownOption {
    /// The most characters of a value.
    pub const VALUE_CHARS_MAX: usize = 100;

    /// Parses an option's value.
    ///
    /// # Errors
    /// Empty, too long, or with something else than ASCII letters and digits.
    pub fn parse_value(text: &str) -> Result<String, Invalid> {
        alphanumeric(text, Self::VALUE_CHARS_MAX).map(|()| text.to_owned())
    }
}

impl CustomFieldKind {
    /// The most options of a drop-down.
    pub const OPTIONS_MAX: usize = 200;

    /// Its name, in snake case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Numeric { .. } => "numeric",
            Self::Dropdown { .. } => "dropdown",
        }
    }

    fn check(&self, v: &mut Validator) {
        let misfit = |expected: &str| Invalid::new("DEFAULT_VALUE_MISFIT", expected);
        match self {
            Self::Text { length, default_value } => {
                if let Some(value) = default_value {
                    v.check("default_value", refuse_unfit(value, usize::from(CustomFieldLength::MAX)));
                    if !length.admits(value.chars().count()) {
                        v.refuse("default_value", misfit("must be as long as the field allows"));
                    }
                }
            }
            Self::Numeric { length, default_value } => {
                if let Some(value) = default_value {
                    v.check("default_value", refuse_card_number(value));
                    let are_digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
                    if !(length.admits(value.len()) && are_digits) {
                        v.refuse("default_value", misfit("must be as many digits as the field allows"));
                    }
                }
            }
            Self::Dropdown { options, default_value } => {
                if !(1..=Self::OPTIONS_MAX).contains(&options.len()) {
                    let expected = format!("must have 1 to {} options", Self::OPTIONS_MAX);
                    v.refuse("options", Invalid::new("OPTION_COUNT", expected));
                }
                let mut values = BTreeSet::new();
                for (index, option) in options.iter().enumerate() {
                    if !values.insert(option.value.as_str()) {
                        let expected = "must be another than the values before it";
                        v.refuse(&format!("options[{index}].value"), Invalid::new("TWICE", expected));
                    }
                }
                if default_value.as_ref().is_some_and(|value| !values.contains(value.as_str())) {
                    v.refuse("default_value", misfit("must be the value of an option"));
                }
            }
        }
    }
}

impl CustomFields {
    /// The most fields of a page.
    pub const MAX: usize = 3;

    /// Parses fields.
    ///
    /// # Errors
    /// Every violation, with paths such as `[1].key` below the list.
    pub fn parse(fields: Vec<CustomField>) -> Result<Self, Violations> {
        let mut v = Validator::new();
        if fields.len() > Self::MAX {
            v.refuse("", Invalid::new("TOO_MANY", format!("must have at most {} fields", Self::MAX)));
        }
        let mut keys = BTreeSet::new();
        for (index, field) in fields.iter().enumerate() {
            if !keys.insert(&field.key) {
                let expected = "must be another than the keys before it";
                v.refuse(&format!("[{index}].key"), Invalid::new("TWICE", expected));
            }
            v.within(&format!("[{index}].{}", field.kind.name()), |v| field.kind.check(v));
        }
        v.finish(Some(Self(fields)))
    }

    /// The fields.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &CustomField> {
        self.0.iter()
    }
}

fn alphanumeric(text: &str, chars_max: usize) -> Result<(), Invalid> {
    if text.is_empty() || text.len() > chars_max || !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        let expected = format!("must be 1 to {chars_max} letters and digits");
        return Err(Invalid::new("NOT_ALPHANUMERIC", expected));
    }
    refuse_unfit(text, chars_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(key: &str, kind: CustomFieldKind) -> CustomField {
        let (key, label) = (CustomFieldKey::parse(key).unwrap(), FieldLabel::parse("Label").unwrap());
        CustomField { key, label, optional: false, kind }
    }

    fn text(minimum: Option<i64>, maximum: Option<i64>, default_value: Option<&str>) -> CustomFieldKind {
        let length = CustomFieldLength::parse(minimum, maximum).unwrap();
        CustomFieldKind::Text { length, default_value: default_value.map(str::to_owned) }
    }

    fn refused(fields: Vec<CustomField>) -> Vec<String> {
        CustomFields::parse(fields).unwrap_err().iter().map(|violation| violation.field.clone()).collect()
    }

    #[test]
    fn custom_fields_are_few_and_their_keys_differ() {
        let three: Vec<_> = ["a", "b", "c"].iter().map(|key| field(key, text(None, None, None))).collect();
        assert!(CustomFields::parse(three.clone()).is_ok());
        let four = [three.clone(), vec![field("d", text(None, None, None))]].concat();
        assert_eq!(refused(four), [""]);
        assert_eq!(refused(vec![three[0].clone(), three[0].clone()]), ["[1].key"]);
        for bad in ["", "a-b", "å", &"x".repeat(201)] {
            assert_eq!(CustomFieldKey::parse(bad).unwrap_err().rule, "NOT_ALPHANUMERIC");
        }
    }

    #[test]
    fn default_values_fit_their_fields() {
        assert_eq!(refused(vec![field("a", text(Some(3), None, Some("ab")))]), ["[0].text.default_value"]);
        let numeric = |value: &str| CustomFieldKind::Numeric {
            length: CustomFieldLength::default(),
            default_value: Some(value.to_owned()),
        };
        assert!(CustomFields::parse(vec![field("a", numeric("12"))]).is_ok());
        assert_eq!(refused(vec![field("a", numeric("1x"))]), ["[0].numeric.default_value"]);
        let option = |value: &str| DropdownOption {
            label: FieldLabel::parse(value).unwrap(),
            value: DropdownOption::parse_value(value).unwrap(),
        };
        let dropdown = |values: &[&str], default: &str| CustomFieldKind::Dropdown {
            options: values.iter().map(|value| option(value)).collect(),
            default_value: Some(default.to_owned()),
        };
        assert!(CustomFields::parse(vec![field("a", dropdown(&["s", "m"], "m"))]).is_ok());
        assert_eq!(refused(vec![field("a", dropdown(&["s", "m"], "l"))]), ["[0].dropdown.default_value"]);
        assert_eq!(refused(vec![field("a", dropdown(&["s", "s"], "s"))]), ["[0].dropdown.options[1].value"]);
    }

    #[test]
    fn lengths_are_in_range_and_not_crossed() {
        for (minimum, maximum) in [(Some(0), None), (None, Some(256)), (Some(5), Some(4))] {
            assert_eq!(CustomFieldLength::parse(minimum, maximum).unwrap_err().rule, "LENGTH_OUT_OF_RANGE");
        }
    }
}
