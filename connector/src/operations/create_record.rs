//! `create_record`: a record of any resource, created once.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::SingleRecord;
use super::writing::{Range, headers, takes_creates, written};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::target::Target;
use crate::fusion::write::{self, upsert};
use crate::problem::Result;

/// See the module.
pub struct CreateRecord;

/// What to create.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Create a record", deny_unknown_fields)]
pub struct Input {
    /// Resource to create it in, as Fusion names it.
    #[schemars(title = "Resource", length(min = 1, max = 128), extend("examples" = ["invoices"]))]
    #[schemars(extend("x-connector-options" = {"source": "resources", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub resource: String,
    /// Its attributes by Fusion's names; children as lists. Numbers are sent as they are spelt.
    #[schemars(title = "Record", with = "std::collections::BTreeMap<String, Anything>")]
    #[schemars(extend("x-connector-schema" = {"depends-on": ["resource"]}, "x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub record: Box<RawValue>,
    /// Attributes that together name the record, by which a create whose answer is lost is looked up; the
    /// resource's business key where it is left out.
    #[schemars(title = "Match by", extend("x-connector-options" = {"source": "queryable_attributes", "depends-on": ["resource"], "searchable": true}, "x-connector-visibility" = "advanced", "x-connector-order" = 4))]
    #[serde(rename = "match")]
    pub by: Option<Vec<String>>,
    /// From when it holds; for date-effective records.
    #[schemars(title = "Effective range", extend("x-connector-visibility" = "advanced", "x-connector-order" = 3))]
    pub effective: Option<Range>,
}

impl Action for CreateRecord {
    const SPEC: Spec = Spec {
        id: "create_record",
        title: "Create a record",
        description: "Creates a record of any resource, with its children. A create whose answer is lost is looked up by the record's business key and not repeated blindly.",
        group: "Any record",
        effect: Effect::Create,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"resource":"suppliers","record":{"Supplier":"ACME","TaxOrganizationTypeCode":"CORPORATION","BusinessRelationshipCode":"PROSPECTIVE"}}"#,
        sample_output: r#"{"record":{"SupplierId":300000047414503,"Supplier":"ACME"}}"#,
    };
    type Input = Input;
    type Output = SingleRecord;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let target = Target::find(pod, &input.resource)?;
        takes_creates(&target)?;
        let record = input.record.get();
        let terms = match &input.by {
            Some(by) => Some(upsert::identity(&target, record, by)?),
            None => write::natural_key(&target, record),
        };
        let headers = headers(input.effective.as_ref());
        let created = write::create_as(pod, &target, record, terms, &headers, &write::plain)?;
        Ok(written(&created.record, &created.warnings))
    }
}
