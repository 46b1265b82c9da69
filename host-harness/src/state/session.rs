//! The session of a connection file, in a file beside it that only its owner can read.
//!
//! A lock on `<connection file>.session.lock` is held while somebody signs in, so that many processes share
//! one sign-in and a token that rotates is never refreshed twice at once. The file is replaced whole, so a
//! reader sees the old session or the new one. A session made with other settings is not handed out.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Session, StateError, digest};
use crate::file::{can_replace, replace};

/// Where the session of one connection file is kept.
#[derive(Clone, Debug)]
pub struct SessionFile {
    file: PathBuf,
    settings: String,
}

/// What stands in the file.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Digest of the settings that it was made with.
    settings: String,
    expires_at: Option<u64>,
    #[serde(default)]
    obtained_at: Option<u64>,
    session: String,
}

/// The right to sign in; given up when dropped.
#[derive(Debug)]
pub struct Signing {
    _lock: File,
}

impl SessionFile {
    /// The session file of a connection file with these settings.
    #[must_use]
    pub fn beside(connection_file: &Path, settings: &str) -> Self {
        let mut file = connection_file.as_os_str().to_owned();
        file.push(".session");
        Self { file: PathBuf::from(file), settings: digest(settings) }
    }

    /// Where it is kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// The session that is kept, if there is one for these settings. What cannot be understood counts as none:
    /// the next sign-in replaces it. A file that others may read is closed to them.
    #[must_use]
    pub fn read(&self) -> Option<Session> {
        self.regular().ok()?;
        self.close_to_others();
        let kept: Kept = serde_json::from_slice(&std::fs::read(&self.file).ok()?).ok()?;
        let session = Session { value: kept.session, expires_at: kept.expires_at, obtained_at: kept.obtained_at };
        (kept.settings == self.settings).then_some(session)
    }

    /// Takes the right to read the file from all but its owner. True where others had it until now.
    #[cfg(unix)]
    pub fn close_to_others(&self) -> bool {
        use std::os::unix::fs::PermissionsExt as _;
        let open = |known: &std::fs::Metadata| known.is_file() && known.permissions().mode() & 0o077 != 0;
        let was_open = std::fs::metadata(&self.file).is_ok_and(|known| open(&known));
        was_open && std::fs::set_permissions(&self.file, std::fs::Permissions::from_mode(0o600)).is_ok()
    }

    /// Takes the right to read the file from all but its owner, where the system has such rights.
    #[cfg(not(unix))]
    pub fn close_to_others(&self) -> bool {
        false
    }

    /// Refuses a place in which no session can be kept: one where there is something else than a file.
    ///
    /// # Errors
    /// [`StateError::NotState`].
    pub fn regular(&self) -> Result<(), StateError> {
        match std::fs::metadata(&self.file) {
            Ok(known) if !known.is_file() => {
                let reason = "it is not a regular file".to_owned();
                Err(StateError::NotState { file: self.file.clone(), reason })
            }
            _ => Ok(()),
        }
    }

