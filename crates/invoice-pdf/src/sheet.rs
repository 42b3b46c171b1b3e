//! Pages that fill from top to bottom: what is drawn where, and the tree that says in which order it is read. It knows
//! lengths and pages, and nothing of documents, languages or the file format.
//!
//! Lengths are in points from the top left corner of a page.

use krilla::tagging::TagKind;

use crate::qr::Code;
use crate::typeface::Line;

/// A4 by ISO 216, 210 mm.
pub(crate) const PAGE_WIDTH: f32 = 595.28;
/// A4 by ISO 216, 297 mm.
pub(crate) const PAGE_HEIGHT: f32 = 841.89;
/// 18 mm, which any printer leaves.
pub(crate) const MARGIN: f32 = 51.0;
/// From margin to margin.
pub(crate) const CONTENT_WIDTH: f32 = PAGE_WIDTH - 2.0 * MARGIN;
/// Where content begins on pages after the first, below their running head.
const TOP_OF_NEXT: f32 = MARGIN + 22.0;

/// A colour of sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Color(pub(crate) u8, pub(crate) u8, pub(crate) u8);

/// Text. Each colour of text has a contrast of at least 4.5 to white and to the panel (WCAG 2, 1.4.3).
pub(crate) const INK: Color = Color(0x1b, 0x1f, 0x24);
/// Labels and what is said beside the matter.
pub(crate) const MUTED: Color = Color(0x5a, 0x61, 0x6b);
/// What is wrong.
pub(crate) const ALERT: Color = Color(0xa8, 0x1f, 0x1a);
/// Links.
pub(crate) const LINK: Color = Color(0x1a, 0x4f, 0x9c);
/// Lines between rows.
pub(crate) const HAIRLINE: Color = Color(0xdd, 0xe0, 0xe5);
/// Behind what is to be paid.
pub(crate) const PANEL: Color = Color(0xf4, 0xf5, 0xf7);
/// Paper.
pub(crate) const WHITE: Color = Color(0xff, 0xff, 0xff);

/// Whether something is read, or only seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A leaf of the tree, by its number.
    Leaf(usize),
    /// Cosmetic, such as a rule.
    Layout,
    /// A head that was read on an earlier page.
    Repeated,
    /// The running head of a page.
    Header,
    /// The foot of a page.
    Footer,
}

/// Something that is drawn.
#[derive(Debug)]
pub(crate) struct Item {
    /// Whether it is read.
    pub(crate) role: Role,
    /// What it is.
    pub(crate) shape: Shape,
}

/// What can be drawn.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A line of text by the left end of its baseline.
    Text {
        /// Left end.
        x: f32,
        /// Baseline.
        y: f32,
        /// The glyphs.
        line: Line,
        /// Their colour.
        color: Color,
    },
    /// A filled rectangle.
    Fill {
        /// Where.
        area: Area,
        /// Its colour.
        color: Color,
    },
    /// A QR code with its quiet zone.
    Code {
        /// Where.
        area: Area,
        /// Its modules.
        code: Code,
    },
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    /// Left edge.
    pub(crate) x: f32,
    /// Upper edge.
    pub(crate) y: f32,
    /// Width.
    pub(crate) width: f32,
    /// Height.
    pub(crate) height: f32,
}

/// A place that opens a URL.
#[derive(Debug)]
pub(crate) struct Link {
    /// Index of its page.
    pub(crate) page: usize,
    /// Where.
    pub(crate) areas: Vec<Area>,
    /// What it opens.
    pub(crate) url: String,
    /// What it is, for those who can't see it.
    pub(crate) alt: String,
}

/// The order of reading.
#[derive(Debug)]
pub(crate) enum Tree {
    /// What is drawn as [`Role::Leaf`] of this number.
    Leaf(usize),
    /// The place of this index.
    Link(usize),
    /// A part with its parts.
    Group(TagKind, Vec<Tree>),
}

impl Tree {
    /// A part with its parts.
    pub(crate) fn group(tag: impl Into<TagKind>, children: Vec<Self>) -> Self {
        Self::Group(tag.into(), children)
    }
}

/// How lines of a column stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Align {
    /// At the left edge.
    Left,
    /// At the right edge.
    Right,
    /// With the decimal separators below each other: so much room is for what follows them.
    Decimal {
        /// What parts a fraction from the whole.
        separator: char,
        /// The widest fraction of the column, with the separator.
        fraction_width: f32,
    },
}

/// A column of lines.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Left edge.
    pub(crate) x: f32,
    /// Width.
    pub(crate) width: f32,
    /// How its lines stand.
    pub(crate) align: Align,
    /// Its lines with their colours; an empty one leaves its place free.
    pub(crate) lines: Vec<(Line, Color)>,
}

impl Column {
    fn x_of(&self, line: &Line) -> f32 {
        match self.align {
            Align::Left => self.x,
            Align::Right => self.x + self.width - line.width(),
            Align::Decimal { separator, fraction_width } => {
                self.x + self.width - line.width() - (fraction_width - line.width_from(separator))
            }
        }
    }
}

/// Columns that are drawn again at the top of each page while a table goes on.
#[derive(Debug, Clone)]
struct RepeatedHead {
    columns: Vec<Column>,
    leading: f32,
}

/// The pages so far, and where the next thing comes.
#[derive(Debug)]
pub(crate) struct Sheet {
    /// What is drawn, page by page.
    pub(crate) pages: Vec<Vec<Item>>,
    /// The links of all pages.
    pub(crate) links: Vec<Link>,
    /// How many leaves there are.
    pub(crate) leaves: usize,
    y: f32,
    bottom: f32,
    head: Option<RepeatedHead>,
}

