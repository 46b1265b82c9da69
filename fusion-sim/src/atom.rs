//! HCM's Atom feeds in JSON: `GET /hcmRestApi/atomservlet/{workspace}/{feed}` (FACTS 4.2, 7).
//!
//! Entries are seeded around the pod's start, some behind it, so that they appear as the clock goes on; others
//! come of what is written to workers. The content of an entry is JSON within text, and `entries` is absent where there are none. Shown to who may
//! read workers. Which order a pod gives is not known: here it is the latest first.

use http::{Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as JsonValue, json};

use crate::audit::written;
use crate::auth::{Access, User};
use crate::faults::Tuning;
use crate::history::{Change, Kind};
use crate::model::{Root, Value};
use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::rest::{handle, params};
use crate::security;
use crate::store::Store;

const BELOW: &str = "/hcmRestApi/atomservlet/";
/// Entries of a page where `page-size` is absent.
const PAGE: usize = 10;
/// The most entries of a page.
const MOST: usize = 100;
/// Feeds of the workspace `employee` (FACTS 4.2).
const FEEDS: [&str; 7] =
    ["newhire", "empassignment", "empupdate", "termination", "cancelworkrelship", "workrelshipupdate", "payupdate"];

/// An entry as it was seeded: feed, number of the person, published so long before the pod's start.
const SEEDS: [(&str, i64, i64); 9] = [
    ("newhire", 1, 60 * 24 * 20),
    ("newhire", 2, 60 * 24 * 3),
    ("newhire", 3, 90),
    ("newhire", 4, -45),
    ("empupdate", 1, 60 * 30),
    ("empupdate", 2, -30),
    ("empassignment", 2, 60 * 26),
    ("termination", 1, 60 * 5),
    ("termination", 3, -120),
];

/// Whether a path is a feed's.
pub(crate) fn is_below(path: &str) -> bool {
    path.starts_with(BELOW)
}

/// Answers; with `nothing` there are no entries, for nobody.
pub(crate) fn answer(store: &Store, arrival: &Arrival, user: &User, tuning: &Tuning, now: Timestamp) -> Answer {
    let rest = arrival.path.strip_prefix(BELOW).unwrap_or_default();
    let Some(feed) = rest.strip_prefix("employee/").filter(|feed| FEEDS.contains(feed)) else {
        return Answer::html(StatusCode::NOT_FOUND, "Not Found");
    };
    if arrival.method != Method::GET {
        return Answer::html(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").header(header::ALLOW, "GET");
    }
    if security::check(user, Root::Hcm, "publicWorkers", &Method::GET).is_err() {
        return Answer::html(StatusCode::FORBIDDEN, "Forbidden");
    }
    let Some(asked) = Asked::read(&arrival.query) else {
        return Answer::html(StatusCode::BAD_REQUEST, "Bad Request");
    };
    let base = handle::base(arrival.headers.get(header::HOST));
    let nothing = tuning.nothing || user.access == Access::NoData;
    let shown = |at: Timestamp| {
        let late = at.saturating_add(tuning.late).is_ok_and(|seen| seen <= now);
        !nothing && late && at >= asked.min && at <= asked.max
    };
    let mut entries: Vec<(Timestamp, JsonValue)> = Vec::new();
    for (of, person, before) in SEEDS {
        let at = store.options().start.saturating_sub(SignedDuration::from_mins(before)).unwrap_or(now);
        if of == feed && shown(at) {
            entries.push((at, entry(feed, person, at, &base)));
        }
    }
    let written: Vec<&Change> = store.history().all().filter(|change| shown(change.at)).collect();
    for write in written.chunk_by(|one, next| one.number == next.number) {
        entries.extend(
            write.first().filter(|_| feed_of(write) == Some(feed)).map(|first| (first.at, told(feed, write, &base))),
        );
    }
    entries.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let skip = (asked.page - 1).saturating_mul(asked.size);
    let page: Vec<JsonValue> = entries.into_iter().skip(skip).take(asked.size).map(|(_, entry)| entry).collect();
    let href = format!("{base}{}", arrival.path);
    let mut page_of = json!({"id": href, "title": feed, "subtitle": format!("Feed of {feed}"),
        "updated": format!("{now:.3}"), "authors": [{"name": "Oracle HCM"}], "links": [{"rel": "self", "href": href}]});
    if let Some(members) = page_of.as_object_mut().filter(|_| !page.is_empty()) {
        members.insert("entries".to_owned(), page.into());
    }
    Answer::new(StatusCode::OK, "application/json", json!({"feed": page_of}).to_string())
}

fn entry(feed: &str, person: i64, at: Timestamp, base: &str) -> JsonValue {
    let id = 300_000_700_000_000 + person;
    let changed = match feed {
        "empupdate" => json!([{"WorkPhone": {"old": "555-0100", "new": "555-0101"}}]),
        _ => json!([]),
    };
    let context = json!([{"PersonId": id.to_string(), "PersonNumber": (1000 + person).to_string(),
        "EffectiveStartDate": format!("{at:.0}").chars().take(10).collect::<String>()}]);
    let link = json!({"rel": "related", "href": format!("{base}/hcmRestApi/resources/latest/publicWorkers/{id}")});
    let names = (id.to_string(), format!("{feed}:{id}:{}", at.as_second()));
    wrapped(feed, (&names.0, &names.1), at, &(context, changed), &link)
}

/// An entry around its content: what it is about and what changed.
fn wrapped(
    feed: &str,
    (person, id): (&str, &str),
    at: Timestamp,
    (context, changed): &(JsonValue, JsonValue),
    link: &JsonValue,
) -> JsonValue {
    let content = json!({"Context": context, "Changed Attributes": changed});
    json!({"id": id, "title": feed, "summary": format!("{feed} of {person}"), "content": content.to_string(),
        "updated": format!("{at:.3}"), "published": format!("{at:.3}"), "authors": [{"name": "Oracle HCM"}],
        "links": [link]})
}

/// The feed that a write is told in; none where it concerns no employee.
fn feed_of(write: &[&Change]) -> Option<&'static str> {
    let touches = |path: &str| write.iter().any(|change| change.path == path);
    let ended = |change: &&Change| {
        change.value("TerminationDate").is_some_and(|(old, new)| *old == Value::Null && *new != Value::Null)
    };
    let first = write.first()?;
    match first.path.as_str() {
        "hcm/workers" if first.kind == Kind::Insert => Some("newhire"),
        path if path.starts_with("hcm/salaries") => Some("payupdate"),
        path if !path.starts_with("hcm/workers") => None,
        _ if write.iter().any(ended) => Some("termination"),
        _ if touches("hcm/workers/workRelationships/assignments") => Some("empassignment"),
        _ if touches("hcm/workers/workRelationships") => Some("workrelshipupdate"),
        _ => Some("empupdate"),
    }
}

