//! `harness run`: an action to its end, its output on standard output.

use std::time::{Duration, Instant};

use host_harness::contract::actions::{Outcome, Pending};
use host_harness::contract::catalog::Effect;
use host_harness::exact::parse_json;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::args::{Global, With};
use crate::component::{Component, Use};
use crate::ending::{Ending, Exit};
use crate::site::{self, Shape, Site};
use crate::table::{self, Rows};
use crate::{input, json, keeping, pages, say, signin};

/// A job is not asked after more often, whatever it says.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

pub async fn run(global: &Global, action: &str, with: &With) -> Result<(), Ending> {
    let input = input::read(&with.input, "input")?;
    let component = Component::load(global).await?;
    component.operation(action, Use::Action)?;
    site::within(component, global, &with.connection, async |site| {
        let store = keeping::claim(global, site, action, &input)?;
        signin::sign_in(site).await?;
        let named = (with.connection.as_str(), action);
        let started = Instant::now();
        if global.ndjson {
            let printed = pages::print(site, action, &input, !global.no_wait).await;
            let outcome = printed.as_ref().map_or_else(|ending| keeping::outcome(Err(ending)), |()| "done".to_owned());
            return printed.and(keeping::note(store, global.keep_bodies, site, named, &input, started, &outcome));
        }
        let id = site.call_id.clone();
        let ended = to_the_end(site, &id, action, &input, None, !global.no_wait).await;
        let outcome = keeping::outcome(ended.as_ref());
        let noted = keeping::note(store, global.keep_bodies, site, named, &input, started, &outcome);
        // An answer must not be lost over its note, and a failure says more than that it was not noted.
        let printed = ended.and_then(|ended| print(site, action, ended));
        printed.and(noted)
    })
    .await
}

/// Invokes, or resumes from a token, and goes on while the job is pending.
///
/// # Errors
/// The [`Ending`] of a call that failed.
pub async fn to_the_end(
    site: &mut Site,
    id: &str,
    action: &str,
    input: &str,
    token: Option<String>,
    follow: bool,
) -> Result<Outcome, Ending> {
    let mut token = token;
    let progress = say::spinner(action);
    loop {
        let outcome = site
            .call(id, async |site, call| {
                let connector = &site.component.connector;
                match &token {
                    None => connector.invoke(&site.run, &site.connection, call, action, input).await,
                    Some(token) => connector.resume(&site.run, &site.connection, call, action, input, token).await,
                }
            })
            .await;
        match outcome {
            Ok(Outcome::Pending(pending)) if follow => {
                say::progress(&progress, &pending.status, pending.progress);
                site.run.clock.wait(Duration::from_millis(pending.retry_after_ms).max(SHORTEST_WAIT)).await;
                token = Some(pending.token);
            }
            other => {
                progress.finish_and_clear();
                return other;
            }
        }
    }
}

/// Prints what an action answered, and judges it.
///
/// # Errors
/// An [`Ending`] with 5 for a pending job, 1 for an import that is not complete.
pub fn print(site: &Site, action: &str, outcome: Outcome) -> Result<(), Ending> {
    match outcome {
        Outcome::Done(output) => {
            show(site, action, &output).map_err(|ending| unprinted(site, action, ending))?;
            judge(&output, site.json)
        }
        Outcome::Pending(pending) => {
            say::json(&json::text(&json::pending(&pending))?)?;
            tell_how_to_resume(site, action, &pending);
            Err(Ending::silent(Exit::Pending))
        }
    }
}

/// What was written stays written, though nobody could be told: to run it again is to write it again.
fn unprinted(site: &Site, action: &str, ending: Ending) -> Ending {
    match site.component.operation(action, Use::Action) {
        Ok(operation) if operation.effect != Effect::Read => {
            let why = ending.told.map_or_else(|| "nobody reads standard output".to_owned(), |told| told.message);
            let message = format!("{action} was done (call id {}), and its answer is lost: {why}", site.call_id);
            let remedy = "Do not run it again as a new call: look at the records themselves.";
            Ending::told(Exit::Permanent, "answer-not-printed", message, Some(remedy))
        }
        _ => ending,
    }
}

