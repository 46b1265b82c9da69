//! `create_invoice`: a payables invoice in its plain form, there once, with attachments and validated.
//!
//! The form names what an invoice usually takes; what else the resource knows passes through. The body is
//! made of the input's own text, so amounts arrive as they were spelt. What the lines come to is compared
//! before anything is sent, and a repeated call finishes the steps that are missing.

pub mod amounts;
mod steps;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::add_attachment::Given;
use super::answer::{Record, Told};
use super::many::told;
use super::writing::flat;
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::target::Target;
use crate::fusion::write::compare::members;
use crate::fusion::write::sound;
use crate::fusion::write::valid::{self, Use};
use crate::problem::{Failure, Result};

/// See the module.
pub struct CreateInvoice;

/// An invoice, in Fusion's names. Further attributes of the invoice may be added.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Create an invoice")]
#[serde(rename_all = "PascalCase")]
#[allow(dead_code)]
pub struct Input {
    /// Number that the supplier gave it; one supplier cannot have two invoices with the same number.
    #[schemars(title = "Invoice number", length(min = 1, max = 50), extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    invoice_number: String,
    /// Amount of the whole invoice, tax included.
    #[schemars(title = "Amount", extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    invoice_amount: f64,
    /// Currency code, as in USD.
    #[schemars(title = "Currency", length(min = 3, max = 15), extend("x-connector-options" = {"source": "currencies", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 3))]
    invoice_currency: String,
    /// Business unit that owes it.
    #[schemars(title = "Business unit", length(min = 1), extend("x-connector-options" = {"source": "business_units", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 4))]
    business_unit: String,
    /// Name of the supplier.
    #[schemars(title = "Supplier", length(min = 1), extend("x-connector-options" = {"source": "suppliers", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 5))]
    supplier: String,
    /// Site of the supplier.
    #[schemars(title = "Supplier site", length(min = 1), extend("x-connector-options" = {"source": "supplier_sites", "depends-on": ["Supplier"], "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 6))]
    supplier_site: String,
    /// Date on the invoice; today where it is left out.
    #[schemars(title = "Invoice date", extend("format" = "date", "x-connector-order" = 7))]
    invoice_date: Option<String>,
    /// Date on which it is accounted.
    #[schemars(title = "Accounting date", extend("format" = "date", "x-connector-order" = 8))]
    accounting_date: Option<String>,
    /// Kind of invoice, as in Standard or Credit memo, in the user's language.
    #[schemars(title = "Type", extend("x-connector-order" = 9))]
    invoice_type: Option<String>,
    /// What it is about.
    #[schemars(title = "Description", extend("x-connector-order" = 10))]
    description: Option<String>,
    /// Terms of payment, as in Immediate.
    #[schemars(title = "Payment terms", extend("x-connector-options" = {"source": "payment_terms", "searchable": true}, "x-connector-order" = 11))]
    payment_terms: Option<String>,
    /// How it is paid, as in Check.
    #[schemars(title = "Payment method", extend("x-connector-visibility" = "advanced", "x-connector-order" = 12))]
    payment_method: Option<String>,
    /// Currency in which it is paid; that of the invoice where it is left out.
    #[schemars(title = "Payment currency", extend("x-connector-visibility" = "advanced", "x-connector-order" = 13))]
    payment_currency: Option<String>,
    /// Where it comes from, as in Manual invoice entry.
    #[schemars(title = "Source", extend("x-connector-visibility" = "advanced", "x-connector-order" = 14))]
    invoice_source: Option<String>,
    /// Lines.
    #[schemars(title = "Lines", extend("x-connector-visibility" = "important", "x-connector-order" = 15))]
    #[serde(rename = "invoiceLines")]
    lines: Option<Vec<Line>>,
    /// Tax that the pod is to calculate: what the lines lack to the amount. Tax lines are lines.
    #[schemars(title = "Calculated tax", extend("x-connector-order" = 16))]
    #[serde(rename = "calculated_tax")]
    tax: Option<f64>,
    /// Attachments; what is there already, a file of the same name and bytes, is not added again.
    #[schemars(title = "Attachments", length(max = 50), extend("x-connector-order" = 17))]
    #[serde(rename = "attachments")]
    attachments: Option<Vec<Given>>,
    /// Validate it when it is there.
    #[schemars(title = "Validate", extend("default" = false, "x-connector-order" = 18))]
    #[serde(rename = "validate")]
    validate: Option<bool>,
}

