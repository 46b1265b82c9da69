//! The thread that lets a computing guest be interrupted.
//!
//! It moves the epochs of the engines on while a call runs, and sleeps while none does. A guest looks at the
//! clock once per tick, so a deadline is met to within a tick or two.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wasmtime::Engine;

/// Short enough that a deadline feels exact, long enough that a tick (an atomic increment, and a yield of each
/// running guest) costs nothing that can be measured.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// The thread, told to end when this is dropped.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    engines: Vec<Engine>,
    running: usize,
    ended: bool,
}

/// A call in progress.
pub(crate) struct Busy {
    shared: Arc<Shared>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticker {
    pub(crate) fn start(engine: Engine) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State { engines: vec![engine], running: 0, ended: false }),
            changed: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("guest-ticker".into()).spawn(move || tick(&theirs))?;
        Ok(Self { shared })
    }

    pub(crate) fn also(&self, engine: Engine) {
        self.shared.state().engines.push(engine);
    }

    pub(crate) fn busy(&self) -> Busy {
        self.shared.state().running += 1;
        self.shared.changed.notify_one();
        Busy { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.running = state.running.saturating_sub(1);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.shared.changed.notify_one();
    }
}

fn tick(shared: &Shared) {
    loop {
        let mut state = shared.state();
        while state.running == 0 && !state.ended {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended {
            return;
        }
        for engine in &state.engines {
            engine.increment_epoch();
        }
        drop(state);
        std::thread::sleep(TICK);
    }
}
