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

/// Faults told at once: of a thousand records that lack the same, the first few say it.
const MOST_FAULTS: usize = 20;

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
        let records: Vec<&str> = input.records.0.iter().map(|record| record.get()).collect();
        let found =
            upsert::prepared(pod, &mut target, &records, &by, |target| named(target, &records, &by, input.on_error))?;
        let headers = headers(&mut target, input.effective.as_ref())?;
        let mut steps: Vec<Result<Step>> = Vec::with_capacity(found.len());
        for (index, (record, terms)) in records.iter().zip(found).enumerate() {
            // A pod that cannot be read from any more is not asked a thousand times.
            let hopeless = |failure: &Failure| failure.again || input.on_error == OnError::Stop;
            let place = format!("/records/{index}");
            let planned = || {
                let terms = terms?;
                valid::check(&target, record, &place, Use::Either)?;
                let step = upsert::plan(pod, &target, record, &terms).map_err(|failure| many::at(&place, failure))?;
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

/// Terms that find each record. One that lacks its key fails alone, or with all others that do.
fn named(target: &Target, records: &[&str], by: &[String], on_error: OnError) -> Result<Vec<Result<Vec<String>>>> {
    let mut faults = Vec::new();
    let mut found = Vec::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        let place = format!("/records/{index}");
        let terms = upsert::identity(target, record, by).map_err(|failure| many::at(&place, failure));
        if let Err(failure) = &terms {
            let fields = &failure.problem.fields;
            if !fields.iter().all(|field| field.pointer.starts_with(&place)) {
                return Err(failure.clone());
            }
            faults.extend(fields.iter().cloned());
        }
        found.push(terms);
    }
    if on_error == OnError::Stop && !faults.is_empty() {
        faults.truncate(MOST_FAULTS);
        return Err(Failure::invalid_fields("input", faults).remedy("Nothing was sent."));
    }
    let names = found.iter().map(|terms| terms.as_ref().ok().map(|terms| terms.join(" and ")));
    many::once(&names.collect::<Vec<_>>())?;
    Ok(found)
}
