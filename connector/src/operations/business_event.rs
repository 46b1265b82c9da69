//! `business_event`: the pod pushes a business event, by way of what subscribes to it (FACTS 7).
//!
//! Nothing that is pushed is believed: it names a record. The pod is asked whether it has that event and raises
//! it, and for the record; what it tells becomes the event, and what was pushed lies beside it as `told`. So a
//! forged message starts something for a record that is there and no more than once for each version of it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer::{Record, Told};
use super::checked::{word, words};
use super::get_record::{self, GetRecord};
use super::import_completed::{MOST_BODY, is_soap, receipt, received};
use super::search_records::{self, SearchRecords};
use super::{Action as _, Spec, Trigger};
use crate::contract::{Delivery, Effect, Event, Idempotency, PollResult, ProblemKind, Receipt, WebhookRequest};
use crate::fusion::changes::hash_of;
use crate::fusion::pod::{Doing, Pod};
use crate::fusion::query::Node;
use crate::fusion::record::{key_in_links, pick, plain};
use crate::fusion::target::Target;
use crate::fusion::{time, xml};
use crate::problem::{Failure, Result};
use crate::text::shorten;

/// See the module.
pub struct BusinessEvent;

/// What the pod keeps of its events.
const EVENTS: &str = "erpBusinessEvents";
const CODE: &str = "BusinessEventCode";
const IDENTIFIER: &str = "BusinessEventIdentifier";
/// Members by which a message may say which event it is.
const NAMES: [&str; 6] = [CODE, IDENTIFIER, "EventCode", "eventCode", "EventName", "eventName"];
/// How deep a key is looked for.
const MOST_DEPTH: u8 = 64;

/// Which event, and how its record is found.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(from = "Value")]
#[schemars(title = "Business event", deny_unknown_fields, !from)]
pub struct Input {
    /// Code of the event, as erpBusinessEvents has it.
    #[schemars(title = "Event", length(min = 1, max = 256), extend("examples" = ["ERP_IMPORT_BULK_DATA"]))]
    #[schemars(extend("x-connector-options" = {"source": "business_events", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub event: String,
    /// Resource that holds the record that the event is about.
    #[schemars(title = "Resource", length(min = 1, max = 128), extend("examples" = ["invoices"]))]
    #[schemars(extend("x-connector-options" = {"source": "resources", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub resource: String,
    /// Where the record's key stands in what is pushed: the name of an element or member, wherever it is, or
    /// several with dots between them, as in InvoiceId or invoice.InvoiceId; an XML attribute as @id.
    #[schemars(title = "Where the key stands", length(min = 1, max = 512), extend("examples" = ["InvoiceId"], "x-connector-visibility" = "important", "x-connector-order" = 3))]
    pub key_at: String,
    /// Attribute of the record that holds what stands there, where it is not the key: it must hold for one
    /// record alone.
    #[schemars(title = "Attribute", length(min = 1), extend("examples" = ["InvoiceNumber"], "x-connector-order" = 4))]
    #[schemars(extend("x-connector-options" = {"source": "queryable_attributes", "depends-on": ["resource"], "searchable": true}))]
    pub attribute: Option<String>,
    /// Children to read along. A change of one of them makes a version of the record as well.
    #[schemars(title = "Expand", extend("x-connector-order" = 5))]
    pub expand: Option<Vec<String>>,
}

/// The form was checked; a reader made for this shape alone would cost the component several kilobytes.
impl From<Value> for Input {
    fn from(input: Value) -> Self {
        let own = |name: &str| word(&input, name).unwrap_or_default();
        Self {
            event: own("event"),
            resource: own("resource"),
            key_at: own("key_at"),
            attribute: word(&input, "attribute"),
            expand: words(&input, "expand"),
        }
    }
}

