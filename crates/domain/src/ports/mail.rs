//! Who brings messages to people: a mail server. It must not know what a message is about, nor any protocol of mail.
//!
//! What goes into a header has a type that can't hold a line break, so that no text of a caller can add a header or a
//! recipient. No `Debug` here shows an address or a word of a message.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::party::Email;
use crate::timestamp::Timestamp;
use crate::validation::Invalid;

/// Sends messages. It may take many seconds, and is never called inside a transaction.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a message over to a mail server, which from then on answers for it. Whether it reaches its reader is not known:
    /// a message that bounces later comes back to its sender's address.
    ///
    /// A call that is dropped or fails in its middle may have handed the message over all the same. Sent again it has the
    /// same [`MessageId`], by which mail programs tell a double.
    ///
    /// # Errors
    /// See [`MailError`].
    async fn send(&self, message: &Message) -> Result<(), MailError>;
}

/// Why a message was not handed over. The reasons are codes and words of the adapter's own: what a server says may name
/// people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The server refuses this message, or an address of it, for good: another try fails the same way. Tell whoever wanted
    /// it sent.
    #[error("the mail server refuses the message: {reason}")]
    Rejected {
        /// Such as `550` or `550 5.1.1`.
        reason: String,
    },
    /// The server can't be reached, or can't take it for now. Try later.
    #[error("the mail server is unavailable: {reason}")]
    Unavailable {
        /// Such as `451`, `timeout` or `tls`.
        reason: String,
    },
    /// The server does not take our credentials, or has no way to present them. An operator must see to it; a later try may
    /// then succeed.
    #[error("the mail server does not let us in: {reason}")]
    Unauthorized {
        /// Such as `535`.
        reason: String,
    },
}

/// A message, ready to be sent.
#[derive(Clone, PartialEq)]
pub struct Message {
    id: MessageId,
    date: Timestamp,
    from: Sender,
    reply_to: Option<Email>,
    to: Email,
    subject: HeaderText,
    text: String,
    attachments: Vec<Attachment>,
}

/// Who sends a message.
#[derive(Clone, PartialEq)]
pub struct Sender {
    /// What is shown, such as the name of a company.
    pub name: Option<HeaderText>,
    /// Where bounces go, and answers unless the message says otherwise.
    pub address: SenderAddress,
}

/// An address that mail can come from: in ASCII as a whole, since not every server takes another (RFC 6531), and with a
/// domain that can stand in ids of messages.
#[derive(Clone, PartialEq, Eq)]
pub struct SenderAddress(Email);

impl SenderAddress {
    /// Parses an address.
    ///
    /// # Errors
    /// Not an e-mail address, or not one that mail can come from.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let address = Self(Email::parse(text)?);
        let is_fit = address.0.as_str().is_ascii() && address.message_id("1").is_ok();
        if is_fit { Ok(address) } else { Err(Invalid::new("MALFORMED_SENDER", "must be an e-mail address in ASCII")) }
    }

    /// The address.
    pub const fn email(&self) -> &Email {
        &self.0
    }

    /// Its domain: what is ours to name messages by.
    pub fn domain(&self) -> &str {
        self.0.as_str().rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The id of a message that comes from here.
    ///
    /// # Errors
    /// `unique` can't be the left part of one.
    pub fn message_id(&self, unique: impl fmt::Display) -> Result<MessageId, Invalid> {
        MessageId::parse(&format!("{unique}@{}", self.domain()))
    }
}

impl fmt::Debug for SenderAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SenderAddress(..)")
    }
}

impl Message {
    /// A message with a plain text. `date` is when it was written, not when it is sent: it stays the same for each try.
    pub fn new(
        (id, date): (MessageId, Timestamp),
        (from, to): (Sender, Email),
        (subject, text): (HeaderText, String),
    ) -> Self {
        Self { id, date, from, reply_to: None, to, subject, text, attachments: Vec::new() }
    }

