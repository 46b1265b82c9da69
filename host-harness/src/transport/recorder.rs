//! A run written down while it happens, so that it can be replayed without the remote system.
//!
//! The recording holds each request and its answer in full, the clock and the call id, and no secret: headers
//! with credentials are left out, and every known spelling of a secret is replaced, also of one that was
//! learnt after it had passed. So that a replay sees the same times, the recorded guest does too: its clock
//! stands still but for answers and waits.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, Full, StreamBody};
use jiff::Timestamp;

use super::exchange::{Answer, Content, Exchange, Expected, Sent, Tape, pairs, write};
use super::{Body, Failure, Timeouts, Transport};
use crate::clock::Clock;
use crate::exact::Exact;
use crate::file::replace;
use crate::secrets::{SECRET_HEADERS, Secrets};

/// Headers that belong to one connection, or that a replay works out anew.
const OF_THE_WIRE: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A clock that stands still but for [`step`](SteppedClock::step) and waits. Clones share the time.
#[derive(Clone)]
pub struct SteppedClock {
    inner: Arc<dyn Clock>,
    at: Arc<Mutex<(Timestamp, Duration)>>,
}

impl SteppedClock {
    /// A clock that stands where `inner` does now.
    #[must_use]
    pub fn over(inner: Arc<dyn Clock>) -> Self {
        let at = Arc::new(Mutex::new((inner.now(), Duration::ZERO)));
        Self { inner, at }
    }

    /// Moves on to the time of the clock below; never back.
    pub fn step(&self) -> Timestamp {
        let now = self.inner.now();
        let mut at = self.at();
        if let Ok(passed) = Duration::try_from(now.duration_since(at.0)) {
            *at = (now, at.1.saturating_add(passed));
        }
        at.0
    }

    fn at(&self) -> MutexGuard<'_, (Timestamp, Duration)> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        self.at().0
    }

    fn monotonic(&self) -> Duration {
        self.at().1
    }

    fn wait(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        let until = clock.monotonic().saturating_add(duration);
        Box::pin(async move {
            clock.inner.wait(duration).await;
            // By exactly what was asked for, as the clock of a replay does.
            let mut at = clock.at();
            let left = until.saturating_sub(at.1);
            *at = (at.0.saturating_add(left).unwrap_or(Timestamp::MAX), at.1.saturating_add(left));
        })
    }

    fn sleeps(&self) -> bool {
        self.inner.sleeps()
    }
}

/// A [`Transport`] that hands on to another and remembers what passed.
pub struct Recorder {
    inner: Arc<dyn Transport>,
    clock: SteppedClock,
    started_at: Timestamp,
    call_id: String,
    secrets: Arc<Secrets>,
    passed: Arc<Mutex<Vec<Option<Passed>>>>,
}

/// One exchange as it was, secrets and all; never leaves memory like this.
struct Passed {
    sent: Sent,
    answered_at: Timestamp,
    answer: Received,
}

enum Received {
    Whole { status: u16, headers: Vec<(String, String)>, body: Bytes, broke: bool },
    Nothing(Failure),
}

impl Recorder {
    /// Records what passes on its way to `inner`, for the call `call_id`.
    #[must_use]
    pub fn new(inner: Arc<dyn Transport>, clock: Arc<dyn Clock>, call_id: String, secrets: Arc<Secrets>) -> Self {
        let clock = SteppedClock::over(clock);
        let started_at = clock.now();
        Self { inner, clock, started_at, call_id, secrets, passed: Arc::default() }
    }

    /// The clock to run the guest on while it is recorded.
    #[must_use]
    pub fn clock(&self) -> SteppedClock {
        self.clock.clone()
    }

    /// What was recorded up to now, without secrets. An exchange that is still under way is left out.
    #[must_use]
    pub fn tape(&self) -> Tape {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        for exchange in passed.iter().flatten() {
            learn(exchange, &self.secrets);
        }
        Tape {
            call_id: Some(self.call_id.clone()),
            started_at: Some(self.started_at),
            any_order: false,
            exchanges: passed.iter().flatten().map(|exchange| written(exchange, &self.secrets)).collect(),
        }
    }

    /// Writes the recording, all of it or nothing.
    ///
    /// # Errors
    /// The system's, where the file cannot be written.
    pub fn save(&self, file: &Path) -> std::io::Result<()> {
        let text = self.secrets.clean(&write(&self.tape()));
        replace(file, text.as_bytes(), 0o644)
    }
}

