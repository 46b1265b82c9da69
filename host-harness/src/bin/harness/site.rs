//! Everything that a call needs around it: the connection, its network, its clock, its limits, its session.
//!
//! A site is opened from the flags, worked on, and closed: closing writes the recording and the simulated
//! pod's state, and says whether a script was met, however the work ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use host_harness::clock::{Clock, SystemClock};
use host_harness::connection_file::{ConnectionFile, ConnectionFileError};
use host_harness::contract::types::{Call, Connection, Error, ProblemKind};
use host_harness::exact::{Exact, parse_json};
use host_harness::secrets::Secrets;
use host_harness::state::session::SessionFile;
use host_harness::state::{digest, without_secrets};
use host_harness::transport::Transport;
use host_harness::transport::live::Live;
use host_harness::transport::recorder::Recorder;
use host_harness::transport::replayer::Replayer;
use host_harness::transport::script::Script;
use host_harness::{CallError, Limits, Policy, Run};

use crate::args::Global;
use crate::component::Component;
use crate::ending::{Ending, Exit};
use crate::pod::InProcess;
use crate::signin::Sessions;
use crate::{say, signin, stop};

/// Between tries where the problem does not say: doubled each time, from a second to a minute.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A look for many records beside JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Table,
    Csv,
}

/// A connection with its surroundings.
pub struct Site {
    pub component: Component,
    pub connection: Connection,
    pub run: Run,
    pub call_id: String,
    /// Names the connection without its secrets, for the ids of calls; streams had it, too.
    pub digest: String,
    /// Names the connection for streams: without incidental settings.
    pub identity: String,
    pub sessions: Option<Sessions>,
    pub secrets: Arc<Secrets>,
    pub json: bool,
    /// Whether whoever follows should come to an end.
    pub stopping: stop::Stopping,
    /// How many records are printed, where not as JSON.
    pub shape: Option<Shape>,
    /// Whether a call had to sign in by itself though it had a session.
    died: bool,
    /// Whether a call sent anything.
    sent: bool,
    retries: u32,
    script: Option<Arc<Script>>,
    replayer: Option<Arc<Replayer>>,
    recorder: Option<(Arc<Recorder>, PathBuf)>,
    pod: Option<InProcess>,
}

/// Opens a site, works on it until the work is done or somebody interrupts, and closes it.
///
/// # Errors
/// The [`Ending`] of the work, or of a script that was not met.
pub async fn within(
    component: Component,
    global: &Global,
    connection: &str,
    work: impl AsyncFnOnce(&mut Site) -> Result<(), Ending>,
) -> Result<(), Ending> {
    let mut site = Site::open(component, global, connection)?;
    let stopping = site.stopping.clone();
    let result = {
        let mut work = std::pin::pin!(work(&mut site));
        tokio::select! {
            biased;
            () = stop::asked(global.follow) => {
                if global.follow {
                    stopping.begin();
                    // What is being handed over is acknowledged before the end, so that it does not come again.
                    tokio::time::timeout(stop::GRACE, &mut work).await.unwrap_or(Ok(()))
                } else {
                    Err(Ending::silent(Exit::Interrupted))
                }
            }
            result = &mut work => result,
        }
    };
    site.close(result)
}

impl Site {
    fn open(component: Component, global: &Global, connection: &str) -> Result<Self, Ending> {
        let Connected { settings: known, file, pod } = connected(connection, global)?;
        let settings = known.to_string();
        let form = parse_json(&component.manifest.connection_schema).unwrap_or(Exact::Null);
        let secrets = Arc::new(Secrets::of_connection(&known, &form));
        say::guard(secrets.clone());
        let file = file.map(|file| told_where_open(&file, &secrets, connection, global.json));
        let plain = without_secrets(&known, &|name| secrets.is_secret(name)).to_string();
        let digest = digest(&plain);

        let identity = digest_of(&component, &plain);
        let policy = policy(&component, &settings, global)?;
        let mut clock: Arc<dyn Clock> = match &pod {
            Some(pod) => pod.clock(),
            None => Arc::new(SystemClock::new()),
        };
        let mut call_id = global.call_id.clone().unwrap_or_else(new_call_id);
        let (mut script, mut replayer) = (None, None);
        let mut transport: Arc<dyn Transport> = if let Some(file) = &global.script {
            let tape =
                host_harness::transport::exchange::read(file).map_err(|error| unreadable(file, "script", &error))?;
            let played = Arc::new(Script::new(tape, clock.clone(), secrets.clone()));
            script = Some(played.clone());
            played
        } else if let Some(file) = &global.replay {
            let played =
                Arc::new(Replayer::read(file, secrets.clone()).map_err(|error| unreadable(file, "recording", &error))?);
            clock = Arc::new(played.clock());
            played.call_id().clone_into(&mut call_id);
            replayer = Some(played.clone());
            played
        } else if let Some(pod) = &pod {
            pod.transport()
        } else {
            Arc::new(live(global)?)
        };
        let recorder = global.record.as_ref().map(|file| {
            let recorder = Arc::new(Recorder::new(transport.clone(), clock.clone(), call_id.clone(), secrets.clone()));
            clock = Arc::new(recorder.clock());
            transport = recorder.clone();
            (recorder, file.clone())
        });

        let mocked = script.is_some() || replayer.is_some() || recorder.is_some();
        let sessions = file
            .filter(|_| !mocked)
            .map(|file| Sessions::of(SessionFile::beside(&file, &settings), Arc::clone(&secrets), global.json));
        let defaults = Limits::default();
        let limits = Limits {
            memory: global.max_memory.unwrap_or(defaults.memory),
            deadline: global.timeout.or(defaults.deadline),
            ..defaults
        };
        let mut run = Run::new(transport, policy).on(clock).within(limits);
        if let Some(files) = &global.files {
            // One call at a time runs here: nobody else waits for this thread.
            run = run.with_files(files).inline_files();
        }
        let connection = Connection { settings, session: None };
        let (json, retries) = (global.json, global.retry);
        let shape = if global.csv { Some(Shape::Csv) } else { global.table.then_some(Shape::Table) };
        Ok(Self {
            component,
            connection,
            run,
            call_id,
            digest,
            identity,
            sessions,
            secrets,
            json,
            stopping: stop::Stopping::default(),
            shape,
            died: false,
            sent: false,
            retries,
            script,
            replayer,
            recorder,
            pod,
        })
    }

