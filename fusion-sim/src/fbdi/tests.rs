//! Loads and imports as a person would see them: what was uploaded, what the pod has afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod invoices;
mod journals;
mod loads;
mod suppliers;

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;

use super::*;
use crate::metadata;
use crate::model::{Resource, Root, Row, Value};
use crate::store::Options;

const INVOICES: &str = "/oracle/apps/ess/financials/payables/invoices/transactions,APXIIMPT";

fn store() -> Store {
    Store::new(Options { seed: 1, invoices: 50, start: now() })
}

fn now() -> Timestamp {
    "2026-07-01T12:00:00Z".parse().unwrap()
}

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn parameters(list: &str) -> Vec<Option<String>> {
    list.split(',').map(|part| (part != "#NULL" && !part.is_empty()).then(|| part.to_owned())).collect()
}

fn run(store: &mut Store, interface_id: u32, document: &[u8], job: &str, list: &str, request: u64) -> Loaded {
    let parameters = parameters(list);
    let load = Load {
        interface_id,
        document,
        file_name: "upload.zip",
        job,
        parameters: &parameters,
        load_request_id: request,
        child_ids: &[request + 2, request + 3, request + 7],
        now: now(),
        user: "casey.brown",
    };
    super::load(store, &load)
}

/// A line of CSV with these columns set, and the others quoted and empty as in a template.
fn csv(table: &str, cells: &[(&str, &str)]) -> String {
    let layout = layout::of_table(table).unwrap();
    for (name, _) in cells {
        assert!(layout.place(name).is_some(), "{name}");
    }
    let value = |column: &layout::Column| {
        let name = column.name.as_deref().unwrap_or_default();
        cells.iter().find(|(wanted, _)| *wanted == name).map_or("", |(_, value)| value)
    };
    let line: Vec<String> = layout.columns.iter().map(|column| format!("\"{}\"", value(column))).collect();
    format!("{}\n", line.join(","))
}

fn resource(name: &str) -> &'static Resource {
    metadata::resource(Root::Fscm, name).unwrap()
}

fn find(store: &Store, of: &str, attribute: &str, value: &str) -> Vec<Row> {
    let resource = resource(of);
    store.scan(resource).filter(|row| row.get(resource, attribute) == Some(&value.into())).collect()
}
