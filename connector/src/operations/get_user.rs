//! `get_user`: one user with all roles, by id, user name or e-mail.

use serde::Deserialize;

use super::answer::single;
use super::user::{self, form, told, written};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind, Warning};
use crate::fusion::directory::{self, By, Lookup, Source};
use crate::fusion::pod::Pod;
use crate::problem::{Failure, Result, warning};
use crate::text::sentence;

/// See the module.
pub struct GetUser;

/// Which user to read; exactly one of these names it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name to sign in with, in any case.
    pub user_name: Option<String>,
    /// E-mail of the person or of the account.
    pub email: Option<String>,
    /// GUID of the account, as list_users tells it.
    pub id: Option<String>,
}

form!(Input, "GetUser", written(include_str!("get_user/input.json")));

/// The user.
pub struct Output;

form!(Output, "User", user::one("User", "\"record\"", ""));

impl Action for GetUser {
    const SPEC: Spec = Spec {
        id: "get_user",
        title: "Get a user",
        description: "Reads one user by user name, e-mail or id, with all roles, person, department, manager and duties that collide.",
        group: "Users and access",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"user_name":"casey.brown@example.com"}"#,
        sample_output: r#"{"record":{"id":"0A1B2C3D4E5F60718293A4B5C6D7E8F9","user_name":"casey.brown@example.com","name":"Casey Brown","email":"casey.brown@example.com","active":true,"person":{"id":"300000700000021","number":"1001"},"department":"Finance","manager":{"name":"Lee Bo","person_id":"300000700000040","person_number":"1002"},"roles":[{"id":"300000600000101","code":"ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB","name":"Accounts Payable Manager","granted":"2026-01-05T09:00:00.000Z"}],"conflicts":[],"created":"2025-03-01T09:00:00.000Z","updated":"2026-01-05T09:00:00.000Z"}}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let by = match (&input.user_name, &input.email, &input.id) {
            (Some(name), None, None) => By::Name(name.trim()),
            (None, Some(email), None) => By::Email(email.trim()),
            (None, None, Some(id)) => By::Id(id.trim()),
            _ => return Err(Failure::invalid("", "exactly one of user_name, email and id names the user")),
        };
        let mut lookup = directory::find(pod, by)?;
        // What the service that failed would have told is not known: neither that nobody is there, nor the rest.
        if let Some(failure) = refusals(&lookup).find(|failure| failure.again) {
            return Err(failure.clone());
        }
        let mut warnings = Vec::new();
        warnings.extend(from_scim(&lookup));
        let Some(user) = &mut lookup.user else { return Err(nobody(by, &lookup)) };
        if let Some(failure) = directory::complete_person(pod, user) {
            let message = failure.problem.message;
            warnings.push(warning(
                "details_missing",
                format!("Name, address, department or manager are missing: {message}"),
                None,
            ));
        }
        warnings.extend(about_roles(&lookup));
        let text = lookup.user.as_ref().map(told).unwrap_or_default();
        Ok(single(&text, &warnings))
    }
}

/// What is to be known of the roles: that they are not shown, or not all.
fn about_roles(lookup: &Lookup) -> Option<Warning> {
    let user = lookup.user.as_ref()?;
    let (code, message) = match (&user.roles, user.roles_cut) {
        (None, _) => ("roles_hidden", "The pod shows the user and not the roles; that is no sign that there are none."),
        (Some(_), true) => ("roles_cut", "The pod shows only some of the user's roles."),
        _ => return None,
    };
    let said: Vec<String> =
        refusals(lookup).map(|failure| format!(" {}", sentence(&failure.problem.message))).collect();
    Some(warning(code, format!("{message}{}", said.concat()), user.id.clone()))
}

/// That the accounts refuse and SCIM told of the user.
fn from_scim(lookup: &Lookup) -> Option<Warning> {
    let failure = refusals(lookup).next()?;
    let told = lookup.roles_source != Some(Source::UserAccounts)
        && lookup.tried.iter().all(|tried| tried.source == Source::UserAccounts);
    let message = format!("{} What it does not show comes from SCIM.", sentence(&failure.problem.message));
    told.then(|| warning("scim_fallback", message, None))
}

fn refusals(lookup: &Lookup) -> impl Iterator<Item = &Failure> {
    lookup.tried.iter().filter_map(|tried| tried.failure.as_ref())
}

