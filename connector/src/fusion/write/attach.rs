//! Attachments of a record: added once, found again by name, size and bytes (FACTS 1.7, 1.12).
//!
//! What is already there is not added again, so a call that is repeated does no harm; an answer that was
//! lost is looked up. Bytes come through the enclosure, whose address is made here and never taken from a link.

use std::cell::RefCell;
use std::io::{self, Read, Write};

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{LOOKS, fits, whole_object};
use crate::contract::ProblemKind;
use crate::files::{self, Encoded};
use crate::fusion::address::{Address, is_resource_name};
use crate::fusion::page::{Envelope, PAGE};
use crate::fusion::pod::{Carried, Doing, Lost, Pod};
use crate::fusion::record::{key_in_links, pick, plain};
use crate::fusion::target::Target;
use crate::http::{Method, Response, Stream};
use crate::problem::{Failure, Result};
use crate::text::shorten;

/// Pages of one record's attachments that are looked through.
const PAGES: usize = 10;

/// What is attached.
#[derive(Clone, Debug)]
pub enum Content {
    /// A file.
    File {
        /// Its name.
        name: String,
        /// Its bytes.
        bytes: Bytes,
        /// How many bytes.
        size: u64,
    },
    /// A text.
    Text(String),
    /// An address.
    Link(String),
}

/// Where a file's bytes are.
#[derive(Clone, Debug)]
pub enum Bytes {
    /// Here.
    Held(Vec<u8>),
    /// In the lent directory, at this path; they are read while they are sent.
    Lent(String),
}

/// An attachment to add.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// What it is.
    pub content: Content,
    /// Title; a file's name where it is left out.
    pub title: Option<String>,
    /// Category, in the user's language.
    pub category: Option<String>,
    /// What it is about.
    pub description: Option<String>,
}

/// An attachment that is there.
#[derive(Debug)]
pub struct Attached {
    /// `added`, `already_there` or `recovered` (added by this call although the answer was lost).
    pub how: &'static str,
    /// As it is stored.
    pub record: String,
}

/// The place of a record's attachments.
pub struct Place<'a> {
    pod: &'a Pod<'a>,
    target: &'a Target,
    key: &'a str,
    address: Address,
    what: String,
}

impl<'a> Place<'a> {
    /// The attachments of one record, in the child of that name.
    ///
    /// # Errors
    /// `invalid-input` for what is no key or no name.
    pub fn new(pod: &'a Pod<'a>, target: &'a Target, key: &'a str, child: Option<&str>) -> Result<Self> {
        let child = child.unwrap_or("attachments");
        if !is_resource_name(child) {
            return Err(Failure::invalid("/child", format!("{child:?} is not the name of a child")));
        }
        let address = target.collection(&pod.settings.api_version).key(key)?.segment("child").segment(child);
        let what = format!("attach to {} {}", target.name, shorten(key, 100));
        Ok(Self { pod, target, key, address, what })
    }

