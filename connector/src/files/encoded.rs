//! Bytes in base64 between two texts, made while they are read.

use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What is encoded at once; a multiple of three, so that no padding comes before the end.
const CHUNK: usize = 48 * 1024;

/// A text, then the source's bytes in base64 (standard alphabet, padded), then a text.
pub struct Encoded<'a> {
    source: Option<Box<dyn Read + 'a>>,
    after: String,
    ready: Vec<u8>,
    taken: usize,
}

impl<'a> Encoded<'a> {
    /// From its three parts.
    pub fn new(before: &str, source: Box<dyn Read + 'a>, after: &str) -> Self {
        Self { source: Some(source), after: after.to_owned(), ready: before.as_bytes().to_vec(), taken: 0 }
    }

    /// How long it is, where the source has so many bytes.
    pub fn length(before: &str, bytes: u64, after: &str) -> u64 {
        let around = u64::try_from(before.len() + after.len()).unwrap_or(u64::MAX);
        bytes.div_ceil(3).saturating_mul(4).saturating_add(around)
    }
}

impl Read for Encoded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.ready.len() {
            let Some(source) = &mut self.source else { return Ok(0) };
            let mut bytes = Vec::with_capacity(CHUNK);
            source.by_ref().take(u64::try_from(CHUNK).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
            self.taken = 0;
            self.ready = STANDARD.encode(&bytes).into_bytes();
            if bytes.len() < CHUNK {
                self.source = None;
                self.ready.extend_from_slice(self.after.as_bytes());
            }
        }
        let count = self.ready.get(self.taken..).unwrap_or_default().read(buffer)?;
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_encoding_the_whole_gives() {
        for size in [0, 1, 2, 3, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 2] {
            let bytes = vec![7; size];
            let mut made = String::new();
            Encoded::new("{\"", Box::new(&*bytes), "\"}").read_to_string(&mut made).unwrap();
            assert_eq!(made, format!("{{\"{}\"}}", STANDARD.encode(&bytes)));
            assert_eq!(u64::try_from(made.len()).unwrap(), Encoded::length("{\"", bytes.len() as u64, "\"}"));
        }
    }
}
