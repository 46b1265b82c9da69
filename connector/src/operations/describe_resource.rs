//! `describe_resource`: attributes, finders, children and actions, as the pod tells them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind};
use crate::fusion::describe::{Attribute, Description, Part};
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::target::Target;
use crate::problem::{Failure, Result};

/// See the module.
pub struct DescribeResource;

/// Which resource.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Describe a resource", deny_unknown_fields)]
pub struct Input {
    /// Resource to describe, as Fusion names it.
    #[schemars(title = "Resource", length(min = 1, max = 2000), extend("examples" = ["invoices"]))]
    #[schemars(extend("x-connector-options" = {"source": "resources", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub resource: String,
}

/// What the pod tells.
#[derive(JsonSchema)]
#[schemars(title = "Description")]
#[allow(dead_code)]
pub struct Output {
    /// Name, title, root, key, attributes, finders, children and actions.
    resource: std::collections::BTreeMap<String, Anything>,
}

impl Action for DescribeResource {
    const SPEC: Spec = Spec {
        id: "describe_resource",
        title: "Describe a resource",
        description: "Tells the attributes of a resource with their types, which of them may stand in conditions, its finders, children and actions, as the pod describes them.",
        group: "Any record",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"resource":"suppliers"}"#,
        sample_output: r#"{"resource":{"name":"suppliers","title":"Supplier","root":"fscmRestApi","key":"SupplierId","attributes":[{"name":"Supplier","title":"Supplier","type":"string","queryable":true,"mandatory":true}],"finders":[],"children":[],"actions":[]}}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let target = Target::describe(pod, &input.resource)?;
        let described = target.described.as_ref().ok_or_else(|| {
            Failure::permanent(ProblemKind::NotFound, format!("The pod does not describe {}.", target.name))
        })?;
        let told = json!({
            "name": target.name,
            "title": described.title.as_deref().or(target.known.as_ref().map(|known| known.title)),
            "module": target.known.as_ref().map(|known| known.module),
            "root": target.root,
            "key": target.plain_key().or(described.key().map(|key| key.name.as_str())),
            "last_change": target.changed().map(|(attribute, _)| attribute),
            "attributes": described.attributes.iter().map(attribute).collect::<Vec<_>>(),
            "finders": described.collection.finders.iter().map(|finder| json!({
                "name": finder.name,
                "variables": finder.attributes.iter().map(|variable| json!({
                    "name": variable.name, "type": variable.holds().name(), "required": variable.required,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "children": children(&target, described),
            "actions": actions("collection", &described.collection).chain(actions("record", &described.item)).collect::<Vec<_>>(),
        });
        Ok(json!({ "resource": told }).to_string())
    }
}

fn attribute(attribute: &Attribute) -> Value {
    json!({
        "name": attribute.name,
        "title": attribute.title,
        "type": attribute.holds().name(),
        "queryable": attribute.queryable,
        "mandatory": attribute.mandatory,
        "changes": attribute.allow_changes,
        "max_length": attribute.max_length.or(attribute.precision),
        "list_of_values": attribute.lov.as_ref().map(|lov| lov.child_ref.as_str()),
    })
}

/// Children by the pod, or by the catalogue where the pod tells none.
fn children(target: &Target, described: &Description) -> Vec<String> {
    if !described.children.is_empty() {
        return described.children.keys().cloned().collect();
    }
    let known = target.known.as_ref().map(|known| known.children.as_slice()).unwrap_or_default();
    known.iter().filter(|child| !child.contains('.')).map(|child| (*child).to_owned()).collect()
}

fn actions<'d>(on: &'static str, part: &'d Part) -> impl Iterator<Item = Value> + use<'d> {
    let plain = ["get", "create", "update", "delete", "replace", "upsert"];
    part.actions
        .iter()
        .filter(move |action| !plain.contains(&action.name.as_str()))
        .map(move |action| json!({"name": action.name, "on": on}))
}
