//! `cargo xtask bench records`: records from a server over TCP to NDJSON on standard output, whole processes, beside
//! peers, medians of rounds in which each has its turn.
//!
//! Before the clock runs each reader is read to its end once, and what it printed is counted: a reader that leaves
//! out a record is no peer. In the timed rounds standard output goes nowhere, which costs every reader the same.

mod contest;
mod reader;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::json;

use bench_records::server::{self, Spelling};
use contest::{Standing, Table};

#[derive(Parser)]
#[command(about = "Records from a local server to NDJSON, whole processes, beside peers")]
struct Arguments {
    /// The harness.
    #[arg(long, default_value = "dist/harness")]
    harness: PathBuf,
    /// The component.
    #[arg(long, default_value = "dist/oracle-fusion.wasm")]
    component: PathBuf,
    /// A Python with the requirements of the peers; without it they are left out.
    #[arg(long)]
    python: Option<PathBuf>,
    /// The folder of the peers' scripts.
    #[arg(long, default_value = "benchmarks/records")]
    peers: PathBuf,
    /// How many records.
    #[arg(long, default_value_t = 100_000)]
    records: usize,
    /// How many timed rounds.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Most records in one answer of the connector.
    #[arg(long, default_value_t = 10_000)]
    limit: usize,
    /// Write the rows as a pod does, a member a line.
    #[arg(long)]
    pretty: bool,
    /// Only the readers whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// The figures as JSON on standard output.
    #[arg(long)]
    json: bool,
    /// Only serve, until standard input ends; prints the address.
    #[arg(long)]
    serve: bool,
}

fn main() -> Result<()> {
    let asked = Arguments::parse();
    let spelling = if asked.pretty { Spelling::Pretty } else { Spelling::Compact };
    let (address, bytes) = server::start(asked.records, spelling)?;
    let collection = format!("http://{address}/fscmRestApi/resources/11.13.18.05/invoices");
    if asked.serve {
        println!("{collection}");
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
        return Ok(());
    }
    let folder = std::env::temp_dir().join(format!("bench-records-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let results = compete(&asked, &collection, &address.to_string(), &folder);
    std::fs::remove_dir_all(&folder)?;
    let table = Table { records: asked.records, bytes, pretty: asked.pretty, results: results? };
    eprint!("{table}");
    if asked.json {
        println!("{}", serde_json::to_string_pretty(&json!(table))?);
    }
    Ok(())
}

fn compete(asked: &Arguments, collection: &str, address: &str, folder: &std::path::Path) -> Result<Vec<Standing>> {
    let mut readers = vec![
        reader::ours(&asked.harness, &asked.component, address, asked.limit, folder)?,
        reader::curl(collection, asked.records, folder)?,
        reader::native(collection)?,
    ];
    if let Some(python) = &asked.python {
        readers.push(reader::script("Python requests", python, &asked.peers.join("requests_peer.py"), collection));
        readers.push(reader::script("dlt rest_api", python, &asked.peers.join("dlt_peer.py"), collection));
    }
    if let Some(only) = &asked.only {
        readers.retain(|reader| reader.name.contains(only.as_str()));
    }
    contest::run(&readers, asked.records, asked.rounds).context("no contest")
}
