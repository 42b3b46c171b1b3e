//! Sharing a payment link.

use domain::access::Caller;
use domain::id::PaymentLinkId;
use domain::payment_link::{LinkSharing, SharingSpec};
use domain::validation::Validator;

use super::payment_link::link_error;
use crate::app::App;
use crate::error::Error;

impl App {
    /// The URL of a link with what it is to bring along. Stores nothing, and asks the provider nothing.
    ///
    /// # Errors
    /// There is no such link, it can't be paid now, the provider's URLs bring nothing along, or fields are bad.
    pub async fn share_payment_link(
        &self,
        caller: &Caller,
        id: PaymentLinkId,
        spec: &SharingSpec,
    ) -> Result<String, Error> {
        let link = self.get_payment_link(caller, id).await?;
        let provider = self.provider(&link.provider)?;
        // A bad field is told whatever the link's state is, as everywhere.
        let mut v = Validator::new();
        let parsed = LinkSharing::parse(&mut v, spec);
        spec.check(&link, provider.capabilities(), &mut v);
        let sharing = v.finish(parsed)?;
        let url = link.shareable_url().map_err(link_error)?;
        if let Some((feature, field)) = spec.needs().filter(|(feature, _)| !provider.capabilities().has(*feature)) {
            return Err(Error::unsupported(field, feature.name()));
        }
        Ok(provider.payment_link_url(url, &sharing)?)
    }
}
