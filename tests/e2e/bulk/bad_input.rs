//! What people hand in by mistake: put right where that is safe, and said; else refused with file, row and column.
//! Nothing of what is refused reaches the pod.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::sample::{HEADERS, INVOICES, LINES, balanced, nested, payables, sample, shuffled};
use super::{Caller, counts, invoices, loads};
use crate::stage::Stage;

/// A zip with stored entries.
fn zip(files: &[(&str, &[u8])]) -> String {
    let (mut body, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let crc = !bytes.iter().fold(!0_u32, |mut crc, byte| {
            crc ^= u32::from(*byte);
            (0..8).for_each(|_| crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()));
            crc
        });
        let (len, offset) = (u32::try_from(bytes.len()).unwrap(), u32::try_from(body.len()).unwrap());
        let mut about = Vec::new();
        about.extend([20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0x5c]);
        about.extend(crc.to_le_bytes());
        about.extend(len.to_le_bytes());
        about.extend(len.to_le_bytes());
        about.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        about.extend([0, 0]);
        body.extend(b"PK\x03\x04");
        body.extend(&about);
        body.extend(name.as_bytes());
        body.extend(*bytes);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&about);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let (size, at) = (u32::try_from(directory.len()).unwrap(), u32::try_from(body.len()).unwrap());
    body.extend(directory);
    body.extend(b"PK\x05\x06\0\0\0\0");
    body.extend([count, count].concat());
    body.extend(size.to_le_bytes());
    body.extend(at.to_le_bytes());
    body.extend([0, 0]);
    STANDARD.encode(body)
}

/// Two good invoices whose files were spoilt.
fn spoilt(group: &str, spoil: impl Fn(String) -> String) -> [String; 2] {
    let [headers, lines] = shuffled(group, &INVOICES[..2]);
    [spoil(headers), lines]
}

fn given([headers, lines]: [String; 2]) -> Value {
    payables(json!({"files": [{"name": HEADERS, "text": headers}, {"name": LINES, "text": lines}]}))
}

fn named(first: &str, second: &str, group: &str) -> Value {
    let [headers, lines] = shuffled(group, &INVOICES[..2]);
    payables(json!({"files": [{"name": first, "text": headers}, {"name": second, "text": lines}]}))
}

