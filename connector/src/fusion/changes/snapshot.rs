//! What a sweep found last time: each row's key with a fingerprint, as text of some fifteen bytes a row.
//!
//! A row that is missing is not believed to be gone: a sweep in doubt, or one that finds over a tenth fewer
//! rows, reports no loss, and whoever asks confirms each loss by its key.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
/// What is known of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Hash of the row as it was read; 0 where the key alone was.
    pub row: u64,
    /// Whether the sweep that is under way came by it.
    pub seen: bool,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// In the order of [`compare`].
    rows: Vec<(String, Known)>,
    /// Rows that came in another order.
    added: Vec<(String, Known)>,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was not there before.
    New,
    /// It reads differently.
    Updated,
    /// It is there, and how it read is not known.
    Unknown,
    /// As before.
    Same,
}

/// Shorter keys first, so that numbers stand in their order.
fn compare(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

impl Snapshot {
    fn place(&self, key: &str) -> Result<usize, usize> {
        self.rows.binary_search_by(|(known, _)| compare(known, key))
    }

    /// Takes a row of the sweep under way.
    pub fn take(&mut self, key: &str, row: u64) -> Found {
        let now = Known { row, seen: true };
        match self.place(key) {
            Ok(place) => {
                let Some((_, known)) = self.rows.get_mut(place) else { return Found::Same };
                let was = std::mem::replace(known, now).row;
                match was {
                    _ if was == row => Found::Same,
                    0 => Found::Unknown,
                    _ => Found::Updated,
                }
            }
            Err(place) => {
                let last = place == self.rows.len();
                if last { &mut self.rows } else { &mut self.added }.push((key.to_owned(), now));
                Found::New
            }
        }
    }

    /// Brings rows that came in another order to their place.
    pub fn settle(&mut self) {
        if !self.added.is_empty() {
            self.rows.append(&mut self.added);
            self.rows.sort_unstable_by(|(one, _), (other, _)| compare(one, other));
            self.rows.dedup_by(|(later, _), (first, _)| later == first);
        }
    }

    /// Rows that the sweep did not come by.
    pub fn missing(&self) -> Vec<String> {
        self.rows.iter().filter(|(_, known)| !known.seen).map(|(key, _)| key.clone()).collect()
    }

    /// Whether that many missing rows are too many to be believed: over a tenth of those that were known.
    pub fn drops(&self, missing: usize, before: usize) -> bool {
        missing.saturating_mul(10) > before
    }

    /// A row is gone.
    pub fn remove(&mut self, key: &str) {
        if let Ok(place) = self.place(key) {
            self.rows.remove(place);
        }
    }

    /// All rows are gone that the sweep did not come by.
    pub fn remove_missing(&mut self) {
        self.rows.retain(|(_, known)| known.seen);
    }

    /// A row is there after all.
    pub fn keep(&mut self, key: &str) {
        if let Ok(place) = self.place(key)
            && let Some((_, known)) = self.rows.get_mut(place)
        {
            known.seen = true;
        }
    }

    /// Before the next sweep.
    pub fn forget_seen(&mut self) {
        self.rows.iter_mut().for_each(|(_, known)| known.seen = false);
    }

    /// Forgets how rows read: they are read another way from now on.
    pub fn forget_hashes(&mut self) {
        self.rows.iter_mut().for_each(|(_, known)| known.row = 0);
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.rows.len() + self.added.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As it stands in a cursor; [`Snapshot::settle`] comes first.
    pub fn write(&self) -> String {
        let mut text = String::new();
        let mut last = 0_u64;
        for (key, known) in &self.rows {
            if !text.is_empty() {
                text.push(' ');
            }
            match key.parse::<u64>() {
                // Only what is written back the same may be written as a difference.
                Ok(number) if number.to_string() == *key && number >= last => {
                    text.push_str(&(number - last).to_string());
                    last = number;
                }
                _ => {
                    text.push('~');
                    URL_SAFE_NO_PAD.encode_string(key, &mut text);
                }
            }
            if known.row != 0 {
                text.push('.');
                URL_SAFE_NO_PAD.encode_string(known.row.to_be_bytes(), &mut text);
            }
            if known.seen {
                text.push('+');
            }
        }
        text
    }

    /// Reads it back; `None` where it is damaged.
    pub fn read(text: &str) -> Option<Self> {
        let mut last = 0_u64;
        let entries = text.split(' ').filter(|entry| !entry.is_empty());
        let rows: Vec<(String, Known)> = entries.map(|entry| entry_of(entry, &mut last)).collect::<Option<_>>()?;
        let ordered = rows.is_sorted_by(|(one, _), (next, _)| compare(one, next).is_lt());
        ordered.then_some(Self { rows, added: Vec::new() })
    }
}

fn entry_of(entry: &str, last: &mut u64) -> Option<(String, Known)> {
    let (entry, seen) = entry.strip_suffix('+').map_or((entry, false), |entry| (entry, true));
    let (key, row) = entry.split_once('.').unwrap_or((entry, ""));
    let row = match row {
        "" => 0,
        row => u64::from_be_bytes(URL_SAFE_NO_PAD.decode(row).ok()?.try_into().ok()?),
    };
    let key = match key.strip_prefix('~') {
        Some(encoded) => String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?,
        None => {
            *last = last.checked_add(key.parse().ok()?)?;
            last.to_string()
        }
    };
    Some((key, Known { row, seen }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_come_change_and_are_missed() {
        let mut snapshot = Snapshot::default();
        assert_eq!(snapshot.take("7", 1), Found::New);
        assert_eq!(snapshot.take("300000046987012", 1), Found::New);
        snapshot.forget_seen();
        assert_eq!(snapshot.take("7", 1), Found::Same);
        assert_eq!(snapshot.take("7", 2), Found::Updated);
        assert_eq!(snapshot.missing(), ["300000046987012"]);
        assert!(snapshot.drops(1, 9) && !snapshot.drops(1, 10));
    }

    #[test]
    fn a_row_takes_few_bytes() {
        let mut snapshot = Snapshot::default();
        for row in 0..200_000_u64 {
            snapshot.take(&(300_000_046_000_000 + row * 7).to_string(), row.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        let text = snapshot.write();
        assert!(text.len() < 4 << 20, "{}", text.len());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(rows in proptest::collection::vec(("[0-9]{1,20}|\\PC{1,6}", any::<u64>()), 0..30)) {
            let mut snapshot = Snapshot::default();
            for (key, row) in &rows {
                snapshot.take(key, *row);
            }
            snapshot.settle();
            prop_assert_eq!(Snapshot::read(&snapshot.write()).unwrap(), snapshot);
        }

        #[test]
        fn any_text_is_a_snapshot_or_refused(text in "[0-9A-Za-z~.+ ]{0,60}") {
            let _ = Snapshot::read(&text);
        }
    }
}
