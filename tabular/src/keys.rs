//! Keys of rows, sorted in bounded memory: what finds duplicates, orphans and sums among millions of rows.
//!
//! Entries are kept up to [`MOST_HELD`]; beyond that they go, sorted, into a file, and are merged at the end. Keys
//! are hashes of 128 bits: that two different texts among a hundred million have one hash is not to be expected
//! in the life of the product.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Entries held in memory: 2.25 MiB.
pub const MOST_HELD: usize = 48 << 10;

/// Bytes of an entry in the file.
const SIZE: usize = 40;

/// Entries that are written at once, 256 KiB: to a guest each write and read is a wait for its host, which took
/// as long as comparing itself while pieces had 10 KiB.
const WRITTEN_AT_ONCE: usize = 6553;

/// Entries that all runs together hold while they are merged: 2.5 MiB.
const MERGED_AT_ONCE: usize = 64 << 10;

/// Entries of a run that are read at once, 64 KiB; a host gives no more. With more than forty runs it is less.
const READ_AT_ONCE: usize = 1638;

/// A row's key with what is to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Hash of the key.
    pub key: u128,
    /// Entries of one key come in this order.
    pub order: u64,
    /// A number that goes with it.
    pub amount: i128,
}

/// Why keys cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// There are more than memory is to hold, and no file may be written.
    #[error("there are too many keys for memory")]
    Full,
    /// The file failed.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// Keys of rows.
pub struct Keys {
    held: Vec<Entry>,
    place: Option<PathBuf>,
    file: Option<File>,
    /// First entry and number of entries of each sorted run in the file.
    runs: Vec<(u64, u64)>,
    spilled: u64,
}

impl Keys {
    /// None yet; `place` is where a file may be written (and is removed again).
    pub fn new(place: Option<&Path>) -> Self {
        Self { held: Vec::new(), place: place.map(Path::to_owned), file: None, runs: Vec::new(), spilled: 0 }
    }

    /// Takes one in.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn push(&mut self, entry: Entry) -> Result<(), Failed> {
        if self.held.len() >= MOST_HELD {
            self.spill()?;
        }
        self.held.push(entry);
        Ok(())
    }

    fn spill(&mut self) -> Result<(), Failed> {
        let Some(place) = &self.place else { return Err(Failed::Full) };
        sort(&mut self.held);
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(File::options().read(true).write(true).create(true).truncate(true).open(place)?),
        };
        let mut bytes = Vec::with_capacity(WRITTEN_AT_ONCE * SIZE);
        for piece in self.held.chunks(WRITTEN_AT_ONCE) {
            bytes.clear();
            for entry in piece {
                bytes.extend_from_slice(&entry.key.to_le_bytes());
                bytes.extend_from_slice(&entry.order.to_le_bytes());
                bytes.extend_from_slice(&entry.amount.to_le_bytes());
            }
            file.write_all(&bytes)?;
        }
        let count = u64::try_from(self.held.len()).unwrap_or(u64::MAX);
        self.runs.push((self.spilled, count));
        self.spilled += count;
        self.held.clear();
        Ok(())
    }

    /// Tells all of them in order.
    ///
    /// # Errors
    /// Those of the file.
    pub fn in_order(mut self, tell: &mut dyn FnMut(Entry)) -> Result<(), Failed> {
        sort(&mut self.held);
        let Some(mut file) = self.file.take() else {
            self.held.iter().for_each(|entry| tell(*entry));
            return Ok(());
        };
        let at_once = (MERGED_AT_ONCE / self.runs.len().max(1)).clamp(64, READ_AT_ONCE);
        let mut runs: Vec<Run> = self.runs.iter().map(|(first, count)| Run::new(*first, *count, at_once)).collect();
        let mut held = std::mem::take(&mut self.held).into_iter();
        let own = runs.len();
        let mut heap = BinaryHeap::new();
        for (index, run) in runs.iter_mut().enumerate() {
            if let Some(entry) = run.next(&mut file)? {
                heap.push(Reverse((entry, index)));
            }
        }
        heap.extend(held.next().map(|entry| Reverse((entry, own))));
        while let Some(mut least) = heap.peek_mut() {
            let Reverse((entry, index)) = *least;
            tell(entry);
            let next = match runs.get_mut(index) {
                Some(run) => run.next(&mut file)?,
                None => held.next(),
            };
            match next {
                // Sifted down once, where taking out and putting in would be twice.
                Some(entry) => *least = Reverse((entry, index)),
                None => drop(PeekMut::pop(least)),
            }
        }
        Ok(())
    }
}

