//! A simulated Oracle Fusion pod: an axum [`Router`](axum::Router), no sockets needed.

mod attachments;
mod audit;
pub mod auth;
pub mod clock;
mod create;
mod data;
mod defaults;
mod effective;
mod ess;
mod faults;
pub mod identity;
mod interface;
pub mod keys;
mod late;
pub mod log;
pub mod metadata;
pub mod model;
pub mod payload;
pub mod pod;
pub mod query;
mod respond;
mod rest;
pub mod saved;
pub mod scenario;
mod scim;
mod scim_filter;
mod scim_write;
mod security;
pub mod store;
mod upsert;
mod validate;

pub use clock::Clock;
pub use identity::{IDENTITY_HOST, ISSUER};
pub use log::Exchange;
pub use pod::{Error, HOST, Options, Pod};
pub use scenario::{Scenario, ScenarioError};
