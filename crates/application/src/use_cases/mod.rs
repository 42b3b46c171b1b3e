//! What callers ask for, one module a kind of thing.

#[cfg(test)]
mod abilities;
pub(crate) mod catalog;
pub(crate) mod checkout;
pub(crate) mod credit_note;
pub(crate) mod customer;
pub(crate) mod discount;
pub(crate) mod event;
pub(crate) mod invoice;
pub(crate) mod invoice_mail;
pub(crate) mod out_of_band;
pub(crate) mod payment;
pub(crate) mod payment_link;
pub(crate) mod refund;
pub(crate) mod sharing;
pub(crate) mod subscription;
pub(crate) mod tax;
pub(crate) mod tax_records;

/// A read of one thing and of a page of them, for callers.
macro_rules! reads {
    ($kind:literal, $thing:ty, $id:ty, $get:ident, $list:ident($filter:ty)) => {
        impl crate::app::App {
            #[doc = concat!("A ", $kind, " of the caller's sellers.")]
            ///
            /// # Errors
            /// There is none among them, or the store fails.
            pub async fn $get(&self, caller: &domain::access::Caller, id: $id) -> Result<$thing, crate::error::Error> {
                let found = self.0.storage.$get(&caller.sellers, id).await?;
                found.ok_or_else(|| crate::error::Error::not_found($kind, id))
            }

            #[doc = concat!("A page of a seller's ", $kind, "s, newest first; may be empty.")]
            ///
            /// # Errors
            /// The store fails.
            pub async fn $list(
                &self,
                _caller: &domain::access::Caller,
                query: crate::mutation::ListQuery<$filter, $id>,
            ) -> Result<domain::page::Page<$thing>, crate::error::Error> {
                Ok(self.0.storage.$list(&query.seller.id, query.filter, query.page).await?)
            }
        }
    };
}
pub(crate) use reads;
