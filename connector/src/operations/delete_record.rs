//! `delete_record`: one record, deleted once and only as it was read.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{SingleRecord, single};
use super::writing::{Key, Range, ResourceName, bare, headers, takes};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::dated;
use crate::fusion::pod::Pod;
use crate::fusion::target::Target;
use crate::fusion::write::{change, valid};
use crate::problem::Result;

/// See the module.
pub struct DeleteRecord;

/// What to delete.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Delete a record", deny_unknown_fields)]
#[allow(missing_docs, reason = "the types tell it")]
pub struct Input {
    pub resource: ResourceName,
    pub key: Key,
    pub effective: Option<Range>,
}

impl Action for DeleteRecord {
    const SPEC: Spec = Spec {
        id: "delete_record",
        title: "Delete a record",
        description: "Deletes one record of any resource that allows it, and answers the record as it was. A record that somebody else changed meanwhile is not deleted.",
        group: "Any record",
        effect: Effect::Delete,
        idempotency: Idempotency::NaturalKey,
        paged: false,
        sample_input: r#"{"resource":"invoices","key":"300000046987012"}"#,
        sample_output: r#"{"record":{"InvoiceId":300000046987012,"InvoiceNumber":"INV-1001"}}"#,
    };
    type Input = Input;
    type Output = SingleRecord;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let mut target = Target::find(pod, &input.resource.0)?;
        takes(&target, "DELETE", "deleted")?;
        if input.effective.is_some() {
            valid::prepare(pod, &mut target, &[])?;
        }
        let headers = headers(&mut target, input.effective.as_ref())?;
        let mut deleted = change::delete(pod, &target, &input.key.0, &headers)?;
        deleted.warnings.extend(dated::unsure(&target, &headers));
        Ok(single(&bare(&target, &deleted.record), &deleted.warnings))
    }
}
