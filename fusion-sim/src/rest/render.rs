//! Rows and collections as bodies, straight from the rows (FACTS 1.3, 1.6).

use jiff::civil::Date;

use super::json::Json;
use super::path;
use crate::effective;
use crate::keys::{self, Place};
use crate::model::{Resource, Root, Row, Type};
use crate::query::selection::Selection;

/// Rows of an expanded child in framework 1 and 2: cut without a sign (FACTS 12).
const ARRAY_CAP: usize = 25;
/// Rows of an expanded child from framework 3 on (FACTS 1.4, recorded).
const NESTED_LIMIT: usize = 499;

/// What all rows of one answer are shown with.
pub(crate) struct View<'a> {
    /// `https://{host}:{port}`
    pub(crate) base: &'a str,
    pub(crate) version: u8,
    pub(crate) only_data: bool,
    /// The relations to show; all where none.
    pub(crate) relations: Option<&'a [String]>,
    pub(crate) effective: Date,
    /// The most rows of an expanded child, where a fault says so (P9).
    pub(crate) nested: Option<usize>,
}

/// Paging members of an envelope.
pub(crate) struct Envelope {
    pub(crate) total: Option<u64>,
    pub(crate) count: usize,
    pub(crate) more: Option<bool>,
    pub(crate) limit: u64,
    pub(crate) offset: u64,
}

impl View<'_> {
    /// `…/fscmRestApi/resources/11.13.18.05`
    pub(crate) fn root(&self, root: Root) -> String {
        format!("{}/{}/resources/{}", self.base, path::root_name(root), path::VERSION)
    }

    /// Where a row is.
    pub(crate) fn item_href(&self, place: &Place<'_>) -> String {
        let key = path::encode_key(&keys::segment(place, self.effective));
        format!("{}/{key}", self.collection_href(place.parent, place.resource))
    }

    /// Where a collection is: below a row, or at the root.
    pub(crate) fn collection_href(&self, parent: Option<&Place<'_>>, resource: &Resource) -> String {
        match parent {
            Some(parent) => format!("{}/child/{}", self.item_href(parent), resource.name),
            None => format!("{}/{}", self.root(resource.root), resource.name),
        }
    }

    /// A row as an object.
    pub(crate) fn row(&self, json: &mut Json, place: &Place<'_>, selection: &Selection) {
        json.object();
        let shown = |at: usize| selection.attributes.as_ref().is_none_or(|chosen| chosen.binary_search(&at).is_ok());
        for (at, (attribute, value)) in place.resource.attributes.iter().zip(&place.row.values).enumerate() {
            if shown(at) && attribute.kind != Type::Attachment {
                json.name(&attribute.name);
                json.value(value);
            }
        }
        for (name, below) in &selection.children {
            let Some(child) = place.resource.child(name) else { continue };
            json.name(name);
            self.expanded(json, place, child, below);
        }
        if !self.only_data {
            self.links(json, place);
        }
        json.end_object();
    }

    fn expanded(&self, json: &mut Json, parent: &Place<'_>, child: &Resource, selection: &Selection) {
        let dated = effective::is_dated(child);
        let rows = parent.row.child(&child.name).iter();
        let rows: Vec<&Row> = rows.filter(|row| !dated || effective::holds(child, row, self.effective)).collect();
        let usual = if self.version >= 3 { NESTED_LIMIT } else { ARRAY_CAP };
        let cap = self.nested.map_or(usual, |rows| rows.min(usual));
        let page = rows.get(..rows.len().min(cap)).unwrap_or_default();
        let list = |json: &mut Json| {
            json.array();
            for row in page {
                json.element();
                self.row(json, &parent.child(child, row), selection);
            }
            json.end_array();
        };
        if self.version < 3 {
            return list(json);
        }
        json.object();
        json.name("items");
        list(json);
        let envelope = Envelope {
            total: Some(rows.len() as u64),
            count: page.len(),
            more: Some(rows.len() > cap),
            limit: cap as u64,
            offset: 0,
        };
        self.envelope(json, Some(parent), child, &envelope);
        json.end_object();
    }

    /// What stands after `items`.
    pub(crate) fn envelope(
        &self,
        json: &mut Json,
        parent: Option<&Place<'_>>,
        resource: &Resource,
        envelope: &Envelope,
    ) {
        if let Some(total) = envelope.total {
            json.number("totalResults", total);
        }
        json.number("count", envelope.count as u64);
        if let Some(more) = envelope.more {
            json.flag("hasMore", more);
        }
        json.number("limit", envelope.limit);
        json.number("offset", envelope.offset);
        json.name("links");
        json.array();
        let href = self.collection_href(parent, resource);
        link(json, "self", &href, &resource.name, "collection", None);
        for action in &resource.collection_actions {
            link(json, "action", &format!("{href}/action/{action}"), action, "other", None);
        }
        json.end_array();
    }

    fn links(&self, json: &mut Json, place: &Place<'_>) {
        let resource = place.resource;
        let href = self.item_href(place);
        let shows = |relation: &str| self.relations.is_none_or(|wanted| wanted.iter().any(|wanted| wanted == relation));
        json.name("links");
        json.array();
        if shows("self") {
            let indicator = resource.change_indicator.then(|| keys::change_indicator(place.row.version));
            link(json, "self", &href, &resource.name, "item", indicator.as_deref());
        }
        if shows("canonical") {
            link(json, "canonical", &href, &resource.name, "item", None);
        }
        if let Some(parent) = place.parent.filter(|_| shows("parent")) {
            link(json, "parent", &self.item_href(parent), &parent.resource.name, "item", None);
        }
        if shows("lov") {
            let mut names: Vec<&str> = Vec::new();
            for lov in resource.attributes.iter().filter_map(|attribute| attribute.lov.as_ref()) {
                if !names.contains(&lov.name.as_str()) {
                    names.push(&lov.name);
                    link(json, "lov", &format!("{href}/lov/{}", lov.name), &lov.name, "collection", None);
                }
            }
        }
        if shows("child") {
            let mut names: Vec<&str> = resource.children.iter().map(|child| child.name.as_str()).collect();
            names.sort_unstable();
            for name in names {
                link(json, "child", &format!("{href}/child/{name}"), name, "collection", None);
            }
        }
        if shows("enclosure") {
            for attribute in resource.attributes.iter().filter(|attribute| attribute.kind == Type::Attachment) {
                link(
                    json,
                    "enclosure",
                    &format!("{href}/enclosure/{}", attribute.name),
                    &attribute.name,
                    "other",
                    None,
                );
            }
        }
        if shows("action") {
            for action in &resource.item_actions {
                link(json, "action", &format!("{href}/action/{action}"), action, "other", None);
            }
        }
        json.end_array();
    }
}

/// A link as an element of an array.
pub(crate) fn link(json: &mut Json, rel: &str, href: &str, name: &str, kind: &str, indicator: Option<&str>) {
    json.element();
    json.object();
    json.member("rel", rel);
    json.member("href", href);
    json.member("name", name);
    json.member("kind", kind);
    if let Some(indicator) = indicator {
        json.name("properties");
        json.object();
        json.member("changeIndicator", indicator);
        json.end_object();
    }
    json.end_object();
}

/// The children of a row that was created with some: they are shown, those below them are not (FACTS 4.1).
pub(crate) fn echoed(resource: &Resource, row: &Row) -> Selection {
    let sent = row.children.iter().filter(|(name, rows)| !rows.is_empty() && resource.child(name).is_some());
    Selection { attributes: None, children: sent.map(|(name, _)| (name.clone(), Selection::default())).collect() }
}
