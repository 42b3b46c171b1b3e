//! The generated code of the public contract in `proto/`. `cargo xtask codegen` makes it, and a check proves it fresh.

#[expect(
    clippy::all,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    unused_qualifications,
    reason = "generated code is as its generator makes it"
)]
mod generated {
    pub mod v1 {
        include!("generated/paylinks.v1.rs");
    }
}

pub use generated::v1;

/// The descriptors of every proto file and of all that they import, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/paylinks.v1.bin");
