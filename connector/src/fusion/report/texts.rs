//! Logs and reports as text and XML: totals, SQL*Loader's records, tables with reasons, the journal import's
//! sections (FACTS 3.7). What is not recognised is left.

use std::io::{self, BufRead, Read as _};

use super::{Found, Rejection, codes};
use crate::fusion::soap::unescaped;
use crate::text::shorten;

/// What is taken for one line at most.
const LINE: u64 = 64 << 10;

/// Reads one file of a log zip, a line after the other: a report may name every row of the load.
///
/// # Errors
/// Those of the file.
pub fn read(name: &str, file: &mut dyn BufRead, found: &mut Found) -> io::Result<()> {
    let lower = name.to_lowercase();
    let head = file.fill_buf()?;
    if lower.ends_with(".pdf") || head.contains(&0) {
        return Ok(());
    }
    let is_xml = lower.ends_with(".xml") || head.trim_ascii_start().starts_with(b"<?xml");
    let (mut text, mut xml) = (Text::default(), Xml::default());
    let mut piece = Vec::new();
    loop {
        piece.clear();
        let end = if is_xml { b'<' } else { b'\n' };
        if (&mut *file).take(LINE).read_until(end, &mut piece)? == 0 {
            break;
        }
        let piece = String::from_utf8_lossy(&piece);
        if is_xml {
            xml.piece(piece.strip_suffix('<').unwrap_or(&piece), found);
        } else {
            text.line(piece.trim_end_matches(['\n', '\r']), found);
        }
    }
    text.line("", found);
    // What the codes mean stands behind the lines that have them.
    for one in &mut found.rejections {
        let meaning =
            text.meanings.iter().find(|(code, _)| *code == one.code && one.table.as_deref() == Some(JOURNALS));
        if let Some((_, meaning)) = meaning {
            one.message.clone_from(meaning);
        }
    }
    Ok(())
}

/// A text while it is read.
#[derive(Default)]
struct Text {
    /// The table of which it is told how many rows were loaded.
    loaded: String,
    /// What the loader rejected, whose reason is on the next line.
    refused: Option<Rejection>,
    /// Titles of the table.
    titles: Vec<String>,
    section: Section,
    /// Titles of the section.
    header: String,
    meanings: Vec<(String, String)>,
}

/// Sections of the journal import.
#[derive(Default, PartialEq)]
enum Section {
    #[default]
    Nothing,
    Unbalanced,
    Lines,
    Key,
}

/// Oracle's name of the journals' file.
const JOURNALS: &str = "GlInterface.csv";

impl Text {
    fn line(&mut self, line: &str, found: &mut Found) {
        self.totals(line.trim(), found);
        self.loader(line, found);
        self.table(line, found);
        self.journal(line, found);
    }

    /// `Invoices imported: 2` and SQL*Loader's `3 Rows successfully loaded.`
    fn totals(&mut self, line: &str, found: &mut Found) {
        if let Some(table) = line.strip_prefix("Table ").and_then(|table| table.strip_suffix(':')) {
            table.trim_matches('"').clone_into(&mut self.loaded);
        }
        if let Some(count) = line.strip_suffix(" successfully loaded.").and_then(|line| line.split(' ').next()) {
            if let Ok(count) = count.parse() {
                found.loaded.push((self.loaded.clone(), count));
            }
            return;
        }
        let upper = line.to_ascii_uppercase();
        if ["ERROR:", "ERROR ", "ORA-", "WARNING:", "NO DATA", "NO ROWS"].iter().any(|start| upper.starts_with(start)) {
            found.say(line);
        }
        let Some((words, number)) = line.rsplit_once([':', '=']) else { return };
        let Ok(number) = number.trim().trim_end_matches('.').replace(',', "").parse::<u64>() else { return };
        let words = words.trim().to_lowercase();
        if words.ends_with("imported") || words.ends_with("created") {
            found.imported = Some(found.imported.map_or(number, |known| known.max(number)));
        } else if words.ends_with("rejected") {
            found.rejected = Some(found.rejected.map_or(number, |known| known.max(number)));
        } else if (words.ends_with("selected") || words.ends_with("processed")) && number == 0 {
            found.imported = found.imported.or(Some(0));
            found.say(line);
        }
    }

