//! A request, looked at: its state, its jobs, and when to look again (FACTS 3.3, 3.4; T5-T8).
//!
//! One look is at most three reads. PAUSED and states that nobody knows go on; faults that pass are counted
//! and not told; a request that `erpintegrations` does not know is asked of the scheduler.

use serde::{Deserialize, Serialize};

use super::mark::Later;
use super::state::{self, End};
use super::tree::Tree;
use super::{find, told};
use crate::contract::ProblemKind;
use crate::fusion::ess;
use crate::fusion::pod::Pod;
use crate::problem::{Failure, Result};
use crate::text::shorten;

/// Looks in a row that may fail, or find nothing, before that is told.
const FAULTS: u32 = 10;
/// The shortest and the longest wait between two looks, in milliseconds.
const WAITS: (i64, i64) = (2_000, 180_000);
/// Loads and imports of one file end within a day, or they never do.
const DEADLINE_MINUTES: u32 = 24 * 60;
/// A wait that is worth explaining (FACTS 3.4: 20 minutes).
const STUCK_MS: i64 = 20 * 60 * 1000;

/// What a look found.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// State, as [`state::spelt`]; empty where nobody knows the request.
    pub state: String,
    /// Its jobs, where it is a load that told them.
    pub tree: Option<Tree>,
    /// What the scheduler tells, where it was asked.
    pub request: Option<ess::Request>,
}

/// Looks once.
///
/// # Errors
/// Those of a read.
pub fn look(pod: &Pod, id: &str, with_tree: bool) -> Result<Look> {
    let what = format!("read the state of request {}", shorten(id, 20));
    let rows = find(pod, &what, "ESSJobStatusRF", &[("requestId", id)])?;
    let mut look = Look {
        state: state::spelt(&rows.first().and_then(|row| told(row.get(), "RequestStatus")).unwrap_or_default()),
        ..Look::default()
    };
    if look.state.is_empty() {
        look.request = ess::request(pod, id)?;
        look.state = look.request.as_ref().map(|request| request.state.clone()).unwrap_or_default();
    } else if with_tree {
        // The state alone is enough to go on with.
        look.tree = tree(pod, id).unwrap_or_default();
    }
    Ok(look)
}

/// The jobs of a load.
///
/// # Errors
/// Those of a read.
pub fn tree(pod: &Pod, id: &str) -> Result<Option<Tree>> {
    let what = format!("read the jobs of request {}", shorten(id, 20));
    let rows = find(pod, &what, "ESSExecutionDetailsRF", &[("requestId", id)])?;
    Ok(rows.first().and_then(|row| told(row.get(), "RequestStatus")).and_then(|text| Tree::read(&text)))
}

/// A request that is waited for, from step to step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Watch {
    /// Its id.
    pub id: String,
    /// When it was begun to wait for, in milliseconds on the pod's clock.
    since: i64,
    /// Since when it is in its state.
    in_state: i64,
    state: String,
    /// Looks in a row that failed or found nothing.
    faults: u32,
    /// Progress never goes back.
    progress: u8,
}

/// What became of a request that is waited for.
pub enum Seen {
    /// It goes on.
    Going(Later),
    /// It ended.
    Ended(End, Box<Look>),
}

impl Watch {
    /// From now on.
    pub fn new(pod: &Pod, id: &str) -> Self {
        let now = pod.now_ms();
        Self { id: id.to_owned(), since: now, in_state: now, state: String::new(), faults: 0, progress: 0 }
    }

    /// When to look for the first time.
    pub fn first(&self, what: &str) -> Later {
        Later {
            status: format!("{what}: request {} is submitted", self.id),
            progress: Some(self.progress),
            wait_ms: WAITS.0.unsigned_abs(),
        }
    }

