//! The simulated pod left out: what asks for it is told how to get it.

use std::path::Path;
use std::sync::Arc;

use host_harness::clock::Clock;
use host_harness::transport::Transport;

use crate::ending::{Ending, Exit};

/// There is none.
pub enum InProcess {}

impl InProcess {
    pub fn open(_file: Option<&Path>, _scenario: Option<&Path>) -> Result<Self, Ending> {
        Err(absent())
    }

    pub fn settings(&self) -> String {
        match *self {}
    }

    pub fn transport(&self) -> Arc<dyn Transport> {
        match *self {}
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        match *self {}
    }

    pub fn save(&self) -> Result<(), Ending> {
        match *self {}
    }
}

/// What `sim` ends with.
pub fn absent() -> Ending {
    Ending::told(
        Exit::Usage,
        "unsupported",
        "this harness was built without the simulated pod",
        Some("Build it with the default features (`cargo build -p host-harness`), or give a connection file."),
    )
}