/// An event that the pod raises, for a record that it has.
#[derive(JsonSchema)]
#[schemars(title = "Business event")]
#[allow(dead_code)]
pub struct Payload {
    /// Code of the event.
    event: String,
    /// Resource that holds the record.
    resource: String,
    /// The record's key.
    key: String,
    /// The record as the pod told it now.
    record: Record,
    /// What was pushed, as it came. It was not verified: anybody who knows the address may have sent it.
    told: Record,
    /// What was lost sight of when the record was read.
    #[schemars(default)]
    warnings: Option<Vec<Told>>,
}

impl Trigger for BusinessEvent {
    const SPEC: Spec = Spec {
        id: "business_event",
        title: "Business event",
        description: "Starts when a business event of the pod is pushed (XML, SOAP or JSON). What is pushed only names a record: event and record are verified with the pod, and the record as the pod tells it is what comes.",
        group: "Triggers (receive)",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"event":"AP_INVOICE_VALIDATED","resource":"invoices","key_at":"InvoiceId"}"#,
        sample_output: r#"{"event":"AP_INVOICE_VALIDATED","resource":"invoices","key":"300000046987012","record":{"InvoiceId":300000046987012,"InvoiceNumber":"INV-1001"},"told":{"onEvent":{"InvoiceId":"300000046987012"}}}"#,
    };
    const DELIVERIES: &'static [Delivery] = &[Delivery::Receive];
    type Input = Input;
    type Payload = Payload;

    fn poll(_: &Pod, _: Input, _: Option<&str>) -> Result<PollResult> {
        Err(Failure::permanent(ProblemKind::Unsupported, "business_event receives and does not poll.")
            .remedy("To poll for the same records, use new_or_updated_record."))
    }

    fn receive(pod: &Pod, input: Input, request: &WebhookRequest) -> Result<Receipt> {
        let Some((told, value)) = pushed(request) else {
            return Ok(refused(
                400,
                "A POST with XML or a JSON object is expected, up to 1 MiB, without a document type.",
            ));
        };
        let path: Vec<&str> = input.key_at.split('.').collect();
        let mut keys = Vec::new();
        find(&value, &path, MOST_DEPTH, &mut keys);
        let Some(key) = keys.first().filter(|key| keys.iter().all(|other| other == *key)) else {
            let why =
                if keys.is_empty() { "is not in the message" } else { "stands for several values in the message" };
            return Ok(refused(400, &format!("{} {why}.", input.key_at)));
        };
        let raised = raised(pod, &input.event)?;
        let mut said = Vec::new();
        for name in NAMES {
            find(&value, &[name], MOST_DEPTH, &mut said);
        }
        let same = |said: &String| raised.iter().any(|name| bare(name).eq_ignore_ascii_case(bare(said)));
        if !said.is_empty() && !said.iter().any(same) {
            return Ok(receipt(202, Vec::new()));
        }
        let answer = match record(pod, &input, key) {
            Err(failure) if failure.kind() == ProblemKind::NotFound => {
                return Ok(refused(404, "The pod has no such record, or does not show it."));
            }
            Err(failure) if of_key(&failure) => return Ok(refused(400, "What stands for the key is not one.")),
            answer => answer?,
        };
        let [of_pod] = pick(&answer, ["record"]);
        let of_pod = of_pod.map(RawValue::get).unwrap_or_default();
        // As the pod spells it, so that no other spelling makes another event.
        let known = Target::known(&input.resource).ok().flatten();
        let own = known.and_then(|target| target.key_of(of_pod)).or_else(|| key_in_links(of_pod));
        let key = own.unwrap_or_else(|| key.clone());
        let [changed] = pick(of_pod, ["LastUpdateDate"]);
        let event = Event {
            dedup_key: format!("{}:{}:{key}:{:016x}", input.event, input.resource, hash_of(of_pod)),
            occurred_at: changed.and_then(plain).as_deref().and_then(time::instant).map(time::in_event),
            // The answer begins with its brace.
            payload: format!(
                "{{\"event\":{},\"resource\":{},\"key\":{},\"told\":{told},{}",
                json!(input.event),
                json!(input.resource),
                json!(key),
                answer.strip_prefix('{').unwrap_or_default()
            ),
        };
        Ok(received(event, request))
    }
}

