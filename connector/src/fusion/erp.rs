//! `erpintegrations`: documents of content management, loads and jobs behind one resource (FACTS 3).
//!
//! Every operation has one flat shape, whose ids come as texts or numbers and whose unused members are null;
//! only the members that are wanted are read. Nothing here is repeated blindly: a write answers [`Lost`],
//! and whoever asked decides.

pub mod account;
pub mod archive;
pub mod held;
pub mod jobs;
pub mod mark;
pub mod options;
pub mod send;
pub mod state;
pub mod tree;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::address::{Address, query_value};
use super::page::Envelope;
use super::pod::{Doing, Pod};
use super::record::{pick, plain};
use crate::contract::ProblemKind;
use crate::problem::{Failure, Result};
use crate::text::shorten;

/// The resource.
pub const RESOURCE: &str = "erpintegrations";

/// A document of content management.
#[derive(Debug)]
pub struct Document {
    /// Its id.
    pub id: String,
    /// File name, where the pod tells it.
    pub name: Option<String>,
    /// Account, where the pod tells it.
    pub account: Option<String>,
    /// Contents.
    pub bytes: Vec<u8>,
}

/// The address of the resource.
pub fn address(pod: &Pod) -> Address {
    Address::collection("fscmRestApi", &pod.settings.api_version, RESOURCE)
}

/// What is being done with the resource.
pub fn doing(what: &str) -> Doing<'_> {
    Doing { what, object: RESOURCE }
}

/// The rows of a finder, as text.
///
/// # Errors
/// Those of a read.
pub fn find(pod: &Pod, what: &str, finder: &str, variables: &[(&str, &str)]) -> Result<Vec<Box<RawValue>>> {
    let response = pod.get(doing(what), &finding(pod, finder, variables))?;
    let envelope: Envelope = crate::json::from_slice(&response.body)
        .map_err(|error| pod.garbled(doing(what), &format!("the body is not a list ({error})")))?;
    Ok(envelope.items.iter().map(|item| (*item).to_owned()).collect())
}

fn finding(pod: &Pod, finder: &str, variables: &[(&str, &str)]) -> Address {
    let variables: Vec<String> =
        variables.iter().map(|(name, value)| format!("{name}={}", query_value(value))).collect();
    address(pod).clause("finder", &format!("{finder};{}", variables.join(",")))
}

/// The text of one member; `None` where it is null, absent or blank.
pub fn told(row: &str, name: &str) -> Option<String> {
    let [raw] = pick(row, [name]);
    raw.and_then(plain).filter(|text| !text.trim().is_empty())
}

/// Ids of the documents whose file names begin so, the newest last.
///
/// # Errors
/// Those of a read.
pub fn document_ids(pod: &Pod, prefix: &str, account: Option<&str>, comment: Option<&str>) -> Result<Vec<String>> {
    let account = account.map_or_else(|| "#NULL".to_owned(), account::dollars);
    let variables = [("filePrefix", prefix), ("docAccount", account.as_str()), ("comment", comment.unwrap_or("#NULL"))];
    let rows = find(pod, "find documents by their names", "DocumentIdsByFilePrefixRF", &variables)?;
    let mut ids: Vec<String> = rows.iter().filter_map(|row| told(row.get(), "DocumentId")).collect();
    ids.sort_unstable_by(|left, right| left.len().cmp(&right.len()).then_with(|| left.cmp(right)));
    ids.dedup();
    Ok(ids)
}

/// A document with its contents; `None` where there is none of that id that this user may see.
///
/// # Errors
/// Those of a read; `unexpected-response` where the contents are not base64.
pub fn document(pod: &Pod, id: &str) -> Result<Option<Document>> {
    let what = format!("download document {}", shorten(id, 40));
    let rows = find(pod, &what, "DocumentRF", &[("docId", id)])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let Some(bytes) = content(pod, &what, row.get())? else { return Ok(None) };
    Ok(Some(Document {
        id: id.to_owned(),
        name: told(row.get(), "FileName"),
        account: told(row.get(), "DocumentAccount"),
        bytes,
    }))
}

/// What `DocumentContent` holds.
///
/// # Errors
/// `unexpected-response` where it is not base64.
pub fn content(pod: &Pod, what: &str, row: &str) -> Result<Option<Vec<u8>>> {
    let Some(mut text) = told(row, "DocumentContent") else { return Ok(None) };
    text.retain(|c| !c.is_ascii_whitespace());
    let bytes = STANDARD.decode(&text);
    bytes.map(Some).map_err(|error| pod.unexpected(doing(what), &format!("the document is not base64 ({error})")))
}

/// The document of the first row that has one, decoded while it comes, however large the answer is.
///
/// # Errors
/// Those of a read; `unavailable` where it is no base64, or more than can be held.
pub fn held(pod: &Pod, what: &str, finder: &str, variables: &[(&str, &str)]) -> Result<Option<held::Held>> {
    let address = finding(pod, finder, variables);
    let mut incoming = pod.open(doing(what), &address, &[])?;
    let mut decoder = held::Decoder::new(held::Held::new(pod.call_id.as_deref().unwrap_or_default()));
    pod.pass(doing(what), &address, &mut incoming.body, &mut decoder, archive::MOST_PASSED)?;
    decoder.finish().map_err(|error| pod.garbled(doing(what), &error.to_string()))
}

/// There is no such document, or it is not to be seen.
pub fn no_document(id: &str) -> Failure {
    Failure::permanent(ProblemKind::NotFound, format!("There is no document {} that this user may see.", shorten(id, 40)))
        .remedy("Check the id; find_documents finds ids by the beginning of a file name. A document that lies in an account to which the user's roles give no access does not show.")
}
