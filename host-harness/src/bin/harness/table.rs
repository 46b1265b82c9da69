//! A result of many records as a table or as CSV: generic, from whatever members the records have.
//!
//! A table shows the columns that the operation's form marks as important, for a screen is narrow; CSV has them
//! all, and where the output brings a file of its own it is that file.
//!
//! Numbers keep their spelling. A cell of CSV that a spreadsheet would take for a formula is defused, and control
//! characters never reach a terminal.

use comfy_table::{ContentArrangement, Table, presets};
use host_harness::exact::{Exact, parse_json};

use crate::ending::capitalised;

/// What makes spreadsheets compute (OWASP, CSV injection).
const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r'];

/// What a form marks with `x-connector-visibility`.
const IMPORTANT: &str = "important";

/// Told in people's words elsewhere.
const WARNINGS: &str = "warnings";

/// Column names, and a row of cells for each record.
#[derive(Debug, PartialEq, Eq)]
pub struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Cell {
    text: String,
    /// JSON said that it is a number.
    number: bool,
}

impl Rows {
    /// Of an output whose `result` is a list of objects; none for any other.
    #[must_use]
    pub fn of(output: &str) -> Option<Self> {
        Self::listed(parse_json(output).ok()?.get("result")?)
    }

    /// Of a list of objects.
    fn listed(records: &Exact) -> Option<Self> {
        let Exact::Array(records) = records else { return None };
        let mut columns: Vec<String> = Vec::new();
        let mut places = std::collections::HashMap::new();
        let mut rows = Vec::new();
        for record in records {
            let Exact::Object(members) = record else { return None };
            let mut row = vec![Cell::default(); columns.len()];
            for (name, value) in members {
                let place = *places.entry(name.clone()).or_insert_with(|| {
                    columns.push(name.clone());
                    columns.len() - 1
                });
                if row.len() <= place {
                    row.resize(place + 1, Cell::default());
                }
                if let Some(cell) = row.get_mut(place) {
                    *cell = Cell::of(value);
                }
            }
            rows.push(row);
        }
        for row in &mut rows {
            row.resize(columns.len(), Cell::default());
        }
        Some(Self { columns, rows })
    }

    /// The same with those columns alone that count, in their order, and without any that is empty in every
    /// row. Where none counts, or nothing would be left, all stay.
    #[must_use]
    pub fn narrowed(self, important: &[String]) -> Self {
        let place = |name: &String| self.columns.iter().position(|column| column == name);
        let mut places: Vec<usize> = important.iter().filter_map(place).collect();
        if places.is_empty() {
            places = (0..self.columns.len()).collect();
        }
        let filled = |place: &usize| self.rows.iter().any(|row| row.get(*place).is_some_and(|cell| !cell.is_empty()));
        if places.iter().any(filled) {
            places.retain(filled);
        }
        let columns = places.iter().filter_map(|place| self.columns.get(*place).cloned()).collect();
        let row = |row: &Vec<Cell>| places.iter().filter_map(|place| row.get(*place).cloned()).collect();
        let rows = self.rows.iter().map(row).collect();
        Self { columns, rows }
    }

    /// For people.
    #[must_use]
    pub fn table(&self, width: u16) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(width).set_header(self.columns.iter().map(|name| visible(name)));
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| visible(&cell.text)));
        }
        table.to_string()
    }

    /// RFC 4180, with a header, in UTF-8; without a line break at the end.
    ///
    /// # Errors
    /// None is known to happen in memory.
    pub fn csv(&self) -> Result<String, csv::Error> {
        let mut out = csv::Writer::from_writer(Vec::new());
        if self.columns.is_empty() {
            return Ok(String::new());
        }
        out.write_record(self.columns.iter().map(|name| defused(name)))?;
        for row in &self.rows {
            out.write_record(row.iter().map(|cell| if cell.number { cell.text.clone() } else { defused(&cell.text) }))?;
        }
        let bytes = out.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
    }
}

