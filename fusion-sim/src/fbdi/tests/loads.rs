//! What the loader takes and how it refuses the rest.

use super::*;

const HEADER: &str = "1,US1 Business Unit,Spreadsheet,L-1,10,2026/07/01,Lee Supplies,1252,Lee US1,USD";

fn file(name: &str, text: &str) -> FileLoad {
    let mut store = store();
    let loaded = run(&mut store, 1, &zip(&[(name, text)]), "", "", 100);
    assert_eq!(loaded.files.len(), 1);
    loaded.files.into_iter().next().unwrap()
}

fn headers(text: &str) -> FileLoad {
    file("ApInvoicesInterface.csv", text)
}

#[test]
fn a_short_record_is_filled_up_and_the_template_s_end_mark_is_no_value() {
    let load = headers(&format!("{HEADER}\n{}\r\n", HEADER.replacen('1', "2", 1) + ",,,,END"));
    assert_eq!((load.rows_read, load.rows_loaded, load.rows_failed, load.state), (2, 2, 0, "SUCCEEDED"));
    assert!(load.log.contains("2 Rows successfully loaded."));
}

#[test]
fn each_refused_record_is_named_with_column_and_cause() {
    let with = |id: u32, from: &str, to: &str| HEADER.replacen('1', &id.to_string(), 1).replace(from, to) + "\n";
    let long = "N".repeat(51);
    let text = [
        with(1, "", ""),
        with(2, "2026/07/01", "07/31/2026"),
        with(3, ",10,", ",\"1,000.50\","),
        with(4, "L-1", &long),
        with(5, "L-1", "\"L-1"),
        with(1, "", ""),
        with(6, "USD", "USD;EUR"),
        format!("\"7\"{},1\n", ",".repeat(135)),
        ",Unit\n".to_owned(),
        "\n".to_owned(),
    ]
    .concat();
    let load = headers(&text);
    assert_eq!((load.rows_read, load.rows_loaded, load.rows_failed, load.state), (10, 2, 7, "WARNING"));
    for expected in [
        "Record 2: Rejected - Error on table AP_INVOICES_INTERFACE, column INVOICE_DATE.\nORA-01843: not a valid month",
        "Record 3: Rejected - Error on table AP_INVOICES_INTERFACE, column INVOICE_AMOUNT.\nORA-01722: invalid number",
        "Record 4: Rejected - Error on table AP_INVOICES_INTERFACE, column INVOICE_NUM.\nORA-12899: value too large",
        "Record 5: Rejected - Error on table AP_INVOICES_INTERFACE, column INVOICE_NUM.\nsecond enclosure string",
        "Record 6: Rejected - Error on table AP_INVOICES_INTERFACE.\nORA-00001: unique constraint",
        "Record 8: Rejected - Error on table AP_INVOICES_INTERFACE.\nthe record has 137 fields",
        "Record 9: Rejected - Error on table AP_INVOICES_INTERFACE, column INVOICE_ID.\nORA-01400: cannot insert NULL",
        "1 Row not loaded because all fields were null.",
        "Total logical records rejected:         7\n",
    ] {
        assert!(load.log.contains(expected), "{expected}\n{}", load.log);
    }
}

#[test]
fn a_byte_order_mark_and_semicolons_reach_the_first_column() {
    for text in [format!("\u{feff}{HEADER}\n"), HEADER.replace(',', ";") + "\n"] {
        let load = headers(&text);
        assert_eq!((load.rows_loaded, load.state), (0, "ERROR"));
        assert!(load.log.contains("column INVOICE_ID.\nORA-01722"), "{}", load.log);
    }
}

