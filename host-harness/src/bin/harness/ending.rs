//! How a command ends when it does not end well: an exit status, and one problem told to whoever asked.

use std::fmt::Write as _;

use host_harness::contract::types::{Error, Problem, ProblemKind};
use host_harness::transport::{CertificateFault, Failure};
use host_harness::{CallError, Denied};
use serde::Serialize;

/// How a command ends that does not come to its own end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nobody reads any further, as with `| head`: what was wanted is done.
    Unread = 0,
    /// A script is not met, a check failed, an import is not complete.
    NotMet = 1,
    /// Usage, or an input that was refused before anything was sent.
    Usage = 2,
    /// The same call will fail again.
    Permanent = 3,
    /// The same call may succeed later.
    Transient = 4,
    /// The job goes on.
    Pending = 5,
    /// The component broke off.
    Broken = 70,
    /// Interrupted from the keyboard, as shells say it.
    Interrupted = 130,
}

/// A problem record as the contract has it, with names in snake_case. Three kinds are the host's own:
/// `execution-failed`, `script-not-met`, and `answer-not-printed` of what was done.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Told {
    pub kind: String,
    pub message: String,
    pub remedy: Option<String>,
    pub http_status: Option<u16>,
    pub remote_code: Option<String>,
    pub trace_id: Option<String>,
    pub retry_after_ms: Option<u64>,
    pub fields: Vec<Field>,
}

/// A fault in one place of the input.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    pub pointer: String,
    pub message: String,
}

/// The end of a command that is not done. Without a problem everything was said already.
#[derive(Debug)]
pub struct Ending {
    pub exit: Exit,
    pub told: Option<Box<Told>>,
}

impl Ending {
    /// Nothing more to say.
    pub fn silent(exit: Exit) -> Self {
        Self { exit, told: None }
    }

    /// Ends with a problem of the host's own.
    pub fn told(exit: Exit, kind: &str, message: impl Into<String>, remedy: Option<&str>) -> Self {
        let (kind, message) = (kind.to_owned(), message.into());
        let told = Told { kind, message, remedy: remedy.map(str::to_owned), ..Told::default() };
        Self { exit, told: Some(Box::new(told)) }
    }

    /// Where lines are handed over and not merely shown, what nobody read was not taken.
    pub fn not_taken(self) -> Self {
        if self.exit == Exit::Unread { Self::silent(Exit::Transient) } else { self }
    }

    /// Usage: nothing was sent.
    pub fn usage(message: impl Into<String>, remedy: &str) -> Self {
        Self::told(Exit::Usage, "invalid-input", message, Some(remedy))
    }

    /// A call that ended without an answer. `failures` are those of the network that the host saw; `sent` says
    /// whether a request may have gone out, apart from a sign-in before the call.
    pub fn of_call(error: &CallError, failures: &[Failure], sent: bool) -> Self {
        let broken = |message: String, remedy| Self::told(Exit::Broken, "execution-failed", message, Some(remedy));
        let message = error.to_string();
        match error {
            CallError::Problem { error: Error::Transient(problem) } => {
                of_problem(Exit::Transient, problem.clone(), failures, sent)
            }
            CallError::Problem { error: Error::Permanent(problem) } => {
                of_problem(Exit::Permanent, problem.clone(), failures, sent)
            }
            CallError::Unexpected { message } => Self::told(Exit::NotMet, "script-not-met", message, None),
            CallError::OutOfTime { .. } => broken(message, "Give it longer with --timeout, or less to do."),
            CallError::OutOfMemory { .. } => broken(message, "Give it more with --max-memory, or less to do."),
            CallError::OutOfFuel { .. } => broken(message, "Give it more, or less to do."),
            CallError::Files { .. } => Self::usage(message, "Give an existing directory with --files."),
            CallError::Load(_) => Self::usage(message, "Build the component again."),
            CallError::Trapped { .. } | CallError::Problem { .. } => {
                broken(message, "This is a defect of the component: report it with the command that led to it.")
            }
        }
    }
}