    /// Looks once. `jobs` is how many jobs a load has, 0 where it is not a load.
    ///
    /// # Errors
    /// Those of a read that do not pass; `not-found` where nobody knows the request; `timed-out` at the
    /// deadline.
    pub fn look(&mut self, pod: &Pod, what: &str, jobs: usize, minutes: Option<u32>) -> Result<Seen> {
        let look = match look(pod, &self.id, jobs > 0) {
            Ok(look) if look.state.is_empty() => {
                self.faults += 1;
                if self.faults > FAULTS {
                    return Err(self.nobody_knows());
                }
                None
            }
            Ok(look) => {
                self.faults = 0;
                Some(look)
            }
            Err(failure) if passes(&failure) && self.faults < FAULTS => {
                self.faults += 1;
                None
            }
            Err(mut failure) => {
                // What may pass while looking is worth another look: nothing is sent by it.
                failure.again |= passes(&failure);
                return Err(failure.or_remedy(|| {
                    format!("The request {} goes on by itself; get_ess_job tells how it ends.", self.id)
                }));
            }
        };
        let now = pod.now_ms();
        if let Some(look) = look {
            if look.state != self.state {
                self.state.clone_from(&look.state);
                self.in_state = now;
            }
            if let Some(end) = state::end(&look.state) {
                return Ok(Seen::Ended(end, Box::new(look)));
            }
            if let Some(tree) = &look.tree {
                let all = jobs.max(tree.jobs.len()).max(1);
                let per_cent = u8::try_from(tree.ended() * 100 / all).unwrap_or(100);
                self.progress = self.progress.max(per_cent.min(95));
            }
            let passed = now.saturating_sub(self.since);
            if passed > i64::from(minutes.unwrap_or(DEADLINE_MINUTES)).saturating_mul(60_000) {
                return Err(self.too_long(what, passed));
            }
            return Ok(Seen::Going(self.later(what, now, look.tree.as_ref())));
        }
        Ok(Seen::Going(self.later(what, now, None)))
    }

    fn later(&self, what: &str, now: i64, tree: Option<&Tree>) -> Later {
        let state = if self.state.is_empty() { "not known yet" } else { self.state.as_str() };
        let mut status = format!("{what}: request {} is {state}", self.id);
        let running = tree.map(|tree| tree.jobs.iter().skip(1).filter(|job| state::end(&job.state).is_none()));
        let names: Vec<String> =
            running.into_iter().flatten().take(3).map(|job| format!("{} {}", job.name, job.state)).collect();
        if !names.is_empty() {
            status.push_str(&format!(" ({})", shorten(&names.join(", "), 300)));
        }
        if self.stuck(now)
            && let Some(meaning) = state::meaning(&self.state)
        {
            status.push_str(&format!(". {meaning}"));
        }
        let passed = now.saturating_sub(self.since);
        Later { status, progress: Some(self.progress), wait_ms: (passed / 5).clamp(WAITS.0, WAITS.1).unsigned_abs() }
    }

    fn stuck(&self, now: i64) -> bool {
        now.saturating_sub(self.in_state) > STUCK_MS
    }

    fn too_long(&self, what: &str, passed: i64) -> Failure {
        let minutes = passed / 60_000;
        let remedy =
            state::meaning(&self.state).unwrap_or("Look at the request in Scheduled Processes; it may still end.");
        Failure::permanent(
            ProblemKind::TimedOut,
            format!(
                "{what}: request {} has not ended after {minutes} minute{}; it is {}.",
                self.id,
                if minutes == 1 { "" } else { "s" },
                self.state
            ),
        )
        .remedy(remedy)
    }

    fn nobody_knows(&self) -> Failure {
        Failure::permanent(
            ProblemKind::NotFound,
            format!("Neither erpintegrations nor the scheduler knows request {}.", self.id),
        )
        .remedy("Check the id. Requests of other users show only to those who may monitor them (ESS Monitor Role, or the job's own privilege).")
    }
}

/// T8: a fault while polling may pass, whatever its kind, unless it is about who is asking.
fn passes(failure: &Failure) -> bool {
    !matches!(failure.kind(), ProblemKind::Unauthenticated | ProblemKind::Forbidden | ProblemKind::InvalidInput)
        && (failure.again || failure.problem.http_status.is_some_and(|status| status >= 500))
}
