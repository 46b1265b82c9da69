//! Every function of the contract, every way in which a call can end, and that the next one works.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use http::{Request, Response};
use serde_json::json;

use host_harness::contract::actions::Outcome;
use host_harness::contract::catalog::{Delivery, Kind};
use host_harness::contract::triggers::WebhookRequest;
use host_harness::contract::types::{Error, ProblemKind};
use host_harness::transport::{Body, Failure, Timeouts, Transport};
use host_harness::{CallError, CompileCache, Engine, EngineOptions, Limits, Policy, Run};

use crate::support::{HOST, call, connection, connector, guest, invoke, run, run_over};

/// After anything that went wrong, an ordinary call works.
async fn goes_on(run: &Run) {
    let done = invoke(run, "fetches", json!({"url": format!("https://{HOST}/on")})).await.unwrap();
    assert_eq!(done["text"], "/on");
}

#[tokio::test]
async fn the_manifest_lists_actions_and_triggers() {
    let manifest = connector().describe(&run()).await.unwrap();
    assert_eq!(manifest.name, "tiny");
    let pends = manifest.operations.iter().find(|operation| operation.id == "pends").unwrap();
    assert!(matches!(pends.kind, Kind::Action) && pends.deliveries.is_empty());
    let receives = manifest.operations.iter().find(|operation| operation.id == "receives").unwrap();
    assert!(matches!(receives.deliveries[..], [Delivery::Receive]));
}

