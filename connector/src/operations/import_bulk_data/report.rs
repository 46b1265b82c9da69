//! The report: what arrived, and for each row that did not, where it stands in the input and what to do.

use serde_json::{Value, json};

use super::{ID, Import, Purge, State, jobs};
use crate::contract::Outcome;
use crate::fusion::erp::send;
use crate::fusion::erp::state::{self, End};
use crate::fusion::erp::tree::Tree;
use crate::fusion::erp::{self, archive};
use crate::fusion::fbdi::{self, InputRow, RejectedContent, Wanted};
use crate::fusion::pod::Pod;
use crate::fusion::report::{Found, MOST, Rejection, codes, interface, target, texts};
use crate::operations::download_ess_job_output::{Which, zip};
use crate::operations::file::answered;
use crate::problem::{Failure, Result};

impl Import<'_> {
    /// The end of the action.
    pub(super) fn report(
        &self,
        pod: &Pod,
        state: &State,
        request: &str,
        ended: &str,
        tree: Option<Tree>,
        after: Vec<Value>,
    ) -> Result<Outcome> {
        let mut warnings = state.warnings.clone();
        let mut warn =
            |code: &str, message: String| warnings.push(json!({"code": code, "message": message, "key": null}));
        let mut found = Found::default();
        let payables = self.object.id == "ap_invoices";
        if payables && let Err(failure) = interface::payables(pod, request, state.group.as_deref(), &mut found) {
            if failure.again {
                return Err(failure);
            }
            warn("interface_unread", failure.problem.message.clone());
        }
        let told = std::mem::take(&mut found.rejections);
        let (rejected, imported) = (found.rejected, found.imported);
        match self.logs(pod, request, tree.as_ref(), &mut found) {
            Ok(true) => {}
            Ok(false) => warn("no_logs", "The pod gave no logs of the load.".to_owned()),
            Err(failure) if failure.again => return Err(failure),
            Err(failure) => warn("logs_unread", failure.problem.message.clone()),
        }
        if !told.is_empty() {
            // Interface rows are data; what the report says of the same rows is not told twice.
            found.rejections.retain(|one| one.code.starts_with("ORA-") || one.code == "NOT LOADED");
            found.rejections.splice(0..0, told);
        }
        (found.rejected, found.imported) = (rejected.or(found.rejected), imported.or(found.imported));
        self.journals(pod, tree.as_ref(), &mut found)?;
        let counts = Counted::of(state.read, &found, ended, self.object.tables.len() == 1);
        if !counts.verified {
            warn("not_verified", "Neither interface rows nor reports told how many rows were imported; the counts follow the job's state.".to_owned());
        }
        if counts.outcome == "nothing_imported" && found.rejections.is_empty() {
            warn("nothing_selected", self.nothing_selected(&found));
        }
        if found.rejections.len() >= MOST {
            warn("rejections_left_out", format!("Only the first {MOST} rejections are told; the job's log has all."));
        }
        let rows = match self.locate(pod, &found) {
            Ok(rows) => rows,
            Err(failure) => {
                warn("rows_not_located", failure.problem.message.clone());
                vec![None; found.rejections.len()]
            }
        };
        let rejections: Vec<Value> = found
            .rejections
            .iter()
            .zip(&rows)
            .map(|(one, row)| {
                json!({"file": row.as_ref().map(|row| &row.file), "row": row.as_ref().map(|row| row.row), "key": one.key,
                    "code": one.code, "message": one.message, "remedy": codes::remedy(&one.code, &one.message)})
            })
            .collect();
        let mut listed = jobs(tree.as_ref());
        listed.extend(after.iter().cloned());
        if counts.outcome == "complete" && self.input.purge == Purge::WhenComplete {
            match purge(pod, request) {
                Ok(id) => listed.push(
                    json!({"request_id": id, "name": "Extract and Purge", "state": "WAIT", "parent_request_id": null}),
                ),
                Err(message) => warn("not_purged", message),
            }
        }
        if let Some(meaning) = state::meaning(ended).filter(|_| state::end(ended) == Some(End::Failed)) {
            warn("load_failed", format!("The load ended as {ended}. {meaning}"));
        }
        let undone = after.iter().any(|job| {
            let state = job.get("state").and_then(Value::as_str).unwrap_or_default();
            !matches!(state::end(state), Some(End::Good | End::Warned))
        });
        let mut answer = json!({
            "outcome": if undone && counts.outcome == "complete" { "partial" } else { counts.outcome },
            "counts": {"read": state.read, "loaded": counts.loaded, "imported": counts.imported, "rejected": counts.rejected},
            "rejections": rejections,
            "request_id": request,
            "document_id": tree.and_then(|tree| tree.document),
            "jobs": listed,
            "group_id": state.group,
        });
        let files = self.rejected_files(pod, &rows);
        if let Some(members) = answer.as_object_mut() {
            match files {
                Ok(mut files) if files.len() > 1 => {
                    members.insert("rejected_file".to_owned(), files.first().cloned().unwrap_or_default());
                    members.insert("rejected_files".to_owned(), std::mem::take(&mut files).into());
                }
                Ok(mut files) => {
                    if let Some(file) = files.pop() {
                        members.insert("rejected_file".to_owned(), file);
                    }
                }
                Err(failure) => {
                    warnings.push(json!({"code": "no_rejected_file", "message": failure.problem.message, "key": null}))
                }
            }
            if !warnings.is_empty() {
                members.insert("warnings".to_owned(), warnings.into());
            }
            members.retain(|name, value| name != "group_id" || !value.is_null());
        }
        Ok(Outcome::Done(answer.to_string()))
    }

    /// Why a job that ended well imported nothing (T4), as far as it can be told.
    fn nothing_selected(&self, found: &Found) -> String {
        let said = match found.said.as_slice() {
            [] => String::new(),
            lines => format!(" Its log says: {}.", lines.join("; ")),
        };
        let given: Vec<String> = self.parameters.iter().map(|(name, value)| format!("{name} {value}")).collect();
        format!(
            "The job took none of the rows that were loaded: it looked for others.{said} It was given {}; compare that with the rows: group and source, then ledger and business unit.",
            given.join(", ")
        )
    }

    /// Reads the log zip; answers whether there was one.
    fn logs(&self, pod: &Pod, request: &str, tree: Option<&Tree>, found: &mut Found) -> Result<bool> {
        let mut bytes = zip(pod, request, Which::All)?;
        if bytes.is_none()
            && let Some(id) = tree.and_then(|tree| tree.document.as_deref())
        {
            bytes = erp::document(pod, id)?.map(|document| document.bytes);
        }
        let Some(bytes) = bytes else { return Ok(false) };
        let read = archive::streams(&bytes, &mut |name, file| texts::read(name, file, found));
        let failed = |fault: archive::Fault| {
            Failure::permanent(
                crate::contract::ProblemKind::UnexpectedResponse,
                format!("The log zip of request {request} was not read to its end: {fault}."),
            )
        };
        read.map(|()| true).map_err(failed)
    }

    /// Journals are looked for among the records (T4).
    fn journals(&self, pod: &Pod, tree: Option<&Tree>, found: &mut Found) -> Result<()> {
        if self.object.id != "gl_journals" {
            return Ok(());
        }
        let (package, _) = self.object.job.split_once(',').unwrap_or((self.object.job, ""));
        let job =
            tree.and_then(|tree| tree.jobs.iter().find(|job| job.path.trim_matches('/') == package.trim_matches('/')));
        let Some(job) = job else { return Ok(()) };
        match target::has_batches(pod, &job.id) {
            Ok(false) if found.imported.is_none() => found.imported = Some(0),
            Ok(_) => {}
            Err(failure) if failure.again => return Err(failure),
            // Reading journals takes a privilege of its own.
            Err(_) => {}
        }
        Ok(())
    }

    fn locate(&self, pod: &Pod, found: &Found) -> Result<Vec<Option<InputRow>>> {
        let wanted: Vec<Option<Wanted>> = found.rejections.iter().map(Rejection::wanted).collect();
        if wanted.iter().all(Option::is_none) {
            return Ok(vec![None; wanted.len()]);
        }
        let asked: Vec<Wanted> = wanted.iter().flatten().cloned().collect();
        let mut rows = fbdi::locate(self.object, &self.source, &self.options(), pod, &asked)?.into_iter();
        Ok(wanted.iter().map(|one| one.as_ref().and_then(|_| rows.next().flatten())).collect())
    }

    fn rejected_files(&self, pod: &Pod, rows: &[Option<InputRow>]) -> Result<Vec<Value>> {
        let mut rows: Vec<InputRow> = rows.iter().flatten().cloned().collect();
        rows.sort();
        rows.dedup();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut inline = 0;
        let files = fbdi::rejected_csv(self.object, &self.source, &self.options(), pod, &rows)?;
        files
            .into_iter()
            .map(|file| match file.content {
                RejectedContent::Text(text) => answered(&file.name, text.into_bytes(), &mut inline),
                RejectedContent::Path(path) => {
                    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                    let size = std::fs::metadata(&path).map_or(0, |about| about.len());
                    Ok(json!({"name": file.name, "size": size, "path": name}))
                }
            })
            .collect()
    }
}

