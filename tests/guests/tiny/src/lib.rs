//! A guest of the contract that knows no Fusion: each operation shows one thing that a host must cope with.
//!
//! `pends`, `receives` and `polls` behave well and at length; `traps`, `panics`, `loops` and `allocates`
//! misbehave; `waits` and `fetches` use the clock and the network; `fails` answers with an error of its own;
//! `guarded` wants a session.

#![cfg(target_family = "wasm")]
// It panics on purpose, and indexing a `serde_json::Value` by name never does.
#![allow(clippy::panic, clippy::indexing_slicing)]

mod fetch;
mod manifest;
mod signing;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[allow(warnings)]
mod contract {
    wit_bindgen::generate!({ path: "../../../wit", world: "connector" });
    export!(Tiny with_types_in self);
    use super::Tiny;
}

use contract::exports::ipaas::connector::{actions, catalog, connections, forms, triggers, types};

use actions::{Outcome, Pending};
use types::{Call, Connection, Error, Problem, ProblemKind, Session};

/// The component.
pub struct Tiny;

fn problem(kind: ProblemKind, message: &str) -> Problem {
    Problem {
        kind,
        message: message.to_owned(),
        remedy: None,
        http_status: None,
        remote_code: None,
        trace_id: None,
        retry_after_ms: None,
        fields: Vec::new(),
    }
}

fn permanent(kind: ProblemKind, message: &str) -> Error {
    Error::Permanent(problem(kind, message))
}

fn read(input: &str) -> Result<Value, Error> {
    serde_json::from_str(input).map_err(|_| permanent(ProblemKind::InvalidInput, "this is not JSON"))
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

impl catalog::Guest for Tiny {
    fn describe() -> Result<catalog::Manifest, Error> {
        Ok(manifest::manifest())
    }
}

impl connections::Guest for Tiny {
    fn authenticate(connection: Connection) -> Result<Session, Error> {
        signing::authenticate(connection)
    }

    fn authorize_url(settings: String, redirect_uri: String) -> Result<connections::Authorization, Error> {
        signing::authorize_url(&settings, &redirect_uri)
    }

    fn complete_authorization(
        _settings: String,
        _redirect_uri: String,
        keep: String,
        query: String,
    ) -> Result<Session, Error> {
        signing::complete(&keep, &query)
    }

    fn test(connection: Connection) -> Result<connections::ConnectionReport, Error> {
        let check = |id: &str, title: &str, status, cause: Option<&str>, remedy: Option<&str>| connections::Check {
            id: id.to_owned(),
            title: title.to_owned(),
            status,
            cause: cause.map(str::to_owned),
            remedy: remedy.map(str::to_owned),
        };
        let mut checks = vec![check("sign_in", "Signing in", connections::CheckStatus::Ok, None, None)];
        if read(&connection.settings)?["troubled"] == true {
            checks.extend([
                check(
                    "clock",
                    "The clock",
                    connections::CheckStatus::Warning,
                    Some("This machine's clock is 4 minutes behind."),
                    Some("Set it by a time server."),
                ),
                check(
                    "data",
                    "Reading data",
                    connections::CheckStatus::Failed,
                    Some(
                        "The user signs in, and may not read a single invoice, since no role of theirs grants it in any business unit.",
                    ),
                    Some("Ask an administrator for the role Accounts Payable Specialist: Tools > Security Console > Users."),
                ),
            ]);
        }
        Ok(connections::ConnectionReport { checks })
    }
}

impl forms::Guest for Tiny {
    fn resolve_schema(
        _connection: Connection,
        operation: String,
        _input: String,
    ) -> Result<forms::OperationSchemas, Error> {
        let found = manifest::manifest().operations.into_iter().find(|known| known.id == operation);
        let known = found.ok_or_else(|| permanent(ProblemKind::NotFound, "there is no such operation"))?;
        Ok(forms::OperationSchemas { input: known.input_schema, output: known.output_schema, fresh_for_seconds: 60 })
    }

    fn list_options(
        _connection: Connection,
        _source: String,
        _input: String,
        _search: Option<String>,
        _page: Option<String>,
    ) -> Result<forms::OptionPage, Error> {
        let choice = forms::Choice { value: json!("only").to_string(), label: "The only one".to_owned() };
        Ok(forms::OptionPage { options: vec![choice], next_page: None })
    }
}

impl actions::Guest for Tiny {
    fn invoke(connection: Connection, _call: Call, action: String, input: String) -> Result<Outcome, Error> {
        let input = read(&input)?;
        match action.as_str() {
            "pends" => Ok(pending(1)),
            "traps" => core::arch::wasm32::unreachable(),
            "panics" => panic!("the secret is {}", input["secret"]),
            "loops" => loop {
                std::hint::spin_loop();
            },
            "allocates" => allocates(),
            "waits" => waits(number(&input, "ms")),
            "fetches" => fetch::fetches(&input),
            "fails" => fails(&input),
            "guarded" => signing::guarded(&connection, &input),
            _ => Err(permanent(ProblemKind::NotFound, "there is no such action")),
        }
    }

    fn resume(
        _connection: Connection,
        _call: Call,
        action: String,
        _input: String,
        token: String,
    ) -> Result<Outcome, Error> {
        match (action.as_str(), number(&read(&token)?, "step")) {
            ("pends", 1) => Ok(pending(2)),
            ("pends", step) => Ok(Outcome::Done(json!({"steps": step}).to_string())),
            _ => Err(permanent(ProblemKind::Unsupported, "this action never answers pending")),
        }
    }
}

/// The token grows, so that a host which keeps an old one is found out.
fn pending(step: u64) -> Outcome {
    Outcome::Pending(Pending {
        token: json!({"step": step, "passed": vec!["step"; usize::try_from(step).unwrap_or(0)]}).to_string(),
        retry_after_ms: 5_000,
        status: format!("step {step} of 2"),
        progress: u8::try_from(step * 33).ok(),
    })
}

fn allocates() -> ! {
    let mut held = Vec::new();
    loop {
        held.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&held);
    }
}

