//! What a request carries, and bodies that pass through without being held.
//!
//! A body that is made while it is sent is made afresh for each try. An answer that is read as it comes is
//! tried again only until its head is there: what was read of it cannot be taken back.

use std::cell::Cell;
use std::io::{Read, Write};

use super::{Doing, Lost, Pod, is_success};
use crate::contract::ProblemKind;
use crate::fusion::address::Address;
use crate::http::{Incoming, Method, Request, Response, SendError, Stream};
use crate::problem::{Failure, Result};

/// What is held of a body that passes through.
const CHUNK: usize = 64 * 1024;

/// What a request carries beside what every request does.
#[derive(Clone, Copy, Default)]
pub struct Carried<'a> {
    /// Body, if any.
    pub body: Option<&'a [u8]>,
    /// Body that is made while it is sent, instead.
    pub stream: Option<Stream<'a>>,
    /// Media type of the body; that of a record where it is empty.
    pub media: &'a str,
    /// Header fields, which take the place of the usual ones of the same name.
    pub headers: &'a [(&'static str, String)],
    /// Where the body of a success is left to be read; the answer's own is empty then.
    pub unread: Option<&'a Unread>,
}

/// A body that nobody has read yet.
pub type Unread = Cell<Option<Box<dyn Read>>>;

impl Pod<'_> {
    /// `GET` whose answer is read as it comes, whatever its type.
    ///
    /// # Errors
    /// What the pod refused, or `transient` after the repeats.
    pub fn open(&self, doing: Doing, address: &Address, headers: &[(&'static str, String)]) -> Result<Incoming> {
        let unread = Unread::default();
        let carried = Carried { headers, unread: Some(&unread), ..Carried::default() };
        match self.exact(Method::Get, doing, address, carried) {
            Ok(head) => Ok(Incoming { head, body: unread.take().unwrap_or_else(|| Box::new(std::io::empty())) }),
            Err(Lost::Refused(failure) | Lost::Unknown(failure)) => Err(failure),
        }
    }

    /// Passes a body on to its end; `most` bytes of it, of which one more is an error. Answers how many.
    ///
    /// # Errors
    /// `transient` where the answer broke off; `too-large`; `unavailable` where they could not be written.
    pub fn pass(
        &self,
        doing: Doing,
        address: &Address,
        body: &mut dyn Read,
        to: &mut dyn Write,
        most: u64,
    ) -> Result<u64> {
        let mut buffer = vec![0; CHUNK];
        let mut passed = 0;
        loop {
            let count = match body.read(&mut buffer) {
                Ok(0) => return Ok(passed),
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.unsent(doing, address, &SendError::of(&error))),
            };
            passed += u64::try_from(count).unwrap_or(u64::MAX);
            if passed > most {
                return Err(Failure::permanent(
                    ProblemKind::TooLarge,
                    format!("Could not {}: more than {most} bytes came.", doing.what),
                ));
            }
            to.write_all(buffer.get(..count).unwrap_or_default()).map_err(|error| {
                Failure::permanent(
                    ProblemKind::Unavailable,
                    format!("Could not {}: what came could not be written ({error}).", doing.what),
                )
                .remedy("Check that the lent directory is there, may be written to and has room.")
            })?;
        }
    }

    pub(super) fn exchange(&self, request: &Request, carried: Carried) -> std::result::Result<Response, SendError> {
        if carried.stream.is_none() && carried.unread.is_none() {
            return self.heard(self.door.send(request));
        }
        let mut incoming = self.door.open(request, carried.stream)?;
        match carried.unread {
            Some(unread) if is_success(&incoming.head) => {
                unread.set(Some(std::mem::replace(&mut incoming.body, Box::new(std::io::empty()))));
                self.heard(Ok(incoming.head))
            }
            _ => self.heard(incoming.whole(request.most)),
        }
    }
}
