//! Files at addresses that the engine allows: read as they come, without credentials.

use std::time::Duration;

use super::{Pod, host_of};
use crate::contract::ProblemKind;
use crate::fusion::fbdi::Urls;
use crate::http::{Incoming, Method, Request};
use crate::problem::{Failure, Result};

impl Urls for Pod<'_> {
    fn open<'s>(&'s self, url: &str) -> Result<Box<dyn std::io::Read + 's>> {
        Ok(self.fetch(url)?.body)
    }
}

impl Pod<'_> {
    /// One `GET` of an address outside of the pod. No redirect is followed and no credentials are shown.
    ///
    /// # Errors
    /// `invalid-input` for what is no https address; what the other side answered.
    pub fn fetch(&self, url: &str) -> Result<Incoming> {
        let odd = || {
            Failure::permanent(
                ProblemKind::InvalidInput,
                "The address of a file is an https address, without a user name.",
            )
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(odd)?;
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(odd()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = (rest.get(..end).unwrap_or_default(), rest.get(end..).unwrap_or_default());
        let fine = |byte: u8| {
            byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
        };
        if authority.is_empty() || authority.contains('@') || !url.bytes().all(fine) {
            return Err(odd());
        }
        let path = path.split('#').next().unwrap_or_default();
        let request = Request {
            method: Method::Get,
            secure,
            authority: authority.to_owned(),
            path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
            headers: vec![("accept", "*/*".to_owned())],
            body: None,
            patience: self.left().map_or(Duration::from_secs(60), |left| left.min(Duration::from_secs(60))),
            most: 1 << 16,
        };
        let host = host_of(url).unwrap_or_default();
        let incoming = self.door.open(&request, None).map_err(|error| {
            let message = format!("The file at {host} could not be read: {error}.");
            Failure::transient(ProblemKind::Unavailable, message)
                .remedy(format!("Allow {host} in the engine that runs this connector, and check the address."))
        })?;
        match incoming.head.status {
            200 => Ok(incoming),
            status => {
                Err(Failure::permanent(ProblemKind::NotFound, format!("{host} answered {status} instead of the file."))
                    .status(status)
                    .remedy("The address must give the file itself, without sign-in and without a redirect."))
            }
        }
    }
}
