//! What stands below the figures: the mentions of the law, how to pay otherwise, and the seller's own footer.

use domain::document::AppliedNote;

use super::{BODY, Composer, INK, LEADING, MUTED, SMALL, SMALL_LEADING};
use crate::words::fill;

impl Composer<'_> {
    /// All of it.
    pub(super) fn notes(&mut self) {
        let details = &self.document.details;
        if !details.legal_notes.is_empty() {
            self.heading(self.words.notes);
            for note in &details.legal_notes {
                self.paragraph(&self.mention(note), BODY, INK, LEADING);
            }
            self.sheet.space(10.0);
        }
        if let Some(instructions) = details.payment_instructions.as_ref().filter(|_| self.is_payable()) {
            self.heading(self.words.payment_instructions);
            self.paragraph(instructions.as_str(), BODY, INK, LEADING);
            self.sheet.space(10.0);
        }
        if let Some(footer) = &details.footer {
            self.paragraph(footer.as_str(), SMALL, MUTED, SMALL_LEADING);
        }
    }

    /// The mention of a note, with its articles and its lines.
    fn mention(&self, applied: &AppliedNote) -> String {
        let words = self.words;
        let articles = applied.note.articles();
        let template = if articles.len() == 1 { words.article } else { words.articles };
        let articles = self.list(&articles.iter().map(|article| (*article).to_owned()).collect::<Vec<_>>());
        let mention = format!("{} ({}).", (words.legal)(applied.note), fill(template, &[&articles]));
        let ranges = ranges(&applied.lines);
        match applied.lines.len() {
            0 => mention,
            1 => format!("{mention} {}", fill(words.on_line, &[&self.list(&ranges)])),
            _ => format!("{mention} {}", fill(words.on_lines, &[&self.list(&ranges)])),
        }
    }

    fn list(&self, items: &[String]) -> String {
        match items {
            [] => String::new(),
            [one] => one.clone(),
            [most @ .., last] => format!("{} {} {last}", most.join(", "), self.words.and),
        }
    }
}

/// Numbers of lines, from 1, with those in a row as a range.
fn ranges(lines: &[usize]) -> Vec<String> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for line in lines.iter().map(|index| index + 1) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == line => *last = line,
            _ => ranges.push((line, line)),
        }
    }
    let written = |(first, last): (usize, usize)| match last - first {
        0 => first.to_string(),
        _ => format!("{first}–{last}"),
    };
    ranges.into_iter().map(written).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_a_row_are_told_as_a_range() {
        assert_eq!(ranges(&[0, 1, 2, 4, 6, 7]), ["1–3", "5", "7–8"]);
        assert!(ranges(&[]).is_empty());
    }
}
