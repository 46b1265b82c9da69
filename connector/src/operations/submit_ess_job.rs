//! `submit_ess_job`: any job with its positional parameters, awaited.
//!
//! A job carries no mark of ours. So the first step only notes which request of this job is the newest, and
//! the next one submits unless a newer request with the same parameters is there: what an attempt before
//! sent is found and not sent again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::waiting::{Ended, Plan, Waiting, package, positional};
use super::{Action, Spec, Step};
use crate::contract::{Effect, Idempotency, Outcome};
use crate::fusion::erp::mark::{self, Later};
use crate::fusion::erp::send::{self, Submitted};
use crate::fusion::ess;
use crate::fusion::pod::{Lost, Pod};
use crate::fusion::time::instant;
use crate::problem::{Failure, Result};

/// See the module.
pub struct SubmitEssJob;

/// Looks after a lost answer, in milliseconds before each.
const LOOKS: [u64; 3] = [500, 2_000, 5_000];

/// Which job.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Submit an ESS job", deny_unknown_fields)]
pub struct Input {
    /// Package of the job's definition, as in /oracle/apps/ess/financials/payables/invoices/transactions.
    #[schemars(title = "Package", length(min = 1, max = 400), extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub package: String,
    /// Name of the job's definition, as in APXIIMPT; case counts.
    #[schemars(title = "Definition", length(min = 1, max = 200), pattern("^[^,/\\s]+$"), extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub definition: String,
    /// Parameters by position. #NULL or nothing stands for a slot that is not filled; every slot counts, those
    /// at the end as well.
    #[schemars(title = "Parameters", extend("x-connector-visibility" = "important", "x-connector-order" = 3))]
    pub parameters: Option<Vec<String>>,
    /// Wait for its end.
    #[schemars(title = "Wait", extend("default" = true, "x-connector-order" = 4))]
    pub wait: Option<bool>,
    /// Most minutes to wait.
    #[schemars(title = "Most minutes", range(min = 1, max = 44640), extend("default" = 1440, "x-connector-visibility" = "advanced", "x-connector-order" = 5))]
    pub timeout_minutes: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Nothing is sent yet; the newest request of this job, by its id.
    Ready(String),
    Waiting(Box<Waiting>),
}

impl Action for SubmitEssJob {
    const SPEC: Spec = Spec {
        id: "submit_ess_job",
        title: "Submit an ESS job",
        description: "Runs a scheduled process with its positional parameters and waits for its end. A request whose answer was lost is looked for with the scheduler before anything is sent again.",
        group: "Bulk import and export",
        effect: Effect::Job,
        idempotency: Idempotency::CallId,
        paged: false,
        sample_input: r##"{"package":"/oracle/apps/ess/financials/payables/invoices/transactions","definition":"APXIIMPT","parameters":["#NULL","300000046987012","N","2026-01-31","#NULL","#NULL","1000","Manual Invoice Entry","90213","N","Y","300000046975971","#NULL","1"]}"##,
        sample_output: r#"{"request_id":"9762926","state":"SUCCEEDED","ended":true,"outcome":"succeeded"}"#,
    };
    type Input = Input;
    type Output = Ended;

    fn step(pod: &Pod, step: Step, input: Input, _: &str) -> Result<Outcome> {
        let job = Job {
            package: package(&input.package),
            definition: input.definition.clone(),
            parameters: positional(input.parameters.as_deref(), "/parameters")?,
        };
        let state = step.token.map(|token| mark::read(pod, Self::SPEC.id, token)).transpose()?;
        let plan = Plan {
            action: Self::SPEC.id,
            what: &job.definition,
            minutes: input.timeout_minutes,
            documents: &[],
            account: None,
            open: false,
        };
        let waiting = match state {
            None => match job.newest(pod) {
                Ok(newest) => {
                    let later = Later {
                        status: format!("{}: ready to be submitted", job.definition),
                        progress: Some(0),
                        wait_ms: 0,
                    };
                    return mark::pend(pod, plan.action, &State::Ready(newest), later);
                }
                Err(failure) if failure.again => return Err(failure),
                // This user may not ask the scheduler, so that nothing can be looked for.
                Err(_) if step.call.attempt > 1 => {
                    return Err(job.unknown(&Failure::internal("an attempt before may have submitted it")));
                }
                Err(_) => job.submit(pod, None)?,
            },
            Some(State::Ready(newest)) => job.once(pod, &newest)?,
            Some(State::Waiting(mut waiting)) => {
                return match waiting.go_on(pod, &plan)? {
                    Ok(told) => Ok(Outcome::Done(Value::Object(told).to_string())),
                    Err(later) => mark::pend(pod, plan.action, &State::Waiting(waiting), later),
                };
            }
        };
        if input.wait == Some(false) {
            return Ok(Outcome::Done(Value::Object(waiting.submitted()).to_string()));
        }
        let state = State::Waiting(Box::new(waiting));
        let State::Waiting(waiting) = &state else { return Err(Failure::internal("a state of two kinds")) };
        waiting.begin(pod, &plan, &state)
    }
}

