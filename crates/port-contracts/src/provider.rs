//! The contract of [`PaymentProvider`](domain::ports::provider::PaymentProvider): what every adapter promises, whatever its
//! provider, and what the application builds on.
//!
//! An adapter passes it against a [`ProviderCounterpart`]: the provider's own test system, or a double that keeps state as
//! the provider does. Each rule gets an account of its own, empty at first.
//! `payment_provider_contract!(run)` makes one test of each rule, where `run(rule)` is an async function of the adapter's
//! tests that makes the counterpart, gives it to the rule as a [`Subject`], and clears it away. Where providers differ, a
//! rule asks the adapter's capabilities; it must not know any provider.
#![expect(clippy::unwrap_used, reason = "an adapter that does not answer is a failed rule")]

mod abilities;
mod amounts;
mod counterpart;
mod faults;
mod keeping;
mod notifications;
mod pages;
mod payments;
mod refunds;
mod subject;

pub use abilities::*;
pub use amounts::*;
pub use counterpart::*;
pub use faults::*;
pub use keeping::*;
pub use notifications::*;
pub use pages::*;
pub use payments::*;
pub use refunds::*;
pub use subject::Subject;

/// Makes one test of each rule that every adapter of a payment provider must keep.
#[macro_export]
macro_rules! payment_provider_contract {
    ($run:path) => {
        $crate::payment_provider_rules! { $run,
            a_link_for_an_invoice_is_one_page_with_our_id_and_its_amount,
            a_link_for_items_takes_a_payment_of_each_visitor,
            a_checkout_is_one_page_with_our_id_and_its_amount,
            a_key_that_is_sent_again_makes_one_page,
            a_key_of_another_payload_makes_nothing_and_refuses_nothing,
            a_key_that_is_sent_many_times_at_once_makes_one_page,
            a_closed_link_takes_no_money_any_more,
            a_closed_checkout_takes_no_money_any_more,
            what_a_link_took_before_its_close_is_told,
            what_a_checkout_took_before_its_close_is_told,
            a_closed_link_is_opened_again_where_that_can_be,
            a_link_for_an_invoice_is_paid_once_or_each_payment_is_told,
            a_link_with_a_limit_closes_with_its_last_payment,
            a_checkout_is_paid_once,
            what_is_not_there_is_not_found,
            a_page_is_made_of_any_text,
            a_link_whose_answer_is_lost_is_found_out,
            a_checkout_whose_answer_is_lost_is_found_out,
            a_checkout_whose_answer_is_late_is_found_out,
            a_failure_that_is_kept_under_a_key_is_not_taken_for_a_refusal,
            a_limit_of_the_rate_is_told_with_its_wait,
            a_provider_that_can_not_be_reached_has_done_nothing,
            credentials_that_are_refused_do_nothing,
            a_close_whose_answer_is_lost_can_be_repeated,
            a_look_that_fails_is_unavailable,
            what_was_made_is_looked_up_by_our_id_alone,
            an_answer_tells_the_time,
            a_declined_card_leaves_the_page_open,
            another_amount_than_asked_for_is_told_as_it_came,
            money_that_comes_later_is_told_when_it_comes,
            a_bank_transfer_is_told_when_it_is_there,
            a_transfer_that_is_not_offered_is_refused_without_a_call,
            held_money_is_told_as_it_was_captured,
            held_money_that_is_let_go_never_came_in,
            a_dispute_is_told,
            a_part_of_what_a_link_asks_for_is_told_as_a_part,
            a_payment_is_refunded_as_a_whole,
            a_payment_is_refunded_in_parts_where_that_can_be,
            more_than_came_in_never_goes_back,
            a_payment_that_is_not_there_is_not_refunded,
            a_refund_that_is_sent_again_under_its_key_pays_back_once,
            a_refund_whose_answer_is_lost_is_found_out,
            a_refund_that_comes_back_is_told_as_failed,
            a_refund_at_the_dashboard_is_told,
            what_was_changed_on_its_way_says_nothing_else,
            what_is_not_signed_by_the_provider_is_refused,
            both_keys_verify_while_the_key_is_rolled,
            a_signature_holds_for_a_while_where_it_has_a_time,
            a_double_is_known_by_its_id_and_nothing_else_is,
            doubled_and_reordered_they_come_to_the_same,
            several_in_one_request_are_read_one_by_one,
            what_was_told_is_read_back_where_that_can_be,
            noise_is_refused_and_nothing_panics,
            amounts_come_back_as_they_were_sent,
            the_amount_that_is_asked_for_is_told,
            extremes_are_refused_by_their_field,
            what_is_missing_is_told_by_its_name_without_a_call,
            a_link_that_wants_what_is_missing_is_not_made,
            a_method_that_is_kept_is_told_and_can_be_forgotten,
            a_promotion_code_is_one_and_is_redeemable_as_far_as_we_say,
            a_subscription_begins_with_its_link_and_ends_when_we_say,
            capabilities_are_of_this_world,
            no_secret_is_shown,
        }
    };
}

/// One test of each rule named.
#[doc(hidden)]
#[macro_export]
macro_rules! payment_provider_rules {
    ($run:path, $($rule:ident,)+) => {
        $(
            #[tokio::test]
            async fn $rule() {
                $run($crate::provider::$rule).await;
            }
        )+
    };
}
