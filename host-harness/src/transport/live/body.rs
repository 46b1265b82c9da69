//! Bodies that know how long they have been silent.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::failure;
use crate::transport::{Body, Failure};

/// How far a request has come. The time to the first byte starts when the last byte is sent; until then it
/// counts only while the network, and not the guest, is what everybody waits for.
#[derive(Debug, Default)]
pub(super) struct Progress {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    last: Instant,
    /// Connections being made for this request.
    connecting: usize,
    /// The guest has not said yet what comes next in the body.
    guest_thinks: bool,
}

impl Default for State {
    fn default() -> Self {
        Self { last: Instant::now(), connecting: 0, guest_thinks: false }
    }
}

impl State {
    fn waits_for_network(&self) -> bool {
        self.connecting == 0 && !self.guest_thinks
    }
}

impl Progress {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moved(&self, guest_thinks: bool) {
        let mut state = self.state();
        state.last = Instant::now();
        state.guest_thinks = guest_thinks;
    }

    /// A connection is being made for as long as the answer lives; its time is counted by itself.
    pub(super) fn connecting(self: Arc<Self>) -> Making {
        self.state().connecting += 1;
        Making { progress: self }
    }

    /// Ends once the network has been silent for that long.
    pub(super) async fn silent_for(&self, limit: Duration) {
        loop {
            let (last, counts) = {
                let state = self.state();
                (state.last, state.waits_for_network())
            };
            let due = if counts { last + limit } else { Instant::now() + limit };
            if due <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

/// A connection in the making.
pub(super) struct Making {
    progress: Arc<Progress>,
}

impl Drop for Making {
    fn drop(&mut self) {
        let mut state = self.progress.state();
        state.connecting = state.connecting.saturating_sub(1);
        state.last = Instant::now();
    }
}

/// A request's body on its way out.
pub(super) struct Outgoing {
    inner: Body,
    progress: Arc<Progress>,
}

impl Outgoing {
    pub(super) fn new(inner: Body, progress: Arc<Progress>) -> Self {
        Self { inner, progress }
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        self.progress.moved(frame.is_pending());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An answer's body, which may pause for so long and no longer.
pub(super) struct Paced {
    inner: Incoming,
    authority: String,
    pause: Duration,
    timer: Pin<Box<Sleep>>,
    /// The timer runs only while somebody waits for the next piece.
    waiting: bool,
}

impl Paced {
    pub(super) fn new(inner: Incoming, authority: String, pause: Duration) -> Self {
        Self { inner, authority, pause, timer: Box::pin(tokio::time::sleep(pause)), waiting: false }
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            this.waiting = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(|cause| failure::of_body(&cause, &this.authority))));
        }
        if !this.waiting {
            this.waiting = true;
            this.timer.as_mut().reset(far(this.pause));
        }
        ready!(this.timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(Failure::TimedOut { authority: this.authority.clone(), phase: "between bytes" })))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn far(pause: Duration) -> Instant {
    // A guest may ask for the longest pause there is; a year is as good.
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    Instant::now() + pause.min(YEAR)
}
