//! A wasmtime host for components that export `ipaas:connector`.
//!
//! Loads any such component, checks that it exports the contract, and runs its functions: within limits,
//! with its requests held to an allow-list and handed to a [`transport`], on the system's clock or on one
//! that is told the time. It knows nothing of what a connector connects to.
//!
//! ```no_run
//! use std::sync::Arc;
//! use host_harness::contract::actions::Outcome;
//! use host_harness::contract::types::{Call, Connection};
//! use host_harness::transport::live::Live;
//! use host_harness::{Engine, Policy, Run};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let connector = Engine::new()?.load("dist/oracle-fusion.wasm")?;
//! let transport = Arc::new(Live::new());
//!
//! // What it can do: sends nothing, so nothing is allowed.
//! let manifest = connector.describe(&Run::new(transport.clone(), Policy::new())).await?;
//!
//! // The form says which settings name a host; those hosts may be talked to, and no other.
//! let settings = std::fs::read_to_string("connection.json")?;
//! let policy = Policy::from_settings(&manifest.connection_schema, &settings)?;
//! let connection = Connection { settings, session: None };
//! let run = Run::new(transport, policy);
//! let call = Call { id: "order-4711".into(), attempt: 0, remaining_ms: None };
//! match connector.invoke(&run, &connection, &call, "search_records", r#"{"resource": "invoices"}"#).await? {
//!     Outcome::Done(output) => println!("{output}"),
//!     Outcome::Pending(job) => println!("{}: resume in {} ms", job.status, job.retry_after_ms),
//! }
//! # Ok(())
//! # }
//! ```

pub mod clock;
pub mod connection_file;
pub mod contract;
pub mod engine;
pub mod exact;
pub mod file;
pub mod follow;
pub mod policy;
pub mod run;
pub mod secrets;
pub mod sessions;
pub mod state;
pub mod transport;

pub use engine::{CompileCache, Connector, Engine, EngineOptions, LoadError, SetupError};
pub use policy::{Denied, Policy, PolicyError};
pub use run::{CallError, Limits, Run, Usage};

#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
mod embedding {}
