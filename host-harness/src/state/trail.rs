//! What is told of the work: entries of the audit trail, how far each stream is, and whose call an id is.
//!
//! None of these holds a secret: whoever makes an entry has cleaned its texts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What an entry tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A call of the connector came to its end.
    Call,
    /// The remote system sent something by itself, and a trigger looked at it.
    Receive,
    /// An event was taken by its sink.
    Event,
    /// The events of one answer were acknowledged: their keys and the cursor are stored.
    Acknowledged,
    /// A sink did not take what it was offered.
    SinkFailed,
    /// Events of the trail were handed over again.
    Replay,
}

impl EntryKind {
    /// Every kind, with its name.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Call, "call"),
        (Self::Receive, "receive"),
        (Self::Event, "event"),
        (Self::Acknowledged, "acknowledged"),
        (Self::SinkFailed, "sink_failed"),
        (Self::Replay, "replay"),
    ];

    /// As the trail and its readers spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("call", |(_, name)| name)
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

/// One entry of the audit trail. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When it was written down.
    #[serde(skip)]
    pub at_ms: i64,
    /// What it tells of.
    pub kind: EntryKind,
    /// What people call the stream; filled in when it is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// What people call the connection.
    pub connection: String,
    /// Operation id.
    pub operation: String,
    /// Which call it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// Of an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dedup_key: Option<String>,
    /// Of an event, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
    /// How it came out: `done`, `pending`, `repeated`, or the kind of a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// How long a call took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<i64>,
    /// How many events came, or were acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    /// What was asked, or what went wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The input of a call or the payload of an event, where bodies are kept.
    #[serde(skip)]
    pub body: Option<String>,
}

impl Entry {
    /// An entry that says no more than this yet.
    #[must_use]
    pub fn new(at: Timestamp, kind: EntryKind, connection: &str, operation: &str) -> Self {
        Self {
            at_ms: at.as_millisecond(),
            kind,
            subscription: None,
            connection: connection.to_owned(),
            operation: operation.to_owned(),
            call_id: None,
            dedup_key: None,
            occurred_at: None,
            outcome: None,
            took_ms: None,
            count: None,
            detail: None,
            body: None,
        }
    }
}

/// Which entries are wanted. What is none does not restrict.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// This connection alone.
    pub connection: Option<String>,
    /// This operation alone.
    pub operation: Option<String>,
    /// This kind alone.
    pub kind: Option<EntryKind>,
    /// Not before, Unix milliseconds.
    pub from_ms: Option<i64>,
    /// Before, Unix milliseconds.
    pub to_ms: Option<i64>,
}

/// How far a stream is. Times are Unix milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// What people call the stream.
    pub name: String,
    /// What people call its connection.
    pub connection: String,
    /// Its input, JSON without secrets; empty where an earlier version kept it.
    pub input: String,
    /// The remote system, whoever signs in there; empty where an earlier version kept it.
    pub remote: String,
    /// Its connection has another host or user now, and another stream.
    pub left: bool,
    /// Since when the numbers below are counted.
    pub since_ms: i64,
    /// The last poll that was answered.
    pub succeeded_at_ms: Option<i64>,
    /// Up to when everything that there was is acknowledged: the start of the last poll after which the
    /// connector had no more.
    pub caught_up_at_ms: Option<i64>,
    /// When it is polled next.
    pub next_poll_at_ms: Option<i64>,
    /// Polls that were answered.
    pub polls: u64,
    /// Requests of the remote system that were answered.
    pub received: u64,
    /// Events that were acknowledged.
    pub events: u64,
    /// Polls and hand-overs that failed.
    pub failures: u64,
    /// Those that failed since the last that did not.
    pub failing: u64,
    /// What failed last, in words; none while all is well.
    pub failure: Option<String>,
    /// Events that were answered and are not taken by their sink yet.
    pub held: u64,
}

/// Whose call an id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody had used it.
    New,
    /// The same call had used it.
    Same,
    /// It was used for a call with other input, which is never right.
    Other,
}
