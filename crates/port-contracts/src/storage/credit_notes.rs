//! Credit notes read back equal and are listed; their numbers are taken once; what is final never changes.

use domain::credit_note::{CreditNote, CreditNoteData};
use domain::id::{CustomerId, InvoiceId, PaymentId, RefundId};
use domain::invoice::{Finalization, Invoice, InvoiceData, InvoiceState};
use domain::page::{PageRequest, PageSize};
use domain::payment::{OutOfBand, OutOfBandMethod, OutOfBandReceipt, Payment, PaymentFlag};
use domain::ports::storage::{CreditNoteFilter, RefundFilter, StorageError};
use domain::refund::{NewRefund, Refund};
use domain::text::DisplayName;
use time::macros::date;

use super::Store;
use crate::fixtures::{
    AWKWARD_TEXT, credit_note, customer, later, metadata, moment, money, next_uuid, only, open_invoice, seller,
};

/// An open invoice of a seller's, stored.
async fn stored(storage: &Store, name: &str, sequence: u64) -> Invoice {
    let mut buyer = customer(&seller(name));
    let mut invoice = open_invoice(&seller(name), Some(buyer.id), sequence, date!(2026 - 12 - 24));
    let mut work = storage.begin().await.unwrap();
    work.insert_customer(&mut buyer).await.unwrap();
    work.insert_invoice(&mut invoice).await.unwrap();
    work.commit().await.unwrap();
    invoice
}

/// Credit notes, and the invoice with what is credited of it: open, partly paid, and paid.
pub async fn credit_notes_read_back_equal(storage: Store) {
    let mut invoice = stored(&storage, "north", 1).await;
    let own = only(&invoice.seller_id);
    let steps: [fn(&mut Invoice); 3] = [
        |_| {},
        |invoice| assert!(invoice.receive(money(875), later()).is_ok()),
        |invoice| assert!(invoice.receive(invoice.amount_due(), later()).is_ok()),
    ];
    for (sequence, step) in (1..).zip(steps) {
        step(&mut invoice);
        let mut note = credit_note(&mut invoice, 1_000, sequence);
        let mut work = storage.begin().await.unwrap();
        work.insert_credit_note(&mut note).await.unwrap();
        work.update_invoice(&mut invoice).await.unwrap();
        assert_eq!(work.get_credit_note(&own, note.id).await.unwrap().as_ref(), Some(&note), "inside");
        work.commit().await.unwrap();
        assert_eq!(storage.get_credit_note(&own, note.id).await.unwrap().as_ref(), Some(&note));
        assert_eq!(storage.get_invoice(&own, invoice.id).await.unwrap().as_ref(), Some(&invoice));
        assert_eq!(storage.get_credit_note(&only(&seller("south")), note.id).await.unwrap(), None);
    }
    assert_eq!((invoice.state.name(), invoice.amount_credited()), ("paid", money(3_750)));
    assert_eq!(invoice.amount_credited_after_payment(), money(1_250));
}

/// A seller has one credit note of a number and of a place in a series, and none of an invoice that is not there.
pub async fn a_credit_notes_number_is_taken_once(storage: Store) {
    let mut invoice = stored(&storage, "north", 1).await;
    let mut elsewhere = stored(&storage, "south", 1).await;
    let mut work = storage.begin().await.unwrap();
    work.insert_credit_note(&mut credit_note(&mut invoice, 1, 1)).await.unwrap();
    work.insert_credit_note(&mut credit_note(&mut elsewhere, 1, 1)).await.unwrap();
    work.commit().await.unwrap();
    let altered = |invoice: &mut Invoice, alter: fn(&mut CreditNoteData)| {
        let mut data = (*credit_note(invoice, 1, 2)).clone();
        alter(&mut data);
        CreditNote::from_stored(data)
    };
    let twins: [fn(&mut CreditNoteData); 3] = [
        |data| data.number.number = "CN-00001".to_owned(),
        |data| data.number.sequence = 1,
        |data| data.invoice_id = InvoiceId::from_uuid(next_uuid()),
    ];
    for alter in twins {
        let mut twin = altered(&mut invoice, alter);
        let mut work = storage.begin().await.unwrap();
        let refused = work.insert_credit_note(&mut twin).await;
        assert!(matches!(refused, Err(StorageError::Conflict { .. })), "{refused:?}");
        work.rollback().await;
    }
}

/// By invoice and customer, newest first across the seams of pages, and of one seller alone.
pub async fn credit_notes_are_listed_by_filter_and_page(storage: Store) {
    let (mut one, mut other) = (stored(&storage, "north", 1).await, stored(&storage, "north", 2).await);
    let mut elsewhere = stored(&storage, "south", 1).await;
    let mut notes = [
        credit_note(&mut one, 1, 1),
        credit_note(&mut one, 2, 2),
        credit_note(&mut other, 3, 3),
        credit_note(&mut one, 4, 4),
        credit_note(&mut elsewhere, 5, 1),
    ];
    let mut work = storage.begin().await.unwrap();
    for note in &mut notes {
        work.insert_credit_note(note).await.unwrap();
    }
    work.commit().await.unwrap();
    let ids = async |name: &str, filter: CreditNoteFilter| {
        let mut ids = Vec::new();
        loop {
            let request = PageRequest { size: PageSize::parse(2).unwrap(), before: ids.last().copied() };
            let page = storage.list_credit_notes(&seller(name), filter.clone(), request).await.unwrap();
            ids.extend(page.items.iter().map(|note| note.id));
            if !page.has_more {
                break ids;
            }
        }
    };
    let [a, b, c, d, e] = notes.each_ref().map(|note| note.id);
    let any = CreditNoteFilter::default;
    assert_eq!(ids("north", any()).await, [d, c, b, a]);
    assert_eq!(ids("south", any()).await, [e]);
    assert_eq!(ids("north", CreditNoteFilter { invoice_id: Some(one.id), ..any() }).await, [d, b, a]);
    assert_eq!(ids("north", CreditNoteFilter { customer_id: other.customer_id, ..any() }).await, [c]);
    assert_eq!(ids("south", CreditNoteFilter { invoice_id: Some(one.id), ..any() }).await, []);
    let second = || CreditNoteFilter { number: Some(notes[1].number.number.clone()), ..any() };
    assert_eq!((ids("north", second()).await, ids("south", second()).await), (vec![b], vec![]));
    let nobody = Some(CustomerId::from_uuid(next_uuid()));
    assert_eq!(ids("north", CreditNoteFilter { customer_id: nobody, ..any() }).await, []);
}

