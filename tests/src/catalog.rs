//! What is stored to be used again: products, prices, tax rates and customers, changed by mask; and what a provider can do.

use api_proto::v1;
use api_proto::v1::provider_service_client::ProviderServiceClient;
use tonic::Code;

use crate::harness::{Db, Server, error_parts, mask, on_both_databases, sek, sek_amount, stored_item, unique};

on_both_databases!(
    products_and_prices_change_by_mask,
    tax_rates_change_by_mask_and_an_inactive_one_is_refused,
    customers_change_by_mask,
    providers_tell_what_they_can_do,
);

async fn products_and_prices_change_by_mask(db: Db) {
    let server = Server::start(db).await;
    let product = v1::CreateProductRequest {
        request_id: unique("product"),
        name: "Book".to_owned(),
        description: "Printed".to_owned(),
        ..v1::CreateProductRequest::default()
    };
    let product = server.catalog().create_product(product).await.unwrap().into_inner().product.unwrap();
    let change = v1::UpdateProductRequest {
        request_id: unique("change"),
        product: Some(v1::Product { name: "Novel".to_owned(), description: String::new(), ..product.clone() }),
        update_mask: mask(&["name"]),
    };
    let named = server.catalog().update_product(change.clone()).await.unwrap().into_inner().product.unwrap();
    assert_eq!((named.name.as_str(), named.description.as_str(), named.active), ("Novel", "Printed", true));
    // A replay of the same request answers the same; a stale etag under another is refused.
    let again = server.catalog().update_product(change.clone()).await.unwrap().into_inner().product.unwrap();
    assert_eq!(again, named);
    let stale = v1::UpdateProductRequest { request_id: unique("change"), ..change };
    assert_eq!(server.catalog().update_product(stale).await.unwrap_err().code(), Code::Aborted);
    let change = v1::UpdateProductRequest {
        request_id: unique("change"),
        product: Some(v1::Product { active: false, description: String::new(), ..named.clone() }),
        update_mask: mask(&["active", "description"]),
    };
    let closed = server.catalog().update_product(change).await.unwrap().into_inner().product.unwrap();
    assert_eq!((closed.active, closed.description.as_str()), (false, ""));
    let list = async |active| {
        let request = v1::ListProductsRequest { active: Some(active), ..v1::ListProductsRequest::default() };
        server.catalog().list_products(request).await.unwrap().into_inner().products.len()
    };
    assert_eq!((list(true).await, list(false).await), (0, 1));

    let price = v1::CreatePriceRequest {
        request_id: unique("price"),
        product_id: product.id.clone(),
        unit_price: Some(sek(19_900)),
        tax_behavior: v1::TaxBehavior::Inclusive as i32,
        ..v1::CreatePriceRequest::default()
    };
    // Nothing new is sold of a product that is not active.
    let status = server.catalog().create_price(price.clone()).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["product_id"]);
    let open = v1::UpdateProductRequest {
        request_id: unique("change"),
        product: Some(v1::Product { active: true, ..closed }),
        update_mask: mask(&["active"]),
    };
    server.catalog().update_product(open).await.unwrap();
    let price = v1::CreatePriceRequest { request_id: unique("price"), ..price };
    let price = server.catalog().create_price(price).await.unwrap().into_inner().price.unwrap();
    let change = v1::UpdatePriceRequest {
        request_id: unique("change"),
        price: Some(v1::Price { nickname: "List price".to_owned(), active: false, ..price.clone() }),
        update_mask: mask(&["nickname", "active"]),
    };
    let changed = server.catalog().update_price(change).await.unwrap().into_inner().price.unwrap();
    assert_eq!((changed.nickname.as_str(), changed.active), ("List price", false));
    let change = v1::UpdatePriceRequest {
        request_id: unique("change"),
        price: Some(changed.clone()),
        update_mask: mask(&["unit_price"]),
    };
    let status = server.catalog().update_price(change).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["update_mask.paths[0]"]);
    let get = v1::GetPriceRequest { id: price.id.clone() };
    assert_eq!(server.catalog().get_price(get).await.unwrap().into_inner().price.unwrap(), changed);
    let item = stored_item(&price.id, 1);
    let link = v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        line_items: vec![item],
        ..v1::CreatePaymentLinkRequest::default()
    };
    let status = server.links().create_payment_link(link).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["line_items[0].price_id"]);
}

