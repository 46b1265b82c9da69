//! Which column of the five supplier files fills which attribute, and what tells one row from another.

use crate::fbdi::layout::Layout;
use crate::fbdi::reference;
use crate::fbdi::tables::Line;
use crate::model::{Resource, Row};

/// Columns with their attributes.
pub(super) struct Mapping {
    /// The child of `suppliers`; empty for suppliers themselves.
    pub(super) child: &'static str,
    /// What people call it.
    pub(super) title: &'static str,
    /// The attribute with its id.
    pub(super) id: &'static str,
    /// The column that a wrong identity is told of.
    pub(super) named_by: &'static str,
    /// Column and title of what must be there.
    pub(super) required: &'static [(&'static str, &'static str)],
    /// Column and attribute by which a row is found again.
    pub(super) identity: &'static [(&'static str, &'static str)],
    pairs: &'static [(&'static str, &'static str)],
}

impl Mapping {
    /// Fills what the line has.
    pub(super) fn fill(&self, resource: &Resource, row: &mut Row, layout: &Layout, line: &Line) {
        for (column, name) in self.identity.iter().chain(self.pairs) {
            if let (Some(value), Some(attribute)) = (line.get(layout, column), resource.attribute(name)) {
                row.set(resource, name, reference::typed(attribute.kind, value));
            }
        }
    }
}

/// `PozSuppliersInt.csv`
pub(super) const SUPPLIERS: Mapping = Mapping {
    child: "",
    title: "supplier",
    id: "SupplierId",
    named_by: "VENDOR_NAME",
    required: &[],
    identity: &[("VENDOR_NAME", "Supplier")],
    pairs: &[
        ("SEGMENT1", "SupplierNumber"),
        ("VENDOR_NAME_ALT", "AlternateName"),
        ("ORGANIZATION_TYPE_LOOKUP_CODE", "TaxOrganizationTypeCode"),
        ("VENDOR_TYPE_LOOKUP_CODE", "SupplierTypeCode"),
        ("END_DATE_ACTIVE", "InactiveDate"),
        ("BUSINESS_RELATIONSHIP", "BusinessRelationshipCode"),
        ("PARENT_SUPPLIER_NAME", "ParentSupplier"),
        ("ALIAS", "Alias"),
        ("DUNS_NUMBER", "DUNSNumber"),
        ("ONE_TIME_FLAG", "OneTimeSupplierFlag"),
        ("CUSTOMER_NUM", "CustomerNumber"),
        ("STANDARD_INDUSTRY_CLASS", "StandardIndustryClass"),
        ("CORPORATE_WEBSITE", "CorporateWebsite"),
        ("CHIEF_EXECUTIVE_TITLE", "ChiefExecutiveTitle"),
        ("CHIEF_EXECUTIVE_NAME", "ChiefExecutiveName"),
        ("TAX_COUNTRY_CODE", "TaxpayerCountryCode"),
        ("NUM_1099", "TaxpayerId"),
        ("FEDERAL_REPORTABLE_FLAG", "FederalReportableFlag"),
        ("STATE_REPORTABLE_FLAG", "StateReportableFlag"),
        ("TAX_REPORTING_NAME", "TaxReportingName"),
        ("VAT_REGISTRATION_NUM", "TaxRegistrationNumber"),
    ],
};

/// `PozSupAddressesInt.csv`
pub(super) const ADDRESSES: Mapping = Mapping {
    child: "addresses",
    title: "address",
    id: "SupplierAddressId",
    named_by: "PARTY_SITE_NAME",
    required: &[("PARTY_SITE_NAME", "Address Name"), ("COUNTRY", "Country")],
    identity: &[("PARTY_SITE_NAME", "AddressName")],
    pairs: &[
        ("COUNTRY", "CountryCode"),
        ("ADDRESS_LINE1", "AddressLine1"),
        ("ADDRESS_LINE2", "AddressLine2"),
        ("ADDRESS_LINE3", "AddressLine3"),
        ("ADDRESS_LINE4", "AddressLine4"),
        ("BUILDING", "Building"),
        ("FLOOR_NUMBER", "FloorNumber"),
        ("CITY", "City"),
        ("STATE", "State"),
        ("PROVINCE", "Province"),
        ("COUNTY", "County"),
        ("POSTAL_CODE", "PostalCode"),
        ("POSTAL_PLUS4_CODE", "PostalCodeExtension"),
        ("ADDRESSEE", "Addressee"),
        ("INACTIVE_DATE", "InactiveDate"),
        ("PHONE_COUNTRY_CODE", "PhoneCountryCode"),
        ("PHONE_AREA_CODE", "PhoneAreaCode"),
        ("PHONE", "PhoneNumber"),
        ("RFQ_OR_BIDDING_PURPOSE_FLAG", "AddressPurposeRFQOrBiddingFlag"),
        ("ORDERING_PURPOSE_FLAG", "AddressPurposeOrderingFlag"),
        ("REMIT_TO_PURPOSE_FLAG", "AddressPurposeRemitToFlag"),
        ("EMAIL_ADDRESS", "Email"),
    ],
};

