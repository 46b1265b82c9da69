//! Logs and reports as text and XML: totals, SQL*Loader's records, tables with reasons, the journal import's
//! sections (FACTS 3.7). What is not recognised is left.

use super::{Found, Rejection, codes};
use crate::fusion::soap::unescaped;
use crate::text::shorten;

/// Reads one file of a log zip. `payables` says that rows are invoices.
pub fn read(name: &str, bytes: &[u8], found: &mut Found) {
    let lower = name.to_lowercase();
    if lower.ends_with(".pdf") || bytes.contains(&0) {
        return;
    }
    let text = String::from_utf8_lossy(bytes);
    if lower.ends_with(".xml") || text.trim_start().starts_with("<?xml") {
        xml(&text, found);
    } else {
        totals(&text, found);
        loader(&text, found);
        tables(&text, found);
        journals(&text, found);
    }
}

/// `Invoices imported: 2` and SQL*Loader's `3 Rows successfully loaded.`
fn totals(text: &str, found: &mut Found) {
    for line in text.lines().map(str::trim) {
        if let Some(count) = line.strip_suffix(" successfully loaded.").and_then(|line| line.split(' ').next()) {
            found.loaded = count.parse::<u64>().ok().map(|count| count + found.loaded.unwrap_or(0)).or(found.loaded);
            continue;
        }
        let upper = line.to_ascii_uppercase();
        if ["ERROR:", "ERROR ", "ORA-", "WARNING:", "NO DATA", "NO ROWS"].iter().any(|start| upper.starts_with(start)) {
            found.say(line);
        }
        let Some((words, number)) = line.rsplit_once([':', '=']) else { continue };
        let Ok(number) = number.trim().trim_end_matches('.').replace(',', "").parse::<u64>() else { continue };
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
}

/// `Record 3: Rejected - Error on table AP_INVOICES_INTERFACE, column INVOICE_DATE.`, the reason below it.
fn loader(text: &str, found: &mut Found) {
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((record, rest)) = line.trim().strip_prefix("Record ").and_then(|rest| rest.split_once(": Rejected"))
        else {
            continue;
        };
        let word = |marker: &str| {
            let (_, after) = rest.split_once(marker)?;
            after.split([',', '.', ' ']).next().filter(|word| !word.is_empty()).map(str::to_owned)
        };
        let reason = lines.peek().map(|line| line.trim()).unwrap_or_default();
        let code = reason.split([':', ' ']).next().unwrap_or_default();
        let column = word("column ").map(|column| format!("{column}: ")).unwrap_or_default();
        found.reject(Rejection {
            table: word("table ").map(|table| table.trim_matches('"').to_owned()),
            line: record.trim().parse().ok(),
            key: format!("line {}", record.trim()),
            code: if code.starts_with("ORA-") { code.to_owned() } else { "NOT LOADED".to_owned() },
            message: format!("{column}{}", shorten(reason, 300)),
            ..Rejection::default()
        });
    }
}

/// Tables with bars and a column of reasons, and lines that end with a code that is known.
fn tables(text: &str, found: &mut Found) {
    let mut header: Vec<String> = Vec::new();
    for line in text.lines() {
        if !line.contains('|') {
            header.clear();
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
            continue;
        }
        let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
        if cells.iter().any(|cell| matches!(cell.to_lowercase().as_str(), "reason" | "rejection" | "error")) {
            header = cells;
            continue;
        }
        let of = |names: &[&str]| {
            let at = header.iter().position(|title| names.contains(&title.to_lowercase().as_str()))?;
            cells.get(at).filter(|cell| !cell.is_empty() && *cell != "-").cloned()
        };
        let Some(said) = of(&["reason", "rejection", "error"]) else { continue };
        let pairs = [("INVOICE_NUM", of(&["invoice number"])), ("VENDOR_NAME", of(&["supplier name"]))];
        let keys: Vec<(String, String)> = match &pairs {
            [(_, None), _] => of(&["supplier"]).map(|name| ("VENDOR_NAME".to_owned(), name)).into_iter().collect(),
            pairs => pairs.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?))).collect(),
        };
        let line = of(&["record"]).and_then(|record| record.parse().ok());
        let key = of(&["invoice number"])
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
}

