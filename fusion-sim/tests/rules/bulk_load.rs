//! FACTS 3.6 and 3.8: what a load and its import leave on the pod, read over REST.
use std::io::{Cursor, Write as _};

use fusion_sim::fbdi::{self, Load, Loaded};
use zip::write::SimpleFileOptions;

use super::*;

const JOB: &str = "/oracle/apps/ess/financials/payables/invoices/transactions,APXIIMPT";
const SOURCE: &str = "Manual Invoice Entry";

/// A line as a template writes it: the values, each quoted, then empty quotes up to the last column.
fn line(count: usize, values: &[(usize, &str)]) -> String {
    let value = |at| values.iter().find(|(place, _)| *place == at).map_or("", |(_, value)| *value);
    (1..=count).map(|at| format!("\"{}\"", value(at))).collect::<Vec<_>>().join(",") + "\n"
}

fn header(id: &str, number: &str, amount: &str, supplier: [&str; 3]) -> String {
    let [name, vendor, site] = supplier;
    let bare = [
        (2, "US1 Business Unit"),
        (3, SOURCE),
        (4, number),
        (5, amount),
        (6, "2026/07/03"),
        (7, name),
        (8, vendor),
        (9, site),
        (10, "USD"),
        (13, "55"),
        (14, "STANDARD"),
        (20, "Immediate"),
        (24, "2026/07/03"),
        (72, "Y"),
    ];
    // The first value is bare: a template quotes texts alone.
    format!("{id},{}", line(134, &bare).strip_prefix("\"\",").unwrap())
}

fn item(id: &str, amount: &str, account: &str) -> String {
    let values = [(1, id), (2, "1"), (3, "ITEM"), (4, amount), (8, "RT"), (22, account), (24, "2026/07/03")];
    line(163, &values)
}

