//! The server: services, limits, health, reflection, and a graceful stop.

use std::io;
use std::time::Duration;

use api_proto::v1;
use application::App;
use futures::{Stream, StreamExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;

use crate::gathered::Gathered;
use crate::layer::CallLayer;
use crate::reflection;
use crate::services::{Reads, Services};
use crate::tls::GrpcTls;

/// The largest message, in bytes: 4 MiB, as gRPC has it by default.
pub(crate) const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// The largest list of headers, in bytes.
const HEADER_BYTES_MAX: u32 = 16 << 10;
/// How many calls of a connection run at once.
const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// How many resets a connection may have pending before it is closed: a flood of them costs no more.
const RESETS_PENDING_MAX: usize = 64;
/// How often a quiet connection is asked whether it lives, and how long its answer may take.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct GrpcConfig {
    /// Whether reflection is open to callers without a key.
    pub open_reflection: bool,
    /// How long calls may still run once the server stops.
    pub drain: Duration,
    /// How it speaks TLS; in the clear where absent.
    pub tls: Option<GrpcTls>,
}

/// Serves until `stop` turns true; then tells health checks that it does not serve, ends streams, and lets calls finish.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    app: App,
    listener: TcpListener,
    config: GrpcConfig,
    mut stop: watch::Receiver<bool>,
) -> Result<(), tonic::transport::Error> {
    let (health_reporter, health) = tonic_health::server::health_reporter();
    health_reporter.set_service_status("", ServingStatus::Serving).await;
    let routes = routes(&app, stop.clone()).add_service(health);
    let mut server = Server::builder()
        .layer(CallLayer::new(app, config.open_reflection))
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .http2_max_pending_accept_reset_streams(Some(RESETS_PENDING_MAX))
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1));
    let mut stopping = stop.clone();
    let stopped = async move {
        // An error means that whoever stops us is gone, which comes to the same.
        let _ = stopping.wait_for(|stop| *stop).await;
        health_reporter.set_service_status("", ServingStatus::NotServing).await;
    };
    let router = server.add_routes(routes);
    let serving = async {
        match &config.tls {
            Some(tls) => router.serve_with_incoming_shutdown(gathered(tls.incoming(listener)), stopped).await,
            None => router.serve_with_incoming_shutdown(gathered(incoming(listener)), stopped).await,
        }
    };
    // Health watchers may keep their streams open for ever, so the drain has an end.
    let drained = async {
        let _ = stop.wait_for(|stop| *stop).await;
        tokio::time::sleep(config.drain).await;
    };
    tokio::select! {
        served = serving => served,
        () = drained => Ok(()),
    }
}

fn routes(app: &App, stop: watch::Receiver<bool>) -> Routes {
    let services = Services { app: app.clone(), stop, reads: Reads::default() };
    macro_rules! service {
        ($module:ident, $server:ident) => {
            v1::$module::$server::new(services.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
        };
    }
    let mut builder = Routes::builder();
    builder
        .add_service(service!(catalog_service_server, CatalogServiceServer))
        .add_service(service!(customer_service_server, CustomerServiceServer))
        .add_service(service!(tax_service_server, TaxServiceServer))
        .add_service(service!(invoice_service_server, InvoiceServiceServer))
        .add_service(service!(payment_link_service_server, PaymentLinkServiceServer))
        .add_service(service!(checkout_service_server, CheckoutServiceServer))
        .add_service(service!(payment_service_server, PaymentServiceServer))
        .add_service(service!(subscription_service_server, SubscriptionServiceServer))
        .add_service(service!(event_service_server, EventServiceServer))
        .add_service(service!(provider_service_server, ProviderServiceServer));
    reflection::add_to(&mut builder);
    builder.routes()
}

/// The connections that come in. The end of a long answer is a small packet by itself, which must not wait until the caller has
/// acknowledged the rest: that takes 40 ms.
fn incoming(listener: TcpListener) -> TcpIncoming {
    TcpIncoming::from(listener).with_nodelay(Some(true))
}

fn gathered<T>(incoming: impl Stream<Item = io::Result<T>>) -> impl Stream<Item = io::Result<Gathered<T>>> {
    incoming.map(|connection| connection.map(Gathered::new))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn the_end_of_an_answer_waits_for_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _caller = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(incoming(listener).next().await.unwrap().unwrap().nodelay().unwrap());
    }
}
