//! Calls of a server by people and scripts: the commands of `paylinks` that are a client, and the demo. Knows the contract
//! alone, and that by its descriptors: a method needs a line in [`nouns`], and its flags, tables and JSON follow from there.

mod bounded;
mod call;
mod client;
mod connection;
mod contract;
mod duration;
mod fault;
mod items;
mod json;
mod money;
mod nouns;
mod numbers;
mod output;
mod qr;
mod request;
mod run;
mod table;
mod tail;
mod values;

pub mod demo;

pub use client::ClientCommand;
pub use duration::parse_duration;
pub use money::minor_digits;
pub use table::aligned;
