//! The built `harness` command as a person or a script uses it, with a guest that knows no Fusion.
//!
//! The guest is `dist/tiny-guest.wasm` in the workspace, or what `TINY_GUEST_WASM` names; where there is none,
//! the tests that need one say so and pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod authorize;
mod bench;
mod calls;
mod certificates;
mod connection_files;
mod errors;
#[cfg(unix)]
mod follow;
mod help;
#[cfg(unix)]
mod many;
mod mocked;
mod polls;
mod sessions;
#[cfg(feature = "sim")]
mod sim;
mod state_files;
mod trail;
