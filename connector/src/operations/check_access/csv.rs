//! The rows as CSV (RFC 4180), safe to open in a spreadsheet.

use super::report::{COLUMNS, Row};

/// Writes all rows below a header, each with the pod, the user and the time.
pub fn write(pod: &str, user: &str, checked_at: &str, rows: &[Row]) -> String {
    let mut text = "pod,user,checked_at".to_owned();
    for (column, _) in COLUMNS {
        text.push(',');
        text.push_str(column);
    }
    text.push_str("\r\n");
    let before = [pod, user, checked_at].map(cell).join(",");
    for row in rows {
        text.push_str(&before);
        for value in row.cells() {
            text.push(',');
            text.push_str(&cell(value));
        }
        text.push_str("\r\n");
    }
    text
}

/// One cell. What a spreadsheet would take for a formula gets an apostrophe.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_are_quoted_and_formulas_are_not_run() {
        for (text, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"\r\n", "\"say \"\"x\"\"\r\n\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("@cmd", "'@cmd"),
            ("-1", "'-1"),
            ("+1", "'+1"),
            ("", ""),
        ] {
            assert_eq!(cell(text), written);
        }
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_cell(text in "\\PC{0,20}|[,\"\r\n=@a]{0,20}") {
            let written = cell(&text);
            let inner = match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(inner) => inner.replace("\"\"", "\""),
                None => {
                    prop_assert!(!written.contains([',', '"', '\r', '\n']));
                    written.clone()
                }
            };
            prop_assert!(!inner.starts_with(['=', '+', '-', '@']));
            prop_assert_eq!(inner.strip_prefix('\'').filter(|_| !text.starts_with('\'')).unwrap_or(&inner), text);
        }
    }
}
