//! Customers, and their payment methods.

use super::{Noun, Verb};

pub(super) const NOUNS: &[Noun] = &[
    Noun {
        name: "customer",
        about: "Customers",
        columns: &[
            ("ID", "id"),
            ("NAME", "name"),
            ("E-MAIL", "email"),
            ("COUNTRY", "address.country_code"),
            ("TAX IDS", "tax_ids"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("create", "CustomerService.CreateCustomer"),
            Verb::new("get", "CustomerService.GetCustomer").by_id(),
            Verb::new("list", "CustomerService.ListCustomers"),
            Verb::new("update", "CustomerService.UpdateCustomer").changing(&[
                "name",
                "email",
                "address",
                "tax_ids",
                "tax_status",
                "locale",
                "metadata",
            ]),
        ],
    },
    Noun {
        name: "payment-method",
        about: "Payment methods that the provider keeps for customers",
        columns: &[
            ("ID", "id"),
            ("CARD", "card_brand"),
            ("LAST FOUR", "card_last4"),
            ("MONTH", "card_exp_month"),
            ("YEAR", "card_exp_year"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("list", "CustomerService.ListPaymentMethods").of("customer_id"),
            Verb::new("detach", "CustomerService.DetachPaymentMethod").by_id(),
        ],
    },
];
