//! `check_access`: what a user may do, told so that it can be filed.
//!
//! Reads are tried with one row each. A right to create, change, delete or run is never proven by that: it is
//! told with the roles that speak for it. Nothing is ever written to the pod.

mod baseline;
mod csv;
mod evidence;
mod plan;
mod probe;
mod warnings;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::access::{self, Area, Right};
use crate::fusion::directory::{self, Lookup};
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::time;
use crate::problem::{Failure, Result};

/// See the module.
pub struct CheckAccess;

/// What to check.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(title = "Check access", deny_unknown_fields)]
pub struct Input {
    /// Operations of this connector that the user is to run, by their ids.
    #[schemars(title = "Operations", length(max = 60), extend("examples" = [["search_records", "create_invoice"]]))]
    #[schemars(extend("x-connector-options" = {"source": "operations", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub operations: Option<Vec<String>>,
    /// Business modules, as list_resources names them. Where no operation, module or resource is chosen,
    /// the main resources of every module are checked.
    #[schemars(title = "Modules", length(max = 20), extend("examples" = [["Financials"]]))]
    #[schemars(extend("x-connector-options" = {"source": "modules", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub modules: Option<Vec<String>>,
    /// Resources, as Fusion names them.
    #[schemars(title = "Resources", length(max = 80), extend("examples" = [["invoices", "suppliers"]]))]
    #[schemars(extend("x-connector-options" = {"source": "resources", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 3))]
    pub resources: Option<Vec<String>>,
    /// User whose roles are read; the connection's own where none is named. Reads are tried as the
    /// connection's user in any case.
    #[schemars(title = "User name", length(min = 1, max = 200), extend("x-connector-visibility" = "advanced", "x-connector-order" = 4))]
    pub user: Option<String>,
    /// An earlier output of this operation for the same user: the answer then says what changed since.
    #[schemars(title = "Baseline", with = "Option<std::collections::BTreeMap<String, Anything>>")]
    #[schemars(extend("x-connector-visibility" = "advanced", "x-connector-order" = 5))]
    pub baseline: Option<Value>,
}

/// What was found.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Access report")]
pub struct Output {
    /// Host name of the pod.
    pod: String,
    /// Whose roles these are.
    user: UserTold,
    /// Roles of the user; empty as well where they could not be read, which roles_source and warnings tell.
    roles: Vec<RoleTold>,
    /// Who told the roles: userAccounts, scim, or null where neither did.
    #[schemars(with = "Anything")]
    roles_source: Option<&'static str>,
    /// One row for each right on each resource. Columns without content hold an empty text.
    result: Vec<Row>,
    /// What a person should look at.
    warnings: Vec<WarningTold>,
    /// What changed since the baseline.
    changes: Vec<Change>,
    /// When it was checked, in UTC.
    checked_at: String,
    /// The rows as a file.
    csv: File,
}

/// A user.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "User")]
struct UserTold {
    /// Name to sign in with; null where the connection does not tell it.
    #[schemars(with = "Anything")]
    user_name: Option<String>,
    /// Id; null where the user was not found.
    #[schemars(with = "Anything")]
    id: Option<String>,
    /// Name for people; null where not told.
    #[schemars(with = "Anything")]
    name: Option<String>,
    /// E-mail address; null where not told.
    #[schemars(with = "Anything")]
    email: Option<String>,
    /// Whether the account is active; null where not told.
    #[schemars(with = "Anything")]
    active: Option<bool>,
    /// Number of the person behind the account; null where there is none or it is not told.
    #[schemars(with = "Anything")]
    person_number: Option<String>,
    /// Whether the reads below were tried as this user; null where the connection does not tell its user.
    #[schemars(with = "Anything")]
    is_connection_user: Option<bool>,
}

/// A role.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Role")]
struct RoleTold {
    /// Code; null where not told.
    #[schemars(with = "Anything")]
    code: Option<String>,
    /// Name; null where not told.
    #[schemars(with = "Anything")]
    name: Option<String>,
}

/// A warning.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "Warning")]
struct WarningTold {
    /// For programs.
    code: &'static str,
    /// For people.
    message: String,
    /// The role, resource or user that it is about; null where it is about none.
    #[schemars(with = "Anything")]
    key: Option<String>,
}

