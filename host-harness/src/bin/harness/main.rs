//! The `harness` command: a connector component at the shell, against a real pod, a simulated one, a script or
//! a recording.
//!
//! This crate parses, prints and ends with the right status; the work is the library's. JSON goes to standard
//! output, people's words to standard error, and no secret to either.

mod args;
mod authorize;
mod callback;
mod certificate;
mod component;
mod describe;
mod ending;
mod events;
mod input;
mod json;
mod keeping;
mod options;
mod pages;
mod pair;
#[cfg_attr(not(feature = "sim"), path = "no_pod.rs")]
mod pod;
mod poll;
mod receive;
mod replay_events;
mod resume;
mod run;
mod run_all;
mod say;
mod schema;
mod signin;
#[cfg(feature = "sim")]
mod sim;
mod site;
mod status;
mod stop;
mod table;
mod test;
#[cfg(feature = "sim")]
mod tls;
mod when;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::args::{Certificate, Cli, Command};
use crate::ending::{Ending, Exit};

fn main() {
    std::panic::set_hook(Box::new(broken));
    let code = match Cli::try_parse() {
        Ok(cli) => {
            let json = cli.global.json;
            finish(work(cli), json)
        }
        Err(error) => misused(&error),
    };
    std::process::exit(code);
}

fn work(cli: Cli) -> Result<(), Ending> {
    // One thread carries a command; a server gets one for each processor.
    let mut builder = match cli.command {
        Command::Sim(_) | Command::RunAll { .. } => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder.enable_all().build().map_err(|error| {
        Ending::told(Exit::Transient, "unavailable", format!("this machine gives no means to run: {error}"), None)
    })?;
    let result = runtime.block_on(dispatch(cli));
    // A thread that waits for standard input or a lock must not hold up the end.
    runtime.shutdown_background();
    result
}

async fn dispatch(cli: Cli) -> Result<(), Ending> {
    let global = &cli.global;
    match &cli.command {
        Command::Describe => describe::run(global).await,
        Command::Schema { operation, output, connection, input } => {
            schema::run(global, operation, *output, connection.as_deref(), input.as_deref()).await
        }
        Command::Options { source, connection, input, search, page } => {
            options::run(global, source, connection, input.as_deref(), search.as_deref(), page.as_deref()).await
        }
        Command::Authorize { connection, listen, redirect_uri } => {
            authorize::run(global, connection, *listen, redirect_uri.as_deref()).await
        }
        Command::Certificate { make: Certificate::New { out, cn, days } } => certificate::new(global, out, cn, *days),
        Command::Test { connection } => test::run(global, connection).await,
        Command::Run { action, with } => run::run(global, action, with).await,
        Command::Resume { action, with, token } => resume::run(global, action, with, token).await,
        Command::Poll { trigger, with } => poll::run(global, trigger, with).await,
        Command::RunAll { config, check } => run_all::run(global, config, *check).await,
        Command::Events(wanted) => events::run(global, wanted),
        Command::ReplayEvents { from, to, connection, trigger } => {
            replay_events::run(global, from, to, connection.as_deref(), trigger.as_deref())
        }
        Command::Status { forget: Some(which), .. } => status::forget(global, which),
        Command::Status { forget_sessions: true, .. } => status::forget_sessions(global),
        Command::Status { format, .. } => status::run(global, *format),
        Command::Receive { trigger, with, request } => receive::run(global, trigger, with, request).await,
        #[cfg(feature = "sim")]
        Command::Sim(serving) => sim::run(global, serving).await,
        #[cfg(not(feature = "sim"))]
        Command::Sim(_) => Err(pod::absent()),
    }
}

fn finish(result: Result<(), Ending>, json: bool) -> i32 {
    let status = match result {
        Ok(()) => 0,
        Err(Ending { exit, told }) => {
            if let Some(told) = told {
                say::problem(&told, json);
            }
            exit as i32
        }
    };
    say::asides();
    status
}

/// A command line that does not fit. Help and version are asked for, and go to standard output.
fn misused(error: &clap::Error) -> i32 {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !asked && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        return finish(Err(Ending::usage(message, "`harness --help` shows what there is.")), true);
    }
    let _ = error.print();
    if asked { 0 } else { Exit::Usage as i32 }
}

/// The words of a panic may hold anything, a secret too; its place cannot.
fn broken(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    say::note(&format!(
        "error: this is a defect of the harness (at {place}). Report it with the command that led to it."
    ));
    std::process::exit(Exit::Broken as i32);
}
