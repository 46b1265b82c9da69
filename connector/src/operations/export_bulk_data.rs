//! `export_bulk_data`: runs an export, waits, and answers the files that it left in content management.

use schemars::JsonSchema;
use serde::Deserialize;

use super::waiting::{Ended, Plan, Waiting, package, positional, resumed};
use super::{Action, Spec, Step};
use crate::contract::{Effect, Idempotency, Outcome};
use crate::fusion::erp::{options, send};
use crate::fusion::pod::{Lost, Pod};
use crate::problem::{Failure, Result};

/// See the module.
pub struct ExportBulkData;

/// Which export.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Export in bulk", deny_unknown_fields)]
pub struct Input {
    /// Package and definition of the job, with a comma between them.
    #[schemars(title = "Job", length(min = 3, max = 600), pattern("^[^,;]+[,;][^,;]+$"), extend("examples" = ["/oracle/apps/ess/financials/commonModules/shared/common/outbound,FinOutboundProcess"], "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub job: String,
    /// Parameters by position. #NULL or nothing stands for a slot that is not filled.
    #[schemars(title = "Parameters", extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub parameters: Option<Vec<String>>,
    /// Kinds of files to extract: ALL, or some of LOG, OUT, CSV, XML, TEXT.
    #[schemars(title = "Kinds of files", length(min = 1), extend("x-connector-visibility" = "advanced", "x-connector-order" = 3))]
    pub kinds: Option<Vec<Kind>>,
    /// Account in which the output is looked for; all that the user sees where it is left out.
    #[schemars(title = "Account", length(min = 1, max = 200), extend("x-connector-options" = {"source": "ucm_accounts", "searchable": true}, "x-connector-visibility" = "advanced", "x-connector-order" = 4))]
    pub account: Option<String>,
    /// Open the zip.
    #[schemars(title = "Open", extend("default" = true, "x-connector-order" = 5))]
    pub open: Option<bool>,
    /// Most minutes to wait.
    #[schemars(title = "Most minutes", range(min = 1, max = 44640), extend("default" = 1440, "x-connector-visibility" = "advanced", "x-connector-order" = 6))]
    pub timeout_minutes: Option<u32>,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum Kind {
    /// All of them.
    All,
    /// Logs.
    Log,
    /// Output.
    Out,
    /// CSV.
    Csv,
    /// XML.
    Xml,
    /// Text.
    Text,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::Log => "LOG",
            Self::Out => "OUT",
            Self::Csv => "CSV",
            Self::Xml => "XML",
            Self::Text => "TEXT",
        }
    }
}

impl Action for ExportBulkData {
    const SPEC: Spec = Spec {
        id: "export_bulk_data",
        title: "Export in bulk",
        description: "Runs an export job, waits for its end, finds its output in content management (UCM), downloads it and opens the zip.",
        group: "Bulk import and export",
        effect: Effect::Job,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r##"{"job":"/oracle/apps/ess/financials/commonModules/shared/common/outbound,FinOutboundProcess","parameters":["92","/oracle/apps/ess/financials/commonModules/shared/common/outbound;PayablesTransactionsExtract","BIPREPORT","FULL_EXTRACT","#NULL","300000046987012"]}"##,
        sample_output: r#"{"request_id":"9762930","state":"SUCCEEDED","ended":true,"outcome":"succeeded","document_id":"1658860","files":[{"name":"export.csv","size":5,"text":"A,B\r\n"}]}"#,
    };
    type Input = Input;
    type Output = Ended;

    fn step(pod: &Pod, step: Step, input: Input, _: &str) -> Result<Outcome> {
        let (path, definition) = input.job.split_once([',', ';']).unwrap_or_default();
        let (path, definition) = (package(path), definition.trim());
        if definition.is_empty() || path.trim_matches('/').is_empty() {
            return Err(Failure::invalid("/job", "a package and a definition are expected, with a comma between them")
                .remedy("As in /oracle/apps/ess/financials/commonModules/shared/common/outbound,FinOutboundProcess."));
        }
        // FACTS 3.2; extracts of reports leave theirs under another name (6.1).
        let documents = [format!("ExportBulkData_{definition}_{{}}"), "ESS_{}_".to_owned(), "{}.zip".to_owned()];
        let account = input.account.clone().or_else(|| outbound(input.parameters.as_deref()));
        let plan = Plan {
            action: Self::SPEC.id,
            what: "Export",
            minutes: input.timeout_minutes,
            documents: &documents,
            account: account.as_deref(),
            open: input.open != Some(false),
        };
        if let Some(token) = step.token {
            return resumed(pod, &plan, token);
        }
        let kinds: Vec<&str> = input.kinds.iter().flatten().map(|kind| kind.name()).collect();
        let kinds = if kinds.is_empty() { "ALL".to_owned() } else { kinds.join(";") };
        let (job, parameters) =
            (format!("{path},{definition}"), positional(input.parameters.as_deref(), "/parameters")?);
        let options = format!("ExtractFileType={kinds}");
        let fields = [
            ("JobName", job.as_str()),
            ("ParameterList", parameters.as_str()),
            ("JobOptions", options.as_str()),
            ("CallbackURL", "#NULL"),
            ("NotificationCode", "10"),
        ];
        match send::submit(pod, "start the export", "exportBulkData", &job, &fields, None) {
            Ok(submitted) => {
                let waiting = Waiting::new(pod, &submitted, false);
                waiting.begin(pod, &plan, &waiting)
            }
            Err(Lost::Refused(failure)) => Err(failure),
            Err(Lost::Unknown(cause)) => Err(unknown(&cause)),
        }
    }
}

/// Where an export leaves its output: the account of the interface option that its first parameter names, with
/// export for import (FACTS 6.1). A pod may want the account for every look.
fn outbound(parameters: Option<&[String]>) -> Option<String> {
    let first = parameters?.first()?.trim();
    let option = options::all().into_iter().find(|option| option.id() == first && !option.account().is_empty())?;
    Some(option.account().replace("/import", "/export"))
}

fn unknown(cause: &Failure) -> Failure {
    send::unknown(
        cause,
        "The export may or may not have been started",
        "Look in Scheduled Processes. An export changes nothing unless it marks what it took; then wait for its end first.",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::contract::{Call, Kind, ProblemKind};
    use crate::http::fake::Fake;
    use crate::operations::Entry;
    use crate::settings::Settings;

    #[test]
    fn a_job_that_is_none_is_refused_before_anything_is_sent() {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let (settings, door) = (Settings::parse(text).unwrap(), Fake::new([]));
        let pod = Pod::new(&door, &settings, None).unwrap();
        let call = Call { id: "c".into(), attempt: 1, remaining_ms: None };
        for job in ["NOPE", "/a/b,", ",D"] {
            let step = Step { call: &call, token: None };
            let input = format!(r#"{{"job":"{job}"}}"#);
            let failure = Entry::find("export_bulk_data", Kind::Action).unwrap().step(&pod, step, &input).unwrap_err();
            assert_eq!(failure.kind(), ProblemKind::InvalidInput, "{job}");
        }
        assert!(door.sent.borrow().is_empty());
    }
}
