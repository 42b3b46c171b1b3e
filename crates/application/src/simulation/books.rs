//! Whether the books are in order: against themselves, and against what the provider has.

use std::collections::{BTreeMap, BTreeSet};

use domain::event::{EventKind, EventSubject};
use domain::idempotency::RequestProgress;
use domain::invoice::InvoiceState;
use domain::money::Money;
use domain::payment::{Payment, PaymentFlag, PaymentKind, PaymentState};
use domain::payment_link::LinkState;
use domain::ports::storage::Collectable;
use domain::provider::CheckoutProgress;
use domain::refund::{RefundProgress, RefundState};
use port_simulator::{Acquirer, Contents, LedgerSession};

use super::world::Asked;
use crate::worker::SESSION_GRACE;

/// Fails with the first thing that is not as it must be.
macro_rules! must {
    ($holds:expr, $($message:tt)+) => {
        if !$holds {
            return Err(format!($($message)+));
        }
    };
}

/// Checks all of it, once nothing is left to do.
pub(super) fn check(books: &Contents<'_>, acquirer: &Acquirer, asked: &[Asked]) -> Result<(), String> {
    check_nothing_is_between_states(books)?;
    check_payments(books, acquirer)?;
    check_refunds(books, acquirer)?;
    check_invoices(books)?;
    check_pages(books, acquirer)?;
    check_numbers(books)?;
    check_events(books)?;
    check_requests(books, asked)
}

fn check_nothing_is_between_states(books: &Contents<'_>) -> Result<(), String> {
    must!(books.set_aside.is_empty(), "notifications were set aside: {:?}", books.set_aside);
    for link in &books.links {
        let is_between = matches!(link.state, LinkState::Creating | LinkState::Closing { .. });
        must!(!is_between, "{} is {}", link.id, link.state_name());
    }
    for session in &books.sessions {
        must!(!matches!(session.state_name(), "creating" | "closing"), "{} is {}", session.id, session.state_name());
    }
    for refund in &books.refunds {
        must!(refund.state != RefundState::Creating, "{} is being made", refund.id);
    }
    for request in &books.requests {
        must!(request.progress != RequestProgress::Running, "{:?} is being worked on", request.key);
    }
    Ok(())
}

/// Each payment at the provider is in the books once, as it is there; and no other is.
fn check_payments(books: &Contents<'_>, acquirer: &Acquirer) -> Result<(), String> {
    let mut there = BTreeMap::new();
    for session in acquirer.sessions() {
        let Some(payment_ref) = session.payment_ref() else { continue };
        there.insert(payment_ref.clone(), session.progress.clone());
        let known: Vec<_> = books.payments.iter().filter(|it| it.provider_ref.as_ref() == Some(payment_ref)).collect();
        must!(known.len() == 1, "{payment_ref} is in the books {} times: {:?}", known.len(), session);
        let (payment, state) = (known[0], known[0].state.name());
        let is_as_there = match &session.progress {
            CheckoutProgress::Paid { received, .. } => {
                state == PaymentState::SUCCEEDED && payment.received == Some(*received)
            }
            CheckoutProgress::Authorized { .. } => state == PaymentState::AUTHORIZED,
            CheckoutProgress::Processing { .. } => state == PaymentState::PROCESSING,
            CheckoutProgress::Released { .. } => state == PaymentState::CANCELED,
            CheckoutProgress::PaymentFailed { .. } => state == PaymentState::FAILED,
            _ => false,
        };
        must!(is_as_there, "{} is {state} with {:?}, and there {:?}", payment.id, payment.received, session.progress);
    }
    for payment in &books.payments {
        let is_backed = payment.provider_ref.as_ref().is_none_or(|it| there.contains_key(it));
        must!(is_backed, "{} is of a payment that is not there", payment.id);
        if matches!(payment.state, PaymentState::Succeeded { .. }) {
            let has_source = payment.provider_ref.is_some() || payment.kind == PaymentKind::OutOfBand;
            must!(has_source, "{} came in from nowhere", payment.id);
        }
    }
    Ok(())
}

