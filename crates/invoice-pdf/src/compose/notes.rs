//! What stands below the figures: how to pay otherwise, the mentions of the law, and the seller's own footer.

use super::{BODY, Composer, INK, LEADING, MUTED, SMALL, SMALL_LEADING};

impl Composer<'_> {
    /// All of it.
    pub(super) fn notes(&mut self) {
        self.transfer();
        let details = &self.document.details;
        if !details.legal_notes.is_empty() {
            self.heading(self.words.notes);
            for note in &details.legal_notes {
                self.paragraph(&self.words.mention(note), BODY, INK, LEADING);
            }
            self.sheet.space(10.0);
        }
        if let Some(footer) = &self.document.letterhead.footer {
            self.paragraph(footer.as_str(), SMALL, MUTED, SMALL_LEADING);
        }
    }

    /// What else there is to say of how to pay; the accounts stand in the panel, and where there are none, a heading says
    /// what this is.
    fn transfer(&mut self) {
        let Some((transfer, _)) = self.document.transfer() else { return };
        let has_account = transfer.has_account();
        if let Some(text) = transfer.text.clone() {
            if !has_account {
                self.heading(self.words.payment_instructions);
            }
            self.paragraph(text.as_str(), BODY, INK, LEADING);
            self.sheet.space(10.0);
        }
    }
}
