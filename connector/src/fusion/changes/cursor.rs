//! What a poll hands to the next: a small JSON object that is recognised, or refused with a way on.
//!
//! `{"v", "of", "sum", "state"}`: the version, the fingerprint of what is watched, a checksum, and the
//! trigger's own state. A cursor is text from outside, so nothing of it is used before the three fit.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::contract::ProblemKind;
use crate::fusion::page::fingerprint;
use crate::fusion::pod::Pod;
use crate::fusion::time;
use crate::problem::{Failure, Result};

/// Version of the envelope and of the states within.
const VERSION: u32 = 2;
/// The largest cursor: what the contract allows a snapshot.
pub const MOST_BYTES: usize = 4 << 20;
/// Further ahead than this a start lies in the future and is no difference of clocks.
const AHEAD_MS: i64 = 10 * 60 * 1000;

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    v: u32,
    of: &'a str,
    sum: &'a str,
    #[serde(borrow)]
    state: &'a RawValue,
}

/// The text of a cursor.
///
/// # Errors
/// `too-large` beyond 4 MiB, with what to do instead.
pub fn write<S: Serialize>(of: &str, state: &S) -> Result<String> {
    let internal = |error: serde_json::Error| Failure::internal(error.to_string());
    let state = serde_json::value::to_raw_value(state).map_err(internal)?;
    let sum = fingerprint([of, state.get()]);
    let text = serde_json::to_string(&Envelope { v: VERSION, of, sum: &sum, state: &state }).map_err(internal)?;
    if text.len() > MOST_BYTES {
        return Err(Failure::permanent(
            ProblemKind::TooLarge,
            "The snapshot of what is watched does not fit into a cursor of 4 MiB.",
        )
        .remedy("Watch fewer rows (conditions, a finder), several triggers side by side, or by a date instead of a sweep (watch_by)."));
    }
    Ok(text)
}

/// Reads a cursor back.
///
/// # Errors
/// `invalid-input` for what is damaged, of another version, or of another trigger or question.
pub fn read<S: DeserializeOwned>(text: &str, of: &str) -> Result<S> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    // The host may hand the cursor back as text within text.
    let refused = |what: &str| {
        Failure::permanent(ProblemKind::InvalidInput, format!("The cursor {what}."))
            .remedy("Begin again without it, or with another state file; since may be the moment of the last event, so that nothing is left out.")
    };
    match serde_json::from_str::<Version>(text) {
        Ok(Version { v: VERSION }) => {}
        Ok(Version { v }) => {
            return Err(refused(&format!("is of version {v}, and this connector reads version {VERSION}")));
        }
        Err(_) => return Err(refused("is not one that a trigger answered, or it is damaged")),
    }
    let Ok(envelope) = serde_json::from_str::<Envelope>(text) else {
        return Err(refused("is damaged"));
    };
    if fingerprint([envelope.of, envelope.state.get()]) != envelope.sum {
        return Err(refused("is damaged: its checksum does not fit"));
    }
    if envelope.of != of {
        return Err(refused("belongs to another trigger, resource, question or connection"));
    }
    serde_json::from_str(envelope.state.get()).map_err(|_| refused("is damaged"))
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
        let text = write("q", &vec![1_u32, 2, 3]).unwrap();
        assert_eq!(read::<Vec<u32>>(&text, "q").unwrap(), [1, 2, 3]);
        let told = |text: &str, of: &str| read::<Vec<u32>>(text, of).unwrap_err().problem.message;
        assert!(told(&text, "r").contains("another trigger"));
        assert!(told(&text.replace("[1,", "[4,"), "q").contains("checksum"));
        assert!(told(&text.replace("\"v\":2", "\"v\":9"), "q").contains("version 9"));
        assert!(told("{\"v\":2", "q").contains("damaged"));
        assert!(told("7", "q").contains("damaged"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_cursor_or_refused(text in "\\PC{0,60}") {
            prop_assert!(read::<Vec<u32>>(&text, "q").is_err());
        }
    }
}
