//! What every store promises, and what a state file does with what it meets.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::seal::Key;
use super::trail::{EntryKind, Wanted};
use super::*;

fn stream(trigger: &str) -> Stream {
    Stream { component: "c".into(), connection: "k".into(), trigger: trigger.into(), input: digest("{}") }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn keeps_its_promises(store: &mut dyn Store) {
    let (one, two) = (stream("one"), stream("two"));
    assert_eq!(store.cursor(&one).unwrap(), None);
    store.commit(&one, "1", &["a", "b"], at(100), at(0)).unwrap();
    store.commit(&one, "2", &["b", "c"], at(200), at(50)).unwrap();
    assert_eq!(store.cursor(&one).unwrap().as_deref(), Some("2"));
    assert_eq!(store.cursor(&two).unwrap(), None, "streams are apart");
    let keys = |store: &dyn Store, now| {
        let mut keys: Vec<_> = store.acknowledged(&one, &["a", "b", "c", "d"], at(now)).unwrap().into_iter().collect();
        keys.sort();
        keys.join("")
    };
    assert_eq!(keys(store, 99), "abc");
    assert_eq!(keys(store, 100), "bc", "a key is dropped when its time is over, and later times win");
    assert!(store.acknowledged(&two, &["a"], at(0)).unwrap().is_empty());
    keeps_its_promises_on_sessions(store);
    keeps_its_promises_on_what_was_announced(store);
    keeps_its_promises_on_calls_and_progress(store);
}

fn keeps_its_promises_on_sessions(store: &mut dyn Store) {
    let session = Session { value: "{}".into(), expires_at: Some(5), obtained_at: Some(2) };
    store.keep_session("k", Some(&session)).unwrap();
    assert_eq!(store.session("k").unwrap(), Some(session));
    store.keep_session("k", None).unwrap();
    assert_eq!(store.session("k").unwrap(), None);
}

fn keeps_its_promises_on_what_was_announced(store: &mut dyn Store) {
    let stream = stream("announced");
    assert!(store.announce(&stream, &["a", "b"], at(100), at(0)).unwrap().is_empty());
    assert_eq!(store.cursor(&stream).unwrap(), None);
    assert!(store.acknowledged(&stream, &["a", "b"], at(0)).unwrap().is_empty(), "announced is not acknowledged");
    assert_eq!(store.announce(&stream, &["b", "c"], at(100), at(1)).unwrap(), HashSet::from(["b".to_owned()]));
    store.commit(&stream, "1", &["b", "c"], at(100), at(2)).unwrap();
    assert_eq!(store.acknowledged(&stream, &["a", "b", "c"], at(3)).unwrap().len(), 2);
    assert!(!store.announce(&stream, &["a"], at(100), at(3)).unwrap().is_empty(), "this one is still open");
}

fn keeps_its_promises_on_calls_and_progress(store: &mut dyn Store) {
    assert_eq!(store.claim("id", "x", at(0)).unwrap(), Claim::New);
    assert_eq!(store.claim("id", "x", at(1)).unwrap(), Claim::Same);
    assert_eq!(store.claim("id", "y", at(2)).unwrap(), Claim::Other);
    let stream = stream("progress");
    assert_eq!(store.progress(&stream).unwrap(), None);
    let progress = Progress { name: "n".into(), polls: 3, failure: Some("f".into()), ..Progress::default() };
    store.keep_progress(&stream, &progress).unwrap();
    assert_eq!(store.progress(&stream).unwrap(), Some(progress));
}

fn key() -> Key {
    Key::read(&[7; 32]).unwrap()
}

#[test]
fn memory_keeps_its_promises() {
    keeps_its_promises(&mut MemoryStore::default());
}

#[test]
fn sqlite_keeps_its_promises_and_remembers_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    keeps_its_promises(&mut SqliteStore::open(&file).unwrap().with_key(key()).unwrap());
    assert_eq!(SqliteStore::open(&file).unwrap().cursor(&stream("one")).unwrap().as_deref(), Some("2"));
}

