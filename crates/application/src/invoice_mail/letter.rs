//! The text of a mail: what is paid or to be paid, until when, and where. It must not know how mail is sent.

use domain::document::Language;
use domain::invoice::{Invoice, InvoiceState};
use domain::invoice_mail::MailKind;

use super::Enclosures;
use super::words::{self, Words};

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
pub(super) fn write(kind: MailKind, language: Language, invoice: &Invoice, with: &Enclosures) -> Option<Letter> {
    let fixed = invoice.finalization()?;
    let words = Words::of(language);
    let seller = one_line(fixed.seller.name.as_ref()?.as_str());
    let reader = fixed.buyer.as_ref().and_then(|buyer| buyer.name.as_ref()).map(|name| one_line(name.as_str()));
    let number = fixed.number.as_str();
    let greeting = (words.greeting)(reader.as_deref());
    let (subject, opening) = match kind {
        MailKind::Invoice => ((words.invoice_subject)(number, &seller), (words.invoice_opening)(number, &seller)),
        MailKind::Receipt => ((words.receipt_subject)(number, &seller), (words.receipt_opening)(number, &seller)),
    };
    let paragraphs = [
        greeting,
        opening,
        figures(kind, language, invoice)?,
        places(words, with),
        with.document.as_ref().map_or("", |_| words.attached).to_owned(),
        format!("{}\n{seller}", words.closing),
    ];
    let text = paragraphs.into_iter().filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("\n\n");
    Some(Letter { sender: seller, subject, text: text + "\n" })
}

fn figures(kind: MailKind, language: Language, invoice: &Invoice) -> Option<String> {
    let words = Words::of(language);
    let line = |label: &str, said: String| format!("{label} {said}");
    let due = invoice.amount_due();
    let mut lines = Vec::new();
    if kind == MailKind::Receipt {
        lines.push(line(words.paid, words::amount(language, invoice.amount_paid)));
    }
    if due.is_zero() {
        lines.extend((kind == MailKind::Invoice).then(|| words.nothing_due.to_owned()));
    } else {
        lines.push(line(words.due, words::amount(language, due)));
        // Of what was given up nobody says until when it is to be paid.
        let is_open = matches!(invoice.state, InvoiceState::Open { .. });
        lines.extend(is_open.then_some(line(words.due_date, words::date(language, invoice.finalization()?.due_date))));
    }
    Some(lines.join("\n"))
}

/// Each address on a line of its own, so that no mail program breaks it.
fn places(words: &Words, with: &Enclosures) -> String {
    let place = |label: &str, url: &Option<String>| url.as_ref().map(|url| format!("{label}\n{url}"));
    let places = [place(words.pay_at, &with.payment_url), place(words.see_at, &with.page_url)];
    places.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
