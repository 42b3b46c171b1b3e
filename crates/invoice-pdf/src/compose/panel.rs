//! The panel that says what matters most: what is to be paid until when and where, or what was paid, received or credited.

use domain::document::{PaymentUrl, Standing, Subject};
use domain::money::Money;
use krilla::tagging::{BBox, Tag};

use super::{BODY, Composer, LABEL, LEADING, SMALL, SMALL_LEADING, STRONG};
use crate::qr::Code;
use crate::sheet::{ALERT, Area, CONTENT_WIDTH, Color, INK, LINK, MARGIN, MUTED, PANEL, Tree, baseline_within};
use crate::typeface::{Digits, Line, Style, Weight};
use document_language::fill;

const AMOUNT: Style = Style { weight: Weight::SemiBold, digits: Digits::Tabular, size: 22.0 };
const AMOUNT_LEADING: f32 = 29.0;
const PADDING: f32 = 12.0;
const GAP: f32 = 18.0;
/// From baseline to baseline of accounts.
const ROW_LEADING: f32 = 12.5;
/// Between a label and its value.
const LABEL_GAP: f32 = 8.0;
/// A URL on more lines is told by its host: the whole is behind the link and in the code.
const URL_LINES_MAX: usize = 3;

/// What the panel says.
struct Message {
    label: String,
    amount: Option<Money>,
    detail: Option<(String, Style, Color)>,
}

/// A label and its value in the panel, each where its column begins.
struct Pair {
    label: (f32, Line),
    value: (f32, Vec<Line>),
}

/// A line of the panel with its height and colour.
struct Set {
    line: Line,
    color: Color,
    leading: f32,
}