/// The entry of a write.
fn told(feed: &str, write: &[&Change], base: &str) -> JsonValue {
    let Some(first) = write.first() else { return JsonValue::Null };
    let known = |name: &str| first.about.iter().find(|(about, _)| about == name).and_then(|(_, value)| written(value));
    let id = known("PersonId").unwrap_or_default();
    let changed: Vec<JsonValue> = write
        .iter()
        .filter(|change| change.kind == Kind::Update)
        .flat_map(|change| &change.values)
        .map(|(name, old, new)| {
            json!({name: {"old": written(old).unwrap_or_default(), "new": written(new).unwrap_or_default()}})
        })
        .collect();
    let from = write.iter().find_map(|change| written(change.value("EffectiveStartDate")?.1));
    let from = from.unwrap_or_else(|| format!("{:.0}", first.at).chars().take(10).collect());
    let context = json!([{"PersonId": id, "PersonNumber": known("PersonNumber"), "EffectiveStartDate": from}]);
    let link = json!({"rel": "related", "href": format!("{base}/hcmRestApi/resources/latest/workers/{id}")});
    wrapped(feed, (&id, &format!("{feed}:{id}:{}", first.number)), first.at, &(context, changed.into()), &link)
}

/// What a query asks for; `None` for a value that is none.
struct Asked {
    page: usize,
    size: usize,
    min: Timestamp,
    max: Timestamp,
}

impl Asked {
    fn read(query: &str) -> Option<Self> {
        let mut asked = Self { page: 1, size: PAGE, min: Timestamp::MIN, max: Timestamp::MAX };
        for (name, value) in params::split(query).ok()? {
            match name.as_str() {
                "page" => asked.page = value.parse().ok().filter(|page| *page > 0)?,
                "page-size" => asked.size = value.parse::<usize>().ok().filter(|size| *size > 0)?.min(MOST),
                "updated-min" => asked.min = value.parse().ok()?,
                "updated-max" => asked.max = value.parse().ok()?,
                _ => {}
            }
        }
        Some(asked)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_or_refused() {
        let asked = Asked::read("page=2&page-size=500&updated-min=2026-01-01T00%3A00%3A00Z").unwrap();
        assert_eq!((asked.page, asked.size), (2, MOST));
        assert!(Asked::read("page=0").is_none());
        assert!(Asked::read("updated-min=yesterday").is_none());
    }

    #[test]
    fn the_content_of_an_entry_is_json_within_text() {
        let told = entry("empupdate", 1, "2026-01-31T10:00:00Z".parse().unwrap(), "https://h");
        let content: JsonValue = serde_json::from_str(told["content"].as_str().unwrap()).unwrap();
        assert_eq!(content["Context"][0]["PersonNumber"], "1001");
        assert_eq!(content["Changed Attributes"][0]["WorkPhone"]["new"], "555-0101");
    }
}