async fn tax_rates_change_by_mask_and_an_inactive_one_is_refused(db: Db) {
    let server = Server::start(db).await;
    let request = v1::CreateTaxRateRequest {
        request_id: unique("rate"),
        display_name: "VAT".to_owned(),
        percentage: "7.7".to_owned(),
        ..v1::CreateTaxRateRequest::default()
    };
    let rate = server.tax().create_tax_rate(request).await.unwrap().into_inner().tax_rate.unwrap();
    let change = v1::UpdateTaxRateRequest {
        request_id: unique("change"),
        tax_rate: Some(v1::TaxRate { display_name: "MWST".to_owned(), active: false, ..rate.clone() }),
        update_mask: mask(&["display_name", "active"]),
    };
    let changed = server.tax().update_tax_rate(change).await.unwrap().into_inner().tax_rate.unwrap();
    assert_eq!((changed.display_name.as_str(), changed.percentage.as_str(), changed.active), ("MWST", "7.7", false));
    let request = v1::ListTaxRatesRequest { active: Some(true), ..v1::ListTaxRatesRequest::default() };
    assert!(server.tax().list_tax_rates(request).await.unwrap().into_inner().tax_rates.is_empty());
    let manual = v1::ManualTax { tax_rate_ids: vec![rate.id] };
    let line = v1::TaxLine {
        amount: Some(sek_amount(100)),
        tax_behavior: v1::TaxBehavior::Exclusive as i32,
        tax: Some(v1::LineTax { treatment: Some(v1::line_tax::Treatment::Manual(manual)) }),
    };
    let request = v1::CalculateTaxRequest { lines: vec![line], ..v1::CalculateTaxRequest::default() };
    let status = server.tax().calculate_tax(request).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["lines[0].tax.manual.tax_rate_ids[0]"]);
}

async fn customers_change_by_mask(db: Db) {
    let server = Server::start(db).await;
    let request = v1::CreateCustomerRequest {
        request_id: unique("customer"),
        name: "Ada Lovelace".to_owned(),
        email: "ada@example.com".to_owned(),
        address: Some(v1::Address { country_code: "SE".to_owned(), ..v1::Address::default() }),
        tax_ids: vec!["SE556703748501".to_owned()],
        locale: "sv".to_owned(),
        ..v1::CreateCustomerRequest::default()
    };
    let customer = server.customers().create_customer(request).await.unwrap().into_inner().customer.unwrap();
    let change = v1::UpdateCustomerRequest {
        request_id: unique("change"),
        customer: Some(v1::Customer {
            id: customer.id.clone(),
            email: "countess@example.com".to_owned(),
            ..v1::Customer::default()
        }),
        update_mask: mask(&["email", "tax_ids", "locale"]),
    };
    let changed = server.customers().update_customer(change).await.unwrap().into_inner().customer.unwrap();
    assert_eq!((changed.name.as_str(), changed.email.as_str()), ("Ada Lovelace", "countess@example.com"));
    assert!(changed.address.is_some() && changed.tax_ids.is_empty() && changed.locale.is_empty());
    let bad = v1::UpdateCustomerRequest {
        request_id: String::new(),
        customer: Some(v1::Customer {
            id: customer.id.clone(),
            email: "nobody".to_owned(),
            address: Some(v1::Address { country_code: "XX1".to_owned(), ..v1::Address::default() }),
            ..v1::Customer::default()
        }),
        update_mask: mask(&["email", "address", "password"]),
    };
    let status = server.customers().update_customer(bad).await.unwrap_err();
    assert_eq!(
        error_parts(&status).2,
        ["request_id", "update_mask.paths[2]", "customer.email", "customer.address.country_code"]
    );
    let get = v1::GetCustomerRequest { id: customer.id };
    assert_eq!(server.customers().get_customer(get).await.unwrap().into_inner().customer.unwrap(), changed);
}

async fn providers_tell_what_they_can_do(db: Db) {
    let server = Server::start(db).await;
    let mut client = ProviderServiceClient::new(server.channel.clone());
    let names = client.list_providers(v1::ListProvidersRequest {}).await.unwrap().into_inner().providers;
    assert_eq!(names, ["stripe"]);
    let request = v1::GetCapabilitiesRequest { provider: names[0].clone() };
    let told_capabilities = client.get_capabilities(request).await.unwrap().into_inner().capabilities.unwrap();
    assert_eq!((told_capabilities.livemode, told_capabilities.line_items_max), (false, 20));
    assert!(["en", "sv"].iter().all(|locale| told_capabilities.locales.iter().any(|known| known == locale)));
    assert!(told_capabilities.features.iter().any(|feature| feature == "link_inactive_message"));
    let unknown = v1::GetCapabilitiesRequest { provider: "nobody".to_owned() };
    assert_eq!(client.get_capabilities(unknown).await.unwrap_err().code(), Code::NotFound);
}
