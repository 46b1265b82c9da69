//! `orderBy=Name:asc,Other:desc`: parsed, bound to a resource, and applied to rows.

use std::cmp::Ordering;

use super::QueryError;
use super::filter::compare;
use crate::model::{Resource, Row, Value};

/// The order of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Place of the attribute, and whether it descends; the first decides.
    pub keys: Vec<(usize, bool)>,
}

impl Order {
    /// Parses `orderBy`; the direction is `asc` unless it is given.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: an unknown attribute, another direction, an empty part.
    pub fn parse(text: &str, resource: &Resource) -> Result<Self, QueryError> {
        let mut keys = Vec::new();
        for part in text.split(',') {
            let (name, direction) = part.split_once(':').unwrap_or((part, "asc"));
            let descending = match direction {
                "asc" => false,
                "desc" => true,
                other => {
                    return Err(QueryError::BadValue {
                        name: "orderBy".to_owned(),
                        value: other.to_owned(),
                        expected: "asc or desc",
                    });
                }
            };
            let at = resource.attributes.iter().position(|attribute| attribute.name == name);
            let at = at.ok_or_else(|| QueryError::UnknownAttribute {
                parameter: "orderBy",
                name: name.to_owned(),
                resource: resource.name.clone(),
            })?;
            keys.push((at, descending));
        }
        Ok(Self { keys })
    }

    /// The values that decide a row's place.
    #[must_use]
    pub fn key(&self, row: &Row) -> Vec<Value> {
        self.keys.iter().map(|(at, _)| row.values.get(*at).cloned().unwrap_or(Value::Null)).collect()
    }

    /// Which of two rows stands first, by their keys; unset values stand last when ascending, as in Oracle's SQL.
    #[must_use]
    pub fn compare(&self, left: &[Value], right: &[Value]) -> Ordering {
        for ((_, descending), (left, right)) in self.keys.iter().zip(left.iter().zip(right)) {
            let ordering = match (left, right) {
                (Value::Null, Value::Null) => Ordering::Equal,
                (Value::Null, _) => Ordering::Greater,
                (_, Value::Null) => Ordering::Less,
                _ => compare(left, right).unwrap_or(Ordering::Equal),
            };
            if ordering != Ordering::Equal {
                return if *descending { ordering.reverse() } else { ordering };
            }
        }
        Ordering::Equal
    }
}
