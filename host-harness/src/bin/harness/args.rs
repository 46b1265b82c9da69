//! The command line: what can be asked for, and the help that explains it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

const AFTER: &str = "\
A connection is a JSON file with the connection's settings, `sim` for a pod that is simulated in this process, \
or `sim:FILE` for one whose state is kept in FILE. An input is JSON, `@FILE`, or `-` for standard input.

Exit status:
  0   done
  1   a script is not met, a check of `test` failed, or an import did not come out complete
  2   usage, or an input that was refused before anything was sent
  3   permanent: the same call will fail again
  4   transient: the same call may succeed later
  5   pending (with --no-wait)
  70  the component trapped, or ran out of time, fuel or memory

Examples:
  harness describe
  harness run search_records --connection sim --input '{\"resource\": \"invoices\", \"limit\": 3}'
  harness test --connection pod.json";

/// Run a connector component: against a real pod, a simulated one, a script or a recording
#[derive(Debug, Parser)]
#[command(name = "harness", version, after_help = AFTER, max_term_width = 100, subcommand_required = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that go before or after the command.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The component [default: dist/oracle-fusion.wasm]
    #[arg(long, value_name = "FILE", global = true)]
    pub component: Option<PathBuf>,

    /// For programs: the catalogue as JSON, and errors as problem records
    #[arg(long, global = true)]
    pub json: bool,

    /// Allow plain http to this port of this machine (loopback alone)
    #[arg(long, value_name = "HOST:PORT", global = true, help_heading = "Network")]
    pub allow_http: Vec<String>,

    /// Allow https to this host beside those that the connection names
    #[arg(long, value_name = "HOST", global = true, help_heading = "Network")]
    pub allow_host: Vec<String>,

    /// Trust the certificates in this PEM file, too
    #[arg(long, value_name = "FILE", global = true, help_heading = "Network")]
    pub ca_file: Vec<PathBuf>,

    /// Time for each call of the component, such as 30s, 5m or 500ms [default: 15m]
    #[arg(long, value_name = "TIME", global = true, value_parser = duration, help_heading = "Limits")]
    pub timeout: Option<Duration>,

    /// Memory for the component, such as 64MiB [default: 512MiB]
    #[arg(long, value_name = "SIZE", global = true, value_parser = size, help_heading = "Limits")]
    pub max_memory: Option<usize>,

    /// Lend this directory to the component as /files
    #[arg(long, value_name = "DIR", global = true)]
    pub files: Option<PathBuf>,

    /// Faults and seed of the simulated pod
    #[arg(long, value_name = "FILE", global = true, help_heading = "Mocked network")]
    pub scenario: Option<PathBuf>,

    /// Answer requests from this script (YAML or JSON) and fail on any other
    #[arg(long, value_name = "FILE", global = true, help_heading = "Mocked network", conflicts_with = "replay")]
    pub script: Option<PathBuf>,

    /// Write what passes into this recording, without secrets
    #[arg(long, value_name = "FILE", global = true, help_heading = "Mocked network", conflicts_with = "replay")]
    pub record: Option<PathBuf>,

    /// Answer requests from this recording, at its times and with its call id
    #[arg(long, value_name = "FILE", global = true, help_heading = "Mocked network")]
    pub replay: Option<PathBuf>,

    /// The id of the call, the same for each retry of it [default: a new one]
    #[arg(long, value_name = "ID", global = true, value_parser = call_id, help_heading = "The call")]
    pub call_id: Option<String>,

    /// Try a transient failure this many times more
    #[arg(long, value_name = "N", global = true, default_value_t = 0, help_heading = "The call")]
    pub retry: u32,

    /// Follow cursors to the end and print one record a line
    #[arg(long, global = true, help_heading = "The call")]
    pub ndjson: bool,

    /// Print a result of many records as a table of the columns that matter, after the lists that came with it
    #[arg(long, global = true, help_heading = "The call", conflicts_with_all = ["ndjson", "csv"])]
    pub table: bool,

    /// Print a result of many records as CSV; an answer that brings a CSV file prints as that file
    #[arg(long, global = true, help_heading = "The call", conflicts_with = "ndjson")]
    pub csv: bool,

    /// Do not follow a pending job; end with 5 and print its token
    #[arg(long, global = true, help_heading = "The call")]
    pub no_wait: bool,

    /// Keep cursors, acknowledged events, call ids and a trail of all that was done in this file
    #[arg(long, value_name = "FILE", global = true, help_heading = "Polls")]
    pub state: Option<PathBuf>,

    /// Seal the sessions that `run-all` keeps in the state file with the key in this file: 32 bytes, in base64,
    /// hexadecimal or as they are. The variable HARNESS_STATE_KEY does the same
    #[arg(long, value_name = "FILE", global = true, help_heading = "Polls")]
    pub key_file: Option<PathBuf>,

    /// Forget what the state file tells of calls and events after this time [default: 90 days]
    #[arg(long, value_name = "TIME", global = true, value_parser = duration, help_heading = "Polls")]
    pub keep_trail: Option<Duration>,

    /// Keep inputs and payloads in the state file, too, so that events can be handed over again
    #[arg(long, global = true, help_heading = "Polls")]
    pub keep_bodies: bool,

    /// Keep polling until interrupted
    #[arg(long, global = true, help_heading = "Polls")]
    pub follow: bool,

    /// While following, the shortest time between two polls, unless there is more to fetch [default: 5m]
    #[arg(long, value_name = "TIME", global = true, value_parser = duration, help_heading = "Polls")]
    pub at_least: Option<Duration>,

    /// While following, the longest time between two polls [default: 15m, or --at-least where that is longer]
    #[arg(long, value_name = "TIME", global = true, value_parser = duration, help_heading = "Polls")]
    pub at_most: Option<Duration>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// What the component can do
    #[command(after_help = "Examples:\n  harness describe\n  harness describe --json")]
    Describe,

    /// The form of an operation, or with a connection the form with the remote system's own fields
    #[command(
        after_help = "Examples:\n  harness schema create_invoice\n  harness schema create_record --connection pod.json --input '{\"resource\": \"suppliers\"}'"
    )]
    Schema {
        /// Operation id
        operation: String,
        /// The output's schema instead of the input's
        #[arg(long)]
        output: bool,
        /// JSON file, `sim` or `sim:FILE`
        #[arg(long, value_name = "C")]
        connection: Option<String>,
        /// What is already filled in
        #[arg(long, value_name = "I", requires = "connection")]
        input: Option<String>,
    },

    /// The choices for a field
    #[command(after_help = "Examples:\n  harness options resources --connection pod.json --search inv")]
    Options {
        /// `source` of the field's x-connector-options
        source: String,
        /// JSON file, `sim` or `sim:FILE`
        #[arg(long, value_name = "C")]
        connection: String,
        /// What is already filled in
        #[arg(long, value_name = "I")]
        input: Option<String>,
        /// Only choices that fit this text
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// `next_page` of the page before
        #[arg(long, value_name = "P")]
        page: Option<String>,
    },

    /// Try a connection: sign in, say what works and what to do about the rest
    #[command(after_help = "Examples:\n  harness test --connection pod.json\n  harness --json test --connection sim")]
    Test {
        /// JSON file, `sim` or `sim:FILE`
        #[arg(long, value_name = "C")]
        connection: String,
    },

    /// Sign in with the browser, and keep the session beside the connection file
    #[command(
        after_help = "Register the redirect URI (http://127.0.0.1:8765/callback unless told otherwise) with the application first. Waits for 5 minutes, or as long as --timeout says.\n\nExamples:\n  harness authorize --connection pod.json\n  harness authorize --connection pod.json --listen 127.0.0.1:9000 --redirect-uri http://localhost:9000/callback"
    )]
    Authorize {
        /// JSON file
        #[arg(long, value_name = "FILE")]
        connection: String,
        /// Where the browser comes back to; this machine alone
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8765")]
        listen: std::net::SocketAddr,
        /// As it is registered, where that is not http://ADDR/callback
        #[arg(long, value_name = "URI")]
        redirect_uri: Option<String>,
    },

    /// Run an action; its output is JSON on standard output
    #[command(
        after_help = "Examples:\n  harness run search_records --connection sim --input '{\"resource\": \"invoices\"}' --ndjson\n  harness run search_records --connection sim --input @search.json --csv > invoices.csv\n  harness run create_invoice --connection pod.json --input @invoice.json --call-id order-4711\n  harness run search_records --connection pod.json --input @search.json --record search.tape.json"
    )]
    Run {
        /// Operation id
        action: String,
        #[command(flatten)]
        with: With,
    },

    /// Go on with an action that answered pending
    #[command(
        after_help = "Examples:\n  harness resume import_bulk_data --connection pod.json --input @import.json --token @token.json --call-id import-7"
    )]
    Resume {
        /// Operation id
        action: String,
        #[command(flatten)]
        with: With,
        /// The token of the pending answer: JSON, `@FILE` or `-`
        #[arg(long, value_name = "T")]
        token: String,
    },

    /// Ask a trigger for events; one line of JSON each
    #[command(
        after_help = "Examples:\n  harness poll new_or_updated_record --connection pod.json --input '{\"resource\": \"invoices\"}' --state polls.db\n  harness poll new_or_updated_record --connection pod.json --input @input.json --state polls.db --follow"
    )]
    Poll {
        /// Operation id
        trigger: String,
        #[command(flatten)]
        with: With,
    },

    /// Follow the triggers of many connections, each into its sink
    #[command(
        after_help = "The configuration is a TOML or YAML file with connections, sinks and subscriptions; docs/running.md describes it.\n\nExamples:\n  harness run-all --config follow.toml\n  harness run-all --config follow.toml --check"
    )]
    RunAll {
        /// TOML or YAML file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Say what would be followed, and do not
        #[arg(long)]
        check: bool,
    },

    /// What a state file tells: every call, event and acknowledgement
    #[command(
        after_help = "Times are such as 2026-01-31, 2026-01-31T08:00:00Z, or 2h for two hours ago.\n\nExamples:\n  harness events --state polls.db --from 1d\n  harness events --state polls.db --connection pod.json --kind event --table"
    )]
    Events(Trail),

    /// Hand events of a state file over again, marked as a replay
    #[command(
        after_help = "Events are there where they were polled with --keep-bodies.\n\nExamples:\n  harness replay-events --state polls.db --from 2026-01-31 --to 2026-02-01"
    )]
    ReplayEvents {
        /// Not before this time
        #[arg(long, value_name = "TIME")]
        from: String,
        /// Before this time
        #[arg(long, value_name = "TIME")]
        to: String,
        /// Of this connection alone, as `status` names it
        #[arg(long, value_name = "C")]
        connection: Option<String>,
        /// Of this trigger alone
        #[arg(long, value_name = "ID")]
        trigger: Option<String>,
    },

    /// How far each subscription of a state file is
    #[command(
        after_help = "Examples:\n  harness status --state polls.db\n  harness status --state polls.db --format prometheus"
    )]
    Status {
        /// How it is printed
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: Format,
        /// Forget the subscription of this name, or of this id where names are shared: its cursor and its keys
        #[arg(long, value_name = "NAME|ID")]
        forget: Option<String>,
        /// Forget the sessions that are sealed in it, as where their key is lost; all else stays
        #[arg(long, conflicts_with = "forget")]
        forget_sessions: bool,
    },

    /// Hand a request that the remote system made to a trigger
    #[command(
        after_help = "The request is a YAML or JSON file: {method, path, query, headers, body}.\n\nExamples:\n  harness receive import_completed --connection pod.json --input '{}' --request event.yaml\n  harness receive import_completed --connection pod.json --input '{}' --request event.yaml --state polls.db"
    )]
    Receive {
        /// Operation id
        trigger: String,
        #[command(flatten)]
        with: With,
        /// YAML or JSON file with the request
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
    },

    /// A key and a certificate to sign in with
    Certificate {
        #[command(subcommand)]
        make: Certificate,
    },

    /// The simulated pod over HTTP or HTTPS
    #[command(
        after_help = "Prints the settings of a connection to itself as JSON, then serves until interrupted.\n\nExamples:\n  harness sim --listen 127.0.0.1:8080 > sim.json\n  harness run list_resources --connection sim.json --input '{}' --allow-http 127.0.0.1:8080\n  harness sim --auth oauth_jwt_assertion > sim.json"
    )]
    Sim(Serving),
}

