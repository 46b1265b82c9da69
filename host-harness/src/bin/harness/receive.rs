//! `harness receive`: a request of the remote system, read from a file and handed to a trigger.
//!
//! With a state file an event that was taken before is dropped, and what the sender is answered stays the same.

use std::path::Path;
use std::time::Instant;

use host_harness::contract::triggers::WebhookRequest;
use host_harness::follow::Teller;
use host_harness::follow::round::Asked;
use host_harness::state::{SqliteStore, Stream, digest};
use host_harness::transport::exchange::{Expected, read_request};

use crate::args::{Global, With};
use crate::component::{Component, Use};
use crate::ending::Ending;
use crate::{input, json, keeping, say, signin, site};

pub async fn run(global: &Global, trigger: &str, with: &With, request: &Path) -> Result<(), Ending> {
    let input = input::read(&with.input, "input")?;
    let request = read_request(request).map(webhook).map_err(|error| {
        let message = format!("the request {} cannot be used: {error}", request.display());
        Ending::usage(message, "It is YAML or JSON: {method, path, query, headers, body}.")
    })?;
    let component = Component::load(global).await?;
    component.operation(trigger, Use::Receive)?;
    let open = |file| keeping::open(global, file, SqliteStore::open_beside);
    let mut store = global.state.as_deref().map(open).transpose()?;
    site::within(component, global, &with.connection, async |site| {
        signin::sign_in(site).await?;
        let id = site.call_id.clone();
        let (at, started) = (site.run.clock.now(), Instant::now());
        let answered = site
            .call(&id, async |site, call| {
                site.component.connector.receive(&site.run, &site.connection, call, trigger, &input, &request).await
            })
            .await;
        let Some(store) = &mut store else {
            let receipt = answered?;
            return say::json(&json::text(&json::receipt(&receipt, json::events(&receipt.events)))?);
        };
        let stream = Stream {
            component: site.component.manifest.name.clone(),
            connection: site.identity.clone(),
            trigger: trigger.to_owned(),
            input: digest(&input),
        };
        let (connection, name, remote) = (with.connection.clone(), trigger.to_owned(), site.remote());
        let formerly = site.digest.clone();
        let (input, shown) = (input.clone(), site.secrets.clean(&input));
        let (named, before, bodies) = (false, Vec::new(), global.keep_bodies);
        let teller = Teller { stream, formerly, connection, name, named, remote, before, input, shown, bodies };
        let asked = Asked { call_id: id, at, took: started.elapsed() };
        let now = site.run.clock.now();
        let mut receipt = match answered {
            Ok(receipt) => receipt,
            Err(ending) => {
                // That it failed says more than that this could not be written down.
                if let Err(error) = teller.not_received(store, &asked, &keeping::fault(site, &ending), now) {
                    say::warning("not_noted", &error.to_string(), None, site.json);
                }
                return Err(ending);
            }
        };
        let of_state = |error| keeping::told(&error);
        let round = teller.take_receipt(store, &asked, &mut receipt, now).map_err(of_state)?;
        let handed = say::json(&json::text(&json::receipt(&receipt, round.views(None).collect()))?);
        handed.map_err(Ending::not_taken)?;
        teller.settle_receipt(store, &round, site.run.clock.now()).map_err(of_state)
    })
    .await
}

/// A request as the remote system would have sent it: POST to the root where the file does not say.
fn webhook(request: Expected) -> WebhookRequest {
    let mut path = request.path.unwrap_or_else(|| "/".to_owned());
    if let Some(query) = request.query.filter(|query| !query.is_empty()) {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        path = format!("{path}?{query}");
    }
    WebhookRequest {
        method: request.method.unwrap_or_else(|| "POST".to_owned()),
        path_with_query: path,
        headers: request.headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        body: request.body.map(|body| body.bytes().to_vec()).unwrap_or_default(),
    }
}
