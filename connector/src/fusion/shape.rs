//! Which attributes and children a record comes with, and children that came cut off made whole (P9).
//!
//! A child that is cut is read from its own collection. Where a child of its rows is cut, it is read again with
//! the links of its rows, which tell their keys, and then each list that is cut; so many within one call.

use std::cell::Cell;

use super::address::Address;
use super::page::Search;
use super::pod::Pod;
use super::query;
use super::record;
use super::target::Target;
use crate::contract::Warning;
use crate::problem::{Failure, Result, warning};

/// Rows of one child that are read for one record.
const MOST: usize = 100_000;
/// Lists within lists that are read on their own in one call: a request or more for each.
const LISTS: u32 = 200;

/// Which attributes and children a record comes with.
#[derive(Clone)]
pub struct Shape {
    fields: Option<String>,
    expand: Option<String>,
    links: bool,
    /// Children to read, as they were named.
    named: Vec<String>,
    /// Attributes of children.
    inner: Vec<(String, Vec<String>)>,
    /// Lists within lists that may still be read.
    lists: Cell<u32>,
    /// Whether children come along.
    pub expands: bool,
}

impl Shape {
    /// From `fields` and `expand` of an input.
    ///
    /// # Errors
    /// `invalid-input` for what is no name, or where the two do not go together (Q4).
    pub fn new(target: &Target, fields: Option<&[String]>, expand: Option<&[String]>) -> Result<Self> {
        let fields = fields.unwrap_or_default();
        let expand = expand.unwrap_or_default();
        for (index, name) in expand.iter().enumerate() {
            if query::path(name).is_none() {
                return Err(Failure::invalid(
                    format!("/expand/{index}"),
                    format!("{name:?} is not the name of a child"),
                ));
            }
        }
        let mut own: Vec<&str> = Vec::new();
        let mut children: Vec<(String, Vec<&str>)> = Vec::new();
        for (index, name) in fields.iter().enumerate() {
            let name = query::path(name).ok_or_else(|| {
                Failure::invalid(format!("/fields/{index}"), format!("{name:?} is not the name of an attribute"))
            })?;
            match name.rsplit_once('.') {
                None => own.push(name),
                Some((child, attribute)) => match children.iter_mut().find(|(known, _)| known == child) {
                    Some((_, attributes)) => attributes.push(attribute),
                    None => children.push((child.to_owned(), vec![attribute])),
                },
            }
        }
        if fields.is_empty() {
            let links = target.plain_key().is_none();
            let expand_text = (!expand.is_empty()).then(|| expand.join(","));
            return Ok(Self {
                fields: None,
                expands: expand_text.is_some(),
                expand: expand_text,
                links,
                named: expand.to_vec(),
                inner: Vec::new(),
                lists: Cell::new(LISTS),
            });
        }
        // With fields the pod ignores expand (Q4): children must be named by their attributes.
        for (index, child) in expand.iter().enumerate() {
            if !children.iter().any(|(known, _)| known == child) {
                let described = target.described.as_ref().and_then(|told| told.children.get(child));
                let first = described.and_then(|told| told.attributes.first());
                let such = first.map_or(String::new(), |one| format!(", as in {child}.{}", one.name));
                return Err(Failure::invalid(
                    format!("/expand/{index}"),
                    format!("with fields, Fusion ignores expand; name the attributes of {child} in fields{such}"),
                ));
            }
        }
        if let Some(key) = target.plain_key()
            && !own.contains(&key)
        {
            own.push(key);
        }
        let mut text = own.join(",");
        for (child, attributes) in &children {
            text.push_str(&format!(";{child}:{}", attributes.join(",")));
        }
        Ok(Self {
            fields: Some(text),
            expand: None,
            links: target.plain_key().is_none(),
            expands: !children.is_empty(),
            named: Vec::new(),
            inner: children
                .into_iter()
                .map(|(child, attributes)| (child, attributes.into_iter().map(str::to_owned).collect()))
                .collect(),
            lists: Cell::new(LISTS),
        })
    }

    /// Adds its parameters. Links are left out where the key is an attribute; where only a link tells it,
    /// that one link comes along.
    pub fn add(&self, mut address: Address) -> Address {
        if let Some(fields) = &self.fields {
            address = address.clause("fields", fields);
        }
        if let Some(expand) = &self.expand {
            address = address.param("expand", expand);
        }
        if self.links { address.param("links", "self") } else { address.param("onlyData", "true") }
    }

    /// Appends a record as it goes into an answer: children as lists. Those that the pod cut off are read from
    /// their own collection where the keys are known; else that they are cut is told.
    pub fn write(&self, pod: &Pod, target: &Target, row: &str, out: &mut String, warnings: &mut Vec<Warning>) {
        let key = target.key_of(row);
        let of = |key: &String| target.collection(&pod.settings.api_version).key(key).ok();
        let of = Row { pod, target, at: key.as_ref().and_then(of), key: key.as_deref(), below: "" };
        self.flatten(&of, row, out, warnings);
    }

