//! `create_user`: a user that can sign in, created once, with roles.

use serde::Deserialize;
use serde_json::{Value, json};

use super::user::{self, form, told, written};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::directory::create::{self, How, New};
use crate::fusion::pod::Pod;
use crate::problem::{Failure, Result};

/// See the module.
pub struct CreateUser;

/// Whom to create.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name to sign in with; no two users have the same.
    pub user_name: String,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name; for a user who is no person, what it is for.
    pub family_name: String,
    /// Work address; the pod may send the way to a first password there.
    pub email: Option<String>,
    /// Whether the user may sign in.
    pub active: Option<bool>,
    /// Codes of roles to give.
    pub roles: Option<Vec<String>>,
}

form!(Input, "CreateUser", written(include_str!("create_user/input.json")));

/// The user, and how it came to be.
pub struct Output;

const MORE: &str = r#""status":{"type":"string","description":"created, already_existed (with the same values) or recovered (by this call, whose answer was lost)."},"roles":{"type":"array","description":"What became of each role that was asked for.","items":{"type":"object","title":"Role given","required":["code","state","cause"],"properties":{"code":{"type":"string","description":"Code of the role."},"state":{"type":"string","enum":["given","already_held","refused","unknown"],"description":"What became of it."},"cause":{"description":"Why it was refused or is unknown; null otherwise."}}}},"#;

form!(Output, "UserCreated", user::one("User created", r#""status","record","roles""#, MORE));

impl Action for CreateUser {
    const SPEC: Spec = Spec {
        id: "create_user",
        title: "Create a user",
        description: "Creates a user over SCIM and gives it roles, once: a user of the same name and values counts as done, one that differs is a conflict. Running it again adds the roles that are still missing.",
        group: "Users and access",
        effect: Effect::Create,
        idempotency: Idempotency::NaturalKey,
        paged: false,
        sample_input: r#"{"user_name":"ida.ng@example.com","given_name":"Ida","family_name":"Ng","email":"ida.ng@example.com","roles":["ORA_PER_EMPLOYEE_ABSTRACT"]}"#,
        sample_output: r#"{"status":"created","record":{"id":"0A1B2C3D4E5F60718293A4B5C6D7E8F9","user_name":"ida.ng@example.com","name":"Ida Ng","email":"ida.ng@example.com","active":true,"person":null,"department":null,"manager":null,"roles":[{"id":"300000600000105","code":"ORA_PER_EMPLOYEE_ABSTRACT","name":"Employee","granted":"2026-01-05T09:00:00.000Z"}],"conflicts":[],"created":"2026-01-05T09:00:00.000Z","updated":"2026-01-05T09:00:00.000Z"},"roles":[{"code":"ORA_PER_EMPLOYEE_ABSTRACT","state":"given","cause":null}]}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let clean = |text: String, at: &str| match text.trim() {
            "" => Err(Failure::invalid(at, "this is blank")),
            text => Ok(text.to_owned()),
        };
        let mut roles: Vec<String> = Vec::new();
        for (index, code) in input.roles.unwrap_or_default().into_iter().enumerate() {
            let code = clean(code, &format!("/roles/{index}"))?;
            if !roles.contains(&code) {
                roles.push(code);
            }
        }
        let new = New {
            user_name: clean(input.user_name, "/user_name")?,
            given_name: input.given_name.map(|name| clean(name, "/given_name")).transpose()?,
            family_name: clean(input.family_name, "/family_name")?,
            email: input.email.map(|email| clean(email, "/email")).transpose()?,
            active: input.active,
            roles,
        };
        let made = create::create(pod, &new)?;
        let status = match made.how {
            How::Created => "created",
            How::AlreadyExisted => "already_existed",
            How::Recovered => "recovered",
        };
        let states = made.roles.iter().map(|role| json!({"code": role.code, "state": role.state, "cause": role.cause}));
        let states: Vec<Value> = states.collect();
        Ok(format!(r#"{{"status":"{status}","record":{},"roles":{}}}"#, told(&made.user), Value::Array(states)))
    }
}
