//! Mails about invoices, queued and sent. Leases go by the version of a row: each lease makes a new one.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
CREATE TABLE invoice_mails (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL,
    invoice_id TEXT NOT NULL REFERENCES invoices (id), state TEXT NOT NULL, due_at_us BIGINT NOT NULL,
    document {json} NOT NULL
);
CREATE INDEX invoice_mails_by_seller ON invoice_mails (seller_id, id);
CREATE INDEX invoice_mails_by_invoice ON invoice_mails (invoice_id, id);
CREATE INDEX invoice_mails_due ON invoice_mails (due_at_us) WHERE state = 'queued';
"#;
