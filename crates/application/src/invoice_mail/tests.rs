//! What is written and called when a mail is sent, over mocks of the ports; and what a mail says.

use std::collections::BTreeSet;
use std::sync::Mutex;

use domain::bank_account::Iban;
use domain::document::{InvoiceDocumentKind, Language};
use domain::id::{InvoiceId, InvoiceLineId, InvoiceMailId};
use domain::invoice::{Finalization, InvoiceContent, InvoiceItem, PartySnapshot};
use domain::invoice_mail::MailFailure;
use domain::letterhead::{Letterhead, TransferInstructions};
use domain::money::{Quantity, UnitPrice};
use domain::page::Page;
use domain::party::Email;
use domain::ports::documents::{MockInvoiceRenderer, RenderedDocument};
use domain::ports::mail::{MessageId, MockMailer};
use domain::ports::provider::MockPaymentProvider;
use domain::ports::storage::{MockStorage, MockUnitOfWork};
use domain::tax::{RatedLine, TaxBehavior, TaxRounding, TaxTreatment, compute};
use domain::text::{Description, PartyName};
use futures::FutureExt;
use time::macros::date;
use uuid::Uuid;

use super::*;
use crate::app::AppParts;
use crate::mocked::{self, NOW, UUID, money, north};

/// An open invoice of 1,608.75.
fn invoice() -> Invoice {
    finalized(Letterhead::default())
}

fn finalized(letterhead: Letterhead) -> Invoice {
    let item = InvoiceItem {
        description: Description::parse("Hosting").unwrap(),
        quantity: Quantity::ONE,
        unit_price: UnitPrice::parse(160_875.into(), money(0).currency()).unwrap(),
        tax_behavior: TaxBehavior::Exclusive,
        tax_treatment: TaxTreatment::Manual(vec![]),
        price_id: None,
        shipping_rate_id: None,
        discount: None,
    };
    let rated = RatedLine::manual(money(160_875), TaxBehavior::Exclusive, vec![]);
    let tax = compute(money(0).currency(), TaxRounding::default(), &[rated]).unwrap();
    let content = InvoiceContent::new(money(0).currency(), vec![item]);
    let uuid = Uuid::from_u128(UUID);
    let ids = (InvoiceId::from_uuid(uuid), vec![InvoiceLineId::from_uuid(uuid)]);
    let mut invoice = Invoice::draft(ids, north(), content, (TaxRounding::default(), tax.clone()), NOW).unwrap();
    let party = |name: &str| PartySnapshot {
        name: Some(PartyName::parse(name).unwrap()),
        address: None,
        email: None,
        tax_ids: vec![],
    };
    let finalization = Finalization {
        number: "INV-7".to_owned(),
        series: "INV".to_owned(),
        sequence: 7,
        finalized_at: NOW,
        tax_point: date!(2026 - 11 - 24),
        due_date: date!(2026 - 12 - 24),
        seller: party("North AB"),
        letterhead,
        buyer: Some(party("Ada\nBcc: eve")),
    };
    invoice.finalize(finalization, tax).unwrap();
    invoice
}

fn mail(kind: InvoiceDocumentKind) -> InvoiceMail {
    let uuid = Uuid::from_u128(UUID);
    let to = Email::parse("ada@buyer.example").unwrap();
    let order = MailOrder { invoice_id: InvoiceId::from_uuid(uuid), kind, language: Language::English, to };
    let ids = (InvoiceMailId::from_uuid(uuid), MessageId::parse("1@north.example").unwrap());
    InvoiceMail::queued(ids, north(), order, NOW)
}

fn text(kind: InvoiceDocumentKind, language: Language, invoice: &Invoice, with: &Enclosures) -> (String, String) {
    let letter = letter::write(kind, language, invoice, with).unwrap();
    assert_eq!(letter.sender, "North AB");
    (letter.subject, letter.text.replace('\u{a0}', " "))
}

