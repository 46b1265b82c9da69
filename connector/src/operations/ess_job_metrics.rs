//! `ess_job_metrics`: how many requests ended how, and how long they ran and waited.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::list_ess_jobs::Input as Filter;
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::changes::cursor;
use crate::fusion::moment::Timestamp;
use crate::fusion::monitor::{self, word};
use crate::fusion::pod::Pod;
use crate::fusion::time;
use crate::problem::Result;

/// Requests that are counted where the input does not say.
const LIMIT: u32 = 5_000;
/// What is read of each.
const FIELDS: &str = "requestId,state,jobDefinitionId,product,submitter,errorType,elapsedTime,requestedStartTime,submissionTime,processStartTime";
/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// See the module.
pub struct EssJobMetrics;

/// Which requests: what the form lets through fits what `list_ess_jobs` reads.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Input(Filter);

impl JsonSchema for Input {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Form::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Form::json_schema(generator)
    }
}

/// Which requests to count; every condition that is given must hold.
#[derive(JsonSchema)]
#[schemars(title = "Job metrics", deny_unknown_fields)]
#[allow(dead_code)]
struct Form {
    /// Submitted then or later, as in 2026-01-31T10:00:00Z; the last 24 hours where it is not said.
    #[schemars(title = "Since", extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    since: Option<String>,
    /// Submitted before, as in 2026-02-01T00:00:00Z.
    #[schemars(title = "Until", extend("x-connector-order" = 2))]
    until: Option<String>,
    /// States, as in RUNNING, SUCCEEDED, ERROR or WARNING; any where none is named.
    #[schemars(title = "States", extend("x-connector-order" = 3))]
    states: Option<Vec<String>>,
    /// Part of the job's definition, as in APXIIMPT.
    #[schemars(title = "Job", length(min = 1), extend("x-connector-order" = 4))]
    job: Option<String>,
    /// Product, as in AP.
    #[schemars(title = "Product", length(min = 1), extend("x-connector-order" = 5))]
    product: Option<String>,
    /// User who submitted it.
    #[schemars(title = "Submitter", length(min = 1), extend("x-connector-order" = 6))]
    submitter: Option<String>,
    /// Most requests to count; the latest count where there are more.
    #[schemars(title = "Limit", range(min = 1, max = 5000), extend("default" = 5000, "x-connector-visibility" = "advanced", "x-connector-order" = 7))]
    limit: Option<u32>,
}

/// Counts and times.
#[derive(JsonSchema)]
#[schemars(title = "Job metrics")]
#[allow(dead_code)]
pub struct Output {
    /// Beginning of what was counted, RFC 3339.
    since: String,
    /// Requests that were counted.
    counted: u64,
    /// Whether there are more than were counted.
    truncated: bool,
    /// Requests by state.
    states: std::collections::BTreeMap<String, u64>,
    /// Requests that have state, job, product, submitter and kind of error in common.
    groups: Vec<Group>,
}

/// Requests that have all of this in common.
#[derive(JsonSchema)]
#[schemars(title = "Group")]
#[allow(dead_code)]
struct Group {
    /// State.
    state: String,
    /// Definition of the job.
    job: String,
    /// Product; empty where it is not told.
    product: String,
    /// Who submitted them; empty where it is not told.
    submitter: String,
    /// Kind of error; empty where there was none.
    error_type: String,
    /// How many.
    count: u64,
    /// How long they ran, in milliseconds.
    elapsed_ms: Times,
    /// How long they waited to run, in milliseconds.
    wait_ms: Times,
}

/// Times in milliseconds; zero where none is known.
#[derive(JsonSchema)]
#[schemars(title = "Times")]
#[allow(dead_code)]
struct Times {
    /// Requests of which it is known.
    count: u64,
    /// Shortest.
    min: u64,
    /// Longest.
    max: u64,
    /// Mean.
    mean: u64,
    /// All together.
    sum: u64,
}

#[derive(Default)]
struct Tally {
    key: Vec<String>,
    count: u64,
    elapsed: Vec<u64>,
    wait: Vec<u64>,
}

fn times(values: &[u64]) -> Value {
    let count = u64::try_from(values.len()).unwrap_or(u64::MAX);
    let sum: u64 = values.iter().sum();
    json!({"count": count, "min": values.iter().min().copied().unwrap_or_default(),
        "max": values.iter().max().copied().unwrap_or_default(), "mean": sum.checked_div(count).unwrap_or_default(),
        "sum": sum})
}

