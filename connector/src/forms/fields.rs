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
    object(resource, described, DEPTH, &mut |attribute| {
        attribute.creatable() && !WHO.contains(&attribute.name.as_str())
    })
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

fn object(resource: &str, described: &Description, depth: usize, include: &mut dyn FnMut(&Attribute) -> bool) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut order = 0;
    for attribute in &described.attributes {
        if !include(attribute) {
            continue;
        }
        order += 1;
        if attribute.mandatory {
            required.push(Value::from(attribute.name.clone()));
        }
        properties.insert(attribute.name.clone(), field(resource, attribute, order));
    }
    if depth > 0 {
        for (name, child) in &described.children {
            let inner = match child.attributes.is_empty() {
                true => json!({"type": "object"}),
                false => object(&format!("{resource}.{name}"), child, depth - 1, include),
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
    if let Some(lov) = &attribute.lov {
        let source = format!("lov:{resource}/{}/{}", lov.child_ref, attribute.name);
        schema.insert("x-connector-options".into(), json!({"source": source, "searchable": true}));
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
#[allow(clippy::unwrap_used)]
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
}