fn of_problem(exit: Exit, problem: Problem, failures: &[Failure], sent: bool) -> Ending {
    let mut told = Told {
        kind: kind(problem.kind).to_owned(),
        message: problem.message,
        remedy: problem.remedy,
        http_status: problem.http_status,
        remote_code: problem.remote_code,
        trace_id: problem.trace_id,
        retry_after_ms: problem.retry_after_ms,
        fields: problem
            .fields
            .into_iter()
            .map(|field| Field { pointer: field.pointer, message: field.message })
            .collect(),
    };
    let mut exit = exit;
    // The remote system said nothing that was wrong with the input: it was the connector, before it sent it. Of
    // the other kinds of refusal that is sure where a place in the input is named, or where nothing went out.
    let refused = match problem.kind {
        ProblemKind::InvalidInput => true,
        ProblemKind::TooLarge | ProblemKind::Forbidden | ProblemKind::NotFound | ProblemKind::Unsupported => {
            !sent || !told.fields.is_empty()
        }
        _ => false,
    };
    if exit == Exit::Permanent && refused && told.http_status.is_none() {
        exit = Exit::Usage;
    }
    // A guest learns of a failure only by a code of wasi:http; whoever reads this can use the reason.
    if let (None, Some(failure)) = (told.http_status, failures.last()) {
        let reason = failure.to_string();
        if !told.message.contains(&reason) {
            let stop = if told.message.ends_with('.') { "." } else { "" };
            told.message = format!("{} ({reason}){stop}", told.message.trim_end_matches('.'));
        }
        if let Failure::Certificate { authority, fault, .. } = failure {
            told.remedy = Some(renewal(authority, *fault));
        }
        if let Failure::Denied(denied) = failure {
            // What the host does not allow now it does not allow later either.
            if exit == Exit::Transient {
                exit = Exit::Permanent;
            }
            if !sent {
                exit = Exit::Usage;
            }
            told.remedy = Some(permission(denied));
        }
    }
    Ending { exit, told: Some(Box::new(told)) }
}

/// What helps where a certificate does not verify.
pub fn renewal(authority: &str, fault: CertificateFault) -> String {
    match fault {
        CertificateFault::Expired => format!(
            "Check the date of this machine first. Where it is right, tell whoever runs {authority}: the certificate \
             has to be renewed."
        ),
        CertificateFault::NotYetValid => format!(
            "Check the date of this machine first. Where it is right, tell whoever runs {authority}: the certificate \
             was put in place too early."
        ),
        CertificateFault::OtherName => {
            "Use a name that the certificate carries, where that is the same system.".to_owned()
        }
        CertificateFault::UnknownIssuer => {
            "Where you know that authority and want it trusted, as that of a proxy that inspects traffic or of a test \
             system, give its certificate with --ca-file FILE."
                .to_owned()
        }
        CertificateFault::Damaged => format!(
            "Tell whoever runs {authority}: the certificate or what stands between was changed. Do not go on until \
             that is known."
        ),
        CertificateFault::Other => format!("Tell whoever runs {authority} what is wrong with the certificate."),
    }
}

/// What allows a request that the policy did not let pass.
pub fn permission(denied: &Denied) -> String {
    match denied {
        Denied::NotListed { origin } | Denied::Unexpected { origin } => {
            let origin = origin.to_string();
            let host = origin.strip_prefix("https://").unwrap_or(&origin);
            format!("Where it is right that this connection's data goes there, allow it with --allow-host {host}.")
        }
        Denied::PlainHttp { origin } if origin.is_loopback() => {
            format!("Allow it with --allow-http {}:{}.", origin.host(), origin.port())
        }
        Denied::PlainHttp { .. } => "Give an https address.".to_owned(),
        Denied::NoOrigin => "Give an https address with a host, and without a user name.".to_owned(),
    }
}

/// As the contract spells it.
pub fn kind(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::InvalidInput => "invalid-input",
        ProblemKind::Unauthenticated => "unauthenticated",
        ProblemKind::Forbidden => "forbidden",
        ProblemKind::NotFound => "not-found",
        ProblemKind::Conflict => "conflict",
        ProblemKind::RateLimited => "rate-limited",
        ProblemKind::Unavailable => "unavailable",
        ProblemKind::TimedOut => "timed-out",
        ProblemKind::UnknownOutcome => "unknown-outcome",
        ProblemKind::TooLarge => "too-large",
        ProblemKind::UnexpectedResponse => "unexpected-response",
        ProblemKind::Unsupported => "unsupported",
        ProblemKind::Internal => "internal",
    }
}

impl Told {
    /// One paragraph: what happened, to what, what to do.
    pub fn paragraph(&self) -> String {
        let mut text = self.cause();
        if let Some(remedy) = &self.remedy {
            let _ = write!(text, " {}", sentence(remedy));
        }
        text
    }

