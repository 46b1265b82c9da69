//! The catalogue: one file for each operation, one line for each in [`ALL`].

pub mod add_attachment;
pub mod answer;
pub mod audit_event;
pub mod call_record_action;
pub mod check_access;
pub mod checked;
pub mod create_invoice;
pub mod create_record;
pub mod create_records;
pub mod create_user;
pub mod delete_record;
pub mod describe_resource;
pub mod download_attachment;
pub mod ess_job_metrics;
pub mod get_record;
pub mod get_user;
pub mod hcm_feed;
pub mod list_audit_events;
pub mod list_ess_jobs;
pub mod list_resources;
pub mod list_roles;
pub mod list_users;
pub mod many;
pub mod new_or_updated_record;
pub mod new_record;
pub mod search_records;
pub mod send_request;
pub mod update_record;
pub mod update_records;
pub mod upsert_record;
pub mod upsert_records;
pub mod user;
pub mod user_changed;
pub mod writing;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::contract::{Delivery, Effect, Idempotency, Kind, Operation, PollResult, ProblemKind};
use crate::forms::{self, written};
use crate::fusion::pod::Pod;
use crate::problem::{Failure, Result};
use crate::text::nearest;

/// Every operation, in the order in which they are listed.
pub const ALL: &[Entry] = &[
    action::<search_records::SearchRecords>(),
    action::<get_record::GetRecord>(),
    action::<create_record::CreateRecord>(),
    action::<create_records::CreateRecords>(),
    action::<update_record::UpdateRecord>(),
    action::<update_records::UpdateRecords>(),
    action::<upsert_record::UpsertRecord>(),
    action::<upsert_records::UpsertRecords>(),
    action::<delete_record::DeleteRecord>(),
    action::<call_record_action::CallRecordAction>(),
    action::<add_attachment::AddAttachment>(),
    action::<download_attachment::DownloadAttachment>(),
    action::<list_resources::ListResources>(),
    action::<describe_resource::DescribeResource>(),
    action::<send_request::SendRequest>(),
    action::<create_invoice::CreateInvoice>(),
    action::<list_users::ListUsers>(),
    action::<get_user::GetUser>(),
    action::<create_user::CreateUser>(),
    action::<list_roles::ListRoles>(),
    action::<check_access::CheckAccess>(),
    action::<list_ess_jobs::ListEssJobs>(),
    action::<ess_job_metrics::EssJobMetrics>(),
    action::<list_audit_events::ListAuditEvents>(),
    trigger::<new_record::NewRecord>(),
    trigger::<new_or_updated_record::NewOrUpdatedRecord>(),
    trigger::<user_changed::UserChanged>(),
    trigger::<audit_event::AuditEvent>(),
    trigger::<hcm_feed::HcmFeed>(),
];

/// What is told of an operation.
#[derive(Clone, Copy)]
pub struct Spec {
    /// Never changes once released.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// For people.
    pub description: &'static str,
    /// Heading in the catalogue.
    pub group: &'static str,
    /// What it does to the pod.
    pub effect: Effect,
    /// Why a repeated call does no harm.
    pub idempotency: Idempotency,
    /// Whether its output has a cursor.
    pub paged: bool,
    /// An input that fits.
    pub sample_input: &'static str,
    /// An output that fits.
    pub sample_output: &'static str,
}

/// Something to do.
pub trait Action {
    /// What is told of it.
    const SPEC: Spec;
    /// Its form.
    type Input: DeserializeOwned + JsonSchema;
    /// Its answer.
    type Output: JsonSchema;

    /// Does it; `text` is the input as it came. Answers JSON text.
    ///
    /// # Errors
    /// Told to the engine as they are.
    fn run(pod: &Pod, input: Self::Input, text: &str) -> Result<String>;
}

/// Something that starts a workflow.
pub trait Trigger {
    /// What is told of it.
    const SPEC: Spec;
    /// How it gets its events.
    const DELIVERIES: &'static [Delivery];
    /// Its form.
    type Input: DeserializeOwned + JsonSchema;
    /// The payload of an event.
    type Payload: JsonSchema;

    /// Asks for changes since `cursor`.
    ///
    /// # Errors
    /// Told to the engine as they are; nothing has moved then.
    fn poll(pod: &Pod, input: Self::Input, cursor: Option<&str>) -> Result<PollResult>;
}

