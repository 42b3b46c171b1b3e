//! What stands beside figures: the sums of a document, what was taken off of a line, and the tax in the seller's currency. It
//! says figures as the document has them and adds nothing up, and must not know how they are laid out.

use domain::document::{Document, LineDiscount, Subject};
use domain::money::Money;
use domain::tax::TaxBehavior;

use crate::format::Format;
use crate::words::{Words, capitalized, fill};

/// A row of the sums of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// What it is.
    pub label: String,
    /// How much.
    pub amount: Money,
    /// Whether it is one of those that matter most.
    pub is_strong: bool,
}

impl Words {
    /// Whether amounts have the tax called `term` inside.
    pub fn with_or_without(&self, behavior: TaxBehavior, term: &str) -> String {
        let template = match behavior {
            TaxBehavior::Exclusive => self.exclusive,
            TaxBehavior::Inclusive => self.inclusive,
        };
        fill(template, &[term])
    }

    /// The sums of a document: without tax, tax, with tax, and what was credited, was paid, came in, went back and is left.
    pub fn sums(&self, document: &Document) -> Vec<Sum> {
        let term = self.tax_term(document);
        let total = |behavior| format!("{} {}", self.total, self.with_or_without(behavior, term));
        let plain = |label: &str, amount| Sum { label: label.to_owned(), amount, is_strong: false };
        let strong = |label: &str, amount| Sum { is_strong: true, ..plain(label, amount) };
        let mut sums = vec![
            plain(&total(TaxBehavior::Exclusive), document.net),
            plain(&fill(self.tax_total, &[term]), document.tax),
            strong(&total(TaxBehavior::Inclusive), document.gross),
        ];
        let there = |rows: &[(&str, Money)]| {
            let rows = rows.iter().filter(|(_, amount)| !amount.is_zero());
            rows.map(|(label, amount)| plain(label, *amount)).collect::<Vec<_>>()
        };
        match &document.subject {
            Subject::Invoice { paid, credited, credited_after_payment, due, .. } => {
                sums.extend(there(&[
                    (self.credited, *credited),
                    (self.paid, *paid),
                    (self.credited_after_payment, *credited_after_payment),
                ]));
                if *due != document.gross {
                    sums.push(strong(self.amount_due, *due));
                }
            }
            Subject::Receipt { received, refunded, overpaid, due, .. } => {
                sums.push(strong(self.amount_received, *received));
                sums.extend(there(&[(self.refunded, *refunded), (self.overpaid, *overpaid)]));
                sums.push(strong(self.amount_due, *due));
            }
            Subject::CreditNote { .. } => {}
        }
        sums
    }

    /// What was taken off of a line, with a minus, and by which percentage where that is known.
    pub fn line_discount(&self, format: Format, discount: &LineDiscount) -> String {
        let off = format.amount(Money::new(-discount.amount.minor(), discount.amount.currency()));
        let off = discount.percent.map_or(off.clone(), |by| format!("{} {off}", format.percent(by.percent())));
        fill(self.discount, &[&off])
    }

    /// The tax in the seller's currency with the rate, who published it and its day; where the document tells it.
    pub fn tax_exchanged(&self, document: &Document) -> Option<String> {
        let exchanged = document.details.tax_in_sellers_currency.as_ref()?;
        let format = Format::of(document.details.language);
        let (rate, theirs) = (&exchanged.exchange_rate, exchanged.tax.currency().to_string());
        let values = [
            &capitalized(self.tax_term(document)),
            &theirs,
            &format.amount(exchanged.tax),
            &document.currency.to_string(),
            &format!("{} {theirs}", format.number(rate.rate.get())),
            rate.source.as_str(),
            &format.date(rate.date),
        ];
        Some(fill(self.tax_in_sellers_currency, &values))
    }
}

#[cfg(test)]
mod tests {
    use domain::catalog::PercentOff;
    use domain::document::Language;
    use domain::money::Currency;

    use super::*;

    #[test]
    fn what_is_taken_off_has_a_minus_and_its_percentage_where_that_is_known() {
        let amount = Money::new(16_800, Currency::parse("EUR").unwrap());
        let told = |language, percent: Option<&str>| {
            let percent = percent.map(|percent| PercentOff::parse(percent.parse().unwrap()).unwrap());
            Words::of(language).line_discount(Format::of(language), &LineDiscount { amount, percent })
        };
        assert_eq!(told(Language::English, None), "Discount \u{2212}168.00");
        assert_eq!(told(Language::English, Some("10")), "Discount 10% \u{2212}168.00");
        assert_eq!(told(Language::Swedish, Some("12.5")), "Rabatt 12,5\u{a0}% \u{2212}168,00");
    }
}
