//! The REST framework: paths, headers and parameters in, envelopes and links out (FACTS 1.1–1.12).
//!
//! A request is read whole, answered by one function call under the store's lock, and never waits.

pub(crate) mod action;
pub(crate) mod answer;
pub(crate) mod batch;
pub(crate) mod collection;
pub(crate) mod describe;
pub(crate) mod effects;
pub(crate) mod encoding;
pub(crate) mod error;
pub(crate) mod handle;
pub(crate) mod item;
pub(crate) mod json;
pub(crate) mod negotiate;
pub(crate) mod params;
pub(crate) mod path;
pub(crate) mod render;
pub(crate) mod source;
