//! Certificates that verify, and those that do not.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;

use host_harness::transport::Failure;
use host_harness::transport::live::Live;
use host_harness::{CallError, Run};

use crate::support::{invoke, run_over, serve};

/// A server's certificate, signed by an issuer of its own whose PEM lies in a file.
struct Signed {
    config: ServerConfig,
    ca_file: PathBuf,
    _directory: tempfile::TempDir,
}

fn signed(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signed {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(ca, ca_key);

    let mut server = CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut server);
    let key = KeyPair::generate().unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();

    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, ca_pem).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Signed { config, ca_file, _directory: directory }
}

async fn fetch(signed: &Signed, live: Live) -> (Run, Result<serde_json::Value, CallError>) {
    let port = serve(Some(signed.config.clone())).await;
    let mut run = run_over(live);
    run.policy.allow_host(&format!("localhost:{port}")).unwrap();
    let ended = invoke(&run, "fetches", json!({"url": format!("https://localhost:{port}/size/70000")})).await;
    (run, ended)
}

fn trusting(signed: &Signed) -> Live {
    Live::trusting([signed.ca_file.clone()]).unwrap()
}

/// Refused for its certificate, for a reason that says `word`.
async fn refused(signed: &Signed, live: Live, word: &str) {
    let (run, ended) = fetch(signed, live).await;
    let ended = ended.unwrap_err().to_string();
    assert!(ended.contains("TlsCertificateError"), "{ended}");
    match &run.failures()[..] {
        [Failure::Certificate { authority, reason, .. }] => {
            assert!(authority.starts_with("localhost:") && reason.contains(word), "{authority}: {reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_issuer_that_nobody_knows_is_refused_until_it_is_trusted() {
    let signed = signed("localhost", |_| {});
    refused(&signed, Live::new(), "authority that is not trusted").await;
    let (_, ended) = fetch(&signed, trusting(&signed)).await;
    assert_eq!(ended.unwrap()["bytes"], 70_000);
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let signed = signed("localhost", |server| {
        server.not_before = date_time_ymd(2020, 1, 1);
        server.not_after = date_time_ymd(2021, 1, 1);
    });
    refused(&signed, trusting(&signed), "it expired on 2021-01-01").await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let signed = signed("elsewhere.example.com", |_| {});
    refused(&signed, trusting(&signed), "for elsewhere.example.com, and not for localhost").await;
}

#[tokio::test]
async fn plain_text_where_tls_is_expected_is_no_question_of_certificates() {
    let port = serve(None).await;
    let mut run = run_over(Live::new());
    run.policy.allow_host(&format!("localhost:{port}")).unwrap();
    let ended = invoke(&run, "fetches", json!({"url": format!("https://localhost:{port}/")})).await.unwrap_err();
    assert!(ended.to_string().contains("TlsProtocolError"), "{ended}");
    assert!(matches!(run.failures()[..], [Failure::Tls { .. }]), "{:?}", run.failures());
}

#[test]
fn a_file_without_certificates_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, "not PEM").unwrap();
    assert!(Live::trusting([file]).unwrap_err().to_string().contains("holds no certificate"));
    assert!(Live::trusting([directory.path().join("none.pem")]).unwrap_err().to_string().contains("cannot be read"));
}
