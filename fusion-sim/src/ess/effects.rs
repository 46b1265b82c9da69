//! What jobs do to the pod when they run: invoices are validated, journals posted, interface rows purged, extracts
//! written (FACTS 3.2, 3.5).

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Scheduler;
use super::jobs::{self, Work};
use super::request::{Report, Request, State, Task};
use crate::bulk::Bulk;
use crate::fbdi;
use crate::keys::{self, Place};
use crate::metadata;
use crate::model::{Root, Row, Value};
use crate::store::{Position, Store};
use crate::ucm::Upload;
use crate::zipped;

/// Rows that one run takes at most: those written since the pod's start first, then generated ones.
const MOST_ROWS: usize = 5_000;

/// Runs the job of a request.
pub(super) fn run(bulk: &mut Bulk, store: &mut Store, id: u64, at: Timestamp) -> Report {
    let Some(request) = bulk.scheduler.get(id) else { return Report::bare(State::Error) };
    let work = jobs::find(&request.job.package, &request.job.definition).map(|(_, work)| work);
    match work {
        Some(Work::Validate) => {
            let done = change(store, "invoices", "ValidationStatus", &VALIDATED, at);
            written(&request.job.title, &format!("Invoices validated: {done}\n"))
        }
        Some(Work::Post) => {
            let done = change(store, "journalBatches", "Status", &POSTED, at);
            written(&request.job.title, &format!("Journal batches posted: {done}\n"))
        }
        Some(Work::Purge) => match purge(&bulk.scheduler, store, request) {
            Some(purged) => written(&request.job.title, &format!("Rows purged: {purged}\n")),
            None => Report {
                log: "A load request, or the first and the last one, is required.\n".to_owned(),
                ..Report::bare(State::Error)
            },
        },
        Some(Work::Import(_)) => {
            let job = format!("{},{}", request.job.package, request.job.definition);
            // What earlier loads left in the interface tables.
            let run = fbdi::Run {
                job: &job,
                parameters: &request.arguments,
                request_id: id,
                now: at,
                user: &request.submitter,
            };
            let import = fbdi::import(store, &run);
            Report { state: State::ended(import.state), log: import.log, outputs: import.outputs }
        }
        Some(Work::Report) => written(&request.job.title, "No data found.\n"),
        Some(Work::Load | Work::Export) | None => Report::bare(State::Error),
    }
}

fn written(title: &str, text: &str) -> Report {
    let report = format!("{title}\n\n{text}");
    Report {
        state: State::Succeeded,
        log: text.to_owned(),
        outputs: vec![("report.txt".to_owned(), report.into_bytes())],
    }
}

type Change = (&'static [&'static str], &'static [(&'static str, &'static str)]);

/// Statuses that a row is taken from, and what is set.
const VALIDATED: Change =
    (&["Not validated", "Needs revalidation", "Never validated"], &[("ValidationStatus", "Validated")]);
const POSTED: Change = (&["U"], &[("Status", "P"), ("StatusMeaning", "Posted")]);

/// Moves rows from one status on; how many.
fn change(store: &mut Store, name: &str, status: &str, (from, sets): &Change, at: Timestamp) -> usize {
    let Some(resource) = metadata::resource(Root::Fscm, name) else { return 0 };
    let Some(place) = resource.attributes.iter().position(|attribute| attribute.name == status) else { return 0 };
    let fits = |row: &Row| match row.get(resource, status) {
        Some(Value::Text(text)) => from.contains(&text.as_ref()),
        // A status that was not derived yet (FACTS 8, W4).
        held => held == Some(&Value::Null),
    };
    let mut positions: Vec<Position> = store
        .positions(resource)
        .filter(|position| store.probe(resource, position, &[place]).is_some_and(|row| fits(&row)))
        .collect();
    positions.sort_by_key(|position| matches!(position, Position::Generated(_)));
    positions.truncate(MOST_ROWS);
    let today = at.to_zoned(TimeZone::UTC).date();
    let mut values: Vec<(&str, Value)> = sets.iter().map(|(name, value)| (*name, (*value).into())).collect();
    if resource.attribute("PostedDate").is_some() {
        values.push(("PostedDate", today.into()));
    }
    let mut done = 0;
    for position in positions {
        let Some(row) = store.row(resource, &position) else { continue };
        let key = keys::of(&Place::top(resource, &row), today);
        done += usize::from(store.touch(resource, &key, &values, at));
    }
    done
}

/// Deletes what loads left in the interface tables: those of argument 2, or from argument 3 to argument 4; none where
/// neither is given.
fn purge(scheduler: &Scheduler, store: &mut Store, request: &Request) -> Option<u64> {
    let number = |place: usize| request.argument(place).and_then(|text| text.parse::<u64>().ok());
    if let Some(load) = number(2) {
        return Some(fbdi::purge(store, Some(load)));
    }
    let (low, high) = (number(3)?, number(4)?);
    let loads =
        scheduler.all().filter(|request| matches!(request.task, Task::Load(_)) && (low..=high).contains(&request.id));
    Some(loads.map(|load| fbdi::purge(store, Some(load.id))).sum())
}

/// Writes an extract into UCM as `ExportBulkData_<definition>_<request>.zip` (FACTS 3.2).
pub(super) fn export(bulk: &mut Bulk, id: u64, at: Timestamp) -> Report {
    let Some(request) = bulk.scheduler.get(id) else { return Report::bare(State::Error) };
    let arguments: Vec<&str> = request.arguments.iter().map(|text| text.as_deref().unwrap_or_default()).collect();
    // `<option>,<package>;<report>,BIPREPORT,…` (FACTS 6.1): the option says the account, the report the rows.
    let option = arguments.first().and_then(|text| text.parse().ok()).and_then(crate::erp::options::find);
    let account = option.map_or("fin/payables/export", |option| option.account).replace("/import", "/export");
    let report = arguments.get(1).and_then(|text| text.rsplit(';').next()).filter(|text| !text.is_empty());
    let csv = format!("REPORT,REQUEST_ID,EXTRACTED\r\n{},{id},{at}\r\n", report.unwrap_or(&request.job.definition));
    let file = format!("{}_{id}.csv", report.unwrap_or(&request.job.definition));
    let content = zipped::archive([(file.as_str(), csv.as_bytes())]);
    let name = format!("ExportBulkData_{}_{id}.zip", request.job.definition);
    let comments = format!("processedby={id}");
    let author = request.submitter.clone();
    let upload = Upload {
        name: &name,
        account: &account,
        author: &author,
        content_type: "zip",
        comments: &comments,
        content: content.into(),
    };
    let document = bulk.library.add(upload, at);
    if let Some(Task::Export(export)) = bulk.scheduler.get_mut(id).map(|request| &mut request.task) {
        export.output = Some(document);
    }
    Report {
        state: State::Succeeded,
        log: format!("{name} was uploaded to {account} as document {document}\n"),
        outputs: vec![(file, csv.into_bytes())],
    }
}