/// A line of an invoice. Further attributes of the line may be added.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Line")]
#[serde(rename_all = "PascalCase")]
#[allow(dead_code)]
pub struct Line {
    /// Number within the invoice, from 1.
    #[schemars(title = "Number", range(min = 1))]
    line_number: Option<u64>,
    /// Item, Freight, Miscellaneous or Tax, in the user's language.
    #[schemars(title = "Type")]
    line_type: Option<String>,
    /// Amount of the line.
    #[schemars(title = "Amount")]
    line_amount: f64,
    /// What it is about.
    #[schemars(title = "Description")]
    description: Option<String>,
    /// Account to charge, its segments joined as the chart of accounts does.
    #[schemars(title = "Distribution combination")]
    distribution_combination: Option<String>,
    /// Tax classification, from which the pod calculates the line's tax.
    #[schemars(title = "Tax classification")]
    tax_classification: Option<String>,
    /// Purchase order to match.
    #[schemars(title = "Purchase order")]
    purchase_order_number: Option<String>,
    /// Line of the purchase order.
    #[schemars(title = "Purchase order line")]
    purchase_order_line_number: Option<u64>,
    /// Schedule of the purchase order's line.
    #[schemars(title = "Purchase order schedule")]
    purchase_order_schedule_line_number: Option<u64>,
    /// Distributions, where the line is charged to several accounts.
    #[schemars(title = "Distributions")]
    #[serde(rename = "invoiceDistributions")]
    distributions: Option<Vec<Distribution>>,
}

/// A distribution of a line. Further attributes may be added.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Distribution")]
#[serde(rename_all = "PascalCase")]
#[allow(dead_code)]
pub struct Distribution {
    /// Number within the line, from 1.
    #[schemars(title = "Number", range(min = 1))]
    distribution_line_number: Option<u64>,
    /// As the line's type.
    #[schemars(title = "Type")]
    distribution_line_type: Option<String>,
    /// Amount of the distribution.
    #[schemars(title = "Amount")]
    distribution_amount: Option<f64>,
    /// Account to charge.
    #[schemars(title = "Distribution combination")]
    distribution_combination: Option<String>,
}

/// The invoice, and how it came to be there.
#[derive(JsonSchema)]
#[schemars(title = "Invoice")]
#[allow(dead_code)]
pub struct Output {
    /// created; already_existed with the same business unit, supplier, site, type, date, currency, amount and
    /// line amounts; or recovered (created by this call although the answer was lost).
    outcome: String,
    /// As it is stored, read back after the last step.
    record: Record,
    /// How each step stands, in order.
    steps: Vec<Step>,
    /// What the pod ignored or stored otherwise, and steps that failed.
    #[schemars(default)]
    warnings: Option<Vec<Told>>,
}

/// A step.
#[derive(JsonSchema)]
#[schemars(title = "Step")]
#[allow(dead_code)]
struct Step {
    /// create, attachment or validate.
    step: String,
    /// Of an attachment: its name.
    #[schemars(default)]
    name: Option<String>,
    /// done, already_done, recovered, failed or unknown.
    state: String,
    /// Why it failed: kind, message, remedy, remote_code.
    #[schemars(default)]
    error: Option<BTreeMap<String, Anything>>,
}

