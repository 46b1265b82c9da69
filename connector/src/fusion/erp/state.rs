//! States of a request (FACTS 3.4, `ess_enums.json`): which of them end it, and what they mean for people.

/// States by the numbers that reports use: all that there are.
pub const NUMBERED: [&str; 20] = [
    "UNKNOWN",
    "WAIT",
    "READY",
    "RUNNING",
    "COMPLETED",
    "BLOCKED",
    "HOLD",
    "CANCELLING",
    "EXPIRED",
    "CANCELLED",
    "ERROR",
    "WARNING",
    "SUCCEEDED",
    "PAUSED",
    "PENDING_VALIDATION",
    "VALIDATION_FAILED",
    "SCHEDULE_ENDED",
    "FINISHED",
    "ERROR_AUTO_RETRY",
    "ERROR_MANUAL_RECOVERY",
];

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All of it.
    Good,
    /// With warnings.
    Warned,
    /// It failed, or never ran.
    Failed,
}

impl End {
    /// As outputs have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "succeeded",
            Self::Warned => "warning",
            Self::Failed => "failed",
        }
    }
}

/// The state in the one spelling that is used here; unknown ones stay as they are.
pub fn spelt(text: &str) -> String {
    let text = text.trim().to_ascii_uppercase();
    if let Some(name) = text.parse::<usize>().ok().and_then(|number| NUMBERED.get(number)) {
        return (*name).to_owned();
    }
    if text == "CANCELED" { "CANCELLED".to_owned() } else { text }
}

/// How it ended; `None` while it goes on, and for states that nobody knows.
pub fn end(state: &str) -> Option<End> {
    match spelt(state).as_str() {
        "SUCCEEDED" | "FINISHED" | "SCHEDULE_ENDED" => Some(End::Good),
        "WARNING" => Some(End::Warned),
        "ERROR" | "CANCELLED" | "EXPIRED" | "VALIDATION_FAILED" | "ERROR_MANUAL_RECOVERY" => Some(End::Failed),
        _ => None,
    }
}

/// What a state means and what to do, where it needs saying.
pub fn meaning(state: &str) -> Option<&'static str> {
    Some(match spelt(state).as_str() {
        "EXPIRED" => {
            "No server picked the job up before it expired: the queue is starved, or the job's parameters keep it from being picked up. Check the parameter list, look at the queue in Scheduled Processes, and run it again with a new call id: the old one follows this request."
        }
        "WAIT" => {
            "A job that waits for longer than about 20 minutes usually has a wrong parameter list, or its queue is full. Compare the parameters with the job's own in Scheduled Processes; cancel it there before you run it again."
        }
        "BLOCKED" => "Another job that does not tolerate this one is running.",
        "HOLD" => "Somebody put the job on hold; release it in Scheduled Processes.",
        "VALIDATION_FAILED" => {
            "The pod refused the job's parameters. Compare them with the job's own in Scheduled Processes."
        }
        "ERROR_MANUAL_RECOVERY" => "An administrator must recover the job in Scheduled Processes.",
        "CANCELLED" => "Somebody cancelled the job.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paused_and_unknown_are_not_the_end() {
        for going in ["PAUSED", "", "WAIT", "COMPLETED", "SOMETHING_NEW", "13", "ERROR_AUTO_RETRY"] {
            assert_eq!(end(going), None, "{going}");
        }
        assert_eq!(end("12"), Some(End::Good));
        assert_eq!(end("Canceled"), Some(End::Failed));
        assert_eq!(end("warning"), Some(End::Warned));
    }
}
