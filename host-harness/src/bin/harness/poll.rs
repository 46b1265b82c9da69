//! `harness poll`: events as lines, each once, none lost.
//!
//! The order is what keeps the promise: the events are printed and flushed, then their keys and the cursor are
//! committed together. Whatever breaks off before the commit is handed over again the next time.

use std::collections::HashSet;
use std::time::Duration;

use host_harness::contract::triggers::{Event, PollResult};
use host_harness::state::{MemoryStore, SqliteStore, Store, Stream, digest};
use jiff::SignedDuration;

use crate::args::{Global, With};
use crate::component::{Component, Use};
use crate::ending::{Ending, Exit};
use crate::site::{self, Site};
use crate::{input, json, keeping, say, signin};

/// Between polls where the connector leaves it to the host.
const BETWEEN_POLLS: Duration = Duration::from_secs(60);

/// After a failure while following, where the problem does not say.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

pub async fn run(global: &Global, trigger: &str, with: &With) -> Result<(), Ending> {
    let input = input::read(&with.input, "input")?;
    let component = Component::load(global).await?;
    component.operation(trigger, Use::Poll)?;
    let mut store: Box<dyn Store> = match &global.state {
        Some(file) => Box::new(keeping::open(global, file, SqliteStore::open)?),
        None => Box::new(MemoryStore::default()),
    };
    site::within(component, global, &with.connection, async |site| {
        let stream = Stream {
            component: site.component.manifest.name.clone(),
            connection: site.digest.clone(),
            trigger: trigger.to_owned(),
            input: digest(&input),
        };
        signin::sign_in(site).await?;
        let mut round: u64 = 0;
        loop {
            round += 1;
            let pause = match turn(site, store.as_mut(), &stream, &input, round).await {
                Ok(Turn::More) => continue,
                Ok(Turn::Over(_)) if !global.follow => return Ok(()),
                Ok(Turn::Over(pause)) => pause.unwrap_or(BETWEEN_POLLS),
                // Whoever follows wants to be there when the other side is back.
                Err(Ending { exit: Exit::Transient, told: Some(told) }) if global.follow => {
                    say::problem(&told, site.json);
                    told.retry_after_ms.map_or(AFTER_FAILURE, Duration::from_millis)
                }
                Err(ending) => return Err(ending),
            };
            site.run.clock.wait(pause).await;
            // On a clock that does not sleep this is where an interrupt gets its turn.
            tokio::task::yield_now().await;
        }
    })
    .await
}

enum Turn {
    More,
    /// Poll again after this time, if the connector says.
    Over(Option<Duration>),
}

async fn turn(
    site: &mut Site,
    store: &mut dyn Store,
    stream: &Stream,
    input: &str,
    round: u64,
) -> Result<Turn, Ending> {
    let cursor = store.cursor(stream).map_err(|error| keeping::told(&error))?;
    let base: String = site.call_id.chars().take(48).collect();
    let id = if round == 1 { site.call_id.clone() } else { format!("{base}-{round}") };
    let result = site
        .call(&id, async |site, call| {
            site.component
                .connector
                .poll(&site.run, &site.connection, call, &stream.trigger, input, cursor.as_deref())
                .await
        })
        .await?;
    let now = site.run.clock.now();
    let keys: Vec<&str> = result.events.iter().map(|event| event.dedup_key.as_str()).collect();
    let known = store.acknowledged(stream, &keys, now).map_err(|error| keeping::told(&error))?;
    hand_over(&result.events, &known)?;
    let lasts = SignedDuration::from_millis(i64::try_from(result.dedup_for_ms).unwrap_or(i64::MAX));
    let forget_at = now.saturating_add(lasts).unwrap_or(jiff::Timestamp::MAX);
    store.commit(stream, &result.cursor, &keys, forget_at, now).map_err(|error| keeping::told(&error))?;
    for warning in &result.warnings {
        say::warning(&warning.code, &warning.message, warning.key.as_deref(), site.json);
    }
    Ok(next(&result, cursor.as_deref(), site.json))
}

/// Prints the events that were not taken before, each once.
fn hand_over(events: &[Event], known: &HashSet<String>) -> Result<(), Ending> {
    let mut printed = HashSet::new();
    let fresh =
        events.iter().filter(|event| !known.contains(&event.dedup_key) && printed.insert(event.dedup_key.as_str()));
    let lines = fresh.map(|event| json::text(&json::event(event))).collect::<Result<Vec<_>, _>>()?;
    if lines.is_empty() { Ok(()) } else { say::lines(lines) }
}

fn next(result: &PollResult, cursor: Option<&str>, json: bool) -> Turn {
    let pause = result.next_poll_after_ms.map(Duration::from_millis);
    if !result.has_more {
        return Turn::Over(pause);
    }
    if result.events.is_empty() && cursor == Some(result.cursor.as_str()) {
        let message = "the connector says that there is more, and comes no further; the poll ends here";
        say::warning("poll_stands_still", message, None, json);
        return Turn::Over(pause);
    }
    Turn::More
}
