//! What goes wrong in the field, switched on by a scenario: each fault is named after its row of FACTS 8.
//!
//! Faults stand around the handlers: before one (an answer instead of it), beside it (how a page is cut) or after
//! it (what becomes of the answer). None makes the pod accept what it refuses.

mod bodies;
mod bulk;
mod edge;
mod entrance;
mod paging;
mod queries;
mod refusal;
mod writes;

use std::fmt::Debug;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value as JsonValue;

use crate::identity;
use crate::payload::Payload;
use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::rest::batch;
use crate::scenario::{FaultSpec, ScenarioError};

pub(crate) use paging::Tuning;

/// What happens instead of an answer.
#[derive(Debug)]
pub(crate) enum Before {
    /// Nothing is done.
    Instead(Answer),
    /// Nothing is done, and the bearer that was presented is dead for ever.
    SignedOut(Answer),
    /// All is done, and the answer is lost.
    AnswerLost(Answer),
    /// It is done later, when either comes: so many requests, so much time.
    Later { answer: Answer, requests: u64, wait: Option<Duration> },
    /// The first row of the collection is deleted, or comes a second time under another key; then the request is
    /// answered.
    FirstRow { gone: bool },
    /// Somebody else changes the row first; then the request is refused as JBO-25014, or judged as always.
    Contended { changes: Payload, refused: bool },
}

/// One way to go wrong. Each hook says whether it did something, which is what `times` counts.
pub(crate) trait Fault: Debug + Send {
    /// Whether it is for such requests where the scenario names no resource: those of the pod, not of the identity
    /// domain.
    fn concerns(&self, arrival: &Arrival) -> bool {
        !identity::is_below(&arrival.path)
    }

    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        None
    }

    /// How many seconds the clock is ahead.
    fn skew(&self) -> i64 {
        0
    }

    fn tune(&self, _tuning: &mut Tuning) -> bool {
        false
    }

    fn after(&mut self, _arrival: &Arrival, _answer: &mut Answer, _now: Timestamp) -> bool {
        false
    }
}

type Make = fn(&JsonValue) -> Result<Box<dyn Fault>, serde_json::Error>;

/// Every fault by name. The rows without a switch are how the pod always is.
const KNOWN: [(&str, Option<Make>); 68] = [
    ("P1", Some(make::<paging::SmallerLimit>)),
    ("P2", Some(make::<paging::NoHasMore>)),
    ("P3", Some(make::<queries::OffsetIgnored>)),
    ("P4", Some(make::<queries::Wrapped>)),
    ("P5", Some(make::<paging::ShortPages>)),
    ("P6", Some(make::<queries::Moving>)),
    ("P7", Some(make::<queries::Totals>)),
    ("P8", Some(make::<paging::BrokenRow>)),
    ("P9", Some(make::<queries::FewChildren>)),
    ("I5", None),
    ("I8", Some(make::<queries::DatedKeys>)),
    ("E1", Some(make::<refusal::NotAcceptable>)),
    ("E2", Some(make::<writes::Blank>)),
    ("E3", Some(make::<refusal::SignedOut>)),
    ("E4", Some(make::<refusal::NotVisible>)),
    ("E5", Some(make::<refusal::Forbidden>)),
    ("E6", Some(make::<edge::Throttled>)),
    ("E7", Some(make::<edge::Edge>)),
    ("E9", Some(make::<edge::NoPatch>)),
    ("E10", Some(make::<writes::Contended>)),
    ("E11", Some(make::<bodies::OddError>)),
    ("N1", None),
    ("Q1", None),
    ("Q2", Some(make::<queries::Selective>)),
    ("Q3", None),
    ("Q4", None),
    ("Q5", Some(make::<queries::EffectiveOf>)),
    ("F1", None),
    ("F2", None),
    ("F3", None),
    ("T1", Some(make::<bulk::Refused>)),
    ("T2", Some(make::<bulk::AnswerLost>)),
    ("T3", Some(make::<bulk::InvoiceLost>)),
    ("T4", None),
    ("T5", Some(make::<bulk::Paused>)),
    ("T6", Some(make::<bulk::Stuck>)),
    ("T7", Some(make::<bulk::Blind>)),
    ("T8", Some(make::<bulk::FailingLook>)),
    ("T9", Some(make::<bulk::Partial>)),
    ("T10", Some(make::<writes::PartlyDone>)),
    ("T11", Some(make::<bulk::Callbacks>)),
    ("W1", Some(make::<writes::Busy>)),
    ("W2", Some(make::<writes::Ignored>)),
    ("W3", Some(make::<writes::Overridden>)),
    ("W4", None),
    ("W5", None),
    ("W6", None),
    ("W7", None),
    ("late_registration", Some(make::<bulk::LateRegistration>)),
    ("late_entries", Some(make::<paging::LateEntries>)),
    ("late_commit", Some(make::<writes::LateCommit>)),
    ("payload_limit", Some(make::<writes::PayloadLimit>)),
    ("broken_body", Some(make::<bodies::BrokenBody>)),
    ("large_body", Some(make::<bodies::LargeBody>)),
    ("cut_body", Some(make::<bodies::CutBody>)),
    ("slow", Some(make::<bodies::Slow>)),
    ("html_page", Some(make::<bodies::HtmlPage>)),
    ("secret_echo", Some(make::<bodies::SecretEcho>)),
    ("sudden_zero", Some(make::<paging::SuddenZero>)),
    ("clock_skew", Some(make::<entrance::ClockSkew>)),
    ("consent_denied", Some(make::<entrance::ConsentDenied>)),
    ("no_roles_api", Some(make::<entrance::NoRolesApi>)),
    ("sign_in_page", Some(make::<entrance::SignInPage>)),
    ("sso_redirect", Some(make::<entrance::SsoRedirect>)),
    ("token_html", Some(make::<entrance::TokenHtml>)),
    ("token_slow", Some(make::<entrance::TokenSlow>)),
    ("token_unavailable", Some(make::<entrance::TokenUnavailable>)),
    ("wrong_pillar", Some(make::<entrance::WrongPillar>)),
];