/// Each refund at the provider is in the books once, as it is there; what goes back never comes to more than what came in.
fn check_refunds(books: &Contents<'_>, acquirer: &Acquirer) -> Result<(), String> {
    let mut ours = BTreeSet::new();
    for refund in acquirer.refunds() {
        let snapshot = &refund.snapshot;
        if let Some(id) = snapshot.refund_id {
            must!(ours.insert(id), "{id} was made twice");
        }
        let is_it = |it: &&&domain::refund::Refund| it.provider_ref.as_ref() == Some(&snapshot.provider_ref);
        let known: Vec<_> = books.refunds.iter().filter(is_it).collect();
        must!(known.len() == 1, "{} is in the books {} times", snapshot.provider_ref, known.len());
        let is_as_there = known[0].amount == snapshot.amount
            && match &snapshot.progress {
                RefundProgress::Pending => known[0].state == RefundState::Pending,
                RefundProgress::Succeeded => matches!(known[0].state, RefundState::Succeeded { .. }),
                RefundProgress::Failed { .. } => matches!(known[0].state, RefundState::Failed { .. }),
                RefundProgress::RequiresAction | RefundProgress::Canceled => false,
            };
        must!(is_as_there, "{} is {:?}, and there {:?}", known[0].id, known[0].state, snapshot.progress);
    }
    for payment in &books.payments {
        let of_it = books.refunds.iter().filter(|refund| refund.payment_id == payment.id);
        let back: i64 = of_it.filter_map(|refund| refund.counted()).map(Money::minor).sum();
        must!(
            payment.refunded.map_or(0, Money::minor) == back,
            "{} counts {:?}, not {back}",
            payment.id,
            payment.refunded
        );
        must!(
            back <= payment.received.map_or(0, Money::minor),
            "{} gave back {back} of {:?}",
            payment.id,
            payment.received
        );
    }
    for note in &books.credit_notes {
        let by_it = books.refunds.iter().filter(|refund| refund.credit_note_id == Some(note.id));
        let back: i64 = by_it.filter_map(|refund| refund.counted()).map(Money::minor).sum();
        must!(back <= note.refundable_amount().minor(), "{back} went back by {}", note.id);
    }
    Ok(())
}

/// Each invoice has the money of its payments, and the credits of its notes.
fn check_invoices(books: &Contents<'_>) -> Result<(), String> {
    for invoice in &books.invoices {
        let not_for_it = |flag: &PaymentFlag| matches!(flag, PaymentFlag::InvoiceNotOpen | PaymentFlag::WrongCurrency);
        let of_it = books.payments.iter().filter(|it| it.invoice_id == Some(invoice.id));
        let received = of_it.filter(|it| !it.flags.iter().any(not_for_it)).filter_map(|it| it.received);
        let received: i64 = received.map(Money::minor).sum();
        let counted = invoice.amount_paid.minor() + invoice.amount_overpaid.minor();
        must!(counted == received, "{} counts {counted}, and {received} came in on it", invoice.id);
        let credited = books.credit_notes.iter().filter(|note| note.invoice_id == invoice.id);
        let credited: i64 = credited.map(|note| note.gross.minor()).sum();
        must!(invoice.amount_credited().minor() == credited, "{} counts other credits than {credited}", invoice.id);
        must!(credited <= invoice.total().minor(), "{} is credited {credited}", invoice.id);
        let is_paid = matches!(invoice.state, InvoiceState::Paid { .. });
        let may_be_due = !matches!(invoice.state, InvoiceState::Open { .. }) || !invoice.amount_due().is_zero();
        must!(
            !is_paid || invoice.amount_due().is_zero(),
            "{} is paid, and {} is due",
            invoice.id,
            invoice.amount_due()
        );
        must!(may_be_due, "{} is open, and nothing is due", invoice.id);
        must!(
            counted == 0 || !matches!(invoice.state, InvoiceState::Void { .. }),
            "{} is void with {counted}",
            invoice.id
        );
    }
    Ok(())
}

