//! Rows found again in the input, after the pod has spoken of them.

use super::{InputRow, Object, Options, Source, Urls, Wanted};
use crate::problem::{Failure, Result};

/// Where the rows stand in the input that the pod speaks of.
///
/// # Errors
/// An input that cannot be read any more.
pub fn locate(
    _: &Object,
    _: &Source<'_>,
    _: &Options<'_>,
    _: &dyn Urls,
    _: &[Wanted],
) -> Result<Vec<Option<InputRow>>> {
    Err(Failure::internal("Building is not there."))
}

/// The rows in the person's own columns, one text for each input file.
///
/// # Errors
/// An input that cannot be read any more.
pub fn rejected_csv(
    _: &Object,
    _: &Source<'_>,
    _: &Options<'_>,
    _: &dyn Urls,
    _: &[InputRow],
) -> Result<Vec<(String, String)>> {
    Err(Failure::internal("Building is not there."))
}
