//! The pod's rows: what the generator computes, under what has been created, updated or deleted.
//!
//! Owns the overlay and its saving. Promises that a row written is the row read, and that a store
//! saved and opened again answers the same. Never holds a generated row: a million invoices cost
//! nothing until they are asked for. Never speaks HTTP; a refusal is told without a body.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::create;
use crate::data::Generator;
use crate::effective;
use crate::fbdi::tables::Tables;
use crate::history::History;
use crate::keys::{self, KeyValues, Place};
use crate::model::{Resource, Root, Row, Value};
use crate::payload::Payload;

/// What a pod is made from; the same options give the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Seed of the generator.
    pub seed: u64,
    /// How many Payables invoices, at most 1,000,000.
    pub invoices: u64,
    /// The pod's clock when it starts: rows were last changed in the days before.
    #[serde(with = "crate::saved::text")]
    pub start: Timestamp,
}

impl Options {
    /// The most invoices that the generator makes.
    pub const MAX_INVOICES: u64 = 1_000_000;
}

/// Who writes, and when.
#[derive(Clone, Debug)]
pub struct Context {
    /// The pod's clock.
    pub now: Timestamp,
    /// Username, for `CreatedBy` and `LastUpdatedBy`.
    pub user: String,
}

impl Context {
    /// The day, in UTC.
    pub fn today(&self) -> Date {
        self.now.to_zoned(TimeZone::UTC).date()
    }
}

/// Why a write was not done. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// `AP-810245`, `27014` (numeric, without `JBO-`), or none.
    pub code: Option<String>,
    /// What a person reads; holds the business code where FACTS 1.11 shows it inside the text.
    pub detail: String,
    /// Where in the payload: `/invoiceLines/0/LineAmount`.
    pub path: Option<String>,
}

impl Refusal {
    /// A 400 without code or path.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self { status: 400, code: None, detail: detail.into(), path: None }
    }

    /// A 404: no such row.
    pub fn not_found() -> Self {
        Self { status: 404, code: None, detail: "The requested item does not exist.".to_owned(), path: None }
    }

    pub(crate) fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    pub(crate) fn at(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }
}

/// One step from a row down to a child row.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The child's name.
    pub child: String,
    /// The key of the row among the children.
    pub key: KeyValues,
}

/// Where a row of a resource is, before it is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// Computed from this index.
    Generated(u64),
    /// Held, under this identity.
    Held(String),
}

type Rows = BTreeMap<String, Option<Row>>;

/// What was written since the start; a `None` is a deleted row.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Overlay {
    rows: BTreeMap<String, Rows>,
    ids: i64,
    /// What SCIM knows of a user and no row holds, by the user's id.
    #[serde(default)]
    notes: BTreeMap<String, serde_json::Value>,
    /// Rows of interface tables, between load and import.
    #[serde(default)]
    tables: Tables,
    /// What requests changed.
    #[serde(default)]
    history: History,
}

/// The rows of a pod.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct Store {
    generator: Generator,
    overlay: Overlay,
    /// Whose request it is that writes; none for what a pod does by itself.
    actor: Option<Context>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    options: Options,
    overlay: Overlay,
}

impl From<Saved> for Store {
    fn from(saved: Saved) -> Self {
        Self { generator: Generator::new(saved.options), overlay: saved.overlay, actor: None }
    }
}

impl From<Store> for Saved {
    fn from(store: Store) -> Self {
        Self { options: store.generator.options().clone(), overlay: store.overlay }
    }
}

/// Ids that writes hand out: above every generated one, 15 digits (FACTS 1.12).
const FIRST_NEW_ID: i64 = 300_900_000_000_001;

impl Store {
    /// A pod as the generator makes it.
    pub fn new(options: Options) -> Self {
        Self { generator: Generator::new(options), overlay: Overlay::default(), actor: None }
    }

    /// What the pod was made from.
    pub fn options(&self) -> &Options {
        self.generator.options()
    }

    /// Every row of a top-level resource, in the natural order of its key, computed as it is asked
    /// for.
    pub fn scan<'s>(&'s self, resource: &'s Resource) -> Box<dyn Iterator<Item = Row> + 's> {
        Box::new(self.positions(resource).filter_map(move |position| self.row(resource, &position)))
    }

