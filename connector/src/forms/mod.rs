//! Forms: JSON Schemas made from Rust types and from describe, and input checked against them.
//!
//! A form stays in the subset that every renderer takes ([`subset`]); [`check`] knows exactly that subset.
//! An input is checked as a whole, so that a person learns of every fault at once, and only then read into
//! its type.

pub mod check;
pub mod fields;
pub mod options;
pub mod resolve;
pub mod subset;
pub mod written;

#[cfg(not(target_family = "wasm"))]
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::contract::{FieldProblem, Kind};
use crate::json;
use crate::problem::{Failure, Result};

const INPUT: &str = "input";

/// The form of a type, in the subset. The component holds what comes of it as text: see [`written`].
#[cfg(not(target_family = "wasm"))]
pub fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12();
    subset::rewrite(settings.into_generator().into_root_schema_for::<T>().to_value())
}

/// Reads the input of an operation.
///
/// # Errors
/// `invalid-input`, with a JSON pointer for each fault.
pub fn input<T: DeserializeOwned>(kind: Kind, id: &str, text: &str) -> Result<T> {
    fits(kind, id, text)?;
    read(INPUT, text)
}

/// Apart from the types, of which there are many.
fn fits(kind: Kind, id: &str, text: &str) -> Result<()> {
    let value: Value = serde_json::from_str(text).map_err(|error| not_json(INPUT, &error))?;
    faultless(INPUT, check::faults(&written::input(kind, id), &value))
}

/// The same of settings, whose values are never repeated.
///
/// # Errors
/// `invalid-input`, with a JSON pointer for each fault.
pub fn parse_settings<T: DeserializeOwned>(form: &Value, text: &str) -> Result<T> {
    const WHAT: &str = "connection settings";
    const REMEDY: &str =
        "Each kind of sign-in has fields of its own below auth; docs/connecting.md shows a whole file for each.";
    let value: Value = serde_json::from_str(text).map_err(|error| not_json(WHAT, &error))?;
    faultless(WHAT, check::faults_of_secrets(form, &value))
        .and_then(|()| read(WHAT, text))
        .map_err(|failure: Failure| failure.or_remedy(|| REMEDY.to_owned()))
}

fn faultless(what: &str, faults: Vec<FieldProblem>) -> Result<()> {
    if faults.is_empty() { Ok(()) } else { Err(Failure::invalid_fields(what, faults)) }
}

/// From the text and not from the value: numbers keep the spelling that they came with.
fn read<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    json::from_str(text).map_err(|error| unread(what, &error))
}

#[cold]
fn unread(what: &str, error: &serde_json::Error) -> Failure {
    Failure::invalid_fields(what, vec![FieldProblem { pointer: String::new(), message: without_place(error) }])
}

fn not_json(what: &str, error: &serde_json::Error) -> Failure {
    let message =
        format!("this is not JSON (line {}, column {}): {}", error.line(), error.column(), without_place(error));
    Failure::invalid_fields(what, vec![FieldProblem { pointer: String::new(), message }])
}

/// serde's message without its "at line 1 column 2".
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}
