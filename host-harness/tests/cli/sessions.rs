//! Sessions beside the connection file.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

#[cfg(unix)]
#[test]
fn a_session_that_others_can_read_is_closed_to_them_with_one_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(bench) = Bench::new() else { return };
    assert_eq!(bench.action("waits", r#"{"ms": 1}"#, &[]).code, 0);
    bench.open_to("pod.json.session", 0o644);
    let ended = bench.action("waits", r#"{"ms": 1}"#, &[]);
    assert_eq!(ended.code, 0);
    insta::assert_snapshot!(ended.err, @"warning: others on this machine could read the session in pod.json.session; from now on you alone can [readable_by_others]");
    assert_eq!(std::fs::metadata(bench.path("pod.json.session")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(bench.action("waits", r#"{"ms": 1}"#, &[]).err, "");
}

#[test]
fn a_session_file_that_is_no_file_is_named() {
    let Some(bench) = Bench::new() else { return };
    std::fs::create_dir(bench.path("pod.json.session")).unwrap();
    let refused = bench.action("waits", r#"{"ms": 1}"#, &[]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    insta::assert_snapshot!(refused.err, @"error: the session cannot be kept: pod.json.session does not hold state: it is not a regular file. Move away what is there, or give a connection file with another name.");
}

/// A token endpoint on this machine; answers its address and counts what it is asked.
fn token_endpoint() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut sent = [0; 4096];
            let _ = stream.read(&mut sent);
            let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
            let body = format!(r#"{{"token": "token-{number}", "expires_in": 3600}}"#);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    (address, asked)
}

#[test]
fn many_processes_share_one_sign_in_and_one_renewal() {
    let Some(bench) = Bench::new() else { return };
    let (address, asked) = token_endpoint();
    bench.write("pod.json", &format!(r#"{{"host": "pod.example.com", "token_url": "http://{address}/token"}}"#));
    let all = |input: &str, token: &str| {
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let ended = bench.action("guarded", input, &["--allow-http", &address]);
                    assert_eq!(ended.code, 0, "{}", ended.err);
                    assert_eq!(ended.json()["token"], token);
                });
            }
        });
    };
    all("{}", "token-1");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // The remote system takes the session no longer, and all find out at once.
    all(r#"{"dead": "token-1"}"#, "token-2");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_token_address_that_leads_elsewhere_is_allowed_by_name_alone() {
    let Some(bench) = Bench::new() else { return };
    bench.write("pod.json", r#"{"host": "pod.example.com", "token_url": "https://tokens.invalid/token"}"#);
    let refused = bench.action("guarded", "{}", &[]);
    assert_eq!(refused.code, 2, "nothing was sent");
    insta::assert_snapshot!(refused.err, @"error: ErrorCode::HttpRequestDenied (the connection names tokens.invalid, which is not where its form expects that address to lead). Where it is right that this connection's data goes there, allow it with --allow-host tokens.invalid.");
    let allowed = bench.action("guarded", "{}", &["--allow-host", "tokens.invalid"]);
    assert_eq!(allowed.code, 4, "allowed, and not there: {}", allowed.err);
}