/// Parts that entries fall into by the first bits of their keys: about a dozen each where as many are held as may be.
const PARTS: usize = 4096;

/// Sorts entries. Their keys are hashes, so that the first bits part them evenly and little is left to sort in each
/// part; keys that are no hashes are sorted as well, more slowly.
fn sort(held: &mut Vec<Entry>) {
    let part = |entry: &Entry| usize::try_from(entry.key >> 116).unwrap_or(0);
    let mut starts = vec![0_u32; PARTS + 1];
    for entry in &*held {
        if let Some(count) = starts.get_mut(part(entry) + 1) {
            *count += 1;
        }
    }
    let mut before = 0;
    for start in &mut starts {
        before += *start;
        *start = before;
    }
    let mut sorted = held.clone();
    for entry in &*held {
        let Some(next) = starts.get_mut(part(entry)) else { continue };
        if let Some(place) = usize::try_from(*next).ok().and_then(|next| sorted.get_mut(next)) {
            *place = *entry;
        }
        *next += 1;
    }
    // Each start has moved to the end of its part.
    let mut rest = sorted.as_mut_slice();
    let mut start = 0;
    for end in starts {
        let Some((of_part, behind)) = rest.split_at_mut_checked(usize::try_from(end).unwrap_or(0) - start) else {
            break;
        };
        of_part.sort_unstable();
        start += of_part.len();
        rest = behind;
    }
    *held = sorted;
}

impl Drop for Keys {
    fn drop(&mut self) {
        if !self.runs.is_empty()
            && let Some(place) = &self.place
        {
            // What cannot be removed is the host's directory to clean.
            let _ = std::fs::remove_file(place);
        }
    }
}

struct Run {
    next: u64,
    left: u64,
    at_once: u64,
    bytes: Vec<u8>,
    at: usize,
}

impl Run {
    fn new(first: u64, count: u64, at_once: usize) -> Self {
        Self { next: first, left: count, at_once: u64::try_from(at_once).unwrap_or(0), bytes: Vec::new(), at: 0 }
    }

    fn next(&mut self, file: &mut File) -> io::Result<Option<Entry>> {
        if self.at >= self.bytes.len() {
            let count = self.left.min(self.at_once);
            if count == 0 {
                return Ok(None);
            }
            self.bytes.resize(usize::try_from(count).unwrap_or(0) * SIZE, 0);
            file.seek(SeekFrom::Start(self.next.saturating_mul(40)))?;
            file.read_exact(&mut self.bytes)?;
            self.next += count;
            self.left -= count;
            self.at = 0;
        }
        let entry = self.bytes.get(self.at..).and_then(parse);
        self.at += SIZE;
        Ok(entry)
    }
}

fn parse(bytes: &[u8]) -> Option<Entry> {
    let (key, bytes) = bytes.split_first_chunk()?;
    let (order, bytes) = bytes.split_first_chunk()?;
    let (amount, _) = bytes.split_first_chunk()?;
    Some(Entry {
        key: u128::from_le_bytes(*key),
        order: u64::from_le_bytes(*order),
        amount: i128::from_le_bytes(*amount),
    })
}

/// A hash of 128 bits over some texts; where one ends and the next begins counts.
#[derive(Clone, Copy)]
pub struct Hash(u64, u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f)
    }
}

impl Hash {
    /// With a text behind what came before.
    #[must_use]
    pub fn with(self, text: &[u8]) -> Self {
        let mut hash = self;
        let mut pieces = text.chunks_exact(16);
        for piece in &mut pieces {
            hash = hash.words(piece.try_into().map_or(0, u128::from_le_bytes));
        }
        let mut last = [0; 16];
        for (to, from) in last.iter_mut().zip(pieces.remainder()) {
            *to = *from;
        }
        let hash = hash.words(u128::from_le_bytes(last));
        let length = u64::try_from(text.len()).unwrap_or(0);
        Self(hash.0 ^ length, hash.1 ^ length)
    }

