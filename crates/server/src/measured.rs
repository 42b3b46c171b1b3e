//! Metrics, as Prometheus reads them.

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use telemetry::{Facts, Kind, table};

/// What was measured, for whoever asks.
#[derive(Clone)]
pub(crate) struct Measured {
    handle: PrometheusHandle,
    process: Collector,
}

impl Measured {
    /// Begins to measure. Before all that tells of itself.
    ///
    /// # Errors
    /// Something else measures already.
    pub(crate) fn install() -> Result<Self> {
        let mut builder = PrometheusBuilder::new();
        for metric in table::ALL {
            if let Kind::Histogram(buckets) = metric.kind {
                builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
            }
        }
        let handle = builder.install_recorder().context("metrics can't be recorded")?;
        Ok(Self { handle, process: Collector::default() })
    }

    /// Describes all of it, with what is there from the start.
    pub(crate) fn start(providers: Vec<String>) {
        let version = env!("CARGO_PKG_VERSION");
        telemetry::start(&Facts { providers, methods: api_grpc::counted_methods(), version });
        table::BUILD_INFO.set([version.into()], 1);
    }

    /// All of it in Prometheus' text format.
    pub(crate) fn render(&self) -> String {
        self.process.collect();
        self.handle.render()
    }

    /// Sums up what was measured.
    pub(crate) fn sum_up(&self) {
        self.handle.run_upkeep();
    }
}
