//! Creating a user once, over SCIM, and giving it roles.
//!
//! The user name is the key: no two users have the same (RFC 7643, 4.1.1), so the pod itself refuses a second
//! one. It is looked for before anything is sent, and again after an answer that never came. Roles are given
//! one by one through `userAccounts`, each only where it is not held; what becomes of each is told.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ACCOUNT_ROLES, ACCOUNTS, By, Lookup, SCIM, User, find_user, same, scim_user, value};
use crate::contract::ProblemKind;
use crate::fusion::address::Address;
use crate::fusion::pod::{Doing, Lost, Pod};
use crate::http::Method;
use crate::problem::{Failure, Result};

/// How often a create is sent at most.
const SENDS: u32 = 3;
/// How long a new user may take to become visible, in milliseconds, one wait for each look (E4).
const LOOKS: [u64; 3] = [0, 700, 1300];

/// Who is to be created.
#[derive(Clone, Debug, Default)]
pub struct New {
    /// Name to sign in with.
    pub user_name: String,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: String,
    /// Work address.
    pub email: Option<String>,
    /// Whether the user may sign in.
    pub active: Option<bool>,
    /// Codes of roles.
    pub roles: Vec<String>,
}

/// How there came to be a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By this call.
    Created,
    /// It was there before, with the same values.
    AlreadyExisted,
    /// By this call, whose answer was lost.
    Recovered,
}

/// What became of one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its code.
    pub code: String,
    /// `given`, `already_held`, `refused` or `unknown`.
    pub state: &'static str,
    /// Why, where it is neither given nor held.
    pub cause: Option<String>,
}

/// A user that is there.
#[derive(Debug)]
pub struct Made {
    /// As it was read back, else as it was answered.
    pub user: User,
    /// How it came to be.
    pub how: How,
    /// What became of each role.
    pub roles: Vec<Given>,
}

impl New {
    fn name(&self) -> String {
        self.given_name.as_ref().map_or(self.family_name.clone(), |given| format!("{given} {}", self.family_name))
    }

    fn body(&self) -> String {
        let mut body = json!({
            "schemas": ["urn:scim:schemas:core:2.0:User"],
            "userName": self.user_name,
            "name": {"familyName": self.family_name},
            "displayName": self.name(),
            "active": self.active.unwrap_or(true),
        });
        if let Some(given) = &self.given_name
            && let Some(name) = body.get_mut("name").and_then(Value::as_object_mut)
        {
            name.insert("givenName".to_owned(), Value::from(given.as_str()));
        }
        if let (Some(email), Some(members)) = (&self.email, body.as_object_mut()) {
            members.insert("emails".to_owned(), json!([{"value": email, "type": "W", "primary": true}]));
        }
        body.to_string()
    }

    /// What is there and differs from what is wanted; what nobody told does not count.
    fn differences(&self, user: &User) -> Vec<String> {
        let mut differing = Vec::new();
        let mut compare = |what: &str, wanted: Option<&str>, told: Option<&str>| {
            if let (Some(wanted), Some(told)) = (wanted, told)
                && !same(wanted, told)
            {
                differing.push(format!("{what} is {told:?}, asked for was {wanted:?}"));
            }
        };
        let word = |flag: bool| if flag { "true" } else { "false" };
        compare("name", Some(&self.name()), user.name.as_deref());
        compare("email", self.email.as_deref(), user.email.as_deref());
        compare("active", self.active.map(word), user.active.map(word));
        differing
    }
}

/// Creates a user and gives it roles.
///
/// # Errors
/// `conflict` where the name is taken by a user that differs; what the pod refused; `unknown-outcome` where
/// the user may or may not have been created. A role that is refused is no error but told in the answer.
pub fn create(pod: &Pod, new: &New) -> Result<Made> {
    let (mut user, how) = made(pod, new)?;
    if new.roles.is_empty() {
        return Ok(Made { user, how, roles: Vec::new() });
    }
    if user.roles.is_none() {
        // SCIM answers a create without roles on some pods, and only the account has the id they hang on.
        if let Some(told) = look(pod, &new.user_name, &LOOKS)? {
            user.fill(told);
        }
    }
    let roles = new.roles.iter().map(|code| give(pod, &user, code)).collect();
    if let Ok(Some(told)) = look(pod, &new.user_name, &[0]) {
        user.roles = told.roles.or(user.roles);
    }
    Ok(Made { user, how, roles })
}

