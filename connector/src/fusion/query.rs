//! `q`, `finder`, `fields`, `expand` and `orderBy`: what a person chose, in the pod's grammar (FACTS 1.4, 1.5).
//!
//! Sent is the strict form alone: text in single quotes with inner quotes doubled, numbers as they were
//! spelt, timestamps in UTC, groups joined with `;` at the top. Names are checked here, so that nothing a
//! person types can end one term and begin another.

use std::borrow::Cow;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::catalogue::Kind;
use super::time;
use crate::problem::{Failure, Result};

/// Comparison in a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Greater, or later.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less, or earlier.
    Lt,
    /// Less or equal.
    Le,
    /// Matches a pattern in which * stands for any run of characters; case counts.
    Like,
    /// Does not match such a pattern.
    NotLike,
    /// Is one of a list.
    In,
    /// Is none of a list.
    NotIn,
    /// Lies between two values, both included: [low, high].
    Between,
    /// Is not set.
    IsNull,
    /// Is set.
    IsNotNull,
}

/// A condition, or a group of conditions.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[schemars(title = "Condition", deny_unknown_fields)]
pub struct Node {
    /// Attribute to compare, as Fusion spells it; a child's as child.Attribute.
    #[schemars(title = "Attribute", length(min = 1), extend("x-connector-options" = {"source": "queryable_attributes", "depends-on": ["resource"], "searchable": true}))]
    pub attribute: Option<String>,
    /// How to compare.
    #[schemars(title = "Operator")]
    pub operator: Option<Operator>,
    /// What to compare with: text, a number, true or false; a list for in and not_in; [low, high] for
    /// between; nothing for is_null and is_not_null.
    #[schemars(title = "Value", with = "Option<Anything>")]
    pub value: Option<Box<RawValue>>,
    /// A group: each of these must hold.
    #[schemars(title = "All of")]
    pub all: Option<Vec<Node>>,
    /// A group: at least one of these must hold.
    #[schemars(title = "Any of")]
    pub any: Option<Vec<Node>>,
}

impl Node {
    /// A condition that an attribute is a value, in JSON as it is spelt.
    pub fn equals(attribute: &str, value: &str) -> Self {
        Self {
            attribute: Some(attribute.to_owned()),
            operator: Some(Operator::Eq),
            value: RawValue::from_string(value.to_owned()).ok(),
            ..Self::default()
        }
    }
}

/// Any JSON value.
#[derive(Clone, Debug)]
pub struct Anything;

impl JsonSchema for Anything {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Anything".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({})
    }
}

/// Sort order by one attribute.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(title = "Sort", deny_unknown_fields)]
pub struct Order {
    /// Attribute to sort by.
    #[schemars(title = "Attribute", length(min = 1))]
    pub attribute: String,
    /// Ascending unless said otherwise.
    #[schemars(title = "Direction", extend("default" = "asc"))]
    pub direction: Option<Direction>,
}

/// Sort direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Direction {
    /// Smallest or earliest first.
    Asc,
    /// Largest or latest first.
    Desc,
}

/// A finder of the resource, with its variables.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(title = "Finder", deny_unknown_fields)]
pub struct Finder {
    /// Name of the finder.
    #[schemars(title = "Name", length(min = 1), extend("x-connector-options" = {"source": "finders", "depends-on": ["resource"]}))]
    pub name: String,
    /// Values of its variables, by name.
    #[schemars(title = "Variables")]
    #[schemars(with = "Option<std::collections::BTreeMap<String, Anything>>")]
    #[serde(default)]
    pub variables: Option<Variables>,
}

