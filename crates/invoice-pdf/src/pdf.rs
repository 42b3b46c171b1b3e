//! Writes pages as PDF/A-2a (ISO 19005-2) and PDF/UA-1 (ISO 14289-1): archived for good, and read by anyone. It knows the
//! file format, and nothing of documents. krilla checks what those standards ask for that a program can check; a violation
//! is an error, not a file. Part 2 of PDF/A allows no attached file of another kind: an invoice for machines inside of the
//! document would need part 3, which asks for the same otherwise.

use std::num::NonZeroU16;

use krilla::Document;
use krilla::SerializeSettings;
use krilla::action::{Action, LinkAction};
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::color::rgb;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::error::KrillaError;
use krilla::geom::{Path, PathBuilder, Point, Quadrilateral, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag, Identifier, Node, SpanTag, TagGroup, TagKind, TagTree};
use time::Date;

use crate::qr::Code;
use crate::sheet::{Area, Color, INK, Item, PAGE_HEIGHT, PAGE_WIDTH, Role, Shape, Sheet, Tree, WHITE};
use crate::typeface::Typesetter;

/// What a file says of itself.
pub(crate) struct About {
    /// Its title, which readers show in place of the file's name.
    pub(crate) title: String,
    /// Who made it.
    pub(crate) author: String,
    /// Its language by BCP 47.
    pub(crate) language: &'static str,
    /// The day of the document; a file has no other date, so that it is the same whenever it is written.
    pub(crate) date: Date,
    /// Where its parts begin: name, page and height.
    pub(crate) outline: Vec<(String, usize, f32)>,
}

/// Writes the file.
///
/// # Errors
/// The rule of the standards that is broken, with nothing of the content.
pub(crate) fn write(sheet: &Sheet, tree: Vec<Tree>, setter: &Typesetter, about: About) -> Result<Vec<u8>, String> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|_| "the standards exclude each other".to_owned())?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let mut leaves: Vec<Option<Identifier>> = vec![None; sheet.leaves];
    let mut links: Vec<Option<Identifier>> = vec![None; sheet.links.len()];
    let size = PageSettings::from_wh(PAGE_WIDTH, PAGE_HEIGHT).ok_or("the page has no size")?;
    for (index, items) in sheet.pages.iter().enumerate() {
        let mut page = document.start_page_with(size.clone());
        let mut surface = page.surface();
        for item in items {
            draw(&mut surface, setter, item, &mut leaves);
        }
        surface.finish();
        for (link, place) in sheet.links.iter().zip(&mut links).filter(|(link, _)| link.page == index) {
            let corners = link.areas.iter().filter_map(|area| rect(*area)).map(Quadrilateral::from).collect::<Vec<_>>();
            if !corners.is_empty() {
                let target = Target::Action(Action::Link(LinkAction::new(link.url.clone())));
                let annotation = LinkAnnotation::new_with_quad_points(corners, target);
                *place = Some(page.add_tagged_annotation(Annotation::new_link(annotation, Some(link.alt.clone()))));
            }
        }
        page.finish();
    }
    let mut tags = TagTree::new();
    for part in tree {
        if let Some(node) = node(part, &leaves, &links) {
            tags.push(node);
        }
    }
    document.set_tag_tree(tags);
    document.set_outline(outline(about.outline.iter()));
    document.set_metadata(metadata(about));
    document.finish().map_err(|error| reason(&error))
}

/// The level of the only heading.
pub(crate) const HEADING: NonZeroU16 = NonZeroU16::MIN;

