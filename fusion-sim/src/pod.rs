//! The pod: rows, clock, scenario and log behind one handle, and the router in front of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::auth::certificate::Certificate;
use crate::auth::{self, USERS, User};
use crate::bulk::Bulk;
use crate::clock::Clock;
use crate::erp::callback::Callback;
use crate::faults::{Before, Faults, Tuning};
use crate::identity::{self, Identity, Rules};
use crate::late::{Late, SavedLate};
use crate::log::{Exchange, Log};
use crate::respond::respond;
use crate::rest::answer::Answer;
use crate::rest::encoding;
use crate::rest::handle::{self, Call};
use crate::rest::negotiate::Negotiated;
use crate::scenario::{Scenario, ScenarioError};
use crate::store::{self, Context, Store};
use crate::{atom, audit, erp, ess, interface, scim};

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
    /// A certificate that cannot be trusted.
    #[error("the certificate isn't usable: {0}")]
    Certificate(String),
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
    identity: Identity,
    requests: u64,
    later: Vec<Late>,
    bulk: Bulk,
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
    #[serde(default)]
    identity: Identity,
    #[serde(default)]
    bulk: Option<Bulk>,
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
        let (log, identity, later) = (Log::default(), Identity::default(), Vec::new());
        let bulk = Bulk::new(store.options().start);
        let state = PodState { store, scenario, faults, log, identity, requests, later, bulk };
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

    /// Connection settings of that kind, with the identity domain at `token_origin` (`https://{IDENTITY_HOST}`, or
    /// where the router is mounted). `basic` and `oauth_client_credentials` sign in as they are; `jwt` and
    /// `oauth_jwt_assertion` lack `private_key` and `certificate_fingerprint`, `oauth_authorization_code` lacks a
    /// `refresh_token`. None for another kind.
    #[must_use]
    pub fn settings_for(&self, kind: &str, token_origin: &str) -> Option<serde_json::Value> {
        identity::settings(kind, token_origin)
    }

    /// Trusts JWT bearers of that issuer, signed with the certificate's key. A later certificate takes the place of
    /// an earlier one.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`]: not the PEM of a certificate with an RSA key.
    pub fn trust(&self, issuer: &str, certificate_pem: &str) -> Result<(), Error> {
        let certificate = Certificate::from_pem(certificate_pem).map_err(Error::Certificate)?;
        self.state().identity.trust(issuer, certificate);
        Ok(())
    }

    /// Trusts client and user assertions of that client at the identity domain.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`]: not the PEM of a certificate with an RSA key.
    pub fn trust_client(&self, client_id: &str, certificate_pem: &str) -> Result<(), Error> {
        let certificate = Certificate::from_pem(certificate_pem).map_err(Error::Certificate)?;
        self.state().identity.trust_client(client_id, certificate);
        Ok(())
    }

    /// Access tokens that the token endpoint issued, and different JWT bearers that let somebody in.
    #[must_use]
    pub fn sign_ins(&self) -> u64 {
        self.state().identity.sign_ins()
    }

    /// Requests at the token endpoint, whatever their answer.
    #[must_use]
    pub fn token_requests(&self) -> u64 {
        self.state().identity.token_requests()
    }

    /// What arrived, the oldest first; at most the last 10,000.
    #[must_use]
    pub fn log(&self) -> Vec<Exchange> {
        self.state().log.all()
    }

    /// Callbacks and events of bulk jobs that have ended, the oldest first: what a pod with sockets would have sent
    /// (FACTS 7).
    #[must_use]
    pub fn callbacks(&self) -> Vec<Callback> {
        let mut state = self.state();
        let state = &mut *state;
        state.bulk.settle(&mut state.store, self.inner.clock.now());
        state.bulk.callbacks.clone()
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

    /// The pod as bytes: options, what was written, clock, scenario, certificates, what lives of tokens, and writes
    /// still to be done (E7). Not the log, and not what the scenario's faults counted.
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
            identity: state.identity.clone(),
            bulk: Some(state.bulk.clone()),
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
        {
            let mut state = pod.state();
            state.later = saved.later.into_iter().filter_map(|late| late.late(saved.framework_default)).collect();
            state.identity = saved.identity;
            if let Some(bulk) = saved.bulk {
                state.bulk = bulk;
            }
        }
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
    let clock = &pod.inner.clock;
    let (answer, sequence, ahead) = {
        let mut state = pod.state();
        let state = &mut *state;
        state.requests += 1;
        state.identity.arrived(&arrival);
        catch_up(state, clock.now());
        let ahead = state.faults.begin(&arrival);
        let answer = match body {
            Some(_) => around(state, &arrival, later(clock.now(), ahead)),
            None => Answer::html(StatusCode::PAYLOAD_TOO_LARGE, "Payload Too Large"),
        };
        state.log.add(&arrival, answer.status.as_u16(), answer.refusal.clone());
        (answer, state.requests, ahead)
    };
    if answer.delay > Duration::ZERO {
        clock.wait(answer.delay).await;
    }
    respond(&arrival, answer, sequence, later(clock.now(), ahead))
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(now)
}

