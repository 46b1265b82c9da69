//! `--ndjson`: one record a line, cursor after cursor, with one answer in memory at a time.

use host_harness::contract::actions::Outcome;
use host_harness::exact::{Exact, parse_json};
use host_harness::follow::line::one_line;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::component::Use;
use crate::ending::{Ending, Exit};
use crate::run::{print as print_outcome, to_the_end, warn};
use crate::say;
use crate::site::Site;

/// Call ids have 64 characters at most; this leaves room for the number of a page.
const LONGEST_BASE: usize = 56;

/// A page of records.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    result: Vec<&'a RawValue>,
    #[serde(default)]
    next_cursor: Option<String>,
    #[serde(borrow, default)]
    warnings: Option<&'a RawValue>,
}

/// Prints every record of an action that pages.
///
/// # Errors
/// An [`Ending`]: 2 where the action does not page, else that of the call that failed. What was printed until
/// then stays valid, and the cursor to go on from is told.
pub async fn print(site: &mut Site, action: &str, input: &str, follow: bool) -> Result<(), Ending> {
    if !site.component.operation(action, Use::Action)?.paged {
        return Err(Ending::usage(
            format!("{action} does not page, so there is nothing to follow"),
            "Leave out --ndjson.",
        ));
    }
    let mut input = Place { input: input.to_owned(), printed: false };
    let base: String = site.call_id.chars().take(LONGEST_BASE).collect();
    let mut number: u64 = 1;
    loop {
        // Another page is another call.
        let id = if number == 1 { site.call_id.clone() } else { format!("{base}-{number}") };
        let output = match to_the_end(site, &id, action, &input.input, None, follow).await? {
            Outcome::Done(output) => output,
            pending => return print_outcome(site, action, pending),
        };
        // The rows are most of it, and nothing in them is needed; a parser reads what stands around them.
        let cut = json_rows::cut_json(&output, "result");
        let around = cut.as_ref().map_or(output.as_str(), |cut| cut.rest.as_str());
        let page: Page<'_> = serde_json::from_str(around).map_err(|error| {
            let message = format!("{action} answered no page of records: {error}");
            Ending::told(Exit::Broken, "internal", message, Some("This is a defect of the component."))
        })?;
        input.printed = false;
        say::lines(page.result.iter().map(|record| one_line(record.get())))?;
        let (cursor, warnings) = (page.next_cursor, page.warnings.map(RawValue::to_owned));
        if let Some(cut) = cut {
            say::rows(output, &cut)?;
        }
        if let Some(warnings) = warnings {
            warn(warnings.get());
        }
        input.printed = cursor.is_some();
        let Some(cursor) = cursor else { return Ok(()) };
        input.input = with_cursor(&input.input, &cursor)?;
        number += 1;
    }
}

/// Where to go on, told when a call fails or somebody interrupts it.
struct Place {
    input: String,
    /// All before `input` is printed.
    printed: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        let input = self.printed.then(|| parse_json(&self.input).ok()).flatten();
        if let Some(cursor) = input.as_ref().and_then(|input| input.get("cursor")).and_then(Exact::as_text) {
            say::note(&format!(
                "What was printed is complete up to here. Go on with the same input and \"cursor\": \"{cursor}\"."
            ));
        }
    }
}

/// The same input that goes on at a cursor.
fn with_cursor(input: &str, cursor: &str) -> Result<String, Ending> {
    let Ok(Exact::Object(mut members)) = parse_json(input) else {
        return Err(Ending::usage("the input is no JSON object", "Give an object."));
    };
    members.retain(|(name, _)| name != "cursor");
    members.push(("cursor".to_owned(), Exact::Text(cursor.to_owned())));
    Ok(Exact::Object(members).to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_has_the_same_input_and_the_new_cursor() {
        assert_eq!(with_cursor(r#"{"cursor":"a","limit":0.10}"#, "b").unwrap(), r#"{"limit":0.10,"cursor":"b"}"#);
        assert!(with_cursor("[]", "b").is_err());
    }
}