    /// What happened, to what.
    pub fn cause(&self) -> String {
        let mut text = sentence(&self.message);
        // Some connectors say the first fault in the message, too.
        for field in self.fields.iter().filter(|field| !self.message.contains(field.message.trim_end_matches('.'))) {
            let place = if field.pointer.is_empty() { "the whole".to_owned() } else { field.pointer.clone() };
            let _ = write!(text, " At {place}: {}", sentence(&field.message));
        }
        let details: Vec<String> = [
            self.http_status.map(|status| format!("HTTP {status}")),
            self.remote_code.clone(),
            self.trace_id.as_ref().map(|id| format!("trace id {id}")),
            self.retry_after_ms.map(|ms| format!("may be tried again in {} s", ms.div_ceil(1000))),
        ]
        .into_iter()
        .flatten()
        .filter(|detail| !text.contains(detail.as_str()))
        .collect();
        if !details.is_empty() {
            let _ = write!(text, " ({})", details.join(", "));
        }
        text
    }
}

/// With a large letter at its start.
pub fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// With a full stop, and on one line unless it is a diff.
pub fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) || text.contains('\n') { text.to_owned() } else { format!("{text}.") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn problem(kind: ProblemKind) -> Problem {
        Problem {
            kind,
            message: "the pod refused the invoice".into(),
            remedy: Some("Use another number".into()),
            http_status: Some(400),
            remote_code: Some("AP-810245".into()),
            trace_id: None,
            retry_after_ms: None,
            fields: Vec::new(),
        }
    }

    #[test]
    fn a_paragraph_says_what_happened_and_what_to_do() {
        let mut told = *of_problem(Exit::Permanent, problem(ProblemKind::Conflict), &[], true).told.unwrap();
        insta::assert_snapshot!(told.paragraph(), @"the pod refused the invoice. (HTTP 400, AP-810245) Use another number.");
        told.fields.push(Field { pointer: "/all/0".into(), message: "there is no such attribute".into() });
        told.retry_after_ms = Some(1500);
        insta::assert_snapshot!(told.paragraph(), @"the pod refused the invoice. At /all/0: there is no such attribute. (HTTP 400, AP-810245, may be tried again in 2 s) Use another number.");
    }

    #[test]
    fn what_the_connector_refused_is_usage_and_what_the_pod_refused_is_not() {
        let mut input = problem(ProblemKind::InvalidInput);
        let exit = |problem: &Problem, sent| of_problem(Exit::Permanent, problem.clone(), &[], sent).exit;
        assert_eq!(exit(&input, true), Exit::Permanent);
        input.http_status = None;
        assert_eq!(exit(&input, true), Exit::Usage);
    }

    #[test]
    fn what_was_refused_before_anything_went_out_is_usage_whatever_its_kind() {
        let exit = |problem: &Problem, sent| of_problem(Exit::Permanent, problem.clone(), &[], sent).exit;
        for kind in [ProblemKind::TooLarge, ProblemKind::Forbidden, ProblemKind::NotFound, ProblemKind::Unsupported] {
            let mut problem = problem(kind);
            assert_eq!(exit(&problem, true), Exit::Permanent, "the pod refused it: {kind:?}");
            problem.http_status = None;
            assert_eq!((exit(&problem, true), exit(&problem, false)), (Exit::Permanent, Exit::Usage), "{kind:?}");
            let message = problem.message.clone();
            problem.fields.push(host_harness::contract::types::FieldProblem { pointer: "/record".into(), message });
            assert_eq!(exit(&problem, true), Exit::Usage, "a place in the input is named: {kind:?}");
        }
        for kind in [ProblemKind::Conflict, ProblemKind::UnknownOutcome, ProblemKind::Internal] {
            let mut problem = problem(kind);
            problem.http_status = None;
            assert_eq!(exit(&problem, false), Exit::Permanent, "{kind:?}");
        }
    }

    #[test]
    fn the_reason_of_the_network_is_added() {
        let mut lost = problem(ProblemKind::Unavailable);
        lost.http_status = None;
        let failure = Failure::Unresolved { host: "pod.example".into() };
        let told = of_problem(Exit::Transient, lost, &[failure], true).told.unwrap();
        assert!(told.message.ends_with("(the name pod.example does not resolve)"), "{}", told.message);
    }
}
