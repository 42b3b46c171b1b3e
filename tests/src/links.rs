//! Links for items: what they can do, and how they change.

use api_proto::v1;
use tonic::Code;

use crate::harness::{
    Db, GOOD_CARD, Server, error_parts, eventually, http, item, mask, minor, on_both_databases, sek, stored_item,
    unique,
};

on_both_databases!(
    a_link_is_updated_closed_with_its_message_and_opened_again,
    a_link_closes_after_its_limit_of_completed_sessions,
    links_are_listed_by_state_invoice_and_metadata_page_by_page,
    a_stored_price_is_sold_by_a_link,
    an_expired_link_closes_before_the_time_told,
    a_link_closed_at_the_provider_is_closed_here,
    the_page_ends_as_the_link_says,
    kinds_of_products_reach_the_provider_by_its_codes,
);

fn request(items: Vec<v1::LineItemInput>) -> v1::CreatePaymentLinkRequest {
    v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        line_items: items,
        ..v1::CreatePaymentLinkRequest::default()
    }
}

async fn create(server: &Server, request: v1::CreatePaymentLinkRequest) -> v1::PaymentLink {
    server.links().create_payment_link(request).await.unwrap().into_inner().payment_link.unwrap()
}

async fn items(server: &Server, link: &v1::PaymentLink) -> Vec<v1::LineItem> {
    let request = v1::ListPaymentLinkLineItemsRequest { payment_link_id: link.id.clone(), ..Default::default() };
    server.links().list_payment_link_line_items(request).await.unwrap().into_inner().line_items
}

async fn a_link_is_updated_closed_with_its_message_and_opened_again(db: Db) {
    let server = Server::start(db).await;
    let metadata = [("order".to_owned(), "1".to_owned()), ("shop".to_owned(), "a".to_owned())].into();
    let link = create(
        &server,
        v1::CreatePaymentLinkRequest { metadata, ..request(vec![item("T-shirt", 10_000, 2), item("Mug", 5_000, 1)]) },
    )
    .await;
    assert_eq!(minor(link.amount.as_ref()), 25_000);
    let shirt = items(&server, &link).await[0].clone();
    assert_eq!((shirt.name.as_str(), shirt.quantity, minor(shirt.amount_total.as_ref())), ("T-shirt", 2, 20_000));

    let paths = ["inactive_message", "line_items", "metadata.order", "metadata.shop"].map(str::to_owned).to_vec();
    let change = v1::UpdatePaymentLinkRequest {
        request_id: unique("update"),
        payment_link: Some(v1::PaymentLink {
            id: link.id.clone(),
            etag: link.etag.clone(),
            inactive_message: "Sold out <for now>".to_owned(),
            metadata: [("order".to_owned(), "2".to_owned())].into(),
            line_items: vec![v1::LineItem { id: shirt.id.clone(), quantity: 3, ..v1::LineItem::default() }],
            ..v1::PaymentLink::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths }),
    };
    let changed = server.links().update_payment_link(change.clone()).await.unwrap().into_inner().payment_link.unwrap();
    assert_eq!(
        (minor(changed.amount.as_ref()), changed.metadata),
        (35_000, [("order".to_owned(), "2".to_owned())].into())
    );
    let stale = v1::UpdatePaymentLinkRequest { request_id: unique("update"), ..change };
    let status = server.links().update_payment_link(stale).await.unwrap_err();
    assert_eq!((error_parts(&status).0, error_parts(&status).1.as_str()), (Code::Aborted, "ETAG_MISMATCH"));

    let close = v1::DeactivatePaymentLinkRequest { request_id: unique("close"), id: link.id.clone() };
    let closed = server.links().deactivate_payment_link(close).await.unwrap().into_inner().payment_link.unwrap();
    assert_eq!((closed.state(), closed.active), (v1::PaymentLinkState::Inactive, false));
    let page = http().get(&link.url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Sold out &lt;for now&gt;"), "{page}");

    let open = v1::ActivatePaymentLinkRequest { request_id: unique("open"), id: link.id.clone() };
    let opened = server.links().activate_payment_link(open).await.unwrap().into_inner().payment_link.unwrap();
    assert_eq!(opened.state(), v1::PaymentLinkState::Active);
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    let paid = eventually(async || {
        let request =
            v1::ListPaymentsRequest { payment_link_id: link.id.clone(), ..v1::ListPaymentsRequest::default() };
        server.payments().list_payments(request).await.unwrap().into_inner().payments.pop()
    })
    .await;
    assert_eq!(minor(paid.received.as_ref()), 35_000);
}

async fn a_link_closes_after_its_limit_of_completed_sessions(db: Db) {
    let server = Server::start(db).await;
    let restrictions = Some(v1::Restrictions { completed_sessions_limit: 2 });
    let link =
        create(&server, v1::CreatePaymentLinkRequest { restrictions, ..request(vec![item("Ticket", 10_000, 1)]) })
            .await;
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 410);
    let closed = server.wait_for_link(&link.id, v1::PaymentLinkState::Inactive).await;
    assert_eq!((closed.close_reason(), closed.completed_sessions), (v1::CloseReason::Completed, 2));
}

