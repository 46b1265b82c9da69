//! The pod as one speaks with it: signed requests, bounded repeats of reads, and no blind repeat of a write.
//!
//! Every request carries the framework version and asks for structured errors (FACTS 1.2, 12). A read is
//! sent at most three times, with waits of at most two seconds and inside the call's deadline; a write is
//! sent again only where the pod cannot have seen it or said that it did nothing.

mod fetch;
mod garbled;
mod stream;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use self::garbled::is_page;
use super::address::Address;
use super::errors::{Refusal, later, meaning};
use super::time;
use crate::auth::{Brought, Signer, skewed};
use crate::contract::{Call, ProblemKind, Session};
use crate::fusion::moment::Timestamp;
use crate::http::{Door, Method, Pending, Request, Response, SendError};
use crate::problem::{Failure, Result};
use crate::settings::Settings;
pub use stream::Carried;

/// More tries of a read after the first.
const MORE_TRIES: u32 = 2;
/// The longest wait before a repeat; anything longer goes out as `transient`.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The largest answer that is taken: a page of 500 rows of 64 KiB.
const MOST_BYTES: usize = 32 << 20;
/// How long one answer may take where the call has no deadline; edges give up earlier (E7).
const PATIENCE: Duration = Duration::from_secs(120);
/// How long an answer to a question of one line may take.
const KNOCK: Duration = Duration::from_secs(30);
/// What is left for finishing an answer once the deadline is near.
const MARGIN: Duration = Duration::from_millis(250);

const JSON: &str = "application/json";
const JSON_WITH_ERRORS: &str = "application/json, application/vnd.oracle.adf.error+json;q=0.9";
const ITEM: &str = "application/vnd.oracle.adf.resourceitem+json";

/// What is being done, for the words of an error.
#[derive(Clone, Copy, Debug)]
pub struct Doing<'a> {
    /// As in "search invoices".
    pub what: &'a str,
    /// The object, as in "invoices".
    pub object: &'a str,
}

/// How a write ended without its answer being good.
#[derive(Debug)]
pub enum Lost {
    /// The pod refused it, or it never left: nothing happened.
    Refused(Failure),
    /// It may have happened.
    Unknown(Failure),
}

/// Why a request has no answer.
enum Unsent {
    /// There is nothing to sign it with; it was not sent.
    SignIn(Failure),
    /// It was sent, or tried.
    Send(SendError),
}

/// A conversation with one pod during one call.
pub struct Pod<'a> {
    door: &'a dyn Door,
    /// Checked settings.
    pub settings: &'a Settings,
    signer: Signer<'a>,
    began: Duration,
    ends: Option<Duration>,
    /// Id of the call, the same for its every retry; `None` outside a call.
    pub call_id: Option<String>,
    /// Resources that answered 406 to the structured-error Accept (E1), for the rest of the call.
    plain: RefCell<Vec<String>>,
    /// Resources that refuse the framework version unless a range of days comes with it (Q5), likewise.
    ranged: RefCell<Vec<String>>,
    /// A proxy refuses PATCH, so that changes go as a POST that says what it is (E9), likewise.
    tunnels: Cell<bool>,
    /// The pod's clock as its last answer told it, in milliseconds.
    told_ms: Cell<Option<i64>>,
    /// How far it was ahead of ours then.
    ahead_ms: Cell<Option<i64>>,
}

impl<'a> Pod<'a> {
    /// A conversation that ends when the call's time does, and that signs in by itself.
    ///
    /// # Errors
    /// None today.
    pub fn new(door: &'a dyn Door, settings: &'a Settings, call: Option<&Call>) -> Result<Self> {
        Self::with_session(door, settings, call, None)
    }

