//! Users and roles as outputs have them: one shape, whichever service told of them, and its forms.
//!
//! What nobody told is null; a list of roles that is null is not an empty one. The forms of these operations
//! are written out: what derives them is several times their size, and the component is to stay small.

use schemars::Schema;
use serde_json::{Map, Value};

use crate::fusion::directory::duties::{self, Conflict};
use crate::fusion::directory::{Role, User};

const USER: &str = include_str!("user/user.json");
const ROLE: &str = include_str!("user/role.json");
const WARNINGS: &str = r#""warnings":{"type":"array","description":"What was lost sight of.","items":{"type":"object","title":"Warning","required":["code","message","key"],"properties":{"code":{"type":"string","description":"For programs."},"message":{"type":"string","description":"For people."},"key":{"description":"Key of the record that it is about; null where it is about none."}}}}"#;

/// A form from its text.
#[inline(never)]
pub fn written(text: &str) -> Schema {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => members.into(),
        _ => Schema::default(),
    }
}

fn list_of(title: &str, item: &str) -> Schema {
    written(&format!(
        r#"{{"type":"object","title":"{title}","required":["result","next_cursor"],"properties":{{"result":{{"type":"array","description":"What was found.","items":{item}}},"next_cursor":{{"description":"Hand it in as cursor for more; null at the end."}},{WARNINGS}}}}}"#
    ))
}

/// The form of a list of users.
pub fn users() -> Schema {
    list_of("Users", USER)
}

/// The form of a list of roles.
pub fn roles() -> Schema {
    list_of("Roles", ROLE)
}

/// The form of an answer with one user; `more` are further properties, as JSON text that ends with a comma.
pub fn one(title: &str, required: &str, more: &str) -> Schema {
    written(&format!(
        r#"{{"type":"object","title":"{title}","required":[{required}],"properties":{{{more}"record":{USER},{WARNINGS}}}}}"#
    ))
}

/// Says which form a type has.
macro_rules! form {
    ($of:ty, $name:literal, $form:expr) => {
        impl schemars::JsonSchema for $of {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $form
            }
        }
    };
}
pub(super) use form;

type Words<'u> = [(&'static str, Option<&'u String>)];

/// An object of texts, each null where it is not told.
#[inline(never)]
fn words(members: &Words) -> Map<String, Value> {
    members.iter().map(|(name, text)| ((*name).to_owned(), text.cloned().map_or(Value::Null, Value::String))).collect()
}

/// A user as JSON text.
pub fn told(user: &User) -> String {
    let person = words(&[("id", user.person_id.as_ref()), ("number", user.person_number.as_ref())]);
    let known = person.values().any(|value| !value.is_null());
    let manager = user.manager.as_ref().map(|manager| {
        words(&[
            ("name", manager.name.as_ref()),
            ("person_id", manager.person_id.as_ref()),
            ("person_number", manager.person_number.as_ref()),
        ])
    });
    let held = user.roles.as_deref();
    let list = |values: Option<Vec<Value>>| values.map_or(Value::Null, Value::Array);
    let mut told = words(&[
        ("id", user.id.as_ref()),
        ("user_name", Some(&user.user_name)),
        ("name", user.name.as_ref()),
        ("email", user.email.as_ref()),
        ("active", None),
        ("person", None),
        ("department", user.department.as_ref()),
        ("manager", None),
        ("roles", None),
        ("conflicts", None),
        ("created", user.created.as_ref()),
        ("updated", user.updated.as_ref()),
    ]);
    let rest = [
        ("active", user.active.map_or(Value::Null, Value::Bool)),
        ("person", if known { Value::Object(person) } else { Value::Null }),
        ("manager", manager.map_or(Value::Null, Value::Object)),
        ("roles", list(held.map(|roles| roles.iter().map(|role| role_of(role, true)).collect()))),
        ("conflicts", list(held.map(|roles| duties::conflicts(roles).into_iter().map(conflict).collect()))),
    ];
    for (name, value) in rest {
        if let Some(place) = told.get_mut(name) {
            *place = value;
        }
    }
    Value::Object(told).to_string()
}

fn conflict(found: Conflict) -> Value {
    let mut told = words(&[("roles", None), ("duties", None), ("reason", Some(&found.reason.to_owned()))]);
    told.insert("roles".to_owned(), Value::Array(found.roles.into_iter().map(Value::String).collect()));
    told.insert("duties".to_owned(), Value::Array(found.duties.into_iter().map(Value::from).collect()));
    Value::Object(told)
}

fn role_of(role: &Role, held: bool) -> Value {
    let members = [
        ("id", role.id.as_ref()),
        ("code", role.code.as_ref()),
        ("name", role.name.as_ref()),
        ("granted", role.granted.as_ref()),
    ];
    Value::Object(words(members.get(..if held { 4 } else { 3 }).unwrap_or_default()))
}

/// A role that exists as JSON text.
pub fn told_role(role: &Role) -> String {
    role_of(role, false).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::forms::check::faults;
    use crate::forms::subset::outside;
    use crate::operations::Entry;

    #[test]
    fn what_is_written_fits_the_subset_and_what_is_told() {
        for id in ["list_users", "get_user", "list_roles", "create_user"] {
            let entry = Entry::named(id).unwrap();
            for (form, sample) in
                [(entry.input_schema(), entry.spec.sample_input), (entry.output_schema(), entry.spec.sample_output)]
            {
                assert!(!form["properties"].as_object().unwrap().is_empty(), "{id}");
                assert_eq!(outside(&form), Vec::<String>::new(), "{id}");
                assert_eq!(faults(&form, &serde_json::from_str(sample).unwrap()), [], "{id}");
            }
        }
        let user: Value = serde_json::from_str(&told(&User::default())).unwrap();
        let form: Value = serde_json::from_str(USER).unwrap();
        let names = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&user), names(&form["properties"]));
    }

    /// The types refuse what they do not know, so that a form that says more than its type is found here.
    #[test]
    fn each_form_says_what_its_type_takes() {
        fn read<T: serde::de::DeserializeOwned>(form: &Value) {
            let properties = form["properties"].as_object().unwrap();
            let given = properties.iter().map(|(name, property)| {
                let value = match property["type"].as_str().unwrap() {
                    "string" => Value::from("x"),
                    "boolean" => Value::Bool(true),
                    "integer" => Value::from(1),
                    _ => Value::Array(Vec::new()),
                };
                (name.clone(), value)
            });
            serde_json::from_value::<T>(Value::Object(given.collect())).unwrap_or_else(|error| unreachable!("{error}"));
        }
        let form = |id| Entry::named(id).unwrap().input_schema();
        read::<super::super::list_users::Input>(&form("list_users"));
        read::<super::super::get_user::Input>(&form("get_user"));
        read::<super::super::list_roles::Input>(&form("list_roles"));
        read::<super::super::create_user::Input>(&form("create_user"));
    }
}