fn draw(surface: &mut Surface<'_>, setter: &Typesetter, item: &Item, leaves: &mut [Option<Identifier>]) {
    let tag = match (item.role, &item.shape) {
        (Role::Leaf(_), Shape::Text { .. }) => ContentTag::Span(SpanTag::empty()),
        (Role::Leaf(_), _) => ContentTag::Other,
        (Role::Layout, _) => artifact(ArtifactType::Layout),
        (Role::Repeated, _) => artifact(ArtifactType::PaginationOther),
        (Role::Header, _) => artifact(ArtifactType::Header),
        (Role::Footer, _) => artifact(ArtifactType::Footer),
    };
    let identifier = surface.start_tagged(tag);
    if let Role::Leaf(leaf) = item.role {
        leaves[leaf] = Some(identifier);
    }
    match &item.shape {
        Shape::Text { x, y, line, color } => {
            surface.set_fill(Some(fill(*color)));
            let font = setter.font(line.weight).clone();
            surface.draw_glyphs(Point::from_xy(*x, *y), &line.glyphs, font, &line.text, line.size, false);
        }
        Shape::Fill { area, color } => draw_path(surface, *color, rect(*area).into_iter()),
        Shape::Code { area, code } => {
            draw_path(surface, WHITE, rect(*area).into_iter());
            draw_path(surface, INK, modules(*area, code));
        }
    }
    surface.end_tagged();
}

const fn artifact(kind: ArtifactType) -> ContentTag<'static> {
    ContentTag::Artifact(Artifact { kind, bbox: None })
}

fn fill(Color(red, green, blue): Color) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero }
}

fn draw_path(surface: &mut Surface<'_>, color: Color, parts: impl Iterator<Item = Rect>) {
    if let Some(path) = path(parts) {
        surface.set_fill(Some(fill(color)));
        surface.draw_path(&path);
    }
}

fn path(parts: impl Iterator<Item = Rect>) -> Option<Path> {
    let mut builder = PathBuilder::new();
    parts.for_each(|part| builder.push_rect(part));
    builder.finish()
}

fn rect(area: Area) -> Option<Rect> {
    Rect::from_xywh(area.x, area.y, area.width, area.height)
}

fn modules(area: Area, code: &Code) -> impl Iterator<Item = Rect> {
    let module = area.width / code.modules() as f32;
    code.runs().into_iter().filter_map(move |(row, column, length)| {
        let at = |count: usize| count as f32 * module;
        Rect::from_xywh(area.x + at(column), area.y + at(row), at(length), module)
    })
}

/// The node of a part; none if nothing of it was drawn.
fn node(tree: Tree, leaves: &[Option<Identifier>], links: &[Option<Identifier>]) -> Option<Node> {
    match tree {
        Tree::Leaf(leaf) => leaves.get(leaf).copied().flatten().map(Node::Leaf),
        Tree::Link(link) => links.get(link).copied().flatten().map(Node::Leaf),
        Tree::Group(tag, children) => {
            let children: Vec<Node> = children.into_iter().filter_map(|child| node(child, leaves, links)).collect();
            // A row has all its cells, be they empty.
            let is_cell = matches!(tag, TagKind::TD(_) | TagKind::TH(_));
            (is_cell || !children.is_empty()).then(|| Node::Group(TagGroup::with_children(tag, children)))
        }
    }
}

fn outline<'a>(parts: impl Iterator<Item = &'a (String, usize, f32)>) -> Outline {
    let mut outline = Outline::new();
    for (name, page, y) in parts {
        outline.push_child(OutlineNode::new(name.clone(), XyzDestination::new(*page, Point::from_xy(0.0, *y))));
    }
    outline
}

fn metadata(about: About) -> Metadata {
    let year = u16::try_from(about.date.year()).unwrap_or_default();
    let day = DateTime::new(year).month(about.date.month().into()).day(about.date.day());
    // PDF/A wants a time with the date; the document has none, so it is the beginning of its day.
    let day = day.hour(0).minute(0).second(0).utc_offset_hour(0).utc_offset_minute(0);
    Metadata::new()
        .title(about.title)
        .authors(vec![about.author])
        .language(about.language.to_owned())
        .creator("paylinks".to_owned())
        .creation_date(day)
}

/// What a violation is, without the content that krilla tells with it.
fn reason(error: &KrillaError) -> String {
    let KrillaError::Validation(violations) = error else { return "a limit of the format".to_owned() };
    let mut names: Vec<String> = violations
        .iter()
        .map(|(violation, _)| format!("{violation:?}").chars().take_while(|c| c.is_alphanumeric()).collect())
        .collect();
    names.sort();
    names.dedup();
    names.join(", ")
}
