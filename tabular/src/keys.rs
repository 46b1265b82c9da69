//! Keys of rows, sorted in bounded memory: what finds duplicates, orphans and sums among millions of rows.
//!
//! Entries are kept up to [`MOST_HELD`]; beyond that they go, sorted, into a file, and are merged at the end. Keys
//! are hashes of 128 bits: that two different texts among a hundred million have one hash is not to be expected
//! in the life of the product.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Entries held in memory: 2.25 MiB.
pub const MOST_HELD: usize = 48 << 10;

/// Bytes of an entry in the file.
const SIZE: usize = 40;

/// Entries of a run that are read at once: 10 KiB, so that 250 runs (twelve million entries) take 2.5 MiB.
const AT_ONCE: usize = 256;

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
        self.held.sort_unstable();
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(File::options().read(true).write(true).create(true).truncate(true).open(place)?),
        };
        let mut bytes = Vec::with_capacity(AT_ONCE * SIZE);
        for piece in self.held.chunks(AT_ONCE) {
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
        self.held.sort_unstable();
        let Some(mut file) = self.file.take() else {
            self.held.iter().for_each(|entry| tell(*entry));
            return Ok(());
        };
        let mut runs: Vec<Run> = self.runs.iter().map(|(first, count)| Run::new(*first, *count)).collect();
        let mut held = std::mem::take(&mut self.held).into_iter();
        let own = runs.len();
        let mut heap = BinaryHeap::new();
        for (index, run) in runs.iter_mut().enumerate() {
            if let Some(entry) = run.next(&mut file)? {
                heap.push(Reverse((entry, index)));
            }
        }
        heap.extend(held.next().map(|entry| Reverse((entry, own))));
        while let Some(Reverse((entry, index))) = heap.pop() {
            tell(entry);
            let next = match runs.get_mut(index) {
                Some(run) => run.next(&mut file)?,
                None => held.next(),
            };
            heap.extend(next.map(|entry| Reverse((entry, index))));
        }
        Ok(())
    }
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
    bytes: Vec<u8>,
    at: usize,
}

impl Run {
    fn new(first: u64, count: u64) -> Self {
        Self { next: first, left: count, bytes: Vec::new(), at: 0 }
    }

    fn next(&mut self, file: &mut File) -> io::Result<Option<Entry>> {
        if self.at >= self.bytes.len() {
            let count = self.left.min(256);
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
        let mut pieces = text.chunks_exact(8);
        for piece in &mut pieces {
            hash = hash.word(piece.try_into().map_or(0, u64::from_le_bytes));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(pieces.remainder()) {
            *to = *from;
        }
        hash.word(u64::from_le_bytes(last)).word(u64::try_from(text.len()).unwrap_or(0))
    }

    fn word(self, word: u64) -> Self {
        // Two lanes of a multiply and a fold to both sides (as wyhash mixes), with odd constants of their own.
        let fold = |lane: u64, by: u64| {
            let product = u128::from(lane ^ word) * u128::from(by);
            let bytes = product.to_le_bytes();
            let (low, high) = bytes.split_at(8);
            let half = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
            half(low) ^ half(high)
        };
        Self(
            fold(self.0, 0xa076_1d64_78bd_642f).wrapping_add(self.1),
            fold(self.1, 0xe703_7ed1_a0b4_28db).wrapping_add(word.rotate_left(32)),
        )
    }

    /// The key.
    pub fn key(self) -> u128 {
        let last = self.word(0x8ebc_6af0_9c88_c6e3);
        u128::from(last.0) << 64 | u128::from(last.1)
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
