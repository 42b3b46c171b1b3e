//! The gRPC face: proto messages in, domain values through, proto messages out.
//!
//! One module a service under `services`, the mapping in `convert`, access and deadlines in `layer`, the scope of each method in
//! `methods`, `reflection` for tools, `tls` and `gathered` for the connection, and `status` as the one place where an
//! application's error becomes a gRPC status. It must not know any storage or provider.

mod convert;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gathered;
mod layer;
mod methods;
mod page_token;
mod reflection;
mod server;
mod services;
mod status;
mod tls;

pub use methods::counted_methods;
pub use server::{GrpcConfig, serve};
pub use tls::GrpcTls;
