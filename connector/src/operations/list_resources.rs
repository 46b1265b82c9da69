//! `list_resources`: what there is to choose from.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::{ListWriter, RecordList};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind, Warning};
use crate::fusion::address::Address;
use crate::fusion::catalogue::Protocol;
use crate::fusion::describe::Description;
use crate::fusion::modules::{self, Offered};
use crate::fusion::pod::{Doing, Pod};
use crate::fusion::target::ROOTS;
use crate::problem::{Result, warning};

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
    #[schemars(title = "Module", extend("x-connector-options" = {"source": "resource_modules", "searchable": true}, "x-connector-order" = 2))]
    pub module: Option<String>,
    /// Also what the pod itself offers to this user: custom objects and whatever is not built in. Reads the
    /// description of each root, which takes seconds.
    #[schemars(title = "Also from the pod", extend("default" = false, "x-connector-order" = 3))]
    pub from_pod: Option<bool>,
}

impl Action for ListResources {
    const SPEC: Spec = Spec {
        id: "list_resources",
        title: "List resources",
        description: "Lists the main resources of each business module, and on request all that the pod offers. Any other resource of the pod can be used by its name all the same.",
        group: "Any record",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"search":"invoice"}"#,
        sample_output: r#"{"result":[{"name":"invoices","title":"Invoices","module":"Financials"}],"next_cursor":null}"#,
    };
    type Input = Input;
    type Output = RecordList;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let mut list = ListWriter::default();
        let (mut warnings, mut seen) = (Vec::new(), Vec::new());
        let module = input.module.as_deref().map(str::to_lowercase);
        for one in matching(input.search.as_deref()) {
            if module.as_ref().is_some_and(|module| one.module.to_lowercase() != *module) {
                continue;
            }
            let told = json!({
                "name": one.name,
                "title": one.title,
                "module": one.module,
                "root": one.root,
                "service": one.service.name(),
                "searchable": one.service == Protocol::Records,
                "creatable": one.creatable,
                "children": one.children,
            });
            list.push(|text| text.push_str(&told.to_string()));
            seen.push(one.name);
        }
        if input.from_pod == Some(true) && module.is_none() {
            for (root, name, title) in of_pod(pod, input.search.as_deref(), &mut warnings)? {
                if !seen.contains(&name.as_str()) {
                    let told = json!({"name": name, "title": title, "module": null, "root": root, "service": "records", "searchable": true});
                    list.push(|text| text.push_str(&told.to_string()));
                }
            }
        }
        Ok(list.finish(None, None, &warnings))
    }
}

/// Built-in resources whose name or title holds `search`.
pub fn matching(search: Option<&str>) -> Vec<Offered> {
    let mut all = modules::offered();
    all.retain(|one| holds(one.name, one.title, search));
    all
}

fn holds(name: &str, title: &str, search: Option<&str>) -> bool {
    let search = search.unwrap_or_default().to_lowercase();
    name.to_lowercase().contains(&search) || title.to_lowercase().contains(&search)
}

/// What the pod shows to this user: root, name and title, of those whose name or title holds `search`. A
/// root that is not shown is told.
///
/// # Errors
/// Those of a read that may pass by themselves, and `unauthenticated`.
pub fn of_pod(
    pod: &Pod,
    search: Option<&str>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<(&'static str, String, String)>> {
    let mut found = Vec::new();
    for root in ROOTS {
        let doing = Doing { what: "list the resources", object: root };
        let address = Address::collection(root, &pod.settings.api_version, "describe").param("metadataMode", "minimal");
        match pod.get(doing, &address) {
            Ok(response) => {
                let all = Description::read_all(&response.body)
                    .ok_or_else(|| pod.garbled(doing, &format!("{} is no list of resources", address.path())))?;
                found.extend(all.into_iter().filter_map(|(name, described)| {
                    let title = described.title.unwrap_or_else(|| name.clone());
                    holds(&name, &title, search).then_some((root, name, title))
                }));
            }
            Err(failure) if failure.again || failure.kind() == ProblemKind::Unauthenticated => return Err(failure),
            Err(failure) => warnings.push(warning("root_not_listed", failure.problem.message, None)),
        }
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::http::fake::{Fake, json as answer};
    use crate::settings::Settings;

    fn list(door: &Fake, input: &str) -> Value {
        let text = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        let text = ListResources::run(&pod, serde_json::from_str(input).unwrap(), input).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_module_is_listed_without_asking_the_pod() {
        let told = list(&Fake::default(), r#"{"module":"loyalty"}"#);
        let rows = told["result"].as_array().unwrap();
        assert!(rows.len() > 3 && rows.iter().all(|row| row["module"] == "Loyalty"));
    }

    #[test]
    fn what_the_pod_offers_besides_is_added_and_a_hidden_root_is_told() {
        let described = r#"{"Resources":{"invoices":{"title":"Invoices"},"invoiceThings_c":{"title":"Own things"}}}"#;
        let door = Fake::new([answer(200, described), answer(403, "{}"), answer(200, r#"{"Resources":{}}"#)]);
        let told = list(&door, r#"{"search":"invoice","from_pod":true}"#);
        let names: Vec<&str> =
            told["result"].as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
        assert_eq!(names.iter().filter(|name| **name == "invoices").count(), 1);
        assert_eq!(names.last(), Some(&"invoiceThings_c"));
        assert_eq!(told["warnings"][0]["code"], "root_not_listed");
    }
}
