//! The report that a person acts on: each step to a working connection, what was seen, what to do about it.
//!
//! Steps are taken in the order in which they depend on each other; what a failure rules out is left out.
//! Nothing but `GET` is sent.

use serde::Deserialize;

use super::door_step::{self, Answer, PILLARS, Pillar};
use crate::contract::{Check, CheckStatus, ConnectionReport, ProblemKind};
use crate::fusion::address::Address;
use crate::fusion::directory::{self, Lookup};
use crate::fusion::pod::{Doing, Pod};
use crate::http::{Response, SendError};
use crate::problem::{Failure, Result};

/// Clocks that differ by more are told.
const SKEW_MS: i64 = 30_000;
/// Role names that fit into a sentence.
const ROLES_TOLD: usize = 6;
const LATER: &str = "Try again later; if it stays, ask whoever runs that host, and give the trace id.";

/// Tries the connection.
pub fn test(pod: &Pod) -> ConnectionReport {
    let mut report = Report { pod, checks: Vec::new() };
    // `None` says only that the rest is left out.
    let _ = report.run();
    ConnectionReport { checks: report.checks }
}

struct Report<'p> {
    pod: &'p Pod<'p>,
    checks: Vec<Check>,
}

impl Report<'_> {
    fn run(&mut self) -> Option<()> {
        let (asks, unknown) = self.reach()?;
        self.sign_in()?;
        let mut lists: Vec<(&Pillar, Result<Response>)> = Vec::new();
        for pillar in PILLARS.iter().filter(|pillar| !unknown.contains(pillar)) {
            let list = self.list(pillar);
            let refused = list.as_ref().err().map(Failure::kind) == Some(ProblemKind::Unauthenticated);
            lists.push((pillar, list));
            // Asking on would count as further tries to get in.
            if refused {
                break;
            }
        }
        self.clock();
        self.credentials(&lists)?;
        self.user();
        self.pillars(&lists);
        if asks.iter().any(|pillar| pillar.root == "fscmRestApi") {
            self.erp_integrations();
        }
        self.ess();
        self.version(asks.first()?);
        Some(())
    }

    fn push(&mut self, id: &str, title: String, status: CheckStatus, cause: Option<String>, remedy: Option<String>) {
        self.checks.push(Check { id: id.to_owned(), title, status, cause, remedy });
    }

    fn ok(&mut self, id: &str, title: impl Into<String>, seen: impl Into<Option<String>>) {
        self.push(id, title.into(), CheckStatus::Ok, seen.into(), None);
    }

    fn warn(&mut self, id: &str, title: impl Into<String>, cause: impl Into<String>, remedy: impl Into<String>) {
        self.push(id, title.into(), CheckStatus::Warning, Some(cause.into()), Some(remedy.into()));
    }

    fn fail(&mut self, id: &str, title: impl Into<String>, cause: impl Into<String>, remedy: impl Into<String>) {
        self.push(id, title.into(), CheckStatus::Failed, Some(cause.into()), Some(remedy.into()));
    }

    /// Name, TLS, and who is there.
    fn reach(&mut self) -> Option<(Vec<&'static Pillar>, Vec<&'static Pillar>)> {
        let origin = &self.pod.settings.origin;
        let host = origin.authority.clone();
        let (resolves, protected, answers) =
            (format!("{host} has an address"), "The way there is protected (TLS)", format!("{host} answers"));
        let answer = door_step::knock(self.pod);
        if let Answer::Nobody(error) = &answer {
            match error {
                SendError::NoName(_) => {
                    self.fail(
                        "address",
                        resolves,
                        format!("There is no host of the name {host}."),
                        format!(
                            "Check the spelling, and the region within the name (fa.us2, fa.em2, fa.ocs …). {COPY}"
                        ),
                    );
                    return None;
                }
                SendError::Denied(_) => {
                    self.fail("address", resolves, format!("The engine that runs this connector does not allow requests to {host}."), format!("Allow {host} in the engine (harness: --allow-host {host}); plain http is allowed to loopback alone, and only where the engine says so (harness: --allow-http {host})."));
                    return None;
                }
                _ => {}
            }
        }
        self.ok("address", resolves, None);
        match &answer {
            Answer::Nobody(SendError::Tls(why)) => {
                self.fail("tls", protected, format!("{host}: {why}."), format!("The certificate of {host} must be valid today, issued for that name, and by an authority that the engine trusts. Behind a proxy that inspects traffic, add the proxy's authority to the engine's. If the name was typed, compare it with the address bar of a browser."));
                return None;
            }
            Answer::Nobody(error) => {
                self.fail("reachable", answers, format!("{host}: {error}."), format!("Check port and spelling, and that the network in which the engine runs may reach {host}: firewall, proxy, and the pod's list of allowed addresses (Location Based Access Control)."));
                return None;
            }
            _ => {}
        }
        if origin.secure {
            self.ok("tls", protected, None);
        } else {
            self.warn(
                "tls",
                protected,
                "Plain http within this machine: nothing is protected.",
                "This is for trials against a simulated pod. Use https for everything else.",
            );
        }
        let is_pod = format!("{host} is a Fusion pod");
        match answer {
            Answer::Nobody(_) => None,
            Answer::OutOfOrder(429) => {
                self.fail(
                    "reachable",
                    answers,
                    format!("{host} answers 429: too many requests come from here."),
                    "Wait some minutes; then ask for less at once, or spread the work over the day.",
                );
                None
            }
            Answer::OutOfOrder(status) => {
                self.fail("reachable", answers, format!("{host} answers {status}: it is out of order or overloaded."), "Wait for the end of a maintenance window (Oracle Cloud console > Fusion Applications > the environment > Maintenance), then try again.");
                None
            }
            Answer::Stranger(what, remedy) => {
                self.ok("reachable", answers, None);
                self.fail("fusion_pod", is_pod, what, remedy);
                None
            }
            Answer::Asks(asks, unknown) => {
                self.ok("reachable", answers, None);
                if unknown.is_empty() {
                    self.ok("fusion_pod", is_pod, None);
                } else {
                    let names = |pillars: &[&Pillar]| {
                        pillars
                            .iter()
                            .map(|pillar| format!("{} ({})", pillar.name, pillar.root))
                            .collect::<Vec<_>>()
                            .join(", ")
                    };
                    self.fail(
                        "fusion_pod",
                        is_pod,
                        format!(
                            "It is a pod, but of another pillar: it serves {}, and not {}.",
                            names(&asks),
                            names(&unknown)
                        ),
                        format!("Use the host of the pod on which that runs. {COPY}"),
                    );
                }
                Some((asks, unknown))
            }
        }
    }

    fn sign_in(&mut self) -> Option<()> {
        let Some(host) = self.pod.settings.auth.token_host() else {
            // A key that signs for itself can still be one that cannot sign.
            if let Err(failure) = self.pod.sign_in() {
                let (cause, remedy) = told(&failure);
                self.fail("sign_in", "The key signs", cause, remedy);
                return None;
            }
            return Some(());
        };
        let title = format!("The identity domain {host} issues a token");
        match self.pod.sign_in() {
            Ok(()) => self.ok("sign_in", title, None),
            Err(failure) => {
                let (cause, remedy) = told(&failure);
                self.fail("sign_in", title, cause, remedy);
                return None;
            }
        }
        Some(())
    }

    /// A small list of ERP, where an empty one is a finding; of the others what everybody may read.
    fn list(&self, pillar: &Pillar) -> Result<Response> {
        if pillar.root != "fscmRestApi" {
            return self.versions(pillar);
        }
        let what = format!("read one record of {}", pillar.list);
        let doing = Doing { what: &what, object: pillar.list };
        let address = Address::collection(pillar.root, &self.pod.settings.api_version, pillar.list)
            .param("onlyData", "true")
            .param("limit", "1");
        self.pod.get(doing, &address)
    }

    fn versions(&self, pillar: &Pillar) -> Result<Response> {
        let what = format!("read the versions of {}", pillar.root);
        let doing = Doing { what: &what, object: pillar.root };
        self.pod.get(doing, &Address::fixed(&format!("/{}/resources/", pillar.root)))
    }

    fn clock(&mut self) {
        let Some(ahead) = self.pod.clock_ahead_ms() else { return };
        let title = "The clocks agree";
        if ahead.abs() <= SKEW_MS {
            self.ok("clock", title, None);
            return;
        }
        let way = if ahead > 0 { "behind" } else { "ahead of" };
        self.warn(
            "clock",
            title,
            format!("The engine's clock is {} seconds {way} the pod's.", ahead.abs() / 1000),
            "Set the clock of the machine on which the engine runs, and keep it set (time synchronisation): signed tokens are refused by a clock that differs.",
        );
    }

    fn credentials(&mut self, lists: &[(&Pillar, Result<Response>)]) -> Option<()> {
        let title = "The pod accepts the credentials";
        let user = self.pod.username();
        let failures = || lists.iter().filter_map(|(_, list)| list.as_ref().err());
        if let Some(failure) = failures().find(|failure| failure.kind() == ProblemKind::Unauthenticated) {
            let (cause, remedy) = told(failure);
            let who = user.map_or_else(|| "this user".to_owned(), |user| format!("{user:?}"));
            self.fail("credentials", title, format!("The pod does not let {who} in. {cause}"), remedy);
            return None;
        }
        // Function security refuses one thing; whoever is refused everything has another problem.
        if failures().count() == lists.len()
            && let Some(failure) = failures().find(|failure| failure.kind() == ProblemKind::Forbidden)
        {
            let (cause, _) = told(failure);
            self.fail("credentials", title, format!("The pod knows the user and refuses everything. {cause}"), "Either the password has expired (Security Console > Users > the user > Reset Password), or the user has no roles yet (Security Console > Users > the user > Add Role).");
            return None;
        }
        self.ok("credentials", title, user.map(|user| format!("As {user}.")));
        Some(())
    }

    fn user(&mut self) {
        let title = "Who the connection is";
        let Some(name) = self.pod.username() else {
            self.warn(
                "user",
                title,
                "Neither the settings nor the token tell the user's name.",
                "Nothing needs to be done for work; look the user up in Security Console > Users.",
            );
            return;
        };
        match directory::find_user(self.pod, &name) {
            Ok(lookup) => self.user_found(title, &name, &lookup),
            Err(failure) => {
                let (cause, remedy) = told(&failure);
                self.warn("user", title, cause, remedy);
            }
        }
    }

    fn user_found(&mut self, title: &str, name: &str, lookup: &Lookup) {
        const SEE: &str = "It works all the same. To have roles shown here and in check_access, give the user a role that may read user accounts (the privileges of IT Security Manager, better a custom role with View User Account alone), or look in Security Console > Users.";
        let Some(user) = &lookup.user else {
            let refused = |kind: ProblemKind| matches!(kind, ProblemKind::Forbidden | ProblemKind::NotFound);
            let failures = || lookup.tried.iter().filter_map(|tried| tried.failure.as_ref());
            if let Some(failure) = failures().find(|failure| !refused(failure.kind())) {
                let (cause, remedy) = told(failure);
                self.warn("user", title, cause, remedy);
                return;
            }
            let cause = if failures().next().is_none() {
                format!("{name} signs in, but no user account of that name is shown.")
            } else {
                format!("{name} signs in, but may not read user accounts, so the roles are not known.")
            };
            self.warn("user", title, cause, SEE);
            return;
        };
        let mut seen = user.user_name.clone();
        if let Some(name) = &user.name {
            seen = format!("{seen} ({name})");
        }
        if user.active == Some(false) {
            self.warn(
                "user",
                title,
                format!("{seen} is suspended."),
                "Activate the account: Security Console > Users > the user > Edit > Active.",
            );
            return;
        }
        match lookup.roles() {
            None => self.warn("user", title, format!("{seen}; the roles are not shown."), SEE),
            Some([]) => self.warn("user", title, format!("{seen}; no roles."), "Give the user the roles that the work needs: Security Console > Users > the user > Add Role. Then run User and Roles Synchronization."),
            Some(roles) => {
                let names: Vec<&str> = roles.iter().filter_map(|role| role.name.as_deref().or(role.code.as_deref())).collect();
                let shown = names.iter().take(ROLES_TOLD).copied().collect::<Vec<_>>().join(", ");
                let more = roles.len().saturating_sub(ROLES_TOLD);
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                self.ok("user", title, format!("{seen}, with the roles {shown}{more}."));
            }
        }
    }

    fn pillars(&mut self, lists: &[(&'static Pillar, Result<Response>)]) {
        for (pillar, list) in lists {
            let title = format!("REST for {} ({})", pillar.name, pillar.root);
            match list {
                Ok(response) if pillar.root == "fscmRestApi" && is_empty(response) => self.warn(
                    pillar.id,
                    title,
                    "The user may read business units, and sees none: data security gives none.",
                    "Assign data access: Setup and Maintenance > Manage Data Access for Users, the user's role with its business units.",
                ),
                Ok(_) => self.ok(pillar.id, title, None),
                Err(failure) if matches!(failure.kind(), ProblemKind::Forbidden | ProblemKind::NotFound) => {
                    let (cause, _) = told(failure);
                    self.warn(pillar.id, title, cause, format!("Nothing needs to be done unless the work needs {}. Then give the user a role with that function (Security Console > Roles), and see check_access for each resource.", pillar.name));
                }
                Err(failure) => {
                    let (cause, remedy) = told(failure);
                    self.fail(pillar.id, title, cause, remedy);
                }
            }
        }
    }

    fn erp_integrations(&mut self) {
        let title = "Bulk import (ERP integration service)";
        let doing = Doing { what: "reach the ERP integration service", object: "erpintegrations" };
        // A job of a number that no pod has: found or not, the service has answered.
        let address = Address::collection("fscmRestApi", &self.pod.settings.api_version, "erpintegrations")
            .clause("finder", "ESSJobStatusRF;requestId=1")
            .param("onlyData", "true");
        match self.pod.get(doing, &address) {
            Ok(_) => self.ok("erp_integrations", title, None),
            // It understood the question, and knows no such job.
            Err(failure) if failure.kind() == ProblemKind::InvalidInput => self.ok("erp_integrations", title, None),
            Err(failure) => {
                let (cause, remedy) = told(&failure);
                let remedy = match failure.kind() {
                    ProblemKind::Forbidden | ProblemKind::NotFound => "Only bulk imports and jobs need it. Give the user the role Integration Specialist (ORA_FND_INTEGRATION_SPECIALIST_JOB): Security Console > Users > the user > Add Role.".to_owned(),
                    _ => remedy,
                };
                self.warn("erp_integrations", title, cause, remedy);
            }
        }
    }

    fn ess(&mut self) {
        let title = "Scheduled processes are visible (ESS)";
        let doing = Doing { what: "read scheduled processes", object: "ESS requests" };
        let address = Address::fixed("/ess/rest/scheduler/v1/requests").param("orderBy", "requestId:desc");
        match self.pod.get(doing, &address) {
            Ok(_) => self.ok(
                "ess",
                title,
                "The user sees its own; those of others take the privilege ESSMonitor.".to_owned(),
            ),
            Err(failure) => {
                let (cause, remedy) = told(&failure);
                let remedy = match failure.kind() {
                    ProblemKind::Forbidden => "Only jobs and their monitoring need it. Give the user a role that may run scheduled processes; to see everybody's, make a custom job role that holds ESSMonitor (Security Console > Roles > Create Role).".to_owned(),
                    ProblemKind::NotFound => "Only jobs and their monitoring need it. The service exists since release 23B; if the pod is newer, the user lacks the privilege.".to_owned(),
                    _ => remedy,
                };
                self.warn("ess", title, cause, remedy);
            }
        }
    }

    /// What the pod says about its versions, against what the settings ask for.
    fn version(&mut self, pillar: &Pillar) {
        #[derive(Deserialize)]
        struct Versions {
            items: Vec<Version>,
        }
        #[derive(Deserialize)]
        struct Version {
            version: String,
            #[serde(rename = "isLatest", default)]
            latest: bool,
            #[serde(rename = "adf:extension", default)]
            extension: Extension,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Extension {
            #[serde(rename = "allowedFrameworkVersions")]
            allowed: Vec<String>,
        }
        let title = "API version and REST framework";
        let (version, framework) = (&self.pod.settings.api_version, self.pod.settings.framework.to_string());
        let asked = format!("API version {version} and framework {framework} are asked for");
        let listed = self.versions(pillar).ok().and_then(|list| crate::json::from_slice::<Versions>(&list.body).ok());
        let Some(Versions { items }) = listed.filter(|listed| !listed.items.is_empty()) else {
            self.ok("version", title, format!("{asked}; the pod does not list its own."));
            return;
        };
        let names: Vec<&str> = items.iter().map(|item| item.version.as_str()).collect();
        let here = items.iter().find(|item| &item.version == version || (version == "latest" && item.latest));
        let Some(here) = here.or(items.first().filter(|_| version == "latest")) else {
            self.warn(
                "version",
                title,
                format!("{asked}; the pod lists {}.", names.join(", ")),
                "Leave API version in the connection empty for the usual one, or choose one of these.",
            );
            return;
        };
        let allowed = &here.extension.allowed;
        if allowed.is_empty() || allowed.contains(&framework) {
            self.ok("version", title, format!("{asked}, and the pod has them."));
        } else {
            self.warn(
                "version",
                title,
                format!("{asked}; the pod allows the frameworks {}.", allowed.join(", ")),
                "Choose one of these as REST framework version in the connection (advanced).",
            );
        }
    }
}

const COPY: &str = "Sign in to Fusion with a browser and copy the host name from the address bar.";

fn told(failure: &Failure) -> (String, String) {
    (failure.problem.message.clone(), failure.problem.remedy.clone().unwrap_or_else(|| LATER.to_owned()))
}

fn is_empty(response: &Response) -> bool {
    #[derive(Deserialize)]
    struct Page {
        items: Vec<serde::de::IgnoredAny>,
    }
    crate::json::from_slice::<Page>(&response.body).is_ok_and(|page| page.items.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json, typed};
    use crate::settings::Settings;

    type Exchange = std::result::Result<Response, SendError>;

    fn report(answers: impl IntoIterator<Item = Exchange>) -> (Vec<Check>, usize) {
        let text =
            r#"{"host":"pod.fa.us2.example","auth":{"type":"basic","username":"fin.int","password":"hunter-22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let door = Fake::new(answers);
        let checks = test(&Pod::new(&door, &settings, None).unwrap()).checks;
        // Nobody but a pod is told who asks.
        let sent = door.sent.borrow();
        let signed = sent.iter().filter(|request| request.headers.iter().any(|(name, _)| *name == "authorization"));
        (checks, signed.count())
    }

    fn last(answers: impl IntoIterator<Item = Exchange>) -> (String, CheckStatus, String, String) {
        let (checks, signed) = report(answers);
        assert_eq!(signed, 0, "credentials went to a stranger");
        let check = checks.last().unwrap().clone();
        (check.id, check.status, check.cause.unwrap(), check.remedy.unwrap())
    }

    fn to(status: u16, location: &str) -> Exchange {
        let mut answer = typed(status, "", "");
        answer.as_mut().unwrap().headers.push(("location".into(), location.into()));
        answer
    }

    fn unknown() -> Exchange {
        typed(404, "text/html", "<html><title>404 Not Found</title></html>")
    }

    #[test]
    fn whoever_is_no_pod_is_named_and_gets_no_credentials() {
        let no_name = last([Err(SendError::NoName("its name does not resolve".into()))]);
        assert_eq!((no_name.0.as_str(), no_name.1), ("address", CheckStatus::Failed));
        assert!(no_name.3.contains("region"));
        assert_eq!(last([Err(SendError::Tls("its certificate does not verify".into()))]).0, "tls");
        assert_eq!(last([Err(SendError::NotSent("it refuses connections".into()))]).0, "reachable");
        assert_eq!(last([typed(500, "", "")]).0, "reachable");

        let page = last([typed(200, "text/html", "<html><title>Sign In</title></html>")]);
        assert_eq!(page.0, "fusion_pod");
        assert!(page.2.contains("\"Sign In\""), "{}", page.2);
        let sso = last([to(302, "https://login.idcs-1.identity.oraclecloud.com/oam/server?x=1")]);
        assert!(sso.2.contains("sign-in page for people") && !sso.2.contains("x=1"), "{}", sso.2);
        let moved = last([to(301, "https://pod.fa.em2.oraclecloud.com/fscmRestApi/")]);
        assert!(moved.3.contains("Put pod.fa.em2.oraclecloud.com into"), "{}", moved.3);
        let nothing = last([unknown(), unknown(), unknown()]);
        assert!(nothing.2.contains("none of the paths"), "{}", nothing.2);
    }

    #[test]
    fn another_pillar_is_recognised_and_the_rest_is_still_tried() {
        let versions = r#"{"items":[{"version":"11.13.18.05"}]}"#;
        let answers = [unknown(), unknown(), typed(401, "", ""), json(200, versions)];
        let (checks, _) = report(answers);
        let pod = checks.iter().find(|check| check.id == "fusion_pod").unwrap();
        assert_eq!(pod.status, CheckStatus::Failed);
        assert!(pod.cause.as_ref().unwrap().contains("serves CX"), "{pod:?}");
        assert!(checks.iter().any(|check| check.id == "rest_crm" && check.status == CheckStatus::Ok));
    }

    #[test]
    fn refused_credentials_end_it_with_the_remedy() {
        let (checks, _) = report([typed(401, "", ""), typed(401, "", "")]);
        let last = checks.last().unwrap();
        assert_eq!((last.id.as_str(), last.status), ("credentials", CheckStatus::Failed));
        assert!(last.remedy.as_ref().unwrap().contains("Security Console"));
    }

    #[test]
    fn every_finding_has_a_cause_and_a_remedy() {
        let units = r#"{"items":[{"BusinessUnitId":1}],"count":1,"hasMore":true}"#;
        let forbidden = || typed(403, "text/html", "<html><title>403 Forbidden</title></html>");
        let versions = r#"{"items":[{"version":"11.13.18.05","isLatest":true,"adf:extension":{"allowedFrameworkVersions":["1","2","3"]}}]}"#;
        let (checks, _) = report([
            typed(401, "", ""),
            json(200, units),
            forbidden(),
            unknown(),
            forbidden(),
            unknown(),
            forbidden(),
            forbidden(),
            json(200, versions),
        ]);
        let ids: Vec<(&str, CheckStatus)> = checks.iter().map(|check| (check.id.as_str(), check.status)).collect();
        use CheckStatus::{Ok as Fine, Warning};
        assert_eq!(
            ids,
            [
                ("address", Fine),
                ("tls", Fine),
                ("reachable", Fine),
                ("fusion_pod", Fine),
                ("credentials", Fine),
                ("user", Warning),
                ("rest_fscm", Fine),
                ("rest_hcm", Warning),
                ("rest_crm", Warning),
                ("erp_integrations", Warning),
                ("ess", Warning),
                ("version", Warning),
            ]
        );
        for check in checks.iter().filter(|check| check.status != CheckStatus::Ok) {
            assert!(check.cause.is_some() && check.remedy.is_some(), "{check:?}");
        }
    }
}
