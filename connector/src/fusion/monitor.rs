//! Lists of the scheduler's requests, whoever submitted them (FACTS 5.1), behind the last request id.
//!
//! The service pages by index over what changes all the time, so that pages would shift; request ids only
//! grow, so each page asks for what lies below the last id of the one before.

use serde_json::value::RawValue;

use super::address::Address;
use super::page::Envelope;
use super::pod::{Doing, Pod};
use super::record::{pick, plain};
use crate::problem::{Failure, Result};

const ROOT: &str = "/ess/rest/scheduler/v1/requests";
const DOING: Doing = Doing { what: "list job requests", object: "requests" };

/// Which requests.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Any of these states, in capitals.
    pub states: Vec<String>,
    /// Part of the job's definition.
    pub job: Option<String>,
    /// The whole of the job's definition.
    pub definition: Option<String>,
    /// Product.
    pub product: Option<String>,
    /// Who submitted it.
    pub submitter: Option<String>,
    /// Application.
    pub application: Option<String>,
    /// Requests that this one started.
    pub parent: Option<u64>,
    /// Submitted then or later, RFC 3339.
    pub since: Option<String>,
    /// Submitted before, RFC 3339.
    pub until: Option<String>,
    /// Ended then or later, RFC 3339.
    pub ended: Option<String>,
}

/// Text in the service's filters.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Wanted {
    fn filter(&self, below: Option<u64>) -> String {
        let mut terms = Vec::new();
        let states: Vec<String> = self.states.iter().map(|state| format!("state eq {}", quoted(state))).collect();
        match states.as_slice() {
            [] => {}
            [one] => terms.push(one.clone()),
            _ => terms.push(format!("({})", states.join(" or "))),
        }
        let texts = [
            ("jobDefinitionId", "co", &self.job),
            ("jobDefinitionId", "eq", &self.definition),
            ("product", "eq", &self.product),
            ("submitter", "eq", &self.submitter),
            ("application", "eq", &self.application),
            ("submissionTime", "ge", &self.since),
            ("submissionTime", "lt", &self.until),
            ("completedTime", "ge", &self.ended),
        ];
        for (name, sign, value) in texts {
            terms.extend(value.as_ref().map(|value| format!("{name} {sign} {}", quoted(value))));
        }
        terms.extend(self.parent.map(|parent| format!("parentRequestId eq {parent}")));
        terms.extend(below.map(|below| format!("requestId lt {below}")));
        terms.join(" and ")
    }
}

/// Hands over requests, the latest first, behind `below`; at most `limit`. Answers where to go on.
///
/// # Errors
/// Those of a read; `unexpected-response` where the same requests come again.
pub fn list(
    pod: &Pod,
    wanted: &Wanted,
    below: Option<u64>,
    fields: Option<&str>,
    limit: usize,
    take: &mut dyn FnMut(&str),
) -> Result<Option<u64>> {
    let (mut below, mut taken) = (below, 0);
    loop {
        let filter = wanted.filter(below);
        let mut address = Address::fixed(ROOT).param("orderBy", "requestId:desc");
        if !filter.is_empty() {
            address = address.param("q", &filter);
        }
        if let Some(fields) = fields {
            address = address.param("fields", fields);
        }
        let response = match pod.get(DOING, &address) {
            Ok(response) => response,
            Err(failure) if failure.again && taken > 0 => return Ok(below),
            Err(failure) => return Err(explained(failure)),
        };
        let page: Envelope = crate::json::from_slice(&response.body)
            .map_err(|error| pod.garbled(DOING, &format!("the answer is no list of requests ({error})")))?;
        if page.items.is_empty() {
            return Ok(None);
        }
        for row in &page.items {
            let [id] = pick(row.get(), ["requestId"]);
            let id: Option<u64> = id.and_then(plain).and_then(|id| id.parse().ok());
            let Some(id) = id else { return Err(pod.unexpected(DOING, "a request came without its id")) };
            if below.is_some_and(|below| id >= below) {
                return Err(pod.unexpected(DOING, "the same requests come again and again (it ignores where to go on)"));
            }
            if taken >= limit {
                return Ok(below);
            }
            take(row.get());
            taken += 1;
            below = Some(id);
        }
        if taken >= limit || !pod.has_time() {
            return Ok(below);
        }
    }
}

fn explained(failure: Failure) -> Failure {
    failure.or_remedy(|| "Requests of other people are shown to the role ESSMonitor alone.".to_owned())
}

/// The text of a member; none for null.
pub fn word(row: &str, name: &str) -> Option<String> {
    let [raw] = pick::<1>(row, [name]);
    raw.and_then(|raw: &RawValue| plain(raw)).filter(|text| !text.is_empty())
}
