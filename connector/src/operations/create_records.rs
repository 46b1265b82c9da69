//! `create_records`: many records of one resource, all or nothing or each for itself.

use schemars::JsonSchema;
use serde::Deserialize;

use super::many::{self, OnError, Results};
use super::writing::{Range, RecordTexts, ResourceName, headers, takes_creates};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::target::Target;
use crate::fusion::write::mark::mark;
use crate::fusion::write::natural_key;
use crate::fusion::write::upsert::Step;
use crate::fusion::write::valid;
use crate::problem::Result;

/// See the module.
pub struct CreateRecords;

/// What to create.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Create records", deny_unknown_fields)]
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
    #[serde(default)]
    pub on_error: OnError,
    pub effective: Option<Range>,
}

impl Action for CreateRecords {
    const SPEC: Spec = Spec {
        id: "create_records",
        title: "Create records",
        description: "Creates many records of one resource: all or nothing in one request, or each for itself with one result for each. Records that exist already with the same values are answered and not created again.",
        effect: Effect::Create,
        idempotency: Idempotency::None,
        sample_input: r#"{"resource":"suppliers","records":[{"Supplier":"ACME"},{"Supplier":"Lee Supplies"}],"on_error":"continue"}"#,
        sample_output: r#"{"results":[{"index":0,"status":"created","key":"300000047414503","record":{"SupplierId":300000047414503,"Supplier":"ACME"}},{"index":1,"status":"failed","key":null,"error":{"kind":"invalid-input","message":"…"}}],"counts":{"created":1,"failed":1}}"#,
        group: "Any record",
        paged: false,
    };
    type Input = Input;
    type Output = Results;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let mut target = Target::find(pod, &input.resource.0)?;
        takes_creates(&target)?;
        let terms: Vec<_> = input.records.0.iter().map(|record| natural_key(&target, record.get())).collect();
        many::once(&terms.iter().map(|terms| terms.as_ref().map(|terms| terms.join(" and "))).collect::<Vec<_>>())?;
        let texts = input.records.0.iter().map(|record| record.get().to_owned());
        valid::prepare(pod, &mut target, &input.records.0.iter().map(|record| record.get()).collect::<Vec<_>>())?;
        let headers = headers(&mut target, input.effective.as_ref())?;
        let step = |(index, (record, terms)): (usize, (String, Option<Vec<String>>))| {
            // What carries a mark is told of in the docs: the record shows it.
            let marked = if terms.is_none() { mark(pod, &target, &record, Some(index)) } else { None };
            let step = match marked {
                Some(marked) => Step::Create { record: marked.record, terms: Some(marked.terms) },
                None => Step::Create { record, terms },
            };
            step.check(&target, &format!("/records/{index}"))?;
            Ok(step)
        };
        let steps = texts.zip(terms).enumerate().map(step).collect();
        many::run(pod, &target, steps, input.on_error, &headers, "")
    }
}
