//! From a source to the finished zip: every row once through reading, checks, the line and the compressor.

use tabular::delimited::Reader;
use tabular::zip::Writer;

use super::archive::{Sink, Spool};
use super::checks::Checker;
use super::findings::{Findings, Place};
use super::input::Inputs;
use super::objects::{From, Parameter};
use super::plan::Plan;
use super::row::{Cell, Load, Styles, Work};
use super::rows::{Rows, Taker};
use super::{Built, Object, Options, Severity, Source, Urls, content_prefix, digits_of, plan};
use crate::contract::ProblemKind;
use crate::problem::{Failure, Result, warning};

/// Lines that are compressed at once.
const PIECE: usize = 32 << 10;

/// A pod takes files of 250 MB (FACTS 1.12, from one source).
const MOST: u64 = 250_000_000;

/// Reads, checks, repairs and writes.
///
/// # Errors
/// An input that cannot be read, with file, line and column; parameters that do not fit; an import of nothing;
/// too much for the memory where no directory is lent. What concerns single rows is in [`Built::findings`].
pub fn build(object: &Object, source: &Source<'_>, options: &Options<'_>, urls: &dyn Urls) -> Result<Built> {
    let mut parameters = options.parameters.clone();
    let from_rows = object.parameters.iter().find(|one| one.from == From::Source).map(|one| one.name);
    let from_rows = from_rows.filter(|name| parameters.get(*name).is_none_or(String::is_empty));
    if let Some(name) = from_rows {
        parameters.insert(name.to_owned(), "as in the rows".to_owned());
    }
    // What can be refused at once is not found out behind 250 MB.
    object.parameter_list(&parameters, Some("0"))?;

    let layouts = object.files();
    let inputs = Inputs::new(source, options, urls)?;
    let mut findings = Findings::default();
    for other in &inputs.others {
        let place = Place { file: other, row: 0, pointer: None };
        findings.tell(
            Severity::Warn,
            place,
            None,
            "file_left_out",
            "The file is no CSV of the load and is not sent.".to_owned(),
        );
    }
    let plans = plan::plan(object, &layouts, &inputs, &mut findings)?;
    // A whole list tells what the job takes as named parameters do.
    let slot = |of: &dyn Fn(&Parameter) -> bool| {
        let mut slots = parameters.get("parameter_list")?.split(',').map(str::trim);
        let text = slots.nth(object.parameters.iter().find(|one| of(one))?.slot.checked_sub(1)?)?;
        (!matches!(text, "" | "#NULL") && !text.eq_ignore_ascii_case("ALL")).then(|| text.to_owned())
    };
    let given = |name: &str| {
        let named = options.parameters.get(name).filter(|text| !text.is_empty()).cloned();
        named.or_else(|| slot(&|one| one.name == name))
    };
    let group_of_list = slot(&|one| one.from == From::GroupId);
    let suspense = given("post_errors_to_suspense").is_some_and(|flag| flag.eq_ignore_ascii_case("Y"));
    let with_semicolons = plans.iter().filter(|plan| plan.form.delimiter == b';');
    let with_semicolons = with_semicolons.filter_map(|plan| Some(inputs.list.get(plan.input)?.name.clone())).collect();
    // Kept until the checks are done: dropped, they remove their files.
    let aside = |name: &str| options.lent.map(|lent| Spool::named(lent, options.call_id, name).path().to_owned());
    let mut load = Load {
        group: options.group_id.filter(|group| !group.is_empty()).map(str::to_owned).or(group_of_list),
        fresh_group: digits_of(options.call_id),
        source: given("source"),
        findings,
        styles: Styles::new(with_semicolons),
        checks: Checker::new(object, &layouts, suspense, given("ledger_id"), aside),
    };
    let prefix = key_prefix(options.call_id);
    let rows = Rows { object, layouts: &layouts, source, inputs: &inputs, plans: &plans, prefix: &prefix };
    let mut zip = Writer::new(Sink::new(options.lent, options.call_id));
    let mut counts = Vec::new();
    let mut warnings = Vec::new();
    let mut largest = 0;
    for (at, (table, layout)) in object.tables.iter().zip(&layouts).enumerate() {
        let work = Work::new(object, table, at, layout);
        let mut file = File { name: layout.name, work, load: &mut load, zip: &mut zip, begun: false, size: 0 };
        rows.each(at, &mut file)?;
        file.flush()?;
        let (written, size, begun) = (file.work.rows, file.size, file.begun);
        if begun {
            zip.end()?;
            counts.push((layout.name, written));
        }
        largest = largest.max(size);
        if size > MOST {
            let message = format!(
                "{} has {size} bytes; a pod is said to take 250 MB a file.{}",
                layout.name,
                advice(&counts, size)
            );
            warnings.push(warning("large_file", message, Some(layout.name.to_owned())));
        }
    }
    inputs.unchanged()?;
    let Load { group, source, mut findings, styles, checks, .. } = load;
    styles.finish(&mut findings);
    checks.finish(&mut findings)?;
    if zip.written() > MOST {
        let message = format!("The zip of this load has {} bytes; a pod takes 250 MB.", zip.written());
        let remedy = format!("Import the rows in several loads.{}", advice(&counts, zip.written().max(largest)));
        return Err(Failure::permanent(ProblemKind::TooLarge, message).remedy(remedy));
    }
    if !object.tested {
        let message = format!("The layout of {} is built in, but was not tried against a loader.", object.title);
        warnings.push(warning("untested_layout", message, None));
    }
    if let Some(list) = parameters.get("parameter_list") {
        differing(object, list, group.as_deref(), source.as_deref(), &mut findings);
    }
    if let Some(name) = from_rows {
        parameters.remove(name);
        if let Some(source) = source {
            parameters.insert(name.to_owned(), source);
        }
    }
    let has_group = object.parameters.iter().any(|one| one.from == From::GroupId);
    let group_id = group.or_else(|| has_group.then(|| digits_of(options.call_id)));
    let (findings, untold) = findings.finish();
    let refused = findings.iter().any(|finding| finding.severity == Severity::Refuse);
    if counts.is_empty() && !refused {
        return Err(plan::nothing(object));
    }
    let parameter_list = match object.parameter_list(&parameters, group_id.as_deref()) {
        // What is wrong with the rows is the better answer.
        Err(_) if refused => String::new(),
        list => list?,
    };
    let content = fingerprint(&zip.directory(), &parameter_list);
    let archive = zip.finish()?.finish()?;
    Ok(Built {
        archive,
        file_name: format!("{}_{}.zip", content_prefix(options.call_id, &content), object.id),
        content,
        group_id,
        parameter_list,
        counts,
        findings,
        untold,
        warnings,
    })
}

