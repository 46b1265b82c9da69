//! Notes on the pod that a load is about to be sent, for objects whose import would take the same rows twice.
//!
//! That a load is not found proves nothing: its pod may register it late. So a note goes ahead of it, whose
//! answer is awaited, and whoever takes the call up later finds the note where the load can have been sent, even
//! if the token of the step that sent it was lost with its host. A load that the pod refused is noted as such.
//! Of several runs of a call at once, the one whose note the pod took first sends.

use std::time::Duration;

use crate::fusion::erp::{self, send, told};
use crate::fusion::fbdi::file_prefix;
use crate::fusion::pod::{Lost, Pod};
use crate::problem::Result;

/// Base64 of `See the load of the same name.`
const TEXT: &str = "U2VlIHRoZSBsb2FkIG9mIHRoZSBzYW1lIG5hbWUu";

/// How often a note that was taken is looked for before it passes for seen.
const LOOKS: usize = 3;

/// The notes of one call.
pub(super) struct Intent<'a> {
    /// What they are about: nothing for the load, `import_` for an import that is a job of its own.
    pub(super) of: &'static str,
    pub(super) call: &'a str,
    /// UCM account of the object.
    pub(super) account: &'a str,
}

impl Intent<'_> {
    /// Whether an attempt before this one was about to send, and was not refused.
    ///
    /// # Errors
    /// Those of a read.
    pub(super) fn stands(&self, pod: &Pod) -> Result<bool> {
        Ok(!self.standing(pod)?.is_empty())
    }

    /// Whether each attempt before this one was refused.
    ///
    /// # Errors
    /// Those of a read.
    pub(super) fn was_refused(&self, pod: &Pod) -> Result<bool> {
        Ok(self.refusals(pod)? > 0 && !self.stands(pod)?)
    }

    /// How many loads of this call the pod refused.
    ///
    /// # Errors
    /// Those of a read.
    pub(super) fn refusals(&self, pod: &Pod) -> Result<usize> {
        Ok(self.ids(pod, "refused")?.len())
    }

    /// The notes behind the last refusal, in the order in which the pod took them.
    fn standing(&self, pod: &Pod) -> Result<Vec<String>> {
        let mut begun = self.ids(pod, "begun")?;
        if !begun.is_empty()
            && let Some(last) = self.ids(pod, "refused")?.last()
        {
            begun.retain(|id| (id.len(), id) > (last.len(), last));
        }
        Ok(begun)
    }

    /// Notes that the load is about to be sent; `false` where another run of the call is to send it.
    ///
    /// # Errors
    /// What kept the note from being taken, or from being looked for; nothing of the load was sent then.
    pub(super) fn note(&self, pod: &Pod) -> Result<bool> {
        let own = match self.upload(pod, "begun") {
            Ok(answer) => told(&answer, "DocumentId"),
            Err(Lost::Refused(failure)) => {
                return Err(failure
                    .or_remedy(|| format!("Nothing was loaded. Check that the user may write to {}.", self.account)));
            }
            // Whether it is there is all that matters.
            Err(Lost::Unknown(_)) if self.stands(pod)? => None,
            Err(Lost::Unknown(mut failure)) => {
                failure.again = true;
                return Err(failure.remedy("Nothing was loaded; the call can be made again with the same id."));
            }
        };
        // Several runs may have looked before any had noted: of their notes, which all see now, the first sends.
        let mut standing = self.standing(pod)?;
        for _ in 0..LOOKS {
            if own.as_ref().map_or(!standing.is_empty(), |own| standing.contains(own)) {
                break;
            }
            pod.wait(Duration::from_secs(1));
            standing = self.standing(pod)?;
        }
        Ok(match &own {
            Some(own) => standing.iter().all(|id| (id.len(), id) >= (own.len(), own)),
            None => standing.len() <= 1,
        })
    }

    /// Notes that the pod refused the load, so that the call may be made again once the cause is gone.
    pub(super) fn refused(&self, pod: &Pod) {
        // Without it the next attempt looks for the load first, which is slower and no less safe.
        let _ = self.upload(pod, "refused");
    }

    fn name(&self, word: &str) -> String {
        format!("{}{word}_{}", self.of, file_prefix(self.call))
    }

    fn ids(&self, pod: &Pod, word: &str) -> Result<Vec<String>> {
        erp::document_ids(pod, &self.name(word), Some(self.account), None)
    }

    fn upload(&self, pod: &Pod, word: &str) -> std::result::Result<String, Lost> {
        let name = format!("{}.txt", self.name(word));
        let fields = [
            ("FileName", name.as_str()),
            ("ContentType", "txt"),
            ("DocumentAccount", self.account),
            ("DocumentContent", TEXT),
        ];
        send::send(pod, "note that a load is about to be sent", "uploadFileToUCM", &fields, None)
    }
}
