//! What is taken for a tax id, of which country, and which slips of the hand are seen.

use proptest::prelude::*;

use super::*;

/// What a change of one digit to another does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slip {
    /// Always seen.
    Seen,
    /// Seen mostly: two sets of weights, or two values that share a check digit.
    Mostly,
    /// Nothing checks the digits.
    Unseen,
}
use Slip::{Mostly, Seen, Unseen};

/// Two ids of each form.
const EXAMPLES: [([&str; 2], &str, Slip); 78] = [
    (["ATU13585627", "ATU39099603"], "AT", Seen),
    (["BE0428759497", "BE0246770968"], "BE", Seen),
    (["BE1669980605", "BE1282149562"], "BE", Seen),
    (["BG397125906", "BG029011952"], "BG", Mostly),
    (["BG8299539470", "BG4878458842"], "BG", Mostly),
    // Of persons who were born in 1975, and in 2003.
    (["BG7523169263", "BG0341044554"], "BG", Mostly),
    (["CY10259033P", "CY88471464O"], "CY", Seen),
    (["CZ25123891", "CZ34384090"], "CZ", Mostly),
    (["CZ676083028", "CZ624603336"], "CZ", Mostly),
    (["CZ7103192745", "CZ4855304872"], "CZ", Mostly),
    (["CZ480224330", "CZ486129240"], "CZ", Unseen),
    (["DE136695976", "DE178907709"], "DE", Seen),
    (["DK13585628", "DK92563480"], "DK", Seen),
    (["EE100931558", "EE109456982"], "EE", Seen),
    (["EL094259216", "EL659820932"], "GR", Mostly),
    (["ES54362315K", "ES53179665P"], "ES", Seen),
    (["ESX2482300W", "ESX8621471J"], "ES", Seen),
    (["ESY3272500M", "ESY4389937X"], "ES", Seen),
    (["ESZ3512014B", "ESZ1909782M"], "ES", Seen),
    (["ESM6950646T", "ESM5992137Q"], "ES", Seen),
    (["ESB58378431", "ESB68155126"], "ES", Seen),
    (["ESQ6578526C", "ESQ1628451E"], "ES", Seen),
    (["FI20774740", "FI80569482"], "FI", Seen),
    (["FR40303265045", "FR17185119393"], "FR", Seen),
    (["FR3J403800964", "FR1X473494193"], "FR", Mostly),
    (["FRY0647251370", "FRL3165860388"], "FR", Mostly),
    (["FRBF491845616", "FRBV907158703"], "FR", Mostly),
    // Of Monaco.
    (["FR57000509847", "FR09000919462"], "FR", Mostly),
    (["HR33392005961", "HR16121480926"], "HR", Seen),
    (["HU12892312", "HU94677326"], "HU", Seen),
    (["IE6433435F", "IE0391151I"], "IE", Seen),
    (["IE6433435OA", "IE8055378JH"], "IE", Seen),
    (["IE8D79739I", "IE2Y62591G"], "IE", Seen),
    (["IE7+79339J", "IE7*79339J"], "IE", Seen),
    (["IT00743110157", "IT26943340112"], "IT", Seen),
    (["LT119511515", "LT742985119"], "LT", Mostly),
    (["LT100001919017", "LT935572421311"], "LT", Mostly),
    (["LU15027442", "LU90257425"], "LU", Seen),
    (["LV40003521600", "LV40003032949"], "LV", Seen),
    (["LV16117519997", "LV19108738593"], "LV", Mostly),
    // Of no day of birth: nothing checks them.
    (["LV32023146051", "LV39284436697"], "LV", Unseen),
    (["MT11679112", "MT20390024"], "MT", Seen),
    (["NL004495445B01", "NL796497199B19"], "NL", Mostly),
    // Since 2020: the example of the tax administration, and another.
    (["NL000099998B57", "NL537522686B82"], "NL", Mostly),
    (["PL8567346215", "PL5383994931"], "PL", Seen),
    (["PT501964843", "PT105571938"], "PT", Mostly),
    (["RO43", "RO94"], "RO", Mostly),
    (["RO18547290", "RO12799336"], "RO", Mostly),
    (["RO3423589561", "RO8230298864"], "RO", Mostly),
    (["SE556703748501", "SE556000000101"], "SE", Seen),
    (["SI50223054", "SI11635983"], "SI", Seen),
    (["SK2022749619", "SK3992164308"], "SK", Seen),
    (["GB012345620", "GB066904451"], "GB", Mostly),
    (["GB980780684", "GB215756209"], "GB", Mostly),
    (["GB753799813001", "GB555892105001"], "GB", Mostly),
    (["GBGD001", "GBGD499"], "GB", Unseen),
    (["GBHA500", "GBHA999"], "GB", Unseen),
    (["XI980780684", "XI110305878"], "GB", Mostly),
    (["CHE107787577IVA", "CHE863495686MWST"], "CH", Seen),
    (["CHE100155212", "CHE768882972"], "CH", Seen),
    (["NO995525828MVA", "NO427283658MVA"], "NO", Seen),
    (["974760673MVA", "264606160MVA"], "NO", Seen),
    (["IS00621", "IS12345"], "IS", Unseen),
    (["IS114213", "IS123456"], "IS", Unseen),
    (["TR4540536920", "TR7391550635"], "TR", Mostly),
    (["TR17291716060", "TR97792018542"], "TR", Mostly),
    (["AU51824753556", "AU83914571673"], "AU", Seen),
    (["NZ49091850", "NZ136410132"], "NZ", Mostly),
    (["CA546369992", "CA123026635"], "CA", Seen),
    (["007828775RT0001", "CA951600683RT0001"], "CA", Mostly),
    (["SG00192200M", "SG197401143C"], "SG", Unseen),
    (["SGT01FC6132D", "SGM90310078X"], "SG", Unseen),
    (["T3894737038947", "JPT8985976512258"], "JP", Unseen),
    (["JP5835678256246", "JP8985976512258"], "JP", Mostly),
    (["27AAPFU0939F1ZV", "IN27AKKHK3929C8ZG"], "IN", Seen),
    (["BR16727230000197", "BREKQXSLGJ000149"], "BR", Mostly),
    (["BR21743717075", "BR51056658053"], "BR", Mostly),
    (["US123456789", "US042103594"], "US", Unseen),
];

