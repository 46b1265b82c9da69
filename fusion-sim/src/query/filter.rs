//! A `q` bound to a resource: names looked up, values read as the attribute's type, rows judged.
//!
//! Comparison is exact (decimals by value, timestamps as instants) and three-valued as in SQL: a condition on
//! an unset attribute is neither true nor false.

use std::cmp::Ordering;
use std::str::FromStr as _;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::like::Pattern;
use super::{Expr, Grammar, Literal, Operator, QueryError, Subject, Test};
use crate::model::{Attribute, Resource, Row, Type, Value};

/// Conditions on the rows of one resource.
#[derive(Clone, Debug)]
pub struct Filter {
    node: Node,
}

#[derive(Clone, Debug)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Test { children: Vec<String>, at: usize, upper: bool, check: Check },
}

#[derive(Clone, Debug)]
enum Check {
    Compare(Operator, Value),
    Between { not: bool, low: Value, high: Value },
    In { not: bool, values: Vec<Value> },
    Null { not: bool },
    Like { not: bool, pattern: Pattern },
}

impl Filter {
    /// Parses `q` and binds it to the resource.
    ///
    /// # Errors
    ///
    /// [`QueryError`] where the text, a name or a value is refused (400).
    pub fn parse(text: &str, grammar: Grammar, resource: &Resource) -> Result<Self, QueryError> {
        Self::bind(&super::parse(text, grammar)?, resource)
    }

    /// Binds a parsed `q` to the resource.
    ///
    /// # Errors
    ///
    /// [`QueryError`] where a name or a value is refused (400).
    pub fn bind(expr: &Expr, resource: &Resource) -> Result<Self, QueryError> {
        Ok(Self { node: bind(expr, resource)? })
    }

    /// A filter of one equality, for finder variables.
    #[must_use]
    pub fn equals(at: usize, value: Value) -> Self {
        Self { node: Node::Test { children: Vec::new(), at, upper: false, check: Check::Compare(Operator::Eq, value) } }
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { node: Node::And(vec![self.node, other.node]) }
    }

    /// Whether the row is among those asked for.
    #[must_use]
    pub fn matches(&self, row: &Row) -> bool {
        self.node.holds(row) == Some(true)
    }

    /// The places of the row's own attributes that the conditions look at; `None` where they look at children,
    /// so that only the whole row can be judged.
    #[must_use]
    pub fn wanted(&self) -> Option<Vec<usize>> {
        let mut wanted = Vec::new();
        self.node.wanted(&mut wanted).then_some(wanted)
    }

    /// The equalities that every row has to meet: place of the attribute, value.
    #[must_use]
    pub fn equalities(&self) -> Vec<(usize, &Value)> {
        self.required()
            .into_iter()
            .filter(|(_, operator, _)| *operator == Operator::Eq)
            .map(|(at, _, value)| (at, value))
            .collect()
    }

    /// The comparisons that every row has to meet.
    #[must_use]
    pub fn required(&self) -> Vec<(usize, Operator, &Value)> {
        let mut found = Vec::new();
        self.node.required(&mut found);
        found
    }

    /// Whether every row has to begin with so many characters that are given, in one of the attributes.
    #[must_use]
    pub fn selects(&self, characters: usize, attribute: &dyn Fn(usize) -> bool) -> bool {
        self.node.selects(characters, attribute)
    }
}

impl Node {
    fn holds(&self, row: &Row) -> Option<bool> {
        match self {
            Node::And(all) => all.iter().try_fold(Some(true), |so_far, node| match node.holds(row) {
                Some(false) => Err(Some(false)),
                None => Ok(None),
                Some(true) => Ok(so_far),
            }),
            Node::Or(any) => any.iter().try_fold(Some(false), |so_far, node| match node.holds(row) {
                Some(true) => Err(Some(true)),
                None => Ok(None),
                Some(false) => Ok(so_far),
            }),
            Node::Not(node) => return node.holds(row).map(|holds| !holds),
            Node::Test { children, at, upper, check } => {
                return among(row, children, &|row| check.holds(row.values.get(*at)?, *upper));
            }
        }
        .unwrap_or_else(|decided| decided)
    }

    fn wanted(&self, wanted: &mut Vec<usize>) -> bool {
        match self {
            Node::And(nodes) | Node::Or(nodes) => nodes.iter().all(|node| node.wanted(wanted)),
            Node::Not(node) => node.wanted(wanted),
            Node::Test { children, at, .. } => {
                wanted.push(*at);
                children.is_empty()
            }
        }
    }

