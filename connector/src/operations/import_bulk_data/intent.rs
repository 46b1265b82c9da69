//! Notes on the pod that a load is about to be sent, for objects whose import would take the same rows twice.
//!
//! That a load is not found proves nothing: its pod may register it late. So a note goes ahead of it, whose
//! answer is awaited, and whoever takes the call up later finds the note where the load can have been sent, even
//! if the token of the step that sent it was lost with its host. A load that the pod refused is noted as such.

use crate::fusion::erp::{self, send};
use crate::fusion::fbdi::file_prefix;
use crate::fusion::pod::{Lost, Pod};
use crate::problem::Result;

/// Base64 of `See the load of the same name.`
const TEXT: &str = "U2VlIHRoZSBsb2FkIG9mIHRoZSBzYW1lIG5hbWUu";

/// The notes of one call.
pub(super) struct Intent<'a> {
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
        let begun = self.count(pod, "begun")?;
        Ok(begun > 0 && begun > self.count(pod, "refused")?)
    }

    /// Whether each attempt before this one was refused.
    ///
    /// # Errors
    /// Those of a read.
    pub(super) fn was_refused(&self, pod: &Pod) -> Result<bool> {
        let refused = self.count(pod, "refused")?;
        Ok(refused > 0 && refused >= self.count(pod, "begun")?)
    }

    /// Notes that the load is about to be sent.
    ///
    /// # Errors
    /// What kept the note from being taken; nothing of the load was sent then.
    pub(super) fn note(&self, pod: &Pod) -> Result<()> {
        match self.upload(pod, "begun") {
            Ok(()) => Ok(()),
            Err(Lost::Refused(failure)) => {
                Err(failure
                    .or_remedy(|| format!("Nothing was loaded. Check that the user may write to {}.", self.account)))
            }
            // Whether it is there is all that matters.
            Err(Lost::Unknown(_)) if self.count(pod, "begun")? > 0 => Ok(()),
            Err(Lost::Unknown(mut failure)) => {
                failure.again = true;
                Err(failure.remedy("Nothing was loaded; the call can be made again with the same id."))
            }
        }
    }

    /// Notes that the pod refused the load, so that the call may be made again once the cause is gone.
    pub(super) fn refused(&self, pod: &Pod) {
        // Without it the next attempt looks for the load first, which is slower and no less safe.
        let _ = self.upload(pod, "refused");
    }

    fn name(&self, word: &str) -> String {
        format!("{word}_{}", file_prefix(self.call))
    }

    fn count(&self, pod: &Pod, word: &str) -> Result<usize> {
        Ok(erp::document_ids(pod, &self.name(word), Some(self.account), None)?.len())
    }

    fn upload(&self, pod: &Pod, word: &str) -> std::result::Result<(), Lost> {
        let name = format!("{}.txt", self.name(word));
        let fields = [
            ("FileName", name.as_str()),
            ("ContentType", "txt"),
            ("DocumentAccount", self.account),
            ("DocumentContent", TEXT),
        ];
        send::send(pod, "note that a load is about to be sent", "uploadFileToUCM", &fields, None).map(|_| ())
    }
}
