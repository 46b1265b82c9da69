//! The help is what people read first: every page of it is a golden file.

use crate::bench::harness;

#[test]
fn every_help_page_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "certificate new",
        "",
        "describe",
        "schema",
        "options",
        "test",
        "authorize",
        "run",
        "resume",
        "poll",
        "receive",
        "run-all",
        "events",
        "replay-events",
        "status",
        "sim",
    ] {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let ended = harness(folder.path(), &arguments, "");
        assert_eq!((ended.code, ended.err.as_str()), (0, ""));
        let name = if command.is_empty() { "harness".to_owned() } else { command.replace([' ', '-'], "_") };
        insta::assert_snapshot!(format!("help_{name}"), ended.out);
    }
}

#[test]
fn usage_that_does_not_fit_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["no-such-command"][..],
        &["run", "x"],
        &["run", "x", "--connection", "sim", "--input", "{}", "--timeout", "0"],
    ] {
        let ended = harness(folder.path(), arguments, "");
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ended.err.starts_with("error: "), "{}", ended.err);
    }
    let ended = harness(folder.path(), &["--json", "no-such-command"], "");
    assert_eq!(ended.code, 2);
    assert_eq!(ended.problem()["kind"], "invalid-input");
}
