//! Sessions of connections, made as seldom as can be: the token endpoint counts.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};

use host_harness::clock::ToldClock;
use host_harness::sessions::{Keeper, Live, SessionError, Storage};
use host_harness::state::session::SessionFile;
use host_harness::state::{MemoryStore, Session, StateError};
use host_harness::transport::mounted::Mounted;
use host_harness::{CallError, Run};

use crate::support::{connector, run_over};

const SETTINGS: &str = r#"{"host": "pod.example.com", "token_url": "https://pod.example.com/token"}"#;

/// A token endpoint whose refresh tokens rotate: each request must carry the session that was made last.
#[derive(Default)]
struct Endpoint {
    asked: AtomicUsize,
    refuses: AtomicBool,
    last: Mutex<String>,
    misused: AtomicUsize,
}

impl Endpoint {
    async fn answer<B>(self: Arc<Self>, request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: std::fmt::Debug,
    {
        let sent = request.into_body().collect().await.unwrap().to_bytes();
        // Long enough that whoever comes meanwhile waits.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let body = if self.refuses.load(Ordering::SeqCst) {
            let mut refused = Response::new(Full::new(Bytes::new()));
            *refused.status_mut() = http::StatusCode::UNAUTHORIZED;
            return Ok(refused);
        } else {
            let mut last = self.last.lock().unwrap();
            let fits = *last == sent || (last.is_empty() && sent == "first");
            self.misused.fetch_add(usize::from(!fits), Ordering::SeqCst);
            *last = format!(r#"{{"token":"token-{number}"}}"#);
            format!(r#"{{"token": "token-{number}", "expires_in": 3600}}"#)
        };
        Ok(Response::new(Full::new(Bytes::from(body))))
    }

    fn asked(&self) -> usize {
        assert_eq!(self.misused.load(Ordering::SeqCst), 0, "a token was used twice");
        self.asked.load(Ordering::SeqCst)
    }
}

fn endpoint() -> (Arc<Endpoint>, Run, ToldClock) {
    let endpoint = Arc::new(Endpoint::default());
    let clock = ToldClock::at(jiff::Timestamp::now());
    let serving = Arc::clone(&endpoint);
    let router = tower::service_fn(move |request| Arc::clone(&serving).answer(request));
    (endpoint, run_over(Mounted::new(router)).on(Arc::new(clock.clone())), clock)
}

async fn session(keeper: &Keeper, run: &Run, name: &str) -> Result<Live, SessionError> {
    keeper.session(&connector(), run, name, SETTINGS).await
}

fn in_memory() -> Arc<Keeper> {
    Arc::new(Keeper::new(Mutex::new(MemoryStore::default())))
}

/// A thousand who want a session at once, or another than the dead one; what each got.
async fn thousand(keeper: &Arc<Keeper>, run: &Run, dead: Option<&Live>) -> Vec<Result<Live, SessionError>> {
    let ask = |_| {
        let (keeper, run, dead) = (Arc::clone(keeper), run.clone(), dead.cloned());
        tokio::spawn(async move {
            match dead {
                None => session(&keeper, &run, "a").await,
                Some(dead) => keeper.renew(&connector(), &run, "a", SETTINGS, &dead).await,
            }
        })
    };
    let tasks = futures::future::join_all((0..1000).map(ask));
    tasks.await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_share_one_sign_in_and_one_renewal() {
    let (endpoint, run, clock) = endpoint();
    let keeper = in_memory();
    let got = thousand(&keeper, &run, None).await;
    assert_eq!(endpoint.asked(), 1);
    let first = got.into_iter().next().unwrap().unwrap();
    assert!(first.session.value.contains("token-1"));

    // Ahead of its end, at 55 of 60 minutes.
    clock.advance(Duration::from_secs(54 * 60));
    assert!(session(&keeper, &run, "a").await.unwrap().session.value.contains("token-1"));
    clock.advance(Duration::from_secs(2 * 60));
    let got = thousand(&keeper, &run, None).await;
    assert_eq!(endpoint.asked(), 2);
    assert!(got.into_iter().all(|live| live.unwrap().session.value.contains("token-2")));

    // A session that the remote system no longer takes, although it should.
    let dead = session(&keeper, &run, "a").await.unwrap();
    let got = thousand(&keeper, &run, Some(&dead)).await;
    assert_eq!(endpoint.asked(), 3);
    assert!(got.into_iter().all(|live| live.unwrap().session.value.contains("token-3")));
    let late = keeper.renew(&connector(), &run, "a", SETTINGS, &first).await.unwrap();
    assert!(late.session.value.contains("token-3") && endpoint.asked() == 3, "somebody renewed it before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_shared_by_those_who_waited_for_it() {
    let (endpoint, run, _) = endpoint();
    endpoint.refuses.store(true, Ordering::SeqCst);
    let keeper = in_memory();
    let got = thousand(&keeper, &run, None).await;
    assert_eq!(endpoint.asked(), 1);
    for failure in got {
        let Err(SessionError::SignIn(error)) = failure else { panic!("{failure:?}") };
        assert!(matches!(*error, CallError::Problem { .. }), "{error}");
    }
    // Who comes later tries again.
    endpoint.refuses.store(false, Ordering::SeqCst);
    assert!(session(&keeper, &run, "a").await.is_ok());
    assert_eq!(endpoint.asked(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_do_not_wait_for_each_other() {
    let (_, run, _) = endpoint();
    let keeper = in_memory();
    let start = std::time::Instant::now();
    let names: Vec<String> = (0..20).map(|number| format!("tenant-{number}")).collect();
    let (connector, tasks) = (connector(), names.iter());
    let tasks = tasks.map(|name| keeper.session(&connector, &run, name, SETTINGS));
    for live in futures::future::join_all(tasks).await {
        // Each is the first of its connection, and the endpoint knows one connection.
        assert!(live.is_ok());
    }
    assert!(start.elapsed() < Duration::from_millis(20 * 100), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_keepers_on_one_file_sign_in_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = || SessionFile::beside(&folder.path().join("pod.json"), SETTINGS);
    let (endpoint, run, clock) = endpoint();
    let (one, two) = (Keeper::new(file()), Keeper::new(file()));
    let (a, b) = tokio::join!(session(&one, &run, ""), session(&two, &run, ""));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!((a.session.value.as_str(), endpoint.asked()), (b.session.value.as_str(), 1));
    clock.advance(Duration::from_secs(56 * 60));
    let (a, b) = tokio::join!(session(&one, &run, ""), session(&two, &run, ""));
    assert_eq!((a.unwrap().session.value, endpoint.asked()), (b.unwrap().session.value, 2), "renewed ahead");
}

#[tokio::test]
async fn a_sign_in_is_kept_though_nobody_waits_for_it_any_more() {
    let (endpoint, run, _) = endpoint();
    let keeper = in_memory();
    let given_up = tokio::time::timeout(Duration::from_millis(30), session(&keeper, &run, "a")).await;
    assert!(given_up.is_err());
    assert!(session(&keeper, &run, "a").await.unwrap().session.value.contains("token-1"));
    assert_eq!(endpoint.asked(), 1);
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_used() {
    struct Full;
    impl Storage for Full {
        fn read(&self, _connection: &str) -> Result<Option<Session>, StateError> {
            Ok(None)
        }
        fn keep(&self, _connection: &str, _session: &Session) -> Result<(), StateError> {
            Err(StateError::Broken { file: "disk".into(), reason: "no space left".into() })
        }
    }
    let (_, run, _) = endpoint();
    let refused = session(&Keeper::new(Full), &run, "a").await;
    assert!(matches!(refused, Err(SessionError::NotKept(_))), "{refused:?}");
}
