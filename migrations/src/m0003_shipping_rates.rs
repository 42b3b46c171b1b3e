//! Shipping rates.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
CREATE TABLE shipping_rates (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, active BOOLEAN NOT NULL, document {json} NOT NULL
);
CREATE INDEX shipping_rates_by_seller ON shipping_rates (seller_id, id);
"#;
