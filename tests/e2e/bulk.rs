//! Bulk imports from end to end: what is asserted is what the pod has afterwards, and what the answer says of it.

mod bad_input;
mod columns;
mod faults;
mod jobs;
mod killed;
mod kills;
mod large;
mod loads;
mod sample;

use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fusion_sim::model::{Root, Value as Held};
use fusion_sim::{Pod, metadata};
use host_harness::Limits;
use host_harness::contract::actions::{Outcome, Pending};
use host_harness::contract::types::Call;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::stage::{Refused, Stage, refused, wait};

/// More steps than any import here has.
const STEPS: usize = 400;

/// One call, whose steps are taken one by one.
struct Caller<'s> {
    stage: &'s Stage,
    id: String,
    attempt: u32,
    files: Option<PathBuf>,
    memory: Option<usize>,
}

/// What a step answered.
#[derive(Debug)]
enum Step {
    Done(Value),
    Pending(Pending),
}

impl Step {
    fn pending(self) -> Pending {
        match self {
            Self::Pending(pending) => pending,
            Self::Done(value) => panic!("it is done: {value}"),
        }
    }
}

impl<'s> Caller<'s> {
    fn new(stage: &'s Stage, id: &str) -> Self {
        Self { stage, id: id.to_owned(), attempt: 0, files: None, memory: None }
    }

    fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    fn lending(mut self, directory: impl Into<PathBuf>) -> Self {
        self.files = Some(directory.into());
        self
    }

    fn within(mut self, memory: usize) -> Self {
        self.memory = Some(memory);
        self
    }

    fn step(&self, action: &str, input: &Value, token: Option<&str>) -> Result<Step, Refused> {
        let mut run = self.stage.host_run();
        if let Some(files) = &self.files {
            run = run.with_files(files);
        }
        if let Some(memory) = self.memory {
            run = run.within(Limits { memory, ..Limits::default() });
        }
        let call = Call { id: self.id.clone(), attempt: self.attempt, remaining_ms: None };
        let (connection, input) = (self.stage.connection(), input.to_string());
        let connector = &self.stage.connector;
        let outcome = match token {
            None => wait(connector.invoke(&run, &connection, &call, action, &input)),
            Some(token) => wait(connector.resume(&run, &connection, &call, action, &input, token)),
        };
        match outcome.map_err(refused)? {
            Outcome::Done(output) => Ok(Step::Done(serde_json::from_str(&output).unwrap())),
            Outcome::Pending(pending) => Ok(Step::Pending(pending)),
        }
    }

    /// Waits for as long as an answer says, and takes the next step.
    fn next(&self, action: &str, input: &Value, pending: &Pending) -> Result<Step, Refused> {
        self.stage.pod.as_ref().unwrap().clock().advance(Duration::from_millis(pending.retry_after_ms));
        self.step(action, input, Some(&pending.token))
    }

    /// From a step to the end.
    fn finish(&self, action: &str, input: &Value, mut step: Step) -> Result<Value, Refused> {
        for _ in 0..STEPS {
            match step {
                Step::Done(value) => return Ok(value),
                Step::Pending(pending) => step = self.next(action, input, &pending)?,
            }
        }
        panic!("{action} has no end");
    }

    fn run(&self, action: &str, input: &Value) -> Result<Value, Refused> {
        self.finish(action, input, self.step(action, input, None)?)
    }

    fn import(&self, input: &Value) -> Result<Value, Refused> {
        self.run("import_bulk_data", input)
    }
}

/// Imports from the first step to the last, as the call `test`.
fn import(stage: &Stage, input: &Value) -> Value {
    Caller::new(stage, "test").import(input).unwrap()
}

/// Reads what is below the integration user's pod, past the component.
fn get(pod: &Pod, path: &str) -> Value {
    exchange(pod, http::Request::get(format!("https://{}{path}", fusion_sim::HOST)), "")
}

/// Has the integration service do something, past the component.
fn erp(pod: &Pod, body: &Value) -> Value {
    let address = format!("https://{}/fscmRestApi/resources/11.13.18.05/erpintegrations", fusion_sim::HOST);
    let request = http::Request::post(address).header("content-type", "application/vnd.oracle.adf.resourceitem+json");
    exchange(pod, request, &body.to_string())
}

