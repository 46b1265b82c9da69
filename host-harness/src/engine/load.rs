//! From a file to something that can be called: what it must be, and what is said when it is not.
//!
//! Everything that can be known before the first call is checked here: that the bytes are a component, that
//! it imports nothing but WASI, that it exports each interface and function of the contract.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use wasmtime::component::Component;
use wasmtime::component::types::{Component as ComponentType, ComponentItem};

use super::{Engine, SetupError};
use crate::contract::ConnectorPre;
use crate::run::{Guest, linker};

/// Whether the code that is generated counts fuel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metering {
    /// It does not.
    Off,
    /// It does, at the cost of speed.
    On,
}

/// Why a file cannot be loaded as a connector.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is nothing at that path.
    #[error("there is no file {}", path.display())]
    Missing {
        /// As given.
        path: PathBuf,
    },
    /// It is there and cannot be read.
    #[error("{} cannot be read: {cause}", path.display())]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// The system's word for it.
        cause: std::io::Error,
    },
    /// It is something other than a WebAssembly component.
    #[error("this is not a WebAssembly component: {found}")]
    NotAComponent {
        /// What it is instead.
        found: String,
    },
    /// A component without the contract, or with another version of it.
    #[error("this component does not export ipaas:connector@0.1.0; it lacks {}", missing.join(", "))]
    LacksContract {
        /// Each missing interface or function, with the version found instead where there is another.
        missing: Vec<String>,
    },
    /// It wants more than WASI 0.2 gives.
    #[error("this component imports {}, which this host does not offer: a connector imports only WASI 0.2 (wasi:*)", imports.join(", "))]
    ForeignImports {
        /// Names of the imports.
        imports: Vec<String>,
    },
    /// An import or an export has another shape than the host's.
    #[error("this component does not fit this host: {reason}")]
    DoesNotFit {
        /// wasmtime's word for it.
        reason: String,
    },
    /// wasmtime cannot run here.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

/// A loaded component: stateless, shared, and called with a [`Run`](crate::Run) each time. Cheap to clone.
#[derive(Clone)]
pub struct Connector {
    inner: Arc<Loaded>,
}

struct Loaded {
    engine: Engine,
    bytes: Vec<u8>,
    plain: ConnectorPre<Guest>,
    metered: OnceLock<ConnectorPre<Guest>>,
}

impl Engine {
    /// Loads a component from a file, from the compile cache where it was compiled before.
    ///
    /// # Errors
    /// A [`LoadError`] that says what the file is instead.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Connector, LoadError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => LoadError::Missing { path: path.to_owned() },
            _ => LoadError::Unreadable { path: path.to_owned(), cause },
        })?;
        self.load_bytes(bytes)
    }

    /// Loads a component from its bytes.
    ///
    /// # Errors
    /// A [`LoadError`] that says what the bytes are instead.
    pub fn load_bytes(&self, bytes: impl Into<Vec<u8>>) -> Result<Connector, LoadError> {
        let bytes = bytes.into();
        recognise(&bytes)?;
        let plain = prepare(self, &bytes, Metering::Off)?;
        Ok(Connector { inner: Arc::new(Loaded { engine: self.clone(), bytes, plain, metered: OnceLock::new() }) })
    }
}

impl Connector {
    /// The engine that it was loaded into.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(crate) fn pre(&self, metering: Metering) -> Result<&ConnectorPre<Guest>, LoadError> {
        let loaded = &self.inner;
        match metering {
            Metering::Off => Ok(&loaded.plain),
            Metering::On => {
                if let Some(pre) = loaded.metered.get() {
                    return Ok(pre);
                }
                let pre = prepare(&loaded.engine, &loaded.bytes, Metering::On)?;
                Ok(loaded.metered.get_or_init(|| pre))
            }
        }
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("bytes", &self.inner.bytes.len()).finish_non_exhaustive()
    }
}

/// Tells what bytes are by their first eight: `\0asm`, then version 1 for a core module, 13 in layer 1 for a
/// component (component-model, `Binary.md`).
fn recognise(bytes: &[u8]) -> Result<(), LoadError> {
    let not = |found: &str| Err(LoadError::NotAComponent { found: found.to_owned() });
    match bytes {
        [] => not("the file is empty"),
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => {
            not("it is a core module; build it for wasm32-wasip2, or wrap it with `wasm-tools component new`")
        }
        [0, b'a', b's', b'm', ..] => not("it is WebAssembly of a version that this host does not know"),
        [0x7f, b'E', b'L', b'F', ..] => not("it is a program for Linux, or code compiled ahead of time"),
        _ if std::str::from_utf8(bytes).is_ok() => not("it is text"),
        _ => not("its first bytes are not those of WebAssembly"),
    }
}

fn prepare(engine: &Engine, bytes: &[u8], metering: Metering) -> Result<ConnectorPre<Guest>, LoadError> {
    let wasmtime = engine.wasmtime(metering)?;
    let component = Component::from_binary(wasmtime, bytes)
        .map_err(|cause| LoadError::NotAComponent { found: format!("{:#}", without_backtrace(&cause)) })?;
    let component_type = component.component_type();
    imports_only_wasi(wasmtime, &component_type)?;
    exports_contract(wasmtime, &component_type)?;
    let fit = |cause: wasmtime::Error| LoadError::DoesNotFit { reason: format!("{:#}", without_backtrace(&cause)) };
    let instance = linker(wasmtime).map_err(fit)?.instantiate_pre(&component).map_err(fit)?;
    ConnectorPre::new(instance).map_err(fit)
}

/// An error's own words, in one line.
fn without_backtrace(cause: &wasmtime::Error) -> String {
    cause.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ").replace('\n', " ")
}

fn imports_only_wasi(engine: &wasmtime::Engine, component: &ComponentType) -> Result<(), LoadError> {
    let imports: Vec<String> =
        component.imports(engine).map(|(name, _)| name.to_owned()).filter(|name| !name.starts_with("wasi:")).collect();
    if imports.is_empty() { Ok(()) } else { Err(LoadError::ForeignImports { imports }) }
}

/// What the contract exports; `types` holds no functions and need not be looked for.
const CONTRACT: &[(&str, &[&str])] = &[
    ("catalog", &["describe"]),
    ("connections", &["authenticate", "authorize-url", "complete-authorization", "test"]),
    ("forms", &["resolve-schema", "list-options"]),
    ("actions", &["invoke", "resume"]),
    ("triggers", &["poll", "receive"]),
];
const PACKAGE: &str = "ipaas:connector";
const VERSION: &str = "0.1.0";

fn exports_contract(engine: &wasmtime::Engine, component: &ComponentType) -> Result<(), LoadError> {
    let mut missing = Vec::new();
    for (interface, functions) in CONTRACT {
        let name = format!("{PACKAGE}/{interface}@{VERSION}");
        let Some(found) = component.get_export(engine, &name) else {
            let prefix = format!("{PACKAGE}/{interface}@");
            let other = component.exports(engine).find_map(|(other, _)| other.strip_prefix(&prefix).map(str::to_owned));
            missing.push(match other {
                Some(version) => format!("{name} (it has version {version})"),
                None => name,
            });
            continue;
        };
        let ComponentItem::ComponentInstance(instance) = found.ty else {
            missing.push(format!("{name} (it is not an interface there)"));
            continue;
        };
        for function in *functions {
            let there = instance.get_export(engine, function);
            if !there.is_some_and(|item| matches!(item.ty, ComponentItem::ComponentFunc(_))) {
                missing.push(format!("the function {function} of {name}"));
            }
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(LoadError::LacksContract { missing }) }
}