    fn selects(&self, characters: usize, attribute: &dyn Fn(usize) -> bool) -> bool {
        match self {
            Node::And(nodes) => nodes.iter().any(|node| node.selects(characters, attribute)),
            Node::Or(nodes) => nodes.iter().all(|node| node.selects(characters, attribute)),
            Node::Test { at, check, .. } if attribute(*at) => {
                let long = |value: &Value| matches!(value, Value::Text(text) if text.chars().count() >= characters);
                match check {
                    Check::Compare(Operator::Eq, value) => long(value),
                    Check::In { not: false, values } => values.iter().all(long),
                    Check::Like { not: false, pattern } => pattern.literal_start() >= characters,
                    _ => false,
                }
            }
            _ => false,
        }
    }

    fn required<'f>(&'f self, found: &mut Vec<(usize, Operator, &'f Value)>) {
        match self {
            Node::And(nodes) => nodes.iter().for_each(|node| node.required(found)),
            Node::Test { children, at, upper: false, check } if children.is_empty() => match check {
                Check::Compare(operator, value) => found.push((*at, *operator, value)),
                Check::Between { not: false, low, high } => {
                    found.push((*at, Operator::Ge, low));
                    found.push((*at, Operator::Le, high));
                }
                _ => {}
            },
            _ => {}
        }
    }
}

/// A condition on a child holds where one of its rows meets it.
fn among(row: &Row, children: &[String], test: &dyn Fn(&Row) -> Option<bool>) -> Option<bool> {
    match children.split_first() {
        None => test(row),
        Some((child, rest)) => Some(row.child(child).iter().any(|row| among(row, rest, test) == Some(true))),
    }
}

impl Check {
    fn holds(&self, value: &Value, upper: bool) -> Option<bool> {
        if let Check::Null { not } = self {
            return Some((*value == Value::Null) != *not);
        }
        if *value == Value::Null {
            return None;
        }
        let raised;
        let value = match value {
            Value::Text(text) if upper => {
                raised = Value::Text(text.to_uppercase().into());
                &raised
            }
            other => other,
        };
        match self {
            Check::Compare(operator, with) => compare(value, with).map(|ordering| operator.accepts(ordering)),
            Check::Between { not, low, high } => {
                let inside = compare(value, low)? != Ordering::Less && compare(value, high)? != Ordering::Greater;
                Some(inside != *not)
            }
            Check::In { not, values } => {
                Some(values.iter().any(|with| compare(value, with) == Some(Ordering::Equal)) != *not)
            }
            Check::Like { not, pattern } => match value {
                Value::Text(text) => Some(pattern.matches(text) != *not),
                _ => None,
            },
            Check::Null { .. } => None,
        }
    }
}

impl Operator {
    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Operator::Eq => ordering == Ordering::Equal,
            Operator::Ne => ordering != Ordering::Equal,
            Operator::Lt => ordering == Ordering::Less,
            Operator::Le => ordering != Ordering::Greater,
            Operator::Gt => ordering == Ordering::Greater,
            Operator::Ge => ordering != Ordering::Less,
        }
    }
}

