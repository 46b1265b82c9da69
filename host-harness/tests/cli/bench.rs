//! A folder to work in, and the command run in it.

use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Child;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A password that must never be seen anywhere.
pub const PASSWORD: &str = "Tr0ub4dor&3-hunter";

/// A temporary folder with a connection file `pod.json`.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub guest: PathBuf,
}

/// Asks a process to end, as a service manager does.
#[cfg(unix)]
pub fn terminate(child: &Child) {
    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(ended.success());
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Bench {
    /// None where there is no guest.
    pub fn new() -> Option<Self> {
        let guest = std::env::var_os("TINY_GUEST_WASM")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/tiny-guest.wasm"), PathBuf::from);
        if !guest.is_file() {
            eprintln!("skipped: there is no guest at {}", guest.display());
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let settings = format!(r#"{{"host": "pod.example.com", "password": "{PASSWORD}"}}"#);
        let bench = Self { folder, guest };
        bench.write("pod.json", &settings);
        Some(bench)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that its owner alone can read, as one with a secret should be.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
        self.open_to(name, 0o600);
    }

    /// Sets a file's permissions, where the system has such.
    pub fn open_to(&self, name: &str, mode: u32) {
        #[cfg(unix)]
        std::fs::set_permissions(self.path(name), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs `harness` on the guest; no output of it ever holds the password.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let guest = self.guest.to_str().unwrap();
        let all: Vec<&str> = ["--component", guest].iter().chain(arguments).copied().collect();
        let ended = harness(self.folder.path(), &all, "");
        assert!(!ended.out.contains(PASSWORD) && !ended.err.contains(PASSWORD), "the password is printed");
        ended
    }

    /// Starts `harness` on the guest, its standard output at the end of a file and what it says at that of `<out>.err`.
    #[cfg(unix)]
    pub fn start(&self, arguments: &[&str], out: &str) -> Child {
        let open = |name: &str| std::fs::OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        let (out, err) = (open(out), open(&format!("{out}.err")));
        Command::new(env!("CARGO_BIN_EXE_harness"))
            .arg("--component")
            .arg(&self.guest)
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap()
    }

    /// Runs an action over `pod.json`.
    pub fn action(&self, action: &str, input: &str, more: &[&str]) -> Ended {
        let mut arguments = vec!["run", action, "--connection", "pod.json", "--input", input];
        arguments.extend(more);
        self.run(&arguments)
    }
}

/// Runs `harness` in a folder.
pub fn harness(folder: &Path, arguments: &[&str], stdin: &str) -> Ended {
    use std::io::Write as _;
    let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env("COLUMNS", "100")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ended {
    /// Standard output as one JSON value.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {:?}; {}", self.out, self.err))
    }

    /// Standard error as a problem record.
    pub fn problem(&self) -> Value {
        serde_json::from_str(&self.err).unwrap_or_else(|error| panic!("{error}: {:?}", self.err))
    }

    /// Standard output as one JSON value a line.
    pub fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
