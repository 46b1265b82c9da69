use std::borrow::Cow;
use std::io;

use super::*;
use proptest::prelude::*;

type Rows = Vec<Vec<Vec<u8>>>;

fn read(text: &[u8], delimiter: u8, piece: usize) -> Result<Rows, Fault> {
    let mut reader = Reader::new(Box::new(Pieces(text, piece)))?;
    reader.delimiter(delimiter);
    let mut rows = Vec::new();
    while reader.advance()? {
        let width = usize::try_from(reader.width()).unwrap();
        let mut row = vec![Vec::new(); width];
        for cell in reader.cells() {
            row[usize::try_from(cell.column).unwrap()] = reader.bytes(*cell).to_vec();
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Gives a few bytes at a time.
struct Pieces<'a>(&'a [u8], usize);
impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = self.1.min(into.len());
        self.0.read(&mut into[..most])
    }
}

fn rows(text: &str) -> Vec<Vec<String>> {
    let rows = read(text.as_bytes(), b',', 7).unwrap();
    rows.into_iter().map(|row| row.into_iter().map(|cell| String::from_utf8(cell).unwrap()).collect()).collect()
}

#[test]
fn records_are_read_as_spreadsheets_write_them() {
    assert_eq!(rows("a,b\r\n\"c,\"\"d\"\"\",\r\n\r\n\"x\ny\",z"), [["a", "b"], ["c,\"d\"", ""], ["x\ny", "z"]]);
    assert_eq!(rows("5\" pipe,a\"b\r1,2\n"), [["5\" pipe", "a\"b"], ["1", "2"]]);
    assert_eq!(rows(",,,,,,,,,,,,,,,,,x\n,,,\n")[0].len(), 18);
    assert!(rows("").is_empty());
    assert!(rows("\n\n,,\n\"\"\n").is_empty());
}

#[test]
fn a_quote_that_never_closes_is_told_where_it_opens() {
    let text = "a,b\n1,\"two\nlines\"\n3,\"open\n5,6\n";
    let Err(Fault::Unclosed { line, column }) = read(text.as_bytes(), b',', 5) else { panic!("read") };
    assert_eq!((line, column), (4, 3));
    let long = format!("a,b\n\"c{}", "d,e\n".repeat(1 << 20));
    assert!(matches!(read(long.as_bytes(), b',', 1 << 16), Err(Fault::Unclosed { line: 2, column: 1 })));
    let Err(Fault::AfterQuote { line, column }) = read(b"a\n\"b\"c,d\n", b',', 5) else { panic!("read") };
    assert_eq!((line, column), (2, 4));
}

#[test]
fn rows_and_lines_are_counted_as_a_spreadsheet_and_an_editor_do() {
    let mut reader = Reader::new(Box::new(&b"h\n\n\"a\nb\"\nc\n"[..])).unwrap();
    let mut seen = Vec::new();
    while reader.advance().unwrap() {
        seen.push((reader.row(), reader.line()));
    }
    assert_eq!(seen, [(1, 1), (3, 4), (4, 5)]);
}

