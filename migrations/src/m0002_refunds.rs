//! Refunds and disputes, and the sums of them that a payment carries.
//!
//! That refunds do not pass what came in is no constraint: it is checked in code while the payment is locked, since one
//! that is made at the provider itself is recorded whatever it comes to.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
CREATE TABLE refunds (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, state TEXT NOT NULL,
    payment_id TEXT NOT NULL REFERENCES payments (id), origin TEXT NOT NULL, provider TEXT NOT NULL, provider_ref TEXT,
    currency TEXT NOT NULL, amount BIGINT NOT NULL, created_at_us BIGINT NOT NULL, document {json} NOT NULL,
    CONSTRAINT refunds_once_per_provider UNIQUE (provider, provider_ref),
    CONSTRAINT refunds_of_something CHECK (amount > 0)
);
CREATE INDEX refunds_by_seller ON refunds (seller_id, id);
CREATE INDEX refunds_by_payment ON refunds (payment_id, id);

CREATE TABLE disputes (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, state TEXT NOT NULL,
    payment_id TEXT NOT NULL REFERENCES payments (id), provider TEXT NOT NULL, provider_ref TEXT NOT NULL,
    currency TEXT NOT NULL, amount BIGINT NOT NULL, evidence_due_at_us BIGINT, created_at_us BIGINT NOT NULL,
    document {json} NOT NULL,
    CONSTRAINT disputes_once_per_provider UNIQUE (provider, provider_ref),
    CONSTRAINT disputes_of_something CHECK (amount > 0)
);
CREATE INDEX disputes_by_seller ON disputes (seller_id, id);
CREATE INDEX disputes_by_payment ON disputes (payment_id, id);

ALTER TABLE payments ADD COLUMN refunded BIGINT;
ALTER TABLE payments ADD COLUMN disputed BIGINT;
"#;