/// Variables in the order in which they came, each as it was spelt.
#[derive(Clone, Debug, Default)]
pub struct Variables(pub Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Variables {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Variables;

            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> std::result::Result<Variables, A::Error> {
                let mut variables = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    variables.push(entry);
                }
                Ok(Variables(variables))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// What an attribute holds, where it is known.
pub type KindOf<'a> = &'a dyn Fn(&str) -> Option<Kind>;

/// The conditions of `all` and `any` as `q` terms, to be joined with `;`. Pointers in errors start at the
/// input's own `/all` and `/any`.
///
/// # Errors
/// `invalid-input` with the pointer of the condition.
pub fn terms(all: &[Node], any: &[Node], kind_of: KindOf, framework: u8) -> Result<Vec<String>> {
    let mut terms = Vec::new();
    for (index, node) in all.iter().enumerate() {
        let mut at = format!("/all/{index}");
        terms.push(one(node, kind_of, &mut at, Place::Top)?);
    }
    if !any.is_empty() {
        let mut at = "/any".to_owned();
        terms.push(group(any, false, kind_of, &mut at, Place::Top)?);
    }
    if framework == 1 && terms.iter().any(|term| term.starts_with('(')) {
        return Err(Failure::invalid("/any", "alternatives need REST framework version 2 or later")
            .remedy("Set rest_framework_version in the connection to 4."));
    }
    Ok(terms)
}

/// Where a term stands, which decides whether a group needs parentheses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    InAnd,
    InOr,
}

fn one(node: &Node, kind_of: KindOf, at: &mut String, place: Place) -> Result<String> {
    match (&node.attribute, &node.all, &node.any) {
        (Some(attribute), None, None) => condition(attribute, node, kind_of, at),
        (None, Some(nodes), None) if lone(node) => inner(at, "/all", |at| group(nodes, true, kind_of, at, place)),
        (None, None, Some(nodes)) if lone(node) => inner(at, "/any", |at| group(nodes, false, kind_of, at, place)),
        _ => Err(Failure::invalid(
            at.clone(),
            "a condition has attribute, operator and value; a group has all or any and nothing else",
        )),
    }
}

fn lone(node: &Node) -> bool {
    node.operator.is_none() && node.value.is_none()
}

fn inner(at: &mut String, part: &str, run: impl FnOnce(&mut String) -> Result<String>) -> Result<String> {
    let length = at.len();
    at.push_str(part);
    let outcome = run(at);
    at.truncate(length);
    outcome
}

fn group(nodes: &[Node], and: bool, kind_of: KindOf, at: &mut String, place: Place) -> Result<String> {
    if nodes.is_empty() {
        return Err(Failure::invalid(at.clone(), "a group needs at least one condition"));
    }
    let within = if nodes.len() == 1 {
        place
    } else if and {
        Place::InAnd
    } else {
        Place::InOr
    };
    let mut parts = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        parts.push(inner(at, &format!("/{index}"), |at| one(node, kind_of, at, within))?);
    }
    if nodes.len() == 1 {
        return Ok(parts.pop().unwrap_or_default());
    }
    let joined = parts.join(if and { " and " } else { " or " });
    // `and` binds tighter than `or`; a group at the top stands in parentheses so that it is one condition.
    let bare = and && place == Place::InOr;
    Ok(if bare { joined } else { format!("({joined})") })
}

fn condition(attribute: &str, node: &Node, kind_of: KindOf, at: &str) -> Result<String> {
    let Some(operator) = node.operator else {
        return Err(Failure::invalid(
            format!("{at}/operator"),
            format!("the condition on {attribute} has no operator"),
        ));
    };
    let name = path(attribute).ok_or_else(|| {
        Failure::invalid(format!("{at}/attribute"), format!("{attribute:?} is not the name of an attribute"))
    })?;
    let kind = kind_of(name);
    let place = format!("{at}/value");
    let given = node.value.as_deref().filter(|raw| raw.get() != "null");
    let single = || match given {
        Some(raw) => literal(raw, kind, &place),
        None => Err(Failure::invalid(
            place.clone(),
            "a value is missing; to ask for attributes that are not set, use is_null",
        )),
    };
    let compare = |sign: &str| Ok(format!("{name} {sign} {}", single()?));
    match operator {
        Operator::Eq => compare("="),
        Operator::Ne => compare("!="),
        Operator::Gt => compare(">"),
        Operator::Ge => compare(">="),
        Operator::Lt => compare("<"),
        Operator::Le => compare("<="),
        Operator::Like | Operator::NotLike => {
            let sign = if operator == Operator::Like { "like" } else { "not like" };
            let text: Option<String> = given.and_then(|raw| serde_json::from_str(raw.get()).ok());
            match text {
                Some(text) => Ok(format!("{name} {sign} {}", quote(&text))),
                None => Err(Failure::invalid(place, "a pattern is text, as in \"ACME*\"")),
            }
        }
        Operator::In | Operator::NotIn => {
            let sign = if operator == Operator::In { "in" } else { "not in" };
            let values = list(given, kind, &place)?;
            if values.is_empty() {
                return Err(Failure::invalid(place, "the list is empty"));
            }
            Ok(format!("{name} {sign} ({})", values.join(",")))
        }
        Operator::Between => match list(given, kind, &place)?.as_slice() {
            [low, high] => Ok(format!("{name} between {low} and {high}")),
            _ => Err(Failure::invalid(place, "between takes a list of two values, [low, high]")),
        },
        Operator::IsNull | Operator::IsNotNull if given.is_some() => {
            Err(Failure::invalid(place, "is_null and is_not_null take no value"))
        }
        Operator::IsNull => Ok(format!("{name} is null")),
        Operator::IsNotNull => Ok(format!("{name} is not null")),
    }
}

