//! A pod of a few rows on which things happen between any two requests, for judging polls.
//!
//! Transactions write the time at which they begin and become visible later; the clock jumps ahead, goes back
//! a little, or stands still; requests fail. What was ever visible is kept, so that a judge can tell.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::fusion::moment::Timestamp;

use crate::fusion::time;
use crate::http::{Door, Pending, Request, Response, SendError};

/// Latest commit after the time that it carries, in microseconds: with [`BACK`] within the overlap.
const LATE: i64 = 6 * 60 * 1_000_000;
/// The clock is never further behind where it was already.
const BACK: i64 = 2 * 60 * 1_000_000;

/// A row, or what it looked like: (last change, value, last change of its child, value of its child).
pub type Version = (i64, u64, i64, u64);

#[derive(Clone)]
pub struct Row {
    pub created: i64,
    pub version: Version,
}

/// A transaction that is not visible yet.
struct Open {
    id: u64,
    own: bool,
    at: i64,
    value: u64,
    left: u64,
}

pub struct World {
    random: u64,
    pub clock: i64,
    highest: i64,
    pub rows: BTreeMap<u64, Row>,
    /// Every version that was visible, in order.
    pub history: BTreeMap<u64, Vec<Version>>,
    open: Vec<Open>,
    /// The clock stands still.
    still: bool,
    /// Times are finer than they are written.
    fine: bool,
    /// Nothing happens any more.
    pub quiet: bool,
    /// Rows of a page at most.
    cap: usize,
    /// A row that the pod cannot write.
    pub unreadable: Option<u64>,
    next: u64,
    pub requests: usize,
    /// After so many requests more the line is dead.
    pub dead_after: Option<usize>,
}

/// See the module.
pub struct Model(pub RefCell<World>);

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            clock: 1_767_225_600_000_000,
            highest: 1_767_225_600_000_000,
            rows: BTreeMap::new(),
            history: BTreeMap::new(),
            open: Vec::new(),
            still: seed.is_multiple_of(3),
            fine: seed.is_multiple_of(2),
            quiet: false,
            cap: 0,
            unreadable: None,
            next: 1,
            requests: 0,
            dead_after: None,
        };
        world.cap = 1 + world.below(6);
        for _ in 0..world.below(8) {
            world.insert();
            world.pass();
        }
        world
    }

    /// A number below `most`, which is small.
    pub fn below(&mut self, most: u64) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from((self.random >> 11) % most).unwrap()
    }

    fn value(&mut self) -> u64 {
        self.below(3) as u64
    }

    fn pass(&mut self) {
        if self.still {
            return;
        }
        let step = match self.below(12) {
            0 => 3_600_000_000,
            1 => 11 * 60_000_000,
            2 => -(self.below(BACK as u64) as i64),
            3..6 => self.below(2_000) as i64,
            _ => self.below(30_000_000) as i64,
        };
        let to = (self.clock + step).max(self.highest - BACK);
        // Nothing commits later than it may.
        if self.open.iter().any(|open| to - open.at > LATE) {
            self.commit(usize::MAX);
        }
        self.clock = to;
        self.highest = self.highest.max(to);
    }

    fn insert(&mut self) {
        let id = self.next;
        self.next += 1 + self.below(3) as u64;
        let value = self.value();
        let late = if self.below(3) == 0 { 1 + self.below(5) as u64 } else { 0 };
        self.open.push(Open { id, own: true, at: self.clock, value, left: late });
        self.commit(0);
    }

    /// Makes transactions visible; all of them where `all` is large.
    fn commit(&mut self, all: usize) {
        let (ready, open) = std::mem::take(&mut self.open).into_iter().partition(|open| all > 0 || open.left == 0);
        self.open = open;
        let ready: Vec<Open> = ready;
        for Open { id, own, at, value, .. } in ready {
            let row = self.rows.entry(id).or_insert(Row { created: at, version: (at, 9, at, 0) });
            if own {
                (row.version.0, row.version.1) = (at, value);
            } else {
                (row.version.2, row.version.3) = (at, value);
            }
            let version = row.version;
            self.history.entry(id).or_default().push(version);
        }
    }

    /// What happens between two requests.
    fn happen(&mut self) {
        if self.quiet {
            return;
        }
        for open in &mut self.open {
            open.left = open.left.saturating_sub(1);
        }
        self.commit(0);
        for _ in 0..self.below(4) {
            self.pass();
            let ids: Vec<u64> = self.rows.keys().copied().collect();
            let some = if ids.is_empty() { None } else { ids.get(self.below(ids.len() as u64)).copied() };
            match (self.below(8), some) {
                (0 | 1, _) => self.insert(),
                (2, Some(id)) if !self.open.iter().any(|open| open.id == id) => {
                    self.rows.remove(&id);
                    self.history.remove(&id);
                }
                (act, Some(id)) if act > 2 && !self.open.iter().any(|open| open.id == id) => {
                    let value = self.value();
                    let left = self.below(4) as u64;
                    self.open.push(Open { id, own: act < 7, at: self.clock, value, left });
                    self.commit(0);
                }
                _ => {}
            }
        }
    }

    fn written(&self, us: i64) -> String {
        time::in_query(Timestamp::from_microsecond(us).unwrap())
    }

    fn kept(&self, us: i64) -> i64 {
        if self.fine { us } else { us.div_euclid(1000) * 1000 }
    }

    fn text(&self, id: u64, row: &Row, expanded: bool) -> String {
        let (at, value, child_at, child) = row.version;
        let lines = match expanded {
            true => format!(
                ",\"invoiceLines\":{{\"items\":[{{\"LineNumber\":1,\"LastUpdateDate\":\"{}\",\"Amount\":{child}}}],\"count\":1,\"hasMore\":false}}",
                self.written(child_at)
            ),
            false => String::new(),
        };
        format!(
            "{{\"InvoiceId\":{id},\"Value\":{value},\"CreationDate\":\"{}\",\"LastUpdateDate\":\"{}\"{lines}}}",
            self.written(row.created),
            self.written(at)
        )
    }

    fn page(&self, path: &str) -> String {
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let mut q = String::new();
        let (mut limit, mut offset, mut by_time) = (25, 0, false);
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned();
            match name {
                "q" => q = value,
                "limit" => limit = value.parse().unwrap(),
                "offset" => offset = value.parse().unwrap(),
                "orderBy" => by_time = !value.starts_with("InvoiceId"),
                _ => {}
            }
        }
        let stamp =
            if query.contains("orderBy=CreationDate") { |row: &Row| row.created } else { |row: &Row| row.version.0 };
        let limit = self.cap.min(limit);
        let terms: Vec<(&str, &str, i64)> = q.split(';').filter(|term| !term.is_empty()).map(term).collect();
        let mut found: Vec<(&u64, &Row)> = self
            .rows
            .iter()
            .filter(|(id, row)| terms.iter().all(|(name, sign, value)| self.holds((name, sign, *value), **id, row)))
            .collect();
        if by_time {
            found.sort_by_key(|(id, row)| (self.kept(stamp(row)), **id));
        }
        let more = found.len() > offset + limit;
        let expanded = query.contains("expand=");
        let page = found.iter().skip(offset).take(limit);
        if let Some(id) = self.unreadable.filter(|unreadable| page.into_iter().any(|(id, _)| *id == unreadable)) {
            return format!(
                "{{\"items\":[{{\"InvoiceId\": Too many objects match the primary key oracle.jbo.Key[{id} ]."
            );
        }
        let items: Vec<String> =
            found.into_iter().skip(offset).take(limit).map(|(id, row)| self.text(*id, row, expanded)).collect();
        format!("{{\"items\":[{}],\"count\":{},\"hasMore\":{more},\"limit\":{limit}}}", items.join(","), items.len())
    }

    fn holds(&self, (name, sign, right): (&str, &str, i64), id: u64, row: &Row) -> bool {
        let left = match name {
            "InvoiceId" => i64::try_from(id).unwrap(),
            "LastUpdateDate" => self.kept(row.version.0),
            "CreationDate" => self.kept(row.created),
            "invoiceLines.LastUpdateDate" => self.kept(row.version.2),
            other => panic!("an attribute that no pod knows: {other}"),
        };
        match sign {
            ">" => left > right,
            ">=" => left >= right,
            "<" => left < right,
            other => panic!("a sign that no pod takes: {other}"),
        }
    }
}