    fn flatten(&self, of: &Row, row: &str, out: &mut String, warnings: &mut Vec<Warning>) {
        record::flatten_whole(row, of.below, of.pod.settings.framework < 3, out, &mut |child, out| {
            let own = child.path.rsplit_once('.').map_or("", |(above, _)| above) == of.below;
            if !(child.cut || own && child.cut_below()) {
                return false;
            }
            let costs = !(child.cut && of.below.is_empty());
            let told = match &of.at {
                Some(at) if own && !(costs && (self.lists.get() == 0 || !of.pod.has_time())) => {
                    self.lists.set(self.lists.get() - u32::from(costs));
                    match self.read_child(of, at, child.path, out) {
                        Ok(mut end) => {
                            warnings.append(&mut end);
                            return true;
                        }
                        Err(failure) => format!(" ({})", failure.problem.message),
                    }
                }
                _ => String::new(),
            };
            // Of a child that is whole itself, what is cut below it is told there.
            if child.cut {
                let message = format!(
                    "The pod sent only the first rows of {}{told}; search the children to read them all.",
                    child.path
                );
                warnings.push(warning("children_cut", message, of.key.map(str::to_owned)));
            }
            false
        });
    }

    /// The whole list of a child, behind the path of those that it stands in; answers what was lost sight of.
    fn read_child(&self, of: &Row, at: &Address, path: &str, out: &mut String) -> Result<Vec<Warning>> {
        let Row { pod, target, key, .. } = *of;
        let name = path.rsplit('.').next().unwrap_or(path);
        let of_child = Target {
            name: name.to_owned(),
            root: target.root.clone(),
            known: None,
            described: None,
            currency: None,
            day: None,
        };
        let below: Vec<&str> =
            self.named.iter().filter_map(|name| name.strip_prefix(path)?.strip_prefix('.')).collect();
        let mut fields = Vec::new();
        for (child, attributes) in &self.inner {
            match child.strip_prefix(path) {
                Some("") => fields.insert(0, attributes.join(",")),
                Some(rest) => {
                    fields.extend(rest.strip_prefix('.').map(|rest| format!("{rest}:{}", attributes.join(","))))
                }
                None => {}
            }
        }
        let collection = at.clone().segment("child").segment(name);
        // Keys of rows are needed where children of theirs may be cut.
        let parents = fields.iter().any(|of| of.contains(':')) || !below.is_empty();
        let (links, such) = if parents { ("links", "self") } else { ("onlyData", "true") };
        let mut fixed = collection.clone().param(links, such);
        if !fields.is_empty() {
            fixed = fixed.clause("fields", &fields.join(";"));
        } else if !below.is_empty() {
            fixed = fixed.param("expand", &below.join(","));
        }
        let search = Search {
            what: format!("read the {path} of {} {}", target.name, key.unwrap_or_default()),
            target: &of_child,
            terms: Vec::new(),
            fixed,
            order: None,
            keyset: None,
            total: false,
        };
        let (mut told, mut flat) = (Vec::new(), String::new());
        out.push('[');
        let begin = out.len();
        let end = search.read(pod, search.start(), MOST, &mut |row| {
            if out.len() > begin {
                out.push(',');
            }
            flat.clear();
            let at = record::key_in_links(row).and_then(|key| collection.clone().key(&key).ok());
            self.flatten(&Row { at, below: path, ..*of }, row, &mut flat, &mut told);
            if parents {
                record::without_links(&flat, out);
            } else {
                out.push_str(&flat);
            }
        })?;
        out.push(']');
        told.extend(end.warnings);
        if end.next.is_some() {
            let message =
                format!("{path} holds more rows than one answer takes; search the children to read them all.");
            told.push(warning("children_cut", message, key.map(str::to_owned)));
        }
        Ok(told)
    }
}

