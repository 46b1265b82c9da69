//! Reading a collection from end to end: no row skipped, none repeated, no page trusted blindly.
//!
//! Pages follow the sort order where it can be compared ([`super::keyset`]); else the offset, where each page
//! repeats the last row of the one before, so that a shift is seen and made good. The server's limit counts
//! and not ours (P1), a page without `hasMore` is judged by its length (P2), an offset that is ignored is
//! tried inside the finder (P3), a short page is not the end (P5), a total that the pod cannot count is done
//! without (P7), a page that breaks off is halved until the row that breaks it stands alone (P8). The next
//! page is asked for while the present one is read; one that is not needed after all is dropped.

mod place;

use super::address::Address;
pub use super::body::Envelope;
use super::body::{self, Entry, Page};
use super::keyset::{Anchor, Keyset, not_ours};
pub use super::keyset::{Cursor, Position, fingerprint};
use super::pod::{Doing, Pod};
use super::target::Target;
use crate::contract::{ProblemKind, Warning};
use crate::http::Pending;
use crate::problem::{Failure, Result, warning};

/// What a pod gives at most (FACTS 1.4).
pub const PAGE: usize = 500;
/// What one answer holds at most (the contract).
pub const ANSWER_BYTES: usize = 8 << 20;
/// Rows that may be left out of one answer before it is no answer any more.
const BROKEN_ROWS: usize = 20;
/// Rows by whose marks a place is found again; several, since rows may be gone.
const MARKS: usize = 10;
/// Pages in a row that may hold nothing new, as where rows are inserted faster than they are read.
const STUCK: usize = 10;
/// What a search asks for, page by page.
pub struct Search<'a> {
    /// What is being done, for errors, as in "search invoices".
    pub what: String,
    /// The resource.
    pub target: &'a Target,
    /// Terms of `q`, joined with `;`.
    pub terms: Vec<String>,
    /// All parameters that stay the same; a finder is the last of them.
    pub fixed: Address,
    /// `orderBy`.
    pub order: Option<String>,
    /// What pages follow, where they follow the sort order.
    pub keyset: Option<Keyset>,
    /// Ask for the total.
    pub total: bool,
}

/// How reading ended.
#[derive(Debug, Default)]
pub struct End {
    /// Where to go on; none at the end.
    pub next: Option<Position>,
    /// The estimated total, where asked for.
    pub total: Option<u64>,
    /// What was lost sight of.
    pub warnings: Vec<Warning>,
}