impl Action for CreateInvoice {
    const SPEC: Spec = Spec {
        id: "create_invoice",
        title: "Create an invoice",
        description: "Creates a payables invoice with its lines, once: the supplier's invoice number is its business key, and an invoice that exists already with the same values is answered instead of a second one. Adds attachments, validates on request, and reads back; run again, it does what is missing.",
        group: "Payables",
        effect: Effect::Create,
        idempotency: Idempotency::NaturalKey,
        paged: false,
        sample_input: r#"{"InvoiceNumber":"INV-1001","InvoiceAmount":2212.75,"InvoiceCurrency":"USD","BusinessUnit":"US1 Business Unit","Supplier":"Lee Supplies","SupplierSite":"Lee US1","InvoiceDate":"2026-02-01","invoiceLines":[{"LineNumber":1,"LineType":"Item","LineAmount":2212.75,"Description":"Chairs"}]}"#,
        sample_output: r#"{"outcome":"created","record":{"InvoiceId":300000046987012,"InvoiceNumber":"INV-1001","InvoiceAmount":2212.75},"steps":[{"step":"create","state":"done"}]}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, text: &str) -> Result<String> {
        let mut faults = sound::keys(text, "", &KEYS);
        faults.extend(sound::amounts(text, "", None));
        if !faults.is_empty() {
            return Err(Failure::invalid_fields("input", faults).remedy("Nothing was sent."));
        }
        amounts::add_up(text)?;
        let given = input.attachments.unwrap_or_default();
        let read = given.iter().enumerate().map(|(index, given)| given.read(&format!("/attachments/{index}")));
        let attachments = read.collect::<Result<Vec<_>>>()?;
        let mut target = Target::known("invoices")?.ok_or_else(|| Failure::internal("the catalogue lacks invoices"))?;
        let body = body(text);
        // The form's own fields are known to be right; others are the pod's to tell.
        if further(&body) {
            valid::prepare(pod, &mut target, &[])?;
            valid::check(&target, &body, "", Use::Create)?;
        }
        let mut invoice = steps::Invoice::create(pod, &target, &body)?;
        invoice.attach(&attachments)?;
        let before = invoice.steps.len();
        if input.validate == Some(true) {
            invoice.validate()?;
        }
        // Validating reads back by itself, unless there was nothing to do.
        if invoice.steps.len() == before {
            invoice.read_back();
        }
        let (steps, record) = (Value::Array(invoice.steps), flat(&invoice.record));
        let mut answer = format!("{{\"outcome\":\"{}\",\"record\":{record},\"steps\":{steps}", invoice.how.name());
        if !invoice.warnings.is_empty() {
            answer.push_str(&format!(",\"warnings\":{}", told(&invoice.warnings)));
        }
        answer.push('}');
        Ok(answer)
    }
}

/// Fields of the form, of its lines and of their distributions.
const FORM: &str = "InvoiceNumber InvoiceAmount InvoiceCurrency BusinessUnit Supplier SupplierSite InvoiceDate AccountingDate InvoiceType Description PaymentTerms PaymentMethod PaymentCurrency InvoiceSource invoiceLines LineNumber LineType LineAmount DistributionCombination TaxClassification PurchaseOrderNumber PurchaseOrderLineNumber PurchaseOrderScheduleLineNumber invoiceDistributions DistributionLineNumber DistributionLineType DistributionAmount";

/// Whether a field was given, at whatever level, that the form does not name.
fn further(row: &str) -> bool {
    members(row).iter().any(|(name, raw)| {
        let rows: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
        !FORM.split(' ').any(|known| known == name) || rows.iter().any(|row| further(row.get()))
    })
}

/// What names the invoice and what it belongs to.
const KEYS: [&str; 5] = ["InvoiceNumber", "Supplier", "SupplierSite", "BusinessUnit", "InvoiceCurrency"];

