//! See `forms` of the crate that it calls.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stripe_sandbox::fuzzing::forms(data));
