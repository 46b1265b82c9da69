//! The component that a command works with, and what it says it can do.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use host_harness::contract::catalog::{Delivery, Kind, Manifest, Operation};
use host_harness::transport::live::Live;
use host_harness::{Connector, Engine, EngineOptions, LoadError, Policy, Run};

use crate::args::Global;
use crate::ending::{Ending, Exit};

const DEFAULT: &str = "dist/oracle-fusion.wasm";
const BUILD: &str = "Build it with `cargo xtask build`, or name another with --component FILE.";

/// A command makes one call after the other; the pool need not hold more.
const CALLS_AT_ONCE: u32 = 4;
/// An answer of 8 MiB, its pages and the copies on the way: what a call of a long read touches.
const KEPT_MEMORY: usize = 32 << 20;

/// A loaded component with its manifest.
pub struct Component {
    pub connector: Connector,
    pub manifest: Manifest,
}

/// What an operation is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Action,
    Poll,
    Receive,
    /// Its form, whatever it is.
    Form,
}

impl Component {
    /// Loads it and asks what it can do. Sends nothing.
    ///
    /// # Errors
    /// An [`Ending`]: 2 where there is no such component, 70 where it cannot say what it does.
    pub async fn load(global: &Global) -> Result<Self, Ending> {
        Self::load_for(global, CALLS_AT_ONCE, KEPT_MEMORY).await
    }

    /// The same for so many calls at once.
    ///
    /// # Errors
    /// As [`Component::load`].
    pub async fn load_for(global: &Global, concurrent_calls: u32, kept_memory: usize) -> Result<Self, Ending> {
        let file = match &global.component {
            Some(file) => file.clone(),
            None => default_file()?,
        };
        let options = EngineOptions { concurrent_calls, kept_memory, ..EngineOptions::default() };
        let refused = |error: LoadError| {
            let remedy = match &error {
                LoadError::Missing { .. } | LoadError::Unreadable { .. } => BUILD,
                _ => "Give a component that exports ipaas:connector with --component FILE, or build this one again.",
            };
            let message = match &error {
                LoadError::Missing { .. } => error.to_string(),
                _ => format!("{} cannot be used as the component: {error}", file.display()),
            };
            Ending::usage(message, remedy)
        };
        let engine = Engine::with_options(options).map_err(|error| refused(LoadError::Setup(error)))?;
        let connector = engine.load(&file).map_err(refused)?;
        let nowhere = Run::new(Arc::new(Live::new()), Policy::new());
        let manifest = connector.describe(&nowhere).await.map_err(|error| Ending::of_call(&error, &[], false))?;
        Ok(Self { connector, manifest })
    }

    /// The operation of that id, fit for that use.
    ///
    /// # Errors
    /// An [`Ending`] with 2 and the nearest names, or the command that fits.
    pub fn operation(&self, id: &str, wanted: Use) -> Result<&Operation, Ending> {
        let fits = |operation: &Operation| match wanted {
            Use::Form => true,
            Use::Action => operation.kind == Kind::Action,
            Use::Poll => operation.deliveries.contains(&Delivery::Poll),
            Use::Receive => operation.deliveries.contains(&Delivery::Receive),
        };
        let same: Vec<&Operation> = self.manifest.operations.iter().filter(|operation| operation.id == id).collect();
        if let Some(found) = same.iter().find(|operation| fits(operation)) {
            return Ok(found);
        }
        let name = &self.manifest.name;
        let ending =
            |message: String, remedy: String| Err(Ending::told(Exit::Usage, "not-found", message, Some(&remedy)));
        if let Some(other) = same.first() {
            let (what, command) = match (other.kind, other.deliveries.first()) {
                (Kind::Action, _) => ("an action", "run"),
                (Kind::Trigger, Some(Delivery::Receive)) => ("a trigger that receives", "receive"),
                (Kind::Trigger, _) => ("a trigger that is polled", "poll"),
            };
            return ending(format!("{id} of {name} is {what}"), format!("Use `harness {command} {id}`."));
        }
        let known: Vec<&str> = self
            .manifest
            .operations
            .iter()
            .filter(|operation| fits(operation))
            .map(|operation| operation.id.as_str())
            .collect();
        let near = similar::get_close_matches(id, &known, 3, 0.5);
        let remedy = if near.is_empty() {
            "`harness describe` lists what there is.".to_owned()
        } else {
            format!("Did you mean {}? `harness describe` lists what there is.", near.join(", "))
        };
        let what = match wanted {
            Use::Form => "operation",
            Use::Action => "action",
            Use::Poll | Use::Receive => "trigger",
        };
        ending(format!("{name} has no {what} {id}"), remedy)
    }
}

/// `dist/oracle-fusion.wasm` here or in a folder above, or the file beside the program or in a folder above it.
fn default_file() -> Result<PathBuf, Ending> {
    let here = std::env::current_dir().ok();
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent).map(|folder| folder.join("oracle-fusion.wasm"));
    let above = |path: &Option<PathBuf>| {
        path.iter().flat_map(|path| path.ancestors()).map(|folder| folder.join(DEFAULT)).collect::<Vec<_>>()
    };
    let mut places = above(&here);
    places.extend(beside);
    places.extend(above(&program));
    places.into_iter().find(|file| file.is_file()).ok_or_else(|| {
        Ending::usage(format!("there is no component {DEFAULT}, neither here nor in a folder above"), BUILD)
    })
}
