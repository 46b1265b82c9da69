//! Where in a configuration something stands: the text as it was read, and the line of a member in it.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use granit_parser::{Event, Options, Parser};
use toml::de::{DeTable, DeValue};

use crate::ending::Ending;

/// A configuration as it stands in its file.
#[derive(Debug)]
pub struct Text {
    pub file: PathBuf,
    pub text: String,
}

/// What is wrong, and where: names of members and numbers of items from the outside in.
#[derive(Debug)]
pub struct Fault {
    pub place: Vec<String>,
    pub message: String,
}

impl Fault {
    pub fn at(place: &[&str], message: impl Into<String>) -> Self {
        Self { place: place.iter().map(|&step| step.to_owned()).collect(), message: message.into() }
    }
}

impl Text {
    /// Whether it is YAML, of which JSON is nearly a part; otherwise it is TOML.
    pub fn is_yaml(&self) -> bool {
        self.file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml" || ending == "json")
    }

    /// Ends with 2, and says what is wrong in which line.
    pub fn wrong(&self, fault: &Fault) -> Ending {
        let line = self.line(&fault.place).map(|line| format!(" (line {line})")).unwrap_or_default();
        wrong(&self.file, &format_args!("{}{line}", fault.message))
    }

    /// The same for what ended somewhere else, with its own remedy. `what` is what it is about.
    pub fn within(&self, place: &[&str], what: &str, ending: Ending) -> Ending {
        let mut ending = ending;
        if let Some(told) = &mut ending.told {
            let message = told.message.trim_end_matches('.');
            let of_file = self.wrong(&Fault::at(place, format!("{what}: {message}"))).told;
            told.message = of_file.map(|told| told.message).unwrap_or_default();
        }
        ending
    }

    /// The line in which a member or an item begins; none where the text does not tell.
    fn line(&self, place: &[String]) -> Option<usize> {
        if place.is_empty() {
            return None;
        }
        if self.is_yaml() { of_yaml(&self.text, place) } else { of_toml(&self.text, place) }
    }
}

/// A fault of the file.
pub fn wrong(file: &Path, reason: &dyn Display) -> Ending {
    Ending::usage(
        format!("the configuration {} cannot be used: {reason}", file.display()),
        "docs/running.md shows what it looks like.",
    )
}

fn of_toml(text: &str, place: &[String]) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let (first, rest) = place.split_first()?;
    let (key, mut value) = root.get_ref().get_key_value(first.as_str())?;
    let mut at = key.span().start;
    for step in rest {
        match value.get_ref() {
            DeValue::Table(table) => {
                let (key, next) = table.get_key_value(step.as_str())?;
                (at, value) = (key.span().start, next);
            }
            DeValue::Array(items) => {
                value = items.get(step.parse::<usize>().ok()?)?;
                at = value.span().start;
            }
            _ => return None,
        }
    }
    Some(text.get(..at)?.matches('\n').count() + 1)
}

/// A collection of YAML that is open: the number of the item, or the name of the member, that is read.
enum Open {
    List(usize),
    Map(Option<String>),
}

impl Open {
    fn is(&self, step: &str) -> bool {
        match self {
            Self::List(number) => step.parse() == Ok(*number),
            Self::Map(name) => name.as_deref() == Some(step),
        }
    }
}

fn of_yaml(text: &str, place: &[String]) -> Option<usize> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut open: Vec<Open> = Vec::new();
    let here = |open: &[Open]| open.len() == place.len() && open.iter().zip(place).all(|(one, step)| one.is(step));
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.ok()?;
        let line = span.start.line();
        let mut ended = matches!(event, Event::SequenceEnd | Event::MappingEnd);
        if ended {
            open.pop();
        }
        let begins = match &event {
            Event::Scalar(..) | Event::Alias(_) => Some(None),
            Event::SequenceStart(..) => Some(Some(Open::List(0))),
            Event::MappingStart(..) => Some(Some(Open::Map(None))),
            _ => None,
        };
        if let Some(inner) = begins {
            if let (Some(Open::Map(name @ None)), Event::Scalar(text, ..)) = (open.last_mut(), &event) {
                *name = Some(text.to_string());
                if here(&open) {
                    return Some(line);
                }
                continue;
            }
            if matches!(open.last(), Some(Open::List(_))) && here(&open) {
                return Some(line);
            }
            ended = inner.is_none();
            open.extend(inner);
        }
        if ended {
            match open.last_mut() {
                Some(Open::List(number)) => *number += 1,
                Some(Open::Map(name)) => *name = None,
                None => {}
            }
        }
    }
    None
}
