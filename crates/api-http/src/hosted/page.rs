//! The page of an invoice, and those that say why there is none. It shows a document's figures as they are, and adds nothing
//! up. Every link is relative, since a proxy may put the pages below a path.

use application::SharedInvoice;
use document_language::{Format, Sum, Words, address_lines, capitalized, fill};
use domain::document::{Document, DocumentLine, Language, PaymentUrl, Standing, Subject};
use domain::invoice::PartySnapshot;
use domain::money::Money;
use domain::text::PartyName;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::style::CSS;
use super::words::PageWords;

/// Where nothing applies.
const NONE: &str = "–";

/// The page of a shared invoice. `token` is the last part of its path.
pub(super) fn invoice(shared: &SharedInvoice, token: &str) -> Markup {
    let document = &shared.invoice;
    let language = document.details.language;
    let page = Page {
        document,
        words: Words::of(language),
        page: PageWords::of(language),
        format: Format::of(language),
        term: Words::of(language).tax_term(document),
    };
    let title = format!("{} {}", page.words.invoice, document.number);
    let seller = document.seller.name.as_ref().map(PartyName::as_str).unwrap_or_default();
    let whole_title = if seller.is_empty() { title.clone() } else { format!("{title} · {seller}") };
    let content = html! {
        main {
            header {
                p.seller { (seller) }
                h1 { (title) }
            }
            (page.ask(shared))
            (page.transfer())
            (page.facts())
            @for text in [document.description.as_ref().map(|text| text.as_str()), document.details.memo.as_ref().map(|text| text.as_str())].into_iter().flatten() {
                p.said { (text) }
            }
            (page.lines())
            (page.sums(shared))
            (page.tax_breakdown())
            (page.tax_exchanged())
            (page.notes())
            (page.files(shared, token))
            @if let Some(footer) = &document.letterhead.footer { p.small { (footer.as_str()) } }
        }
        footer { nav aria-label=(page.page.language) {
            @for other in Language::ALL {
                @let name = PageWords::of(other).name;
                @if other == language { span lang=(other.code()) aria-current="true" { (name) } }
                @else { a href={ "?lang=" (other.code()) } lang=(other.code()) hreflang=(other.code()) { (name) } }
            }
        } }
    };
    frame(language, &whole_title, &content)
}

/// The page for a token that shows nothing, whatever the reason.
pub(super) fn not_found(language: Language) -> Markup {
    let words = PageWords::of(language);
    short(language, words.not_found, words.not_found_hint)
}

/// The page for what is ours to mend.
pub(super) fn unavailable(language: Language) -> Markup {
    let words = PageWords::of(language);
    short(language, words.unavailable, words.unavailable_hint)
}

fn short(language: Language, title: &str, text: &str) -> Markup {
    frame(language, title, &html! { main.short { h1 { (title) } p { (text) } } })
}

fn frame(language: Language, title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex, nofollow";
                title { (title) }
                style { (PreEscaped(CSS)) }
            }
            body { (content) }
        }
    }
}

/// An invoice while its page is written.
struct Page<'a> {
    document: &'a Document,
    words: &'static Words,
    page: &'static PageWords,
    format: Format,
    /// What the tax is called within a sentence.
    term: &'static str,
}

