//! `import_completed`: a load has ended. Polled by its request, or told by the pod's callback or event.
//!
//! What a callback says is not believed: it only names a request, which is then asked of the pod. One that
//! comes early, twice or forged makes the event that the pod confirms, under one key, or none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::get_ess_job::{Job, told};
use super::import_bulk_data::LOADER;
use super::{Spec, Trigger};
use crate::contract::{Delivery, Effect, Event, Idempotency, PollResult, ProblemKind, Receipt, WebhookRequest};
use crate::fusion::erp::jobs::{self, Look};
use crate::fusion::erp::send::is_id;
use crate::fusion::erp::state;
use crate::fusion::erp::tree::Tree;
use crate::fusion::ess;
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::soap;
use crate::problem::{Failure, Result, warning};

/// See the module.
pub struct ImportCompleted;

/// How long the host remembers an event: a pod repeats a callback for days.
const DEDUP_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// When to poll again while loads run.
const AGAIN_MS: u64 = 60_000;
/// Callbacks are small; the tree of a load of hundreds of files is.
pub const MOST_BODY: usize = 1 << 20;
/// Requests that one trigger watches by polling.
const MOST: usize = 100;

/// Which loads.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Import completed", deny_unknown_fields)]
pub struct Input {
    /// Request ids to poll, as import_bulk_data answers them. A callback needs none: then every load that the pod
    /// confirms is an event.
    #[schemars(title = "Request ids", length(max = 100), extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub request_ids: Option<Vec<String>>,
}

/// A load that has ended.
#[derive(JsonSchema)]
#[schemars(title = "Load that ended")]
#[allow(dead_code)]
pub struct Payload {
    /// Its request.
    request_id: String,
    /// Its state.
    state: String,
    /// True.
    ended: bool,
    /// succeeded, warning or failed. What arrived is told by import_bulk_data and not by this.
    #[schemars(with = "Anything")]
    outcome: Option<String>,
    /// What the state means and what to do, where it needs saying.
    #[schemars(default)]
    meaning: Option<String>,
    /// Document with logs and error files.
    #[schemars(default)]
    document_id: Option<String>,
    /// All jobs of the load.
    #[schemars(default)]
    jobs: Option<Vec<Job>>,
}

#[derive(Default, Serialize, Deserialize)]
struct Cursor {
    v: u8,
    /// Requests that have been told.
    done: Vec<String>,
}

impl Trigger for ImportCompleted {
    const SPEC: Spec = Spec {
        id: "import_completed",
        title: "Import completed",
        description: "Starts when a bulk load has ended: by polling its request, or by the pod's callback (onJobCompletion) or business event, which is verified with the pod before it is believed.",
        group: "Triggers (poll)",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"request_ids":["9762926"]}"#,
        sample_output: r#"{"request_id":"9762926","state":"SUCCEEDED","ended":true,"outcome":"succeeded","document_id":"1658852","jobs":[{"request_id":"9762926","name":"Load Interface File for Import","state":"SUCCEEDED","parent_request_id":null}]}"#,
    };
    const DELIVERIES: &'static [Delivery] = &[Delivery::Poll, Delivery::Receive];
    type Input = Input;
    type Payload = Payload;

    fn poll(pod: &Pod, input: Input, cursor: Option<&str>) -> Result<PollResult> {
        let ids = input.request_ids.unwrap_or_default();
        if ids.is_empty() || ids.len() > MOST || !ids.iter().all(|id| is_id(id)) {
            return Err(Failure::invalid(
                "/request_ids",
                "request ids are expected for polling, digits alone, 100 at most",
            ));
        }
        poll(pod, &ids, cursor, true)
    }

    fn receive(pod: &Pod, input: Input, request: &WebhookRequest) -> Result<Receipt> {
        let id = match named(request, input.request_ids.as_deref()) {
            Ok(id) => id,
            Err(status) => return Ok(receipt(status, Vec::new())),
        };
        confirmed(pod, &id, true, request)
    }
}

