//! End to end: the built component, in the host, over mocked HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test says what it expects, and fails where it is not so"
)]

mod bad_input;
mod connections;
mod contract;
mod faults;
mod forms;
mod invoices;
mod recorded;
mod searches;
mod stage;
mod triggers;
