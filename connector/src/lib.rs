//! Oracle Fusion Cloud as a workflow connector: a WebAssembly component that exports `ipaas:connector` and
//! imports WASI alone.
//!
//! This file hands the contract's calls to those who answer them. `operations` is the catalogue, `fusion`
//! the protocol, `http` the one door to the network.

pub mod auth;
pub mod connection;
pub mod contract;
pub mod files;
pub mod forms;
pub mod fusion;
pub mod http;
pub mod json;
pub mod operations;
mod packed;
pub mod problem;
pub mod secrets;
pub mod settings;
pub mod text;

#[cfg(target_family = "wasm")]
mod exports;

/// The manifest: what the connector can do. Sends nothing.
pub fn manifest() -> contract::Manifest {
    contract::Manifest {
        name: "oracle-fusion".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        title: "Oracle Fusion Cloud".to_owned(),
        connection_schema: forms::written::connection().to_string(),
        operations: operations::ALL.iter().map(operations::Entry::told).collect(),
    }
}