/// What a defect does to an invoice.
type Change = fn(&mut InvoiceData);

/// Whatever a defect makes of a finalized invoice, the store keeps what finalization fixed: it refuses the change, or leaves
/// it out. What may move still does.
pub async fn what_finalization_fixed_never_changes(storage: Store) {
    let mut invoice = stored(&storage, "north", 1).await;
    let own = only(&invoice.seller_id);
    let changes: [(&str, Change); 12] = [
        ("number", |it| finalization(it, |fixed| fixed.number = "INV-9".to_owned())),
        ("sequence", |it| finalization(it, |fixed| fixed.sequence = 9)),
        ("due date", |it| finalization(it, |fixed| fixed.due_date = date!(2027 - 01 - 01))),
        ("tax point", |it| finalization(it, |fixed| fixed.tax_point = date!(2027 - 01 - 01))),
        ("buyer", |it| finalization(it, |fixed| fixed.buyer = None)),
        ("seller", |it| finalization(it, |fixed| fixed.seller.tax_ids.clear())),
        ("customer", |it| it.customer_id = None),
        ("lines", |it| it.lines.clear()),
        ("tax", |it| it.tax.subtotals.clear()),
        ("total", |it| it.tax.gross = money(1)),
        ("description", |it| it.description = None),
        ("draft again", |it| it.state = InvoiceState::Draft),
    ];
    for (name, change) in changes {
        let mut data = (*invoice).clone();
        change(&mut data);
        let mut work = storage.begin().await.unwrap();
        let refused = work.update_invoice(&mut Invoice::from_stored(data)).await;
        match refused {
            Ok(()) => work.commit().await.unwrap(),
            Err(StorageError::Conflict { .. }) => work.rollback().await,
            Err(error) => panic!("{name}: {error:?}"),
        }
        let kept = storage.get_invoice(&own, invoice.id).await.unwrap().unwrap();
        assert_eq!(InvoiceData { version: invoice.version, ..(*kept).clone() }, *invoice, "{name}");
        invoice.mark_stored(kept.version);
    }
    let mut moved = invoice;
    let steps: [fn(&mut Invoice); 3] = [
        |it| it.mark_uncollectible(later()).unwrap(),
        |it| assert!(it.receive(money(875), moment()).is_ok()),
        |it| assert!(it.receive(money(200_000), later()).is_ok()),
    ];
    for step in steps {
        step(&mut moved);
        let mut work = storage.begin().await.unwrap();
        work.update_invoice(&mut moved).await.unwrap();
        work.commit().await.unwrap();
        assert_eq!(storage.get_invoice(&own, moved.id).await.unwrap().as_ref(), Some(&moved));
    }
}

/// Changes what finalization fixed of an open invoice.
fn finalization(data: &mut InvoiceData, change: fn(&mut Finalization)) {
    if let InvoiceState::Open { finalization } = &mut data.state {
        change(finalization);
    }
}

/// Refunds that name a credit note are found by it, and money that came in out of band reads back with how it came.
pub async fn refunds_by_a_credit_note_and_money_out_of_band_read_back_equal(storage: Store) {
    let mut invoice = stored(&storage, "north", 1).await;
    let own = only(&invoice.seller_id);
    let mut note = credit_note(&mut invoice, 1_000, 1);
    let how = OutOfBand {
        method: OutOfBandMethod::BankTransfer,
        reference: Some(DisplayName::parse(AWKWARD_TEXT).unwrap()),
        received_on: date!(2026 - 11 - 23),
    };
    let receipt = OutOfBandReceipt { amount: money(875), how, description: None, metadata: metadata(&[("till", "3")]) };
    receipt.check(&invoice).unwrap();
    let id = PaymentId::from_uuid(next_uuid());
    let split = (money(700), money(175));
    let mut paid = Payment::out_of_band(id, &invoice, (receipt, split), (vec![PaymentFlag::Partial], false), moment());
    let [mut by_note, mut other] = [Some(note.id), None].map(|credit_note_id| {
        let id = RefundId::from_uuid(next_uuid());
        let new = NewRefund { id, amount: money(875), reason: None, credit_note_id, metadata: metadata(&[]) };
        Refund::creating(new, &paid, moment())
    });
    let mut work = storage.begin().await.unwrap();
    work.insert_credit_note(&mut note).await.unwrap();
    work.insert_payment(&mut paid).await.unwrap();
    for refund in [&mut by_note, &mut other] {
        assert!(work.insert_refund(refund).await.unwrap());
    }
    work.commit().await.unwrap();
    assert_eq!(storage.get_payment(&own, paid.id).await.unwrap(), Some(paid));
    let filter = RefundFilter { credit_note_id: Some(note.id), ..RefundFilter::default() };
    let page = PageRequest { size: PageSize::DEFAULT, before: None };
    assert_eq!(storage.list_refunds(&invoice.seller_id, filter, page).await.unwrap().items, [by_note]);
}
