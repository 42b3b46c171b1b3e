//! The text of a mail: what is paid or to be paid, until when, and where. It must not know how mail is sent.

use document_language::{Format, LetterWords, Words};
use domain::document::{InvoiceDocumentKind, Language};
use domain::invoice::{Invoice, InvoiceState};

use super::Enclosures;

/// A mail in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// What stands as its sender.
    pub(super) sender: String,
    /// Its subject.
    pub(super) subject: String,
    /// Its text.
    pub(super) text: String,
}

/// Writes a mail about an invoice as it stands. `None` for an invoice that was never finalized.
pub(super) fn write(
    kind: InvoiceDocumentKind,
    language: Language,
    invoice: &Invoice,
    with: &Enclosures,
) -> Option<Letter> {
    let fixed = invoice.finalization()?;
    let words = LetterWords::of(language);
    let seller = one_line(fixed.seller.name.as_ref()?.as_str());
    let reader = fixed.buyer.as_ref().and_then(|buyer| buyer.name.as_ref()).map(|name| one_line(name.as_str()));
    let number = fixed.number.as_str();
    let greeting = (words.greeting)(reader.as_deref());
    let (subject, opening) = match kind {
        InvoiceDocumentKind::Invoice => {
            ((words.invoice_subject)(number, &seller), (words.invoice_opening)(number, &seller))
        }
        InvoiceDocumentKind::Receipt => {
            ((words.receipt_subject)(number, &seller), (words.receipt_opening)(number, &seller))
        }
    };
    let paragraphs = [
        greeting,
        opening,
        figures(kind, language, invoice)?,
        places(words, with),
        transfer(Words::of(language), &with.transfer),
        with.document.as_ref().map_or("", |_| words.attached).to_owned(),
        format!("{}\n{seller}", words.closing),
    ];
    let text = paragraphs.into_iter().filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("\n\n");
    Some(Letter { sender: seller, subject, text: text + "\n" })
}

fn figures(kind: InvoiceDocumentKind, language: Language, invoice: &Invoice) -> Option<String> {
    let words = LetterWords::of(language);
    let format = Format::of(language);
    let line = |label: &str, said: String| format!("{label} {said}");
    let due = invoice.amount_due();
    let mut lines = Vec::new();
    if kind == InvoiceDocumentKind::Receipt {
        lines.push(line(words.paid, format.money(invoice.amount_paid)));
    }
    if due.is_zero() {
        lines.extend((kind == InvoiceDocumentKind::Invoice).then(|| words.nothing_due.to_owned()));
    } else {
        lines.push(line(words.due, format.money(due)));
        // Of what was given up nobody says until when it is to be paid.
        let is_open = matches!(invoice.state, InvoiceState::Open { .. });
        lines.extend(is_open.then_some(line(words.due_date, format.date(invoice.finalization()?.due_date))));
    }
    Some(lines.join("\n"))
}

/// Each address on a line of its own, so that no mail program breaks it.
fn places(words: &LetterWords, with: &Enclosures) -> String {
    let place = |label: &str, url: &Option<String>| url.as_ref().map(|url| format!("{label}\n{url}"));
    let places = [place(words.pay_at, &with.payment_url), place(words.see_at, &with.page_url)];
    places.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

/// How else to pay, under its heading.
fn transfer(words: &Words, rows: &[(String, String)]) -> String {
    let row = |(label, value): &(String, String)| words.labelled(label, value);
    let heading = Some(words.payment_instructions.to_owned()).filter(|_| !rows.is_empty());
    heading.into_iter().chain(rows.iter().map(row)).collect::<Vec<_>>().join("\n")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
