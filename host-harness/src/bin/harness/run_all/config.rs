//! The configuration of `run-all`: read, and held against itself.
//!
//! TOML or YAML, told apart by the file's name. Every fault names its place; nothing is followed while there is
//! one. Paths are relative to the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use host_harness::exact::{Exact, parse_json, parse_yaml};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::place::{self, Fault, Text};
use crate::args::duration;
use crate::ending::Ending;

/// What stands in the file.
#[derive(Debug)]
pub struct Config {
    /// The file itself, for what is found wrong later.
    pub text: Text,
    /// The state file, where `--state` does not say.
    pub state: Option<PathBuf>,
    /// The key, where `--key-file` does not say.
    pub key_file: Option<PathBuf>,
    /// Turns at once.
    pub at_once: Option<usize>,
    /// Turns at once on one remote system.
    pub per_pod: Option<usize>,
    /// By name.
    pub connections: BTreeMap<String, Connection>,
    /// By name.
    pub sinks: BTreeMap<String, Sink>,
    /// In the order of the file.
    pub subscriptions: Vec<Subscription>,
}

/// The same before its parts are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outer {
    state: Option<PathBuf>,
    key_file: Option<PathBuf>,
    at_once: Option<usize>,
    per_pod: Option<usize>,
    connections: BTreeMap<String, Box<RawValue>>,
    sinks: BTreeMap<String, Box<RawValue>>,
    subscriptions: Vec<Box<RawValue>>,
}

/// A connection file, or a folder of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    pub file: Option<PathBuf>,
    /// Each `*.json` in it is a connection of its own, `name/file-name`.
    pub folder: Option<PathBuf>,
}

/// Where events go.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Sink {
    Stdout {},
    File {
        path: PathBuf,
    },
    Http {
        url: String,
        /// A variable with the secret to sign with.
        secret_env: Option<String>,
        /// A file with the secret to sign with.
        secret_file: Option<PathBuf>,
    },
    Command {
        program: String,
        #[serde(default)]
        arguments: Vec<String>,
        #[serde(default, deserialize_with = "time")]
        timeout: Option<Duration>,
    },
}

/// A trigger on a connection, into a sink.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    pub name: String,
    pub connection: String,
    pub trigger: String,
    #[serde(default)]
    pub input: Option<Box<RawValue>>,
    pub sink: String,
    #[serde(default, deserialize_with = "time")]
    pub at_least: Option<Duration>,
    #[serde(default, deserialize_with = "time")]
    pub at_most: Option<Duration>,
}

fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    duration(&text).map(Some).map_err(serde::de::Error::custom)
}

/// Reads a configuration.
///
/// # Errors
/// An [`Ending`] with 2 and the first fault.
pub fn read(file: &Path) -> Result<Config, Ending> {
    let text = std::fs::read_to_string(file).map_err(|error| place::wrong(file, &error))?;
    let text = Text { file: file.to_owned(), text };
    let config = parse(&text).and_then(|config| check(&config).map(|()| config)).map_err(|fault| text.wrong(&fault))?;
    let config = Config { text, ..config };
    Ok(based(config, file.parent().unwrap_or_else(|| Path::new(""))))
}

fn parse(text: &Text) -> Result<Config, Fault> {
    let json = if text.is_yaml() {
        parse_yaml(&text.text).map_err(|error| Fault::at(&[], error.to_string()))?.to_string()
    } else {
        let value: serde_json::Value =
            toml::from_str(&text.text).map_err(|error| Fault::at(&[], error.to_string().trim_end()))?;
        value.to_string()
    };
    let outer: Outer = part(&json, &[], "")?;
    let connection = |(name, text): (String, Box<RawValue>)| {
        let read = part(text.get(), &["connections", &name], &format!("the connection {name}"))?;
        Ok((name, read))
    };
    let sink = |(name, text): (String, Box<RawValue>)| {
        let read = part(text.get(), &["sinks", &name], &format!("the sink {name}"))?;
        Ok((name, read))
    };
    let subscription = |(number, text): (usize, Box<RawValue>)| {
        let known: serde_json::Value = serde_json::from_str(text.get()).unwrap_or_default();
        let numbered = format!("number {}", number + 1);
        let name = known.get("name").and_then(serde_json::Value::as_str).unwrap_or(&numbered);
        part(text.get(), &["subscriptions", &number.to_string()], &format!("the subscription {name}"))
    };
    Ok(Config {
        text: Text { file: PathBuf::new(), text: String::new() },
        state: outer.state,
        key_file: outer.key_file,
        at_once: outer.at_once,
        per_pod: outer.per_pod,
        connections: outer.connections.into_iter().map(connection).collect::<Result<_, Fault>>()?,
        sinks: outer.sinks.into_iter().map(sink).collect::<Result<_, Fault>>()?,
        subscriptions: outer.subscriptions.into_iter().enumerate().map(subscription).collect::<Result<_, Fault>>()?,
    })
}

