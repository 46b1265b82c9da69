//! What a user's roles say about a right. Names speak for it and prove nothing: what a role holds cannot be
//! read over REST.

use crate::fusion::access::{Area, Extra, Right};
use crate::fusion::directory::Role;

/// Roles that are named before the rest is counted.
const NAMED: usize = 4;

/// Which roles speak for an area, and for what is needed beside it.
pub fn of(roles: Option<&[Role]>, area: Option<&Area>, extras: &[Extra]) -> String {
    let Some(roles) = roles else {
        return "The user's roles could not be read, so nothing speaks for it or against it.".to_owned();
    };
    if roles.is_empty() {
        return "The user holds no role at all.".to_owned();
    }
    let held = match roles.len() {
        1 => "The one role of the user does not speak".to_owned(),
        count => format!("None of the {count} roles of the user speaks"),
    };
    let mut told = Vec::new();
    if let Some(area) = area {
        let predefined = roles.iter().find(|role| area.is_predefined(role));
        let speaking: Vec<String> =
            roles.iter().filter(|role| area.speaks(role) && !area.is_predefined(role)).map(named).collect();
        match (predefined, speaking.is_empty()) {
            (Some(role), _) => told.push(format!("The user holds the predefined role {}.", named(role))),
            (None, false) => told.push(format!(
                "By name these roles speak for {}: {}; their privileges cannot be read over REST.",
                area.title,
                list(&speaking)
            )),
            (None, true) => told
                .push(format!("{held} for {} by code or name; a custom role may grant it all the same.", area.title)),
        }
    } else {
        told.push("Nothing is known of which role grants it.".to_owned());
    }
    for extra in extras {
        let Some(code) = extra.code.filter(|code| area.is_none_or(|area| area.role_code != *code)) else { continue };
        let holds = roles.iter().any(|role| role.code.as_deref().is_some_and(|held| held.eq_ignore_ascii_case(code)));
        told.push(match holds {
            true => format!("The user holds {code}."),
            false => format!("{code} is not among the user's roles by its code; a role of one's own may hold it."),
        });
    }
    told.join(" ")
}

/// How to be certain of a right that nothing here proves.
pub fn remedy(area: Option<&Area>, right: Right) -> String {
    let privilege = area.map(|area| area.privilege(right)).unwrap_or_default();
    let look = match (privilege, area.map(|area| area.duty).unwrap_or_default()) {
        ("", "") => "what grants it".to_owned(),
        ("", duty) => format!("the duty {duty}"),
        (privilege, _) => format!("the privilege {privilege}"),
    };
    let certain = match right {
        Right::Read => "sign in as the user and look",
        Right::Run => "run one on a test pod",
        Right::Create | Right::Update | Right::Delete => "do it once on a test pod",
    };
    format!(
        "Look for {look} in Security Console > Roles > the user's role > Function Security Policies; to be certain, {certain}."
    )
}

/// A role as people know it.
pub fn named(role: &Role) -> String {
    match (&role.name, &role.code) {
        (Some(name), Some(code)) => format!("{name} ({code})"),
        (Some(name), None) => name.clone(),
        (None, Some(code)) => code.clone(),
        (None, None) => role.id.clone().unwrap_or_default(),
    }
}

/// Some of them, and how many more.
pub fn list(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let some = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { some } else { format!("{some} and {more} more") }
}
