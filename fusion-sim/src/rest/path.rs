//! Paths below a root: `/{root}/resources/{version}/…` (FACTS 1.1, 1.7).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::model::Root;

/// The version that `latest` means.
pub(crate) const VERSION: &str = "11.13.18.05";

/// What a key keeps unencoded: RFC 3986's unreserved characters (recorded: `OPS%3A300…`, FACTS 1.6).
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes a key for a path.
pub(crate) fn encode_key(key: &str) -> String {
    utf8_percent_encode(key, KEY).to_string()
}

/// A path below a root, its segments percent-decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// The root.
    pub(crate) root: Root,
    /// The version segment; none in `/{root}/resources/`.
    pub(crate) version: Option<String>,
    /// What stands below the version.
    pub(crate) segments: Vec<String>,
}

/// The first segment of a root's paths.
pub(crate) fn root_name(root: Root) -> &'static str {
    match root {
        Root::Fscm => "fscmRestApi",
        Root::Hcm => "hcmRestApi",
        Root::Crm => "crmRestApi",
    }
}

impl Path {
    /// Reads a path; `None` where it is not one of the framework's.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let root = match parts.next()? {
            "fscmRestApi" => Root::Fscm,
            "hcmRestApi" => Root::Hcm,
            "crmRestApi" => Root::Crm,
            _ => return None,
        };
        if parts.next()? != "resources" {
            return None;
        }
        let mut decoded = Vec::new();
        for part in parts {
            decoded.push(percent_decode_str(part).decode_utf8().ok()?.into_owned());
        }
        if decoded.last().is_some_and(String::is_empty) {
            decoded.pop();
        }
        if decoded.iter().any(String::is_empty) {
            return None;
        }
        let version = if decoded.is_empty() { None } else { Some(decoded.remove(0)) };
        if version.as_deref().is_some_and(|version| version != VERSION && version != "latest") {
            return None;
        }
        Some(Self { root, version, segments: decoded })
    }
}