impl Search<'_> {
    /// The first position.
    pub fn start(&self) -> Position {
        match self.keyset {
            Some(_) => Position::After(Anchor::default()),
            None => Position::Offset(0, Vec::new()),
        }
    }

    /// Hands over rows from `position` on: at most `limit`, at most 8 MiB, and no longer than there is time.
    ///
    /// # Errors
    /// Those of a read, where nothing was handed over yet; afterwards the end says where to go on.
    pub fn read(&self, pod: &Pod, position: Position, limit: usize, take: &mut dyn FnMut(&str)) -> Result<End> {
        // What the answer before this one was promised counts here as well.
        let (mut position, mut promised) = position.bare();
        self.accept(&position)?;
        let mut reader = Reader::new(self, pod);
        let (mut taken, mut bytes, mut total) = (0, 0, None);
        let next = loop {
            // Of a small page a row that moved ahead leaves nothing new, and the next request meets the next such row.
            let want = if reader.stuck > 0 { PAGE } else { (limit - taken).min(PAGE) };
            reader.room = Some((limit - taken, ANSWER_BYTES.saturating_sub(bytes)));
            let (page, begin) = match reader.next(&mut position, want) {
                Ok(found) => found,
                Err(failure) if taken > 0 && failure.again => {
                    let told = format!(
                        "{} The rows read so far are whole; the cursor goes on behind them.",
                        failure.problem.message
                    );
                    reader.warnings.push(warning("stopped_early", told, None));
                    break Some(position);
                }
                Err(failure) => return Err(failure),
            };
            total = total.or(page.total);
            if let (false, [Entry::Row(..)], Some(row)) = (page.more, page.entries.as_slice(), page.first())
                && let Some(wrapped) = body::wrapped(row)
            {
                take(row);
                taken += wrapped.rows.max(1);
                bytes += row.len();
                if wrapped.hidden {
                    reader.warnings.push(warning(
                        "rows_hidden",
                        "The rows stand in a list within the record that is empty unless it is named in expand.",
                        None,
                    ));
                }
                let behind = position.place().0 + wrapped.rows;
                position = match position {
                    Position::Inside(..) => Position::Inside(behind, Vec::new()),
                    _ => Position::Offset(behind, Vec::new()),
                };
                if !wrapped.more {
                    break None;
                }
                if taken >= limit || bytes >= ANSWER_BYTES || !pod.has_time() {
                    break Some(position);
                }
                continue;
            }
            let fresh = page.entries.get(begin..).unwrap_or_default();
            if fresh.is_empty() && begin > 0 && page.more {
                if page.entries.len() == 1 {
                    // The pod gives one row at a time: there is no room for repeating the last one.
                    position.set(position.place().0, Vec::new());
                }
                reader.stuck += 1;
                if reader.stuck > STUCK {
                    return Err(reader.circles());
                }
                continue;
            }
            reader.stuck = 0;
            let mut behind = self.advance(&position, &page, fresh)?;
            if page.more && fresh.len() < limit - taken && !fresh.is_empty() {
                let held: usize = page.bodies.iter().map(String::len).sum();
                if bytes + held < ANSWER_BYTES {
                    reader.ahead(&behind, (limit - taken - fresh.len()).min(PAGE));
                }
            }
            let mut cut = false;
            for (index, entry) in fresh.iter().enumerate() {
                let Some(row) = page.row(entry) else { continue };
                if taken >= limit || taken > 0 && bytes + row.len() > ANSWER_BYTES {
                    behind = self.advance(&position, &page, fresh.get(..index).unwrap_or_default())?;
                    cut = true;
                    break;
                }
                take(row);
                taken += 1;
                bytes += row.len();
            }
            if cut {
                promised = true;
                break Some(behind);
            }
            position = behind;
            if page.entries.is_empty() && (page.more || promised) {
                reader.warnings.push(warning("truncated", "The pod says that there are more rows and gives none: what it holds beyond this point is not in the answer.", None));
                break None;
            }
            if !page.more {
                break None;
            }
            promised = page.promised;
            if taken >= limit || !pod.has_time() {
                break Some(position);
            }
        };
        let next = next.map(|next| if promised { Position::Promised(Box::new(next)) } else { next });
        Ok(End { next, total, warnings: reader.warnings })
    }

    /// One page from the beginning, behind `skip` rows; hands over `None` for a row that cannot be read.
    /// Answers whether there are more.
    ///
    /// # Errors
    /// Those of a read.
    pub fn one(
        &self,
        pod: &Pod,
        skip: usize,
        want: usize,
        warnings: &mut Vec<Warning>,
        take: &mut dyn FnMut(Option<&str>),
    ) -> Result<bool> {
        let mut reader = Reader::new(self, pod);
        let page = reader.page(&Position::Offset(skip, Vec::new()), skip, want);
        warnings.append(&mut reader.warnings);
        let page = page?;
        for entry in &page.entries {
            take(page.row(entry));
        }
        Ok(page.more)
    }

    /// A cursor is text from outside: its values must be such as may stand in a condition.
    fn accept(&self, position: &Position) -> Result<()> {
        let fits = match (position, &self.keyset) {
            (Position::After(anchor), Some(keyset)) => anchor.values.is_empty() || keyset.condition(anchor).is_some(),
            (Position::After(_), None) => false,
            _ => true,
        };
        if fits { Ok(()) } else { Err(not_ours()) }
    }

    /// The position behind some rows of a page.
    fn advance(&self, from: &Position, page: &Page, entries: &[Entry]) -> Result<Position> {
        let keyless = |attribute: &str| {
            let told = format!("Could not {}: a row came without its key {attribute}.", self.what);
            Failure::permanent(ProblemKind::UnexpectedResponse, told)
        };
        let mut position = from.clone();
        let (Position::After(anchor), Some(keyset)) = (&mut position, &self.keyset) else {
            let (passed, before) = from.place();
            position.set(passed + entries.len(), self.marks(page, entries, before));
            return Ok(position);
        };
        let unreadable = entries.iter().rev().take_while(|entry| matches!(entry, Entry::Skipped)).count();
        let lone = keyset.lone_key().is_some();
        // Behind a lone key the last row that could be read tells all.
        let counts = if lone { entries.len().saturating_sub(unreadable + 1) } else { 0 };
        for entry in entries.iter().skip(counts) {
            match page.row(entry) {
                Some(row) if !keyset.pass(anchor, row) => {
                    return Err(keyless(keyset.attributes().last().unwrap_or_default()));
                }
                Some(_) => {}
                None => anchor.passed += 1,
            }
        }
        anchor.marks = if anchor.passed == 0 || lone { Vec::new() } else { self.marks(page, entries, from.place().1) };
        Ok(position)
    }

    fn marks(&self, page: &Page, entries: &[Entry], before: &[String]) -> Vec<String> {
        let rows = entries.iter().rev().map_while(|entry| page.row(entry)).take(MARKS);
        let mut marks: Vec<String> = rows.map(|row| self.mark(row)).collect();
        if marks.len() == entries.len() {
            marks.extend(before.iter().take(MARKS - marks.len().min(MARKS)).cloned());
        }
        marks
    }

    /// What a row is known by when it comes again.
    fn mark(&self, row: &str) -> String {
        self.target.key_of(row).unwrap_or_else(|| fingerprint([row]))
    }

    /// Whether the conditions of `position` leave this row in, however far reading has come.
    fn stays(&self, position: &Position, row: Option<&str>) -> bool {
        match (position, &self.keyset, row) {
            (Position::After(anchor), Some(keyset), Some(row)) => !anchor.unset_first && keyset.is_unset(row),
            _ => false,
        }
    }

    /// Whether a row stands where `position` left it in the order. One that changed since says nothing of the place.
    fn stood(&self, position: &Position, row: &str) -> bool {
        let (Position::After(anchor), Some(keyset)) = (position, &self.keyset) else { return true };
        let mut behind = anchor.clone();
        keyset.pass(&mut behind, row) && behind.values == anchor.values
    }

    /// The latest of the marks that stands in a page, and the place behind it.
    fn find(&self, position: &Position, page: &Page, marks: &[String]) -> Option<(usize, usize)> {
        let row = |entry: &Entry| page.row(entry).filter(|row| self.stood(position, row)).map(|row| self.mark(row));
        let here: Vec<Option<String>> = page.entries.iter().map(row).collect();
        let at = |mark: &String| here.iter().rposition(|row| row.as_ref() == Some(mark));
        marks.iter().enumerate().find_map(|(rank, mark)| Some((rank, at(mark)? + 1)))
    }

    fn address(&self, position: &Position, offset: usize, want: usize, total: bool) -> Address {
        let mut address = self.fixed.clone();
        if let Position::Inside(..) = position {
            address = address.in_finder(&format!("limit={want},offset={offset}"));
        }
        let behind = match (position, &self.keyset) {
            (Position::After(anchor), Some(keyset)) => keyset.condition(anchor),
            _ => None,
        };
        let mut terms: Vec<&str> = self.terms.iter().map(String::as_str).collect();
        terms.extend(behind.as_deref());
        if !terms.is_empty() {
            address = address.param("q", &terms.join(";"));
        }
        if let Some(order) = &self.order {
            address = address.param("orderBy", order);
        }
        if total {
            address = address.param("totalResults", "true");
        }
        address = address.param("limit", &want.to_string());
        if offset > 0 && !matches!(position, Position::Inside(..)) {
            address = address.param("offset", &offset.to_string());
        }
        address
    }
}

