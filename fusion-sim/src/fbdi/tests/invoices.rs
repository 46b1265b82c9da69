//! The import of Payables invoices.

use super::*;

fn header(id: &str, number: &str, cells: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("INVOICE_ID", id),
        ("OPERATING_UNIT", "US1 Business Unit"),
        ("SOURCE", "Manual Invoice Entry"),
        ("INVOICE_NUM", number),
        ("INVOICE_AMOUNT", "1500"),
        ("INVOICE_DATE", "2026/07/03"),
        ("VENDOR_NAME", "Lee Supplies"),
        ("VENDOR_NUM", "1252"),
        ("VENDOR_SITE_CODE", "Lee US1"),
        ("INVOICE_CURRENCY_CODE", "USD"),
        ("GROUP_ID", "7001"),
        ("INVOICE_TYPE_LOOKUP_CODE", "STANDARD"),
        ("TERMS_NAME", "Immediate"),
        ("GL_DATE", "2026/07/03"),
        ("CALC_TAX_DURING_IMPORT_FLAG", "Y"),
    ];
    for cell in cells {
        all.retain(|(name, _)| *name != cell.0);
        all.push(*cell);
    }
    csv("AP_INVOICES_INTERFACE", &all)
}

fn line(id: &str, cells: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("INVOICE_ID", id),
        ("LINE_NUMBER", "1"),
        ("LINE_TYPE_LOOKUP_CODE", "ITEM"),
        ("AMOUNT", "1500"),
        ("DESCRIPTION", "RT consulting services"),
        ("DIST_CODE_CONCATENATED", "101.10.65110.110.000.000"),
        ("ACCOUNTING_DATE", "2026/07/03"),
    ];
    for cell in cells {
        all.retain(|(name, _)| *name != cell.0);
        all.push(*cell);
    }
    csv("AP_INVOICE_LINES_INTERFACE", &all)
}

const ARGUMENTS: &str =
    "#NULL,300000046987012,N,2026-07-03,#NULL,#NULL,1000,Manual Invoice Entry,7001,N,Y,300000046975971,#NULL,1";

fn import(store: &mut Store, headers: &str, lines: &str, arguments: &str, request: u64) -> Loaded {
    let document = zip(&[("ApInvoicesInterface.csv", headers), ("ApInvoiceLinesInterface.csv", lines)]);
    run(store, 1, &document, INVOICES, arguments, request)
}

/// Codes of the header's and the lines' rejections, as REST shows them.
fn rejections(store: &Store, number: &str) -> Vec<String> {
    let resource = resource("payablesInterfaceInvoices");
    let rows = find(store, "payablesInterfaceInvoices", "InvoiceNumber", number);
    let row = rows.first().unwrap_or_else(|| panic!("{number} is not in the interface"));
    let reasons = resource.child("interfaceInvoiceRejections").unwrap();
    let lines = resource.child("interfaceInvoiceLines").unwrap();
    let of_line = lines.child("interfaceInvoiceLineRejections").unwrap();
    let code = |resource: &Resource, row: &Row| match row.get(resource, "RejectionDescription") {
        Some(Value::Text(code)) => code.to_string(),
        other => panic!("{other:?}"),
    };
    let own = row.child("interfaceInvoiceRejections").iter().map(|row| code(reasons, row));
    let below = row
        .child("interfaceInvoiceLines")
        .iter()
        .flat_map(|line| line.child("interfaceInvoiceLineRejections"))
        .map(|row| code(of_line, row));
    own.chain(below).collect()
}