fn attached() -> Enclosures {
    let document = Attachment {
        name: FileName::parse("INV-7.pdf").unwrap(),
        content_type: MediaType::parse("application/pdf").unwrap(),
        bytes: b"%PDF".to_vec(),
    };
    Enclosures {
        payment_url: Some("https://pay.example/1".to_owned()),
        page_url: Some("https://north.example/1".to_owned()),
        transfer: vec![],
        document: Some(document),
    }
}

#[test]
fn an_invoice_asks_for_what_is_due_by_when_and_says_where() {
    let (subject, text) = text(InvoiceDocumentKind::Invoice, Language::English, &invoice(), &attached());
    assert_eq!(subject, "Invoice INV-7 from North AB");
    assert_eq!(
        text,
        "Hello Ada Bcc: eve,\n\n\
         This is invoice INV-7 from North AB.\n\n\
         Amount due: SEK 1,608.75\nDue date: 24 December 2026\n\n\
         Pay online:\nhttps://pay.example/1\n\n\
         View online:\nhttps://north.example/1\n\n\
         The document is attached.\n\n\
         Kind regards\nNorth AB\n"
    );
}

#[test]
fn what_is_not_there_is_not_spoken_of() {
    let (_, text) = text(InvoiceDocumentKind::Invoice, Language::English, &invoice(), &Enclosures::default());
    for absent in ["Pay online", "View online", "attached", "\n\n\n"] {
        assert!(!text.contains(absent), "{absent:?} in {text}");
    }
}

#[test]
fn a_receipt_says_what_was_paid_and_what_is_left() {
    let mut invoice = invoice();
    invoice.receive(money(100_000), NOW).unwrap();
    let (subject, partly) = text(InvoiceDocumentKind::Receipt, Language::English, &invoice, &Enclosures::default());
    assert_eq!(subject, "Receipt for invoice INV-7 from North AB");
    assert!(
        partly.contains("Amount paid: SEK 1,000.00\nAmount due: SEK 608.75\nDue date: 24 December 2026"),
        "{partly}"
    );
    invoice.receive(money(60_875), NOW).unwrap();
    let (_, wholly) = text(InvoiceDocumentKind::Receipt, Language::English, &invoice, &Enclosures::default());
    assert!(wholly.contains("Amount paid: SEK 1,608.75\n\n"), "{wholly}");
    let (_, asked) = text(InvoiceDocumentKind::Invoice, Language::English, &invoice, &Enclosures::default());
    assert!(asked.contains("Nothing is left to pay.") && !asked.contains("Due date"), "{asked}");
}

#[test]
fn every_language_says_all_of_it_in_words_of_its_own() {
    let written = Language::ALL.map(|language| text(InvoiceDocumentKind::Invoice, language, &invoice(), &attached()));
    for (index, (subject, text)) in written.iter().enumerate() {
        assert!(subject.contains("INV-7") && subject.contains("North AB"), "{subject}");
        for said in
            ["Ada", "INV-7", "North AB", "608", "SEK", "2026", "https://pay.example/1", "https://north.example/1"]
        {
            assert!(text.contains(said), "{said} in {text}");
        }
        assert!(written[index + 1..].iter().all(|(other, said)| other != subject && said != text), "{subject}");
    }
}

fn mail_parts(mailer: MockMailer) -> MailParts {
    MailParts { mailer: Arc::new(mailer), from: SenderAddress::parse("billing@north.example").unwrap() }
}

/// A renderer that is asked so often.
fn renderer(times: usize) -> MockInvoiceRenderer {
    let mut renderer = MockInvoiceRenderer::new();
    renderer.expect_render().times(times).returning(|_| {
        let content_type = "application/pdf";
        Ok(RenderedDocument { bytes: b"%PDF".to_vec(), content_type, extension: "pdf", replaced: BTreeSet::new() })
    });
    renderer
}

