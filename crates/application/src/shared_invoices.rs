//! Invoices that are shared with their customers: a URL for each, that nobody can guess and that ends.
//!
//! The URL holds all that it grants (which invoice, in which language, until when) and a signature of it by a key that all
//! servers share; so nothing is stored for it, and every replica can open it. The key is a row of the database, made by
//! whichever server starts first: an operator has nothing to set up or to lose, and whoever can read it can read the
//! invoices themselves. Without that row all URLs end at once. It must not know how a page looks.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::access::Caller;
use domain::credit_note::CreditNote;
use domain::document::{Document, DocumentError, InvoiceDocumentKind, Language};
use domain::id::InvoiceId;
use domain::invoice::Invoice;
use domain::page::{PageRequest, PageSize};
use domain::ports::storage::{CreditNoteFilter, Sellers, SharedSecret};
use domain::timestamp::Timestamp;
use domain::validation::Invalid;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::app::App;
use crate::documents::{RenderedFile, credit_note_document, no_document};
use crate::error::{Error, Reason};
use crate::rendering::Audience;

/// How invoices are shared with their customers.
#[derive(Debug, Clone)]
pub struct InvoiceSharing {
    /// Signs the URLs. The same for every server on one store.
    pub key: SharedSecret,
    /// Below which the pages are, such as `https://pay.example.com/invoices/`.
    pub pages_url: String,
}

/// How an invoice is to be shared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShareInvoice {
    /// The language of the page and of its documents; the customer's where absent, else English.
    pub language: Option<Language>,
    /// How long the URL is good for; [`ShareInvoice::LIFETIME_DEFAULT`] where absent.
    pub lifetime: Option<Duration>,
}

/// A URL of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedUrl {
    /// The URL.
    pub url: String,
    /// When it ends, in whole seconds.
    pub expires_at: Timestamp,
}

/// What a customer is shown of an invoice.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedInvoice {
    /// The invoice as it stands.
    pub invoice: Document,
    /// The receipt, once money has come in.
    pub receipt: Option<Document>,
    /// Its credit notes, the earliest first.
    pub credit_notes: Vec<Document>,
}

/// A document of a shared invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedDocument {
    /// The invoice, or the receipt for what has come in.
    OfInvoice(InvoiceDocumentKind),
    /// A credit note by its place, from 1, the earliest first.
    CreditNote(usize),
}

impl ShareInvoice {
    /// The shortest lifetime.
    pub const LIFETIME_MIN: Duration = Duration::from_secs(60);
    /// The longest lifetime: 90 days.
    pub const LIFETIME_MAX: Duration = Duration::from_secs(90 * 24 * 60 * 60);
    /// The lifetime where a caller says nothing: 30 days.
    pub const LIFETIME_DEFAULT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// Parses a lifetime in seconds.
    ///
    /// # Errors
    /// Below a minute, or above 90 days.
    pub fn parse_lifetime(seconds: i64) -> Result<Duration, Invalid> {
        let lifetime = u64::try_from(seconds).map(Duration::from_secs);
        let fits = |lifetime: &Duration| (Self::LIFETIME_MIN..=Self::LIFETIME_MAX).contains(lifetime);
        lifetime.ok().filter(fits).ok_or_else(|| Invalid::new("LIFETIME_OUT_OF_RANGE", "must be from 60s to 7776000s"))
    }
}

impl App {
    /// A URL under which whoever has it sees a finalized invoice and its documents, until it ends. Stores nothing.
    ///
    /// # Errors
    /// There is no such invoice, or it was never finalized.
    pub async fn share_invoice(
        &self,
        caller: &Caller,
        invoice_id: InvoiceId,
        share: ShareInvoice,
    ) -> Result<SharedUrl, Error> {
        let invoice = self.get_invoice(caller, invoice_id).await?;
        if invoice.finalization().is_none() {
            return Err(no_document(DocumentError::NotFinalized));
        }
        let language = self.document_language(&invoice, share.language).await?;
        Ok(self.shared_url(invoice_id, language, share.lifetime.unwrap_or(ShareInvoice::LIFETIME_DEFAULT)))
    }

