//! The simulated ports keep the contracts of the real ones.

mod provider;
mod storage;
