//! Who joined and left, and who gained and lost which role: the directory compared with a snapshot.
//!
//! A list of users tells no change that can be asked for (a role that was given does not show on its
//! account, I2), so every poll begins a sweep of the whole directory, and goes on with it where it was
//! stopped. Nobody left and no role was lost before the sweep is whole, the losses are at most a tenth, and
//! the user was looked up once more.

use serde_json::{Map, Value, json};

use super::{Gathered, cursor, ended};
use crate::contract::{Event, PollResult};
use crate::fusion::directory::list::{self, Wanted};
use crate::fusion::directory::{self, Role, Source, User};
use crate::fusion::page::{PAGE, fingerprint};
use crate::fusion::pod::Pod;
use crate::problem::{Result, warning};

/// What is watched.
pub struct People<'p> {
    /// Everybody who is there already is an event as well.
    pub from_beginning: bool,
    /// Losses of over a tenth are believed.
    pub allow_drop: bool,
    /// Writes a user as outputs have it.
    pub told: &'p dyn Fn(&User) -> String,
}

/// What a poll hands to the next.
struct State {
    /// By user name in lower case: `[active, [roles], seen]`; a role is its place in `roles`.
    users: Map<String, Value>,
    /// Codes of roles, or what else names them.
    roles: Vec<Value>,
    /// Number of the sweep, a part of dedup keys.
    round: u64,
    /// The sweep under way goes on there; `Null` where none is, `true` where losses are looked up.
    at: Value,
    /// The sweep under way did not see everybody.
    doubt: bool,
    /// The directory is told by SCIM.
    scim: bool,
    /// Users and roles held when the sweep began.
    before: [usize; 2],
    /// Roles that seem to be lost: `[user, role]`.
    lost: Vec<Value>,
}

impl State {
    fn write(self) -> Value {
        json!({"users": self.users, "roles": self.roles, "round": self.round, "at": self.at, "doubt": self.doubt,
            "scim": self.scim, "before": self.before, "lost": self.lost})
    }

    fn read(mut state: Value) -> Option<Self> {
        let flag = |state: &Value, name: &str| state.get(name).and_then(Value::as_bool).unwrap_or_default();
        let before =
            |index: usize| state.get("before")?.get(index)?.as_u64().and_then(|count| usize::try_from(count).ok());
        let (round, before) = (state.get("round")?.as_u64()?, [before(0)?, before(1)?]);
        let (doubt, scim) = (flag(&state, "doubt"), flag(&state, "scim"));
        let mut take = |name: &str| state.get_mut(name).map(Value::take).unwrap_or_default();
        let (Value::Object(users), Value::Array(roles), Value::Array(lost)) =
            (take("users"), take("roles"), take("lost"))
        else {
            return None;
        };
        Some(Self { users, roles, round, at: take("at"), doubt, scim, before, lost })
    }

    fn place(&mut self, role: &Role) -> usize {
        let name = named(role);
        let found = self.roles.iter().position(|known| known.as_str() == Some(name));
        found.unwrap_or_else(|| {
            self.roles.push(name.into());
            self.roles.len() - 1
        })
    }

    fn role(&self, place: &Value) -> String {
        let place = place.as_u64().and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| self.roles.get(place)?.as_str()).unwrap_or_default().to_owned()
    }

    fn begin(&mut self) {
        let roles = self.users.values().filter_map(|user| user.get(1)?.as_array().map(Vec::len)).sum();
        self.before = [self.users.len(), roles];
        (self.doubt, self.lost) = (false, Vec::new());
        for user in self.users.values_mut() {
            if let Some(seen) = user.get_mut(2) {
                *seen = false.into();
            }
        }
    }
}

/// What names a role: its code, else its id, else its name.
fn named(role: &Role) -> &str {
    [&role.code, &role.id, &role.name].into_iter().flatten().next().map(String::as_str).unwrap_or_default()
}

/// One poll.
///
/// # Errors
/// Those of reading users where nothing was gathered yet, and of a cursor that does not fit.
pub fn poll(pod: &Pod, people: &People, cursor: Option<&str>, limit: u32) -> Result<PollResult> {
    let of = fingerprint(["user_changed", &pod.settings.origin.authority]);
    let mut state = match cursor {
        Some(text) => State::read(cursor::read(text, &of)?).ok_or_else(|| cursor::refused("is damaged"))?,
        None => State {
            users: Map::new(),
            roles: Vec::new(),
            round: 0,
            at: Value::Null,
            doubt: false,
            scim: false,
            before: [0, 0],
            lost: Vec::new(),
        },
    };
    let mut gathered = Gathered::new(limit);
    let more = run(pod, people, &mut state, &mut gathered);
    ended(&of, gathered, more, state.write())
}

