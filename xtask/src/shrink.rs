//! The component, made smaller: Binaryen goes over its core module, which takes a fifth off what the compiler leaves.
//!
//! Binaryen comes from npm, since compiling it takes longer than everything else here together. Where there is no
//! npm the component stays as it was built: it does the same and is larger. The rest of the component (types, imports,
//! exports) is copied byte for byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use wasm_encoder::{Component, ComponentSectionId, RawSection};
use wasmparser::{Parser, Payload};

use crate::command::{has, root};

/// What hosts of WASI 0.2 run, and rustc emits.
const FEATURES: [&str; 7] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-multivalue",
    "--enable-reference-types",
];

/// Writes `from`, made smaller, to `to`, and answers whether it could be. `work` keeps what was made last, since
/// most builds change nothing.
pub fn shrink(from: &Path, to: &Path, work: &Path) -> Result<bool> {
    if !has("npm", "--version") || !has("node", "--version") {
        fs::copy(from, to)?;
        return Ok(false);
    }
    fs::create_dir_all(work)?;
    let (before, after) = (work.join("before.wasm"), work.join("after.wasm"));
    let component = fs::read(from)?;
    if !after.exists() || fs::read(&before).is_ok_and(|known| known != component) || !before.exists() {
        let fresh = optimised(&component, work)?;
        fs::write(&after, fresh)?;
        fs::write(&before, &component)?;
    }
    fs::copy(&after, to)?;
    Ok(true)
}

/// The component with its largest core module optimised.
fn optimised(component: &[u8], work: &Path) -> Result<Vec<u8>> {
    let mut sections: Vec<(u8, &[u8])> = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if depth == 0
            && let Some((id, range)) = payload.as_section()
        {
            let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
            sections.push((id, component.get(range).context("a section ends behind the file")?));
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth = depth.saturating_add(1),
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let is_module = |id: u8| id == ComponentSectionId::CoreModule as u8;
    let largest = sections.iter().filter(|(id, _)| is_module(*id)).map(|(_, data)| data.len()).max();
    let mut smaller = Component::new();
    for (id, data) in sections {
        if is_module(id) && Some(data.len()) == largest {
            smaller.section(&RawSection { id, data: &wasm_opt(data, work)? });
        } else {
            smaller.section(&RawSection { id, data });
        }
    }
    Ok(smaller.finish())
}

fn wasm_opt(core: &[u8], work: &Path) -> Result<Vec<u8>> {
    let (input, output) = (work.join("core.wasm"), work.join("core.opt.wasm"));
    fs::write(&input, core)?;
    eprintln!("Making the component smaller (Binaryen, about half a minute).");
    let status =
        Command::new("node").arg(installed()?).arg("-Oz").args(FEATURES).arg(&input).arg("-o").arg(&output).status()?;
    if !status.success() {
        bail!("wasm-opt failed ({status})");
    }
    Ok(fs::read(output)?)
}

/// Binaryen's `wasm-opt`, installed outside the checkout, once for each version.
fn installed() -> Result<PathBuf> {
    let list = root().join("xtask/binaryen/package.json");
    let text = fs::read_to_string(&list)?;
    let value: serde_json::Value = serde_json::from_str(&text)?;
    let version = value.pointer("/dependencies/binaryen").and_then(serde_json::Value::as_str);
    let version = version.context("xtask/binaryen/package.json names no version")?;
    let folder = crate::command::cache()?.join(format!("binaryen-{version}"));
    let program = folder.join("node_modules/binaryen/bin/wasm-opt");
    if !program.exists() {
        fs::create_dir_all(&folder)?;
        fs::copy(&list, folder.join("package.json"))?;
        let npm = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--silent"])
            .current_dir(&folder)
            .status()?;
        if !npm.success() {
            bail!("npm could not install Binaryen ({npm})");
        }
    }
    Ok(program)
}