/// Attribute, sign and value of a term of `q`.
fn term(text: &str) -> (&str, &str, i64) {
    let words: Vec<&str> = text.splitn(3, ' ').collect();
    let [name, sign, value] = words.as_slice() else { panic!("a term that no pod takes: {text}") };
    let value = value.trim_matches('\'');
    let value = match *name {
        "InvoiceId" => value.parse().unwrap(),
        _ => time::instant(value).unwrap().as_microsecond(),
    };
    (*name, *sign, value)
}

impl Model {
    pub fn new(seed: u64) -> Self {
        Self(RefCell::new(World::new(seed)))
    }

    /// A quiet pod of so many rows, all of one time, of which it gives so many at once.
    pub fn plain(rows: u64, cap: usize) -> Self {
        let mut world = World::new(3);
        (world.rows, world.history, world.open, world.quiet, world.cap) = Default::default();
        (world.quiet, world.cap) = (true, cap);
        let at = world.clock;
        world.rows.extend((1..=rows).map(|id| (id, Row { created: at, version: (at, 0, at, 0) })));
        Self(RefCell::new(world))
    }

    /// Everything becomes visible, and nothing happens any more.
    pub fn settle(&self) {
        let mut world = self.0.borrow_mut();
        world.commit(usize::MAX);
        world.quiet = true;
    }
}

impl Door for Model {
    fn start(&self, request: Request) -> Pending<'_> {
        let answer = self.send(&request);
        Pending::new(|| answer)
    }

    fn send(&self, request: &Request) -> Result<Response, SendError> {
        let mut world = self.0.borrow_mut();
        world.happen();
        world.requests += 1;
        if let Some(left) = world.dead_after {
            world.dead_after = Some(left.saturating_sub(1));
            if left == 0 {
                return Err(SendError::Broken("the line is dead".into()));
            }
        }
        if !world.quiet && world.below(12) == 0 {
            return Err(SendError::Broken("the line broke".into()));
        }
        let date = jiff::Timestamp::from_microsecond(world.clock).unwrap();
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.push(("date".to_owned(), date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()));
        let item = request.path.split('?').next().unwrap().rsplit('/').next().unwrap().parse::<u64>().ok();
        let (status, body) = match item {
            Some(id) => match world.rows.get(&id) {
                Some(row) => (200, world.text(id, row, false)),
                None => (404, String::new()),
            },
            None => (200, world.page(&request.path)),
        };
        Ok(Response { status, headers, body: body.into_bytes() })
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    /// The host's clock is a minute and a half ahead.
    fn unix_ms(&self) -> i64 {
        self.0.borrow().clock / 1000 + 90_000
    }

    fn wait(&self, _: Duration) {}
}
