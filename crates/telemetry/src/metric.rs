//! Kinds of metrics. Each value of one is recorded through its description.

use std::time::Duration;

use metrics::{Label, SharedString, Unit};

/// A metric as it is told to whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Description {
    /// Its name, as Prometheus has it: its unit at the end, and `_total` behind a counter.
    pub name: &'static str,
    /// How it is read.
    pub kind: Kind,
    /// What it says, in a sentence.
    pub help: &'static str,
    /// What tells its series apart.
    pub labels: Labels,
}

/// The names of labels, each with the values that it has.
pub type Labels = &'static [(&'static str, Values)];

/// How a metric is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How values are spread, in buckets up to these, in seconds.
    Histogram(&'static [f64]),
}

/// The values of a label: a bounded number of them, whatever callers send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// These; each is there from the start.
    Fixed(&'static [&'static str]),
    /// The first are those that can be; the second those of them that are there from the start, for there would be very many.
    Listed(&'static [&'static str], &'static [&'static str]),
    /// The names of the providers that are configured.
    Providers,
    /// The methods of gRPC, and `other` for all else.
    Methods,
    /// The same, but a series is there once it is first recorded.
    UsedMethods,
    /// The routes of HTTP, and `other` for all else.
    Routes,
    /// Statuses of HTTP.
    Statuses,
    /// What providers are asked for: a method of HTTP and a path without ids.
    Operations,
    /// A clock: the database's, or a provider's.
    Clocks,
    /// The version of this program.
    Version,
}

/// What is known when a server starts.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The names of the providers.
    pub providers: Vec<String>,
    /// The methods of gRPC.
    pub methods: Vec<&'static str>,
    /// The version of this program.
    pub version: &'static str,
}

impl Values {
    /// The values for which there is a series from the start; nothing where those are not known then.
    fn at_start(self, facts: &Facts) -> Option<Vec<SharedString>> {
        let all = |values: &[&'static str]| values.iter().map(|value| SharedString::const_str(value)).collect();
        match self {
            Self::Fixed(values) | Self::Listed(_, values) => Some(all(values)),
            Self::Providers => Some(facts.providers.iter().cloned().map(SharedString::from).collect()),
            Self::Methods => Some(all(&facts.methods)),
            Self::Version => Some(all(&[facts.version])),
            Self::UsedMethods | Self::Routes | Self::Statuses | Self::Operations | Self::Clocks => None,
        }
    }
}

/// Counts.
#[derive(Debug, Clone, Copy)]
pub struct Counter<const N: usize>(pub(crate) &'static Description);

/// Tells how things stand.
#[derive(Debug, Clone, Copy)]
pub struct Gauge<const N: usize>(pub(crate) &'static Description);

/// Tells how long things take.
#[derive(Debug, Clone, Copy)]
pub struct Histogram<const N: usize>(pub(crate) &'static Description);

impl<const N: usize> Counter<N> {
    /// One more, of the series with these values of its labels, in their order.
    pub fn increment(&self, values: [SharedString; N]) {
        self.add(values, 1);
    }

    /// So many more.
    pub fn add(&self, values: [SharedString; N], count: u64) {
        metrics::counter!(self.0.name, labels(self.0, values)).increment(count);
    }
}

impl<const N: usize> Gauge<N> {
    /// How it stands now.
    pub fn set(&self, values: [SharedString; N], now: impl Into<f64>) {
        metrics::gauge!(self.0.name, labels(self.0, values)).set(now.into());
    }

    /// One more than before; it is one less again once what is returned is dropped.
    pub fn one_more(self, values: [SharedString; N]) -> OneMore {
        let gauge = metrics::gauge!(self.0.name, labels(self.0, values));
        gauge.increment(1);
        OneMore(gauge)
    }

    /// A count of things, of which no more than `u32::MAX` are told.
    pub fn set_count(&self, values: [SharedString; N], count: impl TryInto<u32>) {
        self.set(values, count.try_into().unwrap_or(u32::MAX));
    }

    /// A span of time, in seconds.
    pub fn set_seconds(&self, values: [SharedString; N], span: Duration) {
        self.set(values, span.as_secs_f64());
    }
}

/// Counts in a gauge for as long as it lives.
pub struct OneMore(metrics::Gauge);

impl Drop for OneMore {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

impl<const N: usize> Histogram<N> {
    /// Something took so long.
    pub fn record(&self, values: [SharedString; N], took: Duration) {
        metrics::histogram!(self.0.name, labels(self.0, values)).record(took.as_secs_f64());
    }
}

fn labels(description: &Description, values: impl IntoIterator<Item = SharedString>) -> Vec<Label> {
    description.labels.iter().zip(values).map(|((name, _), value)| Label::new(*name, value)).collect()
}

/// Describes every metric to the recorder that is installed, and begins each series that is known at 0, so that its first
/// growth is seen as growth.
pub fn start(facts: &Facts) {
    for description in crate::table::ALL {
        let Description { name, help, .. } = **description;
        let unit = if name.contains("_seconds") { Unit::Seconds } else { Unit::Count };
        match description.kind {
            Kind::Counter => metrics::describe_counter!(name, unit, help),
            Kind::Gauge => metrics::describe_gauge!(name, unit, help),
            Kind::Histogram(_) => metrics::describe_histogram!(name, unit, help),
        }
        // What others record begins with them.
        if description.name.starts_with(crate::table::OURS) {
            begin(description, facts);
        }
    }
}

fn begin(description: &Description, facts: &Facts) {
    let mut series: Vec<Vec<SharedString>> = vec![Vec::new()];
    for (_, values) in description.labels {
        let Some(values) = values.at_start(facts) else { return };
        let longer = |before: &Vec<SharedString>| {
            let before = before.clone();
            values.clone().into_iter().map(move |value| [before.clone(), vec![value]].concat()).collect::<Vec<_>>()
        };
        series = series.iter().flat_map(longer).collect();
    }
    for values in series {
        let labels = labels(description, values);
        match description.kind {
            Kind::Counter => metrics::counter!(description.name, labels).increment(0),
            Kind::Gauge => metrics::gauge!(description.name, labels).increment(0.0),
            // Registered, it is told with nothing in its buckets.
            Kind::Histogram(_) => drop(metrics::histogram!(description.name, labels)),
        }
    }
}
