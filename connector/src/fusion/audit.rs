//! The audit trail (FACTS 5.3): `getaudithistory`, in windows of less than a month.
//!
//! Published descriptions take the inputs as query parameters and want no body, so that is what is sent. It
//! is a POST that reads, and is asked again as reads are.

use crate::fusion::moment::{SignedDuration, Timestamp};
use serde_json::json;
use serde_json::value::RawValue;

use super::address::Address;
use super::changes::feed::{self, Item, Page, Source};
use super::page::fingerprint;
use super::pod::{Carried, Doing, Lost, Pod};
use super::record::{pick, plain};
use super::time;
use crate::contract::ProblemKind;
use crate::http::Method;
use crate::problem::{Failure, Result};
use crate::text::shorten;

const PATH: &str = "/fscmRestApi/fndAuditRESTService/audittrail/getaudithistory";
const DOING: Doing = Doing { what: "read the audit history", object: "getaudithistory" };
/// Less than the month that a window may span.
pub const SPAN: SignedDuration = SignedDuration::from_hours(27 * 24);
/// How far back the beginning is.
const REACH: SignedDuration = SignedDuration::from_hours(365 * 24);
/// Events of a page (FACTS 12: as much as the parameter allows).
const PAGE: usize = 500;

/// What of the history is wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Products, by their names in FND_AUDIT_WEBAPP_AM.
    pub products: Vec<String>,
    /// Display name of a user.
    pub user: Option<String>,
    /// `insert`, `update`, `delete`; all where there is none.
    pub event_types: Vec<String>,
    /// Fully qualified view object.
    pub business_object: Option<String>,
    /// Also what happened to the object's children.
    pub children: bool,
    /// Attributes with old and new values.
    pub details: bool,
}

/// As the service writes moments, in UTC.
fn written(at: Timestamp) -> String {
    time::in_query(at).replace('T', " ").chars().take(19).collect()
}

/// A page (from 1 on) of what happened in one product; answers rows and whether there may be more.
///
/// # Errors
/// Those of a read; `unexpected-response` for what is no history.
pub fn page(
    pod: &Pod,
    wanted: &Wanted,
    product: &str,
    (from, to): (Timestamp, Timestamp),
    page: usize,
) -> Result<(Vec<String>, bool)> {
    let flag = |flag: bool| if flag { "true" } else { "false" };
    let types = wanted.event_types.join(",");
    let mut address = Address::fixed(PATH)
        .param("fromDate", &written(from))
        .param("toDate", &written(to.checked_add(SignedDuration::from_secs(1)).unwrap_or(to)))
        .param("product", product)
        .param("eventType", if types.is_empty() { "all" } else { &types })
        .param("includeChildObjects", flag(wanted.children))
        .param("includeAttributes", "true")
        .param("attributeDetailMode", flag(wanted.details))
        .param("includeImpersonator", "true")
        .param("timeZone", "UTC")
        .param("pageNumber", &page.to_string())
        .param("pageSize", &PAGE.to_string());
    if let Some(user) = &wanted.user {
        address = address.param("user", user);
    }
    if let Some(object) = &wanted.business_object {
        address = address.param("businessObjectType", object);
    }
    let carried = Carried { headers: &[], body: None, ..Carried::default() };
    let response = pod.exact(Method::Post, DOING, &address, carried).map_err(|lost| {
        // It reads, so that a lost answer does no harm.
        let (Lost::Refused(failure) | Lost::Unknown(failure)) = lost;
        match failure.kind() {
            ProblemKind::Forbidden | ProblemKind::NotFound => failure.remedy("Give the user the role Internal Auditor (ORA_FND_INTERNAL_AUDITOR_JOB), run User and Roles Synchronization, and set an audit level for the product in Manage Audit Policies."),
            _ if failure.again => failure,
            _ => failure.or_remedy(|| {
                "Check the product (the table FND_AUDIT_WEBAPP_AM holds them) and the business object.".to_owned()
            }),
        }
    })?;
    let text = std::str::from_utf8(&response.body).map_err(|_| pod.garbled(DOING, "the answer is not UTF-8"))?;
    let [status, data, size] = pick(text, ["status", "auditData", "pageSize"]);
    let status = status.and_then(plain);
    if status.is_none() && data.is_none() {
        return Err(pod.garbled(DOING, "the answer is no audit history"));
    }
    if let Some(status) = status.filter(|status| status != "SUCCESS") {
        let told = format!("Could not read the audit history of {product}: the pod answered {}.", shorten(&status, 40));
        return Err(Failure::permanent(ProblemKind::Forbidden, told)
            .remedy("Check the name of the product and the window, and the audit level in Manage Audit Policies."));
    }
    let data: Vec<&RawValue> = data.and_then(|data| serde_json::from_str(data.get()).ok()).unwrap_or_default();
    let rows: Vec<String> = data.into_iter().map(|row| row.get().to_owned()).collect();
    let size = size.and_then(plain).and_then(|size| size.parse().ok()).unwrap_or(PAGE);
    let more = !rows.is_empty() && rows.len() >= size.clamp(1, PAGE);
    Ok((rows, more))
}

/// When a row happened; in UTC, as it was asked for.
pub fn at(row: &str) -> Option<Timestamp> {
    let [date] = pick(row, ["date"]);
    time::instant_or_day(&date.and_then(plain)?)
}

/// The history as a source of events.
pub struct Trail<'p> {
    /// What is wanted.
    pub wanted: &'p Wanted,
    /// The pod's host and port.
    pub authority: &'p str,
}

impl Source for Trail<'_> {
    fn of(&self) -> String {
        fingerprint([
            "audit_event",
            self.authority,
            &self.wanted.products.join(","),
            self.wanted.user.as_deref().unwrap_or_default(),
            self.wanted.business_object.as_deref().unwrap_or_default(),
            &self.wanted.event_types.join(","),
        ])
    }

    fn lists(&self) -> usize {
        self.wanted.products.len()
    }

    fn span(&self) -> Option<SignedDuration> {
        Some(SPAN)
    }

    fn reach(&self) -> SignedDuration {
        REACH
    }

    fn page(&self, pod: &Pod, list: usize, window: (Timestamp, Timestamp), number: u64) -> Result<Page> {
        let product = self.wanted.products.get(list).map(String::as_str).unwrap_or_default();
        let (rows, more) = page(pod, self.wanted, product, window, usize::try_from(number).unwrap_or(usize::MAX))?;
        let item = |row: String| {
            let at = at(&row);
            let moment = at.unwrap_or_default().as_millisecond();
            Item {
                key: format!("{product}:{}:{moment}", fingerprint([row.as_str()])),
                at,
                payload: format!("{{\"product\":{},\"event\":{row}}}", json!(product)),
            }
        };
        Ok(Page { items: rows.into_iter().map(item).collect(), next: feed::behind(number, more) })
    }
}