    fn doing(&self) -> Doing<'_> {
        Doing { what: &self.what, object: &self.target.name }
    }

    /// Adds it, unless it is there.
    ///
    /// # Errors
    /// What the pod refused; `unknown-outcome` where it may or may not have been added.
    pub fn add(&self, attachment: &Attachment) -> Result<Attached> {
        if let Some(record) = self.there(attachment)? {
            return Ok(Attached { how: "already_there", record });
        }
        let cause = match self.send(attachment) {
            Ok(response) => match whole_object(&response.body) {
                Some(record) => return Ok(Attached { how: "added", record }),
                None => self.pod.unexpected(self.doing(), "its answer cannot be read").status(response.status),
            },
            Err(Lost::Refused(failure)) => {
                let remedy = match attachment.category {
                    Some(_) => {
                        "Check the category, which is one of those that the pod knows for this kind of record, and the key of the record."
                    }
                    None => {
                        "No category was given, and the pod may demand one for this kind of record: name one that it knows, as in From Supplier; else check the key of the record."
                    }
                };
                return Err(failure.or_remedy(|| remedy.to_owned()));
            }
            Err(Lost::Unknown(failure)) => failure,
        };
        for wait in LOOKS {
            if wait > 0 && self.pod.has_time() {
                self.pod.wait(std::time::Duration::from_millis(wait));
            }
            if let Ok(Some(record)) = self.there(attachment) {
                return Ok(Attached { how: "recovered", record });
            }
            if !self.pod.has_time() {
                break;
            }
        }
        let mut failure = Failure::permanent(
            ProblemKind::UnknownOutcome,
            format!(
                "The attachment may or may not have been added to {} {}: {}",
                self.target.name, self.key, cause.problem.message
            ),
        )
        .remedy("Look at the record's attachments; running this again adds it only where it is not there.");
        failure.problem.http_status = cause.problem.http_status;
        failure.problem.trace_id.clone_from(&cause.problem.trace_id);
        Err(failure)
    }

    /// The attachment, where it is there. A file of its name and size is compared byte by byte, and counts as it
    /// where the pod does not give its bytes.
    ///
    /// # Errors
    /// Those of a read that may pass.
    fn there(&self, attachment: &Attachment) -> Result<Option<String>> {
        let late = RefCell::new(None);
        let found = self.find(&|row| {
            let Content::File { bytes, size, .. } = &attachment.content else { return is_that(attachment, row) };
            let Some(ours) = is_that(attachment, row).then(|| source(bytes).ok()).flatten() else { return false };
            let mut compared = Compared { ours, differ: false };
            match self.bytes(row, &mut compared, *size) {
                Ok((length, _)) => !compared.differ && length == *size,
                Err(_) if compared.differ => false,
                Err(failure) if failure.again => {
                    late.replace(Some(failure));
                    true
                }
                Err(failure) => failure.kind() != ProblemKind::TooLarge,
            }
        })?;
        late.into_inner().map_or(Ok(found), Err)
    }

    /// Sends it; a file's bytes are made base64 on the way, so that only a piece of them is held.
    fn send(&self, attachment: &Attachment) -> std::result::Result<Response, Lost> {
        const KEEP_SMALL: &str = "Attach a smaller file, or keep the file elsewhere and attach a link to it.";
        let (before, after) = body(attachment);
        let fits = |length| {
            fits(self.doing(), length, "/attachment").map_err(|failure| Lost::Refused(failure.remedy(KEEP_SMALL)))
        };
        let Content::File { bytes, size, .. } = &attachment.content else {
            fits(before.len())?;
            return self.pod.write(Method::Post, self.doing(), &self.address, before.as_bytes());
        };
        let len = Encoded::length(&before, *size, after);
        // How large a request may be is guidance (FACTS 1.12): of a file that need not be held the pod decides.
        if matches!(bytes, Bytes::Held(_)) {
            fits(usize::try_from(len).unwrap_or(usize::MAX))?;
        }
        let open = || -> io::Result<Box<dyn Read + '_>> { Ok(Box::new(Encoded::new(&before, source(bytes)?, after))) };
        let carried = Carried { stream: Some(Stream { len, open: &open }), ..Carried::default() };
        self.pod.exact(Method::Post, self.doing(), &self.address, carried).map_err(|lost| match lost {
            Lost::Refused(failure) if failure.kind() == ProblemKind::TooLarge => {
                Lost::Refused(failure.remedy(KEEP_SMALL))
            }
            lost => lost,
        })
    }

    /// The first attachment that fits.
    ///
    /// # Errors
    /// Those of a read.
    pub fn find(&self, fits: &dyn Fn(&str) -> bool) -> Result<Option<String>> {
        let mut offset = 0;
        for _ in 0..PAGES {
            let address = self.address.clone().param("limit", &PAGE.to_string()).param("offset", &offset.to_string());
            let response = self.pod.get(self.doing(), &address)?;
            let envelope: Envelope = crate::json::from_slice(&response.body).map_err(|error| {
                self.pod.garbled(self.doing(), &format!("the body is not a list of attachments ({error})"))
            })?;
            if let Some(row) = envelope.items.iter().find(|row| fits(row.get())) {
                return Ok(Some(row.get().to_owned()));
            }
            offset += envelope.items.len();
            if envelope.has_more != Some(true) || envelope.items.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    /// Passes on the bytes of an attachment that was found, `most` of them at most. Answers how many, and
    /// their media type.
    ///
    /// # Errors
    /// `unexpected-response` where its key is not told; `too-large`; those of a read.
    pub fn bytes(&self, row: &str, to: &mut dyn Write, most: u64) -> Result<(u64, Option<String>)> {
        let key = key_in_links(row)
            .ok_or_else(|| self.pod.unexpected(self.doing(), "the pod does not tell the attachment's key"))?;
        let address = self.address.clone().key(&key)?.segment("enclosure").segment("FileContents");
        let headers = [("accept", "*/*".to_owned())];
        let mut answer = self.pod.open(self.doing(), &address, &headers)?;
        let media = answer.head.header("content-type").map(str::to_owned);
        Ok((self.pod.pass(self.doing(), &address, &mut answer.body, to, most)?, media))
    }
}

/// A file's bytes, from their beginning.
fn source(bytes: &Bytes) -> io::Result<Box<dyn Read + '_>> {
    Ok(match bytes {
        Bytes::Held(bytes) => Box::new(bytes.as_slice()),
        Bytes::Lent(path) => {
            Box::new(files::open("", path).map_err(|failure| io::Error::other(failure.problem.message))?.0)
        }
    })
}

