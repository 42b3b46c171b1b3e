//! `SubscriptionService`, which has no methods yet.

use api_proto::v1::subscription_service_server::SubscriptionService;

use super::Services;

#[tonic::async_trait]
impl SubscriptionService for Services {}
