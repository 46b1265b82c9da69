//! Scripts and recordings read: every fault is told with the exchange and the member that it is in.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;

use super::{Answer, Content, Exchange, Expected, Tape, pairs};
use crate::exact::{Exact, parse_json, parse_yaml};
use crate::transport::{CertificateFault, Failure};

/// The file is not a script or a recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// It cannot be read.
    #[error("{file} cannot be read: {reason}")]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// The system's word.
        reason: String,
    },
    /// Neither JSON nor YAML.
    #[error("it is neither JSON nor YAML: {0}")]
    Syntax(String),
    /// JSON or YAML, but not of this form.
    #[error("{place}: {message}")]
    Shape {
        /// Such as `exchange 2, response`.
        place: String,
        /// What is wrong there.
        message: String,
    },
}

type Result<T> = std::result::Result<T, FormatError>;

/// Reads a file; `body_file` in it counts from the file's own folder. What ends in `.json` is JSON, anything
/// else JSON or YAML.
///
/// # Errors
/// [`FormatError`] where it cannot be read or does not fit.
pub fn read(file: &Path) -> Result<Tape> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| FormatError::Unreadable { file: file.to_owned(), reason: error.to_string() })?;
    let folder = file.parent().unwrap_or_else(|| Path::new(""));
    if file.extension().is_some_and(|extension| extension == "json") {
        let value = parse_json(&text).map_err(|error| FormatError::Syntax(error.to_string()))?;
        return tape(&value, folder);
    }
    parse(&text, folder)
}

/// Reads JSON or YAML text; `folder` is where `body_file` counts from.
///
/// # Errors
/// [`FormatError`] where it does not fit.
pub fn parse(text: &str, folder: &Path) -> Result<Tape> {
    let value = match parse_json(text) {
        Ok(value) => value,
        Err(_) => parse_yaml(text).map_err(|error| FormatError::Syntax(error.to_string()))?,
    };
    tape(&value, folder)
}

/// Reads a file with one request: `{method, path, query, headers, body}`.
///
/// # Errors
/// [`FormatError`] where it cannot be read or does not fit.
pub fn read_request(file: &Path) -> Result<Expected> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| FormatError::Unreadable { file: file.to_owned(), reason: error.to_string() })?;
    let value = match parse_json(&text) {
        Ok(value) => value,
        Err(_) => parse_yaml(&text).map_err(|error| FormatError::Syntax(error.to_string()))?,
    };
    expected(&value, "the request", file.parent().unwrap_or_else(|| Path::new("")))
}

fn wrong<T>(place: &str, message: impl Display) -> Result<T> {
    Err(FormatError::Shape { place: place.to_owned(), message: message.to_string() })
}

/// The members of an object, all of them known.
fn members<'a>(value: &'a Exact, place: &str, known: &[&str]) -> Result<&'a [(String, Exact)]> {
    let Exact::Object(members) = value else {
        return wrong(place, format!("it is {} and must be an object with {}", value.kind(), known.join(", ")));
    };
    match members.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => wrong(place, format!("there is no member `{name}`; it takes {}", known.join(", "))),
        None => Ok(members),
    }
}

fn tape(value: &Exact, folder: &Path) -> Result<Tape> {
    let mut tape = Tape::default();
    let list = match value {
        Exact::Array(list) => list,
        _ => {
            let mut list = None;
            for (name, value) in members(value, "the file", &["order", "exchanges", "format", "call_id", "started_at"])?
            {
                match name.as_str() {
                    "order" => {
                        tape.any_order = match value.as_text() {
                            Some("any") => true,
                            Some("strict") => false,
                            _ => return wrong("order", "it is `any` or `strict`"),
                        }
                    }
                    "format" => match value {
                        Exact::Number(number) if number == "1" => {}
                        other => {
                            return wrong(
                                "format",
                                format!("this is format {other}, and only 1 is known; record it again"),
                            );
                        }
                    },
                    "call_id" => tape.call_id = Some(scalar(value, "call_id")?),
                    "started_at" => tape.started_at = Some(time(value, "started_at")?),
                    _ => match value {
                        Exact::Array(exchanges) => list = Some(exchanges),
                        other => {
                            return wrong("exchanges", format!("it is {} and must be a list", other.kind()));
                        }
                    },
                }
            }
            match list {
                Some(list) => list,
                None => {
                    return wrong(
                        "the file",
                        "it has no `exchanges`; it is a list of exchanges, or an object that holds one",
                    );
                }
            }
        }
    };
    for (index, value) in list.iter().enumerate() {
        tape.exchanges.push(exchange(value, &format!("exchange {}", index + 1), folder)?);
    }
    Ok(tape)
}

