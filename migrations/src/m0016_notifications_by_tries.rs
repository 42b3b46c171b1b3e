//! What was never tried is looked for before what was: each is the range of an index, however much waits. The index over both
//! stays for the version before.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
CREATE INDEX notifications_new_due ON notifications (due_at_us) WHERE state = 'new' AND attempts = 0;
CREATE INDEX notifications_tried_due ON notifications (due_at_us) WHERE state = 'new' AND attempts > 0;
"#;
