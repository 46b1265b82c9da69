//! Audit history: `POST …/audittrail/getaudithistory` (FACTS 5.3), for who has the internal auditor's role.
//!
//! Tells what requests changed, of products whose auditing is on; of the others an empty list. Inputs stand in the
//! query or in a JSON body. Not known of a pod, and so chosen here: which products there are, that the latest comes
//! first, that both ends of the window belong to it, and that what is asked wrongly answers 400.

use http::{Method, StatusCode, header};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::{Map, Value as JsonValue, json};

use crate::auth::roles::Right;
use crate::auth::{Access, User};
use crate::faults::Tuning;
use crate::history::{Change, Kind};
use crate::metadata;
use crate::model::{Root, Value};
use crate::pod::Arrival;
use crate::rest::answer::Answer;
use crate::rest::params;
use crate::store::Store;

/// The one address.
pub(crate) const PATH: &str = "/fscmRestApi/fndAuditRESTService/audittrail/getaudithistory";

const ACTION: &str = "getAuditHistory";
/// Events of a page where `pageSize` is absent.
const PAGE: usize = 100;
/// The most events of a page (FACTS 12).
const MOST: usize = 1000;
/// The time zones that this pod knows: its own, by the names that people give it.
const ZONES: [&str; 4] = ["UTC", "GMT", "Etc/UTC", "Etc/GMT"];

/// A product, where its business objects are, and whether it is audited.
struct Product {
    code: &'static str,
    package: &'static str,
    audited: bool,
    resources: &'static [&'static str],
}

const fn product(
    code: &'static str,
    package: &'static str,
    audited: bool,
    resources: &'static [&'static str],
) -> Product {
    Product { code, package, audited, resources }
}

const PRODUCTS: [Product; 10] = [
    product("AP", "financials.payables", true, &["fscm/invoices", "fscm/invoiceHolds", "fscm/payablesPayments"]),
    product("POZ", "prc.poz", true, &["fscm/suppliers"]),
    product(
        "PO",
        "prc.po",
        true,
        &["fscm/purchaseOrders", "fscm/draftPurchaseOrders", "fscm/purchaseRequisitions", "fscm/purchaseAgreements"],
    ),
    product(
        "AR",
        "financials.receivables",
        true,
        &["fscm/receivablesInvoices", "fscm/receivablesCreditMemos", "fscm/standardReceipts"],
    ),
    product("GL", "financials.generalLedger", true, &["fscm/journalBatches", "fscm/currencyRates"]),
    product("PER", "hcm.people", true, &["hcm/workers", "hcm/userAccounts"]),
    product("CMP", "hcm.compensation", false, &["hcm/salaries"]),
    product("CE", "financials.cashManagement", false, &["fscm/cashBankAccounts"]),
    product("EXM", "financials.expenses", false, &["fscm/expenses", "fscm/expenseReports"]),
    product("PJF", "projects.foundation", false, &["fscm/projects", "fscm/projectCosts"]),
];

