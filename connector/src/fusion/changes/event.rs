//! A row that was read, on its way to become an event.

use crate::fusion::moment::Timestamp;
use serde_json::json;
use serde_json::value::RawValue;

use super::memory::hash;
use super::watch::{By, Watch};
use super::{Gathered, State};
use crate::contract::{Event, ProblemKind};
use crate::fusion::opaque::{self, Part};
use crate::fusion::pod::Pod;
use crate::fusion::record::{self, Members};
use crate::fusion::time;
use crate::problem::{Failure, Result, warning};

/// A row with what must be known of it.
pub(super) struct Row {
    /// Its key, as the pod tells it.
    pub key: String,
    /// Its key as it stays (I8).
    pub id: String,
    /// Its own last change, or its creation where that is watched.
    pub own: Timestamp,
    /// The same, or the last change of a watched child where that is later.
    pub at: Timestamp,
    /// Its creation, where told.
    pub created: Option<Timestamp>,
    /// Its text, as it goes into a payload.
    pub text: String,
    /// Hash of its text; 0 where a row is an event once and no more.
    pub hash: u64,
}

/// A moment in a member of a row.
pub(super) fn moment(row: &str, attribute: &str) -> Option<Timestamp> {
    let [raw] = record::pick(row, [attribute]);
    time::instant(&raw.and_then(record::plain)?)
}

/// A key that stays what it is: the key of a row that holds for a span of days names the day of the question
/// as well, and the ids in it alone name the row (I8, FACTS 1.7).
pub(super) fn stable(key: &str) -> String {
    let parts = opaque::parts(key).filter(|parts| parts.contains(&Part::Date));
    let Some(parts) = parts else { return key.to_owned() };
    let ids = parts.iter().filter_map(|part| match part {
        Part::Number(number) => Some(number.to_string()),
        Part::Text(text) => Some(text.clone()),
        Part::Date | Part::Unset => None,
    });
    ids.collect::<Vec<_>>().join("/")
}

/// The key of a row.
pub(super) fn key_of(watch: &Watch, row: &str) -> Result<String> {
    watch.target.key_of(row).ok_or_else(|| {
        let told = format!("A row of {} came without its key.", watch.target.name);
        Failure::permanent(ProblemKind::UnexpectedResponse, told)
    })
}

/// Hash of what a record says, without links and change indicators.
pub fn hash_of(text: &str) -> u64 {
    let Ok(Members(members)) = serde_json::from_str(text) else { return hash([text]) };
    let said = members.iter().filter(|(name, _)| name != "links" && name != "@context");
    hash(said.flat_map(|(name, raw)| [name.as_str(), raw.get()]))
}

/// The record as it goes into a payload: children as lists, whole.
pub(super) fn text_of(pod: &Pod, watch: &Watch, row: &str, gathered: &mut Gathered) -> String {
    let mut text = String::with_capacity(row.len());
    if watch.shape.expands {
        let mut warnings = Vec::new();
        watch.shape.write(pod, watch.target, row, &mut text, &mut warnings);
        warnings.into_iter().for_each(|told| gathered.warn(told));
    } else {
        text.push_str(row);
    }
    text
}

/// The latest change of the watched children in a record.
fn of_children(watch: &Watch, text: &str) -> Option<Timestamp> {
    let latest = watch.children.iter().filter_map(|(child, attribute)| {
        let [list] = record::pick(text, [child.as_str()]);
        let rows: Vec<&RawValue> = serde_json::from_str(list?.get()).ok()?;
        rows.iter().filter_map(|row| moment(row.get(), attribute)).max()
    });
    latest.max()
}

/// Reads a row; `None`, with a warning, where it tells no time.
pub(super) fn read(pod: &Pod, watch: &Watch, row: &str, gathered: &mut Gathered) -> Result<Option<Row>> {
    let key = key_of(watch, row)?;
    let Some(own) = moment(row, &watch.stamp) else {
        let told = format!("A row of {} tells no {} and is left out.", watch.target.name, watch.stamp);
        gathered.warn(warning("row_without_time", told, Some(key)));
        return Ok(None);
    };
    let created = watch.created.as_deref().and_then(|name| moment(row, name));
    let text = text_of(pod, watch, row, gathered);
    let once = watch.only_new || watch.by == By::Creation;
    let (at, hash) = match once {
        true => (created.unwrap_or(own), 0),
        false => (of_children(watch, &text).map_or(own, |child| child.max(own)), hash_of(&text)),
    };
    Ok(Some(Row { id: stable(&key), key, own, at, created, text, hash }))
}

/// Makes an event of a row, unless it was one already. `lower` is where the sweep begins.
///
/// Of a row that changes while a poll runs only the last version is handed over, and told from others by what was
/// known before the poll: after a crash it comes again under the same key, whatever was seen on the way.
pub(super) fn take(watch: &Watch, state: &mut State, lower: Option<Timestamp>, row: Row, gathered: &mut Gathered) {
    let once = watch.only_new || watch.by == By::Creation;
    if once && watch.by != By::Creation && lower.is_some_and(|lower| row.at < lower) {
        // It was changed now and created before: an update.
        return;
    }
    if !once && let Some(before) = gathered.before.get(&row.id) {
        state.memory.put_back(&row.id, *before);
        gathered.withdraw(&prefix(watch, &row.id));
    }
    let before = state.memory.version(&row.id);
    let known = before.is_some();
    if once && known {
        return;
    }
    let Some(again) = state.memory.take(&row.id, row.hash, row.at) else { return };
    let recent = row.created.map(|created| watch.is_recent(created, row.own, lower));
    let change = match recent {
        _ if once => "new",
        Some(true) if !known => "new",
        _ => "updated",
    };
    let mut dedup = format!("{}{}", prefix(watch, &row.id), row.at.as_millisecond());
    if !once {
        dedup.push_str(&format!(":{:016x}", row.hash));
    }
    if again > 0 && !once {
        dedup.push_str(&format!(":{again}"));
    }
    gathered.before.entry(row.id).or_insert(before);
    gathered.push(made(watch, dedup, Some(row.at), &row.key, change, &row.text));
}

/// How every dedup key of a row begins.
fn prefix(watch: &Watch, id: &str) -> String {
    format!("{}:{id}:", watch.target.name)
}

/// An event.
pub(super) fn made(
    watch: &Watch,
    dedup_key: String,
    at: Option<Timestamp>,
    key: &str,
    change: &str,
    record: &str,
) -> Event {
    let payload = format!(
        "{{\"resource\":{},\"key\":{},\"change\":\"{change}\",\"record\":{record}}}",
        json!(watch.target.name),
        json!(key)
    );
    Event { dedup_key, occurred_at: at.map(time::in_event), payload }
}
