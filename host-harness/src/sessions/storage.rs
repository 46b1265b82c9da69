//! Where sessions outlive the call, or the process, that made them.

use std::sync::{Mutex, PoisonError};

use crate::state::session::SessionFile;
use crate::state::{Session, StateError, Store};

/// A right that is given up when dropped.
pub type Turn = Box<dyn Send>;

/// A place for sessions. Methods may block; the keeper calls them where that holds nobody up.
pub trait Storage: Send + Sync + 'static {
    /// The session that was kept for a connection.
    ///
    /// # Errors
    /// A [`StateError`] where the place cannot be read.
    fn read(&self, connection: &str) -> Result<Option<Session>, StateError>;

    /// Keeps a session in the place of the last.
    ///
    /// # Errors
    /// A [`StateError`]; the last one stays then.
    fn keep(&self, connection: &str, session: &Session) -> Result<(), StateError>;

    /// Waits for the right to sign in, where other processes share the place. There are none, unless an
    /// implementation says otherwise.
    ///
    /// # Errors
    /// A [`StateError`] where the right cannot be had.
    fn turn(&self, connection: &str) -> Result<Turn, StateError> {
        let _ = connection;
        Ok(Box::new(()))
    }
}

/// Any store of this process: in memory, or SQLite.
impl<S: Store + 'static> Storage for Mutex<S> {
    fn read(&self, connection: &str) -> Result<Option<Session>, StateError> {
        self.lock().unwrap_or_else(PoisonError::into_inner).session(connection)
    }

    fn keep(&self, connection: &str, session: &Session) -> Result<(), StateError> {
        self.lock().unwrap_or_else(PoisonError::into_inner).keep_session(connection, Some(session))
    }
}

/// The file beside one connection file, whatever the connection is called.
impl Storage for SessionFile {
    fn read(&self, _connection: &str) -> Result<Option<Session>, StateError> {
        self.regular()?;
        Ok(SessionFile::read(self))
    }

    fn keep(&self, _connection: &str, session: &Session) -> Result<(), StateError> {
        SessionFile::keep(self, session)
    }

    fn turn(&self, _connection: &str) -> Result<Turn, StateError> {
        Ok(Box::new(self.lock()?))
    }
}
