//! Callers, who ask again under the same request id until they are answered, of the other replica where one does not
//! answer; and customers, who pay or find that they can't.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use api_proto::v1;
use api_proto::v1::checkout_service_client::CheckoutServiceClient;
use api_proto::v1::invoice_service_client::InvoiceServiceClient;
use api_proto::v1::payment_link_service_client::PaymentLinkServiceClient;
use api_proto::v1::payment_service_client::PaymentServiceClient;
use serde_json::json;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

use super::plan::{Errand, Task};
use crate::harness::{GOOD_CARD, http, invoice_request, item, line, sek_amount, unique};

/// The longest that a caller asks for one thing. What it asks for last may wait for a lease to run out.
const PATIENCE: Duration = Duration::from_secs(150);
/// The longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// Asks again for what was answered; whether the answer is the same.
type AskAgain = Box<dyn Fn(Channel) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// What callers have been answered so far.
#[derive(Clone, Default)]
pub(super) struct Answers(Arc<Mutex<Vec<AskAgain>>>);

impl Answers {
    /// Asks one of the replicas once more for all of it.
    pub(super) async fn ask_again(&self, channel: &Channel) -> Result<(), String> {
        let asked: Vec<_> = self.0.lock().unwrap().iter().map(|again| again(channel.clone())).collect();
        for answer in asked {
            answer.await?;
        }
        Ok(())
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Someone with an errand.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) channels: [Channel; 2],
    pub(super) provider_url: String,
    pub(super) answers: Answers,
    pub(super) errand: Errand,
}

/// Asks by a method until there is an answer, or a refusal that asking again does not change.
macro_rules! ask {
    ($caller:ident, $client:ident.$method:ident($request:expr)) => {
        ask!($caller, ask_once, $client.$method($request))
    };
    ($caller:ident, $how:ident, $client:ident.$method:ident($request:expr)) => {
        $caller
            .$how($request, |channel, request| Box::pin(async move { $client::new(channel).$method(request).await }))
            .await
    };
}

/// Asks for what changes nothing.
macro_rules! read {
    ($caller:ident, $client:ident.$method:ident($request:expr)) => {
        ask!($caller, ask_until_answered, $client.$method($request))
    };
}

/// A call of a method on a replica.
trait Call<R, A>: Fn(Channel, Request<R>) -> Asking<A> + Clone + Send + Sync {}

impl<R, A, F: Fn(Channel, Request<R>) -> Asking<A> + Clone + Send + Sync> Call<R, A> for F {}

type Asking<A> = Pin<Box<dyn Future<Output = Result<Response<A>, Status>> + Send>>;

impl Caller {
    pub(super) async fn run(self) {
        tokio::time::sleep(Duration::from_millis(self.errand.at_ms)).await;
        // Those who are refused have nothing more to do: others were faster.
        let _ = match self.errand.task {
            Task::SellByLink => self.sell_by_link().await,
            Task::SellByCheckout => self.sell_by_checkout().await,
            Task::Contend => self.contend().await,
            Task::AskForPayment => self.ask_for_payment().await,
            Task::SellItems => self.sell_items().await,
            Task::VoidInvoice => self.void_invoice().await,
            Task::CreditInvoice => self.credit_invoice().await,
            Task::Refund => self.refund().await,
            Task::CloseLink => self.close_link().await,
            Task::ExpireCheckout => self.expire_checkout().await,
        };
    }

