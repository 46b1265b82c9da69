//! What is told of a tree of requests: the structure that was recorded (FACTS 7), in the execution details, in the
//! event and in the callback.

use jiff::Timestamp;
use serde_json::{Value as JsonValue, json};

use super::callback::{Callback, CallbackKind};
use crate::bulk::Bulk;
use crate::ess::{Request, State, Task};
use crate::soap;

/// The namespace of the message that a receiver of callbacks serves.
const CALLBACK: &str = "http://xmlns.oracle.com/scheduler";

/// `{"SUMMARYSTATUS", "DOCUMENTID", "JOBS"}` of a request and all below it; none where there is no such request.
pub(crate) fn tree(bulk: &Bulk, id: u64) -> Option<JsonValue> {
    let top = bulk.scheduler.get(id)?;
    let mut jobs = Vec::new();
    let (mut document, mut name) = (None, None);
    if let Task::Load(load) = &top.task {
        document = load.logs.filter(|_| !top.behaviour.no_document);
        name = bulk.library.get(load.document).map(|document| document.name.clone());
    }
    let is_file = |request: &&Request| matches!(request.task, Task::Transfer | Task::File(_));
    let load = matches!(top.task, Task::Load(_));
    let own: Vec<JsonValue> =
        bulk.scheduler.children(id).filter(|child| !load || is_file(child)).map(|child| one(bulk, child)).collect();
    jobs.push(entry(top, name.as_deref(), true, own));
    if load {
        // The import and the upload stand beside the load, not below it.
        for child in bulk.scheduler.children(id).filter(|child| !is_file(child)) {
            let below = bulk.scheduler.children(child.id).map(|below| one(bulk, below)).collect();
            jobs.push(entry(child, None, true, below));
        }
    }
    if let Task::Export(export) = &top.task {
        document = export.output.filter(|_| !top.behaviour.no_document);
    }
    Some(json!({
        "SUMMARYSTATUS": top.state.name(), "DOCUMENTID": document.map(|id| id.to_string()), "JOBS": jobs,
    }))
}

fn one(bulk: &Bulk, request: &Request) -> JsonValue {
    let below = bulk.scheduler.children(request.id).map(|below| one(bulk, below)).collect();
    entry(request, None, false, below)
}

fn entry(request: &Request, document: Option<&str>, names_document: bool, below: Vec<JsonValue>) -> JsonValue {
    let mut entry = json!({
        "JOBNAME": request.job.title, "JOBPATH": request.job.package, "REQUESTID": request.id.to_string(),
        "STATUS": request.state.name(),
    });
    if let Some(members) = entry.as_object_mut() {
        if names_document {
            members.insert("DOCUMENTNAME".to_owned(), document.into());
        }
        if !below.is_empty() {
            members.insert("CHILD".to_owned(), below.into());
        }
    }
    entry
}

/// Tells of the end of a load or an export, to whom it was asked to.
pub(crate) fn raise(bulk: &mut Bulk, id: u64, at: Timestamp) {
    let Some(request) = bulk.scheduler.get(id) else { return };
    let (url, event) = match &request.task {
        Task::Load(load) => (load.callback.clone(), load.event),
        Task::Export(export) => (export.callback.clone(), export.event),
        _ => return,
    };
    if request.state == State::Cancelled {
        return;
    }
    let Some(details) = tree(bulk, id).map(|tree| tree.to_string()) else { return };
    let (state, submitter) = (request.state.name(), request.submitter.clone());
    let times = request.behaviour.callbacks.unwrap_or(1);
    let made = |kind, url, body| Callback { kind, url, request_id: id, submitter: submitter.clone(), body, at };
    let message = url.map(|url| {
        let body = format!(
            "<ns1:onJobCompletion xmlns:ns1=\"{CALLBACK}\"><requestId>{id}</requestId><state>{state}</state>\
             <resultMessage>{}</resultMessage></ns1:onJobCompletion>",
            soap::escape(&details)
        );
        made(CallbackKind::OnJobCompletion, Some(callback_url(&url)), soap::envelope(&body))
    });
    let event = event.then(|| made(CallbackKind::BulkDataEvent, None, details));
    for _ in 0..times {
        bulk.callbacks.extend(message.clone());
        bulk.callbacks.extend(event.clone());
    }
}

/// The endpoint: without `?wsdl`, with a slash at the end (FACTS 7).
fn callback_url(url: &str) -> String {
    let end = url.len().saturating_sub(5);
    let url = match url.split_at_checked(end) {
        Some((stem, query)) if query.eq_ignore_ascii_case("?wsdl") => stem,
        _ => url,
    };
    if url.ends_with('/') { url.to_owned() } else { format!("{url}/") }
}