    /// Tries whether a session could be kept now, without changing what is kept.
    ///
    /// # Errors
    /// [`StateError::NotState`], [`StateError::Broken`] in a folder that cannot be written, and
    /// [`StateError::InUse`] while another process signs in.
    pub fn can_keep(&self) -> Result<(), StateError> {
        self.regular()?;
        let lock = self.open_lock().map_err(|error| self.broken(&error))?;
        match lock.try_lock() {
            Ok(()) => can_replace(&self.file).map_err(|error| self.broken(&error)),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse { file: self.file.clone() }),
            Err(TryLockError::Error(error)) => Err(self.broken(&error)),
        }
    }

    /// Waits for the right to sign in. Read again afterwards: another process may have done it meanwhile.
    ///
    /// # Errors
    /// [`StateError::Broken`] where the lock cannot be made, as in a folder that cannot be written.
    pub fn lock(&self) -> Result<Signing, StateError> {
        let lock = self.open_lock().and_then(|lock| lock.lock().map(|()| lock));
        Ok(Signing { _lock: lock.map_err(|error| self.broken(&error))? })
    }

    fn open_lock(&self) -> std::io::Result<File> {
        let mut beside = self.file.as_os_str().to_owned();
        beside.push(".lock");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(Path::new(&beside))
    }

    /// Keeps a session in the place of the last, mode 0600.
    ///
    /// # Errors
    /// [`StateError::Broken`] where it cannot be written; the last one stays then. [`StateError::NotState`]
    /// where something else is in its place.
    pub fn keep(&self, session: &Session) -> Result<(), StateError> {
        self.regular()?;
        let kept = Kept {
            settings: self.settings.clone(),
            expires_at: session.expires_at,
            obtained_at: session.obtained_at,
            session: session.value.clone(),
        };
        let text = serde_json::to_vec(&kept).map_err(std::io::Error::from).map_err(|error| self.broken(&error))?;
        replace(&self.file, &text, 0o600).map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &std::io::Error) -> StateError {
        StateError::Broken { file: self.file.clone(), reason: error.to_string() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_kept_for_its_owner_and_for_its_settings() {
        let folder = tempfile::tempdir().unwrap();
        let connection = folder.path().join("pod.json");
        let kept = SessionFile::beside(&connection, r#"{"host":"a"}"#);
        assert_eq!(kept.read(), None);
        let session = Session { value: r#"{"token":"t"}"#.into(), expires_at: Some(9), obtained_at: Some(1) };
        {
            let _signing = kept.lock().unwrap();
            kept.keep(&session).unwrap();
        }
        assert_eq!(kept.read(), Some(session));
        assert_eq!(SessionFile::beside(&connection, r#"{"host":"b"}"#).read(), None, "other settings, no session");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.path().join("pod.json.session")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn rubbish_counts_as_no_session() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("c.session"), "rubbish").unwrap();
        assert_eq!(SessionFile::beside(&folder.path().join("c"), "{}").read(), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_session_that_others_may_read_is_closed_to_them() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let kept = SessionFile::beside(&folder.path().join("c"), "{}");
        kept.keep(&Session { value: "1".into(), expires_at: None, obtained_at: None }).unwrap();
        assert!(!kept.close_to_others());
        std::fs::set_permissions(kept.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(kept.read().is_some());
        assert_eq!(std::fs::metadata(kept.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn where_a_session_cannot_be_kept_is_known_before() {
        let folder = tempfile::tempdir().unwrap();
        let kept = SessionFile::beside(&folder.path().join("c"), "{}");
        kept.can_keep().unwrap();
        assert!(!kept.path().exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the lock alone stays");
        let signing = kept.lock().unwrap();
        assert!(matches!(kept.can_keep(), Err(StateError::InUse { .. })));
        drop(signing);
        std::fs::create_dir(kept.path()).unwrap();
        let refused = kept.can_keep().unwrap_err().to_string();
        assert!(refused.ends_with("c.session does not hold state: it is not a regular file"), "{refused}");
        assert_eq!(kept.read(), None);
        let nowhere = SessionFile::beside(&folder.path().join("none/c"), "{}");
        assert!(matches!(nowhere.can_keep(), Err(StateError::Broken { .. })));
    }

    #[test]
    fn one_signs_in_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let kept = SessionFile::beside(&folder.path().join("c"), "{}");
        let signing = kept.lock().unwrap();
        let other = kept.clone();
        let waiting = std::thread::spawn(move || other.lock().map(|_| other.read()));
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!waiting.is_finished());
        kept.keep(&Session { value: "1".into(), expires_at: None, obtained_at: None }).unwrap();
        drop(signing);
        assert!(waiting.join().unwrap().unwrap().is_some(), "who waited finds the other's session");
    }
}
