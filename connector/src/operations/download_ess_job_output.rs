//! `download_ess_job_output`: logs and output of a request and of all that it started.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::file::{AnsweredFile, opened};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind};
use crate::fusion::erp::{self, held::Held};
use crate::fusion::pod::Pod;
use crate::problem::{Failure, Result};

/// See the module.
pub struct DownloadEssJobOutput;

/// What to download.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum Which {
    /// Logs.
    Log,
    /// Output.
    Out,
    /// Both.
    #[default]
    All,
}

/// Of which request.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Download an ESS job's output", deny_unknown_fields)]
pub struct Input {
    /// Its id.
    #[schemars(title = "Request id", length(min = 1, max = 20), pattern("^[0-9]+$"), extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub request_id: String,
    /// LOG, OUT or ALL.
    #[schemars(title = "Files", extend("default" = "ALL", "x-connector-order" = 2))]
    #[serde(default)]
    pub files: Which,
    /// Open the zip, and zips inside it.
    #[schemars(title = "Open", extend("default" = true, "x-connector-order" = 3))]
    pub open: Option<bool>,
}

/// The files.
#[derive(JsonSchema)]
#[schemars(title = "Output of an ESS job")]
#[allow(dead_code)]
pub struct Output {
    /// Id of the request.
    request_id: String,
    /// Its files, those of its children among them.
    files: Vec<AnsweredFile>,
}

/// The zip of a request's files; `None` where the pod gives none.
///
/// # Errors
/// Those of a read.
pub fn zip(pod: &Pod, id: &str, which: Which) -> Result<Option<Held>> {
    const WHAT: &str = "download the job's output";
    let kind = match which {
        Which::Log => "LOG",
        Which::Out => "OUT",
        Which::All => "ALL",
    };
    erp::held(pod, WHAT, "ESSJobExecutionDetailsRF", &[("requestId", id), ("fileType", kind)])
}

impl Action for DownloadEssJobOutput {
    const SPEC: Spec = Spec {
        id: "download_ess_job_output",
        title: "Download an ESS job's output",
        description: "Reads logs and output files of a request and of the jobs that it started, out of their zip. Only requests that this connection's user submitted have them.",
        group: "Bulk import and export",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"request_id":"9762926"}"#,
        sample_output: r#"{"request_id":"9762926","files":[{"name":"9762926.log","size":9,"text":"Loaded 3\n"}]}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let id = &input.request_id;
        let mut held = zip(pod, id, input.files)?.ok_or_else(|| {
            Failure::permanent(ProblemKind::NotFound, format!("The pod gives no files of request {id}."))
                .remedy("It gives them only to the user who submitted the request, and only once it has run; a job may also have no output.")
        })?;
        let files = opened(&format!("{id}.zip"), &mut held, input.open != Some(false))?;
        Ok(json!({"request_id": id, "files": files}).to_string())
    }
}