/// Compares two values of one kind exactly; `None` where they cannot be compared or one is unset.
#[must_use]
pub fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Boolean(left), Value::Boolean(right)) => Some(left.cmp(right)),
        (Value::Integer(left), Value::Integer(right)) => Some(left.cmp(right)),
        (Value::Integer(left), Value::Decimal(right)) => Some(Decimal::from(*left).cmp(right)),
        (Value::Decimal(left), Value::Integer(right)) => Some(left.cmp(&Decimal::from(*right))),
        (Value::Decimal(left), Value::Decimal(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn bind(expr: &Expr, resource: &Resource) -> Result<Node, QueryError> {
    let all = |terms: &[Expr]| terms.iter().map(|term| bind(term, resource)).collect::<Result<Vec<_>, _>>();
    Ok(match expr {
        Expr::And(terms) => Node::And(all(terms)?),
        Expr::Or(terms) => Node::Or(all(terms)?),
        Expr::Not(term) => Node::Not(Box::new(bind(term, resource)?)),
        Expr::Term(subject, test) => {
            let (children, at, attribute) = find(subject, resource)?;
            Node::Test { children, at, upper: subject.upper, check: check(attribute, test)? }
        }
    })
}

fn find<'r>(subject: &Subject, resource: &'r Resource) -> Result<(Vec<String>, usize, &'r Attribute), QueryError> {
    let unknown = |name: &str, of: &Resource| QueryError::UnknownAttribute {
        parameter: "q",
        name: name.to_owned(),
        resource: of.name.clone(),
    };
    let mut parts: Vec<&str> = subject.path.split('.').collect();
    let name = parts.pop().unwrap_or_default();
    let mut of = resource;
    for part in &parts {
        of = of.child(part).ok_or_else(|| unknown(part, of))?;
    }
    let at = of.attributes.iter().position(|attribute| attribute.name == name).ok_or_else(|| unknown(name, of))?;
    let attribute = of.attributes.get(at).ok_or_else(|| unknown(name, of))?;
    if !attribute.queryable {
        return Err(QueryError::NotQueryable { name: subject.path.clone(), resource: of.name.clone() });
    }
    if subject.upper && attribute.kind != Type::Text {
        return Err(bad(attribute, "upper()", "a text attribute"));
    }
    Ok((parts.into_iter().map(str::to_owned).collect(), at, attribute))
}

fn check(attribute: &Attribute, test: &Test) -> Result<Check, QueryError> {
    let value = |literal: &Literal| read(&attribute.name, attribute.kind, &literal.text);
    Ok(match test {
        Test::Compare(operator, literal) => Check::Compare(*operator, value(literal)?),
        Test::Between { not, low, high } => Check::Between { not: *not, low: value(low)?, high: value(high)? },
        Test::In { not, values } => {
            Check::In { not: *not, values: values.iter().map(value).collect::<Result<_, _>>()? }
        }
        Test::Null { not } => Check::Null { not: *not },
        Test::Like { not, pattern } if attribute.kind == Type::Text => {
            Check::Like { not: *not, pattern: Pattern::new(&pattern.text) }
        }
        Test::Like { pattern, .. } => {
            return Err(bad(attribute, &pattern.text, "an operator other than like, which is for text"));
        }
    })
}

fn bad(attribute: &Attribute, value: &str, expected: &'static str) -> QueryError {
    QueryError::BadValue { name: attribute.name.clone(), value: value.to_owned(), expected }
}

/// Reads a value as an attribute's type; quotes are gone already.
///
/// # Errors
///
/// [`QueryError::BadValue`], such as for a date with a blank where the `+` of an offset stood (FACTS 8, I5).
pub fn read(name: &str, kind: Type, text: &str) -> Result<Value, QueryError> {
    let refused = |expected| QueryError::BadValue { name: name.to_owned(), value: text.to_owned(), expected };
    match kind {
        Type::Text | Type::Attachment | Type::List => Ok(Value::Text(text.into())),
        Type::Integer | Type::Number => number(text).ok_or_else(|| refused("a number")),
        Type::Boolean => match text {
            "true" => Ok(Value::Boolean(true)),
            "false" => Ok(Value::Boolean(false)),
            _ => Err(refused("true or false")),
        },
        Type::Date => date(text).map(Value::Date).ok_or_else(|| refused("a date as 2026-01-31")),
        Type::Timestamp => instant(text)
            .map(Value::Timestamp)
            .ok_or_else(|| refused("a date as 2026-01-31 or a timestamp as 2026-01-31T10:00:00.000+00:00")),
    }
}

fn number(text: &str) -> Option<Value> {
    if !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.')) {
        return None;
    }
    match text.parse::<i64>() {
        Ok(whole) => Some(Value::Integer(whole)),
        Err(_) => Decimal::from_str(text).ok().map(Value::Decimal),
    }
}

fn date(text: &str) -> Option<Date> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(
            |(at, byte)| {
                if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() }
            },
        );
    if shaped { text.parse().ok() } else { None }
}

fn instant(text: &str) -> Option<Timestamp> {
    if let Some(date) = date(text) {
        return date.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp());
    }
    // What jiff reads beyond ISO 8601 (blanks, a lower-case t, zone names in brackets) a pod refuses.
    let shaped = text.as_bytes().get(10) == Some(&b'T')
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b'+' | b'T' | b'Z'));
    if shaped { text.parse().ok() } else { None }
}