/// An operation without its types.
pub struct Entry {
    /// What is told of it.
    pub spec: Spec,
    /// Action or trigger.
    pub kind: Kind,
    deliveries: &'static [Delivery],
    /// Forms of input and output from their types.
    #[cfg(not(target_family = "wasm"))]
    derived: fn() -> [Value; 2],
    run: fn(&Pod, &str) -> Result<String>,
    poll: fn(&Pod, &str, Option<&str>) -> Result<PollResult>,
}

const fn action<A: Action>() -> Entry {
    Entry {
        spec: A::SPEC,
        kind: Kind::Action,
        deliveries: &[],
        #[cfg(not(target_family = "wasm"))]
        derived: || [forms::schema::<A::Input>(), forms::schema::<A::Output>()],
        run: |pod, text| A::run(pod, forms::parse("input", &written::input(Kind::Action, A::SPEC.id), text)?, text),
        poll: |_, _, _| Err(Failure::internal("an action does not poll")),
    }
}

const fn trigger<T: Trigger>() -> Entry {
    Entry {
        spec: T::SPEC,
        kind: Kind::Trigger,
        deliveries: T::DELIVERIES,
        #[cfg(not(target_family = "wasm"))]
        derived: || [forms::schema::<T::Input>(), forms::schema::<T::Payload>()],
        run: |_, _| Err(Failure::internal("a trigger is not run")),
        poll: |pod, text, cursor| {
            T::poll(pod, forms::parse("input", &written::input(Kind::Trigger, T::SPEC.id), text)?, cursor)
        },
    }
}

impl Entry {
    /// The operation of that id and kind.
    ///
    /// # Errors
    /// `not-found` with the nearest names.
    pub fn find(id: &str, kind: Kind) -> Result<&'static Self> {
        ALL.iter().find(|entry| entry.spec.id == id && entry.kind == kind).ok_or_else(|| unknown(id, kind))
    }

    /// The operation of that id, whatever its kind.
    ///
    /// # Errors
    /// `not-found` with the nearest names.
    pub fn named(id: &str) -> Result<&'static Self> {
        ALL.iter().find(|entry| entry.spec.id == id).ok_or_else(|| unknown(id, Kind::Action))
    }

    /// The form.
    pub fn input_schema(&self) -> Value {
        written::input(self.kind, self.spec.id)
    }

    /// The form of the answer or of the payload.
    pub fn output_schema(&self) -> Value {
        written::output(self.kind, self.spec.id)
    }

    /// The forms of input and output from their types; what is written is held against them.
    #[cfg(not(target_family = "wasm"))]
    pub fn derived(&self) -> [Value; 2] {
        (self.derived)()
    }

    /// Runs an action.
    ///
    /// # Errors
    /// `forbidden` for a write over a connection that only reads; those of the action.
    pub fn run(&self, pod: &Pod, input: &str) -> Result<String> {
        if pod.settings.read_only && self.spec.effect != Effect::Read {
            return Err(Failure::permanent(
                ProblemKind::Forbidden,
                format!("{} writes, and the connection is set to read only; nothing was sent.", self.spec.id),
            )
            .remedy("Use a connection without read_only for writing."));
        }
        (self.run)(pod, input)
    }

    /// Polls a trigger.
    ///
    /// # Errors
    /// Those of the trigger.
    pub fn poll(&self, pod: &Pod, input: &str, cursor: Option<&str>) -> Result<PollResult> {
        (self.poll)(pod, input, cursor)
    }

    /// As the manifest tells it.
    pub fn told(&self) -> Operation {
        Operation {
            id: self.spec.id.to_owned(),
            kind: self.kind,
            deliveries: self.deliveries.to_vec(),
            title: self.spec.title.to_owned(),
            description: self.spec.description.to_owned(),
            group: self.spec.group.to_owned(),
            effect: self.spec.effect,
            idempotency: self.spec.idempotency,
            paged: self.spec.paged,
            input_schema: self.input_schema().to_string(),
            output_schema: self.output_schema().to_string(),
            sample_input: self.spec.sample_input.to_owned(),
            sample_output: self.spec.sample_output.to_owned(),
            deprecated: false,
        }
    }
}

fn unknown(id: &str, kind: Kind) -> Failure {
    let word = if kind == Kind::Action { "action" } else { "trigger" };
    let near = nearest(id, ALL.iter().map(|entry| entry.spec.id), 3);
    let remedy = match near.is_empty() {
        true => "The manifest lists the operations.".to_owned(),
        false => format!("Did you mean {}?", near.join(" or ")),
    };
    Failure::permanent(ProblemKind::NotFound, format!("There is no {word} {}.", crate::text::shorten(id, 80)))
        .remedy(remedy)
}
