//! The sessions of a link's visitors: how they are found, and closed with the link.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use domain::ports::provider::ProviderError;
use domain::provider::ProviderKey;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::{PAGES_MAX, StripeProvider, id_of};
use crate::client::Params;
use crate::params::push;

/// How many sessions of a link are closed at once.
const CLOSED_AT_ONCE: usize = 8;

impl StripeProvider {
    /// Closes a session; one that is closed or completed already is fine. Stripe refuses for more reasons than these, so
    /// callers look how the session stands.
    pub(super) async fn close(&self, key: &str, session: &str) -> Result<(), ProviderError> {
        match self.client.post(&format!("/v1/checkout/sessions/{session}/expire"), vec![], key).await {
            Ok(_) | Err(ProviderError::Rejected { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Closes the open sessions of a link's visitors, a page of the list after another: what is closed leaves the list, so each
    /// first page has others, also those that have come meanwhile.
    ///
    /// # Errors
    /// Also when some are still open that were tried already, or after so many pages: what is closed stays closed, so the next
    /// call goes on from there.
    pub(super) async fn close_open_sessions(&self, key: &ProviderKey, link: &str) -> Result<(), ProviderError> {
        let mut tried = BTreeSet::new();
        for _ in 0..PAGES_MAX {
            let params = [("payment_link", link), ("status", "open"), ("limit", "100")];
            let params = params.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
            let page = self.client.get("/v1/checkout/sessions", params).await?;
            let open: Vec<String> = page["data"]
                .as_array()
                .ok_or(ProviderError::Unavailable)?
                .iter()
                .map(id_of)
                .collect::<Result<_, _>>()?;
            if open.is_empty() {
                return Ok(());
            }
            let new: Vec<String> = open.into_iter().filter(|session| tried.insert(session.clone())).collect();
            if new.is_empty() {
                break;
            }
            stream::iter(new)
                .map(|session| async move { self.close(&format!("{}-{session}", key.0), &session).await })
                .buffer_unordered(CLOSED_AT_ONCE)
                .try_collect::<()>()
                .await?;
        }
        Err(ProviderError::Conflict { code: "session_still_open".to_owned() })
    }

    /// The sessions of a link's visitors in a state.
    pub(super) async fn sessions_of(&self, link: &str, state: &str) -> Result<Vec<String>, ProviderError> {
        let mut params = Params::new();
        push(&mut params, "payment_link", link);
        push(&mut params, "status", state);
        let found = Mutex::new(Vec::new());
        let collect = |session: &Value| -> Option<()> {
            let id = session["id"].as_str()?.to_owned();
            found.lock().unwrap_or_else(PoisonError::into_inner).push(id);
            None
        };
        self.find("/v1/checkout/sessions", params, collect).await?;
        Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}
