//! `send_request`: any request below the pod, for what no other operation foresaw.
//!
//! The path cannot leave the pod: it is taken only where no reading of it, decoded once or twice, climbs,
//! names a host or ends a segment. Header fields are taken from a list, so that none of them signs in as
//! somebody else, changes the method or says where the request goes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind};
use crate::fusion::address::Address;
use crate::fusion::pod::{Carried, Doing, Lost, Pod};
use crate::fusion::query::Anything;
use crate::fusion::record::{pick, plain};
use crate::fusion::write::fits;
use crate::http::{Method as Verb, Response};
use crate::problem::{Failure, Result};
use crate::text::shorten;

/// See the module.
pub struct SendRequest;

/// Header fields that a request may set (FACTS 1.2).
const SETTABLE: [&str; 9] = [
    "accept",
    "accept-language",
    "content-type",
    "effective-of",
    "if-match",
    "if-none-match",
    "metadata-context",
    "rest-framework-version",
    "upsert-mode",
];
/// Header fields of an answer that are handed on.
const SHOWN: [&str; 7] =
    ["content-type", "content-language", "etag", "last-modified", "location", "retry-after", "x-oracle-dms-ecid"];
/// The most that an answer holds inline (the contract).
const INLINE: usize = 16 << 20;

/// The method of a request.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum Method {
    /// Reads.
    #[default]
    Get,
    /// Reads the header fields alone; many pods answer 501.
    Head,
    /// Creates, and runs actions.
    Post,
    /// Changes.
    Patch,
    /// Replaces.
    Put,
    /// Deletes.
    Delete,
}

/// Whether an input, which nobody has checked yet, reads and does nothing else.
pub fn reads(input: &str) -> bool {
    let [method] = pick(input, ["method"]);
    method.is_none_or(|method| matches!(method.get(), "null" | "\"GET\"" | "\"HEAD\""))
}

/// What to send.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Send a request", deny_unknown_fields)]
pub struct Input {
    /// Method.
    #[schemars(title = "Method", extend("default" = "GET", "x-connector-visibility" = "important", "x-connector-order" = 1))]
    #[serde(default)]
    pub method: Method,
    /// Path below the pod, beginning with a slash. A query after it must be percent-encoded.
    #[schemars(title = "Path", length(min = 2, max = 4000), extend("examples" = ["/fscmRestApi/resources/11.13.18.05/invoices"], "x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub path: String,
    /// Parameters by name: texts, numbers, true or false.
    #[schemars(title = "Query", with = "Option<BTreeMap<String, Anything>>", extend("x-connector-order" = 3))]
    pub query: Option<BTreeMap<String, Box<RawValue>>>,
    /// Header fields by name: Accept, Accept-Language, Content-Type, Effective-Of, If-Match, If-None-Match,
    /// Metadata-Context, REST-Framework-Version, Upsert-Mode.
    #[schemars(title = "Headers", extend("x-connector-visibility" = "advanced", "x-connector-order" = 4))]
    pub headers: Option<BTreeMap<String, String>>,
    /// Body as JSON. Numbers are sent as they are spelt.
    #[schemars(title = "Body", with = "Option<Anything>", extend("x-connector-visibility" = "important", "x-connector-order" = 5))]
    pub body: Option<Box<RawValue>>,
    /// Body as text, instead of JSON.
    #[schemars(title = "Text", extend("x-connector-visibility" = "advanced", "x-connector-order" = 6))]
    pub text: Option<String>,
}

/// What the pod answered.
#[derive(JsonSchema)]
#[schemars(title = "Answer")]
#[allow(dead_code)]
pub struct Output {
    /// Status, from 200 to 299.
    status: u16,
    /// Header fields that tell of the answer, names in lower case.
    headers: BTreeMap<String, String>,
    /// The body: JSON where it is JSON, else text; null where there is none.
    #[schemars(default)]
    body: Option<Anything>,
    /// The body, where it is neither JSON nor text.
    #[schemars(default)]
    base64: Option<String>,
}

