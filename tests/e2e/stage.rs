//! What every test stands on: the component, and a pod in front of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use fusion_sim::{Options, Pod, Scenario};
use host_harness::clock::{Clock, ToldClock};
use host_harness::contract::actions::Outcome;
use host_harness::contract::connections::Check;
use host_harness::contract::triggers::{PollResult, Receipt, WebhookRequest};
use host_harness::contract::types::{Call, Connection, Error, Problem, Session};
use host_harness::secrets::Secrets;
use host_harness::transport::Transport;
use host_harness::transport::exchange;
use host_harness::transport::mounted::Mounted;
use host_harness::transport::script::Script;
use host_harness::{CallError, Connector, Engine, Policy, Run};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub fn component() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/oracle-fusion.wasm");
    assert!(path.is_file(), "{} is not built: run `cargo xtask build`", path.display());
    path
}

pub fn connector() -> Connector {
    Engine::new().unwrap().load(component()).unwrap()
}

/// The component with what stands at the other end.
pub struct Stage {
    pub connector: Connector,
    pub pod: Option<Pod>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    pub settings: Value,
    pub session: Option<Session>,
}

/// The five ways to sign in.
pub const KINDS: [&str; 5] =
    ["basic", "jwt", "oauth_client_credentials", "oauth_jwt_assertion", "oauth_authorization_code"];
pub const KEY: &str = include_str!("../../connector/src/auth/testdata/rsa.pkcs8.pem");
pub const CERTIFICATE: &str = include_str!("../../connector/src/auth/testdata/certificate.pem");
pub const REDIRECT: &str = "http://127.0.0.1:8765/callback";

/// How a call failed.
#[derive(Debug)]
pub struct Refused {
    pub again: bool,
    pub problem: Problem,
}

impl Stage {
    /// Before a simulated pod with these faults.
    pub fn sim(faults: Value) -> Self {
        Self::of(json!({ "faults": faults }))
    }

    /// Before a simulated pod of this scenario.
    pub fn of(scenario: Value) -> Self {
        let scenario = Scenario::from_value(scenario).unwrap();
        let pod = Pod::new(Options { scenario, ..Options::default() }).unwrap();
        let settings = pod.settings();
        let clock: Arc<dyn Clock> = Arc::new(PodClock(pod.clock()));
        let transport = Arc::new(Mounted::new(pod.router()).on(clock.clone()));
        Self { connector: connector(), pod: Some(pod), transport, clock, settings, session: None }
    }

    /// Before a simulated pod that knows our certificate, signed in in one of the [`KINDS`]; a browser has been
    /// there where the kind needs one.
    pub fn of_kind(kind: &str, faults: Value) -> Self {
        let mut stage = Self::sim(faults);
        let pod = stage.pod.as_ref().unwrap();
        pod.trust(fusion_sim::ISSUER, CERTIFICATE).unwrap();
        pod.trust_client("sim-client", CERTIFICATE).unwrap();
        stage.settings = pod.settings_for(kind, &format!("https://{}", fusion_sim::IDENTITY_HOST)).unwrap();
        if matches!(kind, "jwt" | "oauth_jwt_assertion") {
            stage.settings["auth"]["private_key"] = KEY.into();
            stage.settings["auth"]["certificate_fingerprint"] = CERTIFICATE.into();
        }
        if kind == "oauth_authorization_code" {
            let (keep, query) = stage.browse();
            stage.session = Some(stage.complete(&keep, &query).unwrap());
        }
        stage
    }

    /// Sends the browser to the identity domain; answers what to keep and the query with which it comes back.
    pub fn browse(&self) -> (String, String) {
        let settings = self.settings.to_string();
        let sent = wait(self.connector.authorize_url(&self.host_run(), &settings, REDIRECT)).unwrap();
        let request = http::Request::get(sent.url).body(Body::empty()).unwrap();
        let response = wait(self.pod.as_ref().unwrap().router().oneshot(request)).unwrap();
        let back = response.headers()["location"].to_str().unwrap();
        (sent.keep, back.strip_prefix(REDIRECT).unwrap().trim_start_matches('?').to_owned())
    }

    pub fn complete(&self, keep: &str, query: &str) -> Result<Session, Refused> {
        let (run, settings) = (self.host_run(), self.settings.to_string());
        wait(self.connector.complete_authorization(&run, &settings, REDIRECT, keep, query)).map_err(refused)
    }

    pub fn authenticate(&self) -> Result<Session, Refused> {
        wait(self.connector.authenticate(&self.host_run(), &self.connection())).map_err(refused)
    }

    /// The checks of the connection, the session handed in.
    pub fn checks(&self) -> Vec<Check> {
        wait(self.connector.test(&self.host_run(), &self.connection())).unwrap().checks
    }