/// Keeps a document of that name and no contents to speak of; its id.
fn upload(pod: &Pod, name: &str, account: &str) -> String {
    let told = erp(
        pod,
        &serde_json::json!({"OperationName": "uploadFileToUCM", "DocumentContent": "UEs=", "ContentType": "zip",
            "DocumentAccount": account, "FileName": name, "DocumentId": null}),
    );
    told["DocumentId"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

fn exchange(pod: &Pod, request: http::request::Builder, body: &str) -> Value {
    let settings = pod.settings();
    let told = |name: &str| settings["auth"][name].as_str().unwrap().to_owned();
    let basic = STANDARD.encode(format!("{}:{}", told("username"), told("password")));
    let request = request
        .header("host", fusion_sim::HOST)
        .header("authorization", format!("Basic {basic}"))
        .body(Body::from(body.to_owned()))
        .unwrap();
    let body = wait(async {
        let response = pod.router().oneshot(request).await.unwrap();
        axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()
    });
    serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&body)))
}

/// The first request of a pod whose scheduler has a history.
const FIRST: u64 = 9_763_000;

/// What loads, as the scheduler calls it.
const LOADER: &str =
    "JobDefinition://oracle/apps/ess/financials/commonModules/shared/common/interfaceLoader/InterfaceLoaderController";

/// Request ids of the loads that the scheduler was given here.
fn loads(pod: &Pod) -> Vec<String> {
    let asked = get(
        pod,
        &format!("/ess/rest/scheduler/v1/requests?q=jobDefinitionId%20eq%20%22{LOADER}%22&orderBy=requestId:asc"),
    );
    let loads = asked["items"].as_array().unwrap().iter().filter(|item| {
        item["requestId"].as_u64() >= Some(FIRST)
            && item["jobDefinitionId"].as_str().is_some_and(|job| job.ends_with("/InterfaceLoaderController"))
    });
    loads.map(|item| item["requestId"].to_string()).collect()
}

/// Values of an attribute over the pod's rows whose `named` begins so.
fn on_pod(pod: &Pod, resource: &str, named: &str, prefix: &str, attribute: &str) -> Vec<String> {
    let resource = metadata::resource(Root::Fscm, resource).unwrap();
    let text = |value: Option<&Held>| match value {
        Some(Held::Text(text)) => text.to_string(),
        Some(Held::Integer(number)) => number.to_string(),
        Some(Held::Decimal(number)) => number.to_string(),
        _ => String::new(),
    };
    let mut values: Vec<String> = pod.with_store(|store| {
        let rows = store.scan(resource).filter(|row| text(row.get(resource, named)).starts_with(prefix));
        rows.map(|row| text(row.get(resource, attribute))).collect()
    });
    values.sort();
    values
}

fn invoices(pod: &Pod, prefix: &str) -> Vec<String> {
    on_pod(pod, "invoices", "InvoiceNumber", prefix, "InvoiceNumber")
}

fn batches(pod: &Pod, prefix: &str) -> Vec<String> {
    on_pod(pod, "journalBatches", "BatchName", prefix, "BatchName")
}

/// Outcome, then read, loaded, imported and rejected.
fn counts(told: &Value) -> (&str, [Option<u64>; 4]) {
    let count = |name: &str| told["counts"][name].as_u64();
    (told["outcome"].as_str().unwrap(), [count("read"), count("loaded"), count("imported"), count("rejected")])
}

/// File, row, key and code of each rejection.
fn rejections(told: &Value) -> Vec<(String, Option<u64>, String, String)> {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let told = told["rejections"].as_array().unwrap().iter();
    told.map(|one| (text(one, "file"), one["row"].as_u64(), text(one, "key"), text(one, "code"))).collect()
}

fn warned(told: &Value) -> Vec<&str> {
    told["warnings"].as_array().into_iter().flatten().filter_map(|one| one["code"].as_str()).collect()
}
