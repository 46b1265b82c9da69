//! SCIM filters, as the SCIM users and the scheduler take them: `state eq "RUNNING" and requestId gt 5` (RFC 7644,
//! 3.4.2.2; FACTS 4.2, 5.1). Judges JSON objects; texts are compared in any case, times as times.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value as JsonValue;

/// How deep parentheses nest, so that no filter exhausts the stack.
const DEPTH: u8 = 16;

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Present(String),
    Compare(String, Operator, JsonValue),
}

/// How an attribute is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Filter {
    /// Reads a filter; the error is for the client.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable(), depth: 0 };
        let filter = parser.any()?;
        match parser.tokens.next() {
            None => Ok(filter),
            Some(_) => Err("The filter doesn't end where it should.".to_owned()),
        }
    }

    /// Every attribute that it names.
    pub(crate) fn attributes(&self) -> Vec<&str> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::attributes).collect(),
            Self::Not(part) => part.attributes(),
            Self::Present(name) | Self::Compare(name, _, _) => vec![name],
        }
    }

    /// Whether an object meets it.
    pub(crate) fn matches(&self, object: &JsonValue) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(object)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(object)),
            Self::Not(part) => !part.matches(object),
            Self::Present(name) => !values(object, name).is_empty(),
            Self::Compare(name, Operator::Ne, wanted) => {
                !values(object, name).iter().any(|value| holds(value, Operator::Eq, wanted))
            }
            Self::Compare(name, operator, wanted) => {
                values(object, name).iter().any(|value| holds(value, *operator, wanted))
            }
        }
    }
}

/// The values at a dotted name, through lists, without nulls.
fn values<'v>(object: &'v JsonValue, name: &str) -> Vec<&'v JsonValue> {
    name.split('.').fold(vec![object], |found, part| {
        found
            .into_iter()
            .flat_map(|value| match value {
                JsonValue::Object(members) => {
                    members.iter().filter(|(name, _)| name.eq_ignore_ascii_case(part)).map(|(_, value)| value).collect()
                }
                _ => Vec::new(),
            })
            .flat_map(|value| match value {
                JsonValue::Array(many) => many.iter().collect(),
                JsonValue::Null => Vec::new(),
                one => vec![one],
            })
            .collect()
    })
}

fn holds(value: &JsonValue, operator: Operator, wanted: &JsonValue) -> bool {
    let (text, wanted_text) = (plain(value), plain(wanted));
    match operator {
        Operator::Co => text.contains(&wanted_text),
        Operator::Sw => text.starts_with(&wanted_text),
        Operator::Ew => text.ends_with(&wanted_text),
        Operator::Eq => order(value, wanted) == Ordering::Equal,
        Operator::Ne => order(value, wanted) != Ordering::Equal,
        Operator::Gt => order(value, wanted) == Ordering::Greater,
        Operator::Ge => order(value, wanted) != Ordering::Less,
        Operator::Lt => order(value, wanted) == Ordering::Less,
        Operator::Le => order(value, wanted) != Ordering::Greater,
    }
}

fn plain(value: &JsonValue) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_lowercase)
}

