//! Every test: Rust's, the golden files, and hosts of other languages.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{has, root, run};
use crate::{build, schemas};

/// Builds, then runs them all.
pub fn all() -> Result<()> {
    build::all()?;
    if has("cargo-nextest", "--version") {
        run("cargo", &["nextest", "run", "--release", "--workspace", "--no-fail-fast"])?;
    } else {
        run("cargo", &["test", "--release", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"])?;
    }
    run("cargo", &["test", "--release", "--doc", "--package", "host-harness"])?;
    schemas::run(true)?;
    foreign()
}

/// Node and Python run the same component. Where one is missing it is skipped, unless CI asks for both.
fn foreign() -> Result<()> {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (name, program, flag) in [("node", "node", "--version"), ("python", "python3", "--version")] {
        if !has(program, flag) {
            if std::env::var_os("CI").is_some() {
                bail!("{program} is missing, and CI requires it");
            }
            println!("skipped: tests/foreign/{name}: {program} is not installed");
            skipped += 1;
            continue;
        }
        let script = root().join("tests/foreign").join(name).join("run");
        match host(&script) {
            Ok(()) => passed += 1,
            Err(error) => {
                eprintln!("tests/foreign/{name}: {error}");
                failed += 1;
            }
        }
    }
    println!("foreign: {passed} passed, {failed} failed, {skipped} skipped");
    if failed > 0 {
        bail!("{failed} foreign hosts failed");
    }
    Ok(())
}

fn host(script: &Path) -> Result<()> {
    let status = Command::new("bash").arg(script).current_dir(root()).status()?;
    if !status.success() {
        bail!("it failed ({status})");
    }
    Ok(())
}
