//! A test for each fault of `tests/FAULTS.md` that no other module makes happen: each makes it for real, by a crash, a provider
//! that misbehaves, a second server, or a client that keeps to no rule.

mod answers;
mod crashes;
mod hangs;
mod notifications;
mod overload;
mod priorities;
mod replicas;
mod table;
mod upgrades;

use api_proto::v1;

use crate::harness::unique;

/// The provider's operation that makes a link.
const CREATE_LINK: &str = "POST /v1/payment_links";

fn link_request(invoice_id: &str) -> v1::CreatePaymentLinkRequest {
    v1::CreatePaymentLinkRequest { request_id: unique("link"), invoice_id: invoice_id.to_owned(), ..Default::default() }
}
