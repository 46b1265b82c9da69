//! The contract in Rust, as generated from `wit/`, under short names.
//!
//! These types are used throughout: there is no second set of them to convert to and from.

#[allow(missing_docs, unsafe_code, clippy::all, clippy::pedantic, clippy::restriction)]
pub mod generated {
    wit_bindgen::generate!({
        path: "../wit",
        world: "connector",
        additional_derives: [PartialEq],
        pub_export_macro: true,
        default_bindings_module: "crate::contract::generated",
    });
}

pub use generated::export;
pub use generated::exports::ipaas::connector::actions::{self, Outcome, Pending};
pub use generated::exports::ipaas::connector::catalog::{
    self, Delivery, Effect, Idempotency, Kind, Manifest, Operation,
};
pub use generated::exports::ipaas::connector::connections::{
    self, Authorization, Check, CheckStatus, ConnectionReport,
};
pub use generated::exports::ipaas::connector::forms::{self, Choice, OperationSchemas, OptionPage};
pub use generated::exports::ipaas::connector::triggers::{self, Event, PollResult, Receipt, WebhookRequest};
pub use generated::exports::ipaas::connector::types::{
    Call, Connection, Error, FieldProblem, Problem, ProblemKind, Session, Warning,
};
