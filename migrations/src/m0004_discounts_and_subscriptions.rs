//! Coupons, promotion codes and subscriptions.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
CREATE TABLE coupons (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, active BOOLEAN NOT NULL, document {json} NOT NULL
);
CREATE INDEX coupons_by_seller ON coupons (seller_id, id);

CREATE TABLE promotion_codes (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, state TEXT NOT NULL,
    coupon_id TEXT NOT NULL REFERENCES coupons (id), code_upper TEXT NOT NULL, provider TEXT NOT NULL, provider_ref TEXT,
    document {json} NOT NULL,
    CONSTRAINT promotion_codes_once_per_provider UNIQUE (provider, provider_ref)
);
CREATE INDEX promotion_codes_by_seller ON promotion_codes (seller_id, id);
CREATE INDEX promotion_codes_by_coupon ON promotion_codes (coupon_id, id);
CREATE INDEX promotion_codes_by_code ON promotion_codes (code_upper, id);

CREATE TABLE subscriptions (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, state TEXT NOT NULL,
    payment_link_id TEXT NOT NULL REFERENCES payment_links (id),
    checkout_session_id TEXT REFERENCES checkout_sessions (id), provider TEXT NOT NULL, provider_ref TEXT NOT NULL,
    period_end_us BIGINT NOT NULL, created_at_us BIGINT NOT NULL, document {json} NOT NULL,
    CONSTRAINT subscriptions_once_per_provider UNIQUE (provider, provider_ref)
);
CREATE INDEX subscriptions_by_seller ON subscriptions (seller_id, id);
CREATE INDEX subscriptions_by_link ON subscriptions (payment_link_id, id);
CREATE INDEX subscriptions_by_session ON subscriptions (checkout_session_id);

ALTER TABLE payments ADD COLUMN subscription_id TEXT REFERENCES subscriptions (id);
CREATE INDEX payments_by_subscription ON payments (subscription_id, id);
"#;
