//! The steps of an invoice: created, attachments, validated, read back. Each is done once, however often the
//! call is repeated, and says how it stands.

use std::cell::RefCell;
use std::time::Duration;

use serde_json::{Value, json};

use super::amounts;
use crate::contract::{ProblemKind, Warning};
use crate::fusion::page::{Envelope, PAGE};
use crate::fusion::pod::{Doing, Pod};
use crate::fusion::record::{pick, plain};
use crate::fusion::target::Target;
use crate::fusion::write::attach::{Attachment, Content, Place};
use crate::fusion::write::{self, How, action};
use crate::operations::many::error;
use crate::problem::{Failure, Result, warning};

/// An invoice and what became of its steps.
pub struct Invoice<'a> {
    pod: &'a Pod<'a>,
    target: &'a Target,
    /// How it came to be there.
    pub how: How,
    /// As the pod last told it.
    pub record: String,
    /// What is to be known.
    pub warnings: Vec<Warning>,
    /// One entry for each step.
    pub steps: Vec<Value>,
    key: String,
}

impl<'a> Invoice<'a> {
    /// Creates it, or takes the one that is there where it is the same.
    ///
    /// # Errors
    /// `conflict` with what differs; those of a create.
    pub fn create(pod: &'a Pod<'a>, target: &'a Target, invoice: &str) -> Result<Self> {
        let further = RefCell::new(Vec::new());
        let differences = |sent: &str, found: &str| {
            let key = target.key_of(found).unwrap_or_default();
            let [lines] = pick(sent, ["invoiceLines"]);
            let stored = if lines.is_some() { lines_of(pod, target, &key)? } else { Vec::new() };
            let differing = amounts::differences(sent, found, &stored);
            *further.borrow_mut() = differing.further;
            Ok(differing.other)
        };
        let created = write::create_as(pod, target, invoice, write::natural_key(target, invoice), &[], &differences)?;
        let state = match created.how {
            How::Created => "done",
            How::AlreadyExisted => "already_done",
            How::Recovered | How::Before => "recovered",
        };
        let key = target.key_of(&created.record).ok_or_else(|| {
            let doing = Doing { what: "create the invoice", object: &target.name };
            pod.unexpected(doing, "it does not tell the invoice's key")
        })?;
        let mut warnings = created.warnings;
        let further = further.into_inner();
        if !further.is_empty() {
            let told = format!(
                "The invoice is there and was left as it is, and not all of it is as sent: {}.",
                further.join("; ")
            );
            warnings.push(warning("differs", told, Some(key.clone())));
        }
        Ok(Self {
            pod,
            target,
            how: created.how,
            record: created.record,
            warnings,
            steps: vec![json!({"step": "create", "state": state})],
            key,
        })
    }

    /// Attaches what is not there.
    ///
    /// # Errors
    /// What may pass by itself: the call is to be repeated, and goes on where it stopped.
    pub fn attach(&mut self, attachments: &[Attachment]) -> Result<()> {
        for attachment in attachments {
            let name = match (&attachment.content, &attachment.title) {
                (Content::File { name, .. }, _) => name.clone(),
                (_, Some(title)) => title.clone(),
                (Content::Link(link), None) => link.clone(),
                (Content::Text(_), None) => "text".to_owned(),
            };
            let outcome = Place::new(self.pod, self.target, &self.key, None).and_then(|place| place.add(attachment));
            let state = outcome.map(|added| match added.how {
                "added" => "done",
                "already_there" => "already_done",
                other => other,
            });
            self.step("attachment", Some(&name), state)?;
        }
        Ok(())
    }

    /// Validates it, unless it is validated.
    ///
    /// # Errors
    /// As for [`Invoice::attach`].
    pub fn validate(&mut self) -> Result<()> {
        if self.status().is_none() {
            self.read_back();
        }
        if self.status().as_deref() == Some("Validated") {
            return self.step("validate", None, Ok("already_done"));
        }
        let [number, supplier, unit] = pick(&self.record, ["InvoiceNumber", "Supplier", "BusinessUnit"]);
        let told = |raw: Option<&serde_json::value::RawValue>| raw.and_then(plain).unwrap_or_default();
        let parameters = json!({"ProcessAction": "Validate", "BusinessUnit": told(unit), "Supplier": told(supplier), "InvoiceNumber": told(number)});
        let run = action::run(self.pod, self.target, None, "validateInvoice", &parameters.to_string());
        self.read_back();
        let lost = matches!(&run, Err(failure) if failure.kind() == ProblemKind::UnknownOutcome);
        for wait in [700, 1300] {
            // The pod may go on with what the edge gave up on (E7).
            if !lost || self.status().as_deref() == Some("Validated") || !self.pod.has_time() {
                break;
            }
            self.pod.wait(Duration::from_millis(wait));
            self.read_back();
        }
        let validated = self.status().as_deref() == Some("Validated");
        let state = match run {
            Ok(_) => Ok("done"),
            Err(failure) if failure.kind() == ProblemKind::UnknownOutcome && validated => Ok("recovered"),
            Err(failure) => Err(failure),
        };
        self.step("validate", None, state)
    }

