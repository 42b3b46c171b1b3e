//! Notifications that are set aside are counted every minute, among all that ever came in.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
CREATE INDEX notifications_set_aside ON notifications (seq) WHERE state = 'aside';
"#;
