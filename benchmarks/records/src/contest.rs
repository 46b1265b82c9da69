//! Rounds, medians, and the table of them.

use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;

use crate::reader::Reader;

/// What one reader came to.
#[derive(Serialize)]
pub struct Standing {
    name: &'static str,
    /// Median of the rounds.
    seconds: f64,
    fastest: f64,
    slowest: f64,
    records_per_second: f64,
    /// How many times as fast the first reader is.
    times: f64,
}

/// All of them.
#[derive(Serialize)]
pub struct Table {
    /// Records that each read.
    pub records: usize,
    /// Bytes of a record.
    pub bytes: usize,
    /// Whether a member stood on a line of its own.
    pub pretty: bool,
    /// In the order of the table; the first is the one that the others are compared with.
    pub results: Vec<Standing>,
}

/// Checks every reader, then lets them take turns.
///
/// # Errors
/// Where a reader fails, or does not print every record once.
pub fn run(readers: &[Reader], records: usize, rounds: usize) -> Result<Vec<Standing>> {
    for reader in readers {
        check(reader, records).with_context(|| format!("{} is no peer", reader.name))?;
    }
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); readers.len()];
    for _ in 0..rounds.max(1) {
        for (reader, times) in readers.iter().zip(&mut times) {
            let started = Instant::now();
            let status = reader.command().stdout(Stdio::null()).status()?;
            times.push(started.elapsed());
            if !status.success() {
                bail!("{} failed ({status})", reader.name);
            }
        }
    }
    let count = f64::from(u32::try_from(records)?);
    let mut first = None;
    let mut results = Vec::new();
    for (reader, mut times) in readers.iter().zip(times) {
        times.sort_unstable();
        let at = |index: usize| times.get(index).map_or(f64::NAN, Duration::as_secs_f64);
        let seconds = at(times.len() / 2);
        results.push(Standing {
            name: reader.name,
            seconds,
            fastest: at(0),
            slowest: at(times.len() - 1),
            records_per_second: count / seconds,
            times: seconds / *first.get_or_insert(seconds),
        });
    }
    Ok(results)
}

/// Every record is there once and in order.
fn check(reader: &Reader, records: usize) -> Result<()> {
    let mut child = reader.command().stdout(Stdio::piped()).spawn().context("it cannot be started")?;
    let output = child.stdout.take().context("it has an output")?;
    let (mut lines, mut last) = (0, 0);
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        if reader.lines {
            let record: Value = serde_json::from_slice(&line)?;
            let key = key(&record).context("a record has its key")?;
            if key <= last {
                bail!("{key} comes after {last}");
            }
            (lines, last) = (lines + 1, key);
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("it failed ({status})");
    }
    if reader.lines && lines != records {
        bail!("it printed {lines} of {records} records");
    }
    Ok(())
}

fn key(record: &Value) -> Option<u64> {
    record.get("InvoiceId")?.as_u64()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spelling = if self.pretty { "a member a line" } else { "compact" };
        writeln!(f, "{} records of {} bytes ({spelling}), in pages of 500, whole process", self.records, self.bytes)?;
        writeln!(f, "{:<30} {:>9} {:>19} {:>12} {:>7}", "", "median", "fastest..slowest", "records/s", "times")?;
        for told in &self.results {
            let spread = format!("{:.3}..{:.3} s", told.fastest, told.slowest);
            writeln!(
                f,
                "{:<30} {:>7.3} s {spread:>19} {:>12.0} {:>7.2}",
                told.name, told.seconds, told.records_per_second, told.times
            )?;
        }
        Ok(())
    }
}
