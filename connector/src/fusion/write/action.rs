//! Custom actions of a resource, in both styles, and whether they did what they say (FACTS 1.9, T10).
//!
//! An action is sent once: what it does has no mark to look for. A pod answers 200 to an action that
//! failed, and `ReturnStatus` S to one that failed for some of its lines; both are told from success here.

use serde_json::Value;
use serde_json::value::RawValue;

use super::{compare, fits};
use crate::contract::ProblemKind;
use crate::fusion::address::Address;
use crate::fusion::pod::{Carried, Doing, Lost, Pod};
use crate::fusion::record::{pick, plain};
use crate::fusion::target::Target;
use crate::http::{Method, Response};
use crate::problem::{Failure, Result};
use crate::text::shorten;

const ACTION: &str = "application/vnd.oracle.adf.action+json";

/// Runs an action with flat parameters (a JSON object) and answers its result as raw JSON.
///
/// # Errors
/// What the pod refused; `invalid-input` where it says that the action failed; `unknown-outcome` where it
/// may have happened, or happened for some lines alone.
pub fn run(pod: &Pod, target: &Target, key: Option<&str>, name: &str, parameters: &str) -> Result<String> {
    let what = format!(
        "run {name} on {}",
        key.map_or(target.name.clone(), |key| format!("{} {}", target.name, shorten(key, 100)))
    );
    let doing = Doing { what: &what, object: &target.name };
    let mut place = target.collection(&pod.settings.api_version);
    if let Some(key) = key {
        place = place.key(key)?;
    }
    fits(doing, parameters.len(), "/parameters")?;
    let current = place.clone().segment("action").segment(name);
    let response = match post(pod, doing, &current, parameters) {
        // No such address: that did nothing, and an older pod takes the action where the record is.
        Err(Lost::Refused(failure)) if matches!(failure.problem.http_status, Some(404 | 405)) => {
            match post(pod, doing, &place, &old_style(name, parameters)) {
                Err(Lost::Refused(_)) => Err(Lost::Refused(failure)),
                other => other,
            }
        }
        other => other,
    };
    let response = response.map_err(|lost| match lost {
        Lost::Refused(failure) => failure.or_remedy(|| {
            format!("Nothing was done. Correct the parameters, whose names are case-sensitive, or the state of the record; describe_resource with resource {} tells its actions.", target.name)
        }),
        Lost::Unknown(failure) => unknown(target, name, &failure),
    })?;
    let body = std::str::from_utf8(&response.body).map_err(|_| pod.unexpected(doing, "its result is not UTF-8"))?;
    let [result] = pick(body, ["result"]);
    let result = result.map_or("null", RawValue::get);
    judge(target, name, result)?;
    Ok(result.to_owned())
}

fn post(pod: &Pod, doing: Doing, address: &Address, body: &str) -> std::result::Result<Response, Lost> {
    pod.exact(
        Method::Post,
        doing,
        address,
        Carried { body: Some(body.as_bytes()), media: ACTION, ..Carried::default() },
    )
}

/// `{"name": …, "parameters": [{…}, …]}`, one object for each parameter.
fn old_style(name: &str, parameters: &str) -> String {
    let each: Vec<String> = compare::members(parameters)
        .into_iter()
        .map(|(parameter, raw)| format!("{{{}:{}}}", Value::from(parameter), raw.get()))
        .collect();
    format!("{{\"name\":{},\"parameters\":[{}]}}", Value::from(name), each.join(","))
}

/// Tells a result that says failure, wholly or for some lines, from success.
fn judge(target: &Target, name: &str, result: &str) -> Result<()> {
    let [status, message] = pick(result, ["ReturnStatus", "Message"]);
    let Some(status) = status.and_then(plain) else { return Ok(()) };
    let message = message.and_then(plain).unwrap_or_default();
    let told = shorten(&message.split_whitespace().collect::<Vec<_>>().join(" "), 1200);
    if !matches!(status.to_ascii_uppercase().as_str(), "S" | "SUCCESS" | "W" | "WARNING") {
        return Err(Failure::permanent(
            ProblemKind::InvalidInput,
            format!("The pod ran {name} on {} and says that it failed ({status}): {told}", target.name),
        )
        .status(200)
        .remedy("Correct what the message names, then run it again."));
    }
    if speaks_of_failure(&message) {
        return Err(Failure::permanent(
            ProblemKind::UnknownOutcome,
            format!("{name} on {} was done in part: the pod says success and tells of failures: {told}", target.name),
        )
        .status(200)
        .remedy("Read the lines to see which were done (a pod lists five messages at most), and run it again for the others alone."));
    }
    Ok(())
}

