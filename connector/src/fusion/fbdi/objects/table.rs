//! The objects themselves.

use super::{Checks, From, Object, Parameter, Table};

const fn asked(slot: usize, name: &'static str, title: &'static str) -> Parameter {
    Parameter { name, title, slot, default: None, required: false, from: From::Asked }
}

const fn needed(slot: usize, name: &'static str, title: &'static str) -> Parameter {
    Parameter { required: true, ..asked(slot, name, title) }
}

const fn preset(slot: usize, name: &'static str, title: &'static str, default: &'static str) -> Parameter {
    Parameter { default: Some(default), ..asked(slot, name, title) }
}

const fn fixed(slot: usize, text: &'static str) -> Parameter {
    Parameter { from: From::Fixed(text), ..asked(slot, "", "") }
}

const fn group(slot: usize) -> Parameter {
    Parameter { from: From::GroupId, ..asked(slot, "group_id", "Group id of this load") }
}

const fn source(slot: usize) -> Parameter {
    Parameter { from: From::Source, ..needed(slot, "source", "Source, as it stands in the rows") }
}

const TABLE: Table = Table { file: "", key: "", parent: None, lists: &[], required: &[], defaults: &[], document: &[] };

const OBJECT: Object = Object {
    id: "",
    title: "",
    tables: &[],
    interface_id: 0,
    account: "",
    job: "",
    parameters: &[],
    absent: "#NULL",
    refuses_duplicates: false,
    tested: false,
    group_column: None,
    source_column: None,
    checks: Checks::Generic,
};

// `NEW` loads what was not loaded before; slots as commonly used, since FACTS knows no list for these jobs.
const SUPPLIERS: &[Parameter] = &[
    preset(1, "import_option", "Import option: NEW or ALL", "NEW"),
    preset(2, "report_exceptions_only", "Report exceptions only: Y or N", "N"),
];

const CREATE: &[(&str, &str)] = &[("IMPORT_ACTION", "CREATE")];

