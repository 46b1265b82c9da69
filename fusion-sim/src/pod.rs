//! The pod: rows, clock, scenario and log behind one handle, and the router in front of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::auth::{self, USERS};
use crate::clock::Clock;
use crate::faults::{Before, Faults};
use crate::log::{Exchange, Log};
use crate::rest::answer::Answer;
use crate::rest::encoding;
use crate::rest::handle::{self, Call};
use crate::rest::negotiate::Negotiated;
use crate::scenario::{Scenario, ScenarioError};
use crate::store::{self, Store};

/// The host that [`Pod::settings`] names.
pub const HOST: &str = "sim.fa.us2.oraclecloud.com";

/// What a pod is made from.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seed of the generator: the same seed, the same rows.
    pub seed: u64,
    /// Payables invoices, at most 1,000,000.
    pub invoices: u64,
    /// Where the clock stands.
    pub start: Timestamp,
    /// What goes wrong.
    pub scenario: Scenario,
    /// Framework version of requests that name none: 1, as on pods (FACTS 1.2).
    pub framework_default: u8,
    /// The clock follows the system's, and waits are slept.
    pub realtime: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            invoices: 1_000,
            // 2026-07-01T12:00:00Z
            start: Timestamp::constant(1_782_907_200, 0),
            scenario: Scenario::default(),
            framework_default: 1,
            realtime: false,
        }
    }
}

/// Why there is no pod.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scenario is refused.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The built-in metadata cannot be read; a test rules it out.
    #[error("the metadata of the simulated pod isn't valid: {0}")]
    Metadata(String),
    /// Bytes that are no saved pod, or one of another version.
    #[error("this isn't a saved pod of this version: {0}")]
    Saved(#[from] serde_json::Error),
    /// More invoices than the generator makes.
    #[error("a simulated pod has at most {max} invoices, not {0}", max = store::Options::MAX_INVOICES)]
    TooMany(u64),
}

/// A simulated pod; clones are handles to the same one.
#[derive(Clone)]
pub struct Pod {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    framework_default: u8,
    state: Mutex<PodState>,
}

struct PodState {
    store: Store,
    scenario: Scenario,
    faults: Faults,
    log: Log,
    requests: u64,
    later: Vec<Late>,
}

/// A write that the edge gave up on, and that the pod still does.
struct Late {
    arrival: Arrival,
    after_requests: u64,
    at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct SavedPod {
    store: Store,
    scenario: Scenario,
    #[serde(with = "crate::saved::text")]
    now: Timestamp,
    realtime: bool,
    framework_default: u8,
    requests: u64,
    #[serde(default)]
    later: Vec<SavedLate>,
}

/// A [`Late`] as saved: who sent it instead of the password.
#[derive(Serialize, Deserialize)]
struct SavedLate {
    username: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    after_requests: u64,
    at: Option<String>,
}

impl SavedLate {
    fn new(late: &Late) -> Self {
        let arrival = &late.arrival;
        let headers = arrival.headers.iter().filter(|(name, _)| *name != header::AUTHORIZATION);
        Self {
            username: auth::user(&arrival.headers).map_or_else(String::new, |user| user.username.to_owned()),
            method: arrival.method.to_string(),
            path: arrival.path.clone(),
            query: arrival.query.clone(),
            headers: headers
                .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
                .collect(),
            body: arrival.body.to_vec(),
            after_requests: late.after_requests,
            at: late.at.map(|at| at.to_string()),
        }
    }

    /// None for what no pod saves: a method or a user that does not exist.
    fn late(self, framework_default: u8) -> Option<Late> {
        let user = USERS.iter().find(|user| user.username == self.username)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?);
        }
        headers.insert(header::AUTHORIZATION, auth::basic(user)?);
        let arrival = Arrival {
            method: Method::from_bytes(self.method.as_bytes()).ok()?,
            path: self.path,
            query: self.query,
            headers,
            body: self.body.into(),
            framework_default,
        };
        let at = self.at.and_then(|at| at.parse().ok());
        Some(Late { arrival, after_requests: self.after_requests, at })
    }
}

/// A request, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) framework_default: u8,
}

impl Pod {
    /// A pod as the generator makes it.
    ///
    /// # Errors
    ///
    /// [`Error`]: the scenario is refused, or there would be too many invoices.
    pub fn new(options: Options) -> Result<Self, Error> {
        let invoices = options.scenario.rows.unwrap_or(options.invoices);
        if invoices > store::Options::MAX_INVOICES {
            return Err(Error::TooMany(invoices));
        }
        crate::metadata::catalogue().map_err(|error| Error::Metadata(error.to_string()))?;
        let store = Store::new(store::Options { seed: options.seed, invoices, start: options.start });
        let clock = if options.realtime { Clock::realtime() } else { Clock::told(options.start) };
        Self::build(store, options.scenario, clock, options.framework_default, 0)
    }