/// Two good invoices and one whose supplier nobody knows.
fn sample() -> Vec<u8> {
    let lee = ["Lee Supplies", "1252", "Lee US1"];
    let headers = [
        header("5501", "55RT-APINV-G1", "1500", lee),
        header("5502", "55RT-APINV-G2", "2750", lee),
        header("5503", "55RT-APINV-BAD1", "0", ["DMT DOES NOT EXIST VENDOR", "99999999", "FAKE-SITE-XYZ"]),
    ];
    let lines = [
        item("5501", "1500", "101.10.65110.110.000.000"),
        item("5502", "2750", "101.10.65110.120.000.000"),
        item("5503", "0", "101.10.99999.110.000.000"),
    ];
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in [("ApInvoicesInterface.csv", headers.concat()), ("ApInvoiceLinesInterface.csv", lines.concat())]
    {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn load(pod: &Pod, request: u64, group: &str) -> Loaded {
    let none = || None;
    let some = |text: &str| Some(text.to_owned());
    let parameters = [
        none(),
        some("300000046987012"),
        some("N"),
        some("2026-07-03"),
        none(),
        none(),
        some("1000"),
        some(SOURCE),
        some(group),
        some("N"),
        some("Y"),
        some("300000046975971"),
        none(),
        some("1"),
    ];
    let load = Load {
        interface_id: 1,
        document: &sample(),
        file_name: "apinv.zip",
        job: JOB,
        parameters: &parameters,
        load_request_id: request,
        child_ids: &[request + 2, request + 3],
        now: pod.clock().now(),
        user: "integration.user",
    };
    pod.with_store(|store| fbdi::load(store, &load))
}

#[tokio::test]
async fn imported_invoices_and_rejected_rows_are_read_over_rest() {
    let pod = pod();
    let loaded = load(&pod, 7000, "55");
    let states: Vec<_> = loaded.files.iter().map(|file| (file.rows_read, file.rows_loaded, file.state)).collect();
    assert_eq!(states, [(3, 3, "SUCCEEDED"), (3, 3, "SUCCEEDED")]);
    let import = loaded.import.unwrap();
    assert_eq!((import.state, import.imported, import.rejected), ("WARNING", 2, 1));

    let made =
        get(&pod, "invoices?q=InvoiceNumber%20LIKE%20%2755RT%25%27&expand=invoiceLines&orderBy=InvoiceNumber").await;
    assert_eq!(made.column("InvoiceNumber"), ["55RT-APINV-G1", "55RT-APINV-G2"]);
    assert_eq!(made.column("ValidationStatus"), ["Not validated", "Not validated"]);
    let line = &made.json()["items"][1]["invoiceLines"]["items"][0];
    assert_eq!((&line["LineAmount"], &line["LineType"]), (&serde_json::json!(2750), &serde_json::json!("Item")));

    let path = "payablesInterfaceInvoices?q=LoadRequestId=7000&expand=interfaceInvoiceRejections,\
                interfaceInvoiceLines.interfaceInvoiceLineRejections";
    let waits = get(&pod, path).await.json();
    let row = &waits["items"][0];
    assert_eq!((&waits["count"], &row["InvoiceNumber"]), (&1.into(), &"55RT-APINV-BAD1".into()));
    assert_eq!((&row["Status"], &row["GroupId"], &row["Source"]), (&"REJECTED".into(), &"55".into(), &SOURCE.into()));
    let reason = &row["interfaceInvoiceRejections"]["items"][0];
    assert_eq!(reason["RejectionDescription"], "INVALID SUPPLIER", "{row}");
    assert_eq!(reason["TokenValueOne"], "DMT DOES NOT EXIST VENDOR");
    let below = &row["interfaceInvoiceLines"]["items"][0]["interfaceInvoiceLineRejections"]["items"][0];
    assert_eq!(below["RejectionDescription"], "INVALID DISTRIBUTION ACCT", "{row}");

    assert_eq!(pod.with_store(|store| fbdi::purge(store, Some(7000))), 2);
    assert_eq!(get(&pod, "payablesInterfaceInvoices?q=LoadRequestId=7000").await.json()["count"], 0);
}

#[tokio::test]
async fn another_import_set_selects_nothing_and_its_rows_wait_without_a_status() {
    let pod = pod();
    let import = load(&pod, 7000, "56").import.unwrap();
    assert_eq!((import.state, import.imported, import.rejected), ("SUCCEEDED", 0, 0));
    let waits = get(&pod, "payablesInterfaceInvoices?q=GroupId=%2755%27").await;
    assert_eq!(waits.column("Status"), [Json::Null, Json::Null, Json::Null]);
}

#[tokio::test]
async fn an_imported_number_is_refused_over_rest_as_well_and_both_survive_saving() {
    let pod = pod();
    load(&pod, 7000, "55");
    let opened = Pod::open(&pod.save().unwrap()).unwrap();
    let payload = serde_json::json!({
        "InvoiceNumber": "55RT-APINV-G1", "InvoiceCurrency": "USD", "InvoiceAmount": 1, "BusinessUnit": "US1 Business Unit",
        "Supplier": "Lee Supplies", "SupplierSite": "Lee US1",
    });
    let again = post_invoice(&opened, &payload).await;
    assert_eq!(again.status, 400);
    assert!(again.text().contains("AP-810245"), "{}", again.text());
    // The same zip once more: the good numbers are taken, the bad row is still in the way.
    let second = load(&opened, 7100, "55");
    assert!(second.files[0].log.contains("Record 3: Rejected - Error on table AP_INVOICES_INTERFACE.\nORA-00001"));
    let import = second.import.unwrap();
    assert_eq!((import.imported, import.rejected), (0, 3));
    let waits = get(&opened, "payablesInterfaceInvoices?q=LoadRequestId=7100&expand=interfaceInvoiceRejections").await;
    for item in waits.json()["items"].as_array().unwrap() {
        let reason = &item["interfaceInvoiceRejections"]["items"][0]["RejectionDescription"];
        assert_eq!(reason, "DUPLICATE INVOICE NUMBER", "{item}");
    }
}
