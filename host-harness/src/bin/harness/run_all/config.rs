//! The configuration of `run-all`: read, and held against itself.
//!
//! TOML or YAML, told apart by the file's name. Every fault names its place; nothing is followed while there is
//! one. Paths are relative to the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use host_harness::exact::parse_yaml;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::args::duration;
use crate::ending::Ending;

/// What stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
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
    /// In any order.
    #[serde(deserialize_with = "each")]
    pub subscriptions: Vec<Subscription>,
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

/// Subscriptions whose faults name them.
fn each<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Subscription>, D::Error> {
    let all = Vec::<Box<RawValue>>::deserialize(from)?;
    let one = |(number, text): (usize, &Box<RawValue>)| {
        serde_json::from_str(text.get()).map_err(|error| {
            let known: serde_json::Value = serde_json::from_str(text.get()).unwrap_or_default();
            let number = format!("number {}", number + 1);
            let name = known.get("name").and_then(serde_json::Value::as_str).unwrap_or(&number);
            serde::de::Error::custom(format!("the subscription {name}: {error}"))
        })
    };
    all.iter().enumerate().map(one).collect()
}

/// Reads a configuration.
///
/// # Errors
/// An [`Ending`] with 2 and the first fault.
pub fn read(file: &Path) -> Result<Config, Ending> {
    let text = std::fs::read_to_string(file).map_err(|error| wrong(file, &error))?;
    let config = parse(file, &text).map_err(|reason| wrong(file, &reason))?;
    check(&config).map_err(|reason| wrong(file, &reason))?;
    Ok(based(config, file.parent().unwrap_or_else(|| Path::new(""))))
}

/// A fault of the file.
pub fn wrong(file: &Path, reason: &dyn std::fmt::Display) -> Ending {
    Ending::usage(
        format!("the configuration {} cannot be used: {reason}", file.display()),
        "docs/running.md shows what it looks like.",
    )
}

fn parse(file: &Path, text: &str) -> Result<Config, String> {
    let yaml = file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml" || ending == "json");
    let json = if yaml {
        parse_yaml(text).map_err(|error| error.to_string())?.to_string()
    } else {
        let value: serde_json::Value = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        value.to_string()
    };
    serde_json::from_str(&json).map_err(|error| {
        // The line would be one of the JSON that was made of it.
        let text = error.to_string();
        text.split(" at line ").next().unwrap_or_default().to_owned()
    })
}

fn check(config: &Config) -> Result<(), String> {
    if config.subscriptions.is_empty() {
        return Err("it has no subscriptions".to_owned());
    }
    if config.at_once == Some(0) || config.per_pod == Some(0) {
        return Err("at_once and per_pod are at least 1".to_owned());
    }
    for (name, connection) in &config.connections {
        if connection.file.is_some() == connection.folder.is_some() {
            return Err(format!("the connection {name} has neither file nor folder, or both"));
        }
    }
    let mut names = std::collections::HashSet::new();
    for subscription in &config.subscriptions {
        let Subscription { name, connection, sink, input, .. } = subscription;
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err("a subscription has a name of one line".to_owned());
        }
        if !names.insert(name) {
            return Err(format!("there are two subscriptions {name}"));
        }
        if !config.connections.contains_key(connection) {
            return Err(format!("the subscription {name} has the connection {connection}, which there is not"));
        }
        if !config.sinks.contains_key(sink) {
            return Err(format!("the subscription {name} has the sink {sink}, which there is not"));
        }
        if input.as_ref().is_some_and(|input| !input.get().starts_with(['{', '"'])) {
            return Err(format!("the input of the subscription {name} is an object, or JSON in a text"));
        }
    }
    Ok(())
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

    fn fault(text: &str) -> String {
        let parsed = parse(Path::new("c.toml"), text);
        parsed.and_then(|config| check(&config)).unwrap_err()
    }

    #[test]
    fn toml_and_yaml_say_the_same() {
        let toml = parse(Path::new("c.toml"), TOML).unwrap();
        let yaml = "connections: {prod: {file: prod.json}}\nsinks: {out: {type: stdout}}\nsubscriptions:\n  - {name: invoices, connection: prod, trigger: polls, input: {a: 1.10}, sink: out, at_least: 1m}\n";
        let yaml = parse(Path::new("c.yaml"), yaml).unwrap();
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
}
