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
use crate::problem::{Failure, Result};
use serde_json::json;

/// How long a load whose answer was lost is looked for: a pod registers one late.
const LOOK_MS: i64 = 15 * 60 * 1000;
/// Requests whose jobs are looked into for the name of the document.
const CANDIDATES: usize = 12;
/// What loads (FACTS 3.5).
const LOADER: &str =
    "/oracle/apps/ess/financials/commonModules/shared/common/interfaceLoader,InterfaceLoaderController";

/// What of this call is on the pod.
enum There {
    /// The load, and its document.
    Load(String, Option<String>),
    /// A document of its name, and no load that is known.
    Document,
    Nothing,
}

impl Import<'_> {
    /// Sends the load unless it is there; the state says what became of it.
    pub(super) fn submit(&self, pod: &Pod, built: &Built, state: &mut State) -> Result<()> {
        match self.there(pod, &state.content)? {
            There::Load(request, document) => {
                state.stage = Stage::Loading { watch: Watch::new(pod, &request), document };
                return Ok(());
            }
            // A pod keeps the document of a load that it refused.
            There::Document if self.intent().map_or(Ok(false), |intent| intent.was_refused(pod))? => {}
            There::Document => {
                // It was uploaded by this call, so that its load may be on its way.
                state.stage = Stage::Lost { at: pod.now_ms(), sent: 1, cause: "an attempt before".to_owned() };
                return Ok(());
            }
            There::Nothing => {}
        }
        let Some(intent) = self.intent() else { return self.send(pod, built, state, 1) };
        if intent.stands(pod)? {
            let cause = "an attempt before was about to send it".to_owned();
            state.stage = Stage::Lost { at: pod.now_ms(), sent: 1, cause };
            return Ok(());
        }
        intent.note(pod)?;
        self.send(pod, built, state, 1).inspect_err(|_| intent.refused(pod))
    }

    /// Where a second load would double the rows.
    fn intent(&self) -> Option<Intent<'_>> {
        (!self.object.refuses_duplicates).then_some(Intent { call: self.call, account: self.object.account })
    }

    fn send(&self, pod: &Pod, built: &Built, state: &mut State, sent: u8) -> Result<()> {
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
        match send::submit(pod, &what, "importBulkData", self.object.job, &fields, Some(content)) {
            Ok(submitted) => {
                if submitted.document.is_none() {
                    state.warnings.push(json!({"code": "no_document_id", "key": self.object.account,
                        "message": "The pod took the load and told no document id: the account is not there, or the user may not write to it; then no rows arrive."}));
                }
                state.stage =
                    Stage::Loading { watch: Watch::new(pod, &submitted.request), document: submitted.document };
                Ok(())
            }
            Err(Lost::Refused(failure)) => Err(failure
                .or_remedy(|| format!("Check that the user may run the import and write to {}.", self.object.account))),
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
        let there = match self.there(pod, &state.content) {
            Ok(there) => Some(there),
            // T8: a fault while looking may pass.
            Err(failure) if failure.again || failure.problem.http_status.is_some_and(|status| status >= 500) => None,
            Err(failure) => return Err(failure),
        };
        let passed = pod.now_ms().saturating_sub(at);
        match there {
            Some(There::Load(request, document)) => {
                let message = "The answer to the load was lost; the load was found and is the one that was sent.";
                state.warnings.push(json!({"code": "answer_lost", "message": message, "key": request}));
                state.stage = Stage::Loading { watch: Watch::new(pod, &request), document };
                return Ok(None);
            }
            Some(There::Nothing | There::Document) if passed > LOOK_MS => {
                if sent < 2 && self.object.refuses_duplicates {
                    let built = self.build(pod)?;
                    self.send(pod, &built, state, 2)?;
                    let message = "The answer to the load was lost and no load was found for 15 minutes, so that it was sent a second time. Should the first come after all, the import rejects its rows as duplicates.";
                    state.warnings.push(json!({"code": "sent_again", "message": message, "key": null}));
                    return Ok(None);
                }
                let cause = Failure::internal(cause);
                return Err(send::unknown(
                    &cause,
                    &format!("The load of {} may or may not have been submitted", self.object.title),
                    &format!(
                        "Look in Scheduled Processes for a load of {}*, and for group {} in the target, before you import again: a second load would double the rows.",
                        file_prefix(self.call),
                        state.group.as_deref().unwrap_or("-")
                    ),
                ));
            }
            _ => {}
        }
        Ok(Some(Later {
            status: format!(
                "{}: the answer to the load was lost; looking for it for {} more minutes",
                self.object.title,
                (LOOK_MS.saturating_sub(passed) / 60_000).max(0)
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
        // Whoever may not ask the scheduler still has the document's word.
        let requests = ess::requests(pod, &filter, "requestId:desc").unwrap_or_default();
        let loads = requests.into_iter().filter(|request| request.runs(LOADER));
        let mut looked = 0;
        for request in loads {
            if request.arguments.iter().any(|argument| ids.contains(argument)) {
                return Ok(There::Load(request.id, Some(document)));
            }
            looked += 1;
            if looked <= CANDIDATES
                && let Ok(Some(tree)) = tree(pod, &request.id)
                && tree.names_document(&prefix)
            {
                return Ok(There::Load(request.id, Some(document)));
            }
        }
        Ok(There::Document)
    }
}
