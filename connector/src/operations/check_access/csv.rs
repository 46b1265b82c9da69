//! The rows as CSV (RFC 4180), safe to open in a spreadsheet.

use super::report::{COLUMNS, Change, Row, Warned};

/// Writes rows, then changes and warnings, below a header; each line says what it is, for which pod and user,
/// and of what time.
pub fn write(pod: &str, user: &str, checked_at: &str, rows: &[Row], changes: &[Change], warnings: &[Warned]) -> String {
    let mut text = "pod,user,checked_at,line".to_owned();
    for (column, _) in COLUMNS {
        text.push(',');
        text.push_str(column);
    }
    text.push_str("\r\n");
    let before = [pod, user, checked_at].map(cell).join(",");
    let mut line = |kind: &str, of: &dyn Fn(&str) -> String| {
        text.push_str(&before);
        text.push(',');
        text.push_str(kind);
        for (column, _) in COLUMNS {
            text.push(',');
            text.push_str(&cell(&of(column)));
        }
        text.push_str("\r\n");
    };
    for row in rows {
        let cells = row.cells();
        line("right", &|column| {
            let named = COLUMNS.iter().zip(cells).find(|((name, _), _)| *name == column);
            named.map_or(String::new(), |(_, cell)| cell.to_owned())
        });
    }
    for change in changes {
        line("change", &|column| match column {
            "resource" => change.resource.clone().or_else(|| change.role.clone()).unwrap_or_default(),
            "right" => change.right.unwrap_or_default().to_owned(),
            "status" => change.kind.to_owned(),
            "cause" => change.message.clone(),
            "evidence" => format!("before: {}; now: {}", change.before, change.now),
            _ => String::new(),
        });
    }
    for warning in warnings {
        line("warning", &|column| match column {
            "resource" => warning.key.clone().unwrap_or_default(),
            "status" => warning.code.to_owned(),
            "cause" => warning.message.clone(),
            _ => String::new(),
        });
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
