//! Sessions for as many connections as an engine has: made once, kept before use, renewed before they end.
//!
//! However many calls want the session of one connection at once, one of them signs in and the others share
//! what comes of it, a failure too. Connections never wait for each other. A sign-in that has begun is ended
//! and kept even where nobody waits for it any more, since a token that rotates would be lost otherwise.
//!
//! ```no_run
//! use std::sync::Mutex;
//! use host_harness::contract::types::Connection;
//! use host_harness::sessions::Keeper;
//! use host_harness::state::MemoryStore;
//! # async fn example(connector: host_harness::Connector, run: host_harness::Run, settings: String)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let keeper = Keeper::new(Mutex::new(MemoryStore::default()));
//! let live = keeper.session(&connector, &run, "tenant-7", &settings).await?;
//! let connection = Connection { settings: settings.clone(), session: Some(live.session.clone()) };
//! // ... and where a call answers `transient(unauthenticated)`, once:
//! let live = keeper.renew(&connector, &run, "tenant-7", &settings, &live).await?;
//! # Ok(())
//! # }
//! ```

mod storage;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::contract::types::{Connection, Session as Signed};
use crate::engine::Connector;
use crate::run::{CallError, Run};
use crate::state::{Session, StateError};

pub use self::storage::{Storage, Turn};

/// A session is renewed when a twelfth of its life is left: an hour's after 55 minutes.
const PART_OF_LIFE: u64 = 12;
/// More than this is left unused of no session.
const LONGEST_MARGIN: u64 = 5 * 60;
/// Most calls have done their requests within this; one that takes longer meets a dead session, and is renewed.
const SHORTEST_MARGIN: u64 = 60;

/// Connections that are remembered beside the storage; those not used for longest go first.
const ROOM: usize = 20_000;

/// Keeps the sessions of many connections. Share it in an [`Arc`].
pub struct Keeper {
    storage: Arc<dyn Storage>,
    shelves: Mutex<HashMap<String, Arc<Shelf>>>,
    room: usize,
}

/// A session that may be used.
#[derive(Clone)]
pub struct Live {
    /// For `connection.session`.
    pub session: Signed,
    kept: Session,
    attempt: u64,
}

/// Why there is no session. All who waited for one attempt get the same.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SessionError {
    /// Signing in failed.
    #[error("{0}")]
    SignIn(Arc<CallError>),
    /// The storage does not let anybody sign in; nothing was sent.
    #[error("{0}")]
    NoTurn(Arc<StateError>),
    /// The session could not be kept, and so is not used.
    #[error("{0}")]
    NotKept(Arc<StateError>),
    /// The attempt broke off: a defect of the connector's host or of the storage.
    #[error("the sign-in broke off")]
    Broken,
}

/// What is known of one connection.
#[derive(Default)]
struct Shelf {
    known: Mutex<Known>,
    /// Held by whoever signs in.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Known {
    live: Option<Live>,
    /// Attempts that have come to an end.
    ended: u64,
    failure: Option<SessionError>,
    used: Option<Instant>,
}

impl Shelf {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One wish for a session, owned, so that it outlives whoever had it.
struct Wish {
    storage: Arc<dyn Storage>,
    connector: Connector,
    run: Run,
    name: String,
    settings: String,
    shelf: Arc<Shelf>,
    /// Attempts that had ended when the wish came up.
    before: u64,
    dead: Option<Live>,
}

impl Keeper {
    /// A keeper over a storage. [`MemoryStore`](crate::state::MemoryStore) holds one session for each
    /// connection until it is dropped.
    #[must_use]
    pub fn new(storage: impl Storage) -> Self {
        Self { storage: Arc::new(storage), shelves: Mutex::default(), room: ROOM }
    }

    /// The same that remembers no more than this many idle connections beside its storage, at least one;
    /// 20,000 otherwise.
    #[must_use]
    pub fn with_room_for(mut self, connections: usize) -> Self {
        self.room = connections.max(1);
        self
    }

    /// A live session of a connection: the kept one, or that of a sign-in.
    ///
    /// `connection` names the connection to the storage. Other settings are another connection: put a
    /// [`digest`](crate::state::digest) of them into the name, where they may change.
    ///
    /// # Errors
    /// A [`SessionError`].
    pub async fn session(
        &self,
        connector: &Connector,
        run: &Run,
        connection: &str,
        settings: &str,
    ) -> Result<Live, SessionError> {
        self.wanted(connector, run, connection, settings, None).await
    }

    /// A session in the place of one that the remote system no longer takes, whatever its expiry says. Signs in
    /// unless somebody did since `dead` was handed out.
    ///
    /// # Errors
    /// A [`SessionError`].
    pub async fn renew(
        &self,
        connector: &Connector,
        run: &Run,
        connection: &str,
        settings: &str,
        dead: &Live,
    ) -> Result<Live, SessionError> {
        self.wanted(connector, run, connection, settings, Some(dead)).await
    }