/// As whole numbers, as times, or else as texts.
fn order(left: &JsonValue, right: &JsonValue) -> Ordering {
    let (left, right) = (plain(left), plain(right));
    if let (Ok(left), Ok(right)) = (left.parse::<i64>(), right.parse::<i64>()) {
        return left.cmp(&right);
    }
    match (left.parse::<Timestamp>(), right.parse::<Timestamp>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        _ => left.cmp(&right),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Word(String),
    Text(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut letters = text.chars().peekable();
    let mut found = Vec::new();
    while let Some(letter) = letters.next() {
        match letter {
            blank if blank.is_whitespace() => {}
            '(' => found.push(Token::Open),
            ')' => found.push(Token::Close),
            '"' => {
                let mut inside = String::new();
                loop {
                    match letters.next() {
                        Some('"') => break,
                        Some('\\') => inside.extend(letters.next()),
                        Some(letter) => inside.push(letter),
                        None => return Err("A text in the filter has no end.".to_owned()),
                    }
                }
                found.push(Token::Text(inside));
            }
            first => {
                let mut word = String::from(first);
                while let Some(letter) =
                    letters.next_if(|letter| !letter.is_whitespace() && !matches!(letter, '(' | ')' | '"'))
                {
                    word.push(letter);
                }
                found.push(Token::Word(word));
            }
        }
    }
    Ok(found)
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: u8,
}

impl Parser {
    fn keyword(&mut self, keyword: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(keyword))).is_some()
    }

    fn any(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.all()?];
        while self.keyword("or") {
            parts.push(self.all()?);
        }
        Ok(Filter::Any(parts))
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.one()?];
        while self.keyword("and") {
            parts.push(self.one()?);
        }
        Ok(Filter::All(parts))
    }

    fn one(&mut self) -> Result<Filter, String> {
        if self.keyword("not") {
            return match self.tokens.next() {
                Some(Token::Open) => Ok(Filter::Not(Box::new(self.inside()?))),
                _ => Err("The filter's not is followed by parentheses.".to_owned()),
            };
        }
        match self.tokens.next() {
            Some(Token::Open) => self.inside(),
            Some(Token::Word(name)) => self.comparison(name),
            _ => Err("The filter names no attribute.".to_owned()),
        }
    }

    fn inside(&mut self) -> Result<Filter, String> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEPTH {
            return Err("The filter nests too deep.".to_owned());
        }
        let filter = self.any()?;
        self.depth = self.depth.saturating_sub(1);
        match self.tokens.next() {
            Some(Token::Close) => Ok(filter),
            _ => Err("A parenthesis in the filter isn't closed.".to_owned()),
        }
    }

    fn comparison(&mut self, name: String) -> Result<Filter, String> {
        let Some(Token::Word(word)) = self.tokens.next() else {
            return Err(format!("The filter compares {name} with nothing."));
        };
        let operator = match word.to_ascii_lowercase().as_str() {
            "pr" => return Ok(Filter::Present(name)),
            "eq" => Operator::Eq,
            "ne" => Operator::Ne,
            "co" => Operator::Co,
            "sw" => Operator::Sw,
            "ew" => Operator::Ew,
            "gt" => Operator::Gt,
            "ge" => Operator::Ge,
            "lt" => Operator::Lt,
            "le" => Operator::Le,
            _ => return Err(format!("The filter's operator {word} isn't known.")),
        };
        let value = match self.tokens.next() {
            Some(Token::Text(text)) => JsonValue::String(text),
            Some(Token::Word(word)) => serde_json::from_str(&word)
                .ok()
                .filter(|value: &JsonValue| value.is_number() || value.is_boolean())
                .ok_or_else(|| format!("The filter's value {word} needs quotation marks."))?,
            _ => return Err(format!("The filter compares {name} with nothing.")),
        };
        Ok(Filter::Compare(name, operator, value))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn meets(text: &str) -> bool {
        Filter::parse(text).unwrap().matches(&json!({
            "requestId": 12, "state": "RUNNING", "active": true, "errorType": null,
            "submissionTime": "2026-02-01T10:00:00.000Z", "name": {"familyName": "O\"Brien"},
            "emails": [{"value": "a@example.com"}, {"value": "b@example.com"}],
        }))
    }

    #[test]
    fn conditions_are_met_or_not() {
        for text in [
            "state eq \"running\"",
            "state eq \"RUNNING\" and requestId gt 9",
            "state eq \"WAIT\" or requestId le 12",
            "not (state eq \"WAIT\")",
            "(state eq \"WAIT\" or active eq true) and emails.value sw \"b@\"",
            "submissionTime ge \"2026-02-01T10:00:00Z\"",
            "name.familyName eq \"o\\\"brien\"",
            "errorType ne \"SYSTEM\"",
            "STATE pr",
        ] {
            assert!(meets(text), "{text}");
        }
        for text in ["state ne \"RUNNING\"", "errorType pr", "requestId gt 12", "nothing eq \"x\"", "state ew \"RUN\""]
        {
            assert!(!meets(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "names no attribute"),
            ("state", "with nothing"),
            ("state eq", "with nothing"),
            ("state eq RUNNING", "quotation marks"),
            ("state is \"x\"", "operator is"),
            ("state eq \"x", "no end"),
            ("(state pr", "isn't closed"),
            ("state pr state pr", "doesn't end"),
            (&format!("{}state pr{}", "(".repeat(99), ")".repeat(99)), "too deep"),
        ] {
            let error = Filter::parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z\"\\\\() eqandornot0-9.]{0,60}") {
            if let Ok(filter) = Filter::parse(&text) {
                filter.matches(&json!({"a": [1, "x", null]}));
            }
        }
    }
}
