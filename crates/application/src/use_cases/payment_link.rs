//! Payment links.

use domain::id::{InvoiceId, PaymentLinkId, PriceId};
use domain::invoice::Invoice;
use domain::money::{Money, Quantity, UnitPrice};
use domain::payment_link::{
    AfterCompletion, CloseReason, LineItem, LineItems, LinkChanges, LinkError, LinkOptions, LinkState, LinkTarget,
    NewPaymentLink, PaymentLink, parse_link_expiry,
};
use domain::ports::provider::PaymentProvider;
use domain::ports::storage::{Collectable, LinkFilter, Sellers, UnitOfWork};
use domain::provider::{Feature, ProviderAction};
use domain::seller::Seller;
use domain::text::{Description, DisplayName};
use domain::validation::Validator;
use serde::Serialize;

use super::invoice::invoice_error;
use super::reads;
use crate::app::App;
use crate::error::{Error, Reason};
use crate::mutation::{Mutation, Step, Update};

reads!("payment link", PaymentLink, PaymentLinkId, get_payment_link, list_payment_links(LinkFilter));

/// What a caller says of a new link.
#[derive(Debug, Clone, Serialize)]
pub struct CreatePaymentLink {
    /// What is paid through it.
    pub target: LinkTargetSpec,
    /// What it can do besides.
    pub options: LinkOptions,
}

/// What is to be paid through a link.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkTargetSpec {
    /// An open invoice.
    Invoice {
        /// The invoice.
        invoice_id: InvoiceId,
        /// A part of what is due; all of it where absent.
        amount: Option<Money>,
    },
    /// A list of items.
    Items(Vec<LineItemSpec>),
}

/// What a caller says of an item.
#[derive(Debug, Clone, Serialize)]
pub struct LineItemSpec {
    /// What one costs.
    pub price: ItemPrice,
    /// How many.
    pub quantity: Quantity,
}

/// What one piece of an item costs.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemPrice {
    /// As the stored price says.
    Stored(PriceId),
    /// As said here.
    Inline {
        /// What the page calls it.
        name: DisplayName,
        /// What the page says of it.
        description: Option<Description>,
        /// The price of one.
        unit_price: UnitPrice,
    },
}

impl App {
    /// Creates a payment link at the seller's provider.
    ///
    /// # Errors
    /// Every bad field at once; the invoice is unknown, not open, or can be paid by something else already; the provider
    /// refuses it or can't be reached; the request id was used otherwise.
    pub async fn create_payment_link(&self, mutation: Mutation<CreatePaymentLink>) -> Result<PaymentLink, Error> {
        if let Some(answer) = self.replay("CreatePaymentLink", &mutation).await? {
            return Ok(answer);
        }
        let provider = self.provider(&mutation.seller.provider)?;
        check_options(provider.as_ref(), &mutation.command.options)?;
        if let Some(expires_at) = mutation.command.options.expires_at {
            parse_link_expiry(expires_at, self.now()).map_err(|i| Error::field("expire_time", i.rule, i.expected))?;
        }
        let items = match &mutation.command.target {
            LinkTargetSpec::Items(specs) => Some(self.line_items(&mutation.seller, specs).await?),
            LinkTargetSpec::Invoice { .. } => None,
        };
        self.mutate("CreatePaymentLink", mutation, move |app, uow, m| {
            let items = items.clone();
            Box::pin(async move {
                let id = app.new_payment_link_id();
                let target = match (&m.command.target, items) {
                    (LinkTargetSpec::Invoice { invoice_id, amount }, _) => {
                        let (invoice, amount) = app.collect(uow, m, *invoice_id, *amount).await?;
                        app.reserve_collectable(uow, &m.seller.id, *invoice_id, Collectable::PaymentLink(id)).await?;
                        LinkTarget::Invoice { invoice_id: *invoice_id, amount, title: invoice_title(&invoice)? }
                    }
                    (LinkTargetSpec::Items(_), Some(items)) => LinkTarget::Items { items },
                    (LinkTargetSpec::Items(_), None) => return Err(Error::internal("items were not resolved")),
                };
                let provider = app.provider(&m.seller.provider)?;
                let new = NewPaymentLink {
                    id,
                    seller_id: m.seller.id.clone(),
                    target,
                    options: m.command.options.clone(),
                    payment_id: None,
                    stores_payment_method: false,
                    provider: m.seller.provider.clone(),
                    livemode: provider.capabilities().livemode,
                };
                app.begin_link(uow, m, new).await
            })
        })
        .await
    }