fn rule(text: &str) -> Option<&'static str> {
    TaxId::parse(text).err().map(|invalid| invalid.rule)
}

/// Every id that has one digit of this one changed.
fn slips(id: &str) -> Vec<String> {
    let places = id.char_indices().filter(|(_, c)| c.is_ascii_digit());
    let changed = |(at, was): (usize, char)| {
        ('0'..='9')
            .filter(move |digit| *digit != was)
            .map(move |digit| format!("{}{digit}{}", &id[..at], &id[at + 1..]))
    };
    places.flat_map(changed).collect()
}

#[test]
fn every_form_of_every_country_is_known_by_its_examples() {
    for (ids, country, _) in EXAMPLES {
        for id in ids {
            let parsed = TaxId::parse(id).unwrap_or_else(|invalid| panic!("{id}: {invalid}"));
            assert_eq!(parsed.as_str(), id);
            let of = match parsed.kind() {
                Some(TaxIdKind::EuVat(of) | TaxIdKind::Other(of)) => of.alpha2(),
                Some(TaxIdKind::NorthernIrelandVat) => "GB",
                None => "none",
            };
            assert_eq!(of, country, "{id}");
        }
    }
}

#[test]
fn a_wrong_digit_is_seen_wherever_the_algorithm_sees_it() {
    for (ids, _, slip) in EXAMPLES {
        for id in ids {
            let slips = slips(id);
            let unseen: Vec<_> = slips.iter().filter(|id| rule(id).is_none()).collect();
            match slip {
                Seen => assert!(unseen.is_empty(), "{id}: {unseen:?}"),
                Mostly => assert!(unseen.len() * 2 < slips.len(), "{id}: {unseen:?}"),
                Unseen => assert!(!unseen.is_empty(), "{id}"),
            }
        }
    }
}