/// Whether a message that came with success tells of failures.
fn speaks_of_failure(message: &str) -> bool {
    // Fusion's messages refuse with contractions ("isn't", "can't", "you must").
    const BAD: [&str; 14] = [
        "fail",
        "error",
        "n't ",
        "could not",
        "cannot",
        "you must",
        "exceed",
        "not allowed",
        "not available",
        "not found",
        "invalid",
        "rejected",
        "not processed",
        "unable",
    ];
    let mut text = message.to_lowercase().replace('\u{2019}', "'");
    for none in [
        "no errors",
        "no error",
        "without errors",
        "without error",
        "0 errors",
        "0 failed",
        "no failures",
        "0 failures",
    ] {
        // "10 errors" is no "0 errors".
        text = text
            .match_indices(none)
            .filter(|(at, _)| !text.get(..*at).unwrap_or_default().ends_with(|c: char| c.is_ascii_alphanumeric()))
            .map(|(at, _)| at)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .fold(text.clone(), |text, at| {
                format!("{}{}", text.get(..at).unwrap_or_default(), text.get(at + none.len()..).unwrap_or_default())
            });
    }
    BAD.iter().any(|word| text.contains(word))
}

fn unknown(target: &Target, name: &str, cause: &Failure) -> Failure {
    let mut failure = Failure::permanent(
        ProblemKind::UnknownOutcome,
        format!("{name} on {} may or may not have happened: {}", target.name, cause.problem.message),
    )
    .remedy("Read the record and look at its status before you run the action again.");
    failure.problem.http_status = cause.problem.http_status;
    failure.problem.trace_id.clone_from(&cause.problem.trace_id);
    failure
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::SendError;
    use crate::http::fake::{Fake, json, typed};
    use crate::settings::Settings;
    use proptest::prelude::*;

    fn act(door: &Fake, key: Option<&str>) -> Result<String> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        run(&pod, &Target::known("draftPurchaseOrders").unwrap().unwrap(), key, "submit", r#"{"A":1.50,"B":"x"}"#)
    }

    #[test]
    fn parameters_are_flat_and_the_result_is_answered() {
        let door = Fake::new([json(200, r#"{"result":"SUCCESS"}"#)]);
        assert_eq!(act(&door, Some("7")).unwrap(), "\"SUCCESS\"");
        let sent = door.sent.borrow();
        assert!(sent[0].path.ends_with("/draftPurchaseOrders/7/action/submit"));
        assert!(sent[0].headers.contains(&("content-type", ACTION.to_owned())));
        assert_eq!(sent[0].body.as_deref(), Some(&br#"{"A":1.50,"B":"x"}"#[..]));
    }

    #[test]
    fn an_older_pod_takes_the_action_where_the_record_is() {
        let door = Fake::new([
            typed(404, "", ""),
            json(200, r#"{"result":{"ReturnStatus":"S","Message":"Done, no errors."}}"#),
        ]);
        assert!(act(&door, Some("7")).is_ok());
        let sent = door.sent.borrow();
        assert!(sent[1].path.ends_with("/draftPurchaseOrders/7"));
        assert_eq!(sent[1].body.as_deref(), Some(&br#"{"name":"submit","parameters":[{"A":1.50},{"B":"x"}]}"#[..]));
        let door = Fake::new([typed(404, "", ""), typed(400, "", "")]);
        assert_eq!(act(&door, None).unwrap_err().kind(), ProblemKind::NotFound);
        let door = Fake::new([typed(400, "text/plain", "No such parameter")]);
        assert!(act(&door, None).unwrap_err().problem.remedy.unwrap().contains("Correct the parameters"));
    }

    #[test]
    fn a_failure_inside_a_success_is_told_apart() {
        let with = |status: &str, message: &str| {
            let door =
                Fake::new([json(200, &format!(r#"{{"result":{{"ReturnStatus":"{status}","Message":"{message}"}}}}"#))]);
            act(&door, None).map_err(|failure| failure.kind())
        };
        assert_eq!(with("E", "Line 2 is closed"), Err(ProblemKind::InvalidInput));
        assert_eq!(with("S", "Line 1 was released. Line 2 failed: it is closed."), Err(ProblemKind::UnknownOutcome));
        let told = "Line 2: The quantity exceeds the available quantity.";
        assert_eq!(with("S", told), Err(ProblemKind::UnknownOutcome));
        assert_eq!(with("S", "2 lines released, 10 errors"), Err(ProblemKind::UnknownOutcome));
        assert!(with("S", "2 lines released, 0 errors, without errors").is_ok());
    }

    #[test]
    fn a_lost_answer_is_not_sent_again() {
        for lost in [Err(SendError::TimedOut("x".into())), typed(504, "", "")] {
            let door = Fake::new([lost]);
            let failure = act(&door, None).unwrap_err();
            assert!(failure.kind() == ProblemKind::UnknownOutcome && !failure.again && door.sent.borrow().len() == 1);
        }
    }

    proptest! {
        #[test]
        fn any_message_is_read(message in "\\PC{0,60}|.{0,10}(no errors|0 errors|İ).{0,20}") {
            let _ = speaks_of_failure(&message);
        }
    }
}
