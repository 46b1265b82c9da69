//! The session of a connection file, by the library's keeper, and what a person is told of it.

use std::sync::Arc;

use host_harness::contract::types::Session as Signed;
use host_harness::secrets::Secrets;
use host_harness::sessions::{Keeper, Live, SessionError, Storage, Turn};
use host_harness::state::session::SessionFile;
use host_harness::state::{Session, StateError};
use jiff::Timestamp;
use serde::Serialize;

use crate::ending::Ending;
use crate::say;
use crate::site::Site;

/// A command has one connection.
const NAME: &str = "";

/// The sessions of one connection file.
pub struct Sessions {
    file: SessionFile,
    keeper: Keeper,
    live: Option<Live>,
}

impl Sessions {
    /// Those that are kept in `file`; what passes is known to `secrets` before anything can speak of it.
    pub fn of(file: SessionFile, secrets: Arc<Secrets>, json: bool) -> Self {
        let keeper = Keeper::new(Watched { file: file.clone(), secrets, json });
        Self { file, keeper, live: None }
    }
}

/// Gives the site's connection a live session, where sessions are kept at all.
///
/// # Errors
/// The [`Ending`] of the sign-in.
pub async fn sign_in(site: &mut Site) -> Result<(), Ending> {
    let Some(sessions) = &site.sessions else { return Ok(()) };
    let connector = &site.component.connector;
    let live = sessions.keeper.session(connector, &site.run, NAME, &site.connection.settings).await;
    take(site, live).map(|_| ())
}

/// Renews a session that the remote system no longer takes. False where there was none.
///
/// # Errors
/// The [`Ending`] of the sign-in.
pub async fn renew(site: &mut Site) -> Result<bool, Ending> {
    let Some(Sessions { keeper, live: Some(dead), .. }) = &site.sessions else { return Ok(false) };
    let connector = &site.component.connector;
    let live = keeper.renew(connector, &site.run, NAME, &site.connection.settings, dead).await;
    take(site, live)
}

/// Finds out whether a session could be kept, before anybody goes to the trouble of making one.
///
/// # Errors
/// An [`Ending`] with 2 where it could not.
pub fn can_keep(site: &Site) -> Result<(), Ending> {
    let Some(sessions) = &site.sessions else {
        let message = "a session of this connection could not be kept";
        return Err(Ending::usage(message, "Give a connection file, without --script, --record or --replay."));
    };
    sessions.file.can_keep().map_err(|error| not_kept(&error))
}

/// Keeps a session that was made in the browser.
///
/// # Errors
/// The [`Ending`] of a folder that cannot be written.
pub async fn keep(site: &mut Site, session: Signed) -> Result<(), Ending> {
    site.secrets.learn_session(&session.value);
    let Some(sessions) = &site.sessions else { return Ok(()) };
    match sessions.keeper.adopt(&site.run, NAME, session).await {
        Err(SessionError::NoTurn(error) | SessionError::NotKept(error)) => Err(not_kept(&error)),
        live => take(site, live).map(|_| ()),
    }
}

/// Says where the session is kept and for how long it lasts.
pub fn tell_kept(site: &Site) {
    #[derive(Serialize)]
    struct Line {
        session_file: String,
        expires_at: Option<u64>,
    }
    let Some(Sessions { file, live: Some(live), .. }) = &site.sessions else { return };
    let (session_file, expires_at) = (file.path().display().to_string(), live.expires_at());
    if site.json {
        return say::note(&serde_json::to_string(&Line { session_file, expires_at }).unwrap_or_default());
    }
    let end = expires_at.and_then(|at| Timestamp::from_second(i64::try_from(at).ok()?).ok());
    let end = end.map_or_else(|| "does not expire".to_owned(), |end| format!("is good until {end}"));
    say::note(&format!("Signed in. The session is kept in {session_file} and {end}."));
}

/// True where there is a session now.
fn take(site: &mut Site, live: Result<Live, SessionError>) -> Result<bool, Ending> {
    match live {
        Ok(live) => {
            site.connection.session = Some(live.session.clone());
            if let Some(sessions) = &mut site.sessions {
                sessions.live = Some(live);
            }
            Ok(true)
        }
        Err(SessionError::SignIn(error)) => {
            Err(Ending::of_call(&error, &site.run.failures(), site.run.usage().requests > 0))
        }
        Err(SessionError::NoTurn(error)) if matches!(*error, StateError::NotState { .. }) => Err(not_kept(&error)),
        // The call signs in by itself then, where the settings suffice.
        Err(SessionError::NoTurn(error)) => {
            say::aside("session_not_kept", &format!("the session is not kept: {error}"), site.json);
            Ok(false)
        }
        Err(SessionError::NotKept(error)) => Err(not_kept(&error)),
        Err(SessionError::Broken) => Err(Ending::told(
            crate::ending::Exit::Broken,
            "internal",
            SessionError::Broken.to_string(),
            Some("This is a defect of the harness: report it with the command that led to it."),
        )),
    }
}

fn not_kept(error: &StateError) -> Ending {
    let remedy = match error {
        StateError::NotState { .. } => "Move away what is there, or give a connection file with another name.",
        StateError::InUse { .. } => "Another command signs in with this connection: run this one when that has ended.",
        _ => "Make the connection file's folder writable.",
    };
    Ending::usage(format!("the session cannot be kept: {error}"), remedy)
}

/// A session file whose contents become known as secrets.
struct Watched {
    file: SessionFile,
    secrets: Arc<Secrets>,
    json: bool,
}

impl Storage for Watched {
    fn read(&self, _connection: &str) -> Result<Option<Session>, StateError> {
        self.file.regular()?;
        if self.file.close_to_others() {
            let message = format!(
                "others on this machine could read the session in {}; from now on you alone can",
                self.file.path().display()
            );
            say::aside("readable_by_others", &message, self.json);
        }
        Ok(self.file.read().inspect(|session| self.secrets.learn_session(&session.value)))
    }

    fn keep(&self, _connection: &str, session: &Session) -> Result<(), StateError> {
        self.secrets.learn_session(&session.value);
        self.file.keep(session)
    }

    fn turn(&self, connection: &str) -> Result<Turn, StateError> {
        self.file.turn(connection)
    }
}
