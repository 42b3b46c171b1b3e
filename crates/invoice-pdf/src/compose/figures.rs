//! The figures of a document: its lines, its sums, what each rate comes to, and its payments. It shows figures as they are
//! given, and adds nothing up.

use domain::document::{DocumentLine, Subject};
use krilla::tagging::Tag;

use super::{BODY, Composer, FIGURE, INK, LEADING, MUTED, STRONG};
use crate::sheet::{Align, CONTENT_WIDTH, Color, Column, HAIRLINE, MARGIN, Tree};
use crate::table::{self, Cell, Heading, Kind};
use crate::typeface::{Digits, Style};
use document_language::{Sum, capitalized, fill};

/// The block of sums stands at the right.
const SUMS_WIDTH: f32 = 250.0;
const SUM_LABEL_WIDTH: f32 = 128.0;
const SUM_GAP: f32 = 10.0;
/// Room above and below a sum.
const SUM_PADDING: f32 = 2.0;
/// Where nothing applies.
const NONE: &str = "–";

impl Composer<'_> {
    /// The note on the whole, the reason of a credit note, and the message to the customer.
    pub(super) fn introduction(&mut self) {
        if let Subject::CreditNote { reason, .. } = &self.document.subject {
            let text = fill(self.words.reason, &[self.words.credit_reason(reason)]);
            self.paragraph(&text, BODY, INK, LEADING);
            self.sheet.space(6.0);
        }
        let texts = [
            self.document.description.as_ref().map(|text| text.as_str()),
            self.document.details.memo.as_ref().map(|text| text.as_str()),
        ];
        for text in texts.into_iter().flatten() {
            self.paragraph(text, BODY, INK, LEADING);
            self.sheet.space(6.0);
        }
        self.sheet.space(4.0);
    }

    /// What is supplied.
    pub(super) fn lines(&mut self) {
        let words = self.words;
        let behavior = self.document.common_behavior();
        let labelled = |label: &str| {
            behavior.map_or(label.to_owned(), |b| format!("{label}\n{}", words.with_or_without(b, self.term)))
        };
        let headings = [
            heading(words.position, Kind::Left),
            heading(words.description, Kind::Rest),
            heading(words.quantity, Kind::Right),
            heading(&labelled(words.unit_price), Kind::Decimal),
            heading(&capitalized(self.term), Kind::Right),
            heading(&labelled(words.amount), Kind::Decimal),
        ];
        let rows: Vec<Vec<Cell>> = self
            .document
            .lines
            .iter()
            .enumerate()
            .map(|(index, line)| self.line_cells(index, line, behavior.is_none()))
            .collect();
        self.mark(words.lines.to_owned());
        self.table(&headings, &rows, words.lines.to_owned());
        self.sheet.space(10.0);
    }

    fn line_cells(&self, index: usize, line: &DocumentLine, tells_behavior: bool) -> Vec<Cell> {
        let aside = tells_behavior.then(|| self.words.with_or_without(line.behavior, self.term));
        let figure = |text: String| Cell { text, aside: aside.clone() };
        let (quantity, unit_price) = line.price.map_or((NONE.to_owned(), NONE.to_owned()), |price| {
            (self.format.number(price.quantity.get().into()), self.format.unit_price(price.unit_price))
        });
        let rates: Vec<String> = line.rates.iter().map(|rate| self.format.percentage(rate.percentage)).collect();
        vec![
            (index + 1).to_string().into(),
            Cell {
                text: line.description.as_str().to_owned(),
                aside: line.discount.map(|discount| self.words.line_discount(self.format, &discount)),
            },
            quantity.into(),
            figure(unit_price),
            if rates.is_empty() { NONE.to_owned() } else { rates.join("\n") }.into(),
            figure(self.format.amount(line.amount())),
        ]
    }

    /// The sums: without tax, tax, with tax, and what was paid and is left.
    pub(super) fn totals(&mut self) {
        let sums = self.words.sums(self.document);
        self.sheet.keep_together(sums.len() as f32 * (LEADING + 2.0 * SUM_PADDING));
        for sum in sums {
            self.sum(&sum);
        }
        self.sheet.space(14.0);
    }

    fn sum(&mut self, sum: &Sum) {
        let (label_style, figure_style) = match sum.is_strong {
            true => (STRONG, Style { digits: Digits::Tabular, ..STRONG }),
            false => (BODY, FIGURE),
        };
        let x = MARGIN + CONTENT_WIDTH - SUMS_WIDTH;
        let value_width = SUMS_WIDTH - SUM_LABEL_WIDTH - SUM_GAP;
        let colored = |lines: Vec<_>, color: Color| lines.into_iter().map(|line| (line, color)).collect();
        let label = self.setter.lines(&sum.label, label_style, SUM_LABEL_WIDTH);
        let value = self.setter.line(&self.format.money(sum.amount), figure_style).within(value_width);
        let label_color = if sum.is_strong { INK } else { MUTED };
        let columns = vec![
            Column { x, width: SUM_LABEL_WIDTH, align: Align::Left, lines: colored(label, label_color) },
            Column {
                x: x + SUM_LABEL_WIDTH + SUM_GAP,
                width: value_width,
                align: Align::Right,
                lines: colored(vec![value], INK),
            },
        ];
        self.sheet.keep_together(columns[0].lines.len() as f32 * LEADING + 2.0 * SUM_PADDING);
        self.sheet.space(SUM_PADDING);
        let leaves = self.sheet.flow(columns, LEADING);
        self.sheet.space(SUM_PADDING);
        self.sheet.rule((x, SUMS_WIDTH), 0.5, HAIRLINE);
        self.push(Tree::group(Tag::P, leaves.into_iter().flatten().collect()));
    }

    /// What each rate and category comes to, and the tax in the seller's currency.
    pub(super) fn tax_breakdown(&mut self) {
        let (words, document) = (self.words, self.document);
        let heading_text = capitalized(&fill(words.tax_breakdown, &[self.term]));
        let headings = [
            heading(&capitalized(self.term), Kind::Rest),
            heading(words.rate, Kind::Right),
            heading(words.taxable_amount, Kind::Decimal),
            heading(&capitalized(self.term), Kind::Decimal),
        ];
        let rows: Vec<Vec<Cell>> = document
            .tax_subtotals
            .iter()
            .map(|subtotal| {
                let rate = subtotal.rate.as_ref().map(|rate| self.format.percentage(rate.percentage));
                vec![
                    self.words.tax_subtotal(document.details.language, subtotal, self.term).into(),
                    rate.unwrap_or_else(|| NONE.to_owned()).into(),
                    self.format.amount(subtotal.base).into(),
                    self.format.amount(subtotal.tax).into(),
                ]
            })
            .collect();
        if !rows.is_empty() {
            self.heading(&format!("{heading_text} ({})", document.currency));
            self.table(&headings, &rows, heading_text);
            self.sheet.space(10.0);
        }
        if let Some(text) = words.tax_exchanged(document) {
            self.paragraph(&text, BODY, INK, LEADING);
            self.sheet.space(10.0);
        }
    }

    /// The payments of a receipt.
    pub(super) fn payments(&mut self) {
        let Subject::Receipt { payments, .. } = &self.document.subject else { return };
        let words = self.words;
        let headings = [
            heading(words.date, Kind::Left),
            heading(words.reference, Kind::Rest),
            heading(words.amount, Kind::Decimal),
        ];
        let rows: Vec<Vec<Cell>> = payments
            .iter()
            .map(|payment| {
                vec![
                    self.format.date(payment.received_on).into(),
                    payment.reference.clone().into(),
                    self.format.amount(payment.amount).into(),
                ]
            })
            .collect();
        self.heading(&format!("{} ({})", words.payments, self.document.currency));
        self.table(&headings, &rows, words.payments.to_owned());
        self.sheet.space(10.0);
    }

    fn table(&mut self, headings: &[Heading], rows: &[Vec<Cell>], summary: String) {
        let separator = self.format.decimal_separator();
        let table = table::draw(&mut self.sheet, self.setter, separator, (headings, rows), summary);
        self.push(table);
    }
}

fn heading(label: &str, kind: Kind) -> Heading {
    Heading { label: label.to_owned(), kind }
}