async fn links_are_listed_by_state_invoice_and_metadata_page_by_page(db: Db) {
    let server = Server::start(db).await;
    let list = async |request: v1::ListPaymentLinksRequest| {
        server.links().list_payment_links(request).await.unwrap().into_inner()
    };
    assert!(list(v1::ListPaymentLinksRequest::default()).await.payment_links.is_empty());
    let mut made = Vec::new();
    for index in 0..5 {
        let metadata = [("parity".to_owned(), (index % 2).to_string())].into();
        made.push(
            create(&server, v1::CreatePaymentLinkRequest { metadata, ..request(vec![item("Thing", 10_000, 1)]) })
                .await
                .id,
        );
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(v1::ListPaymentLinksRequest { page_size: 2, page_token: token, ..Default::default() }).await;
        seen.extend(page.payment_links.into_iter().map(|link| link.id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    made.reverse();
    assert_eq!(seen, made);
    let odd = v1::ListPaymentLinksRequest {
        metadata_key: "parity".to_owned(),
        metadata_value: "1".to_owned(),
        ..Default::default()
    };
    assert_eq!(list(odd).await.payment_links.len(), 2);
    let invoice = server.open_invoice(10_000).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    let of_invoice =
        list(v1::ListPaymentLinksRequest { invoice_id: invoice.id, ..Default::default() }).await.payment_links;
    assert_eq!(of_invoice.iter().map(|link| &link.id).collect::<Vec<_>>(), [&link.id]);
    assert_eq!(
        list(v1::ListPaymentLinksRequest { active: Some(false), ..Default::default() }).await.payment_links.len(),
        0
    );
}

async fn a_stored_price_is_sold_by_a_link(db: Db) {
    let server = Server::start(db).await;
    let product =
        v1::CreateProductRequest { request_id: unique("product"), name: "Book".to_owned(), ..Default::default() };
    let product = server.catalog().create_product(product).await.unwrap().into_inner().product.unwrap();
    let price = v1::CreatePriceRequest {
        request_id: unique("price"),
        product_id: product.id,
        unit_price: Some(sek(19_900)),
        tax_behavior: v1::TaxBehavior::Inclusive as i32,
        ..Default::default()
    };
    let price = server.catalog().create_price(price).await.unwrap().into_inner().price.unwrap();
    let named = stored_item(&price.id, 2);
    let link = create(&server, request(vec![named])).await;
    let item = items(&server, &link).await[0].clone();
    let sold = (item.name.as_str(), item.price_id.as_str(), minor(item.amount_total.as_ref()));
    assert_eq!(sold, ("Book", price.id.as_str(), 39_800));
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    let bought = eventually(async || {
        let request = v1::ListCheckoutSessionsRequest { payment_link_id: link.id.clone(), ..Default::default() };
        let sessions = server.checkouts().list_checkout_sessions(request).await.unwrap().into_inner();
        sessions.checkout_sessions.into_iter().find_map(|session| session.collected)
    })
    .await;
    assert_eq!(bought.items[0].price_id, price.id, "what was bought names the stored price");
}

async fn an_expired_link_closes_before_the_time_told(db: Db) {
    let server = Server::start(db).await;
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let expires_at = i64::try_from(now.as_secs()).unwrap() + 75;
    let expire_time = Some(prost_types::Timestamp { seconds: expires_at, nanos: 0 });
    let link =
        create(&server, v1::CreatePaymentLinkRequest { expire_time, ..request(vec![item("Ticket", 10_000, 1)]) }).await;
    let closed = eventually_within(90, async || {
        Some(server.link(&link.id).await).filter(|link| link.state() == v1::PaymentLinkState::Inactive)
    })
    .await;
    assert_eq!(closed.close_reason(), v1::CloseReason::Expired);
    let closed_at = closed.update_time.unwrap().seconds;
    assert!(closed_at <= expires_at, "closed at {closed_at}, expires at {expires_at}");
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 410);
}

/// Like `eventually`, for what is known to take longer.
async fn eventually_within<T>(seconds: u64, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = std::time::Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed().as_secs() < seconds, "it did not come in time");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

async fn a_link_closed_at_the_provider_is_closed_here(db: Db) {
    let server = Server::start(db).await;
    let link = create(&server, request(vec![item("Ticket", 10_000, 1)])).await;
    let visit = http().get(&link.url).send().await.unwrap().headers()["location"].to_str().unwrap().to_owned();
    let visit = reqwest::Url::parse(&link.url).unwrap().join(&visit).unwrap();
    let url = format!("{}/v1/payment_links/{}", server.sandbox, link.provider_ref);
    let answer =
        http().post(url).bearer_auth("sk_test_paylinks_sandbox").form(&[("active", "false")]).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let closed = server.wait_for_link(&link.id, v1::PaymentLinkState::Inactive).await;
    assert_eq!(closed.close_reason(), v1::CloseReason::AtProvider);
    assert_eq!(server.pay(visit.as_str(), GOOD_CARD).await, 410, "a visitor of before can't pay either");
}

async fn the_page_ends_as_the_link_says(db: Db) {
    let server = Server::start(db).await;
    let confirmation = v1::HostedConfirmation { custom_message: "See you on <Monday>".to_owned() };
    let after_completion =
        Some(v1::AfterCompletion { kind: Some(v1::after_completion::Kind::HostedConfirmation(confirmation)) });
    let link =
        create(&server, v1::CreatePaymentLinkRequest { after_completion, ..request(vec![item("Ticket", 10_000, 1)]) })
            .await;
    let (_, confirmation) = pay_by_form(&link.url).await;
    let thanks = http().get(confirmation).send().await.unwrap().text().await.unwrap();
    assert!(thanks.contains("See you on &lt;Monday&gt;"), "{thanks}");

    let redirect = v1::Redirect { url: "https://shop.example.com/thanks?from=link".to_owned() };
    let change = v1::UpdatePaymentLinkRequest {
        request_id: unique("update"),
        payment_link: Some(v1::PaymentLink {
            id: link.id.clone(),
            after_completion: Some(v1::AfterCompletion {
                kind: Some(v1::after_completion::Kind::Redirect(redirect.clone())),
            }),
            ..v1::PaymentLink::default()
        }),
        update_mask: mask(&["after_completion"]),
    };
    server.links().update_payment_link(change).await.unwrap();
    assert_eq!(pay_by_form(&link.url).await, (303, redirect.url));
}

/// Opens a link as a browser does, fills in its page and sends it; answers the status and where it leads.
async fn pay_by_form(url: &str) -> (u16, String) {
    let opened = http().get(url).send().await.unwrap();
    let session = match opened.headers().get("location") {
        Some(location) => opened.url().join(location.to_str().unwrap()).unwrap(),
        None => opened.url().clone(),
    };
    let page = http().get(session.clone()).send().await.unwrap().text().await.unwrap();
    let token = page.split_once("name=\"token\" value=\"").unwrap().1.split_once('"').unwrap().0;
    let form = [
        ("token", token),
        ("email", "ada@example.com"),
        ("card_number", GOOD_CARD),
        ("card_expiry", "12/34"),
        ("card_cvc", "123"),
        ("name", "Ada Lovelace"),
        ("country", "SE"),
    ];
    let answer = http().post(session).form(&form).send().await.unwrap();
    let location = answer.headers()["location"].to_str().unwrap();
    (answer.status().as_u16(), answer.url().join(location).unwrap().to_string())
}

async fn kinds_of_products_reach_the_provider_by_its_codes(db: Db) {
    let server = Server::start(db).await;
    let product = |tax_code: &str| v1::CreateProductRequest {
        request_id: unique("product"),
        name: "Thing".to_owned(),
        tax_code: tax_code.to_owned(),
        ..Default::default()
    };
    let mut stored = Vec::new();
    for tax_code in ["book", "accommodation"] {
        let product = server.catalog().create_product(product(tax_code)).await.unwrap().into_inner().product.unwrap();
        let price = v1::CreatePriceRequest {
            request_id: unique("price"),
            product_id: product.id,
            unit_price: Some(sek(10_000)),
            tax_behavior: v1::TaxBehavior::Inclusive as i32,
            ..Default::default()
        };
        stored.push(server.catalog().create_price(price).await.unwrap().into_inner().price.unwrap().id);
    }
    let inline = |tax_code: &str| {
        let mut inline = item("Download", 5_000, 1);
        if let Some(v1::line_item_input::Price::PriceData(data)) = &mut inline.price {
            data.tax_code = tax_code.to_owned();
        }
        inline
    };
    let sold = |items: Vec<v1::LineItemInput>, is_taxed: bool| v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        line_items: items,
        automatic_tax: is_taxed.then(v1::ProviderTax::default),
        ..Default::default()
    };
    let link = create(&server, sold(vec![inline("ebook"), stored_item(&stored[0], 1)], true)).await;
    assert_eq!(items(&server, &link).await[0].tax_code, "ebook", "here it keeps the name that it was given");
    let path = "/line_items?expand[]=data.price.product";
    let url = format!("{}/v1/payment_links/{}{path}", server.sandbox, link.provider_ref);
    let there: serde_json::Value =
        http().get(url).bearer_auth("sk_test_paylinks_sandbox").send().await.unwrap().json().await.unwrap();
    let codes = ["/data/0", "/data/1"].map(|at| there.pointer(&format!("{at}/price/product/tax_code")).unwrap());
    assert_eq!(codes, ["txcd_10302000", "txcd_35010000"]);

    // What the provider has no code for it can't tax, and can sell untaxed.
    let before = server.all_changes().await;
    let unknown = sold(vec![inline("ebook"), stored_item(&stored[1], 1)], true);
    let refused = error_parts(&server.links().create_payment_link(unknown).await.unwrap_err());
    let rejected = |field: &str| (Code::FailedPrecondition, "PROVIDER_REJECTED".to_owned(), vec![field.to_owned()]);
    assert_eq!(refused, rejected("line_items[1]"));
    assert_eq!(server.all_changes().await, before, "the provider was not asked");
    let link = create(&server, sold(vec![inline("ebook"), stored_item(&stored[1], 1)], false)).await;
    let request = v1::UpdatePaymentLinkRequest {
        request_id: unique("update"),
        payment_link: Some(v1::PaymentLink {
            id: link.id.clone(),
            automatic_tax: Some(v1::ProviderTax::default()),
            ..Default::default()
        }),
        update_mask: mask(&["automatic_tax"]),
    };
    let refused = error_parts(&server.links().update_payment_link(request).await.unwrap_err());
    assert_eq!(refused, rejected("payment_link.line_items[1]"));
    assert_eq!(server.link(&link.id).await.automatic_tax, None);
}
