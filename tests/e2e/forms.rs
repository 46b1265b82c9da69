//! Forms, judged by an outside validator, and the forms that a pod's describe makes.

use oracle_fusion::contract::Operation;
use oracle_fusion::forms::check;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::stage::{Stage, wait};

/// Keywords that every renderer takes (the contract).
const SUBSET: [&str; 28] = [
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

fn operations() -> Vec<Operation> {
    oracle_fusion::manifest().operations
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn walk(schema: &Value, at: &str, outside: &mut Vec<String>) {
    let Value::Object(members) = schema else { return };
    for (name, value) in members {
        if !SUBSET.contains(&name.as_str()) && !name.starts_with("x-connector-") {
            outside.push(format!("{at}/{name}"));
        }
        match (name.as_str(), value) {
            ("properties" | "$defs", Value::Object(inner)) => {
                inner.iter().for_each(|(name, inner)| walk(inner, &format!("{at}/{name}"), outside))
            }
            ("items" | "additionalProperties", inner) => walk(inner, &format!("{at}/{name}"), outside),
            ("oneOf", Value::Array(options)) => {
                options.iter().for_each(|option| walk(option, &format!("{at}/oneOf"), outside))
            }
            _ => {}
        }
    }
}

#[test]
fn every_schema_is_valid_and_in_the_subset() {
    let mut schemas = vec![("connection".to_owned(), parse(&oracle_fusion::manifest().connection_schema))];
    for operation in operations() {
        schemas.push((format!("{} input", operation.id), parse(&operation.input_schema)));
        schemas.push((format!("{} output", operation.id), parse(&operation.output_schema)));
    }
    for (name, schema) in schemas {
        assert!(jsonschema::draft202012::meta::is_valid(&schema), "{name}");
        let mut outside = Vec::new();
        walk(&schema, "", &mut outside);
        assert!(outside.is_empty(), "{name}: {outside:?}");
    }
}

#[test]
fn each_sample_fits_its_own_form() {
    for operation in operations() {
        for (schema, sample) in
            [(&operation.input_schema, &operation.sample_input), (&operation.output_schema, &operation.sample_output)]
        {
            let validator = jsonschema::draft202012::new(&parse(schema)).unwrap();
            let faults: Vec<String> = validator.iter_errors(&parse(sample)).map(|error| error.to_string()).collect();
            assert!(faults.is_empty(), "{}: {faults:?}", operation.id);
        }
    }
}

#[test]
fn secrets_are_marked_and_hosts_are_named() {
    let schema = parse(&oracle_fusion::manifest().connection_schema);
    assert_eq!(schema.pointer("/properties/host/x-connector-origin"), Some(&json!(true)));
    let text = schema.to_string();
    let secrets = text.matches("\"format\":\"password\"").count();
    assert!(secrets > 0);
    assert_eq!(secrets, text.matches("\"writeOnly\":true").count());
}

/// A value with one thing changed somewhere.
fn mutated(value: Value) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(json!(0)),
        Just(json!(-7)),
        Just(json!(100_000)),
        Just(json!(1.5)),
        Just(json!("")),
        Just(json!("2026-01-31")),
        Just(json!(true)),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"attribute": "A", "operator": "eq", "value": 1}])),
    ];
    let names = prop_oneof![
        Just("resource".to_owned()),
        Just("limit".to_owned()),
        Just("all".to_owned()),
        Just("key".to_owned()),
        Just("InvoiceAmount".to_owned()),
        Just("invoiceLines".to_owned()),
        Just("effective_date".to_owned()),
        Just("unknown".to_owned()),
    ];
    (leaf, names, any::<bool>()).prop_map(move |(leaf, name, remove)| {
        let mut value = value.clone();
        let members = value.as_object_mut().unwrap();
        if remove {
            members.remove(&name);
        } else {
            members.insert(name, leaf);
        }
        value
    })
}