/// Reads one object. Where it does not fit, the member is named that it stops at.
fn part<T: DeserializeOwned>(json: &str, place: &[&str], what: &str) -> Result<T, Fault> {
    let read = |json: &str| {
        // The line would be one of the JSON that was made of it.
        let said =
            |error: serde_json::Error| error.to_string().split(" at line ").next().unwrap_or_default().to_owned();
        serde_json::from_str::<T>(json).map_err(said)
    };
    let message = match read(json) {
        Ok(read) => return Ok(read),
        Err(message) => message,
    };
    let member = stopped_at(json, &message, &|json| read(json).err());
    let place: Vec<&str> = place.iter().copied().chain(member.as_deref()).collect();
    // The name says more than the message, unless that has it already.
    let named = member.as_ref().filter(|member| !message.contains(&format!("`{member}`")));
    let words = [what, named.map_or("", String::as_str), &message];
    let words: Vec<&str> = words.into_iter().filter(|words| !words.is_empty()).collect();
    Err(Fault::at(&place, words.join(": ")))
}

/// The last of the fewest members with which an object has the same fault. None where that is in none of them.
fn stopped_at(json: &str, fault: &str, faulty: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let Ok(Exact::Object(mut members)) = parse_json(json) else { return None };
    // Before its kind is known no member of a sink is looked at.
    members.sort_by_key(|(name, _)| name != "type");
    let has = |many: usize| {
        let some = Exact::Object(members.iter().take(many).cloned().collect());
        faulty(&some.to_string()).as_deref() == Some(fault)
    };
    let many = (1..=members.len()).find(|many| has(*many)).filter(|_| !fault.starts_with("missing field"))?;
    members.get(many - 1).map(|(name, _)| name.clone())
}

fn check(config: &Config) -> Result<(), Fault> {
    if config.subscriptions.is_empty() {
        return Err(Fault::at(&["subscriptions"], "it has no subscriptions"));
    }
    for (name, bound) in [("at_once", config.at_once), ("per_pod", config.per_pod)] {
        if bound == Some(0) {
            return Err(Fault::at(&[name], format!("{name} is at least 1")));
        }
    }
    for (name, connection) in &config.connections {
        let fault = |message: &str| Err(Fault::at(&["connections", name], format!("the connection {name} {message}")));
        if connection.file.is_some() == connection.folder.is_some() {
            return fault("has neither file nor folder, or both");
        }
        if name.is_empty() || name.contains('/') || name.chars().any(char::is_control) {
            return fault("has a name that is empty or has a slash in it, which stands for the files of a folder");
        }
    }
    let mut names = std::collections::HashSet::new();
    for (number, subscription) in config.subscriptions.iter().enumerate() {
        let Subscription { name, connection, sink, input, .. } = subscription;
        let number = number.to_string();
        let fault = |member: &str, message: String| Err(Fault::at(&["subscriptions", &number, member], message));
        if name.is_empty() || name.chars().any(char::is_control) {
            return fault("name", "a subscription has a name of one line".to_owned());
        }
        if !names.insert(name) {
            return fault("name", format!("there are two subscriptions {name}"));
        }
        if !config.connections.contains_key(connection) {
            let all = known(config.connections.keys());
            let message = format!("the subscription {name} has the connection {connection}, which there is not");
            return fault("connection", format!("{message}; there is {all}"));
        }
        if !config.sinks.contains_key(sink) {
            let all = known(config.sinks.keys());
            return fault(
                "sink",
                format!("the subscription {name} has the sink {sink}, which there is not; there is {all}"),
            );
        }
        if input.as_ref().is_some_and(|input| !input.get().starts_with(['{', '"'])) {
            return fault("input", format!("the input of the subscription {name} is an object, or JSON in a text"));
        }
    }
    Ok(())
}

