//! The public contract of `proto/` as code, which `cargo xtask codegen` generates and a check proves fresh, and how its messages
//! become bytes.

#[cfg(any(feature = "client", feature = "server"))]
mod codec;

#[expect(clippy::all, reason = "generated code is as its generator makes it")]
#[cfg_attr(
    any(feature = "client", feature = "server"),
    expect(
        clippy::allow_attributes_without_reason,
        unused_qualifications,
        reason = "generated services are as their generator makes them"
    )
)]
#[cfg_attr(
    feature = "server",
    expect(clippy::allow_attributes, reason = "generated servers are as their generator makes them")
)]
mod generated {
    pub mod v1 {
        include!("generated/paylinks.v1.rs");
    }
}

pub use generated::v1;

/// The descriptors of every proto file and of all that they import, with what is said of our own, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/paylinks.v1.bin");
