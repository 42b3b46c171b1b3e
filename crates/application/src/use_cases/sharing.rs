//! Sharing a payment link.

use domain::access::Caller;
use domain::id::PaymentLinkId;
use domain::payment_link::{LinkSharing, SharingSpec};
use domain::validation::Validator;

use super::payment_link::{check_abilities, link_error};
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
        check_abilities(provider.as_ref(), spec.needs())?;
        Ok(provider.payment_link_url(url, &sharing)?)
    }
}
