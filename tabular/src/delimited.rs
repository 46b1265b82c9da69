//! Delimited text: records read one after the other out of one buffer, and rows written.
//!
//! A record is found without copying it; only cells that hold something are told, since interface files are
//! mostly empty. Quotes, doubled quotes, and line ends of any kind are read as spreadsheets write them. A quote
//! inside a cell that does not begin with one is text.

use std::io::{self, Read};

/// The buffer that records are found in.
const BUFFER: usize = 256 << 10;

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
    }

    /// Reads until the buffer is full or the source ends.
    fn fill(&mut self) -> io::Result<()> {
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
            match self.scan()? {
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

    /// Finds the cells of the record at `start`, and goes past it where it is whole.
    fn scan(&mut self) -> Result<State, Fault> {
        self.cells.clear();
        self.doubled.clear();
        let base = self.start;
        let bytes = self.buffer.get(base..self.filled).unwrap_or_default();
        let delimiter = self.delimiter;
        let eight = u64::from_ne_bytes([delimiter; 8]);
        let mut at = 0;
        let mut column = 0_u32;
        let mut lines = 0;
        let mut begin = 0;
        loop {
            // At the first byte of a cell.
            while let Some(piece) = bytes.get(at..at + 8)
                && piece.try_into().is_ok_and(|piece| u64::from_ne_bytes(piece) == eight)
            {
                column += 8;
                at += 8;
            }
            let (mut from, mut to) = (at, at);
            let mut quoted = false;
            match bytes.get(at) {
                Some(b'"') => {
                    quoted = true;
                    let open = at;
                    from = at + 1;
                    at = from;
                    let mut doubled = false;
                    loop {
                        let rest = bytes.get(at..).unwrap_or_default();
                        match memchr::memchr(b'"', rest) {
                            Some(found) => {
                                at += found;
                                match bytes.get(at + 1) {
                                    Some(b'"') => {
                                        doubled = true;
                                        at += 2;
                                    }
                                    None if !self.ended => return Ok(State::NeedsMore),
                                    _ => break,
                                }
                            }
                            None if self.ended || bytes.len() >= LONGEST_RECORD => {
                                let before = bytes.get(..open).unwrap_or_default();
                                let column = match memchr::memrchr(b'\n', before) {
                                    Some(end) => open - end,
                                    None => open + 1,
                                };
                                let above = memchr::memchr_iter(b'\n', before).count();
                                return Err(Fault::Unclosed {
                                    line: self.line + wide(above) + 1,
                                    column: wide(column),
                                });
                            }
                            None => return Ok(State::NeedsMore),
                        }
                    }
                    to = at;
                    lines += memchr::memchr_iter(b'\n', bytes.get(from..to).unwrap_or_default()).count();
                    at += 1;
                    if doubled {
                        self.doubled.push(self.cells.len());
                    }
                }
                Some(_) => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    match rest.iter().position(|byte| *byte == delimiter || *byte == b'\n' || *byte == b'\r') {
                        Some(length) => at += length,
                        None if self.ended => at = bytes.len(),
                        None => return Ok(State::NeedsMore),
                    }
                    to = at;
                }
                None if !self.ended => return Ok(State::NeedsMore),
                None => {}
            }
            if to > from {
                let place = |at: usize| u32::try_from(base + at).unwrap_or(u32::MAX);
                self.cells.push(Cell { column, start: place(from), end: place(to) });
            } else if quoted && self.doubled.last() == Some(&self.cells.len()) {
                self.doubled.pop();
            }
            match bytes.get(at) {
                Some(byte) if *byte == delimiter => {
                    column += 1;
                    at += 1;
                    continue;
                }
                Some(b'\n') => begin += at + 1,
                Some(b'\r') => match bytes.get(at + 1) {
                    Some(b'\n') => begin += at + 2,
                    None if !self.ended => return Ok(State::NeedsMore),
                    _ => begin += at + 1,
                },
                None if self.ended => begin += bytes.len(),
                None => return Ok(State::NeedsMore),
                Some(_) => {
                    let before = bytes.get(..at).unwrap_or_default();
                    let column = memchr::memrchr(b'\n', before).map_or(at + 1, |end| at - end);
                    let above = memchr::memchr_iter(b'\n', before).count();
                    return Err(Fault::AfterQuote { line: self.line + wide(above) + 1, column: wide(column) });
                }
            }
            self.record = (base, base + at);
            self.start = base + begin;
            self.width = column + 1;
            self.row += 1;
            self.line += wide(lines) + 1;
            return Ok(State::Complete);
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

/// What rows are made to hold by the commas between.
const COMMAS: [u8; 64] = [b','; 64];

/// Writes one row behind another. Cells come in the order of their columns; empty ones at the end are left out.
#[derive(Default)]
pub struct Row {
    at: u32,
}

impl Row {
    /// Appends a cell; `true` where line ends in it were written as `\n`, which a loader reads as one.
    pub fn cell(&mut self, out: &mut Vec<u8>, column: u32, bytes: &[u8]) -> bool {
        let mut commas = usize::try_from(column.saturating_sub(self.at)).unwrap_or(0);
        while commas > 0 {
            let count = commas.min(COMMAS.len());
            out.extend_from_slice(COMMAS.get(..count).unwrap_or_default());
            commas -= count;
        }
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

    /// Ends the row.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.at = 0;
        out.push(b'\n');
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Rows = Vec<Vec<Vec<u8>>>;

    fn read(text: &[u8], delimiter: u8, piece: usize) -> Result<Rows, Fault> {
        let mut reader = Reader::new(Box::new(Pieces(text, piece)))?;
        reader.delimiter(delimiter);
        let mut rows = Vec::new();
        while reader.advance()? {
            let width = usize::try_from(reader.width()).unwrap();
            let mut row = vec![Vec::new(); width];
            for cell in reader.cells() {
                row[usize::try_from(cell.column).unwrap()] = reader.bytes(*cell).to_vec();
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// Gives a few bytes at a time.
    struct Pieces<'a>(&'a [u8], usize);
    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(into.len());
            self.0.read(&mut into[..most])
        }
    }

    fn rows(text: &str) -> Vec<Vec<String>> {
        let rows = read(text.as_bytes(), b',', 7).unwrap();
        rows.into_iter().map(|row| row.into_iter().map(|cell| String::from_utf8(cell).unwrap()).collect()).collect()
    }

    #[test]
    fn records_are_read_as_spreadsheets_write_them() {
        assert_eq!(rows("a,b\r\n\"c,\"\"d\"\"\",\r\n\r\n\"x\ny\",z"), [["a", "b"], ["c,\"d\"", ""], ["x\ny", "z"]]);
        assert_eq!(rows("5\" pipe,a\"b\r1,2\n"), [["5\" pipe", "a\"b"], ["1", "2"]]);
        assert_eq!(rows(",,,,,,,,,,,,,,,,,x\n,,,\n")[0].len(), 18);
        assert!(rows("").is_empty());
        assert!(rows("\n\n,,\n\"\"\n").is_empty());
    }

    #[test]
    fn a_quote_that_never_closes_is_told_where_it_opens() {
        let text = "a,b\n1,\"two\nlines\"\n3,\"open\n5,6\n";
        let Err(Fault::Unclosed { line, column }) = read(text.as_bytes(), b',', 5) else { panic!("read") };
        assert_eq!((line, column), (4, 3));
        let long = format!("a,b\n\"c{}", "d,e\n".repeat(1 << 20));
        assert!(matches!(read(long.as_bytes(), b',', 1 << 16), Err(Fault::Unclosed { line: 2, column: 1 })));
        let Err(Fault::AfterQuote { line, column }) = read(b"a\n\"b\"c,d\n", b',', 5) else { panic!("read") };
        assert_eq!((line, column), (2, 4));
    }

    #[test]
    fn rows_and_lines_are_counted_as_a_spreadsheet_and_an_editor_do() {
        let mut reader = Reader::new(Box::new(&b"h\n\n\"a\nb\"\nc\n"[..])).unwrap();
        let mut seen = Vec::new();
        while reader.advance().unwrap() {
            seen.push((reader.row(), reader.line()));
        }
        assert_eq!(seen, [(1, 1), (3, 4), (4, 5)]);
    }

    proptest! {
        #[test]
        fn what_another_writer_writes_is_read_the_same(
            table in proptest::collection::vec(proptest::collection::vec("[a-z\"',;\\n\\rü ]{0,6}", 1..12), 0..12),
            delimiter in proptest::sample::select(vec![b',', b';', b'\t']), always in any::<bool>(), windows in any::<bool>(), piece in 1_usize..40,
        ) {
            let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let end = if windows { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
            let mut writer = csv::WriterBuilder::new().delimiter(delimiter).quote_style(style).terminator(end).flexible(true).from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).unwrap();
            }
            let text = writer.into_inner().unwrap();
            let wanted: Rows = table.iter()
                .filter(|row| row.iter().any(|cell| !cell.is_empty()))
                .map(|row| row.iter().map(|cell| cell.clone().into_bytes()).collect())
                .collect();
            prop_assert_eq!(read(&text, delimiter, piece).unwrap(), wanted);
        }

        #[test]
        fn what_is_written_another_reader_reads_the_same(table in proptest::collection::vec(proptest::collection::vec("[a-z\"',;ü \\n]{0,6}", 1..90), 1..6)) {
            let mut out = Vec::new();
            let mut row = Row::default();
            for cells in &table {
                for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                    row.cell(&mut out, u32::try_from(column).unwrap(), cell.as_bytes());
                }
                row.end(&mut out);
            }
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(out.as_slice());
            let mut read = reader.records().map(|record| record.unwrap());
            for cells in table.iter().filter(|cells| cells.iter().any(|cell| !cell.is_empty())) {
                let record = read.next().unwrap();
                for (column, cell) in cells.iter().enumerate() {
                    prop_assert_eq!(record.get(column).unwrap_or_default(), cell.replace('\n', "\\n"));
                }
            }
        }

        #[test]
        fn no_bytes_break_the_reader(text in proptest::collection::vec(proptest::sample::select(vec![b',', b'"', b'\n', b'\r', b'a', 0xff]), 0..60), piece in 1_usize..9) {
            let whole = read(&text, b',', 1000).map_err(|fault| fault.to_string());
            prop_assert_eq!(read(&text, b',', piece).map_err(|fault| fault.to_string()), whole);
        }
    }
}
