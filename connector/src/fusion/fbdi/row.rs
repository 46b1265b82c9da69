//! One row on its way: values repaired or refused, blanks filled, keys handed to the checks, the line written.

use std::borrow::Cow;

use tabular::delimited::{Lane, Reader, Rule};

use super::checks::Checker;
use super::findings::{Findings, Place};
use super::layout::{FileLayout, Kind};
use super::objects::{From, Table};
use super::plan::{Plan, position};
use super::values::{self, DayForm, Read};
use super::{Object, Severity};
use crate::problem::Result;

/// A cell: where it goes in the layout, and what is in it. A row's cells are sorted and none is empty.
pub use tabular::delimited::{Filled as Cell, find};

/// What all rows of a load share.
pub struct Load<'a> {
    /// The group: given, else the first row's, else made.
    pub group: Option<String>,
    /// The group that is made where no row tells one.
    pub fresh_group: String,
    /// The source: given, else the first row's.
    pub source: Option<String>,
    /// What was found.
    pub findings: Findings,
    /// What its numbers show of how they are written.
    pub styles: Styles,
    /// What is compared across rows.
    pub checks: Checker<'a>,
}

/// How the numbers of each column are written: of a file with semicolons, those of the whole file.
pub struct Styles {
    semicolons: Vec<String>,
    list: Vec<Style>,
}

#[derive(Default)]
struct Style {
    file: String,
    /// The table and its column.
    column: Option<(usize, u32)>,
    /// A number with a decimal comma.
    comma: Option<String>,
    /// How many numbers there are as `1.500`, and the first: row, column, text, pointer.
    count: u64,
    first: (u64, String, String, Option<String>),
}

impl Styles {
    /// For a load of which these files have semicolons between cells.
    pub fn new(semicolons: Vec<String>) -> Self {
        Self { semicolons, list: Vec::new() }
    }

    fn of(&mut self, place: Place<'_>, table: usize, column: u32) -> Option<&mut Style> {
        let column = (!self.semicolons.iter().any(|file| file == place.file)).then_some((table, column));
        let known = self.list.iter().position(|one| one.column == column && one.file == place.file);
        if known.is_none() {
            self.list.push(Style { file: place.file.to_owned(), column, ..Style::default() });
        }
        match known {
            Some(at) => self.list.get_mut(at),
            None => self.list.last_mut(),
        }
    }

    /// Refuses numbers as `1.500` where others have shown decimal commas, before or behind them.
    pub fn finish(self, findings: &mut Findings) {
        for Style { file, comma, count, first: (row, column, number, pointer), .. } in self.list {
            let Some(comma) = comma.filter(|_| count > 0) else { continue };
            let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
            let message = format!(
                "{column} \"{number}\"{more}: its point may part thousands or decimals, since \"{comma}\" has a decimal comma; write numbers without thousands."
            );
            let place = Place { file: &file, row, pointer: pointer.as_deref() };
            findings.tell(Severity::Refuse, place, Some(column), "not_a_number", message);
        }
    }
}

