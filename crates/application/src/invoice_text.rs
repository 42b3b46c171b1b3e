//! What a hosted page says of the invoice that it is for. It is in no language of ours: whoever opens the page chooses its
//! language, long after the provider was told these texts.

use domain::invoice::Invoice;
use domain::money::Money;
use domain::tax::{AppliedRate, TaxSubtotal};
use domain::text::{Description, DisplayName, PartyName};
use domain::validation::Invalid;

use crate::error::Error;

/// The number of an invoice and who sent it, such as `INV-2026-00001 · Acme AB`.
///
/// # Errors
/// The number can't be shown.
pub(crate) fn invoice_title(invoice: &Invoice, seller: &PartyName) -> Result<DisplayName, Error> {
    let number = invoice.finalization().map_or("", |finalization| finalization.number.as_str());
    called(number, seller).map_err(Error::internal)
}

fn called(number: &str, seller: &PartyName) -> Result<DisplayName, Invalid> {
    let whole: String = format!("{number} · {seller}").chars().take(DisplayName::CHARS_MAX).collect();
    // Beside a name with digits in it, a number can read like that of a card.
    DisplayName::parse(&whole).or_else(|_| DisplayName::parse(number))
}

/// How the amount that is asked for on an invoice is made up, such as `SEK 1287.00 + Moms 25% SEK 321.75`; none where no tax
/// is in it. Taxes are called what their rates are called.
pub(crate) fn tax_description(invoice: &Invoice, asked: Money) -> Option<Description> {
    let (net, tax) = invoice.part(asked).ok()?;
    let charged =
        |subtotal: &TaxSubtotal| Some((subtotal.rate.clone()?, subtotal.tax)).filter(|(_, tax)| !tax.is_zero());
    let charged: Vec<(AppliedRate, Money)> = invoice.tax.subtotals.iter().filter_map(charged).collect();
    if tax.is_zero() || charged.is_empty() {
        return None;
    }
    // An amount stays on one line.
    let written = |money: Money| money.to_string().replace(' ', "\u{a0}");
    let rate = |rate: &AppliedRate| format!("{} {}%", rate.display_name, rate.percentage.percent().normalize());
    let taxes = if asked == invoice.total() {
        charged.iter().map(|(by, tax)| format!("{} {}", rate(by), written(*tax))).collect::<Vec<_>>().join(" + ")
    } else {
        // Which rate the tax of a part is by, nobody can say.
        format!("{} {}", charged.iter().map(|(by, _)| rate(by)).collect::<Vec<_>>().join(", "), written(tax))
    };
    Description::parse(&format!("{} + {taxes}", written(net))).ok()
}

#[cfg(test)]
mod tests {
    use domain::id::{InvoiceId, InvoiceLineId};
    use domain::invoice::{Finalization, InvoiceContent, InvoiceItem, PartySnapshot};
    use domain::money::{Quantity, UnitPrice};
    use domain::tax::{AppliedRate, Percentage, RatedLine, TaxBehavior, TaxRounding, TaxTreatment, compute};
    use time::macros::date;

    use super::*;
    use crate::mocked::{NOW, UUID, money, north};

    /// An open invoice over lines of so much and such a percentage.
    fn invoice(lines: &[(i64, &str, &str)]) -> Invoice {
        let rate = |name: &str, percent: &str| AppliedRate {
            tax_rate_id: None,
            display_name: DisplayName::parse(name).unwrap(),
            percentage: Percentage::parse(percent.parse().unwrap()).unwrap(),
            jurisdiction: None,
            source: None,
            since: None,
        };
        let item = |(minor, name, percent): &(i64, &str, &str)| InvoiceItem {
            description: Description::parse("Hosting").unwrap(),
            quantity: Quantity::ONE,
            unit_price: UnitPrice::parse((*minor).into(), money(0).currency()).unwrap(),
            tax_behavior: TaxBehavior::Exclusive,
            tax_treatment: TaxTreatment::Manual(vec![rate(name, percent)]),
            price_id: None,
            shipping_rate_id: None,
            discount: None,
        };
        let rated = |(minor, name, percent): &(i64, &str, &str)| {
            RatedLine::manual(money(*minor), TaxBehavior::Exclusive, vec![rate(name, percent)])
        };
        let rated: Vec<_> = lines.iter().map(rated).collect();
        let tax = compute(money(0).currency(), TaxRounding::default(), &rated).unwrap();
        let content = InvoiceContent::new(money(0).currency(), lines.iter().map(item).collect());
        let uuid = uuid::Uuid::from_u128(UUID);
        let ids = (InvoiceId::from_uuid(uuid), lines.iter().map(|_| InvoiceLineId::from_uuid(uuid)).collect());
        let mut invoice = Invoice::draft(ids, north(), content, (TaxRounding::default(), tax.clone()), NOW).unwrap();
        let finalization = Finalization {
            number: "INV-2026-00001".to_owned(),
            series: "INV".to_owned(),
            sequence: 1,
            finalized_at: NOW,
            tax_point: date!(2026 - 11 - 24),
            due_date: date!(2026 - 12 - 24),
            seller: PartySnapshot { name: None, address: None, email: None, tax_ids: vec![] },
            letterhead: domain::letterhead::Letterhead::default(),
            buyer: None,
        };
        invoice.finalize(finalization, tax).unwrap();
        invoice
    }

    fn title(seller: &str) -> String {
        invoice_title(&invoice(&[(100, "Moms", "25")]), &PartyName::parse(seller).unwrap()).unwrap().to_string()
    }

    #[test]
    fn an_invoice_is_called_by_its_number_and_its_seller() {
        assert_eq!(title("North AB"), "INV-2026-00001 · North AB");
        assert_eq!(title(&"å".repeat(250)).chars().count(), DisplayName::CHARS_MAX);
    }

    #[test]
    fn a_sellers_name_that_makes_a_card_number_of_it_is_left_out() {
        let number = "INV-4242";
        let seller = PartyName::parse("4242 4242 4242").unwrap();
        assert!(DisplayName::parse(&format!("{number} · {seller}")).is_err());
        assert_eq!(called(number, &seller).unwrap().as_str(), number);
    }

    #[test]
    fn the_parts_of_an_amount_add_up_and_each_tax_is_named() {
        let said = |invoice: &Invoice, asked| {
            tax_description(invoice, asked).map(|said| said.to_string().replace('\u{a0}', " "))
        };
        let one = invoice(&[(128_700, "Moms", "25")]);
        assert_eq!(said(&one, one.total()).unwrap(), "SEK 1287.00 + Moms 25% SEK 321.75");
        assert_eq!(said(&one, money(5_000)).unwrap(), "SEK 40.00 + Moms 25% SEK 10.00");
        let two = invoice(&[(10_000, "TVA", "5.5"), (10_000, "TVA", "20")]);
        assert_eq!(said(&two, two.total()).unwrap(), "SEK 200.00 + TVA 5.5% SEK 5.50 + TVA 20% SEK 20.00");
        assert_eq!(said(&two, money(2_255)).unwrap(), "SEK 20.00 + TVA 5.5%, TVA 20% SEK 2.55");
        let untaxed = invoice(&[(10_000, "Moms", "0")]);
        assert_eq!(said(&untaxed, untaxed.total()), None);
    }
}
