//! The body of a POST: flat, its values text; read in place, since one of them may hold hundreds of megabytes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::model::{Resource, Row};
use crate::rest::error::PodError;

/// Attributes as they were sent.
pub(crate) struct Body<'b> {
    members: BTreeMap<String, Cow<'b, str>>,
}

impl<'b> Body<'b> {
    /// Reads a body of attributes of the resource. Nulls are as if they were not there.
    ///
    /// # Errors
    ///
    /// 400: not a JSON object, an attribute that there is not (in that case, FACTS 3.1), a value that is no text.
    pub(crate) fn read(bytes: &'b [u8], resource: &Resource) -> Result<Self, PodError> {
        let raw: BTreeMap<String, &'b RawValue> = serde_json::from_slice(bytes)
            .map_err(|error| PodError::bad(format!("The request payload isn't valid: {error}")))?;
        let mut members = BTreeMap::new();
        for (name, value) in raw {
            if resource.attribute(&name).is_none() {
                return Err(PodError::bad(format!("Invalid attribute \"{name}\" in the payload.")));
            }
            let text = value.get();
            let value = match text.as_bytes().first() {
                Some(b'"') => match serde_json::from_str::<&'b str>(text) {
                    Ok(text) => Cow::Borrowed(text),
                    // Escapes, as those of `\/` in base64.
                    Err(_) => Cow::Owned(serde_json::from_str::<String>(text).map_err(|_| invalid(&name))?),
                },
                Some(b'n') => continue,
                Some(b'-' | b'0'..=b'9') => Cow::Borrowed(text),
                _ => return Err(invalid(&name)),
            };
            members.insert(name, value);
        }
        Ok(Self { members })
    }

    /// The value of an attribute; none where it is absent, null or blank.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.members.get(name).map(Cow::as_ref).filter(|text| !text.is_empty())
    }

    /// The value of an attribute that must be there.
    ///
    /// # Errors
    ///
    /// 400 with JBO-27014.
    pub(crate) fn require(&self, name: &str, resource: &Resource) -> Result<&str, PodError> {
        self.get(name).ok_or_else(|| {
            let title: String = resource.title.split_whitespace().collect();
            let mut error = PodError::bad(format!("JBO-27014: Attribute {name} in {title} is required"));
            error.code = Some("27014".to_owned());
            error.path = Some(format!("/{name}"));
            error
        })
    }

    /// A row that echoes what was sent, but for the contents of files.
    pub(crate) fn echo(&self, resource: &Resource) -> Row {
        let mut row = Row::empty(resource);
        for (name, value) in self.members.iter().filter(|(name, _)| *name != "DocumentContent") {
            row.set(resource, name, value.as_ref().into());
        }
        row
    }
}

/// 400: the value is not one for the attribute.
pub(crate) fn invalid(name: &str) -> PodError {
    let mut error = PodError::bad(format!("The value of the attribute {name} isn't valid."));
    error.path = Some(format!("/{name}"));
    error
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metadata;
    use crate::model::Root;

    fn resource() -> &'static Resource {
        metadata::resource(Root::Fscm, "erpintegrations").unwrap()
    }

    #[test]
    fn text_and_numbers_are_read_and_nulls_are_absent() {
        let body = br#"{"OperationName":"x","DocumentId":7,"Comments":null,"FileName":"","DocumentContent":"UE\/K"}"#;
        let body = Body::read(body, resource()).unwrap();
        assert_eq!((body.get("DocumentId"), body.get("Comments"), body.get("FileName")), (Some("7"), None, None));
        assert_eq!(body.get("DocumentContent"), Some("UE/K"));
        assert!(body.require("Comments", resource()).is_err());
    }

    #[test]
    fn unknown_attributes_and_other_types_are_refused() {
        for refused in
            [r#"{"requestId":"1"}"#, r#"{"filename":"x"}"#, r#"{"FileName":[]}"#, r#"{"FileName":true}"#, "[]", "{"]
        {
            assert!(Body::read(refused.as_bytes(), resource()).is_err(), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[{}\\[\\]\":,a-zA-Z0-9\\\\ ]{0,60}") {
            let _ = Body::read(text.as_bytes(), resource());
        }
    }
}
