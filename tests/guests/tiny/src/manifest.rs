//! The manifest: every operation with a form, small and valid.

use serde_json::{Value, json};

use crate::contract::exports::ipaas::connector::catalog::{Delivery, Effect, Idempotency, Kind, Manifest, Operation};

pub fn manifest() -> Manifest {
    Manifest {
        name: "tiny".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        title: "A guest for tests".to_owned(),
        connection_schema: form(&json!({
            "host": {"type": "string", "title": "Host", "x-connector-origin": true},
            "password": {"type": "string", "title": "Password", "format": "password", "writeOnly": true},
            "token_url": {"type": "string", "title": "Where tokens are", "x-connector-origin": ["*.id.example.com"]},
            "no_browser": {"type": "boolean", "title": "Sign in without a browser"},
            "language": {"type": "string", "title": "Language", "x-connector-visibility": "advanced"},
            "troubled": {"type": "boolean", "title": "Find faults in this connection"},
        })),
        operations: operations(),
    }
}

fn operations() -> Vec<Operation> {
    let nothing = json!({});
    let text = json!({"type": "string"});
    let whole = json!({"type": "integer", "minimum": 0});
    let fetch = json!({
        "url": text, "body": text,
        "timeout_ms": whole, "connect_ms": whole, "first_byte_ms": whole, "between_ms": whole,
    });
    vec![
        action("pends", "Answers pending twice", Effect::Job, &nothing, &json!({}), &json!({"steps": 2})),
        action("traps", "Executes unreachable", Effect::Read, &nothing, &json!({}), &json!({})),
        action("panics", "Panics with its input", Effect::Read, &json!({"secret": text}), &json!({}), &json!({})),
        action("loops", "Never ends", Effect::Read, &nothing, &json!({}), &json!({})),
        action("allocates", "Takes all memory", Effect::Read, &nothing, &json!({}), &json!({})),
        action("waits", "Sleeps", Effect::Read, &json!({"ms": whole}), &json!({"ms": 1}), &json!({"waited_ms": 1})),
        action(
            "fetches",
            "One HTTP exchange",
            Effect::Read,
            &fetch,
            &json!({"url": "https://example.com/"}),
            &json!({"status": 200, "bytes": 2, "text": "ok"}),
        ),
        action(
            "fails",
            "Answers with an error",
            Effect::Create,
            &json!({"how": {"type": "string", "enum": ["transient", "permanent"]}}),
            &json!({"how": "transient"}),
            &json!({}),
        ),
        action(
            "guarded",
            "Wants a session",
            Effect::Read,
            &json!({"dead": text}),
            &json!({"dead": "token-1"}),
            &json!({"token": "token-2"}),
        ),
        trigger("polls", Delivery::Poll, &json!({"number": whole}), &json!({"number": 1})),
        trigger(
            "receives",
            Delivery::Receive,
            &json!({"method": text, "path": text, "text": text}),
            &json!({"method": "POST", "path": "/", "text": ""}),
        ),
    ]
}

fn action(
    id: &str,
    title: &str,
    effect: Effect,
    input: &Value,
    sample_input: &Value,
    sample_output: &Value,
) -> Operation {
    Operation {
        id: id.to_owned(),
        kind: Kind::Action,
        deliveries: Vec::new(),
        title: title.to_owned(),
        description: title.to_owned(),
        group: "Tests".to_owned(),
        effect,
        idempotency: Idempotency::None,
        paged: false,
        input_schema: form(input),
        output_schema: json!({"type": "object"}).to_string(),
        sample_input: sample_input.to_string(),
        sample_output: sample_output.to_string(),
        deprecated: false,
    }
}

fn trigger(id: &str, delivery: Delivery, payload: &Value, sample: &Value) -> Operation {
    Operation {
        kind: Kind::Trigger,
        deliveries: vec![delivery],
        output_schema: form(payload),
        ..action(id, "Starts a workflow", Effect::Read, &json!({}), &json!({}), sample)
    }
}

fn form(properties: &Value) -> String {
    json!({"type": "object", "properties": properties, "additionalProperties": false}).to_string()
}
