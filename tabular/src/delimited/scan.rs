//! One record found in the buffer: block by block where it has no quotes, else from cell to cell.

use super::{Cell, Fault, LONGEST_RECORD, Reader, State, wide};
use crate::block::{BLOCK, masks};

impl Reader<'_> {
    /// Finds the cells of the record at `start`, block by block, and goes past it where it is whole; `None`
    /// where a quote stands in it, which is for [`Reader::scan`].
    pub(super) fn scan_blocks(&mut self) -> Option<State> {
        self.cells.clear();
        self.doubled.clear();
        let base = self.start;
        let mut at = base - base % BLOCK;
        // Bits below are of the record before.
        let mut mine = u64::MAX << (base % BLOCK);
        // Whether the byte before was inside a cell, and a space.
        let (mut inside, mut space) = (0_u64, 0_u64);
        let mut column = 0_u32;
        let (mut edges, mut high) = (0_u64, 0_u64);
        loop {
            if at >= self.filled {
                if !self.ended {
                    return Some(State::NeedsMore);
                }
                edges |= inside & space;
                self.close(inside, self.filled);
                return Some(self.complete(self.filled, self.filled, column, edges, high));
            }
            let all = match self.block {
                Some((place, all)) if place == at => all,
                _ => {
                    let all = masks(self.buffer.get(at..)?.first_chunk()?, self.delimiter);
                    self.block = Some((at, all));
                    all
                }
            };
            let left = self.filled - at;
            let there = if left < BLOCK { (1 << left) - 1 } else { u64::MAX };
            let end = all.ends & mine & there;
            // Up to the first end, without it; everything where there is none.
            let before = end.wrapping_sub(1) & !end;
            let here = mine & there & if end == 0 { u64::MAX } else { before };
            if all.quotes & here != 0 {
                return None;
            }
            let delimiters = all.delimiters & here;
            let cell = here & !delimiters;
            let spaces = all.spaces & cell;
            let behind = cell << 1 | inside;
            let mut starts = cell & !behind;
            // What ends a cell is a delimiter, a line end, or the end of the source.
            let mut stops = behind & !cell & (mine & there);
            edges |= starts & spaces | stops & (spaces << 1 | space);
            high |= all.high & here;
            if end != 0 {
                stops &= before | end & end.wrapping_neg();
            } else if left < BLOCK && self.ended {
                // The last record has no line end.
                let last = 1_u64 << left;
                stops |= behind & last;
                edges |= behind & last & (spaces << 1 | space);
            }
            loop {
                if inside == 1 {
                    if stops == 0 {
                        break;
                    }
                    let bit = stops.trailing_zeros();
                    self.close(1, at + usize::try_from(bit).unwrap_or(0));
                    stops &= stops - 1;
                    inside = 0;
                }
                if starts == 0 {
                    break;
                }
                let bit = starts.trailing_zeros();
                let place = u32::try_from(at).unwrap_or(u32::MAX).saturating_add(bit);
                let number = column + (delimiters & ((1 << bit) - 1)).count_ones();
                self.cells.push(Cell { column: number, start: place, end: place });
                starts &= starts - 1;
                inside = 1;
            }
            column += delimiters.count_ones();
            if end != 0 {
                let place = at + usize::try_from(end.trailing_zeros()).unwrap_or(0);
                let next = match (self.buffer.get(place), self.buffer.get(place + 1)) {
                    (Some(b'\r'), Some(b'\n')) if place + 1 < self.filled => place + 2,
                    (Some(b'\r'), _) if place + 1 >= self.filled && !self.ended => return Some(State::NeedsMore),
                    _ => place + 1,
                };
                return Some(self.complete(place, next, column, edges, high));
            }
            if left < BLOCK {
                if !self.ended {
                    return Some(State::NeedsMore);
                }
                return Some(self.complete(self.filled, self.filled, column, edges, high));
            }
            space = spaces >> (BLOCK - 1);
            mine = u64::MAX;
            at += BLOCK;
        }
    }

    /// Says where the last cell ends, if one is open.
    fn close(&mut self, inside: u64, end: usize) {
        if let Some(cell) = self.cells.last_mut().filter(|_| inside == 1) {
            cell.end = u32::try_from(end).unwrap_or(u32::MAX);
        }
    }

    /// Goes past a record without quotes.
    fn complete(&mut self, end: usize, next: usize, column: u32, edges: u64, high: u64) -> State {
        self.record = (self.start, end);
        self.start = next;
        self.width = column + 1;
        self.row += 1;
        self.line += 1;
        self.plain = edges == 0 && self.delimiter == b',';
        self.ascii = high == 0;
        State::Complete
    }

    /// Finds the cells of the record at `start`, which has quotes, and goes past it where it is whole.
    pub(super) fn scan(&mut self) -> Result<State, Fault> {
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
            self.plain = false;
            self.ascii = bytes.get(..at).unwrap_or_default().is_ascii();
            self.start = base + begin;
            self.width = column + 1;
            self.row += 1;
            self.line += wide(lines) + 1;
            return Ok(State::Complete);
        }
    }
}
