//! Delimited text: records read one after the other out of one buffer, and rows written.
//!
//! A record is found without copying it; only cells that hold something are told, since interface files are
//! mostly empty. Quotes, doubled quotes, and line ends of any kind are read as spreadsheets write them. A quote
//! inside a cell that does not begin with one is text.

use std::io::{self, Read};

use crate::block::Masks;

mod lane;
mod scan;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
mod write;

pub use lane::{Lane, Rule, Watch};
pub use write::{Filled, Row, find};

/// The buffer that records are found in; a multiple of a block.
const BUFFER: usize = 64 << 10;

/// The longest record; one that is longer has a quote that never closes.
pub const LONGEST_RECORD: usize = 2 << 20;

/// Why there is no next record. Lines and columns (in bytes) count from 1.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A quote is not closed until the end of the file, or for too long.
    #[error("the quote that opens at line {line}, column {column} is never closed")]
    Unclosed {
        /// Where it opens.
        line: u64,
        /// Where it opens.
        column: u64,
    },
    /// Text stands between a closing quote and the end of its cell.
    #[error("text stands behind the closing quote at line {line}, column {column}")]
    AfterQuote {
        /// Where the text stands.
        line: u64,
        /// Where the text stands.
        column: u64,
    },
    /// A record without quotes has more than [`LONGEST_RECORD`] bytes.
    #[error("line {line} is longer than 2 MiB")]
    TooLong {
        /// Where it begins.
        line: u64,
    },
    /// The source does not give it.
    #[error(transparent)]
    Source(#[from] io::Error),
}

/// A cell of the current record that holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its column, from 0.
    pub column: u32,
    start: u32,
    end: u32,
}

/// A cell found in a record, before doubled quotes are made single.
#[derive(Clone, Copy)]
enum State {
    Complete,
    NeedsMore,
}

/// Reads records. It is not generic, so that it is compiled here, for speed, and not where it is used.
pub struct Reader<'s> {
    source: Box<dyn Read + 's>,
    buffer: Vec<u8>,
    /// Where the next record begins.
    start: usize,
    /// Where what was read ends.
    filled: usize,
    ended: bool,
    delimiter: u8,
    cells: Vec<Cell>,
    doubled: Vec<usize>,
    width: u32,
    /// Records so far, blank lines included.
    row: u64,
    /// Line ends so far.
    line: u64,
    record: (usize, usize),
    /// What is known of the record besides its cells.
    plain: bool,
    ascii: bool,
    /// The block that was looked at last, by its place in the buffer.
    block: Option<(usize, Masks)>,
}

impl<'s> Reader<'s> {
    /// Begins to read; the head of the source is there afterwards.
    ///
    /// # Errors
    /// Those of the source.
    pub fn new(source: Box<dyn Read + 's>) -> io::Result<Self> {
        let mut reader = Self {
            source,
            buffer: vec![0; BUFFER],
            start: 0,
            filled: 0,
            ended: false,
            delimiter: b',',
            cells: Vec::new(),
            doubled: Vec::new(),
            width: 0,
            row: 0,
            line: 0,
            record: (0, 0),
            plain: false,
            ascii: false,
            block: None,
        };
        reader.fill()?;
        Ok(reader)
    }

    /// What was read and not yet told as records.
    pub fn head(&self) -> &[u8] {
        self.buffer.get(self.start..self.filled).unwrap_or_default()
    }

    /// Passes over bytes at the head, as over a byte order mark.
    pub fn skip(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.filled);
    }

    /// What stands between cells; a comma unless told.
    pub fn delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
        self.block = None;
    }

    /// Reads until the buffer is full or the source ends.
    fn fill(&mut self) -> io::Result<()> {
        self.block = None;
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        while let Some(room) = self.buffer.get_mut(self.filled..).filter(|room| !room.is_empty()) {
            match self.source.read(room) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(some) => self.filled += some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Goes to the next record that holds anything; `false` at the end.
    ///
    /// # Errors
    /// [`Fault`]; reading does not go on behind it.
    pub fn advance(&mut self) -> Result<bool, Fault> {
        loop {
            if self.start >= self.filled && self.ended {
                return Ok(false);
            }
            let state = match self.scan_blocks() {
                Some(state) => state,
                None => self.scan()?,
            };
            match state {
                State::Complete => {
                    if !self.cells.is_empty() {
                        self.undouble();
                        return Ok(true);
                    }
                }
                State::NeedsMore => {
                    let held = self.filled - self.start;
                    if held >= LONGEST_RECORD {
                        return Err(Fault::TooLong { line: self.line + 1 });
                    }
                    self.fill()?;
                }
            }
        }
    }

    /// Makes doubled quotes single, in place.
    fn undouble(&mut self) {
        for index in self.doubled.drain(..) {
            let Some(cell) = self.cells.get_mut(index) else { continue };
            let (Ok(start), Ok(end)) = (usize::try_from(cell.start), usize::try_from(cell.end)) else { continue };
            let Some(bytes) = self.buffer.get_mut(start..end) else { continue };
            let (mut read, mut write) = (0, 0);
            while let Some(byte) = bytes.get(read).copied() {
                if let Some(place) = bytes.get_mut(write) {
                    *place = byte;
                }
                write += 1;
                read += if byte == b'"' { 2 } else { 1 };
            }
            cell.end = cell.start + u32::try_from(write).unwrap_or(0);
        }
    }

    /// The cells of the current record that hold something, in order.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// What is in a cell of the current record.
    pub fn bytes(&self, cell: Cell) -> &[u8] {
        match (usize::try_from(cell.start), usize::try_from(cell.end)) {
            (Ok(start), Ok(end)) => self.buffer.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }

    /// What is in the column of the current record; empty where there is nothing.
    pub fn column(&self, column: u32) -> &[u8] {
        match self.cells.binary_search_by_key(&column, |cell| cell.column) {
            Ok(at) => self.cells.get(at).map(|cell| self.bytes(*cell)).unwrap_or_default(),
            Err(_) => &[],
        }
    }

    /// The current record as it stands in the file, without its line end; doubled quotes may be single already.
    pub fn raw(&self) -> &[u8] {
        self.buffer.get(self.record.0..self.record.1).unwrap_or_default()
    }

    /// Whether the current record may be written as it stands: commas between cells, and no cell that has to be
    /// quoted.
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// Whether the current record is ASCII.
    pub fn is_ascii(&self) -> bool {
        self.ascii
    }

    /// Columns of the current record, the empty ones included.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// The number of the current record, from 1, blank ones included.
    pub fn row(&self) -> u64 {
        self.row
    }

    /// The line at which the current record ends, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
