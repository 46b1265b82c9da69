//! From a source to the finished zip.

use super::{Built, InputRow, Object, Options, Source, Urls, Wanted};
use crate::problem::{Failure, Result};

/// Reads, checks, repairs and writes.
///
/// # Errors
/// An input that cannot be read, with file, line and column; parameters that do not fit; an import of nothing;
/// too much for the memory where no directory is lent. What concerns single rows is in [`Built::findings`].
pub fn build(_: &Object, _: &Source<'_>, _: &Options<'_>, _: &dyn Urls) -> Result<Built> {
    Err(Failure::internal("Building is not there."))
}

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