#[tokio::test]
async fn signing_in_and_forms_answer() {
    let (connector, run, connection) = (connector(), run(), connection());
    let session = connector.authenticate(&run, &connection).await.unwrap();
    assert_eq!(session.value, r#"{"signed":"in"}"#);
    let authorization = connector.authorize_url(&run, "{}", "https://back.example.com/").await.unwrap();
    assert!(authorization.url.contains("back.example.com"));
    let session = connector
        .complete_authorization(&run, "{}", "https://b/", &authorization.keep, "state=kept-state&code=1")
        .await;
    assert_eq!(session.unwrap().value, r#"{"token":"1"}"#);
    assert_eq!(connector.test(&run, &connection).await.unwrap().checks.len(), 1);
    let schemas = connector.resolve_schema(&run, &connection, "waits", "{}").await.unwrap();
    assert!(schemas.input.contains("\"ms\""));
    let page = connector.list_options(&run, &connection, "any", "{}", None, None).await.unwrap();
    assert_eq!(page.options[0].label, "The only one");
}

#[tokio::test]
async fn a_pending_job_is_resumed_to_its_end() {
    let (connector, run) = (connector(), run());
    let mut outcome = connector.invoke(&run, &connection(), &call(), "pends", "{}").await.unwrap();
    let mut tokens = Vec::new();
    let output = loop {
        match outcome {
            Outcome::Done(output) => break output,
            Outcome::Pending(pending) => {
                assert_eq!(pending.retry_after_ms, 5_000);
                outcome = connector.resume(&run, &connection(), &call(), "pends", "{}", &pending.token).await.unwrap();
                tokens.push(pending.token);
            }
        }
    };
    assert_eq!(output, r#"{"steps":2}"#);
    assert!(tokens.len() == 2 && tokens[0].len() < tokens[1].len(), "{tokens:?}");
}

#[tokio::test]
async fn a_webhook_is_received_and_echoed() {
    let request = WebhookRequest {
        method: "POST".into(),
        path_with_query: "/hook?a=b".into(),
        headers: vec![("x-mark".into(), "7".into())],
        body: b"hello".to_vec(),
    };
    let receipt = connector().receive(&run(), &connection(), &call(), "receives", "{}", &request).await.unwrap();
    assert_eq!((receipt.status, &receipt.body[..], &receipt.headers), (202, &b"hello"[..], &request.headers));
    assert_eq!(receipt.events[0].payload, r#"{"method":"POST","path":"/hook?a=b","text":"hello"}"#);
}

#[tokio::test]
async fn polls_go_on_from_their_cursor() {
    let (connector, run) = (connector(), run());
    let first = connector.poll(&run, &connection(), &call(), "polls", "{}", None).await.unwrap();
    let next = connector.poll(&run, &connection(), &call(), "polls", "{}", Some(&first.cursor)).await.unwrap();
    let keys: Vec<_> = first.events.iter().chain(&next.events).map(|event| event.dedup_key.as_str()).collect();
    assert_eq!(keys, ["event-1", "event-2", "event-3", "event-4"]);
}

#[tokio::test]
async fn an_error_of_the_connector_comes_as_it_is() {
    let run = run();
    let transient = invoke(&run, "fails", json!({"how": "transient"})).await.unwrap_err();
    assert!(matches!(&transient, CallError::Problem { error: Error::Transient(problem) }
        if matches!(problem.kind, ProblemKind::RateLimited) && problem.retry_after_ms == Some(1_500)));
    let permanent = invoke(&run, "fails", json!({"how": "permanent"})).await.unwrap_err();
    assert_eq!(permanent.to_string(), "there is one already");
}

#[tokio::test]
async fn a_trap_ends_one_call_and_no_other() {
    let run = run();
    let trapped = invoke(&run, "traps", json!({})).await.unwrap_err();
    assert!(matches!(trapped, CallError::Trapped { .. }), "{trapped:?}");
    goes_on(&run).await;
}

#[tokio::test]
async fn a_panic_names_its_place_and_none_of_its_words() {
    let run = run();
    let trapped = invoke(&run, "panics", json!({"secret": "hunter2"})).await.unwrap_err();
    let told = format!("{trapped} {trapped:?}");
    assert!(told.contains("after a panic at") && told.contains("lib.rs:"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    goes_on(&run).await;
}

#[tokio::test]
async fn a_loop_ends_with_the_deadline() {
    let limits = Limits { deadline: Some(Duration::from_millis(200)), ..Limits::default() };
    let run = run().within(limits);
    let start = Instant::now();
    let ended = invoke(&run, "loops", json!({})).await.unwrap_err();
    assert!(matches!(ended, CallError::OutOfTime { .. }), "{ended:?}");
    assert!(start.elapsed() < Duration::from_millis(1_000), "{:?}", start.elapsed());
    goes_on(&run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_does_not_hold_up_its_neighbours() {
    let limits = Limits { deadline: Some(Duration::from_millis(500)), ..Limits::default() };
    let (looping, other) = (run().within(limits), run());
    let (ended, ()) = tokio::join!(invoke(&looping, "loops", json!({})), goes_on(&other));
    assert!(matches!(ended, Err(CallError::OutOfTime { .. })));
}

#[tokio::test]
async fn more_calls_than_there_is_room_for_wait_their_turn() {
    let options = EngineOptions { cache: CompileCache::Off, concurrent_calls: 2, ..EngineOptions::default() };
    let connector = Engine::with_options(options).unwrap().load(guest()).unwrap();
    let run = run();
    let calls = (0..20).map(|_| connector.describe(&run));
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_loop_ends_with_its_fuel() {
    let run = run().within(Limits { fuel: Some(100_000_000), ..Limits::default() });
    let ended = invoke(&run, "loops", json!({})).await.unwrap_err();
    assert!(matches!(ended, CallError::OutOfFuel { fuel: 100_000_000 }), "{ended:?}");
    goes_on(&run).await;
}

#[tokio::test]
async fn a_wait_for_an_answer_ends_with_the_deadline() {
    let limits = Limits { deadline: Some(Duration::from_millis(100)), ..Limits::default() };
    let run = run().within(limits);
    let ended = invoke(&run, "fetches", json!({"url": format!("https://{HOST}/slow/60000")})).await.unwrap_err();
    assert!(matches!(ended, CallError::OutOfTime { .. }), "{ended:?}");
}

#[tokio::test]
async fn greed_ends_with_the_memory() {
    let run = run().within(Limits { memory: 32 << 20, ..Limits::default() });
    let ended = invoke(&run, "allocates", json!({})).await.unwrap_err();
    assert!(matches!(ended, CallError::OutOfMemory { limit } if limit == 32 << 20), "{ended:?}");
    assert!(run.usage().peak_memory <= 32 << 20 && run.usage().peak_memory > 16 << 20);
    goes_on(&run).await;
}

#[tokio::test]
async fn what_the_policy_does_not_list_is_denied_and_named() {
    let run = run();
    for url in ["https://elsewhere.example.com/", "http://pod.example.com/", "https://pod.example.com:8443/"] {
        let denied = invoke(&run, "fetches", json!({"url": url})).await.unwrap_err();
        assert!(denied.to_string().contains("HttpRequestDenied"), "{denied}");
    }
    assert_eq!(run.usage().requests, 0);
    let told: Vec<_> = run.failures().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3);
    assert_eq!(told[0], "https://elsewhere.example.com is not among the hosts that this connection may talk to");
    assert!(told[1].starts_with("http://pod.example.com is plain http"), "{}", told[1]);
    goes_on(&run).await;
}

#[tokio::test]
async fn describe_needs_no_policy() {
    let run = Run::new(run().transport, Policy::new());
    assert!(connector().describe(&run).await.is_ok());
    assert_eq!(run.usage().requests, 0);
}

#[tokio::test]
async fn bodies_go_both_ways() {
    let run = run();
    let text = "x".repeat(300_000);
    let done = invoke(&run, "fetches", json!({"url": format!("https://{HOST}/"), "body": text})).await.unwrap();
    assert_eq!(done["bytes"], 300_000);
    let done = invoke(&run, "fetches", json!({"url": format!("https://{HOST}/size/5000000")})).await.unwrap();
    assert_eq!(done["bytes"], 5_000_000);
    let done = invoke(&run, "fetches", json!({"url": format!("https://{HOST}/host")})).await.unwrap();
    assert_eq!(done["text"], HOST);
}

/// Answers nothing that anybody expects.
struct Unscripted;

impl Transport for Unscripted {
    fn send(&self, request: Request<Body>, _: Timeouts) -> BoxFuture<'static, Result<Response<Body>, Failure>> {
        let failure = Failure::Unexpected(format!("no exchange for {}", request.uri()));
        Box::pin(std::future::ready(Err(failure)))
    }
}

#[tokio::test]
async fn an_exchange_that_no_script_has_ends_the_call() {
    let run = run_over(Unscripted);
    let ended = invoke(&run, "fetches", json!({"url": format!("https://{HOST}/x")})).await.unwrap_err();
    assert!(
        matches!(&ended, CallError::Unexpected { message } if message == "no exchange for https://pod.example.com/x")
    );
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_told() {
    let run = run().with_files("/nowhere/at/all");
    let ended = connector().describe(&run).await.unwrap_err();
    assert!(matches!(ended, CallError::Files { .. }), "{ended:?}");
}
