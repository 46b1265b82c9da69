//! A simulated Oracle Fusion pod: an axum [`Router`](axum::Router), no sockets needed.

pub mod model;
