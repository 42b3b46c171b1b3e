//! Time and ids, which a pure domain can't make itself.

use uuid::Uuid;

use crate::timestamp::Timestamp;

/// Tells the time.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Makes ids.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait IdGenerator: Send + Sync {
    /// A new UUID version 7 (RFC 9562): unique, and later ones sort behind earlier ones of this process.
    fn uuid_v7(&self) -> Uuid;
}
