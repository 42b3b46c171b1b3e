//! The typeface: turns text into lines of placed glyphs that fit a width. It knows glyphs, and nothing of pages or meaning.
//!
//! Inter has Latin, Greek and Cyrillic. A character that it lacks is drawn as a white square, while the text behind the
//! drawing, which is searched, copied and read aloud, keeps the character; the caller is told of it. Characters for private
//! use and noncharacters have no meaning to others, and PDF/A-2a refuses the former: their text is a replacement character.
//! Marks that show nothing, such as joiners, are left out. Text runs from left to right, as all three scripts do.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Face, Feature, Script, ShapePlan, UnicodeBuffer};

/// Inter by Rasmus Andersson, version 4.1, under the SIL Open Font License: see `fonts/README.md`.
const REGULAR: &[u8] = include_bytes!("../fonts/Inter-Regular.ttf");
const SEMIBOLD: &[u8] = include_bytes!("../fonts/Inter-SemiBold.ttf");

/// What is drawn in the place of a character that the font lacks.
const MISSING: char = '\u{25a1}';
/// What the text says in the place of a character that has no meaning to others.
const REPLACEMENT: char = '\u{fffd}';

/// How heavy text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Weight {
    /// For most text.
    Regular,
    /// For titles, labels and sums.
    SemiBold,
}

/// How wide digits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Digits {
    /// As they look best in text.
    Proportional,
    /// All alike, so that columns align.
    Tabular,
}

/// How text is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    /// How heavy.
    pub(crate) weight: Weight,
    /// How wide digits are.
    pub(crate) digits: Digits,
    /// Size in points.
    pub(crate) size: f32,
}

/// A line of glyphs, measured in ems so that its size can still change.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The text behind the glyphs. It ends with a space, by which whoever reads the text alone knows that a word ends.
    pub(crate) text: String,
    /// The glyphs.
    pub(crate) glyphs: Vec<KrillaGlyph>,
    /// How heavy.
    pub(crate) weight: Weight,
    /// Size in points.
    pub(crate) size: f32,
    /// Width in ems, without space at the end.
    ems: f32,
}

impl Line {
    /// Width in points.
    pub(crate) const fn width(&self) -> f32 {
        self.ems * self.size
    }

    /// The line in the size, at most its own, in which it is not wider than `width` points.
    pub(crate) fn within(mut self, width: f32) -> Self {
        if self.width() > width && self.ems > 0.0 {
            self.size = width / self.ems;
        }
        self
    }

    /// Width in points of what follows the last `separator`, with the separator; nothing if there is none.
    pub(crate) fn width_from(&self, separator: char) -> f32 {
        let Some(at) = self.text.rfind(separator) else { return 0.0 };
        let end = self.text.trim_end_matches(' ').len();
        let tail = self.glyphs.iter().filter(|glyph| (at..end).contains(&glyph.text_range.start));
        tail.map(|glyph| glyph.x_advance).sum::<f32>() * self.size
    }
}

/// Sets text. One is made for each document, so that nothing of one document stays for the next.
pub(crate) struct Typesetter {
    regular: Cut,
    semibold: Cut,
    replaced: RefCell<BTreeSet<char>>,
}

/// A weight of the typeface.
struct Cut {
    face: Face<'static>,
    font: Font,
    /// Compiling the rules of a script takes much longer than setting a line by them.
    plans: RefCell<HashMap<(Script, Digits), ShapePlan>>,
}

/// Glyphs that can't be parted, with the text that they stand for.
struct Cluster {
    text: Range<usize>,
    glyphs: Range<usize>,
    ems: f32,
}

impl Typesetter {
    /// A typesetter; none if the fonts that are built in can't be read.
    pub(crate) fn new() -> Option<Self> {
        Some(Self { regular: Cut::new(REGULAR)?, semibold: Cut::new(SEMIBOLD)?, replaced: RefCell::default() })
    }

    /// The font of a weight.
    pub(crate) const fn font(&self, weight: Weight) -> &Font {
        &self.cut(weight).font
    }

    /// The characters so far that could not be shown as they are.
    pub(crate) fn replaced(&self) -> BTreeSet<char> {
        self.replaced.borrow().clone()
    }

