//! `list_ess_jobs`: requests of the scheduler, whoever submitted them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{ListWriter, RecordList};
use super::checked::{number, word, words};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::erp::state;
use crate::fusion::monitor::{self, Wanted};
use crate::fusion::page::fingerprint;
use crate::fusion::pod::Pod;
use crate::fusion::time;
use crate::problem::{Failure, Result};
use crate::text::{nearest, shorten};

/// Requests of one answer where the input does not say.
const LIMIT: u32 = 100;

/// See the module.
pub struct ListEssJobs;

/// Which requests; every condition that is given must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(from = "Value")]
#[schemars(title = "List job requests", deny_unknown_fields, !from)]
pub struct Input {
    /// States, as in RUNNING, SUCCEEDED, ERROR or WARNING; any where none is named.
    #[schemars(title = "States", extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub states: Option<Vec<String>>,
    /// Part of the job's definition, as in APXIIMPT or /oracle/apps/ess/financials/payables.
    #[schemars(title = "Job", length(min = 1), extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub job: Option<String>,
    /// Product, as in AP.
    #[schemars(title = "Product", length(min = 1), extend("x-connector-order" = 3))]
    pub product: Option<String>,
    /// User who submitted it.
    #[schemars(title = "Submitter", length(min = 1), extend("x-connector-order" = 4))]
    pub submitter: Option<String>,
    /// Application, as in FscmEss.
    #[schemars(title = "Application", length(min = 1), extend("x-connector-order" = 5))]
    pub application: Option<String>,
    /// Requests that this request started.
    #[schemars(title = "Parent request", extend("x-connector-order" = 6))]
    pub parent: Option<u64>,
    /// Submitted then or later, as in 2026-01-31T10:00:00Z.
    #[schemars(title = "Since", extend("x-connector-visibility" = "important", "x-connector-order" = 7))]
    pub since: Option<String>,
    /// Submitted before, as in 2026-02-01T00:00:00Z.
    #[schemars(title = "Until", extend("x-connector-order" = 8))]
    pub until: Option<String>,
    /// Most requests in one answer.
    #[schemars(title = "Limit", range(min = 1, max = 5000), extend("default" = 100, "x-connector-order" = 9))]
    pub limit: Option<u32>,
    /// next_cursor of the answer before, to go on there.
    #[schemars(title = "Cursor", extend("x-connector-visibility" = "advanced", "x-connector-order" = 10))]
    pub cursor: Option<String>,
}

/// The form was checked; a reader made for this shape alone would cost the component several kilobytes.
impl From<Value> for Input {
    fn from(input: Value) -> Self {
        Self {
            states: words(&input, "states"),
            job: word(&input, "job"),
            product: word(&input, "product"),
            submitter: word(&input, "submitter"),
            application: word(&input, "application"),
            parent: input.get("parent").and_then(Value::as_u64),
            since: word(&input, "since"),
            until: word(&input, "until"),
            limit: number(&input, "limit"),
            cursor: word(&input, "cursor"),
        }
    }
}

impl Input {
    /// As it is asked for.
    ///
    /// # Errors
    /// `invalid-input` for what is no state and for what is no moment.
    pub fn wanted(&self) -> Result<Wanted> {
        Ok(Wanted {
            states: self.states.iter().flatten().enumerate().map(state).collect::<Result<_>>()?,
            job: self.job.clone(),
            product: self.product.clone(),
            submitter: self.submitter.clone(),
            application: self.application.clone(),
            parent: self.parent,
            since: moment(self.since.as_deref(), "/since")?,
            until: moment(self.until.as_deref(), "/until")?,
            ..Wanted::default()
        })
    }
}

/// A state as the scheduler has it: one that there is not would be asked for in vain, without a sign.
fn state((index, given): (usize, &String)) -> Result<String> {
    let spelt = state::spelt(given);
    if state::NUMBERED.contains(&spelt.as_str()) {
        return Ok(spelt);
    }
    let near = nearest(&spelt, state::NUMBERED.into_iter(), 3);
    let remedy = match near.is_empty() {
        true => format!("States are {}.", state::NUMBERED.join(", ")),
        false => format!("Did you mean {}?", near.join(" or ")),
    };
    let told = format!("{:?} is no state of a request", shorten(given, 40));
    Err(Failure::invalid(format!("/states/{index}"), told).remedy(remedy))
}

/// A moment of an input as the scheduler takes it.
fn moment(text: Option<&str>, place: &str) -> Result<Option<String>> {
    let read = |text: &str| {
        time::instant_or_day(text)
            .map(time::in_event)
            .ok_or_else(|| Failure::invalid(place, "this is no moment, as in 2026-01-31T10:00:00Z"))
    };
    text.map(read).transpose()
}