    /// The same message, whose answers go to another address than its sender's.
    #[must_use]
    pub fn with_reply_to(self, reply_to: Email) -> Self {
        Self { reply_to: Some(reply_to), ..self }
    }

    /// The same message, with another file at the end of its attachments.
    #[must_use]
    pub fn with_attachment(mut self, attachment: Attachment) -> Self {
        self.attachments.push(attachment);
        self
    }

    /// Its id, the same for each try.
    pub fn id(&self) -> &MessageId {
        &self.id
    }

    /// When it was written.
    pub const fn date(&self) -> Timestamp {
        self.date
    }

    /// Who sends it.
    pub const fn from(&self) -> &Sender {
        &self.from
    }

    /// Who gets the answers; the sender where absent.
    pub const fn reply_to(&self) -> Option<&Email> {
        self.reply_to.as_ref()
    }

    /// Who gets it.
    pub const fn to(&self) -> &Email {
        &self.to
    }

    /// Its subject.
    pub const fn subject(&self) -> &HeaderText {
        &self.subject
    }

    /// Its text; lines end with line feeds.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The files with it.
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({}, ..)", self.id)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender(..)")
    }
}

/// The id of a message (RFC 5322, 3.6.4), such as `mail_0193…@example.com`; without the angle brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

impl MessageId {
    /// The most characters: with its name and brackets it stays on one line of a header.
    pub const CHARS_MAX: usize = 320;

    /// Parses an id: two parts of ASCII letters, digits and ``!#$%&'*+-/=?^_`{|}~``, with dots between, and an at sign
    /// between them.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_atom = |atom: &str| {
            !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        };
        let is_fit = text.len() <= Self::CHARS_MAX
            && text
                .split_once('@')
                .is_some_and(|(left, right)| left.split('.').all(is_atom) && right.split('.').all(is_atom));
        if is_fit {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new("MALFORMED_MESSAGE_ID", "must be a message id such as 1234@example.com, in ASCII"))
    }

    /// The id, without the angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for MessageId {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.0
    }
}

/// A text for a header: one line of 1 to [`HeaderText::CHARS_MAX`] characters.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderText(String);

impl HeaderText {
    /// The most characters (Unicode scalar values).
    pub const CHARS_MAX: usize = 400;

    /// Parses a text; white space around it is dropped.
    ///
    /// # Errors
    /// Empty, too long, or with a control character or a break of lines or paragraphs.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Invalid::required());
        }
        if text.chars().count() > Self::CHARS_MAX {
            return Err(Invalid::new("TOO_LONG", format!("must have at most {} characters", Self::CHARS_MAX)));
        }
        if text.chars().any(breaks_a_line) {
            return Err(Invalid::new("CONTROL_CHARACTER", "must be one line without control characters"));
        }
        Ok(Self(text.to_owned()))
    }

    /// A text from whatever there is: what can't stand in a header becomes a space, and what is too long is cut. `None` if
    /// nothing is left.
    pub fn from_lossy(text: &str) -> Option<Self> {
        let shown: String = text.chars().map(|c| if breaks_a_line(c) { ' ' } else { c }).collect();
        Self::parse(&shown.trim().chars().take(Self::CHARS_MAX).collect::<String>()).ok()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeaderText(..)")
    }
}

fn breaks_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A file with a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What it is called.
    pub name: FileName,
    /// What it is.
    pub content_type: MediaType,
    /// The file.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attachment({} bytes, ..)", self.bytes.len())
    }
}

/// The name of a file: 1 to [`FileName::CHARS_MAX`] characters, none of which has a meaning of its own to a file system or
/// in a header.
#[derive(Clone, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// The most characters (Unicode scalar values).
    pub const CHARS_MAX: usize = 120;

    /// Parses a name.
    ///
    /// # Errors
    /// Empty, too long, beginning with a dot, or with a control character or one of `/ \ : * ? " < > |`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_unfit = |c: char| breaks_a_line(c) || "/\\:*?\"<>|".contains(c);
        let count = text.chars().count();
        if (1..=Self::CHARS_MAX).contains(&count) && !text.starts_with('.') && !text.chars().any(is_unfit) {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new("MALFORMED_FILE_NAME", "must be the name of a file, without a directory"))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileName(..)")
    }
}

