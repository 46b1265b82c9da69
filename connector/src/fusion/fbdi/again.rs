//! Rows found again in the input, after the pod has spoken of them: where they stand, and as files in the
//! person's own columns that can be corrected and imported again.
//!
//! Nothing is kept between calls, so that the input is read again; memory holds what is looked for.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use tabular::delimited::Reader;
use tabular::keys::Hash;

use super::build::key_prefix;
use super::findings::{Findings, Place};
use super::input::{Inputs, faulty};
use super::layout::{FileLayout, Kind};
use super::nested::{self, records_of};
use super::objects::Checks;
use super::plan::{self, Plan, position};
use super::row::{Cell, find, text};
use super::rows::{Rows, Taker};
use super::values::{self, DayForm};
use super::{InputRow, Object, Options, Source, Urls, Wanted};
use crate::problem::Result;

/// A file with rejected rows stays in the answer up to this (as every file of an output does).
const MOST_INLINE: usize = 16 << 20;

/// Where rows stand, a few bytes for each.
#[derive(Debug, Default)]
pub struct Places {
    files: Vec<String>,
    /// File and row; sorted, none twice.
    rows: Vec<(u32, u32)>,
}

impl Places {
    fn push(&mut self, file: &str, row: u64) {
        let at = self.files.iter().position(|known| known == file).unwrap_or_else(|| {
            self.files.push(file.to_owned());
            self.files.len() - 1
        });
        if let (Ok(at), Ok(row)) = (u32::try_from(at), u32::try_from(row)) {
            self.rows.push((at, row));
        }
    }

    fn has(&self, file: &str, row: u64) -> bool {
        let at = self.files.iter().position(|known| known == file).and_then(|at| u32::try_from(at).ok());
        let place = at.zip(u32::try_from(row).ok());
        place.is_some_and(|place| self.rows.binary_search(&place).is_ok())
    }

    fn settle(&mut self) {
        self.rows.sort_unstable();
        self.rows.dedup();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl<'r> FromIterator<&'r InputRow> for Places {
    fn from_iter<T: IntoIterator<Item = &'r InputRow>>(rows: T) -> Self {
        let mut places = Self::default();
        rows.into_iter().for_each(|row| places.push(&row.file, row.row));
        places.settle();
        places
    }
}

/// Rows that are looked for. Of those that nobody asks for one by one a hash is kept.
#[derive(Debug, Default)]
pub struct Sought {
    tables: Vec<(FileLayout, Keyed)>,
}

/// What is looked for in one table.
#[derive(Debug, Default)]
struct Keyed {
    lines: HashMap<u64, Vec<usize>>,
    /// Those of them that are named by keys as well.
    named: HashSet<usize>,
    /// For each set of columns that rows are named by; the hashes may hold a line as well.
    keys: Vec<(Vec<u32>, ByKey, HashSet<u128>)>,
}

/// Which wanted rows have a key.
type ByKey = HashMap<u128, Vec<usize>>;

impl Sought {
    /// Nothing yet.
    pub fn new(object: &Object) -> Self {
        Self { tables: object.files().into_iter().map(|layout| (layout, Keyed::default())).collect() }
    }

    /// One more; answers whether it may be in one of the tables.
    pub fn add(&mut self, wanted: &Wanted) -> bool {
        self.seek(wanted, None)
    }