/// A job to submit.
pub(super) struct Job {
    /// Package of its definition, with its leading slash.
    pub(super) package: String,
    /// Name of its definition.
    pub(super) definition: String,
    /// The positional list.
    pub(super) parameters: String,
}

impl Job {
    /// Submits it unless a newer request of the same parameters is there.
    pub(super) fn once(&self, pod: &Pod, newest: &str) -> Result<Waiting> {
        match self.since(pod, newest) {
            Ok(Some(id)) => Ok(Waiting::new(pod, &Submitted { request: id, document: None }, true)),
            Ok(None) => self.submit(pod, Some(newest)),
            Err(failure) if failure.again => Err(failure),
            Err(_) => self.submit(pod, None),
        }
    }

    /// Requests of this job that are newer than that one, the newest first.
    fn requests(&self, pod: &Pod, than: &str, take: &mut dyn FnMut(ess::Request) -> bool) -> Result<()> {
        let filter = format!("jobDefinitionId eq \"JobDefinition:/{}/{}\"", self.package, self.definition);
        let job = format!("{},{}", self.package, self.definition);
        let than = than.parse().unwrap_or_default();
        ess::back(pod, &filter, &mut |request| request.number() > than && (!request.runs(&job) || take(request)))
    }

    /// Id of the newest request of this job; empty where there is none.
    pub(super) fn newest(&self, pod: &Pod) -> Result<String> {
        let mut newest = String::new();
        self.requests(pod, "", &mut |request| {
            newest = request.id;
            false
        })?;
        Ok(newest)
    }

    /// A request of these parameters that is newer; the oldest of them.
    pub(super) fn since(&self, pod: &Pod, newest: &str) -> Result<Option<String>> {
        let mut found = None;
        let asked = self.requests(pod, newest, &mut |request| {
            if self.is_same(&request) {
                found = Some(request.id);
            }
            true
        });
        if found.is_some() { Ok(found) } else { asked.map(|()| None) }
    }

    fn is_same(&self, request: &ess::Request) -> bool {
        bare(request.arguments.iter().map(String::as_str)) == bare(self.parameters.split(','))
    }

    /// A request of these parameters that the submitter of `load` made when that had ended: it does what this one
    /// would do. `None` as well where the scheduler does not tell; those of `done` do not count.
    pub(super) fn after(&self, pod: &Pod, load: &str, done: &[Value]) -> Option<String> {
        let load = ess::request(pod, load).ok()??;
        let ended = instant(&load.completed?)?;
        let mut found = None;
        // What was told before a fault counts.
        let _ = self.requests(pod, &load.id, &mut |request| {
            let later = request.submitted.as_deref().and_then(instant).is_some_and(|at| at >= ended);
            let is_done = done.iter().any(|job| job.get("request_id").and_then(Value::as_str) == Some(&request.id));
            if later && self.is_same(&request) && request.submitter == load.submitter && !is_done {
                found = Some(request.id);
            }
            later
        });
        found
    }

    fn submit(&self, pod: &Pod, newest: Option<&str>) -> Result<Waiting> {
        let what = format!("submit {}", self.definition);
        let mut fields = vec![("JobPackageName", self.package.as_str()), ("JobDefName", self.definition.as_str())];
        if !self.parameters.is_empty() {
            fields.push(("ESSParameters", &self.parameters));
        }
        let job = format!("{},{}", self.package, self.definition);
        let cause = match send::submit(pod, &what, "submitESSJobRequest", &job, &fields, None) {
            Ok(submitted) => return Ok(Waiting::new(pod, &submitted, false)),
            Err(Lost::Refused(failure)) => return Err(failure),
            Err(Lost::Unknown(cause)) => cause,
        };
        for wait in LOOKS.iter().filter(|_| newest.is_some()) {
            pod.wait(std::time::Duration::from_millis(*wait));
            if let Ok(Some(id)) = self.since(pod, newest.unwrap_or_default()) {
                return Ok(Waiting::new(pod, &Submitted { request: id, document: None }, true));
            }
        }
        Err(self.unknown(&cause))
    }

    pub(super) fn unknown(&self, cause: &Failure) -> Failure {
        send::unknown(
            cause,
            &format!("{} may or may not have been submitted", self.definition),
            "Look for it in Scheduled Processes before you submit it again.",
        )
    }
}

