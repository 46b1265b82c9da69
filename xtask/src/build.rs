//! Builds the component, the tiny guest and the harness into `dist/`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::command::{dist, output, root, run, target};

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
    for package in ["oracle-fusion-connector", "tiny-guest"] {
        // Beside an rlib rustc leaves link-time optimisation out, and the component is an eighth larger.
        let kind = ["--lib", "--crate-type", "cdylib"];
        let wanted = ["rustc", "--profile", "component", "--target", WASM, "--package", package];
        run("cargo", &[&wanted[..], &kind].concat())?;
    }
    collect(&target()?.join(WASM).join("component"))
}

fn has_target() -> Result<bool> {
    let Ok(list) = output("rustup", &["target", "list", "--installed"]) else { return Ok(false) };
    Ok(list.lines().any(|line| line.trim() == WASM))
}

/// Where rustup cannot reach its server: Debian's packages build the standard library from source.
fn debian() -> Result<()> {
    let script = root().join("xtask/wasm-target-debian.sh");
    let folder = target()?.join("debian");
    run("bash", &[&script.to_string_lossy(), &folder.to_string_lossy()])?;
    collect(&folder.join(WASM).join("component"))
}

fn collect(built: &std::path::Path) -> Result<()> {
    for (from, to) in [("oracle_fusion.wasm", "oracle-fusion.wasm"), ("tiny_guest.wasm", "tiny-guest.wasm")] {
        fs::copy(built.join(from), dist().join(to)).with_context(|| format!("{from} was not built"))?;
    }
    let path = dist().join("oracle-fusion.wasm");
    let size = fs::metadata(&path)?.len();
    println!("{} {size} bytes", path.display());
    if size >= MOST_BYTES {
        bail!("the component has {size} bytes; {MOST_BYTES} is the most");
    }
    Ok(())
}