/// What is left of a mail that is worked on with a mailer that answers so; and the event that tells of it.
async fn delivered(
    invoice: Invoice,
    kind: InvoiceDocumentKind,
    answer: Option<Result<(), MailError>>,
) -> (InvoiceMail, Duration, Option<EventKind>) {
    let noted: Arc<Mutex<Option<(InvoiceMail, Duration)>>> = Arc::default();
    let told: Arc<Mutex<Option<EventKind>>> = Arc::default();
    let mut storage = MockStorage::new();
    storage.expect_get_invoice().returning(move |_, _| Ok(Some(invoice.clone())));
    storage.expect_list_payment_links().returning(|_, _, _| Ok(Page { items: vec![], has_more: false }));
    storage.expect_list_payments().returning(|_, _, _| Ok(Page { items: vec![], has_more: false }));
    let (mails, events) = (Arc::clone(&noted), Arc::clone(&told));
    storage.expect_begin().return_once(move || {
        let mut uow = MockUnitOfWork::new();
        uow.expect_update_invoice_mail().once().returning(move |mail, retry_in| {
            *mails.lock().unwrap() = Some((mail.clone(), retry_in));
            Ok(())
        });
        uow.expect_append_event().returning(move |event| {
            assert!(events.lock().unwrap().replace(event.kind).is_none());
            Ok(())
        });
        uow.expect_commit().once().return_once(|| Ok(()));
        Ok(Box::new(uow))
    });
    let mut mailer = MockMailer::new();
    let answered = answer.clone();
    mailer.expect_send().times(usize::from(answer.is_some())).returning(move |message| {
        assert_eq!(message.id().as_str(), "1@north.example");
        assert_eq!((message.date(), message.to().as_str()), (NOW, "ada@buyer.example"));
        assert_eq!(message.from().address.email().as_str(), "billing@north.example");
        let file = &message.attachments()[0];
        assert_eq!((file.name.as_str(), file.bytes.as_slice()), ("INV-7.pdf", b"%PDF".as_slice()));
        assert!(message.text().contains("https://pay.example/i/"));
        answered.clone().unwrap()
    });
    let parts = mail_parts(mailer);
    let renderer = Arc::new(renderer(usize::from(answer.is_some())));
    let wired = AppParts { renderer, ..mocked::parts(storage, MockPaymentProvider::new()) };
    App::new(wired).unwrap().deliver(&parts, mail(kind), TRY_MAX).await.unwrap();
    let (mail, retry_in) = noted.lock().unwrap().take().unwrap();
    let event = told.lock().unwrap().take();
    (mail, retry_in, event)
}

#[tokio::test]
async fn a_mail_that_is_handed_over_is_sent_and_told() {
    let (mail, _, event) = delivered(invoice(), InvoiceDocumentKind::Invoice, Some(Ok(()))).await;
    assert_eq!((&mail.state, event), (&MailState::Sent { sent_at: NOW }, Some(EventKind::InvoiceSent)));
}

#[tokio::test]
async fn a_mail_that_is_put_off_waits_and_nobody_is_told() {
    let answer = Err(MailError::Unavailable { reason: "451".to_owned() });
    let (mail, retry_in, event) = delivered(invoice(), InvoiceDocumentKind::Invoice, Some(answer)).await;
    assert_eq!((mail.state.name(), mail.attempts, event), ("queued", 1, None));
    assert_eq!(retry_in, InvoiceMail::RETRY_IN_MIN);
}

#[tokio::test]
async fn a_mail_that_is_refused_fails_and_is_told() {
    let answer = Err(MailError::Rejected { reason: "550".to_owned() });
    let (mail, _, event) = delivered(invoice(), InvoiceDocumentKind::Invoice, Some(answer)).await;
    assert_eq!((mail.state.name(), event), ("failed", Some(EventKind::InvoiceSendFailed)));
}

