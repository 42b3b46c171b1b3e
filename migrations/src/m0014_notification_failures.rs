//! Why a notification is set aside is counted by itself: how often it failed for reasons of its own, and how many tries in a
//! row had no end. A version before this one counts neither, and goes on by its attempts.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
ALTER TABLE notifications ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notifications ADD COLUMN unended_tries BIGINT NOT NULL DEFAULT 0;
"#;
