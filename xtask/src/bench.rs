//! Hands over to the benchmarks, built as what ships.

use anyhow::Result;

use crate::{build, command};

/// Builds and measures.
pub fn run() -> Result<()> {
    build::all()?;
    command::run("cargo", &["run", "--release", "--quiet", "--package", "benchmarks"])
}
