//! The forms, descriptions and samples as the component holds them: as text, written down from the types by
//! `cargo xtask schemas`.
//!
//! Making them from the types in the component costs it a tenth of its size. A test holds
//! the text against the types, so that neither can change alone.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::contract::Kind;
use crate::packed;

/// The form of the connection settings.
pub fn connection() -> Value {
    form("connection")
}

/// The form of an operation's input.
pub fn input(kind: Kind, id: &str) -> Value {
    form(&name(kind, id, "input"))
}

/// The form of an operation's output, or of a trigger's payload.
pub fn output(kind: Kind, id: &str) -> Value {
    form(&name(kind, id, "output"))
}

/// Description and samples of input and output of an operation.
pub fn words(kind: Kind, id: &str) -> [String; 3] {
    static WORDS: LazyLock<HashMap<String, [String; 3]>> =
        LazyLock::new(|| serde_json::from_str(&packed::text("words")).unwrap_or_default());
    WORDS.get(&name(kind, id, "words")).cloned().unwrap_or_default()
}

/// What is to be written.
#[cfg(not(target_family = "wasm"))]
pub fn text() -> String {
    use std::fmt::Write as _;
    let mut text = format!("connection\t{}\n", super::schema::<crate::settings::Form>());
    for entry in crate::operations::ALL {
        for (side, form) in ["input", "output"].iter().zip(entry.derived()) {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{}\t{form}", name(entry.kind, entry.spec.id, side));
        }
    }
    let words = crate::operations::ALL.iter().map(|entry| (name(entry.kind, entry.spec.id, "words"), entry.words()));
    // Writing to a text does not fail.
    let _ = writeln!(text, "words\t{}", Value::from_iter(words.map(|(name, words)| (name, words.to_vec()))));
    text
}

fn name(kind: Kind, id: &str, side: &str) -> String {
    format!("{} {id} {side}", if kind == Kind::Action { "action" } else { "trigger" })
}

/// Nothing at all where there is no such form; a test rules it out.
fn form(name: &str) -> Value {
    serde_json::from_str(&packed::text(name)).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_the_types_say() {
        // A line for each form: its name, a tab, its JSON.
        assert!(include_str!("written.txt") == text(), "the forms have changed: run `cargo xtask schemas`");
        for line in text().lines() {
            let (name, form) = line.split_once('\t').unwrap();
            assert_eq!(packed::text(name), form);
        }
        for entry in crate::operations::ALL {
            assert!(entry.input_schema().is_object() && entry.output_schema().is_object(), "{}", entry.spec.id);
            assert_eq!(words(entry.kind, entry.spec.id), entry.words());
        }
        assert!(connection().is_object());
    }
}
