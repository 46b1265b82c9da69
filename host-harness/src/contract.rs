//! The contract in Rust: what `wasmtime` generates from `wit/`.

#![allow(missing_docs)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "connector",
    exports: { default: async },
});

pub use exports::ipaas::connector::{actions, catalog, connections, forms, triggers, types};
