//! Files as inputs and outputs have them (the contract's shape), and what becomes of a document that came.

use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::contract::ProblemKind;
use crate::files::{self, Encoded};
use crate::fusion::erp::archive::{self, Source};
use crate::http::Stream;
use crate::problem::{Failure, Result};

/// What an answer holds inline (the contract): base64 of 16 MiB.
const INLINE: usize = 12 << 20;
/// Smaller files are answered inline even where a directory is lent.
const SMALL: usize = 256 << 10;

/// A file: its name, and exactly one of text, base64 and path.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "File", deny_unknown_fields)]
pub struct GivenFile {
    /// Name with its ending; that of the path where it is left out.
    #[schemars(title = "Name", length(min = 1, max = 255), extend("x-connector-order" = 1))]
    pub name: Option<String>,
    /// Contents as text, in UTF-8.
    #[schemars(title = "Text", extend("x-connector-order" = 2))]
    pub text: Option<String>,
    /// Contents in base64.
    #[schemars(title = "Base64", extend("x-connector-order" = 3))]
    pub base64: Option<String>,
    /// Path inside the directory that the host lends.
    #[schemars(title = "Path", length(min = 1, max = 1000), extend("x-connector-order" = 4))]
    pub path: Option<String>,
    /// Address of it, on a host that the engine allows.
    #[schemars(title = "Address", length(min = 1, max = 4000), extend("x-connector-order" = 5))]
    pub url: Option<String>,
}

/// A file of an answer: one of text, base64 and path.
#[derive(JsonSchema)]
#[schemars(title = "File")]
#[allow(dead_code)]
pub struct AnsweredFile {
    /// Name; of a file in a zip, with the zip's entry.
    name: String,
    /// Bytes in it.
    size: u64,
    /// Contents, where they are text.
    #[schemars(default)]
    text: Option<String>,
    /// Contents, where they are not.
    #[schemars(default)]
    base64: Option<String>,
    /// Path inside the lent directory, where they are large.
    #[schemars(default)]
    path: Option<String>,
}

impl GivenFile {
    /// Its name.
    ///
    /// # Errors
    /// `invalid-input` where it has none.
    pub fn named(&self, at: &str) -> Result<&str> {
        let last = |path: &'_ str| path.rsplit(['/', '\\']).next().unwrap_or_default().len();
        let name = self.name.as_deref().or_else(|| {
            let path = self.path.as_deref()?;
            path.get(path.len() - last(path)..)
        });
        match name.map(str::trim) {
            Some(name) if !name.is_empty() && !name.contains(['/', '\\']) => Ok(name),
            _ => Err(Failure::invalid(format!("{at}/name"), "a file name is expected, without a folder")),
        }
    }

    /// Its contents in base64, handed over as a stream.
    ///
    /// # Errors
    /// `invalid-input` where it is not exactly one thing, or cannot be read; those of `send`.
    pub fn sent<T>(&self, at: &str, send: impl FnOnce(Stream) -> T) -> Result<T> {
        match (&self.text, &self.base64, &self.path) {
            (Some(text), None, None) if self.url.is_none() => {
                let open = || -> io::Result<Box<dyn Read + '_>> {
                    Ok(Box::new(Encoded::new("", Box::new(text.as_bytes()), "")))
                };
                Ok(send(Stream { len: Encoded::length("", wide(text.len()), ""), open: &open }))
            }
            (None, Some(text), None) if self.url.is_none() => {
                let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
                STANDARD.decode(&bare).map_err(|error| {
                    Failure::invalid(format!("{at}/base64"), format!("this is not base64: {error}"))
                })?;
                let open = || -> io::Result<Box<dyn Read + '_>> { Ok(Box::new(bare.as_bytes())) };
                Ok(send(Stream { len: wide(bare.len()), open: &open }))
            }
            (None, None, Some(path)) if self.url.is_none() => {
                let pointer = format!("{at}/path");
                let (_, len) = files::open(&pointer, path)?;
                let open = || -> io::Result<Box<dyn Read + '_>> {
                    let (file, _) =
                        files::open(&pointer, path).map_err(|failure| io::Error::other(failure.problem.message))?;
                    Ok(Box::new(Encoded::new("", Box::new(file), "")))
                };
                Ok(send(Stream { len: Encoded::length("", len, ""), open: &open }))
            }
            (None, None, None) if self.url.is_some() => {
                Err(Failure::permanent(ProblemKind::Unsupported, "A document is not uploaded from an address.")
                    .remedy("Put the file into the lent directory and give its path, or give it as text or base64."))
            }
            _ => Err(Failure::invalid(at, "a file has exactly one of text, base64 and path")),
        }
    }
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A file of an answer: in the lent directory where it is large and one is lent, else inline.
///
/// # Errors
/// `too-large` where it does not fit and nothing is lent.
pub fn answered(name: &str, bytes: Vec<u8>, inline: &mut usize) -> Result<Value> {
    use std::io::Write as _;
    let size = bytes.len();
    if size > SMALL && files::lent() {
        let mut kept = files::create(name)?;
        let written = kept.write_all(&bytes);
        written.map_err(|error| {
            Failure::permanent(
                ProblemKind::Unavailable,
                format!("{name:?} could not be written to the lent directory ({error})."),
            )
        })?;
        return Ok(json!({"name": name, "size": size, "path": kept.finish()?}));
    }
    *inline = inline.saturating_add(size);
    if *inline > INLINE {
        return Err(Failure::permanent(
            ProblemKind::TooLarge,
            format!("{name:?} has {size} bytes, and an answer holds {INLINE} in all."),
        )
        .remedy("Lend the connector a directory (harness --files DIR): what is large is put there."));
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(json!({"name": name, "size": size, "text": text})),
        Ok(text) => Ok(json!({"name": name, "size": size, "base64": STANDARD.encode(text)})),
        Err(error) => Ok(json!({"name": name, "size": size, "base64": STANDARD.encode(error.into_bytes())})),
    }
}

