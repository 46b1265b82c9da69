//! The other end of the wire: invoices that are rendered once, and handed out as slices of one text.
//!
//! Owns the rows and what a request asks of them: a key to go on behind (`q=InvoiceId > …`) or an offset, and a
//! limit. A page costs it no copy and no rendering, so that what is measured is the reader. Never checks who asks.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use futures::stream;
use percent_encoding::percent_decode_str;

/// The key before that of the first row: 15 digits, as the pods of FACTS 1 give them.
const BEFORE_FIRST: u64 = 300_000_100_000_000;
/// What a pod gives at most (FACTS 1.4).
const PAGE: usize = 500;

/// How the rows are spelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// Without a space.
    Compact,
    /// A member a line, as a pod writes them.
    Pretty,
}

struct Rows {
    text: Bytes,
    /// Where each row begins in the text, and where the text ends; a comma stands before each row but the first.
    begins: Vec<usize>,
}

/// Serves `count` invoices on a port of its own, from a thread of its own, until the process ends. Answers the
/// address, and the bytes of a row in the mean.
///
/// # Errors
/// Where no port can be had.
pub fn start(count: usize, spelling: Spelling) -> Result<(SocketAddr, usize)> {
    let rows = Arc::new(Rows::render(count, spelling)?);
    let mean = rows.text.len() / count.max(1);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no port can be had")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let router = Router::new()
                .route("/fscmRestApi/resources/{version}/invoices", get(page))
                .route("/echo", get(async || StatusCode::NO_CONTENT))
                .with_state(rows);
            let listener = tokio::net::TcpListener::from_std(listener)?;
            // Without it the tail of a page waits for the reader's acknowledgement of what came before.
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            axum::serve(listener, router).await
        })
    });
    Ok((address, mean))
}

impl Rows {
    fn render(count: usize, spelling: Spelling) -> Result<Self> {
        let mut text = String::with_capacity(count * 1200);
        let mut begins = Vec::with_capacity(count + 1);
        for index in 0..count {
            begins.push(text.len());
            if index > 0 {
                text.push(',');
            }
            row(&mut text, u64::try_from(index)?, spelling)?;
        }
        begins.push(text.len());
        Ok(Self { text: text.into(), begins })
    }

    /// The text of rows, without the comma before the first.
    fn slice(&self, from: usize, to: usize) -> Bytes {
        let place = |at: usize| self.begins.get(at).copied().unwrap_or(self.text.len());
        let comma = usize::from(from > 0 && from < to);
        self.text.slice(place(from) + comma..place(to))
    }

    fn count(&self) -> usize {
        self.begins.len() - 1
    }
}

async fn page(State(rows): State<Arc<Rows>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let value = |name: &str| {
        let raw = query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))?.1;
        Some(percent_decode_str(&raw.replace('+', " ")).decode_utf8_lossy().into_owned())
    };
    let number = |name: &str| value(name).and_then(|text| text.parse::<usize>().ok());
    let behind = match value("q") {
        None => 0,
        Some(q) => match q.rsplit_once('>').and_then(|(_, key)| key.trim().parse::<u64>().ok()) {
            Some(key) => usize::try_from(key.saturating_sub(BEFORE_FIRST)).unwrap_or(usize::MAX),
            None => return (StatusCode::BAD_REQUEST, "this q is not served here").into_response(),
        },
    };
    let from = behind.saturating_add(number("offset").unwrap_or(0)).min(rows.count());
    let limit = number("limit").unwrap_or(25).min(PAGE);
    let to = (from + limit).min(rows.count());
    let tail = format!(
        "],\"count\":{},\"hasMore\":{},\"limit\":{limit},\"offset\":0,\"links\":[]}}",
        to - from,
        to < rows.count()
    );
    let pieces = [Bytes::from_static(b"{\"items\":["), rows.slice(from, to), Bytes::from(tail)];
    let length: usize = pieces.iter().map(Bytes::len).sum();
    let headers = [(CONTENT_TYPE, "application/json".to_owned()), (CONTENT_LENGTH, length.to_string())];
    (headers, Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)))).into_response()
}

const NAMES: [&str; 8] = [
    "Atlas Instruments",
    "Summit Office Supply",
    "Meridian \\\"North\\\" Freight",
    "Bäckerei Öttinger",
    "Lakeside Tools",
    "Orion Paper",
    "Harbour Works",
    "Vista Catering",
];

/// One invoice of about 1 KB: the attributes that a search answers when none is named, in part.
fn row(out: &mut String, index: u64, spelling: Spelling) -> Result<()> {
    let name = usize::try_from(index % 8)?;
    let name = NAMES.get(name).context("there are eight names")?;
    let (day, cents) = (index % 28 + 1, index.wrapping_mul(7919) % 10_000_000);
    let members = [
        ("InvoiceId", format!("{}", BEFORE_FIRST + 1 + index)),
        ("InvoiceNumber", format!("\"INV-{:08}\"", index + 1)),
        ("InvoiceCurrency", "\"USD\"".into()),
        ("PaymentCurrency", "\"USD\"".into()),
        ("InvoiceAmount", format!("{}.{:02}", cents / 100, cents % 100)),
        ("InvoiceDate", format!("\"2026-04-{day:02}\"")),
        ("BusinessUnit", "\"US Services Business Unit\"".into()),
        ("Supplier", format!("\"{name}\"")),
        ("SupplierNumber", format!("\"{}\"", 1000 + index % 500)),
        ("SupplierSite", format!("\"SITE {}\"", index % 300)),
        ("Requester", "null".into()),
        ("InvoiceGroup", "null".into()),
        ("ConversionRate", "null".into()),
        ("AccountingDate", format!("\"2026-04-{day:02}\"")),
        ("Description", "\"Office supplies, delivered as ordered\"".into()),
        ("PayAloneFlag", "false".into()),
        ("InvoiceSource", "\"Manual invoice entry\"".into()),
        ("InvoiceType", "\"Standard\"".into()),
        ("PaymentTerms", "\"Net 30\"".into()),
        ("TermsDate", format!("\"2026-04-{day:02}\"")),
        ("PaymentMethod", "\"Electronic\"".into()),
        ("LegalEntity", "\"US Services, Inc.\"".into()),
        ("LiabilityDistribution", "\"102.10.22110.000.000.000\"".into()),
        ("DocumentSequence", "null".into()),
        ("ValidationStatus", "\"Validated\"".into()),
        ("ApprovalStatus", "\"Workflow approved\"".into()),
        ("PaidStatus", "\"Unpaid\"".into()),
        ("AccountingStatus", "\"Unaccounted\"".into()),
        ("CanceledFlag", "false".into()),
        ("AmountPaid", "0".into()),
        ("TaxationCountry", "\"United States\"".into()),
        ("BudgetDate", "null".into()),
        ("CreationDate", format!("\"2026-04-{day:02}T14:39:32.400+00:00\"")),
        ("CreatedBy", "\"casey.brown@example.com\"".into()),
        ("LastUpdatedBy", "\"casey.brown@example.com\"".into()),
        ("LastUpdateDate", format!("\"2026-04-{day:02}T14:39:32.400+00:00\"")),
        ("LastUpdateLogin", format!("\"{:032}\"", index)),
    ];
    let (open, between, colon, close) = match spelling {
        Spelling::Compact => ("{", ",", ":", "}"),
        Spelling::Pretty => ("{\n    ", ",\n    ", " : ", "\n  }"),
    };
    out.push_str(open);
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push_str(between);
        }
        write!(out, "\"{name}\"{colon}{value}")?;
    }
    out.push_str(close);
    Ok(())
}
