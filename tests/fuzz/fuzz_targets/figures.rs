//! See `figures` of the crate that it calls.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| domain::fuzzing::figures(data));
