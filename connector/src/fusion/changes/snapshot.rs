//! What a sweep found last time: each row's key with a fingerprint, as text of some fifteen bytes a row.
//!
//! A row that is missing is not believed to be gone: a sweep in doubt, or one that finds over a tenth fewer
//! rows, reports no loss, and whoever asks confirms each loss by its key.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
    /// By (digits of the key, key), so that numbers stand in their order.
    rows: BTreeMap<(usize, String), Known>,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was not there before.
    New,
    /// It reads differently.
    Updated,
    /// As before.
    Same,
}

fn place(key: &str) -> (usize, String) {
    (key.len(), key.to_owned())
}

impl Snapshot {
    /// Takes a row of the sweep under way.
    pub fn take(&mut self, key: &str, row: u64) -> Found {
        let now = Known { row, seen: true };
        match self.rows.insert(place(key), now) {
            None => Found::New,
            Some(before) if before.row == row => Found::Same,
            Some(_) => Found::Updated,
        }
    }

    /// Rows that the sweep did not come by.
    pub fn missing(&self) -> Vec<String> {
        self.rows.iter().filter(|(_, known)| !known.seen).map(|((_, key), _)| key.clone()).collect()
    }

    /// Whether that many missing rows are too many to be believed: over a tenth of those that were known.
    pub fn drops(&self, missing: usize, before: usize) -> bool {
        missing.saturating_mul(10) > before
    }

    /// A row is gone.
    pub fn remove(&mut self, key: &str) {
        self.rows.remove(&place(key));
    }

    /// A row is there after all.
    pub fn keep(&mut self, key: &str) {
        if let Some(known) = self.rows.get_mut(&place(key)) {
            known.seen = true;
        }
    }

    /// Before the next sweep.
    pub fn forget_seen(&mut self) {
        self.rows.values_mut().for_each(|known| known.seen = false);
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::new();
        let mut last = 0_u64;
        for ((_, key), known) in &self.rows {
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
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut last = 0_u64;
        let mut rows = BTreeMap::new();
        for entry in text.split(' ').filter(|entry| !entry.is_empty()) {
            let (key, known) = entry_of(entry, &mut last).ok_or_else(|| serde::de::Error::custom("a damaged entry"))?;
            rows.insert(place(&key), known);
        }
        Ok(Self { rows })
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
        let text = serde_json::to_string(&snapshot).unwrap();
        assert!(text.len() < 4 << 20, "{}", text.len());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(rows in proptest::collection::vec(("[0-9]{1,20}|\\PC{1,6}", any::<u64>()), 0..30)) {
            let mut snapshot = Snapshot::default();
            for (key, row) in &rows {
                snapshot.take(key, *row);
            }
            let text = serde_json::to_string(&snapshot).unwrap();
            prop_assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
        }

        #[test]
        fn any_text_is_a_snapshot_or_refused(text in "[0-9A-Za-z~.+ ]{0,60}") {
            let _ = serde_json::from_str::<Snapshot>(&format!("\"{text}\""));
        }
    }
}
