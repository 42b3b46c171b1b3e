//! Where coupons and promotion codes are kept: parts of the [storage](super::storage) port.

use async_trait::async_trait;

use super::storage::{Sellers, StorageError};
use crate::catalog::{Code, Coupon, PromotionCode};
use crate::id::{CouponId, PromotionCodeId};
use crate::page::{Page, PageRequest};
use crate::provider::{ProviderName, ProviderRef};
use crate::seller::SellerId;

/// Which promotion codes to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromotionCodeFilter {
    /// Of this coupon.
    pub coupon_id: Option<CouponId>,
    /// That customers enter so, in whatever case.
    pub code: Option<Code>,
    /// In this state, by its name.
    pub state: Option<&'static str>,
}

/// Reads of coupons and promotion codes.
#[async_trait]
pub trait DiscountQueries {
    /// A coupon.
    async fn get_coupon(&self, sellers: &Sellers, id: CouponId) -> Result<Option<Coupon>, StorageError>;
    /// Coupons of a seller, newest first.
    async fn list_coupons(
        &self,
        seller: &SellerId,
        active: Option<bool>,
        page: PageRequest<CouponId>,
    ) -> Result<Page<Coupon>, StorageError>;
    /// A promotion code.
    async fn get_promotion_code(
        &self,
        sellers: &Sellers,
        id: PromotionCodeId,
    ) -> Result<Option<PromotionCode>, StorageError>;
    /// A promotion code by id, of whichever seller.
    async fn load_promotion_code(&self, id: PromotionCodeId) -> Result<Option<PromotionCode>, StorageError>;
    /// A promotion code by its id at a provider.
    async fn load_promotion_code_by_ref(
        &self,
        provider: &ProviderName,
        provider_ref: &ProviderRef,
    ) -> Result<Option<PromotionCode>, StorageError>;
    /// Promotion codes of a seller, newest first.
    async fn list_promotion_codes(
        &self,
        seller: &SellerId,
        filter: PromotionCodeFilter,
        page: PageRequest<PromotionCodeId>,
    ) -> Result<Page<PromotionCode>, StorageError>;
}

/// Writes of coupons and promotion codes. An `update` fails with [`StorageError::Stale`] unless the stored version is the
/// aggregate's.
#[async_trait]
pub trait DiscountCommands {
    /// Adds a coupon.
    async fn insert_coupon(&mut self, coupon: &mut Coupon) -> Result<(), StorageError>;
    /// Changes a coupon.
    async fn update_coupon(&mut self, coupon: &mut Coupon) -> Result<(), StorageError>;
    /// Reads a promotion code and keeps others from changing it until the end of the transaction.
    async fn lock_promotion_code(&mut self, id: PromotionCodeId) -> Result<Option<PromotionCode>, StorageError>;
    /// Adds a promotion code.
    async fn insert_promotion_code(&mut self, code: &mut PromotionCode) -> Result<(), StorageError>;
    /// Changes a promotion code.
    async fn update_promotion_code(&mut self, code: &mut PromotionCode) -> Result<(), StorageError>;
}
