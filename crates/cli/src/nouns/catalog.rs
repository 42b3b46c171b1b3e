//! Products, prices, shipping rates, coupons and promotion codes.

use super::{Noun, Verb};

pub(super) const NOUNS: &[Noun] = &[
    Noun {
        name: "product",
        about: "Products: what is sold",
        columns: &[
            ("ID", "id"),
            ("NAME", "name"),
            ("TAX CODE", "tax_code"),
            ("ACTIVE", "active"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("create", "CatalogService.CreateProduct"),
            Verb::new("get", "CatalogService.GetProduct").by_id(),
            Verb::new("list", "CatalogService.ListProducts"),
            Verb::new("update", "CatalogService.UpdateProduct").changing(&[
                "name",
                "description",
                "tax_code",
                "active",
                "metadata",
            ]),
        ],
    },
    Noun {
        name: "price",
        about: "Prices of products",
        columns: &[
            ("ID", "id"),
            ("PRODUCT", "product_id"),
            ("UNIT PRICE", "unit_price"),
            ("TAX", "tax_behavior"),
            ("EVERY", "recurrence.interval"),
            ("NICKNAME", "nickname"),
            ("ACTIVE", "active"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("create", "CatalogService.CreatePrice"),
            Verb::new("get", "CatalogService.GetPrice").by_id(),
            Verb::new("list", "CatalogService.ListPrices"),
            Verb::new("update", "CatalogService.UpdatePrice").changing(&["nickname", "active", "metadata"]),
        ],
    },
    Noun {
        name: "shipping-rate",
        about: "Shipping rates",
        columns: &[
            ("ID", "id"),
            ("NAME", "display_name"),
            ("AMOUNT", "amount"),
            ("TAX", "tax_behavior"),
            ("ACTIVE", "active"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("create", "CatalogService.CreateShippingRate"),
            Verb::new("get", "CatalogService.GetShippingRate").by_id(),
            Verb::new("list", "CatalogService.ListShippingRates"),
            Verb::new("update", "CatalogService.UpdateShippingRate").changing(&["active", "metadata"]),
        ],
    },
    Noun {
        name: "coupon",
        about: "Coupons: what is taken off",
        columns: &[
            ("ID", "id"),
            ("NAME", "name"),
            ("PERCENT OFF", "percent_off"),
            ("AMOUNT OFF", "amount_off.amount"),
            ("UNTIL", "redeem_by_time"),
            ("ACTIVE", "active"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("create", "CatalogService.CreateCoupon"),
            Verb::new("get", "CatalogService.GetCoupon").by_id(),
            Verb::new("list", "CatalogService.ListCoupons"),
            Verb::new("update", "CatalogService.UpdateCoupon").changing(&["active", "metadata"]),
        ],
    },
    Noun {
        name: "promotion-code",
        about: "Promotion codes: what customers enter to have a coupon's discount",
        columns: &[
            ("ID", "id"),
            ("CODE", "code"),
            ("COUPON", "coupon_id"),
            ("STATE", "state"),
            ("UNTIL", "expire_time"),
            ("CREATED", "create_time"),
        ],
        verbs: &[
            Verb::new("create", "CatalogService.CreatePromotionCode"),
            Verb::new("get", "CatalogService.GetPromotionCode").by_id(),
            Verb::new("list", "CatalogService.ListPromotionCodes"),
            Verb::new("update", "CatalogService.UpdatePromotionCode").changing(&["active", "metadata"]),
        ],
    },
];
