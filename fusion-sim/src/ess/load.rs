//! A bulk load, step by step: the file is transferred, each CSV is loaded, the import runs, logs go into UCM
//! (FACTS 3.5, 3.7, 7).

use jiff::Timestamp;

use super::Scheduler;
use super::jobs::{self, LOADER};
use super::machine;
use super::request::{Extract, LoadTask, Phase, Report, Request, State, Task};
use crate::bulk::Bulk;
use crate::erp::event;
use crate::fbdi;
use crate::store::Store;
use crate::ucm::Upload;
use crate::zipped;

/// More CSVs than any object has: an archive of more entries is one that the load refuses anyway.
const MOST_FILES: usize = 40;

fn task(scheduler: &Scheduler, id: u64) -> Option<&LoadTask> {
    match &scheduler.get(id)?.task {
        Task::Load(load) => Some(load),
        _ => None,
    }
}

fn task_mut(scheduler: &mut Scheduler, id: u64) -> Option<&mut LoadTask> {
    match &mut scheduler.get_mut(id)?.task {
        Task::Load(load) => Some(load),
        _ => None,
    }
}

fn pause(bulk: &mut Bulk, id: u64, phase: Phase) {
    if let Some(request) = bulk.scheduler.get_mut(id) {
        let blocked = phase == Phase::Import && request.behaviour.blocked;
        request.state = if blocked { State::Blocked } else { State::Paused };
    }
    if let Some(load) = task_mut(&mut bulk.scheduler, id) {
        load.phase = phase;
    }
}

/// The load starts.
pub(super) fn begin(bulk: &mut Bulk, id: u64, at: Timestamp) {
    pause(bulk, id, Phase::Transfer);
    let job = jobs::internal(LOADER, "InterfaceLoaderAsyncJob", "Transfer File");
    bulk.scheduler.spawn(id, job, Task::Transfer, at);
}

/// The file was transferred, if it is there.
pub(super) fn transferred(bulk: &Bulk, id: u64) -> Report {
    let found = task(&bulk.scheduler, id).and_then(|load| bulk.library.get(load.document));
    match found {
        Some(document) => Report {
            state: State::Succeeded,
            log: format!(
                "{} was transferred from {}: {} bytes\n",
                document.name,
                document.account,
                document.content.len()
            ),
            outputs: Vec::new(),
        },
        None => Report {
            state: State::Error,
            log: "The file wasn't found in Universal Content Management.\n".to_owned(),
            outputs: Vec::new(),
        },
    }
}

/// One file was loaded: all are, with the first one.
pub(super) fn file(bulk: &mut Bulk, store: &mut Store, id: u64, place: usize, at: Timestamp) -> Report {
    if task(&bulk.scheduler, id).is_some_and(|load| load.files.is_empty()) {
        all_files(bulk, store, id, at);
    }
    let loaded = task(&bulk.scheduler, id).and_then(|load| load.files.get(place));
    match loaded {
        Some((state, log)) => Report { state: *state, log: log.clone(), outputs: Vec::new() },
        None => Report { log: "The file wasn't loaded.\n".to_owned(), ..Report::bare(State::Error) },
    }
}

/// `<package>,<definition>` of the import; blank where there is none.
fn import_name(load: &LoadTask) -> String {
    load.import.as_ref().map(|job| format!("{},{}", job.package, job.definition)).unwrap_or_default()
}

fn all_files(bulk: &mut Bulk, store: &mut Store, id: u64, at: Timestamp) {
    let (Some(load), Some(request)) = (task(&bulk.scheduler, id), bulk.scheduler.get(id)) else { return };
    let Some(document) = bulk.library.get(load.document) else { return };
    let is_file = |request: &&Request| matches!(request.task, Task::File(_));
    let child_ids: Vec<u64> = bulk.scheduler.children(id).filter(is_file).map(|child| child.id).collect();
    let job = import_name(load);
    let asked = fbdi::Load {
        interface_id: load.interface,
        document: &document.content,
        file_name: &document.name,
        job: &job,
        parameters: &load.parameters,
        load_request_id: id,
        child_ids: &child_ids,
        now: at,
        user: &request.submitter,
    };
    let loaded = fbdi::load_only(store, &asked);
    let rows: u64 = loaded.iter().map(|file| file.rows_loaded).sum();
    let files = loaded.into_iter().map(|file| {
        let log = format!(
            "{}\n{} rows read, {} loaded, {} rejected\n{}\n",
            file.name, file.rows_read, file.rows_loaded, file.rows_failed, file.log
        );
        (State::ended(file.state), log)
    });
    let mut files: Vec<(State, String)> = files.collect();
    if files.is_empty() {
        // Never twice.
        files.push((State::Error, "There was nothing to load.\n".to_owned()));
    }
    let ready = !job.is_empty() && rows > 0 && files.iter().all(|(state, _)| *state != State::Error);
    if !ready {
        fbdi::show(store, id, at);
    }
    if let Some(load) = task_mut(&mut bulk.scheduler, id) {
        load.files = files;
        load.ready = ready;
    }
}

