//! The jobs that come after a load: the import where the load does not run it, then those of `then`.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::submit::LOOK_MS;
use super::{ID, Import, Known, Next, Stage, State};
use crate::contract::{Outcome, ProblemKind};
use crate::fusion::erp::jobs::tree;
use crate::fusion::erp::mark::{self, Later};
use crate::fusion::erp::send::Submitted;
use crate::fusion::erp::state::{End, end as ending};
use crate::fusion::pod::Pod;
use crate::operations::submit_ess_job::Job as Further;
use crate::operations::waiting::{Plan, Waiting, package, positional};
use crate::problem::{Failure, Result};

impl Import<'_> {
    /// One step of a job that comes after: note what is the newest, submit, look.
    pub(super) fn then(&self, pod: &Pod, mut state: State) -> Result<Outcome> {
        let group = state.group.clone().unwrap_or_default();
        let Stage::Then { request, end, at, newest, waiting, done, lost } = &mut state.stage else {
            return Err(Failure::internal("there is nothing after"));
        };
        // Where the import is a job of its own, it is the first.
        let imports = state.import.as_ref().filter(|_| *at == 0);
        let place = at.saturating_sub(usize::from(state.import.is_some()));
        let list = self.input.then.as_deref().unwrap_or_default();
        let job = match (imports, list.get(place)) {
            (Some(parameters), _) => Some(split(self.object.job, parameters.clone())),
            (None, Some(next)) => Some(next.job(request, &group, place)?),
            (None, None) => None,
        };
        let Some(job) = job else {
            let (request, end, done) = (request.clone(), end.clone(), std::mem::take(done));
            let tree = tree(pod, &request).unwrap_or_default();
            return self.report(pod, &state, &request, &end, tree, done);
        };
        let plan = Plan {
            action: ID,
            what: &job.definition,
            minutes: self.input.timeout_minutes,
            documents: &[],
            account: None,
            open: false,
        };
        let told = match (&mut *waiting, &*newest) {
            (Some(waiting), _) => match waiting.go_on(pod, &plan)? {
                Ok(told) => Value::Object(told),
                Err(later) => return mark::pend(pod, ID, &state, Later { progress: Some(97), ..later }),
            },
            (None, None) => {
                // A life of the call before this one may have run it.
                if let Some(id) = job.after(pod, request, done) {
                    let message = format!("{} ran after the load already; it was not submitted again.", job.definition);
                    state.warnings.push(json!({"code": "then_found", "message": message, "key": id}));
                    *waiting = Some(Box::new(Waiting::new(pod, &Submitted { request: id, document: None }, true)));
                    return self.pend(pod, &state);
                }
                *newest = Some(match job.newest(pod) {
                    // Behind nothing, a request of another day would pass for this one.
                    Err(failure) if failure.again => return Err(failure),
                    newest => newest.unwrap_or_default(),
                });
                return self.pend(pod, &state);
            }
            // A pod registers jobs late, and a second import would find no rows and report that nothing arrived.
            (None, Some(before)) if lost.is_some() => {
                let found = job.since(pod, before);
                let passed = pod.now_ms().saturating_sub(lost.unwrap_or_default());
                let blind = imports.is_none() && found.as_ref().is_err_and(|failure| !failure.again);
                match found {
                    Ok(Some(id)) => {
                        *lost = None;
                        *waiting = Some(Box::new(Waiting::new(pod, &Submitted { request: id, document: None }, true)));
                        return self.pend(pod, &state);
                    }
                    _ if passed <= LOOK_MS && !blind => {
                        let status = format!("{}: it may have been submitted; looking for it", job.definition);
                        return mark::pend(pod, ID, &state, Later { status, progress: Some(96), wait_ms: 30_000 });
                    }
                    _ if imports.is_some() => {
                        let begun = job.once(pod, before)?;
                        let message = format!(
                            "{0} may have been submitted before and was not found for 15 minutes, so that it was submitted again. That does no harm: an import takes only rows that wait in the interface tables, so that whichever runs later finds none.",
                            job.definition
                        );
                        state
                            .warnings
                            .push(json!({"code": "import_sent_again", "message": message, "key": begun.id()}));
                        (*lost, *waiting) = (None, Some(Box::new(begun)));
                        return self.pend(pod, &state);
                    }
                    _ => {
                        *lost = None;
                        let meaning = "Whether it was submitted is not known. Look for it in Scheduled Processes before you submit it again.";
                        json!({"request_id": "", "state": "UNKNOWN", "meaning": meaning})
                    }
                }
            }
            (None, Some(before)) => {
                // Where a host died here, the job may come in late.
                let notes = imports.is_some().then(|| self.notes("import_"));
                if let Some(notes) = &notes
                    && (notes.stands(pod)? || !notes.note(pod)?)
                {
                    *lost = Some(pod.now_ms());
                    return self.pend(pod, &state);
                }
                match job.once(pod, before) {
                    Ok(begun) => {
                        *waiting = Some(Box::new(begun));
                        return self.pend(pod, &state);
                    }
                    Err(failure) if failure.kind() == ProblemKind::UnknownOutcome => {
                        *lost = Some(pod.now_ms());
                        return self.pend(pod, &state);
                    }
                    Err(failure) if failure.again || notes.is_some() => {
                        // Nothing was submitted.
                        notes.iter().for_each(|notes| notes.refused(pod));
                        return Err(failure);
                    }
                    Err(failure) => {
                        json!({"request_id": "-1", "state": "ERROR", "meaning": failure.problem.message})
                    }
                }
            }
        };
        let of = |name: &str| told.get(name).cloned().unwrap_or_default();
        let (id, ended) = (of("request_id"), of("state"));
        let ended = ended.as_str().unwrap_or_default();
        done.push(json!({"request_id": id, "name": job.definition, "state": ended, "parent_request_id": null}));
        let how = ending(ended);
        if imports.is_some() {
            ended.clone_into(end);
        } else if how != Some(End::Good) {
            let meaning = of("meaning");
            if let Some(Value::Object(job)) = done.last_mut().filter(|_| !meaning.is_null()) {
                job.insert("message".to_owned(), meaning.clone());
            }
            let message = format!("{} ended as {ended}. {}", job.definition, meaning.as_str().unwrap_or_default());
            state.warnings.push(json!({"code": "then_not_succeeded", "message": message, "key": id}));
        }
        // Nothing is validated or posted after an import that failed.
        *at = if imports.is_some() && how == Some(End::Failed) { list.len() + 1 } else { *at + 1 };
        (*newest, *waiting) = (None, None);
        self.pend(pod, &state)
    }
}

