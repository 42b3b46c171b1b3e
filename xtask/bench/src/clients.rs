//! Callers: the generated client, with the key, and a look at each status.

use anyhow::{Context, Result};
use api_proto::v1;
use api_proto::v1::catalog_service_client::CatalogServiceClient;
use api_proto::v1::event_service_client::EventServiceClient;
use api_proto::v1::payment_link_service_client::PaymentLinkServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Puts the key on each call.
#[derive(Clone)]
pub(crate) struct Key(MetadataValue<Ascii>);

impl Interceptor for Key {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

pub(crate) type Keyed = InterceptedService<Channel, Key>;
pub(crate) type Links = PaymentLinkServiceClient<Keyed>;

/// Several connections to what listens at `url`, so that none of them is what is measured, each with the key.
pub(crate) async fn connections(url: &str, token: &str, count: usize) -> Result<Vec<Keyed>> {
    let key = Key(format!("Bearer {token}").parse()?);
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(InterceptedService::new(connect(url).await?, key.clone()));
    }
    Ok(all)
}

pub(crate) async fn connect(url: &str) -> Result<Channel> {
    let endpoint = Channel::from_shared(url.to_owned())?.tcp_nodelay(true);
    endpoint.connect().await.with_context(|| format!("{url} can't be reached"))
}

/// A request id that no other call has. Of letters: what is no UUID might have the digits of a card number by chance, which is
/// refused.
pub(crate) fn request_id() -> String {
    std::iter::repeat_with(fastrand::lowercase).take(26).collect()
}

/// A link for one item, without an invoice.
pub(crate) fn link_request() -> v1::CreatePaymentLinkRequest {
    let price = v1::LinePriceData {
        name: "Web hosting".to_owned(),
        unit_price: Some(v1::UnitPrice { minor_units: "128700".to_owned(), currency_code: "SEK".to_owned() }),
        ..v1::LinePriceData::default()
    };
    let price = Some(v1::line_item_input::Price::PriceData(price));
    v1::CreatePaymentLinkRequest {
        request_id: request_id(),
        line_items: vec![v1::LineItemInput { price, quantity: 1, adjustable_quantity: None }],
        ..v1::CreatePaymentLinkRequest::default()
    }
}

/// Makes a link; its id.
pub(crate) async fn create_link(mut links: Links) -> Result<String> {
    let made = links.create_payment_link(link_request()).await.context("CreatePaymentLink")?.into_inner();
    let link = made.payment_link.context("an answer without a link")?;
    anyhow::ensure!(!link.url.is_empty(), "a link without a page: {link:?}");
    Ok(link.id)
}

/// Makes a product; its id.
pub(crate) async fn create_product(connection: Keyed) -> Result<String> {
    let request =
        v1::CreateProductRequest { request_id: request_id(), name: "T-shirt".to_owned(), ..Default::default() };
    let made = CatalogServiceClient::new(connection).create_product(request).await.context("CreateProduct")?;
    Ok(made.into_inner().product.context("an answer without a product")?.id)
}

pub(crate) async fn list_products(channel: Channel) -> Result<()> {
    let request = v1::ListProductsRequest::default();
    CatalogServiceClient::new(channel).list_products(request).await.context("ListProducts")?;
    Ok(())
}

/// Follows events from now on; the stream has begun when this answers.
pub(crate) async fn follow(connection: Keyed) -> Result<tonic::Streaming<v1::StreamEventsResponse>> {
    let request = v1::StreamEventsRequest::default();
    let mut stream =
        EventServiceClient::new(connection).stream_events(request).await.context("StreamEvents")?.into_inner();
    stream.message().await?.context("a stream that ended at once")?;
    Ok(stream)
}
