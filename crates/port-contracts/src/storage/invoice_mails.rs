//! Mails about invoices: read back equal in every state, listed by page and of one seller alone, and leased to one at a time.

use std::time::{Duration, Instant};

use domain::document::{InvoiceDocumentKind, Language};
use domain::id::InvoiceMailId;
use domain::invoice::Invoice;
use domain::invoice_mail::{InvoiceMail, MailOrder};
use domain::page::{PageRequest, PageSize};
use domain::party::Email;
use domain::ports::mail::{MailError, MessageId};
use domain::ports::storage::StorageError;

use super::{LOOK_EVERY, Store, check_deadline};
use crate::fixtures::{draft_invoice, later, moment, next_uuid, only, seller};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3_600);

fn mail(invoice: &Invoice) -> InvoiceMail {
    let order = MailOrder {
        invoice_id: invoice.id,
        kind: InvoiceDocumentKind::Invoice,
        language: Language::Swedish,
        to: Email::parse("ada@example.com").unwrap(),
    };
    let id = InvoiceMailId::from_uuid(next_uuid());
    let message_id = MessageId::parse(&format!("{id}@example.com")).unwrap();
    InvoiceMail::queued((id, message_id), invoice.seller_id.clone(), order, moment())
}

async fn stored_invoice(storage: &Store, of: &str) -> Invoice {
    let mut invoice = draft_invoice(&seller(of), None);
    let mut work = storage.begin().await.unwrap();
    work.insert_invoice(&mut invoice).await.unwrap();
    work.commit().await.unwrap();
    invoice
}

async fn stored_mail(storage: &Store, invoice: &Invoice) -> InvoiceMail {
    let mut mail = mail(invoice);
    let mut work = storage.begin().await.unwrap();
    work.insert_invoice_mail(&mut mail).await.unwrap();
    work.commit().await.unwrap();
    mail
}

async fn lease(storage: &Store, limit: u32, lease: Duration) -> Vec<InvoiceMail> {
    let mut work = storage.begin().await.unwrap();
    let mails = work.lease_due_invoice_mails(limit, lease).await.unwrap();
    work.commit().await.unwrap();
    mails
}

async fn note(storage: &Store, mail: &mut InvoiceMail, retry_in: Duration) -> Result<(), StorageError> {
    let mut work = storage.begin().await.unwrap();
    let noted = work.update_invoice_mail(mail, retry_in).await;
    work.commit().await.unwrap();
    noted
}

/// Mails as they are queued, put off, sent, refused and overtaken.
pub async fn invoice_mails_read_back_equal_in_every_state(storage: Store) {
    let invoice = stored_invoice(&storage, "north").await;
    let outcomes: [fn(&mut InvoiceMail); 5] = [
        |_| {},
        |mail| assert!(mail.tried(Err(MailError::Unavailable { reason: "451".to_owned() }), later()).is_some()),
        |mail| assert_eq!(mail.tried(Ok(()), later()), None),
        |mail| assert_eq!(mail.tried(Err(MailError::Rejected { reason: "550".to_owned() }), later()), None),
        |mail| mail.overtaken(later()),
    ];
    for outcome in outcomes {
        let mut mail = stored_mail(&storage, &invoice).await;
        outcome(&mut mail);
        note(&storage, &mut mail, LONG).await.unwrap();
        assert_eq!(storage.get_invoice_mail(&only(&invoice.seller_id), mail.id).await.unwrap(), Some(mail));
    }
}

/// They are listed newest first, in pages, of one invoice or all, and of one seller alone.
pub async fn invoice_mails_are_listed_by_filter_and_page(storage: Store) {
    let first = stored_invoice(&storage, "north").await;
    let second = stored_invoice(&storage, "north").await;
    let foreign = stored_invoice(&storage, "south").await;
    let mails = [
        stored_mail(&storage, &first).await,
        stored_mail(&storage, &second).await,
        stored_mail(&storage, &foreign).await,
    ];
    let north = seller("north");
    let page = storage.list_invoice_mails(&north, None, PageRequest::NEWEST).await.unwrap();
    assert_eq!((page.items.as_slice(), page.has_more), (&mails[1..2], true));
    let all = || PageRequest { size: PageSize::DEFAULT, before: None };
    assert_eq!(storage.list_invoice_mails(&north, Some(first.id), all()).await.unwrap().items, mails[..1]);
    assert_eq!(storage.list_invoice_mails(&north, Some(foreign.id), all()).await.unwrap().items, []);
    assert_eq!(storage.get_invoice_mail(&only(&north), mails[2].id).await.unwrap(), None);
}

/// A queued mail is taken by one alone; once its lease has run out by another, and then the first can't write it any more.
pub async fn an_invoice_mail_is_leased_to_one_alone(storage: Store) {
    let invoice = stored_invoice(&storage, "north").await;
    let queued = stored_mail(&storage, &invoice).await;
    let mut slow = lease(&storage, 10, Duration::ZERO).await;
    assert_eq!(slow.iter().map(|mail| mail.id).collect::<Vec<_>>(), [queued.id]);
    let began = Instant::now();
    let mut fast = loop {
        check_deadline(began, "the lease runs out");
        match lease(&storage, 10, LONG).await {
            leased if leased.is_empty() => tokio::time::sleep(LOOK_EVERY).await,
            leased => break leased,
        }
    };
    assert_eq!(lease(&storage, 10, LONG).await, []);
    assert_eq!(slow[0].tried(Ok(()), later()), None);
    assert!(matches!(note(&storage, &mut slow[0], LONG).await, Err(StorageError::Stale)));
    assert_eq!(fast[0].tried(Ok(()), later()), None);
    note(&storage, &mut fast[0], Duration::ZERO).await.unwrap();
    // What is sent is due no more.
    assert_eq!(lease(&storage, 10, LONG).await, []);
}

/// The longest due comes first, as many as are wanted, and one that is put off waits.
pub async fn invoice_mails_wait_until_they_are_due(storage: Store) {
    let invoice = stored_invoice(&storage, "north").await;
    let (first, second) = (stored_mail(&storage, &invoice).await, stored_mail(&storage, &invoice).await);
    let mut leased = lease(&storage, 1, LONG).await;
    assert_eq!(leased[0].id, first.id);
    leased[0].tried(Err(MailError::Unavailable { reason: "451".to_owned() }), later());
    note(&storage, &mut leased[0], Duration::ZERO).await.unwrap();
    let mut rest = lease(&storage, 10, LONG).await;
    rest.sort_by_key(|mail| mail.id);
    assert_eq!(rest.iter().map(|mail| (mail.id, mail.attempts)).collect::<Vec<_>>(), [(first.id, 1), (second.id, 0)]);
    rest[0].tried(Err(MailError::Unavailable { reason: "451".to_owned() }), later());
    note(&storage, &mut rest[0], LONG).await.unwrap();
    assert_eq!(lease(&storage, 10, LONG).await, []);
}
