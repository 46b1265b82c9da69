//! A door for unit tests: answers from a queue, a clock that waits advance, and a list of what was sent.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use super::{Door, Pending, Request, Response, SendError};

/// See the module.
#[derive(Default)]
pub struct Fake {
    answers: RefCell<VecDeque<Result<Response, SendError>>>,
    /// What was sent, in order.
    pub sent: RefCell<Vec<Request>>,
    passed: RefCell<Duration>,
}

impl Fake {
    /// A door that answers these, in order, and then refuses.
    pub fn new(answers: impl IntoIterator<Item = Result<Response, SendError>>) -> Self {
        Self { answers: RefCell::new(answers.into_iter().collect()), ..Self::default() }
    }

    /// How long the caller has waited in all.
    pub fn waited(&self) -> Duration {
        *self.passed.borrow()
    }
}

/// An answer with a JSON body.
pub fn json(status: u16, body: &str) -> Result<Response, SendError> {
    Ok(Response {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.as_bytes().to_vec(),
    })
}

/// An answer of any type.
pub fn typed(status: u16, kind: &str, body: &str) -> Result<Response, SendError> {
    Ok(Response { status, headers: vec![("content-type".into(), kind.into())], body: body.as_bytes().to_vec() })
}

impl Door for Fake {
    fn start(&self, request: Request) -> Pending<'_> {
        let answer = self.send(&request);
        Pending::new(|| answer)
    }

    fn send(&self, request: &Request) -> Result<Response, SendError> {
        self.sent.borrow_mut().push(request.clone());
        let next = self.answers.borrow_mut().pop_front();
        next.unwrap_or_else(|| Err(SendError::NotSent("nothing more is expected".into())))
    }

    fn monotonic(&self) -> Duration {
        *self.passed.borrow()
    }

    fn unix_ms(&self) -> i64 {
        1_767_225_600_000 + i64::try_from(self.passed.borrow().as_millis()).unwrap_or(i64::MAX)
    }

    fn wait(&self, duration: Duration) {
        *self.passed.borrow_mut() += duration;
    }
}
