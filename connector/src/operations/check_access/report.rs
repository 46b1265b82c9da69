//! The report: its rows, its form, and the JSON of both.
//!
//! A row is made of columns, and one list of columns makes the form, the JSON and the CSV. The form is built
//! from such lists and not derived, which would cost the component as much as all checks together.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

use crate::fusion::directory::Role;

/// Columns of a row, with what they hold.
pub const COLUMNS: [(&str, &str); 16] = [
    ("module", "Business module."),
    ("area", "Part of the module with needs of its own, as in Payables."),
    ("operation", "Operation that needs it."),
    ("resource", "Resource."),
    ("right", "read, create, update, delete or run."),
    (
        "status",
        "ok: a read answered rows. empty: 200 and no rows, by data security or since there are none. forbidden: function security. hidden: 404 on a name that the built-in catalogue knows. unknown_resource: 404 on a name that nobody knows. not_provable: only a write, a job or a sign-in as that user would prove it. finder_only: it answers only with a finder or a condition. failed: the read failed for another reason. not_checked: there was no time or room left.",
    ),
    ("cause", "What that means."),
    ("evidence", "What was sent and answered, and which roles speak for it."),
    ("predefined_role", "Predefined role of the area."),
    ("role_code", "Its code."),
    ("duty_role", "Duty role."),
    ("privilege", "Example of a privilege."),
    ("data_security", "On what data security is granted."),
    ("extras", "What is needed beside it."),
    ("source", "Where role, duty and privilege come from."),
    ("remedy", "What to do."),
];

/// Columns that a table for people shows; the others are for the file.
const IMPORTANT: [&str; 5] = ["resource", "right", "status", "cause", "remedy"];

/// What was found of one right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    const ALL: [Self; 9] = [
        Self::Ok,
        Self::Empty,
        Self::Forbidden,
        Self::Hidden,
        Self::UnknownResource,
        Self::NotProvable,
        Self::FinderOnly,
        Self::Failed,
        Self::NotChecked,
    ];

    /// As it stands in outputs.
    pub fn name(self) -> &'static str {
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

    /// From an earlier output.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// One right on one resource; see [`COLUMNS`].
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Row {
    pub module: &'static str,
    pub area: &'static str,
    pub operation: &'static str,
    pub resource: String,
    pub right: &'static str,
    pub status: Status,
    pub cause: String,
    pub evidence: String,
    pub predefined_role: &'static str,
    pub role_code: &'static str,
    pub duty_role: &'static str,
    pub privilege: &'static str,
    pub data_security: &'static str,
    pub extras: String,
    pub source: &'static str,
    pub remedy: String,
}

impl Row {
    /// In the order of [`COLUMNS`].
    pub fn cells(&self) -> [&str; 16] {
        [
            self.module,
            self.area,
            self.operation,
            &self.resource,
            self.right,
            self.status.name(),
            &self.cause,
            &self.evidence,
            self.predefined_role,
            self.role_code,
            self.duty_role,
            self.privilege,
            self.data_security,
            &self.extras,
            self.source,
            &self.remedy,
        ]
    }

    /// As it stands in the output.
    pub fn json(&self) -> Value {
        let cells = COLUMNS.iter().zip(self.cells());
        Value::Object(cells.map(|((column, _), cell)| ((*column).to_owned(), Value::from(cell))).collect())
    }
}

/// Something that a person should look at.
#[derive(Clone, Debug)]
pub struct Warned {
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// The role, resource or user that it is about.
    pub key: Option<String>,
}

/// A change since the baseline.
#[derive(Clone, Debug)]
pub struct Change {
    /// `role_lost`, `role_gained`, `sudden_zero`, `lost`, `better`, `other`.
    pub kind: &'static str,
    /// Role, by its code or name.
    pub role: Option<String>,
    /// Resource.
    pub resource: Option<String>,
    /// Right on the resource.
    pub right: Option<&'static str>,
    /// Before.
    pub before: &'static str,
    /// Now.
    pub now: &'static str,
    /// For people.
    pub message: String,
}

impl Warned {
    /// As it stands in the output.
    pub fn json(&self) -> Value {
        object([text("code", self.code), text("message", &self.message), maybe("key", self.key.as_deref())].into())
    }
}

impl Change {
    /// As it stands in the output.
    pub fn json(&self) -> Value {
        object(vec![
            text("kind", self.kind),
            maybe("role", self.role.as_deref()),
            maybe("resource", self.resource.as_deref()),
            maybe("right", self.right),
            text("before", self.before),
            text("now", self.now),
            text("message", &self.message),
        ])
    }
}

/// A role as it stands in the output.
pub fn role(role: &Role) -> Value {
    object(vec![maybe("code", role.code.as_deref()), maybe("name", role.name.as_deref())])
}

