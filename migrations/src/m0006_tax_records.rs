//! Registrations for tax, and checks of tax ids with what the registers answered.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
CREATE TABLE tax_registrations (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, document {json} NOT NULL
);
CREATE INDEX tax_registrations_by_seller ON tax_registrations (seller_id, id);

CREATE TABLE tax_id_checks (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL, tax_id TEXT NOT NULL, document {json} NOT NULL
);
CREATE INDEX tax_id_checks_by_seller ON tax_id_checks (seller_id, id);
CREATE INDEX tax_id_checks_by_tax_id ON tax_id_checks (seller_id, tax_id, id);
"#;
