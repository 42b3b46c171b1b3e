//! Payment links.

use domain::catalog::{PriceModel, Recurrence};
use domain::id::{InvoiceId, PaymentLinkId, PriceId, ShippingRateId};
use domain::invoice::Invoice;
use domain::money::{Currency, Money, Quantity, UnitPrice};
use domain::payment_link::{
    AdjustableQuantity, CloseReason, LineItem, LineItems, LinkChanges, LinkError, LinkField, LinkOptions, LinkState,
    LinkTarget, NewPaymentLink, OptionalItems, PaymentLink, ShippingOption, ShippingOptions,
};
use domain::ports::provider::PaymentProvider;
use domain::ports::storage::{Collectable, LinkFilter, Sellers, UnitOfWork};
use domain::provider::{Feature, ProviderAction};
use domain::seller::Seller;
use domain::tax::{TaxBehavior, TaxCode};
use domain::text::{Description, DisplayName};
use domain::validation::{Invalid, Validator};
use serde::Serialize;

use super::invoice::invoice_error;
use super::reads;
use crate::app::App;
use crate::error::{Error, Lacking, Reason};
use crate::invoice_text::{invoice_title, tax_description};
use crate::mutation::{Mutation, Step, Update};

reads!("payment link", PaymentLink, PaymentLinkId, get_payment_link, list_payment_links(LinkFilter));

/// What a caller says of a new link.
#[derive(Debug, Clone, Serialize)]
pub struct CreatePaymentLink {
    /// What is paid through it.
    pub target: LinkTargetSpec,
    /// What it can do besides; optional items and ways to ship are in `offers`.
    pub options: LinkOptions,
    /// What customers may add.
    pub offers: Offers,
    /// The currency in which stored prices are meant; that of the first item where absent.
    pub currency: Option<Currency>,
}

/// What customers of a link may add, by names that are still to be resolved.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Offers {
    /// Items.
    pub optional_items: Vec<LineItemSpec>,
    /// Ways to ship.
    pub shipping_rates: Vec<ShippingRateId>,
}

/// A change of a link.
#[derive(Debug, Clone, Serialize)]
pub struct UpdatePaymentLink {
    /// The change; new optional items and ways to ship are in `offers`.
    pub changes: LinkChanges,
    /// What customers may add, where the change names it.
    pub offers: Offers,
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
    /// Whether and how customers may change the quantity.
    pub adjustable: Option<AdjustableQuantity>,
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
        /// How often it is paid; once where absent.
        recurrence: Option<Recurrence>,
        /// Whether tax is inside.
        tax_behavior: Option<TaxBehavior>,
        /// The kind of product for tax.
        tax_code: Option<TaxCode>,
    },
}

