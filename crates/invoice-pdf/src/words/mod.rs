//! The words of documents, one file a language. It knows labels and the mentions of the law, and nothing of layout, figures
//! or when a word applies.
//!
//! In a template, each `{}` is filled in order. The mentions are those that article 226 of Directive 2006/112/EC prescribes
//! in its version of each language, where it prescribes one.

mod de;
mod en;
mod es;
mod fr;
mod sv;

use domain::document::{Language, LegalNote};

/// The words of one language.
pub(crate) struct Words {
    /// Title of an invoice.
    pub(crate) invoice: &'static str,
    /// Title of a receipt.
    pub(crate) receipt: &'static str,
    /// Title of a credit note.
    pub(crate) credit_note: &'static str,
    /// Value added tax, as within a sentence.
    pub(crate) vat: &'static str,
    /// Tax of another kind, as within a sentence.
    pub(crate) tax: &'static str,
    /// Who supplies.
    pub(crate) from: &'static str,
    /// Who is supplied.
    pub(crate) customer: &'static str,
    /// Label of a VAT id.
    pub(crate) vat_id: &'static str,
    /// Label of another tax id.
    pub(crate) tax_id: &'static str,
    /// Date of issue of an invoice.
    pub(crate) issued_on: &'static str,
    /// Date of supply.
    pub(crate) supplied_on: &'static str,
    /// Last day to pay.
    pub(crate) due_on: &'static str,
    /// Number of the invoice that is corrected or receipted.
    pub(crate) of_invoice: &'static str,
    /// Date of issue of that invoice.
    pub(crate) of_invoice_issued_on: &'static str,
    /// What is still to be paid.
    pub(crate) amount_due: &'static str,
    /// Template: to be paid by a date.
    pub(crate) due_by: &'static str,
    /// Template: was to be paid by a date.
    pub(crate) overdue: &'static str,
    /// What has been paid in full.
    pub(crate) amount_paid: &'static str,
    /// Template: paid on a date.
    pub(crate) paid_on: &'static str,
    /// An invoice that was withdrawn.
    pub(crate) void: &'static str,
    /// Template: withdrawn on a date.
    pub(crate) voided_on: &'static str,
    /// What came in.
    pub(crate) amount_received: &'static str,
    /// Template: came in on a date.
    pub(crate) received_on: &'static str,
    /// What is credited.
    pub(crate) amount_credited: &'static str,
    /// Template: corrects an invoice of a number and a date.
    pub(crate) corrects: &'static str,
    /// Label of the payment link.
    pub(crate) pay_online: &'static str,
    /// What the QR code is for.
    pub(crate) scan_to_pay: &'static str,
    /// Template: what the QR code is, for those who can't see it, with its URL.
    pub(crate) qr_alt: &'static str,
    /// Heading of the lines, in the outline.
    pub(crate) lines: &'static str,
    /// Column of line numbers.
    pub(crate) position: &'static str,
    /// Column of descriptions.
    pub(crate) description: &'static str,
    /// Column of quantities.
    pub(crate) quantity: &'static str,
    /// Column of unit prices.
    pub(crate) unit_price: &'static str,
    /// Column of amounts.
    pub(crate) amount: &'static str,
    /// Template: without the tax that is named.
    pub(crate) exclusive: &'static str,
    /// Template: with the tax that is named.
    pub(crate) inclusive: &'static str,
    /// All, to which is added whether tax is inside.
    pub(crate) total: &'static str,
    /// Template: all of the tax that is named.
    pub(crate) tax_total: &'static str,
    /// What has been paid.
    pub(crate) paid: &'static str,
    /// Template: heading of what each rate of the tax that is named comes to.
    pub(crate) tax_breakdown: &'static str,
    /// Column of percentages.
    pub(crate) rate: &'static str,
    /// Column of what tax is charged on.
    pub(crate) taxable_amount: &'static str,
    /// Template: what has none of the tax that is named.
    pub(crate) untaxed: &'static str,
    /// Template: tax, currency, amount, one unit of the document's currency, its worth, the day.
    pub(crate) tax_in_sellers_currency: &'static str,
    /// Heading of payments.
    pub(crate) payments: &'static str,
    /// A date: a column of them, and that of issue of what is no invoice.
    pub(crate) date: &'static str,
    /// Column of references.
    pub(crate) reference: &'static str,
    /// What went back.
    pub(crate) refunded: &'static str,
    /// What came in beyond what was due.
    pub(crate) overpaid: &'static str,
    /// Template: why a credit note was issued.
    pub(crate) reason: &'static str,
    /// Heading of the mentions of the law.
    pub(crate) notes: &'static str,
    /// Template: a note on one line.
    pub(crate) on_line: &'static str,
    /// Template: a note on several lines.
    pub(crate) on_lines: &'static str,
    /// Template: one article of the directive.
    pub(crate) article: &'static str,
    /// Template: several articles of the directive.
    pub(crate) articles: &'static str,
    /// Between the last two of a list.
    pub(crate) and: &'static str,
    /// Heading of how to pay otherwise.
    pub(crate) payment_instructions: &'static str,
    /// Template: which page of how many.
    pub(crate) page: &'static str,
    /// The mention of a legal note.
    pub(crate) legal: fn(LegalNote) -> &'static str,
}

impl Words {
    /// The words of a language.
    pub(crate) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &en::WORDS,
            Language::Swedish => &sv::WORDS,
            Language::German => &de::WORDS,
            Language::French => &fr::WORDS,
            Language::Spanish => &es::WORDS,
        }
    }
}

/// Fills a template.
pub(crate) fn fill(template: &str, values: &[&str]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut values = values.iter();
    for (index, part) in template.split("{}").enumerate() {
        if index > 0 {
            filled.push_str(values.next().copied().unwrap_or_default());
        }
        filled.push_str(part);
    }
    filled
}

/// The text with its first letter in upper case, as at the beginning of a label.
pub(crate) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_have_as_many_blanks_in_every_language() {
        let blanks = |words: &Words| {
            [
                words.due_by,
                words.overdue,
                words.paid_on,
                words.voided_on,
                words.received_on,
                words.corrects,
                words.qr_alt,
                words.exclusive,
                words.inclusive,
                words.tax_total,
                words.tax_breakdown,
                words.untaxed,
                words.tax_in_sellers_currency,
                words.reason,
                words.on_line,
                words.on_lines,
                words.article,
                words.articles,
                words.page,
            ]
            .map(|template| template.matches("{}").count())
        };
        for language in Language::ALL {
            assert_eq!(
                blanks(Words::of(language)),
                [1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 6, 1, 1, 1, 1, 1, 2],
                "{language:?}"
            );
        }
    }

    #[test]
    fn every_language_has_its_own_mention_of_every_note() {
        for note in LegalNote::ALL {
            let mut mentions = Language::ALL.map(|language| (Words::of(language).legal)(note));
            mentions.sort_unstable();
            assert!(mentions.windows(2).all(|pair| pair[0] != pair[1]), "{note:?}");
        }
        for language in Language::ALL {
            let mut mentions = LegalNote::ALL.map(Words::of(language).legal);
            mentions.sort_unstable();
            assert!(mentions.windows(2).all(|pair| pair[0] != pair[1]), "{language:?}");
        }
    }

    #[test]
    fn templates_are_filled_in_order() {
        assert_eq!(fill("{} of {}.", &["1", "3"]), "1 of 3.");
        assert_eq!(capitalized("öre"), "Öre");
    }
}
