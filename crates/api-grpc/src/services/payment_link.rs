//! `PaymentLinkService`.

use std::collections::{BTreeMap, BTreeSet};

use api_proto::v1::payment_link_service_server::PaymentLinkService;
use api_proto::v1::*;
use application::{ListQuery, Named, Update};
use domain::id::LineItemId;
use domain::metadata::Metadata;
use domain::money::{Currency, Quantity};
use domain::page::Page;
use domain::payment_link::{ItemChange, LinkChanges, LinkField, LinkOptions, LinkSharing, LinkTarget, SharingSpec};
use domain::ports::storage::LinkFilter;
use domain::redirect::RedirectPolicy;
use domain::text::{InactiveMessage, refuse_unfit};
use domain::validation::{Invalid, Validator};
use tonic::{Request, Response, Status};

use super::{Services, caller, parse};
use crate::convert::input::{
    Mask, after_completion, id, line_items, metadata, optional, optional_amount, optional_id, restrictions, timestamp,
};
use crate::convert::link_options::{self, adjustable};
use crate::convert::{output, qr_code};
use crate::page_token::{next_page_token, page_request};
use crate::status::status;

#[tonic::async_trait]
impl PaymentLinkService for Services {
    async fn create_payment_link(
        &self,
        request: Request<CreatePaymentLinkRequest>,
    ) -> Result<Response<CreatePaymentLinkResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, seller| {
            let target = target(v, &m);
            let after_completion =
                after_completion(v, "after_completion", m.after_completion.as_ref(), &seller.redirects);
            let inactive_message = optional(v, "inactive_message", &m.inactive_message, InactiveMessage::parse);
            let completed_sessions_max = restrictions(v, m.restrictions.as_ref());
            let expires_at = timestamp(v, "expire_time", m.expire_time.as_ref());
            let metadata = metadata(v, &m.metadata);
            let collection = link_options::collection(v, "collection", m.collection.as_ref());
            let payment = link_options::payment(v, "payment", m.payment.as_ref());
            let platform = link_options::platform(v, "platform", m.platform.as_ref());
            let subscription = link_options::subscription(v, "subscription", m.subscription.as_ref());
            let creation = link_options::invoice_creation(v, "invoice_creation", m.invoice_creation.as_ref());
            let automatic_tax = link_options::automatic_tax(v, "automatic_tax", m.automatic_tax.as_ref());
            let offers = link_options::offers(v, "", &m.optional_items, &m.shipping_options);
            let currency = optional(v, "currency_code", &m.currency_code, Currency::parse);
            let options = LinkOptions {
                after_completion: after_completion?,
                inactive_message: inactive_message?,
                completed_sessions_max: completed_sessions_max?,
                expires_at: expires_at?,
                metadata: metadata?,
                collection: collection?,
                payment: payment?,
                platform: platform?,
                subscription: subscription?,
                invoice_creation: creation?,
                automatic_tax: automatic_tax?,
                promotion_codes: m.allow_promotion_codes,
                managed_payments: m.managed_payments,
                ..LinkOptions::default()
            };
            Some(application::CreatePaymentLink { target: target?, options, offers: offers?, currency: currency? })
        })?;
        let link = Box::pin(self.app.create_payment_link(mutation)).await.map_err(status)?;
        Ok(Response::new(CreatePaymentLinkResponse { payment_link: Some(output::payment_link(&link)) }))
    }

    async fn get_payment_link(
        &self,
        request: Request<GetPaymentLinkRequest>,
    ) -> Result<Response<GetPaymentLinkResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let link = self.app.get_payment_link(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetPaymentLinkResponse { payment_link: Some(output::payment_link(&link)) }))
    }

    async fn update_payment_link(
        &self,
        request: Request<UpdatePaymentLinkRequest>,
    ) -> Result<Response<UpdatePaymentLinkResponse>, Status> {
        let (caller, m) = caller(request)?;
        let new = m.payment_link.unwrap_or_default();
        let seller = self.seller_of(&caller, &new.id, Named::PaymentLink).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, seller| {
            let id = id(v, "payment_link.id", &new.id);
            let known: Vec<_> =
                LinkField::ALL.iter().map(|field| field.name()).chain(["line_items", "metadata"]).collect();
            let mask = Mask::parse(v, m.update_mask.as_ref(), &known);
            let metadata = mask.metadata(v, "payment_link", &new.metadata);
            let named = LinkField::ALL.into_iter().filter(|field| mask.has(field.name()));
            let fields: BTreeSet<LinkField> = named.collect();
            let items = if mask.has("line_items") { item_changes(v, &new.line_items) } else { Some(BTreeMap::new()) };
            let options = v.within("payment_link", |v| changed_options(v, &fields, &new, &seller.redirects));
            let offer = |field| fields.contains(&field);
            let optional_items = if offer(LinkField::OptionalItems) { new.optional_items.as_slice() } else { &[] };
            let shipping = if offer(LinkField::ShippingOptions) { new.shipping_options.as_slice() } else { &[] };
            let offers = link_options::offers(v, "payment_link", optional_items, shipping);
            let changes = LinkChanges { fields, options: options?, metadata: metadata?, items: items? };
            let changes = application::UpdatePaymentLink { changes, offers: offers? };
            Some(Update { id: id?, etag: Some(new.etag.clone()).filter(|etag| !etag.is_empty()), changes })
        })?;
        let link = Box::pin(self.app.update_payment_link(mutation))
            .await
            .map_err(|error| status(error.within("payment_link")))?;
        Ok(Response::new(UpdatePaymentLinkResponse { payment_link: Some(output::payment_link(&link)) }))
    }

    async fn list_payment_links(
        &self,
        request: Request<ListPaymentLinksRequest>,
    ) -> Result<Response<ListPaymentLinksResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let pair = (!m.metadata_key.is_empty()).then(|| (m.metadata_key.clone(), m.metadata_value.clone()));
        let key = (seller.id.clone(), m.active, m.invoice_id.clone(), pair.clone());
        let (invoice_id, page) = parse(|v| {
            let invoice_id = optional_id(v, "invoice_id", &m.invoice_id);
            v.check("metadata_key", refuse_unfit(&m.metadata_key, Metadata::KEY_CHARS_MAX))?;
            v.check("metadata_value", refuse_unfit(&m.metadata_value, Metadata::VALUE_CHARS_MAX))?;
            if m.metadata_key.is_empty() && !m.metadata_value.is_empty() {
                v.refuse("metadata_key", Invalid::new("REQUIRED", "is required where a metadata_value is given"));
            }
            invoice_id.zip(page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse()))
        })?;
        let filter = LinkFilter { active: m.active, invoice_id, metadata: pair };
        let page = self.app.list_payment_links(&caller, ListQuery { seller, filter, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |link| link.id.to_string());
        let payment_links = page.items.iter().map(output::payment_link).collect();
        Ok(Response::new(ListPaymentLinksResponse { payment_links, next_page_token }))
    }

    async fn list_payment_link_line_items(
        &self,
        request: Request<ListPaymentLinkLineItemsRequest>,
    ) -> Result<Response<ListPaymentLinkLineItemsResponse>, Status> {
        let (caller, m) = caller(request)?;
        let (link_id, page) = parse(|v| {
            let link_id = id(v, "payment_link_id", &m.payment_link_id);
            let page =
                page_request(v, (m.page_size, &m.page_token), &m.payment_link_id, |text| text.parse::<LineItemId>());
            link_id.zip(page)
        })?;
        let link = self.app.get_payment_link(&caller, link_id).await.map_err(status)?;
        let items = match &link.target {
            LinkTarget::Items { items } => items.iter().map(output::line_item).collect(),
            LinkTarget::Invoice { amount, title, description, .. } => {
                vec![output::invoice_item(&link, *amount, (title, description.as_ref()))]
            }
        };
        // The items of a link are few and in an order of their own, so the page is cut from all of them.
        let after = page.before.map(|id| id.to_string());
        let start = after.and_then(|after| items.iter().position(|item| item.id == after)).map_or(0, |index| index + 1);
        let page = Page::from_overfetched(items.into_iter().skip(start).collect(), page.size);
        let next_page_token = next_page_token(&page, &m.payment_link_id, |item| item.id.clone());
        Ok(Response::new(ListPaymentLinkLineItemsResponse { line_items: page.items, next_page_token }))
    }

    async fn activate_payment_link(
        &self,
        request: Request<ActivatePaymentLinkRequest>,
    ) -> Result<Response<ActivatePaymentLinkResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller_of(&caller, &m.id, Named::PaymentLink).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| id(v, "id", &m.id))?;
        let link = self.app.activate_payment_link(mutation).await.map_err(status)?;
        Ok(Response::new(ActivatePaymentLinkResponse { payment_link: Some(output::payment_link(&link)) }))
    }

    async fn deactivate_payment_link(
        &self,
        request: Request<DeactivatePaymentLinkRequest>,
    ) -> Result<Response<DeactivatePaymentLinkResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller_of(&caller, &m.id, Named::PaymentLink).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| id(v, "id", &m.id))?;
        let link = self.app.deactivate_payment_link(mutation).await.map_err(status)?;
        Ok(Response::new(DeactivatePaymentLinkResponse { payment_link: Some(output::payment_link(&link)) }))
    }

    async fn share_payment_link(
        &self,
        request: Request<SharePaymentLinkRequest>,
    ) -> Result<Response<SharePaymentLinkResponse>, Status> {
        let (caller, m) = caller(request)?;
        let spec = SharingSpec {
            client_reference_id: m.client_reference_id,
            prefilled_email: m.prefilled_email,
            locked_prefilled_email: m.locked_prefilled_email,
            prefilled_promo_code: m.prefilled_promo_code,
            locale: m.locale,
            utm: [m.utm_source, m.utm_medium, m.utm_campaign, m.utm_term, m.utm_content],
        };
        let id = parse(|v| {
            let id = id(v, "id", &m.id);
            if id.is_none() {
                // There is no link to hold the rest against, but what is bad for every link is told beside the id.
                LinkSharing::parse(v, &spec);
            }
            id
        })?;
        let url = self.app.share_payment_link(&caller, id, &spec).await.map_err(status)?;
        let qr_code_svg = qr_code::svg(&url).unwrap_or_default();
        Ok(Response::new(SharePaymentLinkResponse { url, qr_code_svg }))
    }
}

