//! `download_document`: a document of content management, opened where it is a zip.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::file::{AnsweredFile, opened};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::erp;
use crate::fusion::pod::Pod;
use crate::problem::Result;

/// See the module.
pub struct DownloadDocument;

/// Which document.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Download a document", deny_unknown_fields)]
pub struct Input {
    /// Its id.
    #[schemars(title = "Document id", length(min = 1, max = 40), extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub document_id: String,
    /// Open a zip, and zips inside it, and answer the files in it.
    #[schemars(title = "Open", extend("default" = false, "x-connector-order" = 2))]
    pub open: Option<bool>,
}

/// A document.
#[derive(JsonSchema)]
#[schemars(title = "Document contents")]
#[allow(dead_code)]
pub struct Output {
    /// Its id.
    document_id: String,
    /// Its file name, where the pod tells it.
    #[schemars(default)]
    name: Option<String>,
    /// Its account, where the pod tells it.
    #[schemars(default)]
    account: Option<String>,
    /// The document; where it was opened, the files in it.
    files: Vec<AnsweredFile>,
}

impl Action for DownloadDocument {
    const SPEC: Spec = Spec {
        id: "download_document",
        title: "Download a document",
        description: "Reads a document of content management (UCM) by its id, and opens it where it is a zip. Large files go into the lent directory.",
        group: "Bulk import and export",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"document_id":"1658852","open":true}"#,
        sample_output: r#"{"document_id":"1658852","name":"1391805.zip","account":"fin$/payables$/import$","files":[{"name":"1391805.log","size":9,"text":"Loaded 3\n"}]}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let id = input.document_id.trim();
        let found = erp::document(pod, id)?.ok_or_else(|| erp::no_document(id))?;
        let name = found.name.clone().unwrap_or_else(|| id.to_owned());
        let files = opened(&name, &mut std::io::Cursor::new(found.bytes), input.open == Some(true))?;
        let mut told = json!({"document_id": id, "files": files});
        for (member, value) in [("name", found.name), ("account", found.account)] {
            if let (Some(value), Some(object)) = (value, told.as_object_mut()) {
                object.insert(member.to_owned(), value.into());
            }
        }
        Ok(told.to_string())
    }
}