    /// The same, with what `authenticate` answered last, which is used while it is good.
    ///
    /// # Errors
    /// None today.
    pub fn with_session(
        door: &'a dyn Door,
        settings: &'a Settings,
        call: Option<&Call>,
        session: Option<&'a Session>,
    ) -> Result<Self> {
        let brought = Brought { session, attempt: call.map_or(0, |call| call.attempt) };
        let ends = call.and_then(|call| call.remaining_ms).map(|left| door.monotonic() + Duration::from_millis(left));
        Ok(Self {
            door,
            settings,
            signer: Signer::new(&settings.auth, &settings.secrets, brought, door.unix_ms()),
            began: door.monotonic(),
            ends,
            call_id: call.map(|call| call.id.clone()),
            plain: RefCell::default(),
            ranged: RefCell::default(),
            tunnels: Cell::new(false),
            told_ms: Cell::new(None),
            ahead_ms: Cell::new(None),
        })
    }

    /// Signs in now rather than with the first request, so that it can be told apart.
    ///
    /// # Errors
    /// Those of signing in.
    pub fn sign_in(&self) -> Result<()> {
        self.signer.authorization(self.door, self.now_ms(), self.left()).map(|_| ())
    }

    /// As whom the pod is asked; `None` where neither settings nor token tell.
    pub fn username(&self) -> Option<String> {
        self.signer.username()
    }

    /// How far the pod's clock is ahead of ours, in milliseconds; `None` before an answer told its time.
    pub fn clock_ahead_ms(&self) -> Option<i64> {
        self.ahead_ms.get()
    }

    /// One `GET` without credentials, so that these go to nobody before it is known who answers.
    ///
    /// # Errors
    /// [`SendError`] where there is no answer.
    pub fn knock(&self, address: &Address) -> std::result::Result<Response, SendError> {
        let mut request = self.request(Method::Get, address, Carried::default(), JSON);
        request.patience = request.patience.min(KNOCK);
        self.exchange(&request, Carried::default())
    }

    /// What is left of the call's time; `None` where it has no end.
    pub fn left(&self) -> Option<Duration> {
        self.ends.map(|ends| ends.saturating_sub(self.door.monotonic()))
    }

    /// Whether there is time for another request of the usual length.
    pub fn has_time(&self) -> bool {
        self.left().is_none_or(|left| left > Duration::from_secs(2))
    }