    /// Where the rows are, in the order of [`Store::scan`]; nothing is computed yet, so that a page
    /// deep down is reached without the rows before it.
    pub fn positions<'s>(&'s self, resource: &'s Resource) -> Box<dyn Iterator<Item = Position> + 's> {
        let count = self.generator.count(resource);
        let Some(held) = self.rows(resource) else {
            return Box::new(Generated { next: 0, count });
        };
        let replaced: std::collections::BTreeSet<u64> =
            held.keys().filter_map(|identity| self.generator.index_of(resource, identity)).collect();
        let computed = Generated { next: 0, count }.filter_map(move |position| match position {
            Position::Generated(index) if replaced.contains(&index) => {
                let identity = self.generator.identity(resource, index);
                matches!(held.get(&identity), Some(Some(_))).then_some(Position::Held(identity))
            }
            position => Some(position),
        });
        let created = held
            .iter()
            .filter(|(identity, row)| row.is_some() && self.generator.index_of(resource, identity).is_none())
            .map(|(identity, _)| Position::Held(identity.clone()));
        Box::new(computed.chain(created))
    }

    /// The whole row at a position, with its children.
    pub fn row(&self, resource: &Resource, position: &Position) -> Option<Row> {
        match position {
            Position::Generated(index) => self.generator.row(resource, *index),
            Position::Held(identity) => self.rows(resource)?.get(identity)?.clone(),
        }
    }

    /// The row at a position with at least the attributes at `wanted` (places in the resource's
    /// attribute list) filled in and no children: enough to judge a condition, far cheaper than the
    /// row.
    pub fn probe(&self, resource: &Resource, position: &Position, wanted: &[usize]) -> Option<Row> {
        match position {
            Position::Generated(index) => self.generator.probe(resource, *index, wanted),
            Position::Held(_) => self.row(resource, position),
        }
    }

    /// How many rows there are.
    pub fn len(&self, resource: &Resource) -> u64 {
        let mut count = self.generator.count(resource);
        for (identity, row) in self.rows(resource).into_iter().flatten() {
            match (self.generator.index_of(resource, identity), row) {
                (Some(_), None) => count = count.saturating_sub(1),
                (None, Some(_)) => count = count.saturating_add(1),
                _ => {}
            }
        }
        count
    }

    /// The row of that key, found without a search.
    pub fn get(&self, resource: &Resource, key: &KeyValues) -> Option<Row> {
        self.by_identity(resource, &key.identity(resource))
    }

    /// The rows of which an attribute has exactly this value, by an index where the generator has
    /// one (`None` where it has none and a scan is needed).
    pub fn lookup(&self, resource: &Resource, attribute: &str, value: &Value) -> Option<Vec<Position>> {
        let found = self.generator.lookup(resource, attribute, value)?;
        let held = self.rows(resource);
        let mut positions: Vec<Position> = found
            .into_iter()
            .filter(|index| held.is_none_or(|rows| !rows.contains_key(&self.generator.identity(resource, *index))))
            .map(Position::Generated)
            .collect();
        for (identity, row) in held.into_iter().flatten() {
            if row.as_ref().and_then(|row| row.get(resource, attribute)).is_some_and(|held| held == value) {
                positions.push(Position::Held(identity.clone()));
            }
        }
        Some(positions)
    }

    /// Creates a row, with the children in the payload.
    ///
    /// # Errors
    /// [`Refusal`] as FACTS 1.11 and 4.1: unknown attribute, wrong type, missing value, duplicate.
    pub fn create(&mut self, resource: &Resource, payload: &Payload, context: &Context) -> Result<Row, Refusal> {
        let row = create::top(self, resource, payload, context)?;
        self.insert(resource, row.clone());
        Ok(row)
    }

