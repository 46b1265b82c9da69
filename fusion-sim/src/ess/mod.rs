//! The Enterprise Scheduler: requests, their states and their children (FACTS 3.4, 5.1, 7).
//!
//! Owns what was submitted and what became of it. Promises that a request's life depends on the pod's clock alone: a
//! look changes nothing, and whoever looks late sees what would have been seen in time. Speaks no HTTP; that is
//! [`rest`]'s, [`soap`]'s and [`crate::erp`]'s.

pub(crate) mod effects;
pub(crate) mod jobs;
pub(crate) mod load;
pub(crate) mod machine;
pub(crate) mod request;
pub(crate) mod rest;
mod seeds;
pub(crate) mod soap;
mod submit;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use request::{Behaviour, Request, State, Task};

use crate::ess::jobs::Job;

/// Every request of the pod.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Scheduler {
    requests: BTreeMap<u64, Request>,
    last: u64,
}

/// What somebody submits.
pub(crate) struct Submission<'a> {
    pub(crate) job: Job,
    pub(crate) arguments: Vec<Option<String>>,
    pub(crate) task: Task,
    pub(crate) user: &'a str,
    /// Through the ERP integration service, whose status finder shows only such (FACTS 3.3).
    pub(crate) integration: bool,
    pub(crate) description: Option<String>,
    /// Not before.
    pub(crate) start: Option<Timestamp>,
    pub(crate) behaviour: Behaviour,
}

impl Scheduler {
    /// The scheduler as the pod starts: with requests of the days before.
    pub(crate) fn new(start: Timestamp) -> Self {
        let requests: BTreeMap<u64, Request> =
            seeds::requests(start).into_iter().map(|request| (request.id, request)).collect();
        let last = requests.keys().next_back().copied().unwrap_or_default();
        Self { requests, last: last.saturating_add(90) }
    }

    /// A number above all others; others' requests lie between, so that ids are not consecutive (FACTS 7).
    fn next_id(&mut self) -> u64 {
        self.last = self.last.saturating_add(1 + self.last % 3);
        self.last
    }

    /// Takes a request in; its number.
    pub(crate) fn submit(&mut self, submission: Submission<'_>, now: Timestamp) -> u64 {
        let id = self.next_id();
        let mut request = Request::new(id, submission.job, submission.task, now);
        request.arguments = submission.arguments;
        request.submitter = submission.user.to_owned();
        request.integration = submission.integration;
        request.behaviour = submission.behaviour;
        if let Some(description) = submission.description {
            request.description = description;
        }
        if let Some(start) = submission.start.filter(|start| *start > now) {
            request.requested_start = start;
            request.next = Some(start);
        }
        self.requests.insert(id, request);
        id
    }

    /// Takes in a request that another one makes; its number.
    pub(crate) fn spawn(&mut self, parent: u64, job: Job, task: Task, now: Timestamp) -> u64 {
        let id = self.next_id();
        let mut request = Request::new(id, job, task, now);
        if let Some(above) = self.requests.get(&parent) {
            request.parent = Some(parent);
            request.ancestor = above.ancestor;
            request.submitter.clone_from(&above.submitter);
            request.integration = above.integration;
            request.behaviour = above.behaviour;
        }
        self.requests.insert(id, request);
        id
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Request> {
        self.requests.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Request> {
        self.requests.get_mut(&id)
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.requests.retain(|_, request| request.id != id && request.ancestor != id);
    }

    /// Every request, the oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Request> {
        self.requests.values()
    }

    /// Those right below a request, the oldest first.
    pub(crate) fn children(&self, id: u64) -> impl Iterator<Item = &Request> {
        self.requests.values().filter(move |request| request.parent == Some(id))
    }

    /// A request and all below it, the oldest first.
    pub(crate) fn tree(&self, id: u64) -> Vec<&Request> {
        let mut ids = vec![id];
        let mut found = Vec::new();
        for request in self.requests.values() {
            if request.id == id || request.parent.is_some_and(|parent| ids.contains(&parent)) {
                ids.push(request.id);
                found.push(request);
            }
        }
        found
    }

    /// The request whose turn is first, no later than `now`.
    fn due(&self, now: Timestamp) -> Option<(u64, Timestamp)> {
        let waiting = self.requests.values().filter_map(|request| Some((request.next?, request.id)));
        waiting.filter(|(at, _)| *at <= now).min().map(|(at, id)| (id, at))
    }
}
