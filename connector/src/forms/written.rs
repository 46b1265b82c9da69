//! The forms as the component holds them: as text, written down from the types by `cargo xtask schemas`.
//!
//! Making them from the types in the component costs it a tenth of its size. A test holds
//! the text against the types, so that neither can change alone.

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
        }
        assert!(connection().is_object());
    }
}
