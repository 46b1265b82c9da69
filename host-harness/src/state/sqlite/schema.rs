//! The tables, step by step: what each version has over the one before.
//!
//! A released step never changes. A new file goes through all of them, so that it is what an old one becomes.

/// The steps; the version of a file (`user_version`) is how many it has behind it.
pub const STEPS: &[&str] = &[FIRST, SECOND, THIRD];

const FIRST: &str = "
CREATE TABLE stream (
    id INTEGER PRIMARY KEY,
    component TEXT NOT NULL, connection TEXT NOT NULL, trigger_id TEXT NOT NULL, input TEXT NOT NULL,
    cursor TEXT NOT NULL,
    UNIQUE (component, connection, trigger_id, input)
);
CREATE TABLE acknowledged (
    stream INTEGER NOT NULL REFERENCES stream (id) ON DELETE CASCADE,
    dedup_key TEXT NOT NULL,
    forget_at_ms INTEGER NOT NULL,
    PRIMARY KEY (stream, dedup_key)
) WITHOUT ROWID;
CREATE INDEX acknowledged_by_time ON acknowledged (stream, forget_at_ms);
CREATE TABLE session (connection TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER);
";

const SECOND: &str = "ALTER TABLE session ADD COLUMN obtained_at INTEGER;";

/// A cursor of no characters is none, for streams that nothing was acknowledged of yet. `taken` is 0 for a key
/// that was announced, 1 for one that was acknowledged. A session's value is a blob where it is sealed.
const THIRD: &str = "
ALTER TABLE stream ADD COLUMN progress TEXT;
ALTER TABLE acknowledged ADD COLUMN taken INTEGER NOT NULL DEFAULT 1;
ALTER TABLE session ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
CREATE TABLE call_id (id TEXT PRIMARY KEY, input TEXT NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX call_id_by_time ON call_id (at_ms);
CREATE TABLE keeping (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE trail (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL, kind TEXT NOT NULL,
    stream INTEGER, connection TEXT NOT NULL, operation TEXT NOT NULL,
    call_id TEXT, dedup_key TEXT, occurred_at TEXT, outcome TEXT, took_ms INTEGER, count INTEGER,
    detail TEXT, body TEXT
);
CREATE INDEX trail_by_time ON trail (at_ms);
CREATE TRIGGER trail_is_append_only BEFORE UPDATE ON trail
BEGIN SELECT raise(ABORT, 'the trail is append-only'); END;
";
