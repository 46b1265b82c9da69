//! `harness certificate new`: a key and a certificate in files, and the steps that make a remote system know them.

use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::args::Global;
use crate::ending::Ending;
use crate::pair::Pair;
use crate::say;

const KEY: &str = "private-key.pem";
const CERTIFICATE: &str = "certificate.pem";

#[derive(Serialize)]
struct Made<'a> {
    private_key_file: String,
    certificate_file: String,
    fingerprint: &'a str,
    ends: &'a str,
}

pub fn new(global: &Global, folder: &Path, name: &str, days: u32) -> Result<(), Ending> {
    let (key, certificate) = (folder.join(KEY), folder.join(CERTIFICATE));
    if let Some(there) = [&key, &certificate].into_iter().find(|file| file.exists()) {
        return Err(exists(there));
    }
    let pair = Pair::new(name, days).map_err(|error| {
        Ending::usage(format!("no certificate can be made: {error}"), "Give another --cn or --days.")
    })?;
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    write(&key, &pair.private_key_pem, 0o600)?;
    if let Err(ending) = write(&certificate, &pair.certificate_pem, 0o644) {
        // A key without its certificate is of no use, and would be in the way of the next attempt.
        let _ = std::fs::remove_file(&key);
        return Err(ending);
    }
    let (private_key_file, certificate_file) = (key.display().to_string(), certificate.display().to_string());
    if global.json {
        let made = Made { private_key_file, certificate_file, fingerprint: &pair.fingerprint, ends: &pair.ends };
        return say::line(&serde_json::to_string(&made).unwrap_or_default());
    }
    say::line(&steps(&private_key_file, &certificate_file, &pair))
}

fn steps(key: &str, certificate: &str, pair: &Pair) -> String {
    let Pair { fingerprint, ends, .. } = pair;
    format!(
        "\
Private key   {key}  (secret: it stays on this machine, readable by you alone)
Certificate   {certificate}  (public: this is the file to upload; good until {ends})
Fingerprint   {fingerprint}  (SHA-1; the form takes it as it stands here)

For `jwt`, in Fusion:
  1. Tools > Security Console > API Authentication > Create Oracle API Authentication Provider.
  2. In its details: Trusted Issuer is a name of your choice, Token Type is JWT. Save and close.
  3. Inbound API Authentication Public Certificates > Add New Certificate: give an alias, choose {certificate}, save.
  4. Put the Trusted Issuer into `issuer` of the connection file, to the letter.

For `oauth_jwt_assertion`, in the identity domain:
  1. Domains > your domain > Integrated applications > the confidential application > OAuth configuration.
  2. Client type is Trusted. Under Certificates, import {certificate} and note its alias.

In the connection file (paths are relative to it):
  \"private_key\": {{\"$file\": \"{key}\"}},
  \"certificate_fingerprint\": {{\"$file\": \"{certificate}\"}}"
    )
}

fn write(file: &Path, text: &str, mode: u32) -> Result<(), Ending> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(file).and_then(|mut out| out.write_all(text.as_bytes()).and_then(|()| out.sync_all()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(file),
        _ => unwritable(file, &error),
    })
}

fn exists(file: &Path) -> Ending {
    let remedy = "Give another folder with --out: a key that is in use somewhere is not replaced.";
    Ending::usage(format!("{} is there already", file.display()), remedy)
}

fn unwritable(file: &Path, error: &std::io::Error) -> Ending {
    Ending::usage(
        format!("{} cannot be written: {error}", file.display()),
        "Give a folder that can be written with --out.",
    )
}
