//! Over real sockets.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;

use host_harness::Run;
use host_harness::transport::Failure;
use host_harness::transport::live::Live;

use crate::support::{invoke, run_over, serve};

fn run_to(port: u16) -> Run {
    let mut run = run_over(Live::new());
    run.policy.allow_http(&format!("127.0.0.1:{port}")).unwrap();
    run
}

fn at(port: u16, path: &str) -> Value {
    json!({"url": format!("http://127.0.0.1:{port}{path}")})
}

#[tokio::test]
async fn an_exchange_over_tcp() {
    let port = serve(None).await;
    let run = run_to(port);
    let done = invoke(&run, "fetches", at(port, "/size/3000000")).await.unwrap();
    assert_eq!((&done["status"], &done["bytes"]), (&json!(200), &json!(3_000_000)));
    let mut post = at(port, "/");
    post["body"] = json!("hello".repeat(20_000));
    assert_eq!(invoke(&run, "fetches", post).await.unwrap()["bytes"], 100_000);
    let done = invoke(&run, "fetches", at(port, "/host")).await.unwrap();
    assert_eq!(done["text"], format!("127.0.0.1:{port}"));
    assert_eq!(run.usage().requests, 3);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let port = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
    let run = run_to(port);
    let ended = invoke(&run, "fetches", at(port, "/")).await.unwrap_err();
    assert!(ended.to_string().contains("ConnectionRefused"), "{ended}");
    assert!(
        matches!(&run.failures()[..], [Failure::Unreachable { authority, .. }] if *authority == format!("127.0.0.1:{port}"))
    );
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_named() {
    let mut run = run_over(Live::new());
    run.policy.allow_host("no-such-host.invalid").unwrap();
    let ended = invoke(&run, "fetches", json!({"url": "https://no-such-host.invalid/"})).await.unwrap_err();
    assert!(ended.to_string().contains("DnsError"), "{ended}");
    assert_eq!(run.failures()[0].to_string(), "the name no-such-host.invalid does not resolve");
}

#[tokio::test]
async fn a_slow_head_times_out_and_says_so() {
    let port = serve(None).await;
    let run = run_to(port);
    let mut input = at(port, "/slow/60000");
    input["first_byte_ms"] = json!(150);
    let start = Instant::now();
    let ended = invoke(&run, "fetches", input).await.unwrap_err();
    assert!(ended.to_string().contains("HttpResponseTimeout"), "{ended}");
    assert!(matches!(run.failures()[0], Failure::TimedOut { phase: "first byte", .. }));
    assert!(start.elapsed() >= Duration::from_millis(150) && start.elapsed() < Duration::from_secs(5));
}

/// Reads a request's head, writes some bytes, then keeps quiet or hangs up.
async fn stub(bytes: &'static [u8], hang_up: bool) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                stream.write_all(bytes).await.unwrap();
                if !hang_up {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_pause_in_a_body_times_out_and_says_so() {
    let port = stub(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", false).await;
    let run = run_to(port);
    let mut input = at(port, "/");
    input["between_ms"] = json!(150);
    let ended = invoke(&run, "fetches", input).await.unwrap_err();
    assert!(ended.to_string().contains("ConnectionReadTimeout"), "{ended}");
    assert!(matches!(run.failures()[0], Failure::TimedOut { phase: "between bytes", .. }));
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_apart_from_none() {
    for bytes in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"] {
        let port = stub(bytes, true).await;
        let run = run_to(port);
        let ended = invoke(&run, "fetches", at(port, "/")).await.unwrap_err();
        assert!(ended.to_string().contains("ConnectionTerminated"), "{ended}");
        assert!(matches!(run.failures()[..], [Failure::Broken { .. }]), "{:?}", run.failures());
    }
}

#[tokio::test]
async fn a_handshake_that_never_ends_times_out() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut run = run_over(Live::new());
    run.policy.allow_host(&format!("127.0.0.1:{port}")).unwrap();
    let input = json!({"url": format!("https://127.0.0.1:{port}/"), "connect_ms": 150});
    let ended = invoke(&run, "fetches", input).await.unwrap_err();
    assert!(ended.to_string().contains("ConnectionTimeout"), "{ended}");
    assert!(matches!(run.failures()[0], Failure::TimedOut { phase: "connect", .. }));
}
