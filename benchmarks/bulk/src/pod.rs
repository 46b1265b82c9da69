//! The other end of the wire: a pod that takes a load and gives it a request id. It counts what comes and keeps
//! nothing, so that what is measured is the sender.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;

/// Bytes of all loads that came.
pub type Taken = Arc<AtomicU64>;

/// Serves from a thread of its own until the process ends.
///
/// # Errors
/// Where no port can be had.
pub fn start() -> Result<(SocketAddr, Taken)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no port can be had")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let taken = Taken::default();
    let router = Router::new().fallback(answer).with_state(taken.clone());
    std::thread::spawn(move || {
        runtime.block_on(async move { axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await })
    });
    Ok((address, taken))
}

async fn answer(State(taken): State<Taken>, request: Request<Body>) -> Response {
    let post = request.method() == Method::POST;
    let mut body = request.into_body().into_data_stream();
    while let Some(piece) = body.next().await {
        let Ok(piece) = piece else { return StatusCode::BAD_REQUEST.into_response() };
        taken.fetch_add(u64::try_from(piece.len()).unwrap_or_default(), Ordering::Relaxed);
    }
    let json = [(CONTENT_TYPE, "application/json")];
    if post {
        return (StatusCode::CREATED, json, r#"{"ReqstId":"77","DocumentId":"5"}"#).into_response();
    }
    (json, r#"{"items":[],"count":0,"hasMore":false,"limit":25,"offset":0}"#).into_response()
}
