//! `add_attachment`: a file, a text or a link, attached to a record once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::Record;
use super::writing::{Key, ResourceName, flat};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::files;
use crate::fusion::pod::Pod;
use crate::fusion::target::Target;
use crate::fusion::write::attach::{Attachment, Bytes, Content, Place};
use crate::problem::{Failure, Result};

/// See the module.
pub struct AddAttachment;

/// What to attach, and to what.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Add an attachment", deny_unknown_fields)]
#[allow(missing_docs, reason = "the types tell it")]
pub struct Input {
    pub resource: ResourceName,
    pub key: Key,
    /// The attachment: exactly one of file, text and link.
    #[schemars(title = "Attachment", extend("x-connector-visibility" = "important", "x-connector-order" = 3))]
    pub attachment: Given,
    /// Child that holds attachments, where it is not called attachments.
    #[schemars(title = "Child", extend("x-connector-visibility" = "advanced", "x-connector-order" = 4))]
    pub child: Option<String>,
}

/// An attachment: exactly one of file, text and link.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Attachment", deny_unknown_fields)]
pub struct Given {
    /// A file.
    #[schemars(title = "File")]
    pub file: Option<File>,
    /// A text.
    #[schemars(title = "Text")]
    pub text: Option<String>,
    /// Address of a page.
    #[schemars(title = "Link")]
    pub link: Option<String>,
    /// Title; a file's name where it is left out.
    #[schemars(title = "Title", length(max = 80))]
    pub title: Option<String>,
    /// Category as the pod names it, as in From Supplier.
    #[schemars(title = "Category")]
    pub category: Option<String>,
    /// What it is about.
    #[schemars(title = "Description")]
    pub description: Option<String>,
}

/// A file: its name, and its contents as text, in base64 or in the directory that the host lends.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "File", deny_unknown_fields)]
pub struct File {
    /// Name with its ending.
    #[schemars(title = "Name", length(min = 1, max = 255))]
    pub name: String,
    /// Contents as text, stored in UTF-8.
    #[schemars(title = "Text")]
    pub text: Option<String>,
    /// Contents in base64.
    #[schemars(title = "Base64")]
    pub base64: Option<String>,
    /// Path inside the directory that the host lends; read while it is sent, so it may be large.
    #[schemars(title = "Path", length(min = 1))]
    pub path: Option<String>,
}

/// What became of it.
#[derive(JsonSchema)]
#[schemars(title = "Attached")]
#[allow(dead_code)]
pub struct Output {
    /// added, already_there, or recovered (added by this call although the answer was lost).
    outcome: String,
    /// The attachment as it is stored.
    record: Record,
}

impl Given {
    /// The attachment; `at` is its JSON pointer in the input.
    ///
    /// # Errors
    /// `invalid-input` where it is not exactly one thing, or a file's contents are not base64.
    pub fn read(&self, at: &str) -> Result<Attachment> {
        let content = match (&self.file, &self.text, &self.link) {
            (Some(file), None, None) => file.read(&format!("{at}/file"))?,
            (None, Some(text), None) if !text.is_empty() => Content::Text(text.clone()),
            (None, None, Some(link)) if link.starts_with("https://") || link.starts_with("http://") => {
                Content::Link(link.clone())
            }
            (None, None, Some(_)) => {
                return Err(Failure::invalid(format!("{at}/link"), "an address beginning with https:// is expected"));
            }
            _ => return Err(Failure::invalid(at, "exactly one of file, text and link is expected")),
        };
        Ok(Attachment {
            content,
            title: self.title.clone(),
            category: self.category.clone(),
            description: self.description.clone(),
        })
    }
}

impl File {
    fn read(&self, at: &str) -> Result<Content> {
        let bytes = match (&self.text, &self.base64, &self.path) {
            (Some(text), None, None) => text.clone().into_bytes(),
            (None, None, Some(path)) => {
                let (_, size) = files::open(&format!("{at}/path"), path)?;
                return Ok(Content::File { name: self.name.clone(), bytes: Bytes::Lent(path.clone()), size });
            }
            (None, Some(encoded), None) => {
                let bare: String = encoded.chars().filter(|c| !c.is_ascii_whitespace()).collect();
                STANDARD
                    .decode(bare)
                    .map_err(|error| Failure::invalid(format!("{at}/base64"), format!("this is not base64: {error}")))?
            }
            _ => return Err(Failure::invalid(at, "a file has exactly one of text, base64 and path")),
        };
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(Content::File { name: self.name.clone(), bytes: Bytes::Held(bytes), size })
    }
}

impl Action for AddAttachment {
    const SPEC: Spec = Spec {
        id: "add_attachment",
        title: "Add an attachment",
        description: "Attaches a file, a text or a link to a record. What is there already, a file of the same name and bytes, is not added again.",
        group: "Any record",
        effect: Effect::Update,
        idempotency: Idempotency::NaturalKey,
        paged: false,
        sample_input: r#"{"resource":"invoices","key":"300000046987012","attachment":{"file":{"name":"scan.pdf","base64":"JVBERi0xLjQK"},"category":"From Supplier"}}"#,
        sample_output: r#"{"outcome":"added","record":{"FileName":"scan.pdf","UploadedFileLength":9}}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let attachment = input.attachment.read("/attachment")?;
        let target = Target::find(pod, &input.resource.0)?;
        let added = Place::new(pod, &target, &input.key.0, input.child.as_deref())?.add(&attachment)?;
        Ok(format!("{{\"outcome\":\"{}\",\"record\":{}}}", added.how, flat(&added.record)))
    }
}
