//! Query parameters of the framework, decoded and checked (FACTS 1.4).

use jiff::civil::Date;
use percent_encoding::percent_decode_str;

use super::error::PodError;

/// The page that is answered where `limit` is absent.
pub(crate) const DEFAULT_LIMIT: u64 = 25;
/// The largest page: more is cut to this, and the answer says so.
pub(crate) const MAX_LIMIT: u64 = 500;

/// Parameters of a collection or an item.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    pub(crate) q: Option<String>,
    pub(crate) finder: Option<String>,
    pub(crate) fields: Option<String>,
    pub(crate) expand: Option<String>,
    pub(crate) order_by: Option<String>,
    pub(crate) links: Option<Vec<String>>,
    pub(crate) limit: Option<u64>,
    pub(crate) offset: u64,
    pub(crate) total_results: bool,
    pub(crate) only_data: bool,
    pub(crate) effective_date: Option<Date>,
}

/// Where the parameters stand: an item has no paging, a description has neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Collection,
    Item,
}

/// Splits a query; `+` is a blank, as in any form (FACTS 8, I5).
pub(crate) fn split(query: &str) -> Result<Vec<(String, String)>, PodError> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text)
            .decode_utf8()
            .map(|text| text.into_owned())
            .map_err(|_| PodError::bad("The URL isn't valid: a parameter isn't UTF-8."))
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

impl Params {
    /// Reads the query of a request.
    pub(crate) fn read(query: &str, scope: Scope) -> Result<Self, PodError> {
        let mut params = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in split(query)? {
            if seen.contains(&name) {
                return Err(PodError::bad(format!("The URL request parameter {name} is given more than once.")));
            }
            let whole = || value.parse::<u64>().map_err(|_| invalid(&name, &value));
            let flag = || value.parse::<bool>().map_err(|_| invalid(&name, &value));
            match (name.as_str(), scope) {
                ("q", Scope::Collection) => params.q = Some(value.clone()),
                ("finder", Scope::Collection) => params.finder = Some(value.clone()),
                ("orderBy", Scope::Collection) => params.order_by = Some(value.clone()),
                ("limit", Scope::Collection) => {
                    params.limit = Some(whole()?);
                    if value.parse() == Ok(0_u64) {
                        return Err(invalid(&name, &value));
                    }
                }
                ("offset", Scope::Collection) => params.offset = whole()?,
                ("totalResults", Scope::Collection) => params.total_results = flag()?,
                ("fields", _) => params.fields = Some(value.clone()),
                ("expand", _) => params.expand = Some(value.clone()),
                ("onlyData", _) => params.only_data = flag()?,
                ("links", _) => params.links = Some(value.split(',').map(str::to_owned).collect()),
                ("effectiveDate", _) => {
                    params.effective_date = Some(value.parse().map_err(|_| invalid(&name, &value))?)
                }
                ("dependency", _) => {}
                _ => {
                    return Err(PodError::bad(format!(
                        "The URL request parameter {name} cannot be used in this context."
                    )));
                }
            }
            seen.push(name);
        }
        Ok(params)
    }

    /// The page size before the server's cap.
    pub(crate) fn asked(&self) -> u64 {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }
}

fn invalid(name: &str, value: &str) -> PodError {
    PodError::bad(format!("The value {value} of the URL request parameter {name} isn't valid."))
}
