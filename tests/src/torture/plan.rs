//! What happens in a loop, as the seed says.

use stripe_sandbox::{Fault, FaultKind, WebhookPolicy};

/// What is asked for, and what goes wrong meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Loop {
    pub(super) errands: Vec<Errand>,
    pub(super) mishaps: Vec<Mishap>,
}

/// Something that a caller sets out to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Errand {
    /// How long after the loop began, in milliseconds.
    pub(super) at_ms: u64,
    pub(super) task: Task,
    /// The replica that is asked first.
    pub(super) replica: usize,
    /// To what, among the things that are there then; and how much.
    pub(super) pick: u64,
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mishap {
    /// How long after the loop began, in milliseconds.
    pub(super) at_ms: u64,
    pub(super) kind: MishapKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum MishapKind {
    /// The next calls of the provider fail.
    Fault(Fault),
    /// From now on webhooks fare so.
    Webhooks(WebhookPolicy),
    /// A process is killed, and started again after a while, in milliseconds.
    Kill(Victim, u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    Replica(usize),
    Provider,
}

macro_rules! tasks {
    ($($(#[$doc:meta])* $task:ident = $weight:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Task {
            $($(#[$doc])* $task,)*
        }

        impl Task {
            /// Each with how often it is done, against the others.
            const WEIGHTED: &[(Self, u64)] = &[$((Self::$task, $weight),)*];
        }
    };
}

tasks! {
    /// An invoice, its link, and mostly a customer who pays.
    SellByLink = 6,
    /// An invoice, its checkout, and mostly a customer who pays.
    SellByCheckout = 5,
    /// An invoice for which a link and a checkout are asked for at once, and which is voided while someone pays.
    Contend = 3,
    /// A payment without an invoice of the caller's, which is paid or canceled.
    AskForPayment = 4,
    /// A link for items, which several customers pay and which is closed meanwhile.
    SellItems = 2,
    VoidInvoice = 2,
    CreditInvoice = 4,
    Refund = 5,
    CloseLink = 2,
    ExpireCheckout = 2,
}

/// How long errands set out, in milliseconds.
const LOAD_MS: u64 = 900;
/// The operations that fail alone; others fail with all.
const OPERATIONS: [&str; 8] = [
    "*",
    "*",
    "POST /v1/payment_links",
    "POST /v1/payment_links/{id}",
    "POST /v1/checkout/sessions",
    "POST /v1/checkout/sessions/{id}/expire",
    "POST /v1/refunds",
    "GET /v1/checkout/sessions/{id}",
];

impl Loop {
    /// The loops of a round: of one pair of replicas on one database.
    pub(super) fn all_of(seed: u64, loops: usize) -> Vec<Self> {
        let mut rng = fastrand::Rng::with_seed(seed);
        (0..loops).map(|_| Self::draw(&mut rng)).collect()
    }

    fn draw(rng: &mut fastrand::Rng) -> Self {
        let errands = (0..rng.usize(6..=10)).map(|_| Errand::draw(rng)).collect();
        let mut mishaps: Vec<_> = (0..rng.usize(1..=5))
            .map(|_| Mishap { at_ms: rng.u64(..LOAD_MS), kind: MishapKind::Fault(draw_fault(rng)) })
            .collect();
        if rng.bool() {
            mishaps.push(Mishap { at_ms: rng.u64(..LOAD_MS), kind: MishapKind::Webhooks(draw_policy(rng)) });
        }
        // Most loops lose a replica, some the provider.
        let victim = match rng.u32(..8) {
            0 => None,
            1 => Some(Victim::Provider),
            drawn => Some(Victim::Replica(usize::from(drawn.is_multiple_of(2)))),
        };
        if let Some(victim) = victim {
            mishaps.push(Mishap { at_ms: rng.u64(..LOAD_MS), kind: MishapKind::Kill(victim, rng.u64(0..300)) });
        }
        mishaps.sort_by_key(|mishap| mishap.at_ms);
        Self { errands, mishaps }
    }
}

impl Errand {
    fn draw(rng: &mut fastrand::Rng) -> Self {
        let total: u64 = Task::WEIGHTED.iter().map(|(_, weight)| weight).sum();
        let mut drawn = rng.u64(..total);
        let mut task = Task::SellByLink;
        for (possible, weight) in Task::WEIGHTED {
            if drawn < *weight {
                task = *possible;
                break;
            }
            drawn -= weight;
        }
        Self { at_ms: rng.u64(..LOAD_MS), task, replica: rng.usize(..2), pick: rng.u64(..) }
    }
}

fn draw_fault(rng: &mut fastrand::Rng) -> Fault {
    let operation = OPERATIONS[rng.usize(..OPERATIONS.len())];
    // What the provider fails at by itself, it repeats under the same key or not. Not for refunds: these are looked for ten
    // minutes before another key is used, which is longer than a round may take to settle.
    let kept = rng.bool() && !matches!(operation, "*" | "POST /v1/refunds");
    let status = |status: u16, retry_after, after_execution| FaultKind::Status {
        status,
        retry_after,
        should_retry: None,
        after_execution,
        kept: kept && status == 500,
    };
    let kind = match rng.u32(..9) {
        0 => FaultKind::Delay { ms: rng.u64(50..800) },
        1 => FaultKind::ResetBefore,
        2 => FaultKind::ResetAfter,
        3 => FaultKind::Truncate,
        4 => FaultKind::Garbage,
        5 => status(429, Some(1), false),
        6 => status(503, None, false),
        7 => status(500, None, false),
        _ => status(500, None, true),
    };
    Fault { operation: operation.to_owned(), kind, times: rng.u32(1..=5) }
}

fn draw_policy(rng: &mut fastrand::Rng) -> WebhookPolicy {
    let policy = WebhookPolicy::default();
    match rng.u32(..5) {
        0 => WebhookPolicy { lose: true, ..policy },
        1 => WebhookPolicy { duplicate: 3, ..policy },
        2 => WebhookPolicy { reorder: true, ..policy },
        3 => WebhookPolicy { delay_ms: rng.u64(100..1_000), ..policy },
        _ => policy,
    }
}

#[test]
fn a_plan_follows_from_its_seed() {
    for seed in 0..20 {
        assert_eq!(Loop::all_of(seed, 20), Loop::all_of(seed, 20));
    }
    assert_ne!(Loop::all_of(1, 20), Loop::all_of(2, 20));
    // The first loops are the same, however many there are.
    assert_eq!(Loop::all_of(1, 20)[..10], Loop::all_of(1, 10)[..]);
}