/// A change since the baseline.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "Change")]
struct Change {
    /// role_lost, role_gained, sudden_zero, lost, better, other.
    kind: &'static str,
    /// Role, by its code or name; null where it is about a resource.
    #[schemars(with = "Anything")]
    role: Option<String>,
    /// Resource; null where it is about a role.
    #[schemars(with = "Anything")]
    resource: Option<String>,
    /// Right on the resource; null where it is about a role.
    #[schemars(with = "Anything")]
    right: Option<&'static str>,
    /// Before.
    before: String,
    /// Now.
    now: String,
    /// For people.
    message: String,
}

/// A text file.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "File")]
struct File {
    /// File name.
    name: &'static str,
    /// Content.
    text: String,
}

/// What was found of one right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Status {
    /// A read answered rows.
    Ok,
    /// A read answered 200 and no rows: data security, or there are none.
    Empty,
    /// Function security: the pod knows the resource and refuses it to this user.
    Forbidden,
    /// 404 on a resource that the built-in catalogue knows: most likely function security.
    Hidden,
    /// 404 on a name that neither the pod nor the catalogue knows.
    UnknownResource,
    /// Nothing but a write, a job or a sign-in as that user would prove it; the evidence is the roles.
    NotProvable,
    /// The resource answers only with a finder or a condition.
    FinderOnly,
    /// The read failed for another reason.
    Failed,
    /// There was no time or room left for it.
    NotChecked,
}

impl Status {
    /// As it stands in outputs.
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Empty => "empty",
            Self::Forbidden => "forbidden",
            Self::Hidden => "hidden",
            Self::UnknownResource => "unknown_resource",
            Self::NotProvable => "not_provable",
            Self::FinderOnly => "finder_only",
            Self::Failed => "failed",
            Self::NotChecked => "not_checked",
        }
    }
}

/// One right on one resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "Right")]
struct Row {
    /// Business module.
    module: String,
    /// Part of the module with needs of its own, as in Payables.
    area: String,
    /// Operation that needs it.
    operation: String,
    /// Resource.
    resource: String,
    /// read, create, update, delete or run.
    right: &'static str,
    /// What was found.
    status: Status,
    /// What that means.
    cause: String,
    /// What was sent and answered, and which roles speak for it.
    evidence: String,
    /// Predefined role of the area.
    predefined_role: String,
    /// Its code.
    role_code: String,
    /// Duty role.
    duty_role: String,
    /// Example of a privilege.
    privilege: String,
    /// On what data security is granted.
    data_security: String,
    /// What is needed beside it.
    extras: String,
    /// Where role, duty and privilege come from.
    source: String,
    /// What to do.
    remedy: String,
}

impl Action for CheckAccess {
    const SPEC: Spec = Spec {
        id: "check_access",
        title: "Check access",
        description: "Tells what a user may do: tries small reads, tells function security from data security and from names that do not exist, and sets the user's roles against what modules and operations need. Writes nothing, so that rights to create, change or run are told with their evidence and never as proven. With an earlier report it tells what changed.",
        group: "Users and access",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"operations":["create_invoice"]}"#,
        sample_output: include_str!("check_access/sample.json"),
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let areas = access::areas();
        let plan = plan::Plan::new(&input, &areas)?;
        let before = input.baseline.as_ref().map(baseline::Baseline::read).transpose()?;
        let own = pod.username();
        let asked = input.user.clone().or(own.clone());
        if let Some(before) = &before {
            before.fits(asked.as_deref())?;
        }
        let lookup = asked.as_deref().map(|name| directory::find_user(pod, name)).transpose()?;
        let is_own = match (&own, &asked) {
            (Some(own), Some(asked)) => Some(own.to_lowercase() == asked.to_lowercase()),
            _ => None,
        };
        let roles = lookup.as_ref().and_then(Lookup::roles);
        let mut prober = probe::Prober::new(pod, lookup.is_some());
        let tried_as = own.as_deref().filter(|_| is_own == Some(false));
        let mut rows = Vec::new();
        for asked in &plan.asked {
            rows.extend(rows_of(&mut prober, asked, &areas, roles, tried_as)?);
        }
        let host = pod.settings.origin.authority.clone();
        let mut found = warnings::Warnings::default();
        found.of_user(asked.as_deref(), lookup.as_ref(), tried_as);
        found.of_roles(roles.unwrap_or_default(), &areas);
        found.of_connection(pod);
        found.of_rows(&rows, &plan.wrong);
        let changes = before.as_ref().map(|before| before.changes(roles, &rows)).unwrap_or_default();
        if let Some(before) = &before {
            found.of_baseline(before, &host, roles);
        }
        let checked_at = checked_at(pod)?;
        let user = lookup.as_ref().and_then(|lookup| lookup.user.clone());
        let user_name = user.as_ref().map(|user| user.user_name.clone()).or(asked);
        let text = csv::write(&host, user_name.as_deref().unwrap_or_default(), &checked_at, &rows);
        let told = user.unwrap_or_default();
        let output = Output {
            pod: host,
            user: UserTold {
                user_name,
                id: told.id,
                name: told.name,
                email: told.email,
                active: told.active,
                person_number: told.person_number,
                is_connection_user: is_own,
            },
            roles: roles
                .unwrap_or_default()
                .iter()
                .map(|role| RoleTold { code: role.code.clone(), name: role.name.clone() })
                .collect(),
            roles_source: lookup.as_ref().and_then(|lookup| lookup.roles_source).map(directory::Source::name),
            result: rows,
            warnings: found.told,
            changes,
            checked_at,
            csv: File { name: "access.csv", text },
        };
        serde_json::to_string(&output).map_err(|_| Failure::internal("the report cannot be written as JSON"))
    }
}