/// As version 2 of the schema had it, with a cursor, a key and a session that is not sealed.
fn second_version(file: &std::path::Path) {
    let old = rusqlite::Connection::open(file).unwrap();
    old.execute_batch(
        "CREATE TABLE stream (id INTEGER PRIMARY KEY, component TEXT NOT NULL, connection TEXT NOT NULL,
            trigger_id TEXT NOT NULL, input TEXT NOT NULL, cursor TEXT NOT NULL,
            UNIQUE (component, connection, trigger_id, input));
        CREATE TABLE acknowledged (stream INTEGER NOT NULL REFERENCES stream (id) ON DELETE CASCADE,
            dedup_key TEXT NOT NULL, forget_at_ms INTEGER NOT NULL, PRIMARY KEY (stream, dedup_key)) WITHOUT ROWID;
        CREATE INDEX acknowledged_by_time ON acknowledged (stream, forget_at_ms);
        CREATE TABLE session (connection TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER, obtained_at INTEGER);
        INSERT INTO session VALUES ('k', '{\"token\":\"a-token-in-the-clear\"}', 9, 1);
        PRAGMA application_id = 1768972659; PRAGMA user_version = 2;",
    )
    .unwrap();
    let values = rusqlite::params!["c", "k", "one", digest("{}")];
    old.execute("INSERT INTO stream VALUES (1, ?1, ?2, ?3, ?4, '1')", values).unwrap();
    old.execute("INSERT INTO acknowledged VALUES (1, 'a', 100000)", []).unwrap();
}

fn version(file: &std::path::Path) -> i64 {
    let database = rusqlite::Connection::open(file).unwrap();
    database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn a_file_of_an_earlier_version_is_brought_up_and_a_copy_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    second_version(&file);
    assert!(matches!(Reader::open(&file), Err(StateError::TooOld { found: 2, .. })));
    let mut store = SqliteStore::open(&file).unwrap().with_key(key()).unwrap();
    assert_eq!(store.cursor(&stream("one")).unwrap().as_deref(), Some("1"));
    assert_eq!(store.acknowledged(&stream("one"), &["a"], at(0)).unwrap().len(), 1);
    assert_eq!(store.session("k").unwrap().unwrap().value, r#"{"token":"a-token-in-the-clear"}"#);
    keeps_its_promises_on_what_was_announced(&mut store);
    drop(store);
    let copy = folder.path().join("state.db.schema-2.backup");
    assert_eq!((version(&copy), version(&file)), (2, 3));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let old = rusqlite::Connection::open(&copy).unwrap();
    assert_eq!(old.query_row("SELECT cursor FROM stream", [], |row| row.get::<_, String>(0)).unwrap(), "1");
}

#[test]
fn sessions_are_sealed_and_another_key_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let session = Session { value: r#"{"token":"never-seen"}"#.into(), expires_at: None, obtained_at: None };
    let mut without = SqliteStore::open(&file).unwrap();
    assert!(matches!(without.keep_session("k", Some(&session)), Err(StateError::NoKey { .. })));
    let mut with = without.with_key(key()).unwrap();
    with.keep_session("k", Some(&session)).unwrap();
    drop(with);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(10).any(|piece| piece == b"never-seen"));
    }
    let other = SqliteStore::open(&file).unwrap().with_key(Key::read(&[8; 32]).unwrap());
    assert!(matches!(other, Err(StateError::OtherKey { .. })));
    drop(other);
    let without = SqliteStore::open(&file).unwrap();
    assert!(matches!(without.session("k"), Err(StateError::NoKey { .. })));
    assert_eq!(without.with_key(key()).unwrap().session("k").unwrap(), Some(session));
}

