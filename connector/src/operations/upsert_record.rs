//! `upsert_record`: one record, updated where it is there and created where not.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{Record, Told};
use super::many::told;
use super::writing::{MatchBy, Range, RecordText, ResourceName, accepted_only, bare, headers, takes_creates};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind};
use crate::fusion::pod::Pod;
use crate::fusion::target::Target;
use crate::fusion::write::batch;
use crate::fusion::write::upsert::{self, Step};
use crate::fusion::write::valid::{self, Use};
use crate::problem::Result;

/// See the module.
pub struct UpsertRecord;

/// What there shall be.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Upsert a record", deny_unknown_fields)]
#[allow(missing_docs, reason = "the types tell it")]
pub struct Input {
    pub resource: ResourceName,
    pub record: RecordText,
    #[serde(rename = "match")]
    pub by: Option<MatchBy>,
    pub effective: Option<Range>,
}

/// The record, and what was done.
#[derive(JsonSchema)]
#[schemars(title = "Upserted record")]
#[allow(dead_code)]
pub struct Upserted {
    /// created, already_existed, recovered (created by this call although the answer was lost), updated or
    /// unchanged.
    outcome: String,
    /// As it is stored.
    record: Record,
    /// What the pod ignored or stored otherwise.
    #[schemars(default)]
    warnings: Option<Vec<Told>>,
}

impl Action for UpsertRecord {
    const SPEC: Spec = Spec {
        id: "upsert_record",
        title: "Upsert a record",
        description: "Updates the record of a resource that the business key names, or creates it where there is none. Only what differs is sent.",
        effect: Effect::Update,
        idempotency: Idempotency::NaturalKey,
        sample_input: r#"{"resource":"suppliers","record":{"Supplier":"ACME","DUNSNumber":"123456789"}}"#,
        sample_output: r#"{"outcome":"updated","record":{"SupplierId":300000047414503,"Supplier":"ACME","DUNSNumber":"123456789"}}"#,
        group: "Any record",
        paged: false,
    };
    type Input = Input;
    type Output = Upserted;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let mut target = Target::find(pod, &input.resource.0)?;
        takes_creates(&target)?;
        let by = input.by.map(|by| by.0).unwrap_or_default();
        let terms = upsert::prepared(pod, &mut target, &[input.record.0.get()], &by, |target| {
            upsert::identity(target, input.record.0.get(), &by)
        })?;
        let headers = headers(&mut target, input.effective.as_ref())?;
        valid::check(&target, input.record.0.get(), "/record", Use::Either)?;
        let step = upsert::plan(pod, &target, input.record.0.get(), &terms)?;
        step.check(&target, "/record")?;
        let mut done = batch::one(pod, &target, &step, &headers);
        // Somebody else created it between the look and the create: now it is there to be updated.
        if matches!(&done, Err(failure) if failure.kind() == ProblemKind::Conflict)
            && matches!(step, Step::Create { .. })
        {
            let step = upsert::plan(pod, &target, input.record.0.get(), &terms)?;
            if !matches!(step, Step::Create { .. }) {
                done = batch::one(pod, &target, &step, &headers);
            }
        }
        let mut done = done?;
        if matches!(step, Step::Create { .. }) {
            done.warnings.extend(accepted_only(&target, &done.record));
        }
        let mut text = format!("{{\"outcome\":\"{}\",\"record\":{}", done.how, bare(&target, &done.record));
        if !done.warnings.is_empty() {
            text.push_str(&format!(",\"warnings\":{}", told(&done.warnings)));
        }
        text.push('}');
        Ok(text)
    }
}
