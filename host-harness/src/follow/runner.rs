//! Many subscriptions in one process: who is due for longest goes first, within bounds that do not grow.
//!
//! At most `at_once` turns run, at most `per_pod` of them on one remote system, and not all of them into one
//! sink, so that a slow one does not hold up the others. A turn holds one answer. Whose sink is down is not
//! polled: those whose answer was not taken hold it, all others wait before they ask.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::breaker::Breaker;
use super::pace::{Bounds, Pace};
use super::queue::{Gate, Queue};
use super::round::Teller;
use super::sink::Sink;
use super::work::{Own, Remote, Shop, Turned, turn};
use crate::engine::Connector;
use crate::policy::Policy;
use crate::run::Limits;
use crate::secrets::Secrets;
use crate::sessions::Keeper;
use crate::state::{Shared, StateError};
use crate::transport::Transport;

/// How long turns that run may take to end when it is over: an answer on its way into a sink is worth waiting
/// for, a poll that has just begun is not.
const GRACE: Duration = Duration::from_secs(10);

/// How often those who wait for a sink to be tried by another look again.
const LOOK: Duration = Duration::from_secs(1);

/// What is polled, and with what.
pub struct Source {
    /// Filled-in connection form. Secret.
    pub settings: String,
    /// What the session is kept under; other settings are another session.
    pub session: String,
    /// Whether a session is made before the first poll, rather than by each poll for itself.
    pub signs_in: bool,
    /// Where its requests may go.
    pub policy: Policy,
    /// The way there.
    pub transport: Arc<dyn Transport>,
    /// What no text may show.
    pub secrets: Arc<Secrets>,
    /// Names the remote system: one cap and one breaker for all connections to it.
    pub pod: String,
}

/// A trigger that is followed on a connection, into a sink.
pub struct Subscription {
    /// Whose rounds these are.
    pub teller: Teller,
    /// The connection; many subscriptions may share one.
    pub source: Arc<Source>,
    /// Number of the sink.
    pub sink: usize,
    /// How often.
    pub bounds: Bounds,
    /// What the ids of its calls begin with: one that no other has, at most 48 of `A-Z a-z 0-9 _ -`.
    pub call_base: String,
}

/// The bounds of a runner.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Turns that run at once, and so answers and instances in memory.
    pub at_once: usize,
    /// Turns at once on one remote system.
    pub per_pod: usize,
    /// Those of each call.
    pub limits: Limits,
}

impl Default for Settings {
    /// 16 turns, 4 on one pod: a pod serves its users besides, and more only queue in it.
    fn default() -> Self {
        Self { at_once: 16, per_pod: 4, limits: Limits::default() }
    }
}

/// Follows subscriptions.
pub struct Runner {
    shop: Arc<Shop>,
    subscriptions: Vec<Arc<Subscription>>,
    tell: Box<dyn Fn(&str) + Send>,
}

/// Those who share something, and how many of them are busy.
#[derive(Default)]
struct Pod {
    busy: usize,
    breaker: Breaker,
}

#[derive(Default)]
struct Taker {
    busy: usize,
    /// How many hold an answer that it did not take.
    holding: usize,
    /// Set from a failure until it takes something.
    down_until: Option<Duration>,
}

struct Floor {
    pods: Vec<Pod>,
    sinks: Vec<Taker>,
    /// Of each subscription.
    pod_of: Vec<usize>,
    /// Whether it holds an answer.
    holds: Vec<bool>,
    per_pod: usize,
    per_sink: usize,
}

impl Runner {
    /// A runner. `tell` is handed what people should know, without secrets.
    #[must_use]
    pub fn new(
        connector: Connector,
        keeper: Keeper,
        state: Shared,
        sinks: Vec<Arc<dyn Sink>>,
        settings: Settings,
        tell: Box<dyn Fn(&str) + Send>,
    ) -> Self {
        let shop = Arc::new(Shop { connector, keeper, state, sinks, settings });
        Self { shop, subscriptions: Vec::new(), tell }
    }

