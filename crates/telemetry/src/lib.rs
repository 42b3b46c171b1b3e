//! What is measured and traced, by name: one [table] of metrics, so that nothing is recorded that is not described, and
//! [traces](trace) that go on from process to process.
//!
//! It knows no exporter: the binary decides who hears of it. Where nobody does, a metric and a span cost next to nothing.

mod metric;
pub mod table;
pub mod trace;

pub use metric::{Counter, Description, Facts, Gauge, Histogram, Kind, Labels, OneMore, Values, start};
