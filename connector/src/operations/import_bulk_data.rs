//! `import_bulk_data`: rows into a pod's interface tables and from there into records, once, with every row
//! that did not get in named.
//!
//! Each step does one thing and hands on a token that says what was learnt: submit (or look for what was
//! submitted), look, run what comes after, report. Names on the pod come from the call's id, so a step that
//! is done again finds what the one before sent.

mod after;
mod findings;
mod intent;
mod of;
mod report;
mod submit;

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

pub(super) use submit::LOADER;

use findings::{refused, severity, warnings};
use of::Of;

use super::answer::Told;
use super::file::{AnsweredFile, GivenFile, answered};
use super::get_ess_job::Job;
use super::waiting::Waiting;
use super::{Action, Spec, Step};
use crate::contract::{Effect, Idempotency, Outcome, ProblemKind};
use crate::files;
use crate::fusion::erp::jobs::{Seen, Watch};
use crate::fusion::erp::mark::{self, Later};
use crate::fusion::erp::state::End;
use crate::fusion::erp::tree::Tree;
use crate::fusion::fbdi::{self, Built, Content, InputFile, Object, Options, Source};
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::record::plain;
use crate::problem::{Failure, Result};

/// See the module.
pub struct ImportBulkData;

const ID: &str = "import_bulk_data";

/// What to import.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Import in bulk", deny_unknown_fields)]
pub struct Input {
    /// Kind of records.
    #[schemars(title = "Object", extend("enum" = fbdi::objects().iter().map(|object| object.id).collect::<Vec<_>>()))]
    #[schemars(extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub object: String,
    /// Records, each with its lines in a list, by Oracle's column names or the template's titles.
    #[schemars(title = "Rows", with = "Option<Vec<BTreeMap<String, Anything>>>", extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub rows: Option<Box<RawValue>>,
    /// CSV files, with a header row in any order of columns, or ready for the loader. Instead of rows.
    #[schemars(title = "Files", length(min = 1, max = 20), extend("x-connector-order" = 3))]
    pub files: Option<Vec<GivenFile>>,
    /// A zip with such files. Instead of rows.
    #[schemars(title = "Zip", extend("x-connector-order" = 4))]
    pub zip: Option<GivenFile>,
    /// Parameters of the import job by name; which there are depends on the object.
    #[schemars(title = "Parameters", with = "Option<BTreeMap<String, Anything>>", extend("x-connector-visibility" = "important", "x-connector-order" = 5))]
    pub parameters: Option<BTreeMap<String, Box<RawValue>>>,
    /// The job's whole positional list as text, instead of parameters. Every slot counts.
    #[schemars(title = "Parameter list", length(max = 4000), extend("x-connector-visibility" = "advanced", "x-connector-order" = 6))]
    pub parameter_list: Option<String>,
    /// Group of the rows (GROUP_ID, import set); that of the rows, else one made of the call's id.
    #[schemars(title = "Group id", length(min = 1, max = 80), extend("x-connector-visibility" = "advanced", "x-connector-order" = 7))]
    pub group_id: Option<String>,
    /// Only check, and answer what was found and the zip; nothing is sent.
    #[schemars(title = "Check only", extend("default" = false, "x-connector-order" = 8))]
    pub check_only: Option<bool>,
    /// Purge the interface tables of this load when all of it was imported: never or when_complete.
    #[schemars(title = "Purge", extend("default" = "never", "x-connector-order" = 9))]
    #[serde(default)]
    pub purge: Purge,
    /// Jobs to run and await once the import has ended, as validation or posting. {request_id} and {group_id}
    /// in their parameters stand for this load's.
    #[schemars(title = "Then", length(max = 10), extend("x-connector-order" = 10))]
    pub then: Option<Vec<Next>>,
    /// Wait for the end and report; without it the answer is the request id.
    #[schemars(title = "Wait", extend("default" = true, "x-connector-order" = 11))]
    pub wait: Option<bool>,
    /// Most minutes to wait for the import.
    #[schemars(title = "Most minutes", range(min = 1, max = 44640), extend("default" = 1440, "x-connector-visibility" = "advanced", "x-connector-order" = 12))]
    pub timeout_minutes: Option<u32>,
    /// Address that the pod calls when the load has ended, as for the trigger import_completed.
    #[schemars(title = "Callback address", length(min = 1, max = 2000), extend("x-connector-visibility" = "advanced", "x-connector-order" = 13))]
    pub callback_url: Option<String>,
    /// How it is submitted: import_bulk_data loads and imports with one request; upload_and_submit uploads the
    /// file, then runs the loader and the import as jobs of their own, for who may run these alone.
    #[schemars(title = "Route", extend("default" = "import_bulk_data", "x-connector-visibility" = "advanced", "x-connector-order" = 14))]
    #[serde(default)]
    pub route: Route,
}