/// An invoice or items, and not both.
fn target(v: &mut Validator, m: &CreatePaymentLinkRequest) -> Option<application::LinkTargetSpec> {
    match (m.invoice_id.is_empty(), m.line_items.is_empty()) {
        (false, true) => {
            let invoice_id = id(v, "invoice_id", &m.invoice_id);
            let amount = optional_amount(v, "amount", m.amount.as_ref());
            if m.restrictions.is_some() {
                v.refuse(
                    "restrictions",
                    Invalid::new("FIXED_FOR_INVOICE", "must be absent for an invoice: it is paid once"),
                );
            }
            Some(application::LinkTargetSpec::Invoice { invoice_id: invoice_id?, amount: amount? })
        }
        (false, false) => {
            v.refuse("line_items", Invalid::new("EXCLUSIVE", "must be empty where invoice_id is given"));
            None
        }
        (true, _) => {
            if m.amount.is_some() {
                v.refuse("amount", Invalid::new("EXCLUSIVE", "must be absent unless invoice_id is given"));
            }
            line_items(v, "line_items", &m.line_items).map(application::LinkTargetSpec::Items)
        }
    }
}

/// The new values of the options that a mask names; the others are left as they are by default.
fn changed_options(
    v: &mut Validator,
    fields: &BTreeSet<LinkField>,
    new: &PaymentLink,
    redirects: &RedirectPolicy,
) -> Option<LinkOptions> {
    let mut options = LinkOptions::default();
    let mut is_whole = true;
    for field in fields {
        let name = field.name();
        let parsed = match field {
            LinkField::AfterCompletion => after_completion(v, name, new.after_completion.as_ref(), redirects)
                .map(|after| options.after_completion = after),
            LinkField::InactiveMessage => optional(v, name, &new.inactive_message, InactiveMessage::parse)
                .map(|message| options.inactive_message = message),
            LinkField::CompletedSessionsMax => {
                restrictions(v, new.restrictions.as_ref()).map(|max| options.completed_sessions_max = max)
            }
            LinkField::ExpiresAt => {
                timestamp(v, name, new.expire_time.as_ref()).map(|expires_at| options.expires_at = expires_at)
            }
            LinkField::Collection => {
                link_options::collection(v, name, new.collection.as_ref()).map(|asked| options.collection = asked)
            }
            LinkField::Payment => {
                link_options::payment(v, name, new.payment.as_ref()).map(|payment| options.payment = payment)
            }
            LinkField::Platform => {
                link_options::platform(v, name, new.platform.as_ref()).map(|platform| options.platform = platform)
            }
            LinkField::Subscription => link_options::subscription(v, name, new.subscription.as_ref())
                .map(|subscription| options.subscription = subscription),
            LinkField::InvoiceCreation => link_options::invoice_creation(v, name, new.invoice_creation.as_ref())
                .map(|creation| options.invoice_creation = creation),
            LinkField::AutomaticTax => {
                link_options::automatic_tax(v, name, new.automatic_tax.as_ref()).map(|tax| options.automatic_tax = tax)
            }
            LinkField::PromotionCodes => {
                options.promotion_codes = new.allow_promotion_codes;
                Some(())
            }
            // They are names, resolved later.
            LinkField::OptionalItems | LinkField::ShippingOptions => Some(()),
        };
        is_whole &= parsed.is_some();
    }
    is_whole.then_some(options)
}

fn item_changes(v: &mut Validator, items: &[LineItem]) -> Option<BTreeMap<LineItemId, ItemChange>> {
    let mut changes = BTreeMap::new();
    let mut is_whole = true;
    for (index, item) in items.iter().enumerate() {
        v.within(&format!("payment_link.line_items[{index}]"), |v| {
            let id = id(v, "id", &item.id);
            let adjustable = adjustable(v, "adjustable_quantity", item.adjustable_quantity.as_ref());
            let named = (item.quantity != 0 || item.adjustable_quantity.is_none()).then_some(item.quantity);
            let quantity = v.check_optional("quantity", named, Quantity::parse);
            match (id, adjustable, quantity) {
                (Some(id), Some(adjustable), Some(quantity)) => {
                    if changes.insert(id, ItemChange { quantity, adjustable: adjustable.map(Some) }).is_some() {
                        v.refuse("id", Invalid::new("TWICE", "must be another than the items before it"));
                    }
                }
                _ => is_whole = false,
            }
        });
    }
    is_whole.then_some(changes)
}
