//! Coupons, and the promotion codes by which customers come by them.

use domain::catalog::{
    Code, Coupon, CouponChanges, CurrencyAmounts, NewCoupon, NewPromotionCode, PromotionCode, PromotionCodeChanges,
    PromotionCodeState, Redemptions,
};
use domain::event::{EventKind, EventSubject};
use domain::id::{CouponId, PromotionCodeId};
use domain::metadata::Metadata;
use domain::page::PageRequest;
use domain::ports::storage::{PromotionCodeFilter, UnitOfWork};
use domain::provider::{Feature, ProviderAction};
use domain::seller::SellerId;
use domain::timestamp::Timestamp;
use serde::Serialize;

use super::catalog::in_metadata;
use super::reads;
use crate::app::App;
use crate::error::{Error, Reason};
use crate::mutation::{Mutation, Step, Update};

reads!("coupon", Coupon, CouponId, get_coupon, list_coupons(Option<bool>));
reads!("promotion code", PromotionCode, PromotionCodeId, get_promotion_code, list_promotion_codes(PromotionCodeFilter));

/// What a caller says of a new promotion code.
#[derive(Debug, Clone, Serialize)]
pub struct CreatePromotionCode {
    /// The coupon whose discount it gives, which must be active.
    pub coupon_id: CouponId,
    /// What customers enter; one that is hard to guess where absent.
    pub code: Option<Code>,
    /// How often it can be redeemed; never more often than its coupon.
    pub max_redemptions: Option<Redemptions>,
    /// From when on it can't be redeemed any more; never later than its coupon.
    pub expires_at: Option<Timestamp>,
    /// Whether only customers may redeem it who never paid before.
    pub first_time_only: bool,
    /// The least that must be bought.
    pub minimum: Option<CurrencyAmounts>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

impl App {
    /// Creates a coupon. The provider has it with its first promotion code.
    ///
    /// # Errors
    /// Its last moment has passed, or the request id was used otherwise.
    pub async fn create_coupon(&self, mutation: Mutation<NewCoupon>) -> Result<Coupon, Error> {
        self.mutate("CreateCoupon", mutation, |app, uow, m| {
            Box::pin(async move {
                let now = app.now();
                if m.command.redeem_by.is_some_and(|end| end <= now) {
                    return Err(Error::field("redeem_by_time", "IN_THE_PAST", "must be ahead"));
                }
                let mut coupon = Coupon::new(app.new_coupon_id(), m.seller.id.clone(), m.command.clone(), now);
                uow.insert_coupon(&mut coupon).await?;
                app.record(uow, EventKind::CouponCreated, EventSubject::Coupon(Box::new(coupon.clone()))).await?;
                Ok(Step::Done(coupon))
            })
        })
        .await
    }

    /// Changes a coupon; never what it takes off.
    ///
    /// # Errors
    /// There is none, its etag is another, or the change is invalid.
    pub async fn update_coupon(&self, mutation: Mutation<Update<CouponId, CouponChanges>>) -> Result<Coupon, Error> {
        self.mutate("UpdateCoupon", mutation, |app, uow, m| {
            Box::pin(async move {
                let update = &m.command;
                let found = uow.get_coupon(&m.caller.sellers, update.id).await?;
                let mut coupon = found.ok_or_else(|| Error::not_found("coupon", update.id))?;
                update.expect_etag(&coupon.etag())?;
                coupon.change(update.changes.clone(), app.now()).map_err(in_metadata)?;
                uow.update_coupon(&mut coupon).await?;
                app.record(uow, EventKind::CouponUpdated, EventSubject::Coupon(Box::new(coupon.clone()))).await?;
                Ok(Step::Done(coupon))
            })
        })
        .await
    }

