//! VAT ids of the EU, and those of its neighbours: forms and check digits.
//!
//! The forms are those that VIES lists for each member state. The algorithms of the member states are those that the
//! European Commission gave to its members' administrations for VIES, and that are public since; where a country publishes
//! its own, it is named at its rule. Parts of a number that can be impossible, such as a date of birth, count like check
//! digits. This module must not know how an id is written or stored.

use isocountry::CountryCode;
use time::{Date, Month};

use super::form::{CountryForms, Form, Scope};
use crate::check_digit::{digits, luhn_holds, luhn_sum, mod_11_10_holds, mod_97_10_holds, remainder, weighted_sum};

const fn member(
    prefix: &'static str,
    country: CountryCode,
    expected: &'static str,
    forms: &'static [Form],
) -> CountryForms {
    CountryForms { prefix, country, scope: Scope::MemberState, expected, forms }
}

pub(super) const MEMBER_STATES: [CountryForms; 27] = [
    member("AT", CountryCode::AUT, "ATU and 8 digits", &[Form::new("Udddddddd", austria)]),
    member(
        "BE",
        CountryCode::BEL,
        "BE, 0 or 1, and 9 digits",
        &[Form::new("0ddddddddd", belgium), Form::new("1ddddddddd", belgium)],
    ),
    member(
        "BG",
        CountryCode::BGR,
        "BG and 9 or 10 digits",
        &[Form::new("ddddddddd", bulgarian_company), Form::new("dddddddddd", bulgarian_person)],
    ),
    member("CY", CountryCode::CYP, "CY, 8 digits and a letter", &[Form::new("dddddddda", cyprus)]),
    member(
        "CZ",
        CountryCode::CZE,
        "CZ and 8, 9 or 10 digits",
        &[
            Form::new("dddddddd", czech_company),
            Form::new("6dddddddd", czech_special),
            Form::new("ddddddddd", czech_person),
            Form::new("dddddddddd", czech_person),
        ],
    ),
    member("DE", CountryCode::DEU, "DE and 9 digits, of which the first is not 0", &[Form::new("ndddddddd", germany)]),
    member("DK", CountryCode::DNK, "DK and 8 digits, of which the first is not 0", &[Form::new("nddddddd", denmark)]),
    member("EE", CountryCode::EST, "EE and 9 digits", &[Form::new("ddddddddd", estonia)]),
    member("EL", CountryCode::GRC, "EL (not GR) and 9 digits", &[Form::new("ddddddddd", greece)]),
    member(
        "ES",
        CountryCode::ESP,
        "ES and 9 characters, of which the first or the last or both are letters",
        &[
            Form::new("dddddddda", spanish_citizen),
            Form::new("addddddda", spanish_letter),
            Form::new("adddddddd", spanish_letter),
        ],
    ),
    member("FI", CountryCode::FIN, "FI and 8 digits", &[Form::new("dddddddd", finland)]),
    member("FR", CountryCode::FRA, "FR, 2 letters or digits, and 9 digits", &[Form::new("xxddddddddd", france)]),
    member("HR", CountryCode::HRV, "HR and 11 digits", &[Form::new("ddddddddddd", croatia)]),
    member("HU", CountryCode::HUN, "HU and 8 digits", &[Form::new("dddddddd", hungary)]),
    member(
        "IE",
        CountryCode::IRL,
        "IE, 7 digits and 1 or 2 letters (in old ids the second digit is a letter)",
        &[Form::new("ddddddda", ireland), Form::new("dddddddaa", ireland), Form::new("dsddddda", ireland_old)],
    ),
    member("IT", CountryCode::ITA, "IT and 11 digits", &[Form::new("ddddddddddd", italy)]),
    member(
        "LT",
        CountryCode::LTU,
        "LT and 9 or 12 digits, of which the last but one is 1",
        &[Form::new("ddddddd1d", lithuania), Form::new("dddddddddd1d", lithuania)],
    ),
    member("LU", CountryCode::LUX, "LU and 8 digits", &[Form::new("dddddddd", luxembourg)]),
    member("LV", CountryCode::LVA, "LV and 11 digits", &[Form::new("ddddddddddd", latvia)]),
    member("MT", CountryCode::MLT, "MT and 8 digits, of which the first is not 0", &[Form::new("nddddddd", malta)]),
    member("NL", CountryCode::NLD, "NL, 9 digits, B and 2 digits", &[Form::new("dddddddddBdd", netherlands)]),
    member("PL", CountryCode::POL, "PL and 10 digits", &[Form::new("dddddddddd", poland)]),
    member("PT", CountryCode::PRT, "PT and 9 digits, of which the first is not 0", &[Form::new("ndddddddd", portugal)]),
    member(
        "RO",
        CountryCode::ROU,
        "RO and 2 to 10 digits, of which the first is not 0",
        &[
            Form::new("nd", romania),
            Form::new("ndd", romania),
            Form::new("nddd", romania),
            Form::new("ndddd", romania),
            Form::new("nddddd", romania),
            Form::new("ndddddd", romania),
            Form::new("nddddddd", romania),
            Form::new("ndddddddd", romania),
            Form::new("nddddddddd", romania),
        ],
    ),
    member("SE", CountryCode::SWE, "SE, 10 digits and 01", &[Form::new("dddddddddd01", sweden)]),
    member("SI", CountryCode::SVN, "SI and 8 digits, of which the first is not 0", &[Form::new("nddddddd", slovenia)]),
    member(
        "SK",
        CountryCode::SVK,
        "SK and 10 digits, of which the first is not 0",
        &[Form::new("nddddddddd", slovakia)],
    ),
];

