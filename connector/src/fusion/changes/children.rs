//! By the time of chosen children: a change of a child often leaves its parent's time as it was (I2).
//!
//! Parents with a child that changed since the sweep's beginning are read by their key. The same record has
//! the same version whichever phase comes by it, so that none is handed over twice.

use super::event;
use super::watch::Watch;
use super::{Gathered, Phase, State, Step, under_way};
use crate::fusion::page::Cursor;
use crate::fusion::pod::Pod;
use crate::fusion::query::quote;
use crate::fusion::time;
use crate::problem::Result;

/// One answer's worth of parents.
pub(super) fn step(
    pod: &Pod,
    watch: &Watch,
    state: &mut State,
    number: usize,
    at: Option<&str>,
    gathered: &mut Gathered,
) -> Result<Step> {
    let lower = state.sweep.as_ref().and_then(|sweep| sweep.lower);
    let (Some((child, attribute)), Some(lower)) = (watch.children.get(number), lower) else { return Ok(Step::Done) };
    let term = format!("{child}.{attribute} >= {}", quote(&time::in_query(lower)));
    let search = watch.by_key(pod, vec![term]);
    let from = match at {
        Some(text) => Cursor::read(text, &watch.of)?,
        None => search.start(),
    };
    let mut rows = Vec::new();
    gathered.requests += 1;
    let end = search.read(pod, from, gathered.room(), &mut |row| rows.push(row.to_owned())).map_err(|failure| {
        let message = failure.problem.message.clone();
        failure.or_remedy(|| {
            format!("Leave {child} out of children where the pod does not take conditions on it, or watch by sweep ({message}).")
        })
    })?;
    end.warnings.into_iter().for_each(|told| gathered.warn(told));
    for row in rows {
        if let Some(row) = event::read(pod, watch, &row, gathered)? {
            event::take(watch, state, Some(lower), row, gathered);
        }
    }
    match end.next {
        Some(next) => {
            let position = Some(Cursor::write(&watch.of, next));
            under_way(pod, watch, state, Phase::Child(number, position));
            Ok(Step::On)
        }
        None => Ok(Step::Done),
    }
}
