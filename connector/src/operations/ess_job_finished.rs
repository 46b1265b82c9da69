//! `ess_job_finished`: a request has ended, whoever submitted it. Polled by its id or by its job, or told by
//! the scheduler's callback, which only names the request that is then asked of the pod.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::get_ess_job::told;
use super::import_completed::{self, confirmed, named, receipt};
use super::{Spec, Trigger};
use crate::contract::{Delivery, Effect, Event, Idempotency, PollResult, ProblemKind, Receipt, WebhookRequest};
use crate::fusion::changes;
use crate::fusion::erp::jobs::Look;
use crate::fusion::erp::state;
use crate::fusion::ess;
use crate::fusion::moment::SignedDuration;
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::time;
use crate::problem::{Failure, Result};

/// See the module.
pub struct EssJobFinished;

/// Requests that end become visible a little later than their time says.
const OVERLAP: SignedDuration = SignedDuration::from_mins(5);
const DEDUP_MS: u64 = 7 * 24 * 60 * 60 * 1000;

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

#[derive(Serialize, Deserialize)]
struct Cursor {
    v: u8,
    job: String,
    /// As events have moments; none before the first request of "beginning".
    from: Option<String>,
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
                if cursor.is_none() {
                    // It counts for a job alone, and what is wrong is told all the same.
                    changes::cursor::begin(pod, input.since.as_deref())?;
                }
                import_completed::poll(pod, ids, cursor, false)
            }
            (Some(job), None) => of_job(pod, job, input.since.as_deref(), cursor),
            _ => Err(Failure::invalid("", "exactly one of request_ids and job is expected for polling")),
        }
    }

    fn receive(pod: &Pod, input: Input, request: &WebhookRequest) -> Result<Receipt> {
        let Some(id) = named(request) else { return Ok(receipt(400, Vec::new())) };
        let wanted = input.request_ids.as_ref().is_none_or(|ids| ids.is_empty() || ids.contains(&id));
        if !wanted {
            return Ok(receipt(202, Vec::new()));
        }
        if let Some(job) = &input.job
            && ess::request(pod, &id)?.is_none_or(|found| !found.runs(job))
        {
            return Ok(receipt(202, Vec::new()));
        }
        confirmed(pod, &id, false, request)
    }
}

fn of_job(pod: &Pod, job: &str, since: Option<&str>, cursor: Option<&str>) -> Result<PollResult> {
    let mut kept = match cursor {
        Some(text) => crate::json::from_str::<Cursor>(text)
            .ok()
            .filter(|cursor| cursor.v == 1 && cursor.job == job)
            .filter(|cursor| cursor.from.as_deref().is_none_or(|from| time::instant(from).is_some()))
            .ok_or_else(|| {
                Failure::permanent(
                    ProblemKind::InvalidInput,
                    "The cursor is not one that this trigger answered for this job.",
                )
                .remedy("Begin without a cursor, or with another state file.")
            })?,
        None => Cursor { v: 1, job: job.to_owned(), from: changes::cursor::begin(pod, since)?.map(time::in_event) },
    };
    let path = job.trim().trim_start_matches('/').replace(',', "/");
    let mut filter = format!("jobDefinitionId eq \"JobDefinition://{path}\"");
    let mut from = kept.from.as_deref().and_then(time::instant);
    if let Some(from) = from {
        let from = from.saturating_sub(OVERLAP);
        filter.push_str(&format!(" and completedTime ge \"{}\"", time::in_query(from)));
    }
    let found = ess::requests(pod, &filter, "completedTime:asc")?;
    let count = found.len();
    let mut events = Vec::new();
    for request in found.into_iter().filter(|request| request.runs(job)) {
        let ended = request.completed.as_deref().and_then(time::instant_or_day);
        if state::end(&request.state).is_none()
            || ended.is_some_and(|ended| from.is_some_and(|from| ended < from.saturating_sub(OVERLAP)))
        {
            continue;
        }
        from = from.max(ended);
        let (id, occurred) = (request.id.clone(), request.completed.clone());
        let look = Look { state: request.state.clone(), tree: None, request: Some(request) };
        events.push(Event {
            dedup_key: format!("{id}:ended"),
            occurred_at: occurred,
            payload: Value::Object(told(&id, &look)).to_string(),
        });
    }
    kept.from = from.map(time::in_event);
    Ok(PollResult {
        // A whole page of them may have more behind it.
        has_more: count >= 25 && !events.is_empty(),
        events,
        cursor: serde_json::to_string(&kept).map_err(|error| Failure::internal(error.to_string()))?,
        next_poll_after_ms: None,
        dedup_for_ms: DEDUP_MS,
        warnings: Vec::new(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::Fake;
    use crate::settings::Settings;

    #[test]
    fn a_start_that_lies_ahead_is_refused_beside_request_ids_as_well() {
        let text = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(text).unwrap();
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
