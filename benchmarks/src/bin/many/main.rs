//! `cargo xtask bench run-all`: ten thousand connections that one process polls, and what each of them costs.
//!
//! The pod is `harness sim`, a process of its own, over TCP. All connections lead to it, each with a user of its
//! own: the pod does not look at capitals, so one name can be written in as many ways as are wanted, and to the
//! host each is another connection with settings, policy, session, cursor and line in the queue of its own.
//! Everybody is due again after a second, which nobody can keep: what is measured is the runner at its limit. A
//! tenth of the connections is polled first, so that what grows with them is told from what does not.

mod watched;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use serde::Serialize;

use watched::{Pod, polled};

#[derive(Parser)]
#[command(about = "Many connections polled by one process")]
struct Arguments {
    /// How many connections; a tenth of them is polled first.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// How many times everybody is polled while the clock runs.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Addresses that they are spread over, as if there were so many pods. Each connection knows all of them, since
    /// each is allowed by a flag, so memory is told with one alone.
    #[arg(long, default_value_t = 1)]
    hosts: usize,
    /// Turns that run at once.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// The harness.
    #[arg(long, default_value = "dist/harness")]
    harness: PathBuf,
    /// The component.
    #[arg(long, default_value = "dist/oracle-fusion.wasm")]
    component: PathBuf,
    /// The figures as JSON on standard output.
    #[arg(long)]
    json: bool,
}

/// What came of so many connections.
#[derive(Serialize)]
struct Figures {
    connections: usize,
    /// From the start of the process until it had read them all.
    start_seconds: f64,
    polls_per_second: f64,
    /// Resident set once everybody was polled as often as asked.
    resident_mib: f64,
    /// Its highest.
    peak_mib: f64,
    threads: u64,
    open_files: usize,
    /// Milliseconds of processor time of the process for each poll.
    cpu_ms_a_poll: f64,
    /// How old what is known of a connection becomes before it is polled again.
    median_lag_seconds: f64,
    slowest_lag_seconds: f64,
    failures: u64,
}

#[derive(Serialize)]
struct Answer {
    runs: Vec<Figures>,
    kib_a_connection: f64,
    slowest_to_median_lag: f64,
}

fn main() -> Result<()> {
    let asked = Arguments::parse();
    let (harness, component) = (std::path::absolute(&asked.harness)?, std::path::absolute(&asked.component)?);
    let pod = Pod::start(&harness, asked.hosts)?;
    let mut runs = Vec::new();
    for connections in [(asked.connections / 10).max(1), asked.connections] {
        runs.push(run(&asked, &harness, &component, &pod, connections)?);
    }
    let answer = summed(runs).context("nothing was measured")?;
    if asked.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print(&answer);
    }
    Ok(())
}

fn run(asked: &Arguments, harness: &Path, component: &Path, pod: &Pod, connections: usize) -> Result<Figures> {
    let folder = tempfile::tempdir()?;
    let pods = folder.path().join("pods");
    std::fs::create_dir(&pods)?;
    for number in 0..connections {
        watched::write(&pods.join(format!("{number:06}.json")), &pod.settings(number).to_string())?;
    }
    let config = serde_json::json!({
        "state": "state.db",
        "at_once": asked.at_once,
        "per_pod": asked.at_once,
        "connections": {"many": {"folder": "pods"}},
        "sinks": {"log": {"type": "file", "path": "events.ndjson"}},
        "subscriptions": [{
            "name": "invoices", "connection": "many", "trigger": "new_or_updated_record", "sink": "log",
            "input": {"resource": "invoices", "since": "now"}, "at_least": "1s", "at_most": "1s",
        }],
    });
    std::fs::write(folder.path().join("all.json"), config.to_string())?;
    let allowed = pod.authorities().into_iter().flat_map(|authority| ["--allow-http".to_owned(), authority]);
    let arguments: Vec<String> = allowed.chain(["run-all", "--config", "all.json"].map(str::to_owned)).collect();
    polled(harness, component, folder.path(), &arguments, connections, asked.rounds)
}

fn summed(runs: Vec<Figures>) -> Option<Answer> {
    let (few, many) = (runs.first()?, runs.last()?);
    let more = u32::try_from(many.connections.saturating_sub(few.connections)).map_or(f64::NAN, f64::from);
    let kib_a_connection = (many.resident_mib - few.resident_mib) * 1024.0 / more;
    let slowest_to_median_lag = many.slowest_lag_seconds / many.median_lag_seconds;
    Some(Answer { kib_a_connection, slowest_to_median_lag, runs })
}

fn print(answer: &Answer) {
    println!(
        "{:>11} {:>8} {:>8} {:>12} {:>12} {:>9} {:>7} {:>6} {:>9} {:>10} {:>8}",
        "connections",
        "start s",
        "polls/s",
        "ms CPU/poll",
        "resident MiB",
        "peak MiB",
        "threads",
        "files",
        "lag, s",
        "slowest, s",
        "failures"
    );
    for one in &answer.runs {
        println!(
            "{:>11} {:>8.1} {:>8.0} {:>12.2} {:>12.1} {:>9.1} {:>7} {:>6} {:>9.2} {:>10.2} {:>8}",
            one.connections,
            one.start_seconds,
            one.polls_per_second,
            one.cpu_ms_a_poll,
            one.resident_mib,
            one.peak_mib,
            one.threads,
            one.open_files,
            one.median_lag_seconds,
            one.slowest_lag_seconds,
            one.failures
        );
    }
    println!("memory for each further connection {:>10.1} KiB", answer.kib_a_connection);
    println!("slowest lag against the median     {:>10.2}", answer.slowest_to_median_lag);
}