fn waits(ms: u64) -> Result<Outcome, Error> {
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(ms));
    let waited = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Outcome::Done(json!({"waited_ms": waited}).to_string()))
}

fn fails(input: &Value) -> Result<Outcome, Error> {
    if input.get("how").and_then(Value::as_str) == Some("transient") {
        let mut busy = problem(ProblemKind::RateLimited, "too many requests");
        busy.retry_after_ms = Some(1_500);
        return Err(Error::Transient(busy));
    }
    Err(permanent(ProblemKind::Conflict, "there is one already"))
}

impl triggers::Guest for Tiny {
    /// Two events for each poll, numbered on; the cursor is how far it came. The input changes that: `batch`
    /// events at a time, none after the `last`, the `overlap` before them handed over again, the next poll after
    /// `next_ms`, and `how` to fail. A cursor of another `question` is refused.
    fn poll(
        _connection: Connection,
        _call: Call,
        trigger: String,
        input: String,
        cursor: Option<String>,
    ) -> Result<triggers::PollResult, Error> {
        if trigger != "polls" {
            return Err(permanent(ProblemKind::Unsupported, "this trigger does not poll"));
        }
        let input = read(&input)?;
        if input.get("how").is_some() {
            return match fails(&input) {
                Err(error) => Err(error),
                Ok(_) => Err(permanent(ProblemKind::Internal, "this fails")),
            };
        }
        let or = |name: &str, usual: u64| input.get(name).and_then(Value::as_u64).unwrap_or(usual);
        let before = cursor.map_or(Ok(json!({})), |cursor| read(&cursor))?;
        if before.get("seen").is_some() && before["question"] != input["question"] {
            return Err(permanent(ProblemKind::InvalidInput, "The cursor belongs to another question."));
        }
        let seen = number(&before, "seen");
        let last = or("last", u64::MAX);
        let to = (seen + or("batch", 2)).min(last).max(seen);
        let event = |number: u64| triggers::Event {
            dedup_key: format!("event-{number}"),
            occurred_at: Some("2026-01-31T00:00:00Z".to_owned()),
            payload: json!({"number": number}).to_string(),
        };
        Ok(triggers::PollResult {
            events: (seen.saturating_sub(or("overlap", 0)) + 1..=to).map(event).collect(),
            cursor: json!({"seen": to, "question": input["question"]}).to_string(),
            has_more: to < last.min(6),
            next_poll_after_ms: Some(or("next_ms", 60_000)),
            dedup_for_ms: 3_600_000,
            warnings: Vec::new(),
        })
    }

    /// Echoes the request, as one event and as the answer to the caller.
    fn receive(
        _connection: Connection,
        _call: Call,
        trigger: String,
        _input: String,
        request: triggers::WebhookRequest,
    ) -> Result<triggers::Receipt, Error> {
        if trigger != "receives" {
            return Err(permanent(ProblemKind::Unsupported, "this trigger only polls"));
        }
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let event = triggers::Event {
            dedup_key: text.clone(),
            occurred_at: None,
            payload: json!({"method": request.method, "path": request.path_with_query, "text": text}).to_string(),
        };
        Ok(triggers::Receipt { events: vec![event], status: 202, headers: request.headers, body: request.body })
    }
}
