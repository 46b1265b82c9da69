//! `new_or_updated_record`: each version of each record once, in the order of its last change.
//!
//! A sweep follows (last change, key) and ends when nothing is behind. The next one begins where the last
//! began, less an overlap, since transactions commit later than the time that they write (I3). What comes
//! again has the same dedup key, and the host drops it. The cursor holds two moments and a position.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::Record;
use super::search_records::{Input as Search, Shape};
use super::{Spec, Trigger};
use crate::contract::{Delivery, Effect, Event, Idempotency, PollResult, ProblemKind, Warning};
use crate::fusion::page::{ANSWER_BYTES, PAGE, Search as Pages, fingerprint};
use crate::fusion::pod::Pod;
use crate::fusion::query::{self, Node};
use crate::fusion::record;
use crate::fusion::target::Target;
use crate::fusion::time;
use crate::problem::{Failure, Result, warning};

/// How much later a change may become visible than the time that it carries (I3: five minutes at least).
const OVERLAP: SignedDuration = SignedDuration::from_mins(5);
/// How long the host remembers what it took: longer than a host is down, and far longer than the overlap.
const DEDUP_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// Events of one poll where the input does not say.
const LIMIT: u32 = 500;

/// See the module.
pub struct NewOrUpdatedRecord;

/// Which records.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "New or updated record", deny_unknown_fields)]
pub struct Input {
    /// Resource to watch, as Fusion names it.
    #[schemars(title = "Resource", length(min = 1, max = 128), extend("examples" = ["invoices"]))]
    #[schemars(extend("x-connector-options" = {"source": "resources", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub resource: String,
    /// Where to begin: now, beginning, or a date and time as in 2026-01-31T10:00:00Z.
    #[schemars(title = "Since", extend("default" = "now", "x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub since: Option<String>,
    /// Conditions that must all hold.
    #[schemars(title = "All of", extend("x-connector-order" = 3))]
    pub all: Option<Vec<Node>>,
    /// Conditions of which at least one must hold.
    #[schemars(title = "Any of", extend("x-connector-order" = 4))]
    pub any: Option<Vec<Node>>,
    /// Attributes to read; all where none is named. Key and last change always come along.
    #[schemars(title = "Fields", extend("x-connector-order" = 5))]
    pub fields: Option<Vec<String>>,
    /// Children to read along. A change of a child alone often leaves its parent's last change as it was.
    #[schemars(title = "Expand", extend("x-connector-order" = 6))]
    pub expand: Option<Vec<String>>,
    /// Most events of one poll.
    #[schemars(title = "Limit", range(min = 1, max = 5000), extend("default" = 500, "x-connector-visibility" = "advanced", "x-connector-order" = 7))]
    pub limit: Option<u32>,
}

/// A record that is new or was changed.
#[derive(JsonSchema)]
#[schemars(title = "Changed record")]
#[allow(dead_code)]
pub struct Payload {
    /// Resource that holds it.
    resource: String,
    /// Its key.
    key: String,
    /// The record as it was read.
    record: Record,
}

/// What a poll hands to the next.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cursor {
    v: u8,
    /// Fingerprint of the question.
    f: String,
    /// Nothing before this moment is an event; none from the beginning.
    floor: Option<Timestamp>,
    /// The last whole sweep began here.
    from: Option<Timestamp>,
    /// A sweep that goes on.
    sweep: Option<Sweep>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sweep {
    /// When it began, on the pod's clock.
    began: Timestamp,
    /// The last change that was read last, as the pod wrote it.
    at: Option<Timestamp>,
    /// Key of that row, where keys can be compared.
    key: Option<String>,
    /// Rows behind that place that are done with: equal in time without a comparable key, or unreadable.
    skip: usize,
}

impl Trigger for NewOrUpdatedRecord {
    const SPEC: Spec = Spec {
        id: "new_or_updated_record",
        title: "New or updated record",
        description: "Starts with each new record of a resource and each change of one, by its last update date.",
        group: "Triggers (poll)",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"resource":"invoices","since":"2026-01-01T00:00:00Z"}"#,
        sample_output: r#"{"resource":"invoices","key":"300000046987012","record":{"InvoiceId":300000046987012,"InvoiceNumber":"INV-1001","LastUpdateDate":"2026-02-01T10:00:00.385+00:00"}}"#,
    };
    const DELIVERIES: &'static [Delivery] = &[Delivery::Poll];
    type Input = Input;
    type Payload = Payload;

    fn poll(pod: &Pod, input: Input, cursor: Option<&str>) -> Result<PollResult> {
        let target = Target::find(pod, &input.resource)?;
        let changed = match target.changed() {
            Some((attribute, true)) => attribute.to_owned(),
            _ => return Err(unwatchable(&target)),
        };
        let fingerprint = fingerprint([target.name.as_str(), &pod.settings.origin.authority]);
        let mut cursor = match cursor {
            Some(text) => read_cursor(text, &fingerprint)?,
            None => begin(pod, input.since.as_deref(), fingerprint)?,
        };
        let mut watch = Watch::new(pod, &target, &changed, &input)?;
        let more = watch.sweep(pod, &mut cursor, usize::try_from(input.limit.unwrap_or(LIMIT)).unwrap_or(PAGE))?;
        Ok(PollResult {
            events: watch.events,
            cursor: serde_json::to_string(&cursor).map_err(|error| Failure::internal(error.to_string()))?,
            has_more: more,
            next_poll_after_ms: None,
            dedup_for_ms: DEDUP_MS,
            warnings: watch.warnings,
        })
    }
}

