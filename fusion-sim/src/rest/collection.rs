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
    let params = Params::read(&call.arrival.query, Scope::Collection)?;
    let resource = target.resource;
    let selection = selection(&params, resource)?;
    let filter = filter(&params, resource, call.negotiated.version)?;
    let order = params.order_by.as_deref().map(|text| Order::parse(text, resource)).transpose()?;
    let limit = params.asked().min(MAX_LIMIT).min(call.tuning.cap.unwrap_or(MAX_LIMIT));
    let wanted = Wanted {
        filter: filter.as_ref(),
        order: order.as_ref(),
        offset: usize::try_from(params.offset).unwrap_or(usize::MAX),
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        total: params.total_results,
    };
    let mut page = match target.trail.last() {
        _ if call.sees_nothing() => Page { total: params.total_results.then_some(0), ..Page::default() },
        Some((_, parent)) => source::of_rows(parent.child(&resource.name), &wanted),
        None => source::of_store(store, resource, &wanted),
    };
    shorten(call, params.offset, &mut page);
    let view = view(call, &params);
    let body = with_places(&target.trail, |parent| {
        render(call, &view, parent, resource, &page, &selection, limit, params.offset)
    });
    Ok(Answer::new(StatusCode::OK, content_type, body))
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
