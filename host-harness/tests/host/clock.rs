//! Whose time it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;

use host_harness::Run;
use host_harness::clock::{Clock, ToldClock};
use host_harness::transport::mounted::Mounted;

use crate::support::{HOST, answer, invoke, run, run_over};

fn told() -> (ToldClock, Run) {
    let clock = ToldClock::at(Timestamp::UNIX_EPOCH);
    (clock.clone(), run().on(Arc::new(clock)))
}

#[tokio::test]
async fn on_a_told_clock_a_day_takes_no_time() {
    let (clock, run) = told();
    let start = Instant::now();
    let day = Duration::from_secs(24 * 60 * 60);
    let done = invoke(&run, "waits", json!({"ms": day.as_millis()})).await.unwrap();
    assert_eq!(done["waited_ms"], json!(day.as_millis()));
    assert_eq!(clock.now().to_string(), "1970-01-02T00:00:00Z");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn on_the_systems_clock_a_wait_waits() {
    let start = Instant::now();
    let done = invoke(&run(), "waits", json!({"ms": 60})).await.unwrap();
    assert!(done["waited_ms"].as_u64().unwrap() >= 60);
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_told_clock_an_answer_on_its_way_beats_a_timer() {
    let (clock, run) = told();
    for path in ["slow/0", "slow/5", "slow/80"] {
        let input = json!({"url": format!("https://{HOST}/{path}"), "timeout_ms": 1_000});
        let done = invoke(&run, "fetches", input).await.unwrap();
        assert_eq!(done["status"], 200, "{path}");
    }
    assert_eq!(clock.monotonic(), Duration::ZERO);
}

#[tokio::test]
async fn on_a_told_clock_a_timer_beats_an_answer_that_never_comes() {
    let (clock, run) = told();
    let input = json!({"url": format!("https://{HOST}/slow/600000"), "timeout_ms": 30_000});
    let done = invoke(&run, "fetches", input).await.unwrap();
    assert_eq!(done["timed_out"], true);
    assert_eq!(clock.monotonic(), Duration::from_secs(30));
}

#[tokio::test]
async fn a_mounted_answer_that_claims_to_be_slow_times_out() {
    let clock = ToldClock::at(Timestamp::UNIX_EPOCH);
    let theirs = clock.clone();
    let slow = tower::service_fn(move |request| {
        theirs.advance(Duration::from_secs(40));
        answer(request)
    });
    let mounted = Mounted::new(slow).on(Arc::new(clock.clone()));
    let run = run_over(mounted).on(Arc::new(clock));
    let ended =
        invoke(&run, "fetches", json!({"url": format!("https://{HOST}/"), "first_byte_ms": 30_000})).await.unwrap_err();
    assert!(ended.to_string().contains("HttpResponseTimeout"), "{ended}");
    assert!(run.failures()[0].to_string().contains("first byte"));
}
