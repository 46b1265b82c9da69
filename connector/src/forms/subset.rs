//! schemars' schemas, rewritten into the subset of JSON Schema that every renderer takes (the contract).

use serde_json::{Map, Value};

/// Keywords of the subset.
const KEYWORDS: &[&str] = &[
    "$schema",
    "$ref",
    "$defs",
    "type",
    "properties",
    "required",
    "enum",
    "const",
    "oneOf",
    "format",
    "default",
    "examples",
    "title",
    "description",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "pattern",
    "items",
    "additionalProperties",
    "writeOnly",
];

/// The schema in the subset: options that may be null lose the null, a lone `anyOf` or `allOf` is merged,
/// number formats and whatever else renderers do not know are dropped, choices of words become `enum`.
pub fn rewrite(schema: Value) -> Value {
    match schema {
        Value::Object(members) => Value::Object(object(members)),
        Value::Bool(true) => Value::Object(Map::new()),
        other => other,
    }
}

fn object(mut members: Map<String, Value>) -> Map<String, Value> {
    for word in ["anyOf", "allOf"] {
        if let Some(Value::Array(options)) = members.remove(word) {
            let mut real =
                options.into_iter().filter(|option| option.get("type").and_then(Value::as_str) != Some("null"));
            if let (Some(Value::Object(only)), None) = (real.next(), real.next()) {
                for (name, value) in only {
                    members.entry(name).or_insert(value);
                }
            }
        }
    }
    if let Some(Value::Array(kinds)) = members.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            members.insert("type".into(), only);
        }
    }
    words(&mut members);
    let kind = members.get("type").and_then(Value::as_str).map(str::to_owned);
    if kind.is_some_and(|kind| kind == "integer" || kind == "number") {
        members.remove("format");
    }
    if let Some(Value::Array(choices)) = members.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    if members.get("default") == Some(&Value::Null) {
        members.remove("default");
    }
    members
        .into_iter()
        .filter(|(name, _)| KEYWORDS.contains(&name.as_str()) || name.starts_with("x-connector-"))
        .map(|(name, value)| {
            let value = match (name.as_str(), value) {
                ("properties" | "$defs", Value::Object(inner)) => {
                    Value::Object(inner.into_iter().map(|(name, value)| (name, rewrite(value))).collect())
                }
                ("items" | "additionalProperties", inner @ Value::Object(_)) => rewrite(inner),
                ("items", Value::Bool(true)) => Value::Object(Map::new()),
                ("oneOf", Value::Array(options)) => Value::Array(options.into_iter().map(rewrite).collect()),
                // Doc comments are wrapped where a line of code ends; a form wraps where its window does.
                ("description", Value::String(text)) => Value::String(text.replace('\n', " ")),
                (_, value) => value,
            };
            (name, value)
        })
        .collect()
}

/// A choice of constant words is an `enum`; their descriptions go into the field's own.
fn words(members: &mut Map<String, Value>) {
    let Some(Value::Array(options)) = members.get("oneOf") else { return };
    let all_words = options.iter().all(|option| {
        let lone = option.get("const").is_some_and(Value::is_string);
        (lone || option.get("enum").is_some()) && option.get("properties").is_none()
    });
    if !all_words {
        return;
    }
    let mut values = Vec::new();
    for option in options {
        values.extend(option.get("const").cloned());
        values.extend(option.get("enum").and_then(Value::as_array).cloned().unwrap_or_default());
    }
    members.remove("oneOf");
    members.insert("type".into(), "string".into());
    members.insert("enum".into(), Value::Array(values));
}

/// Where a schema leaves the subset, as paths.
pub fn outside(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(schema, "", &mut found);
    found
}

fn walk(schema: &Value, at: &str, found: &mut Vec<String>) {
    let Value::Object(members) = schema else { return };
    for (name, value) in members {
        if !KEYWORDS.contains(&name.as_str()) && !name.starts_with("x-connector-") {
            found.push(format!("{at}/{name}"));
        }
        match (name.as_str(), value) {
            ("properties" | "$defs", Value::Object(inner)) => {
                inner.iter().for_each(|(name, inner)| walk(inner, &format!("{at}/{name}"), found));
            }
            ("items" | "additionalProperties", inner) => walk(inner, &format!("{at}/{name}"), found),
            ("oneOf", Value::Array(options)) => {
                options.iter().for_each(|option| walk(option, &format!("{at}/oneOf"), found))
            }
            ("type", Value::Array(_)) => found.push(format!("{at}/type")),
            _ => {}
        }
    }
}