/// Names to choose from, the first ten.
fn known<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> String {
    let many = names.len();
    let shown: Vec<&str> = names.map(String::as_str).take(10).collect();
    match many {
        0 => "none".to_owned(),
        11.. => format!("{} and {} more", shown.join(", "), many - 10),
        _ => shown.join(", "),
    }
}

fn based(config: Config, folder: &Path) -> Config {
    let mut config = config;
    let place = |path: &mut Option<PathBuf>| {
        if let Some(path) = path {
            *path = folder.join(&*path);
        }
    };
    place(&mut config.state);
    place(&mut config.key_file);
    for connection in config.connections.values_mut() {
        place(&mut connection.file);
        place(&mut connection.folder);
    }
    for sink in config.sinks.values_mut() {
        match sink {
            Sink::File { path } => *path = folder.join(&*path),
            Sink::Http { secret_file, .. } => place(secret_file),
            Sink::Stdout {} | Sink::Command { .. } => {}
        }
    }
    config
}

impl Config {
    /// A fault in one subscription that was found later, by its place in the file.
    pub fn of_subscription(&self, number: usize, member: &str, ending: Ending) -> Ending {
        let name = self.subscriptions.get(number).map_or("", |one| one.name.as_str());
        let place = ["subscriptions", &number.to_string(), member];
        self.text.within(&place, &format!("the subscription {name}"), ending)
    }

    /// The same by its name, with that of its connection behind an `@` or without.
    pub fn in_subscription(&self, name: &str, member: &str, message: String) -> Fault {
        let is = |one: &Subscription| {
            name == one.name || name.strip_prefix(&one.name).is_some_and(|rest| rest.starts_with('@'))
        };
        let number = self.subscriptions.iter().position(is).unwrap_or_default();
        Fault::at(&["subscriptions", &number.to_string(), member], message)
    }
}

