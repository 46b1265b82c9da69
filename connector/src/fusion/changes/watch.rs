//! What is watched, and how: checked once, before anything is asked.

use crate::fusion::moment::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Phase, State, cursor, minutes, sweep, window};
use crate::contract::ProblemKind;
use crate::fusion::address::{Address, is_resource_name};
use crate::fusion::catalogue::Quirk;
use crate::fusion::keyset::Keyset;
use crate::fusion::page::{Search, fingerprint};
use crate::fusion::pod::Pod;
use crate::fusion::query::{self, Finder, Node};
use crate::fusion::shape::Shape;
use crate::fusion::target::Target;
use crate::problem::{Failure, Result};

/// By what a resource is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum By {
    /// By the time of the last change.
    LastUpdate,
    /// By the time of creation: new records alone.
    Creation,
    /// By reading every record at each poll and comparing fingerprints; the most expensive way, up to some
    /// 200,000 records.
    Sweep,
}

impl By {
    /// As it stands in inputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::LastUpdate => "last_update",
            Self::Creation => "creation",
            Self::Sweep => "sweep",
        }
    }
}

/// What a trigger asks for; borrowed from its input.
pub struct Question<'i> {
    /// Id of the trigger.
    pub trigger: &'static str,
    /// New records alone.
    pub only_new: bool,
    /// By what to watch; by the best that the resource allows where it is not said.
    pub by: Option<By>,
    /// `since` as it was given.
    pub since: Option<&'i str>,
    /// Conditions that must all hold.
    pub all: &'i [Node],
    /// Conditions of which one must hold.
    pub any: &'i [Node],
    /// A finder.
    pub finder: Option<&'i Finder>,
    /// Attributes to read.
    pub fields: Option<&'i [String]>,
    /// Children to read along.
    pub expand: Option<&'i [String]>,
    /// Children whose changes count.
    pub children: &'i [String],
    /// Whether deleted rows are reported.
    pub deleted: bool,
    /// Whether losses of over a tenth are believed.
    pub allow_drop: bool,
    /// Minutes of overlap.
    pub overlap: u32,
}

/// See the module.
pub struct Watch<'a> {
    /// The resource.
    pub target: &'a Target,
    /// Fingerprint of the question.
    pub of: String,
    /// Fingerprint of what is read of each row.
    pub shown: String,
    /// By what.
    pub by: By,
    /// New records alone.
    pub only_new: bool,
    /// The attribute that windows follow; empty for a sweep.
    pub stamp: String,
    /// The attribute that tells the creation, where there is one.
    pub created: Option<String>,
    /// Attributes of children that tell their last change, as (child, attribute).
    pub children: Vec<(String, String)>,
    /// Terms of the conditions.
    pub terms: Vec<String>,
    /// Parameters that stay the same.
    pub fixed: Address,
    /// How rows become records.
    pub shape: Shape,
    /// What a sweep by keys asks for where the rows themselves are read another way.
    pub keys_only: Address,
    /// The key, where it is a number that may be compared.
    pub sortable: Option<String>,
    /// Whether a finder stands in the question, so that pages go by offset.
    pub finder: bool,
    /// Deleted rows are reported.
    pub deleted: bool,
    /// Losses of over a tenth are believed.
    pub allow_drop: bool,
    overlap: SignedDuration,
    /// `since` as it was given.
    pub since: Option<String>,
}

