//! Sharing a link: its URL brings along what the page begins with, and what is asked of the URL in vain is refused.

use std::collections::BTreeMap;

use api_proto::v1;
use tonic::Code;

use crate::discounts::{code_of, coupon, percent, promotion_code};
use crate::harness::{Db, GOOD_CARD, Server, error_parts, eventually, http, item, minor, on_both_databases, unique};

on_both_databases!(
    a_shared_link_is_paid_and_its_reference_read_back,
    what_a_url_can_not_bring_is_refused_with_every_field,
    a_link_that_can_not_be_paid_is_not_shared,
);

async fn link(server: &Server, request: v1::CreatePaymentLinkRequest) -> v1::PaymentLink {
    let items = vec![item("Chair", 10_000, 1)];
    let request = v1::CreatePaymentLinkRequest { request_id: unique("link"), line_items: items, ..request };
    server.links().create_payment_link(request).await.unwrap().into_inner().payment_link.unwrap()
}

async fn share(
    server: &Server,
    request: v1::SharePaymentLinkRequest,
) -> Result<v1::SharePaymentLinkResponse, tonic::Status> {
    Ok(server.links().share_payment_link(request).await?.into_inner())
}

/// A coupon of 10 % with the code FALL.
async fn make_promotion_code(server: &Server) {
    let coupon = coupon(server, percent("10")).await;
    promotion_code(server, code_of(&coupon, "FALL")).await.unwrap();
}

/// What a browser would send of a page's text fields as they are.
fn fields(page: &str) -> BTreeMap<String, String> {
    let attribute = |tag: &str, name: &str| {
        tag.split_once(&format!(" {name}=\"")).map_or("", |(_, rest)| rest.split('"').next().unwrap()).to_owned()
    };
    let tags = page.split("<input").skip(1).map(|rest| rest.split_once('>').unwrap().0);
    let kept = tags.filter(|tag| !matches!(attribute(tag, "type").as_str(), "checkbox" | "radio" | "submit"));
    kept.map(|tag| (attribute(tag, "name"), attribute(tag, "value"))).collect()
}

/// The dark modules of a QR code that is drawn as SVG.
fn drawn(svg: &str) -> &str {
    svg.split_once(" d=\"").and_then(|(_, path)| path.split_once('"')).unwrap().0
}

/// The same of the QR code of a text, at the size at which links are shared.
fn drawn_as_code(text: &str) -> String {
    use qrcode::render::svg;
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M).unwrap();
    drawn(&code.render::<svg::Color<'_>>().min_dimensions(240, 240).build()).to_owned()
}

async fn a_shared_link_is_paid_and_its_reference_read_back(db: Db) {
    let server = Server::start(db).await;
    make_promotion_code(&server).await;
    let redirect = v1::Redirect { url: "https://shop.example.com/thanks?from=page".to_owned() };
    let request = v1::CreatePaymentLinkRequest {
        allow_promotion_codes: true,
        after_completion: Some(v1::AfterCompletion { kind: Some(v1::after_completion::Kind::Redirect(redirect)) }),
        ..Default::default()
    };
    let link = link(&server, request).await;
    let request = v1::SharePaymentLinkRequest {
        id: link.id.clone(),
        client_reference_id: "basket_7-B".to_owned(),
        locked_prefilled_email: "ada+shop@example.com".to_owned(),
        prefilled_promo_code: "FALL".to_owned(),
        locale: "sv".to_owned(),
        utm_source: "newsletter".to_owned(),
        utm_campaign: "fall-sale".to_owned(),
        ..Default::default()
    };
    let shared = share(&server, request).await.unwrap();
    let query = "client_reference_id=basket_7-B&locked_prefilled_email=ada%2Bshop%40example.com&prefilled_promo_code=FALL\
                 &locale=sv&utm_source=newsletter&utm_campaign=fall-sale";
    assert_eq!(shared.url, format!("{}?{query}", link.url));
    assert!(shared.qr_code_svg.contains("<title>") && shared.qr_code_svg.ends_with("</svg>"));
    assert_eq!(drawn(&shared.qr_code_svg), drawn_as_code(&shared.url), "the code is of another text");
    assert_ne!(drawn(&shared.qr_code_svg), drawn_as_code(&link.url));

    let visit = http().get(&shared.url).send().await.unwrap();
    let address = format!("{}{}", server.sandbox, visit.headers()["location"].to_str().unwrap());
    let page = http().get(&address).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<html lang=\"sv\"") && page.contains("90,00") && page.contains(" readonly "), "{page}");
    let mut form = fields(&page);
    assert_eq!(form["email"], "ada+shop@example.com");
    // Another address is sent than the page lets one enter.
    for (name, value) in [
        ("email", "eve@example.com"),
        ("name", "Ada Lovelace"),
        ("country", "SE"),
        ("card_number", GOOD_CARD),
        ("card_expiry", "12/34"),
        ("card_cvc", "123"),
    ] {
        form.insert(name.to_owned(), value.to_owned());
    }
    let paid = http().post(&address).form(&form).send().await.unwrap();
    assert_eq!(paid.status().as_u16(), 303);
    assert_eq!(
        paid.headers()["location"],
        "https://shop.example.com/thanks?from=page&utm_source=newsletter&utm_campaign=fall-sale"
    );
    let session = eventually(async || {
        let state = v1::CheckoutSessionState::Completed as i32;
        let request = v1::ListCheckoutSessionsRequest { payment_link_id: link.id.clone(), state, ..Default::default() };
        server.checkouts().list_checkout_sessions(request).await.unwrap().into_inner().checkout_sessions.pop()
    })
    .await;
    let collected = session.collected.unwrap();
    assert_eq!(collected.client_reference, "basket_7-B");
    assert_eq!(collected.customer.unwrap().email, "ada+shop@example.com");
    assert_eq!(collected.promotion_codes[0].code, "FALL");
    assert_eq!(minor(collected.amount_total.as_ref()), 9_000);

    // Where nothing is asked of it, the URL is the link's own; an address that is not locked may be changed.
    let plain =
        share(&server, v1::SharePaymentLinkRequest { id: link.id.clone(), ..Default::default() }).await.unwrap();
    assert_eq!(plain.url, link.url);
    let prefilled_email = "ada@example.com".to_owned();
    let request = v1::SharePaymentLinkRequest { id: link.id, prefilled_email, ..Default::default() };
    let visit = http().get(share(&server, request).await.unwrap().url).send().await.unwrap();
    let address = format!("{}{}", server.sandbox, visit.headers()["location"].to_str().unwrap());
    let page = http().get(&address).send().await.unwrap().text().await.unwrap();
    assert_eq!(fields(&page)["email"], "ada@example.com");
    assert!(!page.contains(" readonly "));
}

