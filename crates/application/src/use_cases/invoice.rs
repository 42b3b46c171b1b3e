//! Invoices.
//!
//! Names are resolved and tax is computed before the transaction, since a calculator may have to ask someone; the
//! transaction then holds the invoice to the version that was computed, and where it fixes the tax, also the customer and
//! the tax point.

use domain::discount::Discount;
use domain::event::{EventKind, EventSubject};
use domain::id::{CustomerId, InvoiceId, PriceId, ShippingRateId};
use domain::invoice::{Finalization, Invoice, InvoiceContent, InvoiceError, InvoiceState, PartySnapshot};
use domain::metadata::{Metadata, MetadataPatch};
use domain::money::{Currency, Quantity, UnitPrice};
use domain::page::{PageRequest, PageSize};
use domain::payment::{Payment, PaymentState};
use domain::payment_link::CloseReason;
use domain::ports::storage::{InvoiceFilter, PaymentFilter, UnitOfWork};
use domain::seller::Seller;
use domain::tax::{TaxBehavior, TaxCalculation, TaxExchangeRate, TaxRounding};
use domain::text::Description;
use domain::validation::Validator;
use serde::Serialize;
use time::{Date, Duration};

use super::catalog::in_metadata;
use super::reads;
use super::tax::TaxSpec;
use crate::app::App;
use crate::error::{Error, RETRY_AFTER, Reason};
use crate::mutation::{Mutation, Step, Update};
use crate::pricing::taxed_customer;

reads!("invoice", Invoice, InvoiceId, get_invoice, list_invoices(InvoiceFilter));

impl App {
    /// The invoice of a seller's that has a number.
    ///
    /// # Errors
    /// There is none, or the store fails.
    pub async fn get_invoice_by_number(&self, seller: &Seller, number: &str) -> Result<Invoice, Error> {
        let filter = InvoiceFilter { number: Some(number.to_owned()), ..InvoiceFilter::default() };
        let page = PageRequest { size: PageSize::DEFAULT, before: None };
        let found = self.0.storage.list_invoices(&seller.id, filter, page).await?.items.pop();
        found.ok_or_else(|| Error::not_found("invoice", number))
    }
}

/// What a caller says of a new invoice.
#[derive(Debug, Clone, Serialize)]
pub struct CreateInvoice {
    /// Who is invoiced.
    pub customer_id: Option<CustomerId>,
    /// Currency of every amount.
    pub currency: Currency,
    /// What is invoiced.
    pub lines: Vec<InvoiceLineSpec>,
    /// What is taken off of all lines, before tax.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
    /// How tax is rounded, where not as the seller does.
    pub tax_rounding: Option<TaxRounding>,
    /// A note on the whole.
    pub description: Option<Description>,
    /// The date that decides tax rates.
    pub tax_point: Option<Date>,
    /// When it is due.
    pub due_date: Option<Date>,
    /// By which rate the tax is told in the seller's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_exchange_rate: Option<TaxExchangeRate>,
    /// The caller's pairs.
    pub metadata: Metadata,
    /// Whether to finalize it at once.
    pub finalize: bool,
}

/// What a caller says of a line.
#[derive(Debug, Clone, Serialize)]
pub struct InvoiceLineSpec {
    /// What it is; the product's name where absent.
    pub description: Option<Description>,
    /// How many.
    pub quantity: Quantity,
    /// What one costs.
    pub price: LinePrice,
    /// How it is taxed.
    pub tax: TaxSpec,
    /// What is taken off of the line, before tax.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
}

/// What one piece of a line costs.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinePrice {
    /// As the stored price says.
    Stored(PriceId),
    /// As the stored shipping rate says.
    Shipping(ShippingRateId),
    /// As said here.
    Inline {
        /// The price of one.
        unit_price: UnitPrice,
        /// Whether it has the tax inside.
        tax_behavior: TaxBehavior,
    },
}

/// A change of a draft: absent fields stay as they are, `Some(None)` clears.
#[derive(Debug, Clone, Default, Serialize)]
pub struct InvoiceChanges {
    /// Who is invoiced.
    pub customer_id: Option<Option<CustomerId>>,
    /// All lines anew.
    pub lines: Option<Vec<InvoiceLineSpec>>,
    /// What is taken off of all lines, before tax.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Option<Discount>>,
    /// How tax is rounded; as the seller does where cleared.
    pub tax_rounding: Option<Option<TaxRounding>>,
    /// A note on the whole.
    pub description: Option<Option<Description>>,
    /// The date that decides tax rates.
    pub tax_point: Option<Option<Date>>,
    /// When it is due.
    pub due_date: Option<Option<Date>>,
    /// By which rate the tax is told in the seller's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_exchange_rate: Option<Option<TaxExchangeRate>>,
    /// Change of the metadata.
    pub metadata: MetadataPatch,
}

