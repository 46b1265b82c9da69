//! The mark that a call leaves on what it creates, where a resource has no business key.
//!
//! It is made of the call's id and of the record, so every retry and replay of one call leaves the same one, and
//! another record under the same id is never taken for the first; it stands in
//! an attribute that the caller left empty, may stand in `q` and means nothing to the pod. Looked for before
//! each send, it tells a create that happened although its answer was lost.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::compare::members;
use super::terms;
use crate::contract::Warning;
use crate::fusion::pod::Pod;
use crate::fusion::target::Target;
use crate::problem::warning;

/// How every mark begins.
const BEGIN: &str = "ref-";

/// A record with its mark.
pub struct Marked {
    /// To be sent.
    pub record: String,
    /// By which it is found.
    pub terms: Vec<String>,
    /// What the caller should know.
    pub warning: Warning,
}

/// Marks a record that nothing else finds again; `index` is its place among the records of the call. `None`
/// where the resource has no attribute for it, or the caller filled it.
pub fn mark(pod: &Pod, target: &Target, record: &str, index: Option<usize>) -> Option<Marked> {
    let attribute = target.known.as_ref()?.mark?;
    let mut text = of_call(pod)?;
    text.push('-');
    text.push_str(&of_record(record, attribute));
    if let Some(index) = index {
        text.push_str(&format!("-{index}"));
    }
    if let Some(told) = target.described.as_ref().filter(|told| !told.attributes.is_empty()) {
        let told = told.attribute(attribute)?;
        let room = told.max_length.or(told.precision).filter(|most| *most > 0);
        let fits = room.is_none_or(|most| u64::try_from(text.len()).is_ok_and(|length| length <= most));
        if !told.creatable() || !told.queryable || !fits {
            return None;
        }
    }
    let mut sent = members(record);
    let set = |(name, raw): &(String, &serde_json::value::RawValue)| {
        name == attribute && !matches!(raw.get(), "null" | "\"\"")
    };
    if sent.iter().any(set) {
        return None;
    }
    sent.retain(|(name, _)| name != attribute);
    let mut parts: Vec<String> =
        sent.iter().map(|(name, raw)| format!("{}:{}", Value::from(name.as_str()), raw.get())).collect();
    parts.push(format!("\"{attribute}\":\"{text}\""));
    let record = format!("{{{}}}", parts.join(","));
    let terms = terms(&record, &[attribute]).ok()?;
    let message = format!(
        "{attribute} was left out, so it carries {text}, by which this record is found should an answer be lost; it may be changed."
    );
    Some(Marked { record, terms, warning: warning("marked", message, None) })
}

/// Whether these terms look for the mark of this call.
pub fn is_mark(pod: &Pod, terms: &[String]) -> bool {
    matches!(terms, [only] if of_call(pod).is_some_and(|text| only.contains(&text)))
}

fn of_call(pod: &Pod) -> Option<String> {
    let id = pod.call_id.as_deref().filter(|id| !id.is_empty())?;
    Some(format!("{BEGIN}{}", digest(id.as_bytes(), 6)))
}

/// Eight digits that stand for a record, in whatever order and with whatever blanks it is written.
fn of_record(record: &str, attribute: &str) -> String {
    let mut read: Value = serde_json::from_str(record).unwrap_or_else(|_| record.into());
    if let Some(object) = read.as_object_mut() {
        object.remove(attribute);
    }
    read.sort_all_objects();
    digest(read.to_string().as_bytes(), 4)
}

/// The first bytes of a hash, in hex.
fn digest(bytes: &[u8], count: usize) -> String {
    Sha256::digest(bytes).iter().take(count).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::contract::{Call, Kind, ProblemKind};
    use crate::http::Method;
    use crate::http::fake::{Fake, json, typed};
    use crate::operations::Entry;
    use crate::problem::Result;
    use crate::settings::Settings;

    fn run(door: &Fake, id: &str, record: Value) -> Result<Value> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let call = Call { id: id.into(), attempt: 1, remaining_ms: None };
        let pod = Pod::new(door, &settings, Some(&call)).unwrap();
        let input = serde_json::json!({"resource": "draftPurchaseOrders", "record": record}).to_string();
        let text = Entry::find("create_record", Kind::Action).unwrap().run(&pod, &input)?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    fn list(rows: &str) -> std::result::Result<crate::http::Response, crate::http::SendError> {
        json(200, &format!(r#"{{"items":[{rows}],"count":1,"hasMore":false}}"#))
    }

    /// The mark that a call leaves on a record, as the pod was asked for it and was sent it.
    fn left(id: &str, record: Value) -> String {
        let door = Fake::new([typed(403, "", ""), list(""), typed(500, "", ""), list("")]);
        run(&door, id, record).unwrap_err();
        let sent: Value = serde_json::from_slice(door.sent.borrow()[2].body.as_deref().unwrap()).unwrap();
        let mark = sent["Description"].as_str().unwrap().to_owned();
        assert!(door.sent.borrow()[1].path.contains(&mark));
        mark
    }

    fn chairs() -> Value {
        serde_json::json!({"CurrencyCode": "USD"})
    }

    fn row(id: &str) -> String {
        format!(r#"{{"POHeaderId":5,"Description":"{}"}}"#, left(id, chairs()))
    }

    #[test]
    fn a_create_whose_answer_was_lost_is_found_by_its_mark() {
        let row = row("call-1");
        let door = Fake::new([typed(403, "", ""), list(""), typed(504, "", ""), list(&row)]);
        let made = run(&door, "call-1", serde_json::json!({"CurrencyCode": "USD"})).unwrap();
        let codes: Vec<&str> =
            made["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap()).collect();
        assert_eq!(codes, ["answer_lost", "marked"]);
        assert_eq!(door.sent.borrow().iter().filter(|request| request.method == Method::Post).count(), 1);
        // A second life of the same call finds what the first one sent.
        let door = Fake::new([typed(403, "", ""), list(&row)]);
        run(&door, "call-1", serde_json::json!({"CurrencyCode": "USD", "Description": null})).unwrap();
        assert!(door.sent.borrow().iter().all(|request| request.method == Method::Get));
    }

    #[test]
    fn what_the_caller_wrote_is_not_written_over() {
        let door = Fake::new([typed(403, "", ""), typed(504, "", "")]);
        let failure = run(&door, "call-1", serde_json::json!({"Description": "Chairs"})).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::UnknownOutcome);
        assert!(String::from_utf8_lossy(door.sent.borrow()[1].body.as_deref().unwrap()).contains("Chairs"));
    }

    #[test]
    fn each_call_and_each_record_has_its_own_mark() {
        let first = left("call-1", serde_json::json!({"CurrencyCode": "USD", "Supplier": "Acme"}));
        let same = left("call-1", serde_json::json!({"Supplier": "Acme", "Description": null, "CurrencyCode": "USD"}));
        assert_eq!(first, same);
        assert_ne!(first, left("call-1", serde_json::json!({"CurrencyCode": "USD", "Supplier": "Bolt"})));
        assert_ne!(first, left("call-2", serde_json::json!({"CurrencyCode": "USD", "Supplier": "Acme"})));
    }
}
