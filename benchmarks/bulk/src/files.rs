//! Interface files as they come: all columns of the layouts, mostly empty.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use oracle_fusion::fusion::fbdi::layout::FileLayout;
use oracle_fusion::fusion::fbdi::object;

/// Invoices.
pub const HEADERS: &str = "ApInvoicesInterface.csv";
/// Their lines.
pub const LINES: &str = "ApInvoiceLinesInterface.csv";
/// Journals.
pub const JOURNALS: &str = "GlInterface.csv";

/// The same numbers every time.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

struct Csv<'l> {
    file: BufWriter<File>,
    layout: &'l FileLayout,
    written: u64,
}

impl<'l> Csv<'l> {
    fn create(lent: &Path, layout: &'l FileLayout) -> Result<Self> {
        let file = BufWriter::new(File::create(lent.join(layout.name))?);
        let mut csv = Self { file, layout, written: 0 };
        let titles: Vec<String> = layout.columns.iter().map(|column| column.name()).collect();
        csv.line(&titles.join(","))?;
        Ok(csv)
    }

    fn line(&mut self, line: &str) -> Result<()> {
        writeln!(self.file, "{line}")?;
        self.written += u64::try_from(line.len())? + 1;
        Ok(())
    }

    fn row(&mut self, cells: &[(&str, &str)]) -> Result<()> {
        let mut row = vec![""; self.layout.columns.len()];
        for (name, value) in cells {
            if let Some(place) = self.layout.position(name).and_then(|at| row.get_mut(at)) {
                *place = value;
            }
        }
        self.line(&row.join(","))
    }
}

fn amount(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Invoices with two lines each; `faulty` at the far end: the last one has the number of the first, and a line
/// belongs to none. Answers the bytes of both files.
pub fn invoices(lent: &Path, most: u64, faulty: bool) -> Result<u64> {
    let layouts = object("ap_invoices").context("there are no invoices")?.files();
    let [heads, lines] = layouts.as_slice() else { bail!("invoices have two files") };
    let (mut heads, mut lines) = (Csv::create(lent, heads)?, Csv::create(lent, lines)?);
    let mut random = Random(88_172_645_463_325_252);
    let mut id = 300_000_000_u64;
    let mut first_number: Option<(String, String)> = None;
    let mut last = false;
    while !last {
        last = heads.written + lines.written >= most;
        id += 1 + random.below(3);
        let (first, second) = (100 + random.below(900_000), 100 + random.below(90_000));
        let date = format!("2026/{:02}/{:02}", 1 + random.below(12), 1 + random.below(28));
        let mut named = (format!("INV-{id}-{}", random.below(10_000)), (10_000 + random.below(5000)).to_string());
        match &first_number {
            Some(first) if last && faulty => named.clone_from(first),
            Some(_) => {}
            None => first_number = Some(named.clone()),
        }
        heads.row(&[
            ("INVOICE_ID", &id.to_string()),
            ("OPERATING_UNIT", &format!("Vision Operations {}", random.below(4))),
            ("SOURCE", "BENCH"),
            ("INVOICE_NUM", &named.0),
            ("INVOICE_AMOUNT", &amount(first + second)),
            ("INVOICE_DATE", &date),
            ("VENDOR_NAME", &format!("Supplier {} & Sons", random.below(5000))),
            ("VENDOR_NUM", &named.1),
            ("VENDOR_SITE_CODE", &format!("SITE{}", random.below(9))),
            ("INVOICE_CURRENCY_CODE", "USD"),
            ("DESCRIPTION", &format!("Goods and services of order {}", random.below(1_000_000))),
            ("INVOICE_TYPE_LOOKUP_CODE", "STANDARD"),
            ("TERMS_NAME", "Immediate"),
            ("GL_DATE", &date),
        ])?;
        let orphan = last && faulty;
        for (number, cents, id) in
            [(1, first, id), (2, second, id), (3, 100, id + 7)].into_iter().take(2 + usize::from(orphan))
        {
            lines.row(&[
                ("INVOICE_ID", &id.to_string()),
                ("LINE_NUMBER", &number.to_string()),
                ("LINE_TYPE_LOOKUP_CODE", "ITEM"),
                ("AMOUNT", &amount(cents)),
                ("DESCRIPTION", &format!("Item {}", random.below(100_000))),
                ("DIST_CODE_CONCATENATED", &format!("101.10.{}.110.000.000", 60_000 + random.below(2000))),
                ("ACCOUNTING_DATE", &date),
            ])?;
        }
    }
    heads.file.flush()?;
    lines.file.flush()?;
    Ok(heads.written + lines.written)
}

/// Journals of two lines in some ten thousand ledgers and currencies, so that there are more groups than memory
/// holds sums of; the last one lacks a cent.
pub fn journals(lent: &Path, most: u64) -> Result<()> {
    let layouts = object("gl_journals").context("there are no journals")?.files();
    let [layout] = layouts.as_slice() else { bail!("journals have one file") };
    let mut csv = Csv::create(lent, layout)?;
    let mut random = Random(88_172_645_463_325_252);
    let mut last = false;
    while !last {
        last = csv.written >= most;
        let ledger = (300_000_000 + random.below(2000)).to_string();
        let currency =
            ["USD", "EUR", "GBP", "CHF", "SEK"].get(usize::try_from(random.below(5))?).copied().unwrap_or("USD");
        let date = format!("2026/{:02}/{:02}", 1 + random.below(12), 1 + random.below(28));
        let cents = 100 + random.below(10_000_000);
        for (debit, credit) in [(amount(cents), String::new()), (String::new(), amount(cents + u64::from(last)))] {
            let account = (60_000 + random.below(2000)).to_string();
            csv.row(&[
                ("STATUS", "NEW"),
                ("LEDGER_ID", &ledger),
                ("ACCOUNTING_DATE", &date),
                ("USER_JE_SOURCE_NAME", "Spreadsheet"),
                ("USER_JE_CATEGORY_NAME", "Adjustment"),
                ("CURRENCY_CODE", currency),
                ("DATE_CREATED", &date),
                ("ACTUAL_FLAG", "A"),
                ("SEGMENT1", "101"),
                ("SEGMENT2", "10"),
                ("SEGMENT3", &account),
                ("SEGMENT4", "110"),
                ("ENTERED_DR", &debit),
                ("ENTERED_CR", &credit),
                ("REFERENCE4", &format!("Journal {}", random.below(100_000))),
                ("REFERENCE10", &format!("Line of account {account}")),
            ])?;
        }
    }
    csv.file.flush()?;
    Ok(())
}
