//! The pod's rules, over raw requests: each has one that is accepted and one that is refused.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod actions;
mod attachments;
mod audit;
mod batch;
mod bulk_faults;
mod bulk_load;
mod doors;
mod effective;
mod erp_soap;
mod erpintegrations;
mod errors;
mod ess;
mod faults;
mod headers;
mod identity;
mod items;
mod jwt;
mod keys_and_links;
mod loads;
mod objects;
mod pages;
mod parameters;
mod pod;
mod query;
mod scim;
mod security;
mod sign_in;
mod writes;

use axum::body::Body;
use base64::Engine as _;
use fusion_sim::{Options, Pod, Scenario};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value as Json;
use tower::ServiceExt as _;

/// `/fscmRestApi/resources/11.13.18.05`
pub const REST: &str = "/fscmRestApi/resources/11.13.18.05";

/// What came back.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub broken: bool,
}

impl Reply {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// One attribute of every item.
    pub fn column(&self, name: &str) -> Vec<Json> {
        self.json()["items"].as_array().unwrap().iter().map(|item| item[name].clone()).collect()
    }
}

pub fn pod() -> Pod {
    Pod::new(Options { invoices: 60, ..Options::default() }).unwrap()
}

pub fn pod_with(faults: Json) -> Pod {
    let scenario = Scenario::from_value(serde_json::json!({ "faults": faults })).unwrap();
    Pod::new(Options { invoices: 60, scenario, ..Options::default() }).unwrap()
}

pub fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}")))
}

/// Sends a request as the integration user; a header given here replaces that of the same name.
pub async fn send(pod: &Pod, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let signed_in = basic("integration.user", "Simulated-1");
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in [("host", "pod.example.com"), ("authorization", signed_in.as_str())] {
        if !headers.iter().any(|(given, _)| *given == name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = pod.router().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, mut body) = response.into_parts();
    let (mut bytes, mut broken) = (Vec::new(), false);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(_) => broken = true,
        }
    }
    Reply { status: parts.status, headers: parts.headers, body: bytes, broken }
}

pub async fn get(pod: &Pod, below: &str) -> Reply {
    send(pod, "GET", &format!("{REST}/{below}"), &[("rest-framework-version", "4")], "").await
}

pub async fn get_in(pod: &Pod, version: &str, below: &str) -> Reply {
    send(pod, "GET", &format!("{REST}/{below}"), &[("rest-framework-version", version)], "").await
}

/// The first invoice of the pod.
pub async fn an_invoice(pod: &Pod) -> Json {
    get(pod, "invoices?limit=1").await.json()["items"][0].clone()
}

/// A payload that the pod accepts, made after one of its own invoices.
pub async fn new_invoice(pod: &Pod, number: &str) -> Json {
    let like = an_invoice(pod).await;
    serde_json::json!({
        "InvoiceNumber": number, "InvoiceCurrency": "USD", "InvoiceAmount": 100.10, "InvoiceDate": "2026-06-30",
        "BusinessUnit": like["BusinessUnit"], "Supplier": like["Supplier"], "SupplierSite": like["SupplierSite"],
        "invoiceLines": [{"LineNumber": 1, "LineType": "Item", "LineAmount": 100.10}],
    })
}

pub async fn post_invoice(pod: &Pod, payload: &Json) -> Reply {
    let headers = [("content-type", "application/json"), ("rest-framework-version", "4")];
    send(pod, "POST", &format!("{REST}/invoices"), &headers, &payload.to_string()).await
}