    /// The text on one line, however long it is; line feeds become spaces.
    pub(crate) fn line(&self, text: &str, style: Style) -> Line {
        let text = ended(self.readable(&text.replace('\n', " ")));
        let glyphs = self.shape(&text, style);
        let all = clusters(&glyphs, &text);
        cut_line(&text, &glyphs, &all, style)
    }

    /// The text on as many lines as it takes to be no wider than `width` points. It breaks at line feeds, after spaces,
    /// hyphens and slashes, and within a word that is wider than a line alone.
    pub(crate) fn lines(&self, text: &str, style: Style, width: f32) -> Vec<Line> {
        let ems = width / style.size;
        let text = self.readable(text);
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let paragraph = ended(paragraph.to_owned());
            let glyphs = self.shape(&paragraph, style);
            let all = clusters(&glyphs, &paragraph);
            let ranges = break_lines(&paragraph, &all, ems);
            lines.extend(ranges.into_iter().map(|range| cut_line(&paragraph, &glyphs, &all[range], style)));
        }
        lines
    }

    /// The text on one line of at most `width` points, its end left out for an ellipsis if it has to be.
    pub(crate) fn clipped(&self, text: &str, style: Style, width: f32) -> Line {
        let whole = self.line(text, style);
        if whole.width() <= width {
            return whole;
        }
        let ellipsis_ems = 1.0;
        let first = self.lines(&text.replace('\n', " "), style, width - ellipsis_ems * style.size).into_iter().next();
        let kept = first.map(|line| line.text).unwrap_or_default();
        self.line(&format!("{}…", kept.trim_end()), style).within(width)
    }

    const fn cut(&self, weight: Weight) -> &Cut {
        match weight {
            Weight::Regular => &self.regular,
            Weight::SemiBold => &self.semibold,
        }
    }

    /// The text without what has no place in a file: see the module.
    fn readable(&self, text: &str) -> String {
        let meaningful = |c: char| {
            let is_private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
            let is_noncharacter = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
            if is_private || is_noncharacter {
                self.replaced.borrow_mut().insert(c);
                return REPLACEMENT;
            }
            if c != '\n' && (c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) { ' ' } else { c }
        };
        text.chars().filter(|c| !is_invisible(*c)).map(meaningful).collect()
    }

    fn shape(&self, text: &str, style: Style) -> Vec<KrillaGlyph> {
        let cut = self.cut(style.weight);
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(Direction::LeftToRight);
        let script = buffer.script();
        let mut plans = cut.plans.borrow_mut();
        let plan = plans.entry((script, style.digits)).or_insert_with(|| cut.plan(script, style.digits));
        let shaped = rustybuzz::shape_with_plan(&cut.face, plan, buffer);

        let upem = cut.font.units_per_em();
        let em = |units: i32| units as f32 / upem;
        let starts: Vec<usize> = shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
        let mut end = text.len();
        let mut ends = vec![end; starts.len()];
        for (index, start) in starts.iter().enumerate().rev() {
            let next = starts.get(index + 1).copied().unwrap_or(text.len());
            if next != *start {
                end = next;
            }
            ends[index] = end;
        }
        let placed = shaped.glyph_infos().iter().zip(shaped.glyph_positions()).zip(starts.into_iter().zip(ends));
        placed
            .map(|((info, position), (start, end))| {
                let (glyph, advance) = if info.glyph_id == 0 {
                    let lacking = text[start..end].chars().filter(|c| *c != REPLACEMENT);
                    self.replaced.borrow_mut().extend(lacking);
                    cut.missing()
                } else {
                    (info.glyph_id, position.x_advance)
                };
                let [x, y] = [em(position.x_offset), em(position.y_offset)];
                KrillaGlyph::new(GlyphId::new(glyph), em(advance), x, y, em(position.y_advance), start..end, None)
            })
            .collect()
    }
}

impl Cut {
    fn new(data: &'static [u8]) -> Option<Self> {
        let face = Face::from_slice(data, 0)?;
        let font = Font::new(data.into(), 0)?;
        Some(Self { face, font, plans: RefCell::default() })
    }

