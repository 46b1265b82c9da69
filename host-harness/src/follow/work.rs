//! One turn of one subscription: poll or take up what a sink left, hand over, commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::pace::Pace;
use super::round::{Asked, Fault, Round, Start};
use super::runner::{Settings, Subscription};
use super::sink::{Batch, Sink};
use crate::contract::triggers::PollResult;
use crate::contract::types::{Call, Connection, Error, ProblemKind};
use crate::engine::Connector;
use crate::run::{CallError, Run};
use crate::sessions::{Keeper, SessionError};
use crate::state::trail::Progress;
use crate::state::{Shared, StateError};

/// What every turn needs.
pub struct Shop {
    pub connector: Connector,
    pub keeper: Keeper,
    pub state: Shared,
    pub sinks: Vec<Arc<dyn Sink>>,
    pub settings: Settings,
}

/// A subscription between two turns.
#[derive(Debug)]
pub struct Own {
    pub pace: Pace,
    pub progress: Progress,
    /// What its sink did not take yet.
    pub held: Option<Round>,
    pub turns: u64,
}

/// What a turn learnt of the remote system, for all who ask there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remote {
    NotAsked,
    Answered,
    /// With its own word on when to come back.
    Failed(Option<Duration>),
}

/// How a turn came out.
#[derive(Debug)]
pub struct Turned {
    pub own: Own,
    pub wait: Duration,
    pub remote: Remote,
    /// The sink did not take it, and when to try it again.
    pub sink_down: Option<Duration>,
    /// The sink took something.
    pub took: bool,
    /// For people.
    pub told: Vec<String>,
}

struct Broken {
    fault: Fault,
    remote: Remote,
    /// Waiting alone does not mend it.
    lasting: bool,
}

/// Takes a turn.
pub async fn turn(shop: Arc<Shop>, subscription: Arc<Subscription>, own: Own) -> Turned {
    let mut own = own;
    own.turns += 1;
    let started = Instant::now();
    let asked_at = Timestamp::now();
    let call_id = format!("{}-{}", subscription.call_base, own.turns);
    let mut told = Vec::new();
    let mut remote = Remote::NotAsked;
    let round = match own.held.take() {
        Some(round) => Ok(round),
        None => {
            let polled = poll(&shop, &subscription, &call_id).await;
            match polled {
                Ok((start, result)) => {
                    remote = Remote::Answered;
                    let asked = Asked { call_id: call_id.clone(), at: asked_at, took: started.elapsed() };
                    let teller = subscription.teller.clone();
                    let taken =
                        shop.state.with(move |store| teller.take_in(store, &asked, &start, result, Timestamp::now()));
                    taken.await.map_err(|error| of_state(&error))
                }
                Err(broken) => Err(broken),
            }
        }
    };
    let round = match round {
        Ok(round) => round,
        Err(broken) => {
            let wait = match (&broken.remote, broken.lasting) {
                (_, true) => own.pace.after_refusal(),
                (Remote::Failed(retry_after), _) => own.pace.after_failure(*retry_after),
                _ => own.pace.after_failure(None),
            };
            told.push(format!("{}: {}", subscription.teller.name, broken.fault.message));
            let asked = Asked { call_id, at: asked_at, took: started.elapsed() };
            note(&shop, &subscription, &asked, broken.fault, &mut own, wait, &mut told).await;
            let remote = if remote == Remote::NotAsked { broken.remote } else { remote };
            return Turned { own, wait, remote, sink_down: None, took: false, told };
        }
    };
    for warning in &round.warnings {
        told.push(format!("{}: {} [{}]", subscription.teller.name, warning.message, warning.code));
    }
    if !round.is_empty() {
        let batch = Batch { id: round.id(), lines: round.lines(Some(&subscription.teller.name)) };
        let taken = match shop.sinks.get(subscription.sink) {
            Some(sink) => sink.take(&batch).await,
            None => Ok(()),
        };
        if let Err(error) = taken {
            let wait = own.pace.after_failure(error.retry_after);
            let held = u64::try_from(round.len()).ok();
            told.push(format!("{}: {error}; {} events are held", subscription.teller.name, round.len()));
            let fault = Fault { kind: "sink".to_owned(), message: error.message, held };
            let asked = Asked { call_id, at: asked_at, took: started.elapsed() };
            own.held = Some(round.again());
            note(&shop, &subscription, &asked, fault, &mut own, wait, &mut told).await;
            return Turned { own, wait, remote, sink_down: Some(wait), took: false, told };
        }
    }
    let took = !round.is_empty();
    let more = round.has_more && !round.stands_still;
    let wait = own.pace.after(round.len(), more, round.next_poll_after);
    let now = Timestamp::now();
    let (teller, mut progress) = (subscription.teller.clone(), own.progress.clone());
    let next = later(now, wait);
    let settled = shop.state.with(move |store| {
        teller.settle(store, &round, &mut progress, next, now)?;
        Ok(progress)
    });
    match settled.await {
        Ok(progress) => {
            own.progress = progress;
            Turned { own, wait, remote, sink_down: None, took, told }
        }
        Err(error) => {
            told.push(format!("{}: {error}", subscription.teller.name));
            let wait = own.pace.after_failure(None);
            Turned { own, wait, remote, sink_down: None, took, told }
        }
    }
}

