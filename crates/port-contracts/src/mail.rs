//! What the [`Mailer`] port promises: a message that was taken arrives once as it was written, and one that was not is told
//! by what can be done about it, without naming anybody.
#![expect(clippy::unwrap_used, reason = "a promise that is not kept is a failed test")]

use std::sync::Arc;

use async_trait::async_trait;
use domain::party::Email;
use domain::ports::mail::{
    Attachment, FileName, HeaderText, MailError, Mailer, MediaType, Message, MessageId, Sender, SenderAddress,
};
use domain::timestamp::Timestamp;

/// A mailer, and the place where its messages arrive. It refuses mail to `unknown@` for good and puts off that to
/// `greylisted@`, at any domain.
#[async_trait]
pub trait PostOffice: Send {
    /// The mailer.
    fn mailer(&self) -> Arc<dyn Mailer>;
    /// The next message that arrives, as another reader of mail than the mailer's own has it.
    async fn arrived(&mut self) -> Arrived;
}

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// To whom bounces go.
    pub bounces_to: String,
    /// Who gets it.
    pub recipients: Vec<String>,
    /// The id, without angle brackets.
    pub id: String,
    /// The sender's name and address.
    pub from: (String, String),
    /// To whom answers go, where that is said.
    pub reply_to: Option<String>,
    /// The subject.
    pub subject: String,
    /// The plain text, with line feeds.
    pub text: String,
    /// Name, media type and bytes of each file.
    pub files: Vec<(String, String, Vec<u8>)>,
}

/// A message with what is awkward in mail: names and a subject beyond ASCII, dots at the beginning of lines.
pub fn message(to: &str) -> Message {
    let from = Sender {
        name: Some(HeaderText::parse("Åkessons Bygg, AB").unwrap()),
        address: SenderAddress::parse("billing@example.com").unwrap(),
    };
    let written = (MessageId::parse("mail_1@example.com").unwrap(), Timestamp::from_unix_seconds(1_764_000_000));
    let subject = HeaderText::parse("Faktura INV-1 från Åkessons Bygg, förfaller 1 maj – 請求書").unwrap();
    let text = "Hej,\n\n.en rad som börjar med en punkt\nåäö €\n".to_owned();
    Message::new(written, (from, Email::parse(to).unwrap()), (subject, text))
}

/// Every header, the text and each byte of each file arrive, at the recipient alone.
pub async fn a_message_arrives_once_as_it_was_written(mut office: impl PostOffice) {
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
    let files = [
        ("Fakturaunderlag å.pdf", "application/pdf", bytes),
        ("lines.txt", "text/plain", b"\r\nlf\nonly\n.\nno end".to_vec()),
    ];
    let mut sent = message("ada@example.com").with_reply_to(Email::parse("help@example.com").unwrap());
    for (name, kind, bytes) in files.clone() {
        let (name, content_type) = (FileName::parse(name).unwrap(), MediaType::parse(kind).unwrap());
        sent = sent.with_attachment(Attachment { name, content_type, bytes });
    }
    let mailer = office.mailer();
    // A server may tell more than a pipe holds before it answers.
    let (handed_over, arrived) = tokio::join!(mailer.send(&sent), office.arrived());
    handed_over.unwrap();
    let trimmed = |text: &str| text.trim_end().to_owned();
    assert_eq!(arrived.bounces_to, "billing@example.com");
    assert_eq!(arrived.recipients, ["ada@example.com"]);
    assert_eq!(arrived.id, "mail_1@example.com");
    assert_eq!(arrived.from, ("Åkessons Bygg, AB".to_owned(), "billing@example.com".to_owned()));
    assert_eq!(arrived.reply_to.as_deref(), Some("help@example.com"));
    assert_eq!(arrived.subject, sent.subject().as_str());
    assert_eq!(trimmed(&arrived.text), trimmed(sent.text()));
    let wanted = files.map(|(name, kind, bytes)| (name.to_owned(), kind.to_owned(), bytes));
    assert_eq!(arrived.files, wanted);
}

/// A message needs no files, and has no other place for answers unless it says so.
pub async fn a_plain_message_is_enough(mut office: impl PostOffice) {
    office.mailer().send(&message("ada@example.com")).await.unwrap();
    let arrived = office.arrived().await;
    assert_eq!((&arrived.reply_to, arrived.files.len()), (&None, 0));
    assert_eq!(arrived.text.trim_end(), message("ada@example.com").text().trim_end());
}

