//! Standard rates, on each day on which one changes.

use super::*;

/// Every change of a standard rate since 2010: where, its day, the percentage before and on it.
const CHANGES: &[(&str, Date, &str, &str)] = &[
    ("CY", date!(2012 - 03 - 01), "15", "17"),
    ("CY", date!(2013 - 01 - 14), "17", "18"),
    ("CY", date!(2014 - 01 - 13), "18", "19"),
    ("CZ", date!(2010 - 01 - 01), "19", "20"),
    ("CZ", date!(2013 - 01 - 01), "20", "21"),
    ("DE", date!(2020 - 07 - 01), "19", "16"),
    ("DE", date!(2021 - 01 - 01), "16", "19"),
    ("EE", date!(2024 - 01 - 01), "20", "22"),
    ("EE", date!(2025 - 07 - 01), "22", "24"),
    ("ES", date!(2010 - 07 - 01), "16", "18"),
    ("ES", date!(2012 - 09 - 01), "18", "21"),
    ("FI", date!(2010 - 07 - 01), "22", "23"),
    ("FI", date!(2013 - 01 - 01), "23", "24"),
    ("FI", date!(2024 - 09 - 01), "24", "25.5"),
    ("FR", date!(2014 - 01 - 01), "19.6", "20"),
    ("GR", date!(2010 - 03 - 15), "19", "21"),
    ("GR", date!(2010 - 07 - 01), "21", "23"),
    ("GR", date!(2016 - 06 - 01), "23", "24"),
    ("HU", date!(2012 - 01 - 01), "25", "27"),
    ("IE", date!(2010 - 01 - 01), "21.5", "21"),
    ("IE", date!(2012 - 01 - 01), "21", "23"),
    ("IE", date!(2020 - 09 - 01), "23", "21"),
    ("IE", date!(2021 - 03 - 01), "21", "23"),
    ("IT", date!(2011 - 09 - 17), "20", "21"),
    ("IT", date!(2013 - 10 - 01), "21", "22"),
    ("LU", date!(2015 - 01 - 01), "15", "17"),
    ("LU", date!(2023 - 01 - 01), "17", "16"),
    ("LU", date!(2024 - 01 - 01), "16", "17"),
    ("LV", date!(2011 - 01 - 01), "21", "22"),
    ("LV", date!(2012 - 07 - 01), "22", "21"),
    ("NL", date!(2012 - 10 - 01), "19", "21"),
    ("PL", date!(2011 - 01 - 01), "22", "23"),
    ("PT", date!(2010 - 07 - 01), "20", "21"),
    ("PT", date!(2011 - 01 - 01), "21", "23"),
    ("RO", date!(2010 - 07 - 01), "19", "24"),
    ("RO", date!(2016 - 01 - 01), "24", "20"),
    ("RO", date!(2017 - 01 - 01), "20", "19"),
    ("RO", date!(2025 - 08 - 01), "19", "21"),
    ("SI", date!(2013 - 07 - 01), "20", "22"),
    ("SK", date!(2011 - 01 - 01), "19", "20"),
    ("SK", date!(2025 - 01 - 01), "20", "23"),
    ("GB", date!(2010 - 01 - 01), "15", "17.5"),
    ("GB", date!(2011 - 01 - 04), "17.5", "20"),
    ("CH", date!(2011 - 01 - 01), "7.6", "8"),
    ("CH", date!(2018 - 01 - 01), "8", "7.7"),
    ("CH", date!(2024 - 01 - 01), "7.7", "8.1"),
    ("CA-MB", date!(2013 - 07 - 01), "7", "8"),
    ("CA-MB", date!(2019 - 07 - 01), "8", "7"),
    ("CA-NB", date!(2016 - 07 - 01), "13", "15"),
    ("CA-NL", date!(2016 - 07 - 01), "13", "15"),
    ("CA-NS", date!(2010 - 07 - 01), "13", "15"),
    ("CA-NS", date!(2025 - 04 - 01), "15", "14"),
    ("CA-PE", date!(2016 - 10 - 01), "14", "15"),
    ("CA-SK", date!(2017 - 03 - 23), "5", "6"),
    ("NZ", date!(2010 - 10 - 01), "12.5", "15"),
    ("SG", date!(2023 - 01 - 01), "7", "8"),
    ("SG", date!(2024 - 01 - 01), "8", "9"),
    ("JP", date!(2014 - 04 - 01), "5", "8"),
    ("JP", date!(2019 - 10 - 01), "8", "10"),
];

#[test]
fn every_change_since_2010_is_on_its_day() {
    let table = table();
    for (code, on, before, after) in CHANGES {
        assert_eq!(percent(table, code, None, *on - Duration::DAY), *before, "{code} before {on}");
        assert_eq!(percent(table, code, None, *on), *after, "{code} on {on}");
    }
    let lists = table.jurisdictions.values().map(|rates| rates.standard.0.as_slice());
    let changes = lists.flat_map(|list| list.iter().skip(1)).filter(|dated| dated.from >= date!(2010 - 01 - 01));
    assert_eq!(changes.count(), CHANGES.len());
}

#[test]
fn every_country_has_a_standard_rate_since_2010_or_accession() {
    let table = table();
    for jurisdiction in table.jurisdictions().filter(|jurisdiction| jurisdiction.subdivision().is_none()) {
        let first = if jurisdiction.to_string() == "HR" { date!(2013 - 07 - 01) } else { date!(2010 - 01 - 01) };
        for on in [first, RECENT, TODAY] {
            let rate = table.standard(jurisdiction.country(), on);
            assert!(rate.is_some_and(|rate| rate.percentage.percent() >= 5.into()), "{jurisdiction} {on}");
        }
    }
    assert_eq!(table.standard(country("US"), TODAY), None);
    assert_eq!(table.standard(country("SE"), date!(1990 - 06 - 30)), None);
}

#[test]
fn a_taxed_part_has_a_rate_since_its_tax_has_its_form() {
    let table = table();
    for (code, first) in [
        ("CA-BC", date!(2013 - 04 - 01)),
        ("CA-MB", date!(2010 - 01 - 01)),
        ("CA-NB", date!(2008 - 01 - 01)),
        ("CA-NL", date!(2008 - 01 - 01)),
        ("CA-NS", date!(2008 - 01 - 01)),
        ("CA-ON", date!(2010 - 07 - 01)),
        ("CA-PE", date!(2013 - 04 - 01)),
        ("CA-QC", date!(2013 - 01 - 01)),
        ("CA-SK", date!(2006 - 10 - 28)),
    ] {
        assert_eq!(percent(table, code, None, first - Duration::DAY), "-", "{code}");
        assert_ne!(percent(table, code, None, first), "-", "{code}");
    }
}

#[test]
fn documents_name_the_tax_as_people_know_it() {
    let table = table();
    for (code, name) in
        [("SE", "Moms"), ("CH", "MWST"), ("CA", "GST"), ("CA-ON", "HST"), ("CA-QC", "QST"), ("JP", "消費税")]
    {
        let rate = table.rate(&jurisdiction(code), None, TODAY).unwrap();
        assert_eq!(rate.display_name.as_str(), name);
    }
}
