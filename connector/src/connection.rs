//! Signing in once, and telling whether a connection works.

use crate::contract::{Check, CheckStatus, Connection, ConnectionReport, ProblemKind, Session};
use crate::fusion::address::Address;
use crate::fusion::pod::{Doing, Pod};
use crate::http::Door;
use crate::problem::{Failure, Result};
use crate::settings::Settings;

/// A session, made anew. Kinds that sign each call by themselves keep nothing in it.
///
/// # Errors
/// `invalid-input` for settings that do not fit their form; those of the token endpoint.
pub fn authenticate(door: &dyn Door, connection: &Connection) -> Result<Session> {
    let settings = Settings::parse(&connection.settings)?;
    settings.auth.sign_in(door, &settings.secrets, connection.session.as_ref())
}

/// Tries the connection: is it reached, does it accept the user, does it answer records.
pub fn test(pod: &Pod) -> ConnectionReport {
    let host = &pod.settings.origin.authority;
    let mut checks = Vec::new();
    if let Err(failure) = pod.sign_in() {
        checks.push(check("sign_in", "A token is issued", Some(&failure), CheckStatus::Failed));
        return ConnectionReport { checks };
    }
    // A small list that every ERP user may read; what matters is who answers and how.
    let version = &pod.settings.api_version;
    let doing = Doing { what: "read one record of finBusinessUnitsLOV", object: "finBusinessUnitsLOV" };
    let address = Address::collection("fscmRestApi", version, "finBusinessUnitsLOV")
        .param("onlyData", "true")
        .param("limit", "1");
    let outcome = pod.get(doing, &address);
    let failure = outcome.as_ref().err();
    let reached = failure.is_none_or(|failure| failure.problem.http_status.is_some());
    checks.push(check("reachable", &format!("{host} answers"), failure.filter(|_| !reached), CheckStatus::Failed));
    if !reached {
        return ConnectionReport { checks };
    }
    let strange = failure.filter(|failure| failure.kind() == ProblemKind::UnexpectedResponse);
    checks.push(check("fusion_pod", &format!("{host} is a Fusion pod"), strange, CheckStatus::Failed));
    if strange.is_some() {
        return ConnectionReport { checks };
    }
    let refused = failure.filter(|failure| failure.kind() == ProblemKind::Unauthenticated);
    checks.push(check("credentials", "The credentials are accepted", refused, CheckStatus::Failed));
    if refused.is_some() {
        return ConnectionReport { checks };
    }
    checks.push(check("rest", "Records can be read", failure, CheckStatus::Warning));
    ConnectionReport { checks }
}

fn check(id: &str, title: &str, failure: Option<&Failure>, otherwise: CheckStatus) -> Check {
    Check {
        id: id.to_owned(),
        title: title.to_owned(),
        status: if failure.is_some() { otherwise } else { CheckStatus::Ok },
        cause: failure.map(|failure| failure.problem.message.clone()),
        remedy: failure.map(|failure| {
            failure
                .problem
                .remedy
                .clone()
                .unwrap_or_else(|| "Try again later; if it stays, ask the pod's administrator.".to_owned())
        }),
    }
}
