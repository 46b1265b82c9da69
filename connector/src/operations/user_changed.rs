//! `user_changed`: who joined or left, and who gained or lost a role.

use serde::Deserialize;

use super::checked::{flag, number, word};
use super::user::{form, told, written};
use super::{Spec, Trigger};
use crate::contract::{Delivery, Effect, Idempotency, PollResult};
use crate::fusion::changes::{self, people};
use crate::fusion::pod::Pod;
use crate::problem::Result;

/// See the module.
pub struct UserChanged;

/// What is watched.
#[derive(Debug, Deserialize)]
#[serde(from = "serde_json::Value")]
pub struct Input {
    /// `now` or `beginning`.
    pub since: Option<String>,
    /// Losses of over a tenth are believed.
    pub allow_drop: Option<bool>,
    /// Most events of one poll, more or less: those of one page of users stay together.
    pub limit: Option<u32>,
}

impl From<serde_json::Value> for Input {
    fn from(input: serde_json::Value) -> Self {
        Self { since: word(&input, "since"), allow_drop: flag(&input, "allow_drop"), limit: number(&input, "limit") }
    }
}

form!(
    Input,
    "UserChanged",
    written(
        r#"{"type":"object","title":"User changed","additionalProperties":false,"properties":{"since":{"type":"string","title":"Since","description":"Where to begin: now, or beginning, which starts with everybody who is there.","enum":["now","beginning"],"default":"now","x-connector-visibility":"important","x-connector-order":1},"allow_drop":{"type":"boolean","title":"Believe large losses","description":"Report people and roles as gone even where it is over a tenth of all at once, which is most often a role of the own user that was taken away.","default":false,"x-connector-visibility":"advanced","x-connector-order":2},"limit":{"type":"integer","title":"Limit","description":"Most users that are read for one answer; each may be several events.","minimum":1,"maximum":5000,"default":500,"x-connector-visibility":"advanced","x-connector-order":3}}}"#
    )
);

/// What happened to whom.
pub struct Payload;

form!(
    Payload,
    "UserChange",
    written(concat!(
        r#"{"type":"object","title":"User change","required":["change","reason","role","user"],"properties":{"change":{"type":"string","description":"What happened.","enum":["joined","left","role_gained","role_lost"]},"reason":{"type":"string","description":"created or reactivated, suspended or removed, granted."},"role":{"description":"The role with id, code and name; null where it is not about one."},"user":"#,
        include_str!("user/user.json"),
        "}}"
    ))
);

impl Trigger for UserChanged {
    const SPEC: Spec = Spec {
        id: "user_changed",
        title: "User changed",
        description: "Starts when somebody joined, left, gained or lost a role. Each poll reads the whole directory and compares; a loss of over a tenth at once is told as a warning and not believed.",
        group: "Triggers (poll)",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"since":"now"}"#,
        sample_output: r#"{"change":"role_gained","reason":"granted","role":{"id":"300000600000101","code":"ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB","name":"Accounts Payable Manager"},"user":{"id":"0A1B2C3D4E5F60718293A4B5C6D7E8F9","user_name":"casey.brown@example.com","name":null,"email":null,"active":true,"person":{"id":"300000700000021","number":"1001"},"department":null,"manager":null,"roles":[{"id":"300000600000101","code":"ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB","name":"Accounts Payable Manager","granted":"2026-01-05T09:00:00.000Z"}],"conflicts":[],"created":"2025-03-01T09:00:00.000Z","updated":"2026-01-05T09:00:00.000Z"}}"#,
    };
    const DELIVERIES: &'static [Delivery] = &[Delivery::Poll];
    type Input = Input;
    type Payload = Payload;

    fn poll(pod: &Pod, input: Input, cursor: Option<&str>) -> Result<PollResult> {
        let people = people::People {
            from_beginning: input.since.as_deref() == Some("beginning"),
            allow_drop: input.allow_drop == Some(true),
            told: &told,
        };
        people::poll(pod, &people, cursor, input.limit.unwrap_or(changes::LIMIT))
    }
}