    /// `Record 3: Rejected - Error on table AP_INVOICES_INTERFACE, column INVOICE_DATE.`, the reason below it.
    fn loader(&mut self, line: &str, found: &mut Found) {
        if let Some(mut refused) = self.refused.take() {
            let reason = line.trim();
            let code = reason.split([':', ' ']).next().unwrap_or_default();
            if code.starts_with("ORA-") { code } else { "NOT LOADED" }.clone_into(&mut refused.code);
            refused.message.push_str(&shorten(reason, 300));
            found.reject(refused);
        }
        let Some((record, rest)) = line.trim().strip_prefix("Record ").and_then(|rest| rest.split_once(": Rejected"))
        else {
            return;
        };
        let word = |marker: &str| {
            let (_, after) = rest.split_once(marker)?;
            after.split([',', '.', ' ']).next().filter(|word| !word.is_empty()).map(str::to_owned)
        };
        self.refused = Some(Rejection {
            table: word("table ").map(|table| table.trim_matches('"').to_owned()),
            line: record.trim().parse().ok(),
            key: format!("line {}", record.trim()),
            message: word("column ").map(|column| format!("{column}: ")).unwrap_or_default(),
            ..Rejection::default()
        });
    }

    /// Tables with bars and a column of reasons, and lines that end with a code that is known.
    fn table(&mut self, line: &str, found: &mut Found) {
        if !line.contains('|') {
            self.titles.clear();
            if let Some((code, _)) =
                codes::of(line).filter(|(code, _)| code.contains(' ') && line.trim_end().ends_with(code))
            {
                let key = line.trim_end().trim_end_matches(code).trim();
                if !key.is_empty() && !key.contains(':') {
                    found.reject(Rejection {
                        keys: vec![("INVOICE_NUM".to_owned(), key.to_owned())],
                        key: key.to_owned(),
                        code: code.to_owned(),
                        message: code.to_owned(),
                        ..Rejection::default()
                    });
                }
            }
            return;
        }
        let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
        if cells.iter().any(|cell| matches!(cell.to_lowercase().as_str(), "reason" | "rejection" | "error")) {
            self.titles = cells;
            return;
        }
        let of = |names: &[&str]| {
            let at = self.titles.iter().position(|title| names.contains(&title.to_lowercase().as_str()))?;
            cells.get(at).filter(|cell| !cell.is_empty() && *cell != "-").cloned()
        };
        let Some(said) = of(&["reason", "rejection", "error"]) else { return };
        let pairs = [("INVOICE_NUM", of(&["invoice number"])), ("VENDOR_NAME", of(&["supplier name"]))];
        let keys: Vec<(String, String)> = match &pairs {
            [(_, None), _] => of(&["supplier"]).map(|name| ("VENDOR_NAME".to_owned(), name)).into_iter().collect(),
            pairs => pairs.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?))).collect(),
        };
        let line = of(&["record"]).and_then(|record| record.parse().ok());
        let key = of(&["invoice number"])
            .map(|key| of(&["line"]).map_or_else(|| key.clone(), |line| format!("{key} line {line}")))
            .or_else(|| of(&["supplier"]))
            .or_else(|| line.map(|line: u64| format!("line {line}")));
        let code = codes::of(&said).map_or_else(|| "REJECTED".to_owned(), |(code, _)| code.to_owned());
        let value = match (of(&["attribute"]), of(&["value"])) {
            (Some(attribute), Some(value)) => format!(" ({attribute}: {value})"),
            (None, Some(value)) => format!(" ({value})"),
            _ => String::new(),
        };
        found.reject(Rejection {
            line,
            keys,
            key: key.unwrap_or_default(),
            code,
            message: said + &value,
            ..Rejection::default()
        });
    }

    /// The sections of the journal import's execution report.
    fn journal(&mut self, line: &str, found: &mut Found) {
        let bare = line.trim().trim_matches(['=', '-', '*', ' ']);
        match (bare, &self.section) {
            ("Unbalanced Journal Entries", _) => self.section = Section::Unbalanced,
            ("Error Lines", _) => self.section = Section::Lines,
            ("Error Key", _) => self.section = Section::Key,
            ("", _) | (_, Section::Nothing) => {}
            (_, Section::Key) => {
                let first = bare.split_whitespace().next().unwrap_or_default();
                if is_code(first) && self.meanings.len() < 1000 {
                    let meaning = bare.get(first.len()..).unwrap_or_default().trim();
                    self.meanings.push((first.to_owned(), meaning.to_owned()));
                }
            }
            (_, Section::Lines) => {
                let codes = line.split([' ', '\t']).find(|word| !word.is_empty() && word.split(',').all(is_code));
                let Some(codes) = codes else { return line.clone_into(&mut self.header) };
                let record: Option<u64> = under(&self.header, "Record", line).and_then(|text| text.parse().ok());
                let told = shorten(bare, 200);
                let group = word_under(&self.header, "Group ID", line).map(|group| format!(" of group {group}"));
                let ledger = ["Ledger ID", "Ledger Name", "Ledger"];
                let ledger = ledger.iter().find_map(|title| under(&self.header, title, line));
                let ledger = ledger.map(|ledger| format!(" of ledger {ledger}")).unwrap_or_default();
                let place = group.unwrap_or_default() + &ledger;
                for code in codes.split(',') {
                    found.reject(Rejection {
                        table: Some(JOURNALS.to_owned()),
                        line: record,
                        key: record.map_or_else(|| told.clone(), |line| format!("line {line}{place}")),
                        code: code.to_owned(),
                        message: told.clone(),
                        ..Rejection::default()
                    });
                }
            }
            (_, Section::Unbalanced) => {
                let columns =
                    [("Group ID", "GROUP_ID"), ("Currency", "CURRENCY_CODE"), ("Accounting Date", "ACCOUNTING_DATE")];
                if columns.iter().all(|(title, _)| line.contains(title)) {
                    return line.clone_into(&mut self.header);
                }
                let keys: Vec<(String, String)> = columns
                    .iter()
                    .filter_map(|(title, name)| Some(((*name).to_owned(), under(&self.header, title, line)?)))
                    .filter(|(_, value)| value != "-")
                    .collect();
                found.reject(Rejection {
                    key: keys.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" "),
                    keys,
                    code: "UNBALANCED".to_owned(),
                    message: shorten(bare, 200),
                    ..Rejection::default()
                });
            }
        }
    }
}

