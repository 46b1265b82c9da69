//! `create_record`: a record of any resource, created once.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::SingleRecord;
use super::create_invoice::amounts;
use super::writing::{MatchBy, Range, RecordText, ResourceName, accepted_only, headers, takes_creates, written};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::dated;
use crate::fusion::pod::Pod;
use crate::fusion::target::Target;
use crate::fusion::write::valid::{self, Use};
use crate::fusion::write::{self, How, mark, upsert};
use crate::problem::Result;

/// See the module.
pub struct CreateRecord;

/// What to create.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Create a record", deny_unknown_fields)]
#[allow(missing_docs, reason = "the types tell it")]
pub struct Input {
    pub resource: ResourceName,
    pub record: RecordText,
    #[serde(rename = "match")]
    pub by: Option<MatchBy>,
    pub effective: Option<Range>,
}

impl Action for CreateRecord {
    const SPEC: Spec = Spec {
        id: "create_record",
        title: "Create a record",
        description: "Creates a record of any resource, with its children. A create whose answer is lost is looked up by the record's business key and not repeated blindly.",
        group: "Any record",
        effect: Effect::Create,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"resource":"suppliers","record":{"Supplier":"ACME","TaxOrganizationTypeCode":"CORPORATION","BusinessRelationshipCode":"PROSPECTIVE"}}"#,
        sample_output: r#"{"record":{"SupplierId":300000047414503,"Supplier":"ACME"}}"#,
    };
    type Input = Input;
    type Output = SingleRecord;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let mut target = Target::find(pod, &input.resource.0)?;
        takes_creates(&target)?;
        let record = input.record.0.get();
        let by = input.by.map(|by| by.0).unwrap_or_default();
        let terms = upsert::prepared(pod, &mut target, &[record], &by, |target| match by.is_empty() {
            false => upsert::identity(target, record, &by).map(Some),
            true => Ok(write::natural_key(target, record)),
        })?;
        let headers = headers(&mut target, input.effective.as_ref())?;
        valid::check(&target, record, "/record", Use::Create)?;
        // A second life of the call, or another call, must not create what is there.
        if let Some(terms) = terms.as_deref().filter(|_| !by.is_empty())
            && let Some(found) = write::there(pod, &target, record, terms, How::AlreadyExisted, &write::plain)?
        {
            return Ok(written(&found.record, &found.warnings));
        }
        let marked = if terms.is_none() { mark::mark(pod, &target, record, None) } else { None };
        let (record, terms) = match &marked {
            Some(marked) => (marked.record.as_str(), Some(marked.terms.clone())),
            None => (record, terms),
        };
        let mut created = write::create_as(pod, &target, record, terms, &headers, &write::plain)?;
        if target.name == "invoices" {
            created.warnings.extend(amounts::unequal(record));
        }
        created.warnings.extend(dated::unsure(&target, &headers));
        created.warnings.extend(accepted_only(&target, &created.record));
        created.warnings.extend(marked.map(|marked| marked.warning));
        Ok(written(&created.record, &created.warnings))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json, typed};
    use crate::settings::Settings;

    #[test]
    fn an_invoice_whose_lines_do_not_sum_is_created_and_told() {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let door = Fake::new([typed(403, "", ""), json(201, r#"{"InvoiceId":7}"#)]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        let input = r#"{"resource":"invoices","record":{"InvoiceNumber":"1","Supplier":"A","InvoiceAmount":10,"invoiceLines":[{"LineAmount":4}]}}"#;
        let told = CreateRecord::run(&pod, serde_json::from_str(input).unwrap(), input).unwrap();
        assert!(told.contains("lines_do_not_sum"), "{told}");
    }

    #[test]
    fn a_request_that_was_only_accepted_says_where_its_end_is_told() {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        for (resource, answer, look) in [
            (
                "receivingReceiptRequests",
                r#"{"HeaderInterfaceId":7,"ReturnStatus":"SUCCESS"}"#,
                "HeaderInterfaceId = 7,",
            ),
            ("someInterface", r#"{"TransactionId":9,"TransactionStatus":"AP"}"#, "read someInterface again"),
        ] {
            let described = format!(r#"{{"Resources":{{"{resource}":{{"attributes":[]}}}}}}"#);
            let door = Fake::new([json(200, &described), json(201, answer)]);
            let pod = Pod::new(&door, &settings, None).unwrap();
            let input = format!(r#"{{"resource":"{resource}","record":{{"A":"1"}}}}"#);
            let told = CreateRecord::run(&pod, serde_json::from_str(&input).unwrap(), &input).unwrap();
            assert!(told.contains("accepted_only") && told.contains(look), "{told}");
        }
    }
}
