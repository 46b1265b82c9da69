//! A simulated Oracle Fusion pod: an axum [`Router`](axum::Router), no sockets needed.

mod create;
mod data;
pub mod keys;
pub mod metadata;
pub mod model;
pub mod payload;
pub mod saved;
pub mod store;