#[test]
fn a_name_in_another_case_a_folder_an_extra_file_and_no_zip_are_refused_as_a_whole() {
    let good = ("ApInvoicesInterface.csv", HEADER);
    for files in [
        vec![("apinvoicesinterface.csv", HEADER)],
        vec![("data/ApInvoicesInterface.csv", HEADER)],
        vec![good, ("notes.txt", "x")],
        vec![good, ("GlInterface.csv", "NEW")],
        vec![("ApInvoicesInterface.CSV", HEADER)],
        vec![],
    ] {
        let mut store = store();
        let loaded = run(&mut store, 1, &zip(&files), INVOICES, "", 100);
        assert_eq!(loaded.files[0].state, "ERROR", "{files:?}");
        assert!(loaded.import.is_none() && loaded.files[0].log.contains("0 rows were loaded"));
        assert!(waiting(&store, "AP_INVOICES_INTERFACE").is_empty());
    }
    let mut store = store();
    assert_eq!(run(&mut store, 1, b"PK\x03\x04 torn", INVOICES, "", 1).files[0].state, "ERROR");
    assert_eq!(run(&mut store, 999, &zip(&[good]), INVOICES, "", 1).files[0].state, "ERROR");
}

#[test]
fn a_properties_file_may_come_along_and_a_csv_may_come_alone() {
    let mut store = store();
    let files = [("ApInvoicesInterface.csv", HEADER), ("Invoices.PROPERTIES", "x")];
    assert_eq!(run(&mut store, 1, &zip(&files), "", "", 1).files[0].rows_loaded, 1);
    assert_eq!(names(&zip(&files), "upload.zip"), ["ApInvoicesInterface.csv"]);
    assert_eq!(names(b"PK torn", "upload.zip"), Vec::<String>::new());
    assert_eq!(names(b"NEW,1", "GlInterface.csv"), ["GlInterface.csv"]);
    let none = [None];
    let journal = csv("GL_INTERFACE", &[("STATUS", "NEW")]);
    let alone = Load {
        interface_id: 15,
        document: journal.as_bytes(),
        file_name: "GlInterface.csv",
        job: "",
        parameters: &none,
        load_request_id: 2,
        child_ids: &[],
        now: now(),
        user: "casey.brown",
    };
    let load = super::super::load_only(&mut store, &alone);
    assert!(load[0].log.contains("column ACCOUNTING_DATE.\nORA-01400"), "{}", load[0].log);
}

#[test]
fn every_published_layout_takes_a_record() {
    let mut store = store();
    for (at, layout) in layout::all().iter().enumerate() {
        let filled: Vec<(&str, &str)> = layout
            .columns
            .iter()
            .filter_map(|column| {
                let value = match column.kind {
                    layout::Kind::Text(_) => "Y",
                    layout::Kind::AmericanDate => "07/01/2026",
                    layout::Kind::Date | layout::Kind::Moment => "2026/07/01",
                    layout::Kind::Number | layout::Kind::Whole => "1",
                };
                Some((column.name.as_deref()?, value))
            })
            .collect();
        let document = zip(&[(&layout.file, &csv(&layout.table, &filled))]);
        let request = 1000 + u64::try_from(at).unwrap();
        let loaded = run(&mut store, layout.interfaces[0], &document, "", "", request);
        assert_eq!(loaded.files[0].rows_loaded, 1, "{}", loaded.files[0].log);
        assert_eq!(waiting(&store, &layout.table)[0].values.len(), filled.len());
        assert_eq!(purge(&mut store, Some(request)), 1);
        assert!(waiting(&store, &layout.table).is_empty());
    }
}

#[test]
fn an_object_without_a_simulated_import_is_loaded_and_counted() {
    let mut store = store();
    let document = zip(&[("RaInterfaceLinesAll.csv", &csv("RA_INTERFACE_LINES_ALL", &[("AMOUNT", "5")]))]);
    let job = "/oracle/apps/ess/financials/receivables/transactions/autoInvoices,AutoInvoiceImportEss";
    let import = run(&mut store, 2, &document, job, "", 7).import.unwrap();
    assert!(!imports(job) && loads(2) && !loads(3));
    assert_eq!((import.state, import.imported, waiting(&store, "RA_INTERFACE_LINES_ALL").len()), ("SUCCEEDED", 0, 1));
}
