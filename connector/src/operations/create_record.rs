//! `create_record`: a record of any resource, created once.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::{SingleRecord, single};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind};
use crate::fusion::catalogue::Quirk;
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::target::Target;
use crate::fusion::write;
use crate::problem::{Failure, Result};

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
        let known = target.known.as_ref();
        if target.has(Quirk::NoCreate) || known.is_some_and(|known| !known.collection.contains(&"POST")) {
            return Err(Failure::permanent(ProblemKind::Unsupported, format!("{} cannot be created over REST; nothing was sent.", target.name))
                .remedy("Such records come from bulk import, or from another resource: list_resources tells which take a create."));
        }
        let created = write::create(pod, &target, input.record.get())?;
        Ok(single(&created.record, &created.warnings))
    }
}
