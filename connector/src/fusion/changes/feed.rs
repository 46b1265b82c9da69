//! Polling what is told as a list of happenings: audit history, Atom feeds.
//!
//! A window of time is read page by page to its end, each source in turn; the next one begins where it ended,
//! less an overlap. A happening never changes, so its id and time are all that is remembered. Windows end at
//! the pod's now, which its answer tells and not our clock, and are no longer than the source allows.

use crate::fusion::moment::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::memory::Memory;
use super::{Gathered, cursor, ended, minutes};
use crate::contract::{Event, PollResult};
use crate::fusion::pod::Pod;
use crate::fusion::time;
use crate::problem::Result;

/// Pages of one window and source, before it is plain that a service gives the same page again and again.
const MOST_PAGES: usize = 10_000;

/// One happening.
pub struct Item {
    /// What names it, for good.
    pub id: String,
    /// When it happened; none where it is not told.
    pub at: Option<Timestamp>,
    /// The payload of its event.
    pub payload: String,
}

/// A page of them.
pub struct Page {
    /// In the order of the service, the latest first or the oldest.
    pub items: Vec<Item>,
    /// Whether there may be more.
    pub more: bool,
}

/// Who tells of happenings.
pub trait Source {
    /// Fingerprint of the question.
    fn of(&self) -> String;
    /// How many lists there are: products, feeds.
    fn lists(&self) -> usize;
    /// The longest window; any where it is none.
    fn span(&self) -> Option<SignedDuration>;
    /// How far back the beginning is, where there is an end to it.
    fn reach(&self) -> SignedDuration;
    /// A page (from 1 on) of one list.
    ///
    /// # Errors
    /// Those of a read.
    fn page(&self, pod: &Pod, list: usize, window: (Timestamp, Timestamp), page: usize) -> Result<Page>;
}

#[derive(Clone, Debug)]
struct State {
    floor: Timestamp,
    from: Timestamp,
    window: Option<Window>,
    memory: Memory,
}

#[derive(Clone, Debug)]
struct Window {
    from: Timestamp,
    to: Timestamp,
    list: usize,
    page: usize,
    skip: usize,
}

impl State {
    fn write(&self) -> Value {
        let window = self.window.as_ref().map(|window| {
            json!({"from": cursor::moment(Some(window.from)), "to": cursor::moment(Some(window.to)),
                "list": window.list, "page": window.page, "skip": window.skip})
        });
        json!({"floor": cursor::moment(Some(self.floor)), "from": cursor::moment(Some(self.from)),
            "window": window, "memory": self.memory.write()})
    }

    fn read(state: &Value) -> Option<Self> {
        let window = match state.get("window").filter(|window| window.is_object()) {
            None => None,
            Some(window) => Some(Window {
                from: cursor::moment_of(window, "from")?,
                to: cursor::moment_of(window, "to")?,
                list: cursor::count_of(window, "list"),
                page: cursor::count_of(window, "page"),
                skip: cursor::count_of(window, "skip"),
            }),
        };
        Some(Self {
            floor: cursor::moment_of(state, "floor")?,
            from: cursor::moment_of(state, "from")?,
            window,
            memory: Memory::read(state.get("memory")?.as_str()?)?,
        })
    }
}

/// One poll.
///
/// # Errors
/// Those of a read where nothing was gathered yet, and of a start or cursor that does not fit.
pub fn poll(
    pod: &Pod,
    source: &dyn Source,
    since: Option<&str>,
    cursor: Option<&str>,
    limit: u32,
    overlap: u32,
) -> Result<PollResult> {
    let of = source.of();
    let overlap = minutes(overlap);
    let mut state = match cursor {
        Some(text) => State::read(&cursor::read(text, &of)?).ok_or_else(|| cursor::refused("is damaged"))?,
        None => {
            let floor = match cursor::begin(pod, since)? {
                Some(floor) => floor,
                None => cursor::now(pod).saturating_sub(source.reach()),
            };
            State { floor, from: floor, window: None, memory: Memory::default() }
        }
    };
    let mut gathered = Gathered::new(limit);
    let from_now = cursor.is_none() && since.is_none_or(|since| since.trim() == "now");
    let more = run(pod, source, &mut state, &mut gathered, (overlap, from_now));
    ended(&of, gathered, more, state.write())
}

fn run(
    pod: &Pod,
    source: &dyn Source,
    state: &mut State,
    gathered: &mut Gathered,
    (overlap, mut from_now): (SignedDuration, bool),
) -> Result<bool> {
    loop {
        let fresh = state.window.is_none();
        let window = match &state.window {
            Some(window) => window.clone(),
            None => {
                let from = state.from.saturating_sub(overlap).max(state.floor);
                let now = cursor::now(pod).max(from);
                let end = source.span().map_or(now, |span| from.saturating_add(span));
                Window { from, to: end.min(now), list: 0, page: 1, skip: 0 }
            }
        };
        gathered.requests += 1;
        let mut page = source.page(pod, window.list, (window.from, window.to), window.page)?;
        let mut window = window;
        if fresh {
            // Our clock may be ahead of the pod's: what happens until it gets there would be passed over.
            window.to = window.to.min(cursor::now(pod));
            window.from = window.from.min(window.to);
            if std::mem::take(&mut from_now) {
                state.floor = state.floor.min(window.to);
            }
        }
        // Some services tell the latest first; events come in the order in which they happened.
        if page.items.first().map(|item| item.at) > page.items.last().map(|item| item.at) {
            page.items.reverse();
        }
        for (index, item) in page.items.into_iter().enumerate().skip(window.skip) {
            let at = item.at.unwrap_or(window.from);
            // Some services take the day of a window and not its time.
            if at < state.floor {
                continue;
            }
            let id = format!("{}:{}", window.list, item.id);
            if gathered.room() == 0 || !gathered.fits(item.payload.len()) {
                window.skip = index;
                state.window = Some(window);
                return Ok(true);
            }
            if state.memory.take(&id, 0, at).is_some() {
                let dedup_key = format!("{}:{}", item.id, at.as_millisecond());
                gathered.push(Event { dedup_key, occurred_at: item.at.map(time::in_event), payload: item.payload });
            }
        }
        window.skip = 0;
        if page.more && window.page < MOST_PAGES {
            window.page += 1;
        } else if window.list + 1 < source.lists() {
            window.list += 1;
            window.page = 1;
        } else {
            state.from = window.to;
            state.window = None;
            let bound = state.from.saturating_sub(overlap);
            state.memory.forget_before(bound);
            // The pod's clock may have told its time with the answer alone.
            let behind = cursor::now(pod).duration_since(state.from);
            if behind < source.span().unwrap_or(SignedDuration::MAX).min(SignedDuration::from_hours(1)) {
                return Ok(false);
            }
            if gathered.full(pod) {
                return Ok(true);
            }
            continue;
        }
        state.window = Some(window);
        if gathered.full(pod) {
            return Ok(true);
        }
    }
}