/// Looks at each request that has not been told, and tells those that ended.
///
/// # Errors
/// Those of a read, where nothing was found out yet; a cursor of something else.
pub fn poll(pod: &Pod, ids: &[String], cursor: Option<&str>, load: bool) -> Result<PollResult> {
    let mut kept = match cursor {
        None => Cursor { v: 1, done: Vec::new() },
        Some(text) => crate::json::from_str::<Cursor>(text).ok().filter(|cursor| cursor.v == 1).ok_or_else(|| {
            Failure::permanent(ProblemKind::InvalidInput, "The cursor is not one that this trigger answered.")
                .remedy("Begin without a cursor, or with another state file.")
        })?,
    };
    let ids: Vec<String> = ids.iter().map(|id| bare(id)).collect();
    kept.done.retain(|id| ids.contains(id));
    let (mut events, mut warnings) = (Vec::new(), Vec::new());
    for id in &ids {
        if kept.done.contains(id) || !pod.has_time() {
            continue;
        }
        match jobs::look(pod, id, load) {
            Ok(look) => {
                if let Some(event) = event(id, &look) {
                    events.push(event);
                    kept.done.push(id.clone());
                } else if look.state.is_empty() {
                    warnings.push(warning(
                        "unknown_request",
                        "The pod knows no such request, or not yet.",
                        Some(id.clone()),
                    ));
                }
            }
            Err(failure) if failure.again && !events.is_empty() => break,
            Err(failure) => return Err(failure),
        }
    }
    Ok(PollResult {
        events,
        cursor: serde_json::to_string(&kept).map_err(|error| Failure::internal(error.to_string()))?,
        has_more: false,
        next_poll_after_ms: (kept.done.len() < ids.len()).then_some(AGAIN_MS),
        dedup_for_ms: DEDUP_MS,
        warnings,
    })
}

fn event(id: &str, look: &Look) -> Option<Event> {
    state::end(&look.state)?;
    let occurred = look.request.as_ref().and_then(|request| request.completed.clone());
    let payload = Value::Object(told(id, look)).to_string();
    Some(Event { dedup_key: format!("{id}:ended"), occurred_at: occurred, payload })
}

/// Whether a request is a load and not a job of another kind or a step of a load: the scheduler tells, and the jobs
/// of the request where the scheduler does not show it.
fn is_load(pod: &Pod, id: &str, look: &Look) -> Result<bool> {
    let request = match &look.request {
        Some(request) => Ok(Some(request.clone())),
        None => ess::request(pod, id),
    };
    match request {
        Ok(Some(request)) if request.definition.is_some() => return Ok(request.runs(LOADER)),
        Err(failure) if failure.kind() != ProblemKind::Forbidden => return Err(failure),
        _ => {}
    }
    let first = look.tree.as_ref().and_then(|tree| tree.jobs.first());
    Ok(first.is_some_and(|job| job.id == id && !job.document.is_empty()))
}

/// The event that the pod confirms. Early, the sender is asked to come again; of a request that the pod does
/// not know, and of one that is no `load` where one is wanted, nothing comes.
///
/// # Errors
/// Those of a read: the sender comes again then.
pub fn confirmed(pod: &Pod, id: &str, load: bool, request: &WebhookRequest) -> Result<Receipt> {
    let look = jobs::look(pod, id, load)?;
    if look.state.is_empty() {
        return Ok(receipt(404, Vec::new()));
    }
    if load && !is_load(pod, id, &look)? {
        return Ok(receipt(202, Vec::new()));
    }
    let Some(event) = event(id, &look) else {
        let mut early = receipt(503, Vec::new());
        early.headers.push(("retry-after".to_owned(), "60".to_owned()));
        return Ok(early);
    };
    Ok(received(event, request))
}

/// What whoever sent an event that was confirmed is answered, in the protocol of the request.
pub fn received(event: Event, request: &WebhookRequest) -> Receipt {
    let mut done = receipt(200, vec![event]);
    if is_soap(request) {
        done.headers.push(("content-type".to_owned(), "text/xml; charset=utf-8".to_owned()));
        done.body = br#"<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body/></soapenv:Envelope>"#.to_vec();
    }
    done
}

/// An answer without a body.
pub fn receipt(status: u16, events: Vec<Event>) -> Receipt {
    Receipt { events, status, headers: Vec::new(), body: Vec::new() }
}

/// Whether the body is XML.
pub fn is_soap(request: &WebhookRequest) -> bool {
    request.body.iter().find(|byte| !byte.is_ascii_whitespace() && **byte < 0x80) == Some(&b'<')
}

/// An id as the pod writes it: another spelling is no other request.
fn bare(id: &str) -> String {
    id.trim().trim_start_matches('0').to_owned()
}

