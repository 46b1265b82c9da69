//! Lines to a command's standard input; it has taken them when it ends with 0.

use std::io::Write as _;
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::{Batch, Sink, SinkError};
use futures::future::BoxFuture;

/// How often it is looked whether a command has ended.
const LOOK: Duration = Duration::from_millis(10);

/// How long a command that is asked to end may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs a command for each batch.
#[derive(Clone, Debug)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
    timeout: Duration,
}

impl Command {
    /// A sink that runs this program with these arguments, without a shell, and ends it after `timeout`.
    #[must_use]
    pub fn new(program: &str, arguments: &[String], timeout: Duration) -> Self {
        Self { program: program.to_owned(), arguments: arguments.to_vec(), timeout }
    }

    fn run(&self, text: Vec<u8>, left: &AtomicBool) -> Result<(), String> {
        let mut process = Process::new(&self.program);
        // A group of its own, so that what the program has started ends with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut process, 0);
        let mut child = process
            .args(&self.arguments)
            .stdin(Stdio::piped())
            // Standard output may be a sink of its own.
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot be started: {error}"))?;
        let input = child.stdin.take();
        // On a thread of its own, since a command may read slowly, or not at all.
        let writing = std::thread::spawn(move || input.map_or(Ok(()), |mut input| input.write_all(&text)));
        let started = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if left.load(Ordering::Relaxed) => {
                    end(&mut child);
                    return Err("was ended with the host".to_owned());
                }
                Ok(None) if started.elapsed() < self.timeout => std::thread::sleep(LOOK),
                Ok(None) => {
                    end(&mut child);
                    return Err(format!("did not end within {} s", self.timeout.as_secs_f32()));
                }
                Err(error) => return Err(format!("cannot be waited for: {error}")),
            }
        };
        if !status.success() {
            return Err(format!("ended with {status}"));
        }
        match writing.join() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("ended with success without reading its input: {error}")),
            Err(_) => Err("was not given its input".to_owned()),
        }
    }
}

/// Asks it to end, and makes it.
fn end(child: &mut Child) {
    signal(child, "TERM");
    let asked = Instant::now();
    while asked.elapsed() < PATIENCE && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(LOOK);
    }
    signal(child, "KILL");
    let _ = child.kill();
    let _ = child.wait();
}

/// Signals the group of a program. The standard library has no call for that, and the system a command.
fn signal(child: &Child, name: &str) {
    #[cfg(unix)]
    let _ = Process::new("kill")
        .args([&format!("-{name}"), "--", &format!("-{}", child.id())])
        .stderr(Stdio::null())
        .status();
    #[cfg(not(unix))]
    let _ = (child, name);
}

/// Set when nobody waits for the program any more, and then waited for.
struct Leaving(Arc<AtomicBool>, Receiver<()>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        // The thread hangs up when the program has ended.
        let _ = self.1.recv_timeout(PATIENCE + PATIENCE);
    }
}

impl Sink for Command {
    fn take<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), SinkError>> {
        let mut text = batch.lines.join("\n");
        text.push('\n');
        Box::pin(async move {
            let this = self.clone();
            let (working, ended) = channel::<()>();
            let leaving = Leaving(Arc::default(), ended);
            let left = Arc::clone(&leaving.0);
            let running = tokio::task::spawn_blocking(move || {
                let _working = working;
                this.run(text.into_bytes(), &left)
            });
            let ended = running.await;
            drop(leaving);
            let ended = ended.unwrap_or_else(|_| Err("broke off".to_owned()));
            ended.map_err(|reason| SinkError::new(format!("the command {} {reason}", self.program)))
        })
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_has_taken_what_it_ended_well_with() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("taken");
        let batch = Batch { id: "1".into(), lines: vec!["a".into(), "b".into()] };
        let shell = |script: &str, timeout| Command::new("sh", &["-c".into(), script.into()], timeout);
        let long = Duration::from_secs(20);
        shell(&format!("cat >> {}", file.display()), long).take(&batch).await.unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "a\nb\n");
        let failed = shell("cat > /dev/null; exit 3", long).take(&batch).await.unwrap_err().to_string();
        assert!(failed.contains("exit status: 3"), "{failed}");
        let slow = shell("sleep 30", Duration::from_millis(50)).take(&batch).await.unwrap_err().to_string();
        assert!(slow.contains("did not end within 0.05 s"), "{slow}");
        let beats = folder.path().join("beats");
        let endless = shell(&format!("while :; do echo >> {}; sleep 0.02; done & wait", beats.display()), long);
        let left = tokio::time::timeout(Duration::from_millis(300), endless.take(&batch)).await;
        assert!(left.is_err(), "it is left while it runs");
        let length = || std::fs::metadata(&beats).unwrap().len();
        let ended = length();
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(length(), ended, "what it started has ended, too");
        let none = Command::new("no-such-command-anywhere", &[], long).take(&batch).await.unwrap_err().to_string();
        assert!(none.contains("cannot be started"), "{none}");
    }
}