impl Sheet {
    /// One empty page, whose content ends at `bottom` at the latest, as that of every page.
    pub(crate) fn new(bottom: f32) -> Self {
        Self { pages: vec![Vec::new()], links: Vec::new(), leaves: 0, y: MARGIN, bottom, head: None }
    }

    /// Where the next thing comes.
    pub(crate) const fn y(&self) -> f32 {
        self.y
    }

    /// Index of the page that is filled.
    pub(crate) fn page(&self) -> usize {
        self.pages.len() - 1
    }

    /// Leaves some room free; at the end of a page none is needed.
    pub(crate) fn space(&mut self, height: f32) {
        self.y += height;
    }

    /// Goes on on a new page unless `height` is left on this one, or would not be left on a new one either.
    pub(crate) fn keep_together(&mut self, height: f32) {
        let head: f32 = self.head.as_ref().map_or(0.0, RepeatedHead::height);
        let fits_on_next = TOP_OF_NEXT + head + height <= self.bottom;
        if self.y + height > self.bottom && fits_on_next {
            self.break_page();
        }
    }

    /// Draws these columns again at the top of each page from now on.
    pub(crate) fn repeat_head(&mut self, columns: Vec<Column>, leading: f32) {
        self.head = Some(RepeatedHead { columns, leading });
    }

    /// Draws no head again.
    pub(crate) fn end_head(&mut self) {
        self.head = None;
    }

    /// Text that is read, by the left end of its baseline.
    pub(crate) fn text(&mut self, (x, y): (f32, f32), line: Line, color: Color) -> Tree {
        let leaf = self.leaf();
        self.draw(Role::Leaf(leaf), Shape::Text { x, y, line, color });
        Tree::Leaf(leaf)
    }

    /// A filled rectangle that is only seen.
    pub(crate) fn fill(&mut self, area: Area, color: Color) {
        self.draw(Role::Layout, Shape::Fill { area, color });
    }

    /// A rule from `x` on at the height of the next thing.
    pub(crate) fn rule(&mut self, (x, width): (f32, f32), thickness: f32, color: Color) {
        self.fill(Area { x, y: self.y, width, height: thickness }, color);
    }

    /// A QR code.
    pub(crate) fn code(&mut self, area: Area, code: Code) -> Tree {
        let leaf = self.leaf();
        self.draw(Role::Leaf(leaf), Shape::Code { area, code });
        Tree::Leaf(leaf)
    }

    /// Makes areas of this page open a URL.
    pub(crate) fn link(&mut self, areas: Vec<Area>, url: String, alt: String) -> Tree {
        self.links.push(Link { page: self.page(), areas, url, alt });
        Tree::Link(self.links.len() - 1)
    }

    /// Columns side by side, line by line, over as many pages as it takes; `leading` from baseline to baseline. It gives the
    /// leaves of each column.
    pub(crate) fn flow(&mut self, columns: Vec<Column>, leading: f32) -> Vec<Vec<Tree>> {
        let rows = columns.iter().map(|column| column.lines.len()).max().unwrap_or_default();
        let mut leaves: Vec<Vec<Tree>> = columns.iter().map(|_| Vec::new()).collect();
        for row in 0..rows {
            if self.y + leading > self.bottom {
                self.break_page();
            }
            let baseline = self.y + baseline_within(leading);
            for (column, leaves) in columns.iter().zip(&mut leaves) {
                let Some((line, color)) = column.lines.get(row) else { continue };
                if !line.glyphs.is_empty() {
                    leaves.push(self.text((column.x_of(line), baseline), line.clone(), *color));
                }
            }
            self.y += leading;
        }
        leaves
    }

    /// Something at the edge of a page, which is not read with the rest.
    pub(crate) fn furnish(&mut self, page: usize, role: Role, shape: Shape) {
        self.pages[page].push(Item { role, shape });
    }

    fn break_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = TOP_OF_NEXT;
        let Some(head) = self.head.take() else { return };
        let rows = head.columns.iter().map(|column| column.lines.len()).max().unwrap_or_default();
        for row in 0..rows {
            let y = self.y + baseline_within(head.leading);
            for column in &head.columns {
                let Some((line, color)) = column.lines.get(row).filter(|(line, _)| !line.glyphs.is_empty()) else {
                    continue;
                };
                let shape = Shape::Text { x: column.x_of(line), y, line: line.clone(), color: *color };
                self.draw(Role::Repeated, shape);
            }
            self.y += head.leading;
        }
        self.head = Some(head);
        self.underline_head();
    }

    /// The rule below the head of a table.
    pub(crate) fn underline_head(&mut self) {
        self.y += HEAD_GAP;
        self.rule((MARGIN, CONTENT_WIDTH), 0.8, INK);
        self.y += HEAD_GAP;
    }

    fn leaf(&mut self) -> usize {
        self.leaves += 1;
        self.leaves - 1
    }

    fn draw(&mut self, role: Role, shape: Shape) {
        if let Some(page) = self.pages.last_mut() {
            page.push(Item { role, shape });
        }
    }
}

/// Around the rule below the head of a table.
const HEAD_GAP: f32 = 3.0;

impl RepeatedHead {
    fn height(&self) -> f32 {
        let rows = self.columns.iter().map(|column| column.lines.len()).max().unwrap_or_default();
        rows as f32 * self.leading + 2.0 * HEAD_GAP
    }
}

/// How far below the top of a line its baseline is: where text looks centred.
pub(crate) const fn baseline_within(leading: f32) -> f32 {
    leading * 0.76
}
