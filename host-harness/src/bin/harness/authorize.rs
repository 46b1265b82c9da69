//! `harness authorize`: a person signs in with the browser, and the session is kept beside the connection file.

use std::net::SocketAddr;
use std::time::Duration;

use host_harness::CallError;
use host_harness::contract::types::{Error, ProblemKind};
use host_harness::exact::{Exact, parse_json};
use host_harness::secrets::Secrets;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use url::Url;

use crate::args::Global;
use crate::callback::{Callback, Shown};
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
        signin::can_keep(site)?;
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
    let started = started.map_err(|error| Ending::of_call(&error, &site.run.failures(), false))?;
    // The address holds the state in the open; from here on the state is nobody's business.
    if site.json {
        let url = &started.url;
        say::line(&serde_json::to_string(&Invitation { url, redirect_uri }).unwrap_or_default())?;
    } else {
        say::note(&format!("Visit this address in a browser on this machine, and sign in there:\n\n{}\n", started.url));
        say::note(&format!("Waiting for the browser to come back to {redirect_uri} …"));
    }
    learn_keep(&site.secrets, &started.keep, redirect_uri);

    let mut door = callback.open();
    let end = tokio::time::Instant::now() + patience;
    let mut stranger: Option<Ending> = None;
    let kept = loop {
        let Ok(arrived) = tokio::time::timeout_at(end, door.wait()).await else {
            break Err(nobody_came(redirect_uri, patience, stranger.as_ref()));
        };
        learn_query(&site.secrets, &arrived.query);
        let completed =
            connector.complete_authorization(&site.run, &settings, redirect_uri, &started.keep, &arrived.query).await;
        match completed {
            Ok(session) => {
                let kept = signin::keep(site, session).await;
                arrived.answer(if kept.is_ok() { Shown::Done } else { Shown::Failed });
                break kept;
            }
            // Anybody can call here; only what carries our state came from where we sent the browser.
            Err(error) if is_another(&error) => {
                arrived.answer(Shown::Refused);
                stranger = Some(Ending::of_call(&error, &[], true));
            }
            Err(error) => {
                arrived.answer(Shown::Failed);
                break Err(refused(Ending::of_call(&error, &site.run.failures(), true)));
            }
        }
    };
    door.close().await;
    kept?;
    signin::tell_kept(site);
    Ok(())
}

/// Time ran out. What came meanwhile and was not ours may say why.
fn nobody_came(redirect_uri: &str, patience: Duration, stranger: Option<&Ending>) -> Ending {
    let mut message = format!("nobody came back to {redirect_uri} within {} s", patience.as_secs_f32());
    if let Some(told) = stranger.and_then(|ending| ending.told.as_ref()) {
        message = format!("{message} with what belongs to this sign-in; what came last was refused: {}", told.message);
    }
    let remedy = format!(
        "Run it again and sign in at the address that it prints. Where the browser shows an error at once, check the \
         client id and the address for sign-in in the connection, and that the registered application has exactly \
         {redirect_uri} among its redirect URLs. --timeout waits longer."
    );
    Ending::told(Exit::Transient, "timed-out", message, Some(&remedy))
}

/// Whether the connector refused what came before it sent anything: its state is not ours.
fn is_another(error: &CallError) -> bool {
    matches!(error, CallError::Problem { error: Error::Permanent(problem) }
        if problem.kind == ProblemKind::InvalidInput && problem.http_status.is_none())
}

/// What the browser brought is not an input of whoever started the command: its refusal is permanent.
fn refused(ending: Ending) -> Ending {
    Ending { exit: if ending.exit == Exit::Usage { Exit::Permanent } else { ending.exit }, ..ending }
}

/// What is kept until the browser comes back is secret, but for the addresses in it, which stand in messages.
fn learn_keep(secrets: &Secrets, keep: &str, redirect_uri: &str) {
    fn texts(value: &Exact, learn: &dyn Fn(&str)) {
        match value {
            Exact::Text(text) => learn(text),
            Exact::Array(items) => items.iter().for_each(|item| texts(item, learn)),
            Exact::Object(members) => members.iter().for_each(|(_, value)| texts(value, learn)),
            _ => {}
        }
    }
    let learn = |text: &str| {
        // Names of methods are shorter than a state may be.
        if text.len() >= 8 && !text.contains("://") && !redirect_uri.contains(text) {
            secrets.learn(text);
        }
    };
    match parse_json(keep) {
        Ok(keep) => texts(&keep, &learn),
        Err(_) => learn(keep),
    }
}

fn learn_query(secrets: &Secrets, query: &str) {
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        if name == "code" || (!name.starts_with("error") && value.len() >= SHORTEST_STATE) {
            // In a query a plus is a space (WHATWG URL, 5.1).
            let plus = value.replace('+', " ");
            let decoded = percent_decode_str(&plus).decode_utf8_lossy();
            // Whoever forges this must not be able to hide an address from messages.
            if !decoded.contains("://") {
                secrets.learn(value);
                secrets.learn(&decoded);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_readable_and_what_is_kept_does_not() {
        let secrets = Secrets::default();
        let redirect_uri = "http://127.0.0.1:8765/callback";
        let keep = format!(
            r#"{{"state":"a-state-of-ours","redirect_uri":"{redirect_uri}","host":"127.0.0.1:8765","more":["a-verifier-of-ours","https://idcs.example.com/token"]}}"#
        );
        learn_keep(&secrets, &keep, redirect_uri);
        learn_query(&secrets, "code=http%3A%2F%2F127.0.0.1%3A8765%2Fcallback&state=another-state-of-theirs");
        let said = format!("{redirect_uri} 127.0.0.1:8765 https://idcs.example.com/token");
        assert_eq!(secrets.clean(&said), said);
        let hidden = secrets.clean("a-state-of-ours a-verifier-of-ours another-state-of-theirs");
        assert_eq!(hidden, "[secret] [secret] [secret]");
    }
}