/// An output for people: its lists beside the result under their names, then the result. None where the result
/// is no list of objects. `schema` is the form of the output.
#[must_use]
pub fn tables(output: &str, schema: &str, width: u16) -> Option<String> {
    let result = Rows::of(output)?;
    let Ok(Exact::Object(members)) = parse_json(output) else { return None };
    let schema = parse_json(schema).unwrap_or(Exact::Null);
    let mut text = String::new();
    for (name, list) in &members {
        if name == "result" || name == WARNINGS || !is_flat_list(list) {
            continue;
        }
        if let Some(rows) = Rows::listed(list) {
            let table = rows.narrowed(&important(&schema, name)).table(width);
            text.push_str(&format!("{}\n{table}\n\n", heading(name)));
        }
    }
    text.push_str(&result.narrowed(&important(&schema, "result")).table(width));
    Some(text)
}

/// The text of the file that an output brings as `{"csv": {"name": …, "text": …}}`.
#[must_use]
pub fn file(output: &str) -> Option<String> {
    let output = parse_json(output).ok()?;
    let file = output.get("csv")?;
    file.get("name")?.as_text()?;
    file.get("text")?.as_text().map(str::to_owned)
}

/// The columns of a list that its form marks as important, in the form's order.
fn important(schema: &Exact, list: &str) -> Vec<String> {
    let columns = ["properties", list, "items", "properties"].iter().try_fold(schema, |value, name| value.get(name));
    let Some(Exact::Object(columns)) = columns else { return Vec::new() };
    let marked = |form: &Exact| form.get("x-connector-visibility").and_then(Exact::as_text) == Some(IMPORTANT);
    columns.iter().filter(|(_, form)| marked(form)).map(|(name, _)| name.clone()).collect()
}

/// Whether this is a list of objects, one at least, that hold neither objects nor lists.
fn is_flat_list(value: &Exact) -> bool {
    let nests = |(_, value): &(String, Exact)| matches!(value, Exact::Array(_) | Exact::Object(_));
    let flat = |item: &Exact| matches!(item, Exact::Object(members) if !members.iter().any(nests));
    matches!(value, Exact::Array(items) if !items.is_empty() && items.iter().all(flat))
}

/// The name of a member as a person writes it.
fn heading(name: &str) -> String {
    capitalised(&visible(name).replace(['_', '\n'], " "))
}

impl Cell {
    fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    fn of(value: &Exact) -> Self {
        let text = match value {
            Exact::Null => String::new(),
            Exact::Text(text) => text.clone(),
            other => other.to_string(),
        };
        Self { text, number: matches!(value, Exact::Number(_)) }
    }
}

fn defused(text: &str) -> String {
    let number = text.parse::<f64>().is_ok_and(f64::is_finite);
    if text.starts_with(FORMULA) && !number { format!("'{text}") } else { text.to_owned() }
}