    /// Makes a call: signs in again where a session has died, and tries transient failures again as often as
    /// the flags allow.
    ///
    /// # Errors
    /// The [`Ending`] of the last try.
    pub async fn call<T>(
        &mut self,
        id: &str,
        call: impl AsyncFn(&Site, &Call) -> Result<T, CallError>,
    ) -> Result<T, Ending> {
        let mut renewed = false;
        let mut attempt = 0;
        if std::mem::take(&mut self.died) {
            // Where that fails the call says why, or signs in by itself.
            let _ = signin::renew(self).await;
        }
        loop {
            let before = self.run.usage();
            let remaining = self.run.limits.deadline.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
            let this = Call { id: id.to_owned(), attempt: attempt + u32::from(renewed), remaining_ms: remaining };
            let called = call(self, &this).await;
            let after = self.run.usage();
            self.sent |= after.requests > before.requests;
            let error = match called {
                Ok(answer) => {
                    self.died = self.connection.session.is_some() && after.unauthenticated > before.unauthenticated;
                    return Ok(answer);
                }
                Err(error) => error,
            };
            if !renewed && is_unauthenticated(&error) && signin::renew(self).await? {
                renewed = true;
                continue;
            }
            let wait = retry_after(&error, attempt).filter(|_| attempt < self.retries);
            let ending = Ending::of_call(&error, &self.run.failures(), self.sent);
            let Some(wait) = wait else { return Err(ending) };
            attempt += 1;
            if let Some(told) = &ending.told {
                say::note(&format!(
                    "try {attempt} of {}: {} Again in {} s.",
                    self.retries + 1,
                    told.paragraph(),
                    wait.as_secs_f32()
                ));
            }
            self.run.clock.wait(wait).await;
        }
    }

    /// The remote system, whoever signs in there.
    pub fn remote(&self) -> String {
        host_harness::policy::remote(&self.component.manifest.connection_schema, &self.connection.settings)
    }

    /// Writes down what was recorded, keeps the pod, and holds the run against its script.
    fn close(self, result: Result<(), Ending>) -> Result<(), Ending> {
        let mut result = result;
        if let Some(pod) = &self.pod {
            let saved = pod.save();
            result = result.and(saved);
        }
        if let Some((recorder, file)) = &self.recorder {
            let saved = recorder.save(file).map_err(|error| {
                let message = format!("the recording {} cannot be written: {error}", file.display());
                Ending::usage(message, "Give a file in an existing folder with --record.")
            });
            result = result.and(saved);
        }
        let unmet = self.script.as_ref().and_then(|script| script.unmet());
        let unmet = unmet.or_else(|| self.replayer.as_ref().and_then(|replayer| replayer.unmet()));
        let Some(unmet) = unmet else { return result };
        let not_met = Ending::told(Exit::NotMet, "script-not-met", unmet, None);
        match result {
            Ok(()) => Err(not_met),
            // The script is not to blame, or has been blamed already.
            Err(ending) if matches!(ending.exit, Exit::Usage | Exit::Broken | Exit::Interrupted) => Err(ending),
            Err(ending) if ending.told.as_ref().is_some_and(|told| told.kind == "script-not-met") => Err(ending),
            Err(ending) => {
                if let Some(told) = &ending.told {
                    say::problem(told, self.json);
                }
                Err(not_met)
            }
        }
    }
}

