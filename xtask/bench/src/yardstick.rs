//! `GetPaymentLink` in the simplest way there is: a bare tonic handler that selects the row with sea-orm. It knows no caller, no
//! deadline, no log and no metric, and answers what the row has.

use std::net::SocketAddr;

use anyhow::Result;
use api_proto::v1;
use api_proto::v1::payment_link_service_server::{PaymentLinkService, PaymentLinkServiceServer};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectOptions, Database};
use tonic::transport::Server;
use tonic::{Request, Response, Status};

mod payment_links {
    #![expect(unreachable_pub, reason = "the macro of sea-orm makes public what it makes")]

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "payment_links")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub seller_id: String,
        pub version: i64,
        pub state: String,
        pub open: bool,
        pub invoice_id: Option<String>,
        pub provider: String,
        pub provider_ref: Option<String>,
        pub expires_at_us: Option<i64>,
        pub document: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

struct Bare(DatabaseConnection);

/// Serves until it is ended.
///
/// # Errors
/// The database or the address can't be had.
pub async fn serve(database: &str, listen: SocketAddr) -> Result<()> {
    let mut options = ConnectOptions::new(database);
    // The service's pool has as many, and asks none that was just used whether it lives.
    options.max_connections(16).sqlx_logging(false).test_before_acquire(false);
    let bare = Bare(Database::connect(options).await?);
    let server = Server::builder().tcp_nodelay(true).add_service(PaymentLinkServiceServer::new(bare));
    Ok(server.serve(listen).await?)
}

macro_rules! nothing_else {
    ($($method:ident($request:ident) -> $response:ident,)*) => {
        #[tonic::async_trait]
        impl PaymentLinkService for Bare {
            async fn get_payment_link(
                &self,
                request: Request<v1::GetPaymentLinkRequest>,
            ) -> Result<Response<v1::GetPaymentLinkResponse>, Status> {
                get(&self.0, request.into_inner().id).await
            }

            $(async fn $method(&self, _: Request<v1::$request>) -> Result<Response<v1::$response>, Status> {
                Err(Status::unimplemented("a yardstick has one length"))
            })*
        }
    };
}

nothing_else! {
    create_payment_link(CreatePaymentLinkRequest) -> CreatePaymentLinkResponse,
    update_payment_link(UpdatePaymentLinkRequest) -> UpdatePaymentLinkResponse,
    list_payment_links(ListPaymentLinksRequest) -> ListPaymentLinksResponse,
    list_payment_link_line_items(ListPaymentLinkLineItemsRequest) -> ListPaymentLinkLineItemsResponse,
    activate_payment_link(ActivatePaymentLinkRequest) -> ActivatePaymentLinkResponse,
    deactivate_payment_link(DeactivatePaymentLinkRequest) -> DeactivatePaymentLinkResponse,
    share_payment_link(SharePaymentLinkRequest) -> SharePaymentLinkResponse,
}

async fn get(db: &DatabaseConnection, id: String) -> Result<Response<v1::GetPaymentLinkResponse>, Status> {
    let found = payment_links::Entity::find_by_id(id).one(db).await.map_err(|e| Status::internal(e.to_string()))?;
    let row = found.ok_or_else(|| Status::not_found("no such link"))?;
    let text = |name: &str| row.document[name].as_str().unwrap_or_default().to_owned();
    let link = v1::PaymentLink {
        url: text("url"),
        etag: row.version.to_string(),
        active: row.open,
        id: row.id,
        seller_id: row.seller_id,
        invoice_id: row.invoice_id.unwrap_or_default(),
        provider: row.provider,
        provider_ref: row.provider_ref.unwrap_or_default(),
        ..v1::PaymentLink::default()
    };
    Ok(Response::new(v1::GetPaymentLinkResponse { payment_link: Some(link) }))
}
