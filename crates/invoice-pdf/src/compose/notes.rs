//! What stands below the figures: the mentions of the law, how to pay otherwise, and the seller's own footer.

use super::{BODY, Composer, INK, LEADING, MUTED, SMALL, SMALL_LEADING};

impl Composer<'_> {
    /// All of it.
    pub(super) fn notes(&mut self) {
        let details = &self.document.details;
        if !details.legal_notes.is_empty() {
            self.heading(self.words.notes);
            for note in &details.legal_notes {
                self.paragraph(&self.words.mention(note), BODY, INK, LEADING);
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
}
