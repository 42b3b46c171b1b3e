//! How postal codes of a country look. It knows no places: a code may look right and be nobody's.

/// By country: `9` stands for a digit, `A` for a letter, each form for the whole code without spaces and hyphens. The forms
/// are those of the Universal Postal Union's sheets of each country (<https://www.upu.int/en/Postal-Solutions>). What is
/// written in a country that is not here is taken as it is.
const FORMS: [(&str, &[&str]); 44] = [
    ("AT", &["9999"]),
    ("AU", &["9999"]),
    ("BE", &["9999"]),
    ("BG", &["9999"]),
    ("BR", &["99999999"]),
    ("CA", &["A9A9A9"]),
    ("CH", &["9999"]),
    ("CY", &["9999"]),
    ("CZ", &["99999"]),
    ("DE", &["99999"]),
    ("DK", &["9999"]),
    ("EE", &["99999"]),
    ("ES", &["99999"]),
    ("FI", &["99999"]),
    ("FR", &["99999"]),
    ("GB", &["A99AA", "A999AA", "AA99AA", "AA999AA", "A9A9AA", "AA9A9AA"]),
    ("GR", &["99999"]),
    ("HR", &["99999"]),
    ("HU", &["9999"]),
    ("IN", &["999999"]),
    ("IS", &["999"]),
    ("IT", &["99999"]),
    ("JP", &["9999999"]),
    ("KR", &["99999"]),
    ("LI", &["9999"]),
    ("LT", &["99999"]),
    ("LU", &["9999"]),
    ("LV", &["9999"]),
    ("MC", &["99999"]),
    ("MT", &["AAA9999"]),
    ("MX", &["99999"]),
    ("NL", &["9999AA"]),
    ("NO", &["9999"]),
    ("NZ", &["9999"]),
    ("PL", &["99999"]),
    ("PT", &["9999999"]),
    ("RO", &["999999"]),
    ("SE", &["99999"]),
    ("SG", &["999999"]),
    ("SI", &["9999"]),
    ("SK", &["99999"]),
    ("TR", &["99999"]),
    ("TW", &["999", "99999", "999999"]),
    ("US", &["99999", "999999999"]),
];

/// Whether a code looks like one of the country. Spaces, hyphens and small letters are as people write them, and so is the
/// country's own code before it, as on letters from abroad: `SE-111 22`.
pub(super) fn fits(country: &str, entered: &str) -> bool {
    let Some((_, forms)) = FORMS.iter().find(|(known, _)| *known == country) else { return true };
    let code: String = entered.trim().chars().filter(|c| !" -\u{a0}".contains(*c)).collect::<String>().to_uppercase();
    let is_one = |code: &str| forms.iter().any(|form| has_form(code, form));
    is_one(&code) || code.strip_prefix(country).is_some_and(is_one)
}

fn has_form(code: &str, form: &str) -> bool {
    let is_so = |(c, like): (u8, u8)| if like == b'9' { c.is_ascii_digit() } else { c.is_ascii_uppercase() };
    code.len() == form.len() && code.bytes().zip(form.bytes()).all(is_so)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postal_code_looks_as_in_its_country() {
        for (country, code, is_one) in [
            ("SE", "111 22", true),
            ("SE", "SE-111 22", true),
            ("SE", "1112", false),
            ("SE", "ABC 12", false),
            ("NO", "0154", true),
            ("NO", "111 22", false),
            ("GB", "sw1a 1aa", true),
            ("GB", "M1 1AE", true),
            ("GB", "10115", false),
            ("US", "94105", true),
            ("US", "94105-1234", true),
            ("US", "9410", false),
            ("CA", "K1A 0B1", true),
            ("CA", "K1A 0B", false),
            ("NL", "1012 AB", true),
            ("PL", "00-950", true),
            ("PT", "1000-001", true),
            ("DE", "１０１１５", false),
            ("CL", "what is not known here", true),
        ] {
            assert_eq!(fits(country, code), is_one, "{country} {code}");
        }
    }

    #[test]
    fn each_country_stands_there_once_in_order() {
        assert!(FORMS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
