//! Tax ids by Stripe's names of their types, in the form in which Stripe wants their values. It must not judge an id: that
//! is the domain's, and in the end a register's.

use domain::tax_id::{TaxId, TaxIdKind};

/// The type and the value of an id at Stripe. Nothing for one whose kind is not known, or has no name there: such an id
/// makes nobody a business to Stripe, so that it changes no tax.
pub(super) fn stripe_tax_id(id: &TaxId) -> Option<(&'static str, String)> {
    let text = id.as_str();
    let country = match id.kind()? {
        TaxIdKind::EuVat(_) | TaxIdKind::NorthernIrelandVat => return Some(("eu_vat", text.to_owned())),
        TaxIdKind::Other(country) => country.alpha2(),
    };
    // Some are stored without the country's letters, where nothing else can be meant.
    let number = text.strip_prefix(country).unwrap_or(text);
    Some(match country {
        "GB" => ("gb_vat", text.to_owned()),
        "NO" => ("no_vat", number.to_owned()),
        "IS" => ("is_vat", number.to_owned()),
        "CH" => swiss(text)?,
        "TR" => ("tr_tin", number.to_owned()),
        "AU" => ("au_abn", number.to_owned()),
        "NZ" => ("nz_gst", number.to_owned()),
        "IN" => ("in_gst", number.to_owned()),
        "CA" if number.contains("RT") => ("ca_gst_hst", number.to_owned()),
        "CA" => ("ca_bn", number.to_owned()),
        "SG" if number.starts_with('M') => ("sg_gst", number.to_owned()),
        "SG" => ("sg_uen", number.to_owned()),
        "JP" if number.starts_with('T') => ("jp_trn", number.to_owned()),
        "JP" => ("jp_cn", number.to_owned()),
        "BR" if number.len() == 11 => ("br_cpf", punctuated(number, "###.###.###-##")),
        "BR" => ("br_cnpj", punctuated(number, "##.###.###/####-##")),
        "US" => ("us_ein", punctuated(number, "##-#######")),
        _ => return None,
    })
}

/// A Swiss number: one of VAT where it says so in one of the country's languages.
fn swiss(id: &str) -> Option<(&'static str, String)> {
    let (number, vat) = id.split_at_checked("CHE123456789".len())?;
    let number = punctuated(number, "###-###.###.###");
    Some(if vat.is_empty() { ("ch_uid", number) } else { ("ch_vat", format!("{number} {vat}")) })
}

/// The characters of `number` in the places of `#`.
fn punctuated(number: &str, form: &str) -> String {
    let mut rest = number.chars();
    form.chars().filter_map(|place| if place == '#' { rest.next() } else { Some(place) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, want: Option<(&str, &str)>) {
        let told = stripe_tax_id(&TaxId::parse(id).unwrap());
        assert_eq!(told.as_ref().map(|(kind, value)| (*kind, value.as_str())), want, "{id}");
    }

    #[test]
    fn ids_have_stripes_types_and_forms() {
        check("DE136695976", Some(("eu_vat", "DE136695976")));
        check("SE556703748501", Some(("eu_vat", "SE556703748501")));
        check("GB980780684", Some(("gb_vat", "GB980780684")));
        check("XI980780684", Some(("eu_vat", "XI980780684")));
        check("NO995525828MVA", Some(("no_vat", "995525828MVA")));
        check("995525828MVA", Some(("no_vat", "995525828MVA")));
        check("CHE-107.787.577 MWST", Some(("ch_vat", "CHE-107.787.577 MWST")));
        check("CHE107787577", Some(("ch_uid", "CHE-107.787.577")));
        check("AU 51 824 753 556", Some(("au_abn", "51824753556")));
        check("US 12-3456789", Some(("us_ein", "12-3456789")));
        check("BR16727230000197", Some(("br_cnpj", "16.727.230/0001-97")));
        check("BR39053344705", Some(("br_cpf", "390.533.447-05")));
        check("JP T1234567890123", Some(("jp_trn", "T1234567890123")));
        check("CA 10007 5050 RT0001", Some(("ca_gst_hst", "100075050RT0001")));
        check("ABC-12345", None);
    }
}
