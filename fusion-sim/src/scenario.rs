//! What is wrong with the pod today: a list of faults, read from YAML or JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as JsonValue};

use crate::faults::Faults;

/// `{"faults": [{"name": "E6", "times": 2, "retry_after": "3"}, …]}`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Faults, in the order in which they are asked whether a request is theirs.
    #[serde(default)]
    pub faults: Vec<FaultSpec>,
    /// Payables invoices that the pod is generated with, where the scenario says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How long access tokens of the identity domain live, in seconds; an hour where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_seconds: Option<u64>,
}

/// One fault with the requests it is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultSpec {
    /// Its row of FACTS 8, such as `P1`.
    pub name: String,
    /// Only requests with this segment in their path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Only requests of this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Matching requests that are let through first.
    #[serde(default)]
    pub after: u64,
    /// How often it strikes; without it, always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What is particular to the fault.
    #[serde(flatten)]
    pub options: Map<String, JsonValue>,
}

/// Why a scenario was refused.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Not of a scenario's shape.
    #[error("the scenario isn't valid: {0}")]
    Shape(#[from] serde_json::Error),
    /// No such fault.
    #[error("there is no fault {name}; the faults are {known}")]
    UnknownFault {
        /// The name that was given.
        name: String,
        /// All names.
        known: String,
    },
    /// A fault with options that are not its own.
    #[error("the fault {name} isn't valid: {source}")]
    Options {
        /// The fault.
        name: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl Scenario {
    /// Reads and checks a scenario.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`]: its shape, an unknown fault (all known ones are named), or a fault's options.
    pub fn from_value(value: JsonValue) -> Result<Self, ScenarioError> {
        let scenario: Self = serde_json::from_value(value)?;
        scenario.faults()?;
        Ok(scenario)
    }

    pub(crate) fn faults(&self) -> Result<Faults, ScenarioError> {
        Faults::new(&self.faults)
    }
}
