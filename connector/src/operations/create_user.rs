//! `create_user`: a user that can sign in, created once, with roles.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::user::{UserForm, told};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::directory::create::{self, How, New};
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::problem::{Failure, Result};

/// See the module.
pub struct CreateUser;

/// Whom to create.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Create a user", deny_unknown_fields)]
pub struct Input {
    /// Name to sign in with; no two users have the same.
    #[schemars(title = "User name", length(min = 1, max = 100), extend("examples" = ["ida.ng@example.com"]))]
    #[schemars(extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub user_name: String,
    /// Given name.
    #[schemars(title = "Given name", length(min = 1, max = 150), extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub given_name: Option<String>,
    /// Family name; for a user who is no person, what it is for.
    #[schemars(title = "Family name", length(min = 1, max = 150), extend("x-connector-visibility" = "important", "x-connector-order" = 3))]
    pub family_name: String,
    /// Work address; the pod may send the way to a first password there.
    #[schemars(title = "E-mail", length(min = 3, max = 240), extend("format" = "email", "x-connector-visibility" = "important", "x-connector-order" = 4))]
    pub email: Option<String>,
    /// Whether the user may sign in.
    #[schemars(title = "Active", extend("default" = true, "x-connector-order" = 5))]
    pub active: Option<bool>,
    /// Codes of roles to give.
    #[schemars(title = "Roles", length(max = 50), extend("examples" = [["ORA_PER_EMPLOYEE_ABSTRACT"]]))]
    #[schemars(extend("x-connector-options" = {"source": "roles", "searchable": true}, "x-connector-order" = 6))]
    pub roles: Option<Vec<String>>,
}

/// What became of a role.
#[derive(JsonSchema)]
#[schemars(title = "Role given")]
#[allow(dead_code)]
struct GivenForm {
    /// Code of the role.
    code: String,
    /// One of given, already_held, refused and unknown.
    state: String,
    /// Why it was refused or is unknown; null otherwise.
    #[schemars(with = "Anything")]
    cause: Option<String>,
}

/// The user, and how it came to be.
#[derive(JsonSchema)]
#[schemars(title = "User created")]
#[allow(dead_code)]
pub struct Output {
    /// One of created, already_existed (with the same values) and recovered (by this call, whose answer was lost).
    status: String,
    /// The user.
    record: UserForm,
    /// What became of each role that was asked for.
    roles: Vec<GivenForm>,
}

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
