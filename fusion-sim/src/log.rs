//! What arrived at the pod, for tests to look at; without secrets, and bounded.

use std::collections::VecDeque;

/// Exchanges kept: enough for any test, and a few megabytes at most.
const KEPT: usize = 10_000;

/// One request and the status of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The method, as sent.
    pub method: String,
    /// The path, as sent.
    pub path: String,
    /// The query, as sent, without its `?`; empty where there is none.
    pub query: String,
    /// Headers in lower case; the values of those that hold secrets are replaced.
    pub headers: Vec<(String, String)>,
    /// The answer's status.
    pub status: u16,
    /// Why nobody came in, or why there was no token, where that was so; nothing of the credential.
    pub refusal: Option<String>,
}

impl Exchange {
    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Log(VecDeque<Exchange>);

impl Log {
    pub(crate) fn add(&mut self, arrival: &crate::pod::Arrival, status: u16, refusal: Option<String>) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        let headers = arrival.headers.iter().map(|(name, value)| {
            let secret = matches!(name.as_str(), "authorization" | "cookie" | "proxy-authorization");
            let value =
                if secret { "[redacted]".to_owned() } else { String::from_utf8_lossy(value.as_bytes()).into_owned() };
            (name.as_str().to_owned(), value)
        });
        self.0.push_back(Exchange {
            method: arrival.method.to_string(),
            path: arrival.path.clone(),
            query: arrival.query.clone(),
            headers: headers.collect(),
            status,
            refusal,
        });
    }

    pub(crate) fn all(&self) -> Vec<Exchange> {
        self.0.iter().cloned().collect()
    }
}
