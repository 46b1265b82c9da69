//! What an import of suppliers leaves to read: its log, and its report as text and XML. No source tells their layout;
//! each rejected row is named by its load, its record and its supplier.

use std::fmt::Write as _;

use super::Object;
use crate::fbdi::layout::Layout;
use crate::fbdi::tables::Line;
use crate::fbdi::{Import, Run, report};

/// The end of the job.
pub(super) fn answer(
    run: &Run<'_>,
    object: Object,
    layout: Option<&Layout>,
    imported: u64,
    rejected: &[Line],
) -> Import {
    let count = u64::try_from(rejected.len()).unwrap_or(0);
    let total = imported.saturating_add(count);
    let title = object.title();
    let head = format!(
        "{title}\nRequest ID: {}\n\nRows processed: {total}\nRows imported: {imported}\nRows rejected: {count}\n",
        run.request_id
    );
    let mut text = head.replacen(title, &format!("{title} Report"), 1);
    let mut xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DATA_DS>\n<LIST_G_{}>\n", object.table());
    if count > 0 {
        text.push_str("\nRejections\n\nLoad Request | Record | Supplier | Attribute | Value | Reason\n");
    }
    for line in rejected {
        let cell = |name: &str| layout.and_then(|layout| line.get(layout, name)).unwrap_or_default();
        for reason in &line.reasons {
            let (load, record, name) = (line.load, line.record, cell("VENDOR_NAME"));
            let (column, value, code) = (&reason.column, &reason.value, &reason.code);
            let _ = writeln!(text, "{load} | {record} | {name} | {column} | {value} | {code}");
            xml.push_str("<G_REJECTION>\n");
            for (tag, value) in [
                ("LOAD_REQUEST_ID", &*load.to_string()),
                ("RECORD", &*record.to_string()),
                ("VENDOR_NAME", name),
                ("ATTRIBUTE_NAME", column),
                ("ATTRIBUTE_VALUE", value),
                ("MESSAGE", code),
            ] {
                xml.push_str(&report::element(tag, value));
            }
            xml.push_str("</G_REJECTION>\n");
        }
    }
    let _ = write!(xml, "</LIST_G_{}>\n</DATA_DS>\n", object.table());
    Import {
        state: if count == 0 { "SUCCEEDED" } else { "WARNING" },
        log: head,
        outputs: vec![("report.txt".to_owned(), text.into_bytes()), ("report.xml".to_owned(), xml.into_bytes())],
        imported,
        rejected: count,
    }
}