fn exchange(value: &Exact, place: &str, folder: &Path) -> Result<Exchange> {
    let mut exchange = Exchange { clock: None, request: Expected::default(), response: Answer::default() };
    let mut answered = false;
    for (name, value) in members(value, place, &["request", "response", "clock"])? {
        match name.as_str() {
            "request" => exchange.request = expected(value, &format!("{place}, request"), folder)?,
            "clock" => exchange.clock = Some(time(value, &format!("{place}, clock"))?),
            _ => {
                exchange.response = answer(value, &format!("{place}, response"), folder)?;
                answered = true;
            }
        }
    }
    if answered { Ok(exchange) } else { wrong(place, "it has no `response`") }
}

fn expected(value: &Exact, place: &str, folder: &Path) -> Result<Expected> {
    let mut expected = Expected::default();
    let known = ["method", "host", "path", "query", "headers", "body", "body_lines", "body_base64", "body_file"];
    for (name, value) in members(value, place, &known)? {
        let place = format!("{place}, {name}");
        match name.as_str() {
            "method" => expected.method = Some(scalar(value, &place)?.to_ascii_uppercase()),
            "host" => expected.host = Some(scalar(value, &place)?),
            "path" => expected.path = Some(scalar(value, &place)?),
            "query" => {
                expected.query = Some(match value {
                    Exact::Text(text) => pairs(text.strip_prefix('?').unwrap_or(text)),
                    Exact::Null => Vec::new(),
                    map => listed(map, &place)?,
                });
            }
            "headers" => {
                for (name, value) in members_of_any(value, &place)? {
                    let value =
                        if *value == Exact::Null { None } else { Some(scalar(value, &format!("{place}, {name}"))?) };
                    expected.headers.push((name.to_ascii_lowercase(), value));
                }
            }
            _ => once(&mut expected.body, content(name, value, &place, folder)?, &place)?,
        }
    }
    // A path with its query in one piece, as people copy it from a log.
    if let Some((path, query)) = expected.path.as_deref().and_then(|path| path.split_once('?')) {
        if expected.query.is_some() {
            return wrong(place, "the path holds a query, and `query` stands beside it");
        }
        expected.query = Some(pairs(query));
        expected.path = Some(path.to_owned());
    }
    Ok(expected)
}

fn answer(value: &Exact, place: &str, folder: &Path) -> Result<Answer> {
    let mut answer = Answer::default();
    let known = [
        "status",
        "headers",
        "body",
        "body_lines",
        "body_base64",
        "body_file",
        "delay_ms",
        "break_after",
        "failure",
        "reason",
        "phase",
    ];
    let (mut failure, mut reason, mut phase) = (None, None, None);
    for (name, value) in members(value, place, &known)? {
        let place = format!("{place}, {name}");
        match name.as_str() {
            "status" => {
                answer.status = match number(value, &place)? {
                    status @ 200..=599 => u16::try_from(status).unwrap_or(599),
                    other => {
                        return wrong(&place, format!("{other} is not a status between 200 and 599"));
                    }
                }
            }
            "headers" => answer.headers = listed(value, &place)?,
            "delay_ms" => answer.delay = Duration::from_millis(number(value, &place)?),
            "break_after" => answer.break_after = Some(usize::try_from(number(value, &place)?).unwrap_or(usize::MAX)),
            "failure" => failure = Some(scalar(value, &place)?),
            "reason" => reason = Some(scalar(value, &place)?),
            "phase" => phase = Some(scalar(value, &place)?),
            _ => once(&mut answer.body, content(name, value, &place, folder)?, &place)?,
        }
    }
    for (name, value) in &answer.headers {
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() || http::HeaderValue::from_str(value).is_err() {
            return wrong(place, format!("`{name}: {value}` is not a header"));
        }
    }
    if let Some(kind) = failure {
        answer.failure = Some(no_answer(&kind, reason, phase.as_deref(), place)?);
    }
    Ok(answer)
}

