//! Aggregates: state that changes through its own transitions alone.

/// Declares an aggregate over its data.
///
/// The data's fields are public, and readable through `Deref`; nothing outside of the aggregate's own module can write
/// them, since there is no way to a `&mut` of the data. That gives storage and faces every field to read without a
/// getter for each, and leaves transitions as the only way to change one.
macro_rules! aggregate {
    ($(#[$doc:meta])* $name:ident, $data:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name($data);

        impl $name {
            /// The aggregate as it was stored. For storage adapters: the data came from here, so it is not checked again.
            pub fn from_stored(data: $data) -> Self {
                Self(data)
            }

            /// Notes that storage has written this version, so that the next write expects the one after it.
            pub fn mark_stored(&mut self, version: i64) {
                self.0.version = version;
            }

            /// An opaque tag of this version, for optimistic concurrency of callers.
            pub fn etag(&self) -> String {
                $crate::aggregate::etag(self.0.version)
            }
        }

        impl std::ops::Deref for $name {
            type Target = $data;

            fn deref(&self) -> &$data {
                &self.0
            }
        }
    };
}
pub(crate) use aggregate;

/// The tag of a version. Callers must treat it as opaque.
pub fn etag(version: i64) -> String {
    format!("v{version}")
}