/// Where a list that was given as a whole asks for other rows than there are (T4).
fn differing(object: &Object, list: &str, group: Option<&str>, source: Option<&str>, findings: &mut Findings) {
    let slots: Vec<&str> = list.split(',').map(str::trim).collect();
    for parameter in object.parameters {
        let (what, rows) = match parameter.from {
            From::GroupId => ("group", group),
            From::Source => ("source", source),
            From::Asked | From::Fixed(_) => continue,
        };
        let Some(rows) = rows else { continue };
        let given = parameter.slot.checked_sub(1).and_then(|at| slots.get(at)).copied().unwrap_or_default();
        // Journals may be asked for as ALL, and by the id of their source.
        let any =
            given.eq_ignore_ascii_case("ALL") || what == "source" && given.bytes().all(|byte| byte.is_ascii_digit());
        let blank = matches!(given, "" | "#NULL");
        if given == rows || any && !blank {
            continue;
        }
        let severity = if blank { Severity::Warn } else { Severity::Refuse };
        let message = format!(
            "Slot {} of parameter_list, the {what}, is \"{given}\", and the rows have {rows}: they would be loaded and never imported.",
            parameter.slot
        );
        let place = Place { file: "parameter_list", row: 0, pointer: None };
        findings.tell(severity, place, Some(parameter.name.to_owned()), "parameters_differ", message);
    }
}

/// Eight digits that stand for what is loaded and how; the zip's directory has the checksum of each file. It tells a
/// mistake, not malice.
fn fingerprint(directory: &[u8], parameter_list: &str) -> String {
    let hash = fnv(fnv(0xcbf2_9ce4_8422_2325, parameter_list.as_bytes()), directory);
    format!("{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff)
}

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// How to part what is too large. A load has one CSV for each interface table, under a fixed name (FACTS 3.6), so
/// that more rows do not go into a second CSV but into a second load, which is another job with its own result:
/// that is the person's to order.
fn advice(counts: &[(&str, u64)], size: u64) -> String {
    let fit = |rows: u64| {
        // A tenth less, since documents differ in length.
        let fit = u128::from(rows) * u128::from(MOST) * 9 / 10 / u128::from(size.max(1));
        u64::try_from(fit).unwrap_or(rows)
    };
    counts.first().map_or_else(String::new, |(name, rows)| {
        format!(
            " About {} of the {rows} rows of {name} fit into one load; give each load whole documents, with all rows \
             that belong to them.",
            fit(*rows)
        )
    })
}

/// What made keys begin with: eight digits of the call, so that they meet no rows of other loads (FACTS 3.6).
pub fn key_prefix(call_id: &str) -> String {
    digits_of(call_id).chars().skip(7).collect()
}

/// One file of the zip while its rows come.
struct File<'f, 'a> {
    name: &'static str,
    work: Work<'a>,
    load: &'f mut Load<'a>,
    zip: &'f mut Writer<Sink<'a>>,
    begun: bool,
    size: u64,
}

impl File<'_, '_> {
    fn flush_piece(&mut self) -> Result<()> {
        if self.work.out.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if self.work.out.is_empty() {
            return Ok(());
        }
        if !self.begun {
            self.zip.begin(self.name)?;
            self.begun = true;
        }
        self.size += u64::try_from(self.work.out.len()).unwrap_or(u64::MAX);
        if self.size > u64::from(u32::MAX) {
            return Err(Failure::permanent(
                ProblemKind::TooLarge,
                format!("{} would have more than 4 GiB, which no zip of this kind holds.", self.name),
            )
            .remedy("Import the rows in several loads, each with whole documents of less than 250 MB."));
        }
        self.zip.write(&self.work.out)?;
        self.work.out.clear();
        Ok(())
    }
}

impl Taker for File<'_, '_> {
    fn take(&mut self, place: Place<'_>, cells: &mut Vec<Cell<'_>>, plain: Option<&[u8]>) -> Result<()> {
        self.work.take(self.load, place, cells, plain)?;
        self.flush_piece()
    }

    fn pass(&mut self, plan: &Plan, place: Place<'_>, reader: &Reader<'_>) -> Result<bool> {
        let passes = self.work.pass(self.load, plan, place, reader)?;
        self.flush_piece().map(|()| passes)
    }

    fn findings(&mut self) -> Option<&mut Findings> {
        Some(&mut self.load.findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_says_how_many_documents_fit() {
        let told = advice(&[("ApInvoicesInterface.csv", 1000), ("ApInvoiceLinesInterface.csv", 5000)], 2 * MOST);
        assert!(told.contains("About 450 of the 1000 rows of ApInvoicesInterface.csv"), "{told}");
        assert_eq!(advice(&[], MOST), "");
    }
}