fn run(pod: &Pod, people: &People, state: &mut State, gathered: &mut Gathered) -> Result<bool> {
    while state.at != Value::Bool(true) {
        let fresh = state.at.is_null();
        // A user may be several events, so that a page is at most as long as there is room.
        let listed = list::users(pod, &Wanted::default(), state.at.as_str(), gathered.room().clamp(1, PAGE))?;
        gathered.requests += 1;
        if fresh {
            state.begin();
            let scim = listed.warnings.iter().any(|told| told.code == "scim_fallback");
            // Another service names roles otherwise and shows other users.
            state.doubt = state.round > 0 && scim != state.scim;
            if state.round == 0 {
                state.scim = scim;
            }
        }
        let stopped = listed.warnings.iter().any(|told| told.code == "stopped_early");
        for told in listed.warnings {
            // A user whose roles are cut is compared as far as they go, and a list that stopped goes on.
            state.doubt |= !matches!(told.code.as_str(), "scim_fallback" | "roles_cut" | "stopped_early");
            gathered.warn(told);
        }
        for user in &listed.found {
            meet(people, state, user, gathered);
        }
        state.at = listed.next.map_or(Value::Bool(true), Value::String);
        // Asked again at once, a pod that is busy would end the poll without what was read.
        if stopped || gathered.full(pod) {
            return Ok(true);
        }
    }
    if !losses(pod, people, state, gathered)? {
        return Ok(true);
    }
    state.round = super::sweep::next_round(state.round, cursor::now(pod));
    state.at = Value::Null;
    Ok(false)
}

/// Compares a user with what was known.
fn meet(people: &People, state: &mut State, user: &User, gathered: &mut Gathered) {
    let name = user.user_name.to_lowercase();
    let quiet = state.round == 0 && !people.from_beginning;
    let held: Option<Vec<usize>> =
        user.roles.as_ref().map(|roles| roles.iter().map(|role| state.place(role)).collect());
    let before = state.users.get(&name).cloned();
    // Some of the roles are none to begin with: the others would be gained once they are shown.
    let mut kept = held.clone().filter(|_| !user.roles_cut);
    match &before {
        None if !quiet && user.active != Some(false) => {
            push(people, state, user, ("joined", "created"), None, gathered)
        }
        Some(before) if !quiet => {
            let was = before.get(0).and_then(Value::as_bool);
            match (was, user.active) {
                (Some(false), Some(true)) => push(people, state, user, ("joined", "reactivated"), None, gathered),
                (Some(true), Some(false)) => push(people, state, user, ("left", "suspended"), None, gathered),
                _ => {}
            }
            let known = before.get(1).and_then(Value::as_array);
            let known: Option<Vec<usize>> = known.map(|roles| {
                roles.iter().filter_map(|role| role.as_u64().and_then(|role| usize::try_from(role).ok())).collect()
            });
            match (known, &held) {
                // Another service names roles otherwise: what was known stays.
                (known, _) if state.doubt => kept = known,
                (Some(known), Some(held)) => {
                    for (role, place) in user.roles.iter().flatten().zip(held) {
                        if !known.contains(place) {
                            push(people, state, user, ("role_gained", "granted"), Some(role), gathered);
                        }
                    }
                    let lost = known.iter().filter(|place| !held.contains(place));
                    if !user.roles_cut {
                        state.lost.extend(lost.clone().map(|place| json!([name, place])));
                    }
                    // Held until it is confirmed that they are not.
                    kept = Some(held.iter().chain(lost).copied().collect());
                }
                (known, None) => kept = known,
                (None, Some(_)) => {}
            }
        }
        _ => {}
    }
    state.users.insert(name, json!([user.active, kept, true]));
}

fn push(
    people: &People,
    state: &State,
    user: &User,
    (change, reason): (&str, &str),
    role: Option<&Role>,
    gathered: &mut Gathered,
) {
    let of_role = role.map(|role| json!({"id": role.id, "code": role.code, "name": role.name}));
    let payload = format!(
        "{{\"change\":\"{change}\",\"reason\":\"{reason}\",\"role\":{},\"user\":{}}}",
        of_role.map_or_else(|| "null".to_owned(), |role| role.to_string()),
        (people.told)(user)
    );
    let dedup_key = format!(
        "user:{}:{change}:{}:{}",
        user.user_name.to_lowercase(),
        role.map(named).unwrap_or_default(),
        state.round
    );
    let occurred_at = role.and_then(|role| role.granted.clone()).filter(|_| change == "role_gained");
    gathered.push(Event { dedup_key, occurred_at, payload });
}