/// Each page is open there where it is open here; an invoice has at most one. A call whose answer was lost may have made
/// another page, of which nobody has the URL: that is no page of ours.
fn check_pages(books: &Contents<'_>, acquirer: &Acquirer) -> Result<(), String> {
    let (links, sessions) = (acquirer.links(), acquirer.sessions());
    let mut open: BTreeMap<_, Vec<(String, Option<Money>)>> = BTreeMap::new();
    for link in &books.links {
        let there = links.iter().find(|it| Some(&it.provider_ref) == link.provider_ref.as_ref());
        let is_active = matches!(link.state, LinkState::Active);
        let is_active_there = there.is_some_and(|it| it.is_active);
        must!(is_active == is_active_there, "{} is {}, and there {there:?}", link.id, link.state_name());
        if let Some(invoice) = link.invoice_id().filter(|_| is_active) {
            open.entry(invoice).or_default().push((link.id.to_string(), link.asks_on_invoice()));
            let held = (invoice, Collectable::PaymentLink(link.id));
            must!(books.collectables.contains(&held), "{} is open, and its invoice is free", link.id);
        }
    }
    for session in &books.sessions {
        let there = sessions.iter().find(|it| Some(&it.provider_ref) == session.provider_ref.as_ref());
        let is_open = session.state_name() == "open";
        // A provider that can't be asked does not tell of an end either: the worker sees to it some minutes later.
        let may_be_open =
            |it: &&LedgerSession| acquirer.is_mute() && it.progress == CheckoutProgress::Expired && is_open;
        let is_not_known_yet =
            there.filter(may_be_open).is_some_and(|it| acquirer.now() < it.expires_at.plus(SESSION_GRACE * 2));
        let is_open_there = there.is_some_and(|it| it.progress == CheckoutProgress::Open);
        must!(
            is_open == is_open_there || is_not_known_yet,
            "{} is {}, and there {there:?}",
            session.id,
            session.state_name()
        );
        if let Some(invoice) = session.invoice_id().filter(|_| is_open) {
            open.entry(invoice).or_default().push((session.id.to_string(), Some(session.asks())));
            let held = (invoice, Collectable::CheckoutSession(session.id));
            must!(books.collectables.contains(&held), "{} is open, and its invoice is free", session.id);
        }
    }
    for (invoice, pages) in &open {
        must!(pages.len() == 1, "{invoice} can be paid by {pages:?}");
        let known = books.invoices.iter().find(|it| it.id == *invoice);
        let is_payable = known.is_some_and(|it| matches!(it.state.name(), "open" | "uncollectible"));
        must!(is_payable, "{invoice} is {:?}, and can be paid by {pages:?}", known.map(|it| it.state.name()));
        let due = known.map_or(0, |it| it.amount_due().minor());
        must!(
            pages.iter().all(|(_, asked)| asked.is_some_and(|it| it.minor() <= due)),
            "{due} is due on {invoice}, and {pages:?} ask for it"
        );
    }
    // Money that is on its way through a page that was open keeps its invoice from being asked for by another; that of a
    // second visitor, where the first has paid, is more than was asked for in any case.
    let is_paid = |link| {
        books.payments.iter().any(|it| it.payment_link_id == link && matches!(it.state, PaymentState::Succeeded { .. }))
    };
    for payment in books.payments.iter().filter(|it| !it.flags.contains(&PaymentFlag::CollectableClosed)) {
        let is_second = payment.payment_link_id.is_some() && is_paid(payment.payment_link_id);
        if let (Some(invoice), PaymentState::Processing | PaymentState::Authorized { .. }, false) =
            (payment.invoice_id, &payment.state, is_second)
        {
            let is_kept = books.collectables.iter().any(|(of, held)| *of == invoice && is_of(payment, *held));
            must!(is_kept, "{} is on its way, and its invoice is free", payment.id);
        }
    }
    for (invoice, held) in &books.collectables {
        must!(
            open.contains_key(invoice) || is_under_way(books, *held),
            "{invoice} is held by {held}, which is not open"
        );
    }
    Ok(())
}

/// Whether money of a completed page is still on its way, or held: until then its invoice is kept.
fn is_under_way(books: &Contents<'_>, held: Collectable) -> bool {
    let is_on_its_way = |it: &Payment| matches!(it.state, PaymentState::Processing | PaymentState::Authorized { .. });
    books.payments.iter().any(|payment| is_of(payment, held) && is_on_its_way(payment))
}

/// Whether a payment came through a page.
fn is_of(payment: &Payment, held: Collectable) -> bool {
    match held {
        Collectable::PaymentLink(link) => payment.payment_link_id == Some(link),
        Collectable::CheckoutSession(session) => payment.checkout_session_id == Some(session),
    }
}

/// Numbers begin at 1, and have neither gaps nor twins.
fn check_numbers(books: &Contents<'_>) -> Result<(), String> {
    let mut series: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for fixed in books.invoices.iter().filter_map(|invoice| invoice.finalization()) {
        series.entry(format!("invoices {}", fixed.series)).or_default().push(fixed.sequence);
    }
    for note in &books.credit_notes {
        series.entry(format!("credit notes {}", note.number.series)).or_default().push(note.number.sequence);
    }
    for (name, mut numbers) in series {
        numbers.sort_unstable();
        must!(numbers.iter().copied().eq(1..=u64::try_from(numbers.len()).unwrap()), "{name} has {numbers:?}");
    }
    Ok(())
}