fn made(pod: &Pod, new: &New) -> Result<(User, How)> {
    let what = format!("create user {}", new.user_name);
    let doing = Doing { what: &what, object: "Users" };
    if let Some(user) = look(pod, &new.user_name, &[0])? {
        return settle(new, user, How::AlreadyExisted);
    }
    let (address, body) = (Address::fixed(SCIM).segment("Users"), new.body());
    let mut lost: Option<Failure> = None;
    for _ in 0..SENDS {
        let cause = match pod.write(Method::Post, doing, &address, body.as_bytes()) {
            Ok(response) => {
                let told = std::str::from_utf8(&response.body).ok().and_then(value);
                match told.as_ref().and_then(User::from_scim) {
                    Some(user) => return Ok((user, How::Created)),
                    None => pod
                        .unexpected(doing, "it accepted the user and its answer cannot be read")
                        .status(response.status),
                }
            }
            Err(Lost::Refused(failure)) if is_taken(&failure) => {
                let how = if lost.is_some() { How::Recovered } else { How::AlreadyExisted };
                return match look(pod, &new.user_name, &LOOKS)? {
                    Some(user) => settle(new, user, how),
                    None => Err(failure.remedy(format!(
                        "The pod says that {} is taken, and does not show this user to the connection. Choose another user name.",
                        new.user_name
                    ))),
                };
            }
            Err(Lost::Refused(failure)) => return Err(failure),
            Err(Lost::Unknown(failure)) => failure,
        };
        match look(pod, &new.user_name, &LOOKS) {
            Ok(Some(user)) => return settle(new, user, How::Recovered),
            // The pod refuses a second user of that name, so sending it again cannot make two.
            Ok(None) if pod.has_time() => lost = Some(cause),
            _ => return Err(unknown(new, &cause)),
        }
    }
    let cause = lost.unwrap_or_else(|| Failure::internal("a create ended without an answer"));
    Err(unknown(new, &cause))
}

/// Whether the pod refuses because the name is taken: 409 by RFC 7644, or words.
fn is_taken(failure: &Failure) -> bool {
    let said = failure.problem.message.to_lowercase();
    failure.kind() == ProblemKind::Conflict
        || (failure.kind() == ProblemKind::InvalidInput && (said.contains("already") || said.contains("unique")))
}

/// The user of that name, with all that both services tell; looked for again after each wait.
///
/// # Errors
/// Where nobody answers; a refusal counts as not seen.
fn look(pod: &Pod, name: &str, waits: &[u64]) -> Result<Option<User>> {
    for wait in waits {
        if *wait > 0 {
            if !pod.has_time() {
                break;
            }
            pod.wait(Duration::from_millis(*wait));
        }
        let Lookup { user, roles_source, .. } = find_user(pod, name)?;
        let Some(mut user) = user else { continue };
        if roles_source != Some(super::Source::Scim)
            && let Ok(Some(told)) = scim_user(pod, By::Name(name))
        {
            user.fill(told);
        }
        return Ok(Some(user));
    }
    Ok(None)
}

fn settle(new: &New, user: User, how: How) -> Result<(User, How)> {
    let differing = new.differences(&user);
    if differing.is_empty() {
        return Ok((user, how));
    }
    Err(Failure::permanent(
        ProblemKind::Conflict,
        format!(
            "There is a user {} already, and it differs: {}. Nothing was changed.",
            user.user_name,
            differing.join("; ")
        ),
    )
    .remedy("If it is another person, choose another user name; if it is the same, correct the differing values."))
}

fn unknown(new: &New, cause: &Failure) -> Failure {
    let mut failure = Failure::permanent(
        ProblemKind::UnknownOutcome,
        format!("The user {} may or may not have been created: {}", new.user_name, cause.problem.message),
    )
    .remedy(format!("Look for {} with get_user before you send it again; the same input finds it.", new.user_name));
    failure.problem.http_status = cause.problem.http_status;
    failure.problem.trace_id.clone_from(&cause.problem.trace_id);
    failure
}