/// How it is submitted.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Route {
    /// `importBulkData`.
    #[default]
    ImportBulkData,
    /// `uploadFileToUCM`, then `submitESSJobRequest` for the loader and for the import.
    UploadAndSubmit,
}

/// When to purge.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Purge {
    /// Rejected rows stay where they can be corrected.
    #[default]
    Never,
    /// When every row was imported.
    WhenComplete,
}

/// A job that comes after: name, or package and definition.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Further job", deny_unknown_fields)]
pub struct Next {
    /// A job that is known: validate_invoices (APXAPRVL), or post_journals (AutoPost, whose parameter is the id of
    /// the criteria set). Instead of package and definition.
    #[schemars(title = "Name")]
    pub name: Option<Known>,
    /// Package of its definition.
    #[schemars(title = "Package", length(min = 1, max = 400))]
    pub package: Option<String>,
    /// Name of its definition.
    #[schemars(title = "Definition", length(min = 1, max = 200), pattern("^[^,/\\s]+$"))]
    pub definition: Option<String>,
    /// Parameters by position.
    #[schemars(title = "Parameters")]
    pub parameters: Option<Vec<String>>,
}

/// Jobs that people run after an import.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Known {
    /// Validate Payables Invoices.
    ValidateInvoices,
    /// AutoPost Journals.
    PostJournals,
}

/// What became of the rows.
#[derive(JsonSchema)]
#[schemars(title = "Import")]
#[allow(dead_code)]
pub struct Output {
    /// complete, partial, nothing_imported or failed; submitted where nobody waits. Of a check: checked, or refused
    /// where the findings keep the load from being sent.
    outcome: String,
    /// Documents, or rows where they stand alone.
    counts: Counts,
    /// Each row that was rejected.
    rejections: Vec<Rejected>,
    /// The rejected rows in their own columns; corrected, files takes it.
    #[schemars(default)]
    rejected_file: Option<AnsweredFile>,
    /// Where rows of several files were rejected: all of these.
    #[schemars(default)]
    rejected_files: Option<Vec<AnsweredFile>>,
    /// Request of the load; null where nothing was sent.
    #[schemars(with = "Anything")]
    request_id: Option<String>,
    /// Document with logs and error files; null where there is none.
    #[schemars(with = "Anything")]
    document_id: Option<String>,
    /// The load's jobs and those that came after.
    jobs: Vec<Job>,
    /// Group of the rows.
    #[schemars(default)]
    group_id: Option<String>,
    /// Of a check that refuses nothing: the zip that would be sent.
    #[schemars(default)]
    zip: Option<AnsweredFile>,
    /// What was found in the input.
    #[schemars(default)]
    findings: Option<Vec<Found>>,
    /// What concerns the load as a whole.
    #[schemars(default)]
    warnings: Option<Vec<Told>>,
}

