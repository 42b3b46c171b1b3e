//! `ProviderService`.

use api_proto::v1::provider_service_server::ProviderService;
use api_proto::v1::*;
use domain::provider::Feature;
use tonic::{Request, Response, Status};

use super::{Services, caller};
use crate::status::status;

#[tonic::async_trait]
impl ProviderService for Services {
    async fn list_providers(
        &self,
        request: Request<ListProvidersRequest>,
    ) -> Result<Response<ListProvidersResponse>, Status> {
        let (caller, _) = caller(request)?;
        let providers =
            self.app.list_providers(&caller).into_iter().map(|provider| provider.name.to_string()).collect();
        Ok(Response::new(ListProvidersResponse { providers }))
    }

    async fn get_capabilities(
        &self,
        request: Request<GetCapabilitiesRequest>,
    ) -> Result<Response<GetCapabilitiesResponse>, Status> {
        let (caller, m) = caller(request)?;
        let provider = self.app.get_capabilities(&caller, &m.provider).map_err(status)?.capabilities;
        let ability = |feature: &Feature| Ability {
            name: feature.name().to_owned(),
            description: feature.description().to_owned(),
        };
        let (has, lacks): (Vec<_>, Vec<_>) = Feature::ALL.iter().partition(|feature| provider.has(**feature));
        let capabilities = Capabilities {
            abilities: has.into_iter().map(ability).collect(),
            missing_abilities: lacks.into_iter().map(ability).collect(),
            link_lifetime_max: provider.link_lifetime_max.map(|span| prost_types::Duration {
                seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
                nanos: 0,
            }),
            livemode: provider.livemode,
            locales: provider.locales.into_iter().collect(),
            line_items_max: i32::try_from(provider.line_items_max).unwrap_or(i32::MAX),
            bank_transfer_currency_codes: provider.bank_transfer_currencies.into_iter().collect(),
            features: provider.features.into_iter().map(|feature| feature.name().to_owned()).collect(),
        };
        Ok(Response::new(GetCapabilitiesResponse { capabilities: Some(capabilities) }))
    }
}
