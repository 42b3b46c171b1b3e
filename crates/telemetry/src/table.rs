//! Every metric that there is. Another one is an entry here, and a line where it is recorded.

use crate::metric::Values::{
    Clocks, Fixed, Listed, Methods, Operations, Providers, Routes, Statuses, UsedMethods, Version,
};
use crate::metric::{Counter, Description, Gauge, Histogram, Kind};

/// With what the names of our own begin; others are those that Prometheus' clients have for every process.
pub(crate) const OURS: &str = "paylinks_";

/// The states of gRPC, as they are told.
const CODES: &[&str] = &[
    "Ok",
    "Cancelled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];
/// Those of them that an alert may be about.
const WATCHED_CODES: &[&str] = &["Ok", "DeadlineExceeded", "Internal", "Unavailable", "Unknown"];
/// What can be intended to be done at a provider.
const ACTIONS: &[&str] = &[
    "create_payment_link",
    "update_payment_link",
    "activate_payment_link",
    "deactivate_payment_link",
    "create_checkout_session",
    "expire_checkout_session",
    "detach_payment_method",
    "create_refund",
    "create_promotion_code",
    "update_promotion_code",
    "cancel_subscription",
    "capture_payment",
    "cancel_payment",
];

/// Up to a caller's patience.
const CALL: Kind =
    Kind::Histogram(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]);
/// What should take next to nothing.
const SHORT: Kind = Kind::Histogram(&[0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0]);
/// What may take a while.
const LONG: Kind = Kind::Histogram(&[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 3_600.0]);

macro_rules! table {
    ($($handle:ident: $type:ident<$count:literal> = $kind:expr, $name:literal [$($label:literal: $values:expr),*], $help:literal;)*) => {
        $(#[doc = $help]
        pub const $handle: $type<$count> = $type(&Description {
            name: $name, kind: $kind, help: $help, labels: &[$(($label, $values)),*],
        });)*

        /// All of them, our own and those of every process.
        pub const ALL: &[&Description] = &[$($handle.0,)*];
    };
}

