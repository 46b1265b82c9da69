//! `harness poll`: events as lines, each once, none lost.
//!
//! The order is what keeps the promise: keys are announced, the events printed and flushed, then their keys and
//! the cursor committed together. Whatever breaks off before the commit is handed over again the next time,
//! marked as repeated.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use host_harness::follow::round::Asked;
use host_harness::follow::{Bounds, Pace, Round, Teller};
use host_harness::state::trail::Progress;
use host_harness::state::{MemoryStore, Named, SqliteStore, Store, Stream, digest};
use jiff::{SignedDuration, Timestamp};

use crate::args::{Global, With};
use crate::component::{Component, Use};
use crate::ending::{Ending, Exit};
use crate::site::{self, Site};
use crate::{input, keeping, say, signin};

pub async fn run(global: &Global, trigger: &str, with: &With) -> Result<(), Ending> {
    let input = input::read(&with.input, "input")?;
    let component = Component::load(global).await?;
    component.operation(trigger, Use::Poll)?;
    let bounds = bounds(global.at_least, global.at_most, Bounds::default())?;
    let (mut store, known): (Box<dyn Store>, _) = match &global.state {
        Some(file) => {
            let store = keeping::open(global, file, SqliteStore::open)?;
            let known = store.named(&component.manifest.name).map_err(|error| keeping::told(&error))?;
            (Box::new(store), known)
        }
        None => (Box::new(MemoryStore::default()), Named::new()),
    };
    site::within(component, global, &with.connection, async |site| {
        let stream = Stream {
            component: site.component.manifest.name.clone(),
            connection: site.identity.clone(),
            trigger: trigger.to_owned(),
            input: digest(&input),
        };
        let (name, remote) = (trigger.to_owned(), site.remote());
        let connection = with.connection.clone();
        let formerly = site.digest.clone();
        let shown = site.secrets.clean(&input);
        let (named, before, bodies) = (false, Vec::new(), global.keep_bodies);
        let mut teller = Teller { stream, formerly, connection, name, named, remote, before, input, shown, bodies };
        teller.before_of(&known);
        let progress = teller.progress(store.as_ref(), site.run.clock.now()).map_err(|error| keeping::told(&error))?;
        let mut poll = Poll { teller, pace: Pace::new(bounds), progress, follow: global.follow, turns: 0 };
        signin::sign_in(site).await?;
        while !site.stopping.begun() {
            let pause = match poll.turn(site, store.as_mut()).await {
                Ok(Turn::More) => continue,
                Ok(Turn::Over(_)) if !global.follow => return Ok(()),
                Ok(Turn::Over(pause)) => pause,
                Err((ending, Some(pause))) => {
                    // Whoever follows wants to be there when the other side is back.
                    if let Some(told) = &ending.told {
                        say::problem(told, site.json);
                    }
                    pause
                }
                Err((ending, None)) => return Err(ending),
            };
            let stopping = site.stopping.clone();
            tokio::select! {
                biased;
                () = stopping.wait() => {}
                () = site.run.clock.wait(pause) => {}
            }
            // On a clock that does not sleep this is where an interrupt gets its turn.
            tokio::task::yield_now().await;
        }
        Ok(())
    })
    .await
}

/// The bounds that were asked for.
///
/// # Errors
/// An [`Ending`] with 2 where the longest is shorter than the shortest.
pub fn bounds(least: Option<Duration>, most: Option<Duration>, usual: Bounds) -> Result<Bounds, Ending> {
    let bounds = match (least, most) {
        (Some(least), Some(most)) => Bounds { least, most },
        (Some(least), None) => Bounds { least, most: usual.most.max(least) },
        (None, Some(most)) => Bounds { least: usual.least.min(most), most },
        (None, None) => usual,
    };
    if bounds.least > bounds.most {
        let message = "the longest time between two polls is shorter than the shortest";
        return Err(Ending::usage(message, "Give --at-most a time that is not below --at-least."));
    }
    Ok(bounds)
}

