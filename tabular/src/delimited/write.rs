//! Rows written: comma, quotes where they are needed, as a loader reads them.

use std::borrow::Cow;

/// A cell to be written: its column, from 0, and what is in it.
pub type Filled<'a> = (u32, Cow<'a, [u8]>);

/// What is in a column of a row's cells, which are sorted.
pub fn find<'c>(cells: &'c [Filled<'_>], column: u32) -> Option<&'c [u8]> {
    let at = cells.binary_search_by_key(&column, |(column, _)| *column).ok()?;
    cells.get(at).map(|(_, value)| value.as_ref())
}

/// What rows are made to hold by the commas between.
const COMMAS: [u8; 64] = [b','; 64];

/// Cells of a plain record that are copied at once.
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Where a cell lies in a record.
fn place(record: &[u8], cell: &[u8]) -> Option<(usize, usize)> {
    let start = cell.as_ptr().addr().checked_sub(record.as_ptr().addr())?;
    let end = start + cell.len();
    (end <= record.len()).then_some((start, end))
}

/// Writes one row behind another. Cells come in the order of their columns; empty ones at the end are left out.
#[derive(Default)]
pub struct Row {
    at: u32,
}

impl Row {
    /// Appends a cell; `true` where line ends in it were written as `\n`, which a loader reads as one.
    pub fn cell(&mut self, out: &mut Vec<u8>, column: u32, bytes: &[u8]) -> bool {
        self.commas(out, column);
        self.at = column;
        let (mut quoted, mut lines) = (false, false);
        for byte in bytes {
            quoted |= matches!(byte, b',' | b'"');
            lines |= matches!(byte, b'\n' | b'\r');
        }
        quoted |= bytes.first() == Some(&b' ') || bytes.last() == Some(&b' ');
        if !quoted && !lines {
            out.extend_from_slice(bytes);
            return false;
        }
        out.push(b'"');
        let mut rest = bytes.iter().peekable();
        while let Some(byte) = rest.next() {
            match byte {
                b'"' => out.extend_from_slice(b"\"\""),
                b'\r' if rest.peek() == Some(&&b'\n') => {}
                b'\n' | b'\r' => out.extend_from_slice(b"\\n"),
                other => out.push(*other),
            }
        }
        out.push(b'"');
        lines
    }

    fn commas(&self, out: &mut Vec<u8>, column: u32) {
        let mut commas = usize::try_from(column.saturating_sub(self.at)).unwrap_or(0);
        while commas > 0 {
            let count = commas.min(COMMAS.len());
            out.extend_from_slice(COMMAS.get(..count).unwrap_or_default());
            commas -= count;
        }
    }

    /// Appends the cells of a row, which are sorted, and ends it; tells each column in which line ends were
    /// written as `\n`. Cells that lie in `plain` (a record of which [`Reader::is_plain`] is true, with nothing but
    /// commas between them) are copied with the commas between, as far as these are the right ones.
    pub fn cells(&mut self, out: &mut Vec<u8>, cells: &[Filled<'_>], plain: Option<&[u8]>, tell: &mut dyn FnMut(u32)) {
        let plain = plain.unwrap_or_default();
        let mut run: Option<Run> = None;
        for (column, value) in cells {
            let place = match value {
                Cow::Borrowed(bytes) => place(plain, bytes),
                Cow::Owned(_) => None,
            };
            match (&mut run, place) {
                (Some(run), Some((start, end)))
                    if column.checked_sub(run.last).map(usize::try_from) == start.checked_sub(run.end).map(Ok) =>
                {
                    (run.last, run.end) = (*column, end);
                }
                (_, Some((start, end))) => {
                    self.run(out, plain, run.take());
                    run = Some(Run { first: *column, last: *column, start, end });
                }
                (_, None) => {
                    self.run(out, plain, run.take());
                    if self.cell(out, *column, value) {
                        tell(*column);
                    }
                }
            }
        }
        self.run(out, plain, run);
        self.end(out);
    }

    pub(super) fn run(&mut self, out: &mut Vec<u8>, plain: &[u8], run: Option<Run>) {
        if let Some(run) = run {
            self.commas(out, run.first);
            out.extend_from_slice(plain.get(run.start..run.end).unwrap_or_default());
            self.at = run.last;
        }
    }

    /// Ends the row.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.at = 0;
        out.push(b'\n');
    }
}
