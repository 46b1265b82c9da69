//! `harness run-all`: the triggers of many connections, each into its sink, in one process.

mod config;
mod place;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use host_harness::clock::SystemClock;
use host_harness::contract::types::{Call, Connection, Error};
use host_harness::exact::{Exact, parse_json};
use host_harness::follow::sink::{Command, File, Lines, Post, Signing, Sink};
use host_harness::follow::{Bounds, Runner, Settings, Source, Subscription, Teller};
use host_harness::secrets::Secrets;
use host_harness::sessions::{Keeper, Storage, Turn};
use host_harness::state::session::SessionFile;
use host_harness::state::{Session, Shared, SqliteStore, StateError, Stream, digest, without_secrets};
use host_harness::transport::exchange::Tape;
use host_harness::transport::script::Script;
use host_harness::{CallError, Limits, Run};

use self::config::Config;
use self::place::Fault;
use crate::args::Global;
use crate::component::{Component, Use};
use crate::ending::Ending;
use crate::{keeping, poll, say, site, stop};

/// A command that takes events has this long, unless told otherwise.
const COMMAND: std::time::Duration = std::time::Duration::from_secs(60);

/// Long enough for the pages of a poll, and short enough that a process which may have the usual 1,024 files asks
/// hundreds of pods a second: with 90 seconds 256 files were used up by 300 pods within one.
const IDLE: std::time::Duration = std::time::Duration::from_millis(250);

pub async fn run(global: &Global, file: &Path, check: bool) -> Result<(), Ending> {
    let config = config::read(file)?;
    let mut global = global.clone();
    global.state = global.state.or_else(|| config.state.clone());
    global.key_file = global.key_file.or_else(|| config.key_file.clone());
    let usual = Settings::default();
    let settings = Settings {
        at_once: config.at_once.unwrap_or(usual.at_once),
        per_pod: config.per_pod.unwrap_or(usual.per_pod),
        limits: Limits {
            memory: global.max_memory.unwrap_or(usual.limits.memory),
            deadline: global.timeout.or(usual.limits.deadline),
            ..usual.limits
        },
    };
    let calls = u32::try_from(settings.at_once.saturating_mul(2)).unwrap_or(u32::MAX).min(1024);
    let component = Component::load_for(&global, calls, 0).await?;
    for (number, wanted) in config.subscriptions.iter().enumerate() {
        component
            .operation(&wanted.trigger, Use::Poll)
            .map_err(|ending| config.of_subscription(number, "trigger", ending))?;
    }
    let (sinks, numbers) = sinks(&config, &global)?;
    let connections = connections(&config, &component, &global)?;
    let subscriptions = subscriptions(&config, &component, &global, &connections, &numbers)?;
    let Some(state) = global.state.clone() else {
        return Err(Ending::usage(
            "run-all needs a state file",
            "Name one with `state` in the configuration, or --state.",
        ));
    };
    let key = keeping::key(&global)?;
    keeping::fits(&state, key.as_ref())?;
    apart(&config, &global, &state, &connections)?;
    if check {
        inputs(&component, &config, &subscriptions).await?;
        let many = subscriptions.len();
        return say::line(&format!("{many} subscriptions on {} connections are well", connections.len()));
    }
    let store = keeping::open(&global, &state, SqliteStore::open)?;
    let mut known = store.named(&component.manifest.name).map_err(|error| keeping::told(&error))?;
    // Where two connections have exchanged names, neither takes the other's.
    let followed: HashSet<&Stream> = subscriptions.iter().map(|one| &one.teller.stream).collect();
    for streams in known.values_mut() {
        streams.retain(|seen| !followed.contains(&seen.stream));
    }
    drop(followed);
    let shared = Shared::new(store, &state).map_err(|error| keeping::told(&error))?;
    let files = connections
        .values()
        .map(|one| (one.source.session.clone(), (one.file.clone(), Arc::clone(&one.source.secrets))));
    let files = Files { files: files.collect(), sealed: key.map(|_| shared.clone()) };
    let keeper = Keeper::new(files).with_room_for(connections.len().max(1000));
    let tell = Box::new(|text: &str| say::note(text));
    let mut runner = Runner::new(component.connector, keeper, shared, sinks, settings, tell);
    let many = subscriptions.len();
    for mut subscription in subscriptions {
        subscription.teller.before_of(&known);
        runner.add(subscription);
    }
    say::note(&format!("Following {many} subscriptions on {} connections.", connections.len()));
    drop(connections);
    runner.run(stop::asked(true)).await.map_err(|error| keeping::told(&error))
}

