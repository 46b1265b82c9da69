//! By the rows' own time of change.
//!
//! Rows come in the order of their time. A time that a page does not hold whole is read again with the next
//! page, so that no row is missed at an equal time; a time with more rows than a page is read by key. Neither
//! asks the pod to compare times for equality, since it may keep them finer than it writes them. A row that
//! changes while the sweep runs moves ahead of it, or stays where the next sweep begins.

use crate::fusion::moment::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::event::{self, Row};
use super::watch::{Watch, comparable};
use super::{Gathered, Phase, State, Step, cursor, under_way};
use crate::fusion::page::{Cursor, PAGE};
use crate::fusion::pod::Pod;
use crate::fusion::query::quote;
use crate::fusion::time;
use crate::problem::{Result, warning};

/// Times are written and asked for to the millisecond.
const TICK: SignedDuration = SignedDuration::from_millis(1);
/// Rows of a page beyond the events that there is room for, since some are known already.
const SPARE: usize = 50;

/// Where a sweep by time is.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Rows of this time and later are still to be read; all where it is none yet.
    pub at: Option<Timestamp>,
    /// Rows of exactly this time are read by key.
    pub within: Option<Within>,
    /// Rows from there on that cannot be read and are passed by count.
    pub skip: usize,
}

/// Where a sweep is within one time.
#[derive(Clone, Debug)]
pub enum Within {
    /// Behind this key; at the beginning where it is empty.
    Key(String),
    /// At this position of a search.
    Position(Option<String>),
}

impl Place {
    /// As it stands in a cursor.
    pub(super) fn write(&self) -> Value {
        let (kind, text) = match &self.within {
            None => (0, None),
            Some(Within::Key(key)) => (1, Some(key)),
            Some(Within::Position(position)) => (2, position.as_ref()),
        };
        json!({"own": kind, "from": cursor::moment(self.at), "at": text, "skip": self.skip})
    }

    /// Reads it back.
    pub(super) fn read(place: &Value) -> Self {
        let text = cursor::text_of(place, "at");
        let within = match cursor::count_of(place, "own") {
            0 => None,
            1 => Some(Within::Key(text.unwrap_or_default())),
            _ => Some(Within::Position(text)),
        };
        Self { at: cursor::moment_of(place, "from"), within, skip: cursor::count_of(place, "skip") }
    }
}

fn since(attribute: &str, at: Timestamp) -> String {
    format!("{attribute} >= {}", quote(&time::in_query(at)))
}

/// One page.
pub(super) fn step(pod: &Pod, watch: &Watch, state: &mut State, place: Place, gathered: &mut Gathered) -> Result<Step> {
    match place.within.clone() {
        None => ahead(pod, watch, state, place, gathered),
        Some(Within::Key(key)) => by_key(pod, watch, state, place, &key, gathered),
        Some(Within::Position(position)) => by_position(pod, watch, state, place, position.as_deref(), gathered),
    }
}

fn go(pod: &Pod, watch: &Watch, state: &mut State, place: Place) {
    under_way(pod, watch, state, Phase::Own(place));
}

/// A page in the order of time.
fn ahead(pod: &Pod, watch: &Watch, state: &mut State, mut place: Place, gathered: &mut Gathered) -> Result<Step> {
    let lower = match &state.sweep {
        Some(sweep) => sweep.lower,
        None => watch.lower(state),
    };
    let mut order = format!("{}:asc", watch.stamp);
    if let Some(key) = watch.target.order_key() {
        order.push_str(&format!(",{key}:asc"));
    }
    let from = place.at.or(lower);
    let search = watch.search(from.map(|at| since(&watch.stamp, at)).into_iter().collect(), Some(order), None);
    let mut rows: Vec<Option<String>> = Vec::new();
    let mut warnings = Vec::new();
    gathered.requests += 1;
    let want = (gathered.room() + SPARE).min(PAGE);
    let more = search.one(pod, place.skip, want, &mut warnings, &mut |row| rows.push(row.map(str::to_owned)))?;
    warnings.into_iter().for_each(|told| gathered.warn(told));
    go(pod, watch, state, place.clone());
    if rows.is_empty() && more {
        let told = "The pod says that there are more rows and gives none: what lies behind comes with a later poll.";
        gathered.warn(warning("truncated", told, None));
        // The next sweep begins where this one stands.
        if let (Some(sweep), Some(at)) = (&mut state.sweep, from) {
            sweep.began = sweep.began.min(at);
        }
        return Ok(Step::Done);
    }
    let mut read = Vec::new();
    for row in rows.iter().flatten() {
        if let Some(mut row) = event::read(pod, watch, row, gathered)? {
            // A pod that writes times coarser than it keeps them gives earlier ones than were asked for.
            row.own = place.at.map_or(row.own, |at| at.max(row.own));
            read.push(row);
        }
    }
    let Some(last) = read.iter().map(|row| row.own).max() else {
        place.skip += rows.len();
        go(pod, watch, state, place);
        return Ok(if more { Step::On } else { Step::Done });
    };
    if more && read.iter().all(|row| row.own == last) {
        go(pod, watch, state, enter(watch, last));
        return Ok(Step::On);
    }
    let mut groups: Vec<(Timestamp, Vec<Row>)> = Vec::new();
    for row in read {
        match groups.last_mut() {
            Some((at, group)) if *at == row.own => group.push(row),
            _ => groups.push((row.own, vec![row])),
        }
    }
    for (at, group) in groups {
        if more && at == last {
            // Its rows may go on on the next page.
            go(pod, watch, state, Place { at: Some(last), within: None, skip: 0 });
            return Ok(Step::On);
        }
        let bytes: usize = group.iter().map(|row| row.text.len()).sum();
        if group.len() > gathered.room() || !gathered.fits(bytes) {
            if gathered.events.is_empty() && group.len() > 1 {
                go(pod, watch, state, enter(watch, at));
                return Ok(Step::On);
            }
            go(pod, watch, state, Place { at: Some(at), within: None, skip: 0 });
            return Ok(Step::Stop);
        }
        for row in group {
            reached(state, row.own);
            event::take(watch, state, lower, row, gathered);
        }
    }
    Ok(Step::Done)
}