impl Page<'_> {
    /// What matters most: what is to be paid until when, and where; or that nothing is, and what went back of what was paid.
    fn ask(&self, shared: &SharedInvoice) -> Markup {
        let Subject::Invoice { due_on, paid, credited, credited_after_payment, due, standing } = &self.document.subject
        else {
            return html! {};
        };
        let moved = Moved::of(shared);
        let (words, page) = (self.words, self.page);
        let on = |template: &str, date| fill(template, &[&self.format.date(date)]);
        let (class, state, label, amount, detail) = match standing {
            Standing::Open { is_overdue: false } => {
                ("open", page.open, words.amount_due, Some(*due), on(words.due_by, *due_on))
            }
            Standing::Open { is_overdue: true } => {
                ("overdue", page.overdue, words.amount_due, Some(*due), on(words.overdue, *due_on))
            }
            Standing::Paid { paid_on } if paid.is_zero() && !credited.is_zero() => {
                ("paid", words.credited, words.amount_credited, Some(*credited), on(words.settled_on, *paid_on))
            }
            Standing::Paid { paid_on } if moved.is_some_and(|moved| moved.has_all_gone_back()) => {
                ("refunded", words.refunded, words.amount_paid, Some(*paid), on(words.paid_on, *paid_on))
            }
            Standing::Paid { paid_on } => {
                ("paid", page.paid, words.amount_paid, Some(*paid), on(words.paid_on, *paid_on))
            }
            Standing::Void { voided_on } => {
                ("void", words.void, words.amount_due, None, on(words.voided_on, *voided_on))
            }
        };
        let amount = amount.unwrap_or(Money::zero(self.document.currency));
        let url = self.document.details.payment_url.as_ref().filter(|_| !due.is_zero()).map(PaymentUrl::as_str);
        html! {
            section class={ "ask " (class) } {
                div {
                    p.label { (label) span.state { (state) } }
                    p.amount { (self.format.money(amount)) }
                    p.detail { (detail) }
                    @if !credited_after_payment.is_zero() {
                        p.detail { (words.credited_after_payment) " " (self.format.money(*credited_after_payment)) }
                    }
                    @for (label, amount) in moved.iter().flat_map(|moved| moved.rows(words, *paid)) {
                        p.detail { (label) " " (self.format.money(amount)) }
                    }
                }
                @if let Some(url) = url {
                    div.go {
                        a.pay href=(url) { (fill(page.pay, &[&self.format.money(*due)])) }
                        p.hint { (page.pay_hint) }
                    }
                }
            }
        }
    }

    /// How to pay by a transfer, for who does not pay online.
    fn transfer(&self) -> Markup {
        let rows = self.words.transfer(self.document);
        if rows.is_empty() {
            return html! {};
        }
        html! {
            section.transfer aria-labelledby="transfer" {
                h2 id="transfer" { (self.words.payment_instructions) }
                dl { @for (label, value) in rows.iter().filter(|(label, _)| !label.is_empty()) {
                    div { dt { (label) } dd { (value) } }
                } }
                @for (_, line) in rows.iter().filter(|(label, _)| label.is_empty()) { p { (line) } }
            }
        }
    }

    fn facts(&self) -> Markup {
        let (words, document) = (self.words, self.document);
        let mut dates = vec![(words.issued_on, document.issued_on)];
        dates.extend(document.supplied_on.map(|date| (words.supplied_on, date)));
        if let Subject::Invoice { due_on, .. } = &document.subject {
            dates.push((words.due_on, *due_on));
        }
        html! {
            div.facts {
                (self.party(words.from, &document.seller, &words.letterhead(&document.letterhead)))
                @if let Some(buyer) = &document.buyer { (self.party(words.customer, buyer, &[])) }
                dl { @for (label, date) in dates { div { dt { (label) } dd { (self.format.date(date)) } } } }
            }
        }
    }

    fn party(&self, kind: &str, party: &PartySnapshot, more: &[String]) -> Markup {
        let language = self.document.details.language;
        html! {
            address.party {
                span.kind { (kind) }
                @if let Some(name) = &party.name { span.name { (name.as_str()) } }
                @for line in party.address.iter().flat_map(|address| address_lines(address, language)) { span { (line) } }
                @if let Some(email) = &party.email { span { (email.as_str()) } }
                @for id in &party.tax_ids { span { (self.words.labelled_tax_id(id)) } }
                @for line in more { span { (line) } }
            }
        }
    }

    fn lines(&self) -> Markup {
        let words = self.words;
        let behavior = self.document.common_behavior();
        let labelled = |label: &str| {
            behavior
                .map_or(label.to_owned(), |behavior| format!("{label} {}", words.with_or_without(behavior, self.term)))
        };
        let (unit_price, amount) = (labelled(words.unit_price), labelled(words.amount));
        html! {
            table.lines.cards role="table" {
                caption.hidden { (words.lines) " (" (self.document.currency) ")" }
                thead role="rowgroup" { tr role="row" {
                    th role="columnheader" scope="col" { (words.description) }
                    th.figure role="columnheader" scope="col" { (words.quantity) }
                    th.figure role="columnheader" scope="col" { (broken(&unit_price, words.unit_price)) }
                    th.figure role="columnheader" scope="col" { (capitalized(self.term)) }
                    th.figure role="columnheader" scope="col" { (broken(&amount, words.amount)) }
                } }
                tbody role="rowgroup" { @for line in &self.document.lines { (self.line(line, (&unit_price, &amount), behavior.is_none())) } }
            }
        }
    }

    fn line(&self, line: &DocumentLine, (unit_price, amount): (&str, &str), tells_behavior: bool) -> Markup {
        let rates: Vec<_> = line.rates.iter().map(|rate| self.format.percentage(rate.percentage)).collect();
        let rates = if rates.is_empty() { NONE.to_owned() } else { rates.join(" + ") };
        html! {
            tr role="row" {
                td.what role="rowheader" {
                    (line.description.as_str())
                    @if let Some(discount) = &line.discount {
                        span.aside { (self.words.line_discount(self.format, discount)) }
                    }
                }
                @if let Some(price) = line.price {
                    td.figure role="cell" data-label=(self.words.quantity) { span { (self.format.number(price.quantity.get().into())) } }
                    td.figure role="cell" data-label=(unit_price) { span { (self.format.unit_price(price.unit_price)) } }
                } @else {
                    td.figure role="cell" data-label=(self.words.quantity) { span { (NONE) } }
                    td.figure role="cell" data-label=(unit_price) { span { (NONE) } }
                }
                td.figure role="cell" data-label=(capitalized(self.term)) { span { (rates) } }
                td.figure role="cell" data-label=(amount) {
                    span {
                        (self.format.amount(line.amount()))
                        @if tells_behavior { span.aside { (self.words.with_or_without(line.behavior, self.term)) } }
                    }
                }
            }
        }
    }

    /// The sums of the invoice, and among them what its receipt tells of the money.
    fn sums(&self, shared: &SharedInvoice) -> Markup {
        let mut sums = self.words.sums(self.document);
        if let (Some(moved), Subject::Invoice { paid, due, .. }) = (Moved::of(shared), &self.document.subject) {
            // What is due stands last.
            let at = sums.len() - usize::from(*due != self.document.gross);
            let rows = moved.rows(self.words, *paid);
            let row = |(label, amount): (&str, Money)| Sum { label: label.to_owned(), amount, is_strong: false };
            sums.splice(at..at, rows.map(row));
        }
        html! {
            table.sums aria-label=(self.words.total) { tbody {
                @for sum in sums {
                    tr.strong[sum.is_strong] { th scope="row" { (sum.label) } td.figure { (self.format.money(sum.amount)) } }
                }
            } }
        }
    }

    fn tax_breakdown(&self) -> Markup {
        let (words, document) = (self.words, self.document);
        if document.tax_subtotals.is_empty() {
            return html! {};
        }
        let tax = capitalized(self.term);
        let row = |name: String, rate: String, base: Money, amount: Money| {
            html! {
                tr role="row" {
                    td.what role="rowheader" { (name) }
                    td.figure role="cell" data-label=(words.rate) { span { (rate) } }
                    td.figure role="cell" data-label=(words.taxable_amount) { span { (self.format.amount(base)) } }
                    td.figure role="cell" data-label=(tax) { span { (self.format.amount(amount)) } }
                }
            }
        };
        html! {
            h2 id="tax" { (capitalized(&fill(words.tax_breakdown, &[self.term]))) " (" (document.currency) ")" }
            table.cards role="table" aria-labelledby="tax" {
                thead role="rowgroup" { tr role="row" {
                    th role="columnheader" scope="col" { (tax) }
                    th.figure role="columnheader" scope="col" { (words.rate) }
                    th.figure role="columnheader" scope="col" { (words.taxable_amount) }
                    th.figure role="columnheader" scope="col" { (tax) }
                } }
                tbody role="rowgroup" {
                    @for subtotal in &document.tax_subtotals {
                        @let name = words.tax_subtotal(document.details.language, subtotal, self.term);
                        @let rate = subtotal.rate.as_ref().map(|rate| self.format.percentage(rate.percentage));
                        (row(name, rate.unwrap_or_else(|| NONE.to_owned()), subtotal.base, subtotal.tax))
                    }
                }
            }
        }
    }

    /// The tax in the seller's currency.
    fn tax_exchanged(&self) -> Markup {
        html! { @if let Some(text) = self.words.tax_exchanged(self.document) { p.beside { (text) } } }
    }

    fn notes(&self) -> Markup {
        let notes = &self.document.details.legal_notes;
        html! {
            @if !notes.is_empty() {
                h2 { (self.words.notes) }
                ul.notes { @for note in notes { li { (self.words.mention(note)) } } }
            }
        }
    }

    fn files(&self, shared: &SharedInvoice, token: &str) -> Markup {
        let query = format!("?lang={}", self.document.details.language.code());
        let file = |path: &str, title: String, aside: String| {
            html! {
                li { a href={ (token) "/" (path) (query) } { span.title { (title) " (PDF)" } span.aside { (aside) } } }
            }
        };
        let words = self.words;
        let about = |document: &Document, amount: Money| {
            format!("{} · {}", self.format.date(document.issued_on), self.format.money(amount))
        };
        html! {
            h2.documents { (self.page.documents) }
            ul.files {
                (file("invoice.pdf", format!("{} {}", words.invoice, shared.invoice.number), about(&shared.invoice, shared.invoice.gross)))
                @if let Some((receipt, moved)) = shared.receipt.as_ref().zip(Moved::of(shared)) {
                    (file("receipt.pdf", words.receipt.to_owned(), about(receipt, moved.received)))
                }
                @for (place, note) in (1..).zip(&shared.credit_notes) {
                    (file(&format!("credit-notes/{place}.pdf"), format!("{} {}", words.credit_note, note.number), about(note, note.gross)))
                }
            }
        }
    }
}