impl<'a> Watch<'a> {
    /// Checks a question.
    ///
    /// # Errors
    /// `unsupported` where the resource cannot be watched that way, with the ways that work; `invalid-input`
    /// for names and values that do not fit.
    pub fn new(pod: &Pod, target: &'a Target, question: &Question) -> Result<Self> {
        let created = target.created();
        let created_name = created.map(|(name, _)| name.to_owned());
        let (by, stamp) = choose(target, question)?;
        let mut fields = question.fields.map(<[String]>::to_vec).filter(|fields| !fields.is_empty());
        let mut expand = question.expand.map(<[String]>::to_vec).unwrap_or_default();
        let mut children = Vec::new();
        if !question.children.is_empty() && by == By::Creation {
            return Err(Failure::invalid("/children", "changes of children are no new records")
                .remedy("Use new_or_updated_record by last_update, or leave children out."));
        }
        if !question.children.is_empty() && by == By::Sweep {
            let told = "a sweep asks for no changes of children: it compares records with all that is read of them";
            return Err(Failure::invalid("/children", told)
                .remedy("Name the children in expand instead, or their attributes in fields; then a change of one of them is a change of its record."));
        }
        for (index, child) in question.children.iter().enumerate() {
            if !is_resource_name(child) {
                let message = format!("{child:?} is not the name of a child of the first level");
                return Err(Failure::invalid(format!("/children/{index}"), message));
            }
            children.push((child.clone(), "LastUpdateDate".to_owned()));
            match &mut fields {
                Some(fields) => fields.push(format!("{child}.LastUpdateDate")),
                None if !expand.contains(child) => expand.push(child.clone()),
                None => {}
            }
        }
        if let Some(fields) = &mut fields {
            let wanted = [Some(stamp.as_str()).filter(|stamp| !stamp.is_empty()), created_name.as_deref()];
            for name in wanted.into_iter().flatten() {
                if !fields.iter().any(|field| field == name) {
                    fields.push(name.to_owned());
                }
            }
        }
        let shown = fingerprint([format!("{fields:?}{expand:?}").as_str()]);
        let expand = (!expand.is_empty()).then_some(expand);
        let shape = Shape::new(target, fields.as_deref(), expand.as_deref())?;
        let kind_of = |attribute: &str| target.kind(attribute);
        let terms = query::terms(question.all, question.any, &kind_of, pod.settings.framework)?;
        if question.finder.is_none() && target.has(Quirk::FinderRequired) {
            return Err(Failure::invalid("/finder", format!("{} answers only with a finder", target.name))
                .remedy("describe_resource tells the finders and their variables."));
        }
        let finder = question.finder.map(query::finder).transpose()?;
        let day = pod.settings.effective_date.as_deref();
        let address = |shape: &Shape| {
            let mut address = shape.add(target.collection(&pod.settings.api_version));
            if let Some(day) = day {
                address = address.param("effectiveDate", day);
            }
            if let Some(finder) = &finder {
                address = address.clause("finder", finder);
            }
            address
        };
        let key: Vec<String> = target.plain_key().map(str::to_owned).into_iter().collect();
        let keys_only = address(&Shape::new(target, Some(&key), None)?);
        let fixed = address(&shape);
        let mut texts = vec![question.trigger, &target.name, &pod.settings.origin.authority, by.name()];
        if by == By::Sweep || question.deleted {
            // A snapshot is of these rows and no others.
            texts.extend(terms.iter().map(String::as_str));
            texts.push(finder.as_deref().unwrap_or_default());
        }
        let of = fingerprint(texts);
        Ok(Self {
            target,
            of,
            shown,
            by,
            only_new: question.only_new,
            stamp,
            created: created_name,
            children,
            terms,
            fixed,
            shape,
            keys_only,
            sortable: target.sortable_key().filter(|_| finder.is_none()).map(str::to_owned),
            finder: finder.is_some(),
            deleted: question.deleted,
            allow_drop: question.allow_drop,
            overlap: minutes(question.overlap),
            since: question.since.map(str::to_owned),
        })
    }

    /// The state of a trigger without a cursor.
    ///
    /// # Errors
    /// `invalid-input` at `/since`, and those of the request that asks the pod for its time.
    pub fn begin(&self, pod: &Pod) -> Result<State> {
        let starts_now = self.since.as_deref().is_none_or(|since| since.trim() == "now");
        if starts_now && !pod.tells_time() && self.by != By::Sweep {
            // Now is the pod's now: by our own clock changes could be left out.
            let soon = query::quote(&crate::fusion::time::in_query(cursor::now(pod)));
            let probe = self.search(vec![format!("{} >= {soon}", self.stamp)], None, None);
            probe.one(pod, 0, 1, &mut Vec::new(), &mut |_| {})?;
        }
        let floor = cursor::begin(pod, self.since.as_deref())?;
        let swept = self.by == By::Sweep || self.deleted;
        Ok(State {
            floor,
            from: floor.filter(|_| self.by != By::Sweep),
            rows: swept.then(|| sweep::Rows { baseline: floor, ..sweep::Rows::default() }),
            ..State::default()
        })
    }

    /// From where on the next sweep reads; none for everything.
    pub fn lower(&self, state: &State) -> Option<Timestamp> {
        let overlap = state.from.map(|from| from.saturating_sub(self.overlap));
        overlap.max(state.floor)
    }

    /// Whether a row of this age is one that was created with the sweep's window.
    pub fn is_recent(&self, created: Timestamp, at: Timestamp, lower: Option<Timestamp>) -> bool {
        match lower {
            Some(lower) => created >= lower,
            None => at.duration_since(created) <= self.overlap,
        }
    }

