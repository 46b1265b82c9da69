//! Attachments: files, texts and links below any row (FACTS 1.12, 4.1).
//!
//! Owns what each type must bring and what the server fills: the length, the media type, and a text as bytes, so that
//! every attachment but a link can be fetched through its enclosure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::{Resource, Row, Type, Value};
use crate::store::Refusal;
use crate::validate;

/// Whether rows of the resource are attachments, whatever the child is called.
pub(crate) fn is_one(resource: &Resource) -> bool {
    let kind = |name: &str| resource.attribute(name).map(|attribute| attribute.kind);
    kind("FileContents") == Some(Type::Attachment) && kind("Type").is_some()
}

fn text<'r>(resource: &Resource, row: &'r Row, name: &str) -> Option<&'r str> {
    match row.get(resource, name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

/// Refuses a type that is none, and one without what it needs. A file's bytes may come later, through the enclosure.
pub(crate) fn judge(resource: &Resource, row: &Row, path: &str) -> Result<(), Refusal> {
    let kind = text(resource, row, "Type").unwrap_or_default().to_ascii_uppercase();
    let needed = match kind.as_str() {
        "FILE" => "FileName",
        "TEXT" => "UploadedText",
        "WEB_PAGE" | "URL" => "Url",
        _ => return Err(validate::invalid_value("Type", &format!("{path}/Type"))),
    };
    match text(resource, row, needed) {
        Some(given) if !given.is_empty() => Ok(()),
        _ => Err(Refusal::invalid(format!("JBO-27014: Attribute {needed} in {} is required", resource.name))
            .code("27014")
            .at(&format!("{path}/{needed}"))),
    }
}

/// Fills what follows from the contents.
pub(crate) fn fill(resource: &Resource, row: &mut Row) {
    if row.get(resource, "FileContents") == Some(&Value::Null)
        && let Some(given) = text(resource, row, "UploadedText")
    {
        let encoded = STANDARD.encode(given);
        row.set(resource, "FileContents", encoded.into());
    }
    let name = text(resource, row, "FileName").map(str::to_owned);
    if row.get(resource, "Title") == Some(&Value::Null) {
        row.set(resource, "Title", name.clone().into());
    }
    row.set(resource, "UploadedFileName", name.clone().into());
    measure(resource, row);
    if row.get(resource, "UploadedFileContentType") == Some(&Value::Null) {
        let media = name.map(|name| match name.rsplit('.').next().unwrap_or_default() {
            "pdf" => "application/pdf",
            "csv" => "text/csv",
            "txt" => "text/plain",
            "zip" => "application/zip",
            _ => "application/octet-stream",
        });
        row.set(resource, "UploadedFileContentType", media.into());
    }
}

/// Sets the length of the bytes.
pub(crate) fn measure(resource: &Resource, row: &mut Row) {
    let bytes = bytes(resource, row, "FileContents");
    let length = bytes.map(|bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    row.set(resource, "UploadedFileLength", length.into());
}

/// The bytes of an enclosure, if there are any.
pub(crate) fn bytes(resource: &Resource, row: &Row, name: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text(resource, row, name)?).ok()
}
