//! What each method needs: the one table of scopes, by name. A method that is not in it needs the widest scope, so one that
//! was forgotten is closed; a test holds the table to the descriptors, so none is.
//!
//! `Admin` is for what decides how a seller is taxed from then on, whoever bills: its registrations for tax.

use std::collections::HashMap;
use std::sync::LazyLock;

use domain::access::Scope::{self, Admin, Read, Write};

/// A method that is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method {
    /// Its path in HTTP/2: the service and its own name.
    pub(crate) path: &'static str,
    /// The narrowest scope that may call it.
    pub(crate) scope: Scope,
    /// Whether its answer may go on for as long as its caller listens.
    pub(crate) is_stream: bool,
    keyless: Keyless,
}

impl Method {
    /// Whether it leaves nothing that anyone may have to look up. What shares or makes a document hands out what opens it.
    pub(crate) fn only_looks(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.scope == Read && !name.starts_with("Share") && !name.starts_with("Render")
    }
}

/// Who may call without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keyless {
    Nobody,
    /// Everyone, where reflection is open.
    WhereReflectionIsOpen,
    Everyone,
}

/// What health checks ask. A check waits for nothing, but has no end of our making either.
const HEALTH: [Method; 2] = [
    Method { keyless: Keyless::Everyone, ..stream("/grpc.health.v1.Health/Check", Read) },
    Method { keyless: Keyless::Everyone, ..stream("/grpc.health.v1.Health/Watch", Read) },
];

/// Reflection, in both of the versions that clients speak.
const REFLECTION: [Method; 2] = [
    Method {
        keyless: Keyless::WhereReflectionIsOpen,
        ..stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Read)
    },
    Method {
        keyless: Keyless::WhereReflectionIsOpen,
        ..stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Read)
    },
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
    Method { path, scope, is_stream: false, keyless: Keyless::Nobody }
}

const fn stream(path: &'static str, scope: Scope) -> Method {
    Method { path, scope, is_stream: true, keyless: Keyless::Nobody }
}

/// What is called at a path that is none of ours. Its caller is told so, once it has shown the widest scope.
const OTHER: Method = call("other", Admin);

static BY_PATH: LazyLock<HashMap<&'static str, Method>> =
    LazyLock::new(|| METHODS.iter().chain(&REFLECTION).chain(&HEALTH).map(|method| (method.path, *method)).collect());

/// The method of that path. One that is not ours is called `other`: what its caller names it would make metrics without end.
pub(crate) fn at(path: &str) -> Method {
    BY_PATH.get(path).copied().unwrap_or(OTHER)
}

/// Every path at which something is answered, and what all others are counted as.
pub fn counted_methods() -> Vec<&'static str> {
    HEALTH.iter().chain(&METHODS).chain(&REFLECTION).chain([&OTHER]).map(|method| method.path).collect()
}

impl Method {
    /// Whether everyone is answered: by health, and by reflection where that is open.
    pub(crate) fn is_public(self, open_reflection: bool) -> bool {
        match self.keyless {
            Keyless::Everyone => true,
            Keyless::WhereReflectionIsOpen => open_reflection,
            Keyless::Nobody => false,
        }
    }
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
        assert_eq!(health, HEALTH.map(|method| method.path));
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
            assert_eq!((at(path).scope, at(path).is_public(true)), (Admin, false), "{path}");
        }
        assert!(!at("/grpc.health.v1.Health/Reset").is_public(true));
    }

    #[test]
    fn who_may_read_changes_nothing() {
        // `Share` signs a URL, `Calculate` and `Render` compute: none of them stores anything.
        let harmless = ["Get", "List", "Stream", "Calculate", "Render", "Share"];
        for method in METHODS.iter().filter(|method| method.scope == Read) {
            let name = method.path.rsplit('/').next().unwrap();
            assert!(harmless.iter().any(|verb| name.starts_with(verb)), "{name}");
        }
        assert_eq!(at("/paylinks.v1.TaxService/EndTaxRegistration").scope, Admin);
        assert_eq!(at("/paylinks.v1.InvoiceService/VoidInvoice").scope, Write);
    }

    #[test]
    fn health_is_for_everyone_and_reflection_where_it_is_open() {
        let may_call = |path: &str| (at(path).is_public(false), at(path).is_public(true));
        assert_eq!(may_call(HEALTH[0].path), (true, true));
        assert_eq!(may_call(REFLECTION[0].path), (false, true));
        assert_eq!(may_call("/paylinks.v1.InvoiceService/GetInvoice"), (false, false));
    }
}