    /// Adds a subscription.
    pub fn add(&mut self, subscription: Subscription) {
        self.subscriptions.push(Arc::new(subscription));
    }

    /// Follows all of them until `stop`, and lets what is on its way arrive.
    ///
    /// # Errors
    /// A [`StateError`] where the state cannot be read at the start, or is lost later.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), StateError> {
        let Self { shop, subscriptions, tell } = self;
        let started = Instant::now();
        let mut owns = starts(&shop, &subscriptions).await?;
        let mut floor = Floor::new(&subscriptions, &shop);
        let mut queue = Queue::default();
        for (who, own) in owns.iter().enumerate() {
            queue.push(first_due(own.as_ref()), who);
        }
        let mut turns: JoinSet<(usize, Turned)> = JoinSet::new();
        let mut stop = pin!(stop);
        let mut lost = None;
        loop {
            let now = started.elapsed();
            while turns.len() < shop.settings.at_once.max(1) {
                let Some(who) = queue.next(now, |who| floor.gate(who, &subscriptions, now)) else { break };
                let (Some(subscription), Some(own)) =
                    (subscriptions.get(who), owns.get_mut(who).and_then(Option::take))
                else {
                    continue;
                };
                floor.enter(who, &subscriptions);
                let work = turn(Arc::clone(&shop), Arc::clone(subscription), own);
                turns.spawn(async move { (who, work.await) });
            }
            let full = turns.len() >= shop.settings.at_once.max(1);
            let next = queue.next_at().filter(|_| !full).map(|at| at.saturating_sub(started.elapsed()));
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(ended) = turns.join_next(), if !turns.is_empty() => {
                    // A turn neither panics nor is aborted while this runs.
                    let Ok((who, turned)) = ended else { continue };
                    lost = shop.state.lost();
                    if lost.is_some() {
                        break;
                    }
                    let now = started.elapsed();
                    for text in &turned.told {
                        tell(text);
                    }
                    floor.leave(who, &subscriptions, &turned, now, &mut queue);
                    queue.push(now.saturating_add(turned.wait), who);
                    if let Some(place) = owns.get_mut(who) {
                        *place = Some(turned.own);
                    }
                }
                () = tokio::time::sleep(next.unwrap_or_default()), if next.is_some() => {}
            }
        }
        let ending = async { while turns.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, ending).await;
        // What is left ends what it has started.
        turns.shutdown().await;
        lost.or_else(|| shop.state.lost()).map_or(Ok(()), Err)
    }
}

/// What is known of each subscription from before.
async fn starts(shop: &Shop, subscriptions: &[Arc<Subscription>]) -> Result<Vec<Option<Own>>, StateError> {
    let mut owns = Vec::with_capacity(subscriptions.len());
    for some in subscriptions.chunks(1000) {
        let tellers: Vec<(Teller, Bounds)> = some.iter().map(|one| (one.teller.clone(), one.bounds)).collect();
        let known = shop.state.with(move |store| {
            let own = |(teller, bounds): &(Teller, Bounds)| {
                let progress = teller.progress(store, Timestamp::now())?;
                Ok(Some(Own { pace: Pace::new(*bounds), progress, held: None, turns: 0 }))
            };
            tellers.iter().map(own).collect::<Result<Vec<_>, StateError>>()
        });
        owns.extend(known.await?);
    }
    Ok(owns)
}

/// A restart does not ask everybody at once: whose next poll was set for later waits for it.
fn first_due(own: Option<&Own>) -> Duration {
    let Some((own, at)) = own.and_then(|own| Some((own, own.progress.next_poll_at_ms?))) else { return Duration::ZERO };
    if own.progress.failing > 0 {
        // Somebody may have mended it, and restarted therefore.
        return Duration::ZERO;
    }
    let wait = at.saturating_sub(Timestamp::now().as_millisecond());
    Duration::from_millis(u64::try_from(wait).unwrap_or_default()).min(own.pace.longest())
}

