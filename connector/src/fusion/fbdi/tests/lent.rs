//! Files of the lent directory: read while somebody writes to them, and written beside those of the person.

use super::*;

#[test]
fn a_file_that_is_written_to_while_it_is_read_is_refused() {
    /// Gives lines, and cuts or lengthens the headers meanwhile.
    struct Meanwhile<'a>(&'a Path, Option<&'a str>);
    impl Urls for Meanwhile<'_> {
        fn open(&self, _: &str) -> Result<Box<dyn Read + '_>> {
            self.1.inspect(|text| std::fs::write(self.0, text).unwrap());
            Ok(Box::new(&b"VENDOR_NAME,VENDOR_SITE_CODE\nN1,S\n"[..]))
        }
    }
    let lent = std::env::temp_dir().join(format!("fbdi-changed-{}", std::process::id()));
    std::fs::create_dir_all(&lent).unwrap();
    let headers = "VENDOR_NAME\nN1\nN2\n";
    let named = |name: &'static str, content| InputFile { name: name.into(), content };
    let source = || {
        Source::Files(vec![
            named("PozSuppliersInt.csv", Content::Path("suppliers.csv".into())),
            named("PozSupplierSitesInt.csv", Content::Url("https://example.com/sites".into())),
        ])
    };
    let none = BTreeMap::new();
    let options = Options { call_id: "call-1", group_id: None, parameters: &none, lent: Some(&lent) };
    for (text, changed) in [(None, false), (Some("VENDOR_NAME\nN1\n"), true), (Some("VENDOR_NAME\nN1\nN2\nN3\n"), true)]
    {
        let file = lent.join("suppliers.csv");
        std::fs::write(&file, headers).unwrap();
        let built = build(object("suppliers").unwrap(), &source(), &options, &Meanwhile(&file, text));
        let told = built.err().map(|failure| failure.problem.message).unwrap_or_default();
        assert_eq!(told.contains("suppliers.csv cannot be read: it was changed"), changed, "{told}");
    }
    std::fs::remove_dir_all(&lent).unwrap();
}

#[test]
fn a_large_file_of_rejected_rows_does_not_take_the_place_of_the_input() {
    let lent = std::env::temp_dir().join(format!("fbdi-rejected-{}", std::process::id()));
    std::fs::create_dir_all(&lent).unwrap();
    let text = "VENDOR_NAME\n".to_owned() + &format!("{}\n", "N".repeat(99)).repeat(4_000);
    let source = files(&[("PozSuppliersInt.csv", &text)]);
    let none = BTreeMap::new();
    let options = Options { call_id: "call-1", group_id: None, parameters: &none, lent: Some(&lent) };
    let row = |row| InputRow { file: "PozSuppliersInt.csv".to_owned(), row, pointer: None };
    let rows: Vec<InputRow> = (2..4_000).map(row).collect();
    let files = rejected_csv(object("suppliers").unwrap(), &source, &options, &NoUrls, &rows.iter().collect()).unwrap();
    let RejectedContent::Path(path) = &files[0].content else { panic!("inline") };
    assert_ne!(path.file_name().unwrap(), "PozSuppliersInt.csv");
    assert_eq!(std::fs::metadata(path).unwrap().len(), 12 + 3_998 * 100);
    std::fs::remove_dir_all(&lent).unwrap();
}