/// A failure by its name. The authority is put in when it happens.
fn no_answer(kind: &str, reason: Option<String>, phase: Option<&str>, place: &str) -> Result<Failure> {
    let authority = String::new();
    let reason = reason.unwrap_or_else(|| "as scripted".to_owned());
    Ok(match kind {
        "unresolved" => Failure::Unresolved { host: authority },
        "unreachable" => Failure::Unreachable { authority, reason },
        "certificate" => Failure::Certificate { authority, fault: CertificateFault::Other, reason },
        "tls" => Failure::Tls { authority, reason },
        "broken" => Failure::Broken { authority, reason },
        "timed-out" => Failure::TimedOut {
            authority,
            phase: match phase {
                Some("connect") => "connect",
                Some("between bytes") => "between bytes",
                _ => "first byte",
            },
        },
        other => {
            return wrong(
                place,
                format!(
                    "there is no failure `{other}`; it is unresolved, unreachable, certificate, tls, timed-out or broken"
                ),
            );
        }
    })
}

fn once(body: &mut Option<Content>, content: Content, place: &str) -> Result<()> {
    if body.replace(content).is_some() { wrong(place, "the body stands here twice") } else { Ok(()) }
}

fn content(name: &str, value: &Exact, place: &str, folder: &Path) -> Result<Content> {
    Ok(match (name, value) {
        ("body", Exact::Text(text)) => Content::Text(text.clone()),
        ("body", value) => Content::Json(value.clone()),
        ("body_lines", Exact::Array(lines)) => {
            let lines = lines.iter().map(|line| scalar(line, place)).collect::<Result<Vec<_>>>()?;
            Content::Text(lines.join("\n"))
        }
        ("body_lines", other) => {
            return wrong(place, format!("it is {} and must be a list of lines", other.kind()));
        }
        ("body_base64", value) => match STANDARD.decode(scalar(value, place)?) {
            Ok(bytes) => Content::Bytes(Bytes::from(bytes)),
            Err(error) => return wrong(place, format!("it is not base64: {error}")),
        },
        (_, value) => {
            let file = folder.join(scalar(value, place)?);
            match std::fs::read(&file) {
                Ok(bytes) => Content::Bytes(Bytes::from(bytes)),
                Err(error) => {
                    return Err(FormatError::Unreadable { file, reason: error.to_string() });
                }
            }
        }
    })
}

fn members_of_any<'a>(value: &'a Exact, place: &str) -> Result<&'a [(String, Exact)]> {
    match value {
        Exact::Object(members) => Ok(members),
        other => wrong(place, format!("it is {} and must be an object", other.kind())),
    }
}

/// Pairs of an object whose values are scalars or lists of scalars.
fn listed(value: &Exact, place: &str) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for (name, value) in members_of_any(value, place)? {
        let place = format!("{place}, {name}");
        match value {
            Exact::Array(items) => {
                for item in items {
                    found.push((name.clone(), scalar(item, &place)?));
                }
            }
            one => found.push((name.clone(), scalar(one, &place)?)),
        }
    }
    Ok(found)
}

