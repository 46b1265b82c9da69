//! The host's process is killed at any moment, and started again: with the same call id, or with the token.

use std::time::Duration;

use serde_json::{Value, json};

use super::sample::{INVOICES, nested, payables};
use super::{counts, invoices, loads, rejections};
use crate::served::{Ended, Served};

/// A page of the scheduler holds all loads of these.
const TURNS: u32 = 20;

/// The job is over, however far it was.
fn an_hour_later(served: &Served) {
    served.pod.clock().advance(Duration::from_secs(3600));
}

/// Starts a command and kills it after some milliseconds.
fn killed(served: &Served, arguments: &[&str], after: u32) {
    let mut child = served.start(arguments);
    std::thread::sleep(Duration::from_millis(after.into()));
    child.kill().unwrap();
    child.wait().unwrap();
}

fn answer(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"))
}

#[test]
fn a_host_that_is_killed_at_any_moment_leaves_one_load_and_the_whole_report() {
    let served = Served::new("basic", json!([]));
    let today = jiff::Timestamp::now().to_string().split('T').next().unwrap().to_owned();
    for turn in 0..TURNS {
        let (group, id) = (format!("{}", 6100 + turn), format!("killed-{turn}"));
        let input = payables(json!({"rows": nested(&group, &INVOICES)})).to_string().replace("2026-07-03", &today);
        let told = ["import_bulk_data", "--connection", "pod.json", "--input", &input, "--call-id", &id, "--no-wait"];
        let run = [&["run"], &told[..]].concat();
        killed(&served, &run, turn * 14);
        let mut ended = served.harness(&run);
        for step in 0.. {
            assert!(step < 40, "{ended:?}");
            if ended.code != 5 {
                break;
            }
            let token = answer(&ended)["pending"]["token"].to_string();
            let resume = [&["resume"], &told[..], &["--token", &token]].concat();
            an_hour_later(&served);
            if step < 2 {
                killed(&served, &resume, turn * 14);
            }
            ended = served.harness(&resume);
        }
        let report = answer(&ended);
        assert_eq!(counts(&report), ("partial", [Some(3), Some(3), Some(2), Some(1)]), "{report}");
        assert_eq!(rejections(&report).len(), 1, "{report}");
        assert_eq!(loads(&served.pod).len(), turn as usize + 1, "{report}");
        assert_eq!(invoices(&served.pod, &group).len(), 2);
    }
}
