//! What a person should look at: broad roles, a person's account, several modules in one user, and what
//! could not be seen. Each says on what it rests; none is a verdict.

use super::baseline::Baseline;
use super::evidence::{list, named};
use super::report::{Row, Status, Warned};
use crate::fusion::access::{self, Area};
use crate::fusion::directory::{Lookup, Role, User};
use crate::fusion::pod::Pod;

/// Words in names of accounts that no person has.
const SERVICE: &str =
    "INT SVC SRV SERVICE API OIC BOT INTEGRATION INTEGRATIONS INTERFACE SYS SYSTEM APP BATCH ETL IPAAS TECH";
/// What follows `ALL` in the names of roles that see everything.
const EVERYTHING: &str = "BU BUS BUSINESS UNITS LEDGER LEDGERS ORG ORGS ORGANIZATIONS DATA VALUES ACCESS";

/// Warnings in the making.
#[derive(Default)]
pub struct Warnings {
    /// In order.
    pub told: Vec<Warned>,
}

impl Warnings {
    #[inline(never)]
    fn add(&mut self, code: &'static str, key: Option<String>, message: String) {
        self.told.push(Warned { code, message, key });
    }

    /// Whether the user and the roles could be read, and whose account it is.
    pub fn of_user(&mut self, asked: Option<&str>, lookup: Option<&Lookup>, tried_as: Option<&str>) {
        let (Some(asked), Some(lookup)) = (asked, lookup) else {
            let message = "The connection does not tell its user, so no roles were read. Name the user in user.";
            return self.add("roles_unreadable", None, message.to_owned());
        };
        let key = Some(asked.to_owned());
        if let Some(own) = tried_as {
            let message = format!(
                "The roles are those of {asked}, and the reads were tried as {own}: what they answered says nothing of {asked}. Run the check over a connection of that user."
            );
            self.add("tried_as_another_user", key.clone(), message);
        }
        if lookup.roles().is_none() {
            let said: Vec<String> = lookup
                .tried
                .iter()
                .map(|tried| {
                    let said = match &tried.failure {
                        Some(failure) => failure.problem.message.trim_end_matches('.').to_owned(),
                        None if lookup.user.is_some() => "it does not tell the roles".to_owned(),
                        None => "it finds no such user".to_owned(),
                    };
                    format!("{}: {said}", tried.source.name())
                })
                .collect();
            let message = format!(
                "The roles of {asked} could not be read, so the evidence of roles is missing. {}. Grant the user the right to view its own account, or let an administrator look in Security Console > Users.",
                said.join("; ")
            );
            self.add("roles_unreadable", key.clone(), message);
        }
        let Some(user) = &lookup.user else { return };
        if user.active == Some(false) {
            self.add("user_inactive", key.clone(), format!("The account of {asked} is suspended or inactive."));
        }
        if user.roles_cut {
            let message =
                format!("Not all roles of {asked} could be read; one that is missing here may be held all the same.");
            self.add("roles_cut", key.clone(), message);
        }
        if let Some(evidence) = person(user) {
            let message = format!(
                "{asked} looks like a person's account ({evidence}). An integration needs a user of its own: with a person's, the audit trail names the wrong one, and it stops when the person leaves."
            );
            self.add("person_account", key, message);
        }
    }

