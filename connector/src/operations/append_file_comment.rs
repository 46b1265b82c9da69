//! `append_file_comment`: a comment on documents, so that what was taken is not taken twice. Over SOAP.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind};
use crate::fusion::erp::{self, account, send};
use crate::fusion::pod::{Doing, Lost, Pod};
use crate::fusion::soap;
use crate::problem::{Failure, Result};

/// See the module.
pub struct AppendFileComment;

/// What to say, and on which documents.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Append a file comment", deny_unknown_fields)]
pub struct Input {
    /// File name of the document, or its beginning; case counts.
    #[schemars(title = "File name", length(min = 1, max = 200), extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub name: String,
    /// Account, as in fin/payables/export; either spelling.
    #[schemars(title = "Account", length(min = 1, max = 200), extend("x-connector-options" = {"source": "ucm_accounts", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub account: String,
    /// The comment, as in processedby=1234.
    #[schemars(title = "Comment", length(min = 1, max = 200), extend("x-connector-visibility" = "important", "x-connector-order" = 3))]
    pub comment: String,
}

/// What became of it.
#[derive(JsonSchema)]
#[schemars(title = "Comment appended")]
#[allow(dead_code)]
pub struct Output {
    /// appended.
    outcome: String,
    /// What the pod answered, if anything.
    #[schemars(default)]
    answer: Option<String>,
}

impl Action for AppendFileComment {
    const SPEC: Spec = Spec {
        id: "append_file_comment",
        title: "Append a file comment",
        description: "Appends a comment to documents in content management (UCM), by the beginning of their file names, so that others know what was processed. REST has no such operation, so it goes through the SOAP service.",
        group: "Bulk import and export",
        effect: Effect::Update,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"name":"ExportBulkData_FinOutboundProcess_9762930.zip","account":"fin/payables/export","comment":"processedby=9762930"}"#,
        sample_output: r#"{"outcome":"appended","answer":"SUCCESS"}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let account = account::dollars(&input.account);
        let doing = Doing { what: "comment on the documents", object: "ErpIntegrationService" };
        let elements = [("prefix", input.name.as_str()), ("account", &account), ("comments", &input.comment)];
        let answer = match soap::call(pod, doing, "appendFileComment", &elements) {
            Ok(answer) => soap::element(&answer, "result"),
            Err(Lost::Refused(failure)) => {
                return Err(failure.or_remedy(|| {
                    "Check name and account; the user needs the role of the ERP integration service.".to_owned()
                }));
            }
            // A pod answers an error of its own for a document that is not there.
            Err(Lost::Unknown(_))
                if erp::document_ids(pod, &input.name, Some(&account), None).is_ok_and(|ids| ids.is_empty()) =>
            {
                return Err(nothing(&account, &input.name));
            }
            Err(Lost::Unknown(cause)) => {
                return Err(send::unknown(
                    &cause,
                    "The comment may or may not have been appended",
                    "Look for the documents with find_documents and the comment before you append it again.",
                ));
            }
        };
        if answer.as_deref().is_some_and(|answer| answer.eq_ignore_ascii_case("ERROR") || answer == "0") {
            return Err(nothing(&account, &input.name));
        }
        let mut told = json!({"outcome": "appended"});
        if let (Some(answer), Some(object)) = (answer.filter(|answer| !answer.is_empty()), told.as_object_mut()) {
            object.insert("answer".to_owned(), answer.into());
        }
        Ok(told.to_string())
    }
}

fn nothing(account: &str, name: &str) -> Failure {
    let message = format!("The pod commented on nothing: no document in {account} has a name that begins with {name}.");
    Failure::permanent(ProblemKind::NotFound, message)
        .remedy("Check name and account with find_documents; case counts.")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::contract::Kind;
    use crate::http::fake::{Fake, typed};
    use crate::operations::Entry;
    use crate::settings::Settings;

    fn run(door: &Fake) -> Result<String> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        let input = r#"{"name":"a<b.zip","account":"fin/payables/export","comment":"x&y"}"#;
        Entry::find("append_file_comment", Kind::Action).unwrap().run(&pod, input)
    }

    #[test]
    fn a_comment_goes_through_soap() {
        let door = Fake::new([typed(
            200,
            "text/xml",
            "<e:Envelope><e:Body><r><result>SUCCESS</result></r></e:Body></e:Envelope>",
        )]);
        assert_eq!(run(&door).unwrap(), r#"{"outcome":"appended","answer":"SUCCESS"}"#);
        let sent = door.sent.borrow();
        let body = String::from_utf8(sent[0].body.clone().unwrap()).unwrap();
        assert!(body.contains("<typ:prefix>a&lt;b.zip</typ:prefix><typ:account>fin$/payables$/export$</typ:account>"));
        assert!(
            sent[0]
                .headers
                .iter()
                .any(|(name, value)| *name == "soapaction" && value.ends_with("/appendFileComment\""))
        );
    }

    #[test]
    fn faults_and_errors_are_told() {
        let fault = "<e:Envelope><e:Body><e:Fault><faultcode>e:Server</faultcode><faultstring>JBO-FND:::: no</faultstring></e:Fault></e:Body></e:Envelope>";
        let failure = run(&Fake::new([typed(500, "text/xml", fault)])).unwrap_err();
        assert!(
            failure.kind() != ProblemKind::UnknownOutcome || failure.problem.message.contains("500"),
            "{failure:?}"
        );
        let none = typed(200, "application/json", r#"{"items":[],"hasMore":false}"#);
        let failure = run(&Fake::new([typed(500, "text/xml", fault), none])).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::NotFound);
        assert!(run(&Fake::new([typed(200, "text/xml", "<result>ERROR</result>")])).is_err());
    }
}