/// Which entries of a trail are wanted.
#[derive(Args, Debug)]
pub struct Trail {
    /// Of this connection alone, as `status` names it
    #[arg(long, value_name = "C")]
    pub connection: Option<String>,
    /// Of this trigger or action alone
    #[arg(long, value_name = "ID")]
    pub trigger: Option<String>,
    /// Of this kind alone: call, receive, event, acknowledged, sink_failed or replay
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Not before this time
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
}

/// How `status` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Prometheus,
}

/// What is made of certificates.
#[derive(Debug, Subcommand)]
pub enum Certificate {
    /// Make a 2048-bit RSA key and a self-signed certificate, and say where to register it
    #[command(
        after_help = "Writes DIR/private-key.pem, for you alone, and DIR/certificate.pem, for the remote system. Files that are there already stay.\n\nExamples:\n  harness certificate new --out keys\n  harness certificate new --out keys --cn my-integration --days 730"
    )]
    New {
        /// The folder; it is made where it is missing
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Common name: what an administrator sees in lists
        #[arg(long, value_name = "CN", default_value = "fusion-connector", value_parser = common_name)]
        cn: String,
        /// How long it is good, from today
        #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36500))]
        days: u32,
    },
}

/// How the simulated pod is served.
#[cfg_attr(not(feature = "sim"), allow(dead_code, reason = "the help is the same without the pod"))]
#[derive(Args, Debug)]
pub struct Serving {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: std::net::SocketAddr,
    /// HTTPS, with a certificate of its own; the file to trust is printed
    #[arg(long)]
    pub tls: bool,
    /// How many invoices it holds, at most 1,000,000
    #[arg(long, value_name = "N")]
    pub invoices: Option<u64>,
    /// How the printed settings sign in
    #[arg(long, value_name = "KIND", default_value = "basic")]
    pub auth: AuthKind,
    /// Show a certificate with this fault
    #[arg(long, value_name = "FAULT", requires = "tls")]
    pub bad_certificate: Option<BadCertificate>,
}

