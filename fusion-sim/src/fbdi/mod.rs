//! Bulk import: from an uploaded zip over the interface tables to the rows of the pod, with every log and report.
//!
//! Owns what the load and the import jobs do (FACTS 3.6 and 3.7). Promises that a row is loaded or named in a log,
//! imported or left in its interface table with the reason. Never decides when a job runs or who may run it.

mod archive;
mod journals;
mod layout;
mod loader;
mod payables;
mod record;
mod reference;
mod report;
mod suppliers;
pub(crate) mod tables;
#[cfg(test)]
mod tests;
mod value;

use jiff::Timestamp;

use crate::store::{Context, Store};

/// A load with the import behind it.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// Interface id of the object (FACTS 3.5).
    pub interface_id: u32,
    /// The zip, or one CSV. Where both this and the name are empty, nothing is loaded, and the import runs over what
    /// earlier loads left.
    pub document: &'a [u8],
    /// As it was uploaded; of a CSV, the name that its control file must have.
    pub file_name: &'a str,
    /// `<package>,<definition>` of the import; empty for a load without one.
    pub job: &'a str,
    /// Arguments of the import by position; none for `#NULL` and blank.
    pub parameters: &'a [Option<String>],
    /// Request id of the load.
    pub load_request_id: u64,
    /// Request ids below the load, one for each file; its logs name them.
    pub child_ids: &'a [u64],
    /// The pod's clock.
    pub now: Timestamp,
    /// Who submitted it.
    pub user: &'a str,
}

/// What became of a load.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// One for each interface file, or one for an archive that was refused as a whole.
    pub files: Vec<FileLoad>,
    /// What the import did; none where nothing was loaded, or where none was asked for.
    pub import: Option<Import>,
}

/// One interface file, loaded.
#[derive(Clone, Debug)]
pub struct FileLoad {
    /// `ApInvoicesInterface.csv`
    pub name: String,
    /// Records in the file.
    pub rows_read: u64,
    /// Rows in the interface table.
    pub rows_loaded: u64,
    /// Records refused.
    pub rows_failed: u64,
    /// The loader's log.
    pub log: String,
    /// `SUCCEEDED`; `WARNING` where some records were refused; `ERROR` where nothing was loaded.
    pub state: &'static str,
}

/// An import job, run.
#[derive(Clone, Debug)]
pub struct Import {
    /// `SUCCEEDED`, or `WARNING` where rows were rejected. Zero rows selected is a success (FACTS 8, T4).
    pub state: &'static str,
    /// The job's log.
    pub log: String,
    /// Report files: name and bytes.
    pub outputs: Vec<(String, Vec<u8>)>,
    /// Documents or rows that are now the pod's.
    pub imported: u64,
    /// Documents or rows that stay in the interface table with a reason.
    pub rejected: u64,
}

/// An import job by itself, over what earlier loads left in the interface tables.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// `<package>,<definition>`
    pub job: &'a str,
    /// Arguments by position; none for `#NULL` and blank.
    pub parameters: &'a [Option<String>],
    /// Request id of the job.
    pub request_id: u64,
    /// The pod's clock.
    pub now: Timestamp,
    /// Who submitted it.
    pub user: &'a str,
}

impl Run<'_> {
    /// The argument at a position, counted from 1.
    fn argument(&self, position: usize) -> Option<&str> {
        let at = position.checked_sub(1)?;
        self.parameters.get(at)?.as_deref().map(str::trim).filter(|text| !text.is_empty() && *text != "#NULL")
    }

    fn context(&self) -> Context {
        Context { now: self.now, user: self.user.to_owned() }
    }
}

/// The names of the files in an upload, in the order of [`Loaded::files`]: one load child comes for each. A broken
/// archive has none, and is refused as one.
#[must_use]
pub fn names(document: &[u8], file_name: &str) -> Vec<String> {
    archive::names(document, file_name)
}