    /// Reads it again, for what the pod derives after it answers (W4); a moment later where it is not there yet.
    pub fn read_back(&mut self) {
        let what = format!("read back {} {}", self.target.name, self.key);
        let doing = Doing { what: &what, object: &self.target.name };
        let address = self.target.collection(&self.pod.settings.api_version).key(&self.key);
        let Ok(address) = address.map(|address| address.param("expand", "invoiceLines")) else { return };
        for wait in [0, 500] {
            if wait > 0 {
                self.pod.wait(Duration::from_millis(wait));
            }
            let read = self.pod.get_row(doing, &address).ok();
            match read.and_then(|response| write::whole_object(&response.body)) {
                Some(record) => self.record = record,
                None => {
                    let message =
                        "The invoice is there, and could not be read back; what the pod derives may be missing.";
                    self.warnings.push(warning("not_read_back", message, Some(self.key.clone())));
                    return;
                }
            }
            if self.status().is_some() || !self.pod.has_time() {
                return;
            }
        }
    }

    fn status(&self) -> Option<String> {
        let [status] = pick(&self.record, ["ValidationStatus"]);
        status.and_then(plain)
    }

    fn step(&mut self, step: &str, name: Option<&str>, state: Result<&'static str>) -> Result<()> {
        let mut entry = json!({"step": step});
        let mut put = |member: &str, value: Value| {
            if let Some(members) = entry.as_object_mut() {
                members.insert(member.to_owned(), value);
            }
        };
        if let Some(name) = name {
            put("name", name.into());
        }
        match state {
            Ok(state) => put("state", state.into()),
            // The invoice is there, so a repeated call finds it and goes on with what is missing.
            Err(mut failure) if failure.again => {
                failure.problem.message = format!(
                    "Invoice {} is there, and the step {step} is not done: {}",
                    self.key, failure.problem.message
                );
                return Err(failure.or_remedy(|| {
                    "Run the same call again: it finds the invoice and does what is missing.".to_owned()
                }));
            }
            Err(failure) => {
                let unknown = failure.kind() == ProblemKind::UnknownOutcome;
                put("state", if unknown { "unknown" } else { "failed" }.into());
                put("error", error(&failure));
                let message = format!("The step {step} is not done: {}", failure.problem.message);
                self.warnings.push(warning("step_failed", message, Some(self.key.clone())));
            }
        }
        self.steps.push(entry);
        Ok(())
    }
}

/// The lines of an invoice that is there.
fn lines_of(pod: &Pod, target: &Target, key: &str) -> Result<Vec<String>> {
    let what = format!("read the lines of {} {key}", target.name);
    let doing = Doing { what: &what, object: &target.name };
    let place = target.collection(&pod.settings.api_version).key(key)?.segment("child").segment("invoiceLines");
    let mut lines = Vec::new();
    loop {
        let address = place
            .clone()
            .param("onlyData", "true")
            .param("orderBy", "LineNumber:asc")
            .param("limit", &PAGE.to_string())
            .param("offset", &lines.len().to_string());
        let response = pod.get(doing, &address)?;
        let envelope: Envelope = crate::json::from_slice(&response.body)
            .map_err(|error| pod.garbled(doing, &format!("the body is not a list of lines ({error})")))?;
        let before = lines.len();
        lines.extend(envelope.items.iter().map(|line| line.get().to_owned()));
        if envelope.has_more != Some(true) || lines.len() == before {
            return Ok(lines);
        }
        if !pod.has_time() {
            return Err(Failure::transient(
                ProblemKind::TimedOut,
                "There was no time to read all lines of the invoice that is there.",
            )
            .remedy("Run the same call again with more time: it compares them with what was sent."));
        }
    }
}
