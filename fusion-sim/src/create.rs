//! Creates and updates: what a payload becomes.

use crate::model::{Resource, Row};
use crate::payload::Payload;
use crate::store::{Context, Refusal, Store};

pub(crate) fn top(
    _: &mut Store,
    resource: &Resource,
    _: &Payload,
    _: &Context,
) -> Result<Row, Refusal> {
    Ok(Row::empty(resource))
}

pub(crate) fn child(
    _: &mut Store,
    _: &[(&Resource, Row)],
    resource: &Resource,
    _: &Payload,
    _: &Context,
) -> Result<Row, Refusal> {
    Ok(Row::empty(resource))
}

pub(crate) fn change(
    _: &mut Store,
    _: &[(&Resource, Row)],
    _: &Resource,
    _: &mut Row,
    _: &Payload,
    _: &Context,
) -> Result<(), Refusal> {
    Ok(())
}
