mod reports;
mod route;

use std::time::Duration;

use super::*;
use crate::contract::{Call, Kind, Pending};
use crate::http::fake::{Fake, json as answer, typed};
use crate::http::{Door as _, Method, Response, SendError};
use crate::operations::Entry;
use crate::settings::Settings;

type Reply = std::result::Result<Response, SendError>;

const AP: &str = r#"{"object":"ap_invoices","group_id":"9","parameters":{"business_unit_id":1,"ledger_id":2,"source":"S"},"rows":[{"INVOICE_NUM":"A","INVOICE_AMOUNT":1,"INVOICE_DATE":"2026-01-31","OPERATING_UNIT":"U","SOURCE":"S","VENDOR_NAME":"V","VENDOR_SITE_CODE":"X","INVOICE_CURRENCY_CODE":"USD","lines":[{"LINE_NUMBER":1,"AMOUNT":1}]}]}"#;
const GL: &str = r#"{"object":"gl_journals","group_id":"9","parameters":{"data_access_set_id":1,"ledger_id":2,"source":"S"},"rows":[{"LEDGER_ID":2,"ACCOUNTING_DATE":"2026-01-31","USER_JE_SOURCE_NAME":"S","USER_JE_CATEGORY_NAME":"C","CURRENCY_CODE":"USD","DATE_CREATED":"2026-01-31","ACTUAL_FLAG":"A","SEGMENT1":"1","ENTERED_DR":5},{"LEDGER_ID":2,"ACCOUNTING_DATE":"2026-01-31","USER_JE_SOURCE_NAME":"S","USER_JE_CATEGORY_NAME":"C","CURRENCY_CODE":"USD","DATE_CREATED":"2026-01-31","ACTUAL_FLAG":"A","SEGMENT1":"1","ENTERED_CR":5}]}"#;

fn step(door: &Fake, input: &str, token: Option<&str>) -> Result<Outcome> {
    step_of("call-7", door, input, token)
}

fn step_of(id: &str, door: &Fake, input: &str, token: Option<&str>) -> Result<Outcome> {
    let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
    let settings = Settings::parse(text).unwrap();
    let pod = Pod::new(door, &settings, None).unwrap();
    let call = Call { id: id.into(), attempt: 1, remaining_ms: None };
    Entry::find(ID, Kind::Action).unwrap().step(&pod, Step { call: &call, token }, input)
}

fn pending(outcome: Result<Outcome>) -> Pending {
    match outcome.unwrap() {
        Outcome::Pending(pending) => pending,
        Outcome::Done(told) => panic!("{told}"),
    }
}

fn done(outcome: Result<Outcome>) -> Value {
    match outcome.unwrap() {
        Outcome::Done(told) => serde_json::from_str(&told).unwrap(),
        Outcome::Pending(pending) => panic!("{}", pending.status),
    }
}

