//! Who answers under the host's name, found out without credentials: these go to nobody before it is known
//! that a pod asks for them.

use std::time::Duration;

use crate::fusion::address::Address;
use crate::fusion::errors::Refusal;
use crate::fusion::pod::{Pod, host_of};
use crate::http::{Response, SendError};

/// The three roots of the framework (FACTS 1.1): what each is for, and a small list that many may read.
pub const PILLARS: [Pillar; 3] = [
    Pillar { root: "fscmRestApi", id: "rest_fscm", name: "ERP, procurement and projects", list: "finBusinessUnitsLOV" },
    Pillar { root: "hcmRestApi", id: "rest_hcm", name: "HCM and user accounts", list: "userAccounts" },
    Pillar { root: "crmRestApi", id: "rest_crm", name: "CX and the customer hub", list: "accounts" },
];

/// One root.
#[derive(Debug, PartialEq, Eq)]
pub struct Pillar {
    /// First segment of its paths.
    pub root: &'static str,
    /// Id of its check.
    pub id: &'static str,
    /// What it serves.
    pub name: &'static str,
    /// A resource of it.
    pub list: &'static str,
}

/// What stands there.
#[derive(Debug)]
pub enum Answer {
    /// No answer.
    Nobody(SendError),
    /// Something that is no pod, or not this one: what, and what to do.
    Stranger(String, String),
    /// It is a pod that is out of order just now.
    OutOfOrder(u16),
    /// A pod asks for credentials below these roots, and knows nothing below those.
    Asks(Vec<&'static Pillar>, Vec<&'static Pillar>),
}

const COPY: &str = "Sign in to Fusion with a browser and copy the host name from the address bar, as in servername.fa.us2.oraclecloud.com; the Oracle Cloud console shows it under Fusion Applications > the environment > URL.";

/// Knocks at the first root, and at the others where that one is unknown.
pub fn knock(pod: &Pod) -> Answer {
    let mut asks = Vec::new();
    let mut unknown = Vec::new();
    let mut last = None;
    for pillar in &PILLARS {
        match knock_at(pod, pillar) {
            Ok(response) if asks_for_credentials(&response) => asks.push(pillar),
            Ok(response) if response.status == 404 => {
                unknown.push(pillar);
                last = Some(response);
            }
            Ok(response) if matches!(response.status, 429 | 500..) => return Answer::OutOfOrder(response.status),
            Ok(response) => return stranger(pod, &response),
            Err(error) => return Answer::Nobody(error),
        }
        if unknown.is_empty() {
            break;
        }
    }
    match last {
        Some(response) if asks.is_empty() => stranger(pod, &response),
        _ => Answer::Asks(asks, unknown),
    }
}

fn knock_at(pod: &Pod, pillar: &Pillar) -> Result<Response, SendError> {
    let address = Address::collection(pillar.root, &pod.settings.api_version, pillar.list).param("limit", "1");
    let mut response = pod.knock(&address)?;
    for _ in 0..2 {
        if !matches!(response.status, 429 | 503) {
            break;
        }
        let told = response.header("retry-after").and_then(|after| after.trim().parse::<u64>().ok());
        pod.wait(Duration::from_secs(told.unwrap_or(1).min(2)));
        response = pod.knock(&address)?;
    }
    Ok(response)
}

/// 401 is what the framework answers; some pods say 403.
fn asks_for_credentials(response: &Response) -> bool {
    matches!(response.status, 401 | 403)
}

fn stranger(pod: &Pod, response: &Response) -> Answer {
    let host = &pod.settings.origin.authority;
    let refusal = Refusal::read(response, &pod.settings.secrets);
    let (what, remedy) = match response.status {
        300..=399 => {
            let location = response.header("location").unwrap_or_default();
            let place = host_of(location).unwrap_or_else(|| host.clone());
            if place.contains(".fa.") && !place.starts_with("login") && &place != host {
                (
                    format!("{host} sends everybody on to {place}: the pod lives there, perhaps in another region."),
                    format!("Put {place} into the connection as the host."),
                )
            } else if is_sign_in(location) {
                (
                    format!(
                        "{host} sends programs to a sign-in page for people ({place}), as single sign-on does for the pages of Fusion."
                    ),
                    format!(
                        "A host name of your own company in front of the pod is protected by single sign-on, and REST calls cannot pass it. Use the pod's own name. {COPY}"
                    ),
                )
            } else {
                (format!("{host} sends everybody on to {place} ({}).", response.status), COPY.to_owned())
            }
        }
        404 => (
            format!("{host} answers, but knows none of the paths of a pod (fscmRestApi, hcmRestApi, crmRestApi)."),
            format!("Another service lives there: another pod's pillar, a proxy, or an identity domain. {COPY}"),
        ),
        _ if refusal.page => {
            let page = refusal.told().unwrap_or_else(|| "a web page".to_owned());
            (
                format!(
                    "{host} answers {page} where a pod answers data: that is a page for people, such as a sign-in page."
                ),
                COPY.to_owned(),
            )
        }
        status @ 200..=299 => (
            format!("{host} answers {status} to somebody without credentials; a pod asks for them."),
            format!(
                "Another service lives there, or a gateway in front of the pod that brings credentials of its own. {COPY}"
            ),
        ),
        status => {
            let told = refusal.told().map_or(String::new(), |told| format!(": {told}"));
            (format!("{host} answers {status}{told}."), COPY.to_owned())
        }
    };
    Answer::Stranger(what, remedy)
}

fn is_sign_in(location: &str) -> bool {
    let location = location.to_lowercase();
    ["/oam/", "identity.", "login", "signin", "sign-in", "sso", "saml", "oauth2"]
        .iter()
        .any(|word| location.contains(word))
}