const BRITISH_FORMS: &[Form] = &[
    Form::new("ddddddddd", britain),
    Form::new("dddddddddddd", britain),
    Form::new("GDddd", |number| number < "GD500"),
    Form::new("HAddd", |number| number >= "HA500"),
];

pub(super) const COUNTRIES_OF_EUROPE: [CountryForms; 7] = [
    // No id has the code that ISO gives Greece, though many a form asks for it.
    CountryForms {
        prefix: "GR",
        country: CountryCode::GRC,
        scope: Scope::Elsewhere,
        expected: "EL (not GR) and 9 digits",
        forms: &[],
    },
    CountryForms {
        prefix: "XI",
        country: CountryCode::GBR,
        scope: Scope::NorthernIreland,
        expected: "XI and 9 or 12 digits, or GD or HA and 3 digits",
        forms: BRITISH_FORMS,
    },
    CountryForms {
        prefix: "GB",
        country: CountryCode::GBR,
        scope: Scope::Elsewhere,
        expected: "GB and 9 or 12 digits, or GD or HA and 3 digits",
        forms: BRITISH_FORMS,
    },
    CountryForms {
        prefix: "CH",
        country: CountryCode::CHE,
        scope: Scope::Elsewhere,
        expected: "CHE, 9 digits, and MWST, TVA, IVA, TPV or nothing",
        forms: &[
            Form::new("Eddddddddd", switzerland),
            Form::new("EdddddddddMWST", switzerland),
            Form::new("EdddddddddTVA", switzerland),
            Form::new("EdddddddddIVA", switzerland),
            Form::new("EdddddddddTPV", switzerland),
        ],
    },
    CountryForms {
        prefix: "NO",
        country: CountryCode::NOR,
        scope: Scope::Elsewhere,
        expected: "NO, 9 digits and MVA",
        forms: &[Form::new("dddddddddMVA", norway)],
    },
    CountryForms {
        prefix: "IS",
        country: CountryCode::ISL,
        scope: Scope::Elsewhere,
        expected: "IS and 5 or 6 digits",
        // These numbers are counted up and have no check digit.
        forms: &[Form::new("ddddd", |_| true), Form::new("dddddd", |_| true)],
    },
    CountryForms {
        prefix: "TR",
        country: CountryCode::TUR,
        scope: Scope::Elsewhere,
        expected: "TR and 10 digits, or the 11 of a person",
        forms: &[Form::new("dddddddddd", turkish_company), Form::of_person("ndddddddddd", turkish_person)],
    },
];

