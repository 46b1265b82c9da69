//! Hands over to the benchmarks, built as what ships.

use anyhow::Result;

use crate::{build, command};

/// Builds and measures.
pub fn run(what: &str) -> Result<()> {
    if what == "state" {
        return command::run("cargo", &["run", "--release", "--quiet", "--package", "benchmarks", "--bin", "state"]);
    }
    build::all()?;
    command::run("cargo", &["run", "--release", "--quiet", "--package", "benchmarks"])
}