/// A connection with its session file.
struct Connected {
    source: Arc<Source>,
    identity: String,
    formerly: String,
    file: SessionFile,
    path: PathBuf,
}

/// Every connection of the configuration by its full name.
fn connections(config: &Config, component: &Component, global: &Global) -> Result<HashMap<String, Connected>, Ending> {
    let form = parse_json(&component.manifest.connection_schema).unwrap_or(Exact::Null);
    let live = Arc::new(site::live(global)?.closing_idle_after(IDLE));
    let mut all = HashMap::new();
    for (own, connection) in &config.connections {
        let files = match (&connection.file, &connection.folder) {
            (Some(file), _) => vec![(own.clone(), file.clone())],
            (None, Some(folder)) => in_folder(own, folder).map_err(|ending| {
                config.text.within(&["connections", own, "folder"], &format!("the connection {own}"), ending)
            })?,
            (None, None) => Vec::new(),
        };
        for (name, path) in files {
            let argument = path.display().to_string();
            let within = |ending| {
                let member = if connection.file.is_some() { "file" } else { "folder" };
                config.text.within(&["connections", own, member], &format!("the connection {name}"), ending)
            };
            let site::Connected { settings: known, file, .. } = site::connected(&argument, global).map_err(within)?;
            let settings = known.to_string();
            let secrets = Arc::new(Secrets::of_connection(&known, &form));
            if let Some(file) = &file {
                site::told_where_open(file, &secrets, &argument, global.json);
            }
            let policy = site::policy(component, &settings, global).map_err(within)?;
            let origins: Vec<String> = policy.origins().map(ToString::to_string).collect();
            let source = Source {
                session: format!("{}:{}", component.manifest.name, digest(&settings)),
                signs_in: true,
                policy,
                transport: live.clone(),
                pod: origins.join(" "),
                secrets: Arc::clone(&secrets),
                settings: settings.clone(),
            };
            let plain = without_secrets(&known, &|name| secrets.is_secret(name)).to_string();
            let (formerly, identity) = (digest(&plain), site::digest_of(component, &plain));
            let file = SessionFile::beside(&path, &settings);
            all.insert(name, Connected { source: Arc::new(source), identity, formerly, file, path });
        }
    }
    Ok(all)
}

fn in_folder(name: &str, folder: &Path) -> Result<Vec<(String, PathBuf)>, Ending> {
    let wrong = |reason: &dyn std::fmt::Display| {
        Ending::usage(
            format!("the connections in {} cannot be read: {reason}", folder.display()),
            "Give a folder with connection files that end in .json.",
        )
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| wrong(&error))? {
        let path = entry.map_err(|error| wrong(&error))?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let own = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            files.push((format!("{name}/{own}"), path));
        }
    }
    if files.is_empty() {
        return Err(wrong(&"there are none"));
    }
    files.sort();
    Ok(files)
}

fn subscriptions(
    config: &Config,
    component: &Component,
    global: &Global,
    connections: &HashMap<String, Connected>,
    numbers: &HashMap<String, usize>,
) -> Result<Vec<Subscription>, Ending> {
    let mut all = Vec::new();
    for (number, wanted) in config.subscriptions.iter().enumerate() {
        let within = |member: &'static str| move |ending| config.of_subscription(number, member, ending);
        let input = wanted.input();
        serde_json::from_str::<serde::de::IgnoredAny>(&input).map_err(|error| {
            let remedy = "Write it as an object, or as JSON in a text.";
            within("input")(Ending::usage(format!("the input is not JSON: {error}"), remedy))
        })?;
        let usual = poll::bounds(global.at_least, global.at_most, Bounds::default())?;
        let bounds = poll::bounds(wanted.at_least, wanted.at_most, usual).map_err(|_| {
            let remedy = "Give at_most a time that is not below at_least.";
            within("at_most")(Ending::usage("at_most is shorter than at_least", remedy))
        })?;
        let prefix = format!("{}/", wanted.connection);
        let mut mine: Vec<(&String, &Connected)> =
            connections.iter().filter(|(name, _)| **name == wanted.connection || name.starts_with(&prefix)).collect();
        mine.sort_by_key(|(name, _)| *name);
        for (name, connected) in mine {
            let stream = Stream {
                component: component.manifest.name.clone(),
                connection: connected.identity.clone(),
                trigger: wanted.trigger.clone(),
                input: digest(&input),
            };
            let own = name.strip_prefix(&prefix);
            let teller = Teller {
                stream,
                formerly: connected.formerly.clone(),
                connection: name.clone(),
                name: own.map_or_else(|| wanted.name.clone(), |own| format!("{}@{own}", wanted.name)),
                named: true,
                remote: host_harness::policy::remote(&component.manifest.connection_schema, &connected.source.settings),
                before: Vec::new(),
                input: input.clone(),
                shown: connected.source.secrets.clean(&input),
                bodies: global.keep_bodies,
            };
            all.push(Subscription {
                teller,
                source: Arc::clone(&connected.source),
                sink: numbers.get(&wanted.sink).copied().unwrap_or_default(),
                bounds,
                call_base: site::new_call_id().chars().take(40).collect(),
            });
        }
    }
    twice(&all)?;
    Ok(all)
}