proptest! {
    /// Our check and a full validator accept and refuse the same inputs.
    #[test]
    fn our_check_agrees_with_a_full_validator(
        (index, input) in (0..operations().len()).prop_flat_map(|index| {
            let sample = parse(&operations()[index].sample_input);
            (Just(index), mutated(sample))
        })
    ) {
        let schema = parse(&operations()[index].input_schema);
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
        let judge = options.build(&schema).unwrap();
        let ours = check::faults(&schema, &input);
        prop_assert_eq!(ours.is_empty(), judge.is_valid(&input), "{} {:?}", input, ours);
    }
}

#[test]
fn a_form_grows_from_the_pods_own_fields() {
    let stage = Stage::sim(json!([]));
    let run = stage.host_run();
    let connection = stage.connection();
    let partial = r#"{"resource":"invoices"}"#;
    let schemas = wait(stage.connector.resolve_schema(&run, &connection, "create_record", partial)).unwrap();
    assert!(schemas.fresh_for_seconds > 0);
    assert_eq!(stage.arrived().len(), 1, "one request is enough: {:?}", stage.arrived());
    let form = parse(&schemas.input);
    let mut outside = Vec::new();
    walk(&form, "", &mut outside);
    assert!(outside.is_empty(), "{outside:?}");
    assert!(jsonschema::draft202012::meta::is_valid(&form));
    let fields = form.pointer("/properties/record/properties").unwrap();
    assert_eq!(fields.pointer("/InvoiceAmount/type"), Some(&json!("number")));
    assert_eq!(fields.pointer("/InvoiceDate/format"), Some(&json!("date")));
    assert_eq!(fields.pointer("/invoiceLines/type"), Some(&json!("array")));
    assert_eq!(fields.pointer("/invoiceLines/items/properties/LineAmount/type"), Some(&json!("number")));
    assert!(fields.pointer("/BusinessUnit/x-connector-options/source").is_some(), "{}", fields["BusinessUnit"]);
    assert!(fields.get("LastUpdateDate").is_none(), "the server fills it");
    let required = form.pointer("/properties/record/required").unwrap();
    assert!(required.as_array().unwrap().contains(&json!("InvoiceNumber")), "{required}");
}

#[test]
fn choices_come_from_the_catalogue_and_from_the_pod() {
    let stage = Stage::sim(json!([]));
    let choose = |source: &str, partial: Value, search: Option<&str>| {
        let run = stage.host_run();
        let (connection, partial) = (stage.connection(), partial.to_string());
        let page = wait(stage.connector.list_options(&run, &connection, source, &partial, search, None)).unwrap();
        page.options.into_iter().map(|choice| parse(&choice.value)).collect::<Vec<_>>()
    };
    assert!(choose("resources", json!({}), None).contains(&json!("invoices")));
    assert_eq!(choose("suppliers", json!({}), Some("lee supp")), [json!("Lee Supplies")]);
    assert!(choose("supplier_sites", json!({"Supplier": "Lee Supplies"}), None).contains(&json!("Lee US1")));
    assert!(choose("currencies", json!({}), None).contains(&json!("USD")));
    assert!(
        choose("queryable_attributes", json!({"resource": "suppliers"}), Some("number"))
            .contains(&json!("SupplierNumber"))
    );
    assert!(!choose("queryable_attributes", json!({"resource": "suppliers"}), None).contains(&json!("LastUpdateDate")));

    let run = stage.host_run();
    let form =
        wait(stage.connector.resolve_schema(&run, &stage.connection(), "create_record", r#"{"resource":"invoices"}"#))
            .unwrap();
    let form = parse(&form.input);
    let source = form.pointer("/properties/record/properties/BusinessUnit/x-connector-options/source").unwrap();
    assert!(!choose(source.as_str().unwrap(), json!({"resource": "invoices"}), None).is_empty());
    let place = "/properties/record/properties/invoiceLines/items/properties/LineType/x-connector-options/source";
    let source = form.pointer(place).unwrap().as_str().unwrap();
    assert_eq!(choose(source, json!({"resource": "invoices"}), Some("item")), [json!("Item")]);
}
