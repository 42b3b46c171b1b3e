//! What is not processed is listed, and what is set aside counted every minute, among all that ever came in.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
CREATE INDEX notifications_unprocessed ON notifications (seq) WHERE state <> 'done';
"#;
