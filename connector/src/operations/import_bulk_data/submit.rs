//! Sending a load once: look, send, and look again where the answer was lost (T2).

use std::io::{self, Read};

use super::intent::Intent;
use super::{Import, Stage, State};
use crate::contract::ProblemKind;
use crate::fusion::erp::jobs::{Watch, tree};
use crate::fusion::erp::mark::Later;
use crate::fusion::erp::{self, send};
use crate::fusion::ess;
use crate::fusion::fbdi::{Built, content_prefix, file_prefix};
use crate::fusion::pod::{Lost, Pod};
use crate::http::Stream;
use crate::operations::upload_to_ucm::no_id;
use crate::problem::{Failure, Result};
use serde_json::json;

/// How long a load whose answer was lost is looked for: a pod registers one late.
pub(super) const LOOK_MS: i64 = 15 * 60 * 1000;
/// Requests whose jobs are looked into for the name of the document.
const CANDIDATES: usize = 12;
/// Loads of older documents in a row, behind which this call's cannot be.
const OLDER: usize = 25;
/// What loads (FACTS 3.5).
pub(in crate::operations) const LOADER: &str =
    "/oracle/apps/ess/financials/commonModules/shared/common/interfaceLoader,InterfaceLoaderController";

/// What of this call is on the pod.
enum There {
    /// The load, and its document.
    Load(String, Option<String>),
    /// A document of its name, and no load that is known.
    Document(String),
    Nothing,
}