/// How many; null where nobody told.
#[derive(JsonSchema)]
#[schemars(title = "Counts")]
#[allow(dead_code)]
pub struct Counts {
    /// In the input.
    read: u64,
    /// In the interface tables.
    #[schemars(with = "Anything")]
    loaded: Option<u64>,
    /// That became records.
    #[schemars(with = "Anything")]
    imported: Option<u64>,
    /// That did not.
    #[schemars(with = "Anything")]
    rejected: Option<u64>,
}

/// A row that was rejected.
#[derive(JsonSchema)]
#[schemars(title = "Rejected row")]
#[allow(dead_code)]
pub struct Rejected {
    /// File of the input; null where it is not known.
    #[schemars(with = "Anything")]
    file: Option<String>,
    /// Row of that file as a spreadsheet counts, or number of the record; null where it is not known.
    #[schemars(with = "Anything")]
    row: Option<u64>,
    /// Its document, as an invoice number.
    key: String,
    /// Code.
    code: String,
    /// What the pod says.
    message: String,
    /// What to do.
    remedy: String,
}

/// Something about a place of the input.
#[derive(JsonSchema)]
#[schemars(title = "Finding")]
#[allow(dead_code)]
pub struct Found {
    /// refuse, warn or repaired.
    severity: String,
    /// File.
    file: String,
    /// Row; null where it concerns the file.
    #[schemars(with = "Anything")]
    row: Option<u64>,
    /// Column; null where it concerns the row.
    #[schemars(with = "Anything")]
    column: Option<String>,
    /// For programs.
    code: String,
    /// For people.
    message: String,
}

/// What a step hands to the next.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// The call and the input that it is of; none in tokens of before.
    #[serde(default)]
    of: Option<Of>,
    /// Documents, or rows, that were read.
    read: u64,
    group: Option<String>,
    /// Stands for what was built.
    content: String,
    /// Files of the load: how many jobs it will have.
    files: usize,
    /// The import's positional list, where it is a job of its own.
    #[serde(default)]
    import: Option<String>,
    /// Warnings of building, as they are answered.
    warnings: Vec<Value>,
    stage: Stage,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// The answer was lost at this time (milliseconds, the pod's clock); how often it was sent.
    Lost { at: i64, sent: u8, cause: String },
    /// The load runs.
    Loading { watch: Watch, document: Option<String> },
    /// It ended; this one of the further jobs is next.
    Then {
        request: String,
        end: String,
        at: usize,
        newest: Option<String>,
        waiting: Option<Box<Waiting>>,
        done: Vec<Value>,
        /// Since when a job is looked for whose submission may have come in, in milliseconds on the pod's clock.
        #[serde(default)]
        lost: Option<i64>,
    },
}

/// An input, read.
struct Import<'a> {
    object: &'static Object,
    source: Source<'a>,
    parameters: BTreeMap<String, String>,
    input: &'a Input,
    call: &'a str,
    lent: Option<std::path::PathBuf>,
}

impl Action for ImportBulkData {
    const SPEC: Spec = Spec {
        id: ID,
        title: "Import in bulk",
        description: "Imports invoices, journals, suppliers and more through file-based data import: builds the files from rows or CSVs of any size, checks them, submits them once, waits, and tells which of your rows were rejected, why, and what to do.",
        group: "Bulk import and export",
        effect: Effect::Job,
        idempotency: Idempotency::CallId,
        paged: false,
        sample_input: r#"{"object":"ap_invoices","rows":[{"INVOICE_NUM":"INV-1001","INVOICE_AMOUNT":2212.75,"INVOICE_DATE":"2026-01-31","SOURCE":"Manual Invoice Entry","OPERATING_UNIT":"US1 Business Unit","VENDOR_NAME":"Lee Supplies","VENDOR_SITE_CODE":"Lee US1","INVOICE_CURRENCY_CODE":"USD","lines":[{"LINE_NUMBER":1,"AMOUNT":2212.75}]}],"parameters":{"business_unit_id":"300000046987012","ledger_id":"300000046975971","source":"Manual Invoice Entry"}}"#,
        sample_output: r#"{"outcome":"partial","counts":{"read":3,"loaded":3,"imported":2,"rejected":1},"rejections":[{"file":"invoices.csv","row":4,"key":"INV-1003","code":"INVALID SUPPLIER","message":"INVALID SUPPLIER","remedy":"The supplier is not known, or not active. Check name and number; create the supplier first."}],"rejected_file":{"name":"invoices.csv","size":12,"text":"Invoice Num\n"},"request_id":"9762926","document_id":"1658852","jobs":[{"request_id":"9762926","name":"Load Interface File for Import","state":"SUCCEEDED","parent_request_id":null}]}"#,
    };
    type Input = Input;
    type Output = Output;