    /// Broad seeded roles, several modules, data roles over everything.
    pub fn of_roles(&mut self, roles: &[Role], areas: &[Area]) {
        for role in roles {
            if let Some((code, name)) = access::broad(role) {
                let message = format!(
                    "{name} is a broad seeded role: it holds far more than an integration needs, approvals and pages among it. Use a custom job role with the duties needed."
                );
                self.add("broad_role", Some(code.to_owned()), message);
            }
            if sees_everything(role) {
                let message = format!(
                    "By its name {} grants the data of all. Grant the units or ledgers that are needed, by instance set.",
                    named(role)
                );
                self.add("data_role_over_everything", role.code.clone().or(role.name.clone()), message);
            }
        }
        let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
        for area in areas.iter().filter(|area| !area.group.is_empty()) {
            let speaking: Vec<String> = roles.iter().filter(|role| area.speaks(role)).map(named).collect();
            if !speaking.is_empty() && !groups.iter().any(|(group, _)| *group == area.group) {
                groups.push((area.group, speaking));
            }
        }
        let all: Vec<String> = roles.iter().filter(|role| all_of("MODULES", role)).map(named).collect();
        if groups.len() > 1 || !all.is_empty() {
            if !all.is_empty() {
                groups.push(("all modules", all));
            }
            let told: Vec<String> = groups.iter().map(|(group, roles)| format!("{group} ({})", list(roles))).collect();
            let message = format!(
                "By their names the roles of this one user reach into several modules: {}. That is a question of segregation of duties: take one user for each module, or write the exception down with a control that makes up for it.",
                told.join("; ")
            );
            self.add("several_modules", None, message);
        }
    }

    /// How the connection signs in, and where.
    pub fn of_connection(&mut self, pod: &Pod) {
        let origin = &pod.settings.origin;
        if pod.settings.auth.is_basic() && origin.secure && is_production(&origin.authority) {
            let message = format!(
                "The connection signs in to {} with user name and password, and by its name that is no test pod. Use JWT or OAuth in production: a password travels with each call and expires.",
                origin.authority
            );
            self.add("basic_in_production", None, message);
        }
    }

