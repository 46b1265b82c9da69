//! `new_record`: each record once, when it is created.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::Record;
use super::{Spec, Trigger, new_or_updated_record};
use crate::contract::{Delivery, Effect, Idempotency, PollResult};
use crate::fusion::changes::watch::By;
use crate::fusion::pod::Pod;
use crate::fusion::query::{Finder, Node};
use crate::problem::Result;

/// See the module.
pub struct NewRecord;

/// Which records: what the form lets through fits what [`new_or_updated_record`] reads.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Input(new_or_updated_record::Input);

impl JsonSchema for Input {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Form::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Form::json_schema(generator)
    }
}

/// Which records.
#[derive(JsonSchema)]
#[schemars(title = "New record", deny_unknown_fields)]
#[allow(dead_code)]
struct Form {
    /// Resource to watch, as Fusion names it.
    #[schemars(title = "Resource", length(min = 1, max = 128), extend("examples" = ["invoices"]))]
    #[schemars(extend("x-connector-options" = {"source": "resources", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    resource: String,
    /// Where to begin: now, beginning, or a date and time as in 2026-01-31T10:00:00Z.
    #[schemars(title = "Since", extend("default" = "now", "x-connector-visibility" = "important", "x-connector-order" = 2))]
    since: Option<String>,
    /// Conditions that must all hold.
    #[schemars(title = "All of", extend("x-connector-order" = 3))]
    all: Option<Vec<Node>>,
    /// Conditions of which at least one must hold.
    #[schemars(title = "Any of", extend("x-connector-order" = 4))]
    any: Option<Vec<Node>>,
    /// Attributes to read; all where none is named. Key and creation always come along.
    #[schemars(title = "Fields", extend("x-connector-order" = 5))]
    fields: Option<Vec<String>>,
    /// Children to read along.
    #[schemars(title = "Expand", extend("x-connector-order" = 6))]
    expand: Option<Vec<String>>,
    /// By what to watch: creation where the resource allows it, else last_update; sweep reads every record at
    /// each poll and compares keys, which costs a request for each 500 records.
    #[schemars(title = "Watch by", extend("x-connector-order" = 7))]
    watch_by: Option<By>,
    /// A finder of the resource, with its variables.
    #[schemars(title = "Finder", extend("x-connector-visibility" = "advanced", "x-connector-order" = 8))]
    finder: Option<Finder>,
    /// Minutes by which a record may become visible later than the time that it carries; clocks that differ
    /// count as well.
    #[schemars(title = "Overlap in minutes", range(min = 1, max = 1440), extend("default" = 10, "x-connector-visibility" = "advanced", "x-connector-order" = 9))]
    overlap_minutes: Option<u32>,
    /// Most events of one poll.
    #[schemars(title = "Limit", range(min = 1, max = 5000), extend("default" = 500, "x-connector-visibility" = "advanced", "x-connector-order" = 10))]
    limit: Option<u32>,
}

/// A record that is new.
#[derive(JsonSchema)]
#[schemars(title = "New record")]
#[allow(dead_code)]
pub struct Payload {
    /// Resource that holds it.
    resource: String,
    /// Its key.
    key: String,
    /// Always new.
    change: String,
    /// The record as it was first seen.
    record: Record,
}

impl Trigger for NewRecord {
    const SPEC: Spec = Spec {
        id: "new_record",
        title: "New record",
        description: "Starts once with each record that is created in a resource, by its creation date; by its last change or by comparing keys where that cannot be asked for.",
        group: "Triggers (poll)",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"resource":"suppliers","since":"now"}"#,
        sample_output: r#"{"resource":"suppliers","key":"300000047414503","change":"new","record":{"SupplierId":300000047414503,"Supplier":"ACME","CreationDate":"2026-02-01T10:00:00.385+00:00"}}"#,
    };
    const DELIVERIES: &'static [Delivery] = &[Delivery::Poll];
    type Input = Input;
    type Payload = Payload;

    fn poll(pod: &Pod, input: Input, cursor: Option<&str>) -> Result<PollResult> {
        new_or_updated_record::run(pod, &input.0, Self::SPEC.id, true, cursor)
    }
}