table! {
    GRPC_CALLS: Counter<2> = Kind::Counter, "paylinks_grpc_calls_total" ["method": Methods, "code": Listed(CODES, WATCHED_CODES)],
        "Calls over gRPC, by method and status.";
    GRPC_CALL_SECONDS: Histogram<2> = CALL, "paylinks_grpc_call_seconds" ["method": UsedMethods, "code": Listed(CODES, &[])],
        "How long calls over gRPC took to the head of their answer, in seconds.";
    EVENT_STREAMS_OPEN: Gauge<0> = Kind::Gauge, "paylinks_event_streams_open" [],
        "Streams of events that are open.";
    EVENT_DELIVERY_SECONDS: Histogram<0> = LONG, "paylinks_event_delivery_seconds" [],
        "How long events that followers waited for were on their way from being recorded to a stream, in seconds.";
    HTTP_CALLS: Counter<2> = Kind::Counter, "paylinks_http_calls_total" ["route": Routes, "status": Statuses],
        "Requests over HTTP, by route and status.";
    HTTP_CALL_SECONDS: Histogram<1> = CALL, "paylinks_http_call_seconds" ["route": Routes],
        "How long requests over HTTP took, in seconds.";
    HTTP_CONNECTIONS_OPEN: Gauge<0> = Kind::Gauge, "paylinks_http_connections_open" [],
        "Connections over HTTP that are open.";
    HTTP_CONNECTIONS_CUT: Counter<0> = Kind::Counter, "paylinks_http_connections_cut_total" [],
        "Connections over HTTP that were cut off to make room for others.";
    MUTATIONS_UNDER_WAY: Gauge<1> = Kind::Gauge, "paylinks_mutations_under_way" ["provider": Providers],
        "Callers' mutations that are worked on, of the sellers whom the provider charges for.";
    MUTATIONS_MAX: Gauge<1> = Kind::Gauge, "paylinks_mutations_max" ["provider": Providers],
        "How many mutations are worked on at once at the most; further ones wait, and are then refused.";
    MUTATIONS_REFUSED: Counter<1> = Kind::Counter, "paylinks_mutations_refused_total" ["reason": Fixed(&["no_place", "no_turn"])],
        "Mutations that were told to come back: no place became free, or no turn at the database.";
    PROVIDER_CALLS: Counter<3> = Kind::Counter,
        "paylinks_provider_calls_total" ["provider": Providers, "operation": Operations, "outcome": Fixed(PROVIDER_OUTCOMES)],
        "Tries of calls to providers, by what became of them.";
    PROVIDER_CALL_SECONDS: Histogram<2> = CALL, "paylinks_provider_call_seconds" ["provider": Providers, "operation": Operations],
        "How long providers took to answer a try that was sent, in seconds.";
    PROVIDER_WAIT_SECONDS: Histogram<1> = SHORT, "paylinks_provider_wait_seconds" ["provider": Providers],
        "How long calls to providers waited for their turn under the limit of calls, in seconds.";
    PROVIDER_CIRCUIT_STATE: Gauge<1> = Kind::Gauge, "paylinks_provider_circuit_state" ["provider": Providers],
        "Whether calls are made: 0 they are, 1 one call tries, 2 the provider failed again and again and is left alone.";
    PROVIDER_ACTIONS: Counter<3> = Kind::Counter,
        "paylinks_provider_actions_total" ["provider": Providers, "action": Fixed(ACTIONS), "outcome": Fixed(&["done", "put_off", "refused", "unknown"])],
        "Tries of intended changes at providers: put_off was surely not done and unknown perhaps, and both are tried again.";
    NOTIFICATIONS_STORED: Counter<2> = Kind::Counter,
        "paylinks_notifications_stored_total" ["provider": Providers, "way": Fixed(&["delivered", "read_back"])],
        "Notifications that are new, by how they came: read_back is what no delivery had told.";
    NOTIFICATIONS_REFUSED: Counter<2> = Kind::Counter,
        "paylinks_notifications_refused_total" ["provider": Providers, "reason": Fixed(&["bad_credentials", "bad_signature", "malformed", "stale_signature"])],
        "Deliveries of notifications that did not verify.";
    NOTIFICATIONS_PROCESSED: Counter<2> = Kind::Counter,
        "paylinks_notifications_processed_total" ["provider": Providers, "outcome": Fixed(&["done", "put_off", "set_aside"])],
        "Tries to process notifications, by what became of them.";
    NOTIFICATIONS_SET_ASIDE: Gauge<0> = Kind::Gauge, "paylinks_notifications_set_aside" [],
        "Notifications that can't be processed and wait for a person.";
    RECONCILIATIONS: Counter<2> = Kind::Counter,
        "paylinks_reconciliations_total" ["provider": Providers, "outcome": Fixed(&["done", "failed"])],
        "Times that what a provider told was read back.";
    OLDEST_NOTIFICATION_SECONDS: Gauge<0> = Kind::Gauge, "paylinks_oldest_unprocessed_notification_seconds" [],
        "The age of the oldest notification that is neither processed nor set aside, in seconds; 0 where there is none.";
    OLDEST_CALL_SECONDS: Gauge<0> = Kind::Gauge, "paylinks_oldest_unfinished_call_seconds" [],
        "The age of the oldest intended change at a provider that is not finished, in seconds; 0 where there is none.";
    OLDEST_EVENT_SECONDS: Gauge<0> = Kind::Gauge, "paylinks_oldest_undelivered_event_seconds" [],
        "The age of the oldest event that no follower can see yet, in seconds; 0 where there is none.";
    OLDEST_MAIL_SECONDS: Gauge<0> = Kind::Gauge, "paylinks_oldest_unsent_mail_seconds" [],
        "How long the mail that is most overdue has been due, in seconds; 0 where there is none.";
    REFUNDS_UNKNOWN: Gauge<0> = Kind::Gauge, "paylinks_refunds_unknown" [],
        "Refunds of which it is not known whether the provider made them.";
    REFUNDS_UNANSWERED: Gauge<0> = Kind::Gauge, "paylinks_refunds_unanswered" [],
        "Refunds of which no call finds out any more whether they were made, and that wait for a person.";
    LEASES_LOST: Counter<1> = Kind::Counter, "paylinks_leases_lost_total" ["work": Fixed(&["call", "notification"])],
        "Leases that were lost while their holder was at work.";
    WORKER_DEFECTS: Counter<0> = Kind::Counter, "paylinks_worker_defects_total" [],
        "Defects of this program that its worker met.";
    MAILS: Counter<1> = Kind::Counter, "paylinks_mails_total" ["outcome": Fixed(&["failed", "put_off", "sent"])],
        "Tries of mails, by what became of them; what is put off is tried again.";
    TAX_CALCULATIONS: Counter<2> = Kind::Counter,
        "paylinks_tax_calculations_total" ["engine": Fixed(&["provider", "tables"]), "outcome": Fixed(&["done", "failed", "refused", "unavailable"])],
        "Calculations of automatic tax, by engine: where one is unavailable, nothing is charged in its place.";
    TAX_ID_LOOKUPS: Counter<1> = Kind::Counter,
        "paylinks_tax_id_lookups_total" ["outcome": Fixed(&["answered", "unavailable", "unsupported"])],
        "Look-ups of tax ids in their register; where it is unavailable, the check of digits alone counts.";
    DATABASE_CONNECTIONS: Gauge<1> = Kind::Gauge, "paylinks_database_connections" ["state": Fixed(&["idle", "in_use"])],
        "Connections of the pool.";
    DATABASE_CONNECTIONS_MAX: Gauge<0> = Kind::Gauge, "paylinks_database_connections_max" [],
        "How many connections the pool has at the most.";
    DATABASE_BEGIN_SECONDS: Histogram<0> = SHORT, "paylinks_database_begin_seconds" [],
        "How long transactions waited for a connection and for their beginning, in seconds.";
    DATABASE_ERRORS: Counter<1> = Kind::Counter,
        "paylinks_database_errors_total" ["kind": Fixed(&["commit_unknown", "conflict", "contended", "defect", "unavailable"])],
        "Statements and commits that failed; what is contended is tried again, and a conflict is an answer.";
    CLOCK_OFFSET_SECONDS: Gauge<1> = Kind::Gauge, "paylinks_clock_offset_seconds" ["against": Clocks],
        "How far our clock is ahead of another, in whole seconds; below 0 where ours is behind.";
    BUILD_INFO: Gauge<1> = Kind::Gauge, "paylinks_build_info" ["version": Version],
        "1, with the version of this program.";
    PROCESS_CPU_SECONDS: Counter<0> = Kind::Counter, "process_cpu_seconds_total" [],
        "Total user and system CPU time spent in seconds.";
    PROCESS_OPEN_FDS: Gauge<0> = Kind::Gauge, "process_open_fds" [], "Number of open file descriptors.";
    PROCESS_MAX_FDS: Gauge<0> = Kind::Gauge, "process_max_fds" [], "Maximum number of open file descriptors.";
    PROCESS_VIRTUAL_MEMORY: Gauge<0> = Kind::Gauge, "process_virtual_memory_bytes" [], "Virtual memory size in bytes.";
    PROCESS_VIRTUAL_MEMORY_MAX: Gauge<0> = Kind::Gauge, "process_virtual_memory_max_bytes" [],
        "Maximum amount of virtual memory available in bytes.";
    PROCESS_RESIDENT_MEMORY: Gauge<0> = Kind::Gauge, "process_resident_memory_bytes" [], "Resident memory size in bytes.";
    PROCESS_START_TIME: Gauge<0> = Kind::Gauge, "process_start_time_seconds" [],
        "Start time of the process since the Unix epoch in seconds.";
    PROCESS_THREADS: Gauge<0> = Kind::Gauge, "process_threads" [], "Number of OS threads in the process.";
}

/// What can become of a try of a call to a provider.
const PROVIDER_OUTCOMES: &[&str] =
    &["answered", "circuit_open", "not_done", "queue_full", "rate_limited", "rejected", "unknown"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_metric_is_named_as_prometheus_names_them_and_once() {
        let mut names = BTreeSet::new();
        for metric in ALL {
            let Description { name, kind, help, labels } = metric;
            assert!(names.insert(name), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(!matches!(kind, Kind::Histogram(_)) || name.ends_with("_seconds"), "{name}");
            assert!(help.ends_with('.'), "{name}: {help}");
            let told: BTreeSet<_> = labels.iter().map(|(label, _)| label).collect();
            assert_eq!(told.len(), labels.len(), "{name}");
            for (label, values) in *labels {
                if let Listed(all, start) = values {
                    assert!(start.iter().all(|value| all.contains(value)), "{name}: {label}");
                }
            }
        }
    }
}
