//! How documents speak: their [`Words`], the [`Format`] of their figures, and the names of countries, in five languages. The
//! PDF, the hosted page and the [mails](LetterWords) say the same with them. It must not know how a document looks, or which
//! word applies when.

mod category;
mod countries;
mod figures;
mod format;
mod letter;
mod letterhead;
mod mention;
mod parties;
mod words;

pub use figures::Sum;
pub use format::Format;
pub use letter::LetterWords;
pub use parties::address_lines;
pub use words::{Words, capitalized, fill};