    fn plan(&self, script: Script, digits: Digits) -> ShapePlan {
        let tabular = Feature::new(rustybuzz::ttf_parser::Tag::from_bytes(b"tnum"), 1, ..);
        let features: &[Feature] = match digits {
            Digits::Tabular => &[tabular],
            Digits::Proportional => &[],
        };
        ShapePlan::new(&self.face, Direction::LeftToRight, Some(script), None, features)
    }

    /// The glyph in the place of a missing one, and its advance in font units.
    fn missing(&self) -> (u32, i32) {
        let glyph = self.face.glyph_index(MISSING).unwrap_or_default();
        (glyph.0.into(), self.face.glyph_hor_advance(glyph).unwrap_or_default().into())
    }
}

/// Whether a character shows nothing: soft hyphens, joiners, marks of direction, variation selectors, tags.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The text with a space at its end, unless it is empty.
fn ended(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with(' ') {
        text.push(' ');
    }
    text
}

fn clusters(glyphs: &[KrillaGlyph], text: &str) -> Vec<Cluster> {
    let mut all: Vec<Cluster> = Vec::with_capacity(text.len());
    for (index, glyph) in glyphs.iter().enumerate() {
        match all.last_mut() {
            Some(last) if last.text == glyph.text_range => {
                last.glyphs.end = index + 1;
                last.ems += glyph.x_advance;
            }
            _ => all.push(Cluster { text: glyph.text_range.clone(), glyphs: index..index + 1, ems: glyph.x_advance }),
        }
    }
    all
}

/// The clusters of each line; one empty line if there are none.
fn break_lines(text: &str, all: &[Cluster], ems_max: f32) -> Vec<Range<usize>> {
    // Sums of widths differ in their last bits by the order of adding.
    const TOLERANCE_EMS: f32 = 0.001;
    let mut lines = Vec::new();
    let (mut start, mut chance, mut ems) = (0, None, 0.0);
    let mut index = 0;
    while let Some(cluster) = all.get(index) {
        let is_space = &text[cluster.text.clone()] == " ";
        if ems + cluster.ems > ems_max + TOLERANCE_EMS && !is_space && index > start {
            let end = chance.filter(|chance| *chance > start).unwrap_or(index);
            lines.push(start..end);
            (start, chance, ems) = (end, None, 0.0);
            index = end;
            continue;
        }
        ems += cluster.ems;
        index += 1;
        if is_space || is_break_after(text, &cluster.text) {
            chance = Some(index);
        }
    }
    lines.push(start..all.len());
    lines
}

/// Whether a line may end here: behind a hyphen, dash or slash within or after a word.
fn is_break_after(text: &str, cluster: &Range<usize>) -> bool {
    let follows_word = text[..cluster.start].chars().next_back().is_some_and(char::is_alphanumeric);
    follows_word && matches!(&text[cluster.clone()], "-" | "–" | "—" | "/")
}