#[test]
fn the_table_of_examples_has_each_member_state() {
    for row in europe::MEMBER_STATES {
        let country = Country::from(row.country);
        let is_there = |id: &&str| TaxId::parse(id).unwrap().is_eu_vat_of(country);
        assert!(EXAMPLES.iter().flat_map(|(ids, ..)| ids).filter(|id| is_there(id)).count() >= 2, "{country}");
    }
}

#[test]
fn ids_are_normalized() {
    for (text, id) in [
        ("se 556000-0001.01", "SE556000000101"),
        ("CHE-107.787.577 IVA", "CHE107787577IVA"),
        ("no 974 760 673 mva", "NO974760673MVA"),
        ("BE 0428.759.497", "BE0428759497"),
        ("A-1 b.2", "A-1B2"),
    ] {
        assert_eq!(TaxId::parse(text).unwrap().as_str(), id);
    }
}

#[test]
fn what_begins_as_the_ids_of_a_country_do_must_be_one() {
    for (text, expected) in [
        ("SE5560000001", "must be SE, 10 digits and 01"),
        ("SE556000000102", "must be SE, 10 digits and 01"),
        ("GR094259216", "must be EL (not GR) and 9 digits"),
        ("ATU1358562", "must be ATU and 8 digits"),
        ("DE 12 34", "must be DE and 9 digits, of which the first is not 0"),
        ("NO974760673", "must be NO, 9 digits and MVA"),
        ("ESB5837843", "must be ES and 9 characters, of which the first or the last or both are letters"),
        ("CHE107787577X", "must be CHE, 9 digits, and MWST, TVA, IVA, TPV or nothing"),
        ("SE", "must be SE, 10 digits and 01"),
        ("a!", "must be a tax id of 4 to 20 letters and digits"),
        ("", "must be a tax id of 4 to 20 letters and digits"),
        ("ö1234567", "must be a tax id of 4 to 20 letters and digits"),
        ("123456789012345678901", "must be a tax id of 4 to 20 letters and digits"),
    ] {
        let invalid = TaxId::parse(text).unwrap_err();
        assert_eq!((invalid.rule, &*invalid.expected), ("MALFORMED_TAX_ID", expected), "{text}");
    }
}

#[test]
fn digits_that_do_not_go_together_are_told_apart_from_a_wrong_form() {
    for text in [
        "SE556000000001",
        "DE100000000",
        // Offices, dates and first digits that do not exist.
        "IT26943349112",
        "CZ4813304874",
        "CZ700101123",
        "CY12259033P",
        "SK2012749615",
        "GBGD500",
        "GBHA499",
        // Only noughts: most checks would let them pass.
        "FI00000000",
        "BE0000000000",
        // ... where the form leaves a choice.
        "SE000000000001",
        "CA000000000RT0001",
        "000000000RT0001",
        "FR12000000000",
        "LT000000018",
        // 00 instead of 97, 98 instead of 01.
        "BE0000009700",
        // A company's number whose suffix is 00.
        "NL004495445B00",
        // No SIREN has this key, for letters I and O are in none.
        "FROI303265045",
        "BR11111111111",
        "AU10000000000",
    ] {
        assert_eq!(rule(text), Some("TAX_ID_CHECK_DIGITS"), "{text}");
    }
}

#[test]
fn ids_of_unknown_kind_are_left_alone() {
    for text in [
        // Digits alone may be of any country.
        "5560000001",
        "51824753556",
        "12-3456789",
        // Of Mexico, India and Italy, though they begin with a prefix, or as some company's name does.
        "ESO850101AB1",
        "FRAN850101AB1",
        "DEABC1234F",
        "ESBCD1234F",
        "ITAMRA85T10A562S",
        "ABCDE34501DE35",
        "HRB12345",
        "SEAB-12",
        "EU372012345",
        "ZZ123456789",
    ] {
        let id = TaxId::parse(text).unwrap_or_else(|invalid| panic!("{text}: {invalid}"));
        assert_eq!((id.as_str(), id.kind()), (text, None));
    }
}

