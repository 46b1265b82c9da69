//! What operations on many records share: how they end, their answer, and records that are named twice.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Record, Told};
use super::writing::{accepted_only, bare};
use crate::contract::{ProblemKind, Warning};
use crate::fusion::dated;
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::target::Target;
use crate::fusion::write::batch::{self, Done};
use crate::fusion::write::upsert::Step;
use crate::problem::{Failure, Result};

/// What a record that cannot be written means for the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline, title = "On error", extend("default" = "stop", "x-connector-order" = 5))]
pub enum OnError {
    /// Nothing is written at all: one request, all or nothing.
    #[default]
    Stop,
    /// The others are written; each has its own result.
    Continue,
}

/// What became of each record.
#[derive(JsonSchema)]
#[schemars(title = "Results")]
#[allow(dead_code)]
pub struct Results {
    /// One for each record, in their order.
    results: Vec<One>,
    /// How many records ended with each status.
    counts: BTreeMap<String, u64>,
}

/// What became of one record.
#[derive(JsonSchema)]
#[schemars(title = "Result")]
#[allow(dead_code)]
struct One {
    /// Its place among the records, from 0.
    index: u64,
    /// created, already_existed, recovered (created by this call although the answer was lost), updated,
    /// unchanged, failed, unknown (it may or may not have been written) or not_sent.
    status: String,
    /// Its key, where it was written.
    #[schemars(with = "Anything")]
    key: Option<String>,
    /// As it is stored.
    #[schemars(default)]
    record: Option<Record>,
    /// What the pod ignored or stored otherwise.
    #[schemars(default)]
    warnings: Option<Vec<Told>>,
    /// Why it was not written: kind, message, remedy, remote_code.
    #[schemars(default)]
    error: Option<BTreeMap<String, Anything>>,
}

/// Runs the steps, each of which stands for the record of the same place; `below` is where in its entry of
/// `records` a record stands.
///
/// # Errors
/// Where one error stops all: why nothing was written.
pub fn run(
    pod: &Pod,
    target: &Target,
    steps: Vec<Result<Step>>,
    on_error: OnError,
    headers: &[(&'static str, String)],
    below: &str,
) -> Result<String> {
    let placed = |(index, outcome): (usize, Option<Result<Done>>)| {
        outcome.map(|done| done.map_err(|failure| at(&format!("/records/{index}{below}"), failure)))
    };
    if on_error == OnError::Continue {
        let outcomes = batch::each(pod, target, steps, headers).into_iter().enumerate().map(placed);
        return Ok(answer(target, outcomes.collect()));
    }
    if !headers.is_empty() {
        return Err(Failure::invalid("/effective", "a range needs a request for each record")
            .remedy("Set on_error to continue; a batch takes no range."));
    }
    let steps = steps.into_iter().collect::<Result<Vec<Step>>>()?;
    let done = match steps.as_slice() {
        [only] => {
            let done = batch::one(pod, target, only, headers);
            vec![done.map_err(|failure| at(&format!("/records/0{below}"), failure))?]
        }
        _ => match batch::all_or_nothing(pod, target, &steps) {
            Err(failure) if failure.kind() == ProblemKind::NotFound => {
                let (target, steps) = elsewhere(pod, target, steps, failure)?;
                batch::all_or_nothing(pod, &target, &steps)?
            }
            done => done?,
        },
    };
    Ok(answer(target, done.into_iter().map(|done| Some(Ok(done))).collect()))
}

/// The steps by keys of today, where those that a batch was sent with are of another day.
fn elsewhere(pod: &Pod, target: &Target, mut steps: Vec<Step>, mut failure: Failure) -> Result<(Target, Vec<Step>)> {
    let mut found = None;
    for step in &mut steps {
        let key = if let Step::Update { key, .. } = step { key.as_str() } else { "" };
        match dated::elsewhere(pod, target, key, failure.clone()) {
            Ok(place) => {
                if let Step::Update { key, warnings, .. } = step {
                    *key = place.key;
                    warnings.push(place.warning);
                }
                found = Some(place.target);
            }
            Err(told) => failure = told,
        }
    }
    found.map(|target| (target, steps)).ok_or(failure)
}

/// Refuses two records that name the same one.
///
/// # Errors
/// `invalid-input` at the second; nothing was sent.
pub fn once(names: &[Option<String>]) -> Result<()> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        let Some(name) = name else { continue };
        if let Some(first) = seen.insert(name, index) {
            return Err(Failure::invalid(
                format!("/records/{index}"),
                format!("this is the record of /records/{first} again ({name})"),
            ));
        }
    }
    Ok(())
}

