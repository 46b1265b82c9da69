use super::*;
use crate::http::fake::{Fake, json, typed};

const DOING: Doing = Doing { what: "search invoices", object: "invoices" };

fn settings() -> Settings {
    Settings::parse(r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#).unwrap()
}

fn get(door: &Fake) -> Result<Response> {
    let settings = settings();
    Pod::new(door, &settings, None)?.get(DOING, &Address::fixed("/fscmRestApi/resources/latest/x"))
}

#[test]
fn an_address_that_no_host_sends_on_is_refused_here() {
    let (settings, door) = (settings(), Fake::new([]));
    let address = Address::fixed("/x").param("q", &"a".repeat(65_000));
    let failure = Pod::new(&door, &settings, None).unwrap().get(DOING, &address).unwrap_err();
    assert!(failure.kind() == ProblemKind::TooLarge && !failure.again && door.sent.borrow().is_empty());
}

#[test]
fn an_endpoint_that_wants_a_range_of_days_gets_one() {
    let door = Fake::new([typed(400, "text/plain", "the effective date range is missing"), json(200, "{}")]);
    get(&door).unwrap();
    let sent = door.sent.borrow();
    let range =
        |at: usize| sent[at].headers.iter().find(|(name, _)| *name == "effective-of").map(|(_, day)| day.as_str());
    assert_eq!((range(0), range(1)), (None, Some("RangeStartDate=2026-01-01")));
    let stays = Fake::new([typed(400, "text/plain", "effective"), typed(400, "text/plain", "effective")]);
    assert_eq!(get(&stays).unwrap_err().problem.http_status, Some(400));
}

fn with_header(
    name: &str,
    value: &str,
    answer: std::result::Result<Response, SendError>,
) -> std::result::Result<Response, SendError> {
    answer.map(|mut response| {
        response.headers.push((name.into(), value.into()));
        response
    })
}

#[test]
fn every_request_says_who_asks_and_in_which_version() {
    let door = Fake::new([json(200, "{}")]);
    get(&door).unwrap();
    let sent = door.sent.borrow();
    let header = |name: &str| sent[0].headers.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str());
    assert_eq!(header("rest-framework-version"), Some("4"));
    assert_eq!(header("accept"), Some(JSON_WITH_ERRORS));
    assert_eq!(header("accept-language"), Some("en"));
    assert_eq!(header("authorization"), Some("Basic dTpodW50ZXIyMg=="));
    let door = Fake::new([json(200, "{}")]);
    let settings = settings();
    let pod = Pod::new(&door, &settings, None).unwrap();
    pod.get(DOING, &Address::fixed("/ess/rest/scheduler/v1/requests")).unwrap();
    assert!(!door.sent.borrow()[0].headers.iter().any(|(name, _)| *name == "rest-framework-version"));
}

#[test]
fn a_change_goes_as_a_post_where_a_proxy_refuses_patch() {
    let (settings, address) = (settings(), Address::fixed("/fscmRestApi/resources/latest/x/7"));
    let door = Fake::new([typed(405, "text/html", "<h1>No</h1>"), json(200, "{}"), json(200, "{}")]);
    let pod = Pod::new(&door, &settings, None).unwrap();
    for _ in 0..2 {
        pod.write(Method::Patch, DOING, &address, b"{}").unwrap();
    }
    let sent = door.sent.borrow();
    assert_eq!(sent.iter().map(|request| request.method.as_str()).collect::<Vec<_>>(), ["PATCH", "POST", "POST"]);
    assert!(sent[1..].iter().all(|request| request.headers.contains(&("x-http-method-override", "PATCH".to_owned()))));
    let door = Fake::new([typed(405, "", ""), typed(405, "", "")]);
    let pod = Pod::new(&door, &settings, None).unwrap();
    let Err(Lost::Refused(failure)) = pod.write(Method::Patch, DOING, &address, b"{}") else { panic!() };
    assert!(failure.kind() == ProblemKind::Unsupported && failure.problem.remedy.unwrap().contains("proxy"));
}

#[test]
fn an_empty_406_is_asked_again_without_structured_errors() {
    let door = Fake::new([typed(406, "", ""), json(200, "{}")]);
    get(&door).unwrap();
    assert!(door.sent.borrow()[1].headers.contains(&("accept", JSON.to_owned())));
}

#[test]
fn throttling_is_waited_out_as_told() {
    let door = Fake::new([
        with_header("retry-after", "1", typed(429, "", "")),
        with_header("retry-after", "Thu, 01 Jan 2026 00:00:03 GMT", typed(503, "", "")),
        json(200, "{}"),
    ]);
    get(&door).unwrap();
    assert_eq!(door.waited(), Duration::from_secs(3));
}

#[test]
fn long_throttling_goes_out_as_transient() {
    let out = Fake::new([with_header("retry-after", "90", typed(503, "", ""))]);
    let remedy = get(&out).unwrap_err().problem.remedy.unwrap();
    assert!(remedy.ends_with("run it again in 90 s."), "{remedy}");
    let door = Fake::new([with_header("retry-after", "90", typed(429, "", ""))]);
    let failure = get(&door).unwrap_err();
    assert!(failure.again);
    assert_eq!((failure.kind(), failure.problem.retry_after_ms), (ProblemKind::RateLimited, Some(90_000)));
    assert_eq!(door.waited(), Duration::ZERO);
}

