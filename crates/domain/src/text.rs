//! Bounded free text. Every text that a caller gives has a type with its limit, and none may carry a card number.

use crate::validation::Invalid;

/// Fewest digits of a payment card number (ISO/IEC 7812-1 allows 8 for the whole, cards in use have 13 or more).
const CARD_NUMBER_DIGITS_MIN: usize = 13;
/// Most digits of a payment card number (ISO/IEC 7812-1).
const CARD_NUMBER_DIGITS_MAX: usize = 19;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The most characters (Unicode scalar values) that it may have.
            pub const CHARS_MAX: usize = $max;

            /// Parses the text; white space around it is dropped.
            ///
            /// # Errors
            /// Empty, too long, with control characters other than a line feed, or with a card number in it.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                parse_text(text, Self::CHARS_MAX).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn parse_text(text: &str, chars_max: usize) -> Result<String, Invalid> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Invalid::required());
    }
    refuse_unfit(text, chars_max)?;
    Ok(text.to_owned())
}

/// Refuses text that is too long, has control characters, or has a card number in it.
///
/// # Errors
/// One of the above.
pub fn refuse_unfit(text: &str, chars_max: usize) -> Result<(), Invalid> {
    if text.chars().count() > chars_max {
        return Err(Invalid::new("TOO_LONG", format!("must have at most {chars_max} characters")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Invalid::new("CONTROL_CHARACTER", "must not have control characters"));
    }
    if has_card_number(text) {
        return Err(Invalid::new("CARD_NUMBER", "must not contain a payment card number"));
    }
    Ok(())
}

/// Parses a word of ASCII letters, digits, hyphens and maybe underscores.
pub(crate) fn parse_code(text: &str, chars_max: usize, has_underscores: bool) -> Result<String, Invalid> {
    let is_fit = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || (has_underscores && b == b'_');
    if text.is_empty() {
        return Err(Invalid::required());
    }
    if text.chars().count() > chars_max {
        return Err(Invalid::new("TOO_LONG", format!("must have at most {chars_max} characters")));
    }
    if !text.bytes().all(is_fit) {
        let expected =
            if has_underscores { "letters, digits, hyphens and underscores" } else { "letters, digits and hyphens" };
        return Err(Invalid::new("MALFORMED_CODE", format!("must have {expected} alone")));
    }
    if has_card_number(text) {
        return Err(Invalid::new("CARD_NUMBER", "must not contain a payment card number"));
    }
    Ok(text.to_owned())
}

/// Whether the text has a run of digits, grouped by single spaces or hyphens or not at all, that is a card number: 13 to
/// 19 digits, first digit 2 to 6 (the major industries of payment cards) and right by the check of ISO/IEC 7812-1.
///
/// The whole run counts, not each window of it, so that a long reference number is rarely taken for a card.
pub fn has_card_number(text: &str) -> bool {
    let mut run: Vec<u8> = Vec::new();
    let mut gap = 0;
    for c in text.chars().chain(['\0']) {
        match c {
            '0'..='9' => {
                run.push(c as u8 - b'0');
                gap = 0;
            }
            ' ' | '-' | '\u{a0}' if !run.is_empty() && gap == 0 => gap = 1,
            _ => {
                if is_card_number(&run) {
                    return true;
                }
                run.clear();
                gap = 0;
            }
        }
    }
    false
}

fn is_card_number(digits: &[u8]) -> bool {
    (CARD_NUMBER_DIGITS_MIN..=CARD_NUMBER_DIGITS_MAX).contains(&digits.len())
        && matches!(digits.first(), Some(2..=6))
        && luhn_holds(digits)
}

/// The check of ISO/IEC 7812-1, annex B.
fn luhn_holds(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let value = u32::from(*digit) * if index % 2 == 1 { 2 } else { 1 };
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

text!(/// A description of a line, an invoice or a payment.
    Description, 500);
text!(/// A display name of a product, tax rate or key.
    DisplayName, 250);
text!(/// A person's or a company's name.
    PartyName, 250);
text!(/// The message that visitors of a closed link see.
    InactiveMessage, 500);
text!(/// The message after a completed checkout.
    ConfirmationMessage, 500);
text!(/// Words of the seller's own on a hosted page.
    CustomText, 1200);
text!(/// The label of a custom field or of an option of one.
    FieldLabel, 100);
text!(/// What customers call a way to ship.
    ShippingName, 100);
text!(/// What customers call a coupon.
    CouponName, 40);
text!(/// What stands at the foot of a provider's invoice.
    InvoiceFooter, 5000);
text!(/// The name of a seller's own field on a provider's invoice.
    InvoiceFieldName, 40);
text!(/// What a seller's own field on a provider's invoice says.
    InvoiceFieldValue, 140);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_found_however_they_are_grouped() {
        for text in ["4242424242424242", "card 4242 4242 4242 4242 please", "4000-0000-0000-0002", "x378282246310005y"]
        {
            assert!(has_card_number(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in
            ["4242424242424241", "invoice 51910", "2026-11-24", "order 1234567890123456789012", "ocr 9912345678901"]
        {
            assert!(!has_card_number(text), "{text}");
        }
    }

    #[test]
    fn text_is_trimmed_and_bounded_in_characters_not_bytes() {
        assert_eq!(Description::parse("  å \n").unwrap().as_str(), "å");
        assert!(Description::parse(&"å".repeat(500)).is_ok());
        assert_eq!(Description::parse(&"å".repeat(501)).unwrap_err().rule, "TOO_LONG");
        assert_eq!(Description::parse(" ").unwrap_err().rule, "REQUIRED");
        assert_eq!(Description::parse("a\u{7}b").unwrap_err().rule, "CONTROL_CHARACTER");
    }
}