/// Each transition is told once: what can happen once is told where it happened, and nowhere else.
fn check_events(books: &Contents<'_>) -> Result<(), String> {
    let mut told: BTreeMap<(String, &str), u32> = BTreeMap::new();
    for event in &books.events {
        *told.entry((event.subject.id(), event.kind.name())).or_default() += 1;
    }
    let mut expected: BTreeMap<(String, &str), bool> = BTreeMap::new();
    let mut expect = |id: String, kind: EventKind, has_happened: bool| {
        expected.insert((id, kind.name()), has_happened);
    };
    for invoice in &books.invoices {
        let id = invoice.id.to_string();
        expect(id.clone(), EventKind::InvoiceCreated, true);
        expect(id.clone(), EventKind::InvoiceFinalized, invoice.finalization().is_some());
        expect(id.clone(), EventKind::InvoicePaid, matches!(invoice.state, InvoiceState::Paid { .. }));
        expect(id, EventKind::InvoiceVoided, matches!(invoice.state, InvoiceState::Void { .. }));
    }
    for note in &books.credit_notes {
        expect(note.id.to_string(), EventKind::CreditNoteCreated, true);
    }
    for link in &books.links {
        let is_failed = matches!(link.state, LinkState::Failed { .. });
        expect(link.id.to_string(), EventKind::PaymentLinkCreated, !is_failed);
        expect(link.id.to_string(), EventKind::PaymentLinkFailed, is_failed);
    }
    for session in &books.sessions {
        expect(session.id.to_string(), EventKind::CheckoutSessionExpired, session.state_name() == "expired");
    }
    for payment in &books.payments {
        let (id, state) = (payment.id.to_string(), payment.state.name());
        expect(id.clone(), EventKind::PaymentSucceeded, state == PaymentState::SUCCEEDED);
        // One that had ended may be paid all the same, where someone opens its page at the provider; that is flagged.
        if !payment.flags.contains(&PaymentFlag::CollectableClosed) {
            expect(id.clone(), EventKind::PaymentFailed, state == PaymentState::FAILED);
            expect(id.clone(), EventKind::PaymentCanceled, state == PaymentState::CANCELED);
            expect(id, EventKind::PaymentExpired, state == PaymentState::EXPIRED);
        }
    }
    for refund in &books.refunds {
        let id = refund.id.to_string();
        expect(id.clone(), EventKind::RefundCreated, refund.is_made());
        expect(id, EventKind::RefundFailed, matches!(refund.state, RefundState::Failed { .. }));
    }
    for ((id, kind), has_happened) in expected {
        let times = told.get(&(id.clone(), kind)).copied().unwrap_or(0);
        must!(
            times == u32::from(has_happened),
            "{kind} of {id} was told {times} times, and has happened: {has_happened}"
        );
    }
    check_last_words(books)
}

/// The last event of a thing tells it as it is; versions grow along the events of each.
fn check_last_words(books: &Contents<'_>) -> Result<(), String> {
    let mut last: BTreeMap<String, (i64, &'static str)> = BTreeMap::new();
    for event in &books.events {
        let (version, state) = match &event.subject {
            EventSubject::Invoice(invoice) => (invoice.version, invoice.state.name()),
            EventSubject::CreditNote(note) => (note.version, "issued"),
            EventSubject::PaymentLink(link) => (link.version, link.state_name()),
            EventSubject::CheckoutSession(session) => (session.version, session.state_name()),
            EventSubject::Payment(payment) => (payment.version, payment.state.name()),
            EventSubject::Refund(refund) => (refund.version, refund.state.name()),
            other => return Err(format!("nobody looks whether the events of {} are in order", other.id())),
        };
        let id = event.subject.id();
        let before = last.insert(id.clone(), (version, state)).map_or(0, |(version, _)| version);
        must!(version >= before, "{id} went back from version {before} to {version}");
    }
    let states = books.invoices.iter().map(|it| (it.id.to_string(), it.state.name()));
    let states = states.chain(books.links.iter().map(|it| (it.id.to_string(), it.state_name())));
    let states = states.chain(books.payments.iter().map(|it| (it.id.to_string(), it.state.name())));
    let states = states.chain(books.refunds.iter().map(|it| (it.id.to_string(), it.state.name())));
    for (id, state) in states {
        let told = last.get(&id).map(|(_, state)| *state);
        must!(told.is_none_or(|told| told == state), "{id} is {state}, and was last told to be {told:?}");
    }
    Ok(())
}

/// Each request was done once, and is answered the same for ever.
fn check_requests(books: &Contents<'_>, asked: &[Asked]) -> Result<(), String> {
    for asked in asked {
        let first = asked.answers.first();
        let is_same = asked.answers.iter().all(|answer| Some(answer) == first);
        must!(is_same, "{} {:?} has different answers: {:?}", asked.request_id.as_str(), asked.command, asked.answers);
    }
    let keys: BTreeSet<_> = books.requests.iter().map(|request| request.key.request_id.as_str()).collect();
    must!(keys.len() == books.requests.len(), "a request is stored twice");
    Ok(())
}
