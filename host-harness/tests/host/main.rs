//! The host, seen through a guest that knows no Fusion (`tests/guests/tiny`).
//!
//! The guest's file is `TINY_GUEST_WASM`, or else `dist/tiny-guest.wasm` (`cargo xtask build`).

#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod calls;
mod clock;
mod live;
mod loading;
mod sessions;
mod support;
mod tls;
