//! `TaxService`.

use api_proto::v1::tax_service_server::TaxService;
use api_proto::v1::*;
use application::{CalculateTax, CheckTaxId, EndTaxRegistration, ListQuery, Named, NewTaxRate, TaxLineSpec, Update};
use domain::invoice::InvoiceContent;
use domain::money::Currency;
use domain::tax::{TaxRateChanges, TaxRegistration, TaxRequest, TaxedCustomer};
use domain::tax_id::TaxId;
use domain::text::DisplayName;
use domain::validation::{Invalid, Validator};
use tonic::{Request, Response, Status};

use super::{Services, caller, parse};
use crate::convert::input::{
    Mask, date, id, line_tax, metadata, optional, optional_id, percentage, required_amount, rounding, tax_behavior,
    tax_ids,
};
use crate::convert::tax::{
    configured_registration, customer_tax_status, jurisdiction, tax_calculation, tax_id_check, tax_rate,
    tax_registration, tax_scheme,
};
use crate::page_token::{next_page_token, page_request};
use crate::status::status;

#[tonic::async_trait]
impl TaxService for Services {
    async fn calculate_tax(
        &self,
        request: Request<CalculateTaxRequest>,
    ) -> Result<Response<CalculateTaxResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let query = parse(|v| {
            let customer_id = optional_id(v, "customer_id", &m.customer_id);
            let at_part = ("customer_subdivision_code", m.customer_subdivision_code.as_str());
            let place = jurisdiction(v, ("customer_country_code", &m.customer_country_code), at_part);
            let tax_ids = tax_ids(v, "customer_tax_ids", &m.customer_tax_ids);
            let status = customer_tax_status(v, "customer_tax_status", m.customer_tax_status);
            if !m.customer_id.is_empty() {
                refuse_beside_customer(v, &m);
            }
            let tax_point = date(v, "tax_point", m.tax_point.as_ref());
            let rounding = rounding(v, "rounding", m.rounding.as_ref(), seller.tax_rounding);
            let mut currency = None;
            let lines = m.lines.iter().enumerate().map(|(index, line)| {
                v.within(&format!("lines[{index}]"), |v| {
                    let amount = required_amount(v, "amount", line.amount.as_ref());
                    let amount = amount.and_then(|amount| v.check("amount", in_one_currency(&mut currency, amount)));
                    let tax_behavior = tax_behavior(v, "tax_behavior", line.tax_behavior());
                    let tax = line_tax(v, "tax", line.tax.as_ref());
                    Some(TaxLineSpec { amount: amount?, tax_behavior: tax_behavior?, tax: tax? })
                })
            });
            // Too many are not read: each could be told of.
            let lines: Option<Vec<_>> = if m.lines.len() > InvoiceContent::LINES_MAX {
                v.check("lines", InvoiceContent::check_line_count(m.lines.len()))?;
                None
            } else {
                lines.collect::<Vec<_>>().into_iter().collect()
            };
            if m.lines.is_empty() {
                v.refuse("lines", Invalid::required());
            }
            Some(CalculateTax {
                rounding: rounding?,
                seller: seller.clone(),
                customer_id: customer_id?,
                customer: TaxedCustomer { place: place?, address: None, tax_ids: tax_ids?, status: status? },
                currency: currency?,
                lines: lines?,
                tax_point: tax_point?,
            })
        })?;
        let calculation = self.app.calculate_tax(query).await.map_err(status)?;
        Ok(Response::new(CalculateTaxResponse { calculation: Some(tax_calculation(&calculation)) }))
    }

    async fn create_tax_rate(
        &self,
        request: Request<CreateTaxRateRequest>,
    ) -> Result<Response<CreateTaxRateResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let display_name = v.check("display_name", DisplayName::parse(&m.display_name));
            let percentage = v.check("percentage", percentage(&m.percentage));
            let at_part = ("subdivision_code", m.subdivision_code.as_str());
            let jurisdiction = jurisdiction(v, ("country_code", &m.country_code), at_part);
            let metadata = metadata(v, &m.metadata);
            Some(NewTaxRate {
                display_name: display_name?,
                percentage: percentage?,
                jurisdiction: jurisdiction?,
                metadata: metadata?,
            })
        })?;
        let rate = self.app.create_tax_rate(mutation).await.map_err(status)?;
        Ok(Response::new(CreateTaxRateResponse { tax_rate: Some(tax_rate(&rate)) }))
    }

    async fn get_tax_rate(&self, request: Request<GetTaxRateRequest>) -> Result<Response<GetTaxRateResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let rate = self.app.get_tax_rate(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetTaxRateResponse { tax_rate: Some(tax_rate(&rate)) }))
    }

    async fn update_tax_rate(
        &self,
        request: Request<UpdateTaxRateRequest>,
    ) -> Result<Response<UpdateTaxRateResponse>, Status> {
        let (caller, m) = caller(request)?;
        let new = m.tax_rate.unwrap_or_default();
        let seller = self.seller_of(&caller, &new.id, Named::TaxRate).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let id = id(v, "tax_rate.id", &new.id);
            let mask = Mask::parse(v, m.update_mask.as_ref(), &["display_name", "active", "metadata"]);
            let display_name =
                mask.pick("display_name", || v.check("tax_rate.display_name", DisplayName::parse(&new.display_name)));
            let active = mask.has("active").then_some(new.active);
            let metadata = mask.metadata(v, "tax_rate", &new.metadata);
            let changes = TaxRateChanges { display_name: display_name?, active, metadata: metadata? };
            Some(Update { id: id?, etag: Some(new.etag.clone()).filter(|etag| !etag.is_empty()), changes })
        })?;
        let rate = self.app.update_tax_rate(mutation).await.map_err(|error| status(error.within("tax_rate")))?;
        Ok(Response::new(UpdateTaxRateResponse { tax_rate: Some(tax_rate(&rate)) }))
    }

    async fn list_tax_rates(
        &self,
        request: Request<ListTaxRatesRequest>,
    ) -> Result<Response<ListTaxRatesResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), m.active);
        let page = parse(|v| page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse()))?;
        let page =
            self.app.list_tax_rates(&caller, ListQuery { seller, filter: m.active, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |rate| rate.id.to_string());
        Ok(Response::new(ListTaxRatesResponse {
            tax_rates: page.items.iter().map(tax_rate).collect(),
            next_page_token,
        }))
    }
    async fn create_tax_registration(
        &self,
        request: Request<CreateTaxRegistrationRequest>,
    ) -> Result<Response<CreateTaxRegistrationResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let at_part = ("subdivision_code", m.subdivision_code.as_str());
            let jurisdiction = jurisdiction(v, ("country_code", &m.country_code), at_part);
            if jurisdiction == Some(None) {
                v.refuse("country_code", Invalid::required());
            }
            let scheme = tax_scheme(v, "scheme", m.scheme);
            let since = date(v, "since", m.since.as_ref());
            let until = date(v, "until", m.until.as_ref());
            Some(TaxRegistration { jurisdiction: jurisdiction??, scheme: scheme?, since: since?, until: until? })
        })?;
        let stored = self.app.create_tax_registration(mutation).await.map_err(status)?;
        Ok(Response::new(CreateTaxRegistrationResponse { tax_registration: Some(tax_registration(&stored)) }))
    }

    async fn end_tax_registration(
        &self,
        request: Request<EndTaxRegistrationRequest>,
    ) -> Result<Response<EndTaxRegistrationResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller_of(&caller, &m.id, Named::TaxRegistration).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let id = id(v, "id", &m.id);
            let until = date(v, "until", m.until.as_ref());
            if until == Some(None) {
                v.refuse("until", Invalid::required());
            }
            Some(EndTaxRegistration { id: id?, until: until?? })
        })?;
        let stored = self.app.end_tax_registration(mutation).await.map_err(status)?;
        Ok(Response::new(EndTaxRegistrationResponse { tax_registration: Some(tax_registration(&stored)) }))
    }

    async fn list_tax_registrations(
        &self,
        request: Request<ListTaxRegistrationsRequest>,
    ) -> Result<Response<ListTaxRegistrationsResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = seller.id.clone();
        let page = parse(|v| page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse()))?;
        let configured = seller.tax_registrations.iter().map(|it| configured_registration(&seller.id, it)).collect();
        let page = self.app.list_tax_registrations(ListQuery { seller, filter: (), page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |stored| stored.id.to_string());
        Ok(Response::new(ListTaxRegistrationsResponse {
            tax_registrations: page.items.iter().map(tax_registration).collect(),
            next_page_token,
            configured,
        }))
    }

    async fn check_tax_id(&self, request: Request<CheckTaxIdRequest>) -> Result<Response<CheckTaxIdResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let tax_id = v.check("tax_id", TaxId::parse(&m.tax_id));
            Some(CheckTaxId { tax_id: tax_id?, look_up: m.look_up })
        })?;
        let check = self.app.check_tax_id(mutation).await.map_err(status)?;
        Ok(Response::new(CheckTaxIdResponse { check: Some(tax_id_check(&check)) }))
    }

    async fn list_tax_id_checks(
        &self,
        request: Request<ListTaxIdChecksRequest>,
    ) -> Result<Response<ListTaxIdChecksResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), m.tax_id.clone());
        let (filter, page) = parse(|v| {
            let tax_id = optional(v, "tax_id", &m.tax_id, TaxId::parse);
            let page = page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse());
            tax_id.zip(page)
        })?;
        let page = self.app.list_tax_id_checks(&caller, ListQuery { seller, filter, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |check| check.id.to_string());
        Ok(Response::new(ListTaxIdChecksResponse {
            checks: page.items.iter().map(tax_id_check).collect(),
            next_page_token,
        }))
    }
}

/// Refuses what a request says of the buyer that a stored customer says of itself.
fn refuse_beside_customer(v: &mut Validator, m: &CalculateTaxRequest) {
    let status = CustomerTaxStatus::try_from(m.customer_tax_status);
    for (field, is_said) in [
        ("customer_tax_ids", !m.customer_tax_ids.is_empty()),
        ("customer_tax_status", status.is_ok_and(|status| status != CustomerTaxStatus::Unspecified)),
    ] {
        if is_said {
            let expected = "must be empty where customer_id is given: the stored customer's counts";
            v.refuse(field, Invalid::new("EXCLUSIVE", expected));
        }
    }
}

/// An amount in the currency of those before it.
fn in_one_currency(
    currency: &mut Option<Currency>,
    amount: domain::money::Money,
) -> Result<domain::money::Money, Invalid> {
    let first = *currency.get_or_insert(amount.currency());
    TaxRequest::check_currency(first, amount).map(|()| amount)
}