#[test]
fn what_can_be_put_right_is_put_right_and_said() {
    let latin = |group: &str| {
        let [headers, lines] = shuffled(group, &INVOICES[..2]);
        let lines = lines.replace("RT consulting", "Bür\u{f6}");
        let bytes: Vec<u8> = lines.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
        payables(
            json!({"files": [{"name": HEADERS, "text": headers}, {"name": LINES, "base64": STANDARD.encode(bytes)}]}),
        )
    };
    let foldered = |group: &str| {
        let [headers, lines] = shuffled(group, &INVOICES[..2]);
        let name = |file: &str| format!("invoices/{file}");
        let files = [(name(HEADERS), headers), (name(LINES), lines)];
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
        payables(json!({"zip": {"name": "x.zip", "base64": zip(&files)}}))
    };
    type Make<'m> = &'m dyn Fn(&str) -> Value;
    let cases: [(&str, Make<'_>, &str); 8] = [
        ("a wrong name", &|group| named("march invoices.csv", "march lines.csv", group), "file_recognised"),
        (
            "a name in another case",
            &|group| named("apinvoicesinterface.CSV", "apinvoicelinesinterface.csv", group),
            "file_renamed",
        ),
        ("a folder in the zip", &foldered, "file_renamed"),
        ("a byte order mark", &|group| given(spoilt(group, |text| format!("\u{feff}{text}"))), ""),
        ("semicolons", &|group| given(spoilt(group, |text| text.replace(',', ";"))), ""),
        (
            "Windows line ends",
            &|group| given(spoilt(group, |text| text.replace('\n', "\r\n").replace("\r\r", "\r"))),
            "",
        ),
        ("Latin-1", &latin, ""),
        (
            "a date like 31.07.2026",
            &|group| given(spoilt(group, |text| text.replace("2026-07-03", "31.07.2026"))),
            "date_repaired",
        ),
    ];
    for (at, (what, make, code)) in cases.into_iter().enumerate() {
        let stage = Stage::sim(json!([]));
        let group = format!("52{at:02}");
        let input = make(&group);
        let told = Caller::new(&stage, "test").import(&input).unwrap_or_else(|refused| panic!("{what}: {refused:?}"));
        assert_eq!(counts(&told).0, "complete", "{what} {told}");
        assert_eq!(invoices(stage.pod.as_ref().unwrap(), &group).len(), 2, "{what}");
        let warnings = told["warnings"].to_string();
        assert!(code.is_empty() || warnings.contains(code), "{what} {warnings}");
    }
}

#[test]
fn what_cannot_be_put_right_is_refused_with_its_place_before_anything_is_sent() {
    let bad = |from: &'static str, to: &'static str| given(spoilt("5300", move |text| text.replacen(from, to, 1)));
    let without = |name: &str| {
        let mut input = sample("5300");
        input["parameters"].as_object_mut().unwrap().remove(name);
        input
    };
    let mut strange = sample("5300");
    strange["parameters"]["colour"] = "red".into();
    let mut journal_gap = balanced("5300");
    journal_gap["parameters"].as_object_mut().unwrap().remove("data_access_set_id");
    let workbook = payables(
        json!({"files": [{"name": HEADERS, "base64": zip(&[("xl/workbook.xml", b"<workbook/>"), ("[Content_Types].xml", b"<Types/>")])}]}),
    );
    let mut orphan = nested("5300", &INVOICES[..2]);
    orphan[0]["lines"][0]["INVOICE_ID"] = "1".into();
    let mut extra = given(shuffled("5300", &INVOICES[..2]));
    extra["files"].as_array_mut().unwrap().push(json!({"name": "notes.txt", "text": "read me"}));
    let cases: Vec<(&str, Value, &[&str])> = vec![
        ("an extra file", extra, &["notes.txt", HEADERS]),
        ("a quote that never closes", bad("Lee US1,1500", "\"Lee US1,1500"), &[HEADERS, "line 2"]),
        ("a spreadsheet", workbook, &[HEADERS, "CSV"]),
        (
            "a spreadsheet by its name",
            payables(json!({"files": [{"name": "invoices.xlsx", "text": "PK"}]})),
            &["invoices.xlsx"],
        ),
        ("a date like 31/01/26", bad("2026-07-03", "31/01/26"), &[HEADERS, "row 2", "INVOICE_DATE"]),
        ("a date that may be read in two ways", bad("2026-07-03", "01/02/2026"), &[HEADERS, "row 2", "INVOICE_DATE"]),
        ("an amount like 1,500", bad("1500", "\"1,500\""), &[HEADERS, "row 2", "INVOICE_AMOUNT"]),
        ("a column that nobody knows", bad("Supplier Site", "Colour"), &[HEADERS, "Colour"]),
        ("a parameter that is missing", without("business_unit_id"), &["business_unit_id"]),
        ("another that is missing", without("ledger_id"), &["ledger_id"]),
        ("a journal's", journal_gap, &["data_access_set_id"]),
        ("a parameter that nobody knows", strange, &["colour"]),
        ("no rows", payables(json!({"rows": []})), &[]),
        (
            "a file without rows",
            payables(json!({"files": [{"name": HEADERS, "text": "INVOICE_ID,INVOICE_NUM\n"}]})),
            &["no row"],
        ),
        ("an empty file", payables(json!({"files": [{"name": HEADERS, "text": ""}]})), &["no row"]),
        ("no files", payables(json!({"files": []})), &["files"]),
        ("nothing at all", payables(json!({})), &["rows, files and zip"]),
        (
            "a zip that is none",
            payables(json!({"zip": {"name": "x.zip", "base64": STANDARD.encode("hello")}})),
            &["x.zip"],
        ),
        (
            "a zip that is torn",
            payables(json!({"zip": {"name": "x.zip", "base64": STANDARD.encode(b"PK\x03\x04 torn")}})),
            &["x.zip"],
        ),
        (
            "files of another object",
            payables(json!({"files": [{"name": "GlInterface.csv", "text": "NEW,1\n"}]})),
            &["GlInterface.csv"],
        ),
    ];
    for (what, input, told) in cases {
        let stage = Stage::sim(json!([]));
        let refused = match Caller::new(&stage, "test").import(&input) {
            Err(refused) => refused,
            Ok(answer) => panic!("{what}: {answer}"),
        };
        assert!(!refused.again, "{what}");
        let said = format!("{:?}", refused.problem);
        for word in told {
            assert!(said.contains(word), "{what}: {word} in {said}");
        }
        assert!(loads(stage.pod.as_ref().unwrap()).is_empty(), "{what}");
    }
}

#[test]
fn a_service_that_this_user_may_not_use_is_named() {
    for (user, input, word) in
        [("int.reader", sample("5401"), "erpintegrations"), ("int.ap", balanced("5401"), "erpintegrations")]
    {
        let stage = Stage::sim(json!([])).signed_in_as(user, "Simulated-1");
        let refused = Caller::new(&stage, "test").import(&input).unwrap_err();
        let said = format!("{:?}", refused.problem);
        assert_eq!(refused.problem.kind, host_harness::contract::types::ProblemKind::Forbidden, "{said}");
        assert!(said.contains(word), "{said}");
        assert!(refused.problem.remedy.unwrap().contains("ole"), "{said}");
        assert!(loads(stage.pod.as_ref().unwrap()).is_empty());
    }
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_no_file_and_nobody_waits_for_its_other_end() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join(HEADERS);
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Whoever opens it finds somebody there, so that this fails and does not hang.
    let other = pipe.clone();
    std::thread::spawn(move || std::fs::write(other, "1,2\n"));
    let input = payables(json!({"files": [{"path": HEADERS, "name": HEADERS}]}));
    let stage = Stage::sim(json!([]));
    let refused = Caller::new(&stage, "test").lending(folder.path()).import(&input).unwrap_err();
    let said = format!("{:?}", refused.problem);
    assert!(said.contains(HEADERS) && said.contains("Not supported"), "{said}");
    assert!(loads(stage.pod.as_ref().unwrap()).is_empty());
}
