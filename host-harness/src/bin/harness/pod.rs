//! The simulated pod in this process: opened from a file or made anew, mounted without sockets, kept again.
//!
//! A pod that is kept in a file is one command's at a time, from its opening to its end: of two that had read the
//! same rows, the later would write over what the earlier did.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fusion_sim::{Options, Pod, Scenario};
use futures::future::BoxFuture;
use host_harness::clock::Clock;
use host_harness::exact::{parse_json, parse_yaml};
use host_harness::file::replace;
use host_harness::transport::Transport;
use host_harness::transport::mounted::Mounted;
use jiff::Timestamp;

use crate::ending::Ending;

/// How long a command waits for the one before it: most are done in a second or two, one that follows is not.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks whether the file is free.
const LOOK: Duration = Duration::from_millis(50);

/// A pod, and the file that it is kept in.
pub struct InProcess {
    pod: Pod,
    clock: PodClock,
    file: Option<PathBuf>,
    /// Given up with the pod.
    _turn: Option<File>,
}

impl InProcess {
    /// The pod that is kept in `file`, or a new one where there is no file yet.
    ///
    /// # Errors
    /// An [`Ending`] with 2 for a file that holds no pod, cannot be locked or is another command's for too long, or a
    /// scenario that does not fit.
    pub fn open(file: Option<&Path>, scenario: Option<&Path>) -> Result<Self, Ending> {
        let wanted = scenario.map(read_scenario).transpose()?;
        let turn = file.map(turn).transpose()?;
        let kept = match file {
            Some(file) if file.exists() => Some(kept_in(file)?),
            _ => None,
        };
        let pod = match (kept, wanted) {
            (Some(pod), None) => pod,
            (Some(pod), Some(scenario)) => {
                pod.set_scenario(scenario).map_err(|error| refused(&error))?;
                pod
            }
            (None, scenario) => make(Options { scenario: scenario.unwrap_or_default(), ..Options::default() })?,
        };
        let clock = PodClock { start: pod.clock().now(), clock: pod.clock() };
        Ok(Self { pod, clock, file: file.map(Path::to_owned), _turn: turn })
    }

    /// Settings of a connection that it lets in.
    pub fn settings(&self) -> String {
        self.pod.settings().to_string()
    }

    /// The way to it.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(Mounted::new(self.pod.router()).on(self.clock()))
    }

    /// Its clock, which waits advance.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    /// Keeps it in its file, if it has one.
    ///
    /// # Errors
    /// An [`Ending`] where the file cannot be written.
    pub fn save(&self) -> Result<(), Ending> {
        let Some(file) = &self.file else { return Ok(()) };
        let bytes = self.pod.save().map_err(|error| not_kept(file, &error))?;
        replace(file, &bytes, 0o644).map_err(|error| not_kept(file, &error))
    }
}

fn not_kept(file: &Path, reason: &dyn std::fmt::Display) -> Ending {
    let message = format!("the simulated pod cannot be kept in {}: {reason}", file.display());
    Ending::usage(message, "Give a file in a folder that can be written.")
}

/// Waits for the right to use a pod's file. The lock is on a file beside it, since the file itself is replaced.
fn turn(file: &Path) -> Result<File, Ending> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".lock");
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(beside);
    let lock = lock.map_err(|error| not_kept(file, &error))?;
    let began = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => std::thread::sleep(LOOK),
            Err(TryLockError::WouldBlock) => {
                let message = format!(
                    "another command uses the simulated pod in {}, and did not end within {} s; nothing was done",
                    file.display(),
                    PATIENCE.as_secs()
                );
                return Err(Ending::usage(message, "Wait for it to end, or give each its own file after `sim:`."));
            }
            Err(TryLockError::Error(error)) => return Err(not_kept(file, &error)),
        }
    }
}

/// A new pod.
///
/// # Errors
/// An [`Ending`] with 2 where the options do not fit.
pub fn make(options: Options) -> Result<Pod, Ending> {
    Pod::new(options).map_err(|error| refused(&error))
}

/// Reads a scenario from YAML or JSON.
///
/// # Errors
/// An [`Ending`] with 2 where it cannot be read or does not fit.
pub fn read_scenario(file: &Path) -> Result<Scenario, Ending> {
    let wrong = |reason: String| {
        let message = format!("the scenario {} cannot be used: {reason}", file.display());
        Ending::usage(message, "It is YAML or JSON such as {\"faults\": [{\"name\": \"E6\", \"times\": 2}]}.")
    };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let value = parse_json(&text).or_else(|_| parse_yaml(&text)).map_err(|error| wrong(error.to_string()))?;
    let value = serde_json::from_str(&value.to_string()).map_err(|error| wrong(error.to_string()))?;
    Scenario::from_value(value).map_err(|error| wrong(error.to_string()))
}

fn kept_in(file: &Path) -> Result<Pod, Ending> {
    let wrong = |reason: String| {
        let message = format!("{} holds no simulated pod: {reason}", file.display());
        Ending::usage(message, "Give another file after `sim:`; it is made where it is missing.")
    };
    let bytes = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    Pod::open(&bytes).map_err(|error| wrong(error.to_string()))
}

fn refused(error: &dyn std::fmt::Display) -> Ending {
    Ending::usage(format!("there is no such simulated pod: {error}"), "Change the scenario or the number of invoices.")
}

/// The pod's clock as the host's.
#[derive(Clone)]
struct PodClock {
    start: Timestamp,
    clock: fusion_sim::Clock,
}

impl Clock for PodClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        Duration::try_from(self.clock.now().duration_since(self.start)).unwrap_or_default()
    }

    fn wait(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        let until = clock.monotonic().saturating_add(duration);
        Box::pin(async move {
            // Two who wait side by side for a second wait one second, not two.
            clock.clock.advance(until.saturating_sub(clock.monotonic()));
        })
    }

    fn sleeps(&self) -> bool {
        false
    }
}