impl Subscription {
    /// The input as JSON; in a text it keeps the spelling of its numbers in TOML, too.
    pub fn input(&self) -> String {
        let Some(input) = &self.input else { return "{}".to_owned() };
        serde_json::from_str::<String>(input.get()).unwrap_or_else(|_| input.get().to_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const TOML: &str = r#"
        state = "s.db"
        [connections.prod]
        file = "prod.json"
        [sinks.out]
        type = "stdout"
        [[subscriptions]]
        name = "invoices"
        connection = "prod"
        trigger = "polls"
        input = { a = 1 }
        sink = "out"
        at_least = "1m"
    "#;

    fn parsed(file: &str, text: &str) -> Result<Config, Fault> {
        parse(&Text { file: file.into(), text: text.to_owned() })
    }

    fn told(file: &str, text: &str) -> String {
        let fault = parsed(file, text).and_then(|config| check(&config)).unwrap_err();
        let text = Text { file: file.into(), text: text.to_owned() };
        text.wrong(&fault).told.unwrap().message
    }

    fn fault(text: &str) -> String {
        told("c.toml", text)
    }

    #[test]
    fn toml_and_yaml_say_the_same() {
        let toml = parsed("c.toml", TOML).unwrap();
        let yaml = "connections: {prod: {file: prod.json}}\nsinks: {out: {type: stdout}}\nsubscriptions:\n  - {name: invoices, connection: prod, trigger: polls, input: {a: 1.10}, sink: out, at_least: 1m}\n";
        let yaml = parsed("c.yaml", yaml).unwrap();
        for config in [&toml, &yaml] {
            check(config).unwrap();
            assert_eq!(config.subscriptions[0].at_least, Some(Duration::from_secs(60)));
        }
        assert_eq!(toml.subscriptions[0].input(), r#"{"a":1}"#);
        assert_eq!(yaml.subscriptions[0].input(), r#"{"a":1.10}"#);
        let based = based(toml, Path::new("/etc/follow"));
        assert_eq!(based.connections["prod"].file.as_deref(), Some(Path::new("/etc/follow/prod.json")));
    }

    #[test]
    fn faults_are_named() {
        assert!(fault(&TOML.replace("\"out\"\n        at", "\"nowhere\"\n        at")).contains("the sink nowhere"));
        assert!(fault(&TOML.replace("connection = \"prod\"", "connection = \"x\"")).contains("the connection x"));
        assert!(fault(&TOML.replace("1m", "0s")).contains("the subscription invoices: "));
        assert!(
            fault(&TOML.replace("trigger =", "triger =")).contains("the subscription invoices: unknown field `triger`")
        );
        assert!(fault(&TOML.replace("state =", "stat =")).contains("unknown field `stat`"));
        assert!(fault(&TOML.replace("file =", "files =")).contains("unknown field `files`"));
        assert!(fault(&TOML.replace("{ a = 1 }", "7")).contains("is an object"));
        assert!(fault("subscriptions = [").contains("TOML parse error"));
    }

    const YAML: &str = "state: s.db
connections:
  prod: {file: prod.json}
sinks:
  out:
    type: command
    program: sh
    timeout: 5s
subscriptions:
  - name: first
    connection: prod
    trigger: polls
    sink: out
  - name: invoices
    connection: prod
    trigger: polls
    sink: out
    at_least: 1m
    at_most: 1m
";

    #[test]
    fn a_fault_names_its_member_and_its_line() {
        for (from, to, said) in [
            (
                "at_least: 1m",
                "at_least: soon",
                "the subscription invoices: at_least: not a time: write 500ms, 30s, 5m or 1h (line 18)",
            ),
            (
                "at_most: 1m",
                "at_most: 5",
                "the subscription invoices: at_most: invalid type: integer `5`, expected a string (line 19)",
            ),
            ("timeout: 5s", "timeout: 5 s", "the sink out: timeout: not a time: write 500ms, 30s, 5m or 1h (line 8)"),
            (
                "    timeout: 5s\n",
                "    timeout: 5s\n    url: x\n",
                "the sink out: unknown field `url`, expected one of `program`, `arguments`, `timeout` (line 9)",
            ),
            ("type: command", "type: comand", "(line 6)"),
            ("    program: sh\n", "", "the sink out: missing field `program` (line 5)"),
            (
                "    sink: out\n    at_least",
                "    at_least",
                "the subscription invoices: missing field `sink` (line 14)",
            ),
            ("name: invoices", "name: first", "there are two subscriptions first (line 14)"),
            (
                "prod: {file: prod.json}",
                "prod: {file: 7}",
                "the connection prod: file: invalid type: integer `7`, expected path string (line 3)",
            ),
            (
                "prod: {file: prod.json}",
                "pr/od: {file: prod.json}",
                "a slash in it, which stands for the files of a folder (line 3)",
            ),
            ("state: s.db", "at_once: many", "at_once: invalid type: string \"many\", expected usize (line 1)"),
            ("state: s.db", "at_once: -1", "at_once: invalid value: integer `-1`, expected usize (line 1)"),
            ("state: s.db", "per_pod: 0", "per_pod is at least 1 (line 1)"),
            ("state: s.db", "stat: s.db", "unknown field `stat`"),
            ("  out:\n", "  out: {type: stdout}\n  out:\n", "the name `out` stands twice (line 6)"),
        ] {
            assert!(YAML.contains(from), "{from}");
            let told = told("c.yaml", &YAML.replace(from, to));
            assert!(told.contains(said), "{told}");
        }
        assert!(
            fault(&TOML.replace("1m", "soon"))
                .ends_with("the subscription invoices: at_least: not a time: write 500ms, 30s, 5m or 1h (line 13)"),
            "{}",
            fault(&TOML.replace("1m", "soon"))
        );
        assert!(
            fault(&TOML.replace("sink = \"out\"", "")).ends_with("missing field `sink` (line 7)"),
            "{}",
            fault(&TOML.replace("sink = \"out\"", ""))
        );
        assert!(
            fault(&TOML.replace("\"stdout\"", "7")).ends_with("(line 6)"),
            "{}",
            fault(&TOML.replace("\"stdout\"", "7"))
        );
        let twice = fault(&TOML.replace("[sinks.out]", "[connections.prod]\nfile = \"b\"\n[sinks.out]"));
        assert!(twice.contains("line 5") && twice.contains("duplicate key"), "{twice}");
    }
}
