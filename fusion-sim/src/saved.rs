//! How values are written into a saved pod: tagged, exact, as text where JSON would lose digits.

use std::str::FromStr as _;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::model::Value;

/// A [`Value`] as saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SavedValue {
    /// Unset.
    Null,
    /// A flag.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// An amount, its digits as text.
    Decimal(String),
    /// Text.
    Text(String),
    /// ISO date.
    Date(String),
    /// ISO timestamp.
    Timestamp(String),
    /// A list.
    List(Vec<SavedValue>),
}

impl From<Value> for SavedValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(flag) => Self::Boolean(flag),
            Value::Integer(number) => Self::Integer(number),
            Value::Decimal(number) => Self::Decimal(number.to_string()),
            Value::Text(text) => Self::Text(text.to_string()),
            Value::Date(date) => Self::Date(date.to_string()),
            Value::Timestamp(time) => Self::Timestamp(time.to_string()),
            Value::List(values) => Self::List(values.into_iter().map(Self::from).collect()),
        }
    }
}

impl TryFrom<SavedValue> for Value {
    type Error = String;

    fn try_from(saved: SavedValue) -> Result<Self, String> {
        Ok(match saved {
            SavedValue::Null => Self::Null,
            SavedValue::Boolean(flag) => Self::Boolean(flag),
            SavedValue::Integer(number) => Self::Integer(number),
            SavedValue::Decimal(text) => {
                Self::Decimal(Decimal::from_str(&text).map_err(|error| format!("{text}: {error}"))?)
            }
            SavedValue::Text(text) => Self::Text(text.into()),
            SavedValue::Date(text) => Self::Date(text.parse::<Date>().map_err(|error| error.to_string())?),
            SavedValue::Timestamp(text) => {
                Self::Timestamp(text.parse::<Timestamp>().map_err(|error| error.to_string())?)
            }
            SavedValue::List(values) => Self::List(values.into_iter().map(Self::try_from).collect::<Result<_, _>>()?),
        })
    }
}

/// A timestamp as ISO text.
pub mod text {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes it.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    /// Reads it.
    ///
    /// # Errors
    /// Where the text is no timestamp.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
