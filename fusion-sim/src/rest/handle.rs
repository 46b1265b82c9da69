//! From a path and a method to the handler that answers.

use http::{Method, StatusCode, header};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::answer::Answer;
use super::error::PodError;
use super::negotiate::Negotiated;
use super::path::{self, Path};
use super::{action, batch, collection, describe, item};
use crate::auth::{Access, User};
use crate::effective;
use crate::faults::Tuning;
use crate::keys::{self, KeyValues, Place};
use crate::metadata;
use crate::model::{Resource, Row, Value};
use crate::payload::Payload;
use crate::pod::Arrival;
use crate::security;
use crate::store::{Context, Step, Store, with_places};

/// Everything a handler may know.
pub(crate) struct Call<'a> {
    pub(crate) arrival: &'a Arrival,
    pub(crate) method: Method,
    pub(crate) negotiated: &'a Negotiated,
    /// `https://{host}:{port}`
    pub(crate) base: String,
    pub(crate) user: &'static User,
    pub(crate) tuning: Tuning,
    pub(crate) now: Timestamp,
}

impl Call<'_> {
    pub(crate) fn today(&self) -> Date {
        self.now.to_zoned(TimeZone::UTC).date()
    }

    /// Whether data security, or a fault, hides every row.
    pub(crate) fn sees_nothing(&self) -> bool {
        self.user.access == Access::NoData || self.tuning.nothing
    }

    pub(crate) fn context(&self) -> Context {
        Context { now: self.now, user: self.user.username.to_owned() }
    }
}

/// A collection or a row that a path leads to.
pub(crate) struct Target {
    /// What the collection or the row is.
    pub(crate) resource: &'static Resource,
    /// The rows above, from the top; with the row itself at the end where the path names one.
    pub(crate) trail: Vec<(&'static Resource, Row)>,
    /// The top row's key and the steps below it, for writes.
    pub(crate) key: Option<KeyValues>,
    pub(crate) steps: Vec<Step>,
    /// Whether the path ends on a row.
    pub(crate) item: bool,
}

impl Target {
    pub(crate) fn top(&self) -> &'static Resource {
        self.trail.first().map_or(self.resource, |(resource, _)| *resource)
    }

    /// Goes down to a row of the collection.
    fn descend(&mut self, store: &Store, segment: &str) -> Result<(), PodError> {
        let key = keys::parse(self.resource, segment).map_err(|_| PodError::not_found())?;
        let row = if self.trail.is_empty() {
            store.get(self.resource, &key)
        } else {
            with_places(&self.trail, |parent| keys::find_child(parent?, self.resource, &key).cloned())
        };
        self.trail.push((self.resource, row.ok_or_else(PodError::not_found)?));
        if self.key.is_none() {
            self.key = Some(key);
        } else {
            self.steps.push(Step { child: self.resource.name.clone(), key });
        }
        self.item = true;
        Ok(())
    }

