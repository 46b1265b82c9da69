//! What is sent to `erpintegrations`: one flat object, whose document may pass through without being held.

use std::io::{self, Read};

use serde_json::{Map, Value};

use super::super::pod::{Carried, Lost, Pod};
use super::{address, doing, told};
use crate::contract::ProblemKind;
use crate::fusion::write::whole_object;
use crate::http::{Method, Stream};
use crate::problem::Failure;

/// A job's answer to being submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Request id.
    pub request: String,
    /// The document that was stored with it, if any.
    pub document: Option<String>,
}

/// Sends an operation and answers its object as text. `content` is the document in base64.
///
/// # Errors
/// [`Lost`], which tells whether it may have happened.
pub fn send(
    pod: &Pod,
    what: &str,
    operation: &str,
    fields: &[(&str, &str)],
    content: Option<Stream>,
) -> Result<String, Lost> {
    let mut body = Map::new();
    body.insert("OperationName".to_owned(), operation.into());
    body.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
    let mut head = Value::Object(body).to_string();
    let address = address(pod);
    let answer = match content {
        None => pod.write(Method::Post, doing(what), &address, head.as_bytes())?,
        Some(content) => {
            head.pop();
            head.push_str(",\"DocumentContent\":\"");
            let around = u64::try_from(head.len()).unwrap_or_default() + 2;
            let open = || -> io::Result<Box<dyn Read + '_>> {
                Ok(Box::new(head.as_bytes().chain((content.open)()?).chain(&b"\"}"[..])))
            };
            let stream = Some(Stream { len: content.len.saturating_add(around), open: &open });
            pod.exact(Method::Post, doing(what), &address, Carried { stream, ..Carried::default() })?
        }
    };
    whole_object(&answer.body)
        .ok_or_else(|| Lost::Unknown(pod.unexpected(doing(what), "its answer cannot be read").status(answer.status)))
}

/// Sends an operation that starts a job.
///
/// # Errors
/// [`Lost`]; `forbidden` where the pod answers the request id -1 (T1).
pub fn submit(
    pod: &Pod,
    what: &str,
    operation: &str,
    job: &str,
    fields: &[(&str, &str)],
    content: Option<Stream>,
) -> Result<Submitted, Lost> {
    let row = send(pod, what, operation, fields, content)?;
    match told(&row, "ReqstId") {
        Some(id) if is_id(&id) => Ok(Submitted { request: id, document: told(&row, "DocumentId") }),
        Some(id) => Err(Lost::Refused(refused(what, job, &id))),
        None => Err(Lost::Unknown(pod.unexpected(doing(what), "it names no request"))),
    }
}

/// Whether a text can be the id of a request.
pub fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// T1: the pod answers 200 and the id -1.
fn refused(what: &str, job: &str, id: &str) -> Failure {
    let mut failure = Failure::permanent(
        ProblemKind::Forbidden,
        format!("Could not {what}: the pod did not start the job {job}; it answered the request id {id}."),
    )
    .remedy("Either there is no job of this package and definition on this pod (case counts; look it up in Manage Enterprise Scheduler Job Definitions), or the user may not run it: add a role with the privilege to run the job, then run User and Roles Synchronization.");
    failure.problem.remote_code = Some(id.to_owned());
    failure
}

/// It may have happened, and nothing tells whether it did.
pub fn unknown(cause: &Failure, what: &str, remedy: &str) -> Failure {
    let mut failure =
        Failure::permanent(ProblemKind::UnknownOutcome, format!("{what}: {}", cause.problem.message)).remedy(remedy);
    failure.problem.http_status = cause.problem.http_status;
    failure.problem.trace_id.clone_from(&cause.problem.trace_id);
    failure
}
