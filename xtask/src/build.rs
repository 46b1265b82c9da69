//! Builds the component, the tiny guest and the harness into `dist/`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::command::{cargo_home, dist, output, root, run, target};
use crate::shrink::shrink;

const WASM: &str = "wasm32-wasip2";
/// A component larger than this is a mistake: it is loaded by every host that embeds it.
const MOST_BYTES: u64 = 2_000_000;

/// Everything; answers the path of the harness.
pub fn all() -> Result<PathBuf> {
    component()?;
    run("cargo", &["build", "--release", "--package", "host-harness"])?;
    let harness = dist().join("harness");
    // Renamed into place: a harness that runs at the moment keeps its own file.
    let fresh = dist().join("harness.new");
    fs::copy(target()?.join("release/harness"), &fresh).context("the built harness is not where cargo says")?;
    fs::rename(&fresh, &harness)?;
    println!("{}", harness.display());
    Ok(harness)
}

/// The component and the tiny guest.
pub fn component() -> Result<()> {
    fs::create_dir_all(dist())?;
    if !has_target()? {
        eprintln!("The target {WASM} is missing; adding it.");
        if run("rustup", &["target", "add", WASM]).is_err() {
            return debian();
        }
    }
    let flags = serde_json::to_string(&nameless()?)?;
    // Cargo adds these to the flags of `.cargo/config.toml`; RUSTFLAGS would take their place.
    let flags = format!("target.{WASM}.rustflags={flags}");
    for package in ["oracle-fusion-connector", "tiny-guest"] {
        // Beside an rlib rustc leaves link-time optimisation out, and the component is an eighth larger.
        let kind = ["--lib", "--crate-type", "cdylib", "--config", flags.as_str()];
        let wanted = ["rustc", "--profile", "component", "--target", WASM, "--package", package];
        run("cargo", &[&wanted[..], &kind].concat())?;
    }
    collect(&target()?.join(WASM).join("component"))
}

/// Flags that keep the folders of this machine out of the component: the places of panics name a crate and its file,
/// which is shorter, and nobody learns who built it.
fn nameless() -> Result<Vec<String>> {
    let home = cargo_home()?;
    let mut folders = vec![target()?, root(), home.clone()];
    // Of several that fit, rustc takes the last.
    for below in ["registry/src", "git/checkouts"] {
        let Ok(list) = fs::read_dir(home.join(below)) else { continue };
        folders.extend(list.filter_map(|entry| Some(entry.ok()?.path())));
    }
    Ok(folders.iter().map(|folder| format!("--remap-path-prefix={}=", folder.display())).collect())
}

fn has_target() -> Result<bool> {
    let Ok(list) = output("rustup", &["target", "list", "--installed"]) else { return Ok(false) };
    Ok(list.lines().any(|line| line.trim() == WASM))
}

/// Where rustup cannot reach its server: Debian's packages build the standard library from source.
fn debian() -> Result<()> {
    let script = root().join("xtask/wasm-target-debian.sh");
    let folder = target()?.join("debian");
    let flags = nameless()?.join(" ");
    run("bash", &[&script.to_string_lossy(), &folder.to_string_lossy(), &flags])?;
    collect(&folder.join(WASM).join("component"))
}

fn collect(built: &std::path::Path) -> Result<()> {
    fs::copy(built.join("tiny_guest.wasm"), dist().join("tiny-guest.wasm")).context("the tiny guest was not built")?;
    let path = dist().join("oracle-fusion.wasm");
    let small = shrink(&built.join("oracle_fusion.wasm"), &path, &target()?.join("shrink"))?;
    let size = fs::metadata(&path)?.len();
    let note = if small { "" } else { ", not made smaller: npm is not installed" };
    println!("{} {size} bytes{note}", path.display());
    if small && size >= MOST_BYTES {
        bail!("the component has {size} bytes; {MOST_BYTES} is the most");
    }
    Ok(())
}
