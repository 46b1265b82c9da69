//! What the ERP integration service does, whichever interface asks: REST and SOAP come here (FACTS 3.2, 3.3).
//!
//! Owns who may see which request and what a submission is refused with: `-1`, never a reason.

use bytes::Bytes;
use jiff::Timestamp;

use super::{event, options};
use crate::auth::User;
use crate::bulk::Bulk;
use crate::ess::jobs::{self, Work};
use crate::ess::load;
use crate::ess::request::{ExportTask, Extract, LoadTask, Phase};
use crate::ess::{Behaviour, Submission, Task};
use crate::ucm::{self, Document, Upload};

/// Who asks, and how the scenario is.
pub(crate) struct Caller {
    pub(crate) user: &'static User,
    pub(crate) now: Timestamp,
    pub(crate) behaviour: Behaviour,
    /// Every submission is refused (FACTS 8, T1).
    pub(crate) refused: bool,
    /// Accounts may be spelt with slashes alone: over SOAP (FACTS 3.5).
    pub(crate) slashes: bool,
}

/// A file that was sent.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) content_type: String,
    pub(crate) comments: String,
    pub(crate) content: Bytes,
}

/// What a bulk job was asked for.
pub(crate) struct Order {
    /// `<package>,<definition>`
    pub(crate) job: String,
    pub(crate) parameters: Vec<Option<String>>,
    pub(crate) options: Option<String>,
    pub(crate) callback: Option<String>,
}

/// Arguments by their places: blank ones and `#NULL` are none (FACTS 3.2).
pub(crate) fn arguments(text: &str) -> Vec<Option<String>> {
    if text.is_empty() {
        return Vec::new();
    }
    text.split(',').map(argument).collect()
}

/// One argument.
pub(crate) fn argument(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text != "#NULL").then(|| text.to_owned())
}

/// The value of a job option, `Name=value` between commas.
fn option<'o>(options: &'o str, name: &str) -> Option<&'o str> {
    options.split(',').find_map(|part| {
        let (known, value) = part.split_once('=')?;
        (known.trim() == name).then_some(value.trim())
    })
}

fn extract(options: Option<&str>) -> Option<Extract> {
    let types = option(options?, "ExtractFileType")?;
    let has = |wanted: &str| types.split(';').any(|part| part.trim().eq_ignore_ascii_case(wanted));
    if has("ALL") || (has("LOG") && types.contains(';')) {
        Some(Extract::All)
    } else if has("LOG") {
        Some(Extract::Logs)
    } else {
        (!has("NONE")).then_some(Extract::Outputs)
    }
}

/// Keeps a file; none where there is no such account, or it is spelt in the other way (FACTS 8, F2).
pub(crate) fn upload(bulk: &mut Bulk, caller: &Caller, file: &File) -> Option<u64> {
    let account = ucm::plain(&file.account);
    if !options::is_account(&account) || (!caller.slashes && !file.account.contains('$')) {
        return None;
    }
    let upload = Upload {
        name: &file.name,
        account: &account,
        author: caller.user.username,
        content_type: &file.content_type,
        comments: &file.comments,
        content: file.content.clone(),
    };
    Some(bulk.library.add(upload, caller.now))
}

fn submission<'a>(caller: &'a Caller, job: jobs::Job, arguments: Vec<Option<String>>, task: Task) -> Submission<'a> {
    Submission {
        job,
        arguments,
        task,
        user: caller.user.username,
        integration: true,
        description: None,
        start: None,
        behaviour: caller.behaviour,
    }
}

/// The job of that name, if the caller may submit it.
fn permitted(caller: &Caller, package: &str, definition: &str) -> Option<(jobs::Job, Work)> {
    let found = jobs::find(package, definition)?;
    (!caller.refused && jobs::allowed(caller.user, package, definition)).then_some(found)
}

/// Loads a document and imports it; none where the job is refused.
pub(crate) fn import(bulk: &mut Bulk, caller: &Caller, document: u64, order: Order) -> Option<u64> {
    let (package, definition) = jobs::split(&order.job)?;
    let (job, Work::Import(interface)) = permitted(caller, &package, definition)? else { return None };
    let (loader, _) = jobs::find(jobs::LOADER, "InterfaceLoaderController")?;
    let options = order.options.as_deref();
    let interface = options.and_then(|options| option(options, "InterfaceDetails")?.parse().ok()).unwrap_or(interface);
    let yes = |name: &str| options.and_then(|options| option(options, name));
    let task = LoadTask {
        interface,
        document,
        import: (yes("ImportOption") != Some("N")).then_some(job),
        parameters: order.parameters,
        purge: yes("PurgeOption") == Some("Y"),
        extract: extract(options),
        // Without options no callback fires (FACTS 3.2).
        callback: order.callback.filter(|_| options.is_some()),
        event: yes("EnableEvent") == Some("Y"),
        phase: Phase::Transfer,
        files: Vec::new(),
        ready: false,
        imported: None,
        logs: None,
    };
    let arguments = vec![Some(interface.to_string()), Some(document.to_string()), argument("N"), argument("N")];
    Some(bulk.scheduler.submit(submission(caller, loader, arguments, Task::Load(Box::new(task))), caller.now))
}