fn make<F: Fault + DeserializeOwned + 'static>(options: &JsonValue) -> Result<Box<dyn Fault>, serde_json::Error> {
    Ok(Box::new(F::deserialize(options)?))
}

/// A fault with the requests it is for.
#[derive(Debug)]
pub(crate) struct Armed {
    spec: FaultSpec,
    fault: Option<Box<dyn Fault>>,
    /// Requests that it was for so far.
    seen: u64,
    /// Requests that it changed.
    used: u64,
}

impl Armed {
    pub(crate) fn new(spec: &FaultSpec) -> Result<Self, ScenarioError> {
        let Some((_, make)) = KNOWN.iter().find(|(name, _)| *name == spec.name) else {
            let known = KNOWN.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            return Err(ScenarioError::UnknownFault { name: spec.name.clone(), known });
        };
        let options = JsonValue::Object(spec.options.clone());
        let fault = match make {
            Some(make) => {
                Some(make(&options).map_err(|source| ScenarioError::Options { name: spec.name.clone(), source })?)
            }
            None => None,
        };
        Ok(Self { spec: spec.clone(), fault, seen: 0, used: 0 })
    }

    /// Whether it is this request's turn; counts the request.
    fn ready(&mut self, arrival: &Arrival) -> bool {
        let resource = match &self.spec.resource {
            Some(wanted) => {
                arrival.path.split('/').any(|segment| segment == wanted) || batch::concerns(arrival, wanted)
            }
            None => self.fault.as_ref().is_some_and(|fault| fault.concerns(arrival)),
        };
        let method =
            self.spec.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(arrival.method.as_str()));
        if !resource || !method {
            return false;
        }
        self.seen += 1;
        self.seen > self.spec.after && self.spec.times.is_none_or(|times| self.used < times)
    }
}

/// The faults of a scenario, in its order.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
    /// Those whose turn the current request is.
    current: Vec<bool>,
}

impl Faults {
    pub(crate) fn new(specs: &[FaultSpec]) -> Result<Self, ScenarioError> {
        Ok(Self { armed: specs.iter().map(Armed::new).collect::<Result<_, _>>()?, current: Vec::new() })
    }

    /// Finds whose turn the request is; to be called before everything else. The answer is how far ahead the clock
    /// is for it.
    pub(crate) fn begin(&mut self, arrival: &Arrival) -> SignedDuration {
        self.current = self.armed.iter_mut().map(|armed| armed.ready(arrival)).collect();
        let mut ahead = 0_i64;
        for (armed, _) in self.armed.iter_mut().zip(&self.current).filter(|(_, turn)| **turn) {
            let skew = armed.fault.as_ref().map_or(0, |fault| fault.skew());
            armed.used += u64::from(skew != 0);
            ahead = ahead.saturating_add(skew);
        }
        SignedDuration::from_secs(ahead)
    }

    /// The first fault that answers instead of the pod.
    pub(crate) fn before(&mut self, arrival: &Arrival, now: Timestamp) -> Option<Before> {
        let mut turns = self.armed.iter_mut().zip(&self.current).filter(|(_, turn)| **turn);
        turns.find_map(|(armed, _)| {
            let before = armed.fault.as_mut()?.before(arrival, now)?;
            armed.used += 1;
            Some(before)
        })
    }

    pub(crate) fn tuning(&mut self) -> Tuning {
        let mut tuning = Tuning::default();
        for (armed, turn) in self.armed.iter_mut().zip(&self.current) {
            if *turn && armed.fault.as_ref().is_some_and(|fault| fault.tune(&mut tuning)) {
                armed.used += 1;
            }
        }
        tuning
    }

    pub(crate) fn after(&mut self, arrival: &Arrival, answer: &mut Answer, now: Timestamp) {
        for (armed, turn) in self.armed.iter_mut().zip(&self.current) {
            if *turn && armed.fault.as_mut().is_some_and(|fault| fault.after(arrival, answer, now)) {
                armed.used += 1;
            }
        }
    }
}
