//! Those who read: each a command that prints every record, one a line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::json;

/// A command and what its output must be.
pub struct Reader {
    /// For the table.
    pub name: &'static str,
    /// Whether it prints a record a line; curl prints pages.
    pub lines: bool,
    program: PathBuf,
    arguments: Vec<String>,
}

impl Reader {
    /// The command, its standard output not decided yet.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).env("PYTHONIOENCODING", "utf-8");
        command
    }
}

/// The component in the harness.
pub fn ours(harness: &Path, component: &Path, address: &str, limit: usize, folder: &Path) -> Result<Reader> {
    let connection = folder.join("connection.json");
    let settings = json!({
        "host": format!("http://{address}"),
        "auth": {"type": "basic", "username": "bench", "password": "bench"},
    });
    fs::write(&connection, settings.to_string())?;
    restrict(&connection)?;
    let input = json!({"resource": "invoices", "limit": limit}).to_string();
    let text = |path: &Path| path.to_string_lossy().into_owned();
    Ok(Reader {
        name: "connector in the harness",
        lines: true,
        program: std::path::absolute(harness)?,
        arguments: vec![
            "--component".into(),
            text(component),
            "run".into(),
            "search_records".into(),
            "--connection".into(),
            text(&connection),
            "--input".into(),
            input,
            "--ndjson".into(),
            "--allow-http".into(),
            address.into(),
        ],
    })
}

/// A connection file that others can read is warned of.
#[cfg(unix)]
fn restrict(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o600))?)
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> Result<()> {
    Ok(())
}

/// curl, which parses nothing: what the wire and a process cost.
pub fn curl(collection: &str, records: usize, folder: &Path) -> Result<Reader> {
    let pages: Vec<String> = (0..records.div_ceil(500))
        .map(|page| format!("url = \"{collection}?onlyData=true&limit=500&offset={}\"\n", page * 500))
        .collect();
    let config = folder.join("curl.txt");
    fs::write(&config, pages.concat())?;
    Ok(Reader {
        name: "curl (no parsing: the limit)",
        lines: false,
        program: "curl".into(),
        arguments: vec!["--silent".into(), "--fail".into(), "--config".into(), config.to_string_lossy().into_owned()],
    })
}

/// The native program, which stands beside this one.
pub fn native(collection: &str) -> Result<Reader> {
    let program =
        std::env::current_exe()?.parent().context("a program stands in a folder")?.join("bench-records-native");
    Ok(Reader { name: "native reqwest and Value", lines: true, program, arguments: vec![collection.into()] })
}

/// A script.
pub fn script(name: &'static str, python: &Path, script: &Path, collection: &str) -> Reader {
    let arguments = vec![script.to_string_lossy().into_owned(), collection.into()];
    Reader { name, lines: true, program: python.to_owned(), arguments }
}
