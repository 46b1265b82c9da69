//! The guest, a router to mount, and servers on loopback.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::Value;
use tokio::net::TcpListener;

use host_harness::contract::actions::Outcome;
use host_harness::contract::types::{Call, Connection};
use host_harness::transport::Transport;
use host_harness::transport::mounted::Mounted;
use host_harness::{CallError, CompileCache, Connector, Engine, EngineOptions, Policy, Run};

pub const HOST: &str = "pod.example.com";

pub fn guest() -> PathBuf {
    std::env::var_os("TINY_GUEST_WASM")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dist/tiny-guest.wasm"), PathBuf::from)
}

pub fn engine() -> Engine {
    Engine::with_options(EngineOptions { cache: CompileCache::Off, ..EngineOptions::default() }).unwrap()
}

pub fn connector() -> Connector {
    static LOADED: OnceLock<Connector> = OnceLock::new();
    LOADED.get_or_init(|| engine().load(guest()).unwrap()).clone()
}

pub fn connection() -> Connection {
    Connection { settings: format!(r#"{{"host": "{HOST}", "password": "hunter2"}}"#), session: None }
}

pub fn call() -> Call {
    Call { id: "call-1".into(), attempt: 0, remaining_ms: None }
}

/// A run that may talk to what the settings name, over a router that echoes.
pub fn run() -> Run {
    run_over(Mounted::new(tower::service_fn(answer)))
}

pub fn run_over(transport: impl Transport) -> Run {
    let schema = r#"{"properties": {"host": {"type": "string", "x-connector-origin": true}}}"#;
    Run::new(Arc::new(transport), Policy::from_settings(schema, &connection().settings).unwrap())
}

/// Runs an action to its first answer.
pub async fn invoke(run: &Run, action: &str, input: Value) -> Result<Value, CallError> {
    match connector().invoke(run, &connection(), &call(), action, &input.to_string()).await? {
        Outcome::Done(output) => Ok(serde_json::from_str(&output).unwrap()),
        Outcome::Pending(pending) => panic!("pending: {}", pending.status),
    }
}

/// Echoes a body; a path says how: `/size/N` answers N bytes, `/slow/MS` waits first, `/pause/MS` in the middle.
pub async fn answer<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: std::fmt::Debug,
{
    let path = request.uri().path().to_owned();
    let host = request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or("").to_owned();
    let sent = request.into_body().collect().await.unwrap().to_bytes();
    let number = |prefix: &str| path.strip_prefix(prefix).and_then(|rest| rest.parse::<u64>().ok());
    if let Some(ms) = number("/slow/") {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    let body = match number("/size/") {
        Some(size) => Bytes::from(vec![b'x'; usize::try_from(size).unwrap()]),
        None if path == "/host" => Bytes::from(host),
        None if sent.is_empty() => Bytes::from(path),
        None => sent,
    };
    Ok(Response::new(Full::new(body)))
}

/// A server on loopback; answers its port. With TLS where a configuration is given.
pub async fn serve(tls: Option<rustls::ServerConfig>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = tls.map(|config| tokio_rustls::TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let builder = auto::Builder::new(TokioExecutor::new());
                // What a client makes of a connection is for the client's side to say.
                match acceptor {
                    None => drop(builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await),
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            drop(builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await);
                        }
                    }
                }
            });
        }
    });
    port
}
