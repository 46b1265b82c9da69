//! Building a bulk import beside `zip -6` on the same files, in one run: CSV in, base64 out, with reading, checks
//! and repairs on our side and none on the other.
//!
//! `bench-bulk [MEGABYTES] [DIRECTORY]` writes the files, runs both three times in turn and prints the best of
//! each. Compiled for `wasm32-wasip2` it measures our side alone, in whatever runs it: `bench-bulk build DIR`.

use std::collections::BTreeMap;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use oracle_fusion::fusion::fbdi::{Content, InputFile, Options, Source, Urls, build, object};

const HEADERS: &str = "ApInvoicesInterface.csv";
const LINES: &str = "ApInvoiceLinesInterface.csv";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, lent] = arguments.as_slice()
        && command == "build"
    {
        let (time, size) = ours(Path::new(lent))?;
        println!("{} ms, {size} bytes", time.as_millis());
        return Ok(());
    }
    let megabytes: u64 = arguments.first().map_or(Ok(120), |text| text.parse())?;
    let lent = arguments.get(1).map_or_else(|| std::env::temp_dir().join("bench-bulk"), PathBuf::from);
    std::fs::create_dir_all(&lent)?;
    let bytes = write_files(&lent, megabytes * 1_000_000)?;
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

/// From the files to the last byte of base64.
fn ours(lent: &Path) -> Result<(Duration, u64)> {
    let file = |name: &'static str| InputFile { name: name.into(), content: Content::Path(name.into()) };
    let parameters: BTreeMap<String, String> = [("business_unit_id", "1"), ("ledger_id", "2"), ("source", "BENCH")]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
    let started = Instant::now();
    let options = Options { call_id: "bench", group_id: None, parameters: &parameters, lent: Some(lent) };
    let source = Source::Files(vec![file(HEADERS), file(LINES)]);
    let invoices = object("ap_invoices").context("there are no invoices")?;
    let built = match build(invoices, &source, &options, &NoUrls) {
        Ok(built) => built,
        Err(failure) => bail!("{}", failure.problem.message),
    };
    ensure!(!built.is_refused(), "refused: {:?}", built.findings.first());
    let mut base64 = built.archive.base64_reader()?;
    let sent = std::io::copy(&mut base64, &mut std::io::sink())?;
    ensure!(sent == built.archive.base64_len(), "the length of the body is another than said");
    Ok((started.elapsed(), built.archive.len()))
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

/// Invoices with two lines each, all columns of the layouts, mostly empty, as interface files are.
fn write_files(lent: &Path, most: u64) -> Result<u64> {
    let invoices = object("ap_invoices").context("there are no invoices")?;
    let layouts = invoices.files();
    let [heads, lines] = layouts.as_slice() else { bail!("invoices have two files") };
    let create = |name: &str| std::fs::File::create(lent.join(name)).map(BufWriter::new);
    let (mut head_file, mut line_file) = (create(HEADERS)?, create(LINES)?);
    let titles = |layout: &oracle_fusion::fusion::fbdi::layout::FileLayout| {
        layout.columns.iter().map(|column| column.name()).collect::<Vec<_>>().join(",")
    };
    writeln!(head_file, "{}", titles(heads))?;
    writeln!(line_file, "{}", titles(lines))?;
    let mut seed = 88_172_645_463_325_252_u64;
    let mut random = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut written = 0;
    let mut number = 300_000_000_u64;
    let row = |layout: &oracle_fusion::fusion::fbdi::layout::FileLayout, cells: &[(&str, String)]| {
        let mut row = vec![""; layout.columns.len()];
        for (name, value) in cells {
            if let Some(place) = layout.position(name).and_then(|at| row.get_mut(at)) {
                *place = value;
            }
        }
        row.join(",")
    };
    while written < most {
        number += 1 + random(3);
        let (first, second) = (100 + random(900_000), 100 + random(90_000));
        let amount = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
        let date = format!("2026/{:02}/{:02}", 1 + random(12), 1 + random(28));
        let head = row(
            heads,
            &[
                ("INVOICE_ID", number.to_string()),
                ("OPERATING_UNIT", format!("Vision Operations {}", random(4))),
                ("SOURCE", "BENCH".into()),
                ("INVOICE_NUM", format!("INV-{number}-{}", random(10_000))),
                ("INVOICE_AMOUNT", amount(first + second)),
                ("INVOICE_DATE", date.clone()),
                ("VENDOR_NAME", format!("Supplier {} & Sons", random(5000))),
                ("VENDOR_NUM", (10_000 + random(5000)).to_string()),
                ("VENDOR_SITE_CODE", format!("SITE{}", random(9))),
                ("INVOICE_CURRENCY_CODE", "USD".into()),
                ("DESCRIPTION", format!("Goods and services of order {}", random(1_000_000))),
                ("INVOICE_TYPE_LOOKUP_CODE", "STANDARD".into()),
                ("TERMS_NAME", "Immediate".into()),
                ("GL_DATE", date.clone()),
            ],
        );
        writeln!(head_file, "{head}")?;
        written += u64::try_from(head.len())? + 1;
        for (index, cents) in [first, second].into_iter().enumerate() {
            let line = row(
                lines,
                &[
                    ("INVOICE_ID", number.to_string()),
                    ("LINE_NUMBER", (index + 1).to_string()),
                    ("LINE_TYPE_LOOKUP_CODE", "ITEM".into()),
                    ("AMOUNT", amount(cents)),
                    ("DESCRIPTION", format!("Item {}", random(100_000))),
                    ("DIST_CODE_CONCATENATED", format!("101.10.{}.110.000.000", 60_000 + random(2000))),
                    ("ACCOUNTING_DATE", date.clone()),
                ],
            );
            writeln!(line_file, "{line}")?;
            written += u64::try_from(line.len())? + 1;
        }
    }
    head_file.flush()?;
    line_file.flush()?;
    Ok(std::fs::metadata(lent.join(HEADERS))?.len() + std::fs::metadata(lent.join(LINES))?.len())
}

#[allow(clippy::cast_precision_loss)]
fn lossy(number: u64) -> f64 {
    number as f64
}