struct Poll {
    teller: Teller,
    pace: Pace,
    progress: Progress,
    follow: bool,
    turns: u64,
}

enum Turn {
    More,
    /// Poll again after this time.
    Over(Duration),
}

/// The end of a turn that failed, and after which time another may come.
type Failed = (Ending, Option<Duration>);

impl Poll {
    async fn turn(&mut self, site: &mut Site, store: &mut dyn Store) -> Result<Turn, Failed> {
        let of_state = |error| (keeping::told(&error), None);
        let starts = self.teller.starts(store).map_err(of_state)?;
        self.turns += 1;
        let base: String = site.call_id.chars().take(48).collect();
        let id = if self.turns == 1 { site.call_id.clone() } else { format!("{base}-{}", self.turns) };
        let (at, started) = (site.run.clock.now(), Instant::now());
        let (trigger, input) = (self.teller.stream.trigger.clone(), self.teller.input.clone());
        let mut starts = starts.into_iter();
        let mut start = starts.next().unwrap_or_default();
        let polled = loop {
            let (refused, sent) = (AtomicBool::new(false), site.run.usage().requests);
            let polled = site
                .call(&id, async |site, call| {
                    let (connector, cursor) = (&site.component.connector, start.cursor.as_deref());
                    let polled = connector.poll(&site.run, &site.connection, call, &trigger, &input, cursor).await;
                    polled.inspect_err(|error| {
                        let sent = site.run.usage().requests.saturating_sub(sent);
                        refused.store(start.refused_by(error, sent), Ordering::Relaxed);
                    })
                })
                .await;
            if !refused.into_inner() {
                break polled;
            }
            start = starts.next().unwrap_or_default();
        };
        let asked = Asked { call_id: id, at, took: started.elapsed() };
        let now = site.run.clock.now();
        let result = match polled {
            Ok(result) => result,
            Err(ending) => return Err(self.failed(site, store, &asked, ending, now)),
        };
        let round = self.teller.take_in(store, &asked, &start, result, now).map_err(of_state)?;
        hand_over(&round).await.map_err(|ending| (ending, None))?;
        let more = round.has_more && !round.stands_still;
        let pause = self.pace.after(round.len(), more, round.next_poll_after);
        let now = site.run.clock.now();
        self.teller.settle(store, &round, &mut self.progress, later(now, pause), now).map_err(of_state)?;
        for warning in &round.warnings {
            say::warning(&warning.code, &warning.message, warning.key.as_deref(), site.json);
        }
        if round.stands_still {
            let message = "the connector says that there is more, and comes no further; the poll ends here";
            say::warning("poll_stands_still", message, None, site.json);
        }
        Ok(if more { Turn::More } else { Turn::Over(pause) })
    }

    fn failed(&mut self, site: &Site, store: &mut dyn Store, asked: &Asked, ending: Ending, now: Timestamp) -> Failed {
        let told = ending.told.as_deref();
        let retry_after = told.and_then(|told| told.retry_after_ms).map(Duration::from_millis);
        let goes_on = self.follow && ending.exit == Exit::Transient && told.is_some();
        let pause = goes_on.then(|| self.pace.after_failure(retry_after));
        let fault = keeping::fault(site, &ending);
        let next = later(now, pause.unwrap_or_default());
        match self.teller.failed(store, asked, &fault, &mut self.progress, next, now) {
            Ok(()) => (ending, pause),
            Err(error) if error.is_loss() => (keeping::told(&error), None),
            // That the poll failed says more than that this could not be written down.
            Err(error) => {
                say::warning("not_noted", &error.to_string(), None, site.json);
                (ending, pause)
            }
        }
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

/// Prints the events that were not acknowledged before. A reader that is slow holds this up and nothing else.
async fn hand_over(round: &Round) -> Result<(), Ending> {
    let lines = round.lines(None);
    if lines.is_empty() {
        return Ok(());
    }
    let taken = tokio::task::spawn_blocking(move || say::lines(lines).map_err(Ending::not_taken)).await;
    taken.unwrap_or_else(|_| Err(Ending::silent(Exit::Broken)))
}
