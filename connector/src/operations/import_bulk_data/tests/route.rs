//! An upload, then jobs of their own: what may be repeated, and what runs once.

use super::*;

/// The same by the other route.
fn in_steps(input: &str) -> String {
    input.replacen('{', r#"{"route":"upload_and_submit","#, 1)
}

/// What is answered where the import is submitted: a note goes ahead of it.
fn noted(rest: impl IntoIterator<Item = Reply>) -> Fake {
    let own = items(r#"{"DocumentId":"7"}"#);
    Fake::new([items(""), stored("7"), own, items("")].into_iter().chain(rest))
}

/// The token of the step that is to submit the import.
fn loaded(input: &str) -> String {
    let door = Fake::new([
        items(""),
        items(""),
        stored("5"),
        stored("6"),
        items(r#"{"DocumentId":"6"}"#),
        items(""),
        taken("77"),
    ]);
    let mut token = pending(step(&door, input, None)).token;
    for answers in [vec![items(r#"{"RequestStatus":"SUCCEEDED"}"#), items("")], vec![answer(404, "{}"), items("")]] {
        token = pending(step(&Fake::new(answers), input, Some(&token))).token;
    }
    token
}

#[test]
fn a_file_is_uploaded_loaded_and_imported_by_jobs_of_their_own() {
    let input = in_steps(AP);
    let door = Fake::new([
        items(""),
        items(""),
        stored("5"),
        stored("6"),
        items(r#"{"DocumentId":"6"}"#),
        items(""),
        taken("77"),
    ]);
    let mut token = pending(step(&door, &input, None)).token;
    let sent = bodies(&door);
    let operations: Vec<_> = sent.iter().map(|body| body["OperationName"].as_str().unwrap()).collect();
    assert_eq!(operations, ["uploadFileToUCM", "uploadFileToUCM", "submitESSJobRequest"]);
    assert!(sent[0]["FileName"].as_str().unwrap().starts_with("of"), "{}", sent[0]["FileName"]);
    assert_eq!(
        (&sent[2]["JobDefName"], &sent[2]["ESSParameters"]),
        (&"InterfaceLoaderController".into(), &"1,5,N,N".into())
    );
    for answers in [vec![items(r#"{"RequestStatus":"SUCCEEDED"}"#), items("")], vec![answer(404, "{}"), items("")]] {
        token = pending(step(&Fake::new(answers), &input, Some(&token))).token;
    }
    let door = noted([items(""), taken("80")]);
    token = pending(step(&door, &input, Some(&token))).token;
    let import = bodies(&door);
    assert!(import[0]["FileName"].as_str().unwrap().starts_with("import_begun_of"), "{}", import[0]);
    assert_eq!(import[1]["JobDefName"], "APXIIMPT");
    let list = import[1]["ESSParameters"].as_str().unwrap();
    assert!(list.split(',').count() == 14 && list.split(',').nth(8) == Some("9"), "{list}");
    token = pending(step(&Fake::new([items(r#"{"RequestStatus":"SUCCEEDED"}"#)]), &input, Some(&token))).token;
    let processed = items(r#"{"InvoiceNumber":"A","InvoiceId":1,"Status":"PROCESSED"}"#);
    let no_log = || items(r#"{"DocumentContent":null}"#);
    let told = done(step(&Fake::new([items(""), processed, no_log(), no_log()]), &input, Some(&token)));
    assert_eq!((&told["outcome"], &told["request_id"]), (&"complete".into(), &"77".into()));
    assert_eq!((&told["jobs"][0]["name"], &told["jobs"][0]["request_id"]), (&"APXIIMPT".into(), &"80".into()));
}

#[test]
fn an_upload_may_be_repeated_and_its_load_may_not() {
    let document = || items(r#"{"DocumentId":"5"}"#);
    for input in [in_steps(AP), in_steps(GL)] {
        // The answer to the upload was lost: the document is there, or nothing was loaded.
        let door = Fake::new([
            items(""),
            items(""),
            typed(504, "", ""),
            document(),
            stored("6"),
            items(r#"{"DocumentId":"6"}"#),
            items(""),
            taken("77"),
        ]);
        assert!(pending(step(&door, &input, None)).status.contains("77"));
        assert!(bodies(&door)[2]["ESSParameters"].as_str().unwrap().contains(",5,"));
        let door = Fake::new([items(""), items(""), typed(504, "", ""), items("")]);
        assert!(step(&door, &input, None).unwrap_err().again);
        // An attempt before uploaded it and went no further.
        let door = Fake::new([
            document(),
            document(),
            items(""),
            items(""),
            stored("6"),
            items(r#"{"DocumentId":"6"}"#),
            items(""),
            taken("77"),
        ]);
        assert!(pending(step(&door, &input, None)).status.contains("77"));
        assert_eq!(posts(&door), 2);
        // It was about to load it.
        let door = Fake::new([document(), document(), items(""), document(), items("")]);
        assert!(pending(step(&door, &input, None)).status.contains("about to send"));
        assert_eq!(posts(&door), 0);
        // The load is there.
        let door = Fake::new([document(), document(), load_of("5")]);
        assert!(pending(step(&door, &input, None)).status.contains("77"));
    }
    // Where the answer to the load was lost it is found by its document.
    let input = in_steps(GL);
    let door = Fake::new([
        items(""),
        items(""),
        stored("5"),
        stored("6"),
        items(r#"{"DocumentId":"6"}"#),
        items(""),
        typed(504, "", ""),
    ]);
    let token = pending(step(&door, &input, None)).token;
    let found = pending(step(&Fake::new([document(), document(), load_of("5")]), &input, Some(&token)));
    assert!(found.status.contains("77") && found.token.contains("answer_lost"));
    let door = Fake::new([document(), document(), items("")]);
    door.wait(Duration::from_secs(16 * 60));
    assert_eq!(step(&door, &input, Some(&token)).unwrap_err().kind(), ProblemKind::UnknownOutcome);
    // F2: an account that is not there.
    let failure = step(&Fake::new([items(""), items(""), answer(201, "{}")]), &input, None).unwrap_err();
    assert!(failure.problem.message.contains("fin$/generalLedger$/import$"));
}

#[test]
fn the_import_of_its_own_decides_and_runs_once() {
    let input = in_steps(AP).replacen('{', r#"{"then":[{"package":"/p","definition":"D"}],"#, 1);
    let mut token = loaded(&input);
    // Refused, it is an error; the rows wait in the interface tables for the same call.
    let refused =
        step(&noted([items(""), answer(200, r#"{"ReqstId":"-1"}"#), stored("8")]), &input, Some(&token)).unwrap_err();
    assert!(refused.kind() == ProblemKind::Forbidden && refused.problem.message.contains("APXIIMPT"));
    // Where its answer is lost it is looked for, as long as the load would be.
    let lost = noted([items(""), typed(504, "", ""), items(""), items(""), items("")]);
    let lost = pending(step(&lost, &input, Some(&token))).token;
    let found = r#"{"requestId":80,"state":"RUNNING","jobDefinitionId":"JobDefinition://oracle/apps/ess/financials/payables/invoices/transactions/APXIIMPT","requestParameters":[ARGUMENTS]}"#;
    let list = serde_json::from_str::<Value>(&token).unwrap()["s"]["import"].as_str().unwrap().to_owned();
    let named = |(at, value): (usize, &str)| format!(r#"{{"name":"submit.argument{}","value":"{value}"}}"#, at + 1);
    let arguments: Vec<String> = list.split(',').enumerate().map(named).collect();
    let found = items(&found.replace("ARGUMENTS", &arguments.join(",")));
    assert!(pending(step(&Fake::new([items("")]), &input, Some(&lost))).status.contains("looking"));
    let going = pending(step(&Fake::new([found]), &input, Some(&lost))).token;
    assert!(going.contains("\"80\"") && going.contains(r#""lost":null"#), "{going}");
    // Rows that the first takes are not taken twice.
    let door = Fake::new([items(""), items(""), taken("81")]);
    door.wait(Duration::from_secs(16 * 60));
    let again = pending(step(&door, &input, Some(&lost)));
    assert!(again.token.contains("\"81\"") && again.token.contains("import_sent_again"), "{}", again.token);
    for door in [noted([items(""), taken("80")]), Fake::new([items(r#"{"RequestStatus":"ERROR"}"#)])] {
        token = pending(step(&door, &input, Some(&token))).token;
    }
    let no_log = || items(r#"{"DocumentContent":null}"#);
    let door = Fake::new([items(""), items(""), items(""), no_log(), no_log()]);
    let told = done(step(&door, &input, Some(&token)));
    assert_eq!((&told["outcome"], told["jobs"].as_array().unwrap().len()), (&"failed".into(), 1));
}

#[test]
fn an_import_that_a_host_may_have_submitted_before_it_died_is_looked_for_before_another_is() {
    let input = in_steps(GL);
    let token = loaded(&input);
    let note = || items(r#"{"DocumentId":"7"}"#);
    let door = Fake::new([note(), items("")]);
    let looking = pending(step(&door, &input, Some(&token))).token;
    assert_eq!(posts(&door), 0);
    // Another run of the call noted it first.
    let both = items(r#"{"DocumentId":"6"},{"DocumentId":"7"}"#);
    let door = Fake::new([items(""), stored("7"), both, items("")]);
    assert!(pending(step(&door, &input, Some(&token))).token.contains(r#""lost":17"#));
    assert_eq!(posts(&door), 1);
    assert!(pending(step(&Fake::new([items("")]), &input, Some(&looking))).status.contains("looking"));
    // What the pod refused is submitted again at once.
    let refused = items(r#"{"DocumentId":"8"}"#);
    let door =
        Fake::new([note(), refused, stored("9"), items(r#"{"DocumentId":"9"}"#), items(""), items(""), taken("80")]);
    assert!(pending(step(&door, &input, Some(&token))).token.contains("\"80\""));
}

#[test]
fn what_the_other_route_cannot_do_is_refused() {
    for (member, pointer) in [(r#""wait":false"#, "/wait"), (r#""callback_url":"https://x/y""#, "/callback_url")] {
        let door = Fake::new([]);
        let failure = step(&door, &in_steps(AP).replacen('{', &format!("{{{member},"), 1), None).unwrap_err();
        assert_eq!(failure.problem.fields[0].pointer, pointer);
        assert!(door.sent.borrow().is_empty());
    }
}
