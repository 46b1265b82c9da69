//! `audit_event`: what the audit trail tells, once each.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::Record;
use super::list_audit_events::Input as Filter;
use super::{Spec, Trigger};
use crate::contract::{Delivery, Effect, Idempotency, PollResult};
use crate::fusion::audit::Trail;
use crate::fusion::changes::{self, feed};
use crate::fusion::pod::Pod;
use crate::problem::Result;

/// See the module.
pub struct AuditEvent;

/// Which events: what the form lets through fits what `list_audit_events` reads.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Input(Filter);

impl JsonSchema for Input {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Form::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Form::json_schema(generator)
    }
}

/// Which events.
#[derive(JsonSchema)]
#[schemars(title = "Audit event", deny_unknown_fields)]
#[allow(dead_code)]
struct Form {
    /// Products, by their names in the pod's table FND_AUDIT_WEBAPP_AM; each is read by itself.
    #[schemars(title = "Products", length(min = 1), extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    products: Vec<String>,
    /// Where to begin: now, beginning (a year ago), or a date and time as in 2026-01-31T10:00:00Z.
    #[schemars(title = "Since", extend("x-connector-visibility" = "important", "x-connector-order" = 2, "examples" = ["now"]))]
    since: String,
    /// Display name of the user who made the change.
    #[schemars(title = "User", length(min = 1), extend("x-connector-order" = 3))]
    user: Option<String>,
    /// insert, update or delete; all where none is named.
    #[schemars(title = "Kinds of change", extend("x-connector-order" = 4))]
    event_types: Option<Vec<String>>,
    /// Fully qualified business object, as the service tells it in qualifiedBusinessObject.
    #[schemars(title = "Business object", length(min = 1), extend("x-connector-order" = 5))]
    business_object: Option<String>,
    /// Also changes of the object's children.
    #[schemars(title = "Children", extend("default" = false, "x-connector-order" = 6))]
    children: Option<bool>,
    /// With old and new values.
    #[schemars(title = "Old and new values", extend("default" = true, "x-connector-order" = 7))]
    details: Option<bool>,
    /// Most events of one poll.
    #[schemars(title = "Limit", range(min = 1, max = 5000), extend("default" = 500, "x-connector-visibility" = "advanced", "x-connector-order" = 8))]
    limit: Option<u32>,
}

/// What happened.
#[derive(JsonSchema)]
#[schemars(title = "Audit event")]
#[allow(dead_code)]
pub struct Payload {
    /// Product that was asked.
    product: String,
    /// What the audit trail tells.
    event: Record,
}

impl Trigger for AuditEvent {
    const SPEC: Spec = Spec {
        id: "audit_event",
        title: "Audit event",
        description: "Starts with each change that the audit trail of products tells, with old and new values. Events that are equal in all they tell come as one.",
        group: "Triggers (poll)",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"products":["POZ"],"since":"now"}"#,
        sample_output: r#"{"product":"POZ","event":{"date":"2026-01-31 10:00:00.0","userName":"Casey Brown","eventType":"Object Data Update","businessObject":"Supplier","attributeDetails":[{"attributeName":"Status","oldValue":"A","newValue":"I"}]}}"#,
    };
    const DELIVERIES: &'static [Delivery] = &[Delivery::Poll];
    type Input = Input;
    type Payload = Payload;

    fn poll(pod: &Pod, Input(input): Input, cursor: Option<&str>) -> Result<PollResult> {
        let wanted = input.wanted()?;
        let trail = Trail { wanted: &wanted, authority: &pod.settings.origin.authority };
        let limit = input.limit.unwrap_or(changes::LIMIT);
        feed::poll(pod, &trail, Some(&input.since), cursor, limit, changes::OVERLAP_MINUTES)
    }
}