/// Who is put off may try again, who is refused need not; neither is told by a name, and the next message goes through.
pub async fn a_refusal_says_whether_another_try_helps_and_names_nobody(mut office: impl PostOffice) {
    let mailer = office.mailer();
    let told = |error: MailError| {
        assert!(!format!("{error:?} {error}").contains('@'), "{error:?}");
        error
    };
    let put_off = told(mailer.send(&message("greylisted@example.com")).await.unwrap_err());
    assert!(matches!(put_off, MailError::Unavailable { .. }), "{put_off:?}");
    let refused = told(mailer.send(&message("unknown@example.com")).await.unwrap_err());
    assert!(matches!(refused, MailError::Rejected { .. }), "{refused:?}");
    mailer.send(&message("ada@example.com")).await.unwrap();
    assert_eq!(office.arrived().await.recipients, ["ada@example.com"], "nothing arrived before");
}

/// A message that is sent again arrives again, under the same id: by it mail programs tell a double.
pub async fn a_message_that_is_sent_again_has_the_same_id(mut office: impl PostOffice) {
    for _ in 0..2 {
        office.mailer().send(&message("ada@example.com")).await.unwrap();
        assert_eq!(office.arrived().await.id, "mail_1@example.com");
    }
}

/// Makes a test of each rule. `$office` is an expression that gives `Option<impl PostOffice>`: `None` skips the rule.
#[macro_export]
macro_rules! mailer_contract {
    ($office:expr) => {
        $crate::mailer_contract!(@each $office,
            a_message_arrives_once_as_it_was_written,
            a_plain_message_is_enough,
            a_refusal_says_whether_another_try_helps_and_names_nobody,
            a_message_that_is_sent_again_has_the_same_id,
        );
    };
    (@each $office:expr, $($rule:ident,)*) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let Some(office) = $office.await else { return };
                $crate::mail::$rule(office).await;
            }
        )*
    };
}

/// A mailer without a server, for tests of its callers: it keeps what it takes, and refuses as a [`PostOffice`] must.
#[derive(Debug, Clone)]
pub struct KeptMail {
    send: tokio::sync::mpsc::UnboundedSender<Message>,
}

/// The other end of a [`KeptMail`].
#[derive(Debug)]
pub struct KeptMailOffice {
    mailer: KeptMail,
    taken: tokio::sync::mpsc::UnboundedReceiver<Message>,
}

impl KeptMailOffice {
    /// An office that has taken nothing yet.
    #[expect(clippy::new_without_default, reason = "it is a pair of ends, and there is no default end")]
    pub fn new() -> Self {
        let (send, taken) = tokio::sync::mpsc::unbounded_channel();
        Self { mailer: KeptMail { send }, taken }
    }
}

#[async_trait]
impl Mailer for KeptMail {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let reason = "refused".to_owned();
        match message.to().as_str().split('@').next() {
            Some("greylisted") => Err(MailError::Unavailable { reason }),
            Some("unknown") => Err(MailError::Rejected { reason }),
            _ => self.send.send(message.clone()).map_err(|_| MailError::Unavailable { reason }),
        }
    }
}

#[async_trait]
impl PostOffice for KeptMailOffice {
    fn mailer(&self) -> Arc<dyn Mailer> {
        Arc::new(self.mailer.clone())
    }

    async fn arrived(&mut self) -> Arrived {
        let message = self.taken.recv().await.expect("the mailer is there");
        let from = message.from();
        let sender = from.address.email().as_str().to_owned();
        Arrived {
            bounces_to: sender.clone(),
            recipients: vec![message.to().as_str().to_owned()],
            id: message.id().to_string(),
            from: (from.name.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default(), sender),
            reply_to: message.reply_to().map(|address| address.as_str().to_owned()),
            subject: message.subject().as_str().to_owned(),
            text: message.text().to_owned(),
            files: message
                .attachments()
                .iter()
                .map(|file| (file.name.as_str().to_owned(), file.content_type.as_str().to_owned(), file.bytes.clone()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KeptMailOffice;

    crate::mailer_contract!(async { Some(KeptMailOffice::new()) });
}