    /// Creates a promotion code, at the seller's provider as well.
    ///
    /// # Errors
    /// The coupon is unknown or can't be given any more, the code outdoes it, the provider refuses it, as where another
    /// active code is the same, or can't be reached; the request id was used otherwise.
    pub async fn create_promotion_code(&self, mutation: Mutation<CreatePromotionCode>) -> Result<PromotionCode, Error> {
        self.mutate("CreatePromotionCode", mutation, |app, uow, m| {
            Box::pin(async move {
                let (command, now) = (m.command.clone(), app.now());
                let coupon = uow.get_coupon(&[m.seller.id.clone()].into(), command.coupon_id).await?;
                let coupon = coupon.ok_or_else(|| {
                    Error::field("coupon_id", "UNKNOWN_COUPON", format!("names no coupon: {}", command.coupon_id))
                })?;
                let provider = app.provider(&m.seller.provider)?;
                if !provider.capabilities().has(Feature::PromotionCodes) {
                    return Err(Error::unsupported("code", Feature::PromotionCodes.name()));
                }
                app.expect_own_codes(&m.seller, "code")?;
                let terms = NewPromotionCode {
                    coupon_id: coupon.id,
                    code: command.code.unwrap_or_else(|| app.draw_code()),
                    max_redemptions: command.max_redemptions,
                    expires_at: command.expires_at,
                    first_time_only: command.first_time_only,
                    minimum: command.minimum,
                    metadata: command.metadata,
                };
                terms.expect_within(&coupon, now)?;
                app.expect_code_free(uow, &m.seller.id, &terms.code).await?;
                let id = app.new_promotion_code_id();
                let at = (m.seller.provider.clone(), provider.capabilities().livemode);
                let mut code = PromotionCode::creating(id, m.seller.id.clone(), terms, at, now);
                uow.insert_promotion_code(&mut code).await?;
                app.call(uow, m, &code.provider, ProviderAction::CreatePromotionCode { promotion_code_id: id }).await
            })
        })
        .await
    }

    /// Fails if another code of the seller's is the same to customers. One that is another program's the provider knows.
    async fn expect_code_free(&self, uow: &dyn UnitOfWork, seller: &SellerId, code: &Code) -> Result<(), Error> {
        for state in [PromotionCodeState::Active, PromotionCodeState::Creating] {
            let filter =
                PromotionCodeFilter { code: Some(code.clone()), state: Some(state.name()), ..Default::default() };
            let known = uow.list_promotion_codes(seller, filter, PageRequest::NEWEST).await?;
            if let Some(known) = known.items.first() {
                return Err(Error::AlreadyExists {
                    reason: Reason::PromotionCodeTaken,
                    message: format!("{} is the code of another promotion code that is active", code.as_str()),
                    existing: Some(known.id.to_string()),
                });
            }
        }
        Ok(())
    }

    /// Changes a promotion code: whether it can be redeemed at the provider too.
    ///
    /// # Errors
    /// There is none, its etag is another, the provider never made it or refuses the change, or the change is invalid.
    pub async fn update_promotion_code(
        &self,
        mutation: Mutation<Update<PromotionCodeId, PromotionCodeChanges>>,
    ) -> Result<PromotionCode, Error> {
        self.mutate("UpdatePromotionCode", mutation, |app, uow, m| {
            Box::pin(async move {
                let update = &m.command;
                let found = uow.lock_promotion_code(update.id).await?;
                let found = found.filter(|code| m.caller.sellers.contains(&code.seller_id));
                let code = found.ok_or_else(|| Error::not_found("promotion code", update.id))?;
                update.expect_etag(&code.etag())?;
                code.expect_made().map_err(|refused| Error::precondition(Reason::PromotionCodeState, refused))?;
                let (id, changes) = (code.id, update.changes.clone());
                let mut changed = code.clone();
                changed.change(&update.changes, app.now()).map_err(in_metadata)?;
                // The metadata that a call under way will set might not fit beside this.
                app.expect_no_call(uow, &id.to_string()).await?;
                if changed.state != code.state {
                    let changes = Box::new(changes);
                    let action = ProviderAction::UpdatePromotionCode { promotion_code_id: id, changes };
                    return app.call(uow, m, &code.provider, action).await;
                }
                // The provider has nothing of the rest.
                Ok(Step::Done(app.conclude_promotion_code_update(uow, id, &changes).await?))
            })
        })
        .await
    }
}