/// `EF04`: two letters and two digits.
fn is_code(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() == 4 && bytes.iter().take(2).all(u8::is_ascii_uppercase) && bytes.iter().skip(2).all(u8::is_ascii_digit)
}

/// What stands below a title, in columns of fixed width.
fn under(header: &str, title: &str, line: &str) -> Option<String> {
    let at = header.find(title)?;
    let end = header.get(at + title.len()..)?.find(|c: char| !c.is_whitespace()).map(|gap| at + title.len() + gap);
    let cell = match end {
        Some(end) => line.get(at..end.min(line.len()))?,
        None => line.get(at..)?,
    };
    Some(cell.trim().to_owned()).filter(|cell| !cell.is_empty())
}

/// The word that begins below a title, however far it reaches: ids are wider than their columns.
fn word_under(header: &str, title: &str, line: &str) -> Option<String> {
    let word = line.get(header.find(title)?..)?.split_whitespace().next()?;
    Some(word.to_owned()).filter(|word| word != "-")
}

/// Elements of a report's data: each code belongs to the invoice, or the record, that was told before it.
#[derive(Default)]
struct Xml {
    known: Vec<(String, String)>,
    /// The element that began, and its text.
    open: Option<(String, String)>,
}

impl Xml {
    /// Takes what stands between two `<`.
    fn piece(&mut self, piece: &str, found: &mut Found) {
        let open = self.open.take();
        let Some((tag, value)) = piece.split_once('>') else { return };
        match (tag.strip_prefix('/'), open) {
            (Some(close), Some((tag, value))) if close.starts_with(tag.as_str()) => {
                self.element(&tag, unescaped(value.trim()), found);
            }
            (None, _) if !tag.starts_with(['?', '!']) => self.open = Some((tag.to_owned(), value.to_owned())),
            _ => {}
        }
    }