    /// The step of `MurmurHash3` for 128 bits: 64-bit products alone, as a guest has no wider ones.
    fn words(self, words: u128) -> Self {
        let half = |words: u128| u64::try_from(words & u128::from(u64::MAX)).unwrap_or_default();
        let (first, second) = (half(words), half(words >> 64));
        let (by_first, by_second) = (0x87c3_7b91_1142_53d5_u64, 0x4cf5_ad43_2745_937f_u64);
        let first = self.0 ^ first.wrapping_mul(by_first).rotate_left(31).wrapping_mul(by_second);
        let first = first.rotate_left(27).wrapping_add(self.1).wrapping_mul(5).wrapping_add(0x52dc_e729);
        let second = self.1 ^ second.wrapping_mul(by_second).rotate_left(33).wrapping_mul(by_first);
        let second = second.rotate_left(31).wrapping_add(first).wrapping_mul(5).wrapping_add(0x3849_5ab5);
        Self(first, second)
    }

    /// The key.
    pub fn key(self) -> u128 {
        let mixed = |mut word: u64| {
            word = (word ^ (word >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
            word = (word ^ (word >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
            word ^ (word >> 33)
        };
        let first = self.0.wrapping_add(self.1);
        let second = mixed(self.1.wrapping_add(first));
        let first = mixed(first).wrapping_add(second);
        u128::from(first) << 64 | u128::from(second.wrapping_add(first))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entries(count: u64) -> impl Iterator<Item = Entry> {
        (0..count).map(move |row| {
            let key = Hash::default().with(&(row % (count / 2 + 1)).to_le_bytes()).key();
            Entry { key, order: row, amount: i128::from(row) - 7 }
        })
    }

    #[test]
    fn more_than_memory_holds_comes_back_in_order() {
        let place = std::env::temp_dir().join(format!("tabular-keys-{}", std::process::id()));
        for count in [0, 1, 1000, u64::try_from(MOST_HELD).unwrap() * 3 + 5] {
            let mut keys = Keys::new(Some(&place));
            let mut wanted: Vec<Entry> = entries(count).collect();
            wanted.iter().for_each(|entry| keys.push(*entry).unwrap());
            wanted.sort_unstable();
            let mut told = Vec::new();
            keys.in_order(&mut |entry| told.push(entry)).unwrap();
            assert!(told == wanted, "{count}");
            assert!(!place.exists());
        }
    }

    proptest::proptest! {
        #[test]
        fn keys_are_sorted_whether_they_are_hashes_or_not(keys in proptest::collection::vec((0_u128..9, 0_u32..128, 0_u64..4), 0..200)) {
            let entry = |(key, shift, order): (u128, u32, u64)| Entry { key: key << shift, order, amount: 0 };
            let mut held: Vec<Entry> = keys.into_iter().map(entry).collect();
            let mut wanted = held.clone();
            wanted.sort_unstable();
            sort(&mut held);
            proptest::prop_assert_eq!(held, wanted);
        }
    }

    #[test]
    fn without_a_place_memory_is_the_bound() {
        let mut keys = Keys::new(None);
        let most = u64::try_from(MOST_HELD).unwrap();
        let failed = entries(most + 1).find_map(|entry| keys.push(entry).err());
        assert!(matches!(failed, Some(Failed::Full)));
    }

    #[test]
    fn different_texts_have_different_keys() {
        let mut seen = std::collections::HashSet::new();
        for number in 0..200_000_u32 {
            assert!(seen.insert(Hash::default().with(number.to_string().as_bytes()).key()));
            assert!(seen.insert(Hash::default().with(b"").with(format!("INV-{number:08}").as_bytes()).key()));
        }
        let key = |texts: &[&str]| texts.iter().fold(Hash::default(), |hash, text| hash.with(text.as_bytes())).key();
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_ne!(key(&["a\0"]), key(&["a"]));
        assert_ne!(key(&["", "a"]), key(&["a", ""]));
    }
}