#[tokio::test]
async fn a_mail_that_does_not_hold_any_more_is_not_sent() {
    let mut void = invoice();
    void.void(NOW).unwrap();
    for (invoice, kind) in [(void, InvoiceDocumentKind::Invoice), (invoice(), InvoiceDocumentKind::Receipt)] {
        let (mail, _, event) = delivered(invoice, kind, None).await;
        let failed = MailState::Failed { failure: MailFailure::Overtaken, failed_at: NOW };
        assert_eq!((&mail.state, event), (&failed, Some(EventKind::InvoiceSendFailed)));
    }
}

/// The invoice says that something came in, and no payment that a receipt could tell of is there any more.
#[tokio::test]
async fn a_receipt_that_can_not_be_made_is_given_up_and_not_tried_for_ever() {
    let mut partly = invoice();
    partly.receive(money(100), NOW).unwrap();
    let (mail, _, event) = delivered(partly, InvoiceDocumentKind::Receipt, None).await;
    let failed = MailState::Failed { failure: MailFailure::Overtaken, failed_at: NOW };
    assert_eq!((&mail.state, event), (&failed, Some(EventKind::InvoiceSendFailed)));
}

#[tokio::test]
async fn a_try_that_hangs_ends_before_another_could_begin() {
    let mut storage = MockStorage::new();
    storage.expect_get_invoice().returning(|_, _| Ok(Some(invoice())));
    storage.expect_list_payment_links().returning(|_, _, _| Ok(Page { items: vec![], has_more: false }));
    storage.expect_list_payments().returning(|_, _, _| Ok(Page { items: vec![], has_more: false }));
    storage.expect_begin().return_once(|| {
        let mut uow = MockUnitOfWork::new();
        uow.expect_update_invoice_mail().once().withf(|mail, _| mail.attempts == 1).returning(|_, _| Ok(()));
        uow.expect_commit().once().return_once(|| Ok(()));
        Ok(Box::new(uow))
    });
    let wired = AppParts { renderer: Arc::new(renderer(0)), ..mocked::parts(storage, MockPaymentProvider::new()) };
    let app = App::new(wired).unwrap();
    // Nothing is rendered: others have every turn, and keep it.
    let mut held = Vec::new();
    while let Some(Ok(turn)) = app.0.renders.take(Audience::Recipient).now_or_never() {
        held.push(turn);
    }
    let hung = mail(InvoiceDocumentKind::Invoice);
    app.deliver(&mail_parts(MockMailer::new()), hung, Duration::from_millis(1)).await.unwrap();
}

#[tokio::test]
async fn a_mail_comes_from_its_sellers_own_address_and_says_how_to_transfer() {
    let mut storage = MockStorage::new();
    storage.expect_list_payment_links().returning(|_, _, _| Ok(Page { items: vec![], has_more: false }));
    let mut wired = AppParts { renderer: Arc::new(renderer(1)), ..mocked::parts(storage, MockPaymentProvider::new()) };
    wired.sellers[0].mail_from = SenderAddress::parse("invoices@own.example").ok();
    wired.sellers[0].mail_reply_to = Email::parse("help@own.example").ok();
    let transfer =
        TransferInstructions { iban: Iban::parse("SE4550000000058398257466").ok(), ..TransferInstructions::default() };
    let invoice = finalized(Letterhead { transfer: Some(transfer), ..Letterhead::default() });
    let order = mail(InvoiceDocumentKind::Invoice);
    let message =
        App::new(wired).unwrap().write(&mail_parts(MockMailer::new()), &order, (&invoice, &[])).await.unwrap();
    assert_eq!(message.from().address.email().as_str(), "invoices@own.example");
    assert_eq!(message.reply_to().map(Email::as_str), Some("help@own.example"));
    let said = "\n\nHow to pay\nIBAN: SE45 5000 0000 0583 9825 7466\nPayment reference: INV-7\n\n";
    assert!(message.text().contains(said), "{}", message.text());
}
