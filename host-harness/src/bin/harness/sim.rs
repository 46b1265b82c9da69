//! `harness sim`: the simulated pod behind a socket, for any client, on the system's clock.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ValueEnum as _;
use fusion_sim::{Options, Pod};
use host_harness::file::replace;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::args::{AuthKind, BadCertificate, Global, Serving};
use crate::ending::{Ending, Exit};
use crate::pair::Pair;
use crate::{pod, say, tls};

/// A pod is served for a while, not for a year.
const DAYS: u32 = 30;

pub async fn run(global: &Global, serving: &Serving) -> Result<(), Ending> {
    let Serving { listen, tls: with_tls, invoices, auth, bad_certificate } = *serving;
    let scenario = global.scenario.as_deref().map(pod::read_scenario).transpose()?.unwrap_or_default();
    let defaults = Options::default();
    let pod = pod::make(Options {
        scenario,
        invoices: invoices.unwrap_or(defaults.invoices),
        start: Timestamp::now(),
        realtime: true,
        ..defaults
    })?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Ending::usage(
            format!("{listen} cannot be listened on: {error}"),
            "Give another --listen ADDR; port 0 takes a free one.",
        )
    })?;
    let address = listener.local_addr().map_err(|error| broken(&error))?;
    let (acceptor, ca_file) = if with_tls { encrypted(address, bad_certificate)? } else { (None, None) };

    let scheme = if with_tls { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let settings = settings(&pod, auth, &url)?;
    // To where a person or a script looks for it; the settings alone go to standard output.
    say::note(&format!("listening on {url}"));
    match &ca_file {
        Some(file) => say::note(&format!("use it with --ca-file {}", file.display())),
        None => say::note(&format!("use it with --allow-http {address}")),
    }
    say::line(&settings.to_string())?;
    tokio::select! {
        () = serve(listener, acceptor, &pod) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    if let Some(file) = ca_file {
        // Nobody has a use for it any more.
        let _ = std::fs::remove_file(file);
    }
    Ok(())
}

/// Settings of a connection to a pod at `url`, with a key that the pod knows where the kind has one.
fn settings(pod: &Pod, kind: AuthKind, url: &str) -> Result<Value, Ending> {
    let spelt = kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let settings = pod.settings_for(&spelt, url);
    let mut settings = settings.ok_or_else(|| broken(&format!("it does not know `{spelt}`")))?;
    if let Some(host) = settings.get_mut("host") {
        *host = url.into();
    }
    if let (AuthKind::Jwt | AuthKind::OauthJwtAssertion, Some(auth)) = (kind, settings.get_mut("auth")) {
        let pair = Pair::new("harness sim", DAYS).map_err(|error| broken(&error))?;
        let trusted = if kind == AuthKind::Jwt {
            pod.trust(fusion_sim::ISSUER, &pair.certificate_pem)
        } else {
            let client = auth.get("client_id").and_then(Value::as_str).unwrap_or_default();
            pod.trust_client(client, &pair.certificate_pem)
        };
        trusted.map_err(|error| broken(&error))?;
        if let Some(auth) = auth.as_object_mut() {
            auth.insert("private_key".to_owned(), pair.private_key_pem.into());
            auth.insert("certificate_fingerprint".to_owned(), pair.fingerprint.into());
        }
    }
    Ok(settings)
}

fn encrypted(
    address: SocketAddr,
    fault: Option<BadCertificate>,
) -> Result<(Option<TlsAcceptor>, Option<PathBuf>), Ending> {
    let (acceptor, ca) = tls::for_server_on(address.ip(), fault).map_err(|error| broken(&error))?;
    let file = std::env::temp_dir().join(format!("harness-sim-{}.pem", address.port()));
    replace(&file, ca.as_bytes(), 0o644).map_err(|error| broken(&error))?;
    Ok((Some(acceptor), Some(file)))
}

fn broken(error: &dyn std::fmt::Display) -> Ending {
    Ending::told(Exit::Transient, "unavailable", format!("the simulated pod cannot be served: {error}"), None)
}

async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, pod: &Pod) {
    loop {
        // A connection that is gone before it was accepted concerns nobody else.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (pod, acceptor) = (pod.clone(), acceptor.clone());
        tokio::spawn(async move { connection(stream, acceptor, &pod).await });
    }
}

/// Serves one connection to its end. What goes wrong on it is for the other side to say.
async fn connection(stream: TcpStream, acceptor: Option<TlsAcceptor>, pod: &Pod) {
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(pod.router());
    let builder = auto::Builder::new(TokioExecutor::new());
    match acceptor {
        None => drop(builder.serve_connection(TokioIo::new(stream), service).await),
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                drop(builder.serve_connection(TokioIo::new(stream), service).await);
            }
        }
    }
}
