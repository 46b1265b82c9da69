//! The successive imports of suppliers and what lies below them.

use super::*;

fn import(store: &mut Store, table: &str, job: &str, rows: &[&[(&str, &str)]], request: u64) -> Import {
    let layout = layout::of_table(table).unwrap();
    let text: String = rows.iter().map(|cells| csv(table, cells)).collect();
    let job = format!("/oracle/apps/ess/prc/poz/supplierImport,{job}");
    run(store, layout.interfaces[0], &zip(&[(&layout.file, &text)]), &job, "NEW,N", request).import.unwrap()
}

const NEW: [(&str, &str); 6] = [
    ("IMPORT_ACTION", "CREATE"),
    ("VENDOR_NAME", "Acme Tools"),
    ("SEGMENT1", "77001"),
    ("ORGANIZATION_TYPE_LOOKUP_CODE", "CORPORATION"),
    ("BUSINESS_RELATIONSHIP", "SPEND_AUTHORIZED"),
    ("NUM_1099", "99-0000001"),
];

#[test]
fn five_loads_make_a_supplier_whose_invoices_can_be_imported() {
    let mut store = store();
    let who = [("IMPORT_ACTION", "CREATE"), ("VENDOR_NAME", "ACME TOOLS")];
    let with = |more: &[(&'static str, &'static str)]| [&who[..], more].concat();
    let unit = ("PROCUREMENT_BUSINESS_UNIT_NAME", "US1 Business Unit");
    let address = with(&[("PARTY_SITE_NAME", "HQ"), ("COUNTRY", "US"), ("CITY", "Austin")]);
    let site = with(&[unit, ("PARTY_SITE_NAME", "HQ"), ("VENDOR_SITE_CODE", "ACME US"), ("PAY_SITE_FLAG", "Y")]);
    let assignment = with(&[unit, ("VENDOR_SITE_CODE", "ACME US"), ("BUSINESS_UNIT_NAME", "US1 Business Unit")]);
    let contact = with(&[("FIRST_NAME", "Ann"), ("LAST_NAME", "Lee"), ("EMAIL_ADDRESS", "ann@acme.example.com")]);
    for (at, (table, job, row)) in [
        ("POZ_SUPPLIERS_INT", "ImportSuppliers", &NEW[..]),
        ("POZ_SUP_ADDRESSES_INT", "ImportSupplierAddresses", &address),
        ("POZ_SUPPLIER_SITES_INT", "ImportSupplierSites", &site),
        ("POZ_SITE_ASSIGNMENTS_INT", "ImportSupplierSiteAssignments", &assignment),
        ("POZ_SUP_CONTACTS_INT", "ImportSupplierContacts", &contact),
    ]
    .into_iter()
    .enumerate()
    {
        let request = 100 * (1 + u64::try_from(at).unwrap());
        let first = import(&mut store, table, job, &[row], request);
        assert_eq!((first.state, first.imported, first.rejected), ("SUCCEEDED", 1, 0), "{job}: {first:?}");
        let again = import(&mut store, table, job, &[row], request + 1);
        assert_eq!((again.state, again.imported, again.rejected), ("WARNING", 0, 1), "{job}");
        let text = String::from_utf8(again.outputs[0].1.clone()).unwrap();
        assert!(text.contains("already exists"), "{text}");
        assert_eq!(waiting(&store, table)[0].status.as_deref(), Some("REJECTED"));
    }
    let suppliers = resource("suppliers");
    let made = find(&store, "suppliers", "SupplierNumber", "77001").remove(0);
    assert_eq!(made.get(suppliers, "BusinessRelationship"), Some(&"Spend Authorized".into()));
    let (addresses, sites) = (suppliers.child("addresses").unwrap(), suppliers.child("sites").unwrap());
    let (address, site) = (&made.child("addresses")[0], &made.child("sites")[0]);
    assert_eq!(address.get(addresses, "City"), Some(&"Austin".into()));
    assert_eq!(site.get(sites, "SitePurposePayFlag"), Some(&true.into()));
    assert_eq!(site.get(sites, "SupplierAddressId"), address.get(addresses, "SupplierAddressId"));
    assert_eq!((site.child("assignments").len(), made.child("contacts").len()), (1, 1));
}

