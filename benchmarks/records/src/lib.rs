//! The server that benchmarks read from, for all of them.

pub mod server;
