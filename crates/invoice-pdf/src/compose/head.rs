//! The head of a document: who issues it, what it is, who is meant, and its dates. It must not know figures.

use domain::document::Subject;
use domain::invoice::PartySnapshot;
use krilla::tagging::Tag;

use super::{BODY, Composer, LABEL, LEADING, SMALL, SMALL_LEADING, STRONG, name_of};
use crate::pdf::HEADING;
use crate::sheet::{Align, CONTENT_WIDTH, Color, Column, INK, MARGIN, MUTED, Tree, baseline_within};
use crate::typeface::{Digits, Line, Style, Weight};
use document_language::address_lines;

const SELLER: Style = Style { weight: Weight::SemiBold, digits: Digits::Proportional, size: 13.0 };
const SELLER_LEADING: f32 = 17.0;
const TITLE: Style = Style { weight: Weight::SemiBold, digits: Digits::Proportional, size: 20.0 };
const TITLE_LEADING: f32 = 25.0;
const NUMBER: Style = Style { weight: Weight::Regular, digits: Digits::Proportional, size: 10.0 };
const NUMBER_LEADING: f32 = 14.0;

/// Room between the columns of the head.
const GAP: f32 = 20.0;
const SELLER_WIDTH: f32 = 270.0;
const TITLE_WIDTH: f32 = CONTENT_WIDTH - SELLER_WIDTH - GAP;
const PARTY_WIDTH: f32 = 134.0;
const FACTS_WIDTH: f32 = CONTENT_WIDTH - 2.0 * (PARTY_WIDTH + GAP);
const FACT_LABEL_WIDTH: f32 = 88.0;
const FACT_GAP: f32 = 8.0;

/// A label and, beside it, its value.
struct Fact {
    label: Vec<(Line, Color)>,
    value: Vec<(Line, Color)>,
}