impl Action for EssJobMetrics {
    const SPEC: Spec = Spec {
        id: "ess_job_metrics",
        title: "Job metrics",
        description: "Counts requests of the scheduler by state, job, product, submitter and kind of error, with how long they ran and waited.",
        group: "Monitoring",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"since":"2026-01-31T00:00:00Z"}"#,
        sample_output: r#"{"since":"2026-01-31T00:00:00Z","counted":1,"truncated":false,"states":{"SUCCEEDED":1},"groups":[{"state":"SUCCEEDED","job":"JobDefinition://oracle/apps/ess/financials/payables/invoices/transactions/APXIIMPT","product":"AP","submitter":"FIN_INT","error_type":"","count":1,"elapsed_ms":{"count":1,"min":41234,"max":41234,"mean":41234,"sum":41234},"wait_ms":{"count":1,"min":2000,"max":2000,"mean":2000,"sum":2000}}]}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, Input(input): Input, _: &str) -> Result<String> {
        let mut wanted = input.wanted()?;
        let since = wanted.since.clone().unwrap_or_else(|| {
            let now = cursor::now(pod);
            time::in_event(Timestamp::from_millisecond(now.as_millisecond() - DAY_MS).unwrap_or(now))
        });
        wanted.since = Some(since.clone());
        let limit = usize::try_from(input.limit.unwrap_or(LIMIT)).unwrap_or(usize::MAX);
        let mut tallies: Vec<Tally> = Vec::new();
        let mut counted: u64 = 0;
        let more = monitor::list(pod, &wanted, None, Some(FIELDS), limit, &mut |row| {
            counted += 1;
            let names = ["state", "jobDefinitionId", "product", "submitter", "errorType"];
            let key: Vec<String> = names.iter().map(|name| word(row, name).unwrap_or_default()).collect();
            let moment = |name: &str| word(row, name).as_deref().and_then(time::instant);
            let started = moment("processStartTime");
            let asked = moment("requestedStartTime").max(moment("submissionTime"));
            let place = tallies.iter().position(|tally| tally.key == key).unwrap_or_else(|| {
                tallies.push(Tally { key, ..Tally::default() });
                tallies.len() - 1
            });
            let Some(tally) = tallies.get_mut(place) else { return };
            tally.count += 1;
            tally.elapsed.extend(word(row, "elapsedTime").and_then(|text| text.parse::<u64>().ok()));
            if let (Some(started), Some(asked)) = (started, asked) {
                tally.wait.extend(u64::try_from(started.as_millisecond() - asked.as_millisecond()));
            }
        })?;
        let mut states = Map::new();
        let groups: Vec<Value> = tallies
            .iter()
            .map(|tally| {
                let part = |index: usize| tally.key.get(index).cloned().unwrap_or_default();
                let before = states.get(&part(0)).and_then(Value::as_u64).unwrap_or_default();
                states.insert(part(0), (before + tally.count).into());
                json!({"state": part(0), "job": part(1), "product": part(2), "submitter": part(3),
                    "error_type": part(4), "count": tally.count, "elapsed_ms": times(&tally.elapsed),
                    "wait_ms": times(&tally.wait)})
            })
            .collect();
        Ok(json!({"since": since, "counted": counted, "truncated": more.is_some(), "states": states, "groups": groups})
            .to_string())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json};
    use crate::settings::Settings;

    #[test]
    fn requests_are_counted_with_how_long_they_ran_and_waited() {
        let settings = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(settings).unwrap();
        let page = r#"{"items":[
            {"requestId":3,"state":"SUCCEEDED","product":"AP","elapsedTime":40,"submissionTime":"2026-01-01T00:00:00.000Z","processStartTime":"2026-01-01T00:00:02.000Z"},
            {"requestId":2,"state":"SUCCEEDED","product":"AP","elapsedTime":60,"errorType":null},
            {"requestId":1,"state":"ERROR","product":"AP","errorType":"BUSINESS"}],"count":3}"#;
        let door = Fake::new([json(200, page), json(200, r#"{"items":[]}"#)]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        let input: Input = serde_json::from_str("{}").unwrap();
        let told: Value = serde_json::from_str(&EssJobMetrics::run(&pod, input, "").unwrap()).unwrap();
        assert_eq!(told["states"], serde_json::json!({"SUCCEEDED": 2, "ERROR": 1}));
        assert_eq!(
            told["groups"][0]["elapsed_ms"],
            serde_json::json!({"count": 2, "min": 40, "max": 60, "mean": 50, "sum": 100})
        );
        assert_eq!(told["groups"][0]["wait_ms"]["max"], 2000);
        assert_eq!(told["groups"][1]["error_type"], "BUSINESS");
    }
}
