//! `update_record`: attributes of one record, changed under its change indicator.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{SingleRecord, single};
use super::writing::{Key, Range, RecordText, ResourceName, bare, headers, takes};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::dated;
use crate::fusion::pod::Pod;
use crate::fusion::target::Target;
use crate::fusion::write::change;
use crate::fusion::write::valid::{self, Use};
use crate::problem::Result;

/// See the module.
pub struct UpdateRecord;

/// What to change.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Update a record", deny_unknown_fields)]
#[allow(missing_docs, reason = "the types tell it")]
pub struct Input {
    pub resource: ResourceName,
    pub key: Key,
    pub record: RecordText,
    pub effective: Option<Range>,
}

impl Action for UpdateRecord {
    const SPEC: Spec = Spec {
        id: "update_record",
        title: "Update a record",
        description: "Changes attributes of one record of any resource. What somebody else changed meanwhile is not overwritten; what the pod ignored or stored otherwise is told in warnings.",
        group: "Any record",
        effect: Effect::Update,
        idempotency: Idempotency::NaturalKey,
        paged: false,
        sample_input: r#"{"resource":"invoices","key":"300000046987012","record":{"Description":"Office chairs"}}"#,
        sample_output: r#"{"record":{"InvoiceId":300000046987012,"InvoiceNumber":"INV-1001","Description":"Office chairs"}}"#,
    };
    type Input = Input;
    type Output = SingleRecord;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let mut target = Target::find(pod, &input.resource.0)?;
        takes(&target, "PATCH", "changed")?;
        valid::prepare(pod, &mut target, &[input.record.0.get()])?;
        valid::check(&target, input.record.0.get(), "/record", Use::Update)?;
        let headers = headers(&mut target, input.effective.as_ref())?;
        let mut changed = change::update(pod, &target, &input.key.0, input.record.0.get(), &headers)?;
        changed.warnings.extend(dated::unsure(&target, &headers));
        Ok(single(&bare(&target, &changed.record), &changed.warnings))
    }
}
