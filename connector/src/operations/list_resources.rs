//! `list_resources`: what there is to choose from.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::{ListWriter, RecordList};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::catalogue::{self, Protocol, Resource};
use crate::fusion::pod::Pod;
use crate::problem::Result;

/// See the module.
pub struct ListResources;

/// Which resources to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "List resources", deny_unknown_fields)]
pub struct Input {
    /// Only those whose name or title holds this text, whatever its case.
    #[schemars(title = "Search", extend("x-connector-order" = 1))]
    pub search: Option<String>,
    /// Only those of this business module, as in Financials.
    #[schemars(title = "Module", extend("x-connector-order" = 2))]
    pub module: Option<String>,
}

impl Action for ListResources {
    const SPEC: Spec = Spec {
        id: "list_resources",
        title: "List resources",
        description: "Lists the resources of the built-in catalogue. Any other resource of the pod can be used by its name all the same.",
        group: "Any record",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"search":"invoice"}"#,
        sample_output: r#"{"result":[{"name":"invoices","title":"Invoices","module":"Financials"}],"next_cursor":null}"#,
    };
    type Input = Input;
    type Output = RecordList;

    fn run(_: &Pod, input: Input, _: &str) -> Result<String> {
        let mut list = ListWriter::default();
        for resource in matching(input.search.as_deref(), input.module.as_deref()) {
            let told = json!({
                "name": resource.name,
                "title": resource.title,
                "module": resource.module,
                "root": resource.root,
                "service": resource.protocol.name(),
                "searchable": resource.protocol == Protocol::Records,
                "creatable": resource.protocol == Protocol::Records && resource.collection.contains(&"POST"),
                "children": resource.children,
            });
            list.push(|text| text.push_str(&told.to_string()));
        }
        Ok(list.finish(None, None, &[]))
    }
}

/// Resources whose name or title holds `search`, of `module` where one is given.
pub fn matching<'s>(search: Option<&'s str>, module: Option<&'s str>) -> impl Iterator<Item = Resource> + use<'s> {
    let search = search.unwrap_or_default().to_lowercase();
    let module = module.map(str::to_lowercase);
    catalogue::all().filter(move |resource| {
        (resource.name.to_lowercase().contains(&search) || resource.title.to_lowercase().contains(&search))
            && module.as_ref().is_none_or(|module| resource.module.to_lowercase() == *module)
    })
}