/// A failure about a record that stands at `place` in the input: its pointers, and what it says of them, set there.
pub fn at(place: &str, mut failure: Failure) -> Failure {
    let problem = &mut failure.problem;
    let mut moved = false;
    for field in &mut problem.fields {
        if let Some(rest) = field.pointer.strip_prefix("/record").filter(|rest| !rest.starts_with('s')) {
            field.pointer = format!("{place}{rest}");
            moved = true;
        }
    }
    if moved {
        let told = problem.message.replace("/record/", &format!("{place}/"));
        problem.message = told.replace("at /record does", &format!("at {place} does"));
    }
    failure
}

fn answer(target: &Target, outcomes: batch::Outcomes) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut text = String::from("{\"results\":[");
    for (index, outcome) in outcomes.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let status = match &outcome {
            Some(Ok(done)) => done.how,
            Some(Err(failure)) if failure.kind() == ProblemKind::UnknownOutcome => "unknown",
            Some(Err(_)) => "failed",
            None => "not_sent",
        };
        *counts.entry(status).or_default() += 1;
        text.push_str(&format!("{{\"index\":{index},\"status\":\"{status}\""));
        match outcome {
            Some(Ok(mut done)) => {
                if matches!(done.how, "created" | "recovered") {
                    done.warnings.extend(accepted_only(target, &done.record));
                }
                push_done(target, &mut text, &done);
            }
            Some(Err(failure)) => text.push_str(&format!(",\"key\":null,\"error\":{}", error(&failure))),
            None => text.push_str(",\"key\":null"),
        }
        text.push('}');
    }
    text.push_str(&format!("],\"counts\":{}}}", json!(counts)));
    text
}

fn push_done(target: &Target, text: &mut String, done: &Done) {
    text.push_str(&format!(",\"key\":{},\"record\":{}", json!(done.key), bare(target, &done.record)));
    if !done.warnings.is_empty() {
        text.push_str(&format!(",\"warnings\":{}", told(&done.warnings)));
    }
}

/// Warnings as they stand in answers.
pub fn told(warnings: &[Warning]) -> Value {
    let one = |warning: &Warning| json!({"code": warning.code, "message": warning.message, "key": warning.key});
    Value::Array(warnings.iter().map(one).collect())
}

/// A failure as it stands in answers.
pub fn error(failure: &Failure) -> Value {
    let problem = &failure.problem;
    json!({"kind": kind(problem.kind), "message": problem.message, "remedy": problem.remedy,
           "remote_code": problem.remote_code, "transient": failure.again})
}