/// Imports what the load left in the interface tables: as the import's request, when it ends.
pub(super) fn import(bulk: &mut Bulk, store: &mut Store, id: u64, request_id: u64, at: Timestamp) {
    let (Some(load), Some(request)) = (task(&bulk.scheduler, id), bulk.scheduler.get(id)) else { return };
    if load.imported.is_some() {
        return;
    }
    let job = import_name(load);
    let run = fbdi::Run { job: &job, parameters: &load.parameters, request_id, now: at, user: &request.submitter };
    let import = fbdi::import(store, &run);
    fbdi::show(store, id, at);
    let state = State::ended(import.state);
    let report = Report {
        state: if request.behaviour.warning { state.worse(State::Warning) } else { state },
        log: format!("{}\n{} imported, {} rejected\n", import.log, import.imported, import.rejected),
        outputs: import.outputs,
    };
    if let Some(load) = task_mut(&mut bulk.scheduler, id) {
        load.imported = Some(report);
    }
}

/// Something below the load ended: what comes next, once nothing runs any more.
pub(super) fn next(bulk: &mut Bulk, store: &mut Store, id: u64, at: Timestamp) {
    let above = bulk.scheduler.get(id).map(|request| request.state);
    let over = above.is_none_or(|state| state.is_final() || state == State::Cancelling);
    if over || bulk.scheduler.children(id).any(|child| !child.state.is_final()) {
        return;
    }
    let Some(load) = task(&bulk.scheduler, id) else { return };
    let (phase, document, purge, extracts) = (load.phase, load.document, load.purge, load.extract.is_some());
    let import = load.import.clone().filter(|_| load.ready);
    let failed = bulk.scheduler.children(id).any(|child| {
        matches!(child.task, Task::Transfer | Task::File(_))
            && !matches!(child.state, State::Succeeded | State::Warning)
    });
    match (phase, import) {
        (Phase::Transfer, _) if !failed => {
            // A CSV is one file, and so is what cannot be opened.
            let names = bulk.library.get(document).map(|document| fbdi::names(&document.content, &document.name));
            let files = names.map_or(1, |names| names.len()).clamp(1, MOST_FILES);
            pause(bulk, id, Phase::Files);
            for place in 0..files {
                let job = jobs::internal(LOADER, "InterfaceLoaderSqlldrImport", "Load File to Interface");
                bulk.scheduler.spawn(id, job, Task::File(place), at);
            }
        }
        (Phase::Files, Some(job)) if !failed => {
            pause(bulk, id, Phase::Import);
            let import = bulk.scheduler.spawn(id, job, Task::Import, at);
            let parameters = task(&bulk.scheduler, id).map(|load| load.parameters.clone()).unwrap_or_default();
            if let Some(request) = bulk.scheduler.get_mut(import) {
                request.arguments = parameters;
            }
        }
        (Phase::Transfer | Phase::Files | Phase::Import, _) => {
            if purge {
                fbdi::purge(store, Some(id));
            }
            if extracts && bulk.library.get(document).is_some() {
                pause(bulk, id, Phase::Upload);
                let title = "Upload Interface Error and Job Output File to Universal Content Management";
                let job = jobs::internal(LOADER, "InterfaceLoaderErrorUpload", title);
                bulk.scheduler.spawn(id, job, Task::Upload, at);
            } else {
                finish(bulk, store, id, at);
            }
        }
        (Phase::Upload, _) => finish(bulk, store, id, at),
    }
}