/// The sections of the journal import's execution report.
fn journals(text: &str, found: &mut Found) {
    #[derive(PartialEq)]
    enum In {
        Nothing,
        Unbalanced,
        Lines,
        Key,
    }
    let mut section = In::Nothing;
    let mut header = "";
    let mut errors: Vec<(Option<u64>, String, Vec<String>)> = Vec::new();
    let mut meanings: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let bare = line.trim().trim_matches(['=', '-', '*', ' ']);
        match bare {
            "Unbalanced Journal Entries" => section = In::Unbalanced,
            "Error Lines" => section = In::Lines,
            "Error Key" => section = In::Key,
            _ if bare.is_empty() => continue,
            _ if section == In::Nothing => continue,
            _ => {
                let first = bare.split_whitespace().next().unwrap_or_default();
                match section {
                    In::Key if is_code(first) => {
                        meanings
                            .push((first.to_owned(), bare.get(first.len()..).unwrap_or_default().trim().to_owned()));
                    }
                    In::Lines => {
                        let codes: Vec<String> = line
                            .split([' ', '\t'])
                            .find(|word| !word.is_empty() && word.split(',').all(is_code))
                            .map(|word| word.split(',').map(str::to_owned).collect())
                            .unwrap_or_default();
                        if codes.is_empty() {
                            header = line;
                        } else {
                            let record = under(header, "Record", line).and_then(|text| text.parse().ok());
                            errors.push((record, shorten(bare, 200), codes));
                        }
                    }
                    In::Unbalanced => {
                        let columns = [
                            ("Group ID", "GROUP_ID"),
                            ("Currency", "CURRENCY_CODE"),
                            ("Accounting Date", "ACCOUNTING_DATE"),
                        ];
                        if columns.iter().all(|(title, _)| line.contains(title)) {
                            header = line;
                        } else {
                            let keys: Vec<(String, String)> = columns
                                .iter()
                                .filter_map(|(title, name)| Some(((*name).to_owned(), under(header, title, line)?)))
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
                    In::Key | In::Nothing => {}
                }
            }
        }
    }
    for (line, told, codes) in errors {
        for code in codes {
            let meaning = meanings.iter().find(|(known, _)| *known == code).map(|(_, meaning)| meaning.as_str());
            found.reject(Rejection {
                table: Some("GlInterface.csv".to_owned()),
                line,
                key: line.map_or_else(|| told.clone(), |line| format!("line {line}")),
                code,
                message: meaning.unwrap_or(&told).to_owned(),
                ..Rejection::default()
            });
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

/// Elements of a report's data: each code belongs to the invoice, or the record, that was told before it.
fn xml(text: &str, found: &mut Found) {
    let mut known: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((tag, inside)) = after.split_once('>') else { return };
        rest = inside;
        let Some((value, behind)) = inside.split_once('<') else { return };
        if tag.starts_with(['/', '?', '!']) || !behind.strip_prefix('/').is_some_and(|close| close.starts_with(tag)) {
            continue;
        }
        let value = unescaped(value.trim());
        match tag {
            "INVOICE_NUM" => known = vec![(tag.to_owned(), value)],
            "VENDOR_NAME" | "LINE_NUMBER" | "RECORD" | "RECORD_NUMBER" => {
                known.retain(|(name, _)| name != tag);
                known.push((tag.to_owned(), value));
            }
            "REJECT_LOOKUP_CODE" | "REJECTION_MESSAGE" | "REASON" => {
                let of = |name: &str| known.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
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
                    key: number.unwrap_or_default(),
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

    fn of(name: &str, text: &str) -> Found {
        let mut found = Found::default();
        read(name, text.as_bytes(), &mut found);
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
        assert_eq!(found.loaded, Some(2));
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
    }

    #[test]
    fn data_of_a_report_is_read() {
        let found = of(
            "a.xml",
            "<?xml version=\"1.0\"?><D><R><INVOICE_NUM>A&amp;B</INVOICE_NUM><REJECT_LOOKUP_CODE>INVALID SUPPLIER</REJECT_LOOKUP_CODE></R></D>",
        );
        assert_eq!((found.rejections[0].key.as_str(), found.rejections[0].code.as_str()), ("A&B", "INVALID SUPPLIER"));
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
