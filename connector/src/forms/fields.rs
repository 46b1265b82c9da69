//! Forms of a resource's records, from what the pod describes.

use serde_json::{Map, Value, json};

use crate::fusion::catalogue::Kind;
use crate::fusion::describe::{Attribute, Description};

/// Children within children that a form shows.
const DEPTH: usize = 3;
/// Attributes that the server fills.
const WHO: [&str; 5] = ["CreatedBy", "CreationDate", "LastUpdatedBy", "LastUpdateDate", "LastUpdateLogin"];

/// The form of a record to create: what may be sent, with what must be.
pub fn create(resource: &str, described: &Description) -> Value {
    let include = |attribute: &Attribute| attribute.creatable() && !WHO.contains(&attribute.name.as_str());
    object(resource, described, DEPTH, true, &include)
}

/// The form of changes to a record: what may be changed, and nothing that must be.
pub fn update(resource: &str, described: &Description) -> Value {
    let include = |attribute: &Attribute| attribute.changeable() && !WHO.contains(&attribute.name.as_str());
    object(resource, described, DEPTH, false, &include)
}

/// The shape of a record that was read: every attribute, none required, since any may be null.
pub fn output(described: &Description) -> Value {
    let mut properties = Map::new();
    for attribute in &described.attributes {
        // A type would forbid the null that stands for unset.
        properties.insert(attribute.name.clone(), json!({"title": title(attribute)}));
    }
    for (name, child) in &described.children {
        properties.insert(
            name.clone(),
            json!({"type": "array", "items": {"type": "object", "title": child.title.as_deref().unwrap_or(name)}}),
        );
    }
    json!({"type": "object", "title": described.title.as_deref().unwrap_or("Record"), "properties": properties})
}

fn object(
    resource: &str,
    described: &Description,
    depth: usize,
    all: bool,
    include: &dyn Fn(&Attribute) -> bool,
) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut order = 0;
    for attribute in &described.attributes {
        if !include(attribute) {
            continue;
        }
        order += 1;
        if attribute.mandatory && all {
            required.push(Value::from(attribute.name.clone()));
        }
        properties.insert(attribute.name.clone(), field(resource, attribute, order));
    }
    if depth > 0 {
        for (name, child) in &described.children {
            let inner = match child.attributes.is_empty() {
                true => json!({"type": "object"}),
                false => object(&format!("{resource}.{name}"), child, depth - 1, all, include),
            };
            order += 1;
            let title = child.title.as_deref().unwrap_or(name);
            properties.insert(
                name.clone(),
                json!({"type": "array", "title": title, "items": inner, "x-connector-order": order}),
            );
        }
    }
    let mut schema =
        json!({"type": "object", "title": described.title.as_deref().unwrap_or("Record"), "properties": properties});
    if let Some(members) = schema.as_object_mut()
        && !required.is_empty()
    {
        members.insert("required".into(), required.into());
    }
    schema
}

fn field(resource: &str, attribute: &Attribute, order: u32) -> Value {
    let (kind, format) = match attribute.holds() {
        Kind::Integer => ("integer", None),
        Kind::Number => ("number", None),
        Kind::Boolean => ("boolean", None),
        Kind::Date => ("string", Some("date")),
        Kind::Timestamp => ("string", Some("date-time")),
        Kind::String if attribute.kind == "array" => ("array", None),
        Kind::String if attribute.kind == "object" => ("object", None),
        Kind::String => ("string", None),
    };
    let mut schema = Map::new();
    schema.insert("type".into(), kind.into());
    schema.insert("title".into(), title(attribute).into());
    if let Some(format) = format {
        schema.insert("format".into(), format.into());
    }
    if let Some(most) = attribute.max_length.or(attribute.precision)
        && kind == "string"
        && format.is_none()
        && most > 0
    {
        schema.insert("maxLength".into(), most.into());
    }
    // So many digits and no more; the scale of a decimal number is not told.
    if kind == "integer"
        && let Some(most) =
            attribute.precision.and_then(|digits| u32::try_from(digits).ok()).filter(|digits| *digits > 0)
        && let Some(bound) = 10_i64.checked_pow(most).filter(|_| most <= 18)
    {
        schema.insert("minimum".into(), (1 - bound).into());
        schema.insert("maximum".into(), (bound - 1).into());
    }
    if let Some(lov) = &attribute.lov {
        let source = format!("lov:{resource}/{}/{}", lov.child_ref, attribute.name);
        schema.insert(
            "x-connector-options".into(),
            json!({"source": source, "depends-on": ["record"], "searchable": true}),
        );
    }
    let visibility = if attribute.mandatory { "important" } else { "advanced" };
    schema.insert("x-connector-visibility".into(), visibility.into());
    schema.insert("x-connector-order".into(), order.into());
    Value::Object(schema)
}

