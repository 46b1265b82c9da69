//! The business modules in which resources are offered, each with its main resources (FACTS 9): names, roots,
//! methods and titles that Oracle's published references confirm. What a pod offers beyond them is read from
//! it, and nothing is refused because it is missing here.

use std::sync::LazyLock;

use super::catalogue::{self, Protocol};
use crate::packed;

/// Lines of `module Name`, and below each `name root methods Title`.
static TEXT: LazyLock<String> = LazyLock::new(|| packed::text("modules.txt"));

/// A resource as it is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// Name in addresses.
    pub name: &'static str,
    /// Title for people.
    pub title: &'static str,
    /// Business module.
    pub module: &'static str,
    /// The root below which it lives.
    pub root: &'static str,
    /// Which service answers for it.
    pub service: Protocol,
    /// Whether rows can be created; known only where methods are.
    pub creatable: bool,
    /// Children, where the catalogue knows them.
    pub children: Vec<&'static str>,
}

/// All of them: the modules in their order, and behind them what the catalogue knows besides.
pub fn offered() -> Vec<Offered> {
    let mut known: Vec<_> = catalogue::all().collect();
    let mut all = Vec::new();
    let mut module = "";
    for line in TEXT.lines() {
        if let Some(name) = line.strip_prefix("module ") {
            module = name;
            continue;
        }
        let Some((name, root, methods, title)) = split(line) else { continue };
        let mut one = Offered {
            name,
            title,
            module,
            root,
            service: Protocol::Records,
            creatable: methods.contains('c'),
            children: Vec::new(),
        };
        if let Some(at) = known.iter().position(|known| known.name == name) {
            let known = known.remove(at);
            one.service = known.protocol;
            one.root = known.root;
            one.children = known.children;
        }
        one.creatable &= one.service == Protocol::Records;
        all.push(one);
    }
    all.extend(known.into_iter().map(|known| Offered {
        name: known.name,
        title: known.title,
        module: known.module,
        root: known.root,
        service: known.protocol,
        creatable: known.protocol == Protocol::Records && known.collection.contains(&"POST"),
        children: known.children,
    }));
    all
}

/// Names alone, which need no reading of the catalogue.
pub fn names() -> impl Iterator<Item = &'static str> {
    TEXT.lines().filter_map(split).map(|(name, ..)| name)
}

/// The root below which a resource of these names lives.
pub fn root(name: &str) -> Option<&'static str> {
    TEXT.lines().filter_map(split).find(|(known, ..)| *known == name).map(|(_, root, ..)| root)
}

fn split(line: &'static str) -> Option<(&'static str, &'static str, &'static str, &'static str)> {
    let mut words = line.splitn(4, ' ');
    let name = words.next()?;
    let root = match words.next()? {
        "f" => "fscmRestApi",
        "h" => "hcmRestApi",
        "c" => "crmRestApi",
        _ => return None,
    };
    Some((name, root, words.next()?, words.next()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fusion::address::is_resource_name;

    #[test]
    fn every_line_is_whole_and_nothing_comes_twice() {
        let lines = TEXT.lines().filter(|line| !line.starts_with("module ")).count();
        assert_eq!(names().count(), lines);
        let all = offered();
        let mut names: Vec<_> = all.iter().map(|one| (one.root, one.name)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        assert!(all.iter().all(|one| is_resource_name(one.name) && !one.title.is_empty()));
    }

    #[test]
    fn the_modules_are_those_that_people_know() {
        let mut modules: Vec<_> = offered().iter().map(|one| one.module).collect();
        modules.dedup();
        for wanted in ["Financials", "Loyalty", "Fusion Service", "Human Resources", "Service Logistics"] {
            assert!(modules.contains(&wanted), "{wanted}");
        }
        assert_eq!(root("projects"), Some("fscmRestApi"));
        assert_eq!(root("invoces"), None);
    }
}
