//! P1, P2, P5, P8, `sudden_zero`, `late_entries`: pages that are smaller, say less, break off, or hold nothing (yet).

use jiff::SignedDuration;
use serde::Deserialize;

use super::Fault;
use super::bulk::BulkTuning;
use crate::payload::Given;

/// How the current page is cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tuning {
    pub(crate) cap: Option<u64>,
    pub(crate) no_has_more: bool,
    /// Rows of a page in the middle, from this offset on.
    pub(crate) short: Option<(u64, u64)>,
    pub(crate) empty_at: Option<u64>,
    pub(crate) breaks: Vec<Break>,
    /// There are no rows, for nobody.
    pub(crate) nothing: bool,
    /// Only a finder's own `limit` and `offset` count; the one of this name chooses no rows (P3).
    pub(crate) finder_pages: Option<String>,
    /// The list that wraps a page (P4).
    pub(crate) wrapped: Option<String>,
    /// How many rows further pages begin that no unique order holds in place (P6).
    pub(crate) shift: Option<i64>,
    /// What `totalResults` says (P7).
    pub(crate) estimate: Option<u64>,
    /// The most rows of an expanded child (P9).
    pub(crate) nested: Option<usize>,
    /// Attributes of which `q` must name one (Q2).
    pub(crate) selective: Vec<String>,
    /// A key holds only on its own date (I8).
    pub(crate) dated_keys: bool,
    /// Attributes of a PATCH that change nothing (W2).
    pub(crate) ignored: Vec<String>,
    /// Attributes that the pod fills itself whatever is sent, with the value or else a number (W3).
    pub(crate) overridden: Vec<(String, Option<Given>)>,
    /// How long after it happened something shows in audit history and feeds.
    pub(crate) late: SignedDuration,
    /// The user doesn't consent to the authorization.
    pub(crate) consent_denied: bool,
    /// How the integration service and the scheduler are.
    pub(crate) bulk: BulkTuning,
}

/// The row that cannot be written.
#[derive(Clone, Debug)]
pub(crate) struct Break {
    /// Its key as it stands in URLs.
    pub(crate) key: String,
    pub(crate) text: String,
}

/// P1: `{"limit": 10}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SmallerLimit {
    limit: u64,
}

impl Fault for SmallerLimit {
    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.cap = Some(self.limit.max(1));
        true
    }
}

/// P2.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoHasMore {}

impl Fault for NoHasMore {
    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.no_has_more = true;
        true
    }
}

/// P5: `{"rows": 3, "from": 25}`: pages from that offset on hold so many rows while more follow;
/// `{"empty_at": 10000}`: from there on pages are empty.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShortPages {
    #[serde(default)]
    rows: Option<u64>,
    #[serde(default = "one")]
    from: u64,
    #[serde(default)]
    empty_at: Option<u64>,
}

fn one() -> u64 {
    1
}

impl Fault for ShortPages {
    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.short = self.rows.map(|rows| (self.from, rows.max(1)));
        tuning.empty_at = self.empty_at;
        true
    }
}

/// P8: `{"key": 300000000000123}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BrokenRow {
    key: serde_json::Value,
}

impl Fault for BrokenRow {
    fn tune(&self, tuning: &mut Tuning) -> bool {
        let key = match &self.key {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let text = format!("Too many objects match the primary key oracle.jbo.Key[{key} ].");
        tuning.breaks.push(Break { key, text });
        true
    }
}

/// `sudden_zero`: what had rows yesterday is 200 and empty today, for everybody (FACTS 8, E5).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SuddenZero {}

impl Fault for SuddenZero {
    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.nothing = true;
        true
    }
}

/// `late_entries`: what audit history and feeds tell shows so many `{"seconds": 300}` after it happened (FACTS 4.2).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LateEntries {
    seconds: u32,
}

impl Fault for LateEntries {
    fn tune(&self, tuning: &mut Tuning) -> bool {
        tuning.late = SignedDuration::from_secs(self.seconds.into());
        true
    }
}
