//! How far what providers have told was read back, and whose turn that is.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
CREATE TABLE reconciliations (provider TEXT PRIMARY KEY, read_until_us BIGINT NOT NULL, due_at_us BIGINT NOT NULL);
"#;
