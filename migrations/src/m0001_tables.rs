//! The first tables.
//!
//! Each aggregate is a row: what is searched, constrained, ordered or summed is a column, and the whole is the
//! `document`, from which it is read back. Times are microseconds since the Unix epoch, amounts are minor units.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
CREATE TABLE products (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, active BOOLEAN NOT NULL, document {json} NOT NULL
);
CREATE INDEX products_by_seller ON products (seller_id, id);

CREATE TABLE prices (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, active BOOLEAN NOT NULL,
    product_id TEXT NOT NULL REFERENCES products (id), currency TEXT NOT NULL, document {json} NOT NULL
);
CREATE INDEX prices_by_seller ON prices (seller_id, id);
CREATE INDEX prices_by_product ON prices (product_id, id);

CREATE TABLE tax_rates (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, active BOOLEAN NOT NULL, document {json} NOT NULL
);
CREATE INDEX tax_rates_by_seller ON tax_rates (seller_id, id);

CREATE TABLE customers (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, document {json} NOT NULL
);
CREATE INDEX customers_by_seller ON customers (seller_id, id);

CREATE TABLE payment_methods (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL,
    customer_id TEXT NOT NULL REFERENCES customers (id), provider TEXT NOT NULL, provider_ref TEXT NOT NULL,
    detached BOOLEAN NOT NULL, document {json} NOT NULL,
    CONSTRAINT payment_methods_once_per_provider UNIQUE (provider, provider_ref)
);
CREATE INDEX payment_methods_by_customer ON payment_methods (customer_id, id);

CREATE TABLE invoices (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, customer_id TEXT REFERENCES customers (id),
    state TEXT NOT NULL, number TEXT, series TEXT, sequence BIGINT, due_date TEXT, currency TEXT NOT NULL,
    net BIGINT NOT NULL, tax BIGINT NOT NULL, gross BIGINT NOT NULL, amount_paid BIGINT NOT NULL,
    amount_overpaid BIGINT NOT NULL, created_at_us BIGINT NOT NULL, document {json} NOT NULL,
    CONSTRAINT invoices_number_once UNIQUE (seller_id, number),
    CONSTRAINT invoices_sequence_once UNIQUE (seller_id, series, sequence),
    CONSTRAINT invoices_sum CHECK (net + tax = gross),
    CONSTRAINT invoices_paid_in_range CHECK (amount_paid >= 0 AND amount_paid <= gross AND amount_overpaid >= 0),
    CONSTRAINT invoices_numbered CHECK (state IN ('draft', 'void') OR number IS NOT NULL)
);
CREATE INDEX invoices_by_seller ON invoices (seller_id, id);
CREATE INDEX invoices_by_customer ON invoices (customer_id, id);
CREATE INDEX invoices_open_by_due_date ON invoices (seller_id, due_date) WHERE state = 'open';

CREATE TABLE number_series (
    seller_id TEXT NOT NULL, series TEXT NOT NULL, last_number BIGINT NOT NULL, PRIMARY KEY (seller_id, series)
);

CREATE TABLE collectables (
    seq {serial}, id TEXT NOT NULL, kind TEXT NOT NULL, seller_id TEXT NOT NULL,
    invoice_id TEXT NOT NULL REFERENCES invoices (id), opened_at_us BIGINT NOT NULL, closed_at_us BIGINT
);
CREATE UNIQUE INDEX collectables_one_open_per_invoice ON collectables (invoice_id) WHERE closed_at_us IS NULL;
CREATE INDEX collectables_by_id ON collectables (id);

CREATE TABLE payment_links (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, state TEXT NOT NULL, open BOOLEAN NOT NULL,
    invoice_id TEXT REFERENCES invoices (id), provider TEXT NOT NULL, provider_ref TEXT, expires_at_us BIGINT,
    document {json} NOT NULL,
    CONSTRAINT payment_links_once_per_provider UNIQUE (provider, provider_ref)
);
CREATE INDEX payment_links_by_seller ON payment_links (seller_id, id);
CREATE INDEX payment_links_by_invoice ON payment_links (invoice_id, id);
CREATE INDEX payment_links_expiring ON payment_links (expires_at_us) WHERE state = 'active' AND expires_at_us IS NOT NULL;

