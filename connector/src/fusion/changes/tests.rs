use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::model::{Model, Version};
use super::watch::{By, Question, Watch};
use super::*;
use crate::fusion::target::Target;
use crate::settings::Settings;

const SETTINGS: &str = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;

fn question<'i>(children: &'i [String]) -> Question<'i> {
    Question {
        trigger: "new_or_updated_record",
        only_new: false,
        by: None,
        since: Some("beginning"),
        all: &[],
        any: &[],
        finder: None,
        fields: None,
        expand: None,
        children,
        deleted: false,
        allow_drop: false,
        overlap: OVERLAP_MINUTES,
    }
}

/// How a poll ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Whole,
    /// The line dies after so many requests; what the connector makes of it counts.
    Dead(usize),
    /// Killed after so many requests.
    Killed(usize),
    /// Its answer is lost.
    Lost,
    /// The sink took the events, and nothing was committed.
    Crashed,
}

impl End {
    fn drawn(model: &Model) -> Self {
        let mut world = model.0.borrow_mut();
        let requests = world.below(8);
        match world.below(15) {
            0 => Self::Lost,
            1 | 2 => Self::Crashed,
            3 | 4 => Self::Killed(requests),
            5 | 6 => Self::Dead(requests),
            _ => Self::Whole,
        }
    }
}

/// What the sink took.
struct Taken {
    id: u64,
    payload: Value,
    key: String,
    /// It was handed over before, and says so.
    marked: bool,
}

/// A host with its sink: what was taken is acknowledged together with the cursor, and a key that was handed over
/// and not acknowledged is marked when it comes again.
#[derive(Default)]
struct Sink {
    cursor: Option<String>,
    acknowledged: BTreeSet<String>,
    announced: BTreeSet<String>,
    events: Vec<Taken>,
}

thread_local! {
    static TARGET: Target = Target::known("invoices").unwrap().unwrap();
    static CHECKED: Settings = Settings::parse(SETTINGS).unwrap();
}

fn poll_once(model: &Model, question: &Question, cursor: Option<&str>, limit: u32) -> Result<PollResult> {
    TARGET.with(|target| {
        CHECKED.with(|settings| {
            let pod = Pod::new(model, settings, None).unwrap();
            let watch = Watch::new(&pod, target, question).unwrap();
            poll(&pod, &watch, cursor, limit)
        })
    })
}

impl Sink {
    /// One poll; answers whether more was promised.
    fn poll(&mut self, model: &Model, question: &Question, end: End) -> bool {
        let limit = 1 + u32::try_from(model.0.borrow_mut().below(6)).unwrap();
        model.0.borrow_mut().dead_after = match end {
            End::Dead(requests) | End::Killed(requests) => Some(requests),
            _ => None,
        };
        let polled = poll_once(model, question, self.cursor.as_deref(), limit);
        model.0.borrow_mut().dead_after = None;
        match polled {
            Ok(_) if matches!(end, End::Lost | End::Killed(_)) => true,
            Ok(polled) => {
                assert!(polled.events.len() <= limit as usize, "over the limit");
                for event in polled.events {
                    let key = event.dedup_key;
                    if self.acknowledged.contains(&key) {
                        continue;
                    }
                    let payload: Value = serde_json::from_str(&event.payload).unwrap();
                    let id = payload["key"].as_str().unwrap().parse().unwrap();
                    let marked = !self.announced.insert(key.clone());
                    if end != End::Crashed {
                        self.acknowledged.insert(key.clone());
                    }
                    self.events.push(Taken { id, payload, key, marked });
                }
                if end == End::Crashed {
                    return true;
                }
                self.cursor = Some(polled.cursor);
                polled.has_more
            }
            Err(failure) => {
                assert!(failure.again, "{failure:?}");
                true
            }
        }
    }

    /// The row went back, within one time, to a version that was acknowledged, after another was handed over and
    /// not acknowledged: nobody can tell that from a repetition.
    fn went_back(&self, id: u64, now: &Version, with_child: bool) -> bool {
        let of_row = || self.events.iter().filter(|taken| taken.id == id);
        let Some(last) = of_row().next_back() else { return false };
        !self.acknowledged.contains(&last.key)
            && told(&last.payload, with_child).0 == now.0
            && of_row().any(|taken| self.acknowledged.contains(&taken.key) && told(&taken.payload, with_child) == *now)
    }
}

fn ms(text: &Value) -> i64 {
    crate::fusion::time::instant(text.as_str().unwrap()).unwrap().as_millisecond()
}