impl Floor {
    fn new(subscriptions: &[Arc<Subscription>], shop: &Shop) -> Self {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut pod_of = Vec::with_capacity(subscriptions.len());
        for subscription in subscriptions {
            let next = numbers.len();
            pod_of.push(*numbers.entry(&subscription.source.pod).or_insert(next));
        }
        let at_once = shop.settings.at_once.max(1);
        // With several sinks a quarter of the turns is left to the others, whatever one of them does.
        let per_sink = if shop.sinks.len() > 1 { (at_once - at_once / 4).max(1) } else { at_once };
        Self {
            pods: numbers.iter().map(|_| Pod::default()).collect(),
            sinks: shop.sinks.iter().map(|_| Taker::default()).collect(),
            holds: vec![false; pod_of.len()],
            pod_of,
            per_pod: shop.settings.per_pod.max(1),
            per_sink,
        }
    }

    fn places(&self, who: usize, subscriptions: &[Arc<Subscription>]) -> (usize, usize) {
        let pod = self.pod_of.get(who).copied().unwrap_or_default();
        (pod, subscriptions.get(who).map_or(0, |subscription| subscription.sink))
    }

    /// Groups of the queue: pods by their numbers, sinks behind them.
    fn gate(&mut self, who: usize, subscriptions: &[Arc<Subscription>], now: Duration) -> Gate {
        let (pod_number, sink_number) = self.places(who, subscriptions);
        let pods = self.pods.len();
        let holds = self.holds.get(who).copied().unwrap_or_default();
        if let Some(sink) = self.sinks.get(sink_number) {
            if let Some(until) = sink.down_until {
                if until > now {
                    return Gate::Until(until);
                }
                // One turn tries it, of those that hold something; the others see what comes of that.
                if sink.busy > 0 || (sink.holding > 0 && !holds) {
                    return Gate::Until(now + LOOK);
                }
            }
            if sink.busy >= self.per_sink {
                return Gate::Full(pods + sink_number);
            }
        }
        let Some(pod) = self.pods.get_mut(pod_number) else { return Gate::Open };
        if pod.busy >= self.per_pod {
            return Gate::Full(pod_number);
        }
        if holds {
            return Gate::Open;
        }
        pod.breaker.enter(now).map_or_else(Gate::Until, |()| Gate::Open)
    }

    fn enter(&mut self, who: usize, subscriptions: &[Arc<Subscription>]) {
        let (pod, sink) = self.places(who, subscriptions);
        if let Some(pod) = self.pods.get_mut(pod) {
            pod.busy += 1;
        }
        if let Some(sink) = self.sinks.get_mut(sink) {
            sink.busy += 1;
        }
    }

    fn leave(
        &mut self,
        who: usize,
        subscriptions: &[Arc<Subscription>],
        turned: &Turned,
        now: Duration,
        queue: &mut Queue,
    ) {
        let (pod_number, sink_number) = self.places(who, subscriptions);
        let pods = self.pods.len();
        if let Some(pod) = self.pods.get_mut(pod_number) {
            pod.busy = pod.busy.saturating_sub(1);
            match turned.remote {
                Remote::Answered => pod.breaker.answered(),
                Remote::Failed(retry_after) => pod.breaker.failed(now, retry_after),
                Remote::NotAsked => pod.breaker.left(),
            }
        }
        if let Some(sink) = self.sinks.get_mut(sink_number) {
            sink.busy = sink.busy.saturating_sub(1);
            match turned.sink_down {
                Some(wait) => sink.down_until = Some(now.saturating_add(wait)),
                // It is up when it took something, and not when there was nothing to take.
                None if turned.took => sink.down_until = None,
                None => {}
            }
            if let Some(held) = self.holds.get_mut(who) {
                let holds = turned.own.held.is_some();
                sink.holding = sink.holding.saturating_sub(usize::from(*held)) + usize::from(holds);
                *held = holds;
            }
            queue.room(pods + sink_number);
        }
        queue.room(pod_number);
    }
}
