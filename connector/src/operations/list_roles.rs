//! `list_roles`: the roles of the pod.

use serde::Deserialize;

use super::answer::ListWriter;
use super::user::{self, form, told_role, written};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::directory::list;
use crate::fusion::pod::Pod;
use crate::problem::Result;

/// Roles in one answer where the input does not say.
const LIMIT: u32 = 100;

/// See the module.
pub struct ListRoles;

/// Which roles to list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Only those whose code or name holds this text, whatever its case.
    pub search: Option<String>,
    /// Most roles in one answer.
    pub limit: Option<u32>,
    /// next_cursor of the answer before, to go on there.
    pub cursor: Option<String>,
}

form!(Input, "ListRoles", written(include_str!("list_roles/input.json")));

/// Roles, and where to go on.
pub struct Roles;

form!(Roles, "Roles", user::roles());

impl Action for ListRoles {
    const SPEC: Spec = Spec {
        id: "list_roles",
        title: "List roles",
        description: "Lists the roles of the pod with their codes and names. Who holds one is told by list_users.",
        group: "Users and access",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: true,
        sample_input: r#"{"search":"payable"}"#,
        sample_output: r#"{"result":[{"id":"300000600000101","code":"ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB","name":"Accounts Payable Manager"}],"next_cursor":null}"#,
    };
    type Input = Input;
    type Output = Roles;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let limit = usize::try_from(input.limit.unwrap_or(LIMIT)).unwrap_or(usize::MAX);
        let search = input.search.as_deref().unwrap_or_default().trim();
        let listed = list::roles(pod, search, input.cursor.as_deref(), limit)?;
        let mut answer = ListWriter::default();
        for role in &listed.found {
            answer.push(|text| text.push_str(&told_role(role)));
        }
        Ok(answer.finish(listed.next.as_deref(), None, &listed.warnings))
    }
}
