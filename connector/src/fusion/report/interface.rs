//! Payables interface rows of a load, with their rejections (FACTS 3.6).

use serde_json::value::RawValue;

use super::{Found, Rejection, codes};
use crate::fusion::address::Address;
use crate::fusion::page::Envelope;
use crate::fusion::pod::{Doing, Pod};
use crate::fusion::query::quote;
use crate::fusion::record::{pick, plain};
use crate::problem::Result;

const RESOURCE: &str = "payablesInterfaceInvoices";
/// Rows asked for at once, and pages that are read at most.
const PAGE: usize = 200;
const PAGES: usize = 5_000;

/// Asks by the load's request, then by the group.
///
/// # Errors
/// Those of a read.
pub fn payables(pod: &Pod, load: &str, group: Option<&str>, found: &mut Found) -> Result<()> {
    if rows(pod, &format!("LoadRequestId = {load}"), found)? {
        return Ok(());
    }
    match group {
        Some(group) => rows(pod, &format!("GroupId = {}", quote(group)), found).map(|_| ()),
        None => Ok(()),
    }
}

/// Answers whether there are any.
fn rows(pod: &Pod, q: &str, found: &mut Found) -> Result<bool> {
    let (mut count, mut imported, mut rejected) = (0, 0, 0);
    let mut only_rejected = false;
    for page in 0..PAGES {
        let of = if only_rejected { format!("{q};Status = 'REJECTED'") } else { q.to_owned() };
        let address = asked(pod, &of)
            .param("expand", "interfaceInvoiceRejections,interfaceInvoiceLines.interfaceInvoiceLineRejections")
            .param("orderBy", "InvoiceId:asc,LoadRequestId:asc")
            .param("limit", &PAGE.to_string())
            .param("offset", &count.to_string());
        let more = page_of(pod, &address, &mut |envelope| {
            for row in &envelope.items {
                count += 1;
                let status = read(row.get(), found);
                match status.as_deref() {
                    Some("PROCESSED") => imported += 1,
                    Some("REJECTED") => rejected += 1,
                    _ => {}
                }
            }
            !envelope.items.is_empty() && envelope.has_more != Some(false)
        })?;
        if !more {
            break;
        }
        // Of a large load the rejected rows are read, and the others counted.
        if page == 0 {
            let address = asked(pod, &format!("{q};Status = 'PROCESSED'")).param("limit", "1");
            let mut total = None;
            // What does not count, or does not know the status, is read to its end.
            let _ = page_of(pod, &address.param("totalResults", "true"), &mut |envelope| {
                total = envelope.total_results;
                false
            });
            if let Some(total) = total {
                (only_rejected, count, rejected, imported) = (true, 0, 0, total);
            }
        }
    }
    if count > 0 || only_rejected {
        found.rejected = Some(rejected);
    }
    if imported > 0 {
        // Where processed rows are purged at once none is left to be counted.
        found.imported = Some(imported);
    }
    Ok(count > 0 || only_rejected)
}

fn asked(pod: &Pod, q: &str) -> Address {
    Address::collection("fscmRestApi", &pod.settings.api_version, RESOURCE).param("q", q)
}

fn page_of(pod: &Pod, address: &Address, take: &mut dyn FnMut(&Envelope) -> bool) -> Result<bool> {
    let doing = Doing { what: "read the interface rows", object: RESOURCE };
    let response = pod.get(doing, address)?;
    let envelope: Envelope = crate::json::from_slice(&response.body)
        .map_err(|error| pod.unexpected(doing, &format!("the body is not a list ({error})")))?;
    Ok(take(&envelope))
}

/// Reads one row; answers its status, which rejections tell as well.
fn read(row: &str, found: &mut Found) -> Option<String> {
    let [number, vendor, id, status, own, lines] = pick(
        row,
        ["InvoiceNumber", "VendorName", "InvoiceId", "Status", "interfaceInvoiceRejections", "interfaceInvoiceLines"],
    );
    let text = |raw: Option<&RawValue>| raw.and_then(plain).unwrap_or_default();
    let (number, vendor, id) = (text(number), text(vendor), text(id));
    let header = Rejection {
        table: Some("ApInvoicesInterface.csv".to_owned()),
        keys: [("INVOICE_NUM", &number), ("VENDOR_NAME", &vendor)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect(),
        key: number.clone(),
        ..Rejection::default()
    };
    let mut told = false;
    for said in descriptions(own) {
        told = true;
        found.reject(with(header.clone(), said));
    }
    let mut numbers: Vec<String> = Vec::new();
    for line in children(lines) {
        let [line_number, rejections] = pick(&line, ["LineNumber", "interfaceInvoiceLineRejections"]);
        let line_number = text(line_number);
        let before = numbers.iter().filter(|number| **number == line_number).count();
        numbers.push(line_number.clone());
        for said in descriptions(rejections) {
            told = true;
            let mut rejection = with(header.clone(), said);
            if !id.is_empty() && !line_number.is_empty() {
                rejection.table = Some("ApInvoiceLinesInterface.csv".to_owned());
                rejection.keys =
                    vec![("INVOICE_ID".to_owned(), id.clone()), ("LINE_NUMBER".to_owned(), line_number.clone())];
                rejection.key = format!("{number} line {line_number}");
                rejection.nth = u64::try_from(before).unwrap_or(0);
            }
            found.reject(rejection);
        }
    }
    let status = status.and_then(plain).map(|status| status.to_uppercase());
    if told && status.as_deref() != Some("PROCESSED") { Some("REJECTED".to_owned()) } else { status }
}

fn with(rejection: Rejection, said: String) -> Rejection {
    let code = codes::of(&said).map_or_else(
        || if said.len() <= 40 { said.to_uppercase() } else { "REJECTED".to_owned() },
        |(code, _)| code.to_owned(),
    );
    Rejection { code, message: said, ..rejection }
}

/// Rows of a child, whether it is a list or an envelope.
fn children(raw: Option<&RawValue>) -> Vec<String> {
    let Some(text) = raw.map(RawValue::get) else { return Vec::new() };
    if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(text) {
        return list.into_iter().map(|row| row.get().to_owned()).collect();
    }
    let envelope = crate::json::from_str::<Envelope>(text);
    envelope.map(|envelope| envelope.items.iter().map(|row| row.get().to_owned()).collect()).unwrap_or_default()
}

fn descriptions(raw: Option<&RawValue>) -> Vec<String> {
    let row = |row: String| {
        let [said] = pick(&row, ["RejectionDescription"]);
        said.and_then(plain)
    };
    children(raw).into_iter().filter_map(row).filter(|said| !said.trim().is_empty()).collect()
}
