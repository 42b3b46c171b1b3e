//! Customers and their stored payment methods.

use domain::access::Caller;
use domain::customer::{Customer, CustomerChanges, CustomerProfile};
use domain::event::{EventKind, EventSubject};
use domain::id::{CustomerId, PaymentMethodId};
use domain::page::{Page, PageRequest};
use domain::payment_method::PaymentMethod;
use domain::provider::ProviderAction;

use super::catalog::in_metadata;
use crate::app::App;
use crate::error::Error;
use crate::mutation::{ListQuery, Mutation, Step, Update};

impl App {
    /// A customer of the caller's sellers.
    ///
    /// # Errors
    /// There is none among them, or the store fails.
    pub async fn get_customer(&self, caller: &Caller, id: CustomerId) -> Result<Customer, Error> {
        let found = self.0.storage.get_customer(&caller.sellers, id).await?;
        found.ok_or_else(|| Error::not_found("customer", id))
    }

    /// A page of a seller's customers, newest first; may be empty.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list_customers(
        &self,
        _caller: &Caller,
        query: ListQuery<(), CustomerId>,
    ) -> Result<Page<Customer>, Error> {
        Ok(self.0.storage.list_customers(&query.seller.id, query.page).await?)
    }

    /// A page of a customer's stored payment methods, newest first, without detached ones.
    ///
    /// # Errors
    /// There is no such customer among the caller's sellers', or the store fails.
    pub async fn list_payment_methods(
        &self,
        caller: &Caller,
        customer: CustomerId,
        page: PageRequest<PaymentMethodId>,
    ) -> Result<Page<PaymentMethod>, Error> {
        self.get_customer(caller, customer).await?;
        Ok(self.0.storage.list_payment_methods(customer, page).await?)
    }

    /// Creates a customer.
    ///
    /// # Errors
    /// The request id was used otherwise, or the store fails.
    pub async fn create_customer(&self, mutation: Mutation<CustomerProfile>) -> Result<Customer, Error> {
        self.mutate("CreateCustomer", mutation, |app, uow, m| {
            Box::pin(async move {
                let mut customer =
                    Customer::new(app.new_customer_id(), m.seller.id.clone(), m.command.clone(), app.now());
                uow.insert_customer(&mut customer).await?;
                app.record(uow, EventKind::CustomerCreated, EventSubject::Customer(Box::new(customer.clone()))).await?;
                Ok(Step::Done(customer))
            })
        })
        .await
    }

    /// Changes a customer.
    ///
    /// # Errors
    /// There is none, its etag is another, or the change is invalid.
    pub async fn update_customer(
        &self,
        mutation: Mutation<Update<CustomerId, CustomerChanges>>,
    ) -> Result<Customer, Error> {
        self.mutate("UpdateCustomer", mutation, |app, uow, m| {
            Box::pin(async move {
                let update = &m.command;
                let found = uow.get_customer(&m.caller.sellers, update.id).await?;
                let mut customer = found.ok_or_else(|| Error::not_found("customer", update.id))?;
                update.expect_etag(&customer.etag())?;
                customer.change(update.changes.clone(), app.now()).map_err(in_metadata)?;
                uow.update_customer(&mut customer).await?;
                app.record(uow, EventKind::CustomerUpdated, EventSubject::Customer(Box::new(customer.clone()))).await?;
                Ok(Step::Done(customer))
            })
        })
        .await
    }

    /// Detaches a stored payment method: the provider forgets it. One that is detached already is answered as it is.
    ///
    /// # Errors
    /// There is none, or the provider can't be reached.
    pub async fn detach_payment_method(&self, mutation: Mutation<PaymentMethodId>) -> Result<PaymentMethod, Error> {
        self.mutate("DetachPaymentMethod", mutation, |app, uow, m| {
            Box::pin(async move {
                let found = uow.get_payment_method(&m.caller.sellers, m.command).await?;
                let method = found.ok_or_else(|| Error::not_found("payment method", m.command))?;
                if method.detached_at.is_some() {
                    return Ok(Step::Done(method));
                }
                let action = ProviderAction::DetachPaymentMethod { payment_method_id: method.id };
                app.call(uow, m, &method.provider, action).await
            })
        })
        .await
    }
}
