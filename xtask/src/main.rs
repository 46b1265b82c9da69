//! What one does with the checkout: build, demo, test, schemas, bench.

mod bench;
mod build;
mod command;
mod demo;
mod schemas;
mod test;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, show, test and measure the connector and its host")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the component and the harness into dist/ and prints the component's size.
    Build,
    /// Plays the main job on a simulated pod and checks each claim.
    Demo,
    /// Builds, then runs every test there is.
    Test,
    /// Writes schemas/: forms, manifest and the component's WIT.
    Schemas {
        /// Writes nothing; fails where a file differs.
        #[arg(long)]
        check: bool,
    },
    /// Measures what we claim about speed, beside peers, in one run; `state` measures the state file alone.
    Bench {
        /// What to measure.
        #[arg(value_parser = ["connector", "state"], default_value = "connector")]
        what: String,
    },
}

fn main() -> std::process::ExitCode {
    let done = match Arguments::parse().task {
        Task::Build => build::all().map(|_| ()),
        Task::Demo => demo::play(),
        Task::Test => test::all(),
        Task::Schemas { check } => {
            let forms = if check { Ok(()) } else { schemas::write_forms() };
            forms.and_then(|()| build::component()).and_then(|()| schemas::run(check))
        }
        Task::Bench { what } => bench::run(&what),
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
