//! Users and roles as outputs have them: one shape, whichever service told of them.
//!
//! What nobody told is null; a list of roles that is null is not an empty one.

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::answer::Told;
use crate::fusion::directory::duties::{self, Conflict};
use crate::fusion::directory::{Role, User};
use crate::fusion::query::Anything;

/// A role.
#[derive(JsonSchema)]
#[schemars(title = "Role")]
#[allow(dead_code)]
pub struct RoleForm {
    /// Id of the role; null where the pod does not tell it.
    #[schemars(with = "Anything")]
    id: Option<String>,
    /// Code, as in ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB; null where the pod does not tell it.
    #[schemars(with = "Anything")]
    code: Option<String>,
    /// Name for people; null where the pod does not tell it.
    #[schemars(with = "Anything")]
    name: Option<String>,
    /// When the user got it, in UTC; null where the pod does not tell it.
    #[schemars(with = "Option<Anything>", default)]
    granted: Option<String>,
}

/// Two roles of one user that should lie with two.
#[derive(JsonSchema)]
#[schemars(title = "Conflict")]
#[allow(dead_code)]
pub struct ConflictForm {
    /// Codes of both roles.
    roles: Vec<String>,
    /// What each is for.
    duties: Vec<String>,
    /// Why they should not meet.
    reason: String,
}

/// A user.
#[derive(JsonSchema)]
#[schemars(title = "User")]
#[allow(dead_code)]
pub struct UserForm {
    /// GUID of the account, which is SCIM's id as well.
    #[schemars(with = "Anything")]
    id: Option<String>,
    /// Name to sign in with.
    user_name: String,
    /// Name for people.
    #[schemars(with = "Anything")]
    name: Option<String>,
    /// Work address.
    #[schemars(with = "Anything")]
    email: Option<String>,
    /// Whether the account is not suspended.
    #[schemars(with = "Anything")]
    active: Option<bool>,
    /// The person behind the account as id and number, both as text; null where it is nobody's.
    #[schemars(with = "Anything")]
    person: Option<Value>,
    /// Department of the primary assignment.
    #[schemars(with = "Anything")]
    department: Option<String>,
    /// Manager as name, person_id and person_number.
    #[schemars(with = "Anything")]
    manager: Option<Value>,
    /// Roles that the user holds directly; null where the pod does not show them.
    #[schemars(with = "Anything")]
    roles: Option<Vec<RoleForm>>,
    /// Duties that should not meet in one user, judged by the names of the roles; null where the roles are.
    #[schemars(with = "Anything")]
    conflicts: Option<Vec<ConflictForm>>,
    /// When the account was created, in UTC.
    #[schemars(with = "Anything")]
    created: Option<String>,
    /// When the account or one of its roles changed last, in UTC. A role that was taken away may not show.
    #[schemars(with = "Anything")]
    updated: Option<String>,
}

/// Users, and where to go on.
#[derive(JsonSchema)]
#[schemars(title = "Users")]
#[allow(dead_code)]
pub struct UserList {
    /// The users.
    result: Vec<UserForm>,
    /// Hand it in as cursor for more; null at the end.
    #[schemars(with = "Anything")]
    next_cursor: Option<String>,
    /// What was lost sight of.
    #[schemars(default)]
    warnings: Option<Vec<Told>>,
}

/// One user.
#[derive(JsonSchema)]
#[schemars(title = "User")]
#[allow(dead_code)]
pub struct OneUser {
    /// The user.
    record: UserForm,
    /// What was lost sight of.
    #[schemars(default)]
    warnings: Option<Vec<Told>>,
}

/// Roles, and where to go on.
#[derive(JsonSchema)]
#[schemars(title = "Roles")]
#[allow(dead_code)]
pub struct RoleList {
    /// The roles.
    result: Vec<RoleForm>,
    /// Hand it in as cursor for more; null at the end.
    #[schemars(with = "Anything")]
    next_cursor: Option<String>,
    /// What was lost sight of.
    #[schemars(default)]
    warnings: Option<Vec<Told>>,
}

/// A user as JSON text.
pub fn told(user: &User) -> String {
    let person = (user.person_id.is_some() || user.person_number.is_some())
        .then(|| json!({"id": user.person_id, "number": user.person_number}));
    let manager = user.manager.as_ref().map(
        |manager| json!({"name": manager.name, "person_id": manager.person_id, "person_number": manager.person_number}),
    );
    let held = user.roles.as_deref();
    let roles: Option<Vec<Value>> = held.map(|roles| roles.iter().map(held_role).collect());
    let conflict = |found: &Conflict| json!({"roles": found.roles, "duties": found.duties, "reason": found.reason});
    let conflicts: Option<Vec<Value>> = held.map(|roles| duties::conflicts(roles).iter().map(conflict).collect());
    json!({
        "id": user.id,
        "user_name": user.user_name,
        "name": user.name,
        "email": user.email,
        "active": user.active,
        "person": person,
        "department": user.department,
        "manager": manager,
        "roles": roles,
        "conflicts": conflicts,
        "created": user.created,
        "updated": user.updated,
    })
    .to_string()
}

fn held_role(role: &Role) -> Value {
    json!({"id": role.id, "code": role.code, "name": role.name, "granted": role.granted})
}

/// A role that exists as JSON text.
pub fn told_role(role: &Role) -> String {
    json!({"id": role.id, "code": role.code, "name": role.name}).to_string()
}