    fn step(pod: &Pod, step: Step, input: Input, text: &str) -> Result<Outcome> {
        let of = Of::new(&step.call.id, text);
        let stepped = Import::new(&input, &step.call.id).and_then(|import| match step.token {
            None => import.begin(pod, of),
            Some(token) => {
                let state: State = mark::read(pod, ID, token)?;
                if let Some(other) = &state.of {
                    other.same(&of)?;
                }
                import.go_on(pod, state)
            }
        });
        stepped.map_err(|failure| match failure.kind() {
            ProblemKind::InvalidInput => failure.or_remedy(|| {
                "Correct what is named and make the call again; check_only tells every finding.".to_owned()
            }),
            _ => failure,
        })
    }
}

impl<'a> Import<'a> {
    fn new(input: &'a Input, call: &'a str) -> Result<Self> {
        let object =
            fbdi::object(&input.object).ok_or_else(|| Failure::invalid("/object", "there is no such object"))?;
        let source = match (&input.rows, &input.files, &input.zip) {
            (Some(rows), None, None) => Source::Rows(rows.get()),
            (None, Some(files), None) => {
                let read = files.iter().enumerate().map(|(index, file)| given(file, &format!("/files/{index}")));
                Source::Files(read.collect::<Result<_>>()?)
            }
            (None, None, Some(zip)) => Source::Zip(given(zip, "/zip")?),
            _ => return Err(Failure::invalid("", "exactly one of rows, files and zip is expected")),
        };
        if input.route == Route::UploadAndSubmit {
            if input.wait == Some(false) {
                return Err(Failure::invalid(
                    "/wait",
                    "with the route upload_and_submit the import follows the load, so that the end of the load is waited for",
                ));
            }
            if input.callback_url.is_some() {
                return Err(Failure::invalid("/callback_url", "the route upload_and_submit takes none"));
            }
        }
        let after = input.then.as_ref().is_some_and(|then| !then.is_empty()) || input.purge != Purge::Never;
        if input.wait == Some(false) && after {
            return Err(Failure::invalid("/wait", "then and purge follow the end of the import, which is waited for"));
        }
        for (place, next) in input.then.iter().flatten().enumerate() {
            next.checked(place)?;
        }
        let mut parameters = BTreeMap::new();
        for (name, value) in input.parameters.iter().flatten() {
            let text = match value.get() {
                "null" => continue,
                _ => plain(value).ok_or_else(|| {
                    Failure::invalid(format!("/parameters/{name}"), "a text, a number, true or false is expected")
                })?,
            };
            parameters.insert(name.clone(), text);
        }
        let whole = input.parameter_list.clone();
        let twice = whole.and_then(|whole| parameters.insert("parameter_list".to_owned(), whole)).is_some();
        let address = input.callback_url.as_deref();
        if address.is_some_and(|address| address.get(..8).is_none_or(|scheme| !scheme.eq_ignore_ascii_case("https://")))
        {
            return Err(Failure::invalid("/callback_url", "an https address is expected"));
        }
        if twice || parameters.len() > 1 && parameters.contains_key("parameter_list") {
            let message = "is the job's whole list: give it, or parameters by name, and not both";
            return Err(Failure::invalid("/parameter_list", message));
        }
        Ok(Self { object, source, parameters, input, call, lent: files::lent().then(files::root) })
    }

