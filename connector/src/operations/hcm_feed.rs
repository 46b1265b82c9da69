//! `hcm_feed`: entries of HCM's Atom feeds, once each.

use schemars::JsonSchema;
use serde::Deserialize;

use super::checked::{number, word, words};
use super::{Spec, Trigger};
use crate::contract::{Delivery, Effect, Idempotency, PollResult};
use crate::fusion::atom::Feeds;
use crate::fusion::changes::{self, feed};
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::problem::{Failure, Result};

/// Entries arrive late at times (FACTS 4.2), so the overlap is an hour where the form does not say.
const OVERLAP_MINUTES: u32 = 60;

/// See the module.
pub struct HcmFeed;

/// Which feeds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(from = "serde_json::Value")]
#[schemars(title = "HCM feed", deny_unknown_fields, !from)]
pub struct Input {
    /// Feeds: newhire, termination, empupdate, empassignment, cancelworkrelship, workrelshipupdate, payupdate of
    /// the workspace employee; those of another workspace as workspace/feed.
    #[schemars(title = "Feeds", length(min = 1), extend("x-connector-visibility" = "important", "x-connector-order" = 1, "examples" = [["newhire", "termination"]]))]
    pub feeds: Vec<String>,
    /// Where to begin: now, beginning (all that the feed still holds), or a date and time as in
    /// 2026-01-31T10:00:00Z.
    #[schemars(title = "Since", extend("default" = "now", "x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub since: Option<String>,
    /// Minutes by which an entry may arrive later than the time that it carries.
    #[schemars(title = "Overlap in minutes", range(min = 1, max = 10080), extend("default" = 60, "x-connector-visibility" = "advanced", "x-connector-order" = 3))]
    pub overlap_minutes: Option<u32>,
    /// Most events of one poll.
    #[schemars(title = "Limit", range(min = 1, max = 5000), extend("default" = 500, "x-connector-visibility" = "advanced", "x-connector-order" = 4))]
    pub limit: Option<u32>,
}

impl From<serde_json::Value> for Input {
    fn from(input: serde_json::Value) -> Self {
        Self {
            feeds: words(&input, "feeds").unwrap_or_default(),
            since: word(&input, "since"),
            overlap_minutes: number(&input, "overlap_minutes"),
            limit: number(&input, "limit"),
        }
    }
}

/// An entry.
#[derive(JsonSchema)]
#[schemars(title = "Feed entry")]
#[allow(dead_code)]
pub struct Payload {
    /// Feed, as workspace/feed.
    feed: String,
    /// Id of the entry.
    id: String,
    /// Title; null where there is none.
    #[schemars(with = "Anything")]
    title: Option<String>,
    /// Summary; null where there is none.
    #[schemars(with = "Anything")]
    summary: Option<String>,
    /// When it was changed last, RFC 3339.
    #[schemars(with = "Anything")]
    updated: Option<String>,
    /// When it was published, RFC 3339.
    #[schemars(with = "Anything")]
    published: Option<String>,
    /// What it says: Context with keys, Changed Attributes with old and new values; text where it is no JSON.
    #[schemars(with = "Anything")]
    content: String,
}

