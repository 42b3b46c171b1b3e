//! Check digits: the arithmetic that tells a mistyped number from one that was issued. It knows no country and no kind of
//! number; whoever asks brings the weights.

/// The values of the ASCII digits of a text; all else is passed over.
pub(crate) fn digits(text: &str) -> Vec<u8> {
    text.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect()
}

/// The decimal number that the digits are, modulo `modulus`. No length overflows it.
pub(crate) fn remainder(digits: &[u8], modulus: u32) -> u32 {
    digits.iter().fold(0, |rest, digit| (rest * 10 + u32::from(*digit)) % modulus)
}

/// The sum of each digit times its weight, from the left; digits without a weight do not count.
pub(crate) fn weighted_sum(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

/// The check of ISO/IEC 7812-1, annex B, by Luhn.
pub(crate) fn luhn_holds(digits: &[u8]) -> bool {
    luhn_sum(digits, 10).is_multiple_of(10)
}

/// The sum of Luhn: from the right every second value is doubled, and of what is then beyond one place, the places are
/// added. `base` is 10 for digits, and 36 where letters count too.
pub(crate) fn luhn_sum(values: &[u8], base: u32) -> u32 {
    let value = |(index, value): (usize, &u8)| {
        let value = u32::from(*value) * if index % 2 == 1 { 2 } else { 1 };
        value / base + value % base
    };
    values.iter().rev().enumerate().map(value).sum()
}

/// The check of ISO/IEC 7064, MOD 11,10, whose last digit is the check digit.
pub(crate) fn mod_11_10_holds(digits: &[u8]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let product = body.iter().fold(10, |product, digit| {
        let sum = (product + u32::from(*digit)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (product + u32::from(*check)) % 10 == 1
}

/// The check of ISO/IEC 7064, MOD 97-10, over digits and letters; a letter counts as two digits, A as 10.
pub(crate) fn mod_97_10_holds(text: &str) -> bool {
    let rest = text.chars().try_fold(0, |rest, c| {
        let value = c.to_digit(36)?;
        Some((rest * if value > 9 { 100 } else { 10 } + value) % 97)
    });
    rest == Some(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every number of `body` with one digit behind it that a check lets pass.
    fn passing(body: &[u8], holds: fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
        let numbers = (0..10).map(|check| [body, &[check]].concat());
        numbers.filter(|number| holds(number)).collect()
    }

    #[test]
    fn published_examples_pass() {
        // ISO/IEC 7064 gives 0794 its check digit 5; the others are IBAN's example of ISO 13616 turned round, and a test card.
        assert!(mod_11_10_holds(&digits("07945")));
        assert!(mod_97_10_holds("WEST12345698765432GB82"));
        assert!(luhn_holds(&digits("4242424242424242")));
    }

    #[test]
    fn a_number_of_any_length_has_its_remainder() {
        // By Fermat, 10^96 leaves 1.
        let long = format!("1{}", "0".repeat(96));
        assert_eq!(remainder(&digits(&long), 97), 1);
        assert_eq!(remainder(&digits("12345678"), 97), 12_345_678 % 97);
    }

    proptest! {
        #[test]
        fn one_digit_alone_makes_a_number_pass_and_no_change_of_one_digit_does(
            body in proptest::collection::vec(0_u8..10, 1..20), at in any::<prop::sample::Index>(), by in 1_u8..10,
        ) {
            for holds in [luhn_holds, mod_11_10_holds] {
                let passing = passing(&body, holds);
                prop_assert_eq!(passing.len(), 1);
                let mut changed = passing[0].clone();
                let at = at.index(changed.len());
                changed[at] = (changed[at] + by) % 10;
                prop_assert!(!holds(&changed), "{:?}", changed);
            }
        }
    }
}
