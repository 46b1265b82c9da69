//! How requests go on: WAIT, READY, RUNNING, PAUSED while others run below, and an end (FACTS 3.3, 3.4).
//!
//! Each transition happens at its own time, in the order of time, however late somebody looks.

use jiff::{SignedDuration, Timestamp};

use super::request::{Behaviour, PICKED_UP, Report, State, Task};
use super::{effects, jobs, load};
use crate::bulk::Bulk;
use crate::erp::{event, options};
use crate::store::Store;

/// From READY to RUNNING.
const STARTED: SignedDuration = SignedDuration::from_secs(1);
/// From CANCELLING to CANCELLED.
const STOPPED: SignedDuration = SignedDuration::from_secs(2);

/// How long a task runs: seconds where pods take seconds to minutes, so that a test sees every state.
fn duration(task: &Task, behaviour: Behaviour) -> SignedDuration {
    let seconds = match task {
        Task::Seeded => 0,
        Task::Load(_) => 1,
        Task::Transfer | Task::Upload => 3,
        Task::File(_) => 6,
        Task::Import => 15_u64.saturating_add(behaviour.slow),
        Task::Report => 4,
        Task::Export(_) => 20,
        Task::Own => 12,
    };
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn after(at: Timestamp, wait: SignedDuration) -> Option<Timestamp> {
    at.checked_add(wait).ok()
}

/// Does everything that is due.
pub(crate) fn advance(bulk: &mut Bulk, store: &mut Store, now: Timestamp) {
    while let Some((id, at)) = bulk.scheduler.due(now) {
        step(bulk, store, id, at);
    }
}

fn step(bulk: &mut Bulk, store: &mut Store, id: u64, at: Timestamp) {
    let Some(request) = bulk.scheduler.get_mut(id) else { return };
    // Whatever follows sets it anew: no request is due twice at one time.
    request.next = None;
    match request.state {
        State::Wait => {
            let stuck = request.behaviour.stuck.filter(|_| request.parent.is_none());
            let expires = stuck.and_then(|seconds| {
                after(request.requested_start, SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)))
            });
            match expires {
                Some(expires) if at < expires => request.next = Some(expires),
                Some(_) => end(bulk, store, id, Report::bare(State::Expired), at),
                None if stuck.is_some() => {}
                None => {
                    request.state = State::Ready;
                    request.next = after(at, STARTED);
                }
            }
        }
        State::Ready => {
            request.state = State::Running;
            request.started = Some(at);
            request.next = after(at, duration(&request.task, request.behaviour));
        }
        State::Running => run(bulk, store, id, at),
        State::Cancelling => end(bulk, store, id, Report::bare(State::Cancelled), at),
        _ => {}
    }
}

impl Report {
    /// An end that says nothing.
    pub(super) fn bare(state: State) -> Self {
        Self { state, log: String::new(), outputs: Vec::new() }
    }
}

/// What a request does when its time is up.
fn run(bulk: &mut Bulk, store: &mut Store, id: u64, at: Timestamp) {
    let Some(request) = bulk.scheduler.get(id) else { return };
    let parent = request.parent.unwrap_or(id);
    let exports = matches!(request.task, Task::Export(_));
    let report = match &request.task {
        Task::Seeded => return,
        Task::Load(_) => return load::begin(bulk, id, at),
        Task::Import => {
            load::import(bulk, store, parent, id, at);
            let Some(request) = bulk.scheduler.get(id) else { return };
            let report = load::report_definition(bulk, parent);
            if let Some(definition) = report {
                let package = request.job.package.clone();
                let job = jobs::find(&package, definition).map(|(job, _)| job);
                let title = format!("{} Report", request.job.title);
                let job = job.unwrap_or_else(|| jobs::internal(&package, definition, &title));
                bulk.scheduler.spawn(id, job, Task::Report, at);
                if let Some(request) = bulk.scheduler.get_mut(id) {
                    request.state = State::Paused;
                }
                return;
            }
            load::imported(bulk, parent, true)
        }
        Task::Report => {
            let load = bulk.scheduler.get(parent).and_then(|import| import.parent).unwrap_or(parent);
            Report { state: State::Succeeded, ..load::imported(bulk, load, true) }
        }
        Task::Transfer => load::transferred(bulk, parent),
        Task::File(place) => {
            let place = *place;
            load::file(bulk, store, parent, place, at)
        }
        Task::Upload => load::upload(bulk, parent, at),
        Task::Export(_) => effects::export(bulk, id, at),
        Task::Own => effects::run(bulk, store, id, at),
    };
    end(bulk, store, id, report, at);
    if exports {
        event::raise(bulk, id, at);
    }
}

