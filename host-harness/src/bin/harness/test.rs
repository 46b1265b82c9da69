//! `harness test`: what works on a connection, and what to do about the rest.
//!
//! A table in full sentences for people, every check with its id for programs. Secrets are taken out of the
//! sentences before they are broken into lines, where they could no longer be found.

use anstyle::{AnsiColor, Style};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use host_harness::Denied;
use host_harness::contract::connections::{Check, CheckStatus, ConnectionReport};
use host_harness::secrets::Secrets;
use host_harness::transport::Failure;

use crate::args::Global;
use crate::component::Component;
use crate::ending::{Ending, Exit, Told, capitalised, permission, renewal, sentence};
use crate::{json, say, signin, site};

pub async fn run(global: &Global, connection: &str) -> Result<(), Ending> {
    if global.table || global.csv {
        let message = "a report of checks is neither a table of records nor CSV";
        return Err(Ending::usage(message, "Leave out --table and --csv; --json prints the report for programs."));
    }
    let component = Component::load(global).await?;
    site::within(component, global, connection, async |site| {
        // Where only a kept session lets anybody in, the report is about that one. That signing in fails is for
        // the report to say, in the words that were heard here.
        let refused = signin::sign_in(site).await.err().and_then(|ending| ending.told);
        let id = site.call_id.clone();
        let mut report =
            site.call(&id, async |site, _| site.component.connector.test(&site.run, &site.connection).await).await?;
        if let Some(refused) = refused {
            tell_why_refused(&mut report.checks, &refused);
        }
        tell_of_network(&mut report.checks, &site.run.failures());
        clean(&mut report, &site.secrets);
        let printed = if site.json {
            say::json(&json::text(&json::report(&report))?)
        } else {
            let mut text = table(&report.checks, say::width());
            if say::in_colour() {
                text = coloured(&text);
            }
            say::line(&format!("{text}\n{}", verdict(&report.checks)))
        };
        let failed = report.checks.iter().any(|check| check.status == CheckStatus::Failed);
        match printed {
            Err(ending) if ending.exit != Exit::Unread => Err(ending),
            _ if failed => Err(Ending::silent(Exit::NotMet)),
            printed => printed,
        }
    })
    .await
}

/// A report without a session says only that there is none; the host knows why.
fn tell_why_refused(checks: &mut [Check], refused: &Told) {
    let unmet = |check: &&mut Check| check.id == "sign_in" && check.status != CheckStatus::Ok;
    if let Some(check) = checks.iter_mut().find(unmet) {
        check.cause = Some(capitalised(&refused.cause()));
        check.remedy.clone_from(&refused.remedy);
    }
}

/// A connector learns of the network only by codes; the host has the reasons, and flags to help with.
fn tell_of_network(checks: &mut [Check], failures: &[Failure]) {
    for check in checks.iter_mut().filter(|check| check.status == CheckStatus::Failed) {
        let certificate = failures.iter().rev().find_map(|failure| match failure {
            Failure::Certificate { authority, fault, reason } => Some((authority, *fault, reason)),
            _ => None,
        });
        if let (Some((authority, fault, reason)), "tls") = (certificate, check.id.as_str()) {
            let cause = check.cause.as_deref().map(|cause| format!("{} ", sentence(cause))).unwrap_or_default();
            check.cause = Some(format!("{cause}{}", sentence(&capitalised(reason))));
            check.remedy = Some(renewal(authority, fault));
        }
        let denied = failures.iter().find_map(|failure| match failure {
            Failure::Denied(denied) if speaks_of(check, denied) => Some(denied),
            _ => None,
        });
        if let Some(denied) = denied {
            check.remedy = Some(permission(denied));
        }
    }
}

/// Whether a check failed over a place that the policy does not allow, as far as its words tell.
fn speaks_of(check: &Check, denied: &Denied) -> bool {
    let (Denied::NotListed { origin } | Denied::Unexpected { origin } | Denied::PlainHttp { origin }) = denied else {
        return false;
    };
    [Some(&check.title), check.cause.as_ref()].into_iter().flatten().any(|text| text.contains(origin.host()))
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
        table.add_row([json::check_status(check.status), &check.title, &parts.join("\n")]);
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

    fn check(id: &str, status: CheckStatus, cause: &str) -> Check {
        let (id, title, cause) = (id.to_owned(), id.to_owned(), Some(cause.to_owned()));
        Check { id, title, status, cause, remedy: Some("What the connector advises.".to_owned()) }
    }

    #[test]
    fn why_signing_in_failed_is_told_by_who_heard_it() {
        let refused = Told {
            message: "the identity domain does not take the refresh token".to_owned(),
            remedy: Some("Sign in again with `harness authorize`.".to_owned()),
            http_status: Some(400),
            remote_code: Some("invalid_grant".to_owned()),
            ..Told::default()
        };
        let mut checks = [
            check("address", CheckStatus::Ok, "as it was"),
            check("sign_in", CheckStatus::Failed, "there is no session"),
        ];
        tell_why_refused(&mut checks, &refused);
        insta::assert_snapshot!(checks.each_ref().map(|check| check.cause.clone().unwrap_or_default()).join("\n"), @r"
        as it was
        The identity domain does not take the refresh token. (HTTP 400, invalid_grant)
        ");
        assert_eq!(checks.each_ref().map(|check| check.remedy == refused.remedy), [false, true]);

        for mut other in
            [check("sign_in", CheckStatus::Ok, "as it was"), check("data", CheckStatus::Failed, "as it was")]
        {
            tell_why_refused(std::slice::from_mut(&mut other), &refused);
            assert_eq!(other.cause.as_deref(), Some("as it was"));
        }
    }

    #[test]
    fn only_a_status_is_coloured() {
        let table = " Status   Check\n ok       The name resolves\n          failed once before\n failed   Sign-in\n";
        let colour = coloured(table);
        assert_eq!(anstream::adapter::strip_str(&colour).to_string(), table);
        assert_eq!(colour.matches("\u{1b}[0m").count(), 2, "{colour:?}");
    }
}
