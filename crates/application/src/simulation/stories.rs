//! Stories in which nothing goes wrong but one thing: what is told of them comes in every order, or the money is odd.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::access::{Caller, Scope};
use domain::idempotency::RequestId;
use domain::invoice::{Invoice, InvoiceState};
use domain::metadata::Metadata;
use domain::money::{Currency, Money};
use domain::payment::{OutOfBand, OutOfBandMethod, OutOfBandReceipt, PaymentFlag, PaymentState};
use domain::payment_link::{CaptureMethod, LinkOptions, PaymentLink};
use domain::ports::provider::ProviderError;
use domain::ports::storage::Collectable;
use domain::provider::{Notification, ProviderRef};
use domain::redirect::{RedirectPolicy, RedirectUrl};
use domain::refund::RefundProgress;
use domain::seller::Seller;
use port_simulator::{Accident, Acquirer, Chaos, Contents, Process, SeededIds, SimulatedClock, SimulatedStorage};
use time::macros::date;

use super::books;
use super::callers::{new_invoice, new_items_link, new_link};
use super::world::{BEGINNING, start_replica};
use crate::mocked::{self, money};
use crate::{App, CheckoutPurpose, CreateInvoiceCheckout, Error, LinkTargetSpec, Mutation, Reason, Update, Worker};

/// Longer than any wait between two tries of a notification.
const REST: Duration = Duration::from_secs(400);

/// A world of one replica.
struct SmallWorld {
    acquirer: Acquirer,
    storage: SimulatedStorage,
    app: App,
    seller: Arc<Seller>,
    asked: AtomicU32,
}

impl SmallWorld {
    fn new() -> Self {
        let (chaos, clock) = (Chaos::new(7), SimulatedClock::starting_at(BEGINNING));
        let ids = SeededIds::new(chaos.clone(), clock);
        let acquirer = Acquirer::new(clock, &chaos);
        let storage = SimulatedStorage::new(&Process::default(), &chaos);
        let seller = mocked::seller("acquirer".parse().unwrap());
        let app = start_replica((&storage, &acquirer), (clock, &ids), &seller).app;
        Self { acquirer, storage, app, seller: Arc::new(seller), asked: AtomicU32::new(0) }
    }

    fn mutation<C>(&self, command: C) -> Mutation<C> {
        let request_id = RequestId::parse(&format!("request-{}", self.asked.fetch_add(1, Ordering::Relaxed))).unwrap();
        let caller = Caller { key: None, scope: Scope::Admin, sellers: [self.seller.id.clone()].into() };
        Mutation { caller, seller: Arc::clone(&self.seller), request_id, command }
    }

    async fn open_invoice(&self) -> Invoice {
        let mut command = new_invoice(1 << 40 | 1);
        command.finalize = true;
        self.app.create_invoice(self.mutation(command)).await.unwrap()
    }

    /// A link for so much of an invoice, or for all that is due.
    async fn invoice_link(&self, invoice: &Invoice, amount: Option<Money>) -> PaymentLink {
        let target = LinkTargetSpec::Invoice { invoice_id: invoice.id, amount };
        self.app.create_payment_link(self.mutation(new_link(target, LinkOptions::default()))).await.unwrap()
    }

    /// The page of a session for so much of an invoice, or for all that is due.
    async fn checkout(&self, invoice: &Invoice, amount: Option<Money>) -> ProviderRef {
        let purpose = CheckoutPurpose::Pay { invoice_id: invoice.id, amount, by_bank_transfer: false };
        let return_url = RedirectUrl::parse("https://shop.example/paid", &RedirectPolicy::AnyHost).unwrap();
        let metadata = Metadata::default();
        let command = CreateInvoiceCheckout { purpose, locale: None, return_url, cancel_url: None, metadata };
        let session = self.app.create_invoice_checkout(self.mutation(command)).await.unwrap();
        session.provider_ref.clone().unwrap()
    }

    /// A session of an invoice in which a customer has ordered a transfer.
    async fn ordered_transfer(&self, invoice: &Invoice) -> ProviderRef {
        let page = self.checkout(invoice, None).await;
        self.acquirer.order_transfer(&page).unwrap();
        page
    }

    /// Someone opens a closed link again at the provider, and its customer is faster than we close it.
    async fn pay_reopened_there(&self, link: &PaymentLink) {
        let page = link.provider_ref.as_ref().unwrap();
        self.acquirer.set_link_active(page, true).unwrap();
        let visit = self.acquirer.visit(page).unwrap();
        self.acquirer.pay(&visit).unwrap();
        self.deliver_all().await;
        self.rest().await;
    }