    /// Changes a row; what may only be set on create is ignored (FACTS 8, W2).
    ///
    /// # Errors
    /// [`Refusal`]: no such row (404), or a value refused.
    pub fn update(
        &mut self,
        resource: &Resource,
        key: &KeyValues,
        payload: &Payload,
        context: &Context,
    ) -> Result<Row, Refusal> {
        let mut row = self.get(resource, key).ok_or_else(Refusal::not_found)?;
        create::change(self, &[], resource, &mut row, payload, context)?;
        self.insert(resource, row.clone());
        Ok(row)
    }

    /// Deletes a row with its children.
    ///
    /// # Errors
    /// [`Refusal`]: no such row (404).
    pub fn delete(&mut self, resource: &Resource, key: &KeyValues) -> Result<(), Refusal> {
        let identity = key.identity(resource);
        let before = self.by_identity(resource, &identity).ok_or_else(Refusal::not_found)?;
        if let Some(actor) = &self.actor {
            self.overlay.history.add((&name(resource), resource), Some(&before), None, actor);
        }
        self.overlay.rows.entry(name(resource)).or_default().insert(identity, None);
        Ok(())
    }

    /// Creates a row of `child` under the row that `key` and then `steps` lead to.
    ///
    /// # Errors
    /// [`Refusal`]: no such parent (404), or a value refused.
    pub fn create_child(
        &mut self,
        resource: &Resource,
        key: &KeyValues,
        steps: &[Step],
        child: &Resource,
        payload: &Payload,
        context: &Context,
    ) -> Result<Row, Refusal> {
        let mut top = self.get(resource, key).ok_or_else(Refusal::not_found)?;
        let ancestors = trail(resource, &top, steps).ok_or_else(Refusal::not_found)?;
        let row = create::child(self, &ancestors, child, payload, context)?;
        let (_, parent) = descend(resource, &mut top, steps).ok_or_else(Refusal::not_found)?;
        match parent.children.iter_mut().find(|(held, _)| *held == child.name) {
            Some((_, rows)) => rows.push(row.clone()),
            None => parent.children.push((child.name.clone(), vec![row.clone()])),
        }
        self.insert(resource, top);
        Ok(row)
    }

    /// Changes the child row that `steps` (at least one) lead to. Its parent's `LastUpdateDate`
    /// stays as it is (FACTS 8, I2).
    ///
    /// # Errors
    /// [`Refusal`]: no such row (404), or a value refused.
    pub fn update_child(
        &mut self,
        resource: &Resource,
        key: &KeyValues,
        steps: &[Step],
        payload: &Payload,
        context: &Context,
    ) -> Result<Row, Refusal> {
        let mut top = self.get(resource, key).ok_or_else(Refusal::not_found)?;
        let mut ancestors = trail(resource, &top, steps).ok_or_else(Refusal::not_found)?;
        let (found, mut row) = ancestors.pop().ok_or_else(Refusal::not_found)?;
        create::change(self, &ancestors, found, &mut row, payload, context)?;
        let (_, place) = descend(resource, &mut top, steps).ok_or_else(Refusal::not_found)?;
        *place = row.clone();
        self.insert(resource, top);
        Ok(row)
    }

    /// As [`Store::update_child`], from a date on: of the rows that the key names for one range of dates or another,
    /// the one that holds on the date ends the day before, and a changed one begins. Where it begins on that date, or
    /// is not one for a range of dates, it is changed as it stands.
    ///
    /// # Errors
    /// [`Refusal`]: no such row (404), none that holds on the date, or a value refused.
    pub(crate) fn update_child_from(
        &mut self,
        (resource, key, steps): (&Resource, &KeyValues, &[Step]),
        payload: &Payload,
        context: &Context,
        from: Date,
    ) -> Result<Row, Refusal> {
        let mut top = self.get(resource, key).ok_or_else(Refusal::not_found)?;
        let mut steps = steps.to_vec();
        let day = steps.last_mut().and_then(|step| step.key.0.iter_mut().find(|part| matches!(part, Value::Date(_))));
        if let Some(day) = day {
            *day = Value::Date(from);
        }
        let steps = steps.as_slice();
        let mut ancestors = trail(resource, &top, steps).ok_or_else(Refusal::not_found)?;
        let (found, row) = ancestors.pop().ok_or_else(Refusal::not_found)?;
        if !effective::holds(found, &row, from) {
            return Err(Refusal::invalid(format!("The row doesn't hold on {from}.")));
        }
        let Some((before, mut after)) = effective::cut(found, &row, from) else {
            return self.update_child(resource, key, steps, payload, context);
        };
        create::change(self, &ancestors, found, &mut after, payload, context)?;
        let (_, place) = descend(resource, &mut top, steps).ok_or_else(Refusal::not_found)?;
        *place = before;
        let (last, above) = steps.split_last().ok_or_else(Refusal::not_found)?;
        let (_, parent) = descend(resource, &mut top, above).ok_or_else(Refusal::not_found)?;
        parent.child_mut(&last.child).push(after.clone());
        self.insert(resource, top);
        Ok(after)
    }

