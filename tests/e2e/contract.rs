//! The component is what the contract says: its imports, its exports, its documentation.

use std::collections::BTreeSet;

use wit_parser::{Resolve, WorldItem};

use crate::stage::component;

#[test]
fn it_imports_wasi_alone_and_exports_exactly_the_contract() {
    let bytes = std::fs::read(component()).unwrap();
    let decoded = wit_component::decode(&bytes).unwrap();
    let resolve = decoded.resolve();
    let world = resolve.worlds.iter().find(|(_, world)| !world.exports.is_empty()).unwrap().1;
    let names = |items: &mut dyn Iterator<Item = &WorldItem>| -> BTreeSet<String> {
        items
            .map(|item| match item {
                WorldItem::Interface { id, .. } => resolve.id_of(*id).unwrap(),
                other => panic!("a world of interfaces has {other:?}"),
            })
            .collect()
    };
    let imports = names(&mut world.imports.values());
    assert!(imports.iter().all(|name| name.starts_with("wasi:")), "{imports:?}");
    let wanted: BTreeSet<String> = ["types", "catalog", "connections", "forms", "actions", "triggers"]
        .map(|interface| format!("ipaas:connector/{interface}@0.1.0"))
        .into();
    assert_eq!(names(&mut world.exports.values()), wanted);
}

#[test]
fn it_is_small() {
    assert!(std::fs::metadata(component()).unwrap().len() < 2_000_000);
}

#[test]
fn it_names_no_folder_of_the_machine_that_built_it() {
    let bytes = std::fs::read(component()).unwrap();
    let home = std::env::var("HOME").unwrap_or_default();
    for folder in ["/.cargo/", "/registry/src/", "/home/", "/Users/", &format!("{home}/")] {
        let found = folder.len() > 1 && bytes.windows(folder.len()).any(|place| place == folder.as_bytes());
        assert!(!found, "{folder}");
    }
}

#[test]
fn every_item_of_the_contract_is_documented() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit")).unwrap();
    let mut missing = Vec::new();
    for (name, id) in &resolve.packages[package].interfaces {
        let interface = &resolve.interfaces[*id];
        if interface.docs.contents.is_none() {
            missing.push(name.clone());
        }
        missing.extend(
            interface.functions.values().filter(|f| f.docs.contents.is_none()).map(|f| format!("{name}.{}", f.name)),
        );
    }
    assert!(missing.is_empty(), "without a word: {missing:?}");
}

#[test]
fn the_same_text_is_kept_as_a_golden_file() {
    let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/component.wit")).unwrap();
    for interface in ["catalog", "connections", "forms", "actions", "triggers", "types"] {
        assert!(kept.contains(&format!("export ipaas:connector/{interface}@0.1.0")), "{interface}");
    }
}
