//! `upload_to_ucm`: a file into content management, for a job that takes it from there.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::file::GivenFile;
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind};
use crate::fusion::erp::{self, account, send};
use crate::fusion::pod::{Lost, Pod};
use crate::http::Stream;
use crate::problem::{Failure, Result};

/// See the module.
pub struct UploadToUcm;

const WHAT: &str = "upload the file";

/// What to upload, and where to.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Upload to UCM", deny_unknown_fields)]
pub struct Input {
    /// The file.
    #[schemars(title = "File", extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub file: GivenFile,
    /// Account, as in fin/payables/import; either spelling.
    #[schemars(title = "Account", length(min = 1, max = 200), extend("x-connector-options" = {"source": "ucm_accounts", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub account: String,
    /// Kind of contents: zip, csv, txt; the file's ending where it is left out.
    #[schemars(title = "Content type", length(min = 1, max = 20), pattern("^[A-Za-z0-9]+$"), extend("x-connector-visibility" = "advanced", "x-connector-order" = 3))]
    pub content_type: Option<String>,
    /// Comment on the document.
    #[schemars(title = "Comment", length(max = 200), extend("x-connector-visibility" = "advanced", "x-connector-order" = 4))]
    pub comment: Option<String>,
}

/// The document.
#[derive(JsonSchema)]
#[schemars(title = "Document")]
#[allow(dead_code)]
pub struct Output {
    /// uploaded, or recovered (uploaded by this call although the answer was lost).
    outcome: String,
    /// Its id.
    document_id: String,
    /// Its file name.
    name: String,
    /// Its account, as REST spells it.
    account: String,
}

impl Action for UploadToUcm {
    const SPEC: Spec = Spec {
        id: "upload_to_ucm",
        title: "Upload to UCM",
        description: "Stores a file in content management (UCM), where import jobs take it from. The account is taken in either spelling. A path in the lent directory passes through as a stream, whatever its size.",
        group: "Bulk import and export",
        effect: Effect::Create,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"file":{"name":"apinv_20260101.zip","path":"apinv_20260101.zip"},"account":"fin/payables/import"}"#,
        sample_output: r#"{"outcome":"uploaded","document_id":"1658852","name":"apinv_20260101.zip","account":"fin$/payables$/import$"}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let name = input.file.named("/file")?;
        let account = account::dollars(&input.account);
        if account.is_empty() {
            return Err(Failure::invalid("/account", "an account is expected, as in fin/payables/import"));
        }
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
        let kind = input.content_type.as_deref().unwrap_or(if ending.is_empty() { "txt" } else { &ending });
        let mut fields = vec![("FileName", name), ("DocumentAccount", &account), ("ContentType", kind)];
        fields.extend(input.comment.as_deref().map(|comment| ("Comments", comment)));
        let upload = |content: Stream| match content.len {
            0 => {
                Err(Lost::Refused(Failure::invalid("/file", "it is empty").remedy("Give a file that holds something.")))
            }
            _ => send::send(pod, WHAT, "uploadFileToUCM", &fields, Some(content)),
        };
        let (outcome, id) = match input.file.sent("/file", upload)? {
            Ok(row) => ("uploaded", erp::told(&row, "DocumentId").ok_or_else(|| no_id(&account))?),
            Err(Lost::Refused(failure)) => {
                return Err(
                    failure.or_remedy(|| format!("Check the account {account}, and that the user may write to it."))
                );
            }
            Err(Lost::Unknown(cause)) => ("recovered", recover(pod, &input.file, name, &account, &cause)?),
        };
        Ok(json!({"outcome": outcome, "document_id": id, "name": name, "account": account}).to_string())
    }
}

/// F2: the pod stores it somewhere, or nowhere, and tells no id.
pub(super) fn no_id(account: &str) -> Failure {
    Failure::permanent(ProblemKind::NotFound, format!("The pod took the file and told no document id: it has no account {account}, or the user may not write to it."))
        .remedy("Choose the account from list_interface_options, and give the user the role that owns it.")
}