    /// Asks for a change, which is made once however often it is asked for; its answer stays the same.
    async fn ask_once<R, A>(&self, request: R, call: impl Call<R, A> + 'static) -> Result<A, Status>
    where
        R: Clone + Send + Sync + 'static,
        A: PartialEq + std::fmt::Debug + Clone + Send + Sync + 'static,
    {
        let answer = self.ask_until_answered(request.clone(), call.clone()).await?;
        let first = answer.clone();
        self.answers.0.lock().unwrap().push(Box::new(move |channel| {
            let (first, asked) = (first.clone(), call(channel, Request::new(request.clone())));
            Box::pin(async move {
                match asked.await {
                    Ok(again) if again.get_ref() == &first => Ok(()),
                    other => Err(format!("a request was answered {first:?}, and then {other:?}")),
                }
            })
        }));
        Ok(answer)
    }

    async fn ask_until_answered<R: Clone, A>(&self, request: R, call: impl Call<R, A>) -> Result<A, Status> {
        let began = Instant::now();
        let mut wait = Duration::from_millis(20);
        for attempt in 0.. {
            let mut asked = Request::new(request.clone());
            // Some are in a hurry at first, and go away before they are answered.
            if attempt == 0 && self.errand.pick.is_multiple_of(5) {
                asked.set_timeout(Duration::from_millis(self.errand.pick >> 8 & 0xff));
            }
            let channel = self.channels[(self.errand.replica + attempt) % 2].clone();
            match call(channel, asked).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) if may_be_tried_again(&status) => {
                    assert!(began.elapsed() < PATIENCE, "{:?} is not answered in time: {status:?}", self.errand);
                }
                Err(status) => return Err(expect_refusal(status, &self.errand)),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
        unreachable!("there is always another attempt")
    }

    /// One of these, if there is any.
    fn pick<'a, T>(&self, things: &'a [T]) -> Result<&'a T, Status> {
        let nth = usize::try_from(self.errand.pick >> 32).unwrap() % things.len().max(1);
        things.get(nth).ok_or_else(|| Status::not_found("there is none"))
    }

    /// An amount in minor units, from 100 to 50 100.
    fn amount(&self) -> i64 {
        100 + i64::try_from(self.errand.pick >> 16 & 0xffff).unwrap() % 50_000
    }

    fn is_one_of(&self, chances: u64) -> bool {
        (self.errand.pick >> 4).is_multiple_of(chances)
    }

    async fn sell_by_link(&self) -> Result<(), Status> {
        let invoice = self.open_invoice().await?;
        let link = self.link_of(&invoice).await?;
        if !self.is_one_of(4) {
            self.pay(&link.url).await;
        }
        Ok(())
    }

    async fn sell_by_checkout(&self) -> Result<(), Status> {
        let invoice = self.open_invoice().await?;
        let session = self.checkout_of(&invoice).await?;
        if !self.is_one_of(4) {
            self.pay(&session.url).await;
        }
        Ok(())
    }

    async fn contend(&self) -> Result<(), Status> {
        let invoice = self.open_invoice().await?;
        let other = Self { errand: Errand { replica: 1 - self.errand.replica, ..self.errand.clone() }, ..self.clone() };
        let (link, session) = tokio::join!(self.link_of(&invoice), other.checkout_of(&invoice));
        let url = link.map(|link| link.url).or(session.map(|session| session.url))?;
        let void = async {
            let request =
                v1::VoidInvoiceRequest { request_id: unique("void"), id: invoice.id.clone(), etag: String::new() };
            ask!(self, InvoiceServiceClient.void_invoice(request))
        };
        let _ = tokio::join!(self.pay(&url), void);
        Ok(())
    }

    async fn ask_for_payment(&self) -> Result<(), Status> {
        let request = v1::CreatePaymentRequest {
            request_id: unique("payment"),
            amount: Some(sek_amount(self.amount())),
            description: "Consulting".to_owned(),
            ..v1::CreatePaymentRequest::default()
        };
        let payment = ask!(self, PaymentServiceClient.create_payment(request))?.payment.unwrap();
        let cancel = async {
            let request = v1::CancelPaymentRequest { request_id: unique("cancel"), id: payment.id.clone() };
            ask!(self, PaymentServiceClient.cancel_payment(request))
        };
        match (self.errand.pick >> 4) % 4 {
            0 => drop(cancel.await),
            1 => drop(tokio::join!(self.pay(&payment.url), cancel)),
            _ => self.pay(&payment.url).await,
        }
        Ok(())
    }

    async fn sell_items(&self) -> Result<(), Status> {
        let request = v1::CreatePaymentLinkRequest {
            request_id: unique("link"),
            line_items: vec![item("Ticket", self.amount(), 1)],
            ..v1::CreatePaymentLinkRequest::default()
        };
        let link = ask!(self, PaymentLinkServiceClient.create_payment_link(request))?.payment_link.unwrap();
        let pay = || self.pay(&link.url);
        let close = async {
            if self.is_one_of(2) {
                let request = v1::DeactivatePaymentLinkRequest { request_id: unique("close"), id: link.id.clone() };
                drop(ask!(self, PaymentLinkServiceClient.deactivate_payment_link(request)));
            }
        };
        tokio::join!(pay(), pay(), pay(), close);
        Ok(())
    }

    async fn void_invoice(&self) -> Result<(), Status> {
        let request =
            v1::ListInvoicesRequest { page_size: 100, state: v1::InvoiceState::Open as i32, ..Default::default() };
        let open = read!(self, InvoiceServiceClient.list_invoices(request))?.invoices;
        let id = self.pick(&open)?.id.clone();
        let request = v1::VoidInvoiceRequest { request_id: unique("void"), id, etag: String::new() };
        ask!(self, InvoiceServiceClient.void_invoice(request)).map(drop)
    }

    async fn credit_invoice(&self) -> Result<(), Status> {
        let state = if self.is_one_of(3) { v1::InvoiceState::Open } else { v1::InvoiceState::Paid };
        let request = v1::ListInvoicesRequest { page_size: 100, state: state as i32, ..Default::default() };
        let invoices = read!(self, InvoiceServiceClient.list_invoices(request))?.invoices;
        let invoice = self.pick(&invoices)?;
        let scope = if self.is_one_of(2) {
            v1::create_credit_note_request::Scope::Rest(v1::CreditRest {})
        } else {
            let amount = v1::credited_line::Part::Amount(v1::Money {
                minor_units: 1 + self.amount() % 500,
                currency_code: "SEK".to_owned(),
            });
            let line = v1::CreditedLine { invoice_line_id: invoice.lines[0].id.clone(), part: Some(amount) };
            v1::create_credit_note_request::Scope::ByLine(v1::CreditedLines { lines: vec![line] })
        };
        let request = v1::CreateCreditNoteRequest {
            request_id: unique("credit"),
            invoice_id: invoice.id.clone(),
            scope: Some(scope),
            reason: v1::CreditNoteReason::OrderChange as i32,
            ..v1::CreateCreditNoteRequest::default()
        };
        let note = ask!(self, InvoiceServiceClient.create_credit_note(request))?.credit_note.unwrap();
        let request = v1::ListPaymentsRequest { invoice_id: invoice.id.clone(), ..Default::default() };
        let payments = read!(self, PaymentServiceClient.list_payments(request))?.payments;
        if let (Some(payment), true) = (payments.first(), self.is_one_of(2)) {
            let request = v1::CreateRefundRequest {
                request_id: unique("refund"),
                payment_id: payment.id.clone(),
                credit_note_id: note.id,
                ..v1::CreateRefundRequest::default()
            };
            ask!(self, PaymentServiceClient.create_refund(request))?;
        }
        Ok(())
    }

    async fn refund(&self) -> Result<(), Status> {
        let state = v1::PaymentState::Succeeded as i32;
        let request = v1::ListPaymentsRequest { page_size: 100, state, ..Default::default() };
        let payments = read!(self, PaymentServiceClient.list_payments(request))?.payments;
        let payment = self.pick(&payments)?;
        let left = payment.received.as_ref().unwrap().minor_units
            - payment.refunded.as_ref().map_or(0, |refunded| refunded.minor_units);
        let part = sek_amount(1 + self.amount() % left.max(1));
        let request = v1::CreateRefundRequest {
            request_id: unique("refund"),
            payment_id: payment.id.clone(),
            amount: (!self.is_one_of(3)).then_some(part),
            ..v1::CreateRefundRequest::default()
        };
        ask!(self, PaymentServiceClient.create_refund(request)).map(drop)
    }

    async fn close_link(&self) -> Result<(), Status> {
        let request = v1::ListPaymentLinksRequest { page_size: 100, active: Some(true), ..Default::default() };
        let links = read!(self, PaymentLinkServiceClient.list_payment_links(request))?.payment_links;
        let id = self.pick(&links)?.id.clone();
        let request = v1::DeactivatePaymentLinkRequest { request_id: unique("close"), id };
        ask!(self, PaymentLinkServiceClient.deactivate_payment_link(request)).map(drop)
    }

    async fn expire_checkout(&self) -> Result<(), Status> {
        let state = v1::CheckoutSessionState::Open as i32;
        let request = v1::ListCheckoutSessionsRequest { page_size: 100, state, ..Default::default() };
        let sessions = read!(self, CheckoutServiceClient.list_checkout_sessions(request))?.checkout_sessions;
        let id = self.pick(&sessions)?.id.clone();
        let request = v1::ExpireCheckoutSessionRequest { request_id: unique("expire"), id };
        ask!(self, CheckoutServiceClient.expire_checkout_session(request)).map(drop)
    }

    async fn open_invoice(&self) -> Result<v1::Invoice, Status> {
        let lines = vec![line(self.amount()), line(1_000)];
        let request = v1::CreateInvoiceRequest { lines, finalize: true, ..invoice_request() };
        Ok(ask!(self, InvoiceServiceClient.create_invoice(request))?.invoice.unwrap())
    }

    async fn link_of(&self, invoice: &v1::Invoice) -> Result<v1::PaymentLink, Status> {
        let request = v1::CreatePaymentLinkRequest {
            request_id: unique("link"),
            invoice_id: invoice.id.clone(),
            ..v1::CreatePaymentLinkRequest::default()
        };
        Ok(ask!(self, PaymentLinkServiceClient.create_payment_link(request))?.payment_link.unwrap())
    }

    async fn checkout_of(&self, invoice: &v1::Invoice) -> Result<v1::CheckoutSession, Status> {
        let request = v1::CreateInvoiceCheckoutRequest {
            request_id: unique("checkout"),
            invoice_id: invoice.id.clone(),
            mode: v1::CheckoutMode::Payment as i32,
            return_url: "https://shop.example.com/thanks".to_owned(),
            ..v1::CreateInvoiceCheckoutRequest::default()
        };
        Ok(ask!(self, CheckoutServiceClient.create_invoice_checkout(request))?.checkout_session.unwrap())
    }

    /// Tries to pay a page once: it may be closed, or the provider gone.
    async fn pay(&self, url: &str) {
        let paid = http().post(format!("{}/_sandbox/pay", self.provider_url));
        let body = json!({"url": url, "card": GOOD_CARD});
        if let Ok(answer) = paid.json(&body).send().await {
            let status = answer.status().as_u16();
            assert!(matches!(status, 200 | 404 | 410), "paying {url} was answered {status}");
        }
    }
}

/// Whether asking again may help: the replica is gone or busy, or an earlier try is not decided yet.
fn may_be_tried_again(status: &Status) -> bool {
    // What no server of ours has said is of the connection.
    let is_ours = status.get_details_error_info().is_some();
    match status.code() {
        Code::Unavailable | Code::Aborted | Code::DeadlineExceeded | Code::Cancelled | Code::ResourceExhausted => true,
        Code::Unknown | Code::Internal => !is_ours,
        _ => false,
    }
}

/// What callers who are at odds with one another may be told: that it is too late, or that less is left than was read.
fn expect_refusal(status: Status, errand: &Errand) -> Status {
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    let fields = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    let is_expected = match status.code() {
        Code::FailedPrecondition | Code::AlreadyExists => reason != "REQUEST_ID_REUSED",
        Code::InvalidArgument => fields.iter().all(|field| field.reason.starts_with("ABOVE_")),
        _ => false,
    };
    assert!(is_expected, "{errand:?} was refused: {status:?}");
    status
}
