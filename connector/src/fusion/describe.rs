//! What a pod tells of a resource (FACTS 1.8): attributes, finders, actions, children.
//!
//! Read tolerantly: what is missing is empty, what is unknown is left out.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::catalogue::Kind;

/// A resource as the pod describes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Description {
    /// Title for people.
    pub title: Option<String>,
    /// Attributes in the pod's order.
    pub attributes: Vec<Attribute>,
    /// The collection: finders and actions.
    pub collection: Part,
    /// One row: actions.
    pub item: Part,
    /// Children by name.
    pub children: BTreeMap<String, Description>,
}

/// The collection's or the row's part.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Part {
    /// Finders.
    pub finders: Vec<Finder>,
    /// Methods and custom actions.
    pub actions: Vec<Action>,
}

impl Part {
    /// Names of custom actions: what is neither read, created, changed nor deleted by its method.
    pub fn custom(&self) -> Vec<&str> {
        const PLAIN: [&str; 7] = ["get", "create", "update", "delete", "replace", "upsert", "describe"];
        self.actions.iter().map(|action| action.name.as_str()).filter(|name| !PLAIN.contains(name)).collect()
    }
}

/// A finder with its variables.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Finder {
    /// Name.
    pub name: String,
    /// Variables.
    pub attributes: Vec<Attribute>,
}

/// A method or a custom action.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Action {
    /// `get`, `create`, `update`, `delete`, or a name of its own.
    pub name: String,
    /// HTTP method.
    pub method: String,
    /// Parameters, where the pod tells them.
    pub parameters: Vec<Attribute>,
}

/// An attribute.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Attribute {
    /// Name.
    pub name: String,
    /// Title for people.
    pub title: Option<String>,
    /// `string`, `integer`, `number`, `boolean`, `array`, `object`, `attachment`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it may be changed at all.
    pub updatable: bool,
    /// Whether a create needs it.
    pub mandatory: bool,
    /// Whether a finder needs it.
    pub required: bool,
    /// Whether it may stand in `q`.
    pub queryable: bool,
    /// `always`, `inCreate` or `never`.
    pub allow_changes: Option<String>,
    /// Digits or characters.
    pub precision: Option<u64>,
    /// Longest text.
    pub max_length: Option<u64>,
    /// List of values.
    pub lov: Option<Lov>,
    /// Whatever else: a hint of dates among it.
    pub properties: BTreeMap<String, serde_json::Value>,
    /// `date` or `date-time` where the pod says so.
    pub format: Option<String>,
}

/// A list of values behind an attribute.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Lov {
    /// Name below `/lov/`.
    pub child_ref: String,
    /// Which of its attributes fill which of ours.
    pub attribute_map: Vec<Mapping>,
    /// Which of its attributes to show.
    pub display_attributes: Vec<String>,
}

/// One pair of a list's attribute and ours.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Mapping {
    /// In the list.
    pub source: String,
    /// In the resource.
    pub target: String,
}

impl Attribute {
    /// What it holds. Dates are strings in describe; a hint or the name tells them.
    pub fn holds(&self) -> Kind {
        match self.kind.as_str() {
            "integer" => Kind::Integer,
            "number" => Kind::Number,
            "boolean" => Kind::Boolean,
            "string" => match (self.hint(), self.name.as_str()) {
                (Some("date"), _) => Kind::Date,
                (Some("date-time" | "datetime" | "timestamp"), _) => Kind::Timestamp,
                (_, "LastUpdateDate" | "CreationDate") => Kind::Timestamp,
                (_, name) if name.ends_with("DateTime") || name.ends_with("Timestamp") => Kind::Timestamp,
                (_, name) if name.ends_with("Date") => Kind::Date,
                _ => Kind::String,
            },
            _ => Kind::String,
        }
    }

    fn hint(&self) -> Option<&str> {
        self.format.as_deref().or_else(|| self.properties.get("DISPLAYTYPE").and_then(serde_json::Value::as_str))
    }

    /// Whether a change may send it.
    pub fn changeable(&self) -> bool {
        match self.allow_changes.as_deref() {
            Some("always") => true,
            Some(_) => false,
            None => self.updatable,
        }
    }

    /// Whether a create may send it.
    pub fn creatable(&self) -> bool {
        match self.allow_changes.as_deref() {
            Some("never") => false,
            Some(_) => true,
            None => self.updatable || self.mandatory,
        }
    }
}

impl Description {
    /// Whether rows hold for a span of days.
    pub fn is_dated(&self) -> bool {
        self.attribute("EffectiveStartDate").is_some() && self.attribute("EffectiveEndDate").is_some()
            || self.children.values().any(Self::is_dated)
    }

    /// The description of `resource` in a describe body; `None` where the body holds none.
    pub fn read(body: &[u8], resource: &str) -> Option<Self> {
        Self::read_all(body)?.remove(resource)
    }

    /// Every description in a describe body, as that of a root; `None` for what is none.
    pub fn read_all(body: &[u8]) -> Option<BTreeMap<String, Self>> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(rename = "Resources")]
            resources: BTreeMap<String, Description>,
        }
        Some(crate::json::from_slice::<Body>(body).ok()?.resources)
    }

    /// The attribute by which one row is found, where the pod names exactly one (finder `PrimaryKey`).
    pub fn key(&self) -> Option<&Attribute> {
        let primary = self.collection.finders.iter().find(|finder| finder.name == "PrimaryKey")?;
        match primary.attributes.as_slice() {
            [only] => self.attributes.iter().find(|attribute| attribute.name == only.name),
            _ => None,
        }
    }

    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_describe_is_read_and_its_gaps_are_empty() {
        let body = br#"{"Resources":{"opportunities":{"discrColumnType":false,"title":"Opportunity","attributes":[
            {"name":"OptyId","type":"integer","queryable":true,"allowChanges":"never","precision":18},
            {"name":"BudgetedFlag","type":"boolean","updatable":true,"mandatory":true,"allowChanges":"always",
             "lov":{"childRef":"YesNoLOV","attributeMap":[{"source":"LookupCode","target":"BudgetedFlag"}],"displayAttributes":["Meaning"]}},
            {"name":"CloseDate","type":"string","properties":{"x":1}}],
            "collection":{"rangeSize":25,"finders":[{"name":"PrimaryKey","attributes":[{"name":"OptyId","type":"integer"}]}]},
            "children":{"Notes":{"$ref":"x/describe"}}}}}"#;
        let described = Description::read(body, "opportunities").unwrap();
        assert_eq!(described.key().unwrap().name, "OptyId");
        assert_eq!(described.attribute("CloseDate").unwrap().holds(), Kind::Date);
        assert!(described.attribute("BudgetedFlag").unwrap().creatable());
        assert!(!described.attribute("OptyId").unwrap().creatable());
        assert!(described.children.contains_key("Notes"));
        assert!(Description::read(body, "invoices").is_none());
        assert!(Description::read(b"{", "invoices").is_none());
    }
}