fn reached(state: &mut State, at: Timestamp) {
    if let Some(sweep) = &mut state.sweep {
        sweep.reached = sweep.reached.max(Some(at));
    }
}

fn enter(watch: &Watch, at: Timestamp) -> Place {
    let within = if watch.sortable.is_some() { Within::Key(String::new()) } else { Within::Position(None) };
    Place { at: Some(floor_to_tick(at)), within: Some(within), skip: 0 }
}

/// To the millisecond, as it is asked for.
fn floor_to_tick(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

fn behind(place: &Place) -> Place {
    let next = place.at.map(|at| at.checked_add(TICK).unwrap_or(at));
    Place { at: next, within: None, skip: 0 }
}

fn exactly(watch: &Watch, place: &Place) -> Vec<String> {
    let Some(at) = place.at else { return Vec::new() };
    let end = at.checked_add(TICK).unwrap_or(at);
    vec![since(&watch.stamp, at), format!("{} < {}", watch.stamp, quote(&time::in_query(end)))]
}

/// A page of the rows of one time, behind a key.
fn by_key(
    pod: &Pod,
    watch: &Watch,
    state: &mut State,
    mut place: Place,
    key: &str,
    gathered: &mut Gathered,
) -> Result<Step> {
    let attribute = watch.sortable.clone().unwrap_or_default();
    let mut terms = exactly(watch, &place);
    if comparable(key) {
        terms.push(format!("{attribute} > {key}"));
    }
    let search = watch.search(terms, Some(format!("{attribute}:asc")), None);
    let mut rows: Vec<Option<String>> = Vec::new();
    let mut warnings = Vec::new();
    gathered.requests += 1;
    let want = (gathered.room() + SPARE).min(PAGE);
    let more = search.one(pod, place.skip, want, &mut warnings, &mut |row| rows.push(row.map(str::to_owned)))?;
    warnings.into_iter().for_each(|told| gathered.warn(told));
    let lower = under_way(pod, watch, state, Phase::Own(place.clone())).lower;
    let empty = rows.is_empty();
    for row in rows {
        let Some(row) = row else {
            place.skip += 1;
            continue;
        };
        let Some(row) = event::read(pod, watch, &row, gathered)? else {
            place.skip += 1;
            continue;
        };
        if gathered.room() == 0 || !gathered.fits(row.text.len()) {
            go(pod, watch, state, place);
            return Ok(Step::Stop);
        }
        if comparable(&row.key) {
            place.within = Some(Within::Key(row.key.clone()));
            place.skip = 0;
        } else {
            place.skip += 1;
        }
        reached(state, row.own);
        event::take(watch, state, lower, row, gathered);
    }
    if !more || empty {
        place = behind(&place);
    }
    go(pod, watch, state, place);
    Ok(Step::On)
}

/// Rows of one time whose keys cannot be compared: by offset, where a shift is seen and made good.
fn by_position(
    pod: &Pod,
    watch: &Watch,
    state: &mut State,
    mut place: Place,
    position: Option<&str>,
    gathered: &mut Gathered,
) -> Result<Step> {
    let order = watch.target.order_key().map(|key| format!("{key}:asc"));
    let search = watch.search(exactly(watch, &place), order, None);
    let from = match position {
        Some(text) => Cursor::read(text, &watch.of)?,
        None => search.start(),
    };
    let mut rows = Vec::new();
    gathered.requests += 1;
    let end = search.read(pod, from, gathered.room(), &mut |row| rows.push(row.to_owned()))?;
    end.warnings.into_iter().for_each(|told| gathered.warn(told));
    let lower = under_way(pod, watch, state, Phase::Own(place.clone())).lower;
    for row in rows {
        if let Some(row) = event::read(pod, watch, &row, gathered)? {
            reached(state, row.own);
            event::take(watch, state, lower, row, gathered);
        }
    }
    place = match end.next {
        Some(next) => Place { within: Some(Within::Position(Some(Cursor::write(&watch.of, next)))), ..place },
        None => behind(&place),
    };
    go(pod, watch, state, place);
    Ok(Step::On)
}