impl Action for SendRequest {
    const SPEC: Spec = Spec {
        id: "send_request",
        title: "Send a request",
        description: "Sends any request to the pod, for what no other operation does. The connection signs it in; the path cannot leave the pod. A write whose answer is lost is not sent again. Over a connection that only reads, GET and HEAD alone are sent.",
        group: "Any record",
        effect: Effect::Update,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"method":"GET","path":"/fscmRestApi/resources/11.13.18.05/invoices/300000046987012/child/invoiceLines","query":{"onlyData":true}}"#,
        sample_output: r#"{"status":200,"headers":{"content-type":"application/json"},"body":{"items":[],"count":0,"hasMore":false}}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let address = address(&input)?;
        let headers = headers(&input)?;
        let (body, media) = match (&input.body, &input.text) {
            (Some(_), Some(_)) => return Err(Failure::invalid("/text", "a request has either body or text")),
            (Some(body), None) => (Some(body.get().as_bytes()), "application/json"),
            (None, Some(text)) => (Some(text.as_bytes()), "text/plain; charset=utf-8"),
            (None, None) => (None, ""),
        };
        let method = match input.method {
            Method::Get => Verb::Get,
            Method::Head => Verb::Head,
            Method::Post => Verb::Post,
            Method::Patch => Verb::Patch,
            Method::Put => Verb::Put,
            Method::Delete => Verb::Delete,
        };
        if method.is_read() && body.is_some() {
            return Err(Failure::invalid("/body", format!("a {} has no body", method.as_str())));
        }
        let what = format!("send {} {}", method.as_str(), shorten(&input.path, 200));
        let doing = Doing { what: &what, object: input.path.split('?').next().unwrap_or_default() };
        fits(doing, body.map_or(0, <[u8]>::len), "/body")?;
        let carried = Carried { body, media, headers: &headers, ..Carried::default() };
        match pod.exact(method, doing, &address, carried) {
            Ok(response) => answer(pod, doing, &response),
            Err(Lost::Refused(failure)) => Err(failure),
            Err(Lost::Unknown(cause)) => {
                let message = format!("It may or may not have happened: {}", cause.problem.message);
                let mut failure = Failure::permanent(ProblemKind::UnknownOutcome, message)
                    .remedy("Look on the pod for what the request was to do before you send it again.");
                failure.problem.http_status = cause.problem.http_status;
                failure.problem.trace_id.clone_from(&cause.problem.trace_id);
                Err(failure)
            }
        }
    }
}

fn address(input: &Input) -> Result<Address> {
    let (path, query) = match input.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (input.path.as_str(), None),
    };
    let strange = |query: &str| !query.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte));
    if query.is_some_and(strange) {
        return Err(Failure::invalid("/path", "its query holds a character that must be percent-encoded")
            .remedy("Give the parameters in query, where they are encoded for you."));
    }
    if let Some(why) = leaves(path) {
        return Err(Failure::invalid("/path", why)
            .remedy("Give the path below the pod, as in /fscmRestApi/resources/11.13.18.05/invoices; parameters are best given in query, and a key is percent-encoded as one segment."));
    }
    let mut address = query.map_or_else(|| Address::fixed(path), |query| Address::asked(path, query));
    for (name, raw) in input.query.iter().flatten() {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.$".contains(&byte)) {
            return Err(Failure::invalid("/query", format!("{name:?} is not the name of a parameter")));
        }
        let value = plain(raw)
            .ok_or_else(|| Failure::invalid(format!("/query/{name}"), "a text, a number, true or false is expected"))?;
        address = address.param(name, &value);
    }
    Ok(address)
}

