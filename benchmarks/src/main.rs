//! What we claim about speed and memory, beside a peer, in one run: `cargo xtask bench`.
//!
//! Both sides read the same pages of the same simulated pod over TCP, through one connection, one after the
//! other. The pod renders its pages in this process while they wait, so both figures are mostly the pod's; the
//! ratio tells what an engine pays for the sandbox against a script that parses and prints the same records.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fusion_sim::{Options, Pod};
use host_harness::contract::actions::Outcome;
use host_harness::contract::types::{Call, Connection};
use host_harness::transport::live::Live;
use host_harness::{Connector, Engine, Policy, Run};
use serde_json::{Value, json};

/// Pages of 500 records.
const PAGES: usize = 60;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("there is no checkout")?;
    let started = Instant::now();
    let connector = Engine::new()?.load(root.join("dist/oracle-fusion.wasm"))?;
    println!("load from the compile cache or compile   {:>10.1} ms", millis(started.elapsed()));

    let pod = Pod::new(Options { invoices: 40_000, realtime: true, ..Options::default() })?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = pod.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut settings = pod.settings();
    if let Some(host) = settings.get_mut("host") {
        *host = json!(format!("http://{address}"));
    }
    let mut policy = Policy::from_settings(&oracle_fusion::manifest().connection_schema, &settings.to_string())?;
    policy.allow_http(&address.to_string())?;
    let run = Run::new(Arc::new(Live::new()), policy);

    overhead(&connector, &run, &settings).await?;
    let ours = records(&connector, &run, &settings).await?;
    let peer = script(root, &address.to_string(), &settings)?;
    println!("connector in wasm                        {:>10.0} records/s", ours.0);
    println!("Python, http.client and json             {peer:>10.0} records/s");
    println!("ratio                                    {:>10.2}", ours.0 / peer);
    println!("guest memory at its peak                 {:>10.1} MiB", mebibytes(ours.1));
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

/// Records in a second, and the guest's peak memory in bytes.
async fn records(connector: &Connector, run: &Run, settings: &Value) -> Result<(f64, usize)> {
    let mut input = json!({"resource": "invoices", "limit": 500});
    let (mut count, started) = (0_u32, Instant::now());
    for _ in 0..PAGES {
        let output: Value = serde_json::from_str(&search(connector, run, settings, &input).await?)?;
        count += u32::try_from(output.get("result").and_then(Value::as_array).map_or(0, Vec::len))?;
        match output.get("next_cursor") {
            Some(cursor @ Value::String(_)) => {
                input.as_object_mut().context("an input is an object")?.insert("cursor".into(), cursor.clone());
            }
            _ => break,
        }
    }
    Ok((f64::from(count) / started.elapsed().as_secs_f64(), run.usage().peak_memory))
}

async fn search(connector: &Connector, run: &Run, settings: &Value, input: &Value) -> Result<String> {
    let connection = Connection { settings: settings.to_string(), session: None };
    let call = Call { id: "bench".into(), attempt: 0, remaining_ms: None };
    match connector.invoke(run, &connection, &call, "search_records", &input.to_string()).await? {
        Outcome::Done(output) => Ok(output),
        Outcome::Pending(_) => bail!("a search does not pend"),
    }
}

fn script(root: &Path, address: &str, settings: &Value) -> Result<f64> {
    let (host, port) = address.split_once(':').context("an address has a port")?;
    let text = |name: &str| settings.pointer(&format!("/auth/{name}")).and_then(Value::as_str).unwrap_or_default();
    let output = Command::new("python3")
        .arg(root.join("benchmarks/peer.py"))
        .args([host, port, text("username"), text("password"), &PAGES.to_string()])
        .output()
        .context("python3 is needed as the peer")?;
    let told: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the peer failed: {}", String::from_utf8_lossy(&output.stderr)))?;
    let number = |name: &str| told.get(name).and_then(Value::as_f64).context("the peer tells no number");
    Ok(number("records")? / number("seconds")?)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn mebibytes(bytes: usize) -> f64 {
    u32::try_from(bytes / 1024).map_or(f64::NAN, f64::from) / 1024.0
}
