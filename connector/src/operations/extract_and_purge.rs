//! `extract_and_purge`: takes what a load left in the interface tables out of them, with its error files.

use schemars::JsonSchema;
use serde::Deserialize;

use super::get_ess_job::is_request_id;
use super::import_bulk_data::LOADER;
use super::waiting::{Ended, Plan, Waiting, resumed};
use super::{Action, Spec, Step};
use crate::contract::{Effect, Idempotency, Outcome};
use crate::fusion::erp::jobs::look;
use crate::fusion::erp::send;
use crate::fusion::ess;
use crate::fusion::pod::{Lost, Pod};
use crate::problem::{Failure, Result};

/// See the module.
pub struct ExtractAndPurge;

/// Of which load.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Extract and purge", deny_unknown_fields)]
pub struct Input {
    /// Request id of the load, as import_bulk_data answered it.
    #[schemars(title = "Load request id", length(min = 1, max = 20), pattern("^[0-9]+$"), extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub request_id: String,
    /// Open the zip.
    #[schemars(title = "Open", extend("default" = true, "x-connector-order" = 2))]
    pub open: Option<bool>,
    /// Most minutes to wait.
    #[schemars(title = "Most minutes", range(min = 1, max = 44640), extend("default" = 1440, "x-connector-visibility" = "advanced", "x-connector-order" = 3))]
    pub timeout_minutes: Option<u32>,
}

impl Action for ExtractAndPurge {
    const SPEC: Spec = Spec {
        id: "extract_and_purge",
        title: "Extract and purge",
        description: "Extracts logs and error files of a load into content management (UCM), purges what the load left in the interface tables, and answers the files. Rejected rows that stay there are in the way of later loads.",
        group: "Bulk import and export",
        effect: Effect::Job,
        idempotency: Idempotency::NaturalKey,
        paged: false,
        sample_input: r#"{"request_id":"9762926"}"#,
        sample_output: r#"{"request_id":"9762940","state":"SUCCEEDED","ended":true,"outcome":"succeeded","document_id":"1658866","files":[{"name":"9762926.log","size":9,"text":"Loaded 3\n"}]}"#,
    };
    type Input = Input;
    type Output = Ended;

    fn step(pod: &Pod, step: Step, input: Input, _: &str) -> Result<Outcome> {
        let documents = ["{}.zip".to_owned(), format!("{}.zip", input.request_id)];
        let plan = Plan {
            action: Self::SPEC.id,
            what: "Extract and purge",
            minutes: input.timeout_minutes,
            documents: &documents,
            account: None,
            open: input.open != Some(false),
        };
        if let Some(token) = step.token {
            return resumed(pod, &plan, token);
        }
        is_request_id(&input.request_id)?;
        // A pod answers for a load that it does not know as for one that may not be purged.
        if look(pod, &input.request_id, false).is_ok_and(|look| look.state.is_empty()) {
            let message = format!("there is no load {} that this user may see; nothing was purged", input.request_id);
            return Err(Failure::invalid("/request_id", message)
                .remedy("Give the request_id that import_bulk_data answered, and not that of one of its jobs."));
        }
        // Whoever may not ask the scheduler leaves it to the pod.
        if let Ok(Some(job)) = ess::request(pod, &input.request_id)
            && !job.runs(LOADER)
        {
            let what = job.definition.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or("another job");
            let message = format!("request {} is no load but {what}; nothing was purged", input.request_id);
            return Err(Failure::invalid("/request_id", message)
                .remedy("Give the request_id that import_bulk_data answered, and not that of one of its jobs."));
        }
        let fields = [
            ("LoadRequestId", input.request_id.as_str()),
            ("JobOptions", "ExtractFileType=ALL"),
            ("CallbackURL", "#NULL"),
            ("NotificationCode", "10"),
        ];
        match send::submit(pod, "purge the load", "extractAndPurge", "Extract and Purge", &fields, None) {
            Ok(submitted) => {
                let waiting = Waiting::new(pod, &submitted, false);
                waiting.begin(pod, &plan, &waiting)
            }
            Err(Lost::Refused(failure)) => Err(failure.or_remedy(|| {
                "Not every pod has this operation in REST. Run Purge Interface Tables with submit_ess_job or in Scheduled Processes.".to_owned()
            })),
            Err(Lost::Unknown(cause)) => Err(send::unknown(
                &cause,
                "The purge may or may not have been started",
                "Run it again: a load that is purged already has nothing left to purge.",
            )),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::contract::{Call, Kind, ProblemKind};
    use crate::http::fake::{Fake, json};
    use crate::operations::Entry;
    use crate::settings::Settings;

    #[test]
    fn a_load_that_nobody_knows_is_told_and_not_purged() {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let call = Call { id: "c".into(), attempt: 1, remaining_ms: None };
        let run = |door: &Fake, input: &str| {
            let pod = Pod::new(door, &settings, None).unwrap();
            Entry::find("extract_and_purge", Kind::Action).unwrap().step(&pod, Step { call: &call, token: None }, input)
        };
        let unknown = Fake::new([json(200, r#"{"items":[{"RequestStatus":""}]}"#), json(404, "{}")]);
        let failure = run(&unknown, r#"{"request_id":"12"}"#).unwrap_err();
        assert_eq!((failure.kind(), unknown.sent.borrow().len()), (ProblemKind::InvalidInput, 2));
        assert!(failure.problem.message.contains("no load 12"), "{}", failure.problem.message);
        let door = |definition: &str| {
            let job =
                format!(r#"{{"requestId":12,"state":"WARNING","jobDefinitionId":"JobDefinition:/{definition}"}}"#);
            let status = json(200, r#"{"items":[{"RequestStatus":"WARNING"}]}"#);
            Fake::new([status, json(200, &job), json(201, r#"{"ReqstId":"13"}"#)])
        };
        assert!(run(&door(&LOADER.replace(',', "/")), r#"{"request_id":"12"}"#).is_ok());
        let other = run(&door("/p/AutomaticPosting"), r#"{"request_id":"12"}"#).unwrap_err();
        assert!(other.problem.message.contains("no load but AutomaticPosting"), "{}", other.problem.message);
        assert!(run(&Fake::new([]), r#"{"request_id":"x"}"#).is_err());
    }
}