    /// Where a sweep begins.
    pub fn first_phase(&self) -> Phase {
        if self.by == By::Sweep { Phase::Keys(None) } else { Phase::Own(window::Place::default()) }
    }

    /// What comes behind a phase; none at the end.
    pub fn next_phase(&self, state: &State, phase: &Phase) -> Option<Phase> {
        let child = match phase {
            Phase::Own(_) => Some(0),
            Phase::Child(number, _) => Some(number + 1),
            _ => None,
        };
        // The first sweep from the beginning read everything already.
        let all = state.sweep.as_ref().is_some_and(|sweep| sweep.lower.is_none());
        match child {
            Some(number) if number < self.children.len() && !all => Some(Phase::Child(number, None)),
            Some(_) if self.deleted && sweep::is_due(self, state) => Some(Phase::Keys(None)),
            Some(_) => None,
            None if matches!(phase, Phase::Keys(_)) && self.deleted => Some(Phase::Losses),
            None => None,
        }
    }

    /// A search with more terms, in an order, following a keyset.
    pub fn search(&self, more: Vec<String>, order: Option<String>, keyset: Option<Keyset>) -> Search<'_> {
        let mut terms = self.terms.clone();
        terms.extend(more);
        Search {
            what: format!("poll {}", self.target.name),
            target: self.target,
            terms,
            fixed: self.fixed.clone(),
            order,
            keyset,
            total: false,
        }
    }

    /// A search through all rows by their keys.
    pub fn by_key(&self, pod: &Pod, more: Vec<String>) -> Search<'_> {
        let keyset = Keyset::new(self.target, &[], pod.settings.framework).filter(|_| !self.finder);
        let order = self.target.order_key().filter(|_| !self.finder).map(|key| format!("{key}:asc"));
        self.search(more, order, keyset)
    }
}

/// By what a resource is watched, and the attribute for it.
fn choose(target: &Target, question: &Question) -> Result<(By, String)> {
    let changed = target.changed();
    let created = target.created();
    let usable =
        |stamp: Option<(&str, bool)>| stamp.filter(|(_, queryable)| *queryable).map(|(name, _)| name.to_owned());
    let best = match (question.only_new, usable(created)) {
        (true, Some(_)) => By::Creation,
        _ => By::LastUpdate,
    };
    let refused = |told: String| {
        let mut ways = Vec::new();
        if usable(created).is_some() {
            ways.push("creation (new records alone)");
        }
        if usable(changed).is_some() {
            ways.push("last_update");
        }
        ways.push(
            "sweep (every poll reads all records that meet the conditions, one request for 500 of them, and compares)",
        );
        Failure::permanent(ProblemKind::Unsupported, told)
            .remedy(format!("Set watch_by to {}; a finder or conditions make it cheaper.", ways.join(" or ")))
    };
    match question.by.unwrap_or(best) {
        By::Sweep => Ok((By::Sweep, String::new())),
        By::Creation => match (usable(created), created) {
            (Some(name), _) => Ok((By::Creation, name)),
            (None, Some((name, _))) => Err(refused(format!(
                "{} cannot be watched by {name}: it may not stand in conditions there.",
                target.name
            ))),
            (None, None) => Err(refused(format!("{} tells no time of creation.", target.name))),
        },
        By::LastUpdate => match (usable(changed), changed) {
            (Some(name), _) => Ok((By::LastUpdate, name)),
            (None, Some((name, _))) => Err(refused(format!(
                "{} cannot be watched by its last change: {name} may not stand in conditions there.",
                target.name
            ))),
            (None, None) => {
                Err(refused(format!("{} cannot be watched by its last change: it tells no time of it.", target.name)))
            }
        },
    }
}

/// What is told of watching a resource, in forms; none where nothing is special.
pub fn told_of(target: &Target) -> Option<String> {
    let usable = |stamp: Option<(&str, bool)>| stamp.is_some_and(|(_, queryable)| queryable);
    let changed = target.changed();
    if usable(changed) {
        return None;
    }
    let why = match changed {
        Some((name, _)) => format!("{name} of {} may not stand in conditions", target.name),
        None => format!("{} tells no time of its last change", target.name),
    };
    let creation = if usable(target.created()) { "creation (new records alone) or " } else { "" };
    Some(format!("{why}, so choose {creation}sweep (each poll reads all records that meet the conditions)."))
}

/// Whether a value of a key can be compared in conditions.
pub fn comparable(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit())
}
