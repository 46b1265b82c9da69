//! The high point of the demo: a spreadsheet with one bad invoice through file-based data import, until each of its
//! invoices is on the pod.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{Scene, claim, json, say};

const INVOICES: &str = "\
Invoice ID,Business Unit,Source,Invoice Number,Invoice Amount,Invoice Date,Supplier,Supplier Site,Invoice Currency
1,US1 Business Unit,Manual Invoice Entry,DEMO-A,1500.00,2026-07-03,Lee Supplies,Lee US1,USD
2,US1 Business Unit,Manual Invoice Entry,DEMO-B,2750.00,2026-07-03,Lee Supplies,Lee US1,USD
3,US1 Business Unit,Manual Invoice Entry,DEMO-C,310.40,2026-07-03,Lee Suplies,Lee US1,USD
";

const LINES: &str = "\
Invoice ID,Line Number,Amount,Description
1,1,1500.00,Consulting
2,1,2500.00,Desks
2,2,250.00,Delivery
3,1,310.40,Toner
";

/// The row of `INVOICES` that the pod rejects, counted as a spreadsheet does.
const BAD_ROW: u64 = 4;

const CALL: &str = "demo-load-1";

impl Scene {
    pub(super) fn import(&self) -> Result<()> {
        let pod = format!("sim:{}", self.folder.join("bulk.state").display());
        let lent = self.folder.join("load");
        std::fs::create_dir_all(&lent)?;
        std::fs::write(lent.join("invoices.csv"), INVOICES)?;
        std::fs::write(lent.join("lines.csv"), LINES)?;
        let lent = lent.display().to_string();
        let unit = self.business_unit(&pod)?;

        say("Three invoices stand in a spreadsheet, their lines in another. One supplier is misspelt.");
        println!("\n{INVOICES}\n{LINES}");

        say("They are checked before anything is sent.");
        let sheets = json!([{"path": "invoices.csv"}, {"path": "lines.csv"}]);
        let mut input = json!({"object": "ap_invoices", "files": sheets, "parameters": unit, "check_only": true});
        let text = input.to_string();
        let run = ["run", "import_bulk_data", "--connection", &pod, "--files", &lent];
        let checked = json(&self.run(&[&run[..], &["--input", &text]].concat(), 0)?.out)?;
        claim("the columns are recognised, and nothing is to be refused", !has_refusals(&checked))?;
        input.as_object_mut().context("the input is an object")?.remove("check_only");
        let text = input.to_string();

        say("The load is sent. A load takes minutes, so the answer is a token, for an engine that sleeps meanwhile.");
        let begin = [&run[..], &["--input", &text, "--call-id", CALL, "--no-wait"]].concat();
        let pending = json(&self.run(&begin, 5)?.out)?;
        let token = pending.pointer("/pending/token").context("there is no token")?.to_string();
        claim("the load has a request on the pod", text_at(&pending, "/pending/status").contains("request"))?;

        say("It is followed to its end.");
        let resume = ["resume", "import_bulk_data", "--connection", &pod, "--files", &lent, "--input", &text];
        let resume = [&resume[..], &["--call-id", CALL, "--token", &token]].concat();
        let report = json(&self.watched(&resume, 1)?.out)?;
        show(&report)?;
        claim("two invoices arrived, and one did not", counts(&report) == [Some(3), Some(2), Some(1)])?;
        let rejection = report.pointer("/rejections/0").context("no row is named")?;
        let place = (text_at(rejection, "/file"), rejection.get("row").and_then(Value::as_u64));
        claim(
            "the rejected invoice is named by its row in the spreadsheet, with what to do",
            place == ("invoices.csv", Some(BAD_ROW))
                && text_at(rejection, "/key") == "DEMO-C"
                && text_at(rejection, "/code") == "INVALID SUPPLIER"
                && text_at(rejection, "/remedy").contains("supplier"),
        )?;
        let found = self.on_the_pod(&pod)?;
        claim("the two are on the pod", found == ["DEMO-A", "DEMO-B"])?;

        say("The same call again, as after a crash: what it did is found, and nothing is loaded twice.");
        let again = json(&self.run(&[&run[..], &["--input", &text, "--call-id", CALL]].concat(), 1)?.out)?;
        claim("it is the same load", again.get("request_id") == report.get("request_id"))?;

        say("What the load left in the interface tables is purged, so that its rows can come again.");
        let load = json!({"request_id": text_at(&report, "/request_id"), "open": false}).to_string();
        let purge = ["run", "extract_and_purge", "--connection", &pod, "--files", &lent, "--input", &load];
        let purged = json(&self.run(&purge, 0)?.out)?;
        claim("it is purged", text_at(&purged, "/outcome") == "succeeded")?;

        say("The report holds the rejected rows in the columns of the spreadsheet. Corrected, they are a load.");
        let files = rejected(&report)?;
        let input = json!({"object": "ap_invoices", "files": files, "parameters": unit, "purge": "when_complete"});
        let text = input.to_string();
        let report = json(&self.watched(&["run", "import_bulk_data", "--connection", &pod, "--input", &text], 0)?.out)?;
        show(&report)?;
        claim("the third invoice arrived", counts(&report) == [Some(1), Some(1), Some(0)])?;
        let found = self.on_the_pod(&pod)?;
        claim("all three are on the pod, each once", found == ["DEMO-A", "DEMO-B", "DEMO-C"])
    }

