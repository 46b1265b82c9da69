//! Files at addresses, read in pieces through the door, so that memory holds one piece.
//!
//! No credentials go along, and no redirect is followed: which hosts are reached is the host's to allow.

use std::io::{self, Read};
use std::time::Duration;

use super::Urls;
use crate::contract::ProblemKind;
use crate::http::{Door, Method, Request, Response, SendError};
use crate::problem::{Failure, Result};

/// Bytes asked for at once.
const PIECE: u64 = 4 << 20;

/// A server that knows no ranges sends the whole file: it is taken up to this, half of a guest's 32 MiB.
const MOST_WHOLE: usize = 16 << 20;

const PATIENCE: Duration = Duration::from_secs(60);

/// Addresses behind a door.
pub struct Behind<'d, D: Door + ?Sized>(pub &'d D);

impl<D: Door + ?Sized> Urls for Behind<'_, D> {
    fn open<'s>(&'s self, url: &str) -> Result<Box<dyn Read + 's>> {
        let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(Failure::invalid("/files", format!("{url} is no https address"))),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if authority.is_empty() || authority.contains('@') || !visible(authority) || !visible(&path) {
            return Err(Failure::invalid("/files", "an address has a host, no credentials, and no spaces".to_owned()));
        }
        let mut pieces = Pieces {
            door: self.0,
            request: Request {
                method: Method::Get,
                secure,
                authority: authority.to_owned(),
                path,
                headers: Vec::new(),
                body: None,
                patience: PATIENCE,
                most: MOST_WHOLE,
            },
            held: Vec::new(),
            given: 0,
            next: 0,
            total: None,
        };
        // What is not there is told now and as what it is, not as a file that breaks off.
        pieces.more()?;
        Ok(Box::new(pieces))
    }
}

struct Pieces<'d, D: Door + ?Sized> {
    door: &'d D,
    request: Request,
    held: Vec<u8>,
    given: usize,
    next: u64,
    /// Length of the file, once it is known.
    total: Option<u64>,
}

impl<D: Door + ?Sized> Pieces<'_, D> {
    fn more(&mut self) -> Result<()> {
        let last = self.next.saturating_add(PIECE - 1);
        self.request.headers = vec![("accept", "*/*".to_owned()), ("range", format!("bytes={}-{last}", self.next))];
        let answer = self.door.send(&self.request).map_err(|error| self.unsent(&error))?;
        match answer.status {
            206 => {
                let (first, total) = ranged(&answer).ok_or_else(|| self.told("its Content-Range cannot be read"))?;
                if first != self.next || self.total.is_some_and(|before| before != total) {
                    return Err(self.told("it changed while it was read"));
                }
                self.total = Some(total);
            }
            200 if self.next == 0 => self.total = Some(wide(answer.body.len())),
            // An empty file has no first byte.
            416 if self.next == 0 => self.total = Some(0),
            401 | 403 => {
                let failure = Failure::permanent(ProblemKind::Forbidden, self.text("the server does not give it"));
                return Err(failure.status(answer.status).remedy("Give an address that needs no credentials."));
            }
            404 => return Err(Failure::permanent(ProblemKind::NotFound, self.text("it is not there")).status(404)),
            status => {
                let message = self.text(&format!("the server answered {status}"));
                let kind = if status >= 500 { ProblemKind::Unavailable } else { ProblemKind::UnexpectedResponse };
                let failure =
                    if status >= 500 { Failure::transient(kind, message) } else { Failure::permanent(kind, message) };
                return Err(failure.status(status));
            }
        }
        if answer.body.is_empty() && self.total.is_some_and(|total| self.next < total) {
            return Err(self.told("it breaks off"));
        }
        self.next += wide(answer.body.len());
        self.held = answer.body;
        self.given = 0;
        Ok(())
    }

    /// The address without its query, which may be a signature.
    fn text(&self, why: &str) -> String {
        let path = self.request.path.split('?').next().unwrap_or_default();
        format!("The file at {}{path} cannot be read: {why}.", self.request.authority)
    }

    fn told(&self, why: &str) -> Failure {
        Failure::permanent(ProblemKind::UnexpectedResponse, self.text(why))
    }

    fn unsent(&self, error: &SendError) -> Failure {
        let message = self.text(&error.to_string());
        match error {
            SendError::Denied(_) => Failure::permanent(ProblemKind::Forbidden, message)
                .remedy("Allow the host of the address (`harness --allow-host HOST`)."),
            SendError::TooLarge(_) => Failure::permanent(ProblemKind::TooLarge, message)
                .remedy("The server sends no ranges: put the file into the lent directory instead."),
            SendError::Tls(_) => Failure::permanent(ProblemKind::Unavailable, message),
            _ => Failure::transient(ProblemKind::Unavailable, message),
        }
    }
}

impl<D: Door + ?Sized> Read for Pieces<'_, D> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.held.len() {
            if self.total.is_none_or(|total| self.next >= total) {
                return Ok(0);
            }
            self.more().map_err(|failure| io::Error::other(failure.problem.message))?;
        }
        let rest = self.held.get(self.given..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}

/// First byte and length of the whole, from `bytes 0-9/100`.
fn ranged(answer: &Response) -> Option<(u64, u64)> {
    let (range, total) = answer.header("content-range")?.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()?))
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::Fake;

    fn part(first: usize, body: &str, total: usize) -> std::result::Result<Response, SendError> {
        let range = format!("bytes {first}-{}/{total}", first + body.len() - 1);
        Ok(Response { status: 206, headers: vec![("content-range".into(), range)], body: body.into() })
    }

    fn read(door: &Fake) -> std::result::Result<String, String> {
        let mut text = String::new();
        let urls = Behind(door);
        let mut file =
            urls.open("https://files.example.com/a.csv?sig=secret").map_err(|failure| failure.problem.message)?;
        file.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    #[test]
    fn pieces_are_put_together_and_a_change_in_between_is_seen() {
        let door = Fake::new([part(0, "abc", 5), part(3, "de", 5)]);
        assert_eq!(read(&door).unwrap(), "abcde");
        assert_eq!(door.sent.borrow()[1].headers[1].1, format!("bytes=3-{}", 3 + PIECE - 1));
        assert!(read(&Fake::new([part(0, "abc", 5), part(3, "de", 9)])).unwrap_err().contains("changed"));
        let whole = Ok(Response { status: 200, headers: Vec::new(), body: "all".into() });
        assert_eq!(read(&Fake::new([whole])).unwrap(), "all");
    }

    #[test]
    fn no_query_stands_in_an_error() {
        let gone = Ok(Response { status: 404, ..Response::default() });
        let told = read(&Fake::new([gone])).unwrap_err();
        assert!(told.contains("files.example.com/a.csv") && !told.contains("secret"), "{told}");
        assert!(Behind(&Fake::new([])).open("file:///etc/passwd").is_err());
        assert!(Behind(&Fake::new([])).open("https://user@host/x").is_err());
    }
}
