//! The commands that call a server as a client does. It knows the public contract alone.

pub mod demo;