#[test]
fn a_stored_id_is_read_as_it_is_and_is_of_no_kind_if_it_is_wrong() {
    for text in ["SE556000000001", "DE1", "?"] {
        let json = format!("\"{text}\"");
        let id: TaxId = serde_json::from_str(&json).unwrap();
        assert_eq!((id.as_str(), id.kind(), id.eu_vat_country()), (text, None, None));
        assert_eq!(serde_json::to_string(&id).unwrap(), json);
    }
}

#[test]
fn greece_is_a_member_state_and_northern_ireland_for_goods_alone() {
    let country = |code| Country::parse(code).unwrap();
    let greek = TaxId::parse("EL094259216").unwrap();
    assert_eq!(greek.eu_vat_country(), Some(country("GR")));
    assert!(greek.is_eu_vat_of(country("GR")) && !greek.is_eu_vat_of(country("SE")));
    let irish = TaxId::parse("XI980780684").unwrap();
    assert_eq!((irish.kind(), irish.eu_vat_country()), (Some(TaxIdKind::NorthernIrelandVat), None));
    let british = TaxId::parse("GB980780684").unwrap();
    assert_eq!((british.kind(), british.eu_vat_country()), (Some(TaxIdKind::Other(country("GB"))), None));
}

#[test]
fn an_id_that_every_person_has_tells_no_business() {
    use TaxIdHolder::{Business, Person};
    for (text, country, holder) in [
        ("BR16727230000197", "BR", Some(Business)),
        ("BR21743717075", "BR", Some(Person)),
        // As people in the country write them.
        ("217.437.170-75", "BR", Some(Person)),
        ("16.727.230/0001-97".replace('/', "").as_str(), "BR", Some(Business)),
        ("TR17291716060", "TR", Some(Person)),
        ("17291716060", "TR", Some(Person)),
        ("TR4540536920", "TR", Some(Business)),
        ("ABCPE1234F", "IN", Some(Person)),
        ("ABCCE1234F", "IN", Some(Business)),
        ("27AAPFU0939F1ZV", "IN", Some(Business)),
        ("GODE561231GR8", "MX", Some(Person)),
        ("MAB9307148T4", "MX", Some(Business)),
        // A VAT id is given for a business, also where it is made of a person's number.
        ("ES54362315K", "ES", Some(Business)),
        ("BG7523169263", "BG", Some(Business)),
        // Another country's tells nothing, and what has no form that we know does.
        ("BR16727230000197", "TR", None),
        ("123456789", "AR", Some(Business)),
    ] {
        let id = TaxId::parse(text).unwrap_or_else(|invalid| panic!("{text}: {invalid}"));
        assert_eq!(id.holder_in(Country::parse(country).unwrap()), holder, "{text} {country}");
    }
}

#[test]
fn debug_shows_no_persons_number() {
    assert_eq!(format!("{:?}", TaxId::parse("TR17291716060").unwrap()), "TaxId(TR..)");
}

proptest! {
    #[test]
    fn no_wrong_digit_of_a_swedish_german_or_croatian_id_passes(
        body in "[1-9][0-9]{9}", at in any::<prop::sample::Index>(), by in 1_u32..10,
    ) {
        for (prefix, length, suffix) in [("SE", 9, "01"), ("DE", 8, ""), ("HR", 10, "")] {
            let ids = (0..10).map(|check| format!("{prefix}{}{check}{suffix}", &body[..length]));
            let right: Vec<_> = ids.filter(|id| rule(id).is_none()).collect();
            prop_assert_eq!(right.len(), 1);
            let at = 2 + at.index(length + 1);
            let digit = (right[0].as_bytes()[at] - b'0') as u32 + by;
            let wrong = format!("{}{}{}", &right[0][..at], digit % 10, &right[0][at + 1..]);
            prop_assert!(rule(&wrong).is_some(), "{}", wrong);
        }
    }

    #[test]
    fn any_text_is_judged_and_what_is_taken_is_taken_again(text in "\\PC{0,24}|[A-Z]{2}[A-Z0-9 .-]{0,16}") {
        if let Ok(id) = TaxId::parse(&text) {
            prop_assert_eq!(TaxId::parse(id.as_str()).unwrap(), id);
        }
    }
}
