//! What of a load became records, asked of the records themselves (T4).

use crate::fusion::address::Address;
use crate::fusion::page::Envelope;
use crate::fusion::pod::{Doing, Pod};
use crate::problem::Result;

/// Whether journal batches of an import request exist; its id stands in their names (FACTS 3.6).
///
/// # Errors
/// Those of a read.
pub fn has_batches(pod: &Pod, import: &str) -> Result<bool> {
    let doing = Doing { what: "look for the journal batches", object: "journalBatches" };
    let address = Address::collection("fscmRestApi", &pod.settings.api_version, "journalBatches")
        .param("q", &format!("BatchName LIKE '%{import}%'"))
        .param("limit", "1")
        .param("onlyData", "true");
    let response = pod.get(doing, &address)?;
    let envelope: Envelope = crate::json::from_slice(&response.body)
        .map_err(|error| pod.unexpected(doing, &format!("the body is not a list ({error})")))?;
    Ok(!envelope.items.is_empty())
}
