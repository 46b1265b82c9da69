//! Documents, scheduled processes and callbacks of a pod: what bulk loads need beside the rows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::erp::callback::Callback;
use crate::ess::{Scheduler, machine};
use crate::store::Store;
use crate::ucm::Library;

/// All three.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Bulk {
    pub(crate) library: Library,
    pub(crate) scheduler: Scheduler,
    /// Raised so far, the oldest first.
    pub(crate) callbacks: Vec<Callback>,
}

impl Bulk {
    pub(crate) fn new(start: Timestamp) -> Self {
        Self { library: Library::default(), scheduler: Scheduler::new(start), callbacks: Vec::new() }
    }

    /// Lets happen what is due.
    pub(crate) fn settle(&mut self, store: &mut Store, now: Timestamp) {
        machine::advance(self, store, now);
    }
}