/// On standard output, in the shape that was asked for.
fn show(site: &Site, action: &str, output: &str) -> Result<(), Ending> {
    let Some(shape) = site.shape else { return say::json(output) };
    let shown = match shape {
        Shape::Table => {
            let schema = &site.component.operation(action, Use::Action)?.output_schema;
            table::tables(output, schema, say::width()).map(|text| format!("{text}\n"))
        }
        Shape::Csv => match table::file(output) {
            Some(file) => Some(file),
            None => Rows::of(output).map(|rows| csv(&rows)).transpose()?,
        },
    };
    let Some(shown) = shown else {
        // What was asked for is done, and its answer must not be lost over its looks.
        say::warning("not_a_list", "this answer is no list of records, so it is printed as JSON", None, site.json);
        return say::json(output);
    };
    say::as_it_is(&shown)?;
    let cursor = parse_json(output).ok().and_then(|output| output.get("next_cursor")?.as_text().map(str::to_owned));
    if let Some(cursor) = cursor {
        say::note(&format!("There are more records. Go on with the same input and \"cursor\": \"{cursor}\"."));
    }
    Ok(())
}

fn csv(rows: &Rows) -> Result<String, Ending> {
    rows.csv().map(|text| format!("{text}\n")).map_err(|error| {
        Ending::told(Exit::Broken, "internal", format!("the records cannot be written as CSV: {error}"), None)
    })
}

fn tell_how_to_resume(site: &Site, action: &str, pending: &Pending) {
    let id = &site.call_id;
    if site.json {
        say::note(&format!("{{\"call_id\":\"{id}\"}}"));
    } else {
        let seconds = pending.retry_after_ms.div_ceil(1000);
        say::note(&format!(
            "{action} is pending ({}). Go on in {seconds} s with: harness resume {action} --call-id {id} --token @FILE, with the same connection and input.",
            pending.status
        ));
    }
}

/// What of an output the host looks at.
#[derive(Deserialize)]
struct Seen<'a> {
    #[serde(borrow)]
    outcome: Option<&'a RawValue>,
    #[serde(borrow)]
    warnings: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Warning {
    code: String,
    message: String,
    key: Option<String>,
}

fn judge(output: &str, json: bool) -> Result<(), Ending> {
    let Ok(seen) = serde_json::from_str::<Seen<'_>>(output) else { return Ok(()) };
    if let (Some(warnings), false) = (seen.warnings, json) {
        warn(warnings.get());
    }
    // How an import ends is data and not an error; whoever runs it from a script still wants to know.
    let not_complete = ["\"partial\"", "\"nothing_imported\"", "\"failed\"", "\"refused\""];
    match seen.outcome {
        Some(outcome) if not_complete.contains(&outcome.get()) => Err(Ending::silent(Exit::NotMet)),
        _ => Ok(()),
    }
}

/// The warnings of an output, in people's words.
pub fn warn(warnings: &str) {
    for Warning { code, message, key } in serde_json::from_str::<Vec<Warning>>(warnings).unwrap_or_default() {
        say::warning(&code, &message, key.as_deref(), false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_that_is_not_complete_ends_with_1() {
        let exit = |output: &str| judge(output, true).map_err(|ending| ending.exit);
        assert_eq!(exit(r#"{"outcome":"complete"}"#), Ok(()));
        assert_eq!(exit(r#"{"outcome":"partial","counts":{}}"#), Err(Exit::NotMet));
        assert_eq!(exit(r#"{"outcome":"refused"}"#), Err(Exit::NotMet));
        assert_eq!(exit(r#"{"outcome":"checked"}"#), Ok(()));
        assert_eq!(exit(r#"{"result":[]}"#), Ok(()));
        assert_eq!(exit("[1]"), Ok(()));
    }
}
