//! Payment links.

use super::{Manner, Noun, Verb};

pub(super) const NOUNS: &[Noun] = &[Noun {
    name: "link",
    about: "Payment links: hosted pages that live until they are closed",
    columns: &[
        ("ID", "id"),
        ("STATE", "state"),
        ("AMOUNT", "amount"),
        ("INVOICE", "invoice_id"),
        ("PAID", "completed_sessions"),
        ("UNTIL", "expire_time"),
        ("CREATED", "create_time"),
        ("URL", "url"),
    ],
    verbs: &[
        Verb::new("create", "PaymentLinkService.CreatePaymentLink").manner(Manner::LinkItems),
        Verb::new("get", "PaymentLinkService.GetPaymentLink").by_id(),
        Verb::new("list", "PaymentLinkService.ListPaymentLinks"),
        Verb::new("update", "PaymentLinkService.UpdatePaymentLink").changing(&[
            "after_completion",
            "inactive_message",
            "restrictions",
            "expire_time",
            "collection",
            "payment",
            "platform",
            "subscription",
            "invoice_creation",
            "automatic_tax",
            "allow_promotion_codes",
            "optional_items",
            "shipping_options",
            "line_items",
            "metadata",
        ]),
        Verb::new("items", "PaymentLinkService.ListPaymentLinkLineItems").of("payment_link_id").showing(&[
            ("ID", "id"),
            ("NAME", "name"),
            ("QUANTITY", "quantity"),
            ("UNIT PRICE", "unit_price"),
            ("TAX", "amount_tax"),
            ("TOTAL", "amount_total"),
            ("PRICE", "price_id"),
        ]),
        Verb::new("qr", "PaymentLinkService.GetPaymentLink").by_id().manner(Manner::QrCode),
        Verb::new("share", "PaymentLinkService.SharePaymentLink").by_id(),
        Verb::new("activate", "PaymentLinkService.ActivatePaymentLink").by_id(),
        Verb::new("deactivate", "PaymentLinkService.DeactivatePaymentLink").by_id(),
    ],
}];