    /// The pod's clock where an answer told it, else ours, in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.told_ms.get().unwrap_or_else(|| self.door.unix_ms())
    }

    /// Whether the pod has told its time in this call.
    pub fn tells_time(&self) -> bool {
        self.told_ms.get().is_some()
    }

    /// When this call began, by the pod's clock; `None` before an answer told its time.
    pub fn began_ms(&self) -> Option<i64> {
        let since = i64::try_from(self.door.monotonic().saturating_sub(self.began).as_millis()).ok()?;
        Some(self.told_ms.get()?.saturating_sub(since))
    }

    /// Lets time pass, at most what is left.
    pub fn wait(&self, duration: Duration) {
        self.door.wait(self.left().map_or(duration, |left| duration.min(left)));
    }

    /// `GET`; answers only a success with a body that can be JSON.
    ///
    /// # Errors
    /// What the pod refused, or `transient` after the repeats.
    pub fn get(&self, doing: Doing, address: &Address) -> Result<Response> {
        self.finish(doing, address, None)
    }

    /// Begins a `GET` whose answer will be wanted soon. `None` where there is no time for one, or nothing to
    /// sign it with: then [`Pod::get`] tells why.
    pub fn start(&self, doing: Doing, address: &Address) -> Option<Pending<'a>> {
        if !self.has_time() {
            return None;
        }
        let request = self.signed(Method::Get, doing, address, Carried::default()).ok()?;
        Some(self.door.start(request))
    }

    /// `GET` that may be under way already: the answer that was begun is its first try, with the same
    /// repeats, renewal of the session and deadline as if it had been sent now.
    ///
    /// # Errors
    /// As for [`Pod::get`].
    pub fn finish(&self, doing: Doing, address: &Address, started: Option<Pending>) -> Result<Response> {
        let mut tries = 0;
        let mut started = started;
        let mut blank = false;
        loop {
            let first = match started.take() {
                Some(pending) => self.heard(pending.finish()).map_err(Unsent::Send),
                None => self.send_signed(Method::Get, doing, address, Carried::default()),
            };
            let failure = match first
                .and_then(|response| self.renewed(response, Method::Get, doing, address, Carried::default()))
            {
                Ok(response) if is_success(&response) => return self.readable(doing, response),
                Ok(response) if self.fall_back(doing, &response) || self.needs_range(doing, &response) => continue,
                // E2: a refusal that says nothing is asked once more before it is believed.
                Ok(response) if !blank && response.status == 400 && response.body.is_empty() => {
                    blank = true;
                    continue;
                }
                Ok(response) => self.refused(doing, &response),
                Err(Unsent::SignIn(failure)) => return Err(failure),
                Err(Unsent::Send(error)) => self.unsent(doing, address, &error),
            };
            if !self.may_repeat(&failure, tries) {
                return Err(failure);
            }
            tries += 1;
        }
    }

    /// `GET` of a row that may not be visible yet (E4): not found is asked again before it is believed.
    ///
    /// # Errors
    /// As for [`Pod::get`].
    pub fn get_row(&self, doing: Doing, address: &Address) -> Result<Response> {
        let mut outcome = self.get(doing, address);
        for wait in [200, 600] {
            match &outcome {
                Err(failure) if failure.kind() == ProblemKind::NotFound && self.has_time() => {
                    self.wait(Duration::from_millis(wait));
                    outcome = self.get(doing, address);
                }
                _ => break,
            }
        }
        outcome
    }

    /// A write. Repeats only what certainly did nothing.
    ///
    /// # Errors
    /// [`Lost`], which tells whether it may have happened.
    pub fn write(
        &self,
        method: Method,
        doing: Doing,
        address: &Address,
        body: &[u8],
    ) -> std::result::Result<Response, Lost> {
        self.exact(method, doing, address, Carried { body: Some(body), ..Carried::default() })
    }

    /// Any request, whose answer is taken whatever its type. Reads repeat as reads do, writes as writes.
    ///
    /// # Errors
    /// [`Lost`]; of a read always `Refused`.
    pub fn exact(
        &self,
        method: Method,
        doing: Doing,
        address: &Address,
        carried: Carried,
    ) -> std::result::Result<Response, Lost> {
        let mut tries = 0;
        loop {
            if !method.is_read() && self.left().is_some_and(|left| left <= MARGIN) {
                let told = format!("Could not {}: the call's time was over before it could be sent.", doing.what);
                return Err(Lost::Refused(
                    Failure::transient(ProblemKind::TimedOut, told).remedy("Nothing was sent; allow more time."),
                ));
            }
            let failure = match self.send(method, doing, address, carried) {
                // A sign-in page before the pod says that all is well, and nothing has happened.
                Ok(response) if is_success(&response) && (method.is_read() || !is_page(&response)) => {
                    return Ok(response);
                }
                Ok(response) if is_success(&response) => return Err(Lost::Unknown(self.page(doing, &response))),
                Ok(response) if self.fall_back(doing, &response) => continue,
                Ok(response) if method == Method::Patch && self.may_tunnel(&response, address) => continue,
                Ok(response) => {
                    let failure = self.refused(doing, &response);
                    if !method.is_read() && !did_nothing(&response, &failure) {
                        return Err(Lost::Unknown(failure));
                    }
                    failure
                }
                Err(Unsent::SignIn(failure)) => return Err(Lost::Refused(failure)),
                Err(Unsent::Send(error)) => {
                    let failure = self.unsent(doing, address, &error);
                    if !method.is_read() && error.may_have_happened() {
                        return Err(Lost::Unknown(failure));
                    }
                    failure
                }
            };
            if !self.may_repeat(&failure, tries) {
                return Err(Lost::Refused(failure));
            }
            tries += 1;
        }
    }

    /// Sends, and once more with a new token where the old one is refused: a 401 did nothing (E3).
    fn send(
        &self,
        method: Method,
        doing: Doing,
        address: &Address,
        carried: Carried,
    ) -> std::result::Result<Response, Unsent> {
        let response = self.send_signed(method, doing, address, carried)?;
        self.renewed(response, method, doing, address, carried)
    }

    fn renewed(
        &self,
        response: Response,
        method: Method,
        doing: Doing,
        address: &Address,
        carried: Carried,
    ) -> std::result::Result<Response, Unsent> {
        if response.status != 401 {
            self.signer.accepted();
            return Ok(response);
        }
        if !self.signer.renew() {
            return Ok(response);
        }
        let response = self.send_signed(method, doing, address, carried)?;
        if response.status != 401 {
            self.signer.accepted();
        }
        Ok(response)
    }

    fn send_signed(
        &self,
        method: Method,
        doing: Doing,
        address: &Address,
        carried: Carried,
    ) -> std::result::Result<Response, Unsent> {
        let request = self.signed(method, doing, address, carried).map_err(Unsent::SignIn)?;
        self.exchange(&request, carried).map_err(Unsent::Send)
    }

    fn signed(&self, method: Method, doing: Doing, address: &Address, carried: Carried) -> Result<Request> {
        address.check(doing.what)?;
        let authorization = self.signer.authorization(self.door, self.now_ms(), self.left())?;
        let plain = self.settings.framework < 4 || self.plain.borrow().iter().any(|object| object == doing.object);
        let mut request = self.request(method, address, carried, if plain { JSON } else { JSON_WITH_ERRORS });
        request.headers.insert(0, ("authorization", authorization));
        let ranged = self.ranged.borrow().iter().any(|object| object == doing.object);
        if ranged && !request.headers.iter().any(|(name, _)| *name == "effective-of") {
            request.headers.push(("effective-of", format!("RangeStartDate={}", self.day())));
        }
        Ok(request)
    }

    fn request(&self, method: Method, address: &Address, carried: Carried, accept: &str) -> Request {
        let mut headers = vec![
            ("accept", accept.to_owned()),
            ("accept-language", self.settings.language.clone()),
            ("user-agent", concat!("oracle-fusion-connector/", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        // The framework's own services know it; ESS and SCIM do not (FACTS 5.1).
        if address.path().contains("/resources/") {
            headers.push(("rest-framework-version", self.settings.framework.to_string()));
        }
        if carried.body.is_some() || carried.stream.is_some() {
            let usual = if address.path().contains("/scim/") { JSON } else { ITEM };
            headers.push(("content-type", if carried.media.is_empty() { usual } else { carried.media }.to_owned()));
        }
        let tunnels = method == Method::Patch && self.tunnels.get();
        if tunnels {
            headers.push(("x-http-method-override", method.as_str().to_owned()));
        }
        headers.retain(|(name, _)| !carried.headers.iter().any(|(own, _)| own == name));
        headers.extend(carried.headers.iter().cloned());
        Request {
            method: if tunnels { Method::Post } else { method },
            secure: self.settings.origin.secure,
            authority: self.settings.origin.authority.clone(),
            path: address.as_str().to_owned(),
            headers,
            body: carried.body.map(<[u8]>::to_vec),
            patience: self.left().map_or(PATIENCE, |left| left.saturating_sub(MARGIN).clamp(MARGIN, PATIENCE)),
            most: MOST_BYTES,
        }
    }

    /// Takes the pod's time from an answer.
    fn heard(&self, answer: std::result::Result<Response, SendError>) -> std::result::Result<Response, SendError> {
        let response = answer?;
        if let Some(date) = response.header("date").and_then(time::http_date) {
            let told = date.as_millisecond();
            self.told_ms.set(Some(told));
            self.ahead_ms.set(Some(told.saturating_sub(self.door.unix_ms())));
        }
        Ok(response)
    }

    /// E1: one resource answers 406 with nothing where structured errors are asked for.
    fn fall_back(&self, doing: Doing, response: &Response) -> bool {
        let mut plain = self.plain.borrow_mut();
        let first = response.status == 406
            && self.settings.framework >= 4
            && !plain.iter().any(|object| object == doing.object);
        if first {
            plain.push(doing.object.to_owned());
        }
        first
    }

    /// E9: a refused method did nothing, so a POST that says what it is may follow.
    fn may_tunnel(&self, response: &Response, address: &Address) -> bool {
        matches!(response.status, 405 | 501) && address.path().contains("/resources/") && !self.tunnels.replace(true)
    }

    /// Q5: an effective-dated endpoint refuses the framework version where no range of days comes along.
    fn needs_range(&self, doing: Doing, response: &Response) -> bool {
        let mut ranged = self.ranged.borrow_mut();
        let asked = response.status == 400
            && String::from_utf8_lossy(&response.body).to_lowercase().contains("effective")
            && !ranged.iter().any(|object| object == doing.object);
        if asked {
            ranged.push(doing.object.to_owned());
        }
        asked
    }

    /// The day of the question: that of the settings, else the pod's.
    fn day(&self) -> String {
        let told = self.settings.effective_date.clone();
        told.unwrap_or_else(|| {
            let now = Timestamp::from_millisecond(self.now_ms()).unwrap_or(Timestamp::UNIX_EPOCH);
            time::in_query(now).chars().take(10).collect()
        })
    }

    /// Waits for a repeat, if there is to be one.
    fn may_repeat(&self, failure: &Failure, tries: u32) -> bool {
        // A session that ended is renewed by the host, not by asking again.
        if !failure.again || tries >= MORE_TRIES || failure.kind() == ProblemKind::Unauthenticated {
            return false;
        }
        let asked = failure.problem.retry_after_ms.map(Duration::from_millis);
        // So that many connections that were refused together do not come back together.
        let jitter = Duration::from_millis(u64::from(self.door.monotonic().subsec_millis() % 100));
        let wait = asked.unwrap_or(Duration::from_millis(300 << (2 * tries.min(2))) + jitter);
        if wait > LONGEST_WAIT || self.left().is_some_and(|left| left <= wait + MARGIN) {
            return false;
        }
        self.door.wait(wait);
        true
    }

    fn readable(&self, doing: Doing, response: Response) -> Result<Response> {
        if is_page(&response) { Err(self.page(doing, &response)) } else { Ok(response) }
    }

    fn unsent(&self, doing: Doing, address: &Address, error: &SendError) -> Failure {
        let host = &self.settings.origin.authority;
        let message = format!("Could not {}: {host}: {error} ({}).", doing.what, address.path());
        match error {
            SendError::NoName(_) | SendError::NotSent(_) => Failure::transient(ProblemKind::Unavailable, message)
                .remedy(format!("Check that the host name {host} is right and that it can be reached from here.")),
            SendError::Tls(_) => Failure::permanent(ProblemKind::Unavailable, message).remedy(format!(
                "The certificate of {host} must be valid for that name and issued by an authority that the engine trusts; behind an inspecting proxy, add the proxy's authority to the engine's."
            )),
            SendError::Denied(_) => Failure::permanent(ProblemKind::Forbidden, message).remedy(format!(
                "Allow {host} in the engine that runs this connector; plain http is allowed to loopback alone, and only where the engine says so."
            )),
            SendError::TimedOut(_) => Failure::transient(ProblemKind::TimedOut, message)
                .remedy("Ask for less at once (a smaller limit, fewer fields), or allow more time."),
            SendError::Broken(_) => Failure::transient(ProblemKind::Unavailable, message),
            SendError::TooLarge(_) => Failure::permanent(ProblemKind::TooLarge, message)
                .remedy("Ask for less at once: a smaller limit, fewer fields, or no expanded children."),
        }
    }

    /// What an error answer means.
    fn refused(&self, doing: Doing, response: &Response) -> Failure {
        let refusal = Refusal::read(response, &self.settings.secrets);
        let status = response.status;
        let told = refusal.told().map_or(String::new(), |told| format!(": {told}"));
        let mut path = String::new();
        if let Some(place) = refusal.path.as_deref().filter(|place| *place != "/") {
            path = format!(" at {place}");
        }
        let message = format!("Could not {}: the pod answered {status}{}{path}{told}", doing.what, meaning(status));
        let wait = response.header("retry-after").and_then(|after| self.retry_after(after));
        let permanent = |kind| Failure::permanent(kind, message.clone());
        let transient = |kind| Failure::transient(kind, message.clone()).retry_after_ms(wait).remedy(later(wait));
        let object = doing.object;
        let mut failure = match status {
            300..=399 => {
                let place = response.header("location").and_then(host_of).map_or(String::new(), |host| format!(" to {host}"));
                self.unexpected(doing, &format!("it redirects{place} ({status})"))
            }
            400 | 409 | 412 | 422 if is_conflict(status, &refusal) => permanent(ProblemKind::Conflict),
            400 | 422 => permanent(ProblemKind::InvalidInput),
            401 => {
                let failure = if self.signer.host_may_renew(self.door.unix_ms()) {
                    transient(ProblemKind::Unauthenticated)
                } else {
                    permanent(ProblemKind::Unauthenticated)
                };
                skewed(failure.remedy(self.signer.remedy()), self.ahead_ms.get().unwrap_or_default())
            }
            403 => permanent(ProblemKind::Forbidden).remedy(format!(
                "The user signs in but lacks the function privilege for {object}. Add a role that grants it (Security Console > Roles), then run the scheduled process User and Roles Synchronization; or the password has expired."
            )),
            404 => permanent(ProblemKind::NotFound).remedy(format!(
                "Either {object} does not exist under this name or key, or the user's roles give no access to it: pods answer 404 for a missing privilege as well."
            )),
            405 | 501 if self.tunnels.get() => permanent(ProblemKind::Unsupported).remedy("PATCH is refused, and so is a POST with X-HTTP-Method-Override: PATCH. Either the resource takes no changes, or a proxy before the pod must be told to let one of them pass."),
            405 | 501 => permanent(ProblemKind::Unsupported),
            413 => permanent(ProblemKind::TooLarge),
            408 => transient(ProblemKind::TimedOut),
            429 => transient(ProblemKind::RateLimited),
            502..=504 => transient(ProblemKind::Unavailable),
            500 if refusal.code.is_none() => transient(ProblemKind::Unavailable),
            _ => permanent(ProblemKind::UnexpectedResponse),
        };
        failure.problem.http_status = Some(status);
        failure.problem.remote_code = refusal.code;
        failure.problem.trace_id = refusal.trace;
        failure
    }

    /// Milliseconds from seconds or an HTTP date (E6), counted on the pod's clock where it tells one.
    fn retry_after(&self, text: &str) -> Option<u64> {
        if let Ok(seconds) = text.trim().parse::<u64>() {
            return seconds.checked_mul(1000);
        }
        let until = time::http_date(text)?.as_millisecond();
        u64::try_from(until.saturating_sub(self.now_ms()).max(0)).ok()
    }
}

fn is_success(response: &Response) -> bool {
    (200..300).contains(&response.status)
}

/// Whether an error answer to a write means that nothing was written. An edge that gave up (502, 504), or a
/// bare 500, says nothing about what the server behind it did (E7).
fn did_nothing(response: &Response, failure: &Failure) -> bool {
    match response.status {
        408 | 502 | 504 => false,
        500 => failure.problem.remote_code.is_some(),
        503 => response.header("retry-after").is_some(),
        _ => true,
    }
}

fn is_conflict(status: u16, refusal: &Refusal) -> bool {
    matches!(status, 409 | 412)
        || matches!(refusal.code.as_deref(), Some("AP-810245" | "POZ-2130479" | "JBO-25014"))
        || refusal.says("another user has changed the row")
}

/// The host in an address, without user name.
pub fn host_of(location: &str) -> Option<String> {
    let rest = location.split_once("://").map(|(_, rest)| rest)?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(crate::text::shorten(host, 100))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
