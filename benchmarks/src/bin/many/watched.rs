//! The two processes: the pod that serves, and the runner while it is looked at from outside.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use host_harness::state::Reader;
use host_harness::state::trail::{EntryKind, Wanted};
use jiff::Timestamp;
use serde_json::Value;

use crate::Figures;

/// How often the state file is looked into.
const LOOK: Duration = Duration::from_secs(1);
/// Nothing takes longer than this.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// The unit of processor time in `/proc`.
const TICKS: f64 = 100.0;

/// A process that ends with this value.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A simulated pod in a process of its own.
pub struct Pod {
    _process: Owned,
    settings: Value,
    port: String,
    hosts: usize,
}

impl Pod {
    /// Starts it on a free port, under as many addresses of this machine as asked.
    pub fn start(harness: &Path, hosts: usize) -> Result<Self> {
        let listen = if hosts > 1 { "0.0.0.0:0" } else { "127.0.0.1:0" };
        let mut child = Command::new(harness)
            .args(["sim", "--listen", listen])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} cannot be started", harness.display()))?;
        let out = child.stdout.take().context("the pod says nothing")?;
        let process = Owned(child);
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let settings: Value = serde_json::from_str(&line).context("the pod told no settings")?;
        let host = settings.get("host").and_then(Value::as_str).context("the settings name no host")?;
        let port = host.rsplit(':').next().context("its host has no port")?.to_owned();
        Ok(Self { _process: process, settings, port, hosts: hosts.max(1) })
    }

    /// Host and port of each of its addresses.
    pub fn authorities(&self) -> Vec<String> {
        (0..self.hosts).map(|number| self.authority(number)).collect()
    }

    fn authority(&self, number: usize) -> String {
        let number = number % self.hosts;
        format!("127.0.{}.{}:{}", number / 250, number % 250 + 1, self.port)
    }

    /// Settings with a user of their own: the number in the capitals of the name.
    pub fn settings(&self, number: usize) -> Value {
        let mut settings = self.settings.clone();
        if let Some(host) = settings.get_mut("host") {
            *host = format!("http://{}", self.authority(number)).into();
        }
        if let Some(Value::String(name)) = settings.pointer_mut("/auth/username") {
            let mut left = number;
            *name = name
                .chars()
                .map(|letter| {
                    let capital = letter.is_ascii_alphabetic() && left % 2 == 1;
                    left /= if letter.is_ascii_alphabetic() { 2 } else { 1 };
                    if capital { letter.to_ascii_uppercase() } else { letter }
                })
                .collect();
        }
        settings
    }
}

/// Writes a file with secrets as one should be.
pub fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text)?;
    #[cfg(unix)]
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

/// Has everybody polled once, and then as often as asked while the clock runs.
pub fn polled(
    harness: &Path,
    component: &Path,
    folder: &Path,
    arguments: &[String],
    connections: usize,
    rounds: usize,
) -> Result<Figures> {
    let started = Instant::now();
    let child = Command::new(harness)
        .arg("--component")
        .arg(component)
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut process = Owned(child);
    let state = folder.join("state.db");
    let errors = process.0.stderr.take().context("the runner says nothing")?;
    let mut told = BufReader::new(errors);
    let mut line = String::new();
    told.read_line(&mut line)?;
    ensure!(line.starts_with("Following"), "the runner says: {line}");
    let start = started.elapsed();
    let telling = std::thread::spawn(move || {
        let mut rest = String::new();
        let _ = told.read_to_string(&mut rest);
        rest
    });
    let first = usize::try_from(wait(&mut process, &state, connections, |_, least| least >= 1)?)?;
    let (from, before) = (Timestamp::now().as_millisecond(), processor(&process)?);
    let wanted = first + connections * rounds;
    wait(&mut process, &state, connections, |all, _| usize::try_from(all).is_ok_and(|all| all >= wanted))?;
    let to = Timestamp::now().as_millisecond();
    let spent = processor(&process)? - before;
    let known = std::fs::read_to_string(format!("/proc/{}/status", process.0.id()))?;
    let open_files = std::fs::read_dir(format!("/proc/{}/fd", process.0.id()))?.count();
    let number = |name: &str| -> Result<u64> {
        let line = known.lines().find_map(|line| line.strip_prefix(name)).context("not a Linux")?;
        Ok(line.trim_start_matches(':').split_whitespace().next().context("no number")?.parse()?)
    };
    let figures = Lags::read(&state, from, to)?;
    let seconds = float(to - from) / 1000.0;
    let polls = float(i64::try_from(figures.polls)?);
    ensure!(Command::new("kill").args(["-TERM", &process.0.id().to_string()]).status()?.success(), "it has ended");
    let ended = process.0.wait()?;
    let rest = telling.join().unwrap_or_default();
    ensure!(ended.success(), "the runner ended with {ended}: {rest}");
    Ok(Figures {
        connections,
        start_seconds: start.as_secs_f64(),
        polls_per_second: polls / seconds,
        resident_mib: float(i64::try_from(number("VmRSS")?)?) / 1024.0,
        peak_mib: float(i64::try_from(number("VmHWM")?)?) / 1024.0,
        threads: number("Threads")?,
        open_files,
        cpu_ms_a_poll: spent * 1000.0 / polls,
        median_lag_seconds: figures.median,
        slowest_lag_seconds: figures.slowest,
        failures: figures.failures,
    })
}

