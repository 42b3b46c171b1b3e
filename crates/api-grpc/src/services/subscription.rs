//! `SubscriptionService`.

use api_proto::v1::subscription_service_server::SubscriptionService;
use api_proto::v1::*;
use application::{CancelSubscription, ListQuery, Named};
use domain::ports::storage::SubscriptionFilter;
use tonic::{Request, Response, Status};

use super::{Services, caller, parse};
use crate::convert::input::{id, known, optional_id};
use crate::convert::subscription::{asked_state, cancellation_time, subscription};
use crate::page_token::{next_page_token, page_request};
use crate::status::status;

#[tonic::async_trait]
impl SubscriptionService for Services {
    async fn get_subscription(
        &self,
        request: Request<GetSubscriptionRequest>,
    ) -> Result<Response<GetSubscriptionResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let found = self.app.get_subscription(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetSubscriptionResponse { subscription: Some(subscription(&found)) }))
    }

    async fn list_subscriptions(
        &self,
        request: Request<ListSubscriptionsRequest>,
    ) -> Result<Response<ListSubscriptionsResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), m.payment_link_id.clone(), m.checkout_session_id.clone(), m.state);
        let (filter, page) = parse(|v| {
            let payment_link_id = optional_id(v, "payment_link_id", &m.payment_link_id);
            let checkout_session_id = optional_id(v, "checkout_session_id", &m.checkout_session_id);
            let state = known::<SubscriptionState>(v, "state", m.state).map(asked_state);
            let page = page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse());
            let filter = SubscriptionFilter {
                payment_link_id: payment_link_id?,
                checkout_session_id: checkout_session_id?,
                state: state?,
            };
            Some((filter, page?))
        })?;
        let page = self.app.list_subscriptions(&caller, ListQuery { seller, filter, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |subscription| subscription.id.to_string());
        let subscriptions = page.items.iter().map(subscription).collect();
        Ok(Response::new(ListSubscriptionsResponse { subscriptions, next_page_token }))
    }

    async fn cancel_subscription(
        &self,
        request: Request<CancelSubscriptionRequest>,
    ) -> Result<Response<CancelSubscriptionResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller_of(&caller, &m.id, Named::Subscription).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let id = id(v, "id", &m.id);
            let at = cancellation_time(v, m.at);
            Some(CancelSubscription { id: id?, at: at? })
        })?;
        let canceled = self.app.cancel_subscription(mutation).await.map_err(status)?;
        Ok(Response::new(CancelSubscriptionResponse { subscription: Some(subscription(&canceled)) }))
    }
}
