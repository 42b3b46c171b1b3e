//! What a case of the table is, and how it is played.

use api_proto::v1;
use serde_json::{Value, json};

use super::person::Person;
use crate::harness::{Server, eventually, http, mask, unique};

/// One case of a row.
#[derive(Clone)]
pub(super) struct Case {
    /// The row's number in FEATURES.md.
    pub(super) row: u8,
    /// What is shown; another for each case of a row.
    pub(super) name: &'static str,
    pub(super) screen: Screen,
    /// What is created over gRPC.
    pub(super) creates: OfferRequest,
    /// What a person sees and does, in order.
    pub(super) does: Vec<Step>,
    /// What is read back over gRPC at the end.
    pub(super) reads: fn(&ReadBack),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Screen {
    Desktop,
    Phone,
    /// A small phone, at night.
    SmallAndDark,
}

impl Screen {
    pub(super) const fn width(self) -> u64 {
        match self {
            Self::Desktop => 1_280,
            Self::Phone => 390,
            Self::SmallAndDark => 320,
        }
    }

    pub(super) const fn height(self) -> u64 {
        match self {
            Self::Desktop => 1_000,
            Self::Phone => 844,
            Self::SmallAndDark => 568,
        }
    }
}

/// What is sold. Ids of requests and of the invoice are filled in.
#[derive(Clone)]
pub(super) enum OfferRequest {
    Link(Box<v1::CreatePaymentLinkRequest>),
    /// A link that expires so many seconds after it is put on sale.
    BriefLink(Box<v1::CreatePaymentLinkRequest>, i64),
    InvoiceLink(Box<v1::CreateInvoiceRequest>, Box<v1::CreatePaymentLinkRequest>),
    Checkout(Box<v1::CreateInvoiceRequest>, Box<v1::CreateInvoiceCheckoutRequest>),
    /// A checkout without an invoice.
    Setup(Box<v1::CreateInvoiceCheckoutRequest>),
    Payment(Box<v1::CreatePaymentRequest>),
}

/// A step of a case.
#[derive(Clone)]
pub(super) enum Step {
    /// Opens what is sold, with these parameters of its URL.
    Visits(&'static str),
    /// Opens the link as it is shared; its id is filled in.
    VisitsShared(Box<v1::SharePaymentLinkRequest>),
    Sees(&'static [&'static str]),
    Misses(&'static [&'static str]),
    /// Labels of fields that are shown.
    IsAsked(&'static [&'static str]),
    /// What stands in a field before anything is entered.
    Reads(&'static str, &'static str),
    /// All that a list offers.
    IsOffered(&'static str, &'static [&'static str]),
    Fills(&'static [(&'static str, &'static str)]),
    Chooses(&'static str, &'static str),
    Ticks(&'static str),
    /// Enters who pays, and a card.
    Card(&'static str),
    Unfolds(&'static str),
    Presses(&'static str),
    /// Comes back to the page later.
    Reloads,
    /// Presses the browser's button back.
    GoesBack,
    /// The browser is at an address that ends so.
    IsLedTo(&'static str),
    /// A screenshot more than those of the first sight and the end.
    Shoots(&'static str),
    /// Pays what is sold without looking at a page: for a link, by a visit of its own.
    PaysUnseen,
    /// Pays on the page that is shown, in another tab.
    PaysInAnotherTab,
    /// The session comes to be completed, its money in this state.
    Comes(v1::SessionPaymentState),
    /// Something happens elsewhere.
    Meanwhile(Act),
}

/// What happens elsewhere than on the page.
#[derive(Clone)]
pub(super) enum Act {
    CloseLink,
    OpenLink,
    /// The new values and the mask.
    UpdateLink(Box<v1::PaymentLink>, &'static [&'static str]),
    ExpireSession,
    VoidInvoice,
    /// The customer's bank sends the money.
    TransferArrives,
    /// Time passes at the provider.
    DaysPass(i64),
    /// The seller takes so much of the money that is held, in minor units.
    Capture(i64),
    /// The seller lets the money go that is held.
    LetGo,
    /// The seller lets it go in the provider's dashboard.
    LetGoThere,
    /// Its own time passes.
    LinkExpires,
}

/// What was created, by its ids; what there is not is empty.
#[derive(Debug, Clone, Default)]
pub(super) struct Offer {
    url: String,
    link_id: String,
    session_id: String,
    invoice_id: String,
    customer_id: String,
}

/// What is read back: of each kind what belongs to the case.
#[derive(Default)]
pub(super) struct ReadBack {
    /// The session that was completed last.
    pub(super) session: v1::CheckoutSession,
    pub(super) payments: Vec<v1::Payment>,
    pub(super) link: v1::PaymentLink,
    pub(super) items: Vec<v1::LineItem>,
    pub(super) invoice: v1::Invoice,
    pub(super) methods: Vec<v1::PaymentMethod>,
    pub(super) subscriptions: Vec<v1::Subscription>,
    /// The session as the provider has it, with its payment intent and invoice.
    pub(super) there: Value,
}

impl ReadBack {
    pub(super) fn collected(&self) -> &v1::Collected {
        self.session.collected.as_ref().unwrap()
    }

    /// What came in by the one payment, which is not odd.
    pub(super) fn received(&self) -> i64 {
        let [payment] = self.payments.as_slice() else { panic!("one payment, not {:?}", self.payments) };
        assert!(payment.flags.is_empty(), "{payment:?}");
        crate::harness::minor(payment.received.as_ref())
    }

    /// What was bought: names, how many, and what each came to.
    pub(super) fn bought(&self) -> Vec<(&str, i64, i64)> {
        let total = |item: &v1::BoughtItem| crate::harness::minor(item.amount_total.as_ref());
        self.collected().items.iter().map(|item| (item.name.as_str(), item.quantity, total(item))).collect()
    }
}

impl Case {
    pub(super) async fn play(&self, server: &Server, offer: &Offer, person: &mut Person<'_>) -> Result<(), String> {
        let mut offer = offer.clone();
        let (mut has_looked, mut looked_last) = (false, false);
        for (index, step) in self.does.iter().enumerate() {
            let at = |why: String| format!("at step {}, {why}", index + 1);
            self.step(server, &mut offer, person, step).await.map_err(at)?;
            if matches!(step, Step::Visits(_) | Step::VisitsShared(_)) && !has_looked {
                person.shoot("").await;
                has_looked = true;
            }
            looked_last |= matches!(step, Step::Presses(_) | Step::Reloads);
        }
        if looked_last {
            person.shoot("-end").await;
        }
        (self.reads)(&offer.read_back(server).await);
        Ok(())
    }

    async fn step(&self, server: &Server, offer: &mut Offer, person: &Person<'_>, step: &Step) -> Result<(), String> {
        match step {
            Step::Visits(parameters) => person.visit(&format!("{}{parameters}", offer.url)).await,
            Step::VisitsShared(request) => {
                let request = v1::SharePaymentLinkRequest { id: offer.link_id.clone(), ..(**request).clone() };
                let shared = server.links().share_payment_link(request).await.map_err(|status| status.to_string())?;
                person.visit(&shared.into_inner().url).await
            }
            Step::Sees(words) => person.sees(words).await,
            Step::Misses(words) => person.misses(words).await,
            Step::IsAsked(fields) => person.is_asked(fields).await,
            Step::Reads(field, value) => person.reads(field, value).await,
            Step::IsOffered(field, options) => person.is_offered(field, options).await,
            Step::Fills(fields) => {
                for (field, text) in *fields {
                    person.fills(field, text).await?;
                }
                Ok(())
            }
            Step::Chooses(field, option) => person.chooses(field, option).await,
            Step::Ticks(field) => person.ticks(field).await,
            Step::Card(number) => person.enters_card(number).await,
            Step::Unfolds(called) => person.unfolds(called).await,
            Step::Presses(called) => person.presses(called).await,
            Step::Reloads => person.reloads().await,
            Step::GoesBack => person.goes_back().await,
            Step::IsLedTo(end) => person.is_led_to(end).await,
            Step::Shoots(moment) => {
                person.shoot(&format!("-{moment}")).await;
                Ok(())
            }
            Step::PaysInAnotherTab => {
                let at = person.address().await?;
                match server.pay(&at, crate::harness::GOOD_CARD).await {
                    200 => Ok(()),
                    state => Err(format!("{at} answers {state}")),
                }
            }
            Step::PaysUnseen => match server.pay(&offer.url, crate::harness::GOOD_CARD).await {
                200 => Ok(()),
                state => Err(format!("the page answers {state}")),
            },
            Step::Comes(state) => {
                offer.session_id = offer.completed(server, *state).await;
                Ok(())
            }
            Step::Meanwhile(act) => {
                offer.act(server, act).await;
                Ok(())
            }
        }
    }
}

impl Offer {
    /// Puts on sale.
    pub(super) async fn create(server: &Server, creates: &OfferRequest) -> Result<Self, String> {
        let refused =
            |status: tonic::Status| format!("it is refused: {:?}, {status}", crate::harness::error_parts(&status));
        match creates {
            OfferRequest::Link(request) => Self::link(server, request, String::new()).await.map_err(refused),
            OfferRequest::BriefLink(request, seconds) => {
                let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
                let expire_time = prost_types::Timestamp { seconds: i64::try_from(now).unwrap() + seconds, nanos: 0 };
                let expire_time = Some(expire_time);
                let request = v1::CreatePaymentLinkRequest { expire_time, ..(**request).clone() };
                Self::link(server, &request, String::new()).await.map_err(refused)
            }
            OfferRequest::InvoiceLink(invoice, request) => {
                let invoice = open(server, invoice).await.map_err(refused)?;
                Self::link(server, request, invoice.id).await.map_err(refused)
            }
            OfferRequest::Checkout(invoice, request) => {
                let invoice = open(server, invoice).await.map_err(refused)?;
                Self::checkout(server, request, invoice.id).await.map_err(refused)
            }
            OfferRequest::Setup(request) => Self::checkout(server, request, String::new()).await.map_err(refused),
            OfferRequest::Payment(request) => Self::payment(server, request).await.map_err(refused),
        }
    }

    async fn link(
        server: &Server,
        request: &v1::CreatePaymentLinkRequest,
        invoice_id: String,
    ) -> Result<Self, tonic::Status> {
        let request = v1::CreatePaymentLinkRequest { request_id: unique("link"), invoice_id, ..request.clone() };
        let link = server.links().create_payment_link(request).await?.into_inner().payment_link.unwrap();
        Ok(Self { url: link.url, link_id: link.id, invoice_id: link.invoice_id, ..Self::default() })
    }

    async fn checkout(
        server: &Server,
        request: &v1::CreateInvoiceCheckoutRequest,
        invoice_id: String,
    ) -> Result<Self, tonic::Status> {
        let request =
            v1::CreateInvoiceCheckoutRequest { request_id: unique("checkout"), invoice_id, ..request.clone() };
        let answer = server.checkouts().create_invoice_checkout(request).await?;
        let session = answer.into_inner().checkout_session.unwrap();
        let v1::CheckoutSession { url, id, invoice_id, customer_id, .. } = session;
        Ok(Self { url, session_id: id, invoice_id, customer_id, ..Self::default() })
    }

    async fn payment(server: &Server, request: &v1::CreatePaymentRequest) -> Result<Self, tonic::Status> {
        let request = v1::CreatePaymentRequest { request_id: unique("payment"), ..request.clone() };
        let payment = server.payments().create_payment(request).await?.into_inner().payment.unwrap();
        let v1::Payment { url, payment_link_id, invoice_id, customer_id, .. } = payment;
        Ok(Self { url, link_id: payment_link_id, invoice_id, customer_id, ..Self::default() })
    }

    /// Waits for the session that was completed, and whose money is in a state.
    async fn completed(&self, server: &Server, state: v1::SessionPaymentState) -> String {
        let is_so = |session: &v1::CheckoutSession| {
            session.state() == v1::CheckoutSessionState::Completed && session.payment_state() == state
        };
        eventually(async || {
            let session = if self.session_id.is_empty() {
                let request = v1::ListCheckoutSessionsRequest {
                    payment_link_id: self.link_id.clone(),
                    state: v1::CheckoutSessionState::Completed as i32,
                    ..Default::default()
                };
                let list = server.checkouts().list_checkout_sessions(request).await.unwrap().into_inner();
                list.checkout_sessions.into_iter().next()
            } else {
                Some(self.session(server).await)
            };
            session.filter(is_so)
        })
        .await
        .id
    }

    async fn session(&self, server: &Server) -> v1::CheckoutSession {
        let request = v1::GetCheckoutSessionRequest { id: self.session_id.clone() };
        server.checkouts().get_checkout_session(request).await.unwrap().into_inner().checkout_session.unwrap()
    }

    async fn act(&self, server: &Server, act: &Act) {
        let id = self.link_id.clone();
        match act {
            Act::CloseLink => {
                let request = v1::DeactivatePaymentLinkRequest { request_id: unique("close"), id };
                server.links().deactivate_payment_link(request).await.unwrap();
            }
            Act::OpenLink => {
                let request = v1::ActivatePaymentLinkRequest { request_id: unique("open"), id };
                server.links().activate_payment_link(request).await.unwrap();
            }
            Act::UpdateLink(values, paths) => {
                let request = v1::UpdatePaymentLinkRequest {
                    request_id: unique("update"),
                    payment_link: Some(v1::PaymentLink { id, ..(**values).clone() }),
                    update_mask: mask(paths),
                };
                server.links().update_payment_link(request).await.unwrap();
            }
            Act::ExpireSession => {
                let id = self.session_id.clone();
                let request = v1::ExpireCheckoutSessionRequest { request_id: unique("expire"), id };
                server.checkouts().expire_checkout_session(request).await.unwrap();
            }
            Act::VoidInvoice => {
                let id = self.invoice_id.clone();
                let request = v1::VoidInvoiceRequest { request_id: unique("void"), id, ..Default::default() };
                server.invoices().void_invoice(request).await.unwrap();
                if !self.link_id.is_empty() {
                    server.wait_for_link(&self.link_id, v1::PaymentLinkState::Inactive).await;
                }
            }
            Act::LinkExpires => {
                let seconds = || std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
                loop {
                    // Before the answer, lest the time that it took count as being late.
                    let asked = seconds();
                    let link = server.link(&id).await;
                    if link.state() == v1::PaymentLinkState::Inactive {
                        break;
                    }
                    assert!(asked <= link.expire_time.unwrap().seconds.unsigned_abs(), "it is open past the time told");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
            Act::TransferArrives => {
                let session = self.session(server).await.provider_ref;
                let answer = server.control("bank_transfer", json!({"session": session})).await;
                assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
            }
            Act::DaysPass(days) => {
                let answer = server.control("clock", json!({"advance_seconds": days * 24 * 60 * 60})).await;
                assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
            }
            Act::Capture(minor_units) => {
                let id = self.payment_id(server).await;
                let currency_code = self.session(server).await.amount.unwrap().currency_code;
                let amount = Some(v1::Money { minor_units: *minor_units, currency_code });
                let request = v1::CapturePaymentRequest { request_id: unique("capture"), id, amount };
                server.payments().capture_payment(request).await.unwrap();
            }
            Act::LetGo => {
                let id = self.payment_id(server).await;
                let request = v1::CancelPaymentRequest { request_id: unique("cancel"), id };
                server.payments().cancel_payment(request).await.unwrap();
            }
            Act::LetGoThere => {
                let there = self.at_provider(server, &self.session(server).await.provider_ref).await;
                let intent = there["payment_intent"]["id"].as_str().unwrap();
                let url = format!("{}/v1/payment_intents/{intent}/cancel", server.sandbox);
                let answer = http().post(url).bearer_auth("sk_test_paylinks_sandbox").send().await.unwrap();
                assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
            }
        }
    }

    async fn read_back(&self, server: &Server) -> ReadBack {
        let mut read_back = ReadBack::default();
        if !self.link_id.is_empty() {
            read_back.link = server.link(&self.link_id).await;
            read_back.items = self.items(server).await;
            let request = v1::ListSubscriptionsRequest { payment_link_id: self.link_id.clone(), ..Default::default() };
            let list = server.subscriptions().list_subscriptions(request).await.unwrap();
            read_back.subscriptions = list.into_inner().subscriptions;
        }
        if !self.session_id.is_empty() {
            read_back.session = self.session(server).await;
            read_back.there = self.at_provider(server, &read_back.session.provider_ref).await;
        }
        if !self.invoice_id.is_empty() {
            read_back.invoice = server.invoice(&self.invoice_id).await;
        }
        if !self.customer_id.is_empty() {
            let request = v1::ListPaymentMethodsRequest { customer_id: self.customer_id.clone(), ..Default::default() };
            read_back.methods =
                server.customers().list_payment_methods(request).await.unwrap().into_inner().payment_methods;
        }
        if !(self.link_id.is_empty() && self.invoice_id.is_empty()) {
            read_back.payments = self.payments(server).await;
        }
        read_back
    }

    async fn payments(&self, server: &Server) -> Vec<v1::Payment> {
        let request = v1::ListPaymentsRequest {
            payment_link_id: self.link_id.clone(),
            invoice_id: self.invoice_id.clone(),
            ..Default::default()
        };
        server.payments().list_payments(request).await.unwrap().into_inner().payments
    }

    /// The one payment.
    async fn payment_id(&self, server: &Server) -> String {
        let [payment] = <[v1::Payment; 1]>::try_from(self.payments(server).await).unwrap();
        payment.id
    }

    /// The items of the link, page by page.
    async fn items(&self, server: &Server) -> Vec<v1::LineItem> {
        let mut request = v1::ListPaymentLinkLineItemsRequest {
            payment_link_id: self.link_id.clone(),
            page_size: 2,
            ..Default::default()
        };
        let mut items = Vec::new();
        loop {
            let page = server.links().list_payment_link_line_items(request.clone()).await.unwrap().into_inner();
            assert!(page.line_items.len() <= 2);
            items.extend(page.line_items);
            if page.next_page_token.is_empty() {
                return items;
            }
            request.page_token = page.next_page_token;
        }
    }

    async fn at_provider(&self, server: &Server, session: &str) -> Value {
        let url = format!(
            "{}/v1/checkout/sessions/{session}?expand[]=payment_intent&expand[]=invoice&expand[]=subscription",
            server.sandbox
        );
        http().get(url).bearer_auth("sk_test_paylinks_sandbox").send().await.unwrap().json().await.unwrap()
    }
}

async fn open(server: &Server, request: &v1::CreateInvoiceRequest) -> Result<v1::Invoice, tonic::Status> {
    let request = v1::CreateInvoiceRequest { request_id: unique("invoice"), finalize: true, ..request.clone() };
    Ok(server.invoices().create_invoice(request).await?.into_inner().invoice.unwrap())
}
