//! Secrets that all servers on the database share, such as the key that signs the URLs of hosted invoices.

/// The statements, see [`Step`](crate::Step). A secret is 32 bytes in hexadecimal.
pub(crate) const STATEMENTS: &str = r#"
CREATE TABLE shared_secrets (name TEXT PRIMARY KEY, secret TEXT NOT NULL, created_at_us BIGINT NOT NULL);
"#;
