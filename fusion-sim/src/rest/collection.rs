//! GET of a collection, at the top or below a row, and of lists of values.

use http::StatusCode;

use super::answer::Answer;
use super::error::PodError;
use super::handle::{Call, Target};
use super::json::Json;
use super::negotiate::Media;
use super::params::{MAX_LIMIT, Params, Scope};
use super::render::{Envelope, View};
use super::source::{self, Page, Wanted};
use crate::effective;
use crate::keys::{self, Place};
use crate::metadata;
use crate::model::Resource;
use crate::query::Grammar;
use crate::query::filter::Filter;
use crate::query::finder;
use crate::query::order::Order;
use crate::query::selection::Selection;
use crate::store::{Store, with_places};

/// Answers a page.
pub(crate) fn get(store: &Store, call: &Call<'_>, target: &Target) -> Result<Answer, PodError> {
    let content_type = call.negotiated.content_type(Media::Collection)?;
    let mut params = Params::read(&call.arrival.query, Scope::Collection)?;
    let resource = target.resource;
    if let Some(finder) = &call.tuning.finder_pages {
        page_by_finder(&mut params, finder)?;
    }
    let list = call.tuning.wrapped.as_deref().map(|list| (list, unwrapped(&mut params, list)));
    let selection = selection(&params, resource)?;
    let effective = params.effective_date.unwrap_or_else(|| call.today());
    let filter = filter(&params, resource, call.negotiated.version)?;
    select(call, resource, filter.as_ref())?;
    let filter = match effective::present(resource, effective) {
        Some(present) => Some(filter.map_or(present.clone(), |filter| filter.and(present))),
        None => filter,
    };
    let order = params.order_by.as_deref().map(|text| Order::parse(text, resource)).transpose()?;
    let shift = call.tuning.shift.filter(|_| params.offset > 0 && !is_total(resource, order.as_ref())).unwrap_or(0);
    let limit = params.asked().min(MAX_LIMIT).min(call.tuning.cap.unwrap_or(MAX_LIMIT));
    let wanted = Wanted {
        filter: filter.as_ref(),
        order: order.as_ref(),
        offset: usize::try_from(params.offset.saturating_add_signed(shift)).unwrap_or(usize::MAX),
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        total: params.total_results || list.is_some(),
    };
    let mut page = match target.trail.last() {
        _ if call.sees_nothing() => Page { total: params.total_results.then_some(0), ..Page::default() },
        Some((_, parent)) if effective::is_dated(resource) => {
            let rows = parent.child(&resource.name).iter().filter(|row| effective::holds(resource, row, effective));
            source::of_rows(&rows.cloned().collect::<Vec<_>>(), &wanted)
        }
        Some((_, parent)) => source::of_rows(parent.child(&resource.name), &wanted),
        None => source::of_store(store, resource, &wanted),
    };
    shorten(call, params.offset, &mut page);
    if let (Some(total), Some(estimate)) = (&mut page.total, call.tuning.estimate) {
        *total = estimate;
    }
    let view = view(call, &params);
    if let Some((list, expanded)) = list {
        let body = wrap(&view, resource, &page, &selection, (list, expanded), (limit, params.offset));
        return Ok(Answer::new(StatusCode::OK, content_type, body));
    }
    let body = with_places(&target.trail, |parent| {
        render(call, &view, parent, resource, &page, &selection, limit, params.offset)
    });
    Ok(Answer::new(StatusCode::OK, content_type, body))
}

/// P3: takes `limit` and `offset` out of the finder, and forgets those beside it.
fn page_by_finder(params: &mut Params, paging: &str) -> Result<(), PodError> {
    (params.limit, params.offset) = (None, 0);
    let Some(text) = params.finder.take() else { return Ok(()) };
    let (name, variables) = text.split_once(';').unwrap_or((&text, ""));
    let mut kept = Vec::new();
    for part in variables.split(',').filter(|part| !part.is_empty()) {
        let number = |value: &str| value.trim().parse().map_err(|_| PodError::bad(format!("{part} isn't valid.")));
        match part.split_once('=') {
            Some(("limit", value)) => params.limit = Some(number(value)?),
            Some(("offset", value)) => params.offset = number(value)?,
            _ => kept.push(part),
        }
    }
    // The finder that is there to page chooses no rows.
    params.finder = (name != paging).then(|| format!("{name};{}", kept.join(",")));
    Ok(())
}

/// P4: takes the wrapping list out of `expand`; whether it was there.
fn unwrapped(params: &mut Params, list: &str) -> bool {
    let Some(expand) = params.expand.take() else { return false };
    let (mut expanded, mut kept) = (false, Vec::new());
    for part in expand.split(',') {
        if part == "all" || part == list || part.strip_prefix(list).is_some_and(|rest| rest.starts_with('.')) {
            expanded = true;
        } else {
            kept.push(part);
        }
    }
    params.expand = (!kept.is_empty()).then(|| kept.join(","));
    expanded
}

/// P4: one row with the page in a list.
fn wrap(
    view: &View<'_>,
    resource: &Resource,
    page: &Page,
    selection: &Selection,
    (list, expanded): (&str, bool),
    (limit, offset): (u64, u64),
) -> Vec<u8> {
    let mut json = Json::default();
    json.object();
    json.name("items");
    json.array();
    json.element();
    json.object();
    json.number("TotalJobsCount", page.total.unwrap_or(page.rows.len() as u64));
    json.number("Limit", limit);
    json.number("Offset", offset);
    json.name(list);
    json.array();
    for row in page.rows.iter().filter(|_| expanded) {
        json.element();
        view.row(&mut json, &Place::top(resource, row), selection);
    }
    json.end_array();
    json.end_object();
    json.end_array();
    let envelope = Envelope { total: None, count: 1, more: Some(false), limit, offset: 0 };
    view.envelope(&mut json, None, resource, &envelope);
    json.end_object();
    json.finish()
}