fn unwatchable(target: &Target) -> Failure {
    let message = match target.changed() {
        Some((attribute, _)) => {
            format!("{} cannot be watched: {attribute} may not stand in conditions there.", target.name)
        }
        None => format!("{} cannot be watched: it tells no time of its last change.", target.name),
    };
    Failure::permanent(ProblemKind::Unsupported, message)
        .remedy("Search it at intervals with search_records, or watch a resource that tells its last change.")
}

fn begin(pod: &Pod, since: Option<&str>, fingerprint: String) -> Result<Cursor> {
    let floor = match since.map(str::trim).unwrap_or("now") {
        "beginning" => None,
        "now" => Some(pod_now(pod)),
        text => Some(time::instant_or_day(text).ok_or_else(|| {
            Failure::invalid(
                "/since",
                format!("{text:?} is none of now, beginning and a date and time as in 2026-01-31T10:00:00Z"),
            )
        })?),
    };
    Ok(Cursor { v: 1, f: fingerprint, floor, from: floor, sweep: None })
}

fn read_cursor(text: &str, fingerprint: &str) -> Result<Cursor> {
    match serde_json::from_str::<Cursor>(text) {
        Ok(cursor) if cursor.v == 1 && cursor.f == fingerprint => Ok(cursor),
        Ok(_) => {
            Err(Failure::permanent(ProblemKind::InvalidInput, "The cursor belongs to another resource or connection.")
                .remedy("Begin without a cursor, or with another state file."))
        }
        Err(_) => {
            Err(Failure::permanent(ProblemKind::InvalidInput, "The cursor is not one that this trigger answered.")
                .remedy("Begin without a cursor, or with another state file."))
        }
    }
}

fn pod_now(pod: &Pod) -> Timestamp {
    Timestamp::from_millisecond(pod.now_ms()).unwrap_or(Timestamp::UNIX_EPOCH)
}

struct Watch<'a> {
    target: &'a Target,
    changed: &'a str,
    sortable: Option<String>,
    expands: bool,
    pages: Pages<'a>,
    terms: Vec<String>,
    events: Vec<Event>,
    warnings: Vec<Warning>,
}

impl<'a> Watch<'a> {
    fn new(pod: &Pod, target: &'a Target, changed: &'a str, input: &Input) -> Result<Self> {
        let mut fields = input.fields.clone();
        if let Some(fields) = &mut fields
            && !fields.is_empty()
            && !fields.iter().any(|field| field == changed)
        {
            fields.push(changed.to_owned());
        }
        let search = Search { fields, expand: input.expand.clone(), ..Search::default() };
        let shape = Shape::new(target, search.fields.as_deref(), search.expand.as_deref())?;
        let kind_of = |attribute: &str| target.kind(attribute);
        let all = input.all.as_deref().unwrap_or_default();
        let any = input.any.as_deref().unwrap_or_default();
        let terms = query::terms(all, any, &kind_of, pod.settings.framework)?;
        let sortable = target.sortable_key().map(str::to_owned);
        let mut order = format!("{changed}:asc");
        if let Some(key) = target.order_key() {
            order.push_str(&format!(",{key}:asc"));
        }
        let pages = Pages {
            what: format!("poll {}", target.name),
            target,
            terms: Vec::new(),
            fixed: shape.add(target.collection(&pod.settings.api_version)),
            order: Some(order),
            keyset: None,
            total: false,
        };
        Ok(Self {
            target,
            changed,
            sortable,
            expands: shape.expands,
            pages,
            terms,
            events: Vec::new(),
            warnings: Vec::new(),
        })
    }

