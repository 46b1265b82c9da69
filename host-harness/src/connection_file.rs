//! A connection file: the settings of a connection as JSON, with secrets kept elsewhere where people want that.
//!
//! Any value may be `{"$env": "NAME"}` (an environment variable) or `{"$file": "path"}` (a file, relative to
//! the connection file's folder). Both are resolved here, before a connector sees the settings, and nothing
//! else in them is looked at. No error of this module holds a value.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::exact::{Exact, parse_json};
use crate::secrets::Secrets;

/// The most bytes of any file here: settings, a key or a chain of certificates have some thousands.
const MOST_BYTES: u64 = 1 << 20;

/// A connection file that was read.
pub struct ConnectionFile {
    /// The settings with every reference resolved. May hold secrets.
    pub settings: Exact,
    file: PathBuf,
    written: Exact,
    referenced: Vec<PathBuf>,
}

/// Why a connection file cannot be used. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionFileError {
    /// It is not there, or may not be read.
    #[error("the connection file {} cannot be read: {reason}", file.display())]
    Unreadable {
        /// As given.
        file: PathBuf,
        /// The system's word for it.
        reason: String,
    },
    /// It is not JSON.
    #[error("the connection {} is not JSON{place}", file.display())]
    NotJson {
        /// As given.
        file: PathBuf,
        /// ` at line 1 column 2`, or nothing; the text itself may hold a secret.
        place: String,
    },
    /// A reference in it does not lead to a value.
    #[error("the connection {} cannot be used: at {pointer}, {reason}", file.display())]
    Reference {
        /// As given.
        file: PathBuf,
        /// JSON pointer to the reference.
        pointer: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        remedy: String,
    },
}

impl ConnectionFile {
    /// Reads a file and resolves what it refers to, environment variables from this process.
    ///
    /// # Errors
    /// A [`ConnectionFileError`].
    pub fn read(file: &Path) -> Result<Self, ConnectionFileError> {
        Self::read_with(file, &|name| std::env::var_os(name))
    }