fn scalar(value: &Exact, place: &str) -> Result<String> {
    Ok(match value {
        Exact::Text(text) => text.clone(),
        Exact::Number(number) => number.clone(),
        Exact::Bool(value) => value.to_string(),
        other => return wrong(place, format!("it is {} and must be text", other.kind())),
    })
}

fn number(value: &Exact, place: &str) -> Result<u64> {
    match value {
        Exact::Number(number) => {
            number.parse().or_else(|_| wrong(place, format!("{number} is not a whole number from 0")))
        }
        other => wrong(place, format!("it is {} and must be a whole number", other.kind())),
    }
}

fn time(value: &Exact, place: &str) -> Result<Timestamp> {
    scalar(value, place)?
        .parse()
        .or_else(|error| wrong(place, format!("it is not a time such as 2026-01-31T12:00:00Z: {error}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn script(text: &str) -> Result<Tape> {
        parse(text, Path::new(""))
    }

    #[test]
    fn a_script_by_hand_reads_as_it_looks() {
        let tape = script(
            "- request:\n    method: get\n    path: /api/invoices?limit=2\n    headers: {REST-Framework-Version: 4, Cookie: null}\n  response:\n    \
             headers: {Set-Cookie: [a=1, b=2]}\n    body: {id: 300000012345678901, amount: 0.10}\n\
             - request: {query: {q: \"A > 1\", fields: [a, b]}}\n  response: {status: 503, delay_ms: 50, body: \"busy\\n\"}\n",
        )
        .unwrap();
        let first = &tape.exchanges[0];
        assert_eq!(first.request.method.as_deref(), Some("GET"));
        assert_eq!(first.request.path.as_deref(), Some("/api/invoices"));
        assert_eq!(first.request.query, Some(vec![("limit".to_owned(), "2".to_owned())]));
        assert_eq!(
            first.request.headers,
            [("rest-framework-version".to_owned(), Some("4".to_owned())), ("cookie".to_owned(), None)]
        );
        assert_eq!(first.response.headers.len(), 2);
        assert_eq!(first.response.body.as_ref().unwrap().bytes(), r#"{"id":300000012345678901,"amount":0.10}"#);
        assert_eq!(tape.exchanges[1].request.query.as_ref().unwrap().len(), 3);
        assert_eq!(tape.exchanges[1].response.body.as_ref().unwrap().bytes(), "busy\n");
        assert!(!tape.any_order && tape.call_id.is_none());
    }

    #[test]
    fn any_order_is_said_on_top() {
        assert!(script("order: any\nexchanges: []\n").unwrap().any_order);
        assert!(script("order: some\nexchanges: []\n").unwrap_err().to_string().contains("`any` or `strict`"));
    }

    #[test]
    fn faults_name_the_exchange_and_the_member() {
        for (text, wanted) in [
            ("", "it is empty"),
            ("a: [", "neither JSON nor YAML"),
            ("{}", "the file: it has no `exchanges`"),
            ("{\"requests\": []}", "there is no member `requests`"),
            ("[{\"request\": {}}]", "exchange 1: it has no `response`"),
            (
                "[{\"response\": {}}, {\"response\": {\"staus\": 200}}]",
                "exchange 2, response: there is no member `staus`",
            ),
            ("[{\"response\": {\"status\": 20}}]", "exchange 1, response, status: 20 is not a status"),
            ("[{\"response\": {\"body\": 1, \"body_base64\": \"\"}}]", "the body stands here twice"),
            ("[{\"response\": {\"body_base64\": \"?\"}}]", "it is not base64"),
            ("[{\"response\": {\"failure\": \"odd\"}}]", "there is no failure `odd`"),
            ("[{\"response\": {\"headers\": {\"a b\": \"c\"}}}]", "is not a header"),
            ("[{\"response\": {\"body_file\": \"no-such-file\"}}]", "no-such-file cannot be read"),
            ("- response: {body: {amount: 0x1F}}", "write it as JSON does, or in quotes"),
        ] {
            let error = script(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}:,\"a-z0-9 \n-]*") {
            let _ = script(&text);
        }
    }
}
