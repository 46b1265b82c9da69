//! `download_attachment`: the contents of one attachment of a record.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::writing::{Key, ResourceName};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind};
use crate::files;
use crate::fusion::pod::Pod;
use crate::fusion::record::key_in_links;
use crate::fusion::target::Target;
use crate::fusion::write::attach::{Place, told};
use crate::problem::{Failure, Result};

/// See the module.
pub struct DownloadAttachment;

/// Bytes of which base64 makes the 16 MiB that an answer holds inline (the contract).
const MOST: u64 = 12 << 20;
/// What is larger goes to the lent directory, where there is one.
const LARGE: u64 = 1 << 20;

/// Which attachment.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Download an attachment", deny_unknown_fields)]
#[allow(missing_docs, reason = "the types tell it")]
pub struct Input {
    pub resource: ResourceName,
    pub key: Key,
    /// The attachment's file name or title; the first one where it is left out.
    #[schemars(title = "Name", length(min = 1), extend("x-connector-visibility" = "important", "x-connector-order" = 3))]
    pub name: Option<String>,
    /// The attachment's own key, the last segment of its own link, where names are not enough.
    #[schemars(title = "Attachment key", length(min = 1, max = 2000), extend("x-connector-visibility" = "advanced", "x-connector-order" = 4))]
    pub attachment_key: Option<String>,
    /// Child that holds attachments, where it is not called attachments.
    #[schemars(title = "Child", extend("x-connector-visibility" = "advanced", "x-connector-order" = 5))]
    pub child: Option<String>,
}

/// An attachment and its contents.
#[derive(JsonSchema)]
#[schemars(title = "Attachment")]
#[allow(dead_code)]
pub struct Output {
    /// FILE, TEXT or WEB_PAGE.
    #[schemars(default)]
    r#type: Option<String>,
    /// File name, or title.
    #[schemars(default)]
    name: Option<String>,
    /// Media type of the contents.
    #[schemars(default)]
    media_type: Option<String>,
    /// Bytes in the contents.
    #[schemars(default)]
    size: Option<u64>,
    /// Contents of a file.
    #[schemars(default)]
    base64: Option<String>,
    /// Path of a large file inside the directory that the host lends, instead of base64.
    #[schemars(default)]
    path: Option<String>,
    /// A text attachment's words.
    #[schemars(default)]
    text: Option<String>,
    /// Address of a link.
    #[schemars(default)]
    link: Option<String>,
}

impl Action for DownloadAttachment {
    const SPEC: Spec = Spec {
        id: "download_attachment",
        title: "Download an attachment",
        description: "Reads one attachment of a record: a file's bytes in base64, a text's words, a link's address. Files up to 12 MiB fit into an answer; where the host lends a directory, those of more than 1 MiB go there, whatever their size.",
        group: "Any record",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"resource":"invoices","key":"300000046987012","name":"scan.pdf"}"#,
        sample_output: r#"{"type":"FILE","name":"scan.pdf","media_type":"application/pdf","size":9,"base64":"JVBERi0xLjQK"}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let target = Target::find(pod, &input.resource.0)?;
        let place = Place::new(pod, &target, &input.key.0, input.child.as_deref())?;
        let wanted = |row: &str| match (&input.attachment_key, &input.name) {
            (Some(key), _) => key_in_links(row).as_ref() == Some(key),
            (None, Some(name)) => {
                ["FileName", "Title"].iter().any(|attribute| told(row, attribute).as_ref() == Some(name))
            }
            (None, None) => true,
        };
        let row = place.find(&wanted)?.ok_or_else(|| {
            let named = input.name.as_ref().map_or(String::new(), |name| format!(" named {name:?}"));
            Failure::permanent(
                ProblemKind::NotFound,
                format!("{} {} has no attachment{named} that this user may see.", target.name, input.key.0),
            )
            .remedy("Check the name: it is the file name or the title, and case counts.")
        })?;
        let kind = told(&row, "Type");
        let name = told(&row, "FileName").or_else(|| told(&row, "Title"));
        if let Some(link) = told(&row, "Url") {
            return Ok(json!({"type": kind, "name": name, "link": link}).to_string());
        }
        if let Some(text) = told(&row, "UploadedText") {
            return Ok(json!({"type": kind, "name": name, "size": text.len(), "text": text}).to_string());
        }
        let told_size = told(&row, "UploadedFileLength").and_then(|length| length.parse::<u64>().ok());
        let keeps = files::lent() && told_size.is_none_or(|size| size > LARGE);
        if let Some(size) = told_size.filter(|size| *size > MOST && !keeps) {
            return Err(too_large(name.as_deref(), size));
        }
        let mut kept = keeps.then(|| files::create(name.as_deref().unwrap_or("attachment"))).transpose()?;
        let mut held = Vec::new();
        let (size, media) = match &mut kept {
            Some(kept) => place.bytes(&row, kept, u64::MAX)?,
            None => place.bytes(&row, &mut held, MOST).map_err(|failure| match failure.kind() {
                ProblemKind::TooLarge => too_large(name.as_deref(), MOST + 1),
                _ => failure,
            })?,
        };
        if let Some(promised) = told_size.filter(|promised| *promised != size) {
            return Err(Failure::transient(
                ProblemKind::UnexpectedResponse,
                format!("The attachment has {promised} bytes, and {size} came."),
            )
            .remedy("Try again; if it stays so, a proxy changes what passes through it."));
        }
        let media = told(&row, "UploadedFileContentType").or(media);
        let (place, contents) = match kept {
            Some(kept) => ("path", kept.finish()?),
            None => ("base64", STANDARD.encode(&held)),
        };
        Ok(json!({"type": kind, "name": name, "media_type": media, "size": size, place: contents}).to_string())
    }
}