/// Signs in, polls, and signs in again once where the session had died.
async fn poll(shop: &Shop, subscription: &Subscription, call_id: &str) -> Result<(Start, PollResult), Broken> {
    let source = &subscription.source;
    let teller = subscription.teller.clone();
    let starts = shop.state.with(move |store| teller.starts(store)).await.map_err(|error| of_state(&error))?;
    let mut starts = starts.into_iter();
    let mut start = starts.next().unwrap_or_default();
    let run = Run::new(Arc::clone(&source.transport), source.policy.clone()).within(shop.settings.limits.clone());
    let mut live = None;
    if source.signs_in {
        let session = shop.keeper.session(&shop.connector, &run, &source.session, &source.settings).await;
        live = Some(session.map_err(|error| of_session(source, &error))?);
    }
    let mut attempt = 0;
    loop {
        let session = live.as_ref().map(|live| live.session.clone());
        let connection = Connection { settings: source.settings.clone(), session };
        let remaining = shop.settings.limits.deadline.and_then(|left| u64::try_from(left.as_millis()).ok());
        let call = Call { id: call_id.to_owned(), attempt, remaining_ms: remaining };
        let trigger = &subscription.teller.stream.trigger;
        let (before, sent) = (run.usage().unauthenticated, run.usage().requests);
        let polled = shop
            .connector
            .poll(&run, &connection, &call, trigger, &subscription.teller.input, start.cursor.as_deref())
            .await;
        match (polled, &live) {
            (Ok(result), _) => {
                if let Some(dead) = live.filter(|_| run.usage().unauthenticated > before) {
                    // The component signed in by itself; the next poll should not have to. Where that fails the
                    // next poll says why.
                    let _ = shop.keeper.renew(&shop.connector, &run, &source.session, &source.settings, &dead).await;
                }
                return Ok((start, result));
            }
            (Err(error), Some(dead)) if attempt == 0 && is_unauthenticated(&error) => {
                let fresh = shop.keeper.renew(&shop.connector, &run, &source.session, &source.settings, dead).await;
                live = Some(fresh.map_err(|error| of_session(source, &error))?);
                attempt = 1;
            }
            (Err(error), _) if start.refused_by(&error, run.usage().requests - sent) => {
                start = starts.next().unwrap_or_default();
            }
            (Err(error), _) => return Err(of_call(source, &error)),
        }
    }
}

async fn note(
    shop: &Shop,
    subscription: &Subscription,
    asked: &Asked,
    fault: Fault,
    own: &mut Own,
    wait: Duration,
    told: &mut Vec<String>,
) {
    let (teller, asked, mut progress) = (subscription.teller.clone(), asked.clone(), own.progress.clone());
    let now = Timestamp::now();
    let next = later(now, wait);
    let noted = shop.state.with(move |store| {
        teller.failed(store, &asked, &fault, &mut progress, next, now)?;
        Ok(progress)
    });
    match noted.await {
        Ok(progress) => own.progress = progress,
        Err(error) => told.push(format!("{}: {error}", subscription.teller.name)),
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

fn is_unauthenticated(error: &CallError) -> bool {
    matches!(error, CallError::Problem { error: Error::Transient(problem) } if problem.kind == ProblemKind::Unauthenticated)
}

fn of_state(error: &StateError) -> Broken {
    let fault = Fault { kind: "state".to_owned(), message: error.to_string(), held: None };
    Broken { fault, remote: Remote::NotAsked, lasting: false }
}

fn of_session(source: &super::Source, error: &SessionError) -> Broken {
    match error {
        SessionError::SignIn(error) => of_call(source, error),
        other => {
            let message = source.secrets.clean(&format!("signing in failed: {other}"));
            let fault = Fault { kind: "session".to_owned(), message, held: None };
            Broken { fault, remote: Remote::NotAsked, lasting: false }
        }
    }
}

fn of_call(source: &super::Source, error: &CallError) -> Broken {
    let (kind, remote, lasting) = match error {
        CallError::Problem { error: Error::Transient(problem) } => {
            let retry_after = problem.retry_after_ms.map(Duration::from_millis);
            let remote = match problem.kind {
                ProblemKind::RateLimited | ProblemKind::Unavailable | ProblemKind::TimedOut => {
                    Remote::Failed(retry_after)
                }
                _ => Remote::Answered,
            };
            (problem.kind.word(), remote, false)
        }
        CallError::Problem { error: Error::Permanent(problem) } => (problem.kind.word(), Remote::Answered, true),
        CallError::OutOfTime { .. } => ("timed-out", Remote::Failed(None), false),
        _ => ("execution-failed", Remote::NotAsked, true),
    };
    let remedy = match error {
        CallError::Problem { error: Error::Transient(problem) | Error::Permanent(problem) } => {
            problem.remedy.as_deref()
        }
        _ => None,
    };
    let message = error.to_string() + &remedy.map(|remedy| format!(" {remedy}")).unwrap_or_default();
    let message = source.secrets.clean(&message);
    Broken { fault: Fault { kind: kind.to_owned(), message, held: None }, remote, lasting }
}

/// Kinds of problems as the contract spells them.
trait Word {
    fn word(self) -> &'static str;
}

impl Word for ProblemKind {
    fn word(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate-limited",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed-out",
            Self::UnknownOutcome => "unknown-outcome",
            Self::TooLarge => "too-large",
            Self::UnexpectedResponse => "unexpected-response",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
        }
    }
}
