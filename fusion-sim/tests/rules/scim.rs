//! FACTS 4.2: users and roles through SCIM.
use super::security::as_user;
use super::*;

async fn scim(pod: &Pod, below: &str) -> Reply {
    send(pod, "GET", &format!("/hcmRestApi/scim/{below}"), &[], "").await
}

#[tokio::test]
async fn users_are_found_by_name_with_their_roles() {
    let pod = pod();
    let page = scim(&pod, "Users?filter=userName%20eq%20%22INT.AP%22").await.json();
    assert_eq!((&page["totalResults"], &page["itemsPerPage"], &page["startIndex"]), (&1.into(), &1.into(), &1.into()));
    let user = &page["Resources"][0];
    assert_eq!((&user["userName"], &user["active"]), (&"int.ap".into(), &true.into()));
    assert_eq!(user["roles"][0]["value"], "ORA_AP_ACCOUNTS_PAYABLE_INTEGRATION_SPECIALIST");
    assert_eq!(user["roles"][0]["displayName"], "Accounts Payable Integration Specialist");
    let id = user["id"].as_str().unwrap();
    assert_eq!(&scim(&pod, &format!("Users/{id}")).await.json(), user);
    let by_id = scim(&pod, &format!("Users?filter=id%20eq%20%22{id}%22")).await.json();
    assert_eq!(&by_id["Resources"][0], user);
    let casey = scim(&pod, "Users?filter=userName%20eq%20%22casey.brown@example.com%22").await.json();
    assert_eq!(casey["Resources"][0]["name"]["familyName"], "Brown");
    assert_eq!(
        casey["Resources"][0]["urn:scim:schemas:extension:fa:2.0:faUser"]["workerInformation"][0]["personNumber"],
        "1001"
    );
    assert_eq!(scim(&pod, "Users/unknown").await.status, 404);
    for refused in ["Users?filter=userName%20is%20%22x%22", "Users?filter=userName%20eq%20x", "Users?count=many"] {
        assert_eq!(scim(&pod, refused).await.status, 400, "{refused}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_and_lose_nobody() {
    let pod = pod();
    let (mut start, mut names) = (1, Vec::new());
    loop {
        let page = scim(&pod, &format!("Users?startIndex={start}&count=10&attributes=userName")).await.json();
        let found = page["Resources"].as_array().unwrap();
        assert!(found.iter().all(|user| user.get("roles").is_none()));
        names.extend(found.iter().map(|user| user["userName"].as_str().unwrap().to_owned()));
        start += found.len();
        if found.is_empty() || start > usize::try_from(page["totalResults"].as_u64().unwrap()).unwrap() {
            break;
        }
    }
    let total = names.len();
    names.sort();
    names.dedup();
    assert_eq!((names.len(), names.contains(&"zoë.müller".to_owned())), (total, true));
    assert!(total > 20);
    assert_eq!(scim(&pod, "Users").await.json()["itemsPerPage"], 20);
}

#[tokio::test]
async fn roles_name_their_holders() {
    let pod = pod();
    for filter in ["displayName%20eq%20%22internal%20auditor%22", "value%20eq%20%22ORA_FND_INTERNAL_AUDITOR_JOB%22"] {
        let page = scim(&pod, &format!("Roles?filter={filter}&startIndex=1&count=100")).await.json();
        assert_eq!(page["totalResults"], 1, "{filter}");
        let role = scim(&pod, &format!("Roles/{}", page["Resources"][0]["id"].as_str().unwrap())).await.json();
        let members = role["members"].as_array().unwrap();
        assert!(members.iter().any(|member| member["display"] == "int.auditor"));
        assert!(!members.iter().any(|member| member["display"] == "int.ap"));
    }
    let monitor = scim(&pod, "Roles?filter=value%20eq%20%22ESSMonitor%22").await.json();
    let id = monitor["Resources"][0]["id"].as_str().unwrap();
    assert_eq!(scim(&pod, &format!("Roles/{id}")).await.json()["members"], serde_json::json!([]));
    assert_eq!(scim(&pod, "Roles/1").await.status, 404);
    assert_eq!(scim(&pod, "Groups").await.status, 404);
}

#[tokio::test]
async fn who_may_not_read_users_sees_the_own_entry_or_none() {
    let pod = pod();
    let page = as_user(&pod, "int.ap", "GET", "/hcmRestApi/scim/Users").await.json();
    assert_eq!((&page["totalResults"], &page["Resources"][0]["userName"]), (&1.into(), &"int.ap".into()));
    let other = "/hcmRestApi/scim/Users?filter=userName%20eq%20%22integration.user%22";
    assert_eq!(as_user(&pod, "int.ap", "GET", other).await.json()["totalResults"], 0);
    for (username, path, expected) in [
        ("int.ap", "Roles", 403),
        ("int.gl.nodata", "Users", 403),
        ("no.privilege", "Users", 403),
        ("int.reader", "Roles", 200),
        ("no.data", "Users", 200),
        ("locked.user", "Users", 401),
    ] {
        let reply = as_user(&pod, username, "GET", &format!("/hcmRestApi/scim/{path}")).await;
        assert_eq!(reply.status, expected, "{username} {path}");
    }
    assert_eq!(as_user(&pod, "no.data", "GET", "/hcmRestApi/scim/Users").await.json()["totalResults"], 0);
}

#[tokio::test]
async fn a_user_created_through_rest_is_found() {
    let pod = pod();
    let body = r#"{"Username": "new.user", "PersonId": 300000700000021}"#;
    let headers = [("content-type", "application/json"), ("rest-framework-version", "4")];
    let created = send(&pod, "POST", "/hcmRestApi/resources/11.13.18.05/userAccounts", &headers, body).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let page = scim(&pod, "Users?filter=userName%20eq%20%22new.user%22").await.json();
    assert_eq!(page["totalResults"], 1);
}

async fn ask(pod: &Pod, method: &str, below: &str, body: Json) -> Reply {
    let json = ("content-type", "application/scim+json");
    send(pod, method, &format!("/hcmRestApi/scim/{below}"), &[json], &body.to_string()).await
}

#[tokio::test]
async fn a_user_is_created_once_suspended_and_given_a_role() {
    let pod = pod();
    let user = serde_json::json!({
        "schemas": ["urn:scim:schemas:core:2.0:User"], "userName": "new.person",
        "name": {"givenName": "New", "familyName": "Person"}, "displayName": "New Person", "active": true,
        "emails": [{"value": "new.person@example.com", "primary": true, "type": "W"}],
    });
    let made = ask(&pod, "POST", "Users", user.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert!(made.header("location").ends_with(&format!("/Users/{id}")));
    assert_eq!(ask(&pod, "POST", "Users", user).await.status, 409);
    let off = ask(&pod, "PATCH", &format!("Users/{id}"), serde_json::json!({"active": false})).await;
    assert_eq!((off.status.as_u16(), &off.json()["active"]), (200, &false.into()));
    let accounts = "/hcmRestApi/resources/11.13.18.05/userAccounts?q=Username='new.person'";
    let account = send(&pod, "GET", accounts, &[("rest-framework-version", "4")], "").await.json();
    assert_eq!(account["items"][0]["SuspendedFlag"], true);
    let role = ask(&pod, "GET", "Roles", Json::Null).await.json()["Resources"][0]["id"].as_str().unwrap().to_owned();
    for (operation, holds) in [("ADD", 1), ("ADD", 1), ("DELETE", 0)] {
        let members = serde_json::json!({"members": [{"value": id, "operation": operation}]});
        assert_eq!(ask(&pod, "PATCH", &format!("Roles/{role}"), members).await.status, 200);
        let read = ask(&pod, "GET", &format!("Users/{id}"), Json::Null).await.json();
        assert_eq!(read["roles"].as_array().unwrap().len(), holds);
        assert_eq!(
            (&read["name"]["givenName"], &read["emails"][0]["value"]),
            (&"New".into(), &"new.person@example.com".into())
        );
    }
    assert_eq!(ask(&pod, "DELETE", &format!("Users/{id}"), Json::Null).await.status, 204);
    assert_eq!(ask(&pod, "GET", &format!("Users/{id}"), Json::Null).await.status, 404);
}

#[tokio::test]
async fn writes_that_do_not_fit_are_refused() {
    let pod = pod();
    for (method, below, body, status) in [
        ("POST", "Users", serde_json::json!({"displayName": "x"}), 400),
        ("POST", "Users", serde_json::json!({"userName": "x", "shoeSize": 44}), 400),
        ("PATCH", "Users/NOPE", serde_json::json!({"active": false}), 404),
        ("PATCH", "Roles/NOPE", serde_json::json!({"members": []}), 404),
        ("POST", "Roles", serde_json::json!({}), 405),
    ] {
        assert_eq!(ask(&pod, method, below, body).await.status, status, "{method} {below}");
    }
}

#[tokio::test]
async fn an_account_is_created_with_roles_that_exist() {
    let pod = pod();
    let accounts = "/hcmRestApi/resources/11.13.18.05/userAccounts";
    let headers = [("content-type", "application/json"), ("rest-framework-version", "4")];
    for (role, status) in [("ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB", 201), ("ORA_NO_SUCH_JOB", 400)] {
        let body = serde_json::json!({"Username": role.to_lowercase(), "userAccountRoles": [{"RoleCode": role}]});
        let made = send(&pod, "POST", accounts, &headers, &body.to_string()).await;
        assert_eq!(made.status, status, "{}", made.text());
        if status == 201 {
            let held = &made.json()["userAccountRoles"]["items"][0];
            assert_eq!(held["RoleName"], "Accounts Payable Manager");
            let path = format!("{accounts}/{}/child/userAccountRoles", made.json()["GUID"].as_str().unwrap());
            let gone = format!("{path}/{}", held["UserRoleId"]);
            assert_eq!(send(&pod, "DELETE", &gone, &headers, "").await.status, 204);
            assert_eq!(send(&pod, "GET", &path, &headers, "").await.json()["count"], 0);
        }
    }
}