impl Transport for Recorder {
    fn send(
        &self,
        request: http::Request<Body>,
        timeouts: Timeouts,
    ) -> BoxFuture<'static, Result<http::Response<Body>, Failure>> {
        let (inner, clock, passed) = (self.inner.clone(), self.clock.clone(), self.passed.clone());
        Box::pin(async move {
            let (sent, mut parts) = Sent::of(request).await?;
            // In a packed answer no secret could be found.
            parts.headers.remove(http::header::ACCEPT_ENCODING);
            // The place in the recording is that of the request, whichever answer comes first.
            let index = {
                let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
                passed.push(None);
                passed.len() - 1
            };
            let remember = |answer: Received, answered_at: Timestamp| {
                let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(place) = passed.get_mut(index) {
                    *place = Some(Passed { sent: sent.clone(), answered_at, answer });
                }
            };
            let body = Full::new(sent.body.clone()).map_err(|never| match never {}).boxed_unsync();
            let response = match inner.send(http::Request::from_parts(parts, body), timeouts).await {
                Ok(response) => response,
                Err(failure) => {
                    remember(Received::Nothing(failure.clone()), clock.step());
                    return Err(failure);
                }
            };
            let (head, mut body) = response.into_parts();
            let mut bytes = BytesMut::new();
            let mut broke = None;
            while let Some(frame) = body.frame().await {
                match frame {
                    Ok(frame) => bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data.as_ref())),
                    Err(failure) => {
                        broke = Some(failure);
                        break;
                    }
                }
            }
            let bytes = bytes.freeze();
            let headers = head.headers.iter().map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            });
            let received = Received::Whole {
                status: head.status.as_u16(),
                headers: headers.collect(),
                body: bytes.clone(),
                broke: broke.is_some(),
            };
            remember(received, clock.step());
            let body = match broke {
                Some(failure) => {
                    StreamBody::new(futures::stream::iter([Ok(http_body::Frame::data(bytes)), Err(failure)]))
                        .boxed_unsync()
                }
                None => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
            };
            Ok(http::Response::from_parts(head, body))
        })
    }
}

/// Takes note of every secret that passed, so that it is also found where it passed earlier.
fn learn(exchange: &Passed, secrets: &Secrets) {
    let mut bodies = vec![&exchange.sent.body];
    let mut headers: Vec<_> = exchange.sent.headers.iter().collect();
    if let Received::Whole { headers: more, body, .. } = &exchange.answer {
        bodies.push(body);
        headers.extend(more);
    }
    for (name, value) in headers {
        secrets.learn_header(name, value);
    }
    if exchange.sent.is_form() {
        for (name, value) in pairs(&String::from_utf8_lossy(&exchange.sent.body)) {
            if crate::secrets::is_secret_name(&name) {
                secrets.learn(&value);
            }
        }
    }
    for text in bodies.into_iter().filter_map(|body| std::str::from_utf8(body).ok()) {
        secrets.learn_json(text);
    }
}

fn written(exchange: &Passed, secrets: &Secrets) -> Exchange {
    let sent = &exchange.sent;
    let kept = |(name, value): &(String, String)| {
        let keep = !SECRET_HEADERS.contains(&name.as_str()) && !OF_THE_WIRE.contains(&name.as_str());
        keep.then(|| (name.clone(), secrets.clean(value)))
    };
    let request = Expected {
        method: Some(sent.method.clone()),
        host: Some(secrets.clean(&sent.authority)),
        path: Some(secrets.clean(&sent.path)),
        query: Some(secrets.clean_pairs(&sent.query)),
        headers: sent.headers.iter().filter_map(kept).map(|(name, value)| (name, Some(value))).collect(),
        body: if sent.is_form() { form(sent, secrets) } else { Content::of_bytes(&secrets.clean_bytes(&sent.body)) },
    };
    let response = match &exchange.answer {
        Received::Nothing(failure) => Answer { failure: Some(failure.clone()), ..Answer::default() },
        Received::Whole { status, headers, body, broke } => {
            let body = secrets.clean_bytes(body);
            Answer {
                status: *status,
                headers: headers.iter().filter_map(kept).collect(),
                break_after: broke.then_some(body.len()),
                body: Content::of_bytes(&body),
                ..Answer::default()
            }
        }
    };
    Exchange { clock: Some(exchange.answered_at), request, response }
}

