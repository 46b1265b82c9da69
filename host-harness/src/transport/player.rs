//! A tape played: requests held against its exchanges, answers built from them.
//!
//! Scripts and replays both play a tape and differ only in what they compare and whose time it is. Each
//! exchange is played once. A request that none expects is refused with the nearest exchange and the
//! difference, and so is every request after it.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, StreamBody};

use super::exchange::{Answer, Difference, Exchange, Expected, Sent, Tape, differences, likeness};
use super::{Body, Failure};
use crate::secrets::Secrets;

/// Which exchange a request may be answered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The next alone.
    Strict,
    /// The first that fits among those not played yet.
    Any,
}

pub(super) struct Player {
    exchanges: Vec<Exchange>,
    order: Order,
    /// `script` or `recording`, for messages.
    name: &'static str,
    state: Mutex<State>,
}

struct State {
    played: Vec<bool>,
    requests: usize,
    unexpected: Option<String>,
}

impl Player {
    pub(super) fn new(tape: Tape, order: Order, name: &'static str) -> Self {
        let state = State { played: vec![false; tape.exchanges.len()], requests: 0, unexpected: None };
        Self { exchanges: tape.exchanges, order, name, state: Mutex::new(state) }
    }

    /// The exchange that answers this request; it is used up with that.
    pub(super) fn play(&self, sent: &Sent, secrets: &Secrets) -> Result<Exchange, Failure> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests += 1;
        if let Some(message) = &state.unexpected {
            return Err(Failure::Unexpected(message.clone()));
        }
        let open: Vec<(usize, &Exchange)> =
            self.exchanges.iter().enumerate().filter(|(i, _)| state.played.get(*i) == Some(&false)).collect();
        let considered = if self.order == Order::Strict { open.get(..1).unwrap_or_default() } else { open.as_slice() };
        let mut misses = Vec::new();
        for (index, exchange) in considered {
            let differences = differences(&exchange.request, sent, secrets);
            if differences.is_empty() {
                if let Some(played) = state.played.get_mut(*index) {
                    *played = true;
                }
                return Ok((*exchange).clone());
            }
            misses.push((*index, differences));
        }
        let message = self.refusal(state.requests, sent, misses, secrets);
        state.unexpected = Some(message.clone());
        Err(Failure::Unexpected(message))
    }

    /// What is wrong with the whole run, once it is over: the first request that was refused, or the
    /// exchanges that were never asked for.
    pub(super) fn unmet(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(message) = &state.unexpected {
            return Some(message.clone());
        }
        let left: Vec<String> = state
            .played
            .iter()
            .zip(&self.exchanges)
            .enumerate()
            .filter(|(_, (played, _))| !**played)
            .map(|(index, (_, exchange))| format!("  exchange {}: {}", index + 1, headline(&exchange.request)))
            .collect();
        if left.is_empty() {
            return None;
        }
        let (count, total) = (left.len(), self.exchanges.len());
        Some(format!(
            "the {} is not met: {count} of its {total} exchanges {} never asked for\n{}",
            self.name,
            if count == 1 { "was" } else { "were" },
            left.join("\n")
        ))
    }

    /// A diff that a person can read, without secrets.
    fn refusal(
        &self,
        number: usize,
        sent: &Sent,
        mut misses: Vec<(usize, Vec<Difference>)>,
        secrets: &Secrets,
    ) -> String {
        let name = self.name;
        let shown = secrets.clean(&format!("{} {}", sent.method, target(sent)));
        let total = self.exchanges.len();
        misses.sort_by(|(_, a), (_, b)| a.len().cmp(&b.len()).then_with(|| closeness(b).total_cmp(&closeness(a))));
        let Some((index, differences)) = misses.into_iter().next() else {
            let all = if total == 0 {
                "it has no exchanges".to_owned()
            } else {
                format!("all of its {total} exchanges are used up")
            };
            return format!("the {name} is not met: request {number} is one more than it has ({all})\n  {shown}");
        };
        let parts: Vec<&str> = differences.iter().map(|difference| difference.part.as_str()).collect();
        let verb = if parts.len() == 1 { "differs" } else { "differ" };
        let which = match self.order {
            Order::Strict => format!("request {number} is not the one that exchange {} of {total} expects", index + 1),
            Order::Any => format!(
                "request {number} fits none of the exchanges that are left; the nearest is exchange {} of {total}",
                index + 1
            ),
        };
        let mut text = format!("the {name} is not met: {which} ({} {verb})\n  {shown}", parts.join(", "));
        for difference in &differences {
            text.push_str(&format!("\n  {} (- expected, + sent):", difference.part));
            for line in difference.lines() {
                text.push_str(&format!("\n    {line}"));
            }
        }
        text
    }
}

