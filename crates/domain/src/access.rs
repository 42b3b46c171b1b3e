//! Who may call: API keys, what they allow, and on whose behalf.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::ApiKeyId;
use crate::seller::SellerId;
use crate::text::DisplayName;
use crate::timestamp::Timestamp;
use crate::validation::Invalid;

/// What a key allows. Each wider scope includes the narrower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read everything of the key's sellers.
    Read,
    /// Read, and change.
    Write,
    /// Write, and decide how the sellers are taxed from then on: their registrations for tax.
    Admin,
}

impl Scope {
    /// Parses a name.
    ///
    /// # Errors
    /// Not `read`, `write` or `admin`.
    pub fn parse(name: &str) -> Result<Self, Invalid> {
        match name {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            "admin" => Ok(Self::Admin),
            _ => Err(Invalid::new("UNKNOWN_SCOPE", "must be read, write or admin")),
        }
    }

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// An API key as it is stored: never the secret, only its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The public part of the token, by which it is found.
    pub prefix: String,
    /// SHA-256 of the whole token, in hexadecimal. The token is random, so a slow hash would protect nothing more.
    pub token_sha256: String,
    /// A name for people.
    pub name: DisplayName,
    /// What it allows.
    pub scope: Scope,
    /// Whose things it may see.
    pub sellers: BTreeSet<SellerId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it last opened anything, to within [`USE_NOTED_EVERY`]; absent before it has.
    pub last_used_at: Option<Timestamp>,
}

/// How exactly the last use of a key is known: a key costs no more than one write in this time, however often it is used.
pub const USE_NOTED_EVERY: Duration = Duration::from_secs(60);

impl ApiKey {
    /// Whether it is in force.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether a use at `now` is to be noted, or the one before is close enough.
    pub fn is_use_worth_noting(&self, now: Timestamp) -> bool {
        self.last_used_at.is_none_or(|at| at.plus(USE_NOTED_EVERY) <= now)
    }
}

/// Who calls, as far as access goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The key, or absent where access is open (loopback development).
    pub key: Option<ApiKeyId>,
    /// What the caller may do.
    pub scope: Scope,
    /// Whose things the caller may see; never empty.
    pub sellers: BTreeSet<SellerId>,
}
