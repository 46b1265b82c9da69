//! What a poll hands to the next: a small JSON object that is recognised, or refused with a way on.
//!
//! `{"v", "of", "sum", "state"}`: the version, the fingerprint of what is watched, a checksum, and the
//! trigger's own state. A cursor is text from outside, so nothing of it is used before the three fit.

use crate::fusion::moment::Timestamp;
use serde_json::{Value, json};

use crate::contract::{ProblemKind, Warning};
use crate::fusion::page::fingerprint;
use crate::fusion::pod::Pod;
use crate::fusion::time;
use crate::problem::{Failure, Result, warning};

/// Version of the envelope and of the states within.
const VERSION: u64 = 2;
/// The largest cursor: what the contract allows a snapshot.
pub const MOST_BYTES: usize = 4 << 20;
/// Further ahead than this a start lies in the future and is no difference of clocks.
const AHEAD_MS: i64 = 10 * 60 * 1000;

/// The text of a cursor; `state` is an object.
///
/// # Errors
/// `too-large` beyond 4 MiB, with what to do instead.
pub fn write(of: &str, state: Value) -> Result<String> {
    let sum = fingerprint([of, &state.to_string()]);
    let text = json!({"v": VERSION, "of": of, "sum": sum, "state": state}).to_string();
    if text.len() > MOST_BYTES {
        return Err(Failure::permanent(
            ProblemKind::TooLarge,
            "The snapshot of what is watched does not fit into a cursor of 4 MiB.",
        )
        .remedy("Watch fewer rows (conditions, a finder), several triggers side by side, or by a date instead of a sweep (watch_by)."));
    }
    Ok(text)
}

/// Reads the state back.
///
/// # Errors
/// `invalid-input` for what is damaged, of another version, or of another trigger or question.
pub fn read(text: &str, of: &str) -> Result<Value> {
    let cursor: Value = serde_json::from_str(text).unwrap_or_default();
    let word = |name: &str| cursor.get(name).and_then(Value::as_str);
    let version = cursor.get("v").and_then(Value::as_u64);
    let state = cursor.get("state").filter(|state| state.is_object());
    match (version, word("of"), word("sum"), state) {
        (Some(version), ..) if version != VERSION => {
            Err(refused(&format!("is of version {version}, and this connector reads version {VERSION}")))
        }
        (Some(_), Some(own), Some(sum), Some(state)) => {
            if fingerprint([own, &state.to_string()]) != sum {
                return Err(refused("is damaged: its checksum does not fit"));
            }
            if own != of {
                return Err(refused("belongs to another trigger, resource, question or connection"));
            }
            Ok(state.clone())
        }
        _ => Err(refused("is not one that a trigger answered, or it is damaged")),
    }
}

/// What is told of a cursor that cannot be used.
pub fn refused(what: &str) -> Failure {
    Failure::permanent(ProblemKind::InvalidInput, format!("The cursor {what}."))
        .remedy("Begin again without it, or with another state file; since may be the moment of the last event, so that nothing is left out.")
}

/// A moment of a state, in microseconds.
pub fn moment(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| at.as_microsecond().into())
}

/// Reads [`moment`] back.
pub fn moment_of(state: &Value, name: &str) -> Option<Timestamp> {
    Timestamp::from_microsecond(state.get(name)?.as_i64()?).ok()
}

/// A count of a state.
pub fn count_of(state: &Value, name: &str) -> usize {
    state.get(name).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok()).unwrap_or_default()
}

/// A text of a state.
pub fn text_of(state: &Value, name: &str) -> Option<String> {
    state.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// Where a trigger begins that has no cursor yet: `None` from the beginning.
///
/// # Errors
/// `invalid-input` at `/since` for what is no moment and for one that lies ahead.
pub fn begin(pod: &Pod, since: Option<&str>) -> Result<Option<Timestamp>> {
    match since.map(str::trim).unwrap_or("now") {
        "beginning" => Ok(None),
        "now" => Ok(Some(now(pod))),
        text => {
            let at = time::instant_or_day(text).ok_or_else(|| {
                Failure::invalid(
                    "/since",
                    format!("{text:?} is none of now, beginning and a date and time as in 2026-01-31T10:00:00Z"),
                )
            })?;
            if at.as_millisecond() > now(pod).as_millisecond().saturating_add(AHEAD_MS) {
                return Err(Failure::invalid("/since", format!("{text} lies in the future"))
                    .remedy("Choose a moment that has been, or now."));
            }
            Ok(Some(at))
        }
    }
}

/// Checks `since` beside a cursor that began at `floor`: it counts no more, which is told where it is another than
/// that. `beginning` is where "beginning" would be now.
///
/// # Errors
/// Those of [`begin`].
pub fn kept(
    pod: &Pod,
    since: Option<&str>,
    floor: Option<Timestamp>,
    beginning: Option<Timestamp>,
) -> Result<Option<Warning>> {
    let asked = begin(pod, since)?;
    let micros = |at: Option<Timestamp>| at.map(|at| at.as_microsecond());
    let other = match (since.map(str::trim), asked) {
        (None | Some("now"), _) => false,
        (_, None) => floor > beginning,
        (_, asked) => micros(asked) != micros(floor),
    };
    let told = "since says where a trigger begins, and this one has begun elsewhere: it goes on behind what it handed over last. To begin there, poll without the cursor, or with another state file.";
    Ok(other.then(|| warning("since_ignored", told, None)))
}

/// The pod's clock where it told one, else ours.
pub fn now(pod: &Pod) -> Timestamp {
    Timestamp::from_millisecond(pod.now_ms()).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cursor_fits_its_own_question_and_no_byte_of_it_may_change() {
        let text = write("q", json!({"a": 1})).unwrap();
        assert_eq!(read(&text, "q").unwrap(), json!({"a": 1}));
        let told = |text: &str, of: &str| read(text, of).unwrap_err().problem.message;
        assert!(told(&text, "r").contains("another trigger"));
        assert!(told(&text.replace("\"a\":1", "\"a\":4"), "q").contains("checksum"));
        assert!(told(&text.replace("\"v\":2", "\"v\":9"), "q").contains("version 9"));
        assert!(told("{\"v\":2", "q").contains("damaged"));
        assert!(told("7", "q").contains("damaged"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_cursor_or_refused(text in "\\PC{0,60}") {
            prop_assert!(read(&text, "q").is_err());
        }
    }
}