/// Counts that agree with one another.
struct Counted {
    outcome: &'static str,
    loaded: Option<u64>,
    imported: Option<u64>,
    rejected: Option<u64>,
    /// Whether anything but the job's state says so.
    verified: bool,
}

impl Counted {
    /// `alone` says that the load has one file, so that its loaded rows are what was read.
    fn of(read: u64, found: &Found, ended: &str, alone: bool) -> Self {
        let mut keys: Vec<&str> =
            found.rejections.iter().map(|one| one.key.split(" line ").next().unwrap_or_default()).collect();
        keys.sort_unstable();
        keys.dedup();
        let named = u64::try_from(keys.len()).unwrap_or(u64::MAX);
        let failed = state::end(ended) == Some(End::Failed);
        let verified = found.imported.is_some() || found.rejected.is_some() || named > 0;
        let rejected = found.rejected.map(|count| count.max(u64::from(named > 0))).or((named > 0).then_some(named));
        let imported = found.imported.or(match (failed, rejected) {
            (true, _) => Some(0),
            (false, Some(rejected)) => Some(read.saturating_sub(rejected)),
            (false, None) => None,
        });
        let outcome = match imported {
            _ if failed && imported.unwrap_or(0) == 0 => "failed",
            Some(0) => "nothing_imported",
            Some(count) if count < read || rejected.unwrap_or(0) > 0 || failed => "partial",
            _ => "complete",
        };
        let rejected = rejected.or(imported.filter(|count| *count >= read).map(|_| 0));
        // The import does not count what the loader left out: each row that is named and was not imported counts.
        let left = imported.map_or(0, |imported| read.saturating_sub(imported));
        let rejected = rejected.map(|count| count.max(named.min(left)));
        let settled = imported.unwrap_or(0).saturating_add(rejected.unwrap_or(0));
        let loaded = found.loaded.filter(|_| alone).or((settled > 0).then_some(settled)).map(|count| count.min(read));
        Self { outcome, loaded, imported, rejected, verified }
    }
}

fn purge(pod: &Pod, request: &str) -> std::result::Result<String, String> {
    let fields = [
        ("LoadRequestId", request),
        ("JobOptions", "ExtractFileType=ALL"),
        ("CallbackURL", "#NULL"),
        ("NotificationCode", "10"),
    ];
    match send::submit(pod, "purge the load", "extractAndPurge", ID, &fields, None) {
        Ok(submitted) => Ok(submitted.request),
        Err(crate::fusion::pod::Lost::Refused(failure) | crate::fusion::pod::Lost::Unknown(failure)) => {
            Err(format!("The interface tables were not purged: {}", failure.problem.message))
        }
    }
}
