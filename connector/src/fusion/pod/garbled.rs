//! Answers that are not the pod's protocol: somebody else answers, or what came is not whole.

use super::{Doing, Pod};
use crate::contract::ProblemKind;
use crate::fusion::errors::Refusal;
use crate::http::Response;
use crate::problem::Failure;

/// Whether an answer is a web page: HTML, or markup that does not say that it is XML.
pub(super) fn is_page(response: &Response) -> bool {
    let kind = response.header("content-type").unwrap_or_default();
    let markup = response.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
    kind.contains("html") || markup && !kind.contains("xml")
}

impl Pod<'_> {
    /// A web page where the pod was to answer.
    pub(super) fn page(&self, doing: Doing, response: &Response) -> Failure {
        let refusal = Refusal::read(response, &self.settings.secrets);
        let what = refusal.told().unwrap_or_else(|| "a web page".to_owned());
        self.unexpected(doing, &format!("{what} came instead of JSON")).status(response.status)
    }

    /// An answer that is not the pod's protocol.
    pub fn unexpected(&self, doing: Doing, what: &str) -> Failure {
        Failure::permanent(
            ProblemKind::UnexpectedResponse,
            format!("Could not {}: {} did not answer as a Fusion pod does: {what}.", doing.what, self.settings.origin.authority),
        )
        .remedy("Check that the host in the connection is the pod itself and not a sign-in page, a proxy or another service.")
    }

    /// An answer to a read that is not whole: it may have broken off on its way, so asking again may help.
    pub fn garbled(&self, doing: Doing, what: &str) -> Failure {
        let mut failure = self.unexpected(doing, what);
        failure.again = true;
        failure.remedy("Run it again: the answer may have broken off on its way. Where it stays so, check that the host in the connection is the pod itself and not a proxy or another service.")
    }
}
