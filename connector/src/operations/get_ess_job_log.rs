//! `get_ess_job_log`: the text of a job's log, its end first where it is long.
//!
//! One log an answer, with the names of the others: those of the jobs that the request started lie in the same
//! zip. An answer never holds more than was asked for, however long the log.

use std::io::Read as _;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::checked::{number, word};
use super::download_ess_job_output::{Which, zip};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind};
use crate::fusion::erp::archive;
use crate::fusion::pod::Pod;
use crate::problem::{Failure, Result};
use crate::text::shorten;

/// Bytes of one answer where the input does not say: what a person reads at once, or a model in one go.
const MOST: u32 = 65_536;

/// See the module.
pub struct GetEssJobLog;

/// Which log, and how much of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(from = "Value")]
#[schemars(title = "Get an ESS job's log", deny_unknown_fields, !from)]
pub struct Input {
    /// Its id.
    #[schemars(title = "Request id", length(min = 1, max = 20), pattern("^[0-9]+$"), extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub request_id: String,
    /// Name of a log among those of the request, as an answer tells it; the request's own where none is named.
    #[schemars(title = "Log", length(min = 1), extend("x-connector-order" = 2))]
    pub name: Option<String>,
    /// Most bytes of text in one answer.
    #[schemars(title = "Most bytes", range(min = 1000, max = 1_000_000), extend("default" = 65536, "x-connector-order" = 3))]
    pub max_bytes: Option<u32>,
    /// starts_at of the answer before, to read what stands before it.
    #[schemars(title = "Before", extend("x-connector-visibility" = "advanced", "x-connector-order" = 4))]
    pub before: Option<u64>,
}

impl From<Value> for Input {
    fn from(input: Value) -> Self {
        Self {
            request_id: word(&input, "request_id").unwrap_or_default(),
            name: word(&input, "name"),
            max_bytes: number(&input, "max_bytes"),
            before: input.get("before").and_then(Value::as_u64),
        }
    }
}

/// A log.
#[derive(JsonSchema)]
#[schemars(title = "Log")]
#[allow(dead_code)]
pub struct Log {
    /// Its name.
    name: String,
    /// Bytes in it.
    size: u64,
}

/// The end of a log, or what stands before it.
#[derive(JsonSchema)]
#[schemars(title = "Log of an ESS job")]
#[allow(dead_code)]
pub struct Output {
    /// Id of the request.
    request_id: String,
    /// Name of the log.
    name: String,
    /// Bytes in it.
    size: u64,
    /// Where the text begins; 0 where it is the whole beginning. Give it as `before` to read on backwards.
    starts_at: u64,
    /// The text.
    text: String,
    /// All logs of the request and of the jobs that it started.
    logs: Vec<Log>,
}

/// The last of `text` that fits, from the beginning of a line where there is one; and where it begins.
fn tail(text: &str, most: usize) -> (usize, &str) {
    let mut at = text.len().saturating_sub(most);
    while !text.is_char_boundary(at) {
        at += 1;
    }
    let (before, rest) = text.split_at_checked(at).unwrap_or(("", text));
    if before.is_empty() || before.ends_with('\n') {
        return (at, rest);
    }
    match rest.split_once('\n') {
        Some((part, whole)) if !whole.is_empty() => (at + part.len() + 1, whole),
        _ => (at, rest),
    }
}

/// The logs in what the pod gave: the files that end so; where there are none, texts (FACTS 3.3). The request's own
/// comes first.
fn logs(id: &str, bytes: Vec<u8>) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    if archive::is_zip(&bytes) {
        archive::files(&bytes, &mut |name, bytes| found.push((name.to_owned(), bytes))).map_err(|fault| {
            Failure::permanent(
                ProblemKind::UnexpectedResponse,
                format!("The logs of request {id} cannot be opened: {fault}."),
            )
            .remedy("Download them unopened with download_ess_job_output (open: false).")
        })?;
    } else {
        found.push((format!("{id}.log"), bytes));
    }
    let ends = |name: &str, end: &str| name.to_ascii_lowercase().ends_with(end);
    let end = if found.iter().any(|(name, _)| ends(name, ".log")) { ".log" } else { ".txt" };
    found.retain(|(name, _)| ends(name, end));
    let own = format!("{id}{end}");
    found.sort_by_key(|(name, _)| *name != own);
    Ok(found.into_iter().map(|(name, bytes)| (name, String::from_utf8_lossy(&bytes).into_owned())).collect())
}