/// A form by its fields, so that a person can read it; a name that stands twice gets a list.
fn form(sent: &Sent, secrets: &Secrets) -> Option<Content> {
    let mut members: Vec<(String, Exact)> = Vec::new();
    for (name, value) in secrets.clean_pairs(&pairs(&String::from_utf8_lossy(&sent.body))) {
        match members.iter_mut().find(|(known, _)| *known == name) {
            Some((_, Exact::Array(values))) => values.push(Exact::Text(value)),
            Some((_, one)) => *one = Exact::Array(vec![one.clone(), Exact::Text(value)]),
            None => members.push((name, Exact::Text(value))),
        }
    }
    (!members.is_empty()).then_some(Content::Json(Exact::Object(members)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::clock::ToldClock;
    use crate::transport::exchange::parse;
    use crate::transport::replayer::Replayer;
    use crate::transport::script::Script;

    const PASSWORD: &str = "Tr0ub4dor&3 é";

    /// A pod that signs in by a token, hands out records and echoes what it should not.
    fn pod(clock: &ToldClock) -> Arc<dyn Transport> {
        let basic = STANDARD.encode(format!("casey:{PASSWORD}"));
        let script = format!(
            r#"[
            {{"response": {{"delay_ms": 250, "body": {{"access_token": "tok.en-0123456789", "expires_in": 3600}}}}}},
            {{"response": {{"headers": {{"Set-Cookie": "S=0123456789abcdef0123", "X-Echo": "tok.en-0123456789"}},
                           "body": "{{ \"id\": 300000012345678901,\n  \"echo\": \"Tr0ub4dor&3 \\u00e9 {basic} 0123456789abcdef0123\" }}"}}}},
            {{"response": {{"body": "half", "break_after": 4}}}},
            {{"response": {{"failure": "timed-out"}}}}]"#
        );
        Arc::new(Script::new(parse(&script, Path::new("")).unwrap(), Arc::new(clock.clone()), Arc::default()))
    }

    fn secrets() -> Arc<Secrets> {
        let secrets = Secrets::default();
        secrets.learn(PASSWORD);
        Arc::new(secrets)
    }

    /// The requests of one run, whichever transport answers; what came back, and when.
    async fn run(transport: &dyn Transport, clock: &dyn Clock, client_secret: &str) -> Vec<String> {
        let mut seen = Vec::new();
        let form = format!("grant_type=client_credentials&client_secret={client_secret}&scope=a+b");
        let asks = [
            ("POST", "http://pod/token", form.as_str(), "application/x-www-form-urlencoded"),
            ("GET", "http://pod/api?q=A%3D1&limit=2", "", "application/json"),
            ("POST", "http://pod/api", "{\"amount\":0.10}", "application/json"),
            ("GET", "http://pod/last", "", "application/json"),
        ];
        for (method, uri, body, content_type) in asks {
            let body =
                Full::new(Bytes::copy_from_slice(body.as_bytes())).map_err(|never| match never {}).boxed_unsync();
            let request = http::Request::builder().method(method).uri(uri);
            let request = request
                .header("content-type", content_type)
                .header("authorization", "Bearer self.signed.token")
                .body(body)
                .unwrap();
            clock.wait(Duration::from_millis(10)).await;
            seen.push(match transport.send(request, Timeouts::default()).await {
                Ok(response) => match response.into_body().collect().await {
                    Ok(body) => String::from_utf8(body.to_bytes().to_vec()).unwrap(),
                    Err(failure) => failure.to_string(),
                },
                Err(failure) => failure.to_string(),
            });
            seen.push(format!("{} {:?}", clock.now(), clock.monotonic()));
        }
        seen
    }

    #[tokio::test]
    async fn a_recording_holds_no_secret_and_replays_the_same() {
        let told = ToldClock::at("2026-01-31T00:00:00.123456789Z".parse().unwrap());
        let recorder = Recorder::new(pod(&told), Arc::new(told.clone()), "call-1".to_owned(), secrets());
        let clock = recorder.clock();
        let first = run(&recorder, &clock, "s3cr3t-of-the-client").await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tape.json");
        recorder.save(&file).unwrap();

        let text = std::fs::read_to_string(&file).unwrap();
        let basic = STANDARD.encode(format!("casey:{PASSWORD}"));
        for secret in [
            PASSWORD,
            "\\u00e9",
            &basic,
            "s3cr3t-of-the-client",
            "tok.en-0123456789",
            "self.signed.token",
            "0123456789abcdef0123",
            "uthorization",
            "ookie",
        ] {
            assert!(!text.contains(secret), "{secret} is in the recording:\n{text}");
        }
        assert!(text.contains("\"grant_type\": \"client_credentials\"") && text.contains("\"amount\": 0.10"), "{text}");

        let replayer = Replayer::read(&file, secrets()).unwrap();
        assert_eq!(replayer.call_id(), "call-1");
        let again = run(&replayer, &replayer.clock(), "another-secret-now").await;
        assert_eq!(replayer.unmet(), None);
        let clean = |seen: &[String]| seen.iter().map(|text| recorder.secrets.clean(text)).collect::<Vec<_>>();
        assert_eq!(clean(&again), clean(&first));
    }

    #[tokio::test]
    async fn a_replay_refuses_another_request() {
        let told = ToldClock::at("2026-01-31T00:00:00Z".parse().unwrap());
        let recorder = Recorder::new(pod(&told), Arc::new(told), "call-1".to_owned(), secrets());
        run(&recorder, &recorder.clock(), "x").await;
        let replayer =
            Replayer::new(recorder.tape(), "call-1".to_owned(), "2026-01-31T00:00:00Z".parse().unwrap(), secrets());
        let body = Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync();
        let request = http::Request::get("http://pod/api?q=A%3D2&limit=2").body(body).unwrap();
        let failure = replayer.send(request, Timeouts::default()).await.unwrap_err().to_string();
        assert!(
            failure.contains("the recording is not met") && failure.contains("- q=A=1") && failure.contains("+ q=A=2"),
            "{failure}"
        );
    }

    #[test]
    fn a_script_is_no_recording() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script.json");
        std::fs::write(&file, "[]").unwrap();
        assert!(Replayer::read(&file, secrets()).is_err_and(|error| error.to_string().contains("no `call_id`")));
    }
}