impl Composer<'_> {
    /// The panel.
    pub(super) fn panel(&mut self) {
        let message = self.message();
        let url = self.document.details.payment_url.clone().filter(|_| self.document.is_payable());
        let code = url.as_ref().and_then(|url| Code::of(url.as_str()));
        let code_side = code.as_ref().map_or(0.0, Code::side);
        let beside = if code.is_some() { code_side + GAP } else { 0.0 };
        let width = CONTENT_WIDTH - 2.0 * PADDING - beside;

        let said = self.said(message, width);
        let link = url.as_ref().map(|url| self.link_lines(url, width)).unwrap_or_default();
        let caption =
            code.as_ref().map(|_| self.setter.lines(self.words.scan_to_pay, SMALL, code_side)).unwrap_or_default();
        let link_gap = if link.is_empty() { 0.0 } else { 6.0 };
        let height_of = |lines: &[Set]| lines.iter().map(|set| set.leading).sum::<f32>();
        let accounts = self.accounts(width);
        let accounts_height = accounts.iter().map(|row| row_height(row)).sum::<f32>();
        let accounts_gap = if accounts.is_empty() { 0.0 } else { 6.0 };
        let text_height = height_of(&said) + link_gap + height_of(&link) + accounts_gap + accounts_height;
        let code_height = code_side + caption.len() as f32 * SMALL_LEADING;
        let height = text_height.max(code_height) + 2.0 * PADDING;

        self.sheet.keep_together(height);
        let top = self.sheet.y();
        self.sheet.fill(Area { x: MARGIN, y: top, width: CONTENT_WIDTH, height }, PANEL);
        let x = MARGIN + PADDING;
        let y = top + ((height - text_height) / 2.0).max(PADDING);
        let (end, leaves, _) = self.draw_set(x, y, said);
        self.push(Tree::group(Tag::P, leaves));
        let link_height = height_of(&link);
        if let Some(url) = &url {
            self.draw_link(url, (x, end + link_gap), link);
        }
        self.draw_accounts(x, end + link_gap + link_height + accounts_gap, accounts);
        if let (Some(url), Some(code)) = (url, code) {
            let left = MARGIN + CONTENT_WIDTH - PADDING - code_side;
            let code_top = top + (height - code_height) / 2.0;
            self.draw_code(&url, Area { x: left, y: code_top, width: code_side, height: code_side }, (code, caption));
        }
        self.sheet.space(height + 16.0);
    }

    fn message(&self) -> Message {
        let (words, document) = (self.words, self.document);
        let on = |template: &str, date| fill(template, &[&self.format.date(date)]);
        let plain = |text: String| Some((text, BODY, INK));
        match &document.subject {
            Subject::Invoice { due_on, due, standing: Standing::Open { is_overdue: false }, .. } => Message {
                label: words.amount_due.to_owned(),
                amount: Some(*due),
                detail: plain(on(words.due_by, *due_on)),
            },
            Subject::Invoice { due_on, due, standing: Standing::Open { is_overdue: true }, .. } => Message {
                label: words.amount_due.to_owned(),
                amount: Some(*due),
                detail: Some((on(words.overdue, *due_on), STRONG, ALERT)),
            },
            Subject::Invoice { paid, credited, standing: Standing::Paid { paid_on }, .. }
                if paid.is_zero() && !credited.is_zero() =>
            {
                Message {
                    label: words.amount_credited.to_owned(),
                    amount: Some(*credited),
                    detail: plain(on(words.settled_on, *paid_on)),
                }
            }
            Subject::Invoice { paid, standing: Standing::Paid { paid_on }, .. } => Message {
                label: words.amount_paid.to_owned(),
                amount: Some(*paid),
                detail: plain(on(words.paid_on, *paid_on)),
            },
            Subject::Invoice { standing: Standing::Void { voided_on }, .. } => Message {
                label: words.void.to_owned(),
                amount: None,
                detail: Some((on(words.voided_on, *voided_on), STRONG, ALERT)),
            },
            Subject::Receipt { received, .. } => Message {
                label: words.amount_received.to_owned(),
                amount: Some(*received),
                detail: plain(on(words.received_on, document.issued_on)),
            },
            Subject::CreditNote { corrects, .. } => Message {
                label: words.amount_credited.to_owned(),
                amount: Some(document.gross),
                detail: plain(fill(words.corrects, &[&corrects.number, &self.format.date(corrects.issued_on)])),
            },
        }
    }

    fn said(&self, message: Message, width: f32) -> Vec<Set> {
        let mut said = Vec::new();
        let label = self.setter.lines(&message.label, LABEL, width);
        said.extend(label.into_iter().map(|line| Set { line, color: MUTED, leading: LEADING }));
        if let Some(amount) = message.amount {
            let line = self.setter.line(&self.format.money(amount), AMOUNT).within(width);
            said.push(Set { line, color: INK, leading: AMOUNT_LEADING });
        }
        if let Some((text, style, color)) = message.detail {
            let lines = self.setter.lines(&text, style, width);
            said.extend(lines.into_iter().map(|line| Set { line, color, leading: LEADING }));
        }
        said
    }

    fn link_lines(&self, url: &PaymentUrl, width: f32) -> Vec<Set> {
        let mut lines = self.setter.lines(url.as_str(), SMALL, width);
        if lines.len() > URL_LINES_MAX {
            lines = vec![self.setter.clipped(&format!("{} …", url.host()), SMALL, width)];
        }
        let label = self.setter.lines(self.words.pay_online, STRONG, width);
        let label = label.into_iter().map(|line| Set { line, color: LINK, leading: LEADING });
        label.chain(lines.into_iter().map(|line| Set { line, color: LINK, leading: SMALL_LEADING })).collect()
    }

    /// The accounts to transfer to: two in a row where all of them fit so, else one.
    fn accounts(&self, width: f32) -> Vec<Vec<Pair>> {
        let told = self.words.transfer(self.document).into_iter().filter(|(label, _)| !label.is_empty());
        let set = told.map(|(label, value)| (self.setter.line(&label, SMALL), value));
        let told: Vec<(Line, String)> = set.collect();
        let widest = |of: &dyn Fn(&(Line, String)) -> f32, column: usize, columns: usize| {
            told.iter().skip(column).step_by(columns).map(of).fold(0.0, f32::max)
        };
        // A little room, for a line that is set anew adds its widths in another order.
        let value_width = |(_, value): &(Line, String)| self.setter.line(value, BODY).width() + 0.1;
        let label_width = |(label, _): &(Line, String)| label.width() + LABEL_GAP;
        let labels = [0, 1].map(|column| widest(&label_width, column, 2));
        let values = [0, 1].map(|column| widest(&value_width, column, 2));
        let second = labels[0] + values[0] + GAP;
        if second + labels[1] + values[1] <= width {
            let places = [(0.0, labels[0], values[0]), (second, labels[1], values[1])];
            return told
                .chunks(2)
                .map(|row| row.iter().zip(places).map(|(told, at)| self.pair(told, at)).collect())
                .collect();
        }
        let label = widest(&label_width, 0, 1);
        told.iter().map(|told| vec![self.pair(told, (0.0, label, width - label))]).collect()
    }

    fn pair(&self, (label, value): &(Line, String), (x, label_width, width): (f32, f32, f32)) -> Pair {
        Pair { label: (x, label.clone()), value: (x + label_width, self.setter.lines(value, BODY, width)) }
    }

    fn draw_accounts(&mut self, x: f32, mut y: f32, rows: Vec<Vec<Pair>>) {
        for row in rows {
            let height = row_height(&row);
            for Pair { label: (label_x, label), value: (value_x, lines) } in row {
                let mut leaves = vec![self.sheet.text((x + label_x, y + baseline_within(ROW_LEADING)), label, MUTED)];
                for (index, line) in lines.into_iter().enumerate() {
                    let baseline = y + index as f32 * ROW_LEADING + baseline_within(ROW_LEADING);
                    leaves.push(self.sheet.text((x + value_x, baseline), line, INK));
                }
                self.push(Tree::group(Tag::P, leaves));
            }
            y += height;
        }
    }

    fn draw_link(&mut self, url: &PaymentUrl, (x, y): (f32, f32), lines: Vec<Set>) {
        let (_, leaves, areas) = self.draw_set(x, y, lines);
        let place =
            self.sheet.link(areas, url.as_str().to_owned(), format!("{}, {}", self.words.pay_online, url.as_str()));
        let children = std::iter::once(place).chain(leaves).collect();
        self.push(Tree::group(Tag::P, vec![Tree::group(Tag::Link, children)]));
    }

    fn draw_code(&mut self, url: &PaymentUrl, area: Area, (code, caption): (Code, Vec<Line>)) {
        let alt = fill(self.words.qr_alt, &[url.as_str()]);
        let page = self.sheet.page();
        let leaf = self.sheet.code(area, code);
        let bbox = krilla::geom::Rect::from_xywh(area.x, area.y, area.width, area.height);
        let figure = Tag::Figure(Some(alt)).with_bbox(bbox.map(|rect| BBox::new(page, rect)));
        self.push(Tree::group(figure, vec![leaf]));
        let mut y = area.y + area.height;
        let mut leaves = Vec::new();
        for line in caption {
            let x = area.x + (area.width - line.width()) / 2.0;
            leaves.push(self.sheet.text((x, y + baseline_within(SMALL_LEADING)), line, MUTED));
            y += SMALL_LEADING;
        }
        self.push(Tree::group(Tag::Caption, leaves));
    }

    /// Draws lines from `y` on; gives where they end, their leaves and their areas.
    fn draw_set(&mut self, x: f32, mut y: f32, lines: Vec<Set>) -> (f32, Vec<Tree>, Vec<Area>) {
        let (mut leaves, mut areas) = (Vec::new(), Vec::new());
        for Set { line, color, leading } in lines {
            areas.push(Area { x, y, width: line.width().max(1.0), height: leading });
            leaves.push(self.sheet.text((x, y + baseline_within(leading)), line, color));
            y += leading;
        }
        (y, leaves, areas)
    }
}

fn row_height(row: &[Pair]) -> f32 {
    let lines = row.iter().map(|pair| pair.value.1.len()).max().unwrap_or_default();
    lines as f32 * ROW_LEADING
}