/// A version as the sink knows it, in milliseconds.
fn told(payload: &Value, with_child: bool) -> Version {
    let record = &payload["record"];
    let line = &record["invoiceLines"][0];
    let child = if with_child { (ms(&line["LastUpdateDate"]), line["Amount"].as_u64().unwrap()) } else { (0, 0) };
    (ms(&record["LastUpdateDate"]), record["Value"].as_u64().unwrap(), child.0, child.1)
}

fn shown(version: &Version, with_child: bool) -> Version {
    let child = if with_child { (version.2.div_euclid(1000), version.3) } else { (0, 0) };
    (version.0.div_euclid(1000), version.1, child.0, child.1)
}

fn judge(seed: u64) -> usize {
    let model = Model::new(seed);
    let with_child = seed % 5 < 2;
    let children = if with_child { vec!["invoiceLines".to_owned()] } else { Vec::new() };
    let question = question(&children);
    let mut sink = Sink::default();
    for _ in 0..8 {
        sink.poll(&model, &question, End::drawn(&model));
    }
    model.settle();
    let mut whole = 0;
    for _ in 0..500 {
        if !sink.poll(&model, &question, End::Whole) {
            whole += 1;
        }
        if whole == 2 {
            break;
        }
    }
    assert_eq!(whole, 2, "seed {seed}: the sweep has no end");
    let before = sink.events.len();
    sink.poll(&model, &question, End::Whole);
    assert_eq!(sink.events.len(), before, "seed {seed}: events although nothing changed");
    let world = model.0.borrow();
    let mut told_of: BTreeMap<u64, Vec<(Version, bool)>> = BTreeMap::new();
    for taken in &sink.events {
        told_of.entry(taken.id).or_default().push((told(&taken.payload, with_child), taken.marked));
    }
    for (id, row) in &world.rows {
        let events = told_of.get(id).map(Vec::as_slice).unwrap_or_default();
        let now = shown(&row.version, with_child);
        assert!(
            events.last().is_some_and(|(last, _)| *last == now) || sink.went_back(*id, &now, with_child),
            "seed {seed}: the last version of {id}, {now:?}, is not what came last: {events:?}"
        );
        let again = |pair: &[(Version, bool)]| pair[0].0 == pair[1].0 && !pair[1].1;
        assert!(!events.windows(2).any(again), "seed {seed}: {id} came again: {events:?}");
        let mut history = world.history[id].iter().map(|version| shown(version, with_child));
        for (event, _) in events.iter().filter(|(_, marked)| !marked) {
            assert!(history.any(|version| version == *event), "seed {seed}: {id} out of order: {events:?}");
        }
    }
    world.requests
}