    /// What was left out, what cannot be seen, and names that cards get wrong.
    pub fn of_rows(&mut self, rows: &[Row], wrong: &[(String, &'static str)]) {
        for (name, right) in wrong {
            let message = format!("The security card that names {name} is wrong. The real name is {right}.");
            self.add("wrong_name_in_card", Some(name.clone()), message);
        }
        let mut left: Vec<String> = Vec::new();
        for row in rows.iter().filter(|row| row.status == Status::NotChecked) {
            if !left.contains(&row.resource) {
                left.push(row.resource.clone());
            }
        }
        if !left.is_empty() {
            self.add("not_checked", None, format!("Not checked: {}. Their rows say why.", left.join(", ")));
        }
        let mut secured: Vec<&str> = Vec::new();
        for row in rows.iter().filter(|row| !row.data_security.is_empty() && row.status == Status::Ok) {
            if !secured.contains(&row.data_security) {
                secured.push(row.data_security);
            }
        }
        if !secured.is_empty() {
            let message = format!(
                "Whether data is granted on all values cannot be seen over REST. Look at Security Console > Roles > each role > Data Security Policies, and at Setup and Maintenance > Manage Data Access for Users, for: {}.",
                secured.join("; ")
            );
            self.add("all_values_not_visible", None, message);
        }
    }

    /// How far the baseline can be compared.
    pub fn of_baseline(&mut self, before: &Baseline, pod: &str, roles: Option<&[Role]>) {
        if before.is_of_another_pod(pod) {
            let message =
                "The baseline was taken on another pod: what changed may only be what differs between the two.";
            self.add("baseline_of_another_pod", None, message.to_owned());
        }
        if !before.compares(roles) {
            let message = "Roles were not compared: they could not be read now or then, or one report tells codes and the other names.";
            self.add("roles_not_compared", None, message.to_owned());
        }
    }
}

/// Why an account looks like a person's, if it does.
fn person(user: &User) -> Option<String> {
    let upper = user.user_name.to_uppercase();
    let tokens: Vec<&str> = upper.split(|c: char| !c.is_alphanumeric()).filter(|token| !token.is_empty()).collect();
    // A client id is the user's name where an application signs in (FACTS 2.3): long, with digits in it.
    let client = user.user_name.len() >= 24
        && !user.user_name.contains(['@', '.'])
        && user.user_name.chars().any(|c| c.is_ascii_digit());
    if client || tokens.iter().any(|token| among(SERVICE, token)) {
        return None;
    }
    let number = user.person_number.as_deref().or(user.person_id.as_deref()).filter(|number| *number != "0");
    let named_so = user.user_name.contains('@')
        || (tokens.len() == 2 && user.user_name.contains('.') && upper.chars().all(|c| c.is_alphabetic() || c == '.'));
    let mut evidence = Vec::new();
    evidence.extend(number.map(|number| format!("it belongs to person {number}")));
    evidence.extend(named_so.then(|| "its name is built as a person's".to_owned()));
    if evidence.is_empty() {
        return None;
    }
    evidence.extend(user.email.is_some().then(|| "it has an e-mail address".to_owned()));
    evidence.push("no word of its name says integration".to_owned());
    Some(evidence.join(", "))
}

/// Whether a list of words holds this one.
#[inline(never)]
fn among(list: &str, word: &str) -> bool {
    list.split(' ').any(|known| known == word)
}

/// Whether `ALL` stands before a word of the list in the role's code or name.
fn all_of(list: &str, role: &Role) -> bool {
    let words = access::words(role);
    words.iter().zip(words.iter().skip(1)).any(|(word, next)| word == "ALL" && among(list, next))
}

fn sees_everything(role: &Role) -> bool {
    // A view-all role of the product is no data role; those are the customer's own.
    if role.code.as_deref().is_some_and(|code| code.starts_with("ORA_")) {
        return false;
    }
    all_of(EVERYTHING, role)
}

/// Test and development pods say so in the first label of their name; loopback is none.
fn is_production(authority: &str) -> bool {
    let bare = authority.trim_start_matches('[');
    let loopback = bare.starts_with("localhost") || bare.starts_with("127.") || bare.starts_with("::1");
    let label = authority.split(['.', ':']).next().unwrap_or_default();
    let test = label.split('-').skip(1).any(|part| {
        let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
        among("test dev stage uat sandbox", word)
    });
    !loopback && !test
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, number: Option<&str>) -> User {
        User { user_name: name.to_owned(), person_number: number.map(str::to_owned), ..User::default() }
    }

    #[test]
    fn a_persons_account_is_told_from_a_programs() {
        assert!(person(&user("john.smith", None)).is_some());
        assert!(person(&user("JSMITH", Some("1042"))).is_some());
        assert!(person(&user("casey@example.com", None)).is_some());
        for name in ["INT_OIC_GL", "svc-payables", "3f2a9c77d0e14b6fa1b2c3d4e5f60718", "gl.int"] {
            assert!(person(&user(name, Some("1"))).is_none(), "{name}");
        }
        assert!(person(&user("PAYROLLFEED", None)).is_none());
    }

    #[test]
    fn test_pods_are_known_by_their_names() {
        for host in [
            "abcd-test.fa.us2.oraclecloud.com",
            "abcd-dev1.fa.us2.oraclecloud.com",
            "localhost:8443",
            "127.0.0.1",
            "[::1]:80",
        ] {
            assert!(!is_production(host), "{host}");
        }
        for host in
            ["abcd.fa.us2.oraclecloud.com", "latest-abcd.fa.us2.oraclecloud.com", "devon.fa.em2.oraclecloud.com"]
        {
            assert!(is_production(host), "{host}");
        }
    }

    #[test]
    fn roles_over_everything_are_known_by_their_names() {
        let role = |code: &str| Role { code: Some(code.to_owned()), ..Role::default() };
        assert!(sees_everything(&role("AP_SPECIALIST_ALL_BUSINESS_UNITS")));
        assert!(!sees_everything(&role("AP_SPECIALIST_US_BU")));
        assert!(!sees_everything(&role("CALL_DATA")));
        let mut found = Warnings::default();
        found.of_roles(&[role("CUSTOM_INT_ALL_MODULES")], &access::areas());
        assert_eq!(found.told.first().map(|told| told.code), Some("several_modules"));
    }
}
