//! `PaymentService`.

use api_proto::v1::payment_service_server::PaymentService;
use api_proto::v1::*;
use application::{CapturePayment, CreatePayment, CreateRefund, ListQuery, Named, RecordRefund, TaxSpec};
use domain::payment;
use domain::ports::storage::{DisputeFilter, PaymentFilter, RefundFilter};
use domain::tax;
use domain::text::Description;
use tonic::{Request, Response, Status};

use super::{Services, caller, parse};
use crate::convert::input::{
    after_completion, id, known, line_tax, metadata, optional_amount, optional_id, required_amount, timestamp,
};
use crate::convert::out_of_band::out_of_band_refund;
use crate::convert::reversals::{dispute_state_name, refund_reason, refund_state_name};
use crate::convert::{output, reversals};
use crate::page_token::{next_page_token, page_request};
use crate::status::status;

#[tonic::async_trait]
impl PaymentService for Services {
    async fn create_payment(
        &self,
        request: Request<CreatePaymentRequest>,
    ) -> Result<Response<CreatePaymentResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, seller| {
            let amount = required_amount(v, "amount", m.amount.as_ref());
            let tax = match &m.tax {
                None => Some(TaxSpec::Automatic { tax_code: None }),
                Some(tax) => line_tax(v, "tax", Some(tax)),
            };
            let description = v.check("description", Description::parse(&m.description));
            let customer_id = optional_id(v, "customer_id", &m.customer_id);
            let metadata = metadata(v, &m.metadata);
            let expires_at = timestamp(v, "expire_time", m.expire_time.as_ref());
            let after = after_completion(v, "after_completion", m.after_completion.as_ref(), &seller.redirects);
            let tax_behavior = match known::<TaxBehavior>(v, "tax_behavior", m.tax_behavior)? {
                TaxBehavior::Exclusive => tax::TaxBehavior::Exclusive,
                TaxBehavior::Inclusive | TaxBehavior::Unspecified => tax::TaxBehavior::Inclusive,
            };
            Some(CreatePayment {
                amount: amount?,
                tax_behavior,
                tax: tax?,
                description: description?,
                customer_id: customer_id?,
                metadata: metadata?,
                expires_at: expires_at?,
                after_completion: after?,
            })
        })?;
        let payment = self.app.create_payment(mutation).await.map_err(status)?;
        Ok(Response::new(CreatePaymentResponse { payment: Some(output::payment(&payment)) }))
    }

    async fn get_payment(&self, request: Request<GetPaymentRequest>) -> Result<Response<GetPaymentResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let payment = self.app.get_payment(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetPaymentResponse { payment: Some(output::payment(&payment)) }))
    }

    async fn list_payments(
        &self,
        request: Request<ListPaymentsRequest>,
    ) -> Result<Response<ListPaymentsResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (
            seller.id.clone(),
            m.invoice_id.clone(),
            m.customer_id.clone(),
            m.payment_link_id.clone(),
            m.subscription_id.clone(),
            m.state,
            m.flagged,
        );
        let (invoice_id, customer_id, payment_link_id, subscription_id, page, state) = parse(|v| {
            let invoice_id = optional_id(v, "invoice_id", &m.invoice_id);
            let customer_id = optional_id(v, "customer_id", &m.customer_id);
            let payment_link_id = optional_id(v, "payment_link_id", &m.payment_link_id);
            let subscription_id = optional_id(v, "subscription_id", &m.subscription_id);
            let page = page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse());
            let state = known::<PaymentState>(v, "state", m.state);
            Some((invoice_id?, customer_id?, payment_link_id?, subscription_id?, page?, state?))
        })?;
        let state = match state {
            PaymentState::Unspecified => None,
            PaymentState::Pending => Some(payment::PaymentState::PENDING),
            PaymentState::Processing => Some(payment::PaymentState::PROCESSING),
            PaymentState::Authorized => Some(payment::PaymentState::AUTHORIZED),
            PaymentState::Succeeded => Some(payment::PaymentState::SUCCEEDED),
            PaymentState::Failed => Some(payment::PaymentState::FAILED),
            PaymentState::Canceled => Some(payment::PaymentState::CANCELED),
            PaymentState::Expired => Some(payment::PaymentState::EXPIRED),
        };
        let filter =
            PaymentFilter { invoice_id, customer_id, payment_link_id, subscription_id, state, flagged: m.flagged };
        let page = self.app.list_payments(&caller, ListQuery { seller, filter, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |payment| payment.id.to_string());
        Ok(Response::new(ListPaymentsResponse {
            payments: page.items.iter().map(output::payment).collect(),
            next_page_token,
        }))
    }

    async fn cancel_payment(
        &self,
        request: Request<CancelPaymentRequest>,
    ) -> Result<Response<CancelPaymentResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller_of(&caller, &m.id, Named::Payment).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| id(v, "id", &m.id))?;
        let payment = self.app.cancel_payment(mutation).await.map_err(status)?;
        Ok(Response::new(CancelPaymentResponse { payment: Some(output::payment(&payment)) }))
    }

    async fn capture_payment(
        &self,
        request: Request<CapturePaymentRequest>,
    ) -> Result<Response<CapturePaymentResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller_of(&caller, &m.id, Named::Payment).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let id = id(v, "id", &m.id);
            let amount = optional_amount(v, "amount", m.amount.as_ref());
            Some(CapturePayment { id: id?, amount: amount? })
        })?;
        let payment = self.app.capture_payment(mutation).await.map_err(status)?;
        Ok(Response::new(CapturePaymentResponse { payment: Some(output::payment(&payment)) }))
    }

    async fn create_refund(
        &self,
        request: Request<CreateRefundRequest>,
    ) -> Result<Response<CreateRefundResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller_of(&caller, &m.payment_id, Named::Payment).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let payment_id = id(v, "payment_id", &m.payment_id);
            let amount = optional_amount(v, "amount", m.amount.as_ref());
            let reason = known::<RefundReason>(v, "reason", m.reason).map(refund_reason);
            let metadata = metadata(v, &m.metadata);
            let credit_note_id = optional_id(v, "credit_note_id", &m.credit_note_id);
            Some(CreateRefund {
                payment_id: payment_id?,
                amount: amount?,
                reason: reason?,
                credit_note_id: credit_note_id?,
                metadata: metadata?,
            })
        })?;
        let refund = self.app.create_refund(mutation).await.map_err(status)?;
        Ok(Response::new(CreateRefundResponse { refund: Some(reversals::refund(&refund)) }))
    }

    async fn record_refund(
        &self,
        request: Request<RecordRefundRequest>,
    ) -> Result<Response<RecordRefundResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller_of(&caller, &m.payment_id, Named::Payment).await?;
        let today = self.app.now().date();
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let payment_id = id(v, "payment_id", &m.payment_id);
            let amount = required_amount(v, "amount", m.amount.as_ref());
            let how = out_of_band_refund(v, &m, today);
            let reason = known::<RefundReason>(v, "reason", m.reason).map(refund_reason);
            let metadata = metadata(v, &m.metadata);
            let credit_note_id = optional_id(v, "credit_note_id", &m.credit_note_id);
            let refund = CreateRefund {
                payment_id: payment_id?,
                amount: Some(amount?),
                reason: reason?,
                credit_note_id: credit_note_id?,
                metadata: metadata?,
            };
            Some(RecordRefund { refund, how: how? })
        })?;
        let recorded = self.app.record_refund(mutation).await.map_err(status)?;
        let refund = Some(reversals::refund(&recorded.refund));
        Ok(Response::new(RecordRefundResponse { refund, payment: Some(output::payment(&recorded.payment)) }))
    }

    async fn get_refund(&self, request: Request<GetRefundRequest>) -> Result<Response<GetRefundResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let refund = self.app.get_refund(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetRefundResponse { refund: Some(reversals::refund(&refund)) }))
    }

    async fn list_refunds(
        &self,
        request: Request<ListRefundsRequest>,
    ) -> Result<Response<ListRefundsResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), m.payment_id.clone(), m.credit_note_id.clone(), m.state);
        let (filter, page) = parse(|v| {
            let payment_id = optional_id(v, "payment_id", &m.payment_id);
            let credit_note_id = optional_id(v, "credit_note_id", &m.credit_note_id);
            let state = known::<RefundState>(v, "state", m.state).map(refund_state_name);
            let page = page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse());
            let filter = RefundFilter { payment_id: payment_id?, credit_note_id: credit_note_id?, state: state? };
            Some((filter, page?))
        })?;
        let page = self.app.list_refunds(&caller, ListQuery { seller, filter, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |refund| refund.id.to_string());
        let refunds = page.items.iter().map(reversals::refund).collect();
        Ok(Response::new(ListRefundsResponse { refunds, next_page_token }))
    }

    async fn get_dispute(&self, request: Request<GetDisputeRequest>) -> Result<Response<GetDisputeResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let dispute = self.app.get_dispute(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetDisputeResponse { dispute: Some(reversals::dispute(&dispute)) }))
    }

    async fn list_disputes(
        &self,
        request: Request<ListDisputesRequest>,
    ) -> Result<Response<ListDisputesResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), m.payment_id.clone(), m.state);
        let (filter, page) = parse(|v| {
            let payment_id = optional_id(v, "payment_id", &m.payment_id);
            let state = known::<DisputeState>(v, "state", m.state).map(dispute_state_name);
            let page = page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse());
            Some((DisputeFilter { payment_id: payment_id?, state: state? }, page?))
        })?;
        let page = self.app.list_disputes(&caller, ListQuery { seller, filter, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |dispute| dispute.id.to_string());
        let disputes = page.items.iter().map(reversals::dispute).collect();
        Ok(Response::new(ListDisputesResponse { disputes, next_page_token }))
    }
}