/// A media type (RFC 6838) without parameters, such as `application/pdf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType(String);

impl MediaType {
    /// Parses a type.
    ///
    /// # Errors
    /// Not of the form `type/subtype`, each a restricted name (RFC 6838, 4.2).
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_name = |name: &str| {
            (1..=127).contains(&name.len())
                && name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
        };
        if text.split_once('/').is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype)) {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new("MALFORMED_MEDIA_TYPE", "must be a media type such as application/pdf"))
    }

    /// The type.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_goes_into_a_header_can_hold_another_one() {
        for bad in ["a\r\nBcc: eve@example.com", "a\nb", "a\rb", "a\0b", "a\u{2028}b", "a\u{85}b"] {
            assert!(HeaderText::parse(bad).is_err(), "{bad:?}");
            assert!(FileName::parse(bad).is_err(), "{bad:?}");
            assert!(MediaType::parse(bad).is_err(), "{bad:?}");
            assert!(MessageId::parse(bad).is_err(), "{bad:?}");
            assert!(Email::parse(&format!("{bad}@example.com")).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_text_from_whatever_there_is_fits_into_a_header() {
        let text = |text: &str| HeaderText::from_lossy(text).map(|text| text.as_str().to_owned());
        assert_eq!(text(" Å\r\nBcc: x "), Some("Å  Bcc: x".to_owned()));
        assert_eq!(text(&"å".repeat(500)), Some("å".repeat(400)));
        assert_eq!(text("\n"), None);
    }

    #[test]
    fn message_ids_are_dotted_atoms_on_both_sides() {
        assert!(MessageId::parse("mail_0193.a@mail.example.com").is_ok());
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "<a@b>", "a..b@c", "å@b", "a@[127.0.0.1]"] {
            assert!(MessageId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_sender_is_in_ascii_and_names_its_messages() {
        let sender = SenderAddress::parse("billing@north.example").unwrap();
        assert_eq!(sender.message_id("mail_1").unwrap().as_str(), "mail_1@north.example");
        for bad in ["å@north.example", "billing@exämple.com", "billing@[127.0.0.1]"] {
            assert_eq!(SenderAddress::parse(bad).unwrap_err().rule, "MALFORMED_SENDER", "{bad}");
        }
        assert_eq!(SenderAddress::parse("billing").unwrap_err().rule, "MALFORMED_EMAIL");
    }

    #[test]
    fn file_names_name_no_other_place() {
        assert!(FileName::parse("Rechnung INV-2026-00001.pdf").is_ok());
        for bad in ["", "../x", "a/b", "a\\b", ".hidden", "a\"b", "c:x"] {
            assert!(FileName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn media_types_have_two_names() {
        assert!(MediaType::parse("application/vnd.oasis.opendocument+xml").is_ok());
        for bad in ["", "pdf", "application/", "a/b/c", "a/b; c=d", "-a/b"] {
            assert!(MediaType::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_personal_data() {
        let canary = || HeaderText::parse("canary").unwrap();
        let sender = Sender { name: Some(canary()), address: SenderAddress::parse("canary@example.com").unwrap() };
        let id = MessageId::parse("1@example.com").unwrap();
        let parties = (sender, Email::parse("canary@example.com").unwrap());
        let message = Message::new((id, Timestamp::from_unix_seconds(0)), parties, (canary(), "canary".to_owned()))
            .with_attachment(Attachment {
                name: FileName::parse("canary").unwrap(),
                content_type: MediaType::parse("text/plain").unwrap(),
                bytes: b"canary".to_vec(),
            });
        assert!(!format!("{message:?}{:?}{:?}", message.attachments(), message.from()).contains("canary"));
    }
}
