//! Sessions whose time is over are found by the worker, as links are: a provider may tell of no end.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
CREATE INDEX checkout_sessions_expiring ON checkout_sessions (expires_at_us) WHERE state = 'open';
"#;