fn visible(text: &str) -> String {
    text.chars().map(|character| if character.is_control() && character != '\n' { ' ' } else { character }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OUTPUT: &str = r#"{"result": [
        {"Id": 300000012345678901, "Name": "A \"quoted\", name", "Amount": -0.10},
        {"Id": 2, "Name": "=HYPERLINK(\"x\")", "lines": [{"n": 1}], "Amount": null},
        {"Name": "-12.50", "Id": 3, "lines": "+cmd"}], "next_cursor": null}"#;

    #[test]
    fn columns_come_in_the_order_of_the_members() {
        let rows = Rows::of(OUTPUT).unwrap();
        insta::assert_snapshot!(rows.csv().unwrap(), @r#"
        Id,Name,Amount,lines
        300000012345678901,"A ""quoted"", name",-0.10,
        2,"'=HYPERLINK(""x"")",,"[{""n"":1}]"
        3,-12.50,,'+cmd
        "#);
        insta::assert_snapshot!(rows.table(60), @r#"
        ┌──────────────────┬──────────────────┬────────┬───────────┐
        │ Id               ┆ Name             ┆ Amount ┆ lines     │
        ╞══════════════════╪══════════════════╪════════╪═══════════╡
        │ 3000000123456789 ┆ A "quoted", name ┆ -0.10  ┆           │
        │ 01               ┆                  ┆        ┆           │
        │ 2                ┆ =HYPERLINK("x")  ┆        ┆ [{"n":1}] │
        │ 3                ┆ -12.50           ┆        ┆ +cmd      │
        └──────────────────┴──────────────────┴────────┴───────────┘
        "#);
    }

    #[test]
    fn what_is_no_list_of_records_has_no_rows() {
        for output in ["{}", "[]", r#"{"record": {}}"#, r#"{"result": [1]}"#, r#"{"result": {}}"#, "no"] {
            assert_eq!(Rows::of(output), None, "{output}");
        }
        assert_eq!(Rows::of(r#"{"result": []}"#).unwrap().csv().unwrap(), "");
    }

    #[test]
    fn a_terminal_is_not_given_orders() {
        let rows = Rows::of(r#"{"result": [{"a": "\u001b[2Jx\u0007"}]}"#).unwrap();
        assert!(!rows.table(40).contains(['\u{1b}', '\u{7}']));
    }

    const REPORT: &str = r#"{"user": "CASEY", "role_changes": [{"kind": "gone", "was": "Clerk", "is": null}],
        "roles": [], "warnings": [{"code": "w", "message": "said elsewhere"}], "deep": [{"a": [1]}], "names": ["x"],
        "result": [
            {"module": "Payables", "cause": "", "right": "read", "status": "ok", "evidence": "GET /x answered 200"},
            {"module": "Payables", "cause": "", "right": "create", "status": "not_provable", "evidence": "-"}],
        "csv": {"name": "access.csv", "text": "user,module\r\nCASEY,=Payables\r\n"}}"#;

    #[test]
    fn a_table_shows_what_counts_and_the_lists_beside_it_under_their_names() {
        let form = r#"{"properties": {"result": {"items": {"properties": {
            "status": {"x-connector-visibility": "important"}, "cause": {"x-connector-visibility": "important"},
            "right": {"x-connector-visibility": "important"}, "evidence": {"x-connector-visibility": "advanced"}}}}}}"#;
        insta::assert_snapshot!(tables(REPORT, form, 60).unwrap(), @r"
        Role changes
        ┌──────┬───────┐
        │ kind ┆ was   │
        ╞══════╪═══════╡
        │ gone ┆ Clerk │
        └──────┴───────┘

        ┌──────────────┬────────┐
        │ status       ┆ right  │
        ╞══════════════╪════════╡
        │ ok           ┆ read   │
        │ not_provable ┆ create │
        └──────────────┴────────┘
        ");
    }

    #[test]
    fn where_nothing_is_marked_every_column_with_content_is_shown() {
        let text = tables(REPORT, "{}", 200).unwrap();
        for word in ["module", "right", "status", "evidence"] {
            assert!(text.contains(word), "{text}");
        }
        assert!(!text.contains("cause") && !text.contains("Roles") && !text.contains("Warnings"), "{text}");
        assert!(tables(r#"{"result": [{"a": ""}]}"#, "{}", 60).unwrap().contains(" a "), "not even that goes");
        assert_eq!(tables(r#"{"result": 1}"#, "{}", 60), None);
    }

    #[test]
    fn a_file_that_the_output_brings_is_taken_as_it_is() {
        assert_eq!(file(REPORT).as_deref(), Some("user,module\r\nCASEY,=Payables\r\n"));
        for output in [OUTPUT, r#"{"csv": "a,b"}"#, r#"{"csv": {"text": "a"}}"#, r#"{"csv": {"name": "a.csv"}}"#] {
            assert_eq!(file(output), None, "{output}");
        }
    }

    proptest! {
        #[test]
        fn csv_reads_back_as_it_was_but_for_formulas(cells in proptest::collection::vec(any::<String>(), 1..5)) {
            let named = cells.iter().enumerate().map(|(at, cell)| (format!("c{at}"), cell.clone().into()));
            let record: serde_json::Map<String, serde_json::Value> = named.collect();
            let text = Rows::of(&serde_json::json!({"result": [record]}).to_string()).unwrap().csv().unwrap();
            let row = csv::Reader::from_reader(text.as_bytes()).records().next().unwrap().unwrap();
            prop_assert_eq!(row.len(), cells.len());
            for (cell, read) in cells.iter().zip(row.iter()) {
                let computes = cell.starts_with(FORMULA) && cell.parse::<f64>().is_err();
                prop_assert_eq!(read, if computes { format!("'{cell}") } else { cell.clone() });
            }
        }
    }
}
