//! What modules and operations need of a user: roles, duties, privileges, data security, extras.
//!
//! The table is `access.txt`. Its facts come from a third-party card and a published set-up guide, not from
//! a pod, and some names in that card do not exist (FACTS 8, N1): each area says its source, and nothing is
//! refused or proven by this table alone.

use std::sync::LazyLock;

use super::directory::Role;
use crate::packed;

static TABLE: LazyLock<String> = LazyLock::new(|| packed::text("access.txt"));

/// What one may do with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// See rows.
    Read,
    /// Add rows.
    Create,
    /// Change rows.
    Update,
    /// Take rows away.
    Delete,
    /// Start a job or an action.
    Run,
}

impl Right {
    /// As it stands in the table and in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Run => "run",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Read, Self::Create, Self::Update, Self::Delete, Self::Run].into_iter().find(|right| right.name() == word)
    }
}

/// A part of a module with needs of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// As in "Payables".
    pub title: &'static str,
    /// The module of the resource catalogue.
    pub module: &'static str,
    /// Areas of one group belong to one duty; several groups in one user are a question of segregation. May
    /// be empty.
    pub group: &'static str,
    /// The resources that stand for it.
    pub main: Vec<&'static str>,
    /// The others.
    pub more: Vec<&'static str>,
    /// Code of the predefined role; may be empty.
    pub role_code: &'static str,
    /// Its name.
    pub role_name: &'static str,
    /// Where role and code come from, in words; empty where there are none.
    pub source: &'static str,
    /// Duty role; may be empty.
    pub duty: &'static str,
    /// Examples of privileges.
    pub privileges: Vec<(Right, &'static str)>,
    /// On what data security is granted; may be empty.
    pub data: &'static str,
    /// Ways in which integrations reach it.
    pub surfaces: Vec<&'static str>,
    /// The word in "Run … Scheduled Processes"; may be empty.
    pub process: &'static str,
    /// Extras whatever the operation.
    pub extras: Vec<&'static str>,
    /// Words in codes and names of roles that speak for it.
    pub words: Vec<&'static str>,
}

impl Area {
    /// The example of a privilege for a right; empty where none is known.
    pub fn privilege(&self, right: Right) -> &'static str {
        self.privileges.iter().find(|(of, _)| *of == right).map_or("", |(_, name)| name)
    }

    /// Whether it is the predefined role, by its code, or by its name where no code is told.
    pub fn is_predefined(&self, role: &Role) -> bool {
        !self.role_code.is_empty()
            && match (&role.code, &role.name) {
                (Some(code), _) => code.eq_ignore_ascii_case(self.role_code),
                (None, Some(name)) => name.eq_ignore_ascii_case(self.role_name),
                (None, None) => false,
            }
    }

    /// Whether the role's code or name speaks for it. That says nothing about its privileges.
    pub fn speaks(&self, role: &Role) -> bool {
        let abstracted = role.code.as_deref().is_some_and(|code| code.ends_with("_ABSTRACT"));
        self.is_predefined(role) || (!abstracted && words(role).iter().any(|word| self.words.contains(&word.as_str())))
    }

    /// Whether the resource belongs to it.
    pub fn has(&self, resource: &str) -> bool {
        self.main.contains(&resource) || self.more.contains(&resource)
    }

    /// Whether files are imported into it by the ERP integration service; workers go by HDL instead.
    pub fn imports(&self) -> bool {
        self.surfaces.contains(&"FBDI") && !self.process.is_empty()
    }
}

/// The words of a role's code and name, in upper case.
#[inline(never)]
pub fn words(role: &Role) -> Vec<String> {
    let texts = [role.code.as_deref(), role.name.as_deref()];
    let words = texts.into_iter().flatten().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    words.filter(|word| !word.is_empty()).map(str::to_uppercase).collect()
}

/// On what an operation works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// Whatever resource is chosen.
    Chosen,
    /// These.
    Named(Vec<&'static str>),
    /// Every area that files are imported into.
    Imports,
    /// Nothing on the pod.
    Nothing,
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Rights that it uses.
    pub rights: Vec<Right>,
    /// On what.
    pub on: On,
    /// Extras by their key.
    pub extras: Vec<&'static str>,
}

/// Something that is needed beside the role of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extra {
    /// The role's code, where it is a role.
    pub code: Option<&'static str>,
    /// In words; `{process}` stands for the module's word.
    pub text: &'static str,
}

/// The lines of one kind, without their first word. Not inlined: the table is read in many places, and
/// speed does not matter in any.
#[inline(never)]
fn lines(word: &str) -> Vec<&'static str> {
    TABLE.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' ')).collect()
}