fn list(given: Option<&RawValue>, kind: Option<Kind>, at: &str) -> Result<Vec<String>> {
    let items: Option<Vec<&RawValue>> = given.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let Some(items) = items else {
        return Err(Failure::invalid(at, "a list of values is expected"));
    };
    items.iter().enumerate().map(|(index, raw)| literal(raw, kind, &format!("{at}/{index}"))).collect()
}

/// One JSON value as a literal of `q`.
fn literal(raw: &RawValue, kind: Option<Kind>, at: &str) -> Result<String> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'"') => {
            let inner: String = serde_json::from_str(text).map_err(|_| Failure::invalid(at, "this is not text"))?;
            text_literal(&inner, kind, at)
        }
        Some(b'-' | b'0'..=b'9') if matches!(kind, Some(Kind::String)) => Ok(quote(text)),
        Some(b'-' | b'0'..=b'9') if matches!(kind, Some(Kind::Date | Kind::Timestamp)) => {
            Err(Failure::invalid(at, "a date is expected here, as in \"2026-01-31\""))
        }
        Some(b'-' | b'0'..=b'9') if kind == Some(Kind::Boolean) => {
            Err(Failure::invalid(at, "true or false is expected here"))
        }
        Some(b'-' | b'0'..=b'9') if kind == Some(Kind::Integer) => whole(text, at),
        Some(b't' | b'f') if !matches!(kind, None | Some(Kind::Boolean | Kind::String)) => {
            Err(Failure::invalid(at, "true and false do not fit here"))
        }
        Some(b'-' | b'0'..=b'9' | b't' | b'f') => Ok(text.to_owned()),
        _ => Err(Failure::invalid(at, "text, a number, true or false is expected here")),
    }
}

/// A whole number of at most 18 digits, which is what a pod's whole numbers hold (FACTS 1.12).
fn whole(text: &str, at: &str) -> Result<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::invalid(at, format!("a whole number is expected here, not {text}")));
    }
    if digits.len() > 18 {
        return Err(Failure::invalid(at, format!("{text} has {} digits; a pod's keys have at most 18", digits.len())));
    }
    Ok(text.to_owned())
}