/// The request that a message speaks of: `requestId` of `onJobCompletion`, or the first job of the tree that it or
/// an event carries (FACTS 7).
///
/// # Errors
/// The status to answer: 400 where it names none, 202 where it names several, or one that is not `wanted`.
pub fn named(request: &WebhookRequest, wanted: Option<&[String]>) -> std::result::Result<String, u16> {
    let mut ids = Vec::new();
    if request.method == "POST" && request.body.len() <= MOST_BODY {
        let text = String::from_utf8_lossy(&request.body);
        if is_soap(request) {
            ids.extend(["requestId", "RequestId", "REQUESTID"].iter().find_map(|name| soap::element(&text, name)));
            soap::element(&text, "resultMessage").iter().for_each(|text| within(text, 4, &mut ids));
        } else {
            within(&text, 4, &mut ids);
        }
    }
    let mut ids = ids.iter().map(|id| bare(id)).filter(|id| is_id(id));
    let id = ids.next().ok_or(400_u16)?;
    let wanted = wanted.is_none_or(|wanted| wanted.is_empty() || wanted.iter().any(|other| bare(other) == id));
    if wanted && ids.all(|other| other == id) { Ok(id) } else { Err(202) }
}

/// Ids in JSON: events come bare or wrapped in an envelope of their own.
fn within(text: &str, depth: u8, ids: &mut Vec<String>) {
    let Some(Value::Object(object)) = serde_json::from_str(text).ok().filter(|_| depth > 0) else { return };
    let value = Value::Object(object);
    ids.extend(Tree::of(&value).and_then(|tree| tree.jobs.into_iter().next()).map(|job| job.id));
    for (name, member) in value.as_object().into_iter().flatten() {
        let text = member.as_str().map_or_else(|| member.to_string(), str::to_owned);
        if matches!(name.to_ascii_lowercase().as_str(), "requestid" | "reqstid") {
            ids.push(text);
        } else {
            within(&text, depth - 1, ids);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::contract::Kind;
    use crate::http::fake::{Fake, json as answer};
    use crate::operations::Entry;
    use crate::settings::Settings;

    const EVENT: &str = r#"{"SUMMARYSTATUS":"SUCCEEDED","DOCUMENTID":"1658852","JOBS":[{"JOBNAME":"Load Interface File for Import","REQUESTID":"1391805","STATUS":"SUCCEEDED","CHILD":[{"REQUESTID":"1391807","STATUS":"SUCCEEDED"}]}]}"#;

    fn post(body: &str) -> WebhookRequest {
        WebhookRequest { method: "POST".into(), path_with_query: "/".into(), headers: Vec::new(), body: body.into() }
    }

    fn with<T>(door: &Fake, run: impl FnOnce(&Pod) -> T) -> T {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        run(&Pod::new(door, &settings, None).unwrap())
    }

    fn receive(door: &Fake, body: &str) -> Receipt {
        with(door, |pod| {
            Entry::find("import_completed", Kind::Trigger).unwrap().receive(pod, "{}", &post(body)).unwrap()
        })
    }

    fn state(state: &str) -> std::result::Result<crate::http::Response, crate::http::SendError> {
        answer(200, &format!(r#"{{"items":[{{"RequestStatus":"{state}"}}]}}"#))
    }

    #[test]
    fn callbacks_and_events_name_their_load() {
        let soap = r#"<e:Envelope xmlns:e="x"><e:Body><n:onJobCompletion xmlns:n="y"><n:requestId>1391805</n:requestId><n:state>SUCCEEDED</n:state></n:onJobCompletion></e:Body></e:Envelope>"#;
        let inside = format!("<a><resultMessage>{}</resultMessage></a>", EVENT.replace('"', "&quot;"));
        let wrapped = json!({"ErpImportBulkDataEvent": {"result": EVENT}}).to_string();
        for body in [soap, EVENT, &inside, &wrapped] {
            assert_eq!(named(&post(body), None).as_deref(), Ok("1391805"), "{body}");
        }
    }

    #[test]
    fn another_spelling_of_an_id_is_no_other_event() {
        for body in [r#"{"requestId":"0001391805"}"#, "<a><requestId> 01391805</requestId></a>"] {
            let told = receive(&Fake::new([state("SUCCEEDED"), answer(200, "{}"), runs(LOADER)]), body);
            let payload: Value = serde_json::from_str(&told.events[0].payload).unwrap();
            assert_eq!(
                (told.events[0].dedup_key.as_str(), &payload["request_id"]),
                ("1391805:ended", &json!("1391805"))
            );
        }
        assert_eq!(named(&post(r#"{"requestId":"07"}"#), Some(&["007".to_owned()])).as_deref(), Ok("7"));
        let input = r#"{"request_ids":["5","005"]}"#;
        let door = Fake::new([state("SUCCEEDED"), answer(200, r#"{"items":[]}"#)]);
        let poll = |pod: &Pod| Entry::find("import_completed", Kind::Trigger).unwrap().poll(pod, input, None).unwrap();
        assert_eq!(with(&door, poll).events.len(), 1);
    }

    #[test]
    fn what_is_told_is_believed_when_the_pod_says_so() {
        let tree = json!({"items": [{"RequestStatus": EVENT}]}).to_string();
        let told = receive(&Fake::new([state("SUCCEEDED"), answer(200, &tree), runs(LOADER)]), EVENT);
        assert_eq!((told.status, told.events[0].dedup_key.as_str()), (200, "1391805:ended"));
        // Early: the sender comes again. Forged: the pod knows no such request.
        assert_eq!(receive(&Fake::new([state("PAUSED"), answer(200, &tree), runs(LOADER)]), EVENT).status, 503);
        let forged = receive(&Fake::new([state(""), answer(404, "{}")]), EVENT);
        assert!(forged.status == 404 && forged.events.is_empty());
        assert_eq!(receive(&Fake::new([]), "hello").status, 400);
    }

    /// What the scheduler tells of a request that has ended.
    fn runs(job: &str) -> std::result::Result<crate::http::Response, crate::http::SendError> {
        let definition = format!("JobDefinition:/{}", job.replace(',', "/"));
        answer(200, &json!({"requestId": 1391805, "state": "SUCCEEDED", "jobDefinitionId": definition}).to_string())
    }

    #[test]
    fn a_request_that_is_no_load_and_a_message_about_two_are_no_event() {
        let invoices = "/oracle/apps/ess/financials/payables/invoices/transactions,APXIIMPT";
        let told = |answers: Vec<_>, body: &str| {
            let told = receive(&Fake::new(answers), body);
            (told.status, told.events.len())
        };
        let body = r#"{"requestId":1391805}"#;
        assert_eq!(told(vec![state(""), runs(invoices)], body), (202, 0));
        let tree = json!({"items": [{"RequestStatus": EVENT}]}).to_string();
        assert_eq!(told(vec![state("SUCCEEDED"), answer(200, &tree), runs(invoices)], body), (202, 0));
        // The scheduler does not show it: a load names the document that it loads.
        assert_eq!(told(vec![state("SUCCEEDED"), answer(200, &tree), answer(403, "{}")], body), (202, 0));
        let load = tree.replace(r#"\"STATUS\""#, r#"\"DOCUMENTNAME\":\"x.zip\",\"STATUS\""#);
        assert_eq!(told(vec![state("SUCCEEDED"), answer(200, &load), answer(403, "{}")], body), (200, 1));
        let two = r#"{"requestId":"1391805","JOBS":[{"REQUESTID":"9762905"}]}"#;
        assert_eq!(told(Vec::new(), two), (202, 0));
    }

    #[test]
    fn each_load_is_told_once_by_polling() {
        let poll = |door: &Fake, cursor: Option<&str>| {
            let input = r#"{"request_ids":["5","6"]}"#;
            with(door, |pod| Entry::find("import_completed", Kind::Trigger).unwrap().poll(pod, input, cursor).unwrap())
        };
        let none = || answer(200, r#"{"items":[]}"#);
        let first = poll(&Fake::new([state("SUCCEEDED"), none(), state("RUNNING"), none()]), None);
        assert_eq!((first.events.len(), first.next_poll_after_ms), (1, Some(AGAIN_MS)));
        let second = poll(&Fake::new([state("ERROR"), none()]), Some(&first.cursor));
        assert_eq!((second.events[0].dedup_key.as_str(), second.next_poll_after_ms), ("6:ended", None));
    }

    proptest! {
        #[test]
        fn no_body_traps(body in "[<>{}\":,a-zA-Z0-9 /]{0,120}") {
            let _ = named(&post(&body), None);
        }
    }
}