#[test]
fn two_good_invoices_become_the_pod_s_and_a_bad_one_stays_with_its_reasons() {
    let mut store = store();
    let headers = [
        header("700101", "7001RT-APINV-G1", &[]),
        header("700102", "7001RT-APINV-G2", &[("INVOICE_AMOUNT", "2750")]),
        header(
            "700103",
            "7001RT-APINV-BAD1",
            &[
                ("INVOICE_AMOUNT", "0"),
                ("VENDOR_NAME", "DMT DOES NOT EXIST VENDOR"),
                ("VENDOR_NUM", "99999999"),
                ("VENDOR_SITE_CODE", "FAKE-SITE-XYZ"),
            ],
        ),
    ];
    let lines = [line("700101", &[]), line("700102", &[("AMOUNT", "2750")]), line("700103", &[("AMOUNT", "0")])];
    let loaded = import(&mut store, &headers.concat(), &lines.concat(), ARGUMENTS, 9000);
    assert_eq!(loaded.files.iter().map(|file| file.rows_loaded).sum::<u64>(), 6);
    let import = loaded.import.unwrap();
    assert_eq!((import.state, import.imported, import.rejected), ("WARNING", 2, 1));

    let invoices = resource("invoices");
    let made = find(&store, "invoices", "InvoiceNumber", "7001RT-APINV-G2");
    let value = |name: &str| made[0].get(invoices, name).unwrap().clone();
    assert_eq!(value("InvoiceAmount"), Value::Decimal("2750".parse().unwrap()));
    assert_eq!(value("AccountingDate"), Value::Date("2026-07-03".parse().unwrap()));
    assert_eq!((value("InvoiceType"), value("LegalEntity")), ("Standard".into(), "US1 Legal Entity".into()));
    assert_eq!(made[0].child("invoiceLines").len(), 1);

    assert_eq!(rejections(&store, "7001RT-APINV-BAD1"), ["INVALID SUPPLIER"]);
    let waits = find(&store, "payablesInterfaceInvoices", "Status", "REJECTED");
    assert_eq!(waits.len(), 1);
    assert_eq!(waits[0].get(resource("payablesInterfaceInvoices"), "LoadRequestId"), Some(&9000_i64.into()));

    let names: Vec<&str> = import.outputs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["report.txt", "report.xml", "report.pdf"]);
    let text = String::from_utf8(import.outputs[0].1.clone()).unwrap();
    assert!(text.contains("99999999 | 7001RT-APINV-BAD1 | - | INVALID SUPPLIER | VENDOR_NAME"), "{text}");
    let xml = String::from_utf8(import.outputs[1].1.clone()).unwrap();
    assert!(xml.contains("<REJECT_LOOKUP_CODE>INVALID SUPPLIER</REJECT_LOOKUP_CODE>"));
}

#[test]
fn another_group_or_source_selects_nothing_and_succeeds() {
    for arguments in [
        ARGUMENTS.replace(",7001,", ",7002,"),
        ARGUMENTS.replace("Manual Invoice Entry", "Spreadsheet"),
        ARGUMENTS.replace(",7001,", ",#NULL,"),
        // One slot too few, and everything behind it is read as its neighbour (F3).
        ARGUMENTS.replacen("#NULL,", "", 1),
    ] {
        let mut store = store();
        let import = import(&mut store, &header("1", "N-1", &[]), &line("1", &[]), &arguments, 10).import.unwrap();
        assert_eq!((import.state, import.imported, import.rejected), ("SUCCEEDED", 0, 0), "{arguments}");
        assert!(import.log.contains("Invoices selected: 0"));
        // They wait, and can be seen to.
        assert_eq!(waiting(&store, "AP_INVOICES_INTERFACE").len(), 1);
        assert_eq!(rejections(&store, "N-1"), Vec::<String>::new());
    }
}

#[test]
fn without_a_group_argument_rows_without_a_group_are_taken() {
    let mut store = store();
    let headers = header("1", "N-1", &[("GROUP_ID", "")]) + &header("2", "N-2", &[]);
    let lines = line("1", &[]) + &line("2", &[]);
    let import = import(&mut store, &headers, &lines, &ARGUMENTS.replace(",7001,", ",,"), 10).import.unwrap();
    assert_eq!((import.imported, import.rejected), (1, 0));
}

#[test]
fn each_rule_rejects_with_its_own_code() {
    let lines = |amount: &'static str| vec![("AMOUNT", amount)];
    type Cells = Vec<(&'static str, &'static str)>;
    let cases: Vec<(&str, Cells, Cells)> = vec![
        ("INVALID SUPPLIER", vec![("VENDOR_NUM", "999")], vec![]),
        ("NO SUPPLIER", vec![("VENDOR_NUM", ""), ("VENDOR_NAME", "")], vec![]),
        ("INCONSISTENT SUPPLIER", vec![("VENDOR_NUM", "1254")], vec![]),
        ("INVALID SUPPLIER SITE", vec![("VENDOR_SITE_CODE", "Lee UK1")], vec![]),
        ("ACCT DATE NOT IN OPEN PD", vec![("GL_DATE", "2024/07/03")], vec![]),
        ("ACCT DATE NOT IN OPEN PD", vec![], vec![("ACCOUNTING_DATE", "2024/07/03")]),
        ("INCONSISTENT INV TYPE/AMT", vec![("INVOICE_AMOUNT", "-5")], lines("-5")),
        ("INCONSISTENT INV TYPE/AMT", vec![("INVOICE_TYPE_LOOKUP_CODE", "CREDIT")], vec![]),
        ("INVALID INV TYPE LOOKUP", vec![("INVOICE_TYPE_LOOKUP_CODE", "Standard")], vec![]),
        ("INVALID INVOICE AMOUNT", vec![], lines("1499.99")),
        ("INVALID TERMS", vec![("TERMS_NAME", "Net 31")], vec![]),
        ("INVALID CURRENCY CODE", vec![("INVOICE_CURRENCY_CODE", "DM")], vec![]),
        ("INVALID OPERATING UNIT", vec![("OPERATING_UNIT", "Vision Operations")], vec![]),
        ("INVALID DISTRIBUTION ACCT", vec![], vec![("DIST_CODE_CONCATENATED", "101.10.1")]),
        ("INVALID LINE TYPE LOOKUP", vec![], vec![("LINE_TYPE_LOOKUP_CODE", "GOODS")]),
        ("INVALID PAYMENT METHOD", vec![("PAYMENT_METHOD_CODE", "GOLD")], vec![]),
    ];
    for (code, header_cells, line_cells) in cases {
        let mut store = store();
        let arguments = ARGUMENTS.replace("300000046987012", "#NULL");
        let headers = header("1", "N-1", &header_cells);
        let import = import(&mut store, &headers, &line("1", &line_cells), &arguments, 10).import.unwrap();
        assert_eq!((import.imported, import.rejected), (0, 1), "{code}");
        assert!(rejections(&store, "N-1").contains(&code.to_owned()), "{code}: {:?}", rejections(&store, "N-1"));
    }
    let mut store = store();
    let import = import(&mut store, &header("1", "N-1", &[]), &line("2", &[]), ARGUMENTS, 10).import.unwrap();
    assert_eq!((import.rejected, rejections(&store, "N-1")), (1, vec!["NO INVOICE LINES".to_owned()]));
}

