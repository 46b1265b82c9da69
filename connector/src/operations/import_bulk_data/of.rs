//! What ties a token to the call and the input that it is of: another load's report must not pass for this one's.

use serde::{Deserialize, Serialize};

use crate::contract::ProblemKind;
use crate::fusion::page::fingerprint;
use crate::problem::{Failure, Result};

/// Stands for a call and its input. It tells a mistake, not malice.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(super) struct Of {
    call: String,
    input: String,
}

impl Of {
    /// `input` is its text; files that it only names are not read.
    pub(super) fn new(call: &str, input: &str) -> Self {
        // Engines that keep JSON may hand its members back in another order, so that the order does not count.
        let sum = members(input).map(|member| hash(&member)).fold(0_u64, u64::wrapping_add);
        Self { call: fingerprint([call]), input: format!("{sum:016x}") }
    }

    /// # Errors
    /// `invalid-input` where the other is of another call or input; nothing was sent.
    pub(super) fn same(&self, other: &Self) -> Result<()> {
        let differs = match (self.call == other.call, self.input == other.input) {
            (true, true) => return Ok(()),
            (false, _) => "call id",
            (true, false) => "input",
        };
        let message = format!("The token belongs to a load with another {differs}; nothing was sent.");
        Err(Failure::permanent(ProblemKind::InvalidInput, message).remedy(
            "Hand the token in with the call id and the input that it was answered to, or make the call again without a token.",
        ))
    }
}

/// Names with their values, and values of lists; how long to wait may be another.
fn members(json: &str) -> impl Iterator<Item = Vec<u8>> {
    let (mut quoted, mut escaped) = (false, false);
    let pieces = json.as_bytes().split(move |byte| {
        let part = !quoted && b",{}[]".contains(byte);
        match byte {
            b'"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && !escaped && *byte == b'\\';
        part
    });
    let bare = |piece: &[u8]| {
        let mut quoted = false;
        let mut kept = piece.to_vec();
        kept.retain(|byte| {
            quoted ^= *byte == b'"';
            quoted || !byte.is_ascii_whitespace()
        });
        kept
    };
    pieces.map(bare).filter(|piece| !piece.is_empty() && !piece.starts_with(b"\"timeout_minutes\":"))
}

fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_the_same_and_what_differs_is_named() {
        let of = Of::new("c", r#"{"object":"x","rows":[{"A":"say \"1, 2\" }","B":2}]}"#);
        let moved = r#"{ "rows": [ {"B": 2, "A": "say \"1, 2\" }"} ], "timeout_minutes": 5, "object": "x" }"#;
        assert!(of.same(&Of::new("c", moved)).is_ok());
        for (call, input, named) in
            [("d", moved, "call id"), ("c", r#"{"object":"x","rows":[{"A":"1","B":2}]}"#, "input")]
        {
            let failure = of.same(&Of::new(call, input)).unwrap_err();
            assert!(failure.problem.message.contains(named) && failure.kind() == ProblemKind::InvalidInput);
        }
    }
}