fn austria(number: &str) -> bool {
    let digits = digits(number);
    (luhn_sum(&digits[..7], 10) + 4 + u32::from(digits[7])).is_multiple_of(10)
}

/// 97 less the remainder of the first eight digits, so 97 itself and never 00.
fn belgium(number: &str) -> bool {
    let digits = digits(number);
    97 - remainder(&digits[..8], 97) == remainder(&digits[8..], 100)
}

fn bulgarian_company(number: &str) -> bool {
    let digits = digits(number);
    let first = weighted_sum(&digits[..8], &[1, 2, 3, 4, 5, 6, 7, 8]) % 11;
    let second = weighted_sum(&digits[..8], &[3, 4, 5, 6, 7, 8, 9, 10]) % 11 % 10;
    u32::from(digits[8]) == if first == 10 { second } else { first }
}

/// The number of a Bulgarian, of a foreigner who lives there, or of somebody else: each has its own weights.
fn bulgarian_person(number: &str) -> bool {
    let digits = digits(number);
    let check = u32::from(digits[9]);
    let citizen = weighted_sum(&digits, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    let foreigner = weighted_sum(&digits, &[21, 19, 17, 13, 11, 9, 7, 3, 1]) % 10;
    let other = (weighted_sum(&digits, &[4, 3, 2, 7, 6, 5, 4, 3, 2]) + check) % 11;
    (check == citizen && is_bulgarian_birth(&digits)) || check == foreigner || other == 0
}

/// The month has 20 added for those born before 1900, and 40 from 2000 on.
fn is_bulgarian_birth(digits: &[u8]) -> bool {
    let [year, month, day] = [two(digits, 0), two(digits, 2), two(digits, 4)];
    match month {
        1..=12 => is_date(1900 + year, month, day),
        21..=32 => is_date(1800 + year, month - 20, day),
        41..=52 => is_date(2000 + year, month - 40, day),
        _ => false,
    }
}

/// Digits in odd places count by a table, as in Italy's codice fiscale, and numbers with 12 at the head were never issued.
fn cyprus(number: &str) -> bool {
    const ODD_PLACES: [u32; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    let digits = digits(number);
    let value = |(index, digit): (usize, &u8)| match index % 2 {
        0 => ODD_PLACES[usize::from(*digit)],
        _ => u32::from(*digit),
    };
    let sum: u32 = digits.iter().enumerate().map(value).sum();
    !number.starts_with("12") && letter(number) == char::from_digit(10 + sum % 26, 36).map(|c| c.to_ascii_uppercase())
}

fn czech_company(number: &str) -> bool {
    let digits = digits(number);
    let check = match 11 - weighted_sum(&digits[..7], &[8, 7, 6, 5, 4, 3, 2]) % 11 {
        10 => 0,
        11 => 1,
        check => check,
    };
    !number.starts_with('9') && u32::from(digits[7]) == check
}

/// A taxable person without a number of birth: 6, seven digits, and the check digit.
fn czech_special(number: &str) -> bool {
    let digits = digits(number);
    // What is missing to the next multiple of 11, from 1 to 11, is told by 8 down to 0, 9 and 8.
    let check = match 11 - weighted_sum(&digits[1..8], &[8, 7, 6, 5, 4, 3, 2]) % 11 {
        11 => 8,
        10 => 9,
        missing => 9 - missing,
    };
    u32::from(digits[8]) == check
}

/// The number of birth: nine digits without a check until 1953, ten since. Women have 50 added to the month, and 20 is
/// added where a day's numbers have run out.
fn czech_person(number: &str) -> bool {
    let digits = digits(number);
    let [year, month, day] = [two(&digits, 0), two(&digits, 2), two(&digits, 4)];
    let is_old = digits.len() == 9;
    let month = match month {
        1..=12 => month,
        51..=62 => month - 50,
        21..=32 if !is_old => month - 20,
        71..=82 if !is_old => month - 70,
        _ => return false,
    };
    if is_old {
        return match year {
            0..=53 => is_date(1900 + year, month, day),
            80..=99 => is_date(1800 + year, month, day),
            _ => false,
        };
    }
    let year = if year < 54 { 2000 + year } else { 1900 + year };
    // Until 1985 a remainder of 10 was written as 0.
    is_date(year, month, day) && remainder(&digits[..9], 11) % 10 == u32::from(digits[9])
}

fn germany(number: &str) -> bool {
    mod_11_10_holds(&digits(number))
}

fn denmark(number: &str) -> bool {
    weighted_sum(&digits(number), &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

fn estonia(number: &str) -> bool {
    weighted_sum(&digits(number), &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

fn greece(number: &str) -> bool {
    let digits = digits(number);
    weighted_sum(&digits[..8], &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == u32::from(digits[8])
}

/// The letter of a DNI (Real Decreto 1553/2005, article 11): the number modulo 23 is its place here.
const SPANISH_LETTERS: [char; 23] =
    ['T', 'R', 'W', 'A', 'G', 'M', 'Y', 'F', 'P', 'D', 'X', 'B', 'N', 'J', 'Z', 'S', 'Q', 'V', 'H', 'L', 'C', 'K', 'E'];

fn spanish_citizen(number: &str) -> bool {
    has_spanish_letter(&digits(number), number)
}

fn has_spanish_letter(digits: &[u8], number: &str) -> bool {
    SPANISH_LETTERS.iter().zip(0..).find(|(_, place)| *place == remainder(digits, 23)).map(|(c, _)| *c)
        == letter(number)
}

/// What begins with a letter: a foreigner (X, Y, Z), a citizen without DNI (K, L) or a foreigner without NIE (M), or an
/// organization (Orden EHA/451/2008).
fn spanish_letter(number: &str) -> bool {
    let digits = digits(number);
    match number.chars().next() {
        // X stands for 0 before the digits, Y for 1 and Z for 2.
        Some('K' | 'L' | 'M' | 'X') => has_spanish_letter(&digits, number),
        Some('Y') => has_spanish_letter(&[&[1], &digits[..]].concat(), number),
        Some('Z') => has_spanish_letter(&[&[2], &digits[..]].concat(), number),
        Some('A'..='H' | 'J' | 'N' | 'P'..='S' | 'U'..='W') => is_spanish_organization(&digits, number),
        _ => false,
    }
}

/// The check is a digit by Luhn or the letter that stands for it. Which of them depends on the kind of organization, and
/// sources differ about some, so either is let pass.
fn is_spanish_organization(digits: &[u8], number: &str) -> bool {
    const LETTERS: [char; 10] = ['J', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I'];
    let check = match letter(number) {
        Some(letter) => LETTERS.iter().zip(0..).find(|(c, _)| **c == letter).map(|(_, check)| check),
        None => digits.last().copied(),
    };
    check.is_some_and(|check| luhn_holds(&[&digits[..7], &[check]].concat()))
}

fn finland(number: &str) -> bool {
    weighted_sum(&digits(number), &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11)
}

/// Two characters of a key, and the SIREN, which is right by Luhn; in Monaco it begins with 000 and need not be. The key
/// is of digits, or has a letter other than I and O.
fn france(number: &str) -> bool {
    let (key, siren) = number.split_at(2);
    let siren = digits(siren);
    let is_blank = siren.iter().all(|digit| *digit == 0);
    if is_blank || (!siren.starts_with(&[0, 0, 0]) && !luhn_holds(&siren)) {
        return false;
    }
    if let Ok(key) = key.parse::<u32>() {
        return key == (12 + 3 * remainder(&siren, 97)) % 97;
    }
    let value = |c: char| match c {
        'I' | 'O' => None,
        // The alphabet has neither of them.
        'J'..='N' => c.to_digit(36).map(|value| value - 1),
        'P'..='Z' => c.to_digit(36).map(|value| value - 2),
        _ => c.to_digit(36),
    };
    let values: Option<Vec<_>> = key.chars().map(value).collect();
    let Some(&[first, second]) = values.as_deref() else { return false };
    // A key with a letter is at least 10 or 100 by these products.
    let key = if first < 10 { first * 24 + second - 10 } else { first * 34 + second - 100 };
    (remainder(&siren, 11) + 1 + key / 11) % 11 == key % 11
}

fn croatia(number: &str) -> bool {
    mod_11_10_holds(&digits(number))
}

fn hungary(number: &str) -> bool {
    weighted_sum(&digits(number), &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10)
}

/// Letters by their place: W is 0, A is 1, and V is 22.
fn irish_value(c: char) -> Option<u32> {
    match c {
        'W' => Some(0),
        'A'..='V' => Some(u32::from(c) - u32::from('A') + 1),
        _ => None,
    }
}

/// Seven digits, the check letter, and since 2013 maybe another letter, which counts nine times.
fn ireland(number: &str) -> bool {
    let mut letters = number.chars().skip(7);
    let check = letters.next().and_then(irish_value);
    let Some(second) = letters.next().map_or(Some(0), irish_value) else { return false };
    check == Some((weighted_sum(&digits(number), &[8, 7, 6, 5, 4, 3, 2]) + 9 * second) % 23)
}

/// Until 2013: a digit, a letter or sign, five digits and the check letter. The first digit counts last.
fn ireland_old(number: &str) -> bool {
    letter(number).and_then(irish_value) == Some(weighted_sum(&digits(number), &[2, 7, 6, 5, 4, 3]) % 23)
}

/// Seven digits for the person, three for the office, and the check digit by Luhn.
fn italy(number: &str) -> bool {
    let digits = digits(number);
    let office = remainder(&digits[7..10], 1000);
    digits[..7].iter().any(|digit| *digit != 0)
        && matches!(office, 1..=100 | 120 | 121 | 888 | 999)
        && luhn_holds(&digits)
}

fn lithuania(number: &str) -> bool {
    let digits = digits(number);
    let Some((check, body)) = digits.split_last() else { return false };
    let first = weighted_sum(body, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2]) % 11;
    let second = weighted_sum(body, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4]) % 11 % 10;
    let is_blank = body[..body.len() - 1].iter().all(|digit| *digit == 0);
    !is_blank && u32::from(*check) == if first == 10 { second } else { first }
}

fn luxembourg(number: &str) -> bool {
    let digits = digits(number);
    remainder(&digits[..6], 89) == remainder(&digits[6..], 100)
}

/// From 4 on the number is a company's; below it is a person's code, which begins with the day of birth. Since July 2017 a code
/// begins with 32 to 39 and is random from there on, so that nothing checks it (Office of Citizenship and Migration Affairs,
/// "Personas koda maiņa").
fn latvia(number: &str) -> bool {
    let digits = digits(number);
    if digits[0] > 3 {
        return weighted_sum(&digits, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1]) % 11 == 3;
    }
    let [day, month, year] = [two(&digits, 0), two(&digits, 2), two(&digits, 4)];
    let check = (1 + weighted_sum(&digits, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9])) % 11 % 10;
    let is_born = is_date(1800 + 100 * i32::from(digits[6]) + year, month, day);
    day >= 32 || (is_born && check == u32::from(digits[10]))
}

fn malta(number: &str) -> bool {
    let digits = digits(number);
    37 - weighted_sum(&digits, &[3, 4, 6, 7, 8, 9]) % 37 == remainder(&digits[6..], 100)
}

/// A company's number is right by its nine digits alone (the *elfproef*); that of a sole trader, since 2020, by the whole
/// id with NL, by ISO/IEC 7064, MOD 97-10. The digits behind the B count from 01.
fn netherlands(number: &str) -> bool {
    let digits = digits(number);
    // The last weight is -1.
    let is_company = weighted_sum(&digits, &[9, 8, 7, 6, 5, 4, 3, 2, 10]).is_multiple_of(11);
    let has_parts = remainder(&digits[..9], 1_000_000_000) > 0 && !number.ends_with("00");
    has_parts && (is_company || mod_97_10_holds(&format!("NL{number}")))
}

fn poland(number: &str) -> bool {
    let digits = digits(number);
    weighted_sum(&digits, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == u32::from(digits[9])
}

fn portugal(number: &str) -> bool {
    let digits = digits(number);
    (11 - weighted_sum(&digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10 == u32::from(digits[8])
}

/// The weights belong to the places from the right.
fn romania(number: &str) -> bool {
    const WEIGHTS: [u32; 9] = [7, 5, 3, 2, 1, 7, 5, 3, 2];
    let digits = digits(number);
    let Some((check, body)) = digits.split_last() else { return false };
    let sum = weighted_sum(body, &WEIGHTS[WEIGHTS.len() - body.len()..]);
    sum * 10 % 11 % 10 == u32::from(*check)
}

/// The number of a company or a person, right by Luhn, and 01.
fn sweden(number: &str) -> bool {
    luhn_holds(&digits(number)[..10])
}

fn slovenia(number: &str) -> bool {
    let digits = digits(number);
    // 11 has no digit, and such numbers are not issued.
    let check = 11 - weighted_sum(&digits, &[8, 7, 6, 5, 4, 3, 2]) % 11;
    u32::from(digits[7]) == if check == 10 { 0 } else { check }
}

fn slovakia(number: &str) -> bool {
    let digits = digits(number);
    matches!(digits[2], 2..=4 | 7..=9) && remainder(&digits, 11) == 0
}

/// HMRC's two checks, *97* and, for numbers from 100 on, *9755*; three digits of a branch do not count.
fn britain(number: &str) -> bool {
    let digits = digits(number);
    let check = remainder(&digits[7..9], 100);
    let sum = weighted_sum(&digits[..7], &[8, 7, 6, 5, 4, 3, 2]) + check;
    let is_new = digits[0] > 0 && (sum + 55).is_multiple_of(97);
    check <= 97 && digits[..7].iter().any(|digit| *digit != 0) && (sum.is_multiple_of(97) || is_new)
}

/// The UID's check digit (eCH-0097); a remainder that would need 10 is not issued.
fn switzerland(number: &str) -> bool {
    weighted_sum(&digits(number), &[5, 4, 3, 2, 7, 6, 5, 4, 1]).is_multiple_of(11)
}

/// The organization number of Brønnøysundregistrene.
pub(super) fn norway(number: &str) -> bool {
    weighted_sum(&digits(number), &[3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

fn turkish_company(number: &str) -> bool {
    let digits = digits(number);
    let value = |(place, digit): (u32, &u8)| {
        let shifted = (u32::from(*digit) + place) % 10;
        match shifted * 2_u32.pow(place) % 9 {
            0 if shifted > 0 => 9,
            value => value,
        }
    };
    let sum: u32 = (1..=9).rev().zip(&digits[..9]).map(value).sum();
    (sum + u32::from(digits[9])).is_multiple_of(10)
}

/// The number of a citizen or of a foreigner who lives there (Law 5490 on civil registration, art. 46 and 47): everybody has
/// one.
fn turkish_person(number: &str) -> bool {
    let digits = digits(number);
    // 9 stands for -1.
    let tenth = weighted_sum(&digits, &[7, 9, 7, 9, 7, 9, 7, 9, 7]) % 10;
    let eleventh = weighted_sum(&digits, &[1; 10]) % 10;
    [tenth, eleventh] == [u32::from(digits[9]), u32::from(digits[10])]
}

/// The letter at the end, where there is one.
fn letter(number: &str) -> Option<char> {
    number.chars().next_back().filter(char::is_ascii_uppercase)
}

/// The number of two digits that begins there.
fn two(digits: &[u8], at: usize) -> i32 {
    i32::from(digits[at]) * 10 + i32::from(digits[at + 1])
}

fn is_date(year: i32, month: i32, day: i32) -> bool {
    let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok());
    let date = month.zip(u8::try_from(day).ok()).map(|(month, day)| Date::from_calendar_date(year, month, day));
    matches!(date, Some(Ok(_)))
}