/// Two subscriptions with one stream would take each other's events away.
fn twice(all: &[Subscription]) -> Result<(), Ending> {
    let (mut seen, mut names) = (HashMap::new(), HashSet::new());
    for subscription in all {
        let name = &subscription.teller.name;
        if !names.insert(name) {
            let message = format!("there are two subscriptions {name}");
            return Err(Ending::usage(
                message,
                "Give one of them another name: with a folder the file's name is part of it.",
            ));
        }
        if let Some(other) = seen.insert(&subscription.teller.stream, &subscription.teller.name) {
            let message = format!(
                "the subscriptions {other} and {} poll the same trigger with the same input on the same connection",
                subscription.teller.name
            );
            return Err(Ending::usage(message, "Leave one of them out, or hand its events on behind the sink."));
        }
    }
    Ok(())
}

/// Asks the connector for each input what it says to it, and stops it before it sends anything.
async fn inputs(component: &Component, config: &Config, subscriptions: &[Subscription]) -> Result<(), Ending> {
    for Subscription { teller, source, call_base, .. } in subscriptions {
        let nothing = Script::new(Tape::default(), Arc::new(SystemClock::new()), Arc::clone(&source.secrets));
        let run = Run::new(Arc::new(nothing), source.policy.clone());
        let connection = Connection { settings: source.settings.clone(), session: None };
        let call = Call { id: call_base.clone(), attempt: 0, remaining_ms: None };
        let (trigger, input) = (&teller.stream.trigger, &teller.input);
        let polled = component.connector.poll(&run, &connection, &call, trigger, input, None).await;
        if let Err(CallError::Problem { error: Error::Permanent(problem) }) = polled {
            // Some connectors say the fault of a place in the message, too.
            let said = |text: &str| problem.message.contains(text.trim_end_matches('.'));
            let others = problem.fields.iter().filter(|field| !said(&field.message));
            let at: String = others.map(|field| format!(" {}: {}", field.pointer, field.message)).collect();
            let remedy = problem.remedy.map(|remedy| format!(" {remedy}")).unwrap_or_default();
            let said = format!("the subscription {}: {}{at}{remedy}", teller.name, problem.message);
            return Err(config.text.wrong(&config.in_subscription(&teller.name, "input", source.secrets.clean(&said))));
        }
    }
    Ok(())
}

/// A sink appends: refuses a file that this process needs itself, and what is no file to append to.
fn apart(
    config: &Config,
    global: &Global,
    state: &Path,
    connections: &HashMap<String, Connected>,
) -> Result<(), Ending> {
    if !config.sinks.values().any(|sink| matches!(sink, config::Sink::File { .. })) {
        return Ok(());
    }
    let whole = |path: &Path| {
        let path = Path::new(".").join(path);
        let folder = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
        path.canonicalize().ok().or_else(folder).unwrap_or_else(|| path.clone())
    };
    let state = whole(state);
    let beside = ["", "-wal", "-shm", ".lock"].map(|ending| {
        let mut name = state.clone().into_os_string();
        name.push(ending);
        (PathBuf::from(name), "the state file, or beside it")
    });
    let own = connections.values().flat_map(|one| {
        [(whole(&one.path), "a connection file"), (whole(one.file.path()), "the session of a connection")]
    });
    let others = [(Some(&config.text.file), "this configuration"), (global.key_file.as_ref(), "the key file")];
    let others = others.into_iter().filter_map(|(path, what)| Some((whole(path?), what)));
    let mut taken: HashMap<PathBuf, &str> = beside.into_iter().chain(own).chain(others).collect();
    for (name, sink) in &config.sinks {
        let config::Sink::File { path } = sink else { continue };
        let place = whole(path);
        let kind = std::fs::metadata(path).map(|known| known.file_type());
        #[cfg(unix)]
        let pipe = kind.as_ref().is_ok_and(std::os::unix::fs::FileTypeExt::is_fifo);
        #[cfg(not(unix))]
        let pipe = false;
        let reason = match taken.insert(place, "the file of another sink") {
            Some(what) => format!("it is {what}"),
            None if kind.is_ok_and(|kind| kind.is_dir()) => "it is a folder".to_owned(),
            None if pipe => "it is a named pipe: a sink of type command takes lines as they come".to_owned(),
            None => continue,
        };
        let message = format!("the sink {name}: {} is no file to append to: {reason}", path.display());
        return Err(config.text.wrong(&Fault::at(&["sinks", name, "path"], message)));
    }
    Ok(())
}

