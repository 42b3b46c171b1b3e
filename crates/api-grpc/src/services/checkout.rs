//! `CheckoutService`.

use api_proto::v1::checkout_service_server::CheckoutService;
use api_proto::v1::*;
use application::{CheckoutPurpose, CreateInvoiceCheckout, ListQuery, Named};
use domain::checkout::SessionState;
use domain::ports::storage::SessionFilter;
use domain::redirect::RedirectUrl;
use domain::validation::{Invalid, Validator};
use tonic::{Request, Response, Status};

use super::{Services, caller, parse};
use crate::convert::input::{id, known, locale, metadata, optional, optional_amount, optional_id};
use crate::convert::output;
use crate::page_token::{next_page_token, page_request};
use crate::status::status;

#[tonic::async_trait]
impl CheckoutService for Services {
    async fn create_invoice_checkout(
        &self,
        request: Request<CreateInvoiceCheckoutRequest>,
    ) -> Result<Response<CreateInvoiceCheckoutResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, seller| {
            let purpose = purpose(v, &m);
            let locale = locale(v, "locale", &m.locale);
            let return_url = v.check("return_url", RedirectUrl::parse(&m.return_url, &seller.redirects));
            let cancel_url = optional(v, "cancel_url", &m.cancel_url, |url| RedirectUrl::parse(url, &seller.redirects));
            let metadata = metadata(v, &m.metadata);
            Some(CreateInvoiceCheckout {
                purpose: purpose?,
                locale: locale?,
                return_url: return_url?,
                cancel_url: cancel_url?,
                metadata: metadata?,
            })
        })?;
        let session = self.app.create_invoice_checkout(mutation).await.map_err(status)?;
        Ok(Response::new(CreateInvoiceCheckoutResponse { checkout_session: Some(output::checkout_session(&session)) }))
    }

    async fn get_checkout_session(
        &self,
        request: Request<GetCheckoutSessionRequest>,
    ) -> Result<Response<GetCheckoutSessionResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let session = self.app.get_checkout_session(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetCheckoutSessionResponse { checkout_session: Some(output::checkout_session(&session)) }))
    }

    async fn list_checkout_sessions(
        &self,
        request: Request<ListCheckoutSessionsRequest>,
    ) -> Result<Response<ListCheckoutSessionsResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), m.invoice_id.clone(), m.payment_link_id.clone(), m.state);
        let (invoice_id, payment_link_id, page, state) = parse(|v| {
            let invoice_id = optional_id(v, "invoice_id", &m.invoice_id);
            let payment_link_id = optional_id(v, "payment_link_id", &m.payment_link_id);
            let page = page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse());
            let state = known::<CheckoutSessionState>(v, "state", m.state);
            Some((invoice_id?, payment_link_id?, page?, state?))
        })?;
        let state = match state {
            CheckoutSessionState::Unspecified => None,
            CheckoutSessionState::Creating => Some(SessionState::CREATING),
            CheckoutSessionState::Open => Some(SessionState::OPEN),
            CheckoutSessionState::Closing => Some(SessionState::CLOSING),
            CheckoutSessionState::Completed => Some(SessionState::COMPLETED),
            CheckoutSessionState::Expired => Some(SessionState::EXPIRED),
            CheckoutSessionState::Failed => Some(SessionState::FAILED),
        };
        let filter = SessionFilter { invoice_id, payment_link_id, state };
        let page =
            self.app.list_checkout_sessions(&caller, ListQuery { seller, filter, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |session| session.id.to_string());
        let checkout_sessions = page.items.iter().map(output::checkout_session).collect();
        Ok(Response::new(ListCheckoutSessionsResponse { checkout_sessions, next_page_token }))
    }

    async fn expire_checkout_session(
        &self,
        request: Request<ExpireCheckoutSessionRequest>,
    ) -> Result<Response<ExpireCheckoutSessionResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller_of(&caller, &m.id, Named::CheckoutSession).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| id(v, "id", &m.id))?;
        let session = self.app.expire_checkout_session(mutation).await.map_err(status)?;
        Ok(Response::new(ExpireCheckoutSessionResponse { checkout_session: Some(output::checkout_session(&session)) }))
    }
}

/// What a checkout does, from the fields that its mode has.
fn purpose(v: &mut Validator, m: &CreateInvoiceCheckoutRequest) -> Option<CheckoutPurpose> {
    let mode = known::<CheckoutMode>(v, "mode", m.mode);
    if mode == Some(CheckoutMode::Unspecified) {
        v.refuse("mode", Invalid::new("REQUIRED", "must be PAYMENT, BANK_TRANSFER_PAYMENT or SETUP"));
    }
    let absent = |v: &mut Validator, field: &str, is_given: bool, mode: &str| {
        if is_given {
            v.refuse(field, Invalid::new("EXCLUSIVE", format!("must be absent in the mode {mode}")));
        }
    };
    match mode? {
        CheckoutMode::Setup => {
            absent(v, "invoice_id", !m.invoice_id.is_empty(), "SETUP");
            absent(v, "amount", m.amount.is_some(), "SETUP");
            let customer_id = id(v, "customer_id", &m.customer_id);
            Some(CheckoutPurpose::Setup { customer_id: customer_id? })
        }
        mode => {
            let invoice_id = id(v, "invoice_id", &m.invoice_id);
            let amount = optional_amount(v, "amount", m.amount.as_ref());
            absent(v, "customer_id", !m.customer_id.is_empty(), "of an invoice, which has its customer");
            let by_bank_transfer = mode == CheckoutMode::BankTransferPayment;
            Some(CheckoutPurpose::Pay { invoice_id: invoice_id?, amount: amount?, by_bank_transfer })
        }
    }
}
