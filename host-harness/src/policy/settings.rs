//! Finds the settings that a form marks as naming a host.
//!
//! Reads the subset of JSON Schema that the contract's forms are written in: `properties`, `items`, `oneOf`
//! (`anyOf`, `allOf`) with a `const` discriminator, and local `$ref`.

use serde_json::Value;

use super::Origin;

const MARK: &str = "x-connector-origin";
/// Forms are a few levels deep; a form whose references run in a circle must not run for ever.
const DEEPEST: usize = 32;

/// A setting that names a host.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marked<'s> {
    /// As filled in.
    pub text: &'s str,
    /// Patterns of hosts, where the form marks it with such; of other hosts the setting alone is no proof.
    pub patterns: Option<Vec<&'s str>>,
}

/// The settings that are marked, in the variants that the settings choose.
pub(super) fn marked<'s>(schema: &'s Value, settings: &'s Value) -> Vec<Marked<'s>> {
    let mut found = Vec::new();
    walk(schema, schema, settings, 0, &mut found);
    found
}

fn walk<'s>(root: &'s Value, schema: &'s Value, value: &'s Value, depth: usize, found: &mut Vec<Marked<'s>>) {
    if depth > DEEPEST {
        return;
    }
    let deeper = depth + 1;
    if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|to| local(root, to)) {
        walk(root, target, value, deeper, found);
    }
    if let (Some(text), Some(mark)) = (value.as_str(), mark(schema)) {
        let patterns = mark.as_array().map(|patterns| patterns.iter().filter_map(Value::as_str).collect());
        found.push(Marked { text, patterns });
    }
    if let (Some(properties), Some(object)) = (schema.get("properties").and_then(Value::as_object), value.as_object()) {
        for (name, property) in properties {
            if let Some(value) = object.get(name) {
                walk(root, property, value, deeper, found);
            }
        }
    }
    if let (Some(items), Some(array)) = (schema.get("items"), value.as_array()) {
        for value in array {
            walk(root, items, value, deeper, found);
        }
    }
    for keyword in ["oneOf", "anyOf", "allOf"] {
        for variant in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
            if chosen(root, variant, value, deeper) {
                walk(root, variant, value, deeper, found);
            }
        }
    }
}

/// Takes out what is marked as advanced, and spells origins in one way.
pub(super) fn reduce(root: &Value, schema: &Value, value: &mut Value, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    let deeper = depth + 1;
    if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|to| local(root, to)) {
        reduce(root, target, value, deeper);
    }
    if mark(schema).is_some()
        && let Some(origin) = value.as_str().and_then(|text| Origin::https(text).or_else(|| Origin::http(text)))
    {
        *value = origin.to_string().into();
    }
    if let (Some(properties), Some(object)) =
        (schema.get("properties").and_then(Value::as_object), value.as_object_mut())
    {
        for (name, property) in properties {
            if property.get("x-connector-visibility").and_then(Value::as_str) == Some("advanced") {
                object.remove(name);
            } else if let Some(value) = object.get_mut(name) {
                reduce(root, property, value, deeper);
            }
        }
    }
    if let (Some(items), Some(array)) = (schema.get("items"), value.as_array_mut()) {
        for value in array {
            reduce(root, items, value, deeper);
        }
    }
    for keyword in ["oneOf", "anyOf", "allOf"] {
        for variant in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
            if chosen(root, variant, value, deeper) {
                reduce(root, variant, value, deeper);
            }
        }
    }
}

/// `true`, a list of host patterns, or an object that says more about it.
fn mark(schema: &Value) -> Option<&Value> {
    schema.get(MARK).filter(|mark| !matches!(mark, Value::Bool(false) | Value::Null))
}

/// `#`, or `#/` and a JSON pointer.
fn local<'r>(root: &'r Value, reference: &str) -> Option<&'r Value> {
    root.pointer(reference.strip_prefix('#')?)
}

/// Whether the constants of a variant are those of the value.
fn chosen(root: &Value, variant: &Value, value: &Value, depth: usize) -> bool {
    if depth > DEEPEST {
        return false;
    }
    if let Some(target) = variant.get("$ref").and_then(Value::as_str).and_then(|to| local(root, to))
        && !chosen(root, target, value, depth + 1)
    {
        return false;
    }
    let Some(properties) = variant.get("properties").and_then(Value::as_object) else {
        return true;
    };
    properties.iter().all(|(name, property)| match property.get("const") {
        Some(constant) => value.get(name) == Some(constant),
        None => true,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn incidental_settings_and_spellings_do_not_make_another_connection() {
        let form = r##"{"properties": {
            "host": {"type": "string", "x-connector-origin": true},
            "language": {"x-connector-visibility": "advanced"},
            "auth": {"$ref": "#/$defs/auth"}},
            "$defs": {"auth": {"oneOf": [{"properties": {"type": {"const": "basic"}, "username": {},
                "hint": {"x-connector-visibility": "advanced"}}}]}}}"##;
        let of = |settings: &str| crate::policy::identity(form, settings);
        let one = of(r#"{"host": "pod.example.com", "auth": {"type": "basic", "username": "u"}}"#);
        let same = of(r#"{"host": "https://POD.example.com:443/", "language": "de",
            "auth": {"type": "basic", "username": "u", "hint": 1}}"#);
        assert!(one.is_some() && one == same, "{one:?} {same:?}");
        assert_ne!(one, of(r#"{"host": "pod.example.com", "auth": {"type": "basic", "username": "v"}}"#));
        assert_ne!(one, of(r#"{"host": "dev.example.com", "auth": {"type": "basic", "username": "u"}}"#));
    }
}
