//! Invoices, credit notes, and mails about invoices.

use super::{Manner, Noun, Verb};

pub(super) const NOUNS: &[Noun] = &[
    Noun {
        name: "invoice",
        about: "Invoices",
        columns: &[
            ("ID", "id"),
            ("NUMBER", "number"),
            ("STATE", "state"),
            ("TOTAL", "total"),
            ("DUE", "amount_due"),
            ("DUE DATE", "due_date"),
            ("CUSTOMER", "customer_id"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("create", "InvoiceService.CreateInvoice").manner(Manner::InvoiceItems),
            Verb::new("get", "InvoiceService.GetInvoice").by_id(),
            Verb::new("list", "InvoiceService.ListInvoices"),
            Verb::new("update", "InvoiceService.UpdateInvoice").changing(&[
                "customer_id",
                "lines",
                "discount",
                "tax_rounding",
                "description",
                "tax_point",
                "due_date",
                "tax_exchange_rate",
                "metadata",
            ]),
            Verb::new("finalize", "InvoiceService.FinalizeInvoice").by_id(),
            Verb::new("send", "InvoiceService.SendInvoice").of("invoice_id"),
            Verb::new("share", "InvoiceService.ShareInvoice").by_id(),
            Verb::new("render", "InvoiceService.RenderInvoice").by_id().manner(Manner::Document),
            Verb::new("record-payment", "InvoiceService.RecordInvoicePayment").of("invoice_id"),
            Verb::new("void", "InvoiceService.VoidInvoice").by_id(),
            Verb::new("mark-uncollectible", "InvoiceService.MarkInvoiceUncollectible").by_id(),
        ],
    },
    Noun {
        name: "credit-note",
        about: "Credit notes: what takes an invoice back",
        columns: &[
            ("ID", "id"),
            ("NUMBER", "number"),
            ("INVOICE", "invoice_number"),
            ("TOTAL", "total"),
            ("REFUNDABLE AT ISSUE", "refundable_amount"),
            ("REASON", "reason"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("create", "InvoiceService.CreateCreditNote").of("invoice_id"),
            Verb::new("get", "InvoiceService.GetCreditNote").by_id(),
            Verb::new("list", "InvoiceService.ListCreditNotes"),
            Verb::new("render", "InvoiceService.RenderCreditNote").by_id().manner(Manner::Document),
        ],
    },
    Noun {
        name: "mail",
        about: "Mails about invoices",
        columns: &[
            ("ID", "id"),
            ("INVOICE", "invoice_id"),
            ("KIND", "kind"),
            ("TO", "to"),
            ("STATE", "state"),
            ("REASON", "failure_reason"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("get", "InvoiceService.GetInvoiceMail").by_id(),
            Verb::new("list", "InvoiceService.ListInvoiceMails"),
        ],
    },
];