/// Q2: refuses a `q` that says too little.
fn select(call: &Call<'_>, resource: &Resource, filter: Option<&Filter>) -> Result<(), PodError> {
    let demanded = &call.tuning.selective;
    let named = |at: usize| resource.attributes.get(at).is_some_and(|attribute| demanded.contains(&attribute.name));
    if demanded.is_empty() || filter.is_some_and(|filter| filter.selects(3, &named)) {
        return Ok(());
    }
    let detail =
        format!("You must enter at least 3 characters in one of these fields: {}. (EGP-2776154)", demanded.join(","));
    let mut error = PodError::bad(detail);
    error.code = Some("EGP-2776154".to_owned());
    Err(error)
}

/// Whether an order leaves no two rows beside each other.
fn is_total(resource: &Resource, order: Option<&Order>) -> bool {
    let Some(order) = order else { return false };
    keys::attributes(resource).into_iter().all(|name| {
        let at = resource.attributes.iter().position(|attribute| attribute.name == name);
        at.is_none_or(|at| order.keys.iter().any(|(key, _)| *key == at))
    })
}

/// What `fields` or else `expand` ask for: with both, expand is ignored (FACTS 8, Q4).
pub(crate) fn selection(params: &Params, resource: &Resource) -> Result<Selection, PodError> {
    Ok(match (&params.fields, &params.expand) {
        (Some(fields), _) => Selection::fields(fields, resource)?,
        (None, Some(expand)) => Selection::expand(expand, resource)?,
        (None, None) => Selection::default(),
    })
}

fn filter(params: &Params, resource: &Resource, version: u8) -> Result<Option<Filter>, PodError> {
    let q = match params.q.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => Some(Filter::parse(text, Grammar::of(version), resource)?),
        None => None,
    };
    let called = match &params.finder {
        Some(text) => finder::Call::parse(text, resource)?.filter(resource),
        None if resource.finder_required => {
            return Err(PodError::bad(format!("The resource {} can only be queried with a finder.", resource.name)));
        }
        None => None,
    };
    Ok(match (q, called) {
        (Some(q), Some(called)) => Some(called.and(q)),
        (q, called) => q.or(called),
    })
}

pub(crate) fn view<'a>(call: &'a Call<'_>, params: &'a Params) -> View<'a> {
    View {
        base: &call.base,
        version: call.negotiated.version,
        only_data: params.only_data,
        relations: params.links.as_deref(),
        effective: params.effective_date.unwrap_or_else(|| call.today()),
        nested: call.tuning.nested,
    }
}

/// P5.
fn shorten(call: &Call<'_>, offset: u64, page: &mut Page) {
    if call.tuning.empty_at.is_some_and(|at| offset >= at) {
        page.rows.clear();
        page.more = false;
    }
    if let Some((from, rows)) = call.tuning.short
        && offset >= from
        && page.more
    {
        page.rows.truncate(usize::try_from(rows).unwrap_or(usize::MAX));
    }
}

#[allow(clippy::too_many_arguments)]
fn render(
    call: &Call<'_>,
    view: &View<'_>,
    parent: Option<&Place<'_>>,
    resource: &Resource,
    page: &Page,
    selection: &Selection,
    limit: u64,
    offset: u64,
) -> Vec<u8> {
    let mut json = Json::with_capacity(page.rows.len().saturating_mul(2048).saturating_add(512));
    json.object();
    json.name("items");
    json.array();
    for row in &page.rows {
        let place = Place { resource, row, parent };
        json.element();
        if let Some(text) = breaks(call, &place) {
            json.raw(text.as_bytes());
            return json.finish();
        }
        view.row(&mut json, &place, selection);
    }
    json.end_array();
    let envelope = Envelope {
        total: page.total,
        count: page.rows.len(),
        more: (!call.tuning.no_has_more).then_some(page.more),
        limit,
        offset,
    };
    view.envelope(&mut json, parent, resource, &envelope);
    json.end_object();
    json.finish()
}

/// P8: the text that the row breaks off with, if it is the one that cannot be written.
pub(crate) fn breaks<'c>(call: &'c Call<'_>, place: &Place<'_>) -> Option<&'c str> {
    if call.tuning.breaks.is_empty() {
        return None;
    }
    let key = keys::segment(place, call.today());
    call.tuning.breaks.iter().find(|broken| broken.key == key).map(|broken| broken.text.as_str())
}

/// A list of values behind an attribute: the rows of the list's own resource.
pub(crate) fn lov(store: &Store, call: &Call<'_>, target: &Target, name: &str) -> Result<Answer, PodError> {
    if call.method != http::Method::GET {
        return Err(PodError::not_allowed("GET"));
    }
    let lovs = target.resource.attributes.iter().filter_map(|attribute| attribute.lov.as_ref());
    let lov = lovs.into_iter().find(|lov| lov.name == name).ok_or_else(PodError::not_found)?;
    let resource = metadata::resource(target.resource.root, &lov.name).ok_or_else(PodError::not_found)?;
    get(store, call, &Target { resource, trail: Vec::new(), key: None, steps: Vec::new(), item: false })
}