    /// A URL that shows a finalized invoice for so long.
    pub(crate) fn shared_url(&self, invoice_id: InvoiceId, language: Language, lifetime: Duration) -> SharedUrl {
        let ends = self.now().plus(lifetime);
        let grant = Grant { invoice_id, language, expires_at: Timestamp::from_unix_seconds(ends.unix_seconds()) };
        let InvoiceSharing { key, pages_url } = &self.0.sharing;
        SharedUrl { url: format!("{pages_url}{}", grant.sign(key)), expires_at: grant.expires_at }
    }

    /// What the token of a URL shows, in `language` or in that of the URL.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a token that is forged, has ended or shows nothing any more, without telling which.
    pub async fn open_shared_invoice(&self, token: &str, language: Option<Language>) -> Result<SharedInvoice, Error> {
        let (invoice, language) = self.granted(token, language).await?;
        let (invoice, payments) = self.with_payments(invoice).await?;
        let of_one_moment = (&invoice, payments.as_slice());
        let receipt = match self.document_of(of_one_moment, InvoiceDocumentKind::Receipt, language).await {
            Ok(receipt) => Some(receipt),
            Err(Error::FailedPrecondition { reason: Reason::InvoiceState, .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(SharedInvoice {
            invoice: self.document_of(of_one_moment, InvoiceDocumentKind::Invoice, language).await?,
            receipt,
            credit_notes: self.shared_credit_notes(&invoice, language).await?,
        })
    }

    /// A document that the token of a URL shows, as a file.
    ///
    /// # Errors
    /// As of [`App::open_shared_invoice`]; also where there is no such document.
    pub async fn render_shared(
        &self,
        token: &str,
        which: SharedDocument,
        language: Option<Language>,
    ) -> Result<RenderedFile, Error> {
        let (invoice, language) = self.granted(token, language).await?;
        let document = match which {
            SharedDocument::OfInvoice(kind) => {
                let (invoice, payments) = self.with_payments(invoice).await?;
                self.document_of((&invoice, &payments), kind, language).await
            }
            SharedDocument::CreditNote(place) => {
                let notes = self.shared_credit_notes(&invoice, language).await?;
                let note = place.checked_sub(1).and_then(|index| notes.into_iter().nth(index));
                note.ok_or_else(not_shared)
            }
        };
        match document {
            Ok(document) => self.render(document, Audience::Visitor).await,
            Err(Error::FailedPrecondition { reason: Reason::InvoiceState, .. }) => Err(not_shared()),
            Err(error) => Err(error),
        }
    }

    /// The invoice that a token grants, and the language in which it is to be shown.
    async fn granted(&self, token: &str, language: Option<Language>) -> Result<(Invoice, Language), Error> {
        let grant = Grant::verify(token, &self.0.sharing.key, self.now()).ok_or_else(not_shared)?;
        let sellers: Sellers = self.seller_ids().cloned().collect();
        let invoice = self.0.storage.get_invoice(&sellers, grant.invoice_id).await?.ok_or_else(not_shared)?;
        Ok((invoice, language.unwrap_or(grant.language)))
    }

    async fn shared_credit_notes(&self, invoice: &Invoice, language: Language) -> Result<Vec<Document>, Error> {
        if invoice.credits.is_none() {
            return Ok(Vec::new());
        }
        let filter = CreditNoteFilter { invoice_id: Some(invoice.id), ..CreditNoteFilter::default() };
        let mut notes: Vec<CreditNote> = Vec::new();
        loop {
            let request = PageRequest { size: PageSize::DEFAULT, before: notes.last().map(|note| note.id) };
            let page = self.0.storage.list_credit_notes(&invoice.seller_id, filter.clone(), request).await?;
            notes.extend(page.items);
            if !page.has_more {
                break;
            }
        }
        notes.iter().rev().map(|note| credit_note_document(note, invoice, language)).collect()
    }
}

/// The answer to every token that shows nothing. The token itself is a secret, and is not repeated.
fn not_shared() -> Error {
    Error::not_found("shared invoice", "")
}

/// What a token grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grant {
    invoice_id: InvoiceId,
    language: Language,
    expires_at: Timestamp,
}

impl Grant {
    /// What every token begins with, so that another form can be told from this one.
    const VERSION: u8 = 1;
    /// Version, language, invoice and the second at which it ends.
    const CONTENT_BYTES: usize = 1 + 2 + 16 + 8;
    /// A signature of 144 bits: more than the 128 that RFC 2104 (section 5) leaves of an HMAC with SHA-256, and such that a
    /// token is a whole number of base64's groups, with one way to write it.
    const SIGNATURE_BYTES: usize = 18;

    /// The token: the content and its signature in the alphabet of URLs (RFC 4648, section 5).
    fn sign(&self, key: &SharedSecret) -> String {
        let mut token = Vec::with_capacity(Self::CONTENT_BYTES + Self::SIGNATURE_BYTES);
        token.push(Self::VERSION);
        token.extend(self.language.code().as_bytes());
        token.extend(self.invoice_id.uuid().as_bytes());
        token.extend(self.expires_at.unix_seconds().to_be_bytes());
        let signature = signer(key).map(|signer| signer.chain_update(&token).finalize().into_bytes());
        token.extend(signature.iter().flatten().take(Self::SIGNATURE_BYTES));
        BASE64_URL_SAFE_NO_PAD.encode(token)
    }

    /// What a token grants now, if it was signed with `key` and has not ended. The signature is compared in the same time
    /// whatever the difference, and before anything else is read.
    fn verify(token: &str, key: &SharedSecret, now: Timestamp) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        if bytes.len() != Self::CONTENT_BYTES + Self::SIGNATURE_BYTES {
            return None;
        }
        let (content, signature) = bytes.split_at(Self::CONTENT_BYTES);
        signer(key)?.chain_update(content).verify_truncated_left(signature).ok()?;
        let (version, rest) = content.split_first()?;
        let (language, rest) = rest.split_at(2);
        let (invoice, seconds) = rest.split_at(16);
        let expires_at = Timestamp::from_unix_seconds(i64::from_be_bytes(seconds.try_into().ok()?));
        let invoice_id = InvoiceId::parse(&format!("inv_{}", hex::encode(invoice))).ok()?;
        let language = Language::parse(std::str::from_utf8(language).ok()?).ok()?;
        (*version == Self::VERSION && now < expires_at).then_some(Self { invoice_id, language, expires_at })
    }
}

/// HMAC takes a key of any length, so there always is one.
fn signer(key: &SharedSecret) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(key.expose()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mocked::{UUID, sharing};

    const ENDS: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn grant() -> Grant {
        let invoice_id = InvoiceId::from_uuid(uuid::Uuid::from_u128(UUID));
        Grant { invoice_id, language: Language::Swedish, expires_at: ENDS }
    }

    fn before() -> Timestamp {
        ENDS.minus(Duration::from_secs(1))
    }

    #[test]
    fn a_token_grants_what_was_signed_until_it_ends() {
        let key = sharing().key;
        let token = grant().sign(&key);
        assert!(token.len() == 60 && token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
        assert_eq!(Grant::verify(&token, &key, before()), Some(grant()));
        assert_eq!(Grant::verify(&token, &key, ENDS), None);
    }

    #[test]
    fn a_token_with_any_bit_changed_grants_nothing() {
        let key = sharing().key;
        let token = BASE64_URL_SAFE_NO_PAD.decode(grant().sign(&key)).unwrap();
        for bit in 0..token.len() * 8 {
            let mut forged = token.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Grant::verify(&BASE64_URL_SAFE_NO_PAD.encode(forged), &key, before()), None, "bit {bit}");
        }
    }

    #[test]
    fn a_token_of_another_key_or_length_grants_nothing() {
        let (key, other) = (sharing().key, SharedSecret::new([8; SharedSecret::BYTES]));
        let token = grant().sign(&key);
        assert_eq!(Grant::verify(&token, &other, before()), None);
        for bad in
            ["", "x", &token[..56], &format!("{token}AAAA"), &format!("{token}="), &token.replace(&token[..1], "+")]
        {
            assert_eq!(Grant::verify(bad, &key, before()), None, "{bad}");
        }
    }

    #[test]
    fn a_lifetime_is_from_a_minute_to_ninety_days() {
        assert_eq!(ShareInvoice::parse_lifetime(60).unwrap(), ShareInvoice::LIFETIME_MIN);
        assert_eq!(ShareInvoice::parse_lifetime(7_776_000).unwrap(), ShareInvoice::LIFETIME_MAX);
        for bad in [i64::MIN, -1, 0, 59, 7_776_001] {
            assert_eq!(ShareInvoice::parse_lifetime(bad).unwrap_err().rule, "LIFETIME_OUT_OF_RANGE", "{bad}");
        }
    }
}