/// Does what the edge gave up on and is due now.
fn catch_up(state: &mut PodState, now: Timestamp) {
    let due = |late: &Late, requests: u64| requests > late.after_requests || late.at.is_some_and(|at| now >= at);
    let (ready, waiting) = std::mem::take(&mut state.later).into_iter().partition(|late| due(late, state.requests));
    state.later = waiting;
    for late in ready {
        signed_in(state, &late.arrival, late.user, now);
    }
}

/// A request with the scenario's faults around it.
fn around(state: &mut PodState, arrival: &Arrival, now: Timestamp) -> Answer {
    let mut answer = match state.faults.before(arrival, now) {
        Some(Before::Instead(answer)) => return answer,
        Some(Before::SignedOut(answer)) => {
            if let Some(token) = auth::bearer(&arrival.headers) {
                state.identity.kill(token);
            }
            return answer;
        }
        Some(Before::AnswerLost(lost)) => {
            inside(state, arrival, now);
            return lost;
        }
        Some(Before::Later { answer, requests, wait }) => {
            let at = wait.and_then(|wait| now.checked_add(SignedDuration::try_from(wait).ok()?).ok());
            let after_requests = state.requests.saturating_add(requests);
            if let Ok(user) = auth::user(&arrival.headers, &mut state.identity, now) {
                state.later.push(Late { arrival: arrival.clone(), user, after_requests, at });
            }
            return answer;
        }
        Some(Before::FirstRow { gone }) => {
            handle::move_rows(&mut state.store, &arrival.path, gone, now);
            inside(state, arrival, now)
        }
        Some(Before::Contended { changes, refused }) => {
            let detail = handle::contend(&mut state.store, &arrival.path, &changes, now);
            match detail.filter(|_| refused) {
                Some(error) => {
                    let (negotiated, _) = Negotiated::read(&arrival.headers, arrival.framework_default);
                    return error.answer(&negotiated);
                }
                None => inside(state, arrival, now),
            }
        }
        None => inside(state, arrival, now),
    };
    state.faults.after(arrival, &mut answer, now);
    answer
}

/// A request as the pod itself answers it.
fn inside(state: &mut PodState, arrival: &Arrival, now: Timestamp) -> Answer {
    if identity::is_below(&arrival.path) {
        let rules =
            Rules { token_seconds: state.scenario.token_seconds, consent_denied: state.faults.tuning().consent_denied };
        return state.identity.answer(arrival, rules, now);
    }
    if arrival.method == Method::HEAD {
        // FACTS 1.11, measured.
        return Answer::empty(StatusCode::NOT_IMPLEMENTED);
    }
    let user = match arrival.path.as_str() {
        ess::soap::PATH => ess::soap::user(arrival),
        _ => auth::user(&arrival.headers, &mut state.identity, now),
    };
    match user {
        Ok(user) => signed_in(state, arrival, user, now),
        Err(why) => Answer { refusal: Some(why), ..auth::unauthorized() },
    }
}

/// A request of somebody who came in.
fn signed_in(state: &mut PodState, arrival: &Arrival, user: &'static User, now: Timestamp) -> Answer {
    let tuning = state.faults.tuning();
    interface::settle(&mut state.store, now);
    state.bulk.settle(&mut state.store, now);
    let (store, bulk) = (&mut state.store, &mut state.bulk);
    store.act(Some(Context { now, user: user.username.to_owned() }));
    let answer = match arrival.path.as_str() {
        path if scim::is_below(path) => scim::answer(store, arrival, user, tuning.nothing, now),
        path if ess::rest::is_below(path) => ess::rest::answer(bulk, store, arrival, user, &tuning, now),
        ess::soap::PATH => ess::soap::answer(bulk, arrival, user, &tuning, now),
        erp::soap::PATH => erp::soap::answer(bulk, arrival, user, &tuning, now),
        path if atom::is_below(path) => atom::answer(store, arrival, user, &tuning, now),
        audit::PATH => audit::answer(store, arrival, user, &tuning, now),
        _ => rest(store, bulk, arrival, user, tuning, now),
    };
    state.store.act(None);
    answer
}

/// A request to the REST framework.
fn rest(
    store: &mut Store,
    bulk: &mut Bulk,
    arrival: &Arrival,
    user: &'static User,
    tuning: Tuning,
    now: Timestamp,
) -> Answer {
    let (negotiated, version) = Negotiated::read(&arrival.headers, arrival.framework_default);
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
        tuning,
        now,
    };
    let answered = erp::answer(bulk, &call).unwrap_or_else(|| handle::answer(store, &call));
    match answered {
        Ok(answer) => answer.header(FRAMEWORK, &negotiated.version.to_string()),
        Err(error) if error.status == StatusCode::NOT_ACCEPTABLE => Answer::empty(error.status),
        Err(error) => error.answer(&negotiated).header(FRAMEWORK, &negotiated.version.to_string()),
    }
}

const FRAMEWORK: HeaderName = HeaderName::from_static("rest-framework-version");
