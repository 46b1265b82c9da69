//! Payables interface rows of a load, with their rejections (FACTS 3.6).

use serde_json::value::RawValue;

use super::{Found, MOST, Rejection, codes};
use crate::fusion::address::Address;
use crate::fusion::page::Envelope;
use crate::fusion::pod::{Doing, Pod};
use crate::fusion::query::quote;
use crate::fusion::record::{pick, plain};
use crate::problem::Result;

const RESOURCE: &str = "payablesInterfaceInvoices";
/// Rows asked for at once, and pages that are read at most.
const PAGE: usize = 200;
const PAGES: usize = 50;

/// Asks by the load's request, then by the group.
///
/// # Errors
/// Those of a read.
pub fn payables(pod: &Pod, load: &str, group: Option<&str>, found: &mut Found) -> Result<()> {
    if rows(pod, &format!("LoadRequestId = {load}"), found)? > 0 {
        return Ok(());
    }
    match group {
        Some(group) => rows(pod, &format!("GroupId = {}", quote(group)), found).map(|_| ()),
        None => Ok(()),
    }
}

fn rows(pod: &Pod, q: &str, found: &mut Found) -> Result<usize> {
    let doing = Doing { what: "read the interface rows", object: RESOURCE };
    let (mut count, mut imported, mut rejected) = (0, 0, 0);
    for _ in 0..PAGES {
        let address = Address::collection("fscmRestApi", &pod.settings.api_version, RESOURCE)
            .param("q", q)
            .param("expand", "interfaceInvoiceRejections,interfaceInvoiceLines.interfaceInvoiceLineRejections")
            .param("orderBy", "InvoiceId:asc,LoadRequestId:asc")
            .param("limit", &PAGE.to_string())
            .param("offset", &count.to_string());
        let response = pod.get(doing, &address)?;
        let envelope: Envelope = crate::json::from_slice(&response.body)
            .map_err(|error| pod.unexpected(doing, &format!("the body is not a list ({error})")))?;
        for row in &envelope.items {
            count += 1;
            let before = found.rejections.len();
            let status = read(row.get(), found);
            match status.as_deref() {
                Some("PROCESSED") => imported += 1,
                Some("REJECTED") => rejected += 1,
                _ if found.rejections.len() > before => rejected += 1,
                _ => {}
            }
        }
        if envelope.items.is_empty() || envelope.has_more == Some(false) || found.rejections.len() >= MOST {
            break;
        }
    }
    if count > 0 {
        found.rejected = Some(rejected);
    }
    if imported > 0 {
        // Where processed rows are purged at once none is left to be counted.
        found.imported = Some(imported);
    }
    Ok(count)
}

/// Reads one row; answers its status.
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
    for said in descriptions(own) {
        found.reject(with(header.clone(), said));
    }
    let mut numbers: Vec<String> = Vec::new();
    for line in children(lines) {
        let [line_number, rejections] = pick(&line, ["LineNumber", "interfaceInvoiceLineRejections"]);
        let line_number = text(line_number);
        let before = numbers.iter().filter(|number| **number == line_number).count();
        numbers.push(line_number.clone());
        for said in descriptions(rejections) {
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
    status.and_then(plain).map(|status| status.to_uppercase())
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
