//! `CustomerService`.

use api_proto::v1::customer_service_server::CustomerService;
use api_proto::v1::*;
use application::{ListQuery, Named, Update};
use domain::customer::{CustomerChanges, CustomerProfile};
use domain::text::PartyName;
use tonic::{Request, Response, Status};

use super::{Services, caller, parse};
use crate::convert::input::{Mask, address, email, id, locale, metadata, optional, tax_ids};
use crate::convert::output;
use crate::convert::tax::customer_tax_status;
use crate::page_token::{next_page_token, page_request};
use crate::status::status;

#[tonic::async_trait]
impl CustomerService for Services {
    async fn create_customer(
        &self,
        request: Request<CreateCustomerRequest>,
    ) -> Result<Response<CreateCustomerResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let name = optional(v, "name", &m.name, PartyName::parse);
            let email = email(v, "email", &m.email);
            let address = address(v, "address", m.address.as_ref());
            let tax_ids = tax_ids(v, "tax_ids", &m.tax_ids);
            let tax_status = customer_tax_status(v, "tax_status", m.tax_status);
            let locale = locale(v, "locale", &m.locale);
            let metadata = metadata(v, &m.metadata);
            Some(CustomerProfile {
                name: name?,
                email: email?,
                address: address?,
                tax_ids: tax_ids?,
                tax_status: tax_status?,
                locale: locale?,
                metadata: metadata?,
            })
        })?;
        let customer = self.app.create_customer(mutation).await.map_err(status)?;
        Ok(Response::new(CreateCustomerResponse { customer: Some(output::customer(&customer)) }))
    }

    async fn get_customer(
        &self,
        request: Request<GetCustomerRequest>,
    ) -> Result<Response<GetCustomerResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let customer = self.app.get_customer(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetCustomerResponse { customer: Some(output::customer(&customer)) }))
    }

    async fn update_customer(
        &self,
        request: Request<UpdateCustomerRequest>,
    ) -> Result<Response<UpdateCustomerResponse>, Status> {
        let (caller, m) = caller(request)?;
        let new = m.customer.unwrap_or_default();
        let seller = self.seller_of(&caller, &new.id, Named::Customer).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let id = id(v, "customer.id", &new.id);
            let known = ["name", "email", "address", "tax_ids", "tax_status", "locale", "metadata"];
            let mask = Mask::parse(v, m.update_mask.as_ref(), &known);
            let name = mask.pick("name", || optional(v, "customer.name", &new.name, PartyName::parse));
            let email = mask.pick("email", || email(v, "customer.email", &new.email));
            let address = mask.pick("address", || address(v, "customer.address", new.address.as_ref()));
            let tax_ids = mask.pick("tax_ids", || tax_ids(v, "customer.tax_ids", &new.tax_ids));
            let tax_status = mask.pick("tax_status", || customer_tax_status(v, "customer.tax_status", new.tax_status));
            let locale = mask.pick("locale", || locale(v, "customer.locale", &new.locale));
            let metadata = mask.metadata(v, "customer", &new.metadata);
            let changes = CustomerChanges {
                name: name?,
                email: email?,
                address: address?,
                tax_ids: tax_ids?,
                tax_status: tax_status?,
                locale: locale?,
                metadata: metadata?,
            };
            Some(Update { id: id?, etag: Some(new.etag.clone()).filter(|etag| !etag.is_empty()), changes })
        })?;
        let customer = self.app.update_customer(mutation).await.map_err(|error| status(error.within("customer")))?;
        Ok(Response::new(UpdateCustomerResponse { customer: Some(output::customer(&customer)) }))
    }

    async fn list_customers(
        &self,
        request: Request<ListCustomersRequest>,
    ) -> Result<Response<ListCustomersResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = seller.id.clone();
        let page = parse(|v| page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse()))?;
        let page = self.app.list_customers(&caller, ListQuery { seller, filter: (), page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |customer| customer.id.to_string());
        Ok(Response::new(ListCustomersResponse {
            customers: page.items.iter().map(output::customer).collect(),
            next_page_token,
        }))
    }

    async fn list_payment_methods(
        &self,
        request: Request<ListPaymentMethodsRequest>,
    ) -> Result<Response<ListPaymentMethodsResponse>, Status> {
        let (caller, m) = caller(request)?;
        let (customer, page) = parse(|v| {
            let customer = id(v, "customer_id", &m.customer_id);
            customer.zip(page_request(v, (m.page_size, &m.page_token), &m.customer_id, |text| text.parse()))
        })?;
        let page = self.app.list_payment_methods(&caller, customer, page).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &m.customer_id, |method| method.id.to_string());
        let payment_methods = page.items.iter().map(output::payment_method).collect();
        Ok(Response::new(ListPaymentMethodsResponse { payment_methods, next_page_token }))
    }

    async fn detach_payment_method(
        &self,
        request: Request<DetachPaymentMethodRequest>,
    ) -> Result<Response<DetachPaymentMethodResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller_of(&caller, &m.id, Named::PaymentMethod).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| id(v, "id", &m.id))?;
        let method = self.app.detach_payment_method(mutation).await.map_err(status)?;
        Ok(Response::new(DetachPaymentMethodResponse { payment_method: Some(output::payment_method(&method)) }))
    }
}