/// As [`answered`], read as it comes: what is large passes into the lent directory and is not held.
fn passed(name: &str, from: &mut dyn Read, inline: &mut usize) -> Result<Value> {
    let broken = |error: io::Error| {
        Failure::permanent(ProblemKind::Unavailable, format!("{name:?} could not be passed on ({error})."))
            .remedy("Check that the lent directory may be written to and has room; download the document unopened (open: false) where it is damaged.")
    };
    let most = if files::lent() { SMALL } else { INLINE };
    let mut bytes = Vec::new();
    from.take(wide(most).saturating_add(1)).read_to_end(&mut bytes).map_err(broken)?;
    if bytes.len() <= most || !files::lent() {
        return answered(name, bytes, inline);
    }
    let mut kept = files::create(name)?;
    let size = io::copy(&mut bytes.chain(from), &mut kept).map_err(broken)?;
    Ok(json!({"name": name, "size": size, "path": kept.finish()?}))
}

/// The files of a document: those inside it where it is a zip and is to be opened, else itself.
///
/// # Errors
/// `too-large`; `unexpected-response` for a zip that cannot be read.
pub fn opened(name: &str, document: &mut dyn Source, open: bool) -> Result<Vec<Value>> {
    let mut inline = 0;
    let mut head = Vec::new();
    let read = Read::take(&mut *document, 4).read_to_end(&mut head).and_then(|_| document.rewind());
    read.map_err(|error| Failure::internal(error.to_string()))?;
    if !open || !archive::is_zip(&head) {
        return Ok(vec![passed(name, document, &mut inline)?]);
    }
    let (mut found, mut failed) = (Vec::new(), None);
    let read = archive::streams(document, &mut |name, mut file| match passed(name, &mut file, &mut inline) {
        Ok(file) => {
            found.push(file);
            Ok(())
        }
        Err(failure) => {
            failed = Some(failure);
            Err(io::ErrorKind::Other.into())
        }
    });
    if let Some(failure) = failed {
        return Err(failure);
    }
    match read {
        Ok(()) => Ok(found),
        Err(fault) => {
            Err(Failure::permanent(ProblemKind::UnexpectedResponse, format!("{name:?} cannot be opened: {fault}."))
                .remedy("Download it unopened (open: false)."))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::fusion::erp::archive::tests::zip;

    #[test]
    fn what_is_large_passes_into_the_lent_directory_and_is_refused_without_one() {
        let large = vec![7; INLINE + 1];
        let zip = zip(&[("1.log", b"one"), ("2.pdf", &large)]);
        let open = |open| opened("a.zip", &mut Cursor::new(zip.clone()), open);
        let failure = open(true).unwrap_err();
        assert!(failure.kind() == ProblemKind::TooLarge && failure.problem.message.contains("2.pdf"));
        std::fs::create_dir_all(files::root()).unwrap();
        let found = open(true).unwrap();
        assert_eq!(found[0], json!({"name": "1.log", "size": 3, "text": "one"}));
        assert_eq!(found[1], json!({"name": "2.pdf", "size": large.len(), "path": "2.pdf"}));
        assert_eq!(std::fs::read(files::root().join("2.pdf")).unwrap(), large);
        assert_eq!(open(false).unwrap()[0]["base64"], STANDARD.encode(&zip));
        std::fs::remove_dir_all(files::root()).unwrap();
    }
}
