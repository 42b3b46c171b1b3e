//! Aggregates as rows: their tables, and the columns beside the document.

use domain::catalog::{Coupon, Price, Product, PromotionCode, ShippingRate};
use domain::checkout::CheckoutSession;
use domain::credit_note::CreditNote;
use domain::customer::Customer;
use domain::dispute::Dispute;
use domain::invoice::Invoice;
use domain::invoice_mail::InvoiceMail;
use domain::payment::Payment;
use domain::payment_link::PaymentLink;
use domain::payment_method::PaymentMethod;
use domain::ports::storage::StorageError;
use domain::refund::{Refund, RefundOrigin};
use domain::subscription::Subscription;
use domain::tax::{StoredTaxRegistration, TaxRate};
use domain::tax_id_check::TaxIdCheck;
use sea_orm::{ConnectionTrait, DbBackend, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sql::{execute, to_json};

/// A column and what stands in it.
pub(crate) type Column = (&'static str, Value);

/// An aggregate that is a row.
pub(crate) trait Stored: Serialize + DeserializeOwned + Send + Sync {
    const TABLE: &'static str;

    fn key(&self) -> String;
    fn seller(&self) -> String;
    fn version(&self) -> i64;
    fn mark_stored(&mut self, version: i64);

    /// The columns of its own.
    fn columns(&self) -> Vec<Column>;
}

macro_rules! stored {
    ($thing:ty, $table:literal, |$it:ident| [$($column:literal = $value:expr,)*]) => {
        impl Stored for $thing {
            const TABLE: &'static str = $table;

            fn key(&self) -> String {
                self.id.to_string()
            }

            fn seller(&self) -> String {
                self.seller_id.to_string()
            }

            fn version(&self) -> i64 {
                self.version
            }

            fn mark_stored(&mut self, version: i64) {
                <$thing>::mark_stored(self, version);
            }

            fn columns(&self) -> Vec<Column> {
                let $it = self;
                vec![$(($column, Value::from($value)),)*]
            }
        }
    };
}

fn text<T: ToString>(value: &Option<T>) -> Option<String> {
    value.as_ref().map(ToString::to_string)
}

stored!(Product, "products", |it| ["active" = it.active,]);
stored!(TaxRate, "tax_rates", |it| ["active" = it.active,]);
stored!(StoredTaxRegistration, "tax_registrations", |_it| []);
stored!(TaxIdCheck, "tax_id_checks", |it| ["tax_id" = it.tax_id.as_str(),]);
stored!(ShippingRate, "shipping_rates", |it| ["active" = it.active,]);
stored!(Coupon, "coupons", |it| ["active" = it.active,]);
stored!(PromotionCode, "promotion_codes", |it| [
    "state" = it.state.name(),
    "coupon_id" = it.terms.coupon_id.to_string(),
    "code_upper" = it.terms.code.as_str().to_ascii_uppercase(),
    "provider" = it.provider.as_str(),
    "provider_ref" = text(&it.provider_ref),
]);
stored!(Price, "prices", |it| [
    "active" = it.active,
    "product_id" = it.product_id.to_string(),
    "currency" = it.model.currency().code(),
]);
stored!(Customer, "customers", |_it| []);
stored!(PaymentMethod, "payment_methods", |it| [
    "customer_id" = it.customer_id.to_string(),
    "provider" = it.provider.as_str(),
    "provider_ref" = it.provider_ref.0.as_str(),
    "detached" = it.detached_at.is_some(),
]);
stored!(Invoice, "invoices", |it| [
    "customer_id" = text(&it.customer_id),
    "state" = it.state.name(),
    "number" = it.finalization().map(|f| f.number.clone()),
    "series" = it.finalization().map(|f| f.series.clone()),
    "sequence" = it.finalization().map(|f| i64::try_from(f.sequence).unwrap_or(i64::MAX)),
    "due_date" = it.finalization().map(|f| f.due_date.to_string()),
    "currency" = it.currency.code(),
    "net" = it.tax.net.minor(),
    "tax" = it.tax.tax.minor(),
    "gross" = it.tax.gross.minor(),
    "amount_paid" = it.amount_paid.minor(),
    "amount_overpaid" = it.amount_overpaid.minor(),
    "credited_before_payment" = it.amount_credited().minor() - it.amount_credited_after_payment().minor(),
    "credited_after_payment" = it.amount_credited_after_payment().minor(),
    "created_at_us" = it.created_at.unix_micros(),
]);
stored!(
    InvoiceMail,
    "invoice_mails",
    |it| ["invoice_id" = it.order.invoice_id.to_string(), "state" = it.state.name(),]
);
stored!(CreditNote, "credit_notes", |it| [
    "invoice_id" = it.invoice_id.to_string(),
    "customer_id" = text(&it.customer_id),
    "number" = it.number.number.as_str(),
    "series" = it.number.series.as_str(),
    "sequence" = i64::try_from(it.number.sequence).unwrap_or(i64::MAX),
    "currency" = it.currency.code(),
    "net" = it.net.minor(),
    "tax" = it.tax.minor(),
    "gross" = it.gross.minor(),
    "pre_payment" = it.pre_payment_amount.minor(),
    "post_payment" = it.post_payment_amount.minor(),
    "out_of_band_refund" = it.out_of_band_refund_amount.minor(),
    "issued_at_us" = it.issued_at.unix_micros(),
]);
stored!(PaymentLink, "payment_links", |it| [
    "state" = it.state_name(),
    "open" = it.is_open(),
    "invoice_id" = text(&it.invoice_id()),
    "provider" = it.provider.as_str(),
    "provider_ref" = text(&it.provider_ref),
    "expires_at_us" = it.options.expires_at.map(|end| end.unix_micros()),
]);
stored!(CheckoutSession, "checkout_sessions", |it| [
    "state" = it.state_name(),
    "payment_link_id" = text(&it.payment_link_id()),
    "provider" = it.provider.as_str(),
    "provider_ref" = text(&it.provider_ref),
    "expires_at_us" = it.expires_at.unix_micros(),
]);
stored!(Payment, "payments", |it| [
    "state" = it.state.name(),
    "invoice_id" = text(&it.invoice_id),
    "payment_link_id" = text(&it.payment_link_id),
    "subscription_id" = text(&it.subscription_id),
    "customer_id" = text(&it.customer_id),
    "provider" = it.provider.as_str(),
    "provider_ref" = text(&it.provider_ref),
    "currency" = it.total.currency().code(),
    "total" = it.total.minor(),
    "received" = it.received.map(|received| received.minor()),
    "received_currency" = it.received.map(|received| received.currency().code().to_owned()),
    "refunded" = it.refunded.map(|refunded| refunded.minor()),
    "disputed" = it.disputed.map(|disputed| disputed.minor()),
    "flagged" = !it.flags.is_empty(),
    "created_at_us" = it.created_at.unix_micros(),
]);

stored!(Refund, "refunds", |it| [
    "state" = it.state.name(),
    "payment_id" = it.payment_id.to_string(),
    "credit_note_id" = text(&it.credit_note_id),
    "origin" = match it.origin {
        RefundOrigin::Requested => "requested",
        RefundOrigin::AtProvider => "at_provider",
    },
    "provider" = it.provider.as_str(),
    "provider_ref" = text(&it.provider_ref),
    "currency" = it.amount.currency().code(),
    "amount" = it.amount.minor(),
    "created_at_us" = it.created_at.unix_micros(),
]);
stored!(Dispute, "disputes", |it| [
    "state" = it.state.name(),
    "payment_id" = it.payment_id.to_string(),
    "provider" = it.provider.as_str(),
    "provider_ref" = it.provider_ref.0.as_str(),
    "currency" = it.amount.currency().code(),
    "amount" = it.amount.minor(),
    "evidence_due_at_us" = it.evidence_due_at.map(|due| due.unix_micros()),
    "created_at_us" = it.created_at.unix_micros(),
]);

stored!(Subscription, "subscriptions", |it| [
    "state" = it.terms.state.name(),
    "payment_link_id" = it.payment_link_id.to_string(),
    "checkout_session_id" = text(&it.checkout_session_id),
    "provider" = it.provider.as_str(),
    "provider_ref" = it.provider_ref.0.as_str(),
    "period_end_us" = it.terms.period_end.unix_micros(),
    "created_at_us" = it.created_at.unix_micros(),
]);

/// Adds a row as version 1. `extra` are columns that the aggregate does not know; `on_conflict` is SQL, empty for an
/// error. Says whether it was added.
pub(crate) async fn insert<T: Stored>(
    c: &impl ConnectionTrait,
    thing: &mut T,
    extra: Vec<Column>,
    on_conflict: &str,
) -> Result<bool, StorageError> {
    thing.mark_stored(1);
    let mut columns = row(thing)?;
    columns.insert(0, ("id", Value::from(thing.key())));
    columns.insert(1, ("seller_id", Value::from(thing.seller())));
    columns.extend(extra);
    let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
    let places: Vec<_> = (1..=columns.len()).map(|place| format!("${place}")).collect();
    let sql = format!("INSERT INTO {} ({}) VALUES ({}){on_conflict}", T::TABLE, names.join(", "), places.join(", "));
    Ok(execute(c, &sql, columns.into_iter().map(|(_, value)| value)).await? == 1)
}

/// Writes a row as the version after the one that was read.
///
/// # Errors
/// [`StorageError::Stale`] if the stored version is another.
pub(crate) async fn update<T: Stored>(c: &impl ConnectionTrait, thing: &mut T) -> Result<(), StorageError> {
    update_as(c, thing, |document| document.to_owned()).await
}

/// The same, where `document` says in SQL what the document becomes, given the place of the new one.
async fn update_as<T: Stored>(
    c: &impl ConnectionTrait,
    thing: &mut T,
    document: impl FnOnce(&str) -> String,
) -> Result<(), StorageError> {
    let read = thing.version();
    thing.mark_stored(read + 1);
    let columns = row(thing)?;
    let mut assignments: Vec<_> =
        columns.iter().enumerate().map(|(i, (name, _))| format!("{name} = ${}", i + 1)).collect();
    if let Some(last) = assignments.last_mut() {
        // The document is the last of a row's columns.
        *last = format!("document = {}", document(&format!("${}", columns.len())));
    }
    let (id, version) = (columns.len() + 1, columns.len() + 2);
    let sql = format!("UPDATE {} SET {} WHERE id = ${id} AND version = ${version}", T::TABLE, assignments.join(", "));
    let values = columns.into_iter().map(|(_, value)| value).chain([thing.key().into(), read.into()]);
    match execute(c, &sql, values).await {
        Ok(1) => Ok(()),
        other => {
            thing.mark_stored(read);
            other.and(Err(StorageError::Stale))
        }
    }
}

/// What may still move in the document of a finalized invoice, beside its state.
const MOVING: [&str; 5] = ["version", "amount_paid", "amount_overpaid", "credits", "updated_at"];

/// Writes an invoice. What its finalization fixed is never written again, and so stays to the letter as it was issued, also
/// once this version of the code would spell it otherwise.
///
/// # Errors
/// [`StorageError::Stale`] if the stored version is another.
pub(crate) async fn update_invoice(c: &impl ConnectionTrait, invoice: &mut Invoice) -> Result<(), StorageError> {
    let backend = c.get_database_backend();
    update_as(c, invoice, |new| {
        let merged = if backend == DbBackend::Postgres {
            let moving = MOVING.map(|key| format!("'{key}', {new} -> '{key}'")).join(", ");
            let fixed = "jsonb_build_object('finalization', document -> 'state' -> 'finalization')";
            format!("document || jsonb_build_object({moving}, 'state', ({new} -> 'state') || {fixed})")
        } else {
            let moving = MOVING.map(|key| format!("'$.{key}', json_extract({new}, '$.{key}')")).join(", ");
            let fixed = "'$.finalization', json_extract(document, '$.state.finalization')";
            format!("json_set(document, {moving}, '$.state', json_set(json_extract({new}, '$.state'), {fixed}))")
        };
        format!("CASE WHEN number IS NULL THEN {new} ELSE {merged} END")
    })
    .await
}

fn row<T: Stored>(thing: &T) -> Result<Vec<Column>, StorageError> {
    let mut columns = thing.columns();
    columns.push(("version", Value::from(thing.version())));
    columns.push(("document", to_json(thing)?));
    Ok(columns)
}