/// All of them, the tested ones first.
pub static OBJECTS: &[Object] = &[
    Object {
        id: "ap_invoices",
        title: "Payables invoices",
        interface_id: 1,
        account: "fin$/payables$/import$",
        job: "/oracle/apps/ess/financials/payables/invoices/transactions,APXIIMPT",
        tables: &[
            Table {
                file: "ApInvoicesInterface.csv",
                key: "INVOICE_ID",
                lists: &["INVOICES"],
                required: &["INVOICE_ID", "INVOICE_NUM", "INVOICE_AMOUNT"],
                document: &[
                    "INVOICE_NUM",
                    "VENDOR_NUM",
                    "VENDOR_NAME",
                    "VENDOR_SITE_CODE",
                    "INVOICE_ID",
                    "OPERATING_UNIT",
                ],
                ..TABLE
            },
            Table {
                file: "ApInvoiceLinesInterface.csv",
                parent: Some((0, "INVOICE_ID")),
                lists: &["LINES", "INVOICELINES"],
                required: &["INVOICE_ID", "AMOUNT"],
                defaults: &[("LINE_TYPE_LOOKUP_CODE", "ITEM")],
                document: &["INVOICE_ID", "LINE_NUMBER"],
                ..TABLE
            },
        ],
        parameters: &[
            asked(1, "batch", "Invoice batch"),
            needed(2, "business_unit_id", "Id of the business unit"),
            fixed(3, "N"),
            asked(4, "accounting_date", "Accounting date, YYYY-MM-DD"),
            asked(5, "hold", "Hold to place"),
            asked(6, "hold_reason", "Reason of the hold"),
            preset(7, "commit_size", "Invoices between two commits", "1000"),
            source(8),
            group(9),
            fixed(10, "N"),
            preset(11, "summarize_report", "Summarise the report: Y or N", "Y"),
            needed(12, "ledger_id", "Id of the ledger"),
            fixed(13, "#NULL"),
            fixed(14, "1"),
        ],
        refuses_duplicates: true,
        tested: true,
        group_column: Some("GROUP_ID"),
        source_column: Some("SOURCE"),
        checks: Checks::Invoices,
        ..OBJECT
    },
    Object {
        id: "gl_journals",
        title: "General ledger journals",
        interface_id: 15,
        account: "fin$/generalLedger$/import$",
        job: "/oracle/apps/ess/financials/generalLedger/programs/common,JournalImportLauncher",
        tables: &[Table {
            file: "GlInterface.csv",
            lists: &["LINES", "JOURNALLINES", "JOURNALS"],
            required: &[
                "ACCOUNTING_DATE",
                "USER_JE_SOURCE_NAME",
                "USER_JE_CATEGORY_NAME",
                "CURRENCY_CODE",
                "DATE_CREATED",
            ],
            defaults: &[("STATUS", "NEW"), ("ACTUAL_FLAG", "A")],
            document: &["REFERENCE1", "REFERENCE4", "REFERENCE10", "REFERENCE21", "GROUP_ID", "LEDGER_ID"],
            ..TABLE
        }],
        parameters: &[
            needed(1, "data_access_set_id", "Id of the data access set"),
            source(2),
            needed(3, "ledger_id", "Id of the ledger"),
            group(4),
            preset(5, "post_errors_to_suspense", "Post account errors to suspense: Y or N", "N"),
            preset(6, "create_summary_journals", "Create summary journals: Y or N", "N"),
            preset(7, "import_descriptive_flexfields", "Import descriptive flexfields: N, O or W", "N"),
        ],
        tested: true,
        group_column: Some("GROUP_ID"),
        source_column: Some("USER_JE_SOURCE_NAME"),
        checks: Checks::Journals,
        ..OBJECT
    },
    Object {
        id: "suppliers",
        title: "Suppliers",
        interface_id: 24,
        account: "prc$/supplier$/import$",
        job: "/oracle/apps/ess/prc/poz/supplierImport,ImportSuppliers",
        tables: &[Table {
            file: "PozSuppliersInt.csv",
            lists: &["SUPPLIERS"],
            required: &["VENDOR_NAME"],
            defaults: CREATE,
            document: &["VENDOR_NAME", "SEGMENT1"],
            ..TABLE
        }],
        parameters: SUPPLIERS,
        refuses_duplicates: true,
        tested: true,
        ..OBJECT
    },
    Object {
        id: "supplier_addresses",
        title: "Supplier addresses",
        interface_id: 56,
        account: "prc$/supplier$/import$",
        job: "/oracle/apps/ess/prc/poz/supplierImport,ImportSupplierAddresses",
        tables: &[Table {
            file: "PozSupAddressesInt.csv",
            lists: &["ADDRESSES"],
            required: &["VENDOR_NAME", "PARTY_SITE_NAME"],
            defaults: CREATE,
            document: &["VENDOR_NAME", "PARTY_SITE_NAME"],
            ..TABLE
        }],
        parameters: SUPPLIERS,
        refuses_duplicates: true,
        tested: true,
        ..OBJECT
    },
    Object {
        id: "supplier_sites",
        title: "Supplier sites",
        interface_id: 25,
        account: "prc$/supplier$/import$",
        job: "/oracle/apps/ess/prc/poz/supplierImport,ImportSupplierSites",
        tables: &[Table {
            file: "PozSupplierSitesInt.csv",
            lists: &["SITES"],
            required: &["VENDOR_NAME", "VENDOR_SITE_CODE"],
            defaults: CREATE,
            document: &["VENDOR_NAME", "VENDOR_SITE_CODE", "PROCUREMENT_BUSINESS_UNIT_NAME"],
            ..TABLE
        }],
        parameters: SUPPLIERS,
        refuses_duplicates: true,
        tested: true,
        ..OBJECT
    },
    Object {
        id: "supplier_site_assignments",
        title: "Supplier site assignments",
        interface_id: 27,
        account: "prc$/supplier$/import$",
        job: "/oracle/apps/ess/prc/poz/supplierImport,ImportSupplierSiteAssignments",
        tables: &[Table {
            file: "PozSiteAssignmentsInt.csv",
            lists: &["ASSIGNMENTS"],
            required: &["VENDOR_NAME", "VENDOR_SITE_CODE"],
            defaults: CREATE,
            document: &["VENDOR_NAME", "VENDOR_SITE_CODE", "BUSINESS_UNIT_NAME"],
            ..TABLE
        }],
        parameters: SUPPLIERS,
        refuses_duplicates: true,
        ..OBJECT
    },
    Object {
        id: "supplier_contacts",
        title: "Supplier contacts",
        interface_id: 26,
        account: "prc$/supplier$/import$",
        job: "/oracle/apps/ess/prc/poz/supplierImport,ImportSupplierContacts",
        tables: &[Table {
            file: "PozSupContactsInt.csv",
            lists: &["CONTACTS"],
            required: &["VENDOR_NAME", "LAST_NAME"],
            defaults: CREATE,
            document: &["VENDOR_NAME", "FIRST_NAME", "LAST_NAME"],
            ..TABLE
        }],
        parameters: SUPPLIERS,
        refuses_duplicates: true,
        ..OBJECT
    },
    Object {
        id: "purchase_orders",
        title: "Purchase orders",
        interface_id: 21,
        account: "prc$/purchaseOrder$/import$",
        job: "/oracle/apps/ess/prc/po/pdoi,ImportSPOJob",
        tables: &[
            Table {
                file: "PoHeadersInterfaceOrder.csv",
                key: "INTERFACE_HEADER_KEY",
                lists: &["ORDERS", "PURCHASEORDERS"],
                required: &["INTERFACE_HEADER_KEY"],
                document: &["DOCUMENT_NUM", "INTERFACE_HEADER_KEY"],
                ..TABLE
            },
            Table {
                file: "PoLinesInterfaceOrder.csv",
                key: "INTERFACE_LINE_KEY",
                parent: Some((0, "INTERFACE_HEADER_KEY")),
                lists: &["LINES"],
                required: &["INTERFACE_LINE_KEY", "INTERFACE_HEADER_KEY"],
                document: &["INTERFACE_LINE_KEY", "LINE_NUM"],
                ..TABLE
            },
            Table {
                file: "PoLineLocationsInterfaceOrder.csv",
                key: "INTERFACE_LINE_LOCATION_KEY",
                parent: Some((1, "INTERFACE_LINE_KEY")),
                lists: &["SCHEDULES", "SHIPMENTS", "LINELOCATIONS"],
                required: &["INTERFACE_LINE_LOCATION_KEY", "INTERFACE_LINE_KEY"],
                document: &["INTERFACE_LINE_LOCATION_KEY", "SHIPMENT_NUM"],
                ..TABLE
            },
            Table {
                file: "PoDistributionsInterfaceOrder.csv",
                key: "INTERFACE_DISTRIBUTION_KEY",
                parent: Some((2, "INTERFACE_LINE_LOCATION_KEY")),
                lists: &["DISTRIBUTIONS"],
                required: &["INTERFACE_LINE_LOCATION_KEY"],
                document: &["INTERFACE_DISTRIBUTION_KEY", "DISTRIBUTION_NUM"],
                ..TABLE
            },
        ],
        parameters: &[
            needed(1, "procurement_bu", "Procurement business unit"),
            asked(2, "default_buyer", "Default buyer"),
            preset(3, "approval_action", "Approval action", "SUBMIT"),
            asked(4, "requisitioning_bu", "Default requisitioning business unit"),
            fixed(5, ""),
            fixed(6, "N"),
            fixed(7, ""),
            fixed(8, "N"),
            group(9),
        ],
        absent: "",
        group_column: Some("BATCH_ID"),
        ..OBJECT
    },
    Object {
        id: "requisitions",
        title: "Purchase requisitions",
        interface_id: 28,
        account: "prc$/requisition$/import$",
        job: "/oracle/apps/ess/prc/por/createReq/reqImport,RequisitionImportJob",
        tables: &[
            Table {
                file: "PorReqHeadersInterfaceAll.csv",
                key: "INTERFACE_HEADER_KEY",
                lists: &["REQUISITIONS"],
                required: &["INTERFACE_HEADER_KEY"],
                document: &["REQUISITION_NUMBER", "INTERFACE_HEADER_KEY"],
                ..TABLE
            },
            Table {
                file: "PorReqLinesInterfaceAll.csv",
                key: "INTERFACE_LINE_KEY",
                parent: Some((0, "INTERFACE_HEADER_KEY")),
                lists: &["LINES"],
                required: &["INTERFACE_LINE_KEY", "INTERFACE_HEADER_KEY"],
                document: &["INTERFACE_LINE_KEY"],
                ..TABLE
            },
            Table {
                file: "PorReqDistsInterfaceAll.csv",
                key: "INTERFACE_DISTRIBUTION_KEY",
                parent: Some((1, "INTERFACE_LINE_KEY")),
                lists: &["DISTRIBUTIONS"],
                required: &["INTERFACE_LINE_KEY"],
                document: &["INTERFACE_DISTRIBUTION_KEY"],
                ..TABLE
            },
        ],
        parameters: &[
            fixed(1, "#NULL"),
            group(2),
            fixed(3, "#NULL"),
            needed(4, "requisitioning_bu", "Requisitioning business unit"),
            preset(5, "group_by", "Group by", "NONE"),
            fixed(6, "#NULL"),
            preset(7, "initiate_approval", "Initiate approval: YES or NO", "NO"),
            fixed(8, "ALL"),
        ],
        group_column: Some("BATCH_ID"),
        ..OBJECT
    },
    Object {
        id: "ar_invoices",
        title: "Receivables transactions (AutoInvoice)",
        interface_id: 2,
        account: "fin$/receivables$/import$",
        job: "/oracle/apps/ess/financials/receivables/transactions/autoInvoices,AutoInvoiceImportEss",
        tables: &[Table {
            file: "RaInterfaceLinesAll.csv",
            lists: &["LINES"],
            document: &["TRX_NUMBER", "BATCH_SOURCE_NAME"],
            ..TABLE
        }],
        ..OBJECT
    },
    Object {
        id: "customers",
        title: "Customers",
        interface_id: 4,
        account: "fin$/receivables$/import$",
        job: "/oracle/apps/ess/cdm/foundation/bulkImport,CDMAutoBulkImportJob",
        tables: &[
            Table {
                file: "HzImpPartiesT.csv",
                lists: &["PARTIES"],
                document: &["PARTY_ORIG_SYSTEM_REFERENCE"],
                ..TABLE
            },
            Table {
                file: "HzImpLocationsT.csv",
                lists: &["LOCATIONS"],
                document: &["LOCATION_ORIG_SYSTEM_REFERENCE"],
                ..TABLE
            },
            Table {
                file: "HzImpPartySitesT.csv",
                lists: &["PARTYSITES"],
                document: &["SITE_ORIG_SYSTEM_REFERENCE"],
                ..TABLE
            },
            Table {
                file: "HzImpPartySiteUsesT.csv",
                lists: &["PARTYSITEUSES"],
                document: &["SITE_ORIG_SYSTEM_REFERENCE"],
                ..TABLE
            },
            Table {
                file: "HzImpAccountsT.csv",
                lists: &["ACCOUNTS"],
                document: &["CUST_ORIG_SYSTEM_REFERENCE"],
                ..TABLE
            },
            Table {
                file: "HzImpAcctSitesT.csv",
                lists: &["ACCOUNTSITES"],
                document: &["CUST_SITE_ORIG_SYS_REF"],
                ..TABLE
            },
            Table {
                file: "HzImpAcctSiteUsesT.csv",
                lists: &["ACCOUNTSITEUSES"],
                document: &["CUST_SITEUSE_ORIG_SYS_REF"],
                ..TABLE
            },
        ],
        parameters: &[
            group(1),
            asked(2, "batch_name", "Name of the batch"),
            fixed(3, "CUSTOMER"),
            needed(4, "orig_system", "Source system of the references"),
        ],
        group_column: Some("BATCH_ID"),
        ..OBJECT
    },
    Object {
        id: "items",
        title: "Items",
        interface_id: 29,
        account: "scm$/item$/import$",
        job: "/oracle/apps/ess/scm/productModel/items,ItemImportJobDef",
        tables: &[
            Table {
                file: "EgpSystemItemsInterface.csv",
                lists: &["ITEMS"],
                required: &["ITEM_NUMBER"],
                document: &["ITEM_NUMBER", "ORGANIZATION_CODE"],
                ..TABLE
            },
            Table {
                file: "EgpItemCategoriesInterface.csv",
                lists: &["CATEGORIES"],
                document: &["ITEM_NUMBER"],
                ..TABLE
            },
        ],
        parameters: &[
            group(1),
            fixed(2, "null"),
            preset(3, "process_option", "What to do with the items: CREATE, UPDATE or SYNC", "CREATE"),
            fixed(4, "Y"),
            fixed(5, "ORA_COMP"),
            fixed(6, "N"),
            fixed(7, "Y"),
        ],
        group_column: Some("BATCH_ID"),
        ..OBJECT
    },
    Object {
        id: "project_costs",
        title: "Project costs",
        interface_id: 20,
        account: "prj$/projectCosting$/import$",
        job: "/oracle/apps/ess/projects/costing/transactions/onestop,ImportProcessParallelEssJob",
        tables: &[Table {
            file: "PjcTxnXfaceStageAll.csv",
            lists: &["COSTS"],
            document: &["PROJECT_NUMBER", "TASK_NUMBER", "EXPENDITURE_ITEM_DATE"],
            ..TABLE
        }],
        ..OBJECT
    },
    Object {
        id: "projects",
        title: "Projects",
        interface_id: 46,
        account: "prj$/projectFoundation$/import$",
        job: "/oracle/apps/ess/projects/foundation/projectDefinition,ImportProjectJobDef",
        tables: &[
            Table {
                file: "PjfProjectsAllXface.csv",
                lists: &["PROJECTS"],
                document: &["PROJECT_NUMBER", "PROJECT_NAME"],
                ..TABLE
            },
            Table {
                file: "PjfProjElementsXface.csv",
                lists: &["TASKS"],
                document: &["PROJECT_NUMBER", "TASK_NUMBER"],
                ..TABLE
            },
            Table { file: "PjfProjectPartiesInt.csv", lists: &["TEAMMEMBERS"], document: &["PROJECT_NAME"], ..TABLE },
        ],
        parameters: &[fixed(1, ""), fixed(2, ""), fixed(3, "Y")],
        absent: "",
        ..OBJECT
    },
    Object {
        id: "project_transaction_controls",
        title: "Project transaction controls",
        interface_id: 45,
        account: "prj$/projectFoundation$/import$",
        job: "/oracle/apps/ess/projects/costing/setup,ImportTransactionControlsJob",
        tables: &[Table {
            file: "PjcTxnControlsStage.csv",
            lists: &["CONTROLS"],
            document: &["TXN_CTRL_REFERENCE"],
            ..TABLE
        }],
        ..OBJECT
    },
    Object {
        id: "project_budgets",
        title: "Project budgets",
        interface_id: 39,
        account: "prj$/projectControl$/import$",
        job: "/oracle/apps/ess/projects/control/budgetsAndForecasts,ImportBudgetsInterfaceData",
        tables: &[Table {
            file: "PjoPlanVersionsXface.csv",
            lists: &["LINES"],
            document: &["PROJECT_NUMBER", "PLAN_VERSION_NAME"],
            ..TABLE
        }],
        ..OBJECT
    },
    Object {
        id: "billing_events",
        title: "Project billing events",
        interface_id: 68,
        account: "prj$/projectBilling$/import$",
        job: "/oracle/apps/ess/projects/billing/transactions,ImportBillingEventJob",
        tables: &[Table {
            file: "PjbBillingEventsXface.csv",
            lists: &["EVENTS"],
            document: &["SOURCEREF", "CONTRACT_NUMBER"],
            ..TABLE
        }],
        ..OBJECT
    },
    Object {
        id: "awards",
        title: "Grants awards",
        interface_id: 57,
        account: "prj$/grantsManagement$/import$",
        job: "/oracle/apps/ess/projects/grantsManagement/award,AwardMassImportJob",
        tables: &[
            Table { file: "GmsAwardHeadersInterface.csv", lists: &["AWARDS"], document: &["AWARD_NUMBER"], ..TABLE },
            Table {
                file: "GmsAwardPersonnelInterface.csv",
                lists: &["PERSONNEL"],
                document: &["AWARD_NUMBER", "PERSON_NUMBER"],
                ..TABLE
            },
        ],
        ..OBJECT
    },
    Object {
        id: "gl_budgets",
        title: "General ledger budgets",
        interface_id: 17,
        account: "fin$/budgetBalance$/import$",
        job: "/oracle/apps/ess/financials/generalLedger/ledgers/ledgerDefinitions,ValidateAndLoadBudgets",
        tables: &[Table {
            file: "GlBudgetInterface.csv",
            lists: &["LINES"],
            document: &["RUN_NAME", "BUDGET_NAME"],
            ..TABLE
        }],
        ..OBJECT
    },
];
