//! A result of many records as a table or as CSV: generic, from whatever members the records have.
//!
//! Numbers keep their spelling. A cell of CSV that a spreadsheet would take for a formula is defused, and control
//! characters never reach a terminal.

use comfy_table::{ContentArrangement, Table, presets};
use host_harness::exact::{Exact, parse_json};

/// What makes spreadsheets compute (OWASP, CSV injection).
const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r'];

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
        let output = parse_json(output).ok()?;
        let Some(Exact::Array(records)) = output.get("result") else { return None };
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

impl Cell {
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
