//! What is built from what people give: the files of the zip are read back and looked at.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::io::Read as _;

use super::*;

mod lent;
mod passing;

struct NoUrls;
impl Urls for NoUrls {
    fn open<'s>(&'s self, url: &str) -> Result<Box<dyn Read + 's>> {
        Err(Failure::invalid("/files", format!("{url} is not allowed")))
    }
}

fn parameters(object: &str) -> BTreeMap<String, String> {
    let pairs: &[(&str, &str)] = match object {
        "ap_invoices" => &[("business_unit_id", "1"), ("ledger_id", "2")],
        "gl_journals" => &[("data_access_set_id", "1"), ("ledger_id", "1")],
        "purchase_orders" => &[("procurement_bu", "BU")],
        _ => &[],
    };
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn try_build(id: &str, source: &Source<'_>, lent: Option<&Path>) -> Result<Built> {
    let parameters = parameters(id);
    let options = Options { call_id: "call-1", group_id: None, parameters: &parameters, lent };
    build(object(id).unwrap(), source, &options, &NoUrls)
}

fn file<'a>(name: &'a str, text: &'a str) -> InputFile<'a> {
    InputFile { name: name.into(), content: Content::Text(text.into()) }
}

fn files<'a>(list: &[(&'a str, &'a str)]) -> Source<'a> {
    Source::Files(list.iter().map(|(name, text)| file(name, text)).collect())
}

fn unzip(built: &Built) -> Vec<(String, String)> {
    let mut bytes = Vec::new();
    built.archive.reader().unwrap().read_to_end(&mut bytes).unwrap();
    let mut source = std::io::Cursor::new(bytes);
    let entries = tabular::zip::entries(&mut source).unwrap();
    let text = |entry: &tabular::zip::Entry| {
        let mut text = String::new();
        tabular::zip::open(&mut source, entry).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    names.into_iter().zip(entries.iter().map(text).collect::<Vec<_>>()).collect()
}

/// Severity, code and row of what was found, without what was merely repaired.
fn found(built: &Built) -> Vec<(Severity, &'static str, Option<u64>)> {
    let told = built.findings.iter().filter(|finding| finding.severity != Severity::Repaired);
    told.map(|finding| (finding.severity, finding.code, finding.row)).collect()
}

const HEADERS: &str = "Invoice Amount;Invoice Number;Supplier;INVOICE_ID;Source;Invoice Date;Description\n\
    1.500,25;A-1;Acme;1;Manual;31.01.2026;\"say \"\"hi\"\", then go\"\n\
    10;A-2;Acme;2;Manual;2026-02-01;\n";
const LINES: &str = "amount,invoice_id,line number\r\n1000.25,1,1\r\n500,1,2\r\n10,2,1\r\n";

#[test]
fn csvs_with_shuffled_titles_become_oracles_files() {
    let source = files(&[("lines.csv", LINES), ("mine.csv", HEADERS)]);
    let built = try_build("ap_invoices", &source, None).unwrap();
    let group = digits_of("call-1");
    let zip = unzip(&built);
    assert_eq!(zip[0].0, "ApInvoicesInterface.csv");
    assert_eq!(
        zip[0].1,
        format!(
            "1,,Manual,A-1,1500.25,2026/01/31,Acme,,,,,\"say \"\"hi\"\", then go\",{group}\n2,,Manual,A-2,10,2026/02/01,Acme,,,,,,{group}\n"
        )
    );
    assert_eq!(zip[1].0, "ApInvoiceLinesInterface.csv");
    assert_eq!(zip[1].1, "1,1,ITEM,1000.25\n1,2,ITEM,500\n2,1,ITEM,10\n");
    assert_eq!(found(&built), []);
    assert_eq!(built.counts, [("ApInvoicesInterface.csv", 2), ("ApInvoiceLinesInterface.csv", 3)]);
    assert_eq!(built.parameter_list, format!("#NULL,1,N,#NULL,#NULL,#NULL,1000,Manual,{group},N,Y,2,#NULL,1"));
    assert!(built.file_name.starts_with(&file_prefix("call-1")));
    let repaired = built.findings.iter().find(|finding| finding.code == "date_repaired").unwrap();
    assert_eq!(repaired.message, "\"31.01.2026\" is sent as 2026/01/31 (and 1 more row)");
}

#[test]
fn nested_records_become_two_files_that_hang_together() {
    let rows = r#"[{"InvoiceNumber":"A-1","INVOICE_AMOUNT":12.50,"vendor_num":"7","Source":"S","lines":[{"Amount":"12.50","LineNumber":1}]},
        {"InvoiceNumber":"A-2","INVOICE_AMOUNT":5,"INVOICE_ID":"77","Source":"S","invoiceLines":[{"Amount":2},{"Amount":3}]}]"#;
    let built = try_build("ap_invoices", &Source::Rows(rows), None).unwrap();
    assert_eq!(found(&built), []);
    let zip = unzip(&built);
    let made = format!("{}0000001", build::key_prefix("call-1"));
    assert_eq!(zip[1].1, format!("{made},1,ITEM,12.50\n77,,ITEM,2\n77,,ITEM,3\n"));
    assert!(zip[0].1.starts_with(&format!("{made},,S,A-1,12.50,,,7,")));
}

#[test]
fn every_fault_of_a_row_is_told_with_its_place() {
    let heads = "INVOICE_ID,INVOICE_NUM,INVOICE_AMOUNT,INVOICE_DATE,VENDOR_NUM,SOURCE,GROUP_ID\n\
        1,A,10,2026/01/01,V,S,G\n2,A,10,31/01/26,V,S,G\n3,B,\"1,500\",2026/01/01,V,S,H\n4,C,7,2026/01/01,V,T,G\n4,,7,,V,S,G\n5,E,7,,V,,\n";
    let lines = "INVOICE_ID,AMOUNT\n1,10\n2,9\n3,1\n4,14\n9,1\n";
    let built = try_build(
        "ap_invoices",
        &files(&[("ApInvoicesInterface.csv", heads), ("ApInvoiceLinesInterface.csv", lines)]),
        None,
    )
    .unwrap();
    assert!(built.is_refused());
    let mut codes = found(&built);
    codes.sort_unstable();
    let refuse = |code, row| (Severity::Refuse, code, Some(row));
    let mut wanted = vec![
        refuse("not_a_date", 3),
        refuse("sum_differs", 3),
        refuse("duplicate_number", 3),
        refuse("not_a_number", 4),
        refuse("group_differs", 4),
        refuse("source_differs", 5),
        refuse("value_missing", 6),
        refuse("key_twice", 6),
        refuse("parent_missing", 6),
        refuse("sum_differs", 5),
        (Severity::Warn, "no_lines", Some(7)),
    ];
    wanted.sort_unstable();
    assert_eq!(codes, wanted);
    assert_eq!(built.group_id.as_deref(), Some("G"));
    let orphan = built.findings.iter().find(|finding| finding.code == "parent_missing").unwrap();
    assert_eq!((orphan.file.as_str(), orphan.row), ("ApInvoiceLinesInterface.csv", Some(6)));
    assert_eq!(orphan.message, "No row of ApInvoicesInterface.csv has the INVOICE_ID 9.");
    let named = [("my heads.csv", heads), ("ApInvoiceLinesInterface.csv", lines)];
    let built = try_build("ap_invoices", &files(&named), None).unwrap();
    assert!(built.findings.iter().any(|one| one.message == "No row of my heads.csv has the INVOICE_ID 9."));
}

#[test]
fn journals_that_do_not_balance_are_told_by_group_currency_and_date() {
    let text = "Accounting Date,Journal Source,Journal Category,Currency,Ledger ID,Entered Debit,Entered Credit,Creation Date\n\
        2026/01/31,Manual,Adj,USD,1,0.10,,20260131\n2026/01/31,Manual,Adj,USD,1,0.20,,20260131\n2026/01/31,Manual,Adj,USD,1,,0.3,20260131\n\
        2026/01/31,Manual,Adj,EUR,1,5,,20260131\n2026-01-31,Manual,Adj,EUR,1,,4.99,20260131\n2026/01/31,Manual,Adj,STAT,1,9,,20260131\n";
    let built = try_build("gl_journals", &files(&[("j.csv", text)]), None).unwrap();
    assert_eq!(found(&built), [(Severity::Refuse, "unbalanced", Some(5))]);
    let told = &built.findings.iter().find(|finding| finding.code == "unbalanced").unwrap().message;
    assert!(told.contains("currency EUR, date 2026/01/31, debits are 0.01 more than credits"), "{told}");
    assert!(unzip(&built)[0].1.starts_with("NEW,1,2026/01/31,Manual,Adj,USD,2026/01/31,A,"));
}

#[test]
fn sums_with_a_member_that_cannot_be_read_are_not_judged_and_sides_of_journal_lines_are() {
    let head = "Creation Date,Accounting Date,Journal Source,Journal Category,Currency,Ledger ID,Entered Debit,Entered Credit\n";
    let of = |lines: &str| {
        let text: String =
            lines.split(';').map(|line| format!("2026/01/31,2026/01/31,Manual,Adj,USD,1,{line}\n")).collect();
        found(&try_build("gl_journals", &files(&[("j.csv", &format!("{head}{text}"))]), None).unwrap())
    };
    assert_eq!(of("\"1,500\",;,1500"), [(Severity::Refuse, "not_a_number", Some(2))]);
    assert_eq!(of("1234567890123456789012345678,;,5"), [(Severity::Warn, "number_too_long", Some(2))]);
    assert_eq!(of("12345678901234567890123456.123456789012,;,12345678901234567890123456.123456789012"), []);
    assert_eq!(
        of("99999999999999999999999999,;,99999999999999999999999998"),
        [(Severity::Refuse, "unbalanced", Some(2))]
    );
    assert_eq!(of("5,5;,"), [(Severity::Warn, "two_amounts", Some(2)), (Severity::Warn, "no_amount", Some(3))]);
    assert_eq!(of("0,5;5,0").len(), 2);
}

#[test]
fn a_point_before_three_digits_is_refused_where_others_have_decimal_commas() {
    let of = |object: &str, head: &str, lines: &str| {
        let text = format!("{head}\n{}\n", lines.replace(' ', "\n"));
        let built = try_build(object, &files(&[("ApInvoiceLinesInterface.csv", &text)]), None).unwrap();
        let codes = found(&built).into_iter().filter(|(_, code, _)| *code == "not_a_number");
        codes.map(|(severity, _, row)| (severity, row)).collect::<Vec<_>>()
    };
    let lines = |lines: &str| of("ap_invoices", "INVOICE_ID,AMOUNT,QUANTITY_INVOICED", lines);
    let refused = |row| vec![(Severity::Refuse, Some(row))];
    assert_eq!(lines("1,\"1.500,25\", 1,1.500, 1,-2.500,"), refused(3));
    assert_eq!(lines("1,7, 1,1.500, 1,\"0,5\","), refused(3));
    assert_eq!(lines("1,1.234.567, 1,(1.500),"), refused(3));
    // Another column shows nothing, but with semicolons.
    assert_eq!(lines("1,1.500,\"0,5\""), []);
    assert_eq!(of("ap_invoices", "INVOICE_ID;AMOUNT;QUANTITY_INVOICED", "1;1.500;0,5"), refused(2));
    assert_eq!(lines("1,1.500, 1,\"1,500.25\", 1,\"1,234,567\","), []);
    assert_eq!(lines("1,\"0,5\", 1,0.125, 1,1.50, 1,1500.125,"), []);
}

#[test]
fn what_the_database_would_refuse_is_refused_before() {
    let rows = r#"[{"AccountingDate":"2026-01-31","Source":"Manual","Category":"Adj","Currency":"USD","LEDGER_ID":"US Ledger","Debit":0}]"#;
    let built = try_build("gl_journals", &Source::Rows(rows), None).unwrap();
    let told = |built: &Built| {
        let refused = built.findings.iter().filter(|one| one.severity == Severity::Refuse);
        refused.map(|one| (one.code, one.column.clone().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(told(&built), [("not_a_number", "LEDGER_ID".to_owned()), ("value_missing", "DATE_CREATED".to_owned())]);
    let rows = r#"[{"INVOICE_ID":"A1","INVOICE_NUM":"A","INVOICE_AMOUNT":1,"VENDOR_NUM":"7","SOURCE":"S","lines":[{"AMOUNT":1}]}]"#;
    let built = try_build("ap_invoices", &Source::Rows(rows), None).unwrap();
    assert_eq!(told(&built), vec![("not_a_number", "INVOICE_ID".to_owned()); 2]);
}

#[test]
fn parameters_that_ask_for_other_rows_are_told() {
    let rows = r#"[{"AccountingDate":"2026-01-31","DateCreated":"2026-01-31","Source":"Manual","Category":"Adj","Currency":"USD","LedgerId":7,
        "lines":[{"SEGMENT1":"101","Debit":5},{"SEGMENT1":"102","Credit":5}]}]"#;
    let of = |named: &[(&str, &str)]| {
        let parameters = named.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let options = Options { call_id: "c", group_id: Some("G"), parameters: &parameters, lent: None };
        let built = build(object("gl_journals").unwrap(), &Source::Rows(rows), &options, &NoUrls).unwrap();
        (found_codes(&built), built.is_refused())
    };
    let list = |list: &str| of(&[("parameter_list", list)]);
    let ledger = |id: &str| of(&[("data_access_set_id", "1"), ("ledger_id", id)]);
    assert_eq!(ledger("7"), (vec![], false));
    assert_eq!(ledger("8"), (vec!["ledger_differs", "ledger_differs"], false));
    assert_eq!(list("1,Manual,7,G,N,N,N"), (vec![], false));
    assert_eq!(list("1,300,7,ALL,N,N,N"), (vec![], false));
    assert_eq!(list("1,Manual,8,#NULL,N,N,N"), (vec!["ledger_differs", "ledger_differs", "parameters_differ"], false));
    assert_eq!(list("1,Other,7,G,N,N,N"), (vec!["source_differs", "source_differs"], true));
    assert_eq!(list("1,Manual,7,H,N,N,N"), (vec!["parameters_differ"], true));
}

#[test]
fn true_is_no_amount_and_is_refused_as_it_was_written() {
    let rows = r#"[{"INVOICE_NUM":"A","INVOICE_AMOUNT":true,"VENDOR_NUM":"7","SOURCE":"S","lines":[{"AMOUNT":1}]}]"#;
    let built = try_build("ap_invoices", &Source::Rows(rows), None).unwrap();
    assert_eq!(found(&built), [(Severity::Refuse, "not_a_number", Some(1))]);
    assert!(built.findings[0].message.contains("\"true\""), "{}", built.findings[0].message);
}

#[test]
fn a_record_of_another_load_is_not_taken_for_a_row_of_this_one() {
    let none = BTreeMap::new();
    let options = Options { call_id: "call-1", group_id: None, parameters: &none, lent: None };
    let rows = Source::Rows(r#"[{"VENDOR_NAME":"Acme"},{"VENDOR_NAME":"Brass"},{"VENDOR_NAME":"Acme"}]"#);
    let report = "Load Request | Record | Supplier | Attribute | Value | Reason\n\
        5 | 3 | Acme | VENDOR_NAME | Acme | There already. (POZ-2130479)\n4 | 1 | Copper | VENDOR_NAME | Copper | There already. (POZ-2130479)\n\
        5 | 2 | Brass | VENDOR_NAME | Brass | It isn't valid.\n";
    let mut told = crate::fusion::report::Found::default();
    crate::fusion::report::texts::read("report.txt", &mut report.as_bytes(), &mut told).unwrap();
    let wanted: Vec<Wanted> = told.rejections.iter().filter_map(|one| one.wanted()).collect();
    let found = seek("suppliers", &rows, &options, &wanted);
    let rows: Vec<Option<u64>> = found.iter().map(|row| row.as_ref().map(|row| row.row)).collect();
    assert_eq!(rows, [Some(3), None, Some(2)]);
}

#[test]
fn keys_are_numbers_and_hang_together_as_the_pod_reads_them() {
    let build = |heads: &str, lines: &str| {
        let heads = format!(
            "INVOICE_ID,SOURCE,INVOICE_NUM,INVOICE_AMOUNT,VENDOR_NUM,INVOICE_CURRENCY_CODE,INVOICE_DATE,OPERATING_UNIT,VENDOR_SITE_CODE\n{heads}"
        );
        let lines = format!("INVOICE_ID,LINE_NUMBER,LINE_TYPE_LOOKUP_CODE,AMOUNT\n{lines}");
        let source = files(&[("ApInvoicesInterface.csv", &heads), ("ApInvoiceLinesInterface.csv", &lines)]);
        found(&try_build("ap_invoices", &source, None).unwrap())
    };
    let head = |id: &str, number: &str| format!("{id},S,{number},10,7,USD,2026/01/31,V,M\n");
    let refused = |found: Vec<(Severity, &'static str, Option<u64>)>| {
        found.into_iter().filter(|one| one.0 == Severity::Refuse).map(|one| (one.1, one.2)).collect::<Vec<_>>()
    };
    let twice = build(&(head("01", "A") + &head("1.0", "B")), "1,1,ITEM,10\n");
    assert!(!refused(twice.clone()).is_empty(), "{twice:?}");
    assert_eq!(refused(build(&head("007", "A"), "7.0,1,ITEM,10\n")), []);
}

#[test]
fn line_numbers_that_come_twice_in_an_invoice_are_refused() {
    let rows = r#"[{"INVOICE_NUM":"A","INVOICE_AMOUNT":6,"VENDOR_NUM":"7","SOURCE":"S",
        "lines":[{"LINE_NUMBER":1,"AMOUNT":1},{"LINE_NUMBER":2,"AMOUNT":2},{"LINE_NUMBER":"1.0","AMOUNT":3}]},
        {"INVOICE_NUM":"B","INVOICE_AMOUNT":1,"VENDOR_NUM":"7","SOURCE":"S","lines":[{"LINE_NUMBER":1,"AMOUNT":1}]}]"#;
    let built = try_build("ap_invoices", &Source::Rows(rows), None).unwrap();
    assert_eq!(found(&built), [(Severity::Refuse, "duplicate_line", Some(1))]);
    assert_eq!(built.findings[0].pointer.as_deref(), Some("/0/lines/2/LINE_NUMBER"));
}

#[test]
fn journal_lines_take_what_their_journal_has_in_common() {
    let rows = r#"[{"AccountingDate":"2026-01-31","DateCreated":"2026-01-31","Source":"Manual","Category":"Adj","Currency":"USD","Ledger":"L",
        "lines":[{"SEGMENT1":"101","Debit":5},{"SEGMENT1":"102","Credit":5}]}]"#;
    let built = try_build("gl_journals", &Source::Rows(rows), None).unwrap();
    assert_eq!(found(&built), []);
    assert_eq!(unzip(&built)[0].1.lines().count(), 2);
    assert_eq!(built.counts, [("GlInterface.csv", 2)]);
}

