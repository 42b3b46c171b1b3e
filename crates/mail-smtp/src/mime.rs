//! A message as bytes: headers and parts (RFC 5322, RFC 2045 to 2049). The same message gives the same bytes, but for what
//! parts its parts.

use std::time::{Duration, SystemTime};

use domain::party::Email;
use domain::ports::mail::{Attachment, HeaderText, MailError, Message};
use domain::timestamp::Timestamp;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment as FilePart, Body, Mailbox, MultiPart, SinglePart};

/// What travels: from whom to whom, and the bytes.
pub(crate) fn compose(message: &Message) -> Result<(Envelope, Vec<u8>), MailError> {
    let from = mailbox(message.from().name.as_ref(), message.from().address.email())?;
    let builder = lettre::Message::builder()
        .from(from)
        .to(mailbox(None, message.to())?)
        .subject(message.subject().as_str())
        .date(system_time(message.date()))
        .message_id(Some(format!("<{}>", message.id())))
        // Programs that answer by themselves keep silent (RFC 3834).
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    let builder = match message.reply_to() {
        Some(reply_to) => builder.reply_to(mailbox(None, reply_to)?),
        None => builder,
    };
    let text = SinglePart::plain(message.text().to_owned());
    let built = match message.attachments() {
        [] => builder.singlepart(text),
        files => builder.multipart(with_files(MultiPart::mixed().singlepart(text), files)?),
    };
    let built = built.map_err(|_| rejected("message"))?;
    Ok((built.envelope().clone(), built.formatted()))
}

fn with_files(mut whole: MultiPart, files: &[Attachment]) -> Result<MultiPart, MailError> {
    for file in files {
        let kind = ContentType::parse(file.content_type.as_str()).map_err(|_| rejected("content type"))?;
        // In no other encoding every byte stays as it is: a text would get other ends of lines.
        let body = Body::new_with_encoding(file.bytes.clone(), ContentTransferEncoding::Base64)
            .map_err(|_| rejected("attachment"))?;
        whole = whole.singlepart(FilePart::new(file.name.as_str().to_owned()).body(body, kind));
    }
    Ok(whole)
}

fn mailbox(name: Option<&HeaderText>, address: &Email) -> Result<Mailbox, MailError> {
    // The domain takes any address that mail could prove; not every one can stand in an SMTP command.
    let address = address.as_str().parse().map_err(|_| rejected("address"))?;
    Ok(Mailbox::new(name.map(|name| name.as_str().to_owned()), address))
}

fn rejected(what: &str) -> MailError {
    MailError::Rejected { reason: what.to_owned() }
}

fn system_time(moment: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(moment.unix_seconds()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use domain::ports::mail::{MessageId, Sender, SenderAddress};

    use super::*;

    fn message(to: &str) -> Message {
        let id = MessageId::parse("mail_1@example.com").unwrap();
        let from = Sender {
            name: Some(HeaderText::parse("Å \"Quoted\", AB <x@evil.example>").unwrap()),
            address: SenderAddress::parse("billing@example.com").unwrap(),
        };
        let subject = HeaderText::parse("Faktura för maj").unwrap();
        let written = (id, Timestamp::from_unix_seconds(1_764_000_000));
        Message::new(written, (from, Email::parse(to).unwrap()), (subject, "Hej,\nå\n".to_owned()))
    }

    #[test]
    fn headers_are_ascii_and_say_what_the_message_says() {
        let (envelope, bytes) = compose(&message("ada@example.com")).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (headers, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(headers.is_ascii(), "{headers}");
        for line in [
            "To: ada@example.com",
            "Date: Mon, 24 Nov 2025 16:00:00 +0000",
            "Message-ID: <mail_1@example.com>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ] {
            assert!(headers.lines().any(|header| header == line), "{line} in {headers}");
        }
        assert_eq!(envelope.to().iter().map(ToString::to_string).collect::<Vec<_>>(), ["ada@example.com"]);
        assert_eq!(envelope.from().map(ToString::to_string).as_deref(), Some("billing@example.com"));
    }

    #[test]
    fn answers_go_where_the_message_says_and_bounces_to_its_sender() {
        let message = message("ada@example.com").with_reply_to(Email::parse("help@example.com").unwrap());
        let (envelope, bytes) = compose(&message).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.lines().any(|header| header == "Reply-To: help@example.com"), "{text}");
        assert_eq!(envelope.from().map(ToString::to_string).as_deref(), Some("billing@example.com"));
    }

    #[test]
    fn an_address_that_can_not_stand_in_a_command_is_refused_and_sent_to_nobody() {
        for to in ["a>b@example.com", "a,b@example.com", "<a@example.com"] {
            assert_eq!(compose(&message(to)).unwrap_err(), rejected("address"), "{to}");
        }
    }

    #[test]
    fn the_same_message_gives_the_same_bytes() {
        assert_eq!(compose(&message("ada@example.com")).unwrap().1, compose(&message("ada@example.com")).unwrap().1);
    }
}