/// How near a miss was: the mean likeness of the parts that differ.
fn closeness(differences: &[Difference]) -> f32 {
    let sum: f32 = differences.iter().map(|difference| likeness(&difference.expected, &difference.found)).sum();
    let count = u16::try_from(differences.len()).unwrap_or(u16::MAX).max(1);
    sum / f32::from(count)
}

fn target(sent: &Sent) -> String {
    let mut target = format!("{}{}", sent.authority, sent.path);
    for (index, (name, value)) in sent.query.iter().enumerate() {
        target.push(if index == 0 { '?' } else { '&' });
        let hidden = crate::secrets::is_secret_name(name);
        target.push_str(&format!("{name}={}", if hidden { crate::secrets::PLACEHOLDER } else { value }));
    }
    target
}

fn headline(expected: &Expected) -> String {
    let method = expected.method.as_deref().unwrap_or("any method");
    let path = expected.path.as_deref().unwrap_or("any path");
    let query: Vec<String> = expected.query.iter().flatten().map(|(name, value)| format!("{name}={value}")).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{method} {path}{mark}{}", query.join("&"))
}

/// The answer as it comes over the wire.
pub(super) fn respond(answer: &Answer, authority: &str) -> Result<http::Response<Body>, Failure> {
    if let Some(failure) = &answer.failure {
        return Err(named(failure, authority));
    }
    let bytes = answer.body.as_ref().map(super::exchange::Content::bytes).unwrap_or_default();
    let has = |name: &str| answer.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let mut builder = http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    if matches!(answer.body, Some(super::exchange::Content::Json(_))) && !has("content-type") {
        builder = builder.header("content-type", "application/json");
    }
    if !bytes.is_empty() && !has("content-length") && !has("transfer-encoding") {
        builder = builder.header("content-length", bytes.len());
    }
    let body = match answer.break_after {
        Some(after) => breaking(bytes, after, authority),
        None => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
    };
    builder.body(body).map_err(|error| Failure::Broken { authority: authority.to_owned(), reason: error.to_string() })
}

fn breaking(bytes: Bytes, after: usize, authority: &str) -> Body {
    let first = bytes.slice(..after.min(bytes.len()));
    let broken = Failure::Broken {
        authority: authority.to_owned(),
        reason: format!("it closed after {} bytes of the answer", first.len()),
    };
    let frames = [Ok(http_body::Frame::data(first)), Err(broken)];
    StreamBody::new(futures::stream::iter(frames)).boxed_unsync()
}

/// A failure of a tape with the authority of the request that it befalls.
fn named(failure: &Failure, authority: &str) -> Failure {
    let mut failure = failure.clone();
    match &mut failure {
        Failure::Unresolved { host } => *host = authority.to_owned(),
        Failure::Unreachable { authority: a, .. }
        | Failure::Certificate { authority: a, .. }
        | Failure::Tls { authority: a, .. }
        | Failure::TimedOut { authority: a, .. }
        | Failure::Broken { authority: a, .. } => *a = authority.to_owned(),
        Failure::Unexpected(_) | Failure::Denied(_) => {}
    }
    failure
}