CREATE TABLE payment_link_metadata (
    payment_link_id TEXT NOT NULL REFERENCES payment_links (id), seller_id TEXT NOT NULL, key TEXT NOT NULL,
    value TEXT NOT NULL, PRIMARY KEY (payment_link_id, key)
);
CREATE INDEX payment_link_metadata_by_pair ON payment_link_metadata (seller_id, key, value, payment_link_id);

CREATE TABLE checkout_sessions (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, state TEXT NOT NULL,
    invoice_id TEXT REFERENCES invoices (id), payment_link_id TEXT REFERENCES payment_links (id),
    provider TEXT NOT NULL, provider_ref TEXT, expires_at_us BIGINT NOT NULL, document {json} NOT NULL,
    CONSTRAINT checkout_sessions_once_per_provider UNIQUE (provider, provider_ref)
);
CREATE INDEX checkout_sessions_by_seller ON checkout_sessions (seller_id, id);
CREATE INDEX checkout_sessions_by_invoice ON checkout_sessions (invoice_id, id);
CREATE INDEX checkout_sessions_by_link ON checkout_sessions (payment_link_id, id);

CREATE TABLE payments (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, state TEXT NOT NULL,
    invoice_id TEXT REFERENCES invoices (id), payment_link_id TEXT REFERENCES payment_links (id),
    customer_id TEXT REFERENCES customers (id), provider TEXT NOT NULL, provider_ref TEXT, currency TEXT NOT NULL,
    total BIGINT NOT NULL, received BIGINT, received_currency TEXT, flagged BOOLEAN NOT NULL,
    created_at_us BIGINT NOT NULL, document {json} NOT NULL,
    CONSTRAINT payments_once_per_provider UNIQUE (provider, provider_ref)
);
CREATE INDEX payments_by_seller ON payments (seller_id, id);
CREATE INDEX payments_by_invoice ON payments (invoice_id, id);
CREATE INDEX payments_by_customer ON payments (customer_id, id);
CREATE INDEX payments_by_link ON payments (payment_link_id, id);

CREATE TABLE events (
    seq {serial}, id TEXT NOT NULL UNIQUE, seller_id TEXT NOT NULL, kind TEXT NOT NULL, subject_id TEXT NOT NULL,
    position BIGINT UNIQUE, occurred_at_us BIGINT NOT NULL, document {json} NOT NULL
);
CREATE INDEX events_by_seller ON events (seller_id, position);
CREATE INDEX events_by_subject ON events (subject_id, position);
CREATE INDEX events_without_position ON events (seq) WHERE position IS NULL;

CREATE TABLE event_sequencer (id INTEGER PRIMARY KEY, last_position BIGINT NOT NULL);
INSERT INTO event_sequencer (id, last_position) VALUES (1, 0);

CREATE TABLE requests (
    seller_id TEXT NOT NULL, request_id TEXT NOT NULL, operation TEXT NOT NULL, payload_sha256 TEXT NOT NULL,
    created_at_us BIGINT NOT NULL, progress {json} NOT NULL, PRIMARY KEY (seller_id, request_id)
);

CREATE TABLE intents (
    seq {serial}, id TEXT NOT NULL UNIQUE, seller_id TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL,
    unfinished BOOLEAN NOT NULL, request_id TEXT, lease_until_us BIGINT NOT NULL, lease_epoch BIGINT NOT NULL, document {json} NOT NULL
);
CREATE INDEX intents_due ON intents (lease_until_us) WHERE unfinished;
CREATE INDEX intents_unfinished_by_subject ON intents (subject, seq) WHERE unfinished;
CREATE INDEX intents_unfinished_by_request ON intents (seller_id, request_id) WHERE unfinished;

CREATE TABLE notifications (
    seq {serial}, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL, provider_event_id TEXT NOT NULL,
    state TEXT NOT NULL, due_at_us BIGINT NOT NULL, attempts BIGINT NOT NULL, reason TEXT,
    received_at_us BIGINT NOT NULL, document {json} NOT NULL,
    CONSTRAINT notifications_once UNIQUE (provider, provider_event_id)
);
CREATE INDEX notifications_due ON notifications (due_at_us) WHERE state = 'new';

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY, prefix TEXT NOT NULL UNIQUE, revoked BOOLEAN NOT NULL, document {json} NOT NULL
);
"#;