    /// The same with environment variables from elsewhere.
    ///
    /// # Errors
    /// A [`ConnectionFileError`].
    pub fn read_with(file: &Path, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, ConnectionFileError> {
        let text = text_of(file).map_err(|reason| ConnectionFileError::Unreadable { file: file.to_owned(), reason })?;
        let written = parse_json(without_mark(&text)).map_err(|error| {
            let place = error.to_string();
            let place = place.rfind(" at line").and_then(|at| place.get(at..)).unwrap_or_default().to_owned();
            ConnectionFileError::NotJson { file: file.to_owned(), place }
        })?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut resolving = Resolving { folder, env, referenced: Vec::new() };
        let settings = resolving.value(&written, "").map_err(|Fault { pointer, reason, remedy }| {
            let pointer = if pointer.is_empty() { "the top".to_owned() } else { pointer };
            ConnectionFileError::Reference { file: file.to_owned(), pointer, reason, remedy }
        })?;
        let referenced = resolving.referenced;
        Ok(Self { settings, file: file.to_owned(), written, referenced })
    }

    /// Those of the files behind this connection that hold a secret and that others on this machine may read:
    /// the connection file where a secret stands in it, and every file that it refers to. Empty where the
    /// system has no such permissions.
    #[must_use]
    pub fn readable_by_others(&self, secrets: &Secrets) -> Vec<&Path> {
        let mut holds = false;
        self.written.named_texts(&mut |name, text| holds |= secrets.is_secret(name) && !text.is_empty());
        let own = holds.then_some(self.file.as_path());
        own.into_iter()
            .chain(self.referenced.iter().map(PathBuf::as_path))
            .filter(|file| open_to_others(file))
            .collect()
    }
}

/// The same text without the byte order mark that some editors put before it.
#[must_use]
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// All of a file, or of a pipe that does not flow forever.
fn text_of(file: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let open = std::fs::File::open(file).map_err(|error| error.to_string())?;
    open.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if too_many(&bytes) {
        return Err("it has more than 1 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

fn too_many(bytes: &[u8]) -> bool {
    u64::try_from(bytes.len()).is_ok_and(|length| length > MOST_BYTES)
}

impl std::fmt::Debug for ConnectionFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionFile").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Whether others than its owner may read a file.
#[cfg(unix)]
#[must_use]
pub fn open_to_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    // A pipe or a device is not a place where something is kept.
    std::fs::metadata(file).is_ok_and(|known| known.is_file() && known.permissions().mode() & 0o077 != 0)
}

/// Whether others than its owner may read a file.
#[cfg(not(unix))]
#[must_use]
pub fn open_to_others(_file: &Path) -> bool {
    false
}

struct Fault {
    pointer: String,
    reason: String,
    remedy: String,
}

struct Resolving<'a> {
    folder: &'a Path,
    env: &'a dyn Fn(&str) -> Option<OsString>,
    referenced: Vec<PathBuf>,
}

impl Resolving<'_> {
    fn value(&mut self, value: &Exact, pointer: &str) -> Result<Exact, Fault> {
        match value {
            Exact::Array(items) => {
                let items = items.iter().enumerate().map(|(at, item)| self.value(item, &format!("{pointer}/{at}")));
                items.collect::<Result<_, _>>().map(Exact::Array)
            }
            Exact::Object(members) => {
                if members.iter().any(|(name, _)| name.starts_with('$')) {
                    return self.reference(members, pointer);
                }
                let members = members.iter().map(|(name, value)| {
                    let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                    Ok((name.clone(), self.value(value, &pointer)?))
                });
                members.collect::<Result<_, _>>().map(Exact::Object)
            }
            other => Ok(other.clone()),
        }
    }

    fn reference(&mut self, members: &[(String, Exact)], pointer: &str) -> Result<Exact, Fault> {
        let fault = |reason: String, remedy: &str| {
            Err(Fault { pointer: pointer.to_owned(), reason, remedy: remedy.to_owned() })
        };
        if let Some((name, _)) =
            members.iter().find(|(name, _)| name.starts_with('$') && name != "$env" && name != "$file")
        {
            let remedy = "Write {\"$env\": \"NAME\"} for an environment variable or {\"$file\": \"path\"} for a file.";
            return fault(format!("there is no reference {name}"), remedy);
        }
        if pointer.is_empty() {
            let reason = "the settings as a whole are no reference".to_owned();
            return fault(reason, "Write an object whose values are references.");
        }
        let [(kind, target)] = members else {
            let reason = "a reference has one member, and here are more".to_owned();
            return fault(reason, "Leave $env or $file alone in its braces.");
        };
        let Some(target) = target.as_text().filter(|target| !target.is_empty() && !target.contains('\0')) else {
            let reason = format!("what follows {kind} is not a name, but {}", article(target));
            return fault(reason, "Write the variable's name after $env, or the file's path after $file, in quotes.");
        };
        let found = if kind == "$env" { self.variable(target) } else { self.file(target) };
        found.map(Exact::Text).map_err(|(reason, remedy)| Fault { pointer: pointer.to_owned(), reason, remedy })
    }

    fn variable(&self, name: &str) -> Result<String, (String, String)> {
        // Such a name cannot be set, and asking for it is an error on some systems.
        let value = if name.contains('=') { None } else { (self.env)(name) };
        let value = value.ok_or_else(|| {
            let reason = format!("the environment variable {name} is not set");
            (reason, format!("Set {name} (export {name}=…) in the environment of this command."))
        })?;
        value.into_string().map_err(|_| {
            let reason = format!("the environment variable {name} is not UTF-8");
            (reason, format!("Set {name} to text in UTF-8."))
        })
    }

    fn file(&mut self, path: &str) -> Result<String, (String, String)> {
        let file = self.folder.join(path);
        let shown = file.display();
        // To open a pipe would wait for whoever writes to it, and a device has no end.
        if std::fs::metadata(&file).is_ok_and(|known| !known.is_file()) {
            let remedy = "Give a regular file, neither a folder nor a pipe nor a device.".to_owned();
            return Err((format!("{shown} is not a regular file"), remedy));
        }
        let mut bytes = Vec::new();
        let read = std::fs::File::open(&file).and_then(|open| open.take(MOST_BYTES + 1).read_to_end(&mut bytes));
        read.map_err(|error| {
            let remedy = "Give a file that can be read; a path is relative to the connection file's folder.".to_owned();
            (format!("the file {shown} cannot be read: {error}"), remedy)
        })?;
        if too_many(&bytes) {
            let remedy = "Give the file that holds this one value.".to_owned();
            return Err((format!("the file {shown} has more than 1 MiB"), remedy));
        }
        let mut text = String::from_utf8(bytes).map_err(|_| {
            let remedy = "Give a text file in UTF-8; a key or a certificate in PEM, not in DER.".to_owned();
            (format!("the file {shown} is not UTF-8"), remedy)
        })?;
        // Editors and `echo` end a file with one, and it is no part of a password.
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        self.referenced.push(file);
        Ok(text)
    }
}

fn article(value: &Exact) -> &'static str {
    if value.as_text().is_some() { "empty or unusual text" } else { value.kind() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pod.json");
        std::fs::write(&file, text).unwrap();
        (folder, file)
    }

    fn env(name: &str) -> Option<OsString> {
        (name == "POD_PASSWORD").then(|| "S3cret\n".into())
    }

    fn refused(text: &str) -> String {
        let (folder, file) = written(text);
        std::fs::write(folder.path().join("binary"), [0xff, 0xfe]).unwrap();
        std::fs::write(folder.path().join("large"), vec![b'x'; (1 << 20) + 1]).unwrap();
        let error = ConnectionFile::read_with(&file, &env).unwrap_err();
        let remedy = if let ConnectionFileError::Reference { remedy, .. } = &error { remedy.as_str() } else { "" };
        format!("{error}. {remedy}").replace(&*folder.path().to_string_lossy(), "DIR")
    }

