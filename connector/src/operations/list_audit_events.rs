//! `list_audit_events`: what was changed, by whom, from what to what.

use crate::fusion::moment::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{ListWriter, RecordList};
use super::checked::{flag, number, word, words};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::audit::{self, Wanted};
use crate::fusion::changes::cursor;
use crate::fusion::page::fingerprint;
use crate::fusion::pod::Pod;
use crate::fusion::time;
use crate::problem::{Failure, Result};

/// Events of one answer where the input does not say.
const LIMIT: u32 = 500;

/// See the module.
pub struct ListAuditEvents;

/// Which events.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(from = "Value")]
#[schemars(title = "List audit events", deny_unknown_fields, !from)]
pub struct Input {
    /// Products, by their names in the pod's table FND_AUDIT_WEBAPP_AM; each is read by itself.
    #[schemars(title = "Products", length(min = 1), extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub products: Vec<String>,
    /// Happened then or later, as in 2026-01-31T10:00:00Z.
    #[schemars(title = "Since", extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub since: String,
    /// Happened before; now where it is not said. The service is asked in windows of less than a month.
    #[schemars(title = "Until", extend("x-connector-order" = 3))]
    pub until: Option<String>,
    /// Display name of the user who made the change.
    #[schemars(title = "User", length(min = 1), extend("x-connector-order" = 4))]
    pub user: Option<String>,
    /// insert, update or delete; all where none is named.
    #[schemars(title = "Kinds of change", extend("x-connector-order" = 5))]
    pub event_types: Option<Vec<String>>,
    /// Fully qualified business object, as the service tells it in qualifiedBusinessObject.
    #[schemars(title = "Business object", length(min = 1), extend("x-connector-order" = 6))]
    pub business_object: Option<String>,
    /// Also changes of the object's children.
    #[schemars(title = "Children", extend("default" = false, "x-connector-order" = 7))]
    pub children: Option<bool>,
    /// With old and new values.
    #[schemars(title = "Old and new values", extend("default" = true, "x-connector-order" = 8))]
    pub details: Option<bool>,
    /// Most events in one answer.
    #[schemars(title = "Limit", range(min = 1, max = 5000), extend("default" = 500, "x-connector-order" = 9))]
    pub limit: Option<u32>,
    /// next_cursor of the answer before, to go on there.
    #[schemars(title = "Cursor", extend("x-connector-visibility" = "advanced", "x-connector-order" = 10))]
    pub cursor: Option<String>,
}

impl From<Value> for Input {
    fn from(input: Value) -> Self {
        Self {
            products: words(&input, "products").unwrap_or_default(),
            since: word(&input, "since").unwrap_or_default(),
            until: word(&input, "until"),
            user: word(&input, "user"),
            event_types: words(&input, "event_types"),
            business_object: word(&input, "business_object"),
            children: flag(&input, "children"),
            details: flag(&input, "details"),
            limit: number(&input, "limit"),
            cursor: word(&input, "cursor"),
        }
    }
}

impl Input {
    /// As it is asked for.
    ///
    /// # Errors
    /// `invalid-input` where no product is named, or a kind of change that there is not.
    pub fn wanted(&self) -> Result<Wanted> {
        let products: Vec<String> = self.products.iter().map(|product| product.trim().to_owned()).collect();
        if products.is_empty() || products.iter().any(String::is_empty) {
            return Err(Failure::invalid("/products", "name at least one product"));
        }
        let event_types: Vec<String> = self.event_types.iter().flatten().map(|kind| kind.to_lowercase()).collect();
        if event_types.iter().any(|kind| !["insert", "update", "delete"].contains(&kind.as_str())) {
            return Err(Failure::invalid("/event_types", "a kind of change is insert, update or delete"));
        }
        Ok(Wanted {
            products,
            user: self.user.clone(),
            event_types,
            business_object: self.business_object.clone(),
            children: self.children == Some(true),
            details: self.details != Some(false),
        })
    }
}

/// Where a list goes on: product, beginning of the window, page, rows of it that are done.
#[derive(Clone, Copy)]
struct Place {
    product: usize,
    from: Timestamp,
    page: usize,
    skip: usize,
}

