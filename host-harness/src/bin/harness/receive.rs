//! `harness receive`: a request of the remote system, read from a file and handed to a trigger.

use std::path::Path;

use host_harness::contract::triggers::WebhookRequest;
use host_harness::transport::exchange::{Expected, read_request};

use crate::args::{Global, With};
use crate::component::{Component, Use};
use crate::ending::Ending;
use crate::{input, json, say, signin, site};

pub async fn run(global: &Global, trigger: &str, with: &With, request: &Path) -> Result<(), Ending> {
    let input = input::read(&with.input, "input")?;
    let request = read_request(request).map(webhook).map_err(|error| {
        let message = format!("the request {} cannot be used: {error}", request.display());
        Ending::usage(message, "It is YAML or JSON: {method, path, query, headers, body}.")
    })?;
    let component = Component::load(global).await?;
    component.operation(trigger, Use::Receive)?;
    site::within(component, global, &with.connection, async |site| {
        signin::sign_in(site).await?;
        let id = site.call_id.clone();
        let receipt = site
            .call(&id, async |site, call| {
                site.component.connector.receive(&site.run, &site.connection, call, trigger, &input, &request).await
            })
            .await?;
        say::json(&json::text(&json::receipt(&receipt))?)
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