/// Arguments without those at the end that are not filled, however that is spelt.
fn bare<'a>(arguments: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut bare: Vec<&str> =
        arguments.map(|value| if matches!(value, "#NULL" | "null") { "" } else { value }).collect();
    while bare.last() == Some(&"") {
        bare.pop();
    }
    bare
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::contract::{Call, Kind, Pending, ProblemKind};
    use crate::http::fake::{Fake, json, typed};
    use crate::operations::Entry;
    use crate::settings::Settings;

    const INPUT: &str = r##"{"package":"/p/q","definition":"D","parameters":["#NULL","1",""]}"##;

    fn step(door: &Fake, token: Option<&str>) -> Result<Outcome> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        let call = Call { id: "c".into(), attempt: 1, remaining_ms: None };
        Entry::find("submit_ess_job", Kind::Action).unwrap().step(&pod, Step { call: &call, token }, INPUT)
    }

    fn pending(outcome: Outcome) -> Pending {
        let Outcome::Pending(pending) = outcome else { panic!("done") };
        pending
    }

    fn listed(id: u32) -> std::result::Result<crate::http::Response, crate::http::SendError> {
        json(
            200,
            &format!(
                r#"{{"items":[{{"requestId":{id},"state":"WAIT","jobDefinitionId":"JobDefinition://p/q/D","requestParameters":[{{"name":"submit.argument1","value":null}},{{"name":"submit.argument2","value":"1"}}]}}]}}"#
            ),
        )
    }

    fn ready() -> String {
        pending(step(&Fake::new([listed(5)]), None).unwrap()).token
    }

    #[test]
    fn it_is_submitted_with_every_slot_and_awaited() {
        let door = Fake::new([listed(5), json(201, r#"{"ReqstId":"12"}"#)]);
        let going = pending(step(&door, Some(&ready())).unwrap());
        let sent = door.sent.borrow();
        let body: Value = serde_json::from_slice(sent[1].body.as_ref().unwrap()).unwrap();
        assert_eq!(body["ESSParameters"], "#NULL,1,");
        let door = Fake::new([json(200, r#"{"items":[{"RequestStatus":"SUCCEEDED"}]}"#)]);
        let Outcome::Done(told) = step(&door, Some(&going.token)).unwrap() else { panic!("pends") };
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!((&told["request_id"], &told["outcome"]), (&"12".into(), &"succeeded".into()));
    }

    #[test]
    fn what_an_attempt_before_sent_is_found_and_not_sent_again() {
        let door = Fake::new([listed(6)]);
        assert!(pending(step(&door, Some(&ready())).unwrap()).status.contains("request 6"));
        let door = Fake::new([listed(5), typed(504, "", ""), listed(5), listed(7)]);
        assert!(pending(step(&door, Some(&ready())).unwrap()).status.contains("request 7"));
        let door = Fake::new([listed(5), typed(504, "", ""), listed(5), listed(5), listed(5)]);
        assert_eq!(step(&door, Some(&ready())).unwrap_err().kind(), ProblemKind::UnknownOutcome);
    }

    #[test]
    fn what_was_sent_is_found_behind_many_others() {
        let page = |from: u32| {
            let one = |id: u32| {
                let own = if id == 6 { "1" } else { "2" };
                format!(
                    r#"{{"requestId":{id},"state":"WAIT","jobDefinitionId":"JobDefinition://p/q/D","requestParameters":[{{"name":"submit.argument1","value":null}},{{"name":"submit.argument2","value":"{own}"}}]}}"#
                )
            };
            let rows: Vec<String> = (from - 25..=from).rev().map(one).collect();
            json(200, &format!(r#"{{"items":[{}]}}"#, rows.join(",")))
        };
        let door = Fake::new([page(56), page(30)]);
        assert!(pending(step(&door, Some(&ready())).unwrap()).status.contains("request 6"));
        assert!(door.sent.borrow()[1].path.contains("requestId%20lt%2031"), "{}", door.sent.borrow()[1].path);
        assert_eq!(door.sent.borrow().len(), 2);
    }

    #[test]
    fn minus_one_names_the_job() {
        let door = Fake::new([listed(5), json(200, r#"{"ReqstId":"-1"}"#)]);
        let failure = step(&door, Some(&ready())).unwrap_err();
        assert!(failure.problem.message.contains("/p/q,D") && failure.has_code("-1"));
    }

    #[test]
    fn a_token_of_something_else_is_refused() {
        for token in ["", "{}", r#"{"v":1,"f":"0","s":{"ready":"1"}}"#] {
            assert_eq!(step(&Fake::new([]), Some(token)).unwrap_err().kind(), ProblemKind::InvalidInput);
        }
    }
}
