//! The zip that is uploaded: in memory while it is small, else in the lent directory, where it is removed when
//! it is not wanted any more. It is handed out as base64, piece by piece, for a body whose length is known.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::rand_core::{OsRng, RngCore as _};

use crate::problem::{Failure, Result};

/// What is compressed stays in memory up to this where no directory is lent, so that small loads need none (it is
/// a CSV of some 80 MB).
pub const MOST_IN_MEMORY: usize = 8 << 20;

/// And up to this where one is lent: memory that grows by doubling takes three times as much of a small guest.
const MOST_BESIDE_LENT: usize = 1 << 20;

/// What is held in memory before it goes into the lent directory.
pub fn most_held(lent: Option<&Path>) -> usize {
    if lent.is_some() { MOST_BESIDE_LENT } else { MOST_IN_MEMORY }
}

/// Bytes read at once for base64; a multiple of three, so that no padding comes in between.
const PIECE: usize = 48 << 10;

/// What the names of our files in the lent directory begin with.
const OURS: &str = ".fbdi-";

/// A file that nobody has written to for so long is nobody's: it lives within one step of a call.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// A finished zip.
#[derive(Debug)]
pub enum Archive {
    /// In memory.
    Memory(Vec<u8>),
    /// In the lent directory.
    Spooled(Spool),
}

/// A file of ours in the lent directory; dropped, it is removed.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    len: u64,
}

impl Spool {
    /// A name that nobody else uses, another run of the same call neither, in `lent`; nothing is created yet.
    pub fn named(lent: &Path, call_id: &str, what: &str) -> Self {
        let run = OsRng.next_u64();
        Self { path: lent.join(format!("{OURS}{}-{run:016x}-{what}", super::digits_of(call_id))), len: 0 }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates it, empty, and removes what runs that were killed have left.
    ///
    /// # Errors
    /// Those of the directory.
    pub fn create(&self) -> io::Result<File> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&self.path)?;
        // By the directory's clock, which need not be ours.
        let now = file.metadata().and_then(|about| about.modified());
        let others = self.path.parent().map(std::fs::read_dir).into_iter().flatten().flatten().flatten();
        for other in others.filter(|other| other.file_name().as_encoded_bytes().starts_with(OURS.as_bytes())) {
            let written = other.metadata().and_then(|about| about.modified());
            let age = now.as_ref().ok().zip(written.ok()).and_then(|(now, written)| now.duration_since(written).ok());
            if age.is_some_and(|age| age > OLD) {
                // What cannot be removed now can be the next time.
                let _ = std::fs::remove_file(other.path());
            }
        }
        Ok(file)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // What cannot be removed is the host's directory to clean; there is nobody left to tell.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Archive {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Spooled(spool) => spool.len,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its length as base64.
    pub fn base64_len(&self) -> u64 {
        self.len().div_ceil(3).saturating_mul(4)
    }

    /// The zip itself.
    ///
    /// # Errors
    /// Where the lent directory does not give it back.
    pub fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::Memory(bytes) => Box::new(bytes.as_slice()),
            Self::Spooled(spool) => Box::new(File::open(&spool.path)?),
        })
    }

    /// The zip as base64 with padding and without line ends; exactly [`Archive::base64_len`] bytes.
    ///
    /// # Errors
    /// As for [`Archive::reader`].
    pub fn base64_reader(&self) -> io::Result<Base64Reader<'_>> {
        Ok(Base64Reader { source: self.reader()?, raw: vec![0; PIECE], text: Vec::new(), given: 0 })
    }

    /// Keeps it as `name` in the lent directory and answers its place.
    ///
    /// # Errors
    /// Those of the directory.
    pub fn keep(self, lent: &Path, name: &str) -> io::Result<PathBuf> {
        let place = lent.join(name);
        match &self {
            Self::Memory(bytes) => std::fs::write(&place, bytes)?,
            Self::Spooled(spool) => std::fs::rename(&spool.path, &place)?,
        }
        Ok(place)
    }
}

/// Base64 of an archive, made as it is read.
pub struct Base64Reader<'a> {
    source: Box<dyn Read + 'a>,
    raw: Vec<u8>,
    text: Vec<u8>,
    given: usize,
}

impl Read for Base64Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.text.len() {
            let mut filled = 0;
            while let Some(rest) = self.raw.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match self.source.read(rest)? {
                    0 => break,
                    some => filled += some,
                }
            }
            let raw = self.raw.get(..filled).unwrap_or_default();
            self.text.resize(filled.div_ceil(3) * 4, 0);
            let written = STANDARD.encode_slice(raw, &mut self.text).map_err(io::Error::other)?;
            self.text.truncate(written);
            self.given = 0;
        }
        let rest = self.text.get(self.given..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}

impl tabular::zip::Output for Sink<'_> {
    type Error = Failure;

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.write(bytes)
    }

    fn patch(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        Self::patch(self, at, bytes)
    }
}

