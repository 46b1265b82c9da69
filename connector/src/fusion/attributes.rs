//! Are these names the resource's own? Checked before anything is asked for, so that a wrong letter is told
//! with the right spelling and not as the pod's 400.
//!
//! What the catalogue knows is good without asking. What it lacks is not refused for that: the pod's describe
//! decides, and where it cannot be read, the pod itself.

use super::describe::Description;
use super::pod::Pod;
use super::query::{self, Finder, Node, Order};
use super::target::Target;
use crate::contract::FieldProblem;
use crate::problem::{Failure, Result};
use crate::text::nearest;

/// Names that are offered where one is wrong.
const OFFERED: usize = 8;

/// The names of a search.
#[derive(Clone, Copy, Default)]
pub struct Names<'i> {
    /// Conditions that all must hold.
    pub all: &'i [Node],
    /// Conditions of which one must hold.
    pub any: &'i [Node],
    /// Sort order.
    pub orders: &'i [Order],
    /// Attributes to read.
    pub fields: &'i [String],
    /// Children to read.
    pub expand: &'i [String],
    /// A finder.
    pub finder: Option<&'i Finder>,
}

/// Checks all of them; asks the pod for its description only where one of them is not known to the catalogue,
/// and keeps it in `target`.
///
/// # Errors
/// `invalid-input` with a pointer and the right spelling for each fault.
pub fn check(pod: &Pod, target: &mut Target, names: Names) -> Result<()> {
    let mut used = Vec::new();
    walk(names.all, "/all", &mut used);
    walk(names.any, "/any", &mut used);
    for (index, order) in names.orders.iter().enumerate() {
        used.push((format!("/order_by/{index}/attribute"), order.attribute.as_str()));
    }
    // What is no name at all is told where the condition is written.
    used.retain(|(_, name)| query::path(name).is_some());
    let mut faults = misspelt(target, &used, &names);
    let (needed, wanted) = (lacks(target, &used, names.finder), lacks_fields(target, &names));
    if faults.is_empty() && (needed || wanted) {
        if target.described.is_none() {
            match Target::describe(pod, &target.name) {
                Ok(told) => target.described = told.described,
                Err(failure) if failure.again && needed => return Err(failure),
                // A user who may read rows need not be allowed to read the description.
                Err(_) => return Ok(()),
            }
        }
        if let Some(described) = &target.described {
            faults = unfit(target, described, &used, names.finder);
            for (at, paths) in [("/fields", names.fields), ("/expand", names.expand)] {
                for (index, path) in paths.iter().enumerate() {
                    let told = stray(target, described, path, at == "/expand");
                    faults.extend(told.map(|told| fault(&format!("{at}/{index}"), told)));
                }
            }
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid_fields("input", faults).remedy(format!(
        "Names are case-sensitive; describe_resource tells those of {} and which of them may stand in conditions.",
        target.name
    )))
}

fn walk<'n>(nodes: &'n [Node], at: &str, used: &mut Vec<(String, &'n str)>) {
    for (index, node) in nodes.iter().enumerate() {
        let at = format!("{at}/{index}");
        walk(node.all.as_deref().unwrap_or_default(), &format!("{at}/all"), used);
        walk(node.any.as_deref().unwrap_or_default(), &format!("{at}/any"), used);
        used.extend(node.attribute.as_deref().map(|name| (format!("{at}/attribute"), name)));
    }
}

fn fault(pointer: &str, message: String) -> FieldProblem {
    FieldProblem { pointer: pointer.to_owned(), message }
}

/// What is wrong by its case alone, as far as the catalogue can tell: nothing needs to be asked.
fn misspelt(target: &Target, used: &[(String, &str)], names: &Names) -> Vec<FieldProblem> {
    let Some(known) = &target.known else { return Vec::new() };
    let mut faults = Vec::new();
    let mut check = |pointer: &str, name: &str, right: &mut dyn Iterator<Item = &str>| {
        let mut other = None;
        for candidate in right {
            if candidate == name {
                return;
            }
            if candidate.eq_ignore_ascii_case(name) {
                other = Some(candidate.to_owned());
            }
        }
        if let Some(other) = other {
            faults.push(fault(pointer, format!("{name} is spelt {other} on {}", target.name)));
        }
    };
    let attributes = || {
        let stamps = [known.changed, known.created].into_iter().flatten().map(|stamp| stamp.attribute);
        known.queryable.iter().map(|(name, _)| *name).chain(stamps)
    };
    for (pointer, name) in used.iter().map(|(pointer, name)| (pointer.as_str(), *name)) {
        match name.rsplit_once('.') {
            None => check(pointer, name, &mut attributes()),
            Some((child, _)) => check(pointer, child, &mut known.children.iter().copied()),
        }
    }
    for (index, name) in names.fields.iter().enumerate() {
        let pointer = format!("/fields/{index}");
        match name.rsplit_once('.') {
            None => check(&pointer, name, &mut attributes()),
            Some((child, _)) => check(&pointer, child, &mut known.children.iter().copied()),
        }
    }
    for (index, name) in names.expand.iter().enumerate() {
        check(&format!("/expand/{index}"), name, &mut known.children.iter().copied());
    }
    if let Some(finder) = names.finder {
        check("/finder/name", &finder.name, &mut known.finders.iter().map(|(name, _)| *name));
        let variables = known.finders.iter().find(|(name, _)| *name == finder.name).map(|(_, known)| known.as_slice());
        for (given, _) in finder.variables.as_ref().map(|given| given.0.as_slice()).unwrap_or_default() {
            let pointer = format!("/finder/variables/{given}");
            check(&pointer, given, &mut variables.unwrap_or_default().iter().map(|(name, _)| *name));
        }
    }
    faults
}

/// Whether the catalogue does not know one of these.
fn lacks(target: &Target, used: &[(String, &str)], finder: Option<&Finder>) -> bool {
    let plain = used.iter().any(|(_, name)| !name.contains('.') && target.queryable(name).is_none());
    let known = |finder: &Finder| {
        let known = target.known.as_ref()?.finders.iter().find(|(name, _)| *name == finder.name);
        let given = finder.variables.as_ref().map(|given| given.0.as_slice()).unwrap_or_default();
        known.filter(|(_, known)| given.iter().all(|(name, _)| known.iter().any(|(right, _)| right == name)))
    };
    plain || finder.is_some_and(|finder| known(finder).is_none())
}

/// Whether the catalogue does not know a field or a child that is to be read.
fn lacks_fields(target: &Target, names: &Names) -> bool {
    let known = target.known.as_ref();
    let field = |name: &String| {
        let stamp = |stamp: super::catalogue::Stamp| stamp.attribute == name;
        // What is no name at all is told where the request is written.
        query::path(name).is_none()
            || target.plain_key() == Some(name.as_str())
            || known.is_some_and(|known| known.kind(name).is_some() || known.changed.is_some_and(stamp))
    };
    let child = |name: &String| name == "all" || known.is_some_and(|known| known.children.contains(&name.as_str()));
    !names.fields.iter().all(field) || !names.expand.iter().all(child)
}

/// What is wrong about the path to a field, or to a child; nothing where the description does not reach it.
fn stray(target: &Target, described: &Description, path: &str, child: bool) -> Option<String> {
    let mut here = described;
    let mut parts = path.split('.').filter(|part| !matches!(*part, "all" | "links")).peekable();
    while let Some(part) = parts.next() {
        let children = here.children.keys().map(String::as_str);
        let wrong = |kind: &str, near| Some(offer(format!("{} has no {kind} {path}", target.name), near));
        if parts.peek().is_none() && !child {
            let known = here.attributes.iter().map(|attribute| attribute.name.as_str());
            let fits = here.attributes.is_empty() || here.attribute(part).is_some() || here.children.contains_key(part);
            return if fits { None } else { wrong("attribute", nearest(part, known.chain(children), 3)) };
        }
        match here.children.get(part) {
            Some(next) => here = next,
            None if here.children.is_empty() => return None,
            None => return wrong("child", nearest(part, children, 3)),
        }
    }
    None
}

/// What the pod's description does not let pass.
fn unfit(
    target: &Target,
    described: &Description,
    used: &[(String, &str)],
    finder: Option<&Finder>,
) -> Vec<FieldProblem> {
    let mut faults = Vec::new();
    for (pointer, name) in used.iter().filter(|(_, name)| !name.contains('.')) {
        // A description without attributes says nothing about them.
        if target.queryable(name).is_some() || described.attributes.is_empty() {
            continue;
        }
        let sorts = pointer.starts_with("/order_by");
        match described.attribute(name) {
            None => {
                let known = described.attributes.iter().map(|attribute| attribute.name.as_str());
                let told = format!("{} has no attribute {name}", target.name);
                faults.push(fault(pointer, offer(told, nearest(name, known, 3))));
            }
            Some(_) if sorts => {}
            Some(_) => {
                faults.push(fault(pointer, not_queryable(target, described, name)));
            }
        }
    }
    let known = &described.collection.finders;
    if let Some(finder) = finder.filter(|_| !known.is_empty()) {
        match known.iter().find(|known| known.name == finder.name) {
            None => {
                let told = format!("{} has no finder {}", target.name, finder.name);
                let near: Vec<&str> = known.iter().map(|known| known.name.as_str()).take(OFFERED).collect();
                faults.push(fault("/finder/name", offer(told, near)));
            }
            Some(found) => {
                let names = || found.attributes.iter().map(|variable| variable.name.as_str());
                let given = finder.variables.as_ref().map(|given| given.0.as_slice()).unwrap_or_default();
                for (name, _) in given.iter().filter(|(name, _)| !names().any(|known| known == name)) {
                    let told = format!("the finder {} has no variable {name}", finder.name);
                    faults.push(fault(
                        &format!("/finder/variables/{name}"),
                        offer(told, names().take(OFFERED).collect()),
                    ));
                }
            }
        }
    }
    faults
}

/// What is wrong, with the names that come near.
pub fn offer(told: String, near: Vec<&str>) -> String {
    match near.is_empty() {
        true => told,
        false => format!("{told}; did you mean {}?", near.join(" or ")),
    }
}

/// A refusal (400) of a read, with what is wrong about the attributes that were asked for where the pod's
/// description tells it.
pub fn explain(pod: &Pod, target: &Target, fields: &[String], mut failure: Failure) -> Failure {
    if failure.problem.http_status != Some(400) || fields.is_empty() {
        return failure;
    }
    let told = if target.described.is_some() { None } else { Target::describe(pod, &target.name).ok() };
    let Some(described) = told.as_ref().unwrap_or(target).described.as_ref() else { return failure };
    if described.attributes.is_empty() {
        return failure;
    }
    for (index, name) in fields.iter().enumerate().filter(|(_, name)| !name.contains('.')) {
        if described.attribute(name).is_none() {
            let known = described.attributes.iter().map(|attribute| attribute.name.as_str());
            let told = offer(format!("{} has no attribute {name}", target.name), nearest(name, known, 3));
            failure.problem.fields.push(fault(&format!("/fields/{index}"), told));
        }
    }
    if let [first, ..] = failure.problem.fields.as_slice() {
        failure.problem.remedy = Some(format!("Correct {}: {}.", first.pointer, first.message));
    }
    failure
}

/// Which attributes may stand in conditions instead, or which finder takes this one.
pub fn not_queryable(target: &Target, described: &Description, name: &str) -> String {
    let takes = |variable: &str| variable.to_lowercase().ends_with(&name.to_lowercase());
    let finder = described.collection.finders.iter().find_map(|finder| {
        let variable = finder.attributes.iter().find(|variable| takes(&variable.name))?;
        Some((finder.name.as_str(), variable.name.as_str()))
    });
    let mut told = format!("{name} may not stand in conditions on {}", target.name);
    if let Some((finder, variable)) = finder {
        told.push_str(&format!("; the finder {finder} takes it as {variable}"));
    }
    // Those of the same kind help most: a date instead of a date.
    let kind = described.attribute(name).map(super::describe::Attribute::holds);
    let mut may: Vec<&str> = Vec::new();
    for same in [true, false] {
        for attribute in &described.attributes {
            if attribute.queryable && (Some(attribute.holds()) == kind) == same {
                may.push(&attribute.name);
            }
        }
    }
    may.truncate(OFFERED);
    if !may.is_empty() {
        told.push_str(&format!("; among those that may: {}", may.join(", ")));
    }
    told
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json};
    use crate::settings::Settings;

    const DESCRIBED: &str = r#"{"Resources":{"suppliers":{"attributes":[
        {"name":"SupplierId","type":"integer","queryable":true},{"name":"Supplier","type":"string","queryable":true},
        {"name":"CreationDate","type":"string","queryable":true},
        {"name":"LastUpdateDate","type":"string","queryable":false},{"name":"Extra_c","type":"number","queryable":true}],
        "collection":{"finders":[{"name":"FindChanged","attributes":[{"name":"BindLastUpdateDate","type":"string"}]}]}}}}"#;

    #[test]
    fn fields_and_children_are_held_against_the_description_before_anything_is_read() {
        let told = r#"{"Resources":{"suppliers":{"attributes":[{"name":"SupplierId","type":"integer"},{"name":"Extra_c","type":"number"}],
            "children":{"sites":{"attributes":[{"name":"SupplierSite","type":"string"}],"children":{"assignments":{"attributes":[{"name":"ClientBU"}]}}},"DFF":{"$ref":"x"}}}}}"#;
        let settings = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(settings).unwrap();
        let run = |fields: &[&str], expand: &[&str], answers: &[&str]| {
            let door = Fake::new(answers.iter().map(|body| json(200, body)));
            let pod = Pod::new(&door, &settings, None).unwrap();
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
            let (fields, expand) = (owned(fields), owned(expand));
            let mut target = Target::known("suppliers").unwrap().unwrap();
            let told = check(&pod, &mut target, Names { fields: &fields, expand: &expand, ..Names::default() });
            assert_eq!(door.sent.borrow().len(), answers.len());
            let fields = told.err().map(|failure| failure.problem.fields).unwrap_or_default();
            fields.into_iter().map(|field| format!("{} {}", field.pointer, field.message)).collect::<Vec<_>>()
        };
        for (field, fault) in [
            ("Extra_C", "suppliers has no attribute Extra_C; did you mean Extra_c?"),
            ("sites.Suppliersite", "suppliers has no attribute sites.Suppliersite; did you mean SupplierSite?"),
            (
                "sites.assignments.ClientBu",
                "suppliers has no attribute sites.assignments.ClientBu; did you mean ClientBU?",
            ),
        ] {
            assert_eq!(run(&["SupplierId", field], &[], &[told]), [format!("/fields/1 {fault}")]);
        }
        assert_eq!(run(&[], &["site"], &[told]), ["/expand/0 suppliers has no child site; did you mean sites?"]);
        assert!(run(&["Extra_c", "sites.SupplierSite", "DFF.anything"], &["sites.assignments"], &[told]).is_empty());
        // What the catalogue knows costs no request.
        assert!(run(&["Supplier", "LastUpdateDate"], &["sites", "all"], &[]).is_empty());
    }

    /// Faults and requests for conditions on suppliers.
    fn faults(conditions: &str, answers: &[&str]) -> (Vec<(String, String)>, usize) {
        let text = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(text).unwrap();
        let door = Fake::new(answers.iter().map(|body| json(200, body)));
        let pod = Pod::new(&door, &settings, None).unwrap();
        let all: Vec<Node> = serde_json::from_str(conditions).unwrap();
        let mut target = Target::known("suppliers").unwrap().unwrap();
        let told = check(&pod, &mut target, Names { all: &all, ..Names::default() });
        let fields = told.err().map(|failure| failure.problem.fields).unwrap_or_default();
        (fields.into_iter().map(|field| (field.pointer, field.message)).collect(), door.sent.borrow().len())
    }

    #[test]
    fn a_wrong_case_is_told_and_nothing_is_sent() {
        let (told, sent) = faults(r#"[{"any":[{"attribute":"supplierid","operator":"eq","value":1}]}]"#, &[]);
        assert_eq!(told[0], ("/all/0/any/0/attribute".into(), "supplierid is spelt SupplierId on suppliers".into()));
        assert_eq!(sent, 0);
    }

    #[test]
    fn what_may_not_stand_in_conditions_is_told_with_what_may() {
        let (told, sent) =
            faults(r#"[{"attribute":"LastUpdateDate","operator":"gt","value":"2026-01-01"}]"#, &[DESCRIBED]);
        assert_eq!(sent, 1);
        assert!(told[0].1.starts_with("LastUpdateDate may not stand in conditions on suppliers; the finder FindChanged takes it as BindLastUpdateDate; among those that may: CreationDate"), "{}", told[0].1);
        let (told, _) = faults(r#"[{"attribute":"Suplier","operator":"eq","value":"x"}]"#, &[DESCRIBED]);
        assert_eq!(told[0].1, "suppliers has no attribute Suplier; did you mean Supplier?");
    }

    #[test]
    fn what_the_catalogue_lacks_is_the_pods_to_decide() {
        let own = r#"[{"attribute":"Extra_c","operator":"gt","value":1}]"#;
        assert_eq!(faults(own, &[DESCRIBED]), (Vec::new(), 1));
        assert!(faults(own, &[]).0.is_empty() || faults(own, &["[]"]).0.is_empty());
        assert_eq!(faults(r#"[{"attribute":"Supplier","operator":"eq","value":"x"}]"#, &[]), (Vec::new(), 0));
    }
}