/// Nobody was found: refused is not the same as not there, and SCIM alone may not show everybody.
fn nobody(by: By, lookup: &Lookup) -> Failure {
    let nobody = format!("The pod shows no user {}.", by.text());
    let mut said = refusals(lookup).map(|failure| sentence(&failure.problem.message));
    let (Some(first), then) = (said.next(), said.next()) else {
        return Failure::permanent(ProblemKind::NotFound, nobody).remedy(
            "Check the spelling with list_users; or data security hides the user from the connection (an HCM data role with a person security profile).",
        );
    };
    let mut failure = refusals(lookup).next().cloned().unwrap_or_else(|| Failure::internal(""));
    failure.problem.message = format!("{first} {}", then.unwrap_or(nobody));
    // Pods answer 404 for a missing privilege as well; here it would say that the user is not there.
    if failure.kind() == ProblemKind::NotFound {
        failure.problem.kind = ProblemKind::Forbidden;
    }
    failure
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::http::fake::{Fake, json, typed};
    use crate::operations::Entry;
    use crate::settings::Settings;

    const NOBODY: &str = r#"{"items":[],"hasMore":false,"Resources":[]}"#;

    fn run(door: &Fake, input: &str) -> Result<Value> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let entry = Entry::named("get_user")?;
        entry.run(&Pod::new(door, &settings, None)?, input).map(|text| serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn a_user_is_found_by_the_address_of_the_person() {
        let account = r#"{"items":[{"Username":"ida","GUID":"G1","UserId":7,"PersonId":20,"PersonNumber":"77","SuspendedFlag":false,
            "userAccountRoles":[{"RoleId":300000600000101,"RoleCode":"ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB"},{"RoleCode":"ORA_GL_GENERAL_ACCOUNTANT_JOB"}]}]}"#;
        let worker = r#"{"items":[{"PersonId":20,"DisplayName":"Ida Ng","WorkEmail":"ida@x","assignments":[{"DepartmentName":"Finance"}]}]}"#;
        let door = Fake::new([json(200, r#"{"items":[{"PersonId":20}]}"#), json(200, account), json(200, worker)]);
        let told = run(&door, r#"{"email":"IDA@x"}"#).unwrap();
        let user = &told["record"];
        assert_eq!((user["name"].as_str(), user["person"]["id"].as_str()), (Some("Ida Ng"), Some("20")));
        assert_eq!((user["department"].as_str(), user["manager"].is_null()), (Some("Finance"), true));
        assert_eq!(user["roles"][0]["id"], "300000600000101");
        assert_eq!(user["conflicts"][0]["duties"], serde_json::json!(["Payables", "General ledger"]));
        assert!(told.get("warnings").is_none());
    }

    #[test]
    fn nobody_and_refused_are_told_apart() {
        let door = Fake::new([json(200, NOBODY), json(200, NOBODY)]);
        assert_eq!(run(&door, r#"{"id":"G9"}"#).unwrap_err().kind(), ProblemKind::NotFound);
        let door = Fake::new([typed(403, "", ""), typed(403, "", "")]);
        let failure = run(&door, r#"{"user_name":"ida"}"#).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::Forbidden);
        assert!(failure.problem.message.contains("over SCIM"));
    }

    #[test]
    fn scim_is_told_of_and_a_busy_service_says_nothing_of_who_is_there() {
        let scim =
            r#"{"Resources":[{"id":"1","userName":"ida","displayName":"Ida","emails":[{"value":"i@x"}],"roles":[]}]}"#;
        let door = Fake::new([typed(403, "", ""), json(200, scim)]);
        let told = run(&door, r#"{"user_name":"ida"}"#).unwrap();
        assert_eq!(told["warnings"][0]["code"], "scim_fallback");
        let busy = |status| (0..3).map(move |_| typed(status, "", ""));
        for answer in [scim, NOBODY] {
            let door = Fake::new(busy(504).chain([json(200, answer)]));
            let failure = run(&door, r#"{"user_name":"ida"}"#).unwrap_err();
            assert_eq!((failure.again, failure.kind()), (true, ProblemKind::Unavailable));
        }
        for status in [403, 404] {
            let door = Fake::new([typed(status, "", ""), json(200, NOBODY)]);
            let failure = run(&door, r#"{"user_name":"ida"}"#).unwrap_err();
            assert_eq!(failure.kind(), ProblemKind::Forbidden);
            assert!(failure.problem.message.ends_with("The pod shows no user ida."), "{}", failure.problem.message);
        }
        let busy_people = busy(503).chain([json(200, NOBODY), json(200, NOBODY), json(200, NOBODY)]);
        assert!(run(&Fake::new(busy_people), r#"{"email":"ida@x"}"#).unwrap_err().again);
    }

    #[test]
    fn one_name_is_asked_for() {
        for input in ["{}", r#"{"id":"a","email":"b"}"#] {
            assert_eq!(run(&Fake::new([]), input).unwrap_err().kind(), ProblemKind::InvalidInput);
        }
    }
}