impl Action for ListEssJobs {
    const SPEC: Spec = Spec {
        id: "list_ess_jobs",
        title: "List job requests",
        description: "Lists requests of the scheduler by state, job, product, submitter and time of submission, the latest first; other people's where the user has ESSMonitor.",
        group: "Monitoring",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: true,
        sample_input: r#"{"states":["ERROR","WARNING"],"since":"2026-01-31T00:00:00Z","limit":50}"#,
        sample_output: r#"{"result":[{"requestId":9762926,"description":"AP nightly","jobDefinitionId":"JobDefinition://oracle/apps/ess/financials/payables/invoices/transactions/APXIIMPT","product":"AP","state":"ERROR","submitter":"FIN_INT","submissionTime":"2026-02-01T10:00:00.000Z","elapsedTime":41234}],"next_cursor":null}"#,
    };
    type Input = Input;
    type Output = RecordList;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let wanted = input.wanted()?;
        let of = fingerprint([format!("{wanted:?}").as_str(), &pod.settings.origin.authority]);
        let below = match input.cursor.as_deref() {
            None => None,
            Some(cursor) => Some(place(cursor, &of).ok_or_else(|| {
                Failure::invalid("/cursor", "this is not a cursor that this list answered").remedy(
                    "Use next_cursor of the answer before, with the same input; leave cursor out to begin anew.",
                )
            })?),
        };
        let mut list = ListWriter::default();
        let limit = usize::try_from(input.limit.unwrap_or(LIMIT)).unwrap_or(usize::MAX);
        let next = monitor::list(pod, &wanted, below, None, limit, &mut |row| {
            list.push(|text| text.push_str(row));
        })?;
        let next = next.map(|below| URL_SAFE_NO_PAD.encode(json!([of, below]).to_string()));
        Ok(list.finish(next.as_deref(), None, &[]))
    }
}

fn place(cursor: &str, of: &str) -> Option<u64> {
    let read: Value = crate::json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    (read.get(0)?.as_str()? == of).then(|| read.get(1)?.as_u64())?
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json};
    use crate::settings::Settings;

    #[test]
    fn pages_follow_the_request_id_and_filters_are_quoted() {
        let settings = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(settings).unwrap();
        let page = |ids: [u64; 2]| {
            json(200, &format!(r#"{{"items":[{{"requestId":{}}},{{"requestId":{}}}],"count":2}}"#, ids[0], ids[1]))
        };
        let door = Fake::new([page([9, 8]), page([7, 6]), json(200, r#"{"items":[],"count":0}"#)]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        let input: Input =
            serde_json::from_str(r#"{"states":["error","Warning"],"job":"A\"B","since":"2026-01-31","limit":3}"#)
                .unwrap();
        let answer: Value = serde_json::from_str(&ListEssJobs::run(&pod, input, "").unwrap()).unwrap();
        assert_eq!(answer["result"].as_array().unwrap().len(), 3);
        let asked =
            percent_encoding::percent_decode_str(&door.sent.borrow()[1].path).decode_utf8().unwrap().into_owned();
        assert!(asked.contains(r#"(state eq "ERROR" or state eq "WARNING") and jobDefinitionId co "A\"B" and submissionTime ge "2026-01-31T00:00:00Z" and requestId lt 8"#), "{asked}");
        let cursor = answer["next_cursor"].as_str().unwrap();
        let again =
            format!(r#"{{"states":["error","Warning"],"job":"A\"B","since":"2026-01-31","cursor":"{cursor}"}}"#);
        let answer: Value =
            serde_json::from_str(&ListEssJobs::run(&pod, serde_json::from_str(&again).unwrap(), "").unwrap()).unwrap();
        assert_eq!(answer, serde_json::json!({"result": [], "next_cursor": null}));
        let other = format!(r#"{{"cursor":"{cursor}"}}"#);
        assert!(ListEssJobs::run(&pod, serde_json::from_str(&other).unwrap(), "").is_err());
    }

    #[test]
    fn a_state_that_there_is_not_is_refused_before_anything_is_asked() {
        let wanted =
            |states: &str| serde_json::from_str::<Input>(&format!(r#"{{"states":{states}}}"#)).unwrap().wanted();
        let failure = wanted(r#"["error","SUCCEDED"]"#).unwrap_err();
        assert_eq!(failure.problem.fields[0].pointer, "/states/1");
        assert!(failure.problem.remedy.unwrap().contains("SUCCEEDED"));
        assert!(wanted(r#"["finito"]"#).unwrap_err().problem.remedy.unwrap().contains("PAUSED"));
        assert_eq!(wanted(r#"["Canceled","12"]"#).unwrap().states, ["CANCELLED", "SUCCEEDED"]);
    }
}
