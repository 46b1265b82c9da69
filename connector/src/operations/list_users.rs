//! `list_users`: the users of the pod with their roles, as an access review wants them.

use serde::Deserialize;

use super::answer::ListWriter;
use super::user::{self, form, told, written};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::directory::list::{self, Wanted};
use crate::fusion::pod::Pod;
use crate::fusion::time;
use crate::problem::{Failure, Result};

/// Users in one answer where the input does not say.
const LIMIT: u32 = 100;

/// See the module.
pub struct ListUsers;

/// Which users to list; every condition that is given must hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Only holders of this role, by its code, its name or its id.
    pub role: Option<String>,
    /// Only active users, or only suspended ones.
    pub active: Option<bool>,
    /// Only those whose user name, name, e-mail or person number holds this text, whatever its case.
    pub search: Option<String>,
    /// Only those whose account or roles changed then or later. A role that was taken away may not show.
    pub updated_since: Option<String>,
    /// Only those whose duties collide, judged by the names of their roles.
    pub with_conflicts: Option<bool>,
    /// Also read name, e-mail, department and manager; without them a list takes half the requests.
    pub details: Option<bool>,
    /// Most users in one answer.
    pub limit: Option<u32>,
    /// next_cursor of the answer before, to go on there.
    pub cursor: Option<String>,
}

form!(Input, "ListUsers", written(include_str!("list_users/input.json")));

/// Users, and where to go on.
pub struct Users;

form!(Users, "Users", user::users());

impl Action for ListUsers {
    const SPEC: Spec = Spec {
        id: "list_users",
        title: "List users",
        description: "Lists users with roles, person, department, manager and duties that collide: all users of a role, all suspended ones, all that changed. Read from user accounts and workers, from SCIM where those are refused.",
        group: "Users and access",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: true,
        sample_input: r#"{"role":"ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB","active":true,"limit":50}"#,
        sample_output: r#"{"result":[{"id":"0A1B2C3D4E5F60718293A4B5C6D7E8F9","user_name":"casey.brown@example.com","name":"Casey Brown","email":"casey.brown@example.com","active":true,"person":{"id":"300000700000021","number":"1001"},"department":"Finance","manager":{"name":"Lee Bo","person_id":"300000700000040","person_number":"1002"},"roles":[{"id":"300000600000101","code":"ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB","name":"Accounts Payable Manager","granted":"2026-01-05T09:00:00.000Z"}],"conflicts":[],"created":"2025-03-01T09:00:00.000Z","updated":"2026-01-05T09:00:00.000Z"}],"next_cursor":null}"#,
    };
    type Input = Input;
    type Output = Users;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let since = input.updated_since.as_deref().map(|text| {
            time::instant_or_day(text)
                .ok_or_else(|| Failure::invalid("/updated_since", "this is no moment, as in 2026-01-31T10:00:00Z"))
        });
        let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let wanted = Wanted {
            role: given(input.role),
            active: input.active,
            search: given(input.search),
            since: since.transpose()?,
            colliding: input.with_conflicts == Some(true),
            details: input.details != Some(false),
        };
        let limit = usize::try_from(input.limit.unwrap_or(LIMIT)).unwrap_or(usize::MAX);
        let listed = list::users(pod, &wanted, input.cursor.as_deref(), limit)?;
        let mut answer = ListWriter::default();
        for user in &listed.found {
            answer.push(|text| text.push_str(&told(user)));
        }
        Ok(answer.finish(listed.next.as_deref(), None, &listed.warnings))
    }
}