/// Takes bytes for as long as they are ours.
struct Compared<'a> {
    ours: Box<dyn Read + 'a>,
    differ: bool,
}

impl Write for Compared<'_> {
    fn write(&mut self, theirs: &[u8]) -> io::Result<usize> {
        let mut ours = vec![0; theirs.len()];
        self.differ = self.ours.read_exact(&mut ours).is_err() || ours != theirs;
        if self.differ { Err(io::Error::other("it is another file")) } else { Ok(theirs.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An attribute of an attachment as text.
pub fn told(row: &str, attribute: &str) -> Option<String> {
    let [raw] = pick(row, [attribute]);
    raw.and_then(plain).filter(|text| !text.is_empty())
}

/// What is sent: for a file, what stands before and after its bytes in base64.
fn body(attachment: &Attachment) -> (String, &'static str) {
    let mut members = Map::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), Value::from(value));
        }
    };
    let title = attachment.title.as_deref();
    match &attachment.content {
        Content::File { name, .. } => {
            put("Type", Some("FILE"));
            put("FileName", Some(name));
            put("Title", title.or(Some(name)));
        }
        Content::Text(text) => {
            put("Type", Some("TEXT"));
            put("Title", title);
            put("UploadedText", Some(text));
        }
        Content::Link(url) => {
            put("Type", Some("WEB_PAGE"));
            put("Title", title);
            put("Url", Some(url));
        }
    }
    put("Category", attachment.category.as_deref());
    put("Description", attachment.description.as_deref());
    let mut text = Value::Object(members).to_string();
    if !matches!(attachment.content, Content::File { .. }) {
        return (text, "");
    }
    text.pop();
    text.push_str(",\"FileContents\":\"");
    (text, "\"}")
}

