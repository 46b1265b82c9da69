//! One small read of a resource, and what its answer means.
//!
//! At most [`MOST`] reads in one check, each of one row; none once the call's time is nearly over or the pod
//! stops answering. A 404 is asked about: a resource that the pod itself describes is refused and not unknown.

use serde_json::Value;

use super::report::Status;
use crate::contract::ProblemKind;
use crate::fusion::access::{Area, Right, wrong_name};
use crate::fusion::address::Address;
use crate::fusion::catalogue::{self, Protocol, Quirk, Resource};
use crate::fusion::pod::{Doing, Pod};
use crate::fusion::target::Target;
use crate::problem::{Failure, Result};

/// Reads in one check.
const MOST: usize = 80;
/// After so many reads in a row without any answer, the rest would fail as well.
const SILENT: usize = 3;
/// A collection that demands a selective condition (FACTS 1.11).
const SELECTIVE: &str = "EGP-2776154";
/// What asking for an unknown name can cost: three roots, and the read.
const UNKNOWN_COST: usize = 4;

/// What is known of a resource after its read.
#[derive(Clone, Debug)]
pub struct Probed {
    name: String,
    /// What the read was.
    pub status: Status,
    /// What that means.
    pub cause: String,
    /// What was sent and answered.
    pub evidence: String,
    /// Rights that the resource offers at all.
    pub rights: Vec<Right>,
    /// Its module, where the catalogue knows it.
    pub module: Option<&'static str>,
}

/// Reads resources, each once.
pub struct Prober<'p, 'd> {
    pod: &'p Pod<'d>,
    left: usize,
    silent: usize,
    reached: bool,
    seen: Vec<Probed>,
}

/// A read and its answer.
type Answer = std::result::Result<usize, Failure>;

impl<'p, 'd> Prober<'p, 'd> {
    /// `reached`: the pod has answered in this call.
    pub fn new(pod: &'p Pod<'d>, reached: bool) -> Self {
        Self { pod, left: MOST, silent: 0, reached, seen: Vec::new() }
    }

    /// What is known of that resource, read now or before.
    ///
    /// # Errors
    /// Where the very first read finds nobody, or nobody is let in.
    pub fn of(&mut self, name: &str) -> Result<Probed> {
        if let Some(probed) = self.seen.iter().find(|probed| probed.name == name) {
            return Ok(probed.clone());
        }
        let probed = self.probe(name)?;
        self.seen.push(probed.clone());
        Ok(probed)
    }

    fn probe(&mut self, name: &str) -> Result<Probed> {
        let known = catalogue::find(name);
        let mut probed = Probed {
            name: name.to_owned(),
            status: Status::NotChecked,
            cause: String::new(),
            evidence: String::new(),
            rights: known.as_ref().map_or(vec![Right::Read], rights),
            module: known.as_ref().map(|known| known.module),
        };
        if let Some(known) = &known
            && !known.collection.contains(&"GET")
        {
            probed.status = Status::NotProvable;
            probed.cause = format!("{name} answers POST alone, and this check sends none.");
            return Ok(probed);
        }
        let cost = if known.is_some() { 1 } else { UNKNOWN_COST };
        if let Some(why) = self.stops(cost) {
            probed.cause = why.to_owned();
            return Ok(probed);
        }
        match known {
            Some(known) => self.known(&known, &mut probed)?,
            None => self.unknown(name, &mut probed)?,
        }
        Ok(probed)
    }

