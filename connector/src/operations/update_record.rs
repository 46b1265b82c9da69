//! `update_record`: attributes of one record, changed under its change indicator.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::SingleRecord;
use super::writing::{Range, headers, takes, written};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::target::Target;
use crate::fusion::write::change;
use crate::problem::Result;

/// See the module.
pub struct UpdateRecord;

/// What to change.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Update a record", deny_unknown_fields)]
pub struct Input {
    /// Resource that holds it, as Fusion names it.
    #[schemars(title = "Resource", length(min = 1, max = 128), extend("examples" = ["invoices"]))]
    #[schemars(extend("x-connector-options" = {"source": "resources", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub resource: String,
    /// Its key. Where a resource has no plain key, the last segment of the record's own link.
    #[schemars(title = "Key", length(min = 1, max = 2000), extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub key: String,
    /// Attributes to change, by Fusion's names; what is left out stays. Numbers are sent as they are spelt.
    #[schemars(title = "Record", with = "std::collections::BTreeMap<String, Anything>")]
    #[schemars(extend("x-connector-schema" = {"depends-on": ["resource"]}, "x-connector-visibility" = "important", "x-connector-order" = 3))]
    pub record: Box<RawValue>,
    /// From when the change holds; for date-effective records.
    #[schemars(title = "Effective range", extend("x-connector-visibility" = "advanced", "x-connector-order" = 4))]
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
        let target = Target::find(pod, &input.resource)?;
        takes(&target, "PATCH", "changed")?;
        let headers = headers(input.effective.as_ref());
        let changed = change::update(pod, &target, &input.key, input.record.get(), &headers)?;
        Ok(written(&changed.record, &changed.warnings))
    }
}