/// A row whose children are looked at.
struct Row<'a> {
    pod: &'a Pod<'a>,
    target: &'a Target,
    /// Its address, where its key is known.
    at: Option<Address>,
    /// Key of the record that it is, or is in.
    key: Option<&'a str>,
    /// Its own path behind the record; empty for the record.
    below: &'a str,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json};
    use crate::settings::Settings;

    fn written(settings: &str, door: &Fake, expand: &[&str], row: &str) -> (String, Vec<Warning>) {
        let text =
            format!(r#"{{"host":"h.example.com","auth":{{"type":"basic","username":"u","password":"p"}}{settings}}}"#);
        let settings = Settings::parse(&text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        let target = Target::known("invoices").unwrap().unwrap();
        let expand: Vec<String> = expand.iter().map(|name| (*name).to_owned()).collect();
        let shape = Shape::new(&target, None, Some(&expand)).unwrap();
        let (mut out, mut warnings) = (String::new(), Vec::new());
        shape.write(&pod, &target, row, &mut out, &mut warnings);
        (out, warnings)
    }

    #[test]
    fn children_that_came_cut_off_are_read_from_their_own_collection() {
        let door = Fake::new([
            json(200, r#"{"items":[{"N":1},{"N":2}],"count":2,"hasMore":true}"#),
            json(200, r#"{"items":[{"N":2},{"N":3}],"count":2,"hasMore":false}"#),
        ]);
        let row = r#"{"InvoiceId":7,"invoiceLines":{"items":[{"N":1}],"count":1,"hasMore":true}}"#;
        let (out, warnings) = written("", &door, &["invoiceLines.invoiceDistributions"], row);
        assert_eq!(out, r#"{"InvoiceId":7,"invoiceLines":[{"N":1},{"N":2},{"N":3}]}"#);
        assert!(warnings.is_empty());
        let first = door.sent.borrow()[0].path.clone();
        assert!(first.contains("/invoices/7/child/invoiceLines?links=self&expand=invoiceDistributions"), "{first}");
    }

    #[test]
    fn the_advice_names_an_attribute_that_the_child_has() {
        let told = br#"{"Resources":{"invoices":{"children":{"attachments":{"attributes":[{"name":"FileName"}]}}}}}"#;
        let described = crate::fusion::describe::Description::read(told, "invoices");
        let mut target = Target::known("invoices").unwrap().unwrap();
        for (described, such) in [(described, "in fields, as in attachments.FileName"), (None, "in fields")] {
            target.described = described;
            let (fields, expand) = (["InvoiceId".to_owned()], ["attachments".to_owned()]);
            let failure = Shape::new(&target, Some(&fields), Some(&expand)).err().unwrap();
            assert!(failure.problem.fields[0].message.ends_with(such), "{}", failure.problem.message);
        }
    }

    #[test]
    fn what_cannot_be_made_whole_is_told() {
        let row = r#"{"InvoiceId":7,"invoiceLines":{"items":[{"N":1,"d":{"items":[{}],"count":1,"hasMore":true}}],"count":1,"hasMore":false}}"#;
        let (out, warnings) = written("", &Fake::default(), &["invoiceLines"], row);
        assert_eq!(out, r#"{"InvoiceId":7,"invoiceLines":[{"N":1,"d":[{}]}]}"#);
        assert_eq!((warnings[0].code.as_str(), warnings[0].key.as_deref()), ("children_cut", Some("7")));
    }

    #[test]
    fn lists_within_lists_that_came_cut_off_are_read_from_their_own_collections() {
        let line = |n: u32, cut: bool| {
            format!(
                r#"{{"N":{n},"d":{{"items":[{{"D":1,"links":[]}}],"count":1,"hasMore" : {cut}}},"links":[{{"rel":"self","href":"https://h/x/00%3A{n}"}}]}}"#
            )
        };
        let row = format!(
            r#"{{"InvoiceId":7,"lines":{{"items":[{},{}],"count":2,"hasMore":false}}}}"#,
            line(1, true),
            line(2, false)
        );
        let lines = format!(r#"{{"items":[{},{}],"count":2,"hasMore":false}}"#, line(1, true), line(2, false));
        let door =
            Fake::new([json(200, &lines), json(200, r#"{"items":[{"D":1},{"D":2}],"count":2,"hasMore":false}"#)]);
        let (out, warnings) = written("", &door, &["lines.d"], &row);
        assert_eq!(out, r#"{"InvoiceId":7,"lines":[{"N":1,"d":[{"D":1},{"D":2}]},{"N":2,"d":[{"D":1}]}]}"#);
        assert!(warnings.is_empty());
        let sent = door.sent.borrow();
        assert!(sent[0].path.contains("/invoices/7/child/lines?links=self&expand=d&"), "{}", sent[0].path);
        assert!(sent[1].path.contains("/invoices/7/child/lines/00%3A1/child/d?onlyData=true"), "{}", sent[1].path);
    }

    #[test]
    fn so_many_lists_within_lists_are_read_and_then_they_are_told() {
        let line =
            r#"{"d":{"items":[{"D":1}],"count":1,"hasMore":true},"links":[{"rel":"self","href":"https://h/x/1"}]}"#;
        let lines =
            |count: usize| format!(r#"{{"items":[{}],"count":{count},"hasMore":false}}"#, vec![line; count].join(","));
        let whole = || json(200, r#"{"items":[{"D":1}],"count":1,"hasMore":false}"#);
        let door = Fake::new([json(200, &lines(250))].into_iter().chain((0..300).map(|_| whole())));
        let row = format!(r#"{{"InvoiceId":7,"lines":{}}}"#, lines(1));
        let (out, warnings) = written("", &door, &["lines.d"], &row);
        assert_eq!(door.sent.borrow().len(), 200);
        assert_eq!((warnings.len(), warnings[0].code.as_str()), (51, "children_cut"));
        assert_eq!(out.matches(r#""d":[{"D":1}]"#).count(), 250);
    }

    #[test]
    fn the_old_frameworks_cut_without_a_sign() {
        let rows = vec![r#"{"N":1}"#; 25].join(",");
        let row = format!(r#"{{"InvoiceId":7,"invoiceLines":[{rows}]}}"#);
        let door = Fake::new([json(200, r#"{"items":[{"N":1},{"N":2}],"count":2,"hasMore":false}"#)]);
        let (out, warnings) = written(r#","rest_framework_version":2"#, &door, &["invoiceLines"], &row);
        assert_eq!(out, r#"{"InvoiceId":7,"invoiceLines":[{"N":1},{"N":2}]}"#);
        assert!(warnings.is_empty());
    }
}
