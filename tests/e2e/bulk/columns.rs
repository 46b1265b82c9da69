//! The zip that the pod received, opened by other people's code: each column stands where the pod's control file
//! has it. The order is the simulator's own, which nothing of the connector made.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::sample::{journals, payables};
use super::{Caller, get};
use crate::stage::Stage;

const LAYOUTS: &str = include_str!("../../../fusion-sim/metadata/fbdi.layouts.txt");

/// Python's own zip and CSV readers: files with their rows, and nothing but files at the root.
const PYTHON: &str = r#"
import csv, io, json, sys, zipfile
archive = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
assert archive.testzip() is None
read = lambda name: list(csv.reader(io.StringIO(archive.read(name).decode("utf-8"), newline="")))
print(json.dumps({name: read(name) for name in archive.namelist()}))
"#;

/// Names and kinds of a file's columns, in order; a column that nobody names has neither.
fn layout(file: &str) -> Vec<(String, String)> {
    let mut lines = LAYOUTS.lines().skip_while(|line| !line.starts_with(&format!("F\t{file}\t"))).skip(1);
    let words = lines.by_ref().take_while(|line| !line.starts_with("F\t")).flat_map(str::split_whitespace);
    let mut columns = Vec::new();
    for word in words {
        let word = word.trim_end_matches('!');
        let (names, kind) = word.split_once(':').unwrap_or((word, ""));
        if let Some(count) = names.strip_prefix("-*") {
            columns.extend((0..count.parse().unwrap()).map(|_| (String::new(), String::new())));
        } else if let Some((name, last)) = names.split_once("..") {
            let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
            let first: u32 = name.strip_prefix(stem).unwrap().parse().unwrap();
            columns.extend((first..=last.parse().unwrap()).map(|at| (format!("{stem}{at}"), kind.to_owned())));
        } else {
            columns.push((names.to_owned(), kind.to_owned()));
        }
    }
    columns
}

/// A value that fits the column and tells its place where it is wide enough.
fn value(at: usize, kind: &str) -> String {
    match kind {
        "n" => format!("{at}.25"),
        "i" => at.to_string(),
        "d" | "s" => format!("20{:02}/{:02}/{:02}", 10 + at / 28 % 80, 1 + at % 12, 1 + at % 28),
        "u" => format!("{:02}/{:02}/2026", 1 + at % 12, 1 + at % 28),
        text => {
            let width: usize = text.strip_prefix('t').map_or(40, |width| width.parse().unwrap());
            let all = format!("c{at}, \"ü\"");
            if width >= 12 { all } else { "Y".chars().take(width).collect() }
        }
    }
}

/// Every column filled, in an order of its own, with a header row.
fn csv(columns: &[(String, String)], fixed: &BTreeMap<&str, &str>) -> (String, Vec<String>) {
    let filled: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, (name, kind))| match fixed.get(name.as_str()) {
            _ if name.is_empty() => String::new(),
            Some(fixed) => (*fixed).to_owned(),
            None => value(at + 1, kind),
        })
        .collect();
    let mut order: Vec<usize> = (0..columns.len()).filter(|at| !columns[*at].0.is_empty()).collect();
    order.sort_by_key(|at| (at * 7919) % 1009);
    let line = |cell: &dyn Fn(usize) -> String| {
        order.iter().map(|at| format!("\"{}\"", cell(*at).replace('"', "\"\""))).collect::<Vec<_>>().join(",") + "\n"
    };
    (line(&|at| columns[at].0.clone()) + &line(&|at| filled[at].clone()), filled)
}

/// What the pod received, as Python reads it.
fn received(stage: &Stage, document: &str) -> BTreeMap<String, Vec<Vec<String>>> {
    let path = format!("/fscmRestApi/resources/11.13.18.05/erpintegrations?finder=DocumentRF;docId={document}");
    let told = get(stage.pod.as_ref().unwrap(), &path);
    let bytes = STANDARD.decode(told["items"][0]["DocumentContent"].as_str().unwrap()).unwrap();
    let mut python = Command::new("python3")
        .args(["-c", PYTHON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 opens the zip");
    python.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn compare(object: Value, files: &[(&str, BTreeMap<&str, &str>)]) {
    let stage = Stage::sim(json!([]));
    let built: Vec<(&str, (String, Vec<String>))> =
        files.iter().map(|(file, fixed)| (*file, csv(&layout(file), fixed))).collect();
    let mut input = object;
    input["files"] = built.iter().map(|(file, (text, _))| json!({"name": file, "text": text})).collect();
    input["wait"] = false.into();
    let told = Caller::new(&stage, "columns").run("import_bulk_data", &input).unwrap();
    let zip = received(&stage, told["document_id"].as_str().unwrap());
    assert_eq!(zip.len(), files.len(), "{:?}", zip.keys());
    for (file, (_, expected)) in built {
        let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        while expected.last().is_some_and(|cell| cell.is_empty()) {
            expected.pop();
        }
        let rows = &zip[file];
        assert_eq!(rows.len(), 1, "{file}");
        for (at, (name, _)) in layout(file).iter().enumerate().take(expected.len()) {
            assert_eq!(rows[0].get(at).map(String::as_str), Some(expected[at]), "{file} {} {name}", at + 1);
        }
        assert_eq!(rows[0].len(), expected.len(), "{file}");
    }
}

#[test]
fn invoices_and_their_lines_stand_in_the_published_order() {
    let header = BTreeMap::from([
        ("INVOICE_ID", "77"),
        ("SOURCE", "Manual Invoice Entry"),
        ("INVOICE_AMOUNT", "5.25"),
        ("GROUP_ID", "44"),
    ]);
    let line = BTreeMap::from([("INVOICE_ID", "77"), ("AMOUNT", "5.25")]);
    compare(payables(json!({})), &[("ApInvoicesInterface.csv", header), ("ApInvoiceLinesInterface.csv", line)]);
}

#[test]
fn journal_lines_stand_in_the_published_order() {
    let line = BTreeMap::from([
        ("STATUS", "NEW"),
        ("USER_JE_SOURCE_NAME", "Spreadsheet"),
        ("GROUP_ID", "44"),
        ("ENTERED_DR", "7"),
        ("ENTERED_CR", "7"),
        ("LEDGER_ID", "300000046975971"),
    ]);
    let mut object = journals(&[]);
    object.as_object_mut().unwrap().remove("rows");
    compare(object, &[("GlInterface.csv", line)]);
}

#[test]
fn suppliers_and_their_sites_stand_in_the_published_order() {
    for (object, file) in [
        ("suppliers", "PozSuppliersInt.csv"),
        ("supplier_addresses", "PozSupAddressesInt.csv"),
        ("supplier_sites", "PozSupplierSitesInt.csv"),
    ] {
        compare(json!({"object": object}), &[(file, BTreeMap::from([("IMPORT_ACTION", "CREATE")]))]);
    }
}
