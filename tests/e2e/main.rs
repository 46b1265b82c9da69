//! End to end: the built component, in the host, over mocked HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::result_large_err,
    clippy::type_complexity,
    missing_docs,
    reason = "a test says what it expects, and fails where it is not so"
)]

mod access;
mod bad_input;
mod bulk;
mod changes;
mod connections;
mod contract;
mod dated;
mod documented;
mod events;
mod faults;
mod field;
mod forms;
mod invoices;
mod killed;
mod million;
mod moving;
mod odd_reads;
mod recorded;
mod searches;
mod secrets;
mod served;
mod sign_ins;
mod stage;
mod triggers;
mod users;
mod writes;
