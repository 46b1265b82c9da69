//! P3, P4, P6, P7, P9, I8, Q2, Q5: collections that page, count, filter or listen in their own way.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;

use super::paging::Tuning;
use super::{Before, Fault};
use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::rest::error::PodError;
use crate::rest::negotiate::Negotiated;
use crate::rest::params;

/// The value of a query parameter.
fn parameter(arrival: &Arrival, name: &str) -> Option<String> {
    let pairs = params::split(&arrival.query).ok()?;
    pairs.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// P3: the top-level `limit` and `offset` are ignored; those inside the finder count, as in
/// `{"finder": "findReqs"}` (`finder=findReqs;siteNumber=CX_1,limit=100,offset=200`), which any resource then takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OffsetIgnored {
    #[serde(default = "find_requisitions")]
    finder: String,
}

fn find_requisitions() -> String {
    "findReqs".to_owned()
}

impl Fault for OffsetIgnored {
    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.finder_pages = Some(self.finder.clone());
        true
    }
}

/// P4: one row wraps the page, `{"list": "requisitionList"}` being a child that is empty unless it is expanded; the
/// envelope counts the wrapper.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wrapped {
    #[serde(default = "requisitions")]
    list: String,
}

fn requisitions() -> String {
    "requisitionList".to_owned()
}

impl Fault for Wrapped {
    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.wrapped = Some(self.list.clone());
        true
    }
}

/// P6: rows move between pages. `{"shift": 1}`: a page behind the first begins so many rows later, or earlier where
/// negative, unless `orderBy` names the key; `{"delete": true}`: the first row is deleted before such a page;
/// `{"insert": true}`: a row like the first one is created, which stands in front of it in all but the key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Moving {
    #[serde(default)]
    shift: Option<i64>,
    #[serde(default)]
    delete: bool,
    #[serde(default)]
    insert: bool,
}

impl Fault for Moving {
    fn before(&mut self, arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let behind = parameter(arrival, "offset").is_some_and(|offset| offset.parse::<u64>().is_ok_and(|at| at > 0));
        if arrival.method != Method::GET || !behind {
            return None;
        }
        match (self.delete, self.insert) {
            (true, _) => Some(Before::FirstRow { gone: true }),
            (false, true) => Some(Before::FirstRow { gone: false }),
            (false, false) => None,
        }
    }

    fn tune(&self, tuning: &mut Tuning) -> bool {
        let shifts = !self.delete && !self.insert;
        tuning.shift = shifts.then(|| self.shift.unwrap_or(1));
        shifts
    }
}

/// P7: 500 for `totalResults=true` and for `fields` that name one of `{"clob": ["Description"]}`; with
/// `{"estimate": 14700}` the total is that number instead.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Totals {
    #[serde(default)]
    clob: Vec<String>,
    #[serde(default)]
    estimate: Option<u64>,
}

impl Fault for Totals {
    fn before(&mut self, arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let counts = self.estimate.is_none() && parameter(arrival, "totalResults").is_some_and(|value| value == "true");
        let fields = parameter(arrival, "fields").unwrap_or_default();
        let clob = fields.split([',', ';', ':']).any(|name| self.clob.iter().any(|clob| clob == name));
        (counts || clob)
            .then(|| Before::Instead(Answer::html(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")))
    }

    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.estimate = self.estimate;
        self.estimate.is_some()
    }
}

/// P9: an expanded child holds `{"rows": 3}` at most: silently in framework 1 and 2, with `hasMore` from 3 on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FewChildren {
    #[serde(default = "one")]
    rows: usize,
}

fn one() -> usize {
    1
}

impl Fault for FewChildren {
    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.nested = Some(self.rows);
        true
    }
}

/// Q2: a collection demands three characters of one of `{"attributes": ["ItemNumber"]}` in `q`, else 400 EGP-2776154.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Selective {
    attributes: Vec<String>,
}

impl Fault for Selective {
    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.selective.clone_from(&self.attributes);
        true
    }
}

/// Q5: a request with REST-Framework-Version is refused (`{"status": 400}`) unless it has Effective-Of as well.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EffectiveOf {
    #[serde(default = "bad_request")]
    status: u16,
}

fn bad_request() -> u16 {
    400
}

impl Fault for EffectiveOf {
    fn before(&mut self, arrival: &Arrival, _now: Timestamp) -> Option<Before> {
        let headers = &arrival.headers;
        if !headers.contains_key("rest-framework-version") || headers.contains_key("effective-of") {
            return None;
        }
        let (negotiated, _) = Negotiated::read(headers, arrival.framework_default);
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let error = PodError::new(status, "The request isn't valid: the effective date range is missing.");
        Some(Before::Instead(error.answer(&negotiated)))
    }
}

/// I8: the key of a date-effective row leads nowhere on another date than its own (FACTS 1.7).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatedKeys {}

impl Fault for DatedKeys {
    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.dated_keys = true;
        true
    }
}