/// Content whose names are resolved and whose tax is computed.
#[derive(Clone)]
pub(crate) struct PricedContent {
    content: InvoiceContent,
    rounding: TaxRounding,
    tax: PricedTax,
}

impl PricedContent {
    /// The tax of the content.
    pub(crate) fn tax(&self) -> &PricedTax {
        &self.tax
    }
}

/// Tax that is computed, and what it rests on.
#[derive(Clone)]
pub(crate) struct PricedTax {
    calculation: TaxCalculation,
    /// The date whose rates it has.
    tax_point: Date,
    /// The version of the customer whom it taxes, if there is one.
    customer_version: Option<i64>,
}

/// What a calculator finds wrong with a customer, where a request names a stored one.
const CUSTOMER_FIELDS: [&str; 4] = ["customer.place.country", "customer.place", "customer.tax_ids", "customer.status"];

impl App {
    /// The operation of [`void_invoice`](Self::void_invoice).
    pub(crate) const VOID_INVOICE: &str = "VoidInvoice";

    /// Creates an invoice: a draft, or an open one where `finalize` says so.
    ///
    /// # Errors
    /// Every bad field at once; the request id was used otherwise; the tax calculator or the store can't be reached.
    pub async fn create_invoice(&self, mutation: Mutation<CreateInvoice>) -> Result<Invoice, Error> {
        self.once("CreateInvoice", mutation, |mutation| async move {
            let command = mutation.command.clone();
            let items = self.invoice_items(&mutation.seller, command.currency, &command.lines).await?;
            let content = InvoiceContent {
                customer_id: command.customer_id,
                currency: command.currency,
                items,
                discount: command.discount,
                tax_rounding: command.tax_rounding,
                description: command.description,
                tax_point: command.tax_point,
                due_date: command.due_date,
                tax_exchange_rate: command.tax_exchange_rate,
                metadata: command.metadata,
            };
            self.mutate_prepared(
                "CreateInvoice",
                mutation,
                move |app, m| {
                    let content = content.clone();
                    Box::pin(async move { app.price(&m.seller, content).await })
                },
                |app, uow, m, priced| {
                    Box::pin(async move {
                        let tax = priced.tax.clone();
                        let mut invoice = app.insert_draft(uow, &m.seller, priced).await?;
                        if m.command.finalize {
                            app.finalize(uow, &m.seller, &mut invoice, tax).await?;
                        }
                        Ok(Step::Done(invoice))
                    })
                },
            )
            .await
        })
        .await
    }

    /// Changes a draft.
    ///
    /// # Errors
    /// There is none, it is not a draft, its etag is another, or fields are invalid.
    pub async fn update_invoice(
        &self,
        mutation: Mutation<Update<InvoiceId, InvoiceChanges>>,
    ) -> Result<Invoice, Error> {
        self.once("UpdateInvoice", mutation, |mutation| async move {
            let update = mutation.command.clone();
            let invoice = self.get_invoice(&mutation.caller, update.id).await?;
            update.expect_etag(&invoice.etag())?;
            invoice.expect_draft().map_err(invoice_error)?;
            let seller = self.seller(&invoice.seller_id)?.clone();
            let mut content = invoice.content();
            let changes = update.changes;
            content.metadata = content.metadata.patched(&changes.metadata).map_err(in_metadata)?;
            if let Some(lines) = &changes.lines {
                content.items = self.invoice_items(&seller, content.currency, lines).await?;
            }
            content.discount = changes.discount.unwrap_or(content.discount);
            content.customer_id = changes.customer_id.unwrap_or(content.customer_id);
            content.tax_rounding = changes.tax_rounding.unwrap_or(content.tax_rounding);
            content.description = changes.description.unwrap_or(content.description);
            content.tax_point = changes.tax_point.unwrap_or(content.tax_point);
            content.due_date = changes.due_date.unwrap_or(content.due_date);
            content.tax_exchange_rate = changes.tax_exchange_rate.unwrap_or(content.tax_exchange_rate);
            let priced = self.price(&seller, content).await?;
            let version = invoice.version;
            self.mutate("UpdateInvoice", mutation, move |app, uow, m| {
                let priced = priced.clone();
                Box::pin(async move {
                    let mut invoice = lock(uow, m.command.id, version).await?;
                    let line_ids = priced.content.items.iter().map(|_| app.new_invoice_line_id()).collect();
                    invoice
                        .rewrite(line_ids, priced.content, (priced.rounding, priced.tax.calculation), app.now())
                        .map_err(invoice_error)?;
                    uow.update_invoice(&mut invoice).await?;
                    app.record(uow, EventKind::InvoiceUpdated, EventSubject::Invoice(Box::new(invoice.clone())))
                        .await?;
                    Ok(Step::Done(invoice))
                })
            })
            .await
        })
        .await
    }

