//! The catalogue: one file for each operation, one line for each in [`ALL`].

pub mod add_attachment;
pub mod answer;
pub mod append_file_comment;
pub mod audit_event;
pub mod business_event;
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
pub mod download_document;
pub mod download_ess_job_output;
pub mod ess_job_finished;
pub mod ess_job_metrics;
pub mod export_bulk_data;
pub mod extract_and_purge;
pub mod file;
pub mod find_documents;
pub mod get_ess_job;
pub mod get_ess_job_log;
pub mod get_record;
pub mod get_user;
pub mod hcm_feed;
pub mod import_bulk_data;
pub mod import_completed;
pub mod list_audit_events;
pub mod list_ess_jobs;
pub mod list_interface_options;
pub mod list_resources;
pub mod list_roles;
pub mod list_users;
pub mod many;
pub mod new_or_updated_record;
pub mod new_record;
pub mod search_records;
pub mod send_request;
pub mod submit_ess_job;
pub mod update_record;
pub mod update_records;
pub mod upload_to_ucm;
pub mod upsert_record;
pub mod upsert_records;
pub mod user;
pub mod user_changed;
pub mod waiting;
pub mod writing;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::contract::{
    Call, Delivery, Effect, Idempotency, Kind, Operation, Outcome, PollResult, ProblemKind, Receipt, WebhookRequest,
};
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
    action::<import_bulk_data::ImportBulkData>(),
    action::<upload_to_ucm::UploadToUcm>(),
    action::<find_documents::FindDocuments>(),
    action::<download_document::DownloadDocument>(),
    action::<append_file_comment::AppendFileComment>(),
    action::<submit_ess_job::SubmitEssJob>(),
    action::<get_ess_job::GetEssJob>(),
    action::<download_ess_job_output::DownloadEssJobOutput>(),
    action::<export_bulk_data::ExportBulkData>(),
    action::<extract_and_purge::ExtractAndPurge>(),
    action::<list_interface_options::ListInterfaceOptions>(),
    action::<list_users::ListUsers>(),
    action::<get_user::GetUser>(),
    action::<create_user::CreateUser>(),
    action::<list_roles::ListRoles>(),
    action::<check_access::CheckAccess>(),
    action::<list_ess_jobs::ListEssJobs>(),
    action::<get_ess_job_log::GetEssJobLog>(),
    action::<ess_job_metrics::EssJobMetrics>(),
    action::<list_audit_events::ListAuditEvents>(),
    trigger::<new_record::NewRecord>(),
    trigger::<new_or_updated_record::NewOrUpdatedRecord>(),
    trigger::<import_completed::ImportCompleted>(),
    trigger::<ess_job_finished::EssJobFinished>(),
    trigger::<user_changed::UserChanged>(),
    trigger::<audit_event::AuditEvent>(),
    trigger::<hcm_feed::HcmFeed>(),
    trigger::<business_event::BusinessEvent>(),
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

/// One step of an action.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// The call, the same for all its steps.
    pub call: &'a Call,
    /// What the step before left behind; none at the first.
    pub token: Option<&'a str>,
}

/// Something to do. It has either [`Action::run`], or [`Action::step`] where it may pend.
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
    fn run(_pod: &Pod, _input: Self::Input, _text: &str) -> Result<String> {
        Err(Failure::internal("this action goes by steps"))
    }

    /// Does one step of it.
    ///
    /// # Errors
    /// Told to the engine as they are.
    fn step(pod: &Pod, step: Step, input: Self::Input, text: &str) -> Result<Outcome> {
        match step.token {
            Some(_) => {
                let message = format!("{} never pends, so there is nothing to resume.", Self::SPEC.id);
                Err(Failure::permanent(ProblemKind::Unsupported, message))
            }
            None => Self::run(pod, input, text).map(Outcome::Done),
        }
    }
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

    /// Makes events of a request that came in.
    ///
    /// # Errors
    /// Told to the engine as they are.
    fn receive(_pod: &Pod, _input: Self::Input, _request: &WebhookRequest) -> Result<Receipt> {
        let message = format!("{} polls and receives nothing.", Self::SPEC.id);
        Err(Failure::permanent(ProblemKind::Unsupported, message))
    }
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
    step: fn(&Pod, Step, &str) -> Result<Outcome>,
    poll: fn(&Pod, &str, Option<&str>) -> Result<PollResult>,
    receive: fn(&Pod, &str, &WebhookRequest) -> Result<Receipt>,
}