#[test]
fn orders_nest_four_deep() {
    let rows = r#"[{"DOCUMENT_NUM":"PO1","lines":[{"LINE_NUM":1,"schedules":[{"SHIPMENT_NUM":1,"distributions":[{"DISTRIBUTION_NUM":1},{"DISTRIBUTION_NUM":2}]}]}]}]"#;
    let built = try_build("purchase_orders", &Source::Rows(rows), None).unwrap();
    assert_eq!(found(&built), []);
    let counts: Vec<u64> = built.counts.iter().map(|(_, count)| *count).collect();
    assert_eq!(counts, [1, 1, 1, 2]);
    assert_eq!(built.warnings[0].code, "untested_layout");
}

#[test]
fn ready_files_and_zips_are_taken_as_they_are() {
    let ready = "\"7\",\"BU\",\"S\",\"A\",\"5\",\"2026/01/01\",\"\",\"V\",,,,,\"G\",END\n";
    let header = files(&[("ApInvoicesInterface.csv", ready), ("apinvoicelinesinterface.csv", "7,1,ITEM,5\n")]);
    let built = try_build("ap_invoices", &header, None).unwrap();
    assert_eq!(found(&built), []);
    let mut bytes = Vec::new();
    built.archive.base64_reader().unwrap().read_to_end(&mut bytes).unwrap();
    let zip =
        InputFile { name: "ready.zip".into(), content: Content::Base64(String::from_utf8(bytes).unwrap().into()) };
    let again = try_build("ap_invoices", &Source::Zip(zip), None).unwrap();
    assert_eq!(unzip(&again), unzip(&built));
    assert_eq!(found(&again), []);
}