    /// Finalizes a draft: it gets its number, the tax of its tax point, and can't be edited any more.
    ///
    /// # Errors
    /// There is none, it is not a draft, or its etag is another.
    pub async fn finalize_invoice(&self, mutation: Mutation<Update<InvoiceId, ()>>) -> Result<Invoice, Error> {
        self.once("FinalizeInvoice", mutation, |mutation| async move {
            let invoice = self.get_invoice(&mutation.caller, mutation.command.id).await?;
            mutation.command.expect_etag(&invoice.etag())?;
            invoice.expect_draft().map_err(invoice_error)?;
            let seller = self.seller(&invoice.seller_id)?.clone();
            let version = invoice.version;
            self.mutate_prepared(
                "FinalizeInvoice",
                mutation,
                move |app, _| {
                    let (seller, content) = (seller.clone(), invoice.content());
                    Box::pin(async move { Ok((app.price(&seller, content).await?.tax, seller)) })
                },
                move |app, uow, m, (tax, seller)| {
                    Box::pin(async move {
                        let mut invoice = lock(uow, m.command.id, version).await?;
                        app.finalize(uow, &seller, &mut invoice, tax).await?;
                        Ok(Step::Done(invoice))
                    })
                },
            )
            .await
        })
        .await
    }

    /// Withdraws an invoice on which nothing has been paid. What it can be paid by is closed at the provider first, and
    /// money that is held for it is let go: a customer may be faster, and then it is not withdrawn.
    ///
    /// # Errors
    /// There is none, it is paid, void, partly paid or partly credited, a payment of it is under way, its etag is another, or the provider
    /// can't be reached.
    pub async fn void_invoice(&self, mutation: Mutation<Update<InvoiceId, ()>>) -> Result<Invoice, Error> {
        self.mutate(Self::VOID_INVOICE, mutation, |app, uow, m| {
            Box::pin(async move {
                let mut invoice = app.lock_for_update(uow, m).await?;
                app.expect_voidable(uow, &invoice).await?;
                if let Some((provider, action)) = app.close_before_void(uow, &invoice).await? {
                    return app.call(uow, m, &provider, action).await;
                }
                invoice.void(app.now()).map_err(invoice_error)?;
                app.end_invoice(uow, &mut invoice, EventKind::InvoiceVoided).await?;
                Ok(Step::Done(invoice))
            })
        })
        .await
    }

    /// Fails if an invoice can't be withdrawn, as while money may still come in on it.
    async fn expect_voidable(&self, uow: &dyn UnitOfWork, invoice: &Invoice) -> Result<(), Error> {
        invoice.clone().void(self.now()).map_err(invoice_error)?;
        match self.payment_in(uow, invoice, PaymentState::PROCESSING).await? {
            None => Ok(()),
            Some(payment) => Err(Error::precondition(
                Reason::PaymentUnderWay,
                format!("the money of {} is on its way; void the invoice if that fails, or refund it", payment.id),
            )),
        }
    }

