//! The native peer: what one writes in Rust without thinking about it, `reqwest` and `serde_json::Value`, a page
//! at a time over one connection, one record a line. Its argument is the address of the collection.

use std::io::Write as _;

use anyhow::{Context, Result};
use serde_json::Value;

fn main() -> Result<()> {
    let address = std::env::args().nth(1).context("give the address of the collection")?;
    let client = reqwest::blocking::Client::new();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut last = 0;
    loop {
        let page = format!("{address}?onlyData=true&orderBy=InvoiceId:asc&limit=500&q=InvoiceId%20%3E%20{last}");
        let body = client.get(page).basic_auth("bench", Some("bench")).send()?.error_for_status()?.bytes()?;
        let page: Value = serde_json::from_slice(&body)?;
        let rows = page.get("items").and_then(Value::as_array).context("a page has items")?;
        for row in rows {
            serde_json::to_writer(&mut out, row)?;
            out.write_all(b"\n")?;
        }
        if page.get("hasMore") != Some(&Value::Bool(true)) {
            break;
        }
        last = rows.last().and_then(|row| row.get("InvoiceId")?.as_u64()).context("a row has its key")?;
    }
    out.flush()?;
    Ok(())
}
