//! Requests as the scheduler's own service tells them, other people's among them (FACTS 5.1).

use super::address::Address;
use super::erp::state;
use super::page::Envelope;
use super::pod::{Doing, Pod};
use super::record::{Members, pick, plain};
use crate::contract::ProblemKind;
use crate::problem::Result;
use crate::text::shorten;

const ROOT: &str = "/ess/rest/scheduler/v1/requests";

/// How far back a request is looked for: a thousand requests of one job where a page has 25 (FACTS 12).
const PAGES: usize = 40;

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: String,
    /// State, as [`state::spelt`].
    pub state: String,
    /// As its submitter described it.
    pub description: Option<String>,
    /// `JobDefinition://package/name`.
    pub definition: Option<String>,
    /// Who submitted it.
    pub submitter: Option<String>,
    /// When it was submitted.
    pub submitted: Option<String>,
    /// When it began to run.
    pub started: Option<String>,
    /// When it ended.
    pub completed: Option<String>,
    /// The request that started it.
    pub parent: Option<String>,
    /// Its positional arguments (`submit.argumentN`), in order.
    pub arguments: Vec<String>,
}

impl Request {
    /// Reads what the service tells.
    pub fn read(row: &str) -> Option<Self> {
        let names = [
            "requestId",
            "state",
            "description",
            "jobDefinitionId",
            "submitter",
            "submissionTime",
            "processStartTime",
            "completedTime",
            "parentRequestId",
        ];
        let members = pick(row, names);
        let [id, now, description, definition, submitter, submitted, started, completed, parent] =
            members.map(|raw| raw.and_then(plain).filter(|text| !text.is_empty()));
        let [parameters] = pick(row, ["requestParameters"]);
        Some(Self {
            id: id?,
            state: state::spelt(&now.unwrap_or_default()),
            description,
            definition,
            submitter,
            submitted,
            started,
            completed,
            parent: parent.filter(|id| id != "0"),
            arguments: parameters.map(|raw| arguments(raw.get())).unwrap_or_default(),
        })
    }

    /// Its id as a number: ids only grow.
    pub fn number(&self) -> u64 {
        self.id.parse().unwrap_or_default()
    }

    /// Whether it runs this job; `job` is `package,definition`.
    pub fn runs(&self, job: &str) -> bool {
        let bare =
            |text: &str| text.rsplit_once("://").map_or(text, |(_, path)| path).trim_matches('/').replace(',', "/");
        self.definition.as_deref().is_some_and(|own| bare(own) == bare(job))
    }
}

fn arguments(list: &str) -> Vec<String> {
    let rows: Vec<Members> = serde_json::from_str(list).unwrap_or_default();
    let mut found: Vec<(usize, String)> = Vec::new();
    for Members(members) in rows {
        let of = |name: &str| members.iter().find(|(own, _)| own == name).and_then(|(_, raw)| plain(raw));
        let place = of("name").and_then(|name| name.strip_prefix("submit.argument")?.parse().ok());
        found.extend(place.map(|place| (place, of("value").unwrap_or_default())));
    }
    found.sort_unstable();
    found.into_iter().map(|(_, value)| value).collect()
}

/// A request; `None` where there is none of that id that this user may see.
///
/// # Errors
/// Those of a read.
pub fn request(pod: &Pod, id: &str) -> Result<Option<Request>> {
    let what = format!("read request {}", shorten(id, 20));
    let doing = Doing { what: &what, object: "requests" };
    match pod.get(doing, &Address::fixed(ROOT).segment(id)) {
        Ok(response) => Ok(crate::json::from_slice::<Box<serde_json::value::RawValue>>(&response.body)
            .ok()
            .and_then(|raw| Request::read(raw.get()))),
        Err(failure) if failure.kind() == ProblemKind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The first page of the requests that fit a filter, in an order.
///
/// # Errors
/// Those of a read.
pub fn requests(pod: &Pod, filter: &str, order: &str) -> Result<Vec<Request>> {
    let doing = Doing { what: "look for requests", object: "requests" };
    let mut address = Address::fixed(ROOT).param("orderBy", order);
    if !filter.is_empty() {
        address = address.param("q", filter);
    }
    let response = pod.get(doing, &address)?;
    let envelope: Envelope = crate::json::from_slice(&response.body)
        .map_err(|error| pod.garbled(doing, &format!("the body is not a list of requests ({error})")))?;
    Ok(envelope.items.iter().filter_map(|row| Request::read(row.get())).collect())
}

/// Hands over the requests that fit a filter, the newest first, as long as `take` wants more and for at most
/// [`PAGES`] pages. Each page is asked for below the last id of the one before, since pages by index would shift.
///
/// # Errors
/// Those of a read; what was handed over before is right.
pub fn back(pod: &Pod, filter: &str, take: &mut dyn FnMut(Request) -> bool) -> Result<()> {
    let mut below = u64::MAX;
    for _ in 0..PAGES {
        let page = match below {
            u64::MAX => requests(pod, filter, "requestId:desc"),
            _ => requests(pod, &format!("{filter} and requestId lt {below}"), "requestId:desc"),
        };
        let mut least = below;
        for request in page? {
            let id = request.number();
            // A service that ignores where to go on tells the same again.
            if id < below {
                least = least.min(id);
                if !take(request) {
                    return Ok(());
                }
            }
        }
        if least == below {
            return Ok(());
        }
        below = least;
    }
    Ok(())
}
