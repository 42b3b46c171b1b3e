//! What stands at the edges of every page: a running head, the seller's legal data, and which page it is. It is not read with
//! the content, where all of it stands already.

use domain::document::Document;

use super::{SMALL, name_of};
use crate::sheet::{Area, CONTENT_WIDTH, HAIRLINE, MARGIN, MUTED, PAGE_HEIGHT, Role, Shape, Sheet, baseline_within};
use crate::typeface::{Digits, Line, Style, Typesetter, Weight};
use document_language::{Words, address_lines, fill};

const LEGAL: Style = Style { weight: Weight::Regular, digits: Digits::Proportional, size: 7.0 };
const LEADING: f32 = 9.5;
/// From the lower edge of the page to the last line.
const BOTTOM: f32 = 30.0;
const PAGE_NUMBER_WIDTH: f32 = 90.0;
const GAP: f32 = 16.0;
/// More would leave too little of the page; all of it stands at the beginning of the document.
const LINES_MAX: usize = 5;
/// Between the content and the rule, and between the rule and the text.
const CLEARANCE: f32 = 8.0;

/// The foot of every page.
pub(super) struct Foot {
    lines: Vec<Line>,
}

impl Foot {
    /// The seller's name, address and ids; what else its letterhead says stands at the head alone.
    pub(super) fn of(document: &Document, setter: &Typesetter, words: &Words) -> Self {
        let seller = &document.seller;
        let mut parts = vec![name_of(seller.name.as_ref()).to_owned()];
        let language = document.details.language;
        parts.extend(seller.address.iter().flat_map(|address| address_lines(address, language)));
        parts.extend(seller.email.iter().map(|email| email.as_str().to_owned()));
        parts.extend(seller.tax_ids.iter().map(|id| words.labelled_tax_id(id)));
        parts.retain(|part| !part.is_empty());
        let text = parts.join(" · ").replace('\n', " ");
        let width = CONTENT_WIDTH - PAGE_NUMBER_WIDTH - GAP;
        let mut lines = setter.lines(&text, LEGAL, width);
        if lines.len() > LINES_MAX {
            let rest: String = lines.drain(LINES_MAX - 1..).map(|line| line.text).collect();
            lines.push(setter.clipped(&rest, LEGAL, width));
        }
        Self { lines }
    }

    /// Where it begins: content ends above.
    pub(super) fn top(&self) -> f32 {
        self.text_top() - 2.0 * CLEARANCE
    }

    fn text_top(&self) -> f32 {
        PAGE_HEIGHT - BOTTOM - self.lines.len() as f32 * LEADING
    }
}

/// Puts the furniture onto every page, now that it is known how many there are.
pub(super) fn furnish(sheet: &mut Sheet, setter: &Typesetter, words: &Words, running: &str, foot: &Foot) {
    let count = sheet.pages.len();
    let rule = |y: f32| Area { x: MARGIN, y, width: CONTENT_WIDTH, height: 0.5 };
    for page in 0..count {
        if page > 0 {
            let line = setter.clipped(running, SMALL, CONTENT_WIDTH);
            sheet.furnish(page, Role::Header, Shape::Text { x: MARGIN, y: MARGIN, line, color: MUTED });
            sheet.furnish(page, Role::Header, Shape::Fill { area: rule(MARGIN + 6.0), color: HAIRLINE });
        }
        let top = foot.text_top();
        sheet.furnish(page, Role::Footer, Shape::Fill { area: rule(top - CLEARANCE), color: HAIRLINE });
        let mut y = top + baseline_within(LEADING);
        let number = fill(words.page, &[&(page + 1).to_string(), &count.to_string()]);
        let number = setter.line(&number, LEGAL).within(PAGE_NUMBER_WIDTH);
        let x = MARGIN + CONTENT_WIDTH - number.width();
        sheet.furnish(page, Role::Footer, Shape::Text { x, y, line: number, color: MUTED });
        for line in foot.lines.iter().filter(|line| !line.glyphs.is_empty()) {
            sheet.furnish(page, Role::Footer, Shape::Text { x: MARGIN, y, line: line.clone(), color: MUTED });
            y += LEADING;
        }
    }
}