#[test]
fn a_wrong_password_is_tried_once() {
    let door = Fake::new([typed(401, "text/html", "<html><title>Unauthorized</title></html>")]);
    let failure = get(&door).unwrap_err();
    assert_eq!(failure.kind(), ProblemKind::Unauthenticated);
    assert_eq!(door.sent.borrow().len(), 1);
}

#[test]
fn an_echoed_secret_is_hidden() {
    let door = Fake::new([typed(400, "text/plain", "bad Basic dTpodW50ZXIyMg== hunter22")]);
    let failure = get(&door).unwrap_err();
    assert!(failure.problem.message.contains("bad Basic [secret] [secret]"), "{}", failure.problem.message);
}

#[test]
fn redirects_and_pages_are_no_answers() {
    for answer in [
        with_header("location", "https://u:p@idcs.example/login?x", typed(302, "", "")),
        typed(200, "text/html", "<html><title>Sign In</title></html>"),
    ] {
        let door = Fake::new([answer]);
        let failure = get(&door).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::UnexpectedResponse);
        assert!(!failure.again && !failure.problem.message.contains("u:p@"));
    }
}

#[test]
fn a_write_is_repeated_only_where_it_did_nothing() {
    let settings = settings();
    let unknown = |answer| {
        let door = Fake::new([answer]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        let lost = pod.write(Method::Post, DOING, &Address::fixed("/x"), b"{}").unwrap_err();
        assert_eq!(door.sent.borrow().len(), 1);
        matches!(lost, Lost::Unknown(_))
    };
    assert!(unknown(typed(504, "text/html", "<h1>Gateway Time-out</h1>")));
    assert!(unknown(typed(502, "", "")));
    assert!(unknown(typed(500, "", "")));
    assert!(unknown(typed(503, "", "")));
    assert!(unknown(Err(SendError::Broken("x".into()))));
    assert!(unknown(Err(SendError::TimedOut("x".into()))));
    assert!(!unknown(json(400, r#"{"title":"x"}"#)));
    let door = Fake::new([
        Err(SendError::NotSent("x".into())),
        with_header("retry-after", "1", typed(503, "", "")),
        json(201, "{}"),
    ]);
    let pod = Pod::new(&door, &settings, None).unwrap();
    assert_eq!(pod.write(Method::Post, DOING, &Address::fixed("/x"), b"{}").unwrap().status, 201);
}

#[test]
fn a_deadline_ends_the_repeats() {
    let settings = settings();
    let door = Fake::new([typed(500, "", ""), json(200, "{}")]);
    let call = Call { id: "c".into(), attempt: 0, remaining_ms: Some(400) };
    let pod = Pod::new(&door, &settings, Some(&call)).unwrap();
    assert!(pod.get(DOING, &Address::fixed("/x")).unwrap_err().again);
    assert!(door.sent.borrow()[0].patience <= Duration::from_millis(400));
}

#[test]
fn a_body_that_is_made_while_it_is_sent_is_made_afresh_for_each_try() {
    let door = Fake::new([typed(406, "", ""), json(200, "{}")]);
    let settings = settings();
    let pod = Pod::new(&door, &settings, None).unwrap();
    let address = Address::collection("fscmRestApi", "v", "invoices");
    let made = Cell::new(0);
    let open = || {
        made.set(made.get() + 1);
        Ok(Box::new(&b"abc"[..]) as Box<dyn std::io::Read>)
    };
    let carried = Carried { stream: Some(crate::http::Stream { len: 3, open: &open }), ..Carried::default() };
    pod.exact(Method::Post, DOING, &address, carried).unwrap();
    let sent = door.sent.borrow();
    assert_eq!((made.get(), sent.len()), (2, 2));
    assert!(sent.iter().all(|request| request.body.as_deref() == Some(b"abc")));
}

#[test]
fn an_answer_is_passed_on_up_to_a_bound_and_a_refusal_is_read() {
    let door = Fake::new([typed(200, "", "abcd"), typed(404, "", ""), typed(200, "", "abcd")]);
    let settings = settings();
    let pod = Pod::new(&door, &settings, None).unwrap();
    let address = Address::collection("fscmRestApi", "v", "invoices");
    let mut whole = Vec::new();
    let mut answer = pod.open(DOING, &address, &[]).unwrap();
    assert_eq!(pod.pass(DOING, &address, &mut answer.body, &mut whole, 4).unwrap(), 4);
    assert_eq!(whole, b"abcd");
    assert_eq!(pod.open(DOING, &address, &[]).err().unwrap().kind(), ProblemKind::NotFound);
    let mut answer = pod.open(DOING, &address, &[]).unwrap();
    let failure = pod.pass(DOING, &address, &mut answer.body, &mut Vec::new(), 3).unwrap_err();
    assert_eq!(failure.kind(), ProblemKind::TooLarge);
}

#[test]
fn a_write_for_which_no_time_is_left_is_not_sent_and_not_unknown() {
    let (door, settings) = (Fake::new([]), settings());
    let call = Call { id: "c".into(), attempt: 1, remaining_ms: Some(100) };
    let pod = Pod::new(&door, &settings, Some(&call)).unwrap();
    let Err(Lost::Refused(failure)) = pod.write(Method::Post, DOING, &Address::fixed("/x"), b"{}") else { panic!() };
    assert_eq!((failure.kind(), failure.again), (ProblemKind::TimedOut, true));
    assert!(door.sent.borrow().is_empty());
}
