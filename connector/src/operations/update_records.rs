//! `update_records`: attributes of many records of one resource, all or nothing or each for itself.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::many::{self, OnError, Results};
use super::writing::{Key, Range, ResourceName, headers, takes};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::target::Target;
use crate::fusion::write::upsert::Step;
use crate::fusion::write::valid;
use crate::problem::Result;

/// See the module.
pub struct UpdateRecords;

/// What to change.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Update records", deny_unknown_fields)]
#[allow(missing_docs, reason = "the types tell it")]
pub struct Input {
    pub resource: ResourceName,
    /// The records to change.
    #[schemars(title = "Records", length(min = 1, max = 1000), extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub records: Vec<Change>,
    #[serde(default)]
    pub on_error: OnError,
    pub effective: Option<Range>,
}

/// One record to change.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Change", deny_unknown_fields)]
#[allow(missing_docs, reason = "the types tell it")]
pub struct Change {
    pub key: Key,
    /// Attributes to change, by Fusion's names; what is left out stays.
    #[schemars(title = "Record", with = "std::collections::BTreeMap<String, Anything>")]
    pub record: Box<RawValue>,
}

impl Action for UpdateRecords {
    const SPEC: Spec = Spec {
        id: "update_records",
        title: "Update records",
        description: "Changes attributes of many records of one resource: all or nothing in one request, or each for itself, under its change indicator and with one result for each.",
        effect: Effect::Update,
        idempotency: Idempotency::NaturalKey,
        sample_input: r#"{"resource":"invoices","records":[{"key":"300000046987012","record":{"Description":"Office chairs"}}]}"#,
        sample_output: r#"{"results":[{"index":0,"status":"updated","key":"300000046987012","record":{"InvoiceId":300000046987012,"Description":"Office chairs"}}],"counts":{"updated":1}}"#,
        group: "Any record",
        paged: false,
    };
    type Input = Input;
    type Output = Results;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let mut target = Target::find(pod, &input.resource.0)?;
        takes(&target, "PATCH", "changed")?;
        many::once(&input.records.iter().map(|change| Some(change.key.0.clone())).collect::<Vec<_>>())?;
        valid::prepare(pod, &mut target, &input.records.iter().map(|change| change.record.get()).collect::<Vec<_>>())?;
        let headers = headers(&mut target, input.effective.as_ref())?;
        let step = |(index, change): (usize, Change)| {
            let step = Step::Update { key: change.key.0, record: change.record.get().to_owned(), warnings: Vec::new() };
            step.check(&target, &format!("/records/{index}/record"))?;
            Ok(step)
        };
        let steps = input.records.into_iter().enumerate().map(step).collect();
        many::run(pod, &target, steps, input.on_error, &headers, "/record")
    }
}
