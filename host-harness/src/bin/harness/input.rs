//! Arguments that are JSON: given as they are, in a file, or on standard input.

use std::io::Read as _;

use host_harness::connection_file::without_mark;
use serde_json::value::RawValue;

use crate::ending::Ending;

/// The JSON text of an argument: `@FILE`, `-`, or the text itself. `what` names it in messages.
///
/// # Errors
/// An [`Ending`] with 2 where it cannot be read or is not JSON.
pub fn read(argument: &str, what: &str) -> Result<String, Ending> {
    let (text, from) = if argument == "-" {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_to_string(&mut text);
        read.map_err(|error| {
            Ending::usage(format!("the {what} on standard input cannot be read: {error}"), "Give JSON in UTF-8.")
        })?;
        (text, " on standard input".to_owned())
    } else if let Some(file) = argument.strip_prefix('@') {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Ending::usage(
                format!("the {what} in {file} cannot be read: {error}"),
                "Give an existing file with JSON after the @.",
            )
        })?;
        (text, format!(" in {file}"))
    } else {
        (argument.to_owned(), String::new())
    };
    let text = without_mark(&text);
    match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(Ending::usage(
            format!("the {what}{from} is not JSON: {error}"),
            "Give JSON in single quotes, `@FILE` for a file with JSON, or `-` for standard input.",
        )),
    }
}
