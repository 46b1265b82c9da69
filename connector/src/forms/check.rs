//! Checks a value against a form.
//!
//! It knows the subset of JSON Schema that forms are written in and nothing more; the test suite compares
//! it with a full validator. It finds every fault, not the first one, up to a bound.

use serde_json::{Map, Value};

use crate::contract::FieldProblem;
use crate::fusion::time;
use crate::text::{nearest, shorten};

/// More faults than a person reads are not collected.
const MOST: usize = 50;
/// Deeper inputs than any form has are refused rather than followed.
const DEPTH: usize = 64;

/// Every fault, in document order.
pub fn faults(form: &Value, value: &Value) -> Vec<FieldProblem> {
    Checker::run(form, value, true)
}

/// The same of a value that may be a secret: faults say of what kind it is and never what it is.
pub fn faults_of_secrets(form: &Value, value: &Value) -> Vec<FieldProblem> {
    Checker::run(form, value, false)
}

struct Checker<'a> {
    form: &'a Value,
    /// Whether values may be repeated.
    shows: bool,
    faults: Vec<FieldProblem>,
}

impl<'a> Checker<'a> {
    fn run(form: &'a Value, value: &Value, shows: bool) -> Vec<FieldProblem> {
        let mut checker = Checker { form, shows, faults: Vec::new() };
        checker.value(form, value, &mut String::new(), 0);
        checker.faults
    }

    fn kind(&self, value: &Value) -> String {
        match value {
            Value::Number(number) if self.shows => format!("the number {number}"),
            Value::Number(_) => "a number; put it between quotes".to_owned(),
            Value::String(text) if self.shows => format!("the text {}", shorten(&format!("{text:?}"), 40)),
            Value::String(_) => "text".to_owned(),
            Value::Null => "null".to_owned(),
            Value::Bool(flag) => flag.to_string(),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        }
    }

    fn plain(&self, value: &Value) -> String {
        if self.shows { plain(value) } else { "this".to_owned() }
    }

    fn fault(&mut self, at: &str, message: String) {
        if self.faults.len() < MOST {
            self.faults.push(FieldProblem { pointer: at.to_owned(), message });
        }
    }