/// Looks up who and what seems to be gone; answers whether all of it was.
fn losses(pod: &Pod, people: &People, state: &mut State, gathered: &mut Gathered) -> Result<bool> {
    let missing: Vec<String> = state
        .users
        .iter()
        .filter(|(_, user)| user.get(2) != Some(&Value::Bool(true)))
        .map(|(name, _)| name.clone())
        .collect();
    let over = |lost: usize, before: usize| !people.allow_drop && lost.saturating_mul(10) > before;
    if state.doubt || over(missing.len(), state.before[0]) {
        if !missing.is_empty() {
            let told = format!(
                "{} of {} users are not told any more; nobody is reported as having left. Most often a role of the own user or a page of the answer is what is missing; where it is true, set allow_drop for one poll.",
                missing.len(),
                state.before[0]
            );
            gathered.warn(warning("sudden-drop", told, None));
        }
    } else {
        for name in missing {
            if gathered.full(pod) {
                return Ok(false);
            }
            gathered.requests += 1;
            let found = directory::find_user(pod, &name)?;
            if found.user.is_none() && found.tried.iter().all(|tried| tried.failure.is_none()) {
                let user = User { user_name: name.clone(), ..User::default() };
                push(people, state, &user, ("left", "removed"), None, gathered);
                state.users.remove(&name);
            } else if let Some(seen) = state.users.get_mut(&name).and_then(|user| user.get_mut(2)) {
                *seen = true.into();
            }
        }
    }
    if !state.lost.is_empty() && (state.doubt || over(state.lost.len(), state.before[1])) {
        let told = format!(
            "{} of {} roles that users held are not told any more; none is reported as lost. Where it is true, set allow_drop for one poll.",
            state.lost.len(),
            state.before[1]
        );
        gathered.warn(warning("sudden-drop", told, None));
        state.lost.clear();
    }
    while let Some(lost) = state.lost.last().cloned() {
        if gathered.full(pod) {
            return Ok(false);
        }
        gathered.requests += 1;
        let name = lost.get(0).and_then(Value::as_str).unwrap_or_default();
        let place = lost.get(1).cloned().unwrap_or_default();
        let code = state.role(&place);
        let found = directory::find_user(pod, name)?;
        let holds = found.roles().map(|roles| roles.iter().any(|role| named(role) == code));
        // Some of the roles, or another service's names for them, prove nothing.
        let proves = (found.roles_source == Some(Source::Scim)) == state.scim;
        if let (Some(user), Some(false)) = (&found.user, holds)
            && proves
            && !user.roles_cut
        {
            let role = Role { code: Some(code), ..Role::default() };
            push(people, state, user, ("role_lost", "removed"), Some(&role), gathered);
            if let Some(Value::Array(kept)) = state.users.get_mut(name).and_then(|user| user.get_mut(1)) {
                kept.retain(|kept| *kept != place);
            }
        }
        state.lost.pop();
    }
    Ok(true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json as answered};
    use crate::settings::Settings;

    fn account(number: u64, suspended: bool, roles: &[&str]) -> Value {
        let roles: Vec<Value> = roles.iter().map(|code| json!({"RoleId": 1, "RoleCode": code})).collect();
        json!({"UserId": number, "GUID": format!("G{number}"), "Username": format!("user{number}"),
            "SuspendedFlag": suspended, "userAccountRoles": {"items": roles, "count": 1, "hasMore": false}})
    }

    /// Polls over these pages; answers what each event tells, the codes of warnings, and the cursor.
    fn once(pages: &[Vec<Value>], cursor: Option<&str>) -> (Vec<String>, Vec<String>, String) {
        let page = |rows: &Vec<Value>| answered(200, &json!({"items": rows, "hasMore": false}).to_string());
        polled(&Fake::new(pages.iter().map(page)), cursor)
    }

    fn polled(door: &Fake, cursor: Option<&str>) -> (Vec<String>, Vec<String>, String) {
        let text = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        let people =
            People { from_beginning: false, allow_drop: false, told: &|user| json!(user.user_name).to_string() };
        let polled = poll(&pod, &people, cursor, 500).unwrap();
        assert_eq!(polled.has_more, polled.warnings.iter().any(|told| told.code == "stopped_early"));
        let told = |event: &Event| {
            let payload: Value = serde_json::from_str(&event.payload).unwrap();
            let role = payload.pointer("/role/code").and_then(Value::as_str).unwrap_or_default().to_owned();
            format!("{} {} {} {role}", payload["user"], payload["change"], payload["reason"]).replace('"', "")
        };
        let warnings = polled.warnings.into_iter().map(|told| told.code).collect();
        (polled.events.iter().map(told).collect(), warnings, polled.cursor)
    }

    fn everybody() -> Vec<Value> {
        (1..=20).map(|number| account(number, false, &["A_JOB", "B_JOB"])).collect()
    }

    #[test]
    fn people_join_leave_gain_and_lose_roles() {
        let (events, _, cursor) = once(&[everybody()], None);
        assert!(events.is_empty(), "what is there already is no event");
        let mut rows = everybody();
        rows[0] = account(1, true, &["A_JOB", "B_JOB"]);
        rows[1] = account(2, false, &["A_JOB", "B_JOB", "C_JOB"]);
        rows[2] = account(3, false, &["A_JOB"]);
        rows.push(account(21, false, &[]));
        let looked_up = vec![account(3, false, &["A_JOB"])];
        let (events, warnings, cursor) = once(&[rows.clone(), looked_up], Some(&cursor));
        assert_eq!(
            events,
            [
                "user1 left suspended ",
                "user2 role_gained granted C_JOB",
                "user21 joined created ",
                "user3 role_lost removed B_JOB"
            ]
        );
        assert!(warnings.is_empty());
        let (events, _, _) = once(&[rows], Some(&cursor));
        assert!(events.is_empty());
    }

    #[test]
    fn roles_that_are_not_shown_are_neither_lost_nor_gained_later() {
        let page = |rows: &[Value]| answered(200, &json!({"items": rows, "hasMore": false}).to_string());
        let (_, _, cursor) = once(&[everybody()], None);
        let mut rows = everybody();
        rows[0] = account(1, false, &["C_JOB"]);
        rows[0]["userAccountRoles"]["hasMore"] = true.into();
        let door = Fake::new([page(&rows), answered(403, "{}")]);
        let (events, warnings, cursor) = polled(&door, Some(&cursor));
        assert_eq!(
            (events, warnings),
            (vec!["user1 role_gained granted C_JOB".to_owned()], vec!["roles_cut".to_owned()])
        );
        rows[0] = account(1, false, &["A_JOB", "B_JOB", "C_JOB"]);
        let (events, _, cursor) = once(&[rows.clone()], Some(&cursor));
        assert!(events.is_empty(), "{events:?}");

        // What seems to be lost is looked up, where the pod throttles, and where it shows no more than before.
        rows[0] = account(1, false, &["A_JOB", "C_JOB"]);
        let scim = r#"{"Resources":[{"userName":"user1","roles":[{"id":"7","displayName":"B"}]}]}"#;
        let busy = || answered(503, "{}");
        let door = Fake::new([page(&rows), busy(), busy(), busy(), answered(200, scim)]);
        assert!(polled(&door, Some(&cursor)).0.is_empty());
    }

    #[test]
    fn a_pod_that_throttles_roles_is_read_on_where_it_stopped() {
        let page = |rows: &[Value]| answered(200, &json!({"items": rows, "hasMore": false}).to_string());
        let (_, _, cursor) = once(&[everybody()], None);
        let mut rows = everybody();
        rows[0] = account(1, false, &["A_JOB", "B_JOB", "C_JOB"]);
        rows[1]["userAccountRoles"]["hasMore"] = true.into();
        rows[2] = account(3, false, &["A_JOB", "B_JOB", "C_JOB"]);
        let busy = || answered(429, "{}");
        let (events, warnings, cursor) = polled(&Fake::new([page(&rows), busy(), busy(), busy()]), Some(&cursor));
        assert_eq!(
            (events, warnings),
            (vec!["user1 role_gained granted C_JOB".to_owned()], vec!["stopped_early".to_owned()])
        );
        let door = Fake::new([page(&rows[1..]), answered(200, &rows[0]["userAccountRoles"].to_string())]);
        let (events, ..) = polled(&door, Some(&cursor));
        assert_eq!(events, ["user2 role_gained granted C_JOB", "user3 role_gained granted C_JOB"]);
    }

    #[test]
    fn a_sudden_drop_of_people_or_roles_is_not_believed() {
        let (_, _, cursor) = once(&[everybody()], None);
        let (events, warnings, cursor) = once(&[everybody().drain(..10).collect()], Some(&cursor));
        assert_eq!((events.len(), warnings), (0, vec!["sudden-drop".to_owned()]));
        let bare = (1..=20).map(|number| account(number, false, &["A_JOB"])).collect();
        let (events, warnings, cursor) = once(&[bare], Some(&cursor));
        assert_eq!((events.len(), warnings), (0, vec!["sudden-drop".to_owned()]));
        let (events, warnings, _) = once(&[everybody()], Some(&cursor));
        assert!(events.is_empty() && warnings.is_empty());
    }
}