impl Trigger for HcmFeed {
    const SPEC: Spec = Spec {
        id: "hcm_feed",
        title: "HCM feed",
        description: "Starts with each entry of HCM's Atom feeds: new hires, terminations, changes of employees and assignments.",
        group: "Triggers (poll)",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"feeds":["newhire","termination"],"since":"now"}"#,
        sample_output: r#"{"feed":"employee/newhire","id":"newhire:300000012345678","title":"New Hire","summary":null,"updated":"2026-01-31T10:00:00Z","published":"2026-01-31T10:00:00Z","content":{"Context":[{"PersonId":"300000012345678","PersonNumber":"1001"}],"Changed Attributes":[]}}"#,
    };
    const DELIVERIES: &'static [Delivery] = &[Delivery::Poll];
    type Input = Input;
    type Payload = Payload;

    fn poll(pod: &Pod, input: Input, cursor: Option<&str>) -> Result<PollResult> {
        let mut names = Vec::new();
        for (index, name) in input.feeds.iter().enumerate() {
            let name = name.trim().trim_matches('/');
            let (workspace, feed) = name.split_once('/').unwrap_or(("employee", name));
            let fits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !fits(workspace) || !fits(feed) {
                return Err(Failure::invalid(format!("/feeds/{index}"), format!("{name:?} is not the name of a feed"))
                    .remedy("Name it as newhire, or with its workspace as workstructures/jobupdate."));
            }
            names.push(format!("{workspace}/{feed}"));
        }
        if names.is_empty() {
            return Err(Failure::invalid("/feeds", "name at least one feed"));
        }
        let feeds = Feeds { names, authority: &pod.settings.origin.authority };
        let overlap = input.overlap_minutes.unwrap_or(OVERLAP_MINUTES);
        feed::poll(pod, &feeds, input.since.as_deref(), cursor, input.limit.unwrap_or(changes::LIMIT), overlap)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::http::fake::{Fake, json as answered};
    use crate::settings::Settings;

    #[test]
    fn entries_come_once_with_their_content_read() {
        let settings = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(settings).unwrap();
        let entry = |id: &str, at: &str| {
            json!({"id": id, "title": "New Hire", "updated": at, "published": at,
                "content": r#"{"Context":[{"PersonId":"300000012345678"}]}"#})
        };
        let page = |entries: &[Value]| answered(200, &json!({"feed": {"id": "f", "entries": entries}}).to_string());
        let one = entry("a", "2025-12-31T23:00:00Z");
        let door = Fake::new([
            page(std::slice::from_ref(&one)),
            answered(200, r#"{"feed":{"id":"f"}}"#),
            page(&[one, entry("b", "2025-12-31T23:30:00.000Z")]),
            answered(200, r#"{"feed":{"id":"f"}}"#),
        ]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        let input = || -> Input {
            serde_json::from_str(r#"{"feeds":["newhire","workstructures/jobupdate"],"since":"2025-12-01"}"#).unwrap()
        };
        let first = HcmFeed::poll(&pod, input(), None).unwrap();
        let payload: Value = serde_json::from_str(&first.events[0].payload).unwrap();
        assert_eq!((first.events.len(), first.has_more), (1, false));
        assert_eq!(payload["content"]["Context"][0]["PersonId"], "300000012345678");
        let second = HcmFeed::poll(&pod, input(), Some(&first.cursor)).unwrap();
        assert_eq!(second.events.len(), 1);
        assert!(second.events[0].dedup_key.starts_with("employee/newhire:b:"));
        assert!(door.sent.borrow()[1].path.starts_with("/hcmRestApi/atomservlet/workstructures/jobupdate?page=1"));
    }

    #[test]
    fn a_start_beside_a_cursor_is_checked_and_told_to_change_nothing() {
        let settings = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(settings).unwrap();
        let door = Fake::new((0..9).map(|_| answered(200, r#"{"feed":{"id":"f"}}"#)));
        let poll = |since: &str, cursor: Option<&str>| {
            let input = serde_json::from_value(json!({"feeds": ["newhire"], "since": since})).unwrap();
            HcmFeed::poll(&Pod::new(&door, &settings, None).unwrap(), input, cursor)
        };
        let warned = |since: &str, cursor: &str| !poll(since, Some(cursor)).unwrap().warnings.is_empty();
        let whole = poll("beginning", None).unwrap().cursor;
        assert!(!warned("beginning", &whole) && warned("2025-12-01", &whole) && !warned("now", &whole));
        let dated = poll("2025-12-01", None).unwrap().cursor;
        assert!(warned("beginning", &dated) && !warned("2025-12-01", &dated));
        for since in ["2999-01-01", "soon"] {
            assert_eq!(poll(since, Some(&dated)).unwrap_err().problem.fields[0].pointer, "/since");
        }
    }

    #[test]
    fn a_host_whose_clock_is_ahead_passes_nothing_over() {
        let settings = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(settings).unwrap();
        let page = |date: &str, entries: &Value| {
            answered(200, &json!({"feed": {"entries": entries}}).to_string()).map(|mut response| {
                response.headers.push(("date".into(), date.into()));
                response
            })
        };
        for since in ["now", "2025-12-01"] {
            // The fake's own clock stands at the beginning of 2026.
            let door = Fake::new([
                page("Wed, 31 Dec 2025 12:00:00 GMT", &json!([])),
                page("Wed, 31 Dec 2025 12:05:00 GMT", &json!([{"id": "a", "updated": "2025-12-31T12:04:00Z"}])),
            ]);
            let poll = |cursor: Option<&str>| {
                let input = serde_json::from_value(json!({"feeds": ["newhire"], "since": since})).unwrap();
                HcmFeed::poll(&Pod::new(&door, &settings, None).unwrap(), input, cursor).unwrap()
            };
            let first = poll(None);
            assert_eq!((first.events.len(), poll(Some(&first.cursor)).events.len()), (0, 1), "{since}");
        }
    }
}