fn text_literal(text: &str, kind: Option<Kind>, at: &str) -> Result<String> {
    match kind {
        Some(Kind::Integer | Kind::Number) => {
            let number = text.trim();
            let plain = !number.is_empty()
                && serde_json::from_str::<&RawValue>(number).is_ok()
                && number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
            if plain && kind == Some(Kind::Integer) {
                return whole(number, at);
            }
            if plain { Ok(number.to_owned()) } else { Err(Failure::invalid(at, format!("{text:?} is not a number"))) }
        }
        Some(Kind::Boolean) if matches!(text, "true" | "false") => Ok(text.to_owned()),
        Some(Kind::Date) => match time::day(text.trim()) {
            Some(day) if text.trim().len() == 10 => Ok(quote(&day.to_string())),
            // An instant is compared by its day as it is written, the pod keeps no time there.
            _ => match text.trim().get(..10).and_then(time::day) {
                Some(day) if time::instant(text).is_some() => Ok(quote(&day.to_string())),
                _ => Err(Failure::invalid(at, format!("{text:?} is not a date as in 2026-01-31"))),
            },
        },
        Some(Kind::Timestamp) => match time::instant_or_day(text) {
            Some(instant) => Ok(quote(&time::in_query(instant))),
            None => Err(Failure::invalid(at, format!("{text:?} is not a date and time as in 2026-01-31T10:00:00Z"))),
        },
        // Where the kind is not known, only what can be nothing else is brought to UTC.
        None if text.len() >= 19 && time::instant(text).is_some() => match time::instant(text) {
            Some(instant) => Ok(quote(&time::in_query(instant))),
            None => Ok(quote(text)),
        },
        Some(Kind::String | Kind::Boolean) | None => Ok(quote(text)),
    }
}

/// Text in single quotes, inner quotes doubled.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The name of an attribute, or of a child's attribute, if it is one.
pub fn path(name: &str) -> Option<&str> {
    let fine = |part: &str| {
        !part.is_empty()
            && part.len() <= 128
            && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
            && !part.starts_with(|c: char| c.is_ascii_digit())
    };
    (name.split('.').count() <= 8 && name.split('.').all(fine)).then_some(name)
}

/// `orderBy`, with the key last so that the order is total (P6).
///
/// # Errors
/// `invalid-input` for what is not a name.
pub fn order_by(orders: &[Order], key: Option<&str>) -> Result<Option<String>> {
    let mut text = String::new();
    for (index, order) in orders.iter().enumerate() {
        let name = path(&order.attribute).ok_or_else(|| {
            Failure::invalid(
                format!("/order_by/{index}/attribute"),
                format!("{:?} is not the name of an attribute", order.attribute),
            )
        })?;
        let direction = if order.direction == Some(Direction::Desc) { "desc" } else { "asc" };
        if !text.is_empty() {
            text.push(',');
        }
        let _ = write!(text, "{name}:{direction}");
    }
    if let Some(key) = key
        && !orders.iter().any(|order| order.attribute == key)
    {
        if !text.is_empty() {
            text.push(',');
        }
        let _ = write!(text, "{key}:asc");
    }
    Ok((!text.is_empty()).then_some(text))
}

/// `finder`, with only its values encoded (FACTS 1.5).
///
/// # Errors
/// `invalid-input` for what is not a name or not a value.
pub fn finder(finder: &Finder) -> Result<String> {
    let name = path(&finder.name)
        .filter(|name| !name.contains('.'))
        .ok_or_else(|| Failure::invalid("/finder/name", format!("{:?} is not the name of a finder", finder.name)))?;
    let mut text = name.to_owned();
    let variables = finder.variables.as_ref().map(|variables| variables.0.as_slice()).unwrap_or_default();
    for (index, (variable, value)) in variables.iter().enumerate() {
        let at = format!("/finder/variables/{variable}");
        if path(variable).is_none() {
            return Err(Failure::invalid(at, "this is not the name of a variable"));
        }
        let value = match value.get().as_bytes().first() {
            Some(b'"') => {
                let inner: String =
                    serde_json::from_str(value.get()).map_err(|_| Failure::invalid(at.clone(), "this is not text"))?;
                // The separators of the clause itself have no escape; in quotes they are text (FACTS 1.5).
                if inner.contains(['"', ';', ',', '=']) || inner.is_empty() {
                    if inner.contains('"') && inner.contains('\'') {
                        return Err(Failure::invalid(at, "a finder takes no value with both kinds of quotes"));
                    }
                    let mark = if inner.contains('"') { '\'' } else { '"' };
                    format!("{mark}{inner}{mark}")
                } else {
                    inner
                }
            }
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => value.get().to_owned(),
            _ => return Err(Failure::invalid(at, "text, a number, true or false is expected here")),
        };
        text.push(if index == 0 { ';' } else { ',' });
        let _ = write!(text, "{variable}={}", super::address::query_value(&value));
    }
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