fn split(job: &str, parameters: String) -> Further {
    let (path, definition) = job.split_once(',').unwrap_or((job, ""));
    Further { package: package(path), definition: definition.to_owned(), parameters }
}

impl Next {
    /// Whether it can be submitted once the load has ended.
    ///
    /// # Errors
    /// As for [`Next::definition`]; a word in braces that is not filled in, which a pod would take for a value.
    pub(super) fn checked(&self, place: usize) -> Result<()> {
        for text in self.parameters.iter().flatten() {
            let word = text.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(word, _)| word);
            if word.is_some_and(|word| word != "request_id" && word != "group_id") {
                let message = format!("{text}: {{request_id}} and {{group_id}} are filled in, and nothing else is");
                return Err(Failure::invalid(format!("/then/{place}/parameters"), message));
            }
        }
        self.definition(place).map(drop)
    }

    /// `<package>,<definition>`.
    ///
    /// # Errors
    /// `invalid-input` where it is named in two ways or in none.
    fn definition(&self, place: usize) -> Result<Cow<'static, str>> {
        match (self.name, &self.package, &self.definition) {
            (Some(Known::ValidateInvoices), None, None) => {
                Ok("/oracle/apps/ess/financials/payables/invoices/transactions,APXAPRVL".into())
            }
            (Some(Known::PostJournals), None, None) => {
                Ok("/oracle/apps/ess/financials/generalLedger/programs/common,AutomaticPosting".into())
            }
            (None, Some(package), Some(definition)) => Ok(format!("{package},{definition}").into()),
            _ => {
                Err(Failure::invalid(format!("/then/{place}"), "either name, or package and definition, are expected"))
            }
        }
    }

    /// The job, as the load's request and group fill its parameters.
    fn job(&self, request: &str, group: &str, place: usize) -> Result<Further> {
        let filled: Option<Vec<String>> = self.parameters.as_ref().map(|list| {
            list.iter().map(|text| text.replace("{request_id}", request).replace("{group_id}", group)).collect()
        });
        let parameters = positional(filled.as_deref(), &format!("/then/{place}/parameters"))?;
        Ok(split(&self.definition(place)?, parameters))
    }
}
