//! A simulated pod with its identity domain behind a socket, the harness as a process, and every secret that
//! passed between them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use fusion_sim::{Options, Pod, Scenario};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::stage::{CERTIFICATE, KEY, component};

type Seen = Arc<Mutex<BTreeSet<String>>>;

/// See the module.
pub struct Served {
    pub pod: Pod,
    pub settings: Value,
    pub folder: tempfile::TempDir,
    authority: String,
    seen: Seen,
    _runtime: Runtime,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Served {
    /// A pod with these faults and a connection file of that kind. A connection through the browser has no
    /// session yet.
    pub fn new(kind: &str, faults: Value) -> Self {
        let scenario = Scenario::from_value(json!({ "faults": faults })).unwrap();
        // The harness goes by the clock on the wall, and so does the pod.
        let start = jiff::Timestamp::now();
        let pod = Pod::new(Options { scenario, start, realtime: true, ..Options::default() }).unwrap();
        pod.trust(fusion_sim::ISSUER, CERTIFICATE).unwrap();
        pod.trust_client("sim-client", CERTIFICATE).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let seen = Seen::default();
        let router = pod.router().layer(from_fn_with_state(seen.clone(), note));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        runtime.spawn(async move { axum::serve(listener, router).await });
        let origin = format!("http://{authority}");
        let mut settings = pod.settings_for(kind, &origin).unwrap();
        settings["host"] = origin.into();
        if matches!(kind, "jwt" | "oauth_jwt_assertion") {
            settings["auth"]["private_key"] = KEY.into();
            settings["auth"]["certificate_fingerprint"] = CERTIFICATE.into();
        }
        let served = Self { pod, settings, folder: tempfile::tempdir().unwrap(), authority, seen, _runtime: runtime };
        served.write_connection();
        served
    }

    pub fn write_connection(&self) {
        let path = self.path("pod.json");
        std::fs::write(&path, self.settings.to_string()).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        let harness = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/harness");
        assert!(harness.is_file(), "{} is not built: run `cargo xtask build`", harness.display());
        Command::new(harness)
            .args(arguments)
            .args(["--component", component().to_str().unwrap(), "--allow-http", &self.authority])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub fn harness(&self, arguments: &[&str]) -> Ended {
        ended(self.start(arguments))
    }

    /// Signs in through the browser: the command waits, and a browser without a person follows the address.
    pub fn authorize(&self) -> Ended {
        use std::io::{BufRead as _, BufReader};
        let mut child = self.start(&["authorize", "--connection", "pod.json", "--listen", "127.0.0.1:0", "--json"]);
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = serde_json::from_str::<Value>(&line).unwrap()["url"].as_str().unwrap().to_owned();
        match get(&url).0.filter(|back| back.contains("/callback?")) {
            Some(back) => drop(get(&back)),
            // The browser is never sent back, and the person gives up.
            None => child.kill().unwrap(),
        }
        let mut ended = ended(child);
        ended.out.insert_str(0, &line);
        ended
    }

    /// Every secret: those of the settings, and those that passed.
    pub fn secrets(&self) -> BTreeSet<String> {
        let mut all = self.seen.lock().unwrap().clone();
        for member in ["password", "client_secret", "private_key", "refresh_token"] {
            all.extend(self.settings["auth"][member].as_str().map(str::to_owned));
        }
        all
    }
}

pub fn ended(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// One request to a plain address: where it leads on, and the page.
fn get(url: &str) -> (Option<String>, String) {
    use std::io::{Read as _, Write as _};
    let (authority, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(authority).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let header =
        answer.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("location")));
    (header.map(|(_, value)| value.trim().to_owned()), answer)
}

/// Notes credentials, assertions, codes and tokens on their way.
async fn note(State(seen): State<Seen>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut secrets = Vec::new();
    if let Some(header) = head.headers.get("authorization") {
        secrets.extend(header.to_str().unwrap().split_once(' ').map(|(_, value)| value.to_owned()));
    }
    let token_request = head.uri.path().starts_with("/oauth2/");
    if token_request {
        let text = format!("{}&{}", head.uri.query().unwrap_or_default(), String::from_utf8_lossy(&body));
        for (name, value) in text.split('&').filter_map(|pair| pair.split_once('=')) {
            if ["assertion", "client_assertion", "refresh_token", "code", "code_verifier", "client_secret"]
                .contains(&name)
            {
                secrets.push(value.to_owned());
            }
        }
    }
    let response = next.run(Request::from_parts(head, Body::from(body))).await;
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if token_request && let Ok(answer) = serde_json::from_slice::<Value>(&body) {
        secrets.extend(
            ["access_token", "refresh_token"].iter().filter_map(|name| answer[*name].as_str()).map(str::to_owned),
        );
    }
    seen.lock().unwrap().extend(secrets);
    Response::from_parts(head, Body::from(body))
}
