//! HCM Atom feeds (FACTS 4.2, 7): new hires, terminations, changes of employees.
//!
//! An entry's content is JSON within text; where it is not, it stays text. `entries` is absent where there
//! are none. Entries may arrive late, so feeds are read with an overlap.

use crate::fusion::moment::{SignedDuration, Timestamp};
use serde_json::json;
use serde_json::value::RawValue;

use super::address::Address;
use super::changes::feed::{self, Item, Page, Source};
use super::page::fingerprint;
use super::pod::{Doing, Pod};
use super::record::{pick, plain};
use super::time;
use crate::problem::Result;

/// Entries of a page.
const PAGE: usize = 100;
/// Feeds keep their entries for a limited time; no pod is known to keep them for a year.
const REACH: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Feeds to read.
pub struct Feeds<'p> {
    /// As `employee/newhire`.
    pub names: Vec<String>,
    /// The pod's host and port.
    pub authority: &'p str,
}

impl Source for Feeds<'_> {
    fn of(&self) -> String {
        fingerprint(["hcm_feed", self.authority, &self.names.join(",")])
    }

    fn lists(&self) -> usize {
        self.names.len()
    }

    fn span(&self) -> Option<SignedDuration> {
        None
    }

    fn reach(&self) -> SignedDuration {
        REACH
    }

    fn page(&self, pod: &Pod, list: usize, (from, to): (Timestamp, Timestamp), page: u64) -> Result<Page> {
        let name = self.names.get(list).map(String::as_str).unwrap_or_default();
        let what = format!("read the feed {name}");
        let doing = Doing { what: &what, object: "atomservlet" };
        let address = Address::fixed(&format!("/hcmRestApi/atomservlet/{name}"))
            .param("page", &page.to_string())
            .param("page-size", &PAGE.to_string())
            .param("updated-min", &time::in_event(from))
            .param("updated-max", &time::in_event(to));
        let response = pod.get(doing, &address).map_err(|failure| {
            failure.or_remedy(|| "The user needs the privilege to read Atom feeds of HCM.".to_owned())
        })?;
        let text = std::str::from_utf8(&response.body).unwrap_or_default();
        let [feed] = pick(text, ["feed"]);
        let Some(feed) = feed else { return Err(pod.garbled(doing, "the answer is no feed")) };
        let [entries] = pick(feed.get(), ["entries"]);
        let entries: Vec<&RawValue> =
            entries.and_then(|entries| serde_json::from_str(entries.get()).ok()).unwrap_or_default();
        let next = feed::behind(page, entries.len() >= PAGE);
        Ok(Page { items: entries.iter().map(|entry| item(name, entry.get())).collect(), next })
    }
}

/// An entry as it is told: what it is about, and what changed.
fn item(feed: &str, entry: &str) -> Item {
    let [id, title, summary, content, updated, published] =
        pick(entry, ["id", "title", "summary", "content", "updated", "published"]);
    let word = |raw: Option<&RawValue>| raw.and_then(plain);
    let moment = |raw: Option<&RawValue>| word(raw).as_deref().and_then(time::instant);
    let at = moment(updated).or_else(|| moment(published));
    let inner = word(content).unwrap_or_default();
    let content = match serde_json::from_str::<&RawValue>(&inner) {
        Ok(read) if inner.trim_start().starts_with(['{', '[']) => read.get().to_owned(),
        _ => json!(inner).to_string(),
    };
    let id = word(id).unwrap_or_else(|| fingerprint([entry]));
    let payload = format!(
        "{{\"feed\":{},\"id\":{},\"title\":{},\"summary\":{},\"updated\":{},\"published\":{},\"content\":{content}}}",
        json!(feed),
        json!(id),
        json!(word(title)),
        json!(word(summary)),
        json!(at.map(time::in_event)),
        json!(moment(published).map(time::in_event)),
    );
    Item { key: format!("{feed}:{id}:{}", at.unwrap_or_default().as_millisecond()), at, payload }
}
