//! `search_records`: records of any resource, page by page.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{ListWriter, RecordList};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, Warning};
use crate::fusion::attributes::{self, Names};
use crate::fusion::catalogue::Quirk;
use crate::fusion::dated;
use crate::fusion::keyset::Keyset;
use crate::fusion::page::{Cursor, End, Position, Search, fingerprint};
use crate::fusion::pod::Pod;
use crate::fusion::query::{self, Finder, Node, Order};
pub use crate::fusion::shape::Shape;
use crate::fusion::target::Target;
use crate::problem::{Failure, Result};

/// Records in one answer where the input does not say.
const LIMIT: u32 = 100;

/// See the module.
pub struct SearchRecords;

/// What to search for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[schemars(title = "Search records", deny_unknown_fields)]
pub struct Input {
    /// Resource to search, as Fusion names it; the children of a record as invoices/{key}/child/invoiceLines.
    #[schemars(title = "Resource", length(min = 1, max = 2000), extend("examples" = ["invoices"]))]
    #[schemars(extend("x-connector-options" = {"source": "resources", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub resource: String,
    /// Conditions that must all hold.
    #[schemars(title = "All of", extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub all: Option<Vec<Node>>,
    /// Conditions of which at least one must hold.
    #[schemars(title = "Any of", extend("x-connector-order" = 3))]
    pub any: Option<Vec<Node>>,
    /// A condition in Fusion's own q text, in addition to the others.
    #[schemars(title = "Query text", extend("x-connector-visibility" = "advanced", "x-connector-order" = 4))]
    pub q: Option<String>,
    /// A finder of the resource, with its variables.
    #[schemars(title = "Finder", extend("x-connector-visibility" = "advanced", "x-connector-order" = 5))]
    pub finder: Option<Finder>,
    /// Attributes to read; all where none is named. A child's attribute as child.Attribute. The key always
    /// comes along.
    #[schemars(title = "Fields", extend("x-connector-order" = 6))]
    pub fields: Option<Vec<String>>,
    /// Children to read with each record, as in invoiceLines or invoiceLines.invoiceDistributions; all for
    /// every child of the first level.
    #[schemars(title = "Expand", extend("x-connector-order" = 7))]
    pub expand: Option<Vec<String>>,
    /// Sort order; the key follows by itself.
    #[schemars(title = "Order by", extend("x-connector-order" = 8))]
    pub order_by: Option<Vec<Order>>,
    /// Most records in one answer.
    #[schemars(title = "Limit", range(min = 1, max = 10000), extend("default" = 100, "x-connector-order" = 9))]
    pub limit: Option<u32>,
    /// Also tell how many records there are in all, as the pod estimates it.
    #[schemars(title = "Total", extend("default" = false, "x-connector-visibility" = "advanced", "x-connector-order" = 10))]
    pub total: Option<bool>,
    /// Read date-effective records as of this day.
    #[schemars(title = "Effective date", extend("format" = "date", "x-connector-visibility" = "advanced", "x-connector-order" = 11))]
    pub effective_date: Option<String>,
    /// next_cursor of the answer before, to go on there.
    #[schemars(title = "Cursor", extend("x-connector-visibility" = "advanced", "x-connector-order" = 12))]
    pub cursor: Option<String>,
}

impl Input {
    /// Checks the names in it; what the pod told on the way is kept in `target`.
    ///
    /// # Errors
    /// `invalid-input` with the right spelling.
    pub fn check(&self, pod: &Pod, target: &mut Target) -> Result<()> {
        // What goes on was checked when it began.
        let first = self.cursor.is_none();
        let names = Names {
            all: self.all.as_deref().unwrap_or_default(),
            any: self.any.as_deref().unwrap_or_default(),
            orders: self.order_by.as_deref().unwrap_or_default(),
            fields: self.fields.as_deref().filter(|_| first).unwrap_or_default(),
            expand: self.expand.as_deref().filter(|_| first).unwrap_or_default(),
            finder: self.finder.as_ref(),
        };
        attributes::check(pod, target, names)
    }
}

impl Action for SearchRecords {
    const SPEC: Spec = Spec {
        id: "search_records",
        title: "Search records",
        description: "Finds records of any resource by conditions, Fusion's query text or a finder, with children where asked for. Answers at most limit records and a cursor to go on.",
        group: "Any record",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: true,
        sample_input: r#"{"resource":"invoices","all":[{"attribute":"InvoiceAmount","operator":"gt","value":1000}],"fields":["InvoiceId","InvoiceNumber","InvoiceAmount"],"limit":3}"#,
        sample_output: r#"{"result":[{"InvoiceId":300000046987012,"InvoiceNumber":"INV-1001","InvoiceAmount":2212.75}],"next_cursor":null}"#,
    };
    type Input = Input;
    type Output = RecordList;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let mut target = Target::find(pod, &input.resource)?;
        input.check(pod, &mut target)?;
        let mut list = ListWriter::default();
        let mut warnings = Vec::new();
        let asked = Asked::new(pod, &target, &input)?;
        let limit = usize::try_from(input.limit.unwrap_or(LIMIT)).unwrap_or(usize::MAX);
        let position = match &input.cursor {
            Some(cursor) => Cursor::read(cursor, &asked.fingerprint)?,
            None => asked.search.start(),
        };
        let none = std::cell::Cell::new(true);
        let mut read = |asked: &Asked, position, warnings: &mut Vec<Warning>| {
            asked.read(pod, position, limit, warnings, &mut |row| {
                none.set(false);
                list.push(|text| text.push_str(row));
            })
        };
        let end = match read(&asked, position.clone(), &mut warnings) {
            Err(failure) if none.get() => {
                let day = input.effective_date.clone().or_else(|| pod.settings.effective_date.clone());
                let place = dated::elsewhere(pod, &Target { day, ..target.clone() }, "", failure)?;
                warnings.push(place.warning);
                read(&Asked::new(pod, &place.target, &input)?, position, &mut warnings)?
            }
            read => read?,
        };
        warnings.extend(end.warnings);
        let cursor = end.next.map(|position| Cursor::write(&asked.fingerprint, position));
        Ok(list.finish(cursor.as_deref(), end.total, &warnings))
    }
}