/// Extracts rows into UCM; none where the job is refused.
pub(crate) fn export(bulk: &mut Bulk, caller: &Caller, order: Order) -> Option<u64> {
    let (package, definition) = jobs::split(&order.job)?;
    let (job, Work::Export) = permitted(caller, &package, definition)? else { return None };
    let options = order.options.as_deref();
    let task = ExportTask {
        callback: order.callback.filter(|_| options.is_some()),
        event: options.and_then(|options| option(options, "EnableEvent")) == Some("Y"),
        output: None,
    };
    let submission = submission(caller, job, order.parameters, Task::Export(Box::new(task)));
    Some(bulk.scheduler.submit(submission, caller.now))
}

/// What a submitted job does, by its definition.
pub(crate) fn task(work: Work, arguments: &[Option<String>]) -> Task {
    let number = |place: usize| arguments.get(place)?.as_ref()?.parse::<u64>().ok();
    match work {
        Work::Load => Task::Load(Box::new(LoadTask {
            interface: number(0).and_then(|id| u32::try_from(id).ok()).unwrap_or_default(),
            document: number(1).unwrap_or_default(),
            import: None,
            parameters: Vec::new(),
            purge: false,
            extract: None,
            callback: None,
            event: false,
            phase: Phase::Transfer,
            files: Vec::new(),
            ready: false,
            imported: None,
            logs: None,
        })),
        Work::Export => Task::Export(Box::new(ExportTask { callback: None, event: false, output: None })),
        _ => Task::Own,
    }
}

/// Submits a job; none where it is refused.
pub(crate) fn submit(
    bulk: &mut Bulk,
    caller: &Caller,
    package: &str,
    definition: &str,
    arguments: Vec<Option<String>>,
) -> Option<u64> {
    let (job, work) = permitted(caller, &jobs::package(package), definition.trim())?;
    let task = task(work, &arguments);
    Some(bulk.scheduler.submit(submission(caller, job, arguments, task), caller.now))
}

/// Puts the logs of a load into UCM and submits the purge of its rows: the document and the request; none where there
/// is no such load.
pub(crate) fn extract_and_purge(bulk: &mut Bulk, caller: &Caller, load_id: &str) -> Option<(u64, u64)> {
    let id: u64 = load_id.trim().parse().ok()?;
    let request = bulk.scheduler.get(id).filter(|request| request.integration)?;
    let Task::Load(task) = &request.task else { return None };
    let (interface, document) = (task.interface, bulk.library.get(task.document)?);
    let (account, name) = (document.account.clone(), format!("{id}.zip"));
    let content = load::archive(&bulk.scheduler, id, Extract::All)?;
    let purge = submit(
        bulk,
        caller,
        jobs::LOADER,
        "InterfaceLoaderPurge",
        vec![Some(interface.to_string()), Some(id.to_string())],
    )?;
    let comments = format!("processedby={id}");
    let upload = Upload {
        name: &name,
        account: &account,
        author: caller.user.username,
        content_type: "zip",
        comments: &comments,
        content: content.into(),
    };
    Some((bulk.library.add(upload, caller.now), purge))
}

/// The state of a request that was submitted through this service; blank for every other (FACTS 3.3).
pub(crate) fn status(bulk: &Bulk, id: &str) -> &'static str {
    let request = id.trim().parse().ok().and_then(|id| bulk.scheduler.get(id));
    request.filter(|request| request.integration).map_or("", |request| request.state.name())
}

/// JSON text of the tree of requests; blank as the state is.
pub(crate) fn details(bulk: &Bulk, id: &str) -> String {
    let id = id.trim().parse().ok().filter(|_| !status(bulk, id).is_empty());
    id.and_then(|id| event::tree(bulk, id)).map(|tree| tree.to_string()).unwrap_or_default()
}

/// The zip of logs and reports; none for requests of other submitters (FACTS 3.3).
pub(crate) fn logs(bulk: &Bulk, caller: &Caller, id: &str, file_type: Option<&str>) -> Option<Vec<u8>> {
    let id = id.trim().parse().ok()?;
    bulk.scheduler.get(id).filter(|request| request.integration && request.submitter == caller.user.username)?;
    let outputs = file_type.is_some_and(|kind| kind.eq_ignore_ascii_case("OUT"));
    load::archive(&bulk.scheduler, id, if outputs { Extract::Outputs } else { Extract::All })
}

/// The document of that id.
pub(crate) fn document<'b>(bulk: &'b Bulk, id: &str) -> Option<&'b Document> {
    bulk.library.get(id.trim().parse().ok()?)
}

/// The output of an export that has ended.
pub(crate) fn export_output<'b>(bulk: &'b Bulk, id: &str) -> Option<&'b Document> {
    match &bulk.scheduler.get(id.trim().parse().ok()?)?.task {
        Task::Export(export) => bulk.library.get(export.output?),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn arguments_keep_their_places() {
        let read = arguments("#NULL,300,,N,");
        assert_eq!(read, [None, Some("300".to_owned()), None, Some("N".to_owned()), None]);
        assert!(arguments("").is_empty());
    }

    #[test]
    fn files_are_extracted_where_the_options_say_so() {
        for (options, expected) in [
            (None, None),
            (Some("ImportOption=Y"), None),
            (Some("ExtractFileType=NONE"), None),
            (Some("InterfaceDetails=1,ExtractFileType=ALL"), Some(Extract::All)),
            (Some("ExtractFileType=LOG"), Some(Extract::Logs)),
            (Some("ExtractFileType=CSV;XML"), Some(Extract::Outputs)),
        ] {
            assert_eq!(extract(options), expected, "{options:?}");
        }
    }
}