/// What is sent: the input without what is for us, each member as it was spelt.
fn body(text: &str) -> String {
    const OURS: [&str; 3] = ["calculated_tax", "attachments", "validate"];
    let sent = members(text).into_iter().filter(|(name, _)| !OURS.contains(&name.as_str()));
    let sent: Vec<String> = sent.map(|(name, raw)| format!("{}:{}", Value::from(name), raw.get())).collect();
    format!("{{{}}}", sent.join(","))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::contract::{Kind, ProblemKind};
    use crate::http::fake::{Fake, json, typed};
    use crate::http::{Method, Response, SendError};
    use crate::operations::Entry;
    use crate::settings::Settings;

    type Reply = std::result::Result<Response, SendError>;

    fn run(door: &Fake, more: &str) -> Result<Value> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        let input = format!(
            r#"{{"InvoiceNumber":"N-1","InvoiceAmount":10.0,"InvoiceCurrency":"USD","BusinessUnit":"US1","Supplier":"Lee","SupplierSite":"L1","invoiceLines":[{{"LineAmount":10}}]{more}}}"#
        );
        let answer = Entry::find("create_invoice", Kind::Action).unwrap().run(&pod, &input)?;
        Ok(serde_json::from_str(&answer).unwrap())
    }

    fn invoice(status: &str) -> String {
        format!(
            r#"{{"InvoiceId":7,"InvoiceNumber":"N-1","InvoiceAmount":10,"InvoiceCurrency":"USD","BusinessUnit":"US1","Supplier":"Lee","SupplierSite":"L1","ValidationStatus":{status}}}"#
        )
    }

    fn row(status: &str) -> Reply {
        json(200, &invoice(status))
    }

    fn list(rows: &str) -> Reply {
        json(200, &format!(r#"{{"items":[{rows}],"count":1,"hasMore":false}}"#))
    }

    fn made() -> Reply {
        json(201, &invoice("null"))
    }

    fn lines() -> Reply {
        list(r#"{"LineNumber":1,"LineAmount":10.00,"LineType":"Item"}"#)
    }

    fn duplicate() -> Reply {
        typed(400, "text/plain", "There's already an invoice with that number. (AP-810245)")
    }

    const FILE: &str = r#","attachments":[{"file":{"name":"a.txt","text":"abc"}}],"validate":true"#;
    const THERE: &str = r#"{"FileName":"a.txt","UploadedFileLength":3}"#;

    #[test]
    fn an_invoice_is_created_attached_to_validated_and_read_back() {
        let door = Fake::new([
            made(),
            list(""),
            json(201, THERE),
            row("\"Not validated\""),
            json(200, r#"{"result":"ok"}"#),
            row("\"Validated\""),
        ]);
        let answer = run(&door, FILE).unwrap();
        assert_eq!(
            (&answer["outcome"], &answer["record"]["ValidationStatus"]),
            (&"created".into(), &"Validated".into())
        );
        let states: Vec<&Value> = answer["steps"].as_array().unwrap().iter().map(|step| &step["state"]).collect();
        assert_eq!(states, ["done", "done", "done"]);
        let sent = door.sent.borrow();
        let body: Value = serde_json::from_slice(sent[0].body.as_ref().unwrap()).unwrap();
        assert!(body.get("validate").is_none() && body.get("attachments").is_none());
        assert!(String::from_utf8_lossy(sent[0].body.as_ref().unwrap()).contains("\"InvoiceAmount\":10.0,"));
    }

    #[test]
    fn run_again_it_does_nothing_twice() {
        let there = row("\"Validated\"");
        let door = Fake::new([duplicate(), list(&invoice("\"Validated\"")), lines(), list(THERE), there]);
        let answer = run(&door, FILE).unwrap();
        assert_eq!(answer["outcome"], "already_existed");
        let states: Vec<&Value> = answer["steps"].as_array().unwrap().iter().map(|step| &step["state"]).collect();
        assert_eq!(states, ["already_done"; 3]);
        assert_eq!(door.sent.borrow().iter().filter(|request| request.method == Method::Post).count(), 1);
    }

    #[test]
    fn only_what_this_call_sent_is_recovered() {
        let door = Fake::new([typed(504, "", ""), list(&invoice("null")), lines(), row("\"Not validated\"")]);
        assert_eq!(run(&door, "").unwrap()["outcome"], "recovered");
    }

    #[test]
    fn another_invoice_with_the_number_is_a_conflict_that_lists_what_differs() {
        let found = invoice("null").replace("\"L1\"", "\"L2\"");
        let door = Fake::new([duplicate(), list(&found), list(r#"{"LineAmount":9}"#)]);
        let failure = run(&door, "").unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::Conflict);
        for told in ["SupplierSite is \"L2\", sent was \"L1\"", "no line of 10 is there", "a line of 9 is there"] {
            assert!(failure.problem.message.contains(told), "{}", failure.problem.message);
        }
    }

    #[test]
    fn lines_that_do_not_add_up_are_refused_before_anything_is_sent() {
        let door = Fake::new([]);
        let failure = run(&door, r#","calculated_tax":1"#).unwrap_err();
        assert_eq!(failure.problem.fields[0].pointer, "/InvoiceAmount");
        assert!(door.sent.borrow().is_empty());
    }

    #[test]
    fn a_further_field_is_held_against_what_the_pod_describes() {
        let told = r#"{"Resources":{"invoices":{"attributes":[
            {"name":"InvoiceNumber","allowChanges":"always","type":"string"},{"name":"InvoiceAmount","allowChanges":"always","type":"number"},{"name":"InvoiceCurrency","allowChanges":"always","type":"string"},
            {"name":"BusinessUnit","allowChanges":"always","type":"string"},{"name":"Supplier","allowChanges":"always","type":"string"},{"name":"SupplierSite","allowChanges":"always","type":"string"},
            {"name":"Requester","allowChanges":"always","type":"string","maxLength":3}],
            "children":{"invoiceLines":{"attributes":[{"name":"LineAmount","allowChanges":"always","type":"number"},{"name":"ProjectNumber","allowChanges":"always","type":"string"}]}}}}}"#;
        for (more, at) in [(r#","requester":"A""#, "/requester"), (r#","Requester":"long""#, "/Requester")] {
            let door = Fake::new([json(200, told)]);
            assert_eq!(run(&door, more).unwrap_err().problem.fields[0].pointer, at);
            assert_eq!(door.sent.borrow().len(), 1);
        }
        let door = Fake::new([json(200, told), made(), row("\"Validated\"")]);
        assert_eq!(run(&door, r#","Requester":"A""#).unwrap()["outcome"], "created");
        let line = |name: &str| format!(r#"{{"invoiceLines":[{{"LineAmount":1,"{name}":1}}]}}"#);
        assert!(further(&line("ProjectNumber")) && !further(&line("LineNumber")));
    }

    #[test]
    fn a_key_with_blanks_and_an_amount_that_no_pod_keeps_are_refused_before_anything_is_sent() {
        let good = r#"{"InvoiceNumber":"N-1","InvoiceAmount":10,"InvoiceCurrency":"USD","BusinessUnit":"US1","Supplier":"Lee","SupplierSite":"L1"}"#;
        for (one, other, at) in [
            ("\"N-1\"", "\"N-1 \"", "/InvoiceNumber"),
            ("\"Lee\"", "\" Lee\"", "/Supplier"),
            (":10,", ":99999999999999999999,", "/InvoiceAmount"),
            (":10,", ":10.005,", "/InvoiceAmount"),
        ] {
            let door = Fake::new([]);
            let settings = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
            let settings = Settings::parse(settings).unwrap();
            let pod = Pod::new(&door, &settings, None).unwrap();
            let entry = Entry::find("create_invoice", Kind::Action).unwrap();
            let failure = entry.run(&pod, &good.replace(one, other)).unwrap_err();
            assert_eq!(failure.problem.fields[0].pointer, at);
            assert!(door.sent.borrow().is_empty());
        }
    }

    #[test]
    fn a_step_that_failed_is_told_and_one_that_may_pass_is_to_be_repeated() {
        let refused = typed(400, "text/plain", "The category isn't valid.");
        let door = Fake::new([made(), list(""), refused, row("\"Validated\"")]);
        let answer = run(&door, FILE).unwrap();
        assert_eq!(
            (&answer["steps"][1]["state"], &answer["steps"][2]["state"]),
            (&"failed".into(), &"already_done".into())
        );
        assert_eq!(answer["warnings"][0]["code"], "step_failed");
        let door = Fake::new([made(), list(""), typed(503, "", ""), list(""), list(""), list("")]);
        let answer = run(&door, FILE.split_at(FILE.len() - 16).0).unwrap();
        assert_eq!(answer["steps"][1]["state"], "unknown");
        let throttled = || {
            typed(429, "", "").map(|mut response| {
                response.headers.push(("retry-after".into(), "60".into()));
                response
            })
        };
        let failure = run(&Fake::new([made(), throttled()]), FILE).unwrap_err();
        assert!(failure.again && failure.problem.message.contains("Invoice 7 is there"));
    }
}