    fn value(&mut self, schema: &'a Value, value: &Value, at: &mut String, depth: usize) {
        if depth > DEPTH {
            return self.fault(at, format!("it is nested deeper than {DEPTH} levels"));
        }
        let Some(schema) = self.resolve(schema) else { return };
        if let Some(kinds) = schema.get("type")
            && !has_type(kinds, value)
        {
            return self.fault(at, format!("{} is expected here, not {}", named(kinds), self.kind(value)));
        }
        if let Some(Value::Array(choices)) = schema.get("enum")
            && !choices.contains(value)
        {
            let told: Vec<String> = choices.iter().map(plain).collect();
            return self.fault(at, format!("{} is not one of {}", self.plain(value), told.join(", ")));
        }
        if let Some(wanted) = schema.get("const")
            && wanted != value
        {
            return self.fault(at, format!("{} is expected here, not {}", plain(wanted), self.plain(value)));
        }
        if let Some(Value::Array(options)) = schema.get("oneOf") {
            self.one_of(options, value, at, depth);
        }
        match value {
            Value::Object(members) => self.object(schema, members, at, depth),
            Value::Array(items) => self.array(schema, items, at, depth),
            Value::String(text) => self.text(schema, text, at),
            Value::Number(_) => self.number(schema, value, at),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn resolve(&self, schema: &'a Value) -> Option<&'a Map<String, Value>> {
        let mut schema = schema;
        for _ in 0..8 {
            let members = schema.as_object()?;
            match members.get("$ref").and_then(Value::as_str) {
                Some(place) => schema = self.form.pointer(place.strip_prefix('#')?)?,
                None => return Some(members),
            }
        }
        None
    }

    /// A choice by a constant member where there is one, else the first choice that fits.
    fn one_of(&mut self, options: &'a [Value], value: &Value, at: &mut String, depth: usize) {
        let mut tags: Vec<(&str, String)> = Vec::new();
        for option in options {
            let Some(schema) = self.resolve(option) else { continue };
            let Some((name, wanted)) = discriminator(schema) else { continue };
            match value.get(name) {
                Some(given) if given == wanted => return self.value(option, value, at, depth + 1),
                _ => tags.push((name, plain(wanted))),
            }
        }
        if !tags.is_empty() {
            if let (Some(members), Some((name, _))) = (value.as_object(), tags.first()) {
                let names: Vec<&str> = tags.iter().map(|(_, tag)| tag.as_str()).collect();
                let given = members.contains_key(*name);
                let length = extend(at, name);
                let told = if given { "is none of these" } else { "is missing; it is one of these" };
                self.fault(&at.clone(), format!("{name} {told}: {}", names.join(", ")));
                at.truncate(length);
            } else {
                self.fault(at, format!("an object is expected here, not {}", self.kind(value)));
            }
            return;
        }
        let fits = options.iter().any(|option| {
            let mut trial = Checker { form: self.form, shows: self.shows, faults: Vec::new() };
            trial.value(option, value, &mut at.clone(), depth + 1);
            trial.faults.is_empty()
        });
        if !fits {
            self.fault(at, format!("{} fits none of the choices", self.plain(value)));
        }
    }

    fn object(&mut self, schema: &'a Map<String, Value>, members: &Map<String, Value>, at: &mut String, depth: usize) {
        let empty = Map::new();
        let known = schema.get("properties").and_then(Value::as_object);
        if let Some(Value::Array(required)) = schema.get("required") {
            for name in required.iter().filter_map(Value::as_str) {
                if !members.contains_key(name) {
                    let told = format!("{name} is missing{}", near(name, members.keys()));
                    let length = extend(at, name);
                    self.fault(&at.clone(), told);
                    at.truncate(length);
                }
            }
        }
        for (name, value) in members {
            let length = extend(at, name);
            match (known.and_then(|known| known.get(name)), schema.get("additionalProperties")) {
                (Some(inner), _) => self.value(inner, value, at, depth + 1),
                (None, Some(Value::Bool(false))) => {
                    let told = format!("{name} is not known here{}", near(name, known.unwrap_or(&empty).keys()));
                    self.fault(&at.clone(), told);
                }
                (None, Some(inner @ Value::Object(_))) => self.value(inner, value, at, depth + 1),
                (None, _) => {}
            }
            at.truncate(length);
        }
        let count = u64::try_from(members.len()).unwrap_or(u64::MAX);
        if let Some(least) = schema.get("minProperties").and_then(Value::as_u64)
            && count < least
        {
            self.fault(at, format!("at least {least} members are expected"));
        }
    }

    fn array(&mut self, schema: &'a Map<String, Value>, items: &[Value], at: &mut String, depth: usize) {
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
        if let Some(least) = schema.get("minItems").and_then(Value::as_u64)
            && count < least
        {
            self.fault(at, format!("at least {least} items are expected, not {count}"));
        }
        if let Some(most) = schema.get("maxItems").and_then(Value::as_u64)
            && count > most
        {
            self.fault(at, format!("at most {most} items are taken, not {count}"));
        }
        let Some(inner) = schema.get("items") else { return };
        for (index, item) in items.iter().enumerate() {
            let length = extend(at, &index.to_string());
            self.value(inner, item, at, depth + 1);
            at.truncate(length);
        }
    }

    fn text(&mut self, schema: &Map<String, Value>, text: &str, at: &str) {
        let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        if let Some(least) = schema.get("minLength").and_then(Value::as_u64)
            && length < least
        {
            let told =
                if length == 0 { "it is empty".to_owned() } else { format!("it is shorter than {least} characters") };
            self.fault(at, told);
        }
        if let Some(most) = schema.get("maxLength").and_then(Value::as_u64)
            && length > most
        {
            self.fault(at, format!("it is longer than {most} characters"));
        }
        let fits = match schema.get("format").and_then(Value::as_str) {
            Some("date") => text.len() == 10 && time::day(text).is_some(),
            Some("date-time") => crate::fusion::time::instant(text).is_some(),
            _ => true,
        };
        if !fits {
            let wanted = if schema.get("format").and_then(Value::as_str) == Some("date") {
                "a date as in 2026-01-31"
            } else {
                "a date and time as in 2026-01-31T10:00:00Z"
            };
            self.fault(
                at,
                format!(
                    "{wanted} is expected here, not {}",
                    if self.shows { shorten(text, 40) } else { "this".to_owned() }
                ),
            );
        }
    }

    fn number(&mut self, schema: &Map<String, Value>, value: &Value, at: &str) {
        let Some(given) = value.as_f64() else { return };
        if let Some(least) = schema.get("minimum").and_then(Value::as_f64)
            && given < least
        {
            self.fault(at, format!("{} is less than {least}", self.plain(value)));
        }
        if let Some(most) = schema.get("maximum").and_then(Value::as_f64)
            && given > most
        {
            self.fault(at, format!("{} is more than {most}", self.plain(value)));
        }
    }
}

/// The member that tells the options of a `oneOf` apart.
fn discriminator(schema: &Map<String, Value>) -> Option<(&str, &Value)> {
    let properties = schema.get("properties")?.as_object()?;
    properties.iter().find_map(|(name, inner)| inner.get("const").map(|wanted| (name.as_str(), wanted)))
}

fn extend(at: &mut String, name: &str) -> usize {
    let length = at.len();
    at.push('/');
    at.push_str(&name.replace('~', "~0").replace('/', "~1"));
    length
}

fn near<'n>(name: &str, known: impl Iterator<Item = &'n String>) -> String {
    match nearest(name, known.map(String::as_str), 1).first() {
        Some(found) => format!("; did you mean {found}?"),
        None => String::new(),
    }
}

fn has_type(kinds: &Value, value: &Value) -> bool {
    match kinds {
        Value::String(kind) => is_a(kind, value),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(|kind| is_a(kind, value)),
        _ => true,
    }
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => false,
    }
}

fn named(kinds: &Value) -> String {
    let name = |kind: &str| match kind {
        "object" => "an object",
        "array" => "a list",
        "string" => "text",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        _ => "null",
    };
    match kinds {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).map(name).collect::<Vec<_>>().join(" or "),
        other => name(other.as_str().unwrap_or("null")).to_owned(),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => shorten(text, 60),
        other => shorten(&other.to_string(), 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(form: &Value, value: &Value) -> Vec<String> {
        faults(form, value).into_iter().map(|fault| format!("{} {}", fault.pointer, fault.message)).collect()
    }

    #[test]
    fn every_fault_is_told_with_its_pointer() {
        let form = json!({
            "type": "object", "additionalProperties": false, "required": ["resource", "limit"],
            "properties": {
                "resource": {"type": "string", "minLength": 1},
                "limit": {"type": "integer", "minimum": 1, "maximum": 10},
                "all": {"type": "array", "items": {"$ref": "#/$defs/condition"}},
            },
            "$defs": {"condition": {"type": "object", "properties": {"operator": {"enum": ["eq", "ne"]}}}},
        });
        let input = json!({"resource": "", "limits": 3, "all": [{"operator": "eq"}, {"operator": "is"}, 7]});
        assert_eq!(
            told(&form, &input),
            [
                "/limit limit is missing; did you mean limits?",
                "/resource it is empty",
                "/limits limits is not known here; did you mean limit?",
                "/all/1/operator is is not one of eq, ne",
                "/all/2 an object is expected here, not the number 7",
            ]
        );
        assert_eq!(told(&form, &json!({"resource": "x", "limit": 11})), ["/limit 11 is more than 10"]);
        assert!(told(&form, &json!({"resource": "x", "limit": 10})).is_empty());
    }

    #[test]
    fn a_choice_is_made_by_its_constant_member() {
        let form = json!({"oneOf": [
            {"type": "object", "properties": {"type": {"const": "basic"}, "password": {"type": "string"}}, "required": ["type", "password"]},
            {"type": "object", "properties": {"type": {"const": "jwt"}}, "required": ["type"]},
        ]});
        assert_eq!(told(&form, &json!({"type": "basic"})), ["/password password is missing"]);
        assert_eq!(told(&form, &json!({"type": "oauth"})), ["/type type is none of these: basic, jwt"]);
        assert_eq!(told(&form, &json!("basic")), [" an object is expected here, not the text \"basic\""]);
        assert!(told(&form, &json!({"type": "jwt"})).is_empty());
    }
}
