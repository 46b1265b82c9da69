//! The main job as a person would type it, on a simulated pod: each command is shown with what it prints,
//! and each claim is checked.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::build;

mod import;

/// As much of an output as one reads.
const LINES: usize = 24;

/// Builds, then plays.
pub fn play() -> Result<()> {
    let harness = build::all()?;
    let folder = tempfile::tempdir()?;
    let scene = Scene { harness, folder: folder.path().to_path_buf() };
    scene.catalogue()?;
    scene.search()?;
    scene.invoice()?;
    scene.replay()?;
    scene.bad_input()?;
    scene.import()?;
    println!("\nAll claims hold.");
    Ok(())
}

struct Scene {
    harness: PathBuf,
    folder: PathBuf,
}

struct Printed {
    code: i32,
    out: String,
    err: String,
}

impl Scene {
    fn catalogue(&self) -> Result<()> {
        say("The component tells what it can do, without a connection.");
        let printed = self.run(&["describe"], 0)?;
        claim(
            "the catalogue offers search_records and create_invoice",
            printed.out.contains("search_records") && printed.out.contains("create_invoice"),
        )?;

        say("A form is JSON Schema. With a connection and a resource it shows the pod's own fields.");
        let printed =
            self.run(&["schema", "create_record", "--connection", "sim", "--input", r#"{"resource":"suppliers"}"#], 0)?;
        let form = json(&printed.out)?;
        claim(
            "the form has the pod's own fields",
            form.pointer("/properties/record/properties/Supplier/title").is_some(),
        )
    }

    fn search(&self) -> Result<()> {
        say("A search, three records at a time.");
        let question = r#"{"resource":"invoices","all":[{"attribute":"InvoiceAmount","operator":"gt","value":1000}],"fields":["InvoiceId","InvoiceNumber","InvoiceAmount"],"limit":3}"#;
        let first = json(&self.run(&["run", "search_records", "--connection", "sim", "--input", question], 0)?.out)?;
        let ids = identifiers(&first);
        claim("three records came", ids.len() == 3)?;
        let cursor = first.get("next_cursor").and_then(Value::as_str).context("there is no cursor")?;

        say("The same input with the cursor goes on there.");
        let next = question.replace(r#""limit":3"#, &format!(r#""limit":3,"cursor":"{cursor}""#));
        let second =
            identifiers(&json(&self.run(&["run", "search_records", "--connection", "sim", "--input", &next], 0)?.out)?);
        claim("three others came", second.len() == 3 && second.iter().all(|id| !ids.contains(id)))?;

        say("To the end, one record a line.");
        let whole = question.replace(r#","limit":3"#, "");
        let printed = self.run(&["run", "search_records", "--connection", "sim", "--input", &whole, "--ndjson"], 0)?;
        let mut lines: Vec<&str> = printed.out.lines().collect();
        let count = lines.len();
        lines.sort_unstable();
        lines.dedup();
        claim(&format!("{count} records, each once"), count > 100 && lines.len() == count)
    }

    fn invoice(&self) -> Result<()> {
        let pod = format!("sim:{}", self.folder.join("pod.state").display());
        let state = self.folder.join("polls.db").display().to_string();
        let watch = r#"{"resource":"invoices","since":"now","fields":["InvoiceId","InvoiceNumber","InvoiceAmount"]}"#;
        let poll = ["poll", "new_or_updated_record", "--connection", &pod, "--state", &state, "--input", watch];

        say("A trigger begins to watch: nothing has happened since now.");
        let printed = self.run(&poll, 0)?;
        claim("no event came", printed.out.trim().is_empty())?;

        say("The supplier's name and site come from the pod's lists.");
        let list = json(&self.run(&["options", "suppliers", "--connection", &pod, "--search", "supplies"], 0)?.out)?;
        let supplier =
            list.pointer("/options/0/value").and_then(Value::as_str).context("no supplier is offered")?.to_owned();
        let chosen = serde_json::json!({ "Supplier": supplier }).to_string();
        let list = json(&self.run(&["options", "supplier_sites", "--connection", &pod, "--input", &chosen], 0)?.out)?;
        let site = list.pointer("/options/0/value").and_then(Value::as_str).context("no site is offered")?.to_owned();
        // The label tells the business unit that the site serves.
        let label = list.pointer("/options/0/label").and_then(Value::as_str).unwrap_or_default();
        let unit = label
            .split_once(" (")
            .and_then(|(_, rest)| rest.strip_suffix(')'))
            .context("the site names no business unit")?;

        say("An invoice is created.");
        let invoice = serde_json::json!({
            "InvoiceNumber": "DEMO-1", "InvoiceAmount": 2212.75, "InvoiceCurrency": "USD", "BusinessUnit": unit,
            "Supplier": supplier, "SupplierSite": site,
            "invoiceLines": [{"LineNumber": 1, "LineType": "Item", "LineAmount": 2212.75, "Description": "Chairs"}],
        })
        .to_string();
        let create = ["run", "create_invoice", "--connection", &pod, "--input", &invoice];
        let created = json(&self.run(&create, 0)?.out)?;
        let key = created.pointer("/record/InvoiceId").context("it has no id")?.to_string();

        say("It is read back by its key.");
        let read = format!(
            r#"{{"resource":"invoices","key":"{key}","fields":["InvoiceNumber","InvoiceAmount"],"expand":[]}}"#
        );
        let printed = self.run(&["run", "get_record", "--connection", &pod, "--input", &read], 0)?;
        claim("its amount is as it was sent, to the digit", printed.out.contains("2212.75"))?;

        say("The same invoice again: the pod refuses a second one, and the first is answered.");
        let again = json(&self.run(&create, 0)?.out)?;
        claim("it is the same invoice", again.pointer("/record/InvoiceId").map(Value::to_string) == Some(key.clone()))?;

        say("The trigger sees it, once.");
        let printed = self.run(&poll, 0)?;
        claim(
            "one event came, and it is this invoice",
            printed.out.lines().count() == 1 && printed.out.contains(&key),
        )?;
        let printed = self.run(&poll, 0)?;
        claim("it does not come again", printed.out.trim().is_empty())
    }

    fn replay(&self) -> Result<()> {
        let cassette = self.folder.join("search.json").display().to_string();
        let question = r#"{"resource":"suppliers","limit":2,"fields":["SupplierId","Supplier"]}"#;
        let run = ["run", "search_records", "--connection", "sim", "--input", question];
        say("What goes over the wire can be recorded ...");
        let recorded = self.run(&[&run[..], &["--record", &cassette]].concat(), 0)?;
        claim(
            "the recording holds no credentials",
            !std::fs::read_to_string(&cassette)?.to_lowercase().contains("basic "),
        )?;
        say("... and replayed without a pod.");
        let replayed = self.run(&[&run[..], &["--replay", &cassette]].concat(), 0)?;
        claim("the answer is the same", replayed.out == recorded.out)
    }

    fn bad_input(&self) -> Result<()> {
        say("A wrong input is told with each fault, and nothing is sent.");
        let wrong = r#"{"resource":"invoices","limit":0,"al":[]}"#;
        let printed = self.run(&["run", "search_records", "--connection", "sim", "--input", wrong], 2)?;
        claim("both faults are told", printed.err.contains("/limit") && printed.err.contains("/al"))
    }

    fn run(&self, arguments: &[&str], code: i32) -> Result<Printed> {
        self.tell(arguments);
        let printed = self.quietly(arguments, code)?;
        printed.show();
        Ok(printed)
    }

    /// As [`Self::run`], with the progress of the command on the terminal where there is one, and its output kept
    /// back for whoever shows it better.
    fn watched(&self, arguments: &[&str], code: i32) -> Result<Printed> {
        self.tell(arguments);
        let errors = if std::io::stderr().is_terminal() { Stdio::inherit() } else { Stdio::piped() };
        let printed = self.start(arguments, code, errors)?;
        printed.err.lines().for_each(|line| println!("{}", cut(line)));
        Ok(printed)
    }

    fn quietly(&self, arguments: &[&str], code: i32) -> Result<Printed> {
        self.start(arguments, code, Stdio::piped())
    }

    fn tell(&self, arguments: &[&str]) {
        let shown: Vec<String> = arguments.iter().map(|argument| quoted(argument, &self.folder)).collect();
        println!("\n$ harness {}", shown.join(" "));
    }

    fn start(&self, arguments: &[&str], code: i32, errors: Stdio) -> Result<Printed> {
        let mut command = Command::new(&self.harness);
        let child = command.args(arguments).current_dir(crate::command::root()).stdin(Stdio::null());
        let output = child.stdout(Stdio::piped()).stderr(errors).spawn()?.wait_with_output()?;
        let printed = Printed {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout)?,
            err: String::from_utf8(output.stderr)?,
        };
        if printed.code != code {
            printed.show();
            bail!("exit status {} where {code} was expected", printed.code);
        }
        Ok(printed)
    }
}

impl Printed {
    fn show(&self) {
        for text in [&self.out, &self.err] {
            let count = text.lines().count();
            text.lines().take(LINES).for_each(|line| println!("{}", cut(line)));
            if count > LINES {
                println!("… {} more lines", count - LINES);
            }
        }
    }
}

fn say(text: &str) {
    println!("\n# {text}");
}

fn claim(text: &str, holds: bool) -> Result<()> {
    if !holds {
        bail!("this does not hold: {text}");
    }
    println!("✓ {text}");
    Ok(())
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).with_context(|| format!("not JSON: {text}"))
}

fn identifiers(answer: &Value) -> Vec<String> {
    let rows = answer.get("result").and_then(Value::as_array).cloned().unwrap_or_default();
    rows.iter().filter_map(|row| row.get("InvoiceId")).map(Value::to_string).collect()
}

fn quoted(argument: &str, folder: &Path) -> String {
    let argument = argument.replace(&folder.display().to_string(), "/tmp/demo");
    let plain = argument.chars().all(|c| c.is_alphanumeric() || "-_./:@=".contains(c));
    if plain { argument } else { format!("'{}'", argument.replace('\'', "'\\''")) }
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line.to_owned(),
    }
}
