//! A recording written: JSON that a person can read and edit, with the same members that a script has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Answer, Content, Exchange, Expected, Tape};
use crate::exact::Exact;
use crate::transport::Failure;

/// The file's text, with a line break at its end.
#[must_use]
pub fn write(tape: &Tape) -> String {
    let mut members = vec![member("format", Exact::Number("1".to_owned()))];
    if let Some(id) = &tape.call_id {
        members.push(member("call_id", text(id)));
    }
    if let Some(started_at) = tape.started_at {
        members.push(member("started_at", text(&started_at.to_string())));
    }
    if tape.any_order {
        members.push(member("order", text("any")));
    }
    members.push(member("exchanges", Exact::Array(tape.exchanges.iter().map(exchange).collect())));
    Exact::Object(members).pretty() + "\n"
}

fn exchange(exchange: &Exchange) -> Exact {
    let mut members = Vec::new();
    if let Some(clock) = exchange.clock {
        members.push(member("clock", text(&clock.to_string())));
    }
    members.push(member("request", expected(&exchange.request)));
    members.push(member("response", answer(&exchange.response)));
    Exact::Object(members)
}

fn expected(request: &Expected) -> Exact {
    let mut members = Vec::new();
    for (name, value) in [("method", &request.method), ("host", &request.host), ("path", &request.path)] {
        if let Some(value) = value {
            members.push(member(name, text(value)));
        }
    }
    if let Some(query) = &request.query {
        members.push(member("query", grouped(query)));
    }
    if !request.headers.is_empty() {
        let headers =
            request.headers.iter().map(|(name, value)| (name.clone(), value.as_deref().map_or(Exact::Null, text)));
        members.push(member("headers", Exact::Object(headers.collect())));
    }
    content(request.body.as_ref(), &mut members);
    Exact::Object(members)
}

fn answer(answer: &Answer) -> Exact {
    let mut members = Vec::new();
    match &answer.failure {
        Some(failure) => no_answer(failure, &mut members),
        None => {
            members.push(member("status", Exact::Number(answer.status.to_string())));
            if !answer.headers.is_empty() {
                members.push(member("headers", grouped(&answer.headers)));
            }
            content(answer.body.as_ref(), &mut members);
        }
    }
    if !answer.delay.is_zero() {
        members.push(member("delay_ms", Exact::Number(answer.delay.as_millis().to_string())));
    }
    if let Some(bytes) = answer.break_after {
        members.push(member("break_after", Exact::Number(bytes.to_string())));
    }
    Exact::Object(members)
}

fn no_answer(failure: &Failure, members: &mut Vec<(String, Exact)>) {
    let (kind, reason) = match failure {
        Failure::Unresolved { .. } => ("unresolved", None),
        Failure::Unreachable { reason, .. } => ("unreachable", Some(reason.clone())),
        Failure::Certificate { reason, .. } => ("certificate", Some(reason.clone())),
        Failure::Tls { reason, .. } => ("tls", Some(reason.clone())),
        Failure::TimedOut { .. } => ("timed-out", None),
        Failure::Broken { reason, .. } => ("broken", Some(reason.clone())),
        Failure::Unexpected(reason) => ("unreachable", Some(reason.clone())),
        Failure::Denied(denied) => ("unreachable", Some(denied.to_string())),
    };
    members.push(member("failure", text(kind)));
    if let Some(reason) = reason {
        members.push(member("reason", text(&reason)));
    }
    if let Failure::TimedOut { phase, .. } = failure {
        members.push(member("phase", text(phase)));
    }
}

/// The most readable form that reads back to the same bytes.
fn content(content: Option<&Content>, members: &mut Vec<(String, Exact)>) {
    match content {
        None => {}
        // A JSON text would read back as text without its quotes.
        Some(Content::Json(value @ Exact::Text(_))) => members.push(member("body", text(&value.to_string()))),
        Some(Content::Json(value)) => members.push(member("body", value.clone())),
        Some(Content::Text(body)) if body.contains('\n') => {
            members.push(member("body_lines", Exact::Array(body.split('\n').map(text).collect())));
        }
        Some(Content::Text(body)) => members.push(member("body", text(body))),
        Some(Content::Bytes(bytes)) => members.push(member("body_base64", text(&STANDARD.encode(bytes)))),
    }
}

/// Pairs as an object; a name that stands more than once gets a list.
fn grouped(pairs: &[(String, String)]) -> Exact {
    let mut members: Vec<(String, Exact)> = Vec::new();
    for (name, value) in pairs {
        match members.iter_mut().find(|(known, _)| known == name) {
            Some((_, Exact::Array(values))) => values.push(text(value)),
            Some((_, one)) => *one = Exact::Array(vec![one.clone(), text(value)]),
            None => members.push((name.clone(), text(value))),
        }
    }
    Exact::Object(members)
}

fn member(name: &str, value: Exact) -> (String, Exact) {
    (name.to_owned(), value)
}

fn text(text: &str) -> Exact {
    Exact::Text(text.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::parse;
    use super::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back_to_the_same_bytes(body in prop::collection::vec(any::<u8>(), 0..60), text in "[ -~\n\t\"é]*", json in any::<bool>()) {
            for bytes in [body, text.clone().into_bytes(), format!("{{\"t\":{}}}", crate::exact::quoted(&text)).into_bytes()] {
                let tape = Tape {
                    any_order: json,
                    exchanges: vec![Exchange {
                        clock: None,
                        request: Expected { query: Some(vec![("a".to_owned(), text.clone()), ("a".to_owned(), "2".to_owned())]), ..Expected::default() },
                        response: Answer { body: Content::of_bytes(&bytes), ..Answer::default() },
                    }],
                    ..Tape::default()
                };
                let read = parse(&write(&tape), Path::new("")).unwrap();
                prop_assert_eq!(read.exchanges[0].response.body.as_ref().map(Content::bytes).unwrap_or_default(), bytes);
                prop_assert_eq!(read.exchanges[0].request.query.clone(), tape.exchanges[0].request.query.clone());
            }
        }
    }

    #[test]
    fn failures_read_back() {
        for failure in [
            Failure::TimedOut { authority: String::new(), phase: "between bytes" },
            Failure::Certificate {
                authority: String::new(),
                fault: crate::transport::CertificateFault::Other,
                reason: "expired".to_owned(),
            },
        ] {
            let response = Answer { failure: Some(failure.clone()), ..Answer::default() };
            let tape = Tape {
                exchanges: vec![Exchange { clock: None, request: Expected::default(), response }],
                ..Tape::default()
            };
            let read = parse(&write(&tape), Path::new("")).unwrap();
            assert_eq!(read.exchanges[0].response.failure.as_ref().unwrap().to_string(), failure.to_string());
        }
    }
}
