//! What an action keeps between its steps: versioned, and good only for the action and pod that wrote it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::contract::{Outcome, Pending, ProblemKind};
use crate::fusion::page::fingerprint;
use crate::fusion::pod::Pod;
use crate::problem::{Failure, Result};

const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Kept<T> {
    v: u8,
    f: String,
    s: T,
}

/// What a step that did not finish says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Later {
    /// What is going on, for people.
    pub status: String,
    /// Per cent, where it can be told.
    pub progress: Option<u8>,
    /// When to look again, in milliseconds.
    pub wait_ms: u64,
}

/// The action pends; `state` is for its next step.
///
/// # Errors
/// `internal`, where the state cannot be written.
pub fn pend<T: Serialize>(pod: &Pod, action: &str, state: &T, later: Later) -> Result<Outcome> {
    let f = fingerprint([action, &pod.settings.origin.authority]);
    let token = serde_json::to_string(&Kept { v: VERSION, f, s: state });
    Ok(Outcome::Pending(Pending {
        token: token.map_err(|error| Failure::internal(error.to_string()))?,
        retry_after_ms: later.wait_ms,
        status: later.status,
        progress: later.progress,
    }))
}

/// What the step before kept.
///
/// # Errors
/// `invalid-input` for what is no token of this action and pod.
pub fn read<T: DeserializeOwned>(pod: &Pod, action: &str, token: &str) -> Result<T> {
    let f = fingerprint([action, &pod.settings.origin.authority]);
    match crate::json::from_str::<Kept<T>>(token) {
        Ok(kept) if kept.v == VERSION && kept.f == f => Ok(kept.s),
        read => {
            let whose = if read.is_ok() {
                "belongs to another action, pod or version"
            } else {
                "is not one that this action answered"
            };
            Err(Failure::permanent(ProblemKind::InvalidInput, format!("The token {whose}."))
                .remedy("Hand in the token of the last pending answer of this call; the call can also be made again with the same call id."))
        }
    }
}
