//! `get_ess_job`: how a request stands, whoever submitted it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind};
use crate::fusion::erp::jobs::{Look, look};
use crate::fusion::erp::state;
use crate::fusion::pod::Pod;
use crate::problem::{Failure, Result};
use crate::text::shorten;

/// See the module.
pub struct GetEssJob;

/// Which request.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Get an ESS job", deny_unknown_fields)]
pub struct Input {
    /// Its id.
    #[schemars(title = "Request id", length(min = 1, max = 20), pattern("^[0-9]+$"), extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub request_id: String,
}

/// A job of a load.
#[derive(JsonSchema)]
#[schemars(title = "Job")]
#[allow(dead_code)]
pub struct Job {
    /// Its request id.
    request_id: String,
    /// Its name.
    name: String,
    /// Its state.
    state: String,
    /// The request that started it; null for the first.
    #[schemars(with = "crate::fusion::query::Anything")]
    parent_request_id: Option<String>,
    /// Why it did not succeed, where that is known.
    #[schemars(default)]
    message: Option<String>,
}

/// A request.
#[derive(JsonSchema)]
#[schemars(title = "ESS job")]
#[allow(dead_code)]
pub struct Output {
    /// Its id.
    request_id: String,
    /// Its state, as SUCCEEDED or PAUSED.
    state: String,
    /// Whether it has ended.
    ended: bool,
    /// succeeded, warning or failed; null while it goes on.
    #[schemars(with = "crate::fusion::query::Anything")]
    outcome: Option<String>,
    /// What the state means and what to do, where it needs saying.
    #[schemars(default)]
    meaning: Option<String>,
    /// Package and name of the job, where the scheduler was asked.
    #[schemars(default)]
    definition: Option<String>,
    /// How its submitter described it.
    #[schemars(default)]
    description: Option<String>,
    /// Who submitted it.
    #[schemars(default)]
    submitter: Option<String>,
    /// When it was submitted.
    #[schemars(default)]
    submitted: Option<String>,
    /// When it began.
    #[schemars(default)]
    started: Option<String>,
    /// When it ended.
    #[schemars(default)]
    completed: Option<String>,
    /// Its positional parameters.
    #[schemars(default)]
    parameters: Option<Vec<String>>,
    /// Document with logs and error files of a load.
    #[schemars(default)]
    document_id: Option<String>,
    /// All jobs of a load.
    #[schemars(default)]
    jobs: Option<Vec<Job>>,
}

/// A request as outputs have it.
pub fn told(id: &str, look: &Look) -> Map<String, Value> {
    let end = state::end(&look.state);
    let mut told = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            told.insert(name.to_owned(), value);
        }
    };
    put("request_id", id.into());
    put("state", look.state.as_str().into());
    put("ended", end.is_some().into());
    put("meaning", state::meaning(&look.state).into());
    if let Some(request) = &look.request {
        for (name, value) in [
            ("definition", &request.definition),
            ("description", &request.description),
            ("submitter", &request.submitter),
            ("submitted", &request.submitted),
            ("started", &request.started),
            ("completed", &request.completed),
        ] {
            put(name, value.clone().into());
        }
        put("parameters", request.arguments.clone().into());
    }
    if let Some(tree) = &look.tree {
        put("document_id", tree.document.clone().into());
        put("jobs", tree.jobs.iter().map(crate::fusion::erp::tree::Job::told).collect());
    }
    told.insert("outcome".to_owned(), end.map(state::End::name).into());
    told
}

/// Whether it can be the id of a request.
///
/// # Errors
/// `invalid-input`.
pub fn is_request_id(text: &str) -> Result<()> {
    if (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(Failure::invalid("/request_id", format!("\"{}\" is no request id: that has digits alone", shorten(text, 40))))
}

impl Action for GetEssJob {
    const SPEC: Spec = Spec {
        id: "get_ess_job",
        title: "Get an ESS job",
        description: "Tells how a scheduled request stands, with all jobs of a load, whether this connection submitted it or somebody else.",
        group: "Bulk import and export",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"request_id":"9762926"}"#,
        sample_output: r#"{"request_id":"9762926","state":"PAUSED","ended":false,"outcome":null,"jobs":[{"request_id":"9762926","name":"Load Interface File for Import","state":"PAUSED","parent_request_id":null}]}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        is_request_id(&input.request_id)?;
        let look = look(pod, &input.request_id, true)?;
        if look.state.is_empty() {
            return Err(Failure::permanent(
                ProblemKind::NotFound,
                format!("There is no request {} that this user may see.", shorten(&input.request_id, 20)),
            )
            .remedy("Check the id. Requests of other users show only to those who may monitor them."));
        }
        Ok(Value::Object(told(&input.request_id, &look)).to_string())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::Kind;
    use crate::http::fake::{Fake, json as answer};
    use crate::operations::Entry;
    use crate::settings::Settings;

    fn run(door: &Fake) -> Result<Value> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        let text = Entry::find("get_ess_job", Kind::Action).unwrap().run(&pod, r#"{"request_id":"12"}"#)?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn the_jobs_of_a_load_are_told() {
        let tree = r#"{\"SUMMARYSTATUS\":\"PAUSED\",\"DOCUMENTID\":null,\"JOBS\":[{\"JOBNAME\":\"Load\",\"REQUESTID\":\"12\",\"STATUS\":\"PAUSED\"}]}"#;
        let door = Fake::new([
            answer(200, r#"{"items":[{"ReqstId":"12","RequestStatus":"PAUSED"}]}"#),
            answer(200, &format!(r#"{{"items":[{{"RequestStatus":"{tree}"}}]}}"#)),
        ]);
        let told = run(&door).unwrap();
        assert_eq!((&told["ended"], &told["jobs"][0]["name"]), (&false.into(), &"Load".into()));
    }

    #[test]
    fn what_erpintegrations_does_not_know_is_asked_of_the_scheduler() {
        let blank = || answer(200, r#"{"items":[{"ReqstId":"12","RequestStatus":""}]}"#);
        let ess = r#"{"requestId":12,"state":"SUCCEEDED","submitter":"casey","requestParameters":[{"name":"submit.argument2","value":"b"},{"name":"submit.argument1","value":"a"}]}"#;
        let told = run(&Fake::new([blank(), answer(200, ess)])).unwrap();
        assert_eq!((&told["outcome"], &told["submitter"]), (&"succeeded".into(), &"casey".into()));
        assert_eq!(told["parameters"], json!(["a", "b"]));
        let failure = run(&Fake::new([blank(), answer(404, "{}")])).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::NotFound);
    }

    #[test]
    fn what_is_no_request_is_refused_and_nothing_is_sent() {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let door = Fake::new([]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        let failure =
            Entry::find("get_ess_job", Kind::Action).unwrap().run(&pod, r#"{"request_id":"abc"}"#).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::InvalidInput);
        assert!(failure.problem.message.contains("\"abc\"") && door.sent.borrow().is_empty());
    }
}
