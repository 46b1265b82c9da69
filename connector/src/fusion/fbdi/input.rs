//! Files of the input, opened as streams: text, base64, a path in the lent directory, an address, or a file of a
//! zip. What is no CSV is recognised here and told.

use std::cell::RefCell;
use std::fs::{File, Metadata};
use std::io::{self, Cursor, Read, Seek};
use std::path::{Component, Path};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tabular::delimited::{Fault, Reader};
use tabular::zip::{self, Broken, Entry};

use super::archive::Spool;
use super::{Content, InputFile, Options, Source, Urls};
use crate::contract::ProblemKind;
use crate::problem::{Failure, Result};

/// What can be sought in.
pub trait Seekable: Read + Seek {}
impl<T: Read + Seek> Seekable for T {}

/// One CSV of the input.
pub struct Input {
    /// Its name as the person gave it.
    pub name: String,
    place: Place,
}

/// How a CSV is written.
pub struct Form {
    /// What stands between cells.
    pub delimiter: u8,
    /// Whether it begins with a byte order mark.
    marked: bool,
    /// Whether its line ends are those of Windows.
    windows: bool,
}

impl Form {
    /// Codes and words of what is written otherwise than a loader takes it.
    pub fn repaired(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let between = match self.delimiter {
            b';' => Some("Semicolons between cells are sent as commas."),
            b'\t' => Some("Tabs between cells are sent as commas."),
            b'|' => Some("Bars between cells are sent as commas."),
            _ => None,
        };
        let mark = self.marked.then_some("The byte order mark at the beginning is left out.");
        let ends = self.windows.then_some("Windows line ends are sent as plain ones.");
        let all = [("delimiter_repaired", between), ("byte_order_mark", mark), ("line_ends_repaired", ends)];
        all.into_iter().filter_map(|(code, what)| Some((code, what?)))
    }
}

enum Place {
    File(usize),
    Entry(Entry),
}

/// The CSVs of an input, to be opened as often as needed.
pub struct Inputs<'a> {
    files: &'a [InputFile<'a>],
    zip: Option<Zip<'a>>,
    options: &'a Options<'a>,
    urls: &'a dyn Urls,
    /// Files of the lent directory as they were when they were opened.
    seen: RefCell<Vec<(String, Stood)>>,
    /// The CSVs.
    pub list: Vec<Input>,
    /// Files of a zip that are none.
    pub others: Vec<String>,
}

enum Zip<'a> {
    Memory(Vec<u8>),
    Path(&'a str),
    Spool(Spool),
}

impl<'a> Inputs<'a> {
    /// What there is; nested rows have none.
    ///
    /// # Errors
    /// A zip that cannot be read, or that holds no CSV.
    pub fn new(source: &'a Source<'a>, options: &'a Options<'a>, urls: &'a dyn Urls) -> Result<Self> {
        let (list, others, seen) = (Vec::new(), Vec::new(), RefCell::default());
        let mut inputs = Self { files: &[], zip: None, options, urls, seen, list, others };
        match source {
            Source::Rows(_) => {}
            Source::Files(files) => {
                inputs.files = files;
                inputs.list = files
                    .iter()
                    .enumerate()
                    .map(|(at, file)| Input { name: file.name.to_string(), place: Place::File(at) })
                    .collect();
            }
            Source::Zip(file) => {
                inputs.zip = Some(inputs.hold(file)?);
                let broken = |broken: Broken| unreadable(&file.name, &broken.to_string());
                let entries = zip::entries(&mut inputs.zip()?).map_err(broken)?;
                for entry in entries {
                    if entry.name.to_ascii_lowercase().ends_with(".csv") && !of_the_desktop(&entry.name) {
                        inputs.list.push(Input { name: entry.name.clone(), place: Place::Entry(entry) });
                    } else {
                        inputs.others.push(entry.name);
                    }
                }
                if inputs.list.is_empty() {
                    return Err(Failure::invalid("/zip", format!("{} holds no CSV", file.name)));
                }
            }
        }
        Ok(inputs)
    }

