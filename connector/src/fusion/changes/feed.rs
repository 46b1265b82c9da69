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
const MOST_PAGES: u64 = 10_000;

/// One happening.
pub struct Item {
    /// The dedup key of its event.
    pub key: String,
    /// When it happened; none where it is not told.
    pub at: Option<Timestamp>,
    /// The payload of its event.
    pub payload: String,
}

/// A page of them.
pub struct Page {
    /// In the order of the service, the latest first or the oldest.
    pub items: Vec<Item>,
    /// Where the next page is, where there may be one.
    pub next: Option<u64>,
}

/// The page behind one, where pages are counted.
pub fn behind(page: u64, more: bool) -> Option<u64> {
    (more && page < MOST_PAGES).then_some(page + 1)
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
    /// A page of one list: the first is 1, another where the one before it said.
    ///
    /// # Errors
    /// Those of a read.
    fn page(&self, pod: &Pod, list: usize, window: (Timestamp, Timestamp), page: u64) -> Result<Page>;
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
    page: u64,
    /// What was handed over of this page: what comes meanwhile moves all places, and [`State::memory`] may be full.
    done: Memory,
}

impl State {
    fn write(&self) -> Value {
        let window = self.window.as_ref().map(|window| {
            json!({"from": cursor::moment(Some(window.from)), "to": cursor::moment(Some(window.to)),
                "list": window.list, "page": window.page, "done": window.done.write()})
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
                page: window.get("page")?.as_u64()?,
                done: window.get("done").and_then(Value::as_str).and_then(Memory::read).unwrap_or_default(),
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
    let mut gathered = Gathered::new(limit);
    let beginning = cursor::now(pod).saturating_sub(source.reach());
    let mut state = match cursor {
        Some(text) => {
            let state = State::read(&cursor::read(text, &of)?).ok_or_else(|| cursor::refused("is damaged"))?;
            // Clocks differ by less than a day.
            let beginning = beginning.saturating_add(SignedDuration::from_hours(24));
            let since = cursor::kept(pod, since, Some(state.floor), Some(beginning))?;
            since.into_iter().for_each(|told| gathered.warn(told));
            state
        }
        None => {
            let floor = cursor::begin(pod, since)?.unwrap_or(beginning);
            State { floor, from: floor, window: None, memory: Memory::default() }
        }
    };
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
                Window { from, to: end.min(now), list: 0, page: 1, done: Memory::default() }
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
        for item in page.items {
            let at = item.at.unwrap_or(window.from);
            // Some services take the day of a window and not its time.
            if at < state.floor {
                continue;
            }
            if window.done.version(&item.key).is_some() || state.memory.version(&item.key).is_some() {
                continue;
            }
            if gathered.room() == 0 || !gathered.fits(item.payload.len()) {
                state.window = Some(window);
                return Ok(true);
            }
            state.memory.take(&item.key, 0, at);
            window.done.take(&item.key, 0, at);
            gathered.push(Event {
                dedup_key: item.key,
                occurred_at: item.at.map(time::in_event),
                payload: item.payload,
            });
        }
        window.done = Memory::default();
        if let Some(next) = page.next {
            window.page = next;
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::*;
    use crate::http::fake::Fake;
    use crate::settings::Settings;

    const SETTINGS: &str = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;

    /// The latest first, a hundred to a page; happenings that come late come after so many pages were read.
    struct Latest {
        told: RefCell<Vec<i64>>,
        late: RefCell<BTreeMap<usize, i64>>,
        asked: RefCell<usize>,
    }

    impl Source for Latest {
        fn of(&self) -> String {
            "latest".to_owned()
        }

        fn lists(&self) -> usize {
            1
        }

        fn span(&self) -> Option<SignedDuration> {
            None
        }

        fn reach(&self) -> SignedDuration {
            SignedDuration::from_hours(24)
        }

        fn page(&self, _: &Pod, _: usize, (from, to): (Timestamp, Timestamp), page: u64) -> Result<Page> {
            *self.asked.borrow_mut() += 1;
            self.told.borrow_mut().extend(self.late.borrow_mut().remove(&self.asked.borrow()));
            let mut told = self.told.borrow().clone();
            told.sort_unstable_by(|one, other| other.cmp(one));
            let within = told.into_iter().map(|second| Timestamp::from_second(second).unwrap());
            let within: Vec<_> = within.filter(|at| (from..=to).contains(at)).collect();
            let skip = usize::try_from(page - 1).unwrap() * 100;
            let item = |at: &Timestamp| Item { key: time::in_event(*at), at: Some(*at), payload: "{}".to_owned() };
            let items = within.iter().skip(skip).take(100).map(item).collect();
            Ok(Page { items, next: behind(page, within.len() > skip + 100) })
        }
    }

    #[test]
    fn what_comes_while_a_page_is_handed_over_in_several_answers_moves_nothing_out_of_it() {
        let (door, settings) = (Fake::default(), Settings::parse(SETTINGS).unwrap());
        let pod = Pod::new(&door, &settings, None).unwrap();
        let now = pod.now_ms() / 1000;
        // More than a cursor remembers, so that the oldest pages are those that it has forgotten.
        let source = Latest {
            told: RefCell::new((1..=3_050).map(|place| now - 2 * place).collect()),
            late: RefCell::new([(2, now - 1), (9, now - 7), (60, now - 3)].into()),
            asked: RefCell::default(),
        };
        let (mut cursor, mut handed, mut whole) = (None, std::collections::BTreeSet::new(), 0);
        while whole < 2 {
            let polled = poll(&pod, &source, Some("beginning"), cursor.as_deref(), 30, 10).unwrap();
            handed.extend(polled.events.into_iter().map(|event| event.dedup_key));
            whole += usize::from(!polled.has_more);
            cursor = Some(polled.cursor);
            assert!(*source.asked.borrow() < 400, "the window has no end");
        }
        assert_eq!(handed.len(), 3_053);
    }
}