    fn seek(&mut self, wanted: &Wanted, index: Option<usize>) -> bool {
        let alone = self.tables.len() == 1;
        let mut sought = false;
        for (layout, keyed) in &mut self.tables {
            if wanted.table.as_deref().is_none_or(|name| layout.is_called(name)) {
                sought |= keyed.seek(layout, alone, wanted, index);
            }
        }
        sought
    }
}

impl Keyed {
    fn seek(&mut self, layout: &FileLayout, alone: bool, wanted: &Wanted, index: Option<usize>) -> bool {
        // A line means nothing without its file, unless there is but one.
        let line = wanted.line.filter(|_| alone || wanted.table.is_some());
        if let Some((line, index)) = line.zip(index) {
            self.lines.entry(line).or_default().push(index);
            // A report may speak of a line that another load left behind: the row has to be the one it names.
            if wanted.keys.is_empty() {
                return true;
            }
            self.named.insert(index);
        }
        let keys: Option<Vec<(u32, &str)>> =
            wanted.keys.iter().map(|(name, value)| Some((position(layout, name)?, value.as_str()))).collect();
        let bare = index.is_none() && line.is_some() && wanted.keys.is_empty();
        let Some(mut keys) = keys.filter(|keys| bare || !keys.is_empty()) else { return false };
        keys.sort_unstable();
        let hash =
            keys.iter().fold(Hash::default(), |hash, (column, value)| with(layout, hash, *column, value.as_bytes()));
        let columns: Vec<u32> = keys.iter().map(|(column, _)| *column).collect();
        let at = self.keys.iter().position(|(known, ..)| *known == columns).unwrap_or_else(|| {
            self.keys.push((columns, HashMap::new(), HashSet::new()));
            self.keys.len() - 1
        });
        if let Some((_, by_key, rest)) = self.keys.get_mut(at) {
            match index {
                Some(index) => by_key.entry(hash.key()).or_default().push(index),
                None => {
                    rest.insert(line.map_or(hash, |line| at_line(hash, line)).key());
                }
            }
        }
        true
    }
}

fn at_line(hash: Hash, line: u64) -> Hash {
    hash.with(&line.to_le_bytes())
}

/// What was found.
#[derive(Debug, Default)]
pub struct Located {
    /// For each that was asked for; `None` for one that is not in the input.
    pub rows: Vec<Option<InputRow>>,
    /// What people call each, where the row says it.
    pub names: Vec<Option<String>>,
    /// All of them, the others too.
    pub places: Places,
}

/// Where the rows stand in the input that the pod speaks of, and those that were sought before. Where several rows
/// are meant, it is the first, or that of [`Wanted::nth`].
///
/// # Errors
/// An input that cannot be read any more.
pub fn locate(
    object: &Object,
    source: &Source<'_>,
    options: &Options<'_>,
    urls: &dyn Urls,
    wanted: &[Option<Wanted>],
    mut sought: Sought,
) -> Result<Located> {
    let layouts = object.files();
    let inputs = Inputs::new(source, options, urls)?;
    let plans = plan::plan(object, &layouts, &inputs, &mut Findings::default())?;
    let prefix = key_prefix(options.call_id);
    let rows = Rows { object, layouts: &layouts, source, inputs: &inputs, plans: &plans, prefix: &prefix };
    for (index, one) in wanted.iter().enumerate().filter_map(|(index, one)| Some((index, one.as_ref()?))) {
        sought.seek(one, Some(index));
    }
    let mut found =
        Located { rows: vec![None; wanted.len()], names: vec![None; wanted.len()], places: Places::default() };
    let mut left: Vec<u64> = wanted.iter().map(|one| one.as_ref().map_or(0, |one| one.nth)).collect();
    for (table, (about, (layout, keyed))) in object.tables.iter().zip(&mut sought.tables).enumerate() {
        if keyed.lines.is_empty() && keyed.keys.is_empty() {
            continue;
        }
        let names = ["INVOICE_NUM", "VENDOR_NAME", "REFERENCE4"].iter().chain(about.document);
        let names = names.filter(|_| about.parent.is_none()).filter_map(|name| position(layout, name)).collect();
        rows.each(table, &mut Seeker { layout, line: 0, names, keyed, found: &mut found, left: &mut left })?;
    }
    for row in found.rows.iter().flatten() {
        found.places.push(&row.file, row.row);
    }
    found.places.settle();
    Ok(found)
}

struct Seeker<'s> {
    layout: &'s FileLayout,
    line: u64,
    /// Columns by which people call a row, the first that is filled.
    names: Vec<u32>,
    keyed: &'s mut Keyed,
    found: &'s mut Located,
    /// For each wanted row, how many of its keys are still to be passed over.
    left: &'s mut [u64],
}

