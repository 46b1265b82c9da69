//! What a pod says when it says no (FACTS 1.11): text, HTML, JSON of three shapes, or nothing.
//!
//! Reading an error never fails: what is not understood is told as it came, shortened, on one line and
//! without secrets. Pages of HTML are named by their title and not shown.

use serde::Deserialize;
use serde_json::Value;

use crate::http::Response;
use crate::settings::Secrets;
use crate::text::shorten;

/// As much of one message as a person reads.
const LONGEST: usize = 600;

/// An error answer, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// What the pod says, one entry for each message.
    pub messages: Vec<String>,
    /// The business code, such as `AP-810245`, or the framework's, such as `JBO-27014`.
    pub code: Option<String>,
    /// Where in the payload, as the pod spells it.
    pub path: Option<String>,
    /// The pod's id of the request.
    pub trace: Option<String>,
    /// Whether the body was a page for people: the answer of an edge or of a sign-in, not of the framework.
    pub page: bool,
}

impl Refusal {
    /// Reads an answer whose status is an error.
    pub fn read(response: &Response, secrets: &Secrets) -> Self {
        let text = String::from_utf8_lossy(&response.body);
        let trimmed = text.trim();
        let mut refusal = if trimmed.is_empty() {
            Self::default()
        } else if trimmed.starts_with('<') {
            Self { messages: title(trimmed).into_iter().collect(), page: true, ..Self::default() }
        } else if let Some(read) = json(trimmed) {
            read
        } else {
            Self { messages: trimmed.lines().map(str::to_owned).collect(), ..Self::default() }
        };
        refusal.messages = refusal
            .messages
            .iter()
            .map(|message| shorten(&secrets.hide(&on_one_line(message)), LONGEST))
            .filter(|message| !message.is_empty())
            .take(20)
            .collect();
        if let Some(code) = refusal.messages.iter().find_map(|message| code_in(message)) {
            // A business code in the text says more than the framework's number beside it.
            refusal.code = Some(code);
        }
        refusal.code = refusal.code.map(|code| shorten(&secrets.hide(&code), 40));
        refusal.path = refusal.path.map(|path| shorten(&secrets.hide(&path), 200));
        refusal.trace = response
            .header("x-oracle-dms-ecid")
            .or_else(|| response.header("x-request-id"))
            .map(|trace| shorten(&secrets.hide(trace), 120));
        refusal
    }

    /// All that the pod said, as one sentence or several; `None` where it said nothing.
    pub fn told(&self) -> Option<String> {
        (!self.messages.is_empty()).then(|| shorten(&self.messages.join(" / "), 2 * LONGEST))
    }

    /// Whether any message holds these words, whatever their case.
    pub fn says(&self, words: &str) -> bool {
        let words = words.to_lowercase();
        self.messages.iter().any(|message| message.to_lowercase().contains(&words))
    }
}

/// What a status says, for people; begins with a blank.
pub fn meaning(status: u16) -> &'static str {
    match status {
        400 => " (refused)",
        401 => " (credentials not accepted)",
        403 => " (not allowed)",
        404 => " (not found)",
        406 => " (no such representation)",
        409 => " (conflict)",
        412 => " (changed since it was read)",
        413 => " (too large)",
        429 => " (too many requests)",
        500 => " (internal error)",
        502 => " (bad gateway)",
        503 => " (out of service)",
        504 => " (gateway timed out)",
        _ => "",
    }
}

