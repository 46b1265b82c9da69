//! The report: what arrived, and for each row that did not, where it stands in the input and what to do.

use serde_json::{Value, json};

use super::{ID, Import, Purge, State, jobs};
use crate::contract::Outcome;
use crate::fusion::erp::send;
use crate::fusion::erp::state::{self, End};
use crate::fusion::erp::tree::Tree;
use crate::fusion::erp::{self, archive};
use crate::fusion::fbdi::{self, Located, Places, RejectedContent, Sought, Wanted};
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
        found.rest = Sought::new(self.object);
        let payables = self.object.id == "ap_invoices";
        if payables && let Err(failure) = interface::payables(pod, request, state.group.as_deref(), &mut found) {
            if failure.again {
                return Err(failure);
            }
            warn("interface_unread", failure.problem.message.clone());
        }
        // Interface rows are data; what the report says of the same rows is not told twice.
        found.loader_only = !found.rejections.is_empty();
        let (rejected, imported) = (found.rejected, found.imported);
        let import = state.import.as_ref().and_then(|_| after.first()?.get("request_id")?.as_str());
        for (request, tree) in std::iter::once((request, tree.as_ref())).chain(import.map(|id| (id, None))) {
            match self.logs(pod, request, tree, &mut found) {
                Ok(true) => {}
                Ok(false) => warn("no_logs", format!("The pod gave no logs of request {request}.")),
                Err(failure) if failure.again => return Err(failure),
                Err(failure) => warn("logs_unread", failure.problem.message.clone()),
            }
        }
        (found.rejected, found.imported) = (rejected.or(found.rejected), imported.or(found.imported));
        self.journals(pod, tree.as_ref(), import, &mut found)?;
        if self.parameters.get("post_errors_to_suspense").is_some_and(|flag| flag.eq_ignore_ascii_case("Y"))
            && found.imported.is_some_and(|imported| imported >= state.read)
        {
            let all = found.rejections.len();
            found.rejections.retain(|one| one.code != "UNBALANCED");
            if found.rejections.len() < all {
                warn("posted_to_suspense", "Journals that do not balance were imported; the difference stands on the suspense account, as post_errors_to_suspense says.".to_owned());
            }
        }
        let located = match self.locate(pod, &mut found) {
            Ok((located, 0)) => located,
            Ok((located, others)) => {
                let s = if others == 1 { "" } else { "s" };
                warn(
                    "rows_of_other_loads",
                    format!(
                        "The report also tells {others} rejection{s} of rows that are not in this input: earlier loads left them in the interface tables, and each import takes them again. They do not count here; extract_and_purge of their load removes them."
                    ),
                );
                located
            }
            Err(failure) => {
                warn("rows_not_located", failure.problem.message.clone());
                let nothing = vec![None; found.rejections.len()];
                Located { names: vec![None; nothing.len()], rows: nothing, ..Located::default() }
            }
        };
        let first = self.object.files().into_iter().next();
        let is_first = |table: &str| first.as_ref().is_some_and(|layout| layout.is_called(table));
        let mut loaded = found.loaded.iter().filter(|(table, _)| self.object.tables.len() == 1 || is_first(table));
        let loaded = loaded.next().map(|(_, first)| loaded.fold(*first, |sum, (_, count)| sum.saturating_add(*count)));
        let counts = Counted::of(state.read, &found, ended, loaded, &located);
        if !counts.verified {
            warn("not_verified", "Neither interface rows nor reports told how many rows were imported; the counts follow the job's state.".to_owned());
        }
        if counts.outcome == "nothing_imported" && found.rejections.is_empty() {
            warn("nothing_selected", self.nothing_selected(&found));
        }
        if found.more {
            warn(
                "rejections_left_out",
                format!("Only the first {MOST} rejections are told one by one; counts and rejected_file have all."),
            );
        }
        let rejections: Vec<Value> = found
            .rejections
            .iter()
            .zip(located.rows.iter().zip(&located.names))
            .map(|(one, (row, name))| {
                let key = match (name, one.key.strip_prefix("line ")) {
                    // The line alone tells a person less than the row's own name.
                    (Some(name), Some(line)) if line.contains(' ') => format!("{name}, line {line}"),
                    (Some(name), Some(_)) => name.clone(),
                    _ => one.key.clone(),
                };
                json!({"file": row.as_ref().map(|row| &row.file), "row": row.as_ref().map(|row| row.row), "key": key,
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
        let files = self.rejected_files(pod, &located.places);
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
        let mut held = zip(pod, request, Which::All)?;
        if held.is_none()
            && let Some(id) = tree.and_then(|tree| tree.document.as_deref())
        {
            held = erp::held(pod, "download the load's logs", "DocumentRF", &[("docId", id)])?;
        }
        let Some(mut held) = held else { return Ok(false) };
        let read = archive::streams(&mut held, &mut |name, file| texts::read(name, file, found));
        let failed = |fault: archive::Fault| {
            Failure::permanent(
                crate::contract::ProblemKind::UnexpectedResponse,
                format!("The log zip of request {request} was not read to its end: {fault}."),
            )
        };
        read.map(|()| true).map_err(failed)
    }

    /// Journals are looked for among the records (T4).
    fn journals(&self, pod: &Pod, tree: Option<&Tree>, import: Option<&str>, found: &mut Found) -> Result<()> {
        if self.object.id != "gl_journals" {
            return Ok(());
        }
        let (package, _) = self.object.job.split_once(',').unwrap_or((self.object.job, ""));
        let job =
            tree.and_then(|tree| tree.jobs.iter().find(|job| job.path.trim_matches('/') == package.trim_matches('/')));
        let Some(id) = import.or(job.map(|job| job.id.as_str())) else { return Ok(()) };
        match target::has_batches(pod, id) {
            Ok(false) if found.imported.is_none() => found.imported = Some(0),
            Ok(_) => {}
            Err(failure) if failure.again => return Err(failure),
            // Reading journals takes a privilege of its own.
            Err(_) => {}
        }
        Ok(())
    }

    /// Where the rejections stand. Those of rows of other loads are taken out and counted, where an import takes the
    /// rows of all loads.
    fn locate(&self, pod: &Pod, found: &mut Found) -> Result<(Located, usize)> {
        let wanted: Vec<Option<Wanted>> = found.rejections.iter().map(Rejection::wanted).collect();
        if wanted.iter().all(Option::is_none) {
            return Ok((
                Located { rows: vec![None; wanted.len()], names: vec![None; wanted.len()], ..Located::default() },
                0,
            ));
        }
        let sought = std::mem::take(&mut found.rest);
        let mut located = fbdi::locate(self.object, &self.source, &self.options(), pod, &wanted, sought)?;
        if self.object.group_column.is_some() {
            return Ok((located, 0));
        }
        let own: Vec<bool> = wanted
            .iter()
            .zip(&located.rows)
            .zip(&found.rejections)
            .map(|((wanted, row), one)| wanted.is_none() || row.is_some() || one.is_of_loader())
            .collect();
        let all = own.len();
        retain(&mut found.rejections, &own);
        retain(&mut located.rows, &own);
        retain(&mut located.names, &own);
        let others = all - own.iter().filter(|own| **own).count();
        if others > 0 {
            // The report's totals are of all loads.
            let named = named(found, &located);
            found.rejected = Some(named);
            found.imported = None;
        }
        Ok((located, others))
    }

    fn rejected_files(&self, pod: &Pod, rows: &Places) -> Result<Vec<Value>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut inline = 0;
        let files = fbdi::rejected_csv(self.object, &self.source, &self.options(), pod, rows)?;
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

fn retain<T>(list: &mut Vec<T>, own: &[bool]) {
    let mut own = own.iter();
    list.retain(|_| own.next().is_none_or(|own| *own));
}

/// Documents that rejections name, and rows of those that are not told one by one.
fn named(found: &Found, located: &Located) -> u64 {
    let mut keys: Vec<&str> =
        found.rejections.iter().map(|one| one.key.split(" line ").next().unwrap_or_default()).collect();
    keys.sort_unstable();
    keys.dedup();
    let told: Places = located.rows.iter().flatten().collect();
    let others = if found.more { located.places.len().saturating_sub(told.len()) } else { 0 };
    u64::try_from(keys.len().saturating_add(others)).unwrap_or(u64::MAX)
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
    /// `loaded` is what the loader says of the documents' table.
    fn of(read: u64, found: &Found, ended: &str, loaded: Option<u64>, located: &Located) -> Self {
        let named = named(found, located);
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
        let loaded = loaded.or((settled > 0).then_some(settled)).map(|count| count.min(read));
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