/// Values are compared as they mean: `10` is `10.00`, `31.01.2026` is `2026/01/31`.
fn with(layout: &FileLayout, hash: Hash, column: u32, value: &[u8]) -> Hash {
    let text = text(value);
    let text = text.trim();
    let kind = usize::try_from(column).ok().and_then(|at| layout.columns.get(at)).map(|column| column.kind);
    let read = match kind {
        Some(Kind::Number) => values::decimal(text),
        Some(Kind::Date) => values::day(text, DayForm::YearFirst),
        Some(Kind::Moment) => values::moment(text, DayForm::YearFirst),
        _ => values::Read::Same,
    };
    let text = match read {
        values::Read::Repaired(text) => text,
        _ => text.to_owned(),
    };
    match values::units(text.as_bytes()).filter(|_| kind == Some(Kind::Number)) {
        Some(units) => hash.with(values::shown(units).as_bytes()),
        None => hash.with(text.as_bytes()),
    }
}

impl Taker for Seeker<'_> {
    fn take(&mut self, place: Place<'_>, cells: &mut Vec<Cell<'_>>, _plain: Option<&[u8]>) -> Result<()> {
        self.line += 1;
        let layout = self.layout;
        let mut met: Vec<usize> = self.keyed.lines.get(&self.line).cloned().unwrap_or_default();
        let by_line = met.len();
        for (columns, by_key, rest) in &mut self.keyed.keys {
            let hash = columns
                .iter()
                .try_fold(Hash::default(), |hash, column| Some(with(layout, hash, *column, find(cells, *column)?)));
            let Some(hash) = hash else { continue };
            met.extend(by_key.get(&hash.key()).into_iter().flatten());
            if rest.remove(&hash.key()) | rest.remove(&at_line(hash, self.line).key()) {
                self.found.places.push(place.file, place.row);
            }
        }
        for (at, index) in met.into_iter().enumerate() {
            if let Some(left) = self.left.get_mut(index).filter(|left| at >= by_line && **left > 0) {
                *left -= 1;
                continue;
            }
            let exact = self.keyed.lines.get(&self.line).is_some_and(|list| list.contains(&index));
            if at < by_line && self.keyed.named.contains(&index) {
                continue;
            }
            if let Some(spot) = self.found.rows.get_mut(index).filter(|spot| spot.is_none() || exact) {
                let pointer = place.pointer.map(str::to_owned);
                *spot = Some(InputRow { file: place.file.to_owned(), row: place.row, pointer });
                let mut names = self.names.iter().filter_map(|column| find(cells, *column));
                if let Some(name) = self.found.names.get_mut(index) {
                    *name = names.next().map(|name| text(name).into_owned());
                }
            }
        }
        Ok(())
    }

    fn findings(&mut self) -> Option<&mut Findings> {
        None
    }
}

/// A file with rejected rows.
#[derive(Debug)]
pub struct RejectedFile {
    /// The name of the input file, without its folder; `rejected_rows.json` for nested records.
    pub name: String,
    /// What is in it.
    pub content: RejectedContent,
}

/// What is in a file with rejected rows.
#[derive(Debug)]
pub enum RejectedContent {
    /// Text, at most 16 MiB.
    Text(String),
    /// A file in the lent directory.
    Path(PathBuf),
}

