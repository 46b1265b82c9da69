//! A document that comes as base64 inside JSON, decoded while it comes and held tightly, to be sought in.
//!
//! In memory it lies in small pieces, since a body that grows by doubling takes three times its own size; where
//! the host lends a directory, what is larger goes there and is removed when it is not wanted any more.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::files;
use crate::fusion::fbdi::archive::{Spool, most_held};

/// Bytes of a piece; base64 of it is decoded at once.
const PIECE: usize = 48 << 10;
/// What is held where no directory is lent: a guest of 32 MiB has as much to spare.
const MOST: u64 = 24 << 20;

/// See the module.
#[derive(Default)]
pub struct Held {
    pieces: Vec<Vec<u8>>,
    file: Option<(File, Spool)>,
    lent: Option<PathBuf>,
    call: String,
    len: u64,
    at: u64,
}

impl Held {
    /// An empty one; its file, where it needs one, bears the call's id.
    pub fn new(call: &str) -> Self {
        Self { lent: files::lent().then(files::root), call: call.to_owned(), ..Self::default() }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.len += wide(bytes.len());
        if let Some((file, _)) = &mut self.file {
            return file.write_all(bytes);
        }
        match &self.lent {
            Some(lent) if self.len > wide(most_held(Some(lent))) => {
                let spool = Spool::named(lent, &self.call, "log");
                let mut file = spool.create()?;
                for piece in self.pieces.drain(..) {
                    file.write_all(&piece)?;
                }
                file.write_all(bytes)?;
                self.file = Some((file, spool));
            }
            None if self.len > MOST => {
                return Err(io::Error::other(
                    "it is larger than 24 MiB, and the host lends no directory to put it aside (harness --files DIR)",
                ));
            }
            _ => self.add(bytes),
        }
        Ok(())
    }

    /// Every piece but the last is full.
    fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.pieces.last_mut().filter(|piece| piece.len() < PIECE) {
                Some(piece) => {
                    let (now, later) = bytes.split_at(bytes.len().min(PIECE - piece.len()));
                    piece.extend_from_slice(now);
                    bytes = later;
                }
                None => self.pieces.push(Vec::with_capacity(PIECE)),
            }
        }
    }
}

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Held {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some((file, _)) = &mut self.file {
            return file.read(into);
        }
        let at = usize::try_from(self.at).unwrap_or(usize::MAX);
        let piece = self.pieces.get(at / PIECE).and_then(|piece| piece.get(at % PIECE..));
        let count = piece.unwrap_or_default().read(into)?;
        self.at += wide(count);
        Ok(count)
    }
}

impl Seek for Held {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if let Some((file, _)) = &mut self.file {
            return file.seek(to);
        }
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The member whose text is decoded.
const MEMBER: &[u8] = b"\"DocumentContent\"";

/// Takes an answer as it comes, and decodes its first `DocumentContent` that is a text.
pub struct Decoder {
    held: Held,
    state: State,
    /// Base64 that waits to be a whole piece.
    text: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// So many bytes of the member's name stand before this place.
    Seeking(usize),
    /// Behind the name.
    Value,
    Inside,
    Escaped,
    /// So many digits of an escaped character are still to come.
    Coded(u8, u32),
    Done,
}

impl Decoder {
    /// Into what is empty.
    pub fn new(held: Held) -> Self {
        Self { held, state: State::Seeking(0), text: Vec::with_capacity(PIECE / 3 * 4) }
    }

    /// What was decoded; `None` where there was no document.
    ///
    /// # Errors
    /// Where the answer ended inside of it.
    pub fn finish(mut self) -> io::Result<Option<Held>> {
        match self.state {
            State::Done => {
                self.held.seek(SeekFrom::Start(0))?;
                Ok(Some(self.held).filter(|held| held.len > 0))
            }
            State::Seeking(_) | State::Value => Ok(None),
            _ => Err(io::Error::other("the answer ends inside the document")),
        }
    }

    fn take(&mut self, byte: u8) -> io::Result<()> {
        self.state = match self.state {
            State::Seeking(matched) => match MEMBER.get(matched) {
                Some(next) if *next == byte && matched + 1 == MEMBER.len() => State::Value,
                Some(next) if *next == byte => State::Seeking(matched + 1),
                _ => State::Seeking(usize::from(byte == b'"')),
            },
            State::Value => match byte {
                b'"' => State::Inside,
                b':' => State::Value,
                byte if byte.is_ascii_whitespace() => State::Value,
                _ => State::Seeking(0),
            },
            State::Inside => match byte {
                b'"' => {
                    self.decode()?;
                    State::Done
                }
                b'\\' => State::Escaped,
                byte => self.keep(byte)?,
            },
            State::Escaped => match byte {
                b'u' => State::Coded(4, 0),
                // Line ends and tabs are no part of it.
                b'n' | b'r' | b't' => State::Inside,
                byte => self.keep(byte)?,
            },
            State::Coded(left, code) => {
                let digit = char::from(byte).to_digit(16).ok_or(io::ErrorKind::InvalidData)?;
                match (left, code << 4 | digit) {
                    (1, code) => self.keep(u8::try_from(code).map_err(|_| io::ErrorKind::InvalidData)?)?,
                    (left, code) => State::Coded(left - 1, code),
                }
            }
            State::Done => State::Done,
        };
        Ok(())
    }