impl Composer<'_> {
    /// The seller's name with its letterhead, and the title with the number.
    pub(super) fn head(&mut self) {
        let top = self.sheet.y();
        self.mark(self.whole_title());
        let name = name_of(self.document.seller.name.as_ref());
        let seller = self.setter.lines(name, SELLER, SELLER_WIDTH);
        let (end, mut seller_leaves) =
            self.stack((MARGIN, top), seller, (SELLER_WIDTH, SELLER_LEADING, Align::Left), INK);
        // A fact such as a telephone number stays on its line.
        let facts = self.words.letterhead(&self.document.letterhead).into_iter();
        let letterhead = facts.map(|fact| fact.replace(' ', "\u{a0}")).collect::<Vec<_>>().join(" · ");
        let letterhead = self.setter.lines(&letterhead, SMALL, SELLER_WIDTH);
        let (seller_end, letterhead_leaves) =
            self.stack((MARGIN, end), letterhead, (SELLER_WIDTH, SMALL_LEADING, Align::Left), MUTED);
        seller_leaves.extend(letterhead_leaves);

        let x = MARGIN + SELLER_WIDTH + GAP;
        let title = self.setter.lines(self.title(), TITLE, TITLE_WIDTH);
        let (end, mut title_leaves) =
            self.stack((x, top - 4.0), title, (TITLE_WIDTH, TITLE_LEADING, Align::Right), INK);
        let number = self.setter.lines(&self.document.number, NUMBER, TITLE_WIDTH);
        let (end, number_leaves) = self.stack((x, end), number, (TITLE_WIDTH, NUMBER_LEADING, Align::Right), MUTED);
        title_leaves.extend(number_leaves);

        self.push(Tree::group(Tag::Hn(HEADING, Some(self.whole_title())), title_leaves));
        self.push(Tree::group(Tag::P, seller_leaves));
        self.sheet.space(seller_end.max(end) - top + 20.0);
    }

    /// Seller and buyer with their addresses and ids, and the dates.
    pub(super) fn parties(&mut self) {
        let seller = self.party(self.words.from, &self.document.seller);
        let buyer =
            self.document.buyer.as_ref().map(|buyer| self.party(self.words.customer, buyer)).unwrap_or_default();
        let facts = self.facts();
        let in_rows = |part: fn(&Fact) -> &Vec<(Line, Color)>| {
            facts.iter().flat_map(|fact| fact.padded(part(fact), self.setter.line("", BODY))).collect::<Vec<_>>()
        };
        let (labels, values) = (in_rows(|fact| &fact.label), in_rows(|fact| &fact.value));
        let facts_x = MARGIN + 2.0 * (PARTY_WIDTH + GAP);
        let value_width = FACTS_WIDTH - FACT_LABEL_WIDTH - FACT_GAP;
        let columns = vec![
            Column { x: MARGIN, width: PARTY_WIDTH, align: Align::Left, lines: seller },
            Column { x: MARGIN + PARTY_WIDTH + GAP, width: PARTY_WIDTH, align: Align::Left, lines: buyer },
            Column { x: facts_x, width: FACT_LABEL_WIDTH, align: Align::Left, lines: labels },
            Column { x: facts_x + FACT_LABEL_WIDTH + FACT_GAP, width: value_width, align: Align::Right, lines: values },
        ];
        let mut leaves = self.sheet.flow(columns, LEADING).into_iter();
        for party in leaves.by_ref().take(2) {
            self.push(Tree::group(Tag::P, party));
        }
        // Labels and values are drawn column by column, and read pair by pair.
        let mut labels = leaves.next().unwrap_or_default().into_iter();
        let mut values = leaves.next().unwrap_or_default().into_iter();
        for fact in &facts {
            let label = labels.by_ref().take(fact.label.len());
            let pair = label.chain(values.by_ref().take(fact.value.len())).collect();
            self.push(Tree::group(Tag::P, pair));
        }
        self.sheet.space(14.0);
    }

    /// Lines from `top` on that stay on this page, and where they end.
    fn stack(
        &mut self,
        (x, top): (f32, f32),
        lines: Vec<Line>,
        (width, leading, align): (f32, f32, Align),
        color: Color,
    ) -> (f32, Vec<Tree>) {
        let mut y = top;
        let mut leaves = Vec::with_capacity(lines.len());
        for line in lines {
            let left = if align == Align::Right { x + width - line.width() } else { x };
            if !line.glyphs.is_empty() {
                leaves.push(self.sheet.text((left, y + baseline_within(leading)), line, color));
            }
            y += leading;
        }
        (y, leaves)
    }

    fn party(&self, label: &str, party: &PartySnapshot) -> Vec<(Line, Color)> {
        let set = |text: &str, style: Style, color: Color| {
            self.setter.lines(text, style, PARTY_WIDTH).into_iter().map(move |line| (line, color)).collect::<Vec<_>>()
        };
        let mut lines = Vec::new();
        if let Some(name) = &party.name {
            lines.extend(set(name.as_str(), STRONG, INK));
        }
        let language = self.document.details.language;
        for part in party.address.iter().flat_map(|address| address_lines(address, language)) {
            lines.extend(set(&part, BODY, INK));
        }
        if let Some(email) = &party.email {
            lines.extend(set(email.as_str(), BODY, INK));
        }
        for id in &party.tax_ids {
            lines.extend(set(&self.words.labelled_tax_id(id), BODY, INK));
        }
        if !lines.is_empty() {
            lines.splice(..0, set(label, LABEL, MUTED));
        }
        lines
    }

    /// The dates and what the document refers to.
    fn facts(&self) -> Vec<Fact> {
        let (words, document) = (self.words, self.document);
        let issued_on = match document.subject {
            Subject::Invoice { .. } => words.issued_on,
            Subject::Receipt { .. } | Subject::CreditNote { .. } => words.date,
        };
        let mut facts = vec![(issued_on, self.format.date(document.issued_on))];
        if let Some(date) = document.supplied_on {
            facts.push((words.supplied_on, self.format.date(date)));
        }
        match &document.subject {
            Subject::Invoice { due_on, .. } => facts.push((words.due_on, self.format.date(*due_on))),
            Subject::Receipt { invoice_issued_on, .. } => {
                facts.push((words.of_invoice, document.number.clone()));
                facts.push((words.of_invoice_issued_on, self.format.date(*invoice_issued_on)));
            }
            Subject::CreditNote { corrects, .. } => {
                facts.push((words.of_invoice, corrects.number.clone()));
                facts.push((words.of_invoice_issued_on, self.format.date(corrects.issued_on)));
            }
        }
        let value_width = FACTS_WIDTH - FACT_LABEL_WIDTH - FACT_GAP;
        let set = |text: &str, style: Style, width: f32, color: Color| {
            self.setter.lines(text, style, width).into_iter().map(|line| (line, color)).collect()
        };
        let fact = |(label, value): (&str, String)| Fact {
            label: set(label, BODY, FACT_LABEL_WIDTH, MUTED),
            value: set(&value, BODY, value_width, INK),
        };
        facts.into_iter().map(fact).collect()
    }
}

impl Fact {
    /// One of its columns with as many lines as the higher of both.
    fn padded(&self, lines: &[(Line, Color)], empty: Line) -> Vec<(Line, Color)> {
        let rows = self.label.len().max(self.value.len());
        let mut lines = lines.to_vec();
        lines.resize(rows, (empty, INK));
        lines
    }
}