    fn build(
        store: Store,
        scenario: Scenario,
        clock: Clock,
        framework_default: u8,
        requests: u64,
    ) -> Result<Self, Error> {
        let faults = scenario.faults()?;
        let state = PodState { store, scenario, faults, log: Log::default(), requests, later: Vec::new() };
        Ok(Self { inner: Arc::new(Inner { clock, framework_default, state: Mutex::new(state) }) })
    }

    /// The pod's HTTP service: every path of a pod, over any transport. Hrefs name the host of the request.
    pub fn router(&self) -> Router {
        Router::new().fallback(serve).with_state(self.clone())
    }

    /// The pod's clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.inner.clock.clone()
    }

    /// Connection settings that sign in: `{"host", "auth": {"type": "basic", "username", "password"}}`.
    #[must_use]
    pub fn settings(&self) -> serde_json::Value {
        let [user, ..] = USERS;
        serde_json::json!({
            "host": HOST,
            "auth": {"type": "basic", "username": user.username, "password": user.password},
        })
    }

    /// What arrived, the oldest first; at most the last 10,000.
    #[must_use]
    pub fn log(&self) -> Vec<Exchange> {
        self.state().log.all()
    }

    /// Looks at the rows or changes them past the pod's rules.
    pub fn with_store<T>(&self, then: impl FnOnce(&mut Store) -> T) -> T {
        then(&mut self.state().store)
    }

    /// Replaces the scenario; what its faults counted starts anew.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`]; the pod then goes on as before.
    pub fn set_scenario(&self, scenario: Scenario) -> Result<(), ScenarioError> {
        let faults = scenario.faults()?;
        let mut state = self.state();
        state.faults = faults;
        state.scenario = scenario;
        Ok(())
    }

    /// The pod as bytes: options, what was written, clock, scenario, and writes still to be done (E7). Not the log, and not what
    /// the scenario's faults counted.
    ///
    /// # Errors
    ///
    /// [`Error::Saved`], which no pod is known to give.
    pub fn save(&self) -> Result<Vec<u8>, Error> {
        let state = self.state();
        Ok(serde_json::to_vec(&SavedPod {
            store: state.store.clone(),
            scenario: state.scenario.clone(),
            now: self.inner.clock.now(),
            realtime: self.inner.clock.is_realtime(),
            framework_default: self.inner.framework_default,
            requests: state.requests,
            later: state.later.iter().map(SavedLate::new).collect(),
        })?)
    }

    /// A pod as it was saved.
    ///
    /// # Errors
    ///
    /// [`Error::Saved`] for bytes that are none.
    pub fn open(bytes: &[u8]) -> Result<Self, Error> {
        let saved: SavedPod = serde_json::from_slice(bytes)?;
        let clock = if saved.realtime { Clock::realtime() } else { Clock::told(saved.now) };
        let pod = Self::build(saved.store, saved.scenario, clock, saved.framework_default, saved.requests)?;
        pod.state().later = saved.later.into_iter().filter_map(|late| late.late(saved.framework_default)).collect();
        Ok(pod)
    }

    fn state(&self) -> MutexGuard<'_, PodState> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Pod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pod").field("clock", &self.inner.clock).finish_non_exhaustive()
    }
}

async fn serve(State(pod): State<Pod>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, encoding::MAX_BODY).collect().await {
        Ok(collected) => Some(collected.to_bytes()),
        Err(_) => None,
    };
    let mut headers = parts.headers;
    if let (None, Some(authority)) = (headers.get(header::HOST), parts.uri.authority())
        && let Ok(value) = HeaderValue::from_str(authority.as_str())
    {
        headers.insert(header::HOST, value);
    }
    let arrival = Arrival {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.clone().unwrap_or_default(),
        framework_default: pod.inner.framework_default,
    };
    let (answer, sequence) = {
        let mut state = pod.state();
        let state = &mut *state;
        state.requests += 1;
        catch_up(state, pod.inner.clock.now());
        let answer = match body {
            Some(_) => around(state, &arrival, pod.inner.clock.now()),
            None => Answer::html(StatusCode::PAYLOAD_TOO_LARGE, "Payload Too Large"),
        };
        state.log.add(&arrival, answer.status.as_u16());
        (answer, state.requests)
    };
    if answer.delay > Duration::ZERO {
        pod.inner.clock.wait(answer.delay).await;
    }
    respond(&arrival, answer, sequence, pod.inner.clock.now())
}

/// Does what the edge gave up on and is due now.
fn catch_up(state: &mut PodState, now: Timestamp) {
    let due = |late: &Late, requests: u64| requests > late.after_requests || late.at.is_some_and(|at| now >= at);
    let (ready, waiting) = std::mem::take(&mut state.later).into_iter().partition(|late| due(late, state.requests));
    state.later = waiting;
    for late in ready {
        inside(state, &late.arrival, now);
    }
}

