//! Requests of the days before the pod's start: other people's, and the user interface's.

use jiff::{SignedDuration, Timestamp};

use super::jobs::{self, LOADER};
use super::request::{Request, State, Task};

const PAYABLES: (&str, &str) = ("/oracle/apps/ess/financials/payables/invoices/transactions", "APXIIMPT");
const LOAD: (&str, &str) = (LOADER, "InterfaceLoaderController");
const JOURNALS: (&str, &str) = ("/oracle/apps/ess/financials/generalLedger/programs/common", "JournalImportLauncher");

/// Id, description, job, state, submitter, minutes before the start, seconds that it ran, parent.
type Seed = (u64, &'static str, (&'static str, &'static str), State, &'static str, i64, Option<i64>, Option<u64>);

const SEEDS: [Seed; 9] = [
    (9_762_901, "AP nightly", PAYABLES, State::Succeeded, "int.ap", 4_320, Some(41), None),
    (9_762_902, "Load Interface File for Import", LOAD, State::Succeeded, "integration.user", 2_880, Some(95), None),
    (
        9_762_903,
        "Import Payables Invoices",
        PAYABLES,
        State::Warning,
        "integration.user",
        2_879,
        Some(60),
        Some(9_762_902),
    ),
    (9_762_904, "Import Journals", JOURNALS, State::Error, "casey.brown@example.com", 1_500, Some(12), None),
    (9_762_905, "Import Payables Invoices", PAYABLES, State::Cancelled, "int.ap", 1_440, Some(5), None),
    (9_762_906, "Load Interface File for Import", LOAD, State::Paused, "sim-client", 20, None, None),
    (9_762_907, "Import Journals", JOURNALS, State::Running, "sim-client", 19, None, Some(9_762_906)),
    (9_762_908, "AP nightly", PAYABLES, State::Wait, "int.ap", 10, None, None),
    (9_762_909, "Import Journals", JOURNALS, State::Hold, "casey.brown@example.com", 5, None, None),
];

/// All of them. None was submitted through the ERP integration service.
pub(super) fn requests(start: Timestamp) -> Vec<Request> {
    SEEDS.into_iter().filter_map(|seed| request(seed, start)).collect()
}

fn request(seed: Seed, start: Timestamp) -> Option<Request> {
    let (id, description, (package, definition), state, submitter, minutes_ago, seconds, parent) = seed;
    let (job, _) = jobs::find(package, definition)?;
    let at = |seconds: i64| start.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(start);
    let submitted = minutes_ago.saturating_mul(-60);
    let mut request = Request::new(id, job, Task::Seeded, at(submitted));
    request.parent = parent;
    request.ancestor = parent.unwrap_or(id);
    request.description = description.to_owned();
    request.submitter = submitter.to_owned();
    request.state = state;
    request.started = (!matches!(state, State::Wait | State::Hold)).then(|| at(submitted.saturating_add(2)));
    request.ended = seconds.map(|seconds| at(submitted.saturating_add(2).saturating_add(seconds)));
    request.next = None;
    Some(request)
}