    /// A zip has to be sought in: what is no file of the lent directory is held.
    fn hold(&self, file: &'a InputFile<'a>) -> Result<Zip<'a>> {
        if let Content::Path(path) = &file.content {
            return Ok(Zip::Path(path));
        }
        let mut source = self.content(file)?;
        let mut bytes = Vec::new();
        let failed = |error: io::Error| unreadable(&file.name, &error.to_string());
        let most = super::archive::most_held(self.options.lent);
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        (&mut source).take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() <= most {
            return Ok(Zip::Memory(bytes));
        }
        let Some(lent) = self.options.lent else {
            return Err(super::no_room(&format!("{} is larger than 8 MiB", file.name)));
        };
        let spool = Spool::named(lent, self.options.call_id, "in");
        let mut copy = spool.create().map_err(|error| super::lent_failed(&error))?;
        io::Write::write_all(&mut copy, &bytes).map_err(|error| super::lent_failed(&error))?;
        io::copy(&mut source, &mut copy).map_err(failed)?;
        Ok(Zip::Spool(spool))
    }

    fn zip(&self) -> Result<Box<dyn Seekable + '_>> {
        Ok(match &self.zip {
            Some(Zip::Memory(bytes)) => Box::new(Cursor::new(bytes.as_slice())),
            Some(Zip::Path(path)) => Box::new(self.path(path)?),
            Some(Zip::Spool(spool)) => Box::new(File::open(spool.path()).map_err(|error| super::lent_failed(&error))?),
            None => return Err(Failure::internal("There is no zip.")),
        })
    }

    /// Opens a CSV: behind its byte order mark, with what stands between its cells.
    ///
    /// # Errors
    /// A file that is not there, or that is no CSV.
    pub fn open(&self, input: &Input) -> Result<Reader<'_>> {
        self.formed(input).map(|(reader, _)| reader)
    }

    /// As [`Inputs::open`], with how the file is written.
    ///
    /// # Errors
    /// As there.
    pub fn formed(&self, input: &Input) -> Result<(Reader<'_>, Form)> {
        let source: Box<dyn Read + '_> = match &input.place {
            Place::File(at) => match self.files.get(*at) {
                Some(file) => self.content(file)?,
                None => return Err(Failure::internal("A file of the input is gone.")),
            },
            Place::Entry(entry) => {
                let opened = zip::open(self.zip()?, entry);
                Box::new(opened.map_err(|broken| unreadable(&input.name, &broken.to_string()))?)
            }
        };
        let mut reader = Reader::new(source).map_err(|error| unreadable(&input.name, &error.to_string()))?;
        let marked = reader.head().starts_with(b"\xef\xbb\xbf");
        if marked {
            reader.skip(3);
        }
        if let Some(what) = not_a_csv(reader.head()) {
            return Err(unreadable(&input.name, what).remedy("Save it as a CSV in UTF-8 and give that file."));
        }
        let windows = reader.head().windows(2).any(|pair| pair == b"\r\n");
        let form = Form { delimiter: delimiter(reader.head()), marked, windows };
        reader.delimiter(form.delimiter);
        Ok((reader, form))
    }

    fn content<'s>(&'s self, file: &'s InputFile<'_>) -> Result<Box<dyn Read + 's>> {
        Ok(match &file.content {
            Content::Text(text) => Box::new(text.as_bytes()),
            Content::Base64(text) => Box::new(Decode { text: text.as_bytes(), bytes: Vec::new(), given: 0 }),
            Content::Path(path) => Box::new(self.path(path)?),
            Content::Url(url) => self.urls.open(url)?,
        })
    }

    fn path(&self, path: &str) -> Result<File> {
        let Some(lent) = self.options.lent else {
            return Err(Failure::invalid("/files", format!("{path} is a path, and the host lends no directory"))
                .remedy(
                    "Lend the connector a directory (`harness --files DIR`), or give the file as text or base64.",
                ));
        };
        if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(Failure::invalid("/files", format!("{path} leads out of the lent directory")));
        }
        let opened = File::open(lent.join(path)).map_err(|error| {
            Failure::permanent(ProblemKind::NotFound, format!("{path} cannot be read in the lent directory: {error}."))
                .remedy("Paths are relative to the directory that the host lends.")
        })?;
        self.seen.borrow_mut().push((path.to_owned(), stood(opened.metadata())));
        Ok(opened)
    }

    /// Whether the files of the lent directory are as they were when each was opened: rows may be missing of one that
    /// was written meanwhile.
    ///
    /// # Errors
    /// The file that is not.
    pub fn unchanged(&self) -> Result<()> {
        let Some(lent) = self.options.lent else { return Ok(()) };
        match self.seen.borrow().iter().find(|(path, then)| stood(std::fs::metadata(lent.join(path))) != *then) {
            Some((path, _)) => Err(unreadable(path, "it was changed while it was read")
                .remedy("Nothing was sent; make the call again once nobody writes to it.")),
            None => Ok(()),
        }
    }
}