impl Action for ListAuditEvents {
    const SPEC: Spec = Spec {
        id: "list_audit_events",
        title: "List audit events",
        description: "Lists what the audit trail of products tells: who changed which object when, with old and new values. Longer spans are read in windows of less than a month.",
        group: "Monitoring",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: true,
        sample_input: r#"{"products":["POZ"],"since":"2026-01-31T00:00:00Z"}"#,
        sample_output: r#"{"result":[{"date":"2026-01-31 10:00:00.0","userName":"Casey Brown","eventType":"Object Data Update","businessObject":"Supplier","attributeDetails":[{"attributeName":"Status","oldValue":"A","newValue":"I"}]}],"next_cursor":null}"#,
    };
    type Input = Input;
    type Output = RecordList;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let wanted = input.wanted()?;
        let moment = |text: &str, place: &str| {
            time::instant_or_day(text)
                .ok_or_else(|| Failure::invalid(place, "this is no moment, as in 2026-01-31T10:00:00Z"))
        };
        let since = moment(&input.since, "/since")?;
        let until = input.until.as_deref().map(|until| moment(until, "/until")).transpose()?;
        let asked = [Some(since), until].map(|moment| moment.map(time::in_event).unwrap_or_default()).join(" ");
        let of = fingerprint([format!("{wanted:?} {asked}").as_str(), &pod.settings.origin.authority]);
        let start = Place { product: 0, from: since, page: 1, skip: 0 };
        let (mut place, until) = match input.cursor.as_deref() {
            None => (start, until.unwrap_or_else(|| cursor::now(pod))),
            Some(cursor) => read(cursor, &of).ok_or_else(|| {
                Failure::invalid("/cursor", "this is not a cursor that this list answered").remedy(
                    "Use next_cursor of the answer before, with the same input; leave cursor out to begin anew.",
                )
            })?,
        };
        if since >= until {
            return Err(Failure::invalid("/since", "the span ends before it begins, or lies in the future"));
        }
        let limit = usize::try_from(input.limit.unwrap_or(LIMIT)).unwrap_or(usize::MAX);
        let mut list = ListWriter::default();
        let mut taken = 0;
        let next = 'all: loop {
            let Some(product) = wanted.products.get(place.product) else { break None };
            let to = place.from.checked_add(audit::SPAN).unwrap_or(until).min(until);
            let (rows, more) = match audit::page(pod, &wanted, product, (place.from, to), place.page) {
                Ok(page) => page,
                Err(failure) if failure.again && taken > 0 => break Some(place),
                Err(failure) => return Err(failure),
            };
            for (index, row) in rows.iter().enumerate().skip(place.skip) {
                if taken >= limit {
                    place.skip = index;
                    break 'all Some(place);
                }
                // The service counts whole seconds, so a window may begin with what the one before ended with.
                let inside = audit::at(row).is_none_or(|at| at >= place.from && at < to);
                if inside {
                    list.push(|text| text.push_str(row));
                    taken += 1;
                }
            }
            place = match (more, to < until) {
                (true, _) => Place { page: place.page + 1, skip: 0, ..place },
                (false, true) => Place { from: to, page: 1, skip: 0, ..place },
                (false, false) => Place { product: place.product + 1, ..start },
            };
            if !pod.has_time() && place.product < wanted.products.len() {
                break Some(place);
            }
        };
        let next = next.map(|place| {
            let parts =
                json!([of, place.product, place.from.as_microsecond(), place.page, place.skip, until.as_microsecond()]);
            URL_SAFE_NO_PAD.encode(parts.to_string())
        });
        Ok(list.finish(next.as_deref(), None, &[]))
    }
}

fn read(cursor: &str, of: &str) -> Option<(Place, Timestamp)> {
    let read: Value = crate::json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let count = |index: usize| usize::try_from(read.get(index)?.as_u64()?).ok();
    let moment = |index: usize| Timestamp::from_microsecond(read.get(index)?.as_i64()?).ok();
    if read.get(0)?.as_str()? != of {
        return None;
    }
    Some((Place { product: count(1)?, from: moment(2)?, page: count(3)?, skip: count(4)? }, moment(5)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json as answered};
    use crate::settings::Settings;

    #[test]
    fn a_long_span_is_read_in_windows_and_goes_on_where_it_stopped() {
        let settings = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(settings).unwrap();
        let page = |dates: &[&str]| {
            let rows: Vec<Value> = dates.iter().map(|date| json!({"date": date, "userName": "Casey"})).collect();
            answered(200, &json!({"status": "SUCCESS", "pageSize": 500, "auditData": rows}).to_string())
        };
        let first = ["2025-10-02 10:00:00.0", "2025-10-03 10:00:00.0"];
        let door = Fake::new([page(&first), page(&first), page(&["2025-11-20 10:00:00.0"]), page(&[])]);
        let pod = Pod::new(&door, &settings, None).unwrap();
        let input = r#"{"products":["AP"],"since":"2025-10-01T00:00:00Z","until":"2025-12-01T00:00:00Z","limit":1}"#;
        let ask = |text: &str| -> Value {
            serde_json::from_str(&ListAuditEvents::run(&pod, serde_json::from_str(text).unwrap(), "").unwrap()).unwrap()
        };
        let answer = ask(input);
        assert_eq!(answer["result"][0]["date"], first[0]);
        let again = input.replace("\"limit\":1", &format!("\"cursor\":{}", answer["next_cursor"]));
        let answer = ask(&again);
        let dates: Vec<&Value> = answer["result"].as_array().unwrap().iter().map(|row| &row["date"]).collect();
        assert_eq!(dates, [first[1], "2025-11-20 10:00:00.0"]);
        assert_eq!(answer["next_cursor"], Value::Null);
        let sent = door.sent.borrow();
        assert!(sent.iter().all(|request| request.method == crate::http::Method::Post && request.body.is_none()));
        assert!(
            sent[0].path.contains("fromDate=2025-10-01%2000:00:00&toDate=2025-10-28%2000:00:01&product=AP"),
            "{}",
            sent[0].path
        );
    }
}