#[test]
fn a_header_row_is_never_loaded_as_data() {
    let of = |name: &str, text: &str| try_build("suppliers", &files(&[(name, text)]), None);
    for name in ["mine.csv", "PozSuppliersInt.csv"] {
        let built = of(name, "Supplier,Number,Kind\nAcme,7,Corporation\n").unwrap();
        assert!(found(&built).contains(&(Severity::Refuse, "unknown_column", Some(1))), "{name}");
        for (text, told) in [
            ("sep=;\nVendor Name;Alias\nAcme;A\n", "(sep=)"),
            ("Suppliers of March\n\nVendor Name,Alias\nAcme,A\n", "row 3"),
            ("Suppliers, new,,\nVendor Name,Alias,,\nAcme,A,,\n", "row 2"),
        ] {
            let failure = of(name, text).unwrap_err();
            assert!(failure.problem.message.contains(told), "{name} {}", failure.problem.message);
        }
    }
    assert!(of("mine.csv", "CREATE,Acme,,7\n").unwrap_err().problem.remedy.unwrap().contains("PozSuppliersInt.csv"));
    assert!(!of("PozSuppliersInt.csv", "CREATE,Acme,,7\n").unwrap().is_refused());
}

#[test]
fn rows_whose_columns_are_all_unknown_are_no_load_without_rows() {
    let built = try_build("suppliers", &Source::Rows(r#"[{"foo":1}]"#), None).unwrap();
    assert_eq!(found(&built), [(Severity::Refuse, "unknown_column", Some(1))]);
    assert!(
        try_build("suppliers", &Source::Rows("[{}]"), None).unwrap_err().problem.fields[0].message.contains("no row")
    );
}

#[test]
fn a_backslash_and_an_n_are_told_since_the_loader_makes_a_line_end_of_them() {
    let text = "Vendor Name,Alias\nAcme,C:\\new\nBrass,C:\\old\n\"Cop,per\",\\n\n";
    let built = try_build("suppliers", &files(&[("s.csv", text)]), None).unwrap();
    assert_eq!(found(&built), [2, 4].map(|row| (Severity::Warn, "line_end_read", Some(row))));
    let rows = Source::Rows(r#"[{"VENDOR_NAME":"Two\nlines","ALIAS":"C:\\new"}]"#);
    let built = try_build("suppliers", &rows, None).unwrap();
    assert_eq!(found(&built), [(Severity::Warn, "line_end_read", Some(1))]);
}

#[test]
fn what_was_repaired_of_a_file_as_a_whole_is_told() {
    let told = |text: &str| {
        let built = try_build("suppliers", &files(&[("PozSuppliersInt.csv", text)]), None).unwrap();
        assert!(built.findings.iter().all(|one| one.severity == Severity::Repaired));
        built.findings.iter().map(|one| one.code).collect::<Vec<_>>()
    };
    assert!(told("Vendor Name,Alias\nAcme,A\n").iter().all(|code| *code == "group_filled"));
    let all = told("\u{feff}Vendor Name;Alias\r\nAcme;A\r\n");
    for code in ["delimiter_repaired", "byte_order_mark", "line_ends_repaired"] {
        assert!(all.contains(&code), "{all:?}");
    }
    assert!(told("Vendor Name\tAlias\nAcme\tA\n").contains(&"delimiter_repaired"));
}

#[test]
fn lines_that_are_no_list_are_told_as_that() {
    for lines in ["\"x\"", "{\"AMOUNT\":1}"] {
        let rows =
            format!(r#"[{{"INVOICE_NUM":"A","INVOICE_AMOUNT":1,"VENDOR_NUM":"7","SOURCE":"S","lines":{lines}}}]"#);
        let built = try_build("ap_invoices", &Source::Rows(&rows), None).unwrap();
        assert_eq!(found(&built)[0], (Severity::Refuse, "not_a_list", Some(1)));
    }
}

#[test]
fn what_a_desktop_puts_into_a_zip_is_left_out() {
    let mut zip = tabular::zip::Writer::new(archive::Sink::new(None, "mac"));
    for (name, text) in [
        ("ApInvoicesInterface.csv", "7,BU,S,A,5,2026/01/01,,V,,,,,G\n"),
        ("__MACOSX/._ApInvoicesInterface.csv", "\0\u{5}\u{16}\u{7}"),
        ("._ApInvoiceLinesInterface.csv", "\0\u{5}"),
        (".DS_Store", "\0"),
        ("Thumbs.db", "\0"),
        ("ApInvoiceLinesInterface.csv", "7,1,ITEM,5\n"),
    ] {
        zip.begin(name).unwrap();
        zip.write(text.as_bytes()).unwrap();
        zip.end().unwrap();
    }
    let mut text = String::new();
    zip.finish().unwrap().finish().unwrap().base64_reader().unwrap().read_to_string(&mut text).unwrap();
    let zip = InputFile { name: "mac.zip".into(), content: Content::Base64(text.into()) };
    let built = try_build("ap_invoices", &Source::Zip(zip), None).unwrap();
    assert_eq!(found(&built), [(Severity::Warn, "file_left_out", None); 4]);
    assert_eq!(unzip(&built).len(), 2);
}

#[test]
fn what_is_no_csv_or_broken_is_refused_with_its_place() {
    for (text, told) in [
        ("PK\u{3}\u{4}xx", "spreadsheet"),
        ("INVOICE_ID,INVOICE_NUM\n1,\"A\n2,B\n", "line 2, column 3"),
        ("INVOICE_ID,INVOICE_NUM\n1,\"A\"x\n", "line 2, column 6"),
        ("{\"a\":1}", "JSON"),
    ] {
        let failure = try_build("ap_invoices", &files(&[("ApInvoicesInterface.csv", text)]), None).unwrap_err();
        assert!(failure.problem.message.contains(told), "{}", failure.problem.message);
    }
    let nothing = try_build("ap_invoices", &files(&[("ApInvoicesInterface.csv", "INVOICE_ID,INVOICE_NUM\n\n")]), None);
    assert!(nothing.unwrap_err().problem.message.contains("no row"));
    assert!(try_build("ap_invoices", &Source::Rows("[]"), None).unwrap_err().problem.message.contains("no row"));
    assert!(try_build("ap_invoices", &Source::Rows("7"), None).is_err());
    let unnamed = try_build("ap_invoices", &files(&[("x.csv", "1,2,3\n")]), None).unwrap_err();
    assert!(unnamed.problem.message.contains("neither its name nor a header row"));
    let columns = try_build(
        "ap_invoices",
        &files(&[("ApInvoicesInterface.csv", "INVOICE_ID,INVOICE_NUM,Colour\n1,2,red\n")]),
        None,
    )
    .unwrap();
    assert_eq!(found(&columns)[0], (Severity::Refuse, "unknown_column", Some(1)));
}

#[test]
fn latin_1_is_read_and_told_and_a_mixture_is_refused() {
    let with = |bytes: &[u8]| InputFile {
        name: "PozSuppliersInt.csv".into(),
        content: Content::Base64({
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(bytes).into()
        }),
    };
    let built =
        try_build("suppliers", &Source::Files(vec![with(b"Supplier Name,Alias\nM\xfcller,\x80\n")]), None).unwrap();
    assert_eq!(unzip(&built)[0].1, "CREATE,Müller,,,,,,,,,€\n");
    assert!(built.findings.iter().any(|finding| finding.code == "not_utf8"));
    let mixed = b"Supplier Name,Alias\nM\xc3\xbcller,x\nM\xfcller,x\n";
    let failure = try_build("suppliers", &Source::Files(vec![with(mixed)]), None).unwrap_err();
    assert!(failure.problem.message.contains("line 3, column 2"), "{}", failure.problem.message);
    let mixed = b"Supplier Name,Alias\nM\xfcller,x\nM\xc3\xbcller,x\n";
    let failure = try_build("suppliers", &Source::Files(vec![with(mixed)]), None).unwrap_err();
    assert!(failure.problem.message.contains("line 3 is UTF-8"), "{}", failure.problem.message);
}

#[test]
fn paths_stay_inside_the_lent_directory() {
    let lent = std::env::temp_dir().join(format!("fbdi-lent-{}", std::process::id()));
    std::fs::create_dir_all(&lent).unwrap();
    std::fs::write(lent.join("s.csv"), "Supplier Name\nAcme\n").unwrap();
    let at = |path: &'static str| {
        Source::Files(vec![InputFile { name: "s.csv".into(), content: Content::Path(path.into()) }])
    };
    assert_eq!(try_build("suppliers", &at("s.csv"), Some(&lent)).unwrap().counts, [("PozSuppliersInt.csv", 1)]);
    for path in ["../s.csv", "/etc/passwd", "nothing.csv"] {
        assert!(try_build("suppliers", &at(path), Some(&lent)).is_err(), "{path}");
    }
    assert!(try_build("suppliers", &at("s.csv"), None).is_err());
    std::fs::remove_dir_all(&lent).unwrap();
}

fn seek(of: &str, source: &Source<'_>, options: &Options<'_>, wanted: &[Wanted]) -> Vec<Option<InputRow>> {
    let object = object(of).unwrap();
    let wanted: Vec<Option<Wanted>> = wanted.iter().cloned().map(Some).collect();
    locate(object, source, options, &NoUrls, &wanted, Sought::new(object)).unwrap().rows
}

#[test]
fn rows_are_found_again_by_what_the_pod_says_of_them() {
    let source = files(&[("lines.csv", LINES), ("mine.csv", HEADERS)]);
    let none = BTreeMap::new();
    let options = Options { call_id: "call-1", group_id: None, parameters: &none, lent: None };
    let wanted = |table: &str, keys: &[(&str, &str)], line| Wanted {
        table: (!table.is_empty()).then(|| table.to_owned()),
        keys: keys.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        line,
        nth: 0,
    };
    let list = [
        wanted("", &[("INVOICE_NUM", "A-2"), ("VENDOR_NAME", "Acme")], None),
        wanted("AP_INVOICE_LINES_INTERFACE", &[("INVOICE_ID", "1"), ("LINE_NUMBER", "2")], None),
        wanted("ApInvoicesInterface.csv", &[("INVOICE_AMOUNT", "1500.250"), ("InvoiceDate", "2026-01-31")], None),
        wanted("ApInvoiceLinesInterface.csv", &[], Some(3)),
        wanted("", &[("INVOICE_NUM", "A-9")], None),
        Wanted { nth: 1, ..wanted("ApInvoiceLinesInterface.csv", &[("INVOICE_ID", "1")], None) },
    ];
    let found = seek("ap_invoices", &source, &options, &list);
    let told: Vec<Option<(&str, u64)>> =
        found.iter().map(|row| row.as_ref().map(|row| (row.file.as_str(), row.row))).collect();
    assert_eq!(
        told,
        [
            Some(("mine.csv", 3)),
            Some(("lines.csv", 3)),
            Some(("mine.csv", 2)),
            Some(("lines.csv", 4)),
            None,
            Some(("lines.csv", 3))
        ]
    );

    let rejected =
        rejected_csv(object("ap_invoices").unwrap(), &source, &options, &NoUrls, &found[1].iter().collect()).unwrap();
    let text = |at: usize| match &rejected[at].content {
        RejectedContent::Text(text) => text.clone(),
        RejectedContent::Path(_) => panic!("aside"),
    };
    assert_eq!((rejected[0].name.as_str(), rejected[1].name.as_str()), ("mine.csv", "lines.csv"));
    // The rows that were rejected stand on the pod under their own ids.
    let id = format!("{}0000001", build::key_prefix("call-1 rejected"));
    assert_eq!(
        text(0),
        format!(
            "Invoice Amount,Invoice Number,Supplier,INVOICE_ID,Source,Invoice Date,Description\n\"1.500,25\",A-1,Acme,{id},Manual,31.01.2026,\"say \"\"hi\"\", then go\"\n"
        )
    );
    assert_eq!(text(1), format!("amount,invoice_id,line number\n1000.25,{id},1\n500,{id},2\n"));
    let (heads, lines) = (text(0), text(1));
    let again = try_build("ap_invoices", &files(&[("mine.csv", &heads), ("lines.csv", &lines)]), None).unwrap();
    assert_eq!(found_codes(&again), Vec::<&str>::new());
}

fn found_codes(built: &Built) -> Vec<&'static str> {
    found(built).into_iter().map(|(_, code, _)| code).collect()
}

#[test]
fn nested_records_are_found_again_with_their_made_keys() {
    let rows =
        r#"[{"INVOICE_NUM":"A","lines":[{"AMOUNT":1}]},{"INVOICE_NUM":"B","lines":[{"AMOUNT":1},{"AMOUNT":2}]}]"#;
    let none = BTreeMap::new();
    let options = Options { call_id: "call-1", group_id: None, parameters: &none, lent: None };
    let made = format!("{}0000002", build::key_prefix("call-1"));
    let wanted = Wanted {
        table: None,
        keys: vec![("INVOICE_ID".into(), made), ("AMOUNT".into(), "2.0".into())],
        line: None,
        nth: 0,
    };
    let source = Source::Rows(rows);
    let found = seek("ap_invoices", &source, &options, &[wanted]);
    let row = found[0].clone().unwrap();
    assert_eq!((row.row, row.pointer.as_deref()), (2, Some("/1/lines/1")));
    let rejected =
        rejected_csv(object("ap_invoices").unwrap(), &source, &options, &NoUrls, &[row].iter().collect()).unwrap();
    let RejectedContent::Text(text) = &rejected[0].content else { panic!("aside") };
    assert_eq!(text, "[{\"INVOICE_NUM\":\"B\",\"lines\":[{\"AMOUNT\":1},{\"AMOUNT\":2}]}]\n");
}

#[test]
fn what_is_wrong_at_the_far_end_is_found_when_keys_went_aside() {
    let lent = std::env::temp_dir().join(format!("fbdi-far-{}", std::process::id()));
    std::fs::create_dir_all(&lent).unwrap();
    let count = tabular::keys::MOST_HELD + 1000;
    let (mut heads, mut lines) =
        ("INVOICE_ID,INVOICE_NUM,INVOICE_AMOUNT,VENDOR_NUM,SOURCE\n".to_owned(), "INVOICE_ID,AMOUNT\n".to_owned());
    for number in 0..count {
        heads.push_str(&format!("{number},N{number},1,V,S\n"));
        lines.push_str(&format!("{number},1\n"));
    }
    heads.push_str("9000000,N0,1,V,S\n");
    lines.push_str("9000000,1\n9000001,1\n");
    let source = files(&[("ApInvoicesInterface.csv", &heads), ("ApInvoiceLinesInterface.csv", &lines)]);
    let built = try_build("ap_invoices", &source, Some(&lent)).unwrap();
    let last = u64::try_from(count).unwrap();
    let mut told = found(&built);
    told.sort_unstable();
    assert_eq!(
        told,
        [(Severity::Refuse, "duplicate_number", Some(last + 2)), (Severity::Refuse, "parent_missing", Some(last + 3))]
    );
    drop(built);
    assert_eq!(std::fs::read_dir(&lent).unwrap().count(), 0, "nothing stays in the lent directory");
    std::fs::remove_dir_all(&lent).unwrap();
    let failure = try_build("ap_invoices", &source, None).unwrap_err();
    assert_eq!(failure.kind(), ProblemKind::TooLarge);
}