    /// Keeps a session that was made in another way, as by `complete-authorization`, before it is used.
    ///
    /// # Errors
    /// [`SessionError::NoTurn`], [`SessionError::NotKept`].
    pub async fn adopt(&self, run: &Run, connection: &str, session: Signed) -> Result<Live, SessionError> {
        let shelf = self.shelf(connection);
        let _alone = Arc::clone(&shelf.turn).lock_owned().await;
        let (storage, name) = (Arc::clone(&self.storage), connection.to_owned());
        let kept = dated(session, now(run));
        let live = blocking(move || {
            let _turn = storage.turn(&name).map_err(|error| SessionError::NoTurn(Arc::new(error)))?;
            storage.keep(&name, &kept).map_err(|error| SessionError::NotKept(Arc::new(error)))?;
            Ok(kept)
        });
        let live = live.await;
        ended(&shelf, live)
    }

    async fn wanted(
        &self,
        connector: &Connector,
        run: &Run,
        connection: &str,
        settings: &str,
        dead: Option<&Live>,
    ) -> Result<Live, SessionError> {
        let shelf = self.shelf(connection);
        let before = {
            let mut known = shelf.known();
            known.used = Some(Instant::now());
            if let Some(live) = known.live.as_ref().filter(|live| fits(&live.kept, Some(live.attempt), dead, run)) {
                return Ok(live.clone());
            }
            known.ended
        };
        let wish = Wish {
            storage: Arc::clone(&self.storage),
            connector: connector.clone(),
            run: run.clone(),
            name: connection.to_owned(),
            settings: settings.to_owned(),
            before,
            dead: dead.cloned(),
            shelf: Arc::clone(&shelf),
        };
        let _held = shelf;
        let alone = Arc::clone(&wish.shelf.turn).lock_owned().await;
        if let Some(shared) = wish.shared() {
            return shared;
        }
        tokio::spawn(async move {
            let ended = ended(&wish.shelf, wish.granted().await);
            drop(alone);
            ended
        })
        .await
        .unwrap_or(Err(SessionError::Broken))
    }

    fn shelf(&self, connection: &str) -> Arc<Shelf> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shelf) = shelves.get(connection) {
            return Arc::clone(shelf);
        }
        if shelves.len() >= self.room {
            make_room(&mut shelves);
        }
        Arc::clone(shelves.entry(connection.to_owned()).or_default())
    }
}

impl Wish {
    /// What an attempt came to that ended since the wish came up.
    fn shared(&self) -> Option<Result<Live, SessionError>> {
        let known = self.shelf.known();
        if known.ended == self.before {
            return None;
        }
        match (&known.failure, &known.live) {
            (Some(failure), _) => Some(Err(failure.clone())),
            (None, Some(live)) => Some(Ok(live.clone())),
            (None, None) => None,
        }
    }

    /// Reads, and where that does not help waits for the turn, reads again, signs in and keeps.
    async fn granted(&self) -> Result<Session, SessionError> {
        let (read, _) = self.look(None).await?;
        if let Some(session) = read.filter(|session| self.will_do(session)) {
            return Ok(session);
        }
        let (storage, name) = (Arc::clone(&self.storage), self.name.clone());
        let turn = blocking(move || storage.turn(&name).map_err(|error| SessionError::NoTurn(Arc::new(error)))).await?;
        let (read, turn) = self.look(Some(turn)).await?;
        if let Some(session) = read.clone().filter(|session| self.will_do(session)) {
            return Ok(session);
        }
        let old = read.map(|old| Signed { value: old.value, expires_at: old.expires_at });
        let connection = Connection { settings: self.settings.clone(), session: old };
        let obtained_at = now(&self.run);
        let signed = self.connector.authenticate(&self.run, &connection).await;
        let session = dated(signed.map_err(|error| SessionError::SignIn(Arc::new(error)))?, obtained_at);
        let (storage, name) = (Arc::clone(&self.storage), self.name.clone());
        blocking(move || {
            let kept = storage.keep(&name, &session).map_err(|error| SessionError::NotKept(Arc::new(error)));
            drop(turn);
            kept.map(|()| session)
        })
        .await
    }

    async fn look(&self, turn: Option<Turn>) -> Result<(Option<Session>, Option<Turn>), SessionError> {
        let (storage, name) = (Arc::clone(&self.storage), self.name.clone());
        blocking(move || {
            let read = storage.read(&name).map_err(|error| SessionError::NoTurn(Arc::new(error)))?;
            Ok((read, turn))
        })
        .await
    }