#[test]
fn a_file_of_a_later_version_and_a_damaged_one_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let keys: Vec<String> = (0..5000).map(|number| format!("a key of some length {number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    SqliteStore::open(&file).unwrap().commit(&stream("one"), "1", &keys, at(100), at(0)).unwrap();
    let whole = std::fs::read(&file).unwrap();

    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 20_000].fill(0xA5);
    std::fs::write(&file, &damaged).unwrap();
    let refused = SqliteStore::open(&file).err().unwrap();
    assert!(matches!(refused, StateError::Damaged { .. }), "{refused}");
    assert_eq!(std::fs::read(&file).unwrap(), damaged);

    std::fs::write(&file, &whole).unwrap();
    rusqlite::Connection::open(&file).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let later = std::fs::read(&file).unwrap();
    assert!(matches!(SqliteStore::open(&file), Err(StateError::TooNew { found: 99, .. })));
    assert_eq!(std::fs::read(&file).unwrap(), later);
}

#[test]
fn a_large_file_is_looked_through_within_bounds_and_what_polls_go_by_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    SqliteStore::open(&file).unwrap().commit(&stream("one"), "1", &["a"], at(100), at(0)).unwrap();
    let database = rusqlite::Connection::open(&file).unwrap();
    let entry = "INSERT INTO trail (at_ms, kind, connection, operation, body)
        WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 70)
        SELECT n, 'event', 'c', 'o', CAST(zeroblob(1000000) AS TEXT) FROM many; PRAGMA wal_checkpoint(TRUNCATE)";
    database.execute_batch(entry).unwrap();
    let root = |table: &str| -> usize {
        let look = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
        usize::try_from(database.query_row(look, [table], |row| row.get::<_, i64>(0)).unwrap()).unwrap()
    };
    let roots = ["stream", "acknowledged", "session", "trail"].map(root);
    drop(database);
    let whole = std::fs::read(&file).unwrap();
    assert!(whole.len() > 64 << 20);
    assert_eq!(SqliteStore::open(&file).unwrap().cursor(&stream("one")).unwrap().as_deref(), Some("1"));
    for root in roots {
        let mut damaged = whole.clone();
        damaged[(root - 1) * 4096 + 1..root * 4096].fill(0xA5);
        std::fs::write(&file, &damaged).unwrap();
        let started = std::time::Instant::now();
        let refused = SqliteStore::open(&file).err();
        assert!(matches!(refused, Some(StateError::Damaged { .. })), "{refused:?}");
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
        assert!(std::fs::read(&file).unwrap() == damaged, "nothing is written");
    }
}

#[test]
fn the_trail_is_appended_filtered_and_pruned_and_never_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let mut store = SqliteStore::open(&file).unwrap().keeping_trail_for(std::time::Duration::from_secs(100));
    let entry = |second: i64, connection: &str| {
        let mut entry = Entry::new(at(second), EntryKind::Event, connection, "polls");
        entry.dedup_key = Some(second.to_string());
        entry
    };
    store.note(Some(&stream("one")), &[entry(1, "a"), entry(2, "b"), entry(150, "a")]).unwrap();
    let reader = Reader::open(&file).unwrap();
    let keys = |wanted: &Wanted| {
        let mut keys = Vec::new();
        let mut each = |entry: Entry| {
            keys.extend(entry.dedup_key);
            true
        };
        reader.trail(wanted, &mut each).unwrap();
        keys.join(" ")
    };
    assert_eq!(keys(&Wanted::default()), "1 2 150", "read while another writes");
    assert_eq!(keys(&Wanted { connection: Some("a".into()), to_ms: Some(150_000), ..Wanted::default() }), "1");
    assert_eq!(keys(&Wanted { kind: Some(EntryKind::Call), ..Wanted::default() }), "");
    store.commit(&stream("one"), "1", &[], at(200), at(200)).unwrap();
    assert_eq!(keys(&Wanted::default()), "150", "pruned with the next commit");
    drop(store);
    let changed = rusqlite::Connection::open(&file).unwrap().execute("UPDATE trail SET connection = 'z'", []);
    assert!(changed.unwrap_err().to_string().contains("append-only"));
}