    async fn deliver(&self, notification: &Notification) {
        let (headers, body) = Acquirer::delivery(notification);
        self.app.receive_notification("acquirer", &headers, &body).await.unwrap();
        self.work().await;
    }

    async fn deliver_all(&self) {
        for notification in self.acquirer.told() {
            self.deliver(&notification).await;
        }
    }

    /// All that is due now.
    async fn work(&self) {
        while Worker::new(self.app.clone()).round().await.unwrap() > 0 {}
    }

    /// Notifications that wait for others are tried again until all are processed.
    async fn rest(&self) {
        const RESTS_MAX: u32 = 10;
        for _ in 0..RESTS_MAX {
            tokio::time::sleep(REST).await;
            self.work().await;
        }
        self.storage.look(|contents| {
            assert!(contents.unprocessed.is_empty() && contents.set_aside.is_empty(), "{:?}", contents.unprocessed);
        });
    }

    /// What the books say, without ids and times; they must be in order.
    fn books(&self) -> String {
        self.storage.look(|contents| {
            books::check(contents, &self.acquirer, &[]).unwrap();
            let mut told: Vec<_> = contents.events.iter().map(|event| event.kind.name()).collect();
            // How often a payment is told to have changed depends on how much of it was found at once.
            told.retain(|kind| *kind != "payment.updated");
            told.sort_unstable();
            let invoices: Vec<_> =
                contents.invoices.iter().map(|it| (it.state.name(), it.amount_paid, it.amount_overpaid)).collect();
            let links: Vec<_> = contents.links.iter().map(|it| (it.state_name(), it.completed_sessions)).collect();
            let sessions: Vec<_> = contents.sessions.iter().map(|it| it.state_name()).collect();
            let payments: Vec<_> = contents
                .payments
                .iter()
                .map(|it| (it.state.name(), it.received, it.refunded, flags(&it.flags)))
                .collect();
            let refunds: Vec<_> = contents.refunds.iter().map(|it| (it.state.name(), it.amount)).collect();
            format!("{invoices:?} {links:?} {sessions:?} {payments:?} {refunds:?} {told:?}")
        })
    }
}

/// Flags without the one that depends on the order. Where the closing of a link is heard of before the payment that came first,
/// the payment looks late: it is flagged for a person to look at, which is the safe side.
fn flags(all: &[PaymentFlag]) -> Vec<PaymentFlag> {
    all.iter().copied().filter(|flag| *flag != PaymentFlag::CollectableClosed).collect()
}

fn in_simulated_time(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(test);
}

/// All orders of things.
fn orders<T: Clone>(things: &[T]) -> Vec<Vec<T>> {
    let Some((last, others)) = things.split_last() else { return vec![vec![]] };
    let shorter = orders(others);
    (0..things.len())
        .flat_map(|at| {
            shorter.iter().map(move |order| {
                let mut order = order.clone();
                order.insert(at, last.clone());
                order
            })
        })
        .collect()
}

/// Money that is held, and captured in part; what is sent back comes back, and the link is closed.
async fn live_held_story(world: &SmallWorld) {
    let mut command = new_items_link(1);
    command.options.payment.capture = CaptureMethod::Manual;
    command.options.completed_sessions_max = None;
    let link = world.app.create_payment_link(world.mutation(command)).await.unwrap();
    let page = link.provider_ref.clone().unwrap();
    let session = world.acquirer.visit(&page).unwrap();
    world.acquirer.pay(&session).unwrap();
    let sessions = world.acquirer.sessions();
    let payment = sessions[0].payment_ref().unwrap();
    world.acquirer.move_held_money(payment, Some(money(90))).unwrap();
    let failed = world.acquirer.refund(payment, money(30)).unwrap();
    let progress = RefundProgress::Failed { code: "lost_card".to_owned() };
    world.acquirer.end_refund(&failed.provider_ref, progress).unwrap();
    world.acquirer.set_link_active(&page, false).unwrap();
}

/// An invoice that is paid by its link, and partly refunded.
async fn live_invoice_story(world: &SmallWorld) {
    let invoice = world.open_invoice().await;
    let link = world.invoice_link(&invoice, None).await;
    let session = world.acquirer.visit(link.provider_ref.as_ref().unwrap()).unwrap();
    world.acquirer.pay(&session).unwrap();
    let sessions = world.acquirer.sessions();
    world.acquirer.refund(sessions[0].payment_ref().unwrap(), money(20)).unwrap();
}