/// An object of these members.
#[inline(never)]
pub fn object(members: Vec<(&'static str, Value)>) -> Value {
    let mut object = Map::new();
    for (name, value) in members {
        object.insert(name.to_owned(), value);
    }
    Value::Object(object)
}

/// A member that is text.
#[inline(never)]
pub fn text(name: &'static str, text: &str) -> (&'static str, Value) {
    (name, Value::from(text))
}

/// A member that is text or null.
#[inline(never)]
pub fn maybe(name: &'static str, text: Option<&str>) -> (&'static str, Value) {
    (name, text.map_or(Value::Null, Value::from))
}

/// The form of the report.
pub struct Report;

/// Members of an object, what they hold, and whether they are always text; the others may be null.
type Members = [(&'static str, &'static str, bool)];

const USER: &Members = &[
    ("user_name", "Name to sign in with; null where the connection does not tell it.", false),
    ("id", "Id; null where the user was not found.", false),
    ("name", "Name for people; null where not told.", false),
    ("email", "E-mail address; null where not told.", false),
    ("active", "Whether the account is active; null where not told.", false),
    ("person_number", "Number of the person behind the account; null where there is none or it is not told.", false),
    (
        "is_connection_user",
        "Whether reads were tried as this user; null where the connection does not tell its user.",
        false,
    ),
];
const ROLE: &Members = &[("code", "Code; null where not told.", false), ("name", "Name; null where not told.", false)];
const WARNING: &Members = &[
    ("code", "For programs.", true),
    ("message", "For people.", true),
    ("key", "The role, resource or user that it is about; null where it is about none.", false),
];
const CHANGE: &Members = &[
    ("kind", "role_lost, role_gained, sudden_zero, lost, better or other.", true),
    ("role", "Role, by its code or name; null where it is about a resource.", false),
    ("resource", "Resource; null where it is about a role.", false),
    ("right", "Right on the resource; null where it is about a role.", false),
    ("before", "Before.", true),
    ("now", "Now.", true),
    ("message", "For people.", true),
];
const FILE: &Members = &[("name", "File name.", true), ("text", "Content.", true)];

/// The form of an object.
#[inline(never)]
fn form(title: &str, description: &str, members: &Members) -> Value {
    let properties = members.iter().map(|(name, description, is_text)| {
        let mut property = vec![text("description", description)];
        if *is_text {
            property.insert(0, text("type", "string"));
        }
        ((*name).to_owned(), object(property))
    });
    object(vec![
        text("type", "object"),
        text("title", title),
        text("description", description),
        ("properties", Value::Object(properties.collect())),
        ("required", Value::Array(members.iter().map(|(name, ..)| Value::from(*name)).collect())),
    ])
}

#[inline(never)]
fn list(description: &str, of: Value) -> Value {
    object(vec![text("type", "array"), text("description", description), ("items", of)])
}

#[inline(never)]
fn words(description: &str) -> Value {
    object(vec![text("type", "string"), text("description", description)])
}

impl JsonSchema for Report {
    fn schema_name() -> Cow<'static, str> {
        "Report".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let columns: Vec<_> = COLUMNS.iter().map(|(name, description)| (*name, *description, true)).collect();
        let mut row = form("Right", "One right on one resource.", &columns);
        for name in IMPORTANT {
            if let Some(column) = row.pointer_mut(&format!("/properties/{name}")).and_then(Value::as_object_mut) {
                column.insert("x-connector-visibility".to_owned(), "important".into());
            }
        }
        if let Some(status) = row.pointer_mut("/properties/status").and_then(Value::as_object_mut) {
            let names = Status::ALL.iter().map(|status| Value::from(status.name())).collect();
            status.insert("enum".to_owned(), Value::Array(names));
        }
        let members = vec![
            ("pod", words("Host name of the pod.")),
            ("user", form("User", "Whose roles these are.", USER)),
            (
                "roles",
                list(
                    "Roles of the user; empty as well where they could not be read, which roles_source tells.",
                    form("Role", "A role.", ROLE),
                ),
            ),
            (
                "roles_source",
                object(vec![text("description", "Who told the roles: userAccounts, scim, or null where neither did.")]),
            ),
            (
                "result",
                list("One row for each right on each resource. A column without content holds an empty text.", row),
            ),
            ("warnings", list("What a person should look at.", form("Warning", "A warning.", WARNING))),
            ("changes", list("What changed since the baseline.", form("Change", "A change.", CHANGE))),
            ("checked_at", words("When it was checked, in UTC.")),
            ("csv", form("File", "Rows, warnings and changes as a file, each line with pod, user and time.", FILE)),
        ];
        let required = members.iter().map(|(name, _)| Value::from(*name)).collect();
        let whole = object(vec![
            text("type", "object"),
            text("title", "Access report"),
            ("properties", object(members)),
            ("required", Value::Array(required)),
        ]);
        match whole {
            Value::Object(members) => members.into(),
            _ => Schema::default(),
        }
    }
}