    /// Another process may have renewed it, or an earlier run of this one may have kept it.
    fn will_do(&self, session: &Session) -> bool {
        fits(session, None, self.dead.as_ref(), &self.run)
    }
}

/// Whether a session lives for a while yet, and is another one than the dead. One that is handed out again by
/// a later attempt counts as another, though it may be spelt alike.
fn fits(session: &Session, attempt: Option<u64>, dead: Option<&Live>, run: &Run) -> bool {
    let other = dead.is_none_or(|dead| match attempt {
        Some(attempt) => attempt != dead.attempt,
        None => session.value != dead.kept.value,
    });
    other && lives(session, now(run))
}

fn lives(session: &Session, now: u64) -> bool {
    session.expires_at.is_none_or(|end| end > now.saturating_add(margin(session)))
}

/// Seconds before its end at which a session is renewed: never more than half of its life, so that a short one
/// is used at all.
fn margin(session: &Session) -> u64 {
    let life = session.obtained_at.zip(session.expires_at).map(|(start, end)| end.saturating_sub(start));
    life.map_or(SHORTEST_MARGIN, |life| (life / PART_OF_LIFE).clamp(SHORTEST_MARGIN, LONGEST_MARGIN).min(life / 2))
}

fn dated(session: Signed, obtained_at: u64) -> Session {
    Session { value: session.value, expires_at: session.expires_at, obtained_at: Some(obtained_at) }
}

/// Notes how an attempt ended, for all who wait.
fn ended(shelf: &Shelf, result: Result<Session, SessionError>) -> Result<Live, SessionError> {
    let mut known = shelf.known();
    known.ended += 1;
    let attempt = known.ended;
    let result = result.map(|kept| {
        let session = Signed { value: kept.value.clone(), expires_at: kept.expires_at };
        Live { session, kept, attempt }
    });
    match &result {
        Ok(live) => (known.live, known.failure) = (Some(live.clone()), None),
        Err(failure) => (known.live, known.failure) = (None, Some(failure.clone())),
    }
    result
}

/// Forgets half of the connections that nobody is busy with, those not used for longest.
fn make_room(shelves: &mut HashMap<String, Arc<Shelf>>) {
    let idle = |shelf: &Arc<Shelf>| Arc::strong_count(shelf) == 1;
    let mut times: Vec<_> = shelves.values().filter(|shelf| idle(shelf)).map(|shelf| shelf.known().used).collect();
    times.sort_unstable();
    let Some(middle) = times.get(times.len() / 2).copied() else { return };
    shelves.retain(|_, shelf| !idle(shelf) || shelf.known().used > middle);
}

fn now(run: &Run) -> u64 {
    u64::try_from(run.clock.now().as_second()).unwrap_or_default()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SessionError> + Send + 'static,
) -> Result<T, SessionError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(SessionError::Broken))
}

impl Live {
    /// Unix seconds at which it ends; none where it does not.
    #[must_use]
    pub fn expires_at(&self) -> Option<u64> {
        self.kept.expires_at
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("expires_at", &self.kept.expires_at).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("Keeper").field("connections", &shelves).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(obtained_at: Option<u64>, expires_at: Option<u64>) -> Session {
        Session { value: String::new(), expires_at, obtained_at }
    }

    #[test]
    fn a_session_is_renewed_ahead_of_its_end() {
        let lives_at = |life: u64, at: u64| lives(&session(Some(1000), Some(1000 + life)), 1000 + at);
        assert!(lives_at(3600, 55 * 60 - 1) && !lives_at(3600, 55 * 60));
        assert!(lives_at(86_400, 86_400 - 301) && !lives_at(86_400, 86_400 - 300), "never more than five minutes");
        assert!(lives_at(600, 539) && !lives_at(600, 540), "a call has its minute");
        assert!(lives_at(10, 4) && !lives_at(10, 5), "half of a short life is lived");
        assert!(lives(&session(None, None), u64::MAX));
        assert!(lives(&session(None, Some(100)), 39) && !lives(&session(None, Some(100)), 40));
    }

    #[test]
    fn those_not_used_for_longest_make_room() {
        let keeper = Keeper::new(Mutex::new(crate::state::MemoryStore::default())).with_room_for(10);
        let busy = keeper.shelf("busy");
        for number in 0..1000 {
            let shelf = keeper.shelf(&number.to_string());
            shelf.known().used = Some(Instant::now());
            assert!(keeper.shelves.lock().is_ok_and(|shelves| shelves.len() <= 10));
        }
        assert!(Arc::ptr_eq(&busy, &keeper.shelf("busy")), "who is at work is not forgotten");
        assert!(keeper.shelves.lock().is_ok_and(|shelves| shelves.contains_key("999")));
    }
}