/// Why a path may lead elsewhere than below the pod; `None` where it cannot.
fn leaves(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        return Some("it does not begin with a slash; other hosts cannot be reached");
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("it holds a character that must be percent-encoded");
    }
    if path.contains(['?', '#', '@', '\\', '"', '<', '>', '^', '`', '{', '|', '}']) {
        return Some("it holds a character that ends a path or names a host");
    }
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Some("it has an empty segment");
        }
        let bare = segment.split(';').next().unwrap_or_default();
        if matches!(bare, "." | "..") {
            return Some("it climbs");
        }
        for encoded in segment.split('%').skip(1) {
            let code = encoded.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
            match code {
                None => return Some("a % is not followed by two hexadecimal digits"),
                Some(0..=0x1f | 0x7f) => return Some("it holds an encoded control character"),
                Some(b'/' | b'\\' | b'.' | b'%') => {
                    return Some("it holds an encoded slash, dot, backslash or percent sign");
                }
                Some(_) => {}
            }
        }
    }
    None
}

fn headers(input: &Input) -> Result<Vec<(&'static str, String)>> {
    let mut headers: Vec<(&'static str, String)> = Vec::new();
    for (name, value) in input.headers.iter().flatten() {
        let pointer = || format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        let Some(known) = SETTABLE.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
            return Err(Failure::invalid(pointer(), format!("{name:?} cannot be set"))
                .remedy(format!("These can: {}. The connection signs the request in.", SETTABLE.join(", "))));
        };
        if value.is_empty() || !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(Failure::invalid(pointer(), "a header field holds visible ASCII characters and spaces alone"));
        }
        if headers.iter().any(|(set, _)| set == known) {
            return Err(Failure::invalid(pointer(), format!("{known} is set twice")));
        }
        headers.push((known, value.clone()));
    }
    Ok(headers)
}

