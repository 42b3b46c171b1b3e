//! Bounded free text. Every text that a caller gives has a type with its limit, and none may carry a card number.

use std::borrow::Cow;

use crate::check_digit::luhn_holds;
use crate::validation::Invalid;

/// Fewest digits of a payment card number (ISO/IEC 7812-1 allows 8 for the whole, cards in use have 13 or more).
const CARD_NUMBER_DIGITS_MIN: usize = 13;
/// Most digits of a payment card number (ISO/IEC 7812-1).
const CARD_NUMBER_DIGITS_MAX: usize = 19;

// The text is shared: a document repeats the name of a rate on each of its lines.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The most characters (Unicode scalar values) that it may have.
            pub const CHARS_MAX: usize = $max;

            /// Parses the text; white space around it is dropped.
            ///
            /// # Errors
            /// Empty, too long, with control characters other than a line feed, or with a card number in it.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                parse_text(text, Self::CHARS_MAX).map(|text| Self(text.into()))
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

fn parse_text(text: &str, chars_max: usize) -> Result<&str, Invalid> {
    let text = text.trim();
    if text.chars().all(is_blank) {
        return Err(Invalid::required());
    }
    refuse_unfit(text, chars_max)?;
    Ok(text)
}

/// Refuses text that is too long, has control characters, or has a card number in it.
///
/// # Errors
/// One of the above.
pub fn refuse_unfit(text: &str, chars_max: usize) -> Result<(), Invalid> {
    if text.chars().count() > chars_max {
        return Err(Invalid::new("TOO_LONG", format!("must have at most {chars_max} characters")));
    }
    if text.chars().any(|c| (c.is_control() && c != '\n') || is_deceptive(c)) {
        return Err(Invalid::new("CONTROL_CHARACTER", "must not have control characters or invisible ones"));
    }
    refuse_card_number(text)
}

/// Refuses text with a payment card number in it: for text of which nothing else is asked here. Whatever a caller names and is
/// kept goes through here or through what calls it, but for what has a form of its own that no card number fits into.
///
/// # Errors
/// There is one in it, see [`has_card_number`].
pub fn refuse_card_number(text: &str) -> Result<(), Invalid> {
    if has_card_number(text) {
        return Err(Invalid::new("CARD_NUMBER", "must not contain a payment card number"));
    }
    Ok(())
}

/// Whether a character shows nothing, or turns what follows it around, and no script needs it: what is read is then not what is
/// there. Joiners, marks of direction and selectors of a variant are none, for some scripts are not written right without them;
/// tags are, though three flags are drawn with them, since text can be hidden in them.
const fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}'
    )
}

/// Whether a character is refused wherever it is: a hidden one, a mark around annotations, or what Unicode has no character for
/// (its noncharacters).
const fn is_deceptive(c: char) -> bool {
    let is_noncharacter = matches!(c as u32 & 0xfffe, 0xfffe) || matches!(c, '\u{fdd0}'..='\u{fdef}');
    is_hidden(c) || is_noncharacter || matches!(c, '\u{fff9}'..='\u{fffb}')
}

/// Whether a text of this character alone shows nothing: hidden ones, white space, an empty braille pattern, and those of
/// Unicode's `Default_Ignorable_Code_Point` that are needed beside others.
const fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || is_hidden(c)
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200c}'..='\u{200f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
                | '\u{e0100}'..='\u{e01ef}'
        )
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
    refuse_card_number(text)?;
    Ok(text.to_owned())
}

/// The most characters between two digits of a card number.
const SEPARATOR_CHARS_MAX: usize = 3;
/// The fewest digits of a group that a card number may begin or end with inside of a longer run.
const GROUP_DIGITS_MIN: usize = 3;

