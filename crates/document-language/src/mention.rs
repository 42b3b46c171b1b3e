//! The mention of a legal note: what it says, by which articles, and on which lines. It must not know when a note applies.

use domain::document::AppliedNote;

use crate::words::{Words, fill};

impl Words {
    /// The mention of a note, with its articles and its lines.
    pub fn mention(&self, applied: &AppliedNote) -> String {
        let articles = applied.note.articles();
        let template = if articles.len() == 1 { self.article } else { self.articles };
        let articles = self.list(&articles.iter().map(|article| (*article).to_owned()).collect::<Vec<_>>());
        let mention = format!("{} ({}).", (self.legal)(applied.note), fill(template, &[&articles]));
        let ranges = ranges(&applied.lines);
        match applied.lines.len() {
            0 => mention,
            1 => format!("{mention} {}", fill(self.on_line, &[&self.list(&ranges)])),
            _ => format!("{mention} {}", fill(self.on_lines, &[&self.list(&ranges)])),
        }
    }

    fn list(&self, items: &[String]) -> String {
        match items {
            [] => String::new(),
            [one] => one.clone(),
            [most @ .., last] => format!("{} {} {last}", most.join(", "), self.and),
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