    /// Hands on the row that the path ends on.
    pub(crate) fn with_row<T>(&self, then: impl FnOnce(&Place<'_>) -> T) -> Result<T, PodError> {
        with_places(&self.trail, |place| place.map(then)).ok_or_else(PodError::not_found)
    }
}

/// Changes a row as another user would (FACTS 8, E10), and words the refusal of who changes it at the same time; none
/// where the path leads to no row.
pub(crate) fn contend(store: &mut Store, path: &str, changes: &Payload, now: Timestamp) -> Option<PodError> {
    let path = Path::parse(path)?;
    let mut segments = path.segments.iter();
    let resource = metadata::resource(path.root, segments.next()?)?;
    let mut target = Target { resource, trail: Vec::new(), key: None, steps: Vec::new(), item: false };
    while let Some(segment) = segments.next() {
        if target.item {
            target.resource = target.resource.child(segments.next().filter(|_| segment == "child")?)?;
            target.item = false;
        } else {
            target.descend(store, segment).ok()?;
        }
    }
    let key = target.key.as_ref().filter(|_| target.item)?;
    let context = Context { now, user: "another.user".to_owned() };
    store.act(Some(context.clone()));
    let changed = match target.steps.as_slice() {
        [] => store.update(target.resource, key, changes, &context),
        steps => store.update_child(target.top(), key, steps, changes, &context),
    };
    store.act(None);
    changed.ok()?;
    let last = target.steps.last().map_or(key, |step| &step.key);
    let identity = last.identity(target.resource).replace('|', " ");
    let mut error = PodError::bad(format!(
        "JBO-25014: Another user has changed the row with primary key oracle.jbo.Key[{identity} ]."
    ));
    error.code = Some("25014".to_owned());
    Some(error)
}

/// Deletes the first row of a collection, or doubles it under another key (FACTS 8, P6).
pub(crate) fn move_rows(store: &mut Store, path: &str, gone: bool, now: Timestamp) {
    let Some(path) = Path::parse(path) else { return };
    let [name] = path.segments.as_slice() else { return };
    let Some(resource) = metadata::resource(path.root, name) else { return };
    let first = store.scan(resource).next();
    let Some(mut row) = first else { return };
    if gone {
        let key = keys::of(&Place::top(resource, &row), now.to_zoned(TimeZone::UTC).date());
        // The row was there just before.
        let _ = store.delete(resource, &key);
        return;
    }
    let id = store.next_id();
    for name in keys::attributes(resource) {
        if let Some(Value::Integer(_)) = row.get(resource, name) {
            row.set(resource, name, id.into());
        }
    }
    for name in ["CreationDate", "LastUpdateDate"] {
        row.set(resource, name, now.into());
    }
    store.insert(resource, row);
}

/// Answers a request below a root.
pub(crate) fn answer(store: &mut Store, call: &Call<'_>) -> Result<Answer, PodError> {
    let path = Path::parse(&call.arrival.path).ok_or_else(PodError::not_found)?;
    let mut segments = path.segments.iter().map(String::as_str);
    if path.version.is_none() {
        return describe::versions(call, path.root);
    }
    if batch::is_one(call.arrival) && path.segments.len() < 2 {
        return batch::answer(store, call);
    }
    let Some(first) = segments.next() else {
        return Err(PodError::not_allowed("POST"));
    };
    if first == "describe" && segments.clone().next().is_none() {
        return describe::catalogue(call, path.root);
    }
    let resource = metadata::resource(path.root, first).ok_or_else(PodError::not_found)?;
    match security::check(call.user, path.root, first, &call.method) {
        Ok(()) => {}
        Err(security::Refusal::Hidden) => return Err(PodError::not_found()),
        Err(security::Refusal::Forbidden) => return Ok(Answer::html(StatusCode::FORBIDDEN, "Forbidden")),
    }
    let mut target = Target { resource, trail: Vec::new(), key: None, steps: Vec::new(), item: false };
    loop {
        match segments.next() {
            None => return end(store, call, &target),
            Some("describe") => return only_last(segments.next()).and_then(|()| describe::resource(call, &target)),
            Some("action") => {
                let name = segments.next().ok_or_else(PodError::not_found)?;
                only_last(segments.next())?;
                return action::current(store, call, &target, name);
            }
            Some("lov") => {
                let name = segments.next().ok_or_else(PodError::not_found)?;
                only_last(segments.next())?;
                return collection::lov(store, call, &target, name);
            }
            Some("enclosure") if target.item => {
                let name = segments.next().ok_or_else(PodError::not_found)?;
                only_last(segments.next())?;
                return item::enclosure(store, call, &target, name);
            }
            Some("child") if target.item => {
                let name = segments.next().ok_or_else(PodError::not_found)?;
                target.resource = target.resource.child(name).ok_or_else(PodError::not_found)?;
                target.item = false;
            }
            Some(key) if !target.item => {
                if call.sees_nothing() {
                    return Err(PodError::not_found());
                }
                if call.tuning.dated_keys && !of_today(call, target.resource, key) {
                    return Err(PodError::not_found());
                }
                target.descend(store, key)?;
                let there = target.trail.last().is_none_or(|(resource, row)| {
                    effective::present(resource, effective_date(call)).is_none_or(|present| present.matches(row))
                });
                if !there {
                    return Err(PodError::not_found());
                }
            }
            Some(_) => return Err(PodError::not_found()),
        }
    }
}

/// The date that a request is for: `effectiveDate`, else today.
fn effective_date(call: &Call<'_>) -> Date {
    let asked = super::params::split(&call.arrival.query).unwrap_or_default();
    let asked = asked.iter().find(|(name, _)| name == "effectiveDate").and_then(|(_, value)| value.parse().ok());
    asked.unwrap_or_else(|| call.today())
}

/// Whether a key names no date, or the one that the request is for (I8).
fn of_today(call: &Call<'_>, resource: &Resource, segment: &str) -> bool {
    let effective = Value::Date(effective_date(call));
    let dated = keys::attributes(resource).into_iter().position(|name| name == keys::EFFECTIVE_DATE);
    match (dated, keys::parse(resource, segment)) {
        (Some(at), Ok(key)) => key.0.get(at) == Some(&effective),
        _ => true,
    }
}

fn only_last(next: Option<&str>) -> Result<(), PodError> {
    next.map_or(Ok(()), |_| Err(PodError::not_found()))
}

fn end(store: &mut Store, call: &Call<'_>, target: &Target) -> Result<Answer, PodError> {
    let methods = if target.item { &target.resource.item_methods } else { &target.resource.collection_methods };
    let old_action = call.method == Method::POST && action::is_old_style(&call.arrival.body);
    if !old_action && !methods.iter().any(|method| method == call.method.as_str()) {
        return Err(PodError::not_allowed(&methods.join(", ")));
    }
    match (&call.method, target.item) {
        (&Method::POST, _) if old_action => action::old(store, call, target),
        (&Method::GET, false) => collection::get(store, call, target),
        // Their operations come by themselves, never as a part of a batch: a row would be kept that is none.
        (&Method::POST, false) if matches!(target.resource.name.as_str(), "erpintegrations" | "erpProcesses") => {
            Err(PodError::bad(format!("The resource {} isn't enabled for batch execution.", target.resource.name)))
        }
        (&Method::POST, false) => item::create(store, call, target),
        (&Method::GET, true) => item::get(call, target),
        (&Method::PATCH, true) => item::update(store, call, target),
        (&Method::DELETE, true) => item::delete(store, call, target),
        _ => Err(PodError::not_allowed(&methods.join(", "))),
    }
}

/// The start of every href: the host as the client named it, with its port (FACTS 1.6).
pub(crate) fn base(host: Option<&header::HeaderValue>) -> String {
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    if has_port { format!("https://{host}") } else { format!("https://{host}:443") }
}

/// `…/resources/11.13.18.05` of a root.
pub(crate) fn root_href(call: &Call<'_>, root: crate::model::Root) -> String {
    format!("{}/{}/resources/{}", call.base, path::root_name(root), path::VERSION)
}