/// A request with the scenario's faults around it.
fn around(state: &mut PodState, arrival: &Arrival, now: Timestamp) -> Answer {
    let mut answer = match state.faults.before(arrival, now) {
        Some(Before::Instead(answer)) => return answer,
        Some(Before::AnswerLost(lost)) => {
            inside(state, arrival, now);
            return lost;
        }
        Some(Before::Later { answer, requests, wait }) => {
            let at = wait.and_then(|wait| now.checked_add(SignedDuration::try_from(wait).ok()?).ok());
            let after_requests = state.requests.saturating_add(requests);
            state.later.push(Late { arrival: arrival.clone(), after_requests, at });
            return answer;
        }
        None => inside(state, arrival, now),
    };
    state.faults.after(arrival, &mut answer, now);
    answer
}

/// A request as the pod itself answers it.
fn inside(state: &mut PodState, arrival: &Arrival, now: Timestamp) -> Answer {
    let (negotiated, version) = Negotiated::read(&arrival.headers, arrival.framework_default);
    if arrival.method == Method::HEAD {
        // FACTS 1.11, measured.
        return Answer::empty(StatusCode::NOT_IMPLEMENTED);
    }
    let Some(user) = auth::user(&arrival.headers) else { return auth::unauthorized() };
    if let Err(error) = version {
        return error.answer(&negotiated);
    }
    let unpacked;
    let mut arrival = arrival;
    if arrival.headers.get(header::CONTENT_ENCODING).is_some_and(|value| value == "gzip" || value == "x-gzip") {
        let Some(body) = encoding::unpack(&arrival.body) else {
            return Answer::html(StatusCode::BAD_REQUEST, "Bad Request");
        };
        unpacked = Arrival { body: body.into(), ..arrival.clone() };
        arrival = &unpacked;
    }
    let tunnelled = arrival.headers.get("x-http-method-override").and_then(|value| value.to_str().ok());
    let method = match tunnelled {
        Some("PATCH") if arrival.method == Method::POST => Method::PATCH,
        _ => arrival.method.clone(),
    };
    let call = Call {
        arrival,
        method,
        negotiated: &negotiated,
        base: handle::base(arrival.headers.get(header::HOST)),
        user,
        tuning: state.faults.tuning(),
        now,
    };
    match handle::answer(&mut state.store, &call) {
        Ok(answer) => answer.header(FRAMEWORK, &negotiated.version.to_string()),
        Err(error) if error.status == StatusCode::NOT_ACCEPTABLE => Answer::empty(error.status),
        Err(error) => error.answer(&negotiated).header(FRAMEWORK, &negotiated.version.to_string()),
    }
}

const FRAMEWORK: HeaderName = HeaderName::from_static("rest-framework-version");

/// Headers of every answer, recorded on a live pod (FACTS 1.6).
const ALWAYS: [(&str, &str); 8] = [
    ("x-oracle-dms-rid", "0:5"),
    ("referrer-policy", "origin"),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-cache, no-store, must-revalidate"),
    ("pragma", "no-cache"),
    ("x-xss-protection", "1; mode=block"),
    ("content-language", "en"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
];

fn respond(arrival: &Arrival, mut answer: Answer, sequence: u64, now: Timestamp) -> Response {
    let mut headers = HeaderMap::new();
    for (name, value) in ALWAYS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let ids = [("x-oracle-dms-ecid", format!("{sequence:032x}-00000001")), ("akgrn", format!("0.{sequence:08x}"))];
    // Every origin server with a clock sends it (RFC 9110, 6.6.1); clients count Retry-After and changes on it.
    if let Ok(date) = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now)
        && let Ok(value) = HeaderValue::from_str(&date)
    {
        headers.insert(header::DATE, value);
    }
    for (name, value) in ids {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    if let Some(content_type) = answer.content_type.take()
        && let Ok(value) = HeaderValue::from_str(&content_type)
    {
        headers.insert(header::CONTENT_TYPE, value);
    }
    for (name, value) in answer.headers {
        headers.insert(name, value);
    }
    if answer.cut.is_none()
        && encoding::accepts_gzip(&arrival.headers)
        && let Some(packed) = encoding::pack(&answer.body)
    {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        answer.body = packed;
    }
    let body = match answer.cut {
        None => Body::from(answer.body),
        Some(bytes) => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(answer.body.len()));
            answer.body.truncate(bytes);
            Body::new(Cut { first: Some(answer.body.into()), missing: true })
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = headers;
    response
}

/// A body that breaks off.
struct Cut {
    first: Option<Bytes>,
    missing: bool,
}

/// The connection broke.
#[derive(Debug, thiserror::Error)]
#[error("the simulated connection broke off")]
struct Broken;

impl http_body::Body for Cut {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Broken>>> {
        std::task::Poll::Ready(match self.first.take() {
            Some(bytes) => Some(Ok(http_body::Frame::data(bytes))),
            None if std::mem::take(&mut self.missing) => Some(Err(Broken)),
            None => None,
        })
    }
}