#[test]
fn a_number_is_used_once_within_a_file_and_across_loads() {
    let mut store = store();
    let headers = header("1", "N-1", &[]) + &header("2", "N-1", &[]);
    let first = import(&mut store, &headers, &(line("1", &[]) + &line("2", &[])), ARGUMENTS, 10).import.unwrap();
    assert_eq!((first.imported, first.rejected), (1, 1));
    assert_eq!(rejections(&store, "N-1"), ["DUPLICATE INVOICE NUMBER"]);
    // The imported row is gone from the table, the rejected one is in the way.
    let again = import(&mut store, &headers, &(line("1", &[]) + &line("2", &[])), ARGUMENTS, 20);
    assert!(again.files[0].log.contains("Record 2: Rejected"), "{}", again.files[0].log);
    assert_eq!(again.import.unwrap().imported, 0);
    assert_eq!(find(&store, "invoices", "InvoiceNumber", "N-1").len(), 1);
}

#[test]
fn a_number_that_the_pod_had_before_is_refused_for_its_supplier_alone() {
    let mut store = store();
    let invoices = resource("invoices");
    let old = store.scan(invoices).next().unwrap();
    let text = |name: &str| match old.get(invoices, name) {
        Some(Value::Text(text)) => text.to_string(),
        other => panic!("{other:?}"),
    };
    let (number, supplier, vendor) = (text("InvoiceNumber"), text("Supplier"), text("SupplierNumber"));
    let (site, unit) = (text("SupplierSite"), text("BusinessUnit"));
    let supplier = supplier.replace('"', "\"\"");
    let same =
        [("VENDOR_NAME", &*supplier), ("VENDOR_NUM", &vendor), ("VENDOR_SITE_CODE", &site), ("OPERATING_UNIT", &unit)];
    let arguments = ARGUMENTS.replace("300000046987012", "#NULL");
    let first = import(&mut store, &header("1", &number, &same), &line("1", &[]), &arguments, 10).import.unwrap();
    assert_eq!((first.imported, first.rejected), (0, 1));
    assert_eq!(rejections(&store, &number), ["DUPLICATE INVOICE NUMBER"]);
    assert_eq!(purge(&mut store, Some(10)), 2);
    assert!(find(&store, "payablesInterfaceInvoices", "InvoiceNumber", &number).is_empty());
}

#[test]
fn what_waits_survives_saving() {
    let mut store = store();
    import(&mut store, &header("1", "N-1", &[("TERMS_NAME", "Never")]), &line("1", &[]), ARGUMENTS, 10);
    let saved = serde_json::to_vec(&store).unwrap();
    let mut opened: Store = serde_json::from_slice(&saved).unwrap();
    assert_eq!(waiting(&opened, "AP_INVOICES_INTERFACE"), waiting(&store, "AP_INVOICES_INTERFACE"));
    // A rejected row is taken up by the next run over its import set.
    let parameters = parameters(ARGUMENTS);
    let run = Run { job: INVOICES, parameters: &parameters, request_id: 30, now: now(), user: "casey.brown" };
    let again = super::super::import(&mut opened, &run);
    assert_eq!((again.imported, again.rejected), (0, 1));
}