/// The rows as files in the person's own columns, which `files` accepts again once they are corrected; nested
/// records come as a JSON list, which `rows` accepts. Rows come as whole documents: an invoice with all its lines,
/// under an id that meets none of the rows that the load left on the pod (FACTS 3.6).
///
/// # Errors
/// An input that cannot be read any more; more than 16 MiB where no directory is lent.
pub fn rejected_csv(
    object: &Object,
    source: &Source<'_>,
    options: &Options<'_>,
    urls: &dyn Urls,
    wanted: &Places,
) -> Result<Vec<RejectedFile>> {
    if let Source::Rows(records) = source {
        return rejected_records(records, options, wanted);
    }
    let layouts = object.files();
    let inputs = Inputs::new(source, options, urls)?;
    let plans = plan::plan(object, &layouts, &inputs, &mut Findings::default())?;
    let mut documents = Documents { object, layouts: &layouts, inputs: &inputs, wanted, keys: Vec::new() };
    documents.keys.resize(object.tables.len(), HashSet::new());
    // Children come behind their parents: from the end, every row brings the keys of those above it.
    for plan in in_order(&plans).rev() {
        documents.each(plan, &mut |documents, reader, row| {
            if documents.is_wanted(plan, reader, row, false) {
                documents.bring(plan, reader);
            }
            Ok(())
        })?;
    }
    let mut files = Vec::new();
    let prefix = key_prefix(&format!("{} rejected", options.call_id));
    let mut fresh: HashMap<u128, usize> = HashMap::new();
    for plan in in_order(&plans) {
        let Some(input) = inputs.list.get(plan.input) else { continue };
        let name = input.name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        let mut out = Output::new(options.lent, options.call_id, &name);
        if plan.header {
            out.line(plan.titles.iter().map(String::as_bytes))?;
        }
        let mut some = false;
        let id = documents.file_scoped(plan);
        documents.each(plan, &mut |documents, reader, row| {
            if documents.is_wanted(plan, reader, row, true) {
                documents.bring(plan, reader);
                some = true;
                let known = fresh.len();
                let id = id.map(|at| (at, reader.column(at))).filter(|(_, value)| !value.is_empty());
                let id = id.map(|(at, value)| {
                    let number = fresh.entry(Hash::default().with(value).key()).or_insert(known + 1);
                    (at, format!("{prefix}{number:07}"))
                });
                out.line((0..reader.width()).map(|column| match &id {
                    Some((at, id)) if *at == column => id.as_bytes(),
                    _ => reader.column(column),
                }))?;
            }
            Ok(())
        })?;
        if some {
            files.push(out.finish()?);
        }
    }
    Ok(files)
}

fn in_order(plans: &[Plan]) -> impl DoubleEndedIterator<Item = &Plan> {
    let mut order: Vec<&Plan> = plans.iter().collect();
    order.sort_by_key(|plan| plan.table);
    order.into_iter()
}

struct Documents<'d> {
    object: &'d Object,
    layouts: &'d [FileLayout],
    inputs: &'d Inputs<'d>,
    wanted: &'d Places,
    /// For each table, the keys of its rows that are wanted.
    keys: Vec<HashSet<u128>>,
}

type EachRow<'e, 'd> = dyn FnMut(&mut Documents<'d>, &Reader<'_>, &str) -> Result<()> + 'e;

impl<'d> Documents<'d> {
    fn each(&mut self, plan: &Plan, each: &mut EachRow<'_, 'd>) -> Result<()> {
        let inputs = self.inputs;
        let Some(input) = inputs.list.get(plan.input) else { return Ok(()) };
        let mut reader = inputs.open(input)?;
        let fault = |fault| faulty(&input.name, &fault);
        if plan.header {
            reader.advance().map_err(fault)?;
        }
        while reader.advance().map_err(fault)? {
            each(self, &reader, &input.name)?;
        }
        Ok(())
    }

    fn place(&self, plan: &Plan, name: &str) -> Option<u32> {
        let column = position(self.layouts.get(plan.table)?, name)?;
        u32::try_from(plan.columns.iter().position(|place| *place == Some(column))?).ok()
    }

    /// The column with an id that means nothing beyond the file, and must not be that of a row on the pod.
    fn file_scoped(&self, plan: &Plan) -> Option<u32> {
        let table = self.object.tables.get(plan.table).filter(|_| self.object.checks == Checks::Invoices)?;
        self.place(plan, table.parent.map_or(table.key, |(_, name)| name))
    }

    /// The key of the current row in the column, by its name.
    fn key(&self, plan: &Plan, reader: &Reader<'_>, name: &str) -> Option<u128> {
        let value = reader.column(self.place(plan, name)?);
        (!value.is_empty()).then(|| Hash::default().with(value).key())
    }

    fn keys_of(&self, plan: &Plan, reader: &Reader<'_>) -> (Option<u128>, Option<(usize, u128)>) {
        let Some(table) = self.object.tables.get(plan.table) else { return (None, None) };
        let own = self.key(plan, reader, table.key);
        let above = table.parent.and_then(|(parent, name)| Some((parent, self.key(plan, reader, name)?)));
        (own, above)
    }

