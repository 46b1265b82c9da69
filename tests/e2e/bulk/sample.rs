//! The loads of these tests: a known pair of invoice files (two good invoices, one bad) in every form that an input
//! takes, journals, and suppliers.

use serde_json::{Value, json};

/// One invoice: number of the interface row, number, amount, supplier, its number, its site, account, description.
pub type Invoice<'i> = [&'i str; 8];

const LEE: [&str; 3] = ["Lee Supplies", "1252", "Lee US1"];
const NOBODY: [&str; 3] = ["DMT DOES NOT EXIST VENDOR", "99999999", "FAKE-SITE-XYZ"];

/// The sample with its placeholders filled.
pub const INVOICES: [Invoice<'static>; 3] = [
    ["01", "RT-APINV-G1", "1500", LEE[0], LEE[1], LEE[2], "101.10.65110.110.000.000", "RT consulting services"],
    ["02", "RT-APINV-G2", "2750", LEE[0], LEE[1], LEE[2], "101.10.65110.120.000.000", "RT equipment purchase"],
    ["03", "RT-APINV-BAD1", "0", NOBODY[0], NOBODY[1], NOBODY[2], "101.10.65110.110.000.000", "BAD: zero amount line"],
];

pub const HEADERS: &str = "ApInvoicesInterface.csv";
pub const LINES: &str = "ApInvoiceLinesInterface.csv";

/// A line as a template writes it: every cell quoted, empty ones too.
fn template(width: usize, cells: &[(usize, &str)]) -> String {
    let value = |at| cells.iter().find(|(place, _)| *place == at).map_or("", |(_, value)| *value);
    (1..=width).map(|at| format!("\"{}\"", value(at))).collect::<Vec<_>>().join(",") + "\n"
}

/// The two files, ready for the loader.
pub fn ready(group: &str, invoices: &[Invoice<'_>]) -> [String; 2] {
    let header = |one: &Invoice<'_>| {
        let [id, number, amount, name, vendor, site, ..] = one;
        let (id, number) = (format!("{group}{id}"), format!("{group}{number}"));
        template(
            134,
            &[
                (1, &id),
                (2, "US1 Business Unit"),
                (3, "Manual Invoice Entry"),
                (4, &number),
                (5, amount),
                (6, "2026/07/03"),
                (7, name),
                (8, vendor),
                (9, site),
                (10, "USD"),
                (13, group),
                (14, "STANDARD"),
                (20, "Immediate"),
                (24, "2026/07/03"),
                (72, "Y"),
            ],
        )
    };
    let line = |one: &Invoice<'_>| {
        let [id, _, amount, _, _, _, account, description] = one;
        let id = format!("{group}{id}");
        let cells = [(1, id.as_str()), (2, "1"), (3, "ITEM"), (4, amount), (8, description), (22, account)];
        template(163, &[&cells[..], &[(24, "2026/07/03")]].concat())
    };
    [invoices.iter().map(header).collect(), invoices.iter().map(line).collect()]
}

/// The same with a header row, the columns in another order and by the titles of the template.
pub fn shuffled(group: &str, invoices: &[Invoice<'_>]) -> [String; 2] {
    let mut headers =
        "Supplier Site,Invoice Amount,Invoice Number,Supplier,Invoice Date,INVOICE_ID,Source,OPERATING_UNIT,\
                       Vendor Num,Group ID,INVOICE_CURRENCY_CODE,Terms Name,GL_DATE\r\n"
            .to_owned();
    let mut lines = "Description,Amount,INVOICE_ID,Line Number,DIST_CODE_CONCATENATED\r\n".to_owned();
    for [id, number, amount, name, vendor, site, account, description] in invoices {
        headers += &format!(
            "{site},{amount},{group}{number},{name},2026-07-03,{group}{id},Manual Invoice Entry,US1 Business Unit,\
             {vendor},{group},USD,Immediate,2026/07/03\r\n"
        );
        lines += &format!("{description},{amount},{group}{id},1,{account}\r\n");
    }
    [headers, lines]
}

/// The same as records with their lines.
pub fn nested(group: &str, invoices: &[Invoice<'_>]) -> Value {
    let one = |[_, number, amount, name, vendor, site, account, description]: &Invoice<'_>| {
        json!({"InvoiceNumber": format!("{group}{number}"), "INVOICE_AMOUNT": amount, "INVOICE_DATE": "2026-07-03",
            "OPERATING_UNIT": "US1 Business Unit", "SOURCE": "Manual Invoice Entry", "VENDOR_NAME": name,
            "VENDOR_NUM": vendor, "VENDOR_SITE_CODE": site, "INVOICE_CURRENCY_CODE": "USD", "TERMS_NAME": "Immediate",
            "GROUP_ID": group, "GL_DATE": "2026-07-03",
            "lines": [{"LINE_NUMBER": 1, "AMOUNT": amount, "DESCRIPTION": description, "DIST_CODE_CONCATENATED": account}]})
    };
    invoices.iter().map(one).collect()
}

/// An input of invoices with these members beside the object and its parameters.
pub fn payables(more: Value) -> Value {
    let mut input = json!({"object": "ap_invoices", "parameters": {"business_unit_id": "300000046987012",
        "ledger_id": "300000046975971", "source": "Manual Invoice Entry", "accounting_date": "2026-07-03"}});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

/// As two files of an input.
pub fn files([headers, lines]: [String; 2]) -> Value {
    json!([{"name": HEADERS, "text": headers}, {"name": LINES, "text": lines}])
}

/// The sample as ready files.
pub fn sample(group: &str) -> Value {
    payables(json!({"files": files(ready(group, &INVOICES))}))
}

/// One line of a journal; what is named overrides.
pub fn entry(group: &str, side: &str, amount: &str, more: Value) -> Value {
    let mut line = json!({"LEDGER_ID": "300000046975971", "ACCOUNTING_DATE": "2026-07-01",
        "USER_JE_SOURCE_NAME": "Spreadsheet", "USER_JE_CATEGORY_NAME": "Adjustment", "CURRENCY_CODE": "USD",
        "DATE_CREATED": "2026-07-01", "SEGMENT1": "101", "SEGMENT2": "10", "SEGMENT3": "60510", "SEGMENT4": "000",
        "SEGMENT5": "000", "SEGMENT6": "000", "REFERENCE1": format!("Accrual {group}"), "REFERENCE4": "Rent",
        "REFERENCE10": "Office", "GROUP_ID": group});
    line[side] = amount.into();
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    line
}

/// An input of journal lines.
pub fn journals(lines: &[Value]) -> Value {
    json!({"object": "gl_journals", "rows": lines, "parameters": {"data_access_set_id": "300000046975980",
        "source": "Spreadsheet", "ledger_id": "300000046975971"}})
}

/// A journal that balances.
pub fn balanced(group: &str) -> Value {
    journals(&[
        entry(group, "ENTERED_DR", "100.10", json!({})),
        entry(group, "ENTERED_CR", "100.10", json!({"SEGMENT3": "61020"})),
    ])
}
