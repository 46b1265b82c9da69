//! Purchase orders, down to their distributions; drafts show the same orders.

use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::data::random::{Life, Random};
use crate::data::record::Record;
use crate::data::suppliers::Supplier;
use crate::store::Options;

/// How many orders there are.
pub(crate) const COUNT: u64 = 40;

/// The number of the order that an index falls on.
pub(crate) fn order_number(index: u64) -> String {
    format!("US{}", 162_001 + index % COUNT)
}

/// A row of `purchaseOrders`.
pub(crate) fn record(options: &Options, index: u64) -> Record {
    let mut random = Random::of(options.seed, "purchaseOrders", index);
    let life = Life::of(options.start, &mut random, index, COUNT);
    let supplier = Supplier::at(random.below(super::suppliers::COUNT));
    let step = |base: i64, by: i64| base.saturating_add(i64::try_from(index).unwrap_or(0).saturating_mul(by));
    // 18 digits: more than a double holds.
    let header = step(300_000_000_600_000_003, 29);
    let price = Decimal::new(random.signed_below(40_000).saturating_add(199), 2);
    let quantity = Decimal::from(1 + random.signed_below(20));
    let total = price.checked_mul(quantity).unwrap_or(price);
    let (status, code) = match index % 5 {
        0 => ("Open", "OPEN"),
        1 => ("Closed for Invoicing", "CLOSED FOR INVOICING"),
        2 => ("Pending Approval", "PENDING APPROVAL"),
        3 => ("Canceled", "CANCELED"),
        _ => ("Incomplete", "INCOMPLETE"),
    };
    let line_id = step(300_000_000_610_000_001, 29);
    let schedule_id = step(300_000_000_620_000_001, 29);
    let schedule = Record::new()
        .set("LineLocationId", schedule_id)
        .set("POLineId", line_id)
        .set("POHeaderId", header)
        .set("ScheduleNumber", Decimal::ONE)
        .set("Quantity", quantity)
        .set("Price", price)
        .set("Status", status)
        .set("StatusCode", code)
        .life(&life)
        .child(
            "distributions",
            vec![Record::new().set("PODistributionId", step(300_000_000_630_000_001, 29)).life(&life)],
        );
    let line = Record::new()
        .set("POLineId", line_id)
        .set("POHeaderId", header)
        .set("OrderNumber", order_number(index))
        .set("LineNumber", Decimal::ONE)
        .set("LineType", "Goods")
        .set("Description", "Office chair")
        .set("Quantity", quantity)
        .set("UOM", "Each")
        .set("Price", price)
        .set("Total", total)
        .set("Ordered", total)
        .set("CurrencyCode", supplier.unit.currency)
        .set("Status", status)
        .set("StatusCode", code)
        .life(&life)
        .child("schedules", vec![schedule]);
    Record::new()
        .set("POHeaderId", header)
        .set("OrderNumber", order_number(index))
        .set("OrderDate", life.created.to_zoned(TimeZone::UTC).date())
        .set("Description", "Furniture")
        .set("Status", status)
        .set("StatusCode", code)
        .set("ProcurementBU", supplier.unit.name)
        .set("RequisitioningBU", supplier.unit.name)
        .set("BillToBU", supplier.unit.name)
        .set("Supplier", supplier.name())
        .set("SupplierId", supplier.id())
        .set("SupplierSite", supplier.site())
        .set("SupplierSiteId", supplier.site_id(0))
        .set("CurrencyCode", supplier.unit.currency)
        .set("Ordered", total)
        .set("Total", total)
        .set("FrozenFlag", false)
        .life(&life)
        .child("lines", vec![line])
}
