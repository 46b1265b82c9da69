//! `harness status`: how far each subscription of a state file is, for people, programs and Prometheus.

use std::fmt::Write as _;

use host_harness::exact::{Exact, parse_json};
use host_harness::state::{Seen, SqliteStore};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::args::{Format, Global};
use crate::ending::Ending;
use crate::table::Rows;
use crate::{events, json, keeping, say, when};

/// Of what a subscription asks, so many characters are shown.
const WIDEST: usize = 60;

#[derive(Serialize)]
struct Status {
    subscriptions: Vec<One>,
}

#[derive(Serialize)]
struct Listed<'a> {
    result: Vec<Shown<'a>>,
}

/// What of a subscription people look at.
#[derive(Serialize)]
struct Shown<'a> {
    id: i64,
    subscription: &'a str,
    connection: &'a str,
    what: String,
    state: &'a str,
    lag: String,
    events: u64,
    #[serde(rename = "last hour")]
    last_hour: u64,
    failures: String,
    held: String,
    #[serde(rename = "next poll")]
    next_poll: String,
}

/// One subscription. Lag is how long ago everything that there was had been acknowledged.
#[derive(Serialize)]
struct One {
    id: i64,
    subscription: String,
    connection: String,
    trigger: String,
    /// Without secrets; none where an earlier version kept it.
    input: Option<Box<RawValue>>,
    /// The beginning of its digest.
    input_digest: String,
    state: &'static str,
    last_success: Option<String>,
    lag_seconds: Option<i64>,
    events_last_hour: u64,
    events: u64,
    polls: u64,
    received: u64,
    failures: u64,
    failing: u64,
    held: u64,
    next_poll: Option<String>,
    error: Option<String>,
}

/// Forgets the one subscription of this name or id.
pub fn forget(global: &Global, which: &str) -> Result<(), Ending> {
    let streams = events::reader(global)?.streams(0).map_err(|error| keeping::told(&error))?;
    let ones: Vec<One> = streams.into_iter().map(|seen| one(seen, 0)).collect();
    let mut found: Vec<&One> = ones.iter().filter(|one| one.subscription == which).collect();
    if found.is_empty() {
        found = ones.iter().filter(|one| one.id.to_string() == which).collect();
    }
    let (Some(file), [one]) = (&global.state, found.as_slice()) else {
        let message = match found.len() {
            0 => format!("there is no subscription {which} in this file"),
            many => format!("there are {many} subscriptions {which} in this file"),
        };
        return Err(Ending::usage(message, "Give the id that `harness status --state FILE` shows."));
    };
    let mut store = keeping::open(global, file, SqliteStore::open)?;
    store.forget(one.id).map_err(|error| keeping::told(&error))?;
    say::note(&format!("Forgot {} on {} (id {}).", one.subscription, one.connection, one.id));
    Ok(())
}

/// Forgets the sessions that are sealed in the file.
pub fn forget_sessions(global: &Global) -> Result<(), Ending> {
    events::reader(global)?;
    let Some(file) = &global.state else { return Ok(()) };
    let forgotten = SqliteStore::open(file).and_then(|mut store| store.forget_sessions());
    say::note(&format!("Forgot {} sessions.", forgotten.map_err(|error| keeping::told(&error))?));
    Ok(())
}

pub fn run(global: &Global, format: Format) -> Result<(), Ending> {
    let reader = events::reader(global)?;
    let now = Timestamp::now().as_millisecond();
    let streams = reader.streams(now).map_err(|error| keeping::told(&error))?;
    let ones: Vec<One> = streams.into_iter().map(|seen| one(seen, now)).collect();
    match format {
        Format::Json => say::json(&json::text(&Status { subscriptions: ones })?),
        Format::Prometheus => say::as_it_is(&prometheus(&ones)),
        Format::Table => {
            if ones.is_empty() {
                say::note("There are no subscriptions in this file yet.");
                return Ok(());
            }
            let listed = Listed { result: ones.iter().map(|one| shown(one, now)).collect() };
            let rows = Rows::of(&json::text(&listed)?);
            let Some(rows) = rows else { return Ok(()) };
            // An error is longer than any column.
            let errors: String = ones.iter().filter_map(error).collect();
            say::as_it_is(&format!("{}\n{errors}", rows.narrowed(&[]).table(say::width())))
        }
    }
}

