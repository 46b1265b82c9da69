//! Being asked to stop: from the keyboard, and for those who run for long by SIGTERM as well.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// How long what is on its way may take to arrive.
pub const GRACE: Duration = Duration::from_secs(10);

/// Whether to stop. Clones know the same.
#[derive(Clone)]
pub struct Stopping {
    begun: Arc<watch::Sender<bool>>,
}

impl Default for Stopping {
    fn default() -> Self {
        Self { begun: Arc::new(watch::Sender::new(false)) }
    }
}

impl Stopping {
    /// From here on it is.
    pub fn begin(&self) {
        self.begun.send_replace(true);
    }

    /// Whether it is.
    pub fn begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Waits until it is.
    pub async fn wait(&self) {
        // Fails only without a sender, and this is one.
        let _ = self.begun.subscribe().wait_for(|begun| *begun).await;
    }
}

/// Waits until somebody asks. SIGTERM counts for those who end cleanly by it; others it ends as it always did.
pub async fn asked(by_term: bool) {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = term(), if by_term => {}
    }
}

#[cfg(unix)]
async fn term() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn term() {
    std::future::pending().await
}