/// `HISTORIES` sets how many; a thousand take some ten seconds on an idle machine.
#[test]
fn whatever_happens_between_two_requests_the_last_version_of_every_row_comes_once() {
    let histories: u64 = std::env::var("HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(400);
    let requests: usize = std::thread::scope(|scope| {
        let half =
            |odd: u64| scope.spawn(move || (1..=histories).filter(|seed| seed % 2 == odd).map(judge).sum::<usize>());
        [half(0), half(1)].into_iter().map(|half| half.join().unwrap()).sum()
    });
    assert!(requests > 10 * usize::try_from(histories).unwrap());
    eprintln!("{requests} requests");
}

/// Polls until nothing is behind; answers (change, key) of each event, and the codes of warnings.
fn drain(model: &Model, question: &Question, cursor: &mut Option<String>) -> (Vec<(String, u64)>, Vec<String>) {
    let (mut events, mut warnings) = (Vec::new(), Vec::new());
    for _ in 0..1_000 {
        let polled = poll_once(model, question, cursor.as_deref(), 500).unwrap();
        for event in polled.events {
            let payload: Value = serde_json::from_str(&event.payload).unwrap();
            let key = payload["key"].as_str().unwrap().parse().unwrap();
            events.push((payload["change"].as_str().unwrap().to_owned(), key));
        }
        warnings.extend(polled.warnings.into_iter().map(|warning| warning.code));
        *cursor = Some(polled.cursor);
        if !polled.has_more {
            return (events, warnings);
        }
    }
    panic!("the sweep has no end");
}

#[test]
fn ten_thousand_rows_of_one_time_come_once_and_the_memory_is_bounded() {
    let model = Model::plain(10_000, 500);
    let mut cursor = None;
    let (events, _) = drain(&model, &question(&[]), &mut cursor);
    let keys: BTreeSet<u64> = events.iter().map(|(_, key)| *key).collect();
    assert_eq!((events.len(), keys.len()), (10_000, 10_000));
    assert!(cursor.unwrap().len() < 66 * 1024);
}

#[test]
fn two_hundred_thousand_rows_that_change_within_one_second_come_once_each() {
    let model = Model::plain(200_000, 500);
    let question = Question { since: Some("now"), ..question(&[]) };
    let mut cursor = None;
    model.0.borrow_mut().clock += 3_600_000_000;
    assert!(drain(&model, &question, &mut cursor).0.is_empty());
    {
        let mut world = model.0.borrow_mut();
        world.clock += 3_600_000_000;
        let now = world.clock;
        world.rows.values_mut().for_each(|row| row.version.0 = now);
    }
    // Two sweeps: what the cursor cannot hold comes again in the second, and the host knows it.
    let (mut acknowledged, mut handed, mut whole) = (BTreeSet::new(), 0, 0);
    while whole < 2 {
        let polled = poll_once(&model, &question, cursor.as_deref(), 5_000).unwrap();
        assert!(polled.events.len() <= 5_000 && polled.cursor.len() < 66 * 1024);
        handed += polled.events.len();
        for event in polled.events {
            acknowledged.insert(event.dedup_key);
        }
        whole += usize::from(!polled.has_more);
        cursor = Some(polled.cursor);
        assert!(handed < 3 * 200_000, "the sweep has no end");
    }
    assert_eq!(acknowledged.len(), 200_000, "one key for each row, however often it comes");
    assert!(handed > 200_000, "the cursor cannot remember them all");
}

#[test]
fn new_is_told_from_updated() {
    let model = Model::plain(3, 500);
    let mut cursor = None;
    let (events, _) = drain(&model, &question(&[]), &mut cursor);
    assert!(events.iter().all(|(change, _)| change == "new"));
    {
        let mut world = model.0.borrow_mut();
        world.clock += 3_600_000_000;
        let now = world.clock;
        world.rows.get_mut(&2).unwrap().version.0 = now;
        world.rows.insert(9, super::model::Row { created: now, version: (now, 0, now, 0) });
    }
    let (events, _) = drain(&model, &question(&[]), &mut cursor);
    assert_eq!(events, [("updated".to_owned(), 2), ("new".to_owned(), 9)]);
}

#[test]
fn new_records_come_once_however_often_they_change() {
    for by in [By::Creation, By::LastUpdate, By::Sweep] {
        let model = Model::plain(3, 500);
        let question = Question { only_new: true, by: Some(by), ..question(&[]) };
        let mut cursor = None;
        assert_eq!(drain(&model, &question, &mut cursor).0.len(), 3, "{by:?}");
        for step in 0..3 {
            let mut world = model.0.borrow_mut();
            world.clock += 60_000_000;
            let now = world.clock;
            world.rows.get_mut(&2).unwrap().version = (now, step, now, 0);
            world.rows.insert(10 + step, super::model::Row { created: now, version: (now, 0, now, 0) });
            drop(world);
            assert_eq!(drain(&model, &question, &mut cursor).0, [("new".to_owned(), 10 + step)], "{by:?}");
        }
    }
}

#[test]
fn a_change_of_a_child_alone_is_a_change_where_the_child_is_chosen() {
    let model = Model::plain(3, 500);
    let children = ["invoiceLines".to_owned()];
    let mut cursor = None;
    drain(&model, &question(&children), &mut cursor);
    let mut world = model.0.borrow_mut();
    world.clock += 3_600_000_000;
    let now = world.clock;
    world.rows.get_mut(&2).unwrap().version.2 = now;
    drop(world);
    assert_eq!(drain(&model, &question(&children), &mut cursor).0, [("updated".to_owned(), 2)]);
    assert!(drain(&model, &question(&children), &mut cursor).0.is_empty());
}

#[test]
fn a_sweep_that_is_to_watch_children_is_told_how() {
    let (settings, door) = (Settings::parse(SETTINGS).unwrap(), crate::http::fake::Fake::default());
    let pod = Pod::new(&door, &settings, None).unwrap();
    let target = Target::find(&pod, "suppliers").unwrap();
    let (children, expand) = (["addresses".to_owned()], ["addresses".to_owned()]);
    let asked = Question { by: Some(By::Sweep), ..question(&children) };
    let failure = Watch::new(&pod, &target, &asked).err().unwrap();
    assert_eq!(failure.problem.fields[0].pointer, "/children");
    assert!(failure.problem.remedy.unwrap().contains("in expand"));
    let instead = Question { children: &[], expand: Some(&expand), ..asked };
    assert!(Watch::new(&pod, &target, &instead).is_ok());
}

#[test]
fn deleted_rows_are_told_and_a_sudden_drop_is_not_believed() {
    for by in [By::LastUpdate, By::Sweep] {
        let model = Model::plain(40, 7);
        let asked = Question { by: Some(by), deleted: true, since: Some("now"), ..question(&[]) };
        let mut cursor = None;
        let pass = || model.0.borrow_mut().clock += 2 * 3_600_000_000;
        pass();
        assert!(drain(&model, &asked, &mut cursor).0.is_empty(), "{by:?}");
        pass();
        model.0.borrow_mut().rows.retain(|id, _| ![5, 40].contains(id));
        let (events, warnings) = drain(&model, &asked, &mut cursor);
        assert_eq!(events, [("deleted".to_owned(), 5), ("deleted".to_owned(), 40)], "{by:?}");
        assert!(warnings.is_empty());
        pass();
        assert!(drain(&model, &asked, &mut cursor).0.is_empty());
        model.0.borrow_mut().rows.retain(|id, _| *id > 5);
        pass();
        let (events, warnings) = drain(&model, &asked, &mut cursor);
        assert_eq!((events.len(), warnings.as_slice()), (0, ["sudden-drop".to_owned()].as_slice()), "{by:?}");
        // Without waiting for the next hour.
        let believed = Question { allow_drop: true, ..asked };
        assert_eq!(drain(&model, &believed, &mut cursor).0.len(), 4, "{by:?}");
    }
}

#[test]
fn a_row_that_cannot_be_read_is_not_lost_and_what_is_said_of_it_helps() {
    for by in [By::LastUpdate, By::Sweep] {
        let model = Model::plain(40, 7);
        let asked = Question { by: Some(by), deleted: true, since: Some("now"), allow_drop: true, ..question(&[]) };
        let pass = || model.0.borrow_mut().clock += 2 * 3_600_000_000;
        let mut cursor = None;
        drain(&model, &asked, &mut cursor);
        pass();
        model.0.borrow_mut().unreadable = Some(9);
        let (events, warnings) = drain(&model, &asked, &mut cursor);
        assert_eq!((events.len(), warnings.as_slice()), (0, ["row_unreadable".to_owned()].as_slice()), "{by:?}");
        pass();
        model.0.borrow_mut().rows.remove(&5);
        let polled = poll_once(&model, &asked, cursor.as_deref(), 500).unwrap();
        let told = polled.warnings.iter().find(|told| told.code == "sudden-drop").unwrap();
        let names = told.message.contains("(9)") && told.message.contains("Too many objects");
        assert!(names && told.message.contains("allow_drop changes nothing"), "{}", told.message);
        assert!(polled.events.is_empty() && !polled.has_more);
        // Once it is mended, what is gone is told.
        pass();
        model.0.borrow_mut().unreadable = None;
        assert_eq!(drain(&model, &asked, &mut Some(polled.cursor)).0, [("deleted".to_owned(), 5)], "{by:?}");
    }
}

#[test]
fn a_cursor_that_begins_anew_gives_what_happens_later_a_key_of_its_own() {
    let asked = Question { by: Some(By::Sweep), deleted: true, since: Some("now"), ..question(&[]) };
    let model = Model::plain(40, 7);
    let mut keys = BTreeSet::new();
    for _ in 0..2 {
        let mut cursor = None;
        drain(&model, &asked, &mut cursor);
        let (row, hour) = (model.0.borrow_mut().rows.remove(&5).unwrap(), 3_600_000_000);
        model.0.borrow_mut().clock += hour;
        let polled = poll_once(&model, &asked, cursor.as_deref(), 500).unwrap();
        assert_eq!(polled.events.len(), 1);
        assert!(keys.insert(polled.events[0].dedup_key.clone()));
        model.0.borrow_mut().rows.insert(5, row);
    }
}

#[test]
fn a_sweep_tells_new_and_changed_rows_by_their_fingerprints() {
    let model = Model::plain(20, 6);
    let asked = Question { by: Some(By::Sweep), ..question(&[]) };
    let mut cursor = None;
    assert_eq!(drain(&model, &asked, &mut cursor).0.len(), 20);
    for value in [7, 0, 7] {
        model.0.borrow_mut().rows.get_mut(&2).unwrap().version.1 = value;
        assert_eq!(drain(&model, &asked, &mut cursor).0, [("updated".to_owned(), 2)]);
    }
    assert!(drain(&model, &asked, &mut cursor).0.is_empty());
}

#[test]
fn other_fields_make_no_record_an_event_that_did_not_change() {
    let (some, more) = (["Value".to_owned()], ["Value".to_owned(), "Amount".to_owned()]);
    for by in [By::LastUpdate, By::Sweep] {
        let model = Model::plain(20, 7);
        // Records are remembered within the overlap alone, and a sweep remembers all of them.
        let minutes = if by == By::Sweep { 60 } else { 1 };
        let pass = || model.0.borrow_mut().clock += minutes * 60_000_000;
        let before = Question { by: Some(by), fields: Some(&some), ..question(&[]) };
        let after = Question { fields: Some(&more), ..before };
        let mut cursor = None;
        pass();
        assert_eq!(drain(&model, &before, &mut cursor).0.len(), 20, "{by:?}");
        pass();
        // The model tells all attributes whatever is asked for: another one shows.
        model.0.borrow_mut().rows.values_mut().for_each(|row| row.version.1 = 5);
        let now = model.0.borrow().clock;
        model.0.borrow_mut().rows.get_mut(&3).unwrap().version = (now, 6, now, 0);
        let (events, warnings) = drain(&model, &after, &mut cursor);
        assert_eq!(events, [("updated".to_owned(), 3)], "{by:?}");
        assert_eq!(warnings, ["fields_changed"], "{by:?}");
        pass();
        assert_eq!(drain(&model, &after, &mut cursor), Default::default(), "{by:?}");
        let now = model.0.borrow().clock;
        model.0.borrow_mut().rows.get_mut(&4).unwrap().version = (now, 6, now, 0);
        assert_eq!(drain(&model, &after, &mut cursor).0, [("updated".to_owned(), 4)], "{by:?}");
    }
}

#[test]
fn what_cannot_be_watched_is_refused_with_what_works() {
    let target = Target::known("suppliers").unwrap().unwrap();
    let settings = Settings::parse(SETTINGS).unwrap();
    let model = Model::plain(0, 1);
    let pod = Pod::new(&model, &settings, None).unwrap();
    let failure = Watch::new(&pod, &target, &question(&[])).err().unwrap();
    let remedy = failure.problem.remedy.unwrap();
    assert!(
        failure.problem.message.contains("LastUpdateDate") && remedy.contains("creation") && remedy.contains("sweep")
    );
    assert!(Watch::new(&pod, &target, &Question { only_new: true, ..question(&[]) }).is_ok());
    assert!(watch::told_of(&target).unwrap().contains("sweep"));
}

#[test]
fn a_start_in_the_future_and_a_foreign_cursor_are_refused() {
    let model = Model::plain(1, 5);
    let ahead = Question { since: Some("2999-01-01T00:00:00Z"), ..question(&[]) };
    assert!(poll_once(&model, &ahead, None, 5).unwrap_err().problem.message.contains("future"));
    let cursor = poll_once(&model, &question(&[]), None, 5).unwrap().cursor;
    // A cursor saves neither from being checked; another start than the cursor's is told to change nothing.
    assert!(poll_once(&model, &ahead, Some(&cursor), 5).unwrap_err().problem.message.contains("future"));
    let edited = |cursor: &str, since| {
        let told = poll_once(&model, &Question { since: Some(since), ..question(&[]) }, Some(cursor), 5).unwrap();
        told.warnings.iter().any(|told| told.code == "since_ignored")
    };
    assert!(!edited(&cursor, "beginning") && edited(&cursor, "2025-01-01") && !edited(&cursor, "now"));
    let dated = Question { since: Some("2025-06-01T10:00:00.1234567Z"), ..question(&[]) };
    let dated = poll_once(&model, &dated, None, 5).unwrap().cursor;
    assert!(
        edited(&dated, "beginning") && edited(&dated, "2025-01-01") && !edited(&dated, "2025-06-01T10:00:00.1234567Z")
    );
    let other = Question { trigger: "new_record", only_new: true, ..question(&[]) };
    assert!(poll_once(&model, &other, Some(&cursor), 5).unwrap_err().problem.message.contains("another trigger"));
}