/// Whether a row is the attachment: a file by name and size, a text by title and words, a link by address.
fn is_that(attachment: &Attachment, row: &str) -> bool {
    let has = |attribute: &str, value: &str| told(row, attribute).as_deref() == Some(value);
    match &attachment.content {
        Content::File { name, size, .. } => {
            let length = told(row, "UploadedFileLength");
            has("FileName", name) && length.is_none_or(|length| length == size.to_string())
        }
        Content::Text(text) => {
            let [raw]: [Option<&RawValue>; 1] = pick(row, ["UploadedText"]);
            let titled = attachment.title.as_deref().is_none_or(|title| has("Title", title));
            titled && raw.and_then(plain).is_some_and(|stored| stored.trim() == text.trim())
        }
        Content::Link(url) => has("Url", url),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::SendError;
    use crate::http::fake::{Fake, json, typed};
    use crate::settings::Settings;

    fn add(door: &Fake, attachment: &Attachment) -> Result<Attached> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        let target = Target::known("invoices").unwrap().unwrap();
        Place::new(&pod, &target, "7", None)?.add(attachment)
    }

    fn file() -> Attachment {
        let content = Content::File { name: "a.pdf".into(), bytes: Bytes::Held(b"abc".to_vec()), size: 3 };
        Attachment { content, title: None, category: Some("From Supplier".into()), description: None }
    }

    fn list(rows: &str) -> std::result::Result<Response, SendError> {
        json(200, &format!(r#"{{"items":[{rows}],"count":1,"hasMore":false}}"#))
    }

    const THERE: &str = r#"{"FileName":"a.pdf","UploadedFileLength":3}"#;

    #[test]
    fn a_file_is_added_where_none_of_its_name_and_size_is() {
        let door = Fake::new([list(r#"{"FileName":"a.pdf","UploadedFileLength":4}"#), json(201, THERE)]);
        assert_eq!(add(&door, &file()).unwrap().how, "added");
        let sent = door.sent.borrow();
        assert!(sent[1].path.ends_with("/invoices/7/child/attachments"));
        let body: Value = serde_json::from_slice(sent[1].body.as_ref().unwrap()).unwrap();
        assert_eq!(body["FileContents"], "YWJj");
        let door = Fake::new([list(THERE)]);
        assert_eq!(add(&door, &file()).unwrap().how, "already_there");
    }

    #[test]
    fn a_file_of_the_same_name_and_size_is_the_same_where_its_bytes_are() {
        const THEIRS: &str =
            r#"{"FileName":"a.pdf","UploadedFileLength":3,"links":[{"rel":"self","href":"https://h/x/00A1"}]}"#;
        for (theirs, how) in [("abc", "already_there"), ("abd", "added"), ("ab", "added"), ("abcd", "added")] {
            let door = Fake::new([list(THEIRS), typed(200, "application/pdf", theirs), json(201, THERE)]);
            assert_eq!(add(&door, &file()).unwrap().how, how, "{theirs}");
            let path = door.sent.borrow()[1].path.clone();
            assert!(path.ends_with("/invoices/7/child/attachments/00A1/enclosure/FileContents"), "{path}");
        }
        // What the pod does not give cannot be compared; what it does not give now is asked for again.
        let door = Fake::new([list(THEIRS), typed(403, "", "")]);
        assert_eq!(add(&door, &file()).unwrap().how, "already_there");
        let door = Fake::new([list(THEIRS)].into_iter().chain((0..3).map(|_| typed(503, "", ""))));
        assert!(add(&door, &file()).unwrap_err().again);
        assert!(door.sent.borrow().iter().all(|request| request.method == Method::Get));
        // Another that was there before is not what this call sent.
        let other = || typed(200, "", "abd");
        let looks = [
            list(THEIRS),
            other(),
            typed(504, "", ""),
            list(THEIRS),
            other(),
            list(&format!("{THEIRS},{THEIRS}")),
            other(),
            typed(200, "", "abc"),
        ];
        assert_eq!(add(&Fake::new(looks), &file()).unwrap().how, "recovered");
    }

    #[test]
    fn a_file_of_the_lent_directory_is_sent_as_it_is_there() {
        std::fs::create_dir_all(files::root()).unwrap();
        let bytes = vec![0xfe; 200_000];
        std::fs::write(files::root().join("b.bin"), &bytes).unwrap();
        let content = Content::File { name: "b.bin".into(), bytes: Bytes::Lent("b.bin".into()), size: 200_000 };
        let door = Fake::new([list(""), json(201, THERE)]);
        add(&door, &Attachment { content: content.clone(), ..file() }).unwrap();
        let body: Value = serde_json::from_slice(door.sent.borrow()[1].body.as_ref().unwrap()).unwrap();
        assert_eq!(body["FileContents"].as_str().unwrap().len(), 266_668);
        assert_eq!((&body["FileName"], &body["Category"]), (&Value::from("b.bin"), &Value::from("From Supplier")));
        // It grew since its length was read: nothing is sent.
        std::fs::write(files::root().join("b.bin"), [1; 7]).unwrap();
        let door = Fake::new([list("")]);
        assert!(add(&door, &Attachment { content, ..file() }).unwrap_err().problem.message.contains("bytes and not"));
        std::fs::remove_dir_all(files::root()).unwrap();
    }

    #[test]
    fn a_refusal_without_a_category_says_that_none_was_given() {
        let refused = || typed(400, "text/plain", "You must enter a value for Category.");
        let remedy = |given: &Attachment| {
            add(&Fake::new([list(""), refused()]), given).unwrap_err().problem.remedy.unwrap_or_default()
        };
        let none = Attachment { category: None, ..file() };
        assert!(
            remedy(&none).starts_with("No category was given")
                && remedy(&Attachment { category: Some("x".into()), ..file() }).starts_with("Check the category")
        );
    }

    #[test]
    fn an_attachment_whose_answer_was_lost_is_looked_up() {
        let door = Fake::new([list(""), typed(504, "", ""), list(THERE)]);
        assert_eq!(add(&door, &file()).unwrap().how, "recovered");
        let door = Fake::new([list(""), Err(SendError::Broken("x".into())), list(""), list(""), list("")]);
        assert_eq!(add(&door, &file()).unwrap_err().kind(), ProblemKind::UnknownOutcome);
        assert_eq!(door.sent.borrow().iter().filter(|request| request.method == Method::Post).count(), 1);
    }

    #[test]
    fn texts_and_links_are_found_by_what_they_say() {
        let text = |words: &str| Attachment { content: Content::Text(words.into()), ..file() };
        let row = r#"{"Type":"TEXT","UploadedText":"See mail","Url":null}"#;
        assert!(is_that(&text("See mail"), row) && !is_that(&text("See"), row));
        let link = Attachment { content: Content::Link("https://x.example/a".into()), ..file() };
        assert!(is_that(&link, r#"{"Url":"https://x.example/a"}"#) && !is_that(&link, row));
    }
}