fn checked_at(pod: &Pod) -> Result<String> {
    jiff::Timestamp::from_millisecond(pod.now_ms())
        .map(time::in_event)
        .map_err(|_| Failure::internal("the clock tells a time that does not exist"))
}

/// The rows of one thing that was asked: what its read answered, and the rights that a read does not prove.
fn rows_of(
    prober: &mut probe::Prober,
    asked: &plan::Asked,
    areas: &[Area],
    roles: Option<&[directory::Role]>,
    tried_as: Option<&str>,
) -> Result<Vec<Row>> {
    let probed = prober.of(&asked.resource)?;
    let area = asked.area.or_else(|| areas.iter().position(|area| area.has(&asked.resource)));
    let area = area.and_then(|index| areas.get(index));
    let rights = asked.rights.clone().unwrap_or_else(|| probed.rights.clone());
    let of = |right: Right| -> Row {
        let extras = asked.extras.iter().chain(area.map(|area| area.extras.as_slice()).unwrap_or_default());
        let mut keys: Vec<&str> = Vec::new();
        extras.for_each(|key| {
            if !keys.contains(key) {
                keys.push(key);
            }
        });
        let extras: Vec<access::Extra> = keys.into_iter().filter_map(access::extra).collect();
        let told = evidence::of(roles, area, &extras);
        let process = area.map_or("", |area| area.process);
        let texts: Vec<String> = extras.iter().map(|extra| extra.text.replace("{process}", process)).collect();
        let (status, cause, evidence, remedy) = if right == Right::Read {
            let tried = tried_as.map_or(String::new(), |own| format!("Tried as {own}. "));
            (probed.status, probed.cause.clone(), format!("{tried}{} {told}", probed.evidence), probed.remedy(area))
        } else {
            let read = match probed.status {
                Status::NotProvable => String::new(),
                status => format!(" Its read was {}.", status.name()),
            };
            (
                Status::NotProvable,
                format!("Not provable without writing: a read proves no right to {}.{read}", right.name()),
                told,
                evidence::remedy(area, right),
            )
        };
        Row {
            module: area.map(|area| area.module).or(probed.module).unwrap_or_default().to_owned(),
            area: area.map_or("", |area| area.title).to_owned(),
            operation: asked.operation.to_owned(),
            resource: asked.resource.clone(),
            right: right.name(),
            status,
            cause,
            evidence: evidence.trim().to_owned(),
            predefined_role: area.map_or("", |area| area.role_name).to_owned(),
            role_code: area.map_or("", |area| area.role_code).to_owned(),
            duty_role: area.map_or("", |area| area.duty).to_owned(),
            privilege: area.map_or("", |area| area.privilege(right)).to_owned(),
            data_security: area.map_or("", |area| area.data).to_owned(),
            extras: texts.join("; "),
            source: area.map_or("", |area| area.source).to_owned(),
            remedy,
        }
    };
    Ok(rights.into_iter().map(of).collect())
}

#[cfg(test)]
mod tests;