fn kind(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::InvalidInput => "invalid-input",
        ProblemKind::Unauthenticated => "unauthenticated",
        ProblemKind::Forbidden => "forbidden",
        ProblemKind::NotFound => "not-found",
        ProblemKind::Conflict => "conflict",
        ProblemKind::RateLimited => "rate-limited",
        ProblemKind::Unavailable => "unavailable",
        ProblemKind::TimedOut => "timed-out",
        ProblemKind::UnknownOutcome => "unknown-outcome",
        ProblemKind::TooLarge => "too-large",
        ProblemKind::UnexpectedResponse => "unexpected-response",
        ProblemKind::Unsupported => "unsupported",
        ProblemKind::Internal => "internal",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::{Value, json};

    use crate::contract::{Kind, ProblemKind};
    use crate::fusion::pod::Pod;
    use crate::http::fake::{Fake, json as answer, typed};
    use crate::operations::Entry;
    use crate::problem::Result;
    use crate::settings::Settings;

    fn run(operation: &str, input: &Value, door: &Fake) -> Result<Value> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        let text = Entry::find(operation, Kind::Action).unwrap().run(&pod, &input.to_string())?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    fn list(rows: &str) -> std::result::Result<crate::http::Response, crate::http::SendError> {
        answer(200, &format!(r#"{{"items":[{rows}],"count":1,"hasMore":false}}"#))
    }

    /// A pod whose user may not read descriptions.
    fn untold() -> std::result::Result<crate::http::Response, crate::http::SendError> {
        typed(403, "", "")
    }

    #[test]
    fn each_record_has_its_result_and_the_ends_are_counted() {
        let bad = || typed(400, "text/plain", "You must enter a valid value. (POZ-1000)");
        let door = Fake::new([untold(), bad(), answer(201, r#"{"SupplierId":1,"Supplier":"A"}"#), bad()]);
        let records = json!([{"Supplier": "A"}, {"Supplier": "B"}]);
        let input = json!({"resource": "suppliers", "records": records, "on_error": "continue"});
        let results = run("create_records", &input, &door).unwrap();
        assert_eq!(results["counts"], json!({"created": 1, "failed": 1}));
        assert_eq!(results["results"][0]["key"], "1");
        assert_eq!(results["results"][1]["error"]["remote_code"], "POZ-1000");
    }

    #[test]
    fn a_record_that_does_not_fit_is_refused_with_the_others_or_alone() {
        let told = r#"{"Resources":{"suppliers":{"attributes":[{"name":"Supplier","type":"string","mandatory":true,"allowChanges":"always"}]}}}"#;
        let records = json!([{"Supplier": "A"}, {"supplier": "B"}]);
        let door = Fake::new([answer(200, told)]);
        let failure = run("create_records", &json!({"resource": "suppliers", "records": records}), &door).unwrap_err();
        assert_eq!(failure.problem.fields[0].pointer, "/records/1/supplier");
        let door = Fake::new([answer(200, told), answer(201, r#"{"SupplierId":1,"Supplier":"A"}"#)]);
        let input = json!({"resource": "suppliers", "records": records, "on_error": "continue"});
        let results = run("create_records", &input, &door).unwrap();
        assert_eq!(results["counts"], json!({"created": 1, "failed": 1}));
        assert_eq!(results["results"][1]["error"]["kind"], "invalid-input");
        for (operation, record) in [("create_record", "record"), ("upsert_record", "record")] {
            let door = Fake::new([answer(200, told)]);
            let input = json!({"resource": "suppliers", record: {"Supplier": "A", "Extra": 1}});
            assert_eq!(run(operation, &input, &door).unwrap_err().problem.fields[0].pointer, "/record/Extra");
            assert_eq!(door.sent.borrow().len(), 1);
        }
    }

    #[test]
    fn a_record_without_its_key_fails_alone_or_with_all_that_lack_it() {
        let records = json!([{"Supplier": "A"}, {"TaxpayerId": "1"}, {"TaxpayerId": "2"}]);
        let mut input = json!({"resource": "suppliers", "records": records});
        let failure = run("upsert_records", &input, &Fake::new([])).unwrap_err();
        let pointers: Vec<&str> = failure.problem.fields.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(pointers, ["/records/1/Supplier", "/records/2/Supplier"]);
        input["on_error"] = "continue".into();
        let none = answer(200, r#"{"items":[],"count":0,"hasMore":false}"#);
        let door = Fake::new([untold(), none, answer(201, r#"{"SupplierId":1,"Supplier":"A"}"#)]);
        let results = run("upsert_records", &input, &door).unwrap();
        assert_eq!(results["counts"], json!({"created": 1, "failed": 2}));
        let told = results["results"][1]["error"]["message"].as_str().unwrap();
        assert!(told.contains("/records/1/Supplier"), "{told}");
    }

    #[test]
    fn a_wrong_name_in_match_is_told_there_and_not_of_the_record() {
        let told =
            r#"{"Resources":{"suppliers":{"attributes":[{"name":"Supplier","type":"string","queryable":true}]}}}"#;
        for (operation, records) in [
            ("create_record", json!({"record": {"Supplier": "A"}})),
            ("upsert_record", json!({"record": {"Supplier": "A"}})),
            ("upsert_records", json!({"records": [{"Supplier": "A"}], "on_error": "continue"})),
        ] {
            let mut input = json!({"resource": "suppliers", "match": ["Suplier"]});
            input.as_object_mut().unwrap().extend(records.as_object().unwrap().clone());
            let failure = run(operation, &input, &Fake::new([answer(200, told)])).unwrap_err();
            let field = &failure.problem.fields[0];
            assert_eq!(field.pointer, "/match/0", "{operation}");
            assert!(field.message.contains("Supplier"), "{}", field.message);
        }
    }

    #[test]
    fn a_record_that_is_named_twice_is_refused_before_anything_is_sent() {
        let door = Fake::new([]);
        let input = json!({"resource": "suppliers", "records": [{"Supplier": "A"}, {"Supplier": "A"}]});
        for operation in ["create_records", "upsert_records"] {
            let failure = run(operation, &input, &door).unwrap_err();
            assert_eq!(failure.problem.fields[0].pointer, "/records/1");
        }
        let input =
            json!({"resource": "suppliers", "records": [{"key": "1", "record": {"A": 1}}, {"key": "1", "record": {}}]});
        assert_eq!(run("update_records", &input, &door).unwrap_err().kind(), ProblemKind::InvalidInput);
        assert!(door.sent.borrow().is_empty());
    }

    #[test]
    fn a_key_with_blanks_around_it_or_an_amount_too_fine_is_refused_and_nothing_is_written() {
        for (operation, more) in
            [("create_record", json!({})), ("upsert_record", json!({})), ("create_record", json!({"match": ["Note"]}))]
        {
            let door = Fake::new([untold()]);
            let mut input = json!({"resource": "invoices", "record": {"InvoiceNumber": "F-1\u{a0}", "Supplier": "A"}});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input["record"]["Note"] = "\tn".into();
            let failure = run(operation, &input, &door).unwrap_err();
            assert!(failure.problem.message.contains("which makes it another key"), "{}", failure.problem.message);
            assert!(door.sent.borrow().len() <= 1);
        }
        let record =
            json!({"InvoiceNumber": "1", "Supplier": "A", "InvoiceAmount": "10.005", "InvoiceCurrency": "USD"});
        let failure = run("upsert_record", &json!({"resource": "invoices", "record": record}), &Fake::new([untold()]))
            .unwrap_err();
        assert_eq!(failure.problem.fields[0].pointer, "/record/InvoiceAmount");
    }

    #[test]
    fn an_amount_finer_than_the_currency_of_the_stored_invoice_is_refused_and_nothing_is_written() {
        let row = r#"{"InvoiceId":7,"InvoiceNumber":"1","Supplier":"A","InvoiceCurrency":"USD","InvoiceAmount":1}"#;
        let fine = json!({"InvoiceAmount": "10.005"});
        let mut keyed = json!({"InvoiceNumber": "1", "Supplier": "A"});
        keyed.as_object_mut().unwrap().extend(fine.as_object().unwrap().clone());
        let lines = json!({"invoiceLines": [{"LineAmount": 0.001}]});
        for (operation, input, answers, pointer) in [
            ("update_record", json!({"key": "7", "record": fine}), vec![answer(200, row)], "/record/InvoiceAmount"),
            (
                "update_record",
                json!({"key": "7", "record": lines}),
                vec![answer(200, row)],
                "/record/invoiceLines/0/LineAmount",
            ),
            (
                "update_records",
                json!({"records": [{"key": "7", "record": fine}]}),
                vec![answer(200, row)],
                "/records/0/record/InvoiceAmount",
            ),
            (
                "update_records",
                json!({"records": [{"key": "6", "record": {"Description": "x"}}, {"key": "7", "record": fine}]}),
                vec![list(row)],
                "/records/1/record/InvoiceAmount",
            ),
            ("upsert_record", json!({"record": keyed}), vec![list(row)], "/record/InvoiceAmount"),
            ("upsert_records", json!({"records": [keyed]}), vec![list(row)], "/records/0/InvoiceAmount"),
        ] {
            let door = Fake::new([untold()].into_iter().chain(answers));
            let mut input = input;
            input["resource"] = "invoices".into();
            let failure = run(operation, &input, &door).unwrap_err();
            assert_eq!(
                (failure.kind(), failure.problem.fields[0].pointer.as_str()),
                (ProblemKind::InvalidInput, pointer)
            );
            assert!(door.sent.borrow().iter().all(|request| request.method.is_read()), "{operation}");
            assert!(failure.problem.message.contains(&format!("{pointer}: ")), "{}", failure.problem.message);
        }
    }

    #[test]
    fn lines_are_held_against_the_currency_of_their_invoice_where_they_are_fine() {
        let path = "invoices/7/child/invoiceLines";
        let line = |amount: &str| json!({"LineNumber": 1, "LineAmount": amount});
        for (operation, input, pointer) in [
            ("create_record", json!({"record": line("1.5")}), "/record/LineAmount"),
            ("update_record", json!({"key": "00", "record": line("1.25")}), "/record/LineAmount"),
            ("create_records", json!({"records": [line("1"), line("1.125")]}), "/records/1/LineAmount"),
        ] {
            let door = Fake::new([untold(), answer(200, r#"{"InvoiceCurrency":"JPY"}"#)]);
            let mut input = input;
            input["resource"] = path.into();
            let failure = run(operation, &input, &door).unwrap_err();
            assert_eq!((failure.problem.fields[0].pointer.as_str(), door.sent.borrow().len()), (pointer, 2));
            assert!(door.sent.borrow()[1].path.ends_with("/invoices/7?fields=InvoiceCurrency&onlyData=true"));
        }
        for (amount, asked) in [("1.125", true), ("1.12", true), ("112", false), ("112.0", false)] {
            let asks = asked.then(|| answer(200, r#"{"InvoiceCurrency":"KWD"}"#));
            let door = Fake::new([Some(untold()), asks, Some(answer(201, "{}"))].into_iter().flatten());
            run("create_record", &json!({"resource": path, "record": line(amount)}), &door).unwrap();
        }
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_and_nothing_is_written() {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let twice = r#""InvoiceNumber":"1","Supplier":"A","InvoiceAmount":1,"InvoiceAmount":2"#;
        let below =
            r#""InvoiceNumber":"1","Supplier":"A","invoiceLines":[{"LineAmount":1},{"LineAmount":1,"LineAmount":2}]"#;
        for (operation, input, pointer) in [
            ("create_record", format!(r#""record":{{{twice}}}"#), "/record/InvoiceAmount"),
            ("create_record", format!(r#""record":{{{below}}}"#), "/record/invoiceLines/1/LineAmount"),
            ("update_record", format!(r#""key":"7","record":{{{twice}}}"#), "/record/InvoiceAmount"),
            ("upsert_record", format!(r#""record":{{{below}}}"#), "/record/invoiceLines/1/LineAmount"),
            (
                "create_records",
                format!(r#""records":[{{"InvoiceNumber":"2"}},{{{twice}}}]"#),
                "/records/1/InvoiceAmount",
            ),
            (
                "update_records",
                format!(r#""records":[{{"key":"7","record":{{{twice}}}}}]"#),
                "/records/0/record/InvoiceAmount",
            ),
            ("upsert_records", format!(r#""records":[{{{twice}}}]"#), "/records/0/InvoiceAmount"),
            (
                "call_record_action",
                r#""action":"validateInvoice","parameters":{"A":1,"A":2}"#.to_owned(),
                "/parameters/A",
            ),
        ] {
            let door = Fake::new([untold(), list(""), list("")]);
            let pod = Pod::new(&door, &settings, None).unwrap();
            let input = format!(r#"{{"resource":"invoices",{input}}}"#);
            let failure = Entry::find(operation, Kind::Action).unwrap().run(&pod, &input).unwrap_err();
            let told = failure.problem.fields.iter().map(|field| field.pointer.as_str()).collect::<Vec<_>>();
            assert_eq!((failure.kind(), told), (ProblemKind::InvalidInput, vec![pointer]), "{operation}");
            assert!(door.sent.borrow().len() <= 1, "{operation}");
        }
    }

    #[test]
    fn a_write_that_was_put_off_says_when_to_run_it_again() {
        let late = || {
            typed(429, "", "").map(|mut response| {
                response.headers.push(("retry-after".into(), "90".into()));
                response
            })
        };
        for (operation, more, first) in [
            ("create_record", json!({}), vec![]),
            ("update_record", json!({"key": "7"}), vec![answer(200, "{}")]),
            ("upsert_record", json!({"match": ["Supplier"]}), vec![list("")]),
        ] {
            let door = Fake::new([untold()].into_iter().chain(first).chain([late()]));
            let mut input = json!({"resource": "suppliers", "record": {"Supplier": "A"}});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let failure = run(operation, &input, &door).unwrap_err();
            assert_eq!((failure.kind(), failure.again), (ProblemKind::RateLimited, true));
            assert!(failure.problem.remedy.unwrap().ends_with("run it again in 90 s."), "{operation}");
        }
    }

    #[test]
    fn what_match_finds_is_not_created_again() {
        let record = json!({"TransactionNumber": "1", "TransactionDate": "2026-01-31"});
        let input = json!({"resource": "receivablesInvoices", "record": record, "match": ["TransactionNumber"]});
        let row = r#"{"CustomerTransactionId":7,"TransactionNumber":"1","TransactionDate":"2026-01-31"}"#;
        let door = Fake::new([untold(), list(row)]);
        let done = run("create_record", &input, &door).unwrap();
        assert_eq!(done["warnings"][0]["code"], "already_existed");
        for rows in [row.replace("01-31", "02-01"), format!("{row},{row}")] {
            let door = Fake::new([untold(), list(&rows)]);
            assert_eq!(run("create_record", &input, &door).unwrap_err().kind(), ProblemKind::Conflict);
        }
        let door = Fake::new([untold(), list(""), answer(201, row)]);
        assert!(run("create_record", &input, &door).unwrap()["warnings"].is_null());
    }

    #[test]
    fn a_match_by_what_cannot_be_asked_for_is_refused_before_anything_is_sent() {
        let told = r#"{"Resources":{"receivablesInvoices":{"attributes":[{"name":"TransactionNumber","type":"string","queryable":true,"allowChanges":"always"},{"name":"Note","type":"string","allowChanges":"always"}]}}}"#;
        for operation in ["create_record", "upsert_record"] {
            let door = Fake::new([answer(200, told)]);
            let input = json!({"resource": "receivablesInvoices", "record": {"Note": "1"}, "match": ["Note"]});
            let failure = run(operation, &input, &door).unwrap_err();
            assert_eq!(failure.problem.fields[0].pointer, "/match/0");
            assert!(failure.problem.message.contains("TransactionNumber"), "{}", failure.problem.message);
            assert_eq!(door.sent.borrow().len(), 1);
        }
    }

    #[test]
    fn what_is_refused_before_anything_is_sent_says_where() {
        let note = "x".repeat(5_000_001);
        for (input, pointer) in [
            (json!({"record": {"Supplier": note}}), "/record"),
            (json!({"records": [{"Supplier": note}]}), "/records/0"),
        ] {
            let operation = if input.get("record").is_some() { "create_record" } else { "create_records" };
            let (mut input, door) = (input, Fake::new([untold()]));
            input["resource"] = "suppliers".into();
            let failure = run(operation, &input, &door).unwrap_err();
            assert_eq!((failure.kind(), failure.problem.fields[0].pointer.as_str()), (ProblemKind::TooLarge, pointer));
            assert_eq!(door.sent.borrow().len(), 1);
        }
        let text = r#"{"host":"pod.example","read_only":true,"auth":{"type":"basic","username":"u","password":"p"}}"#;
        let (door, settings) = (Fake::new([]), Settings::parse(text).unwrap());
        let pod = Pod::new(&door, &settings, None).unwrap();
        let input = r#"{"resource":"suppliers","record":{"Supplier":"A"}}"#;
        let failure = Entry::find("create_record", Kind::Action).unwrap().run(&pod, input).unwrap_err();
        assert_eq!(failure.problem.fields[0].pointer, "/read_only");
    }

    #[test]
    fn an_upsert_without_a_business_key_says_what_it_needs() {
        let door = Fake::new([]);
        let record = json!({"TransactionNumber": "1"});
        let failure =
            run("upsert_record", &json!({"resource": "receivablesInvoices", "record": record}), &door).unwrap_err();
        assert_eq!(failure.problem.fields[0].pointer, "/match");
        let input = json!({"resource": "receivablesInvoices", "record": record, "match": ["TransactionNumber"]});
        let door = Fake::new([untold(), list(r#"{"CustomerTransactionId":7,"TransactionNumber":"1"}"#)]);
        assert_eq!(run("upsert_record", &input, &door).unwrap()["outcome"], "unchanged");
    }

    #[test]
    fn an_upsert_that_lost_the_race_updates_what_the_other_made() {
        let row =
            |text: &str| format!(r#"{{"InvoiceId":7,"InvoiceNumber":"1","Supplier":"A","InvoiceAmount":{text}}}"#);
        let duplicate = typed(400, "text/plain", "There's already an invoice. (AP-810245)");
        let door = Fake::new([
            untold(),
            list(""),
            duplicate,
            list(&row("1")),
            list(&row("1")),
            answer(200, &row("1")),
            answer(200, &row("2")),
        ]);
        let record = json!({"InvoiceNumber": "1", "Supplier": "A", "InvoiceAmount": 2});
        let done = run("upsert_record", &json!({"resource": "invoices", "record": record}), &door).unwrap();
        assert_eq!((&done["outcome"], &done["record"]["InvoiceAmount"]), (&json!("updated"), &json!(2)));
    }
}