    /// Voids an invoice whose link or session was closed for that, or whose held money was let go, and answers it.
    ///
    /// # Errors
    /// The store fails. What speaks against it since is the inner error.
    pub(crate) async fn conclude_void(
        &self,
        uow: &mut dyn UnitOfWork,
        id: InvoiceId,
    ) -> Result<Result<Invoice, Error>, Error> {
        let found = uow.lock_invoice(id).await?;
        let mut invoice = found.ok_or_else(|| Error::internal("the invoice of an intent is gone"))?;
        // That of an ad-hoc payment ends with the payment's link.
        if matches!(invoice.state, InvoiceState::Void { .. }) {
            return Ok(Ok(invoice));
        }
        let is_free = match self.expect_voidable(uow, &invoice).await {
            Ok(()) => self.expect_no_other_page(uow, &invoice).await,
            refused => refused,
        };
        match is_free {
            Ok(()) => {}
            Err(refusal @ Error::FailedPrecondition { .. }) => return Ok(Err(refusal)),
            // The store's, such as a lost race: nothing is decided by it.
            Err(error) => return Err(error),
        }
        if let Some(payment) = self.payment_in(uow, &invoice, PaymentState::AUTHORIZED).await? {
            let message = format!("the money of {} is held; cancel or capture it", payment.id);
            return Ok(Err(Error::precondition(Reason::PaymentUnderWay, message)));
        }
        invoice.void(self.now()).map_err(invoice_error)?;
        self.end_invoice(uow, &mut invoice, EventKind::InvoiceVoided).await?;
        Ok(Ok(invoice))
    }

    /// A payment of an invoice that is in a state.
    pub(crate) async fn payment_in(
        &self,
        uow: &dyn UnitOfWork,
        invoice: &Invoice,
        state: &'static str,
    ) -> Result<Option<Payment>, Error> {
        let filter = PaymentFilter { invoice_id: Some(invoice.id), state: Some(state), ..PaymentFilter::default() };
        Ok(uow.list_payments(&invoice.seller_id, filter, PageRequest::NEWEST).await?.items.into_iter().next())
    }

    /// Gives an open invoice up, and closes its link or session at the provider.
    ///
    /// # Errors
    /// There is none, it is not open, or its etag is another.
    pub async fn mark_invoice_uncollectible(
        &self,
        mutation: Mutation<Update<InvoiceId, ()>>,
    ) -> Result<Invoice, Error> {
        self.mutate("MarkInvoiceUncollectible", mutation, |app, uow, m| {
            Box::pin(async move {
                let mut invoice = app.lock_for_update(uow, m).await?;
                invoice.mark_uncollectible(app.now()).map_err(invoice_error)?;
                app.end_invoice(uow, &mut invoice, EventKind::InvoiceMarkedUncollectible).await?;
                Ok(Step::Done(invoice))
            })
        })
        .await
    }

    /// Locks the invoice that is to be changed, and holds it to the version that the caller has read.
    pub(crate) async fn lock_for_update<C>(
        &self,
        uow: &mut dyn UnitOfWork,
        m: &Mutation<Update<InvoiceId, C>>,
    ) -> Result<Invoice, Error> {
        let invoice =
            uow.lock_invoice(m.command.id).await?.filter(|invoice| m.caller.sellers.contains(&invoice.seller_id));
        let invoice = invoice.ok_or_else(|| Error::not_found("invoice", m.command.id))?;
        m.command.expect_etag(&invoice.etag())?;
        Ok(invoice)
    }

    async fn end_invoice(&self, uow: &mut dyn UnitOfWork, invoice: &mut Invoice, kind: EventKind) -> Result<(), Error> {
        uow.update_invoice(invoice).await?;
        self.close_collectable_of(uow, invoice.id, CloseReason::InvoiceClosed).await?;
        self.record(uow, kind, EventSubject::Invoice(Box::new(invoice.clone()))).await
    }

    /// Checks content and computes its tax.
    pub(crate) async fn price(&self, seller: &Seller, content: InvoiceContent) -> Result<PricedContent, Error> {
        content.check(self.now().date(), seller.currency)?;
        let customer = self.customer_to_tax(seller, content.customer_id).await?;
        let customer_version = customer.as_ref().map(|customer| customer.version);
        let rounding = content.tax_rounding.unwrap_or(seller.tax_rounding);
        let tax_point = self.tax_point(content.tax_point, self.now());
        let lines = content.taxable_lines().map_err(Error::internal)?;
        let taxed = taxed_customer(customer.as_ref());
        let tax = self.calculate(seller, taxed, (tax_point, rounding), (content.currency, lines)).await;
        let tax = tax
            .map_err(|error| CUSTOMER_FIELDS.iter().fold(error, |error, field| error.renamed(field, "customer_id")))?;
        let mut validator = Validator::new();
        validator.check("lines", InvoiceContent::check_total(&tax));
        validator.check("tax_exchange_rate.rate", content.check_exchanged_tax(&tax));
        validator.finish(Some(()))?;
        let tax = PricedTax { calculation: tax, tax_point, customer_version };
        Ok(PricedContent { content, rounding, tax })
    }

