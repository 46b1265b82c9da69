//! One logical call of a connector: what it is given, what bounds it, how it can end.
//!
//! A [`Run`] says where requests go, whose time it is, what is allowed and how much. Each call gets a fresh
//! instance of the component, so whatever happens in one (a trap, a missed deadline, exhausted memory)
//! leaves nothing behind for the next.

mod broken;
mod call;
mod clocks;
mod files;
mod guest;
mod hooks;
mod inline;
mod memory;
mod stderr;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;

use crate::clock::{Clock, SystemClock};
use crate::policy::Policy;
use crate::transport::{Failure, Timeouts, Transport};

pub use call::CallError;
pub(crate) use guest::{Guest, linker};

/// What bounds a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory of the guest in bytes: all its linear memories and tables together.
    pub memory: usize,
    /// Real time from the start of the call to its answer: computing, waiting for answers, and waits where the
    /// clock is the system's. On a told clock a wait takes no time, and counts as none.
    pub deadline: Option<Duration>,
    /// Instructions, roughly one unit each. Counting them slows a guest down, and the first call that sets it
    /// compiles the component once more; a deadline is the usual choice.
    pub fuel: Option<u64>,
    /// Waiting for the remote system, where the guest does not say how long.
    pub timeouts: Timeouts,
}

impl Default for Limits {
    /// 512 MiB, 15 minutes, no fuel, and the default [`Timeouts`].
    fn default() -> Self {
        Self {
            memory: 512 << 20,
            deadline: Some(Duration::from_secs(15 * 60)),
            fuel: None,
            timeouts: Timeouts::default(),
        }
    }
}

/// What a call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The most memory that the guest held at one time, in bytes; of the greediest call where a run made several.
    pub peak_memory: usize,
    /// Requests that were let through to the transport.
    pub requests: u64,
    /// Answers with the status 401. Where a call succeeded in spite of one, the guest signed in again by itself:
    /// the session that it was given is dead, and is best renewed before the next call.
    pub unauthenticated: u64,
}

/// The surroundings of one logical call, or of several that belong together.
///
/// `failures` and `usage` gather over all calls that are made with it, so a host that wants them for each
/// call makes a `Run` for each; that costs nothing. Clones gather into the same.
#[derive(Clone)]
pub struct Run {
    /// Where requests go once the policy has let them pass.
    pub transport: Arc<dyn Transport>,
    /// Whose time it is, for the guest too.
    pub clock: Arc<dyn Clock>,
    /// What bounds each call.
    pub limits: Limits,
    /// Where requests may go.
    pub policy: Policy,
    /// A directory that the guest sees as `/files`, and may write to.
    pub files: Option<PathBuf>,
    /// Whether the thread that runs the call reads and writes these files itself, 64 KiB at a time. Without it each
    /// piece goes to another thread and back, which takes a third of the time of a bulk import (docs/performance.md)
    /// and keeps a slow disk, or a network that hangs, from holding up what else runs on the thread.
    pub inline_files: bool,
    seen: Arc<Seen>,
}

/// What the host saw of a call from outside the guest.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    inner: Mutex<(Usage, Vec<Failure>)>,
}

/// A guest that tries again and again fails in the same way; the first and the last failures tell the story.
const FAILURES_KEPT: usize = 64;

impl Seen {
    fn with<T>(&self, look: impl FnOnce(&mut Usage, &mut Vec<Failure>) -> T) -> T {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (usage, failures) = &mut *inner;
        look(usage, failures)
    }

    pub(crate) fn failed(&self, failure: Failure) {
        self.with(|_, failures| {
            if failures.len() >= FAILURES_KEPT {
                failures.remove(FAILURES_KEPT / 2);
            }
            failures.push(failure);
        });
    }

    pub(crate) fn sent(&self) {
        self.with(|usage, _| usage.requests += 1);
    }

    pub(crate) fn answered(&self, status: StatusCode) {
        if status == StatusCode::UNAUTHORIZED {
            self.with(|usage, _| usage.unauthenticated += 1);
        }
    }

    pub(crate) fn held(&self, memory: usize) {
        self.with(|usage, _| usage.peak_memory = usage.peak_memory.max(memory));
    }
}

impl Run {
    /// A run on the system's clock, within the default [`Limits`], without files.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, policy: Policy) -> Self {
        Self {
            transport,
            clock: Arc::new(SystemClock::new()),
            limits: Limits::default(),
            policy,
            files: None,
            inline_files: false,
            seen: Arc::default(),
        }
    }

    /// The same on another clock.
    #[must_use]
    pub fn on(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The same within other limits.
    #[must_use]
    pub fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same with a directory that the guest sees as `/files`.
    #[must_use]
    pub fn with_files(mut self, directory: impl Into<PathBuf>) -> Self {
        self.files = Some(directory.into());
        self
    }

    /// The same, its files read and written by the thread that runs the call ([`Run::inline_files`]).
    #[must_use]
    pub fn inline_files(mut self) -> Self {
        self.inline_files = true;
        self
    }

    /// What went wrong on the way to the remote system, oldest first; the guest saw only a code of `wasi:http`
    /// for each, which names neither host nor reason.
    #[must_use]
    pub fn failures(&self) -> Vec<Failure> {
        self.seen.with(|_, failures| failures.clone())
    }

    /// What the calls used.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.seen.with(|usage, _| *usage)
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("limits", &self.limits)
            .field("policy", &self.policy)
            .field("files", &self.files)
            .field("inline_files", &self.inline_files)
            .finish_non_exhaustive()
    }
}