type Sinks = (Vec<Arc<dyn Sink>>, HashMap<String, usize>);

fn sinks(config: &Config, global: &Global) -> Result<Sinks, Ending> {
    let (mut sinks, mut numbers) = (Vec::<Arc<dyn Sink>>::new(), HashMap::new());
    for (name, sink) in &config.sinks {
        let wrong = |member: &str, reason: &dyn std::fmt::Display| {
            let message = format!("the sink {name}: {member}: {reason}");
            config.text.wrong(&Fault::at(&["sinks", name, member], message))
        };
        let made: Arc<dyn Sink> = match sink {
            config::Sink::Stdout {} => Arc::new(Lines::new(Box::new(std::io::stdout()), "standard output")),
            config::Sink::File { path } => Arc::new(File::new(path)),
            config::Sink::Command { program, arguments, timeout } => {
                Arc::new(Command::new(program, arguments, timeout.unwrap_or(COMMAND)))
            }
            config::Sink::Http { url, secret_env, secret_file } => {
                let of = if secret_env.is_some() { "secret_env" } else { "secret_file" };
                let secret = match (secret_env, secret_file) {
                    (Some(_), Some(_)) => return Err(wrong("secret_file", &"there is secret_env as well")),
                    (Some(name), None) => {
                        Some(std::env::var(name).map_err(|error| wrong("secret_env", &format!("{name}: {error}")))?)
                    }
                    (None, Some(path)) => {
                        let text = std::fs::read_to_string(path);
                        Some(text.map_err(|error| wrong("secret_file", &format!("{}: {error}", path.display())))?)
                    }
                    (None, None) => None,
                };
                let signing =
                    secret.map(|secret| Signing::read(&secret)).transpose().map_err(|error| wrong(of, &error))?;
                Arc::new(Post::new(url, signing, site::live(global)?).map_err(|error| wrong("url", &error))?)
            }
        };
        numbers.insert(name.clone(), sinks.len());
        sinks.push(made);
    }
    Ok((sinks, numbers))
}

/// Sessions beside the connection files; with a key in the state file, sealed, where those beside are where one
/// starts from.
struct Files {
    files: HashMap<String, (SessionFile, Arc<Secrets>)>,
    sealed: Option<Shared>,
}

impl Storage for Files {
    fn read(&self, connection: &str) -> Result<Option<Session>, StateError> {
        let kept = match &self.sealed {
            Some(sealed) => sealed.read(connection)?,
            None => None,
        };
        let Some((file, secrets)) = self.files.get(connection) else { return Ok(kept) };
        let session = match kept {
            Some(session) => Some(session),
            None => Storage::read(file, connection)?,
        };
        Ok(session.inspect(|session| secrets.learn_session(&session.value)))
    }

    fn keep(&self, connection: &str, session: &Session) -> Result<(), StateError> {
        let Some((file, secrets)) = self.files.get(connection) else { return Ok(()) };
        secrets.learn_session(&session.value);
        match &self.sealed {
            Some(sealed) => sealed.keep(connection, session),
            None => Storage::keep(file, connection, session),
        }
    }

    fn turn(&self, connection: &str) -> Result<Turn, StateError> {
        match (self.files.get(connection), &self.sealed) {
            (Some((file, _)), None) => Storage::turn(file, connection),
            _ => Ok(Box::new(())),
        }
    }
}
