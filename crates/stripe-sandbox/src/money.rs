//! Stripe's own rules on amounts, as its documentation on currencies has them.

use crate::error::ApiError;

/// Currencies whose amounts have no decimals at Stripe.
const ZERO_DECIMAL: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];
/// Currencies whose amounts have three decimals at Stripe, the last of them 0.
const THREE_DECIMAL: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];
/// Currencies whose amounts have two decimals at Stripe, both of them 0.
const WHOLE_ONLY: [&str; 2] = ["isk", "ugx"];
/// The currencies that can be charged, over all countries.
const CURRENCIES: &str = "\
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad \
    cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd \
    hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl \
    mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg \
    qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah \
    ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw";
/// The largest amount: eight digits.
pub(crate) const AMOUNT_MAX: i64 = 99_999_999;

/// Decimals of an amount.
pub(crate) fn decimals(currency: &str) -> u32 {
    if ZERO_DECIMAL.contains(&currency) {
        0
    } else if THREE_DECIMAL.contains(&currency) {
        3
    } else {
        2
    }
}

/// The smallest charge of a currency, where Stripe documents one.
pub(crate) fn minimum(currency: &str) -> i64 {
    match currency {
        "usd" | "eur" | "chf" | "aud" | "cad" | "nzd" | "sgd" | "jpy" => 50,
        "sek" | "nok" => 300,
        "dkk" => 250,
        "gbp" => 30,
        "pln" => 200,
        "czk" => 1_500,
        "huf" => 17_500,
        "mxn" => 1_000,
        _ => 1,
    }
}

/// The step in which amounts can be charged, in Stripe's minor units.
pub(crate) fn charge_increment(currency: &str) -> i64 {
    if THREE_DECIMAL.contains(&currency) {
        10
    } else if WHOLE_ONLY.contains(&currency) {
        100
    } else {
        1
    }
}

/// Checks the total of a charge; nothing to pay is a total, too.
pub(crate) fn check_total(total: i64, currency: &str) -> Result<(), ApiError> {
    if total != 0 && total < minimum(currency) {
        let message = format!(
            "The total amount due must add up to at least {} {currency} in its smallest unit.",
            minimum(currency)
        );
        return Err(ApiError::invalid(message).code("amount_too_small"));
    }
    if total > AMOUNT_MAX {
        return Err(ApiError::invalid("The total amount due is too large.").code("amount_too_large"));
    }
    let increment = charge_increment(currency);
    if total % increment != 0 {
        return Err(ApiError::invalid(format!("Amounts in {currency} must be divisible by {increment}."))
            .code("amount_invalid"));
    }
    Ok(())
}

/// Checks a currency's code.
pub(crate) fn check_currency(currency: &str, param: &str) -> Result<String, ApiError> {
    let lower = currency.to_ascii_lowercase();
    if CURRENCIES.split(' ').any(|known| known == lower) {
        return Ok(lower);
    }
    Err(ApiError::invalid(format!("Invalid currency: {lower}. Stripe takes these: {CURRENCIES}.")).param(param))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_one_that_stripe_takes() {
        assert_eq!(check_currency("SEK", "currency").unwrap(), "sek");
        for wrong in ["xxx", "xau", "se", "", "sek nok"] {
            assert!(check_currency(wrong, "currency").is_err(), "{wrong}");
        }
        let others = ZERO_DECIMAL.iter().chain(&THREE_DECIMAL).chain(&WHOLE_ONLY);
        assert!(others.into_iter().all(|currency| check_currency(currency, "currency").is_ok()));
    }

    #[test]
    fn totals_are_held_to_the_rules_of_their_currency() {
        assert!(check_total(300, "sek").is_ok());
        assert!(check_total(299, "sek").is_err() && check_total(0, "sek").is_ok());
        assert!(check_total(100_000_000, "sek").is_err());
        assert!(check_total(1_005, "kwd").is_err() && check_total(1_010, "kwd").is_ok());
        assert!(check_total(150, "isk").is_err() && check_total(200, "isk").is_ok());
    }
}
