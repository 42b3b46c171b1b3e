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
pub struct Words {
    /// Title of an invoice.
    pub invoice: &'static str,
    /// Title of a receipt.
    pub receipt: &'static str,
    /// Title of a credit note.
    pub credit_note: &'static str,
    /// Value added tax, as within a sentence.
    pub vat: &'static str,
    /// Tax of another kind, as within a sentence.
    pub tax: &'static str,
    /// Who supplies.
    pub from: &'static str,
    /// Who is supplied.
    pub customer: &'static str,
    /// Label of a VAT id.
    pub vat_id: &'static str,
    /// Label of another tax id.
    pub tax_id: &'static str,
    /// Date of issue of an invoice.
    pub issued_on: &'static str,
    /// Date of supply.
    pub supplied_on: &'static str,
    /// Last day to pay.
    pub due_on: &'static str,
    /// Number of the invoice that is corrected or receipted.
    pub of_invoice: &'static str,
    /// Date of issue of that invoice.
    pub of_invoice_issued_on: &'static str,
    /// What is still to be paid.
    pub amount_due: &'static str,
    /// Template: to be paid by a date.
    pub due_by: &'static str,
    /// Template: was to be paid by a date.
    pub overdue: &'static str,
    /// What has been paid in full.
    pub amount_paid: &'static str,
    /// Template: paid on a date.
    pub paid_on: &'static str,
    /// Template: needed no payment any more on a date, since all of it was credited.
    pub settled_on: &'static str,
    /// An invoice that was withdrawn.
    pub void: &'static str,
    /// Template: withdrawn on a date.
    pub voided_on: &'static str,
    /// What came in.
    pub amount_received: &'static str,
    /// Template: came in on a date.
    pub received_on: &'static str,
    /// What is credited.
    pub amount_credited: &'static str,
    /// Template: corrects an invoice of a number and a date.
    pub corrects: &'static str,
    /// Label of the payment link.
    pub pay_online: &'static str,
    /// What the QR code is for.
    pub scan_to_pay: &'static str,
    /// Template: what the QR code is, for those who can't see it, with its URL.
    pub qr_alt: &'static str,
    /// Heading of the lines, in the outline.
    pub lines: &'static str,
    /// Column of line numbers.
    pub position: &'static str,
    /// Column of descriptions.
    pub description: &'static str,
    /// Column of quantities.
    pub quantity: &'static str,
    /// Column of unit prices.
    pub unit_price: &'static str,
    /// Column of amounts.
    pub amount: &'static str,
    /// Template: without the tax that is named.
    pub exclusive: &'static str,
    /// Template: with the tax that is named.
    pub inclusive: &'static str,
    /// All, to which is added whether tax is inside.
    pub total: &'static str,
    /// Template: all of the tax that is named.
    pub tax_total: &'static str,
    /// What has been paid.
    pub paid: &'static str,
    /// What credit notes took off what was to be paid.
    pub credited: &'static str,
    /// What of the money paid credit notes gave back, or are to.
    pub credited_after_payment: &'static str,
    /// Template: heading of what each rate of the tax that is named comes to.
    pub tax_breakdown: &'static str,
    /// Column of percentages.
    pub rate: &'static str,
    /// Column of what tax is charged on.
    pub taxable_amount: &'static str,
    /// Template: what has none of the tax that is named.
    pub untaxed: &'static str,
    /// Template: tax, currency, amount, one unit of the document's currency, its worth, who published that, the day.
    pub tax_in_sellers_currency: &'static str,
    /// Heading of payments.
    pub payments: &'static str,
    /// A date: a column of them, and that of issue of what is no invoice.
    pub date: &'static str,
    /// Column of references.
    pub reference: &'static str,
    /// What went back.
    pub refunded: &'static str,
    /// What came in beyond what was due.
    pub overpaid: &'static str,
    /// What was taken off of a line.
    pub discount: &'static str,
    /// Template: why a credit note was issued.
    pub reason: &'static str,
    /// Heading of the mentions of the law.
    pub notes: &'static str,
    /// Template: a note on one line.
    pub on_line: &'static str,
    /// Template: a note on several lines.
    pub on_lines: &'static str,
    /// Template: one article of the directive.
    pub article: &'static str,
    /// Template: several articles of the directive.
    pub articles: &'static str,
    /// Between the last two of a list.
    pub and: &'static str,
    /// Heading of how to pay otherwise.
    pub payment_instructions: &'static str,
    /// Label of what a payer writes beside a transfer.
    pub payment_reference: &'static str,
    /// Template: a label and what it names.
    pub labelled: &'static str,
    /// Template: the number in a register of companies.
    pub registration_number: &'static str,
    /// Template: the town of the registered office.
    pub registered_office: &'static str,
    /// Why a credit note was issued: it was billed twice.
    pub duplicate: &'static str,
    /// Why a credit note was issued: the order was a fraud.
    pub fraudulent: &'static str,
    /// Why a credit note was issued: the order changed.
    pub order_change: &'static str,
    /// Why a credit note was issued: the customer was not satisfied.
    pub product_unsatisfactory: &'static str,
    /// Template: which page of how many.
    pub page: &'static str,
    /// The mention of a legal note.
    pub legal: fn(LegalNote) -> &'static str,
}

impl Words {
    /// The words of a language.
    pub const fn of(language: Language) -> &'static Self {
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
pub fn fill(template: &str, values: &[&str]) -> String {
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
pub fn capitalized(text: &str) -> String {
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
                words.labelled,
                words.registration_number,
                words.registered_office,
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
                [1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 7, 1, 2, 1, 1, 1, 1, 1, 1, 2],
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