fn too_large(name: Option<&str>, size: u64) -> Failure {
    Failure::permanent(
        ProblemKind::TooLarge,
        format!("The attachment {} has {size} bytes or more; {MOST} fit into an answer.", name.unwrap_or_default()),
    )
    .remedy("Have the host lend a directory (harness --files DIR): then it goes there, whatever its size.")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::contract::Kind;
    use crate::http::fake::{Fake, json as answer, typed};
    use crate::operations::Entry;
    use crate::settings::Settings;

    fn run(door: &Fake, name: &str) -> Result<serde_json::Value> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        let input = json!({"resource": "invoices", "key": "7", "name": name}).to_string();
        let text = Entry::find("download_attachment", Kind::Action).unwrap().run(&pod, &input)?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    fn list(length: u64) -> std::result::Result<crate::http::Response, crate::http::SendError> {
        let rows = format!(
            r#"{{"Type":"FILE","FileName":"a.pdf","UploadedFileLength":{length},"links":[{{"rel":"self","href":"https://other.example/x/0001%2FAB"}}]}},{{"Type":"WEB_PAGE","Title":"b","Url":"https://x.example/"}}"#
        );
        answer(200, &format!(r#"{{"items":[{rows}],"count":2,"hasMore":false}}"#))
    }

    #[test]
    fn bytes_come_through_the_enclosure_of_our_own_pod() {
        let door = Fake::new([list(3), typed(200, "application/octet-stream", "<a>")]);
        assert_eq!(run(&door, "a.pdf").unwrap()["base64"], "PGE+");
        let sent = door.sent.borrow();
        assert!(sent[1].path.ends_with("/invoices/7/child/attachments/0001%2FAB/enclosure/FileContents"));
        assert_eq!(sent[1].authority, "pod.example");
        assert!(sent[1].headers.contains(&("accept", "*/*".to_owned())));
    }

    #[test]
    fn a_large_file_goes_to_the_lent_directory() {
        std::fs::create_dir_all(files::root()).unwrap();
        let long = "x".repeat(usize::try_from(LARGE).unwrap() + 1);
        let door = Fake::new([list(LARGE + 1), typed(200, "application/pdf", &long)]);
        let answer = run(&door, "a.pdf").unwrap();
        assert_eq!((&answer["path"], &answer["base64"]), (&json!("a.pdf"), &serde_json::Value::Null));
        assert_eq!(std::fs::read_to_string(files::root().join("a.pdf")).unwrap(), long);
        // What came short is not kept.
        std::fs::remove_file(files::root().join("a.pdf")).unwrap();
        let door = Fake::new([list(LARGE + 2), typed(200, "", &long)]);
        assert!(run(&door, "a.pdf").unwrap_err().again);
        assert_eq!(std::fs::read_dir(files::root()).unwrap().count(), 0);
        std::fs::remove_dir_all(files::root()).unwrap();
    }

    #[test]
    fn links_are_told_and_what_is_missing_or_too_large_is_refused() {
        assert_eq!(run(&Fake::new([list(3)]), "b").unwrap()["link"], "https://x.example/");
        assert_eq!(run(&Fake::new([list(3)]), "c").unwrap_err().kind(), ProblemKind::NotFound);
        let door = Fake::new([list(MOST + 1)]);
        assert_eq!(run(&door, "a.pdf").unwrap_err().kind(), ProblemKind::TooLarge);
        assert_eq!(door.sent.borrow().len(), 1);
        assert!(run(&Fake::new([list(4), typed(200, "", "abc")]), "a.pdf").unwrap_err().again);
    }
}