/// The kinds of `auth.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum AuthKind {
    Basic,
    Jwt,
    OauthClientCredentials,
    OauthJwtAssertion,
    OauthAuthorizationCode,
}

/// What may be wrong with a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BadCertificate {
    /// It ended in the past
    Expired,
    /// It is for another host
    WrongName,
    /// Its issuer is not the one that is printed to be trusted
    Unknown,
}

/// What every call of an operation takes.
#[derive(Args, Debug)]
pub struct With {
    /// JSON file, `sim` or `sim:FILE`
    #[arg(long, value_name = "C")]
    pub connection: String,
    /// JSON, `@FILE`, or `-` for standard input
    #[arg(long, value_name = "I")]
    pub input: String,
}

pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| "not a time: write 500ms, 30s, 5m or 1h".to_owned())?;
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("there is no unit `{unit}`: write ms, s, m, h or d")),
    };
    match number.checked_mul(milliseconds) {
        Some(milliseconds) if milliseconds > 0 => Ok(Duration::from_millis(milliseconds)),
        _ => Err("a time is more than nothing, and less than forever".to_owned()),
    }
}

fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: usize = digits.parse().map_err(|_| "not a size: write 64MiB, 1GiB or bytes".to_owned())?;
    let shift = match text.strip_prefix(digits).unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        other => return Err(format!("there is no unit `{other}`: write KiB, MiB or GiB")),
    };
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).ok_or_else(|| "that is no size for a memory".to_owned())
}