/// What the receipt tells of the money.
#[derive(Clone, Copy)]
struct Moved {
    received: Money,
    refunded: Money,
    overpaid: Money,
}

impl Moved {
    /// `None` where nothing has come in.
    fn of(shared: &SharedInvoice) -> Option<Self> {
        match shared.receipt.as_ref()?.subject {
            Subject::Receipt { received, refunded, overpaid, .. } => Some(Self { received, refunded, overpaid }),
            _ => None,
        }
    }

    /// Whether nothing is left of what came in, or less than that.
    fn has_all_gone_back(self) -> bool {
        !self.refunded.is_zero() && self.refunded.minor() >= self.received.minor()
    }

    /// What is to be told beside what was paid of the invoice: what came in where that was more, what went back, and what is to.
    fn rows(self, words: &'static Words, paid: Money) -> impl Iterator<Item = (&'static str, Money)> {
        let more = (self.received.minor() > paid.minor()).then_some((words.amount_received, self.received));
        let moved = [(words.refunded, self.refunded), (words.overpaid, self.overpaid)];
        more.into_iter().chain(moved.into_iter().filter(|(_, amount)| !amount.is_zero()))
    }
}

/// A label whose addition may stand on a line of its own.
fn broken(label: &str, first: &str) -> Markup {
    let rest = label.strip_prefix(first).unwrap_or_default().trim();
    html! { (first) @if !rest.is_empty() { br; (rest) } }
}
