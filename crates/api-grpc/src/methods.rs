//! What each method needs: the one table of scopes, by name. A method that is not in it needs the widest scope, so one that
//! was forgotten is closed; a test holds the table to the descriptors, so none is.
//!
//! `Admin` is for what decides how a seller is taxed from then on, whoever bills: its registrations for tax.

use domain::access::Scope::{self, Admin, Read, Write};

/// A method that callers need a key for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Method {
    /// Its path in HTTP/2: the service and its own name.
    path: &'static str,
    /// The narrowest scope that may call it.
    scope: Scope,
    /// Whether its answers are a stream, which has no end of its own.
    is_stream: bool,
}

/// What a path is counted as at which nothing is answered.
pub(crate) const OTHER: &str = "other";

/// What health checks ask, without a key.
const HEALTH: [&str; 2] = ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"];

/// Reflection, in both of the versions that clients speak.
const REFLECTION: [Method; 2] = [
    stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Read),
    stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Read),
];

/// Our own, in the order of the files that define them.
const METHODS: [Method; 83] = [
    call("/paylinks.v1.CatalogService/CreateProduct", Write),
    call("/paylinks.v1.CatalogService/GetProduct", Read),
    call("/paylinks.v1.CatalogService/UpdateProduct", Write),
    call("/paylinks.v1.CatalogService/ListProducts", Read),
    call("/paylinks.v1.CatalogService/CreatePrice", Write),
    call("/paylinks.v1.CatalogService/GetPrice", Read),
    call("/paylinks.v1.CatalogService/UpdatePrice", Write),
    call("/paylinks.v1.CatalogService/ListPrices", Read),
    call("/paylinks.v1.CatalogService/CreateShippingRate", Write),
    call("/paylinks.v1.CatalogService/GetShippingRate", Read),
    call("/paylinks.v1.CatalogService/UpdateShippingRate", Write),
    call("/paylinks.v1.CatalogService/ListShippingRates", Read),
    call("/paylinks.v1.CatalogService/CreateCoupon", Write),
    call("/paylinks.v1.CatalogService/GetCoupon", Read),
    call("/paylinks.v1.CatalogService/UpdateCoupon", Write),
    call("/paylinks.v1.CatalogService/ListCoupons", Read),
    call("/paylinks.v1.CatalogService/CreatePromotionCode", Write),
    call("/paylinks.v1.CatalogService/GetPromotionCode", Read),
    call("/paylinks.v1.CatalogService/UpdatePromotionCode", Write),
    call("/paylinks.v1.CatalogService/ListPromotionCodes", Read),
    call("/paylinks.v1.CheckoutService/CreateInvoiceCheckout", Write),
    call("/paylinks.v1.CheckoutService/GetCheckoutSession", Read),
    call("/paylinks.v1.CheckoutService/ListCheckoutSessions", Read),
    call("/paylinks.v1.CheckoutService/ExpireCheckoutSession", Write),
    call("/paylinks.v1.CustomerService/CreateCustomer", Write),
    call("/paylinks.v1.CustomerService/GetCustomer", Read),
    call("/paylinks.v1.CustomerService/UpdateCustomer", Write),
    call("/paylinks.v1.CustomerService/ListCustomers", Read),
    call("/paylinks.v1.CustomerService/ListPaymentMethods", Read),
    call("/paylinks.v1.CustomerService/DetachPaymentMethod", Write),
    call("/paylinks.v1.EventService/ListEvents", Read),
    stream("/paylinks.v1.EventService/StreamEvents", Read),
    call("/paylinks.v1.InvoiceService/CreateInvoice", Write),
    call("/paylinks.v1.InvoiceService/UpdateInvoice", Write),
    call("/paylinks.v1.InvoiceService/FinalizeInvoice", Write),
    call("/paylinks.v1.InvoiceService/VoidInvoice", Write),
    call("/paylinks.v1.InvoiceService/MarkInvoiceUncollectible", Write),
    call("/paylinks.v1.InvoiceService/GetInvoice", Read),
    call("/paylinks.v1.InvoiceService/ListInvoices", Read),
    call("/paylinks.v1.InvoiceService/RecordInvoicePayment", Write),
    call("/paylinks.v1.InvoiceService/CreateCreditNote", Write),
    call("/paylinks.v1.InvoiceService/GetCreditNote", Read),
    call("/paylinks.v1.InvoiceService/ListCreditNotes", Read),
    call("/paylinks.v1.InvoiceService/RenderInvoice", Read),
    call("/paylinks.v1.InvoiceService/RenderCreditNote", Read),
    call("/paylinks.v1.InvoiceService/ShareInvoice", Read),
    call("/paylinks.v1.InvoiceService/SendInvoice", Write),
    call("/paylinks.v1.InvoiceService/GetInvoiceMail", Read),
    call("/paylinks.v1.InvoiceService/ListInvoiceMails", Read),
    call("/paylinks.v1.PaymentLinkService/CreatePaymentLink", Write),
    call("/paylinks.v1.PaymentLinkService/GetPaymentLink", Read),
    call("/paylinks.v1.PaymentLinkService/UpdatePaymentLink", Write),
    call("/paylinks.v1.PaymentLinkService/ListPaymentLinks", Read),
    call("/paylinks.v1.PaymentLinkService/ListPaymentLinkLineItems", Read),
    call("/paylinks.v1.PaymentLinkService/ActivatePaymentLink", Write),
    call("/paylinks.v1.PaymentLinkService/DeactivatePaymentLink", Write),
    call("/paylinks.v1.PaymentLinkService/SharePaymentLink", Read),
    call("/paylinks.v1.PaymentService/CreatePayment", Write),
    call("/paylinks.v1.PaymentService/GetPayment", Read),
    call("/paylinks.v1.PaymentService/ListPayments", Read),
    call("/paylinks.v1.PaymentService/CancelPayment", Write),
    call("/paylinks.v1.PaymentService/CapturePayment", Write),
    call("/paylinks.v1.PaymentService/CreateRefund", Write),
    call("/paylinks.v1.PaymentService/RecordRefund", Write),
    call("/paylinks.v1.PaymentService/GetRefund", Read),
    call("/paylinks.v1.PaymentService/ListRefunds", Read),
    call("/paylinks.v1.PaymentService/GetDispute", Read),
    call("/paylinks.v1.PaymentService/ListDisputes", Read),
    call("/paylinks.v1.ProviderService/ListProviders", Read),
    call("/paylinks.v1.ProviderService/GetCapabilities", Read),
    call("/paylinks.v1.SubscriptionService/GetSubscription", Read),
    call("/paylinks.v1.SubscriptionService/ListSubscriptions", Read),
    call("/paylinks.v1.SubscriptionService/CancelSubscription", Write),
    call("/paylinks.v1.TaxService/CalculateTax", Read),
    call("/paylinks.v1.TaxService/CreateTaxRate", Write),
    call("/paylinks.v1.TaxService/GetTaxRate", Read),
    call("/paylinks.v1.TaxService/UpdateTaxRate", Write),
    call("/paylinks.v1.TaxService/ListTaxRates", Read),
    call("/paylinks.v1.TaxService/CreateTaxRegistration", Admin),
    call("/paylinks.v1.TaxService/EndTaxRegistration", Admin),
    call("/paylinks.v1.TaxService/ListTaxRegistrations", Read),
    call("/paylinks.v1.TaxService/CheckTaxId", Write),
    call("/paylinks.v1.TaxService/ListTaxIdChecks", Read),
];

