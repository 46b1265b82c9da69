//! `harness describe`: the catalogue, a table by group for people, the manifest for programs.

use comfy_table::{ContentArrangement, Table, presets};
use host_harness::contract::catalog::{Kind, Manifest, Operation};

use crate::args::Global;
use crate::component::Component;
use crate::ending::Ending;
use crate::{json, say};

pub async fn run(global: &Global) -> Result<(), Ending> {
    let component = Component::load(global).await?;
    if global.json {
        return say::json(&json::text(&json::manifest(&component.manifest))?);
    }
    say::line(table(&component.manifest).trim_end())
}

fn table(manifest: &Manifest) -> String {
    let mut text = format!("{} ({} {})\n", manifest.title, manifest.name, manifest.version);
    let mut groups: Vec<&str> = Vec::new();
    for operation in &manifest.operations {
        if !groups.contains(&operation.group.as_str()) {
            groups.push(&operation.group);
        }
    }
    let width = say::width();
    let longest = manifest.operations.iter().map(|operation| operation.id.len()).max().unwrap_or(0);
    let widest = manifest.operations.iter().map(|operation| does(operation).len()).max().unwrap_or(0);
    for group in groups {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        for operation in manifest.operations.iter().filter(|operation| operation.group == group) {
            table.add_row([
                format!("  {:longest$}", operation.id),
                format!("{:widest$}", does(operation)),
                operation.title.clone(),
            ]);
        }
        text.push_str(&format!("\n{group}\n"));
        for line in table.to_string().lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text.push_str("\n`harness schema <operation>` shows a form.");
    text
}

/// What it does, in a word or two.
fn does(operation: &Operation) -> String {
    match operation.kind {
        Kind::Action => json::effect(operation.effect).to_owned(),
        Kind::Trigger => {
            let deliveries: Vec<&str> = operation.deliveries.iter().map(|delivery| json::delivery(*delivery)).collect();
            format!("trigger ({})", deliveries.join(", "))
        }
    }
}
