//! Keys and certificates, held against OpenSSL where it is installed.

use std::path::Path;
use std::process::Command;

use crate::bench::harness;

fn openssl(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_key_and_its_certificate_are_what_openssl_says_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let ended = harness(folder.path(), &["--json", "certificate", "new", "--out", "keys", "--cn", "my robot"], "");
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let made = ended.json();
    let (key, certificate) = (made["private_key_file"].as_str().unwrap(), made["certificate_file"].as_str().unwrap());
    assert_eq!((key, certificate), ("keys/private-key.pem", "keys/certificate.pem"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(folder.path().join(key)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(std::fs::read_to_string(folder.path().join(key)).unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));

    let x509 = |what: &[&str]| openssl(folder.path(), &[&["x509", "-in", certificate, "-noout"], what].concat());
    let Some(fingerprint) = x509(&["-fingerprint", "-sha1"]) else {
        eprintln!("skipped: there is no openssl");
        return;
    };
    let (_, fingerprint) = fingerprint.trim().split_once('=').unwrap();
    assert_eq!(made["fingerprint"], fingerprint);
    let modulus = openssl(folder.path(), &["rsa", "-in", key, "-noout", "-modulus"]).unwrap();
    assert_eq!(x509(&["-modulus"]).unwrap(), modulus);
    assert_eq!(modulus.trim().len(), "Modulus=".len() + 2048 / 4);
    assert!(x509(&["-subject"]).unwrap().contains("my robot"));
    // 364 days from now it is good, 366 days from now it is not.
    assert!(x509(&["-checkend", "31449600"]).is_some());
    let ended = Command::new("openssl")
        .args(["x509", "-in", certificate, "-noout", "-checkend", "31622400"])
        .current_dir(folder.path())
        .status();
    assert!(!ended.unwrap().success());
    openssl(folder.path(), &["verify", "-CAfile", certificate, certificate]);
}

#[test]
fn what_is_there_already_stays() {
    let folder = tempfile::tempdir().unwrap();
    for there in ["private-key.pem", "certificate.pem"] {
        let out = folder.path().join(there.replace('.', "-"));
        std::fs::create_dir(&out).unwrap();
        std::fs::write(out.join(there), "mine").unwrap();
        let ended = harness(folder.path(), &["certificate", "new", "--out", out.to_str().unwrap()], "");
        assert_eq!((ended.code, ended.out.as_str()), (2, ""));
        assert!(ended.err.contains("is there already") && ended.err.contains("--out"), "{}", ended.err);
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 1);
        assert_eq!(std::fs::read_to_string(out.join(there)).unwrap(), "mine");
    }
}

#[test]
fn a_name_that_no_certificate_can_hold_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let long = "a".repeat(65);
    for (name, word) in [("", "not empty"), (long.as_str(), "64 characters"), ("a\nb", "control characters")] {
        let ended = harness(folder.path(), &["certificate", "new", "--out", "keys", "--cn", name], "");
        assert_eq!((ended.code, ended.out.as_str()), (2, ""));
        assert!(ended.err.contains("--cn") && ended.err.contains(word), "{}", ended.err);
    }
    assert!(!folder.path().join("keys").exists());
}

#[test]
fn the_steps_to_register_it_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let ended = harness(folder.path(), &["certificate", "new", "--out", "keys", "--days", "30"], "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    let json = std::fs::read_to_string(folder.path().join("keys/private-key.pem")).unwrap();
    assert!(json.lines().skip(1).take(3).all(|line| !ended.out.contains(line)), "no key is printed");
    let fingerprint = ended.out.split_whitespace().find(|word| word.len() == 59 && word.contains(':')).unwrap();
    let day = ended.out.split_once("good until ").unwrap().1.get(..10).unwrap();
    insta::assert_snapshot!("certificate_steps", ended.out.replace(fingerprint, "FINGERPRINT").replace(day, "DAY"));
}