    /// Before a script of `tests/scripts`; the second value tells what of it was not met.
    pub fn script(file: &str) -> (Self, Arc<Script>) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(file);
        Self::tape(exchange::read(&path).unwrap())
    }

    fn tape(tape: exchange::Tape) -> (Self, Arc<Script>) {
        let clock = Arc::new(ToldClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
        let script = Arc::new(Script::new(tape, clock.clone(), Arc::new(Secrets::default())));
        let settings =
            json!({"host": "pod.fa.us2.example", "auth": {"type": "basic", "username": "u", "password": "hunter22"}});
        let transport = script.clone();
        (Self { connector: connector(), pod: None, transport, clock, settings, session: None }, script)
    }

    /// Looks at each request on its way.
    pub fn through(mut self, tap: impl Fn(&http::Request<TransportBody>) + Send + Sync + 'static) -> Self {
        self.transport = Arc::new(Tap { look: Box::new(tap), next: self.transport });
        self
    }

    /// Puts something on the way to the pod.
    pub fn over(mut self, wrap: impl FnOnce(Arc<dyn Transport>) -> Arc<dyn Transport>) -> Self {
        self.transport = wrap(self.transport);
        self
    }

    /// From now on these go wrong.
    pub fn faults(&self, faults: Value) {
        let scenario = Scenario::from_value(json!({ "faults": faults })).unwrap();
        self.pod.as_ref().unwrap().set_scenario(scenario).unwrap();
    }

    pub fn setting(mut self, name: &str, value: Value) -> Self {
        self.settings[name] = value;
        self
    }

    pub fn signed_in_as(mut self, username: &str, password: &str) -> Self {
        self.settings["auth"] = json!({"type": "basic", "username": username, "password": password});
        self
    }

    pub fn host_run(&self) -> Run {
        let schema = oracle_fusion::manifest().connection_schema;
        let policy = Policy::from_settings(&schema, &self.settings.to_string()).unwrap();
        Run::new(self.transport.clone(), policy).on(self.clock.clone())
    }

    pub fn connection(&self) -> Connection {
        Connection { settings: self.settings.to_string(), session: self.session.clone() }
    }

    /// Runs an action; answers the output as text.
    pub fn text(&self, action: &str, input: &str) -> Result<String, Refused> {
        self.attempt(0, action, input)
    }

    fn attempt(&self, attempt: u32, action: &str, input: &str) -> Result<String, Refused> {
        let call = Call { id: "test".into(), attempt, remaining_ms: None };
        let run = self.host_run();
        match wait(self.connector.invoke(&run, &self.connection(), &call, action, input)) {
            Ok(Outcome::Done(output)) => Ok(output),
            Ok(Outcome::Pending(job)) => panic!("it pends: {}", job.status),
            Err(error) => Err(refused(error)),
        }
    }

    pub fn run(&self, action: &str, input: Value) -> Result<Value, Refused> {
        Ok(serde_json::from_str(&self.text(action, &input.to_string())?).unwrap())
    }

    /// The same call once more.
    pub fn again(&self, action: &str, input: Value) -> Result<Value, Refused> {
        Ok(serde_json::from_str(&self.attempt(1, action, &input.to_string())?).unwrap())
    }

    /// Follows the cursors of a search to its end.
    pub fn search(&self, input: Value) -> (Vec<Value>, Vec<Value>) {
        let (mut rows, mut warnings, mut input) = (Vec::new(), Vec::new(), input);
        for _ in 0..2000 {
            let output = self.run("search_records", input.clone()).unwrap();
            rows.extend(output["result"].as_array().unwrap().iter().cloned());
            warnings.extend(output["warnings"].as_array().into_iter().flatten().cloned());
            if output["next_cursor"].is_null() {
                return (rows, warnings);
            }
            input["cursor"] = output["next_cursor"].clone();
        }
        panic!("the search has no end");
    }

    pub fn poll(&self, trigger: &str, input: &Value, cursor: Option<&str>) -> Result<PollResult, Refused> {
        let call = Call { id: "test".into(), attempt: 0, remaining_ms: None };
        let run = self.host_run();
        let (connection, input) = (self.connection(), input.to_string());
        wait(self.connector.poll(&run, &connection, &call, trigger, &input, cursor)).map_err(refused)
    }

    /// Hands a trigger what somebody sent by POST.
    pub fn receive(&self, trigger: &str, input: &Value, body: &str) -> Result<Receipt, Refused> {
        let request = WebhookRequest {
            method: "POST".into(),
            path_with_query: "/hook".into(),
            headers: Vec::new(),
            body: body.into(),
        };
        let call = Call { id: "receive".into(), attempt: 0, remaining_ms: None };
        let (run, connection, input) = (self.host_run(), self.connection(), input.to_string());
        wait(self.connector.receive(&run, &connection, &call, trigger, &input, &request)).map_err(refused)
    }

    /// What reached the simulated pod: method and path with query.
    pub fn arrived(&self) -> Vec<String> {
        let log = self.pod.as_ref().unwrap().log();
        log.iter().map(|exchange| format!("{} {}?{}", exchange.method, exchange.path, exchange.query)).collect()
    }
}

pub fn refused(error: CallError) -> Refused {
    match error {
        CallError::Problem { error: Error::Transient(problem) } => Refused { again: true, problem },
        CallError::Problem { error: Error::Permanent(problem) } => Refused { again: false, problem },
        other => panic!("{other}"),
    }
}

/// Runs on a runtime of its own.
pub fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Numbers of a column, in order.
pub fn column(rows: &[Value], name: &str) -> Vec<String> {
    rows.iter().map(|row| row[name].to_string()).collect()
}

type TransportBody = host_harness::transport::Body;

struct Tap {
    look: Box<dyn Fn(&http::Request<TransportBody>) + Send + Sync>,
    next: Arc<dyn Transport>,
}

impl Transport for Tap {
    fn send(
        &self,
        request: http::Request<TransportBody>,
        timeouts: host_harness::transport::Timeouts,
    ) -> futures::future::BoxFuture<'static, Result<http::Response<TransportBody>, host_harness::transport::Failure>>
    {
        (self.look)(&request);
        self.next.send(request, timeouts)
    }
}

/// The pod's clock as the host's.
struct PodClock(fusion_sim::Clock);

impl Clock for PodClock {
    fn now(&self) -> jiff::Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> std::time::Duration {
        let since = self.0.now().as_microsecond();
        std::time::Duration::from_micros(u64::try_from(since).unwrap())
    }

    fn wait(&self, duration: std::time::Duration) -> futures::future::BoxFuture<'static, ()> {
        self.0.advance(duration);
        Box::pin(std::future::ready(()))
    }

    fn sleeps(&self) -> bool {
        false
    }
}