#[test]
fn every_order_of_notifications_ends_with_the_same_books() {
    let mut stories = 0;
    for is_held in [true, false] {
        let live = async |world: &SmallWorld| {
            if is_held { live_held_story(world).await } else { Box::pin(live_invoice_story(world)).await }
        };
        let mut count = 0;
        in_simulated_time(async {
            let world = SmallWorld::new();
            Box::pin(live(&world)).await;
            count = world.acquirer.told().len();
        });
        assert!((3..=6).contains(&count), "{count} notifications");
        let indices: Vec<usize> = (0..count).collect();
        let mut ends: BTreeMap<String, Vec<Vec<usize>>> = BTreeMap::new();
        for order in orders(&indices) {
            in_simulated_time(async {
                let world = SmallWorld::new();
                Box::pin(live(&world)).await;
                let told = world.acquirer.told();
                for index in &order {
                    world.deliver(&told[*index]).await;
                }
                world.rest().await;
                ends.entry(world.books()).or_default().push(order.clone());
                stories += 1;
            });
        }
        assert_eq!(ends.len(), 1, "{ends:#?}");
    }
    assert!(stories >= 126, "{stories} orders");
}

/// What is recorded of one payment of an invoice of which `received` comes in: how the invoice ends, and the payment's flags.
async fn transferred(received: impl Fn(Money) -> Money) -> (&'static str, Money, Vec<PaymentFlag>) {
    let world = SmallWorld::new();
    let invoice = world.open_invoice().await;
    let page = world.ordered_transfer(&invoice).await;
    let received = received(invoice.total());
    world.acquirer.end_transfer(&page, Some(received)).unwrap();
    world.deliver_all().await;
    world.rest().await;
    world.storage.look(|contents| {
        let [payment] = contents.payments.as_slice() else { panic!("{:?}", contents.payments) };
        assert_eq!((payment.state.name(), payment.received), (PaymentState::SUCCEEDED, Some(received)));
        books::check(contents, &world.acquirer, &[]).unwrap();
        (contents.invoices[0].state.name(), contents.invoices[0].amount_due(), payment.flags.clone())
    })
}

#[test]
fn money_that_is_not_what_was_asked_for_is_recorded_and_flagged() {
    in_simulated_time(async {
        let less = transferred(|asked| asked.checked_sub(money(1)).unwrap()).await;
        assert_eq!(less, (InvoiceState::OPEN, money(1), vec![PaymentFlag::Partial]));
        let more = transferred(|asked| asked.checked_add(money(1)).unwrap()).await;
        assert_eq!(more, (InvoiceState::PAID, money(0), vec![PaymentFlag::Overpaid]));
        let euros = |asked: Money| Money::new(asked.minor(), Currency::parse("EUR").unwrap());
        let (state, due, flags) = transferred(euros).await;
        assert_eq!((state, flags), (InvoiceState::OPEN, vec![PaymentFlag::WrongCurrency]));
        assert!(due.minor() > 0);
    });
}

#[test]
fn money_that_comes_twice_or_too_late_is_recorded_and_flagged() {
    in_simulated_time(async {
        // Two visitors are on the page of one link, and both pay.
        let world = SmallWorld::new();
        let invoice = world.open_invoice().await;
        let link = world.invoice_link(&invoice, None).await;
        let page = link.provider_ref.as_ref().unwrap();
        let visits = [world.acquirer.visit(page).unwrap(), world.acquirer.visit(page).unwrap()];
        for visit in &visits {
            world.acquirer.pay(visit).unwrap();
        }
        world.deliver_all().await;
        world.rest().await;
        world.storage.look(|contents| {
            books::check(contents, &world.acquirer, &[]).unwrap();
            let flags: Vec<_> = contents.payments.iter().map(|payment| payment.flags.as_slice()).collect();
            assert_eq!(flags.len(), 2, "{flags:?}");
            assert!(
                flags.contains(&[].as_slice()) && flags.iter().any(|it| it.contains(&PaymentFlag::InvoiceAlreadyPaid))
            );
            assert_eq!(contents.invoices[0].amount_overpaid, invoice.total());
        });

        // The invoice was voided, and someone opens its link again at the provider.
        let world = SmallWorld::new();
        let invoice = world.open_invoice().await;
        let link = world.invoice_link(&invoice, None).await;
        world.app.void_invoice(world.mutation(Update { id: invoice.id, etag: None, changes: () })).await.unwrap();
        world.pay_reopened_there(&link).await;
        world.storage.look(|contents| {
            books::check(contents, &world.acquirer, &[]).unwrap();
            let [payment] = contents.payments.as_slice() else { panic!("{:?}", contents.payments) };
            assert_eq!(payment.received, Some(invoice.total()));
            assert_eq!(payment.flags, [PaymentFlag::InvoiceNotOpen, PaymentFlag::CollectableClosed]);
            assert_eq!(contents.invoices[0].state.name(), InvoiceState::VOID);
        });
    });
}

