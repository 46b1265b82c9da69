//! `delete_record`: one record, deleted once and only as it was read.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::SingleRecord;
use super::writing::{Range, headers, takes, written};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::pod::Pod;
use crate::fusion::target::Target;
use crate::fusion::write::change;
use crate::problem::Result;

/// See the module.
pub struct DeleteRecord;

/// What to delete.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Delete a record", deny_unknown_fields)]
pub struct Input {
    /// Resource that holds it, as Fusion names it.
    #[schemars(title = "Resource", length(min = 1, max = 128), extend("examples" = ["invoices"]))]
    #[schemars(extend("x-connector-options" = {"source": "resources", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub resource: String,
    /// Its key. Where a resource has no plain key, the last segment of the record's own link.
    #[schemars(title = "Key", length(min = 1, max = 2000), extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub key: String,
    /// What is deleted of a date-effective record.
    #[schemars(title = "Effective range", extend("x-connector-visibility" = "advanced", "x-connector-order" = 3))]
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
        let target = Target::find(pod, &input.resource)?;
        takes(&target, "DELETE", "deleted")?;
        let headers = headers(input.effective.as_ref());
        let deleted = change::delete(pod, &target, &input.key, &headers)?;
        Ok(written(&deleted.record, &deleted.warnings))
    }
}