#[test]
fn what_is_missing_unknown_or_taken_is_refused_by_name() {
    type Cells<'c> = &'c [(&'c str, &'c str)];
    let cases: [(&str, &str, Cells<'_>, &str); 7] = [
        ("POZ_SUPPLIERS_INT", "ImportSuppliers", &[("VENDOR_NAME", "X")], "Import Action"),
        ("POZ_SUPPLIERS_INT", "ImportSuppliers", &[("IMPORT_ACTION", "create")], "CREATE or UPDATE"),
        (
            "POZ_SUPPLIERS_INT",
            "ImportSuppliers",
            &[("IMPORT_ACTION", "CREATE"), ("VENDOR_NAME", "lee supplies"), ("BUSINESS_RELATIONSHIP", "PROSPECTIVE")],
            "POZ-2130479",
        ),
        (
            "POZ_SUPPLIERS_INT",
            "ImportSuppliers",
            &[("IMPORT_ACTION", "UPDATE"), ("VENDOR_NAME", "Nobody")],
            "doesn't exist",
        ),
        (
            "POZ_SUP_ADDRESSES_INT",
            "ImportSupplierAddresses",
            &[("IMPORT_ACTION", "CREATE"), ("VENDOR_NAME", "Lee Supplies"), ("PARTY_SITE_NAME", "B")],
            "Country",
        ),
        (
            "POZ_SUPPLIER_SITES_INT",
            "ImportSupplierSites",
            &[
                ("IMPORT_ACTION", "CREATE"),
                ("VENDOR_NAME", "Lee Supplies"),
                ("PROCUREMENT_BUSINESS_UNIT_NAME", "US1 Business Unit"),
                ("PARTY_SITE_NAME", "Elsewhere"),
                ("VENDOR_SITE_CODE", "NEW"),
            ],
            "address name doesn't exist",
        ),
        (
            "POZ_SITE_ASSIGNMENTS_INT",
            "ImportSupplierSiteAssignments",
            &[
                ("IMPORT_ACTION", "CREATE"),
                ("VENDOR_NAME", "Lee Supplies"),
                ("PROCUREMENT_BUSINESS_UNIT_NAME", "US1 Business Unit"),
                ("VENDOR_SITE_CODE", "Lee US1"),
                ("BUSINESS_UNIT_NAME", "Mars"),
            ],
            "business unit isn't valid",
        ),
    ];
    for (table, job, row, expected) in cases {
        let mut store = store();
        let import = import(&mut store, table, job, &[row], 100);
        let text = String::from_utf8(import.outputs[0].1.clone()).unwrap();
        assert!(import.rejected == 1 && text.contains(expected), "{expected}\n{text}");
    }
}

#[test]
fn an_update_changes_what_it_names() {
    let mut store = store();
    let row: &[(&str, &str)] = &[
        ("IMPORT_ACTION", "UPDATE"),
        ("VENDOR_NAME", "Lee Supplies"),
        ("VENDOR_NAME_NEW", "Lee Supplies Inc"),
        ("ALIAS", "LEE"),
    ];
    assert_eq!(import(&mut store, "POZ_SUPPLIERS_INT", "ImportSuppliers", &[row], 100).imported, 1);
    let made = find(&store, "suppliers", "Supplier", "Lee Supplies Inc").remove(0);
    let suppliers = resource("suppliers");
    assert_eq!(made.get(suppliers, "Alias"), Some(&"LEE".into()));
    assert_eq!(made.get(suppliers, "SupplierNumber"), Some(&"1252".into()));
    assert!(find(&store, "suppliers", "Supplier", "Lee Supplies").is_empty());
}
