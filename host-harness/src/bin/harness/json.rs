//! Records of the contract as JSON: names in snake_case, and the JSON inside them as JSON, byte for byte.

use host_harness::contract::actions::Pending;
use host_harness::contract::catalog::{Delivery, Effect, Idempotency, Kind, Manifest, Operation};
use host_harness::contract::connections::{Check, CheckStatus, ConnectionReport};
use host_harness::contract::forms::OptionPage;
use host_harness::contract::triggers::{Event, Receipt};
use host_harness::follow::line::{Line, Marks, raw};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::ending::Ending;

/// Any of the records below as text.
///
/// # Errors
/// An [`Ending`] that cannot happen with these records, and is told rather than hidden.
pub fn text(record: &impl Serialize) -> Result<String, Ending> {
    serde_json::to_string(record).map_err(|error| {
        Ending::told(
            crate::ending::Exit::Broken,
            "internal",
            format!("an answer cannot be written as JSON: {error}"),
            None,
        )
    })
}

#[derive(Serialize)]
pub struct ManifestView<'a> {
    name: &'a str,
    version: &'a str,
    title: &'a str,
    connection_schema: Box<RawValue>,
    operations: Vec<OperationView<'a>>,
}

#[derive(Serialize)]
struct OperationView<'a> {
    id: &'a str,
    kind: &'static str,
    deliveries: Vec<&'static str>,
    title: &'a str,
    description: &'a str,
    group: &'a str,
    effect: &'static str,
    idempotency: &'static str,
    paged: bool,
    input_schema: Box<RawValue>,
    output_schema: Box<RawValue>,
    sample_input: Box<RawValue>,
    sample_output: Box<RawValue>,
    deprecated: bool,
}

pub fn manifest(manifest: &Manifest) -> ManifestView<'_> {
    ManifestView {
        name: &manifest.name,
        version: &manifest.version,
        title: &manifest.title,
        connection_schema: raw(&manifest.connection_schema),
        operations: manifest.operations.iter().map(operation).collect(),
    }
}

fn operation(operation: &Operation) -> OperationView<'_> {
    OperationView {
        id: &operation.id,
        kind: kind(operation.kind),
        deliveries: operation.deliveries.iter().map(|delivery| self::delivery(*delivery)).collect(),
        title: &operation.title,
        description: &operation.description,
        group: &operation.group,
        effect: effect(operation.effect),
        idempotency: match operation.idempotency {
            Idempotency::None => "none",
            Idempotency::NaturalKey => "natural-key",
            Idempotency::CallId => "call-id",
        },
        paged: operation.paged,
        input_schema: raw(&operation.input_schema),
        output_schema: raw(&operation.output_schema),
        sample_input: raw(&operation.sample_input),
        sample_output: raw(&operation.sample_output),
        deprecated: operation.deprecated,
    }
}

pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Action => "action",
        Kind::Trigger => "trigger",
    }
}

pub fn delivery(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Poll => "poll",
        Delivery::Receive => "receive",
    }
}

pub fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "read",
        Effect::Create => "create",
        Effect::Update => "update",
        Effect::Delete => "delete",
        Effect::Job => "job",
    }
}

pub fn check_status(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Ok => "ok",
        CheckStatus::Warning => "warning",
        CheckStatus::Failed => "failed",
    }
}

#[derive(Serialize)]
pub struct ReportView<'a> {
    checks: Vec<CheckView<'a>>,
}

#[derive(Serialize)]
struct CheckView<'a> {
    id: &'a str,
    title: &'a str,
    status: &'static str,
    cause: Option<&'a str>,
    remedy: Option<&'a str>,
}

pub fn report(report: &ConnectionReport) -> ReportView<'_> {
    ReportView { checks: report.checks.iter().map(check).collect() }
}

fn check(check: &Check) -> CheckView<'_> {
    CheckView {
        id: &check.id,
        title: &check.title,
        status: check_status(check.status),
        cause: check.cause.as_deref(),
        remedy: check.remedy.as_deref(),
    }
}

#[derive(Serialize)]
pub struct OptionsView<'a> {
    options: Vec<ChoiceView<'a>>,
    next_page: Option<&'a str>,
}

#[derive(Serialize)]
struct ChoiceView<'a> {
    value: Box<RawValue>,
    label: &'a str,
}

pub fn options(page: &OptionPage) -> OptionsView<'_> {
    let options = page.options.iter().map(|choice| ChoiceView { value: raw(&choice.value), label: &choice.label });
    OptionsView { options: options.collect(), next_page: page.next_page.as_deref() }
}

#[derive(Serialize)]
pub struct PendingView<'a> {
    pending: PendingInner<'a>,
}

#[derive(Serialize)]
struct PendingInner<'a> {
    token: Box<RawValue>,
    retry_after_ms: u64,
    status: &'a str,
    progress: Option<u8>,
}

pub fn pending(pending: &Pending) -> PendingView<'_> {
    let Pending { token, retry_after_ms, status, progress } = pending;
    PendingView {
        pending: PendingInner { token: raw(token), retry_after_ms: *retry_after_ms, status, progress: *progress },
    }
}

pub fn event(event: &Event) -> Line<'_> {
    Line::new(event, Marks::default())
}

/// The same of several.
pub fn events(events: &[Event]) -> Vec<Line<'_>> {
    events.iter().map(event).collect()
}

#[derive(Serialize)]
pub struct ReceiptView<'a> {
    events: Vec<Line<'a>>,
    status: u16,
    headers: &'a [(String, String)],
    /// Text where it is, otherwise the bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// A receipt with these events in the place of its own.
pub fn receipt<'a>(receipt: &'a Receipt, events: Vec<Line<'a>>) -> ReceiptView<'a> {
    use base64::Engine as _;
    let body = std::str::from_utf8(&receipt.body).ok();
    let encode = || base64::engine::general_purpose::STANDARD.encode(&receipt.body);
    ReceiptView {
        events,
        status: receipt.status,
        headers: &receipt.headers,
        body,
        body_base64: body.is_none().then(encode),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_text_inside_stay_as_they_were_spelt() {
        let event = Event {
            dedup_key: "k".into(),
            occurred_at: None,
            payload:
                "{\n  \"id\" : 300000012345678901, \"amount\": 0.10,\n \"text\": \"a \\\" \\\\\",\r\n \"b c\": 1 }"
                    .into(),
        };
        let text = serde_json::to_string(&self::event(&event)).unwrap_or_default();
        assert_eq!(
            text,
            r#"{"dedup_key":"k","occurred_at":null,"payload":{"id":300000012345678901,"amount":0.10,"text":"a \" \\","b c":1}}"#
        );
    }

    #[test]
    fn what_is_not_json_is_shown_as_text() {
        assert_eq!(raw("not json").get(), "\"not json\"");
    }
}
