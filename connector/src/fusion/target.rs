//! A resource, found by its name: in the catalogue, or else by asking the pod.

use super::address::{Address, is_resource_name};
use super::catalogue::{self, Kind, Protocol, Quirk, Resource};
use super::describe::Description;
use super::pod::{Doing, Pod};
use crate::contract::ProblemKind;
use crate::problem::{Failure, Result};

/// A resource that can be asked.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name in addresses.
    pub name: String,
    /// The root below which it lives.
    pub root: String,
    /// What the catalogue knows.
    pub known: Option<Resource>,
    /// What the pod told, where it was asked.
    pub described: Option<Description>,
    /// Currency of the invoice whose children it is, where it was asked for.
    pub currency: Option<String>,
    /// Day as of which its rows are read (yyyy-MM-dd), where a change counts from one.
    pub day: Option<String>,
}

/// Roots in which a name is looked for, the likeliest first.
pub const ROOTS: [&str; 3] = ["fscmRestApi", "hcmRestApi", "crmRestApi"];

/// The resource at the top of a path to children.
fn parent(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

impl Target {
    /// Finds a resource; asks the pod only where the catalogue does not know the name.
    ///
    /// # Errors
    /// `invalid-input` at `/resource` for what is no name and for what the pod does not know, `unsupported`
    /// for what is not read as records.
    pub fn find(pod: &Pod, name: &str) -> Result<Self> {
        if name.contains('/') {
            return Self::below(Self::find(pod, parent(name))?, name);
        }
        Self::known(name)?.map_or_else(|| Self::describe(pod, name), Ok)
    }

    /// Finds a resource and asks the pod for its description.
    ///
    /// # Errors
    /// As for [`Target::find`].
    pub fn describe(pod: &Pod, name: &str) -> Result<Self> {
        if name.contains('/') {
            return Self::below(Self::describe(pod, parent(name))?, name);
        }
        let known = Self::known(name)?;
        let roots: Vec<String> = match &known {
            Some(target) => vec![target.root.clone()],
            None => {
                let likely = super::modules::root(name);
                let others = ROOTS.into_iter().filter(|root| Some(*root) != likely);
                likely.into_iter().chain(others).map(str::to_owned).collect()
            }
        };
        for root in roots {
            let doing = format!("describe {name}");
            let doing = Doing { what: &doing, object: name };
            let address = Address::collection(&root, &pod.settings.api_version, name).segment("describe");
            match pod.get(doing, &address) {
                Ok(response) => {
                    let described = Description::read(&response.body, name).ok_or_else(|| {
                        pod.garbled(doing, &format!("{} is no description of {name}", address.path()))
                    })?;
                    let known = known.and_then(|target| target.known);
                    return Ok(Self {
                        name: name.to_owned(),
                        root,
                        known,
                        described: Some(described),
                        currency: None,
                        day: None,
                    });
                }
                Err(failure) if failure.kind() == ProblemKind::NotFound && known.is_none() => {}
                Err(failure) => return Err(failure),
            }
        }
        let meant = catalogue::meant(name);
        let remedy = match meant.is_empty() {
            _ if super::modules::root(name).is_some() => format!("Fusion has {name}, so it is most likely the user's roles that give no access to it, or its module is not in use on this pod; pods answer 404 for both. check_access tells which role grants it."),
            true => "Choose a name from list_resources; or the user's roles give no access to it, since pods answer 404 for a missing privilege as well.".to_owned(),
            false => format!(
                "Did you mean {}? Names are case-sensitive. A missing role or privilege is answered with 404 as well.",
                meant.join(" or ")
            ),
        };
        // The question is wrong and not the pod: nothing of what was asked for was sent.
        Err(Failure::invalid(
            "/resource",
            format!("the pod knows no resource {name} below {}, or does not show it to this user", ROOTS.join(", ")),
        )
        .remedy(remedy))
    }

    /// The target of a resource that the catalogue knows; sends nothing.
    ///
    /// # Errors
    /// `invalid-input` for what is no name, `unsupported` for what is not read as records.
    pub fn known(name: &str) -> Result<Option<Self>> {
        if !is_resource_name(name) {
            return Err(Failure::invalid("/resource", format!("{name:?} is not the name of a resource"))
                .remedy("Choose a name from list_resources, as in invoices."));
        }
        let Some(known) = catalogue::find(name) else { return Ok(None) };
        if known.protocol != Protocol::Records {
            return Err(Failure::permanent(
                ProblemKind::Unsupported,
                format!("{name} is not a collection of records: the {} service answers for it.", known.protocol.name()),
            )
            .remedy("Use the operations made for it."));
        }
        Ok(Some(Self {
            name: name.to_owned(),
            root: known.root.to_owned(),
            known: Some(known),
            described: None,
            currency: None,
            day: None,
        }))
    }

    /// The children of one row, as a resource of their own: `invoices/{key}/child/invoiceLines`, and so on
    /// downwards (FACTS 1.7). Keys may be percent-encoded. Its name is the encoded path.
    fn below(top: Self, path: &str) -> Result<Self> {
        let wrong = |why: String| {
            Failure::invalid("/resource", why)
                .remedy("Children are named as in invoices/{key}/child/invoiceLines; the key is that of the parent, and a slash in it is written %2F.")
        };
        let mut address = Address::fixed(&top.name);
        let (mut described, mut known) = (top.described.as_ref(), String::new());
        let steps: Vec<&str> = path.split('/').skip(1).collect();
        for step in steps.chunks(3) {
            let [key, "child", child] = step else {
                return Err(wrong(format!("{path:?} is neither a resource nor the children of a record")));
            };
            if !is_resource_name(child) {
                return Err(wrong(format!("{child:?} is not the name of a child")));
            }
            if !known.is_empty() {
                known.push('.');
            }
            known.push_str(child);
            let listed = top.known.as_ref().map(|top| top.children.as_slice()).unwrap_or_default();
            let other = |name: &&&str| name.eq_ignore_ascii_case(&known);
            if !listed.contains(&known.as_str())
                && let Some(right) = listed.iter().find(other)
            {
                return Err(wrong(format!("{known} is spelt {right} on {}", top.name)));
            }
            let key = percent_encoding::percent_decode_str(key).decode_utf8_lossy();
            address = address.key(&key).map_err(|_| wrong(format!("{key:?} is not the key of a record")))?;
            address = address.segment("child").segment(child);
            described = described.and_then(|told| told.children.get(*child));
        }
        let described = described.filter(|told| !told.attributes.is_empty()).cloned();
        Ok(Self {
            name: address.as_str().to_owned(),
            root: top.root,
            known: None,
            described,
            currency: None,
            day: None,
        })
    }

    /// The address of the collection.
    pub fn collection(&self, version: &str) -> Address {
        Address::collection(&self.root, version, &self.name)
    }

    /// Whether its rows, or rows below them, hold for spans of days; `None` where the pod does not tell.
    pub fn is_dated(&self) -> Option<bool> {
        fn is_whole(told: &Description) -> bool {
            !told.attributes.is_empty() && told.children.values().all(is_whole)
        }
        let told = self.described.as_ref().filter(|told| !told.attributes.is_empty());
        match told {
            _ if self.has(Quirk::DateEffective) => Some(true),
            Some(told) if told.is_dated() => Some(true),
            // Date-effective resources are those of HCM (FACTS 1.2); below others nothing is.
            Some(told) if self.root != "hcmRestApi" || is_whole(told) => Some(false),
            _ => None,
        }
    }

    /// The same address, as of its day.
    pub fn as_of(&self, address: Address) -> Address {
        match &self.day {
            Some(day) => address.param("effectiveDate", day),
            None => address,
        }
    }

    /// What an attribute holds, where it is known.
    pub fn kind(&self, attribute: &str) -> Option<Kind> {
        self.known
            .as_ref()
            .and_then(|known| known.kind(attribute))
            .or_else(|| self.described.as_ref()?.attribute(attribute).map(super::describe::Attribute::holds))
    }

    /// What an attribute holds that may stand in `q`; `None` where it may not, or is not known to.
    pub fn queryable(&self, attribute: &str) -> Option<Kind> {
        let known = self.known.as_ref().and_then(|known| known.kind(attribute));
        let described = || self.described.as_ref()?.attribute(attribute).filter(|attribute| attribute.queryable);
        known.or_else(|| described().map(super::describe::Attribute::holds))
    }

    /// The attribute by which rows are named in addresses, where it is one. What the pod describes does not
    /// tell it: a finder by one attribute may stand beside keys that only links tell (FACTS 1.7).
    pub fn plain_key(&self) -> Option<&str> {
        match self.known.as_ref()?.key {
            catalogue::Key::Plain(attribute) => Some(attribute),
            catalogue::Key::Opaque => None,
        }
    }

    /// The key, where pages can follow it: known to name one row, a whole number, and allowed in `q`.
    pub fn sortable_key(&self) -> Option<&str> {
        self.plain_key().filter(|key| self.known.as_ref().is_some_and(|known| known.kind(key) == Some(Kind::Integer)))
    }

    /// The attribute that comes last in a sort order, to make it total.
    pub fn order_key(&self) -> Option<&str> {
        self.sortable_key().or_else(|| {
            let key = self.described.as_ref()?.key()?;
            (self.known.is_none() && key.queryable).then_some(key.name.as_str())
        })
    }

    /// The attribute that tells the last change, and whether it may stand in `q`.
    pub fn changed(&self) -> Option<(&str, bool)> {
        match (&self.known, &self.described) {
            (Some(known), _) => known.changed.map(|stamp| (stamp.attribute, stamp.queryable)),
            (None, Some(described)) => ["LastUpdateDate", "LastUpdateDateTime", "lastUpdateDate"]
                .iter()
                .find_map(|name| described.attribute(name))
                .map(|attribute| (attribute.name.as_str(), attribute.queryable)),
            (None, None) => None,
        }
    }

    /// The attribute that tells the creation, and whether it may stand in `q`.
    pub fn created(&self) -> Option<(&str, bool)> {
        match (&self.known, &self.described) {
            (Some(known), _) => known.created.map(|stamp| (stamp.attribute, stamp.queryable)),
            (None, Some(described)) => ["CreationDate", "CreationDateTime", "creationDate"]
                .iter()
                .find_map(|name| described.attribute(name))
                .map(|attribute| (attribute.name.as_str(), attribute.queryable)),
            (None, None) => None,
        }
    }

    /// Whether it has that quirk, as far as known.
    pub fn has(&self, quirk: Quirk) -> bool {
        self.known.as_ref().is_some_and(|known| known.has(quirk))
    }

    /// The key of a row in text: its plain key, or what its own link says.
    pub fn key_of(&self, row: &str) -> Option<String> {
        let plain = self.plain_key().and_then(|key| {
            let [raw] = super::record::pick(row, [key]);
            raw.and_then(super::record::plain)
        });
        plain.or_else(|| super::record::key_in_links(row))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json};
    use crate::settings::Settings;

    fn with<T>(door: &Fake, run: impl FnOnce(&Pod) -> T) -> T {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        run(&Pod::new(door, &Settings::parse(text).unwrap(), None).unwrap())
    }

    #[test]
    fn children_of_a_row_are_a_resource() {
        let door = Fake::new([]);
        let target =
            with(&door, |pod| Target::find(pod, "invoices/7/child/invoiceLines/00 2%2F/child/invoiceDistributions"))
                .unwrap();
        assert_eq!(
            target.collection("v").as_str(),
            "/fscmRestApi/resources/v/invoices/7/child/invoiceLines/00%202%2F/child/invoiceDistributions"
        );
        assert!(target.plain_key().is_none());
        for path in [
            "invoices/7",
            "invoices/7/invoiceLines",
            "invoices/../child/invoiceLines",
            "invoices/7/child/a-b",
            "invoices//child/x",
            "invoices/%2E%2E/child/x",
            "invoices/7/child/invoicelines",
            "invoices/7/child/invoiceLines/",
        ] {
            let failure = with(&door, |pod| Target::find(pod, path)).unwrap_err();
            assert_eq!(failure.problem.fields[0].pointer, "/resource", "{path}");
        }
        assert!(door.sent.borrow().is_empty());
    }

    #[test]
    fn children_are_described_within_their_parent() {
        let body = r#"{"Resources":{"invoices":{"attributes":[],"children":{"invoiceLines":{"attributes":[{"name":"LineAmount","type":"number"}]}}}}}"#;
        let door = Fake::new([json(200, body), json(200, body)]);
        let target = with(&door, |pod| Target::describe(pod, "invoices/7/child/invoiceLines")).unwrap();
        assert_eq!(target.described.unwrap().attributes[0].name, "LineAmount");
        assert!(with(&door, |pod| Target::describe(pod, "invoices/7/child/notes")).unwrap().described.is_none());
    }
}
