//! By keys: every row is read and compared with the snapshot of the sweep before.
//!
//! Where rows tell no time that may be asked for, their fingerprints tell what is new and what changed; where
//! deleted rows are wanted, keys alone are read. A loss is an event only where the sweep was whole, misses at
//! most a tenth of the rows, and the row's own address answers that it is not there.

use crate::fusion::moment::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::event::{self, moment};
use super::snapshot::{Found, Snapshot};
use super::watch::{By, Watch};
use super::{Gathered, Phase, State, Step, cursor, under_way};
use crate::contract::ProblemKind;
use crate::fusion::page::{Cursor, PAGE};
use crate::fusion::pod::{Doing, Pod};
use crate::problem::{Result, warning};
use crate::text::shorten;

/// How often keys are swept for deleted rows beside a watch by time: it reads them all.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// What says that a sweep did not see all rows.
const DOUBTS: [&str; 4] = ["truncated", "stopped_early", "rows_shifted", "rows_hidden"];

/// What [`Rows::doubt`] is where rows are gone or a role is.
const DROPPED: &str = "dropped";

/// What sweeps remember.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The rows.
    pub known: Snapshot,
    /// Number of the sweep, see [`next_round`]; a part of dedup keys, so that a row that comes back to what it was
    /// is an event.
    pub round: u64,
    /// Rows that were known when the sweep began.
    pub before: usize,
    /// Why the sweep did not see all rows, for people; empty where it did. [`DROPPED`] behind one that was whole and
    /// missed too many to be believed.
    pub doubt: String,
    /// When the last whole sweep ended.
    pub swept: Option<Timestamp>,
    /// In the first sweep only what changed since then is an event; all where it is none.
    pub baseline: Option<Timestamp>,
}

/// The number after that of a sweep: the first is 0, and the second the second in which the first ended, so that a
/// cursor that begins anew does not give what happens later the dedup keys of what happened before.
pub(super) fn next_round(round: u64, now: Timestamp) -> u64 {
    match round {
        0 => u64::try_from(now.as_second()).unwrap_or_default().max(1),
        round => round.saturating_add(1),
    }
}

impl Rows {
    /// A whole sweep has ended.
    fn ended(&mut self, now: Timestamp) {
        self.known.forget_seen();
        self.round = next_round(self.round, now);
        self.swept = Some(now);
    }

    /// As it stands in a cursor.
    pub(super) fn write(&mut self) -> Value {
        self.known.settle();
        json!({"known": self.known.write(), "round": self.round, "before": self.before, "doubt": self.doubt,
            "swept": cursor::moment(self.swept), "baseline": cursor::moment(self.baseline)})
    }

    /// Reads it back.
    pub(super) fn read(rows: &Value) -> Option<Self> {
        Some(Self {
            known: Snapshot::read(rows.get("known")?.as_str()?)?,
            round: rows.get("round")?.as_u64()?,
            before: cursor::count_of(rows, "before"),
            doubt: cursor::text_of(rows, "doubt").unwrap_or_default(),
            swept: cursor::moment_of(rows, "swept"),
            baseline: cursor::moment_of(rows, "baseline"),
        })
    }
}

/// Whether it is time to look for deleted rows.
pub(super) fn is_due(watch: &Watch, state: &State) -> bool {
    let Some(rows) = &state.rows else { return false };
    if watch.allow_drop && rows.doubt == DROPPED {
        // For one poll, and this is the one.
        return true;
    }
    match (rows.swept, state.sweep.as_ref()) {
        (Some(swept), Some(sweep)) => {
            // A clock that was set back makes no sweep wait for ever.
            sweep.began < swept || sweep.began.duration_since(swept) >= EVERY
        }
        _ => true,
    }
}

