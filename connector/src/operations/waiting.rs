//! Actions that start one job and wait for its end, and what they answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::file::{AnsweredFile, opened};
use super::get_ess_job::told;
use crate::contract::Outcome;
use crate::fusion::erp::jobs::{Look, Seen, Watch};
use crate::fusion::erp::mark::{self, Later};
use crate::fusion::erp::send::Submitted;
use crate::fusion::erp::{self, state};
use crate::fusion::pod::Pod;
use crate::problem::{Failure, Result};

/// Looks for a document that the job leaves behind; it is stored a little after the job's end.
const DOCUMENT_LOOKS: u8 = 6;
const DOCUMENT_WAIT_MS: u64 = 3_000;

/// A job that is waited for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Waiting {
    watch: Watch,
    /// It was found after its answer was lost.
    recovered: bool,
    /// The document that the pod named when it took the job.
    document: Option<String>,
    /// How often its document was looked for.
    looks: u8,
}

/// What became of a job.
#[derive(JsonSchema)]
#[schemars(title = "ESS job submitted")]
#[allow(dead_code)]
pub struct Ended {
    /// Id of the request.
    request_id: String,
    /// Its state.
    state: String,
    /// Whether it has ended.
    ended: bool,
    /// succeeded, warning or failed; null where it was not waited for.
    #[schemars(with = "crate::fusion::query::Anything")]
    outcome: Option<String>,
    /// Whether it was found after its answer was lost.
    #[schemars(default)]
    recovered: Option<bool>,
    /// What the state means and what to do, where it needs saying.
    #[schemars(default)]
    meaning: Option<String>,
    /// The document that it left behind.
    #[schemars(default)]
    document_id: Option<String>,
    /// The document's files.
    #[schemars(default)]
    files: Option<Vec<AnsweredFile>>,
}

/// What is done, and how long it is waited for.
pub struct Plan<'a> {
    /// The action.
    pub action: &'a str,
    /// For people, as in "Export".
    pub what: &'a str,
    /// Most minutes to wait.
    pub minutes: Option<u32>,
    /// Beginnings of the names of the document that the job leaves behind, the likeliest first; `{}` stands
    /// for the request's id. Nothing is looked for where there are none.
    pub documents: &'a [String],
    /// Account to look in.
    pub account: Option<&'a str>,
    /// Whether a zip is opened.
    pub open: bool,
}

impl Waiting {
    /// Of a job that was submitted.
    pub fn new(pod: &Pod, submitted: &Submitted, recovered: bool) -> Self {
        Self { watch: Watch::new(pod, &submitted.request), recovered, document: submitted.document.clone(), looks: 0 }
    }

    /// The request's id.
    pub fn id(&self) -> &str {
        &self.watch.id
    }

    /// What is answered where nobody waits.
    pub fn submitted(&self) -> Map<String, Value> {
        let mut told = told(self.id(), &Look { state: "WAIT".to_owned(), ..Look::default() });
        told.remove("meaning");
        self.mark(&mut told);
        told
    }

    fn mark(&self, told: &mut Map<String, Value>) {
        if self.recovered {
            // A request carries no mark of the call.
            let told_before = told.get("meaning").and_then(Value::as_str).unwrap_or_default();
            let meaning = format!(
                "It was there with the same parameters, made since this call began: where another call made it, this one was not submitted. {told_before}"
            );
            told.insert("recovered".to_owned(), true.into());
            told.insert("meaning".to_owned(), meaning.trim_end().into());
        }
    }

    /// The first pending answer.
    ///
    /// # Errors
    /// `internal`.
    pub fn begin<T: Serialize>(&self, pod: &Pod, plan: &Plan, state: &T) -> Result<Outcome> {
        mark::pend(pod, plan.action, state, self.watch.first(plan.what))
    }

    /// Looks once; answers the pending answer's words or the end.
    ///
    /// # Errors
    /// Those of looking and of reading the document.
    pub fn go_on(&mut self, pod: &Pod, plan: &Plan) -> Result<std::result::Result<Map<String, Value>, Later>> {
        let (end, look) = match self.watch.look(pod, plan.what, 0, plan.minutes)? {
            Seen::Going(later) => return Ok(Err(later)),
            Seen::Ended(end, look) => (end, look),
        };
        let mut told = told(self.id(), &look);
        self.mark(&mut told);
        if plan.documents.is_empty() || end == state::End::Failed {
            return Ok(Ok(told));
        }
        let found = match self.document(pod, plan) {
            Ok(found) => found,
            Err(failure) if failure.again && self.looks < DOCUMENT_LOOKS => None,
            Err(failure) => return Err(failure),
        };
        self.looks += 1;
        match found {
            Some(id) => {
                let document = erp::document(pod, &id)?.ok_or_else(|| erp::no_document(&id))?;
                let name = document.name.clone().unwrap_or_else(|| format!("{id}.zip"));
                told.insert("document_id".to_owned(), id.into());
                told.insert(
                    "files".to_owned(),
                    opened(&name, &mut std::io::Cursor::new(document.bytes), plan.open)?.into(),
                );
                Ok(Ok(told))
            }
            None if self.looks < DOCUMENT_LOOKS => Ok(Err(Later {
                status: format!("{}: request {} has ended; its document is not there yet", plan.what, self.id()),
                progress: Some(99),
                wait_ms: DOCUMENT_WAIT_MS,
            })),
            None => Ok(Ok(told)),
        }
    }

    fn document(&self, pod: &Pod, plan: &Plan) -> Result<Option<String>> {
        if self.document.is_some() {
            return Ok(self.document.clone());
        }
        for pattern in plan.documents {
            let ids = erp::document_ids(pod, &pattern.replace("{}", self.id()), plan.account, None)?;
            if let Some(id) = ids.last() {
                return Ok(Some(id.clone()));
            }
        }
        Ok(None)
    }
}

/// Goes on with a job whose token holds nothing but it.
///
/// # Errors
/// Those of going on.
pub fn resumed(pod: &Pod, plan: &Plan, token: &str) -> Result<Outcome> {
    let mut waiting: Waiting = mark::read(pod, plan.action, token)?;
    match waiting.go_on(pod, plan)? {
        Ok(told) => Ok(Outcome::Done(Value::Object(told).to_string())),
        Err(later) => mark::pend(pod, plan.action, &waiting, later),
    }
}

/// The positional list; every slot is kept (F3).
///
/// # Errors
/// `invalid-input` for a value that would be two.
pub fn positional(given: Option<&[String]>, at: &str) -> Result<String> {
    let given = given.unwrap_or_default();
    match given.iter().position(|value| value.contains([',', '\n', '\r'])) {
        Some(index) if given.len() > 1 => Err(Failure::invalid(
            format!("{at}/{index}"),
            "it holds a comma or a line end, and values are told apart by commas",
        )),
        _ => Ok(given.join(",")),
    }
}

/// A package with its leading slash.
pub fn package(text: &str) -> String {
    format!("/{}", text.trim().trim_matches('/'))
}
