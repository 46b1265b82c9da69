//! A recording played back: the same requests get the same answers, at the times at which they came then.
//!
//! Method, path, query and body of each request are compared, without the secrets that the recording does
//! not hold; the host and the headers are not, so a recording of one pod replays with the settings of
//! another. The clock is the recording's, and moves on with each answer.

use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;

use super::exchange::{Content, FormatError, Sent, Tape};
use super::player::{Order, Player, respond};
use super::{Body, Failure, Timeouts, Transport};
use crate::clock::{Clock as _, ToldClock};
use crate::secrets::Secrets;

/// A [`Transport`] that answers from a recording.
pub struct Replayer {
    player: Arc<Player>,
    clock: ToldClock,
    call_id: String,
    secrets: Arc<Secrets>,
}

/// The file is no recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotARecording {
    /// It does not read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A script, perhaps: it does not say when and for which call it was made.
    #[error("{} holds exchanges but no `{missing}`, so it is a script and no recording", file.display())]
    Incomplete {
        /// Which file.
        file: PathBuf,
        /// The member that is missing.
        missing: &'static str,
    },
}

impl Replayer {
    /// Reads a recording.
    ///
    /// # Errors
    /// [`NotARecording`] where the file is none.
    pub fn read(file: &std::path::Path, secrets: Arc<Secrets>) -> Result<Self, NotARecording> {
        let tape = super::exchange::read(file)?;
        let incomplete = |missing| NotARecording::Incomplete { file: file.to_owned(), missing };
        let call_id = tape.call_id.clone().ok_or_else(|| incomplete("call_id"))?;
        let started_at = tape.started_at.ok_or_else(|| incomplete("started_at"))?;
        Ok(Self::new(tape, call_id, started_at, secrets))
    }

    /// Plays `tape` as the recording of the call `call_id`, which began at `started_at`.
    #[must_use]
    pub fn new(mut tape: Tape, call_id: String, started_at: Timestamp, secrets: Arc<Secrets>) -> Self {
        for exchange in &mut tape.exchanges {
            let request = &mut exchange.request;
            request.host = None;
            request.headers.clear();
            // What a recording does not show was not there.
            request.query.get_or_insert_default();
            request.body.get_or_insert_with(|| Content::Text(String::new()));
        }
        Self {
            player: Arc::new(Player::new(tape, Order::Any, "recording")),
            clock: ToldClock::at(started_at),
            call_id,
            secrets,
        }
    }

    /// The clock of the recording, to run the guest on.
    #[must_use]
    pub fn clock(&self) -> ToldClock {
        self.clock.clone()
    }

    /// The id of the recorded call, to run the guest with.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Why the recording is not met, once the run is over; none where it is.
    #[must_use]
    pub fn unmet(&self) -> Option<String> {
        self.player.unmet()
    }
}

impl Transport for Replayer {
    fn send(
        &self,
        request: http::Request<Body>,
        _timeouts: Timeouts,
    ) -> BoxFuture<'static, Result<http::Response<Body>, Failure>> {
        let (player, clock, secrets) = (self.player.clone(), self.clock.clone(), self.secrets.clone());
        Box::pin(async move {
            let (sent, _) = Sent::of(request).await?;
            for (name, value) in &sent.headers {
                secrets.learn_header(name, value);
            }
            let exchange = player.play(&sent, &secrets)?;
            if let Some(answered_at) = exchange.clock
                && let Ok(passed) = std::time::Duration::try_from(answered_at.duration_since(clock.now()))
            {
                clock.advance(passed);
            }
            respond(&exchange.response, &sent.authority)
        })
    }
}
