//! `new_or_updated_record`: each version of each record once, in the order of its last change.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::Record;
use super::{Spec, Trigger};
use crate::contract::{Delivery, Effect, Idempotency, PollResult};
use crate::fusion::changes::watch::{By, Question};
use crate::fusion::changes::{self, Watch};
use crate::fusion::pod::Pod;
use crate::fusion::query::{Finder, Node};
use crate::fusion::target::Target;
use crate::problem::Result;

/// See the module.
pub struct NewOrUpdatedRecord;

/// Which records.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "New or updated record", deny_unknown_fields)]
pub struct Input {
    /// Resource to watch, as Fusion names it.
    #[schemars(title = "Resource", length(min = 1, max = 128), extend("examples" = ["invoices"]))]
    #[schemars(extend("x-connector-options" = {"source": "resources", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub resource: String,
    /// Where to begin: now, beginning, or a date and time as in 2026-01-31T10:00:00Z.
    #[schemars(title = "Since", extend("default" = "now", "x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub since: Option<String>,
    /// Conditions that must all hold.
    #[schemars(title = "All of", extend("x-connector-order" = 3))]
    pub all: Option<Vec<Node>>,
    /// Conditions of which at least one must hold.
    #[schemars(title = "Any of", extend("x-connector-order" = 4))]
    pub any: Option<Vec<Node>>,
    /// Attributes to read; all where none is named. Key and last change always come along.
    #[schemars(title = "Fields", extend("x-connector-order" = 5))]
    pub fields: Option<Vec<String>>,
    /// Children to read along. A change of a child alone often leaves its parent's last change as it was.
    #[schemars(title = "Expand", extend("x-connector-order" = 6))]
    pub expand: Option<Vec<String>>,
    /// Children whose changes count as changes of their record, as in invoiceLines. They are read along; each
    /// costs a request more at every poll.
    #[schemars(title = "Changes of children", extend("x-connector-order" = 7))]
    pub children: Option<Vec<String>>,
    /// By what to watch: last_update where the resource allows it; creation tells new records alone; sweep
    /// reads every record at each poll and compares, which costs a request for each 500 records.
    #[schemars(title = "Watch by", extend("x-connector-order" = 8))]
    pub watch_by: Option<By>,
    /// A finder of the resource, with its variables.
    #[schemars(title = "Finder", extend("x-connector-visibility" = "advanced", "x-connector-order" = 9))]
    pub finder: Option<Finder>,
    /// Also tell of deleted records. All keys are read once an hour for it, and each loss is confirmed by its
    /// key.
    #[schemars(title = "Deleted records", extend("default" = false, "x-connector-order" = 10))]
    pub deleted: Option<bool>,
    /// Report deleted records even where over a tenth of all seem to be gone at once, which is most often a
    /// role that was taken away.
    #[schemars(title = "Believe large losses", extend("default" = false, "x-connector-visibility" = "advanced", "x-connector-order" = 11))]
    pub allow_drop: Option<bool>,
    /// Minutes by which a change may become visible later than the time that it carries; clocks that differ
    /// count as well.
    #[schemars(title = "Overlap in minutes", range(min = 1, max = 1440), extend("default" = 10, "x-connector-visibility" = "advanced", "x-connector-order" = 12))]
    pub overlap_minutes: Option<u32>,
    /// Most events of one poll.
    #[schemars(title = "Limit", range(min = 1, max = 5000), extend("default" = 500, "x-connector-visibility" = "advanced", "x-connector-order" = 13))]
    pub limit: Option<u32>,
}

/// A record that is new, was changed, or is gone.
#[derive(JsonSchema)]
#[schemars(title = "Changed record")]
#[allow(dead_code)]
pub struct Payload {
    /// Resource that holds it.
    resource: String,
    /// Its key.
    key: String,
    /// What became of it: new, updated, or deleted.
    change: Change,
    /// The record as it was read; of a deleted one no more than its key.
    record: Record,
}

/// What became of a record.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
#[allow(dead_code)]
pub enum Change {
    /// It was created.
    New,
    /// It was changed.
    Updated,
    /// It is gone.
    Deleted,
}

impl Trigger for NewOrUpdatedRecord {
    const SPEC: Spec = Spec {
        id: "new_or_updated_record",
        title: "New or updated record",
        description: "Starts with each new record of a resource and each change of one, by its last update date; by creation or by comparing all records where that cannot be asked for. Each version comes once.",
        group: "Triggers (poll)",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"resource":"invoices","since":"2026-01-01T00:00:00Z"}"#,
        sample_output: r#"{"resource":"invoices","key":"300000046987012","change":"updated","record":{"InvoiceId":300000046987012,"InvoiceNumber":"INV-1001","LastUpdateDate":"2026-02-01T10:00:00.385+00:00"}}"#,
    };
    const DELIVERIES: &'static [Delivery] = &[Delivery::Poll];
    type Input = Input;
    type Payload = Payload;

    fn poll(pod: &Pod, input: Input, cursor: Option<&str>) -> Result<PollResult> {
        run(pod, &input, Self::SPEC.id, false, cursor)
    }
}

/// Polls for new records alone, or for changes as well.
pub(super) fn run(
    pod: &Pod,
    input: &Input,
    trigger: &'static str,
    only_new: bool,
    cursor: Option<&str>,
) -> Result<PollResult> {
    let target = Target::find(pod, &input.resource)?;
    let question = Question {
        trigger,
        only_new,
        by: input.watch_by,
        since: input.since.as_deref(),
        all: input.all.as_deref().unwrap_or_default(),
        any: input.any.as_deref().unwrap_or_default(),
        finder: input.finder.as_ref(),
        fields: input.fields.as_deref(),
        expand: input.expand.as_deref(),
        children: input.children.as_deref().unwrap_or_default(),
        deleted: input.deleted == Some(true),
        allow_drop: input.allow_drop == Some(true),
        overlap: input.overlap_minutes.unwrap_or(changes::OVERLAP_MINUTES),
    };
    let watch = Watch::new(pod, &target, &question)?;
    changes::poll(pod, &watch, cursor, input.limit.unwrap_or(changes::LIMIT))
}
