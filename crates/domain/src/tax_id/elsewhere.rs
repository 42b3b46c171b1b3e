//! Tax ids of countries outside Europe: forms and check digits, each as its authority publishes them. Where the check is
//! not public (Singapore; Japan's registration numbers, which are corporate numbers for companies alone) or there is none
//! (the United States), the form alone is checked. This module must not know how an id is written or stored.

use isocountry::CountryCode;

use super::europe::norway;
use super::form::{BareForm, CountryForms, Form, Scope};
use crate::check_digit::{digits, luhn_holds, luhn_sum, remainder, weighted_sum};

const fn elsewhere(
    prefix: &'static str,
    country: CountryCode,
    expected: &'static str,
    forms: &'static [Form],
) -> CountryForms {
    CountryForms { prefix, country, scope: Scope::Elsewhere, expected, forms }
}

pub(super) const COUNTRIES_ELSEWHERE: [CountryForms; 8] = [
    elsewhere("AU", CountryCode::AUS, "AU and the 11 digits of the ABN", &[Form::new("ndddddddddd", australia)]),
    elsewhere(
        "NZ",
        CountryCode::NZL,
        "NZ and the 8 or 9 digits of the IRD number",
        &[Form::new("dddddddd", new_zealand), Form::new("ddddddddd", new_zealand)],
    ),
    elsewhere(
        "CA",
        CountryCode::CAN,
        "CA and the 9 digits of the business number, with RT and 4 digits or without",
        &[Form::new("ddddddddd", canada), Form::new("dddddddddRTdddd", canada)],
    ),
    elsewhere(
        "SG",
        CountryCode::SGP,
        "SG and the 9 or 10 characters of the UEN or the GST registration number",
        &[
            Form::new("dddddddda", |_| true),
            Form::new("ddddddddda", |_| true),
            Form::new("addaadddda", |_| true),
            Form::new("Mddddddddx", |_| true),
            Form::new("MRdddddddx", |_| true),
        ],
    ),
    elsewhere(
        "JP",
        CountryCode::JPN,
        "JP, T or nothing, and 13 digits",
        &[Form::new("Tddddddddddddd", |_| true), Form::new("ddddddddddddd", japanese_company)],
    ),
    elsewhere("IN", CountryCode::IND, "IN and the 15 characters of the GSTIN", &[Form::new("ddaaaaaddddaxZx", india)]),
    elsewhere(
        "BR",
        CountryCode::BRA,
        "BR and the 14 characters of the CNPJ or the 11 digits of the CPF",
        &[Form::new("xxxxxxxxxxxxdd", brazilian_company), Form::of_person("ddddddddddd", brazilian_person)],
    ),
    elsewhere("US", CountryCode::USA, "US and the 9 digits of the EIN", &[Form::new("ddddddddd", |_| true)]),
];

/// What is written without a prefix and can be nothing else.
pub(super) const BARE_FORMS: [BareForm; 4] = [
    BareForm { country: CountryCode::NOR, form: Form::new("dddddddddMVA", norway) },
    BareForm { country: CountryCode::CAN, form: Form::new("dddddddddRTdddd", canada) },
    BareForm { country: CountryCode::JPN, form: Form::new("Tddddddddddddd", |_| true) },
    BareForm { country: CountryCode::IND, form: Form::new("ddaaaaaddddaxZx", india) },
];

/// The Australian Business Register's: 1 is taken from the first digit, and the weighted sum is a multiple of 89. The two
/// check digits at the head are 11 to 99.
fn australia(number: &str) -> bool {
    let digits = digits(number);
    let sum = weighted_sum(&digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    remainder(&digits[..2], 100) > 10 && sum % 89 == 10
}

/// Inland Revenue's ("RWT and NRWT specification document"), with second weights where the first give 10; what gives 10 again
/// is not issued. Numbers lie between 10,000,000 and 200,000,000; the document of 2016 ended at 150,000,000, which it meant to
/// last for ten years. A number that a buyer tells its supplier is that of a business (Goods and Services Tax Act 1985,
/// s. 8BB(2)), though everybody who pays tax has one.
fn new_zealand(number: &str) -> bool {
    let digits = digits(&format!("{number:0>9}"));
    let check = |weights: &[u32]| (11 - weighted_sum(&digits[..8], weights) % 11) % 11;
    let check = match check(&[3, 2, 7, 6, 5, 4, 3, 2]) {
        10 => check(&[7, 4, 3, 2, 5, 2, 7, 6]),
        check => check,
    };
    (10_000_001..200_000_000).contains(&remainder(&digits, 1_000_000_000)) && check == u32::from(digits[8])
}

/// Nine digits, right by Luhn and not all of them noughts; the program account behind them does not count.
fn canada(number: &str) -> bool {
    let digits = digits(&number[..9]);
    digits.iter().any(|digit| *digit != 0) && luhn_holds(&digits)
}

/// The corporate number, whose first digit checks the other twelve (Ministry of Finance, ordinance 70 of 2014).
fn japanese_company(number: &str) -> bool {
    let digits = digits(number);
    9 - weighted_sum(&digits[1..], &[2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]) % 9 == u32::from(digits[0])
}

/// Luhn over digits and letters, to base 36.
fn india(number: &str) -> bool {
    let values: Vec<_> = number.chars().filter_map(|c| c.to_digit(36)).filter_map(|v| u8::try_from(v).ok()).collect();
    luhn_sum(&values, 36).is_multiple_of(36)
}

/// Receita Federal's; since July 2026 the first twelve may be letters, each counted as its place in ASCII less 48.
fn brazilian_company(number: &str) -> bool {
    let values: Vec<_> = number.bytes().map(|b| b - b'0').collect();
    let first = brazilian_check(&values[..12], &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
    let second = brazilian_check(&values[..13], &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
    [first, second] == [u32::from(values[12]), u32::from(values[13])]
}

/// Receita Federal's, in the register of natural persons (Cadastro de Pessoas Físicas), where everybody is; eleven times the
/// same digit passes and is not issued.
fn brazilian_person(number: &str) -> bool {
    let digits = digits(number);
    let first = brazilian_check(&digits[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    let second = brazilian_check(&digits[..10], &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    let is_varied = digits.iter().any(|digit| *digit != digits[0]);
    is_varied && [first, second] == [u32::from(digits[9]), u32::from(digits[10])]
}

fn brazilian_check(values: &[u8], weights: &[u32]) -> u32 {
    (11 - weighted_sum(values, weights) % 11) % 11 % 10
}