/// Waits until all polls, and those of the one with the fewest, are enough. Answers all polls.
fn wait(process: &mut Owned, state: &Path, connections: usize, enough: impl Fn(u64, u64) -> bool) -> Result<u64> {
    let started = Instant::now();
    loop {
        std::thread::sleep(LOOK);
        if let Some(ended) = process.0.try_wait()? {
            bail!("the runner ended with {ended}");
        }
        ensure!(started.elapsed() < PATIENCE, "it takes too long");
        let Ok(reader) = Reader::open(state) else { continue };
        let streams = reader.streams(Timestamp::now().as_millisecond())?;
        let polls = || streams.iter().map(|seen| seen.progress.polls);
        let least = if streams.len() < connections { 0 } else { polls().min().unwrap_or_default() };
        let all = polls().sum();
        if enough(all, least) {
            return Ok(all);
        }
    }
}

/// Processor seconds that it has spent.
fn processor(process: &Owned) -> Result<f64> {
    let known = std::fs::read_to_string(format!("/proc/{}/stat", process.0.id()))?;
    // The name of the program may hold spaces and ends with a bracket.
    let fields = known.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<i64>);
    Ok(float(ticks.sum::<Result<i64, _>>()?) / TICKS)
}

/// What the trail tells of a span of time.
struct Lags {
    polls: u64,
    failures: u64,
    median: f64,
    slowest: f64,
}

impl Lags {
    /// Each connection's longest time between two polls: its lag just before the second.
    fn read(state: &Path, from: i64, to: i64) -> Result<Self> {
        let mut last: HashMap<String, (i64, i64)> = HashMap::new();
        let (mut polls, mut failures) = (0, 0);
        let wanted = Wanted { from_ms: Some(from), to_ms: Some(to), kind: Some(EntryKind::Call), ..Wanted::default() };
        Reader::open(state)?.trail(&wanted, &mut |entry| {
            polls += 1;
            failures += u64::from(entry.outcome.as_deref() != Some("done"));
            // Who was polled long before the clock ran is as late as who was not polled since.
            let (at, longest) = last.entry(entry.connection).or_insert((entry.at_ms, 0));
            *longest = (*longest).max(entry.at_ms - *at);
            *at = entry.at_ms;
            true
        })?;
        let mut lags: Vec<i64> = last.into_values().map(|(at, longest)| longest.max(to - at)).collect();
        lags.sort_unstable();
        let median = lags.get(lags.len() / 2).copied().context("nobody was polled")?;
        let slowest = lags.last().copied().unwrap_or(median);
        Ok(Self { polls, failures, median: float(median) / 1000.0, slowest: float(slowest) / 1000.0 })
    }
}

fn float(number: i64) -> f64 {
    i32::try_from(number).map_or(f64::NAN, f64::from)
}
