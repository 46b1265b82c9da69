//! `schemas/`: what others build on, as golden files. The forms come from the Rust types, these files from
//! the forms.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use oracle_fusion::contract::{Delivery, Effect, Idempotency, Kind, Manifest, Operation};
use serde_json::{Value, json};

use crate::command::{dist, root};

/// Writes down the forms for the component, which is built with them afterwards.
pub fn write_forms() -> Result<()> {
    Ok(fs::write(root().join(WRITTEN), oracle_fusion::forms::written::text())?)
}

/// Writes the files, or checks them.
pub fn run(check: bool) -> Result<()> {
    let folder = root().join("schemas");
    let wanted = files()?;
    let found = read(&folder)?;
    if !check {
        for path in found.keys().filter(|path| !wanted.contains_key(*path)) {
            fs::remove_file(folder.join(path))?;
        }
        for (path, text) in &wanted {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&folder))?;
            fs::write(path, text)?;
        }
        println!("schemas: {} files", wanted.len());
        return Ok(());
    }
    let differing: Vec<String> = wanted
        .keys()
        .chain(found.keys())
        .filter(|path| wanted.get(*path) != found.get(*path))
        .map(|path| path.display().to_string())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    if !differing.is_empty() {
        bail!(
            "schemas/ is not what the code says: {}. Run `cargo xtask schemas` and look at the change.",
            differing.join(", ")
        );
    }
    println!("schemas: {} files as the code says", wanted.len());
    Ok(())
}

/// Where the component holds its forms.
const WRITTEN: &str = "connector/src/forms/written.txt";

fn files() -> Result<BTreeMap<PathBuf, String>> {
    let mut manifest = oracle_fusion::manifest();
    manifest.connection_schema = oracle_fusion::forms::schema::<oracle_fusion::settings::Form>().to_string();
    for (told, entry) in manifest.operations.iter_mut().zip(oracle_fusion::operations::ALL) {
        [told.input_schema, told.output_schema] = entry.derived().map(|form| form.to_string());
    }
    let mut files = BTreeMap::new();
    let mut add = |path: String, value: &Value| -> Result<()> {
        files.insert(PathBuf::from(path), format!("{}\n", serde_json::to_string_pretty(value)?));
        Ok(())
    };
    add("connection.json".to_owned(), &parse(&manifest.connection_schema)?)?;
    add("manifest.json".to_owned(), &told(&manifest)?)?;
    for operation in &manifest.operations {
        let folder = if operation.kind == Kind::Action { "actions" } else { "triggers" };
        add(format!("{folder}/{}.input.json", operation.id), &parse(&operation.input_schema)?)?;
        add(format!("{folder}/{}.output.json", operation.id), &parse(&operation.output_schema)?)?;
    }
    files.insert(PathBuf::from("component.wit"), wit()?);
    Ok(files)
}

/// The manifest without the forms, which are files of their own.
fn told(manifest: &Manifest) -> Result<Value> {
    let operations: Result<Vec<Value>> = manifest.operations.iter().map(operation).collect();
    Ok(json!({"name": manifest.name, "title": manifest.title, "operations": operations?}))
}

fn operation(operation: &Operation) -> Result<Value> {
    let effect = match operation.effect {
        Effect::Read => "read",
        Effect::Create => "create",
        Effect::Update => "update",
        Effect::Delete => "delete",
        Effect::Job => "job",
    };
    let idempotency = match operation.idempotency {
        Idempotency::None => "none",
        Idempotency::NaturalKey => "natural-key",
        Idempotency::CallId => "call-id",
    };
    let deliveries: Vec<&str> = operation
        .deliveries
        .iter()
        .map(|delivery| if *delivery == Delivery::Poll { "poll" } else { "receive" })
        .collect();
    Ok(json!({
        "id": operation.id,
        "kind": if operation.kind == Kind::Action { "action" } else { "trigger" },
        "deliveries": deliveries,
        "title": operation.title,
        "description": operation.description,
        "group": operation.group,
        "effect": effect,
        "idempotency": idempotency,
        "paged": operation.paged,
        "sample_input": parse(&operation.sample_input)?,
        "sample_output": parse(&operation.sample_output)?,
        "deprecated": operation.deprecated,
    }))
}

fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).with_context(|| format!("not JSON: {text}"))
}

/// The WIT of the built component, decoded from it.
fn wit() -> Result<String> {
    let path = dist().join("oracle-fusion.wasm");
    let bytes = fs::read(&path).with_context(|| format!("{} is missing", path.display()))?;
    let decoded = wit_component::decode(&bytes)?;
    let resolve = decoded.resolve();
    let mut printer = wit_component::WitPrinter::default();
    let package = decoded.package();
    let nested: Vec<_> = resolve.packages.iter().map(|(id, _)| id).filter(|id| *id != package).collect();
    printer.print(resolve, package, &nested)?;
    Ok(printer.output.to_string())
}

fn read(folder: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(current) = open.pop() {
        let Ok(entries) = fs::read_dir(&current) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(folder)?.to_path_buf(), fs::read_to_string(&path)?);
            }
        }
    }
    Ok(found)
}
