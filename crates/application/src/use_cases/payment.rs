//! Payments: an ad-hoc hosted link for an amount, with its tax and its invoice.

use domain::id::{CustomerId, PaymentId};
use domain::invoice::{InvoiceContent, InvoiceItem};
use domain::metadata::Metadata;
use domain::money::{Money, Quantity, UnitPrice};
use domain::payment::{CaptureRefused, NewPayment, Payment, PaymentKind};
use domain::payment_link::{AfterCompletion, CloseReason, LinkOptions, LinkTarget, NewPaymentLink};
use domain::ports::storage::{Collectable, PaymentFilter, Sellers, UnitOfWork};
use domain::provider::{Feature, HeldPayment, ProviderAction, ProviderName};
use domain::tax::TaxBehavior;
use domain::text::{Description, DisplayName};
use domain::timestamp::Timestamp;
use domain::validation::Validator;
use rust_decimal::Decimal;
use serde::Serialize;

use super::payment_link::check_abilities;
use super::reads;
use super::tax::TaxSpec;
use crate::app::App;
use crate::error::{Error, Reason};
use crate::invoice_text::tax_description;
use crate::mutation::Mutation;

reads!("payment", Payment, PaymentId, get_payment, list_payments(PaymentFilter));

/// What a caller says of an ad-hoc payment.
#[derive(Debug, Clone, Serialize)]
pub struct CreatePayment {
    /// What is asked for; with or without tax as `tax_behavior` says.
    pub amount: Money,
    /// Whether `amount` has the tax inside.
    pub tax_behavior: TaxBehavior,
    /// How it is taxed.
    pub tax: TaxSpec,
    /// What it is for: the line of the invoice, and what the page says.
    pub description: Description,
    /// Who pays: the payment method is stored for this customer once paid.
    pub customer_id: Option<CustomerId>,
    /// The caller's pairs.
    pub metadata: Metadata,
    /// When it can't be paid any more; a week ahead where absent.
    pub expires_at: Option<Timestamp>,
    /// What follows the payment.
    pub after_completion: AfterCompletion,
}

/// What a caller says of a capture.
#[derive(Debug, Clone, Serialize)]
pub struct CapturePayment {
    /// The payment, whose money must be held.
    pub id: PaymentId,
    /// How much is captured; all that is held where absent.
    pub amount: Option<Money>,
}

/// How long an ad-hoc payment can be paid where its caller says nothing.
const PAYMENT_LIFETIME: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 60 * 60);

impl App {
    /// The operation of [`cancel_payment`](Self::cancel_payment).
    pub(crate) const CANCEL_PAYMENT: &str = "CancelPayment";