    #[test]
    fn values_come_from_variables_and_files() {
        let (folder, file) = written(
            r#"{"host":"h","n":1.50,"auth":{"password":{"$env":"POD_PASSWORD"},"keys":[{"$file":"key.pem"}]}}"#,
        );
        std::fs::write(folder.path().join("key.pem"), "-----BEGIN\nMII\r\n\r\n").unwrap();
        let read = ConnectionFile::read_with(&file, &env).unwrap();
        // One line break of a file goes; a variable is taken as it is.
        assert_eq!(
            read.settings.to_string(),
            r#"{"host":"h","n":1.50,"auth":{"password":"S3cret\n","keys":["-----BEGIN\nMII\r\n"]}}"#
        );
        assert!(!format!("{read:?}").contains("S3cret"));
    }

    #[test]
    fn each_fault_names_its_place_and_what_to_do() {
        insta::assert_snapshot!(refused(r#"{"a":{"b/c":{"$env":"NONE"}}}"#), @"the connection DIR/pod.json cannot be used: at /a/b~1c, the environment variable NONE is not set. Set NONE (export NONE=…) in the environment of this command.");
        insta::assert_snapshot!(refused(r#"{"a":[{"$file":"none"}]}"#), @"the connection DIR/pod.json cannot be used: at /a/0, the file DIR/none cannot be read: No such file or directory (os error 2). Give a file that can be read; a path is relative to the connection file's folder.");
        insta::assert_snapshot!(refused(r#"{"a":{"$file":"binary"}}"#), @"the connection DIR/pod.json cannot be used: at /a, the file DIR/binary is not UTF-8. Give a text file in UTF-8; a key or a certificate in PEM, not in DER.");
        insta::assert_snapshot!(refused(r#"{"a":{"$file":"large"}}"#), @"the connection DIR/pod.json cannot be used: at /a, the file DIR/large has more than 1 MiB. Give the file that holds this one value.");
        insta::assert_snapshot!(refused(r#"{"a":{"$file":"."}}"#), @"the connection DIR/pod.json cannot be used: at /a, DIR/. is not a regular file. Give a regular file, neither a folder nor a pipe nor a device.");
        insta::assert_snapshot!(refused(&"x".repeat((1 << 20) + 1)), @"the connection file DIR/pod.json cannot be read: it has more than 1 MiB. ");
        insta::assert_snapshot!(refused(r#"{"a":{"$env":"POD_PASSWORD","default":"x"}}"#), @"the connection DIR/pod.json cannot be used: at /a, a reference has one member, and here are more. Leave $env or $file alone in its braces.");
        insta::assert_snapshot!(refused(r#"{"a":{"$vault":"x"}}"#), @r#"the connection DIR/pod.json cannot be used: at /a, there is no reference $vault. Write {"$env": "NAME"} for an environment variable or {"$file": "path"} for a file."#);
        insta::assert_snapshot!(refused(r#"{"a":{"$env":1}}"#), @"the connection DIR/pod.json cannot be used: at /a, what follows $env is not a name, but a number. Write the variable's name after $env, or the file's path after $file, in quotes.");
        insta::assert_snapshot!(refused(r#"{"$env":"POD_PASSWORD"}"#), @"the connection DIR/pod.json cannot be used: at the top, the settings as a whole are no reference. Write an object whose values are references.");
        insta::assert_snapshot!(refused(r#"{"password":"S3cret""#), @"the connection DIR/pod.json is not JSON at line 1 column 20. ");
    }

    #[cfg(unix)]
    #[test]
    fn who_else_may_read_a_secret_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |file: &Path, mode| std::fs::set_permissions(file, PermissionsExt::from_mode(mode)).unwrap();
        let schema = parse_json(r#"{"properties":{"password":{"writeOnly":true}}}"#).unwrap();
        let told = |file: &Path| {
            let read = ConnectionFile::read_with(file, &env).unwrap();
            let secrets = Secrets::of_connection(&read.settings, &schema);
            let names = read.readable_by_others(&secrets).into_iter().map(|file| file.file_name().unwrap().to_owned());
            names.map(|name| name.into_string().unwrap()).collect::<Vec<_>>()
        };
        let (folder, file) = written(r#"{"password":"S3cret"}"#);
        mode(&file, 0o640);
        assert_eq!(told(&file), ["pod.json"]);
        mode(&file, 0o600);
        assert!(told(&file).is_empty());

        std::fs::write(&file, r#"{"password":{"$file":"secret"}}"#).unwrap();
        mode(&file, 0o644);
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "S3cret").unwrap();
        mode(&secret, 0o604);
        assert_eq!(told(&file), ["secret"], "the connection file holds nothing to hide");
        mode(&secret, 0o400);
        assert!(told(&file).is_empty());
    }

    proptest! {
        #[test]
        fn settings_without_references_stay_as_they_are(name in "[^$\"\\\\\u{0}-\u{1f}]{1,8}", text in "[^\"\\\\\u{0}-\u{1f}]{0,20}") {
            let json = format!("{{\"{name}\":[\"{text}\",1.0]}}");
            let (_folder, file) = written(&json);
            let read = ConnectionFile::read_with(&file, &|_| None).unwrap();
            prop_assert_eq!(read.settings.to_string(), parse_json(&json).unwrap().to_string());
        }
    }
}