fn title(attribute: &Attribute) -> &str {
    attribute.title.as_deref().filter(|title| !title.is_empty()).unwrap_or(&attribute.name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_what_may_be_sent() {
        let body = br#"{"Resources":{"r":{"title":"Thing","attributes":[
            {"name":"Id","type":"integer","allowChanges":"never"},
            {"name":"Name","title":"Name","type":"string","mandatory":true,"allowChanges":"always","maxLength":30},
            {"name":"Day","type":"string","allowChanges":"inCreate","properties":{"DISPLAYTYPE":"date"}},
            {"name":"Kind","type":"string","allowChanges":"always","lov":{"childRef":"KindLOV"}},
            {"name":"CreatedBy","type":"string","allowChanges":"always"}],
            "children":{"lines":{"attributes":[{"name":"Amount","type":"number","mandatory":true}]}}}}}"#;
        let form = create("r", &Description::read(body, "r").unwrap());
        insta::assert_json_snapshot!(form, @r#"
        {
          "type": "object",
          "title": "Thing",
          "properties": {
            "Name": {
              "type": "string",
              "title": "Name",
              "maxLength": 30,
              "x-connector-visibility": "important",
              "x-connector-order": 1
            },
            "Day": {
              "type": "string",
              "title": "Day",
              "format": "date",
              "x-connector-visibility": "advanced",
              "x-connector-order": 2
            },
            "Kind": {
              "type": "string",
              "title": "Kind",
              "x-connector-options": {
                "source": "lov:r/KindLOV/Kind",
                "depends-on": [
                  "record"
                ],
                "searchable": true
              },
              "x-connector-visibility": "advanced",
              "x-connector-order": 3
            },
            "lines": {
              "type": "array",
              "title": "lines",
              "items": {
                "type": "object",
                "title": "Record",
                "properties": {
                  "Amount": {
                    "type": "number",
                    "title": "Amount",
                    "x-connector-visibility": "important",
                    "x-connector-order": 1
                  }
                },
                "required": [
                  "Amount"
                ]
              },
              "x-connector-order": 4
            }
          },
          "required": [
            "Name"
          ]
        }
        "#);
        assert!(crate::forms::subset::outside(&form).is_empty());
    }

    #[test]
    fn a_form_of_changes_has_what_may_be_changed_and_requires_nothing() {
        let body = br#"{"Resources":{"r":{"attributes":[
            {"name":"Id","type":"integer","allowChanges":"never"},
            {"name":"Number","type":"string","mandatory":true,"allowChanges":"inCreate"},
            {"name":"Rank","type":"integer","mandatory":true,"allowChanges":"always","precision":3}],
            "children":{"lines":{"attributes":[{"name":"Amount","type":"number","mandatory":true,"updatable":true}]}}}}}"#;
        let form = update("r", &Description::read(body, "r").unwrap());
        let names: Vec<_> = form["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(names, ["Rank", "lines"]);
        assert_eq!(form["properties"]["Rank"]["maximum"], 999);
        assert!(!form.to_string().contains("required"));
    }
}