/// One reading of a search.
struct Reader<'r, 's, 'd> {
    search: &'r Search<'s>,
    pod: &'r Pod<'d>,
    warnings: Vec<Warning>,
    broken: usize,
    /// The first row of the page before, as it came.
    first: Option<String>,
    /// A page that is under way.
    under_way: Option<(Address, Pending<'d>)>,
    /// Rows and bytes that the answer still takes, where the next page may be guessed from this one's end.
    room: Option<(usize, usize)>,
    /// One row that could not be read, asked for once more.
    doubted: Option<Address>,
    no_total: bool,
    no_fields: bool,
    shift_told: bool,
    /// Pages in a row that held nothing new.
    stuck: usize,
}

impl<'r, 's, 'd> Reader<'r, 's, 'd> {
    fn new(search: &'r Search<'s>, pod: &'r Pod<'d>) -> Self {
        Self {
            search,
            pod,
            warnings: Vec::new(),
            broken: 0,
            first: None,
            under_way: None,
            room: None,
            doubted: None,
            no_total: false,
            no_fields: false,
            shift_told: false,
            stuck: 0,
        }
    }

    fn doing(&self) -> Doing<'r> {
        Doing { what: &self.search.what, object: &self.search.target.name }
    }

    /// The page behind `position`, and how many of its entries stand before that place. Where rows shifted,
    /// `position` is corrected.
    fn next(&mut self, position: &mut Position, want: usize) -> Result<(Page, usize)> {
        let (offset, rows) = asks(position, want);
        let page = self.page(position, offset, rows)?;
        let first = page.first().map(str::to_owned);
        let (passed, marks) = position.place();
        let marks = marks.to_vec();
        let known = offset < passed && first.as_deref().map(|row| self.search.mark(row)).as_ref() == marks.first();
        if known {
            self.first = first;
            return Ok((page, 1));
        }
        // Nothing where more is promised is no shift (P5): the caller tells it.
        if page.entries.is_empty() && page.more {
            return Ok((page, 0));
        }
        // A row without a value that was inserted ahead of all others comes first again by right.
        let again = first.is_some() && first == self.first && !self.search.stays(position, first.as_deref());
        if offset == passed && !again {
            self.first = first;
            return Ok((page, 0));
        }
        if let Some(page) = self.inside(position, &marks, rows) {
            self.first = page.first().map(str::to_owned);
            return Ok((page, usize::from(!marks.is_empty())));
        }
        if again && (marks.is_empty() || self.stuck >= STUCK) {
            return Err(self.circles());
        }
        self.first = first;
        let here = self.search.find(position, &page, &marks);
        if let Some((0, begin)) = here {
            position.set(offset + begin, marks);
            return Ok((page, begin));
        }
        // The row before the place may be gone; but first it is looked for, since it may have moved on.
        let (best, page) = match self.look_around(position, offset, &page, &marks)? {
            Some((rank, ..)) if here.is_some_and(|(nearer, _)| nearer <= rank) => (here, page),
            Some((_, begin, from, found)) => {
                position.set(from + begin, marks);
                return Ok((found, begin));
            }
            None => (here, page),
        };
        if let Some((_, begin)) = best {
            position.set(offset + begin, marks);
            return Ok((page, begin));
        }
        // All that is known by a mark is gone, so the place is at least as many rows further ahead; where nothing
        // else was passed it is the beginning, and nothing is in doubt.
        let back = passed.saturating_sub(marks.len());
        let page = if back == offset { page } else { self.page(position, back, rows)? };
        position.set(back, Vec::new());
        if back > 0 && !self.shift_told && !page.entries.is_empty() {
            self.shift_told = true;
            let told = format!(
                "Rows of {} were changed or deleted while they were read, and the place where the last page ended is gone: a row may be missing or come twice around offset {passed}.",
                self.search.target.name
            );
            self.warnings.push(warning("rows_shifted", told, None));
        }
        Ok((page, 0))
    }

    fn circles(&self) -> Failure {
        let told = format!(
            "Could not {}: the pod answers the same page again and again (it ignores where to go on, or rows move faster than they are read).",
            self.search.what
        );
        Failure::permanent(ProblemKind::UnexpectedResponse, told)
            .remedy("Narrow the search with conditions, or use a finder that pages by itself.")
    }

    /// P3: the same place asked for inside the finder's clause, where the pod takes it there.
    fn inside(&mut self, position: &mut Position, marks: &[String], rows: usize) -> Option<Page> {
        let Position::Offset(passed, _) = position else { return None };
        if !self.search.fixed.as_str().contains("finder=") {
            return None;
        }
        let inside = Position::Inside(*passed, marks.to_vec());
        let page = self.page(&inside, asks(&inside, rows).0, rows).ok()?;
        let row = page.first()?;
        let right = match marks.first() {
            Some(mark) => self.search.mark(row) == *mark,
            None => self.first.as_deref() != Some(row),
        };
        right.then(|| {
            *position = inside;
            page
        })
    }

    fn address(&self, position: &Position, offset: usize, want: usize, total: bool) -> Address {
        let address = self.search.address(position, offset, want, total);
        if self.no_fields { address.without("fields") } else { address }
    }

    /// P7: some collections answer 500 where `fields` name a CLOB. Without them all attributes come, but no
    /// children, so those must not have been asked for.
    fn may_drop_fields(&self) -> bool {
        let fixed = self.search.fixed.as_str();
        let fields = fixed.split(['?', '&']).find_map(|part| part.strip_prefix("fields="));
        fields.is_some_and(|fields| !fields.contains(';'))
    }

    /// Asks for the page behind `position` ahead of its time, unless that is under way already.
    fn ahead(&mut self, position: &Position, want: usize) {
        let (offset, rows) = asks(position, want);
        let address = self.address(position, offset, rows, false);
        if self.under_way.as_ref().is_none_or(|(under_way, _)| *under_way != address) {
            self.under_way = self.pod.start(self.doing(), &address).map(|pending| (address, pending));
        }
    }

    /// What the end of a body promises is asked for before the body is read. A wrong guess costs a request.
    fn guess(&mut self, position: &Position, offset: usize, body: &[u8]) -> Option<()> {
        let (rows, bytes) = self.room.take()?;
        let key = self.search.keyset.as_ref().map(Keyset::lone_key);
        let (count, last) = body::tail(body, key.flatten().unwrap_or("count"))?;
        let left = (rows + position.place().0).checked_sub(offset + count).filter(|left| *left > 0)?;
        if body.len() >= bytes || count == 0 {
            return None;
        }
        let next = match (position, key) {
            (Position::After(_), Some(Some(_))) => Position::After(Anchor { values: vec![last?], ..Anchor::default() }),
            (Position::Offset(..), _) => Position::Offset(offset + count, vec![String::new()]),
            _ => return None,
        };
        self.ahead(&next, left.min(PAGE));
        Some(())
    }

    /// The rows from `offset` on, behind what the conditions of `position` leave out.
    fn page(&mut self, position: &Position, offset: usize, want: usize) -> Result<Page> {
        let total = self.search.total && !self.no_total && offset == 0 && *position == self.search.start();
        let address = self.address(position, offset, want, total);
        let started = self.under_way.take().filter(|(under_way, _)| *under_way == address);
        let body = match self.pod.finish(self.doing(), &address, started.map(|(_, pending)| pending)) {
            Ok(response) => response.body,
            // Too much for one answer: half as many rows.
            Err(failure)
                if failure.kind() == ProblemKind::TooLarge && want > 1 && failure.problem.http_status.is_none() =>
            {
                return self.page(position, offset, want / 2);
            }
            Err(failure) if total && failure.problem.http_status == Some(500) => {
                self.no_total = true;
                let told = format!("The pod cannot count the rows of {}; there is no total.", self.search.target.name);
                self.warnings.push(warning("total_unavailable", told, None));
                return self.page(position, offset, want);
            }
            Err(failure) if failure.problem.http_status == Some(500) && !self.no_fields && self.may_drop_fields() => {
                self.no_fields = true;
                let told = format!(
                    "The pod cannot answer with the fields that were asked for; records of {} come with all attributes.",
                    self.search.target.name
                );
                self.warnings.push(warning("fields_unavailable", told, None));
                return self.page(position, offset, want);
            }
            Err(failure) => return Err(failure),
        };
        self.guess(position, offset, &body);
        let told = match body::parse(body, want) {
            Ok(page) => return Ok(page),
            Err(told) => told,
        };
        if !told.is_page {
            let told = format!("the body of {} is not a list of records ({})", address.path(), told.reason);
            return Err(self.pod.garbled(self.doing(), &told));
        }
        if want > 1 {
            let half = want / 2;
            let mut left = self.page(position, offset, half)?;
            if left.more || left.entries.len() >= half {
                let read = left.entries.len();
                left.append(self.page(position, offset + read, want - half)?);
            }
            return Ok(left);
        }
        // What broke off on its way is whole the second time.
        if self.doubted.as_ref() != Some(&address) {
            self.doubted = Some(address);
            return self.page(position, offset, want);
        }
        self.broken += 1;
        if self.broken > BROKEN_ROWS {
            let told = format!("more than {BROKEN_ROWS} rows cannot be read ({})", told.reason);
            return Err(self.pod.unexpected(self.doing(), &told));
        }
        self.warnings.push(warning(
            "row_unreadable",
            format!(
                "The pod could not write one row of {} ({}); the row is left out.",
                self.search.target.name,
                self.pod.settings.secrets.hide(&told.reason)
            ),
            told.key,
        ));
        Ok(Page { entries: vec![Entry::Skipped], more: true, ..Page::default() })
    }
}

/// From where and how many rows are asked for: the last row again, where there is one to know it by.
fn asks(position: &Position, want: usize) -> (usize, usize) {
    match position.place() {
        (offset, marks) if offset > 0 && !marks.is_empty() => (offset - 1, (want + 1).min(PAGE)),
        (offset, _) => (offset, want),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod live;
#[cfg(test)]
mod tests;
