//! What holds for every seller's country, customer's country, kind of product, kind of customer, registration and day.

use super::*;

/// Days on either side of each change of the rules.
const DAYS: [Date; 10] = [
    date!(2010 - 01 - 01),
    date!(2014 - 12 - 31),
    date!(2015 - 01 - 01),
    date!(2018 - 12 - 31),
    date!(2019 - 01 - 01),
    date!(2020 - 12 - 31),
    date!(2021 - 01 - 01),
    date!(2021 - 06 - 30),
    date!(2021 - 07 - 01),
    date!(2026 - 11 - 28),
];

/// Days for which every pair is asked: when there was no threshold, and now.
const DAYS_OF_ALL: [Date; 2] = [date!(2018 - 12 - 31), date!(2026 - 11 - 28)];
/// Places that are asked on each of the days: the rules tell no others apart, but for their membership.
const ON_EACH_DAY: [&str; 9] = ["SE", "DE", "HR", "GB", "GB-NIR", "NO", "CH", "CA-QC", "US"];

const CODES: [&str; 3] = ["goods", "electronic_service", "service"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Buyer {
    Consumer,
    /// With a tax id of its country where there is one in `TAX_IDS`, else with one of unknown kind.
    Business,
    /// That the seller says accounts for the tax.
    ReverseCharge,
    Exempt,
}

/// VAT ids by which a buyer in the country is a business; all of the EU, for there another country's id has to count.
const TAX_IDS: [(&str, &str); 32] = [
    ("AT", "ATU13585627"),
    ("BE", "BE0428759497"),
    ("BG", "BG397125906"),
    ("CY", "CY10259033P"),
    ("CZ", "CZ25123891"),
    ("DE", "DE136695976"),
    ("DK", "DK13585628"),
    ("EE", "EE100931558"),
    ("ES", "ESB58378431"),
    ("FI", "FI20774740"),
    ("FR", "FR40303265045"),
    ("GR", "EL094259216"),
    ("HR", "HR33392005961"),
    ("HU", "HU12892312"),
    ("IE", "IE6433435F"),
    ("IT", "IT00743110157"),
    ("LT", "LT119511515"),
    ("LU", "LU15027442"),
    ("LV", "LV40003521600"),
    ("MT", "MT11679112"),
    ("NL", "NL004495445B01"),
    ("PL", "PL8567346215"),
    ("PT", "PT501964843"),
    ("RO", "RO18547290"),
    ("SE", "SE556703748501"),
    ("SI", "SI50223054"),
    ("SK", "SK2022749619"),
    ("GB", "GB980780684"),
    ("NO", "NO974760673MVA"),
    ("CH", "CHE107787577MWST"),
    ("MC", "FR57000509847"),
    ("GB-NIR", "XI980780684"),
];

fn tax_id(place: &str) -> TaxId {
    let found = TAX_IDS.iter().find(|(country, _)| *country == place);
    TaxId::parse(found.map_or("1234567890", |(_, id)| id)).unwrap()
}

/// Every place that the rules tell apart: each country of the table, a part of Canada, and what has no table.
fn places(table: &RateTable) -> Vec<String> {
    let countries = table.jurisdictions().filter(|place| place.subdivision().is_none()).map(|place| place.to_string());
    let others = ["CA-QC", "GB-NIR", "MC", "IM", "US", "BR", "IS"].map(str::to_owned);
    countries.filter(|country| country != "CA").chain(others).collect()
}

fn sale(seller: &str, customer: &str, code: &str, buyer: Buyer) -> TaxRequest {
    let mut sale = request(seller, &[], Some(customer), vec![coded(10_000, code)]);
    match buyer {
        Buyer::Consumer => {}
        Buyer::Business => sale.customer.tax_ids = vec![tax_id(customer)],
        Buyer::ReverseCharge => sale.customer.status = CustomerTaxStatus::ReverseCharge,
        Buyer::Exempt => sale.customer.status = CustomerTaxStatus::Exempt,
    }
    sale
}

/// Where a seller may be registered: at home; there too; at home with a one-stop shop; and nowhere.
fn registrations(seller: &str, customer: &str) -> [Vec<TaxRegistration>; 4] {
    let of = |place: &str| match place {
        "MC" => registration("FR"),
        "IM" | "GB-NIR" => registration("GB"),
        place => registration(place),
    };
    let shop = |scheme, place: &str| TaxRegistration { scheme, ..of(place) };
    let home = of(seller);
    let shops = vec![home, shop(TaxScheme::UnionOss, seller), shop(TaxScheme::NonUnionOss, "IE")];
    [vec![home], vec![home, of(customer)], shops, vec![]]
}

/// Holds what has to be true of any answer.
fn check_answer(table: &RateTable, sale: &TaxRequest, buyer: Buyer, calculation: &TaxCalculation) {
    let [step] = &calculation.trace[..] else { panic!("one rule for one line: {sale:?}: {:?}", calculation.trace) };
    let (rule, category) = (&*step.decision.rule, step.decision.category);
    let country = sale.customer.place.unwrap().country();
    let is_abroad = crate::place::taxed_as(sale.seller).country() != crate::place::taxed_as(country.into()).country();
    let is_goods = sale.lines[0].treatment == coded(0, "goods").treatment;
    let (taxed, free) = (
        ["DOMESTIC", "DESTINATION", "ORIGIN", "ORIGIN_BELOW_THRESHOLD", "SUPPLIER_COUNTRY"],
        [
            ("NOT_REGISTERED", OutsideScope),
            ("OUTSIDE_SCOPE", OutsideScope),
            ("EXPORT", Export),
            ("CUSTOMER_EXEMPT", Exempt),
            ("REVERSE_CHARGE", ReverseCharge),
            ("DOMESTIC_REVERSE_CHARGE", ReverseCharge),
            ("INTRA_COMMUNITY_SUPPLY", IntraCommunitySupply),
        ],
    );
    // A zero has a reason that is none of the taxed ones, and a tax has a rate and a registration behind it.
    if taxed.contains(&rule) {
        assert!(calculation.tax.minor() > 0 && category == Standard, "{rule} {sale:?}");
        let rate = calculation.subtotals[0].rate.as_ref().unwrap();
        let levying = rate.jurisdiction.unwrap();
        let is_registered = sale.registrations.iter().any(|it| {
            it.jurisdiction.country() == levying.country()
                || (it.scheme != TaxScheme::Standard && rule == "DESTINATION")
        });
        assert!(is_registered, "{rule} {sale:?}");
        assert!(rate.source.is_some() && rate.since.is_none_or(|since| since <= sale.tax_point), "{rate:?}");
    } else {
        let expected = free.iter().find(|(code, _)| *code == rule).map(|(_, category)| *category);
        assert_eq!((expected, calculation.tax.minor()), (Some(category), 0), "{rule} {sale:?}");
    }
    // The customer accounts for the tax only if it is in business, and is never exempt by mistake.
    let is_business = matches!(buyer, Buyer::Business | Buyer::ReverseCharge);
    assert!(category != ReverseCharge || is_business, "{rule} {sale:?}");
    assert!(category != IntraCommunitySupply || (is_goods && is_business && is_abroad), "{rule} {sale:?}");
    assert_eq!(category == Exempt, buyer == Buyer::Exempt && rule != "NOT_REGISTERED", "{rule} {sale:?}");
    assert!(!(rule == "DOMESTIC" || rule == "DOMESTIC_REVERSE_CHARGE") || !is_abroad, "{rule} {sale:?}");
    // An export leaves the territory: from the EU it goes to no Member State.
    if category == Export {
        assert!(is_goods && is_abroad, "{rule} {sale:?}");
        let is_within = |place: Jurisdiction| {
            let is_northern_ireland = place == super::place("GB-NIR") && sale.tax_point >= date!(2021 - 01 - 01);
            table.is_eu_member(crate::place::taxed_as(place).country(), sale.tax_point) || is_northern_ireland
        };
        assert!(!(is_within(sale.seller) && is_within(sale.customer.place.unwrap())), "{rule} {sale:?}");
    }
}

#[test]
fn every_sale_has_one_rule_that_explains_it() {
    let calculator = TableTaxCalculator::embedded().unwrap();
    let places = places(&calculator.table);
    let (mut answered, mut unknown) = (0, BTreeSet::new());
    for seller in &places {
        for customer in &places {
            let days = match [seller, customer].iter().all(|place| ON_EACH_DAY.contains(&place.as_str())) {
                true => &DAYS[..],
                false => &DAYS_OF_ALL,
            };
            for (code, buyer) in CODES.iter().flat_map(|code| {
                [Buyer::Consumer, Buyer::Business, Buyer::ReverseCharge, Buyer::Exempt].map(|buyer| (*code, buyer))
            }) {
                for registrations in registrations(seller, customer) {
                    let mut sale = TaxRequest { registrations, ..sale(seller, customer, code, buyer) };
                    for on in days {
                        sale.tax_point = *on;
                        match calculator.answer(&sale) {
                            Ok(calculation) => {
                                answered += 1;
                                check_answer(&calculator.table, &sale, buyer, &calculation);
                            }
                            Err(violations) => unknown.extend(violations.iter().map(|v| (v.rule.clone(), *on))),
                        }
                    }
                }
            }
        }
    }
    // What is not answered is refused for want of a table of the United States, Brazil and Iceland, or of Quebec's tax before
    // 2013, and for no other reason.
    for (rule, on) in unknown {
        assert!(rule == "NO_TAX_TABLE" || (rule == "NO_TAX_RATE" && on == DAYS[0]), "{rule} on {on}");
    }
    assert!(answered > 100_000, "{answered}");
}
