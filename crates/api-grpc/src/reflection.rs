//! Reflection: what the services are, for tools that ask the server itself.
//!
//! The descriptors with their comments take most of a megabyte of memory for each version of the protocol, for which most servers
//! are never asked. They are decoded when the first caller asks, who waits for it some milliseconds longer.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::RoutesBuilder;
use tonic_reflection::server::{Builder, Error};
use tower::Service;

use crate::status::status;

/// Adds both versions, since clients differ in which they ask for.
pub(crate) fn add_to(routes: &mut RoutesBuilder) {
    routes.add_service(Lazy::new(|| described().build_v1())).add_service(Lazy::new(|| described().build_v1alpha()));
}

fn described() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(api_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        // Without these, clients show error details as base64.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}

/// A service that is made when it is called first.
struct Lazy<S> {
    /// Nothing where it can't be made, as of descriptors that are malformed; those that we compiled in never are.
    made: Arc<OnceLock<Option<S>>>,
    make: fn() -> Result<S, Error>,
}

impl<S> Lazy<S> {
    fn new(make: fn() -> Result<S, Error>) -> Self {
        Self { made: Arc::default(), make }
    }
}

impl<S> Clone for Lazy<S> {
    fn clone(&self) -> Self {
        Self { made: Arc::clone(&self.made), make: self.make }
    }
}

impl<S: NamedService> NamedService for Lazy<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Lazy<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // As of all services that tonic generates.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let make = || (self.make)().inspect_err(|error| tracing::error!(%error, "there is no reflection")).ok();
        match self.made.get_or_init(make).clone() {
            Some(mut made) => made.call(request).boxed(),
            None => std::future::ready(Ok(status(application::Error::internal("there is no reflection")).into_http()))
                .boxed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compiled_in_can_be_told() {
        assert!(described().build_v1().is_ok());
        assert!(described().build_v1alpha().is_ok());
    }
}
