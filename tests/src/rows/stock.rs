//! What the cases name: customers, prices, shipping rates and promotion codes.

use api_proto::v1;
use api_proto::v1::price_model::Model;

use super::case::OfferRequest;
use crate::discounts::{amount, code_of, coupon, percent, promotion_code};
use crate::harness::{Server, sek, sek_amount, unique};

/// Ids of what is stored.
pub(super) struct Stock {
    /// Where the browser goes after a payment: a page that is there without a network.
    pub(super) thanks: String,
    /// Where it goes when the customer turns back.
    pub(super) basket: String,
    /// Customers, each for one case alone.
    pub(super) ada: String,
    pub(super) grace: String,
    pub(super) edith: String,
    /// 199.00 SEK, or 18.00 EUR.
    pub(super) book: String,
    /// 25.00 SEK.
    pub(super) wrapping: String,
    /// 7.00 SEK up to five, 6.50 up to ten, 6.00 above, each piece at its own.
    pub(super) graduated: String,
    /// The same, all pieces at the price of the last.
    pub(super) volume: String,
    /// 25.00 SEK for each five, begun ones whole.
    pub(super) package: String,
    /// What the customer likes, from 20.00 to 1,000.00 SEK, 50.00 to begin with.
    pub(super) donation: String,
    /// 99.00 SEK each month.
    pub(super) plan: String,
    /// 49.00 SEK, in 1 to 3 business days.
    pub(super) courier: String,
    /// Free, in at most two weeks.
    pub(super) post: String,
}

impl Stock {
    pub(super) async fn fill(server: &Server) -> Self {
        let tier = |up_to, minor| v1::PriceTier { up_to, unit_price: Some(sek(minor)), flat_price: None };
        let tiers = || v1::TieredPrice { tiers: vec![tier(Some(5), 700), tier(Some(10), 650), tier(None, 600)] };
        let package = v1::PackagePrice { price: Some(sek(2_500)), size: 5, rounding: v1::PackageRounding::Up as i32 };
        let chosen = v1::ChosenAmount {
            currency_code: "SEK".to_owned(),
            minimum: Some(2_000),
            maximum: Some(100_000),
            preset: Some(5_000),
        };
        let euros = v1::UnitPrice { minor_units: "1800".to_owned(), currency_code: "EUR".to_owned() };
        let in_euros = v1::CurrencyOption {
            model: Some(v1::PriceModel { model: Some(Model::PerUnit(euros)) }),
            tax_behavior: v1::TaxBehavior::Inclusive as i32,
        };
        let plain = v1::CreatePriceRequest::default;
        let monthly = v1::Recurrence { interval: v1::RecurrenceInterval::Month as i32, interval_count: 1 };
        promotion_codes(server).await;
        Self {
            thanks: format!("{}/?thanks", server.sandbox),
            basket: format!("{}/?basket", server.sandbox),
            ada: customer(server, "Ada Lovelace", "SE").await,
            grace: customer(server, "Grace Hopper", "SE").await,
            edith: customer(server, "Edith Clarke", "DE").await,
            book: price(
                server,
                ("Book", Model::PerUnit(sek(19_900))),
                v1::CreatePriceRequest { currency_options: vec![in_euros], ..plain() },
            )
            .await,
            wrapping: price(server, ("Wrapping", Model::PerUnit(sek(2_500))), plain()).await,
            graduated: price(server, ("Seat", Model::Graduated(tiers())), plain()).await,
            volume: price(server, ("Seat", Model::Volume(tiers())), plain()).await,
            package: price(server, ("Egg", Model::Package(package)), plain()).await,
            donation: price(server, ("Donation", Model::CustomerChosen(chosen)), plain()).await,
            plan: price(
                server,
                ("Plan", Model::PerUnit(sek(9_900))),
                v1::CreatePriceRequest { recurrence: Some(monthly), ..plain() },
            )
            .await,
            courier: rate(
                server,
                "Courier",
                4_900,
                (Some((v1::DeliveryUnit::BusinessDay, 1)), (v1::DeliveryUnit::BusinessDay, 3)),
            )
            .await,
            post: rate(server, "Post", 0, (None, (v1::DeliveryUnit::Week, 2))).await,
        }
    }
}

async fn customer(server: &Server, name: &str, country: &str) -> String {
    let request = v1::CreateCustomerRequest {
        request_id: unique("customer"),
        name: name.to_owned(),
        email: "customer@example.com".to_owned(),
        address: Some(v1::Address { country_code: country.to_owned(), ..Default::default() }),
        ..Default::default()
    };
    server.customers().create_customer(request).await.unwrap().into_inner().customer.unwrap().id
}

async fn price(server: &Server, (name, model): (&str, Model), request: v1::CreatePriceRequest) -> String {
    let product =
        v1::CreateProductRequest { request_id: unique("product"), name: name.to_owned(), ..Default::default() };
    let product = server.catalog().create_product(product).await.unwrap().into_inner().product.unwrap();
    let request = v1::CreatePriceRequest {
        request_id: unique("price"),
        product_id: product.id,
        model: Some(v1::PriceModel { model: Some(model) }),
        tax_behavior: v1::TaxBehavior::Inclusive as i32,
        ..request
    };
    server.catalog().create_price(request).await.unwrap().into_inner().price.unwrap().id
}

type Bound = (v1::DeliveryUnit, i32);

async fn rate(server: &Server, name: &str, minor_units: i64, (soonest, latest): (Option<Bound>, Bound)) -> String {
    let bound = |(unit, value): Bound| v1::DeliveryBound { unit: unit as i32, value };
    let request = v1::CreateShippingRateRequest {
        request_id: unique("rate"),
        display_name: name.to_owned(),
        amount: Some(sek_amount(minor_units)),
        delivery_estimate: Some(v1::DeliveryEstimate { minimum: soonest.map(bound), maximum: Some(bound(latest)) }),
        ..Default::default()
    };
    server.catalog().create_shipping_rate(request).await.unwrap().into_inner().shipping_rate.unwrap().id
}

/// `SUMMER` takes a tenth off, `FIFTY` 50.00 SEK off orders of 200.00 SEK or more.
async fn promotion_codes(server: &Server) {
    let tenth = coupon(server, percent("10")).await;
    promotion_code(server, code_of(&tenth, "SUMMER")).await.unwrap();
    let fifty = coupon(server, amount(sek_amount(5_000), Vec::new())).await;
    let from_200 = v1::CreatePromotionCodeRequest { minimum_amount: money(20_000, "SEK"), ..code_of(&fifty, "FIFTY") };
    promotion_code(server, from_200).await.unwrap();
}

/// A link, sold as it is.
pub(super) fn link(request: v1::CreatePaymentLinkRequest) -> OfferRequest {
    OfferRequest::Link(Box::new(request))
}

/// A link for items whose page asks something.
pub(super) fn asking(items: Vec<v1::LineItemInput>, collection: v1::Collection) -> OfferRequest {
    link(v1::CreatePaymentLinkRequest { line_items: items, collection: Some(collection), ..Default::default() })
}

/// A hosted confirmation in the seller's words.
pub(super) fn saying(message: &str) -> Option<v1::AfterCompletion> {
    let confirmation = v1::HostedConfirmation { custom_message: message.to_owned() };
    Some(v1::AfterCompletion { kind: Some(v1::after_completion::Kind::HostedConfirmation(confirmation)) })
}

pub(super) fn money(minor_units: i64, currency: &str) -> Option<v1::Money> {
    Some(v1::Money { minor_units, currency_code: currency.to_owned() })
}