#[inline(never)]
fn split(list: &'static str, by: char) -> Vec<&'static str> {
    list.split(by).collect()
}

/// The first word and the rest.
#[inline(never)]
fn first(line: &'static str) -> (&'static str, &'static str) {
    line.split_once(' ').unwrap_or((line, ""))
}

/// All areas, in the order of the table.
pub fn areas() -> Vec<Area> {
    let mut areas: Vec<Area> = Vec::new();
    for line in TABLE.lines() {
        let (word, rest) = first(line);
        if word == "area" {
            areas.push(Area { title: rest, ..Area::default() });
        } else if let Some(area) = areas.last_mut() {
            let list = || split(rest, ' ');
            match word {
                "module" => area.module = rest,
                "group" => area.group = rest,
                "main" => area.main = list(),
                "more" => area.more = list(),
                "role" => (area.role_code, area.role_name) = first(rest),
                "source" => {
                    area.source = match rest {
                        "card" => "third-party card, to be verified on the pod",
                        _ => "published set-up guide of a similar integration",
                    };
                }
                "duty" => area.duty = rest,
                "privilege" => {
                    let (right, name) = first(rest);
                    area.privileges.extend(Right::parse(right).map(|right| (right, name)));
                }
                "data" => area.data = rest,
                "surfaces" => area.surfaces = list(),
                "process" => area.process = rest,
                "extras" => area.extras = list(),
                "words" => area.words = list(),
                _ => {}
            }
        }
    }
    areas
}

/// What the operation of that id does.
pub fn effect(id: &str) -> Option<Effect> {
    let (_, rest) = lines("op").into_iter().map(first).find(|(known, _)| *known == id)?;
    let words = split(rest, ' ');
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    let on = match word(1) {
        "*" => On::Chosen,
        "imports" => On::Imports,
        "-" => On::Nothing,
        names => On::Named(split(names, ',')),
    };
    let rights = split(word(0), ',').into_iter().filter_map(Right::parse).collect();
    let extras = split(word(2), ',').into_iter().filter(|key| !key.is_empty()).collect();
    Some(Effect { rights, on, extras })
}

/// Ids of all operations in the table.
pub fn operations() -> Vec<&'static str> {
    lines("op").into_iter().map(|line| first(line).0).collect()
}

/// The extra of that key.
pub fn extra(key: &str) -> Option<Extra> {
    let (_, rest) = lines("extra").into_iter().map(first).find(|(known, _)| *known == key)?;
    let (code, text) = first(rest);
    Some(Extra { code: Some(code).filter(|code| *code != "-"), text })
}

/// What a name that cards give to a resource should be (N1).
pub fn wrong_name(name: &str) -> Option<&'static str> {
    lines("wrong").into_iter().map(first).find(|(wrong, _)| *wrong == name).map(|(_, right)| right)
}

/// The seeded role that holds far more than an integration needs, if this is one: its code and name.
pub fn broad(role: &Role) -> Option<(&'static str, &'static str)> {
    lines("broad").into_iter().map(first).find(|(code, name)| match (&role.code, &role.name) {
        (Some(held), _) => held.eq_ignore_ascii_case(code),
        (None, held) => held.as_deref().is_some_and(|held| held.eq_ignore_ascii_case(name)),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fusion::catalogue;
    use crate::operations;

    fn role(code: &str) -> Role {
        Role { code: Some(code.to_owned()), ..Role::default() }
    }

    #[test]
    fn every_line_is_read() {
        let known = [
            "area",
            "module",
            "group",
            "main",
            "more",
            "role",
            "source",
            "duty",
            "privilege",
            "data",
            "surfaces",
            "process",
            "extras",
            "words",
            "extra",
            "op",
            "wrong",
            "broad",
        ];
        for line in TABLE.lines() {
            assert!(known.contains(&line.split(' ').next().unwrap()), "{line}");
        }
        let effects = || operations().into_iter().map(|id| effect(id).unwrap());
        assert!(effects().all(|effect| effect.on == On::Nothing || !effect.rights.is_empty()));
        let keys = areas().into_iter().flat_map(|area| area.extras).chain(effects().flat_map(|effect| effect.extras));
        for key in keys {
            assert!(extra(key).is_some(), "{key}");
        }
    }

    #[test]
    fn every_resource_and_every_operation_is_covered() {
        let areas = areas();
        for resource in catalogue::all() {
            let area = areas.iter().find(|area| area.has(resource.name));
            assert!(area.is_some(), "{}", resource.name);
        }
        for entry in operations::ALL {
            assert!(effect(entry.spec.id).is_some(), "{}", entry.spec.id);
        }
        for module in catalogue::all().map(|resource| resource.module) {
            assert!(areas.iter().any(|area| area.module == module), "{module}");
        }
    }

    #[test]
    fn roles_speak_by_their_words() {
        let areas = areas();
        let of = |title: &str| areas.iter().find(|area| area.title == title).unwrap();
        assert!(of("Payables").is_predefined(&role("ORA_AP_ACCOUNTS_PAYABLE_INTEGRATION_SPECIALIST")));
        assert!(of("Payables").speaks(&role("CUSTOM_INT_AP")));
        assert!(!of("Payables").speaks(&role("CUSTOM_APPROVER")));
        assert!(!of("Workers").speaks(&role("ORA_PER_EMPLOYEE_ABSTRACT")));
        assert_eq!(broad(&role("ORA_GL_GENERAL_ACCOUNTANT_JOB")).unwrap().1, "General Accountant");
        assert!(broad(&role("CUSTOM_GENERAL_ACCOUNTANT")).is_none());
    }
}
