//! Sessions beside the connection file.

use crate::bench::Bench;

#[test]
fn a_session_is_kept_for_its_owner_alone_and_used_again() {
    let Some(bench) = Bench::new() else { return };
    assert_eq!(bench.action("waits", r#"{"ms": 1}"#, &[]).code, 0);
    let kept = bench.read("pod.json.session");
    assert!(kept.contains("signed"), "{kept}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(bench.path("pod.json.session")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let written = std::fs::metadata(bench.path("pod.json.session")).unwrap().modified().unwrap();
    assert_eq!(bench.action("waits", r#"{"ms": 1}"#, &[]).code, 0);
    assert_eq!(std::fs::metadata(bench.path("pod.json.session")).unwrap().modified().unwrap(), written);
}

#[test]
fn many_processes_share_one_sign_in() {
    let Some(bench) = Bench::new() else { return };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(bench.action("waits", r#"{"ms": 1}"#, &[]).code, 0));
        }
    });
    assert!(bench.path("pod.json.session").exists());
}
