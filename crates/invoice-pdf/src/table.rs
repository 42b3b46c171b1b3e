//! Tables: columns as wide as their figures need, one that takes the rest, rows that break over pages with the head repeated.
//! It knows cells, and nothing of what they mean.

use krilla::tagging::{TableHeaderScope, Tag};

use crate::sheet::{Align, Color, Column, HAIRLINE, INK, MARGIN, MUTED, Sheet, Tree};
use crate::typeface::{Digits, Line, Style, Typesetter, Weight};

/// Room between columns.
const GAP: f32 = 12.0;
/// Room above and below the text of a row.
const PADDING: f32 = 3.5;
/// From baseline to baseline in a row.
const LEADING: f32 = 12.0;
/// From baseline to baseline in the head.
const HEAD_LEADING: f32 = 9.5;
/// The column that takes the rest is never narrower: figures get smaller first.
const REST_MIN: f32 = 130.0;
/// A column of figures is not made wider than this for the sake of its label.
const LABEL_WIDTH_MAX: f32 = 76.0;
/// A row that is higher begins where it stands, and breaks.
const ROW_KEEP_MAX: f32 = 160.0;

/// Text of a cell.
const CELL: Style = Style { weight: Weight::Regular, digits: Digits::Tabular, size: 9.0 };
/// What is said beside the matter in a cell.
const ASIDE: Style = Style { weight: Weight::Regular, digits: Digits::Tabular, size: 7.0 };
/// Text of the head.
const HEAD: Style = Style { weight: Weight::SemiBold, digits: Digits::Proportional, size: 7.5 };

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text that wraps, in what the other columns leave. Every table has exactly one such column.
    Rest,
    /// Short text or whole numbers, at the left.
    Left,
    /// Figures at the right.
    Right,
    /// Figures with their decimal separators below each other.
    Decimal,
}

/// A column of a table.
pub(crate) struct Heading {
    /// Its label.
    pub(crate) label: String,
    /// What stands in it.
    pub(crate) kind: Kind,
}

/// A cell: a text, and what is said beside it on further lines.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    /// The text; of several lines, each is one.
    pub(crate) text: String,
    /// Smaller, below.
    pub(crate) aside: Option<String>,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, aside: None }
    }
}

/// Draws a table over the width of the page.
pub(crate) fn draw(
    sheet: &mut Sheet,
    setter: &Typesetter,
    separator: char,
    (headings, rows): (&[Heading], &[Vec<Cell>]),
    summary: String,
) -> Tree {
    let set: Vec<Vec<Vec<(Line, Color)>>> = rows
        .iter()
        .map(|row| headings.iter().zip(row).map(|(heading, cell)| set_cell(setter, heading, cell)).collect())
        .collect();
    let widths = Widths::of(setter, separator, headings, &set);

    let head: Vec<Column> = widths
        .columns(headings)
        .zip(headings)
        .map(|((x, width, align), heading)| Column {
            x,
            width,
            // Labels have no decimals to align by.
            align: if align == Align::Left { Align::Left } else { Align::Right },
            lines: setter.lines(&heading.label, HEAD, width).into_iter().map(|line| (line, MUTED)).collect(),
        })
        .collect();
    let head_lines = head.iter().map(|column| column.lines.len()).max().unwrap_or_default() as f32;
    // A head alone at the foot of a page would be lost.
    sheet.keep_together(head_lines * HEAD_LEADING + 4.0 * LEADING);
    let labels = sheet.flow(head.clone(), HEAD_LEADING);
    sheet.underline_head();
    sheet.repeat_head(head, HEAD_LEADING);
    let column_header = || Tag::TH(TableHeaderScope::Column);
    let head_row =
        labels.into_iter().map(|leaves| Tree::group(column_header(), vec![Tree::group(Tag::P, leaves)])).collect();

    let mut body = Vec::with_capacity(rows.len());
    for (cells, row) in set.into_iter().zip(rows) {
        let columns: Vec<Column> = widths
            .columns(headings)
            .zip(cells.into_iter().zip(headings.iter().zip(row)))
            .map(|((x, width, align), (lines, (heading, cell)))| Column {
                x,
                width,
                align,
                lines: match heading.kind {
                    Kind::Rest => wrapped(setter, cell, width),
                    _ => lines.into_iter().map(|(line, color)| (widths.shrunk(line), color)).collect(),
                },
            })
            .collect();
        let lines = columns.iter().map(|column| column.lines.len()).max().unwrap_or_default() as f32;
        let height = lines * LEADING + 2.0 * PADDING;
        sheet.keep_together(height.min(ROW_KEEP_MAX));
        sheet.space(PADDING);
        let leaves = sheet.flow(columns, LEADING);
        sheet.space(PADDING);
        sheet.rule((MARGIN, crate::sheet::CONTENT_WIDTH), 0.5, HAIRLINE);
        let cell = |leaves| Tree::group(Tag::TD, vec![Tree::group(Tag::P, leaves)]);
        body.push(Tree::group(Tag::TR, leaves.into_iter().map(cell).collect()));
    }
    sheet.end_head();
    let head = Tree::group(Tag::THead, vec![Tree::group(Tag::TR, head_row)]);
    Tree::group(Tag::Table.with_summary(Some(summary)), vec![head, Tree::group(Tag::TBody, body)])
}

