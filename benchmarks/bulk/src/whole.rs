//! The component in the harness, as a whole process, beside `zip -6`: rounds in turn, medians.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::files::{self, HEADERS, LINES};
use super::{lossy, pod, theirs};

const ROUNDS: usize = 9;
/// The exit status of a job that goes on.
const PENDING: i32 = 5;

/// Prints the table.
///
/// # Errors
/// Where a file cannot be written, a process fails, or less than the archive arrives.
pub fn run(harness: &Path, component: &Path, megabytes: u64) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("bench-bulk-{}", std::process::id()));
    let measured = measured(harness, component, megabytes, &folder);
    let _ = std::fs::remove_dir_all(&folder);
    measured
}

fn measured(harness: &Path, component: &Path, megabytes: u64, folder: &Path) -> Result<()> {
    let lent = folder.join("lent");
    std::fs::create_dir_all(&lent)?;
    let bytes = files::invoices(&lent, megabytes * 1_000_000, false)?;
    let (address, taken) = pod::start()?;
    let connection = folder.join("pod.json");
    let settings = json!({"host": format!("http://{address}"), "auth": {"type": "basic", "username": "u", "password": "hunter22"}});
    std::fs::write(&connection, settings.to_string())?;
    let (mut ours, mut peer, mut archive, mut sent) = (Vec::new(), Vec::new(), 0, 0);
    let (mut our_work, mut their_work) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (before, worked) = (taken.load(Ordering::Relaxed), work());
        ours.push(load(harness, component, &connection, &lent, &address.to_string(), round)?);
        sent = taken.load(Ordering::Relaxed) - before;
        let between = work();
        our_work.push(between.saturating_sub(worked));
        let (time, size) = theirs(&lent)?;
        peer.push(time);
        their_work.push(work().saturating_sub(between));
        archive = size;
    }
    // Four letters for three bytes.
    let zipped = sent / 4 * 3;
    ensure!(zipped > archive / 2, "{sent} bytes arrived, and the archive of the peer has {archive}");
    let (ours, peer) = (median(&mut ours)?, median(&mut peer)?);
    let speed = |time: Duration| lossy(bytes) / 1e6 / time.as_secs_f64();
    println!("input                                    {:>10.1} MB", lossy(bytes) / 1e6);
    println!("harness, from start to sent              {:>10.1} MB/s {zipped:>12} bytes", speed(ours));
    println!("zip -6                                   {:>10.1} MB/s {archive:>12} bytes", speed(peer));
    println!("ratio of speed (goal: at least 1.0)      {:>10.2}", speed(ours) / speed(peer));
    let (ours, peer) = (median(&mut our_work)?, median(&mut their_work)?);
    if peer > Duration::ZERO {
        // On a machine that does other things as well the clock tells little.
        println!("processor time of both                   {:>8.2} s, {:.2} s", ours.as_secs_f64(), peer.as_secs_f64());
        println!("ratio of processor time                  {:>10.2}", peer.as_secs_f64() / ours.as_secs_f64());
    }
    println!("ratio of size (goal: at most 1.03)       {:>10.3}", lossy(zipped) / lossy(archive));
    Ok(())
}

fn load(
    harness: &Path,
    component: &Path,
    connection: &Path,
    lent: &Path,
    authority: &str,
    round: usize,
) -> Result<Duration> {
    let input = json!({"object": "ap_invoices",
        "parameters": {"business_unit_id": "1", "ledger_id": "2", "source": "BENCH"},
        "files": [{"path": HEADERS, "name": HEADERS}, {"path": LINES, "name": LINES}]});
    let started = Instant::now();
    let output = Command::new(harness)
        .args(["run", "import_bulk_data", "--no-wait", "--input", &input.to_string()])
        .args(["--call-id", &format!("bench-{round}"), "--allow-http", authority])
        .arg("--component")
        .arg(component)
        .arg("--connection")
        .arg(connection)
        .arg("--files")
        .arg(lent)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{} does not start", harness.display()))?;
    let time = started.elapsed();
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(PENDING), "the harness ended with {}: {told}", output.status);
    Ok(time)
}

/// Processor time of the processes that were started and have ended; nothing where the system does not tell.
fn work() -> Duration {
    let told = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = told.rsplit(')').next().unwrap_or_default().split_whitespace();
    // `cutime` and `cstime` of proc(5), in hundredths of a second.
    let ticks: u64 = fields.skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn median(times: &mut [Duration]) -> Result<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied().context("no round was run")
}