/// What `--connection` names.
pub struct Connected {
    pub settings: Exact,
    pub file: Option<ConnectionFile>,
    /// The pod in this process, if it is one.
    pod: Option<InProcess>,
}

/// Reads what `--connection` names.
///
/// # Errors
/// An [`Ending`] with 2 where it cannot be read.
pub fn connected(argument: &str, global: &Global) -> Result<Connected, Ending> {
    if argument == "sim" || argument.starts_with("sim:") {
        let pod = InProcess::open(argument.strip_prefix("sim:").map(Path::new), global.scenario.as_deref())?;
        let settings = parse_json(&pod.settings()).unwrap_or(Exact::Null);
        return Ok(Connected { settings, file: None, pod: Some(pod) });
    }
    let mut file = ConnectionFile::read(Path::new(argument)).map_err(|error| {
        let remedy = match &error {
            ConnectionFileError::Unreadable { .. } => {
                "Write a file such as {\"host\": \"…\", \"auth\": {\"type\": \"basic\", \"username\": \"…\", \"password\": \"…\"}}, or give \
                 `--connection sim` for a simulated pod."
            }
            ConnectionFileError::NotJson { .. } => "Give a file with the settings as one JSON object.",
            ConnectionFileError::Reference { remedy, .. } => remedy,
        };
        Ending::usage(error.to_string(), remedy)
    })?;
    let settings = std::mem::replace(&mut file.settings, Exact::Null);
    Ok(Connected { settings, file: Some(file), pod: None })
}

/// Warns of files with secrets that others may read; answers where the connection file is.
pub fn told_where_open(file: &ConnectionFile, secrets: &Secrets, argument: &str, json: bool) -> PathBuf {
    for open in file.readable_by_others(secrets) {
        let shown = open.display();
        let message = format!(
            "{shown} holds a secret, and others on this machine may read it. Keep it to yourself with: chmod 600 {shown}"
        );
        say::aside("readable_by_others", &message, json);
    }
    PathBuf::from(argument)
}

/// Names a connection by its settings without secrets: what is incidental in them does not count.
pub fn digest_of(component: &Component, plain: &str) -> String {
    let settings = host_harness::policy::identity(&component.manifest.connection_schema, plain);
    digest(&settings.unwrap_or_else(|| plain.to_owned()))
}

/// Where the requests of a connection may go.
///
/// # Errors
/// An [`Ending`] with 2 where a setting or a flag names no host.
pub fn policy(component: &Component, settings: &str, global: &Global) -> Result<Policy, Ending> {
    let refused = |error: host_harness::PolicyError| {
        Ending::usage(error.to_string(), "Give --allow-host HOST, or --allow-http 127.0.0.1:PORT.")
    };
    let mut policy = Policy::from_settings(&component.manifest.connection_schema, settings).map_err(refused)?;
    for host in &global.allow_host {
        policy.allow_host(host).map_err(refused)?;
    }
    for authority in &global.allow_http {
        policy.allow_http(authority).map_err(refused)?;
    }
    Ok(policy)
}

/// The real network.
///
/// # Errors
/// An [`Ending`] with 2 for a file that holds no certificates.
pub fn live(global: &Global) -> Result<Live, Ending> {
    if global.ca_file.is_empty() {
        return Ok(Live::new());
    }
    Live::trusting(global.ca_file.clone())
        .map_err(|error| Ending::usage(error.to_string(), "Give a file with PEM certificates with --ca-file."))
}

fn unreadable(file: &Path, what: &str, error: &dyn std::fmt::Display) -> Ending {
    let (file, reason) = (file.display().to_string(), error.to_string());
    let message = match reason.strip_prefix(&file) {
        Some(reason) => format!("the {what} {file}{reason}"),
        None => format!("the {what} {file} cannot be used: {reason}"),
    };
    Ending::usage(message, "A script is a list of {request, response}; a recording is what --record wrote.")
}

/// 128 bits that no other call has.
pub fn new_call_id() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let random = || RandomState::new().hash_one((std::process::id(), std::time::SystemTime::now()));
    format!("call-{:016x}{:016x}", random(), random())
}

fn is_unauthenticated(error: &CallError) -> bool {
    matches!(error, CallError::Problem { error: Error::Transient(problem) } if problem.kind == ProblemKind::Unauthenticated)
}

/// How long to wait before the next try; none where another try does not help.
fn retry_after(error: &CallError, attempt: u32) -> Option<Duration> {
    let CallError::Problem { error: Error::Transient(problem) } = error else { return None };
    let own = FIRST_WAIT.saturating_mul(1 << attempt.min(6)).min(LONGEST_WAIT);
    Some(problem.retry_after_ms.map_or(own, Duration::from_millis))
}
