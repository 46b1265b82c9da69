//! `upsert_records`: many records of one resource, updated where they are there and created where not.

use schemars::JsonSchema;
use serde::Deserialize;

use super::many::{self, OnError, Results};
use super::writing::{MatchBy, Range, RecordTexts, ResourceName, headers, takes_creates};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::target::Target;
use crate::fusion::write::upsert::{self, Step};
use crate::fusion::write::valid::{self, Use};
use crate::problem::{Failure, Result};

/// See the module.
pub struct UpsertRecords;

/// What there shall be.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Upsert records", deny_unknown_fields)]
#[allow(missing_docs, reason = "the types tell it")]
pub struct Input {
    pub resource: ResourceName,
    /// The records: attributes by Fusion's names, children as lists. Numbers are sent as they are spelt.
    #[schemars(
        title = "Records",
        length(min = 1, max = 1000),
        with = "Vec<std::collections::BTreeMap<String, Anything>>"
    )]
    pub records: RecordTexts,
    #[serde(rename = "match")]
    pub by: Option<MatchBy>,
    #[serde(default)]
    pub on_error: OnError,
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
        let mut target = Target::find(pod, &input.resource.0)?;
        takes_creates(&target)?;
        let by = input.by.map(|by| by.0).unwrap_or_default();
        let mut names = Vec::with_capacity(input.records.0.len());
        for (index, record) in input.records.0.iter().enumerate() {
            let place = format!("/records/{index}");
            let name = upsert::identity(&target, record.get(), &by).map_err(|failure| many::at(&place, failure))?;
            names.push(Some(name.join(" and ")));
        }
        many::once(&names)?;
        valid::prepare(pod, &mut target, &input.records.0.iter().map(|record| record.get()).collect::<Vec<_>>())?;
        let headers = headers(&mut target, input.effective.as_ref())?;
        upsert::findable(&target, &by)?;
        let mut steps: Vec<Result<Step>> = Vec::with_capacity(names.len());
        for (index, record) in input.records.0.iter().enumerate() {
            // A pod that cannot be read from any more is not asked a thousand times.
            let hopeless = |failure: &Failure| failure.again || input.on_error == OnError::Stop;
            let terms = upsert::identity(&target, record.get(), &by)?;
            let place = format!("/records/{index}");
            let planned = || {
                valid::check(&target, record.get(), &place, Use::Either)?;
                let step =
                    upsert::plan(pod, &target, record.get(), &terms).map_err(|failure| many::at(&place, failure))?;
                step.check(&target, &place)?;
                Ok(step)
            };
            let step = planned();
            match step {
                Err(failure) if hopeless(&failure) => return Err(failure),
                step => steps.push(step),
            }
        }
        many::run(pod, &target, steps, input.on_error, &headers, "")
    }
}
