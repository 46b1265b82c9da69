//! Zips: written as a stream with deflate, and read from what can be sought in.
//!
//! Only what interface loads and log archives need: no zip64, no encryption, names in UTF-8. A container of forty
//! lines costs the component a twentieth of what the general crate does. Sizes stand in front of each file, not
//! behind, since some loaders read a zip from front to end.

use std::io::{self, Read, Seek, SeekFrom};

use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush, Status};

/// What a zip is written to.
pub trait Output {
    /// What it may fail with.
    type Error;

    /// Appends.
    ///
    /// # Errors
    /// Where there is no room.
    fn append(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Writes over what stands at `at`.
    ///
    /// # Errors
    /// Where it cannot be reached any more.
    fn patch(&mut self, at: u64, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Of 120 MB of invoices in a guest, in CPU time for all of it and size beside `zip -6` (1.17 s): level 2 takes 1.0 s
/// and 1.052, level 3 1.1 s and 0.997, level 6 1.4 s and 0.924.
const LEVEL: i32 = 3;

/// 1980-01-01, the first day that a zip knows: the same rows make the same zip.
const DATE: u16 = 0x21;

struct Written {
    name: String,
    offset: u64,
    crc: u32,
    packed: u64,
    size: u64,
}

/// Writes a zip.
pub struct Writer<O> {
    output: O,
    at: u64,
    entries: Vec<Written>,
    deflate: Deflate,
    packed: Vec<u8>,
}

impl<O: Output> Writer<O> {
    /// An empty one.
    pub fn new(output: O) -> Self {
        Self { output, at: 0, entries: Vec::new(), deflate: Deflate::new(LEVEL, false, 15), packed: vec![0; 64 << 10] }
    }

    /// Begins a file.
    ///
    /// # Errors
    /// Those of the output.
    pub fn begin(&mut self, name: &str) -> Result<(), O::Error> {
        self.entries.push(Written { name: name.to_owned(), offset: self.at, crc: 0, packed: 0, size: 0 });
        self.deflate.reset();
        let mut header = b"PK\x03\x04".to_vec();
        if let Some(entry) = self.entries.last() {
            describe(&mut header, entry);
        }
        header.extend_from_slice(&0_u16.to_le_bytes());
        header.extend_from_slice(name.as_bytes());
        self.append(&header)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), O::Error> {
        self.at += wide(bytes.len());
        self.output.append(bytes)
    }

    /// Appends to the file that was begun last.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), O::Error> {
        if let Some(entry) = self.entries.last_mut() {
            entry.crc = zlib_rs::crc32::crc32(entry.crc, bytes);
            entry.size += wide(bytes.len());
        }
        self.deflate(bytes, DeflateFlush::NoFlush)
    }

    fn deflate(&mut self, mut bytes: &[u8], flush: DeflateFlush) -> Result<(), O::Error> {
        loop {
            let (read, written) = (self.deflate.total_in(), self.deflate.total_out());
            let status = self.deflate.compress(bytes, &mut self.packed, flush);
            let read = narrow(self.deflate.total_in() - read);
            let written = narrow(self.deflate.total_out() - written);
            bytes = bytes.get(read..).unwrap_or_default();
            let piece = self.packed.get(..written).unwrap_or_default();
            self.at += wide(written);
            if let Some(entry) = self.entries.last_mut() {
                entry.packed += wide(written);
            }
            self.output.append(piece)?;
            let full = written == self.packed.len();
            match (status, flush) {
                (Ok(Status::StreamEnd), _) | (Err(_), _) => return Ok(()),
                (Ok(_), DeflateFlush::NoFlush) if bytes.is_empty() && !full => return Ok(()),
                (Ok(_), _) if read == 0 && written == 0 => return Ok(()),
                (Ok(_), _) => {}
            }
        }
    }

    /// Ends the file that was begun last.
    ///
    /// # Errors
    /// Those of the output.
    pub fn end(&mut self) -> Result<(), O::Error> {
        self.deflate(&[], DeflateFlush::Finish)?;
        let Some(entry) = self.entries.last() else { return Ok(()) };
        let mut header = Vec::new();
        describe(&mut header, entry);
        self.output.patch(entry.offset + 4, &header)
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.at
    }

    /// The directory of what was written: names, sizes and checksums.
    pub fn directory(&self) -> Vec<u8> {
        let mut directory = Vec::new();
        for entry in &self.entries {
            // Made by version 2.0 on no system in particular.
            directory.extend_from_slice(b"PK\x01\x02\x14\0");
            describe(&mut directory, entry);
            directory.extend_from_slice(&[0; 12]);
            directory.extend_from_slice(&clamp(entry.offset).to_le_bytes());
            directory.extend_from_slice(entry.name.as_bytes());
        }
        directory
    }

    /// Writes the directory; the output is whole then.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> Result<O, O::Error> {
        let mut directory = self.directory();
        let (start, size) = (self.at, wide(directory.len()));
        let count = u16::try_from(self.entries.len()).unwrap_or(u16::MAX);
        directory.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        directory.extend_from_slice(&count.to_le_bytes());
        directory.extend_from_slice(&count.to_le_bytes());
        directory.extend_from_slice(&clamp(size).to_le_bytes());
        directory.extend_from_slice(&clamp(start).to_le_bytes());
        directory.extend_from_slice(&[0; 2]);
        self.append(&directory)?;
        Ok(self.output)
    }
}

/// What the header of a file and its line in the directory have in common, to the length of the name.
fn describe(out: &mut Vec<u8>, entry: &Written) {
    out.extend_from_slice(&20_u16.to_le_bytes());
    // Names are UTF-8.
    out.extend_from_slice(&0x0800_u16.to_le_bytes());
    out.extend_from_slice(&8_u16.to_le_bytes());
    out.extend_from_slice(&0_u16.to_le_bytes());
    out.extend_from_slice(&DATE.to_le_bytes());
    out.extend_from_slice(&entry.crc.to_le_bytes());
    out.extend_from_slice(&clamp(entry.packed).to_le_bytes());
    out.extend_from_slice(&clamp(entry.size).to_le_bytes());
    out.extend_from_slice(&u16::try_from(entry.name.len()).unwrap_or(u16::MAX).to_le_bytes());
}

fn clamp(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn narrow(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Why a zip cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It is no zip, or one that breaks off.
    #[error("it is not a whole zip")]
    NotAZip,
    /// It needs what is not built in.
    #[error("it is {0}, which is not read")]
    Unsupported(&'static str),
    /// Its file failed.
    #[error(transparent)]
    Source(#[from] io::Error),
}

/// A file in a zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// With its folders.
    pub name: String,
    /// Unpacked bytes, as the directory says.
    pub size: u64,
    method: u16,
    packed: u64,
    offset: u64,
}

/// The files of a zip, folders left out.
///
/// # Errors
/// [`Broken`].
pub fn entries<R: Read + Seek>(zip: &mut R) -> Result<Vec<Entry>, Broken> {
    let length = zip.seek(SeekFrom::End(0))?;
    // The record at the end has 22 bytes and a comment of at most 65,535.
    let tail = length.min(22 + 65_535);
    zip.seek(SeekFrom::Start(length - tail))?;
    let mut bytes = Vec::new();
    zip.take(tail).read_to_end(&mut bytes)?;
    let end = memchr::memmem::rfind(&bytes, b"PK\x05\x06").ok_or(Broken::NotAZip)?;
    let end = bytes.get(end..).ok_or(Broken::NotAZip)?;
    let count = field(end, 10, 2)?;
    let size = field(end, 12, 4)?;
    let start = field(end, 16, 4)?;
    if start == u64::from(u32::MAX) || count == u64::from(u16::MAX) {
        return Err(Broken::Unsupported("a zip64"));
    }
    // A directory of 65,534 files with long names; more is no load.
    if size > length || size > 16 << 20 {
        return Err(Broken::NotAZip);
    }
    zip.seek(SeekFrom::Start(start))?;
    let mut directory = Vec::new();
    zip.take(size).read_to_end(&mut directory)?;
    let mut rest = directory.as_slice();
    let mut entries = Vec::new();
    for _ in 0..count {
        if !rest.starts_with(b"PK\x01\x02") {
            return Err(Broken::NotAZip);
        }
        if field(rest, 8, 2)? & 1 == 1 {
            return Err(Broken::Unsupported("locked with a password"));
        }
        let (name, extra, comment) =
            (narrow(field(rest, 28, 2)?), narrow(field(rest, 30, 2)?), narrow(field(rest, 32, 2)?));
        let text = rest.get(46..46 + name).ok_or(Broken::NotAZip)?;
        let entry = Entry {
            name: String::from_utf8_lossy(text).into_owned(),
            size: field(rest, 24, 4)?,
            method: u16::try_from(field(rest, 10, 2)?).unwrap_or(u16::MAX),
            packed: field(rest, 20, 4)?,
            offset: field(rest, 42, 4)?,
        };
        if !entry.name.ends_with('/') {
            entries.push(entry);
        }
        rest = rest.get(46 + name + extra + comment..).ok_or(Broken::NotAZip)?;
    }
    Ok(entries)
}

fn field(bytes: &[u8], at: usize, length: usize) -> Result<u64, Broken> {
    let bytes = bytes.get(at..at + length).ok_or(Broken::NotAZip)?;
    Ok(bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

/// Unpacks a file of a zip as a stream; a size that the directory does not tell truly is an error at its end.
///
/// # Errors
/// [`Broken`].
pub fn open<R: Read + Seek>(mut zip: R, entry: &Entry) -> Result<Unpack<R>, Broken> {
    zip.seek(SeekFrom::Start(entry.offset))?;
    let mut header = [0; 30];
    zip.read_exact(&mut header)?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err(Broken::NotAZip);
    }
    let skip = field(&header, 26, 2)? + field(&header, 28, 2)?;
    zip.seek(SeekFrom::Start(entry.offset + 30 + skip))?;
    let inflate = match entry.method {
        0 => None,
        8 => Some(Inflate::new(false, 15)),
        _ => return Err(Broken::Unsupported("packed in another way than deflate")),
    };
    Ok(Unpack { zip, left: entry.packed, owed: entry.size, inflate, packed: Vec::new(), at: 0, ended: false })
}

/// A file of a zip, unpacked as it is read.
pub struct Unpack<R> {
    zip: R,
    /// Packed bytes that are not read yet.
    left: u64,
    /// Unpacked bytes that are still to come.
    owed: u64,
    inflate: Option<Inflate>,
    packed: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> Unpack<R> {
    fn more(&mut self) -> io::Result<()> {
        let count = self.left.min(64 << 10);
        self.packed.resize(narrow(count), 0);
        self.zip.read_exact(&mut self.packed)?;
        self.left -= count;
        self.at = 0;
        Ok(())
    }
}

impl<R: Read> Read for Unpack<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() || self.ended {
            return Ok(0);
        }
        loop {
            if self.at >= self.packed.len() && self.left > 0 {
                self.more()?;
            }
            let packed = self.packed.get(self.at..).unwrap_or_default();
            let (read, written, ended) = match &mut self.inflate {
                None => {
                    let count = packed.len().min(into.len());
                    if let (Some(to), Some(from)) = (into.get_mut(..count), packed.get(..count)) {
                        to.copy_from_slice(from);
                    }
                    (count, count, count == 0)
                }
                Some(inflate) => {
                    let (read, written) = (inflate.total_in(), inflate.total_out());
                    let status = inflate.decompress(packed, into, InflateFlush::NoFlush);
                    let ended = match status {
                        Ok(Status::StreamEnd) => true,
                        Ok(_) => false,
                        Err(_) => return Err(io::Error::other("the zip is damaged")),
                    };
                    (narrow(inflate.total_in() - read), narrow(inflate.total_out() - written), ended)
                }
            };
            self.at += read;
            self.ended = ended;
            let given = wide(written);
            if given > self.owed || (ended && given < self.owed) {
                return Err(io::Error::other("the zip is damaged: a file has another size than it says"));
            }
            self.owed -= given;
            if written > 0 || ended {
                return Ok(written);
            }
            if read == 0 && self.left == 0 {
                return Err(io::Error::other("the zip breaks off"));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    #[derive(Default)]
    struct Memory(Vec<u8>);
    impl Output for Memory {
        type Error = std::convert::Infallible;
        fn append(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
        fn patch(&mut self, at: u64, bytes: &[u8]) -> Result<(), Self::Error> {
            let at = narrow(at);
            self.0[at..at + bytes.len()].copy_from_slice(bytes);
            Ok(())
        }
    }

    fn zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut writer = Writer::new(Memory::default());
        for (name, bytes) in files {
            writer.begin(name).unwrap();
            bytes.chunks(1000).for_each(|piece| writer.write(piece).unwrap());
            writer.end().unwrap();
        }
        writer.finish().unwrap().0
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn what_is_packed_is_unpacked(bytes in proptest::collection::vec(any::<u8>(), 0..3000), times in 1_usize..80) {
            let files = [("a.csv", bytes.repeat(times)), ("b.csv", bytes.clone())];
            let packed = zip(&files);
            let mut source = Cursor::new(&packed);
            let entries = entries(&mut source).unwrap();
            for ((name, bytes), entry) in files.iter().zip(&entries) {
                prop_assert_eq!(*name, &entry.name);
                let mut read = Vec::new();
                open(&mut source, entry).unwrap().read_to_end(&mut read).unwrap();
                prop_assert_eq!(&read, bytes);
            }
        }

        #[test]
        fn no_bytes_break_it(at in 0_usize..300, byte in any::<u8>(), cut in 0_usize..300) {
            let mut packed = zip(&[("a.csv", b"some,text\n".repeat(30)), ("b.csv", b"x".to_vec())]);
            let (at, length) = (at % packed.len(), packed.len());
            packed[at] = byte;
            packed.truncate(length - cut % length);
            let mut source = Cursor::new(&packed);
            for entry in entries(&mut source).unwrap_or_default() {
                if let Ok(mut file) = open(&mut source, &entry) {
                    let _ = io::copy(&mut file, &mut io::sink());
                }
            }
        }
    }

    #[test]
    fn other_programs_open_it() {
        let place = std::env::temp_dir().join(format!("tabular-{}.zip", std::process::id()));
        std::fs::write(&place, zip(&[("a.csv", b"1,2\n".repeat(5000)), ("b.csv", b"3\n".to_vec())])).unwrap();
        let told = std::process::Command::new("python3")
            .arg("-c")
            .arg("import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint([(i.filename, i.file_size) for i in z.infolist()])")
            .arg(&place)
            .output();
        let _ = std::fs::remove_file(&place);
        // Where there is no Python there is nobody to ask.
        if let Ok(told) = told {
            assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), "[('a.csv', 20000), ('b.csv', 2)]");
        }
    }
}