fn items(rows: &str) -> Reply {
    answer(200, &format!(r#"{{"items":[{rows}],"hasMore":false}}"#))
}

/// The scheduler's list: one load of that document.
fn load_of(document: &str) -> Reply {
    items(&format!(
        r#"{{"requestId":77,"state":"RUNNING","jobDefinitionId":"JobDefinition://oracle/apps/ess/financials/commonModules/shared/common/interfaceLoader/InterfaceLoaderController","requestParameters":[{{"name":"submit.argument2","value":"{document}"}}]}}"#
    ))
}

fn posts(door: &Fake) -> usize {
    door.sent.borrow().iter().filter(|request| request.method == Method::Post).count()
}

#[test]
fn a_load_is_sent_once_and_awaited() {
    let door = Fake::new([items(""), answer(201, r#"{"ReqstId":"77","DocumentId":"5"}"#)]);
    let first = pending(step(&door, AP, None));
    assert!(first.status.contains("77") && posts(&door) == 1);
    let going = pending(step(&Fake::new([items(r#"{"RequestStatus":"PAUSED"}"#), items("")]), AP, Some(&first.token)));
    assert!(going.status.contains("PAUSED"));
}

#[test]
fn what_an_attempt_before_sent_is_found() {
    let document = || items(r#"{"DocumentId":"5"}"#);
    let door = Fake::new([document(), document(), load_of("5")]);
    assert!(pending(step(&door, AP, None)).status.contains("77"));
    assert_eq!(posts(&door), 0);
}

/// A page of the scheduler's list: 25 loads, each of the document so many behind its request.
fn loads(first: u32, ahead: u32) -> Reply {
    let one = |id: u32| {
        format!(
            r#"{{"requestId":{id},"state":"RUNNING","jobDefinitionId":"JobDefinition://oracle/apps/ess/financials/commonModules/shared/common/interfaceLoader/InterfaceLoaderController","requestParameters":[{{"name":"submit.argument1","value":"1"}},{{"name":"submit.argument2","value":"{}"}}]}}"#,
            id - ahead
        )
    };
    items(&(first - 24..=first).rev().map(one).collect::<Vec<_>>().join(","))
}

#[test]
fn a_load_is_found_behind_hundreds_of_others_and_not_looked_for_behind_older_ones() {
    let document = |id: u32| items(&format!(r#"{{"DocumentId":"{id}"}}"#));
    let trees = || (0..12).map(|_| items(""));
    let found = |own: u32, pages: Vec<Reply>| {
        let mut pages = pages.into_iter();
        let first = [document(own), document(own), pages.next().unwrap()].into_iter();
        let door = Fake::new(first.chain(trees()).chain(pages));
        let status = pending(step(&door, AP, None)).status;
        (status, door.sent.borrow().len())
    };
    // Nine pages of loads came after it.
    let pages = (0..10).map(|page| loads(9_999 - 25 * page, 3_000)).collect();
    let (status, asked) = found(6_760, pages);
    assert!(status.contains("request 9760") && asked == 24, "{status} {asked}");
    // All that are there are of older documents, so that the next page is not asked for.
    let (status, asked) = found(9_000, vec![loads(9_999, 3_000), loads(9_974, 3_000)]);
    assert!(status.contains("looking") && asked == 15, "{status} {asked}");
    // A page that cannot be read is no proof that it is not there.
    let door = Fake::new([document(5), document(5)].into_iter().chain((0..3).map(|_| typed(503, "", ""))));
    assert!(step(&door, AP, None).unwrap_err().again);
}

#[test]
fn other_rows_under_the_same_call_id_never_pass_for_loaded() {
    for (input, other) in [(AP, AP.replace("\"A\"", "\"B\"")), (GL, GL.replace(":5}", ":6}"))] {
        let names = |input: &str| {
            let door = Fake::new([items(r#"{"DocumentId":"5"}"#), items("")]);
            assert_eq!(step(&door, input, None).unwrap_err().kind(), ProblemKind::Conflict);
            assert_eq!(posts(&door), 0);
            door.sent.borrow().iter().map(|request| request.path.clone()).collect::<Vec<_>>()
        };
        let (first, again, second) = (names(input), names(input), names(&other));
        assert_eq!(first, again);
        assert!(first.first() == second.first() && first.last() != second.last(), "{first:?} {second:?}");
    }
}

#[test]
fn a_lost_answer_is_looked_for_and_then_sent_again_where_that_does_no_harm() {
    let lost = |input| {
        // Where a second load would double the rows, a note goes ahead.
        let note = match input {
            GL => vec![items(""), answer(201, r#"{"DocumentId":"4"}"#), items(r#"{"DocumentId":"4"}"#), items("")],
            _ => vec![],
        };
        let answers = [items("")].into_iter().chain(note).chain([typed(504, "", "")]);
        pending(step(&Fake::new(answers), input, None)).token
    };
    // It is registered late.
    let document = || items(r#"{"DocumentId":"5"}"#);
    let late = Fake::new([document(), document(), load_of("5")]);
    assert!(pending(step(&late, GL, Some(&lost(GL)))).status.contains("request 77"));
    // It never came: invoices refuse a second load, journals would be doubled.
    let after = |answers: Vec<Reply>| {
        let door = Fake::new(answers);
        door.wait(Duration::from_secs(16 * 60));
        door
    };
    let door = after(vec![items(""), answer(201, r#"{"ReqstId":"78","DocumentId":"6"}"#)]);
    let again = pending(step(&door, AP, Some(&lost(AP))));
    assert!(again.status.contains("78") && again.token.contains("sent_again"));
    let door = after(vec![items("")]);
    let unknown = step(&door, GL, Some(&lost(GL))).unwrap_err();
    assert_eq!(unknown.kind(), ProblemKind::UnknownOutcome);
    let remedy = unknown.problem.remedy.unwrap();
    for said in ["\"call-7\"", "group 9", "new call id", "list_ess_jobs", "begun_of"] {
        assert!(remedy.contains(said), "{said}: {remedy}");
    }
    assert_eq!(posts(&door), 0);
}

#[test]
fn nothing_is_sent_for_a_check_and_for_what_does_not_fit() {
    let door = Fake::new([]);
    let told = done(step(&door, &AP.replacen('{', r#"{"check_only":true,"#, 1), None));
    assert_eq!((&told["outcome"], &told["counts"]["read"]), (&"checked".into(), &1.into()));
    assert!(told["zip"]["base64"].is_string());
    let unbalanced = GL.replace("\"ENTERED_CR\":5", "\"ENTERED_CR\":6");
    let told = done(step(&door, &unbalanced.replacen('{', r#"{"check_only":true,"#, 1), None));
    assert_eq!((&told["outcome"], told.get("zip")), (&"refused".into(), None));
    assert_eq!(
        (&told["findings"][0]["code"], &told["findings"][0]["severity"]),
        (&"unbalanced".into(), &"refuse".into())
    );
    assert_eq!(step(&door, &unbalanced, None).unwrap_err().kind(), ProblemKind::InvalidInput);
    assert_eq!(
        step(&door, &AP.replacen('{', r#"{"files":[],"#, 1), None).unwrap_err().kind(),
        ProblemKind::InvalidInput
    );
    let both = AP.replacen('{', r#"{"parameter_list":"1,2","#, 1);
    assert_eq!(step(&door, &both, None).unwrap_err().problem.fields[0].pointer, "/parameter_list");
    let plain = AP.replacen('{', r#"{"callback_url":"http://a.example","#, 1);
    let failure = step(&door, &plain, None).unwrap_err();
    assert!(failure.problem.fields[0].pointer == "/callback_url" && failure.problem.remedy.is_some());
    let secure = AP.replacen('{', r#"{"callback_url":"https://a.example","check_only":true,"#, 1);
    assert!(step(&door, &secure, None).is_ok());
    assert!(door.sent.borrow().is_empty());
}

fn submitted(input: &str) -> String {
    pending(step(&Fake::new([items(""), answer(201, r#"{"ReqstId":"77","DocumentId":"5"}"#)]), input, None)).token
}

#[test]
fn a_token_is_good_for_its_own_call_and_input_alone() {
    let (token, door) = (submitted(AP), Fake::new([]));
    for refused in
        [step_of("call-8", &door, AP, Some(&token)), step(&door, &AP.replace("\"A\"", "\"B\""), Some(&token))]
    {
        assert_eq!(refused.unwrap_err().kind(), ProblemKind::InvalidInput);
    }
    assert!(door.sent.borrow().is_empty());
}

#[test]
fn looks_that_go_on_failing_are_worth_another_run_with_the_same_call_id() {
    let mut token = submitted(AP);
    for _ in 0..10 {
        token = pending(step(&Fake::new([typed(500, "", "")]), AP, Some(&token))).token;
    }
    let failure = step(&Fake::new([typed(500, "", "")]), AP, Some(&token)).unwrap_err();
    let remedy = failure.problem.remedy.unwrap();
    assert!(failure.again && remedy.contains("\"call-7\"") && remedy.contains("--call-id"), "{remedy}");
}

#[test]
fn a_job_after_the_import_that_fails_leaves_it_incomplete() {
    let input = AP.replacen('{', r#"{"then":[{"package":"/p","definition":"D"}],"#, 1);
    let mut token = submitted(&input);
    for answers in [
        vec![items(r#"{"RequestStatus":"SUCCEEDED"}"#), items("")],
        vec![answer(404, "{}"), items("")],
        vec![items(""), answer(200, r#"{"ReqstId":"-1"}"#)],
    ] {
        token = pending(step(&Fake::new(answers), &input, Some(&token))).token;
    }
    let processed = items(r#"{"InvoiceNumber":"A","InvoiceId":1,"Status":"PROCESSED"}"#);
    let told =
        done(step(&Fake::new([items(""), processed, items(r#"{"DocumentContent":null}"#)]), &input, Some(&token)));
    assert_eq!((&told["outcome"], &told["counts"]["imported"]), (&"partial".into(), &1.into()));
    let job = &told["jobs"][0];
    assert_eq!((&job["name"], &job["state"]), (&"D".into(), &"ERROR".into()));
    assert!(job["message"].as_str().unwrap().contains("/p,D"), "{job}");
}

#[test]
fn a_job_after_the_import_that_comes_in_late_is_awaited_all_the_same() {
    let input = AP.replacen('{', r#"{"then":[{"package":"/p","definition":"D"}],"#, 1);
    let mut token = submitted(&input);
    let before = || vec![items(r#"{"RequestStatus":"SUCCEEDED"}"#), items("")];
    let lost = vec![items(""), typed(504, "", ""), items(""), items(""), items("")];
    for answers in [before(), vec![answer(404, "{}"), items("")], lost] {
        token = pending(step(&Fake::new(answers), &input, Some(&token))).token;
    }
    assert!(pending(step(&Fake::new([items("")]), &input, Some(&token))).status.contains("looking"));
    let late = items(r#"{"requestId":81,"state":"WAIT","jobDefinitionId":"JobDefinition://p/D"}"#);
    assert!(pending(step(&Fake::new([late]), &input, Some(&token))).token.contains("\"81\""));
    // It never comes: the import is told, with what is not known.
    let door = Fake::new([items("")]);
    door.wait(Duration::from_secs(16 * 60));
    let token = pending(step(&door, &input, Some(&token))).token;
    let processed = items(r#"{"InvoiceNumber":"A","InvoiceId":1,"Status":"PROCESSED"}"#);
    let told =
        done(step(&Fake::new([items(""), processed, items(r#"{"DocumentContent":null}"#)]), &input, Some(&token)));
    assert_eq!((&told["outcome"], &told["jobs"][0]["state"]), (&"partial".into(), &"UNKNOWN".into()));
    assert!(told["jobs"][0]["message"].as_str().unwrap().contains("Scheduled Processes"), "{told}");
}

#[test]
fn a_job_after_the_import_that_an_earlier_life_of_the_call_ran_is_not_run_again() {
    let input = AP.replacen('{', r#"{"then":[{"package":"/p","definition":"D","parameters":["1061"]}],"#, 1);
    let ended = vec![items(r#"{"RequestStatus":"SUCCEEDED"}"#), items("")];
    let token = pending(step(&Fake::new(ended), &input, Some(&submitted(&input)))).token;
    let job = |id: u32, at: &str, argument: &str| {
        format!(
            r#"{{"requestId":{id},"state":"RUNNING","submitter":"u","jobDefinitionId":"JobDefinition://p/D","submissionTime":"2026-07-03T10:{at}:00Z","requestParameters":[{{"name":"submit.argument1","value":"{argument}"}}]}}"#
        )
    };
    let load = || {
        answer(200, r#"{"requestId":77,"state":"SUCCEEDED","submitter":"u","completedTime":"2026-07-03T10:30:00Z"}"#)
    };
    let listed = [job(82, "40", "7"), job(81, "31", "1061"), job(80, "29", "1061")].join(",");
    let door = Fake::new([load(), items(&listed)]);
    let going = pending(step(&door, &input, Some(&token)));
    assert!(going.token.contains("\"81\"") && going.token.contains("then_found"), "{}", going.token);
    assert_eq!(posts(&door), 0);
    // What ran before the import had ended does nothing for it.
    let early = Fake::new([load(), items(&job(80, "29", "1061")), items(&job(80, "29", "1061"))]);
    assert!(!pending(step(&early, &input, Some(&token))).token.contains("then_found"));
}

#[test]
fn the_report_says_what_arrived_and_names_each_row() {
    let first = pending(step(&Fake::new([items(""), answer(201, r#"{"ReqstId":"77","DocumentId":"5"}"#)]), AP, None));
    let rejected = r#"{"InvoiceNumber":"A","InvoiceId":1,"Status":"REJECTED","interfaceInvoiceRejections":[{"RejectionDescription":"INVALID SUPPLIER"}]}"#;
    let door = Fake::new([
        items(r#"{"RequestStatus":"SUCCEEDED"}"#),
        items(""),
        items(rejected),
        items(r#"{"DocumentContent":null}"#),
    ]);
    let told = done(step(&door, AP, Some(&first.token)));
    assert_eq!(told["outcome"], "nothing_imported");
    assert_eq!(
        (&told["rejections"][0]["row"], &told["rejections"][0]["code"]),
        (&1.into(), &"INVALID SUPPLIER".into())
    );
    assert!(told["rejected_file"]["text"].as_str().unwrap().contains("\"A\""));
}

#[test]
fn a_load_of_which_nothing_was_taken_says_what_the_job_looked_for() {
    let mut found = crate::fusion::report::Found::default();
    crate::fusion::report::texts::read("1.log", &mut &b"Invoices selected: 0\nError: no such batch\n"[..], &mut found)
        .unwrap();
    assert_eq!(
        (found.imported, found.said.as_slice()),
        (Some(0), &["Invoices selected: 0".to_owned(), "Error: no such batch".to_owned()][..])
    );
    let token = submitted(AP);
    let interface = items(r#"{"InvoiceNumber":"A","InvoiceId":1,"Status":null}"#);
    let log = {
        use base64::Engine as _;
        let mut zip = tabular::zip::Writer::new(crate::fusion::fbdi::archive::Sink::new(None, "log"));
        zip.begin("1.log").unwrap();
        zip.write(b"Invoices selected: 0\n").unwrap();
        zip.end().unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut zip.finish().unwrap().finish().unwrap().reader().unwrap(), &mut bytes).unwrap();
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    let log = items(&format!(r#"{{"DocumentContent":"{log}"}}"#));
    let door = Fake::new([items(r#"{"RequestStatus":"SUCCEEDED"}"#), items(""), interface, log]);
    let told = done(step(&door, AP, Some(&token)));
    assert_eq!(told["outcome"], "nothing_imported", "{told}");
    let warnings = told["warnings"].to_string();
    assert!(warnings.contains("nothing_selected") && warnings.contains("Invoices selected: 0"), "{told}");
    assert!(warnings.contains("business_unit_id 1") && warnings.contains("source S"), "{told}");
}

#[test]
fn without_waiting_the_request_is_answered() {
    let door = Fake::new([items(""), answer(201, r#"{"ReqstId":"77","DocumentId":null}"#)]);
    let told = done(step(&door, &AP.replacen('{', r#"{"wait":false,"#, 1), None));
    assert_eq!((&told["outcome"], &told["request_id"]), (&"submitted".into(), &"77".into()));
    assert!(told["warnings"].to_string().contains("no_document_id"));
}

#[test]
fn journals_of_an_attempt_that_may_have_sent_them_are_looked_for_and_not_sent() {
    let document = || items(r#"{"DocumentId":"4"}"#);
    let door = Fake::new([items(""), document(), items("")]);
    assert!(pending(step(&door, GL, None)).status.contains("about to send"));
    assert_eq!(posts(&door), 0);
    // What the pod refused was not loaded.
    let taken = || answer(201, r#"{"ReqstId":"77","DocumentId":"5"}"#);
    let noted = || answer(201, r#"{"DocumentId":"6"}"#);
    let both = items(r#"{"DocumentId":"6"},{"DocumentId":"4"}"#);
    let door = Fake::new([items(""), document(), document(), noted(), both, document(), taken()]);
    assert!(pending(step(&door, GL, None)).status.contains("77"));
    let refused = answer(200, r#"{"ReqstId":"-1"}"#);
    let own = items(r#"{"DocumentId":"6"}"#);
    let door = Fake::new([items(""), items(""), noted(), own, items(""), refused, noted()]);
    assert_eq!(step(&door, GL, None).unwrap_err().kind(), ProblemKind::Forbidden);
    assert_eq!(posts(&door), 3);
}

fn bodies(door: &Fake) -> Vec<Value> {
    let sent = door.sent.borrow();
    sent.iter().filter_map(|request| serde_json::from_slice(request.body.as_ref()?).ok()).collect()
}

fn stored(id: &str) -> Reply {
    answer(201, &format!(r#"{{"DocumentId":"{id}"}}"#))
}

fn taken(id: &str) -> Reply {
    answer(201, &format!(r#"{{"ReqstId":"{id}"}}"#))
}

#[test]
fn a_job_after_the_import_goes_by_its_name() {
    let then = |job: &str| AP.replacen('{', &format!(r#"{{"then":[{job}],"#), 1);
    let sent = |job: &str| {
        let input = then(job);
        let mut token = submitted(&input);
        for answers in [vec![items(r#"{"RequestStatus":"SUCCEEDED"}"#), items("")], vec![answer(404, "{}"), items("")]]
        {
            token = pending(step(&Fake::new(answers), &input, Some(&token))).token;
        }
        let door = Fake::new([items(""), taken("80")]);
        pending(step(&door, &input, Some(&token)));
        bodies(&door).remove(0)
    };
    let job = sent(r#"{"name":"post_journals","parameters":["1061"]}"#);
    assert_eq!(
        (&job["JobPackageName"], &job["JobDefName"], &job["ESSParameters"]),
        (
            &"/oracle/apps/ess/financials/generalLedger/programs/common".into(),
            &"AutomaticPosting".into(),
            &"1061".into()
        )
    );
    assert_eq!(sent(r#"{"name":"validate_invoices","parameters":["1","{group_id}"]}"#)["JobDefName"], "APXAPRVL");
    for wrong in [r#"{}"#, r#"{"package":"/p"}"#, r#"{"name":"post_journals","definition":"D"}"#, r#"{"name":"other"}"#]
    {
        let door = Fake::new([]);
        assert_eq!(step(&door, &then(wrong), None).unwrap_err().kind(), ProblemKind::InvalidInput, "{wrong}");
        assert!(door.sent.borrow().is_empty());
    }
}

#[test]
fn of_runs_at_once_the_one_whose_note_is_first_sends() {
    let noted = || answer(201, r#"{"DocumentId":"10"}"#);
    let run = |other: &str| {
        let notes = items(&format!(r#"{{"DocumentId":"10"}},{{"DocumentId":"{other}"}}"#));
        let taken = answer(201, r#"{"ReqstId":"77","DocumentId":"12"}"#);
        // The note shows late.
        let door = Fake::new([items(""), items(""), noted(), items(""), notes, items(""), taken]);
        (pending(step(&door, GL, None)), posts(&door))
    };
    let (second, sent) = run("9");
    assert!(second.status.contains("another run") && sent == 1, "{}", second.status);
    let (first, sent) = run("11");
    assert!(first.status.contains("77") && sent == 2, "{}", first.status);
}

#[test]
fn a_load_that_the_pod_took_twice_is_told() {
    let own = || items(r#"{"DocumentId":"4"}"#);
    let taken = answer(201, r#"{"ReqstId":"77","DocumentId":"5"}"#);
    let sent = Fake::new([items(""), items(""), answer(201, r#"{"DocumentId":"4"}"#), own(), items(""), taken]);
    let input = GL.replacen('{', r#"{"then":[{"package":"/p","definition":"D"}],"#, 1);
    let token = pending(step(&sent, &input, None)).token;
    let ended = |documents: &str, refused: &str| {
        let ended = [items(r#"{"RequestStatus":"SUCCEEDED"}"#), items(""), items(documents), items(refused)];
        pending(step(&Fake::new(ended), &input, Some(&token))).token.contains("loaded_twice")
    };
    let twice = r#"{"DocumentId":"5"},{"DocumentId":"6"}"#;
    assert!(ended(twice, "") && !ended(twice, r#"{"DocumentId":"7"}"#) && !ended(r#"{"DocumentId":"5"}"#, ""));
}

#[test]
fn a_load_that_takes_too_long_is_taken_up_with_its_call_id_and_a_dead_one_with_a_new_one() {
    let input = AP.replacen('{', r#"{"timeout_minutes":1,"#, 1);
    let token = submitted(&input);
    let door = Fake::new([items(r#"{"RequestStatus":"WAIT"}"#), items("")]);
    door.wait(Duration::from_secs(100));
    let problem = step(&door, &input, Some(&token)).unwrap_err().problem;
    let remedy = problem.remedy.unwrap();
    assert!(remedy.contains("\"call-7\"") && remedy.contains("20 minutes"), "{remedy}");
    assert!(problem.message.contains("after 1 minute;"), "{}", problem.message);
    let dead = crate::fusion::erp::state::meaning("EXPIRED").unwrap();
    assert!(dead.contains("with a new call id"), "{dead}");
}
