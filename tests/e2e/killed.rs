//! `harness poll --follow --state`, killed at random moments, judged by the file of its sink.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ChildStdout;
use std::time::{Duration, Instant};

use fusion_sim::Pod;
use fusion_sim::keys::KeyValues;
use fusion_sim::metadata;
use fusion_sim::model::{Resource, Root, Row, Value as Held};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::served::Served;

const KILLS: usize = 200;
/// Latest commit after the time that it carries; the overlap is a minute.
const LATE_MS: u64 = 20_000;

fn invoices() -> &'static Resource {
    metadata::resource(Root::Fscm, "invoices").unwrap()
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % most
    }
}

/// The rows that the test wrote: what each was made to say last, and the time that it carries.
struct Written {
    rows: BTreeMap<i64, (String, Timestamp)>,
    template: Row,
    count: i64,
    late: usize,
    /// Changes count from here on, whenever they are committed.
    since: Timestamp,
}

impl Written {
    fn new(pod: &Pod) -> Self {
        let template = pod.with_store(|store| store.scan(invoices()).next()).unwrap();
        Self { rows: BTreeMap::new(), template, count: 0, late: 0, since: pod.clock().now() }
    }

    /// One insert or update; every third carries a time that has passed, as of a transaction that was open.
    fn change(&mut self, pod: &Pod, dice: &mut Dice) {
        self.count += 1;
        let now = pod.clock().now();
        let late = if dice.below(3) == 0 { 1 + dice.below(LATE_MS) } else { 0 };
        let mut at = self.since.max(now - SignedDuration::from_millis(i64::try_from(late).unwrap()));
        let says = format!("version {}", self.count);
        let known: Vec<i64> = self.rows.keys().copied().collect();
        let id = match known.len() as u64 {
            some if some > 0 && dice.below(3) > 0 => known[usize::try_from(dice.below(some)).unwrap()],
            _ => 400_000_000_000_000 + self.count,
        };
        if let Some((_, before)) = self.rows.get(&id) {
            // Who changes a row waits for the change before.
            at = at.max(*before + SignedDuration::from_micros(1)).min(now.max(*before));
        }
        let values = [("Description", Held::Text(says.as_str().into())), ("LastUpdateDate", Held::Timestamp(at))];
        pod.with_store(|store| {
            if self.rows.contains_key(&id) {
                assert!(store.touch(invoices(), &KeyValues::integer(id), &values, at));
            } else {
                let mut row = self.template.clone();
                row.set(invoices(), "InvoiceId", Held::Integer(id));
                row.set(invoices(), "InvoiceNumber", Held::Text(format!("K-{id}").into()));
                row.set(invoices(), "CreationDate", Held::Timestamp(at));
                for (name, value) in values {
                    assert!(row.set(invoices(), name, value));
                }
                store.insert(invoices(), row);
            }
        });
        self.late += usize::from(at < now);
        self.rows.insert(id, (says, at));
    }
}

/// Takes whole lines and syncs them; what a kill cut off was never taken.
fn take(mut from: ChildStdout, mut sink: File) {
    let (mut held, mut piece) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let read = from.read(&mut piece).unwrap();
        if read == 0 {
            return;
        }
        held.extend_from_slice(&piece[..read]);
        if let Some(end) = held.iter().rposition(|byte| *byte == b'\n') {
            let rest = held.split_off(end + 1);
            sink.write_all(&held).unwrap();
            sink.sync_data().unwrap();
            held = rest;
        }
    }
}

fn sink(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// What the sink says of each row last; panics over a repetition that is not marked. Also how many are marked.
fn judged(path: &Path) -> (BTreeMap<i64, String>, usize, usize) {
    let (mut seen, mut last, mut repeated) = (BTreeSet::new(), BTreeMap::new(), 0);
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let marked = line["repeated"] == true;
        repeated += usize::from(marked);
        assert!(seen.insert(line["dedup_key"].to_string()) || marked, "came again without a mark: {line}");
        let id = line["payload"]["key"].as_str().unwrap().parse().unwrap();
        last.insert(id, line["payload"]["record"]["Description"].as_str().unwrap_or_default().to_owned());
    }
    (last, seen.len(), repeated)
}

#[test]
fn killed_two_hundred_times_it_loses_nothing_and_marks_what_it_repeats() {
    let served = Served::new("basic", json!([]));
    let (file, pod) = (served.path("sink.ndjson"), &served.pod);
    let input =
        json!({"resource": "invoices", "fields": ["Description"], "overlap_minutes": 1, "limit": 7}).to_string();
    let once = ["poll", "new_or_updated_record", "--connection", "pod.json", "--input", &input, "--state", "state.db"];
    let following = [&once[..], &["--follow", "--at-least", "10ms", "--at-most", "30ms"]].concat();
    let finish = || {
        let mut child = served.start(&once);
        take(child.stdout.take().unwrap(), sink(&file));
        let ended = crate::served::ended(child);
        assert_eq!(ended.code, 0, "{}", ended.err);
    };
    // The first poll says from where on changes count, the second how long a start takes.
    finish();
    let began = Instant::now();
    finish();
    let longest = (began.elapsed() * 3).clamp(Duration::from_millis(60), Duration::from_millis(600));

    let (mut dice, mut written) = (Dice(0x9e37_79b9_7f4a_7c15), Written::new(pod));
    for _ in 0..KILLS {
        let mut child = served.start(&following);
        let (from, to) = (child.stdout.take().unwrap(), sink(&file));
        let taking = std::thread::spawn(move || take(from, to));
        let until = Instant::now() + longest * u32::try_from(dice.below(1000)).unwrap() / 1000;
        loop {
            written.change(pod, &mut dice);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(Duration::from_millis(5 + dice.below(60))));
        }
        child.kill().unwrap();
        let ended = crate::served::ended(child);
        assert_eq!(ended.code, -1, "it ended by itself: {}", ended.err);
        taking.join().unwrap();
    }
    finish();
    let (last, events, repeated) = judged(&file);
    eprintln!("{} changes, {} late; {events} events, {repeated} marked as repeated", written.count, written.late);
    let wrong: Vec<_> = written
        .rows
        .iter()
        .filter(|(id, (says, _))| last.get(*id) != Some(says))
        .map(|(id, (says, at))| (id, says, at, last.get(id)))
        .collect();
    assert!(wrong.is_empty(), "{} of {}: {wrong:?}", wrong.len(), written.rows.len());
    assert_eq!(last.len(), written.rows.len(), "somebody else's rows came");
    assert!(written.late > 50, "{}", written.late);
}