    /// Deletes the child row that `steps` (at least one) lead to.
    ///
    /// # Errors
    /// [`Refusal`]: no such row (404).
    pub fn delete_child(&mut self, resource: &Resource, key: &KeyValues, steps: &[Step]) -> Result<(), Refusal> {
        let mut top = self.get(resource, key).ok_or_else(Refusal::not_found)?;
        let (last, before) = steps.split_last().ok_or_else(Refusal::not_found)?;
        let mut ancestors = trail(resource, &top, steps).ok_or_else(Refusal::not_found)?;
        let (child, _) = ancestors.pop().ok_or_else(Refusal::not_found)?;
        let at = with_places(&ancestors, |parent| keys::child_position(parent?, child, &last.key))
            .ok_or_else(Refusal::not_found)?;
        let (_, parent) = descend(resource, &mut top, before).ok_or_else(Refusal::not_found)?;
        if let Some((_, rows)) = parent.children.iter_mut().find(|(held, _)| *held == last.child) {
            rows.remove(at);
        }
        self.insert(resource, top);
        Ok(())
    }

    /// Puts a row in place under its own key, as it is: for scenarios and tests, past validation.
    pub fn insert(&mut self, resource: &Resource, row: Row) {
        let identity = keys::of(&Place::top(resource, &row), Date::ZERO).identity(resource);
        if let Some(actor) = &self.actor {
            let before = self.by_identity(resource, &identity);
            self.overlay.history.add((&name(resource), resource), before.as_ref(), Some(&row), actor);
        }
        self.overlay.rows.entry(name(resource)).or_default().insert(identity, Some(row));
    }

    /// Whose writes come now, to be told in the history; answers whose came before.
    pub(crate) fn act(&mut self, actor: Option<Context>) -> Option<Context> {
        std::mem::replace(&mut self.actor, actor)
    }

    /// What requests changed.
    pub(crate) fn history(&self) -> &History {
        &self.overlay.history
    }

    /// Sets values of a row past validation, as a background process of the pod would: the version
    /// goes up, and `LastUpdateDate` is `now` unless it is among the values. `false` where there is
    /// no such row or attribute.
    pub fn touch(&mut self, resource: &Resource, key: &KeyValues, values: &[(&str, Value)], now: Timestamp) -> bool {
        let Some(mut row) = self.get(resource, key) else {
            return false;
        };
        row.version = row.version.saturating_add(1);
        row.set(resource, "LastUpdateDate", Value::Timestamp(now));
        let all = values.iter().all(|(attribute, value)| row.set(resource, attribute, value.clone()));
        if all {
            self.insert(resource, row);
        }
        all
    }

    /// Keeps what no row has a place for.
    pub(crate) fn note(&mut self, id: &str, value: serde_json::Value) {
        self.overlay.notes.insert(id.to_owned(), value);
    }

    /// What was kept.
    pub(crate) fn noted(&self, id: &str) -> Option<&serde_json::Value> {
        self.overlay.notes.get(id)
    }

    /// The rows that wait in interface tables.
    pub(crate) fn tables(&self) -> &Tables {
        &self.overlay.tables
    }

    /// The rows that wait in interface tables, to be changed.
    pub(crate) fn tables_mut(&mut self) -> &mut Tables {
        &mut self.overlay.tables
    }

    /// The rows that were written since the start.
    pub(crate) fn written(&self, resource: &Resource) -> impl Iterator<Item = &Row> {
        self.rows(resource).into_iter().flatten().filter_map(|(_, row)| row.as_ref())
    }