const fn call(path: &'static str, scope: Scope) -> Method {
    Method { path, scope, is_stream: false }
}

const fn stream(path: &'static str, scope: Scope) -> Method {
    Method { path, scope, is_stream: true }
}

/// The method of that path, if there is one that needs a key.
fn method(path: &str) -> Option<Method> {
    METHODS.iter().chain(&REFLECTION).find(|method| method.path == path).copied()
}

/// Every path at which something is answered, and what all others are counted as.
pub fn counted_methods() -> Vec<&'static str> {
    HEALTH.into_iter().chain(METHODS.iter().chain(&REFLECTION).map(|method| method.path)).chain([OTHER]).collect()
}

/// That path, if anything is answered there.
pub(crate) fn known_path(path: &str) -> Option<&'static str> {
    let health = HEALTH.into_iter().find(|known| *known == path);
    health.or_else(|| method(path).map(|method| method.path))
}

/// The scope that whoever calls that path needs.
pub(crate) fn scope(path: &str) -> Scope {
    method(path).map_or(Admin, |method| method.scope)
}

/// Whether that path is answered to everyone: health, and reflection where access is open.
pub(crate) fn is_public(path: &str, open_reflection: bool) -> bool {
    HEALTH.contains(&path) || (open_reflection && REFLECTION.iter().any(|method| method.path == path))
}

/// Whether an answer of that path may go on for as long as its caller listens.
pub(crate) fn is_stream(path: &str) -> bool {
    HEALTH.contains(&path) || method(path).is_some_and(|method| method.is_stream)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;

    /// Every method that a set of descriptors has, and whether it answers with a stream.
    fn described(set: &[u8]) -> BTreeMap<String, bool> {
        let mut all = BTreeMap::new();
        for file in FileDescriptorSet::decode(set).unwrap().file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    all.insert(path, method.server_streaming());
                }
            }
        }
        all
    }

    #[test]
    fn the_table_has_every_method_that_is_described_and_no_other() {
        let own = described(api_proto::FILE_DESCRIPTOR_SET);
        let listed: BTreeMap<_, _> = METHODS.iter().map(|method| (method.path.to_owned(), method.is_stream)).collect();
        assert_eq!((listed.len(), listed), (METHODS.len(), own));
        let health: Vec<_> = described(tonic_health::pb::FILE_DESCRIPTOR_SET).into_keys().collect();
        assert_eq!(health, HEALTH);
    }

    #[test]
    fn what_is_in_no_table_needs_the_widest_scope() {
        for path in [
            "/paylinks.v1.InvoiceService/GetSomethingNew",
            "/paylinks.v1.InvoiceService/",
            "/paylinks.v2.InvoiceService/GetInvoice",
            "/paylinks.v1.InvoiceService/GetInvoice/",
            "/grpc.reflection.v2.ServerReflection/ServerReflectionInfo",
            "",
        ] {
            assert_eq!((scope(path), is_public(path, true)), (Admin, false), "{path}");
        }
        assert!(!is_public("/grpc.health.v1.Health/Reset", true));
    }

    #[test]
    fn who_may_read_changes_nothing() {
        // `Share` signs a URL, `Calculate` and `Render` compute: none of them stores anything.
        let harmless = ["Get", "List", "Stream", "Calculate", "Render", "Share"];
        for method in METHODS.iter().filter(|method| method.scope == Read) {
            let name = method.path.rsplit('/').next().unwrap();
            assert!(harmless.iter().any(|verb| name.starts_with(verb)), "{name}");
        }
        assert_eq!(scope("/paylinks.v1.TaxService/EndTaxRegistration"), Admin);
        assert_eq!(scope("/paylinks.v1.InvoiceService/VoidInvoice"), Write);
    }
}