async fn what_a_url_can_not_bring_is_refused_with_every_field(db: Db) {
    let server = Server::start(db).await;
    let link = link(&server, v1::CreatePaymentLinkRequest::default()).await;
    let bad = v1::SharePaymentLinkRequest {
        id: link.id.clone(),
        client_reference_id: "basket 7".to_owned(),
        prefilled_email: "ada@example.com".to_owned(),
        locked_prefilled_email: "ada".to_owned(),
        prefilled_promo_code: "FALL".to_owned(),
        locale: "tlh".to_owned(),
        utm_medium: "e mail".to_owned(),
        ..Default::default()
    };
    let refused = error_parts(&share(&server, bad.clone()).await.unwrap_err());
    let (code, mut fields) = (refused.0, refused.2);
    fields.sort_unstable();
    let wanted = [
        "client_reference_id",
        "locale",
        "locked_prefilled_email",
        "locked_prefilled_email",
        "prefilled_promo_code",
        "utm_medium",
    ];
    assert_eq!((code, fields), (Code::InvalidArgument, wanted.map(str::to_owned).to_vec()));
    // Without a link to hold the rest against, what is bad for every link is told all the same.
    let (code, _, fields) =
        error_parts(&share(&server, v1::SharePaymentLinkRequest { id: "x".to_owned(), ..bad }).await.unwrap_err());
    let wanted = ["id", "client_reference_id", "locked_prefilled_email", "locked_prefilled_email", "utm_medium"];
    assert_eq!((code, fields), (Code::InvalidArgument, wanted.map(str::to_owned).to_vec()));
}

async fn a_link_that_can_not_be_paid_is_not_shared(db: Db) {
    let server = Server::start(db).await;
    let link = link(&server, v1::CreatePaymentLinkRequest::default()).await;
    let request = || v1::SharePaymentLinkRequest { id: link.id.clone(), ..Default::default() };
    assert_eq!(share(&server, request()).await.unwrap().url, link.url);
    let close = v1::DeactivatePaymentLinkRequest { request_id: unique("close"), id: link.id.clone() };
    server.links().deactivate_payment_link(close).await.unwrap();
    let (code, reason, fields) = error_parts(&share(&server, request()).await.unwrap_err());
    assert_eq!((code, reason.as_str(), fields.len()), (Code::FailedPrecondition, "PAYMENT_LINK_STATE", 0));
    let id = "plink_0193a5c2e8b27c3a9f0e1d2c3b4a5968".to_owned();
    let unknown = v1::SharePaymentLinkRequest { id, ..Default::default() };
    assert_eq!(share(&server, unknown).await.unwrap_err().code(), Code::NotFound);
}
