//! A million events through one state file: how it grows, what an event costs, and whether either has a slope.
//!
//! Time is told, ten seconds for each answer of 500 events, so that keys are forgotten after an hour and entries of
//! the trail after two: from then on the file should grow no further, and an event cost what it did before.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use host_harness::contract::triggers::{Event, PollResult};
use host_harness::follow::Teller;
use host_harness::follow::round::{Asked, Start};
use host_harness::state::{SqliteStore, Stream, digest};
use jiff::{SignedDuration, Timestamp};

const EVENTS: u32 = 1_000_000;
const BATCH: u32 = 500;
const PARTS: u32 = 20;

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("state.db");
    let mut store = SqliteStore::open(&file)?.keeping_trail_for(Duration::from_secs(2 * 60 * 60));
    let teller = teller();
    let mut now = Timestamp::UNIX_EPOCH;
    let mut progress = teller.progress(&store, now)?;
    let (mut number, mut cursor, mut costs) = (0_u32, None::<String>, Vec::new());
    println!("{:>10} {:>14} {:>12}", "events", "us an event", "file MiB");
    for part in 1..=PARTS {
        let started = Instant::now();
        for _ in 0..EVENTS / PARTS / BATCH {
            now = now.checked_add(SignedDuration::from_secs(10))?;
            let result = answer(number);
            number += BATCH;
            let asked = Asked { call_id: format!("call-{number}"), at: now, took: Duration::from_millis(5) };
            let next = result.cursor.clone();
            let round = teller.take_in(
                &mut store,
                &asked,
                &Start { cursor: cursor.take(), ..Start::default() },
                result,
                now,
            )?;
            teller.settle(&mut store, &round, &mut progress, now, now)?;
            cursor = Some(next);
        }
        let cost = started.elapsed().as_secs_f64() * 1e6 / f64::from(EVENTS / PARTS);
        let size = mebibytes(&file)?;
        println!("{number:>10} {cost:>14.1} {size:>12.1}");
        costs.push((f64::from(part), cost, size));
    }
    // Once keys and entries are forgotten as fast as they come: the second half.
    let second = costs.split_off(costs.len() / 2);
    let (cost, growth) = (slope(&second, |part| part.1), slope(&second, |part| part.2));
    println!("slope in the second half, for each {} events: {cost:+.3} us an event, {growth:+.3} MiB", EVENTS / PARTS);
    Ok(())
}

fn teller() -> Teller {
    let stream = Stream {
        component: "benchmark".into(),
        connection: digest("{}"),
        trigger: "new_or_updated_record".into(),
        input: digest("{}"),
    };
    Teller {
        stream,
        formerly: String::new(),
        connection: "pod".into(),
        name: "invoices".into(),
        named: true,
        remote: String::new(),
        before: Vec::new(),
        input: "{}".into(),
        shown: "{}".into(),
        bodies: false,
    }
}

/// Keys as long as the connector's: key, time and fingerprint.
fn answer(from: u32) -> PollResult {
    let event = |number: u32| Event {
        dedup_key: format!(
            "{}:2026-01-31T00:00:00.000+00:00:{number:016x}",
            300_000_000_000_000_u64 + u64::from(number)
        ),
        occurred_at: Some("2026-01-31T00:00:00Z".into()),
        payload: "{}".into(),
    };
    PollResult {
        events: (from..from + BATCH).map(event).collect(),
        cursor: format!("{{\"at\":{from}}}"),
        has_more: true,
        next_poll_after_ms: None,
        dedup_for_ms: 3_600_000,
        warnings: Vec::new(),
    }
}

fn mebibytes(file: &std::path::Path) -> Result<f64> {
    let bytes = std::fs::metadata(file)?.len() / 1024;
    Ok(f64::from(u32::try_from(bytes).context("the file is larger than 4 TiB")?) / 1024.0)
}

/// Least squares.
fn slope(parts: &[(f64, f64, f64)], value: impl Fn(&(f64, f64, f64)) -> f64) -> f64 {
    let count = f64::from(u32::try_from(parts.len()).unwrap_or(1));
    let mean = |of: &dyn Fn(&(f64, f64, f64)) -> f64| parts.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(&|part| part.0), mean(&|part| value(part)));
    let above: f64 = parts.iter().map(|part| (part.0 - x) * (value(part) - y)).sum();
    above / parts.iter().map(|part| (part.0 - x).powi(2)).sum::<f64>()
}
