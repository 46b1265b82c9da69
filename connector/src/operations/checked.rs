//! Values of an input that its form has checked, for operations whose inputs are read without a reader of
//! their own: each such reader is several kilobytes of the component.

use serde_json::Value;

/// A text.
pub fn word(input: &Value, name: &str) -> Option<String> {
    input.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// A list of texts.
pub fn words(input: &Value, name: &str) -> Option<Vec<String>> {
    let list = input.get(name).and_then(Value::as_array)?;
    Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// A whole number.
pub fn number(input: &Value, name: &str) -> Option<u32> {
    input.get(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok())
}

/// A flag.
pub fn flag(input: &Value, name: &str) -> Option<bool> {
    input.get(name).and_then(Value::as_bool)
}