impl Import<'_> {
    /// Sends the load unless it is there; the state says what became of it.
    pub(super) fn submit(&self, pod: &Pod, built: &Built, state: &mut State) -> Result<()> {
        let found = match self.there(pod, &state.content)? {
            There::Load(request, document) => {
                state.stage = Stage::Loading { watch: Watch::new(pod, &request), document };
                return Ok(());
            }
            // By itself it loads nothing; whether its load was sent, the note tells.
            There::Document(id) if self.uploads() => Some(id),
            // A pod keeps the document of a load that it refused.
            There::Document(_) if self.intent().map_or(Ok(false), |intent| intent.was_refused(pod))? => None,
            There::Document(_) => {
                // It was uploaded by this call, so that its load may be on its way.
                state.stage = Stage::Lost { at: pod.now_ms(), sent: 1, cause: "an attempt before".to_owned() };
                return Ok(());
            }
            There::Nothing => None,
        };
        let Some(intent) = self.intent() else { return self.send(pod, built, state, 1, found) };
        if intent.stands(pod)? {
            let cause = "an attempt before was about to send it".to_owned();
            state.stage = Stage::Lost { at: pod.now_ms(), sent: 1, cause };
            return Ok(());
        }
        let document = self.uploaded(pod, built, found)?;
        if !intent.note(pod)? {
            let cause = "another run of this call is about to send it".to_owned();
            state.stage = Stage::Lost { at: pod.now_ms(), sent: 1, cause };
            return Ok(());
        }
        self.send(pod, built, state, 1, document)
    }

    /// Where a second load would double the rows, or a document does not tell that its load was sent.
    fn intent(&self) -> Option<Intent<'_>> {
        (self.uploads() || !self.object.refuses_duplicates).then(|| self.notes(""))
    }

    pub(super) fn notes(&self, of: &'static str) -> Intent<'_> {
        Intent { of, call: self.call, account: self.object.account }
    }

    /// The document to load, uploaded unless it was found; none where the load carries it.
    fn uploaded(&self, pod: &Pod, built: &Built, found: Option<String>) -> Result<Option<String>> {
        if found.is_some() || !self.uploads() {
            return Ok(found);
        }
        let account = self.object.account;
        let fields = [("FileName", built.file_name.as_str()), ("ContentType", "zip"), ("DocumentAccount", account)];
        let open = || -> io::Result<Box<dyn Read + '_>> { Ok(Box::new(built.archive.base64_reader()?)) };
        let content = Stream { len: built.archive.base64_len(), open: &open };
        let id = match send::send(pod, "upload the file", "uploadFileToUCM", &fields, Some(content)) {
            Ok(row) => erp::told(&row, "DocumentId").ok_or_else(|| no_id(account))?,
            Err(Lost::Refused(failure)) => {
                return Err(failure.or_remedy(|| format!("Check that the user may write to {account}.")));
            }
            Err(Lost::Unknown(mut failure)) => {
                let prefix = content_prefix(self.call, &built.content);
                let ids = erp::document_ids(pod, &prefix, Some(account), None).unwrap_or_default();
                failure.again = true;
                let remedy = "Nothing was loaded; the call can be made again with the same id.";
                ids.last().cloned().ok_or_else(|| failure.remedy(remedy))?
            }
        };
        Ok(Some(id))
    }

    /// Says that the pod took several loads of this call, if it did.
    pub(super) fn tell_twice(&self, pod: &Pod, state: &mut State) {
        // An upload by itself may be repeated.
        let Some(intent) = self.intent().filter(|_| !self.uploads()) else { return };
        let prefix = content_prefix(self.call, &state.content);
        // The report is not to fail for want of it.
        let ids = erp::document_ids(pod, &prefix, Some(self.object.account), None).unwrap_or_default();
        // A pod keeps the document of a load that it refused.
        if ids.len() > 1 && ids.len() > intent.refusals(pod).unwrap_or_default() + 1 {
            let message = format!(
                "{} loads of this call are on the pod (documents {}): its rows may be there more than once. Look in the target for group {} before anything is posted.",
                ids.len(),
                ids.join(", "),
                state.group.as_deref().unwrap_or("-")
            );
            state.warnings.push(json!({"code": "loaded_twice", "message": message, "key": ids.last()}));
        }
    }

    /// Sends the load: of that document, or with its own.
    fn send(&self, pod: &Pod, built: &Built, state: &mut State, sent: u8, document: Option<String>) -> Result<()> {
        let what = format!("load {}", self.object.title);
        let options =
            format!("InterfaceDetails={},ImportOption=Y,PurgeOption=N,ExtractFileType=ALL", self.object.interface_id);
        let fields = [
            ("FileName", built.file_name.as_str()),
            ("ContentType", "zip"),
            ("DocumentAccount", self.object.account),
            ("JobName", self.object.job),
            ("ParameterList", built.parameter_list.as_str()),
            ("JobOptions", options.as_str()),
            ("CallbackURL", self.input.callback_url.as_deref().unwrap_or("#NULL")),
            ("NotificationCode", "10"),
        ];
        let open = || -> io::Result<Box<dyn Read + '_>> { Ok(Box::new(built.archive.base64_reader()?)) };
        let content = Stream { len: built.archive.base64_len(), open: &open };
        let submitted = match &document {
            Some(id) => {
                let (package, definition) = LOADER.split_once(',').unwrap_or((LOADER, ""));
                // FACTS 3.5: interface, document, and twice N.
                let arguments = format!("{},{id},N,N", self.object.interface_id);
                let fields =
                    [("JobPackageName", package), ("JobDefName", definition), ("ESSParameters", arguments.as_str())];
                send::submit(pod, &what, "submitESSJobRequest", LOADER, &fields, None)
            }
            None => send::submit(pod, &what, "importBulkData", self.object.job, &fields, Some(content)),
        };
        match submitted {
            Ok(submitted) => {
                let document = submitted.document.or(document);
                if document.is_none() {
                    state.warnings.push(json!({"code": "no_document_id", "key": self.object.account,
                        "message": "The pod took the load and told no document id: the account is not there, or the user may not write to it; then no rows arrive."}));
                }
                state.stage = Stage::Loading { watch: Watch::new(pod, &submitted.request), document };
                Ok(())
            }
            Err(Lost::Refused(failure)) => {
                if let Some(intent) = self.intent() {
                    intent.refused(pod);
                }
                Err(failure.or_remedy(|| {
                    format!("Check that the user may run the import and write to {}.", self.object.account)
                }))
            }
            Err(Lost::Unknown(cause)) => {
                state.stage = Stage::Lost { at: pod.now_ms(), sent, cause: cause.problem.message.clone() };
                Ok(())
            }
        }
    }

    /// One look after a lost answer. `None` where the stage is another now.
    pub(super) fn look(&self, pod: &Pod, state: &mut State) -> Result<Option<Later>> {
        let Stage::Lost { at, sent, cause } = &state.stage else { return Ok(None) };
        let (at, sent, cause) = (*at, *sent, cause.clone());
        let there = self.there(pod, &state.content);
        let passed = pod.now_ms().saturating_sub(at);
        let there = match there {
            Ok(there) => Some(there),
            // T8: a fault while looking may pass.
            Err(failure)
                if passed < 4 * LOOK_MS
                    && (failure.again || failure.problem.http_status.is_some_and(|status| status >= 500)) =>
            {
                None
            }
            Err(failure) => return Err(failure),
        };
        match there {
            Some(There::Load(request, document)) => {
                let message = "The answer to the load was lost; the load was found and is the one that was sent.";
                state.warnings.push(json!({"code": "answer_lost", "message": message, "key": request}));
                state.stage = Stage::Loading { watch: Watch::new(pod, &request), document };
                return Ok(None);
            }
            Some(there @ (There::Nothing | There::Document(_))) if passed > LOOK_MS => {
                if sent < 2 && self.object.refuses_duplicates {
                    let built = self.build(pod)?;
                    let found = match there {
                        There::Document(id) if self.uploads() => Some(id),
                        _ => None,
                    };
                    let document = self.uploaded(pod, &built, found)?;
                    self.send(pod, &built, state, 2, document)?;
                    let message = format!(
                        "No load of this call was found for 15 minutes ({cause}), so that it was sent again. Should the first come after all, the import rejects its rows as duplicates."
                    );
                    state.warnings.push(json!({"code": "sent_again", "message": message, "key": null}));
                    return Ok(None);
                }
                let cause = Failure::internal(cause);
                return Err(send::unknown(
                    &cause,
                    &format!("The load of {} may or may not have been submitted", self.object.title),
                    &format!(
                        "Look in Scheduled Processes (or with list_ess_jobs) for Load Interface File for Import of the file {}*, and for group {} in the target, and look again an hour later: pods register late. If it is there, make this call again with the call id {:?}: it finds the load, sends nothing and reports. If neither is there, nothing was loaded: import the rows under a new call id. Do not before you have looked: a second load would double the rows; and this call id never sends again, since its note begun_{0}* stays on the pod.",
                        file_prefix(self.call),
                        state.group.as_deref().unwrap_or("-"),
                        self.call
                    ),
                ));
            }
            _ => {}
        }
        Ok(Some(Later {
            status: format!(
                "{}: looking for the load for {} more minutes ({cause}); if it is not found, {}",
                self.object.title,
                (LOOK_MS.saturating_sub(passed) / 60_000).max(0),
                if sent < 2 && self.object.refuses_duplicates {
                    "this run sends it"
                } else {
                    "the call ends and says how to go on"
                }
            ),
            progress: None,
            wait_ms: (passed / 4).clamp(5_000, 60_000).unsigned_abs(),
        }))
    }

    /// Looks for this call's document by the name that no other call has, then for the load of it.
    fn there(&self, pod: &Pod, content: &str) -> Result<There> {
        let ids_of = |prefix: &str| erp::document_ids(pod, prefix, Some(self.object.account), None);
        if ids_of(&file_prefix(self.call))?.is_empty() {
            return Ok(There::Nothing);
        }
        // The rows of another content would pass for loaded.
        let prefix = content_prefix(self.call, content);
        let ids = ids_of(&prefix)?;
        let Some(document) = ids.last().cloned() else {
            let message = format!(
                "The call id {:?} has loaded {} before, with other rows or parameters; nothing was sent.",
                self.call, self.object.title
            );
            return Err(Failure::permanent(ProblemKind::Conflict, message).remedy(
                "Give these rows a call id of their own. To take the first load up again, hand in its input unchanged.",
            ));
        };
        let filter = format!("jobDefinitionId eq \"JobDefinition:/{}\"", LOADER.replace(',', "/"));
        // Ids of documents only grow: what loads an older one was submitted before this call's first upload.
        let first = ids.first().map(|id| (id.len(), id.as_str())).unwrap_or_default();
        let (mut found, mut looked, mut older) = (None, 0, 0);
        let asked = ess::back(pod, &filter, &mut |request| {
            if !request.runs(LOADER) {
                return true;
            }
            looked += 1;
            let is_own = request.arguments.iter().any(|argument| ids.contains(argument))
                || looked <= CANDIDATES
                    && tree(pod, &request.id).is_ok_and(|tree| tree.is_some_and(|tree| tree.names_document(&prefix)));
            if is_own {
                found = Some(request.id);
                return false;
            }
            let of = request.arguments.get(1);
            older = if of.is_some_and(|id| (id.len(), id.as_str()) < first) { older + 1 } else { 0 };
            older < OLDER && (of.is_some() || looked <= CANDIDATES)
        });
        match (found, asked) {
            (Some(request), _) => Ok(There::Load(request, Some(document))),
            // What was not looked through to its end proves nothing.
            (None, Err(failure)) if failure.again => Err(failure),
            // Whoever may not ask the scheduler still has the document's word.
            (None, _) => Ok(There::Document(document)),
        }
    }
}