fn answer(pod: &Pod, doing: Doing, response: &Response) -> Result<String> {
    let kind = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if kind.contains("html") {
        return Err(pod.unexpected(doing, "a web page came, as a sign-in sends it").status(response.status));
    }
    let hide = |value: &str| shorten(&pod.settings.secrets.hide(value), 2000);
    let shown = SHOWN.iter().filter_map(|name| Some(((*name).to_owned(), Value::from(hide(response.header(name)?)))));
    let mut text =
        format!("{{\"status\":{},\"headers\":{}", response.status, Value::Object(shown.collect::<Map<_, _>>()));
    let utf8 = std::str::from_utf8(&response.body).ok();
    let as_json = utf8.filter(|body| kind.contains("json") && serde_json::from_str::<&RawValue>(body).is_ok());
    match (as_json, utf8) {
        (_, Some("")) => text.push_str(",\"body\":null"),
        (Some(body), _) => text.push_str(&format!(",\"body\":{body}")),
        (None, Some(body)) => text.push_str(&format!(",\"body\":{}", Value::from(body))),
        (None, None) => text.push_str(&format!(",\"base64\":\"{}\"", STANDARD.encode(&response.body))),
    }
    if text.len() > INLINE {
        return Err(Failure::permanent(
            ProblemKind::TooLarge,
            format!(
                "The answer of {} is {} bytes; {INLINE} fit into an answer.",
                shorten(doing.object, 200),
                response.body.len()
            ),
        )
        .remedy("Ask for less at once: limit, offset and fields in query."));
    }
    text.push('}');
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::contract::Kind;
    use crate::http::SendError;
    use crate::http::fake::{Fake, json, typed};
    use crate::operations::Entry;
    use crate::settings::Settings;
    use proptest::prelude::*;

    fn run(input: &Value, door: &Fake) -> Result<Value> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        let answer = Entry::find("send_request", Kind::Action).unwrap().run(&pod, &input.to_string())?;
        Ok(serde_json::from_str(&answer).unwrap())
    }

    #[test]
    fn what_only_reads_is_told_from_what_may_write() {
        for input in ["{}", r#"{"method":"GET"}"#, r#"{"path":"/x","method":"HEAD"}"#] {
            assert!(reads(input), "{input}");
        }
        for input in [r#"{"method":"POST"}"#, r#"{"method":"get"}"#, r#"{"method":"DELETE"}"#, r#"{"method":["GET"]}"#]
        {
            assert!(!reads(input), "{input}");
        }
    }

    #[test]
    fn a_request_goes_out_signed_and_its_answer_comes_back_as_it_is() {
        let door = Fake::new([json(201, r#"{"Amount":0.10}"#)]);
        let input = serde_json::json!({"method": "PUT", "path": "/x/OPS%3A1", "query": {"q": "A='1';B", "n": 2},
            "headers": {"If-Match": "\"1\""}, "body": {"a": 1}});
        let answer = run(&input, &door).unwrap();
        assert_eq!((&answer["status"], &answer["body"]), (&Value::from(201), &serde_json::json!({"Amount": 0.10})));
        let sent = door.sent.borrow();
        assert_eq!((sent[0].method, sent[0].path.as_str()), (Verb::Put, "/x/OPS%3A1?n=2&q=A%3D%271%27%3BB"));
        assert!(sent[0].headers.contains(&("if-match", "\"1\"".to_owned())));
        assert!(sent[0].headers.iter().any(|(name, _)| *name == "authorization"));
        for (answer, member) in [(typed(200, "text/plain", "1,2"), "body"), (typed(204, "", ""), "body")] {
            assert!(run(&serde_json::json!({"path": "/x"}), &Fake::new([answer])).unwrap().get(member).is_some());
        }
    }

    #[test]
    fn a_path_that_leaves_the_pod_is_refused_before_anything_is_sent() {
        for path in [
            "https://evil.example/x",
            "//evil.example/x",
            "x",
            "/a/../b",
            "/a/..",
            "/a/..;x/b",
            "/a/%2e%2e/b",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%252fb",
            "/a@b",
            "/a?b=c d",
            "/a#b",
            "/a//b",
            "/a b",
            "/a%0d%0ab",
            "/%zz",
            "/é",
        ] {
            let door = Fake::new([]);
            let failure = run(&serde_json::json!({"path": path}), &door).unwrap_err();
            assert_eq!(failure.problem.fields[0].pointer, "/path", "{path}");
            assert!(door.sent.borrow().is_empty());
        }
    }

    #[test]
    fn header_fields_that_sign_in_or_redirect_are_refused() {
        for name in
            ["Authorization", "Host", "Cookie", "X-HTTP-Method-Override", "Content-Length", "Proxy-Authorization"]
        {
            let failure = run(&serde_json::json!({"path": "/x", "headers": {name: "x"}}), &Fake::new([])).unwrap_err();
            assert_eq!(failure.kind(), ProblemKind::InvalidInput, "{name}");
        }
        assert!(run(&serde_json::json!({"path": "/x", "headers": {"Accept": "a\r\nb: c"}}), &Fake::new([])).is_err());
    }

    #[test]
    fn a_lost_write_is_unknown_and_a_lost_read_is_asked_again() {
        let broken = || Err(SendError::Broken("x".into()));
        let door = Fake::new([broken()]);
        let failure = run(&serde_json::json!({"method": "POST", "path": "/x", "body": {}}), &door).unwrap_err();
        assert!(failure.kind() == ProblemKind::UnknownOutcome && !failure.again);
        let door = Fake::new([broken(), json(200, "{}")]);
        assert!(run(&serde_json::json!({"path": "/x"}), &door).is_ok());
    }

    proptest! {
        #[test]
        fn no_path_that_is_taken_climbs_however_it_is_decoded(path in "(/|%2e|%2F|%25|\\.|;|a|%3A|@|:){0,12}") {
            if leaves(&path).is_none() {
                let decoded = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
                prop_assert_eq!(decoded.matches('/').count(), path.matches('/').count());
                prop_assert!(path.starts_with('/') && !path.starts_with("//"));
                prop_assert!(decoded.split('/').all(|segment| !matches!(segment.split(';').next(), Some("." | ".."))));
            }
        }
    }
}
