//! FACTS 2.4: function security and data security, user by user.
use super::*;

const HCM: &str = "/hcmRestApi/resources/11.13.18.05";

pub async fn as_user(pod: &Pod, username: &str, method: &str, target: &str) -> Reply {
    let json = ("content-type", "application/json");
    send(pod, method, target, &[("authorization", &basic(username, "Simulated-1")), json], "{}").await
}

async fn status(pod: &Pod, username: &str, method: &str, resource: &str) -> u16 {
    let root = if ["userAccounts", "workers"].contains(&resource) { HCM } else { REST };
    as_user(pod, username, method, &format!("{root}/{resource}")).await.status.as_u16()
}

#[tokio::test]
async fn each_user_reaches_what_the_roles_lead_to() {
    let pod = pod();
    for (username, resource, expected) in [
        ("integration.user", "erpintegrations", 200),
        ("integration.user", "userAccounts", 200),
        ("int.ap", "invoices", 200),
        ("int.ap", "finBusinessUnitsLOV", 200),
        ("int.ap", "journalBatches", 403),
        ("int.ap", "purchaseOrders", 404),
        ("int.ap", "workers", 403),
        ("int.ap", "userAccounts", 403),
        ("int.ap", "erpintegrations", 403),
        ("int.ap", "ledgers", 404),
        ("int.gl.nodata", "journalBatches", 200),
        ("int.gl.nodata", "invoices", 403),
        ("int.gl.nodata", "userAccounts", 403),
        ("int.reader", "invoices", 200),
        ("int.reader", "purchaseOrders", 200),
        ("int.reader", "userAccounts", 200),
        ("int.reader", "erpintegrations", 403),
        ("int.auditor", "invoices", 403),
        ("casey.brown@example.com", "journalBatches", 200),
        ("casey.brown@example.com", "erpintegrations", 200),
        ("casey.brown@example.com", "workers", 403),
        ("suspended.user", "invoices", 401),
        ("sim-client", "invoices", 401),
    ] {
        assert_eq!(status(&pod, username, "GET", resource).await, expected, "{username} {resource}");
    }
}

#[tokio::test]
async fn a_reader_reads_and_does_not_write() {
    let pod = pod();
    let item = format!("invoices/{}", an_invoice(&pod).await["InvoiceId"]);
    assert_eq!(status(&pod, "int.reader", "GET", &item).await, 200);
    assert_eq!(status(&pod, "int.reader", "POST", "invoices").await, 403);
    for method in ["PATCH", "DELETE"] {
        assert_eq!(status(&pod, "int.reader", method, &item).await, 403, "{method}");
    }
    assert_eq!(status(&pod, "int.reader", "POST", &format!("{item}/action/validateInvoice")).await, 403);
    assert_eq!(status(&pod, "int.ap", "PATCH", &item).await, 200);
    assert_eq!(status(&pod, "int.ap", "POST", "invoices").await, 400);
}

#[tokio::test]
async fn data_security_leaves_nothing_where_the_function_is_allowed() {
    let pod = pod();
    let journals = async |username| as_user(&pod, username, "GET", &format!("{REST}/journalBatches")).await.json();
    assert_eq!(journals("int.gl.nodata").await["count"], 0);
    assert_ne!(journals("int.reader").await["count"], 0);
}

#[tokio::test]
async fn every_user_has_an_account_with_roles_that_fit() {
    let pod = pod();
    for (username, role) in [
        ("integration.user", "ORA_FND_INTEGRATION_SPECIALIST_JOB"),
        ("int.ap", "ORA_AP_ACCOUNTS_PAYABLE_INTEGRATION_SPECIALIST"),
        ("int.gl.nodata", "CUSTOM_INT_GL"),
        ("casey.brown@example.com", "ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB"),
        ("sim-client", "CUSTOM_ESS_MONITOR"),
    ] {
        let target = format!("{HCM}/userAccounts?q=Username='{username}'&expand=userAccountRoles&onlyData=true");
        let reply = send(&pod, "GET", &target, &[("rest-framework-version", "2")], "").await.json();
        let roles = reply["items"][0]["userAccountRoles"].as_array().unwrap();
        let held = roles.iter().find(|held| held["RoleCode"] == role).unwrap();
        assert!(held["RoleId"].is_i64() && held["RoleName"].is_string(), "{held}");
        assert!(roles.iter().all(|held| held["RoleCode"] != "ESSMonitor"));
        assert_eq!(
            (reply["count"].as_i64(), reply["items"][0]["PersonId"].is_null()),
            (Some(1), !username.contains('@'))
        );
    }
    let suspended = format!("{HCM}/userAccounts?q=Username='suspended.user'&onlyData=true");
    assert_eq!(
        send(&pod, "GET", &suspended, &[("rest-framework-version", "2")], "").await.json()["items"][0]["SuspendedFlag"],
        true
    );
}