    fn is_wanted(&self, plan: &Plan, reader: &Reader<'_>, file: &str, with_siblings: bool) -> bool {
        let (own, above) = self.keys_of(plan, reader);
        let has = |table: usize, key: u128| self.keys.get(table).is_some_and(|keys| keys.contains(&key));
        self.wanted.has(file, reader.row())
            || own.is_some_and(|key| has(plan.table, key))
            || with_siblings && above.is_some_and(|(table, key)| has(table, key))
    }

    fn bring(&mut self, plan: &Plan, reader: &Reader<'_>) {
        let (own, above) = self.keys_of(plan, reader);
        for (table, key) in own.map(|key| (plan.table, key)).into_iter().chain(above) {
            if let Some(keys) = self.keys.get_mut(table) {
                keys.insert(key);
            }
        }
    }
}

fn rejected_records(records: &str, options: &Options<'_>, wanted: &Places) -> Result<Vec<RejectedFile>> {
    let mut out = Output::new(options.lent, options.call_id, "rejected_rows.json");
    let mut some = false;
    records_of(records, &mut |at, record| {
        if wanted.has(nested::FILE, u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1)) {
            out.append(if some { b",\n" } else { b"[" })?;
            some = true;
            out.append(record.get().as_bytes())?;
        }
        Ok(())
    })?;
    if !some {
        return Ok(Vec::new());
    }
    out.append(b"]\n")?;
    Ok(vec![out.finish()?])
}

/// A file that is answered inline while it is small, and is kept in the lent directory otherwise.
struct Output<'o> {
    name: String,
    bytes: Vec<u8>,
    file: Option<(std::fs::File, PathBuf)>,
    lent: Option<&'o Path>,
    call_id: &'o str,
}

impl<'o> Output<'o> {
    fn new(lent: Option<&'o Path>, call_id: &'o str, name: &str) -> Self {
        Self { name: name.to_owned(), bytes: Vec::new(), file: None, lent, call_id }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(bytes);
        // Aside, it is written in pieces; inline it may grow to what an answer holds.
        let most = match (&self.file, self.lent) {
            // Whoever answers it keeps what is larger under its own name, which may be that of the input.
            (Some(_), _) | (None, Some(_)) => 256 << 10,
            (None, None) => MOST_INLINE,
        };
        if self.bytes.len() > most { self.put_aside() } else { Ok(()) }
    }

    fn put_aside(&mut self) -> Result<()> {
        if self.file.is_none() {
            let Some(lent) = self.lent else { return Err(super::no_room("The rejected rows are more than 16 MiB")) };
            let place = lent.join(format!("rejected_{}_{}", super::digits_of(self.call_id), self.name));
            let file = std::fs::File::create(&place).map_err(|error| super::lent_failed(&error))?;
            self.file = Some((file, place));
        }
        if let Some((file, _)) = &mut self.file {
            file.write_all(&self.bytes).map_err(|error| super::lent_failed(&error))?;
            self.bytes = Vec::new();
        }
        Ok(())
    }

    /// A line of a CSV; line ends stay inside their quotes, since it is for people.
    fn line<'c>(&mut self, cells: impl Iterator<Item = &'c [u8]>) -> Result<()> {
        let mut line = String::new();
        for (column, cell) in cells.enumerate() {
            if column > 0 {
                line.push(',');
            }
            let cell = text(cell);
            if cell.contains([',', '"', '\n', '\r']) || cell.trim().len() != cell.len() {
                line.push('"');
                line.push_str(&cell.replace('"', "\"\""));
                line.push('"');
            } else {
                line.push_str(&cell);
            }
        }
        line.push('\n');
        self.append(line.as_bytes())
    }

    fn finish(mut self) -> Result<RejectedFile> {
        if self.file.is_some() {
            self.put_aside()?;
        }
        let content = match self.file {
            Some((_, place)) => RejectedContent::Path(place),
            None => RejectedContent::Text(String::from_utf8_lossy(&self.bytes).into_owned()),
        };
        Ok(RejectedFile { name: self.name, content })
    }
}
