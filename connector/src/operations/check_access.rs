//! `check_access`: what a user may do, told so that it can be filed.
//!
//! Reads are tried with one row each. A right to create, change, delete or run is never proven by that: it is
//! told with the roles that speak for it. Nothing is ever written to the pod.

mod baseline;
mod csv;
mod evidence;
mod plan;
mod probe;
mod report;
mod warnings;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use self::report::{Report, Row, Status, maybe, object, text};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::access::{self, Area, Right};
use crate::fusion::directory::{self, Lookup};
use crate::fusion::moment::Timestamp;
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
    type Output = Report;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let areas = access::areas();
        let plan = plan::Plan::new(&input, &areas)?;
        let before = input.baseline.as_ref().map(baseline::Baseline::read).transpose()?;
        // Some kinds of sign-in tell their user with the token alone.
        pod.sign_in()?;
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
        let named = user_name.as_deref().unwrap_or_default();
        let file = csv::write(&host, named, &checked_at, &rows, &changes, &found.told);
        let told = user.unwrap_or_default();
        let flag = |flag: Option<bool>| flag.map_or(Value::Null, Value::from);
        let user = object(vec![
            maybe("user_name", user_name.as_deref()),
            maybe("id", told.id.as_deref()),
            maybe("name", told.name.as_deref()),
            maybe("email", told.email.as_deref()),
            ("active", flag(told.active)),
            maybe("person_number", told.person_number.as_deref()),
            ("is_connection_user", flag(is_own)),
        ]);
        let source = lookup.as_ref().and_then(|lookup| lookup.roles_source);
        let report = object(vec![
            text("pod", &host),
            ("user", user),
            ("roles", roles.unwrap_or_default().iter().map(report::role).collect()),
            maybe("roles_source", source.map(directory::Source::name)),
            ("result", rows.iter().map(Row::json).collect()),
            ("warnings", found.told.iter().map(report::Warned::json).collect()),
            ("changes", changes.iter().map(report::Change::json).collect()),
            text("checked_at", &checked_at),
            ("csv", object(vec![text("name", "access.csv"), text("text", &file)])),
        ]);
        Ok(report.to_string())
    }
}

fn checked_at(pod: &Pod) -> Result<String> {
    Timestamp::from_millisecond(pod.now_ms())
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
            module: area.map(|area| area.module).or(probed.module).unwrap_or_default(),
            area: area.map_or("", |area| area.title),
            operation: asked.operation,
            resource: asked.resource.clone(),
            right: right.name(),
            status,
            cause,
            evidence: evidence.trim().to_owned(),
            predefined_role: area.map_or("", |area| area.role_name),
            role_code: area.map_or("", |area| area.role_code),
            duty_role: area.map_or("", |area| area.duty),
            privilege: area.map_or("", |area| area.privilege(right)),
            data_security: area.map_or("", |area| area.data),
            extras: texts.join("; "),
            source: area.map_or("", |area| area.source),
            remedy,
        }
    };
    Ok(rights.into_iter().map(of).collect())
}

#[cfg(test)]
mod tests;
