//! Polling for changes: each version of each row once, whatever happens between two requests.
//!
//! A poll goes on with a sweep or begins one. A sweep has phases: by the time of change ([`window`]), by the
//! change of chosen children ([`children`]), and by keys with a snapshot ([`sweep`]) where rows tell no time
//! that may be asked for, or where deleted rows are to be noticed. The next sweep begins where the last one
//! began, less an overlap, since transactions commit later than the time that they write (I3); what was
//! handed over already is known by [`memory`], and beyond it by the host's dedup keys. Nothing moves in the
//! [`State`] before what lies behind it was handed over.

pub mod children;
pub mod cursor;
mod event;
pub mod feed;
pub mod memory;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]
mod model;
pub mod people;
pub mod snapshot;
pub mod sweep;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
pub mod watch;
pub mod window;

use std::collections::BTreeMap;

use crate::fusion::moment::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub use self::event::hash_of;
pub use self::watch::Watch;
use crate::contract::{Event, PollResult, Warning};
use crate::fusion::page::ANSWER_BYTES;
use crate::fusion::pod::Pod;
use crate::problem::{Result, warning};

/// How much later a change may become visible than the time that it carries, where the form does not say:
/// twice the five minutes of I3, so that clocks may differ as well.
pub const OVERLAP_MINUTES: u32 = 10;
/// How long the host remembers what it took: longer than a host is down, and far longer than any overlap.
pub const DEDUP_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// Events of one poll where the input does not say.
pub const LIMIT: u32 = 500;
/// Requests of one poll for rows, so that a poll over rows that are all known ends as well.
const REQUESTS: usize = 60;

/// What a poll hands to the next.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Nothing before this moment is an event; none from the beginning.
    pub floor: Option<Timestamp>,
    /// The last whole sweep began here, on the pod's clock.
    pub from: Option<Timestamp>,
    /// A sweep that goes on.
    pub sweep: Option<Sweep>,
    /// What may come again.
    pub memory: memory::Memory,
    /// Keys, for sweeps; none where nothing is swept.
    pub rows: Option<sweep::Rows>,
    /// [`Watch::shown`] of what is remembered.
    pub shown: String,
}

/// A sweep under way.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// When it began, on the pod's clock.
    pub began: Timestamp,
    /// It covers what changed from here on; none for everything.
    pub lower: Option<Timestamp>,
    /// The latest change that it came by.
    pub reached: Option<Timestamp>,
    /// Where it is.
    pub phase: Phase,
}

/// Where a sweep is.
#[derive(Clone, Debug)]
pub enum Phase {
    /// By the rows' own time.
    Own(window::Place),
    /// By the time of the child of that number, at this position of a search.
    Child(usize, Option<String>),
    /// By keys, at this position of a search.
    Keys(Option<String>),
    /// Missing rows are looked up one by one.
    Losses,
}

impl State {
    fn write(&mut self) -> Value {
        let sweep = self.sweep.as_ref().map(|sweep| {
            let phase = match &sweep.phase {
                Phase::Own(place) => place.write(),
                Phase::Child(number, at) => json!({"child": number, "at": at}),
                Phase::Keys(at) => json!({"keys": true, "at": at}),
                Phase::Losses => json!({"losses": true}),
            };
            json!({"began": cursor::moment(Some(sweep.began)), "lower": cursor::moment(sweep.lower),
                "reached": cursor::moment(sweep.reached), "phase": phase})
        });
        json!({"floor": cursor::moment(self.floor), "from": cursor::moment(self.from), "sweep": sweep,
            "shown": self.shown, "memory": self.memory.write(), "rows": self.rows.as_mut().map(sweep::Rows::write)})
    }

    fn read(state: &Value) -> Option<Self> {
        let part = |name: &str| state.get(name).filter(|part| part.is_object());
        let sweep = match part("sweep") {
            None => None,
            Some(sweep) => {
                let phase = sweep.get("phase")?;
                let at = cursor::text_of(phase, "at");
                let phase = if phase.get("child").is_some() {
                    Phase::Child(cursor::count_of(phase, "child"), at)
                } else if phase.get("keys").is_some() {
                    Phase::Keys(at)
                } else if phase.get("losses").is_some() {
                    Phase::Losses
                } else {
                    Phase::Own(window::Place::read(phase))
                };
                Some(Sweep {
                    began: cursor::moment_of(sweep, "began")?,
                    lower: cursor::moment_of(sweep, "lower"),
                    reached: cursor::moment_of(sweep, "reached"),
                    phase,
                })
            }
        };
        let rows = match part("rows") {
            None => None,
            Some(rows) => Some(sweep::Rows::read(rows)?),
        };
        Some(Self {
            floor: cursor::moment_of(state, "floor"),
            from: cursor::moment_of(state, "from"),
            sweep,
            memory: memory::Memory::read(state.get("memory")?.as_str()?)?,
            rows,
            shown: cursor::text_of(state, "shown").unwrap_or_default(),
        })
    }

    /// What is remembered is of rows that were read another way, so that all of them would seem to have changed.
    fn read_anew(&mut self) -> Warning {
        self.memory.forget_hashes();
        self.rows.iter_mut().for_each(|rows| rows.known.forget_hashes());
        let told = "Other fields or children are read than before, so that how each record reads is learnt anew. None is told for that alone (a sweep may tell those that changed within the overlap); nor is a change since the last poll that left the time of its record as it was.";
        warning("fields_changed", told, None)
    }
}

/// What one poll gathers, and how much more it may.
pub struct Gathered {
    /// Events in their order.
    pub events: Vec<Event>,
    /// Warnings, each once.
    pub warnings: Vec<Warning>,
    /// Of each row with an event, what was known of it before this poll.
    before: BTreeMap<String, Option<memory::Version>>,
    bytes: usize,
    limit: usize,
    requests: usize,
}

