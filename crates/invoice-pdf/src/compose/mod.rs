//! Composes a document: which part comes where on the pages, in which words. It knows documents and pages, and nothing of the
//! file format; it computes no figure.

mod figures;
mod furniture;
mod head;
mod notes;
mod panel;

use domain::document::{Document, Subject};
use domain::text::PartyName;
use krilla::tagging::Tag;

use crate::pdf::About;
use crate::sheet::{Align, CONTENT_WIDTH, Color, Column, INK, MARGIN, MUTED, Sheet, Tree};
use crate::typeface::{Digits, Line, Style, Typesetter, Weight};
use document_language::Format;
use document_language::Words;

/// Running text.
const BODY: Style = Style { weight: Weight::Regular, digits: Digits::Proportional, size: 9.0 };
/// Running text that stands out.
const STRONG: Style = Style { weight: Weight::SemiBold, ..BODY };
/// Labels above what they name.
const LABEL: Style = Style { weight: Weight::SemiBold, digits: Digits::Proportional, size: 7.5 };
/// What is said beside the matter.
const SMALL: Style = Style { weight: Weight::Regular, digits: Digits::Proportional, size: 7.5 };
/// Figures.
const FIGURE: Style = Style { weight: Weight::Regular, digits: Digits::Tabular, size: 9.0 };
/// From baseline to baseline of running text.
const LEADING: f32 = 12.5;
/// From baseline to baseline of small text.
const SMALL_LEADING: f32 = 10.0;

/// A composed document.
pub(crate) struct Composed {
    /// Its pages.
    pub(crate) sheet: Sheet,
    /// Its parts in the order of reading.
    pub(crate) tree: Vec<Tree>,
    /// What its file says of itself.
    pub(crate) about: About,
}

/// Composes the pages of a document.
pub(crate) fn compose(document: &Document, setter: &Typesetter) -> Composed {
    let words = Words::of(document.details.language);
    let format = Format::of(document.details.language);
    let term = words.tax_term(document);
    let foot = furniture::Foot::of(document, setter, words);
    let mut composer = Composer {
        document,
        words,
        format,
        term,
        setter,
        sheet: Sheet::new(foot.top()),
        tree: Vec::new(),
        outline: Vec::new(),
    };
    composer.head();
    composer.parties();
    composer.panel();
    composer.introduction();
    composer.lines();
    composer.totals();
    composer.tax_breakdown();
    composer.payments();
    composer.notes();

    let author = name_of(document.seller.name.as_ref());
    let about = About {
        title: composer.whole_title(),
        author: if author.is_empty() { "paylinks".to_owned() } else { author.to_owned() },
        language: document.details.language.code(),
        date: document.issued_on,
        outline: std::mem::take(&mut composer.outline),
    };
    let running = composer.running_head();
    let Composer { mut sheet, tree, .. } = composer;
    furniture::furnish(&mut sheet, setter, words, &running, &foot);
    Composed { sheet, tree, about }
}

/// A document while it is composed.
struct Composer<'a> {
    document: &'a Document,
    words: &'static Words,
    format: Format,
    /// What the tax is called within a sentence.
    term: &'static str,
    setter: &'a Typesetter,
    sheet: Sheet,
    tree: Vec<Tree>,
    outline: Vec<(String, usize, f32)>,
}

impl Composer<'_> {
    /// What kind of document it is.
    fn title(&self) -> &'static str {
        match &self.document.subject {
            Subject::Invoice { .. } => self.words.invoice,
            Subject::Receipt { .. } => self.words.receipt,
            Subject::CreditNote { .. } => self.words.credit_note,
        }
    }

    /// What kind of document it is, with its number.
    fn whole_title(&self) -> String {
        format!("{} {}", self.title(), self.document.number)
    }

    /// What stands at the top of the pages after the first.
    fn running_head(&self) -> String {
        let seller = name_of(self.document.seller.name.as_ref());
        if seller.is_empty() { self.whole_title() } else { format!("{} · {seller}", self.whole_title()) }
    }

    /// Notes that a part begins here.
    fn mark(&mut self, name: String) {
        self.outline.push((name, self.sheet.page(), self.sheet.y()));
    }

    /// A heading of a part, kept together with what follows.
    fn heading(&mut self, text: &str) {
        self.sheet.keep_together(LEADING * 4.0);
        self.mark(text.to_owned());
        let lines = self.setter.lines(text, STRONG, CONTENT_WIDTH);
        let leaves = self.sheet.flow(vec![full_width(lines, INK)], LEADING);
        self.push(Tree::group(Tag::Hn(SUBHEADING, Some(text.to_owned())), leaves.into_iter().flatten().collect()));
        self.sheet.space(3.0);
    }

    /// A paragraph over the whole width.
    fn paragraph(&mut self, text: &str, style: Style, color: Color, leading: f32) {
        let lines = self.setter.lines(text, style, CONTENT_WIDTH);
        let leaves = self.sheet.flow(vec![full_width(lines, color)], leading);
        self.push(Tree::group(Tag::P, leaves.into_iter().flatten().collect()));
    }

    fn push(&mut self, part: Tree) {
        self.tree.push(part);
    }
}

/// The level of the headings below the title.
const SUBHEADING: std::num::NonZeroU16 = std::num::NonZeroU16::MIN.saturating_add(1);

fn full_width(lines: Vec<Line>, color: Color) -> Column {
    let lines = lines.into_iter().map(|line| (line, color)).collect();
    Column { x: MARGIN, width: CONTENT_WIDTH, align: Align::Left, lines }
}

fn name_of(name: Option<&PartyName>) -> &str {
    name.map(PartyName::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
