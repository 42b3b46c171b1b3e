//! Our codes for kinds of products in Stripe's. It knows no rates: what a kind is taxed by is Stripe's to say.

use domain::tax::TaxCode;

/// Stripe's code for each of ours that it has the same thing for, by its published list of product tax codes.
const CODES: [(&str, &str); 14] = [
    ("goods", "txcd_99999999"),
    ("electronic_service", "txcd_10000000"),
    ("service", "txcd_20030000"),
    ("nontaxable", "txcd_00000000"),
    ("book", "txcd_35010000"),
    ("ebook", "txcd_10302000"),
    ("newspaper", "txcd_35020100"),
    ("periodical", "txcd_35020200"),
    ("e_newspaper", "txcd_10304000"),
    ("e_periodical", "txcd_10303000"),
    ("food", "txcd_40040000"),
    ("restaurant_meal", "txcd_40060003"),
    ("medicine", "txcd_32020002"),
    ("childrens_clothing", "txcd_30011200"),
];

/// Stripe's code for a kind of product: one of its own as it is, and ours where it has the same thing.
pub(crate) fn stripe_code(code: &TaxCode) -> Option<&str> {
    let ours = code.as_str();
    if ours.starts_with("txcd_") {
        return Some(ours);
    }
    CODES.iter().find(|(name, _)| *name == ours).map(|(_, theirs)| *theirs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_stripes_own_or_has_one_of_its_or_is_unknown() {
        let check = |code: &str, want: Option<&str>| {
            assert_eq!(stripe_code(&TaxCode::parse(code).unwrap()), want, "{code}");
        };
        check("ebook", Some("txcd_10302000"));
        check("txcd_12345678", Some("txcd_12345678"));
        check("accommodation", None);
        check("EBOOK", None);
    }

    #[test]
    fn every_code_of_ours_and_of_stripes_stands_there_once_and_well_formed() {
        for (index, (ours, theirs)) in CODES.iter().enumerate() {
            assert!(TaxCode::parse(ours).is_ok(), "{ours}");
            let digits = theirs.strip_prefix("txcd_").unwrap();
            assert!(digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit()), "{theirs}");
            assert!(CODES[..index].iter().all(|(name, code)| name != ours && code != theirs), "{ours}");
        }
    }
}
