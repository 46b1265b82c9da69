//! The generator.

use crate::model::{Resource, Row, Value};
use crate::store::Options;

/// Computes rows from their index.
#[derive(Clone, Debug)]
pub struct Generator {
    options: Options,
}

impl Generator {
    /// A generator.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// Its options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// How many rows.
    pub fn count(&self, _: &Resource) -> u64 {
        0
    }

    /// A row.
    pub fn row(&self, _: &Resource, _: u64) -> Option<Row> {
        None
    }

    /// Some of a row.
    pub fn probe(&self, _: &Resource, _: u64, _: &[usize]) -> Option<Row> {
        None
    }

    /// Identity of a row.
    pub fn identity(&self, _: &Resource, _: u64) -> String {
        String::new()
    }

    /// Index of an identity.
    pub fn index_of(&self, _: &Resource, _: &str) -> Option<u64> {
        None
    }

    /// Indices of rows by a value.
    pub fn lookup(&self, _: &Resource, _: &str, _: &Value) -> Option<Vec<u64>> {
        None
    }
}
