//! `harness test`: what works on a connection, and what to do about the rest.
//!
//! A table in full sentences for people, every check with its id for programs. Secrets are taken out of the
//! sentences before they are broken into lines, where they could no longer be found.

use anstyle::{AnsiColor, Style};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use host_harness::contract::connections::{Check, CheckStatus, ConnectionReport};
use host_harness::secrets::Secrets;

use crate::args::Global;
use crate::component::Component;
use crate::ending::{Ending, Exit, sentence};
use crate::{json, say, site};

pub async fn run(global: &Global, connection: &str) -> Result<(), Ending> {
    let component = Component::load(global).await?;
    site::within(component, global, connection, async |site| {
        // Where only a kept session lets anybody in, the report is about that one. That signing in fails is for
        // the report to say.
        let _ = crate::signin::sign_in(site).await;
        let id = site.call_id.clone();
        let mut report =
            site.call(&id, async |site, _| site.component.connector.test(&site.run, &site.connection).await).await?;
        clean(&mut report, &site.secrets);
        if site.json {
            say::json(&json::text(&json::report(&report))?)?;
        } else {
            let mut text = table(&report.checks, say::width());
            if say::in_colour() {
                text = coloured(&text);
            }
            say::line(&format!("{text}\n{}", verdict(&report.checks)))?;
        }
        let failed = report.checks.iter().any(|check| check.status == CheckStatus::Failed);
        if failed { Err(Ending::silent(Exit::NotMet)) } else { Ok(()) }
    })
    .await
}

fn clean(report: &mut ConnectionReport, secrets: &Secrets) {
    for check in &mut report.checks {
        for text in [Some(&mut check.title), check.cause.as_mut(), check.remedy.as_mut()].into_iter().flatten() {
            *text = secrets.clean(text);
        }
    }
}

fn table(checks: &[Check], width: u16) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width).set_header(["Status", "Check", "What was found, and what to do"]);
    for (column, constraint) in [
        (0, ColumnConstraint::ContentWidth),
        // What to do has more to say than a title.
        (1, ColumnConstraint::UpperBoundary(Width::Percentage(34))),
    ] {
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(constraint);
        }
    }
    for check in checks {
        let found = check.cause.as_deref().map(sentence);
        let remedy = check.remedy.as_deref().map(|remedy| format!("What to do: {}", sentence(remedy)));
        let parts: Vec<String> = [found, remedy].into_iter().flatten().collect();
        let found = if parts.is_empty() { "This is in order.".to_owned() } else { parts.join("\n") };
        table.add_row([json::check_status(check.status), &check.title, &found]);
    }
    let text = table.to_string();
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The same with the status words of the first column in their colours.
fn coloured(table: &str) -> String {
    let line = |line: &str| {
        let word = line.split_whitespace().next().unwrap_or_default();
        let colour = match word {
            "ok" => AnsiColor::Green,
            "warning" => AnsiColor::Yellow,
            "failed" => AnsiColor::Red,
            _ => return format!("{line}\n"),
        };
        // Every line of a cell is indented; a status stands at the very left.
        match line.strip_prefix(' ').and_then(|rest| rest.strip_prefix(word)) {
            Some(rest) => {
                let style = Style::new().fg_color(Some(colour.into())).bold();
                format!(" {style}{word}{style:#}{rest}\n")
            }
            None => format!("{line}\n"),
        }
    };
    table.lines().map(line).collect()
}

/// One sentence on the whole.
fn verdict(checks: &[Check]) -> String {
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    match (count(CheckStatus::Failed), count(CheckStatus::Warning)) {
        (0, 0) => "The connection works.".to_owned(),
        (0, 1) => "The connection works, and there is one warning.".to_owned(),
        (0, warnings) => format!("The connection works, and there are {warnings} warnings."),
        (1, _) => {
            "The connection does not work as it should: one check failed. Do what it says, and test again.".to_owned()
        }
        (failed, _) => {
            format!(
                "The connection does not work as it should: {failed} checks failed. Begin with the first, and test again."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_is_coloured() {
        let table = " Status   Check\n ok       The name resolves\n          failed once before\n failed   Sign-in\n";
        let colour = coloured(table);
        assert_eq!(anstream::adapter::strip_str(&colour).to_string(), table);
        assert_eq!(colour.matches("\u{1b}[0m").count(), 2, "{colour:?}");
    }
}