impl Gathered {
    fn new(limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
        Self { events: Vec::new(), warnings: Vec::new(), before: BTreeMap::new(), bytes: 0, limit, requests: 0 }
    }

    /// Events that there is still room for.
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.events.len())
    }

    fn fits(&self, bytes: usize) -> bool {
        self.events.is_empty() || self.bytes + bytes <= ANSWER_BYTES
    }

    fn push(&mut self, event: Event) {
        self.bytes += event.payload.len();
        self.events.push(event);
    }

    /// Takes back the event whose dedup key begins so.
    fn withdraw(&mut self, prefix: &str) {
        if let Some(at) = self.events.iter().rposition(|event| event.dedup_key.starts_with(prefix)) {
            let event = self.events.remove(at);
            self.bytes = self.bytes.saturating_sub(event.payload.len());
        }
    }

    /// Whether the poll should end here, and the next one go on.
    fn full(&self, pod: &Pod) -> bool {
        self.room() == 0 || self.bytes > ANSWER_BYTES || self.requests >= REQUESTS || !pod.has_time()
    }

    /// A warning, unless it was told already.
    pub fn warn(&mut self, told: Warning) {
        let same = |other: &Warning| other.code == told.code && other.key == told.key && other.message == told.message;
        if !self.warnings.iter().any(same) {
            self.warnings.push(told);
        }
    }
}

/// How a step ended.
enum Step {
    /// This phase is through.
    Done,
    /// There is more, in the same phase.
    On,
    /// There is more, for the next poll.
    Stop,
}

/// One poll: goes on with the sweep, or begins one.
///
/// # Errors
/// Those of a read where nothing was gathered yet, and of a cursor that does not fit.
pub fn poll(pod: &Pod, watch: &Watch, cursor: Option<&str>, limit: u32) -> Result<PollResult> {
    let mut gathered = Gathered::new(limit);
    let mut state = match cursor {
        Some(text) => {
            let mut state =
                State::read(&cursor::read(text, &watch.of)?).ok_or_else(|| cursor::refused("is damaged"))?;
            let since = cursor::kept(pod, watch.since.as_deref(), state.floor, None)?;
            since.into_iter().for_each(|told| gathered.warn(told));
            let once = watch.only_new || watch.by == watch::By::Creation;
            if !once && !state.shown.is_empty() && state.shown != watch.shown {
                gathered.warn(state.read_anew());
            }
            state
        }
        None => watch.begin(pod)?,
    };
    state.shown.clone_from(&watch.shown);
    let more = run(pod, watch, &mut state, &mut gathered);
    ended(&watch.of, gathered, more, state.write())
}

/// The end of a poll. What was gathered before a failure that may pass is handed over, and the next poll goes on.
///
/// # Errors
/// The failure, where nothing was gathered or it stays; a cursor that is too large.
fn ended(of: &str, mut gathered: Gathered, more: Result<bool>, state: Value) -> Result<PollResult> {
    let has_more = match more {
        Err(failure) if failure.again && !gathered.events.is_empty() => {
            let told = format!("{} What was read so far is handed over.", failure.problem.message);
            gathered.warn(warning("stopped_early", told, None));
            true
        }
        more => more?,
    };
    Ok(PollResult {
        events: gathered.events,
        cursor: cursor::write(of, state)?,
        has_more,
        next_poll_after_ms: None,
        dedup_for_ms: DEDUP_MS,
        warnings: gathered.warnings,
    })
}

fn run(pod: &Pod, watch: &Watch, state: &mut State, gathered: &mut Gathered) -> Result<bool> {
    loop {
        let phase = state.sweep.as_ref().map(|sweep| sweep.phase.clone()).unwrap_or_else(|| watch.first_phase());
        let step = match phase.clone() {
            Phase::Own(place) => window::step(pod, watch, state, place, gathered),
            Phase::Child(number, at) => children::step(pod, watch, state, number, at.as_deref(), gathered),
            Phase::Keys(at) => sweep::step(pod, watch, state, at.as_deref(), gathered),
            Phase::Losses => sweep::losses(pod, watch, state, gathered),
        };
        match step? {
            Step::Stop => return Ok(true),
            Step::On => {}
            Step::Done => match watch.next_phase(state, &phase) {
                Some(next) => {
                    if let Some(sweep) = &mut state.sweep {
                        sweep.phase = next;
                    }
                }
                None => {
                    finish(pod, watch, state);
                    return Ok(false);
                }
            },
        }
        if gathered.full(pod) {
            return Ok(true);
        }
    }
}

/// The sweep under way, or a new one as of the answer that was just heard; it is at that phase now.
fn under_way<'s>(pod: &Pod, watch: &Watch, state: &'s mut State, phase: Phase) -> &'s mut Sweep {
    let lower = watch.lower(state);
    let begin = || Sweep { began: cursor::now(pod), lower, reached: None, phase: watch.first_phase() };
    let sweep = state.sweep.get_or_insert_with(begin);
    sweep.phase = phase;
    sweep
}

/// The next sweep begins where this one did; where the pod tells no time, where it got to.
fn finish(pod: &Pod, watch: &Watch, state: &mut State) {
    let Some(sweep) = state.sweep.take() else { return };
    let reached = match pod.tells_time() {
        true => Some(sweep.began),
        false => sweep.reached.map(|reached| reached.min(sweep.began)),
    };
    state.from = reached.or(state.from);
    if let Some(bound) = watch.lower(state) {
        state.memory.forget_before(bound);
    }
}

/// A span of minutes.
fn minutes(minutes: u32) -> SignedDuration {
    SignedDuration::from_mins(i64::from(minutes))
}
