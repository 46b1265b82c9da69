//! `harness test`: what works on a connection, and what to do about the rest.

use anstyle::{AnsiColor, Style};
use host_harness::contract::connections::{Check, CheckStatus};

use crate::args::Global;
use crate::component::Component;
use crate::ending::{Ending, Exit};
use crate::{json, say, site};

pub async fn run(global: &Global, connection: &str) -> Result<(), Ending> {
    let component = Component::load(global).await?;
    site::within(component, global, connection, async |site| {
        // A session that is kept is not handed in: whether signing in works is the first thing to find out.
        let id = site.call_id.clone();
        let report =
            site.call(&id, async |site, _| site.component.connector.test(&site.run, &site.connection).await).await?;
        if site.json {
            say::json(&json::text(&json::report(&report))?)?;
        } else {
            for check in &report.checks {
                say_check(&site.secrets, check)?;
            }
        }
        let failed = report.checks.iter().any(|check| check.status == CheckStatus::Failed);
        if failed { Err(Ending::silent(Exit::NotMet)) } else { Ok(()) }
    })
    .await
}

fn say_check(secrets: &host_harness::secrets::Secrets, check: &Check) -> Result<(), Ending> {
    let colour = match check.status {
        CheckStatus::Ok => AnsiColor::Green,
        CheckStatus::Warning => AnsiColor::Yellow,
        CheckStatus::Failed => AnsiColor::Red,
    };
    let style = Style::new().fg_color(Some(colour.into()));
    let mut text = format!("{style}{:7}{style:#} {}", json::check_status(check.status), check.title);
    for part in [&check.cause, &check.remedy].into_iter().flatten() {
        text.push_str(&format!("\n        {part}"));
    }
    let choice = anstream::AutoStream::choice(&std::io::stdout());
    let text = secrets.clean(&text);
    if choice == anstream::ColorChoice::Never {
        say::line(&anstream::adapter::strip_str(&text).to_string())
    } else {
        say::line(&text)
    }
}
