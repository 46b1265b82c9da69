//! A wasmtime host for components that export `ipaas:connector`.

pub mod clock;
pub mod contract;
pub mod transport;