#[test]
fn a_receipt_that_waited_is_refused_where_another_page_was_made_meanwhile() {
    in_simulated_time(async {
        let world = SmallWorld::new();
        let invoice = world.open_invoice().await;
        let page = world.checkout(&invoice, Some(money(100))).await;
        let receive = || {
            let how = OutOfBand { method: OutOfBandMethod::Cash, reference: None, received_on: date!(2026 - 11 - 24) };
            let changes = OutOfBandReceipt { amount: money(50), how, description: None, metadata: Metadata::default() };
            world.mutation(Update { id: invoice.id, etag: None, changes })
        };
        // Cash comes in, and the page can't be closed before it is recorded. Its customer pays it meanwhile.
        world.acquirer.set_accident(Some(("expire_checkout", Accident::NotDone(ProviderError::Unavailable))));
        let waiting = receive();
        world.app.record_invoice_payment(waiting.clone()).await.unwrap_err();
        world.acquirer.pay(&page).unwrap();
        world.deliver_all().await;
        world.checkout(&invoice, None).await;
        world.acquirer.set_accident(None);
        world.rest().await;
        let refused = world.app.record_invoice_payment(waiting).await;
        assert!(
            matches!(refused, Err(Error::FailedPrecondition { reason: Reason::PaymentUnderWay, .. })),
            "{refused:?}"
        );
        let paid = |contents: &Contents<'_>| contents.invoices[0].amount_paid;
        assert_eq!(world.storage.look(paid), money(100));
        // Asked anew, it has the other page closed first.
        world.app.record_invoice_payment(receive()).await.unwrap();
        world.work().await;
        world.storage.look(|contents| {
            books::check(contents, &world.acquirer, &[]).unwrap();
            let states: Vec<_> = contents.sessions.iter().map(|session| session.state_name()).collect();
            assert_eq!((states, paid(contents)), (vec!["completed", "expired"], money(150)));
        });
    });
}

#[test]
fn a_transfer_that_is_ordered_before_the_opening_of_its_link_is_answered_keeps_the_invoice() {
    in_simulated_time(async {
        let world = SmallWorld::new();
        let invoice = world.open_invoice().await;
        let link = world.invoice_link(&invoice, None).await;
        world.app.deactivate_payment_link(world.mutation(link.id)).await.unwrap();
        world.acquirer.set_accident(Some(("activate_payment_link", Accident::AnswerLost)));
        world.app.activate_payment_link(world.mutation(link.id)).await.unwrap_err();
        let visit = world.acquirer.visit(link.provider_ref.as_ref().unwrap()).unwrap();
        world.acquirer.order_transfer(&visit).unwrap();
        world.deliver_all().await;
        world.acquirer.set_accident(None);
        world.rest().await;
        let is_held = |contents: &Contents<'_>| {
            let known = &contents.links[0];
            assert_eq!((known.state_name(), known.completed_sessions), ("inactive", 1));
            contents.collectables.contains(&(invoice.id, Collectable::PaymentLink(link.id)))
        };
        assert!(world.storage.look(is_held), "another link could be made while the money is on its way");
        world.acquirer.end_transfer(&visit, Some(invoice.total())).unwrap();
        world.deliver_all().await;
        world.rest().await;
        world.storage.look(|contents| {
            books::check(contents, &world.acquirer, &[]).unwrap();
            assert_eq!(contents.invoices[0].state.name(), InvoiceState::PAID);
        });
    });
}

#[test]
fn a_page_that_asks_for_more_than_is_due_since_money_came_late_is_closed() {
    in_simulated_time(async {
        for (opened_for, ends) in [(None, "inactive"), (Some(money(50)), "active")] {
            let world = SmallWorld::new();
            let invoice = world.open_invoice().await;
            let first = world.invoice_link(&invoice, Some(money(100))).await;
            world.app.deactivate_payment_link(world.mutation(first.id)).await.unwrap();
            let second = world.invoice_link(&invoice, opened_for).await;
            world.pay_reopened_there(&first).await;
            world.storage.look(|contents| {
                books::check(contents, &world.acquirer, &[]).unwrap();
                assert_eq!(contents.invoices[0].amount_paid, money(100));
                let second = contents.links.iter().find(|link| link.id == second.id).unwrap();
                assert_eq!(second.state_name(), ends);
            });
        }
    });
}