/// A refusal, with its reason for whoever reads the sender's log.
fn refused(status: u16, why: &str) -> Receipt {
    let headers = vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())];
    Receipt { headers, body: why.as_bytes().to_vec(), ..receipt(status, Vec::new()) }
}

/// What was pushed, as text for the payload and to look into; `None` for what cannot be read.
fn pushed(request: &WebhookRequest) -> Option<(String, Value)> {
    if request.method != "POST" || request.body.len() > MOST_BODY {
        return None;
    }
    let text = std::str::from_utf8(&request.body).ok()?;
    if !is_soap(request) {
        let value: Value = serde_json::from_str(text).ok().filter(Value::is_object)?;
        // As it came, so that its numbers stay what they are.
        return Some((text.trim().to_owned(), value));
    }
    let (name, mut value) = xml::read(text)?;
    let value = match name.as_str() {
        "Envelope" => value.get_mut("Body")?.take(),
        _ => json!({name: value}),
    };
    value.is_object().then(|| (value.to_string(), value))
}

/// All texts and numbers that stand at the path, wherever it begins.
fn find(value: &Value, path: &[&str], depth: u8, found: &mut Vec<String>) {
    let Some(below) = depth.checked_sub(1) else { return };
    match value {
        Value::Array(several) => several.iter().for_each(|one| find(one, path, below, found)),
        Value::Object(members) => {
            for (name, member) in members {
                if let Some((first, rest)) = path.split_first()
                    && xml::local(name) == *first
                {
                    at(member, rest, below, found);
                }
                find(member, path, below, found);
            }
        }
        _ => {}
    }
}