    fn options(&self) -> Options<'_> {
        Options {
            call_id: self.call,
            group_id: self.input.group_id.as_deref(),
            parameters: &self.parameters,
            lent: self.lent.as_deref(),
        }
    }

    fn build(&self, pod: &Pod) -> Result<Built> {
        let mut built = fbdi::build(self.object, &self.source, &self.options(), pod)?;
        if self.uploads() {
            // What the other route has sent under this call id is not this load.
            let content = format!("u{}", built.content);
            built.file_name = built.file_name.replacen(&built.content, &content, 1);
            built.content = content;
        }
        Ok(built)
    }

    fn uploads(&self) -> bool {
        self.input.route == Route::UploadAndSubmit
    }

    fn begin(&self, pod: &Pod, of: Of) -> Result<Outcome> {
        let built = self.build(pod)?;
        let mut state = State {
            of: Some(of),
            read: self.documents(&built),
            group: built.group_id.clone(),
            content: built.content.clone(),
            files: built.counts.len(),
            import: self.uploads().then(|| built.parameter_list.clone()),
            warnings: warnings(&built),
            stage: Stage::Lost { at: 0, sent: 0, cause: String::new() },
        };
        if self.input.check_only == Some(true) {
            return self.checked(built, state);
        }
        if built.is_refused() {
            return Err(refused(&built));
        }
        self.submit(pod, &built, &mut state)?;
        if self.input.wait == Some(false)
            && let Stage::Loading { watch, document } = &state.stage
        {
            let told = json!({"outcome": "submitted", "counts": {"read": state.read, "loaded": null, "imported": null, "rejected": null},
                "rejections": [], "request_id": watch.id, "document_id": document, "jobs": [], "group_id": state.group, "warnings": state.warnings});
            return Ok(Outcome::Done(told.to_string()));
        }
        self.pend(pod, &state)
    }

    /// The first words of a stage.
    fn pend(&self, pod: &Pod, state: &State) -> Result<Outcome> {
        let later = match &state.stage {
            Stage::Loading { watch, .. } => watch.first(self.object.title),
            Stage::Lost { cause, .. } => Later {
                status: format!("{}: looking whether the load is there ({cause})", self.object.title),
                progress: None,
                wait_ms: 5_000,
            },
            Stage::Then { at, .. } => Later {
                status: format!("{}: the load has ended; job {} after it", self.object.title, at + 1),
                progress: Some(96),
                wait_ms: 0,
            },
        };
        mark::pend(pod, ID, state, later)
    }

    fn go_on(&self, pod: &Pod, mut state: State) -> Result<Outcome> {
        match &mut state.stage {
            Stage::Lost { .. } => {
                if let Some(later) = self.look(pod, &mut state)? {
                    return mark::pend(pod, ID, &state, later);
                }
                self.pend(pod, &state)
            }
            Stage::Loading { watch, .. } => {
                // The load itself, the transfer, one for each file, the import, the upload of what is left.
                let jobs = state.files + 4;
                let request = watch.id.clone();
                let looked = watch.look(pod, self.object.title, jobs, self.input.timeout_minutes);
                let looked = looked.map_err(|mut failure| {
                    let remedy = format!(
                        "The load goes on by itself as request {request}. Run the same import again with the call id {:?} (--call-id): it is found, and nothing is sent twice.",
                        self.call
                    );
                    if failure.kind() == ProblemKind::TimedOut {
                        failure.problem.remedy = Some(match failure.problem.remedy.take() {
                            Some(before) => format!("{before} {remedy}"),
                            None => remedy,
                        });
                        return failure;
                    }
                    if failure.again { failure.remedy(remedy) } else { failure }
                });
                match looked? {
                    Seen::Going(later) => mark::pend(pod, ID, &state, later),
                    Seen::Ended(end, look) => {
                        self.tell_twice(pod, &mut state);
                        let then =
                            state.import.is_some() || self.input.then.as_ref().is_some_and(|then| !then.is_empty());
                        let runs = end != End::Failed && then;
                        if runs {
                            state.stage = Stage::Then {
                                request,
                                end: look.state,
                                at: 0,
                                newest: None,
                                waiting: None,
                                done: Vec::new(),
                                lost: None,
                            };
                            return self.pend(pod, &state);
                        }
                        self.report(pod, &state, &request, &look.state, look.tree, Vec::new())
                    }
                }
            }
            Stage::Then { .. } => self.then(pod, state),
        }
    }

    /// Rows that stand alone: those of tables without a parent.
    fn documents(&self, built: &Built) -> u64 {
        let alone = |file: &str| {
            let at = self.object.table_called(file);
            at.and_then(|at| self.object.tables.get(at)).is_none_or(|table| table.parent.is_none())
        };
        built.counts.iter().filter(|(file, _)| alone(file)).map(|(_, count)| count).sum()
    }

    fn checked(&self, built: Built, state: State) -> Result<Outcome> {
        let findings: Vec<Value> = built
            .findings
            .iter()
            .map(|one| {
                json!({"severity": severity(one.severity), "file": one.file, "row": one.row, "column": one.column,
                    "code": one.code, "message": one.message})
            })
            .collect();
        let mut told = json!({"outcome": if built.is_refused() { "refused" } else { "checked" },
            "counts": {"read": state.read, "loaded": null, "imported": null, "rejected": null},
            "rejections": [], "request_id": null, "document_id": null, "jobs": [], "group_id": state.group,
            "findings": findings, "warnings": state.warnings});
        if built.is_refused() {
            return Ok(Outcome::Done(told.to_string()));
        }
        let name = built.file_name.clone();
        let size = built.archive.len();
        let zip = match (&self.lent, size > 256 << 10) {
            (Some(lent), true) => {
                built.archive.keep(lent, &name).map_err(|error| {
                    Failure::permanent(
                        ProblemKind::Unavailable,
                        format!("The zip could not be kept in the lent directory ({error})."),
                    )
                })?;
                json!({"name": name, "size": size, "path": name})
            }
            _ => {
                let mut bytes = Vec::new();
                let read =
                    built.archive.reader().and_then(|mut reader| std::io::Read::read_to_end(&mut reader, &mut bytes));
                read.map_err(|error| Failure::internal(error.to_string()))?;
                answered(&name, bytes, &mut 0)?
            }
        };
        if let Some(members) = told.as_object_mut() {
            members.insert("zip".to_owned(), zip);
        }
        Ok(Outcome::Done(told.to_string()))
    }
}

fn given<'a>(file: &'a GivenFile, at: &str) -> Result<InputFile<'a>> {
    let content = match (&file.text, &file.base64, &file.path, &file.url) {
        (Some(text), None, None, None) => Content::Text(Cow::Borrowed(text)),
        (None, Some(text), None, None) => Content::Base64(Cow::Borrowed(text)),
        (None, None, Some(path), None) => Content::Path(Cow::Borrowed(path)),
        (None, None, None, Some(url)) => Content::Url(Cow::Borrowed(url)),
        _ => return Err(Failure::invalid(at, "a file has exactly one of text, base64, path and url")),
    };
    let last = file.url.as_deref().and_then(|url| url.split(['?', '#']).next()?.rsplit('/').next());
    let name = match last {
        Some(last) if file.name.is_none() => last,
        _ => file.named(at)?,
    };
    Ok(InputFile { name: Cow::Borrowed(name), content })
}

/// How the load's own jobs are told.
fn jobs(tree: Option<&Tree>) -> Vec<Value> {
    tree.map(|tree| tree.jobs.iter().map(crate::fusion::erp::tree::Job::told).collect()).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