/// One answer's worth of rows.
pub(super) fn step(
    pod: &Pod,
    watch: &Watch,
    state: &mut State,
    at: Option<&str>,
    gathered: &mut Gathered,
) -> Result<Step> {
    let whole = watch.by == By::Sweep;
    let mut search = watch.by_key(pod, Vec::new());
    if !whole {
        search.fixed = watch.keys_only.clone();
    }
    let from = match at {
        Some(text) => Cursor::read(text, &watch.of)?,
        None => search.start(),
    };
    // Rows that did not change make no event, so a page is read whatever room there is.
    let want = if whole { gathered.room() } else { PAGE };
    let mut texts = Vec::new();
    gathered.requests += 1;
    let end = search.read(pod, from, want, &mut |row| texts.push(row.to_owned()))?;
    let mut rows = state.rows.take().unwrap_or_default();
    if at.is_none() {
        rows.before = rows.known.len();
        rows.doubt.clear();
        rows.known.forget_seen();
    }
    let lower = under_way(pod, watch, state, Phase::Keys(None)).lower;
    for told in end.warnings {
        if rows.doubt.is_empty() && (DOUBTS.contains(&told.code.as_str()) || told.code.starts_with("row")) {
            let key = told.key.as_deref().map(|key| format!(" ({})", shorten(key, 100))).unwrap_or_default();
            rows.doubt = format!("{}{key}", shorten(&told.message, 300));
        }
        if let Some(key) = &told.key {
            // It cannot be read, and is there.
            rows.known.keep(key);
        }
        gathered.warn(told);
    }
    for row in &texts {
        let key = event::key_of(watch, row)?;
        let id = event::stable(&key);
        if !whole {
            rows.known.take(&key, 0);
            continue;
        }
        let text = event::text_of(pod, watch, row, gathered);
        let hash = event::hash_of(&text).max(1);
        let changed = watch.target.changed().and_then(|(name, _)| moment(row, name));
        let created = watch.created.as_deref().and_then(|name| moment(row, name));
        let change = match rows.known.take(&key, hash) {
            Found::Same => continue,
            Found::New => "new",
            Found::Updated | Found::Unknown if watch.only_new => continue,
            // What the row itself tells counts, as far as it tells.
            Found::Unknown if lower.is_none_or(|lower| changed.is_none_or(|at| at < lower)) => continue,
            _ => "updated",
        };
        if rows.round == 0
            && let Some(baseline) = rows.baseline
            && changed.filter(|_| !watch.only_new).max(created).is_none_or(|at| at < baseline)
        {
            continue;
        }
        let dedup = match watch.only_new {
            true => format!("{}:{id}:new", watch.target.name),
            false => format!("{}:{id}:{hash:016x}:{}", watch.target.name, rows.round),
        };
        gathered.push(event::made(watch, dedup, changed.or(created), &key, change, &text));
    }
    let step = match end.next {
        Some(next) => {
            under_way(pod, watch, state, Phase::Keys(Some(Cursor::write(&watch.of, next))));
            Step::On
        }
        None => {
            rows.known.settle();
            if !watch.deleted {
                close(&mut rows, cursor::now(pod));
            }
            Step::Done
        }
    };
    state.rows = Some(rows);
    Ok(step)
}

/// Ends a whole sweep.
fn close(rows: &mut Rows, now: Timestamp) {
    let missing = rows.known.missing();
    if rows.doubt.is_empty() && !rows.known.drops(missing.len(), rows.before) {
        rows.known.remove_missing();
    }
    rows.ended(now);
}

/// Looks up the rows that were missed, as many as there is room for.
pub(super) fn losses(pod: &Pod, watch: &Watch, state: &mut State, gathered: &mut Gathered) -> Result<Step> {
    let Some(mut rows) = state.rows.take() else { return Ok(Step::Done) };
    under_way(pod, watch, state, Phase::Losses);
    let missing = rows.known.missing();
    let name = &watch.target.name;
    let drop = !watch.allow_drop && rows.known.drops(missing.len(), rows.before.max(missing.len()));
    if !missing.is_empty() && (!rows.doubt.is_empty() || drop) {
        let why = if rows.doubt.is_empty() {
            rows.doubt = DROPPED.to_owned();
            format!(
                "{} of {} rows seem to be gone, over a tenth. Most often it is a role of the own user that is; where the rows are, set allow_drop for one poll.",
                missing.len(),
                rows.before
            )
        } else {
            format!(
                "the sweep did not see all rows, and {} that were known are not among those that it saw. It says: {} A later sweep that sees all rows reports them, and allow_drop changes nothing in that; a row that the pod can never write has to be mended in Fusion or left out by a condition.",
                missing.len(),
                rows.doubt
            )
        };
        let told = format!("No deleted rows of {name} are reported: {why}");
        gathered.warn(warning("sudden-drop", told, None));
        rows.ended(cursor::now(pod));
        state.rows = Some(rows);
        return Ok(Step::Done);
    }
    let doing = format!("look for a deleted row of {name}");
    let doing = Doing { what: &doing, object: name };
    for key in missing {
        if gathered.full(pod) {
            state.rows = Some(rows);
            return Ok(Step::Stop);
        }
        gathered.requests += 1;
        let address = watch.target.collection(&pod.settings.api_version).key(&key)?.param("onlyData", "true");
        match pod.get(doing, &address) {
            // It is there: another page, another day's key, or a condition that it does not meet any more.
            Ok(_) if watch.terms.is_empty() && !watch.finder => rows.known.keep(&key),
            Ok(_) => rows.known.remove(&key),
            Err(failure) if failure.kind() == ProblemKind::NotFound => {
                rows.known.remove(&key);
                let record = match watch.target.plain_key() {
                    Some(attribute) if super::watch::comparable(&key) => format!("{{\"{attribute}\":{key}}}"),
                    _ => "{}".to_owned(),
                };
                let dedup = format!("{name}:{}:deleted:{}", event::stable(&key), rows.round);
                gathered.push(event::made(watch, dedup, None, &key, "deleted", &record));
            }
            Err(failure) => {
                // What was found out so far is kept with the events that tell it.
                state.rows = Some(rows);
                return Err(failure);
            }
        }
    }
    rows.ended(cursor::now(pod));
    state.rows = Some(rows);
    Ok(Step::Done)
}