impl App {
    /// Creates a payment link at the seller's provider.
    ///
    /// # Errors
    /// Every bad field at once; the invoice is unknown, not open, or can be paid by something else already; the provider
    /// refuses it or can't be reached; the request id was used otherwise.
    pub async fn create_payment_link(&self, mutation: Mutation<CreatePaymentLink>) -> Result<PaymentLink, Error> {
        self.once("CreatePaymentLink", mutation, |mutation| async move {
            let mut options = mutation.command.options.clone();
            let mut v = Validator::new();
            let abilities = self.provider(&mutation.seller.provider)?.capabilities();
            options.expires_at =
                v.check("expire_time", abilities.link_expiry(options.expires_at, self.now())).flatten();
            let items = match &mutation.command.target {
                LinkTargetSpec::Items(specs) => {
                    let (command, seller) = (&mutation.command, &mutation.seller);
                    let currency = self.link_currency(seller, command.currency, specs).await?;
                    let items = match v.within("line_items", |v| LineItems::check_count(specs.len(), v)) {
                        true => self.line_items(&mut v, ("line_items", seller), currency, specs).await?,
                        false => None,
                    };
                    let parsed = items.map(LineItems::parse);
                    let items = v.within("line_items", |v| match parsed {
                        Some(Ok(items)) => Some(items),
                        Some(Err(violations)) => {
                            v.absorb(violations);
                            None
                        }
                        None => None,
                    });
                    self.resolve_offers(&mut v, seller, currency, (&command.offers, &mut options)).await?;
                    if let Some(items) = &items {
                        let count = items.iter().len() + options.optional_items.0.len();
                        v.check("line_items", abilities.expect_item_count(count));
                        options.check(&LinkTarget::Items { items: items.clone() }, &mut v);
                    }
                    items
                }
                LinkTargetSpec::Invoice { .. } => {
                    for (field, is_set) in [
                        ("optional_items", !mutation.command.offers.optional_items.is_empty()),
                        ("shipping_options", !mutation.command.offers.shipping_rates.is_empty()),
                        ("currency_code", mutation.command.currency.is_some()),
                    ] {
                        if is_set {
                            let expected = "can't be set on a link for an invoice";
                            v.refuse(field, Invalid::new("FIXED_FOR_INVOICE", expected));
                        }
                    }
                    options.check_for_invoice(&mut v);
                    None
                }
            };
            v.finish(Some(()))?;
            self.mutate("CreatePaymentLink", mutation, move |app, uow, m| {
                let (items, options) = (items.clone(), options.clone());
                Box::pin(async move {
                    let id = app.new_payment_link_id();
                    let target = match (&m.command.target, items) {
                        (LinkTargetSpec::Invoice { invoice_id, amount }, _) => {
                            let (invoice, amount) = app.collect(uow, m, *invoice_id, *amount).await?;
                            app.reserve_collectable(uow, &m.seller.id, *invoice_id, Collectable::PaymentLink(id))
                                .await?;
                            LinkTarget::Invoice {
                                invoice_id: *invoice_id,
                                amount,
                                title: invoice_title(&invoice, &m.seller.name)?,
                                description: tax_description(&invoice, amount),
                            }
                        }
                        (LinkTargetSpec::Items(_), Some(items)) => LinkTarget::Items { items },
                        (LinkTargetSpec::Items(_), None) => return Err(Error::internal("items were not resolved")),
                    };
                    let provider = app.provider(&m.seller.provider)?;
                    let mut v = Validator::new();
                    // Now the amount of an invoice is known as well.
                    options.check(&target, &mut v);
                    v.finish(Some(()))?;
                    check_abilities(provider.as_ref(), options.needs().into_iter().chain(target.needs()))?;
                    if options.promotion_codes {
                        app.expect_own_codes(&m.seller, "allow_promotion_codes")?;
                    }
                    let new = NewPaymentLink {
                        id,
                        seller_id: m.seller.id.clone(),
                        target,
                        options,
                        payment_id: None,
                        stores_payment_method: false,
                        provider: m.seller.provider.clone(),
                        livemode: provider.capabilities().livemode,
                    };
                    app.begin_link(uow, m, new).await
                })
            })
            .await
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
        mutation: Mutation<Update<PaymentLinkId, UpdatePaymentLink>>,
    ) -> Result<PaymentLink, Error> {
        self.once("UpdatePaymentLink", mutation, |mutation| async move {
            let mut changes = mutation.command.changes.changes.clone();
            let offers = &mutation.command.changes.offers;
            if !offers.optional_items.is_empty() || !offers.shipping_rates.is_empty() {
                let link = self.get_payment_link(&mutation.caller, mutation.command.id).await?;
                let seller = self.seller(&link.seller_id)?.clone();
                let mut v = Validator::new();
                self.resolve_offers(&mut v, &seller, link.currency(), (offers, &mut changes.options)).await?;
                v.finish(Some(()))?;
            }
            self.mutate("UpdatePaymentLink", mutation, move |app, uow, m| {
                let changes = changes.clone();
                Box::pin(async move {
                    let update = &m.command;
                    let link = app.lock_link(uow, m, update.id).await?;
                    update.expect_etag(&link.etag())?;
                    let changed = link.changed(&changes, app.now()).map_err(link_error)?;
                    let provider = app.provider(&link.provider)?;
                    check_abilities(provider.as_ref(), needed_to_change(&link, &changed, &changes))?;
                    if changed.options.promotion_codes && !link.options.promotion_codes {
                        app.expect_own_codes(app.seller(&link.seller_id)?, "allow_promotion_codes")?;
                    }
                    let changes = Box::new(changes);
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
                if let (Some(invoice), Some(asked)) = (&invoice, link.asks_on_invoice()) {
                    invoice.expect_open().map_err(invoice_error)?;
                    if !invoice.is_due(asked) {
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

    /// The currency of a link: the one named, or that of its first item.
    async fn link_currency(
        &self,
        seller: &Seller,
        named: Option<Currency>,
        specs: &[LineItemSpec],
    ) -> Result<Currency, Error> {
        match (named, specs.first().map(|spec| &spec.price)) {
            (Some(currency), _) => Ok(currency),
            (None, Some(ItemPrice::Inline { unit_price, .. })) => Ok(unit_price.currency()),
            (None, Some(ItemPrice::Stored(id))) => {
                let price = self.0.storage.get_price(&Sellers::from([seller.id.clone()]), *id).await?;
                // One that is not there is named when the items are resolved.
                Ok(price.map_or(seller.currency, |price| price.model.currency()))
            }
            (None, None) => Ok(seller.currency),
        }
    }

    /// Items with every name resolved, in one currency; `None` once something is refused below `field`. Each is looked up,
    /// so there must not be too many.
    async fn line_items(
        &self,
        v: &mut Validator,
        (field, seller): (&str, &Seller),
        currency: Currency,
        specs: &[LineItemSpec],
    ) -> Result<Option<Vec<LineItem>>, Error> {
        let sellers = Sellers::from([seller.id.clone()]);
        let mut items = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            let (id, quantity, adjustable) = (self.new_line_item_id(), spec.quantity, spec.adjustable);
            let item = match &spec.price {
                ItemPrice::Inline { name, description, unit_price, recurrence, tax_behavior, tax_code } => {
                    Some(LineItem {
                        id,
                        name: name.clone(),
                        description: description.clone(),
                        model: PriceModel::PerUnit { unit_price: *unit_price },
                        recurrence: *recurrence,
                        tax_behavior: *tax_behavior,
                        tax_code: tax_code.clone(),
                        quantity,
                        adjustable,
                        price_id: None,
                        product_id: None,
                    })
                }
                ItemPrice::Stored(price_id) => {
                    let at = format!("{field}[{index}].price_id");
                    let usable = self.usable_price(v, &at, &sellers, *price_id).await?;
                    usable.and_then(|(price, product)| {
                        let missing = || Invalid::new("CURRENCY_MISMATCH", format!("must have a price in {currency}"));
                        let (model, tax_behavior) = v.check(&at, price.in_currency(currency).ok_or_else(missing))?;
                        Some(LineItem {
                            id,
                            name: product.name.clone(),
                            description: product.description.clone(),
                            model: model.clone(),
                            recurrence: price.recurrence,
                            tax_behavior: Some(tax_behavior),
                            tax_code: product.tax_code.clone(),
                            quantity,
                            adjustable,
                            price_id: Some(price.id),
                            product_id: Some(product.id),
                        })
                    })
                }
            };
            items.extend(item);
        }
        Ok(Some(items).filter(|items| items.len() == specs.len()))
    }

    /// Puts what customers may add into the options, with every name resolved.
    async fn resolve_offers(
        &self,
        v: &mut Validator,
        seller: &Seller,
        currency: Currency,
        (offers, options): (&Offers, &mut LinkOptions),
    ) -> Result<(), Error> {
        let specs = &offers.optional_items;
        let items = match v.within("optional_items", |v| OptionalItems::check_count(specs.len(), 0, v)) {
            true => self.line_items(v, ("optional_items", seller), currency, specs).await?,
            false => None,
        };
        options.optional_items = OptionalItems(items.unwrap_or_default());
        if offers.shipping_rates.len() > ShippingOptions::MAX {
            let expected = format!("must be at most {} ways to ship", ShippingOptions::MAX);
            v.refuse("shipping_options", Invalid::new("TOO_MANY", expected));
            return Ok(());
        }
        let sellers = Sellers::from([seller.id.clone()]);
        let mut shipping = Vec::with_capacity(offers.shipping_rates.len());
        for (index, id) in offers.shipping_rates.iter().enumerate() {
            let rate = self.0.storage.get_shipping_rate(&sellers, *id).await?;
            let usable = match rate {
                None => Err(Invalid::new("UNKNOWN_SHIPPING_RATE", format!("names no shipping rate: {id}"))),
                Some(rate) if !rate.active => {
                    Err(Invalid::new("INACTIVE", format!("names a shipping rate that is archived: {id}")))
                }
                Some(rate) => match rate.amount_in(currency) {
                    None => Err(Invalid::new("CURRENCY_MISMATCH", format!("must have an amount in {currency}"))),
                    Some(amount) => Ok(ShippingOption {
                        shipping_rate_id: rate.id,
                        display_name: rate.terms.display_name.clone(),
                        amount,
                        delivery_estimate: rate.terms.delivery_estimate,
                        tax_behavior: rate.terms.tax_behavior,
                        tax_code: rate.terms.tax_code.clone(),
                    }),
                },
            };
            shipping.extend(v.check(&format!("shipping_options[{index}].shipping_rate_id"), usable));
        }
        options.shipping_options = ShippingOptions(shipping);
        Ok(())
    }
}

/// What a provider must be able to do to change a link, with the field that wants it. What the link has already, its page
/// has too; its metadata and an earlier end are ours alone.
pub(super) fn needed_to_change(
    link: &PaymentLink,
    changed: &PaymentLink,
    changes: &LinkChanges,
) -> Vec<(Feature, &'static str)> {
    let before = link.needs();
    let ends_later = match (link.options.expires_at, changed.options.expires_at) {
        (Some(before), Some(after)) => after > before,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let on_page = |field: &LinkField| *field != LinkField::ExpiresAt || ends_later;
    let fields = changes.fields.iter().copied().filter(on_page).map(|field| (Feature::LinkPageUpdate, field.name()));
    let quantities = (!changes.items.is_empty()).then_some((Feature::LinkQuantityUpdate, "line_items"));
    changed.needs().into_iter().filter(|needed| !before.contains(needed)).chain(fields).chain(quantities).collect()
}

/// Refuses what the provider has not the abilities for, all of it at once.
pub(crate) fn check_abilities(
    provider: &dyn PaymentProvider,
    needed: impl IntoIterator<Item = (Feature, &'static str)>,
) -> Result<(), Error> {
    let capabilities = provider.capabilities();
    let lacking: Vec<_> = needed
        .into_iter()
        .filter(|(feature, _)| !capabilities.has(*feature))
        .map(|(feature, field)| Lacking { field: field.to_owned(), ability: feature.name().to_owned() })
        .collect();
    if lacking.is_empty() { Ok(()) } else { Err(Error::Unsupported { lacking }) }
}

/// What a transition that a link's state does not allow means to a caller.
pub(crate) fn link_error(error: LinkError) -> Error {
    match error {
        LinkError::WrongState { .. } => Error::precondition(Reason::PaymentLinkState, error),
        LinkError::Violations(violations) => Error::Invalid(violations),
    }
}