impl Action for GetEssJobLog {
    const SPEC: Spec = Spec {
        id: "get_ess_job_log",
        title: "Get an ESS job's log",
        description: "Reads the log of a request as text, its end first where it is long, and names the logs of the jobs that it started. Only requests that this connection's user submitted have them.",
        group: "Monitoring",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"request_id":"9762926"}"#,
        sample_output: r#"{"request_id":"9762926","name":"9762926.log","size":9,"starts_at":0,"text":"Loaded 3\n","logs":[{"name":"9762926.log","size":9}]}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let id = &input.request_id;
        let mut bytes = Vec::new();
        let read = zip(pod, id, Which::Log)?.map(|mut held| held.read_to_end(&mut bytes)).transpose();
        let found = match read.map_err(|error| Failure::internal(error.to_string()))? {
            Some(_) => logs(id, bytes)?,
            None => Vec::new(),
        };
        let chosen = match &input.name {
            None => found.first(),
            Some(wanted) => found.iter().find(|(name, _)| name == wanted),
        };
        let Some((name, text)) = chosen else {
            if found.is_empty() {
                let told = format!("The pod gives no log of request {id}.");
                return Err(Failure::permanent(ProblemKind::NotFound, told)
                    .remedy("It gives logs only to the user who submitted the request, and only once it has run."));
            }
            let names: Vec<&str> = found.iter().take(20).map(|(name, _)| name.as_str()).collect();
            let told = format!("request {id} has no such log; it has {}", shorten(&names.join(", "), 500));
            return Err(Failure::invalid("/name", told));
        };
        let most = usize::try_from(input.max_bytes.unwrap_or(MOST)).unwrap_or(usize::MAX);
        let mut end =
            input.before.and_then(|before| usize::try_from(before).ok()).unwrap_or(text.len()).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let (starts_at, shown) = tail(text.get(..end).unwrap_or_default(), most);
        let all: Vec<Value> = found.iter().map(|(name, text)| json!({"name": name, "size": text.len()})).collect();
        let (size, logs) = (text.len(), all);
        Ok(json!({"request_id": id, "name": name, "size": size, "starts_at": starts_at, "text": shown, "logs": logs})
            .to_string())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;
    use crate::fusion::erp::archive::tests::zip as zipped;
    use crate::http::fake::{Fake, json as answer};
    use crate::settings::Settings;

    fn ask(files: &[(&str, &[u8])], input: &str) -> Result<Value> {
        let settings = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(settings).unwrap();
        let content = if files.is_empty() { Value::Null } else { STANDARD.encode(zipped(files)).into() };
        let door = Fake::new([answer(200, &json!({"items": [{"DocumentContent": content}]}).to_string())]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        let text = GetEssJobLog::run(&pod, serde_json::from_str(input).unwrap(), "")?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn the_own_log_comes_first_and_its_end_before_its_beginning() {
        let long: String = (0..1000).map(|line| format!("line {line}\n")).collect();
        let files = [("13.log", b"child".as_slice()), ("12.log", long.as_bytes()), ("12.txt", b"report")];
        let last = ask(&files, r#"{"request_id":"12","max_bytes":1000}"#).unwrap();
        let text = last["text"].as_str().unwrap();
        assert!(text.len() <= 1000 && text.starts_with("line ") && text.ends_with("line 999\n"));
        assert_eq!((&last["name"], last["logs"].as_array().unwrap().len()), (&"12.log".into(), 2));
        let input = json!({"request_id": "12", "max_bytes": 9000, "before": last["starts_at"]}).to_string();
        let first = ask(&files, &input).unwrap();
        assert_eq!(
            (format!("{}{text}", first["text"].as_str().unwrap()), &first["starts_at"]),
            (long.clone(), &0.into())
        );
        assert_eq!(ask(&files, r#"{"request_id":"12","name":"13.log"}"#).unwrap()["text"], "child");
        let failure = ask(&files, r#"{"request_id":"12","name":"14.log"}"#).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::InvalidInput);
    }

    #[test]
    fn where_no_file_is_a_log_a_text_is_and_nothing_is_said_to_be_nothing() {
        let told = ask(&[("12.xml", b"<a/>"), ("12.txt", b"done")], r#"{"request_id":"12"}"#).unwrap();
        assert_eq!((&told["name"], &told["text"]), (&"12.txt".into(), &"done".into()));
        assert_eq!(ask(&[], r#"{"request_id":"12"}"#).unwrap_err().kind(), ProblemKind::NotFound);
    }

    proptest! {
        #[test]
        fn a_tail_is_the_end_and_fits(text in "[a\\né€]{0,60}", most in 4_usize..40) {
            let (at, shown) = tail(&text, most);
            prop_assert!(shown.len() <= most && text.ends_with(shown) && at + shown.len() == text.len());
            prop_assert!(text.is_empty() || !shown.is_empty());
        }
    }
}