    /// The ids that the job asks for.
    fn business_unit(&self, pod: &str) -> Result<Value> {
        say("The job asks for ids. They come from the pod.");
        let question = r#"{"resource":"finBusinessUnitsLOV","limit":1,"fields":["BusinessUnitId","BusinessUnitName","PrimaryLedgerId"],"all":[{"attribute":"BusinessUnitName","operator":"eq","value":"US1 Business Unit"}]}"#;
        let found = json(&self.run(&["run", "search_records", "--connection", pod, "--input", question], 0)?.out)?;
        let id = |name: &str| found.pointer(&format!("/result/0/{name}")).map(Value::to_string);
        let (Some(unit), Some(ledger)) = (id("BusinessUnitId"), id("PrimaryLedgerId")) else {
            bail!("the pod has no such business unit");
        };
        Ok(json!({"business_unit_id": unit, "ledger_id": ledger}))
    }

    /// Numbers of the demo's invoices, in their order.
    fn on_the_pod(&self, pod: &str) -> Result<Vec<String>> {
        say("What is on the pod?");
        let question = r#"{"resource":"invoices","all":[{"attribute":"InvoiceNumber","operator":"like","value":"DEMO-%"}],"fields":["InvoiceNumber","InvoiceAmount","Supplier"],"order_by":[{"attribute":"InvoiceNumber","direction":"asc"}]}"#;
        let arguments = ["run", "search_records", "--connection", pod, "--input", question, "--table"];
        self.run(&arguments, 0)?;
        let printed = self.quietly(&["run", "search_records", "--connection", pod, "--input", question], 0)?;
        let rows = json(&printed.out)?.get("result").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(rows.iter().map(|row| text_at(row, "/InvoiceNumber").to_owned()).collect())
    }
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn has_refusals(checked: &Value) -> bool {
    let findings = checked.get("findings").and_then(Value::as_array);
    findings.is_none_or(|all| all.iter().any(|one| text_at(one, "/severity") == "refuse"))
}

/// Read, imported, rejected.
fn counts(report: &Value) -> [Option<u64>; 3] {
    ["read", "imported", "rejected"]
        .map(|name| report.get("counts").and_then(|counts| counts.get(name)).and_then(Value::as_u64))
}

/// The rejected rows as files of an input, with the misspelt name mended.
fn rejected(report: &Value) -> Result<Value> {
    let files = match (report.get("rejected_files"), report.get("rejected_file")) {
        (Some(Value::Array(files)), _) => files.clone(),
        (_, Some(file)) => vec![file.clone()],
        _ => bail!("the report holds no rejected rows"),
    };
    Ok(files
        .iter()
        .map(|file| json!({"name": file.get("name"), "text": text_at(file, "/text").replace("Suplies", "Supplies")}))
        .collect())
}

/// The report without its long list of jobs.
fn show(report: &Value) -> Result<()> {
    let mut report = report.clone();
    if let Some(members) = report.as_object_mut() {
        for name in ["jobs", "warnings", "rejected_files", "rejected_file"] {
            members.remove(name);
        }
    }
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
