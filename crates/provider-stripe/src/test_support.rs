//! Test values.
