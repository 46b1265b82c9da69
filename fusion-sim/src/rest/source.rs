//! The rows of a page, found without holding the rows around them.

use std::cmp::Ordering;

use crate::model::{Key, Resource, Row, Type, Value};
use crate::query::Operator;
use crate::query::filter::{Filter, compare};
use crate::query::order::Order;
use crate::store::{Position, Store};

/// What to find.
pub(crate) struct Wanted<'a> {
    pub(crate) filter: Option<&'a Filter>,
    pub(crate) order: Option<&'a Order>,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
    /// Count the rows behind the page as well.
    pub(crate) total: bool,
}

/// A page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    pub(crate) more: bool,
    /// Rows in all, where they were to be counted.
    pub(crate) total: Option<u64>,
}

/// A page of rows that are at hand, as those of a child.
pub(crate) fn of_rows(rows: &[Row], wanted: &Wanted<'_>) -> Page {
    let mut found: Vec<&Row> =
        rows.iter().filter(|row| wanted.filter.is_none_or(|filter| filter.matches(row))).collect();
    if let Some(order) = wanted.order {
        found.sort_by(|left, right| order.compare(&order.key(left), &order.key(right)));
    }
    let end = wanted.offset.saturating_add(wanted.limit);
    Page {
        rows: found.iter().skip(wanted.offset).take(wanted.limit).map(|row| (*row).clone()).collect(),
        more: found.len() > end,
        total: wanted.total.then_some(found.len() as u64),
    }
}

/// A page of a top-level resource.
pub(crate) fn of_store(store: &Store, resource: &Resource, wanted: &Wanted<'_>) -> Page {
    let natural = natural_key(resource);
    let sorted =
        wanted.order.filter(|order| !(order.keys.first().is_some_and(|first| natural == Some(first.0) && !first.1)));
    let end = wanted.offset.saturating_add(wanted.limit);
    let positions = candidates(store, resource, wanted.filter, natural);
    let (positions, more, total) = match (wanted.filter, sorted) {
        (None, None) => {
            let page: Vec<Position> = positions.skip(wanted.offset).take(wanted.limit.saturating_add(1)).collect();
            let more = page.len() > wanted.limit;
            (page, more, wanted.total.then(|| store.len(resource)))
        }
        (filter, None) => {
            let mut page = Vec::new();
            let mut count = 0_usize;
            for position in positions.filter(|position| judge(store, resource, position, filter)) {
                if count >= wanted.offset && count <= end {
                    page.push(position);
                }
                count += 1;
                if count > end && !wanted.total {
                    break;
                }
            }
            (page, count > end, wanted.total.then_some(count as u64))
        }
        (filter, Some(order)) => {
            let (page, count) = ordered(store, resource, positions, filter, order, end.saturating_add(1));
            let page = page.into_iter().skip(wanted.offset).collect();
            (page, count > end, wanted.total.then_some(count as u64))
        }
    };
    let rows = positions.iter().take(wanted.limit).filter_map(|position| store.row(resource, position)).collect();
    Page { rows, more, total }
}

/// The attribute whose order is that of [`Store::positions`], if rows stand in such an order.
fn natural_key(resource: &Resource) -> Option<usize> {
    let Key::Plain(name) = &resource.key else { return None };
    let at = resource.attributes.iter().position(|attribute| attribute.name == *name)?;
    (resource.attributes.get(at)?.kind == Type::Integer).then_some(at)
}

/// Where the rows asked for can be: by key, by an index, from the first key that is large enough, or everywhere.
fn candidates<'s>(
    store: &'s Store,
    resource: &'s Resource,
    filter: Option<&Filter>,
    natural: Option<usize>,
) -> Box<dyn Iterator<Item = Position> + 's> {
    for (at, value) in filter.map(Filter::equalities).unwrap_or_default() {
        let Some(attribute) = resource.attributes.get(at) else { continue };
        if let Some(positions) = store.lookup(resource, &attribute.name, value) {
            return Box::new(positions.into_iter());
        }
    }
    let (Some(filter), Some(key)) = (filter, natural) else { return store.positions(resource) };
    let lower = filter
        .required()
        .into_iter()
        .find(|(at, operator, _)| *at == key && matches!(operator, Operator::Gt | Operator::Ge | Operator::Eq));
    let Some((_, operator, bound)) = lower else { return store.positions(resource) };
    let before = |value: &Value| match compare(value, bound) {
        Some(Ordering::Less) => true,
        Some(Ordering::Equal) => operator == Operator::Gt,
        _ => false,
    };
    let first = first_not(store, resource, key, &before);
    let upper: Option<Value> = filter
        .required()
        .into_iter()
        .find(|(at, operator, _)| *at == key && matches!(operator, Operator::Lt | Operator::Le | Operator::Eq))
        .map(|(_, _, value)| value.clone());
    let rest = store.positions(resource).skip(first);
    match upper {
        None => Box::new(rest),
        Some(upper) => Box::new(rest.take_while(move |position| {
            let row = store.probe(resource, position, &[key]);
            row.and_then(|row| compare(row.values.get(key)?, &upper))
                .is_none_or(|ordering| ordering != Ordering::Greater)
        })),
    }
}

/// How many rows stand before the first whose key is not `before` the bound.
fn first_not(store: &Store, resource: &Resource, key: usize, before: &dyn Fn(&Value) -> bool) -> usize {
    let mut low = 0;
    let mut high = usize::try_from(store.len(resource)).unwrap_or(usize::MAX);
    while low < high {
        let middle = low + (high - low) / 2;
        let row = store.positions(resource).nth(middle).and_then(|position| store.probe(resource, &position, &[key]));
        if row.is_some_and(|row| row.values.get(key).is_some_and(before)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn judge(store: &Store, resource: &Resource, position: &Position, filter: Option<&Filter>) -> bool {
    let Some(filter) = filter else { return true };
    let row = match filter.wanted() {
        Some(wanted) => store.probe(resource, position, &wanted),
        None => store.row(resource, position),
    };
    row.is_some_and(|row| filter.matches(&row))
}

/// The first `keep` positions in that order, and how many there are in all; never holds more than twice that.
fn ordered(
    store: &Store,
    resource: &Resource,
    positions: impl Iterator<Item = Position>,
    filter: Option<&Filter>,
    order: &Order,
    keep: usize,
) -> (Vec<Position>, usize) {
    let wanted: Vec<usize> = order.keys.iter().map(|(at, _)| *at).collect();
    let mut held: Vec<(Vec<Value>, usize, Position)> = Vec::new();
    let mut count = 0;
    let sort = |held: &mut Vec<(Vec<Value>, usize, Position)>| {
        held.sort_by(|left, right| order.compare(&left.0, &right.0).then(left.1.cmp(&right.1)));
        held.truncate(keep);
    };
    for position in positions.filter(|position| judge(store, resource, position, filter)) {
        let Some(row) = store.probe(resource, &position, &wanted) else { continue };
        held.push((order.key(&row), count, position));
        count += 1;
        if held.len() >= keep.saturating_mul(2).max(4096) {
            sort(&mut held);
        }
    }
    sort(&mut held);
    (held.into_iter().map(|(_, _, position)| position).collect(), count)
}
