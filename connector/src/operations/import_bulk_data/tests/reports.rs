//! What the report makes of logs, rejections and rows of other loads.

use super::*;

#[test]
fn beyond_a_thousand_rejections_the_counts_are_true_and_the_rejected_file_has_all() {
    let mut input: Value = serde_json::from_str(AP).unwrap();
    let row = input["rows"][0].clone();
    let rows = (0..1600).map(|number| {
        let mut row = row.clone();
        row["INVOICE_NUM"] = format!("I{number}").into();
        row
    });
    input["rows"] = rows.collect::<Vec<_>>().into();
    let report = |bad: usize| {
        let input = input.to_string();
        let rejected = |number: usize| {
            format!(
                r#"{{"InvoiceNumber":"I{number}","InvoiceId":{number},"Status":"REJECTED","interfaceInvoiceRejections":[{{"RejectionDescription":"INVALID SUPPLIER"}}]}}"#
            )
        };
        let all = (1600 - bad..1600).map(rejected).collect::<Vec<_>>().join(",");
        done(step(
            &Fake::new([
                items(r#"{"RequestStatus":"SUCCEEDED"}"#),
                items(""),
                answer(200, &format!(r#"{{"items":[{}],"hasMore":true}}"#, rejected(1599))),
                answer(200, &format!(r#"{{"items":[],"hasMore":false,"totalResults":{}}}"#, 1600 - bad)),
                items(&all),
                items(r#"{"DocumentContent":null}"#),
            ]),
            &input,
            Some(&submitted(&input)),
        ))
    };
    let told = report(1500);
    assert_eq!(told["counts"], json!({"read": 1600, "loaded": 1600, "imported": 100, "rejected": 1500}));
    assert_eq!(told["rejections"].as_array().unwrap().len(), 1000);
    let file: Vec<Value> = serde_json::from_str(told["rejected_file"]["text"].as_str().unwrap()).unwrap();
    assert_eq!(
        (file.len(), &file[0]["INVOICE_NUM"], &file[1499]["INVOICE_NUM"]),
        (1500, &"I100".into(), &"I1599".into())
    );
    assert!(told["warnings"].to_string().contains("rejections_left_out"));
    let told = report(1000);
    assert!(!told["warnings"].to_string().contains("rejections_left_out") && told["counts"]["rejected"] == 1000);
}

#[test]
fn rows_that_other_loads_left_behind_are_told_apart() {
    let input = r#"{"object":"suppliers","rows":[{"IMPORT_ACTION":"CREATE","VENDOR_NAME":"Acme","ORGANIZATION_TYPE_LOOKUP_CODE":"CORPORATION","BUSINESS_RELATIONSHIP":"SPEND_AUTHORIZED"},{"IMPORT_ACTION":"CREATE","VENDOR_NAME":"Brass","ORGANIZATION_TYPE_LOOKUP_CODE":"CORPORATION","BUSINESS_RELATIONSHIP":"SPEND_AUTHORIZED"}]}"#;
    let report = "Rows imported: 1\nRows rejected: 3\nLoad Request | Record | Supplier | Attribute | Value | Reason\n\
        5 | 1 | Acme | A | B | No.\n4 | 1 | Copper | A | B | No.\n4 | 2 | Dune | A | B | No.\n";
    let told = reported(input, report);
    assert_eq!(told["counts"], json!({"read": 2, "loaded": 2, "imported": 1, "rejected": 1}), "{told}");
    assert_eq!(told["rejections"].as_array().unwrap().len(), 1);
    assert!(told["warnings"].to_string().contains("tells 2 rejections of rows that are not in this input"), "{told}");
}

#[test]
fn what_the_loader_refused_was_not_loaded_and_has_its_own_key() {
    let log = "Record 1: Rejected - Error on table AP_INVOICES_INTERFACE, column INVOICE_NUM.\nORA-12899: value too large\n\nTable AP_INVOICES_INTERFACE:\n  0 Rows successfully loaded.\nTable AP_INVOICE_LINES_INTERFACE:\n  1 Rows successfully loaded.\n";
    let told = reported_after(AP, log, vec![items(""), items("")]);
    assert_eq!((&told["counts"]["loaded"], &told["counts"]["rejected"]), (&0.into(), &1.into()), "{told}");
    assert_eq!((&told["rejections"][0]["key"], &told["rejections"][0]["row"]), (&"A".into(), &1.into()));
}

#[test]
fn what_two_reports_tell_is_told_once() {
    let text = "Supplier Name | Supplier Number | Invoice Number | Line | Reason | Value\nV | 1 | A | - | INVALID SUPPLIER | X = V\n";
    let xml = "<?xml version=\"1.0\"?><D><RECORD>1</RECORD><VENDOR_NAME>V</VENDOR_NAME><INVOICE_NUM>A</INVOICE_NUM><RECORD>1</RECORD><REJECT_LOOKUP_CODE>INVALID SUPPLIER</REJECT_LOOKUP_CODE></D>";
    let mut found = crate::fusion::report::Found::default();
    for (name, text) in [("1.txt", text), ("1.xml", xml)] {
        crate::fusion::report::texts::read(name, &mut text.as_bytes(), &mut found).unwrap();
    }
    assert_eq!(found.rejections.len(), 1);
}

#[test]
fn journals_that_suspense_evens_out_are_complete() {
    let report = "Lines imported: 2\nLines rejected: 0\n\nUnbalanced Journal Entries\n-----\nGroup ID         Currency  Accounting Date   Total Debits\n9                USD       2026/01/31               10\n";
    let input = GL.replace("\"source\":\"S\"", "\"source\":\"S\",\"post_errors_to_suspense\":\"Y\"");
    let told = reported(&input, report);
    assert_eq!((&told["outcome"], &told["counts"]["rejected"]), (&"complete".into(), &0.into()), "{told}");
    assert!(told["warnings"].to_string().contains("posted_to_suspense"));
}

fn reported(input: &str, report: &str) -> Value {
    reported_after(input, report, vec![])
}

/// What is answered where the log zip holds this text.
fn reported_after(input: &str, report: &str, before: Vec<Reply>) -> Value {
    use base64::Engine as _;
    let zip = crate::fusion::erp::archive::tests::zip(&[("1.txt", report.as_bytes())]);
    let zip = base64::engine::general_purpose::STANDARD.encode(zip);
    let noted = input.contains("gl_journals");
    let own = || items(r#"{"DocumentId":"4"}"#);
    let note = if noted { vec![items(""), answer(201, r#"{"DocumentId":"4"}"#), own(), items("")] } else { vec![] };
    let sent = [items("")].into_iter().chain(note).chain([answer(201, r#"{"ReqstId":"77","DocumentId":"5"}"#)]);
    let token = pending(step(&Fake::new(sent), input, None)).token;
    let answers = [items(r#"{"RequestStatus":"SUCCEEDED"}"#), items("")]
        .into_iter()
        .chain(noted.then(|| items("")))
        .chain(before);
    let door = Fake::new(answers.chain([items(&format!(r#"{{"DocumentContent":"{zip}"}}"#))]));
    done(step(&door, input, Some(&token)))
}