/// Takes what is written; it begins in memory and moves to the lent directory when it grows.
pub struct Sink<'a> {
    bytes: Vec<u8>,
    file: Option<(File, Spool)>,
    written: u64,
    lent: Option<&'a Path>,
    call_id: &'a str,
}

impl<'a> Sink<'a> {
    /// An empty one.
    pub fn new(lent: Option<&'a Path>, call_id: &'a str) -> Self {
        Self { bytes: Vec::new(), file: None, written: 0, lent, call_id }
    }

    /// Appends.
    ///
    /// # Errors
    /// `too-large` where nothing is lent and memory would not be bounded; a full or read-only directory.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.written += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.file.is_none() && self.bytes.len() + bytes.len() > most_held(self.lent) {
            let Some(lent) = self.lent else {
                return Err(super::no_room("The zip of this load is larger than 8 MiB"));
            };
            let spool = Spool::named(lent, self.call_id, "zip");
            let file = spool.create().map_err(|error| super::lent_failed(&error))?;
            self.file = Some((file, spool));
            self.flush_memory()?;
        }
        self.bytes.extend_from_slice(bytes);
        if self.file.is_some() && self.bytes.len() >= 256 << 10 {
            self.flush_memory()?;
        }
        Ok(())
    }

    /// Writes over what stands at `at`.
    ///
    /// # Errors
    /// As for [`Sink::write`].
    pub fn patch(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        self.flush_memory()?;
        if let Some((file, _)) = &mut self.file {
            let mut over = || {
                file.seek(SeekFrom::Start(at))?;
                file.write_all(bytes)?;
                file.seek(SeekFrom::End(0))
            };
            return over().map(drop).map_err(|error| super::lent_failed(&error));
        }
        let place = usize::try_from(at).ok().and_then(|at| self.bytes.get_mut(at..)?.get_mut(..bytes.len()));
        place
            .map(|place| place.copy_from_slice(bytes))
            .ok_or_else(|| Failure::internal("A zip is patched past its end."))
    }

    fn flush_memory(&mut self) -> Result<()> {
        if let Some((file, _)) = &mut self.file {
            file.write_all(&self.bytes).map_err(|error| super::lent_failed(&error))?;
            self.bytes.clear();
        }
        Ok(())
    }

    /// All that was written.
    ///
    /// # Errors
    /// As for [`Sink::write`].
    pub fn finish(mut self) -> Result<Archive> {
        self.flush_memory()?;
        Ok(match self.file.take() {
            Some((_, mut spool)) => {
                spool.len = self.written;
                Archive::Spooled(spool)
            }
            None => Archive::Memory(std::mem::take(&mut self.bytes)),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::contract::ProblemKind;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn base64_is_what_a_decoder_gives_back(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), times in 1_usize..60) {
            let bytes = bytes.repeat(times);
            let archive = Archive::Memory(bytes.clone());
            let mut text = String::new();
            archive.base64_reader().unwrap().read_to_string(&mut text).unwrap();
            prop_assert_eq!(u64::try_from(text.len()).unwrap(), archive.base64_len());
            prop_assert_eq!(STANDARD.decode(text).unwrap(), bytes);
        }
    }

    #[test]
    fn runs_of_one_call_do_not_share_files_and_what_killed_ones_left_is_removed_a_day_later() {
        let lent = std::env::temp_dir().join(format!("fbdi-runs-{}", std::process::id()));
        std::fs::create_dir_all(&lent).unwrap();
        let left = |name: &str, hours: u64| {
            let file = File::create(lent.join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
        };
        left(".fbdi-1-zip", 25);
        left(".fbdi-2-zip", 23);
        left("theirs.csv", 25);
        let (one, other) = (Spool::named(&lent, "call", "zip"), Spool::named(&lent, "call", "zip"));
        let (mut first, mut second) = (one.create().unwrap(), other.create().unwrap());
        first.write_all(b"one").unwrap();
        second.write_all(b"another").unwrap();
        drop(other);
        assert_eq!(std::fs::read(one.path()).unwrap(), b"one");
        drop(one);
        let mut names: Vec<_> = std::fs::read_dir(&lent).unwrap().map(|one| one.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".fbdi-2-zip", "theirs.csv"]);
        std::fs::remove_dir_all(&lent).unwrap();
    }

    #[test]
    fn what_grows_moves_to_the_lent_directory_and_is_removed_afterwards() {
        let lent = std::env::temp_dir().join("fbdi-archive-test");
        std::fs::create_dir_all(&lent).unwrap();
        let mut sink = Sink::new(Some(&lent), "call");
        let piece = vec![7; 1 << 20];
        for _ in 0..9 {
            sink.write(&piece).unwrap();
        }
        let archive = sink.finish().unwrap();
        let Archive::Spooled(spool) = &archive else { unreachable!() };
        let path = spool.path().to_owned();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 9 << 20);
        drop(archive);
        assert!(!path.exists());

        let mut sink = Sink::new(None, "call");
        let failure = (0..9).find_map(|_| sink.write(&piece).err()).unwrap();
        assert_eq!(failure.kind(), ProblemKind::TooLarge);
    }
}
