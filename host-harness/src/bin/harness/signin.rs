//! Sessions of a connection file: found, made once for all processes, and renewed where they have died.
//!
//! A session is stored before it is used. A lock is held while somebody signs in, so a token that rotates is
//! never refreshed twice at once.

use host_harness::contract::types::Session as Signed;
use host_harness::state::session::{SessionFile, Signing};
use host_harness::state::{Session, StateError};

use crate::ending::Ending;
use crate::say;
use crate::site::Site;

/// A session that ends sooner is renewed first: a call may take a while until it uses it.
const MARGIN_SECONDS: u64 = 60;

/// Gives the site's connection a live session, where sessions are kept at all.
///
/// # Errors
/// The [`Ending`] of the sign-in.
pub async fn sign_in(site: &mut Site) -> Result<(), Ending> {
    let Some(file) = site.sessions.clone() else { return Ok(()) };
    if let Some(session) = file.read().filter(|session| lives(site, session)) {
        take(site, session);
        return Ok(());
    }
    let Some(_signing) = locked(&file, site).await else { return Ok(()) };
    let kept = file.read();
    if let Some(session) = kept.clone().filter(|session| lives(site, session)) {
        take(site, session);
        return Ok(());
    }
    authenticate(site, &file, kept).await
}

/// Renews a session that the remote system no longer takes. False where there was none.
///
/// # Errors
/// The [`Ending`] of the sign-in.
pub async fn renew(site: &mut Site) -> Result<bool, Ending> {
    let (Some(file), Some(dead)) = (site.sessions.clone(), site.connection.session.clone()) else { return Ok(false) };
    let Some(_signing) = locked(&file, site).await else { return Ok(false) };
    match file.read() {
        // Another process was quicker.
        Some(session) if session.value != dead.value => take(site, session),
        kept => authenticate(site, &file, kept).await?,
    }
    Ok(true)
}

async fn authenticate(site: &mut Site, file: &SessionFile, old: Option<Session>) -> Result<(), Ending> {
    site.connection.session = old.map(|old| Signed { value: old.value, expires_at: old.expires_at });
    let signed = site.component.connector.authenticate(&site.run, &site.connection).await;
    let signed = signed.map_err(|error| Ending::of_call(error, &site.run.failures()))?;
    let session = Session { value: signed.value, expires_at: signed.expires_at };
    site.secrets.learn_session(&session.value);
    file.keep(&session).map_err(|error| told(&error))?;
    take(site, session);
    Ok(())
}

fn take(site: &mut Site, session: Session) {
    site.secrets.learn_session(&session.value);
    site.connection.session = Some(Signed { value: session.value, expires_at: session.expires_at });
}

fn lives(site: &Site, session: &Session) -> bool {
    let now = u64::try_from(site.run.clock.now().as_second()).unwrap_or_default();
    session.expires_at.is_none_or(|end| end > now.saturating_add(MARGIN_SECONDS))
}

/// Waits for the lock off the runtime's thread. Where the folder cannot be written, the call signs in by
/// itself and nothing is kept.
async fn locked(file: &SessionFile, site: &Site) -> Option<Signing> {
    let file = file.clone();
    match tokio::task::spawn_blocking(move || file.lock()).await {
        Ok(Ok(signing)) => Some(signing),
        Ok(Err(error)) => {
            say::warning("session_not_kept", &format!("the session is not kept: {error}"), None, site.json);
            None
        }
        Err(_) => None,
    }
}

fn told(error: &StateError) -> Ending {
    Ending::usage(format!("the session cannot be kept: {error}"), "Make the connection file's folder writable.")
}
