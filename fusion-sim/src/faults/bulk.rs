//! T1–T3, T5–T9, T11, `late_registration`: what goes wrong with bulk loads, scheduled processes and callbacks.
//!
//! T4, F1, F2 and F3 need no switch: the loader and the service are always so.

use std::time::Duration;

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;

use super::paging::Tuning;
use super::{Before, Fault};
use crate::erp::soap;
use crate::ess::{Behaviour, rest};
use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::rest::error::PodError;
use crate::rest::negotiate::Negotiated;

/// How the integration service and the scheduler are for a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BulkTuning {
    /// Given to what the request submits.
    pub(crate) behaviour: Behaviour,
    /// Submissions are refused.
    pub(crate) refused: bool,
    /// States are blank.
    pub(crate) blind: bool,
}

const SUBMISSIONS: [&str; 4] = ["importBulkData", "loadAndImportData", "submitESSJobRequest", "exportBulkData"];
const LOOKS: [&str; 4] = ["getESSJobStatus", "getESSExecutionDetails", "ESSJobStatusRF", "ESSExecutionDetailsRF"];
/// Where an operation's name stands in a body that holds a file: before it or after it.
const EDGE: usize = 16 * 1024;

fn is_service(arrival: &Arrival) -> bool {
    arrival.path.ends_with("/erpintegrations") || arrival.path == soap::PATH
}

/// Whether one of the names stands in the query or near an end of the body.
fn names(arrival: &Arrival, wanted: &[&str]) -> bool {
    let body = &arrival.body;
    let parts = [
        body.get(..EDGE.min(body.len())).unwrap_or_default(),
        body.get(body.len().saturating_sub(EDGE)..).unwrap_or_default(),
    ];
    let text = parts.map(String::from_utf8_lossy);
    wanted.iter().any(|name| arrival.query.contains(name) || text.iter().any(|text| text.contains(name)))
}

fn submits(arrival: &Arrival) -> bool {
    let scheduler = rest::is_below(&arrival.path) && arrival.path.ends_with("/requests");
    arrival.method == Method::POST && (scheduler || (is_service(arrival) && names(arrival, &SUBMISSIONS)))
}

fn looks(arrival: &Arrival) -> bool {
    is_service(arrival) && names(arrival, &LOOKS)
}

fn gateway_timeout() -> Answer {
    Answer::html(StatusCode::GATEWAY_TIMEOUT, "Gateway Time-out")
}

/// T1: whatever is submitted is answered with `ReqstId` -1, by the scheduler's own interface with 403.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refused {}

impl Fault for Refused {
    fn concerns(&self, arrival: &Arrival) -> bool {
        submits(arrival)
    }

    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.bulk.refused = true;
        true
    }
}

/// T2: what is submitted is done, and the answer is lost: 504.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerLost {}

impl Fault for AnswerLost {
    fn concerns(&self, arrival: &Arrival) -> bool {
        submits(arrival)
    }

    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        Some(Before::AnswerLost(gateway_timeout()))
    }
}

/// T3: an invoice is created, and the answer is lost: 504. Whoever sends it again is told AP-810245.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InvoiceLost {}

impl Fault for InvoiceLost {
    fn concerns(&self, arrival: &Arrival) -> bool {
        arrival.method == Method::POST && arrival.path.ends_with("/invoices")
    }

    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        Some(Before::AnswerLost(gateway_timeout()))
    }
}

/// `late_registration`: the answer to a submission is lost, and it is taken in `seconds` later, or before the request
/// that comes after `requests` (default 1): after the client's look.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LateRegistration {
    #[serde(default)]
    requests: Option<u64>,
    #[serde(default)]
    seconds: Option<u64>,
}

impl Fault for LateRegistration {
    fn concerns(&self, arrival: &Arrival) -> bool {
        submits(arrival)
    }

    fn before(&mut self, _arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        Some(Before::Later {
            answer: gateway_timeout(),
            requests: self.requests.unwrap_or(if self.seconds.is_some() { u64::MAX } else { 1 }),
            wait: self.seconds.map(Duration::from_secs),
        })
    }
}

/// T5: the import takes `seconds` more (default an hour), while its parent is PAUSED, or BLOCKED with
/// `{"state": "BLOCKED"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paused {
    #[serde(default = "hour")]
    seconds: u64,
    #[serde(default)]
    state: Standing,
}

/// What a parent is called while others run below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Standing {
    #[default]
    Paused,
    Blocked,
}

fn hour() -> u64 {
    3_600
}

impl Fault for Paused {
    fn concerns(&self, arrival: &Arrival) -> bool {
        submits(arrival)
    }

    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.bulk.behaviour.slow = self.seconds;
        tuning.bulk.behaviour.blocked = self.state == Standing::Blocked;
        true
    }
}

/// T6: what is submitted stays WAIT, and is EXPIRED after `seconds` (default 20 minutes).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stuck {
    #[serde(default = "twenty_minutes")]
    seconds: u64,
}

fn twenty_minutes() -> u64 {
    1_200
}

impl Fault for Stuck {
    fn concerns(&self, arrival: &Arrival) -> bool {
        submits(arrival)
    }

    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.bulk.behaviour.stuck = Some(self.seconds);
        true
    }
}

/// T7: the state finders answer a blank for every request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Blind {}

impl Fault for Blind {
    fn concerns(&self, arrival: &Arrival) -> bool {
        looks(arrival)
    }

    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.bulk.blind = true;
        true
    }
}

/// T8: a look at a state fails with 500, over SOAP with a fault.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FailingLook {}

impl Fault for FailingLook {
    fn concerns(&self, arrival: &Arrival) -> bool {
        looks(arrival)
    }

    fn before(&mut self, arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let detail = "JBO-29000: Unexpected exception caught: java.lang.NullPointerException, msg=null";
        if arrival.path == soap::PATH {
            return Some(Before::Instead(crate::soap::fault(false, "JBO-29000", detail)));
        }
        let (negotiated, _) = Negotiated::read(&arrival.headers, arrival.framework_default);
        Some(Before::Instead(PodError::new(StatusCode::INTERNAL_SERVER_ERROR, detail).answer(&negotiated)))
    }
}

/// T9: the import ends WARNING, and its reports lie in a zip inside the zip (not so with `{"nested": false}`). With
/// `{"pdf": 20000000}` one of them is also printed, to so many bytes that no zip makes fewer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Partial {
    #[serde(default = "yes")]
    nested: bool,
    #[serde(default)]
    pdf: u32,
}

fn yes() -> bool {
    true
}

impl Fault for Partial {
    fn concerns(&self, arrival: &Arrival) -> bool {
        submits(arrival)
    }

    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.bulk.behaviour.warning = true;
        tuning.bulk.behaviour.nested = self.nested;
        tuning.bulk.behaviour.pdf = self.pdf;
        true
    }
}

/// T11: the callback never comes, or so often as `{"comes": 2}` says, or, with `{"document": false}`, names no document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Callbacks {
    #[serde(default)]
    comes: Option<u8>,
    #[serde(default = "yes")]
    document: bool,
}

impl Fault for Callbacks {
    fn concerns(&self, arrival: &Arrival) -> bool {
        submits(arrival)
    }

    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.bulk.behaviour.callbacks = self.comes.or(self.document.then_some(0));
        tuning.bulk.behaviour.no_document = !self.document;
        true
    }
}
