//! `ess_job_finished`: a request has ended, whoever submitted it. Polled by its id or by its job, or told by
//! the scheduler's callback, which only names the request that is then asked of the pod.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::get_ess_job::told;
use super::import_completed::{self, confirmed, named, receipt};
use super::{Spec, Trigger};
use crate::contract::{Delivery, Effect, Idempotency, PollResult, Receipt, WebhookRequest};
use crate::fusion::changes::feed::{self, Item, Page, Source};
use crate::fusion::changes::{self, cursor};
use crate::fusion::erp::jobs::Look;
use crate::fusion::erp::state;
use crate::fusion::ess::{self, Request};
use crate::fusion::moment::{SignedDuration, Timestamp};
use crate::fusion::monitor::{self, Wanted};
use crate::fusion::page::fingerprint;
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::time;
use crate::problem::{Failure, Result};

/// See the module.
pub struct EssJobFinished;

/// Requests that end become visible a little later than their time says.
const OVERLAP_MINUTES: u32 = 5;
/// Longer than any pod keeps its requests.
const REACH: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
/// Requests of a page at most.
const PAGE: usize = 100;

/// Which requests.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "ESS job finished", deny_unknown_fields)]
pub struct Input {
    /// Request ids to poll. Instead of a job.
    #[schemars(title = "Request ids", length(max = 100), extend("x-connector-order" = 1))]
    pub request_ids: Option<Vec<String>>,
    /// Job whose requests are watched: package and definition, with a comma between them.
    #[schemars(title = "Job", length(min = 3, max = 600), pattern("^[^,\"]+,[^,\"]+$"), extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub job: Option<String>,
    /// Where to begin: now, beginning, or a date and time as in 2026-01-31T10:00:00Z.
    #[schemars(title = "Since", extend("default" = "now", "x-connector-visibility" = "important", "x-connector-order" = 3))]
    pub since: Option<String>,
}

/// A request that has ended.
#[derive(JsonSchema)]
#[schemars(title = "Request that ended")]
#[allow(dead_code)]
pub struct Payload {
    /// Its id.
    request_id: String,
    /// Its state.
    state: String,
    /// True.
    ended: bool,
    /// succeeded, warning or failed.
    #[schemars(with = "Anything")]
    outcome: Option<String>,
    /// What the state means and what to do, where it needs saying.
    #[schemars(default)]
    meaning: Option<String>,
    /// Package and name of the job.
    #[schemars(default)]
    definition: Option<String>,
    /// Who submitted it.
    #[schemars(default)]
    submitter: Option<String>,
    /// When it ended.
    #[schemars(default)]
    completed: Option<String>,
}

/// Requests of a job that have ended, as a source of events.
struct Ended<'p> {
    job: &'p str,
    authority: &'p str,
}

impl Source for Ended<'_> {
    fn of(&self) -> String {
        fingerprint(["ess_job_finished", self.authority, self.job])
    }

    fn lists(&self) -> usize {
        1
    }

    fn span(&self) -> Option<SignedDuration> {
        None
    }

    fn reach(&self) -> SignedDuration {
        REACH
    }

    fn page(&self, pod: &Pod, _: usize, (from, _): (Timestamp, Timestamp), page: u64) -> Result<Page> {
        let path = self.job.trim().trim_start_matches('/').replace(',', "/");
        let wanted = Wanted {
            definition: Some(format!("JobDefinition://{path}")),
            ended: Some(time::in_event(from)),
            ..Wanted::default()
        };
        let mut items = Vec::new();
        // Requests come by their ids, the latest first: one that ends meanwhile moves no other.
        let next = monitor::list(pod, &wanted, (page > 1).then_some(page), None, PAGE, &mut |row| {
            let request = Request::read(row).filter(|request| request.runs(self.job));
            if let Some(request) = request.filter(|request| state::end(&request.state).is_some()) {
                let at = request.completed.as_deref().and_then(time::instant_or_day);
                let id = request.id.clone();
                let look = Look { state: request.state.clone(), tree: None, request: Some(request) };
                let payload = Value::Object(told(&id, &look)).to_string();
                items.push(Item { key: format!("{id}:ended"), at, payload });
            }
        })?;
        Ok(Page { items, next })
    }
}