/// A search made from an input: used by whatever reads several records.
pub struct Asked<'a> {
    /// Page by page.
    pub search: Search<'a>,
    /// Of the question, without limit and cursor.
    pub fingerprint: String,
    shape: Shape,
    fields: Vec<String>,
    target: &'a Target,
}

impl<'a> Asked<'a> {
    /// Makes the search that an input asks for.
    ///
    /// # Errors
    /// `invalid-input` with the pointer of what does not fit.
    pub fn new(pod: &Pod, target: &'a Target, input: &Input) -> Result<Self> {
        let kind_of = |attribute: &str| target.kind(attribute);
        let all = input.all.as_deref().unwrap_or_default();
        let any = input.any.as_deref().unwrap_or_default();
        let mut terms = Vec::new();
        if let Some(q) = input.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
            terms.push(q.trim_end_matches(';').to_owned());
        }
        terms.extend(query::terms(all, any, &kind_of, pod.settings.framework)?);
        let mut fixed = target.collection(&pod.settings.api_version);
        if input.finder.is_none() && target.has(Quirk::FinderRequired) {
            return Err(Failure::invalid("/finder", format!("{} answers only with a finder", target.name))
                .remedy(finders(target)));
        }
        let orders = input.order_by.as_deref().unwrap_or_default();
        let keyset = match input.finder {
            None => Keyset::new(target, orders, pod.settings.framework),
            Some(_) => None,
        };
        // Pages follow the values of the sort order, so these come along.
        let mut fields = input.fields.clone().filter(|fields| !fields.is_empty());
        if let (Some(fields), Some(keyset)) = (&mut fields, &keyset) {
            for attribute in keyset.attributes() {
                if !fields.iter().any(|field| field == attribute) {
                    fields.push(attribute.to_owned());
                }
            }
        }
        let shape = Shape::new(target, fields.as_deref(), input.expand.as_deref())?;
        fixed = shape.add(fixed);
        let day = input.effective_date.as_ref().or(pod.settings.effective_date.as_ref());
        if let Some(day) = day {
            fixed = fixed.param("effectiveDate", day);
        }
        if let Some(finder) = &input.finder {
            fixed = fixed.clause("finder", &query::finder(finder)?);
        }
        let order = query::order_by(orders, target.order_key().filter(|_| input.finder.is_none()))?;
        let texts =
            [fixed.as_str(), &terms.join(";"), order.as_deref().unwrap_or_default(), &pod.settings.origin.authority];
        let fingerprint = fingerprint(texts);
        let search = Search {
            what: format!("search {}", target.name),
            target,
            terms,
            fixed,
            order,
            keyset,
            total: input.total.unwrap_or(false),
        };
        Ok(Self { search, fingerprint, shape, fields: input.fields.clone().unwrap_or_default(), target })
    }

    /// Reads, and hands over each record as it goes into an answer.
    ///
    /// # Errors
    /// Those of a read.
    pub fn read(
        &self,
        pod: &Pod,
        from: Position,
        limit: usize,
        warnings: &mut Vec<Warning>,
        take: &mut dyn FnMut(&str),
    ) -> Result<End> {
        let mut buffer = String::new();
        let read = self.search.read(pod, from, limit, &mut |row| {
            if self.shape.expands {
                buffer.clear();
                self.shape.write(pod, self.target, row, &mut buffer, warnings);
                take(&buffer);
            } else {
                take(row);
            }
        });
        read.map_err(|failure| attributes::explain(pod, self.target, &self.fields, self.explain(failure)))
    }

    /// A refused attribute is told with what may stand there.
    fn explain(&self, mut failure: Failure) -> Failure {
        let (Some(400), Some(known)) = (failure.problem.http_status, &self.target.known) else { return failure };
        let mentioned = |name: &str| self.search.terms.iter().any(|term| term.contains(name));
        if failure.has_code("EGP-2776154") {
            failure.problem.remedy = Some(format!(
                "{} is searched only by a part of one of these attributes: add a condition such as like \"ABC*\" with at least three characters, and go through the beginnings one by one where all records are wanted.",
                self.target.name
            ));
        } else if let Some((attribute, false)) = self.target.changed()
            && mentioned(attribute)
        {
            failure.problem.remedy = Some(format!(
                "{attribute} may not stand in conditions on {}; describe_resource tells which attributes may.",
                self.target.name
            ));
        } else if failure.problem.remedy.is_none() {
            let some: Vec<&str> = known.queryable.iter().map(|(name, _)| *name).take(8).collect();
            failure.problem.remedy = Some(format!(
                "Check the names (case-sensitive) and values in the conditions; describe_resource tells which attributes of {} may stand there, among them {}.",
                self.target.name,
                some.join(", ")
            ));
        }
        failure
    }
}

fn finders(target: &Target) -> String {
    let known = target.known.as_ref().map(|known| known.finders.as_slice()).unwrap_or_default();
    let told: Vec<String> = known
        .iter()
        .map(|(name, variables)| {
            format!("{name} ({})", variables.iter().map(|(variable, _)| *variable).collect::<Vec<_>>().join(", "))
        })
        .collect();
    format!("Choose one of: {}.", told.join("; "))
}