#[test]
fn who_only_runs_actions_works_beside_who_polls() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let mut polls = SqliteStore::open(&file).unwrap();
    let mut runs = SqliteStore::open_beside(&file).unwrap();
    assert_eq!(runs.claim("id", "x", at(0)).unwrap(), Claim::New);
    assert_eq!(polls.claim("id", "y", at(0)).unwrap(), Claim::Other);
    assert!(matches!(SqliteStore::open(&file), Err(StateError::InUse { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_share_a_file_and_one_that_fails_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let shared = Shared::new(SqliteStore::open(&file).unwrap(), &file).unwrap();
    let one = |number: i64| {
        let shared = shared.clone();
        async move {
            let work = move |store: &mut dyn Store| {
                store.commit(&stream(&number.to_string()), "1", &["a"], at(100), at(0))?;
                if number % 7 == 0 { Err(StateError::Missing { file: "x".into() }) } else { Ok(number) }
            };
            shared.with(work).await
        }
    };
    let ended = futures::future::join_all((0..500).map(one)).await;
    for (number, ended) in (0..500_i64).zip(ended) {
        let stored = shared.with(move |store| store.cursor(&stream(&number.to_string()))).await.unwrap();
        assert_eq!((ended.is_ok(), stored.is_some()), (number % 7 != 0, number % 7 != 0), "{number}");
    }
}

#[test]
fn many_keys_are_found_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(&folder.path().join("s")).unwrap();
    let keys: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    store.commit(&stream("one"), "1", &keys, at(100), at(0)).unwrap();
    assert_eq!(store.acknowledged(&stream("one"), &keys, at(1)).unwrap().len(), 5000);
}

#[test]
fn two_at_once_are_refused_and_the_next_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let first = SqliteStore::open(&file).unwrap();
    assert!(matches!(SqliteStore::open(&file), Err(StateError::InUse { .. })));
    drop(first);
    assert!(SqliteStore::open(&file).is_ok());
}

#[test]
fn a_file_that_is_no_state_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "these are my notes, and not a database at all").unwrap();
    assert!(matches!(SqliteStore::open(&file), Err(StateError::NotState { .. })));
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("these are my notes"));
}

#[test]
fn a_digest_knows_values_and_not_spellings() {
    assert_eq!(digest(r#"{"a":1,"b":2}"#), digest(r#"{ "b": 2, "a": 1 }"#));
    assert_ne!(digest(r#"{"a":1}"#), digest(r#"{"a":2}"#));
    let settings = |password| parse_json(&format!(r#"{{"host":"h","auth":{{"password":"{password}"}}}}"#)).unwrap();
    let known = |password| digest(&without_secrets(&settings(password), &|name| name == "password").to_string());
    assert_eq!(known("old"), known("new"));
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_around_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("state.db"), folder.path().join("elsewhere"));
    let held = SqliteStore::open(&file).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert!(matches!(SqliteStore::open(&link), Err(StateError::InUse { .. })));
    drop(held);
    drop(SqliteStore::open(&link).unwrap());
    std::fs::hard_link(&file, folder.path().join("second")).unwrap();
    assert!(matches!(SqliteStore::open(&file), Err(StateError::Linked { .. })));
    assert!(matches!(SqliteStore::open(&folder.path().join("second")), Err(StateError::Linked { .. })));
}

#[test]
fn several_that_make_a_file_at_once_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let each =
        |id: usize| SqliteStore::open_beside(&file).map(|mut store| store.claim(&id.to_string(), "x", at(0)).unwrap());
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|id| scope.spawn(move || each(id))).collect();
        for one in all {
            assert_eq!(one.join().unwrap().unwrap(), Claim::New);
        }
    });
}

#[test]
fn a_file_whose_log_cannot_be_made_is_looked_into_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("50%? #.db");
    SqliteStore::open(&file).unwrap().commit(&stream("one"), "1", &[], at(9), at(0)).unwrap();
    // A folder in the place of the index of the log is what a folder without rights is, for the superuser as well.
    std::fs::create_dir(folder.path().join("50%? #.db-shm")).unwrap();
    assert_eq!(Reader::open(&file).unwrap().streams(0).unwrap().len(), 1);
}
