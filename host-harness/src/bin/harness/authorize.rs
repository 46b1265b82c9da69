//! `harness authorize`: a person signs in with the browser, and the session is kept beside the connection file.

use std::net::SocketAddr;
use std::time::Duration;

use host_harness::exact::parse_json;
use host_harness::secrets::Secrets;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use url::Url;

use crate::args::Global;
use crate::callback::Callback;
use crate::component::Component;
use crate::ending::{Ending, Exit};
use crate::site::Site;
use crate::{say, signin, site};

/// For a person to find the password and the second factor.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// A state that is another than ours may be any word, and a word that is hidden tears holes into messages.
const SHORTEST_STATE: usize = 16;

#[derive(Serialize)]
struct Invitation<'a> {
    url: &'a str,
    redirect_uri: &'a str,
}

pub async fn run(
    global: &Global,
    connection: &str,
    listen: SocketAddr,
    redirect_uri: Option<&str>,
) -> Result<(), Ending> {
    if !listen.ip().is_loopback() {
        let message = format!("{listen} can be reached from other machines");
        return Err(Ending::usage(message, "Give an address of this machine alone, such as --listen 127.0.0.1:8765."));
    }
    let path = redirect_uri.map(path_of).transpose()?;
    let component = Component::load(global).await?;
    site::within(component, global, connection, async |site| {
        if site.sessions.is_none() {
            let message = "a session of this connection could not be kept";
            return Err(Ending::usage(message, "Give a connection file, without --script, --record or --replay."));
        }
        let callback = Callback::bind(listen).await.map_err(|error| {
            Ending::usage(
                format!("{listen} cannot be listened on: {error}"),
                "Give another --listen 127.0.0.1:PORT, which the redirect URI of the registered application must name.",
            )
        })?;
        let address = callback.address().unwrap_or(listen);
        let redirect_uri = redirect_uri.map_or_else(|| format!("http://{address}/callback"), str::to_owned);
        let callback = callback.at(path.as_deref().unwrap_or("/callback"));
        sign_in(site, callback, &redirect_uri, global.timeout.unwrap_or(PATIENCE)).await
    })
    .await
}

async fn sign_in(site: &mut Site, callback: Callback, redirect_uri: &str, patience: Duration) -> Result<(), Ending> {
    let connector = site.component.connector.clone();
    let settings = site.connection.settings.clone();
    let started = connector.authorize_url(&site.run, &settings, redirect_uri).await;
    let started = started.map_err(|error| Ending::of_call(&error, &site.run.failures()))?;
    // The address holds the state in the open; from here on the state is nobody's business.
    if site.json {
        let url = &started.url;
        say::line(&serde_json::to_string(&Invitation { url, redirect_uri }).unwrap_or_default())?;
    } else {
        say::note(&format!("Visit this address in a browser on this machine, and sign in there:\n\n{}\n", started.url));
        say::note(&format!("Waiting for the browser to come back to {redirect_uri} …"));
    }
    learn_keep(&site.secrets, &started.keep);

    let arrived = tokio::time::timeout(patience, callback.wait()).await.map_err(|_| {
        let message = format!("nobody came back to {redirect_uri} within {} s", patience.as_secs_f32());
        let remedy = format!(
            "Run it again and sign in at the address that it prints. Where the browser shows an error instead, the \
             registered application must have exactly {redirect_uri} among its redirect URLs. --timeout waits longer."
        );
        Ending::told(Exit::Transient, "timed-out", message, Some(&remedy))
    })?;
    learn_query(&site.secrets, &arrived.query);
    let completed =
        connector.complete_authorization(&site.run, &settings, redirect_uri, &started.keep, &arrived.query).await;
    let kept = match completed {
        Ok(session) => signin::keep(site, session).await,
        Err(error) => Err(refused(Ending::of_call(&error, &site.run.failures()))),
    };
    arrived.answer(kept.is_ok()).await;
    kept?;
    signin::tell_kept(site);
    Ok(())
}

/// What the browser brought is not an input of whoever started the command: its refusal is permanent.
fn refused(ending: Ending) -> Ending {
    Ending { exit: if ending.exit == Exit::Usage { Exit::Permanent } else { ending.exit }, ..ending }
}

fn learn_keep(secrets: &Secrets, keep: &str) {
    secrets.learn_session(keep);
    if let Ok(keep) = parse_json(keep) {
        // Names of methods are shorter than a state may be, and an address is no secret.
        keep.named_texts(&mut |_, text| {
            if text.len() >= 8 && !text.contains("://") {
                secrets.learn(text);
            }
        });
    }
}

fn learn_query(secrets: &Secrets, query: &str) {
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        if name == "code" || (!name.starts_with("error") && value.len() >= SHORTEST_STATE) {
            secrets.learn(value);
            // In a query a plus is a space (WHATWG URL, 5.1).
            secrets.learn(&percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy());
        }
    }
}

/// The path of a redirect URI.
fn path_of(redirect_uri: &str) -> Result<String, Ending> {
    let url = Url::parse(redirect_uri).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none() && url.query().is_none()
    });
    let url = url.ok_or_else(|| {
        let message = format!("{redirect_uri} is no redirect URI");
        Ending::usage(
            message,
            "Give an address without a query, such as --redirect-uri http://localhost:8765/callback.",
        )
    })?;
    Ok(url.path().to_owned())
}