/// Answers; with `nothing` there are no events, for nobody.
pub(crate) fn answer(store: &Store, arrival: &Arrival, user: &User, tuning: &Tuning, now: Timestamp) -> Answer {
    if arrival.method != Method::POST {
        return Answer::html(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").header(header::ALLOW, "POST");
    }
    if !user.has(Right::Audit) {
        return failed(StatusCode::FORBIDDEN, "The user isn't allowed to read audit history.");
    }
    let asked = match Asked::read(arrival) {
        Ok(asked) => asked,
        Err(why) => return failed(StatusCode::BAD_REQUEST, &why),
    };
    let hidden = tuning.nothing || user.access == Access::NoData || !asked.product.audited;
    let visible = |change: &Change| change.at.saturating_add(tuning.late).is_ok_and(|shown| shown <= now);
    let found = store.history().all().rev().filter(|change| !hidden && visible(change) && asked.wants(change));
    let page = (asked.number - 1).saturating_mul(asked.size);
    let data: Vec<JsonValue> = found.skip(page).take(asked.size).map(|change| asked.event(change)).collect();
    let body = json!({"status": "SUCCESS", "actionName": ACTION, "pageNumber": asked.number, "pageSize": asked.size,
        "auditData": data});
    Answer::new(StatusCode::OK, "application/json", body.to_string())
}

fn failed(status: StatusCode, detail: &str) -> Answer {
    let error = json!({"detail": detail, "status": status.as_u16(),
        "title": status.canonical_reason().unwrap_or("Error"), "type": "about:blank"});
    let body = json!({"status": "FAIL", "actionName": ACTION, "error": error});
    Answer::new(status, "application/json", body.to_string())
}

/// What a request asks for.
struct Asked {
    product: &'static Product,
    from: Timestamp,
    to: Timestamp,
    user: Option<String>,
    kinds: Vec<Kind>,
    object: Option<String>,
    children: bool,
    attributes: bool,
    details: bool,
    context: bool,
    number: usize,
    size: usize,
}

impl Asked {
    fn read(arrival: &Arrival) -> Result<Self, String> {
        let mut given: Map<String, JsonValue> = match arrival.body.trim_ascii() {
            [] => Map::new(),
            body => serde_json::from_slice(body).map_err(|_| "The request payload isn't a JSON object.".to_owned())?,
        };
        for (name, value) in params::split(&arrival.query).map_err(|error| error.detail)? {
            given.insert(name, value.into());
        }
        let text = |name: &str| match given.get(name) {
            Some(JsonValue::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(value @ (JsonValue::Number(_) | JsonValue::Bool(_))) => Some(value.to_string()),
            _ => None,
        };
        let required = |name: &str| text(name).ok_or_else(|| format!("The parameter {name} is required."));
        let invalid = |name: &str| format!("The value of the parameter {name} isn't valid.");
        let flag =
            |name: &str, or: bool| text(name).map_or(Ok(or), |text| text.parse::<bool>().map_err(|_| invalid(name)));
        let count = |name: &str, or: usize| {
            let read = text(name).map_or(Ok(or), |text| text.parse::<usize>().map_err(|_| invalid(name)))?;
            if read == 0 { Err(invalid(name)) } else { Ok(read) }
        };
        if text("timeZone").is_some_and(|zone| !ZONES.contains(&zone.as_str())) {
            return Err(invalid("timeZone"));
        }
        let (from, _) = moment(&required("fromDate")?).ok_or_else(|| invalid("fromDate"))?;
        let (to, whole_day) = moment(&required("toDate")?).ok_or_else(|| invalid("toDate"))?;
        if to < from {
            return Err("The end date is earlier than the start date.".to_owned());
        }
        if from.checked_add(1.month()).is_ok_and(|month| month < to) {
            return Err("You can retrieve audit history for up to one month.".to_owned());
        }
        let code = required("product")?;
        let product = PRODUCTS.iter().find(|product| product.code == code).ok_or_else(|| invalid("product"))?;
        let mut kinds = Vec::new();
        for kind in text("eventType").unwrap_or_else(|| "all".to_owned()).split(',') {
            match kind.trim().to_lowercase().as_str() {
                "insert" => kinds.push(Kind::Insert),
                "update" => kinds.push(Kind::Update),
                "delete" => kinds.push(Kind::Delete),
                "all" => kinds.extend([Kind::Insert, Kind::Update, Kind::Delete]),
                _ => return Err(invalid("eventType")),
            }
        }
        let end = if whole_day { SignedDuration::from_secs(86_399) } else { SignedDuration::ZERO };
        Ok(Self {
            product,
            from: instant(from)?,
            // The service counts whole seconds.
            to: instant(to)?.saturating_add(end + SignedDuration::from_millis(999)).unwrap_or(Timestamp::MAX),
            user: text("user"),
            kinds,
            object: text("businessObjectType"),
            children: flag("includeChildObjects", false)?,
            attributes: flag("includeAttributes", true)?,
            details: flag("attributeDetailMode", false)?,
            context: flag("includeExtendedObjectIdentiferColumns", false)?,
            number: count("pageNumber", 1)?,
            size: count("pageSize", PAGE)?.min(MOST),
        })
    }

    fn wants(&self, change: &Change) -> bool {
        let Some((resource, child)) = split(&change.path) else { return false };
        let object = self.object.as_deref().is_none_or(|wanted| {
            wanted == qualified(self.product, &change.path)
                || self.children && wanted == qualified(self.product, &resource)
        });
        self.product.resources.contains(&resource.as_str())
            && object
            && (self.children || !child || self.object.is_some())
            && self.kinds.contains(&change.kind)
            && (self.from..=self.to).contains(&change.at)
            && self.user.as_deref().is_none_or(|user| user == display(&change.user))
    }

    fn event(&self, change: &Change) -> JsonValue {
        let kind = match change.kind {
            Kind::Insert => "Object Data Insert",
            Kind::Update => "Object Data Update",
            Kind::Delete => "Object Data Delete",
        };
        let about: Vec<String> = change.about.iter().filter_map(|(_, value)| written(value)).collect();
        let details: Vec<JsonValue> = change
            .values
            .iter()
            .map(|(name, old, new)| match self.details {
                true => json!({"attributeName": name, "oldValue": written(old), "newValue": written(new)}),
                false => json!({"attributeName": name}),
            })
            .collect();
        let mut event = json!({
            "date": at(change.at), "userName": display(&change.user), "userInternalName": change.user,
            "impersonator": null, "eventType": kind, "businessObject": title(&change.path),
            "qualifiedBusinessObject": qualified(self.product, &change.path), "description": about.join(" "),
            "descriptionInternal": about.first(),
        });
        if let Some(members) = event.as_object_mut() {
            if self.attributes {
                members.insert("attributeDetails".to_owned(), details.into());
            }
            for place in 0..3 {
                let context = change.about.get(place).filter(|_| self.context);
                members.insert(format!("contextName{}", place + 1), context.map(|(name, _)| name.as_str()).into());
                let value = context.and_then(|(_, value)| written(value));
                members.insert(format!("contextValue{}", place + 1), value.into());
            }
        }
        event
    }
}

/// `yyyy-MM-dd` or `yyyy-MM-dd HH:mm:ss`; and whether it is a day alone.
fn moment(text: &str) -> Option<(DateTime, bool)> {
    match text.split_once(' ') {
        None => Some((
            text.parse::<Date>().ok().filter(|_| text.len() == 10)?.to_datetime(jiff::civil::Time::midnight()),
            true,
        )),
        Some((day, time)) if day.len() == 10 && time.len() == 8 => Some((format!("{day}T{time}").parse().ok()?, false)),
        Some(_) => None,
    }
}

fn instant(at: DateTime) -> Result<Timestamp, String> {
    at.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|error| error.to_string())
}

/// `2026-01-31 10:00:00.0`
fn at(at: Timestamp) -> String {
    let zoned = at.to_zoned(TimeZone::UTC);
    let tenths = zoned.subsec_nanosecond() / 100_000_000;
    format!("{}.{tenths}", zoned.strftime("%Y-%m-%d %H:%M:%S"))
}

/// A record's root and resource, and whether the path goes on to a child.
fn split(path: &str) -> Option<(String, bool)> {
    let mut parts = path.split('/');
    let resource = format!("{}/{}", parts.next()?, parts.next()?);
    Some((resource, parts.next().is_some()))
}

/// The business object's name: the title of the resource or child, of one.
fn title(path: &str) -> String {
    let mut parts = path.split('/');
    let root = if parts.next() == Some("hcm") { Root::Hcm } else { Root::Fscm };
    let top = parts.next().and_then(|name| metadata::resource(root, name));
    let last = parts.try_fold(top, |above, name| above.map(|above| above.child(name)));
    let many = last.flatten().map_or("Objects", |resource| resource.title.as_str());
    let es = ["sses", "ches", "xes"].iter().any(|end| many.ends_with(end));
    let one = if es { many.strip_suffix("es") } else { many.strip_suffix('s') };
    one.unwrap_or(many).to_owned()
}

fn qualified(product: &Product, path: &str) -> String {
    format!("oracle.apps.{}.{}VO", product.package, title(path).replace([' ', '-'], ""))
}

/// What a person is called: `casey.brown@example.com` is Casey Brown.
fn display(username: &str) -> String {
    let own = username.split('@').next().unwrap_or_default();
    let words = own.split('.').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    });
    words.collect::<Vec<String>>().join(" ")
}

/// A value as text; none where there is none.
pub(crate) fn written(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Boolean(flag) => if *flag { "Y" } else { "N" }.to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Decimal(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Timestamp(time) => time.to_string(),
        Value::List(values) => values.iter().filter_map(written).collect::<Vec<_>>().join(","),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_people_read() {
        assert_eq!(display("casey.brown@example.com"), "Casey Brown");
        assert_eq!(title("fscm/suppliers"), "Supplier");
        assert_eq!(title("fscm/invoices/invoiceLines"), "Invoice Line");
        assert!(PRODUCTS.iter().all(|product| product.resources.iter().all(|path| title(path) != "Object")));
    }

    #[test]
    fn a_moment_is_a_day_or_a_day_with_its_time() {
        assert!(moment("2026-01-31").unwrap().1);
        assert!(!moment("2026-01-31 10:00:00").unwrap().1);
        for other in ["2026-01-31T10:00:00", "2026-01-31 10:00", "31.01.2026", ""] {
            assert_eq!(moment(other), None, "{other}");
        }
        assert_eq!(at("2026-01-31T10:00:00.250Z".parse().unwrap()), "2026-01-31 10:00:00.2");
    }
}
