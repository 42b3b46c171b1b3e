//! Payments, refunds and disputes.

use super::{Noun, Verb};

pub(super) const NOUNS: &[Noun] = &[
    Noun {
        name: "payment",
        about: "Payments: money that came in, and ad-hoc requests for it",
        columns: &[
            ("ID", "id"),
            ("STATE", "state"),
            ("KIND", "kind"),
            ("TOTAL", "total"),
            ("RECEIVED", "received"),
            ("REFUNDED", "refunded"),
            ("FLAGS", "flags"),
            ("INVOICE", "invoice_id"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("create", "PaymentService.CreatePayment"),
            Verb::new("get", "PaymentService.GetPayment").by_id(),
            Verb::new("list", "PaymentService.ListPayments"),
            Verb::new("capture", "PaymentService.CapturePayment").by_id(),
            Verb::new("cancel", "PaymentService.CancelPayment").by_id(),
            Verb::new("refund", "PaymentService.CreateRefund").of("payment_id"),
        ],
    },
    Noun {
        name: "refund",
        about: "Refunds: money that goes back",
        columns: &[
            ("ID", "id"),
            ("STATE", "state"),
            ("AMOUNT", "amount"),
            ("PAYMENT", "payment_id"),
            ("CREDIT NOTE", "credit_note_id"),
            ("REASON", "reason"),
            ("FAILURE", "failure_code"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("create", "PaymentService.CreateRefund").of("payment_id"),
            Verb::new("record", "PaymentService.RecordRefund").of("payment_id"),
            Verb::new("get", "PaymentService.GetRefund").by_id(),
            Verb::new("list", "PaymentService.ListRefunds"),
        ],
    },
    Noun {
        name: "dispute",
        about: "Disputes: money that customers' banks claim back",
        columns: &[
            ("ID", "id"),
            ("STATE", "state"),
            ("AMOUNT", "amount"),
            ("PAYMENT", "payment_id"),
            ("REASON", "reason"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("get", "PaymentService.GetDispute").by_id(),
            Verb::new("list", "PaymentService.ListDisputes"),
        ],
    },
];
