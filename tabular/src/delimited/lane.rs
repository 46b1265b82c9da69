//! Rows that pass as they stand, as nearly all rows of a bulk file do: looked over and written in one go. A row
//! that does not pass is for whoever takes it cell by cell and can say what is wrong.

use super::write::{Row, Run};
use super::{Cell, Reader};
use crate::plain::{is_clear_decimal, is_day, same};

/// What a column holds where a row passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Anything.
    Any,
    /// A decimal that is read in one way.
    Decimal,
    /// A day as `YYYY/MM/DD`.
    Day,
    /// Nothing.
    Nothing,
}

/// What is asked of a column besides its rule.
#[derive(Debug, Default)]
pub struct Watch {
    column: u32,
    /// It must be filled.
    pub needed: bool,
    /// What it holds where it holds anything.
    pub equal: Option<Vec<u8>>,
    /// What is written where it is blank.
    pub fill: Option<Vec<u8>>,
    cell: Option<Cell>,
}

/// Lets rows pass.
pub struct Lane {
    /// By column of the source: the column it becomes, its rule, and its place among the watched. One that is left
    /// out has no rule.
    slots: Vec<(u32, Option<Rule>, usize)>,
    ending: &'static [u8],
    /// In the order of their columns.
    watched: Vec<Watch>,
    /// By column of the target: its place among the watched.
    by_column: Vec<usize>,
    in_order: bool,
    /// Whether each column stays where it is, so that a row is copied as one piece.
    straight: bool,
    ready: bool,
    places: Vec<Cell>,
}

/// Of a place: what is written there is no cell of the source, but what the watched at `end` is filled with.
const FILLED: u32 = u32::MAX;

impl Lane {
    /// For a source whose columns become these, one that is left out none; `rule` tells that of each. Behind all of
    /// them a record may end with `ending`, which is left out.
    pub fn new(columns: &[Option<u32>], rule: &dyn Fn(u32) -> Rule, ending: &'static [u8]) -> Self {
        let slot = |column: &Option<u32>| (column.unwrap_or_default(), column.map(rule), usize::MAX);
        let in_order = columns.iter().flatten().is_sorted();
        let stays = |(column, at): (&Option<u32>, u32)| column.is_none_or(|column| column == at);
        let straight = columns.iter().zip(0..).all(stays);
        Self {
            slots: columns.iter().map(slot).collect(),
            ending,
            watched: Vec::new(),
            by_column: Vec::new(),
            in_order,
            straight,
            ready: false,
            places: Vec::new(),
        }
    }

    /// Asks something of a column.
    pub fn watch(&mut self, column: u32, ask: &dyn Fn(&mut Watch)) {
        self.ready = false;
        let at = self.watched.partition_point(|watch| watch.column < column);
        if self.watched.get(at).is_none_or(|watch| watch.column != column) {
            self.watched.insert(at, Watch { column, ..Watch::default() });
        }
        self.watched.get_mut(at).into_iter().for_each(ask);
    }

    fn prepare(&mut self) {
        self.by_column.clear();
        for (at, watch) in self.watched.iter().enumerate() {
            self.by_column.resize(usize::try_from(watch.column).unwrap_or(0), usize::MAX);
            self.by_column.push(at);
        }
        for (column, _, watched) in &mut self.slots {
            let at = usize::try_from(*column).ok().and_then(|column| self.by_column.get(column));
            *watched = at.copied().unwrap_or(usize::MAX);
        }
        self.ready = true;
    }

    /// Writes the reader's record, if it passes: nothing in it is quoted or has a backslash, and every column is as
    /// it should be.
    // Inlined it would be compiled as its caller is, which is built small.
    #[inline(never)]
    pub fn pass(&mut self, reader: &Reader<'_>, out: &mut Vec<u8>) -> bool {
        if !self.ready {
            self.prepare();
        }
        if !reader.is_plain() || memchr::memchr(b'\\', reader.raw()).is_some() {
            return false;
        }
        let Some(cells) = self.looked_over(reader) else { return false };
        let fills = self.watched.iter().any(|watch| watch.fill.is_some() && watch.cell.is_none());
        if self.straight {
            if let ([first, ..], [.., last], false) = (cells, cells, fills) {
                whole(&reader.buffer, *first, *last, out);
                return true;
            }
            self.places.extend_from_slice(cells);
        }
        if !self.in_order {
            self.places.sort_unstable_by_key(|cell| cell.column);
        }
        if fills {
            for (at, watch) in self.watched.iter().enumerate() {
                if watch.fill.is_some() && watch.cell.is_none() {
                    let place = self.places.partition_point(|cell| cell.column < watch.column);
                    let end = u32::try_from(at).unwrap_or(0);
                    self.places.insert(place, Cell { column: watch.column, start: FILLED, end });
                }
            }
        }
        self.write(&reader.buffer, out);
        true
    }

    /// The cells that are written, where every column is as it should be; where each goes is known afterwards unless
    /// all of them stay where they are.
    fn looked_over<'r>(&mut self, reader: &'r Reader<'_>) -> Option<&'r [Cell]> {
        self.places.clear();
        self.watched.iter_mut().for_each(|watch| watch.cell = None);
        let last = reader.cells.last();
        let mut count = 0;
        for cell in &reader.cells {
            let slot = usize::try_from(cell.column).ok().and_then(|at| self.slots.get(at));
            let (column, rule, watched) = match slot {
                Some((column, Some(rule), watched)) => (column, rule, watched),
                // Between others it would be copied with them.
                Some(_) if last == Some(cell) => break,
                None if last == Some(cell) && reader.bytes(*cell) == self.ending => break,
                _ => return None,
            };
            let right = match rule {
                Rule::Any => true,
                Rule::Decimal => is_clear_decimal(reader.bytes(*cell)),
                Rule::Day => is_day(reader.bytes(*cell)),
                Rule::Nothing => false,
            };
            if !right {
                return None;
            }
            if let Some(watch) = self.watched.get_mut(*watched) {
                if watch.equal.as_deref().is_some_and(|equal| !same(equal, reader.bytes(*cell))) {
                    return None;
                }
                watch.cell = Some(*cell);
            }
            if !self.straight {
                self.places.push(Cell { column: *column, ..*cell });
            }
            count += 1;
        }
        let there = |watch: &Watch| !watch.needed || watch.cell.is_some() || watch.fill.is_some();
        reader.cells.get(..count).filter(|cells| !cells.is_empty() && self.watched.iter().all(there))
    }