impl Trigger for EssJobFinished {
    const SPEC: Spec = Spec {
        id: "ess_job_finished",
        title: "ESS job finished",
        description: "Starts when a scheduled request has ended: those of given ids, or every request of a job, whoever submitted it; by polling, or by a callback, which is verified with the pod.",
        group: "Triggers (poll)",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"job":"/oracle/apps/ess/financials/payables/invoices/transactions,APXIIMPT","since":"now"}"#,
        sample_output: r#"{"request_id":"9762926","state":"SUCCEEDED","ended":true,"outcome":"succeeded","submitter":"FIN_INT"}"#,
    };
    const DELIVERIES: &'static [Delivery] = &[Delivery::Poll, Delivery::Receive];
    type Input = Input;
    type Payload = Payload;

    fn poll(pod: &Pod, input: Input, cursor: Option<&str>) -> Result<PollResult> {
        match (&input.job, &input.request_ids) {
            (None, Some(ids)) if !ids.is_empty() => {
                // It counts for a job alone, and what is wrong is told all the same.
                cursor::begin(pod, input.since.as_deref())?;
                import_completed::poll(pod, ids, cursor, false)
            }
            (Some(job), None) => {
                let ended = Ended { job, authority: &pod.settings.origin.authority };
                feed::poll(pod, &ended, input.since.as_deref(), cursor, changes::LIMIT, OVERLAP_MINUTES)
            }
            _ => Err(Failure::invalid("", "exactly one of request_ids and job is expected for polling")),
        }
    }

    fn receive(pod: &Pod, input: Input, request: &WebhookRequest) -> Result<Receipt> {
        let id = match named(request, input.request_ids.as_deref()) {
            Ok(id) => id,
            Err(status) => return Ok(receipt(status, Vec::new())),
        };
        if let Some(job) = &input.job
            && ess::request(pod, &id)?.is_none_or(|found| !found.runs(job))
        {
            return Ok(receipt(202, Vec::new()));
        }
        confirmed(pod, &id, false, request)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::http::fake::{Fake, json as answer};
    use crate::settings::Settings;

    const SETTINGS: &str = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;

    /// What the scheduler answers about requests that ended so many seconds before the fake's clock, the latest first,
    /// 25 to a page.
    fn pages(ended: &[(u64, i64)]) -> Vec<std::result::Result<crate::http::Response, crate::http::SendError>> {
        let row = |(id, ago): &(u64, i64)| {
            let at = Timestamp::from_second(1_767_225_600 - ago).unwrap();
            json!({"requestId": id, "state": "SUCCEEDED", "jobDefinitionId": "JobDefinition://p/J",
                "completedTime": time::in_event(at)})
        };
        let rows: Vec<Value> = ended.iter().rev().map(row).collect();
        let page = |rows: &[Value]| answer(200, &json!({"items": rows, "count": rows.len()}).to_string());
        rows.chunks(25).chain([[].as_slice()]).map(page).collect()
    }

    fn poll(door: &Fake, since: &str, cursor: Option<&str>) -> PollResult {
        let settings = Settings::parse(SETTINGS).unwrap();
        let input = Input { request_ids: None, job: Some("/p,J".to_owned()), since: Some(since.to_owned()) };
        EssJobFinished::poll(&Pod::new(door, &settings, None).unwrap(), input, cursor).unwrap()
    }

    #[test]
    fn sixty_requests_that_end_within_a_minute_or_at_one_time_come_once_each() {
        for apart in [0, 1] {
            let all: Vec<(u64, i64)> =
                (0..60).map(|place: u8| (u64::from(place) + 5, (63 - i64::from(place)) * apart)).collect();
            let door = Fake::new(pages(&all).into_iter().chain(pages(&all)));
            let first = poll(&door, "2025-12-01", None);
            let keys: BTreeSet<&str> = first.events.iter().map(|event| event.dedup_key.as_str()).collect();
            assert_eq!((first.events.len(), keys.len(), first.has_more), (60, 60, false));
            let again = poll(&door, "2025-12-01", Some(&first.cursor));
            assert_eq!((again.events.len(), again.has_more), (0, false));
            let asked: Vec<String> = door.sent.borrow().iter().map(|sent| sent.path.replace("%20", " ")).collect();
            assert!(asked[0].contains("completedTime ge") && asked[1].contains("requestId lt 40"), "{asked:?}");
        }
    }

    #[test]
    fn what_ended_before_the_start_is_no_event() {
        let door = Fake::new(pages(&[(5, 180)]).into_iter().chain(pages(&[(5, 180), (6, 0)])));
        let first = poll(&door, "now", None);
        assert!(first.events.is_empty());
        let second = poll(&door, "now", Some(&first.cursor));
        assert_eq!(second.events[0].dedup_key, "6:ended");
        assert_eq!(second.events.len(), 1);
    }

    #[test]
    fn a_start_that_lies_ahead_is_refused_beside_request_ids_as_well() {
        let settings = Settings::parse(SETTINGS).unwrap();
        let door = Fake::new([]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        for since in ["2099-01-01T00:00:00Z", "tomorrow"] {
            let ids = Some(vec!["5".to_owned()]);
            let input = Input { request_ids: ids, job: None, since: Some(since.to_owned()) };
            let failure = EssJobFinished::poll(&pod, input, None).unwrap_err();
            assert_eq!(failure.problem.fields[0].pointer, "/since");
        }
        assert!(door.sent.borrow().is_empty());
    }
}