/// Loads an upload into the interface tables and imports it, as the request that loads.
pub fn load(store: &mut Store, load: &Load<'_>) -> Loaded {
    let run = Run {
        job: load.job,
        parameters: load.parameters,
        request_id: load.load_request_id,
        now: load.now,
        user: load.user,
    };
    if load.document.is_empty() && load.file_name.is_empty() {
        return Loaded { files: Vec::new(), import: Some(import(store, &run)) };
    }
    let files = load_only(store, load);
    let loaded: u64 = files.iter().map(|file| file.rows_loaded).sum();
    let goes_on = !load.job.is_empty() && loaded > 0 && files.iter().all(|file| file.state != "ERROR");
    let import = goes_on.then(|| import(store, &run));
    payables::publish(store, load.load_request_id, load.now);
    Loaded { files, import }
}

/// Loads an upload into the interface tables.
pub fn load_only(store: &mut Store, load: &Load<'_>) -> Vec<FileLoad> {
    loader::load(store, load)
}

/// Shows over REST what a load left in the interface tables that no import took.
pub fn show(store: &mut Store, load_request_id: u64, now: Timestamp) {
    payables::publish(store, load_request_id, now);
}

/// Runs an import job. One that this pod only counts runs over nothing and says so.
pub fn import(store: &mut Store, run: &Run<'_>) -> Import {
    match definition(run.job) {
        "APXIIMPT" => payables::import(store, run),
        "JournalImportLauncher" => journals::import(store, run),
        "ImportSuppliers" => suppliers::import(store, run, suppliers::Object::Supplier),
        "ImportSupplierAddresses" => suppliers::import(store, run, suppliers::Object::Address),
        "ImportSupplierSites" => suppliers::import(store, run, suppliers::Object::Site),
        "ImportSupplierSiteAssignments" => suppliers::import(store, run, suppliers::Object::Assignment),
        "ImportSupplierContacts" => suppliers::import(store, run, suppliers::Object::Contact),
        other => Import {
            state: "SUCCEEDED",
            log: format!(
                "{other}: this simulated pod loads the interface tables and imports nothing.\nRows processed: 0\n"
            ),
            outputs: Vec::new(),
            imported: 0,
            rejected: 0,
        },
    }
}

/// Whether an import job makes records of the pod, rather than only running over its interface tables.
#[must_use]
pub fn imports(job: &str) -> bool {
    matches!(
        definition(job),
        "APXIIMPT"
            | "JournalImportLauncher"
            | "ImportSuppliers"
            | "ImportSupplierAddresses"
            | "ImportSupplierSites"
            | "ImportSupplierSiteAssignments"
            | "ImportSupplierContacts"
    )
}

/// Whether this pod has a control file for the interface.
#[must_use]
pub fn loads(interface_id: u32) -> bool {
    layout::of_interface(interface_id).next().is_some()
}

/// Removes what a load, or every load, left in the interface tables (`PurgeOption`, `extractAndPurge`); how many rows
/// there were.
pub fn purge(store: &mut Store, load_request_id: Option<u64>) -> u64 {
    payables::unpublish(store, load_request_id);
    layout::all().iter().map(|layout| store.tables_mut().purge(&layout.table, load_request_id)).sum()
}

/// The rows that wait in an interface table (`GL_INTERFACE`): load request, record in the file, status, and the
/// values that are set by column.
pub fn waiting(store: &Store, table: &str) -> Vec<Waiting> {
    let Some(layout) = layout::of_table(table) else { return Vec::new() };
    let name = |place: u16| layout.columns.get(usize::from(place)).and_then(|column| column.name.clone());
    let rows = store.tables().rows(table).iter();
    rows.map(|line| Waiting {
        load_request_id: line.load,
        record: line.record,
        status: line.status.clone(),
        values: line.cells.iter().filter_map(|(at, value)| Some((name(*at)?, value.to_string()))).collect(),
    })
    .collect()
}

/// A row of an interface table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The load that brought it.
    pub load_request_id: u64,
    /// Its record in the file, counted from 1.
    pub record: u64,
    /// None before an import saw it; `REJECTED`, or codes of errors with commas.
    pub status: Option<String>,
    /// Column and value, in the order of the file.
    pub values: Vec<(String, String)>,
}

fn definition(job: &str) -> &str {
    job.rsplit_once([',', ';']).map_or(job, |(_, definition)| definition)
}