    /// Stores a link that is intended, and intends to have it made.
    pub(crate) async fn begin_link<C, T>(
        &self,
        uow: &mut dyn UnitOfWork,
        mutation: &Mutation<C>,
        new: NewPaymentLink,
    ) -> Result<Step<T>, Error> {
        let mut link = PaymentLink::creating(new, self.now());
        uow.insert_payment_link(&mut link).await?;
        self.call(uow, mutation, &link.provider, ProviderAction::CreatePaymentLink { payment_link_id: link.id }).await
    }

    /// Changes a link.
    ///
    /// # Errors
    /// There is none, its etag is another, its state or the provider does not allow it, or fields are invalid.
    pub async fn update_payment_link(
        &self,
        mutation: Mutation<Update<PaymentLinkId, LinkChanges>>,
    ) -> Result<PaymentLink, Error> {
        self.mutate("UpdatePaymentLink", mutation, |app, uow, m| {
            Box::pin(async move {
                let update = &m.command;
                let link = app.lock_link(uow, m, update.id).await?;
                update.expect_etag(&link.etag())?;
                if let Some(Some(expires_at)) = update.changes.expires_at {
                    parse_link_expiry(expires_at, app.now())
                        .map_err(|i| Error::field("expire_time", i.rule, i.expected))?;
                }
                let changed = link.changed(&update.changes, app.now()).map_err(link_error)?;
                let provider = app.provider(&link.provider)?;
                check_options(provider.as_ref(), &changed.options)?;
                if !update.changes.quantities.is_empty() && !provider.capabilities().has(Feature::LinkQuantityUpdate) {
                    return Err(Error::unsupported("line_items", Feature::LinkQuantityUpdate.name()));
                }
                let changes = Box::new(update.changes.clone());
                app.call(
                    uow,
                    m,
                    &link.provider,
                    ProviderAction::UpdatePaymentLink { payment_link_id: link.id, changes },
                )
                .await
            })
        })
        .await
    }

    /// Opens a closed link again.
    ///
    /// # Errors
    /// There is none, it is not closed or closed for good, its invoice is not open or can be paid by something else, or
    /// the provider can't.
    pub async fn activate_payment_link(&self, mutation: Mutation<PaymentLinkId>) -> Result<PaymentLink, Error> {
        self.mutate("ActivatePaymentLink", mutation, |app, uow, m| {
            Box::pin(async move {
                let invoice_id = uow.load_payment_link(m.command).await?.and_then(|link| link.invoice_id());
                let invoice = match invoice_id {
                    Some(id) => uow.lock_invoice(id).await?,
                    None => None,
                };
                let link = app.lock_link(uow, m, m.command).await?;
                if matches!(link.state, LinkState::Active) {
                    return Ok(Step::Done(link));
                }
                link.expect_reopenable(app.now()).map_err(link_error)?;
                if link.payment_id.is_some() {
                    return Err(Error::precondition(
                        Reason::PaymentLinkState,
                        "the page of an ad-hoc payment can't be opened again",
                    ));
                }
                let provider = app.provider(&link.provider)?;
                if !provider.capabilities().has(Feature::LinkReactivation) {
                    return Err(Error::unsupported("id", Feature::LinkReactivation.name()));
                }
                if let (Some(invoice), LinkTarget::Invoice { amount, .. }) = (&invoice, &link.target) {
                    invoice.expect_open().map_err(invoice_error)?;
                    if amount.minor() > invoice.amount_due().minor() {
                        return Err(Error::precondition(
                            Reason::InvoiceState,
                            "less is due on the invoice than the link asks for",
                        ));
                    }
                    app.reserve_collectable(uow, &link.seller_id, invoice.id, Collectable::PaymentLink(link.id))
                        .await?;
                }
                app.call(uow, m, &link.provider, ProviderAction::ActivatePaymentLink { payment_link_id: link.id }).await
            })
        })
        .await
    }