/// Ends a request and tells the one above it.
pub(super) fn end(bulk: &mut Bulk, store: &mut Store, id: u64, report: Report, at: Timestamp) {
    let Some(request) = bulk.scheduler.get_mut(id) else { return };
    if request.state.is_final() {
        return;
    }
    request.state = report.state;
    request.next = None;
    request.ended = Some(at);
    request.outputs = report.outputs;
    let arguments: Vec<&str> =
        request.arguments.iter().map(|argument| argument.as_deref().unwrap_or("#NULL")).collect();
    request.log = format!(
        "{title} ({definition})\nRequest {id} submitted by {who} at {submitted}\nArguments: {arguments}\n{log}\
         {title} ended with state {state} at {at}\n",
        title = request.job.title,
        definition = request.job.definition,
        who = request.submitter,
        submitted = request.submitted,
        arguments = arguments.join(","),
        log = report.log,
        state = request.state.name(),
    );
    let Some(parent) = request.parent else { return };
    let Some(above) = bulk.scheduler.get(parent) else { return };
    match &above.task {
        Task::Load(_) => load::next(bulk, store, parent, at),
        Task::Import => {
            let load = above.parent.unwrap_or(parent);
            let report = load::imported(bulk, load, false);
            end(bulk, store, parent, report, at);
        }
        _ => {}
    }
}

/// Why a request cannot be told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfit(pub(crate) State);

/// Stops a request and all below it.
pub(crate) fn cancel(bulk: &mut Bulk, store: &mut Store, id: u64, now: Timestamp) -> Result<(), Unfit> {
    let below: Vec<u64> =
        bulk.scheduler.tree(id).iter().map(|request| request.id).filter(|other| *other != id).collect();
    let Some(request) = bulk.scheduler.get_mut(id) else { return Ok(()) };
    if request.state.is_final() || request.state == State::Cancelling {
        return Err(Unfit(request.state));
    }
    let running = !matches!(request.state, State::Wait | State::Ready | State::Hold);
    request.state = State::Cancelling;
    request.next = if running { after(now, STOPPED) } else { Some(now) };
    for other in below {
        if let Some(request) = bulk.scheduler.get_mut(other)
            && !request.state.is_final()
        {
            request.state = State::Cancelled;
            request.next = None;
            request.ended = Some(now);
        }
    }
    advance(bulk, store, now);
    Ok(())
}

/// Keeps a waiting request from being picked up.
pub(crate) fn hold(bulk: &mut Bulk, id: u64) -> Result<(), Unfit> {
    let Some(request) = bulk.scheduler.get_mut(id) else { return Ok(()) };
    if !matches!(request.state, State::Wait | State::Ready) {
        return Err(Unfit(request.state));
    }
    request.state = State::Hold;
    request.next = None;
    Ok(())
}

/// Lets a held request go on.
pub(crate) fn release(bulk: &mut Bulk, id: u64, now: Timestamp) -> Result<(), Unfit> {
    let Some(request) = bulk.scheduler.get_mut(id) else { return Ok(()) };
    if request.state != State::Hold {
        return Err(Unfit(request.state));
    }
    request.state = State::Wait;
    if request.task != Task::Seeded {
        request.next = after(now.max(request.requested_start), PICKED_UP);
    }
    Ok(())
}

/// The definition of the report that follows an import, by the option's number.
pub(super) fn report_of(interface: u32) -> Option<&'static str> {
    options::find(interface).and_then(|option| option.report)
}
