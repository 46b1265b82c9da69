//! Audit history: `POST …/audittrail/getaudithistory` (FACTS 5.3), for who has the internal auditor's role.

use http::{Method, StatusCode, header};
use serde_json::json;

use crate::auth::User;
use crate::auth::roles::Right;
use crate::pod::Arrival;
use crate::rest::answer::Answer;

/// The one address.
pub(crate) const PATH: &str = "/fscmRestApi/fndAuditRESTService/audittrail/getaudithistory";

const ACTION: &str = "getAuditHistory";

/// Answers.
pub(crate) fn answer(arrival: &Arrival, user: &User) -> Answer {
    if arrival.method != Method::POST {
        return Answer::html(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").header(header::ALLOW, "POST");
    }
    let (status, body) = if user.has(Right::Audit) {
        let body =
            json!({"status": "SUCCESS", "actionName": ACTION, "pageNumber": 1, "pageSize": 100, "auditData": []});
        (StatusCode::OK, body)
    } else {
        let error = json!({"detail": "The user isn't allowed to read audit history.", "status": 403,
            "title": "Forbidden", "type": "about:blank"});
        (StatusCode::FORBIDDEN, json!({"status": "FAIL", "actionName": ACTION, "error": error}))
    };
    Answer::new(status, "application/json", body.to_string())
}