/// Whether the text has a payment card number: 13 to 19 digits that begin as cards do (the ranges that the networks
/// publish), right by the check of ISO/IEC 7812-1, in groups or not.
///
/// Groups are parted by up to three characters that are neither letters nor digits. Of a run of groups the whole counts, and
/// each row of groups in it, as where an expiry date follows; not each window of its digits, so that a long reference number
/// is rarely taken for a card. The digits of a UUID are no card number: callers name their requests and orders so, and one in
/// some ten thousand would pass for a card.
pub fn has_card_number(text: &str) -> bool {
    let text = without_uuids(text);
    let mut groups: Vec<Vec<u8>> = Vec::new();
    // Nothing goes on from before the first digit.
    let mut gap = usize::MAX;
    for c in text.chars() {
        if let Some(digit) = decimal_digit(c) {
            if gap > SEPARATOR_CHARS_MAX {
                if run_has_card_number(&groups) {
                    return true;
                }
                groups.clear();
            }
            match groups.last_mut().filter(|_| gap == 0) {
                Some(group) => group.push(digit),
                None => groups.push(vec![digit]),
            }
            gap = 0;
        } else {
            gap = if c.is_alphanumeric() { usize::MAX } else { gap.saturating_add(1) };
        }
    }
    run_has_card_number(&groups)
}

/// The text with each UUID as a letter: in its usual form (RFC 9562, section 4), or without hyphens, as many programs write it.
fn without_uuids(text: &str) -> Cow<'_, str> {
    // All of a match is ASCII, so that it begins and ends at characters.
    let found = |bytes: usize, is_uuid: fn(&[u8]) -> bool| {
        text.as_bytes().windows(bytes).position(is_uuid).map(|at| (at, at + bytes))
    };
    match found(36, is_hyphenated_uuid).or_else(|| found(32, is_simple_uuid)) {
        None => Cow::Borrowed(text),
        Some((at, end)) => Cow::Owned(format!("{}x{}", without_uuids(&text[..at]), without_uuids(&text[end..]))),
    }
}

fn is_hyphenated_uuid(bytes: &[u8]) -> bool {
    let fits = |(place, byte): (usize, &u8)| match place {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    bytes.iter().enumerate().all(fits)
}

/// 32 hexadecimal digits with a version and a variant (RFC 9562, sections 4.1 and 4.2) in their places.
fn is_simple_uuid(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_hexdigit)
        && matches!(bytes[12], b'1'..=b'8')
        && matches!(bytes[16].to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b')
}

/// Where the ten decimal digits of each script begin (Unicode 14, general category Nd), but for those of ASCII and mathematics.
const ZEROS: [u32; 60] = [
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6, 0x0e50,
    0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136,
    0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0,
    0x16a60, 0x16ac0, 0x16b50, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];
/// Those of mathematics: five kinds of ten.
const MATHEMATICAL_DIGITS: std::ops::RangeInclusive<u32> = 0x1d7ce..=0x1d7ff;

/// A digit as people type it, in whatever script.
fn decimal_digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
    }
    let code = u32::from(c);
    if MATHEMATICAL_DIGITS.contains(&code) {
        return u8::try_from((code - MATHEMATICAL_DIGITS.start()) % 10).ok();
    }
    let zero = ZEROS.into_iter().find(|zero| (*zero..zero + 10).contains(&code))?;
    u8::try_from(code - zero).ok()
}

fn run_has_card_number(groups: &[Vec<u8>]) -> bool {
    let is_card = |groups: &[Vec<u8>]| is_card_number(&groups.concat());
    let begins_in = |start: usize| {
        let row = groups[start..].iter().take_while(|group| group.len() >= GROUP_DIGITS_MIN).count();
        // No card number has more groups than this, at three digits each.
        let most = row.min(CARD_NUMBER_DIGITS_MAX / GROUP_DIGITS_MIN + 1);
        (1..=most).any(|count| is_card(&groups[start..start + count]))
    };
    (groups.len() <= CARD_NUMBER_DIGITS_MAX && is_card(groups)) || (0..groups.len()).any(begins_in)
}

