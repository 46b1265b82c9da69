//! Building a bulk import beside `zip -6` on the same files, in one run: CSV in, base64 out, with reading, checks
//! and repairs on our side and none on the other.
//!
//! `bench-bulk [MEGABYTES] [DIRECTORY]` writes the files, runs both three times in turn and prints the best of
//! each. Compiled for `wasm32-wasip2` it measures our side alone, in whatever runs it: `bench-bulk build DIR`.
//!
//! `bench-bulk whole HARNESS COMPONENT [MEGABYTES]` measures the component in the harness, as a process that is
//! started, reads and checks the files, zips them and sends them in base64 to a server, beside `zip -6`.
//!
//! `bench-bulk write DIR MEGABYTES` writes invoices and journals that are faulty at their far end alone, and
//! `bench-bulk faults DIR` finds each of the faults: run as a guest with little memory it shows that memory does
//! not grow with the file.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use oracle_fusion::fusion::fbdi::{Built, Content, InputFile, Options, Severity, Source, Urls, build, object};

mod files;
#[cfg(not(target_family = "wasm"))]
mod pod;
#[cfg(not(target_family = "wasm"))]
mod whole;
use files::{HEADERS, JOURNALS, LINES};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["build", lent] => {
            let (time, size) = ours(Path::new(lent))?;
            println!("{} ms, {size} bytes", time.as_millis());
            return Ok(());
        }
        ["write", lent, megabytes] => {
            std::fs::create_dir_all(lent)?;
            let most = megabytes.parse::<u64>()? * 1_000_000;
            files::invoices(Path::new(lent), most, true)?;
            return files::journals(Path::new(lent), most);
        }
        ["faults", lent] => return faults(Path::new(lent)),
        #[cfg(not(target_family = "wasm"))]
        ["whole", harness, component, more @ ..] => {
            let megabytes = more.first().map_or(Ok(120), |text| text.parse())?;
            return whole::run(Path::new(harness), Path::new(component), megabytes);
        }
        _ => {}
    }
    let megabytes: u64 = arguments.first().map_or(Ok(120), |text| text.parse())?;
    let lent = arguments.get(1).map_or_else(|| std::env::temp_dir().join("bench-bulk"), PathBuf::from);
    std::fs::create_dir_all(&lent)?;
    let bytes = files::invoices(&lent, megabytes * 1_000_000, false)?;
    let (mut best, mut peer) = ((Duration::MAX, 0), (Duration::MAX, 0));
    for _ in 0..3 {
        best = best.min(ours(&lent)?);
        peer = peer.min(theirs(&lent)?);
    }
    let speed = |time: Duration| lossy(bytes) / 1e6 / time.as_secs_f64();
    println!("input                                    {:>10.1} MB", lossy(bytes) / 1e6);
    println!("checked, zipped and base64               {:>10.1} MB/s {:>12} bytes", speed(best.0), best.1);
    println!("zip -6                                   {:>10.1} MB/s {:>12} bytes", speed(peer.0), peer.1);
    println!("ratio of speed (goal: at least 1.0)      {:>10.2}", speed(best.0) / speed(peer.0));
    println!("ratio of size (goal: at most 1.03)       {:>10.3}", lossy(best.1) / lossy(peer.1));
    Ok(())
}

struct NoUrls;
impl Urls for NoUrls {
    fn open<'s>(&'s self, url: &str) -> oracle_fusion::problem::Result<Box<dyn Read + 's>> {
        Err(oracle_fusion::problem::Failure::internal(format!("{url} is not to be read")))
    }
}

fn built(lent: &Path, id: &str, names: &[&'static str], parameters: &[(&str, &str)]) -> Result<Built> {
    let file = |name: &&'static str| InputFile { name: (*name).into(), content: Content::Path((*name).into()) };
    let parameters: BTreeMap<String, String> =
        parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let options = Options { call_id: "bench", group_id: None, parameters: &parameters, lent: Some(lent) };
    let source = Source::Files(names.iter().map(file).collect());
    let object = object(id).with_context(|| format!("there are no {id}"))?;
    match build(object, &source, &options, &NoUrls) {
        Ok(built) => Ok(built),
        Err(failure) => bail!("{}", failure.problem.message),
    }
}

fn invoices(lent: &Path) -> Result<Built> {
    let parameters = [("business_unit_id", "1"), ("ledger_id", "2"), ("source", "BENCH")];
    built(lent, "ap_invoices", &[HEADERS, LINES], &parameters)
}

/// From the files to the last byte of base64.
fn ours(lent: &Path) -> Result<(Duration, u64)> {
    let started = Instant::now();
    let built = invoices(lent)?;
    ensure!(!built.is_refused(), "refused: {:?}", built.findings.first());
    let mut base64 = built.archive.base64_reader()?;
    let sent = std::io::copy(&mut base64, &mut std::io::sink())?;
    ensure!(sent == built.archive.base64_len(), "the length of the body is another than said");
    Ok((started.elapsed(), built.archive.len()))
}

/// Each fault of the far end is found, and no other.
fn faults(lent: &Path) -> Result<()> {
    let journals =
        |lent: &Path| built(lent, "gl_journals", &[JOURNALS], &[("data_access_set_id", "1"), ("ledger_id", "2")]);
    type Build<'b> = &'b dyn Fn(&Path) -> Result<Built>;
    let builds: [(&str, Build<'_>, &[&str]); 2] =
        [("invoices", &invoices, &["duplicate_number", "parent_missing"]), ("journals", &journals, &["unbalanced"])];
    for (what, build, wanted) in builds {
        let built = build(lent)?;
        let rows: u64 = built.counts.iter().map(|(_, rows)| rows).sum();
        println!("{what}: {rows} rows, an archive of {} bytes", built.archive.len());
        let mut found: Vec<&str> = Vec::new();
        for finding in built.findings.iter().filter(|finding| finding.severity == Severity::Refuse) {
            println!("  {} row {}: {}", finding.file, finding.row.unwrap_or_default(), finding.message);
            found.push(finding.code);
        }
        found.sort_unstable();
        ensure!(found == wanted, "found {found:?} instead of {wanted:?}");
    }
    Ok(())
}

fn theirs(lent: &Path) -> Result<(Duration, u64)> {
    let zip = lent.join("peer.zip");
    let _ = std::fs::remove_file(&zip);
    let started = Instant::now();
    let told =
        std::process::Command::new("zip").args(["-6", "-q", "peer.zip", HEADERS, LINES]).current_dir(lent).status();
    ensure!(told.context("zip is needed as the peer")?.success(), "zip failed");
    Ok((started.elapsed(), std::fs::metadata(zip)?.len()))
}

#[allow(clippy::cast_precision_loss)]
fn lossy(number: u64) -> f64 {
    number as f64
}
