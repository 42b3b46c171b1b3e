//! Tax: calculations, manual rates, registrations, and checks of tax ids.

use super::{Noun, Verb};

pub(super) const NOUNS: &[Noun] = &[
    Noun {
        name: "tax",
        about: "Calculations of tax",
        columns: &[],
        verbs: &[Verb::new("calculate", "TaxService.CalculateTax")],
    },
    Noun {
        name: "tax-rate",
        about: "Manual tax rates",
        columns: &[
            ("ID", "id"),
            ("NAME", "display_name"),
            ("PERCENT", "percentage"),
            ("COUNTRY", "country_code"),
            ("PART", "subdivision_code"),
            ("ACTIVE", "active"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("create", "TaxService.CreateTaxRate"),
            Verb::new("get", "TaxService.GetTaxRate").by_id(),
            Verb::new("list", "TaxService.ListTaxRates"),
            Verb::new("update", "TaxService.UpdateTaxRate").changing(&["display_name", "active", "metadata"]),
        ],
    },
    Noun {
        name: "tax-registration",
        about: "Registrations of sellers for tax",
        columns: &[
            ("ID", "id"),
            ("COUNTRY", "country_code"),
            ("PART", "subdivision_code"),
            ("SCHEME", "scheme"),
            ("SINCE", "since"),
            ("UNTIL", "until"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("create", "TaxService.CreateTaxRegistration"),
            Verb::new("list", "TaxService.ListTaxRegistrations"),
            Verb::new("end", "TaxService.EndTaxRegistration").by_id(),
        ],
    },
    Noun {
        name: "tax-id",
        about: "Checks of customers' tax ids",
        columns: &[
            ("ID", "id"),
            ("TAX ID", "tax_id"),
            ("ANSWER", "answer"),
            ("REGISTRY", "registry"),
            ("CONSULTATION", "consultation_number"),
            ("CHECKED", "check_time"),
        ],
        verbs: &[
            Verb::new("check", "TaxService.CheckTaxId").of("tax_id"),
            Verb::new("list", "TaxService.ListTaxIdChecks"),
        ],
    },
];