/// X.509 has room for 64 characters (RFC 5280, ub-common-name).
fn common_name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a common name is not empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("a common name has no line breaks or other control characters".to_owned());
    }
    match text.chars().count() {
        1..=64 => Ok(text.to_owned()),
        long => Err(format!("a common name has 64 characters at most, and this has {long}")),
    }
}

fn call_id(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if (1..=64).contains(&text.len()) && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("a call id is 1 to 64 of A-Z a-z 0-9 _ -".to_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_go_before_and_after_the_command() {
        for line in
            ["harness --allow-http 127.0.0.1:1 --json describe", "harness describe --allow-http 127.0.0.1:1 --json"]
        {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert!(cli.global.json && cli.global.allow_http.len() == 1);
        }
    }

    #[test]
    fn times_sizes_and_ids_are_read() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert!(duration("0s").is_err() && duration("5x").is_err() && duration("m").is_err());
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert!(size("0").is_err() && size("9999999999999GiB").is_err());
        assert!(common_name("my robot é").is_ok() && common_name(&"é".repeat(64)).is_ok());
        assert!(common_name(" ").is_err() && common_name("a\nb").is_err() && common_name(&"a".repeat(65)).is_err());
        assert!(call_id("order-4711").is_ok() && call_id("").is_err() && call_id("a b").is_err());
    }
}
