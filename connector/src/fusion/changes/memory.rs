//! What was handed over and may come again: the last version of each row within the overlap.
//!
//! Bounded at 64 KiB of text; beyond that the oldest are forgotten and the host's memory of dedup keys
//! counts. A row that went back to an earlier version within one timestamp is told apart by a count, so that
//! it is an event of its own; rows with a count are the last to be forgotten, since the count stands in
//! their dedup key.

use crate::fusion::moment::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Bytes of one entry: 6 of the key's hash, 8 of the row's, 6 of the time, 1 of the count.
const ENTRY: usize = 21;
/// Entries that fit into 64 KiB of base64.
const MOST: usize = 64 * 1024 / 4 * 3 / ENTRY;

/// A version of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Hash of the row as it was read; 0 where it is not known, or does not count.
    pub row: u64,
    /// Its last change, in milliseconds since 1970.
    pub at: i64,
    /// How often the row changed without its time moving on.
    pub again: u8,
}

/// See the module. Keys are 48 bits, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory(Vec<(u64, Version)>);

/// 64 bits of FNV-1a over texts, each with an end.
pub fn hash<'t>(texts: impl IntoIterator<Item = &'t str>) -> u64 {
    u64::from_str_radix(&crate::fusion::page::fingerprint(texts), 16).unwrap_or_default()
}

fn short(key: &str) -> u64 {
    hash([key]) >> 16
}

/// Times before 1970 are as good as 1970 here.
fn milliseconds(at: Timestamp) -> i64 {
    at.as_millisecond().clamp(0, (1 << 47) - 1)
}

impl Memory {
    fn place(&self, key: &str) -> Result<usize, usize> {
        let key = short(key);
        self.0.binary_search_by(|(known, _)| known.cmp(&key))
    }

    /// Takes a row as it was read. `None` where this version was handed over last, as far as is known; else the count
    /// that tells it from an equal version of the same time.
    pub fn take(&mut self, key: &str, row: u64, at: Timestamp) -> Option<u8> {
        let at = milliseconds(at);
        match self.place(key) {
            Ok(place) => {
                let (_, known) = self.0.get_mut(place)?;
                if known.at == at && (known.row == row || known.row == 0) {
                    known.row = row;
                    return None;
                }
                let again = if known.at >= at { known.again.saturating_add(1) } else { 0 };
                *known = Version { row, at, again };
                Some(again)
            }
            Err(place) => {
                self.0.insert(place, (short(key), Version { row, at, again: 0 }));
                Some(0)
            }
        }
    }

    /// What is known of a row.
    pub fn version(&self, key: &str) -> Option<Version> {
        self.place(key).ok().and_then(|place| self.0.get(place)).map(|(_, version)| *version)
    }

    /// Takes a row back to what was known of it.
    pub fn put_back(&mut self, key: &str, known: Option<Version>) {
        match (self.place(key), known) {
            (Ok(place), Some(known)) => {
                if let Some((_, version)) = self.0.get_mut(place) {
                    *version = known;
                }
            }
            (Ok(place), None) => drop(self.0.remove(place)),
            (Err(place), Some(known)) => self.0.insert(place, (short(key), known)),
            (Err(_), None) => {}
        }
    }

    /// Forgets how rows read: they are read another way from now on.
    pub fn forget_hashes(&mut self) {
        self.0.iter_mut().for_each(|(_, version)| version.row = 0);
    }

    /// Forgets what cannot come again: rows whose last change lies before `bound`.
    pub fn forget_before(&mut self, bound: Timestamp) {
        let bound = milliseconds(bound);
        self.0.retain(|(_, version)| version.at >= bound);
    }

    /// Entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As it stands in a cursor.
    pub fn write(&self) -> String {
        let mut oldest = i64::MIN;
        if self.0.len() > MOST {
            let mut times: Vec<i64> = self.0.iter().map(|(_, version)| version.at).collect();
            times.sort_unstable();
            oldest = times.get(times.len() - MOST).copied().unwrap_or(oldest);
        }
        let counted = self.0.iter().filter(|(_, version)| version.again > 0).count();
        let mut room = MOST.saturating_sub(counted);
        let mut bytes = Vec::with_capacity(self.0.len().min(MOST) * ENTRY);
        for (key, version) in &self.0 {
            if version.again == 0 {
                if room == 0 || version.at < oldest {
                    continue;
                }
                room -= 1;
            }
            if bytes.len() >= MOST * ENTRY {
                break;
            }
            bytes.extend(key.to_be_bytes().iter().skip(2));
            bytes.extend(version.row.to_be_bytes());
            bytes.extend(version.at.to_be_bytes().iter().skip(2));
            bytes.push(version.again);
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads it back; `None` where it is damaged.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let mut known = Vec::with_capacity(bytes.len() / ENTRY);
        for entry in bytes.chunks(ENTRY) {
            let (key, rest) = entry.split_at_checked(6)?;
            let (row, rest) = rest.split_at_checked(8)?;
            let (at, again) = rest.split_at_checked(6)?;
            let at = i64::try_from(number(at)).ok()?;
            known.push((number(key), Version { row: number(row), at, again: *again.first()? }));
        }
        known.is_sorted_by(|(one, _), (next, _)| one < next).then_some(Self(known))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    #[test]
    fn a_version_is_handed_over_once_and_a_return_to_it_is_an_event_of_its_own() {
        let mut memory = Memory::default();
        assert_eq!(memory.take("1", 7, at(5)), Some(0));
        assert_eq!(memory.take("1", 7, at(5)), None);
        assert_eq!(memory.take("1", 8, at(5)), Some(1));
        assert_eq!(memory.take("1", 7, at(5)), Some(2));
        assert_eq!(memory.take("1", 7, at(6)), Some(0));
        // The pod's clock was set back.
        assert_eq!(memory.take("1", 7, at(5)), Some(1));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_latest_stay() {
        let mut memory = Memory::default();
        for row in 0..10_000_u32 {
            memory.take(&row.to_string(), 1, at(i64::from(row)));
        }
        memory.take("7", 2, at(7));
        let text = memory.write();
        assert!(text.len() <= 64 * 1024, "{}", text.len());
        let back = Memory::read(&text).unwrap();
        let knows = |key: &str| back.version(key).is_some();
        assert!(knows("9999") && !knows("8") && knows("7"));
        memory.forget_before(at(9_990));
        assert_eq!(memory.len(), 10);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(rows in proptest::collection::vec((0..9_u8, any::<u64>(), 0..1_i64 << 40), 0..40)) {
            let mut memory = Memory::default();
            for (key, row, ms) in rows {
                memory.take(&key.to_string(), row, at(ms));
            }
            let text = memory.write();
            prop_assert_eq!(Memory::read(&text).unwrap(), memory);
        }

        #[test]
        fn any_text_is_a_memory_or_refused(text in "[A-Za-z0-9_-]{0,80}") {
            let _ = Memory::read(&text);
        }
    }
}
