//! `InvoiceService`.

use api_proto::v1::invoice_service_server::InvoiceService;
use api_proto::v1::*;
use application::{CreateInvoice, InvoiceChanges, ListQuery, Mutation, Named, SendInvoice, Update};
use domain::access::Caller;
use domain::document::Language;
use domain::id::InvoiceId;
use domain::invoice;
use domain::money::Currency;
use domain::party::Email;
use domain::ports::storage::{CreditNoteFilter, InvoiceFilter};
use domain::seller::NumberFormat;
use domain::text::Description;
use domain::validation::Validator;
use tonic::{Request, Response, Status};

use super::{Services, caller, parse};
use crate::convert::credit_note::{credit_note, credit_request};
use crate::convert::discount::invoice_discount;
use crate::convert::documents;
use crate::convert::input::{Mask, date, id, invoice_lines, known, metadata, optional, optional_id, rounding};
use crate::convert::invoice_mail::{invoice_mail, mail_kind};
use crate::convert::out_of_band::receipt;
use crate::convert::output;
use crate::convert::tax::tax_exchange_rate;
use crate::page_token::{next_page_token, page_request};
use crate::status::status;

impl Services {
    fn told(&self, invoice: &invoice::Invoice) -> Option<Invoice> {
        Some(output::invoice(invoice, self.app.now().date()))
    }

    async fn transition(
        &self,
        caller: Caller,
        (request_id, invoice_id, etag): (&str, &str, &str),
    ) -> Result<Mutation<Update<InvoiceId, ()>>, Status> {
        let seller = self.seller_of(&caller, invoice_id, Named::Invoice).await?;
        self.mutation(caller, seller, request_id, |v, _| {
            let id = id(v, "id", invoice_id);
            Some(Update { id: id?, etag: self::etag(etag), changes: () })
        })
    }
}