/// Gives one role, where it is not held.
fn give(pod: &Pod, user: &User, code: &str) -> Given {
    let told = |state, cause| Given { code: code.to_owned(), state, cause };
    let holds = |user: &User| user.roles.as_deref().is_some_and(|roles| roles.iter().any(|role| role.is(code)));
    if holds(user) {
        return told("already_held", None);
    }
    let what = format!("give role {code} to user {}", user.user_name);
    let doing = Doing { what: &what, object: ACCOUNTS };
    let address = user.id.as_deref().map(|id| {
        Address::collection("hcmRestApi", &pod.settings.api_version, ACCOUNTS)
            .key(id)
            .map(|at| at.segment("child").segment(ACCOUNT_ROLES))
    });
    let Some(Ok(address)) = address else {
        return told("refused", Some("The pod told no id of the user.".to_owned()));
    };
    let body = json!({"RoleCode": code}).to_string();
    match pod.write(Method::Post, doing, &address, body.as_bytes()) {
        Ok(_) => told("given", None),
        Err(Lost::Refused(failure)) => {
            let remedy = failure.problem.remedy.map_or(String::new(), |remedy| format!(" {remedy}"));
            // What may pass by itself is no refusal: run again, it is given.
            let state = if failure.again { "unknown" } else { "refused" };
            told(state, Some(format!("{}{remedy}", failure.problem.message)))
        }
        Err(Lost::Unknown(failure)) => {
            // The user is seen at once; what the edge gave up on may come a moment later (E7).
            let given = LOOKS.into_iter().take_while(|wait| *wait == 0 || pod.has_time()).any(|wait| {
                if wait > 0 {
                    pod.wait(Duration::from_millis(wait));
                }
                matches!(look(pod, &user.user_name, &[0]), Ok(Some(seen)) if holds(&seen))
            });
            if given { told("given", None) } else { told("unknown", Some(failure.problem.message)) }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json as answer, typed};
    use crate::http::{Response, SendError};
    use crate::settings::Settings;

    type Answer = std::result::Result<Response, SendError>;

    fn run(door: &Fake, roles: &[&str]) -> Result<Made> {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let new = New {
            user_name: "ida.ng".to_owned(),
            given_name: Some("Ida".to_owned()),
            family_name: "Ng".to_owned(),
            email: Some("ida@x.example".to_owned()),
            active: None,
            roles: roles.iter().map(|code| (*code).to_owned()).collect(),
        };
        create(&Pod::new(door, &settings, None)?, &new)
    }

    fn posts(door: &Fake) -> Vec<String> {
        let sent = door.sent.borrow();
        sent.iter().filter(|request| request.method == Method::Post).map(|request| request.path.clone()).collect()
    }

    /// Nobody in either service: the account by both spellings, then SCIM.
    fn nobody() -> [Answer; 3] {
        let none = r#"{"items":[],"hasMore":false,"Resources":[]}"#;
        [answer(200, none), answer(200, none), answer(200, none)]
    }

    fn scim(email: &str) -> Answer {
        let user = format!(
            r#"{{"id":"G1","userName":"ida.ng","displayName":"Ida Ng","emails":[{{"value":"{email}"}}],"active":true,"roles":[]}}"#
        );
        answer(200, &format!(r#"{{"Resources":[{user}]}}"#))
    }

    fn there(email: &str, roles: &str) -> [Answer; 2] {
        let account = format!(
            r#"{{"items":[{{"Username":"ida.ng","GUID":"G1","SuspendedFlag":false,"userAccountRoles":[{roles}]}}]}}"#
        );
        [answer(200, &account), scim(email)]
    }

    const MADE: &str = r#"{"id":"G1","userName":"ida.ng","displayName":"Ida Ng","active":true}"#;

    #[test]
    fn a_new_user_is_sent_once_and_gets_its_roles() {
        let role = r#"{"RoleCode":"X_JOB"}"#;
        let answers = nobody()
            .into_iter()
            .chain([answer(201, MADE)])
            .chain(there("ida@x.example", ""))
            .chain([answer(201, role)])
            .chain(there("ida@x.example", role));
        let door = Fake::new(answers);
        let made = run(&door, &["X_JOB"]).unwrap();
        assert_eq!((made.how, made.roles[0].state), (How::Created, "given"));
        assert_eq!(made.user.roles.unwrap().len(), 1);
        assert_eq!(
            posts(&door),
            ["/hcmRestApi/scim/Users", "/hcmRestApi/resources/11.13.18.05/userAccounts/G1/child/userAccountRoles"]
        );
        let sent = door.sent.borrow();
        let post = sent.iter().find(|request| request.method == Method::Post).unwrap();
        assert!(post.headers.contains(&("content-type", "application/json".to_owned())));
        let body: Value = serde_json::from_slice(post.body.as_deref().unwrap()).unwrap();
        assert_eq!(body["name"], json!({"familyName": "Ng", "givenName": "Ida"}));
        assert_eq!((&body["active"], &body["emails"][0]["value"]), (&json!(true), &json!("ida@x.example")));
    }

    #[test]
    fn a_user_that_is_there_is_not_sent_and_missing_roles_are_added() {
        let answers = there("IDA@X.example", r#"{"RoleCode":"X_JOB"}"#)
            .into_iter()
            .chain([typed(403, "", "")])
            .chain(there("ida@x.example", ""));
        let door = Fake::new(answers);
        let made = run(&door, &["x_job", "Y_JOB"]).unwrap();
        assert_eq!(made.how, How::AlreadyExisted);
        assert_eq!((made.roles[0].state, made.roles[1].state), ("already_held", "refused"));
        assert!(made.roles[1].cause.as_deref().unwrap().contains("give role Y_JOB"));
        assert_eq!(posts(&door).len(), 1);
    }

    #[test]
    fn a_role_that_the_pod_does_not_take_now_is_not_refused() {
        let busy = typed(503, "", "").map(|mut response| {
            response.headers.push(("retry-after".into(), "60".into()));
            response
        });
        let answers = there("ida@x.example", "").into_iter().chain([busy]).chain(there("ida@x.example", ""));
        let made = run(&Fake::new(answers), &["X_JOB"]).unwrap();
        assert_eq!(made.roles[0].state, "unknown");
        assert!(made.roles[0].cause.as_deref().unwrap().contains("503"));
    }

    #[test]
    fn a_user_that_differs_is_a_conflict_with_both_values() {
        let door = Fake::new(there("other@x.example", ""));
        let failure = run(&door, &[]).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::Conflict);
        assert!(failure.problem.message.contains(r#"email is "other@x.example", asked for was "ida@x.example""#));
        assert!(posts(&door).is_empty());
    }

    #[test]
    fn a_lost_answer_is_looked_up_first() {
        let door = Fake::new(nobody().into_iter().chain([typed(504, "", "")]).chain(there("ida@x.example", "")));
        assert_eq!(run(&door, &[]).unwrap().how, How::Recovered);
        assert_eq!(posts(&door).len(), 1);
    }

    #[test]
    fn a_late_commit_is_found_by_its_refusal() {
        let looks = || (0..3).flat_map(|_| nobody());
        let taken = answer(409, r#"{"Errors":[{"code":"409","description":"userName already exists"}]}"#);
        let answers = nobody()
            .into_iter()
            .chain([typed(504, "", "")])
            .chain(looks())
            .chain([taken])
            .chain(there("ida@x.example", ""));
        let door = Fake::new(answers);
        assert_eq!(run(&door, &[]).unwrap().how, How::Recovered);
        assert_eq!(posts(&door).len(), 2);
    }

    #[test]
    fn what_stays_in_the_dark_is_unknown() {
        let answers = nobody()
            .into_iter()
            .chain((0..3).flat_map(|_| [typed(504, "", "")].into_iter().chain((0..3).flat_map(|_| nobody()))));
        let failure = run(&Fake::new(answers), &[]).unwrap_err();
        assert_eq!((failure.kind(), failure.again), (ProblemKind::UnknownOutcome, false));
        assert!(failure.problem.remedy.unwrap().contains("get_user"));
    }
}
