//! Signing in, and telling whether a connection works.

mod door_step;
mod report;

pub use report::test;

use crate::contract::{Connection, Session};
use crate::http::Door;
use crate::problem::Result;
use crate::settings::Settings;

/// A session, made anew. Kinds that sign each call by themselves keep nothing in it.
///
/// # Errors
/// `invalid-input` for settings that do not fit their form; those of the token endpoint.
pub fn authenticate(door: &dyn Door, connection: &Connection) -> Result<Session> {
    let settings = Settings::parse(&connection.settings)?;
    settings.auth.sign_in(door, &settings.secrets, connection.session.as_ref())
}
