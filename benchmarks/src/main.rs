//! What we claim about speed and memory, beside a script, in one run: `cargo xtask bench`.
//!
//! Both sides read the same pages over TCP, through one connection, from the server of `bench-records`, whose rows are
//! rendered beforehand: what is measured is the reader. Both are warm (a loaded component, a started interpreter),
//! take turns, and come to each record as a JSON text of its own; the figures are medians. Whole processes beside
//! more peers: `cargo xtask bench records`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bench_records::server::{self, Spelling};
use host_harness::contract::actions::Outcome;
use host_harness::contract::types::{Call, Connection};
use host_harness::transport::live::Live;
use host_harness::{Connector, Engine, Policy, Run};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Records that each side reads in a round, in pages of 500.
const RECORDS: usize = 30_000;
/// Rounds in which each side has its turn.
const ROUNDS: usize = 5;

/// An answer, its records as they came.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    result: Vec<&'a RawValue>,
    next_cursor: Option<String>,
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("there is no checkout")?;
    let started = Instant::now();
    let connector = Engine::new()?.load(root.join("dist/oracle-fusion.wasm"))?;
    println!("load from the compile cache or compile   {:>10.1} ms", millis(started.elapsed()));

    let (address, bytes) = server::start(RECORDS, Spelling::Compact)?;
    let settings = json!({
        "host": format!("http://{address}"),
        "auth": {"type": "basic", "username": "bench", "password": "bench"},
    });
    let mut policy = Policy::from_settings(&oracle_fusion::manifest().connection_schema, &settings.to_string())?;
    policy.allow_http(&address.to_string())?;
    let run = Run::new(Arc::new(Live::new()), policy);

    overhead(&connector, &run, &settings).await?;
    let (mut ours, mut script) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(records(&connector, &run, &settings).await?);
        script.push(peer(root, &address.to_string())?);
    }
    let (ours, script) = (median(ours), median(script));
    println!("records of                               {bytes:>10} bytes");
    println!("connector in wasm                        {ours:>10.0} records/s");
    println!("Python, http.client and json             {script:>10.0} records/s");
    println!("ratio                                    {:>10.2}", ours / script);
    println!("guest memory at its peak                 {:>10.1} MiB", mebibytes(run.usage().peak_memory));
    Ok(())
}

/// Calls that send nothing: what instantiating, calling and dropping costs.
async fn overhead(connector: &Connector, run: &Run, settings: &Value) -> Result<()> {
    let calls = 500_u32;
    let started = Instant::now();
    for _ in 0..calls {
        search(connector, run, settings, &json!({})).await.err().context("an empty input was accepted")?;
    }
    println!("instantiate, refuse an input, drop       {:>10.1} µs", millis(started.elapsed() / calls) * 1000.0);
    Ok(())
}

/// Records in a second.
async fn records(connector: &Connector, run: &Run, settings: &Value) -> Result<f64> {
    let mut input = json!({"resource": "invoices", "limit": 10_000});
    let (mut count, started) = (0, Instant::now());
    loop {
        let output = search(connector, run, settings, &input).await?;
        let answer: Answer<'_> = serde_json::from_str(&output)?;
        count += answer.result.len();
        let Some(cursor) = answer.next_cursor else { break };
        input.as_object_mut().context("an input is an object")?.insert("cursor".into(), cursor.into());
    }
    rate(count, started.elapsed().as_secs_f64())
}

async fn search(connector: &Connector, run: &Run, settings: &Value, input: &Value) -> Result<String> {
    let connection = Connection { settings: settings.to_string(), session: None };
    let call = Call { id: "bench".into(), attempt: 0, remaining_ms: None };
    match connector.invoke(run, &connection, &call, "search_records", &input.to_string()).await? {
        Outcome::Done(output) => Ok(output),
        Outcome::Pending(_) => bail!("a search does not pend"),
    }
}

/// Records in a second, as a script reads them.
fn peer(root: &Path, address: &str) -> Result<f64> {
    let (host, port) = address.split_once(':').context("an address has a port")?;
    let output = Command::new("python3")
        .arg(root.join("benchmarks/peer.py"))
        .args([host, port, "bench", "bench"])
        .output()
        .context("python3 is needed as the peer")?;
    let told: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the peer failed: {}", String::from_utf8_lossy(&output.stderr)))?;
    let count = told.get("records").and_then(Value::as_u64).context("the peer tells no count")?;
    let seconds = told.get("seconds").and_then(Value::as_f64).context("the peer tells no time")?;
    rate(usize::try_from(count)?, seconds)
}

/// Records in a second, where all of them were read.
fn rate(count: usize, seconds: f64) -> Result<f64> {
    if count != RECORDS {
        bail!("{count} of {RECORDS} records were read");
    }
    Ok(f64::from(u32::try_from(count)?) / seconds)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn mebibytes(bytes: usize) -> f64 {
    u32::try_from(bytes / 1024).map_or(f64::NAN, f64::from) / 1024.0
}
