//! One request of the scheduler: what it is, how far it is, what it wrote.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ess::jobs::Job;

/// States by the names that all of Fusion's interfaces share (FACTS 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum State {
    Wait,
    Ready,
    Running,
    Blocked,
    Hold,
    Cancelling,
    Expired,
    Cancelled,
    Error,
    Warning,
    Succeeded,
    Paused,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wait => "WAIT",
            Self::Ready => "READY",
            Self::Running => "RUNNING",
            Self::Blocked => "BLOCKED",
            Self::Hold => "HOLD",
            Self::Cancelling => "CANCELLING",
            Self::Expired => "EXPIRED",
            Self::Cancelled => "CANCELLED",
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Paused => "PAUSED",
        }
    }

    /// How a job says that it ended; anything unknown is an error.
    pub(crate) fn ended(name: &str) -> Self {
        match name {
            "SUCCEEDED" => Self::Succeeded,
            "WARNING" => Self::Warning,
            _ => Self::Error,
        }
    }

    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Expired | Self::Cancelled | Self::Error | Self::Warning | Self::Succeeded)
    }

    /// The graver of two ends.
    pub(crate) fn worse(self, other: Self) -> Self {
        let rank = |state: Self| match state {
            Self::Succeeded => 0,
            Self::Warning => 1,
            _ => 2,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// What a scenario does to a request and all below it (FACTS 8, T5, T6, T9, T11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Behaviour {
    /// The import takes so many seconds more.
    #[serde(default)]
    pub(crate) slow: u64,
    /// While it does, the parent is BLOCKED instead of PAUSED.
    #[serde(default)]
    pub(crate) blocked: bool,
    /// Nobody picks the request up; after so many seconds it is EXPIRED.
    #[serde(default)]
    pub(crate) stuck: Option<u64>,
    /// The import ends WARNING at best.
    #[serde(default)]
    pub(crate) warning: bool,
    /// Reports lie in a zip inside the zip.
    #[serde(default)]
    pub(crate) nested: bool,
    /// A report is printed as well, to so many bytes.
    #[serde(default)]
    pub(crate) pdf: u32,
    /// How often the callback is raised, where not once.
    #[serde(default)]
    pub(crate) callbacks: Option<u8>,
    /// The callback names no document.
    #[serde(default)]
    pub(crate) no_document: bool,
}

/// What a bulk load was asked to do, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoadTask {
    pub(crate) interface: u32,
    pub(crate) document: u64,
    /// The job that imports.
    pub(crate) import: Option<Job>,
    /// The import's arguments.
    pub(crate) parameters: Vec<Option<String>>,
    /// `PurgeOption=Y`.
    pub(crate) purge: bool,
    /// Error files are put into UCM: not without JobOptions (FACTS 3.2).
    pub(crate) extract: Option<Extract>,
    /// Where the callback goes.
    pub(crate) callback: Option<String>,
    /// `EnableEvent=Y`.
    pub(crate) event: bool,
    pub(crate) phase: Phase,
    /// What the load made of each file, once it is known: state and log.
    #[serde(default)]
    pub(crate) files: Vec<(State, String)>,
    /// Rows were loaded for the import to run over.
    #[serde(default)]
    pub(crate) ready: bool,
    /// What the import made of the rows, once it is known.
    #[serde(default)]
    pub(crate) imported: Option<Report>,
    /// The document with the logs, once it is there.
    #[serde(default)]
    pub(crate) logs: Option<u64>,
}

/// `ExtractFileType`: which files go into the zip of the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Extract {
    All,
    Logs,
    Outputs,
}

/// How far a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    Transfer,
    Files,
    Import,
    Upload,
}

/// An end with its log and reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) state: State,
    pub(crate) log: String,
    pub(crate) outputs: Vec<(String, Vec<u8>)>,
}

/// An export's options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExportTask {
    pub(crate) callback: Option<String>,
    pub(crate) event: bool,
    /// The document with the output, once it is there.
    #[serde(default)]
    pub(crate) output: Option<u64>,
}

/// What a request does when it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Of the days before the pod's start: stays as it is.
    Seeded,
    /// "Load Interface File for Import", with all below it.
    Load(Box<LoadTask>),
    /// "Transfer File".
    Transfer,
    /// "Load File to Interface", by the file's place in the archive.
    File(usize),
    /// The import below a load.
    Import,
    /// The report below an import.
    Report,
    /// "Upload Interface Error and Job Output File to Universal Content Management".
    Upload,
    /// An export into UCM.
    Export(Box<ExportTask>),
    /// What the job's definition says.
    Own,
}

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) id: u64,
    pub(crate) parent: Option<u64>,
    /// The request at the top of the tree.
    pub(crate) ancestor: u64,
    pub(crate) job: Job,
    pub(crate) description: String,
    pub(crate) arguments: Vec<Option<String>>,
    pub(crate) submitter: String,
    pub(crate) integration: bool,
    pub(crate) state: State,
    #[serde(with = "crate::saved::text")]
    pub(crate) submitted: Timestamp,
    #[serde(with = "crate::saved::text")]
    pub(crate) requested_start: Timestamp,
    #[serde(with = "optional")]
    pub(crate) started: Option<Timestamp>,
    #[serde(with = "optional")]
    pub(crate) ended: Option<Timestamp>,
    /// When it goes on by itself; none while it waits for others, or for ever.
    #[serde(with = "optional")]
    pub(crate) next: Option<Timestamp>,
    pub(crate) log: String,
    /// Report files: name and bytes.
    pub(crate) outputs: Vec<(String, Vec<u8>)>,
    pub(crate) task: Task,
    pub(crate) behaviour: Behaviour,
    pub(crate) priority: u8,
}

/// How long a request waits before it is picked up.
pub(super) const PICKED_UP: SignedDuration = SignedDuration::from_secs(2);

impl Request {
    /// A request that was just submitted.
    pub(crate) fn new(id: u64, job: Job, task: Task, now: Timestamp) -> Self {
        Self {
            id,
            parent: None,
            ancestor: id,
            description: job.title.clone(),
            job,
            arguments: Vec::new(),
            submitter: String::new(),
            integration: false,
            state: State::Wait,
            submitted: now,
            requested_start: now,
            started: None,
            ended: None,
            next: now.checked_add(PICKED_UP).ok(),
            log: String::new(),
            outputs: Vec::new(),
            task,
            behaviour: Behaviour::default(),
            priority: 4,
        }
    }

    /// The last argument of that place, counted from 1; none where it is blank.
    pub(crate) fn argument(&self, place: usize) -> Option<&str> {
        self.arguments.get(place.checked_sub(1)?)?.as_deref()
    }

    /// `JobDefinition://oracle/apps/ess/…`
    pub(crate) fn definition_id(&self) -> String {
        format!("JobDefinition:/{}/{}", self.job.package, self.job.definition)
    }
}

/// A timestamp as ISO text, or none.
mod optional {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "the shape that serde's `with` calls")]
    pub(super) fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.collect_str(time),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}