/// What stands at the path from here on.
fn at(value: &Value, path: &[&str], depth: u8, found: &mut Vec<String>) {
    let Some(below) = depth.checked_sub(1) else { return };
    match (value, path.split_first()) {
        (Value::String(text), None) => found.extend(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        (Value::Number(number), None) => found.push(number.to_string()),
        (Value::Array(several), _) => several.iter().for_each(|one| at(one, path, below, found)),
        // Text of an element with attributes.
        (Value::Object(members), None) => members.get("#text").into_iter().for_each(|text| at(text, &[], below, found)),
        (Value::Object(members), Some((first, rest))) => {
            let named = members.iter().filter(|(name, _)| xml::local(name) == *first);
            named.for_each(|(_, member)| at(member, rest, below, found));
        }
        _ => {}
    }
}

/// A name without namespace or prefix.
fn bare(name: &str) -> &str {
    name.trim().rsplit([':', '}', '/']).next().unwrap_or_default()
}

/// The names under which the pod raises the event.
///
/// # Errors
/// `invalid-input` for an event that the pod does not have; `conflict` for one that is not enabled.
fn raised(pod: &Pod, event: &str) -> Result<Vec<String>> {
    let input = search_records::Input {
        resource: EVENTS.to_owned(),
        all: Some(vec![Node::equals(CODE, &json!(event).to_string())]),
        fields: Some([CODE, IDENTIFIER, "EnabledFlag"].map(str::to_owned).to_vec()),
        limit: Some(100),
        ..search_records::Input::default()
    };
    let doing = Doing { what: "look up the business event", object: EVENTS };
    let answer = SearchRecords::run(pod, input, "")?;
    let answer: Value =
        serde_json::from_str(&answer).map_err(|error| pod.garbled(doing, &format!("it is not JSON ({error})")))?;
    let rows = answer.get("result").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let shown = shorten(event, 100);
    if rows.is_empty() {
        let told = format!("the pod has no business event of the code {shown}, or does not show it to this user");
        return Err(Failure::invalid("/event", told)
            .remedy("Choose a code from the list of events, as in: harness options business_events."));
    }
    let flag = |row: &&Value| matches!(row.get("EnabledFlag"), Some(Value::Bool(true)));
    let enabled: Vec<&Value> = rows.iter().filter(flag).collect();
    if enabled.is_empty() {
        return Err(Failure::permanent(
            ProblemKind::Conflict,
            format!("The pod does not raise the business event {shown}: it is not enabled, so what was pushed is not from it."),
        )
        .remedy("Enable it, as with update_record: set EnabledFlag of its row in erpBusinessEvents to true."));
    }
    let names = enabled.iter().flat_map(|row| [CODE, IDENTIFIER].map(|name| row.get(name).and_then(Value::as_str)));
    Ok(names.flatten().map(str::to_owned).collect())
}

/// The record, as get_record answers it.
fn record(pod: &Pod, input: &Input, key: &str) -> Result<String> {
    let node = |attribute: &String| vec![Node::equals(attribute, &json!(key).to_string())];
    let all = input.attribute.as_ref().map(node);
    let asked = get_record::Input {
        resource: input.resource.clone(),
        key: all.is_none().then(|| key.to_owned()),
        all,
        finder: None,
        fields: None,
        expand: input.expand.clone(),
        effective_date: None,
    };
    GetRecord::run(pod, asked, "").map_err(|mut failure| {
        // It stands there in the form of this trigger.
        for field in failure.problem.fields.iter_mut().filter(|field| field.pointer == "/all/0/attribute") {
            field.pointer = "/attribute".to_owned();
        }
        failure
    })
}

/// Whether it is the pushed key that does not fit, and not the input.
fn of_key(failure: &Failure) -> bool {
    failure.problem.fields.iter().any(|field| matches!(field.pointer.as_str(), "/key" | "/all/0/value"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::fake::{Fake, json as answer};
    use crate::settings::Settings;

    const RAISED: &str = r#"{"items":[{"ErpBusinessEventId":1,"BusinessEventCode":"AP_INVOICE_VALIDATED","BusinessEventIdentifier":"oracle.apps:InvoiceValidated","EnabledFlag":true}],"count":1,"hasMore":false}"#;
    const INVOICE: &str =
        r#"{"InvoiceId":300000046987012,"InvoiceAmount":10.50,"LastUpdateDate":"2026-02-01T10:00:00+00:00"}"#;
    const SOAP: &str = r#"<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><e:PublicEventSubscriber xmlns:e="http://xmlns.oracle.com/fa/event"><e:onEvent><i:invoice xmlns:i="x"><i:InvoiceId>300000046987012</i:InvoiceId><i:Amount>999</i:Amount></i:invoice></e:onEvent></e:PublicEventSubscriber></s:Body></s:Envelope>"#;

    fn receive(answers: &[(u16, &str)], more: Value, body: &str) -> Result<Receipt> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let door = Fake::new(answers.iter().map(|(status, body)| answer(*status, body)));
        let mut input = json!({"event": "AP_INVOICE_VALIDATED", "resource": "invoices", "key_at": "InvoiceId"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let request = WebhookRequest {
            method: "POST".into(),
            path_with_query: "/".into(),
            headers: Vec::new(),
            body: body.into(),
        };
        BusinessEvent::receive(&Pod::new(&door, &settings, None).unwrap(), Input::from(input), &request)
    }

    fn payload(receipt: &Receipt) -> Value {
        serde_json::from_str(&receipt.events[0].payload).unwrap()
    }

    #[test]
    fn what_the_pod_tells_is_the_event_and_not_what_was_pushed() {
        let pod = [(200, RAISED), (200, INVOICE)];
        let soap = receive(&pod, json!({}), SOAP).unwrap();
        assert_eq!((soap.status, soap.events.len()), (200, 1));
        assert!(String::from_utf8_lossy(&soap.body).contains("Envelope"));
        let told = payload(&soap);
        assert_eq!(told["key"], "300000046987012");
        assert!(soap.events[0].payload.contains(r#""InvoiceAmount":10.50"#));
        let invoice = &told["told"]["PublicEventSubscriber"]["onEvent"]["invoice"];
        assert_eq!(invoice, &json!({"InvoiceId": "300000046987012", "Amount": "999"}));
        assert_eq!(soap.events[0].occurred_at.as_deref(), Some("2026-02-01T10:00:00Z"));
        // As JSON, from another sender, with another spelling: the same event.
        let bare = SOAP.split("<s:Body>").nth(1).unwrap().split("</s:Body>").next().unwrap();
        for body in [r#"{"ns0:invoice": {"InvoiceId": 300000046987012, "Amount": 1.10}}"#, bare] {
            let again = receive(&pod, json!({"key_at": "invoice.InvoiceId"}), body).unwrap();
            assert_eq!(again.events[0].dedup_key, soap.events[0].dedup_key);
        }
        // Another version of the record: another event.
        let later = INVOICE.replace("10.50", "11");
        let other = receive(&[(200, RAISED), (200, &later)], json!({}), SOAP).unwrap();
        assert_ne!(other.events[0].dedup_key, soap.events[0].dedup_key);
    }

    #[test]
    fn what_the_pod_does_not_confirm_is_no_event() {
        // Nobody may see such a record.
        let none = [(200, RAISED), (404, "{}"), (404, "{}"), (404, "{}")];
        let forged = receive(&none, json!({}), SOAP).unwrap();
        assert_eq!((forged.status, forged.events.len()), (404, 0));
        // The pod does not raise the event, or does not have it.
        let off = RAISED.replace("true", "false");
        let refused = |rows: &str| receive(&[(200, rows)], json!({}), SOAP).unwrap_err();
        assert_eq!(refused(&off).kind(), ProblemKind::Conflict);
        let unknown = refused(r#"{"items":[],"count":0,"hasMore":false}"#);
        assert_eq!(unknown.problem.fields[0].pointer, "/event");
        // It may not be read: that is a matter of roles, and told.
        let failure = receive(&[(200, RAISED), (403, "{}")], json!({}), SOAP).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::Forbidden);
    }

    #[test]
    fn messages_that_name_no_record_are_refused_before_anything_is_asked() {
        let twice = r#"{"a": {"InvoiceId": 1}, "b": {"InvoiceId": 2}}"#;
        let bomb = r#"<!DOCTYPE a [<!ENTITY b "1">]><a><InvoiceId>&b;</InvoiceId></a>"#;
        for body in ["", "hello", "[]", "{}", "<a", "<a/>", r#"{"InvoiceId": null}"#, twice, bomb] {
            let refused = receive(&[], json!({}), body).unwrap();
            assert_eq!((refused.status, refused.events.len()), (400, 0), "{body}");
            assert!(!refused.body.is_empty());
        }
        for key in ["..", "."] {
            let body = json!({"InvoiceId": key}).to_string();
            assert_eq!(receive(&[(200, RAISED)], json!({}), &body).unwrap().status, 400);
        }
    }

    #[test]
    fn another_event_at_the_same_address_is_not_watched() {
        let named = |name: &str| json!({"eventName": name, "InvoiceId": 300000046987012_u64}).to_string();
        let status = |name: &str| receive(&[(200, RAISED), (200, INVOICE)], json!({}), &named(name)).unwrap().status;
        assert_eq!(status("AP_INVOICE_CREATED"), 202);
        assert_eq!((status("ap_invoice_validated"), status("{http://x}InvoiceValidated")), (200, 200));
    }

    #[test]
    fn a_record_is_found_by_an_attribute_as_well() {
        let rows = format!(r#"{{"items":[{INVOICE}],"count":1,"hasMore":false}}"#);
        let by_number = json!({"key_at": "@number", "attribute": "InvoiceNumber"});
        let body = r#"<x:onEvent xmlns:x="u"><invoice number="INV-1"/></x:onEvent>"#;
        let told = receive(&[(200, RAISED), (200, &rows)], by_number, body).unwrap();
        assert_eq!(payload(&told)["key"], "300000046987012");
    }

    proptest! {
        #[test]
        fn no_body_traps(body in "[<>{}\":,a-zA-Z0-9 /@]{0,120}") {
            let _ = receive(&[(200, r#"{"items":[],"count":0,"hasMore":false}"#)], json!({"key_at": "a"}), &body);
        }
    }
}