    fn stops(&self, cost: usize) -> Option<&'static str> {
        if self.silent >= SILENT {
            Some("The pod stopped answering; the rest was not tried.")
        } else if !self.pod.has_time() {
            Some("The call's time was nearly over.")
        } else if self.left < cost {
            Some("One check makes a limited number of reads; check fewer modules at once.")
        } else {
            None
        }
    }

    fn known(&mut self, known: &Resource, probed: &mut Probed) -> Result<()> {
        let version = self.pod.settings.api_version.clone();
        let collection = Address::collection(known.root, &version, known.name);
        let (address, narrow) = match known.protocol {
            Protocol::Scim => (
                Address::fixed("/hcmRestApi/scim").segment(known.name).param("startIndex", "1").param("count", "1"),
                None,
            ),
            // It has no limit; one attribute keeps the page small (FACTS 5.1).
            Protocol::Ess => (Address::fixed("/ess/rest/scheduler/v1/requests").param("fields", "requestId"), None),
            Protocol::Records | Protocol::ErpIntegrations | Protocol::Audit => {
                let plain = one_row(&collection);
                match known.key {
                    catalogue::Key::Plain(key) => (plain.clone().param("fields", key), Some(plain)),
                    catalogue::Key::Opaque => (plain, None),
                }
            }
        };
        let mut answer = self.read(known.name, &address)?;
        if let (Err(failure), Some(plain)) = (&answer, &narrow)
            && matches!(failure.problem.http_status, Some(400 | 500))
            && self.stops(1).is_none()
        {
            answer = self.read(known.name, plain)?;
        }
        let finder = known.has(Quirk::FinderRequired) || known.protocol == Protocol::ErpIntegrations;
        let described = match &answer {
            Err(failure)
                if failure.problem.http_status == Some(404)
                    && known.protocol == Protocol::Records
                    && self.stops(1).is_none() =>
            {
                self.describes(known.name, &collection)?
            }
            _ => None,
        };
        judge(probed, &address, &answer, finder, described, true);
        if known.protocol == Protocol::Ess && matches!(probed.status, Status::Ok | Status::Empty) {
            probed.cause.push_str(
                " Without ESSMonitor one sees one's own jobs alone, so this proves no sight of others' jobs.",
            );
            probed.cause = probed.cause.trim().to_owned();
        }
        if probed.status == Status::FinderOnly {
            let names: Vec<&str> = known.finders.iter().map(|(finder, _)| *finder).take(4).collect();
            if !names.is_empty() {
                probed.cause.push_str(&format!(" Its finders: {}.", names.join(", ")));
            }
        }
        Ok(())
    }

    /// A name that the catalogue lacks: the pod's description of it is asked for first.
    fn unknown(&mut self, name: &str, probed: &mut Probed) -> Result<()> {
        self.left = self.left.saturating_sub(UNKNOWN_COST - 1);
        let target = match Target::describe(self.pod, name) {
            Ok(target) => target,
            Err(failure) if failure.kind() == ProblemKind::InvalidInput && failure.problem.http_status.is_none() => {
                self.reached = true;
                probed.status = Status::UnknownResource;
                probed.evidence = format!("GET {name}/describe below each root answered 404.");
                probed.cause = unknown_name(name);
                return Ok(());
            }
            Err(failure) => {
                let failure = self.heard(failure)?;
                judge(probed, &Address::fixed(&format!("/{name}/describe")), &Err(failure), false, None, false);
                return Ok(());
            }
        };
        self.reached = true;
        if let Some(described) = &target.described {
            let of = |part: &crate::fusion::describe::Part, method: &str, name: &str| {
                part.actions.iter().any(|action| action.name == name && action.method.eq_ignore_ascii_case(method))
            };
            for (right, part, method, action) in [
                (Right::Create, &described.collection, "POST", "create"),
                (Right::Update, &described.item, "PATCH", "update"),
                (Right::Delete, &described.item, "DELETE", "delete"),
            ] {
                if of(part, method, action) {
                    probed.rights.push(right);
                }
            }
        }
        let address = one_row(&target.collection(&self.pod.settings.api_version));
        let answer = self.read(name, &address)?;
        judge(probed, &address, &answer, false, Some(true), false);
        Ok(())
    }

    fn read(&mut self, name: &str, address: &Address) -> Result<Answer> {
        self.left = self.left.saturating_sub(1);
        let what = format!("read one row of {name}");
        let doing = Doing { what: &what, object: name };
        match self.pod.get(doing, address) {
            Ok(response) => {
                (self.reached, self.silent) = (true, 0);
                Ok(rows(&response.body)
                    .ok_or_else(|| self.pod.unexpected(doing, "the answer is no list of rows").status(response.status)))
            }
            Err(failure) => self.heard(failure).map(Err),
        }
    }

    /// Whether the pod describes the resource; `None` where it does not say.
    fn describes(&mut self, name: &str, collection: &Address) -> Result<Option<bool>> {
        self.left = self.left.saturating_sub(1);
        let what = format!("describe {name}");
        match self.pod.get(Doing { what: &what, object: name }, &collection.clone().segment("describe")) {
            Ok(_) => Ok(Some(true)),
            Err(failure) => {
                let status = self.heard(failure)?.problem.http_status;
                Ok(match status {
                    Some(403) => Some(true),
                    Some(404) => Some(false),
                    _ => None,
                })
            }
        }
    }

    /// Counts silence; where nothing was heard yet, the failure is that of the whole check.
    fn heard(&mut self, failure: Failure) -> Result<Failure> {
        let silent = failure.problem.http_status.is_none();
        self.silent = if silent { self.silent + 1 } else { 0 };
        if !self.reached && (silent || failure.kind() == ProblemKind::Unauthenticated) {
            return Err(failure);
        }
        self.reached = true;
        Ok(failure)
    }
}