    fn element(&mut self, tag: &str, value: String, found: &mut Found) {
        match tag {
            "INVOICE_NUM" => self.known = vec![(tag.to_owned(), value)],
            "VENDOR_NAME" | "LINE_NUMBER" | "RECORD" | "RECORD_NUMBER" => {
                self.known.retain(|(name, _)| name != tag);
                self.known.push((tag.to_owned(), value));
            }
            "REJECT_LOOKUP_CODE" | "REJECTION_MESSAGE" | "REASON" => {
                let of = |name: &str| self.known.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
                let keys =
                    ["INVOICE_NUM", "VENDOR_NAME"].iter().filter_map(|name| Some(((*name).to_owned(), of(name)?)));
                let number = of("INVOICE_NUM");
                found.reject(Rejection {
                    keys: if number.is_some() {
                        keys.filter(|(_, value)| !value.is_empty()).collect()
                    } else {
                        Vec::new()
                    },
                    line: of("RECORD").or_else(|| of("RECORD_NUMBER")).and_then(|record| record.parse().ok()),
                    key: match of("LINE_NUMBER").filter(|line| !line.is_empty()) {
                        Some(line) => format!("{} line {line}", number.unwrap_or_default()),
                        None => number.unwrap_or_default(),
                    },
                    code: codes::of(&value).map_or_else(|| value.clone(), |(code, _)| code.to_owned()),
                    message: value,
                    ..Rejection::default()
                });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fusion::erp::archive;

    fn of(name: &str, text: &str) -> Found {
        let mut found = Found::default();
        read(name, &mut text.as_bytes(), &mut found).unwrap();
        found
    }

    #[test]
    fn totals_and_lines_that_end_with_a_code_are_read() {
        let found = of(
            "1.txt",
            "Payables Import Report\nRequest 7\nInvoices imported: 2\nInvoices rejected: 1\n\nInvoice Number      Rejection\nINV 9               INVALID SUPPLIER\n",
        );
        assert_eq!((found.imported, found.rejected), (Some(2), Some(1)));
        assert_eq!(found.rejections[0].keys, [("INVOICE_NUM".to_owned(), "INV 9".to_owned())]);
        assert_eq!(of("1.log", "Rows selected: 0\n").imported, Some(0));
    }

    #[test]
    fn records_of_the_loader_are_read() {
        let found = of(
            "1.log",
            "Record 3: Rejected - Error on table AP_INVOICES_INTERFACE, column INVOICE_DATE.\nORA-01861: literal does not match format string\n\nTable AP_INVOICES_INTERFACE:\n  2 Rows successfully loaded.\n",
        );
        assert_eq!(found.loaded, [("AP_INVOICES_INTERFACE".to_owned(), 2)]);
        let one = &found.rejections[0];
        assert_eq!(
            (one.line, one.code.as_str(), one.table.as_deref()),
            (Some(3), "ORA-01861", Some("AP_INVOICES_INTERFACE"))
        );
    }

    #[test]
    fn sections_of_the_journal_import_are_read() {
        let found = of(
            "2.txt",
            "Unbalanced Journal Entries\n--------\nGroup ID         Currency  Accounting Date   Total Debits\n77               USD       2026/01/31               10\n\nError Lines\n-----------\nLoad Request  Record  Status     Group ID\n1391805       4       EF04,EP01  77\n\nError Key\n---------\nEF04  This account combination isn't valid.\nEP01  This date isn't open.\n",
        );
        assert_eq!(found.rejections.len(), 3);
        assert_eq!(found.rejections[0].keys[1], ("CURRENCY_CODE".to_owned(), "USD".to_owned()));
        assert_eq!(
            (found.rejections[1].line, found.rejections[1].message.as_str()),
            (Some(4), "This account combination isn't valid.")
        );
        assert_eq!(found.rejections[1].key, "line 4 of group 77");
        let wide = of(
            "3.txt",
            "Error Lines\n-----\nLedger Name  Record  Status  Group ID  Account\nUS Primary   4       EF04    123456789012345 101.10\n",
        );
        assert_eq!(wide.rejections[0].key, "line 4 of group 123456789012345 of ledger US Primary");
    }

    #[test]
    fn data_of_a_report_is_read() {
        let found = of(
            "a.xml",
            "<?xml version=\"1.0\"?><D><R><INVOICE_NUM>A&amp;B</INVOICE_NUM><REJECT_LOOKUP_CODE>INVALID SUPPLIER</REJECT_LOOKUP_CODE></R></D>",
        );
        assert_eq!((found.rejections[0].key.as_str(), found.rejections[0].code.as_str()), ("A&B", "INVALID SUPPLIER"));
    }

    #[test]
    fn a_report_that_names_every_row_may_be_larger_than_what_is_held() {
        let row = "<INVOICE_NUM>A-1</INVOICE_NUM>\n<VENDOR_NAME>V</VENDOR_NAME>\n";
        let report = row.repeat(450_000) + "<REJECT_LOOKUP_CODE>INVALID SUPPLIER</REJECT_LOOKUP_CODE>";
        let zip = archive::tests::zip(&[("a.xml", report.as_bytes())]);
        let mut found = Found::default();
        archive::streams(&mut std::io::Cursor::new(zip), &mut |name, file| read(name, file, &mut found)).unwrap();
        assert!(report.len() as u64 > archive::MOST && found.rejections[0].key == "A-1");
    }

    proptest! {
        #[test]
        fn nothing_traps(text in "[A-Za-z0-9 |:<>/\n.,-]{0,200}", name in "[a-z]\\.(xml|txt|log)") {
            of(&name, &text);
        }

        #[test]
        fn no_section_traps(text in "(Error Lines\n|Error Key\n|Record  |EF04 |Unbalanced Journal Entries\n|Group ID|ü|\n| ){0,30}") {
            of("a.txt", &text);
        }
    }
}
