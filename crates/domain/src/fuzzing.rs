//! Rules that hold for whatever bytes come in, for fuzzing and for the tests that do the same in small: nothing panics, and
//! what is accepted is accepted again as it was written down.

use std::fmt::Debug;

use rust_decimal::Decimal;
use url::Url;

use crate::bank_account::{Bankgiro, Bic, Iban};
use crate::catalog::{Code, PercentOff};
use crate::locale::Locale;
use crate::money::{Currency, Money, Quantity, UnitPrice};
use crate::party::{Country, Email};
use crate::redirect::{RedirectPolicy, RedirectUrl};
use crate::tax::{Percentage, TaxCode};
use crate::tax_id::TaxId;
use crate::text::{Description, has_card_number};
use crate::validation::Invalid;

/// Amounts, quantities and rates, from a decimal and a currency that are parted by a space.
pub fn figures(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (number, code) = text.split_once(' ').unwrap_or((&text, "SEK"));
    let currency = Currency::parse(code);
    if let Ok(currency) = currency {
        assert_eq!(Currency::parse(currency.code()), Ok(currency));
    }
    if let Ok(Ok(quantity)) = number.parse().map(Quantity::parse) {
        assert_eq!(Quantity::parse(quantity.get().into()), Ok(quantity));
    }
    let Ok(decimal) = number.parse::<Decimal>() else { return };
    if let Ok(percentage) = Percentage::parse(decimal) {
        assert_eq!(Percentage::parse(percentage.percent()), Ok(percentage));
    }
    if let Ok(percent) = PercentOff::parse(decimal) {
        assert_eq!(PercentOff::parse(percent.percent()), Ok(percent));
    }
    let Ok(currency) = currency else { return };
    let Ok(price) = UnitPrice::parse(decimal, currency) else { return };
    let again = price.minor().to_string().parse().map(|minor| UnitPrice::parse(minor, price.currency()));
    assert_eq!(again.ok(), Some(Ok(price)));
    for pieces in [1, 3, i64::from(u32::MAX)] {
        let Ok(Ok(total)) = Quantity::parse(pieces).map(|quantity| price.times(quantity)) else { continue };
        assert!((0..=Money::MINOR_MAX).contains(&total.minor()), "{total:?}");
    }
}

/// What names persons, companies and accounts: tax ids, addresses of mail, countries, languages, accounts and codes.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    again(&text, TaxId::parse, |it| it.as_str().to_owned());
    again(&text, Email::parse, |it| it.as_str().to_owned());
    again(&text, Country::parse, Country::to_string);
    again(&text, Locale::parse, |it| it.as_str().to_owned());
    again(&text, TaxCode::parse, |it| it.as_str().to_owned());
    again(&text, Code::parse, |it| it.as_str().to_owned());
    again(&text, Iban::parse, Iban::to_string);
    again(&text, Bic::parse, Bic::to_string);
    again(&text, Bankgiro::parse, Bankgiro::to_string);
    again(&text, Description::parse, |it| it.as_str().to_owned());
    if let Ok(description) = Description::parse(&text) {
        assert!(!has_card_number(description.as_str()), "{description}");
    }
}

/// URLs to which a browser is sent, held to hosts that are allowed.
pub fn redirects(data: &[u8]) {
    const HOST: &str = "shop.example.com";
    const BELOW: &str = ".example.net";
    let text = String::from_utf8_lossy(data);
    let Ok(policy) = RedirectPolicy::parse(&[HOST.to_owned(), format!("*{BELOW}")]) else { return };
    let Ok(url) = RedirectUrl::parse(&text, &policy) else { return };
    assert_eq!(RedirectUrl::parse(url.as_str(), &policy).ok().as_ref(), Some(&url));
    // As a browser reads it: the standard that it follows is that of this parser.
    let read = Url::parse(url.as_str());
    let host = read.as_ref().ok().and_then(Url::host_str).unwrap_or_default().trim_end_matches('.').to_owned();
    assert!(host == HOST || host.ends_with(BELOW), "{url:?} leads to {host}");
    assert!(read.is_ok_and(|url| url.scheme() == "https" && url.username().is_empty() && url.password().is_none()));
}

fn again<T: PartialEq + Debug>(text: &str, parse: impl Fn(&str) -> Result<T, Invalid>, written: impl Fn(&T) -> String) {
    if let Ok(value) = parse(text) {
        assert_eq!(parse(&written(&value)).as_ref(), Ok(&value), "{text:?}");
    }
}