    /// Cells that have nothing but commas between them are copied together.
    fn write(&self, buffer: &[u8], out: &mut Vec<u8>) {
        let mut row = Row::default();
        let mut run: Option<Run> = None;
        for cell in &self.places {
            let (Ok(start), Ok(end)) = (usize::try_from(cell.start), usize::try_from(cell.end)) else { continue };
            let column = cell.column;
            match &mut run {
                Some(run)
                    if self.in_order
                        && cell.start != FILLED
                        && Ok(start.wrapping_sub(run.end)) == usize::try_from(column - run.last) =>
                {
                    (run.last, run.end) = (column, end);
                    continue;
                }
                _ => row.run(out, buffer, run.take()),
            }
            if cell.start == FILLED {
                let fill = self.watched.get(end).and_then(|watch| watch.fill.as_deref()).unwrap_or_default();
                row.cell(out, column, fill);
            } else {
                run = Some(Run { first: column, last: column, start, end });
            }
        }
        row.run(out, buffer, run);
        row.end(out);
    }

    fn watched(&self, column: u32) -> Option<&Watch> {
        let at = usize::try_from(column).ok().and_then(|column| self.by_column.get(column))?;
        self.watched.get(*at)
    }

    /// Whether a watched column of the record that passed last was blank, and was filled.
    pub fn is_filled(&self, column: u32) -> bool {
        self.watched(column).is_some_and(|watch| watch.cell.is_none() && watch.fill.is_some())
    }

    /// What was written to a watched column of the reader's record, which passed last.
    pub fn value<'c>(&'c self, reader: &'c Reader<'_>, column: u32) -> Option<&'c [u8]> {
        let watch = self.watched(column)?;
        match watch.cell {
            Some(cell) => Some(reader.bytes(cell)),
            None => watch.fill.as_deref(),
        }
    }
}

/// Writes all from the first cell to the last as it stands.
fn whole(buffer: &[u8], first: Cell, last: Cell, out: &mut Vec<u8>) {
    let (Ok(start), Ok(end)) = (usize::try_from(first.start), usize::try_from(last.end)) else { return };
    let mut row = Row::default();
    row.run(out, buffer, Some(Run { first: first.column, last: last.column, start, end }));
    row.end(out);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What is written of a record, if it passes.
    fn passed(columns: &[Option<u32>], text: &str) -> Option<String> {
        let rule = |column| match column {
            1 => Rule::Decimal,
            2 => Rule::Day,
            9 => Rule::Nothing,
            _ => Rule::Any,
        };
        let mut lane = Lane::new(columns, &rule, b"END");
        lane.watch(0, &|watch| watch.needed = true);
        lane.watch(3, &|watch| {
            watch.equal = Some(b"G".to_vec());
            watch.fill = Some(b"G".to_vec());
        });
        let mut reader = Reader::new(Box::new(text.as_bytes())).unwrap();
        assert!(reader.advance().unwrap());
        let mut out = b"before\n".to_vec();
        let passes = lane.pass(&reader, &mut out);
        let blank =
            reader.cells().iter().all(|cell| columns.get(usize::try_from(cell.column).unwrap()) != Some(&Some(3)));
        assert!(!passes || lane.is_filled(3) == blank && lane.value(&reader, 3) == Some(b"G"));
        let written = String::from_utf8(out).unwrap();
        assert!(passes || written == "before\n");
        passes.then(|| written.trim_start_matches("before\n").to_owned())
    }

    #[test]
    fn a_row_passes_with_its_blanks_filled_or_not_at_all() {
        let straight: Vec<Option<u32>> = (0..10).map(Some).collect();
        let of = |text| passed(&straight, text);
        assert_eq!(of("a,1.5,2026/01/31,G,x,,,,\n").as_deref(), Some("a,1.5,2026/01/31,G,x\n"));
        assert_eq!(of("a,,,,,x\n").as_deref(), Some("a,,,G,,x\n"));
        assert_eq!(of("a\n").as_deref(), Some("a,,,G\n"));
        assert_eq!(of("a,,,,,,,,,,END\n").as_deref(), Some("a,,,G\n"));
        for text in [
            ",1\n",
            "a,1.500\n",
            "a,1x\n",
            "a,,2026/02/30\n",
            "a,,,H\n",
            "a,,,,\\n\n",
            "\"a\"\n",
            " a\n",
            "a,,,,,,,,,9\n",
            "a,,,,,,,,,,END,x\n",
            "a,,,,,,,,,,more\n",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn columns_that_change_places_are_never_copied_together() {
        let turned = [Some(0), Some(5), Some(4), None];
        assert_eq!(passed(&turned, "a,c,b\n").as_deref(), Some("a,,,G,b,c\n"));
        assert_eq!(passed(&turned, "a,c,b,left out\n").as_deref(), Some("a,,,G,b,c\n"));
        let apart = [Some(0), None, Some(4)];
        assert_eq!(passed(&apart, "a,x,b\n"), None);
        assert_eq!(passed(&apart, "a,,b\n").as_deref(), Some("a,,,G,b\n"));
    }
}