fn is_card_number(digits: &[u8]) -> bool {
    if !(CARD_NUMBER_DIGITS_MIN..=CARD_NUMBER_DIGITS_MAX).contains(&digits.len()) {
        return false;
    }
    let prefix = digits[..4].iter().fold(0, |prefix: u32, digit| prefix * 10 + u32::from(*digit));
    let is_issued = matches!(
        prefix,
        2200..=2204 | 2221..=2720 | 3000..=3059 | 3095 | 3400..=3499 | 3528..=3999 | 4000..=5099 | 5100..=5999 | 6000..=6999
    );
    is_issued && luhn_holds(digits)
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
text!(/// A message to the customer on a document.
    DocumentMemo, 1000);
text!(/// What stands below everything else on a document.
    DocumentFooter, 2000);
text!(/// How to pay other than by a link, on a document.
    PaymentInstructions, 1000);
text!(/// A person's words on what was done about something that waited for one.
    OperatorNote, 500);
text!(/// A fact on a seller's letterhead, such as its number in a register.
    LetterheadText, 80);

impl From<Description> for DocumentMemo {
    /// What was fit for a description is for a memo, which is longer; it is not checked again, as it may be stored.
    fn from(description: Description) -> Self {
        const { assert!(Description::CHARS_MAX <= Self::CHARS_MAX) };
        Self(description.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_found_however_they_are_grouped() {
        for text in [
            "4242424242424242",
            "card 4242 4242 4242 4242 please",
            "4000-0000-0000-0002",
            "x378282246310005y",
            "4242 4242 4242 4242 12/28",
            "4242424242424242 123",
            "1 4242424242424242",
            "4242.4242.4242.4242",
            "4242/4242/4242/4242",
            "4242  4242  4242  4242",
            "4242 – 4242 – 4242 – 4242",
            "4242\u{200b}4242\u{200b}4242\u{200b}4242",
            "４２４２４２４２４２４２４２４２",
            "४२४२ ४२४२ ४२४२ ४२४२",
            "๔๒๔๒๔๒๔๒๔๒๔๒๔๒๔๒",
            "𝟒𝟐𝟒𝟐𝟜𝟚𝟜𝟚𝟦𝟤𝟦𝟤𝟺𝟸𝟺𝟸",
            "᱔᱒᱔᱒᱔᱒᱔᱒᱔᱒᱔᱒᱔᱒᱔᱒",
            "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
            "3782 822463 10005",
            "to 12345 or 5555 5555 5555 4444",
            "42424242-4242-4242-8242-424242424242 4242424242424242",
            "4242424242424242 a49525847f1e4318258555291c736625",
        ] {
            assert!(has_card_number(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in [
            "4242424242424241",
            "invoice 51910",
            "2026-11-24",
            "2026-11-24 12:30:45.123",
            "order 1234567890123456789012",
            "ocr 9912345678901",
            "+46 8 123 456 78, +46 8 876 543 21",
            "4242 4242 and 4242 4242",
            "42424242-4242-4242-8242-424242424242",
            "order 42424242-4242-4242-8242-424242424242 of 2026",
            "a49525847f1e4318858255291c736625",
            "42424242424242428242424242424242 of 2026",
        ] {
            assert!(!has_card_number(text), "{text}");
        }
        // Every second of a day is no card.
        for second in 0..86_400 {
            let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
            let text = format!("2026-11-24 {hour:02}:{minute:02}:{second:02}");
            assert!(!has_card_number(&text), "{text}");
        }
    }

    #[test]
    fn what_can_not_be_seen_is_refused() {
        for (text, rule) in [
            ("\u{200b}", "REQUIRED"),
            ("a\u{200b}b", "CONTROL_CHARACTER"),
            ("A\u{e0041}", "CONTROL_CHARACTER"),
            ("A\u{ffff}", "CONTROL_CHARACTER"),
            ("A\u{1fffe}", "CONTROL_CHARACTER"),
            ("A\u{1d173}B", "CONTROL_CHARACTER"),
            ("\u{ad}\u{61c}\u{3164}\u{fe0f}", "REQUIRED"),
            ("\u{202e}evil", "CONTROL_CHARACTER"),
            ("a\u{7}b", "CONTROL_CHARACTER"),
            (" \u{200d}\n", "REQUIRED"),
        ] {
            assert_eq!(Description::parse(text).unwrap_err().rule, rule, "{text:?}");
        }
        for text in ["👩\u{200d}🚀", "می\u{200c}خواهم", "two\nlines"] {
            assert!(Description::parse(text).is_ok(), "{text:?}");
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
