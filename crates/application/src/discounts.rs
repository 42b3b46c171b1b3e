//! Promotion codes at the provider: made, found again, and brought into our books.

use domain::catalog::{PromotionCode, PromotionCodeChanges, PromotionCodeSnapshot};
use domain::event::{EventKind, EventSubject};
use domain::id::PromotionCodeId;
use domain::ports::provider::{PaymentProvider, ProviderError};
use domain::ports::storage::UnitOfWork;
use domain::provider::Intent;
use domain::seller::Seller;

use crate::app::App;
use crate::error::{Error, Reason};
use crate::provider_calls::{Lookup, look_up, unknown_still};

impl App {
    /// Fails if a seller's promotion codes could be redeemed at links of others: at the provider codes are the account's.
    ///
    /// # Errors
    /// Another seller uses the account too.
    pub(crate) fn expect_own_codes(&self, seller: &Seller, field: &str) -> Result<(), Error> {
        let others = self.0.sellers.values().filter(|other| other.id != seller.id && other.provider == seller.provider);
        if others.count() == 0 {
            return Ok(());
        }
        Err(Error::FailedPrecondition {
            reason: Reason::ProviderAccountShared,
            message: format!(
                "sellers that share an account at {} can't have promotion codes: each could be redeemed at the links of all",
                seller.provider
            ),
            field: Some(field.to_owned()),
        })
    }

    /// Has the provider make a promotion code, unless it is there already.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn make_promotion_code(
        &self,
        provider: &dyn PaymentProvider,
        intent: &mut Intent,
        id: PromotionCodeId,
        lookup: Lookup,
    ) -> Result<Result<PromotionCodeSnapshot, ProviderError>, Error> {
        let Some(code) = self.0.storage.load_promotion_code(id).await? else {
            return Ok(Err(ProviderError::NotFound));
        };
        let coupon = self.0.storage.get_coupon(&[code.seller_id.clone()].into(), code.terms.coupon_id).await?;
        let Some(coupon) = coupon else { return Ok(Err(ProviderError::NotFound)) };
        let find = || provider.find_promotion_code(&code);
        if let Some(known) = look_up(provider.capabilities(), intent, lookup, find).await {
            return Ok(known);
        }
        let made = provider.create_promotion_code(&intent.provider_key(), &code, &coupon).await;
        if lookup.must_look && matches!(made, Err(ProviderError::Rejected { .. })) {
            // Perhaps because an earlier request of ours came there only now.
            match provider.find_promotion_code(&code).await {
                Ok(Some(found)) => return Ok(Ok(found)),
                Ok(None) => {}
                Err(error) => return Ok(Err(unknown_still(error))),
            }
        }
        Ok(made)
    }

    /// Records what came of [`make_promotion_code`](Self::make_promotion_code), a refusal under its code.
    pub(crate) async fn conclude_promotion_code(
        &self,
        uow: &mut dyn UnitOfWork,
        id: PromotionCodeId,
        outcome: Result<&PromotionCodeSnapshot, String>,
    ) -> Result<PromotionCode, Error> {
        let now = self.now();
        let mut code = lock(uow, id).await?;
        let kind = match outcome {
            Ok(snapshot) if code.created(snapshot, now) => EventKind::PromotionCodeCreated,
            Err(refusal) if code.refused(&refusal, now) => EventKind::PromotionCodeFailed,
            _ => return Ok(code),
        };
        self.store_promotion_code(uow, &mut code, kind).await?;
        Ok(code)
    }

    /// Records a change that the provider has made.
    pub(crate) async fn conclude_promotion_code_update(
        &self,
        uow: &mut dyn UnitOfWork,
        id: PromotionCodeId,
        changes: &PromotionCodeChanges,
    ) -> Result<PromotionCode, Error> {
        let mut code = lock(uow, id).await?;
        code.change(changes, self.now()).map_err(Error::internal)?;
        self.store_promotion_code(uow, &mut code, EventKind::PromotionCodeUpdated).await?;
        Ok(code)
    }

    /// Someone made a code redeemable at the provider, or not, beside us; `version` is the stored one from before the look.
    /// `false` if the look is outdated, as by a change of our own, and must be repeated.
    pub(crate) async fn promotion_code_moved(
        &self,
        uow: &mut dyn UnitOfWork,
        version: i64,
        snapshot: &PromotionCodeSnapshot,
    ) -> Result<bool, Error> {
        let Some(mut code) = uow.lock_promotion_code(snapshot.promotion_code_id).await? else { return Ok(true) };
        let stored = code.version;
        // While a call of our own about the code is under way, the notification tells of that call.
        if uow.has_unfinished_intent(&code.id.to_string()).await? || !code.observe(snapshot.active, self.now()) {
            return Ok(true);
        }
        if version != stored {
            return Ok(false);
        }
        self.store_promotion_code(uow, &mut code, EventKind::PromotionCodeUpdated).await?;
        Ok(true)
    }

    async fn store_promotion_code(
        &self,
        uow: &mut dyn UnitOfWork,
        code: &mut PromotionCode,
        kind: EventKind,
    ) -> Result<(), Error> {
        uow.update_promotion_code(code).await?;
        self.record(uow, kind, EventSubject::PromotionCode(Box::new(code.clone()))).await
    }
}

async fn lock(uow: &mut dyn UnitOfWork, id: PromotionCodeId) -> Result<PromotionCode, Error> {
    let found = uow.lock_promotion_code(id).await?;
    found.ok_or_else(|| Error::internal("the promotion code of an intent is gone"))
}

#[cfg(test)]
mod tests;