/// What to do about an answer that may pass by itself.
pub fn later(wait_ms: Option<u64>) -> String {
    let when = wait_ms.map_or("later".to_owned(), |wait| format!("in {} s", wait.div_ceil(1000).max(1)));
    format!("The pod is busy or out of service for the moment: run it again {when}.")
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    title: Option<Value>,
    detail: Option<Value>,
    error: Option<Value>,
    error_description: Option<Value>,
    message: Option<Value>,
    #[serde(rename = "o:errorCode")]
    code: Option<Value>,
    #[serde(rename = "errorCode")]
    plain_code: Option<Value>,
    #[serde(rename = "o:errorPath")]
    path: Option<Value>,
    #[serde(rename = "o:errorDetails")]
    details: Vec<Detail>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Detail {
    detail: Option<Value>,
    title: Option<Value>,
    message: Option<Value>,
    #[serde(rename = "o:errorCode")]
    code: Option<Value>,
    #[serde(rename = "code")]
    plain_code: Option<Value>,
    #[serde(rename = "o:errorPath")]
    path: Option<Value>,
}

/// The three JSON shapes: the framework's with details, the problem document of ESS, and OAuth's.
fn json(text: &str) -> Option<Refusal> {
    let body: Body = text.starts_with('{').then(|| crate::json::from_str(text).ok()).flatten()?;
    let mut refusal = Refusal {
        code: word(body.code).or_else(|| word(body.plain_code)).map(spelt),
        path: word(body.path),
        ..Refusal::default()
    };
    for detail in body.details {
        refusal.messages.extend(word(detail.detail).or_else(|| word(detail.message)).or_else(|| word(detail.title)));
        refusal.code = refusal.code.or_else(|| word(detail.code).or_else(|| word(detail.plain_code)).map(spelt));
        refusal.path = refusal.path.or_else(|| word(detail.path));
    }
    if refusal.messages.is_empty() {
        match body.error {
            // The audit service nests it.
            Some(Value::Object(inner)) => {
                refusal
                    .messages
                    .extend(word(inner.get("detail").cloned()).or_else(|| word(inner.get("title").cloned())));
            }
            other => {
                let error = word(other);
                let told = word(body.error_description).or_else(|| word(body.detail)).or_else(|| word(body.message));
                refusal.code = refusal.code.or_else(|| error.clone());
                refusal.messages.extend(told.or(error).or_else(|| word(body.title)));
            }
        }
    }
    Some(refusal)
}

fn word(value: Option<Value>) -> Option<String> {
    match value? {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The framework writes its own codes as bare numbers: `27014` is `JBO-27014`.
fn spelt(code: String) -> String {
    if code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit()) { format!("JBO-{code}") } else { code }
}

/// A code such as `AP-810245`: two to five capitals, a hyphen, four to eight digits. The framework's own
/// (`JBO-…`) gives way to any other.
fn code_in(message: &str) -> Option<String> {
    let mut found: Option<String> = None;
    for word in message.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
        let Some((letters, digits)) = word.split_once('-') else { continue };
        let fits = (2..=5).contains(&letters.len())
            && letters.bytes().all(|byte| byte.is_ascii_uppercase())
            && (4..=8).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if fits && (found.is_none() || letters != "JBO") {
            let framework = letters == "JBO";
            found = Some(word.to_owned());
            if !framework {
                break;
            }
        }
    }
    found
}

fn title(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    for (open, close) in [("<title>", "</title>"), ("<h1>", "</h1>")] {
        if let Some(start) = lower.find(open).map(|at| at + open.len())
            && let Some(length) = lower.get(start..).and_then(|rest| rest.find(close))
            && let Some(inner) = page.get(start..start + length)
            && !inner.trim().is_empty()
        {
            return Some(format!("a web page titled \"{}\"", shorten(inner.trim(), 100)));
        }
    }
    Some("a web page".to_owned())
}

fn on_one_line(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::http::fake::typed;
    use proptest::prelude::*;

    fn read(body: &str) -> Refusal {
        Refusal::read(&typed(400, "x/y", body).unwrap(), &Secrets::default())
    }

    #[test]
    fn plain_text_gives_its_lines_and_its_code() {
        let refusal = read(
            "You must enter a different number. There's already an invoice with that number. (AP-810245)\r\nJBO-27014: Attribute Name in CashBank is required\n",
        );
        assert_eq!(refusal.code.as_deref(), Some("AP-810245"));
        assert_eq!(refusal.messages.len(), 2);
    }

    #[test]
    fn a_business_code_wins_over_the_frameworks_number() {
        let body = r#"{"title":"Bad Request","status":"400","o:errorDetails":[{"detail":"JBO-26061: no (POZ-2130479)","o:errorCode":"26061","o:errorPath":"/items/0"}]}"#;
        let refusal = read(body);
        assert_eq!(refusal.code.as_deref(), Some("POZ-2130479"));
        assert_eq!(refusal.path.as_deref(), Some("/items/0"));
    }

    #[test]
    fn bare_numbers_become_the_frameworks_codes() {
        for member in ["o:errorCode", "code"] {
            for code in ["\"27014\"", "27014"] {
                let refusal = read(&format!(
                    r#"{{"title":"x","status":400,"o:errorDetails":[{{"detail":"Required.","{member}":{code}}}]}}"#
                ));
                assert_eq!(refusal.code.as_deref(), Some("JBO-27014"), "{member} {code}");
                assert_eq!(refusal.told().as_deref(), Some("Required."));
            }
        }
    }

    #[test]
    fn problem_documents_oauth_and_audit_are_read() {
        assert_eq!(
            read(r#"{"type":"t","title":"Not Found","status":404,"detail":"No request 7","errorCode":"ESS-01001"}"#)
                .told()
                .unwrap(),
            "No request 7"
        );
        let oauth =
            read(r#"{"error":"invalid_client","error_description":"Client authentication failed.","ecid":"x"}"#);
        assert_eq!(
            (oauth.code.as_deref(), oauth.told().as_deref()),
            (Some("invalid_client"), Some("Client authentication failed."))
        );
        assert_eq!(
            read(r#"{"status":"FAIL","error":{"detail":"No access","status":403}}"#).told().unwrap(),
            "No access"
        );
    }

    #[test]
    fn pages_are_named_and_not_shown() {
        let refusal = read(
            "<!DOCTYPE html><html><head><TITLE> 401\n Authorization Required</TITLE></head><body>secret stuff</body>",
        );
        assert!(refusal.page);
        assert_eq!(refusal.told().unwrap(), "a web page titled \"401 Authorization Required\"");
    }

    #[test]
    fn an_empty_body_says_nothing() {
        assert_eq!(read(" \n"), Refusal::default());
    }

    #[test]
    fn a_body_of_the_wrong_shape_is_told_as_it_is() {
        assert_eq!(read(r#"{"o:errorDetails":"x"}"#).told().unwrap(), r#"{"o:errorDetails":"x"}"#);
        assert_eq!(read("[1,2]").told().unwrap(), "[1,2]");
    }

    proptest! {
        #[test]
        fn any_body_is_read(status in 400u16..600, body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let response = Response { status, headers: vec![], body };
            let refusal = Refusal::read(&response, &Secrets::default());
            prop_assert!(refusal.messages.iter().all(|message| !message.contains('\n')));
        }

        #[test]
        fn any_text_of_html_is_read(body in "<[a-zA-Zé<>/!]{0,80}") {
            prop_assert!(read(&body).page || read(&body).messages.is_empty());
        }
    }
}
