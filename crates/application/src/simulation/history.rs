//! What happens in a history, as its seed says.

use port_simulator::Faults;

/// What happens at once, and what goes wrong meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct History {
    pub(super) seed: u64,
    pub(super) faults: Faults,
    /// How many of a thousand deliveries of notifications are lost.
    pub(super) lost_deliveries: u64,
    /// Whether the provider can't be asked, and tells facts.
    pub(super) is_mute: bool,
    pub(super) steps: Vec<Step>,
}

/// Something that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// How long after the one before.
    pub(super) pause_ms: u64,
    pub(super) action: Action,
    /// Of what, among the things that are there then; and how much.
    pub(super) pick: u64,
    /// By which of the two replicas.
    pub(super) replica: usize,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident = $weight:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Action {
            $($(#[$doc])* $action,)*
        }

        impl Action {
            /// Each with how often it happens, against the others.
            const WEIGHTED: &[(Self, u64)] = &[$((Self::$action, $weight),)*];
        }
    };
}

actions! {
    // Callers.
    CreateInvoice = 8,
    FinalizeInvoice = 2,
    VoidInvoice = 4,
    GiveInvoiceUp = 1,
    CreateInvoiceLink = 10,
    CreateItemsLink = 4,
    CloseLink = 4,
    ReopenLink = 2,
    CreateCheckout = 6,
    ExpireCheckout = 3,
    CreatePayment = 6,
    CancelPayment = 3,
    CapturePayment = 3,
    CreateRefund = 6,
    CreditInvoice = 4,
    RecordPayment = 4,
    // Customers, and people at the dashboard.
    PayLink = 12,
    PaySession = 8,
    OrderTransfer = 3,
    EndTransfer = 4,
    EndRefund = 3,
    CloseLinkThere = 1,
    OpenLinkThere = 1,
    RefundThere = 2,
    MoveHeldMoneyThere = 1,
    // The network, the replicas and the time.
    DeliverNotifications = 16,
    Work = 20,
    ReadBack = 2,
    Crash = 3,
    PassMinutes = 3,
    PassDays = 1,
}

impl History {
    pub(super) fn from_seed(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut chance = |most: u32| match rng.u32(..3) {
            0 => 0,
            _ => rng.u32(..=most),
        };
        let faults = Faults {
            contended: chance(20),
            storage_unavailable: chance(20),
            commit_unknown: chance(100),
            not_done: chance(200),
            rejected: chance(50),
            answer_lost: chance(200),
            done_late: chance(100),
            failure_kept: chance(100),
            slow: chance(50),
            delay_ms_max: [1, 10, 100, 1_000][rng.usize(..4)],
        };
        let lost_deliveries = [0, 100, 1_000][rng.usize(..3)];
        // Most are short, as most of what goes wrong needs few steps, and so many more of them are played.
        let length = if rng.u32(..4) == 0 { rng.usize(5..60) } else { rng.usize(4..16) };
        let total: u64 = Action::WEIGHTED.iter().map(|(_, weight)| weight).sum();
        let steps = (0..length)
            .map(|_| {
                let mut drawn = rng.u64(..total);
                let mut action = Action::Work;
                for (possible, weight) in Action::WEIGHTED {
                    if drawn < *weight {
                        action = *possible;
                        break;
                    }
                    drawn -= weight;
                }
                let pause_max = [10, 500, 5_000][rng.usize(..3)];
                let pause_ms = rng.u64(..pause_max);
                Step { pause_ms, action, pick: rng.u64(..), replica: rng.usize(..2) }
            })
            .collect();
        let is_mute = rng.u32(..3) == 0;
        Self { seed, faults, lost_deliveries, is_mute, steps }
    }
}

impl std::fmt::Display for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let provider = if self.is_mute { "can't be asked" } else { "can be asked" };
        writeln!(f, "{:?}, {} of 1000 deliveries lost, the provider {provider}", self.faults, self.lost_deliveries)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step:?}"))
    }
}
