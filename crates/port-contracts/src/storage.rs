//! The contract of [`Storage`].
//!
//! Each rule gets a store of its own, empty at first. `storage_contract!(run)` makes one test of each rule, where
//! `run(rule)` is an async function of the adapter's tests that opens a store, gives it to the rule and clears it away.
//! Rules that need two transactions open at once are apart, in `storage_contract_of_concurrent_writers!`: a store with
//! one writer can't break them, and would only wait.
#![expect(clippy::unwrap_used, reason = "an error of the store is a failed rule")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::catalog::Product;
use domain::ports::storage::Storage;

use crate::fixtures;

mod aggregates;
mod backlog;
mod credit_notes;
mod events;
mod inbox;
mod inspection;
mod invoice_mails;
mod lists;
mod reconciliation;
mod reversals;
mod secrets;
mod subscriptions;
mod tax_records;
mod transactions;
mod work;

pub use aggregates::*;
pub use backlog::*;
pub use credit_notes::*;
pub use events::*;
pub use inbox::*;
pub use inspection::*;
pub use invoice_mails::*;
pub use lists::*;
pub use reconciliation::*;
pub use reversals::*;
pub use secrets::*;
pub use subscriptions::*;
pub use tax_records::*;
pub use transactions::*;
pub use work::*;

/// The store under test.
pub type Store = Arc<dyn Storage>;

/// How long a rule waits for something that must come: far longer than it takes.
const DEADLINE: Duration = Duration::from_secs(20);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Makes one test of each rule that every store must keep.
#[macro_export]
macro_rules! storage_contract {
    ($run:path) => {
        $crate::storage_rules! { $run,
            the_catalog_reads_back_equal,
            customers_and_payment_methods_read_back_equal,
            invoices_read_back_equal_in_every_state,
            payment_links_read_back_equal_in_every_state,
            checkout_sessions_read_back_equal_in_every_state,
            payments_read_back_equal_in_every_state,
            a_providers_id_is_taken_once,
            things_of_other_sellers_are_absent,
            a_stale_version_is_refused_for_every_aggregate,
            the_catalog_is_listed_by_filter_and_page,
            customers_and_payment_methods_are_listed_by_page,
            invoices_are_listed_by_filter_and_page,
            payment_links_are_listed_by_filter_and_page,
            expiring_links_are_listed_soonest_first,
            expiring_sessions_are_listed_soonest_first,
            checkout_sessions_are_listed_by_filter_and_page,
            payments_are_listed_by_filter_and_page,
            refunds_read_back_equal_in_every_state,
            disputes_read_back_equal_in_every_state,
            a_providers_refund_or_dispute_is_taken_once,
            refunds_and_disputes_are_listed_by_filter_and_page,
            credit_notes_read_back_equal,
            a_credit_notes_number_is_taken_once,
            credit_notes_are_listed_by_filter_and_page,
            what_finalization_fixed_never_changes,
            refunds_by_a_credit_note_and_money_out_of_band_read_back_equal,
            discounts_read_back_equal,
            discounts_are_listed_by_filter_and_page,
            subscriptions_read_back_equal_in_every_state,
            subscriptions_are_listed_by_filter_and_page,
            renewals_read_back_equal_and_are_listed_by_subscription,
            tax_registrations_read_back_equal,
            tax_id_checks_read_back_equal,
            tax_records_are_listed_by_filter_and_page,
            invoice_mails_read_back_equal_in_every_state,
            invoice_mails_are_listed_by_filter_and_page,
            an_invoice_mail_is_leased_to_one_alone,
            invoice_mails_wait_until_they_are_due,
            rollback_and_drop_keep_nothing,
            a_drop_outside_of_the_runtime_rolls_back,
            nobody_sees_what_is_not_committed,
            a_broken_constraint_is_a_conflict_and_keeps_nothing,
            one_of_many_reservations_gets_the_invoice,
            a_released_invoice_can_be_reserved_again,
            numbers_are_gapless_whatever_is_rolled_back,
            each_series_counts_by_itself,
            changes_under_a_lock_all_count,
            one_of_many_claims_of_a_request_wins,
            a_claim_that_is_rolled_back_leaves_the_request_free,
            a_request_keeps_its_progress,
            an_intent_is_leased_to_one_alone,
            a_lease_of_an_intent_runs_out,
            a_lease_of_an_intent_is_renewed_by_its_holder_alone,
            intents_of_one_thing_are_leased_in_their_order,
            an_intent_is_found_by_what_waits_for_it,
            it_is_known_for_how_long_a_call_is_put_off,
            a_notification_comes_in_once,
            notifications_that_come_together_come_in_once,
            a_notification_is_leased_to_one_alone_and_counted,
            a_notification_is_tried_again_until_finished_or_set_aside,
            a_lease_of_a_notification_is_renewed_by_its_holder_alone,
            notifications_set_aside_are_listed_counted_closed_and_taken_up_again,
            what_is_new_comes_before_what_was_tried,
            failures_of_a_notification_and_tries_without_an_end_are_counted,
            api_keys_are_found_listed_and_revoked,
            the_use_of_an_api_key_is_noted_once_in_a_while,
            events_get_increasing_positions_after_the_commit,
            events_are_listed_by_seller_kind_subject_and_limit,
            an_event_wakes_who_waits_for_it,
            a_wait_for_no_event_ends,
            sequencing_at_once_gives_each_event_one_position,
            a_tailing_reader_sees_each_event_once_and_in_order,
            one_of_many_secrets_of_a_name_is_kept,
            a_turn_of_reading_back_is_leased_to_one_alone,
            reading_back_goes_on_where_it_ended,
            reads_that_come_together_each_get_their_own,
            the_store_answers_a_ping,
            the_databases_time_goes_on,
            what_is_open_at_providers_that_are_gone_is_counted,
            what_waits_is_told_until_it_is_done,
            a_thing_has_the_trace_in_which_it_was_made,
        }
    };
}

/// Makes one test of each rule for stores where several transactions write at once.
#[macro_export]
macro_rules! storage_contract_of_concurrent_writers {
    ($run:path) => {
        $crate::storage_rules! { $run,
            an_event_that_is_committed_late_is_not_missed,
            a_deadlock_is_contended_for_one_and_passes_for_the_other,
            a_change_that_waited_for_another_is_stale,
            what_another_transaction_leases_is_skipped,
        }
    };
}

/// One test of each rule named.
#[doc(hidden)]
#[macro_export]
macro_rules! storage_rules {
    ($run:path, $($rule:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                $run($crate::storage::$rule).await;
            }
        )+
    };
}

/// Readiness.
pub async fn the_store_answers_a_ping(storage: Store) {
    storage.ping().await.unwrap();
}

/// By the database's clock, as leases go.
pub async fn the_databases_time_goes_on(storage: Store) {
    let first = storage.database_time().await.unwrap();
    let began = Instant::now();
    while storage.database_time().await.unwrap() <= first {
        check_deadline(began, "the database's clock moves");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let passed = storage.database_time().await.unwrap().since(first);
    assert!(passed <= began.elapsed() + DEADLINE, "{passed:?}");
}

/// Adds a product and commits.
async fn stored_product(storage: &Store, seller: &str) -> Product {
    let mut product = fixtures::product(&fixtures::seller(seller));
    let mut work = storage.begin().await.unwrap();
    work.insert_product(&mut product).await.unwrap();
    work.commit().await.unwrap();
    product
}

/// Fails when what must come has not.
fn check_deadline(since: Instant, what: &str) {
    assert!(since.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
}