impl Probed {
    /// What to do, with what the area needs.
    pub fn remedy(&self, area: Option<&Area>) -> String {
        let data = area.map(|area| area.data).filter(|data| !data.is_empty()).unwrap_or("the object");
        match self.status {
            Status::Ok => String::new(),
            Status::Empty => format!(
                "Ask an administrator whether there are rows. If there are, grant data security on {data}: Security Console > Roles > the role > Data Security Policies, or Setup and Maintenance > Manage Data Access for Users."
            ),
            Status::Forbidden | Status::Hidden => {
                let duty = match area.filter(|area| !area.duty.is_empty()) {
                    Some(area) => format!("the duty role {}", area.duty),
                    None => format!("a duty role that may view {}", self.name),
                };
                format!(
                    "Add {duty} to the custom job role of this user (Security Console > Roles > the role > Role Hierarchy); a new grant arrives with User and Roles Synchronization. First rule out an expired password."
                )
            }
            Status::UnknownResource => {
                let meant = catalogue::meant(&self.name);
                match (wrong_name(&self.name), meant.is_empty()) {
                    (Some(right), _) => format!("Use {right}."),
                    (None, false) => {
                        format!("Use {}, or a name from list_resources; names are case-sensitive.", meant.join(" or "))
                    }
                    (None, true) => "Use a name from list_resources; names are case-sensitive.".to_owned(),
                }
            }
            Status::NotProvable => super::evidence::remedy(area, Right::Read),
            Status::FinderOnly => {
                format!("Search {} with a finder or a condition to see which rows the user sees.", self.name)
            }
            Status::Failed => "Try again; if it stays, look at the cause.".to_owned(),
            Status::NotChecked => "Check it by itself, or allow more time.".to_owned(),
        }
    }
}

fn one_row(collection: &Address) -> Address {
    collection.clone().param("limit", "1").param("onlyData", "true")
}

/// The rights that the methods of a resource stand for.
fn rights(resource: &Resource) -> Vec<Right> {
    match resource.protocol {
        Protocol::Audit => vec![Right::Read],
        Protocol::ErpIntegrations | Protocol::Ess => {
            let read = resource.collection.contains(&"GET").then_some(Right::Read);
            read.into_iter().chain([Right::Run]).collect()
        }
        Protocol::Records | Protocol::Scim => [
            (Right::Read, resource.collection.contains(&"GET")),
            (Right::Create, resource.collection.contains(&"POST") && !resource.has(Quirk::NoCreate)),
            (Right::Update, resource.item.contains(&"PATCH")),
            (Right::Delete, resource.item.contains(&"DELETE")),
        ]
        .into_iter()
        .filter_map(|(right, offered)| offered.then_some(right))
        .collect(),
    }
}

