//! Who closes a notification that was set aside says what was done about it, beside the reason for which it was.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
ALTER TABLE notifications ADD COLUMN note TEXT;
"#;
