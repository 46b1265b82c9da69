//! Being asked to stop: from the keyboard, and for those who run for long by SIGTERM and SIGHUP as well.

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

/// Waits until somebody asks. SIGTERM and SIGHUP count for those who end cleanly by them; others they end as ever.
pub async fn asked(by_term: bool) {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = term(), if by_term => {}
        () = hangup(), if by_term && !hangup_is_ignored() => {}
    }
}

/// As under `nohup`, which is to last. It is known on Linux alone, so elsewhere it ends the process as it always did.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_none_or(|mask| mask & 1 == 1)
}

#[cfg(unix)]
async fn term() {
    signalled(tokio::signal::unix::SignalKind::terminate()).await;
}

#[cfg(unix)]
async fn hangup() {
    signalled(tokio::signal::unix::SignalKind::hangup()).await;
}

#[cfg(unix)]
async fn signalled(kind: tokio::signal::unix::SignalKind) {
    match tokio::signal::unix::signal(kind) {
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

#[cfg(not(unix))]
async fn hangup() {
    std::future::pending().await
}