    /// Goes on with the sweep, or begins one; answers whether there is more behind.
    fn sweep(&mut self, pod: &Pod, cursor: &mut Cursor, limit: usize) -> Result<bool> {
        let mut bytes = 0;
        loop {
            let want = (limit - self.events.len()).min(PAGE);
            let lower = cursor.from.map(|from| from.saturating_sub(OVERLAP).unwrap_or(from)).max(cursor.floor);
            let sweep = cursor.sweep.clone();
            self.pages.terms = self.terms.clone();
            self.pages.terms.extend(self.range(sweep.as_ref(), lower));
            let skip = sweep.as_ref().map_or(0, |sweep| sweep.skip);
            let before = self.events.len();
            let mut rows = Vec::new();
            let page =
                match self.pages.one(pod, skip, want, &mut self.warnings, &mut |row| rows.push(row.map(str::to_owned)))
                {
                    Ok(page) => page,
                    Err(failure) if before > 0 && failure.again => return Ok(true),
                    Err(failure) => return Err(failure),
                };
            let mut sweep = sweep.unwrap_or_else(|| Sweep { began: pod_now(pod), at: None, key: None, skip: 0 });
            for row in &rows {
                bytes += row.as_ref().map_or(0, String::len);
                if self.events.len() > before && bytes > ANSWER_BYTES {
                    cursor.sweep = Some(sweep);
                    return Ok(true);
                }
                self.step(&mut sweep, row.as_deref())?;
            }
            if !page || rows.is_empty() {
                // The next sweep begins where this one did; where the pod tells no time, where it got to.
                let reached = if pod.tells_time() { Some(sweep.began) } else { sweep.at };
                cursor.from = cursor.from.max(reached);
                cursor.sweep = None;
                return Ok(false);
            }
            cursor.sweep = Some(sweep);
            if self.events.len() >= limit || bytes > ANSWER_BYTES || !pod.has_time() {
                return Ok(true);
            }
        }
    }

    /// The condition that holds for what is not read yet.
    fn range(&self, sweep: Option<&Sweep>, lower: Option<Timestamp>) -> Option<String> {
        let changed = self.changed;
        match (sweep.and_then(|sweep| sweep.at), sweep.and_then(|sweep| sweep.key.as_ref()), &self.sortable) {
            (Some(at), Some(key), Some(attribute)) => {
                let at = query::quote(&time::in_query(at));
                Some(format!("({changed} > {at} or {changed} = {at} and {attribute} > {key})"))
            }
            (Some(at), _, _) => Some(format!("{changed} >= {}", query::quote(&time::in_query(at)))),
            (None, _, _) => lower.map(|lower| format!("{changed} >= {}", query::quote(&time::in_query(lower)))),
        }
    }

    fn step(&mut self, sweep: &mut Sweep, row: Option<&str>) -> Result<()> {
        let Some(row) = row else {
            sweep.skip += 1;
            return Ok(());
        };
        let [raw] = record::pick(row, [self.changed]);
        let text = raw.and_then(record::plain);
        let Some(at) = text.as_deref().and_then(time::instant) else {
            sweep.skip += 1;
            let key = self.target.key_of(row);
            self.warnings.push(warning(
                "row_without_time",
                format!("A row of {} tells no {} and is left out.", self.target.name, self.changed),
                key,
            ));
            return Ok(());
        };
        let key = self.target.key_of(row).ok_or_else(|| {
            Failure::permanent(
                ProblemKind::UnexpectedResponse,
                format!("A row of {} came without its key.", self.target.name),
            )
        })?;
        let comparable = self.sortable.is_some() && key.bytes().all(|byte| byte.is_ascii_digit());
        // The pod may keep finer time than it writes, so a row may stand behind its own place: then it is
        // passed by count, as rows are whose keys cannot be compared.
        let behind_itself = sweep.at == Some(at) && sweep.key.as_deref() == Some(key.as_str());
        sweep.skip = match (comparable, sweep.at == Some(at)) {
            (true, _) if !behind_itself => 0,
            (false, false) => 1,
            _ => sweep.skip + 1,
        };
        sweep.at = Some(at);
        sweep.key = comparable.then(|| key.clone());
        let mut text = String::with_capacity(row.len());
        if self.expands {
            let warnings = &mut self.warnings;
            record::flatten(row, &mut text, &mut |child| {
                warnings.push(warning(
                    "children_cut",
                    format!("The pod sent only the first rows of {child}."),
                    Some(key.clone()),
                ));
            });
        } else {
            text.push_str(row);
        }
        self.events.push(Event {
            dedup_key: format!("{}:{key}:{}", self.target.name, at.as_microsecond()),
            occurred_at: Some(time::in_event(at)),
            payload: format!("{{\"resource\":{},\"key\":{},\"record\":{text}}}", json!(self.target.name), json!(key)),
        });
        Ok(())
    }
}
