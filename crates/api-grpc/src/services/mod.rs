//! The services, one module each, and what they share.

mod catalog;
mod checkout;
mod customer;
mod event;
mod invoice;
mod payment;
mod payment_link;
mod provider;
mod subscription;
mod tax;

use std::str::FromStr;
use std::sync::Arc;

use application::{App, Error, Mutation, Named};
use domain::access::Caller;
use domain::idempotency::RequestId;
use domain::seller::Seller;
use domain::validation::Validator;
use tokio::sync::watch;
use tonic::{Request, Status};

pub(crate) use self::event::reads::Reads;
use crate::layer::note_request_id;
use crate::status::status;

/// All services, over one application.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) app: App,
    /// Turns true when the server stops.
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) reads: Reads,
}

/// A call with its caller, whom the layer has found out.
pub(crate) fn caller<T>(request: Request<T>) -> Result<(Caller, T), Status> {
    let (_, mut extensions, message) = request.into_parts();
    match extensions.remove::<Caller>() {
        Some(caller) => Ok((caller, message)),
        None => Err(status(Error::internal("a call passed the layer without a caller"))),
    }
}

impl Services {
    /// Builds a mutation on behalf of the seller named, with every bad field told at once.
    pub(crate) fn mutation<C>(
        &self,
        caller: Caller,
        seller: Arc<Seller>,
        request_id: &str,
        parse: impl FnOnce(&mut Validator, &Seller) -> Option<C>,
    ) -> Result<Mutation<C>, Status> {
        let mut validator = Validator::new();
        let request_id = validator.check("request_id", RequestId::parse(request_id));
        if let Some(id) = &request_id {
            note_request_id(id.as_str());
        }
        let command = parse(&mut validator, &seller);
        let parsed = validator.finish(request_id.zip(command)).map_err(|violations| status(violations.into()))?;
        Ok(Mutation { caller, seller, request_id: parsed.0, command: parsed.1 })
    }

    /// The seller that a request names.
    pub(crate) fn seller(&self, caller: &Caller, named: &str) -> Result<Arc<Seller>, Status> {
        self.app.resolve_seller(caller, Some(named)).map_err(status)
    }

    /// The seller of the thing that a request names: whose rules hold for it, and under whom the request is kept. Where
    /// there is no such thing, or its id is malformed, the caller's first; the answer says so then.
    pub(crate) async fn seller_of<I: FromStr>(
        &self,
        caller: &Caller,
        id: &str,
        named: impl FnOnce(I) -> Named + Send,
    ) -> Result<Arc<Seller>, Status> {
        let Ok(id) = id.parse() else { return self.own_seller(caller) };
        match self.app.seller_of(caller, named(id)).await {
            Err(Error::NotFound { .. }) => self.own_seller(caller),
            found => found.map_err(status),
        }
    }

    /// The first seller of a caller, for requests that name nothing of any.
    pub(crate) fn own_seller(&self, caller: &Caller) -> Result<Arc<Seller>, Status> {
        let first = caller.sellers.first().map(|seller| seller.as_str());
        self.app.resolve_seller(caller, first).map_err(status)
    }
}

/// Parses something else than a mutation, with every bad field told at once.
pub(crate) fn parse<T>(parse: impl FnOnce(&mut Validator) -> Option<T>) -> Result<T, Status> {
    let mut validator = Validator::new();
    let parsed = parse(&mut validator);
    validator.finish(parsed).map_err(|violations| status(violations.into()))
}
