//! The session of a connection file, in a file beside it that only its owner can read.
//!
//! A lock on `<connection file>.session.lock` is held while somebody signs in, so that many processes share
//! one sign-in and a token that rotates is never refreshed twice at once. The file is replaced whole, so a
//! reader sees the old session or the new one. A session made with other settings is not handed out.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Session, StateError, digest};
use crate::file::replace;

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
    /// the next sign-in replaces it.
    #[must_use]
    pub fn read(&self) -> Option<Session> {
        let kept: Kept = serde_json::from_slice(&std::fs::read(&self.file).ok()?).ok()?;
        let session = Session { value: kept.session, expires_at: kept.expires_at, obtained_at: kept.obtained_at };
        (kept.settings == self.settings).then_some(session)
    }

    /// Waits for the right to sign in. Read again afterwards: another process may have done it meanwhile.
    ///
    /// # Errors
    /// [`StateError::Broken`] where the lock cannot be made, as in a folder that cannot be written.
    pub fn lock(&self) -> Result<Signing, StateError> {
        let mut beside = self.file.as_os_str().to_owned();
        beside.push(".lock");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.open(Path::new(&beside)).and_then(|lock| lock.lock().map(|()| lock));
        Ok(Signing { _lock: lock.map_err(|error| self.broken(&error))? })
    }

    /// Keeps a session in the place of the last, mode 0600.
    ///
    /// # Errors
    /// [`StateError::Broken`] where it cannot be written; the last one stays then.
    pub fn keep(&self, session: &Session) -> Result<(), StateError> {
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
