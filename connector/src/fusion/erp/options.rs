//! The pod's interface options as seeded: which account, job and loader each bulk object has (FACTS 3.5).
//!
//! `options.txt` is the table: id, family, object, account, load job, import job, jobs after the load, whether
//! it loads an interface table, loader (SQLLOADER where blank), CEMLI code, report; `~` stands for
//! `/oracle/apps/ess/`.

use serde_json::{Map, Value};

use crate::packed;

/// What the jobs' packages begin with.
const ROOT: &str = "/oracle/apps/ess/";

/// An interface option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    columns: Vec<String>,
}

/// Names of the columns, as outputs have them.
const NAMES: [&str; 11] = [
    "id",
    "family",
    "object",
    "account",
    "load_job",
    "import_job",
    "post_load_jobs",
    "loads_interface_table",
    "loader",
    "template",
    "report",
];

impl Interface {
    fn read(line: &str) -> Self {
        let mut columns: Vec<String> = line.split('\t').map(|text| text.replace('~', ROOT)).collect();
        columns.resize(NAMES.len(), String::new());
        Self { columns }
    }

    fn column(&self, at: usize) -> &str {
        self.columns.get(at).map(String::as_str).unwrap_or_default()
    }

    /// Its id (`InterfaceDetails`).
    pub fn id(&self) -> &str {
        self.column(0)
    }

    /// Business object.
    pub fn object(&self) -> &str {
        self.column(2)
    }

    /// Account in the slash form; may be empty.
    pub fn account(&self) -> &str {
        self.column(3)
    }

    /// `package,definition` of its import; may be empty.
    pub fn job(&self) -> String {
        self.column(5).replacen(';', ",", 1)
    }

    /// Whether any of its columns holds the words, whatever the case.
    pub fn holds(&self, words: &str) -> bool {
        let all = self.columns.join(" ").to_lowercase();
        words.to_lowercase().split_whitespace().all(|word| all.contains(word))
    }

    /// As outputs have it.
    pub fn told(&self) -> Value {
        let mut told = Map::new();
        for (name, text) in NAMES.iter().zip(&self.columns) {
            let value = match (*name, text.as_str()) {
                ("id", text) => text.parse::<u64>().map_or(Value::Null, Value::from),
                ("loads_interface_table", text) => Value::Bool(text == "Y"),
                ("loader", "") => "SQLLOADER".into(),
                (_, "") => Value::Null,
                ("load_job" | "import_job", text) => text.replacen(';', ",", 1).into(),
                (_, text) => text.into(),
            };
            told.insert((*name).to_owned(), value);
        }
        Value::Object(told)
    }
}

/// All of them, by id.
pub fn all() -> Vec<Interface> {
    packed::text("options.txt").lines().map(Interface::read).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn all_options_are_there_and_say_what_the_table_says() {
        let table: Vec<Interface> = include_str!("options.txt").lines().map(Interface::read).collect();
        let all = all();
        assert!(all == table && all.len() == 179);
        let invoices = all.iter().find(|one| one.id() == "1").unwrap();
        assert_eq!(invoices.job(), "/oracle/apps/ess/financials/payables/invoices/transactions,APXIIMPT");
        assert!(invoices.holds("PAYABLE invoice") && !invoices.holds("payable item"));
    }
}