/// Without its long texts in the component, which holds them as it holds the forms: see [`written`].
const fn brief(spec: Spec) -> Spec {
    match cfg!(target_family = "wasm") {
        true => Spec { description: "", sample_input: "", sample_output: "", ..spec },
        false => spec,
    }
}

const fn action<A: Action>() -> Entry {
    Entry {
        spec: brief(A::SPEC),
        kind: Kind::Action,
        deliveries: &[],
        #[cfg(not(target_family = "wasm"))]
        derived: || [forms::schema::<A::Input>(), forms::schema::<A::Output>()],
        step: |pod, step, text| A::step(pod, step, forms::input(Kind::Action, A::SPEC.id, text)?, text),
        poll: |_, _, _| Err(Failure::internal("an action does not poll")),
        receive: |_, _, _| Err(Failure::internal("an action receives nothing")),
    }
}

const fn trigger<T: Trigger>() -> Entry {
    Entry {
        spec: brief(T::SPEC),
        kind: Kind::Trigger,
        deliveries: T::DELIVERIES,
        #[cfg(not(target_family = "wasm"))]
        derived: || [forms::schema::<T::Input>(), forms::schema::<T::Payload>()],
        step: |_, _, _| Err(Failure::internal("a trigger is not run")),
        poll: |pod, text, cursor| T::poll(pod, forms::input(Kind::Trigger, T::SPEC.id, text)?, cursor),
        receive: |pod, text, request| T::receive(pod, forms::input(Kind::Trigger, T::SPEC.id, text)?, request),
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

    /// Description and samples of input and output.
    #[cfg(not(target_family = "wasm"))]
    pub fn words(&self) -> [String; 3] {
        [self.spec.description, self.spec.sample_input, self.spec.sample_output].map(str::to_owned)
    }

    #[cfg(target_family = "wasm")]
    fn words(&self) -> [String; 3] {
        written::words(self.kind, self.spec.id)
    }

    /// The forms of input and output from their types; what is written is held against them.
    #[cfg(not(target_family = "wasm"))]
    pub fn derived(&self) -> [Value; 2] {
        (self.derived)()
    }

    /// Runs an action that does not pend.
    ///
    /// # Errors
    /// Those of [`Entry::step`].
    #[cfg(not(target_family = "wasm"))]
    pub fn run(&self, pod: &Pod, input: &str) -> Result<String> {
        let call = Call { id: "call-1".to_owned(), attempt: 1, remaining_ms: None };
        match self.step(pod, Step { call: &call, token: None }, input)? {
            Outcome::Done(answer) => Ok(answer),
            Outcome::Pending(pending) => Err(Failure::internal(format!("it pends: {}", pending.status))),
        }
    }

    /// Does one step of an action.
    ///
    /// # Errors
    /// `forbidden` for a write over a connection that only reads; those of the action.
    pub fn step(&self, pod: &Pod, step: Step, input: &str) -> Result<Outcome> {
        let reads = self.spec.effect == Effect::Read
            || (self.spec.id == send_request::SendRequest::SPEC.id && send_request::reads(input));
        if pod.settings.read_only && !reads {
            return Err(Failure::permanent(
                ProblemKind::Forbidden,
                format!("{} writes, and the connection is set to read only; nothing was sent.", self.spec.id),
            )
            .remedy("Use a connection without read_only for writing."));
        }
        (self.step)(pod, step, input)
    }

    /// Polls a trigger.
    ///
    /// # Errors
    /// Those of the trigger.
    pub fn poll(&self, pod: &Pod, input: &str, cursor: Option<&str>) -> Result<PollResult> {
        (self.poll)(pod, input, cursor)
    }

    /// Makes events of a request that came in.
    ///
    /// # Errors
    /// Those of the trigger.
    pub fn receive(&self, pod: &Pod, input: &str, request: &WebhookRequest) -> Result<Receipt> {
        (self.receive)(pod, input, request)
    }

    /// As the manifest tells it.
    pub fn told(&self) -> Operation {
        let [description, sample_input, sample_output] = self.words();
        Operation {
            id: self.spec.id.to_owned(),
            kind: self.kind,
            deliveries: self.deliveries.to_vec(),
            title: self.spec.title.to_owned(),
            description,
            group: self.spec.group.to_owned(),
            effect: self.spec.effect,
            idempotency: self.spec.idempotency,
            paged: self.spec.paged,
            input_schema: self.input_schema().to_string(),
            output_schema: self.output_schema().to_string(),
            sample_input,
            sample_output,
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
