//! FACTS 2.1, 2.4: who comes in, and what they see.
use super::*;

async fn invoices_as(authorization: &str, resource: &str) -> Reply {
    send(&pod(), "GET", &format!("{REST}/{resource}"), &[("authorization", authorization)], "").await
}

#[tokio::test]
async fn known_users_come_in_and_others_get_401_with_a_page() {
    for (username, password) in
        [("integration.user", "Simulated-1"), ("INTEGRATION.USER", "Simulated-1"), ("zoë.müller", "pässwörd:€1")]
    {
        assert_eq!(invoices_as(&basic(username, password), "invoices").await.status, 200, "{username}");
    }
    for refused in [
        basic("integration.user", "simulated-1"),
        basic("nobody", "Simulated-1"),
        basic("locked.user", "Simulated-1"),
        basic("expired.user", "Simulated-1"),
        basic("suspended.user", "Simulated-1"),
        basic("sim-client", ""),
        "Basic !".to_owned(),
        "Bearer abc".to_owned(),
        basic("integration.user", "Simulated-1").replace("Basic ", ""),
    ] {
        let reply = invoices_as(&refused, "invoices").await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("www-authenticate")),
            (401, "Basic realm=\"owsm\""),
            "{refused}"
        );
        assert!(reply.header("content-type").starts_with("text/html"));
    }
}

#[tokio::test]
async fn function_security_and_data_security_differ() {
    let no_privilege = basic("no.privilege", "Simulated-1");
    assert_eq!(invoices_as(&no_privilege, "invoices").await.status, 403);
    assert_eq!(invoices_as(&no_privilege, "purchaseOrders").await.status, 404);
    let reply = invoices_as(&basic("no.data", "Simulated-1"), "invoices").await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["items"], &reply.json()["hasMore"]),
        (200, &serde_json::json!([]), &false.into())
    );
}
