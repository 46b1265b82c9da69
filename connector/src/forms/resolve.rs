//! Forms that depend on what is already chosen: the resource's own fields within an operation's form.

use serde::Deserialize;
use serde_json::Value;

use super::fields;
use crate::contract::{OperationSchemas, ProblemKind};
use crate::fusion::pod::Pod;
use crate::fusion::target::Target;
use crate::operations::Entry;
use crate::problem::{Failure, Result};

/// What describe tells changes with updates and with flexfield deployments: a day is fresh enough.
const FRESH: u32 = 24 * 60 * 60;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Partial {
    resource: Option<Value>,
}

/// The forms of an operation for a partial input.
///
/// # Errors
/// `not-found` for the operation or the resource, and those of a read.
pub fn resolve(pod: &Pod, operation: &str, partial: &str) -> Result<OperationSchemas> {
    let entry = Entry::named(operation)?;
    let mut input = entry.input_schema();
    let mut output = entry.output_schema();
    let partial: Partial = serde_json::from_str(partial)
        .map_err(|_| Failure::permanent(ProblemKind::InvalidInput, "The partial input is not a JSON object."))?;
    let depends = input.pointer("/properties/record/x-connector-schema").is_some();
    if let Some(Value::String(resource)) =
        partial.resource.filter(|_| depends || output.pointer("/properties/record").is_some())
    {
        let described = describe(pod, &resource)?;
        if let Some(place) = input.pointer_mut("/properties/record").filter(|_| depends) {
            let mut form = fields::create(&resource, &described);
            carry(place, &mut form);
            *place = form;
        }
        if let Some(place) = output.pointer_mut("/properties/record") {
            *place = fields::output(&described);
        }
    }
    Ok(OperationSchemas { input: input.to_string(), output: output.to_string(), fresh_for_seconds: FRESH })
}

/// The place in the operation's form stays where it was.
fn carry(from: &Value, to: &mut Value) {
    if let (Some(from), Some(to)) = (from.as_object(), to.as_object_mut()) {
        for (name, value) in from.iter().filter(|(name, _)| name.starts_with("x-connector-")) {
            to.insert(name.clone(), value.clone());
        }
    }
}

fn describe(pod: &Pod, resource: &str) -> Result<crate::fusion::describe::Description> {
    Target::describe(pod, resource)?
        .described
        .ok_or_else(|| Failure::internal("a description was read and is not there"))
}
