//! Forms that depend on what is already chosen: the resource's own fields within an operation's form.

use serde::Deserialize;
use serde_json::Value;

use super::fields;
use crate::contract::{Effect, Kind, OperationSchemas, ProblemKind};
use crate::fusion::catalogue::Quirk;
use crate::fusion::changes::watch;
use crate::fusion::pod::Pod;
use crate::fusion::target::Target;
use crate::operations::Entry;
use crate::problem::{Failure, Result};

/// What describe tells changes with updates and with flexfield deployments: a day is fresh enough.
const FRESH: u32 = 24 * 60 * 60;

/// Where forms of writes hold a record.
const RECORDS: [&str; 3] = ["/properties/record", "/properties/records/items", "/$defs/Change/properties/record"];

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
    let partial: Partial = crate::json::from_str(partial)
        .map_err(|_| Failure::permanent(ProblemKind::InvalidInput, "The partial input is not a JSON object."))?;
    let records: Vec<&str> = RECORDS.into_iter().filter(|place| is_record(input.pointer(place))).collect();
    let results: Vec<&str> = match operation {
        "search_records" => vec!["/properties/result/items"],
        _ => vec!["/properties/record"],
    };
    let effect = entry.spec.effect;
    let writes = matches!(effect, Effect::Create | Effect::Update) && !records.is_empty();
    let watches = entry.kind == Kind::Trigger && input.pointer("/properties/watch_by").is_some();
    let of_resource = watches || entry.spec.group == "Any record" && (writes || effect == Effect::Read);
    let shown = results.iter().any(|place| output.pointer(place).is_some());
    if let Some(Value::String(resource)) = partial.resource.filter(|_| of_resource && (writes || shown)) {
        let target = Target::describe(pod, &resource)?;
        // Children of a row have the lists of values of any such children.
        let named = resource.split('/').step_by(3).collect::<Vec<_>>().join(".");
        let dated = target.has(Quirk::DateEffective);
        if let Some(told) = watch::told_of(&target).filter(|_| watches) {
            way_of_watching(&mut input, &told, operation == "new_or_updated_record");
        }
        let described = target.described.unwrap_or_default();
        if writes {
            // What an upsert finds is changed, so that nothing but its key must be there.
            let mut form = match effect {
                Effect::Update => fields::update(&named, &described),
                _ => fields::create(&named, &described),
            };
            if operation.starts_with("upsert") {
                form.as_object_mut().map(|members| members.remove("required"));
            }
            for place in
                records.iter().filter_map(|place| Some((*place, input.pointer(place)?.clone()))).collect::<Vec<_>>()
            {
                let (place, before) = place;
                let mut form = form.clone();
                carry(&before, &mut form);
                if let Some(there) = input.pointer_mut(place) {
                    *there = form;
                }
            }
            effective(&mut input, dated || described.is_dated());
        }
        for place in results {
            if let Some(place) = output.pointer_mut(place) {
                *place = fields::output(&described);
            }
        }
    }
    Ok(OperationSchemas { input: input.to_string(), output: output.to_string(), fresh_for_seconds: FRESH })
}

/// Where a resource does not tell its changes, the form says so and what works instead.
fn way_of_watching(input: &mut Value, told: &str, needed: bool) {
    if let Some(Value::Object(field)) = input.pointer_mut("/properties/watch_by") {
        field.insert("description".into(), told.into());
        field.insert("x-connector-visibility".into(), "important".into());
    }
    if needed && let Some(Value::Array(required)) = input.pointer_mut("/required") {
        required.push("watch_by".into());
    }
}

/// A place for a record, and not a reference to a shape of another kind.
fn is_record(place: Option<&Value>) -> bool {
    place.is_some_and(|place| place.get("$ref").is_none() && place.get("type") == Some(&"object".into()))
}

/// The span of days is asked for where rows have one, and nowhere else.
fn effective(input: &mut Value, dated: bool) {
    let Some(members) = input.as_object_mut() else { return };
    let Some(Value::Object(properties)) = members.get_mut("properties") else { return };
    if !dated {
        properties.remove("effective");
    } else if let Some(Value::Object(field)) = properties.get_mut("effective") {
        field.insert("x-connector-visibility".into(), "important".into());
        if let Some(Value::Array(required)) = members.get_mut("required") {
            required.push("effective".into());
        }
    }
}

/// The place in the operation's form stays where it was.
fn carry(from: &Value, to: &mut Value) {
    if let (Some(from), Some(to)) = (from.as_object(), to.as_object_mut()) {
        for (name, value) in from.iter().filter(|(name, _)| name.starts_with("x-connector-")) {
            to.insert(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json};
    use crate::settings::Settings;

    #[test]
    fn a_form_for_invoices_takes_one_request() {
        let text = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(text).unwrap();
        let described = r#"{"Resources":{"invoices":{"attributes":[{"name":"InvoiceNumber","type":"string","mandatory":true,"allowChanges":"always"}],"children":{"invoiceDff":{"attributes":[{"name":"__FLEX_Context","type":"string","updatable":true}]}}}}}"#;
        for (operation, place) in
            [("create_record", "/properties/record"), ("search_records", "/properties/result/items")]
        {
            let door = Fake::new([json(200, described)]);
            let pod = Pod::new(&door, &settings, None).unwrap();
            let made = resolve(&pod, operation, r#"{"resource":"invoices"}"#).unwrap();
            let form: Value =
                serde_json::from_str(if operation == "create_record" { &made.input } else { &made.output }).unwrap();
            let record = form.pointer(place).unwrap();
            assert!(record["properties"].get("InvoiceNumber").is_some(), "{operation}");
            assert_eq!(record["properties"]["invoiceDff"]["type"], "array");
            assert_eq!(door.sent.borrow().len(), 1);
        }
    }

    #[test]
    fn a_form_says_where_changes_cannot_be_asked_for() {
        let text = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(text).unwrap();
        let described = r#"{"Resources":{"suppliers":{"attributes":[{"name":"Supplier","type":"string"}]}}}"#;
        let door = Fake::new([json(200, described)]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        let made = resolve(&pod, "new_or_updated_record", r#"{"resource":"suppliers"}"#).unwrap();
        let form: Value = serde_json::from_str(&made.input).unwrap();
        assert!(
            form["properties"]["watch_by"]["description"].as_str().unwrap().contains("may not stand in conditions")
        );
        assert!(form["required"].as_array().unwrap().contains(&"watch_by".into()));
        let output: Value = serde_json::from_str(&made.output).unwrap();
        assert!(output["properties"]["record"]["properties"].get("Supplier").is_some());
    }

    #[test]
    fn the_span_of_days_is_asked_for_where_rows_have_one() {
        let form = r#"{"required":["key"],"properties":{"key":{},"effective":{"x-connector-visibility":"advanced"}}}"#;
        let mut dated: Value = serde_json::from_str(form).unwrap();
        let mut plain = dated.clone();
        effective(&mut dated, true);
        effective(&mut plain, false);
        assert_eq!(dated["required"][1], "effective");
        assert!(plain["properties"].get("effective").is_none());
    }
}