proptest! {
    #[test]
    fn what_another_writer_writes_is_read_the_same(
        table in proptest::collection::vec(proptest::collection::vec("[a-z\"',;\\n\\rü ]{0,6}", 1..12), 0..12),
        delimiter in proptest::sample::select(vec![b',', b';', b'\t']), always in any::<bool>(), windows in any::<bool>(), piece in 1_usize..40,
    ) {
        let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let end = if windows { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).quote_style(style).terminator(end).flexible(true).from_writer(Vec::new());
        for row in &table {
            writer.write_record(row).unwrap();
        }
        let text = writer.into_inner().unwrap();
        let wanted: Rows = table.iter()
            .filter(|row| row.iter().any(|cell| !cell.is_empty()))
            .map(|row| row.iter().map(|cell| cell.clone().into_bytes()).collect())
            .collect();
        prop_assert_eq!(read(&text, delimiter, piece).unwrap(), wanted);
    }

    #[test]
    fn what_is_written_another_reader_reads_the_same(table in proptest::collection::vec(proptest::collection::vec("[a-z\"',;ü \\n]{0,6}", 1..90), 1..6)) {
        let mut out = Vec::new();
        let mut row = Row::default();
        for cells in &table {
            for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                row.cell(&mut out, u32::try_from(column).unwrap(), cell.as_bytes());
            }
            row.end(&mut out);
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(out.as_slice());
        let mut read = reader.records().map(|record| record.unwrap());
        for cells in table.iter().filter(|cells| cells.iter().any(|cell| !cell.is_empty())) {
            let record = read.next().unwrap();
            for (column, cell) in cells.iter().enumerate() {
                prop_assert_eq!(record.get(column).unwrap_or_default(), cell.replace('\n', "\\n"));
            }
        }
    }

    #[test]
    fn cells_are_copied_at_once_and_one_by_one_alike(
        table in proptest::collection::vec(proptest::collection::vec("[a ]{0,3}|[a-z]{0,9}|[a-zü\"';]{0,4}", 1..90), 1..20),
        changed in proptest::collection::vec(any::<bool>(), 90), gap in 0_u32..3,
    ) {
        let text: String = table.iter().map(|row| row.join(",") + "\n").collect();
        let Ok(mut reader) = Reader::new(Box::new(text.as_bytes())) else { panic!("no text") };
        let (mut at_once, mut one_by_one) = ((Vec::new(), Row::default()), (Vec::new(), Row::default()));
        while let Ok(true) = reader.advance() {
            let cells: Vec<(u32, Cow<'_, [u8]>)> = reader.cells().iter().map(|cell| {
                let bytes = reader.bytes(*cell);
                let change = changed[usize::try_from(cell.column % 90).unwrap()];
                // Columns behind the tenth go elsewhere.
                let column = if cell.column > 10 { cell.column + gap } else { cell.column };
                (column, if change { Cow::Owned(b"new, and longer".to_vec()) } else { Cow::Borrowed(bytes) })
            }).collect();
            at_once.1.cells(&mut at_once.0, &cells, reader.is_plain().then(|| reader.raw()), &mut |_| ());
            one_by_one.1.cells(&mut one_by_one.0, &cells, None, &mut |_| ());
        }
        prop_assert_eq!(String::from_utf8(at_once.0), String::from_utf8(one_by_one.0));
    }

    #[test]
    fn no_bytes_break_the_reader(text in proptest::collection::vec(proptest::sample::select(vec![b',', b'"', b'\n', b'\r', b'a', 0xff]), 0..60), piece in 1_usize..9) {
        let whole = read(&text, b',', 1000).map_err(|fault| fault.to_string());
        prop_assert_eq!(read(&text, b',', piece).map_err(|fault| fault.to_string()), whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn records_are_the_same_wherever_blocks_and_buffers_end(
        table in proptest::collection::vec(proptest::collection::vec("[ab \\r\"']{0,3}|[a-z ]{30,90}|[a-z]{1,9}", 1..40), 60..90),
        always in any::<bool>(), windows in any::<bool>(), shift in 0_usize..64,
    ) {
        let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let end = if windows { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().quote_style(style).terminator(end).flexible(true).from_writer(Vec::new());
        let lead = "x".repeat(shift + 1);
        writer.write_record([&lead]).unwrap();
        // More than a buffer, so that its end comes anywhere in a record.
        let mut wanted: Rows = vec![vec![lead.clone().into_bytes()]];
        for row in table.iter().cycle().take(1500) {
            writer.write_record(row).unwrap();
            wanted.extend(row.iter().any(|cell| !cell.is_empty()).then(|| row.iter().map(|cell| cell.clone().into_bytes()).collect()));
        }
        let text = writer.into_inner().unwrap();
        prop_assert!(read(&text, b',', 1 << 20).unwrap() == wanted);
    }
}
