//! Coupons and promotion codes: their reads, alike for the pool and for a transaction, and their writes.

use async_trait::async_trait;
use domain::catalog::{Coupon, PromotionCode};
use domain::id::{CouponId, PromotionCodeId};
use domain::page::{Page, PageRequest};
use domain::ports::storage::{DiscountCommands, DiscountQueries, PromotionCodeFilter, Sellers, StorageError};
use domain::provider::{ProviderName, ProviderRef};
use domain::seller::SellerId;

use crate::connection::SqlStorage;
use crate::queries::{load_by_ref, of, page, text};
use crate::stored::{insert, update};
use crate::unit_of_work::SqlUnitOfWork;

/// The read ports, for one type that has a connection.
macro_rules! impl_reader {
    ($reader:ty, |$it:ident| $connection:expr) => {
        #[async_trait]
        impl DiscountQueries for $reader {
            async fn get_coupon(&self, sellers: &Sellers, id: CouponId) -> Result<Option<Coupon>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn list_coupons(
                &self,
                seller: &SellerId,
                active: Option<bool>,
                request: PageRequest<CouponId>,
            ) -> Result<Page<Coupon>, StorageError> {
                let $it = self;
                page($connection, of(seller).and_some("active = ?", active), request).await
            }

            async fn get_promotion_code(
                &self,
                sellers: &Sellers,
                id: PromotionCodeId,
            ) -> Result<Option<PromotionCode>, StorageError> {
                self.get_row(sellers, id.to_string()).await
            }

            async fn load_promotion_code(&self, id: PromotionCodeId) -> Result<Option<PromotionCode>, StorageError> {
                self.load_row(id.to_string()).await
            }

            async fn load_promotion_code_by_ref(
                &self,
                provider: &ProviderName,
                provider_ref: &ProviderRef,
            ) -> Result<Option<PromotionCode>, StorageError> {
                let $it = self;
                load_by_ref($connection, provider, provider_ref).await
            }

            async fn list_promotion_codes(
                &self,
                seller: &SellerId,
                filter: PromotionCodeFilter,
                request: PageRequest<PromotionCodeId>,
            ) -> Result<Page<PromotionCode>, StorageError> {
                let $it = self;
                let filter = of(seller)
                    .and_some("coupon_id = ?", text(filter.coupon_id))
                    .and_some("code_upper = ?", filter.code.map(|code| code.as_str().to_ascii_uppercase()))
                    .and_some("state = ?", filter.state);
                page($connection, filter, request).await
            }
        }
    };
}

impl_reader!(SqlStorage, |it| &it.0.statements);
impl_reader!(SqlUnitOfWork, |it| it.connection()?);

#[async_trait]
impl DiscountCommands for SqlUnitOfWork {
    async fn insert_coupon(&mut self, coupon: &mut Coupon) -> Result<(), StorageError> {
        insert(self.connection()?, coupon, vec![], "").await.map(|_| ())
    }

    async fn update_coupon(&mut self, coupon: &mut Coupon) -> Result<(), StorageError> {
        update(self.connection()?, coupon).await
    }

    async fn lock_promotion_code(&mut self, id: PromotionCodeId) -> Result<Option<PromotionCode>, StorageError> {
        self.lock(id.to_string()).await
    }

    async fn insert_promotion_code(&mut self, code: &mut PromotionCode) -> Result<(), StorageError> {
        insert(self.connection()?, code, vec![], "").await.map(|_| ())
    }

    async fn update_promotion_code(&mut self, code: &mut PromotionCode) -> Result<(), StorageError> {
        update(self.connection()?, code).await
    }
}
