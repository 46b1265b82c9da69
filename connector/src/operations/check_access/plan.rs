//! What is to be checked: operations, modules and resources of the input, as rights on resources.
//!
//! Sends nothing. Names that fit nothing are refused here, all but those of resources: whether a resource
//! exists is for the pod to say.

use super::Input;
use crate::contract::FieldProblem;
use crate::fusion::access::{self, Area, On, Right};
use crate::fusion::address::is_resource_name;
use crate::problem::{Failure, Result};
use crate::text::{nearest, shorten};

/// Rights on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Operation that needs it; empty where none was chosen.
    pub operation: &'static str,
    /// Resource.
    pub resource: String,
    /// Rights; `None` for all that the resource offers.
    pub rights: Option<Vec<Right>>,
    /// The area whose needs count, where it is not that of the resource.
    pub area: Option<usize>,
    /// Extras of the operation.
    pub extras: Vec<&'static str>,
}

/// All that is asked.
#[derive(Debug, Default)]
pub struct Plan {
    /// In the order of the answer.
    pub asked: Vec<Asked>,
    /// Names of the input that cards get wrong, with the right ones (N1).
    pub wrong: Vec<(String, &'static str)>,
}

impl Plan {
    /// Reads the choices.
    ///
    /// # Errors
    /// `invalid-input` for unknown operations and modules, and for what is no name of a resource.
    pub fn new(input: &Input, areas: &[Area]) -> Result<Self> {
        let operations = input.operations.as_deref().unwrap_or_default();
        let modules = input.modules.as_deref().unwrap_or_default();
        let given = input.resources.as_deref().unwrap_or_default();
        let mut faults = Vec::new();
        let mut plan = Self::default();
        let effects = chosen_effects(operations, &mut faults);
        let chosen_modules = chosen_modules(modules, areas, &mut faults);
        let mut resources = plan.named(given, &mut faults);
        if !faults.is_empty() {
            return Err(Failure::invalid_fields("input", faults));
        }
        let everything = given.is_empty() && modules.is_empty();
        let in_scope = |area: &Area| everything || chosen_modules.contains(&area.module);
        let scope = areas.iter().filter(|area| in_scope(area) && (!everything || area.module != ELSEWHERE));
        for area in scope {
            let more = if everything { &[] } else { area.more.as_slice() };
            for name in area.main.iter().chain(more) {
                add(&mut resources, name);
            }
        }
        let of_module = |area: &Area| {
            area.imports() && (chosen_modules.contains(&area.module) || (everything && area.module != ELSEWHERE))
        };
        let imports = |area: &Area| of_module(area) || (area.imports() && given.iter().any(|name| area.has(name)));
        for (id, effect) in &effects {
            match &effect.on {
                On::Nothing => {}
                On::Chosen => {
                    for name in &resources {
                        plan.push(id, name, Some(&effect.rights), None, &effect.extras);
                    }
                }
                On::Named(names) => {
                    for name in names {
                        plan.push(id, name, Some(&effect.rights), None, &effect.extras);
                    }
                }
                On::Imports => plan.imports(id, areas, &imports),
            }
        }
        // What was chosen and no operation asked for is checked for all rights.
        let covered = effects.iter().any(|(_, effect)| effect.on == On::Chosen);
        if effects.is_empty() || (!everything && !covered) {
            let module_is_for_imports = effects.iter().any(|(_, effect)| effect.on == On::Imports);
            for name in resources.iter().filter(|name| !module_is_for_imports || given.contains(name)) {
                plan.push("", name, None, None, &[]);
            }
            if effects.is_empty() {
                plan.imports(IMPORT, areas, &of_module);
            }
        }
        Ok(plan)
    }

    fn imports(&mut self, operation: &'static str, areas: &[Area], wanted: &dyn Fn(&Area) -> bool) {
        let Some(effect) = access::effect(IMPORT) else { return };
        for (index, _) in areas.iter().enumerate().filter(|(_, area)| wanted(area)) {
            self.push(operation, "erpintegrations", Some(&effect.rights), Some(index), &effect.extras);
        }
    }

