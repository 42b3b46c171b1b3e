//! Periods, and rates that follow one another. It must not know what a rate is for.

use domain::tax::AppliedRate;
use time::Date;

/// Days from the first to the last, both of them in it; open where there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    pub(super) since: Option<Date>,
    pub(super) until: Option<Date>,
}

impl Period {
    pub(super) fn contains(self, day: Date) -> bool {
        self.since.is_none_or(|since| since <= day) && self.until.is_none_or(|until| day <= until)
    }
}

/// Rates in the order of their days, none beginning before the one before it has ended.
#[derive(Debug, Clone, Default)]
pub(super) struct History(pub(super) Vec<DatedRate>);

/// A rate and when it is in force.
#[derive(Debug, Clone)]
pub(super) struct DatedRate {
    /// The first day of which the table says that it is in force.
    pub(super) from: Date,
    /// Whether the rate began on that day. Otherwise it may have been in force before, and something else as well.
    pub(super) began: bool,
    /// The last day, where the next rate does not follow at once.
    pub(super) until: Option<Date>,
    pub(super) rate: AppliedRate,
}

/// What a history has to say of a day.
#[derive(Debug, Clone, Copy)]
pub(super) enum State<'a> {
    InForce(&'a AppliedRate),
    NotInForce,
    Unknown,
}

impl History {
    pub(super) fn on(&self, day: Date) -> State<'_> {
        let (begun, coming) = self.0.split_at(self.0.partition_point(|dated| dated.from <= day));
        match (begun.last(), coming.first()) {
            (Some(dated), _) if dated.until.is_none_or(|until| day <= until) => State::InForce(&dated.rate),
            (_, Some(next)) if !next.began => State::Unknown,
            _ => State::NotInForce,
        }
    }
}