/// How many rows came, in each of the shapes of a list; `None` for what is no list.
fn rows(body: &[u8]) -> Option<usize> {
    let body: Value = serde_json::from_str(std::str::from_utf8(body).ok()?).ok()?;
    let listed = body.get("items").or(body.get("Resources")).and_then(Value::as_array).map(Vec::len);
    // SCIM leaves Resources out where there are none.
    listed.or_else(|| (body.get("totalResults")?.as_u64()? == 0).then_some(0))
}

/// What an answer means. `described`: what the pod's description said after a 404; `known`: the built-in
/// catalogue has the name.
fn judge(probed: &mut Probed, address: &Address, answer: &Answer, finder: bool, described: Option<bool>, known: bool) {
    let path = address.path();
    let name = probed.name.clone();
    let (status, cause, told) = match answer {
        Ok(0) if finder => (
            Status::FinderOnly,
            format!("{name} answers rows only with a finder; without one it answered none."),
            "200 and no rows".to_owned(),
        ),
        Ok(0) => (
            Status::Empty,
            "The user may ask, and sees no rows: either data security hides them, or there are none.".to_owned(),
            "200 and no rows".to_owned(),
        ),
        Ok(count) => (Status::Ok, String::new(), format!("200 and {count} row{}", if *count == 1 { "" } else { "s" })),
        Err(failure) => {
            let status = failure.problem.http_status;
            let told = status.map_or("nothing".to_owned(), |status| status.to_string());
            let message = &failure.problem.message;
            let asks_for_finder = finder || failure.has_code(SELECTIVE) || message.to_lowercase().contains("finder");
            let (found, cause) = match status {
                Some(403) => (
                    Status::Forbidden,
                    format!("Function security: the user lacks the privilege for {name}. {message}"),
                ),
                Some(404) if described == Some(true) => (
                    Status::Forbidden,
                    format!(
                        "Function security: the pod describes {name} and answers 404 for its rows, as it does where the privilege is missing."
                    ),
                ),
                Some(404) if known => (
                    Status::Hidden,
                    format!(
                        "The pod hides {name}: the name is right, so most likely the privilege is missing (pods answer 404 for that), or this pod does not have the service."
                    ),
                ),
                Some(404) => (Status::UnknownResource, unknown_name(&name)),
                Some(400) if asks_for_finder => (
                    Status::FinderOnly,
                    format!(
                        "{name} answers only with a finder or a selective condition; a read without one was refused, and not for a missing privilege. {message}"
                    ),
                ),
                _ => (Status::Failed, message.clone()),
            };
            (found, cause, told)
        }
    };
    probed.status = status;
    probed.cause = cause;
    probed.evidence = format!("GET {path} answered {told}.");
}

fn unknown_name(name: &str) -> String {
    match wrong_name(name) {
        Some(right) => {
            format!("There is no resource {name}: the security card that names it is wrong. The real name is {right}.")
        }
        None => format!(
            "Neither the pod nor the built-in catalogue knows a resource {name}; or the pod does not even describe it to this user."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lists_of_each_kind_are_counted() {
        for (body, count) in [
            (r#"{"items":[{}],"count":1}"#, Some(1)),
            (r#"{"items":[]}"#, Some(0)),
            (r#"{"Resources":[{},{}]}"#, Some(2)),
            (r#"{"totalResults":0,"startIndex":1}"#, Some(0)),
            ("{}", None),
            ("<html>", None),
        ] {
            assert_eq!(rows(body.as_bytes()), count, "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_a_list_or_none(body in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = rows(&body);
        }
    }
}