    /// As [`Store::lookup`], among the rows alone that nobody has written to.
    pub(crate) fn lookup_computed(&self, resource: &Resource, attribute: &str, value: &Value) -> Vec<Position> {
        let held = self.rows(resource);
        let found = self.generator.lookup(resource, attribute, value).unwrap_or_default();
        let own = |index: &u64| held.is_none_or(|rows| !rows.contains_key(&self.generator.identity(resource, *index)));
        found.into_iter().filter(own).map(Position::Generated).collect()
    }

    /// A number that no row has as its id.
    pub fn next_id(&mut self) -> i64 {
        let id = FIRST_NEW_ID.saturating_add(self.overlay.ids);
        self.overlay.ids = self.overlay.ids.saturating_add(1);
        id
    }

    fn rows(&self, resource: &Resource) -> Option<&Rows> {
        self.overlay.rows.get(&name(resource))
    }

    fn by_identity(&self, resource: &Resource, identity: &str) -> Option<Row> {
        if let Some(held) = self.rows(resource).and_then(|rows| rows.get(identity)) {
            return held.clone();
        }
        let index = self.generator.index_of(resource, identity)?;
        self.generator.row(resource, index)
    }
}

/// Indices counted up, with a cheap `nth`.
struct Generated {
    next: u64,
    count: u64,
}

impl Iterator for Generated {
    type Item = Position;

    fn next(&mut self) -> Option<Position> {
        self.nth(0)
    }

    fn nth(&mut self, skip: usize) -> Option<Position> {
        let at = self.next.saturating_add(u64::try_from(skip).unwrap_or(u64::MAX));
        self.next = at.saturating_add(1);
        (at < self.count).then_some(Position::Generated(at))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.count.saturating_sub(self.next)).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

fn name(resource: &Resource) -> String {
    let root = match resource.root {
        Root::Fscm => "fscm",
        Root::Hcm => "hcm",
        Root::Crm => "crm",
    };
    format!("{root}/{}", resource.name)
}

/// The rows from the top row down the steps, each with its resource.
fn trail<'r>(resource: &'r Resource, top: &Row, steps: &[Step]) -> Option<Vec<(&'r Resource, Row)>> {
    let mut rows = vec![(resource, top.clone())];
    for step in steps {
        let child = rows.last()?.0.child(&step.child)?;
        let row = with_places(&rows, |parent| keys::find_child(parent?, child, &step.key).cloned())?;
        rows.push((child, row));
    }
    Some(rows)
}

/// Hands the last of the rows on as a [`Place`] with its ancestors.
pub(crate) fn with_places<T>(rows: &[(&Resource, Row)], then: impl FnOnce(Option<&Place<'_>>) -> T) -> T {
    type Then<'a, T> = Box<dyn FnOnce(Option<&Place<'_>>) -> T + 'a>;
    fn link<T>(rows: &[(&Resource, Row)], parent: Option<&Place<'_>>, then: impl FnOnce(Option<&Place<'_>>) -> T) -> T {
        match rows.split_first() {
            None => then(parent),
            Some(((resource, row), rest)) => {
                let place = Place { resource, row, parent };
                // A closure type of its own at each level would never end.
                let then: Then<'_, T> = Box::new(then);
                link(rest, Some(&place), then)
            }
        }
    }
    link(rows, None, then)
}

/// The row that the steps lead to, to be written to.
fn descend<'r, 'm>(resource: &'r Resource, top: &'m mut Row, steps: &[Step]) -> Option<(&'r Resource, &'m mut Row)> {
    let trail = trail(resource, top, steps)?;
    let (mut at, mut row) = (resource, top);
    for (depth, step) in steps.iter().enumerate() {
        let child = at.child(&step.child)?;
        let index = with_places(trail.get(..=depth)?, |parent| keys::child_position(parent?, child, &step.key))?;
        let (_, rows) = row.children.iter_mut().find(|(held, _)| *held == step.child)?;
        (at, row) = (child, rows.get_mut(index)?);
    }
    Some((at, row))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