    /// Stores a draft.
    pub(crate) async fn insert_draft(
        &self,
        uow: &mut dyn UnitOfWork,
        seller: &Seller,
        priced: PricedContent,
    ) -> Result<Invoice, Error> {
        let line_ids = priced.content.items.iter().map(|_| self.new_invoice_line_id()).collect();
        let ids = (self.new_invoice_id(), line_ids);
        let tax = (priced.rounding, priced.tax.calculation);
        let mut invoice =
            Invoice::draft(ids, seller.id.clone(), priced.content, tax, self.now()).map_err(Error::internal)?;
        uow.insert_invoice(&mut invoice).await?;
        self.record(uow, EventKind::InvoiceCreated, EventSubject::Invoice(Box::new(invoice.clone()))).await?;
        Ok(invoice)
    }

    /// Gives a draft its number and opens it, with the tax of the very customer and tax point that it tells. Where those are
    /// others than when the tax was computed, it is contended.
    pub(crate) async fn finalize(
        &self,
        uow: &mut dyn UnitOfWork,
        seller: &Seller,
        invoice: &mut Invoice,
        tax: PricedTax,
    ) -> Result<(), Error> {
        let now = self.now();
        let tax_point = self.tax_point(invoice.tax_point, now);
        let customer = self.customer_of_invoice(uow, invoice).await?;
        if (tax_point, customer.as_ref().map(|customer| customer.version)) != (tax.tax_point, tax.customer_version) {
            return Err(Error::Aborted {
                reason: Reason::ConcurrentChange,
                message: "the customer or the tax point changed while the tax was computed; retry".to_owned(),
                retry_after: Some(RETRY_AFTER),
            });
        }
        let buyer = customer.map(|customer| PartySnapshot {
            name: customer.profile.name.clone(),
            address: customer.profile.address.clone(),
            email: customer.profile.email.clone(),
            tax_ids: customer.profile.tax_ids.clone(),
        });
        let series = seller.invoice_numbers.series(now.date());
        let sequence = uow.next_number(&seller.id, &series).await?;
        let finalization = Finalization {
            number: seller.invoice_numbers.number(now.date(), sequence),
            series,
            sequence,
            finalized_at: now,
            tax_point,
            due_date: invoice.due_date.unwrap_or_else(|| due_date(now.date(), seller.payment_terms_days)),
            seller: PartySnapshot {
                name: Some(seller.name.clone()),
                address: Some(seller.address.clone()),
                email: seller.email.clone(),
                tax_ids: seller.tax_ids.clone(),
            },
            letterhead: seller.letterhead.clone(),
            buyer,
        };
        invoice.finalize(finalization, tax.calculation).map_err(invoice_error)?;
        uow.update_invoice(invoice).await?;
        self.record(uow, EventKind::InvoiceFinalized, EventSubject::Invoice(Box::new(invoice.clone()))).await?;
        if matches!(invoice.state, InvoiceState::Paid { .. }) {
            self.record(uow, EventKind::InvoicePaid, EventSubject::Invoice(Box::new(invoice.clone()))).await?;
        }
        Ok(())
    }
}

/// Locks an invoice, and holds it to the version that was computed.
async fn lock(uow: &mut dyn UnitOfWork, id: InvoiceId, version: i64) -> Result<Invoice, Error> {
    let invoice = uow.lock_invoice(id).await?.ok_or_else(|| Error::not_found("invoice", id))?;
    if invoice.version != version {
        return Err(Error::Aborted {
            // Not a race that the same figures could win: they must be reckoned anew.
            reason: Reason::EtagMismatch,
            message: "another request changed the same invoice; read it again".to_owned(),
            retry_after: None,
        });
    }
    Ok(invoice)
}

fn due_date(issued: Date, terms_days: u16) -> Date {
    issued.checked_add(Duration::days(terms_days.into())).unwrap_or(Date::MAX)
}

/// What a transition that an invoice's state does not allow means to a caller.
pub(crate) fn invoice_error(error: InvoiceError) -> Error {
    match error {
        InvoiceError::NotDraft { .. } | InvoiceError::NotOpen { .. } => {
            Error::precondition(Reason::InvoiceState, error)
        }
        InvoiceError::PartlyPaid => Error::precondition(Reason::InvoicePartlyPaid, error),
        InvoiceError::Credited => Error::precondition(Reason::InvoiceCredited, error),
        InvoiceError::ForeignCalculation | InvoiceError::Money(_) => Error::internal(error),
    }
}

#[cfg(test)]
mod tests;