/// Writes the rows of one file.
pub struct Work<'a> {
    table: usize,
    layout: &'a FileLayout,
    kinds: Vec<Kind>,
    strict: bool,
    form: DayForm,
    required: Vec<u32>,
    defaults: Vec<(u32, &'static [u8])>,
    group: Option<(u32, &'static str)>,
    source: Option<(u32, &'static str)>,
    line: tabular::delimited::Row,
    /// What rows of an input pass that need nothing, and which input.
    lane: Option<(usize, Lane)>,
    /// Where it is told that its blank groups and sources are filled.
    told: [Option<usize>; 2],
    /// Lines that are not compressed yet.
    pub out: Vec<u8>,
    /// Rows written.
    pub rows: u64,
}

impl<'a> Work<'a> {
    /// For the file of `table`, the object's `at`th.
    pub fn new(object: &Object, table: &Table, at: usize, layout: &'a FileLayout) -> Self {
        let by_name = |name: &str| position(layout, name);
        Self {
            table: at,
            layout,
            kinds: layout.columns.iter().map(|column| column.kind).collect(),
            strict: object.tested,
            form: if layout.name.starts_with("Gms") { DayForm::MonthFirst } else { DayForm::YearFirst },
            required: table.required.iter().filter_map(|name| by_name(name)).collect(),
            defaults: table
                .defaults
                .iter()
                .filter_map(|(name, value)| Some((by_name(name)?, value.as_bytes())))
                .collect(),
            group: object.group_column.and_then(|name| Some((by_name(name)?, name))),
            source: object
                .source_column
                .filter(|_| object.parameters.iter().any(|one| one.from == From::Source))
                .and_then(|name| Some((by_name(name)?, name))),
            line: tabular::delimited::Row::default(),
            lane: None,
            told: [None; 2],
            out: Vec::new(),
            rows: 0,
        }
    }

    /// Takes a row.
    ///
    /// # Errors
    /// Where the checks have no room.
    pub fn take(
        &mut self,
        load: &mut Load<'_>,
        place: Place<'_>,
        cells: &mut Vec<Cell<'_>>,
        plain: Option<&[u8]>,
    ) -> Result<()> {
        let marked = plain.is_none_or(|record| record.contains(&b'\\'));
        for (column, value) in cells.iter_mut() {
            if marked && value.windows(2).any(|pair| pair == b"\\n") {
                let name = self.name(*column);
                let message = format!(
                    "{name} \"{}\": the loader reads its \\n as a line end; nothing keeps the two letters.",
                    crate::text::shorten(&text(value), 60)
                );
                load.findings.tell(Severity::Warn, place, Some(name), "line_end_read", message);
            }
            let kind = usize::try_from(*column).ok().and_then(|at| self.kinds.get(at));
            if let Some(kind) = kind.filter(|kind| **kind != Kind::Text) {
                self.typed(load, place, *column, *kind, value);
            }
        }
        if let Some((column, name)) = self.group {
            group(load, place, column, name, cells);
        }
        if let Some((column, name)) = self.source {
            source(load, place, column, name, cells);
        }
        for (column, value) in &self.defaults {
            fill(cells, *column, value);
        }
        for column in &self.required {
            if find(cells, *column).is_none() {
                let name = self.name(*column);
                let message = format!("{name} is needed and blank.");
                load.findings.tell(Severity::Refuse, place, Some(name), "value_missing", message);
            }
        }
        load.checks.take(self.table, place, &|column| find(cells, column), &mut load.findings)?;
        let layout = self.layout;
        self.line.cells(&mut self.out, cells, plain, &mut |column| {
            load.findings.repaired(place, &name(layout, column), "line_end_written_out", || {
                "A line end inside the value is written as \\n, which the loader reads as one.".to_owned()
            });
        });
        self.rows += 1;
        Ok(())
    }

    /// Takes a row as [`Work::take`] would, if there is nothing to repair and nothing to tell but of blanks that are
    /// filled.
    ///
    /// # Errors
    /// Where the checks have no room.
    pub fn pass(&mut self, load: &mut Load<'_>, plan: &Plan, place: Place<'_>, reader: &Reader<'_>) -> Result<bool> {
        if self.lane.as_ref().is_none_or(|(input, _)| *input != plan.input) {
            // Rows before may tell what the others must have.
            if self.group.is_some() && load.group.is_none() || self.source.is_some() && load.source.is_none() {
                return Ok(false);
            }
            self.lane = Some((plan.input, self.lane(load, plan)));
            self.told = [None; 2];
        }
        let Some((_, lane)) = &mut self.lane else { return Ok(false) };
        if !lane.pass(reader, &mut self.out) {
            return Ok(false);
        }
        let Load { group, source, findings, checks, .. } = load;
        let asked = [(self.group, group, GROUP), (self.source, source, SOURCE)];
        for ((column, wanted, filled), told) in asked.into_iter().zip(&mut self.told) {
            if let (Some((column, name)), Some(wanted)) = (column, wanted)
                && lane.is_filled(column)
            {
                match told {
                    Some(at) => findings.again(*at),
                    None => *told = Some(blank_filled(findings, place, name, wanted, filled)),
                }
            }
        }
        checks.take(self.table, place, &|column| lane.value(reader, column), findings)?;
        self.rows += 1;
        Ok(true)
    }

    fn lane(&self, load: &Load<'_>, plan: &Plan) -> Lane {
        let rule = |column| match usize::try_from(column).ok().and_then(|at| self.kinds.get(at)) {
            None | Some(Kind::Text) => Rule::Any,
            Some(Kind::Number) => Rule::Decimal,
            Some(Kind::Date | Kind::Moment) if self.form == DayForm::YearFirst => Rule::Day,
            Some(Kind::Date | Kind::Moment) => Rule::Nothing,
        };
        let mut lane = Lane::new(&plan.columns, &rule, b"END");
        self.required.iter().for_each(|column| lane.watch(*column, &|watch| watch.needed = true));
        load.checks.compared(self.table).for_each(|column| lane.watch(column, &|_| {}));
        for (column, value) in &self.defaults {
            lane.watch(*column, &|watch| watch.fill = Some(value.to_vec()));
        }
        let source = load.source.as_deref().filter(|source| !is_id(source));
        for (column, wanted) in [(self.group, load.group.as_deref()), (self.source, source)] {
            if let (Some((column, _)), Some(wanted)) = (column, wanted) {
                lane.watch(column, &|watch| {
                    watch.equal = Some(wanted.as_bytes().to_vec());
                    watch.fill.clone_from(&watch.equal);
                });
            }
        }
        lane
    }

    fn name(&self, column: u32) -> String {
        name(self.layout, column)
    }

    fn typed(&self, load: &mut Load<'_>, place: Place<'_>, column: u32, kind: Kind, value: &mut Cow<'_, [u8]>) {
        let Load { findings, styles, .. } = load;
        if kind == Kind::Number
            && values::may_be_thousands(value)
            && let Some(style) = styles.of(place, self.table, column)
        {
            style.count += 1;
            if style.count == 1 {
                let pointer = place.pointer.map(str::to_owned);
                style.first = (place.row, self.name(column), text(value).into_owned(), pointer);
            }
        }
        // What is right already, as nearly all is, costs no text.
        let right = match kind {
            Kind::Number => values::is_decimal(value),
            Kind::Date => self.form == DayForm::YearFirst && values::is_day(value),
            Kind::Moment | Kind::Text => false,
        };
        if right || value.as_ref() == b"#NULL" {
            return;
        }
        let before = text(value).into_owned();
        let (read, code) = match kind {
            Kind::Number => (values::decimal(&before), "number_repaired"),
            Kind::Date => (values::day(&before, self.form), "date_repaired"),
            _ => (values::moment(&before, self.form), "date_repaired"),
        };
        match read {
            Read::Same => {}
            Read::Repaired(after) => {
                if kind == Kind::Number
                    && values::has_decimal_comma(&before, &after)
                    && let Some(style) = styles.of(place, self.table, column)
                {
                    style.comma.get_or_insert_with(|| before.clone());
                }
                findings.repaired(place, &self.name(column), code, || format!("\"{before}\" is sent as {after}"));
                *value = Cow::Owned(after.into_bytes());
            }
            Read::Unclear(why) => {
                let code = if kind == Kind::Number { "not_a_number" } else { "not_a_date" };
                let name = self.name(column);
                let severity = if self.strict { Severity::Refuse } else { Severity::Warn };
                let message = format!("{name} \"{}\": {why}.", crate::text::shorten(&before, 60));
                findings.tell(severity, place, Some(name), code, message);
            }
        }
    }
}

/// T4: rows of another group than the job's are loaded and never imported, and the job succeeds.
fn group(load: &mut Load<'_>, place: Place<'_>, column: u32, name: &str, cells: &mut Vec<Cell<'_>>) {
    let given = find(cells, column).map(<[u8]>::trim_ascii).filter(|value| !value.is_empty());
    let Load { group, fresh_group, findings, .. } = load;
    let wanted =
        group.get_or_insert_with(|| given.map_or_else(|| fresh_group.clone(), |given| text(given).into_owned()));
    match given {
        Some(given) if given == wanted.as_bytes() => {}
        Some(given) => {
            let given = text(given);
            let message =
                format!("{name} is {given}, and the job imports {wanted}: the row would be loaded and never imported.");
            findings.tell(Severity::Refuse, place, Some(name.to_owned()), "group_differs", message);
        }
        None => {
            blank_filled(findings, place, name, wanted, GROUP);
            put(cells, column, wanted.as_bytes());
        }
    }
}

/// Code and word of what a blank is filled with.
const GROUP: (&str, &str) = ("group_filled", "group");
const SOURCE: (&str, &str) = ("source_filled", "source");

fn blank_filled(
    findings: &mut Findings,
    place: Place<'_>,
    name: &str,
    wanted: &str,
    (code, what): (&'static str, &str),
) -> usize {
    findings.repaired(place, name, code, || format!("Blank is sent as {wanted}, the {what} of this load"))
}

/// A journal source may be given to the job by its id, which no row holds.
fn is_id(source: &str) -> bool {
    source.bytes().all(|byte| byte.is_ascii_digit())
}

fn source(load: &mut Load<'_>, place: Place<'_>, column: u32, name: &str, cells: &mut Vec<Cell<'_>>) {
    let given = find(cells, column).map(<[u8]>::trim_ascii).filter(|value| !value.is_empty());
    let Load { source, findings, .. } = load;
    match (source.as_deref(), given) {
        (Some(wanted), _) if is_id(wanted) => {}
        (None, Some(given)) => *source = Some(text(given).into_owned()),
        (Some(wanted), Some(given)) if given != wanted.as_bytes() => {
            let given = text(given);
            let message =
                format!("{name} is {given}, and the job imports {wanted}: the row would be loaded and never imported.");
            findings.tell(Severity::Refuse, place, Some(name.to_owned()), "source_differs", message);
        }
        (Some(wanted), None) => {
            blank_filled(findings, place, name, wanted, SOURCE);
            put(cells, column, wanted.as_bytes());
        }
        _ => {}
    }
}

/// Oracle's name of a column.
pub fn name(layout: &FileLayout, column: u32) -> String {
    let column = usize::try_from(column).ok().and_then(|at| layout.columns.get(at));
    column.map(super::layout::Column::name).unwrap_or_default()
}

fn fill(cells: &mut Vec<Cell<'_>>, column: u32, value: &[u8]) {
    if find(cells, column).is_none() {
        put(cells, column, value);
    }
}

/// Sets a column.
pub fn put(cells: &mut Vec<Cell<'_>>, column: u32, value: &[u8]) {
    match cells.binary_search_by_key(&column, |(column, _)| *column) {
        Ok(at) => {
            if let Some((_, old)) = cells.get_mut(at) {
                *old = Cow::Owned(value.to_vec());
            }
        }
        Err(at) => cells.insert(at, (column, Cow::Owned(value.to_vec()))),
    }
}

/// Text of a cell: UTF-8, else Windows-1252, which is Latin-1 as spreadsheets write it.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    // 0x80 to 0x9f; what stands nowhere in Windows-1252 is kept as a control character.
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(
            bytes
                .iter()
                .map(|byte| match byte {
                    0x80..=0x9f => HIGH.get(usize::from(byte - 0x80)).copied().unwrap_or('?'),
                    other => char::from(*other),
                })
                .collect(),
        ),
    }
}
