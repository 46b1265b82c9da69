//! One state file for many tasks: a thread of its own does their work, and stores what has come together.
//!
//! A sync of the disk costs milliseconds and ten thousand subscriptions have one file, so whatever waits when the
//! thread is free is stored with one sync. Each task is answered only once its work is on the disk. Work that
//! fails by itself does not take that of others along.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;

use super::{SqliteStore, StateError, Store};

/// At most this much work is stored with one sync, so that nobody waits for long.
const AT_ONCE: usize = 256;

/// Tells a task how its work came out, once that is known.
type Answer = Box<dyn FnOnce(Result<(), StateError>) + Send>;
/// Is handed the store, or why there is no use in trying.
type Work = Box<dyn FnOnce(Result<&mut SqliteStore, StateError>) -> Answer + Send>;

/// A state file that tasks share. Clones share the same.
#[derive(Clone)]
pub struct Shared {
    work: Sender<Work>,
    file: std::path::PathBuf,
    lost: Arc<OnceLock<StateError>>,
}

impl Shared {
    /// Hands the store to a thread of its own, which ends with the last clone.
    ///
    /// # Errors
    /// [`StateError::Broken`] where the system gives no thread.
    pub fn new(store: SqliteStore, file: &std::path::Path) -> Result<Self, StateError> {
        let (work, waiting) = channel();
        std::thread::Builder::new().name("state".into()).spawn(move || keep(store, &waiting)).map_err(|error| {
            StateError::Broken { file: file.to_owned(), reason: format!("there is no thread for it: {error}") }
        })?;
        Ok(Self { work, file: file.to_owned(), lost: Arc::default() })
    }

    /// Why the file is lost, from when a task has found it so.
    #[must_use]
    pub fn lost(&self) -> Option<StateError> {
        self.lost.get().cloned()
    }

    /// Does some work on the store, all of it or nothing, and answers when it is on the disk.
    ///
    /// # Errors
    /// That of the work, or a [`StateError`] of storing it.
    pub async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let (tell, told) = oneshot::channel();
        self.send(work, tell)?;
        told.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// The same for threads that may wait.
    ///
    /// # Errors
    /// As [`Shared::with`].
    pub fn with_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let (tell, told) = oneshot::channel();
        self.send(work, tell)?;
        told.blocking_recv().unwrap_or_else(|_| Err(self.gone()))
    }

    fn send<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> Result<T, StateError> + Send + 'static,
        tell: oneshot::Sender<Result<T, StateError>>,
    ) -> Result<(), StateError> {
        let lost = Arc::clone(&self.lost);
        let boxed: Work = Box::new(move |store| {
            let done = store.and_then(|store| store.atomically(|store| work(store)));
            Box::new(move |stored| {
                let ended = stored.and(done);
                if let Some(error) = ended.as_ref().err().filter(|error| error.is_loss()) {
                    // The first word on it is as good as any later one.
                    let _ = lost.set(error.clone());
                }
                // Whoever no longer waits does not want to know.
                let _ = tell.send(ended);
            })
        });
        self.work.send(boxed).map_err(|_| self.gone())
    }

    fn gone(&self) -> StateError {
        StateError::Broken { file: self.file.clone(), reason: "its thread has ended".to_owned() }
    }
}

fn keep(mut store: SqliteStore, waiting: &Receiver<Work>) {
    while let Ok(first) = waiting.recv() {
        let (mut next, mut answers) = (Some(first), Vec::new());
        let stored = store.atomically(|store| {
            while let Some(work) = next.take() {
                answers.push(work(Ok(store)));
                next = (answers.len() < AT_ONCE).then(|| waiting.try_recv().ok()).flatten();
            }
            Ok(())
        });
        if let (Some(work), Err(error)) = (next, &stored) {
            // It did not come to that.
            answers.push(work(Err(error.clone())));
        }
        for answer in answers {
            answer(stored.clone());
        }
    }
}

impl crate::sessions::Storage for Shared {
    fn read(&self, connection: &str) -> Result<Option<super::Session>, StateError> {
        let connection = connection.to_owned();
        self.with_blocking(move |store| store.session(&connection))
    }

    fn keep(&self, connection: &str, session: &super::Session) -> Result<(), StateError> {
        let (connection, session) = (connection.to_owned(), session.clone());
        self.with_blocking(move |store| store.keep_session(&connection, Some(&session)))
    }
}
