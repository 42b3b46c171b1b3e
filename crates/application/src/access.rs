//! Who calls: API keys, and open access for development on loopback.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use domain::access::{ApiKey, Caller, Scope};
use domain::id::ApiKeyId;
use domain::seller::SellerId;
use domain::text::DisplayName;
use domain::timestamp::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::error::{Error, Reason};

/// What every token begins with, so that people and secret scanners recognize one.
const TOKEN_MARK: &str = "pl";

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessPolicy {
    /// Everyone who reaches the listener may do everything. For development on loopback alone.
    Open,
    /// Holders of an API key.
    ApiKeys,
}

/// What a new key is to be.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// A name for people.
    pub name: DisplayName,
    /// What it allows.
    pub scope: Scope,
    /// Whose things it may see; all sellers' if empty.
    pub sellers: BTreeSet<SellerId>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// 32 bytes of randomness: 8 for the public part, 24 for the secret one.
    pub entropy: [u8; 32],
}

/// A new key with its token, which is shown once and kept nowhere.
pub struct IssuedApiKey {
    /// The key.
    pub key: ApiKey,
    /// The token that a caller presents.
    pub token: String,
}

impl App {
    /// Finds out who calls by the token presented.
    ///
    /// # Errors
    /// No token where one is needed, or one that is unknown, expired or revoked: the same answer for each.
    pub async fn authenticate(&self, token: Option<&str>) -> Result<Caller, Error> {
        let everyone = || Caller { key: None, scope: Scope::Admin, sellers: self.seller_ids().cloned().collect() };
        let token = match (token, self.0.access) {
            (None, AccessPolicy::Open) => return Ok(everyone()),
            (None, AccessPolicy::ApiKeys) => {
                return Err(Error::Unauthenticated {
                    reason: Reason::CredentialsMissing,
                    message: "an API key is needed: in the header X-API-Key, or as authorization: Bearer pl_…"
                        .to_owned(),
                });
            }
            (Some(token), _) => token,
        };
        let prefix = public_part(token).ok_or_else(refused)?;
        let key = self.0.storage.load_api_key_by_prefix(prefix).await?.ok_or_else(refused)?;
        let is_right: bool = token_sha256(token).as_bytes().ct_eq(key.token_sha256.as_bytes()).into();
        let now = self.now();
        if !is_right || !key.is_active(now) {
            return Err(refused());
        }
        if key.is_use_worth_noting(now) {
            self.note_use(key.id, now);
        }
        let sellers = if key.sellers.is_empty() { self.seller_ids().cloned().collect() } else { key.sellers };
        Ok(Caller { key: Some(key.id), scope: key.scope, sellers })
    }

    /// Notes the use of a key. It is for the operator to know: no caller waits for it, and many calls at once note it once.
    fn note_use(&self, id: ApiKeyId, now: Timestamp) {
        if !self.0.noted_keys.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
            return;
        }
        let app = self.clone();
        tokio::spawn(async move {
            let note = app.transact(move |_, uow| Box::pin(async move { Ok(uow.note_use_of_api_key(id, now).await?) }));
            if let Err(error) = note.await {
                tracing::warn!(%error, key = %id, "the use of an API key can't be noted");
            }
            app.0.noted_keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        });
    }

    /// Makes an API key.
    ///
    /// # Errors
    /// A seller is unknown, or the store fails.
    pub async fn create_api_key(&self, new: NewApiKey) -> Result<IssuedApiKey, Error> {
        for seller in &new.sellers {
            if !self.seller_ids().any(|known| known == seller) {
                return Err(Error::not_found("seller", seller));
            }
        }
        let (public, secret) = new.entropy.split_at(8);
        let prefix = hex::encode(public);
        let token = format!("{TOKEN_MARK}_{prefix}_{}", hex::encode(secret));
        let key = ApiKey {
            id: self.new_api_key_id(),
            prefix,
            token_sha256: token_sha256(&token),
            name: new.name,
            scope: new.scope,
            sellers: new.sellers,
            created_at: self.now(),
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let mut uow = self.0.storage.begin().await?;
        uow.insert_api_key(&key).await?;
        uow.commit().await?;
        Ok(IssuedApiKey { key, token })
    }

    /// All API keys, newest first.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list_api_keys(&self) -> Result<Vec<ApiKey>, Error> {
        Ok(self.0.storage.list_api_keys().await?)
    }

    /// Revokes an API key, at once.
    ///
    /// # Errors
    /// There is none, or it is revoked already.
    pub async fn revoke_api_key(&self, id: ApiKeyId) -> Result<(), Error> {
        let mut uow = self.0.storage.begin().await?;
        let is_news = uow.revoke_api_key(id, self.now()).await?;
        uow.commit().await?;
        if is_news { Ok(()) } else { Err(Error::not_found("active API key", id)) }
    }
}

fn public_part(token: &str) -> Option<&str> {
    let mut parts = token.split('_');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(TOKEN_MARK), Some(prefix), Some(_), None) if prefix.len() == 16 => Some(prefix),
        _ => None,
    }
}

fn token_sha256(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

fn refused() -> Error {
    Error::Unauthenticated {
        reason: Reason::CredentialsInvalid,
        message: "the API key is unknown, expired or revoked".to_owned(),
    }
}