    /// Asks for an ad-hoc payment: computes its tax, makes an open invoice for it, and hosts a link that closes after one
    /// payment and stores the payment method of its customer.
    ///
    /// The invoice gets its number now, since the customer pays that very invoice; it is voided if the payment is
    /// canceled or expires.
    ///
    /// # Errors
    /// Every bad field at once; the provider refuses it or can't be reached; the request id was used otherwise.
    pub async fn create_payment(&self, mutation: Mutation<CreatePayment>) -> Result<Payment, Error> {
        self.once("CreatePayment", mutation, |mutation| async move {
            let command = mutation.command.clone();
            let mut v = Validator::new();
            let now = self.now();
            let provider = self.provider(&mutation.seller.provider)?;
            let lifetime =
                provider.capabilities().link_lifetime_max.map_or(PAYMENT_LIFETIME, |max| max.min(PAYMENT_LIFETIME));
            let expires_at = command.expires_at.or_else(|| Some(now.plus(lifetime)));
            let expires_at = v.check("expire_time", provider.capabilities().link_expiry(expires_at, now)).flatten();
            let content = self.payment_content(v, &mutation, &command).await?;
            let options = LinkOptions {
                after_completion: command.after_completion.clone(),
                expires_at,
                metadata: command.metadata.clone(),
                ..LinkOptions::default()
            };
            check_abilities(provider.as_ref(), options.needs())?;
            let (livemode, stores) = {
                let capabilities = provider.capabilities();
                (
                    capabilities.livemode,
                    command.customer_id.is_some() && capabilities.has(Feature::StoredPaymentMethods),
                )
            };
            self.mutate_prepared(
                "CreatePayment",
                mutation,
                move |app, m| {
                    let content = content.clone();
                    Box::pin(async move { app.price(&m.seller, content).await.map_err(of_payment) })
                },
                move |app, uow, m, priced| {
                    let options = options.clone();
                    Box::pin(async move {
                        let tax = priced.tax().clone();
                        let mut invoice = app.insert_draft(uow, &m.seller, priced).await?;
                        app.finalize(uow, &m.seller, &mut invoice, tax).await?;
                        let link_id = app.new_payment_link_id();
                        app.reserve_collectable(uow, &m.seller.id, invoice.id, Collectable::PaymentLink(link_id))
                            .await?;
                        let command = &m.command;
                        let new = NewPayment {
                            id: app.new_payment_id(),
                            seller_id: m.seller.id.clone(),
                            kind: PaymentKind::AdHoc,
                            provider: m.seller.provider.clone(),
                            invoice_id: Some(invoice.id),
                            payment_link_id: Some(link_id),
                            checkout_session_id: None,
                            customer_id: command.customer_id,
                            subtotal: invoice.tax.net,
                            tax: invoice.tax.tax,
                            total: invoice.total(),
                            description: Some(command.description.clone()),
                            metadata: command.metadata.clone(),
                            expires_at: options.expires_at,
                            livemode,
                        };
                        let mut payment = Payment::pending(new, app.now());
                        let title: String = command.description.as_str().chars().take(DisplayName::CHARS_MAX).collect();
                        let link = NewPaymentLink {
                            id: link_id,
                            seller_id: m.seller.id.clone(),
                            target: LinkTarget::Invoice {
                                invoice_id: invoice.id,
                                amount: invoice.total(),
                                title: DisplayName::parse(&title).map_err(Error::internal)?,
                                description: tax_description(&invoice, invoice.total()),
                            },
                            options,
                            payment_id: Some(payment.id),
                            stores_payment_method: stores,
                            provider: m.seller.provider.clone(),
                            livemode,
                        };
                        // The link's row comes first, since the payment's refers to it.
                        let step = app.begin_link(uow, m, link).await?;
                        uow.insert_payment(&mut payment).await?;
                        Ok(step)
                    })
                },
            )
            .await
        })
        .await
    }

    /// Withdraws a pending ad-hoc payment: its link is closed and its invoice voided. Of an authorized payment the money that
    /// is held is let go; its invoice stays open.
    ///
    /// # Errors
    /// There is none, it is neither pending nor authorized, or the provider can't be reached.
    pub async fn cancel_payment(&self, mutation: Mutation<PaymentId>) -> Result<Payment, Error> {
        self.mutate(Self::CANCEL_PAYMENT, mutation, |app, uow, m| {
            Box::pin(async move {
                let found = uow.get_payment(&m.caller.sellers, m.command).await?;
                let payment = found.ok_or_else(|| Error::not_found("payment", m.command))?;
                if payment.authorization().is_some() {
                    let (provider, payment) = app.held_payment(uow, m, payment.id).await?;
                    return app.call(uow, m, &provider, ProviderAction::CancelPayment { payment }).await;
                }
                payment.expect_pending().map_err(|error| Error::precondition(Reason::PaymentState, error))?;
                if let Some(invoice_id) = payment.invoice_id {
                    uow.lock_invoice(invoice_id).await?;
                }
                let link = match payment.payment_link_id {
                    Some(id) => uow.lock_payment_link(id).await?,
                    None => None,
                };
                let mut link = link.ok_or_else(|| Error::internal("an ad-hoc payment has a link"))?;
                if !app.begin_closing(uow, &mut link).await? {
                    return Err(Error::precondition(Reason::PaymentState, "the payment's page is closed already"));
                }
                let reason = CloseReason::Requested;
                app.call(
                    uow,
                    m,
                    &link.provider,
                    ProviderAction::DeactivatePaymentLink { payment_link_id: link.id, reason },
                )
                .await
            })
        })
        .await
    }