    fn keep(&mut self, byte: u8) -> io::Result<State> {
        if !byte.is_ascii_whitespace() {
            self.text.push(byte);
            if self.text.len() == PIECE / 3 * 4 {
                self.decode()?;
            }
        }
        Ok(State::Inside)
    }

    fn decode(&mut self) -> io::Result<()> {
        let bytes = STANDARD.decode(&self.text);
        let bytes = bytes.map_err(|error| io::Error::other(format!("the document is not base64: {error}")))?;
        self.text.clear();
        self.held.append(&bytes)
    }
}

impl Write for Decoder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        bytes.iter().try_for_each(|byte| self.take(*byte))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What an answer holds that comes in pieces of this size.
    fn decoded(answer: &str, size: usize) -> io::Result<Option<Held>> {
        let mut decoder = Decoder::new(Held::default());
        answer.as_bytes().chunks(size).try_for_each(|piece| decoder.write_all(piece))?;
        decoder.finish()
    }

    fn bytes(mut held: Held) -> Vec<u8> {
        let mut out = Vec::new();
        held.read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn a_document_is_found_among_the_members_however_it_is_spelt() {
        for text in [r#""YWI/Yy4="#, r#""YWI\/Yy4\u003d"#, r#"  "YWI/\r\nYy4="#] {
            let answer = format!(r#"{{"items":[{{"A":"DocumentContent","DocumentContent" :{text}","B":1}}]}}"#);
            for size in 1..answer.len() {
                assert_eq!(bytes(decoded(&answer, size).unwrap().unwrap()), b"ab?c.", "{answer}");
            }
        }
        for none in [r#"{"items":[{"DocumentContent":null}]}"#, r#"{"DocumentContent":""}"#, "{}", ""] {
            assert!(decoded(none, 3).unwrap().is_none(), "{none}");
        }
        for broken in [r#"{"DocumentContent":"YWI"#, r#"{"DocumentContent":"Y-I="}"#, r#"{"DocumentContent":"\u00zz"#] {
            assert!(decoded(broken, 3).is_err(), "{broken}");
        }
    }

    #[test]
    fn what_is_too_large_for_memory_names_the_directory() {
        let mut held = Held::default();
        let piece = vec![7; PIECE];
        let error = (0..600).find_map(|_| held.append(&piece).err()).unwrap();
        assert!(error.to_string().contains("--files"), "{error}");
    }

    #[test]
    fn with_a_directory_it_is_put_aside_and_removed() {
        std::fs::create_dir_all(files::root()).unwrap();
        let mut held = Held::new("call");
        (0..40_u8).for_each(|number| held.append(&vec![number; PIECE]).unwrap());
        assert!(held.pieces.is_empty() && std::fs::read_dir(files::root()).unwrap().count() == 1);
        held.seek(SeekFrom::Start(0)).unwrap();
        held.seek(SeekFrom::Current(i64::try_from(39 * PIECE).unwrap())).unwrap();
        let mut last = [0; 4];
        held.read_exact(&mut last).unwrap();
        assert_eq!(last, [39; 4]);
        drop(held);
        assert_eq!(std::fs::read_dir(files::root()).unwrap().count(), 0);
        std::fs::remove_dir_all(files::root()).unwrap();
    }

    proptest! {
        #[test]
        fn it_reads_and_seeks_as_a_file_does(length in 0..3 * PIECE, from in 0..3 * PIECE, size in 1..9_000_usize) {
            let whole: Vec<u8> = (0..length).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
            let answer = format!(r#"{{"DocumentContent":"{}"}}"#, STANDARD.encode(&whole));
            let held = decoded(&answer, size).unwrap();
            prop_assert_eq!(held.is_none(), whole.is_empty());
            if let Some(mut held) = held {
                held.seek(SeekFrom::Start(u64::try_from(from).unwrap())).unwrap();
                prop_assert_eq!(bytes(held), whole.get(from..).unwrap_or_default());
            }
        }

        #[test]
        fn nothing_traps(answer in r#"("DocumentContent"|:| |"|\\|u00|YWI=|\{|,){0,20}"#, size in 1..9_usize) {
            let _ = decoded(&answer, size);
        }
    }
}