#[tonic::async_trait]
impl InvoiceService for Services {
    async fn create_invoice(
        &self,
        request: Request<CreateInvoiceRequest>,
    ) -> Result<Response<CreateInvoiceResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let today = self.app.now().date();
        let mutation = self.mutation(caller, seller, &m.request_id, |v, seller| {
            let customer_id = optional_id(v, "customer_id", &m.customer_id);
            let currency = optional(v, "currency_code", &m.currency_code, Currency::parse);
            // The one that holds for all amounts, where it is said well or not at all.
            let of_all = currency.map(|named| named.unwrap_or(seller.currency));
            let lines = invoice_lines(v, "lines", &m.lines, of_all);
            if m.lines.is_empty() {
                v.refuse("lines", domain::validation::Invalid::required());
            }
            let discount = invoice_discount(v, "discount", m.discount.as_ref(), of_all);
            let description = optional(v, "description", &m.description, Description::parse);
            let tax_point = invoice_date(v, "tax_point", m.tax_point.as_ref(), today);
            let due_date = invoice_date(v, "due_date", m.due_date.as_ref(), today);
            let exchange_rate = tax_exchange_rate(v, "tax_exchange_rate", m.tax_exchange_rate.as_ref());
            let metadata = metadata(v, &m.metadata);
            let tax_rounding = rounding(v, "tax_rounding", m.tax_rounding.as_ref(), seller.tax_rounding);
            Some(CreateInvoice {
                customer_id: customer_id?,
                currency: currency?.unwrap_or(seller.currency),
                lines: lines?,
                discount: discount?,
                tax_rounding: tax_rounding?,
                description: description?,
                tax_point: tax_point?,
                due_date: due_date?,
                tax_exchange_rate: exchange_rate?,
                metadata: metadata?,
                finalize: m.finalize,
            })
        })?;
        let invoice = self.app.create_invoice(mutation).await.map_err(status)?;
        Ok(Response::new(CreateInvoiceResponse { invoice: self.told(&invoice) }))
    }

    async fn update_invoice(
        &self,
        request: Request<UpdateInvoiceRequest>,
    ) -> Result<Response<UpdateInvoiceResponse>, Status> {
        let (caller, m) = caller(request)?;
        let new = m.draft.unwrap_or_default();
        let today = self.app.now().date();
        let seller = self.seller_of(&caller, &m.id, Named::Invoice).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, seller| {
            let id = id(v, "id", &m.id);
            let known = [
                "customer_id",
                "lines",
                "discount",
                "tax_rounding",
                "description",
                "tax_point",
                "due_date",
                "tax_exchange_rate",
                "metadata",
            ];
            let mask = Mask::parse(v, m.update_mask.as_ref(), &known);
            let customer_id = mask.pick("customer_id", || optional_id(v, "draft.customer_id", &new.customer_id));
            let lines = mask.pick("lines", || invoice_lines(v, "draft.lines", &new.lines, None));
            let discount = mask.pick("discount", || invoice_discount(v, "draft.discount", new.discount.as_ref(), None));
            let description =
                mask.pick("description", || optional(v, "draft.description", &new.description, Description::parse));
            let tax_point =
                mask.pick("tax_point", || invoice_date(v, "draft.tax_point", new.tax_point.as_ref(), today));
            let due_date = mask.pick("due_date", || invoice_date(v, "draft.due_date", new.due_date.as_ref(), today));
            let exchange_rate = mask.pick("tax_exchange_rate", || {
                tax_exchange_rate(v, "draft.tax_exchange_rate", new.tax_exchange_rate.as_ref())
            });
            let metadata = mask.metadata(v, "draft", &new.metadata);
            let tax_rounding = mask.pick("tax_rounding", || {
                rounding(v, "draft.tax_rounding", new.tax_rounding.as_ref(), seller.tax_rounding)
            });
            let changes = InvoiceChanges {
                customer_id: customer_id?,
                lines: lines?,
                discount: discount?,
                tax_rounding: tax_rounding?,
                description: description?,
                tax_point: tax_point?,
                due_date: due_date?,
                tax_exchange_rate: exchange_rate?,
                metadata: metadata?,
            };
            Some(Update { id: id?, etag: etag(&m.etag), changes })
        })?;
        let invoice = self.app.update_invoice(mutation).await.map_err(|error| status(error.within("draft")))?;
        Ok(Response::new(UpdateInvoiceResponse { invoice: self.told(&invoice) }))
    }

    async fn finalize_invoice(
        &self,
        request: Request<FinalizeInvoiceRequest>,
    ) -> Result<Response<FinalizeInvoiceResponse>, Status> {
        let (caller, m) = caller(request)?;
        let mutation = self.transition(caller, (&m.request_id, &m.id, &m.etag)).await?;
        let invoice = self.app.finalize_invoice(mutation).await.map_err(status)?;
        Ok(Response::new(FinalizeInvoiceResponse { invoice: self.told(&invoice) }))
    }

    async fn void_invoice(
        &self,
        request: Request<VoidInvoiceRequest>,
    ) -> Result<Response<VoidInvoiceResponse>, Status> {
        let (caller, m) = caller(request)?;
        let mutation = self.transition(caller, (&m.request_id, &m.id, &m.etag)).await?;
        let invoice = self.app.void_invoice(mutation).await.map_err(status)?;
        Ok(Response::new(VoidInvoiceResponse { invoice: self.told(&invoice) }))
    }

    async fn mark_invoice_uncollectible(
        &self,
        request: Request<MarkInvoiceUncollectibleRequest>,
    ) -> Result<Response<MarkInvoiceUncollectibleResponse>, Status> {
        let (caller, m) = caller(request)?;
        let mutation = self.transition(caller, (&m.request_id, &m.id, &m.etag)).await?;
        let invoice = self.app.mark_invoice_uncollectible(mutation).await.map_err(status)?;
        Ok(Response::new(MarkInvoiceUncollectibleResponse { invoice: self.told(&invoice) }))
    }

    async fn get_invoice(&self, request: Request<GetInvoiceRequest>) -> Result<Response<GetInvoiceResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let invoice = self.app.get_invoice(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetInvoiceResponse { invoice: self.told(&invoice) }))
    }

    async fn list_invoices(
        &self,
        request: Request<ListInvoicesRequest>,
    ) -> Result<Response<ListInvoicesResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), beside_number(&m.customer_id, &m.number), m.state, m.overdue);
        let (customer_id, number, page, state) = parse(|v| {
            let customer_id = optional_id(v, "customer_id", &m.customer_id);
            let number = optional(v, "number", &m.number, NumberFormat::parse_number);
            let page = page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse());
            let state = known::<InvoiceState>(v, "state", m.state);
            Some((customer_id?, number?, page?, state?))
        })?;
        let state = match state {
            InvoiceState::Unspecified => None,
            InvoiceState::Draft => Some(invoice::InvoiceState::DRAFT),
            InvoiceState::Open => Some(invoice::InvoiceState::OPEN),
            InvoiceState::Paid => Some(invoice::InvoiceState::PAID),
            InvoiceState::Void => Some(invoice::InvoiceState::VOID),
            InvoiceState::Uncollectible => Some(invoice::InvoiceState::UNCOLLECTIBLE),
        };
        let due_before = m.overdue.then(|| self.app.now().date());
        let filter = InvoiceFilter { customer_id, state, number, due_before };
        let page = self.app.list_invoices(&caller, ListQuery { seller, filter, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |invoice| invoice.id.to_string());
        let invoices = page.items.iter().filter_map(|invoice| self.told(invoice)).collect();
        Ok(Response::new(ListInvoicesResponse { invoices, next_page_token }))
    }

    async fn record_invoice_payment(
        &self,
        request: Request<RecordInvoicePaymentRequest>,
    ) -> Result<Response<RecordInvoicePaymentResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller_of(&caller, &m.invoice_id, Named::Invoice).await?;
        let today = self.app.now().date();
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let id = id(v, "invoice_id", &m.invoice_id);
            let receipt = receipt(v, &m, today);
            Some(Update { id: id?, etag: etag(&m.etag), changes: receipt? })
        })?;
        let recorded = self.app.record_invoice_payment(mutation).await.map_err(status)?;
        let payment = Some(output::payment(&recorded.payment));
        Ok(Response::new(RecordInvoicePaymentResponse { payment, invoice: self.told(&recorded.invoice) }))
    }

    async fn create_credit_note(
        &self,
        request: Request<CreateCreditNoteRequest>,
    ) -> Result<Response<CreateCreditNoteResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller_of(&caller, &m.invoice_id, Named::Invoice).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let id = id(v, "invoice_id", &m.invoice_id);
            let request = credit_request(v, &m);
            Some(Update { id: id?, etag: etag(&m.etag), changes: request? })
        })?;
        let credited = self.app.create_credit_note(mutation).await.map_err(status)?;
        let credit_note = Some(credit_note(&credited.credit_note));
        Ok(Response::new(CreateCreditNoteResponse { credit_note, invoice: self.told(&credited.invoice) }))
    }

    async fn get_credit_note(
        &self,
        request: Request<GetCreditNoteRequest>,
    ) -> Result<Response<GetCreditNoteResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let note = self.app.get_credit_note(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetCreditNoteResponse { credit_note: Some(credit_note(&note)) }))
    }

    async fn list_credit_notes(
        &self,
        request: Request<ListCreditNotesRequest>,
    ) -> Result<Response<ListCreditNotesResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), m.invoice_id.clone(), beside_number(&m.customer_id, &m.number));
        let (filter, page) = parse(|v| {
            let invoice_id = optional_id(v, "invoice_id", &m.invoice_id);
            let customer_id = optional_id(v, "customer_id", &m.customer_id);
            let number = optional(v, "number", &m.number, NumberFormat::parse_number);
            let page = page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse());
            Some((CreditNoteFilter { invoice_id: invoice_id?, customer_id: customer_id?, number: number? }, page?))
        })?;
        let page = self.app.list_credit_notes(&caller, ListQuery { seller, filter, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |note| note.id.to_string());
        let credit_notes = page.items.iter().map(credit_note).collect();
        Ok(Response::new(ListCreditNotesResponse { credit_notes, next_page_token }))
    }

    async fn render_invoice(
        &self,
        request: Request<RenderInvoiceRequest>,
    ) -> Result<Response<RenderInvoiceResponse>, Status> {
        let (caller, m) = caller(request)?;
        let (id, kind, language) = parse(|v| {
            let id = id(v, "id", &m.id);
            let kind = documents::kind(v, "kind", m.kind);
            let language = optional(v, "language", &m.language, Language::parse);
            Some((id?, kind?, language?))
        })?;
        let rendered = self.app.render_invoice(&caller, id, kind, language).await.map_err(status)?;
        Ok(Response::new(RenderInvoiceResponse { document: Some(documents::rendered(rendered)) }))
    }

    async fn render_credit_note(
        &self,
        request: Request<RenderCreditNoteRequest>,
    ) -> Result<Response<RenderCreditNoteResponse>, Status> {
        let (caller, m) = caller(request)?;
        let (id, language) = parse(|v| {
            let id = id(v, "id", &m.id);
            let language = optional(v, "language", &m.language, Language::parse);
            Some((id?, language?))
        })?;
        let rendered = self.app.render_credit_note(&caller, id, language).await.map_err(status)?;
        Ok(Response::new(RenderCreditNoteResponse { document: Some(documents::rendered(rendered)) }))
    }

    async fn share_invoice(
        &self,
        request: Request<ShareInvoiceRequest>,
    ) -> Result<Response<ShareInvoiceResponse>, Status> {
        let (caller, m) = caller(request)?;
        let (id, share) = parse(|v| {
            let id = id(v, "id", &m.id);
            let share = documents::share(v, &m);
            Some((id?, share?))
        })?;
        let shared = self.app.share_invoice(&caller, id, share).await.map_err(status)?;
        let expire_time = Some(output::timestamp(shared.expires_at));
        Ok(Response::new(ShareInvoiceResponse { url: shared.url, expire_time }))
    }

    async fn send_invoice(
        &self,
        request: Request<SendInvoiceRequest>,
    ) -> Result<Response<SendInvoiceResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller_of(&caller, &m.invoice_id, Named::Invoice).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let invoice_id = id(v, "invoice_id", &m.invoice_id);
            let kind = mail_kind(v, "kind", m.kind);
            let language = optional(v, "language_code", &m.language_code, Language::parse);
            let to = optional(v, "to", &m.to, Email::parse);
            Some(SendInvoice { invoice_id: invoice_id?, kind: kind?, language: language?, to: to? })
        })?;
        let mail = self.app.send_invoice(mutation).await.map_err(status)?;
        Ok(Response::new(SendInvoiceResponse { mail: Some(invoice_mail(&mail)) }))
    }

    async fn get_invoice_mail(
        &self,
        request: Request<GetInvoiceMailRequest>,
    ) -> Result<Response<GetInvoiceMailResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let mail = self.app.get_invoice_mail(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetInvoiceMailResponse { mail: Some(invoice_mail(&mail)) }))
    }

    async fn list_invoice_mails(
        &self,
        request: Request<ListInvoiceMailsRequest>,
    ) -> Result<Response<ListInvoiceMailsResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), m.invoice_id.clone());
        let (filter, page) = parse(|v| {
            let invoice_id = optional_id(v, "invoice_id", &m.invoice_id);
            invoice_id.zip(page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse()))
        })?;
        let page = self.app.list_invoice_mails(&caller, ListQuery { seller, filter, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |mail| mail.id.to_string());
        let mails = page.items.iter().map(invoice_mail).collect();
        Ok(Response::new(ListInvoiceMailsResponse { mails, next_page_token }))
    }
}

/// A date of an invoice that is issued today at the earliest.
fn invoice_date(v: &mut Validator, field: &str, named: Option<&Date>, today: time::Date) -> Option<Option<time::Date>> {
    let parsed = date(v, field, named)?;
    v.check_optional(field, parsed, |date| invoice::InvoiceContent::check_date(date, today))
}

/// The version that the caller has read; any if empty.
fn etag(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|etag| !etag.is_empty())
}

/// A filter with a number beside it. Without one it is as it was before numbers could be looked for: the page tokens of then
/// are good still.
fn beside_number(filter: &str, number: &str) -> String {
    if number.is_empty() { filter.to_owned() } else { format!("{filter} {number}") }
}