    #[inline(never)]
    fn push(
        &mut self,
        operation: &'static str,
        resource: &str,
        rights: Option<&Vec<Right>>,
        area: Option<usize>,
        extras: &[&'static str],
    ) {
        let mut rights = rights.cloned();
        if let Some(rights) = &mut rights
            && area.is_none()
            && !rights.contains(&Right::Read)
        {
            // Every write looks at the row before or after it.
            rights.insert(0, Right::Read);
        }
        let asked = Asked { operation, resource: resource.to_owned(), rights, area, extras: extras.to_vec() };
        if !self.asked.contains(&asked) {
            self.asked.push(asked);
        }
    }

    /// Resources as people and cards write them: with a slash, or with parameters behind.
    fn named(&mut self, given: &[String], faults: &mut Vec<FieldProblem>) -> Vec<String> {
        let mut names = Vec::new();
        for (index, text) in given.iter().enumerate() {
            let text = text.trim().trim_start_matches('/');
            let (name, parameters) = text.split_once('?').unwrap_or((text, ""));
            let name = name.trim_end_matches('/');
            if !is_resource_name(name) {
                faults.push(FieldProblem {
                    pointer: format!("/resources/{index}"),
                    message: format!("{:?} is not the name of a resource, as in invoices", shorten(text, 80)),
                });
                continue;
            }
            let expands_roles = name == "userAccounts" && parameters.split('&').any(|part| part == "expand=roles");
            let wrong = if expands_roles { "roles" } else { name };
            if let Some(right) = access::wrong_name(wrong) {
                self.wrong.push((wrong.to_owned(), right));
            }
            add(&mut names, name);
        }
        names
    }
}

/// Modules of the table that the catalogue does not cover are checked where they are chosen.
const ELSEWHERE: &str = "Supply Chain Management";
/// The operation that imports files.
const IMPORT: &str = "import_bulk_data";

#[inline(never)]
fn add(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

fn chosen_effects(operations: &[String], faults: &mut Vec<FieldProblem>) -> Vec<(&'static str, access::Effect)> {
    let known = access::operations();
    let mut effects: Vec<(&'static str, access::Effect)> = Vec::new();
    for (index, id) in operations.iter().enumerate() {
        match known.iter().find(|known| *known == id).and_then(|id| Some((*id, access::effect(id)?))) {
            Some(effect) => effects.push(effect),
            None => {
                let near = nearest(id, known.iter().copied(), 3);
                faults.push(unknown("operations", index, "an operation", id, &near));
            }
        }
    }
    effects
}

fn chosen_modules(modules: &[String], areas: &[Area], faults: &mut Vec<FieldProblem>) -> Vec<&'static str> {
    let mut known: Vec<&'static str> = Vec::new();
    for area in areas {
        if !known.contains(&area.module) {
            known.push(area.module);
        }
    }
    let mut chosen = Vec::new();
    for (index, module) in modules.iter().enumerate() {
        match known.iter().find(|known| known.eq_ignore_ascii_case(module.trim())) {
            Some(module) => chosen.push(*module),
            None => faults.push(unknown("modules", index, "a module", module, &known)),
        }
    }
    chosen
}

#[inline(never)]
fn unknown(list: &str, index: usize, what: &str, name: &str, near: &[&str]) -> FieldProblem {
    let meant = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
    FieldProblem {
        pointer: format!("/{list}/{index}"),
        message: format!("{:?} is not {what}{meant}", shorten(name, 80)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn plan(input: &str) -> Result<Plan> {
        Plan::new(&serde_json::from_str(input).unwrap(), &access::areas())
    }

    fn told(input: &str) -> Vec<String> {
        let told = |asked: &Asked| format!("{} {}", asked.operation, asked.resource);
        plan(input).unwrap().asked.iter().map(told).collect()
    }

    #[test]
    fn nothing_chosen_is_every_module_by_its_main_resources() {
        let asked = told("{}");
        for name in ["journalBatches", "invoices", "suppliers", "publicWorkers", "projects", "requests"] {
            assert!(asked.contains(&format!(" {name}")), "{name}");
        }
        assert!(!asked.contains(&" invoiceHolds".to_owned()) && !asked.contains(&" itemsV2".to_owned()));
        assert!(asked.contains(&"import_bulk_data erpintegrations".to_owned()));
        assert!(asked.len() < 40);
    }

    #[test]
    fn an_operation_asks_for_what_it_uses() {
        assert_eq!(told(r#"{"operations":["create_invoice"]}"#), ["create_invoice invoices"]);
        let create = &plan(r#"{"operations":["create_invoice"]}"#).unwrap().asked[0];
        assert_eq!(create.rights, Some(vec![Right::Read, Right::Create]));
        assert_eq!(
            told(r#"{"operations":["search_records"],"resources":["/suppliers","suppliers"]}"#),
            ["search_records suppliers"]
        );
        let imports = told(r#"{"operations":["import_bulk_data"],"modules":["procurement"]}"#);
        assert_eq!(imports, ["import_bulk_data erpintegrations"]);
        assert!(told(r#"{"operations":["list_resources"]}"#).is_empty());
    }

    #[test]
    fn a_module_is_checked_with_all_its_resources() {
        let asked = told(r#"{"modules":["Financials"]}"#);
        assert!(asked.contains(&" invoiceHolds".to_owned()) && !asked.contains(&" suppliers".to_owned()));
    }

    #[test]
    fn what_fits_nothing_is_refused_with_what_was_meant() {
        let failure =
            plan(r#"{"operations":["serch_records"],"modules":["Finance"],"resources":["a b"]}"#).unwrap_err();
        let pointers: Vec<&str> = failure.problem.fields.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(pointers, ["/operations/0", "/modules/0", "/resources/0"]);
        assert!(failure.problem.message.contains("did you mean search_records"), "{}", failure.problem.message);
    }

    #[test]
    fn names_of_the_card_are_noticed() {
        let wrong = plan(r#"{"resources":["/journals","userAccounts?expand=roles"]}"#).unwrap().wrong;
        assert_eq!(wrong[0], ("journals".to_owned(), "journalBatches"));
        assert!(wrong[1].1.contains("userAccountRoles"));
    }
}