    /// Captures what an authorized payment holds, all of it or a part; the rest is let go.
    ///
    /// # Errors
    /// There is none, it is not authorized, less is held than what is asked for, someone captured or canceled it at the
    /// provider meanwhile, or the provider refuses it or can't be reached.
    pub async fn capture_payment(&self, mutation: Mutation<CapturePayment>) -> Result<Payment, Error> {
        self.mutate("CapturePayment", mutation, |app, uow, m| {
            Box::pin(async move {
                let found = uow.get_payment(&m.caller.sellers, m.command.id).await?;
                let payment = found.ok_or_else(|| Error::not_found("payment", m.command.id))?;
                let amount = payment.expect_capturable(m.command.amount).map_err(capture_refused)?;
                let (provider, payment) = app.held_payment(uow, m, payment.id).await?;
                app.call(uow, m, &provider, ProviderAction::CapturePayment { payment, amount }).await
            })
        })
        .await
    }

    /// Locks an authorized payment, and tells by which names its provider knows it.
    async fn held_payment<C>(
        &self,
        uow: &mut dyn UnitOfWork,
        m: &Mutation<C>,
        id: PaymentId,
    ) -> Result<(ProviderName, HeldPayment), Error> {
        let payment = uow.lock_payment(id).await?.filter(|payment| m.caller.sellers.contains(&payment.seller_id));
        let payment = payment.ok_or_else(|| Error::not_found("payment", id))?;
        // It may have moved since it was read without a lock.
        payment.expect_capturable(None).map_err(capture_refused)?;
        if !self.provider(&payment.provider)?.capabilities().has(Feature::ManualCapture) {
            return Err(Error::unsupported("id", Feature::ManualCapture.name()));
        }
        Ok((payment.provider.clone(), self.held_at_provider(uow, &payment).await?))
    }

    async fn payment_content(
        &self,
        mut validator: Validator,
        m: &Mutation<CreatePayment>,
        command: &CreatePayment,
    ) -> Result<InvoiceContent, Error> {
        let sellers = Sellers::from([m.seller.id.clone()]);
        let tax_treatment = self.tax_treatment(&mut validator, "tax", &sellers, &command.tax).await?;
        let currency = command.amount.currency();
        let unit_price = validator.check("amount", UnitPrice::parse(Decimal::from(command.amount.minor()), currency));
        let item = tax_treatment.zip(unit_price).map(|(tax_treatment, unit_price)| InvoiceItem {
            description: command.description.clone(),
            quantity: Quantity::ONE,
            unit_price,
            tax_behavior: command.tax_behavior,
            tax_treatment,
            price_id: None,
            shipping_rate_id: None,
            discount: None,
        });
        let item = validator.finish(item)?;
        Ok(InvoiceContent {
            customer_id: command.customer_id,
            metadata: command.metadata.clone(),
            ..InvoiceContent::new(currency, vec![item])
        })
    }
}

/// What is wrong with the invoice of a payment, whose one line is the amount that was asked for, by the payment's fields.
fn of_payment(error: Error) -> Error {
    match error {
        Error::Invalid(violations) => Error::Invalid(
            violations.renamed("lines[0].tax", "tax").renamed("lines[0]", "amount").renamed("lines", "amount"),
        ),
        other => other,
    }
}

fn capture_refused(refused: CaptureRefused) -> Error {
    match refused {
        CaptureRefused::NotAuthorized { .. } => Error::precondition(Reason::PaymentState, refused),
        CaptureRefused::WrongCurrency { .. } => {
            Error::field("amount.currency_code", "CURRENCY_MISMATCH", refused.to_string())
        }
        CaptureRefused::TooMuch { .. } => {
            Error::field("amount.minor_units", "ABOVE_AMOUNT_CAPTURABLE", refused.to_string())
        }
    }
}