fn finish(bulk: &mut Bulk, store: &mut Store, id: u64, at: Timestamp) {
    let children = bulk.scheduler.children(id).filter(|child| child.task != Task::Upload);
    let state = children.fold(State::Succeeded, |state, child| state.worse(child.state));
    let state = if state == State::Cancelled { State::Error } else { state };
    machine::end(bulk, store, id, Report::bare(state), at);
    event::raise(bulk, id, at);
}

/// The definition of the report below the import of a load.
pub(super) fn report_definition(bulk: &Bulk, id: u64) -> Option<&'static str> {
    machine::report_of(task(&bulk.scheduler, id)?.interface)
}

/// What the import made of the rows; the reports may be another request's.
pub(super) fn imported(bulk: &Bulk, id: u64, outputs: bool) -> Report {
    let Some(report) = task(&bulk.scheduler, id).and_then(|load| load.imported.as_ref()) else {
        return Report { log: "Nothing was imported.\n".to_owned(), ..Report::bare(State::Succeeded) };
    };
    let behaviour = bulk.scheduler.get(id).map(|request| request.behaviour).unwrap_or_default();
    let mut outputs = match (outputs, behaviour.nested) {
        (false, _) => Vec::new(),
        (true, false) => report.outputs.clone(),
        (true, true) => {
            let inner = zipped::archive(report.outputs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
            vec![("reports.zip".to_owned(), inner)]
        }
    };
    if behaviour.pdf > 0 && !outputs.is_empty() {
        outputs.push(("report.pdf".to_owned(), printed(behaviour.pdf)));
    }
    Report { state: report.state, log: report.log.clone(), outputs }
}

/// So many bytes of a printed report, as dense as its own compression leaves them.
fn printed(bytes: u32) -> Vec<u8> {
    let mut page = 0x9e37_79b9_u32;
    let dense = (0..bytes).map(|_| {
        page ^= page << 13;
        page ^= page >> 17;
        page ^= page << 5;
        page.to_le_bytes()[1]
    });
    b"%PDF-1.7\n%\0\n".iter().copied().chain(dense).collect()
}

/// Puts the logs of all that ran into UCM as `<load request>.zip`, in the load's own account (FACTS 3.7).
pub(super) fn upload(bulk: &mut Bulk, id: u64, at: Timestamp) -> Report {
    let Some(load) = task(&bulk.scheduler, id) else { return Report::bare(State::Error) };
    let (document, extract) = (load.document, load.extract.unwrap_or(Extract::All));
    let Some(account) = bulk.library.get(document).map(|document| document.account.clone()) else {
        return Report::bare(State::Error);
    };
    let content = archive(&bulk.scheduler, id, extract).unwrap_or_default();
    let author = bulk.scheduler.get(id).map(|request| request.submitter.clone()).unwrap_or_default();
    let name = format!("{id}.zip");
    let comments = format!("processedby={id}");
    let upload = Upload {
        name: &name,
        account: &account,
        author: &author,
        content_type: "zip",
        comments: &comments,
        content: content.into(),
    };
    let logs = bulk.library.add(upload, at);
    if let Some(load) = task_mut(&mut bulk.scheduler, id) {
        load.logs = Some(logs);
    }
    Report { log: format!("{name} was uploaded to {account} as document {logs}\n"), ..Report::bare(State::Succeeded) }
}

/// A zip with `<request>.log` and `<request>.<extension>` of a request and all below it; none where there is nothing
/// yet.
pub(crate) fn archive(scheduler: &Scheduler, id: u64, extract: Extract) -> Option<Vec<u8>> {
    let mut entries: Vec<(String, &[u8])> = Vec::new();
    for request in scheduler.tree(id) {
        if extract != Extract::Outputs && !request.log.is_empty() {
            entries.push((format!("{}.log", request.id), request.log.as_bytes()));
        }
        for (name, bytes) in request.outputs.iter().filter(|_| extract != Extract::Logs) {
            let extension = name.rsplit_once('.').map_or("txt", |(_, extension)| extension);
            let short = format!("{}.{extension}", request.id);
            let taken = entries.iter().any(|(known, _)| *known == short);
            entries.push((if taken { format!("{}_{name}", request.id) } else { short }, bytes.as_slice()));
        }
    }
    if entries.is_empty() {
        return None;
    }
    Some(zipped::archive(entries.iter().map(|(name, bytes)| (name.as_str(), *bytes))))
}
