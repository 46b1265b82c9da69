//! A million records through the command: each one once, in memory that does not grow with them.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::stage::component;

const ROWS: u64 = 1_000_000;
/// What the whole process may hold at its peak, the simulated pod within it; 40 MB were measured.
const PEAK: u64 = 120 << 20;
/// Processor time in hundredths of a second, of which the simulated pod takes most; 22 s were measured.
const TICKS: u64 = 60 * 100;

fn harness(folder: &Path, arguments: &[&str]) -> Child {
    let harness = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/harness");
    assert!(harness.is_file(), "{} is not built: run `cargo xtask build`", harness.display());
    Command::new(harness)
        .args(arguments)
        .args(["--component", component().to_str().unwrap()])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The most that the process has held so far, in bytes, where the system tells it.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

/// The processor time that the process has taken, in hundredths of a second.
fn ticks(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    // utime and stime, the 14th and 15th field of all.
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

#[test]
fn a_million_records_come_once_each_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("million.json"), format!("{{\"rows\": {ROWS}}}")).unwrap();
    // The first run compiles the component, which takes memory of its own.
    assert!(harness(folder.path(), &["describe", "--json"]).wait_with_output().unwrap().status.success());
    let input = r#"{"resource": "invoices", "fields": ["InvoiceId"], "limit": 10000}"#;
    let sim = ["--connection", "sim", "--scenario", "million.json", "--max-memory", "64MiB", "--ndjson", "--input"];
    let mut child = harness(folder.path(), &[&["run", "search_records"][..], &sim, &[input]].concat());
    let (mut last, mut rows, mut highest) = (0, 0_u64, None);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let id = line.strip_prefix("{\"InvoiceId\":").and_then(|rest| rest.strip_suffix('}'));
        let id: u64 = id.unwrap_or_else(|| panic!("{line}")).trim().parse().unwrap();
        // They come in the order of their keys, so none can come twice.
        assert!(id > last, "{id} after {last}");
        (last, rows) = (id, rows + 1);
        if rows.is_multiple_of(10_000) {
            highest = peak(child.id()).or(highest);
        }
    }
    let taken = ticks(child.id());
    assert!(child.wait().unwrap().success());
    assert_eq!(rows, ROWS);
    if cfg!(target_os = "linux") {
        assert!(highest.unwrap() < PEAK, "{} bytes at the peak", highest.unwrap());
        assert!(taken.unwrap() < TICKS, "{} hundredths of a second", taken.unwrap());
    }
}