/// A document of that name and account with the same contents is the one that was sent.
fn recover(pod: &Pod, file: &GivenFile, name: &str, account: &str, cause: &Failure) -> Result<String> {
    let unknown = || {
        send::unknown(
            cause,
            "The file may or may not have been uploaded",
            &format!("Look for it with find_documents (prefix {name}, account {account}) before you upload it again."),
        )
    };
    let ids = erp::document_ids(pod, name, Some(account), None).map_err(|_| unknown())?;
    for id in ids.iter().rev().take(3) {
        let Ok(Some(found)) = erp::document(pod, id) else { continue };
        let same = file.sent("/file", |content| {
            let mut sent =
                base64::read::DecoderReader::new((content.open)()?, &base64::engine::general_purpose::STANDARD);
            equal(&mut sent, &found.bytes)
        })?;
        if same.unwrap_or(false) {
            return Ok(id.clone());
        }
    }
    Err(unknown())
}

fn equal(sent: &mut dyn std::io::Read, found: &[u8]) -> std::io::Result<bool> {
    let mut left = found;
    let mut buffer = [0; 4096];
    loop {
        match sent.read(&mut buffer)? {
            0 => return Ok(left.is_empty()),
            count => match buffer.get(..count).and_then(|part| left.strip_prefix(part)) {
                Some(rest) => left = rest,
                None => return Ok(false),
            },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::contract::Kind;
    use crate::http::fake::{Fake, json as answer, typed};
    use crate::operations::Entry;
    use crate::settings::Settings;

    const INPUT: &str = r#"{"file":{"name":"a.zip","text":"abc"},"account":"fin/payables/import"}"#;

    fn run(door: &Fake) -> Result<serde_json::Value> {
        run_of(door, INPUT)
    }

    fn run_of(door: &Fake, input: &str) -> Result<serde_json::Value> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        let text = Entry::find("upload_to_ucm", Kind::Action).unwrap().run(&pod, input)?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn the_account_goes_out_as_rest_wants_it() {
        let door = Fake::new([answer(201, r#"{"DocumentId":"7","ReqstId":null}"#)]);
        assert_eq!(run(&door).unwrap()["document_id"], "7");
        let sent = door.sent.borrow();
        let body: serde_json::Value = serde_json::from_slice(sent[0].body.as_ref().unwrap()).unwrap();
        assert_eq!(body["DocumentAccount"], "fin$/payables$/import$");
        assert_eq!((&body["DocumentContent"], &body["ContentType"]), (&"YWJj".into(), &"zip".into()));
    }

    #[test]
    fn an_empty_file_is_refused_before_anything_is_sent() {
        let door = Fake::new([]);
        let failure = run_of(&door, &INPUT.replace("abc", "")).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::InvalidInput);
        assert!(failure.problem.message.contains("empty") && door.sent.borrow().is_empty());
    }

    #[test]
    fn no_id_is_an_error_that_names_the_account() {
        let failure = run(&Fake::new([answer(201, r#"{"DocumentId":null}"#)])).unwrap_err();
        assert!(failure.problem.message.contains("fin$/payables$/import$"));
    }

    #[test]
    fn a_lost_answer_is_looked_up_by_contents() {
        let rows = r#"{"items":[{"DocumentId":"8"}]}"#;
        let found = r#"{"items":[{"DocumentId":"8","DocumentContent":"YWJj"}]}"#;
        let door = Fake::new([typed(504, "", ""), answer(200, rows), answer(200, found)]);
        assert_eq!(run(&door).unwrap()["outcome"], "recovered");
        let door = Fake::new([typed(504, "", ""), answer(200, r#"{"items":[]}"#)]);
        assert_eq!(run(&door).unwrap_err().kind(), ProblemKind::UnknownOutcome);
    }
}
