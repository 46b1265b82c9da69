//! Hands over to the benchmarks, built as what ships.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;

use crate::build;
use crate::command::{root, run, target};

/// Benchmarks by themselves.
#[derive(Subcommand)]
pub enum What {
    /// Reads 100,000 records of about 1 KB to NDJSON, beside curl, Python requests, a native program and dlt.
    Records {
        /// The figures as JSON on standard output.
        #[arg(long)]
        json: bool,
        /// Passed on, as in `-- --rounds 11 --pretty`.
        #[arg(last = true)]
        more: Vec<String>,
    },
    /// Checks, zips and sends files of 120 MB with the component in the harness, beside `zip -6`.
    Bulk {
        /// Size of the files.
        #[arg(long, default_value_t = 120)]
        megabytes: u64,
    },
    /// Hands 1,000,000 events over through the state file: time and growth for each.
    State,
    /// Polls 10,000 connections in one process: polls a second, memory for each, how fair it is.
    RunAll {
        /// The figures as JSON on standard output.
        #[arg(long)]
        json: bool,
        /// Passed on, as in `-- --connections 1000`.
        #[arg(last = true)]
        more: Vec<String>,
    },
}

/// Builds and measures.
pub fn everything() -> Result<()> {
    build::all()?;
    run("cargo", &["run", "--release", "--quiet", "--package", "benchmarks"])
}

/// Builds and measures one thing.
pub fn one(what: &What) -> Result<()> {
    match what {
        What::Records { json, more } => records(*json, more),
        What::Bulk { megabytes } => bulk(*megabytes),
        What::RunAll { json, more } => run_all(*json, more),
        What::State => run("cargo", &["run", "--release", "--quiet", "--package", "benchmarks", "--bin", "state"]),
    }
}

fn bulk(megabytes: u64) -> Result<()> {
    build::all()?;
    run("cargo", &["build", "--release", "--quiet", "--package", "bench-bulk"])?;
    let program = target()?.join("release/bench-bulk");
    let (harness, component) = (root().join("dist/harness"), root().join("dist/oracle-fusion.wasm"));
    let told = [&program, &harness, &component].map(|path| path.to_string_lossy().into_owned());
    let [program, harness, component] = told.each_ref().map(String::as_str);
    run(program, &["whole", harness, component, &megabytes.to_string()])
}

fn records(json: bool, more: &[String]) -> Result<()> {
    build::all()?;
    let peers = root().join("benchmarks/records");
    let python = python(&peers.join("requirements.txt"))?;
    run("cargo", &["build", "--release", "--quiet", "--package", "bench-records"])?;
    let program = target()?.join("release/bench-records");
    let (program, python) = (program.to_string_lossy(), python.to_string_lossy());
    let mut arguments = vec!["--python", &python];
    arguments.extend(json.then_some("--json"));
    arguments.extend(more.iter().map(String::as_str));
    run(&program, &arguments)
}

fn run_all(json: bool, more: &[String]) -> Result<()> {
    build::all()?;
    run("cargo", &["build", "--release", "--quiet", "--package", "benchmarks"])?;
    let program = target()?.join("release/many");
    let program = program.to_string_lossy();
    let mut arguments = Vec::new();
    arguments.extend(json.then_some("--json"));
    arguments.extend(more.iter().map(String::as_str));
    run(&program, &arguments)
}

/// A Python of its own with what is pinned in `requirements`, made where it is missing or something else is pinned.
fn python(requirements: &Path) -> Result<PathBuf> {
    let folder = target()?.join("bench-python");
    let (python, made_for) = (folder.join("bin/python"), folder.join("requirements.txt"));
    let wanted = fs::read_to_string(requirements)?;
    if python.exists() && fs::read_to_string(&made_for).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    run("python3", &["-m", "venv", "--clear", &folder.to_string_lossy()])?;
    run(&python.to_string_lossy(), &["-m", "pip", "install", "--quiet", "-r", &requirements.to_string_lossy()])?;
    fs::write(&made_for, wanted)?;
    Ok(python)
}