    /// Closes a link: it can't be paid any more, and its open sessions are closed. One that is closed is answered as it is.
    ///
    /// # Errors
    /// There is none, it is not made yet, or the provider can't be reached.
    pub async fn deactivate_payment_link(&self, mutation: Mutation<PaymentLinkId>) -> Result<PaymentLink, Error> {
        self.mutate("DeactivatePaymentLink", mutation, |app, uow, m| {
            Box::pin(async move {
                let mut link = app.lock_link(uow, m, m.command).await?;
                if !app.begin_closing(uow, &mut link).await? {
                    return Ok(Step::Done(link));
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

    /// Notes that a caller wants a link closed; `false` if there is nothing to do.
    pub(crate) async fn begin_closing(&self, uow: &mut dyn UnitOfWork, link: &mut PaymentLink) -> Result<bool, Error> {
        let is_news = link.begin_closing(CloseReason::Requested, self.now()).map_err(link_error)?;
        if is_news {
            uow.update_payment_link(link).await?;
        }
        Ok(is_news || matches!(link.state, LinkState::Closing { .. }))
    }

    async fn lock_link<C>(
        &self,
        uow: &mut dyn UnitOfWork,
        m: &Mutation<C>,
        id: PaymentLinkId,
    ) -> Result<PaymentLink, Error> {
        let link = uow.lock_payment_link(id).await?.filter(|link| m.caller.sellers.contains(&link.seller_id));
        link.ok_or_else(|| Error::not_found("payment link", id))
    }

    /// Locks an open invoice of the request's seller, and the amount to ask for on it.
    pub(crate) async fn collect<C>(
        &self,
        uow: &mut dyn UnitOfWork,
        m: &Mutation<C>,
        id: InvoiceId,
        part: Option<Money>,
    ) -> Result<(Invoice, Money), Error> {
        let invoice = uow.lock_invoice(id).await?.filter(|invoice| invoice.seller_id == m.seller.id);
        let invoice = invoice.ok_or_else(|| Error::not_found("invoice", id))?;
        invoice.expect_open().map_err(invoice_error)?;
        let due = invoice.amount_due();
        match part {
            None => Ok((invoice, due)),
            Some(amount) if amount.currency() != due.currency() => Err(Error::field(
                "amount.currency_code",
                "CURRENCY_MISMATCH",
                format!("must be the invoice's currency, {}", due.currency()),
            )),
            Some(amount) if amount.minor() > due.minor() => Err(Error::field(
                "amount.minor_units",
                "ABOVE_AMOUNT_DUE",
                format!("must be at most what is due, {due}"),
            )),
            Some(amount) => Ok((invoice, amount)),
        }
    }

    /// The items of a link with every name resolved.
    async fn line_items(&self, seller: &Seller, specs: &[LineItemSpec]) -> Result<LineItems, Error> {
        let sellers = Sellers::from([seller.id.clone()]);
        let mut validator = Validator::new();
        let mut items = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            let item = match &spec.price {
                ItemPrice::Inline { name, description, unit_price } => {
                    Some((name.clone(), description.clone(), *unit_price, None, None))
                }
                ItemPrice::Stored(id) => {
                    let field = format!("line_items[{index}].price_id");
                    let usable = self.usable_price(&mut validator, &field, &sellers, *id).await?;
                    usable.map(|(price, product)| {
                        (
                            product.name.clone(),
                            product.description.clone(),
                            price.unit_price,
                            Some(price.id),
                            Some(product.id),
                        )
                    })
                }
            };
            let Some((name, description, unit_price, price_id, product_id)) = item else { continue };
            let id = self.new_line_item_id();
            items.push(LineItem { id, name, description, unit_price, quantity: spec.quantity, price_id, product_id });
        }
        if validator.is_clean() {
            let parsed = LineItems::parse(items);
            let items = validator.within("line_items", |v| parsed.map_err(|violations| v.absorb(violations)).ok());
            return Ok(validator.finish(items)?);
        }
        Ok(validator.finish(None)?)
    }
}

/// What the hosted page calls an invoice.
pub(crate) fn invoice_title(invoice: &Invoice) -> Result<DisplayName, Error> {
    let number = invoice.finalization().map_or("", |finalization| finalization.number.as_str());
    DisplayName::parse(&format!("Invoice {number}")).map_err(Error::internal)
}

/// Refuses options that the provider has not the ability for.
pub(crate) fn check_options(provider: &dyn PaymentProvider, options: &LinkOptions) -> Result<(), Error> {
    let capabilities = provider.capabilities();
    let with_message = matches!(options.after_completion, AfterCompletion::ConfirmationWithMessage { .. });
    let needed = [
        (options.inactive_message.is_some(), "inactive_message", Feature::LinkInactiveMessage),
        (
            options.completed_sessions_max.is_some(),
            "restrictions.completed_sessions_limit",
            Feature::LinkCompletedSessionsLimit,
        ),
        (with_message, "after_completion.hosted_confirmation.custom_message", Feature::LinkConfirmationMessage),
    ];
    match needed.into_iter().find(|(is_used, _, feature)| *is_used && !capabilities.has(*feature)) {
        Some((_, field, feature)) => Err(Error::unsupported(field, feature.name())),
        None => Ok(()),
    }
}

/// What a transition that a link's state does not allow means to a caller.
pub(crate) fn link_error(error: LinkError) -> Error {
    match error {
        LinkError::WrongState { .. } => Error::precondition(Reason::PaymentLinkState, error),
        LinkError::Violations(violations) => Error::Invalid(violations),
    }
}
