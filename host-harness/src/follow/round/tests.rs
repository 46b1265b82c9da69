//! What a round hands over, keeps and says.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::state::MemoryStore;

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

pub fn answer(keys: &[&str], cursor: &str) -> PollResult {
    let event = |key: &&str| Event { dedup_key: (*key).into(), occurred_at: None, payload: "{}".into() };
    PollResult {
        events: keys.iter().map(event).collect(),
        cursor: cursor.into(),
        has_more: false,
        next_poll_after_ms: None,
        dedup_for_ms: 3_600_000,
        warnings: Vec::new(),
    }
}

pub fn teller() -> Teller {
    let stream = Stream { component: "c".into(), connection: "k".into(), trigger: "t".into(), input: "i".into() };
    Teller {
        stream,
        formerly: String::new(),
        connection: "pod".into(),
        name: "t".into(),
        named: true,
        remote: "r".into(),
        before: Vec::new(),
        input: "{}".into(),
        shown: "{}".into(),
        bodies: false,
    }
}

pub fn at_cursor(cursor: &str) -> Start {
    Start { cursor: Some(cursor.to_owned()), ..Start::default() }
}

pub fn asked() -> Asked {
    Asked { call_id: "1".into(), at: at(1), took: Duration::from_millis(5) }
}

#[test]
fn what_was_announced_and_not_acknowledged_is_marked_when_it_comes_again() {
    let (teller, mut store) = (teller(), MemoryStore::default());
    let first = teller.take_in(&mut store, &asked(), &Start::default(), answer(&["a", "a", "b"], "1"), at(1)).unwrap();
    assert_eq!(first.lines(None).len(), 2, "each once");
    assert!(!first.lines(None).concat().contains("repeated"));
    // No commit: whoever handed it over has crashed.
    let second = teller.take_in(&mut store, &asked(), &Start::default(), answer(&["b", "c"], "2"), at(2)).unwrap();
    let lines = second.lines(Some("s"));
    assert_eq!(
        lines.first().unwrap(),
        r#"{"dedup_key":"b","occurred_at":null,"payload":{},"repeated":true,"subscription":"s"}"#
    );
    assert!(!lines.get(1).unwrap().contains("repeated"));
    let mut progress = teller.progress(&store, at(2)).unwrap();
    teller.settle(&mut store, &second, &mut progress, at(9), at(3)).unwrap();
    assert_eq!((progress.events, progress.caught_up_at_ms), (2, Some(1000)));
    let third = teller.take_in(&mut store, &asked(), &at_cursor("2"), answer(&["a", "b", "d"], "3"), at(4)).unwrap();
    assert_eq!(third.len(), 2, "b is acknowledged");
    assert_eq!(third.lines(None).concat().matches("repeated").count(), 1, "a never was");
    assert_eq!(third.clone().again().lines(None).concat().matches("repeated").count(), 2);
    assert_eq!(third.id(), third.again().id());
}

#[test]
fn a_connector_that_comes_no_further_is_seen() {
    let (teller, mut store) = (teller(), MemoryStore::default());
    let still = PollResult { has_more: true, ..answer(&[], "1") };
    assert!(!teller.take_in(&mut store, &asked(), &Start::default(), still.clone(), at(1)).unwrap().stands_still);
    assert!(teller.take_in(&mut store, &asked(), &at_cursor("1"), still, at(1)).unwrap().stands_still);
}

#[test]
fn an_edited_input_goes_on_from_the_cursor_that_the_connector_takes() {
    let (old, mut store) = (teller(), MemoryStore::default());
    let mut progress = old.progress(&store, at(1)).unwrap();
    let first = old.take_in(&mut store, &asked(), &Start::default(), answer(&["a", "b"], "1"), at(1)).unwrap();
    old.settle(&mut store, &first, &mut progress, at(9), at(2)).unwrap();
    let mut new = teller();
    new.stream.input = "edited".into();
    let stranger = Teller { name: "another".into(), ..new.clone() };
    assert_eq!(stranger.starts(&store).unwrap().len(), 1, "another subscription keeps its own");
    let starts = new.starts(&store).unwrap();
    assert_eq!((starts[0].cursor.as_deref(), starts[1].cursor.as_deref()), (Some("1"), None));
    let mut own = new.progress(&store, at(3)).unwrap();
    let taken = new.take_in(&mut store, &asked(), &starts[0], answer(&["b", "c"], "2"), at(3)).unwrap();
    assert_eq!(taken.len(), 1, "what was acknowledged stays so");
    new.settle(&mut store, &taken, &mut own, at(9), at(4)).unwrap();
    assert_eq!((own.events, store.cursor(&old.stream).unwrap()), (3, None));
    assert_eq!(new.starts(&store).unwrap()[0].cursor.as_deref(), Some("2"));
    let anew = old.take_in(&mut store, &asked(), &starts[1], answer(&[], "1"), at(5)).unwrap();
    assert_eq!(anew.warnings[0].code, "begins_anew");
}

#[test]
fn a_connection_with_another_user_goes_on_and_with_another_host_begins_anew() {
    let (old, mut store) = (teller(), MemoryStore::default());
    let mut progress = old.progress(&store, at(1)).unwrap();
    let first = old.take_in(&mut store, &asked(), &Start::default(), answer(&["a"], "1"), at(1)).unwrap();
    old.settle(&mut store, &first, &mut progress, at(9), at(2)).unwrap();
    let seen = |name: &str| {
        let progress = Progress { name: name.into(), ..progress.clone() };
        Seen { id: 4, stream: old.stream.clone(), progress, last_hour: 0 }
    };
    let mut new = Teller { before: vec![seen("t")], ..teller() };
    new.stream.connection = "another".into();
    // One that never had a cursor, as without the right to see anything, is left without a word.
    let mut failing = seen("t");
    failing.stream.connection = "without".into();
    new.before.push(failing);
    let starts = new.starts(&store).unwrap();
    assert_eq!((starts[0].from.as_ref(), starts[0].leaves.len()), (Some(&old.stream), 2));
    assert_eq!(starts[0].warning.as_ref().unwrap().code, "connection_changed");
    new.remote = "another".into();
    let starts = new.starts(&store).unwrap();
    assert_eq!((starts.len(), starts[0].leaves.len(), &starts[0].cursor), (1, 2, &None));
    assert_eq!(starts[0].warning.as_ref().unwrap().code, "begins_anew");
    new.before = vec![seen("another")];
    new.stream.input = "other".into();
    let starts = new.starts(&store).unwrap();
    assert_eq!((starts[0].leaves.len(), starts[0].cursor.as_deref()), (0, None), "that is another subscription");
}