fn shown(one: &One, now: i64) -> Shown<'_> {
    let next = one.next_poll.as_ref().and_then(|at| at.parse::<Timestamp>().ok());
    let next_poll = next.map(|at| match at.as_millisecond().saturating_sub(now) / 1000 {
        late @ ..0 => format!("{} ago", when::span(-late)),
        soon => format!("in {}", when::span(soon)),
    });
    Shown {
        id: one.id,
        subscription: &one.subscription,
        connection: &one.connection,
        what: what(one),
        state: one.state,
        lag: one.lag_seconds.map(when::span).unwrap_or_default(),
        events: one.events,
        last_hour: one.events_last_hour,
        failures: some(one.failures),
        held: some(one.held),
        next_poll: next_poll.unwrap_or_default(),
    }
}

/// What failed last, as a line.
fn error(one: &One) -> Option<String> {
    let line = format!("{} on {}: {}", one.subscription, one.connection, one.error.as_ref()?);
    Some(line.replace(char::is_control, " ") + "\n")
}

/// A number where there is one: a column without any is left out.
fn some(number: u64) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}

/// What is asked, in few words: the trigger where the name does not say it, and the input's members.
fn what(one: &One) -> String {
    let trigger = (one.trigger != one.subscription).then(|| one.trigger.clone());
    let input = one.input.as_ref().and_then(|input| parse_json(input.get()).ok());
    let members = match input {
        Some(Exact::Object(members)) => members,
        _ => Vec::new(),
    };
    let member = |(name, value): (String, Exact)| match value {
        Exact::Text(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    };
    let words: Vec<String> = trigger.into_iter().chain(members.into_iter().map(member)).collect();
    let text = words.join(" ");
    if text.chars().count() <= WIDEST {
        return text;
    }
    text.chars().take(WIDEST - 1).chain(['…']).collect()
}

fn one(seen: Seen, now: i64) -> One {
    let Seen { id, stream, progress, last_hour } = seen;
    let state = match (progress.held, progress.failing, progress.succeeded_at_ms) {
        _ if progress.left => "left",
        (1.., ..) => "sink_down",
        (_, 1.., _) => "failing",
        (.., None) => "new",
        _ => "ok",
    };
    // Whoever has never caught up lags behind since it began.
    let began = (progress.since_ms > 0).then_some(progress.since_ms);
    // What only comes by itself has nothing to catch up with.
    let only_sent = progress.polls == 0 && progress.received > 0;
    let caught_up = progress.caught_up_at_ms.or(began).filter(|_| !only_sent && !progress.left);
    let or = |name: String, other: &str| if name.is_empty() { other.to_owned() } else { name };
    One {
        id,
        input: RawValue::from_string(progress.input).ok(),
        input_digest: stream.input.chars().take(8).collect(),
        subscription: or(progress.name, &stream.trigger),
        connection: or(progress.connection, &stream.connection),
        trigger: stream.trigger,
        state,
        last_success: progress.succeeded_at_ms.map(when::shown),
        lag_seconds: caught_up.map(|at| now.saturating_sub(at).max(0) / 1000),
        events_last_hour: last_hour,
        events: progress.events,
        polls: progress.polls,
        received: progress.received,
        failures: progress.failures,
        failing: progress.failing,
        held: progress.held,
        next_poll: progress.next_poll_at_ms.filter(|_| !progress.left).map(when::shown),
        error: progress.failure,
    }
}

/// The text format of Prometheus.
fn prometheus(ones: &[One]) -> String {
    type Value = fn(&One) -> Option<String>;
    let stamp: fn(&Option<String>) -> Option<String> =
        |text| Some(text.as_ref()?.parse::<Timestamp>().ok()?.as_second().to_string());
    let metrics: [(&str, &str, &str, Value); 9] = [
        ("lag_seconds", "gauge", "Time since everything that there was had been acknowledged", |one| {
            one.lag_seconds.map(|lag| lag.to_string())
        }),
        ("up", "gauge", "1 where the last poll and its hand-over went well", |one| {
            Some(u8::from(one.failing == 0 && one.last_success.is_some()).to_string())
        }),
        ("failing", "gauge", "Failures in a row", |one| Some(one.failing.to_string())),
        ("held_events", "gauge", "Events that wait for their sink", |one| Some(one.held.to_string())),
        ("events_total", "counter", "Events that were acknowledged", |one| Some(one.events.to_string())),
        ("polls_total", "counter", "Polls that were answered", |one| Some(one.polls.to_string())),
        ("received_total", "counter", "Requests of the remote system that were answered", |one| {
            Some(one.received.to_string())
        }),
        ("failures_total", "counter", "Polls, requests and hand-overs that failed", |one| {
            Some(one.failures.to_string())
        }),
        ("events_last_hour", "gauge", "Events that were acknowledged within the last hour", |one| {
            Some(one.events_last_hour.to_string())
        }),
    ];
    let mut text = String::new();
    let mut write = |name: &str, kind: &str, help: &str, value: &dyn Fn(&One) -> Option<String>| {
        let _ = writeln!(text, "# HELP harness_{name} {help}.\n# TYPE harness_{name} {kind}");
        // What is not followed any more is no matter for an alarm.
        for one in ones.iter().filter(|one| one.state != "left") {
            if let Some(value) = value(one) {
                let (subscription, connection, trigger) =
                    (escaped(&one.subscription), escaped(&one.connection), escaped(&one.trigger));
                let (id, input) = (one.id, escaped(&one.input_digest));
                let _ = writeln!(
                    text,
                    "harness_{name}{{subscription=\"{subscription}\",connection=\"{connection}\",trigger=\"{trigger}\",input=\"{input}\",id=\"{id}\"}} {value}"
                );
            }
        }
    };
    for (name, kind, help, value) in metrics {
        write(name, kind, help, &value);
    }
    write("last_success_timestamp_seconds", "gauge", "When a poll was last answered", &|one| stamp(&one.last_success));
    write("next_poll_timestamp_seconds", "gauge", "When it is polled next", &|one| stamp(&one.next_poll));
    text
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::collections::HashSet;

    use host_harness::state::Stream;
    use host_harness::state::trail::Progress;

    use super::*;

    fn named(name: &str) -> One {
        let stream =
            Stream { component: "c".into(), connection: "k".into(), trigger: "polls".into(), input: "{}".into() };
        let progress = Progress { name: name.to_owned(), connection: "a/b".into(), ..Progress::default() };
        one(Seen { id: 1, stream, progress, last_hour: 7 }, 5_000)
    }

    /// The value of a label up to its closing quote, unescaped as the format has it, and what follows.
    fn value(text: &str) -> (String, &str) {
        let (mut value, mut escaped) = (String::new(), false);
        for (at, character) in text.char_indices() {
            match (escaped, character) {
                (false, '"') => return (value, text.get(at + 1..).unwrap()),
                (false, '\\') => {}
                (true, 'n') => value.push('\n'),
                (true, '\\' | '"') | (false, _) => value.push(character),
                (true, other) => panic!("\\{other} is no escape"),
            }
            escaped = !escaped && character == '\\';
        }
        panic!("a label does not end");
    }

    #[test]
    fn metrics_are_of_prometheus_text_format_whatever_names_hold() {
        let odd = "we\"ird\\name\nof two lines, {a=\"b\"} 1";
        let text = prometheus(&[named(odd), named("plain")]);
        assert!(text.ends_with('\n') && !text.contains("\n\n"));
        let (mut family, mut seen) = (String::new(), HashSet::new());
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                family = help.split(' ').next().unwrap().to_owned();
                assert!(seen.insert(family.clone()), "{family} comes twice");
                let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {family} ")).unwrap();
                assert_eq!(kind == "counter", family.ends_with("_total"), "{family} is a {kind}");
                continue;
            }
            let rest = line.strip_prefix(&format!("{family}{{subscription=\"")).unwrap();
            let (name, rest) = value(rest);
            assert!(name == odd || name == "plain", "{name}");
            let (connection, rest) = value(rest.strip_prefix(",connection=\"").unwrap());
            let (trigger, rest) = value(rest.strip_prefix(",trigger=\"").unwrap());
            assert_eq!((connection.as_str(), trigger.as_str()), ("a/b", "polls"));
            let (input, rest) = value(rest.strip_prefix(",input=\"").unwrap());
            assert_eq!(input, "{}");
            let rest = rest.strip_prefix(",id=\"1\"} ").unwrap();
            rest.parse::<f64>().unwrap();
        }
        assert!(seen.contains("harness_lag_seconds") && seen.contains("harness_events_total"));
        let text = prometheus(&[named("same"), One { id: 2, ..named("same") }]);
        let series: Vec<&str> = text.lines().filter_map(|line| line.rsplit_once(' ')?.0.strip_suffix('}')).collect();
        assert_eq!(series.iter().collect::<HashSet<_>>().len(), series.len(), "{text}");
    }
}
