//! `find_documents`: ids of documents by the beginning of their file names.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::erp;
use crate::fusion::pod::Pod;
use crate::problem::Result;

/// See the module.
pub struct FindDocuments;

/// Which documents.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Find documents", deny_unknown_fields)]
pub struct Input {
    /// Beginning of the file name; case counts.
    #[schemars(title = "Prefix", length(min = 1, max = 200), extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub prefix: String,
    /// Account, as in fin/payables/import; either spelling.
    #[schemars(title = "Account", length(min = 1, max = 200), extend("x-connector-options" = {"source": "ucm_accounts", "searchable": true}, "x-connector-order" = 2))]
    pub account: String,
    /// Comment of the document.
    #[schemars(title = "Comment", length(min = 1, max = 200), extend("x-connector-visibility" = "advanced", "x-connector-order" = 3))]
    pub comment: Option<String>,
}

/// A document.
#[derive(JsonSchema)]
#[schemars(title = "Document found")]
#[allow(dead_code)]
pub struct Found {
    /// Its id.
    document_id: String,
}

/// The documents, the newest last.
#[derive(JsonSchema)]
#[schemars(title = "Documents")]
#[allow(dead_code)]
pub struct Output {
    /// The documents.
    result: Vec<Found>,
    /// Always null: all are told at once.
    #[schemars(with = "crate::fusion::query::Anything")]
    next_cursor: Option<String>,
}

impl Action for FindDocuments {
    const SPEC: Spec = Spec {
        id: "find_documents",
        title: "Find documents",
        description: "Finds the ids of documents in content management (UCM) by the beginning of their file names.",
        group: "Bulk import and export",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"prefix":"apinv_2026","account":"fin/payables/import"}"#,
        sample_output: r#"{"result":[{"document_id":"1658852"}],"next_cursor":null}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let ids = erp::document_ids(pod, &input.prefix, Some(&input.account), input.comment.as_deref())?;
        let rows: Vec<Value> = ids.into_iter().map(|id| json!({"document_id": id})).collect();
        Ok(json!({"result": rows, "next_cursor": null}).to_string())
    }
}