/// The lines of a cell as wide as they are; those of the column that takes the rest wait for its width.
fn set_cell(setter: &Typesetter, heading: &Heading, cell: &Cell) -> Vec<(Line, Color)> {
    if heading.kind == Kind::Rest {
        return Vec::new();
    }
    // Text is no figure: a hyphen as wide as a digit would tear it apart.
    let digits = if heading.kind == Kind::Left { Digits::Proportional } else { Digits::Tabular };
    let text = cell.text.split('\n').map(|text| (setter.line(text, Style { digits, ..CELL }), INK));
    text.chain(cell.aside.iter().map(|aside| (setter.line(aside, ASIDE), MUTED))).collect()
}

fn wrapped(setter: &Typesetter, cell: &Cell, width: f32) -> Vec<(Line, Color)> {
    let text_style = Style { digits: Digits::Proportional, ..CELL };
    let aside_style = Style { digits: Digits::Proportional, ..ASIDE };
    let text = setter.lines(&cell.text, text_style, width).into_iter().map(|line| (line, INK));
    let aside = cell.aside.iter().flat_map(|aside| setter.lines(aside, aside_style, width));
    text.chain(aside.map(|line| (line, MUTED))).collect()
}

/// How wide each column is.
struct Widths {
    /// Width and widest fraction of each column, after shrinking.
    widths: Vec<(f32, f32)>,
    /// What figures shrink by, so that the column of text has its room: at most 1.
    factor: f32,
    separator: char,
}

impl Widths {
    fn of(setter: &Typesetter, separator: char, headings: &[Heading], rows: &[Vec<Vec<(Line, Color)>>]) -> Self {
        let natural: Vec<(f32, f32)> = headings
            .iter()
            .enumerate()
            .map(|(index, heading)| {
                let lines =
                    || rows.iter().flat_map(move |row| row.get(index).into_iter().flatten()).map(|(line, _)| line);
                let fraction = lines().map(|line| line.width_from(separator)).fold(0.0, f32::max);
                let whole = lines().map(|line| line.width() - line.width_from(separator)).fold(0.0, f32::max);
                let widest = lines().map(Line::width).fold(0.0, f32::max);
                let label = label_width(setter, &heading.label);
                match heading.kind {
                    Kind::Rest => (0.0, 0.0),
                    Kind::Decimal => (label.max(whole + fraction), fraction),
                    Kind::Left | Kind::Right => (label.max(widest), 0.0),
                }
            })
            .collect();
        let figures: f32 = natural.iter().map(|(width, _)| width).sum();
        let room = crate::sheet::CONTENT_WIDTH - GAP * headings.len().saturating_sub(1) as f32;
        let factor = if figures > room - REST_MIN { (room - REST_MIN) / figures } else { 1.0 };
        let rest = room - figures * factor;
        let width = |(heading, (width, fraction)): (&Heading, (f32, f32))| match heading.kind {
            Kind::Rest => (rest, 0.0),
            _ => (width * factor, fraction * factor),
        };
        Self { widths: headings.iter().zip(natural).map(width).collect(), factor, separator }
    }

    /// Left edge, width and alignment of each column.
    fn columns(&self, headings: &[Heading]) -> impl Iterator<Item = (f32, f32, Align)> {
        let mut x = MARGIN;
        self.widths.iter().zip(headings).map(move |((width, fraction_width), heading)| {
            let left = x;
            x += width + GAP;
            let align = match heading.kind {
                Kind::Rest | Kind::Left => Align::Left,
                Kind::Right => Align::Right,
                Kind::Decimal => Align::Decimal { separator: self.separator, fraction_width: *fraction_width },
            };
            (left, *width, align)
        })
    }

    fn shrunk(&self, mut line: Line) -> Line {
        line.size *= self.factor;
        line
    }
}

/// Enough for the longest word of a label, and for its longest line if that is not too wide.
fn label_width(setter: &Typesetter, label: &str) -> f32 {
    let longest = |parts: std::str::Split<'_, char>| {
        // A little room, for a line that is set anew adds its widths in another order.
        parts.map(|part| setter.line(part, HEAD).width() + 0.1).fold(0.0, f32::max)
    };
    let (word, line) = (longest(label.split(' ')), longest(label.split('\n')));
    if line > LABEL_WIDTH_MAX { word } else { line }
}
