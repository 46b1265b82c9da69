//! Failures, told so that a person can act on them: what happened, to what, what to do.
//!
//! `Failure` is the one error type of the crate; it becomes the contract's `error` at the edge. It is made
//! by naming the kind and the message, then adding what is known. No secret enters: texts of the pod pass
//! through [`crate::settings::Secrets::hide`] first.

use crate::contract::{Error, FieldProblem, Problem, ProblemKind, Warning};

/// A failed call; `again` tells whether the same call may succeed later.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What is told.
    pub problem: Box<Problem>,
    /// Whether it is `transient`.
    pub again: bool,
}

/// What functions of this crate answer.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure that will happen again.
    pub fn permanent(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self { problem: Box::new(blank(kind, message.into())), again: false }
    }

    /// A failure that may pass by itself.
    pub fn transient(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self { problem: Box::new(blank(kind, message.into())), again: true }
    }

    /// One place of the input does not fit; nothing was sent. `pointer` is an RFC 6901 JSON pointer.
    pub fn invalid(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        let pointer = pointer.into();
        let place = if pointer.is_empty() { "The input".to_owned() } else { format!("The input at {pointer}") };
        let mut failure = Self::permanent(ProblemKind::InvalidInput, format!("{place} does not fit: {message}"));
        failure.problem.fields.push(FieldProblem { pointer, message });
        failure
    }

    /// Several places of the input do not fit; nothing was sent. `what` is "input" or "connection settings".
    pub fn invalid_fields(what: &str, fields: Vec<FieldProblem>) -> Self {
        let told: Vec<String> = fields
            .iter()
            .map(|field| match field.pointer.as_str() {
                "" => field.message.clone(),
                pointer => format!("{pointer}: {}", field.message),
            })
            .collect();
        let mut failure = Self::permanent(
            ProblemKind::InvalidInput,
            format!(
                "The {what} {} not fit the form: {}",
                if what.ends_with('s') { "do" } else { "does" },
                told.join("; ")
            ),
        );
        failure.problem.fields = fields;
        failure
    }

    /// A defect of the connector.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::permanent(ProblemKind::Internal, message)
            .remedy("This is a defect of the connector. Report it with the operation and its input.")
    }

    /// Says where in the input or the settings it lies, which makes it a refusal: nothing was sent.
    #[must_use]
    pub fn at(mut self, pointer: &str) -> Self {
        let message = self.problem.message.clone();
        self.problem.fields.push(FieldProblem { pointer: pointer.to_owned(), message });
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.problem.remedy = Some(remedy.into());
        self
    }

    /// Adds what to do, where nothing was said yet.
    #[must_use]
    pub fn or_remedy(mut self, remedy: impl FnOnce() -> String) -> Self {
        if self.problem.remedy.is_none() {
            self.problem.remedy = Some(remedy());
        }
        self
    }

    /// Adds the status of the pod's answer.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.problem.http_status = Some(status);
        self
    }

    /// Adds how long to wait before trying again.
    #[must_use]
    pub fn retry_after_ms(mut self, after: Option<u64>) -> Self {
        self.problem.retry_after_ms = after;
        self
    }

    /// Whether the pod refused with this code.
    pub fn has_code(&self, code: &str) -> bool {
        self.problem.remote_code.as_deref() == Some(code)
    }

    /// The kind of the problem.
    pub fn kind(&self) -> ProblemKind {
        self.problem.kind
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        if failure.again { Self::Transient(*failure.problem) } else { Self::Permanent(*failure.problem) }
    }
}

/// A warning about the record of `key`, if it is about one.
pub fn warning(code: &str, message: impl Into<String>, key: Option<String>) -> Warning {
    Warning { code: code.to_owned(), message: message.into(), key }
}

fn blank(kind: ProblemKind, message: String) -> Problem {
    Problem {
        kind,
        message,
        remedy: None,
        http_status: None,
        remote_code: None,
        trace_id: None,
        retry_after_ms: None,
        fields: Vec::new(),
    }
}
