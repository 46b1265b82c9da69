//! The content server behind bulk loads: documents with ids, accounts, names and comments (FACTS 3.2, 3.5).
//!
//! Owns what was uploaded and what jobs put there. A document's bytes are shared, never copied, so that one of some
//! hundred megabytes costs its own size. Judges no account: that is [`crate::erp`]'s.

use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// Without `$`: `fin/payables/import`.
    pub(crate) account: String,
    pub(crate) author: String,
    /// `zip`, `csv` and the like, as it was sent.
    pub(crate) content_type: String,
    /// Comments, joined by `;` as they were appended.
    pub(crate) comments: String,
    #[serde(with = "encoded")]
    pub(crate) content: Bytes,
    #[serde(with = "crate::saved::text")]
    pub(crate) created: Timestamp,
}

/// A document before it has an id.
pub(crate) struct Upload<'a> {
    pub(crate) name: &'a str,
    pub(crate) account: &'a str,
    pub(crate) author: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) comments: &'a str,
    pub(crate) content: Bytes,
}

/// All documents, the oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Library {
    documents: Vec<Document>,
    last: u64,
}

/// Ids of seven digits, as recorded (FACTS 7).
const FIRST: u64 = 1_658_850;

/// An account without its dollar signs and its last slash: both spellings are one account (FACTS 3.5).
pub(crate) fn plain(account: &str) -> String {
    account.replace('$', "").trim_end_matches('/').to_owned()
}

impl Library {
    /// Keeps a document under a new id; the same file twice is two documents (FACTS 3.8).
    pub(crate) fn add(&mut self, upload: Upload<'_>, now: Timestamp) -> u64 {
        let id = self.last.max(FIRST).saturating_add(2);
        self.last = id;
        self.documents.push(Document {
            id,
            name: upload.name.to_owned(),
            account: plain(upload.account),
            author: upload.author.to_owned(),
            content_type: upload.content_type.to_owned(),
            comments: upload.comments.to_owned(),
            content: upload.content,
            created: now,
        });
        id
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Document> {
        self.documents.iter().find(|document| document.id == id)
    }

    /// The documents of an account whose names begin so; with a comment, those that bear it.
    pub(crate) fn with_prefix<'s>(
        &'s self,
        prefix: &'s str,
        account: &str,
        comment: Option<&'s str>,
    ) -> impl Iterator<Item = &'s Document> {
        let account = plain(account);
        self.documents.iter().filter(move |document| {
            let bears = |wanted: &str| document.comments.split(';').any(|comment| comment == wanted);
            document.account == account && document.name.starts_with(prefix) && comment.is_none_or(bears)
        })
    }

    /// Adds a comment to the documents of an account that begin so; how many there are.
    pub(crate) fn comment(&mut self, prefix: &str, account: &str, comment: &str) -> usize {
        let account = plain(account);
        let named = self
            .documents
            .iter_mut()
            .filter(|document| document.account == account && document.name.starts_with(prefix));
        let mut count = 0;
        for document in named {
            if !document.comments.is_empty() {
                document.comments.push(';');
            }
            document.comments.push_str(comment);
            count += 1;
        }
        count
    }
}

/// Bytes as base64 in a saved pod.
mod encoded {
    use base64::Engine as _;

    use super::{Bytes, Deserialize as _, Deserializer, STANDARD, Serializer};

    pub(super) fn serialize<S: Serializer>(content: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(content))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Bytes::from).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn upload(name: &str, account: &str) -> (Library, u64) {
        let mut library = Library::default();
        let content = Bytes::from_static(b"PK");
        let id = library.add(
            Upload { name, account, author: "a", content_type: "zip", comments: "", content },
            Timestamp::UNIX_EPOCH,
        );
        (library, id)
    }

    #[test]
    fn both_spellings_of_an_account_are_one() {
        for account in
            ["fin$/payables$/import$", "fin/payables/import", "fin$/payables$/import", "fin$/payables$/import$/"]
        {
            let (library, id) = upload("ap_1.zip", account);
            let found: Vec<u64> =
                library.with_prefix("ap_", "fin$/payables$/import$", None).map(|document| document.id).collect();
            assert_eq!(found, [id], "{account}");
            assert_eq!(library.with_prefix("ap_", "fin/assets/import", None).count(), 0);
            assert_eq!(library.with_prefix("AP_", "fin/payables/import", None).count(), 0);
        }
    }

    #[test]
    fn a_comment_finds_its_documents_again() {
        let (mut library, _) = upload("ap_1.zip", "fin/payables/import");
        assert_eq!(library.comment("ap_1", "fin$/payables$/import$", "processedby=7"), 1);
        assert_eq!(library.comment("gl_1", "fin$/payables$/import$", "processedby=7"), 0);
        library.comment("ap_1", "fin/payables/import", "done");
        assert_eq!(library.with_prefix("ap", "fin/payables/import", Some("processedby=7")).count(), 1);
        assert_eq!(library.with_prefix("ap", "fin/payables/import", Some("processedby")).count(), 0);
    }

    #[test]
    fn a_saved_document_is_the_same() {
        let (library, id) = upload("ap_1.zip", "fin/payables/import");
        let saved = serde_json::to_string(&library).unwrap();
        let opened: Library = serde_json::from_str(&saved).unwrap();
        assert_eq!(opened.get(id).unwrap().content, Bytes::from_static(b"PK"));
    }
}