fn cut_line(text: &str, glyphs: &[KrillaGlyph], line: &[Cluster], style: Style) -> Line {
    let (Some(first), Some(last)) = (line.first(), line.last()) else {
        return Line { text: String::new(), glyphs: Vec::new(), weight: style.weight, size: style.size, ems: 0.0 };
    };
    let is_seen = |cluster: &&Cluster| &text[cluster.text.clone()] != " ";
    let seen = line.iter().rposition(|cluster| is_seen(&cluster)).map_or(0, |last| last + 1);
    let offset = first.text.start;
    let shifted = |glyph: &KrillaGlyph| {
        let range = glyph.text_range.start - offset..glyph.text_range.end - offset;
        KrillaGlyph { text_range: range, ..glyph.clone() }
    };
    Line {
        text: text[offset..last.text.end].to_owned(),
        glyphs: glyphs[first.glyphs.start..last.glyphs.end].iter().map(shifted).collect(),
        weight: style.weight,
        size: style.size,
        ems: line[..seen].iter().map(|cluster| cluster.ems).sum(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: Style = Style { weight: Weight::Regular, digits: Digits::Proportional, size: 9.0 };

    fn texts(lines: &[Line]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn text_breaks_after_spaces_and_hyphens_and_keeps_the_space_in_the_text() {
        let setter = Typesetter::new().unwrap();
        let width = setter.line("one two-", BODY).width();
        assert_eq!(
            texts(&setter.lines("one two-three four\nfive", BODY, width)),
            ["one two-", "three ", "four ", "five "]
        );
    }

    #[test]
    fn a_minus_before_a_number_is_no_place_to_break() {
        let setter = Typesetter::new().unwrap();
        let width = setter.line("ab -1", BODY).width();
        assert_eq!(texts(&setter.lines("ab -123", BODY, width)), ["ab ", "-123 "]);
    }

    #[test]
    fn latin_greek_and_cyrillic_names_need_no_replacement() {
        let setter = Typesetter::new().unwrap();
        setter.line("Åsa Ö. Müßig, Łódź, Ştefan Țepeș, Nguyễn, Ægir Þór, Ελένη Παπαδοπούλου, Юлія Їжак, Љиљана", BODY);
        setter.line("₩ € £ ¥ ₽ ₺ § № … “ ” „ ‚ – — × ½ e\u{301}", BODY);
        assert!(setter.replaced().is_empty(), "{:?}", setter.replaced());
    }

    #[test]
    fn a_character_that_the_font_lacks_is_drawn_as_a_square_and_stays_in_the_text() {
        let setter = Typesetter::new().unwrap();
        let line = setter.line("a漢b", BODY);
        assert_eq!((line.text.as_str(), line.glyphs.len()), ("a漢b ", 4));
        assert_eq!(line.glyphs[1].glyph_id.to_u32(), setter.regular.missing().0);
        assert!(line.glyphs[1].x_advance > 0.0 && setter.regular.missing().0 != 0);
        assert_eq!(setter.replaced(), BTreeSet::from(['漢']));
    }

    #[test]
    fn private_characters_are_replaced_and_invisible_ones_left_out() {
        let setter = Typesetter::new().unwrap();
        assert_eq!(setter.line("a\u{e000}b\u{200d}\u{fe0f}c\u{fffe}", BODY).text, "a\u{fffd}bc\u{fffd} ");
        assert!(setter.replaced().contains(&'\u{e000}'));
    }

    #[test]
    fn tabular_digits_are_all_as_wide() {
        let setter = Typesetter::new().unwrap();
        let tabular = Style { digits: Digits::Tabular, ..BODY };
        let widths: Vec<f32> = ('0'..='9').map(|digit| setter.line(&digit.to_string(), tabular).width()).collect();
        assert!(widths.windows(2).all(|pair| (pair[0] - pair[1]).abs() < f32::EPSILON), "{widths:?}");
        let proportional = |digit: &str| setter.line(digit, BODY).width();
        assert!(proportional("1") < proportional("0"));
    }

    #[test]
    fn what_must_fit_is_made_smaller_or_clipped() {
        let setter = Typesetter::new().unwrap();
        let long = "x".repeat(200);
        let small = setter.line(&long, BODY).within(50.0);
        assert!(small.width() <= 50.01 && small.size < BODY.size);
        let clipped = setter.clipped(&long, BODY, 50.0);
        assert!(clipped.width() <= 50.01 && clipped.text.ends_with("… ") && clipped.text.len() > 10);
        assert_eq!(setter.clipped("short", BODY, 50.0).text, "short ");
    }

    proptest! {
        #[test]
        fn lines_keep_all_text_and_are_never_too_wide(text in "[a-zåλж 漢\u{301}\u{1F469}0-9/-]{0,120}", width in 20.0f32..200.0) {
            let setter = Typesetter::new().unwrap();
            let lines = setter.lines(&text, BODY, width);
            prop_assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<String>(), ended(text));
            for line in &lines {
                prop_assert!(line.width() <= width + 0.1, "{} in {width}", line.width());
                prop_assert!(line.glyphs.iter().all(|glyph| glyph.glyph_id.to_u32() != 0));
                prop_assert!(line.glyphs.iter().all(|glyph| glyph.text_range.end <= line.text.len()));
            }
        }
    }
}
