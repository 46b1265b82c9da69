//! `upsert_records`: many records of one resource, updated where they are there and created where not.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::many::{self, OnError, Results};
use super::writing::{Range, headers, takes_creates};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::target::Target;
use crate::fusion::write::upsert::{self, Step};
use crate::problem::{Failure, Result};

/// See the module.
pub struct UpsertRecords;

/// What there shall be.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Upsert records", deny_unknown_fields)]
pub struct Input {
    /// Resource to have them in, as Fusion names it.
    #[schemars(title = "Resource", length(min = 1, max = 128), extend("examples" = ["suppliers"]))]
    #[schemars(extend("x-connector-options" = {"source": "resources", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub resource: String,
    /// The records: attributes by Fusion's names, children as lists. Numbers are sent as they are spelt.
    #[schemars(
        title = "Records",
        length(min = 1, max = 1000),
        with = "Vec<std::collections::BTreeMap<String, Anything>>"
    )]
    #[schemars(extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub records: Vec<Box<RawValue>>,
    /// Attributes that together name one record; the resource's business key where it is left out.
    #[schemars(title = "Match by", extend("x-connector-options" = {"source": "queryable_attributes", "depends-on": ["resource"], "searchable": true}, "x-connector-order" = 3))]
    #[serde(rename = "match")]
    pub by: Option<Vec<String>>,
    /// What a record that cannot be written means for the others: stop writes all or nothing, continue writes
    /// what can be written.
    #[schemars(title = "On error", extend("default" = "stop", "x-connector-order" = 4))]
    #[serde(default)]
    pub on_error: OnError,
    /// From when it holds; for date-effective records.
    #[schemars(title = "Effective range", extend("x-connector-visibility" = "advanced", "x-connector-order" = 5))]
    pub effective: Option<Range>,
}

impl Action for UpsertRecords {
    const SPEC: Spec = Spec {
        id: "upsert_records",
        title: "Upsert records",
        description: "Updates or creates many records of one resource, found by the attributes that name one record. Only what differs is sent; what is there as it should be is answered as unchanged.",
        effect: Effect::Update,
        idempotency: Idempotency::NaturalKey,
        sample_input: r#"{"resource":"suppliers","records":[{"Supplier":"ACME","DUNSNumber":"123456789"}]}"#,
        sample_output: r#"{"results":[{"index":0,"status":"updated","key":"300000047414503","record":{"SupplierId":300000047414503,"Supplier":"ACME"}}],"counts":{"updated":1}}"#,
        group: "Any record",
        paged: false,
    };
    type Input = Input;
    type Output = Results;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let target = Target::find(pod, &input.resource)?;
        takes_creates(&target)?;
        let by = input.by.unwrap_or_default();
        let mut names = Vec::with_capacity(input.records.len());
        for (index, record) in input.records.iter().enumerate() {
            let name = upsert::identity(&target, record.get(), &by).map_err(|failure| many::at(index, failure))?;
            names.push(Some(name.join(" and ")));
        }
        many::once(&names)?;
        let mut steps: Vec<Result<Step>> = Vec::with_capacity(names.len());
        for (index, record) in input.records.iter().enumerate() {
            // A pod that cannot be read from any more is not asked a thousand times.
            let hopeless = |failure: &Failure| failure.again || input.on_error == OnError::Stop;
            let terms = upsert::identity(&target, record.get(), &by)?;
            let step = upsert::plan(pod, &target, record.get(), &terms).map_err(|failure| many::at(index, failure));
            match step {
                Err(failure) if hopeless(&failure) => return Err(failure),
                step => steps.push(step),
            }
        }
        many::run(pod, &target, steps, input.on_error, &headers(input.effective.as_ref()))
    }
}
