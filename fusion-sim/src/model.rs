//! The words that the rooms of the pod share: values, rows, and what a resource is.
//!
//! Values are exact: an id is an `i64`, an amount keeps its digits and its scale. Nothing here knows
//! HTTP, JSON or the data generator.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::saved::SavedValue;

/// One attribute's value in a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "SavedValue", try_from = "SavedValue")]
pub enum Value {
    /// Unset: rendered as an explicit `null` (FACTS 1.6).
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// An id or a count, up to 18 digits.
    Integer(i64),
    /// An amount; the scale is kept (`0.10` stays `0.10`).
    Decimal(Decimal),
    /// Text.
    Text(Arc<str>),
    /// `yyyy-MM-dd`.
    Date(Date),
    /// UTC with offset; milliseconds are written only where they are not zero (FACTS 1.12).
    Timestamp(Timestamp),
    /// A list-valued attribute.
    List(Vec<Value>),
}

/// What an attribute holds; `Date` and `Timestamp` are `string` in describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `string`
    Text,
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `boolean`
    Boolean,
    /// `string`, `yyyy-MM-dd`
    Date,
    /// `string`, date-time
    Timestamp,
    /// `attachment`: base64 in, an enclosure link out
    Attachment,
    /// `array`
    List,
}

/// When an attribute may be changed (`allowChanges` of describe).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowChanges {
    /// On create and on update.
    Always,
    /// On create alone.
    InCreate,
    /// Never: the server fills it.
    Never,
}

/// The root that a resource lives under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Root {
    /// `fscmRestApi`
    Fscm,
    /// `hcmRestApi`
    Hcm,
    /// `crmRestApi`
    Crm,
}

/// An attribute as describe tells it.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Fusion's name, case-sensitive.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// What it holds.
    pub kind: Type,
    /// May stand in `q`.
    pub queryable: bool,
    /// Must be sent on create.
    pub mandatory: bool,
    /// When it may be written.
    pub allow_changes: AllowChanges,
    /// Longest text, in characters.
    pub max_length: Option<u32>,
    /// List of values, if any.
    pub lov: Option<Lov>,
}

/// A list of values behind an attribute.
#[derive(Clone, Debug)]
pub struct Lov {
    /// Name in `/lov/{name}` and `childRef` of describe.
    pub name: String,
    /// Source attribute of the list's rows → attribute of this resource.
    pub attribute_map: Vec<(String, String)>,
    /// Attributes of the list's rows to show.
    pub display: Vec<String>,
}

/// How a row is named in a URL (FACTS 1.7).
#[derive(Clone, Debug)]
pub enum Key {
    /// One attribute, written plainly.
    Plain(String),
    /// Opaque: upper-case hex over these attributes, in this order.
    Opaque(Vec<String>),
}

/// A finder with its variables.
#[derive(Clone, Debug)]
pub struct Finder {
    /// Name, case-sensitive.
    pub name: String,
    /// Variables with their types.
    pub variables: Vec<(String, Type)>,
    /// Variables without which the finder is refused.
    pub required: Vec<String>,
}

/// A resource, or a child of one.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Name in the URL.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// Where it lives; children live where their parent does.
    pub root: Root,
    /// In describe order.
    pub attributes: Vec<Attribute>,
    /// How rows are named.
    pub key: Key,
    /// Finders.
    pub finders: Vec<Finder>,
    /// Children, nested to any depth.
    pub children: Vec<Resource>,
    /// Methods on the collection (`GET`, `POST`).
    pub collection_methods: Vec<String>,
    /// Methods on an item (`GET`, `PATCH`, `DELETE`).
    pub item_methods: Vec<String>,
    /// Custom actions on the collection.
    pub collection_actions: Vec<String>,
    /// Custom actions on an item.
    pub item_actions: Vec<String>,
    /// Rows carry a change indicator (and answers an ETag).
    pub change_indicator: bool,
    /// A collection GET without a finder is refused (Q3).
    pub finder_required: bool,
}

impl Resource {
    /// The attribute of that exact name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// The child of that exact name.
    pub fn child(&self, name: &str) -> Option<&Resource> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// A row: values in the resource's attribute order, and the rows of its children.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// One value for each attribute of the resource, in its order.
    pub values: Vec<Value>,
    /// Child name → rows, in describe order of the children.
    pub children: Vec<(String, Vec<Row>)>,
    /// Object version number, counted up by each update; part of the change indicator.
    pub version: i32,
}

impl Row {
    /// The value of an attribute; `None` where the resource has no such attribute.
    pub fn get<'a>(&'a self, resource: &Resource, name: &str) -> Option<&'a Value> {
        let at = resource.attributes.iter().position(|attribute| attribute.name == name)?;
        self.values.get(at)
    }

    /// The rows of a child; empty where there are none.
    pub fn child(&self, name: &str) -> &[Row] {
        self.children.iter().find(|(child, _)| child == name).map_or(&[], |(_, rows)| rows)
    }

    /// Sets the value of an attribute; `false` where the resource has no such attribute.
    pub fn set(&mut self, resource: &Resource, name: &str, value: Value) -> bool {
        let at = resource.attributes.iter().position(|attribute| attribute.name == name);
        match at.and_then(|at| self.values.get_mut(at)) {
            Some(place) => {
                *place = value;
                true
            }
            None => false,
        }
    }

    /// A row of the resource with nothing set and no children.
    pub fn empty(resource: &Resource) -> Self {
        Self { values: vec![Value::Null; resource.attributes.len()], children: Vec::new(), version: 1 }
    }

    /// The rows of a child, to be changed; the child is there afterwards.
    pub fn child_mut(&mut self, name: &str) -> &mut Vec<Row> {
        let at = self.children.iter().position(|(child, _)| child == name).unwrap_or(self.children.len());
        if at == self.children.len() {
            self.children.push((name.to_owned(), Vec::new()));
        }
        // `at` was found or pushed just above.
        #[allow(clippy::indexing_slicing)]
        &mut self.children[at].1
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

impl From<Decimal> for Value {
    fn from(number: Decimal) -> Self {
        Self::Decimal(number)
    }
}

impl From<Date> for Value {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Timestamp(time)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
