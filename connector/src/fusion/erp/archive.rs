//! Zips that a pod hands out: logs, reports and exports, read with bounds (FACTS 3.3).
//!
//! Nothing is believed of an archive's own numbers: what comes out of an entry is counted while it comes, so
//! that a small file cannot fill the memory. Zips within zips are opened to a depth of three.

use std::io::{self, BufRead, BufReader, Cursor, Read, Seek};

use tabular::zip;

use super::held::Held;

/// What all entries of one archive may come to.
pub const MOST: u64 = 24 << 20;
/// What they may come to where nobody holds them.
pub const MOST_PASSED: u64 = 1 << 30;
/// Entries that are looked at.
const ENTRIES: usize = 2_000;
/// Zips within zips.
const DEPTH: u8 = 3;

/// Why an archive cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It has no directory of its entries.
    #[error("this is not a zip")]
    NotZip,
    /// An entry does not hold what the directory promises.
    #[error("the zip is damaged")]
    Damaged,
    /// It comes to more than is taken.
    #[error("the zip holds more than {MOST} bytes")]
    TooLarge,
    /// Encrypted, or of a method that nobody uses.
    #[error("the zip is compressed or encrypted in a way that is not read here")]
    Method,
}

/// Whether bytes look like a zip.
pub fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Hands over each file with its name, those of zips within zips with the names of both.
///
/// # Errors
/// [`Fault`]; what was handed over before is right.
pub fn files(bytes: &[u8], take: &mut dyn FnMut(&str, Vec<u8>)) -> Result<(), Fault> {
    within(&mut Cursor::new(bytes), "", DEPTH, &mut MOST.clone(), &mut |name, file| {
        let mut out = Vec::new();
        file.read_to_end(&mut out)?;
        take(name, out);
        Ok(())
    })
}

/// As [`files`], each to be read as it is unpacked; all of them may come to [`MOST_PASSED`].
///
/// # Errors
/// [`Fault`].
pub fn streams(zip: &mut dyn Source, take: &mut Take) -> Result<(), Fault> {
    within(zip, "", DEPTH, &mut MOST_PASSED.clone(), take)
}

/// What a zip is read from.
pub trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// Takes a file.
pub type Take<'t> = dyn FnMut(&str, &mut dyn BufRead) -> io::Result<()> + 't;

fn within(mut zip: &mut dyn Source, below: &str, depth: u8, left: &mut u64, take: &mut Take) -> Result<(), Fault> {
    for entry in zip::entries(&mut zip)?.iter().take(ENTRIES) {
        let name = format!("{below}{}", entry.name);
        // What is a zip has to be held, or put aside.
        let head = zip::open(&mut zip, entry).map(|file| BufReader::new(file.take(4)))?.fill_buf().map(is_zip);
        let packed = depth > 0 && head.map_err(|_| Fault::Damaged)?;
        let limit = if packed { (*left).min(MOST) } else { *left }.saturating_add(1);
        let mut file = BufReader::new(zip::open(&mut zip, entry)?.take(limit));
        let mut inner = Held::new("");
        let read = if packed { io::copy(&mut file, &mut inner).map(|_| ()) } else { take(&name, &mut file) };
        let rest = file.get_ref().limit();
        *left = left.saturating_sub(limit - rest);
        if rest == 0 {
            return Err(Fault::TooLarge);
        }
        read.map_err(|_| Fault::Damaged)?;
        if packed {
            within(&mut inner, &format!("{name}/"), depth - 1, left, take)?;
        }
    }
    Ok(())
}

impl From<zip::Broken> for Fault {
    fn from(broken: zip::Broken) -> Self {
        match broken {
            zip::Broken::NotAZip => Self::NotZip,
            zip::Broken::Unsupported(_) => Self::Method,
            zip::Broken::Source(_) => Self::Damaged,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]
pub(crate) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use proptest::prelude::*;

    use super::*;

    /// A zip of these files, compressed.
    pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, bytes) in files {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            let packed = encoder.finish().unwrap();
            let mut about = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            for number in [packed.len() as u32, bytes.len() as u32] {
                about.extend(number.to_le_bytes());
            }
            about.extend((name.len() as u16).to_le_bytes());
            about.extend([0, 0]);
            directory.extend(b"PK\x01\x02\x14\x00");
            directory.extend(&about);
            directory.extend([0; 10]);
            directory.extend((out.len() as u32).to_le_bytes());
            directory.extend(name.as_bytes());
            out.extend(b"PK\x03\x04");
            out.extend(&about);
            out.extend(name.as_bytes());
            out.extend(packed);
        }
        let (at, count) = (out.len() as u32, files.len() as u16);
        out.extend(&directory);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend(count.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend((directory.len() as u32).to_le_bytes());
        out.extend(at.to_le_bytes());
        out.extend([0, 0]);
        out
    }

    fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        let mut found = Vec::new();
        files(bytes, &mut |name, bytes| found.push((name.to_owned(), bytes))).map(|()| found)
    }

    #[test]
    fn zips_within_zips_are_opened() {
        let inner = zip(&[("a.xml", b"<a/>")]);
        let found = read(&zip(&[("1.log", b"one"), ("2.zip", &inner)])).unwrap();
        assert_eq!(found, [("1.log".into(), b"one".to_vec()), ("2.zip/a.xml".into(), b"<a/>".to_vec())]);
    }

    #[test]
    fn what_is_no_zip_or_a_bomb_is_refused() {
        assert_eq!(read(b"hello").unwrap_err(), Fault::NotZip);
        let bomb = zip(&[("b", &vec![0; (MOST + 1) as usize])]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(read(&bomb).unwrap_err(), Fault::TooLarge);
    }

    proptest! {
        #[test]
        fn damage_never_traps(at in 0..200_usize, byte in any::<u8>(), cut in 0..200_usize) {
            let mut bytes = zip(&[("1.log", b"one"), ("2.txt", b"two two two two")]);
            let length = bytes.len();
            bytes[at % length] = byte;
            let _ = read(&bytes);
            let _ = read(&bytes[..cut % length]);
        }
    }
}
