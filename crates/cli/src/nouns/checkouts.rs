//! Checkout sessions.

use super::{Noun, Verb};

pub(super) const NOUNS: &[Noun] = &[Noun {
    name: "checkout",
    about: "Checkout sessions: single visits to a hosted page",
    columns: &[
        ("ID", "id"),
        ("STATE", "state"),
        ("MONEY", "payment_state"),
        ("AMOUNT", "amount"),
        ("INVOICE", "invoice_id"),
        ("LINK", "payment_link_id"),
        ("CREATED", "create_time"),
    ],
    verbs: &[
        Verb::new("create", "CheckoutService.CreateInvoiceCheckout"),
        Verb::new("get", "CheckoutService.GetCheckoutSession").by_id(),
        Verb::new("list", "CheckoutService.ListCheckoutSessions"),
        Verb::new("expire", "CheckoutService.ExpireCheckoutSession").by_id(),
    ],
}];
