//! One JSON value whose numbers keep their spelling and whose members keep their order.
//!
//! Scripts and recordings go through here, since an 18-digit id or `0.10` must come out as it was written.
//! JSON and YAML are read; only JSON is written. A float never exists in between.

mod json;
mod yaml;

use std::fmt;

pub use self::json::parse as parse_json;
#[cfg(test)]
pub(crate) use self::json::quoted;
pub use self::yaml::parse as parse_yaml;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exact {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number by the grammar of JSON, as it was spelt.
    Number(String),
    /// Text, unescaped.
    Text(String),
    /// An array.
    Array(Vec<Exact>),
    /// Members in the order in which they were written; a name may stand twice, as in JSON.
    Object(Vec<(String, Exact)>),
}

/// The text is not one JSON or YAML value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotExact(pub(crate) String);

impl Exact {
    /// The first member of that name, if this is an object that has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Exact> {
        match self {
            Self::Object(members) => members.iter().find(|(n, _)| n == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text, if this is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What this is, with its article, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// Whether the two say the same: the order of members does not count, the spelling of numbers does.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }

    /// The same value with members sorted by name, for comparing.
    #[must_use]
    pub fn sorted(&self) -> Self {
        match self {
            Self::Array(items) => Self::Array(items.iter().map(Self::sorted).collect()),
            Self::Object(members) => {
                let mut members: Vec<_> = members.iter().map(|(name, value)| (name.clone(), value.sorted())).collect();
                members.sort_by(|a, b| a.0.cmp(&b.0));
                Self::Object(members)
            }
            other => other.clone(),
        }
    }

    /// Calls `visit` for every text that is a member's value, with the member's name.
    pub fn named_texts(&self, visit: &mut dyn FnMut(&str, &str)) {
        match self {
            Self::Array(items) => items.iter().for_each(|item| item.named_texts(visit)),
            Self::Object(members) => {
                for (name, value) in members {
                    match value {
                        Self::Text(text) => visit(name, text),
                        other => other.named_texts(visit),
                    }
                }
            }
            _ => {}
        }
    }

    /// JSON over several lines, indented by two.
    #[must_use]
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        json::write_pretty(self, 0, &mut out);
        out
    }
}

impl fmt::Display for Exact {
    /// JSON in one line, without spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        json::write_compact(self, &mut out);
        f.write_str(&out)
    }
}
