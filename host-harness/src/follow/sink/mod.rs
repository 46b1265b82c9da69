//! Where events go: standard output, a file, an address, a command.
//!
//! A sink has taken a batch when it says so and not before: the file is on the disk, the address answered with
//! 2xx, the command ended with 0. What it did not take, or may have taken, is offered again, marked.

mod command;
mod file;
mod lines;
mod post;

use std::time::Duration;

use futures::future::BoxFuture;

pub use self::command::Command;
pub use self::file::File;
pub use self::lines::Lines;
pub use self::post::{Post, PostError, Signing};

/// Events of one answer, handed over together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The same when the same events are offered again.
    pub id: String,
    /// A line of JSON for each event, without line breaks.
    pub lines: Vec<String>,
}

/// A sink did not take a batch, or may have taken some of it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct SinkError {
    /// In words, without secrets.
    pub message: String,
    /// When to try again, where the sink says.
    pub retry_after: Option<Duration>,
}

impl SinkError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry_after: None }
    }
}

/// Takes events.
pub trait Sink: Send + Sync {
    /// Takes a batch; answers when it is safe there.
    fn take<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), SinkError>>;
}
