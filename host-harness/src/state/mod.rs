//! What a host remembers between calls: cursors, the events that its sink has taken, and sessions.
//!
//! One trait, two implementations: a SQLite file for many connections, and memory for tests. The promise that
//! polls rest on: a cursor and the keys that it acknowledges are stored together or not at all, and what was
//! announced before it was handed over is known after a crash. Sessions are kept under a key; those of single
//! connection files beside them, in `session`.

mod error;
mod memory;
pub mod seal;
pub mod session;
mod shared;
mod sqlite;
#[cfg(test)]
mod tests;
pub mod trail;

use std::collections::HashSet;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::exact::{Exact, parse_json};

use self::trail::{Claim, Entry, Progress};

pub use self::error::StateError;
pub use self::memory::MemoryStore;
pub use self::shared::Shared;
pub use self::sqlite::{Named, Reader, Seen, SqliteStore, Told};

/// Which stream of events: one trigger with one input on one connection of one connector.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// `manifest.name`; another version of the connector goes on with the same cursor.
    pub component: String,
    /// A [`digest`] of the settings without their secrets, so that a new password goes on with it, too.
    pub connection: String,
    /// Operation id.
    pub trigger: String,
    /// A [`digest`] of the input: other conditions are another stream.
    pub input: String,
}

impl Stream {
    /// Whether this stream, called `own`, may be an earlier form of `other`, called `name`.
    pub(super) fn is_relative(&self, other: &Self, formerly: &str, own: &str, name: &str) -> bool {
        let same = self.component == other.component && self.trigger == other.trigger && self != other;
        same && [other.connection.as_str(), formerly].contains(&self.connection.as_str())
            && (self.input == other.input || own.is_empty() || own == name)
    }
}

/// A session with the moment at which it ends.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// JSON that only the connector understands. Secret.
    pub value: String,
    /// Unix seconds; none where it does not end.
    pub expires_at: Option<u64>,
    /// Unix seconds at which it was asked for; none where that is not known.
    pub obtained_at: Option<u64>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A place to remember. Methods block for the time of a small write.
pub trait Store: Send {
    /// The cursor that was committed last.
    ///
    /// # Errors
    /// A [`StateError`] where the place cannot be read.
    fn cursor(&self, stream: &Stream) -> Result<Option<String>, StateError>;

    /// Streams with a cursor that the same question may have left under another input: of the same trigger, on this
    /// connection or on one that was named `formerly`, and called `name`. The same input comes first, then the latest.
    ///
    /// # Errors
    /// A [`StateError`] where the place cannot be read.
    fn relatives(&self, stream: &Stream, formerly: &str, name: &str) -> Result<Vec<(Stream, String)>, StateError>;

    /// Gives a stream another key, with its cursor and all its keys; what stood under that one without a cursor goes.
    ///
    /// # Errors
    /// A [`StateError`]; nothing is changed then.
    fn take_over(&mut self, from: &Stream, to: &Stream) -> Result<(), StateError>;

    /// Those of `keys` that were acknowledged and are still to be dropped at `now`.
    ///
    /// # Errors
    /// A [`StateError`] where the place cannot be read.
    fn acknowledged(&self, stream: &Stream, keys: &[&str], now: Timestamp) -> Result<HashSet<String>, StateError>;

    /// Writes down that events with these keys are about to be handed over, and answers those of which that was
    /// written before and no commit since: their events may have been taken already.
    ///
    /// # Errors
    /// A [`StateError`]; nothing is stored then, and nothing may be handed over.
    fn announce(
        &mut self,
        stream: &Stream,
        keys: &[&str],
        forget_at: Timestamp,
        now: Timestamp,
    ) -> Result<HashSet<String>, StateError>;

    /// Stores the cursor and the keys of the events that were handed over before it, all or nothing. Keys
    /// are forgotten at `forget_at`, and those whose time has come by `now` go with this.
    ///
    /// # Errors
    /// A [`StateError`]; nothing is stored then.
    fn commit(
        &mut self,
        stream: &Stream,
        cursor: &str,
        keys: &[&str],
        forget_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StateError>;

    /// The session that was kept for a connection.
    ///
    /// # Errors
    /// A [`StateError`] where the place cannot be read.
    fn session(&self, connection: &str) -> Result<Option<Session>, StateError>;

    /// Keeps a session in the place of the last, or forgets it.
    ///
    /// # Errors
    /// A [`StateError`]; the last one stays then.
    fn keep_session(&mut self, connection: &str, session: Option<&Session>) -> Result<(), StateError>;

    /// Adds entries to the trail, those of one stream or of none.
    ///
    /// # Errors
    /// A [`StateError`]; none of them is added then.
    fn note(&mut self, stream: Option<&Stream>, entries: &[Entry]) -> Result<(), StateError>;

    /// How far a stream is.
    ///
    /// # Errors
    /// A [`StateError`] where the place cannot be read.
    fn progress(&self, stream: &Stream) -> Result<Option<Progress>, StateError>;

    /// Keeps how far a stream is.
    ///
    /// # Errors
    /// A [`StateError`]; what was known stays then.
    fn keep_progress(&mut self, stream: &Stream, progress: &Progress) -> Result<(), StateError>;

    /// Takes a call id for a call whose input has this [`digest`].
    ///
    /// # Errors
    /// A [`StateError`]; the id is not taken then.
    fn claim(&mut self, call_id: &str, input: &str, now: Timestamp) -> Result<Claim, StateError>;

    /// Does several of these as one: all are stored, or none.
    ///
    /// # Errors
    /// That of the work, or a [`StateError`] of storing it.
    fn together(&mut self, work: &mut dyn FnMut(&mut dyn Store) -> Result<(), StateError>) -> Result<(), StateError>;
}

/// A short name for a JSON value: equal for equal values, whatever the order of members; of text that is not
/// JSON, of the text.
#[must_use]
pub fn digest(json: &str) -> String {
    let text = parse_json(json).map_or_else(|_| json.to_owned(), |value| value.sorted().to_string());
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Settings without the members that hold secrets, for a [`digest`] that outlives a change of password.
#[must_use]
pub fn without_secrets(settings: &Exact, is_secret: &dyn Fn(&str) -> bool) -> Exact {
    match settings {
        Exact::Array(items) => Exact::Array(items.iter().map(|item| without_secrets(item, is_secret)).collect()),
        Exact::Object(members) => Exact::Object(
            members
                .iter()
                .filter(|(name, _)| !is_secret(name))
                .map(|(name, value)| (name.clone(), without_secrets(value, is_secret)))
                .collect(),
        ),
        other => other.clone(),
    }
}