/// When a file was written last; nothing where that cannot be told.
type Stood = Option<SystemTime>;

fn stood(about: io::Result<Metadata>) -> Stood {
    about.and_then(|about| about.modified()).ok()
}

/// A file that cannot be read.
pub fn unreadable(name: &str, why: &str) -> Failure {
    Failure::permanent(ProblemKind::InvalidInput, format!("{name} cannot be read: {why}."))
}

/// A fault of a CSV, with its place.
pub fn faulty(name: &str, fault: &Fault) -> Failure {
    let failure = unreadable(name, &fault.to_string());
    match fault {
        Fault::Source(_) => failure,
        _ => failure.remedy("Correct the line; a quote inside quotes is written twice."),
    }
}

/// What a Mac puts beside each file of a zip, under its name.
fn of_the_desktop(name: &str) -> bool {
    name.split(['/', '\\']).any(|part| part == "__MACOSX" || part.starts_with("._"))
}

fn not_a_csv(head: &[u8]) -> Option<&'static str> {
    Some(match head {
        [b'P', b'K', 3 | 5, ..] => "it is a zip or a spreadsheet (XLSX), not a CSV",
        [0xd0, 0xcf, 0x11, 0xe0, ..] => "it is a spreadsheet (XLS), not a CSV",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is in UTF-16",
        [b'%', b'P', b'D', b'F', ..] => "it is a PDF, not a CSV",
        [b'{' | b'<', ..] => "it is JSON, XML or HTML, not a CSV",
        _ if head.iter().take(4096).any(|byte| *byte == 0) => "it is a binary file, not a CSV",
        _ => return None,
    })
}

/// What stands most often outside quotes in the first line; a comma unless something else clearly does.
fn delimiter(head: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0_u32), (b';', 0), (b'\t', 0), (b'|', 0)];
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted && counts.iter().any(|(_, count)| *count > 0) => break,
            _ if quoted => {}
            other => counts.iter_mut().filter(|(one, _)| one == other).for_each(|(_, count)| *count += 1),
        }
    }
    let mut best = (b',', 0);
    for (byte, count) in counts {
        if count > best.1 {
            best = (byte, count);
        }
    }
    best.0
}

/// Bytes of base64, decoded as they are read.
struct Decode<'a> {
    text: &'a [u8],
    bytes: Vec<u8>,
    given: usize,
}

impl Read for Decode<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.bytes.len() {
            let mut piece = Vec::with_capacity(64 << 10);
            let mut taken = 0;
            for byte in self.text {
                if piece.len() == 64 << 10 {
                    break;
                }
                taken += 1;
                if !byte.is_ascii_whitespace() {
                    piece.push(*byte);
                }
            }
            self.text = self.text.get(taken..).unwrap_or_default();
            self.bytes = STANDARD.decode(&piece).map_err(|_| io::Error::other("it is not base64"))?;
            self.given = 0;
        }
        let rest = self.bytes.get(self.given..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}