/// `PozSupplierSitesInt.csv`
pub(super) const SITES: Mapping = Mapping {
    child: "sites",
    title: "supplier site",
    id: "SupplierSiteId",
    named_by: "VENDOR_SITE_CODE",
    required: &[
        ("PROCUREMENT_BUSINESS_UNIT_NAME", "Procurement BU"),
        ("PARTY_SITE_NAME", "Address Name"),
        ("VENDOR_SITE_CODE", "Supplier Site"),
    ],
    identity: &[("VENDOR_SITE_CODE", "SupplierSite"), ("PROCUREMENT_BUSINESS_UNIT_NAME", "ProcurementBU")],
    pairs: &[
        ("PARTY_SITE_NAME", "SupplierAddressName"),
        ("INACTIVE_DATE", "InactiveDate"),
        ("RFQ_ONLY_SITE_FLAG", "SitePurposeSourcingOnlyFlag"),
        ("PURCHASING_SITE_FLAG", "SitePurposePurchasingFlag"),
        ("PCARD_SITE_FLAG", "SitePurposeProcurementCardFlag"),
        ("PAY_SITE_FLAG", "SitePurposePayFlag"),
        ("PRIMARY_PAY_SITE_FLAG", "SitePurposePrimaryPayFlag"),
        ("TAX_REPORTING_SITE_FLAG", "IncomeTaxReportingSiteFlag"),
        ("VENDOR_SITE_CODE_ALT", "AlternateSiteName"),
        ("CUSTOMER_NUM", "CustomerNumber"),
        ("EMAIL_ADDRESS", "Email"),
        ("FREIGHT_TERMS_LOOKUP_CODE", "FreightTermsCode"),
        ("FOB_LOOKUP_CODE", "FOBCode"),
        ("INVOICE_CURRENCY_CODE", "InvoiceCurrencyCode"),
        ("INVOICE_AMOUNT_LIMIT", "InvoiceAmountLimit"),
        ("PAYMENT_CURRENCY_CODE", "PaymentCurrencyCode"),
        ("PAYMENT_PRIORITY", "PaymentPriority"),
        ("PAY_GROUP_LOOKUP_CODE", "PayGroupCode"),
        ("TERMS_NAME", "PaymentTerms"),
    ],
};

/// `PozSiteAssignmentsInt.csv`
pub(super) const ASSIGNMENTS: Mapping = Mapping {
    child: "assignments",
    title: "site assignment",
    id: "AssignmentId",
    named_by: "BUSINESS_UNIT_NAME",
    required: &[
        ("VENDOR_SITE_CODE", "Supplier Site"),
        ("PROCUREMENT_BUSINESS_UNIT_NAME", "Procurement BU"),
        ("BUSINESS_UNIT_NAME", "Client BU"),
    ],
    identity: &[("BUSINESS_UNIT_NAME", "ClientBU")],
    pairs: &[
        ("BILL_TO_BU_NAME", "BillToBU"),
        ("SHIP_TO_LOCATION_CODE", "ShipToLocationCode"),
        ("BILL_TO_LOCATION_CODE", "BillToLocationCode"),
        ("ALLOW_AWT_FLAG", "UseWithholdingTaxFlag"),
        ("AWT_GROUP_NAME", "WithholdingTaxGroup"),
        ("ACCTS_PAY_CONCAT_SEGMENTS", "LiabilityDistribution"),
        ("PREPAY_CONCAT_SEGMENTS", "PrepaymentDistribution"),
        ("FUTURE_DATED_CONCAT_SEGMENTS", "BillPayableDistribution"),
        ("DISTRIBUTION_SET_NAME", "DistributionSet"),
        ("INACTIVE_DATE", "InactiveDate"),
    ],
};

/// `PozSupContactsInt.csv`
pub(super) const CONTACTS: Mapping = Mapping {
    child: "contacts",
    title: "contact",
    id: "SupplierContactId",
    named_by: "LAST_NAME",
    required: &[("FIRST_NAME", "First Name"), ("LAST_NAME", "Last Name")],
    identity: &[("FIRST_NAME", "FirstName"), ("LAST_NAME", "LastName"), ("EMAIL_ADDRESS", "Email")],
    pairs: &[
        ("PREFIX", "Salutation"),
        ("MIDDLE_NAME", "MiddleName"),
        ("TITLE", "JobTitle"),
        ("PRIMARY_ADMIN_CONTACT", "AdministrativeContactFlag"),
        ("PHONE_COUNTRY_CODE", "PhoneCountryCode"),
        ("AREA_CODE", "PhoneAreaCode"),
        ("PHONE", "PhoneNumber"),
        ("PHONE_EXTENSION", "PhoneExtension"),
        ("MOBILE_COUNTRY_CODE", "MobileCountryCode"),
        ("MOBILE_AREA_CODE", "MobileAreaCode"),
        ("MOBILE", "MobileNumber"),
        ("INACTIVE_DATE", "InactiveDate"),
    ],
};

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::fbdi::layout;
    use crate::metadata;
    use crate::model::Root;

    #[test]
    fn every_column_and_attribute_exists() {
        let suppliers = metadata::resource(Root::Fscm, "suppliers").unwrap();
        let sites = suppliers.child("sites").unwrap();
        for (table, mapping, resource) in [
            ("POZ_SUPPLIERS_INT", SUPPLIERS, suppliers),
            ("POZ_SUP_ADDRESSES_INT", ADDRESSES, suppliers.child("addresses").unwrap()),
            ("POZ_SUPPLIER_SITES_INT", SITES, sites),
            ("POZ_SITE_ASSIGNMENTS_INT", ASSIGNMENTS, sites.child("assignments").unwrap()),
            ("POZ_SUP_CONTACTS_INT", CONTACTS, suppliers.child("contacts").unwrap()),
        ] {
            let layout = layout::of_table(table).unwrap();
            let pairs = mapping.identity.iter().chain(mapping.pairs);
            for (column, attribute) in pairs {
                assert!(layout.place(column).is_some(), "{table}.{column}");
                assert!(resource.attribute(attribute).is_some(), "{}.{attribute}", resource.name);
            }
            assert!(mapping.required.iter().all(|(column, _)| layout.place(column).is_some()));
            assert!(resource.attribute(mapping.id).is_some() && layout.place(mapping.named_by).is_some());
        }
    }
}
